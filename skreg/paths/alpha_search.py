"""The search for alpha: a path on all rows, a score at every alpha, and a choice.

Scores come from held-out folds (:func:`search_folds`), from every row left out
(:func:`search_rows`) or from a criterion (:func:`search_criterion`); whatever the way,
the result is one :class:`Search`. Candidates are counted by penalty (l1_ratio), alpha
and mixing, the share of the path in its blend with unpenalised refits.
"""

import warnings
from dataclasses import replace
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np

from skreg._kernels.design import is_sparse
from skreg._solvers.approximate_leave_one_out import approximate_leave_one_out
from skreg._solvers.fold_moments import as_slice
from skreg._solvers.least_squares import solve_moments_path
from skreg._solvers.leverage import DUAL_FROM, degrees_of_freedom
from skreg._solvers.row_leverage import row_degrees_of_freedom, row_leave_one_out
from skreg._solvers.sample import slices_of
from skreg.paths.criteria import CRITERIA, Fits
from skreg.paths.cross_validation import CANCELLATION, cross_validate
from skreg.paths.fitted_path import fit_sample
from skreg.paths.scoring import scores_of_rows
from skreg.paths.selection import (
    best_index,
    choose,
    make_results,
    one_standard_error,
    summarize,
)

# Out-of-fold predictions are made for so many rows at once.
ROWS_AT_ONCE = 1024
# Above this share of rows that are only approximately left out, a warning says so.
UNSETTLED_SHARE = 0.1
# Up to so many features, a Gram matrix is kept until somebody asks for degrees of freedom.
WAITING_FEATURES = 1000


class Fitted(NamedTuple):
    """The path on all rows, for each penalty; None where nobody asked for it yet."""

    sample: Any
    moments: Any  # of the sample, or None
    paths: list  # of FittedPath, on the original scale of X
    results: list  # of PathResult, with coefficients as they were solved

    @property
    def is_complete(self):
        """Whether the path of every penalty is known."""
        return None not in self.paths


class Search(NamedTuple):
    """What was tried and what was chosen; indices are (penalty, alpha, mixing)."""

    results: Any  # Bunch
    chosen: tuple
    best: tuple  # of rule 'min'
    one_se: tuple | None  # of rule '1se', where there is a standard error
    mse: np.ndarray | None  # (n_penalties, n_alphas, n_folds) at the chosen mixing
    predictions: np.ndarray | None  # (n_samples, n_targets), out of fold; NaN: never
    fold_paths: list  # of PathResult


def unwatched(i, solve):
    """What `solve` returns."""
    return solve()


def fit_all(recipe, sample, moments, watched=unwatched, which=None):
    """Solve every penalty, or those in `which`, at every alpha on all rows.

    ``watched(i, solve)`` returns what the function `solve` does for penalty i.
    """
    known = {} if moments is None else {"moments": moments}
    solve = partial(fit_sample, recipe.solver, sample, refit=recipe.refit, **known)
    pairs = [
        watched(i, partial(solve, penalty=penalty, alphas=recipe.alphas[i]))
        if which is None or i in which
        else (None, None)
        for i, penalty in enumerate(recipe.penalties)
    ]
    return Fitted(sample, moments, [pair[0] for pair in pairs], [pair[1] for pair in pairs])


def can_wait(recipe, sample, moments):
    """Whether paths on all rows can be solved later, from moments small enough to keep.

    The choice from folds needs none of them, and the model only that of its penalty.
    """
    if len(recipe.penalties) == 1 or not _are_kept(recipe, sample, moments):
        return False
    pairs = zip(recipe.penalties, recipe.alphas, strict=True)
    return all(
        penalty.quadratic_strength(alpha) is None
        for penalty, alphas in pairs
        for alpha in (alphas[0], alphas[-1])
    )


def _are_kept(recipe, sample, moments):
    """Whether the moments may stay in memory until somebody asks."""
    n_samples, n_features = sample.X.shape
    small = n_features <= min(n_samples * DUAL_FROM, WAITING_FEATURES)
    return moments is not None and small and not recipe.solver.joint


