"""SGDRegressor."""

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d

from skreg._kernels.stream import Models
from skreg._validation import choice
from skreg.linear._sgd import StreamedModel
from skreg.linear._sgd_settings import settings_of
from skreg.losses import (
    EpsilonInsensitive,
    Gamma,
    Huber,
    Poisson,
    Quantile,
    SquaredEpsilonInsensitive,
    SquaredError,
)

LOSSES = {
    "squared_error": lambda model: SquaredError(),
    "huber": lambda model: Huber(float(model.epsilon)),
    "epsilon_insensitive": lambda model: EpsilonInsensitive(float(model.epsilon)),
    "squared_epsilon_insensitive": lambda model: SquaredEpsilonInsensitive(
        float(model.epsilon)
    ),
    "quantile": lambda model: Quantile(float(model.quantile)),
    "poisson": lambda model: Poisson(),
    "gamma": lambda model: Gamma(),
}
LOG_LINK = ("poisson", "gamma")


class SGDRegressor(RegressorMixin, StreamedModel):
    loss_functions = LOSSES

    _rules = {"loss": choice(*LOSSES)}
    _passive_loss = "epsilon_insensitive"
    _numeric = True

    def __init__(
        self,
        loss="squared_error",
        *,
        penalty="l2",
        alpha=0.0001,
        l1_ratio=0.15,
        fit_intercept=True,
        max_iter=1000,
        tol=1e-3,
        shuffle=True,
        verbose=0,
        epsilon=0.1,
        random_state=None,
        learning_rate="invscaling",
        eta0=0.01,
        power_t=0.25,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=5,
        warm_start=False,
        average=False,
        solver="sgd",
        beta=1.0,
        quantile=0.5,
    ):
        self.loss = loss
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.shuffle = shuffle
        self.verbose = verbose
        self.epsilon = epsilon
        self.random_state = random_state
        self.learning_rate = learning_rate
        self.eta0 = eta0
        self.power_t = power_t
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.average = average
        self.solver = solver
        self.beta = beta
        self.quantile = quantile

    def partial_fit(self, X, y, sample_weight=None):
        """Learn the given rows in one pass.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object
        """
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X, *, alpha=None):
        """Predict targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        alpha : float, default=None
            One of `alphas_`; None stands for `alpha_`.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        return self._predicted(self._linear_predictor(X, alpha))

    # What the shared fit asks for

    def _encoded(self, y, first, classes):
        y = column_or_1d(y, warn=True).astype(np.float64)
        lowest = y.min(initial=np.inf)
        if self.loss == "poisson" and lowest < 0.0:
            raise ValueError(f"loss='poisson' needs y >= 0; got {lowest:.6g} in y.")
        if self.loss == "gamma" and lowest <= 0.0:
            raise ValueError(f"loss='gamma' needs y > 0; got {lowest:.6g} in y.")
        return y

    def _settings(self, data):
        n_models = np.size(self.alpha)
        models = Models(
            np.full(n_models, -1.0), np.ones((n_models, 2)), bool(self.fit_intercept)
        )
        return settings_of(self, LOSSES[self.loss](self), models)

    def _shaped(self, coef):
        return coef[0]

    def _predicted(self, eta):
        return np.exp(eta[:, 0]) if self.loss in LOG_LINK else eta[:, 0]

    def _weight_in_scores(self, data):
        return data.weight

    def _score_of(self, y, predicted, weight):
        return r2_score(y, predicted, sample_weight=weight)
