"""The CUDA backend without a GPU: processes on a driver that is a fake (fake_driver.cpp)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.backends.cuda import fake

ROOT = Path(__file__).resolve().parents[3]

# What of the device's suite runs here: `make test-gpu-full` runs all of it.
SUITE = ["aten/test_storage.py", "device/test_device.py", "aten/test_delegate.py", "device/test_generator.py", "device/test_traps.py", "runtime/trace/test_pieces.py",
         "runtime/trace/test_recording_failures.py", "runtime/trace/test_interrupts.py", "device/test_patches.py",
         "device/test_multiprocessing.py::test_a_worker_that_returns_tensors_of_a_gpu_is_an_error_at_once",
         "device/test_multiprocessing.py::test_whoever_sends_a_tensor_of_a_gpu_or_waits_for_one_is_told"]

pytestmark = pytest.mark.skipif(sys.platform == "darwin" or os.environ.get("HOLOGRAM_BACKEND") == "cuda",
                                reason="Linux only; and once, not from inside itself")


def run(*what, **environment) -> None:
    done = subprocess.run([sys.executable, "-X", "faulthandler", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short", *what],
                          cwd=ROOT, env=fake.environment(**environment), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    assert " passed" in done.stdout


@pytest.mark.parametrize("checks", ["checks_driver.py", "checks_devices.py"])
def test_on_the_fake(checks):
    run(f"tests/backends/cuda/{checks}")


def test_torchs_cuda_kernels():
    run("tests/backends/cuda/checks_torch.py", "-p", "tests.backends.fakes.torch_device", FAKE_TORCH=fake.build_torch())


def test_the_devices_own_suite():
    run(*(f"tests/{name}" for name in SUITE))
