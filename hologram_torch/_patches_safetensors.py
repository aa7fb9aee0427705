"""Files of safetensors are opened for the device."""

from __future__ import annotations

import types

import torch

NAME = "hologram"


def number_of(device: object) -> object:
    """`device`, or its number if it is a device of ours: 'hologram', 'hologram:0', torch.device('hologram') -> 0."""
    if isinstance(device, str) and device.split(":")[0] == NAME:
        device = torch.device(device)
    if isinstance(device, torch.device) and device.type == NAME:
        from .device import current_device

        return current_device() if device.index is None else device.index
    return device


def opens_for_the_device(module: types.ModuleType) -> None:
    # safe_open has a list of names of devices, and says "device hologram is invalid" of others. It takes a number, too, which is that of
    # torch's accelerator: this device. safetensors.torch has the class under its own name.
    original = module.safe_open
    if isinstance(original, _Opens):
        return

    class safe_open(metaclass=_Opens):
        __doc__ = original.__doc__
        __module__ = original.__module__
        made = original

        def __new__(cls, filename, framework, device="cpu", **options):
            return original(filename, framework, number_of(device), **options)

    module.safe_open = safe_open


class _Opens(type):
    """The library's class admits no subclasses: one of this kind makes objects of it."""

    made: type

    def __instancecheck__(cls, obj: object) -> bool:
        return isinstance(obj, cls.made)
