"""The shared fit of the coordinate descent estimators, and of their CV classes."""

import warnings
from functools import partial
from numbers import Integral

import numpy as np
from sklearn.exceptions import DataConversionWarning
from sklearn.model_selection import check_cv
from sklearn.utils import check_array
from sklearn.utils.metadata_routing import (
    UNUSED,
    MetadataRouter,
    MethodMapping,
    process_routing,
)

from skreg._solvers.least_squares import (
    EXACT_GAP,
    PathResult,
    gap_floor,
    recompute_gaps,
    relative_gap,
    solve_path,
)
from skreg._solvers.moments import check_gram, moments_from_gram
from skreg._solvers.sample import make_sample
from skreg._validation import (
    ARRAY,
    BOOLEAN,
    CV,
    NONE,
    RANDOM_STATE,
    VERBOSE,
    check_alphas,
    check_input,
    check_parameters,
    check_start,
    choice,
    integer,
    real,
    unchanged_on_failure,
)
from skreg.exceptions import (
    ALPHA_ZERO,
    GRAM_RECOMPUTED,
    NON_FINITE_COEF,
    InvalidParameter,
)
from skreg.linear._base import LinearRegressor, per_target, routing_enabled, stored
from skreg.paths.alpha_grid import alpha_grid
from skreg.paths.cross_validation import cross_validate, split_rows
from skreg.paths.path import enet_path, warn_if_not_converged

# What rounding the coefficients to float32 may add to the relative gap.
FLOAT32_GAP = 1e-5

SHARED_PARAMETERS = {
    "fit_intercept": BOOLEAN,
    "copy_X": BOOLEAN,
    "tol": real(0),
    "random_state": RANDOM_STATE,
    "selection": choice("cyclic", "random"),
}
SINGLE_PARAMETERS = {
    **SHARED_PARAMETERS,
    "alpha": real(0),
    "max_iter": integer(1) | NONE,
    "warm_start": BOOLEAN,
    "standardize": BOOLEAN,
}
CV_PARAMETERS = {
    **SHARED_PARAMETERS,
    "eps": real(0, low_open=True),
    "alphas": integer(1) | ARRAY,
    "max_iter": integer(1),
    "cv": CV,
    "verbose": VERBOSE,
    "n_jobs": integer() | NONE,
}


class PenalizedRegressor(LinearRegressor):
    """What a fit stores and how that is certified: here each target is its own problem."""

    _coef_is_matrix = False

    def _certify(self, sample, penalty, alpha, coef):
        """Gaps of stored coefficients (n_targets, n_features), one for each problem."""
        alphas, targets = np.full(len(coef), alpha), np.arange(len(coef))
        return recompute_gaps(sample, penalty, alphas, coef, targets)

    def _gaps_of_stored(self, sample, penalty, alpha):
        """Certificates of `coef_` and `intercept_` as they were stored, and the part of
        them that is rounding of the intercept.
        """
        coef = sample.standardized(np.atleast_2d(self.coef_).astype(np.float64))
        gaps = self._certify(sample, penalty, alpha, coef)
        missed = np.abs(np.atleast_1d(self.intercept_) - sample.intercept(coef))
        rounding = 0.5 * np.square(missed + sample.intercept_rounding(coef))
        if len(gaps) != len(coef):
            rounding = rounding.sum(keepdims=True)
        if not np.all(np.isfinite(gaps + rounding)):
            raise ValueError(NON_FINITE_COEF)
        return gaps + rounding, rounding

    def _store(self, data, sample, result, penalty, alpha):
        """Set the attributes of the solution; the result, with their certificates."""
        coef, intercept = result.coefs[:, 0], sample.intercept(result.coefs[:, 0])
        coef = sample.original(coef)
        if not np.all(np.isfinite(coef)) or not np.all(np.isfinite(intercept)):
            raise ValueError(NON_FINITE_COEF)
        self.coef_, self.intercept_ = stored(
            coef, intercept, data, self.fit_intercept, as_matrix=self._coef_is_matrix
        )
        gaps, rounding = self._gaps_of_stored(sample, penalty, alpha)
        self.dual_gap_ = per_target(gaps)
        self.relative_gap_ = per_target(relative_gap(gaps, result.null_objectives))
        self.n_iter_ = per_target([int(n) for n in result.n_iters[:, 0]])
        return judged(result, gaps, rounding, self.tol, data.X.dtype)


