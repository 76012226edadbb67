"""SGDClassifier and SGDRegressor: what they minimise, and how."""

import numpy as np
import pytest
import sklearn.linear_model
from scipy import optimize, sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

import skreg.losses as losses
from skreg import Lasso, SGDClassifier, SGDRegressor
from skreg.losses import d1, value
from tests.linear.streams import (
    CONVERGED,
    KERNELS,
    classification,
    learned,
    regression,
    same_bits,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
SOLVERS = {
    "sgd": {"average": 2000},
    "adagrad": {"solver": "adagrad", "eta0": 0.2},
    "ftrl": {"solver": "ftrl", "eta0": 0.5},
}
every_solver = pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)
REGRESSION = ["squared_error", "huber", "epsilon_insensitive", "quantile"]
REGRESSION += ["squared_epsilon_insensitive", "poisson", "gamma"]
CLASSIFICATION = ["hinge", "log_loss", "modified_huber", "squared_hinge"]


def objective_of(loss, X, y, alpha, l1_ratio, weight=None):
    """(n_features + 1,) -> weighted mean loss and penalty."""
    weight = np.ones(len(y)) if weight is None else weight

    def objective(params):
        etas = X @ params[:-1] + params[-1]
        rows = [value(loss, target, eta) for target, eta in zip(y, etas, strict=True)]
        w = params[:-1]
        penalty = l1_ratio * np.abs(w).sum() + (1 - l1_ratio) / 2 * (w @ w)
        return np.average(rows, weights=weight) + alpha * penalty

    return objective


def minimum(objective, size):
    start = np.zeros(size)
    for method in ("BFGS", "Nelder-Mead", "Powell"):
        options = {"maxiter": 20_000}
        start = optimize.minimize(objective, start, method=method, options=options).x
    return objective(start)


def within(objective, found, best, share):
    """Between the minimum and a share of the null model above it."""
    room = share * objective(np.zeros_like(found))
    return best - 1e-9 <= objective(found) <= best + room


def params_of(model):
    return np.append(model.coef_, model.intercept_)


@every_solver
@pytest.mark.parametrize("loss", REGRESSION)
def test_every_loss_of_regression_is_minimised(loss, solver):
    X, y = regression(120, 3)
    y = np.exp(y / 3) if loss in ("poisson", "gamma") else y
    settings = {"epsilon": 0.5, "quantile": 0.3, "alpha": 0.01, **CONVERGED, **solver}
    model = SGDRegressor(loss, **settings).fit(X, y)
    objective = objective_of(KERNELS[loss](0.5, 0.3), X, y, 0.01, 0.0)
    assert within(objective, params_of(model), minimum(objective, 4), 1e-3)


@every_solver
@pytest.mark.parametrize("loss", CLASSIFICATION)
def test_every_loss_of_two_classes_is_minimised(loss, solver):
    X, y = classification(120, 3)
    settings = {"alpha": 0.02, "penalty": "elasticnet", "l1_ratio": 0.5}
    model = SGDClassifier(loss, **settings, **{**CONVERGED, **solver}).fit(X, y)
    signs = np.where(y == model.classes_[1], 1.0, -1.0)
    objective = objective_of(KERNELS[loss](), X, signs, 0.02, 0.5)
    assert within(objective, params_of(model), minimum(objective, 4), 1e-3)


@pytest.mark.parametrize("loss", ["squared_error", "huber", "epsilon_insensitive"])
def test_losses_of_regression_see_classes_as_signs(loss):
    X, y = classification()
    classifier = SGDClassifier(loss, **CONVERGED).fit(X, y)
    regressor = SGDRegressor(loss, **CONVERGED).fit(X, 2.0 * y - 1.0)
    np.testing.assert_array_equal(classifier.decision_function(X), regressor.predict(X))


def test_perceptron_separates_what_is_separable():
    X, y = classification()
    X[:, 0] += 10.0 * y - 5.0
    model = SGDClassifier("perceptron", random_state=0, alpha=0.0, learning_rate="constant")
    assert model.fit(X, y).score(X, y) == 1.0
    assert model.loss_curve_[-1] == 0.0


