"""What all linear regressors share: prediction, attributes, tags; the sample they see."""

import numpy as np
from scipy import sparse
from sklearn import get_config
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from skreg._solvers.measure import measure
from skreg._solvers.moments import make_moments
from skreg._solvers.sample import make_sample


class LinearRegressor(RegressorMixin, BaseEstimator):
    """Base of estimators with `coef_` and `intercept_`."""

    def predict(self, X):
        """Predict the targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_targets)
        """
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=["csr", "csc", "coo"], reset=False)
        return X @ self.coef_.T + self.intercept_

    @property
    def sparse_coef_(self):
        """`coef_` as a CSR matrix of shape (1, n_features) or (n_targets, n_features)."""
        check_is_fitted(self)
        if get_config().get("sparse_interface") == "sparray":
            return sparse.csr_array(np.atleast_2d(self.coef_))
        return sparse.csr_matrix(np.atleast_2d(self.coef_))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def routing_enabled(estimator, params):
    """Whether metadata is routed; if it is not, extra parameters of `fit` are refused."""
    if get_config()["enable_metadata_routing"]:
        return True
    if params:
        raise ValueError(
            f"Passing extra keyword arguments to {type(estimator).__name__}.fit is only "
            "supported if enable_metadata_routing=True, which you can set using "
            f"`sklearn.set_config`. Extra parameters passed are: {sorted(params)}"
        )
    return False


def stored(coef, intercept, data, fit_intercept, *, as_matrix=False):
    """Coefficients and intercepts in the dtype and shapes of the attributes.

    Parameters
    ----------
    coef : ndarray of shape (n_targets, n_features)
    intercept : ndarray of shape (n_targets,)
    data : skreg._validation.Validated
    fit_intercept : bool
    as_matrix : bool
        Whether the coefficients of one target stay a matrix.

    Returns
    -------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        One target gives a vector, also for `y` of shape (n_samples, 1), unless
        `as_matrix`.
    intercept_ : float or ndarray of shape (n_targets,)
    """
    dtype = data.X.dtype
    coef = coef.astype(dtype)
    if coef.shape[0] == 1 and not as_matrix:
        coef = coef[0]
    if not fit_intercept:
        return coef, 0.0
    intercept = intercept.astype(dtype)
    return coef, intercept if data.y_ndim > 1 else intercept[0]


def per_target(values):
    """A number for one target, an array for several."""
    return values[0] if len(values) == 1 else values


def measured(data, by_gram, *, fit_intercept, standardize, total=None):
    """The sample, and its moments if its Gram matrix is the way to solve it.

    Dense X is then read once, for the means too.

    Parameters
    ----------
    data : skreg._validation.Validated
    by_gram : bool
    fit_intercept, standardize : bool
    total : Moments, optional
        Of the data, not standardized, if they are known already.

    Returns
    -------
    Sample, Moments or None
    """
    dense = isinstance(data.X, np.ndarray)
    if total is None and by_gram and dense and fit_intercept:
        total = measure(data.X, data.y, data.sample_weight, True)
    sample = make_sample(
        data.X,
        data.y,
        data.sample_weight,
        fit_intercept,
        standardize,
        means=(total.X_mean, total.y_mean) if total is not None and dense else None,
    )
    if total is None:
        return sample, make_moments(sample) if by_gram else None
    return sample, total if sample.scale is None else total.scaled(sample.scale)
