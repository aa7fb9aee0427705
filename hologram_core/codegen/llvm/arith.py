"""Arithmetic that LLVM leaves undefined, traps on, or would call a library for: division, remainder, shifts, casts."""

from __future__ import annotations

from ...dtypes import BOOL, F32, F64, I64, U64, DType

# ---- integer division: x/0 is 0, MIN/-1 is MIN, never a trap ----


def _safe_divisor(b, x, y):
    """(divisor that cannot trap, is y zero?, is y -1?)"""
    zero = b.eq(y, b.const(0, y.dtype))
    minus = b.eq(y, b.const(-1, y.dtype)) if y.dtype.kind == "i" else b.const(False, BOOL)
    return b.select(b.or_(zero, minus) if y.dtype.kind == "i" else zero, b.const(1, y.dtype), y), zero, minus


def _quotient(b, x, y):
    """Truncating x / y for a divisor that is neither 0 nor -1.

    Vectors of up to 32 bits divide as floating point: the quotient of n-bit integers differs from the next integer
    by a relative 2**-n or more, so a type with more precision than that truncates to the exact quotient.
    """
    signed = "s" if x.dtype.kind == "i" else "u"
    if max(x.data.lanes, y.data.lanes) > 1 and x.dtype.bits <= 32:
        wide = F64 if x.dtype.bits == 32 else F32
        q = b.div(b.cast(x, wide), b.cast(y, wide))
        return convert_in_range(b, q, x.dtype)
    return b.emit(f"{signed}div {{t}} {{0}}, {{1}}", (x, y), x.dtype)


def int_div(b, x, y):
    safe, zero, minus = _safe_divisor(b, x, y)
    q = _quotient(b, x, safe)
    if x.dtype.kind == "i":
        q = b.select(minus, b.neg(x), q)
    return b.select(zero, b.const(0, x.dtype), q)


def int_rem(b, x, y):
    safe, zero, minus = _safe_divisor(b, x, y)
    r = b.sub(x, b.mul(_quotient(b, x, safe), safe))
    nothing = b.or_(zero, minus) if y.dtype.kind == "i" else zero
    return b.select(nothing, b.const(0, x.dtype), r)


# ---- floating remainder: exact C fmod, without a library ----


def float_rem(b, x, y):
    """r = |x|; while r >= |y|: r -= trunc(r / t) * t with t = |y| * 2**k, the quotient below 2**53.

    Every step is exact: the true remainder is a multiple of t's last place and at most t. One step suffices when
    the exponents differ by less than 52. A quotient rounded up to the next integer leaves a negative remainder.
    """
    if x.dtype.bits == 32:
        return b.cast(float_rem(b, b.cast(x, F64), b.cast(y, F64)), F32)
    ax, ay = b.abs(x), b.abs(y)
    inf = b.const(float("inf"), F64)
    valid = b.and_(b.lt(ax, inf), b.gt(ay, b.const(0.0, F64)))
    valid = b.and_(valid, b.le(ay, inf))
    divisor = b.select(b.and_(valid, b.lt(ay, inf)), ay, b.const(1.0, F64))
    start = b.select(b.and_(valid, b.lt(ay, inf)), ax, b.const(0.0, F64))
    lanes = max(x.data.lanes, y.data.lanes)
    with b.repeat([b.widen(start, lanes)], lanes) as loop:
        r = loop.carry[0]
        more = b.ge(r, divisor)
        loop.check(b.any_lane(more))
        k = b.sub(b.sub(_exponent(b, r), _exponent(b, divisor)), b.const(51, I64))
        k = b.select(b.gt(k, b.const(0, I64)), k, b.const(0, I64))
        half = b.shr(k, b.const(1, I64))
        t = b.mul(b.mul(divisor, _power(b, half)), _power(b, b.sub(k, half)))
        q = b.trunc(b.div(r, t))
        rest = b.fma(b.neg(q), t, r)
        rest = b.select(b.lt(rest, b.const(0.0, F64)), b.add(rest, t), rest)
        loop.next([b.select(more, rest, r)])
    r = b.select(b.eq(ay, inf), ax, loop.results[0])
    return b.select(valid, b.copysign(r, x), b.const(float("nan"), F64))


def _exponent(b, x):
    """Binary exponent of a non-negative finite double, subnormals included."""
    tiny = b.lt(x, b.const(2.0 ** -1022, F64))
    scaled = b.select(tiny, b.mul(x, b.const(2.0 ** 54, F64)), x)
    e = b.cast(b.shr(b.bitcast(scaled, U64), b.const(52, U64)), I64)
    return b.sub(e, b.select(tiny, b.const(1023 + 54, I64), b.const(1023, I64)))


