"""Random numbers that are a function of (seed, stream, step, position) and of nothing else.

A generator with a state would make masks depend on who draws first. Here the bits of a
position are a hash of where it is, so that they do not change with the number of threads,
the size of row blocks or the dtype, and training goes on after unpickling with no state
but the step counter.

The hash is the finaliser of SplitMix64 at key + q * GOLDEN, and the key the same hash of
(seed, stream, step): Steele, Lea and Flood, Fast splittable pseudorandom number generators,
OOPSLA 2014. One 64-bit word q serves the positions 2 q and 2 q + 1 with 32 bits each.
"""

import numpy as np

from skreg._compile import inlined, jit

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
FIRST_FACTOR = np.uint64(0xBF58476D1CE4E5B9)
SECOND_FACTOR = np.uint64(0x94D049BB133111EB)
STREAM_FACTOR = np.uint64(0xD6E8FEB86659FD93)
S27, S30, S31, S32 = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(32)
LOW_BITS = np.uint64(0xFFFFFFFF)
S11 = np.uint64(11)

# Streams: layers count from 0 (the input); what is not a mask has a number of its own.
SHUFFLE, INPUT_NOISE = 1_000_001, 1_000_002


@inlined(strict=True)
def mixed(word):
    """The finaliser of SplitMix64: every bit of the result depends on every bit."""
    word = (word ^ (word >> S30)) * FIRST_FACTOR
    word = (word ^ (word >> S27)) * SECOND_FACTOR
    return word ^ (word >> S31)


@inlined(strict=True)
def stream_key(seed, stream, step):
    """Where the words of a stream start."""
    key = mixed(np.uint64(seed) + GOLDEN)
    key = mixed(key ^ (np.uint64(stream) * STREAM_FACTOR))
    return mixed(key + np.uint64(step) * GOLDEN)


@inlined(strict=True)
def word_at(key, q):
    """Word q of a stream."""
    return mixed(key + np.uint64(q) * GOLDEN)


@inlined(strict=True)
def bits_at(key, position):
    """The 32 bits of one position."""
    word = word_at(key, position >> 1)
    return word >> S32 if position & 1 else word & LOW_BITS


@inlined(strict=True)
def keep_threshold(rate):
    """Bits below this number keep a unit: 2^32 times the probability of keeping."""
    return np.uint64(np.rint((1.0 - rate) * 4294967296.0))


@inlined(strict=True)
def normal_pair(word):
    """Two independent N(0, 1) from one word (Box and Muller)."""
    radius = np.sqrt(-2.0 * np.log(((word >> S32) + 0.5) / 4294967296.0))
    angle = 2.0 * np.pi * ((word & LOW_BITS) + 0.5) / 4294967296.0
    return radius * np.cos(angle), radius * np.sin(angle)


@inlined(strict=True)
def fill_bernoulli(key, first, rate, out):
    """out = 1 / (1 - rate) with probability 1 - rate, else 0; `first` is even."""
    threshold = keep_threshold(rate)
    zero, kept = out.dtype.type(0.0), out.dtype.type(1.0 / (1.0 - rate))
    start = np.uint64(first >> 1)
    for q in range(out.shape[0] >> 1):
        word = word_at(key, start + np.uint64(q))
        out[2 * q] = kept if (word & LOW_BITS) < threshold else zero
        out[2 * q + 1] = kept if (word >> S32) < threshold else zero
    if out.shape[0] & 1:
        word = word_at(key, start + np.uint64(out.shape[0] >> 1))
        out[out.shape[0] - 1] = kept if (word & LOW_BITS) < threshold else zero


@inlined(strict=True)
def fill_normal(key, first, mean, deviation, out):
    """out ~ N(mean, deviation^2); `first` is even."""
    start = np.uint64(first >> 1)
    for q in range((out.shape[0] + 1) >> 1):
        even, odd = normal_pair(word_at(key, start + np.uint64(q)))
        out[2 * q] = mean + deviation * even
        if 2 * q + 1 < out.shape[0]:
            out[2 * q + 1] = mean + deviation * odd


@inlined(strict=True)
def gaussian_deviation(rate):
    """Standard deviation of multiplicative noise with the variance of dropout at `rate`."""
    return np.sqrt(rate / (1.0 - rate))


@inlined(strict=True)
def fill_factors(rate, gaussian, key, first, out):
    """What dropout multiplies positions first, first + 1, ... by; its mean is one."""
    if rate == 0.0:
        for i in range(out.shape[0]):
            out[i] = 1.0
    elif gaussian:
        fill_normal(key, first, 1.0, gaussian_deviation(rate), out)
    else:
        fill_bernoulli(key, first, rate, out)


@inlined(strict=True)
def factor_at(rate, gaussian, key, position):
    """What :func:`fill_factors` writes at one position."""
    if gaussian:
        even, odd = normal_pair(word_at(key, position >> 1))
        return 1.0 + gaussian_deviation(rate) * (odd if position & 1 else even)
    return 1.0 / (1.0 - rate) if bits_at(key, position) < keep_threshold(rate) else 0.0


@jit(strict=True)
def shuffle(seed, epoch, order):
    """A random order of 0, ..., n - 1 for this epoch, in place (Fisher and Yates)."""
    key = stream_key(seed, SHUFFLE, epoch)
    for i in range(order.shape[0]):
        order[i] = i
    for i in range(order.shape[0] - 1, 0, -1):
        uniform = (word_at(key, i) >> S11) / 9007199254740992.0
        j = int(uniform * (i + 1))
        order[i], order[j] = order[j], order[i]
