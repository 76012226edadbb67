"""Parameters of the SGD classes: their rules, and what the solver is told."""

import numpy as np

from skreg._solvers.streaming import KINDS, Settings
from skreg._validation import (
    ARRAY,
    BOOLEAN,
    NONE,
    RANDOM_STATE,
    VERBOSE,
    Rule,
    check_alphas,
    check_parameters,
    choice,
    integer,
    real,
)
from skreg.exceptions import NEGATIVE_POWER, invalid_parameter, warn_caller

SHARE = Rule(
    lambda value: real(0, 1, low_open=True).accepts(value) and value < 1,
    "a float in the range (0, 1)",
)
RULES = {
    "penalty": choice("l2", "l1", "elasticnet") | NONE,
    "alpha": real(0) | ARRAY,
    "l1_ratio": real(0, 1) | NONE,
    "fit_intercept": BOOLEAN,
    "max_iter": integer(1),
    "tol": real(0) | NONE,
    "shuffle": BOOLEAN,
    "verbose": VERBOSE,
    "epsilon": real(0),
    "random_state": RANDOM_STATE,
    "learning_rate": choice(*KINDS),
    "eta0": real(0, low_open=True),
    "power_t": real(-np.inf),
    "early_stopping": BOOLEAN,
    "validation_fraction": SHARE,
    "n_iter_no_change": integer(1),
    "warm_start": BOOLEAN,
    "average": BOOLEAN | integer(1),
    "solver": choice("sgd", "adagrad", "ftrl"),
    "beta": real(0, low_open=True),
    "quantile": SHARE,
    "standardize": BOOLEAN,
}
L1_SHARES = {"l1": 1.0, "l2": 0.0}


def check_settings(model):
    """Refuse parameters that are wrong, and those that do not go together."""
    name = type(model).__name__
    check_parameters(name, vars(model), {**RULES, **model._rules})
    if np.ndim(model.alpha) > 1:
        expected = "a float or a sequence of floats"
        raise invalid_parameter(name, "alpha", model.alpha, expected)
    alphas = check_alphas(np.atleast_1d(model.alpha))
    if model.penalty == "elasticnet" and model.l1_ratio is None:
        raise ValueError("l1_ratio must be set when penalty is 'elasticnet'")
    if model.standardize and model.solver != "ftrl":
        raise ValueError(
            f"standardize=True needs solver='ftrl', which learns the scales of columns as "
            f"rows come; got solver={model.solver!r}. Or scale X before: "
            "StandardScaler(with_mean=False) has a partial_fit."
        )
    if model.power_t < 0.0:
        warn_caller(NEGATIVE_POWER, FutureWarning)
    if model.solver != "sgd":
        if model.average:
            raise ValueError(
                f"average={model.average!r} needs solver='sgd': with "
                f"solver={model.solver!r} columns have learning rates of their own, by "
                "which weights settle."
            )
    elif model.learning_rate == "optimal" and np.any(alphas == 0.0):
        raise ValueError(
            "alpha must be > 0 since learning_rate is 'optimal'. alpha is used to "
            "compute the optimal learning rate."
        )
    elif model.learning_rate in ("pa1", "pa2") and model.loss != model._passive_loss:
        raise ValueError(
            f"Learning rate '{model.learning_rate}' only works with loss "
            f"'{model._passive_loss}'."
        )


def settings_of(model, loss, models):
    """What the solver is told.

    Parameters
    ----------
    model : SGDClassifier or SGDRegressor
    loss : NamedTuple
    models : Models
        All outputs at the first alpha, then at the second, ...

    Returns
    -------
    Settings
    """
    alphas = np.atleast_1d(np.asarray(model.alpha, dtype=np.float64))
    alpha = np.repeat(alphas, len(models.positive) // len(alphas))
    l1_ratio = L1_SHARES.get(model.penalty, model.l1_ratio)
    strength = np.zeros_like(alpha) if model.penalty is None else alpha
    l1_ratio = 0.0 if model.penalty is None else float(l1_ratio)
    return Settings(
        model.solver,
        loss,
        models,
        strength * l1_ratio,
        strength * (1.0 - l1_ratio),
        alpha,
        model.learning_rate,
        float(model.eta0),
        float(model.power_t),
        float(model.beta),
        int(model.average),
        bool(model.standardize),
    )


def kind_of(model):
    """What may not change between calls of partial_fit."""
    return {
        "solver": model.solver,
        "average": bool(model.average),
        "standardize": bool(model.standardize),
        "number of alphas": np.size(model.alpha),
    }