class SingleAlpha(PenalizedRegressor):
    """Base of estimators that are fitted at one alpha."""

    path = staticmethod(enet_path)

    def _penalty(self):
        """The user object of the penalty."""
        raise TypeError(f"{type(self).__name__} is abstract; use Lasso or ElasticNet.")

    def _fit(self, X, y, sample_weight, check):
        parameters = self.get_params(deep=False)
        check_parameters(type(self).__name__, parameters, self._parameters)
        data = self._checked(X, y, sample_weight, check)
        sample = make_sample(
            data.X, data.y, data.sample_weight, self.fit_intercept, self.standardize
        )
        start = self._start(sample)
        solve = self._solver(sample, check)
        result = solve(sample, self._penalty(), [self.alpha], start=start)
        result = self._store(data, sample, result, self._penalty(), self.alpha)
        warn_if_not_converged(result, parameters, stacklevel=5)

    def _checked(self, X, y, sample_weight, check):
        return check_input(self, X, y, sample_weight, checked=not check)

    def _solver(self, sample, check):
        """A function (sample, penalty, alphas, start) -> PathResult."""
        raise TypeError(f"{type(self).__name__} is abstract; use Lasso or ElasticNet.")

    def _start(self, sample):
        """Coefficients to start from, or None; a target that is new starts at zero."""
        if not self.warm_start or not hasattr(self, "coef_"):
            return None
        shape = sample.y.shape[1], sample.X.shape[1]
        known = min(len(np.atleast_2d(self.coef_)), shape[0])
        start = np.zeros(shape)
        start[:known] = check_start(
            np.atleast_2d(self.coef_)[:known],
            (known, shape[1]),
            "coef_ (warm_start=True)",
        )
        return sample.standardized(start)


