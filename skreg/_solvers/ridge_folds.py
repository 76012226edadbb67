"""Ridge regression of the training set of every fold, at many strengths.

Work that folds share is done once. With more rows than features that is one `Moments` per
fold: training sets are sums of the other folds, and the error on a fold follows from the
fold's own moments. With more features than rows it is the matrix of products of all rows,
of which every fold takes a part and centres it anew. Then one eigendecomposition per fold
serves all strengths and targets. What neither way does accurately, or affordably, is
solved from the rows of its training set.
"""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from skreg._kernels.design import is_sparse
from skreg._solvers.fold_moments import as_slice
from skreg._solvers.ridge import is_direct
from skreg._solvers.sample import (
    centred_tile,
    make_kernel_matrix,
    make_sample,
    standard_scale,
)
from skreg._solvers.spectrum import ridge_path, spectrum_of_kernel, spectrum_of_moments

# Centring a part of a matrix that is centred as a whole costs digits beyond this.
RECENTRED = 1e-3
# A held-out error below this share of what it is the difference of is taken from residuals.
CANCELLED = 1e-6


@dataclass(frozen=True)
class FoldProblem:
    """The rows, the folds and the strengths.

    Attributes
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
    y : ndarray of shape (n_samples, n_targets)
    weight : ndarray of shape (n_samples,) or None
    folds : list of (train, test)
        Row indices.
    alphas : ndarray of shape (n_alphas,)
        Strengths of the sum objective: l2 times the sum of the weights of the training set.
    fit_intercept, standardize : bool
    """

    X: Any
    y: np.ndarray
    weight: np.ndarray | None
    folds: list
    alphas: np.ndarray
    fit_intercept: bool
    standardize: bool

    def weights(self, rows):
        """Weights of some rows, or None."""
        return None if self.weight is None else self.weight[rows]

    def sample(self, rows):
        """The sample of some rows."""
        X, y, weights = self.rows(rows), self.y[rows], self.weights(rows)
        return make_sample(X, y, weights, self.fit_intercept, self.standardize)

    def rows(self, rows):
        """Some rows of X; without a copy if they are consecutive."""
        return self.X[as_slice(rows)]

    def mean_square(self, k, residual):
        """Weighted means over the test rows of fold k, the last axis but one."""
        return np.average(np.square(residual), axis=-2, weights=self.weights(self.test(k)))

    def test(self, k):
        """The rows held out by fold k."""
        return self.folds[k][1]

    def test_weights(self):
        """Sums of the weights of the test rows of every fold."""
        weight = np.ones(len(self.y)) if self.weight is None else self.weight
        return np.array([weight[test].sum() for _, test in self.folds])

    def at(self, alphas):
        """The same at some of the strengths."""
        return replace(self, alphas=self.alphas[alphas])


class FoldModel(NamedTuple):
    """The linear models of one training set."""

    coefs: np.ndarray  # (n_alphas, n_targets, n_features), of X as it is
    X_mean: np.ndarray
    y_mean: np.ndarray

    def predict(self, X):
        """Predictions of shape (n_alphas, n_rows, n_targets)."""
        coefs = self.coefs.reshape(-1, self.coefs.shape[-1])
        if is_sparse(X):
            found = X @ coefs.T - coefs @ self.X_mean
        else:
            found = centred_tile(X, self.X_mean, True) @ coefs.T
        found = found.reshape(X.shape[0], *self.coefs.shape[:2])
        return np.moveaxis(found, 1, 0) + self.y_mean

    def at(self, alphas):
        """The models at some of the strengths."""
        return self._replace(coefs=self.coefs[alphas])


class SolvedFold(NamedTuple):
    """The models of one training set, or their predictions of the test rows."""

    model: FoldModel | None
    predictions: np.ndarray | None  # (n_alphas, n_test, n_targets)
    converged: bool = True


def plan_folds(problem, sample):
    """How the training sets are solved: from shared 'moments', a shared 'kernel', or not.

    Parameters
    ----------
    problem : FoldProblem
    sample : Sample
        All rows.

    Returns
    -------
    {'moments', 'kernel', 'rows'}
    """
    n_samples, n_features = sample.X.shape
    if not is_direct(sample.X):
        return "rows"
    if n_features >= max(len(train) for train, _ in problem.folds):
        return "rows" if problem.standardize else "kernel"
    # About zero, moments do not tell the standard deviations.
    known = problem.fit_intercept or not problem.standardize
    shared = known and is_partition(problem.folds, n_samples)
    return "moments" if shared else "rows"


