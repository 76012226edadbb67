"""The shared fit of the CV classes of the coordinate descent estimators."""

from functools import cache, partial
from numbers import Integral

import numpy as np
from sklearn.callback import with_callbacks
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.parallel import Parallel, delayed

from skreg._solvers.least_squares import prefers_gram
from skreg._solvers.results import PathResult
from skreg._solvers.sample import refuse_overflow
from skreg._validation import (
    ARRAY,
    BOOLEAN,
    CV,
    NONE,
    SCORING,
    VERBOSE,
    check_alphas,
    check_mixings,
    check_parameters,
    choice,
    either_callable,
    integer,
    real,
    unchanged_on_failure,
)
from skreg.exceptions import InvalidParameter
from skreg.linear._alpha_path import AlphaPath
from skreg.linear._base import measured, routing_enabled, stored
from skreg.linear._callbacks import SILENT, WithCallbacks, models_of_path, what_is_given
from skreg.linear._coordinate_descent import (
    SHARED_PARAMETERS,
    PenalizedRegressor,
)
from skreg.paths.alpha_grid import alpha_grid
from skreg.paths.alpha_search import (
    can_wait,
    first_alphas,
    fit_all,
    n_until,
    search_criterion,
    search_folds,
    search_rows,
    truncated,
)
from skreg.paths.cross_validation import Recipe, make_plan
from skreg.paths.fitted_path import refit_targets
from skreg.paths.path import warn_if_not_converged
from skreg.paths.selection import FOLD_WEIGHTINGS, RULES
from skreg.paths.splitting import rows_of, split_rows

CRITERION_NAMES = ("gcv", "aic", "bic", "ebic")
CV_PARAMETERS = {
    **SHARED_PARAMETERS,
    "eps": real(0, low_open=True),
    "alphas": integer(1) | ARRAY,
    "max_iter": integer(1),
    "cv": CV | choice("loo", *CRITERION_NAMES),
    "verbose": VERBOSE,
    "n_jobs": integer() | NONE,
    "standardize": BOOLEAN,
    "scoring": SCORING,
    "rule": either_callable(*RULES),
    "fold_weighting": choice(*FOLD_WEIGHTINGS),
    "relaxed": BOOLEAN | ARRAY,
    "saturation": real(0, 1, low_open=True) | NONE,
    "noise_variance": real(0, low_open=True) | NONE,
    "ebic_gamma": real(0),
}
# Shares of the path in its blends with the refits, as in glmnet.
MIXINGS = (1.0, 0.75, 0.5, 0.25, 0.0)
# Set by some fits only.
OPTIONAL = ("alpha_1se_", "mixing_", "mse_path_", "cv_predictions_")


