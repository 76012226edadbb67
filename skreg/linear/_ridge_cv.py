"""RidgeCV."""

import warnings
from inspect import signature

import numpy as np
from scipy import sparse
from sklearn import get_config
from sklearn.callback import with_callbacks
from sklearn.metrics import check_scoring, get_scorer
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    process_routing,
)

from skreg._solvers.gaps import relative_gap
from skreg._solvers.leave_one_out import spectrum_for_rows, spectrum_for_traces
from skreg._solvers.ridge import certify_ridge, is_direct
from skreg._solvers.ridge_folds import FoldProblem
from skreg._solvers.sample import make_sample
from skreg._solvers.spectrum import find_spectrum, ridge_path, solve_at
from skreg._validation import (
    ARRAY,
    BOOLEAN,
    CV,
    NONE,
    SCORING,
    VERBOSE,
    check_alphas,
    check_input,
    check_parameters,
    choice,
    either_callable,
    integer,
    real,
    unchanged_on_failure,
)
from skreg.exceptions import NO_SVD_OF_SPARSE, WEIGHTS_NOT_SCORED, InvalidParameter
from skreg.linear._alpha_path import AlphaPath
from skreg.linear._base import routing_enabled
from skreg.linear._callbacks import WithCallbacks, models_of_path, what_is_given
from skreg.linear._ridge import Ridge, store_solution
from skreg.paths.ridge_choice import choose_alphas, table
from skreg.paths.ridge_curves import Scoring, criterion_curve, leave_one_out_curve
from skreg.paths.ridge_fold_curve import fold_curve
from skreg.paths.scoring import for_given_rows
from skreg.paths.selection import FOLD_WEIGHTINGS, RULES
from skreg.paths.splitting import rows_of, split_rows

CRITERIA = ("gcv", "aic", "bic", "ebic")
# What is known of the fit to all rows is used if it is as good as what Ridge promises.
CERTIFIED = 1e-12
# Attributes that only some settings have.
OPTIONAL = ("cv_results_", "cv_predictions_", "mse_path_", "alpha_1se_")


