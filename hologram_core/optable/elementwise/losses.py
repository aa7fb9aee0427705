"""Pointwise losses and their gradients.

A row computes one element's loss; what `reduction` asks for is folded behind it in the same kernel. A gradient takes
"$mean": 1 / elements for reduction='mean', else 1.
"""

from __future__ import annotations

from .. import mathlib as m
from ..table import PROMOTE, Aten, Elementwise

_R = Elementwise
_PAIR = ("self", "target")
_BACK = ("grad_output", "self", "target")


def _smooth_l1(b, x, y, beta):
    z = b.abs(x - y)
    return b.select(z < beta, 0.5 * z * z / beta, z - 0.5 * beta)


def _smooth_l1_backward(b, grad, x, y, beta, mean):
    d = x - y
    step = mean * grad
    return b.select(d <= -beta, -step, b.select(d >= beta, step, mean * d * grad / beta))


def _huber(b, x, y, delta):
    z = b.abs(x - y)
    return b.select(z <= delta, 0.5 * z * z, delta * (z - 0.5 * delta))


def _huber_backward(b, grad, x, y, delta, mean):
    d = x - y
    step = mean * grad * delta
    return b.select(d < -delta, -step, b.select(d > delta, step, mean * d * grad))


def _binary_cross_entropy(b, x, y):
    """Both logarithms are cut off at -100, as in PyTorch: a wrong certainty costs 100, not infinity."""
    floor = b.like(x, -100.0)
    return (y - 1) * b.maximum(m.log1p(b, -x), floor) - y * b.maximum(m.log(b, x), floor)


def _binary_cross_entropy_backward(b, grad, x, y, mean):
    return grad * (x - y) / b.maximum((1 - x) * x, b.like(x, 1e-12)) * mean


_UNIT = (0.01, 0.99)

ROWS = [
    _R("mse_loss", 2, lambda b, x, y: (x - y) * (x - y), PROMOTE, "f", (Aten("mse_loss", "fo", _PAIR),), cost=0.1),
    _R("mse_loss_backward", 4, lambda b, grad, x, y, mean: 2 * mean * (x - y) * grad, PROMOTE, "f",
       (Aten("mse_loss_backward", "fo", (*_BACK, "$mean")),), "vvvp", cost=0.1),
    _R("smooth_l1_loss", 3, _smooth_l1, PROMOTE, "f", (Aten("smooth_l1_loss", "fo", (*_PAIR, "beta"), {"beta": ">=0"}),), "vvp"),
    _R("smooth_l1_loss_backward", 5, _smooth_l1_backward, PROMOTE, "f",
       (Aten("smooth_l1_loss_backward", "fo", (*_BACK, "beta", "$mean")),), "vvvpp"),
    _R("huber_loss", 3, _huber, PROMOTE, "f", (Aten("huber_loss", "fo", (*_PAIR, "delta"), {"delta": ">0"}),), "vvp"),
    _R("huber_loss_backward", 5, _huber_backward, PROMOTE, "f",
       (Aten("huber_loss_backward", "fo", (*_BACK, "delta", "$mean")),), "vvvpp"),
    _R("binary_cross_entropy", 2, _binary_cross_entropy, PROMOTE, "f",
       (Aten("binary_cross_entropy", "fo", _PAIR, {"weight": "absent"}, flags=("probabilities",)),), sample=_UNIT, cost=0.6),
    _R("binary_cross_entropy_weighted", 3, lambda b, x, y, weight: _binary_cross_entropy(b, x, y) * weight, PROMOTE, "f",
       (Aten("binary_cross_entropy", "fo", (*_PAIR, "weight"), {"weight": "given"}, flags=("probabilities",)),), sample=_UNIT, cost=0.6),
    _R("binary_cross_entropy_backward", 4, _binary_cross_entropy_backward, PROMOTE, "f",
       (Aten("binary_cross_entropy_backward", "fo", (*_BACK, "$mean"), {"weight": "absent"}),), "vvvp", sample=_UNIT),
    _R("binary_cross_entropy_backward_weighted", 5,
       lambda b, grad, x, y, weight, mean: _binary_cross_entropy_backward(b, grad, x, y, mean) * weight, PROMOTE, "f",
       (Aten("binary_cross_entropy_backward", "fo", (*_BACK, "weight", "$mean"), {"weight": "given"}),), "vvvvp", sample=_UNIT),
]