class SelectedAlpha(WithCallbacks, AlphaPath, PenalizedRegressor):
    """Base of estimators that choose alpha by scores at every alpha of a path."""

    def _penalties(self):
        """One penalty object per l1_ratio to be tried."""
        raise TypeError(f"{type(self).__name__} is abstract; use LassoCV.")

    def fit(self, X, y, sample_weight=None, **params):
        """Choose alpha and fit the model with it to all rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Never written to.
        y : array-like of shape (n_samples,), or (n_samples, n_targets) for MultiTask \
                classes and `alpha_per_target`
        sample_weight : float or array-like of shape (n_samples,), default=None
            Used for fitting and for the mean squared error of each held-out fold; the
            folds' errors are averaged without weights. A row of weight zero is absent,
            also for the splitter.
        **params : dict
            Parameters of the splitter, such as `groups`, and of the scorer, if metadata
            routing is enabled (``sklearn.set_config(enable_metadata_routing=True)``).

        Returns
        -------
        self : object
            Fitted estimator.
        """
        with unchanged_on_failure(self):
            self._fit(X, y, sample_weight, params)
        return self

    @with_callbacks
    def _fit(self, X, y, sample_weight, params):
        parameters = self.get_params(deep=False)
        check_parameters(type(self).__name__, parameters, self._parameters)
        self._check_combination()
        routed = self._route(sample_weight, params)
        recipe = self._recipe()
        data = self._checked(X, y, sample_weight)
        for name in OPTIONAL:
            if hasattr(self, name):
                delattr(self, name)
        score_params = _for_scorer(data, routed[1])
        given = what_is_given(X, y, sample_weight)
        paths = self._choose(data, recipe, routed[0], score_params, given)
        warn_if_not_converged(_worst(paths), parameters, stacklevel=6)

    def _choose(self, data, recipe, split_params, score_params, given):
        """Search all targets at once, store the result; all paths that were solved."""
        task = self._first_task(len(recipe.penalties) + 1, given).begin()
        setting = self._prepare(data, recipe, split_params)
        search, fitted, recipe = self._search(setting, recipe, data, score_params, task)
        result = self._store_search(search, fitted, recipe, data)
        task.end({})
        solved = [path.result for path in fitted.paths if path is not None]
        return [*search.fold_paths, *solved, result]

    def _check_combination(self):
        """Refuse what makes no sense together, before any work."""
        folds = not isinstance(self.cv, str)
        if not folds and self.cv != "loo" and self.scoring is not None:
            raise InvalidParameter(
                f"cv={self.cv!r} is a score of its own; use scoring=None, or folds. Got "
                f"scoring={self.scoring!r}."
            )
        if self.rule == "1se" and not (
            folds or (self.cv == "loo" and self.scoring is None)
        ):
            raise InvalidParameter(
                "rule='1se' needs a standard error, which folds have, and cv='loo' "
                f"without scoring; use rule='min' with cv={self.cv!r} and "
                f"scoring={self.scoring!r}."
            )
        if self._is_relaxed() and not folds:
            raise InvalidParameter(
                "relaxed refits are scored by folds only; use cv=5 or a splitter. Got "
                f"cv={self.cv!r}."
            )

    def _is_relaxed(self):
        return self.relaxed is not False and self.relaxed is not np.False_

    def _recipe(self):
        """What is to be done in every fold; the grids come later."""
        mixings, refit = (1.0,), None
        if self._is_relaxed():
            given = self.relaxed if np.ndim(self.relaxed) else MIXINGS
            mixings = check_mixings(type(self).__name__, given)
            refit = partial(refit_targets, positive=getattr(self, "positive", False))
        penalties = self._penalties()
        return Recipe(
            solver=None,
            penalties=penalties,
            l1_ratios=[getattr(penalty, "l1_ratio", 1.0) for penalty in penalties],
            alphas=[],
            fit_intercept=bool(self.fit_intercept),
            standardize=bool(self.standardize),
            refit=refit,
            mixings=mixings,
            scorer=None if self.scoring is None else self._scorer(),
        )

    def _prepare(self, data, recipe, split_params):
        """(plan or None, sample, moments): what is read from the data once."""
        count = self.alphas if isinstance(self.alphas, Integral) else len(self.alphas)
        n_alphas, total, plan = count * len(recipe.penalties), None, None
        settings = {
            "fit_intercept": recipe.fit_intercept,
            "standardize": recipe.standardize,
        }
        if not isinstance(self.cv, str):
            plan = make_plan(
                data,
                split_rows(self.cv, data, split_params),
                n_alphas,
                centred=recipe.fit_intercept,
                needs_rows=recipe.standardize and not recipe.fit_intercept,
                run=self._run,
            )
            total = plan.shared and plan.shared.together(0, len(plan.shared))
            data = data._replace(X=plan.data.columns)
        by_gram = not self._knows_gram() and prefers_gram(data.X, n_alphas)
        sample, moments = measured(data, by_gram, total=total, **settings)
        refuse_overflow(sample.y_norm2)
        return plan, sample, self._given_moments(sample) or moments

    def _run(self, tasks):
        """Results of functions without arguments, several at once."""
        parallel = Parallel(prefer="threads", n_jobs=self.n_jobs)
        return parallel(delayed(task)() for task in tasks)

    def _with_grids(self, setting, recipe):
        """The recipe with the solver and the grids that suit the data."""
        _, sample, moments = setting
        grids = self._grids(sample, moments, recipe.penalties)
        return recipe._replace(solver=self._solver(sample), alphas=grids)

    def _search(self, setting, recipe, data, score_params, task, count=None):
        """(search, paths on all rows, recipe with grids); `count` of their alphas, or as
        many as `saturation` leaves.
        """
        plan, sample, moments = setting
        recipe = self._with_grids(setting, recipe)
        watched = partial(self._watched_path, task, recipe, data)
        fit = partial(fit_all, recipe, sample, moments, watched)
        # Callbacks are told of every path, before the folds.
        only_chosen = (
            task is SILENT
            and plan is not None
            and self.saturation is None
            and can_wait(recipe, sample, moments)
        )
        fitted = fit(which=() if only_chosen else None)
        if self.saturation is not None:
            count = n_until(fitted, self.saturation) if count is None else count
            recipe, fitted = truncated(recipe, fitted, count)
        if plan is None:
            with task.subtask(self.cv):
                search = self._without_folds(fitted, recipe, data, score_params)
            return search, fitted, recipe
        n_folds = len(plan.folds)
        with task.subtask("folds", n_folds, in_order=False) as folds:
            search = search_folds(
                fitted,
                recipe,
                plan,
                rule=self.rule,
                fold_weighting=self.fold_weighting,
                jobs={"n_jobs": self.n_jobs, "verbose": int(self.verbose)},
                score_params=score_params,
                tasks=folds.at_once("fold", n_folds),
            )
        return search, fit(which=search.chosen[:1]) if only_chosen else fitted, recipe

    def _watched_path(self, task, recipe, data, i, solve):
        """What solves the path of penalty i, as a task with a subtask for every alpha."""
        alphas, more = recipe.alphas[i], self._attributes_of(recipe.penalties[i])
        with task.subtask("path", len(alphas)) as path:
            fitted, result = solve()
            solutions = cache(partial(self._as_stored, fitted, 1.0, data))
            path.models("alpha", models_of_path(alphas, solutions, **more))
        return fitted, result

    def _without_folds(self, fitted, recipe, data, score_params):
        """A :class:`~skreg.paths.alpha_search.Search` for a `cv` that is a name."""
        if self.cv == "loo":
            return search_rows(
                fitted, recipe, data, rule=self.rule, score_params=score_params
            )
        return search_criterion(
            fitted,
            recipe,
            self.cv,
            rule=self.rule,
            noise_variance=self.noise_variance,
            ebic_gamma=self.ebic_gamma,
        )

    def _grids(self, sample, moments, penalties):
        if isinstance(self.alphas, Integral):
            known = moments is not None
            correlation = moments.correlation if known else sample.correlation(sample.y)
            return [
                alpha_grid(correlation, penalty, eps=self.eps, n_alphas=self.alphas)
                for penalty in penalties
            ]
        return [np.sort(check_alphas(self.alphas))[::-1]] * len(penalties)

    def _attributes_of(self, penalty):
        """What tells the chosen penalty from the others, by name; alpha does not."""
        return {}

    def _store_search(self, search, fitted, recipe, data):
        """Set the attributes of what was tried and chosen; the final path result."""
        i, t, m = search.chosen
        grids = recipe.alphas
        self.alpha_ = grids[i][t]
        self.alpha_min_ = grids[search.best[0]][search.best[1]]
        if search.one_se is not None:
            self.alpha_1se_ = grids[search.one_se[0]][search.one_se[1]]
        if search.mse is not None:
            self.mse_path_ = np.squeeze(search.mse)
        self.alphas_ = np.asarray(grids)
        if len(grids) == 1 or not isinstance(self.alphas, Integral):
            self.alphas_ = self.alphas_[0]
        self._path_alphas = np.asarray(grids[i])
        self.alpha_results_ = search.results
        for name, value in self._attributes_of(recipe.penalties[i]).items():
            setattr(self, name, value)
        self._store_predictions(search.predictions, data)
        result = first_alphas(fitted.results[i], slice(t, t + 1))
        result = self._store(data, fitted.sample, result, recipe.penalties[i], self.alpha_)
        self._store_path(fitted.paths[i], recipe.mixings[m], t, data)
        return result

    def _store_path(self, path, mixing, t, data):
        self.coef_path_, self.intercept_path_ = self._as_stored(path, mixing, data)
        if self._is_relaxed():
            self.mixing_ = float(mixing)
            self.coef_, self.intercept_ = stored(
                path.all_coefs(mixing)[:, t],
                path.at(mixing)[1][:, t],
                data,
                self.fit_intercept,
                as_matrix=self._coef_is_matrix,
            )

    def _as_stored(self, path, mixing, data):
        """`coef_path_` and `intercept_path_` of a path."""
        coefs, intercepts = path.all_coefs(mixing), path.at(mixing)[1]
        coefs = np.swapaxes(coefs, 1, 2).astype(data.X.dtype)
        intercepts = intercepts.astype(data.X.dtype)
        if self._coef_is_matrix:
            return coefs, intercepts
        return coefs[0], intercepts[0]

    def _store_predictions(self, predictions, data):
        if predictions is None:
            return
        if data.rows is not None:
            every = np.full((data.n_given, predictions.shape[1]), np.nan)
            every[data.rows] = predictions
            predictions = every
        predictions = predictions.astype(data.X.dtype)
        self.cv_predictions_ = predictions[:, 0] if data.y_ndim == 1 else predictions

    def _scorer(self):
        return check_scoring(estimator=self, scoring=self.scoring, allow_none=True)

    def _route(self, sample_weight, params):
        """What goes to the splitter, and to the scorer: None if nothing was routed."""
        if not routing_enabled(self, params):
            return {}, None
        routed = process_routing(self, "fit", sample_weight=sample_weight, **params)
        split = {} if isinstance(self.cv, str) else routed.splitter.split
        return split, {} if self.scoring is None else routed.scorer.score

    def get_metadata_routing(self):
        """Where `fit` sends its metadata: to itself, the splitter and the scorer.

        Returns
        -------
        sklearn.utils.metadata_routing.MetadataRouter
        """
        router = MetadataRouter(owner=self).add_self_request(self)
        if not isinstance(self.cv, str):
            mapping = MethodMapping().add(caller="fit", callee="split")
            router.add(splitter=check_cv(self.cv), method_mapping=mapping)
        if self.scoring is not None:
            mapping = MethodMapping().add(caller="fit", callee="score")
            router.add(scorer=self._scorer(), method_mapping=mapping)
        return router


