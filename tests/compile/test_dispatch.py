"""One name, many implementations: in Python and compiled."""

from typing import NamedTuple

import pytest

from skreg._compile import dispatched, inlined, jit


class Metres(NamedTuple):
    length: float


class Feet(NamedTuple):
    length: float


@dispatched
def in_metres(quantity, factor):
    """Length times factor, in metres."""


in_metres.register(Metres, lambda quantity, factor: factor * quantity.length)
in_metres.register(Feet, lambda quantity, factor: factor * 0.3048 * quantity.length)


@inlined
def twice(number):
    return 2.0 * number


@jit
def compiled_sum(first, second):
    return twice(in_metres(first, 1.0) + in_metres(second, 1.0))


def test_dispatch_in_python_and_compiled():
    assert in_metres(Metres(2.0), 3.0) == 6.0
    assert in_metres(Feet(10.0), 1.0) == pytest.approx(3.048)
    assert compiled_sum(Metres(1.0), Feet(10.0)) == pytest.approx(8.096)
    assert compiled_sum(Feet(10.0), Metres(1.0)) == pytest.approx(8.096)


def test_unregistered_class_is_refused_by_name():
    class Miles(NamedTuple):
        length: float

    with pytest.raises(TypeError, match=r"in_metres\(\) is not defined for Miles"):
        in_metres(Miles(1.0), 1.0)


def test_docstring_and_name_are_kept():
    assert in_metres.__name__ == "in_metres"
    assert "in metres" in in_metres.__doc__
