"""scikit-learn's callbacks see the tasks of every CV class."""

import pickle
import warnings
from collections import Counter
from datetime import datetime
from functools import partial

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.callback import CallbackContext, FitCallback, ScoringMonitor
from sklearn.datasets import load_diabetes
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skreg
from tests.linear.problems import gaussian

SINGLE = [skreg.LassoCV, skreg.ElasticNetCV]
JOINT = [skreg.MultiTaskLassoCV, skreg.MultiTaskElasticNetCV]
PATHS = pytest.mark.parametrize("cls", [*SINGLE, *JOINT])
CV_CLASSES = pytest.mark.parametrize("cls", [*SINGLE, *JOINT, skreg.RidgeCV])
FEW = {"alphas": 4, "eps": 0.05, "cv": 3}


def few(cls, **settings):
    """An instance with four alphas and three folds."""
    grid = {"alphas": (10.0, 1.0, 0.1, 0.01), "cv": 3} if cls is skreg.RidgeCV else FEW
    return cls(**{**grid, **settings})


def data_for(cls):
    X, y = gaussian(40, 6, 3, seed=0)
    return (X, np.column_stack([y, y[::-1]])) if cls in JOINT else (X, y)


class Recorder:
    """Keeps every call in the process that it was made in."""

    def __init__(self):
        self.calls = []

    def _note(self, hook, context):
        path, ancestor = [], context
        while ancestor is not None:
            path.append(ancestor.task_id)
            ancestor = ancestor.parent
        self.calls.append((hook, context.task_name, tuple(path[::-1])))

    def setup(self, estimator, context):
        self._note("setup", context)

    def on_fit_task_begin(self, estimator, context):
        self._note("begin", context)

    def on_fit_task_end(self, estimator, context):
        self._note("end", context)

    def teardown(self, estimator, context):
        self._note("teardown", context)

    def tasks(self, hook="begin"):
        return [call[1:] for call in self.calls if call[0] == hook]


class Propagated(Recorder):
    max_propagation_depth = None


class Models(Recorder):
    """Keeps what the estimator was after every task that led to a model."""

    def __init__(self):
        super().__init__()
        self.models = {}

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
        super().on_fit_task_end(estimator, context)
        if fitted_estimator is not None:
            path = self.calls[-1][2]
            self.models[path] = fitted_estimator, X, y, metadata


class Failing(Recorder):
    def __init__(self, hook, name):
        super().__init__()
        self.fails = hook, name

    def _note(self, hook, context):
        super()._note(hook, context)
        if (hook, context.task_name) == self.fails:
            raise RuntimeError("no more")


class Diary(Recorder):
    """Writes every call to a file, from any process."""

    def __init__(self, file):
        super().__init__()
        self.file = file

    def _note(self, hook, context):
        with open(self.file, "a") as file:
            file.write(f"{hook} {context.task_name} {context.task_id}\n")


@PATHS
def test_the_tree_of_tasks(cls):
    recorder = Recorder()
    few(cls).set_callbacks(recorder).fit(*data_for(cls))
    steps = [("alpha", (0, 0, t)) for t in range(4)]
    folds = [("fold", (0, 1, k)) for k in range(3)]
    begun = [("fit", (0,)), ("path", (0, 0)), *steps, ("folds", (0, 1)), *folds]
    assert recorder.tasks("begin") == begun
    over = [*steps, ("path", (0, 0)), *folds, ("folds", (0, 1)), ("fit", (0,))]
    assert recorder.tasks("end") == over
    assert recorder.calls[0] == ("setup", "fit", (0,))
    assert recorder.calls[-1] == ("teardown", "fit", (0,))


@pytest.mark.parametrize("cls", [skreg.ElasticNetCV, skreg.MultiTaskElasticNetCV])
def test_a_path_for_every_l1_ratio(cls):
    recorder = Recorder()
    cls(l1_ratio=[0.3, 0.9], **FEW).set_callbacks(recorder).fit(*data_for(cls))
    assert [path for name, path in recorder.tasks() if name == "path"] == [(0, 0), (0, 1)]
    assert Counter(name for name, _ in recorder.tasks())["alpha"] == 8


@PATHS
@pytest.mark.parametrize("cv", ["loo", "gcv", "aic", "bic", "ebic"])
def test_scores_without_folds_are_one_task(cls, cv):
    recorder = Recorder()
    cls(alphas=3, eps=0.1, cv=cv).set_callbacks(recorder).fit(*data_for(cls))
    assert recorder.tasks()[-1] == (cv, (0, 1))
    assert sorted(recorder.tasks("begin")) == sorted(recorder.tasks("end"))


