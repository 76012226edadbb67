"""What earlier residuals tell of the gradient: most columns need not be read again.

With the gradients g_a, g_b of a feature at two earlier residuals r_a, r_b, any residual r,
any two numbers s, t, and columns of length |x_j|,

    |x_j' r| <= |s g_aj + t g_bj| + |x_j| |r - s r_a - t r_b|,

and where the right side is below the threshold of feature j, so is the left. It is the
sphere test of gap-safe screening (Ndiaye et al., Gap safe screening rules for sparsity
enforcing penalties, JMLR 2017) with known residuals in the place of a bound on the optimal
one; s and t are those of the least squares fit of r. Along a path residuals move in nearly
straight lines, so the latest two that a column was read at exclude it for some alphas.

Every feature has its own two: a column is read again when its own bound says so, long
columns near the threshold at every alpha, others a few times along the whole path. (On
the sparse benchmark 21 passes over X in place of 33 with two residuals at which all columns
were read. A third one changes nothing.)
"""

import numpy as np

from skreg._kernels.screening import BLOCK, N_SLOTS, screen


class References:
    """The latest two residuals of every feature at which its gradient is known.

    N_SLOTS residuals are kept. The one that makes room for a new one is the one that was
    the latest of the fewest features; of these a few forget one of their two.

    Parameters
    ----------
    sample : Sample
    lengths : ndarray of shape (n_features,)
        |x_j|.
    residual : ndarray of shape (n_samples,)
    gradient : ndarray of shape (n_features,)
        Of all features at this first residual.

    Attributes
    ----------
    share, radius : ndarray of shape (2, N_SLOTS**2), (N_SLOTS**2,)
        The last comparison, by pair of residuals.
    """

    def __init__(self, sample, lengths, residual, gradient):
        self._lengths = lengths
        self._residuals = np.empty((N_SLOTS, len(residual)))
        self._products = np.zeros((N_SLOTS + 1, N_SLOTS))
        self._residuals[0], self._products[0, 0] = residual, sample.norm2(residual)
        self._count, self._found = 1, np.empty(gradient.size, dtype=np.int64)
        self.share, self.radius = np.zeros((2, N_SLOTS**2)), np.zeros(N_SLOTS**2)
        self._reach = np.zeros(N_SLOTS**2)
        self._pairs = np.zeros(gradient.size, dtype=np.uint8)
        self._doubtful = np.empty(BLOCK, dtype=bool)
        self._known = np.array([gradient, gradient])
        self._users = np.zeros(N_SLOTS, dtype=np.int64)
        self._users[0] = gradient.size

    def check(self, design, residual, state, kernel, outside, gradient):
        """Find the features `outside` whose gradient is above the threshold of `kernel`.

        `gradient` is written: exact where the column was read, else estimated.

        Returns
        -------
        n_read : int
            Number of entries of the columns read.
        above : ndarray of int
        """
        slot = self._count if self._count < N_SLOTS else int(np.argmin(self._users))
        n_read, n_found = screen(
            design,
            state,
            kernel,
            residual,
            self._residuals,
            self._count,
            self._products,
            self.share,
            self.radius,
            self._reach,
            slot,
            self._lengths,
            outside,
            self._pairs,
            self._known,
            self._users,
            self._doubtful,
            gradient,
            self._found,
        )
        self._count = max(self._count, slot + 1)
        return n_read, self._found[:n_found].copy()
