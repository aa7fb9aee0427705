"""Kernels from their text: the fake compiles what newLibraryWithSource gets (FAKE_METAL_COMPILE=1) and runs it on gpuAddresses."""

import os

import pytest
import torch

DEVICE = "hologram"
OPS = {
    "map": lambda x, y: (x * y + 1.5).sigmoid() - y,
    "broadcast": lambda x, y: x + y[:1] * y[:, :1],
    "row sum": lambda x, y: (x * y).sum(1),
    "column": lambda x, y: x.amax(0),
    "softmax": lambda x, y: x.softmax(-1),
    "half": lambda x, y: (x.half() * y.half()).float(),
    "scan": lambda x, y: x.cumsum(1),
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


def test_random_numbers():
    torch.manual_seed(4)
    got = torch.rand(50, device=DEVICE).cpu()
    import hologram_torch

    hologram_torch.set_backend("cpu")
    torch.manual_seed(4)
    expected = torch.rand(50, device=DEVICE).cpu()
    hologram_torch.set_backend("metal")
    assert torch.equal(got, expected)
