"""Multilayer perceptrons with dropout and penalties."""

from skreg.mlp._classifier import MLPClassifier
from skreg.mlp._regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
