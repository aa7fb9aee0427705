"""Random numbers as pure functions of (seed, counter): Philox4x32-10 and distributions over its words.

Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. Element i of a call draws from
the one block whose 128-bit counter is offset + i, so numbers depend neither on threads nor on lanes nor on the backend.
"""

from __future__ import annotations

import math

from ...dtypes import F32, F64, I32, U32, U64
from .core import horner, pick
from .exponential import exp, log, log1p

_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10


def _words(b, x):
    """(low, high) 32-bit words of a 64-bit integer."""
    x = b.bitcast(x, U64)
    return b.cast(x, U32), b.cast(x >> 32, U32)


def _wide(b, x):
    return b.cast(x, U64)


def philox(b, seed, offset):
    """The four u32 words of this element's block. `seed` and `offset` are i64 values."""
    key = list(_words(b, seed))
    low, high = _words(b, offset + b.index())
    zero = b.const(0, U32)
    c = [low, high, zero, zero]
    for n in range(_ROUNDS):
        if n:
            key = [k + w for k, w in zip(key, _WEYL)]
        first, second = (_words(b, _wide(b, x) * m) for x, m in zip((c[0], c[2]), _MULTIPLIERS))
        c = [second[1] ^ c[1] ^ key[0], second[0], first[1] ^ c[3] ^ key[1], first[0]]
    return c


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


# Taylor coefficients of sin(t) / t and cos(t) in t^2; |t| <= pi/4. Remainders: 2e-9 (f32), 1e-18 (f64).
_SIN = tuple((-1) ** k / math.factorial(2 * k + 1) for k in range(9))
_COS = tuple((-1) ** k / math.factorial(2 * k) for k in range(10))


def _sincos_turns(b, u):
    """(sin, cos) of 2 pi u for |u| <= 1; the reduction to an eighth of a turn is exact."""
    quarter = b.rint(4 * u)
    t = (u - 0.25 * quarter) * (2 * math.pi)
    z = t * t
    sin, cos = t * horner(b, z, pick(u, _SIN[:5], _SIN)), horner(b, z, pick(u, _COS[:6], _COS))
    q = b.cast(quarter, I32)
    odd = (q & 1).ne(0)
    s, c = b.select(odd, cos, sin), b.select(odd, sin, cos)
    return b.select((q & 2).ne(0), -s, s), b.select(((q + 1) & 2).ne(0), -c, c)


def uniform(b, seed, offset, low, high):
    """On [low, high); a result that rounds up to `high` becomes `low`."""
    x = low + unit(b, philox(b, seed, offset), low.dtype) * (high - low)
    return b.select(x >= high, low, x)


def standard_normal(b, words, dtype):
    """Box and Muller 1958; one of the pair is used."""
    radius = b.sqrt(-2 * log(b, open_unit(b, words[:2], dtype)))
    return radius * _sincos_turns(b, unit(b, words[2:], dtype))[1]


def normal(b, seed, offset, mean, std):
    return mean + std * standard_normal(b, philox(b, seed, offset), mean.dtype)


def log_normal(b, seed, offset, mean, std):
    return exp(b, normal(b, seed, offset, mean, std))


def exponential(b, seed, offset, rate):
    """Positive, never 0."""
    return -log(b, open_unit(b, philox(b, seed, offset), rate.dtype)) / rate


def cauchy(b, seed, offset, median, sigma):
    u = open_unit(b, philox(b, seed, offset), median.dtype)
    sin, cos = _sincos_turns(b, 0.5 * (u - 0.5))
    return median + sigma * (sin / cos)


def geometric(b, seed, offset, p):
    """Number of trials up to and including the first success."""
    u = open_unit(b, philox(b, seed, offset), p.dtype)
    trials = b.ceil(log(b, u) / log1p(b, -p))
    return b.select(trials < 1, b.like(p, 1), trials)      # p = 1: log1p(-p) is -inf


def bernoulli(b, seed, offset, p):
    return unit(b, philox(b, seed, offset), p.dtype) < p


def integer(b, seed, offset, low, count):
    """low + k, k uniform on [0, count); count 0 stands for 2^64.

    k is the high half of the 64 x 64-bit product of 64 random bits with count (Lemire 2019, without rejection: the bias
    is below count / 2^64).
    """
    words = philox(b, seed, offset)
    r1, r0 = _wide(b, words[0]), _wide(b, words[1])
    n0, n1 = (_wide(b, w) for w in _words(b, count))
    middle = r1 * n0 + ((r0 * n0) >> 32)
    low_middle = (middle & 0xFFFFFFFF) + r0 * n1
    k = r1 * n1 + (middle >> 32) + (low_middle >> 32)
    return low + b.bitcast(b.select(count.eq(0), _long(b, words[0], words[1]), k), low.dtype)
