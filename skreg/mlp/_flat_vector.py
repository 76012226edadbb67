"""Attributes that are views of one flat vector: stored once, and honoured when replaced."""

import numpy as np
from sklearn.base import BaseEstimator

from skreg._kernels.mlp_layers import Network
from skreg.mlp._network import coefs, intercepts


def _address(array):
    return array.__array_interface__["data"][0]


def _is_view(array, view):
    return (
        isinstance(array, np.ndarray)
        and array.shape == view.shape
        and array.dtype == view.dtype
        and array.strides == view.strides
        and _address(array) == _address(view)
    )


class FlatVector(BaseEstimator):
    """Base of estimators with `coefs_` and `intercepts_` in one vector `_params`."""

    _network: Network
    _params: np.ndarray

    def _show(self, params):
        """Make a flat vector the parameters that predict."""
        self._params = params
        self.coefs_ = coefs(self._network, params)
        self.intercepts_ = intercepts(self._network, params)

    def _pairs(self):
        """Name, attribute and view of every matrix and vector."""
        views = {
            "coefs_": coefs(self._network, self._params),
            "intercepts_": intercepts(self._network, self._params),
        }
        for name, expected in views.items():
            given = getattr(self, name)
            for layer, pair in enumerate(zip(given, expected, strict=True)):
                yield f"{name}[{layer}]", *pair

    def _is_intact(self):
        """Whether `coefs_` and `intercepts_` are the views they were made as."""
        return all(_is_view(given, view) for _, given, view in self._pairs())

    def _current(self):
        """The flat vector, with what has been assigned to `coefs_` or `intercepts_`."""
        if self._is_intact():
            return self._params
        parts = []
        for name, given, view in self._pairs():
            given = np.asarray(given, dtype=self._params.dtype)
            if given.shape != view.shape:
                raise ValueError(
                    f"{name} has shape {given.shape}; expected {view.shape}, as fitted."
                )
            parts.append(given.ravel())
        return np.concatenate(parts)

    def __getstate__(self):
        state = dict(super().__getstate__())
        if "_params" in state and self._is_intact():
            del state["coefs_"], state["intercepts_"]
        return state

    def __setstate__(self, state):
        super().__setstate__(state)
        if "_network" in state:  # not as memory maps, for which kernels are compiled anew
            self._network = Network(*(np.array(array) for array in self._network))
        if "_params" in state and "coefs_" not in state:
            self._show(self._params)


def check_layout(network, before):
    """Refuse to continue another network."""
    if not np.array_equal(network.units, before.units):
        raise ValueError(
            f"Training continues with layers of {before.units.tolist()} units, which "
            f"hidden_layer_sizes and y now make {network.units.tolist()}; set "
            "warm_start=False and call fit to start anew."
        )
