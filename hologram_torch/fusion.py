"""What recording did: explain(), circuit_stats(), no_fusion().

Ops are recorded and run later, joined into circuits of which each becomes one kernel. Nothing here is needed to use the
device; it says what happened and why.
"""

from __future__ import annotations

import contextlib
import sys
from collections import Counter

from hologram_core import _runtime

REASONS = {
    "read": "the host read a value",
    "library": "a library's kernel needed a value, or wrote over one",
    "pointer": "an address left the device",
    "full": "as many ops were recorded as a window takes",
    "memory": "memory was waiting to be freed, or its statistics were asked for",
    "synchronize": "synchronize(), an event, a fork or a question like this one asked for it",
    "immediate": "ops run at once (HOLOGRAM_SYNC=1, HOLOGRAM_FUSION=0 or no_fusion())",
    "switch": "the backend was changed",
}


@contextlib.contextmanager
def no_fusion():
    """Inside, ops of this thread run when they are called, each in its own kernel. What was recorded before runs first."""
    _runtime.flush()
    _runtime.pause_recording()
    try:
        yield
    finally:
        _runtime.resume_recording()


def counters() -> dict[str, int]:
    """Ops recorded, kernels launched, cache hits and misses, kernels compiled ... since the last reset; of everything that
    was called so far, which runs first."""
    _runtime.flush()
    return _runtime.counters()


def circuit_stats() -> dict[str, float]:
    """How many ops were recorded since the last `reset_counters()`, in how many kernels they ran, and what that saved.

    `recorded`: ops that reached the device's own kernels (library calls are not among them). `launched`: kernels launched for
    them. `reduction`: 1 - launched / recorded. `dropped`: ops that never ran, because their results could not be seen.
    `bytes_recorded`, `bytes_moved`, `bytes_saved`: memory traffic of the operands, op by op, as it was, and the difference.
    `compiled`: kernels compiled; `disk_hits`: found on disk.
    """
    c = counters()
    return {"recorded": c["recorded"], "launched": c["launched"], "circuits": c["circuits"], "dropped": c["dropped"],
            "reduction": 1 - c["launched"] / c["recorded"] if c["recorded"] else 0.0,
            "bytes_recorded": c["bytes_recorded"], "bytes_moved": c["bytes_moved"],
            "bytes_saved": c["bytes_recorded"] - c["bytes_moved"],
            "compiled": c["compiled"], "disk_hits": c["disk_hits"]}


class Circuit:
    """One circuit that ran: its recorded ops, why it was closed, and its kernels."""

    def __init__(self, record: dict):
        self.window: int = record["window"]             # circuits of one number ran at the same time
        self.reason: str = record["reason"]             # a key of REASONS
        self.ops: int = record["ops"]                   # recorded ops
        self.cache_hit: bool = not record["compiled"]
        self.elements: int = record["elements"]
        self.bytes_before: int = record["bytes_recorded"]
        self.bytes_after: int = record["bytes_moved"]
        self.keys: list[bytes] = record["keys"]         # of its kernels: none if its results could not be seen

    def kernels(self) -> list:
        """The kernels as `hologram_core.circuit.ir.Circuit`; print one to see its IR."""
        from hologram_core.circuit.key import decode

        return [decode(key) for key in self.keys]

    def summary(self) -> str:
        """'add > mul > relu': the ops of its kernels, in order."""
        if not self.keys:
            return "nothing (no result could be seen)"
        return " | ".join(" > ".join(node.name for node in kernel.nodes) for kernel in self.kernels())

    def __str__(self):
        found = "cached" if self.cache_hit else "compiled"
        return (f"{self.ops:3} op{'s' * (self.ops != 1):1} {self.elements:>11,} elements  {self.bytes_before:>13,} -> "
                f"{self.bytes_after:>13,} bytes  {found:8}  {self.summary()}")


class Explanation:
    """The last circuits, in the order in which they ran. `print` it, iterate over it, or look at `circuits`."""

    def __init__(self, circuits: list[Circuit], graphs: list[str]):
        self.circuits = circuits
        self.graphs = graphs        # of torch.compile: a line for each, that says how often it was replayed, or why it is not

    def __iter__(self):
        return iter(self.circuits)

    def __len__(self):
        return len(self.circuits)

    def reasons(self) -> Counter:
        """How often windows ran for each reason."""
        return Counter({c.window: c.reason for c in self.circuits}.values())

    def __str__(self):
        if not self.circuits:
            return "\n".join(["nothing was recorded yet", *self.graphs])
        lines: list[str] = []
        window = None
        for c in self.circuits:
            if c.window != window:
                window = c.window
                lines.append(f"window {window}: ran because {REASONS[c.reason]}")
            lines.append(f"  {c}")
        ops, kernels = sum(c.ops for c in self.circuits), sum(len(c.keys) for c in self.circuits)
        lines.append(f"{ops} ops in {len(self.circuits)} circuits, {kernels} kernels")
        lines += self.graphs
        return "\n".join(lines)

    def dot(self) -> str:
        """The circuits as a graph in the DOT language."""
        from .fusion_graph import dot

        return dot(self.circuits)


def explain(limit: int = 64, graph: str | None = None) -> Explanation:
    """What the last `limit` circuits became and why each was closed, and what became of the graphs of torch.compile; what is still
    recorded runs first.

    `graph`: a file to draw them into, 'out.svg' (or .pdf, .png) through the package `graphviz` and its program `dot`, or
    'out.dot', which needs neither. Without them the DOT text is written beside the name that was asked for, and a warning
    says so.
    """
    _runtime.flush()
    regions = sys.modules.get("hologram_torch.compile.region")
    explanation = Explanation([Circuit(record) for record in _runtime.recent_circuits(limit)], regions.explained() if regions else [])
    if graph is not None:
        from .fusion_graph import draw

        draw(explanation.dot(), graph)
    return explanation
