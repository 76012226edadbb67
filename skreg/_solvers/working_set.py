"""Exact paths for many features: the active-set method on a growing working set.

At each alpha the problem is solved exactly on the working set W (see
:mod:`skreg._solvers.support`), whose columns are packed and whose Gram matrix grows by
blocks; then the other features are checked, and those that violate optimality join W.

Most features need no check: see :mod:`skreg._solvers.references`. Which features join W
ahead of need is guessed by the sequential strong rule (Tibshirani et al., JRSS B 2012).
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np

from skreg._kernels.active_set import GOAL, REST, SLACK, SMALL
from skreg._kernels.cd import certify
from skreg._kernels.design import is_sparse
from skreg._kernels.screening import correlate
from skreg._solvers.columns import pack_columns
from skreg._solvers.references import References
from skreg._solvers.results import EXACT_GAP, Step
from skreg._solvers.sample import residual_state
from skreg._solvers.support import Support, numbers_of
from skreg.penalties import slope_at_zero, strong_convexity

# Features below this share of the threshold are not expected to become needed.
STRONG_RULE_FLOOR = 0.95
# A longer way down is gone in steps of this ratio, as far as the other one.
STEP_RATIO, SMALLEST_RATIO = 0.8, 1e-4
# A larger working set would have a Gram matrix of more than a gigabyte.
MAX_FEATURES = 12_000
# Operations of the exact method at one alpha, per squared size of the support; of an epoch
# of coordinate descent, per entry; and epochs for one digit of the gap.
EXACT_COST, ENTRY_COST, EPOCHS_PER_DIGIT = 30.0, 8.0, 10.0
CHEAP_SUPPORT = 1_000
# Sparse X with fewer entries is small.
SMALL_SPARSE = 100_000


class Look(NamedTuple):
    """What is known at a solution on the working set."""

    residual: np.ndarray
    state: np.ndarray  # of the design, for this residual
    # Features outside the working set whose gradient is above the threshold, if only by
    # rounding; the others are proven to satisfy the optimality condition.
    above: np.ndarray


class ExactPath(ABC):
    """From one alpha to the next, on whatever is solved exactly."""

    _cold = True  # nothing solved yet

    @abstractmethod
    def step(self, gap, n_iter, done):
        """The present solution as a :class:`Step`."""

    @abstractmethod
    def _null_gradient(self):
        """The gradient of the null model, one number per feature."""

    @abstractmethod
    def _predict_support(self, screening):
        """Prepare for the features that violate optimality under a weaker penalty."""

    @abstractmethod
    def _gives_up(self, stop):
        """Whether another method is expected to be faster from here."""

    @abstractmethod
    def _approach(self, kernel, max_rounds, stop):
        """(solved, n_rounds) at a penalty on the way to the next alpha."""

    @abstractmethod
    def _finish(self, kernel, max_rounds, stop):
        """(solved, n_rounds, gap) at the next alpha."""

    def path(self, penalty, alphas, previous, stop):
        """Yield a :class:`Step` per alpha, each from the solution of the one before.

        It ends with the last alpha, or with the first one that cannot be solved, whose
        step is not `done` and holds what was reached. Where another method is expected
        to be faster it ends without a step.

        Parameters
        ----------
        penalty : skreg.penalties.Penalty
        alphas : ndarray
        previous : float or None
            The alpha of the present solution, if that is one.
        stop : Stop
        """
        if self._cold:
            alpha_max = penalty.alpha_max(self._null_gradient())
            previous = alpha_max if 0.0 < alpha_max < np.inf else None
        self._cold = False
        for alpha in alphas:
            if self._gives_up(stop):
                return
            spent = 0
            for between in alphas_between(previous, alpha):
                if spent >= stop.max_iter - 1:
                    break
                self._predict_support(screening_kernel(penalty, between, previous))
                kernel, rounds = penalty.kernel(between), stop.max_iter - 1 - spent
                solved, n_rounds = self._approach(kernel, rounds, stop)
                spent, previous = spent + n_rounds, between
                if self._gives_up(stop):
                    yield self.step(np.inf, spent, done=False)
                    return
                if not solved:
                    break
            self._predict_support(screening_kernel(penalty, alpha, previous))
            kernel, rounds = penalty.kernel(alpha), stop.max_iter - spent
            solved, n_rounds, gap = self._finish(kernel, rounds, stop)
            spent += n_rounds
            done = (solved and gap <= stop.exact_gap) or spent >= stop.max_iter
            yield self.step(gap, spent, done)
            if not done:
                return
            previous = alpha


class WorkingSet(ExactPath):
    """Features that may be needed, their Gram matrix, and what is known of the others.

    Attributes
    ----------
    features : ndarray of shape (n_working,)
        In the order of joining; gram, correlation and support count in this order.
    n_passes : float
        Passes over X so far: entries read for checks / all of them.
    """

    prefers_descent_first: bool  # a far-off solution is cheap by coordinate descent
    needs_uniform_penalty = True  # one threshold is compared with all gradients

    def __init__(self, sample, k, design, curvature):
        self._sample, self._y = sample, sample.y[:, k]
        self._design, self._curvature = design, curvature
        self._lengths = np.sqrt(curvature)
        self._columns = pack_columns(sample, design)
        self._outside = curvature > 0.0
        self._n_entries = max(sample.X.nnz if is_sparse(sample.X) else sample.X.size, 1)
        self.features = np.zeros(0, dtype=np.int64)
        self.gram, self.correlation = np.zeros((64, 64)), np.zeros(64)
        self.support = Support(64)
        self.n_passes = 1.0
        self.prefers_descent_first = is_sparse(sample.X) and sample.X.nnz > SMALL_SPARSE
        self._waits = False  # for an easier problem
        # The gradient of the null model; it starts every estimate.
        self._every = np.arange(curvature.size)
        self._start_gradient = np.empty(curvature.size)
        correlate(design, self._every, self._state(self._y), self._start_gradient)
        self._references = References(sample, self._lengths, self._y, self._start_gradient)
        self._estimate = self._start_gradient.copy()

    def step(self, gap, n_iter, done):
        """The present solution: the coefficients that are not zero."""
        coef = self.support.coef[: len(self.features)]
        inside = np.flatnonzero(coef)
        return Step(coef[inside], gap, n_iter, done, self.features[inside])

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

    def start_at(self, coef, kernel, stop):
        """Take over a solution; start from zero if the Gram matrix of its support is
        singular, and wait for an easier one if it is too large to be worth it.
        """
        needed = np.flatnonzero(coef)
        inside = np.zeros(coef.size, dtype=bool)
        inside[self.features] = True
        new = needed[~inside[needed]]
        self._waits = self._is_costly(needed, stop) or (
            len(new) + len(self.features) > MAX_FEATURES
        )
        if self._waits:
            return
        self.join(new)
        start = np.zeros(len(self.gram))
        start[: len(self.features)] = coef[self.features]
        self._cold = not self.support.start_at(start, self.gram, strong_convexity(kernel))
        if self._cold:
            self.support.clear()

    def _is_costly(self, needed, stop):
        """Whether coordinate descent is expected to be faster on such a support."""
        if len(needed) <= CHEAP_SUPPORT:
            return False
        entries = self._columns.count_entries(needed)
        epochs = EPOCHS_PER_DIGIT * -np.log10(min(max(stop.tol, EXACT_GAP), 0.1))
        return EXACT_COST * len(needed) ** 2 > ENTRY_COST * epochs * entries

    def _gives_up(self, stop):
        if self._waits or len(self.support.features) <= CHEAP_SUPPORT:
            return self._waits
        return self._is_costly(self.features[self.support.features], stop)

    def _null_gradient(self):
        return self._start_gradient

    def _approach(self, kernel, max_rounds, stop):
        return self._solve(kernel, max_rounds, stop)[:2]

    def _finish(self, kernel, max_rounds, stop):
        solved, n_rounds, look = self._solve(kernel, max_rounds, stop)
        return solved, n_rounds, self._gap(look, kernel)

    def _predict_support(self, screening):
        """Let the features join that the strong rule expects to be needed."""
        bound = slope_at_zero(screening, 0, 1.0)
        size = self._signed(self._estimate, screening)
        expected = np.flatnonzero(self._outside & (size > bound))
        if len(expected) + len(self.features) <= MAX_FEATURES:
            self.join(expected)

    def _solve(self, kernel, max_rounds, stop):
        """The exact solution over all features.

        Returns
        -------
        solved : bool
        n_rounds : int
        look : Look
        """
        total, trusting = 0, len(self.features) > SMALL
        while True:
            count = len(self.features)
            solved, n_rounds = self.support.solve(
                self.gram,
                self.correlation,
                count,
                kernel,
                max_rounds - total,
                2.0 * stop.null_objective,
                trusting,
            )
            total += n_rounds
            coef = self.support.coef[:count]
            residual = self._columns.residual(self._y, coef) if count else self._y
            state = self._state(residual)
            correlate(self._design, self.features, state, self._estimate)
            self.support.gradient[:count] = self._estimate[self.features]
            if solved and trusting:
                trusting = self._is_settled(kernel, stop) or total >= max_rounds
                if not trusting:
                    continue
            above = self._check(residual, state, kernel)
            violators = self._violators(above, kernel) if len(above) else above
            too_many = len(violators) + count > MAX_FEATURES
            if len(violators) == 0 or not solved or too_many or total >= max_rounds:
                return solved and len(violators) == 0, total, Look(residual, state, above)
            self.join(violators)

    def _is_settled(self, kernel, stop):
        """Whether only rounding is left of the optimality condition on the support."""
        coef = self.support.coef[self.support.features]
        left = (
            self.support.gradient[self.support.features] - strong_convexity(kernel) * coef
        )
        left -= slope_at_zero(kernel, 0, 1.0) * np.sign(coef)
        worst = np.abs(left).max(initial=0.0)
        if worst > GOAL * np.abs(self.correlation).max(initial=0.0):
            return False
        return worst * np.abs(coef).sum() <= REST * stop.null_objective

    def _check(self, residual, state, kernel):
        """Features outside that violate optimality, by however little."""
        n_read, found = self._references.check(
            self._design, residual, state, kernel, self._outside, self._estimate
        )
        self.n_passes += n_read / self._n_entries
        return found

    def _violators(self, above, kernel):
        """Those of the features `above` the threshold by more than rounding."""
        gradient = self._signed(self._estimate[above], kernel)
        slack = SLACK * np.abs(self.correlation).max(initial=0.0)
        return above[gradient > slope_at_zero(kernel, 0, 1.0) + slack]

    def _signed(self, gradient, kernel):
        """What is compared with the threshold: |g|, or g if coefficients are >= 0."""
        one_sided = np.isinf(slope_at_zero(kernel, 0, -1.0))
        return gradient if one_sided else np.abs(gradient)

    def _state(self, residual):
        return residual_state(self._design, self._sample, residual)

    def _gap(self, look, kernel):
        """Duality gap, from the residual; the features left out are proven feasible."""
        count, above, relevant = len(self.features), look.above, self.features
        coef, gradient = self.support.coef[:count], self.support.gradient[:count]
        if len(above):
            relevant = np.append(relevant, above)
            coef = np.append(coef, np.zeros(len(above)))
            gradient = np.append(gradient, self._estimate[above])
        gap = np.empty(1)
        certify(
            kernel,
            numbers_of(kernel),
            self._curvature[relevant],
            coef[None],
            gradient[None],
            self._every[: len(relevant)],
            np.array([self._sample.norm2(look.residual)]),
            gap,
        )
        return gap[0]


def alphas_between(previous, alpha):
    """Alphas to pass on a long way down, where the strong rule would admit too many."""
    if previous is None or alpha >= STEP_RATIO * previous:
        return ()
    ratio = max(alpha / previous, SMALLEST_RATIO)
    n_steps = int(np.ceil(np.log(ratio) / np.log(STEP_RATIO)))
    return np.geomspace(previous, ratio * previous, n_steps + 1)[1:-1]


def screening_kernel(penalty, alpha, previous):
    """The penalty whose violations at the previous solution predict the next support.

    The sequential strong rule assumes that a gradient moves no faster than alpha does:
    a feature with |g_j| < 2 alpha - previous stays out (Tibshirani et al., 2012). After
    a long step that lets too many in.
    """
    if previous is None or alpha >= previous:
        return penalty.kernel(alpha)
    return penalty.kernel(max(2.0 * alpha - previous, STRONG_RULE_FLOOR * alpha))
