"""MultiTaskElasticNet and MultiTaskElasticNetCV."""

from skreg._validation import ARRAY, real
from skreg.linear._multitask import MultiTaskLeastSquares, MultiTaskLeastSquaresCV
from skreg.linear._selected_alpha import checked_l1_ratios
from skreg.paths.path import enet_path
from skreg.penalties import L1L2


class MultiTaskElasticNet(MultiTaskLeastSquares):
    r"""Elastic net for several targets that share their features.

    .. math::

        \frac{1}{2 \sum_i s_i} \sum_i s_i \, \|Y_i - b - X_i W\|_2^2
        + \alpha \rho \, \|W\|_{21} + \frac{\alpha (1 - \rho)}{2} \, \|W\|_F^2,
        \qquad \|W\|_{21} = \sum_j \|W_j\|_2, \quad \rho = \mathtt{l1\_ratio}

    with one row W_j for each feature and one column for each target, sample weights
    :math:`s_i` (all 1 by default) and intercepts b that are never penalised. `alpha` and
    the λ of other programs, for n samples without weights:

    =============================== ==================================================
    scikit-learn                     alpha, l1_ratio
    glmnet, family ``mgaussian``     lambda = alpha, its alpha = l1_ratio (with
                                     ``standardize=FALSE``)
    1/2 ||Y - XW||_F² + λ1 ||W||_21  λ1 = n alpha l1_ratio,
    + λ2/2 ||W||_F²                  λ2 = n alpha (1 - l1_ratio)
    ||Y - XW||_F² + λ1 ||W||_21      λ1 = 2 n alpha l1_ratio,
    + λ2 ||W||_F²                    λ2 = n alpha (1 - l1_ratio)
    =============================== ==================================================

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the penalty, >= 0. 0 gives least squares (of smallest norm if that
        is not unique).
    l1_ratio : float, default=0.5
        Share of the L21 term, in [0, 1]: 1 is the multi-task lasso, 0 is ridge.
    fit_intercept : bool, default=True
        Whether to fit the intercepts. If False, X and y are expected to be centred.
    copy_X : bool, default=True
        Accepted; X is never written to and never copied to be centred.
    max_iter : int, default=1000
        Bound on Newton steps and epochs of block coordinate descent; when it is hit, a
        :class:`~sklearn.exceptions.ConvergenceWarning` names the gap that is left.
    tol : float, default=1e-4
        Block coordinate descent, where it is used, stops at a duality gap of `tol` times
        the objective of the null (intercept-only) model; scikit-learn's test is twice as
        loose. Newton's method goes on to rounding, unless `tol` is above the default.
    warm_start : bool, default=False
        Start from the coefficients of the previous fit; a new target starts at zero.
    random_state : int, RandomState instance or None, default=None
        Accepted; nothing is drawn at random.
    selection : {'cyclic', 'random'}, default='cyclic'
        Accepted; the solution does not depend on which feature is visited first.
    standardize : bool, default=False
        Whether to divide each column of X by its standard deviation (weighted, of the
        population) for the fit: `alpha` and the certificate are those of the model after
        ``StandardScaler(with_mean=fit_intercept)``, `coef_` and `intercept_` those of X
        as it is. X is not copied for it. A constant column gets the coefficient zero
        (without an intercept it is left as it is).

    Attributes
    ----------
    coef_ : ndarray of shape (n_targets, n_features)
        The transpose of W, in the dtype of X. A feature has a coefficient for every
        target or for none.
    intercept_ : float or ndarray of shape (n_targets,)
        0.0 without `fit_intercept`.
    dual_gap_ : float
        Certificate: the objective at the stored coefficients is at most this far above
        its minimum. Recomputed in float64 from residuals, never below rounding error.
    relative_gap_ : float
        `dual_gap_` / objective of the null (intercept-only) model.
    eps_ : float
        `tol` times the sum of squares of the centred targets (weights scaled to sum to
        the number of rows), for compatibility.
    n_iter_ : int
        Newton steps and epochs; 1 where a direct solver was used (``alpha=0``,
        ``l1_ratio=0``).
    sparse_coef_ : sparse matrix of shape (n_targets, n_features)
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        If X has string column names.

    Raises
    ------
    skreg.exceptions.InvalidParameter
        In `fit`, for a parameter out of range. It is a ValueError and a TypeError.
    ValueError
        In `fit`, for missing or infinite values, wrong shapes, a one-dimensional y,
        negative or all-zero weights.

    See Also
    --------
    MultiTaskElasticNetCV : Chooses alpha and l1_ratio by cross-validation.
    MultiTaskLasso : The same with ``l1_ratio=1``.
    ElasticNet : Fits several targets one by one, each with a support of its own.
    enet_path : The coefficients at many alphas.

    Notes
    -----
    Several features are worked on at a time: those with a coefficient and those that
    the gradient of the previous solution lets expect one. On the rows of coefficients that
    are not zero the objective is smooth, and Newton's method solves it to rounding; its
    linear systems have the size of the support, whatever the number of targets. A look at
    the other features certifies the solution. Sparse X is not densified, and with float32
    data the arithmetic is float64; only the stored coefficients are rounded. ``l1_ratio=0``
    (or ``alpha=0``) is ridge, or least squares, and is solved directly.

    References
    ----------
    Zou, H. and Hastie, T. Regularization and variable selection via the elastic net.
    Journal of the Royal Statistical Society B, 2005.

    Obozinski, G., Taskar, B. and Jordan, M. Joint covariate selection and joint subspace
    selection for multiple classification problems. Statistics and Computing, 2010.

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from skreg import MultiTaskElasticNet
    >>> X, y = load_linnerud(return_X_y=True)
    >>> model = MultiTaskElasticNet(alpha=10.0, l1_ratio=0.9).fit(X, y)
    >>> model.coef_.shape
    (3, 3)
    >>> bool(model.relative_gap_ <= model.tol)
    True
    """

    _parameters = {**MultiTaskLeastSquares._parameters, "l1_ratio": real(0, 1)}

    def __init__(
        self,
        alpha=1.0,
        *,
        l1_ratio=0.5,
        fit_intercept=True,
        copy_X=True,
        max_iter=1000,
        tol=1e-4,
        warm_start=False,
        random_state=None,
        selection="cyclic",
        standardize=False,
    ):
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.copy_X = copy_X
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start
        self.random_state = random_state
        self.selection = selection
        self.standardize = standardize

    def _penalty(self):
        return L1L2(self.l1_ratio)


