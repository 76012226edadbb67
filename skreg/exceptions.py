"""Errors and warnings of skreg, and their texts: what was got, expected, and the remedy."""

import inspect
import warnings

from sklearn.exceptions import ConvergenceWarning

__all__ = ["ConvergenceWarning", "InvalidParameter"]


class InvalidParameter(ValueError, TypeError):
    """A constructor parameter of an estimator has a wrong value or type."""


def invalid_parameter(owner, name, got, expected):
    """The error for a parameter; `owner` is the estimator or function it belongs to."""
    return InvalidParameter(
        f"The {name!r} parameter of {owner} must be {expected}. Got {got!r} instead."
    )


def start_mismatch(name, got, shape):
    """What to say of coefficients to start from that have another shape than the data."""
    expected = f"{shape[1:]} or {shape}" if shape[0] == 1 else f"{shape}"
    return (
        f"Provided {name} does not match dataset: {name} has shape {got}; expected "
        f"{expected} for this X and y."
    )


NON_FINITE_COEF = (
    "Coordinate descent iterations resulted in non-finite parameter values. The input "
    "data may contain large values (squares beyond 1e308) and need to be preprocessed; "
    "sklearn.preprocessing.StandardScaler is one way."
)

ALPHA_ZERO = (
    "With alpha=0, this algorithm does not converge well. You are advised to use the "
    "LinearRegression estimator (skreg solves it directly: the least squares solution "
    "of smallest norm, or coordinate descent when positive=True)."
)

GRAM_RECOMPUTED = (
    "Gram matrix was provided but X was centered to fit intercept: recomputing Gram "
    "matrix. Centre X (with the sample weights) before computing the Gram matrix, or "
    "set fit_intercept=False."
)

NO_SVD_OF_SPARSE = (
    "The 'svd' mode is not supported for sparse X, we fallback to `gcv_mode='eigen'`, as "
    "scikit-learn 1.9 does; it will be an error there in 1.11. Use the default or pass "
    "`gcv_mode='eigen'`."
)

WEIGHTS_NOT_SCORED = (
    "The scoring {} does not support sample_weight, which may lead to statistically "
    "incorrect results when fitting {} with sample_weight. "
)


def warn_not_converged(alpha, gap, target, max_iter, stacklevel=3):
    """Warn, scikit-learn's sentence first, that the gap is above what was asked for."""
    warnings.warn(
        "Objective did not converge. You might want to increase the number of "
        f"iterations. alpha={alpha:.6g}: duality gap {gap:.3e} is above tol * ||y||^2 / "
        f"(2 n) = {target:.3e}. Remedies: a larger max_iter (now {max_iter}) or tol, "
        "scaled features, a larger alpha.",
        ConvergenceWarning,
        stacklevel=stacklevel,
    )


def warn_caller(text, category):
    """Warn where skreg (or what wraps its methods) was called from, however deep we are."""
    level, frame = 1, inspect.currentframe()
    while frame is not None and _is_inside(frame.f_globals.get("__name__", "")):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, category, stacklevel=level)


def _is_inside(module):
    return module.split(".")[0] in ("skreg", "sklearn")


NEGATIVE_POWER = (
    "Negative values for `power_t` are deprecated, as in scikit-learn: learning rates "
    "would grow with the rows. Use a value in the range [0.0, inf)."
)

STREAM_NOT_CONVERGED = (
    "Maximum number of iteration reached before convergence. Consider increasing max_iter "
    "to improve the fit."
)


def stream_diverged(epoch, where, rate):
    """What to say of a row whose loss is not finite."""
    return (
        f"Floating-point under-/overflow occurred at epoch #{epoch}: the loss {where}is "
        f"not finite at learning rate {rate:.3g}. Remedies: a smaller eta0. Scaling input "
        "data with StandardScaler or MinMaxScaler might help."
    )


def stream_clipped(epoch, n_rows, rate):
    """What to say where slopes were so steep that they were clipped."""
    return (
        f"The model diverges: in epoch {epoch} the slope of the loss was clipped to 1e12 "
        f"{n_rows} times at learning rate {rate:.3g}. Remedies: a smaller eta0, or "
        "features on one scale (StandardScaler or MinMaxScaler)."
    )


NON_FINITE_WEIGHTS = (
    "Solver produced non-finite parameter weights. The input data may contain large "
    "values and need to be preprocessed."
)


def warn_lbfgs(n_iter, message, max_iter):
    """Warn as scikit-learn: which limit stopped L-BFGS, and what to do."""
    warn_caller(
        f"lbfgs failed to converge after {n_iter} iteration(s): {message}. You might want "
        f"to increase max_iter (now {max_iter}), max_fun or tol, or scale the data "
        "(sklearn.preprocessing.StandardScaler).",
        ConvergenceWarning,
    )


def warn_epochs(max_iter):
    """Warn as scikit-learn that the last epoch was not the end."""
    warn_caller(
        f"Stochastic Optimizer: Maximum iterations ({max_iter}) reached and the "
        "optimization hasn't converged yet.",
        ConvergenceWarning,
    )


def diverged(epoch, rate):
    """What to say of an epoch that ended in numbers that are not finite."""
    return (
        f"Training diverged in epoch {epoch} at learning rate {rate:.3g}. Remedies: a "
        "smaller learning_rate_init, clip_norm, scaled features."
    )
