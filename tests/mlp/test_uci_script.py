"""The script of Monte-Carlo dropout on UCI sets, on made up rows."""

import numpy as np
import pytest
from scipy.stats import norm

from tests.benchmarks import mlp_uci


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    X[:, 2] = 1.0  # the real sets have a constant column too
    y = 100.0 + 30.0 * X[:, 0] - 10.0 * X[:, 1] + rng.normal(size=200)
    rows = np.arange(200)
    splits = {}
    for s in range(2):
        test = rng.choice(rows, 20, replace=False)
        splits |= {f"test_{s}": test, f"train_{s}": np.setdiff1d(rows, test)}
    (tmp_path / "uci-regression").mkdir()
    np.savez(tmp_path / "uci-regression" / "made-up.npz", X=X, y=y, **splits)
    return tmp_path


def test_log_likelihood_of_one_pass_is_normal():
    y, predicted = np.array([1.0, 2.0]), np.array([[1.5, 1.0]])
    expected = norm.logpdf(y, predicted[0], 1.0 / np.sqrt(3.0)).mean()
    assert np.isclose(mlp_uci.log_likelihood(y, predicted, 3.0), expected, rtol=1e-12)


def test_log_likelihood_is_that_of_the_mixture():
    y = np.array([1.0, 2.0])
    passes = np.array([[1.5, 1.0], [0.0, 3.0], [1.0, 2.0]])
    density = norm.pdf(y, passes, 2.0).mean(axis=0)
    expected = np.log(density).mean()
    assert np.isclose(mlp_uci.log_likelihood(y, passes, 0.25), expected, rtol=1e-12)


def test_best_tau_without_spread_is_the_inverse_of_the_squared_error():
    rng = np.random.default_rng(0)
    y = rng.normal(scale=5.0, size=1000)
    _, tau = mlp_uci.best_tau(y, np.zeros((2, 1000)))
    step = mlp_uci.TAU_FACTORS[1] / mlp_uci.TAU_FACTORS[0]
    assert 1.0 / step < tau * np.mean(y**2) < step


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_predictions_are_in_the_units_of_y(folder):
    (X, y), _ = mlp_uci.splits(folder / "uci-regression/made-up.npz")[0]
    net = mlp_uci.Standardized(0.01, mlp_uci.Budget(200, 1e-2)).fit(X, y)
    assert mlp_uci.rmse(y, net.predict(X)) < 5.0
    assert mlp_uci.rmse(y, net.passes(X, 50).mean(axis=0)) < 5.0
    assert net.passes(X, 50).shape == (50, len(y))


def test_choice_does_not_depend_on_test_rows(folder, monkeypatch):
    """Test targets are turned into nonsense: the choices stay, the outcomes do not."""
    read, choices = mlp_uci.splits, []
    choose = mlp_uci.chosen

    def watched(*arguments):
        choices.append(choose(*arguments))
        return choices[-1]

    def spoiled(path):
        return [(train, (X, y + 1e6)) for train, (X, y) in read(path)]

    monkeypatch.setattr(mlp_uci, "chosen", watched)
    arguments = ["--data", str(folder), "--sets", "made-up", "--epochs", "3"]
    mlp_uci.main([*arguments, "--passes", "10"])
    monkeypatch.setattr(mlp_uci, "splits", spoiled)
    mlp_uci.main([*arguments, "--passes", "10"])
    assert len(choices) == 4
    assert choices[:2] == choices[2:]


def test_script(folder, capsys):
    arguments = ["--data", str(folder), "--sets", "made-up", "--epochs", "100"]
    mlp_uci.main([*arguments, "--passes", "50", "--splits", "2"])
    text = capsys.readouterr().out
    values = {
        field: float(text.split(f"made-up: {field} ")[1].split(" ")[0])
        for field in mlp_uci.Outcome._fields
    }
    assert values["rmse"] < 10.0  # of targets with a standard deviation above 30
    assert -6.0 < values["log_likelihood"] < -1.0
