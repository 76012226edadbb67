"""The shared fit of the coordinate descent estimators at one alpha."""

import warnings

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.metadata_routing import UNUSED

from skreg._solvers.gaps import gap_floor, recompute_gaps, relative_gap
from skreg._solvers.least_squares import EXACT_GAP, prefers_gram
from skreg._solvers.moments import check_gram, moments_from_gram
from skreg._validation import (
    ARRAY,
    BOOLEAN,
    NONE,
    RANDOM_STATE,
    check_input,
    check_parameters,
    check_start,
    choice,
    integer,
    real,
    unchanged_on_failure,
)
from skreg.exceptions import ALPHA_ZERO, GRAM_RECOMPUTED, NON_FINITE_COEF
from skreg.linear._base import LinearRegressor, measured, per_target, stored
from skreg.paths.path import enet_path, warn_if_not_converged
from skreg.paths.path_solvers import EachTarget

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


class PenalizedRegressor(LinearRegressor):
    """What a fit stores and how that is certified: here each target is its own problem."""

    _coef_is_matrix = False

    def _solver(self, sample):
        """One of :mod:`skreg.paths.path_solvers`, as the parameters want it."""
        raise TypeError(f"{type(self).__name__} is abstract; use Lasso or ElasticNet.")

    def _knows_gram(self):
        """Whether the user gave a Gram matrix."""
        return False

    def _given_moments(self, sample, check=True):
        """Moments from that Gram matrix; None if there is none, or it cannot be used."""
        return None

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
        penalty = self._penalty()
        iterates = penalty.quadratic_strength(self.alpha) is None
        sample, moments = measured(
            data,
            iterates and not self._knows_gram() and prefers_gram(data.X, 1),
            fit_intercept=self.fit_intercept,
            standardize=self.standardize,
        )
        result = self._solver(sample).on_sample(
            sample,
            penalty,
            [self.alpha],
            start=self._start(sample),
            moments=self._given_moments(sample, check) or moments,
        )
        result = self._store(data, sample, result, penalty, self.alpha)
        warn_if_not_converged(result, parameters, stacklevel=5)

    def _checked(self, X, y, sample_weight, check):
        return check_input(self, X, y, sample_weight, checked=not check)

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


class EachTargetAlone(PenalizedRegressor):
    """Every target is a problem of its own; the user may know the Gram matrix."""

    def _solver(self, sample):
        forced = isinstance(sample.X, np.ndarray) and self.precompute is True
        return EachTarget(self.tol, self.max_iter, True if forced else None)

    def _knows_gram(self):
        return not isinstance(self.precompute, (bool, np.bool_, str))

    def _given_moments(self, sample, check=True):
        if not self._knows_gram() or not isinstance(sample.X, np.ndarray):
            return None
        return moments_of_user(self.precompute, sample, check)


class PenalizedLeastSquares(EachTargetAlone, SingleAlpha):
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

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def judged(result, gaps, rounding, tol, dtype):
    """The result with the certificates of the stored numbers in the place of the solver's
    own; what `rounding` and the digits of `dtype` add does not count against it.
    """
    digits = EXACT_GAP if dtype == np.float64 else FLOAT32_GAP
    null = result.null_objectives
    allowed = np.maximum(max(tol, digits) * null, gap_floor(null)) + 2.0 * rounding
    converged = (gaps <= allowed)[:, None] & result.converged
    return result._replace(dual_gaps=gaps[:, None], converged=converged)


def moments_of_user(precompute, sample, check):
    """Moments from a Gram matrix given as `precompute`; None if X is not centred."""
    if sample.centred and not np.allclose(sample.original(sample.X_mean), 0.0):
        warnings.warn(GRAM_RECOMPUTED, UserWarning, stacklevel=5)
        return None
    gram = check_array(precompute, dtype=np.float64, input_name="precompute")
    check_gram(sample, gram, skip_element=not check)
    return moments_from_gram(sample, gram)
