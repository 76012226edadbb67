"""scikit-learn's contract for estimators holds in every setting, without exceptions."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from tests.contracts.estimators import CASES, OWN_CASES


def bound_to_leave_one_out(case):
    """The weight checks set `cv`, which is refused beside this."""
    return case.settings.get("store_cv_results", False)


@pytest.mark.filterwarnings("ignore:With alpha=0:UserWarning")
@pytest.mark.filterwarnings("ignore:The 'svd' mode:FutureWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(
    [case.make() for case in CASES + OWN_CASES if not bound_to_leave_one_out(case)]
)
def test_estimator_check(estimator, check):
    check(estimator)
