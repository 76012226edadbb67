r"""Newton's direction for more rows than samples: the equations of their lengths.

In the notation of :mod:`skreg._solvers.row_support` the Hessian is, scaled,
N (x) I - U U' with N = Q + F F', where F has a row per feature and a column per sample,
and Q = I + l2 E^2. With y = U' x, the solution of (N (x) I - U U') x = R is

    x = N^-1 (R + U y),      S y = U' N^-1 R,      S = (I - N^-1) o (u_j'u_k),

where y_j tells by how much row j grows along its direction. N needs a Cholesky factor of
the size of the samples only, L L' = I + F' Q^-1 F, and with the thin matrix
A = Q^-1 F L^-T

    N^-1 = Q^-1 - A A',       I - N^-1 = (I - Q^-1) + A A'.

S is never formed. After its diagonal has been divided out it is like the Gram matrix of
random vectors of length n_samples * n_targets, so conjugate gradients gain a digit in some
steps, and an error in y is one of the same size in the system above, at U.

The factor of N goes on when rows have moved by little. Then E has the lengths with which it
was made, and so must have the way from the solution to v (`known` in
:func:`skreg._kernels.row_steps.step_rows`): the error is then of the size of the change
of v, not of r, which a small row may double. A row that has left stays in N, without a
direction and a right side.
"""

import numpy as np
from scipy import linalg

from skreg._kernels.row_lengths import solve_lengths
from skreg._kernels.thin_products import aligned_rows, aligned_targets


class Lengths:
    """The equations at some rows, to be solved for several right sides.

    Parameters
    ----------
    products : FactorProducts
    rows : Rows
    l1, l2 : float
    """

    def __init__(self, products, rows, l1, l2):
        self.rows, self._l1 = rows, l1
        self._scale = np.sqrt(rows.size / l1)
        self._weight = (self._scale.max() / self._scale).astype(np.float32)
        spread = (1.0 + l2 * self._scale**2).astype(np.float32)
        self._inverse = 1.0 / spread
        factor = products.factor.astype(np.float32, order="C")
        factor *= self._scale.astype(np.float32)[:, None]
        self._thin = thin_factor(factor, np.sqrt(spread)[:, None])
        if self._thin is not None:
            self._diagonal = 1.0 - self._inverse + np.vecdot(self._thin, self._thin)

    def change(self, rows, problem):
        """How far v / l1 has moved at most, relative to it; infinite if rows came since.

        Parameters
        ----------
        rows : Rows
        problem : Problem
        """
        first, place = self.rows, self._places(rows.features)
        if place is None:
            return np.inf
        steps = problem.steps(first.features)
        before = 1.0 + first.size / (steps * self._l1)
        after = 1.0 + rows.size / (steps[place] * problem.l1)
        moved = rows.direction * (after / before[place])[:, None] - first.direction[place]
        farthest = np.sqrt(np.vecdot(moved, moved).max())
        gone = np.ones(len(before), bool)
        gone[place] = False
        return max(farthest, (1.0 - 1.0 / before[gone]).max(initial=0.0))

    def _places(self, features):
        """Where these are among the features given first; None if some are not."""
        first = self.rows.features
        if np.array_equal(first, features):
            return slice(None)
        place = np.minimum(np.searchsorted(first, features), len(first) - 1)
        return place if np.array_equal(first[place], features) else None

    def solve(self, now, share, max_steps):
        """Newton's direction, in single precision.

        Parameters
        ----------
        now : Outlook
        share : float
            The equations are solved up to this part of the right side.
        max_steps : int

        Returns
        -------
        direction : ndarray of shape (n_rows, n_targets)
        size : ndarray of shape (n_rows,)
            The norms of the rows in the Hessian.
        left : float
            The part that is left.
        """
        thin, right, place = self._thin, now.right, self._places(now.rows.features)
        scale, size = self._scale[place, None], self.rows.size[place]
        if thin is None:
            return np.zeros(right.shape), size, 1.0
        rows = scale * right
        unit = np.abs(rows).max()
        scaled, direction, solution = np.zeros((3, len(thin), right.shape[1]), np.float32)
        scaled[place], direction[place] = rows / unit, now.rows.direction
        start = np.linalg.norm(self._weight[:, None] * scaled)
        _, left = solve_lengths(
            thin,
            self._inverse,
            self._diagonal,
            direction,
            self._weight,
            scaled,
            share * start,
            max_steps,
            aligned_targets(right.shape[1], thin.shape[1], np.float32),
            solution,
        )
        return unit * scale * solution[place], size, left / start


def thin_factor(factor, roots):
    """A, a row per feature; None if there is none. Overwrites `factor`, which is F.

    `roots` is Q^(1/2) as a column.
    """
    if not np.all(roots == 1.0):
        factor /= roots
    inner = factor.T @ factor
    inner.flat[:: len(inner) + 1] += 1.0
    upper, info = linalg.lapack.spotrf(inner.T, overwrite_a=1)
    if info != 0:
        return None
    rows = linalg.blas.strsm(1.0, upper, factor.T, trans_a=1, overwrite_b=1).T
    thin = aligned_rows(len(rows), rows.shape[1], np.float32)
    np.divide(rows, roots, out=thin[:, : rows.shape[1]])
    return thin