def mean_squares(fitted, i):
    """Weighted mean squared residuals on all rows, shape (n_targets, n_alphas)."""
    sample, coefs = fitted.sample, fitted.results[i].coefs
    found, lost = np.zeros(coefs.shape[:2]), np.ones(coefs.shape[1], dtype=bool)
    if fitted.moments is not None:
        every, intercepts = np.arange(coefs.shape[2]), fitted.moments.intercept(coefs)
        found, size = fitted.moments.mean_square_error(coefs, intercepts, every)
        lost = np.any(found <= CANCELLATION * size, axis=0)
    for t in np.flatnonzero(lost):
        found[:, t] = sample.mean_square(sample.y - sample.fitted(coefs[:, t]))
    return found


def n_until(fitted, saturation):
    """How many alphas there are up to the first at which the fits of all penalties
    explain a share `saturation` of the variance; all, if there is none.
    """
    limit = (1.0 - saturation) * fitted.sample.y_norm2.sum()
    rss = np.array([mean_squares(fitted, i).sum(axis=0) for i in range(len(fitted.paths))])
    reached = np.flatnonzero(np.all(rss <= limit, axis=0))
    return int(reached[0]) + 1 if len(reached) else rss.shape[1]


def truncated(recipe, fitted, count):
    """Both with the first `count` alphas only."""
    fitted = fitted._replace(
        paths=[path.first(count) for path in fitted.paths],
        results=[first_alphas(result, slice(count)) for result in fitted.results],
    )
    return recipe._replace(alphas=[grid[:count] for grid in recipe.alphas]), fitted


def first_alphas(result, which):
    """A :class:`PathResult` at some of its alphas."""
    return result._replace(
        alphas=result.alphas[which],
        coefs=result.coefs[:, which],
        dual_gaps=result.dual_gaps[:, which],
        n_iters=result.n_iters[:, which],
        converged=result.converged[:, which],
    )


def search_folds(fitted, recipe, plan, *, rule, fold_weighting, jobs, score_params, tasks):
    """Choose by scores of held-out folds.

    Parameters
    ----------
    fitted : Fitted
    recipe : skreg.paths.cross_validation.Recipe
    plan : skreg.paths.cross_validation.FoldPlan
    rule : 'min', '1se' or callable
    fold_weighting : 'equal' or 'size'
    jobs : dict
        `n_jobs`, `verbose` of joblib.
    score_params : dict
        One value per row for the scorer.
    tasks : list
        See :func:`skreg.paths.cross_validation.cross_validate`.
    """
    folds = cross_validate(plan, recipe, jobs, score_params, tasks)
    mse = np.array([[scores.mse for scores in fold] for fold in folds])
    scores = -mse
    if recipe.scorer is not None:
        scores = np.array([[found.score for found in fold] for fold in folds])
    fold_scores = np.moveaxis(scores, 0, -1)
    sizes = [_size(plan.data, test) for _, test in plan.folds]
    summary = summarize(fold_scores, fold_weighting, sizes)
    results = _results(fitted, recipe, summary, fold_scores=fold_scores)
    best, one_se, chosen = _choices(results, rule, has_se=True)
    return Search(
        results,
        chosen,
        best,
        one_se,
        np.moveaxis(mse[..., chosen[2]], 0, -1),
        _out_of_fold(plan, recipe, folds, chosen),
        [scores.fitted.result for fold in folds for scores in fold],
    )


def search_rows(fitted, recipe, data, *, rule, score_params):
    """Choose by approximate leave-one-out errors; no refits without a penalty.

    `data` is the :class:`~skreg._validation.Validated` input.
    """
    found = _left_out(fitted, recipe)
    shape = len(found), len(recipe.alphas[0]), *data.y.shape
    errors = np.array([rows.errors for rows in found]).reshape(shape)
    squares, sizes = np.square(errors).mean(axis=-1), data.sample_weight
    if recipe.scorer is None:
        weighting = "equal" if sizes is None else "size"
        with np.errstate(invalid="ignore"):
            summary = summarize(-squares, weighting, sizes)
        more = {"fold_scores": -squares[:, :, None]}
    else:
        scores = [_scores(recipe.scorer, data, rows, score_params) for rows in errors]
        unknown = np.full(squares.shape[:2], np.nan)
        summary, more = (np.array(scores), unknown, unknown), {}
    summary = [table[:, :, None] for table in summary]
    df = np.array([rows.degrees_of_freedom for rows in found])
    results = _results(fitted, recipe, summary, df=df, **more)
    best, one_se, chosen = _choices(results, rule, has_se=recipe.scorer is None)
    if not recipe.solver.joint:
        _warn_if_unsettled(found[chosen[0]], chosen[1], len(data.y))
    predictions = data.y - errors[chosen[0], chosen[1]]
    return Search(results, chosen, best, one_se, squares, predictions, [])


