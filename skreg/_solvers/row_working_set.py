"""Exact paths of several targets that share their support: a working set of features.

As :mod:`skreg._solvers.working_set`, with :mod:`skreg._solvers.row_support` for the
features in play. What excludes most of the others is the sphere test for rows: with a
reference residual R0 whose gradient G0 is known, and any residual R,

    ||x_j' R|| <= kappa ||g0_j|| + |x_j| ||R - kappa R0||,      kappa = <R, R0> / <R0, R0>

in the spectral norm, which is smaller than the Frobenius norm by up to the square root of
the number of targets.
"""

from abc import abstractmethod
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from skreg._kernels.group_cd import certify_rows
from skreg._kernels.screening import MARGIN
from skreg._solvers.results import Step
from skreg._solvers.row_norms import norm, row_norms
from skreg._solvers.row_support import ROUNDING, Problem, RowSupport
from skreg._solvers.working_set import MAX_FEATURES, ExactPath
from skreg.penalties import slope_at_zero, strong_convexity

# On the way to the first alpha, solutions need not be better than this, relative to the
# null model: it halves the time of a single fit.
ROUGH = 1e-1
# When more than this share of the features fails the sphere test, all are checked.
FULL_PASS_SHARE = 0.25
# The spectral norm is computed from the inner products of so many targets at most.
SPECTRAL_MAX = 200


class Reference(NamedTuple):
    """A residual whose correlation with every feature is known."""

    residual: np.ndarray
    norm2: float
    gradient: np.ndarray
    size: np.ndarray  # norms of its rows


class Look(NamedTuple):
    """What is known at a solution on the working set."""

    residual: np.ndarray
    # Features outside the working set that cannot be excluded, and their gradient; the
    # others are proven to satisfy the optimality condition.
    checked: np.ndarray
    gradient: np.ndarray


class RowSet(ExactPath):
    """What is solved exactly: the features in play, and the solution over them.

    Parameters
    ----------
    curvature : ndarray of shape (n_features,)
    products : ColumnProducts or GramProducts
    start_gradient : ndarray of shape (n_features, n_targets)
        Of the null model.
    null : float
        Objective of the null model.
    aim : float
        The duality gap to reach.
    """

    needs_uniform_penalty = True
    prefers_descent_first = False

    def __init__(self, curvature, products, start_gradient, null, aim):
        self._curvature, self._products = curvature, products
        self._null, self._aim = null, aim
        self._start_gradient = start_gradient
        self._support = RowSupport(start_gradient.shape[1])
        self._outside, self._fits = curvature > 0.0, True
        self.features = np.arange(0)
        self._support.start_at(np.zeros((0, start_gradient.shape[1])))
        self._rounding = ROUNDING * row_norms(start_gradient).max(initial=0.0)

    def step(self, gap, n_iter, done):
        """The present solution, for all features."""
        coef = self._support.coef
        inside = np.flatnonzero(coef.any(axis=1))
        return Step(coef[inside], gap, n_iter, done, self.features[inside])

    def join(self, features):
        """Add features to the working set."""
        if len(features):
            self._products.join(features)
            self.features = np.append(self.features, features)
            self._outside[features] = False

    def start_at(self, coef, kernel, stop):
        """Take over a solution; wait for a smaller one if that is too large."""
        needed = np.flatnonzero(self._outside & (row_norms(coef) > 0.0))
        self._fits = len(needed) + len(self.features) <= MAX_FEATURES
        if self._fits:
            self._cold = False
            self.join(needed)
            self._support.start_at(coef[self.features])

    def _gives_up(self, stop):
        return not self._fits

    def _problem(self, l1, l2, aim):
        """Over the features in play, at one alpha, up to a gap of about `aim`."""
        return Problem(
            self._products,
            self._start_gradient[self.features],
            self._curvature[self.features],
            l1,
            l2,
            max(self._aim, aim),
            self._null,
            self._rounding,
        )

    def _null_gradient(self):
        return row_norms(self._start_gradient)

    def _approach(self, kernel, max_rounds, stop):
        return self._solve(kernel, max_rounds, ROUGH * self._null)[:2]

    def _finish(self, kernel, max_rounds, stop):
        solved, n_rounds, look = self._solve(kernel, max_rounds, 0.0)
        return solved, n_rounds, self._gap(look, kernel)

    @abstractmethod
    def _solve(self, kernel, max_rounds, aim):
        """(solved, n_rounds, look): the solution over all features, up to a gap of about
        `aim`.
        """

    @abstractmethod
    def _gap(self, look, kernel):
        """Its duality gap."""


