"""Constructor parameters: what each may be, which go together, what kernels get of them."""

import numpy as np
from sklearn.metrics import get_scorer_names

from skreg._kernels.mlp_optimizers import SGD, Adam, RMSprop
from skreg._validation import (
    BOOLEAN,
    NONE,
    RANDOM_STATE,
    VERBOSE,
    Rule,
    check_parameters,
    choice,
    integer,
    real,
)
from skreg.exceptions import InvalidParameter, invalid_parameter
from skreg.mlp._network import ACTIVATIONS
from skreg.mlp._optimizers import make_noise, make_regularization
from skreg.mlp._schedules import Schedule

SHARE = Rule(
    lambda value: real(0.0, 1.0).accepts(value) and value < 1.0,
    "a float in the range [0, 1)",
)
INFINITY = Rule(lambda value: isinstance(value, float) and value == np.inf, "inf")
POSITIVE = real(0.0, low_open=True)


def _is_sequence(value):
    return not isinstance(value, (str, bytes, dict)) and np.ndim(value) == 1


def per_layer(rule, layers):
    """One value, or a sequence with one for each of the `layers`."""
    return rule | Rule(
        lambda value: _is_sequence(value) and all(rule.accepts(one) for one in value),
        f"a sequence of such, one per {layers}",
    )


SIZES = integer(1) | Rule(
    lambda value: _is_sequence(value) and all(integer(1).accepts(one) for one in value),
    "an array-like of ints > 0",
)
RULES = {
    "hidden_layer_sizes": SIZES,
    "activation": per_layer(choice(*ACTIVATIONS), "hidden layer"),
    "solver": choice("lbfgs", "sgd", "adam", "rmsprop"),
    "alpha": per_layer(real(0.0), "matrix of weights"),
    "batch_size": choice("auto") | integer(1),
    "learning_rate": choice(
        "constant", "invscaling", "adaptive", "step", "cosine", "onecycle"
    ),
    "learning_rate_init": POSITIVE,
    "power_t": real(0.0),
    "max_iter": integer(1),
    "shuffle": BOOLEAN,
    "random_state": RANDOM_STATE,
    "tol": real(0.0),
    "verbose": VERBOSE,
    "warm_start": BOOLEAN,
    "momentum": real(0.0, 1.0),
    "nesterovs_momentum": BOOLEAN,
    "early_stopping": BOOLEAN,
    "validation_fraction": SHARE,
    "beta_1": SHARE,
    "beta_2": SHARE,
    "epsilon": POSITIVE,
    "n_iter_no_change": integer(1)
    | Rule(lambda value: isinstance(value, float) and value == np.inf, "inf"),
    "max_fun": integer(1),
    "l1_ratio": real(0.0, 1.0),
    "alpha_scaling": choice("sum", "mean"),
    "weight_decay": real(0.0),
    "dropout": per_layer(SHARE, "hidden layer"),
    "input_dropout": SHARE,
    "dropout_noise": choice("bernoulli", "gaussian"),
    "input_noise": real(0.0),
    "mixup": real(0.0),
    "max_norm": NONE | POSITIVE,
    "clip_norm": NONE | POSITIVE,
    "average_decay": SHARE,
    "step_every": integer(1),
    "step_factor": real(0.0, 1.0, low_open=True),
    "rmsprop_decay": SHARE,
    "dtype": NONE | choice("float32", "float64"),
    "scoring": NONE
    | Rule(
        lambda value: (
            callable(value) or (isinstance(value, str) and value in get_scorer_names())
        ),
        "a callable or a str of sklearn.metrics.get_scorer_names()",
    ),
    "monitor_training": BOOLEAN,
    "refit": BOOLEAN,
}
# What draws at random, or changes weights outside of the objective; off at these values.
NOT_FOR_LBFGS = {
    "weight_decay": 0.0,
    "dropout": 0.0,
    "input_dropout": 0.0,
    "input_noise": 0.0,
    "mixup": 0.0,
    "max_norm": None,
    "clip_norm": None,
    "average_decay": 0.0,
}


def hidden_sizes(model):
    """hidden_layer_sizes as a list."""
    sizes = model.hidden_layer_sizes
    return [int(size) for size in (sizes if np.ndim(sizes) else [sizes])]


