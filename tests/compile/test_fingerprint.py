"""The fingerprint changes with all that decides compiled code, and with nothing else."""

import numpy as np

from skreg._compile.fingerprint import fingerprint, package_fingerprint


def make(constant, table):
    def function(x):
        return x * constant + table[0]

    return function


def test_same_code_and_values_have_the_same_fingerprint():
    one = make(2.0, np.arange(3.0))
    other = make(2.0, np.arange(3.0))
    assert fingerprint(one) == fingerprint(other)


def test_closure_values_count():
    table = np.arange(3.0)
    prints = {
        fingerprint(make(2.0, table)),
        fingerprint(make(3.0, table)),
        fingerprint(make(2.0, table + 1.0)),
        fingerprint(make(2.0, table.astype(np.float32))),
    }
    assert len(prints) == 4


def test_recursive_functions_end():
    def even(n):
        return n == 0 or odd(n - 1)

    def odd(n):
        return n != 0 and even(n - 1)

    assert fingerprint(even) != fingerprint(odd)


def test_package_fingerprint_is_a_hash():
    assert len(package_fingerprint()) == 64


def test_default_arguments_count():
    def one(x, factor=1.0):
        return factor * x

    def other(x, factor=2.0):
        return factor * x

    other.__code__ = one.__code__
    assert fingerprint(one) != fingerprint(other)
