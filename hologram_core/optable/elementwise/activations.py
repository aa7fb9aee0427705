"""Activations and their gradients. Formulas and the side each boundary falls on are PyTorch's."""

from __future__ import annotations

from .. import mathlib as m
from ..table import FLOAT, PROMOTE, Aten, Elementwise

_R = Elementwise


def _zero(x):
    return x.b.like(x, 0)


def _forward(name, arity, expr, args, kinds="", dtypes="f", cost=0.15, when=None, flags=(), **more):
    return _R(name, arity, expr, PROMOTE, dtypes, (Aten(name, args=args, when=when or {}, flags=flags),), kinds, cost=cost, **more)


def _backward(name, arity, expr, args, kinds="", cost=0.15, when=None, aten=None, **more):
    """Gradients exist as functions and with out= (overload grad_input)."""
    return _R(name, arity, expr, PROMOTE, "f", (Aten(aten or name, "fo", args, when or {}),), kinds, cost=cost, **more)


_X, _GX = ("self",), ("grad_output", "self")


# ---- clipped and linear pieces ----

def _hardtanh(b, x, low, high):
    return b.minimum(b.maximum(x, low), high)


def _relu6_of(b, x):
    return b.minimum(b.maximum(x + 3, _zero(x)), b.like(x, 6))


def _hardswish_backward(b, g, x):
    return b.select(x <= -3, _zero(g), b.select(x >= 3, g, g * (x / 3 + 0.5)))


def _softshrink(b, x, size):
    return b.select(x < -size, x + size, b.select(x <= size, _zero(x), x - size))


def _inside(b, x, size):
    return (x >= -size) & (x <= size)


def _shrink_backward(b, g, x, size):
    """NaN counts as inside here, as in PyTorch."""
    return b.select((x > size) | (x < -size), g, _zero(g))


def _hardsigmoid_backward(b, g, x):
    """With 1/6 rounded to f32 for every type, as in PyTorch."""
    return b.select((x > -3) & (x < 3), g * 0.1666666716337204, _zero(g))


def _prelu_backward(b, g, x, weight):
    positive = x > 0
    return b.select(positive, g, weight * g), b.select(positive, _zero(g), x * g)


# ---- exponential pieces ----

def _elu(b, x, alpha, scale, input_scale):
    return b.wherever(x < 0, lambda: m.expm1(b, x * input_scale) * (alpha * scale), x * scale)


def _elu_backward(b, g, x, alpha, scale, input_scale):
    return b.wherever(~(x > 0), lambda: g * input_scale * (alpha * scale) * m.exp(b, x * input_scale), g * scale)


def _elu_backward_result(b, g, y, alpha, scale, input_scale):
    return b.select(y > 0, g * scale, g * input_scale * (y + alpha * scale))


def _softplus_backward(b, g, x, beta, threshold):
    z = x * beta
    return b.select(z > threshold, g, g * m.sigmoid(b, z))


def _log_sigmoid(b, x):
    """(log sigmoid(x), e^-|x|); the second is what the gradient needs."""
    z = m.exp(b, -b.abs(x))
    return b.minimum(x, _zero(x)) - m.log1p(b, z), z


def _log_sigmoid_backward(b, g, x, z):
    share = z / (1 + z)
    return g * b.select(x < 0, 1 - share, share)


def _logistic(b, x):
    """1 / (1 + e^-x), which is 0 where e^-x overflows: a gradient that overflowed meets that 0 in PyTorch too."""
    return 1 / (1 + m.exp(b, -x))


def _silu_backward(b, g, x):
    s = _logistic(b, x)
    return g * s * (1 + x * (1 - s))


def _mish_backward(b, g, x):
    t = m.tanh_softplus(b, x)
    return g * (t + x * _logistic(b, x) * (1 - t * t))


def _glu_backward(b, g, x, gate):
    s = m.sigmoid(b, gate)
    return s * g, (1 - s) * s * x * g


# ---- logit ----

def _logit_backward(b, g, x):
    return b.select((x >= 0) & (x <= 1), g / (x * (1 - x)), b.like(x, m.NAN))


def _clipped_logit_backward(b, g, x, eps):
    inside = (x >= eps) & (x <= 1 - eps)
    return b.select(inside, g / (x * (1 - x)), _zero(g))


_UNIT = (0.05, 0.95)
_ELU = ("alpha", "scale", "input_scale")

