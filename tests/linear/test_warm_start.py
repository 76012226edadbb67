"""A warm start changes where a fit begins, not where it ends."""

import numpy as np
import pytest
from sklearn.base import clone

from skreg import ElasticNet, Lasso, MultiTaskLasso
from tests.contracts.estimators import make_data


@pytest.mark.parametrize("shape", [(60, 10), (30, 90)])
@pytest.mark.parametrize("model", [Lasso(), ElasticNet(l1_ratio=0.8), MultiTaskLasso()])
def test_a_neighbouring_solution_is_not_taken_for_the_solution(model, shape):
    """It is within the default tol, but the fit is exact all the same."""
    model = clone(model)
    X, y = make_data(*shape, n_targets=2 if isinstance(model, MultiTaskLasso) else None)
    model.set_params(warm_start=True, alpha=1.0).fit(X, y)
    model.set_params(alpha=1.0 + 1e-6).fit(X, y)
    assert model.relative_gap_ <= 1e-12
    cold = type(model)(**model.get_params()).set_params(warm_start=False).fit(X, y)
    np.testing.assert_allclose(model.coef_, cold.coef_, rtol=1e-8, atol=1e-10)


def test_the_same_fit_again_needs_nothing():
    X, y = make_data(60, 10)
    model = Lasso(alpha=0.5, warm_start=True).fit(X, y)
    coef = model.coef_.copy()
    assert model.fit(X, y).n_iter_ <= 1
    np.testing.assert_array_equal(model.coef_, coef)
