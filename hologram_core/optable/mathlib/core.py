"""What the functions share: polynomials, two-word arithmetic, the bits of numbers.

Every function takes the builder first and works on f32 and f64 values, chosen by `x.dtype`. Nothing branches: both sides
are computed and selected. Errors quoted as "max error" are of the approximation itself, before rounding.
"""

from __future__ import annotations

from ...dtypes import F32, I32, I64, U32, U64

INF = float("inf")
NAN = float("nan")


def is32(x) -> bool:
    return x.dtype is F32


def pick(x, single, double):
    """The constant (or table) that belongs to x's type."""
    return single if x.dtype is F32 else double


def int_of(dtype):
    return I32 if dtype.bits == 32 else I64


def uint_of(dtype):
    return U32 if dtype.bits == 32 else U64


def bits_of(b, x):
    return b.bitcast(x, int_of(x.dtype))


def horner(b, x, coefficients):
    """sum c[k] x^k by fused multiply-adds; coefficients from the constant upwards, numbers or values."""
    result = None
    for c in reversed(coefficients):
        c = b.like(x, c) if isinstance(c, (int, float)) else c
        result = c if result is None else b.fma(result, x, c)
    return result


def paired(b, x, square, coefficients):
    """The same sum by pairs of terms: half as many operations wait for each other. `square`: x * x."""
    terms = [b.like(x, c) if isinstance(c, (int, float)) else c for c in coefficients]
    pairs = [b.fma(terms[k + 1], x, terms[k]) for k in range(0, len(terms) - 1, 2)] + terms[len(terms) // 2 * 2:]
    return horner(b, square, pairs)


def two_sum(b, x, y):
    """x + y as (rounded sum, its error), whatever the magnitudes."""
    s = x + y
    t = s - x
    return s, (x - (s - t)) + (y - t)


def fast_two_sum(b, x, y):
    """two_sum where |x| >= |y| (or x is 0)."""
    s = x + y
    return s, y - (s - x)


def two_product(b, x, y):
    """x * y as (rounded product, its error); exact unless the error underflows."""
    p = x * y
    return p, b.fma(x, y, -p)


def nan_where(b, cond, x):
    return b.select(cond, b.like(x, NAN), x)
