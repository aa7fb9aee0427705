"""Powers of floating-point numbers, hypot."""

from __future__ import annotations

from ...dtypes import F32, F64
from .core import INF, fast_two_sum, horner, is32, pick, two_product, uint_of
from .exponential import _NORMAL, clamp, exp_words, nearest, split_normal
from .integer import pow_integer

# log2(1 + f) / f, sqrt(1/2) <= 1 + f <= sqrt(2), relative error 1.6e-11; 2^f, |f| <= 1/2, relative error 1.9e-9
_LOG2 = (1.4426950408687067, -0.7213475208688227, 0.48089836139515557, -0.360673674818787, 0.2885372934727222,
         -0.24045316594471894, 0.2061753600004514, -0.1803005962101956, 0.15876978906936373, -0.14315648533173442,
         0.14474853350475825, -0.14283932991748907, 0.07737027626189474)
_EXP2 = (1.000000000554013, 0.6931472057381891, 0.2402264689123766, 0.0555032877546381, 0.009618488908512671,
         0.0013399931696144944, 0.00015345822927536706)
# (log((1 + s) / (1 - s)) - 2 s - 2/3 s^3) / s^5 in s^2, error relative to the logarithm: 7.4e-23
_LOG_TAIL = (0.3999999999999998, 0.2857142857144522, 0.22222222217510604, 0.18181818873491437, 0.1538455665397713,
             0.13336325780656705, 0.11674648510600298, 0.11990431172415664)


def _positive32(b, k, f, y):
    """(2^k (1 + f))^y in f64, rounded to f32 once."""
    k, f, y = b.cast(k, F64), b.cast(f, F64), b.cast(y, F64)
    t = clamp(b, y * b.fma(f, horner(b, f, _LOG2), k), -200.0, 200.0)
    n = nearest(b, t)
    return b.cast(horner(b, t - n, _EXP2) * b.power_of_two(n), F32)


def _positive64(b, k, f, y):
    """The same for f64: the logarithm in two words, good to 2^-66."""
    d = 2 + f
    s = f / d
    s_low = (b.fma(-s, d, f) - s * (f - (d - 2))) / d
    z, z_low = two_product(b, s, s)
    z_low = b.fma(2 * s, s_low, z_low)
    c, c_low = two_product(b, z, s)
    c_low = b.fma(z_low, s, b.fma(z, s_low, c_low))
    third, third_low = two_product(b, c, b.like(c, 0.6666666666666666))
    third_low = third_low + b.fma(c_low, b.like(c, 0.6666666666666666), c * 3.700743415417188e-17)
    tail = s * z * z * horner(b, z, _LOG_TAIL)
    high, low = fast_two_sum(b, 2 * s, third)
    low = low + (2 * s_low + (third_low + tail))
    high, low2 = fast_two_sum(b, k * 0.6931471803691238, high)        # k times the short word is exact
    low = low + (low2 + k * 1.9082149292705877e-10)
    t, t_low = two_product(b, y, high)
    t_low = b.fma(y, low, t_low)
    inside = b.abs(t) < 746
    t = clamp(b, t, -746.0, 710.0)
    return exp_words(b, t, b.select(inside, t_low, b.like(t, 0)))


def _special(b, x, y, power):
    """x^y from power = |x|^y, which is right where x is finite and not 0 and y is finite (C's pow, case by case)."""
    zero, one, infinity = b.like(x, 0), b.like(x, 1), b.like(x, INF)
    a, size = b.abs(x), b.abs(y)
    falling = y < 0
    power = b.select(a.eq(0), b.select(falling, infinity, zero), power)
    power = b.select(a.eq(INF), b.select(falling, zero, infinity), power)
    limit = b.select(a.eq(1), one, b.select((a < 1) ^ falling, zero, infinity))
    power = b.select(size.eq(INF), limit, power)
    half = 0.5 * y
    whole = b.trunc(y).eq(y)
    odd = whole & b.trunc(half).ne(half) & (size < INF)
    power = b.select(odd, b.copysign(power, x), power)
    power = b.select((x < 0) & (a < INF) & ~whole, b.like(x, float("nan")), power)
    power = b.select(b.isnan(x) | b.isnan(y), x + y, power)
    return b.select(y.eq(0) | x.eq(1), one, power)


def pow(b, x, y):
    if not x.dtype.is_float:
        return pow_integer(b, x, y)
    positive = _positive32 if is32(x) else _positive64
    low, high = pick(x, *_NORMAL)
    unusual = (b.bitcast(x, uint_of(x.dtype)) - low >= high - low) | ~(b.abs(y) < INF)

    def everything():
        a = b.abs(x)
        tiny = a < pick(x, 2.0**-126, 2.0**-1022)
        k, f = split_normal(b, b.select(tiny, a * pick(x, 2.0**24, 2.0**54), a))
        k = b.select(tiny, k - pick(x, 24.0, 54.0), k)
        return _special(b, x, y, positive(b, k, f, y))
    k, f = split_normal(b, x)
    return b.rarely(unusual, everything, positive(b, k, f, y))


def hypot(b, x, y):
    """sqrt(x^2 + y^2) without overflow; infinite if either is."""
    if is32(x):
        p, q = b.cast(x, F64), b.cast(y, F64)
        root = b.cast(b.sqrt(b.fma(p, p, q * q)), F32)
    else:
        p, q = b.abs(x), b.abs(y)
        large, small = b.select(p > q, p, q), b.select(p > q, q, p)
        big, tiny = large > 2.0**500, large < 2.0**-500
        up = b.select(big, b.like(x, 2.0**-600), b.select(tiny, b.like(x, 2.0**600), b.like(x, 1)))
        down = b.select(big, b.like(x, 2.0**600), b.select(tiny, b.like(x, 2.0**-600), b.like(x, 1)))
        large, small = large * up, small * up
        root = b.sqrt(b.fma(large, large, small * small)) * down
        root = b.select(b.isnan(x) | b.isnan(y), x + y, root)
    return b.select(b.abs(x).eq(INF) | b.abs(y).eq(INF), b.like(x, INF), root)
