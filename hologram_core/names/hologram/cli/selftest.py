"""The test of a second: does a kernel compile, are its values right, how fast does memory move?"""

from __future__ import annotations

import time

import numpy as np

import hologram_core as hg
from hologram_core import _runtime

ELEMENTS = 1 << 24       # three arrays of 64 MiB: beyond the caches of most machines
SECONDS = 0.25           # per measurement


def run(todo: list, with_device: bool) -> dict:
    found: dict = {"result": "passed"}
    try:
        with hg.Executor() as executor:
            found["first kernel"] = _first_kernel(executor)
            found["memory"] = _bandwidth(executor)
        if with_device:
            found["device"] = _device()
    except Exception as error:      # noqa: BLE001  whatever it is, it belongs into the report
        found["result"] = f"failed: {type(error).__name__}: {error}"
        todo.append("the self-test failed. Please report it with this text.")
    return found


def _first_kernel(executor) -> str:
    before, start = _runtime.counters(), time.perf_counter()
    a = executor.from_numpy(np.arange(1000, dtype=np.float32))
    result = ((a * 2 + 1) / (a + 1)).to_numpy()
    took, after = time.perf_counter() - start, _runtime.counters()
    expected = (np.arange(1000, dtype=np.float32) * 2 + 1) / (np.arange(1000, dtype=np.float32) + 1)
    if not np.array_equal(result, expected):
        raise ArithmeticError("(2a + 1) / (a + 1) has other values than NumPy's")
    compiled = after["compiled"] - before["compiled"]
    return f"{1e3 * took:.1f} ms, with LLVM's start, {'compiled' if compiled else 'found in the cache'}; values as NumPy's"


def _bandwidth(executor) -> str:
    a, b, c = (executor.allocate(ELEMENTS).fill(value) for value in (1.0, 2.0, 0.0))

    def ours():
        hg.ops.vector_add(executor, a, b, c)
        executor.synchronize()
    speed = _speed(ours)
    x, y, z = (buffer.to_numpy() for buffer in (a, b, c))
    if not (z == 3).all():
        raise ArithmeticError("1 + 2 is not 3 everywhere")
    theirs = _speed(lambda: np.add(x, y, out=z))
    return f"{speed:.1f} GB/s for a + b of {ELEMENTS >> 20} Mi float32 (NumPy, one thread: {theirs:.1f} GB/s)"


def _speed(call) -> float:
    """GB/s of a call that reads two of the arrays and writes one; the best of some."""
    call()
    best, until = float("inf"), time.perf_counter() + SECONDS
    while time.perf_counter() < until:
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return 3 * 4 * ELEMENTS / best / 1e9


def _device() -> str:
    import torch

    x = torch.arange(12.0, device="hologram", requires_grad=True)
    loss = (x * x).sum()
    loss.backward()
    assert x.grad is not None
    if loss.item() != 506 or not torch.equal(x.grad.cpu(), torch.arange(12.0) * 2):
        raise ArithmeticError("the gradient of sum(x^2) on the device is not 2x")
    return "a gradient on torch.device('hologram') is right"
