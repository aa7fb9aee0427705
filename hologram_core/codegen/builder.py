"""The primitive language of kernels.

Op rows and `mathlib` are written once, against `Builder` and `Value`; each backend is one implementation: `LLVMBuilder`
emits vector IR, `NumpyBuilder` (reference/numpy_builder.py) evaluates on arrays and so defines what every primitive means.

Types of values: bool, u8..u64, i8..i64, f32, f64 (f16 and bf16 exist in memory only). No primitive mixes types: both
sides of `x + y` have one dtype; Python numbers become constants of the other side's dtype. Nothing is contracted or
re-associated: `x * y + z` rounds twice, `b.fma(x, y, z)` once.
"""

from __future__ import annotations

from ..dtypes import BOOL, F32, I32, I64, DType


def _layout(x: "Value"):
    """(integer type, bits of 1.0, number whose sum with a small integer shows it in the low bits, mantissa bits)"""
    if x.dtype is F32:
        return I32, 127 << 23, 1.5 * 2.0**23, 23
    return I64, 1023 << 52, 1.5 * 2.0**52, 52


class Value:
    """A typed value: one element per lane. Operators call the builder."""

    __slots__ = ("b", "dtype", "data")

    def __init__(self, b: "Builder", dtype: DType, data):
        self.b, self.dtype, self.data = b, dtype, data

    def _lift(self, other) -> "Value":
        return other if isinstance(other, Value) else self.b.const(other, self.dtype)

    def __add__(self, o): return self.b.add(self, self._lift(o))
    def __radd__(self, o): return self.b.add(self._lift(o), self)
    def __sub__(self, o): return self.b.sub(self, self._lift(o))
    def __rsub__(self, o): return self.b.sub(self._lift(o), self)
    def __mul__(self, o): return self.b.mul(self, self._lift(o))
    def __rmul__(self, o): return self.b.mul(self._lift(o), self)
    def __truediv__(self, o): return self.b.div(self, self._lift(o))
    def __rtruediv__(self, o): return self.b.div(self._lift(o), self)
    def __neg__(self): return self.b.neg(self)
    def __lt__(self, o): return self.b.lt(self, self._lift(o))
    def __le__(self, o): return self.b.le(self, self._lift(o))
    def __gt__(self, o): return self.b.gt(self, self._lift(o))
    def __ge__(self, o): return self.b.ge(self, self._lift(o))
    def eq(self, o): return self.b.eq(self, self._lift(o))
    def ne(self, o): return self.b.ne(self, self._lift(o))
    def __and__(self, o): return self.b.and_(self, self._lift(o))
    def __or__(self, o): return self.b.or_(self, self._lift(o))
    def __xor__(self, o): return self.b.xor(self, self._lift(o))
    def __invert__(self): return self.b.not_(self)
    def __lshift__(self, o): return self.b.shl(self, self._lift(o))
    def __rshift__(self, o): return self.b.shr(self, self._lift(o))

    def __bool__(self):
        raise TypeError("a kernel value has no Python truth value; use b.select(cond, x, y)")