def test_ridge_scores_before_it_follows_the_path():
    recorder = Recorder()
    few(skreg.RidgeCV).set_callbacks(recorder).fit(*data_for(skreg.RidgeCV))
    steps = [("alpha", (0, 1, t)) for t in range(4)]
    folds = [("fold", (0, 0, k)) for k in range(3)]
    begun = [("fit", (0,)), ("folds", (0, 0)), *folds, ("path", (0, 1)), *steps]
    assert recorder.tasks("begin") == begun
    assert sorted(recorder.tasks("end")) == sorted(begun)


@pytest.mark.parametrize("cv", [None, "loo", "gcv", "aic", "bic", "ebic"])
def test_ridge_without_folds(cv):
    recorder = Recorder()
    few(skreg.RidgeCV, cv=cv).set_callbacks(recorder).fit(*data_for(skreg.RidgeCV))
    assert recorder.tasks()[1] == (cv or "loo", (0, 0))
    assert sorted(recorder.tasks("begin")) == sorted(recorder.tasks("end"))


def test_ridge_of_sparse_rows_and_an_alpha_for_every_target():
    X, y = data_for(skreg.MultiTaskLassoCV)
    models = Models()
    model = few(skreg.RidgeCV, alpha_per_target=True).set_callbacks(models)
    model.fit(sparse.csr_array(X), y)
    for t, alpha in enumerate(model.alphas_):
        stopped = models.models[0, 1, t][0]
        expected = skreg.Ridge(alpha).fit(X, y)
        np.testing.assert_allclose(stopped.coef_, expected.coef_, atol=1e-9)
        np.testing.assert_allclose(stopped.predict(X), expected.predict(X), atol=1e-8)


@CV_CLASSES
def test_scoring_monitor_has_the_score_at_every_alpha(cls):
    X, y = data_for(cls)
    monitor = ScoringMonitor(scoring="r2")
    model = few(cls).set_callbacks(monitor).fit(X, y)
    log = monitor.get_logs().data
    scores = [row["r2"] for row in log if row["task_name"] == "alpha"]
    expected = [r2_score(y, model.predict(X, alpha=alpha)) for alpha in model.alphas_]
    np.testing.assert_allclose(scores, expected, rtol=1e-12, atol=1e-14)
    whole = [row["r2"] for row in log if row["task_name"] == "fit"]
    assert whole == [model.score(X, y)]
    assert len(log) == 1 + len(expected)


@pytest.mark.parametrize(
    "settings",
    [
        {"fit_intercept": False},
        {"standardize": True},
        {"relaxed": True},
        {"saturation": 0.5},
        {"positive": True},
    ],
    ids=lambda settings: next(iter(settings)),
)
@pytest.mark.parametrize("kind", ["dense", "float32", "sparse"])
def test_models_are_as_if_the_fit_were_over(settings, kind):
    X, y = data_for(skreg.LassoCV)
    y = y - X[:, 0]
    X = {"float32": np.float32, "dense": np.array, "sparse": sparse.csr_array}[kind](X)
    models = Models()
    model = skreg.LassoCV(tol=1e-12, **{**FEW, **settings}).set_callbacks(models)
    model.fit(X, y)
    single = {key: settings[key] for key in settings if hasattr(skreg.Lasso(), key)}
    for t, alpha in enumerate(model.alphas_):
        stopped, given, *_ = models.models[0, 0, t]
        assert given is X
        assert stopped.alpha_ == alpha
        expected = skreg.Lasso(alpha, tol=1e-12, **single).fit(X, y)
        assert stopped.coef_.dtype == expected.coef_.dtype
        assert stopped.coef_.shape == expected.coef_.shape
        tolerance = 1e-4 if kind == "float32" else 1e-9
        np.testing.assert_allclose(stopped.coef_, expected.coef_, atol=tolerance)
        np.testing.assert_allclose(stopped.predict(X), expected.predict(X), atol=tolerance)
        found = stopped.predict(X, alpha=model.alphas_[0])
        np.testing.assert_array_equal(found, model.predict(X, alpha=model.alphas_[0]))
        with pytest.raises(ValueError, match="outside of the alphas that were tried"):
            stopped.predict(X, alpha=alpha / 2)


def test_models_know_their_l1_ratio():
    models = Models()
    model = skreg.ElasticNetCV(l1_ratio=[0.3, 0.9], **FEW).set_callbacks(models)
    model.fit(*data_for(skreg.ElasticNetCV))
    assert models.models[0, 0, 1][0].l1_ratio_ == 0.3
    assert models.models[0, 1, 1][0].l1_ratio_ == 0.9
    assert models.models[0, 1, 1][0].alpha_ == model.alphas_[1, 1]
    assert not hasattr(models.models[0, 1, 1][0], "mse_path_")


