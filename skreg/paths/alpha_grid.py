"""Grids of alphas: from the smallest that makes every coefficient zero, downwards."""

import numpy as np

# Ridge has no smallest alpha at which all coefficients are zero: its grid is that of an
# elastic net of this l1_ratio, as in glmnet.
RIDGE_L1_RATIO = 1e-3
RESOLUTION = np.finfo(np.float64).resolution


def alpha_grid(correlation, penalty, *, eps, n_alphas):
    """Geometric grid from alpha_max to eps * alpha_max.

    Parameters
    ----------
    correlation : ndarray of shape (n_features, n_targets)
        Weighted mean of the centred columns times the centred targets: the gradient of
        the null model. Several targets are penalised by row norm.
    penalty : skreg.penalties.Penalty
    eps : float
        alpha_min / alpha_max.
    n_alphas : int

    Returns
    -------
    ndarray of shape (n_alphas,)
        Decreasing.
    """
    if correlation.shape[1] == 1:
        gradient = correlation[:, 0]
    else:
        gradient = np.hypot.reduce(correlation, axis=1)
    alpha_max = penalty.alpha_max(gradient)
    if alpha_max == np.inf:
        alpha_max = float(np.abs(gradient).max(initial=0.0)) / RIDGE_L1_RATIO
    if alpha_max <= RESOLUTION:
        return np.full(n_alphas, RESOLUTION)
    return np.geomspace(alpha_max, alpha_max * eps, num=n_alphas)
