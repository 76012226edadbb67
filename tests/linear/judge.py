"""How good given coefficients of an elastic net are, in long doubles.

Nothing here calls skreg. With A and b the centred and weighted sample of
:mod:`tests.linear.oracle`, the objective is

    f(w) = 1/2 ||b - A w||^2 + l1 ||w||_1 + l2/2 ||w||^2      (w >= 0 if positive),

and f(w) - min f is enclosed: from above by a duality gap, from below by f(w) - f(v) with
the best v that an active-set search finds from w. Both bounds hold whatever goes wrong.
"""

from typing import NamedTuple

import numpy as np
from scipy import linalg

from tests.linear import oracle

LONG = np.longdouble
EPS = np.finfo(np.float64).eps


class Objective(NamedTuple):
    A: np.ndarray
    b: np.ndarray
    l1: float
    l2: float
    positive: bool = False

    @property
    def null(self):
        """f(0)."""
        return self.b @ self.b / 2

    @property
    def lengths(self):
        return np.sqrt(np.sum(self.A**2, axis=0))

    def value(self, coef):
        return oracle.objective(self.A, self.b, long(coef), self.l1, self.l2)

    def slope(self, coef):
        """Minus the gradient of the part that is smooth."""
        coef = long(coef)
        return self.A.T @ (self.b - self.A @ coef) - self.l2 * coef

    def excess_slope(self, slope):
        """By how much the slope of each coefficient at zero is too large."""
        return np.maximum((slope if self.positive else np.abs(slope)) - self.l1, 0)

    def violation(self, coef):
        """Distance of zero from the subdifferential, for each coefficient."""
        slope = self.slope(coef)
        away = np.abs(slope - self.l1 * np.sign(coef))
        return np.where(coef == 0, self.excess_slope(slope), away)

    def gap(self, coef):
        """f(w) - max of two duals, from the residual as it is and scaled to be feasible."""
        coef = long(coef)
        if self.positive and np.any(coef < 0):
            return LONG(np.inf)
        theta = self.b - self.A @ coef
        dual = self.b @ theta - theta @ theta / 2
        excess = self.excess_slope(self.A.T @ theta)
        direct = dual - excess @ excess / (2 * self.l2) if self.l2 > 0 else -np.inf
        # The lasso on the rows (A; sqrt(l2) I) has the residual (theta; -sqrt(l2) w).
        worst = np.max(self.excess_slope(self.slope(coef)), initial=0)
        scale = self.l1 / (self.l1 + worst)
        square = theta @ theta + self.l2 * (coef @ coef)
        scaled = scale * (self.b @ theta) - scale**2 * square / 2
        return self.value(coef) - max(direct, scaled)

    def slack(self, coef):
        """What rounding of coefficients and residual in float64 can do to a gap.

        A slope that is off by d makes the dual point shrink by t = d / l1, which costs
        t l1 ||w||_1 + t^2 ||theta||^2 / 2.
        """
        size = np.abs(long(coef))
        lengths = self.lengths
        d = EPS * np.max(lengths) * (lengths @ size + np.sqrt(self.b @ self.b))
        theta = self.b - self.A @ long(coef)
        return 4 * d * size.sum() + 8 * (d / LONG(self.l1)) ** 2 * (theta @ theta)

    def independence(self, coef):
        """Smallest squared singular value of the support's columns of length one."""
        support = np.flatnonzero(coef)
        if len(support) == 0:
            return 1.0
        unit = _stacked(self, support) / self.lengths[support]
        if len(unit) < len(support):
            return 0.0
        return linalg.svdvals(unit.astype(float))[-1] ** 2

    def is_benign(self, coef):
        """Whether float64 and normal equations suffice for a gap of 1e-12 f(0)."""
        return self.slack(coef) <= 1e-13 * self.null and self.independence(coef) >= 1e-9

    def excess(self, coef):
        """A lower bound of f(w) - min f."""
        return self.value(coef) - self.value(improved(self, coef))


def objective(X, y, sample_weight, fit_intercept, alpha, l1_ratio=1.0, positive=False):
    """The objective for stored data; rows of weight zero are absent."""
    A, b = centred(X, y, sample_weight, fit_intercept)
    return Objective(A, b, *strengths(alpha, l1_ratio), positive)