def _power(b, k):
    """2.0 ** k for 0 <= k <= 1023."""
    return b.bitcast(b.shl(b.add(k, b.const(1023, I64)), b.const(52, I64)), F64)


# ---- x * y + z, rounded once, where the target would call a function for each element ----


def fma_f32(b, x, y, z):
    """The product is exact in f64. The sum there is rounded to odd: of the two neighbours of an inexact one the odd one is
    taken, so that rounding it to f32 is rounding the exact sum."""
    product, z = b.mul(b.cast(x, F64), b.cast(y, F64)), b.cast(z, F64)
    total = b.add(product, z)
    part = b.sub(total, product)
    error = b.add(b.sub(product, b.sub(total, part)), b.sub(z, part))
    bits = b.bitcast(total, I64)
    away = b.or_(b.shr(b.xor(bits, b.bitcast(error, I64)), b.const(63, I64)), b.const(1, I64))      # 1: from 0, -1: towards 0
    inexact = b.gt(b.abs(error), b.const(0.0, F64))                                                 # no NaN: infinities stay
    even = b.eq(b.and_(bits, b.const(1, I64)), b.const(0, I64))
    return b.cast(b.bitcast(b.select(b.and_(inexact, even), b.add(bits, away), bits), F64), F32)


# ---- shifts: counts outside [0, bits) are defined ----


def shift(b, op: str, x, y):
    bits = x.dtype.bits
    if y.data.block is None and y.data.lanes == 1 and 0 <= int(y.data.text) < bits:
        return b.emit(f"{op} {{t}} {{0}}, {{1}}", (x, y), x.dtype)
    limit = b.emit("icmp ult {t} {0}, {1}", (y, b.const(bits, y.dtype)), BOOL)
    if op == "ashr":
        y = b.select(limit, y, b.const(bits - 1, y.dtype))
        return b.emit("ashr {t} {0}, {1}", (x, y), x.dtype)
    # A shift by too much is poison only in the lanes that the selection drops.
    return b.select(limit, b.emit(f"{op} {{t}} {{0}}, {{1}}", (x, y), x.dtype), b.const(0, x.dtype))


# ---- casts ----


def cast(b, x, dtype: DType):
    source = x.dtype
    if source is dtype:
        return x
    if dtype is BOOL:
        return b.ne(x, b.const(0, source))
    if source is BOOL:
        if dtype.is_float:
            return b.select(x, b.const(1, dtype), b.const(0, dtype))
        return b.emit("zext {t} {0} to {r}", (x,), dtype)
    if source.is_float and dtype.is_float:
        return b.emit(("fpext" if dtype.bits > source.bits else "fptrunc") + " {t} {0} to {r}", (x,), dtype)
    if dtype.is_float:
        return b.emit(("sitofp" if source.kind == "i" else "uitofp") + " {t} {0} to {r}", (x,), dtype)
    if source.is_float:
        return _float_to_int(b, x, dtype)
    if dtype.bits == source.bits:
        return b.bitcast(x, dtype)
    if dtype.bits < source.bits:
        return b.emit("trunc {t} {0} to {r}", (x,), dtype)
    return b.emit(("sext" if source.kind == "i" else "zext") + " {t} {0} to {r}", (x,), dtype)


def convert_in_range(b, x, dtype: DType):
    """Float to integer, for values known to be in range after truncation."""
    return b.emit(("fptosi" if dtype.kind == "i" else "fptoui") + " {t} {0} to {r}", (x,), dtype)


def _float_to_int(b, x, dtype: DType):
    """Truncates as x86 does, through i32 or i64: NaN and values outside it become its minimum, then the low bits count."""
    whole = dtype.converted_through
    limit = 2.0 ** (whole.bits - 1)
    low, high = b.const(-limit, x.dtype), b.const(limit, x.dtype)
    inside = b.and_(b.ge(x, low), b.lt(x, high))
    wide = b.select(inside, convert_in_range(b, b.select(inside, x, b.const(0.0, x.dtype)), whole), b.const(-int(limit), whole))
    if dtype is U64:
        upper = b.and_(b.ge(x, high), b.lt(x, b.const(2.0 ** 64, x.dtype)))
        above = convert_in_range(b, b.select(upper, b.sub(x, high), b.const(0.0, x.dtype)), I64)
        wide = b.select(upper, b.xor(above, b.const(-2 ** 63, I64)), wide)
    return cast(b, wide, dtype)