ROWS = [
    _forward("relu", 1, lambda b, x: b.maximum(x, _zero(x)), _X, dtypes="if", cost=0.1),
    _forward("threshold", 3, lambda b, x, t, value: b.select(x <= t, value, x), ("self", "threshold", "value"), "vpp", "if", 0.1,
             flags=("overlaps",)),
    _R("threshold_backward", 3, lambda b, g, x, t: b.select(x <= t, _zero(g), g), PROMOTE, "if",
       (Aten("threshold_backward", "fo", (*_GX, "threshold")),), "vvp", cost=0.1),
    _forward("leaky_relu", 2, lambda b, x, slope: b.select(x > 0, x, x * slope), ("self", "negative_slope"), "vp"),
    # A result has the sign of its input where no slope is negative; of others torch refuses the gradient.
    _R("leaky_relu_backward", 3, lambda b, g, x, slope: b.select(x > 0, g, g * slope), PROMOTE, "f",
       tuple(Aten("leaky_relu_backward", "fo", (*_GX, "negative_slope"), when)
             for when in ({"self_is_result": False}, {"self_is_result": True, "negative_slope": ">=0"})), "vvp"),
    _forward("hardtanh", 3, _hardtanh, ("self", "min_val", "max_val"), "vpp", "if", 0.1),
    _backward("hardtanh_backward", 4, lambda b, g, x, low, high: b.select((x > low) & (x < high), g, _zero(g)),
              (*_GX, "min_val", "max_val"), "vvpp"),
    _forward("hardsigmoid", 1, lambda b, x: _relu6_of(b, x) / 6, _X),
    _backward("hardsigmoid_backward", 2, _hardsigmoid_backward, _GX),
    _forward("hardswish", 1, lambda b, x: x * _relu6_of(b, x) / 6, _X),
    _backward("hardswish_backward", 2, _hardswish_backward, _GX),
    _forward("hardshrink", 2, lambda b, x, size: b.select(_inside(b, x, size), _zero(x), x), ("self", "lambd"), "vp"),
    _backward("hardshrink_backward", 3, _shrink_backward, ("grad_out", "self", "lambd"), "vvp"),
    _forward("softshrink", 2, _softshrink, ("self", "lambd"), "vp", when={"lambd": ">=0"}),
    _backward("softshrink_backward", 3, _shrink_backward, (*_GX, "lambd"), "vvp"),
    _R("prelu", 2, lambda b, x, weight: b.select(x > 0, x, weight * x), PROMOTE, "f",
       (Aten("_prelu_kernel", "f", ("self", "weight")),)),
    _R("prelu_backward", 3, _prelu_backward, PROMOTE, "f",
       (Aten("_prelu_kernel_backward", "f", ("grad_output", "self", "weight")),), results=2),
    _forward("celu", 2, lambda b, x, alpha: _elu(b, x, alpha, 1, 1 / alpha), ("self", "alpha"), "vp", cost=0.4,
             when={"alpha": ">0"}),
    _forward("elu", 4, _elu, ("self", *_ELU), "vppp", cost=0.4),
    _backward("elu_backward", 5, _elu_backward, ("grad_output", "self_or_result", *_ELU), "vvppp", 0.4, {"is_result": False}),
    _backward("elu_backward_result", 5, _elu_backward_result, ("grad_output", "self_or_result", *_ELU), "vvppp", 0.2,
              {"is_result": True, "alpha": ">=0"}, "elu_backward"),
    _forward("softplus", 3, m.softplus, ("self", "beta", "threshold"), "vpp", cost=0.7),
    _backward("softplus_backward", 4, _softplus_backward, (*_GX, "beta", "threshold"), "vvpp", 0.4),
    _R("log_sigmoid_forward", 1, _log_sigmoid, PROMOTE, "f", (Aten("log_sigmoid_forward", "fo", _X),), results=2, cost=0.7),
    _backward("log_sigmoid_backward", 3, _log_sigmoid_backward, (*_GX, "buffer")),
    _backward("sigmoid_backward", 2, lambda b, g, y: g * (1 - y) * y, ("grad_output", "output"), sample=_UNIT),
    _backward("tanh_backward", 2, lambda b, g, y: g * (1 - y * y), ("grad_output", "output"), sample=(-0.95, 0.95)),
    _forward("silu", 1, m.silu, _X, cost=0.35),
    _backward("silu_backward", 2, _silu_backward, _GX, cost=0.4),
    _forward("mish", 1, lambda b, x: x * m.tanh_softplus(b, x), _X, cost=0.4),
    _R("mish_backward", 2, _mish_backward, PROMOTE, "f", (Aten("mish_backward", "f", _GX),), cost=0.8),
    _forward("gelu", 1, m.gelu, _X, cost=0.5, when={"approximate": "none"}),
    _R("gelu_tanh", 1, m.gelu_tanh, PROMOTE, "f", (Aten("gelu", args=_X, when={"approximate": "tanh"}),), cost=0.4),
    _backward("gelu_backward", 2, lambda b, g, x: g * m.gelu_derivative(b, x), _GX, cost=0.8, when={"approximate": "none"}),
    _backward("gelu_tanh_backward", 2, lambda b, g, x: g * m.gelu_tanh_derivative(b, x), _GX, cost=0.5,
              when={"approximate": "tanh"}, aten="gelu_backward"),
    _R("glu", 2, lambda b, x, gate: x * m.sigmoid(b, gate), PROMOTE, "f", cost=0.4, doc="The halves of the input."),
    _R("glu_backward", 3, _glu_backward, PROMOTE, "f", results=2, cost=0.5,
       doc="Gradient and the halves of the input; gives the gradients of the halves."),
    _R("logit", 1, m.logit, FLOAT, "f", (Aten("logit", args=_X, when={"eps": "absent"}),), cost=0.5, sample=_UNIT),
    _R("logit_eps", 2, m.logit_eps, FLOAT, "f", (Aten("logit", args=("self", "eps"), when={"eps": "given"}),), "vp", cost=0.5,
       sample=_UNIT),
    _backward("logit_backward", 2, _logit_backward, _GX, cost=0.2, when={"eps": "absent"}, sample=_UNIT),
    _backward("logit_eps_backward", 3, _clipped_logit_backward, (*_GX, "eps"), "vvp", 0.2, {"eps": "given"}, "logit_backward",
              sample=_UNIT),
]
