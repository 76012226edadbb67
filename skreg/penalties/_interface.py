"""What a penalty is: a user object that builds a kernel tuple, and the kernel's functions.

The penalty of a coefficient vector is the sum of ``value(penalty, j, coef_j)`` over the
features j. Every function below takes the kernel tuple first and one coordinate at a
time, and says what it means for the objective ``loss(coef) + sum_j value(penalty, j,
coef_j)``. `gradient` is always *minus* the derivative of the loss: the correlation of
column j with the residual.
"""

from sklearn.base import BaseEstimator

from skreg._compile import dispatched


class Penalty(BaseEstimator):
    """Base class of the penalties that users name: shape only, no strength.

    A subclass stores its parameters (``get_params``, ``set_params`` and ``clone`` come
    from scikit-learn) and defines ``kernel(alpha)``, which returns the ``NamedTuple``
    that compiled code sees at strength `alpha`.
    """

    def alpha_max(self, gradient):
        """Smallest strength at which every coefficient is zero; inf if unknown.

        Automatic grids start there, and exact solutions approach alpha from there.
        """
        return float("inf")

    def quadratic_strength(self, alpha):
        """l2 if the penalty at `alpha` is just l2/2 ||coef||^2, so that a direct solver
        applies; None if it is anything else.
        """
        return None


@dispatched
def value(penalty, j, coef):
    """The penalty of coordinate j at `coef`."""


@dispatched
def prox(penalty, j, point, step):
    """argmin over u of (u - point)^2 / 2 + step * value(penalty, j, u)."""


@dispatched
def subdiff_distance(penalty, j, coef, gradient):
    """Distance of `gradient` from the subdifferential of the penalty at `coef`.

    Zero for every j is the optimality condition.
    """


@dispatched
def strong_convexity(penalty):
    """The largest l2 such that value(u) - l2 u^2 / 2 is convex; 0 if there is none."""


@dispatched
def dual_norm(penalty, j, point):
    """Smallest t >= 0 with point / t in the subdifferential at 0 of the penalty without
    its quadratic part l2 u^2 / 2; inf if there is none.
    """


@dispatched
def conjugate(penalty, j, point):
    """sup over u of point * u - value(penalty, j, u); inf where it is unbounded."""


@dispatched
def slope_at_zero(penalty, j, sign):
    """One-sided derivative of the penalty at 0: to the right if sign > 0, else to the
    left; infinite where that side is forbidden. NaN if the penalty is not
    value(u) = slope u + l2 u^2 / 2 on that side.
    """


@dispatched
def with_numbers(penalty, numbers):
    """The kernel at another strength, whose members are `numbers`.

    It lets compiled code go from one strength to the next on its own.
    """


@dispatched
def has_dual(penalty):
    """Whether `dual_norm` and `conjugate` are known, so that a duality gap exists."""


def _no_dual(penalty):
    return False


def _has_dual(penalty):
    return True


def _infinite(penalty, j, point):
    return float("inf")


def _zero(penalty):
    return 0.0


def _same(penalty, numbers):
    return penalty


def _unknown_slope(penalty, j, sign):
    return float("nan")


def register(
    kernel_class,
    *,
    value,
    prox,
    subdiff_distance,
    strong_convexity=_zero,
    dual_norm=None,
    conjugate=None,
    slope_at_zero=None,
    with_numbers=None,
):
    """Make a kernel tuple class known to every solver.

    Parameters
    ----------
    kernel_class : type
        A ``typing.NamedTuple`` class of numbers and arrays. It has to live in an
        importable module: one defined in ``__main__`` works but is compiled again in
        every process.
    value, prox, subdiff_distance : callable
        Plain functions of numbers that Numba can compile; see the functions of the
        same names in :mod:`skreg.penalties`.
    strong_convexity, dual_norm, conjugate : callable, optional
        For convex penalties that are a quadratic plus a positively homogeneous part:
        they make the certificate a duality gap. Without `dual_norm` and `conjugate`
        the certificate is ``sum_j d_j**2 / (2 * curvature_j)`` with d_j the
        `subdiff_distance`.
    slope_at_zero : callable, optional
        For penalties that are quadratic on each side of zero: they are solved exactly
        by an active-set method where that is affordable.
    with_numbers : callable, optional
        For penalties with `slope_at_zero` and without arrays: the kernel at another
        strength, made from its members as an array of numbers, so that a whole path is
        one compiled call. Without it there is one call per strength.

    Raises
    ------
    TypeError
        If only one of `dual_norm` and `conjugate` is given.
    """
    if (dual_norm is None) != (conjugate is None):
        raise TypeError(
            f"register({kernel_class.__name__}, ...): got only one of dual_norm and "
            "conjugate; a duality gap needs both."
        )
    table = globals()
    table["value"].register(kernel_class, value)
    table["prox"].register(kernel_class, prox)
    table["subdiff_distance"].register(kernel_class, subdiff_distance)
    table["strong_convexity"].register(kernel_class, strong_convexity)
    table["dual_norm"].register(kernel_class, dual_norm or _infinite)
    table["conjugate"].register(kernel_class, conjugate or _infinite)
    table["slope_at_zero"].register(kernel_class, slope_at_zero or _unknown_slope)
    table["with_numbers"].register(kernel_class, with_numbers or _same)
    table["has_dual"].register(kernel_class, _no_dual if dual_norm is None else _has_dual)
