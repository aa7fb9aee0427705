"""mathlib against exact references: f32 over bit patterns of the whole range, f64 against mpmath.

Bounds are in units in the last place of the result's magnitude, subnormal results included. NaN, infinities and the sign of
zero must agree.
"""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest

from hologram_core.codegen.builder import Value
from hologram_core.dtypes import F32, F64, I32, I64, U8
from hologram_core.optable import mathlib as m
from hologram_core.optable.mathlib import random as r
from hologram_core.reference.numpy_builder import NumpyBuilder

SPECIAL = np.array([0, 1, 0x7FFFFF, 0x800000, 0x3F7FFFFF, 0x3F800000, 0x3F800001, 0x7F7FFFFF, 0x7F800000, 0x7FC00000, 0x3F000000,
                    0x40000000], np.uint32)


def bit_patterns(low, high, count, seed=0):
    """f32 numbers of all magnitudes, and as many from [low, high)."""
    g = np.random.default_rng(seed)
    bits = g.integers(0, 2**32, count, dtype=np.uint32)
    both = np.concatenate([SPECIAL, SPECIAL | 0x80000000])
    bits[:len(both)] = both
    return np.concatenate([bits.view(np.float32), g.uniform(low, high, count).astype(np.float32)])


def ulps(got, exact, dtype):
    """Error of `got` in units in the last place of `exact` (float64, or float128 for f64 results)."""
    with np.errstate(all="ignore"):
        rounded = exact.astype(dtype)
        limit = np.finfo(dtype).max
        unit = np.spacing(np.minimum(np.abs(np.where(np.isfinite(rounded), rounded, limit)), limit).astype(dtype)).astype(exact.dtype)
        error = np.abs(got.astype(exact.dtype) - exact) / unit
    infinite = np.isinf(rounded) | np.isinf(got)
    near_infinity = np.where(rounded == got, 0, np.where(np.maximum(np.abs(got), np.abs(rounded)) == np.inf, np.inf, 0))
    barely = infinite & (np.minimum(np.abs(got), np.abs(rounded)) == limit) & (np.sign(got) == np.sign(rounded))
    error = np.where(infinite, np.where(barely, 1, near_infinity), error)
    return np.where(np.isnan(rounded) & np.isnan(got), 0, np.where(np.isnan(rounded) != np.isnan(got), np.inf, error))


def evaluate(function, *arrays, dtype=F32):
    b = NumpyBuilder()
    return function(b, *(b.value(a, dtype) for a in arrays)).data


def each(function):
    """A scalar function of the math module over an array; out of domain is NaN."""
    def call(x):
        try:
            return function(x)
        except (ValueError, OverflowError):
            return math.nan
    return lambda x: np.frompyfunc(call, 1, 1)(x).astype(np.float64)


def sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1) / (1 + e)


def gelu(x):
    return np.where(x == -np.inf, np.nan, np.where(x < 0, 0.5 * x * each(math.erfc)(-x / math.sqrt(2)),
                                                   0.5 * x * (1 + each(math.erf)(x / math.sqrt(2)))))


def times(x, s):
    return np.where(x == -np.inf, np.nan, x * s)


def gelu_tanh(x):
    return times(x, sigmoid(math.sqrt(8 / math.pi) * (x + 0.044715 * x**3)))


def lgamma(x):
    return np.where((x <= 0) & (x == np.floor(x)) | np.isinf(x), np.inf, each(math.lgamma)(x))


def mish_factor(x):
    w = np.exp(np.minimum(x, 40)) * (np.exp(np.minimum(x, 40)) + 2)
    return w / (w + 2)


# function, reference, ordinary range, bound
UNARY = [
    ("exp", np.exp, (-104, 90), 1), ("exp2", np.exp2, (-151, 129), 1), ("expm1", np.expm1, (-18, 89), 1.6),
    ("log", np.log, (0, 4), 1.2), ("log2", np.log2, (0, 4), 1.1), ("log10", np.log10, (0, 4), 1.1), ("log1p", np.log1p, (-1, 4), 1.8),
    ("sinh", np.sinh, (-3, 3), 1.6), ("cosh", np.cosh, (-90, 90), 1.5), ("tanh", np.tanh, (-9.5, 9.5), 2),
    ("sigmoid", sigmoid, (-20, 20), 1.8), ("silu", lambda x: times(x, sigmoid(x)), (-112, 20), 1.9),
    ("gelu", gelu, (-15, 6), 2), ("gelu_tanh", gelu_tanh, (-11, 6), 2),
    ("erf", each(math.erf), (-4, 4), 1.2), ("erfc", each(math.erfc), (-1, 10), 5),
    ("sin", np.sin, (-1e5, 1e5), 1), ("cos", np.cos, (-1e5, 1e5), 1), ("tan", np.tan, (-100, 100), 2),
    ("asin", np.arcsin, (-1, 1), 1.7), ("acos", np.arccos, (-1, 1), 1.3), ("atan", np.arctan, (-4, 4), 1.3),
    ("asinh", np.arcsinh, (-4, 4), 0.6), ("acosh", np.arccosh, (1, 4), 0.6), ("atanh", np.arctanh, (-1, 1), 0.6),
    ("lgamma", lgamma, (-4, 12), 0.6), ("tanh_softplus", mish_factor, (-100, 20), 4),
]


