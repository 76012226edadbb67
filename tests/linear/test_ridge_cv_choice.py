"""RidgeCV: criteria from their formulas, rules, and what is kept of every alpha."""

import numpy as np
import pytest
import sklearn.linear_model
from scipy import sparse

from skreg import Ridge, RidgeCV
from skreg._solvers import leave_one_out as loo_module
from skreg._solvers import spectrum as spectrum_module
from skreg.linear import _ridge_cv as ridge_cv_module
from skreg.paths import ridge_curves
from tests.linear.problems import PROBLEMS, gaussian
from tests.linear.test_ridge_cv import brute_force, weighted_squares

ALPHAS = np.array([50.0, 1e-3, 1.0, 0.1, 1.0])
SHAPES = pytest.mark.parametrize("shape", [(40, 6), (20, 30)], ids=["tall", "wide"])
WEIGHTED = pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
INTERCEPT = pytest.mark.parametrize("fit_intercept", [True, False])


def data(shape, weighted, seed=0, n_targets=1):
    rng = np.random.default_rng(seed)
    X, y = gaussian(*shape, 4, seed=seed)
    Y = np.column_stack([y, *rng.standard_normal((n_targets - 1, len(y)))])
    weight = rng.uniform(0.2, 3, len(y)) if weighted else None
    return X, (Y if n_targets > 1 else y), weight


def hat_matrix(X, weight, alpha, fit_intercept):
    """y -> fitted values, from the normal equations with a column for the intercept."""
    weight = np.ones(len(X)) if weight is None else weight
    penalty = alpha * np.eye(X.shape[1] + fit_intercept)
    if fit_intercept:
        X = np.column_stack([X, np.ones(len(X))])
        penalty[-1, -1] = 0.0
    return X @ np.linalg.solve((X.T * weight) @ X + penalty, X.T * weight)


def rss_and_df(X, y, weight, fit_intercept, alphas=ALPHAS):
    """Shapes (n_alphas,) or (n_alphas, n_targets), and (n_alphas,)."""
    hats = [hat_matrix(X, weight, alpha, fit_intercept) for alpha in alphas]
    weight = np.ones(len(X)) if weight is None else weight
    rss = np.array([weight @ (y - hat @ y) ** 2 for hat in hats])
    return rss, np.array([np.trace(hat) for hat in hats])


FORMULAS = {
    "gcv": lambda rss, df, n: n * rss / (n - df) ** 2,
    "aic": lambda rss, df, n: n * np.log(rss / n) + 2 * df,
    "bic": lambda rss, df, n: n * np.log(rss / n) + np.log(n) * df,
    "ebic": lambda rss, df, n: n * np.log(rss / n) + np.log(n) * df,
}


@pytest.mark.parametrize("cv", FORMULAS)
@SHAPES
@WEIGHTED
@INTERCEPT
def test_criteria_are_their_formulas(cv, shape, weighted, fit_intercept):
    X, y, weight = data(shape, weighted)
    rss, df = rss_and_df(X, y, weight, fit_intercept)
    n = len(y) if weight is None else weight.sum()
    expected = FORMULAS[cv](rss, df, n)
    model = RidgeCV(ALPHAS, cv=cv, fit_intercept=fit_intercept).fit(X, y, weight)
    np.testing.assert_allclose(-model.alpha_results_.mean_score[0], expected, rtol=1e-8)
    np.testing.assert_allclose(model.alpha_results_.df[0], df, rtol=1e-8)
    assert model.alpha_ == model.alpha_min_ == ALPHAS[np.argmin(expected)]
    assert model.best_score_ == pytest.approx(-expected.min(), rel=1e-8)
    assert not hasattr(model, "cv_predictions_")
    assert not hasattr(model, "alpha_1se_")
    assert np.isnan(model.alpha_results_.se_score).all()


@pytest.mark.parametrize(("cv", "factor"), [("aic", 2.0), ("bic", np.log(40))])
def test_known_noise_variance(cv, factor):
    X, y, _ = data((40, 6), False)
    rss, df = rss_and_df(X, y, None, True)
    model = RidgeCV(ALPHAS, cv=cv, noise_variance=1.3).fit(X, y)
    expected = rss / 1.3 + factor * df
    np.testing.assert_allclose(-model.alpha_results_.mean_score[0], expected, rtol=1e-9)


