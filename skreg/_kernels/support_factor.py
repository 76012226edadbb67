"""The Cholesky factor of the support's Gram matrix plus l2 I, and solving with it.

It is kept by rows (row i is contiguous) and changed with the support: a feature enters by
one triangular solve and leaves by rotations.

Reference: Golub and Van Loan, Matrix Computations, sections 6.5 and 11.5.
"""

import numpy as np

from skreg._compile import inlined

# A pivot below this fraction of its diagonal entry: the columns are dependent.
PIVOT = 1e-11
# Conjugate gradient iterations after which the factor is too far from the one needed.
MANY = 16


@inlined
def dot(left, right, size):
    """Inner product of the first `size` entries."""
    total = 0.0
    for k in range(size):
        total += left[k] * right[k]
    return total


@inlined
def forward(factor, size, point):
    """point <- L^-1 point.

    (Four rows at a time, here, in `backward` and for gradients, took a twentieth off a path
    of 300 features and added half a second of compiling for everybody.)
    """
    for i in range(size):
        row = factor[i]
        point[i] = (point[i] - dot(row, point, i)) / row[i]


@inlined
def backward(factor, size, point):
    """point <- L'^-1 point. Two rows at a time, to load and store half as often."""
    i = size - 2
    while i >= 0:
        row, after = factor[i], factor[i + 1]
        y = point[i + 1] / after[i + 1]
        x = (point[i] - after[i] * y) / row[i]
        point[i], point[i + 1] = x, y
        for k in range(i):
            point[k] -= x * row[k] + y * after[k]
        i -= 2
    if i == -1:
        point[0] /= factor[0, 0]


@inlined
def enter(gram, l2, count, features, factor, size):
    """Append to the factor the `count` features that follow the support in `features`.

    A feature that depends on those before it is left out, and the ones after it move up.
    Returns the new size. All new rows are solved for together, so that the factor is
    read from memory once, not once per feature. (In tiles of 2 x 4 a path to 2000 features
    took 5 % less, and everybody's first fit 0.3 s more of compiling.)
    """
    for r in range(count):
        row, source = factor[size + r], gram[features[size + r]]
        for i in range(size):
            row[i] = source[features[i]]
    for i in range(size):
        known = factor[i]
        for r in range(count):
            row = factor[size + r]
            row[i] = (row[i] - dot(known, row, i)) / known[i]
    end = size
    for r in range(count):
        j, source, row = features[size + r], factor[size + r], factor[end]
        if end < size + r:
            for k in range(size):
                row[k] = source[k]
        for i in range(size, end):
            row[i] = (gram[j, features[i]] - dot(factor[i], row, i)) / factor[i, i]
        diagonal = gram[j, j] + l2
        pivot = diagonal - dot(row, row, end)
        if pivot > PIVOT * diagonal:
            row[end] = np.sqrt(pivot)
            features[end] = j
            end += 1
    return end


@inlined
def leave(position, features, signs, factor, size, scratch):
    """Remove the feature at `position` from the factor, and from L^-1 b in `scratch`.

    Without its row, row i > position has one entry too many, in column i. A rotation of
    columns (i - 1, i), applied to this and all later rows, removes it. Rows are treated
    one after the other, each with all rotations so far, to read memory in order. The
    same rotations make of the solution of L z = b that of the smaller system. (A rotation
    waits for the one before. Four rows at once took a sixth to a third off a path to 1000
    features, nothing off others, and added half a second of compiling for everybody.)
    """
    cosines, sines, solved = scratch[1], scratch[2], scratch[3]
    for row_index in range(position + 1, size):
        row, target = factor[row_index], factor[row_index - 1]
        for k in range(position):
            target[k] = row[k]
        last = row_index - 1
        carried = rotate(row, target, position, last, cosines, sines)
        length = np.sqrt(carried * carried + row[row_index] * row[row_index])
        cosines[last], sines[last] = carried / length, row[row_index] / length
        target[last] = length
        features[last], signs[last] = features[row_index], signs[row_index]
    rotate(solved, solved, position, size - 1, cosines, sines)


@inlined
def rotate(row, target, first, last, cosines, sines):
    """Apply the rotations `first`, ..., `last` - 1 to `row`; what comes out of a rotation
    is final in `target`, what goes on into the next one is returned at the end.
    """
    carried = row[first]
    for k in range(first, last):
        entry = row[k + 1]
        target[k] = cosines[k] * carried + sines[k] * entry
        carried = cosines[k] * entry - sines[k] * carried
    return carried


@inlined
def correct(factor, size, shift, goal, point, extra):
    """From x with L L' x = b, in `point`, to (L L' - shift I) x = b, with b in extra[0].

    Conjugate gradients with the preconditioner L L'. The product with the matrix costs
    nothing: L L' times a search direction is what its preconditioned residual was made
    of. Ends where |b - (L L' - shift I) x| <= goal, or after MANY iterations. Returns
    their number.
    """
    rest, z, direction, image = extra[1], extra[2], extra[3], extra[4]
    for i in range(size):
        rest[i], z[i], point[i] = extra[0, i], point[i], 0.0
        direction[i], image[i] = 0.0, 0.0
    n_iter, height = 0, 1.0
    while True:
        before, height, slope, largest = height, dot(rest, z, size), 0.0, 0.0
        ratio = height / before if before > 0.0 else 0.0
        for i in range(size):
            direction[i] = z[i] + ratio * direction[i]
            image[i] = rest[i] + ratio * image[i]
            slope += direction[i] * (image[i] - shift * direction[i])
        length = height / slope if slope > 0.0 else 0.0
        for i in range(size):
            point[i] += length * direction[i]
            rest[i] -= length * (image[i] - shift * direction[i])
            z[i] = rest[i]
            largest = max(largest, abs(rest[i]))
        n_iter += 1
        if largest <= goal or n_iter > MANY:
            return n_iter
        forward(factor, size, z)
        backward(factor, size, z)
