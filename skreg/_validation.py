"""Input of estimators and functions, checked: parameters, X, y, weights, fold indices."""

from collections.abc import Callable
from contextlib import contextmanager
from numbers import Integral, Number, Real
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.metrics import get_scorer_names
from sklearn.utils import check_array, check_consistent_length, check_scalar
from sklearn.utils.validation import validate_data

from skreg.exceptions import invalid_parameter, start_mismatch

FLOATS = (np.float64, np.float32)
NEGLIGIBLE_WEIGHT = 1e-200


class Rule(NamedTuple):
    """What a parameter may be: a test and its description in words."""

    accepts: Callable[[Any], bool]
    expected: str

    def __or__(self, other):
        return Rule(
            lambda value: self.accepts(value) or other.accepts(value),
            f"{self.expected} or {other.expected}",
        )


def real(low, high=np.inf, *, low_open=False):
    """A finite number in [low, high], or in (low, high] if `low_open`."""
    bracket = "(" if low_open else "["
    end = "inf)" if high == np.inf else f"{high}]"

    def accepts(value):
        if isinstance(value, np.ndarray) and value.ndim == 0:
            value = value.item()
        if not isinstance(value, Real) or isinstance(value, (bool, np.bool_)):
            return False
        number = float(value)
        above = number > low if low_open else number >= low
        return above and number <= high and np.isfinite(number)

    return Rule(accepts, f"a float in the range {bracket}{low}, {end}")


def integer(low=None):
    """An integer, at least `low`."""
    words = "an int" if low is None else f"an int in the range [{low}, inf)"

    def accepts(value):
        whole = isinstance(value, Integral) and not isinstance(value, (bool, np.bool_))
        return whole and (low is None or value >= low)

    return Rule(accepts, words)


def choice(*options):
    """One of some strings."""
    return Rule(
        lambda value: isinstance(value, str) and value in options,
        f"a str among {set(options)}",
    )


BOOLEAN = Rule(lambda value: isinstance(value, (bool, np.bool_)), "a bool")
NONE = Rule(lambda value: value is None, "None")
ARRAY = Rule(
    lambda value: (
        not isinstance(value, str)
        and (hasattr(value, "__len__") or hasattr(value, "__array__"))
        and np.ndim(value) > 0
    ),
    "an array-like",
)
VERBOSE = BOOLEAN | integer(0)
RANDOM_STATE = (
    NONE
    | integer(0)
    | Rule(
        lambda value: isinstance(value, np.random.RandomState) or value is np.random,
        "an instance of RandomState",
    )
)
CV = (
    NONE
    | integer(2)
    | Rule(
        lambda value: (
            not isinstance(value, (str, bytes))  # with a method `split` of its own
            and (hasattr(value, "split") or hasattr(value, "__iter__"))
        ),
        "a cross-validation splitter or an iterable of (train, test) splits",
    )
)


SCORING = NONE | Rule(
    lambda value: (
        callable(value) or (isinstance(value, str) and value in get_scorer_names())
    ),
    "a callable or a str of sklearn.metrics.get_scorer_names()",
)


def either_callable(*options):
    """One of some strings, or a function."""
    return choice(*options) | Rule(callable, "a callable")


def check_mixings(owner, mixings):
    """Shares of a path in its blends with unpenalised refits, as a tuple of floats."""
    expected = "a bool or an array of floats in the range [0, 1], one at least"
    if len(mixings) == 0 or not all(real(0, 1).accepts(mixing) for mixing in mixings):
        raise invalid_parameter(owner, "relaxed", mixings, expected)
    return tuple(float(mixing) for mixing in mixings)


def check_parameters(owner, values, rules):
    """Raise :class:`~skreg.exceptions.InvalidParameter` at the first broken rule.

    Parameters
    ----------
    owner : str
        Name of the estimator or function.
    values : dict of str to object
    rules : dict of str to Rule
    """
    for name, rule in rules.items():
        if not rule.accepts(values[name]):
            raise invalid_parameter(owner, name, values[name], rule.expected)


def check_alphas(alphas, *, positive=False):
    """The entries of a grid of alphas: numbers >= 0 (> 0 if `positive`)."""
    boundaries = "neither" if positive else "left"
    for index, alpha in enumerate(alphas):
        check_scalar(
            alpha,
            f"alphas[{index}]",
            target_type=Real,
            min_val=0.0,
            include_boundaries=boundaries,
        )
        if not np.isfinite(alpha):
            raise ValueError(f"alphas[{index}] == {alpha}, must be finite.")
    if len(alphas) == 0:
        raise ValueError("alphas is empty; at least one value is needed.")
    return np.asarray(alphas, dtype=np.float64)


@contextmanager
def unchanged_on_failure(estimator):
    """Whatever raises inside leaves the estimator as it was: unfitted, or as fitted."""
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


class Validated(NamedTuple):
    """Checked input: rows of weight zero are gone, as if they had never been there."""

    X: Any  # ndarray, CSR or CSC; float32 or float64
    y: np.ndarray  # (n_samples, n_targets), float64
    sample_weight: np.ndarray | None  # positive, float64
    y_ndim: int
    rows: np.ndarray | None  # indices of the rows kept; None: all
    n_given: int  # number of rows before any was dropped

    @property
    def y_as_given(self):
        """Targets with as many dimensions as the caller's."""
        return self.y[:, 0] if self.y_ndim == 1 else self.y