@pytest.mark.parametrize("cv", FORMULAS)
@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array, sparse.csc_array])
def test_criteria_of_integer_weights_are_those_of_repeated_rows(cv, convert):
    X, y, _ = data((40, 6), False)
    X = np.where(np.abs(X) < 0.5, 0.0, X)
    weight = np.random.default_rng(1).integers(0, 4, 40)
    rows = np.repeat(np.arange(40), weight)
    weighted = RidgeCV(ALPHAS, cv=cv).fit(convert(X), y, weight.astype(float))
    repeated = RidgeCV(ALPHAS, cv=cv).fit(X[rows], y[rows])
    for name in ("mean_score", "df"):
        found, expected = weighted.alpha_results_[name], repeated.alpha_results_[name]
        np.testing.assert_allclose(found, expected, rtol=1e-10)
    assert weighted.alpha_ == repeated.alpha_


@pytest.mark.parametrize("cv", ["gcv", "bic"])
@SHAPES
def test_criteria_of_several_targets(cv, shape):
    X, Y, weight = data(shape, True, n_targets=3)
    rss, df = rss_and_df(X, Y, weight, True)
    expected = FORMULAS[cv](rss, df[:, None], weight.sum())
    together = RidgeCV(ALPHAS, cv=cv).fit(X, Y, weight)
    assert together.alpha_ == ALPHAS[np.argmin(expected.mean(axis=1))]
    each = RidgeCV(ALPHAS, cv=cv, alpha_per_target=True).fit(X, Y, weight)
    np.testing.assert_array_equal(each.alpha_, ALPHAS[np.argmin(expected, axis=0)])
    np.testing.assert_allclose(-each.alpha_results_.mean_score[0], expected, rtol=1e-8)
    np.testing.assert_allclose(each.best_score_, -expected.min(axis=0), rtol=1e-8)


def test_criteria_of_standardized_columns_are_those_behind_a_scaler():
    X, y, weight = data((40, 6), True)
    X *= np.geomspace(1e-3, 1e3, 6)
    spread = np.sqrt(np.average((X - np.average(X, 0, weight)) ** 2, 0, weight))
    rss, df = rss_and_df(X / spread, y, weight, True)
    model = RidgeCV(ALPHAS, cv="gcv", standardize=True).fit(X, y, weight)
    expected = FORMULAS["gcv"](rss, df, weight.sum())
    np.testing.assert_allclose(-model.alpha_results_.mean_score[0], expected, rtol=1e-8)
    ridge = Ridge(model.alpha_, standardize=True).fit(X, y, weight)
    np.testing.assert_allclose(model.coef_, ridge.coef_, rtol=1e-9)


@SHAPES
@WEIGHTED
@INTERCEPT
def test_leave_one_out_is_brute_force(shape, weighted, fit_intercept):
    X, y, weight = data(shape, weighted, seed=3)
    errors = brute_force(X, y, weight, fit_intercept, ALPHAS)
    squares = weighted_squares(errors, weight)
    model = RidgeCV(ALPHAS, cv="loo", fit_intercept=fit_intercept).fit(X, y, weight)
    results = model.alpha_results_
    np.testing.assert_allclose(results.mean_score[0], -squares.mean(axis=0), rtol=1e-10)
    std = squares.std(axis=0, ddof=1)
    np.testing.assert_allclose(results.std_score[0], std, rtol=1e-9)
    np.testing.assert_allclose(results.se_score[0], std / np.sqrt(len(y)), rtol=1e-9)
    best = np.argmin(squares.mean(axis=0))
    np.testing.assert_allclose(model.cv_predictions_, y - errors[:, best], rtol=1e-9)
    _, df = rss_and_df(X, y, weight, fit_intercept)
    np.testing.assert_allclose(results.df[0], df, rtol=1e-10)
    np.testing.assert_array_equal(results.support_size, np.full((1, 5), shape[1]))


def test_three_hundred_alphas_are_as_exact_as_one():
    X, y, weight = data((60, 8), True, seed=4)
    alphas = np.geomspace(1e-9, 1e9, 300)
    model = RidgeCV(alphas, store_cv_results=True).fit(X, y, weight)
    some = slice(None, None, 23)
    errors = brute_force(X, y, weight, True, alphas[some])
    expected = weighted_squares(errors, weight)
    np.testing.assert_allclose(model.cv_results_[:, some], expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("condition", [1e4, 1e6, 3e7, 1e10])
@pytest.mark.parametrize("shape", [(40, 8), (12, 20)], ids=["tall", "wide"])
def test_ten_digits_whatever_the_condition(condition, shape):
    """`condition` is that of the Gram matrix."""
    rng, rank = np.random.default_rng(0), min(shape)
    left, right = (np.linalg.qr(rng.standard_normal((n, rank)))[0] for n in shape)
    X = left * np.sqrt(np.geomspace(100, 100 / condition, rank)) @ right.T
    y = X @ rng.standard_normal(shape[1]) + rng.standard_normal(shape[0])
    alphas = np.array([1e-9, 0.1 / condition, 1.0])
    expected = y[:, None] - brute_force(X, y, None, True, alphas)
    model = RidgeCV(alphas, scoring="neg_mean_squared_error", store_cv_results=True)
    found = model.fit(X, y).cv_results_
    size = np.abs(expected - y[:, None]).max()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10 * size)


