"""Penalised least squares at one or many alphas: chooses the algorithm, returns a path.

Objective, with weights omega_i that sum to one (1 / n_samples without weights):

    1/2 sum_i omega_i (y_i - b - x_i' w)^2 + sum_j value(penalty at alpha, j, w_j)

and the intercept b never penalised. Four algorithms, tried in this order:

================ ======================= ==============================================
direct           :mod:`.ridge`           the penalty is l2/2 ||w||^2
exact, Gram      :mod:`.support`         many samples: Gram matrix of all features
exact, working   :mod:`.working_set`     many features: Gram matrix of those in play
descent          :mod:`skreg._kernels.cd` any penalty, any support size, singular cases
================ ======================= ==============================================
"""

import numpy as np

from skreg._kernels.cd import N_KEPT, coordinate_descent
from skreg._solvers.gaps import EPS, gap_floor, gaps_of, recompute_gaps
from skreg._solvers.moments import gram_design, make_moments
from skreg._solvers.results import EXACT_GAP, PathResult, Step, Steps, Stop
from skreg._solvers.ridge import solve_ridge
from skreg._solvers.sample import column_design, start_state
from skreg._solvers.support import Support, is_uniform, runs_of
from skreg._solvers.working_set import CHEAP_SUPPORT, WorkingSet, screening_kernel
from skreg.penalties import slope_at_zero, strong_convexity

# Forming the Gram matrix costs about as much as this many epochs of residual updates
# per hundred features; a path needs some ten epochs per alpha.
GRAM_FEATURES_PER_ALPHA = 400
GRAM_MAX_FEATURES = 12_000
# The same for sparse X, whose Gram matrix is dense.
SPARSE_PRODUCTS_PER_ALPHA, SPARSE_GRAM_FEATURES = 0.5, 2_000
# Alphas in a row at which the exact method may fail before it is given up.
MAX_FAILURES = 3
# Epochs of coordinate descent that one far-off solution of a sparse problem is worth.
SPARSE_EPOCHS = 100
EPOCHS_AT_ONCE = 10_000
UNBOUNDED = np.iinfo(np.int64).max
# A relative gap that is nothing but rounding.
ROUNDING = 4 * EPS


def prefers_gram(X, n_alphas):
    """Whether covariance updates are expected to be faster than residual updates."""
    n_samples, n_features = X.shape
    if isinstance(X, np.ndarray):
        affordable = min(GRAM_FEATURES_PER_ALPHA * n_alphas, GRAM_MAX_FEATURES)
        return n_features <= min(2 * n_samples, affordable)
    per_row = X.nnz / n_samples  # what each entry is multiplied with
    few = n_features <= min(n_samples / 2, SPARSE_GRAM_FEATURES)
    return few and per_row <= SPARSE_PRODUCTS_PER_ALPHA * n_alphas


def solve_path(
    sample,
    penalty,
    alphas,
    *,
    tol,
    max_iter,
    start=None,
    moments=None,
    use_gram=None,
    certified=False,
):
    """Solve at each of `alphas` in turn, each from the solution of the one before.

    Parameters
    ----------
    sample : Sample
    penalty : skreg.penalties.Penalty
    alphas : sequence of float
        In the order to be solved; decreasing is fastest.
    tol : float
        Iterations stop at a duality gap of `tol` times the objective of the null model;
        the exact solvers reach the rounding error.
    max_iter : int or None
        Bound, per alpha, on the epochs of coordinate descent and on the rounds of the
        active-set method; None for no bound.
    start : ndarray of shape (n_targets, n_features), optional
        Where to start.
    moments : Moments, optional
        Of `sample`, if already known; then its Gram matrix is used.
    use_gram : bool, optional
        Force or forbid the Gram matrix; by default the cheaper way is chosen.
    certified : bool
        Whether gaps have to come from residuals; those of a Gram matrix cost less but
        carry its rounding.

    Returns
    -------
    PathResult
    """
    alphas = np.asarray(alphas, dtype=np.float64)
    n_targets, n_features = sample.y.shape[1], sample.X.shape[1]
    result = unsolved(alphas, 0.5 * sample.y_norm2, n_features)
    iterated = solve_directly(sample, penalty, result)
    if iterated:
        if moments is None and (
            prefers_gram(sample.X, len(alphas)) if use_gram is None else use_gram
        ):
            moments = make_moments(sample)
        fixed = column_design(sample) if moments is None else None
        problems = (make_problem(sample, k, moments, fixed) for k in range(n_targets))
        _solve_each(problems, penalty, iterated, result, start, tol, max_iter)
        if certified and moments is not None:
            for k in range(n_targets):
                result.dual_gaps[k, iterated] = recompute_gaps(
                    sample,
                    penalty,
                    alphas[iterated],
                    result.coefs[k, iterated],
                    np.full(len(iterated), k),
                    moments,
                )
    return judge(result, tol, iterated)


