"""Inputs for which kernels are not compiled again."""

import joblib
import numpy as np
import pytest
from scipy import sparse

from skreg import MLPClassifier, MLPRegressor
from skreg._kernels import mlp, mlp_scores
from tests.mlp.test_estimators import classification, regression
from tests.mlp.test_estimators_training import same_weights

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
KERNELS = (mlp.train_batches, mlp.batch_gradient, mlp.predict_batch, mlp_scores.summed_loss)


def n_variants():
    return [len(kernel.signatures) for kernel in KERNELS]


def mapped(values, folder):
    """The same from a file, read-only, as workers of joblib get it."""
    joblib.dump(values, folder / "values")
    return joblib.load(folder / "values", mmap_mode="r")


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_memory_maps_are_trained_on_as_other_arrays(cls, container, solver, tmp_path):
    X, y = classification() if cls is MLPClassifier else regression()
    settings = {"solver": solver, "early_stopping": True, "max_iter": 3, "random_state": 0}
    data = {"X": container(X), "y": y, "sample_weight": np.arange(1.0, len(y) + 1.0)}
    model = cls(**settings).fit(**data)
    predicted, before = model.predict(data["X"]), n_variants()
    frozen = mapped(data, tmp_path)
    other = cls(**settings).fit(**frozen)
    same_weights(model, other)
    np.testing.assert_array_equal(other.predict(frozen["X"]), predicted)
    assert n_variants() == before


def test_a_memory_mapped_model_predicts_as_another(tmp_path):
    X, y = regression()
    model = MLPRegressor(max_iter=3, dropout=0.2, warm_start=True).fit(X, y)
    predicted, drawn = model.predict(X), model.sample_predictions(X, 3)
    before = n_variants()
    loaded = mapped(model, tmp_path)
    assert not loaded._params.flags.writeable
    np.testing.assert_array_equal(loaded.predict(X), predicted)
    np.testing.assert_array_equal(loaded.sample_predictions(X, 3), drawn)
    same_weights(loaded.fit(X, y), model.fit(X, y))
    assert n_variants() == before
