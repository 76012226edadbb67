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


@pytest.fixture
def parts_read(monkeypatch):
    """Which rows the script has asked for; of 300 training rows, 100 validate."""
    read, seen = mlp_accuracy.read_images, []

    def watched(directory, name, part):
        seen.append(part)
        return read(directory, name, part)

    monkeypatch.setattr(mlp_accuracy, "read_images", watched)
    monkeypatch.setattr(mlp_accuracy, "N_VALIDATION", 100)
    return seen


def test_selection_does_not_read_test_rows(folder, parts_read):
    arguments = ["--part", "select-mnist", "--seeds", "1", "--epochs", "1", "--rows", "150"]
    mlp_accuracy.main(["--data", str(folder), *arguments])
    assert parts_read == ["train"]


def test_libraries_side_by_side(folder, capsys):
    arguments = ["--part", "mnist", "--seeds", "1", "--epochs", "1", "--rows", "200"]
    libraries = ["--libraries", "skreg", "scikit-learn"]
    mlp_accuracy.main(["--data", str(folder), *arguments, *libraries])
    text = capsys.readouterr().out
    assert "mnist, skreg: test accuracy" in text
    assert "mnist, scikit-learn: test accuracy" in text


def test_networks_of_both_libraries_have_one_shape():
    setting = mlp_accuracy.COMMON | mlp_accuracy.SETTINGS["mnist"]
    for library in mlp_accuracy.LIBRARIES:
        net = mlp_accuracy.network(library, setting, 7, 3)
        assert net.hidden_layer_sizes == (512, 512)
        assert (net.max_iter, net.batch_size, net.random_state) == (7, 128, 3)
        assert type(net).__module__.startswith(library.replace("scikit-learn", "sklearn"))


def test_ladder_selection_does_not_read_test_rows(folder, parts_read, capsys):
    arguments = ["--part", "select-ladder", "--seeds", "1", "--epochs", "1"]
    mlp_accuracy.main(["--data", str(folder), *arguments])
    n_candidates = sum(len(each) for each in mlp_accuracy.LADDER_CANDIDATES.values())
    assert parts_read == ["train"]
    assert capsys.readouterr().out.count("validation error") == n_candidates


def test_ladder(folder, capsys):
    arguments = ["--part", "ladder-mnist", "--seeds", "2", "--epochs", "1"]
    mlp_accuracy.main(["--data", str(folder), *arguments])
    text = capsys.readouterr().out
    assert text.count("test error") == 4
    assert text.count("s.e.") == 4  # three neighbours, and both ends


def test_rungs_of_the_ladder_are_what_they_are_called():
    """Chosen among the candidates; nothing but the named penalty is on."""
    for rung, setting in mlp_accuracy.LADDER.items():
        assert setting in mlp_accuracy.LADDER_CANDIDATES[rung]
    for rung, candidates in mlp_accuracy.LADDER_CANDIDATES.items():
        for setting in candidates:
            assert (setting["alpha"] > 0.0) == ("L2" in rung)
            assert ("max_norm" in setting) == ("max-norm" in rung)
            assert ("dropout" in setting) == ("dropout" in rung)


def test_difference():
    mean, error = mlp_accuracy.difference([1.0, 2.0, 3.0], [0.0, 0.0, 3.0])
    assert mean == 1.0
    assert np.isclose(error, np.sqrt(1.0 / 3.0 + 1.0))


def test_mean_and_error():
    mean, error = mlp_accuracy.mean_and_error([1.0, 2.0, 3.0])
    assert mean == 2.0
    assert np.isclose(error, 1.0 / np.sqrt(3.0))


def test_data_is_asked_for(capsys):
    with pytest.raises(SystemExit):
        mlp_accuracy.main(["--part", "mnist"])
    assert "needs --data" in capsys.readouterr().err
