"""The primitives evaluated on NumPy arrays: the living definition of the primitive language, and the oracle of the tests.

Written for exactness, not speed. Integers wrap, nothing traps, nothing is flushed to zero.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ..codegen.builder import Builder, Value
from ..dtypes import BOOL, F32, I64, U64, DType


class NumpyBuilder(Builder):
    """`index`: what `index()` returns, an int64 array (needed by rows that ask for it only)."""

    def __init__(self, index=None):
        self._index = None if index is None else np.asarray(index, np.int64)

    def value(self, array, dtype: DType) -> Value:
        """An array as a value: `array` already has the dtype's NumPy type."""
        return Value(self, dtype, np.asarray(array, dtype.numpy))

    def _same(self, *values: Value) -> DType:
        dtype = values[0].dtype
        for v in values[1:]:
            if v.dtype is not dtype:
                raise TypeError(f"primitive: operands of different types ({dtype}, {v.dtype}). Cast one of them.")
        return dtype

    def _float(self, *values: Value) -> DType:
        dtype = self._same(*values)
        if not dtype.is_float:
            raise TypeError(f"primitive: floating operands expected, not {dtype}. Cast first.")
        return dtype

    def _bits(self, *values: Value) -> DType:
        dtype = self._same(*values)
        if dtype.is_float:
            raise TypeError(f"primitive: bool or integer operands expected, not {dtype}. Bitcast first.")
        return dtype

    def _make(self, dtype: DType, function, *values: Value) -> Value:
        with np.errstate(all="ignore"):
            return Value(self, dtype, np.asarray(function(*(v.data for v in values)), dtype.numpy))

    def _arith(self, function, *values: Value) -> Value:
        dtype = self._same(*values)
        if dtype is BOOL:
            raise TypeError("primitive: no arithmetic on bool. Use and_, or_, xor, or cast.")
        return self._make(dtype, function, *values)

    def const(self, number, dtype):
        if dtype.is_float or dtype is BOOL:
            return self.value(number, dtype)
        mask = (1 << dtype.bits) - 1   # any integer is taken modulo 2^bits, as machine constants are
        return Value(self, dtype, np.asarray(int(number) & mask, f"uint{dtype.bits}").view(dtype.numpy))

    def index(self):
        if self._index is None:
            raise ValueError("NumpyBuilder: this expression uses index(). Pass index= to the builder.")
        return Value(self, I64, self._index)

    # ---- arithmetic ----
    def add(self, x, y): return self._arith(np.add, x, y)
    def sub(self, x, y): return self._arith(np.subtract, x, y)
    def mul(self, x, y): return self._arith(np.multiply, x, y)
    def neg(self, x): return self._arith(np.negative, x)

    def abs(self, x): return self._arith(np.abs, x)

    def div(self, x, y):
        if self._same(x, y).is_float:
            return self._arith(np.divide, x, y)
        return self._arith(lambda a, c: _int_divmod(a, c)[0], x, y)

    def rem(self, x, y):
        if self._same(x, y).is_float:
            return self._arith(np.fmod, x, y)
        return self._arith(lambda a, c: _int_divmod(a, c)[1], x, y)

    def fma(self, x, y, z):
        return self._make(self._float(x, y, z), _fma32 if x.dtype is F32 else _fma64, x, y, z)

    def sqrt(self, x): return self._make(self._float(x), np.sqrt, x)
    def floor(self, x): return self._make(self._float(x), np.floor, x)
    def ceil(self, x): return self._make(self._float(x), np.ceil, x)
    def trunc(self, x): return self._make(self._float(x), np.trunc, x)
    def rint(self, x): return self._make(self._float(x), np.rint, x)
    def copysign(self, x, y): return self._make(self._float(x, y), np.copysign, x, y)

    # ---- comparison, selection ----
    def _compare(self, function, x, y):
        self._same(x, y)
        return self._make(BOOL, function, x, y)

    def lt(self, x, y): return self._compare(np.less, x, y)
    def le(self, x, y): return self._compare(np.less_equal, x, y)
    def gt(self, x, y): return self._compare(np.greater, x, y)
    def ge(self, x, y): return self._compare(np.greater_equal, x, y)
    def eq(self, x, y): return self._compare(np.equal, x, y)
    def ne(self, x, y): return self._compare(np.not_equal, x, y)

    def rarely(self, cond, slow, fast):
        return super().rarely(cond, slow, fast) if np.any(cond.data) else fast

    def select(self, cond, x, y):
        if cond.dtype is not BOOL:
            raise TypeError(f"select: the condition is {cond.dtype}, not bool. Compare it with zero.")
        return Value(self, self._same(x, y), np.where(cond.data, x.data, y.data))

    # ---- bits ----
    def and_(self, x, y): return self._make(self._bits(x, y), np.bitwise_and, x, y)
    def or_(self, x, y): return self._make(self._bits(x, y), np.bitwise_or, x, y)
    def xor(self, x, y): return self._make(self._bits(x, y), np.bitwise_xor, x, y)
    def not_(self, x): return self._make(self._bits(x), np.invert, x)

    def _shift(self, function, outside, x, y):
        dtype = self._bits(x, y)
        if dtype is BOOL:
            raise TypeError("primitive: no shifts on bool. Cast first.")

        def shift(a, count):
            inside = (count >= 0) & (count < dtype.bits)
            return np.where(inside, function(a, np.where(inside, count, 0).astype(a.dtype)), outside(a))
        return self._make(dtype, shift, x, y)

    def shl(self, x, y): return self._shift(np.left_shift, np.zeros_like, x, y)

    def shr(self, x, y):
        fill = (lambda a: np.where(a < 0, -1, 0)) if x.dtype.kind == "i" else np.zeros_like
        return self._shift(np.right_shift, fill, x, y)

    # ---- conversion ----
    def cast(self, x, dtype):
        if dtype is x.dtype:
            return x
        if dtype is BOOL:
            return self._make(BOOL, lambda a: a != 0, x)
        if x.dtype.is_float and dtype.is_int:
            return self._make(dtype, lambda a: _to_uint64(a) if dtype is U64
                              else _truncated(a, dtype.converted_through).astype(dtype.numpy), x)
        return self._make(dtype, lambda a: a.astype(dtype.numpy), x)

    def bitcast(self, x, dtype):
        if x.dtype.bits != dtype.bits:
            raise TypeError(f"bitcast: {x.dtype} and {dtype} differ in width.")
        return Value(self, dtype, x.data.view(dtype.numpy))

    def table(self, constants, index, dtype):
        data = np.stack([self.const(c, dtype).data for c in constants])
        return Value(self, dtype, np.asarray(data[index.data], dtype.numpy))


