"""Corrections of torch behaviour that has no extension point.

Each correction says what is wrong without it. tests/torch/test_patches.py fails when torch no longer needs one, so that
it can be removed.
"""

from __future__ import annotations

import threading

import torch

from . import _C, multiprocessing

NAME = "hologram"
_applied = False
originals: dict[str, object] = {}


def apply() -> None:
    """Applies every correction. Idempotent."""
    global _applied
    if not _applied:
        _dlpack_device()
        _share_memory()
        multiprocessing.register()
        _applied = True


def _dlpack_device() -> None:
    # torch compares the device's name with the literal "privateuse1", which a renamed device does not have any more:
    # torch.from_dlpack(tensor) raises "Unknown device type hologram".
    original = originals["__dlpack_device__"] = torch.Tensor.__dlpack_device__

    def __dlpack_device__(self):
        if self.device.type == NAME:
            from torch.utils.dlpack import DLDeviceType

            return DLDeviceType.kDLExtDev, self.get_device()
        return original(self)

    torch.Tensor.__dlpack_device__ = __dlpack_device__


def _share_memory() -> None:
    # torch takes every storage that is not on the CPU for shared already: share_memory_() does nothing, is_shared() says
    # True, and processes that were promised shared weights train copies of their own.
    storage = torch.UntypedStorage
    share = originals["share_memory_"] = storage.share_memory_
    is_shared = originals["is_shared"] = storage.is_shared
    lock = threading.Lock()

    def share_memory_(self, *args, **kwargs):
        if self.device.type != NAME:
            return share(self, *args, **kwargs)
        with lock:
            multiprocessing.shared_host_storage(self)
        return self

    def storage_is_shared(self):
        if self.device.type != NAME:
            return is_shared(self)
        host = _C.host_storage_of(self)
        return host is not None and host.is_shared()

    storage.share_memory_ = share_memory_
    storage.is_shared = storage_is_shared
