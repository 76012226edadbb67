"""Exact paths of several targets that share their support: a working set of features.

As :mod:`skreg._solvers.working_set`, with :mod:`skreg._solvers.row_support` for the
features in play. What excludes most of the others is the sphere test for rows: with a
reference residual R0 whose gradient G0 is known, and any residual R,

    ||x_j' R|| <= kappa ||g0_j|| + |x_j| ||R - kappa R0||,      kappa = <R, R0> / <R0, R0>

in the spectral norm, which is smaller than the Frobenius norm by up to the square root of
the number of targets.
"""

from dataclasses import replace

import numpy as np

from skreg._kernels.group_cd import certify_rows
from skreg._solvers.row_support import Problem, RowSupport, row_norms
from skreg._solvers.working_set import (
    FULL_PASS_SHARE,
    MARGIN,
    MAX_FEATURES,
    Reference,
    alphas_on_the_way,
)
from skreg.penalties import slope_at_zero, strong_convexity

# On the way to the first alpha, solutions need not be better than this, relative to the
# null model: it halves the time of a single fit.
ROUGH = 1e-1
# The spectral norm is computed from the inner products of so many targets at most.
SPECTRAL_MAX = 200


class RowWorkingSet:
    """Features that may be needed, and what is known of the others.

    Parameters
    ----------
    sample : Sample
        X by columns.
    curvature : ndarray of shape (n_features,)
    products : ColumnProducts or GramProducts
        Of no features yet, or of all.
    aim : float
        The duality gap to reach.
    """

    needs_uniform_penalty = True

    def __init__(self, sample, curvature, products, *, aim, complete=False):
        self._sample, self._curvature, self._products = sample, curvature, products
        self._lengths = np.sqrt(curvature)
        self._null, self._aim = 0.5 * sample.y_norm2.sum(), aim
        self._support = RowSupport(sample.y.shape[1])
        self._destination = np.inf  # l1 at the first alpha, as long as it is not reached
        self._outside = (curvature > 0.0) & (not complete)
        self.features = np.arange(curvature.size if complete else 0)
        self._support.start_at(np.zeros((len(self.features), sample.y.shape[1])))
        self._reference = self._look_at_all(sample.y)
        self._start_gradient = self._estimate = self._reference.gradient

    def coef(self):
        """The present solution, for all features."""
        full = np.zeros(self._start_gradient.shape)
        full[self.features] = self._support.coef
        return full

    def join(self, features):
        """Add features to the working set."""
        if len(features):
            self._products.join(features)
            self.features = np.append(self.features, features)
            self._outside[features] = False

    def start_at(self, coef, kernel):
        """Take over a solution; False if that is too large."""
        needed = np.flatnonzero(self._outside & (row_norms(coef) > 0.0))
        if len(needed) + len(self.features) > MAX_FEATURES:
            return False
        self.join(needed)
        self._support.start_at(coef[self.features])
        return True

    def warm_up(self, penalty, alpha):
        """See :func:`skreg._solvers.working_set.alphas_on_the_way`; solved roughly."""
        self._destination = slope_at_zero(penalty.kernel(alpha), 0, 1.0)
        return alphas_on_the_way(penalty, alpha, row_norms(self._start_gradient))

    def predict_support(self, screening):
        """Let the features join that the strong rule expects to be needed."""
        bound = slope_at_zero(screening, 0, 1.0)
        expected = np.flatnonzero(self._outside & (row_norms(self._estimate) > bound))
        if bound > 0.0 and len(expected) + len(self.features) <= MAX_FEATURES:
            self.join(expected)

    def solve(self, kernel, max_rounds):
        """The solution over all features.

        Returns
        -------
        solved : bool
        gap : float
            Zero for a rough solution on the way to the first alpha.
        n_rounds : int
        """
        l1, l2, total = slope_at_zero(kernel, 0, 1.0), strong_convexity(kernel), 0
        if l1 <= 0.0:
            return False, np.inf, 0
        rough = l1 > self._destination
        if not rough:
            self._destination = np.inf
        while True:
            problem = Problem(
                self._products,
                self._start_gradient[self.features],
                self._curvature[self.features],
                l1,
                l2,
                max(self._aim, ROUGH * self._null) if rough else self._aim,
                self._null,
            )
            solved, slack, n_rounds = self._support.solve(problem, max_rounds - total)
            total += n_rounds
            residual = self._sample.y - self._products.combine(self._support.coef)
            checked, violators = self._check(residual, l1, slack)
            too_many = len(violators) + len(self.features) > MAX_FEATURES
            if len(violators) == 0 or not solved or too_many or total >= max_rounds:
                break
            self.join(violators)
        gap = 0.0 if rough else self._gap(residual, kernel, checked)
        return solved and len(violators) == 0, gap, total

    def _check(self, residual, threshold, slack):
        """Features outside that cannot be excluded, and those that violate optimality."""
        reference = self._reference
        kappa = self._sample.mean(residual * reference.residual).sum() / reference.norm2
        radius = self._length(residual - kappa * reference.residual)
        self._estimate = kappa * reference.gradient
        bound = row_norms(self._estimate) + self._lengths * radius
        checked = np.flatnonzero(self._outside & (bound >= MARGIN * threshold))
        if len(checked) > FULL_PASS_SHARE * bound.size:
            self._reference = self._look_at_all(residual)
            self._estimate = self._reference.gradient.copy()
        elif len(checked):
            self._estimate[checked] = correlation_of(self._sample, checked, residual)
        size = row_norms(self._estimate[checked])
        return checked, checked[size > threshold + slack]

    def _length(self, rows):
        """Spectral norm of weighted rows, or an upper bound."""
        weighted = rows * self._sample.weight_roots()
        if rows.shape[1] > SPECTRAL_MAX:
            return np.linalg.norm(weighted)
        return np.sqrt(np.linalg.eigvalsh(weighted.T @ weighted)[-1])

    def _look_at_all(self, residual):
        """A new reference: a full pass over X."""
        gradient = self._sample.correlation(residual)
        gradient[self._curvature <= 0.0] = 0.0
        norm2 = max(self._sample.mean_square(residual).sum(), np.finfo(np.float64).tiny)
        return Reference(residual, norm2, gradient)

    def _gap(self, residual, kernel, checked):
        """Duality gap, from the residual; the features left out are proven feasible."""
        relevant = np.concatenate([self.features, checked])
        gradient = self._estimate.copy()
        gradient[self.features] = self._products.correlate(residual)
        norm2 = self._sample.mean_square(residual).sum()
        return certify_rows(kernel, self.coef(), gradient, relevant, norm2)


def correlation_of(sample, features, rows):
    """The inner products of some columns with `rows`."""
    part = replace(
        sample,
        X=sample.X.T[features].T,
        X_mean=sample.X_mean[features],
        constant=np.zeros(0, dtype=np.int64),
    )
    return part.correlation(rows)
