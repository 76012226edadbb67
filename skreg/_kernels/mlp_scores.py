"""The loss of predictions that are there already."""

from skreg._compile import jit
from skreg._kernels.mlp_losses import output_gradient


@jit
def summed_loss(loss, eta, target, weight):
    """sum_i weight_i loss_i; eta is overwritten."""
    return output_gradient(loss, eta, target, weight, 0.0)
