"""When training stops, and which weights are kept."""

import numpy as np

from skreg.mlp._schedules import ADAPTIVE_DIVISOR, SMALLEST_RATE


class Monitor:
    """Follows a number that should fall; lives as long as training goes on.

    Attributes
    ----------
    followed : hashable or None
        Names the number; None: no parameters are kept.
    best : float
        The smallest value so far.
    n_waited : int
        Epochs since a value was below the best one before by tol.
    kept : ndarray of shape (n_parameters,) or None
        The parameters at the best value, if any are.
    best_epoch : int
        How many epochs had been trained then.
    shrink : float
        What the adaptive schedule has divided the learning rate by.
    """

    def __init__(self, followed):
        self.followed = followed
        self.best = np.inf
        self.n_waited = 0
        self.kept = None
        self.best_epoch = 0
        self.shrink = 1.0

    def follow(self, value, epoch, params, tol):
        """Take note of the value after an epoch."""
        self.n_waited = 0 if value <= self.best - tol else self.n_waited + 1
        if value < self.best or self.best_epoch == 0:
            self.best = value if np.isfinite(value) else np.inf
            self.best_epoch = epoch
            if self.followed is not None:
                self.kept = params.copy()

    def wants_to_stop(self, patience, rate, adaptive):
        """Whether patience is over; an adaptive rate shrinks first."""
        if self.n_waited <= patience:
            return False
        if not adaptive or rate <= SMALLEST_RATE:
            return True
        self.shrink *= ADAPTIVE_DIVISOR
        self.n_waited = 0
        return False


def scored(scorer, model, data):
    """A score; weights are told to the scorer if there are any, which not all can use."""
    if np.all(data.weight == data.weight[0]):
        return scorer(model, data.X, data.y)
    try:
        return scorer(model, data.X, data.y, sample_weight=data.weight)
    except TypeError as error:
        if "sample_weight" not in str(error):
            raise
        raise TypeError(
            f"scoring={scorer} does not take the sample_weight of the rows to validate on "
            f"({error}). Use a scorer that does, or scoring=None for the weighted loss."
        ) from error


def refit_epochs(best_epoch, part, whole, limit):
    """Epochs on all rows that stand for the best epoch on a part of them.

    The number of steps grows with the number of rows. A descent that is stopped after
    t steps of size eta shrinks like an L2 penalty of strength 1 / (eta t) on the mean loss
    (Goodfellow, Bengio, Courville: Deep learning, 2016, section 7.8), and that strength
    should fall as 1 / n, as `alpha` does. With many batches an epoch has more steps with
    more rows, and these are as many epochs; a single batch needs more epochs.

    Parameters
    ----------
    best_epoch : int
    part, whole : tuple of (n_rows, n_batches)
    limit : int
    """
    (n_part, steps_part), (n_whole, steps_whole) = part, whole
    steps = best_epoch * steps_part * n_whole / n_part
    return min(max(round(steps / steps_whole), 1), limit)
