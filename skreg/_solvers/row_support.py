r"""Newton's method for row-sparse coefficients of several targets.

Minimises over the features in play, with G their Gram matrix and C = X' Omega Y,

    1/2 tr(B'GB) - tr(C'B) + sum_j (l1 ||b_j|| + l2/2 ||b_j||^2).

On the rows that are not zero this is smooth. With r_j = ||b_j||, u_j = b_j / r_j and
Z = C - G B, row j of minus the gradient is z_j - l1 u_j - l2 b_j, and the Hessian is

    H = (G + l2 I + D) (x) I_T  -  U D U',     D = diag(l1 / r_j),

where column j of U holds u_j in the places of row j. In the scale E = D^(-1/2) it is
N (x) I_T - U U' with N = I + E (G + l2 I) E, and since U'(N^-1 (x) I_T) U is the
elementwise product of N^-1 and (u_j'u_k), the Sherman-Morrison-Woodbury formula needs
matrices of the size of the support only, whatever the number of targets:

    (N (x) I - U U')^-1 = N^-1 + N^-1 U S^-1 U' N^-1,    S = (I - N^-1) o (u_j'u_k).

I - N^-1 and so S are positive semidefinite (Schur), and no digits are lost in S.

A row that is small next to its step turns too far in Newton's method on B. Take
v_j = b_j + t_j l1 u_j instead, t_j = 1 / (G_jj + l2), of which b_j is the proximal
operator. The linear system is the same, but the direction of v_j is known well however
small b_j is, and rows leave by ||v_j|| <= t_j l1: a semismooth Newton method. Rows enter
by a proximal gradient step.

For a row that is zero let v_j = t_j z_j, of which it is the proximal operator too. Along
the path v is continuous and nearly linear in alpha, where rows enter and leave as well: a
straight line through the last two solutions tells nearly all that do (on 200x5000 with 10
targets and 100 alphas down to 1e-2 all but 0 to 3 of 10 to 20 at each alpha), and is 5
times as near to the next solution as the last one is. Lines in b find none of the rows,
parabolas and lines in log(alpha) are farther off.

The Hessian changes little from one step, or one alpha, to the next: its factors go on as
the preconditioner of conjugate gradients, with the diagonal block of H for rows that came
since, until these need more steps than new factors are worth. Where the Hessian is
singular (duplicate columns, more coefficients than data), part of D is added. Of more rows
than samples no factors are made (:mod:`skreg._solvers.row_lengths`), unless that fails.

References: Obozinski, Taskar and Jordan, Statistics and Computing, 2010; Qi and Sun, A
nonsmooth version of Newton's method, Mathematical Programming, 1993.
"""

from typing import Any, NamedTuple

import numpy as np
from scipy import linalg

from skreg._kernels.active_set import CROWD, CROWD_FRACTION
from skreg._kernels.row_steps import look_at_rows, step_rows
from skreg._solvers.row_lengths import Lengths
from skreg._solvers.row_norms import inner, norm, proximal, row_norms

# What is left of the optimality condition by rounding, relative to the largest row of C.
ROUNDING = 1e-15
# Sufficient decrease; shortest step; rounds without progress before giving up.
DECREASE, SHORTEST, PATIENCE = 1e-2, 1e-4, 100
# Factors of a larger support: hundreds of megabytes, tens of seconds.
MAX_ROWS = 4_000
# The new factors of m rows cost as much as this many steps plus m / ROWS_PER_STEP.
STEPS_PER_FACTOR, ROWS_PER_STEP = 1.0, 100.0
# Newton's direction is computed up to this part of the right side, then as far as the
# optimality condition is fulfilled; after so many steps the progress is judged.
FORCING, TRIAL = 1e-1, 2
# More rows than samples: steps for their lengths at most, and up to which part of it the
# right side has to be fulfilled for the direction to be tried.
LENGTH_STEPS, USEFUL = 200, 0.5
# Up to this relative change of v their Hessian goes on, as long as a step leaves less than
# that part of the right side; it is solved up to a part of the change.
NEAR, SLOW, STALE = 3e-2, 0.3, 0.2
# A new alpha is followed to this part; less lets rows enter that have to leave again.
FOLLOWED, FAR = 3e-3, 1e-2
# Single precision solves up to this part.
SINGLE = 1e-5
# More steps with new factors, which may be of single precision.
POLISH = 4
# What is added to the Hessian, relative to D, where it is singular or steps do not succeed.
DAMPING = (0.0, 1e-6, 1e-4, 1e-2, 1.0)
# Relative growth of the diagonal of S until it has a Cholesky factor.
SHIFTS = (1e-14, 1e-10, 1e-6, 1e-3)


