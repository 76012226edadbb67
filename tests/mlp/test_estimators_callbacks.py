"""scikit-learn's callbacks see every epoch."""

import numpy as np
import pytest
from sklearn.callback import ScoringMonitor

from skreg import MLPClassifier, MLPRegressor
from tests.mlp.test_estimators import classification, regression

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class Recorder:
    """Keeps the names of tasks, and the models that they ended with."""

    def __init__(self):
        self.tasks, self.models, self.n_open = [], [], 0

    def setup(self, estimator, context):
        self.n_open += 1

    def on_fit_task_begin(self, estimator, context):
        self.tasks.append(context.task_name)

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.models.append(fitted_estimator)

    def teardown(self, estimator, context):
        self.n_open -= 1


@pytest.mark.parametrize(
    ("settings", "name"),
    [({}, "epoch"), ({"average_decay": 0.9}, "epoch"), ({"solver": "lbfgs"}, "iteration")],
)
def test_every_epoch_is_a_task_with_its_model(settings, name):
    X, y = regression()
    recorder = Recorder()
    model = MLPRegressor(max_iter=5, random_state=0, **settings).set_callbacks(recorder)
    model.fit(X, y)
    assert recorder.tasks == ["fit"] + [name] * 5
    assert recorder.n_open == 0
    for n_iter, part in zip((1, 3, 5), recorder.models[:5:2], strict=True):
        shorter = MLPRegressor(max_iter=n_iter, random_state=0, **settings).fit(X, y)
        np.testing.assert_array_equal(part.predict(X), shorter.predict(X))
    np.testing.assert_array_equal(recorder.models[5].predict(X), model.predict(X))


def test_callbacks_change_nothing():
    X, y = classification()
    settings = {"max_iter": 10, "early_stopping": True, "random_state": 0}
    watched = MLPClassifier(**settings).set_callbacks(Recorder()).fit(X, y)
    alone = MLPClassifier(**settings).fit(X, y)
    np.testing.assert_array_equal(watched.predict_proba(X), alone.predict_proba(X))
    assert set(vars(watched)) - set(vars(alone)) == {"_skl_callbacks", "_is_watched"}


def test_scores_are_monitored():
    X, y = classification()
    monitor = ScoringMonitor(scoring="neg_log_loss")
    model = MLPClassifier(max_iter=6, monitor_training=True, random_state=0)
    model.set_callbacks(monitor).fit(X, y)
    rows = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    losses = [-row["neg_log_loss"] for row in rows]
    np.testing.assert_allclose(losses, model.history_["training_loss"], rtol=1e-6)
