"""Correlations of chosen columns with the residual."""

from skreg._compile import jit
from skreg._kernels.design import column_dot


@jit
def correlate(design, features, state, gradient):
    """gradient[j] <- column_dot(design, j, state) for j in `features`."""
    for position in range(features.size):
        j = features[position]
        gradient[j] = column_dot(design, j, state)
