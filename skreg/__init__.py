"""skreg: regularized models with scikit-learn's interface, exact and certified."""

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
    SGDClassifier,
    SGDRegressor,
)
from skreg.mlp import MLPClassifier, MLPRegressor
from skreg.paths import enet_path, lasso_path

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