def solve_moments_path(
    moments, penalty, alphas, *, tol, max_iter, start=None, scored_only=False
):
    """:func:`solve_path` for a sample of which only the moments are known.

    With `scored_only` the exact method leaves what does not matter to scores.

    Certificates carry the rounding of the Gram matrix. Penalties that a direct solver
    takes at one of the `alphas` (``penalty.quadratic_strength``) need the sample.
    """
    alphas = np.asarray(alphas, dtype=np.float64)
    n_features, n_targets = moments.correlation.shape
    result = unsolved(alphas, 0.5 * moments.y_norm2, n_features)
    problems = (make_problem(None, k, moments, None) for k in range(n_targets))
    every = range(len(alphas))
    _solve_each(
        problems, penalty, every, result, start, tol, max_iter, scored_only=scored_only
    )
    return judge(result, tol, every)


def unsolved(alphas, null, n_features):
    """A result to be filled in: zero coefficients, no gaps, one round per alpha."""
    shape = len(null), len(alphas)
    return PathResult(
        alphas,
        np.zeros((*shape, n_features)),
        np.zeros(shape),
        null,
        np.ones(shape, dtype=np.int64),
        np.zeros(shape, dtype=bool),
    )


def _solve_each(
    problems, penalty, places, result, start, tol, max_iter, *, scored_only=False
):
    """Write the solutions of one problem per target, at the alphas in `places`."""
    places = np.asarray(places)
    for k, problem in enumerate(problems):
        first = None if start is None else start[k].astype(np.float64)
        bound = UNBOUNDED if max_iter is None else max_iter
        stop = Stop(result.null_objectives[k], tol, bound, scored_only)
        found = problem.path(penalty, result.alphas[places], first, stop)
        end = 0
        for step in found:
            which, end = places[end : end + step.count], end + step.count
            step.write_rows(result.coefs[k], which)
            result.dual_gaps[k, which], result.n_iters[k, which] = step.gap, step.n_iter


def solve_directly(sample, penalty, result):
    """Write the solutions at alphas where the penalty is just l2/2 ||coef||^2; the others.

    A result with one gap for all targets gets the sum of theirs.
    """
    iterated = []
    for t, alpha in enumerate(result.alphas):
        strength = penalty.quadratic_strength(alpha)
        if strength is None:
            iterated.append(t)
            continue
        direct = solve_ridge(sample, np.full(sample.y.shape[1], strength))
        result.coefs[:, t] = direct.coef
        problems = len(result.dual_gaps)
        result.dual_gaps[:, t] = direct.dual_gap.reshape(problems, -1).sum(axis=1)
    return iterated


def judge(result, tol, iterated):
    """With gaps no smaller than rounding, and whether they are as small as they should;
    direct solutions, at all but the alphas `iterated`, are.
    """
    null = result.null_objectives[:, None]
    floor = gap_floor(null)
    converged = result.dual_gaps <= np.maximum(max(tol, EXACT_GAP) * null, floor)
    direct = np.ones(len(result.alphas), dtype=bool)
    direct[iterated] = False
    converged[:, direct] = True
    gaps = np.maximum(result.dual_gaps, floor)
    return result._replace(dual_gaps=gaps, converged=converged)


