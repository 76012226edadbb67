"""Folds as pairs of row indices into validated data, from anything that is a `cv`.

And one random split, for early stopping.
"""

import numpy as np
from sklearn.model_selection import check_cv, train_test_split


def split_rows(cv, data, split_params):
    """Folds as pairs of row indices into the validated data.

    Rows of weight zero are gone from `data`; splitters see what is left, and explicit
    (train, test) index pairs, which count the rows of the caller, are translated.

    Parameters
    ----------
    cv : int, splitter, iterable or None
    data : skreg._validation.Validated
    split_params : dict
        Keyword arguments of ``split``, such as `groups`.
    """
    explicit = hasattr(cv, "__iter__") and not hasattr(cv, "split")
    if explicit:
        folds = [_checked_fold(fold, data.n_given) for fold in cv]
        if data.rows is not None:
            position = np.full(data.n_given, -1)
            position[data.rows] = np.arange(len(data.rows))
            folds = [tuple(position[part] for part in fold) for fold in folds]
            folds = [tuple(part[part >= 0] for part in fold) for fold in folds]
    else:
        kept = {name: rows_of(data, values) for name, values in split_params.items()}
        folds = list(check_cv(cv).split(data.X, data.y_as_given, **kept))
    if len(folds) == 0:
        raise ValueError(f"cv={cv!r} gave no folds; at least one is needed.")
    for train, test in folds:
        if len(train) == 0 or len(test) == 0:
            raise ValueError(
                f"cv gave a fold with {len(train)} training and {len(test)} test rows "
                "(rows of sample_weight zero do not count); each needs at least one."
            )
    return folds


def rows_of(data, values):
    """What belongs to the rows that were kept, of an array with one entry per row."""
    if data.rows is None or values is None or np.ndim(values) == 0:
        return values
    return np.asarray(values)[data.rows]


def _checked_fold(fold, n_samples):
    """A (train, test) pair as integer arrays, or an error that names cv."""
    expected = (
        "expected pairs (train, test) of row indices in "
        f"[0, {n_samples}) or of masks of length {n_samples}."
    )
    try:
        train, test = (np.asarray(part) for part in fold)
    except (TypeError, ValueError):
        raise ValueError(f"cv contains {fold!r}; {expected}") from None
    return tuple(_checked_indices(part, n_samples, expected) for part in (train, test))


def _checked_indices(part, n_samples, expected):
    if part.dtype == bool and part.shape == (n_samples,):
        return np.flatnonzero(part)
    whole = part.dtype.kind in "iu" or part.size == 0
    if part.ndim != 1 or not whole:
        raise ValueError(
            f"cv contains an array of {part.dtype} of shape {part.shape}; {expected}"
        )
    part = part.astype(np.int64)
    outside = part[(part < -n_samples) | (part >= n_samples)]
    if outside.size:
        raise ValueError(f"cv contains the index {outside[0]}; {expected}")
    return part % n_samples


def hold_out(n_samples, fraction, labels, seed):
    """Rows to train on and rows to validate on.

    Parameters
    ----------
    n_samples : int
    fraction : float
        Of the rows, for validation; at least two.
    labels : ndarray of shape (n_samples,) or None
        Classes to stratify by, where each class is large enough for that.
    seed : int or RandomState

    Returns
    -------
    train, validation : ndarray of int, sorted
    """
    if n_samples < 3:
        raise ValueError(
            f"The validation set is too small: with n_samples = {n_samples} there are not "
            "two rows to validate on and one to train on; set early_stopping=False."
        )
    # R2 needs two rows. ceil rounds 0.1 * 30, which is a little more than 3, to 4.
    n_validation = int(np.ceil(fraction * n_samples - 1e-9))
    n_validation = min(max(n_validation, 2), n_samples - 1)
    if labels is not None:
        counts = np.unique(labels, return_counts=True)[1]
        n_train = n_samples - n_validation
        if counts.min() < 2 or len(counts) > min(n_validation, n_train):
            labels = None
    train, validation = train_test_split(
        np.arange(n_samples), test_size=n_validation, random_state=seed, stratify=labels
    )
    return np.sort(train), np.sort(validation)
