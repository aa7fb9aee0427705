"""`accelerator="hologram"` for Lightning and Fabric, under both of their packages' names, made when a program imports them.

Their registries take accelerators of others; what an accelerator that they do not know is given in the next step (a strategy for the CPU,
autocast for CUDA) is corrected. `accelerator="auto"` stays what it is without hologram.
"""

from __future__ import annotations

import functools
import types
from typing import Any

import torch

NAME = "hologram"


def indices(devices: int | str | list[int]) -> list[int]:
    """The indices of the devices that `devices` asks for, one for each process. Where the host has the device's memory there is one device,
    which all processes of this machine use. Raises ValueError for an index or a number that is not there."""
    from . import _C, device

    count = device.device_count()
    wanted: int | list[int]
    if isinstance(devices, str):
        wanted = [int(part) for part in devices.split(",") if part] if "," in devices else -1 if devices == "auto" else int(devices)
    else:
        wanted = devices
    if isinstance(wanted, int):
        number = count if wanted == -1 else wanted
        wanted = [i % count if _C.reads_host_memory() else i for i in range(number)]
    if not wanted or not all(0 <= i < count for i in wanted):
        raise ValueError(f"hologram: devices={devices!r}, and there are {count}. Ask for 1 to {count} of them, or for 'auto'.")
    return list(wanted)


def register(module: types.ModuleType) -> None:
    registry = getattr(module, "ACCELERATOR_REGISTRY", None)
    if registry is None:
        registry = module.AcceleratorRegistry      # lightning.pytorch has one of its own

    class HologramAccelerator(module.Accelerator):      # type: ignore[name-defined]
        """hologram's device. `devices=n` starts n processes, which share it where its memory is the host's."""

        def setup_device(self, device: torch.device) -> None:
            if device.type != NAME:
                raise ValueError(f"hologram: the accelerator 'hologram' was given {device}. Give it torch.device('hologram').")
            torch.hologram.set_device(device)

        def teardown(self) -> None:
            torch.hologram.empty_cache()

        def get_device_stats(self, device) -> dict[str, Any]:
            return torch.hologram.memory_stats(device)

        @staticmethod
        def parse_devices(devices):
            return indices(devices)

        @staticmethod
        def get_parallel_devices(devices) -> list[torch.device]:
            return [torch.device(NAME, i) for i in devices]

        @staticmethod
        def auto_device_count() -> int:
            return torch.hologram.device_count()

        @staticmethod
        def is_available() -> bool:
            return torch.hologram.is_available()

        @staticmethod
        def name() -> str:
            return NAME

    HologramAccelerator.__module__ = __name__
    registry.register(NAME, HologramAccelerator, description="torch.device('hologram')")


def connect(module: types.ModuleType) -> None:
    # An accelerator that is not listed has the strategy of one CPU device, and autocast and a scaler for CUDA.
    connector = next(found for name, found in vars(module).items() if name in ("_Connector", "_AcceleratorConnector"))
    strategy, precision = connector._choose_strategy, connector._check_and_init_precision

    @functools.wraps(strategy)
    def _choose_strategy(self):
        found = strategy(self)
        ours = self.accelerator.name() == NAME and isinstance(found, module.SingleDeviceStrategy)
        return module.SingleDeviceStrategy(device=self._parallel_devices[0]) if ours else found

    @functools.wraps(precision)
    def _check_and_init_precision(self):
        found = precision(self)
        listed = self.accelerator.name() != NAME or type(found) is not module.MixedPrecision or found.device == NAME
        given = getattr(self, "_precision_plugin_flag", None) or getattr(self, "_precision_instance", None)
        return found if listed or found is given else module.MixedPrecision(found.precision, NAME)

    connector._choose_strategy, connector._check_and_init_precision = _choose_strategy, _check_and_init_precision


def without_cuda_streams(module: types.ModuleType) -> None:
    # DistributedDataParallel is given the index of every device but the CPU, and is then made on a stream of CUDA's.
    strategy = module.DDPStrategy
    name = next(name for name in ("determine_ddp_device_ids", "_determine_ddp_device_ids") if hasattr(strategy, name))
    original = getattr(strategy, name)

    @functools.wraps(original)
    def device_ids(self):
        return None if self.root_device.type == NAME else original(self)

    setattr(strategy, name, device_ids)
