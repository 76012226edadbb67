"""MLPClassifier."""

import numpy as np
from scipy.special import expit, softmax
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from skreg._kernels.mlp_losses import BinaryCrossEntropy, CrossEntropy
from skreg._validation import NONE, Rule, choice, kept_rows
from skreg.mlp._class_weight import row_factors
from skreg.mlp._data import Data, read_X_y
from skreg.mlp._estimators import MultilayerPerceptron, is_stochastic
from skreg.mlp._settings import RULES, SHARE


class MLPClassifier(ClassifierMixin, MultilayerPerceptron):
    r"""Multilayer perceptron for classification, with dropout and penalties.

    .. math::

        \frac{1}{S} \sum_i s_i \, \ell(y_i, f(x_i)) + \frac{\alpha}{S} \sum_l \Big(
        \frac{1 - \rho}{2} \|W_l\|_F^2 + \rho \sum_{jk} |W_{l,jk}| \Big)

    with sample weights :math:`s_i` (all 1 by default), their sum S over the training set
    (never over a batch), :math:`\rho` = `l1_ratio`, and the cross-entropy of softmax (two
    classes and labels: logistic) outputs as the loss.
    `alpha` in other notations, for n rows without weights:

    ===================================== ============================================
    scikit-learn's MLP, as documented     the same alpha (its minibatches divide by the
                                          batch instead)
    mean loss + λ/2 ||W||² + μ sum |W|    alpha_scaling="mean": λ = alpha (1 - l1_ratio),
                                          μ = alpha l1_ratio
    LogisticRegression with C             hidden_layer_sizes=(), alpha = 1 / C
    AdamW's weight_decay                  `weight_decay`; under plain SGD the same as
                                          alpha = n weight_decay, under Adam not
    ===================================== ============================================

    Parameters
    ----------
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
        Of the rows, held out for `early_stopping`,
        with the shares of the classes; two rows at least.
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
    class_weight : dict, "balanced" or None, default=None
        Factors on the weights of the rows of each class; "balanced" makes classes weigh
        alike (of multilabel targets: the product over labels).
    label_smoothing : float, default=0.0
        Train on (1 - label_smoothing) y + label_smoothing / n_classes (1/2 in place of
        1 / n_classes for each label of binary and multilabel targets), in [0, 1).
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
    classes_ : ndarray of shape (n_classes,)
        Labels.
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
        Accuracy (or `scoring`) on the held out rows after every epoch.
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
        "logistic" for two classes or labels, else "softmax".
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

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skreg import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier(20, solver="lbfgs", alpha=1.0, max_iter=500)
    >>> model.fit(X, y).score(X, y) > 0.95
    True
    """

    _rules = {
        **RULES,
        "label_smoothing": SHARE,
        "class_weight": NONE
        | choice("balanced")
        | Rule(lambda value: isinstance(value, dict), "a dict of labels to factors"),
    }

    def __init__(
        self,
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
        class_weight=None,
        label_smoothing=0.0,
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
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing
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
    def partial_fit(self, X, y, sample_weight=None, classes=None):
        """Train one epoch on the given rows.

        With `early_stopping` a part of them is held out in every call (the same part if
        there are as many rows), and `coefs_` are the best weights of all calls, while
        training goes on from the last.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
        sample_weight : array-like of shape (n_samples,), default=None
            The penalty is divided by their sum: that of the rows given.
        classes : array-like of shape (n_classes,), default=None
            All labels; needed in the first call, except for multilabel targets.

        Returns
        -------
        self : object
        """
        first = not hasattr(self, "coefs_")
        return self._continue(X, y, sample_weight, first, classes=classes)

    def predict(self, X):
        """Predict labels.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
        """
        return self._predicted(self._eta(X))

    def predict_proba(self, X):
        """Probabilities of classes, or of each label.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        return self._probabilities(self._eta(X))

    def predict_log_proba(self, X):
        """Logarithms of `predict_proba`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def sample_predictions(self, X, n_samples=100, random_state=None):
        """Probabilities that randomly thinned networks predict.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_rows, n_features)
        n_samples : int, default=100
            Networks; every row has masks of its own.
        random_state : int, RandomState instance or None, default=None
            None stands for a number that was drawn in fit.

        Returns
        -------
        ndarray of shape (n_samples, n_rows, n_classes)
        """
        etas = self._random_etas(X, n_samples, random_state)
        return np.stack([self._probabilities(eta) for eta in etas])

    # What the shared fit asks for

    def _set_classes(self, y, classes=None):
        binarizer = LabelBinarizer()
        self._label_binarizer = binarizer.fit(y if classes is None else classes)
        self.classes_ = binarizer.classes_
        multiclass = binarizer.y_type_ == "multiclass"
        self.out_activation_ = "softmax" if multiclass else "logistic"

    def _check_classes(self, y, name, all_needed):
        present = np.arange(y.shape[1]) if y.ndim == 2 else np.unique(y)
        if all_needed and set(present) != set(self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the "
                f"previous call to fit. Previously got {self.classes_}, `y` has {present}"
            )
        if not np.isin(present, self.classes_).all():
            raise ValueError(
                f"`{name}` has classes not in `self.classes_`. `self.classes_` has "
                f"{self.classes_}. '{name}' has {present}."
            )

    def _learn_classes(self, y, classes):
        """The first call of partial_fit says which classes there are, others the same."""
        if hasattr(self, "coefs_"):
            same = classes is None or np.array_equal(np.unique(classes), self.classes_)
            if not same:
                raise ValueError(
                    f"`classes={classes!r}` is not the same as on last call to "
                    f"partial_fit, was: {self.classes_!r}"
                )
        elif type_of_target(y).startswith("multilabel"):
            self._set_classes(y)
        elif classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        else:
            self._set_classes(y, classes)

    def _read(self, X, y, sample_weight, *, fresh, partial=False, name="y", classes=None):
        X, y = read_X_y(self, X, y, reset=fresh, numeric=False)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        X, y, weight = kept_rows(X, y, sample_weight)
        if partial and name == "y":
            self._learn_classes(y, classes)
        elif fresh:
            self._set_classes(y)
        self._check_classes(y, name, all_needed=not partial)
        data = Data(X, y, self._label_binarizer.transform(y), weight)
        return self._weigh_classes(data) if name == "y" else data

    def _weigh_classes(self, data):
        if self.class_weight is None:
            return data
        weight = data.weight * row_factors(
            self.class_weight, self.classes_, data.y, data.weight
        )
        X, rows, weight = kept_rows(data.X, np.arange(len(weight)), weight)
        return Data(X, data.y[rows], data.target[rows], weight)

    def _labels(self, data):
        return data.y if data.y.ndim == 1 else None

    def _is_multilabel(self):
        return self._label_binarizer.y_type_.startswith("multilabel")

    def _loss(self):
        kind = CrossEntropy if self.out_activation_ == "softmax" else BinaryCrossEntropy
        return kind(float(self.label_smoothing))

    def _plain_loss(self):
        return self._loss()._replace(label_smoothing=0.0)

    def _probabilities(self, eta):
        if self.out_activation_ == "softmax":
            return softmax(eta, axis=1)
        if self._is_multilabel():
            return _inside(expit(eta))
        if len(self.classes_) == 1:
            return np.ones_like(eta)
        return _inside(np.hstack([expit(-eta), expit(eta)]))

    def _predicted(self, eta):
        if self.out_activation_ == "softmax":
            return self.classes_[np.argmax(eta, axis=1)]
        if self._is_multilabel():
            return (eta > 0.0).astype(int)
        last = len(self.classes_) - 1
        return self.classes_[np.minimum((eta[:, 0] > 0.0).astype(int), last)]

    def _score_of(self, y, predicted, weight):
        return accuracy_score(y, predicted, sample_weight=weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _inside(probability):
    """Probabilities that were rounded to 0 or 1, by the next number in (0, 1)."""
    limits = np.finfo(probability.dtype)
    return np.clip(probability, limits.tiny, 1.0 - limits.epsneg)
