"""`torch.hologram.memory`: what torch.cuda.memory has, of this device's pools."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import torch

from hologram_core import _runtime
from hologram_core.config import config

from . import _C
from .device import (  # noqa: F401  (part of torch.hologram.memory)
    _Device,
    _index,
    empty_cache,
    max_memory_allocated,
    max_memory_reserved,
    mem_get_info,
    memory_allocated,
    memory_reserved,
    memory_stats,
    memory_summary,
    reset_accumulated_memory_stats,
    reset_peak_memory_stats,
)


def _nested(flat: dict[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for key, value in flat.items():
        *path, last = key.split(".")
        inner = nested
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return nested


def memory_stats_as_nested_dict(device: _Device = None) -> dict[str, Any]:
    """memory_stats() with a dictionary for each part of its names: stats["allocated_bytes"]["all"]["current"]."""
    return _nested(memory_stats(device))


def host_memory_stats() -> dict[str, Any]:
    """Counters of pinned host memory, in bytes and microseconds. On the CPU backend any host memory is reachable; this counts what was
    asked for as pinned."""
    return OrderedDict(sorted(_C.host_memory_stats().items()))


def host_memory_stats_as_nested_dict() -> dict[str, Any]:
    """host_memory_stats() with a dictionary for each part of its names."""
    return _nested(host_memory_stats())


def reset_peak_host_memory_stats() -> None:
    """From now on, peaks of pinned host memory are those of what comes."""
    _C.reset_host_memory_stats(True)


def reset_accumulated_host_memory_stats() -> None:
    """Sets the counters of all pinned host memory that was allocated and freed to 0."""
    _C.reset_host_memory_stats(False)


_fraction = 1.0


def set_per_process_memory_fraction(fraction: float, device: _Device = None) -> None:
    """Limits the memory that the pools may hold to `fraction` of all there is, from more than 0 to 1; what is allocated beyond it raises
    torch.OutOfMemoryError. It replaces HOLOGRAM_MEMORY_LIMIT, and holds for all devices of this process."""
    global _fraction
    _index(device)
    if not isinstance(fraction, (int, float)):
        raise TypeError(f"hologram.set_per_process_memory_fraction: the fraction is a number, not {type(fraction).__name__}.")
    if not 0 < fraction <= 1:
        raise ValueError(f"hologram.set_per_process_memory_fraction: {fraction} is not above 0 and at most 1.")
    total = mem_get_info(device)[1]
    _runtime.configure(config.log, config.guard, 0 if fraction == 1 else max(1, int(total * fraction)))
    _fraction = float(fraction)


def get_per_process_memory_fraction(device: _Device = None) -> float:
    """The fraction set by set_per_process_memory_fraction, or that of HOLOGRAM_MEMORY_LIMIT; 1.0 without a limit."""
    if _fraction == 1.0 and config.memory_limit:
        return min(1.0, config.memory_limit / mem_get_info(device)[1])
    return _fraction


_handed_out: dict[int, torch.UntypedStorage] = {}


def caching_allocator_alloc(size: int, device: _Device = None, stream: torch.Stream | None = None) -> int:
    """Takes `size` bytes from the pools and returns their address, for kernels of others. Give it back by caching_allocator_delete.

    The stream is the current one, whatever `stream` says. Raises ValueError for a negative size."""
    if size < 0:
        raise ValueError(f"hologram.caching_allocator_alloc: {size} bytes. Ask for 0 or more.")
    storage = torch.UntypedStorage(max(1, size), device=torch.device("hologram", _index(device)))
    _handed_out[address := storage.data_ptr()] = storage
    return address


def caching_allocator_delete(mem_ptr: int) -> None:
    """Gives memory of caching_allocator_alloc back. Raises ValueError for an address that is not its."""
    if _handed_out.pop(mem_ptr, None) is None:
        raise ValueError(f"hologram.caching_allocator_delete: {mem_ptr:#x} is no address of caching_allocator_alloc, or was given back.")


def get_allocator_backend() -> str:
    """The name of the allocator: there is one."""
    return "hologram"


def device_memory_used(device: _Device = None) -> int:
    """Bytes of the device's memory in use, by all programs."""
    free, total = mem_get_info(device)
    return total - free


# Names of torch.mps.

def current_allocated_memory() -> int:
    """Bytes that tensors hold."""
    return memory_allocated()


def driver_allocated_memory() -> int:
    """Bytes that the pools have taken from the system."""
    return memory_reserved()


def recommended_max_memory() -> int:
    """Bytes that the pools may hold: the limit, where there is one, or all there are."""
    return int(mem_get_info()[1] * get_per_process_memory_fraction())


# Names that torch.cuda has kept from before they were called what they are now.

memory_cached = memory_reserved
max_memory_cached = max_memory_reserved
reset_max_memory_allocated = reset_max_memory_cached = reset_peak_memory_stats


def ipc_collect() -> None:
    """Nothing to do: memory that processes share is the host's, and goes with the last tensor on it."""
