"""Row kernels: whole-row operations as one kernel each, written in the other tables' ops.

Arguments of one element per row (a mean, a target class) are declared by `c.fixed`. Vectors along the row (weight, bias)
are ordinary arguments; where a caller has none, it passes the number 1 or 0.
"""

from __future__ import annotations

from ..dtypes import I64
from . import mathlib as m
from .table import RowKernel


# ---- softmax ----


def _shifted(c, x):
    """(x - max, sum of exponentials of it)"""
    shifted = x - c.amax(x)
    e = c.apply(m.exp, shifted)
    return shifted, e, c.sum(e)


def _softmax(c, x):
    _, e, total = _shifted(c, x)
    return e * (1 / total)


def _log_softmax(c, x):
    shifted, _, total = _shifted(c, x)
    return shifted - c.apply(m.log, total)


def _softmax_backward(c, grad, output):
    return output * (grad - c.dot(grad, output))


def _log_softmax_backward(c, grad, output):
    return grad - c.apply(m.exp, output) * c.sum(grad)


# ---- normalisation ----


def _rsqrt(c, x):
    return 1 / c.primitive("sqrt", x)


def _layer_norm(c, x, weight, bias, eps):
    # The second pass corrects the rounding of the first: the mean of equal numbers is that number.
    near = c.mean(x)
    rest = x - near
    mean = near + c.mean(rest)
    rstd = _rsqrt(c, c.mean(rest * rest) + eps)
    return (x - mean) * rstd * weight + bias, mean, rstd


def _layer_norm_backward_input(c, grad, x, mean, rstd, weight):
    mean, rstd = c.fixed(mean), c.fixed(rstd)
    g = grad * weight
    normal = (x - mean) * rstd
    return rstd * (g - c.mean(g) - normal * c.mean(g * normal))


def _rms_norm(c, x, weight, eps):
    rstd = _rsqrt(c, c.mean(x * x) + eps)
    return x * rstd * weight, rstd


def _rms_norm_backward_input(c, grad, x, rstd, weight):
    rstd = c.fixed(rstd)
    g = grad * weight
    normal = x * rstd
    return rstd * (g - normal * c.mean(g * normal))


# ---- classification losses: `target` is the number of the right class ----


def _hit(c, target, ignore):
    """(is this the target's place?, does the row count?)"""
    target = c.cast(c.fixed(target), I64)
    counts = target.ne(c.cast(ignore, I64))
    return c.index().eq(target) & counts, counts


def _nll(c, logp, target, weight, ignore):
    hit, _ = _hit(c, target, ignore)
    weight = weight + c.zero()
    return 0 - c.sum(c.select(hit, logp * weight, 0)), c.sum(c.select(hit, weight, 0))


def _nll_backward(c, grad, target, weight, ignore):
    hit, _ = _hit(c, target, ignore)
    return c.select(hit, 0 - c.fixed(grad) * weight, 0)


def _cross_entropy(c, x, target, weight, ignore):
    hit, _ = _hit(c, target, ignore)
    top = c.amax(x)
    shifted = x - top
    log_total = c.apply(m.log, c.sum(c.apply(m.exp, shifted)))
    w = c.sum(c.select(hit, weight + c.zero(), 0))
    picked = c.sum(c.select(hit, shifted, 0))
    loss = c.select(w.eq(0), 0, (log_total - picked) * w)      # an ignored row is 0 even where it is not finite
    return loss, top + log_total, w


def _cross_entropy_backward(c, grad, x, lse, target, weight, ignore):
    hit, counts = _hit(c, target, ignore)
    g = c.fixed(grad) * c.sum(c.select(hit, weight + c.zero(), 0))
    p = c.apply(m.exp, x - c.fixed(lse))
    return c.select(counts, g * (p - c.select(hit, 1, c.zero())), 0)


ROWS = [
    RowKernel("softmax", 1, _softmax, doc="args: x"),
    RowKernel("log_softmax", 1, _log_softmax, doc="args: x"),
    RowKernel("softmax_backward", 2, _softmax_backward, doc="args: grad, output"),
    RowKernel("log_softmax_backward", 2, _log_softmax_backward, doc="args: grad, output"),
    RowKernel("layer_norm", 4, _layer_norm, 3, doc="args: x, weight, bias, eps; results: y, mean, rstd"),
    RowKernel("layer_norm_backward_input", 5, _layer_norm_backward_input, doc="args: grad, x, mean, rstd, weight"),
    RowKernel("rms_norm", 3, _rms_norm, 2, doc="args: x, weight, eps; results: y, rstd"),
    RowKernel("rms_norm_backward_input", 4, _rms_norm_backward_input, doc="args: grad, x, rstd, weight"),
    RowKernel("nll_row", 4, _nll, 2, doc="args: log-probabilities, target, class weights, ignored class; "
                                         "results per row: weighted loss, weight"),
    RowKernel("nll_row_backward", 4, _nll_backward, doc="args: gradient of the row's loss, target, class weights, ignored class"),
    RowKernel("cross_entropy_row", 4, _cross_entropy, 3, doc="args: logits, target, class weights, ignored class; "
                                                             "results per row: weighted loss, logsumexp, weight"),
    RowKernel("cross_entropy_row_backward", 6, _cross_entropy_backward,
              doc="args: gradient of the row's loss, logits, logsumexp, target, class weights, ignored class"),
]