class Rows(NamedTuple):
    """Non-zero rows: which, their lengths and their directions."""

    features: np.ndarray
    size: np.ndarray
    direction: np.ndarray


class Hessian(NamedTuple):
    """E H E at some rows, as an operator: Q + E G E - U U' with Q = 1 + l2 E^2."""

    products: Any  # ScaledFactor or ScaledMatrix
    rows: Rows  # `size` as it is, all else in the precision of the products
    scale: np.ndarray  # E, as a column
    diagonal: np.ndarray  # of Q

    def times(self, point):
        """E H E point."""
        direction = self.rows.direction
        result = self.products.times(point) + self.diagonal[:, None] * point
        result -= inner(direction, point)[:, None] * direction
        return result

    def block_solve(self, right, curvature, some):
        """As if the features were orthogonal: (g I + I - u u')^-1, a row at a time."""
        direction = self.rows.direction[some]
        least = (curvature[:, None] * self.scale[some] ** 2).astype(right.dtype)
        least += self.diagonal[some, None] - 1.0
        along = inner(direction, right)[:, None] * direction
        return along / least + (right - along) / (1.0 + least)


def make_hessian(products, rows, l1, l2, damping=0.0):
    """The :class:`Hessian` at `rows`, plus `damping` D."""
    scale = np.sqrt(rows.size / l1)
    scaled = products.scaled(scale)
    direction = rows.direction.astype(scaled.dtype)
    diagonal = (1.0 + damping + l2 * scale**2).astype(scaled.dtype)
    return Hessian(scaled, rows._replace(direction=direction), scale[:, None], diagonal)


class Factors:
    """(E H E)^-1 at some rows; `features` are numbered as they came into play."""

    def __init__(self, hessian, inverse, factor):
        self.features, self.scale = hessian.rows.features, hessian.scale
        self.dtype = factor.dtype
        self._direction = hessian.rows.direction
        self._inverse, self._factor = inverse, factor
        (self._solve,) = linalg.get_lapack_funcs(("potrs",), (factor,))

    def solve(self, right):
        """(E H E)^-1 right."""
        solution = self._inverse.times(right)
        along, _ = self._solve(self._factor, inner(self._direction, solution), lower=0)
        solution += self._inverse.times(self._direction * along[:, None])
        return solution


def factorize(hessian):
    """:class:`Factors`; None if they are too inaccurate."""
    inverse = hessian.products.inverse(hessian.diagonal)
    if inverse is None:
        return None
    direction = hessian.rows.direction
    matrix = direction @ direction.T
    matrix *= inverse.complement
    diagonal = matrix.diagonal().copy()
    (cholesky,) = linalg.get_lapack_funcs(("potrf",), (matrix,))
    for shift in SHIFTS:
        matrix.flat[:: len(matrix) + 1] = (1.0 + shift) * diagonal
        factor, info = cholesky(matrix.T, lower=0)
        if info == 0:
            return Factors(hessian, inverse, factor)
    return None


