"""Which classes there are, and their factors on the weights of rows."""

import numpy as np

from skreg._validation import real

FACTOR = real(0.0)


def check_classes(y, classes, name, *, all_needed):
    """Refuse labels that are not among the classes, or lack some that are needed."""
    present = np.arange(y.shape[1]) if y.ndim == 2 else np.unique(y)
    if all_needed and set(present) != set(classes):
        raise ValueError(
            "warm_start can only be used where `y` has the same classes as in the "
            f"previous call to fit. Previously got {classes}, `y` has {present}"
        )
    if not np.isin(present, classes).all():
        raise ValueError(
            f"`{name}` has classes not in `self.classes_`. `self.classes_` has "
            f"{classes}. '{name}' has {present}."
        )


def class_factors(class_weight, classes, codes, weight):
    """The factor of each class.

    Parameters
    ----------
    class_weight : "balanced" or dict of labels to factors
        "balanced": the sum of weights / (number of classes * that of the class), so that
        a row of weight two counts as two rows.
    classes : ndarray of shape (n_classes,)
    codes : ndarray of int of shape (n_samples,)
        The class of each row, as a position in `classes`.
    weight : ndarray of shape (n_samples,)

    Returns
    -------
    ndarray of shape (n_classes,)
    """
    if isinstance(class_weight, str):
        sizes = np.bincount(codes, weight, minlength=len(classes))
        n_present = np.count_nonzero(sizes)
        sizes[sizes == 0.0] = np.inf
        return weight.sum() / (n_present * sizes)
    labels = classes.tolist()
    unknown = [label for label in class_weight if label not in labels]
    if unknown:
        raise ValueError(
            f"class_weight has the labels {unknown}, which y has not; got y with {labels}."
        )
    factors = [class_weight.get(label, 1.0) for label in labels]
    if not all(FACTOR.accepts(factor) for factor in factors):
        raise ValueError(
            f"class_weight has factors that are not {FACTOR.expected}; got "
            f"{class_weight!r}."
        )
    return np.array(factors, dtype=np.float64)


def row_factors(class_weight, classes, y, weight):
    """The factor of each row: of its class, or the product over its labels.

    Parameters
    ----------
    class_weight, classes, weight :
        As in :func:`class_factors`.
    y : ndarray of shape (n_samples,) or (n_samples, n_labels)

    Returns
    -------
    ndarray of shape (n_samples,)
    """
    if y.ndim == 1:
        codes = np.searchsorted(classes, y)
        return class_factors(class_weight, classes, codes, weight)[codes]
    if not isinstance(class_weight, str):
        raise ValueError(
            f"class_weight={class_weight!r} does not say for which label it is; with "
            'multilabel targets use class_weight="balanced" or sample_weight.'
        )
    factors = np.ones(len(y))
    for label in y.T.astype(int):
        factors *= class_factors(class_weight, np.arange(2), label, weight)[label]
    return factors