def test_an_alpha_for_every_target():
    X, y = data_for(skreg.MultiTaskLassoCV)
    monitor, models = ScoringMonitor(scoring="r2"), Models()
    model = skreg.LassoCV(alpha_per_target=True, **FEW).set_callbacks(monitor, models)
    model.fit(X, y)
    for k in range(2):
        alone = skreg.LassoCV(**FEW).fit(X, y[:, k])
        row = next(r for r in monitor.get_logs().data if r["task_id_path"] == (0, k))
        assert row["task_name"] == "target"
        np.testing.assert_allclose(row["r2"], alone.score(X, y[:, k]), rtol=1e-9)
        stopped, _, target, _ = models.models[0, k, 0, 2]
        np.testing.assert_array_equal(target, y[:, k])
        np.testing.assert_allclose(stopped.coef_, alone.coef_path_[:, 2], atol=1e-9)


@CV_CLASSES
def test_weights_go_to_the_scorer(cls):
    X, y = data_for(cls)
    weight = np.tile([2.0, 0.0, 1.0, 1.0], 10)
    monitor = ScoringMonitor(scoring="r2")
    model = few(cls).set_callbacks(monitor).fit(X, y, sample_weight=weight)
    assert monitor.get_logs().data[0]["r2"] == model.score(X, y, weight)
    models = Models()
    few(cls).set_callbacks(models).fit(X, y, sample_weight=2.0)
    assert models.models[0,][3] is None


def test_data_frames_are_handed_on_as_they_are():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    monitor = ScoringMonitor(scoring="r2")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = skreg.LassoCV(**FEW).set_callbacks(monitor).fit(X, y)
    assert isinstance(monitor.get_logs().data_as_pandas, pd.DataFrame)
    assert monitor.get_logs().data[0]["r2"] == model.score(X, y)


@CV_CLASSES
def test_callbacks_change_nothing(cls):
    X, y = data_for(cls)
    plain = few(cls).fit(X, y)
    watched = few(cls).set_callbacks(Models()).fit(X, y)
    for name in ("coef_path_", "mse_path_", "coef_", "cv_predictions_"):
        np.testing.assert_array_equal(getattr(watched, name), getattr(plain, name))
    assert vars(watched.set_callbacks()).keys() == vars(plain).keys()


@CV_CLASSES
def test_without_callbacks_there_are_no_tasks(cls, monkeypatch):
    def refuse(*arguments, **settings):
        raise AssertionError("a task was made that nobody listens to")

    monkeypatch.setattr(CallbackContext, "subcontext", refuse)
    few(cls).fit(*data_for(cls))
    with pytest.raises(AssertionError, match="nobody listens"):
        few(cls).set_callbacks(Recorder()).fit(*data_for(cls))
    few(cls).set_callbacks(Recorder()).set_callbacks().fit(*data_for(cls))


def test_one_target_at_a_time_without_callbacks():
    X, y = data_for(skreg.MultiTaskLassoCV)
    model = skreg.LassoCV(alpha_per_target=True, **FEW).fit(X, y)
    assert model.alpha_.shape == (2,)


@CV_CLASSES
def test_clones_have_the_same_callbacks(cls):
    recorder = Recorder()
    clone(few(cls).set_callbacks(recorder)).fit(*data_for(cls))
    assert Counter(name for name, _ in recorder.tasks("end"))["alpha"] == 4
    assert vars(clone(few(cls))) == vars(few(cls))


def test_callbacks_survive_pickling():
    model = skreg.LassoCV(**FEW).set_callbacks(Models())
    again = pickle.loads(pickle.dumps(model)).fit(*data_for(skreg.LassoCV))
    assert vars(again.fit(*data_for(skreg.LassoCV)))["_is_watched"]


def test_several_threads():
    recorder = Recorder()
    X, y = data_for(skreg.LassoCV)
    model = skreg.LassoCV(n_jobs=2, alphas=4, cv=8).set_callbacks(recorder).fit(X, y)
    assert sorted(p for name, p in recorder.tasks("end") if name == "fold") == [
        (0, 1, k) for k in range(8)
    ]
    expected = skreg.LassoCV(alphas=4, cv=8).fit(X, y)
    np.testing.assert_array_equal(model.mse_path_, expected.mse_path_)


