"""torch's MPS kernels on Metal's memory: which run, what they see, and in which order with the queue."""

import gc
import os

import pytest
import torch

import hologram_torch
from tests.backends.fakes import build as fakes
from tests.backends.fakes.checks_torch import *  # noqa: F403
from tests.backends.fakes.checks_torch import DEVICE, check_convolutions, hologram, native
from tests.backends.metal import fake
from tests.modes import deferred

metal = fake.driver()


@deferred
def test_nobody_waits():
    a, b = torch.ones(64, 64, device=DEVICE), torch.ones(64, 64, device=DEVICE)
    torch.mm(a, b)
    hologram.synchronize()
    waits = metal.count("waitUntilCompleted")
    product = native.runs(lambda: (a + 1) @ (b * 2), mm=1)
    result = product + 1
    hologram.current_stream().query()             # gives the queue what was recorded
    assert metal.count("waitUntilCompleted") == waits + 1   # the fake's kernel itself, which runs at once
    assert result.unique().tolist() == [257.0]


def test_memory_of_results_is_used_again_after_the_queue():
    x = torch.randn(256, 256, device=DEVICE)
    kept = []
    for _ in range(10):
        y = x @ x
        kept.append(y.sum())
        del y                                     # torch's allocator has it back while the sum may be under way
        z = torch.full((256, 256), 7.0, device="mps")
        del z
    expected = (x.cpu() @ x.cpu()).sum()
    torch.testing.assert_close(torch.stack(kept).cpu(), expected.expand(10), rtol=1e-4, atol=1e-2)


def test_results_own_their_memory():
    buffers = metal.live("MTLBuffer")
    results = [torch.eye(32, device=DEVICE) @ torch.eye(32, device=DEVICE) for _ in range(5)]
    assert all(torch.equal(r.cpu(), torch.eye(32)) for r in results)
    del results
    gc.collect()
    hologram.synchronize()
    again = [torch.eye(32, device=DEVICE) @ torch.eye(32, device=DEVICE) for _ in range(5)]
    assert len(again) == 5 and metal.live("MTLBuffer") <= buffers + 12


# ---- whose kernel ----

def test_random_numbers_are_drawn_by_the_cpu():
    native.runs(lambda: torch.multinomial(torch.ones(10, device=DEVICE), 3), multinomial=0)
    torch.manual_seed(3)
    got = torch.randperm(20, device=DEVICE).cpu()
    hologram_torch.set_backend("cpu")
    torch.manual_seed(3)
    expected = torch.randperm(20, device=DEVICE).cpu()
    hologram_torch.set_backend("metal")
    assert torch.equal(got, expected)


@pytest.mark.parametrize("name, call", [("mm", lambda x: x @ x.t()), ("convolution", lambda x: torch.conv1d(x[None], x[None, :, :3])),
                                        ("histc", lambda x: x.histc(7, -2, 2)), ("flip", lambda x: x.flip(1))])
def test_the_cpu_serves_what_mps_refuses(name, call):
    x = torch.randn(6, 9)
    expected = call(x * 2)
    with native.refusing(name):
        got = call(x.to(DEVICE) * 2)
        assert native.count(name) > 0
        torch.testing.assert_close((got + 1).cpu(), expected + 1)


def fresh(code: str, **environment) -> str:
    return fakes.python("from tests.backends.fakes.torch_device import native\nimport torch\n" + code, {**os.environ, **environment})


def test_it_can_be_switched_off():
    product = "a = torch.ones(4, 4, device='hologram')\nprint((a @ a).sum().item(), native.count())"
    assert fresh(product) == "64.0 1"
    assert fresh(product, HOLOGRAM_MPS="0") == "64.0 0"


def test_the_log_says_what_is_refused():
    code = """
import os
os.dup2(1, 2)
with native.refusing("mm"):
    a = torch.ones(4, 4, device="hologram")
    print((a @ a).sum().item())
"""
    told = fresh(code, HOLOGRAM_LOG="1")
    assert "torch's MPS refuses, its CPU kernel runs: fake: mm is refused" in told and told.endswith("64.0")


@pytest.mark.parametrize("dims", [1, 2])
def test_convolutions(dims):
    check_convolutions(dims, convolution=1, convolution_backward=1)
