"""The CV classes are a plain loop over folds, at a lower price."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.model_selection import GroupKFold, KFold, PredefinedSplit, ShuffleSplit

from skreg import (
    ElasticNet,
    ElasticNetCV,
    Lasso,
    LassoCV,
    MultiTaskElasticNet,
    MultiTaskElasticNetCV,
    MultiTaskLasso,
    MultiTaskLassoCV,
)
from skreg._validation import Validated
from skreg.paths.splitting import split_rows
from tests.linear import oracle
from tests.linear.problems import PROBLEMS, gaussian, with_targets

TIGHT = {"tol": 1e-13, "max_iter": 100_000}
NAMES = ["tall", "wide", "weighted", "sparse_tall", "sparse_wide", "diabetes"]
every_problem = pytest.mark.parametrize("name", NAMES)


def held_out_error(model, X, y, weight, train, test):
    """Weighted mean squared error on the test rows, averaged over the targets."""
    model.fit(X[train], y[train], None if weight is None else weight[train])
    squares = (y[test] - model.predict(X[test])) ** 2
    weights = None if weight is None else weight[test]
    return np.average(squares, axis=0, weights=weights).mean()


def by_loop(make, problem, alphas, folds):
    X, y, weight = problem[:3]
    X = sparse.csr_array(X) if sparse.issparse(X) else X
    return np.array(
        [
            [held_out_error(make(alpha), X, y, weight, *fold) for fold in folds]
            for alpha in alphas
        ]
    )


@every_problem
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_mse_path_of_the_lasso(name, fit_intercept):
    problem = PROBLEMS[name]()
    cv = KFold(4, shuffle=True, random_state=0)
    model = LassoCV(cv=cv, alphas=8, eps=0.02, fit_intercept=fit_intercept, **TIGHT)
    model.fit(*problem[:3])
    expected = by_loop(
        lambda alpha: Lasso(alpha, fit_intercept=fit_intercept, **TIGHT),
        problem,
        model.alphas_,
        list(cv.split(problem.X)),
    )
    assert model.mse_path_.shape == (8, 4)
    np.testing.assert_allclose(model.mse_path_, expected, rtol=1e-6)
    assert model.alpha_ == model.alphas_[np.argmin(expected.mean(axis=1))]


@pytest.mark.parametrize("name", ["tall", "weighted", "sparse_tall"])
@pytest.mark.parametrize("positive", [False, True])
def test_mse_path_of_the_elastic_net(name, positive):
    problem = PROBLEMS[name]()
    ratios = [0.2, 0.9]
    model = ElasticNetCV(
        l1_ratio=ratios, cv=3, alphas=6, eps=0.02, positive=positive, **TIGHT
    )
    model.fit(*problem[:3])
    folds = list(KFold(3).split(problem.X))
    assert model.alphas_.shape == (2, 6)
    assert model.mse_path_.shape == (2, 6, 3)
    for ratio, alphas, mse in zip(ratios, model.alphas_, model.mse_path_, strict=True):

        def make(alpha, ratio=ratio):
            return ElasticNet(alpha, l1_ratio=ratio, positive=positive, **TIGHT)

        expected = by_loop(make, problem, alphas, folds)
        np.testing.assert_allclose(mse, expected, rtol=1e-6)
    mean = model.mse_path_.mean(axis=-1)
    k, t = np.unravel_index(np.argmin(mean), mean.shape)
    assert (model.l1_ratio_, model.alpha_) == (ratios[k], model.alphas_[k, t])


@pytest.mark.parametrize("name", ["tall", "weighted", "sparse_tall", "diabetes"])
def test_errors_do_not_depend_on_tol(name):
    """A loose tol leaves nothing that would be seen in the errors."""
    settings = {"l1_ratio": [0.1, 0.5, 0.9, 1.0], "alphas": 50, "cv": 4}
    loose, tight = (
        ElasticNetCV(tol=tol, **settings).fit(*PROBLEMS[name]()[:3]).mse_path_
        for tol in (1e-2, 1e-13)
    )
    assert not np.array_equal(loose, tight)
    np.testing.assert_allclose(loose, tight, rtol=4e-9)


@pytest.mark.parametrize("noise", [1.0, 1e-3, 1e-6])
def test_errors_do_not_depend_on_tol_where_all_is_explained(noise):
    """What is left shrinks with the residual: small errors have their digits too."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((120, 40))
    y = X @ rng.standard_normal(40) + noise * rng.standard_normal(120)
    settings = {"l1_ratio": [0.1, 1.0], "eps": 0.1 * noise, "alphas": 50, "cv": 4}
    loose, tight = (
        ElasticNetCV(tol=tol, **settings).fit(X, y).mse_path_ for tol in (1e-4, 1e-13)
    )
    assert tight.min() < 10.0 * noise**2
    np.testing.assert_allclose(loose, tight, rtol=8e-9, atol=1e-15)


