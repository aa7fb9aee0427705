"""Random numbers as pure functions of (seed, counter, element): Philox4x32-10 and distributions over its words.

Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. A block is the four 32-bit words
of one 128-bit counter. Elements that need `count` words each (1, 2 or 4) share blocks in groups of 64 / count neighbours:
of element i the block is

    offset + 16 * (i // group) + i % 16,     and of its words those from count * ((i % group) // 16) on,

so that 16 lanes which compute 16 blocks use every word of them for the 16, 32 or 64 elements of a group. The blocks of n
elements lie in [offset, offset + n). Numbers depend neither on threads nor on lanes nor on the backend.
"""

from __future__ import annotations

from ...dtypes import F32, F64, I32, I64, U32, U64
from .exponential import exp, log, log1p
from .special import normal_tail
from .trigonometric import tan

_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10


def _words(b, x):
    """(low, high) 32-bit words of a 64-bit integer."""
    x = b.bitcast(x, U64)
    return b.cast(x, U32), b.cast(x >> 32, U32)


def _wide(b, x):
    return b.cast(x, U64)


def philox(b, seed, counter):
    """The four u32 words of a block. `seed` and `counter` are i64 values; the upper half of the counter is 0."""
    key = list(_words(b, seed))
    low, high = _words(b, counter)
    zero = b.const(0, U32)
    c = [low, high, zero, zero]
    for n in range(_ROUNDS):
        if n:
            key = [k + w for k, w in zip(key, _WEYL)]
        first, second = (_words(b, _wide(b, x) * m) for x, m in zip((c[0], c[2]), _MULTIPLIERS))
        c = [second[1] ^ c[1] ^ key[0], second[0], first[1] ^ c[3] ^ key[1], first[0]]
    return c


def draw(b, seed, offset, count):
    """This element's `count` words."""
    i = b.index()
    shift = {1: 6, 2: 5, 4: 4}[count]
    block = philox(b, seed, offset + (((i >> shift) << 4) + (i & 15)))
    slot = i >> 4
    while len(block) > count:
        half = len(block) // 2
        upper = (slot & (half // count)).ne(0)
        block = [b.select(upper, y, x) for x, y in zip(block[:half], block[half:])]
    return block


def _count(dtype):
    """Words of a number with a mantissa's worth of random bits."""
    return 1 if dtype is F32 else 2


def _long(b, high, low):
    return (_wide(b, high) << 32) | _wide(b, low)


def _unit(b, words, dtype, bits, half):
    """(k + half) / 2^bits with k the top `bits` bits of the words."""
    if dtype is F32:
        k = b.cast(b.bitcast(words[0] >> (32 - bits), I32), F32)
    else:
        k = b.cast(_long(b, words[0], words[1]) >> (64 - bits), F64)
    return (k + half) * 2.0 ** -bits if half else k * 2.0 ** -bits


def unit(b, words, dtype):
    """Uniform on [0, 1): every multiple of 2^-24 (f32) or 2^-53 (f64) is equally likely."""
    return _unit(b, words, dtype, 24 if dtype is F32 else 53, 0)


def open_unit(b, words, dtype):
    """Uniform on (0, 1): odd multiples of 2^-24 (f32) or 2^-53 (f64), symmetric about 1/2."""
    return _unit(b, words, dtype, 23 if dtype is F32 else 52, 0.5)


def uniform(b, seed, offset, low, high):
    """On [low, high); a result that rounds up to `high` becomes `low`."""
    x = low + unit(b, draw(b, seed, offset, _count(low.dtype)), low.dtype) * (high - low)
    return b.select(x >= high, low, x)


def standard_normal(b, seed, offset, dtype):
    """The inverse of the distribution function at a uniform number.

    31 bits (f64: 62) give the probability q of the nearer tail, an odd multiple of 2^-33 (2^-64), and one bit its side.
    """
    words = draw(b, seed, offset, _count(dtype))
    if dtype is F32:
        bits = b.bitcast(words[0], I32)
        q = (b.cast(bits & 0x7FFFFFFF, F32) + 0.5) * 2.0**-32
    else:
        bits = b.bitcast(_long(b, words[0], words[1]), I64)
        q = (b.cast((bits >> 1) & 0x3FFFFFFFFFFFFFFF, F64) + 0.5) * 2.0**-63
    y = 1.4142135623730951 * normal_tail(b, q)
    return b.select(bits < 0, -y, y)


def normal(b, seed, offset, mean, std):
    return mean + std * standard_normal(b, seed, offset, mean.dtype)


def log_normal(b, seed, offset, mean, std):
    return exp(b, normal(b, seed, offset, mean, std))


def exponential(b, seed, offset, rate):
    """Positive, never 0."""
    return -log(b, open_unit(b, draw(b, seed, offset, _count(rate.dtype)), rate.dtype)) / rate


def cauchy(b, seed, offset, median, sigma):
    u = open_unit(b, draw(b, seed, offset, _count(median.dtype)), median.dtype)
    return median + sigma * tan(b, (u - 0.5) * 3.141592653589793)


def geometric(b, seed, offset, p):
    """Number of trials up to and including the first success."""
    u = open_unit(b, draw(b, seed, offset, _count(p.dtype)), p.dtype)
    trials = b.ceil(log(b, u) / log1p(b, -p))
    return b.select(trials < 1, b.like(p, 1), trials)      # p = 1: log1p(-p) is -inf


def bernoulli(b, seed, offset, p):
    return unit(b, draw(b, seed, offset, _count(p.dtype)), p.dtype) < p


def integer(b, seed, offset, low, count):
    """low + k, k uniform on [0, count); count 0 stands for 2^64.

    k is the high half of the 64 x 64-bit product of 64 random bits with count (Lemire 2019, without rejection: the bias
    is below count / 2^64).
    """
    words = draw(b, seed, offset, 2)
    r1, r0 = _wide(b, words[0]), _wide(b, words[1])
    n0, n1 = (_wide(b, w) for w in _words(b, count))
    middle = r1 * n0 + ((r0 * n0) >> 32)
    low_middle = (middle & 0xFFFFFFFF) + r0 * n1
    k = r1 * n1 + (middle >> 32) + (low_middle >> 32)
    return low + b.bitcast(b.select(count.eq(0), _long(b, words[0], words[1]), k), low.dtype)
