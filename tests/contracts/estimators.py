"""The table of everything under test: every estimator in several settings, and data."""

from typing import NamedTuple

import numpy as np
import pytest
import sklearn.linear_model
from sklearn.preprocessing import StandardScaler

import skreg

# scikit-learn's tol also bounds the last update, which at 1e-12 leaves twelve digits;
# a duality gap has to fall nearly to rounding before the coefficients have seven.
TIGHT = {"tol": 1e-14, "max_iter": 100_000}
REFERENCE_TIGHT = {"tol": 1e-12, "max_iter": 1_000_000}
FEW_ALPHAS = {"alphas": 8, "cv": 3}
GRID = (0.1, 1.0, 10.0)

SETTINGS = {
    skreg.Lasso: [
        {},
        {"positive": True},
        {"fit_intercept": False},
        {"precompute": True},
        {"selection": "random", "random_state": 0},
        {"warm_start": True},
        {"copy_X": False, "alpha": 0.1},
        {"alpha": 0},
        {"standardize": True},
        {"standardize": True, "fit_intercept": False, "alpha": 0.1},
    ],
    skreg.ElasticNet: [
        {},
        {"positive": True},
        {"fit_intercept": False},
        {"precompute": True},
        {"l1_ratio": 0.9, "selection": "random"},
        {"l1_ratio": 0},
        {"l1_ratio": 1},
        {"warm_start": True, "alpha": 0.1},
        {"standardize": True, "warm_start": True},
    ],
    skreg.Ridge: [
        {},
        {"fit_intercept": False},
        {"solver": "svd"},
        {"solver": "cholesky"},
        {"solver": "lsqr"},
        {"solver": "sag", "random_state": 0},
        {"positive": True},
        {"alpha": 0},
        {"standardize": True},
        {"standardize": True, "fit_intercept": False},
    ],
    skreg.LassoCV: [
        FEW_ALPHAS,
        {**FEW_ALPHAS, "positive": True},
        {**FEW_ALPHAS, "fit_intercept": False},
        {**FEW_ALPHAS, "precompute": True},
        {"alphas": (0.1, 1.0), "eps": 0.01},
    ],
    skreg.ElasticNetCV: [
        FEW_ALPHAS,
        {**FEW_ALPHAS, "positive": True},
        {**FEW_ALPHAS, "fit_intercept": False},
        {**FEW_ALPHAS, "l1_ratio": (0.5, 0.9), "selection": "random"},
        {"alphas": (0.1, 1.0), "l1_ratio": 0},
    ],
    skreg.MultiTaskLasso: [
        {},
        {"fit_intercept": False},
        {"selection": "random", "random_state": 0},
        {"warm_start": True, "alpha": 0.1},
        {"copy_X": False, "alpha": 0.1},
        {"alpha": 0},
        {"standardize": True},
    ],
    skreg.MultiTaskElasticNet: [
        {},
        {"fit_intercept": False},
        {"l1_ratio": 0.9, "selection": "random"},
        {"l1_ratio": 0},
        {"l1_ratio": 1},
        {"warm_start": True, "alpha": 0.1},
        {"standardize": True, "warm_start": True},
    ],
    skreg.MultiTaskLassoCV: [
        FEW_ALPHAS,
        {**FEW_ALPHAS, "fit_intercept": False},
        {"alphas": (0.1, 1.0), "eps": 0.01},
    ],
    skreg.MultiTaskElasticNetCV: [
        FEW_ALPHAS,
        {**FEW_ALPHAS, "fit_intercept": False},
        {**FEW_ALPHAS, "l1_ratio": (0.5, 0.9), "selection": "random"},
        {"alphas": (0.1, 1.0), "l1_ratio": 0},
    ],
    skreg.RidgeCV: [
        {},
        {"cv": 3},
        {"gcv_mode": "svd"},
        {"fit_intercept": False},
        {"alpha_per_target": True, "store_cv_results": True},
        {"scoring": "neg_mean_absolute_error"},
        {"alphas": 0.5, "gcv_mode": "eigen"},
    ],
}