def _warn_if_unsettled(rows, t, n_samples):
    """Where the change of support of many rows was not found, errors are a first guess."""
    if rows.n_unsettled[t] > UNSETTLED_SHARE * n_samples:
        warnings.warn(
            f"cv='loo': for {rows.n_unsettled[t]} of {n_samples} rows it was not found "
            "which features enter or leave without them at the chosen alpha; their errors "
            "are those at the present support. Use folds, such as cv=5, or larger alphas.",
            UserWarning,
            stacklevel=10,
        )


def _left_out(fitted, recipe):
    """Leave-one-out errors of the path of each penalty."""
    leave_out = row_leave_one_out if recipe.solver.joint else approximate_leave_one_out
    return _along_paths(fitted, recipe, partial(leave_out, solve=recipe.solver.on_sample))


def _along_paths(fitted, recipe, function):
    """function(sample, penalty, alphas, coefs, moments=...), for each penalty."""
    return [
        function(
            fitted.sample,
            penalty,
            alphas,
            result.coefs if recipe.solver.joint else result.coefs[0],
            moments=fitted.moments,
        )
        for penalty, alphas, result in zip(
            recipe.penalties, recipe.alphas, fitted.results, strict=True
        )
    ]


def _scores(scorer, data, errors, score_params):
    """Of the predictions for left-out rows; -inf where the model interpolates."""
    known = np.all(np.isfinite(errors), axis=(1, 2))
    scores = np.full(len(errors), -np.inf)
    predictions = np.transpose(data.y - errors[known], (2, 0, 1))
    scores[known] = scores_of_rows(
        scorer, data.X, predictions, data.y_as_given, score_params
    )
    return scores


def search_criterion(fitted, recipe, name, *, rule, noise_variance, ebic_gamma):
    """Choose by an information criterion or generalized cross-validation."""
    sample, shape = fitted.sample, (len(recipe.penalties), len(recipe.alphas[0]))
    squares = np.array([mean_squares(fitted, i).sum(axis=0) for i in range(shape[0])])
    fits = Fits(
        sample.weight_sum * squares,
        np.array(_along_paths(fitted, recipe, _counter(recipe))),
        sample.weight_sum * sample.y.shape[1],
        sample.X.shape[1],
        np.array([path.support_size() for path in fitted.paths]),
        noise_variance,
        ebic_gamma,
    )
    scores, unknown = -CRITERIA[name](fits)[:, :, None], np.full((*shape, 1), np.nan)
    results = _results(fitted, recipe, (scores, unknown, unknown), df=fits.df)
    best, _, chosen = _choices(results, rule, has_se=False)
    return Search(results, chosen, best, None, None, None, [])


def _counter(recipe):
    """What counts degrees of freedom along a path."""
    return row_degrees_of_freedom if recipe.solver.joint else degrees_of_freedom


def _results(fitted, recipe, summary, fold_scores=None, df=None):
    """The table, whose arrays have an axis of mixings only if there are several."""
    if len(recipe.mixings) == 1:
        summary = [table[:, :, 0] for table in summary]
        fold_scores = None if fold_scores is None else fold_scores[:, :, 0]
    more = {} if fold_scores is None else {"fold_scores": fold_scores}
    alphas = np.array(recipe.alphas)
    if df is None:
        more |= _cheap_columns(fitted, recipe)
    else:
        more |= {"support_size": _support_sizes(fitted.paths), "df": df}
    return make_results(
        alphas,
        *summary,
        l1_ratio=np.repeat(np.array(recipe.l1_ratios)[:, None], alphas.shape[1], axis=1),
        mixing=np.array(recipe.mixings),
        **more,
    )


def _support_sizes(paths):
    return np.array([path.support_size() for path in paths])