def conjugate_gradients(times, precondition, right, weight, share, max_steps):
    """Solve ``times(x) = right`` up to a `share` of it, in norms of `weight` times rows.

    Returns x and whether it is that good. Given up as soon as the progress so far lets
    expect more than `max_steps`.
    """
    residual, solution = right.copy(), np.zeros_like(right)
    towards, scale = np.zeros_like(right), 1.0
    start = norm(weight * right)
    for step in range(1, max_steps + 1):
        preconditioned = precondition(residual)
        previous, scale = scale, np.sum(residual * preconditioned)
        towards = preconditioned + (scale / previous if step > 1 else 0.0) * towards
        product = times(towards)
        bend = np.sum(towards * product)
        if not (scale > 0.0 and bend > 0.0):  # rounding
            break
        length = scale / bend
        solution += length * towards
        residual -= length * product
        left = norm(weight * residual) / start
        if left <= share:
            return solution, True
        if step >= TRIAL and np.log(left) * max_steps > np.log(share) * step:
            break
    return solution, False


class Problem(NamedTuple):
    """The problem at one alpha, over the features in play."""

    products: Any  # with G: ColumnProducts or GramProducts
    correlation: np.ndarray  # C, (n_working, n_targets)
    curvature: np.ndarray  # diagonal of G
    l1: float
    l2: float
    aim: float  # duality gap to reach
    null: float  # objective of the null model
    rounding: float  # what is left of the optimality condition by it

    def gradient(self, coef):
        """C - G coef."""
        return self.correlation - self.products.times(coef)

    def steps(self, features):
        """The step t_j of the proximal gradient method for each feature."""
        return 1.0 / (self.curvature[features] + self.l2)

    def slack(self, total):
        """By how much gradients may violate optimality, where sum_j ||b_j|| is `total`.

        With violations d the dual point is scaled by s >= 1 - d / l1, and the gap is at
        most 2 d total + (d / l1)^2 null. Half of what is aimed at is left to others.
        """
        share = 0.25 * self.aim
        linear = share / (2.0 * total) if total > 0.0 else np.inf
        quadratic = self.l1 * np.sqrt(share / self.null) if self.null > 0.0 else np.inf
        return max(min(linear, quadratic), self.rounding)


class Outlook(NamedTuple):
    """How far coefficients are from optimality."""

    rows: Rows
    right: np.ndarray  # minus the gradient of the objective at the rows
    left: float  # its largest row norm
    entering: np.ndarray  # zero rows that violate optimality
    excess: float  # by how much at most
    slack: float  # what is rounding, or good enough


def goal_of(problem, now):
    """The part of the right side up to which Newton's direction is computed."""
    enough = max(now.left / problem.l1, 0.3 * now.slack / now.left, SINGLE)
    return FOLLOWED if now.left > FAR * problem.l1 else min(enough, FORCING)


