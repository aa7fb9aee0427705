"""Activations and their gradients, with PyTorch's formulas at the borders.

Names of gradient rows end in _backward; their first argument is the incoming gradient.
"""

from __future__ import annotations

from .. import mathlib as m
from ..table import FLOAT, PROMOTE, Aten, Elementwise

_R = Elementwise
_BACK = ("grad_output", "self")


def _zero(b, x):
    return b.like(x, 0)


def _clip(b, x, low, high):
    return b.minimum(b.maximum(x, low), high)


def _elu(b, x, alpha, scale, input_scale):
    return b.select(x < 0, m.expm1(b, x * input_scale) * (alpha * scale), x * scale)


def _elu_backward(b, grad, x, alpha, scale, input_scale):
    return b.select(x < 0, grad * input_scale * (alpha * scale) * m.exp(b, x * input_scale), grad * scale)


def _elu_backward_result(b, grad, y, alpha, scale, input_scale):
    return b.select(y < 0, grad * input_scale * (y + alpha * scale), grad * scale)


def _leaky_relu(b, x, slope):
    return b.select(x > 0, x, x * slope)


def _hardsigmoid(b, x):
    return _clip(b, x + 3, _zero(b, x), b.like(x, 6)) / 6


def _hardswish(b, x):
    return x * _clip(b, x + 3, _zero(b, x), b.like(x, 6)) / 6


def _hardswish_backward(b, grad, x):
    return b.select(x <= -3, _zero(b, x), b.select(x < 3, grad * (x / 3 + 0.5), grad))


def _within(b, x, bound):
    return (x >= -bound) & (x <= bound)


def _softshrink(b, x, bound):
    """NaN stays NaN."""
    return b.select(x > bound, x - bound, b.select(x < -bound, x + bound, x * 0))


def _softplus_backward(b, grad, x, beta, threshold):
    return b.select(x * beta > threshold, grad, grad * m.sigmoid(b, x * beta))


def _silu_backward(b, grad, x):
    s = m.sigmoid(b, x)
    return grad * s * (1 + x * (1 - s))


def _mish_backward(b, grad, x):
    s, t = m.sigmoid(b, x), m.tanh_softplus(b, x)
    return grad * (t + x * s * (1 - t * t))


def _log_sigmoid_forward(b, x):
    """(output, e^-|x| for the gradient)."""
    z = m.exp(b, -b.abs(x))
    return b.minimum(x, _zero(b, x)) - m.log1p(b, z), z


def _log_sigmoid_backward(b, grad, x, z):
    ratio = z / (1 + z)
    return grad * b.select(x < 0, 1 - ratio, ratio)


def _prelu_backward(b, grad, x, weight):
    positive = x > 0
    return b.select(positive, grad, weight * grad), b.select(positive, _zero(b, x), x * grad)


def _glu_backward(b, grad, x, gate):
    s = m.sigmoid(b, gate)
    return s * grad, (1 - s) * s * x * grad


def _logit_backward(b, grad, x):
    outside = (x < 0) | (x > 1)
    edge = x.eq(0) | x.eq(1)
    inside = grad / (x * (1 - x))
    return b.select(outside, b.like(x, float("nan")), b.select(edge, grad * float("inf"), inside))


def _logit_backward_eps(b, grad, x, eps):
    outside = (x < eps) | (x > 1 - eps)
    return b.select(outside, _zero(b, x), grad / (x * (1 - x)))


def _act(name, expr, extra=(), cost=0.15, arity=None, dtypes="f", aten=None, **more):
    """An activation of self and the parameters `extra`."""
    return _R(name, 1 + len(extra), expr, PROMOTE, dtypes, (Aten(aten or name, args=("self", *extra)),),
              "v" + "p" * len(extra), cost=cost, **more)


def _back(name, expr, extra=(), cost=0.15, dtypes="f", names=_BACK, **more):
    """A gradient of grad_output, one saved tensor and the parameters `extra`."""
    return _R(name, 2 + len(extra), expr, PROMOTE, dtypes, (Aten(name, "fo", (*names, *extra)),),
              "vv" + "p" * len(extra), cost=cost, **more)


_ELU = ("grad_output", "self_or_result", "alpha", "scale", "input_scale")

