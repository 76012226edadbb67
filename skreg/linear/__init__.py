"""Linear models: each XxxCV beside its Xxx."""

from skreg.linear._elastic_net import ElasticNet, ElasticNetCV
from skreg.linear._lasso import Lasso, LassoCV

__all__ = ["ElasticNet", "ElasticNetCV", "Lasso", "LassoCV"]
