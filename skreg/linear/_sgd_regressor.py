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
    r"""Linear regression that learns from one row at a time.

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
    loss : {"squared_error", "huber", "epsilon_insensitive", \
            "squared_epsilon_insensitive", "quantile", "poisson", "gamma"}, \
            default="squared_error"
        Squares are halved, as in scikit-learn. "poisson" and "gamma" are half deviances
        with a logarithmic link, so that predictions are exp(b + x'w).
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
    random_state : int, RandomState instance or None, default=None
        Determines the orders of rows and the split of `early_stopping`.
    learning_rate : {"invscaling", "optimal", "constant", "adaptive", "pa1", "pa2"}, \
            default="invscaling"
        - "optimal": 1 / (alpha (t0 + t - 1)) at row t, with Bottou's t0;
        - "constant": eta0;
        - "invscaling": eta0 / t**power_t;
        - "adaptive": eta0, divided by 5 where `fit` would stop, until it is below 1e-6;
        - "pa1", "pa2": passive-aggressive steps, with eta0 as the bound C; of the loss
          "epsilon_insensitive" only.

        Of solver="sgd": the others have a rate for each column.
    eta0 : float, default=0.01
        Learning rate, > 0. With solver="adagrad" and "ftrl" the rate of a column is
        eta0 / (beta + sqrt(sum of its squared gradients)), for which 0.1 to 1 suit.
    power_t : float, default=0.25
        Exponent of learning_rate="invscaling"; not used by "adagrad" and "ftrl".
    early_stopping : bool, default=False
        Whether `fit` holds rows out, and follows how well they are predicted in place of
        the objective. It does not concern `partial_fit`.
    validation_fraction : float, default=0.1
        Share of the rows held out, in (0, 1); two rows at least.
    n_iter_no_change : int, default=5
        Patience in passes.
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
    coef_ : ndarray or CSR matrix of shape (n_features,) or (1, n_features)
        Weights at `alpha_`, in the dtype of X. CSR with the non-zeros only if X has more
        than 2**24 columns, or after `sparsify`, with one row. Read-only; assigning to it
        is where `partial_fit` goes on from.
    intercept_ : ndarray of shape (1,)
    alphas_ : ndarray of shape (n_alphas,)
        What was given as `alpha`.
    alpha_ : float
        The one that predictions use unless another is asked for.
    coef_path_, intercept_path_ : ndarray or list, of length n_alphas
        The same at every alpha.
    progressive_loss_ : float or ndarray of shape (n_alphas,)
        Weighted mean loss of the rows of the first pass, and of all `partial_fit`, each
        before it was learnt: an honest estimate of the loss on new rows.
    loss_curve_ : list of float or of ndarray of shape (n_alphas,)
        The same of every pass.
    n_iter_ : int
        Passes of `fit`; 1 after `partial_fit`.
    t_ : float
        1 + number of rows learnt.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        If X has string column names.

    Raises
    ------
    skreg.exceptions.InvalidParameter
        For a parameter out of range. It is a ValueError and a TypeError.
    ValueError
        For parameters that do not go together, missing or infinite values, targets
        outside of the range of the loss,
        or a width other than before: the model stays as it was. Where a loss stops being
        finite, with the learning rate; `fit` then leaves the model as it was,
        `partial_fit` has learnt the rows before that one.

    See Also
    --------
    SGDClassifier : The same for classes.
    Lasso, ElasticNet, Ridge : Exact, for squared error and data that fit into memory.

    Notes
    -----
    A row costs its entries that are not zero, and memory grows with the columns that
    occur: beyond 2**24 columns nothing as long as a row is ever allocated. Penalties are
    not approximated by that: a column is charged for the rows without it when it is read
    next, which gives the weights of charging every column at every row.

    A row of weight s takes a step on s (loss + penalty), and a row of weight zero is
    absent. In `fit` weights are scaled to a mean of one; `partial_fit` takes them as
    they are, for it does not know what is to come.

    What differs from scikit-learn: sparse X has no smaller rate for the intercept; zeros
    under an averaged L1 are kept; rows are drawn in other orders.

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
    >>> import numpy as np
    >>> from skreg import SGDRegressor
    >>> rng = np.random.default_rng(0)
    >>> model = SGDRegressor(penalty="l1", alpha=[0.01, 0.1, 1.0], solver="ftrl", eta0=1.0)
    >>> for _ in range(20):
    ...     X = rng.normal(size=(100, 5))
    ...     y = 3 * X[:, 0] + rng.normal(size=100)
    ...     model = model.partial_fit(X, y)
    >>> float(model.alpha_), np.flatnonzero(model.coef_)
    (0.1, array([0]))
    """

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
        self.standardize = standardize

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