@every_solver
@pytest.mark.parametrize("alpha", [0.02, 0.3])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_l1_has_the_zeros_of_the_lasso(alpha, solver, container):
    X, y = regression(300, 12)
    settings = {**CONVERGED, "max_iter": 300, **solver, "penalty": "l1", "alpha": alpha}
    model = SGDRegressor(**settings).fit(container(X), y)
    lasso = Lasso(alpha).fit(X, y)
    objective = objective_of(losses.SquaredError(), X, y, alpha, 1.0)
    best = objective(params_of(lasso))
    assert within(objective, params_of(model), best, 1e-3)
    if model.solver == "adagrad":
        return  # its last steps are steps of a few rows: zeros are not those of a mean
    assert np.any(lasso.coef_ == 0.0)
    np.testing.assert_array_equal(model.coef_ == 0.0, lasso.coef_ == 0.0)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_standardized_l1_is_that_of_the_standardized_lasso(container, fit_intercept):
    X, y = regression(300, 12)
    X[:, 3:] *= np.random.default_rng(1).uniform(size=(300, 9)) < 0.3  # rare entries
    X = 2.0 ** np.linspace(-1.5, 1.5, 12) * X + np.r_[1.0, np.zeros(11)]
    weight = np.random.default_rng(2).uniform(0.5, 2.0, 300)
    settings = {**CONVERGED, "max_iter": 400, "solver": "ftrl", "eta0": 0.5}
    settings |= {"penalty": "l1", "alpha": 0.1, "fit_intercept": fit_intercept}
    plain = SGDRegressor(**settings).fit(container(X), y, sample_weight=weight)
    model = SGDRegressor(standardize=True, **settings)
    model.fit(container(X), y, sample_weight=weight)
    lasso = Lasso(0.1, standardize=True, fit_intercept=fit_intercept)
    lasso.fit(X, y, sample_weight=weight)
    sd = np.sqrt(np.cov(X.T, aweights=weight, ddof=0).diagonal())
    scaled = np.append(sd, 1.0)
    objective = objective_of(losses.SquaredError(), X / sd, y, 0.1, 1.0, weight)
    best = objective(scaled * params_of(lasso))
    assert within(objective, scaled * params_of(model), best, 1e-3)
    assert not within(objective, scaled * params_of(plain), best, 1e-3)
    assert np.any(lasso.coef_ == 0.0)
    np.testing.assert_array_equal(model.coef_ == 0.0, lasso.coef_ == 0.0)


def test_standardized_l1_finds_rare_columns_beside_frequent_ones():
    """One threshold for all sums of gradients is too low for some, or too high."""
    rng = np.random.default_rng(0)
    n_rows, n_frequent = 40_000, 60
    frequent = rng.uniform(size=(n_rows, n_frequent)) < 0.25
    rare = np.eye(400)[rng.integers(400, size=n_rows)]
    X = sparse.csr_array(np.hstack([frequent, rare]))
    planted = np.zeros(n_frequent + 400, dtype=bool)
    planted[n_frequent::40] = True
    y = rng.uniform(size=n_rows) < 1.0 / (1.0 + np.exp(-2.0 * (X @ planted)))

    def found(alphas, **settings):
        model = SGDClassifier("log_loss", solver="ftrl", penalty="l1", eta0=0.3, **settings)
        model.set_params(alpha=alphas, shuffle=False).partial_fit(
            X, y, classes=[False, True]
        )
        return model.coef_path_[:, 0] != 0.0

    four_errors = 4.0 / 2.0 / np.sqrt(n_rows)
    np.testing.assert_array_equal(found([four_errors], standardize=True)[0], planted)
    plain = found(np.geomspace(10.0, 200.0, 20) / n_rows)
    assert np.all(np.any(plain != planted, axis=1))


@every_solver
def test_l2_is_ridge(solver):
    X, y = regression(300, 5)
    model = SGDRegressor(**{**CONVERGED, **solver, "alpha": 0.1, "max_iter": 300})
    ridge = sklearn.linear_model.Ridge(0.1 * len(y)).fit(X, y)
    np.testing.assert_allclose(model.fit(X, y).coef_, ridge.coef_, atol=5e-3)


