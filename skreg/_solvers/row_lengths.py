r"""Newton's direction for more rows than samples: the equations of their lengths.

In the notation of :mod:`skreg._solvers.row_support` the Hessian is, scaled,
N (x) I - U U' with N = Q + F F', where F has a row per feature and a column per sample,
and Q = I + l2 E^2. With y = U' x, the solution of (N (x) I - U U') x = R is

    x = N^-1 (R + U y),      S y = U' N^-1 R,      S = (I - N^-1) o (u_j'u_k),

where y_j tells by how much row j grows along its direction. N needs a Cholesky factor of
the size of the samples only, L L' = I + F' Q^-1 F, and with the thin matrix
A = L^-1 F' Q^-1

    N^-1 = Q^-1 - A'A,       I - N^-1 = (I - Q^-1) + A'A.

S is never formed. After its diagonal has been divided out it is like the Gram matrix of
random vectors of length n_samples * n_targets, so conjugate gradients gain a digit in some
steps, and an error in y is one of the same size in the system above, at U.
"""

import numpy as np
from scipy import linalg

from skreg._kernels.row_lengths import TOGETHER, solve_lengths


class Lengths:
    """The equations at some rows, to be solved for several right sides.

    Parameters
    ----------
    products : FactorProducts
    rows : Rows
    l1, l2 : float
    """

    def __init__(self, products, rows, l1, l2):
        self.rows = rows
        self._scale = np.sqrt(rows.size / l1)
        count, n_samples = products.factor.shape
        self._shape = -(-count // TOGETHER) * TOGETHER, rows.direction.shape[1]
        factor = np.zeros((self._shape[0], n_samples), np.float32)
        scale = self._scale[:, None]
        np.multiply(products.factor, scale, out=factor[:count], casting="same_kind")
        self._direction = np.zeros(self._shape, np.float32)
        self._direction[:count] = rows.direction
        self._spread = np.ones(self._shape[0], np.float32)
        self._spread[:count] += l2 * self._scale**2
        self._weight = np.zeros(self._shape[0], np.float32)
        self._weight[:count] = self._scale.max() / self._scale
        self._thin = thin_factor(factor, self._spread)

    def change(self, rows):
        """The largest change from the rows given first to `rows`, relative to a row."""
        first = self.rows
        if not np.array_equal(first.features, rows.features):
            return np.inf
        moved = rows.direction - (first.size / rows.size)[:, None] * first.direction
        return np.sqrt(np.vecdot(moved, moved).max())

    def solve(self, right, share, max_steps):
        """Newton's direction, in single precision.

        Parameters
        ----------
        right : ndarray of shape (n_rows, n_targets)
        share : float
            The equations are solved up to this part of the right side.
        max_steps : int

        Returns
        -------
        direction : ndarray of shape (n_rows, n_targets)
        left : float
            The part that is left.
        """
        count, thin, spread = len(right), self._thin, self._spread[:, None]
        if thin is None:
            return np.zeros(right.shape), 1.0
        scaled = np.zeros(self._shape, np.float32)
        unit = row_scale(self._scale, right, scaled[:count])
        solution = scaled / spread - thin @ (thin.T @ scaled)
        lengths = np.empty(self._shape[0], np.float32)
        start = np.linalg.norm(self._weight[:, None] * scaled)
        _, left = solve_lengths(
            thin,
            1.0 - 1.0 / self._spread,
            self._direction,
            np.vecdot(self._direction, solution),
            self._weight,
            share * start,
            max_steps,
            lengths,
        )
        turned = self._direction * lengths[:, None]
        solution += turned / spread
        solution -= thin @ (thin.T @ turned)
        return (unit * self._scale)[:, None] * solution[:count], left / start


def row_scale(scale, right, out):
    """Set `out` to the scaled rows, divided by their norm, which is returned."""
    rows = scale[:, None] * right
    largest = np.abs(rows).max()
    unit = largest * np.sqrt(np.sum(np.square(rows / largest)))
    np.divide(rows, unit, out=out, casting="same_kind")
    return unit


def thin_factor(factor, spread):
    """A', a row per feature; None if there is none. Overwrites `factor`, which is F."""
    uniform = bool(np.all(spread == 1.0))
    roots = np.sqrt(spread)[:, None]
    if not uniform:
        factor /= roots
    inner = linalg.blas.ssyrk(1.0, factor.T)
    inner.flat[:: len(inner) + 1] += 1.0
    upper, info = linalg.lapack.spotrf(inner, overwrite_a=1)
    if info != 0:
        return None
    thin = linalg.blas.strsm(1.0, upper, factor.T, trans_a=1, overwrite_b=1).T
    if not uniform:
        thin /= roots
    return thin