def _truncated(x, dtype: DType):
    """Integers of a signed type; its minimum for NaN and what does not fit."""
    limit = 2.0 ** (dtype.bits - 1)
    inside = (x >= -limit) & (x < limit)   # false on NaN
    return np.where(inside, np.trunc(np.where(inside, x, 0)), -limit).astype(dtype.numpy)


def _to_uint64(x):
    """Like _truncated to i64, but [2^63, 2^64) converts too."""
    upper = (x >= 2.0**63) & (x < 2.0**64)
    above = np.where(upper, x - 2.0**63, 0).astype(np.int64).view(np.uint64) | np.uint64(1 << 63)
    return np.where(upper, above, _truncated(x, I64).view(np.uint64))


def _int_divmod(a, c):
    """Truncating quotient and remainder; nothing traps."""
    a, c = np.broadcast_arrays(a, c)
    special = c == 0
    if np.issubdtype(a.dtype, np.signedinteger):
        minus_one = c == -1
        divisor = np.where(special | minus_one, np.ones_like(c), c)
        q, r = np.floor_divide(a, divisor), np.remainder(a, divisor)
        up = (r != 0) & ((a < 0) != (divisor < 0))   # floor -> trunc
        q, r = q + up, r - np.where(up, divisor, 0)
        q, r = np.where(minus_one, -a, q), np.where(minus_one, 0, r)
    else:
        divisor = np.where(special, np.ones_like(c), c)
        q, r = np.floor_divide(a, divisor), np.remainder(a, divisor)
    return np.where(special, 0, q).astype(a.dtype), np.where(special, 0, r).astype(a.dtype)


def _two_sum(a, b):
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def _round_to_odd(s, e):
    """The double nearest s + e in round-to-odd: safe to round again to a narrower format (or add to a larger number)."""
    bits = np.asarray(s).view(np.int64)
    inexact = (e != 0) & np.isfinite(s)
    toward_zero = inexact & ((e < 0) != (s < 0))   # s overshoots the exact value in magnitude
    truncated = np.where(toward_zero, bits - 1, bits)
    return np.where(inexact, truncated | 1, bits).view(np.float64)


def _fma32(x, y, z):
    x, y, z = (np.asarray(v, np.float64) for v in (x, y, z))
    s, e = _two_sum(x * y, z)   # the product of two floats is exact in double
    return _round_to_odd(s, e).astype(np.float32)


def _fma64(x, y, z):
    """Factors brought to [1/2, 1) and z by the same powers of two; then error-free sums, the small one rounded to odd."""
    x, y, z = np.broadcast_arrays(x, y, z)
    plain = np.where((x != 0) & (y != 0) & (z == 0), x * y, x * y + z)      # a product that underflows keeps its sign
    plain = np.where(np.isfinite(x) & np.isfinite(y) & np.isinf(z), z, plain)      # whatever x * y overflows to
    exact = np.isfinite(x) & np.isfinite(y) & np.isfinite(z) & (x != 0) & (y != 0) & (z != 0)
    (mx, ex), (my, ey), (mz, ez) = (np.frexp(np.where(exact, v, 1)) for v in (x, y, z))
    shift = ez - ex - ey
    mz = np.ldexp(mz, np.clip(shift, -300, 300))      # farther apart only the sign of the smaller one counts
    p, pe = _two_product(mx, my)
    s, se = _two_sum(p, mz)
    scaled = s + _round_to_odd(*_two_sum(se, pe))
    back = np.where(shift > 300, ez - 300, ex + ey)
    out = np.where(exact, np.ldexp(scaled, back), plain)
    # A subnormal result would be rounded twice: those in exact rational arithmetic.
    for i in map(tuple, np.argwhere(exact & (np.abs(out) < 2.0**-1021))):
        out[i] = float(Fraction(float(x[i])) * Fraction(float(y[i])) + Fraction(float(z[i])))
    return out


def _two_product(x, y):
    def split(v):
        c = v * 134217729.0
        hi = c - (c - v)
        return hi, v - hi
    p = x * y
    (xh, xl), (yh, yl) = split(x), split(y)
    return p, ((xh * yh - p) + xh * yl + xl * yh) + xl * yl
