"""Kernels from their text: the fake compiles what newLibraryWithSource gets (FAKE_METAL_COMPILE=1) and runs it on gpuAddresses."""

import os

import pytest
import torch

import hologram_torch

DEVICE = "hologram"
OPS = {
    "map": lambda x, y: (x * y + 1.5).sigmoid() - y,
    "broadcast": lambda x, y: x + y[:1] * y[:, :1],
    "row sum": lambda x, y: (x * y).sum(1),
    "column": lambda x, y: x.amax(0),
    "softmax": lambda x, y: x.softmax(-1),
    "half": lambda x, y: (x.half() * y.half()).float(),
    "scan": lambda x, y: x.cumsum(1),
    "doubles inside": lambda x, y: x.sigmoid().cumprod(1),
}


@pytest.mark.parametrize("name", OPS)
def test_values(name):
    assert os.environ["FAKE_METAL_COMPILE"] == "1"
    torch.manual_seed(1)
    x, y = torch.randn(6, 70), torch.randn(6, 70)
    torch.testing.assert_close(OPS[name](x.to(DEVICE), y.to(DEVICE)).cpu(), OPS[name](x, y), rtol=1e-5, atol=1e-5)


def test_many_records():
    params = [torch.zeros(n, device=DEVICE) for n in range(1, 12)]
    torch._foreach_add_(params, 1.5)
    assert [p.tolist() for p in params] == [[1.5] * n for n in range(1, 12)]


@pytest.mark.parametrize("draw", [lambda x: x.uniform_(), lambda x: x.normal_(), lambda x: x.bernoulli_(0.3), lambda x: x.geometric_(0.2)])
def test_random_numbers(draw):
    results = []
    for backend in ("cpu", "metal"):
        hologram_torch.set_backend(backend)
        torch.manual_seed(4)
        results.append(draw(torch.empty(50, device=DEVICE)).cpu())
    torch.testing.assert_close(*results, rtol=1e-6, atol=1e-6)


def test_fused_adam_with_its_doubles():
    results = []
    for backend in ("cpu", "metal"):
        hologram_torch.set_backend(backend)
        p = torch.linspace(-1, 1, 40).to(DEVICE).requires_grad_()
        optimizer = torch.optim.Adam([p], lr=0.1, fused=True)
        for _ in range(3):
            (p * p).sum().backward()
            optimizer.step()
            optimizer.zero_grad()
        results.append(p.detach().cpu())
    torch.testing.assert_close(*results, rtol=1e-6, atol=1e-7)