class RowSupport:
    """The solution over the features in play, from one alpha to the next.

    Attributes
    ----------
    coef, gradient : ndarray of shape (n_working, n_targets)
        Features in the order of joining; gradient = C - G coef.
    """

    def __init__(self, n_targets):
        self.coef = np.zeros((0, n_targets))
        self.gradient = self.coef
        self._factors: Any = None
        self._lengths: Any = None
        self._left = np.inf  # at the last step with them
        self._active: Any = None
        self._solved: Any = None  # l1 of the last solution
        self._before: Any = None  # l1 and v of the one before
        self._damping = 0.0

    def start_at(self, coef):
        """Take over a solution."""
        self.coef = np.ascontiguousarray(coef)
        self.gradient = self.coef[:0]
        self._factors, self._lengths = None, None
        self._solved, self._before = None, None

    def solve(self, problem, max_rounds, residual=None):
        """Solve over the features in play, from the last solution, whose residual may be
        given.

        Returns
        -------
        solved : bool
        slack : float
            The violation of optimality that was let pass as good enough.
        n_rounds : int
            Steps on the rows that are not zero, and of rows that enter.
        """
        self._admit(problem, residual)
        now = self._predict(problem)
        if now is None:
            now = self._look(problem)
        self._solved, self._damping = None, 0.0
        lowest, patience, n_rounds = np.inf, PATIENCE, 0
        while True:
            worst = max(now.left, now.excess)
            if worst <= now.slack:
                self._solved = problem.l1
                return True, now.slack, n_rounds
            patience = PATIENCE if worst < lowest else patience - 1
            lowest = min(lowest, worst)
            size = len(now.rows.features) + len(now.entering)
            if n_rounds >= max_rounds or patience == 0 or size > MAX_ROWS:
                return False, now.slack, n_rounds
            # At a new alpha, the rows there are first follow it.
            follows = n_rounds == 0 and now.left > now.slack
            n_rounds += 1
            if now.excess > now.slack and not follows:
                self._enter(problem, now)
            elif not self._step(problem, now):
                return False, now.slack, n_rounds
            now = self._look(problem)

    def _admit(self, problem, residual):
        """Make room for features that came into play."""
        known = len(self.coef)
        joined = len(problem.correlation) - known
        self.coef = np.concatenate([self.coef, np.zeros((joined, self.coef.shape[1]))])
        if residual is None or len(self.gradient) != known:
            self.gradient = np.ascontiguousarray(problem.gradient(self.coef))
        else:
            new = problem.products.correlate(residual, known)
            self.gradient = np.concatenate([self.gradient, new])

    def _predict(self, problem):
        """Go where the last two solutions point to; None if that is not nearer.

        Returns the :class:`Outlook` there.
        """
        if self._solved is None:
            self._before = None
            return None
        drop = self._solved - problem.l1
        if drop == 0.0:
            return None
        point, steps = self._point(problem)
        before, self._before = self._before, (self._solved, point)
        if before is None:
            return None
        known, ratio = len(before[1]), drop / (before[0] - self._solved)
        ahead = point.copy()
        ahead[:known] += ratio * (point[:known] - before[1])
        stay = self.coef, self.gradient
        self._move(problem, proximal(ahead, problem.l1 * steps))
        now = self._look(problem)
        if max(now.left, now.excess) < abs(drop):  # what it is here
            return now
        self.coef, self.gradient = stay
        return None

    def _point(self, problem):
        """v and t, of all features; zero where a feature is constant."""
        bend = problem.curvature + problem.l2
        steps = np.divide(1.0, bend, out=np.zeros_like(bend), where=bend > 0.0)
        slope = self.gradient - problem.l2 * self.coef
        return self.coef + steps[:, None] * slope, steps

    def _move(self, problem, coef):
        """Go to other coefficients."""
        features = np.flatnonzero(coef.any(axis=1))
        moved = coef[features]
        image, _ = self._products_of(problem, features).image(moved)
        change = problem.products.change(features, moved, image)
        self.coef, self.gradient = coef, problem.correlation - change

    def _look(self, problem):
        n_rows, n_targets = self.coef.shape
        features, size, excess = np.empty(n_rows, np.int64), *np.empty((2, n_rows))
        direction, right = np.empty((2, n_rows, n_targets))
        count, left = look_at_rows(
            self.coef,
            self.gradient,
            problem.l1,
            problem.l2,
            features,
            size,
            direction,
            right,
            excess,
        )
        rows = Rows(features[:count], size[:count], direction[:count])
        slack = problem.slack(rows.size.sum())
        worst = excess.max(initial=0.0)
        entering = np.flatnonzero(excess > slack)
        if len(entering) > max(CROWD, count):
            entering = np.flatnonzero(excess > max(slack, CROWD_FRACTION * worst))
        return Outlook(rows, right[:count], left, entering, worst, slack)

    def _enter(self, problem, now):
        """A proximal gradient step of the entering rows, as long as is best for all."""
        gradient = self.gradient[now.entering]
        share = 1.0 - problem.l1 / row_norms(gradient)
        change = (share * problem.steps(now.entering))[:, None] * gradient
        image, bend = self._products_of(problem, now.entering).image(change)
        product = problem.products.change(now.entering, change, image)
        slope = np.sum(gradient * change) - problem.l1 * row_norms(change).sum()
        length = slope / (bend + problem.l2 * np.sum(change * change))
        self.coef[now.entering] += length * change
        self.gradient -= length * product

    def _step(self, problem, now):
        """A Newton step of the rows that are not zero; False if there is none."""
        products = self._products_of(problem, now.rows.features)
        if products.wide and self._lengthen(problem, now, products):
            return True
        worth = int(STEPS_PER_FACTOR + len(now.rows.features) / ROWS_PER_STEP)
        for damping in DAMPING:
            if damping < self._damping:
                continue
            hessian = make_hessian(products, now.rows, problem.l1, problem.l2, damping)
            # where they are cheap, new factors are made at once
            if worth > 1 and self._factors is not None and damping == self._damping:
                newton, accurate = self._iterate(problem, now, hessian, worth)
                if accurate and self._search(problem, now, newton):
                    return True
            self._damping, self._factors = damping, factorize(hessian)
            if self._factors is not None:
                newton, _ = self._iterate(problem, now, hessian, worth + POLISH)
                if self._search(problem, now, newton):
                    return True
        return False

    def _lengthen(self, problem, now, products):
        """A step with the Hessian of :mod:`skreg._solvers.row_lengths`; False if that
        leads nowhere.
        """
        goal, last = goal_of(problem, now), self._left
        self._left = now.left
        if self._lengths is not None and now.left <= SLOW * last:
            change = self._lengths.change(now.rows, problem)
            if change <= NEAR and self._follow(problem, now, max(goal, STALE * change)):
                return True
        self._lengths = Lengths(products, now.rows, problem.l1, problem.l2)
        return self._follow(problem, now, goal)

    def _follow(self, problem, now, goal):
        """Newton's step by the lengths of rows, up to a part of the right side."""
        newton, known, left = self._lengths.solve(now, goal, LENGTH_STEPS)
        return left < USEFUL and self._search(problem, now, newton, known)

    def _products_of(self, problem, features):
        """Products of the rows alone, kept as long as they are the same."""
        if self._active is None or not np.array_equal(self._active[0], features):
            self._active = features, problem.products.restrict(features)
        return self._active[1]

    def _iterate(self, problem, now, hessian, max_steps):
        """Newton's direction by conjugate gradients, with the factors of other rows."""
        # In the scale E, and of norm one; residuals are measured without the scale.
        scaled = hessian.scale * now.right
        size = norm(scaled)
        right = (scaled / size).astype(hessian.products.dtype)
        weight = (hessian.scale.max() / hessian.scale).astype(right.dtype)
        features, factors = now.rows.features, self._factors
        place = np.full(len(self.coef), -1)
        place[factors.features] = np.arange(len(factors.features))
        place = place[features]
        known, new = place >= 0, place < 0
        place = place[known]
        padded = np.zeros((len(factors.features), right.shape[1]), factors.dtype)
        change = (factors.scale[place] / hessian.scale[known]).astype(factors.dtype)
        own = problem.curvature[features[new]]

        def precondition(residual):
            padded[place] = change * residual[known]
            solution = np.empty_like(residual)
            solution[known] = change * factors.solve(padded)[place]
            if len(own):
                solution[new] = hessian.block_solve(residual[new], own, new)
            return solution

        solution, accurate = conjugate_gradients(
            hessian.times,
            precondition,
            right,
            weight,
            goal_of(problem, now),
            max_steps,
        )
        return (hessian.scale * size) * solution, accurate

    def _search(self, problem, now, newton, known=None):
        """Go along Newton's direction; False if the objective falls nowhere near."""
        products = self._products_of(problem, now.rows.features)
        threshold = problem.l1 * problem.steps(now.rows.features)
        known = now.rows.size if known is None else known
        moved = np.empty_like(newton)
        slope = -np.vdot(now.right, newton)
        if not slope < 0.0:
            return False
        rounding = ROUNDING * problem.l1 * now.rows.size.sum()
        length = 1.0
        while length >= SHORTEST:
            total, squares, product = step_rows(
                self.coef,
                self.gradient,
                *now.rows,
                newton,
                known,
                threshold,
                length,
                moved,
            )
            image, energy = products.image(moved)
            change = 0.5 * energy - product + problem.l1 * total
            change += 0.5 * problem.l2 * squares
            if change <= DECREASE * length * slope + rounding:
                self.coef[now.rows.features] += moved
                self.gradient -= problem.products.change(now.rows.features, moved, image)
                return True
            length *= 0.5
        return False
