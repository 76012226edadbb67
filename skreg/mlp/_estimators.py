"""What both multilayer perceptrons share: fit, continued fits, random predictions."""

import copy
from typing import Any

import numpy as np
from sklearn.callback import with_callbacks
from sklearn.metrics import check_scoring
from sklearn.utils import check_random_state, check_scalar
from sklearn.utils.validation import check_is_fitted, validate_data

from skreg._kernels.mlp_scores import summed_loss
from skreg._validation import FLOATS, Rule, unchanged_on_failure
from skreg.exceptions import (
    NON_FINITE_WEIGHTS,
    ConvergenceWarning,
    diverged,
    warn_caller,
    warn_epochs,
    warn_lbfgs,
)
from skreg.linear._callbacks import SILENT, WithCallbacks, what_is_given
from skreg.mlp._data import check_outputs
from skreg.mlp._early_stopping import Monitor
from skreg.mlp._flat_vector import FlatVector, check_layout
from skreg.mlp._lbfgs import minimize_objective
from skreg.mlp._network import (
    coefs,
    forward,
    initial_parameters,
    intercepts,
    make_network,
    make_workspace,
    penalty_value,
    sample_forward,
)
from skreg.mlp._optimizers import TrainingState, averaged_parameters, make_state
from skreg.mlp._schedules import batch_rates
from skreg.mlp._settings import (
    check_settings,
    hidden_sizes,
    noise_of,
    optimizer_of,
    regularization_of,
    schedule_of,
)
from skreg.mlp._training import n_batches, train_epoch
from skreg.paths.splitting import hold_out

AUTO_BATCH_SIZE = 200
HISTORY = (
    *("loss", "learning_rate", "validation_loss", "validation_score"),
    *("training_loss", "training_score"),
)


def is_stochastic(model):
    """Whether there is `partial_fit`."""
    if model.solver == "lbfgs":
        raise AttributeError(
            "partial_fit is only available for stochastic optimizers. lbfgs is not "
            "stochastic."
        )
    return True


