"""SGDClassifier."""

import numpy as np
from scipy.special import expit
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.metadata_routing import UNUSED
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
    r"""Linear classifier that learns from one row at a time; of several classes, each
    against the others.

    .. math::

        \frac{1}{\sum_i s_i} \sum_i s_i \, \ell(y_i, b + x_i^\top w) + \alpha \Big(
        \rho \, \|w\|_1 + \frac{1 - \rho}{2} \|w\|_2^2 \Big)

    with sample weights :math:`s_i` (all 1 by default), :math:`\rho` = `l1_ratio` (1 for
    penalty="l1", 0 for "l2"), and an intercept b that is never penalised. `alpha` means the
    same for every `solver`; in other notations, for n rows without weights:

    ========================================= ========================================
    scikit-learn                              the same alpha and l1_ratio
    Vowpal Wabbit --l1, --l2 (per row)        alpha l1_ratio, alpha (1 - l1_ratio)
    λ1, λ2 of FTRL-proximal (vw --ftrl)       n alpha l1_ratio, n alpha (1 - l1_ratio)
    mean loss + λ ||w||² ("weight decay")     alpha = 2 λ, penalty="l2"
    sum of losses + λ ||w||_1                 λ = n alpha, penalty="l1"
    LogisticRegression, LinearSVC with C      alpha = 1 / (n C)
    ========================================= ========================================

    Parameters
    ----------
    loss : {"hinge", "log_loss", "modified_huber", "squared_hinge", "perceptron", \
            "squared_error", "huber", "epsilon_insensitive", \
            "squared_epsilon_insensitive", "quantile"}, default="hinge"
        "hinge" is a linear support vector machine, "log_loss" logistic regression. The
        last five are losses of regression on targets -1 and 1.
    penalty : {"l2", "l1", "elasticnet"} or None, default="l2"
        L1 gives weights that are exactly zero, at the cost of a row's entries.
    alpha : float or sequence of floats, default=0.0001
        Strength of the penalty, >= 0. Of a sequence, all values are learnt side by side
        from one reading of each row, and `alpha_` is the one with the least
        `progressive_loss_` (with `early_stopping`: the best score).
    l1_ratio : float or None, default=0.15
        Share of L1 with penalty="elasticnet", in [0, 1].
    fit_intercept : bool, default=True
        Whether to learn an intercept.
    max_iter : int, default=1000
        Largest number of passes of `fit`.
    tol : float or None, default=1e-3
        `fit` stops when the objective (the mean loss of rows before they were learnt, and
        the penalty after the pass) has not been `tol` below the best for
        `n_iter_no_change` passes; None: after `max_iter` passes.
    shuffle : bool, default=True
        Whether each pass draws an order of the rows; False: as they are given.
    verbose : bool or int, default=0
        Whether to print a line after every pass.
    epsilon : float, default=0.1
        Of the losses "huber" and "(squared_)epsilon_insensitive".
    n_jobs : int or None, default=None
        Accepted; all classes are learnt in one reading of the rows.
    random_state : int, RandomState instance or None, default=None
        Determines the orders of rows and the split of `early_stopping`.
    learning_rate : {"optimal", "constant", "invscaling", "adaptive", "pa1", "pa2"}, \
            default="optimal"
        - "optimal": 1 / (alpha (t0 + t - 1)) at row t, with Bottou's t0;
        - "constant": eta0;
        - "invscaling": eta0 / t**power_t;
        - "adaptive": eta0, divided by 5 where `fit` would stop, until it is below 1e-6;
        - "pa1", "pa2": passive-aggressive steps, with eta0 as the bound C; of the loss
          "hinge" only.

        Of solver="sgd": the others have a rate for each column.
    eta0 : float, default=0.01
        Learning rate, > 0. With solver="adagrad" and "ftrl" the rate of a column is
        eta0 / (beta + sqrt(sum of its squared gradients)), for which 0.1 to 1 suit.
    power_t : float, default=0.5
        Exponent of learning_rate="invscaling"; not used by "adagrad" and "ftrl".
    early_stopping : bool, default=False
        Whether `fit` holds rows out, and follows how well they are predicted in place of
        the objective. It does not concern `partial_fit`.
    validation_fraction : float, default=0.1
        Share of the rows held out, in (0, 1); two rows at least.
    n_iter_no_change : int, default=5
        Patience in passes.
    class_weight : dict, "balanced" or None, default=None
        Factors on the weights of the rows of each class; as in scikit-learn, where it is
        one of several, rows of the others have factor one.
    warm_start : bool, default=False
        Whether `fit` begins at the weights of the last fit.
    average : bool or int, default=False
        Whether `coef_` are averages over rows, from the first or from row `average` on:
        means of the weights, or with L1 of the dual variables, which keeps zeros. Needs
        solver="sgd".
    solver : {"sgd", "adagrad", "ftrl"}, default="sgd"
        "sgd": all columns share a learning rate, L1 is the cumulative penalty of Tsuruoka
        et al.; "adagrad": a rate for each column; "ftrl": FTRL-proximal, which has the
        best zeros after one pass.
    beta : float, default=1.0
        Of solver="adagrad" and "ftrl", > 0: see `eta0`.
    quantile : float, default=0.5
        Of loss="quantile", in (0, 1).
    standardize : bool, default=False
        Whether the penalty is that of columns divided by their standard deviation over the
        rows so far (of the population, about the mean; a constant column gets no weight,
        or without an intercept its plain penalty). `coef_` and learning rates are those of
        X as it is. One alpha then suits rare and frequent columns. Needs solver="ftrl".

    Attributes
    ----------
    coef_ : ndarray or CSR matrix of shape (1, n_features) or (n_classes, n_features)
        Weights at `alpha_`, in the dtype of X. CSR with the non-zeros only if X has more
        than 2**24 columns, or after `sparsify`. Read-only; assigning to it is where
        `partial_fit` goes on from.
    intercept_ : ndarray of shape (1,) or (n_classes,)
    alphas_ : ndarray of shape (n_alphas,)
        What was given as `alpha`.
    alpha_ : float
        The one that predictions use unless another is asked for.
    coef_path_, intercept_path_ : ndarray or list, of length n_alphas
        The same at every alpha.
    progressive_loss_ : float or ndarray of shape (n_alphas,)
        Weighted mean loss of the rows of the first pass, and of all `partial_fit`, each
        before it was learnt: an honest estimate of the loss on new rows (several
        classes: the mean over them).
    loss_curve_ : list of float or of ndarray of shape (n_alphas,)
        The same of every pass.
    n_iter_ : int
        Passes of `fit`; 1 after `partial_fit`.
    t_ : float
        1 + number of rows learnt.
    classes_ : ndarray of shape (n_classes,)
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        If X has string column names.

    Raises
    ------
    skreg.exceptions.InvalidParameter
        For a parameter out of range. It is a ValueError and a TypeError.
    ValueError
        For parameters that do not go together, missing or infinite values, classes that
        were not announced, or a width other than before: the model stays as it was. Where
        a loss stops being finite, with the learning rate; `fit` then leaves the model as
        it was, `partial_fit` has learnt the rows before that one.

    See Also
    --------
    SGDRegressor : The same for numbers.
    MLPClassifier : With hidden layers.

    Notes
    -----
    A row costs its entries that are not zero, and memory grows with the columns that
    occur: beyond 2**24 columns nothing as long as a row is ever allocated. Penalties are
    not approximated by that: a column is charged for the rows without it when it is read
    next, which gives the weights of charging every column at every row.

    A row of weight s takes a step on s (loss + penalty), and a row of weight zero is
    absent. In `fit` weights (times those of classes) are scaled to a mean of one;
    `partial_fit` takes them as they are, for it does not know what is to come.

    What differs from scikit-learn: sparse X has no smaller rate for the intercept; zeros
    under an averaged L1 are kept; classes stop together; class weights leave the penalty.

    References
    ----------
    Bottou, L. Stochastic gradient descent tricks. Neural Networks: Tricks of the Trade,
    2012.

    Tsuruoka, Y., Tsujii, J. and Ananiadou, S. Stochastic gradient descent training for
    L1-regularized log-linear models with cumulative penalty. ACL, 2009.

    Duchi, J., Hazan, E. and Singer, Y. Adaptive subgradient methods for online learning
    and stochastic optimization. Journal of Machine Learning Research, 2011.

    McMahan, H. B. et al. Ad click prediction: a view from the trenches. KDD, 2013.

    Examples
    --------
    >>> from sklearn.feature_extraction.text import HashingVectorizer
    >>> from skreg import SGDClassifier
    >>> texts = ["good film", "bad film", "very good", "very bad", "good", "bad"]
    >>> X = HashingVectorizer(n_features=2**26).transform(texts)
    >>> model = SGDClassifier("log_loss", penalty="l1", alpha=0.05, solver="ftrl", eta0=1.0)
    >>> model = model.set_params(random_state=0).fit(X, [1, 0, 1, 0, 1, 0])
    >>> model.coef_.shape, model.coef_.nnz
    ((1, 67108864), 2)
    >>> model.predict(X)
    array([1, 0, 1, 0, 1, 0])
    """

    loss_functions = LOSSES

    __metadata_request__decision_function = {"alpha": UNUSED}
    __metadata_request__predict_proba = {"alpha": UNUSED}
    __metadata_request__predict_log_proba = {"alpha": UNUSED}

    _rules = {
        "loss": choice(*LOSSES),
        "n_jobs": NONE | integer(),
        "class_weight": NONE
        | choice("balanced")
        | Rule(lambda value: isinstance(value, dict), "a dict"),
    }
    _passive_loss = "hinge"
    _numeric = False

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
        standardize=False,
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
        self.standardize = standardize

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
                "y=y). In place of y you can use a large enough sample of the full "
                "training set target to properly estimate the class frequency "
                "distributions. Pass the resulting weights as the class_weight parameter."
            )
        if classes is None and not hasattr(self, "alphas_"):
            raise ValueError("classes must be passed on the first call to partial_fit.")
        return self._partial_fit(X, y, sample_weight, classes)

    def decision_function(self, X, *, alpha=None):
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

    def predict(self, X, *, alpha=None):
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
    def predict_proba(self, X, *, alpha=None):
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
        return self._probabilities(X, alpha)

    def _probabilities(self, X, alpha):
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
    def predict_log_proba(self, X, *, alpha=None):
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
            return np.log(self._probabilities(X, alpha))

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
            labels = np.unique(unknown).tolist()
            raise ValueError(
                f"y has labels {labels} that are not among the classes of the first call "
                f"to partial_fit, {known.tolist()}."
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
        factor = self._class_weights(data)
        other = factor[[0]] if len(positive) == 1 else np.ones(len(positive))
        factors = np.column_stack([other, factor[positive]])
        if data is None:
            return factors
        share = np.bincount(data.target.astype(int), data.weight, len(factor))[positive]
        share /= data.weight.sum()
        return factors / (
            factors[:, :1] * (1 - share[:, None]) + factors[:, 1:] * share[:, None]
        )

    def _class_weights(self, data):
        return compute_class_weight(
            self.class_weight,
            classes=self.classes_,
            y=self.classes_ if data is None else data.y,
            sample_weight=None if data is None else data.weight,
        )

    def _weight_in_scores(self, data):
        return data.weight * self._class_weights(data)[data.target.astype(int)]

    def _shaped(self, coef):
        return coef

    def _predicted(self, eta):
        if eta.shape[1] == 1:
            return self.classes_[(eta[:, 0] > 0.0).astype(int)]
        return self.classes_[np.argmax(eta, axis=1)]

    def _score_of(self, y, predicted, weight):
        return accuracy_score(y, predicted, sample_weight=weight)
