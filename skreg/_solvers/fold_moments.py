"""Moments of every training set of a K-fold split, as sums of the other folds' moments.

Never total minus fold: a column that is not zero in one fold only would be left with
noise of variance 1e-12 in the training set that lacks it, and scaling would blow it up.
Divide and conquer needs K log2 K additions, and keeps one matrix per halving alive: what
lies outside a range of folds is what lies outside the range that contains it, plus the
sum of its other half.
"""


def training_moments(parts):
    """The moments of all parts but one, for each part in order.

    Parameters
    ----------
    parts : sequence of Moments
        At least two.

    Yields
    ------
    k : int
    moments : Moments
        Of all parts but the k-th. Not to be written to: with two parts, it is the other.
    """
    if len(parts) < 2:
        raise ValueError(
            f"a training set is made of the other parts; got {len(parts)} part(s), "
            "expected at least 2."
        )
    return _without_each(parts, 0, len(parts), None)


def sum_of_moments(parts, start=0, stop=None):
    """The moments of parts[start:stop] together, added in pairs."""
    stop = len(parts) if stop is None else stop
    if stop - start == 1:
        return parts[start]
    middle = (start + stop) // 2
    return sum_of_moments(parts, start, middle) + sum_of_moments(parts, middle, stop)


def _without_each(parts, start, stop, outside):
    """(k, moments of all parts but k) for k in [start, stop); `outside`: of the others."""
    if stop - start == 1:
        yield start, outside
        return
    middle = (start + stop) // 2
    halves = (start, middle), (middle, stop)
    for half, other in (halves, halves[::-1]):
        around = sum_of_moments(parts, *other)
        around = around if outside is None else outside + around
        yield from _without_each(parts, *half, around)
