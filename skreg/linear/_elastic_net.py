"""ElasticNet and ElasticNetCV."""

from skreg._validation import ARRAY, real
from skreg.linear._coordinate_descent import (
    PenalizedLeastSquares,
)
from skreg.linear._least_squares_cv import PenalizedLeastSquaresCV
from skreg.linear._selected_alpha import checked_l1_ratios
from skreg.paths.path import enet_path
from skreg.penalties import L1L2


class ElasticNet(PenalizedLeastSquares):
    r"""Linear regression with L1 and L2 penalties: sparse, and kind to correlation.

    .. math::

        \frac{1}{2 \sum_i s_i} \sum_i s_i \, (y_i - b - x_i^\top w)^2
        + \alpha \rho \, \|w\|_1 + \frac{\alpha (1 - \rho)}{2} \, \|w\|_2^2,
        \qquad \rho = \mathtt{l1\_ratio}

    with sample weights :math:`s_i` (all 1 by default) and an intercept b that is never
    penalised. `alpha` and the λ of other programs, for n samples without weights:

    ================================== ===============================================
    scikit-learn, statsmodels           alpha; l1_ratio is statsmodels' L1_wt
    glmnet                              lambda = alpha, its alpha = l1_ratio, if y has
                                        unit variance (see docs/objectives.md)
    1/2 ||y - Xw||² + λ1 ||w||_1        λ1 = n alpha l1_ratio,
    + λ2/2 ||w||²                       λ2 = n alpha (1 - l1_ratio)
    ||y - Xw||² + λ1 ||w||_1            λ1 = 2 n alpha l1_ratio,
    + λ2 ||w||²                         λ2 = n alpha (1 - l1_ratio)
    ================================== ===============================================

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the penalty, >= 0. 0 gives least squares (of smallest norm if that
        is not unique), with a warning that scikit-learn gives too.
    l1_ratio : float, default=0.5
        Share of the L1 term, in [0, 1]: 1 is the lasso, 0 is ridge.
    fit_intercept : bool, default=True
        Whether to fit the intercept. If False, X and y are expected to be centred.
    precompute : bool or array-like of shape (n_features, n_features), default=False
        Chooses how, not what: True uses the Gram matrix, False lets skreg choose, an
        array is used as the Gram matrix of centred X. Sparse X needs none.
    max_iter : int, default=1000
        Bound on the rounds of the active-set method and the epochs of coordinate
        descent; when it is hit, a :class:`~sklearn.exceptions.ConvergenceWarning`
        names the gap that is left.
    copy_X : bool, default=True
        Accepted; X is never written to and never copied to be centred.
    tol : float, default=1e-4
        Coordinate descent, where it is used, stops at a duality gap of `tol` times the
        objective of the null (intercept-only) model; scikit-learn's test is twice as
        loose. The active-set method is exact.
    warm_start : bool, default=False
        Start from the coefficients of the previous fit.
    positive : bool, default=False
        Restrict the coefficients to non-negative values.
    random_state : int, RandomState instance or None, default=None
        Accepted; nothing is drawn at random.
    selection : {'cyclic', 'random'}, default='cyclic'
        Accepted; coordinates are always visited in cycles over a working set, which
        reaches the same solution.
    standardize : bool, default=False
        Whether to divide each column of X by its standard deviation (weighted, of the
        population) for the fit: `alpha` and the certificate are those of the model after
        ``StandardScaler(with_mean=fit_intercept)``, `coef_` and `intercept_` those of X
        as it is. X is not copied for it. A constant column gets the coefficient zero
        (without an intercept it is left as it is).

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        Coefficients, in the dtype of X.
    intercept_ : float or ndarray of shape (n_targets,)
    dual_gap_ : float or ndarray of shape (n_targets,)
        Certificate: the objective at the stored coefficients is at most this far above
        its minimum. Recomputed in float64 from residuals, never below rounding error.
    relative_gap_ : float or ndarray of shape (n_targets,)
        `dual_gap_` / objective of the null (intercept-only) model.
    n_iter_ : int or list of int
        Rounds of the active-set method plus epochs of coordinate descent; 1 where a
        direct solver was used (``alpha=0``, ``l1_ratio=0``).
    sparse_coef_ : sparse matrix of shape (1, n_features) or (n_targets, n_features)
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        If X has string column names.

    Raises
    ------
    skreg.exceptions.InvalidParameter
        In `fit`, for a parameter out of range. It is a ValueError and a TypeError.
    ValueError
        In `fit`, for missing or infinite values, wrong shapes, negative or all-zero
        weights.

    See Also
    --------
    ElasticNetCV : Chooses alpha and l1_ratio by cross-validation.
    Lasso : The same with ``l1_ratio=1``.
    enet_path : The coefficients at many alphas.

    Notes
    -----
    The support is followed exactly: for given signs the optimality condition is a linear
    system, whose Cholesky factor is updated as features enter and leave, on the Gram
    matrix of all features when there are many more samples, else on a working set that
    a look at the others certifies. A single fit to a large sparse X starts with
    coordinate descent, which with extrapolation often gets as far. Where the support is so
    large that a factor costs more than epochs (a thousand sparse columns and more, or
    6000 of any kind), coordinate descent goes on to `tol`. With float32 data the
    arithmetic is float64; only the stored coefficients are rounded.
    ``l1_ratio=0`` (or ``alpha=0``) without `positive` is ridge, or least squares, and is
    solved directly.

    References
    ----------
    Zou, H. and Hastie, T. Regularization and variable selection via the elastic net.
    Journal of the Royal Statistical Society B, 2005.

    Osborne, M., Presnell, B. and Turlach, B. A new approach to variable selection in
    least squares problems. IMA Journal of Numerical Analysis, 2000.

    Friedman, J., Hastie, T. and Tibshirani, R. Regularization paths for generalized
    linear models via coordinate descent. Journal of Statistical Software, 2010.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skreg import ElasticNet
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = ElasticNet(alpha=0.01, l1_ratio=0.8).fit(X, y)
    >>> print(round(model.score(X, y), 3))
    0.458
    """

    _parameters = {**PenalizedLeastSquares._parameters, "l1_ratio": real(0, 1)}

    def __init__(
        self,
        alpha=1.0,
        *,
        l1_ratio=0.5,
        fit_intercept=True,
        precompute=False,
        max_iter=1000,
        copy_X=True,
        tol=1e-4,
        warm_start=False,
        positive=False,
        random_state=None,
        selection="cyclic",
        standardize=False,
    ):
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.precompute = precompute
        self.max_iter = max_iter
        self.copy_X = copy_X
        self.tol = tol
        self.warm_start = warm_start
        self.positive = positive
        self.random_state = random_state
        self.selection = selection
        self.standardize = standardize

    def _penalty(self):
        return L1L2(self.l1_ratio, self.positive)


