"""Tensors of the device in other processes.

As on the CPU, sending a tensor moves its storage into shared memory, once; both processes then see the same bytes. The
shared memory is that of a CPU storage, which torch knows how to send. A GPU's memory is not shared: sending it is an error.
"""

from __future__ import annotations

import threading
from multiprocessing.reduction import ForkingPickler

import torch
from torch.multiprocessing import reductions

from . import _C


def shared_host_storage(storage: torch.UntypedStorage) -> torch.UntypedStorage:
    """The CPU storage in shared memory that `storage` lies in; moves `storage` into a new one when there is none."""
    host = _C.host_storage_of(storage)
    if host is None or not host.is_shared():
        host = torch.UntypedStorage(storage.nbytes())
        host.share_memory_()
        _C.move_into(storage, host)
    return host


def _rebuild(host: torch.UntypedStorage, device: int) -> torch.UntypedStorage:
    return _C.storage_over(host, device)


def _rebuild_empty(device: int) -> torch.UntypedStorage:
    return torch.UntypedStorage(0, device=torch.device("hologram", device))


def _refuse(text: str):
    raise NotImplementedError(text)


def _reduce(storage: torch.UntypedStorage):
    if storage.device.type != "hologram":
        return reductions.reduce_storage(storage)
    if storage.nbytes() == 0:
        return _rebuild_empty, (storage.device.index,)
    try:
        return _rebuild, (shared_host_storage(storage), storage.device.index)
    except NotImplementedError as error:
        # A queue pickles in a thread whose errors are not seen, and its reader (a DataLoader) would wait in vain.
        if threading.current_thread().name == "QueueFeederThread":
            return _refuse, (str(error),)
        raise


def register() -> None:
    """Teaches the pickler of torch.multiprocessing about the device's storages."""
    ForkingPickler.register(torch.UntypedStorage, _reduce)
