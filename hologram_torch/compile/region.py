"""A traced graph that runs as plans: captured while it runs, and replayed afterwards."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import fx
from torch._guards import CompileContext

from .. import _C
from .._captures import Captures
from .._jit import kind_of
from . import opaque

MOST_PLANS = 32         # of one graph: one for each tuple of sizes, and of numbers that the CPU gives

log = torch._logging.getArtifactLogger(__name__, "perf_hints")      # TORCH_LOGS=perf_hints
regions: weakref.WeakSet[Region] = weakref.WeakSet()


class _Variant:
    """The calls with arguments of one kind."""

    def __init__(self) -> None:
        self.captures = Captures()
        self.plan: Any = None


class Region(_C.RegionTable):
    """A graph as torch.compile's compilers return it: a call goes to the first of its plans that fits, else to `_run`.

    `boxed`: it is called with one list of arguments, which it empties; else with the arguments.
    """

    def __init__(self, gm: fx.GraphModule, kind: str, boxed: bool = True) -> None:
        super().__init__(boxed)
        self._boxed_call = boxed    # says so to AOTAutograd, through wrappers that copy what an object has
        self.kind, self.id = kind, str(CompileContext.current_compile_id() or "")
        self.reason = opaque.reason(gm)             # why it runs as it is; empty where it is captured
        self.calls = 0
        self.arguments = sum(node.op == "placeholder" for node in gm.graph.nodes)
        self.results = len(gm.graph.output_node().args[0])      # type: ignore[arg-type]
        self._constants = opaque.constants(gm)
        self._variants: OrderedDict[Any, _Variant] = OrderedDict()
        self._forward = _boxed(gm)
        if self.reason:
            self._give_up(self.reason)
        regions.add(self)

    @property
    def runs(self) -> int:
        """How often it was replayed."""
        return sum(plan.runs for plan in self._plans)

    def describe(self) -> dict[str, Any]:
        """What became of it: its plans' nodes, launches, bytes of memory and runs, or why it runs as it is."""
        row: dict[str, Any] = {"graph": f"{self.kind} {self.id}".strip(), "reason": self.reason, "plans": len(self._plans),
                               "runs": self.runs}
        if self._plans:
            plan = self._plans[0]
            row |= {"nodes": plan.nodes, "launches": plan.launches, "bytes": sum(p.bytes for p in self._plans)}
        return row

    # ---- calls that no plan serves ----

    def _run(self, args: list) -> Sequence[Any]:
        self.calls += 1
        if self.reason or self.calls == 1:      # the first call makes what later ones find: kernels
            return self._forward(args)
        if _C.capturing() or torch._C._len_torch_dispatch_stack() or _C.get_backend() != "cpu":
            return self._forward(args)
        key = kind_of(tuple(args))
        variant = self._variants.get(key)
        if variant is None:
            variant = self._variants[key] = _Variant()
            if len(self._variants) > MOST_PLANS and not self._forget_oldest():
                return self._forward(args)
        self._variants.move_to_end(key)
        return self._capture(variant, args)

    def _capture(self, variant: _Variant, args: list) -> Sequence[Any]:
        capture = _C.RegionCapture(args)
        try:
            results = self._forward(args)
        except BaseException:
            capture.drop()
            raise
        if any(isinstance(t, torch.Tensor) and t.requires_grad and t.grad_fn is not None for t in results):
            capture.refuse("a result can be differentiated")
        plan = capture.finish(results, self._constants)
        if plan is None:
            self._give_up(capture.reason)
            return results
        if variant.captures.is_plan(plan):
            variant.plan = plan
            self._plans.insert(0, plan)
        elif variant.captures.reason:
            self._give_up(variant.captures.reason)
        return results

    def _forget_oldest(self) -> bool:
        """Makes room for another plan; False where none was ever of use."""
        _, oldest = self._variants.popitem(last=False)
        if oldest.plan in self._plans:
            self._plans.remove(oldest.plan)
        elif not self.runs:
            self._give_up("its sizes, or numbers that the CPU gives, are others in each call")
        return not self.reason

    def _give_up(self, reason: str) -> None:
        self.reason = reason
        self._plans.clear()
        self._variants.clear()
        log.info("hologram: the %s %s runs op by op: %s", self.kind, self.id, reason)


def _boxed(gm: fx.GraphModule):
    """The graph as a function of a list, which it empties: arguments are freed as soon as they are used."""
    gm.graph.set_codegen(fx.graph._BoxedCodeGen())
    gm.recompile()
    return gm.forward


def untraced(function: Callable) -> None:
    """Leaves a function, and what it calls, out of what torch._dynamo traces: autograd calls it between the graphs of a step."""
    frames: Any = torch._C._dynamo.eval_frame
    if hasattr(frames, "set_code_exec_strategy"):
        skip = frames._FrameExecStrategy(frames._FrameAction.SKIP, frames._FrameAction.SKIP)
        frames.set_code_exec_strategy(function.__code__, skip)


untraced(Region._run)


def explained() -> list[str]:
    """A line for each graph that is alive."""
    lines = []
    for row in sorted((region.describe() for region in regions), key=lambda row: row["graph"]):
        what = f"op by op: {row['reason']}" if row["reason"] else f"{row['runs']} runs of {row['plans']} plans"
        lines.append(f"{row['graph']} of torch.compile: {what}" + (f", {row['nodes']} nodes" if "nodes" in row else ""))
    return lines