class ElasticNetCV(PenalizedLeastSquaresCV):
    r"""Elastic net with alpha, and l1_ratio if a list is given, chosen by cross-validation.

    Each fold is solved at every alpha of a decreasing grid, each alpha from the
    solution of the one before; the pair with the smallest mean squared error on
    held-out rows is then used for a fit to all rows. The objective is

    .. math::

        \frac{1}{2 \sum_i s_i} \sum_i s_i \, (y_i - b - x_i^\top w)^2
        + \alpha \rho \, \|w\|_1 + \frac{\alpha (1 - \rho)}{2} \, \|w\|_2^2,
        \qquad \rho = \mathtt{l1\_ratio}

    with sample weights :math:`s_i` (all 1 by default) and an intercept b that is never
    penalised. `alpha` and the λ of other programs, for n samples without weights:

    ================================== ===============================================
    scikit-learn, statsmodels           alpha; l1_ratio is statsmodels' L1_wt
    glmnet                              lambda = alpha, its alpha = l1_ratio, if y has
                                        unit variance (see docs/objectives.md)
    1/2 ||y - Xw||² + λ1 ||w||_1        λ1 = n alpha l1_ratio,
    + λ2/2 ||w||²                       λ2 = n alpha (1 - l1_ratio)
    ||y - Xw||² + λ1 ||w||_1            λ1 = 2 n alpha l1_ratio,
    + λ2 ||w||²                         λ2 = n alpha (1 - l1_ratio)
    ================================== ===============================================

    Parameters
    ----------
    l1_ratio : float or list of float, default=0.5
        Share of the L1 term, in [0, 1]. The values of a list are all tried, each with
        its own grid of alphas; that of 0 is the one of 0.001, as in glmnet.
    eps : float, default=1e-3
        Ratio of the smallest to the largest alpha of an automatic grid.
    alphas : int or array-like, default=100
        Number of alphas of an automatic grid, or the alphas to try. The grid starts at
        the smallest alpha that makes every coefficient zero.
    fit_intercept : bool, default=True
        Whether to fit the intercept. If False, X and y are expected to be centred.
    precompute : 'auto', bool or array-like of shape (n_features, n_features), \
            default='auto'
        Chooses how, not what: True uses Gram matrices, 'auto' and False let skreg
        choose, an array is used for the final fit. Sparse X needs none.
    max_iter : int, default=1000
        Bound on the rounds of the active-set method and the epochs of coordinate
        descent per alpha; when it is hit, a :class:`~sklearn.exceptions.ConvergenceWarning`
        names the gap that is left.
    tol : float, default=1e-4
        Coordinate descent, where it is used, stops at a duality gap of `tol` times the
        objective of the null (intercept-only) model; scikit-learn's test is twice as
        loose. The active-set method is exact; in folds with many samples it leaves what
        changes their errors by some 1e-9 of themselves (more where columns are nearly
        dependent), or less with a `tol` below 1e-8.
    cv : int, splitter, iterable of (train, test) or {'loo', 'gcv', 'aic', 'bic', 'ebic'}, \
            default=None
        None is 5-fold. Index pairs count the rows as given. 'loo' leaves out every row,
        approximately (Rad and Maleki 2020), from the fit to all rows; 'gcv' is generalized
        cross-validation, the others are information criteria, with the degrees of
        freedom of the fit: see :mod:`skreg.paths.criteria` for the formulas.
    copy_X : bool, default=True
        Accepted; X is never written to and never copied to be centred.
    verbose : bool or int, default=0
        Verbosity of joblib while the folds run.
    n_jobs : int, default=None
        Folds at once, in threads that share X; None is 1, -1 all processors.
    positive : bool, default=False
        Restrict the coefficients to non-negative values.
    random_state : int, RandomState instance or None, default=None
        Accepted; nothing is drawn at random.
    selection : {'cyclic', 'random'}, default='cyclic'
        Accepted; coordinates are always visited in cycles over a working set, which
        reaches the same solution.
    standardize : bool, default=False
        Divide every column by its standard deviation (weighted, of the rows at hand: in
        a fold, of the training rows; with 'loo', of all rows), as a pipeline with a
        :class:`~sklearn.preprocessing.StandardScaler` does; coefficients are reported
        for X as it is.
    scoring : str, callable or None, default=None
        Scorer of held-out predictions, greater is better; None: negative mean squared
        error. If there are weights, it is given those of the held-out rows, and has to
        accept `sample_weight`.
    rule : {'min', '1se'} or callable, default='min'
        'min' takes the best mean score; '1se' the largest alpha (within the best
        l1_ratio) whose mean score is within one standard error of the best, which folds
        have, and 'loo' without `scoring`. A callable gets `alpha_results_` and returns an
        index: an int for the flattened arrays, or a tuple.
    fold_weighting : {'equal', 'size'}, default='equal'
        'equal' averages the folds' scores as scikit-learn does; 'size' weighs them by
        the sum of weights of their rows, as glmnet does.
    relaxed : bool or array-like of float, default=False
        Also refit every support without a penalty, and choose by the folds how much of
        the path is blended with its refit: True tries the shares 1, 0.75, 0.5, 0.25 and
        0 of the path, an array its own. This is ``relax`` of glmnet.
    saturation : float in (0, 1], default=None
        If given, the grid ends at the first alpha at which the fit to all rows explains
        this share of the variance of y; with several l1_ratios or targets,
        at the first at which all do.
    noise_variance : float, default=None
        Variance of the noise for 'aic', 'bic' and 'ebic', if it is known.
    ebic_gamma : float, default=0.5
        Weight of the number of possible supports in 'ebic'; 0 is 'bic'.
    alpha_per_target : bool, default=False
        Accept y of shape (n_samples, n_targets) and choose an alpha for each target, as
        one fit per target would, with moments and folds shared. Attributes then have
        the target as their first axis (`cv_predictions_`: as its last).

    Attributes
    ----------
    alpha_ : float
        The chosen alpha: smallest mean over the folds of the held-out error.
    l1_ratio_ : float
        The chosen share of the L1 term.
    coef_ : ndarray of shape (n_features,)
        Coefficients of the fit to all rows at the chosen alpha, in the dtype of X.
    intercept_ : float
    mse_path_ : ndarray of shape (n_alphas, n_folds) or \
            (n_l1_ratios, n_alphas, n_folds)
        Mean squared error on the held-out rows of each fold.
    alphas_ : ndarray of shape (n_alphas,) or (n_l1_ratios, n_alphas)
        The alphas tried, decreasing.
    alpha_min_ : float
        The alpha of the best mean score, whatever the `rule`.
    alpha_1se_ : float
        The alpha of ``rule='1se'``; not with criteria.
    alpha_results_ : Bunch
        Arrays over (l1_ratios, alphas), greater scores being better: `alpha`,
        `l1_ratio`, `mean_score`, `std_score`, `se_score`, `fold_scores` (the last axis are
        the folds or, with 'loo', the rows), `support_size` and `df` (degrees of freedom,
        intercept included) of the fit to all rows, and `mixing`; with `relaxed`, scores
        have one more axis, after that of the alphas.
    coef_path_ : ndarray of shape (n_features, n_alphas)
        Coefficients of the fit to all rows at every alpha of the chosen l1_ratio.
    intercept_path_ : ndarray of shape (n_alphas,)
    cv_predictions_ : ndarray of shape (n_samples,)
        Out-of-fold predictions at the chosen alpha, averaged where a row was held out
        several times; NaN where never, and for rows of weight zero.
    mixing_ : float
        With `relaxed`, the chosen share of the path; `dual_gap_` is that of the path.
    dual_gap_ : float
        Certificate of the final fit: the objective at the stored coefficients is at
        most this far above its minimum.
    relative_gap_ : float
        `dual_gap_` / objective of the null (intercept-only) model.
    n_iter_ : int
        Rounds and epochs of the final fit.
    sparse_coef_ : sparse matrix of shape (1, n_features)
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        If X has string column names.

    Raises
    ------
    skreg.exceptions.InvalidParameter
        In `fit`, for a parameter out of range. It is a ValueError and a TypeError.
    ValueError
        In `fit`, for missing or infinite values, wrong shapes, negative or all-zero
        weights, several targets.

    See Also
    --------
    ElasticNet : At one alpha.
    LassoCV : The same with ``l1_ratio=1``.

    References
    ----------
    Zou, H. and Hastie, T. Regularization and variable selection via the elastic net.
    Journal of the Royal Statistical Society B, 2005.

    Osborne, M., Presnell, B. and Turlach, B. A new approach to variable selection in
    least squares problems. IMA Journal of Numerical Analysis, 2000.

    Friedman, J., Hastie, T. and Tibshirani, R. Regularization paths for generalized
    linear models via coordinate descent. Journal of Statistical Software, 2010.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skreg import ElasticNetCV
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = ElasticNetCV(l1_ratio=[0.5, 0.9, 1.0], cv=5).fit(X, y)
    >>> model.mse_path_.shape
    (3, 100, 5)
    >>> model.l1_ratio_
    1.0
    """

    _parameters = {
        **PenalizedLeastSquaresCV._parameters,
        "l1_ratio": real(0, 1) | ARRAY,
    }

    path = staticmethod(enet_path)

    def __init__(
        self,
        *,
        l1_ratio=0.5,
        eps=1e-3,
        alphas=100,
        fit_intercept=True,
        precompute="auto",
        max_iter=1000,
        tol=1e-4,
        cv=None,
        copy_X=True,
        verbose=0,
        n_jobs=None,
        positive=False,
        random_state=None,
        selection="cyclic",
        standardize=False,
        scoring=None,
        rule="min",
        fold_weighting="equal",
        relaxed=False,
        saturation=None,
        noise_variance=None,
        ebic_gamma=0.5,
        alpha_per_target=False,
    ):
        self.l1_ratio = l1_ratio
        self.eps = eps
        self.alphas = alphas
        self.fit_intercept = fit_intercept
        self.precompute = precompute
        self.max_iter = max_iter
        self.tol = tol
        self.cv = cv
        self.copy_X = copy_X
        self.verbose = verbose
        self.n_jobs = n_jobs
        self.positive = positive
        self.random_state = random_state
        self.selection = selection
        self.standardize = standardize
        self.scoring = scoring
        self.rule = rule
        self.fold_weighting = fold_weighting
        self.relaxed = relaxed
        self.saturation = saturation
        self.noise_variance = noise_variance
        self.ebic_gamma = ebic_gamma
        self.alpha_per_target = alpha_per_target

    def _penalties(self):
        ratios = checked_l1_ratios(type(self).__name__, self.l1_ratio)
        return [L1L2(ratio, self.positive) for ratio in ratios]

    def _attributes_of(self, penalty):
        return {"l1_ratio_": penalty.l1_ratio}
