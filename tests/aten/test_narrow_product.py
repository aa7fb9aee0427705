"""Products with two to four columns, which have a kernel of their own where the processor has AVX-512."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import hologram_torch
from tests.compare import DEVICE

needs_kernel = pytest.mark.skipif(torch.backends.cpu.get_cpu_capability() != "AVX512" or hologram_torch.get_backend() != "cpu",
                                  reason="the kernel is for processors with AVX-512")
SHAPES = [(16, 4, 32), (17, 4, 3), (31, 3, 64), (100, 2, 17), (256, 4, 32), (64, 4, 128), (33, 2, 2)]


def numbers(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape, np.float32))


def summed(a, w, start=None):
    """From the first term to the last, one rounding each; then what was there is added. In long doubles products are exact."""
    total = np.zeros((a.shape[0], w.shape[0]), np.float32)
    for t in range(a.shape[1]):
        product = a[:, t, None].numpy().astype(np.longdouble) * w[None, :, t].numpy().astype(np.longdouble)
        total = (product + total).astype(np.float32)
    return torch.from_numpy(total if start is None else total + start.numpy())


@needs_kernel
@pytest.mark.parametrize("m, n, k", SHAPES)
def test_terms_are_summed_in_order(m, n, k):
    a, w, bias = numbers(m, k), numbers(n, k, seed=1), numbers(n, seed=2)
    on = [t.to(DEVICE) for t in (a, w, bias)]
    assert torch.equal(F.linear(*on).cpu(), summed(a, w, bias)) and torch.equal(F.linear(*on[:2]).cpu(), summed(a, w))
    assert torch.equal((on[0] @ on[1].T).cpu(), summed(a, w))
    assert torch.equal(torch.addmm(on[2], on[0], on[1].T).cpu(), summed(a, w, bias))


@pytest.mark.parametrize("m, n, k", [*SHAPES, (15, 4, 32), (64, 5, 32), (64, 4, 129), (64, 4, 1)])
def test_values(m, n, k):
    a, w, bias = numbers(m, k), numbers(n, k, seed=1), numbers(n, seed=2)
    on = [t.to(DEVICE) for t in (a, w, bias)]
    torch.testing.assert_close(F.linear(*on).cpu(), F.linear(a.double(), w.double(), bias.double()).float(), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(torch.addmm(on[2], on[0], on[1].T, beta=0.5, alpha=2).cpu(),
                               torch.addmm(bias.double(), a.double(), w.double().T, beta=0.5, alpha=2).float(), rtol=1e-5, atol=1e-5)


def test_parts_of_larger_matrices():
    a, w = numbers(40, 50), numbers(9, 50, seed=1)
    for rows, terms in ((slice(3, 36), slice(5, 25)), (slice(0, 40, 2), slice(30, 50))):
        ours = a.to(DEVICE)[rows, terms] @ w.to(DEVICE)[2:6, terms].T
        torch.testing.assert_close(ours.cpu(), (a[rows, terms].double() @ w[2:6, terms].double().T).float(), rtol=1e-5, atol=1e-5)
    transposed = a.to(DEVICE).T[:20] @ a.to(DEVICE)[:, :4]
    torch.testing.assert_close(transposed.cpu(), (a.T[:20].double() @ a[:, :4].double()).float(), rtol=1e-5, atol=1e-5)


@pytest.mark.skipif(hologram_torch.get_backend() != "cpu", reason="graphs are captured on the cpu backend only")
@pytest.mark.parametrize("m, n, k", SHAPES)
def test_replays_and_threads_give_the_same_bits(m, n, k):
    w, bias = numbers(n, k, seed=1).to(DEVICE), numbers(n, seed=2).to(DEVICE)

    def plain(x):
        return F.linear(x, w, bias), x @ w.T

    function, threads = torch.hologram.jit(plain, strict=True), torch.get_num_threads()
    try:
        for i in range(8):
            torch.set_num_threads(1 + i % 2)
            x = numbers(m, k, seed=i).to(DEVICE)
            for ours, expected in zip(function(x), plain(x), strict=True):
                assert torch.equal(ours, expected)
    finally:
        torch.set_num_threads(threads)
    assert function.plans()[0]["runs"] >= 4


def test_not_a_number_and_infinity():
    a, w = numbers(20, 8), numbers(4, 8, seed=1)
    a[3, 2], a[5, 1], w[1, 4] = float("nan"), float("inf"), float("inf")
    ours, expected = F.linear(a.to(DEVICE), w.to(DEVICE)).cpu(), F.linear(a, w)
    assert torch.equal(ours.isnan(), expected.isnan()) and torch.equal(ours.isinf(), expected.isinf())
