"""Comparison, logic, bits and the classification of floating-point numbers."""

from __future__ import annotations

from ...dtypes import BOOL, I32, I64
from ..table import BOOL as BOOL_RULE
from ..table import PROMOTE, Aten, Elementwise
from .arithmetic import binary_names

_R = Elementwise


def _comparison(name):
    return _R(name, 2, lambda b, x, y: getattr(b, name)(x, y), BOOL_RULE, "bif", binary_names(name), cost=0.1)


def _logical(name, method):
    return _R(f"logical_{name}", 2, lambda b, x, y: getattr(b, method)(b.cast(x, BOOL), b.cast(y, BOOL)), BOOL_RULE, "bif",
              (Aten(f"logical_{name}"),), cost=0.1)


def _bitwise(name, method):
    base = f"bitwise_{name}"
    return _R(base, 2, lambda b, x, y: getattr(b, method)(x, y), PROMOTE, "bi",
              (Aten(f"{base}.Tensor"), Aten(f"{base}.Scalar"), Aten(f"{base}.Scalar_Tensor", "fo")), cost=0.1)


def _shift(name, dunder, method):
    base = f"bitwise_{name}_shift"
    return _R(base, 2, lambda b, x, y: getattr(b, method)(x, y), PROMOTE, "i",
              (Aten(f"{base}.Tensor"), Aten(f"{base}.Tensor_Scalar"), Aten(f"{base}.Scalar_Tensor", "fo"),
               Aten(f"{dunder}.Tensor", "fi"), Aten(f"{dunder}.Scalar", "fi")), cost=0.1)


def _is_infinity(sign):
    def expr(b, x):
        return x.eq(sign * float("inf")) if x.dtype.is_float else b.const(False, BOOL)
    return expr


def _signbit(b, x):
    if x.dtype.is_float:
        bits = b.bitcast(x, I32 if x.dtype.bits == 32 else I64)
        return bits < 0
    return x < 0 if x.dtype.kind == "i" else b.const(False, BOOL)


ROWS = [
    *(_comparison(name) for name in ("eq", "ne", "lt", "le", "gt", "ge")),
    _logical("and", "and_"), _logical("or", "or_"), _logical("xor", "xor"),
    _R("logical_not", 1, lambda b, x: ~b.cast(x, BOOL), BOOL_RULE, "bif", (Aten("logical_not"),), cost=0.1),
    _bitwise("and", "and_"), _bitwise("or", "or_"), _bitwise("xor", "xor"),
    _R("bitwise_not", 1, lambda b, x: ~x, PROMOTE, "bi", (Aten("bitwise_not"),), cost=0.1),
    _shift("left", "__lshift__", "shl"), _shift("right", "__rshift__", "shr"),
    _R("isnan", 1, lambda b, x: b.isnan(x), BOOL_RULE, "bif", (Aten("isnan", "fo"),), cost=0.1),
    _R("isposinf", 1, _is_infinity(1), BOOL_RULE, "bif", (Aten("isposinf", "fo"),), cost=0.1),
    _R("isneginf", 1, _is_infinity(-1), BOOL_RULE, "bif", (Aten("isneginf", "fo"),), cost=0.1),
    _R("signbit", 1, _signbit, BOOL_RULE, "bif", (Aten("signbit", "fo"),), cost=0.1),
]
