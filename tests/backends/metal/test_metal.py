"""The Metal backend without a Mac: processes on a Metal that is a fake (fake_metal.cpp)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.backends.metal import fake

ROOT = Path(__file__).resolve().parents[3]

# What of the device's suite runs here; `make test-gpu-full` runs all of it.
# Tests that name float64 and meet Metal's refusal of it are left out (refusals.py).
SUITE = ["aten/test_storage.py", "device/test_device.py", "aten/test_delegate.py", "device/test_generator.py", "device/test_traps.py", "device/test_patches.py"]

pytestmark = pytest.mark.skipif(sys.platform == "darwin" or os.environ.get("HOLOGRAM_BACKEND") in ("cuda", "metal"),
                                reason="Linux only; and once, not from inside itself")


def run(*what, **env) -> None:
    done = subprocess.run([sys.executable, "-X", "faulthandler", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short", *what],
                          cwd=ROOT, env={**fake.environment(), **env}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    assert " passed" in done.stdout


def test_what_metal_is_asked():
    run("tests/backends/metal/checks_calls.py")


def test_what_torch_computes_in_float64():
    run("tests/backends/metal/checks_float64.py")


def test_values_and_waits():
    run("tests/backends/metal/checks_values.py")


@pytest.mark.parametrize("mode", ["HOLOGRAM_FUSION", "HOLOGRAM_SYNC"])
@pytest.mark.long
def test_values_and_waits_in_the_other_modes(mode):
    run("tests/backends/metal/checks_values.py", **{mode: "0" if mode == "HOLOGRAM_FUSION" else "1"})


def test_torchs_mps_kernels():
    run("tests/backends/metal/checks_mps.py", "-p", "tests.backends.fakes.torch_device", FAKE_TORCH=fake.build_torch())


def test_kernels_from_their_text():
    run("tests/backends/metal/checks_text.py", FAKE_METAL_COMPILE="1")


def test_the_devices_own_suite():
    run(*(f"tests/{name}" for name in SUITE), HOLOGRAM_METAL_DRIVER="fake")