class RidgeCV(WithCallbacks, AlphaPath):
    r"""Ridge with alpha chosen by exact leave-one-out, folds or a criterion.

    .. math::

        \sum_i s_i \, (y_i - b - x_i^\top w)^2 + \alpha \, \|w\|_2^2

    (see :class:`Ridge` for `alpha` in other programs).

    Parameters
    ----------
    alphas : float or array-like of shape (n_alphas,), default=(0.1, 1.0, 10.0)
        The alphas to try, in any order; >= 0 for folds, > 0 otherwise. Hundreds cost
        little more than one.
    fit_intercept : bool, default=True
        Whether to fit the intercept. If False, X and y are expected to be centred.
    scoring : str, callable or None, default=None
        Scorer of held-out predictions, greater is better. None: negative mean squared
        error for leave-one-out (each squared error times its sample weight), R² of each
        fold otherwise. Must be None for a criterion.
    cv : int, splitter, iterable of (train, test), 'loo', 'gcv', 'aic', 'bic' or 'ebic', \
            default=None
        None and 'loo' are leave-one-out, exact and at the price of one fit. 'gcv', 'aic'
        and 'bic' are criteria of the fits to all rows, with the trace of the hat matrix
        as degrees of freedom (see Notes); 'ebic' is 'bic' here, since ridge selects no
        features. Anything else makes folds.
    gcv_mode : {'auto', 'svd', 'eigen'} or None, default=None
        Chooses how, not what, for leave-one-out: 'svd' decomposes X itself, the others
        the smaller Gram matrix unless that would lose accuracy.
    store_cv_results : bool, default=False
        Whether to keep `cv_results_`; leave-one-out only.
    alpha_per_target : bool, default=False
        Whether to choose an alpha for each target (with folds too, unlike scikit-learn).
    rule : {'min', '1se'} or callable, default='min'
        'min': the best mean score, the first of equal ones. '1se': the largest alpha
        whose mean score is within one standard error of the best, for folds and for
        leave-one-out without `scoring`. A callable gets `alpha_results_` (of one target,
        with `alpha_per_target`) and returns an index into its arrays.
    fold_weighting : {'equal', 'size'}, default='equal'
        Weight of folds in means and standard errors: all the same, as in scikit-learn, or
        their sums of sample weights, as in glmnet.
    noise_variance : float or None, default=None
        Variance of the noise for 'aic' and 'bic'; None estimates it by RSS / n.
    ebic_gamma : float, default=0.5
        Accepted; it has no effect because ridge selects no features.
    n_jobs : int or None, default=None
        Folds at a time, in threads (None: one, unless in a
        :func:`joblib.parallel_config`).
    verbose : bool or int, default=0
        Verbosity of joblib.
    standardize : bool, default=False
        Whether to divide each column of X by its standard deviation, see :class:`Ridge`:
        for folds, that of the training rows; for leave-one-out, that of all rows at every
        row left out.

    Attributes
    ----------
    alpha_ : float or ndarray of shape (n_targets,)
        The chosen alpha, or alphas with `alpha_per_target`.
    best_score_ : float or ndarray of shape (n_targets,)
        Mean score at the chosen alpha; minus the criterion for a criterion.
    alpha_min_, alpha_1se_ : float or ndarray of shape (n_targets,)
        What the rules 'min' and '1se' choose; `alpha_1se_` where scores have an error.
    alphas_ : ndarray of shape (n_alphas,)
    alpha_results_ : Bunch
        Arrays of shape (1, n_alphas): `alpha`, `mean_score`, `std_score`, `se_score`
        (greater is better; NaN where there is no spread; over rows for leave-one-out),
        `df` (trace of the hat matrix of all rows, NaN where only iterations are
        affordable), `support_size`; for folds `fold_scores` of shape (1, n_alphas,
        n_folds). With `alpha_per_target`, the scores have one more axis, the targets.
    coef_path_ : ndarray of shape (n_features, n_alphas) or \
            (n_targets, n_features, n_alphas)
        Coefficients of the fit to all rows at every alpha.
    intercept_path_ : ndarray of shape (n_alphas,) or (n_targets, n_alphas)
    cv_predictions_ : ndarray of shape (n_samples,) or (n_samples, n_targets)
        Held-out predictions at the chosen alpha, for folds and leave-one-out; the mean
        over repeated folds; NaN for rows never held out and rows of weight zero.
    mse_path_ : ndarray of shape (n_alphas, n_folds)
        Mean squared errors on the folds (means over targets), for folds.
    cv_results_ : ndarray of shape (n_samples, n_alphas) or \
            (n_samples, n_targets, n_alphas)
        With `store_cv_results`: squared leave-one-out errors times the sample weights
        without `scoring`, leave-one-out predictions with it. Rows of weight zero hold 0
        and NaN.
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        Coefficients, in the dtype of X.
    intercept_ : float or ndarray of shape (n_targets,)
    dual_gap_, relative_gap_ : float or ndarray of shape (n_targets,)
        Certificates of the final fit; see :class:`Ridge`.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        If X has string column names.

    Raises
    ------
    skreg.exceptions.InvalidParameter
        In `fit`, for a parameter out of range. It is a ValueError and a TypeError.
    ValueError
        In `fit`, for missing or infinite values, wrong shapes, negative or all-zero
        weights, scores that are NaN at every alpha, and for leave-one-out or a criterion
        on sparse X too large for a dense factor.

    See Also
    --------
    Ridge : At one alpha.
    ElasticNetCV : L1 and L2 penalties.

    Notes
    -----
    Leaving out row i changes its residual from r_i to r_i / (1 - h_i), with h_i its
    leverage, weights and intercept included; one decomposition gives both for all
    alphas. A row is left out with its whole weight.

    With RSS the weighted sum of squared residuals, n the sum of the weights (weights mean
    repetition) and df the trace of the hat matrix, intercept included: 'gcv' is
    n RSS / (n - df)^2, 'aic' n log(RSS / n) + 2 df, 'bic' n log(RSS / n) + log(n) df; with
    `noise_variance`, RSS / noise_variance takes the place of n log(RSS / n).

    Folds share one pass over X: training sets are sums of the other folds' moments (or,
    with more features than rows, parts of one matrix of products), and each is decomposed
    once for all alphas. Sparse X too large for that is solved by iterations.

    References
    ----------
    Golub, G., Heath, M. and Wahba, G. Generalized cross-validation as a method for
    choosing a good ridge parameter. Technometrics, 1979.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skreg import RidgeCV
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = RidgeCV(alphas=[1e-3, 1e-2, 1e-1, 1]).fit(X, y)
    >>> model.alpha_
    0.01
    >>> RidgeCV(alphas=[1e-3, 1e-2, 1e-1, 1], cv=10, rule="1se").fit(X, y).alpha_
    0.1
    """

    _parameters = {
        "alphas": ARRAY | real(0, low_open=True),
        "fit_intercept": BOOLEAN,
        "scoring": SCORING,
        "cv": CV | choice("loo", *CRITERIA),
        "gcv_mode": NONE | choice("auto", "svd", "eigen"),
        "store_cv_results": BOOLEAN,
        "alpha_per_target": BOOLEAN,
        "rule": either_callable(*RULES),
        "fold_weighting": choice(*FOLD_WEIGHTINGS),
        "noise_variance": NONE | real(0, low_open=True),
        "ebic_gamma": real(0),
        "n_jobs": NONE | integer(),
        "verbose": VERBOSE,
        "standardize": BOOLEAN,
    }

    def __init__(
        self,
        alphas=(0.1, 1.0, 10.0),
        *,
        fit_intercept=True,
        scoring=None,
        cv=None,
        gcv_mode=None,
        store_cv_results=False,
        alpha_per_target=False,
        rule="min",
        fold_weighting="equal",
        noise_variance=None,
        ebic_gamma=0.5,
        n_jobs=None,
        verbose=0,
        standardize=False,
    ):
        self.alphas = alphas
        self.fit_intercept = fit_intercept
        self.scoring = scoring
        self.cv = cv
        self.gcv_mode = gcv_mode
        self.store_cv_results = store_cv_results
        self.alpha_per_target = alpha_per_target
        self.rule = rule
        self.fold_weighting = fold_weighting
        self.noise_variance = noise_variance
        self.ebic_gamma = ebic_gamma
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.standardize = standardize

    def fit(self, X, y, sample_weight=None, **params):
        """Choose alpha and fit the model with it to all rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Never written to.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        sample_weight : float or array-like of shape (n_samples,), default=None
            Weights mean repetition in the fits; a row is left out with its weight.
        **params : dict
            Parameters of the splitter and the scorer, if metadata routing is enabled
            (``sklearn.set_config(enable_metadata_routing=True)``).

        Returns
        -------
        self : object
            Fitted estimator.
        """
        with unchanged_on_failure(self):
            self._fit(X, y, sample_weight, params)
        return self

    @property
    def _leaves_one_out(self):
        return self.cv is None or (isinstance(self.cv, str) and self.cv == "loo")

    @property
    def _has_criterion(self):
        return isinstance(self.cv, str) and self.cv in CRITERIA

    @with_callbacks
    def _fit(self, X, y, sample_weight, params):
        check_parameters("RidgeCV", self.get_params(deep=False), self._parameters)
        routing_enabled(self, params)
        grid = self.alphas if np.ndim(self.alphas) else [self.alphas]
        closed_form = self._leaves_one_out or self._has_criterion
        self.alphas_ = check_alphas(grid, positive=closed_form)
        self._check_combination()
        data = check_input(self, X, y, sample_weight, scalar=True)
        task = self._first_task(2, what_is_given(X, y, sample_weight)).begin()
        self._warn_of_mode(data.X)
        split_params, score_params = self._route(data, sample_weight, params)
        for name in set(OPTIONAL) & vars(self).keys():
            delattr(self, name)
        sample = make_sample(
            data.X, data.y, data.sample_weight, self.fit_intercept, self.standardize
        )
        l2 = self.alphas_ / sample.weight_sum
        if closed_form:
            with task.subtask(self.cv or "loo"):
                curve, spectrum = self._score_rows(sample, l2, data, score_params)
        else:
            folds = split_rows(self.cv, data, split_params)
            with task.subtask("folds", len(folds), in_order=False) as part:
                tasks = part.at_once("fold", len(folds))
                found = self._score_folds(sample, l2, data, folds, score_params, tasks)
            curve, spectrum = found
        self._path_alphas = self.alphas_
        with task.subtask("path", len(l2)) as path:
            coefs = self._store_path(sample, spectrum, l2, data)
            solutions = self.coef_path_, self.intercept_path_
            path.models("alpha", models_of_path(self.alphas_, lambda: solutions))
        best = self._choose(curve, sample, spectrum, l2, data)
        if curve.predict is not None:
            predictions = for_given_rows(curve.predict(best)[None], data, np.nan)
            self.cv_predictions_ = predictions[..., 0]
        self._store_fit(sample, spectrum, l2[best], coefs, best, data)
        task.end({})

    def _check_combination(self):
        """Refuse before any work what has no meaning together."""
        folds = not (self._leaves_one_out or self._has_criterion)
        if self.store_cv_results and not self._leaves_one_out:
            raise ValueError("cv!=None and store_cv_results=True are incompatible")
        if self._has_criterion and self.scoring is not None:
            raise InvalidParameter(
                f"scoring must be None with cv={self.cv!r}, which holds no rows out; got "
                f"scoring={self.scoring!r}."
            )
        if isinstance(self.rule, str) and self.rule == "1se" and not folds:
            if self._has_criterion:
                raise InvalidParameter(
                    f"rule='1se' needs scores with a standard error, which cv={self.cv!r} "
                    "has not; use rule='min', or folds or cv='loo'."
                )
            if self.scoring is not None:
                raise InvalidParameter(
                    "rule='1se' with leave-one-out needs scoring=None: one score of all "
                    f"rows has no standard error; got scoring={self.scoring!r}."
                )

    def _warn_of_mode(self, X):
        if self.gcv_mode == "svd" and sparse.issparse(X) and self._leaves_one_out:
            warnings.warn(NO_SVD_OF_SPARSE, FutureWarning, stacklevel=6)

    def _score_rows(self, sample, l2, data, score_params):
        """Leave-one-out or a criterion, from one decomposition."""
        if self._has_criterion:
            spectrum = spectrum_for_traces(sample, l2.min())
            curve = criterion_curve(
                self.cv,
                sample,
                spectrum,
                l2,
                noise_variance=self.noise_variance,
                per_target=self.alpha_per_target,
            )
            return curve, spectrum
        exact = self.gcv_mode == "svd" and not sparse.issparse(data.X)
        spectrum = spectrum_for_rows(sample, l2.min(), exact_factor=exact)
        scoring = self._scoring(score_params)
        store = self.store_cv_results
        curve = leave_one_out_curve(sample, spectrum, l2, data, scoring, store=store)
        if store:
            filler = 0.0 if self.scoring is None else np.nan
            self.cv_results_ = for_given_rows(curve.kept, data, filler)
        return curve, spectrum

    def _score_folds(self, sample, l2, data, folds, score_params, tasks):
        """Folds, and the decomposition of all rows unless it is not affordable."""
        problem = FoldProblem(
            data.X.tocsr() if sparse.issparse(data.X) else data.X,
            data.y,
            data.sample_weight,
            folds,
            self.alphas_,
            self.fit_intercept,
            self.standardize,
        )
        curve, shared = fold_curve(
            problem,
            sample,
            data,
            self._scoring(self._accepted(score_params)),
            fold_weighting=self.fold_weighting,
            jobs={"n_jobs": self.n_jobs, "verbose": int(self.verbose)},
            tasks=tasks,
        )
        self.mse_path_ = curve.mse
        if not is_direct(sample.X):
            return curve, None
        moments, kernel = shared.moments(sample), shared.weighted_kernel(sample)
        return curve, find_spectrum(sample, l2.min(), moments=moments, kernel=kernel)

    def _scoring(self, score_params):
        scorer = None if self.scoring is None else self._scorer()
        return Scoring(scorer, score_params, self.alpha_per_target)

    def _accepted(self, score_params):
        """Without the weights if the scorer has no use for them, as in GridSearchCV."""
        if self.scoring is None or get_config()["enable_metadata_routing"]:
            return score_params
        scorer = self._scorer()
        function = getattr(scorer, "_score_func", scorer)
        if not score_params or "sample_weight" in signature(function).parameters:
            return score_params
        text = WEIGHTS_NOT_SCORED.format(scorer, self)
        warnings.warn(text, UserWarning, stacklevel=7)
        return {}

    def _store_path(self, sample, spectrum, l2, data):
        """Coefficients at every alpha, (n_alphas, n_targets, n_features), and as stored."""
        if spectrum is None:
            coefs, _ = ridge_path(sample, l2)
        else:
            coefs = spectrum.coefs(sample, l2)
        intercepts = sample.intercept(np.swapaxes(coefs, 0, 1)).astype(data.X.dtype)
        path = np.moveaxis(sample.original(coefs).astype(data.X.dtype), 0, -1)
        several = data.y_ndim > 1
        self.coef_path_ = path if several else path[0]
        self.intercept_path_ = intercepts if several else intercepts[0]
        return coefs

    def _choose(self, curve, sample, spectrum, l2, data):
        """Scores and choices as attributes; the index of the alpha of every target."""
        n_alphas, n_targets = len(l2), data.y.shape[1]
        df = np.full(n_alphas, np.nan)
        if spectrum is not None:
            df = spectrum.df(l2, sample.centred)
        sizes = np.full(n_alphas, sample.X.shape[1])
        self.alpha_results_ = table(self.alphas_, curve, df=df, support_size=sizes)
        chosen = choose_alphas(
            self.alpha_results_, self.rule, may_be_undefined=self.scoring is None
        )
        each = self.alpha_per_target and n_targets > 1
        names = {"alpha_": chosen.rule, "alpha_min_": chosen.min, "alpha_1se_": chosen.se}
        for name, index in names.items():
            if index is not None:
                alpha = self.alphas_[index]
                setattr(self, name, alpha if each else float(alpha[0]))
        scores = curve.mean[chosen.rule, np.arange(curve.mean.shape[1])]
        as_array = self.alpha_per_target and data.y_ndim > 1
        self.best_score_ = scores if as_array else float(scores[0])
        return np.broadcast_to(chosen.rule, n_targets)

    def _store_fit(self, sample, spectrum, l2, coefs, best, data):
        """The fit to all rows at the chosen alphas, from what is known of it."""
        coef = coefs[best, np.arange(len(best))]
        if spectrum is not None:
            coef = solve_at(sample, spectrum, l2)
        gaps = certify_ridge(sample, l2, coef)
        if np.all(relative_gap(gaps, 0.5 * sample.y_norm2) <= CERTIFIED):
            store_solution(self, data, sample, l2, coef, gaps)
            return
        ridge = Ridge(
            self.alpha_, fit_intercept=self.fit_intercept, standardize=self.standardize
        )
        ridge.fit(data.X, data.y_as_given, sample_weight=data.sample_weight)
        for name in ("coef_", "intercept_", "dual_gap_", "relative_gap_"):
            setattr(self, name, getattr(ridge, name))

    def _route(self, data, sample_weight, params):
        """What goes to the splitter, and to the scorer (rows of weight zero gone)."""
        if not routing_enabled(self, params):
            weight = data.sample_weight
            return {}, {} if weight is None else {"sample_weight": weight}
        if sample_weight is not None:
            params = {**params, "sample_weight": sample_weight}
        routed = process_routing(self, "fit", **params)
        score = {name: rows_of(data, v) for name, v in routed.scorer.score.items()}
        return routed.splitter.split, score

    def _scorer(self):
        if self.scoring is None and get_config()["enable_metadata_routing"]:
            return get_scorer("r2").set_score_request(sample_weight=True)
        return check_scoring(estimator=self, scoring=self.scoring, allow_none=True)

    def get_metadata_routing(self):
        """Where `fit` sends its metadata: to itself, the scorer and the splitter.

        Returns
        -------
        sklearn.utils.metadata_routing.MetadataRouter
        """
        return (
            MetadataRouter(owner=self)
            .add_self_request(self)
            .add(
                scorer=self._scorer(),
                method_mapping=MethodMapping().add(caller="fit", callee="score"),
            )
            .add(
                splitter=self.cv,
                method_mapping=MethodMapping().add(caller="fit", callee="split"),
            )
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
