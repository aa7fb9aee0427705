"""What recording did: explain(), watch(), circuit_stats(), no_fusion().

Ops are recorded and run later, joined into circuits of which each becomes one kernel. Nothing here is needed to use the
device; it says what happened and why.
"""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from typing import TYPE_CHECKING

import torch

from hologram_core import _runtime
from hologram_core.machine import processor

from . import _C

if TYPE_CHECKING:
    from . import picture  # loaded by what draws: it would make torch's import longer

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
        self.microseconds: float = record["microseconds"]       # 0 where it was not watched
        self.started: int = record["started"]           # nanoseconds since the epoch; 0 where it was not watched
        self.operands: list[tuple[int, int, bool]] = record["operands"]     # address of the memory, its bytes, is it written

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

    def __repr__(self):
        return f"<Circuit {self.summary()}: {self.ops} op{'s' * (self.ops != 1)}, {self.elements:,} elements>"

    def work(self) -> picture.Work:
        from . import picture

        detail = (f"{self.ops} op{'s' * (self.ops != 1)}, {self.elements:,} elements, {self.bytes_before:,} -> {self.bytes_after:,} "
                  f"bytes, {'cached' if self.cache_hit else 'compiled'}")
        title = self.summary().split(" | ")[0] if self.keys else ""
        return picture.Work(title, "kernel", self.operands, tuple(self.keys), self.bytes_after, self.microseconds, detail,
                            heading=f"window {self.window}: ran because {REASONS[self.reason]}")


class LibraryCall:
    """A call of one of PyTorch's kernels, or a copy, between circuits."""

    def __init__(self, record: dict):
        self.name: str = record["library"]
        self.bytes: int = record["bytes_moved"]         # of the memory of its arguments and results
        self.microseconds: float = record["microseconds"]
        self.started: int = record["started"]
        self.operands: list[tuple[int, int, bool]] = record["operands"]

    def __str__(self):
        return f"library call {self.name}, {self.bytes:,} bytes"

    def __repr__(self):
        return f"<LibraryCall {self.name}: {self.bytes:,} bytes>"

    def work(self) -> picture.Work:
        from . import picture

        kind = "copy" if self.name.startswith("copy ") else "replay" if self.name.startswith("replay ") else "library"
        return picture.Work(self.name, kind, self.operands, None, self.bytes, self.microseconds, f"{self.bytes:,} bytes")