def strengths(alpha, l1_ratio):
    return float(alpha * l1_ratio), float(alpha * (1.0 - l1_ratio))


def centred(X, y, sample_weight=None, fit_intercept=True):
    """A and b; what is constant has no rounding left of it when it is centred."""
    X, y = oracle.dense(X), np.asarray(y)
    if sample_weight is not None:
        X, y = X[sample_weight > 0], y[sample_weight > 0]
        sample_weight = sample_weight[sample_weight > 0]
    A, b = oracle.explicit(X, y, sample_weight, fit_intercept)
    if fit_intercept:
        roots = np.sqrt(oracle.row_weights(len(y), sample_weight))
        A, b = A - np.outer(roots, roots @ A), b - roots * (roots @ b)
        A[:, np.ptp(X, axis=0) == 0] = 0
        b = b if np.any(y != y[0]) else 0 * b
    return A, b


def alpha_max(A, b, l1_ratio, positive):
    """The smallest alpha without coefficients; 1 if there is none."""
    slope = A.T @ b
    largest = np.max(slope if positive else np.abs(slope), initial=0)
    return float(largest) / l1_ratio if largest > 0 else 1.0


def improved(problem, start):
    """The best coefficients that feature-sign search finds from `start`.

    From the solution for given signs to the first sign change, else with the worst
    violation as a new feature. It gives up where columns are dependent.
    """
    coef = np.maximum(long(start), 0) if problem.positive else long(start)
    best, lowest = coef.copy(), problem.value(coef)
    signs = np.sign(coef)
    for _ in range(20 * len(coef) + 20):
        support = np.flatnonzero(signs)
        goal = stationary(problem, support, signs[support])
        if goal is None:
            return best
        old = coef[support]
        turning = goal * signs[support] <= 0
        steps = np.ones(len(support), dtype=LONG)
        steps[turning] = (old / np.where(old == goal, 1, old - goal))[turning]
        step = np.min(steps, initial=1)
        coef[support] = old + step * (goal - old)
        if np.any(turning):
            gone = support[np.argmin(steps)]
            coef[gone] = signs[gone] = 0
            if step == 0:
                return best  # the feature that had just joined: rounding
            continue
        value = problem.value(coef)
        if value < lowest:
            best, lowest = coef.copy(), value
        lengths = problem.lengths
        slope = problem.slope(coef) / np.where(lengths > 0, lengths, 1)
        score = problem.excess_slope(problem.slope(coef)) / np.where(
            lengths > 0, lengths, 1
        )
        score[signs != 0] = 0
        j = int(np.argmax(score))
        if not score[j] > 0:
            return best
        signs[j] = np.sign(slope[j])
    return best


def stationary(problem, support, signs):
    """The minimiser with known signs, refined in long doubles; None if dependent."""
    if len(support) == 0:
        return np.zeros(0, dtype=LONG)
    lengths = problem.lengths[support]
    part = problem.A[:, support] / lengths
    (R,) = linalg.qr((_stacked(problem, support) / lengths).astype(float), mode="r")
    if len(R) < len(support) or np.min(np.abs(np.diag(R))) < 1e-13:
        return None
    R = R[: len(support)]
    coef = np.zeros(len(support), dtype=LONG)
    for _ in range(8):
        slope = part.T @ (problem.b - part @ coef) - problem.l2 * coef / lengths**2
        slope -= problem.l1 * signs / lengths
        size = np.max(np.abs(slope))
        if size == 0:
            break
        half = linalg.solve_triangular(R, (slope / size).astype(float), trans="T")
        coef += size * linalg.solve_triangular(R, half)
    return coef / lengths


def _stacked(problem, support):
    """The rows (A; sqrt(l2) I) for the columns of the support."""
    rows = [problem.A[:, support]]
    if problem.l2 > 0:
        rows.append(np.sqrt(LONG(problem.l2)) * np.eye(len(support), dtype=LONG))
    return np.vstack(rows)


def long(array):
    return np.array(array, dtype=LONG)
