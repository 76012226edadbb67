"""The script that measures accuracy runs, on images made up here."""

import numpy as np
import pytest

from tests.benchmarks import mlp_accuracy


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {}
    for part, n_rows in [("train", 300), ("test", 100)]:
        y = rng.integers(0, 10, n_rows)
        X = rng.integers(0, 50, (n_rows, 64))
        X[np.arange(n_rows), y] = 255  # one bright pixel tells the class
        arrays |= {f"X_{part}": X.astype(np.uint8), f"y_{part}": y}
    for file in mlp_accuracy.FILES.values():
        (tmp_path / file).parent.mkdir()
        np.savez(tmp_path / file, **arrays)
    return tmp_path


@pytest.mark.parametrize("part", ["mnist", "fashion"])
def test_images(folder, capsys, part):
    mlp_accuracy.main(
        ["--data", str(folder), "--part", part, "--seeds", "2", "--epochs", "20"]
    )
    text = capsys.readouterr().out
    mean = float(text.split("test accuracy ")[1].split(" ")[0])
    assert mean > 90.0


def test_selection_does_not_read_test_rows(folder, monkeypatch):
    read, seen = mlp_accuracy.read_images, []

    def watched(directory, name, part):
        seen.append(part)
        return read(directory, name, part)

    monkeypatch.setattr(mlp_accuracy, "read_images", watched)
    monkeypatch.setattr(mlp_accuracy, "N_VALIDATION", 100)
    arguments = ["--part", "select-mnist", "--seeds", "1", "--epochs", "1", "--rows", "150"]
    mlp_accuracy.main(["--data", str(folder), *arguments])
    assert seen == ["train"]


def test_mean_and_error():
    mean, error = mlp_accuracy.mean_and_error([1.0, 2.0, 3.0])
    assert mean == 2.0
    assert np.isclose(error, 1.0 / np.sqrt(3.0))


def test_data_is_asked_for(capsys):
    with pytest.raises(SystemExit):
        mlp_accuracy.main(["--part", "mnist"])
    assert "needs --data" in capsys.readouterr().err