def make_problem(sample, k, moments, fixed):
    """The problem of target k: on Gram matrices if there are `moments`, else on columns.

    `fixed` is the design and curvature that all targets share, with columns.
    """
    exact: GramSolver | WorkingSet
    if moments is not None:
        design, curvature = gram_design(moments, k)
        exact, state = GramSolver(design), design.correlation
    else:
        design, curvature = fixed
        exact = WorkingSet(sample, k, design, curvature)
        state = start_state(design, sample, k)
    return Problem(exact, Descent(design, curvature, state))


class Problem:
    """One target at one alpha after the other: exactly if possible, else by descent."""

    def __init__(self, exact, descent):
        self._exact, self._descent = exact, descent

    def path(self, penalty, alphas, start, stop):
        """Yield a :class:`Step` or several at once, from `start` or from zero."""
        first = penalty.kernel(alphas[0])
        uses_exact = has_exact_solution(first) and (
            is_uniform(first) or not self._exact.needs_uniform_penalty
        )
        position, previous, failures, spent = 0, None, 0, 0
        step = self._first_step(first, alphas, start, stop, uses_exact)
        if step is not None:
            spent = step.n_iter
            if uses_exact:
                self._exact.start_at(step.coef, first, stop)
            if step.done:
                yield step
                position, previous, spent = 1, alphas[0], 0
        while position < len(alphas):
            if uses_exact:
                for step in self._exact.path(penalty, alphas[position:], previous, stop):
                    if spent:
                        step = step.later(spent)
                    if not step.done:
                        spent, failures = step.n_iter, failures + 1
                        break
                    yield step
                    position += step.count
                    previous, failures, spent = alphas[position - 1], 0, 0
                if position == len(alphas):
                    break
            kernel = penalty.kernel(alphas[position])
            screening = screening_kernel(penalty, alphas[position], previous)
            step = self._descend(kernel, screening, step, stop, spent)
            uses_exact = uses_exact and failures < MAX_FAILURES
            if uses_exact:
                self._exact.start_at(step.coef, kernel, stop)
            yield step
            position, previous, spent = position + 1, alphas[position], 0

    def _first_step(self, kernel, alphas, start, stop, uses_exact):
        """Where the first alpha starts, `done` if that is good enough; None is zero."""
        if start is not None:
            start = self._descent.feasible(start, kernel)
            step = self._descent.start_at(start, kernel)
            goal = ROUNDING * stop.null_objective if uses_exact else stop.gap
            return step._replace(done=step.gap <= goal)
        if len(alphas) > 1 or not self._exact.prefers_descent_first:
            return None
        goal = stop.sure_gap if uses_exact else stop.gap
        epochs = min(SPARSE_EPOCHS, stop.max_iter)
        step = self._descent.solve(kernel, kernel, goal, epochs)
        done = step.gap <= goal and np.count_nonzero(step.coef) > CHEAP_SUPPORT
        return step._replace(done=done or step.n_iter >= stop.max_iter)

    def _descend(self, kernel, screening, start, stop, spent):
        """One alpha by coordinate descent, after `spent` rounds of the exact method.

        `start` is the last :class:`Step`, of this alpha if there were any rounds; where
        rounding is in charge it may be the better one.
        """
        if start is not None:
            coef = start.whole(self._descent.n_features)
            start = self._descent.start_at(coef, kernel)
        step = self._descent.solve(kernel, screening, stop.gap, stop.max_iter - spent)
        if start is not None and start.gap < step.gap:
            step = step._replace(coef=start.coef, gap=start.gap)
        return step._replace(n_iter=step.n_iter + spent)


