"""Metal without a Mac (fake_metal.cpp): building it, and asking it what happened."""

import os
from pathlib import Path

from tests.backends.fakes import build as fakes

_HERE = Path(__file__).parent
_STUB = _HERE.parents[1] / "compiler" / "metal_stub"


def build() -> str:
    """Path of the library."""
    return fakes.build("metal", _HERE / "fake_metal.cpp", f'-DFAKE_METAL_STUB="{_STUB}"')


def build_torch() -> str:
    """Path of an extension that gives this torch an MPS device (torch_mps.cpp)."""
    return fakes.build_torch("mps", _HERE / "torch_mps.cpp")


def environment(**more) -> dict:
    """What a process needs in order to run on the fake."""
    return {**os.environ, "HOLOGRAM_BACKEND": "metal", "HOLOGRAM_METAL_DRIVER": build(), **more}


def driver() -> fakes.Driver:
    """Metal in this process. Calls are named by their selectors, live objects by their classes."""
    return fakes.Driver("HOLOGRAM_METAL_DRIVER")