class RowWorkingSet(RowSet):
    """Features that may be needed, and what is known of the others.

    Parameters
    ----------
    sample : Sample
        X by columns.
    curvature : ndarray of shape (n_features,)
    products : ColumnProducts or GramProducts
        Of no features yet.
    aim : float
        The duality gap to reach.
    """

    def __init__(self, sample, curvature, products, *, aim):
        self._sample, self._curvature = sample, curvature
        self._lengths = np.sqrt(curvature)
        self._reference = self._look_at_all(sample.y)
        self._sizes = self._reference.size  # of all rows of the gradient, at least about
        self._residual = sample.y
        null = 0.5 * sample.y_norm2.sum()
        super().__init__(curvature, products, self._reference.gradient, null, aim)

    def _predict_support(self, screening):
        """Let the features join that the strong rule expects to be needed."""
        bound = slope_at_zero(screening, 0, 1.0)
        expected = np.flatnonzero(self._outside & (self._sizes > bound))
        if bound > 0.0 and len(expected) + len(self.features) <= MAX_FEATURES:
            self.join(expected)

    def _solve(self, kernel, max_rounds, aim):
        l1, l2, total = slope_at_zero(kernel, 0, 1.0), strong_convexity(kernel), 0
        solved = False
        while True:
            if l1 > 0.0:
                problem = self._problem(l1, l2, aim)
                solved, slack, n_rounds = self._support.solve(
                    problem, max_rounds - total, self._residual
                )
                total += n_rounds
            residual = self._sample.y - self._products.combine(self._support.coef)
            self._residual = residual
            if not l1 > 0.0:
                return False, 0, Look(residual, self.features[:0], self._support.coef[:0])
            look = self._check(residual, l1)
            violators = look.checked[self._sizes[look.checked] > l1 + slack]
            too_many = len(violators) + len(self.features) > MAX_FEATURES
            if len(violators) == 0 or not solved or too_many or total >= max_rounds:
                return solved and len(violators) == 0, total, look
            self.join(violators)

    def _check(self, residual, threshold):
        """A :class:`Look` at the features outside that cannot be excluded."""
        reference = self._reference
        kappa = self._sample.mean(residual * reference.residual).sum() / reference.norm2
        radius = self._length(residual - kappa * reference.residual)
        self._sizes = abs(kappa) * reference.size
        bound = self._sizes + self._lengths * radius
        checked = np.flatnonzero(self._outside & (bound >= MARGIN * threshold))
        if len(checked) > FULL_PASS_SHARE * bound.size:
            self._reference = self._look_at_all(residual)
            self._sizes = self._reference.size
            return Look(residual, checked, self._reference.gradient[checked])
        gradient = np.zeros((0, residual.shape[1]))
        if len(checked):
            gradient = correlation_of(self._sample, checked, residual)
            self._sizes[checked] = row_norms(gradient)
        return Look(residual, checked, gradient)

    def _length(self, rows):
        """Spectral norm of weighted rows, or an upper bound."""
        weighted = rows * self._sample.weight_roots()
        if rows.shape[1] > SPECTRAL_MAX:
            return norm(weighted)
        unit = np.abs(weighted).max()
        if not unit > 0.0:
            return unit
        scaled = weighted / unit
        return unit * np.sqrt(np.linalg.eigvalsh(scaled.T @ scaled)[-1])

    def _look_at_all(self, residual):
        """A new reference: a full pass over X."""
        gradient = self._sample.correlation(residual)
        gradient[self._curvature <= 0.0] = 0.0
        norm2 = max(self._sample.mean_square(residual).sum(), np.finfo(np.float64).tiny)
        return Reference(residual, norm2, gradient, row_norms(gradient))

    def _gap(self, look, kernel):
        """Duality gap, from the residual; the features left out are proven feasible."""
        self._support.gradient = self._products.correlate(look.residual)
        gradient = np.concatenate([self._support.gradient, look.gradient])
        coef = np.concatenate([self._support.coef, np.zeros_like(look.gradient)])
        norm2 = self._sample.mean_square(look.residual).sum()
        return certify_rows(kernel, coef, gradient, np.arange(len(coef)), norm2)


class CompleteRowSet(RowSet):
    """All features at once, on their Gram matrix: nothing to check, and no residuals.

    Its gaps carry the rounding of the Gram matrix.
    """

    def __init__(self, moments, products, *, aim):
        curvature, null = np.diag(moments.gram).copy(), 0.5 * moments.y_norm2.sum()
        super().__init__(curvature, products, moments.correlation, null, aim)
        self._outside[:] = False
        self.features = np.arange(curvature.size)
        self._support.start_at(np.zeros(moments.correlation.shape))

    def _predict_support(self, screening):
        """Every feature is in play."""

    def _solve(self, kernel, max_rounds, aim):
        l1, l2 = slope_at_zero(kernel, 0, 1.0), strong_convexity(kernel)
        if l1 <= 0.0:
            return False, 0, None
        problem = self._problem(l1, l2, aim)
        solved, _, n_rounds = self._support.solve(problem, max_rounds)
        return solved, n_rounds, None

    def _gap(self, look, kernel):
        coef, correlation = self._support.coef, self._start_gradient
        gradient = correlation - self._products.times(coef)
        norm2 = 2.0 * self._null - np.sum(coef * (correlation + gradient))
        return certify_rows(kernel, coef, gradient, self.features, max(norm2, 0.0))


def correlation_of(sample, features, rows):
    """The inner products of some columns with `rows`."""
    part = replace(
        sample,
        X=sample.X.T[features].T,
        X_mean=sample.X_mean[features],
        constant=np.zeros(0, dtype=np.int64),
        scale=None if sample.scale is None else sample.scale[features],
    )
    return part.correlation(rows)
