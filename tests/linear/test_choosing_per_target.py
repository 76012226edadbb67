"""alpha_per_target, l1_ratio=0, parallel and nested searches, copies of models."""

import pickle

import joblib
import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import Ridge
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    ShuffleSplit,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import ElasticNetCV, LassoCV, MultiTaskElasticNetCV, MultiTaskLassoCV
from tests.linear.choosing import (
    TIGHT,
    Settings,
    make_problem,
    mean_square,
    refit,
    refitted_mse,
)

CV = KFold(3, shuffle=True, random_state=1)
GRID = {"alphas": 7, "eps": 0.02, "cv": CV, **TIGHT}
CLASSES = [LassoCV, ElasticNetCV, MultiTaskLassoCV, MultiTaskElasticNetCV]
SHAPES = {"tall": (50, 8), "wide": (30, 80)}
every_class = pytest.mark.parametrize("cls", CLASSES)
both_shapes = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)


def data_for(cls, shape=(50, 8), seed=0):
    n_targets = 2 if cls.__name__.startswith("Multi") else None
    return make_problem(shape, n_targets, seed=seed, noise=6.0)


def assert_same(found, expected, exact=True):
    """All attributes that a fit sets."""
    assert vars(found).keys() == vars(expected).keys()
    for name in (name for name in vars(expected) if name.endswith("_")):
        pair = getattr(found, name), getattr(expected, name)
        pairs = [pair]
        if name == "alpha_results_":
            pairs = [(pair[0][key], value) for key, value in pair[1].items()]
        for one, other in pairs:
            np.testing.assert_allclose(
                one, other, rtol=0.0 if exact else 1e-9, atol=0.0 if exact else 1e-12
            )


PER_TARGET = {
    "plain": (LassoCV, {}),
    "ratios": (ElasticNetCV, {"l1_ratio": [0.2, 0.9], "rule": "1se"}),
    "ridge": (ElasticNetCV, {"l1_ratio": [0.0, 0.9]}),
    "given alphas": (LassoCV, {"alphas": [3.0, 0.1, 1.0], "standardize": True}),
    "scored": (LassoCV, {"scoring": "neg_mean_absolute_error", "fold_weighting": "size"}),
    "relaxed": (LassoCV, {"relaxed": True, "positive": True}),
    "shuffled": (LassoCV, {"cv": ShuffleSplit(4, random_state=0)}),
    "loo": (LassoCV, {"cv": "loo"}),
    "bic": (ElasticNetCV, {"cv": "bic", "fit_intercept": False}),
    "nested alphas": (LassoCV, {"alphas": [0.5]}),
}


class TestAlphaPerTarget:
    @pytest.mark.parametrize("kind", PER_TARGET)
    @both_shapes
    @pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
    def test_is_one_fit_per_target(self, kind, shape, weighted):
        cls, settings = PER_TARGET[kind]
        X, y, weight = make_problem(shape, 3, noise=6.0)
        if weighted:
            X = sparse.csc_array(X)
        weight = weight if weighted else None
        settings = {**GRID, **settings}
        model = cls(alpha_per_target=True, **settings).fit(X, y, weight)
        alone = [cls(**settings).fit(X, y[:, k], weight) for k in range(3)]
        names = {name for name in vars(alone[0]) if name.endswith("_")}
        assert names == {name for name in vars(model) if name.endswith("_")}
        for name in names - {"n_features_in_", "alpha_results_", "n_iter_"}:
            expected = [getattr(one, name) for one in alone]
            found = getattr(model, name)
            if name == "cv_predictions_":
                found = found.T
            scale = np.nanmax(np.abs(expected[0])) if "gap" not in name else 1e3
            np.testing.assert_allclose(
                found, expected, rtol=1e-8, atol=1e-10 * scale, err_msg=name
            )
        for key, value in alone[0].alpha_results_.items():
            expected = [one.alpha_results_[key] for one in alone]
            found = model.alpha_results_[key]
            assert found.shape == (3, *value.shape)
            np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9, err_msg=key)
        predicted = np.column_stack([one.predict(X) for one in alone])
        np.testing.assert_allclose(model.predict(X), predicted, rtol=1e-8)

    def test_targets_choose_alphas_of_their_own(self):
        X, y, _ = make_problem((50, 8), 4, noise=10.0)
        y[:, 0] = X[:, 0]
        y[:, 1] = np.random.default_rng(0).standard_normal(50)
        model = LassoCV(alpha_per_target=True, **GRID).fit(X, y)
        place = np.argmax(model.alphas_ == model.alpha_[:, None], axis=1)
        assert len(set(place)) > 1

    def test_one_column_keeps_its_axis_and_a_vector_has_none(self):
        X, y, _ = data_for(LassoCV)
        model = LassoCV(alpha_per_target=True, **GRID).fit(X, y[:, None])
        assert model.coef_.shape == (1, 8)
        assert model.alpha_.shape == model.intercept_.shape == (1,)
        assert model.cv_predictions_.shape == model.predict(X).shape == (50, 1)
        plain = LassoCV(**GRID).fit(X, y)
        vector = LassoCV(alpha_per_target=True, **GRID).fit(X, y)
        assert_same(vector, plain)
        np.testing.assert_allclose(model.coef_[0], plain.coef_, rtol=1e-12)

    def test_a_second_fit_forgets_the_first(self):
        X, y, _ = make_problem((50, 8), 3, noise=6.0)
        make = LassoCV(alpha_per_target=True, **GRID)
        again = clone(make).fit(X, y[:, :2]).fit(X[:, :6], 2.0 * y[:, ::-1])
        assert_same(again, clone(make).fit(X[:, :6], 2.0 * y[:, ::-1]))
        again.fit(X, y[:, 0])
        assert_same(again, clone(make).fit(X, y[:, 0]))

    @both_shapes
    def test_saturation_waits_for_all_targets(self, shape):
        X, y, _ = make_problem(shape, 3, noise=1.0)
        y[:, 1] += 40.0 * np.random.default_rng(0).standard_normal(shape[0])
        settings = {**GRID, "alphas": 25, "eps": 1e-3}
        cut = [LassoCV(saturation=0.3, **settings).fit(X, some) for some in y.T]
        counts = [len(one.alphas_) for one in cut]
        assert len(set(counts)) > 1
        model = LassoCV(alpha_per_target=True, saturation=0.3, **settings).fit(X, y)
        whole = LassoCV(alpha_per_target=True, **settings).fit(X, y)
        assert model.alphas_.shape == (3, max(counts))
        kept = slice(max(counts))
        np.testing.assert_array_equal(model.alphas_, whole.alphas_[:, kept])
        np.testing.assert_allclose(model.mse_path_, whole.mse_path_[:, kept], rtol=1e-12)
        np.testing.assert_array_equal(model.coef_path_, whole.coef_path_[..., kept])

    def test_several_targets_need_it(self):
        X, y, _ = make_problem((50, 8), 2)
        with pytest.raises(ValueError, match="MultiTaskLassoCV"):
            LassoCV(**GRID).fit(X, y)


