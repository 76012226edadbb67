"""The L1 penalty."""

import numpy as np

from skreg.penalties._interface import Penalty
from skreg.penalties._soft_threshold import SoftThreshold


class L1(Penalty):
    r"""The lasso penalty :math:`\alpha \sum_j |w_j|`: it makes coefficients exactly zero.

    Parameters
    ----------
    positive : bool, default=False
        Restrict the coefficients to non-negative values.

    References
    ----------
    Tibshirani, R. Regression shrinkage and selection via the lasso. Journal of the
    Royal Statistical Society B, 1996.

    Examples
    --------
    >>> from skreg.penalties import L1, prox
    >>> float(prox(L1().kernel(0.5), 0, 2.0, 1.0))
    1.5
    """

    def __init__(self, positive=False):
        self.positive = positive

    def kernel(self, alpha):
        """The kernel tuple at strength `alpha`."""
        return SoftThreshold(float(alpha), 0.0, bool(self.positive))

    def quadratic_strength(self, alpha):
        """See :class:`Penalty`."""
        return 0.0 if alpha == 0 and not self.positive else None

    def alpha_max(self, gradient):
        """Smallest strength at which all coefficients are zero.

        Parameters
        ----------
        gradient : ndarray of shape (n_features,)
            Correlation of the columns with the residual of the null model.
        """
        size = gradient if self.positive else np.abs(gradient)
        return float(np.max(size, initial=0.0))