def badly_scaled_and_wide(seed):
    """More features than rows, of very different scales, weights and an intercept."""
    rng = np.random.default_rng(seed)
    n_samples = rng.integers(8, 25)
    n_features = n_samples + rng.integers(-2, 8)
    X = rng.standard_normal((n_samples, n_features)) * np.geomspace(1, 1e3, n_features)
    y = X[:, :3].sum(axis=1) + rng.standard_normal(n_samples)
    return X, y, rng.uniform(0.1, 3, n_samples) if seed % 3 else None


@pytest.mark.parametrize("seed", [174, 446, 482])
def test_the_choice_is_that_of_brute_force_where_scikit_learns_is_not(seed):
    """There, tiny alphas look better than they are, and 1e-6 is chosen."""
    alphas = np.array([1e-6, 1e-2, 1.0])
    X, y, weight = badly_scaled_and_wide(seed)
    squares = weighted_squares(brute_force(X, y, weight, True, alphas), weight)
    expected = alphas[np.argmin(squares.mean(axis=0))]
    model = RidgeCV(alphas, store_cv_results=True).fit(X, y, weight)
    assert model.alpha_ == expected > 1e-6
    np.testing.assert_allclose(model.cv_results_, squares, rtol=1e-7, atol=1e-7)
    theirs = sklearn.linear_model.RidgeCV(alphas).fit(X, y, weight)
    assert theirs.alpha_ == 1e-6


@pytest.mark.parametrize("scoring", [None, "neg_mean_absolute_error"])
@pytest.mark.parametrize("per_target", [False, True])
@SHAPES
def test_nothing_depends_on_what_fits_into_memory(scoring, per_target, shape, monkeypatch):
    X, Y, weight = data(shape, True, n_targets=2)
    settings = {"alpha_per_target": per_target, "store_cv_results": True}
    model = RidgeCV(ALPHAS, scoring=scoring, **settings).fit(X, Y, weight)
    parts = [slice(0, 2), slice(2, 4), slice(4, 6)]
    monkeypatch.setattr(ridge_curves, "_parts", lambda l2, data: parts)
    monkeypatch.setattr(spectrum_module, "BLOCK_ELEMENTS", 100)
    monkeypatch.setattr(loo_module, "BLOCK_ELEMENTS", 100)
    again = RidgeCV(ALPHAS, scoring=scoring, **settings).fit(X, Y, weight)
    for name in ("alpha_", "best_score_", "cv_results_", "cv_predictions_"):
        found, expected = getattr(again, name), getattr(model, name)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12, err_msg=name)
    for name, expected in model.alpha_results_.items():
        np.testing.assert_allclose(again.alpha_results_[name], expected, rtol=1e-9)


def test_parts_of_the_alphas_have_a_bounded_size():
    class Tall:
        y = np.empty((10**6, 2))
        X = np.empty((1, 3))

    parts = ridge_curves._parts(np.ones(50), Tall)
    sizes = [len(np.arange(50)[part]) for part in parts]
    assert sum(sizes) == 50
    assert 8 * max(sizes) * Tall.y.size <= ridge_curves.MAX_KEPT_BYTES


CV = pytest.mark.parametrize("cv", ["loo", "gcv", 4], ids=str)


@CV
@SHAPES
@INTERCEPT
@pytest.mark.parametrize("n_targets", [1, 3])
@pytest.mark.parametrize("standardize", [False, True])
def test_the_path_holds_the_fit_at_every_alpha(
    cv, shape, fit_intercept, n_targets, standardize
):
    X, y, weight = data(shape, True, n_targets=n_targets)
    how = {"fit_intercept": fit_intercept, "standardize": standardize}
    model = RidgeCV(ALPHAS, cv=cv, **how).fit(X, y, weight)
    np.testing.assert_array_equal(model.alphas_, ALPHAS)
    outer = (n_targets,) if n_targets > 1 else ()
    assert model.coef_path_.shape == (*outer, shape[1], 5)
    assert model.intercept_path_.shape == (*outer, 5)
    for k, alpha in enumerate(ALPHAS):
        ridge = Ridge(alpha, **how).fit(X, y, weight)
        np.testing.assert_allclose(model.coef_path_[..., k], ridge.coef_, rtol=1e-8)
        np.testing.assert_allclose(
            model.intercept_path_[..., k], ridge.intercept_, rtol=1e-8, atol=1e-12
        )
    best = int(np.flatnonzero(model.alpha_ == ALPHAS)[0])
    np.testing.assert_allclose(model.coef_, model.coef_path_[..., best], rtol=1e-9)


