"""Products with up to eight rows, which have kernels of their own where the processor has AVX-512."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import hologram_torch
from tests.compare import DEVICE

on_cpu = hologram_torch.get_backend() == "cpu"
needs_kernel = pytest.mark.skipif(torch.backends.cpu.get_cpu_capability() != "AVX512" or not on_cpu,
                                  reason="the kernels are for processors with AVX-512")
TYPES = [torch.float32, torch.bfloat16, torch.float16]
SHAPES = [(1, 64, 64), (2, 31, 100), (3, 9, 17), (4, 200, 15), (5, 8, 513), (8, 37, 128), (1, 1, 1), (2, 5, 3), (4, 300, 2000)]


def numbers(*shape, seed=0, dtype=torch.float32):
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape, np.float32)).to(dtype)


def check(ours, a, w, start=None):
    """Sums in float32, of any order, and one rounding. `w` is [n, k]."""
    exact = a.double() @ w.double().T + (0 if start is None else start.double())
    size = a.double().abs() @ w.double().abs().T + (0 if start is None else start.double().abs())
    worst = size * 2 ** -24 * (4 + a.shape[-1] / 8) + exact.abs() * torch.finfo(a.dtype).eps / 2
    off = (ours.cpu().double() - exact).abs()
    assert ours.dtype == a.dtype and bool((off <= worst).all()), (off / worst).max()


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("m, n, k", SHAPES)
def test_values(m, n, k, dtype):
    a, w, bias = numbers(m, k, dtype=dtype), numbers(n, k, seed=1, dtype=dtype), numbers(n, seed=2, dtype=dtype)
    A, W, B = (t.to(DEVICE) for t in (a, w, bias))
    check(F.linear(A, W), a, w)
    check(F.linear(A, W, B), a, w, bias)
    check(torch.addmm(B, A, W.T), a, w, bias)
    check(A @ W.T.contiguous(), a, w)
    check(torch.addmm(B, A, W.T.contiguous()), a, w, bias)
    check(torch.mv(W, A[0]), a[0], w)
    check(torch.mv(W.T.contiguous().T, A[0]), a[0], w)
    check(F.linear(A[0], W, B), a[0], w, bias)


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_parts_of_larger_matrices(dtype):
    a, w = numbers(9, 90, dtype=dtype), numbers(40, 90, seed=1, dtype=dtype)
    A, W = a.to(DEVICE), w.to(DEVICE)
    for rows, terms in ((slice(3, 6), slice(5, 25)), (slice(0, 8, 2), slice(30, 90)), (slice(8, 9), slice(1, 2))):
        check(F.linear(A[rows, terms], W[2:37, terms]), a[rows, terms], w[2:37, terms])
        check(A[rows, terms] @ W.T[terms, 3:17], a[rows, terms], w[3:17, terms])
        check(A[rows, terms] @ W.T.contiguous()[terms, 3:17], a[rows, terms], w[3:17, terms])
    check(A.T.contiguous().T[:4] @ W.T, a[:4], w)
    check(A[:1].expand(4, 90) @ W.T, a[:1].expand(4, 90), w)


@needs_kernel
@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("by_columns", [True, False])
def test_a_row_depends_on_no_other_row_and_no_thread(dtype, by_columns):
    """Batches of another size, and machines with more cores, give the same bits."""
    a, w = numbers(8, 1100, dtype=dtype).to(DEVICE), numbers(1000, 1100, seed=1, dtype=dtype).to(DEVICE).T
    w = w if by_columns else w.contiguous()
    first = 1 if by_columns or dtype != torch.float32 else 2          # one row of float32 is BLAS's there
    most = 4 if dtype == torch.bfloat16 or not by_columns else 8
    threads = torch.get_num_threads()
    try:
        found = []
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            found += [(a[:rows] @ w).cpu() for rows in range(first, most + 1)]
    finally:
        torch.set_num_threads(threads)
    for product in found:
        assert torch.equal(product, found[most - first][:len(product)])


@pytest.mark.skipif(not on_cpu, reason="graphs are captured on the cpu backend only")
@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_replays_give_the_same_bits(dtype):
    w, bias = numbers(70, 50, seed=1, dtype=dtype).to(DEVICE), numbers(70, seed=2, dtype=dtype).to(DEVICE)

    def step(x):
        return F.linear(x, w, bias), x @ w.T, torch.mv(w, x[0]), torch.addmm(bias, x, w.T)

    planned = torch.hologram.jit(step)
    for seed in range(5):
        x = numbers(3, 50, seed=seed, dtype=dtype).to(DEVICE)
        for ours, eager in zip(planned(x), step(x)):
            assert torch.equal(ours.cpu(), eager.cpu())
    assert planned.stats()["replays"] >= 2 if hasattr(planned, "stats") else True


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_numbers_that_are_none_stay_in_their_rows(dtype):
    a, w = numbers(4, 40, dtype=dtype), numbers(20, 40, seed=1, dtype=dtype)
    a[1, 3], a[2, 39], w[7, 5] = float("nan"), float("inf"), float("-inf")
    expected = a.double() @ w.double().T
    for ours in (F.linear(a.to(DEVICE), w.to(DEVICE)), a.to(DEVICE) @ w.T.contiguous().to(DEVICE)):
        assert torch.equal(ours.isnan().cpu(), expected.isnan()) and torch.equal(ours.isinf().cpu(), expected.isinf())


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_gradients(dtype):
    a, w, bias = numbers(3, 40, dtype=dtype), numbers(20, 40, seed=1, dtype=dtype), numbers(20, seed=2, dtype=dtype)
    on = [t.to(DEVICE).requires_grad_() for t in (a, w, bias)]
    grad = numbers(3, 20, seed=3, dtype=dtype)
    F.linear(*on).backward(grad.to(DEVICE))
    check(on[0].grad, grad, w.T)
    check(on[1].grad, grad.T, a.T)
