"""The modes of execution, for tests of what ops become together: outside the usual one each runs alone."""

import os

import pytest

import hologram_torch
from hologram_core.config import config

deferred = pytest.mark.skipif(not config.fusion or config.sync, reason="HOLOGRAM_FUSION=0 or HOLOGRAM_SYNC=1: ops run at once")

# Of the CPU backend: memory that the host, NumPy and other processes see, torch's CPU libraries without copies, one device.
cpu_backend = pytest.mark.skipif(hologram_torch.get_backend() != "cpu", reason="HOLOGRAM_BACKEND: this is about the CPU backend")
DEVICE_COUNT = 1 if hologram_torch.get_backend() == "cpu" else int(os.environ.get("FAKE_CUDA_DEVICES", 2))
