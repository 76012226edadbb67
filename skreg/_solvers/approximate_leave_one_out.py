r"""Leave-one-out errors of lasso and elastic net paths without refitting every row.

Leaving row i out with its whole weight omega_i (weights sum to one) minimises

    1/2 sum_{k != i} omega_k / (1 - omega_i) (y_k - b - x_k' w)^2 + penalty at alpha,

because alpha belongs to the *mean*. Times 1 - omega_i, this is the objective on all rows
without row i, and with a penalty weaker by the factor 1 - omega_i: leaving a row out of
a sum and keeping n alpha, as is usual in the literature, is another problem. With the
support A, the signs and the notation of :mod:`skreg._solvers.leverage`, let

    M = G + l2 I,   g = X_A' Omega r = l1 sign(w) + l2 w,   d_i = x_i' M^-1 g = (H r)_i.

The difference of the two optimality conditions is

    M (w_-i - w) = omega_i (g - x_i e_i),     b_-i - b = - omega_i e_i  (centred rows),

with l2 in M replaced by (1 - omega_i) l2. That would be another factor for each row: we
take (1 - 1/n) l2, which it is without weights, and else an error of order omega_i^2 l2.
By the definition of e_i = y_i - b_-i - x_i' w_-i = r_i - (b_-i - b) - x_i' (w_-i - w),

    e_i = (r_i - omega_i d_i) / (1 - h_i).

The term in d_i is the derivative of the solution with respect to the strength; it is 0.2
to 0.4 percent of the risk at n = 300. Given the signs, the formula is exact. Rad and
Maleki's formula, which is for sums, is r_i / (1 - h_i) with l2 as it is.

Signs and supports do not stay as they are. Where n is not large compared with the degrees
of freedom, nearly every row changes them, and the risk is wrong by up to seven percent at
n = 300, p = 600. The linear equations above tell which coefficients pass zero and which
gradients pass l1; the changed conditions are a complementarity problem in these few
coordinates only, whose matrix, the same for all rows, is a principal pivot of M: see
:func:`skreg._kernels.row_removal.remove_rows`. These bounds name the features that some
row might change; for large n they are few:

    |(M^-1 x_i)_j|          <= (M^-1_jj)^(1/2) min((h_i / omega_i)^(1/2), peak_j)
    |x_ij - G_jA M^-1 x_i|  <= (G_jj)^(1/2) min(omega_i^(-1/2), peak_j)

where the first number is Cauchy-Schwarz and the second a guess: what is left of a column
after regression on others has entries no larger than the column, in standard deviations.
Both are doubled.

What comes out are the errors of real refits, to rounding, unless (a) a feature comes in
that was not named, (b) weights differ and l2 > 0, see above, (c) l2 > 0 and the support
has more than 500 features and three per sample, where H comes from the kernel matrix and
the support is kept as it is, or (d) the changes are too many: near saturation. Rows of
case (d), and rows of leverage above 0.99, are left out for real as long as they are few.

References: Rad and Maleki, A scalable estimate of the out-of-sample prediction error via
approximate leave-one-out cross-validation, Journal of the Royal Statistical Society B,
2020; Júdice and Pires, A block principal pivoting algorithm for large-scale strictly
monotone linear complementarity problems, Computers and Operations Research, 1994.
"""

from typing import NamedTuple

import numpy as np

from skreg._kernels.row_removal import Coordinates, remove_rows
from skreg._solvers.leverage import Hats, quadratic_parts
from skreg._solvers.sample import column_curvature
from skreg._solvers.subsample import (
    errors_at,
    refuse_one_row,
    row_tiles,
    without_row,
)
from skreg._solvers.support import is_uniform
from skreg.penalties import slope_at_zero

# Rows with a larger leverage are left out for real,
MAX_LEVERAGE = 0.99
# unless at some alpha they are more than this, and more than this share of all rows.
MANY_ROWS, LARGE_SHARE = 20, 0.1
# Inactive features that may enter: the nearest ones, this many per active one and more.
NEAR_PER_ACTIVE, NEAR_AT_LEAST = 2, 64
# Features are named by bounds on the first change, times this: others may follow.
MARGIN = 2.0
# Where rows times the square of the number of features is no more, all are in play.
SMALL = 1 << 18
# Part of its square length by which a column must not depend on the support.
INDEPENDENT = 1e-9


class LeaveOneOut(NamedTuple):
    """Prediction errors at each row of the models fitted to the other rows."""

    errors: np.ndarray  # (n_alphas, n_samples); inf where `saturated`
    degrees_of_freedom: np.ndarray  # (n_alphas,)
    saturated: np.ndarray  # (n_alphas,), bool: too many rows have leverage one
    n_refitted: np.ndarray  # (n_alphas,), rows left out for real
    n_unsettled: np.ndarray  # (n_alphas,), rows with the error at the support as it is


class Slopes(NamedTuple):
    """One-sided derivatives of the penalty at zero for every feature."""

    low: np.ndarray
    high: np.ndarray