@every_solver
@pytest.mark.parametrize("penalty", ["l1", "l2"])
def test_log_loss_is_logistic_regression_for_each_class(solver, penalty):
    X, y = classification(300, 6, n_classes=3)
    alpha = 0.02
    settings = {**CONVERGED, "max_iter": 300, **solver, "penalty": penalty}
    model = SGDClassifier("log_loss", alpha=alpha, **settings).fit(X, y)
    assert model.coef_.shape == (3, 6)
    for k, label in enumerate(model.classes_):
        signs = np.where(y == label, 1.0, -1.0)
        ratio = float(penalty == "l1")
        reference = sklearn.linear_model.LogisticRegression(
            C=1 / (alpha * len(y)), l1_ratio=ratio, solver="saga", tol=1e-8, max_iter=10_000
        ).fit(X, signs)
        objective = objective_of(losses.LogLoss(), X, signs, alpha, ratio)
        best = objective(params_of(reference))
        found = np.append(model.coef_[k], model.intercept_[k])
        assert within(objective, found, best, 1e-3)
        if penalty == "l1" and model.solver != "adagrad":
            np.testing.assert_array_equal(model.coef_[k] == 0, reference.coef_[0] == 0)


@pytest.mark.parametrize("cls", [SGDClassifier, SGDRegressor])
@pytest.mark.parametrize("average", [False, True, 30])
@pytest.mark.parametrize("learning_rate", ["constant", "optimal", "invscaling"])
def test_without_l1_it_is_scikit_learns_step(cls, average, learning_rate):
    X, y = classification(40, 4) if cls is SGDClassifier else regression(40, 4)
    settings = {"shuffle": False, "max_iter": 3, "tol": None, "alpha": 0.1, "eta0": 0.01}
    settings |= {"average": average, "learning_rate": learning_rate}
    model = cls(**settings).fit(X, y)
    reference = getattr(sklearn.linear_model, cls.__name__)(**settings).fit(X, y)
    np.testing.assert_allclose(model.coef_, reference.coef_, rtol=1e-10)
    np.testing.assert_allclose(model.intercept_, reference.intercept_, rtol=1e-10)
    assert model.t_ == reference.t_


def test_adaptive_rates_are_divided_when_nothing_gets_better():
    X, y = regression()
    settings = {"eta0": 0.2, "random_state": 0, "max_iter": 2000, "alpha": 0.01}
    adaptive = SGDRegressor(learning_rate="adaptive", **settings).fit(X, y)
    constant = SGDRegressor(learning_rate="constant", **settings).fit(X, y)
    objective = objective_of(losses.SquaredError(), X, y, 0.01, 0.0)
    best = minimum(objective, 6)
    assert objective(params_of(adaptive)) - best < 1e-4
    assert objective(params_of(constant)) - best > 1e-3
    assert 1e-6 / 5 <= 0.2 * adaptive._stream.shares[0] <= 1e-6


