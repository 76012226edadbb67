"""Early stopping with rows that are held out together."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.model_selection import GroupKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import MLPClassifier, MLPRegressor
from skreg.paths.splitting import hold_out
from tests.mlp.test_estimators import classification, regression
from tests.mlp.test_estimators_training import same_weights

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture
def splits(monkeypatch):
    """The data of every split that was made: a list of pairs."""
    seen = []
    for cls in (MLPClassifier, MLPRegressor):

        def watched(self, data, split=cls._split):
            seen.append(split(self, data))
            return seen[-1]

        monkeypatch.setattr(cls, "_split", watched)
    return seen


@pytest.mark.parametrize("refit", [False, True])
@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_no_group_is_on_both_sides(cls, refit, splits):
    X, y = classification()
    groups = np.arange(len(y)) // 6
    model = cls(early_stopping=True, refit=refit, max_iter=3, random_state=0)
    model.fit(X, y, groups=groups)
    [(training, validation)] = splits
    assert not set(training.groups) & set(validation.groups)
    assert len(set(validation.groups)) == 2  # a tenth of 15, rounded up
    assert len(training.y) + len(validation.y) == len(y)
    assert np.isfinite(model.history_["validation_score"]).all()


def test_groups_of_one_row_each_are_a_split_of_rows():
    train, validation = hold_out(30, 0.1, 0, groups=np.arange(30))
    assert (len(train), len(validation)) == (27, 3)


def test_two_rows_are_held_out():
    for seed in range(20):
        groups = np.array([0, 1, 1, 2, 2, 2])
        train, validation = hold_out(6, 0.0, seed, groups=groups)
        assert len(validation) >= 2
        assert len(train) >= 1


def test_groups_may_be_of_any_kind(splits):
    X, y = regression()
    model = MLPRegressor(early_stopping=True, max_iter=2, random_state=0)
    names = np.repeat(["north", "south", "east"], 20)
    for groups in (names, names.astype(object), names.tolist(), pd.Series(names)):
        model.fit(X, y, groups=groups)
    assert len({tuple(validation.groups) for _, validation in splits}) == 1


def test_rows_of_weight_zero_have_no_group(splits):
    X, y = regression()
    groups = np.arange(60) // 10
    weight = (groups > 1).astype(float)
    model = MLPRegressor(early_stopping=True, max_iter=5, random_state=0)
    model.fit(X, y, sample_weight=weight, groups=groups)
    absent = MLPRegressor(early_stopping=True, max_iter=5, random_state=0)
    absent.fit(X[groups > 1], y[groups > 1], groups=groups[groups > 1])
    same_weights(model, absent)
    with pytest.raises(ValueError, match="groups has one group only"):
        model.fit(X, y, sample_weight=(groups == 1).astype(float), groups=groups)


def test_without_a_split_groups_are_not_used():
    X, y = regression()
    groups = np.arange(60) // 10
    for settings in ({"max_iter": 3}, {"solver": "lbfgs"}):
        alone = MLPRegressor(random_state=0, **settings).fit(X, y)
        same_weights(
            MLPRegressor(random_state=0, **settings).fit(X, y, groups=groups), alone
        )


def test_refused_groups():
    X, y = regression()
    model = MLPRegressor(early_stopping=True)
    with pytest.raises(ValueError, match=r"groups has shape \(59,\); expected \(60,\)"):
        model.fit(X, y, groups=np.arange(59))
    with pytest.raises(ValueError, match=r"groups has shape \(60, 2\)"):
        model.fit(X, y, groups=np.ones((60, 2)))
    with pytest.raises(ValueError, match="groups has one group only"):
        model.fit(X, y, groups=np.ones(60))
    with pytest.raises(ValueError, match="groups has labels of kinds that have no order"):
        model.fit(X, y, groups=np.array([None, 1] * 30))
    with pytest.raises(ValueError, match="groups contains NaN"):
        model.fit(X, y, groups=np.full(60, np.nan))
    with pytest.raises(ValueError, match="X_val replaces what it holds out"):
        model.fit(X, y, X_val=X, y_val=y, groups=np.arange(60))
    assert not hasattr(model, "coefs_")


def test_groups_go_through_a_pipeline(splits):
    X, y = classification()
    groups = np.arange(len(y)) // 6
    with sklearn.config_context(enable_metadata_routing=True):
        model = MLPClassifier(max_iter=3, early_stopping=True, random_state=0)
        model.set_fit_request(groups=True)
        pipeline = make_pipeline(StandardScaler(), model)
        pipeline.fit(X, y, groups=groups)
        folds = {"cv": GroupKFold(3), "params": {"groups": groups}}
        result = cross_validate(pipeline, X, y, error_score="raise", **folds)
    assert len(result["test_score"]) == 3
    assert len(splits) == 4
    assert len(splits[0][0].y) + len(splits[0][1].y) == 90
    for training, validation in splits:
        assert not set(training.groups) & set(validation.groups)
    for training, validation in splits[1:]:
        assert len(training.y) + len(validation.y) == 60
