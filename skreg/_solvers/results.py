"""What solvers return: one solution, and the solutions at many alphas."""

from typing import NamedTuple

import numpy as np


class PathResult(NamedTuple):
    """Solutions of one problem at many alphas, for each target on its own."""

    alphas: np.ndarray  # (n_alphas,)
    coefs: np.ndarray  # (n_targets, n_alphas, n_features), float64
    dual_gaps: np.ndarray  # (n_targets, n_alphas), absolute, of the mean objective
    null_objectives: np.ndarray  # (n_targets,), objective of the intercept-only model
    n_iters: np.ndarray  # (n_targets, n_alphas), rounds or epochs; 1 for direct solvers
    converged: np.ndarray  # (n_targets, n_alphas)


class Stop(NamedTuple):
    """When to stop at one alpha."""

    gap: float  # of coordinate descent
    exact_gap: float  # an exact solution is accepted up to this gap: rounding
    max_iter: int


class Step(NamedTuple):
    """The solution at one alpha."""

    coef: np.ndarray
    gap: float
    n_iter: int
    done: bool = True  # False: the exact method gave up here
