"""Lazy learning is eager learning: a column may be charged when it is read again."""

from typing import NamedTuple

import numpy as np
import pytest
from scipy import optimize, sparse

from skreg._kernels.stream import Models
from skreg._solvers import column_store
from skreg._solvers.streaming import Settings, Stream, learn_from
from skreg.losses import Hinge, LogLoss, SquaredError, d1
from tests.kernels import eager

SCHEDULES = {
    "constant": lambda t, s: s.eta0,
    "invscaling": lambda t, s: s.eta0 / t**s.power_t,
    "optimal": lambda t, s: 1.0 / (s.alpha[0] * (first_row(s) + t - 1.0)),
}
PENALTIES = {"none": (0, 0), "l1": (0.05, 0), "l2": (0, 0.3), "both": (0.03, 0.2)}
every_penalty = pytest.mark.parametrize("penalty", PENALTIES.values(), ids=PENALTIES)
every_storage = pytest.mark.parametrize("storage", ["dense", "csr", "hash"])
SOLVERS = ["sgd", "adagrad", "ftrl", "standardized"]
every_solver = pytest.mark.parametrize("solver", SOLVERS)
every_average = pytest.mark.parametrize("average_from", [0, 1, 25])


def first_row(settings):
    """Bottou's t0."""
    typical = np.sqrt(1.0 / np.sqrt(settings.alpha[0]))
    slope = max(1.0, d1(settings.loss, 1.0, -typical))
    return slope / typical / settings.alpha[0]


class Rows(NamedTuple):
    X: np.ndarray
    y: np.ndarray
    weight: np.ndarray


def make_rows(n_rows=150, n_features=12, two_classes=True, seed=0):
    """Rows with few entries; later columns are seldom."""
    rng = np.random.default_rng(seed)
    often = 1.0 / (1.0 + np.arange(n_features))
    X = rng.normal(size=(n_rows, n_features)) * (rng.uniform(size=(n_rows, 1)) < often)
    y = X @ rng.normal(size=n_features) + rng.normal(size=n_rows)
    if two_classes:
        y = np.where(y > 0, 1.0, -1.0)
    return Rows(X, y, rng.uniform(0.2, 2.5, n_rows))


def make_settings(solver, l1=(0.0,), l2=(0.0,), positive=None, factors=None, **changes):
    n_models = len(l1)
    positive = np.full(n_models, -1.0) if positive is None else np.array(positive)
    factors = np.ones((n_models, 2)) if factors is None else np.array(factors)
    standardize = solver == "standardized"
    settings = Settings(
        "ftrl" if standardize else solver,
        LogLoss(),
        Models(positive, factors, True),
        np.array(l1, dtype=float),
        np.array(l2, dtype=float),
        np.full(n_models, 0.05),
        "constant",
        0.3,
        0.4,
        1.0,
        0,
        standardize,
    )
    if "fit_intercept" in changes:
        models = settings.models._replace(fit_intercept=changes.pop("fit_intercept"))
        settings = settings._replace(models=models)
    return settings._replace(**changes)


def stream_of(settings, data, storage="csr", order=None, monkeypatch=None):
    """What the kernels learn: the stream, and what the last pass says."""
    X = data.X if storage == "dense" else sparse.csr_array(data.X)
    if storage == "hash":
        monkeypatch.setattr(column_store, "DENSE_LIMIT", 0)
    stream = Stream(settings, X.shape[1])
    assert stream.columns.is_dense == (storage != "hash")
    order = np.arange(len(data.y)) if order is None else order
    rows = stream.columns.rows_of(X)
    return stream, learn_from(stream, settings, rows, data.y, data.weight, order)


def dense_weights(stream, settings, n_features):
    columns, coef, intercept = stream.weights(settings)
    every = np.zeros((n_features, coef.shape[1]))
    every[columns] = coef
    return every, intercept


def eager_model(settings, rows, m=0, start=None):
    """What model m is by the plain formulas."""
    l1, l2 = settings.l1[m], settings.l2[m]
    fit_intercept = settings.models.fit_intercept
    if settings.solver == "sgd":
        return eager.sgd(
            settings.loss,
            rows,
            lambda t: SCHEDULES[settings.learning_rate](t, settings),
            l1,
            l2,
            fit_intercept,
            settings.average_from,
            start,
        )
    if settings.solver == "adagrad":
        rule, more = eager.adagrad, {}
    else:
        rule, more = eager.ftrl, {"standardize": settings.standardize}
    steps = settings.eta0, settings.beta
    return rule(settings.loss, rows, *steps, l1, l2, fit_intercept, **more)