def _cheap_columns(fitted, recipe):
    """Sizes of supports and degrees of freedom of the penalised solutions; those are NaN
    for joint targets, where they are dear.

    Functions that return them where they can wait: the choice from folds needs none, and
    to factorize at every alpha and l1_ratio would take as long as the paths of two folds.
    """
    if recipe.solver.joint:
        unknown = np.full((len(recipe.penalties), len(recipe.alphas[0])), np.nan)
        return {"support_size": _support_sizes(fitted.paths), "df": unknown}
    if not _are_kept(recipe, fitted.sample, fitted.moments):
        df = np.array(_along_paths(fitted, recipe, degrees_of_freedom))
        return {"support_size": _support_sizes(fitted.paths), "df": df}
    # What waits keeps neither X nor y alive.
    none = np.empty((fitted.sample.X.shape[0], 0))
    known = fitted._replace(sample=replace(fitted.sample, X=none, y=none), paths=[])
    if fitted.is_complete:
        sizes = _support_sizes(fitted.paths)
        return {
            "support_size": sizes,
            "df": lambda: np.array(_along_paths(known, recipe, degrees_of_freedom)),
        }
    solved = cache(partial(_solved_on_moments, known, recipe))
    return {
        "support_size": lambda: np.array(
            [np.count_nonzero(result.coefs[0], axis=1) for result in solved().results]
        ),
        "df": lambda: np.array(_along_paths(solved(), recipe, degrees_of_freedom)),
    }


def _solved_on_moments(fitted, recipe):
    """With the path of every penalty, from moments alone."""
    settings = {"tol": recipe.solver.tol, "max_iter": recipe.solver.max_iter}
    pairs = zip(recipe.penalties, recipe.alphas, strict=True)
    results = [
        solve_moments_path(fitted.moments, penalty, alphas, **settings)
        for penalty, alphas in pairs
    ]
    return fitted._replace(results=results)


def _choices(results, rule, *, has_se):
    """(best, one_se, chosen) as (penalty, alpha, mixing)."""
    best = best_index(results.mean_score)
    one_se = one_standard_error(results, best) if has_se else None
    named = {"min": best, "1se": one_se}
    chosen = choose(results, rule) if callable(rule) else named[rule]
    padded = [
        None if index is None else (*index, 0)[:3] for index in (best, one_se, chosen)
    ]
    return tuple(padded)


def _size(data, test):
    weights = data.weights_of(test)
    return float(len(test)) if weights is None else float(weights.sum())


def _out_of_fold(plan, recipe, folds, chosen):
    """Predictions of held-out rows, averaged where a row was held out several times."""
    i, t, m = chosen
    paths, n_samples = [scores[i].fitted for scores in folds], len(plan.data.y)
    tests = np.concatenate([test for _, test in plan.folds])
    times = np.bincount(tests, minlength=n_samples)
    if times.max() == 1 and not is_sparse(plan.data.rows):
        return _row_by_row(plan, paths, recipe.mixings[m], t)
    total = np.zeros(plan.data.y.shape)
    for (_, test), path in zip(plan.folds, paths, strict=True):
        rows, only = as_slice(test), slice(t, t + 1)
        found = path.predict(plan.data.rows, rows, recipe.mixings[m], only)
        np.add.at(total, test, found[:, 0].T)
    with np.errstate(invalid="ignore"):
        return total / times[:, None]


def _row_by_row(plan, paths, mixing, t):
    """Where the test sets are disjoint, each row meets the coefficients of its own fold in
    the order in which X is stored: twice as fast as to collect the rows of each fold.
    """
    X, (n_samples, n_targets) = plan.data.rows, plan.data.y.shape
    owner = np.full(n_samples, len(paths))
    for k, (_, test) in enumerate(plan.folds):
        owner[test] = k
    coefs = np.zeros((len(paths) + 1, n_targets, X.shape[1]))
    intercepts = np.full((len(paths) + 1, n_targets), np.nan)
    for k, path in enumerate(paths):
        some, intercept = path.at(mixing)
        coefs[k][:, path.features], intercepts[k] = some[:, t], intercept[:, t]
    found = intercepts[owner]
    for rows in slices_of(n_samples, ROWS_AT_ONCE):
        for k in range(n_targets):
            found[rows, k] += np.einsum("ij,ij->i", X[rows], coefs[owner[rows], k])
    return found