def _for_scorer(data, routed):
    """Parameters of the scorer for the rows that are left: by default their weights."""
    if routed is None:
        weights = data.sample_weight
        return {} if weights is None else {"sample_weight": weights}
    return {name: np.asarray(rows_of(data, value)) for name, value in routed.items()}


def checked_l1_ratios(owner, l1_ratio):
    """`l1_ratio` as a list of numbers in [0, 1]."""
    ratios = np.atleast_1d(l1_ratio)
    if len(ratios) == 0:
        raise InvalidParameter(
            f"The 'l1_ratio' parameter of {owner} must be a float or a list of floats in "
            "the range [0, 1]. Got an empty list instead."
        )
    for ratio in ratios:
        if not real(0, 1).accepts(ratio):
            raise InvalidParameter(
                f"The 'l1_ratio' parameter of {owner} must be a float or a list of "
                f"floats in the range [0, 1]. Got {ratio!r} instead."
            )
    return [float(ratio) for ratio in ratios]


def _worst(paths):
    """Several paths as one, for the message about those that did not converge."""
    return PathResult(
        alphas=np.concatenate([path.alphas for path in paths]),
        coefs=np.empty(0),
        dual_gaps=np.concatenate([path.dual_gaps for path in paths], axis=1),
        null_objectives=np.max([path.null_objectives for path in paths], axis=0),
        n_iters=np.concatenate([path.n_iters for path in paths], axis=1),
        converged=np.concatenate([path.converged for path in paths], axis=1),
    )
