"""What does not depend on the threads of BLAS."""

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController

from skreg import MLPClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def trained(n_threads, dtype, solver):
    """A network whose products are large enough for BLAS to share (80 million terms)."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(500, 784)).astype(dtype), rng.integers(0, 10, 500)
    model = MLPClassifier((512,), solver=solver, dropout=0.2, batch_size=200, max_iter=5)
    controller = ThreadpoolController()
    with controller.limit(limits=n_threads):
        assert {pool["num_threads"] for pool in controller.info()} <= {n_threads}
        return model.set_params(random_state=0).fit(X, y)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize(("dtype", "atol"), [(np.float32, 1e-4), (np.float64, 1e-9)])
def test_loss_curves_agree_for_any_number_of_threads(dtype, atol, solver):
    one, two = (trained(n_threads, dtype, solver) for n_threads in (1, 2))
    assert len(one.loss_curve_) == 5
    np.testing.assert_allclose(one.loss_curve_, two.loss_curve_, rtol=0.0, atol=atol)


def test_one_thread_gives_the_same_bits():
    one, again = (trained(1, np.float32, "adam") for _ in range(2))
    for ours, theirs in zip(one.coefs_, again.coefs_, strict=True):
        np.testing.assert_array_equal(ours, theirs)