def rows_for(data, settings, m=0):
    """Rows as model m sees them."""
    positive, factors = settings.models.positive[m], settings.models.factors[m]
    if positive < 0:
        return list(zip(data.X, data.y, data.weight * factors[1], strict=True))
    is_one = data.y == positive
    y, s = np.where(is_one, 1.0, -1.0), data.weight * factors[is_one.astype(int)]
    return list(zip(data.X, y, s, strict=True))


def assert_lazy_is_eager(settings, data, storage="csr", monkeypatch=None):
    stream, learnt = stream_of(settings, data, storage, monkeypatch=monkeypatch)
    coef, intercept = dense_weights(stream, settings, data.X.shape[1])
    for m in range(len(settings.l1)):
        rows = rows_for(data, settings, m)
        plain = eager_model(settings, rows, m)
        scale = np.abs(plain.coef).max()
        np.testing.assert_allclose(coef[:, m], plain.coef, rtol=0, atol=1e-12 * scale)
        np.testing.assert_array_equal(coef[:, m] == 0.0, plain.coef == 0.0)
        np.testing.assert_allclose(intercept[m], plain.intercept, rtol=1e-12, atol=1e-13)
        s = np.array([row[2] for row in rows])
        assert learnt.loss[m] == pytest.approx(np.average(plain.losses, weights=s), 1e-12)
        assert learnt.weight[m] == pytest.approx(s.sum(), rel=1e-12)
    return coef


@every_storage
@every_penalty
@every_average
@pytest.mark.parametrize("learning_rate", SCHEDULES)
def test_sgd(learning_rate, average_from, penalty, storage, monkeypatch):
    l1, l2 = penalty
    settings = make_settings(
        "sgd", [l1], [l2], learning_rate=learning_rate, average_from=average_from
    )
    coef = assert_lazy_is_eager(settings, make_rows(), storage, monkeypatch)
    if l1 and learning_rate != "optimal":
        assert 0 < np.sum(coef == 0.0) < len(coef)


@every_storage
@every_penalty
@pytest.mark.parametrize("solver", ["adagrad", "ftrl", "standardized"])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_rates_of_columns(fit_intercept, solver, penalty, storage, monkeypatch):
    l1, l2 = penalty
    settings = make_settings(solver, [l1], [l2], beta=0.7, fit_intercept=fit_intercept)
    coef = assert_lazy_is_eager(settings, make_rows(), storage, monkeypatch)
    if l1:
        assert 0 < np.sum(coef == 0.0) < len(coef)


@every_solver
@pytest.mark.parametrize("loss", [SquaredError(), Hinge(1.0)], ids=repr)
def test_other_losses(solver, loss):
    data = make_rows(two_classes=isinstance(loss, Hinge))
    eta0 = 0.02 if solver == "sgd" else 0.3
    settings = make_settings(solver, [0.02], [0.01], loss=loss, eta0=eta0)
    assert_lazy_is_eager(settings, data)


@every_solver
@pytest.mark.parametrize("average_from", [0, 40])
def test_classes_and_alphas_side_by_side(solver, average_from):
    """Three classes at two alphas, with weights of classes."""
    data = make_rows()
    data = data._replace(y=np.arange(len(data.y)) % 3.0)
    rng = np.random.default_rng(1)
    settings = make_settings(
        solver,
        [0.001] * 3 + [0.04] * 3,
        [0.2] * 3 + [0.01] * 3,
        positive=[0.0, 1.0, 2.0] * 2,
        factors=rng.uniform(0.5, 2.0, (6, 2)),
        average_from=average_from if solver == "sgd" else 0,
    )
    assert_lazy_is_eager(settings, data)


@pytest.mark.parametrize("l2", [3.0, 1 / 0.3, 3.5])
@every_average
def test_decay_that_leaves_little_or_nothing(l2, average_from):
    """eta l2 near 1 and above, where the product of decays has to begin anew."""
    data = make_rows()
    data = data._replace(weight=np.where(np.arange(len(data.y)) % 7 == 0, 1.0, 0.1))
    settings = make_settings("sgd", [0.05], [l2], average_from=average_from)
    coef = assert_lazy_is_eager(settings, data)
    assert np.any(coef != 0.0)


