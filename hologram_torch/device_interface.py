"""The device as torch._dynamo and torch._inductor ask for it: a DeviceInterface, registered when torch imports its own."""

from __future__ import annotations

from typing import Any

import torch
from torch._dynamo.device_interface import (
    DeviceInterface,
    caching_worker_current_devices,
    caching_worker_device_properties,
    register_interface_for_device,
)

from hologram_core.backend import infos

from . import _C, NAME
from . import device as torch_hologram


class HologramInterface(DeviceInterface):
    """What torch.hologram says, under the names that torch's compilers use."""

    device: Any = torch_hologram.device
    Event: Any = torch.Event
    Stream: Any = torch.Stream

    class Worker:
        """For processes that compile: they are told what the main one has found."""

        @staticmethod
        def set_device(device: int) -> None:
            caching_worker_current_devices[NAME] = device

        @staticmethod
        def current_device() -> int:
            return caching_worker_current_devices.get(NAME, torch_hologram.current_device())

        @staticmethod
        def get_device_properties(device: Any = None) -> Any:
            return _properties(device)

    current_device = staticmethod(torch_hologram.current_device)
    set_device = staticmethod(torch_hologram.set_device)
    device_count = staticmethod(torch_hologram.device_count)
    exchange_device = staticmethod(torch_hologram.exchange_device)
    maybe_exchange_device = staticmethod(torch_hologram.maybe_exchange_device)
    stream = staticmethod(torch_hologram.stream)
    current_stream: Any = staticmethod(torch_hologram.current_stream)
    set_stream = staticmethod(torch_hologram.set_stream)
    synchronize = staticmethod(torch_hologram.synchronize)
    memory_allocated = staticmethod(torch_hologram.memory_allocated)
    is_bf16_supported = staticmethod(torch_hologram.is_bf16_supported)

    @staticmethod
    def is_available() -> bool:
        """Does the process use the device? The properties of all devices that say so are read by each program that compiles, those
        of programs on CPU tensors too, and asking for ours opens the device."""
        return _C.in_use() and torch_hologram.is_available()

    @staticmethod
    def _set_stream_by_id(stream_id: int, device_index: int, device_type: int) -> None:
        torch_hologram.set_stream(torch.Stream(stream_id=stream_id, device_index=device_index, device_type=device_type))

    @staticmethod
    def get_raw_stream(device_idx: int) -> int:
        return torch_hologram.current_stream(device_idx).stream_id

    @staticmethod
    def get_compute_capability(device: Any = None) -> str:
        return _C.get_backend()

    @classmethod
    def is_dtype_supported(cls, dtype: torch.dtype, including_emulation: bool = False) -> bool:
        return dtype not in (torch.float64, torch.complex128) or infos()[_C.get_backend()].has_float64


def _properties(of: Any) -> Any:
    if NAME not in caching_worker_device_properties:
        caching_worker_device_properties[NAME] = [torch_hologram.get_device_properties(i) for i in range(torch_hologram.device_count())]
    index = HologramInterface.Worker.current_device() if of is None else torch_hologram._index(of)
    return caching_worker_device_properties[NAME][index]


def register() -> None:
    """Idempotent."""
    register_interface_for_device(NAME, HologramInterface)
