"""Exact paths for many features: the active-set method on a growing working set.

At each alpha the problem is solved exactly on the working set W (see
:mod:`skreg._solvers.support`), whose columns are packed and whose Gram matrix grows by
blocks; then the other features are checked, and those that violate optimality join W.

Most features need no check. With a reference residual r0 whose gradient g0 is known for
all features, any residual r, and columns of length |x_j|,

    |x_j' r| <= kappa |g0_j| + |x_j| |r - kappa r0|,      kappa = r' r0 / r0' r0,

and where the right side is below the threshold of feature j, so is the left. Only when
too many features fail this test is the gradient of all of them computed, which makes r
the new reference. It is the sphere test of gap-safe screening (Ndiaye et al., Gap safe
screening rules for sparsity enforcing penalties, JMLR 2017) with the known residual in
the place of a bound on the optimal one. Which features join W ahead of need is guessed
by the sequential strong rule (Tibshirani et al., JRSS B 2012).
"""

from typing import NamedTuple

import numpy as np

from skreg._kernels.active_set import SLACK
from skreg._kernels.cd import certify
from skreg._kernels.screening import correlate
from skreg._solvers.columns import pack_columns
from skreg._solvers.sample import residual_state
from skreg._solvers.support import Support
from skreg.penalties import slope_at_zero, strong_convexity

# When more than this share of the features fail the sphere test, all are checked.
FULL_PASS_SHARE = 0.3
# Rounding in the sphere test.
MARGIN = 1.0 - 1e-12
# A start from zero approaches a small alpha in steps of this ratio, at most so many.
WARM_UP_RATIO, WARM_UP_STEPS = 0.8, 40
# A larger working set would have a Gram matrix of more than a gigabyte.
MAX_FEATURES = 12_000


class Reference(NamedTuple):
    """A residual whose correlation with every feature is known."""

    residual: np.ndarray
    norm2: float
    gradient: np.ndarray


def alphas_on_the_way(penalty, alpha, start_gradient):
    """Alphas to pass on the way from the null model to `alpha`."""
    alpha_max = penalty.alpha_max(start_gradient)
    if not 0.0 < alpha_max < np.inf or alpha >= WARM_UP_RATIO * alpha_max:
        return np.array([alpha_max]) if 0.0 < alpha < alpha_max < np.inf else ()
    ratio = max(alpha / alpha_max, 1e-4)
    steps = min(int(np.log(ratio) / np.log(WARM_UP_RATIO)) + 1, WARM_UP_STEPS)
    return np.geomspace(alpha_max, ratio * alpha_max, steps + 1)[:-1]


