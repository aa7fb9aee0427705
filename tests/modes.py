"""The modes of execution, for tests of what ops become together: outside the usual one each runs alone."""

import os

import pytest
import torch

import hologram_torch
from hologram_torch.torch_release import RELEASE

deferred = pytest.mark.skipif(not hologram_torch._C.records(),
                              reason="HOLOGRAM_FUSION=0, HOLOGRAM_SYNC=1 or torch before 2.13 (without HOLOGRAM_FUSION=force): ops run at once")


def since(major: int, minor: int, what: str):
    """Marks a test of `what`, which torch has from that release on."""
    return pytest.mark.skipif(RELEASE < (major, minor), reason=f"{what}: from torch {major}.{minor} on")


written_down = pytest.mark.skipif(RELEASE != (2, 13), reason="what is written down about torch's databases is of torch 2.13")


def host_only(reason: str):
    """Marks a test of what holds only where the host, and so NumPy, torch's CPU kernels and other processes, sees the device's
    memory. conftest.py leaves it out on other backends, and says so."""
    return pytest.mark.host_only(reason)


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
