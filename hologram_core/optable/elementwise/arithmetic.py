"""Arithmetic: sums, products, quotients with every rounding, extrema, rounding to integers, interpolation."""

from __future__ import annotations

from ...dtypes import BOOL
from .. import mathlib as m
from ..table import FLOAT, PROMOTE, Aten, Elementwise

_R = Elementwise


_FULL, _ALPHA, _DIVIDES = ("full_scalars",), ("full_scalars", "bool_alpha"), ("divides",)


def binary_names(base, **more):
    """The usual pair of a binary op: Tensor and Scalar right-hand sides."""
    return Aten(f"{base}.Tensor", args=("self", "other"), **more), Aten(f"{base}.Scalar", args=("self", "other"), **more)


def scaled(base):
    """add, sub: the same two overloads with alpha."""
    return tuple(Aten(f"{base}.{o}", args=("self", "other", "alpha"), flags=_ALPHA) for o in ("Tensor", "Scalar"))


def _add(b, x, y):
    return x | y if x.dtype is BOOL else x + y


def _add_scaled(b, x, y, alpha):
    """x + alpha * y; rounded once, as in PyTorch, so that the product may be too large on its own."""
    return b.fma(alpha, y, x) if x.dtype.is_float else _add(b, x, _mul(b, alpha, y))


def _mul(b, x, y):
    return x & y if x.dtype is BOOL else x * y


def _abs(b, x):
    return x if x.dtype.kind == "u" else b.abs(x)


def _sign(b, x):
    """-1, 0 or 1; NaN gives 0, as in PyTorch."""
    if x.dtype is BOOL:
        return x
    zero, one = b.like(x, 0), b.like(x, 1)
    positive = b.select(x > 0, one, zero)
    return positive if x.dtype.kind == "u" else b.select(x < 0, b.like(x, -1), positive)


def _sgn(b, x):
    return _sign(b, x)


def _rounding(method):
    """floor, ceil ...: the identity on integers."""
    return lambda b, x: getattr(b, method)(x) if x.dtype.is_float else x


def _round_decimals(b, x, decimals):
    """round(x * 10^d) / 10^d, with the power on the other side for negative d. `decimals` is an i64 scalar."""
    ten = m.pow_integer(b, b.like(decimals, 10), b.select(decimals < 0, -decimals, decimals))
    scale = b.cast(ten, x.dtype)
    return b.select(decimals < 0, b.rint(x / scale) * scale, b.rint(x * scale) / scale)


def _extremum(method, on_bool):
    return lambda b, x, y: getattr(b, on_bool)(x, y) if x.dtype is BOOL else getattr(b, method)(x, y)


def _fextremum(method, on_bool):
    """fmax, fmin: a number beats NaN."""
    def expr(b, x, y):
        if x.dtype is BOOL:
            return getattr(b, on_bool)(x, y)
        best = getattr(b, method)(x, y)
        return b.select(b.isnan(x), y, b.select(b.isnan(y), x, best)) if x.dtype.is_float else best
    return expr


def _clamp(b, x, low, high):
    return b.minimum(b.maximum(x, low), high)


def _lerp(b, start, end, weight):
    """PyTorch's formula: exact at both ends, whichever end the weight is nearer to."""
    near = b.abs(weight) < 0.5
    return b.fma(b.select(near, weight, weight - 1), end - start, b.select(near, start, end))


def _nan_to_num(b, x, nan, posinf, neginf):
    if not x.dtype.is_float:
        return x
    inf = float("inf")
    x_or_nan = b.select(b.isnan(x), nan, x)
    return b.select(x.eq(inf), posinf, b.select(x.eq(-inf), neginf, x_or_nan))


def _frac(b, x):
    return x - b.trunc(x)


def _heaviside(b, x, at_zero):
    if x.dtype is BOOL:
        return x | at_zero
    step = b.select(x < 0, b.like(x, 0), b.like(x, 1)) if x.dtype.kind != "u" else b.like(x, 1)
    step = b.select(b.isnan(x), b.like(x, 0), step) if x.dtype.is_float else step
    return b.select(x.eq(0), at_zero, step)