def slopes_of(kernel, n_features):
    """The :class:`Slopes` of a kernel."""
    asked = range(1 if is_uniform(kernel) else n_features)
    low = [slope_at_zero(kernel, j, -1.0) for j in asked]
    high = [slope_at_zero(kernel, j, 1.0) for j in asked]
    return Slopes(*(np.broadcast_to(np.array(s), n_features) for s in (low, high)))


def approximate_leave_one_out(sample, penalty, alphas, coefs, *, solve, moments=None):
    """Errors y_i - prediction_(-i) along a path, alpha being the strength in the mean.

    Parameters
    ----------
    sample : Sample
        With one target and at least two rows.
    penalty : skreg.penalties.Penalty
        Linear plus quadratic on each side of zero, such as L1, L1L2 or L2.
    alphas : ndarray of shape (n_alphas,)
    coefs : ndarray of shape (n_alphas, n_features)
        Exact solutions.
    solve : callable
        (sample, penalty, alphas) -> PathResult. For rows of leverage above 0.99, and for
        those whose change of support is not found, if they are few.
    moments : Moments, optional
        Of `sample`, if known.

    Returns
    -------
    LeaveOneOut
        An alpha at which more than 20 rows and a tenth of all have a leverage above 0.99
        is saturated: its solution interpolates, all its errors are infinite.
    """
    refuse_one_row(sample)
    alphas = np.asarray(alphas, dtype=np.float64)
    coefs = np.asarray(coefs, dtype=np.float64)
    path = _Path(sample, penalty, alphas, coefs, moments)
    found = [path.leave_one_out(t) for t in range(len(alphas))]
    shape = len(alphas), len(sample.y)
    errors = np.array([one.errors for one in found]).reshape(shape)
    large = np.array([one.large for one in found]).reshape(shape)
    unsettled = np.array([one.unsettled for one in found]).reshape(shape)
    affordable = max(MANY_ROWS, LARGE_SHARE * len(sample.y))
    saturated = large.sum(axis=1) > affordable
    errors[saturated], large[saturated], unsettled[saturated] = np.inf, False, False
    again = large | unsettled
    again[again.sum(axis=1) > affordable] = False
    again |= large
    for row in np.flatnonzero(again.any(axis=0)):
        at, rest = again[:, row], without_row(sample, row)
        refit = solve(rest, penalty, alphas[at]).coefs
        errors[at, row] = errors_at(sample, row, rest, refit)[:, 0]
    df = np.array([one.degrees_of_freedom for one in found])
    n_unsettled = np.count_nonzero(unsettled & ~again, axis=1)
    return LeaveOneOut(errors, df, saturated, again.sum(axis=1), n_unsettled)


class _OneAlpha(NamedTuple):
    errors: np.ndarray
    large: np.ndarray  # leverages that are
    unsettled: np.ndarray  # rows whose change of support was not found
    degrees_of_freedom: float


