"""Cross-validation where every target is a problem of its own: LassoCV and ElasticNetCV."""

import warnings
from copy import copy
from functools import partial

import numpy as np
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import Bunch

from skreg._validation import ARRAY, BOOLEAN, check_input, choice
from skreg.exceptions import ALPHA_ZERO
from skreg.linear._coordinate_descent import EachTargetAlone
from skreg.linear._selected_alpha import CV_PARAMETERS, SelectedAlpha
from skreg.paths.alpha_search import fit_all, n_until

# Set when the input is checked: the same for all targets.
INPUT_ATTRIBUTES = {"n_features_in_", "feature_names_in_"}


class PenalizedLeastSquaresCV(EachTargetAlone, SelectedAlpha):
    """Base of LassoCV and ElasticNetCV."""

    _parameters = {
        **CV_PARAMETERS,
        "precompute": choice("auto") | ARRAY | BOOLEAN,
        "positive": BOOLEAN,
        "alpha_per_target": BOOLEAN,
    }

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = bool(self.alpha_per_target)
        return tags

    def _checked(self, X, y, sample_weight):
        data = check_input(self, X, y, sample_weight)
        return data if self.alpha_per_target else one_target(self, data)

    def _choose(self, data, recipe, split_params, score_params, given):
        if not self.alpha_per_target or data.y_ndim == 1:
            return super()._choose(data, recipe, split_params, score_params, given)
        task = self._first_task(data.y.shape[1], given).begin()
        setting, parts, paths = self._prepare(data, recipe, split_params), [], []
        targets = range(data.y.shape[1])
        count = self._common_count((target_of(setting, k) for k in targets), recipe)
        for k in targets:
            part, one = copy(self), data._replace(y=data.y[:, [k]], y_ndim=1)
            own_task = task.subtask(
                "target",
                len(recipe.penalties) + 1,
                y=partial(_column, given["y"], k),
            ).begin()
            search, fitted, own = part._search(
                target_of(setting, k), recipe, one, score_params, own_task, count
            )
            paths += search.fold_paths
            paths.append(part._store_search(search, fitted, own, one))
            own_task.end(vars(part))
            parts.append(part)
        self._stack(parts)
        task.end({})
        return paths

    def _common_count(self, settings, recipe):
        """With `saturation`, the number of alphas until all targets have reached it."""
        if self.saturation is None:
            return None
        fits = (
            fit_all(self._with_grids(setting, recipe), *setting[1:]) for setting in settings
        )
        return max(n_until(fitted, self.saturation) for fitted in fits)

    def _stack(self, parts):
        """Attributes of one fit per target as arrays whose first axis is the target."""
        learned = {name for name in vars(parts[0]) if name.endswith("_")}
        for name in learned - INPUT_ATTRIBUTES | {"_path_alphas"}:
            values = [getattr(part, name) for part in parts]
            if name == "alpha_results_":
                columns = {key: np.stack([v[key] for v in values]) for key in values[0]}
                stacked = Bunch(**columns)
            else:
                stacked = np.stack(values, axis=-1 if name == "cv_predictions_" else 0)
            setattr(self, name, stacked)

    def _store_search(self, search, fitted, recipe, data):
        result = super()._store_search(search, fitted, recipe, data)
        if self.alpha_ == 0:
            warnings.warn(ALPHA_ZERO, UserWarning, stacklevel=7)
        return result


def _column(y, k):
    """Target k of y as it was given."""
    return np.asarray(y)[:, k]


def target_of(setting, k):
    """What was read from the data once, for target k alone."""
    plan, sample, moments = setting
    if plan is not None:
        data = plan.data._replace(y=plan.data.y[:, [k]], y_ndim=1)
        plan = plan._replace(data=data, shared=plan.shared and plan.shared.select([k]))
    return plan, sample.select([k]), moments and moments.select([k])


def one_target(estimator, data):
    """Refuse several targets; a single column becomes a vector, with a warning."""
    if data.y.shape[1] > 1:
        name = type(estimator).__name__
        raise ValueError(
            f"For multi-task outputs, use MultiTask{name}. {name} got y with "
            f"{data.y.shape[1]} columns; expected shape (n_samples,)."
        )
    if data.y_ndim > 1:
        warnings.warn(
            "A column-vector y was passed when a 1d array was expected. Please change "
            "the shape of y to (n_samples,), for example using ravel().",
            DataConversionWarning,
            stacklevel=6,
        )
    return data._replace(y_ndim=1)
