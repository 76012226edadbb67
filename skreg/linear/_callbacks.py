"""The tasks of a fit, as scikit-learn's callbacks see them.

A fit is a tree of tasks: the paths on all rows with a subtask for every alpha, then what
scores the alphas. A :class:`Task` tells the callbacks of its begin and its end; a fit
without callbacks has the one task `SILENT`, which does nothing.
"""

from numbers import Number
from typing import Any, NamedTuple

from sklearn.callback import CallbackContext, CallbackSupportMixin


class Task(NamedTuple):
    """One task; pickled into the process that does it, if that is another one."""

    estimator: Any
    context: CallbackContext
    given: dict  # X, y and metadata of `fit`, or functions that return them

    def begin(self):
        """Tell that the task begins; the task itself."""
        self.context.call_on_fit_task_begin(estimator=self.estimator, **self.given)
        return self

    def end(self, model=None):
        """Tell that the task is over.

        Parameters
        ----------
        model : dict or callable, optional
            Attributes of the estimator as if the fit were over too, or a function that
            returns them, which is called if a callback wants to know.
        """
        self.context.call_on_fit_task_end(
            estimator=self.estimator, **self.given, reconstruction_attributes=model
        )

    def __enter__(self):
        return self.begin()

    def __exit__(self, kind, error, traceback):
        if kind is None:
            self.end()

    def subtask(self, name, n_subtasks=0, *, in_order=True, **given):
        """The next part of the task, with `n_subtasks` parts of its own.

        Those come one after the other if `in_order`; `given` replaces what `fit` was given.
        """
        context = self.context.subcontext(
            name, max_subtasks=n_subtasks, sequential_subtasks=in_order
        )
        return self._replace(context=context, given={**self.given, **given})

    def at_once(self, name, count):
        """`count` parts that may run at the same time, on rows that are not told."""
        contexts = [self.context.subcontext(name, task_id=k) for k in range(count)]
        return [self._replace(context=context, given={}) for context in contexts]

    def models(self, name, models):
        """Parts that are over already, with the model that each of them led to."""
        for model in models:
            self.subtask(name).begin().end(model)


class SilentTask:
    """The same where nobody listens."""

    def begin(self):
        """Nothing is told."""
        return self

    def end(self, model=None):
        """Nothing is told."""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        return None

    def subtask(self, name, n_subtasks=0, *, in_order=True, **given):
        """As silent."""
        return self

    def at_once(self, name, count):
        """As silent."""
        return [self] * count

    def models(self, name, models):
        """Nothing is told."""


SILENT = SilentTask()


class WithCallbacks(CallbackSupportMixin):
    """Base of estimators that tell callbacks of their fit.

    `fit` runs in a method decorated with :func:`sklearn.callback.with_callbacks`.
    """

    _is_watched = False

    def set_callbacks(self, *callbacks):
        """Set what is told of the progress of `fit`.

        Parameters
        ----------
        *callbacks : instances of the :class:`sklearn.callback.FitCallback` protocol
            They replace those that were set before; no argument removes these.

        Returns
        -------
        self : object
        """
        super().set_callbacks(*callbacks)
        if callbacks:
            self._is_watched = True
        elif self._is_watched:
            del self._is_watched
        return self

    def __sklearn_clone__(self):
        clone = super().__sklearn_clone__()
        if self._is_watched:  # the clone has the same callbacks
            clone._is_watched = True
        return clone

    def _first_task(self, n_subtasks, given):
        """The task of the whole fit; to be begun, and ended with an empty model."""
        context = self._init_callback_context(max_subtasks=n_subtasks)
        return Task(self, context, given) if self._is_watched else SILENT


def what_is_given(X, y, sample_weight):
    """What callbacks are told of the arguments of `fit`."""
    alike = sample_weight is None or isinstance(sample_weight, Number)
    metadata = None if alike else {"sample_weight": sample_weight}
    return {"X": X, "y": y, "metadata": metadata}


def models_of_path(alphas, solutions, **attributes):
    """A model for every alpha of a path, each as a function that returns its attributes.

    Parameters
    ----------
    alphas : ndarray of shape (n_alphas,)
    solutions : callable
        Returns `coef_path_` and `intercept_path_`, whose last axis are the alphas.
    **attributes : dict
        The same for all.
    """

    def model(t):
        coefs, intercepts = solutions()
        return {
            "alpha_": alphas[t],
            "coef_": coefs[..., t],
            "intercept_": intercepts[..., t],
            "coef_path_": coefs[..., : t + 1],
            "intercept_path_": intercepts[..., : t + 1],
            "_path_alphas": alphas[: t + 1],
            **attributes,
        }

    return (lambda t=t: model(t) for t in range(len(alphas)))
