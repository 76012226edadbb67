"""A path on the original scale of X: coefficients of the features that are ever used."""

from typing import NamedTuple

import numpy as np

from skreg._kernels.design import is_sparse
from skreg._solvers.relaxed import relax
from skreg._solvers.results import PathResult
from skreg._solvers.sample import standard_scale


class FittedPath(NamedTuple):
    """Solutions at every alpha, and their unpenalised refits if asked for."""

    result: PathResult  # without coefficients
    n_features: int
    features: np.ndarray  # with a coefficient that is not zero at one alpha or more
    coefs: np.ndarray  # (n_targets, n_alphas, len(features))
    intercepts: np.ndarray  # (n_targets, n_alphas)
    relaxed: tuple | None  # (coefs, intercepts) of the refits

    def at(self, mixing):
        """(coefs, intercepts) of `mixing` times the path plus the rest of the refits."""
        if mixing == 1.0 or self.relaxed is None:
            return self.coefs, self.intercepts
        pairs = zip((self.coefs, self.intercepts), self.relaxed, strict=True)
        return tuple(mixing * path + (1.0 - mixing) * refit for path, refit in pairs)

    def first(self, count):
        """The path at its first `count` alphas."""
        relaxed = self.relaxed and tuple(part[:, :count] for part in self.relaxed)
        coefs, intercepts = self.coefs[:, :count], self.intercepts[:, :count]
        return self._replace(coefs=coefs, intercepts=intercepts, relaxed=relaxed)

    def all_coefs(self, mixing):
        """Coefficients of all features, shape (n_targets, n_alphas, n_features)."""
        coefs = np.zeros((*self.intercepts.shape, self.n_features))
        coefs[:, :, self.features] = self.at(mixing)[0]
        return coefs

    def support_size(self):
        """Number of features with a coefficient that is not zero, at every alpha."""
        return np.any(self.coefs != 0.0, axis=0).sum(axis=-1)

    def predict(self, X, rows, mixing, which=slice(None)):
        """Predictions for some rows of X, shape (n_targets, n_alphas, n_rows).

        `which` are the alphas.
        """
        coefs, intercepts = self.at(mixing)
        block = entries(X, rows, self.features)
        chosen = intercepts[:, which]
        flat = coefs[:, which].reshape(chosen.size, len(self.features))
        fitted = (block @ flat.T).T.reshape(*chosen.shape, block.shape[0])
        return fitted + chosen[:, :, None]


def entries(X, rows, features):
    """Some rows and columns of X; `rows` is a slice or an array of int."""
    if len(features) == X.shape[1]:
        return X[rows]
    if is_sparse(X) or isinstance(rows, slice):
        return X[rows][:, features]
    return X[np.ix_(rows, features)]


def fit_sample(solver, sample, penalty, alphas, refit, **known):
    """Solve on a :class:`~skreg._solvers.sample.Sample`.

    Parameters
    ----------
    solver : EachTarget or AllTargets
    sample : Sample
    penalty : skreg.penalties.Penalty
    alphas : ndarray
    refit : callable or None
        :func:`refit_targets`, or what is like it.
    **known : dict
        `moments`, `start` of the solver.

    Returns
    -------
    FittedPath
    PathResult
        With coefficients as they were solved: of the standardized columns, if they are.
    """
    result = solver.on_sample(sample, penalty, alphas, **known)
    refits = None if refit is None else refit(result.coefs, sample, known.get("moments"))
    return _fitted(result, refits, sample.original, sample.intercept), result


def fit_moments(solver, moments, penalty, alphas, refit, *, standardize, make_sample):
    """The same where only the moments are known; a :class:`FittedPath`."""
    scale = standard_scale(np.diag(moments.gram)) if standardize else None
    known = moments if scale is None else moments.scaled(scale)
    result = solver.on_moments(known, penalty, alphas, make_sample)
    refits = None if refit is None else refit(result.coefs, None, known)

    def original(coefs):
        return coefs if scale is None else coefs / scale

    return _fitted(result, refits, original, known.intercept)


def refit_targets(coefs, sample, moments, *, positive):
    """The refits of solutions of shape (n_targets, n_alphas, n_features)."""
    return np.stack(
        [
            relax(sample, some, moments=moments, target=k, positive=positive)
            for k, some in enumerate(coefs)
        ]
    )


def _fitted(result, refits, original, intercept):
    features = np.flatnonzero(np.any(result.coefs != 0.0, axis=(0, 1)))
    pair = None
    if refits is not None:
        pair = original(refits)[:, :, features], intercept(refits)
    return FittedPath(
        result._replace(coefs=np.empty(0)),
        result.coefs.shape[2],
        features,
        original(result.coefs)[:, :, features],
        intercept(result.coefs),
        pair,
    )