def check_input(estimator, X, y, sample_weight=None, *, checked=False, scalar=False):
    """Validate what `fit` is given; set `n_features_in_` and `feature_names_in_`.

    Parameters
    ----------
    estimator : BaseEstimator
    X : array-like or sparse matrix of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_targets)
    sample_weight : float, array-like of shape (n_samples,) or None
    checked : bool
        The caller vouches for X and y; only their kinds are looked at.
    scalar : bool
        Whether a scalar `sample_weight` has a meaning (a sum objective) or not (a mean).
    """
    if checked:
        X, y = validate_data(estimator, X, y, skip_check_array=True)
    else:
        X, y = validate_data(
            estimator,
            X,
            y,
            accept_sparse=["csc", "csr"],
            dtype=FLOATS,
            multi_output=True,
            y_numeric=True,
        )
    return _assemble(X, y, sample_weight, scalar)


def check_arrays(X, y, sample_weight=None):
    """:func:`check_input` for functions, which have no estimator to set attributes on."""
    X = check_array(X, accept_sparse=["csc", "csr"], dtype=FLOATS, input_name="X")
    y = check_array(
        y, accept_sparse="csr", ensure_2d=False, dtype=np.float64, input_name="y"
    )
    check_consistent_length(X, y)
    return _assemble(X, y, sample_weight, scalar=False)


def _assemble(X, y, sample_weight, scalar):
    if sparse.issparse(y):
        y = y.toarray()
    y_ndim = y.ndim
    y = np.asarray(y, dtype=np.float64).reshape(len(y), -1)
    if sparse.issparse(X):
        X = X if X.format in ("csc", "csr") else X.tocsr()
    else:
        X = np.require(X, requirements="A")
    if X.dtype not in FLOATS:  # only where the caller vouched for X
        X = X.astype(np.float64)
    weights = check_sample_weight(sample_weight, X.shape[0], scalar)
    if weights is None or np.all(weights > 0.0):
        return Validated(X, y, weights, y_ndim, None, len(y))
    rows = np.flatnonzero(weights)
    keeps_order = isinstance(X, np.ndarray) and X.flags.f_contiguous
    X = np.asfortranarray(X[rows]) if keeps_order else X[rows]
    return Validated(X, y[rows], weights[rows], y_ndim, rows, len(y))


def check_sample_weight(sample_weight, n_samples, scalar=False):
    """Non-negative finite weights as float64, or None if all rows weigh the same."""
    if sample_weight is None:
        return None
    if isinstance(sample_weight, Real):
        weight = float(sample_weight)
        if not weight > 0.0 or not np.isfinite(weight):
            raise ValueError(f"sample_weight must be positive and finite; got {weight}.")
        return np.full(n_samples, weight) if scalar else None
    if isinstance(sample_weight, Number):
        raise ValueError(f"sample_weight must be real; got {sample_weight!r}.")
    weights = check_array(
        sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight"
    )
    if weights.ndim != 1:
        raise ValueError(
            f"Sample weights must be 1D array or scalar, got {weights.ndim}D array. "
            f"Expected either a scalar value or a 1D array of length {n_samples}."
        )
    if weights.shape != (n_samples,):
        raise ValueError(
            f"sample_weight.shape == {weights.shape}, expected {(n_samples,)}!"
        )
    if np.any(weights < 0.0):
        row = int(np.argmax(weights < 0.0))
        raise ValueError(
            "Negative values in data passed to `sample_weight`: "
            f"sample_weight[{row}] is {weights[row]}; expected values >= 0."
        )
    # What is nothing beside the largest weight would underflow: it is absent.
    weights = np.where(weights < NEGLIGIBLE_WEIGHT * weights.max(), 0.0, weights)
    if not np.isfinite(weights.sum()):
        raise ValueError(
            f"sample_weight sums to infinity (largest value {weights.max():.3g}); "
            "divide it by its largest value."
        )
    if not np.any(weights):
        raise ValueError(
            "Sample weights must contain at least one non-zero number; got "
            f"sample_weight with all of its {n_samples} values zero."
        )
    return weights


def kept_rows(X, y, sample_weight):
    """X, y and weights without the rows of weight zero."""
    weights = check_sample_weight(sample_weight, X.shape[0], scalar=True)
    if weights is None:
        return X, y, np.ones(X.shape[0])
    if np.all(weights > 0.0):
        return X, y, weights
    rows = np.flatnonzero(weights)
    return X[rows], y[rows], weights[rows]


def check_start(coef, shape, name):
    """Coefficients to start from: finite, of `shape` = (n_targets, n_features)."""
    coef = np.atleast_1d(coef)
    start = np.atleast_2d(
        check_array(coef, ensure_2d=False, dtype=np.float64, input_name=name)
    )
    if start.shape != shape:
        raise ValueError(start_mismatch(name, coef.shape, shape))
    return start
