"""The primitives as the NumPy builder defines them: the corners that machines disagree about."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from hologram_core import dtypes
from hologram_core.dtypes import BOOL, F32, F64, I8, I16, I32, I64, U8, U32, U64
from hologram_core.reference.numpy_builder import NumpyBuilder

SIGNED, UNSIGNED = (I8, I16, I32, I64), (U8, U32, U64)
b = NumpyBuilder()


def value(numbers, dtype):
    return b.value(np.array(numbers, dtype.numpy), dtype)


def equal(got, numbers):
    np.testing.assert_array_equal(got.data, np.array(numbers, got.data.dtype))


@pytest.mark.parametrize("dtype", SIGNED)
def test_signed_integers_never_trap(dtype):
    low, high = -2**(dtype.bits - 1), 2**(dtype.bits - 1) - 1
    x, y = value([low, high, low, 7, -7, 7, -7, 5, low], dtype), value([-1, 1, 1, 2, 2, -2, -2, 0, 0], dtype)
    equal(b.div(x, y), [low, high, low, 3, -3, -3, 3, 0, 0])
    equal(b.rem(x, y), [0, 0, 0, 1, -1, 1, -1, 0, 0])
    equal(value([high], dtype) + 1, [low])
    equal(-value([low], dtype), [low])
    equal(b.abs(value([low, -3], dtype)), [low, 3])


@pytest.mark.parametrize("dtype", UNSIGNED)
def test_unsigned_integers_wrap(dtype):
    top = 2**dtype.bits - 1
    equal(value([top, 0], dtype) + value([1, 0], dtype), [0, 0])
    equal(value([0], dtype) - 1, [top])
    equal(b.div(value([top, 7, 7], dtype), value([2, 0, 2], dtype)), [top // 2, 0, 3])
    equal(b.rem(value([top, 7, 7], dtype), value([2, 0, 2], dtype)), [1, 0, 1])


@pytest.mark.parametrize("dtype", SIGNED + UNSIGNED)
def test_shift_counts_outside_the_type(dtype):
    x = value([5] * 4 + [2**(dtype.bits - 1) - 1], dtype)
    counts = [0, 1, dtype.bits - 1, dtype.bits, min(100, 2**(dtype.bits - 1) - 1)]
    expected = [5, 10, 1 << (dtype.bits - 1), 0, 0]
    equal(b.shl(x, value(counts, dtype)), np.array(expected, np.uint64).astype(dtype.numpy))
    equal(b.shr(x, value(counts, dtype)), [5, 2, 0, 0, 0])
    if dtype.kind == "i":
        equal(b.shr(value([-5] * 4, dtype), value([1, dtype.bits - 1, dtype.bits, -1], dtype)), [-3, -1, -1, -1])
        equal(b.shl(value([5], dtype), value([-1], dtype)), [0])


def test_casts():
    equal(b.cast(value([2.9, -2.9, np.nan, np.inf, -np.inf, 1e30], F32), I64), [2, -2] + [-2**63] * 4)
    equal(b.cast(value([2.9, -2.9, np.nan, 2.0**40 + 3], F64), I32), [2, -2, -2**31, -2**31])
    equal(b.cast(value([-1.5, 300.9, 70000, 3e9], F32), I16), [-1, 300, 70000 - 65536, 0])
    equal(b.cast(value([-1.5, 3e9, -1e30], F64), U32), [2**32 - 1, 3 * 10**9, 0])
    equal(b.cast(value([300, -1, 128], I32), I8), [44, -1, -128])
    equal(b.cast(value([-1], I32), U64), [2**64 - 1])
    equal(b.cast(value([0.0, -0.0, np.nan, 0.1], F32), BOOL), [False, False, True, True])
    equal(b.cast(value([True, False], BOOL), F32), [1, 0])
    equal(b.cast(value([16777217], I32), F32), [16777216])
    equal(b.bitcast(value([1.0], F32), I32), [0x3F800000])


def test_constants_are_taken_modulo_the_type():
    assert b.const(-1, U32).data == 2**32 - 1
    assert b.const(0x80000000, I32).data == -2**31


@pytest.mark.parametrize("dtype, digits", [(F32, 24), (F64, 53)])
def test_fma_rounds_once(dtype, digits):
    g = np.random.default_rng(0)
    exponents = [(-20, 20), (-140, 120)] if dtype is F32 else [(-20, 20), (-1060, 1000)]
    for low, high in exponents:
        x, y, z = (np.ldexp(g.uniform(0.5, 1, 400), g.integers(low, high, 400)) * g.choice([-1, 1], 400) for _ in range(3))
        x, y, z = (v.astype(dtype.numpy) for v in (x, y, z))
        with np.errstate(all="ignore"):
            product = -(x[:100] * y[:100])
        z[:100] = np.where(np.isfinite(product), product, 1)    # cancellation leaves the rounding error of the product
        got = b.fma(*(b.value(v, dtype) for v in (x, y, z))).data
        for i in range(400):
            exact = Fraction(float(x[i])) * Fraction(float(y[i])) + Fraction(float(z[i]))
            assert got[i] == nearest(exact, dtype), (x[i], y[i], z[i])


def nearest(exact, dtype):
    """The number of the type nearest to a fraction, ties to even."""
    if not exact:
        return 0.0
    bits, lowest = (24, -149) if dtype is F32 else (53, -1074)
    size = abs(exact)
    exponent = size.numerator.bit_length() - size.denominator.bit_length()
    exponent -= Fraction(2)**exponent > size
    unit = Fraction(2)**max(exponent - bits + 1, lowest)
    rounded = round(exact / unit) * unit                        # Python rounds ties to even
    limit = 2.0**128 if dtype is F32 else None
    if limit and abs(rounded) >= limit:
        return np.inf if rounded > 0 else -np.inf
    try:
        return float(rounded)
    except OverflowError:
        return np.inf if rounded > 0 else -np.inf


def test_fma_of_special_values():
    inf, nan = np.inf, np.nan
    got = b.fma(value([inf, 0.0, inf, nan, 0.0, -0.0], F64), value([1, inf, 1, 1, 1, 1], F64), value([1, 1, -inf, 1, -0.0, -0.0], F64))
    np.testing.assert_array_equal(got.data, [inf, nan, nan, nan, 0.0, -0.0])


@pytest.mark.parametrize("dtype, least", [(F32, -149), (F64, -1074)])
def test_ldexp_rounds_once(dtype, least):
    x = np.linspace(0.7, 1.4, 50).astype(dtype.numpy)
    for n in (0, 1, -1, -least // 10, least, least - 1, least + 5, least + 24, least + 53):
        got = b.ldexp(b.value(x, dtype), b.value(np.full_like(x, n), dtype)).data
        np.testing.assert_array_equal(got, [nearest(Fraction(float(v)) * Fraction(2)**n, dtype) for v in x])
    with np.errstate(over="ignore"):
        big = b.ldexp(b.value(x, dtype), b.value(np.full_like(x, 128 if dtype is F32 else 1024), dtype)).data
    np.testing.assert_array_equal(big[x >= 1], np.inf)
    np.testing.assert_array_equal(b.power_of_two(value([-126, -1, 0, 5, 127], dtype)).data, 2.0 ** np.array([-126, -1, 0, 5, 127]))


def test_extrema_propagate_nan():
    x, y = value([1, np.nan, 2, -0.0, 0.0], F32), value([np.nan, 1, 1, 0.0, -0.0], F32)
    np.testing.assert_array_equal(b.maximum(x, y).data, [np.nan, np.nan, 2, 0, 0])
    np.testing.assert_array_equal(b.minimum(x, y).data, [np.nan, np.nan, 1, 0, 0])


def test_selection_between_rare_and_usual():
    x = value([1.0, -1.0], F32)
    equal(b.rarely(x < 0, lambda: x * 10, x), [1, -10])
    asked = []
    b.rarely(x < -5, lambda: asked.append(1), x)
    assert not asked


@pytest.mark.parametrize("call", [
    lambda: value([1], I32) + value([1.0], F32), lambda: value([True], BOOL) + value([True], BOOL),
    lambda: b.sqrt(value([4], I32)), lambda: b.and_(value([1.0], F32), value([1.0], F32)),
    lambda: b.select(value([1], I32), value([1], I32), value([1], I32)), lambda: b.bitcast(value([1], I32), F64),
    lambda: bool(value([1], I32)),
])
def test_types_do_not_mix(call):
    with pytest.raises(TypeError):
        call()


def test_index_must_be_given():
    with pytest.raises(ValueError, match="index"):
        b.index()
    equal(NumpyBuilder(index=[3, 4]).index(), [3, 4])


def test_every_type_has_numpy_and_torch_names():
    for dtype in dtypes.ALL:
        assert np.dtype(dtype.numpy).itemsize == dtype.bytes
