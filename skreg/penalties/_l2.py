"""The L2 penalty."""

import numpy as np

from skreg.penalties._interface import Penalty
from skreg.penalties._soft_threshold import SoftThreshold


class L2(Penalty):
    r"""The ridge penalty :math:`\frac{\alpha}{2} \sum_j w_j^2`: it shrinks, never to zero.

    Parameters
    ----------
    positive : bool, default=False
        Restrict the coefficients to non-negative values.

    References
    ----------
    Hoerl, A. and Kennard, R. Ridge regression: biased estimation for nonorthogonal
    problems. Technometrics, 1970.

    Examples
    --------
    >>> from skreg.penalties import L2, prox
    >>> float(prox(L2().kernel(1.0), 0, 2.0, 1.0))
    1.0
    """

    def __init__(self, positive=False):
        self.positive = positive

    def kernel(self, alpha):
        """The kernel tuple at strength `alpha`."""
        return SoftThreshold(0.0, float(alpha), bool(self.positive))

    def quadratic_strength(self, alpha):
        """See :class:`Penalty`."""
        return None if self.positive else float(alpha)

    def alpha_max(self, gradient):
        """Infinite unless the null model is already optimal: L2 gives no exact zeros."""
        size = gradient if self.positive else np.abs(gradient)
        return 0.0 if np.max(size, initial=0.0) <= 0.0 else float("inf")
