"""Scores of ridge regression at every alpha on held-out folds."""

import warnings
from contextlib import nullcontext
from typing import NamedTuple

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils.parallel import Parallel, delayed

from skreg._solvers.fold_moments import FoldMoments, training_moments
from skreg._solvers.ridge_folds import (
    SolvedFold,
    held_out_errors,
    plan_folds,
    shared_kernel,
    solve_fold,
)
from skreg.exceptions import ConvergenceWarning
from skreg.paths.ridge_curves import MAX_KEPT_BYTES, Curve, at_targets
from skreg.paths.scoring import score_predictions
from skreg.paths.selection import summarize


class FoldScores(NamedTuple):
    """One fold at every alpha."""

    scores: np.ndarray  # (n_alphas, s)
    mse: np.ndarray  # (n_alphas,)
    solved: SolvedFold | None


class Shared(NamedTuple):
    """What all folds have in common."""

    folds: FoldMoments | None = None
    kernel: np.ndarray | None = None  # products of all centred rows

    def moments(self, sample):
        """Moments of all rows, as `sample` sees them, or None."""
        if self.folds is None:
            return None
        total = self.folds.together(0, len(self.folds))
        return total if sample.scale is None else total.scaled(sample.scale)

    def weighted_kernel(self, sample):
        """The kernel matrix of all rows, or None."""
        if self.kernel is None:
            return None
        roots = sample.weight_roots()
        return self.kernel * roots * roots.T


def fold_curve(problem, sample, data, scoring, *, fold_weighting, jobs, tasks):
    """Scores on the test rows of every fold.

    Parameters
    ----------
    problem : skreg._solvers.ridge_folds.FoldProblem
    sample : Sample
        All rows.
    data : skreg._validation.Validated
    scoring : skreg.paths.ridge_curves.Scoring
        Without a scorer: R^2, the score of scikit-learn's regressors.
    fold_weighting : {'equal', 'size'}
    jobs : dict
        `n_jobs`, `verbose` of joblib.
    tasks : list of context managers
        One for each fold, entered where and while it is fitted.

    Returns
    -------
    curve : skreg.paths.ridge_curves.Curve
    shared : Shared
    """
    run = Parallel(prefer="threads", **jobs)
    shared = _share(problem, sample, run)
    keep = _fits_into_memory(problem)
    found = run(_calls(problem, data, scoring, shared, keep, tasks))

    def predict(best):
        if keep:
            return _out_of_fold(problem, [fold.solved for fold in found], best)
        chosen, position = np.unique(best, return_inverse=True)
        silent = [nullcontext()] * len(tasks)
        again = run(_calls(problem.at(chosen), data, scoring, shared, True, silent))
        return _out_of_fold(problem, [fold.solved for fold in again], position)

    scores = np.stack([fold.scores for fold in found], axis=-1)
    mean, std, se = summarize(scores, fold_weighting, problem.test_weights())
    mse = np.stack([fold.mse for fold in found], axis=-1)
    return Curve(mean, std, se, predict, fold_scores=scores, mse=mse), shared


def _share(problem, sample, run):
    plan = plan_folds(problem, sample)
    if plan == "moments":
        return Shared(
            folds=FoldMoments(
                problem.X,
                problem.y,
                problem.weight,
                problem.fit_intercept,
                [test for _, test in problem.folds],
                lambda tasks: run(delayed(task)() for task in tasks),
            )
        )
    return Shared(kernel=shared_kernel(sample) if plan == "kernel" else None)


def _fits_into_memory(problem):
    """Whether the smaller of models and predictions does, for all alphas and folds."""
    smaller = sum(min(problem.X.shape[1], len(test)) for _, test in problem.folds)
    needed = 8 * len(problem.alphas) * problem.y.shape[1] * smaller
    return needed <= max(MAX_KEPT_BYTES, 8 * problem.X.shape[0] * problem.X.shape[1])


