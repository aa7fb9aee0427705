"""Row kernels: whole-row operations as one kernel each, written in the other tables' ops.

Arguments of one element per row (a mean, a target class) are declared by `c.fixed`. Vectors along the row (weight, bias)
are ordinary arguments; where a caller has none, it passes the number 1 or 0.
"""

from __future__ import annotations

from ..dtypes import BOOL, I64
from . import mathlib as m
from .reduction import TOP
from .table import Aten, RowKernel

# ---- softmax ----

def _shifted(c, x):
    """(x - max, exponentials of it, their sum, max)"""
    top = c.fold(TOP, x)
    shifted = x - top
    e = c.apply(m.exp_nonpositive, shifted)
    return shifted, e, c.sum(e), top


def _softmax(c, x):
    _, e, total, _ = _shifted(c, x)
    return e * (1 / total)


def _log_softmax(c, x):
    shifted, _, total, _ = _shifted(c, x)
    return shifted - c.apply(m.log, total)


def _softmax_backward(c, grad, output):
    return output * (grad - c.dot(grad, output))


def _log_softmax_backward(c, grad, output):
    return grad - c.apply(m.exp, output) * c.sum(grad)


# ---- normalisation ----


def _rsqrt(c, x):
    return 1 / c.primitive("sqrt", x)


def _mean_and_variance(c, x):
    # The second pass corrects the rounding of the first: the mean of equal numbers is that number.
    near = c.mean(x)
    rest = x - near
    return near + c.mean(rest), c.mean(rest * rest)


def _layer_norm(c, x, weight, bias, eps):
    mean, variance = _mean_and_variance(c, x)
    rstd = _rsqrt(c, variance + eps)
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


def _batch_norm(c, x, weight, bias, eps):
    mean, variance = _mean_and_variance(c, x)
    rstd = _rsqrt(c, variance + eps)
    return (x - mean) * (rstd * c.fixed(weight)) + c.fixed(bias), mean, rstd, variance


def _batch_norm_backward(c, grad, x, mean, rstd, weight, count):
    centred, rstd, count = x - c.fixed(mean), c.fixed(rstd), c.fixed(count)
    total, product = c.sum(grad), c.dot(grad, centred)
    slope = product * (rstd * rstd) / count
    return (grad - total / count - centred * slope) * (rstd * c.fixed(weight)), product * rstd, total


# ---- classification losses: `target` is the number of the right class ----


def _target(c, target, ignore):
    """(number of the right class, does the row count?)"""
    target = c.cast(c.fixed(target), I64)
    return target, target.ne(c.cast(ignore, I64))


def _nll(c, logp, target, weight, ignore):
    target, counts = _target(c, target, ignore)
    weight = weight + c.zero()
    return 0 - c.gather(logp * weight, target, counts), c.gather(weight, target, counts)


def _nll_backward(c, grad, target, weight, ignore):
    target, counts = _target(c, target, ignore)
    return c.select(c.index().eq(target) & counts, 0 - c.fixed(grad) * weight, 0)


def _cross_entropy(c, x, target, weight, ignore):
    target, counts = _target(c, target, ignore)
    shifted, _, total, top = _shifted(c, x)
    log_total = c.apply(m.log, total)
    w = c.gather(weight + c.zero(), target, counts)
    loss = c.select(w.eq(0), 0, (log_total - c.gather(shifted, target, counts)) * w)   # an ignored row is 0 even where it is not finite
    return loss, top + log_total, w


def _cross_entropy_backward(c, grad, x, lse, target, weight, ignore):
    target, counts = _target(c, target, ignore)
    g = c.fixed(grad) * c.gather(weight + c.zero(), target, counts)
    p = c.apply(m.exp, x - c.fixed(lse))
    return c.select(counts, g * (p - c.select(c.index().eq(target), 1, c.zero())), 0)


# ---- others ----


def _gather(c, x, index):
    return c.gather(x, c.cast(c.fixed(index), I64), c.constant(True, BOOL))


ROWS = [
    RowKernel("softmax", 1, _softmax, aten=(Aten("_softmax"),), doc="args: x"),
    RowKernel("log_softmax", 1, _log_softmax, aten=(Aten("_log_softmax"),), doc="args: x"),
    RowKernel("softmax_backward", 2, _softmax_backward, aten=(Aten("_softmax_backward_data"),), doc="args: grad, output"),
    RowKernel("log_softmax_backward", 2, _log_softmax_backward, aten=(Aten("_log_softmax_backward_data"),), doc="args: grad, output"),
    RowKernel("layer_norm", 4, _layer_norm, 3, doc="args: x, weight, bias, eps; results: y, mean, rstd"),
    RowKernel("layer_norm_backward_input", 5, _layer_norm_backward_input, doc="args: grad, x, mean, rstd, weight"),
    RowKernel("rms_norm", 3, _rms_norm, 2, doc="args: x, weight, eps; results: y, rstd"),
    RowKernel("rms_norm_backward_input", 4, _rms_norm_backward_input, doc="args: grad, x, rstd, weight"),
    RowKernel("batch_norm", 4, _batch_norm, 4, doc="args: x (a row holds the elements of one channel), weight, bias, eps; "
                                                   "results: y, mean, rstd, variance"),
    RowKernel("batch_norm_backward", 6, _batch_norm_backward, 3,
              doc="args: grad, x, mean, rstd, weight, elements of a row; results: gradients of x, weight and bias"),
    RowKernel("nll_row", 4, _nll, 2, doc="args: log-probabilities, target, class weights, ignored class; "
                                         "results per row: weighted loss, weight"),
    RowKernel("nll_row_backward", 4, _nll_backward, doc="args: gradient of the row's loss, target, class weights, ignored class"),
    RowKernel("cross_entropy_row", 4, _cross_entropy, 3, doc="args: logits, target, class weights, ignored class; "
                                                             "results per row: weighted loss, logsumexp, weight"),
    RowKernel("cross_entropy_row_backward", 6, _cross_entropy_backward,
              doc="args: gradient of the row's loss, logits, logsumexp, target, class weights, ignored class"),
    RowKernel("gather_row", 2, _gather, doc="args: x, a position in the row; result per row: x there"),
]
