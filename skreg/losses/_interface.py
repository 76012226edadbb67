"""What a loss is: a kernel tuple and its functions of one row.

`y` is the target of a row and `eta` its linear predictor. The loss of a sample is the
weighted mean of ``value(loss, y_i, eta_i)``.
"""

from skreg._compile import dispatched


@dispatched
def value(loss, y, eta):
    """The loss of one row."""


@dispatched
def d1(loss, y, eta):
    """First derivative of the loss in eta."""


@dispatched
def value_and_d1(loss, y, eta):
    """Both, for losses that have a part in common."""


@dispatched
def d2(loss, y, eta):
    """Second derivative of the loss in eta."""


@dispatched
def inverse_link(loss, eta):
    """The mean of y given the linear predictor."""


def _apart(loss, y, eta):
    return value(loss, y, eta), d1(loss, y, eta)


def register(kernel_class, *, value, d1, d2, inverse_link, value_and_d1=_apart):
    """Make a loss kernel tuple class known to every solver (see :mod:`skreg.losses`)."""
    table = globals()
    for name, function in (
        ("value", value),
        ("d1", d1),
        ("value_and_d1", value_and_d1),
        ("d2", d2),
        ("inverse_link", inverse_link),
    ):
        table[name].register(kernel_class, function)
