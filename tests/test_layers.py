"""The import rule: downwards only, and scikit-learn's public names only."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "skreg"
FILES = sorted(PACKAGE.rglob("*.py"))

# Highest first. A file imports from its own layer and from those below.
LAYERS = [
    ["skreg.linear", "skreg.display", "skreg.mlp", "skreg.distributed"],
    ["skreg._validation"],
    ["skreg.paths"],
    ["skreg._solvers"],
    ["skreg._kernels"],
    ["skreg.losses", "skreg.penalties"],
    ["skreg._compile"],
    ["skreg.exceptions"],
]
# Which files may see a package, as prefixes of their dotted names.
ALLOWED = {
    "sklearn": [
        *["skreg.linear", "skreg._validation", "skreg.paths", "skreg.exceptions"],
        *["skreg.penalties._interface", "skreg.display", "skreg.mlp", "skreg.distributed"],
    ],
    "scipy.sparse": [
        *[
            "skreg._kernels.design",
            "skreg._kernels.rows",
            "skreg._validation",
            "skreg.linear",
        ],
        "skreg._solvers.ridge",
    ],
    "numba": ["skreg._compile"],
    "matplotlib": ["skreg.display"],
    "dask": ["skreg.distributed"],
}


def dotted(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imports(path):
    """Dotted names that a file imports, `from a import b` as a.b."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in {path}"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer(name):
    for height, prefixes in enumerate(LAYERS):
        if any(name == p or name.startswith(p + ".") for p in prefixes):
            return height
    return None


def starts_with(name, prefixes):
    return any(name == p or name.startswith(p + ".") for p in prefixes)


@pytest.mark.parametrize("path", FILES, ids=dotted)
def test_imports_point_downwards(path):
    own = layer(dotted(path))
    if own is None:
        assert dotted(path) == "skreg"
        return
    # Paths are functions of checked arrays and check their own input too.
    allowed_up = {"skreg._validation"} if starts_with(dotted(path), ["skreg.paths"]) else ()
    for name in imports(path):
        target = layer(name)
        if target is not None and not starts_with(name, allowed_up):
            assert target >= own, f"{dotted(path)} imports {name} from above"


@pytest.mark.parametrize("path", FILES, ids=dotted)
def test_packages_are_seen_only_where_allowed(path):
    for name in imports(path):
        for package, allowed in ALLOWED.items():
            if starts_with(name, [package]):
                assert starts_with(dotted(path), allowed), f"{dotted(path)}: {name}"


@pytest.mark.parametrize("path", FILES, ids=dotted)
def test_no_private_names_of_other_packages(path):
    for name in imports(path):
        root, *rest = name.split(".")
        if root != "skreg":
            assert not any(part.startswith("_") for part in rest), name


@pytest.mark.parametrize("path", FILES, ids=dotted)
def test_one_underscore_on_the_way(path):
    assert sum(part.startswith("_") for part in dotted(path).split(".")) <= 1
