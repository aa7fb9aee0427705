"""CPU tensors on the device and back, over the same memory (by copies where the device is a GPU), with gradients.

The two tensors have version counters of their own. So the crossing keeps what it was given (`save_for_backward`): if a
tensor that a gradient needs has been changed since, backward raises what it raises on the CPU.
"""

from __future__ import annotations

import torch

from hologram_core import HologramTensor

from . import _C, NAME, backend, device


def _alias_on_device(tensor: torch.Tensor) -> torch.Tensor:
    storage = _C.storage_over(tensor.untyped_storage(), device.current_device())
    alias = torch.empty(0, dtype=tensor.dtype, device=NAME)
    return alias.set_(storage, tensor.storage_offset(), tensor.size(), tensor.stride())


def alias_on_host(tensor: torch.Tensor) -> torch.Tensor:
    """A CPU tensor over the memory of a device tensor, which the host must see. What is recorded on it runs first."""
    if tensor.is_complex():      # the core has no such type
        return torch.view_as_complex(alias_on_host(torch.view_as_real(tensor.detach())))
    return torch.from_dlpack(HologramTensor.from_dlpack(tensor.detach()))


class _ToDevice(torch.autograd.Function):
    @staticmethod
    def forward(ctx, tensor, keep):
        ctx.save_for_backward(*(tensor,) if keep else ())
        return _alias_on_device(tensor.detach())

    @staticmethod
    def backward(ctx, grad):
        _ = ctx.saved_tensors      # raises where it was changed
        return _ToHost.apply(grad), None


class _ToHost(torch.autograd.Function):
    @staticmethod
    def forward(ctx, tensor):
        return alias_on_host(tensor)

    @staticmethod
    def backward(ctx, grad):
        return _ToDevice.apply(grad, False)


def to_device(tensor: torch.Tensor, keep: bool = False) -> torch.Tensor:
    """The tensor on hologram. `keep`: a gradient will need its values as they are now."""
    if not _C.reads_host_memory():
        return tensor.to(NAME)      # a GPU has memory of its own
    return tensor if tensor.device.type == NAME else _ToDevice.apply(tensor, keep)


def to_host(tensor: torch.Tensor) -> torch.Tensor:
    if tensor.device.type == NAME and not backend.of(tensor).reads_host_memory:
        return tensor.cpu()
    return _ToHost.apply(tensor) if tensor.device.type == NAME else tensor
