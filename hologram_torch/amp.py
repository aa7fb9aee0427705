"""`torch.hologram.amp`: torch.amp with this device filled in, as torch.cuda.amp is for its."""

from __future__ import annotations

import functools

import torch

NAME = "hologram"


def autocast(enabled: bool = True, dtype: torch.dtype | None = None, cache_enabled: bool = True) -> torch.autocast:
    """torch.autocast("hologram", ...); a context manager and a decorator. `dtype` is torch.bfloat16 if none is given."""
    return torch.autocast(NAME, enabled=enabled, dtype=dtype, cache_enabled=cache_enabled)


class GradScaler(torch.amp.GradScaler):
    """torch.amp.GradScaler("hologram", ...). Gradients in bfloat16, the default of autocast here, need no scaling."""

    def __init__(self, *args, **kwargs):
        super().__init__(NAME, *args, **kwargs)


custom_fwd = functools.partial(torch.amp.custom_fwd, device_type=NAME)
custom_bwd = functools.partial(torch.amp.custom_bwd, device_type=NAME)


def amp_definitely_not_available() -> bool:
    return False