@every_problem
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_mse_path_of_the_multi_task_lasso(name, fit_intercept):
    problem = with_targets(PROBLEMS[name]())
    cv = KFold(4, shuffle=True, random_state=0)
    settings = {"fit_intercept": fit_intercept, **TIGHT}
    model = MultiTaskLassoCV(cv=cv, alphas=6, eps=0.02, **settings).fit(*problem[:3])
    A, B = oracle.explicit(*problem[:3], fit_intercept)
    largest = float(oracle.row_sizes(A.T @ B).max())
    expected = largest * np.geomspace(1, 0.02, 6)
    np.testing.assert_allclose(model.alphas_, expected, rtol=1e-9)
    expected = by_loop(
        lambda alpha: MultiTaskLasso(alpha, **settings),
        problem,
        model.alphas_,
        list(cv.split(problem.X)),
    )
    assert model.mse_path_.shape == (6, 4)
    np.testing.assert_allclose(model.mse_path_, expected, rtol=1e-5)
    assert model.alpha_ == model.alphas_[np.argmin(expected.mean(axis=1))]
    single = MultiTaskLasso(model.alpha_, **settings).fit(*problem[:3])
    np.testing.assert_allclose(model.coef_, single.coef_, atol=1e-6)


@pytest.mark.parametrize("name", ["tall", "weighted", "sparse_tall"])
def test_mse_path_of_the_multi_task_elastic_net(name):
    problem = with_targets(PROBLEMS[name](), 2)
    ratios = [0.2, 0.9]
    model = MultiTaskElasticNetCV(l1_ratio=ratios, cv=3, alphas=5, eps=0.02, **TIGHT)
    model.fit(*problem[:3])
    folds = list(KFold(3).split(problem.X))
    for ratio, alphas, mse in zip(ratios, model.alphas_, model.mse_path_, strict=True):

        def make(alpha, ratio=ratio):
            return MultiTaskElasticNet(alpha, l1_ratio=ratio, **TIGHT)

        expected = by_loop(make, problem, alphas, folds)
        np.testing.assert_allclose(mse, expected, rtol=1e-5)
    mean = model.mse_path_.mean(axis=-1)
    k, t = np.unravel_index(np.argmin(mean), mean.shape)
    assert (model.l1_ratio_, model.alpha_) == (ratios[k], model.alphas_[k, t])


@every_problem
def test_the_grid_starts_at_alpha_max_of_all_rows(name):
    problem = PROBLEMS[name]()
    model = LassoCV(cv=3, alphas=5, eps=0.1).fit(*problem[:3])
    largest = oracle.alpha_max(*problem[:3])
    np.testing.assert_allclose(model.alphas_, largest * np.geomspace(1, 0.1, 5), rtol=1e-9)


@every_problem
def test_the_final_fit_is_the_lasso_at_the_chosen_alpha(name):
    problem = PROBLEMS[name]()
    model = LassoCV(cv=3, alphas=10, eps=0.02, **TIGHT).fit(*problem[:3])
    single = Lasso(model.alpha_, **TIGHT).fit(*problem[:3])
    np.testing.assert_allclose(model.coef_, single.coef_, atol=1e-7)
    np.testing.assert_allclose(model.intercept_, single.intercept_, rtol=1e-7)


def test_given_alphas_are_sorted():
    problem = PROBLEMS["tall"]()
    model = LassoCV(alphas=[0.1, 1.0, 0.3], cv=3, **TIGHT).fit(*problem[:3])
    np.testing.assert_array_equal(model.alphas_, [1.0, 0.3, 0.1])
    folds = list(KFold(3).split(problem.X))
    expected = by_loop(lambda a: Lasso(a, **TIGHT), problem, model.alphas_, folds)
    np.testing.assert_allclose(model.mse_path_, expected, rtol=1e-6)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_threads_give_the_same_bits(n_jobs):
    problem = PROBLEMS["tall"]()
    one = LassoCV(cv=4, alphas=10, n_jobs=1).fit(*problem[:3])
    other = LassoCV(cv=4, alphas=10, n_jobs=n_jobs).fit(*problem[:3])
    np.testing.assert_array_equal(one.mse_path_, other.mse_path_)
    np.testing.assert_array_equal(one.coef_, other.coef_)