# Learnt row by row, in an order drawn at random: the solution is not exact.
SHORT = {"random_state": 0, "tol": None, "max_iter": 20, "eta0": 0.005}
STREAMED = {
    skreg.SGDRegressor: [
        SHORT,
        {**SHORT, "penalty": "l1", "average": True},
        {**SHORT, "loss": "huber", "penalty": "elasticnet", "alpha": 0.01, "epsilon": 9},
    ],
}
SETTINGS |= STREAMED

# All targets are one problem; y has two dimensions.
MULTI_TASK_SINGLE = (skreg.MultiTaskLasso, skreg.MultiTaskElasticNet)
MULTI_TASK_CV = (skreg.MultiTaskLassoCV, skreg.MultiTaskElasticNetCV)
MULTI_TASK = (*MULTI_TASK_SINGLE, *MULTI_TASK_CV)
ONE_TARGET_CV = (skreg.LassoCV, skreg.ElasticNetCV)
PENALIZED_CV = (*ONE_TARGET_CV, *MULTI_TASK_CV)
SELECTORS = (*PENALIZED_CV, skreg.RidgeCV)
# The estimators of one alpha that start warm.
PENALIZED = (skreg.Lasso, skreg.ElasticNet, *MULTI_TASK_SINGLE)
AT_ONE_ALPHA = (*PENALIZED, skreg.Ridge)
MULTI_OUTPUT = (*AT_ONE_ALPHA, *MULTI_TASK_CV, skreg.RidgeCV)


class Case(NamedTuple):
    """One class in one setting, and the same of scikit-learn."""

    cls: type
    settings: dict

    def make(self, **changes):
        return self.cls(**{**self.settings, **changes})

    def reference(self, **changes):
        settings = {**self.settings, **changes}
        cls = getattr(sklearn.linear_model, self.cls.__name__)
        if settings.pop("standardize", False):
            cls = behind_scaler(cls)
        return cls(**settings)

    @property
    def iterates(self):
        """Whether tol bounds what is left of the duality gap."""
        return hasattr(self.cls(), "tol") and self.cls not in (skreg.Ridge, *STREAMED)

    @property
    def tight(self):
        """The changes that make the solution exact to many digits."""
        return TIGHT if self.iterates else {}

    @property
    def reference_tight(self):
        """The same for scikit-learn; of Ridge's solvers, one that is exact."""
        if self.cls is not skreg.Ridge:
            return REFERENCE_TIGHT if self.iterates else {}
        return {"tol": 1e-14, "solver": "lbfgs" if self.positive else "svd"}

    @property
    def n_targets(self):
        return usual_targets(self.cls)

    def data(self, *shape, seed=0):
        """X and a y that the class accepts."""
        return make_data(*shape, n_targets=self.n_targets, seed=seed)

    @property
    def positive(self):
        return self.settings.get("positive", False)

    def __str__(self):
        words = ",".join(f"{name}={value}" for name, value in self.settings.items())
        return f"{self.cls.__name__}({words})"


def behind_scaler(cls):
    """A class of scikit-learn with a StandardScaler in front, which need not centre;
    coefficients are those of X as it is.
    """

    class Standardized(cls):
        def fit(self, X, y, sample_weight=None):
            scaler = StandardScaler(with_mean=False).fit(X, sample_weight=sample_weight)
            super().fit(scaler.transform(X), y, sample_weight=sample_weight)
            self.coef_ = (self.coef_ / scaler.scale_).astype(self.coef_.dtype)
            return self

    return Standardized