@every_average
def test_decay_over_many_rows(average_from):
    """The product of decays passes 1e-100 (averaged: 1e-4) many times."""
    data = make_rows(2000)
    settings = make_settings("sgd", [0.01], [1.0], average_from=average_from)
    assert_lazy_is_eager(settings, data)


@pytest.mark.parametrize("average_from", [0, 1])
def test_decay_without_a_gradient(average_from):
    """eta = 0.1 and lambda ||w||^2 with lambda = 0.01 multiply w by 1 - 2 eta lambda."""
    settings = make_settings("sgd", [0.0], [0.02], eta0=0.1, loss=Hinge(-100.0))
    settings = settings._replace(average_from=average_from)
    stream = Stream(settings, 3)
    before = np.array([[1.0], [-2.0], [0.5]])
    stream.start_at(settings, np.arange(3), before, np.array([3.0]))
    rows = stream.columns.rows_of(np.array([[1.0, 0.0, 2.0]]))
    learn_from(stream, settings, rows, np.ones(1), np.ones(1), np.zeros(1, np.int64))
    _, coef, intercept = stream.weights(settings)
    np.testing.assert_allclose(coef, 0.998 * before, rtol=1e-15)
    assert intercept[0] == 3.0


def test_several_passes_are_one_long_pass():
    data = make_rows(40)
    settings = make_settings("sgd", [0.03], [0.1], learning_rate="invscaling")
    order = np.random.default_rng(0).permutation(np.repeat(np.arange(40), 3))
    stream = Stream(settings, data.X.shape[1])
    rows = stream.columns.rows_of(sparse.csr_array(data.X))
    for part in np.split(order, [1, 17, 90]):
        learn_from(stream, settings, rows, data.y, data.weight, part)
    coef, intercept = dense_weights(stream, settings, data.X.shape[1])
    every = [part[order] for part in data]
    plain = eager_model(settings, list(zip(*every, strict=True)))
    np.testing.assert_allclose(coef[:, 0], plain.coef, rtol=0, atol=1e-12)
    np.testing.assert_allclose(intercept[0], plain.intercept, rtol=1e-12)


@pytest.mark.parametrize("average_from", [0, 1])
def test_a_start_is_where_learning_begins(average_from):
    data = make_rows()
    n_features = data.X.shape[1]
    settings = make_settings("sgd", [0.03], [0.1], average_from=average_from)
    start = np.linspace(-1, 1, n_features), 0.7
    stream = Stream(settings, n_features)
    stream.start_at(settings, np.arange(n_features), start[0][:, None], np.array([0.7]))
    rows = stream.columns.rows_of(data.X)
    learn_from(stream, settings, rows, data.y, data.weight, np.arange(len(data.y)))
    coef, intercept = dense_weights(stream, settings, n_features)
    plain = eager_model(settings, rows_for(data, settings), start=start)
    np.testing.assert_allclose(coef[:, 0], plain.coef, rtol=0, atol=1e-12)
    np.testing.assert_allclose(intercept[0], plain.intercept, rtol=1e-12)


@every_solver
def test_a_start_is_what_is_predicted_with(solver):
    settings = make_settings(solver, [0.03], [0.1], eta0=0.2, beta=0.7)
    stream = Stream(settings, 4)
    coef = np.array([[1.0], [-3.0]])
    stream.start_at(settings, np.array([3, 1]), coef, np.array([0.4]))
    found, intercept = dense_weights(stream, settings, 4)
    np.testing.assert_allclose(found[:, 0], [0.0, -3.0, 0.0, 1.0], rtol=1e-15)
    np.testing.assert_allclose(intercept, [0.4], rtol=1e-15)


@every_solver
def test_the_penalty_is_that_of_the_weights(solver):
    data, l1, l2 = make_rows(), np.array([0.03, 0.0]), np.array([0.1, 0.2])
    settings = make_settings(solver, l1, l2)
    stream, _ = stream_of(settings, data)
    coef, _ = dense_weights(stream, settings, data.X.shape[1])
    if solver == "standardized":
        share = data.weight / data.weight.sum()
        coef *= np.sqrt(share @ (data.X - share @ data.X) ** 2)[:, None]
    expected = l1 * np.abs(coef).sum(axis=0) + l2 / 2 * (coef**2).sum(axis=0)
    np.testing.assert_allclose(stream.penalty(settings), expected, rtol=1e-12)


