"""When training stops, and which weights are kept."""

import numpy as np

from skreg.mlp._schedules import ADAPTIVE_DIVISOR, SMALLEST_RATE


class Monitor:
    """Follows a number that should fall; lives as long as training goes on.

    Attributes
    ----------
    best : float
        The smallest value so far.
    n_waited : int
        Epochs since a value was below the best one before by tol.
    kept : ndarray of shape (n_parameters,) or None
        The parameters at the best value, if `keeps`.
    best_epoch : int
        How many epochs had been trained then.
    shrink : float
        What the adaptive schedule has divided the learning rate by.
    """

    def __init__(self, keeps):
        self.keeps = keeps
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
            if self.keeps:
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
