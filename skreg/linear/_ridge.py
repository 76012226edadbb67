"""Ridge."""

import warnings

import numpy as np
from scipy import sparse

from skreg._solvers.gaps import recompute_gaps, relative_gap
from skreg._solvers.least_squares import solve_path
from skreg._solvers.ridge import is_direct, solve_ridge
from skreg._validation import (
    ARRAY,
    BOOLEAN,
    NONE,
    RANDOM_STATE,
    check_input,
    check_parameters,
    choice,
    integer,
    real,
    unchanged_on_failure,
)
from skreg.exceptions import (
    NON_FINITE_COEF,
    ConvergenceWarning,
    InvalidParameter,
    invalid_parameter,
    warn_not_converged,
)
from skreg.linear._base import LinearRegressor, measured, per_target, stored
from skreg.penalties import L2

SOLVERS = ("auto", "svd", "cholesky", "lsqr", "sparse_cg", "sag", "saga", "lbfgs")
ITERATIVE = ("lsqr", "sparse_cg", "sag", "saga")
# scikit-learn's default tol of 1e-4 stands for a relative residual of 1e-12 here.
TOL_FACTOR = 1e-8
POSITIVE_MAX_ITER = 15_000


class Ridge(LinearRegressor):
    r"""Linear regression with an L2 penalty: coefficients shrink, none becomes zero.

    .. math::

        \sum_i s_i \, (y_i - b - x_i^\top w)^2 + \alpha \, \|w\|_2^2

    with sample weights :math:`s_i` (all 1 by default) and an intercept b that is never
    penalised. The loss is a sum, not a mean: doubling the data halves the effect of
    `alpha`. `alpha` and the λ of other programs, for n samples without weights:

    ================================= ================================================
    scikit-learn, textbook             alpha (||y - Xw||² + λ ||w||²)
    1/2 ||y - Xw||² + λ/2 ||w||²       λ = alpha
    ElasticNet with l1_ratio=0         its alpha = alpha / n
    statsmodels (L1_wt=0)              its alpha = alpha / n
    glmnet (alpha=0)                   lambda = alpha / n if y has unit variance
    ================================= ================================================

    Parameters
    ----------
    alpha : float or array-like of shape (n_targets,), default=1.0
        Strength of the penalty, >= 0; an array has one per target. 0 gives least
        squares, of smallest norm if that is not unique.
    fit_intercept : bool, default=True
        Whether to fit the intercept. If False, X and y are expected to be centred.
    copy_X : bool, default=True
        Accepted; X is never written to and never copied to be centred.
    max_iter : int, default=None
        Bound on the iterations of iterative solvers (Krylov, and coordinate descent
        with `positive`); None lets skreg choose.
    tol : float, default=1e-4
        Precision of iterative solvers: a relative residual of 1e-8 `tol` (so 1e-12 by
        default); direct solvers are exact.
    solver : {'auto', 'svd', 'cholesky', 'lsqr', 'sparse_cg', 'sag', 'saga', 'lbfgs'}, \
            default='auto'
        Chooses how, not what. 'auto': Cholesky of the smaller Gram matrix, singular
        values where that is ill-conditioned, Krylov (LSMR) where it is large. 'svd' and
        'cholesky' ask for that factor; 'lsqr', 'sparse_cg', 'sag' and 'saga' for the
        Krylov solver; 'lbfgs' goes with ``positive=True`` only, as in scikit-learn.
    positive : bool, default=False
        Restrict the coefficients to non-negative values (by coordinate descent).
    random_state : int, RandomState instance or None, default=None
        Accepted; nothing is drawn at random.
    standardize : bool, default=False
        Whether to divide each column of X by its standard deviation (weighted, of the
        population) for the fit: `alpha` and the certificate are those of the model after
        ``StandardScaler(with_mean=fit_intercept)``, `coef_` and `intercept_` those of X
        as it is. X is not copied for it. A constant column gets the coefficient zero
        (without an intercept it is left as it is).

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        Coefficients, in the dtype of X.
    intercept_ : float or ndarray of shape (n_targets,)
    dual_gap_ : float or ndarray of shape (n_targets,)
        Certificate: the objective above at the stored coefficients is at most this far
        above its minimum. Recomputed in float64 from residuals. Where l2 is so small
        that the gap is loose, it is the Newton decrement, which is exact here.
    relative_gap_ : float or ndarray of shape (n_targets,)
        `dual_gap_` / objective of the null (intercept-only) model.
    n_iter_ : ndarray of shape (n_targets,)
        Krylov iterations or, with `positive`, epochs; 1 for a direct solver.
    solver_ : str
        `solver`, or what 'auto' chose: 'cholesky', 'svd' (singular values because the
        Gram matrix is ill-conditioned), 'sparse_cg' (Krylov) or 'lbfgs' (`positive`).
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        If X has string column names.

    Raises
    ------
    skreg.exceptions.InvalidParameter
        In `fit`, for a parameter out of range. It is a ValueError and a TypeError.
    ValueError
        In `fit`, for missing or infinite values, wrong shapes, negative or all-zero
        weights.

    See Also
    --------
    RidgeCV : Chooses alpha by leave-one-out or other cross-validation.
    ElasticNet : L1 and L2 penalties, with a mean loss.

    Notes
    -----
    The Gram matrix of the shorter side of X is formed in tiles (X is not copied to be
    centred) and factored once; one or two steps of iterative refinement on X itself bring
    the solution to the accuracy of the data.

    References
    ----------
    Hoerl, A. and Kennard, R. Ridge regression: biased estimation for nonorthogonal
    problems. Technometrics, 1970.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skreg import Ridge
    >>> X, y = load_diabetes(return_X_y=True)
    >>> ridge = Ridge(alpha=1.0).fit(X, y)
    >>> print(round(ridge.score(X, y), 4))
    0.4512
    >>> bool(ridge.relative_gap_ < 1e-12)
    True
    """

    _parameters = {
        "alpha": real(0) | ARRAY,
        "fit_intercept": BOOLEAN,
        "copy_X": BOOLEAN,
        "max_iter": integer(1) | NONE,
        "tol": real(0),
        "solver": choice(*SOLVERS),
        "positive": BOOLEAN,
        "random_state": RANDOM_STATE,
        "standardize": BOOLEAN,
    }

    def __init__(
        self,
        alpha=1.0,
        *,
        fit_intercept=True,
        copy_X=True,
        max_iter=None,
        tol=1e-4,
        solver="auto",
        positive=False,
        random_state=None,
        standardize=False,
    ):
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.copy_X = copy_X
        self.max_iter = max_iter
        self.tol = tol
        self.solver = solver
        self.positive = positive
        self.random_state = random_state
        self.standardize = standardize

    def fit(self, X, y, sample_weight=None):
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Never written to.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        sample_weight : float or array-like of shape (n_samples,), default=None
            Weights mean repetition: weight 2 is the row twice, weight 0 the row absent.
            A number weighs every row by it.

        Returns
        -------
        self : object
            Fitted estimator.
        """
        with unchanged_on_failure(self):
            self._fit(X, y, sample_weight)
        return self

    def _fit(self, X, y, sample_weight):
        parameters = self.get_params(deep=False)
        check_parameters("Ridge", parameters, self._parameters)
        self._check_solver(sparse.issparse(X))
        data = check_input(self, X, y, sample_weight, scalar=True)
        sample, moments = measured(
            data,
            self._prefers_gram(data.X),
            fit_intercept=self.fit_intercept,
            standardize=self.standardize,
        )
        l2 = self._strengths(data.y.shape[1]) / sample.weight_sum
        coef, gaps, self.n_iter_, self.solver_ = (
            self._solve_positive(sample, l2)
            if self.positive
            else self._solve(sample, l2, moments)
        )
        store_solution(self, data, sample, l2, coef, gaps, positive=self.positive)

    def _check_solver(self, X_is_sparse):
        """The combinations that scikit-learn refuses are refused here too."""
        solver = self.solver
        if solver == "lbfgs" and not self.positive:
            raise InvalidParameter(
                "'lbfgs' solver can be used only when positive=True. Please use another "
                "solver."
            )
        if self.positive and solver not in ("auto", "lbfgs"):
            raise InvalidParameter(
                f"solver='{solver}' does not support positive fitting. Please set the "
                "solver to 'auto' or 'lbfgs', or set `positive=False`"
            )
        if not X_is_sparse:
            return
        if self.fit_intercept and solver in ("svd", "cholesky", "saga"):
            raise InvalidParameter(
                f"solver='{solver}' does not support fitting the intercept on sparse "
                "data. Please set the solver to 'auto' or 'lsqr', 'sparse_cg', 'sag', "
                "'lbfgs' or set `fit_intercept=False`"
            )
        if solver == "svd":
            raise TypeError("SVD solver does not support sparse inputs currently")
        if solver == "sag" and self.max_iter is None and self.tol > 1e-4:
            warnings.warn(
                '"sag" solver requires many iterations to fit an intercept with sparse '
                'inputs. Either set the solver to "auto" or "sparse_cg", or set a low '
                '"tol" and a high "max_iter" (skreg uses its Krylov solver here).',
                UserWarning,
                stacklevel=5,
            )

    def _strengths(self, n_targets):
        try:
            alpha = np.asarray(self.alpha, dtype=np.float64).ravel()
        except (TypeError, ValueError):
            expected = "a float or an array of floats"
            raise invalid_parameter("Ridge", "alpha", self.alpha, expected) from None
        if alpha.size not in (1, n_targets):
            raise ValueError(
                "Number of targets and number of penalties do not correspond: "
                f"{alpha.size} != {n_targets}; give alpha one value, or one per column "
                "of y."
            )
        if not np.all(np.isfinite(alpha)) or np.any(alpha < 0):
            raise InvalidParameter(
                "The 'alpha' parameter of Ridge must be a float in the range [0, inf) or "
                f"an array of such. Got {self.alpha!r} instead."
            )
        return np.broadcast_to(alpha, n_targets)

    def _prefers_gram(self, X):
        """Whether normal equations of the features are the way to solve it."""
        long = isinstance(X, np.ndarray) and X.shape[0] >= X.shape[1] and is_direct(X)
        return long and not self.positive and self.solver in ("auto", "cholesky")

    def _solve(self, sample, l2, moments):
        method = self.solver if self.solver in ("svd", "cholesky") else None
        method = "lsqr" if self.solver in ITERATIVE else method
        tol = TOL_FACTOR * self.tol
        result = solve_ridge(
            sample, l2, method=method, tol=tol, max_iter=self.max_iter, moments=moments
        )
        if not result.converged:
            warnings.warn(
                f"The Krylov solver of Ridge did not reach a relative residual of {tol} "
                f"in max_iter={self.max_iter} iterations. Raise max_iter or tol.",
                ConvergenceWarning,
                stacklevel=5,
            )
        used = {"cholesky": "cholesky", "svd": "svd", "lsqr": "sparse_cg"}[result.method]
        name = used if self.solver == "auto" else self.solver
        return result.coef, result.dual_gap, result.n_iter, name

    def _solve_positive(self, sample, l2):
        """Coordinate descent for each target's own strength."""
        max_iter = POSITIVE_MAX_ITER if self.max_iter is None else self.max_iter
        coef, gaps = np.zeros((len(l2), sample.X.shape[1])), np.zeros(len(l2))
        n_iter = np.zeros(len(l2), dtype=np.int32)
        for k, strength in enumerate(l2):
            path = solve_path(
                sample.select([k]),
                L2(positive=True),
                [strength],
                tol=TOL_FACTOR * self.tol,
                max_iter=max_iter,
            )
            coef[k], gaps[k] = path.coefs[0, 0], path.dual_gaps[0, 0]
            n_iter[k] = path.n_iters[0, 0]
            if not path.converged.all():
                target = TOL_FACTOR * self.tol * path.null_objectives[0]
                warn_not_converged(strength, gaps[k], target, max_iter, stacklevel=6)
        return coef, gaps, n_iter, "lbfgs"

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.input_tags.sparse = (self.solver != "svd") and (
            self.solver != "cholesky" or not self.fit_intercept
        )
        return tags


