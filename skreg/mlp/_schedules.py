"""Learning rates: one per batch."""

from typing import NamedTuple

import numpy as np

# onecycle: rises in this part of the epochs, from the largest rate divided by the first
# number; falls to that divided by the second (Smith and Topin, Super-convergence, 2019).
WARM_UP, START_DIVISOR, END_DIVISOR = 0.3, 25.0, 1e4
# adaptive: divides by this, and stops below the smallest rate, as scikit-learn.
ADAPTIVE_DIVISOR, SMALLEST_RATE = 5.0, 1e-6


class Schedule(NamedTuple):
    """How the learning rate changes."""

    name: str
    rate: float  # learning_rate_init
    power_t: float = 0.5
    n_epochs: int = 200  # what cosine and onecycle are spread over
    step_every: int = 30  # epochs
    step_factor: float = 0.1


def _between(first, last, share):
    """From first to last along half a cosine."""
    return last + 0.5 * (first - last) * (1.0 + np.cos(np.pi * share))


def _onecycle(rate, share):
    low = rate / START_DIVISOR
    rising = _between(low, rate, share / WARM_UP)
    falling = _between(rate, low / END_DIVISOR, (share - WARM_UP) / (1.0 - WARM_UP))
    return np.where(share < WARM_UP, rising, falling)


def batch_rates(schedule, epoch, n_batches, n_seen):
    """Learning rates of the batches of an epoch.

    Parameters
    ----------
    schedule : Schedule
    epoch : int
        From zero; cosine and onecycle start again after `schedule.n_epochs`.
    n_batches : int
    n_seen : int
        Rows that have been trained on before, counted once per epoch.

    Returns
    -------
    ndarray of shape (n_batches,)
    """
    rate = schedule.rate
    if schedule.name in ("cosine", "onecycle"):
        epoch_in_cycle = epoch % schedule.n_epochs
        share = (epoch_in_cycle + np.arange(n_batches) / n_batches) / schedule.n_epochs
        if schedule.name == "cosine":
            return _between(rate, 0.0, share)
        return _onecycle(rate, share)
    if schedule.name == "invscaling":
        rate = rate / (n_seen + 1) ** schedule.power_t
    if schedule.name == "step":
        rate = rate * schedule.step_factor ** (epoch // schedule.step_every)
    return np.full(n_batches, rate)
