"""Mathematical functions of one and two variables; the functions themselves are in `mathlib`."""

from __future__ import annotations

from .. import mathlib as m
from ..table import FLOAT, PROMOTE, Aten, Elementwise

_R = Elementwise


def _unary(name, cost, sample=(-4.0, 4.0), aten=None, function=None):
    return _R(name, 1, function or getattr(m, name), FLOAT, "f", (Aten(aten or name),), sample=sample, cost=cost)


def _power(name, exponent, expr, dtypes="f", cost=0.1):
    """A power with this exponent; the exponent is still an argument, for its type takes part in promotion."""
    return _R(name, 2, lambda b, x, _: expr(b, x), PROMOTE, dtypes,
              (Aten("pow.Tensor_Scalar", args=("self", "exponent"), when={"exponent": exponent}, flags=("int_power",)),),
              cost=cost)


def _angle(b, x):
    return b.select(b.isnan(x), x, b.select(x < 0, b.like(x, 3.141592653589793), b.like(x, 0)))


_POSITIVE, _UNIT = (1e-3, 8.0), (-0.99, 0.99)

ROWS = [
    _unary("exp", 0.15), _unary("exp2", 0.15), _unary("expm1", 0.2),
    _unary("log", 0.2, _POSITIVE), _unary("log2", 0.2, _POSITIVE), _unary("log10", 0.2, _POSITIVE),
    _unary("log1p", 0.3, (-0.9, 8.0)),
    _unary("sqrt", 0.2, _POSITIVE, function=lambda b, x: b.sqrt(x)),
    _unary("rsqrt", 0.3, _POSITIVE, function=lambda b, x: 1 / b.sqrt(x)),
    _unary("tanh", 0.3), _unary("sinh", 0.3), _unary("cosh", 0.3),
    _unary("asinh", 1.0), _unary("acosh", 1.0, (1.01, 8.0)), _unary("atanh", 1.0, _UNIT),
    _unary("sin", 0.4), _unary("cos", 0.4), _unary("tan", 0.4), _unary("sinc", 0.5),
    _unary("asin", 0.3, _UNIT), _unary("acos", 0.3, _UNIT), _unary("atan", 0.3),
    _unary("sigmoid", 0.25), _unary("erf", 0.4), _unary("erfc", 0.6), _unary("erfinv", 1.0, _UNIT),
    _unary("lgamma", 5.0, (0.1, 8.0)), _unary("digamma", 3.0, (0.1, 8.0)),
    _unary("i0", 1.5), _unary("special_i0e", 1.5, function=m.i0e), _unary("special_i1", 1.5, function=m.i1),
    _unary("special_i1e", 1.5, function=m.i1e),
    _unary("special_entr", 0.4, _POSITIVE, function=m.entr), _unary("special_ndtri", 1.5, (0.01, 0.99), function=m.ndtri),
    _unary("special_log_ndtr", 1.5, function=m.log_ndtr), _unary("special_erfcx", 1.0, function=m.erfcx),
    _R("angle", 1, _angle, FLOAT, "f", (Aten("angle", "fo"),), cost=0.1),

    _power("pow_0", 0, lambda b, x: b.like(x, 1), "if"), _power("pow_1", 1, lambda b, x: x, "if"),
    _power("pow_2", 2, lambda b, x: x * x, "if"), _power("pow_3", 3, lambda b, x: x * x * x, "if"),
    _power("pow_half", 0.5, lambda b, x: b.sqrt(x), cost=0.2), _power("pow_minus_half", -0.5, lambda b, x: 1 / b.sqrt(x), cost=0.3),
    _power("pow_minus_1", -1, lambda b, x: 1 / x), _power("pow_minus_2", -2, lambda b, x: 1 / (x * x)),
    _R("pow", 2, m.pow, PROMOTE, "if",
       (Aten("pow.Tensor_Tensor", args=("self", "exponent")), Aten("pow.Tensor_Scalar", args=("self", "exponent")),
        Aten("pow.Scalar", "fo", ("self", "exponent"))), sample=(0.1, 4.0), cost=1.2),
    _R("atan2", 2, m.atan2, FLOAT, "f", (Aten("atan2"),), cost=0.5),
    _R("hypot", 2, m.hypot, PROMOTE, "f", (Aten("hypot"),), cost=0.4),
    _R("logaddexp", 2, m.logaddexp, PROMOTE, "f", (Aten("logaddexp", "fo"),), cost=0.6),
    _R("logaddexp2", 2, m.logaddexp2, PROMOTE, "f", (Aten("logaddexp2", "fo"),), cost=0.6),
    _R("xlogy", 2, m.xlogy, FLOAT, "f",
       (Aten("xlogy.Tensor"), Aten("xlogy.Scalar_Other"), Aten("xlogy.Scalar_Self", "fo")), sample=_POSITIVE, cost=0.5),
    _R("special_xlog1py", 2, m.xlog1py, FLOAT, "f",
       (Aten("special_xlog1py"), Aten("special_xlog1py.other_scalar"), Aten("special_xlog1py.self_scalar")),
       sample=_POSITIVE, cost=0.6),
]
