"""Tensors and buffers over the same memory.

A tensor on the CPU, a tensor on `hologram` and a Buffer of `hologram_core` are three views of ordinary memory: each turns into
each without a copy. Buffers over tensors run ops when they are called, because the tensor's owner may look at any time.
"""

from __future__ import annotations

import torch

from hologram_core import Buffer, Executor, HologramTensor
from hologram_core.errors import InvalidType, InvalidValue

from . import NAME


def validate_tensor_compatible(tensor) -> None:
    """Raises unless the tensor can be seen as a Buffer: dense, contiguous, on the CPU or on hologram."""
    if not isinstance(tensor, torch.Tensor):
        raise InvalidType(f"hologram.validate_tensor_compatible: a tensor is needed, not {type(tensor).__name__}.")
    if tensor.device.type not in ("cpu", NAME):
        raise InvalidValue(f"hologram.validate_tensor_compatible: the tensor is on {tensor.device}. Move it to 'cpu' or '{NAME}'.")
    if tensor.layout is not torch.strided or tensor.is_complex() or tensor.is_quantized:
        raise InvalidValue(f"hologram.validate_tensor_compatible: {tensor.dtype} tensors with layout {tensor.layout} are not supported.")
    if not tensor.is_contiguous():
        raise InvalidValue("hologram.validate_tensor_compatible: the tensor is not contiguous. Call tensor.contiguous().")


def tensor_to_buffer(executor: Executor, tensor: torch.Tensor):
    """(a Buffer over the tensor's memory, the tensor it shares it with). Nothing is copied."""
    validate_tensor_compatible(tensor)
    plain = tensor.detach()
    return executor.wrap(plain), plain


def buffer_to_tensor(buffer: Buffer, shape=None) -> torch.Tensor:
    """A CPU tensor over the buffer's memory. Nothing is copied."""
    shape = (buffer.length,) if shape is None else tuple(shape)
    count = 1
    for size in shape:
        count *= size
    if count != buffer.length:
        raise InvalidValue(f"hologram.buffer_to_tensor: the shape {shape} has {count} elements, the buffer {buffer.length}.")
    return torch.from_dlpack(buffer).view(shape)


def create_executor_for_tensor(tensor: torch.Tensor) -> Executor:
    """An executor on the backend that holds the tensor's memory."""
    if tensor.device.type not in ("cpu", NAME):
        raise InvalidValue(f"hologram.create_executor_for_tensor: the tensor is on {tensor.device}. Move it to 'cpu' or '{NAME}'.")
    if tensor.device.type == "cpu":
        return Executor("cpu")
    from . import _C

    return Executor(_C.backend_of(tensor))


def match_device(tensor: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """`tensor` on the device of `other`; between the CPU and hologram its memory is shared, not copied."""
    from . import bridge

    if tensor.device == other.device:
        return tensor
    if {tensor.device.type, other.device.type} == {"cpu", NAME}:
        return bridge.to_device(tensor) if other.device.type == NAME else bridge.to_host(tensor)
    return tensor.to(other.device)


# ---- the documents' helper functions ----

def hologram_randn(shape, dtype=torch.float32) -> HologramTensor:
    """Normally distributed numbers as a HologramTensor."""
    return HologramTensor.from_dlpack(torch.randn(shape, dtype=dtype))


def hologram_tensor(data, dtype=torch.float32) -> HologramTensor:
    """Data as a HologramTensor."""
    return HologramTensor.from_dlpack(torch.tensor(data, dtype=dtype))


def to_pytorch(tensor: HologramTensor) -> torch.Tensor:
    """A CPU tensor over its memory."""
    return torch.from_dlpack(tensor)
