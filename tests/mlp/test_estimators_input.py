"""What is refused, and with which words."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy import sparse
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import MLPClassifier, MLPRegressor
from skreg.exceptions import InvalidParameter
from tests.mlp.test_estimators import classification, regression

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"dropout": 1.0}, r"'dropout' parameter of MLPRegressor must be .*\[0, 1\)"),
        ({"dropout": -0.1}, "'dropout'"),
        ({"dropout": [0.1, 0.2]}, "'dropout'.*sequence of length 1"),
        ({"dropout": [0.1, 1.2], "hidden_layer_sizes": (3, 3)}, "'dropout'"),
        ({"alpha": [1.0]}, "'alpha'.*sequence of length 2"),
        ({"alpha": [1.0, -1.0]}, "'alpha'"),
        ({"activation": ["relu", "relu"]}, "'activation'.*sequence of length 1"),
        ({"activation": "swish"}, "'activation'"),
        ({"hidden_layer_sizes": (3, 0)}, "'hidden_layer_sizes' .*ints > 0"),
        ({"hidden_layer_sizes": (3.5,)}, "'hidden_layer_sizes'"),
        ({"hidden_layer_sizes": ((3, 3),)}, "'hidden_layer_sizes'"),
        ({"input_dropout": 1}, "'input_dropout'"),
        ({"max_norm": 0.0}, "'max_norm'"),
        ({"average_decay": 1.0}, "'average_decay'"),
        ({"l1_ratio": 1.5}, "'l1_ratio'"),
        ({"scoring": "nonsense"}, "'scoring'"),
        ({"n_iter_no_change": 0}, "'n_iter_no_change'"),
        ({"random_state": -1}, "'random_state'"),
        ({"loss": "absolute"}, "'loss'"),
        ({"quantile": 1.0}, "'quantile'"),
        ({"dtype": "float16"}, "'dtype'"),
        ({"dropout": 0.5, "hidden_layer_sizes": ()}, "use input_dropout"),
        ({"max_norm": 2.0, "hidden_layer_sizes": ()}, "hidden_layer_sizes=\\(\\) has none"),
        ({"solver": "lbfgs", "dropout": 0.5}, "dropout=0.5 is a part of minibatch"),
        ({"solver": "lbfgs", "dropout": [0.5]}, "use solver='adam'"),
        ({"solver": "lbfgs", "input_dropout": 0.5}, "input_dropout=0.5"),
        ({"solver": "lbfgs", "input_noise": 0.5}, "input_noise=0.5"),
        ({"solver": "lbfgs", "mixup": 0.5}, "mixup=0.5"),
        ({"solver": "lbfgs", "weight_decay": 0.5}, "weight_decay=0.5"),
        ({"solver": "lbfgs", "max_norm": 0.5}, "max_norm=0.5"),
        ({"solver": "lbfgs", "clip_norm": 0.5}, "clip_norm=0.5"),
        ({"solver": "lbfgs", "average_decay": 0.5}, "average_decay=0.5"),
        ({"refit": True}, "repeats the best epochs of early_stopping"),
        ({"refit": True, "early_stopping": True, "warm_start": True}, "begins anew"),
        (
            {
                "refit": True,
                "early_stopping": True,
                "solver": "sgd",
                "learning_rate": "adaptive",
            },
            "no held out rows for learning_rate",
        ),
    ],
)
def test_refused_settings(settings, words):
    X, y = regression()
    model = MLPRegressor(**settings)
    with pytest.raises(InvalidParameter, match=words):
        model.fit(X, y)
    assert not hasattr(model, "coefs_")


def test_refused_data():
    X, y = regression()
    with pytest.raises(ValueError, match=r"input_noise=0\.1 would make every entry"):
        MLPRegressor(input_noise=0.1).fit(sparse.csr_array(X), y)
    with pytest.raises(ValueError, match="loss='poisson' needs non-negative y"):
        MLPRegressor("poisson").fit(X, y)
    with pytest.raises(ValueError, match="n_samples = 2"):
        MLPRegressor(early_stopping=True).fit(X[:2], y[:2])
    with pytest.raises(ValueError, match="does not say for which label"):
        MLPClassifier(class_weight={1: 2.0}).fit(X, (X[:, :2] > 0).astype(int))
    with pytest.raises(ValueError, match=r"class_weight has the labels \[9\]"):
        MLPClassifier(class_weight={9: 2.0}).fit(X, y > 0)
    for factor in (-1.0, np.nan, "two"):
        with pytest.raises(ValueError, match=r"class_weight has factors that are not"):
            MLPClassifier(class_weight={1: factor}).fit(X, y > 0)
    with pytest.raises(ValueError, match="Negative values in data"):
        MLPRegressor().fit(X, y, sample_weight=-np.ones(len(y)))


def test_refused_validation_data():
    X, y = classification()
    model = MLPClassifier(early_stopping=True)
    with pytest.raises(ValueError, match="X has 2 features, but MLPClassifier is expect"):
        model.fit(X, y, X_val=X[:, :2], y_val=y)
    with pytest.raises(ValueError, match="`y_val` has classes not in"):
        model.fit(X, y, X_val=X, y_val=y + 1)
    with pytest.raises(ValueError, match="X_val and y_val must be given together"):
        model.fit(X, y, X_val=X)
    rows = {"X_val": X, "y_val": y}
    for wrong, words in [
        ({"y_val": y[:-1]}, "inconsistent numbers of samples"),
        ({"X_val": np.full_like(X, np.nan)}, "contains NaN"),
        ({"sample_weight_val": np.zeros(len(y))}, "must contain at least one non-zero"),
        ({"sample_weight_val": np.ones(3)}, r"sample_weight.shape == \(3,\)"),
    ]:
        expected = f"In X_val, y_val or sample_weight_val: .*{words}"
        with pytest.raises(ValueError, match=expected):
            model.fit(X, y, **{**rows, **wrong})
    with pytest.raises(ValueError, match="which solver='lbfgs' does not have"):
        MLPClassifier(solver="lbfgs").fit(X, y, X_val=X, y_val=y)
    with pytest.raises(ValueError, match="y_val has 2 outputs, y has 1"):
        MLPRegressor().fit(X, y, X_val=X, y_val=np.column_stack([y, y]))


def test_refused_continuations():
    X, y = classification()
    model = MLPClassifier(early_stopping=True, refit=True)
    with pytest.raises(ValueError, match="X_val is not among them"):
        model.fit(X, y, X_val=X, y_val=y)
    with pytest.raises(AttributeError, match="has no attribute 'partial_fit'") as error:
        model.partial_fit(X, y, classes=[0, 1, 2])
    assert "which partial_fit does not know" in str(error.value.__cause__)
    model = MLPClassifier(max_iter=2, warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match=r"layers of \[4, 100, 3\] units.*\[4, 5, 3\]"):
        model.set_params(hidden_layer_sizes=5).fit(X, y)
    with pytest.raises(ValueError, match="same classes as in the previous call"):
        model.set_params(hidden_layer_sizes=100).fit(X[y < 2], y[y < 2])
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        MLPClassifier().partial_fit(X, y)
    with pytest.raises(ValueError, match="is not the same as on last call"):
        MLPClassifier().partial_fit(X, y, classes=[0, 1, 2]).partial_fit(X, y, classes=[0])
    assert not hasattr(MLPClassifier(solver="lbfgs"), "partial_fit")


@pytest.mark.parametrize("early_stopping", [False, True])
def test_feature_names(recwarn, early_stopping):
    X, y = classification()
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = MLPClassifier(
        max_iter=2, early_stopping=early_stopping, scoring="neg_log_loss"
    ).fit(frame, y)
    model.predict(frame)
    assert not [w for w in recwarn if "feature names" in str(w.message)]
    assert list(model.feature_names_in_) == list("abcd")


def test_validation_rows_go_through_a_pipeline():
    X, y = classification()
    with sklearn.config_context(enable_metadata_routing=True):
        model = MLPClassifier(max_iter=3, early_stopping=True, random_state=0)
        model.set_fit_request(X_val=True, y_val=True, sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, model, transform_input=["X_val"])
        weight = np.ones(60)
        pipeline.fit(X[:60], y[:60], X_val=X[60:], y_val=y[60:], sample_weight=weight)
    history = pipeline[-1].history_
    assert len(history["validation_loss"]) == 3
    best = pipeline[-1].best_epoch_ - 1
    proba = pipeline.predict_proba(X[60:])
    loss = -np.mean(np.log(proba[np.arange(30), y[60:]]))
    assert loss == pytest.approx(history["validation_loss"][best])


def test_grid_search_in_a_pipeline():
    X, y = classification()
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(max_iter=3, random_state=0))
    grid = {"mlpclassifier__alpha": [0.1, 1.0], "mlpclassifier__dropout": [0.0, [0.2]]}
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=2).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
