"""Prediction at any alpha between those that were tried."""

from numbers import Real

import numpy as np
from sklearn.utils import check_scalar
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.validation import check_is_fitted, validate_data

from skreg.linear._base import LinearRegressor


class AlphaPath(LinearRegressor):
    """Base of estimators that keep the coefficients at every alpha.

    A fit sets `coef_path_` of shape ([n_targets,] n_features, n_alphas),
    `intercept_path_` of shape ([n_targets,] n_alphas) and `_path_alphas`.
    """

    # `alpha` chooses a model, it is not metadata.
    __metadata_request__predict = {"alpha": UNUSED}

    def predict(self, X, *, alpha=None):
        """Predict the targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        alpha : float, default=None
            None predicts with `coef_`. Otherwise the coefficients are interpolated
            between those at the two nearest alphas that were tried: exact for the lasso
            as long as no feature enters or leaves between them.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_targets)
        """
        if alpha is None:
            return super().predict(X)
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=["csr", "csc", "coo"], reset=False)
        below, above, share = self._neighbours(alpha)
        coef = _blend(self.coef_path_, below, above, share)
        return X @ coef.T + _blend(self.intercept_path_, below, above, share)

    def _neighbours(self, alpha):
        """Positions of the alphas around `alpha`, and the share of the upper one."""
        check_scalar(alpha, "alpha", target_type=Real, min_val=0.0)
        alphas = self._path_alphas
        if alphas.ndim > 1:
            raise ValueError(
                "predict(alpha=...) needs one path for all targets; this model has one "
                f"for each (alpha_per_target=True). Got alpha={alpha}."
            )
        order = np.argsort(alphas, kind="stable")
        ordered = alphas[order]
        if alpha > ordered[-1] and not self.coef_path_[..., order[-1]].any():
            return order[-1], order[-1], 1.0  # nothing is left to be shrunk
        if not ordered[0] <= alpha <= ordered[-1]:
            raise ValueError(
                f"alpha={alpha} is outside of the alphas that were tried, "
                f"[{ordered[0]:.6g}, {ordered[-1]:.6g}]; fit with a wider grid."
            )
        after = int(np.searchsorted(ordered, alpha))
        if ordered[after] == alpha:
            return order[after], order[after], 1.0
        share = (alpha - ordered[after - 1]) / (ordered[after] - ordered[after - 1])
        return order[after - 1], order[after], share


def _blend(path, below, above, share):
    """The interpolated value of the last axis of `path`."""
    return (1.0 - share) * path[..., below] + share * path[..., above]