class _Path:
    """What all alphas have in common."""

    def __init__(self, sample, penalty, alphas, coefs, moments):
        self._sample, self._coefs = sample, coefs
        residuals = sample.y - sample.fitted(coefs)
        self._residuals = np.ascontiguousarray(residuals.T)
        self._gradients = np.ascontiguousarray(sample.correlation(residuals).T)
        self._weights = sample.weight_roots()[:, 0] ** 2
        self._curvature = (
            column_curvature(sample) if moments is None else np.diag(moments.gram)
        )
        kernels = [penalty.kernel(alpha) for alpha in alphas]
        self._slopes = [slopes_of(kernel, coefs.shape[1]) for kernel in kernels]
        self._nearest = [self._nearest_at(t) for t in range(len(alphas))]
        more = np.unique(np.concatenate([*self._nearest, np.zeros(0, dtype=int)]))
        in_play = np.union1d(more, np.flatnonzero(np.any(coefs, axis=0)))
        self._peaks = peaks_of(sample, in_play, self._curvature)
        self._l2 = quadratic_parts(penalty, alphas)
        kept = 1.0 - 1.0 / len(sample.y)
        self._hats = Hats(sample, kept * self._l2, coefs, moments, more)

    def _nearest_at(self, t):
        """The features that are zero whose gradients are nearest to their bounds."""
        zero = np.flatnonzero((self._coefs[t] == 0.0) & (self._curvature > 0.0))
        limit = NEAR_AT_LEAST + NEAR_PER_ACTIVE * (self._coefs.shape[1] - len(zero))
        if len(zero) > limit:
            distance = self._distance(t, zero) / np.sqrt(self._curvature[zero])
            zero = zero[np.argpartition(distance, limit)[:limit]]
        return zero

    def _distance(self, t, features):
        """From the gradients of zeros to the bound that is nearer."""
        gradient, slopes = self._gradients[t, features], self._slopes[t]
        return np.minimum(slopes.high[features] - gradient, gradient - slopes.low[features])

    def leave_one_out(self, t):
        """Row by row at one alpha; rows of large leverage are left as they are."""
        hat = self._hats.at(t)
        effects = hat.effects(self._gradients[t])
        large = effects.leverage > MAX_LEVERAGE
        margin = np.where(large, 1.0, 1.0 - effects.leverage)
        errors = self._residuals[t] - self._weights * effects.smoothed
        df = hat.degrees_of_freedom(self._l2[t])
        plain = _OneAlpha(errors / margin, large, np.zeros_like(large), df)
        if hat.factor is None or large.all():
            return plain
        sizes = np.abs(plain.errors)
        active, others = self._in_play(t, hat.factor, sizes, effects.leverage)
        if len(active) + len(others) == 0:
            return plain
        found = self._settle(t, hat.factor, active, others, margin, errors)
        # An error beyond all that the bounds were made for: more might change.
        found &= self._weights * np.abs(errors) <= MARGIN * np.max(self._weights * sizes)
        return _OneAlpha(errors, large, ~found & ~large, df)

    def _in_play(self, t, factor, sizes, leverage):
        """What some row might change: positions in `factor.features` of coefficients that
        may become zero, and features that may enter.
        """
        features, zero, weights = factor.features, self._nearest[t], self._weights
        slopes, gradient, most = self._slopes[t], self._gradients[t], self._weights.max()
        bent = slopes.high > slopes.low
        if len(weights) * (len(features) + len(zero)) ** 2 <= SMALL:
            return np.flatnonzero(bent[features]), zero[bent[zero]]
        sizes = MARGIN * sizes
        cauchy = np.max(np.sqrt(weights * leverage) * sizes)
        typical = np.max(weights * sizes)
        step = np.minimum(cauchy, typical * self._peaks[features])
        step = step * np.sqrt(factor.inverse_diagonal())
        step += most * np.abs(factor.solve(gradient[features]))
        active = (np.abs(self._coefs[t, features]) <= step) & bent[features]
        cauchy = np.max(np.sqrt(weights) * sizes)
        step = np.minimum(cauchy, typical * self._peaks[zero])
        step = step * np.sqrt(self._curvature[zero])
        step += 2.0 * most * np.abs(gradient[zero])
        enters = (self._distance(t, zero) <= step) & bent[zero]
        return np.flatnonzero(active), zero[enters]

    def _settle(self, t, factor, active, others, margin, errors):
        """Divide `errors` by `margin` and follow the changes of support."""
        gram, found = self._hats.gram, np.empty(len(errors), dtype=bool)
        others, pulled, schur = complement(gram, factor, others, self._curvature)
        unit = np.zeros((len(factor.features), len(active)))
        unit[active, np.arange(len(active))] = 1.0
        inverse = factor.solve(unit)
        side = pulled[active]
        columns = np.block([[inverse[active], -side], [side.T, schur]])
        given = self._coordinates(t, factor, active, others, pulled, columns)
        size = len(factor.features)
        for rows, tile in row_tiles(self._sample, np.append(factor.features, others)):
            inside, outside = tile[:, :size], tile[:, size:]
            effects = np.hstack([inside @ inverse, outside - inside @ pulled])
            some = errors[rows]
            found[rows] = remove_rows(
                given, effects, self._weights[rows], margin[rows], some
            )
            errors[rows] = some
        return found

    def _coordinates(self, t, factor, active, others, pulled, columns):
        """What :func:`remove_rows` is given."""
        gradient, slopes = self._gradients[t], self._slopes[t]
        features = factor.features[active]
        coef, right = self._coefs[t, features], gradient[factor.features]
        reach = slopes.high[features] - slopes.low[features]
        free = np.full(len(others), np.inf)
        return Coordinates(
            len(active),
            columns,
            np.append(coef, gradient[others]),
            np.append(factor.solve(right)[active], -pulled.T @ right),
            np.append(np.where(coef > 0.0, 0.0, -np.inf), slopes.low[others]),
            np.append(np.where(coef > 0.0, np.inf, 0.0), slopes.high[others]),
            np.append(reach, free),
        )


def peaks_of(sample, features, curvature):
    """The largest entry of each column, in standard deviations."""
    peaks = np.zeros(sample.X.shape[1])
    for _, tile in row_tiles(sample, features):
        np.maximum(peaks[features], np.abs(tile).max(axis=0), out=tile[0])
        peaks[features] = tile[0]
    sizes = np.sqrt(curvature, out=np.ones_like(curvature), where=curvature > 0.0)
    return peaks / sizes


def complement(gram, factor, others, curvature):
    """The features of `others` that do not depend on those of the factor, with
    (G_AA + l2 I)^-1 G_AI and the Schur complement of G_AA in G + l2 I.
    """
    cross = gram.block(factor.features, others)
    pulled = factor.solve(cross)
    schur = gram.block(others, others) - cross.T @ pulled
    schur.flat[:: len(schur) + 1] += factor.l2
    kept = schur.diagonal() > INDEPENDENT * curvature[others]
    return others[kept], pulled[:, kept], schur[np.ix_(kept, kept)]
