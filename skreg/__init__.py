"""skreg: regularized models with scikit-learn's interface, exact and certified."""

from importlib import import_module
from typing import TYPE_CHECKING

from skreg.linear import (
    ElasticNet,
    ElasticNetCV,
    Lasso,
    LassoCV,
    MultiTaskElasticNet,
    MultiTaskElasticNetCV,
    MultiTaskLasso,
    MultiTaskLassoCV,
    Ridge,
    RidgeCV,
)
from skreg.paths import enet_path, lasso_path

if TYPE_CHECKING:
    from skreg.linear._sgd_classifier import SGDClassifier
    from skreg.linear._sgd_regressor import SGDRegressor
    from skreg.mlp import MLPClassifier, MLPRegressor

# Imported when they are first asked for: a third of the time of `import skreg`.
_LATER = {
    "MLPClassifier": "skreg.mlp",
    "MLPRegressor": "skreg.mlp",
    "SGDClassifier": "skreg.linear._sgd_classifier",
    "SGDRegressor": "skreg.linear._sgd_regressor",
}

__version__ = "0.1.0"

__all__ = [
    "ElasticNet",
    "ElasticNetCV",
    "Lasso",
    "LassoCV",
    "MLPClassifier",
    "MLPRegressor",
    "MultiTaskElasticNet",
    "MultiTaskElasticNetCV",
    "MultiTaskLasso",
    "MultiTaskLassoCV",
    "Ridge",
    "RidgeCV",
    "SGDClassifier",
    "SGDRegressor",
    "enet_path",
    "lasso_path",
]


def __getattr__(name):
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_LATER[name]), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__})
