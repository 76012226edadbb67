"""The fit that MultiTaskLasso, MultiTaskElasticNet and their CV classes share."""

from skreg._solvers.multi_task import recompute_multi_task_gaps
from skreg._validation import check_input, unchanged_on_failure
from skreg.linear._coordinate_descent import (
    SINGLE_PARAMETERS,
    PenalizedRegressor,
    SingleAlpha,
)
from skreg.linear._selected_alpha import CV_PARAMETERS, SelectedAlpha
from skreg.paths.path_solvers import AllTargets


class JointTargets(PenalizedRegressor):
    """All targets are one problem: one gap, one count of epochs, a matrix of weights."""

    _coef_is_matrix = True

    def _certify(self, sample, penalty, alpha, coef):
        return recompute_multi_task_gaps(sample, penalty, [alpha], coef[None])

    def _solver(self, sample):
        return AllTargets(self.tol, self.max_iter)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = False
        return tags


class MultiTaskLeastSquares(JointTargets, SingleAlpha):
    """Base of MultiTaskLasso and MultiTaskElasticNet."""

    _parameters = SINGLE_PARAMETERS

    def fit(self, X, y, sample_weight=None):
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Dense X is fastest in Fortran order when there are more features than
            samples; no order is copied to be centred. Never written to.
        y : array-like of shape (n_samples, n_targets)
        sample_weight : float or array-like of shape (n_samples,), default=None
            Weights mean repetition: weight 2 is the row twice, weight 0 the row absent.
            Only their ratios matter.

        Returns
        -------
        self : object
            Fitted estimator.
        """
        with unchanged_on_failure(self):
            self._fit(X, y, sample_weight, check=True)
        return self

    def _checked(self, X, y, sample_weight, check):
        return several_targets(self, super()._checked(X, y, sample_weight, check))

    def _store(self, data, sample, result, penalty, alpha):
        # scikit-learn's scale: a sum over the rows, twice the objective.
        self.eps_ = self.tol * len(sample.y) * float(sample.y_norm2.sum())
        return super()._store(data, sample, result, penalty, alpha)


class MultiTaskLeastSquaresCV(JointTargets, SelectedAlpha):
    """Base of MultiTaskLassoCV and MultiTaskElasticNetCV."""

    _parameters = CV_PARAMETERS

    def _checked(self, X, y, sample_weight):
        return several_targets(self, check_input(self, X, y, sample_weight))


def several_targets(estimator, data):
    """Refuse a one-dimensional y."""
    if data.y_ndim == 1:
        name = type(estimator).__name__
        raise ValueError(
            f"For mono-task outputs, use {name.removeprefix('MultiTask')}. {name} got y "
            "of one dimension; expected shape (n_samples, n_targets), for a single "
            "target y.reshape(-1, 1)."
        )
    return data
