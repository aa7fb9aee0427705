"""The CUDA driver without a GPU (fake_driver.cpp): building it, and asking it what happened."""

import os
from pathlib import Path

from tests.backends.fakes import build as fakes

INVALID_VALUE, OUT_OF_MEMORY, ILLEGAL_ADDRESS, LAUNCH_FAILED, SYSTEM_NOT_READY = 1, 2, 700, 719, 802


def build() -> str:
    """Path of the library."""
    return fakes.build("cuda", Path(__file__).with_name("fake_driver.cpp"))


def build_torch() -> str:
    """Path of an extension that gives this torch a CUDA device (torch_cuda.cpp)."""
    return fakes.build_torch("cuda", Path(__file__).with_name("torch_cuda.cpp"))


def environment(**more) -> dict:
    """What a process needs in order to run on the fake."""
    return {**os.environ, "HOLOGRAM_BACKEND": "cuda", "HOLOGRAM_CUDA_DRIVER": build(), **more}


class Driver(fakes.Driver):
    """The driver of this process, which HOLOGRAM_CUDA_DRIVER names. Live are 'allocations', 'pinned', 'events', 'modules',
    'streams' and 'contexts'."""

    def __init__(self):
        super().__init__("HOLOGRAM_CUDA_DRIVER")
