"""The modes of execution, for tests of what ops become together: outside the usual one each runs alone. And how much of the tests runs."""

import os

import pytest
import torch

import hologram_torch
from hologram_core.config import config

deferred = pytest.mark.skipif(not config.fusion or config.sync, reason="HOLOGRAM_FUSION=0 or HOLOGRAM_SYNC=1: ops run at once")


def host_only(reason: str):
    """Marks a test of what holds only where the host, and so NumPy, torch's CPU kernels and other processes, sees the device's
    memory. conftest.py leaves it out on other backends, and says so."""
    return pytest.mark.host_only(reason)


LONG = os.environ.get("HOLOGRAM_TEST_LONG") == "1"       # part of `make test-all`: what is long runs whole


def share(cases, one_in: int) -> list:
    """One in `one_in` of cases that chance alone has made, such as seeds, the same ones each time; all of them in `make test-all`."""
    return list(cases)[::1 if LONG else one_in]


HOST_MEMORY = hologram_torch._C.reads_host_memory()     # kernels of the device and the host share all memory
HOST_VISIBLE = hologram_torch._C.host_visible()         # the host sees the device's memory: torch's CPU kernels run on it
FLOAT64 = hologram_torch.get_backend() != "metal"       # the device computes in float64; else it refuses such tensors
WIDEST = torch.float64 if FLOAT64 else torch.float32

if hologram_torch.get_backend() == "cpu":
    DEVICE_COUNT = 1
elif "fakecuda" in os.environ.get("HOLOGRAM_CUDA_DRIVER", ""):
    DEVICE_COUNT = int(os.environ.get("FAKE_CUDA_DEVICES", 2))
else:
    DEVICE_COUNT = torch.hologram.device_count()
