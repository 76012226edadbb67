"""What SGDClassifier and SGDRegressor share: reading data, and passes over it."""

from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.validation import check_is_fitted, validate_data

from skreg._solvers.streaming import Stream, learn_from, learning_rates
from skreg._validation import FLOATS, kept_rows, unchanged_on_failure
from skreg.exceptions import (
    STREAM_NOT_CONVERGED,
    stream_clipped,
    stream_diverged,
    warn_caller,
)
from skreg.linear._sgd_settings import check_settings, kind_of
from skreg.linear._streamed_weights import StreamedWeights
from skreg.linear._wide_coef import product
from skreg.paths.splitting import hold_out

SLOWEST = 1e-6  # "adaptive" divides learning rates until they are below


class Examples(NamedTuple):
    """Rows to learn; those of weight zero are gone."""

    X: Any  # ndarray or CSR
    y: np.ndarray  # (n_samples,) as given
    target: np.ndarray  # (n_samples,): numbers, or codes of classes
    weight: np.ndarray  # (n_samples,)


class StreamedModel(StreamedWeights, BaseEstimator):
    """Base of the linear models that learn from one row at a time."""

    # `alpha` chooses a model, it is not metadata.
    __metadata_request__predict = {"alpha": UNUSED}

    def fit(self, X, y, coef_init=None, intercept_init=None, sample_weight=None):
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        coef_init : array-like of the shape of `coef_`, default=None
            Weights to start from.
        intercept_init : array-like of the shape of `intercept_`, default=None
            Intercepts to start from.
        sample_weight : array-like of shape (n_samples,), default=None
            A row of weight two counts as two rows.

        Returns
        -------
        self : object
        """
        check_settings(self)
        with unchanged_on_failure(self):
            start = self._start(coef_init, intercept_init)
            data = self._read(X, y, sample_weight, first=True)
            self._begin(data.X.dtype)
            if start is not None:
                self._start_at(*start)
            self._iterate(data)
        return self

    def _partial_fit(self, X, y, sample_weight, classes=None):
        """One pass. Weights are taken as they are: what is still to come is not known."""
        check_settings(self)
        if hasattr(self, "alphas_"):
            data = self._read(X, y, sample_weight, first=False, classes=classes)
            settings = self._settings(None)
            with unchanged_on_failure(self):
                self._go_on(settings)
        else:
            with unchanged_on_failure(self):
                data = self._read(X, y, sample_weight, first=True, classes=classes)
                self._begin(data.X.dtype)
            settings = self._learnt_with
        order = np.arange(len(data.weight))
        if self.shuffle:
            check_random_state(self.random_state).shuffle(order)
        self._learn(settings, self._rows(data), data, order, epoch=1)
        self.n_iter_ = 1
        return self

    # Where learning begins

    def _begin(self, dtype):
        self.alphas_ = np.atleast_1d(np.asarray(self.alpha, dtype=np.float64))
        self._dtype, self._kind = dtype, kind_of(self)
        self._learnt_with = self._settings(None)
        self._stream = Stream(self._learnt_with, self.n_features_in_)
        self._shown = None
        self._validation_best = None
        self.t_ = 1.0
        self._totals = np.zeros((2, len(self._stream.shares)))
        self.loss_curve_ = []

    def _start(self, coef, intercept):
        """What to start from at every alpha: given, or with `warm_start` the last fit."""
        n_alphas = np.size(self.alpha)
        coefs, intercepts = [coef] * n_alphas, [intercept] * n_alphas
        if self.warm_start and hasattr(self, "alphas_"):
            before = self._read_weights()
            if len(self.alphas_) != n_alphas:
                before = tuple([part] * n_alphas for part in self._weights_at(None))
            coefs = before[0] if coef is None else coefs
            intercepts = before[1] if intercept is None else intercepts
        if coefs[0] is None and intercepts[0] is None:
            return None
        return coefs, intercepts

    def _go_on(self, settings):
        """Refuse other settings than before; begin anew where weights were assigned."""
        kind = kind_of(self)
        for name, before in self._kind.items():
            if kind[name] != before:
                raise ValueError(
                    f"partial_fit goes on with the {name} of the first call, {before!r}; "
                    f"got {kind[name]!r}. Call fit, or partial_fit of a clone."
                )
        self.alphas_ = np.atleast_1d(np.asarray(self.alpha, dtype=np.float64))
        if self._stream is None:
            self._learnt_with = settings
            self._stream = Stream(settings, self.n_features_in_)
            self._start_at(*self._shown)

    # Passes over rows

    def _read(self, X, y, sample_weight, *, first, classes=None):
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse="csr",
            dtype=FLOATS,
            order="C",
            y_numeric=self._numeric,
            reset=first,
        )
        # SGD adds up what it learns of a column that a row has twice; squares do not add.
        adds = self.solver == "sgd" and self.learning_rate not in ("pa1", "pa2")
        if not adds and sparse.issparse(X) and not X.has_canonical_format:
            X = X.copy()
            X.sum_duplicates()
        X, y, weight = kept_rows(X, y, sample_weight)
        return Examples(X, y, self._encoded(y, first, classes), weight)

    def _rows(self, data):
        return self._stream.columns.rows_of(data.X)

    def _learn(self, settings, rows, data, order, epoch):
        """A pass over rows in an order; the mean loss at every alpha."""
        self._shown, self._learnt_with = None, settings
        learnt = learn_from(self._stream, settings, rows, data.target, data.weight, order)
        self.t_ += learnt.n_rows
        if learnt.n_rows < len(order):
            rates = learning_rates(self._stream, settings)
            row = int(order[learnt.n_rows])
            raise ValueError(stream_diverged(epoch, f"of row {row} ", rates.max()))
        if learnt.n_clipped > 0:
            rates = learning_rates(self._stream, settings)
            text = stream_clipped(epoch, learnt.n_clipped, rates.max())
            warn_caller(text, ConvergenceWarning)
        if epoch == 1:
            self._totals += learnt.weight * [learnt.loss, np.ones_like(learnt.loss)]
        loss = self._by_alpha(learnt.loss)
        self.loss_curve_.append(loss if np.ndim(self.alpha) else float(loss[0]))
        return loss

    def _by_alpha(self, values):
        """Means over the outputs of numbers of every model."""
        return values.reshape(len(self.alphas_), -1).mean(axis=1)

    def _iterate(self, data):
        """Passes until nothing gets better for a while."""
        rng = check_random_state(self.random_state)
        train, held_out = self._split(data, rng)
        scale = len(train) / data.weight[train].sum()
        data = data._replace(weight=scale * data.weight)
        settings, rows = self._settings(data), self._rows(data)
        tol = -np.inf if self.tol is None else self.tol
        best, stuck = np.full(len(self.alphas_), np.inf), np.zeros(len(self.alphas_), int)
        for epoch in range(1, self.max_iter + 1):
            order = rng.permutation(train) if self.shuffle else train
            loss = self._learn(settings, rows, data, order, epoch)
            followed = self._followed(loss, held_out)
            if self.verbose:
                print(f"epoch {epoch}: loss {loss}, followed {followed}")
            stuck = np.where(followed > best - tol, stuck + 1, 0)
            best = np.minimum(best, followed)
            if self.tol is not None and np.all(stuck >= self.n_iter_no_change):
                if not self._slow_down(settings):
                    break
                stuck[:] = 0
        else:
            if self.tol is not None:
                warn_caller(STREAM_NOT_CONVERGED, ConvergenceWarning)
        self.n_iter_ = epoch
        self._check_finite(epoch)
        if held_out is not None:
            self._validation_best = int(np.argmin(followed))

    def _check_finite(self, epoch):
        """Read the weights, so that to predict changes nothing."""
        coefs, intercepts = self._read_weights()
        parts = [coef.data if sparse.issparse(coef) else coef for coef in coefs]
        if not all(np.isfinite(part).all() for part in [*parts, intercepts]):
            rates = learning_rates(self._stream, self._learnt_with)
            raise ValueError(stream_diverged(epoch, "", rates.max()))

    def _followed(self, loss, held_out):
        """What should fall, at every alpha: the objective, or errors on rows held out."""
        if held_out is not None:
            return -self._scores(held_out)
        if self.tol is None:
            return loss  # nothing is stopped by it, and penalties read all columns
        return loss + self._by_alpha(self._stream.penalty(self._learnt_with))

    def _slow_down(self, settings):
        """Divide the learning rate of "adaptive" by 5; whether training goes on."""
        if self.learning_rate != "adaptive" or self.solver != "sgd":
            return False
        if np.all(learning_rates(self._stream, settings) <= SLOWEST):
            return False
        self._stream.slow_down()
        return True

    def _split(self, data, rng):
        """Indices of rows to learn, and the rows held out by early stopping, or None."""
        every = np.arange(len(data.weight))
        if not self.early_stopping:
            return every, None
        labels = None if self._numeric else data.y
        train, test = hold_out(len(every), self.validation_fraction, rng, labels)
        data = data._replace(weight=self._weight_in_scores(data))
        return train, Examples(*(values[test] for values in data))

    def _scores(self, held_out):
        """Score of the rows held out, at every alpha."""
        return np.array(
            [
                self._score_of(held_out.y, self._predicted(eta), held_out.weight)
                for eta in (self._eta(held_out.X, alpha) for alpha in self.alphas_)
            ]
        )

    # What is predicted, and at which alpha

    def _eta(self, X, alpha):
        coef, intercept = self._weights_at(alpha)
        return product(X, np.atleast_2d(coef) if coef.ndim == 1 else coef) + intercept

    def _linear_predictor(self, X, alpha):
        """(n_samples, n_outputs)"""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", reset=False)
        return self._eta(X, alpha)

    def _chosen(self):
        """Position of the chosen alpha: best on rows that were not yet learnt."""
        if self._validation_best is not None:
            return self._validation_best
        return int(np.argmin(np.atleast_1d(self.progressive_loss_)))

    @property
    def alpha_(self):
        """The chosen alpha."""
        return self.alphas_[self._chosen()]

    @property
    def progressive_loss_(self):
        """Mean loss of the rows of the first pass, each before it was learnt."""
        losses, weights = self._totals
        loss = self._by_alpha(losses / weights)
        return loss if np.ndim(self.alpha) else float(loss[0])

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