ROWS = [
    _act("relu", lambda b, x: b.maximum(x, _zero(b, x)), cost=0.1, dtypes="if"),
    _act("leaky_relu", _leaky_relu, ("negative_slope",), 0.1),
    _act("elu", _elu, ("alpha", "scale", "input_scale"), 0.3),
    _act("celu", lambda b, x, alpha: _elu(b, x, alpha, 1, 1 / alpha), ("alpha",), 0.3),
    _R("gelu", 1, m.gelu, PROMOTE, "f", (Aten("gelu", args=("self",), when={"approximate": "none"}),), cost=0.5),
    _R("gelu_tanh", 1, m.gelu_tanh, PROMOTE, "f", (Aten("gelu", args=("self",), when={"approximate": "tanh"}),), cost=0.5),
    _act("silu", m.silu, cost=0.25),
    _act("mish", lambda b, x: x * m.tanh_softplus(b, x), cost=0.4),
    _act("softplus", m.softplus, ("beta", "threshold"), 0.5),
    _R("log_sigmoid_forward", 1, _log_sigmoid_forward, PROMOTE, "f", (Aten("log_sigmoid_forward", "fo", ("self",)),), cost=0.5,
       results=2, result_types=("T", "T")),
    _act("hardtanh", _clip, ("min_val", "max_val"), 0.1, dtypes="if"),
    _act("hardsigmoid", _hardsigmoid, (), 0.1),
    _act("hardswish", _hardswish, (), 0.1),
    _act("hardshrink", lambda b, x, bound: b.select(_within(b, x, bound), _zero(b, x), x), ("lambd",), 0.1),
    _act("softshrink", _softshrink, ("lambd",), 0.1),
    _act("threshold", lambda b, x, bound, value: b.select(x <= bound, value, x), ("threshold", "value"), 0.1, dtypes="if"),
    _R("prelu", 2, _leaky_relu, PROMOTE, "f", (Aten("_prelu_kernel", "f", ("self", "weight")),), cost=0.1),
    _R("glu", 2, lambda b, x, gate: x * m.sigmoid(b, gate), PROMOTE, "f", cost=0.3, doc="The halves of the input."),
    _R("logit", 1, m.logit, FLOAT, "f", (Aten("logit", args=("self",), when={"eps": "absent"}),), sample=(0.01, 0.99), cost=0.3),
    _R("logit_eps", 2, m.logit_eps, FLOAT, "f", (Aten("logit", args=("self", "eps"), when={"eps": "given"}),), "vp",
       sample=(-0.5, 1.5), cost=0.3),

    _back("threshold_backward", lambda b, g, x, bound: b.select(x <= bound, _zero(b, x), g), ("threshold",), 0.1, "if"),
    _back("leaky_relu_backward", lambda b, g, x, slope: b.select(x > 0, g, g * slope), ("negative_slope",), 0.1),
    _R("elu_backward", 5, _elu_backward, PROMOTE, "f", (Aten("elu_backward", "fo", _ELU, {"is_result": False}),), "vvppp", cost=0.3),
    _R("elu_backward_result", 5, _elu_backward_result, PROMOTE, "f", (Aten("elu_backward", "fo", _ELU, {"is_result": True}),),
       "vvppp", cost=0.15),
    _R("gelu_backward", 2, lambda b, g, x: g * m.gelu_derivative(b, x), PROMOTE, "f",
       (Aten("gelu_backward", "fo", _BACK, {"approximate": "none"}),), cost=0.6),
    _R("gelu_tanh_backward", 2, lambda b, g, x: g * m.gelu_tanh_derivative(b, x), PROMOTE, "f",
       (Aten("gelu_backward", "fo", _BACK, {"approximate": "tanh"}),), cost=0.4),
    _back("sigmoid_backward", lambda b, g, y: g * (1 - y) * y, names=("grad_output", "output"), cost=0.1),
    _back("tanh_backward", lambda b, g, y: g * (1 - y * y), names=("grad_output", "output"), cost=0.1),
    _back("silu_backward", _silu_backward, cost=0.35),
    _back("mish_backward", _mish_backward, cost=0.7),
    _back("softplus_backward", _softplus_backward, ("beta", "threshold"), 0.35),
    _R("log_sigmoid_backward", 3, _log_sigmoid_backward, PROMOTE, "f",
       (Aten("log_sigmoid_backward", "fo", (*_BACK, "buffer")),), cost=0.2),
    _back("hardtanh_backward", lambda b, g, x, low, high: b.select((x <= low) | (x >= high), _zero(b, x), g), ("min_val", "max_val"), 0.1),
    _back("hardsigmoid_backward", lambda b, g, x: b.select((x > -3) & (x < 3), g / 6, _zero(b, x)), cost=0.1),
    _back("hardswish_backward", _hardswish_backward, cost=0.1),
    _R("hardshrink_backward", 3, lambda b, g, x, bound: b.select(_within(b, x, bound), _zero(b, x), g), PROMOTE, "f",
       (Aten("hardshrink_backward", "fo", ("grad_out", "self", "lambd")),), "vvp", cost=0.1),
    _back("softshrink_backward", lambda b, g, x, bound: b.select(_within(b, x, bound), _zero(b, x), g), ("lambd",), 0.1),
    _R("prelu_backward", 3, _prelu_backward, PROMOTE, "f", (Aten("_prelu_kernel_backward", "f", (*_BACK, "weight")),), cost=0.1,
       results=2, result_types=("T", "T")),
    _R("glu_backward", 3, _glu_backward, PROMOTE, "f", cost=0.35, results=2, result_types=("T", "T"),
       doc="grad and the halves of the input; the gradients of the halves."),
    _R("logit_backward", 2, _logit_backward, PROMOTE, "f", (Aten("logit_backward", "fo", _BACK, {"eps": "absent"}),), sample=(0.01, 0.99)),
    _R("logit_backward_eps", 3, _logit_backward_eps, PROMOTE, "f", (Aten("logit_backward", "fo", (*_BACK, "eps"), {"eps": "given"}),),
       "vvp", sample=(-0.5, 1.5)),
]
