"""Linear models: each XxxCV beside its Xxx."""

from skreg.linear._elastic_net import ElasticNet, ElasticNetCV
from skreg.linear._lasso import Lasso, LassoCV
from skreg.linear._multitask_elastic_net import MultiTaskElasticNet, MultiTaskElasticNetCV
from skreg.linear._multitask_lasso import MultiTaskLasso, MultiTaskLassoCV
from skreg.linear._ridge import Ridge
from skreg.linear._ridge_cv import RidgeCV

__all__ = [
    "ElasticNet",
    "ElasticNetCV",
    "Lasso",
    "LassoCV",
    "MultiTaskElasticNet",
    "MultiTaskElasticNetCV",
    "MultiTaskLasso",
    "MultiTaskLassoCV",
    "Ridge",
    "RidgeCV",
]
