"""What solvers return: one solution, and the solutions at many alphas."""

from typing import NamedTuple

import numpy as np

# Rounding in an exact solution, relative to the objective of the null model.
EXACT_GAP = 1e-12
DEFAULT_TOL = 1e-4
# What may be left of the optimality condition where only scores are wanted, relative to the
# largest correlation and to the size of the residual: mean squared errors are off by about
# that, relatively, and by more where columns are nearly dependent. Seven elastic net paths
# take 2 % longer than for 3e-8, and a fifth less than for none.
SCORED_ACCURACY = 1e-9
# What may be left for a gap of 1: gaps are not above some four times what is left.
LEFT_PER_GAP = 0.1


class PathResult(NamedTuple):
    """Solutions of one problem at many alphas, for each target on its own."""

    alphas: np.ndarray  # (n_alphas,)
    coefs: np.ndarray  # (n_targets, n_alphas, n_features), float64
    dual_gaps: np.ndarray  # (n_targets, n_alphas), absolute, of the mean objective
    null_objectives: np.ndarray  # (n_targets,), objective of the intercept-only model
    n_iters: np.ndarray  # (n_targets, n_alphas), rounds or epochs; 1 for direct solvers
    converged: np.ndarray  # (n_targets, n_alphas)


class Stop(NamedTuple):
    """When to stop at one alpha."""

    null_objective: float
    tol: float  # relative to the objective of the null model
    max_iter: int
    scored_only: bool = False  # whether solutions are not returned, only their scores

    @property
    def accuracy(self):
        """What the exact method may leave of the optimality condition; see
        :func:`skreg._kernels.active_set.follow`.
        """
        return min(SCORED_ACCURACY, self.tol * LEFT_PER_GAP) * self.scored_only

    @property
    def gap(self):
        """At which coordinate descent stops."""
        return self.tol * self.null_objective

    @property
    def exact_gap(self):
        """Up to which an exact solution is accepted: rounding, or `tol`."""
        return max(self.tol, EXACT_GAP) * self.null_objective

    @property
    def sure_gap(self):
        """At which descent, run before the exact method, has made that superfluous; a `tol`
        looser than the default is taken at its word.
        """
        if self.tol > DEFAULT_TOL:
            return self.gap
        return min(self.tol, EXACT_GAP) * self.null_objective


class Step(NamedTuple):
    """The solution at one alpha."""

    coef: np.ndarray  # of `features`, or of all if these are None
    gap: float
    n_iter: int
    done: bool = True  # False: the exact method gave up here
    features: np.ndarray | None = None

    @property
    def count(self):
        """The number of alphas that this is the solution at."""
        return 1

    def later(self, n_iter):
        """The same after `n_iter` more iterations."""
        return self._replace(n_iter=self.n_iter + n_iter)

    def write(self, out):
        """Set the coefficients of all features in `out`, which is zero."""
        out[slice(None) if self.features is None else self.features] = self.coef

    def write_rows(self, out, rows):
        """Set the row of `out`, which is zero, in `rows`."""
        self.write(out[rows[0]])

    def whole(self, n_features):
        """The coefficients of all features."""
        if self.features is None:
            return self.coef
        out = np.zeros((n_features, *self.coef.shape[1:]))
        self.write(out)
        return out


class Steps(NamedTuple):
    """The solutions of all features at one alpha after the other."""

    coefs: np.ndarray  # (n_alphas, n_features)
    gap: np.ndarray  # (n_alphas,)
    n_iter: np.ndarray  # (n_alphas,)
    done: bool = True

    @property
    def count(self):
        """The number of alphas."""
        return len(self.gap)

    def later(self, n_iter):
        """The same after `n_iter` more iterations at the first alpha."""
        later = self.n_iter.copy()
        later[0] += n_iter
        return self._replace(n_iter=later)

    def write_rows(self, out, rows):
        """Set some rows of `out`, one for each alpha."""
        out[rows] = self.coefs

    def whole(self, n_features):
        """The coefficients at the last alpha."""
        return self.coefs[-1]
