"""Fixed powers and functions of two variables made of logarithms."""

from __future__ import annotations

from .. import mathlib as m
from ..table import FLOAT, PROMOTE, Aten, Elementwise

_R = Elementwise


def _xlogy(b, x, y):
    """x log y, with 0 log y = 0 unless y is NaN."""
    return b.select(b.isnan(y), y, b.select(x.eq(0), x, x * m.log(b, y)))


def _xlog1py(b, x, y):
    return b.select(b.isnan(y), y, b.select(x.eq(0), x, x * m.log1p(b, y)))


def _logaddexp(b, x, y):
    """log(e^x + e^y); equal infinities stay as they are."""
    high, gap = b.maximum(x, y), b.abs(x - y)
    return b.select(b.isnan(gap) & x.eq(y), x, high + m.log1p(b, m.exp(b, -gap)))


def _logaddexp2(b, x, y):
    high, gap = b.maximum(x, y), b.abs(x - y)
    return b.select(b.isnan(gap) & x.eq(y), x, high + 1.4426950408889634 * m.log1p(b, m.exp2(b, -gap)))


def _power(name, exponent, expr, dtypes="f"):
    """x ** exponent for an exponent that has a shorter form; PyTorch takes the same ones."""
    return _R(name, 1, expr, PROMOTE, dtypes, (Aten("pow.Tensor_Scalar", args=("self",), when={"exponent": exponent}),),
              cost=0.1, sample=(0.01, 4.0) if isinstance(exponent, float) else (-4.0, 4.0))


ROWS = [
    _R("xlogy", 2, _xlogy, FLOAT, "f", (Aten("xlogy.Tensor", out="OutTensor"),), cost=0.45, sample=(0.0, 4.0)),
    _R("xlog1py", 2, _xlog1py, FLOAT, "f", (Aten("special_xlog1py"),), cost=0.55, sample=(0.0, 4.0)),
    _R("logaddexp", 2, _logaddexp, PROMOTE, "f", (Aten("logaddexp"),), cost=0.8),
    _R("logaddexp2", 2, _logaddexp2, PROMOTE, "f", (Aten("logaddexp2"),), cost=0.8),
    _power("pow_2", 2, lambda b, x: x * x, "if"),
    _power("pow_3", 3, lambda b, x: x * x * x, "if"),
    _power("pow_half", 0.5, lambda b, x: b.sqrt(x)),
    _power("pow_minus_half", -0.5, lambda b, x: 1 / b.sqrt(x)),
    _power("pow_minus_1", -1, lambda b, x: 1 / x),
    _power("pow_minus_2", -2, lambda b, x: 1 / (x * x)),
]
