"""The way to the weights: continued, weighted, stopped and interrupted training."""

import copy
import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

import skreg.mlp._estimators as estimators
from skreg import MLPClassifier, MLPRegressor
from skreg.mlp._early_stopping import refit_epochs
from skreg.mlp._schedules import Schedule, batch_rates
from tests.mlp.test_estimators import EXACT, classification, regression

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
RANDOM = {"dropout": 0.3, "input_dropout": 0.1, "mixup": 0.2, "average_decay": 0.9}
PATIENT = {"n_iter_no_change": np.inf, "random_state": 0, "batch_size": 16}


def same_weights(one, other):
    for ours, theirs in zip(
        one.coefs_ + one.intercepts_, other.coefs_ + other.intercepts_, strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("solver", ["sgd", "adam", "rmsprop"])
@pytest.mark.parametrize("learning_rate", ["constant", "invscaling", "adaptive", "step"])
def test_warm_start_continues_bit_for_bit(solver, learning_rate):
    X, y = classification()
    settings = {**PATIENT, **RANDOM, "solver": solver, "learning_rate": learning_rate}
    settings |= {"hidden_layer_sizes": (7,), "step_every": 3}
    whole = MLPClassifier(max_iter=10, **settings).fit(X, y)
    part = MLPClassifier(max_iter=5, warm_start=True, **settings).fit(X, y)
    part = pickle.loads(pickle.dumps(part))
    part.fit(X, y)
    same_weights(part, whole)
    assert part.loss_curve_ == whole.loss_curve_
    assert part.t_ == whole.t_


@pytest.mark.parametrize("early_stopping", [False, True])
def test_partial_fit_is_fit_by_epochs(early_stopping):
    X, y = classification()
    settings = {**PATIENT, **RANDOM, "early_stopping": early_stopping}
    whole = MLPClassifier(max_iter=8, **settings).fit(X, y)
    part = MLPClassifier(**settings)
    for epoch in range(8):
        part.partial_fit(X, y, classes=[0, 1, 2] if epoch == 0 else None)
        part = copy.deepcopy(part) if epoch % 2 else pickle.loads(pickle.dumps(part))
    same_weights(part, whole)
    assert part.validation_scores_ == whole.validation_scores_
    assert part.n_iter_ == 1


def test_training_goes_on_in_another_precision_if_asked_for():
    X, y = regression()
    model = MLPRegressor(max_iter=3, random_state=0, warm_start=True).fit(X, y)
    double = copy.deepcopy(model).fit(X.astype(np.float32), y)
    assert double.coefs_[0].dtype == np.float64
    single = copy.deepcopy(model).set_params(dtype="float32").fit(X, y)
    assert single.coefs_[0].dtype == np.float32
    np.testing.assert_allclose(single.predict(X), double.predict(X), atol=1e-4)


@pytest.mark.parametrize("step", ["fit", "partial_fit"])
def test_what_is_continued_stays_as_it_was(step):
    X, y = regression()
    model = MLPRegressor(max_iter=3, random_state=0, warm_start=True).fit(X, y)
    other, coefs, n_epochs = copy.copy(model), model.coefs_, len(model.loss_curve_)
    before = coefs[0].copy()
    getattr(other, step)(X, y)
    np.testing.assert_array_equal(coefs[0], before)
    assert len(model.loss_curve_) == n_epochs < len(other.loss_curve_)


def test_dropout_of_rate_zero_is_no_dropout():
    X, y = regression()
    without = MLPRegressor(max_iter=5, random_state=0).fit(X, y)
    zero = MLPRegressor(max_iter=5, random_state=0, dropout=[0.0], input_dropout=0.0)
    same_weights(zero.fit(X, y), without)


@pytest.mark.parametrize("settings", [EXACT, {"max_iter": 30, "batch_size": 200}])
@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_weights_are_repetition(cls, settings):
    X, y = classification(n_samples=60)
    weight = np.random.default_rng(0).integers(1, 4, len(y))
    X_long, y_long = np.repeat(X, weight, axis=0), np.repeat(y, weight)
    settings = {"hidden_layer_sizes": (4,), "activation": "tanh", "alpha": 4.0, **settings}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        weighted = cls(random_state=0, **settings).fit(X, y, sample_weight=weight)
        repeated = cls(random_state=0, **settings).fit(X_long, y_long)
    np.testing.assert_allclose(weighted.loss_, repeated.loss_, rtol=1e-9)
    atol = 1e-7 if "batch_size" in settings else 1e-4  # by L-BFGS: a flat minimum
    for ours, theirs in zip(weighted.coefs_, repeated.coefs_, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=atol)


@pytest.mark.parametrize(
    "settings",
    [{"early_stopping": True}, {**RANDOM, "batch_size": 7}, {"solver": "lbfgs"}],
)
@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_rows_of_weight_zero_are_absent(cls, settings):
    X, y = classification()
    weight = np.random.default_rng(0).integers(0, 3, len(y)).astype(float)
    there = weight > 0.0
    y[~there] = 7
    given = cls(max_iter=10, random_state=0, **settings).fit(X, y, weight)
    absent = cls(max_iter=10, random_state=0, **settings)
    same_weights(given, absent.fit(X[there], y[there], weight[there]))
    assert 7 not in getattr(given, "classes_", [])


def test_a_batch_without_weight_is_no_crash():
    X, y = regression()
    weight = np.full(len(y), 1e-150)
    weight[0] = 1.0
    model = MLPRegressor(batch_size=4, max_iter=5, random_state=0)
    assert np.isfinite(model.fit(X, y, sample_weight=weight).loss_)


def test_class_weights_are_sample_weights():
    X, y = classification()
    settings = {"hidden_layer_sizes": (4,), "max_iter": 20, "random_state": 0}
    factors = {0: 2.0, 2: 0.5}
    weight = np.array([2.0, 1.0, 0.5])[y]
    given = MLPClassifier(class_weight=factors, **settings).fit(X, y)
    same_weights(given, MLPClassifier(**settings).fit(X, y, sample_weight=weight))


def test_balanced_counts_weights():
    X, y = classification()
    weight = np.array([1.0, 2.0, 3.0])[y]
    settings = {"hidden_layer_sizes": (4,), "max_iter": 20, "random_state": 0}
    balanced = MLPClassifier(class_weight="balanced", **settings)
    weighted = balanced.fit(X, y, sample_weight=weight).predict_proba(X)
    alike = MLPClassifier(**settings).fit(X, y, np.full(len(y), 2.0)).predict_proba(X)
    np.testing.assert_allclose(weighted, alike, rtol=1e-9)


def test_balanced_labels_multiply():
    X, _ = classification()
    Y = np.column_stack([np.arange(90) % 3 == 0, np.arange(90) % 2 == 0]).astype(int)
    settings = {"hidden_layer_sizes": (4,), "max_iter": 20, "random_state": 0}
    weight = np.where(Y[:, 0], 1.5, 0.75)
    balanced = MLPClassifier(class_weight="balanced", **settings).fit(X, Y)
    given = MLPClassifier(**settings).fit(X, Y, sample_weight=weight)
    np.testing.assert_allclose(balanced.predict_proba(X), given.predict_proba(X))


@pytest.mark.parametrize("scoring", [None, "accuracy", "neg_log_loss"])
def test_early_stopping_restores_the_best_weights(scoring):
    X, y = load_digits(return_X_y=True)
    X, y = X[:300] / 16.0, y[:300]
    model = MLPClassifier(
        early_stopping=True,
        scoring=scoring,
        learning_rate_init=0.02,
        random_state=0,
        validation_fraction=0.3,
        n_iter_no_change=5,
    ).fit(X[:200], y[:200], X_val=X[200:], y_val=y[200:])
    history = model.history_
    assert model.n_iter_ == len(history["validation_loss"]) < model.max_iter
    proba = model.predict_proba(X[200:])
    loss = -np.mean(np.log(proba[np.arange(100), y[200:]]))
    at_best = model.best_epoch_ - 1
    assert loss == pytest.approx(history["validation_loss"][at_best], rel=1e-9)
    followed = (
        history["validation_loss"]
        if scoring is None
        else [-score for score in model.validation_scores_]
    )
    assert at_best == int(np.argmin(followed)) < model.n_iter_ - 1
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert model.best_loss_ is None


def test_validation_split_has_the_shares_of_the_classes(monkeypatch):
    seen = {}
    X, y = classification(3, 120)
    model = MLPClassifier(early_stopping=True, validation_fraction=0.25, max_iter=2)
    measure = MLPClassifier._measure

    def watched(self, data, name):
        seen[name] = data.y
        return measure(self, data, name)

    monkeypatch.setattr(MLPClassifier, "_measure", watched)
    model.fit(X, y)
    np.testing.assert_array_equal(np.bincount(seen["validation"]), [10, 10, 10])


def test_default_early_stopping_does_not_collapse_on_wine():
    X, y = load_wine(return_X_y=True)
    X = scale(X)
    test = np.arange(len(y)) % 5 == 0
    model = MLPClassifier(early_stopping=True, random_state=0).fit(X[~test], y[~test])
    assert model.score(X[test], y[test]) > 0.93


@pytest.mark.parametrize("learning_rate", ["constant", "cosine"])
@pytest.mark.parametrize("batch_size", ["auto", 16])
def test_refit_is_a_fit_of_all_rows_for_the_best_time(learning_rate, batch_size):
    X, y = load_wine(return_X_y=True)
    X = scale(X)
    settings = {"random_state": 0, "learning_rate_init": 0.02, "dropout": 0.2}
    settings |= {"learning_rate": learning_rate, "max_iter": 40, "batch_size": batch_size}
    split = MLPClassifier(early_stopping=True, n_iter_no_change=3, **settings).fit(X, y)
    again = clone(split).set_params(refit=True).fit(X, y)
    assert again.best_epoch_ == split.best_epoch_ <= split.n_iter_ == again.n_iter_
    n_batches = 1 if batch_size == "auto" else 12  # of 178 rows; of 160 in the split: 10
    steps = again.best_epoch_ * (1 if n_batches == 1 else 10) * 178 / 160
    n_epochs = round(steps / n_batches)
    assert again.t_ == len(y) * n_epochs
    whole = MLPClassifier(**settings, n_iter_no_change=np.inf)
    for _ in range(n_epochs):
        whole.partial_fit(X, y, classes=[0, 1, 2])
    same_weights(again, whole)


def test_epochs_of_a_refit():
    assert refit_epochs(90, (90, 1), (100, 1), 200) == 100  # one batch: steps as rows
    assert refit_epochs(90, (90, 1), (100, 1), 95) == 95  # not above max_iter
    assert refit_epochs(37, (9000, 90), (10000, 100), 200) == 37  # batches as rows
    assert refit_epochs(1, (150, 1), (300, 30), 200) == 1  # at least one


def test_interruption_of_a_refit_keeps_the_best_weights(monkeypatch):
    X, y = regression()
    settings = {"early_stopping": True, "random_state": 0, "max_iter": 20}
    split = MLPRegressor(**settings).fit(X, y)
    train_again = MLPRegressor._train_again

    def interrupted(self, *args):
        advance, calls = self._advance, []

        def some(*args):
            calls.append(1)
            if len(calls) > 3:
                raise KeyboardInterrupt
            return advance(*args)

        with monkeypatch.context() as patch:
            patch.setattr(self, "_advance", some, raising=False)
            train_again(self, *args)

    monkeypatch.setattr(MLPRegressor, "_train_again", interrupted)
    with pytest.warns(UserWarning, match="interrupted by user"):
        model = MLPRegressor(refit=True, **settings).fit(X, y)
    same_weights(model, split)
    assert model.t_ == split.t_


def test_validation_rows_without_early_stopping_change_nothing():
    X, y = regression()
    settings = {"max_iter": 10, "random_state": 0, "dropout": 0.2}
    alone = MLPRegressor(**settings).fit(X[:40], y[:40])
    watched = MLPRegressor(monitor_training=True, **settings)
    watched.fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    same_weights(alone, watched)
    history = watched.history_
    assert all(len(values) == 10 for values in history.values())
    assert history["training_score"][-1] == watched.score(X[:40], y[:40])
    assert history["validation_score"][-1] == watched.score(X[40:], y[40:])
    residual = watched.predict(X[40:]) - y[40:]
    assert history["validation_loss"][-1] == pytest.approx(0.5 * np.mean(residual**2))


def test_divergence_keeps_the_last_finite_weights():
    X, y = regression()
    model = MLPRegressor(solver="sgd", learning_rate_init=3.0, random_state=0, batch_size=4)
    with pytest.raises(ValueError, match=r"epoch 1 at learning rate 3"):
        model.fit(X, y)
    model.set_params(learning_rate_init=1e-3, warm_start=True, max_iter=3).fit(X, y)
    before = copy.deepcopy(model)
    model.set_params(learning_rate_init=3.0)
    with pytest.warns(ConvergenceWarning, match=r"epoch 4 at learning rate 3.*epoch 3"):
        model.fit(X, y)
    same_weights(model, before)


def test_interruption_keeps_the_weights(monkeypatch):
    X, y = regression()
    epoch, calls = estimators.train_epoch, []

    def interrupted(*args, **kwargs):
        calls.append(1)
        if len(calls) > 4:
            raise KeyboardInterrupt
        return epoch(*args, **kwargs)

    monkeypatch.setattr(estimators, "train_epoch", interrupted)
    model = MLPRegressor(random_state=0, max_iter=50)
    with pytest.warns(UserWarning, match="interrupted by user"):
        model.fit(X, y)
    monkeypatch.undo()
    same_weights(model, MLPRegressor(random_state=0, max_iter=4).fit(X, y))
    assert model.n_iter_ == 4


def test_interruption_of_lbfgs_keeps_the_last_iterate(monkeypatch):
    X, y = regression()
    calls = []

    def interrupt(self, text):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt

    settings = {"random_state": 0, "solver": "lbfgs"}
    monkeypatch.setattr(MLPRegressor, "_report", interrupt)
    with pytest.warns(UserWarning, match="interrupted by user"):
        model = MLPRegressor(**settings).fit(X, y)
    monkeypatch.undo()
    same_weights(model, MLPRegressor(max_iter=4, **settings).fit(X, y))
    assert model.loss_ == model.loss_curve_[-1]


def test_weights_are_repetition_on_average_over_random_batches():
    rng = np.random.default_rng(0)
    X, weight = rng.normal(size=(24, 3)), rng.integers(1, 4, 24)
    y, X_test = X[:, 0] + 0.3 * rng.normal(size=24), rng.normal(size=(5, 3))
    X_long, y_long = np.repeat(X, weight, axis=0), np.repeat(y, weight)
    settings = {"hidden_layer_sizes": (5,), "solver": "sgd", "momentum": 0.0, "alpha": 2.0}
    settings |= {"learning_rate_init": 0.02, "batch_size": 8, "dropout": 0.3}
    settings |= {"activation": "tanh", "n_iter_no_change": np.inf}
    steps = 600
    short, long = (steps // -(-len(rows) // 8) for rows in (y, y_long))
    weighted, repeated = [], []
    for seed in range(100):
        model = MLPRegressor(random_state=seed, **settings)
        model.set_params(max_iter=short).fit(X, y, sample_weight=weight)
        weighted.append(model.predict(X_test))
        repeated.append(model.set_params(max_iter=long).fit(X_long, y_long).predict(X_test))
    difference = np.mean(weighted, axis=0) - np.mean(repeated, axis=0)
    variance = np.var(weighted, axis=0, ddof=1) + np.var(repeated, axis=0, ddof=1)
    assert np.all(np.abs(difference) < 4.0 * np.sqrt(variance / 100.0))


def test_the_limit_warns_as_scikit_learn():
    X, y = regression()
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(3\) reached"):
        MLPRegressor(max_iter=3).fit(X, y)
    with pytest.warns(ConvergenceWarning, match="lbfgs failed to converge"):
        MLPRegressor(max_iter=3, solver="lbfgs").fit(X, y)


def test_warnings_point_at_the_caller():
    X, y = regression()
    for settings in ({}, {"solver": "lbfgs"}, {"batch_size": 1000}):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            MLPRegressor(max_iter=2, **settings).fit(X, y)
        assert caught
        assert all(warning.filename == __file__ for warning in caught)


# Assigned, copied and stored weights


def test_coefs_are_views_and_stored_once():
    X, y = regression(n_features=50)
    model = MLPRegressor(hidden_layer_sizes=(200, 100), max_iter=2, solver="sgd").fit(X, y)
    loaded = pickle.loads(pickle.dumps(model))
    n_bytes = sum(coef.nbytes for coef in model.coefs_)
    assert len(pickle.dumps(model)) < 2.2 * n_bytes  # weights and velocity
    for each in (model, loaded, copy.copy(model), copy.deepcopy(model)):
        assert all(coef.base is each._params for coef in each.coefs_)
        np.testing.assert_array_equal(each.predict(X), model.predict(X))
    assert loaded._state.params is loaded._params
    deep = copy.deepcopy(model)
    deep.coefs_[0][:] = 0.0
    assert np.any(model.coefs_[0] != 0.0)


@pytest.mark.parametrize("settings", [{}, {"early_stopping": True}, {"average_decay": 0.5}])
def test_assigned_weights_are_honoured(settings):
    X, y = regression()
    model = MLPRegressor(max_iter=3, random_state=0, warm_start=True, **settings).fit(X, y)
    other = MLPRegressor(max_iter=3, random_state=1).fit(X, y)
    model.coefs_ = [coef.copy() for coef in other.coefs_]
    model.intercepts_[0] = other.intercepts_[0].copy()
    model.intercepts_[1] = other.intercepts_[1].tolist()
    np.testing.assert_array_equal(model.predict(X), other.predict(X))
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(loaded.predict(X), other.predict(X))
    model.set_params(learning_rate_init=1e-12, average_decay=0.0, early_stopping=False)
    np.testing.assert_allclose(model.fit(X, y).predict(X), other.predict(X), rtol=1e-6)
    model.coefs_[0] = np.zeros((2, 2))
    with pytest.raises(ValueError, match=r"coefs_\[0\] has shape \(2, 2\); expected"):
        model.predict(X)


def test_read_only_weights_are_copied_on_update():
    X, y = regression()
    model = MLPRegressor(max_iter=3, random_state=0, warm_start=True).fit(X, y)
    for array in (model._state.params, model._state.moments):
        array.flags.writeable = False
    frozen = pickle.loads(pickle.dumps(model))
    before = model._params.copy()
    model.fit(X, y)
    assert np.any(model._params != before)
    same_weights(model, frozen.fit(X, y))


def test_a_failed_fit_leaves_the_model(monkeypatch):
    X, y = regression()
    model = MLPRegressor(max_iter=3, warm_start=True, early_stopping=True).fit(X, y)
    before, history = copy.deepcopy(model), copy.deepcopy(model.history_)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.fit(X[:, :2], y[:-1])
    monkeypatch.setattr(MLPRegressor, "_finish", lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        model.fit(X, y)
    monkeypatch.undo()
    same_weights(model, before)
    assert model.history_ == history
    same_weights(model.fit(X, y), before.fit(X, y))


# Random predictions


def test_sampled_predictions():
    X, y = regression()
    model = MLPRegressor(dropout=0.3, random_state=0, max_iter=50).fit(X, y)
    draws = model.sample_predictions(X, 400, random_state=1)
    assert draws.shape == (400, len(X))
    np.testing.assert_array_equal(draws, model.sample_predictions(X, 400, random_state=1))
    assert np.any(draws != model.sample_predictions(X, 400, random_state=2))
    mean, std = model.predict(X, return_std=True, n_samples=400, random_state=1)
    np.testing.assert_allclose(mean, draws.mean(axis=0))
    np.testing.assert_allclose(std, draws.std(axis=0))
    # One hidden layer: the output is linear in its units, so the mean is the network.
    assert np.all(np.abs(mean - model.predict(X)) < 5.0 * std / 20.0)
    np.testing.assert_array_equal(
        model.sample_predictions(X[:10], 3), model.sample_predictions(X[:10], 3)
    )


def test_sampled_probabilities():
    X, y = classification()
    model = MLPClassifier(dropout=0.3, random_state=0, max_iter=5).fit(X, y)
    draws = model.sample_predictions(X, 5)
    assert draws.shape == (5, len(X), 3)
    np.testing.assert_allclose(draws.sum(axis=2), 1.0)
    with pytest.raises(ValueError, match="only with dropout"):
        clone(model).set_params(dropout=0.0).fit(X, y).sample_predictions(X)


# Learning rates


def test_schedules():
    cosine = Schedule("cosine", 2.0, n_epochs=4)
    rates = np.concatenate([batch_rates(cosine, epoch, 2, 0) for epoch in range(5)])
    np.testing.assert_allclose(rates[:8], 1.0 + np.cos(np.pi * np.arange(8) / 8.0))
    np.testing.assert_allclose(rates[8:], rates[:2])  # starts again
    one = Schedule("onecycle", 1.0, n_epochs=10)
    rates = np.concatenate([batch_rates(one, epoch, 10, 0) for epoch in range(10)])
    assert rates[0] == pytest.approx(1 / 25)
    assert np.argmax(rates) == 30
    assert rates[30] == pytest.approx(1.0)
    assert rates[-1] < 1e-3
    step = Schedule("step", 1.0, step_every=2, step_factor=0.5)
    rates = [batch_rates(step, epoch, 1, 0)[0] for epoch in range(5)]
    assert rates == [1.0, 1.0, 0.5, 0.5, 0.25]


def test_adaptive_rate_shrinks_before_it_stops():
    X, y = regression()
    model = MLPRegressor(solver="sgd", learning_rate="adaptive", random_state=0)
    model.set_params(n_iter_no_change=2, max_iter=1000, tol=1e-3).fit(X, y)
    rates = np.array(model.history_["learning_rate"])
    assert rates[0] == 1e-3
    assert rates[-1] < 1e-6 * 5
    assert set(np.round(rates[1:] / rates[:-1], 9)) == {1.0, 0.2}
    assert model.n_iter_ < 1000


def test_schedule_of_a_fit_spans_its_epochs():
    X, y = regression()
    model = MLPRegressor(learning_rate="cosine", max_iter=4, n_iter_no_change=np.inf)
    model.set_params(warm_start=True).fit(X, y).fit(X, y)
    rates = np.array(model.history_["learning_rate"])
    np.testing.assert_allclose(rates[:4], rates[4:])
