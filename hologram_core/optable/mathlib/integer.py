"""Division with PyTorch's sign rules, powers of integers, neighbours of floating-point numbers."""

from __future__ import annotations

from .core import bits_of, int_of


def div_trunc(b, x, y):
    return b.trunc(x / y) if x.dtype.is_float else b.div(x, y)


def div_floor(b, x, y):
    """Python's //. Floats: from the exact fmod, so that the result is the floor of the exact quotient, rounded."""
    if x.dtype.is_float:
        mod = b.rem(x, y)
        quotient = (x - mod) / y
        borrow = mod.ne(0) & ((y < 0) ^ (mod < 0))
        quotient = b.select(borrow, quotient - 1, quotient)
        floor = b.floor(quotient)
        floor = b.select(quotient - floor > 0.5, floor + 1, floor)
        plain = x / y
        return b.select(y.eq(0), plain, b.select(quotient.eq(0), b.copysign(b.like(x, 0), plain), floor))
    quotient = b.div(x, y)
    if x.dtype.kind == "u":
        return quotient
    borrow = (x - quotient * y).ne(0) & ((x ^ y) < 0) & y.ne(0)
    return b.select(borrow, quotient - 1, quotient)


def remainder(b, x, y):
    """Python's %: the sign of the divisor."""
    mod = b.rem(x, y)
    if x.dtype.kind == "u":
        return mod
    return b.select(mod.ne(0) & ((y < 0) ^ (mod < 0)), mod + y, mod)


def pow_integer(b, base, exponent):
    """Exact integer power modulo 2^bits, by squaring. A negative exponent gives 0, except for base 1 and -1."""
    dtype = base.dtype
    one = b.like(base, 1)

    def powers(first, result, square):
        """Bits of the exponent from `first` on. Most exponents are small: the others' steps are skipped without them."""
        last = min(2 * first + 3, dtype.bits - (dtype.kind == "i"))
        for bit in range(first, last):
            take = ((exponent >> bit) & 1).ne(0)
            result = result * b.select(take, square, one)
            square = square * square
        if last >= dtype.bits - 1:
            return result
        return b.rarely(exponent > (1 << last) - 1, lambda: powers(last, result, square), result)

    result = powers(0, one, base)
    if dtype.kind == "u":
        return result
    parity = b.select((exponent & 1).eq(0), one, base)
    negative = b.select(base.eq(1) | base.eq(-1), parity, b.like(base, 0))
    return b.select(exponent < 0, negative, result)


def nextafter(b, x, y):
    """The next number after x towards y."""
    integer = int_of(x.dtype)
    bits = bits_of(b, x)
    away = (y > x).eq(x > 0)   # the magnitude grows
    step = b.select(away, b.const(1, integer), b.const(-1, integer))
    from_zero = b.copysign(b.bitcast(b.const(1, integer), x.dtype), y)
    moved = b.select(x.eq(0), from_zero, b.bitcast(bits + step, x.dtype))
    return b.select(b.isnan(x) | b.isnan(y), x + y, b.select(x.eq(y), y, moved))