class Builder:
    """Primitives. Unless said otherwise both operands and the result have the same dtype.

    Methods a backend implements:
      const(number, dtype)                  the same value in every lane
      add sub mul                           integers wrap around
      div                                   floats: IEEE; integers: truncating quotient; x/0 is 0 and MIN/-1 is MIN (never a trap)
      rem                                   integers: sign of the dividend, x%0 is 0, MIN%-1 is 0; floats: exact C fmod
      neg abs                               floats: sign bit only (abs(-0.0) is 0.0, NaN keeps payload); integers wrap
      fma(x, y, z)                          one rounding, floats only
      sqrt floor ceil trunc rint            IEEE, floats only; rint: ties to even
      copysign(x, y)                        floats
      lt le gt ge eq ne                     -> bool; false on NaN, except ne which is true
      select(cond, x, y)                    cond is bool
      and_ or_ xor not_                     bool and integers
      shl shr                               integers; shr is arithmetic for signed. A count outside [0, bits): shl and
                                            unsigned shr give 0, signed shr gives the sign fill
      cast(x, dtype)                        int<->int wraps or extends; int->float rounds; float->int truncates (through
                                            i32 or i64, whose minimum stands for NaN and what is outside, see
                                            DType.converted_through; u64 reaches 2^64); to bool: x != 0; bool->number: 0 or 1
      bitcast(x, dtype)                     same width
      table(constants, index, dtype)        constants[index]; index is i32 in range
      index()                               i64: row-major number of the element in the iteration space
                                            (in a row kernel: position in the row)
    """

    def const(self, number, dtype: DType) -> Value: raise NotImplementedError
    def add(self, x, y): raise NotImplementedError
    def sub(self, x, y): raise NotImplementedError
    def mul(self, x, y): raise NotImplementedError
    def div(self, x, y): raise NotImplementedError
    def rem(self, x, y): raise NotImplementedError
    def neg(self, x): raise NotImplementedError
    def abs(self, x): raise NotImplementedError
    def fma(self, x, y, z): raise NotImplementedError
    def sqrt(self, x): raise NotImplementedError
    def floor(self, x): raise NotImplementedError
    def ceil(self, x): raise NotImplementedError
    def trunc(self, x): raise NotImplementedError
    def rint(self, x): raise NotImplementedError
    def copysign(self, x, y): raise NotImplementedError
    def lt(self, x, y): raise NotImplementedError
    def le(self, x, y): raise NotImplementedError
    def gt(self, x, y): raise NotImplementedError
    def ge(self, x, y): raise NotImplementedError
    def eq(self, x, y): raise NotImplementedError
    def ne(self, x, y): raise NotImplementedError
    def select(self, cond, x, y): raise NotImplementedError
    def and_(self, x, y): raise NotImplementedError
    def or_(self, x, y): raise NotImplementedError
    def xor(self, x, y): raise NotImplementedError
    def not_(self, x): raise NotImplementedError
    def shl(self, x, y): raise NotImplementedError
    def shr(self, x, y): raise NotImplementedError
    def cast(self, x, dtype: DType): raise NotImplementedError
    def bitcast(self, x, dtype: DType): raise NotImplementedError
    def table(self, constants, index, dtype: DType): raise NotImplementedError
    def index(self) -> Value: raise NotImplementedError

    # Derived, the same for every backend.
    def like(self, x: Value, number) -> Value:
        """A constant of x's dtype."""
        return self.const(number, x.dtype)

    def power_of_two(self, n, more: int = 0):
        """2.0 ** (n + more) for a floating-point integer n whose power is a normal number."""
        integer, one, magic, shift = _layout(n)
        bits = self.bitcast(n + magic, integer) << shift   # the low bits of n + magic hold n in two's complement
        return self.bitcast(bits + (one + (more << shift)), n.dtype)

    def ldexp(self, x, n):
        """x * 2 ** n, rounded once, gradual underflow and overflow included. n is a floating-point integer of x's type,
        at most 170 in magnitude for f32, 1200 for f64 (or anything, where x is NaN); x * 2 ** (n/2) is a normal number
        unless n is 0. A target with such an instruction overrides this."""
        integer, one, magic, shift = _layout(x)
        bits = self.bitcast(n + magic, integer)
        half = (bits >> 1) << shift                        # two factors: 2^n alone may be no normal number
        rest = (bits << shift) - half
        return x * self.bitcast(half + one, x.dtype) * self.bitcast(rest + one, x.dtype)

    def lookup(self, constants, bits, dtype: DType):
        """constants[bits mod 32], of 32 constants; bits: an integer of the type's width. A target that holds such tables in
        registers overrides this."""
        return self.table(constants, self.cast(self.and_(bits, self.const(31, bits.dtype)), I32), dtype)

    def rarely(self, cond, slow, fast):
        """`slow()` where cond holds, else the value `fast`. `slow` is a function of no arguments that emits the rare
        case; a builder that can branch skips it while cond holds in no lane. (Here: a plain selection.)"""
        return self.select(cond, slow(), fast)

    def wherever(self, cond, slow, fast):
        """As `rarely`, of a case that is not rare: its cost counts."""
        return self.rarely(cond, slow, fast)

    def settled(self, cond, new, old):
        """(new where cond holds, else old) of two tuples, in a scan whose state hardly ever changes: a builder that can branch does
        not wait for the condition."""
        return tuple(self.select(cond, x, y) for x, y in zip(new, old, strict=True))

    def isnan(self, x):
        return self.ne(x, x) if x.dtype.is_float else self.const(False, BOOL)

    def minimum(self, x, y):
        """Smaller of the two, NaN if either is NaN (torch.minimum); of -0.0 and 0.0 the first that is not greater."""
        m = self.select(self.lt(y, x), y, x)
        return self.select(self.isnan(y), y, m) if x.dtype.is_float else m

    def maximum(self, x, y):
        """Larger of the two, NaN if either is NaN (torch.maximum)."""
        m = self.select(self.gt(y, x), y, x)
        return self.select(self.isnan(y), y, m) if x.dtype.is_float else m