@pytest.mark.parametrize("name, reference, span, bound", UNARY, ids=[u[0] for u in UNARY])
def test_f32(name, reference, span, bound):
    x = bit_patterns(*span, 1 << 16)
    with np.errstate(all="ignore"):
        got, exact = evaluate(getattr(m, name), x), reference(x.astype(np.float64))
    error = ulps(got, exact, np.float32)
    worst = error.argmax()
    assert error[worst] <= bound, f"{name}({x[worst]!r}) = {got[worst]!r}, exactly {exact[worst]!r}: {error[worst]:.3f} ulp"
    zero = (got == 0) & (np.abs(exact) < 1e-46)
    np.testing.assert_array_equal(np.signbit(got[zero]), np.signbit(exact[zero]))


def binary_patterns(low, high, count=1 << 15):
    special = np.array([0, -0.0, 1, -1, np.inf, -np.inf, np.nan, 2, -2, 0.5, 3, -3, 2.5, 1e30, -1e30, 1e-40, -1e-40], np.float32)
    a, c = np.meshgrid(special, special)
    return (np.concatenate([bit_patterns(low, high, count, 1), a.ravel()]),
            np.concatenate([np.random.default_rng(3).permutation(bit_patterns(low, high, count, 2)), c.ravel()]))


BINARY = [("pow", np.power, (-4, 8), 0.6), ("pow", np.power, (0.5, 2), 0.6), ("atan2", np.arctan2, (-3, 3), 1.5),
          ("hypot", np.hypot, (-3, 3), 0.6), ("logaddexp", np.logaddexp, (-30, 30), 2)]


@pytest.mark.parametrize("name, reference, span, bound", BINARY)
def test_f32_of_two(name, reference, span, bound):
    x, y = binary_patterns(*span)
    with np.errstate(all="ignore"):
        got, exact = evaluate(getattr(m, name), x, y), reference(x.astype(np.float64), y.astype(np.float64))
    if name == "logaddexp":      # relative to the larger of result and 1: the sum cancels near 0
        near = np.abs(exact) < 0.5
        assert np.abs(got[near] - exact[near]).max() < 1e-6
        got, exact, x, y = got[~near], exact[~near], x[~near], y[~near]
    error = ulps(got, exact, np.float32)
    worst = error.argmax()
    assert error[worst] <= bound, f"{name}({x[worst]!r}, {y[worst]!r}) = {got[worst]!r}, exactly {exact[worst]!r}"


def exact_units(got, exact):
    """Error of one f64 result against an mpmath number."""
    rounded = float(exact)
    if not (math.isfinite(rounded) and math.isfinite(got)):
        return 0 if rounded == got or (rounded != rounded and got != got) else math.inf
    return float(abs(mp.mpf(float(got)) - exact) / mp.mpf(float(np.spacing(abs(rounded)))))


def arguments(low, high, count=250, extra=()):
    g = np.random.default_rng(5)
    small = np.exp(g.uniform(-36, math.log(max(abs(low), abs(high))), count)) * g.choice([-1.0, 1.0], count)
    x = np.concatenate([g.uniform(low, high, count), small, extra])
    return x[(x >= low) & (x <= high)]


