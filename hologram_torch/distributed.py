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

import torch
import torch.distributed as dist
from torch.distributed import distributed_c10d as c10d

from . import _C, NAME
from .torch_release import RELEASE

Gloo: Any = getattr(c10d, "ProcessGroupGloo", None)     # some builds of torch have none


def create(of, options=None):
    """The backend "hologram" of a new group: gloo, for tensors of the CPU and of the device."""
    if not dist.is_gloo_available():
        raise RuntimeError("hologram.distributed: this build of torch has no gloo, over which the device's tensors travel. "
                           "Install one that has.")
    gloo = Gloo(of.store, of.group_rank, of.group_size, options=_options_of_gloo(of.timeout, of))
    gloo._set_sequence_number_for_group()
    return _C.distributed_backend(gloo)


def _options_of_gloo(timeout, of=None) -> Any:
    options = Gloo._Options()
    options._devices = [Gloo.create_default_device()]
    options._timeout = timeout
    if of is not None:
        options.group_name = of.group_id
        # A group that is split looks its ranks up here, wherever it is not the first of its process.
        options.global_ranks_in_group = list(of.global_ranks_in_group) or list(range(of.group_size))
    return options


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


_splits: dict[str, int] = {}       # by the name of the group


def split_group(original: Callable, *args, **kwargs) -> Any:
    """`split_group` of torch.distributed, which asks for a default group that is bound to an accelerator: ours has nothing to bind."""
    default = c10d._get_default_group()
    serves = _C.in_use() or any(device.type == NAME for device in default._device_types)
    if not serves or default.bound_device_id is not None or not dist.is_gloo_available():
        return original(*args, **kwargs)
    call = _signature(original).bind(*args, **kwargs)
    parent = call.arguments.get("parent_pg") or default
    _C.serve_process_group(parent)
    known = getattr(parent._get_backend(torch.device("cpu")), "options", None)
    if isinstance(known, Gloo._Options) and not known.global_ranks_in_group:
        # Of a default group that is not the first of its process gloo reads them, and they are not there: a segmentation fault.
        known.global_ranks_in_group = dist.get_process_group_ranks(parent)
    if call.arguments.get("pg_options") is None:
        # Those of gloo cannot be copied, as torch would, and a group writes its ranks into them.
        call.arguments["pg_options"] = _options_of_gloo(call.arguments.get("timeout") or c10d._get_default_timeout(dist.Backend("gloo")))
    # Gloo's parts meet under the name of their group. torch puts into it how many groups a rank is in, which may be another number on each.
    count = _splits[parent.group_name] = _splits.get(parent.group_name, 0) + 1
    named = c10d._process_group_name
    c10d._process_group_name = lambda ranks, **_: c10d.GroupName(f"{parent.group_name}:split{count}:{'_'.join(map(str, sorted(ranks)))}")
    default.bound_device_id = torch.device(NAME, 0)
    try:
        group = original(*call.args, **call.kwargs)
    finally:
        default.bound_device_id = None
        c10d._process_group_name = named
    if type(group) is dist.ProcessGroup:        # this rank is part of it
        group.bound_device_id = None
    return group