class Descent:
    """Coordinate descent on one design, from its last solution."""

    def __init__(self, design, curvature, state):
        self.n_features = curvature.size
        self._design, self._curvature, self._start_state = design, curvature, state
        self._coef, self._gradient = np.zeros(curvature.size), np.zeros(curvature.size)
        self._state, self._order = np.empty_like(state), np.arange(curvature.size)
        self._history = np.empty((N_KEPT, curvature.size)), np.empty((N_KEPT, state.size))
        self._screened = False

    def feasible(self, coef, kernel):
        """`coef` with zeros in the place of what the penalty forbids."""
        coef = np.array(coef, dtype=np.float64)
        for j in np.flatnonzero(coef):
            if np.isinf(slope_at_zero(kernel, j, np.sign(coef[j]))):
                coef[j] = 0.0
        return coef

    def start_at(self, coef, kernel):
        """Continue from `coef` (zero where a column is constant); certifies it."""
        self._coef[:] = np.where(self._curvature > 0.0, coef, 0.0)
        self._screened = False
        step = self.solve(kernel, kernel, 0.0, 0)
        self._screened = True  # its gradient is known now
        return step

    def solve(self, kernel, screening, tol, max_iter):
        """A :class:`Step`; `screening` is a weaker penalty that predicts the support."""
        n_iter = 0
        while True:
            # In portions, between which an interrupt is noticed.
            portion = min(max_iter - n_iter, EPOCHS_AT_ONCE)
            gap, n_epochs = coordinate_descent(
                self._design,
                self._curvature,
                kernel,
                screening,
                self._screened,
                self._start_state,
                tol,
                portion,
                self._coef,
                self._state,
                self._gradient,
                self._order,
                self._history,
            )
            self._screened = True
            n_iter += n_epochs
            if gap <= tol or n_epochs < portion or n_iter >= max_iter:
                return Step(self._coef.copy(), gap, n_iter)


class GramSolver:
    """The active-set method on the Gram matrix of all features."""

    needs_uniform_penalty = False
    prefers_descent_first = False

    def __init__(self, design):
        self._design = design
        self._support = Support(design.correlation.size)
        self._order = np.arange(design.correlation.size)

    def start_at(self, coef, kernel, stop):
        """Take over a solution; start from zero if the Gram matrix of its support is
        singular.
        """
        if not self._support.start_at(coef, self._design.gram, strong_convexity(kernel)):
            self._support.clear()

    def path(self, penalty, alphas, previous, stop):
        """Yield :class:`Steps` as far as that works, then the :class:`Step` that failed;
        see :meth:`.working_set.WorkingSet.path`.
        """
        runs = runs_of([penalty.kernel(alpha) for alpha in alphas])
        found, gaps, good = self._follow(runs, stop, stop.accuracy)
        if stop.accuracy > 0.0 and not (good.all() and len(good) == len(alphas)):
            self._support.clear()
            found, gaps, good = self._follow(runs, stop, 0.0)
        count = len(gaps)
        end = count if good.all() else int(np.argmin(good))
        if end > 0:
            yield Steps(found.coefs[:end], gaps[:end], found.n_rounds[:end])
        if end < count:
            n_rounds = int(found.n_rounds[end])
            tried = end == found.n_solved and n_rounds >= stop.max_iter
            yield Step(found.coefs[end].copy(), gaps[end], n_rounds, done=tried)

    def _follow(self, runs, stop, accuracy):
        """What was found, and gaps and whether they are good, also of the first penalty
        that was not solved.
        """
        design, support = self._design, self._support
        found = support.follow(
            design.gram,
            design.correlation,
            runs,
            stop.max_iter,
            design.y_norm2,
            accuracy,
        )
        end = found.n_solved
        count = min(end + 1, len(found.coefs))
        found.coefs[end:count], found.gradients[end:count] = support.coef, support.gradient
        gaps = self._gaps(runs, found.coefs[:count], found.gradients[:count])
        good = gaps <= stop.exact_gap
        good[end:] = False
        return found, gaps, good

    def _gaps(self, runs, coefs, gradients):
        """Duality gaps from the Gram matrix: r'r = y'y - w'(c + g)."""
        design = self._design
        products = np.einsum("tj,tj->t", coefs, design.correlation + gradients)
        norm2 = np.maximum(design.y_norm2 - products, 0.0)
        curvature = gradients[0] if len(gradients) else design.correlation
        return gaps_of(runs, curvature, coefs, gradients, self._order, norm2)


def has_exact_solution(kernel):
    """Whether the penalty is quadratic on each side of zero."""
    return not np.isnan(slope_at_zero(kernel, 0, 1.0))
