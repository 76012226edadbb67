"""A pytest plugin: scikit-learn's own tests run on skreg's classes.

Usage, from the root of the project::

    python -m pytest -p tests.reference.dropin --pyargs \\
        sklearn.linear_model.tests.test_coordinate_descent

Before the tests are collected, the names that skreg shares with ``sklearn.linear_model``
and ``sklearn.neural_network`` are replaced by skreg's, so the unchanged test modules of the
installed scikit-learn import those. Importing this file alone replaces nothing.
"""

import sklearn.linear_model
import sklearn.neural_network

import skreg


def pytest_configure(config):
    """Replace the shared names for the life of this process."""
    for module in (sklearn.linear_model, sklearn.neural_network):
        for name in set(skreg.__all__) & set(module.__all__):
            setattr(module, name, getattr(skreg, name))