# Settings that scikit-learn's classes do not have.
OWN_SETTINGS = {
    skreg.LassoCV: [
        {**FEW_ALPHAS, "standardize": True, "rule": "1se"},
        {**FEW_ALPHAS, "scoring": "r2", "fold_weighting": "size"},
        {**FEW_ALPHAS, "relaxed": True, "saturation": 0.9},
        {"alphas": 8, "cv": "loo", "rule": "1se"},
        {"alphas": 8, "cv": "gcv"},
        {"alphas": 8, "cv": "ebic", "positive": True},
        {**FEW_ALPHAS, "alpha_per_target": True},
    ],
    skreg.ElasticNetCV: [
        {**FEW_ALPHAS, "l1_ratio": (0.5, 0.9), "standardize": True, "relaxed": True},
        {**FEW_ALPHAS, "l1_ratio": 0},
        {"alphas": 8, "cv": "bic", "fit_intercept": False},
        {"alphas": 8, "cv": "loo", "l1_ratio": (0.1, 1.0)},
    ],
    skreg.MultiTaskLassoCV: [
        {**FEW_ALPHAS, "standardize": True, "relaxed": True, "rule": "1se"},
        {"alphas": 8, "cv": "loo", "rule": "1se"},
    ],
    skreg.MultiTaskElasticNetCV: [
        {**FEW_ALPHAS, "standardize": True, "fit_intercept": False, "scoring": "r2"},
        {"alphas": 8, "cv": "bic"},
    ],
    skreg.SGDRegressor: [
        {**SHORT, "solver": "adagrad", "eta0": 5.0},
        {**SHORT, "solver": "ftrl", "eta0": 5.0, "penalty": "l1", "alpha": [0.1, 0.01]},
        {**SHORT, "solver": "ftrl", "eta0": 5.0, "standardize": True},
    ],
    skreg.RidgeCV: [
        {"cv": "loo", "rule": "1se"},
        {"cv": "gcv", "alpha_per_target": True},
        {"cv": "bic", "noise_variance": 25.0},
        {"cv": 3, "rule": "1se", "fold_weighting": "size"},
        {"cv": 3, "alpha_per_target": True},
        {"cv": 3, "standardize": True},
        {"standardize": True, "fit_intercept": False},
    ],
}

CASES = [Case(cls, settings) for cls, rows in SETTINGS.items() for settings in rows]
OWN_CASES = [Case(cls, rows) for cls, table in OWN_SETTINGS.items() for rows in table]
EXACT_CASES = [case for case in CASES if case.cls not in STREAMED]
DEFAULTS = [Case(cls, rows[0]) for cls, rows in SETTINGS.items()]


def crossed(cases):
    """Parametrize a test with `case`."""
    return pytest.mark.parametrize("case", cases, ids=str)


every_case = crossed(CASES)
every_setting = crossed(CASES + OWN_CASES)
every_class = crossed(DEFAULTS)
exact_class = crossed([case for case in DEFAULTS if case.cls not in STREAMED])


def of(*classes, cases=CASES):
    return [case for case in cases if case.cls in classes]


def usual_targets(cls):
    """How many targets a class is tested with where nothing else is asked."""
    return 3 if cls in MULTI_TASK else None


def make_data(n_samples=40, n_features=6, n_targets=None, seed=0):
    """Columns with means and scales of their own; y large enough for alpha = 1."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, n_features)) + rng.normal(size=n_features)
    width = 1 if n_targets is None else n_targets
    coef = rng.normal(size=(n_features, width)) * 20
    y = X @ coef + 5 * rng.normal(size=(n_samples, width)) + 30
    return X, (y[:, 0] if n_targets is None else y)


def sparsify(X, threshold=0.5):
    """X with its small entries made exact zeros."""
    return np.where(np.abs(X) < threshold, 0.0, X)


def assert_close(found, expected, rtol=1e-6, name=""):
    """Entries to `rtol`; those near zero to a tenth of it, relative to the largest."""
    atol = 0.1 * rtol * np.max(np.abs(expected), initial=0.0)
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=atol, err_msg=name)


def learned(estimator):
    """What a fit decided, as one vector."""
    parts = [estimator.coef_, estimator.intercept_]
    parts += [getattr(estimator, "alpha_", ()), getattr(estimator, "l1_ratio_", ())]
    return np.concatenate([np.ravel(np.asarray(part, dtype=float)) for part in parts])
