"""`hologram bench`: some ops against stock PyTorch on the CPU (against NumPy, where there is no torch)."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from statistics import median

from . import progress
from .report import table

SECONDS = 1.5            # per case
REPEATS = 8              # of the op, before its results are waited for
BATCH = 0.004            # long against the clock's resolution, short against the moods of a shared machine

TORCH = [("a + b, 16 elements", "a + b", (16,)), ("a + b, 10 K", "a + b", (10_000,)), ("a + b, 10 M", "a + b", (10_000_000,)),
         ("exp, 1 M", "torch.exp(a)", (1_000_000,)), ("gelu, 1 M", "F.gelu(a)", (1_000_000,)),
         ("gelu(a * b + a), 1 M", "F.gelu(a * b + a)", (1_000_000,)), ("softmax, 4096x1024", "torch.softmax(a, -1)", (4096, 1024)),
         ("layer_norm, 4096x1024", "F.layer_norm(a, a.shape[-1:])", (4096, 1024)), ("sum, 10 M", "a.sum()", (10_000_000,)),
         ("matmul, 512x512", "a @ b", (512, 512))]
NUMPY = [("a + b, 10 K", "a + b", 10_000), ("a + b, 10 M", "a + b", 10_000_000), ("exp, 1 M", "exp(a)", 1_000_000),
         ("tanh(a * b + a), 1 M", "tanh(a * b + a)", 1_000_000)]


def run(options) -> dict:
    if importlib.util.find_spec("torch") is None:
        return {"against": "NumPy (torch is not installed)", "rows": list(_against_numpy(options))}
    import torch

    import hologram_torch

    return {"against": f"torch {torch.__version__} on the CPU", "backend": hologram_torch.get_backend(),
            "threads": torch.get_num_threads(), "rows": list(_against_torch(options))}


def text(found: dict) -> str:
    rows = [(row["case"], f"{row['other_us']:,.2f}", f"{row['hologram_us']:,.2f}", f"{row['speed']:.2f}x") for row in found["rows"]]
    where = ", ".join(f"{name} {found[name]}" for name in ("backend", "threads") if name in found)
    return "\n".join([f"hologram against {found['against']}" + (f"; {where}" if where else ""),
                      table(("op (float32)", "theirs, us", "hologram, us", "speed"), rows),
                      "Alternating in one process; speed: the median of the ratios of neighbours."])


def _against_torch(options):
    import torch

    for case, statement, shape in TORCH:
        progress(options, case)
        inputs = {"a": torch.randn(shape), "b": torch.randn(shape)}
        names = {"torch": torch, "F": torch.nn.functional}
        stock = _repeated(statement, {**names, **inputs}, lambda: None)
        there = {name: value.to("hologram") for name, value in inputs.items()}
        ours = _repeated(statement, {**names, **there}, torch.accelerator.synchronize)
        with torch.no_grad():
            torch.testing.assert_close(ours()[0].cpu(), stock()[0], rtol=1e-3, atol=1e-3)
            yield compare(case, stock, ours)


def _against_numpy(options):
    import numpy as np

    import hologram_core as hg

    with hg.Executor() as executor:
        for case, statement, n in NUMPY:
            progress(options, case)
            a, b = (np.random.default_rng(seed).standard_normal(n).astype(np.float32) for seed in (0, 1))
            stock = _repeated(statement, {"a": a, "b": b, "exp": np.exp, "tanh": np.tanh}, lambda: None)
            ours = _repeated(statement, {"a": executor.from_numpy(a), "b": executor.from_numpy(b), "exp": lambda x: x.exp(),
                                         "tanh": lambda x: x.tanh()}, executor.synchronize)
            np.testing.assert_allclose(ours()[0].to_numpy(), stock()[0], rtol=1e-4, atol=1e-5)
            yield compare(case, stock, ours)


def _repeated(statement: str, names: dict, wait: Callable) -> Callable:
    """The statement REPEATS times, as a program computes before it looks at a result; then the device is waited for."""
    many = eval(f"lambda: [{', '.join([statement] * REPEATS)}]", names)

    def run():
        results = many()
        wait()
        return results
    return run


def compare(case: str, theirs: Callable, ours: Callable) -> dict:
    """Short batches of both, alternating, so that both meet the same machine. Times are those of one op."""
    calls = [_calls(theirs), _calls(ours)]
    pairs: list[tuple[float, float]] = []
    until = time.perf_counter() + SECONDS
    while len(pairs) < 5 or time.perf_counter() < until:
        pairs.append((_batch(theirs, calls[0]), _batch(ours, calls[1])))
    return {"case": case, "other_us": 1e6 * median(a for a, _ in pairs) / REPEATS,
            "hologram_us": 1e6 * median(b for _, b in pairs) / REPEATS,
            "speed": median(a / b for a, b in pairs)}


def _calls(function: Callable) -> int:
    """How many calls fill a batch; warms up on the way."""
    function()
    return max(1, round(BATCH / max(_batch(function, 3), 1e-9)))


def _batch(function: Callable, calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - start) / calls
