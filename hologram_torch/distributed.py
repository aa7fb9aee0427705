"""torch.distributed on the device.

A process group that serves CPU tensors (gloo's, for instance) serves tensors of the device too, whether or not its backend was named:
from the first such tensor on they go through the group's own backend for the CPU, over the same memory (csrc/torch/distributed). The
name "hologram" stands for gloo with both kinds of tensors.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import torch.distributed as dist
from torch.distributed import distributed_c10d as c10d

from . import _C, NAME
from .torch_release import RELEASE


def create(store, rank: int, size: int, timeout):
    """The backend "hologram" of a new group: gloo, for tensors of the CPU and of the device."""
    if not dist.is_gloo_available():
        raise RuntimeError("hologram.distributed: this build of torch has no gloo, over which the device's tensors travel. "
                           "Install one that has.")
    gloo = c10d.ProcessGroupGloo(store, rank, size, timeout=timeout)
    gloo._set_sequence_number_for_group()
    return _C.distributed_backend(gloo)


@functools.cache
def _signature(function: Callable) -> inspect.Signature:
    return inspect.signature(function)


def new_group(original: Callable, *args, **kwargs) -> Any:
    """`_new_process_group_helper` of torch.distributed, for what it gets wrong about the device."""
    call = _signature(original).bind(*args, **kwargs)
    device = call.arguments.get("device_id")
    if ours := device is not None and device.type == NAME:
        # Groups of a bound device connect at once and are split as NCCL's are; there is nothing to bind here.
        call.arguments["device_id"] = None
    group, store = original(*call.args, **call.kwargs)
    if type(group) is not dist.ProcessGroup:
        return group, store
    backend = str(call.arguments["backend"]).lower()
    if RELEASE < (2, 14) and ":" in backend and "nccl" not in backend:
        # A backend of a plug-in, even one that is not used, leaves such a group without a default one.
        group._set_default_backend(dist.ProcessGroup.BackendType.GLOO if "gloo" in backend else dist.ProcessGroup.BackendType.CUSTOM)
    if ours:
        _C.serve_process_group(group)
    return group, store
