"""SGDClassifier."""

import numpy as np
from scipy.special import expit
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets

from skreg._kernels.stream import Models
from skreg._validation import NONE, Rule, choice, integer
from skreg.linear._sgd import StreamedModel
from skreg.linear._sgd_regressor import LOG_LINK
from skreg.linear._sgd_regressor import LOSSES as REGRESSION
from skreg.linear._sgd_settings import settings_of
from skreg.losses import Hinge, LogLoss, ModifiedHuber, SquaredHinge

LOSSES = {
    "hinge": lambda model: Hinge(1.0),
    "log_loss": lambda model: LogLoss(),
    "modified_huber": lambda model: ModifiedHuber(),
    "squared_hinge": lambda model: SquaredHinge(),
    "perceptron": lambda model: Hinge(0.0),
    **{name: loss for name, loss in REGRESSION.items() if name not in LOG_LINK},
}

COUNTED = 2**16  # labels in a range below are counted, not sorted


def _has_probabilities(model):
    if model.loss in ("log_loss", "modified_huber"):
        return True
    raise AttributeError(f"probability estimates are not available for loss={model.loss!r}")


def _distinct(y):
    """np.unique; of labels that are small whole numbers by counting, ten times as fast."""
    if y.dtype.kind != "i" or y.size == 0:
        return np.unique(y)
    low, high = int(y.min()), int(y.max())
    if high - low >= COUNTED:
        return np.unique(y)
    counts = np.bincount(y.astype(np.int64) - low)
    return (np.flatnonzero(counts) + low).astype(y.dtype)


class SGDClassifier(ClassifierMixin, StreamedModel):
    _rules = {
        "loss": choice(*LOSSES),
        "n_jobs": NONE | integer(),
        "class_weight": NONE
        | choice("balanced")
        | Rule(lambda value: isinstance(value, dict), "a dict"),
    }
    _passive_loss = "hinge"
    _numeric = False
    _splitter = StratifiedShuffleSplit

    def __init__(
        self,
        loss="hinge",
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
        n_jobs=None,
        random_state=None,
        learning_rate="optimal",
        eta0=0.01,
        power_t=0.5,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=5,
        class_weight=None,
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
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.learning_rate = learning_rate
        self.eta0 = eta0
        self.power_t = power_t
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.average = average
        self.solver = solver
        self.beta = beta
        self.quantile = quantile

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Learn the given rows in one pass.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        classes : array-like of shape (n_classes,), default=None
            All labels there will be; needed in the first call.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object
        """
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight 'balanced' is not supported for partial_fit. In order to use "
                "'balanced' weights, use compute_class_weight('balanced', classes=classes, "
                "y=y) on a sample of y that is large enough, and pass the result as the "
                "class_weight parameter."
            )
        if classes is None and not hasattr(self, "alphas_"):
            raise ValueError("classes must be passed on the first call to partial_fit.")
        return self._partial_fit(X, y, sample_weight, classes)

    def decision_function(self, X, alpha=None):
        """Linear predictors.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        alpha : float, default=None
            One of `alphas_`; None stands for `alpha_`.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            With two classes, those of the second.
        """
        eta = self._linear_predictor(X, alpha)
        return eta[:, 0] if eta.shape[1] == 1 else eta

    def predict(self, X, alpha=None):
        """Predict labels.

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

    @available_if(_has_probabilities)
    def predict_proba(self, X, alpha=None):
        """Probabilities of the classes.

        With loss="log_loss" the logistic function of `decision_function`, with
        "modified_huber" (clip(decision_function, -1, 1) + 1) / 2; of more than two classes,
        each against the others, they are divided by their sum.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        alpha : float, default=None
            One of `alphas_`; None stands for `alpha_`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        eta = self._linear_predictor(X, alpha)
        if self.loss == "log_loss":
            share = expit(eta)
            rest = expit(-eta)
        else:
            share = (np.clip(eta, -1.0, 1.0) + 1.0) / 2.0
            rest = 1.0 - share
        if share.shape[1] == 1:
            return np.hstack([rest, share])
        total = share.sum(axis=1, keepdims=True)
        return np.where(total > 0.0, share, 1.0) / np.where(
            total > 0.0, total, share.shape[1]
        )

    @available_if(_has_probabilities)
    def predict_log_proba(self, X, alpha=None):
        """Logarithms of `predict_proba`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        alpha : float, default=None
            One of `alphas_`; None stands for `alpha_`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X, alpha))

    # What the shared fit asks for

    def _encoded(self, y, first, classes):
        y = column_or_1d(y, warn=True)
        if y.dtype.kind not in "biu":  # whole numbers are classes, and reading them costs
            check_classification_targets(y)
        known = self._known_classes(y, first, classes)
        if len(known) < 2:
            raise ValueError(
                f"The number of classes has to be greater than one; got {len(known)} class"
            )
        codes = y == known[1] if len(known) == 2 else np.searchsorted(known, y)
        unknown = y[known.take(codes, mode="clip") != y]
        if len(unknown):
            raise ValueError(
                f"y has labels {np.unique(unknown).tolist()} that are not among the classes of the "
                f"first call to partial_fit, {known.tolist()}."
            )
        self.classes_ = known
        return codes.astype(np.float64)

    def _known_classes(self, y, first, classes):
        if first:
            return _distinct(y) if classes is None else np.unique(classes)
        if classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(
                f"`classes={classes!r}` is not the same as on last call to partial_fit, "
                f"was: {self.classes_!r}"
            )
        return self.classes_

    def _settings(self, data):
        n_classes = len(self.classes_)
        positive = np.arange(1.0, 2.0) if n_classes == 2 else np.arange(float(n_classes))
        factors = self._class_factors(data, positive.astype(int))
        n_alphas = np.size(self.alpha)
        models = Models(
            np.tile(positive, n_alphas),
            np.tile(factors, (n_alphas, 1)),
            bool(self.fit_intercept),
        )
        return settings_of(self, LOSSES[self.loss](self), models)

    def _class_factors(self, data, positive):
        """Factors of the weights of rows that are not and that are of a class, (n, 2).

        As in scikit-learn the rows of the other classes have factor one where there are
        more than two. If all the rows are known, their weights have mean one.
        """
        if self.class_weight is None:
            return np.ones((len(positive), 2))
        factor = compute_class_weight(
            self.class_weight,
            classes=self.classes_,
            y=self.classes_ if data is None else data.y,
            sample_weight=None if data is None else data.weight,
        )
        other = factor[[0]] if len(positive) == 1 else np.ones(len(positive))
        factors = np.column_stack([other, factor[positive]])
        if data is None:
            return factors
        share = np.bincount(data.target.astype(int), data.weight, len(factor))[positive]
        share /= data.weight.sum()
        return factors / (
            factors[:, :1] * (1 - share[:, None]) + factors[:, 1:] * share[:, None]
        )

    def _shaped(self, coef):
        return coef

    def _predicted(self, eta):
        if eta.shape[1] == 1:
            return self.classes_[(eta[:, 0] > 0.0).astype(int)]
        return self.classes_[np.argmax(eta, axis=1)]

    def _score_of(self, y, predicted, weight):
        return accuracy_score(y, predicted, sample_weight=weight)
