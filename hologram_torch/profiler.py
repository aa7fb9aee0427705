"""`torch.hologram.profiler`: torch.profiler with the device's kernels in it, and what they are called there."""

from __future__ import annotations

import torch

from hologram_core.circuit.key import decode

__all__ = ["profile", "start", "stop"]

_LONGEST = 6      # as many ops are named; longer kernels say how many more there are


def profile(**options) -> torch.profiler.profile:
    """torch.profiler.profile(**options), with the device's kernels beside the host's ops. A context manager.

    Each kernel is a row, named by the ops that it holds ("add > mul > relu"), on a track of its own. What is still recorded at the end runs
    then. With `profile_memory=True` the pools' memory is counted as the device's."""
    activities = options.pop("activities", [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.PrivateUse1])
    return torch.profiler.profile(activities=activities, **options)


_running: list[torch.profiler.profile] = []


def start(**options) -> None:
    """Starts a profile, which stop() returns. Raises RuntimeError if one runs."""
    if _running:
        raise RuntimeError("hologram.profiler.start: a profile runs already. Call torch.hologram.profiler.stop() first.")
    run = profile(**options)
    run.start()
    _running.append(run)


def stop() -> torch.profiler.profile:
    """Ends the profile of start() and returns it. Raises RuntimeError if none runs."""
    if not _running:
        raise RuntimeError("hologram.profiler.stop: no profile runs. Call torch.hologram.profiler.start() first.")
    run = _running.pop()
    run.stop()
    return run


def kernel_name(key: bytes) -> str:
    """The ops of a kernel: 'add > mul > relu'."""
    names = [node.name for node in decode(key).nodes]
    more = len(names) - _LONGEST
    return " > ".join(names[:_LONGEST]) + (f" > {more} more" if more > 0 else "") if names else "copy"