def test_ftrl_weights_minimise_the_documented_sum():
    """Not the closed form, but the sum itself, by a search on each side of zero."""
    data = make_rows(60, 4)
    settings = make_settings("ftrl", [0.03], [0.05], beta=0.7, fit_intercept=False)
    n_rows = len(data.y)
    gradients, before, sigma = np.zeros((3, n_rows, 4))
    squares = np.zeros(4)
    for r in range(n_rows):
        part = Rows(*(values[:r] for values in data))
        if r:
            stream = stream_of(settings, part)[0]
            before[r] = dense_weights(stream, settings, 4)[0][:, 0]
        slope = d1(settings.loss, data.y[r], data.X[r] @ before[r])
        gradients[r] = data.weight[r] * slope * data.X[r]
        root = np.sqrt(squares)
        squares += gradients[r] ** 2
        sigma[r] = (np.sqrt(squares) - root) / settings.eta0
    found = dense_weights(stream_of(settings, data)[0], settings, 4)[0][:, 0]
    seen = data.weight.sum()

    def documented(w, j):
        proximal = sigma[:, j] @ (w - before[:, j]) ** 2 / 2
        proximal += settings.beta / settings.eta0 * w * w / 2
        penalty = settings.l1[0] * abs(w) + settings.l2[0] * w * w / 2
        return gradients[:, j].sum() * w + proximal + seen * penalty

    for j in range(4):
        sides = [
            optimize.minimize_scalar(
                documented,
                args=(j,),
                bounds=side,
                method="bounded",
                options={"xatol": 1e-10},
            ).x
            for side in ((-5, 0), (0, 5))
        ]
        best = min([*sides, 0.0], key=lambda w: documented(w, j))
        assert documented(found[j], j) <= documented(best, j) + 1e-12
        assert found[j] == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize("kind", ["pa1", "pa2"])
def test_passive_aggressive_steps(kind):
    """The least change of w that makes the loss zero, bounded (Crammer et al., 2006)."""
    data = make_rows()
    bound = 0.4
    settings = make_settings("sgd", learning_rate=kind, eta0=bound, loss=Hinge(1.0))
    settings = settings._replace(models=settings.models._replace(fit_intercept=False))
    w = np.zeros(data.X.shape[1])
    for x, y, s in rows_for(data, settings):
        short, square = max(0.0, 1.0 - y * (x @ w)), x @ x
        if square > 0:
            full = short / square
            step = min(bound, full) if kind == "pa1" else short / (square + 0.5 / bound)
            w += s * step * y * x
    found = dense_weights(stream_of(settings, data)[0], settings, len(w))[0]
    np.testing.assert_allclose(found[:, 0], w, rtol=0, atol=1e-12)


@every_solver
def test_the_first_row_that_is_not_finite_is_not_learnt(solver):
    data = make_rows(100)
    bad = data.X.copy()
    bad[70, 0] = np.inf
    settings = make_settings(solver, [0.01], [0.1])
    stream, learnt = stream_of(settings, data._replace(X=bad), "dense")
    assert learnt.n_rows == 70
    good = Rows(*(values[:70] for values in data))
    expected, _ = stream_of(settings, good, "dense")
    found = dense_weights(stream, settings, 12)
    for ours, theirs in zip(found, dense_weights(expected, settings, 12), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert stream.n_rows == 70


def test_steep_slopes_are_clipped_and_counted():
    data = make_rows(two_classes=False)
    settings = make_settings("sgd", loss=SquaredError(), eta0=1e-20)
    steep = data._replace(y=np.where(np.arange(150) % 5 == 0, 1e13, data.y))
    assert stream_of(settings, data)[1].n_clipped == 0
    assert stream_of(settings, steep)[1].n_clipped == 30
    assert_lazy_is_eager(settings, steep)


@pytest.mark.parametrize("storage", ["dense", "csr"])
def test_rows_are_read_in_blocks_of_any_fill(storage):
    """Long and empty rows, in an order with repetitions, more than a block."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(10, 40)) * (
        rng.uniform(size=(10, 1)) < np.linspace(0, 1.2, 10)[:, None]
    )
    data = Rows(X, np.sign(rng.normal(size=10)), rng.uniform(0.5, 2, 10))
    order = rng.integers(0, 10, 131)
    settings = make_settings("sgd", [0.01], [0.1], learning_rate="invscaling")
    stream, _ = stream_of(settings, data, storage, order)
    plain = eager_model(
        settings, list(zip(X[order], data.y[order], data.weight[order], strict=True))
    )
    coef, _ = dense_weights(stream, settings, 40)
    np.testing.assert_allclose(coef[:, 0], plain.coef, rtol=0, atol=1e-12)