ROWS = [
    _R("add", 2, _add, PROMOTE, "bif", binary_names("add", when={"alpha": 1}, flags=_FULL), cost=0.1),
    _R("add_alpha", 3, _add_scaled, PROMOTE, "bif", scaled("add"), "vvp", cost=0.1),
    _R("sub", 2, lambda b, x, y: x - y, PROMOTE, "if", binary_names("sub", when={"alpha": 1}, flags=_FULL), cost=0.1),
    _R("sub_alpha", 3, lambda b, x, y, alpha: _add_scaled(b, x, y, -alpha), PROMOTE, "if", scaled("sub"), "vvp", cost=0.1),
    _R("rsub", 2, lambda b, x, y: y - x, PROMOTE, "if",
       tuple(Aten(f"rsub.{o}", "fo", ("self", "other"), {"alpha": 1}, flags=_FULL) for o in ("Tensor", "Scalar")), cost=0.1),
    _R("rsub_alpha", 3, lambda b, x, y, alpha: _add_scaled(b, y, x, -alpha), PROMOTE, "if",
       tuple(Aten(f"rsub.{o}", "fo", ("self", "other", "alpha"), flags=_ALPHA) for o in ("Tensor", "Scalar")), "vvp", cost=0.1),
    _R("mul", 2, _mul, PROMOTE, "bif", binary_names("mul", flags=_FULL), cost=0.1),
    _R("div", 2, lambda b, x, y: x / y, FLOAT, "f",
       (*binary_names("div", flags=_FULL), *(Aten(f"div.{o}_mode", args=("self", "other"), when={"rounding_mode": "absent"}, flags=_FULL)
                                             for o in ("Tensor", "Scalar")))),
    _R("div_trunc", 2, m.div_trunc, PROMOTE, "if",
       tuple(Aten(f"div.{o}_mode", args=("self", "other"), when={"rounding_mode": "trunc"}, flags=_DIVIDES) for o in ("Tensor", "Scalar")),
       halves=("div", "trunc")),
    _R("div_floor", 2, m.div_floor, PROMOTE, "if",
       (*(Aten(f"div.{o}_mode", args=("self", "other"), when={"rounding_mode": "floor"}, flags=_DIVIDES) for o in ("Tensor", "Scalar")),
        *(Aten(name, args=("self", "other"), flags=_DIVIDES) for name in ("floor_divide", "floor_divide.Scalar"))), cost=1.5),
    _R("fmod", 2, lambda b, x, y: b.rem(x, y), PROMOTE, "if", binary_names("fmod", flags=_DIVIDES), cost=2.0),
    _R("remainder", 2, m.remainder, PROMOTE, "if",
       (*binary_names("remainder", flags=_DIVIDES), Aten("remainder.Scalar_Tensor", "fo", ("self", "other"), flags=_DIVIDES)), cost=2.0),
    _R("neg", 1, lambda b, x: -x, PROMOTE, "if", (Aten("neg"),), cost=0.1),
    _R("abs", 1, _abs, PROMOTE, "if", (Aten("abs"),), cost=0.1),
    _R("sign", 1, _sign, PROMOTE, "bif", (Aten("sign"),), cost=0.1),
    _R("sgn", 1, _sgn, PROMOTE, "bif", (Aten("sgn"),), cost=0.1),
    _R("reciprocal", 1, lambda b, x: 1 / x, FLOAT, "f", (Aten("reciprocal"),)),
    _R("floor", 1, _rounding("floor"), PROMOTE, "if", (Aten("floor"),), cost=0.1),
    _R("ceil", 1, _rounding("ceil"), PROMOTE, "if", (Aten("ceil"),), cost=0.1),
    _R("trunc", 1, _rounding("trunc"), PROMOTE, "if", (Aten("trunc"),), cost=0.1),
    _R("round", 1, _rounding("rint"), PROMOTE, "if", (Aten("round"),), cost=0.1),
    _R("round_decimals", 2, _round_decimals, PROMOTE, "f", (Aten("round.decimals", args=("self", "decimals")),), "vi"),
    _R("frac", 1, _frac, PROMOTE, "f", (Aten("frac"),), cost=0.1),
    _R("maximum", 2, _extremum("maximum", "or_"), PROMOTE, "bif", (Aten("maximum"),), cost=0.1),
    _R("minimum", 2, _extremum("minimum", "and_"), PROMOTE, "bif", (Aten("minimum"),), cost=0.1),
    _R("fmax", 2, _fextremum("maximum", "or_"), PROMOTE, "bif", (Aten("fmax"),), cost=0.1),
    _R("fmin", 2, _fextremum("minimum", "and_"), PROMOTE, "bif", (Aten("fmin"),), cost=0.1),
    _R("clamp", 3, _clamp, PROMOTE, "if",
       tuple(Aten(n, args=("self", "min", "max"), when={"min": "given", "max": "given"}) for n in ("clamp", "clamp.Tensor")),
       cost=0.1),
    _R("clamp_min", 2, lambda b, x, low: b.maximum(x, low), PROMOTE, "if",
       (Aten("clamp_min"), Aten("clamp_min.Tensor"), *(Aten(n, args=("self", "min"), when={"min": "given", "max": "absent"})
                                                       for n in ("clamp", "clamp.Tensor"))), cost=0.1),
    _R("clamp_max", 2, lambda b, x, high: b.minimum(x, high), PROMOTE, "if",
       (Aten("clamp_max"), Aten("clamp_max.Tensor"), *(Aten(n, args=("self", "max"), when={"min": "absent", "max": "given"})
                                                       for n in ("clamp", "clamp.Tensor"))), cost=0.1),
    _R("lerp", 3, _lerp, PROMOTE, "f",
       (Aten("lerp.Scalar", args=("self", "end", "weight")),
        Aten("lerp.Tensor", args=("self", "end", "weight"))), "vvp", cost=0.15),
    _R("addcmul", 4, lambda b, x, y, z, value: x + value * y * z, PROMOTE, "if",
       (Aten("addcmul", args=("self", "tensor1", "tensor2", "value")),), "vvvp"),
    _R("addcdiv", 4, lambda b, x, y, z, value: x + value * y / z, PROMOTE, "f",
       (Aten("addcdiv", args=("self", "tensor1", "tensor2", "value")),), "vvvp", cost=0.2),
    _R("copysign", 2, lambda b, x, y: b.copysign(x, y), FLOAT, "f", binary_names("copysign"), cost=0.1),
    _R("nextafter", 2, m.nextafter, PROMOTE, "f", (Aten("nextafter"),), cost=0.3, narrow=False),
    _R("heaviside", 2, _heaviside, PROMOTE, "bif", (Aten("heaviside"),)),
    _R("nan_to_num", 4, _nan_to_num, PROMOTE, "bif",
       (Aten("nan_to_num", args=("self", "nan|=0.0", "posinf|$max", "neginf|$lowest")),), "vppp"),
]
