"""torch.nn.functional on hologram's kernels, for tensors on the CPU and on hologram alike.

`op(executor, *tensors, ...)`. Tensors on the CPU are seen by the device where they are, without a copy, and so are results and
gradients on the way back: the kernels, the formulas of the gradients and the checks are the device's. The executor may be None;
one that was cleaned up is an error.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from hologram_core import _runtime
from hologram_core.errors import InvalidState, InvalidType, InvalidValue

from . import _C, NAME, bridge


def _run(name: str, executor, function, tensors, keep: bool = True) -> torch.Tensor:
    """`function(*tensors)` on the device; the result is on the device of the tensors. `keep`: its gradient needs them."""
    if executor is not None:
        if not isinstance(executor, _runtime.Executor):
            raise InvalidType(f"hologram.functional.{name}: the first argument is an Executor or None, not {type(executor).__name__}.")
        if executor.closed:
            raise InvalidState(f"hologram.functional.{name}: the executor was cleaned up. Make a new one.")
    given = [t for t in tensors if isinstance(t, torch.Tensor)]
    for tensor in given:
        if tensor.device.type not in ("cpu", NAME):
            raise InvalidValue(f"hologram.functional.{name}: a tensor is on {tensor.device}. Move it to 'cpu' or '{NAME}'.")
    devices = {t.device for t in given if t.dim() or len(given) == 1}
    if len(devices) > 1:
        raise InvalidValue(f"hologram.functional.{name}: tensors on {' and '.join(sorted(map(str, devices)))}. Use one device, or "
                           "hologram_torch.utils.match_device.")
    if not given:
        raise InvalidType(f"hologram.functional.{name}: no argument is a tensor.")
    device = next(iter(devices), given[0].device)
    if device.type == NAME or not _C.reads_host_memory():     # a GPU does not see CPU tensors: those stay PyTorch's
        return function(*tensors)
    return bridge.to_host(function(*(bridge.to_device(t, keep) if isinstance(t, torch.Tensor) else t for t in tensors)))


def _in_place(x: torch.Tensor, result: torch.Tensor) -> torch.Tensor:
    return x.copy_(result)


# ---- element by element ----

def add(executor, a, b, alpha=1):
    return _run("add", executor, lambda a, b: torch.add(a, b, alpha=alpha), (a, b), keep=False)


def sub(executor, a, b, alpha=1):
    return _run("sub", executor, lambda a, b: torch.sub(a, b, alpha=alpha), (a, b), keep=False)


def mul(executor, a, b):
    return _run("mul", executor, torch.mul, (a, b))


def div(executor, a, b):
    return _run("div", executor, torch.div, (a, b))


def minimum(executor, a, b):
    return _run("minimum", executor, torch.minimum, (a, b))


def maximum(executor, a, b):
    return _run("maximum", executor, torch.maximum, (a, b))


def neg(executor, x):
    return _run("neg", executor, torch.neg, (x,), keep=False)


def abs(executor, x):
    return _run("abs", executor, torch.abs, (x,))


def relu(executor, x, inplace: bool = False):
    result = _run("relu", executor, torch.relu, (x,), keep=False)
    return _in_place(x, result) if inplace else result


def sigmoid(executor, x):
    return _run("sigmoid", executor, torch.sigmoid, (x,), keep=False)


def tanh(executor, x):
    return _run("tanh", executor, torch.tanh, (x,), keep=False)


def gelu(executor, x, approximate: str = "none"):
    return _run("gelu", executor, lambda x: F.gelu(x, approximate=approximate), (x,))


def dropout(executor, x, p: float = 0.5, training: bool = True, inplace: bool = False):
    result = _run("dropout", executor, lambda x: F.dropout(x, p, training), (x,), keep=False)
    return _in_place(x, result) if inplace else result


# ---- along a dimension ----

def softmax(executor, x, dim=None, dtype=None):
    return _run("softmax", executor, lambda x: F.softmax(x, dim, _stacklevel=6, dtype=dtype), (x,), keep=False)


def log_softmax(executor, x, dim=None, dtype=None):
    return _run("log_softmax", executor, lambda x: F.log_softmax(x, dim, _stacklevel=6, dtype=dtype), (x,), keep=False)


def layer_norm(executor, x, normalized_shape, weight=None, bias=None, eps: float = 1e-5):
    return _run("layer_norm", executor, lambda x, w, b: F.layer_norm(x, normalized_shape, w, b, eps), (x, weight, bias))


# ---- matrices ----

def linear(executor, x, weight, bias=None):
    return _run("linear", executor, F.linear, (x, weight, bias))


def matmul(executor, a, b):
    return _run("matmul", executor, torch.matmul, (a, b))


# ---- losses ----

def mse_loss(executor, pred, target, reduction: str = "mean"):
    return _run("mse_loss", executor, lambda p, t: F.mse_loss(p, t, reduction=reduction), (pred, target))


def cross_entropy(executor, pred, target, weight=None, ignore_index: int = -100, reduction: str = "mean", label_smoothing: float = 0.0):
    """As torch's: logits, and classes or probabilities."""
    def loss(p, t, w):
        return F.cross_entropy(p, t, w, ignore_index=ignore_index, reduction=reduction, label_smoothing=label_smoothing)
    return _run("cross_entropy", executor, loss, (pred, target, weight))


def binary_cross_entropy(executor, pred, target, weight=None, reduction: str = "mean"):
    return _run("binary_cross_entropy", executor, lambda p, t, w: F.binary_cross_entropy(p, t, w, reduction=reduction),
                (pred, target, weight))
