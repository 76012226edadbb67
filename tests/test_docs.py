"""The documents say what the signatures say, and their code and the examples run."""

import inspect
import re
import runpy
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
import sklearn.neural_network

import skreg

NETWORKS = ("MLPClassifier", "MLPRegressor")
ROOT = Path(__file__).resolve().parents[1]
HOW = {"copy_X", "precompute", "Xy", "selection", "random_state", "check_input"}
HOW |= {"verbose", "n_jobs", "solver", "max_iter", "tol", "gcv_mode", "n_alphas"}


def table_of_hows():
    """Parameter -> names of classes and functions, from docs/objectives.md."""
    text = (ROOT / "docs" / "objectives.md").read_text()
    table = text.split("## Parameters that choose how")[1]
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \|$", table, flags=re.M)
    return {name: {part.strip() for part in where.split(",")} for name, where, _ in rows}


@pytest.mark.parametrize("parameter", sorted(HOW))
def test_table_of_parameters_that_choose_how(parameter):
    owners = {
        name
        for name in skreg.__all__
        if name not in NETWORKS  # their page is docs/mlp.md
        and parameter in inspect.signature(getattr(skreg, name)).parameters
    }
    assert table_of_hows()[parameter] == owners


def test_table_has_no_other_rows():
    assert set(table_of_hows()) == HOW


@pytest.mark.parametrize("name", skreg.__all__)
def test_every_parameter_is_documented(name):
    thing = getattr(skreg, name)
    sections = thing.__doc__.split("Parameters\n    ----------")[1]
    for parameter in inspect.signature(thing).parameters.values():
        star = "**" if parameter.kind is parameter.VAR_KEYWORD else ""
        pattern = rf"^    {re.escape(star + parameter.name)} : "
        assert re.search(pattern, sections, flags=re.M), parameter.name


@pytest.mark.parametrize("filename", ["README.md", "CHANGELOG.md", "docs/"])
def test_documents_name_every_public_class(filename):
    folder = sorted((ROOT / filename).glob("*.md")) or [ROOT / filename]
    text = "".join(path.read_text() for path in folder)
    assert all(name in text for name in skreg.__all__)


def test_the_page_of_networks_names_their_parameters():
    text = (ROOT / "docs" / "mlp.md").read_text()
    theirs = {
        parameter.name
        for name in NETWORKS
        for parameter in inspect.signature(getattr(skreg, name)).parameters.values()
    }
    reference = set(inspect.signature(sklearn.neural_network.MLPRegressor).parameters)
    assert all(f"`{name}`" in text or f"`{name}=" in text for name in theirs - reference)


@pytest.mark.parametrize(
    "filename",
    ["README.md", "docs/choosing_lambda.md", "docs/mlp.md", "docs/streaming.md"],
)
def test_code_of_documents_runs(filename):
    text = (ROOT / filename).read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", text, flags=re.M | re.S)
    assert blocks
    names = {}
    for block in blocks:
        exec(compile(block, filename, "exec"), names)


@pytest.mark.parametrize(
    ("script", "pictures"),
    [
        ("quickstart.py", ["lasso_cv_curve.png", "lasso_path.png"]),
        ("plot_choosing_lambda.py", ["choosing_lambda.png"]),
        ("plot_dropout.py", ["dropout.png"]),
        ("plot_grid_search_dropout.py", ["grid_search_dropout.png"]),
        ("plot_small_against_regularized.py", ["small_against_regularized.png"]),
        ("plot_feature_cross.py", ["feature_cross.png"]),
        ("plot_uncertainty.py", ["uncertainty.png"]),
    ],
)
def test_examples_run(script, pictures, tmp_path):
    pytest.importorskip("matplotlib")
    main = runpy.run_path(str(ROOT / "examples" / script))["main"]
    for size in {"SPLITS", "FOLDS", "EPOCHS"} & set(main.__globals__):
        main.__globals__[size] = {"SPLITS": 1, "FOLDS": 2, "EPOCHS": 20}[size]
    printed = StringIO()
    with redirect_stdout(printed):
        main(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == pictures
    assert all(picture in printed.getvalue() for picture in pictures)


def test_every_example_is_run():
    scripts = {path.name for path in (ROOT / "examples").glob("*.py")}
    [cases] = (mark.args[1] for mark in test_examples_run.pytestmark)
    assert scripts == {script for script, _ in cases}
