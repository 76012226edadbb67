"""Cross-validation of a path: every fold solved at every alpha, scored on held-out rows.

Where the Gram matrix of a fold's training rows is the way to solve it, and the folds are
a partition of the rows, the moments of each fold are measured once, in one pass over X,
and those of every training set are sums of the others. Elsewhere the folds share X: rows
that are held out have weight zero.
"""

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.parallel import Parallel, delayed

from skreg._kernels.design import by_columns, by_rows
from skreg._solvers.fold_moments import FoldMoments, as_slice, training_moments
from skreg._solvers.least_squares import prefers_gram
from skreg._solvers.measure import measure
from skreg._solvers.sample import make_sample
from skreg.paths.fitted_path import FittedPath, fit_moments, fit_sample
from skreg.paths.scoring import scores_of_rows

# Errors from moments are recomputed from residuals below this share of their terms.
CANCELLATION = 1e-6


class Recipe(NamedTuple):
    """What is done in every fold."""

    solver: Any  # EachTarget or AllTargets
    penalties: list  # one per l1_ratio
    l1_ratios: list
    alphas: list  # one decreasing grid per penalty, all of one length
    fit_intercept: bool
    standardize: bool
    refit: Any  # callable or None
    mixings: tuple  # shares of the path in blends with its refits
    scorer: Any  # callable or None


class Rows(NamedTuple):
    """Checked data, by columns to fit and by rows to predict."""

    columns: Any
    rows: Any
    y: np.ndarray
    sample_weight: np.ndarray | None
    y_ndim: int

    def weights_of(self, rows):
        """Sample weights of some rows; None if there are none."""
        return None if self.sample_weight is None else self.sample_weight[rows]


class FoldScores(NamedTuple):
    """One fold at one penalty."""

    fitted: FittedPath
    mse: np.ndarray  # (n_alphas, n_mixings)
    score: np.ndarray | None  # the same of a scorer, greater is better


class FoldPlan(NamedTuple):
    """Folds and how they are fitted; `shared` are the moments of a partition."""

    data: Rows
    folds: list  # of (train, test)
    on_moments: bool
    shared: FoldMoments | None


def make_plan(data, folds, n_alphas, *, centred, needs_rows, run):
    """Choose how folds are fitted, and measure what they share.

    Parameters
    ----------
    data : skreg._validation.Validated
    folds : list of (train, test)
    n_alphas : int
        In all grids together.
    centred : bool
    needs_rows : bool
        Whether moments are not enough.
    run : callable
        See :class:`~skreg._solvers.fold_moments.FoldMoments`.
    """
    on_moments = prefers_gram(data.X, n_alphas) and not needs_rows
    columns = data.X if on_moments else by_columns(data.X)
    rows = Rows(columns, by_rows(data.X), data.y, data.sample_weight, data.y_ndim)
    parts = partition(folds, len(data.y)) if on_moments else None
    if parts is None:
        return FoldPlan(rows, folds, on_moments, None)
    shared = FoldMoments(rows.rows, data.y, data.sample_weight, centred, parts, run)
    return FoldPlan(rows, folds, on_moments, shared if shared.keep_digits() else None)


def partition(folds, n_samples):
    """The test sets, and the rows in none, if every training set is made of all the other
    rows; else None.
    """
    owner = np.full(n_samples, -1)
    for k, (train, test) in enumerate(folds):
        times = np.bincount(train, minlength=n_samples)
        times += np.bincount(test, minlength=n_samples)
        if np.any(times != 1) or np.any(owner[test] >= 0):
            return None
        owner[test] = k
    parts = [np.sort(test) for _, test in folds]
    rest = np.flatnonzero(owner < 0)
    parts += [rest] if len(rest) else []
    return parts if len(parts) > 1 else None


def cross_validate(plan, recipe, jobs, score_params, tasks):
    """Fit and score every fold.

    Parameters
    ----------
    plan : FoldPlan
    recipe : Recipe
    jobs : dict
        `n_jobs`, `verbose` of joblib.
    score_params : dict
        One value per row for the scorer.
    tasks : list of context managers
        One for each fold, entered where and while it is fitted.

    Returns
    -------
    list of list of FoldScores
        For each fold, one for each penalty.
    """
    calls = (
        delayed(_watched_fold)(
            tasks[k],
            *(plan.data, recipe, plan.folds[k], moments, held_out, score_params),
        )
        for k, moments, held_out in _training(plan, recipe)
    )
    return Parallel(prefer="threads", **jobs)(calls)