def _calls(problem, data, scoring, shared, keep, tasks):
    call = delayed(_watched_fold)
    settings = problem, scoring, data.y_ndim, keep
    if shared.folds is None:
        for k in range(len(problem.folds)):
            yield call(tasks[k], *settings, k, kernel=shared.kernel)
        return
    for k, training in training_moments(len(shared.folds), shared.folds.together):
        part = shared.folds.fold(k)
        yield call(tasks[k], *settings, k, training=training, part=part)


def _watched_fold(task, *arguments, **shared):
    with task:
        return _score_fold(*arguments, **shared)


def _score_fold(
    problem, scoring, y_ndim, keep, k, *, training=None, part=None, kernel=None
):
    solved = solve_fold(problem, k, training=training, kernel=kernel)
    if not solved.converged:
        warnings.warn(
            f"The Krylov solver did not converge on the training set of fold {k}.",
            ConvergenceWarning,
            stacklevel=2,
        )
    test, predictions = problem.test(k), solved.predictions
    wide = problem.X.shape[1] >= len(test)
    if predictions is None and (part is None or wide or scoring.scorer is not None):
        predictions = solved.model.predict(problem.rows(test))
    if predictions is None:
        errors = held_out_errors(problem, k, solved.model, part)
    else:
        errors = problem.mean_square(k, problem.y[test] - predictions)
    if scoring.scorer is None:
        scores = _r2(errors, problem.y[test], problem.weights(test))
        scores = scores if scoring.per_target else scores.mean(axis=1, keepdims=True)
    else:
        scores = _scored(problem, scoring, y_ndim, test, predictions)
    kept = _smaller(solved, predictions) if keep else None
    return FoldScores(scores, errors.mean(axis=1), kept)


def _smaller(solved, predictions):
    if predictions is not None and (
        solved.model is None or predictions.size <= solved.model.coefs.size
    ):
        return SolvedFold(None, predictions)
    return SolvedFold(solved.model, None)


def _r2(errors, y, weights):
    """R^2 of mean squared errors; one where both these and the variance are zero, zero
    where the variance alone is, NaN for one row: as in scikit-learn.
    """
    if len(y) < 2:
        message = "R^2 score is not well-defined with less than two samples."
        warnings.warn(message, UndefinedMetricWarning, stacklevel=2)
        return np.full(errors.shape, np.nan)
    variance = np.average((y - np.average(y, axis=0, weights=weights)) ** 2, 0, weights)
    constant = variance == 0.0
    shares = errors / np.where(constant, 1.0, variance)
    return np.where(constant, np.where(errors == 0.0, 1.0, 0.0), 1.0 - shares)


def _scored(problem, scoring, y_ndim, test, predictions):
    """What the scorer says of the predictions of the test rows."""
    y = problem.y[test]
    params = {name: _rows(value, test, problem) for name, value in scoring.params.items()}
    return score_predictions(
        scoring.scorer,
        predictions,
        problem.rows(test),
        y[:, 0] if y_ndim == 1 else y,
        params,
        per_target=scoring.per_target,
    )


def _rows(value, rows, problem):
    """The entries of a parameter that has one per row."""
    per_row = np.ndim(value) > 0 and len(value) == len(problem.y)
    return np.asarray(value)[rows] if per_row else value


def _out_of_fold(problem, solved, best):
    """Predictions at alpha best[t] of target t; means over the folds that hold a row out,
    NaN where none does.
    """
    total, count = np.zeros(problem.y.shape), np.zeros((len(problem.y), 1))
    for k, fold in enumerate(solved):
        test, predictions = problem.test(k), fold.predictions
        if predictions is None:
            coefs = fold.model.coefs[best, np.arange(len(best))]
            model = fold.model._replace(coefs=coefs[None])
            predictions = model.predict(problem.rows(test))[0]
        else:
            predictions = at_targets(predictions, best)
        np.add.at(total, test, predictions)
        np.add.at(count, test, 1.0)
    with np.errstate(invalid="ignore"):
        return total / count