def is_partition(folds, n_samples):
    """Whether every row is held out once, and every fold trained on all other rows."""
    if len(folds) < 2:
        return False
    held_out = np.concatenate([test for _, test in folds])
    if not np.array_equal(np.sort(held_out), np.arange(n_samples)):
        return False
    return all(
        np.all(np.bincount(np.concatenate(fold), minlength=n_samples) == 1)
        for fold in folds
    )


def shared_kernel(sample):
    """Products of all centred rows, without weights."""
    return make_kernel_matrix(replace(sample, weights=None)) * sample.X.shape[0]


def solve_fold(problem, k, *, training=None, kernel=None):
    """The models of the training set of fold k at every strength.

    Parameters
    ----------
    problem : FoldProblem
    k : int
    training : Moments, optional
        Of the training set.
    kernel : ndarray, optional
        From :func:`shared_kernel`.

    Returns
    -------
    SolvedFold
    """
    if training is not None:
        model = _from_moments(problem, training)
        if model is not None:
            return SolvedFold(model, None)
    if kernel is not None:
        predictions = _from_kernel(problem, k, kernel)
        if predictions is not None:
            return SolvedFold(None, predictions)
    sample = problem.sample(problem.folds[k][0])
    coefs, converged = ridge_path(sample, problem.alphas / sample.weight_sum)
    X_mean = sample.X_mean + sample.shift
    model = FoldModel(sample.original(coefs), X_mean, sample.y_mean)
    return SolvedFold(model, None, converged)


def _from_moments(problem, training):
    scale, moments = 1.0, training
    if problem.standardize:
        scale = standard_scale(np.diag(training.gram))
        moments = training.scaled(scale)
    l2 = problem.alphas / training.weight_sum
    spectrum = spectrum_of_moments(moments, l2.min())
    if spectrum is None:
        return None
    coefs = spectrum.coefs(None, l2) / scale
    return FoldModel(coefs, training.X_mean, training.y_mean)


def _from_kernel(problem, k, kernel):
    """Predictions of the test rows; the part of the kernel is centred by algebra.

    With weights w of sum one and the mean m = sum_t w_t x_t of the training rows,
    (x_s - m)'(x_t - m) = x_s'x_t - x_s'm - m'x_t + m'm.
    """
    train, test = problem.folds[k]
    weights = problem.weights(train)
    total = float(len(train)) if weights is None else weights.sum()
    w = np.full(len(train), 1.0 / total) if weights is None else weights / total
    own, cross = kernel[np.ix_(train, train)], kernel[np.ix_(test, train)]
    y_mean = np.zeros(problem.y.shape[1])
    if problem.fit_intercept:
        along = own @ w
        centred = own - along - along[:, None] + w @ along
        if np.trace(centred) < RECENTRED * np.trace(own):
            return None
        cross = cross - along - (cross @ w)[:, None] + w @ along
        own, y_mean = centred, w @ problem.y[train]
    roots = np.sqrt(w)
    goal = (problem.y[train] - y_mean) * roots[:, None]
    l2 = problem.alphas / total
    intercept = roots if problem.fit_intercept else None
    spectrum = spectrum_of_kernel(own * roots * roots[:, None], goal, intercept, l2.min())
    if spectrum is None:
        return None
    dual = np.tensordot(spectrum.left, spectrum.shrunk(l2), axes=1)
    found = np.tensordot(cross * roots, dual, axes=1)
    return np.moveaxis(found, 1, 0) + y_mean


def held_out_errors(problem, k, model, part):
    """Mean squared errors on the test rows of fold k, from their moments.

    Where what is left is a small share of the terms it is the difference of, it is taken
    from residuals.

    Parameters
    ----------
    problem : FoldProblem
    k : int
    model : FoldModel
    part : Moments
        Of the test rows.

    Returns
    -------
    ndarray of shape (n_alphas, n_targets)
    """
    coefs = model.coefs
    distance = part.X_mean - model.X_mean
    offset = part.y_mean - model.y_mean - coefs @ distance
    cross = np.einsum("atp,pt->at", coefs, part.correlation)
    square = np.einsum("atp,atp->at", coefs @ part.gram, coefs)
    errors = part.y_norm2 - 2.0 * cross + square + offset**2
    sizes = np.abs(coefs)
    largest = sizes @ np.sqrt(np.diag(part.gram)) + sizes @ np.abs(distance)
    terms = part.y_norm2 + (part.y_mean - model.y_mean) ** 2 + largest**2
    lost = np.flatnonzero(np.any(~(errors > CANCELLED * terms), axis=1))
    if len(lost) > 0:
        test = problem.test(k)
        predictions = model.at(lost).predict(problem.rows(test))
        errors[lost] = problem.mean_square(k, problem.y[test] - predictions)
    return errors
