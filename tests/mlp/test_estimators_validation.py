"""Rows to validate on, in fit and in every call of partial_fit."""

import copy
import pickle

import numpy as np
import pytest

from skreg import MLPClassifier, MLPRegressor
from tests.mlp.test_estimators import classification, regression
from tests.mlp.test_estimators_training import PATIENT, RANDOM, same_weights

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def halves(X, y):
    """Rows to train on, and those to validate on by their names in fit."""
    return (X[::2], y[::2]), {"X_val": X[1::2], "y_val": y[1::2]}


@pytest.mark.parametrize("scoring", [None, "accuracy"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_partial_fit_validates_as_fit(early_stopping, scoring):
    X, y = classification(n_samples=120)
    rows, validation = halves(X, y)
    validation["sample_weight_val"] = np.arange(1.0, 61.0)
    settings = {**PATIENT, **RANDOM, "early_stopping": early_stopping, "scoring": scoring}
    settings |= {"learning_rate_init": 0.05}
    whole = MLPClassifier(max_iter=12, **settings).fit(*rows, **validation)
    part = MLPClassifier(**settings)
    for epoch in range(12):
        part.partial_fit(*rows, classes=[0, 1, 2], **validation)
        part = copy.deepcopy(part) if epoch % 2 else pickle.loads(pickle.dumps(part))
    same_weights(part, whole)
    assert part.history_ == whole.history_
    assert part.validation_scores_ == whole.validation_scores_
    assert part.best_epoch_ == whole.best_epoch_
    assert len(part.history_["validation_loss"]) == 12


def test_partial_fit_trains_on_all_rows_given():
    X, y = regression()
    rows, validation = halves(X, y)
    settings = {"early_stopping": True, "random_state": 0}
    model = MLPRegressor(**settings).partial_fit(*rows, **validation)
    assert model.t_ == len(rows[0])
    assert MLPRegressor(**settings).partial_fit(*rows).t_ == len(rows[0]) - 3


def test_best_weights_of_all_calls_are_kept():
    X, y = regression()
    rows, validation = halves(X, y)
    model = MLPRegressor(early_stopping=True, random_state=0)
    model.set_params(learning_rate_init=0.05, alpha=0.0)
    for _ in range(60):
        model.partial_fit(*rows, **validation)
    losses = model.history_["validation_loss"]
    assert model.best_epoch_ == 1 + int(np.argmin(losses)) < 60
    residual = model.predict(validation["X_val"]) - validation["y_val"]
    assert 0.5 * np.mean(residual**2) == pytest.approx(min(losses))


def test_epochs_without_validation_are_nan_in_the_history():
    X, y = regression()
    rows, validation = halves(X, y)
    model = MLPRegressor(random_state=0)
    for epoch in range(7):
        model.partial_fit(*rows, **(validation if epoch in (1, 4) else {}))
    losses = np.array(model.history_["validation_loss"])
    np.testing.assert_array_equal(np.flatnonzero(np.isfinite(losses)), [1, 4])
    assert len(losses) == 5
    assert len(model.history_["loss"]) == 7
    assert len(model.validation_scores_) == 2
    assert model.best_validation_score_ == max(model.validation_scores_)


@pytest.mark.parametrize(
    ("change", "is_given"),
    [({"scoring": "r2"}, True), ({"early_stopping": False}, True), ({}, False)],
)
def test_another_number_to_follow_begins_anew(change, is_given):
    X, y = regression()
    rows, validation = halves(X, y)
    model = MLPRegressor(early_stopping=True, random_state=0)
    for _ in range(5):
        model.partial_fit(*rows, **validation)
    model.set_params(**change).partial_fit(*rows, **(validation if is_given else {}))
    assert model.best_epoch_ == 6


def largest_error(model, X, y):
    return -np.abs(model.predict(X) - y).max()


@pytest.mark.parametrize("scoring", [largest_error, "neg_max_error", "v_measure_score"])
def test_scorers_need_not_know_of_weights(scoring):
    X, y = classification()
    rows, validation = halves(X, y)
    kind = MLPRegressor if scoring != "v_measure_score" else MLPClassifier
    model = kind(early_stopping=True, scoring=scoring, max_iter=3, random_state=0)
    model.fit(*rows, **validation, sample_weight=np.arange(1.0, 46.0))
    assert np.isfinite(model.validation_scores_).all()
    with pytest.raises(TypeError, match="does not take the sample_weight of the rows"):
        model.fit(*rows, **validation, sample_weight_val=np.arange(1.0, 46.0))


def test_scorers_get_weights_if_there_are_any():
    X, y = classification()
    rows, validation = halves(X, y)
    weight = np.arange(45) % 3
    settings = {"early_stopping": True, "scoring": "accuracy", "random_state": 0}
    model = MLPClassifier(max_iter=5, **settings)
    model.fit(*rows, **validation, sample_weight_val=weight)
    names = ("X_val", "y_val")
    repeated = {name: np.repeat(validation[name], weight, axis=0) for name in names}
    other = MLPClassifier(max_iter=5, **settings).fit(*rows, **repeated)
    np.testing.assert_allclose(model.validation_scores_, other.validation_scores_)


def test_class_weights_are_those_of_rows_to_validate_on_too():
    X, y = classification()
    rows, validation = halves(X, y)
    factors = np.array([2.0, 1.0, 0.5])
    settings = {"early_stopping": True, "random_state": 0, "max_iter": 5}
    model = MLPClassifier(class_weight=dict(enumerate(factors)), **settings)
    model.fit(*rows, **validation)
    other = MLPClassifier(**settings).fit(
        *rows,
        factors[rows[1]],
        **validation,
        sample_weight_val=factors[validation["y_val"]],
    )
    assert model.history_["validation_loss"] == other.history_["validation_loss"]


def test_counts_to_validate_on_may_all_be_zero():
    X, y = regression()
    model = MLPRegressor("poisson", early_stopping=True, max_iter=2, random_state=0)
    model.fit(X, np.abs(y), X_val=X[:5], y_val=np.zeros(5))
    assert np.isfinite(model.history_["validation_loss"]).all()


def test_refused_validation_in_partial_fit():
    X, y = classification()
    first = {"classes": [0, 1, 2]}
    model = MLPClassifier(early_stopping=True)
    with pytest.raises(ValueError, match="got X_val alone"):
        model.partial_fit(X, y, X_val=X, **first)
    with pytest.raises(ValueError, match="got y_val alone"):
        model.partial_fit(X, y, y_val=y, **first)
    with pytest.raises(ValueError, match="got sample_weight_val alone"):
        model.partial_fit(X, y, sample_weight_val=np.ones(len(y)), **first)
    with pytest.raises(ValueError, match="X has 2 features, but MLPClassifier is expect"):
        model.partial_fit(X, y, X_val=X[:, :2], y_val=y, **first)
    with pytest.raises(ValueError, match="`y_val` has classes not in"):
        model.partial_fit(X, y, X_val=X, y_val=y + 1, **first)
    assert not hasattr(model, "coefs_")
    model.partial_fit(X, y, X_val=X, y_val=y, **first)
    before = copy.deepcopy(model)
    with pytest.raises(ValueError, match="Found input variables with inconsistent"):
        model.partial_fit(X, y, X_val=X, y_val=y[:-1])
    same_weights(model, before)