HUGE = [1e9, 1e15, 1e22, 1e300, -2.5e200, 6381956970095103 * 2.0**797, 5.319372648326541e255, 2.0**29 + 0.5]
PRECISE = [
    ("exp", mp.exp, (-745, 709), 2), ("exp2", lambda x: mp.mpf(2)**x, (-1074, 1023), 2), ("expm1", mp.expm1, (-40, 709), 2),
    ("log", mp.log, (1e-300, 4), 2), ("log2", lambda x: mp.log(x, 2), (1e-300, 4), 2), ("log10", mp.log10, (1e-300, 4), 2),
    ("log1p", mp.log1p, (-0.999, 4), 2), ("sinh", mp.sinh, (-700, 700), 2), ("cosh", mp.cosh, (-700, 700), 2),
    ("tanh", mp.tanh, (-20, 20), 2), ("sigmoid", lambda x: 1 / (1 + mp.exp(-x)), (-740, 40), 2),
    ("silu", lambda x: x / (1 + mp.exp(-x)), (-740, 40), 2), ("gelu", lambda x: x * mp.erfc(-x / mp.sqrt(2)) / 2, (-38, 9), 4),
    ("erf", mp.erf, (-6, 6), 2), ("erfc", mp.erfc, (-6, 26), 4),
    ("sin", mp.sin, (-1e308, 1e308), 1.5), ("cos", mp.cos, (-1e308, 1e308), 1.5), ("tan", mp.tan, (-1e308, 1e308), 3),
    ("asin", mp.asin, (-1, 1), 2), ("acos", mp.acos, (-1, 1), 2), ("atan", mp.atan, (-9, 9), 2),
    ("asinh", mp.asinh, (-9, 9), 4), ("acosh", mp.acosh, (1, 9), 4), ("atanh", mp.atanh, (-0.99999, 0.99999), 4),
    ("erfinv", mp.erfinv, (-0.99999, 0.99999), 4), ("lgamma", lambda x: mp.log(abs(mp.gamma(x))), (1e-10, 60), 4),
    ("digamma", mp.digamma, (3, 60), 4), ("i0", lambda x: mp.besseli(0, x), (-60, 60), 4),
    ("i1", lambda x: mp.besseli(1, x), (-60, 60), 5),
]


@pytest.mark.parametrize("name, exact, span, bound", PRECISE, ids=[p[0] for p in PRECISE])
def test_f64(name, exact, span, bound):
    x = arguments(*span, extra=HUGE if span[1] > 1e300 else ()) if span[1] < 1e300 else np.concatenate([arguments(-100, 100), HUGE])
    with mp.workprec(1400 if span[1] > 1e300 else 200), np.errstate(all="ignore"):
        got = evaluate(getattr(m, name), x, dtype=F64)
        error, worst = max((exact_units(y, exact(mp.mpf(float(a)))), a) for a, y in zip(x, got))
    assert error <= bound, f"{name}({worst!r}): {error:.2f} ulp"


def test_f64_pow():
    g = np.random.default_rng(7)
    x = np.concatenate([np.exp(g.uniform(-5, 5, 300)), g.uniform(0.9, 1.1, 300)])
    y = np.concatenate([g.uniform(-100, 100, 300), g.uniform(-7000, 7000, 300)])
    got = evaluate(m.pow, x, y, dtype=F64)
    with mp.workprec(200):
        assert max(exact_units(v, mp.mpf(float(a))**mp.mpf(float(c))) for a, c, v in zip(x, y, got)) <= 1


def test_integer_powers_for_every_bit_of_the_exponent():
    """The bits are walked in groups, and a group is left out where no exponent has one of them."""
    for dtype, wide in ((I32, 31), (U8, 8), (I64, 63)):
        exponents = sorted({0, *(2**k + d for k in range(wide) for d in (-1, 0, 1)), 2**wide - 1})
        for value in (0, 1, 2, 3, 7, *([] if dtype is U8 else [-1, -3])):
            for part in (exponents, exponents[:4], exponents[-5:]):
                expected = np.array([pow(value, e, 1 << dtype.bits) for e in part], np.uint64).astype(dtype.numpy)
                base = np.full(len(part), value, dtype.numpy)
                np.testing.assert_array_equal(evaluate(m.pow, base, np.array(part, dtype.numpy), dtype=dtype), expected)


