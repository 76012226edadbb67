"""RidgeCV: leave-one-out is what refitting without each row gives."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import Ridge as SklearnRidge
from sklearn.metrics import get_scorer, make_scorer, mean_squared_error
from sklearn.model_selection import GridSearchCV, KFold, LeaveOneOut, ShuffleSplit

from skreg import Ridge, RidgeCV
from tests.linear import oracle
from tests.linear.problems import PROBLEMS, gaussian

ALPHAS = np.array([1e-3, 0.1, 1.0, 50.0])
LONG = np.longdouble


def stacked(X, y, weight, fit_intercept):
    """Rows times the square roots of their weights, with a column for the intercept."""
    X, y = oracle.dense(X).astype(LONG), np.asarray(y, dtype=LONG)
    weight = np.ones(len(y)) if weight is None else weight
    roots = np.sqrt(np.asarray(weight, dtype=LONG))
    if fit_intercept:
        X = np.column_stack([X, np.ones(len(y), dtype=LONG)])
    return X, y, roots


def held_out_errors(X, y, weight, fit_intercept, alpha):
    """y_i minus the prediction of the model fitted to the other rows, in long doubles."""
    X, y, roots = stacked(X, y, weight, fit_intercept)
    n_features = X.shape[1] - int(fit_intercept)
    penalty = np.sqrt(LONG(alpha)) * np.eye(n_features, X.shape[1], dtype=LONG)
    errors = np.empty_like(y)
    for i in range(len(y)):
        rest = (np.arange(len(y)) != i) & (roots > 0)
        rows = np.vstack([X[rest] * roots[rest, None], penalty])
        goal = (y[rest].T * roots[rest]).T
        goal = np.concatenate([goal, np.zeros((n_features, *y.shape[1:]), dtype=LONG)])
        errors[i] = y[i] - X[i] @ oracle.least_squares(rows, goal)
    return errors


def brute_force(X, y, weight=None, fit_intercept=True, alphas=ALPHAS):
    """Errors with the alphas on the last axis."""
    errors = [held_out_errors(X, y, weight, fit_intercept, alpha) for alpha in alphas]
    return np.stack(errors, axis=-1).astype(float)


def weighted_squares(errors, weight):
    if weight is None:
        return errors**2
    return errors**2 * weight.reshape(-1, *[1] * (errors.ndim - 1))


def assert_matches(model, errors, weight=None, alphas=ALPHAS, rtol=1e-8):
    """cv_results_, best_score_ and alpha_ of leave-one-out errors of one target."""
    squares = weighted_squares(errors, weight)
    scale = np.abs(squares).max()
    np.testing.assert_allclose(
        model.cv_results_, squares, rtol=rtol, atol=1e-2 * rtol * scale
    )
    rows = np.ones(len(squares), bool) if weight is None else weight > 0
    mean = squares[rows].reshape(-1, len(alphas)).mean(axis=0)
    assert model.alpha_ == alphas[np.argmin(mean)]
    np.testing.assert_allclose(model.best_score_, -mean.min(), rtol=rtol)


LOO_PROBLEMS = [
    "tall",
    "wide",
    "duplicate_columns",
    "constant_columns",
    "correlated",
    "weighted",
    "zero_weights",
    "sparse_wide",
    "sparse_weighted",
]


@pytest.mark.parametrize("name", LOO_PROBLEMS)
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("gcv_mode", ["auto", "svd"])
@pytest.mark.filterwarnings("ignore:The 'svd' mode:FutureWarning")
def test_errors_of_leave_one_out(name, fit_intercept, gcv_mode):
    problem = PROBLEMS[name]()
    small = problem.X.shape[1] > 40
    columns = slice(0, 45) if small else slice(None)
    X, y, weight = problem.X[:, columns], problem.y, problem.sample_weight
    model = RidgeCV(
        ALPHAS, fit_intercept=fit_intercept, gcv_mode=gcv_mode, store_cv_results=True
    )
    model.fit(X, y, sample_weight=weight)
    assert_matches(model, brute_force(X, y, weight, fit_intercept), weight)


@pytest.mark.parametrize("name", ["tall", "weighted", "sparse_tall"])
def test_the_final_fit_is_ridge_at_the_chosen_alpha(name):
    problem = PROBLEMS[name]()
    model = RidgeCV(ALPHAS).fit(*problem[:3])
    ridge = Ridge(model.alpha_).fit(*problem[:3])
    np.testing.assert_allclose(model.coef_, ridge.coef_, rtol=1e-12)
    np.testing.assert_allclose(model.intercept_, ridge.intercept_, rtol=1e-12)
    assert 0 < model.relative_gap_ <= 1e-12


def targets(problem):
    y = problem.y
    return np.column_stack([y, np.roll(y, 5), 10 * problem.X[:, 0] + y])


@pytest.mark.parametrize("name", ["tall", "weighted"])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_several_targets(name, fit_intercept):
    problem = PROBLEMS[name]()
    Y, weight = targets(problem), problem.sample_weight
    errors = brute_force(problem.X, Y, weight, fit_intercept)
    model = RidgeCV(ALPHAS, fit_intercept=fit_intercept, store_cv_results=True)
    model.fit(problem.X, Y, weight)
    assert model.cv_results_.shape == (len(Y), 3, len(ALPHAS))
    assert_matches(model, errors, weight)
    each = RidgeCV(
        ALPHAS,
        fit_intercept=fit_intercept,
        store_cv_results=True,
        alpha_per_target=True,
    )
    each.fit(problem.X, Y, weight)
    mean = weighted_squares(errors, weight).mean(axis=0)
    np.testing.assert_array_equal(each.alpha_, ALPHAS[np.argmin(mean, axis=1)])
    np.testing.assert_allclose(each.best_score_, -mean.min(axis=1), rtol=1e-8)
    for k in range(3):
        ridge = Ridge(each.alpha_[k], fit_intercept=fit_intercept)
        ridge.fit(problem.X, Y[:, k], weight)
        np.testing.assert_allclose(each.coef_[k], ridge.coef_, rtol=1e-9)


def test_targets_that_want_different_alphas():
    X, _ = gaussian(40, 10, 5, seed=71)
    noise = np.random.default_rng(71).standard_normal(40)
    model = RidgeCV([1e-2, 1e4], alpha_per_target=True)
    model.fit(X, np.column_stack([X @ np.ones(10), noise]))
    np.testing.assert_array_equal(model.alpha_, [1e-2, 1e4])


@pytest.mark.parametrize("convert", [sparse.csr_array, sparse.csc_array])
@pytest.mark.parametrize("shape", [(40, 8), (15, 30)])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_sparse_equals_dense(convert, shape, fit_intercept):
    rng = np.random.default_rng(72)
    X = rng.standard_normal(shape) * (rng.uniform(size=shape) < 0.4)
    y = rng.standard_normal(shape[0]) + X[:, 0]
    weight = rng.uniform(0.5, 2, shape[0])
    model = RidgeCV(ALPHAS, fit_intercept=fit_intercept, store_cv_results=True)
    dense = model.fit(X, y, weight).cv_results_
    from_sparse = model.fit(convert(X), y, weight).cv_results_
    np.testing.assert_allclose(from_sparse, dense, rtol=1e-8)


def badly_scaled(n_samples, n_features, seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, n_features))
    X *= np.geomspace(1e-6, 1e6, n_features)
    return X, rng.standard_normal(n_samples) + X[:, 0] * 1e6


TINY_ALPHAS = np.array([1e-12, 1e-8, 1e-4, 1.0, 1e4])


@pytest.mark.parametrize("shape", [(30, 6), (12, 20)])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("gcv_mode", ["auto", "svd", "eigen"])
def test_columns_of_very_different_scale(shape, fit_intercept, gcv_mode):
    X, y = badly_scaled(*shape, seed=73)
    errors = brute_force(X, y, None, fit_intercept, TINY_ALPHAS)
    model = RidgeCV(
        TINY_ALPHAS,
        fit_intercept=fit_intercept,
        gcv_mode=gcv_mode,
        store_cv_results=True,
    )
    model.fit(X, y)
    assert_matches(model, errors, alphas=TINY_ALPHAS, rtol=1e-6)


@pytest.mark.parametrize("shape", [(30, 6), (12, 20)])
@pytest.mark.parametrize("gcv_mode", ["auto", "svd", "eigen"])
def test_tiny_alphas(shape, gcv_mode):
    X, y = gaussian(*shape, 4, seed=74)
    errors = brute_force(X, y, None, True, TINY_ALPHAS)
    model = RidgeCV(TINY_ALPHAS, gcv_mode=gcv_mode, store_cv_results=True).fit(X, y)
    assert_matches(model, errors, alphas=TINY_ALPHAS)


@pytest.mark.parametrize("gcv_mode", ["auto", "svd", "eigen"])
def test_nearly_dependent_columns(gcv_mode):
    X, y = gaussian(30, 6, 4, seed=75)
    X[:, 5] = X[:, 0] + 1e-7 * X[:, 5]
    errors = brute_force(X, y, None, True, TINY_ALPHAS)
    model = RidgeCV(TINY_ALPHAS, gcv_mode=gcv_mode, store_cv_results=True).fit(X, y)
    assert_matches(model, errors, alphas=TINY_ALPHAS, rtol=1e-6)


@pytest.mark.parametrize("alpha", [1e-10, 1e-4, 1.0])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_a_row_that_alone_has_a_feature(alpha, fit_intercept):
    """Its leverage is one up to alpha, and its error is that of a model without it."""
    X, y = gaussian(25, 5, 3, seed=76)
    X[:, 4] = 0.0
    X[7, 4] = 3.0
    errors = brute_force(X, y, None, fit_intercept, [alpha])
    model = RidgeCV([alpha], fit_intercept=fit_intercept, store_cv_results=True)
    model.fit(X, y)
    assert_matches(model, errors, alphas=np.array([alpha]), rtol=1e-6)


def test_a_row_far_away():
    X, y = gaussian(25, 5, 3, seed=77)
    X[3] *= 1e6
    errors = brute_force(X, y, None, True, ALPHAS)
    model = RidgeCV(ALPHAS, store_cv_results=True).fit(X, y)
    assert_matches(model, errors, rtol=1e-6)


def test_one_row_has_nearly_all_the_weight():
    X, y = gaussian(20, 4, 3, seed=78)
    weight = np.ones(20)
    weight[5] = 1e9
    errors = brute_force(X, y, weight, True, ALPHAS)
    model = RidgeCV(ALPHAS, store_cv_results=True).fit(X, y, weight)
    assert_matches(model, errors, weight, rtol=1e-6)


def leave_one_out_predictions(X, y, alphas, weight=None):
    return y[:, None] - brute_force(X, y, weight, True, alphas)


@pytest.mark.parametrize(
    "scoring", ["neg_mean_squared_error", "neg_mean_absolute_error", "r2"]
)
@pytest.mark.parametrize("name", ["tall", "weighted"])
def test_scoring_sees_the_leave_one_out_predictions(scoring, name):
    problem = PROBLEMS[name]()
    weight = problem.sample_weight
    expected = leave_one_out_predictions(problem.X, problem.y, ALPHAS, weight)
    model = RidgeCV(ALPHAS, scoring=scoring, store_cv_results=True)
    model.fit(*problem[:3])
    np.testing.assert_allclose(model.cv_results_, expected, rtol=1e-7)
    scorer = get_scorer(scoring)
    scores = [
        scorer._sign * scorer._score_func(problem.y, column, sample_weight=weight)
        for column in expected.T
    ]
    assert model.alpha_ == ALPHAS[np.argmax(scores)]
    np.testing.assert_allclose(model.best_score_, np.max(scores), rtol=1e-8)


def test_scoring_with_a_callable():
    problem = PROBLEMS["tall"]()
    scorer = make_scorer(mean_squared_error, greater_is_better=False)
    named = RidgeCV(ALPHAS, scoring="neg_mean_squared_error")
    called = RidgeCV(ALPHAS, scoring=scorer)
    named.fit(problem.X, problem.y)
    called.fit(problem.X, problem.y)
    assert called.alpha_ == named.alpha_
    assert called.best_score_ == named.best_score_


def test_scoring_of_squares_chooses_what_no_scoring_chooses():
    problem = PROBLEMS["tall"]()
    plain = RidgeCV(ALPHAS).fit(problem.X, problem.y)
    scored = RidgeCV(ALPHAS, scoring="neg_mean_squared_error")
    scored.fit(problem.X, problem.y)
    np.testing.assert_allclose(plain.best_score_, scored.best_score_, rtol=1e-12)


@pytest.mark.parametrize("name", ["tall", "wide", "weighted", "diabetes"])
@pytest.mark.parametrize(
    "cv", [5, KFold(4, shuffle=True, random_state=0), ShuffleSplit(3, random_state=1)]
)
@pytest.mark.parametrize("scoring", [None, "neg_mean_absolute_error"])
def test_cv_equals_a_grid_search_over_scikit_learns_ridge(name, cv, scoring):
    problem = PROBLEMS[name]()
    model = RidgeCV(ALPHAS, cv=cv, scoring=scoring).fit(*problem[:3])
    search = GridSearchCV(
        SklearnRidge(solver="svd"), {"alpha": ALPHAS.tolist()}, cv=cv, scoring=scoring
    )
    weight = problem.sample_weight
    params = {} if weight is None else {"sample_weight": weight}
    search.fit(problem.X, problem.y, **params)
    assert model.alpha_ == search.best_params_["alpha"]
    np.testing.assert_allclose(model.best_score_, search.best_score_, rtol=1e-8)
    reference = search.best_estimator_.coef_
    np.testing.assert_allclose(model.coef_, reference, atol=1e-8 * np.abs(reference).max())


def test_cv_with_leave_one_out_chooses_what_the_default_chooses():
    problem = PROBLEMS["tall"]()
    default = RidgeCV(ALPHAS).fit(problem.X, problem.y)
    split = RidgeCV(ALPHAS, cv=LeaveOneOut(), scoring="neg_mean_squared_error")
    split.fit(problem.X, problem.y)
    assert default.alpha_ == split.alpha_
    np.testing.assert_allclose(default.best_score_, split.best_score_, rtol=1e-8)


def test_rows_of_weight_zero_are_absent():
    problem = PROBLEMS["zero_weights"]()
    kept = problem.sample_weight > 0
    assert not kept.all()
    model = RidgeCV(ALPHAS, store_cv_results=True).fit(*problem[:3])
    rest = RidgeCV(ALPHAS, store_cv_results=True)
    rest.fit(problem.X[kept], problem.y[kept], problem.sample_weight[kept])
    assert model.alpha_ == rest.alpha_
    assert model.best_score_ == rest.best_score_
    np.testing.assert_array_equal(model.coef_, rest.coef_)
    np.testing.assert_array_equal(model.cv_results_[kept], rest.cv_results_)
    assert np.all(model.cv_results_[~kept] == 0)


def test_float32():
    X, y = gaussian(30, 6, 4, seed=79)
    X = X.astype(np.float32)
    errors = brute_force(X, y)
    model = RidgeCV(ALPHAS, store_cv_results=True).fit(X, y)
    assert model.coef_.dtype == np.float32
    np.testing.assert_allclose(model.cv_results_, errors**2, rtol=1e-4, atol=1e-6)