def _watched_fold(task, *arguments):
    with task:
        return _fold(*arguments)


def _training(plan, recipe):
    """(k, moments to train on or None, moments held out or None) for each fold."""
    shared = plan.shared
    if shared is not None:
        for k, moments in training_moments(len(shared), shared.together):
            if k < len(plan.folds):
                yield k, moments, shared.fold(k)
        return
    for k, (train, _) in enumerate(plan.folds):
        moments = None
        if plan.on_moments:
            moments = _measure(plan.data, train, recipe.fit_intercept)
        yield k, moments, None


def _measure(data, rows, centred):
    rows = as_slice(rows)
    return measure(data.rows[rows], data.y[rows], data.weights_of(rows), centred)


def _fold(data, recipe, fold, moments, held_out, score_params):
    """Fit on the training rows, score on the others."""
    train, test = fold
    if moments is None:
        fit = partial(_fit_rows, data, recipe, train)
    else:
        lazy = partial(_copied_sample, data, recipe, train)
        fit = partial(
            fit_moments,
            recipe.solver,
            moments,
            refit=recipe.refit,
            standardize=recipe.standardize,
            make_sample=lazy,
        )
    return [
        _scored(data, recipe, test, fit(penalty, alphas), held_out, score_params)
        for penalty, alphas in zip(recipe.penalties, recipe.alphas, strict=True)
    ]


def _fit_rows(data, recipe, train, penalty, alphas):
    """On rows: X is shared unless a direct solver needs the training rows alone."""
    direct = any(penalty.quadratic_strength(alpha) is not None for alpha in alphas)
    make = _copied_sample if direct else _masked_sample
    sample = make(data, recipe, train)
    return fit_sample(recipe.solver, sample, penalty, alphas, recipe.refit)[0]


def _copied_sample(data, recipe, train):
    return make_sample(
        data.rows[train],
        data.y[train],
        data.weights_of(train),
        recipe.fit_intercept,
        standardize=recipe.standardize,
    )


def _masked_sample(data, recipe, train):
    """The training rows of X as it is: those held out weigh nothing."""
    times = np.bincount(train, minlength=len(data.y)).astype(np.float64)
    weights = times if data.sample_weight is None else times * data.sample_weight
    return make_sample(
        data.columns,
        data.y,
        weights,
        recipe.fit_intercept,
        standardize=recipe.standardize,
    )


def _scored(data, recipe, test, fitted, held_out, score_params):
    rows = as_slice(test)
    y, weights = data.y[rows], data.weights_of(rows)
    mse = np.empty((fitted.intercepts.shape[1], len(recipe.mixings)))
    score: Any = None if recipe.scorer is None else np.empty_like(mse)
    for m, mixing in enumerate(recipe.mixings):
        predictions = None
        if recipe.scorer is not None or held_out is None:
            predictions = fitted.predict(data.rows, rows, mixing)
        if held_out is None:
            mse[:, m] = _mse(y, predictions, weights)
        else:
            mse[:, m] = _mse_from_moments(data, rows, fitted, mixing, held_out)
        if recipe.scorer is not None:
            params = {name: value[test] for name, value in score_params.items()}
            targets = y[:, 0] if data.y_ndim == 1 else y
            score[:, m] = scores_of_rows(
                recipe.scorer, data.rows[rows], predictions, targets, params
            )
    return FoldScores(fitted, mse, score)


def _mse(y, predictions, weights):
    """Mean over rows and targets; predictions have shape (n_targets, n_alphas, n_rows)."""
    squares = np.square(y.T[:, None] - predictions)
    return np.average(squares, axis=-1, weights=weights).mean(axis=0)


def _mse_from_moments(data, rows, fitted, mixing, held_out):
    """From the moments of the held-out rows where that loses no digits that matter."""
    coefs, intercepts = fitted.at(mixing)
    error, size = held_out.mean_square_error(coefs, intercepts, fitted.features)
    mse = error.mean(axis=0)
    lost = np.flatnonzero(np.any(error <= CANCELLATION * size, axis=0))
    if len(lost):
        predictions = fitted.predict(data.rows, rows, mixing, lost)
        mse[lost] = _mse(data.y[rows], predictions, data.weights_of(rows))
    return mse