def test_integer_powers_are_exact():
    base, exponent = (a.ravel() for a in np.meshgrid(np.arange(-9, 10, dtype=np.int32), np.arange(0, 12, dtype=np.int32)))
    np.testing.assert_array_equal(evaluate(m.pow, base, exponent, dtype=I32), base**exponent)
    np.testing.assert_array_equal(evaluate(m.pow, base, -exponent[::-1] - 1, dtype=I32),
                                  [int(x) ** (-int(e) - 1) if abs(x) == 1 else 0 for x, e in zip(base, exponent[::-1])])
    x = np.arange(1, 40, dtype=np.float32)
    np.testing.assert_array_equal(evaluate(m.pow, x, np.full_like(x, 4)), x**4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floor_division_and_remainder(dtype):
    g = np.random.default_rng(0)
    x = (g.integers(-40, 40, 2000) / 4).astype(dtype)
    y = (g.integers(-9, 9, 2000) / 4).astype(dtype)
    kind = F32 if dtype == np.float32 else F64
    y[y == 0] = 1
    np.testing.assert_array_equal(evaluate(m.div_floor, x, y, dtype=kind), np.floor_divide(x, y))
    np.testing.assert_array_equal(evaluate(m.remainder, x, y, dtype=kind), np.remainder(x, y))


@pytest.mark.parametrize("dtype, kind", [(np.float32, F32), (np.float64, F64)])
def test_nextafter(dtype, kind):
    x = np.array([0, -0.0, 1, -1, np.inf, 1e-45, -1e-45, np.nan, 1, np.finfo(dtype).max], dtype)
    y = np.array([1, -1, 2, 0, 0, -1, 1, 1, np.nan, np.inf], dtype)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(evaluate(m.nextafter, x, y, dtype=kind), np.nextafter(x, y))


# ---- random numbers ----


def words(seed, counter):
    b = NumpyBuilder()
    return [int(w.data) for w in r.philox(b, b.const(seed, I64), b.const(counter, I64))]


def test_philox_is_philox():
    """The published answers for key and counter 0."""
    assert words(0, 0) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]


@pytest.mark.parametrize("count", [1, 2, 4])
def test_neighbours_share_blocks(count):
    """Each word of a block goes to one element; n elements stay within n counters."""
    b = NumpyBuilder(index=np.arange(200))
    got = np.stack([w.data for w in r.draw(b, b.const(9, I64), b.const(1000, I64), count)])
    group = 64 // count
    for i in (0, 15, 16, 17, 63, 64, 130, 199):
        block = words(9, 1000 + i // group * 16 + i % 16)
        first = i % group // 16 * count
        assert list(got[:, i]) == block[first:first + count]
        assert i // group * 16 + i % 16 <= i


@pytest.mark.parametrize("dtype", [F32, F64])
def test_distributions(dtype):
    n = 1 << 17
    b = NumpyBuilder(index=np.arange(n))
    seed, offset = b.const(2026, I64), b.const(5, I64)

    def sample(distribution, *parameters):
        return distribution(b, seed, offset, *(b.const(p, dtype) for p in parameters)).data.astype(np.float64)

    def agrees(values, distribution):
        """Kolmogorov and Smirnov, at a level of about 1e-6."""
        values = np.sort(values)
        cdf = distribution(values)
        steps = np.arange(n + 1) / n
        assert max(np.abs(cdf - steps[1:]).max(), np.abs(cdf - steps[:-1]).max()) < 2.7 / math.sqrt(n)

    uniform = sample(r.uniform, -2.0, 3.0)
    assert uniform.min() >= -2 and uniform.max() < 3
    agrees(uniform, lambda x: (x + 2) / 5)
    agrees(sample(r.normal, 1.0, 2.0), lambda x: 0.5 * each(math.erfc)((1 - x) / math.sqrt(8)))
    exponential = sample(r.exponential, 2.0)
    assert exponential.min() > 0
    agrees(exponential, lambda x: -np.expm1(-2 * x))
    agrees(sample(r.cauchy, 1.0, 2.0), lambda x: 0.5 + np.arctan((x - 1) / 2) / math.pi)
    agrees(sample(r.log_normal, 0.0, 1.0), lambda x: 0.5 * each(math.erfc)(-np.log(x) / math.sqrt(2)))
    assert abs(sample(r.bernoulli, 0.3).mean() - 0.3) < 0.007
    trials = sample(r.geometric, 0.25)
    assert trials.min() == 1 and abs((trials == 1).mean() - 0.25) < 0.007 and abs(trials.mean() - 4) < 0.06


def test_random_integers():
    b = NumpyBuilder(index=np.arange(1 << 16))
    got = r.integer(b, b.const(1, I64), b.const(0, I64), b.const(-3, I64), b.const(10, I64)).data
    counts = np.bincount(got + 3, minlength=10)
    assert got.min() == -3 and got.max() == 6 and np.abs(counts / len(got) - 0.1).max() < 0.007


def test_exp_nonpositive():
    """The same bits as exp where it is defined."""
    b = NumpyBuilder()
    for dtype in (F32, F64):
        x = -np.abs(np.concatenate([np.linspace(0, 800, 100_001), [0.0, np.inf, np.nan, 1e-30, 103.9, 104.1, 745.1, 746.0]])).astype(dtype.numpy)
        value = Value(b, dtype, x)
        np.testing.assert_array_equal(m.exp_nonpositive(b, value).data, m.exp(b, value).data)