class TestRowsOfWeightZero:
    """They are absent: dropped before splits are formed; given splits are translated."""

    @staticmethod
    def data():
        X, y = gaussian(30, 5, 3, seed=111)
        weight = np.random.default_rng(111).integers(0, 3, 30).astype(float)
        assert 5 < np.sum(weight == 0) < 20
        return X, y, weight, weight > 0

    @staticmethod
    def assert_same(model, other):
        assert model.alpha_ == other.alpha_
        np.testing.assert_array_equal(model.mse_path_, other.mse_path_)
        np.testing.assert_array_equal(model.coef_, other.coef_)

    @pytest.mark.parametrize(
        "cv",
        [None, 4, KFold(3, shuffle=True, random_state=0), ShuffleSplit(3, random_state=0)],
    )
    @pytest.mark.parametrize("make", [LassoCV, ElasticNetCV])
    def test_splitters_see_the_rows_that_are_left(self, cv, make):
        X, y, weight, kept = self.data()
        model = make(cv=cv, alphas=6).fit(X, y, weight)
        other = make(cv=cv, alphas=6).fit(X[kept], y[kept], weight[kept])
        self.assert_same(model, other)

    @pytest.mark.parametrize("as_mask", [False, True])
    def test_given_splits_count_the_rows_of_the_caller(self, as_mask):
        X, y, weight, kept = self.data()
        folds = [
            (np.arange(10, 30), np.arange(10)),
            (np.r_[0:10, 20:30], np.arange(10, 20)),
            (np.arange(20), np.arange(20, 30)),
        ]
        given = folds
        if as_mask:
            given = [tuple(np.isin(np.arange(30), part) for part in f) for f in folds]
        model = LassoCV(cv=given, alphas=[0.3, 0.1], **TIGHT).fit(X, y, weight)
        expected = [
            [
                held_out_error(
                    Lasso(alpha, **TIGHT),
                    X,
                    y,
                    weight,
                    train[kept[train]],
                    test[kept[test]],
                )
                for train, test in folds
            ]
            for alpha in (0.3, 0.1)
        ]
        np.testing.assert_allclose(model.mse_path_, expected, rtol=1e-6)

    def test_a_fold_without_weight_is_a_clear_error(self):
        X, y, _, _ = self.data()
        weight = np.r_[np.zeros(10), np.ones(20)]
        folds = [(np.arange(10, 30), np.arange(10))]
        with pytest.raises(ValueError, match="0 test rows"):
            LassoCV(cv=folds).fit(X, y, weight)


def validated(n_rows, kept):
    """What check_input makes of `n_rows` rows of which `kept` have a weight."""
    X, y = gaussian(n_rows, 3, 2, seed=112)
    rows = None if len(kept) == n_rows else kept
    return Validated(X[kept], y[kept, None], np.ones(len(kept)), 1, rows, n_rows)


class TestSplitRows:
    kept = np.array([0, 2, 3, 5, 6, 9])

    def test_nothing_dropped(self):
        data = validated(10, np.arange(10))
        folds = split_rows(KFold(5), data, {})
        for fold, expected in zip(folds, KFold(5).split(data.X), strict=True):
            np.testing.assert_array_equal(fold[0], expected[0])
            np.testing.assert_array_equal(fold[1], expected[1])

    def test_splitters_split_what_is_left(self):
        folds = split_rows(3, validated(10, self.kept), {})
        assert [test.tolist() for _, test in folds] == [[0, 1], [2, 3], [4, 5]]

    def test_given_pairs_are_translated(self):
        pairs = [([0, 1, 2, 9], [3, 4, 5]), (np.arange(5, 10), np.arange(5))]
        folds = split_rows(pairs, validated(10, self.kept), {})
        found = [[part.tolist() for part in fold] for fold in folds]
        assert found == [[[0, 1, 5], [2, 3]], [[3, 4, 5], [0, 1, 2]]]

    def test_a_generator_is_translated_too(self):
        pairs = (pair for pair in [(np.arange(5), np.arange(5, 10))])
        folds = split_rows(pairs, validated(10, self.kept), {})
        assert [part.tolist() for part in folds[0]] == [[0, 1, 2], [3, 4, 5]]

    def test_groups_follow_the_rows(self):
        groups = np.array([0, 9, 0, 1, 9, 1, 2, 9, 9, 2])
        folds = split_rows(GroupKFold(3), validated(10, self.kept), {"groups": groups})
        left = groups[self.kept]
        assert len(folds) == 3
        for train, test in folds:
            assert not set(left[train]) & set(left[test])
            assert len(set(left[test])) == 1


def test_predefined_split():
    problem = PROBLEMS["tall"]()
    fold_of_row = np.arange(60) % 3
    model = LassoCV(cv=PredefinedSplit(fold_of_row), alphas=[0.2, 0.1], **TIGHT)
    model.fit(problem.X, problem.y)
    rows = np.arange(60)
    folds = [(rows[fold_of_row != k], rows[fold_of_row == k]) for k in range(3)]
    expected = by_loop(lambda a: Lasso(a, **TIGHT), problem, [0.2, 0.1], folds)
    np.testing.assert_allclose(model.mse_path_, expected, rtol=1e-6)
