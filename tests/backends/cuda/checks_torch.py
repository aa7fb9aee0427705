"""torch's CUDA kernels on the device's memory: which run, on which stream, and whose memory results are."""

import gc

import pytest
import torch

from tests.backends.cuda import fake
from tests.backends.fakes.checks_torch import *  # noqa: F403
from tests.backends.fakes.checks_torch import DEVICE, check_convolutions, hologram, native

driver = fake.Driver()


def test_nothing_is_copied():
    a = torch.randn(64, 64, device=DEVICE)
    native.runs(lambda: (a @ a).sort().values.cpu(), mm=1, sort=1)
    assert not any(calls.get("host_copies") for name, calls in hologram.op_report().items() if name in ("mm", "sort"))


def test_results_are_freed_by_torchs_allocator():
    a = torch.randn(64, 64, device=DEVICE)
    (a @ a).sum().item()
    gc.collect()
    held = driver.live("allocations")
    b = a @ a
    assert driver.live("allocations") == held + 1
    assert torch.equal(b.cpu(), a.cpu() @ a.cpu())
    del b
    gc.collect()
    assert driver.live("allocations") == held


def test_random_numbers_follow_the_devices_generator():
    x = torch.ones(10, device=DEVICE)
    torch.manual_seed(3)
    first = native.runs(lambda: torch.multinomial(x, 5).tolist(), multinomial=1)
    torch.manual_seed(3)
    assert torch.multinomial(x, 5).tolist() == first
    assert any(torch.multinomial(x, 5).tolist() != first for _ in range(5))


def test_the_second_gpu():
    x = torch.randn(30, 30)
    a = x.to("hologram:1")
    got = native.runs(lambda: (a * 2) @ a, mm=1)
    assert got.device == torch.device("hologram", 1)
    torch.testing.assert_close((got + 1).cpu(), (x * 2) @ x + 1)


@pytest.mark.parametrize("dims", [1, 2])
def test_convolutions(dims):
    check_convolutions(dims, _slow_conv2d_forward=1, _slow_conv2d_backward=1)
