"""`hologram warm`: runs programs of the kinds that are common, so that their kernels are in the cache.

A kernel serves many sizes, but not all: what is small, long or narrow is computed in other ways. So the sizes are those of small
programs that people run.
"""

from __future__ import annotations

import importlib.util
import time
from importlib import import_module

from hologram_core import _runtime
from hologram_core.backends import disk_cache

from . import progress
from .report import size, table


def run(options) -> dict:
    found: dict = {"programs": [], "torch": importlib.util.find_spec("torch") is not None}
    names = [*CORE, *(TORCH if found["torch"] else ())]
    chosen = [name for name in names if options.only in name]
    if not chosen:
        raise SystemExit(f"hologram warm: no program's name contains {options.only!r}. They are: {'; '.join(names)}.")
    for name in chosen:
        progress(options, name)
        program = CORE[name] if name in CORE else getattr(import_module(".warm_torch", __package__), TORCH[name])
        before, start = _runtime.counters(), time.perf_counter()
        program()
        took, after = time.perf_counter() - start, _runtime.counters()
        found["programs"].append({"program": name, "compiled": after["compiled"] - before["compiled"],
                                  "found": after["disk_hits"] - before["disk_hits"], "seconds": round(took, 3)})
    state = disk_cache.state()
    return {**found, "compiled": sum(row["compiled"] for row in found["programs"]),
            "seconds": round(sum(row["seconds"] for row in found["programs"]), 3),
            "cache": {"path": str(state.path), "kernels": state.kernels, "bytes": state.bytes, "objection": state.objection},
            "ok": not state.objection}


def text(found: dict) -> str:
    lines = [table(("program", "compiled", "found in the cache", "seconds"),
                   [(row["program"], row["compiled"], row["found"], f"{row['seconds']:.2f}") for row in found["programs"]])]
    cache = found["cache"]
    lines.append(f"{found['compiled']} kernels compiled in {found['seconds']:.1f} s. {cache['path']} holds {cache['kernels']}, "
                 f"{size(cache['bytes'])}.")
    if not found["torch"]:
        lines.append("torch is not installed: only what programs of hologram_core use was compiled.")
    if cache["objection"]:
        lines.append(f"They are lost when this process ends, for the cache is not used: {cache['objection']}.")
    return "\n".join(lines)


def _core() -> None:
    """The documents' ops, and operators on tensors."""
    import numpy as np

    import hologram_core as hg

    with hg.Executor() as executor:
        x = np.linspace(0.1, 1, 64, dtype=np.float32)
        a, b, c = executor.from_numpy(x), executor.from_numpy(x), executor.allocate(64)
        for name in ("add", "sub", "mul", "div", "min", "max"):
            hg.ops.find(f"vector_{name}")(executor, a, b, c)
            executor.synchronize()
        for name in ("vector_abs", "vector_neg", "vector_relu", "sigmoid", "tanh", "gelu", "softmax", "exp", "log", "sqrt"):
            hg.ops.find(name)(executor, a, c)
            executor.synchronize()
        for name in ("reduce_sum", "reduce_min", "reduce_max"):
            hg.ops.find(name)(executor, a, c)
        for name in ("mse_loss", "cross_entropy_loss", "binary_cross_entropy_loss"):
            hg.ops.find(name)(executor, a, b, c)
        hg.ops.vector_clip(executor, a, c, 0.2, 0.8)
        executor.synchronize()
        for name in ("scalar_add", "scalar_mul"):
            hg.ops.find(name)(executor, a, c, 2.0)
            executor.synchronize()
        t = hg.HologramTensor(executor, a, (8, 8))
        for value in (t + 1, t * t, t - t[0], t / 2, t.T + t, t.sum(0), t.mean(1), t.softmax()):
            value.to_numpy()


# What is run; the programs of torch by the names of their functions in warm_torch.py.
CORE = {"core: ops and tensors": _core}
TORCH = {"torch: tensors in four types": "tensors", "torch: training an MLP": "mlps", "torch: optimizers": "optimizers",
         "torch: losses": "losses", "torch: training a CNN": "cnns", "torch: training a transformer": "transformers",
         "torch: the same under autocast": "transformers_under_autocast"}