def check_settings(model, rules):
    """Raise at the first parameter, or combination of them, that makes no sense."""
    owner = type(model).__name__
    check_parameters(owner, {name: getattr(model, name) for name in rules}, rules)
    n_hidden = len(hidden_sizes(model))
    _check_length(owner, "activation", model.activation, n_hidden)
    _check_length(owner, "dropout", model.dropout, n_hidden)
    _check_length(owner, "alpha", model.alpha, n_hidden + 1)
    if n_hidden == 0:
        _check_without_hidden(model)
    if model.solver == "lbfgs":
        _check_lbfgs(model)
    if model.refit:
        _check_refit(model)


def _check_length(owner, name, value, length):
    if not isinstance(value, str) and np.ndim(value) == 1 and len(value) != length:
        expected = f"one value or a sequence of length {length}"
        raise invalid_parameter(owner, name, value, expected)


def _is_off(value, off):
    return value is None or bool(np.all(np.asarray(value) == off))


def _check_without_hidden(model):
    if not _is_off(model.dropout, 0.0):
        raise InvalidParameter(
            f"dropout={model.dropout!r} drops hidden units, and hidden_layer_sizes=() has "
            "none; use input_dropout."
        )
    if model.max_norm is not None:
        raise InvalidParameter(
            f"max_norm={model.max_norm!r} bounds the weights into hidden units, and "
            "hidden_layer_sizes=() has none; use alpha."
        )


def _check_lbfgs(model):
    for name, off in NOT_FOR_LBFGS.items():
        value = getattr(model, name)
        if not _is_off(value, off):
            raise InvalidParameter(
                f"{name}={value!r} is a part of minibatch training, which solver='lbfgs' "
                "does not do; use solver='adam', 'sgd' or 'rmsprop'."
            )


def _check_refit(model):
    """What repeats training as it was with fewer rows needs a split, and a start."""
    if not model.early_stopping or model.solver == "lbfgs":
        raise InvalidParameter(
            "refit=True repeats the best epochs of early_stopping=True, which is off or "
            "not a part of solver='lbfgs'."
        )
    if model.warm_start:
        raise InvalidParameter(
            "refit=True begins anew and warm_start=True continues; set one of them."
        )
    if schedule_of(model).name == "adaptive":
        raise InvalidParameter(
            "refit=True has no held out rows for learning_rate='adaptive' to follow; use "
            "'constant', 'step' or 'cosine'."
        )


def check_validation_settings(model):
    """Refuse settings that have no use for rows to validate on."""
    if model.solver == "lbfgs":
        raise ValueError(
            "X_val is for the epochs of minibatch training, which solver='lbfgs' does "
            "not have; use solver='adam', 'sgd' or 'rmsprop'."
        )
    if model.refit:
        raise ValueError(
            "refit=True adds the rows that early_stopping held out of X; X_val is not "
            "among them. Leave X_val out, or set refit=False."
        )


def optimizer_of(model):
    """The optimizer's kernel tuple."""
    if model.solver == "sgd":
        return SGD(float(model.momentum), bool(model.nesterovs_momentum))
    if model.solver == "rmsprop":
        return RMSprop(float(model.rmsprop_decay), float(model.epsilon))
    return Adam(float(model.beta_1), float(model.beta_2), float(model.epsilon))


def regularization_of(model, sum_of_weights):
    """The penalties' kernel tuple, for a training set with this sum of weights."""
    return make_regularization(
        len(hidden_sizes(model)) + 1,
        model.alpha,
        model.l1_ratio,
        sum_of_weights if model.alpha_scaling == "sum" else 1.0,
        weight_decay=model.weight_decay,
        max_norm=np.inf if model.max_norm is None else model.max_norm,
        clip_norm=np.inf if model.clip_norm is None else model.clip_norm,
    )


def noise_of(model):
    """What is random in a training step."""
    return make_noise(
        len(hidden_sizes(model)) + 1,
        model.dropout,
        model.input_dropout,
        gaussian=model.dropout_noise == "gaussian",
        input_noise=model.input_noise,
    )


def schedule_of(model):
    """How the learning rate changes; in scikit-learn two ways are for SGD only."""
    name = model.learning_rate
    if model.solver == "adam" and name in ("invscaling", "adaptive"):
        name = "constant"
    return Schedule(
        name,
        float(model.learning_rate_init),
        float(model.power_t),
        int(model.max_iter),
        int(model.step_every),
        float(model.step_factor),
    )