class MultilayerPerceptron(WithCallbacks, FlatVector):
    """Base of the classifier and the regressor.

    They say what targets are (`_read`), which loss is meant (`_loss`), and how linear
    predictors of the output layer become predictions (`_predicted`) and are scored
    (`_score_of`).
    """

    _rules: dict[str, Rule]
    _state: TrainingState
    _monitor: Monitor
    history_: dict[str, list]
    validation_scores_: Any

    def fit(
        self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None
    ):
        """Fit the network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : float or array-like of shape (n_samples,), default=None
            Rows of weight zero are as if absent.
        X_val, y_val : array-like, default=None
            Rows to validate on after every epoch. With `early_stopping` they replace the
            split of X; without it they are only measured, for `history_`.
        sample_weight_val : array-like, default=None

        Returns
        -------
        self : object
        """
        with unchanged_on_failure(self):
            self._fit(X, y, sample_weight, X_val, y_val, sample_weight_val)
        return self

    @with_callbacks
    def _fit(self, X, y, sample_weight, *validation):
        check_settings(self, self._rules)
        fresh = not (self.warm_start and hasattr(self, "coefs_"))
        data = self._read(X, y, sample_weight, fresh=fresh)
        validation = self._read_validation(*validation)
        if self.refit and validation is not None:
            raise ValueError(
                "refit=True adds the rows that early_stopping held out of X; X_val is not "
                "among them. Leave X_val out, or set refit=False."
            )
        check_outputs(data, validation)
        self._begin(data, fresh)
        given = what_is_given(X, y, sample_weight)
        task = self._first_task(self.max_iter, given).begin()
        if self.solver == "lbfgs":
            self._minimize(data, task)
        elif validation is None and self.early_stopping:
            self._descend_with_split(data, task)
        else:
            self._descend(data, validation, self.max_iter, task)
        task.end({})

    def _descend_with_split(self, data, task):
        """Hold rows out; then, if asked for, train on all rows for the best time."""
        start = self._params.copy() if self.refit else None
        training, validation = self._split(data)
        interrupted = self._descend(training, validation, self.max_iter, task)
        if self.refit and not interrupted:
            self._train_again(data, start)

    def _continue(self, X, y, sample_weight, fresh, **given):
        """One epoch more."""
        with unchanged_on_failure(self):
            check_settings(self, self._rules)
            if self.refit:
                raise ValueError(
                    "refit=True needs the end of training, which partial_fit does not "
                    "know; set refit=False or use fit."
                )
            data = self._read(X, y, sample_weight, fresh=fresh, partial=True, **given)
            self._begin(data, fresh)
            validation = None
            if self.early_stopping:
                data, validation = self._split(data)
            self._descend(data, validation, 1, SILENT, partial=True)
        return self

    # What is fitted

    def _read_validation(self, X, y, sample_weight):
        if X is None and y is None and sample_weight is None:
            return None
        if X is None or y is None:
            raise ValueError("X_val and y_val must be given together, or none of them.")
        if self.solver == "lbfgs":
            raise ValueError(
                "X_val is for the epochs of minibatch training, which solver='lbfgs' does "
                "not have; use solver='adam', 'sgd' or 'rmsprop'."
            )
        return self._read(X, y, sample_weight, fresh=False, partial=True, name="y_val")

    def _split(self, data):
        labels = self._labels(data)
        seed = self._seed % 2**32
        parts = hold_out(len(data.y), self.validation_fraction, labels, seed)
        return tuple(data.part(rows) for rows in parts)

    # Where training stands

    def _begin(self, data, fresh):
        """The network and its state, new or as it was left."""
        network = make_network(
            data.X.shape[1], hidden_sizes(self), data.target.shape[1], self.activation
        )
        if self.input_noise > 0.0 and not isinstance(data.X, np.ndarray):
            raise ValueError(
                f"input_noise={self.input_noise} would make every entry of a sparse X "
                "non-zero; give X as a dense array, or use input_dropout."
            )
        if fresh:
            self._start(network, data.X.dtype)
        else:
            check_layout(network, self._network)
            self._network = network
            self._resume()
        self.n_layers_ = len(network.units)
        self.n_outputs_ = int(network.units[-1])

    def _start(self, network, dtype):
        random_state = check_random_state(self.random_state)
        params = initial_parameters(network, random_state, dtype)
        self._seed = int(random_state.randint(2**63 - 1, dtype=np.int64))
        self._network = network
        self._state = make_state(params, optimizer_of(self), self.average_decay > 0.0)
        if self.solver == "lbfgs":
            self._state = self._state._replace(moments=np.zeros((0, 0)))
        self._optimizer_name = self.solver
        self._monitor = Monitor(keeps=self.early_stopping)
        self._cycle_start = 0
        self.t_ = 0
        self.loss_curve_ = []
        self.history_ = {name: [] for name in HISTORY}
        self.validation_scores_ = None
        self._show(params)

    def _resume(self):
        """Continue from weights assigned by hand; with moments, if they are of use."""
        state, averaging = self._state, self.average_decay > 0.0
        params = self._current()
        replaced = params is not self._params
        params = params if replaced else state.params
        if self._optimizer_name != self.solver or averaging != (len(state.average) > 0):
            fresh = make_state(params, optimizer_of(self), averaging)
            state = fresh._replace(epoch=state.epoch)
        monitor = copy.copy(self._monitor)
        if monitor.keeps != self.early_stopping or replaced:
            monitor = Monitor(keeps=self.early_stopping)
        self._monitor = monitor
        # Copies: if this fit fails, or if they are memory maps, the old ones stay.
        dtype = params.dtype if self.dtype is None else np.dtype(self.dtype)
        self._state = state._replace(
            params=params.astype(dtype),
            moments=state.moments.astype(dtype),
            average=state.average.astype(dtype),
        )
        self.loss_curve_ = list(self.loss_curve_)
        self.history_ = {name: list(values) for name, values in self.history_.items()}
        if self.validation_scores_ is not None:
            self.validation_scores_ = list(self.validation_scores_)
        self._optimizer_name = self.solver
        self._show(self._state.params)

    # L-BFGS

    def _minimize(self, data, task):
        params = self._state.params

        def tell(loss, flat):
            self._report(f"loss = {loss:.8f}")
            task.subtask("iteration").begin().end(lambda: self._model(flat))

        result = minimize_objective(
            self._network,
            params,
            data.sample(params.dtype),
            self._loss(),
            regularization_of(self, data.weight.sum()),
            max_iter=self.max_iter,
            max_fun=self.max_fun,
            tol=self.tol,
            tell=tell,
        )
        if not (np.isfinite(result.value) and np.isfinite(result.params).all()):
            raise ValueError(NON_FINITE_WEIGHTS)
        params[:] = result.params
        self.loss_ = result.value
        self.loss_curve_ += result.losses
        self.history_["loss"] += result.losses
        self.best_loss_ = min(self.loss_curve_, default=result.value)
        self.best_validation_score_ = None
        self.n_iter_ = result.n_iter
        if result.interrupted:
            warn_caller("Training interrupted by user.", UserWarning)
        elif not result.converged:
            warn_lbfgs(result.n_iter, result.message, self.max_iter)

    # Epochs

    def _recipe(self, data, n_samples):
        """What all epochs are made with."""
        if self.batch_size != "auto" and self.batch_size > n_samples:
            warn_caller(
                "Got `batch_size` less than 1 or larger than sample size. It is going to "
                f"be clipped: batch_size={self.batch_size}, {n_samples} rows.",
                UserWarning,
            )
        size = AUTO_BATCH_SIZE if self.batch_size == "auto" else self.batch_size
        return {
            "loss": self._loss(),
            "optimizer": optimizer_of(self),
            "regularization": regularization_of(self, data.weight.sum()),
            "noise": noise_of(self),
            "batch_size": min(size, n_samples),
            "seed": self._seed,
            "shuffle": self.shuffle,
            "mixup": float(self.mixup),
            "average_decay": self.average_decay,
        }

    def _descend(self, data, validation, n_epochs, task, *, partial=False):
        """Train until the monitor has seen enough, or for `n_epochs`."""
        sample = data.sample(self._state.params.dtype)
        recipe = self._recipe(data, len(data.y))
        recipe["workspace"] = make_workspace(
            self._network, sample.rows, recipe["batch_size"], sample.target.dtype
        )
        self.n_iter_ = 0
        if self.validation_scores_ is None and validation is not None:
            self.validation_scores_ = []
        stopped, interrupted = partial, False
        if not partial:
            self._cycle_start = self._state.epoch
        try:
            while self.n_iter_ < n_epochs:
                epoch = task.subtask("epoch").begin()
                goes_on = self._epoch(data, sample, validation, recipe)
                epoch.end(lambda: self._model(self._best()))
                if not goes_on:
                    stopped = True
                    break
        except KeyboardInterrupt:
            warn_caller("Training interrupted by user.", UserWarning)
            stopped = interrupted = True
        self._finish()
        if not stopped:
            warn_epochs(self.max_iter)
        return interrupted

    def _train_again(self, data, start):
        """From the same start, on all rows, for the epochs that were best with some out."""
        self._state = make_state(start, optimizer_of(self), self.average_decay > 0.0)
        self.t_ = 0
        sample = data.sample(start.dtype)
        recipe = self._recipe(data, len(data.y))
        for _ in range(self.best_epoch_):
            loss, rates = self._advance(sample, recipe)
            if not np.isfinite(loss):
                self._diverged(rates)
                break
        self._show(self._exported())

    def _advance(self, sample, recipe):
        """Train one epoch; its mean loss, not finite if it was undone, and its rates."""
        schedule, n_samples = schedule_of(self), len(sample.weight)
        size = n_batches(n_samples, recipe["batch_size"])
        epoch = self._state.epoch
        if schedule.name in ("cosine", "onecycle"):
            epoch -= self._cycle_start
        rates = batch_rates(schedule, epoch, size, self.t_) / self._monitor.shrink
        self._state, loss = train_epoch(
            self._network, sample, self._state, learning_rate=rates, **recipe
        )
        if np.isfinite(loss):
            self.t_ += n_samples
        return loss, rates

    def _epoch(self, data, sample, validation, recipe):
        """One epoch, and what is noted of it; whether to go on."""
        loss, rates = self._advance(sample, recipe)
        if not np.isfinite(loss):
            self._diverged(rates)
            return False
        self.n_iter_ += 1
        params = self._exported()
        if params is not self._params:
            self._show(params)
        loss += penalty_value(self._network, params, recipe["regularization"])
        value = self._note(loss, float(rates[-1]), data, validation)
        monitor, adaptive = self._monitor, schedule_of(self).name == "adaptive"
        monitor.follow(value, self._state.epoch, params, self.tol)
        return not monitor.wants_to_stop(self.n_iter_no_change, rates[-1], adaptive)

    def _exported(self):
        """The parameters that predict: of the last step, or their running mean."""
        if self.average_decay > 0.0:
            return averaged_parameters(self._state, self.average_decay)
        return self._state.params

    def _best(self):
        """The parameters that would predict if training ended here."""
        kept = self._monitor.kept if self.early_stopping else None
        return self._params if kept is None else kept

    def _model(self, params):
        """Attributes of the model with these parameters, for callbacks."""
        params = params.astype(self._params.dtype)  # a copy that training leaves alone
        return {
            "_params": params,
            "coefs_": coefs(self._network, params),
            "intercepts_": intercepts(self._network, params),
        }

    def _note(self, loss, rate, data, validation):
        """Write an epoch down; the number that the monitor follows."""
        self.loss_ = float(loss)
        self.loss_curve_.append(self.loss_)
        self.history_["loss"].append(self.loss_)
        self.history_["learning_rate"].append(rate)
        text = f"Iteration {self.n_iter_}, loss = {loss:.8f}"
        if self.monitor_training:
            self._measure(data, "training")
        value = self.loss_
        if validation is not None:
            measured, score = self._measure(validation, "validation")
            self.validation_scores_.append(score)
            text += f", validation loss = {measured:.8f}, score = {score:.6f}"
            if self.early_stopping:
                value = measured if self.scoring is None else -score
        self._report(text)
        return value

    def _measure(self, data, name):
        """Mean loss and score of the network without noise."""
        eta = forward(self._network, self._params, data.X)
        score = self._validation_score(data, eta)
        target = np.ascontiguousarray(data.target, dtype=eta.dtype)
        total = summed_loss(self._plain_loss(), eta, target, data.weight)
        loss = total / data.weight.sum()
        self.history_[f"{name}_loss"].append(float(loss))
        self.history_[f"{name}_score"].append(float(score))
        return float(loss), float(score)

    def _validation_score(self, data, eta):
        if not np.isfinite(eta).all():
            return np.nan
        if self.scoring is None:
            return self._score_of(data.y, self._predicted(eta), data.weight)
        # A scorer calls predict with an array, which should not be told of names.
        model = copy.copy(self)
        if hasattr(model, "feature_names_in_"):
            del model.feature_names_in_
        scorer = check_scoring(model, self.scoring)
        return scorer(model, data.X, data.y, sample_weight=data.weight)

    def _finish(self):
        """Best weights and best numbers, as attributes."""
        self._show(self._best())
        scores = self.validation_scores_
        self.best_validation_score_ = max(scores) if scores else None
        self.best_loss_ = None
        if not self.early_stopping:
            self.best_loss_ = min(self.loss_curve_, default=np.inf)
        self.best_epoch_ = self._monitor.best_epoch

    def _diverged(self, rates):
        """Stop with the last finite weights; there are none in the first epoch of all."""
        epoch = self._state.epoch
        text = diverged(epoch + 1, rates.max())
        if epoch == 0:
            raise ValueError(f"{NON_FINITE_WEIGHTS} {text}")
        text = f"{text} The weights are those after epoch {epoch}."
        warn_caller(text, ConvergenceWarning)

    def _report(self, text):
        if self.verbose:
            print(text)

    # Predictions

    def _eta(self, X):
        """Linear predictor of the output layer, (n_samples, n_outputs)."""
        check_is_fitted(self)
        return forward(self._network, self._current(), self._read_X(X))

    def _read_X(self, X):
        return validate_data(
            self, X, accept_sparse=["csr", "csc"], dtype=FLOATS, reset=False
        )

    def _random_etas(self, X, n_samples, random_state):
        """Linear predictors of thinned networks, (n_samples, n_rows, n_outputs)."""
        check_is_fitted(self)
        check_scalar(n_samples, "n_samples", target_type=(int, np.integer), min_val=1)
        noise = noise_of(self)._replace(input_noise=0.0)
        if not np.any(noise.dropout):
            raise ValueError(
                "Predictions are random only with dropout or input_dropout above 0."
            )
        seed = self._seed
        if random_state is not None:
            generator = check_random_state(random_state)
            seed = int(generator.randint(2**63 - 1, dtype=np.int64))
        params, X = np.ascontiguousarray(self._current()), self._read_X(X)
        return sample_forward(self._network, params, X, noise, n_samples, seed)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
