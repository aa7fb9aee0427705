"""Mathematical functions of one and two variables; the functions themselves are in `mathlib`."""

from __future__ import annotations

from .. import mathlib as m
from ..table import FLOAT, Aten, Elementwise

_R = Elementwise


def _unary(name, cost, sample=(-4.0, 4.0), aten=None, function=None):
    return _R(name, 1, function or getattr(m, name), FLOAT, "f", (Aten(aten or name),), sample=sample, cost=cost)


ROWS = [
    _unary("exp", 0.15), _unary("exp2", 0.15), _unary("expm1", 0.2),
    _unary("log", 0.2, (1e-3, 8.0)), _unary("log2", 0.2, (1e-3, 8.0)), _unary("log10", 0.2, (1e-3, 8.0)),
    _unary("log1p", 0.3, (-0.9, 8.0)),
    _unary("sqrt", 0.2, (0.0, 8.0), function=lambda b, x: b.sqrt(x)),
    _unary("rsqrt", 0.3, (1e-3, 8.0), function=lambda b, x: 1 / b.sqrt(x)),
    _unary("tanh", 0.3), _unary("sinh", 0.3), _unary("cosh", 0.3),
    _unary("sigmoid", 0.25),
]