class TestNoL1Part:
    @pytest.mark.parametrize("cls", [ElasticNetCV, MultiTaskElasticNetCV])
    @both_shapes
    @pytest.mark.parametrize("standardize", [False, True], ids=["", "standardized"])
    @pytest.mark.parametrize("fit_intercept", [True, False], ids=["", "no b"])
    @pytest.mark.parametrize("convert", [np.asarray, sparse.csc_array])
    def test_is_ridge_in_every_fold(self, cls, shape, standardize, fit_intercept, convert):
        X, y, weight = data_for(cls, shape)
        given = {"standardize": standardize, "fit_intercept": fit_intercept}
        model = cls(l1_ratio=0, **given, **GRID).fit(convert(X), y, weight)
        folds, settings = list(CV.split(X)), Settings(0.0, **given)
        expected = refitted_mse(X, y, weight, model.alphas_, folds, settings)
        np.testing.assert_allclose(model.mse_path_, expected, rtol=1e-8)
        line = refit(X, y, weight, model.alpha_, settings)
        np.testing.assert_allclose(model.coef_, line.coef, rtol=1e-6, atol=1e-9)

    @pytest.mark.parametrize("cls", [ElasticNetCV, MultiTaskElasticNetCV])
    def test_grid_is_that_of_a_small_l1_ratio(self, cls):
        X, y, weight = data_for(cls)
        model = cls(l1_ratio=[0, 1e-3], **GRID).fit(X, y, weight)
        np.testing.assert_allclose(model.alphas_[0], model.alphas_[1], rtol=1e-12)
        np.testing.assert_allclose(model.alphas_[0, -1] / model.alphas_[0, 0], 0.02)

    def test_scikit_learn_s_ridge(self):
        X, y, _ = data_for(ElasticNetCV)
        model = ElasticNetCV(l1_ratio=0, **GRID).fit(X, y)
        for k, (train, test) in enumerate(CV.split(X)):
            for t, alpha in enumerate(model.alphas_):
                ridge = Ridge(alpha * len(train)).fit(X[train], y[train])
                error = mean_square(y[test], ridge.predict(X[test]))
                assert model.mse_path_[t, k] == pytest.approx(error, rel=1e-9)


BACKENDS = ["threading", "loky"]


