"""A pytest plugin: scikit-learn's own tests run on skreg's classes.

Usage, from the root of the project::

    python -m pytest -p tests.reference.dropin --pyargs \\
        sklearn.linear_model.tests.test_coordinate_descent

Before the tests are collected, the names that skreg shares with
``sklearn.linear_model`` are replaced by skreg's, so the unchanged test modules of the
installed scikit-learn import those. Importing this file alone replaces nothing.
"""

import sklearn.linear_model

import skreg


def pytest_configure(config):
    """Replace the shared names for the life of this process."""
    for name in skreg.__all__:
        if hasattr(sklearn.linear_model, name):
            setattr(sklearn.linear_model, name, getattr(skreg, name))