class PenalizedLeastSquares(SingleAlpha):
    """Base of Lasso and ElasticNet: one alpha, any number of targets, one at a time."""

    # `check_input` is for callers that have checked already, not for metadata routing.
    __metadata_request__fit = {"check_input": UNUSED}

    _parameters = {
        **SINGLE_PARAMETERS,
        "precompute": BOOLEAN | ARRAY,
        "positive": BOOLEAN,
    }

    def fit(self, X, y, sample_weight=None, check_input=True):
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Dense X is fastest in Fortran order when there are more features than
            samples; no order is copied to be centred. Never written to.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Several targets are fitted one by one.
        sample_weight : float or array-like of shape (n_samples,), default=None
            Weights mean repetition: weight 2 is the row twice, weight 0 the row absent.
            Only their ratios matter.
        check_input : bool, default=True
            If False, X and y are taken as they are: float arrays or CSC/CSR matrices
            without missing or infinite values.

        Returns
        -------
        self : object
            Fitted estimator.
        """
        with unchanged_on_failure(self):
            self._fit(X, y, sample_weight, check_input)
        return self

    def _checked(self, X, y, sample_weight, check):
        if self.alpha == 0:
            warnings.warn(ALPHA_ZERO, UserWarning, stacklevel=4)
        return super()._checked(X, y, sample_weight, check)

    def _solver(self, sample, check):
        return partial(_each_target(self, sample), moments=_moments(self, sample, check))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class SelectedAlpha(PenalizedRegressor):
    """Base of estimators that choose alpha by cross-validation."""

    def _penalties(self):
        """One penalty object per l1_ratio to be tried."""
        raise TypeError(f"{type(self).__name__} is abstract; use LassoCV.")

    def fit(self, X, y, sample_weight=None, **params):
        """Choose alpha by cross-validation and fit the model with it to all rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Never written to.
        y : array-like of shape (n_samples,), or (n_samples, n_targets) for MultiTask \
                classes
        sample_weight : float or array-like of shape (n_samples,), default=None
            Used for fitting and for the mean squared error of each held-out fold; the
            folds' errors are averaged without weights. A row of weight zero is absent,
            also for the splitter.
        **params : dict
            Parameters of the splitter, such as `groups`, if metadata routing is
            enabled (``sklearn.set_config(enable_metadata_routing=True)``).

        Returns
        -------
        self : object
            Fitted estimator.
        """
        with unchanged_on_failure(self):
            self._fit(X, y, sample_weight, params)
        return self

    def _fit(self, X, y, sample_weight, params):
        parameters = self.get_params(deep=False)
        check_parameters(type(self).__name__, parameters, self._parameters)
        split_params = route_to_splitter(self, sample_weight, params)
        penalties = self._penalties()
        data = self._checked(X, y, sample_weight)
        sample = make_sample(data.X, data.y, data.sample_weight, self.fit_intercept)
        grids = self._grids(sample, penalties)
        solve, refit = self._solvers(sample)
        found = cross_validate(
            data,
            split_rows(self.cv, data, split_params),
            penalties,
            grids,
            fit_intercept=self.fit_intercept,
            solve=solve,
            jobs={"n_jobs": self.n_jobs, "verbose": int(self.verbose)},
        )
        penalty = penalties[found.best_penalty]
        self._set_choice(found, grids)
        self._set_penalty(penalty)
        result = refit(sample, penalty, [self.alpha_])
        result = self._store(data, sample, result, penalty, self.alpha_)
        warn_if_not_converged(_worst([*found.paths, result]), parameters, stacklevel=5)

    def _solvers(self, sample):
        """For the folds and for all rows: (sample, penalty, alphas) -> PathResult."""
        raise TypeError(f"{type(self).__name__} is abstract; use LassoCV.")

    def _grids(self, sample, penalties):
        if isinstance(self.alphas, Integral):
            correlation = sample.correlation(sample.y)
            return [
                alpha_grid(correlation, penalty, eps=self.eps, n_alphas=self.alphas)
                for penalty in penalties
            ]
        return [np.sort(check_alphas(self.alphas))[::-1]] * len(penalties)

    def _set_penalty(self, penalty):
        """Set what tells the chosen penalty from the others; alpha does not."""

    def _set_choice(self, found, grids):
        """Set the attributes of the alphas that were tried and chosen."""
        self.alpha_ = grids[found.best_penalty][found.best_alpha]
        self.mse_path_ = np.squeeze(found.mse)
        self.alphas_ = np.asarray(grids)
        if len(grids) == 1 or not isinstance(self.alphas, Integral):
            self.alphas_ = self.alphas_[0]

    def get_metadata_routing(self):
        """Where `fit` sends its metadata: to itself and to the splitter.

        Returns
        -------
        sklearn.utils.metadata_routing.MetadataRouter
        """
        return (
            MetadataRouter(owner=self)
            .add_self_request(self)
            .add(
                splitter=check_cv(self.cv),
                method_mapping=MethodMapping().add(caller="fit", callee="split"),
            )
        )


class PenalizedLeastSquaresCV(SelectedAlpha):
    """Base of LassoCV and ElasticNetCV."""

    _parameters = {
        **CV_PARAMETERS,
        "precompute": choice("auto") | ARRAY | BOOLEAN,
        "positive": BOOLEAN,
    }

    def _checked(self, X, y, sample_weight):
        return one_target(self, check_input(self, X, y, sample_weight))

    def _solvers(self, sample):
        solve = _each_target(self, sample)
        return solve, partial(solve, moments=_moments(self, sample))

    def _set_choice(self, found, grids):
        super()._set_choice(found, grids)
        if self.alpha_ == 0:
            warnings.warn(ALPHA_ZERO, UserWarning, stacklevel=4)


def judged(result, gaps, rounding, tol, dtype):
    """The result with the certificates of the stored numbers in the place of the solver's
    own; what `rounding` and the digits of `dtype` add does not count against it.
    """
    digits = EXACT_GAP if dtype == np.float64 else FLOAT32_GAP
    null = result.null_objectives
    allowed = np.maximum(max(tol, digits) * null, gap_floor(null)) + 2.0 * rounding
    converged = (gaps <= allowed)[:, None] & result.converged
    return result._replace(dual_gaps=gaps[:, None], converged=converged)


def _each_target(estimator, sample):
    """:func:`solve_path` as the parameters of the estimator want it for this sample."""
    forced = isinstance(sample.X, np.ndarray) and estimator.precompute is True
    return partial(
        solve_path,
        tol=estimator.tol,
        max_iter=estimator.max_iter,
        use_gram=True if forced else None,
    )


def _moments(estimator, sample, check=True):
    """Moments from a Gram matrix that the user computed; None if there is none to use."""
    precompute, dense = estimator.precompute, isinstance(sample.X, np.ndarray)
    if isinstance(precompute, (bool, np.bool_, str)) or not dense:
        return None
    if sample.centred and not np.allclose(sample.original(sample.X_mean), 0.0):
        warnings.warn(GRAM_RECOMPUTED, UserWarning, stacklevel=5)
        return None
    gram = check_array(precompute, dtype=np.float64, input_name="precompute")
    check_gram(sample, gram, skip_element=not check)
    return moments_from_gram(sample, gram)


def route_to_splitter(estimator, sample_weight, params):
    """The part of `params` that the splitter asked for."""
    if not routing_enabled(estimator, params):
        return {}
    routed = process_routing(estimator, "fit", sample_weight=sample_weight, **params)
    return routed.splitter.split


def one_target(estimator, data):
    """Refuse several targets; a single column becomes a vector, with a warning."""
    if data.y.shape[1] > 1:
        name = type(estimator).__name__
        raise ValueError(
            f"For multi-task outputs, use MultiTask{name}. {name} got y with "
            f"{data.y.shape[1]} columns; expected shape (n_samples,)."
        )
    if data.y_ndim > 1:
        warnings.warn(
            "A column-vector y was passed when a 1d array was expected. Please change "
            "the shape of y to (n_samples,), for example using ravel().",
            DataConversionWarning,
            stacklevel=5,
        )
    return data._replace(y_ndim=1)


def checked_l1_ratios(owner, l1_ratio):
    """`l1_ratio` as a list of numbers in [0, 1]."""
    ratios = np.atleast_1d(l1_ratio)
    if len(ratios) == 0:
        raise InvalidParameter(
            f"The 'l1_ratio' parameter of {owner} must be a float or a list of floats in "
            "the range [0, 1]. Got an empty list instead."
        )
    for ratio in ratios:
        if not real(0, 1).accepts(ratio):
            raise InvalidParameter(
                f"The 'l1_ratio' parameter of {owner} must be a float or a list of "
                f"floats in the range [0, 1]. Got {ratio!r} instead."
            )
    return [float(ratio) for ratio in ratios]


def _worst(paths):
    """Several paths as one, for the message about those that did not converge."""
    return PathResult(
        alphas=np.concatenate([path.alphas for path in paths]),
        coefs=np.empty(0),
        dual_gaps=np.concatenate([path.dual_gaps for path in paths], axis=1),
        null_objectives=np.max([path.null_objectives for path in paths], axis=0),
        n_iters=np.concatenate([path.n_iters for path in paths], axis=1),
        converged=np.concatenate([path.converged for path in paths], axis=1),
    )