class MultiTaskElasticNetCV(MultiTaskLeastSquaresCV):
    r"""Elastic net for several targets, alpha and l1_ratio chosen by cross-validation.

    Each fold is solved at every alpha of a decreasing grid, each alpha from the
    solution of the one before; the pair with the smallest mean squared error on
    held-out rows, averaged over the targets, is then used for a fit to all rows. The
    objective is

    .. math::

        \frac{1}{2 \sum_i s_i} \sum_i s_i \, \|Y_i - b - X_i W\|_2^2
        + \alpha \rho \, \|W\|_{21} + \frac{\alpha (1 - \rho)}{2} \, \|W\|_F^2,
        \qquad \|W\|_{21} = \sum_j \|W_j\|_2, \quad \rho = \mathtt{l1\_ratio}

    with one row W_j for each feature and one column for each target, sample weights
    :math:`s_i` (all 1 by default) and intercepts b that are never penalised. `alpha` and
    the λ of other programs, for n samples without weights:

    =============================== ==================================================
    scikit-learn                     alpha, l1_ratio
    glmnet, family ``mgaussian``     lambda = alpha, its alpha = l1_ratio (with
                                     ``standardize=FALSE``)
    1/2 ||Y - XW||_F² + λ1 ||W||_21  λ1 = n alpha l1_ratio,
    + λ2/2 ||W||_F²                  λ2 = n alpha (1 - l1_ratio)
    ||Y - XW||_F² + λ1 ||W||_21      λ1 = 2 n alpha l1_ratio,
    + λ2 ||W||_F²                    λ2 = n alpha (1 - l1_ratio)
    =============================== ==================================================

    Parameters
    ----------
    l1_ratio : float or list of float, default=0.5
        Share of the L21 term, in [0, 1]. The values of a list are all tried, each with
        its own grid of alphas; that of 0 is the one of 0.001, as in glmnet.
    eps : float, default=1e-3
        Ratio of the smallest to the largest alpha of an automatic grid.
    alphas : int or array-like, default=100
        Number of alphas of an automatic grid, or the alphas to try. The grid starts at
        the smallest alpha that makes every coefficient zero.
    fit_intercept : bool, default=True
        Whether to fit the intercepts. If False, X and y are expected to be centred.
    max_iter : int, default=1000
        Bound per alpha on Newton steps and epochs of block coordinate descent; when it is
        hit, a :class:`~sklearn.exceptions.ConvergenceWarning` names the gap that is left.
    tol : float, default=1e-4
        Block coordinate descent, where it is used, stops at a duality gap of `tol` times
        the objective of the null (intercept-only) model; scikit-learn's test is twice as
        loose. Newton's method goes on to rounding, unless `tol` is above the default.
    cv : int, splitter, iterable of (train, test) or {'loo', 'gcv', 'aic', 'bic', 'ebic'}, \
            default=None
        None is 5-fold. Index pairs count the rows as given. 'loo' leaves out every row,
        approximately (Rad and Maleki 2020), from the fit to all rows; 'gcv' is generalized
        cross-validation, the others are information criteria, with the degrees of
        freedom of the fit and the entries of y as data: see :mod:`skreg.paths.criteria`.
        These need a factor for all coefficients that are not zero: at most 6000.
    copy_X : bool, default=True
        Accepted; X is never written to and never copied to be centred.
    verbose : bool or int, default=0
        Verbosity of joblib while the folds run.
    n_jobs : int, default=None
        Folds at once, in threads that share X; None is 1, -1 all processors.
    random_state : int, RandomState instance or None, default=None
        Accepted; nothing is drawn at random.
    selection : {'cyclic', 'random'}, default='cyclic'
        Accepted; the solution does not depend on which feature is visited first.
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
        this share of the variance of y; with several l1_ratios, at the first at which
        all do.
    noise_variance : float, default=None
        Variance of the noise for 'aic', 'bic' and 'ebic', if it is known.
    ebic_gamma : float, default=0.5
        Weight of the number of possible supports in 'ebic'; 0 is 'bic'.

    Attributes
    ----------
    alpha_ : float
        The chosen alpha: smallest mean over the folds of the held-out error.
    l1_ratio_ : float
        The chosen share of the L21 term.
    coef_ : ndarray of shape (n_targets, n_features)
        Coefficients of the fit to all rows at the chosen alpha, in the dtype of X.
    intercept_ : float or ndarray of shape (n_targets,)
        0.0 without `fit_intercept`.
    mse_path_ : ndarray of shape (n_alphas, n_folds) or \
            (n_l1_ratios, n_alphas, n_folds)
        Mean squared error on the held-out rows of each fold, averaged over the targets.
    alphas_ : ndarray of shape (n_alphas,) or (n_l1_ratios, n_alphas)
        The alphas tried, decreasing.
    alpha_min_ : float
        The alpha of the best mean score, whatever the `rule`.
    alpha_1se_ : float
        The alpha of ``rule='1se'``; not with criteria.
    alpha_results_ : Bunch
        Arrays over (l1_ratios, alphas), greater scores being better: `alpha`,
        `l1_ratio`, `mean_score`, `std_score`, `se_score`, `fold_scores` (the last axis are
        the folds or, with 'loo', the rows), `support_size` and `df` (degrees of freedom;
        NaN with folds) of the fit to all rows, and `mixing`; with `relaxed`, scores have
        one more axis, after that of the alphas.
    coef_path_ : ndarray of shape (n_targets, n_features, n_alphas)
        Coefficients of the fit to all rows at every alpha of the chosen l1_ratio.
    intercept_path_ : ndarray of shape (n_targets, n_alphas,)
    cv_predictions_ : ndarray of shape (n_samples, n_targets)
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
        Iterations of the final fit.
    sparse_coef_ : sparse matrix of shape (n_targets, n_features)
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        If X has string column names.

    Raises
    ------
    skreg.exceptions.InvalidParameter
        In `fit`, for a parameter out of range. It is a ValueError and a TypeError.
    ValueError
        In `fit`, for missing or infinite values, wrong shapes, a one-dimensional y,
        negative or all-zero weights.

    See Also
    --------
    MultiTaskElasticNet : At one alpha.
    MultiTaskLassoCV : The same with ``l1_ratio=1``.
    ElasticNetCV : One target.

    References
    ----------
    Zou, H. and Hastie, T. Regularization and variable selection via the elastic net.
    Journal of the Royal Statistical Society B, 2005.

    Obozinski, G., Taskar, B. and Jordan, M. Joint covariate selection and joint subspace
    selection for multiple classification problems. Statistics and Computing, 2010.

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from skreg import MultiTaskElasticNetCV
    >>> X, y = load_linnerud(return_X_y=True)
    >>> model = MultiTaskElasticNetCV(l1_ratio=[0.5, 1.0], cv=4).fit(X, y)
    >>> model.mse_path_.shape
    (2, 100, 4)
    >>> model.alphas_.shape
    (2, 100)
    """

    _parameters = {
        **MultiTaskLeastSquaresCV._parameters,
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
        max_iter=1000,
        tol=1e-4,
        cv=None,
        copy_X=True,
        verbose=0,
        n_jobs=None,
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
    ):
        self.l1_ratio = l1_ratio
        self.eps = eps
        self.alphas = alphas
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.cv = cv
        self.copy_X = copy_X
        self.verbose = verbose
        self.n_jobs = n_jobs
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

    def _penalties(self):
        return [L1L2(r) for r in checked_l1_ratios(type(self).__name__, self.l1_ratio)]

    def _attributes_of(self, penalty):
        return {"l1_ratio_": penalty.l1_ratio}