class WorkingSet:
    """Features that may be needed, their Gram matrix, and what is known of the others.

    Attributes
    ----------
    features : ndarray of shape (n_working,)
        In the order of joining; gram, correlation and support count in this order.
    n_passes : float
        Passes over X so far: columns read for checks / number of columns.
    """

    needs_uniform_penalty = True  # one threshold is compared with all gradients

    def __init__(self, sample, k, design, curvature):
        self._sample, self._y = sample, sample.y[:, k]
        self._design, self._curvature = design, curvature
        self._lengths = np.sqrt(curvature)
        self._columns = pack_columns(sample, design)
        self._outside = curvature > 0.0
        self._estimate = np.zeros(curvature.size)
        self.features = np.zeros(0, dtype=np.int64)
        self.gram, self.correlation = np.zeros((64, 64)), np.zeros(64)
        self.support = Support(64)
        self.n_passes = 0.0
        # The gradient of the null model; it starts every estimate.
        self._reference = self._look_at_all(self._y)
        self._start_gradient = self._reference.gradient
        self._estimate = self._start_gradient.copy()

    def coef(self):
        """The present solution, for all features."""
        full = np.zeros(self._curvature.size)
        full[self.features] = self.support.coef[: len(self.features)]
        return full

    def join(self, features):
        """Add features to the working set."""
        if len(features) == 0:
            return
        start, end = len(self.features), len(self.features) + len(features)
        if end > len(self.gram):
            self._grow(2 * end)
        products = self._columns.append(features)
        self.gram[start:end, :end] = products
        self.gram[:end, start:end] = products.T
        self.features = np.append(self.features, features)
        self._outside[features] = False
        self.correlation[start:end] = self._start_gradient[features]

    def _grow(self, capacity):
        size = len(self.features)
        gram, correlation = self.gram, self.correlation
        self.gram, self.correlation = np.zeros((capacity, capacity)), np.zeros(capacity)
        self.gram[:size, :size] = gram[:size, :size]
        self.correlation[:size] = correlation[:size]
        self.support.grow(capacity)

    def start_at(self, coef, kernel):
        """Take over a solution; False if that is too large or its Gram is singular."""
        needed = np.flatnonzero(coef)
        inside = np.zeros(coef.size, dtype=bool)
        inside[self.features] = True
        if np.count_nonzero(~inside[needed]) + len(self.features) > MAX_FEATURES:
            return False
        self.join(needed[~inside[needed]])
        return self.support.start_at(
            np.append(coef[self.features], np.zeros(len(self.gram) - len(self.features))),
            self.gram,
            strong_convexity(kernel),
        )

    def warm_up(self, penalty, alpha):
        """See :func:`alphas_on_the_way`."""
        return alphas_on_the_way(penalty, alpha, self._start_gradient)

    def predict_support(self, screening):
        """Let the features join that the strong rule expects to be needed."""
        bound = slope_at_zero(screening, 0, 1.0)
        size = self._signed(self._estimate, screening)
        expected = np.flatnonzero(self._outside & (size > bound))
        if len(expected) + len(self.features) <= MAX_FEATURES:
            self.join(expected)

    def solve(self, kernel, max_rounds):
        """The exact solution over all features.

        Returns
        -------
        solved : bool
        gap : float
        n_rounds : int
        """
        l2, total = strong_convexity(kernel), 0
        while True:
            count = len(self.features)
            solved, n_rounds = self.support.solve(
                self.gram, self.correlation, count, kernel, l2, max_rounds - total
            )
            total += n_rounds
            coef = self.support.coef[:count]
            residual = self._y - self._columns.combine(coef) if count else self._y
            checked, violators = self._check(residual, kernel)
            too_many = len(violators) + count > MAX_FEATURES
            if len(violators) == 0 or not solved or too_many or total >= max_rounds:
                break
            self.join(violators)
        gap = self._gap(residual, kernel, checked)
        return solved and len(violators) == 0, gap, total

    def _check(self, residual, kernel):
        """Features outside that cannot be excluded, and those that violate optimality."""
        threshold = slope_at_zero(kernel, 0, 1.0)
        reference = self._reference
        kappa = self._sample.mean(residual * reference.residual) / reference.norm2
        away = residual - kappa * reference.residual
        radius = np.sqrt(self._sample.mean(away * away))
        estimate = kappa * reference.gradient
        bound = self._signed(estimate, kernel) + self._lengths * radius
        checked = np.flatnonzero(self._outside & (bound >= MARGIN * threshold))
        if len(checked) > FULL_PASS_SHARE * bound.size:
            self._reference = self._look_at_all(residual)
            estimate = self._reference.gradient.copy()
        elif len(checked):
            correlate(self._design, checked, self._state(residual), estimate)
            self.n_passes += len(checked) / bound.size
        self._estimate = estimate
        slack = SLACK * np.abs(self.correlation).max(initial=0.0)
        size = self._signed(estimate[checked], kernel)
        return checked, checked[size > threshold + slack]

    def _signed(self, gradient, kernel):
        """What is compared with the threshold: |g|, or g if coefficients are >= 0."""
        one_sided = np.isinf(slope_at_zero(kernel, 0, -1.0))
        return gradient if one_sided else np.abs(gradient)

    def _look_at_all(self, residual):
        """A new reference: a full pass over X."""
        gradient = np.zeros(self._curvature.size)
        every = np.arange(gradient.size)
        correlate(self._design, every, self._state(residual), gradient)
        self.n_passes += 1.0
        norm2 = max(self._sample.mean(residual * residual), np.finfo(np.float64).tiny)
        return Reference(residual, norm2, gradient)

    def _state(self, residual):
        return residual_state(self._design, self._sample, residual)

    def _gap(self, residual, kernel, checked):
        """Duality gap, from the residual; the features left out are proven feasible."""
        relevant = np.concatenate([self.features, checked])
        gradient = self._estimate.copy()
        correlate(self._design, self.features, self._state(residual), gradient)
        norm2 = self._sample.mean(residual * residual)
        return certify(kernel, self._curvature, self.coef(), gradient, relevant, norm2)