@CV
@pytest.mark.parametrize("name", ["tall", "wide", "weighted", "correlated", "sparse_tall"])
def test_the_final_fit_is_as_good_as_that_of_ridge(cv, name):
    problem = PROBLEMS[name]()
    for alphas in ([1e-6], [1.0], [1e4]):
        model = RidgeCV(alphas, cv=cv).fit(*problem[:3])
        assert 0 < model.relative_gap_ <= 1e-12
        ridge = Ridge(alphas[0]).fit(*problem[:3])
        np.testing.assert_allclose(model.coef_, ridge.coef_, rtol=1e-8, atol=1e-10)


@CV
def test_float32_and_its_attributes(cv):
    X, y, _ = data((40, 6), False)
    model = RidgeCV(ALPHAS, cv=cv).fit(X.astype(np.float32), y)
    exact = RidgeCV(ALPHAS, cv=cv).fit(X.astype(np.float32).astype(float), y)
    for name in ("coef_", "coef_path_", "intercept_path_", "cv_predictions_"):
        if hasattr(exact, name):
            assert getattr(model, name).dtype == np.float32
            np.testing.assert_allclose(
                getattr(model, name), getattr(exact, name), rtol=1e-5, atol=1e-5
            )
    assert model.relative_gap_ <= 1e-6


def one_standard_error(results):
    mean, se = results.mean_score[0], results.se_score[0]
    best = int(np.argmax(mean))
    return max(results.alpha[0][mean >= mean[best] - se[best]])


@pytest.mark.parametrize("cv", [None, "loo", 5])
@WEIGHTED
def test_one_standard_error(cv, weighted):
    X, y, weight = data((40, 6), weighted, seed=5)
    grid = np.geomspace(1e3, 1e-3, 31)
    model = RidgeCV(grid, cv=cv, rule="1se").fit(X, y, weight)
    expected = one_standard_error(model.alpha_results_)
    assert model.alpha_ == model.alpha_1se_ == expected > model.alpha_min_
    least = RidgeCV(grid, cv=cv).fit(X, y, weight)
    assert least.alpha_ == least.alpha_min_ == model.alpha_min_
    assert least.alpha_1se_ == expected
    np.testing.assert_allclose(
        model.coef_, Ridge(expected).fit(X, y, weight).coef_, rtol=1e-10
    )
    rows = model.cv_predictions_ != least.cv_predictions_
    assert rows.all()


@CV
@pytest.mark.parametrize("as_tuple", [False, True])
def test_a_rule_of_the_user(cv, as_tuple):
    def third(results):
        assert results.mean_score.shape == results.alpha.shape == (1, 5)
        return (0, 3) if as_tuple else 3

    X, y, _ = data((40, 6), False)
    model = RidgeCV(ALPHAS, cv=cv, rule=third).fit(X, y)
    assert model.alpha_ == 0.1
    assert model.best_score_ == model.alpha_results_.mean_score[0, 3]


@CV
def test_a_rule_of_the_user_for_every_target(cv):
    def of_small_variance(results):
        assert results.mean_score.shape == results.se_score.shape == (1, 5)
        return int(results.mean_score[0, 0] > -5.0)

    X, Y, _ = data((40, 6), False, n_targets=2)
    Y[:, 0] *= 100
    if cv == 4:
        Y[:, 0] = Y[:, 1] * 1.0
    model = RidgeCV(ALPHAS, cv=cv, rule=of_small_variance, alpha_per_target=True)
    model.fit(X, Y)
    expected = np.where(model.alpha_results_.mean_score[0, 0] > -5.0, 1e-3, 50.0)
    np.testing.assert_array_equal(model.alpha_, expected)


def test_the_first_of_equal_scores_is_chosen():
    X, y, _ = data((40, 6), False)
    for cv in (None, "gcv", 4):
        model = RidgeCV([1.0, 1.0], cv=cv, rule="min").fit(X, y)
        scores = model.alpha_results_.mean_score[0]
        assert scores[0] == scores[1]
        assert RidgeCV([1.0, 5.0, 1.0], cv=cv, rule="min").fit(X, y).alpha_ in (1.0, 5.0)


