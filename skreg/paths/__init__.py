"""Paths: the same problem at many alphas, and the choice among them."""

from skreg.paths.path import enet_path, lasso_path

__all__ = ["enet_path", "lasso_path"]