def test_several_processes(tmp_path):
    X, y = data_for(skreg.LassoCV)
    diary, monitor = Diary(tmp_path / "diary"), ScoringMonitor(scoring="r2")
    model = skreg.LassoCV(n_jobs=2, **FEW).set_callbacks(diary, monitor)
    with joblib.parallel_config(backend="loky"):
        model.fit(X, y)
    lines = diary.file.read_text().splitlines()
    assert {f"{hook} fold {k}" for hook in ("begin", "end") for k in range(3)} < set(lines)
    assert max(Counter(lines).values()) == 1
    assert len(monitor.get_logs().data) == 5


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize(
    "where", [("begin", "fit"), ("end", "alpha"), ("begin", "fold"), ("end", "folds")]
)
def test_a_callback_that_fails_leaves_the_estimator_as_it_was(where, n_jobs):
    X, y = data_for(skreg.LassoCV)
    callback = Failing(*where)
    model = skreg.LassoCV(n_jobs=n_jobs, **FEW).set_callbacks(callback)
    before = vars(model).copy()
    with pytest.raises(RuntimeError, match="no more"):
        model.fit(X, y)
    assert vars(model) == before
    assert callback.tasks("teardown") == [("fit", (0,))]
    model.set_callbacks(Recorder()).fit(X, y)


def test_a_fit_that_fails_tears_callbacks_down():
    X, y = data_for(skreg.LassoCV)
    recorder = Recorder()

    def scorer(estimator, X, y):
        raise RuntimeError("no score")

    model = skreg.LassoCV(scoring=scorer, **FEW).set_callbacks(recorder)
    with pytest.raises(RuntimeError, match="no score"):
        model.fit(X, y)
    assert recorder.calls[-1] == ("teardown", "fit", (0,))


def test_propagation_through_a_pipeline_and_a_search():
    X, y = data_for(skreg.LassoCV)
    recorder = Propagated()
    pipeline = make_pipeline(StandardScaler(), skreg.LassoCV(**FEW))
    search = GridSearchCV(pipeline, {"lassocv__eps": [0.1, 0.2]}, cv=KFold(2))
    search.set_callbacks(recorder).fit(X, y)
    names = Counter(name for name, _ in recorder.tasks())
    assert (names["alpha"], names["fold"]) == (5 * 4, 5 * 3)
    assert Counter(recorder.tasks("begin")) == Counter(recorder.tasks("end"))
    assert (
        vars(search.best_estimator_[-1]).keys()
        == vars(clone(pipeline[-1]).fit(X, y)).keys()
    )


def test_monitor_of_the_last_step_of_a_pipeline():
    X, y = data_for(skreg.LassoCV)
    monitor = ScoringMonitor(scoring="r2")
    model = make_pipeline(
        StandardScaler(), skreg.LassoCV(**FEW).set_callbacks(monitor)
    ).fit(X, y)
    row = next(r for r in monitor.get_logs().data if r["task_name"] == "fit")
    np.testing.assert_allclose(row["r2"], model.score(X, y), rtol=1e-12)


@CV_CLASSES
def test_progress_bar(cls, capsys):
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    few(cls, n_jobs=2).set_callbacks(ProgressBar()).fit(*data_for(cls))
    shown = capsys.readouterr().out
    for name in ("fit", "path #", "folds #"):
        assert f"{cls.__name__} - {name}" in shown
    assert shown.count("100%") >= 3


def test_warnings_point_at_the_caller():
    X, y = data_for(skreg.LassoCV)
    wide = np.random.default_rng(0).standard_normal((150, 300))
    dense = wide[:, :70].sum(axis=1) + gaussian(150, 1, 0, seed=1)[1]
    calls = [
        lambda: skreg.LassoCV(alphas=[0.0, 1.0]).fit(X, y),
        lambda: skreg.LassoCV(max_iter=1, tol=0, precompute=False).fit(X, y),
        lambda: skreg.LassoCV(**FEW).fit(X, y[:, None]),
        lambda: skreg.LassoCV(cv="loo", alphas=[0.02]).fit(wide, dense),
        lambda: skreg.RidgeCV(gcv_mode="svd").fit(sparse.csr_array(X), y),
    ]
    for call in calls:
        with pytest.warns(Warning) as caught:  # noqa: PT030
            call()
        assert [warning.filename for warning in caught] == [__file__]


def test_what_is_no_callback_is_refused():
    assert isinstance(Recorder(), FitCallback)
    with pytest.raises(TypeError, match="FitCallback"):
        skreg.LassoCV().set_callbacks(partial(print, datetime.now()))