class Explanation:
    """The last circuits and library calls, in the order in which they ran.

    `print` it, iterate over it (its circuits), or look at `circuits`, `calls`, `work`. In a notebook it is a picture.
    """

    def __init__(self, work: list[Circuit | LibraryCall], graphs: list[str], memory: list[tuple] | None = None):
        self.work = work
        self.graphs = graphs        # of torch.compile: a line for each, that says how often it was replayed, or why it is not
        self.memory_events = memory or []

    @property
    def circuits(self) -> list[Circuit]:
        return [item for item in self.work if isinstance(item, Circuit)]

    @property
    def calls(self) -> list[LibraryCall]:
        return [item for item in self.work if isinstance(item, LibraryCall)]

    def __iter__(self):
        return iter(self.circuits)

    def __len__(self):
        return len(self.circuits)

    def reasons(self) -> Counter:
        """How often windows ran for each reason."""
        return Counter({c.window: c.reason for c in self.circuits}.values())

    def __str__(self):
        from . import picture

        if not self.work:
            return "\n".join(["nothing was recorded yet", *self.graphs])
        lines: list[str] = []
        window = None
        for item in self.work:
            if isinstance(item, Circuit) and item.window != window:
                window = item.window
                lines.append(f"window {window}: ran because {REASONS[item.reason]}")
            lines.append(f"  {item}" + (f"  {picture.time_text(item.microseconds)}" if item.microseconds else ""))
        lines.append(self._sum())
        lines += self.graphs
        return "\n".join(lines)

    def _sum(self) -> str:
        ops, kernels = sum(c.ops for c in self.circuits), sum(len(c.keys) for c in self.circuits)
        return f"{ops} ops in {len(self.circuits)} circuits, {kernels} kernels"

    def __repr__(self):
        return f"<Explanation: {self._sum()}, {len(self.calls)} library calls>"

    def _repr_html_(self) -> str:
        return f"<div>{self.svg()}</div>"

    def dot(self) -> str:
        """The circuits as a graph in the DOT language."""
        from .fusion_graph import dot

        return dot(self.circuits)

    def svg(self, title: str = "What ran on hologram") -> str:
        """The kernels, the library calls and what they read of each other, as the text of an SVG picture."""
        from . import picture

        circuits, calls = self.circuits, self.calls
        shown = [item for item in self.work if not (isinstance(item, Circuit) and not item.keys)]
        dropped = len(self.work) - len(shown)
        moved = sum(c.bytes_after for c in circuits) + sum(c.bytes for c in calls)
        took = sum(item.microseconds for item in self.work)
        facts = [f"{sum(c.ops for c in circuits):,} recorded ops in {sum(len(c.keys) for c in circuits):,} kernels",
                 f"{len(calls):,} library calls", f"{picture.byte_text(moved)} moved"]
        if took:
            facts.append(picture.time_text(took))
        if dropped:
            facts.append(f"{dropped} circuit{'s' * (dropped > 1)} whose results could not be seen")
        footer = [_surroundings(), *([] if took else ["Times are taken inside `with torch.hologram.watch():`."])]
        return picture.draw([item.work() for item in shown], title, ", ".join(facts), " ".join(footer))

    def memory(self) -> str:
        """The memory of the device while it was watched, as the text of an SVG picture. Of what `watch()` gives only."""
        from .memory_picture import draw

        return draw(self.memory_events, self.work, _surroundings())


def _surroundings() -> str:
    return f"{processor()}, backend {_C.get_backend()}, {torch.get_num_threads()} threads, torch {torch.__version__}."


def _explanation(records: list[dict], memory: list[tuple] | None = None) -> Explanation:
    regions = sys.modules.get("hologram_torch.compile.region")
    work: list[Circuit | LibraryCall] = [LibraryCall(r) if "library" in r else Circuit(r) for r in records]
    return Explanation(work, regions.explained() if regions else [], memory)


def explain(limit: int = 64, graph: str | None = None) -> Explanation:
    """What the last `limit` circuits became and why each was closed, the library calls between them, and what became of the graphs of
    torch.compile; what is still recorded runs first.

    `graph`: a file to draw them into. 'out.svg' and 'out.html' need nothing; 'out.png' and 'out.pdf' need the package cairosvg; 'out.dot'
    is the ops of the kernels in the DOT language. Raises ValueError for another name.

        print(torch.hologram.explain())
        torch.hologram.explain(graph="step.svg")

    For one step, with times and memory: `watch`.
    """
    from . import picture

    _runtime.flush()
    explanation = _explanation(_runtime.recent_work(limit))
    if graph is not None:
        picture.write(graph, explanation.svg(), explanation.dot())
    return explanation


@contextlib.contextmanager
def watch(graph: str | None = None, memory: str | None = None):
    """Watches what the device does inside: an Explanation of it, with times, is there when it ends.

    `graph`, `memory`: files to draw the work and the memory into, as for `explain`. What was recorded before runs first, and what is
    recorded inside runs at the end. The first 65,536 kernels and calls are kept. On a GPU the host does not know how long kernels take:
    they have no time.

        with torch.hologram.watch(graph="step.svg", memory="memory.svg") as step:
            train_step()
        print(step)
    """
    from . import picture

    _runtime.flush()
    seen = Explanation([], [])
    since = _runtime.watch_work(True)
    try:
        yield seen
        _runtime.flush()
    finally:
        _runtime.watch_work(False)
    made = _explanation(_runtime.watched_work(since), [event for event in _runtime.memory_log() if event[0] >= since])
    vars(seen).update(vars(made))
    if graph is not None:
        picture.write(graph, seen.svg(), seen.dot())
    if memory is not None:
        picture.write(memory, seen.memory(), "")