REFUSED = {
    "unknown cv": ({"cv": "press"}, "'cv' parameter.*'press'"),
    "unknown rule": ({"rule": "2se"}, "'rule' parameter.*'2se'"),
    "criterion with scoring": (
        {"cv": "gcv", "scoring": "r2"},
        "scoring must be None with cv='gcv'.*'r2'",
    ),
    "criterion with one standard error": (
        {"cv": "aic", "rule": "1se"},
        "rule='1se' needs scores with a standard error.*cv='aic'",
    ),
    "leave-one-out with a score of all rows": (
        {"rule": "1se", "scoring": "r2"},
        "rule='1se' with leave-one-out needs scoring=None.*'r2'",
    ),
    "criterion with store_cv_results": (
        {"cv": "bic", "store_cv_results": True},
        "cv!=None and store_cv_results=True are incompatible",
    ),
    "alpha zero": ({"cv": "gcv", "alphas": [1.0, 0.0]}, r"alphas\[1\] == 0.0, must be > 0"),
    "rule out of range": ({"rule": lambda results: 7}, "rule=.* returned 7"),
    "rule of text": ({"cv": 3, "rule": lambda results: "a"}, "rule=.* returned 'a'"),
}


@pytest.mark.parametrize(("settings", "match"), REFUSED.values(), ids=REFUSED)
def test_refused_and_left_as_it_was(settings, match):
    X, y, _ = data((40, 6), False)
    model = RidgeCV().fit(X, y)
    before = dict(vars(model.set_params(**settings)))
    with pytest.raises(ValueError, match=match):
        model.fit(X[:30], y[:30])
    assert vars(model) == before


def test_sparse_beyond_a_dense_factor_is_refused_with_what_it_needs(monkeypatch):
    X = sparse.random_array((60, 20), density=0.3, rng=np.random.default_rng(0)).tocsr()
    y = np.arange(60.0)
    monkeypatch.setattr(loo_module, "MAX_DENSE_BYTES", 100)
    with pytest.raises(ValueError, match=r"Exact leave-one-out.*GiB. Use cv=5"):
        RidgeCV().fit(X, y)
    with pytest.raises(ValueError, match=r"degrees of freedom.*GiB. Use cv=5"):
        RidgeCV(cv="gcv").fit(X, y)
    assert RidgeCV(cv=5).fit(X, y).relative_gap_ <= 1e-12


@pytest.mark.parametrize("cv", ["gcv", "aic"])
def test_criteria_of_fits_that_all_interpolate(cv):
    X, y, _ = data((20, 30), False)
    with pytest.raises(ValueError, match=rf"cv='{cv}' needs fits.*n = 20.*larger alphas"):
        RidgeCV([1e-13, 1e-12], cv=cv).fit(X, y)
    assert RidgeCV([1e-13, 1.0, 1e-12], cv=cv).fit(X, y).alpha_ == 1.0


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("cv", [None, 4])
def test_the_final_fit_is_done_anew_where_it_would_be_less_good(
    cv, standardize, monkeypatch
):
    X, y, weight = data((40, 6), True)
    model = RidgeCV(cv=cv, standardize=standardize).fit(X, y, weight)
    monkeypatch.setattr(ridge_cv_module, "CERTIFIED", 0.0)
    again = RidgeCV(cv=cv, standardize=standardize).fit(X, y, weight)
    ridge = Ridge(model.alpha_, standardize=standardize).fit(X, y, weight)
    for name in ("coef_", "intercept_", "dual_gap_", "relative_gap_"):
        assert np.array_equal(getattr(again, name), getattr(ridge, name))
    np.testing.assert_allclose(model.coef_, again.coef_, rtol=1e-10)


def test_loo_is_none():
    X, y, weight = data((40, 6), True)
    named, default = (RidgeCV(ALPHAS, cv=cv).fit(X, y, weight) for cv in ("loo", None))
    np.testing.assert_array_equal(named.coef_path_, default.coef_path_)
    assert named.best_score_ == default.best_score_
    stored = RidgeCV(ALPHAS, cv="loo", store_cv_results=True).fit(X, y, weight)
    assert stored.cv_results_.shape == (40, 5)


def test_attributes_of_another_way_are_forgotten():
    X, y, _ = data((40, 6), False)
    model = RidgeCV(cv=4).fit(X, y)
    assert hasattr(model, "mse_path_")
    model.set_params(cv="gcv").fit(X, y)
    for name in ("mse_path_", "cv_predictions_", "alpha_1se_"):
        assert not hasattr(model, name)