class TestInCompany:
    @every_class
    @both_shapes
    def test_threads(self, cls, shape):
        X, y, weight = data_for(cls, shape)
        settings = {**GRID, "relaxed": True, "standardize": True}
        one = cls(**settings).fit(X, y, weight)
        two = cls(n_jobs=2, **settings).fit(X, y, weight)
        one.set_params(n_jobs=2)
        assert_same(two, one)

    @pytest.mark.parametrize("backend", BACKENDS)
    @pytest.mark.parametrize("shape", [(400, 20), (300, 700)], ids=["tall", "wide"])
    def test_backends(self, backend, shape):
        """The wide X is larger than joblib's limit for read-only memory maps.

        Other processes may round the last bit otherwise: a memory map begins elsewhere in
        a line of the cache.
        """
        X, y, weight = data_for(LassoCV, shape)
        settings = {"cv": CV, "alphas": 5, "eps": 0.3, "scoring": "r2", "relaxed": True}
        one = LassoCV(n_jobs=2, **settings).fit(X, y, weight)
        with joblib.parallel_backend(backend, n_jobs=2):
            two = LassoCV(n_jobs=2, **settings).fit(X, y, weight)
            sparse_one = LassoCV(n_jobs=2, **settings).fit(sparse.csr_array(X), y, weight)
        assert_same(two, one, exact=backend == "threading")
        np.testing.assert_allclose(sparse_one.mse_path_, one.mse_path_, rtol=1e-6)

    @every_class
    def test_nested(self, cls):
        X, y, _ = data_for(cls)
        expected = [
            cls(**GRID).fit(X[train], y[train]).score(X[test], y[test])
            for train, test in KFold(3).split(X)
        ]
        for n_jobs in (None, 2):
            model = cls(n_jobs=n_jobs, **GRID)
            found = cross_val_score(model, X, y, cv=KFold(3), n_jobs=n_jobs)
            np.testing.assert_allclose(found, expected, rtol=1e-12)
        kept = cross_validate(cls(**GRID), X, y, cv=2, return_estimator=True)
        assert all(hasattr(model, "alpha_") for model in kept["estimator"])

    def test_grid_search_over_its_own_parameters(self):
        X, y, _ = data_for(LassoCV)
        grid = {"lassocv__rule": ["min", "1se"], "lassocv__cv": [3, "loo", "bic"]}
        pipeline = make_pipeline(StandardScaler(), LassoCV(alphas=6))
        search = GridSearchCV(pipeline, grid, cv=3, error_score=np.nan)
        with pytest.warns(FitFailedWarning, match="3 fits failed"):  # the 1se of bic
            search.fit(X, y)
        bad = np.isnan(search.cv_results_["mean_test_score"])
        assert [search.cv_results_["params"][k] for k in np.flatnonzero(bad)] == [
            {"lassocv__cv": "bic", "lassocv__rule": "1se"}
        ]

    @every_class
    def test_standardize_does_not_change_what_is_behind_a_scaler(self, cls):
        X, y, _ = data_for(cls)
        scaled = StandardScaler().fit_transform(X)
        one = cls(standardize=True, **{**GRID, "cv": "gcv"}).fit(X, y)
        other = cls(**{**GRID, "cv": "gcv"}).fit(scaled, y)
        np.testing.assert_allclose(one.alphas_, other.alphas_, rtol=1e-10)
        np.testing.assert_allclose(one.predict(X), other.predict(scaled), rtol=1e-7)

    @every_class
    @pytest.mark.parametrize("cv", [CV, "loo", "gcv"])
    def test_copies(self, cls, cv):
        X, y, weight = data_for(cls)
        model = cls(**{**GRID, "cv": cv}).fit(X, y, weight)
        again = pickle.loads(pickle.dumps(model))
        assert_same(again, model)
        alpha = 0.5 * (model.alphas_[2] + model.alphas_[3])
        expected = model.predict(X, alpha=alpha)
        np.testing.assert_array_equal(again.predict(X, alpha=alpha), expected)
        assert_same(clone(model).fit(X, y, weight), model)

    @every_class
    @pytest.mark.parametrize("cv", [CV, ShuffleSplit(2, random_state=0), "loo", "aic"])
    @both_shapes
    def test_input_is_as_it_was_and_may_be_read_only(self, cls, cv, shape, tmp_path):
        X, y, weight = data_for(cls, shape)
        given = []
        for name, array in {"X": X, "y": y, "weight": weight}.items():
            np.save(tmp_path / f"{name}.npy", array)
            given.append(np.load(tmp_path / f"{name}.npy", mmap_mode="r"))
        alphas = np.array([0.3, 2.0, 1.0])
        settings = {**GRID, "cv": cv, "alphas": alphas, "standardize": True}
        model = cls(**settings).fit(*given)
        before = X.copy(), y.copy(), weight.copy()
        assert_same(cls(**settings).fit(X, y, weight), model)
        for array, copy in zip((X, y, weight), before, strict=True):
            np.testing.assert_array_equal(array, copy)
        np.testing.assert_array_equal(alphas, [0.3, 2.0, 1.0])

    @every_class
    @both_shapes
    @pytest.mark.parametrize("cv", [CV, "loo", "bic"])
    def test_wide_indices_of_sparse_features(self, cls, shape, cv):
        X, y, weight = data_for(cls, shape)
        X = sparse.csc_array(np.where(np.abs(X) < 1.0, 0.0, X))
        settings = {**GRID, "cv": cv, "standardize": True}
        expected = cls(**settings).fit(X, y, weight)
        for kind in (sparse.csc_array, sparse.csr_array):
            wide = kind(X)
            wide.indices = wide.indices.astype(np.int64)
            wide.indptr = wide.indptr.astype(np.int64)
            assert_same(cls(**settings).fit(wide, y, weight), expected, exact=False)
