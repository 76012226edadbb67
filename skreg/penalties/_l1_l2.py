"""The elastic net penalty."""

from skreg.penalties._interface import Penalty
from skreg.penalties._l1 import L1
from skreg.penalties._l2 import L2
from skreg.penalties._soft_threshold import SoftThreshold


class L1L2(Penalty):
    r"""The elastic net penalty: L1 and L2 blended.

    .. math::

        \alpha \sum_j \left( \rho\, |w_j| + \frac{1 - \rho}{2}\, w_j^2 \right),
        \qquad \rho = \mathtt{l1\_ratio}

    Parameters
    ----------
    l1_ratio : float, default=0.5
        1 is the lasso, 0 is ridge.
    positive : bool, default=False
        Restrict the coefficients to non-negative values.

    References
    ----------
    Zou, H. and Hastie, T. Regularization and variable selection via the elastic net.
    Journal of the Royal Statistical Society B, 2005.

    Examples
    --------
    >>> from skreg.penalties import L1L2, prox
    >>> float(prox(L1L2(l1_ratio=0.5).kernel(1.0), 0, 2.0, 1.0))
    1.0
    """

    def __init__(self, l1_ratio=0.5, positive=False):
        self.l1_ratio = l1_ratio
        self.positive = positive

    def kernel(self, alpha):
        """The kernel tuple at strength `alpha`."""
        l1, l2 = alpha * self.l1_ratio, alpha * (1.0 - self.l1_ratio)
        return SoftThreshold(float(l1), float(l2), bool(self.positive))

    def quadratic_strength(self, alpha):
        """See :class:`Penalty`."""
        if self.positive or alpha * self.l1_ratio > 0:
            return None
        return float(alpha * (1.0 - self.l1_ratio))

    def alpha_max(self, gradient):
        """Smallest strength at which all coefficients are zero (see :class:`L1`)."""
        if self.l1_ratio == 0:
            return L2(self.positive).alpha_max(gradient)
        return L1(self.positive).alpha_max(gradient) / self.l1_ratio
