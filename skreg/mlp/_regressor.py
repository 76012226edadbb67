"""MLPRegressor."""

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if

from skreg._kernels.mlp_losses import Huber, Poisson, Quantile, SquaredError
from skreg._validation import Rule, choice, kept_rows, real
from skreg.mlp._data import Data, read_X_y
from skreg.mlp._estimators import MultilayerPerceptron, is_stochastic
from skreg.mlp._settings import RULES


class MLPRegressor(RegressorMixin, MultilayerPerceptron):
    r"""Multilayer perceptron for regression, with dropout and penalties.

    .. math::

        \frac{1}{S} \sum_i s_i \, \ell(y_i, f(x_i)) + \frac{\alpha}{S} \sum_l \Big(
        \frac{1 - \rho}{2} \|W_l\|_F^2 + \rho \sum_{jk} |W_{l,jk}| \Big)

    with sample weights :math:`s_i` (all 1 by default), their sum S over the training set
    (never over a batch), :math:`\rho` = `l1_ratio`, and the loss of `loss`, with its
    factor 1/2.
    `alpha` in other notations, for n rows without weights:

    ===================================== ============================================
    scikit-learn's MLP, as documented     the same alpha (its minibatches divide by the
                                          batch instead)
    mean loss + λ/2 ||W||² + μ sum |W|    alpha_scaling="mean": λ = alpha (1 - l1_ratio),
                                          μ = alpha l1_ratio
    Ridge(alpha)                          hidden_layer_sizes=(), the same alpha
    ElasticNet(alpha / n, l1_ratio)       hidden_layer_sizes=(), alpha, l1_ratio
    AdamW's weight_decay                  `weight_decay`; under plain SGD the same as
                                          alpha = n weight_decay, under Adam not
    ===================================== ============================================

    Parameters
    ----------
    loss : {"squared_error", "huber", "poisson", "quantile"}, default="squared_error"
        (y - f)²/2; the same up to |y - f| = `delta` and linear beyond; half the Poisson
        deviance, with exp as output activation (y >= 0); the pinball loss of `quantile`.
        Losses of several outputs are added.
    hidden_layer_sizes : int or array-like of ints, default=(100,)
        Units of each hidden layer; () is a linear model.
    activation : str or sequence of str, default="relu"
        Of the hidden layers, or one for each: "identity", "relu", "leaky_relu" (slope
        0.01), "elu", "gelu", "silu", "tanh", "logistic".
    solver : {"lbfgs", "sgd", "adam", "rmsprop"}, default="adam"
        L-BFGS on all rows (deterministic: for small data), or minibatches.
    alpha : float or sequence of floats, default=0.0001
        Strength of the penalty, >= 0, or one for each matrix of weights. Biases are never
        penalised.
    batch_size : int or "auto", default="auto"
        Rows per step; "auto" is min(200, n_samples).
    learning_rate : {"constant", "invscaling", "adaptive", "step", "cosine", "onecycle"}, \
            default="constant"
        - "invscaling": learning_rate_init / (t_ + 1)**power_t, changed after each epoch;
        - "adaptive": divided by 5 where training would stop, until it is below 1e-6;
        - "step": multiplied by `step_factor` after every `step_every` epochs;
        - "cosine": down to zero over `max_iter` epochs along half a cosine;
        - "onecycle": up from a 25th in 30 % of `max_iter` epochs, then down to a
          10000th.

        As in scikit-learn, "invscaling" and "adaptive" act as "constant" with
        solver="adam", and nothing of this is used with "lbfgs".
    learning_rate_init : float, default=0.001
        The largest rate.
    power_t : float, default=0.5
        Exponent of "invscaling".
    max_iter : int, default=200
        Largest number of epochs, or of iterations of L-BFGS.
    shuffle : bool, default=True
        Whether each epoch has an order of rows of its own.
    random_state : int, RandomState instance or None, default=None
        Determines initial weights (the draws of scikit-learn), batches, masks, noise and
        the validation split.
    tol : float, default=1e-4
        An epoch is an improvement if what is followed fell by `tol`. With "lbfgs" the
        largest entry of the gradient at which it stops.
    verbose : bool or int, default=False
        Whether to print a line after every epoch.
    warm_start : bool, default=False
        Whether `fit` continues training: weights, moments, average and counters go on as
        if there had been no interruption.
    momentum : float, default=0.9
        Of solver="sgd".
    nesterovs_momentum : bool, default=True
        Whether the gradient is taken ahead, with solver="sgd".
    early_stopping : bool, default=False
        Whether to hold rows out, to stop when they are predicted no better than
        `n_iter_no_change` epochs before, and to restore the weights that predicted them
        best. Not used with "lbfgs".
    validation_fraction : float, default=0.1
        Of the rows, held out for `early_stopping`; two rows at least.
    beta_1 : float, default=0.9
        Decay of the mean of gradients, with solver="adam".
    beta_2 : float, default=0.999
        Decay of the mean of their squares, with solver="adam".
    epsilon : float, default=1e-8
        Of solver="adam" and "rmsprop".
    n_iter_no_change : int or inf, default=10
        Patience in epochs.
    max_fun : int, default=15000
        Largest number of evaluations of the objective by L-BFGS.
    delta : float, default=1.0
        Where loss="huber" becomes linear.
    quantile : float, default=0.5
        Of loss="quantile", in (0, 1).
    l1_ratio : float, default=0.0
        Share of L1 in the penalty, in [0, 1]. The L1 part is a proximal step in the
        metric of the optimizer, or a bound constraint with "lbfgs": weights become
        exactly zero.
    alpha_scaling : {"sum", "mean"}, default="sum"
        Whether the penalty is divided by the sum of the sample weights, as in
        scikit-learn, or not ("mean": added to the mean loss as it is).
    weight_decay : float, default=0.0
        Decoupled decay: every step multiplies weights by 1 - eta weight_decay, outside of
        moments and of the proximal step.
    dropout : float or sequence of floats, default=0.0
        Rate at which hidden units are dropped in training, in [0, 1), or one for each
        hidden layer. Kept units are divided by 1 - rate, predictions use all units.
    input_dropout : float, default=0.0
        The same for features.
    dropout_noise : {"bernoulli", "gaussian"}, default="bernoulli"
        "gaussian" multiplies by N(1, rate / (1 - rate)) in place of dropping.
    input_noise : float, default=0.0
        Standard deviation of normal noise added to X in training; X must be dense.
    mixup : float, default=0.0
        Train on pairs of rows, mixed by shares from Beta(mixup, mixup), one per batch.
    max_norm : float or None, default=None
        Bound on the norm of the weights into each hidden unit, kept by projection.
    clip_norm : float or None, default=None
        Bound on the norm of the gradient of loss and L2 penalty.
    average_decay : float, default=0.0
        Predict with the exponential mean of the weights after each step, with this decay.
    step_every : int, default=30
        Of learning_rate="step".
    step_factor : float, default=0.1
        Of learning_rate="step".
    rmsprop_decay : float, default=0.9
        Of the mean of squares, with solver="rmsprop".
    dtype : {"float32", "float64"} or None, default=None
        Of all computations; None is that of X.
    scoring : str, callable or None, default=None
        What `early_stopping` follows: a scorer of scikit-learn, or the loss on the held
        out rows. Accuracy and R2 stop much too early on small data.
    monitor_training : bool, default=False
        Whether `history_` has the loss and score on the training rows after each epoch,
        without noise.
    refit : bool, default=False
        Whether to train again, on all rows, for the number of epochs that was best with
        the split of `early_stopping`. `history_` and `n_iter_` are those of the split.

    Attributes
    ----------
    coefs_ : list of n_layers_ - 1 ndarrays of shape (n_in, n_out)
        Weights: views of one flat vector. What is assigned to them is used.
    intercepts_ : list of n_layers_ - 1 ndarrays of shape (n_out,)
        Biases, the same.
    loss_ : float
        The objective in the last epoch: the mean loss, measured before every step and
        with dropout, and the penalty.
    best_loss_ : float or None
        Smallest entry of `loss_curve_`; None with early stopping.
    loss_curve_ : list of float
        `loss_` after every epoch (iteration of L-BFGS).
    validation_scores_ : list of float or None
        R2 (or `scoring`) on the held out rows after every epoch.
    best_validation_score_ : float or None
        The largest of them.
    history_ : dict of str to list of float
        "loss" and "learning_rate" (of the last batch) of every epoch, "validation_loss"
        and "validation_score" if there are rows to validate on, "training_loss" and
        "training_score" with `monitor_training`.
    best_epoch_ : int
        The epoch after which what is followed was smallest.
    n_iter_ : int
        Epochs (iterations of L-BFGS) of the last fit.
    t_ : int
        Rows trained on in all, counted once per epoch.
    n_layers_ : int
        Layers, those of the input and the output included.
    n_outputs_ : int
        Units of the output layer.
    out_activation_ : str
        "exp" for loss="poisson", else "identity".
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features, if all are strings.

    Notes
    -----
    Training stops when the objective (with `early_stopping`: the loss or score of the held
    out rows) has not improved by `tol` for more than `n_iter_no_change` epochs, or after
    `max_iter` epochs with a ConvergenceWarning. With "lbfgs" or a single batch and no
    dropout, sample weights mean repetition; with several batches they do in expectation.

    References
    ----------
    Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov: Dropout, JMLR 2014.
    Loshchilov, Hutter: Decoupled weight decay regularization, ICLR 2019.
    Gal, Ghahramani: Dropout as a Bayesian approximation, ICML 2016.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> from skreg import MLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = MLPRegressor(alpha=30.0, solver="lbfgs", random_state=0, max_iter=1000)
    >>> model.fit(scale(X), scale(y)).score(scale(X), scale(y)) > 0.5
    True
    """

    _rules = {
        **RULES,
        "loss": choice("squared_error", "huber", "poisson", "quantile"),
        "delta": real(0.0, low_open=True),
        "quantile": Rule(
            lambda value: real(0.0, low_open=True).accepts(value) and value < 1.0,
            "a float in the range (0, 1)",
        ),
    }

    def __init__(
        self,
        loss="squared_error",
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        solver="adam",
        alpha=0.0001,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init=0.001,
        power_t=0.5,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        momentum=0.9,
        nesterovs_momentum=True,
        early_stopping=False,
        validation_fraction=0.1,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        n_iter_no_change=10,
        max_fun=15000,
        delta=1.0,
        quantile=0.5,
        l1_ratio=0.0,
        alpha_scaling="sum",
        weight_decay=0.0,
        dropout=0.0,
        input_dropout=0.0,
        dropout_noise="bernoulli",
        input_noise=0.0,
        mixup=0.0,
        max_norm=None,
        clip_norm=None,
        average_decay=0.0,
        step_every=30,
        step_factor=0.1,
        rmsprop_decay=0.9,
        dtype=None,
        scoring=None,
        monitor_training=False,
        refit=False,
    ):
        self.loss = loss
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.delta = delta
        self.quantile = quantile
        self.l1_ratio = l1_ratio
        self.alpha_scaling = alpha_scaling
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.dropout_noise = dropout_noise
        self.input_noise = input_noise
        self.mixup = mixup
        self.max_norm = max_norm
        self.clip_norm = clip_norm
        self.average_decay = average_decay
        self.step_every = step_every
        self.step_factor = step_factor
        self.rmsprop_decay = rmsprop_decay
        self.dtype = dtype
        self.scoring = scoring
        self.monitor_training = monitor_training
        self.refit = refit

    @available_if(is_stochastic)
    def partial_fit(self, X, y, sample_weight=None):
        """Train one epoch on the given rows.

        With `early_stopping` a part of them is held out in every call (the same part if
        there are as many rows), and `coefs_` are the best weights of all calls, while
        training goes on from the last.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None
            The penalty is divided by their sum: that of the rows given.

        Returns
        -------
        self : object
        """
        return self._continue(X, y, sample_weight, not hasattr(self, "coefs_"))

    def predict(self, X, return_std=False, *, n_samples=100, random_state=None):
        """Predict the targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_rows, n_features)
        return_std : bool, default=False
            Predict with the mean of randomly thinned networks, and return their standard
            deviation too (Monte-Carlo dropout).
        n_samples : int, default=100
            Thinned networks; only used with `return_std`.
        random_state : int, RandomState instance or None, default=None
            None stands for a number that was drawn in fit; only used with `return_std`.

        Returns
        -------
        mean : ndarray of shape (n_rows,) or (n_rows, n_outputs)
        std : ndarray of the same shape
            Only if `return_std`.
        """
        if not return_std:
            return self._predicted(self._eta(X))
        predictions = self.sample_predictions(X, n_samples, random_state)
        return predictions.mean(axis=0), predictions.std(axis=0)

    def sample_predictions(self, X, n_samples=100, random_state=None):
        """What randomly thinned networks predict.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_rows, n_features)
        n_samples : int, default=100
            Networks; every row has masks of its own.
        random_state : int, RandomState instance or None, default=None
            None stands for a number that was drawn in fit.

        Returns
        -------
        ndarray of shape (n_samples, n_rows) or (n_samples, n_rows, n_outputs)
        """
        etas = self._random_etas(X, n_samples, random_state)
        return np.stack([self._predicted(eta) for eta in etas])

    # What the shared fit asks for

    def _read(self, X, y, sample_weight, *, fresh, partial=False, name="y"):
        X, y = read_X_y(self, X, y, reset=fresh, numeric=True)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        X, y, weight = kept_rows(X, y, sample_weight)
        if self.loss == "poisson" and not (y.min() >= 0.0 and y.sum() > 0.0):
            raise ValueError(
                f"loss='poisson' needs non-negative {name}, not all zero; got a smallest "
                f"value of {y.min()}."
            )
        self.out_activation_ = "exp" if self.loss == "poisson" else "identity"
        return Data(X, y, y.reshape(len(y), -1), weight)

    def _labels(self, data):
        return None

    def _loss(self):
        return {
            "squared_error": SquaredError(),
            "huber": Huber(float(self.delta)),
            "poisson": Poisson(),
            "quantile": Quantile(float(self.quantile)),
        }[self.loss]

    def _plain_loss(self):
        return self._loss()

    def _predicted(self, eta):
        predicted = np.exp(eta) if self.out_activation_ == "exp" else eta
        return predicted[:, 0] if self.n_outputs_ == 1 else predicted

    def _score_of(self, y, predicted, weight):
        return r2_score(y, predicted, sample_weight=weight)