@pytest.mark.parametrize("penalty", [0.0, 0.1])
@pytest.mark.parametrize("kind", ["two classes", "three classes", "regression"])
def test_mean_step_of_an_epoch_is_the_gradient(kind, penalty):
    """Each row alone, from the same weights: mean of steps / eta = -gradient."""
    n_classes = {"two classes": 2, "three classes": 3}.get(kind)
    X, y = classification(25, 4, n_classes) if n_classes else regression(25, 4)
    weight = np.random.default_rng(0).uniform(0.2, 3.0, 25)
    eta = 1e-3
    settings = {"learning_rate": "constant", "eta0": eta, "alpha": penalty}
    if n_classes:
        model = SGDClassifier("log_loss", **settings)
        classes = {"classes": np.unique(y)}
    else:
        model, classes = SGDRegressor("huber", epsilon=0.7, **settings), {}
    model.partial_fit(X, y, **classes)
    coef = np.random.default_rng(1).normal(size=model.coef_.shape)
    intercept = np.random.default_rng(2).normal(size=model.intercept_.shape)
    model.coef_, model.intercept_ = coef, intercept
    loss = losses.LogLoss() if n_classes else losses.Huber(0.7)
    mean_step, expected = 0.0, 0.0
    for i in range(25):
        s = weight[i] * 25 / weight.sum()
        one = clone(model)
        one.__dict__.update(model.__dict__)
        one.partial_fit(X[[i]], y[[i]], sample_weight=[s])
        step = np.column_stack(
            [np.atleast_2d(one.coef_ - coef), one.intercept_ - intercept]
        )
        mean_step = mean_step + step / eta / 25
        etas = np.atleast_2d(coef) @ X[i] + intercept
        if n_classes == 2:
            targets = np.array([2.0 * y[i] - 1.0])
        else:
            targets = np.where(y[i] == np.arange(3), 1.0, -1.0) if n_classes else y[[i]]
        slopes = [d1(loss, t, e) for t, e in zip(targets, etas, strict=True)]
        expected = expected + s / 25 * np.outer(slopes, np.append(X[i], 1.0))
    expected[:, :-1] += penalty * np.atleast_2d(coef)
    # A step decays the weights first, and then goes by the slope at where it began.
    np.testing.assert_allclose(mean_step, -expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("classes", [False, True])
def test_weighted_and_repeated_rows_have_the_same_mean_prediction(solver, classes):
    X, y = classification(30, 3) if classes else regression(30, 3)
    weight = np.random.default_rng(0).integers(1, 4, 30)
    cls = SGDClassifier if classes else SGDRegressor
    settings = {"loss": "log_loss"} if classes else {}
    settings |= {"tol": None, "alpha": 0.1, "max_iter": 60, **SOLVERS[solver]}
    settings |= {"average": False}
    # Squares of weighted gradients add up faster than those of repeated ones: AdaGrad has
    # to be quick for both to arrive.
    settings |= {"eta0": 2.0}
    if solver == "sgd":
        settings |= {"learning_rate": "invscaling", "power_t": 0.9, "eta0": 0.5}
    predict = "decision_function" if classes else "predict"
    found = np.zeros((2, 100, 5))
    for seed in range(100):
        model = cls(**settings, random_state=seed)
        model.fit(X, y, sample_weight=weight)
        found[0, seed] = getattr(model, predict)(X[:5])
        model.fit(X.repeat(weight, axis=0), y.repeat(weight))
        found[1, seed] = getattr(model, predict)(X[:5])
    error = np.sqrt(found.var(axis=1).sum(axis=0) / 100)
    z = np.diff(found.mean(axis=1), axis=0)[0] / error
    assert np.all(np.abs(z) < 4), z


@every_solver
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_a_row_of_weight_zero_is_absent(solver, early_stopping, container):
    X, y = classification(60, 4, n_classes=3)
    weight = np.random.default_rng(0).integers(0, 3, 60)
    kept = weight > 0
    settings = {**solver, "max_iter": 20, "random_state": 0, "class_weight": "balanced"}
    settings |= {"early_stopping": early_stopping, "alpha": [1e-3, 1e-2]}
    one = SGDClassifier(**settings).fit(container(X), y, sample_weight=weight)
    other = SGDClassifier(**settings)
    other.fit(container(X[kept]), y[kept], sample_weight=weight[kept])
    same_bits(one, other)
    assert one.loss_curve_[0].tolist() == other.loss_curve_[0].tolist()


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_several_alphas_are_separate_passes(solver, n_classes):
    X, y = classification(80, 5, n_classes)
    alphas = [0.001, 0.05, 0.3]
    settings = {"random_state": 0, "max_iter": 4, "tol": None, "penalty": "elasticnet"}
    settings |= SOLVERS[solver]
    together = SGDClassifier("log_loss", alpha=alphas, **settings).fit(X, y)
    for k, alpha in enumerate(alphas):
        alone = SGDClassifier("log_loss", alpha=alpha, **settings).fit(X, y)
        np.testing.assert_array_equal(together.coef_path_[k], alone.coef_)
        np.testing.assert_array_equal(together.intercept_path_[k], alone.intercept_)
        np.testing.assert_array_equal(
            together.predict_proba(X, alpha=alpha), alone.predict_proba(X)
        )
        np.testing.assert_array_equal(together.predict(X, alpha=alpha), alone.predict(X))
        assert together.progressive_loss_[k] == alone.progressive_loss_
        assert [epoch[k] for epoch in together.loss_curve_] == alone.loss_curve_


def test_the_chosen_alpha_predicts_new_rows_best():
    X, y = regression(200, 40, noise=3.0)
    alphas = [1e-4, 0.3, 100.0]
    model = SGDRegressor(alpha=alphas, random_state=0, eta0=0.02, max_iter=1, tol=None)
    model.fit(X, y)
    assert model.alpha_ == alphas[int(np.argmin(model.progressive_loss_))]
    assert model.alpha_ == 0.3
    np.testing.assert_array_equal(model.coef_, model.coef_path_[1])
    np.testing.assert_array_equal(model.predict(X), model.predict(X, alpha=0.3))
    with pytest.raises(ValueError, match=r"alpha=0\.5 is not one of the alphas learnt"):
        model.predict(X, alpha=0.5)


@pytest.mark.parametrize("weighted", [False, True])
def test_progressive_loss_is_that_of_rows_before_they_are_learnt(weighted):
    X, y = regression(30, 4)
    weight = np.linspace(0.5, 2.0, 30) if weighted else np.ones(30)
    settings = {"shuffle": False, "eta0": 0.05, "random_state": 0}
    model = SGDRegressor(**settings)
    errors = []
    for i in range(30):
        eta = model.predict(X[[i]])[0] if i else 0.0
        errors.append((y[i] - eta) ** 2 / 2)
        model.partial_fit(X[[i]], y[[i]], sample_weight=weight[[i]])
    expected = np.average(errors, weights=weight)
    assert model.progressive_loss_ == pytest.approx(expected, rel=1e-12)
    at_once = SGDRegressor(**settings).partial_fit(X, y, sample_weight=weight)
    assert at_once.progressive_loss_ == pytest.approx(expected, rel=1e-12)
    assert at_once.loss_curve_ == pytest.approx([expected], rel=1e-12)


def test_early_stopping_follows_rows_that_are_not_learnt():
    X, y = regression(200, 60, noise=2.0)
    settings = {"early_stopping": True, "random_state": 0, "eta0": 0.02}
    settings["validation_fraction"] = 0.5
    model = SGDRegressor(alpha=[1e-4, 0.3, 100.0], **settings).fit(X, y)
    assert model.alpha_ == 0.3
    assert model.n_iter_ < 1000
    one = SGDRegressor(alpha=1e-4, **settings, tol=None, max_iter=3).fit(X, y)
    assert one.t_ == 1 + 3 * 100


def test_stopping_warns_and_counts():
    X, y = regression()
    with pytest.warns(ConvergenceWarning, match="Consider increasing max_iter"):
        model = SGDRegressor(max_iter=3, tol=1e-9).fit(X, y)
    assert model.n_iter_ == 3
    assert model.t_ == 1 + 3 * len(y)
    assert len(model.loss_curve_) == 3
    model = SGDRegressor(max_iter=1000, tol=1e-2).fit(X, y)
    assert 6 <= model.n_iter_ < 100
    assert SGDRegressor(max_iter=7, tol=None).fit(X, y).n_iter_ == 7


@pytest.mark.parametrize("solver", SOLVERS)
def test_same_seed_same_bits(solver):
    X, y = classification()
    settings = {"max_iter": 5, "tol": None, **SOLVERS[solver]}
    one, two, other = (
        SGDClassifier(random_state=seed, **settings).fit(X, y) for seed in (0, 0, 1)
    )
    same_bits(one, two)
    assert not np.array_equal(learned(one), learned(other))


@pytest.mark.parametrize("class_weight", [{0: 3.0, 1: 0.5}, "balanced"])
def test_class_weights_are_factors_of_sample_weights(class_weight):
    X, y = classification(90, 4)
    y[:40] = 0
    sizes = np.bincount(y)
    factors = len(y) / (2 * sizes) if class_weight == "balanced" else np.array([3.0, 0.5])
    settings = {"random_state": 0, "max_iter": 4, "tol": None}
    one = SGDClassifier("log_loss", class_weight=class_weight, **settings).fit(X, y)
    two = SGDClassifier("log_loss", **settings).fit(X, y, sample_weight=factors[y])
    np.testing.assert_allclose(one.coef_, two.coef_, rtol=1e-9)
    np.testing.assert_allclose(one.progressive_loss_, two.progressive_loss_, rtol=1e-9)


def test_probabilities():
    X, y = classification(90, 4, n_classes=3)
    model = SGDClassifier("log_loss", random_state=0).fit(X, y)
    odds = 1 / (1 + np.exp(-model.decision_function(X)))
    expected = odds / odds.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict_proba(X), expected, rtol=1e-12)
    np.testing.assert_allclose(model.predict_log_proba(X), np.log(expected), rtol=1e-9)
    huber = SGDClassifier("modified_huber", random_state=0, eta0=5.0).fit(X, y)
    np.testing.assert_allclose(huber.predict_proba(X).sum(axis=1), 1.0)
    assert not hasattr(SGDClassifier("hinge"), "predict_proba")


def test_predictions_of_log_links_are_means():
    X, y = regression(100, 3)
    model = SGDRegressor("poisson", random_state=0).fit(X, np.exp(y / 4))
    np.testing.assert_allclose(
        model.predict(X), np.exp(X @ model.coef_ + model.intercept_), rtol=1e-12
    )
