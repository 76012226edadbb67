"""Losses of a network's output: the value, and its gradient in place of the prediction.

The targets of a row are a vector y, one-hot for classes, and eta is the linear predictor
of the output layer. The loss of a row is the sum over its outputs; the data term of the
objective is the weighted mean over rows. Everything is computed in float64 and the
gradient stored in the dtype of the network.
"""

from typing import NamedTuple

import numpy as np

from skreg._compile import dispatched


class CrossEntropy(NamedTuple):
    """-sum_k y_k log p_k with p = softmax(eta); y mixed with 1 / K by label smoothing."""

    label_smoothing: float = 0.0


class BinaryCrossEntropy(NamedTuple):
    """-y log p - (1 - y) log(1 - p), p = logistic(eta); y mixed with 1/2 by smoothing."""

    label_smoothing: float = 0.0


class SquaredError(NamedTuple):
    """(y - eta)^2 / 2."""


class Huber(NamedTuple):
    """r^2 / 2 where |r| <= delta, else delta (|r| - delta / 2), with r = y - eta."""

    delta: float = 1.0


class Poisson(NamedTuple):
    """Half the deviance: y log y - y - y eta + exp(eta)."""


class Quantile(NamedTuple):
    """Pinball: level r where r > 0, else (level - 1) r, with r = y - eta."""

    level: float = 0.5


@dispatched(strict=True)
def output_gradient(loss, eta, target, weight, scale):
    """Sum of weight_i loss_i; eta becomes scale weight_i d loss_i / d eta."""


@dispatched(strict=True)
def value_and_slope(loss, y, eta):
    """Loss of one output of one row, and its derivative in eta."""


def _separable_gradient(loss, eta, target, weight, scale):
    total = 0.0
    for i in range(eta.shape[0]):
        row = 0.0
        for k in range(eta.shape[1]):
            value, slope = value_and_slope(loss, float(target[i, k]), float(eta[i, k]))
            row += value
            eta[i, k] = scale * weight[i] * slope
        total += weight[i] * row
    return total


def _softmax_gradient(loss, eta, target, weight, scale):
    n_classes = eta.shape[1]
    total = 0.0
    for i in range(eta.shape[0]):
        largest = float(eta[i, 0])
        for k in range(1, n_classes):
            largest = max(largest, float(eta[i, k]))
        mass = 0.0
        for k in range(n_classes):
            mass += np.exp(eta[i, k] - largest)
        log_mass = largest + np.log(mass)
        row = 0.0
        for k in range(n_classes):
            y = (1.0 - loss.label_smoothing) * target[
                i, k
            ] + loss.label_smoothing / n_classes
            log_p = eta[i, k] - log_mass
            row -= y * log_p
            eta[i, k] = scale * weight[i] * (np.exp(log_p) - y)
        total += weight[i] * row
    return total


def _binary_cross_entropy(loss, y, eta):
    y = (1.0 - loss.label_smoothing) * y + 0.5 * loss.label_smoothing
    small = np.exp(-abs(eta))
    p = (1.0 if eta >= 0.0 else small) / (1.0 + small)
    return max(eta, 0.0) - y * eta + np.log1p(small), p - y


def _squared_error(loss, y, eta):
    return 0.5 * (y - eta) * (y - eta), eta - y


def _huber(loss, y, eta):
    r = y - eta
    if abs(r) <= loss.delta:
        return 0.5 * r * r, -r
    return loss.delta * (abs(r) - 0.5 * loss.delta), -loss.delta if r > 0.0 else loss.delta


def _poisson(loss, y, eta):
    mu = np.exp(eta)
    constant = y * np.log(y) - y if y > 0.0 else 0.0
    return constant - y * eta + mu, mu - y


def _quantile(loss, y, eta):
    r = y - eta
    if r > 0.0:
        return loss.level * r, -loss.level
    return (loss.level - 1.0) * r, (1.0 - loss.level if r < 0.0 else 0.0)


for _loss, _function in (
    (BinaryCrossEntropy, _binary_cross_entropy),
    (SquaredError, _squared_error),
    (Huber, _huber),
    (Poisson, _poisson),
    (Quantile, _quantile),
):
    output_gradient.register(_loss, _separable_gradient)
    value_and_slope.register(_loss, _function)
output_gradient.register(CrossEntropy, _softmax_gradient)