def store_solution(model, data, sample, l2, coef, gaps, *, positive=False):
    """Coefficients, intercepts and certificates as attributes of a ridge model.

    Parameters
    ----------
    model : LinearRegressor
    data : skreg._validation.Validated
    sample : Sample
    l2 : ndarray of shape (n_targets,)
    coef : ndarray of shape (n_targets, n_features)
        Of the standardized problem if `sample` is.
    gaps : ndarray of shape (n_targets,)
        Certificates of `coef`; recomputed where other numbers are stored.
    positive : bool
        Whether the coefficients are restricted to be non-negative.
    """
    intercept, coef = sample.intercept(coef), sample.original(coef)
    if not np.all(np.isfinite(coef)) or not np.all(np.isfinite(intercept)):
        raise ValueError(NON_FINITE_COEF)
    model.coef_, model.intercept_ = stored(coef, intercept, data, model.fit_intercept)
    if positive or sample.scale is not None or data.X.dtype == np.float32:
        kept = sample.standardized(np.atleast_2d(model.coef_).astype(np.float64))
        error = np.atleast_1d(model.intercept_) - sample.intercept(kept)
        gaps = recompute_gaps(sample, L2(positive), l2, kept, np.arange(len(l2)))
        gaps = gaps + 0.5 * np.square(error.astype(np.float64))
    if not np.all(np.isfinite(gaps)):
        raise ValueError(NON_FINITE_COEF)
    # from the mean objective with a factor 1/2 to the objective of this class
    model.dual_gap_ = per_target(gaps * 2.0 * sample.weight_sum)
    model.relative_gap_ = per_target(relative_gap(gaps, 0.5 * sample.y_norm2))
