"""Whole steps as one program: functions that are captured while they run, and replayed afterwards.

    @torch.hologram.jit
    def step(x, y):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

The first call of a kind (shapes, types, numbers) runs as ever. The next two run as ever too, and are written down: what the device
did is a graph. Where both did the same on the same memory, later calls run the graph, without Python, autograd and dispatch.
Wherever that could give anything else than the function itself would, the function runs.
"""

from __future__ import annotations

import functools
import types
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.utils._device import DeviceContext

from hologram_core import _runtime, plan_text
from hologram_core.config import config

from . import _C, NAME, picture, plan_graph
from ._captures import Captures
from ._surroundings import PLAIN, Surroundings


def _leaves(value: Any) -> Iterator[Any]:
    """What nested tuples, lists and dicts hold, in order."""
    if isinstance(value, (tuple, list)) and not isinstance(value, torch.Size):
        for item in value:
            yield from _leaves(item)
    elif type(value) is dict:
        for item in value.values():
            yield from _leaves(item)
    else:
        yield value


def kind_of(value: Any) -> Any:
    """What of an argument decides which plan serves it; hashable."""
    if isinstance(value, torch.Tensor):
        number = value.item() if value.device.type == "cpu" and value.numel() == 1 else None
        strides = value.stride() if value.layout is torch.strided else None
        return (torch.Tensor, tuple(value.shape), strides, value.dtype, value.device, number)
    if isinstance(value, (tuple, list)):
        return (type(value), *map(kind_of, value))
    if type(value) is dict:
        return (dict, *((key, kind_of(item)) for key, item in value.items()))
    if isinstance(value, float):
        return (float, value.hex())
    return (type(value), value) if isinstance(value, PLAIN) else (type(value), id(value))


def _leads_backward(result: torch.Tensor) -> bool:
    """Does a result have a graph that a backward pass may still go through?"""
    nodes, seen = [result.grad_fn], set()
    while nodes:
        node = nodes.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        for name in dir(node):
            if name.startswith("_saved_"):
                try:
                    getattr(node, name)
                except RuntimeError:    # it has been gone through, and its memory given back
                    return False
        nodes.extend(next_node for next_node, _ in node.next_functions)
    return True


class _Variant:
    """The calls of one kind."""

    def __init__(self) -> None:
        self.calls = 0
        self.captures = Captures()
        self.plans: list[Any] = []      # for the states of its surroundings: a module that trains, or evaluates
        self.parameters: list[torch.Tensor] = []
        self.reason = ""


class JitFunction(_C.PlanTable):
    """A function whose steps are replayed; see `jit`. A call goes to the first of its plans that fits, else to `_run`."""

    def __init__(self, function: Callable, strict: bool, max_plans: int) -> None:
        super().__init__()
        functools.update_wrapper(self, function, updated=())     # a module has attributes of its own
        self._function, self._strict, self._max_plans = function, strict, max_plans
        self._name = getattr(function, "__name__", type(function).__name__)
        self._variants: dict[Any, _Variant] = {}
        self._told: set[str] = set()

    def __get__(self, instance, owner=None):
        return self if instance is None else types.MethodType(self, instance)

    def plans(self) -> list[dict[str, Any]]:
        """A dict for each kind of call that was met: its nodes, launches, bytes of memory and runs, or the reason why it runs plainly.

        `once`: nodes that no argument reaches. They run in the first replay, and again after a write of what they read.
        """
        rows = []
        for kind, variant in self._variants.items():
            row: dict[str, Any] = {"arguments": kind, "calls": variant.calls, "reason": variant.reason}
            if variant.plans:
                plan = variant.plans[-1]
                row |= {"nodes": plan.nodes, "launches": plan.launches, "once": plan.constants, "bytes": plan.bytes,
                        "runs": sum(p.runs for p in variant.plans), "program": plan_text.lines(plan.program())}
            rows.append(row)
        return rows

    def explain(self, graph: str | None = None) -> str:
        """The nodes of the plan that ran last, a line each, and what was not captured and why.

        `graph`: a file to draw the plan into, as for `torch.hologram.explain`.
        """
        rows = self.plans()
        text = [f"not captured: {row['reason']}" for row in rows if row["reason"]]
        if not self._plans:
            return "\n".join(text) or "nothing was captured yet: the first three calls with arguments of a kind run as ever"
        program = self._plans[0].program()
        if graph is not None:
            picture.write(graph, plan_graph.svg(program, self._name), plan_graph.dot(program, self._name))
        return "\n".join([*plan_text.lines(program), *text])

    def clear(self) -> None:
        """Forgets all plans, and gives back their memory."""
        self._plans.clear()
        self._variants.clear()

    # ---- calls that no plan serves ----

    def _run(self, args, kwargs):
        if _C.capturing() or torch._C._len_torch_dispatch_stack() or not _only_default_devices():
            return self._function(*args, **kwargs)
        modes = (torch.get_default_dtype(), torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.is_autocast_enabled(NAME))
        kind = kind_of((args, kwargs)), modes, _C.get_backend()
        variant = self._variants.get(kind)
        if variant is None:
            variant = self._variants[kind] = _Variant()
            if len(self._variants) > 4 * self._max_plans:
                self._forget_oldest(kind)
        variant.calls += 1
        if variant.reason:
            return self._function(*args, **kwargs)
        if variant.calls == 1:      # the first call makes what later ones find: kernels, state of optimizers
            around = Surroundings(self._function, *(leaf for leaf in _leaves((args, kwargs)) if not isinstance(leaf, torch.Tensor)))
            with around.watching():
                result = self._function(*args, **kwargs)
            variant.parameters = around.parameters()
            return result
        if len(variant.plans) >= self._max_plans:
            self._give_up(variant, variant.plans[-1].misfit + ", again and again")
            return self._function(*args, **kwargs)
        return self._capture(variant, args, kwargs)

    def _capture(self, variant: _Variant, args, kwargs):
        given = [leaf for leaf in _leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        numbers = [t for t in given if t.device.type == "cpu" and t.numel() <= 1]
        tensors = [t for t in given if not (t.device.type == "cpu" and t.numel() <= 1)]
        obstacle = next(filter(None, map(_obstacle, tensors)), "") or _obstacle_of_the_process()
        if obstacle:
            self._give_up(variant, obstacle)
            return self._function(*args, **kwargs)
        around = Surroundings(self._function, *(leaf for leaf in _leaves((args, kwargs)) if not isinstance(leaf, torch.Tensor)))
        capture = _C.StepCapture(tensors, numbers, variant.parameters)
        try:
            with around.watching():
                results = self._function(*args, **kwargs)
            for result in _leaves(results):
                if isinstance(result, torch.Tensor) and result.requires_grad and result.grad_fn is not None and _leads_backward(result):
                    capture.refuse("its result can be differentiated. Call backward inside and .detach() on it, or use torch.compile")
            if obstacle := _obstacle_of_results(results) or around.obstacle() or (capture.has_constants and around.large_array()):
                capture.refuse(obstacle)
            for tensor in given:
                around.tensors.pop(id(tensor), None)
            known = {id(p) for p in variant.parameters}
            fresh = [p for p in around.parameters() if id(p) not in known]
            parameters = [*variant.parameters, *fresh]
            plan = capture.finish(args, kwargs, results, around.states(), parameters, around.guards, around.buffers())
        finally:
            capture.drop()
        variant.parameters = parameters
        reason = capture.reason
        if reason.startswith("another thread"):     # by chance: it may be quiet the next time
            variant.captures.failed("it does something else in each call")
            if variant.captures.reason:
                self._give_up(variant, variant.captures.reason)
        elif plan is None and not (fresh and reason == "first seen"):
            self._give_up(variant, reason)
        elif plan is not None:
            self._compare(variant, plan)
        return results

    def _compare(self, variant: _Variant, plan) -> None:
        if not variant.captures.is_plan(plan):
            if variant.captures.reason:
                self._give_up(variant, variant.captures.reason)
            return
        variant.plans.append(plan)
        self._plans.insert(0, plan)
        if len(self._plans) > self._max_plans:
            oldest = self._plans.pop()
            for other in self._variants.values():
                if oldest in other.plans:
                    other.plans.remove(oldest)

    def _forget_oldest(self, newest) -> None:
        for kind, variant in list(self._variants.items()):
            if not variant.plans and kind != newest:
                del self._variants[kind]
                self._tell("its arguments are others in each call (a number that counts up, shapes that never come again). "
                           "Make such a number a tensor")
                return

    def _give_up(self, variant: _Variant, reason: str) -> None:
        variant.reason = reason
        variant.captures.give_up(reason)
        for plan in variant.plans:
            if plan in self._plans and plan.misfit.startswith("a value"):    # half a run in vain, each time
                self._plans.remove(plan)
        self._tell(reason)

    def _tell(self, reason: str) -> None:
        text = f"hologram.jit: {getattr(self._function, '__name__', 'the function')} runs as without jit: {reason}."
        if self._strict:
            raise RuntimeError(text)
        if text not in self._told:
            self._told.add(text)
            warnings.warn(text, RuntimeWarning, stacklevel=5)


class _PlainFunction(JitFunction):
    """HOLOGRAM_JIT=off."""

    def __call__(self, *args, **kwargs):
        return self._function(*args, **kwargs)


class _CheckedFunction(JitFunction):
    """HOLOGRAM_JIT=check: what a plan serves runs both ways from the same state, which must end in the same bits."""

    def __call__(self, *args, **kwargs):
        for plan in list(self._plans):
            before = _State(plan, args, kwargs)
            result = plan.call(args, kwargs)
            if result is not NotImplemented:
                replayed = before.now(result)
                before.restore()
                result = self._function(*args, **kwargs)
                actual = before.now(result)
                different = [name for name in actual.keys() | replayed.keys()
                             if name not in actual or name not in replayed or not torch.equal(actual[name], replayed[name])]
                if different:
                    before.restore()
                    first = self._first_to_differ(plan, before, args, kwargs)
                    name, program = self._name, "\n".join(plan_text.lines(plan.program()))
                    raise RuntimeError(f"hologram.jit: a replay of {name} gives something else than the function: "
                                       f"{', '.join(sorted(different))}. {first}Its plan:\n{program}")
                return result
        return self._run(args, kwargs)

    def _first_to_differ(self, plan, before: _State, args, kwargs) -> str:
        """Which node, in the order of the program, wrote other bits in a further replay than in a further run of the function."""
        _, replayed = plan.call_and_hash(args, kwargs)
        before.restore()
        given = [leaf for leaf in _leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        numbers = [t for t in given if t.device.type == "cpu" and t.numel() <= 1]
        capture = _C.StepCapture([t for t in given if not any(t is number for number in numbers)], numbers, plan.parameters)
        try:
            capture.hash_nodes()
            result = self._function(*args, **kwargs)    # held: what no one can see does not run
            _runtime.flush()
            ran = capture.hashes()
            if not ran:
                return ""
            del result
        finally:
            capture.drop()
        lines = plan_text.lines(plan.program())
        bits: dict[int, int | None] = {}        # of nodes as they were captured: what runs once may be a part of one
        place: dict[int, int] = {}
        for line, (captured, found) in enumerate(replayed):
            before_it = bits.get(captured, 0)
            bits[captured] = None if found is None or before_it is None else (before_it + found) % 2**64
            place[captured] = line
        for captured in sorted(bits):
            if captured >= len(ran):
                return f"The function does less: it ends before node {place[captured]} ({lines[place[captured]]}). "
            name, where, expected = ran[captured]
            if bits[captured] is not None and expected and bits[captured] != expected:
                return f"The first to differ is node {place[captured]}, {name}{where} ({lines[place[captured]]}). "
        return ""


class _State:
    """What a run of a plan may change, before it does."""

    def __init__(self, plan, args, kwargs) -> None:
        self.tensors = {f"argument {i}": leaf for i, leaf in enumerate(_leaves((args, kwargs))) if isinstance(leaf, torch.Tensor)}
        self.tensors |= {f"a tensor around it of shape {tuple(t.shape)} ({i})": t for i, t in enumerate(plan.written)}
        self.parameters = plan.parameters
        self.gradients = [p.grad for p in self.parameters]
        self.bits = [t.detach().clone() for t in self.tensors.values()]
        self.gradient_bits = [None if g is None else g.clone() for g in self.gradients]
        self.generator = torch.get_device_module(NAME).get_rng_state()

    def restore(self) -> None:
        with torch.no_grad():
            for tensor, bits in zip(self.tensors.values(), self.bits, strict=True):
                tensor.copy_(bits)
            for parameter, gradient, kept in zip(self.parameters, self.gradients, self.gradient_bits, strict=True):
                parameter.grad = gradient
                if gradient is not None:
                    gradient.copy_(kept)
        torch.get_device_module(NAME).set_rng_state(self.generator)

    def now(self, result) -> dict[str, torch.Tensor]:
        """By name, the bits of all that changed."""
        results = {f"result {i}": leaf for i, leaf in enumerate(_leaves(result)) if isinstance(leaf, torch.Tensor)}
        gradients = {f"the gradient of a parameter of shape {tuple(p.shape)} ({i})": p.grad for i, p in enumerate(self.parameters)}
        all_of_it = {**results, **self.tensors, **{name: g for name, g in gradients.items() if g is not None}}
        bits = {name: t.detach().clone(memory_format=torch.contiguous_format).reshape(-1).view(torch.uint8)
                for name, t in all_of_it.items()}
        return {**bits, "the generator": torch.get_device_module(NAME).get_rng_state()}


def _only_default_devices() -> bool:
    """Is each function mode that is active the one of a default device?"""
    modes = (torch._C._get_function_stack_at(i) for i in range(torch._C._len_torch_function_stack()))
    return all(type(mode) is DeviceContext for mode in modes)


def _obstacle(tensor: torch.Tensor) -> str:
    """Why a tensor cannot be an argument of a plan; empty when it can."""
    if type(tensor) not in (torch.Tensor, torch.nn.Parameter):
        return f"an argument is a {type(tensor).__name__}"
    if tensor.layout is not torch.strided or tensor.is_nested or tensor.is_quantized:
        return "an argument is sparse, nested or quantized"
    if tensor.device.type not in ("cpu", NAME):
        return f"an argument is on {tensor.device}"
    if tensor.requires_grad:
        return "an argument requires a gradient. Detach it, or use torch.compile"
    if tensor.is_conj() or tensor.is_neg():
        return "an argument is a lazy view. Call .resolve_conj() or .resolve_neg() on it"
    return ""


def _obstacle_of_results(value: Any) -> str:
    if isinstance(value, (torch.Tensor, *PLAIN)):
        return ""
    named = isinstance(value, tuple) and (hasattr(value, "_fields") or type(value).__module__ == "torch.return_types")
    if named or type(value) in (list, tuple, dict):
        return next(filter(None, map(_obstacle_of_results, value.values() if type(value) is dict else value)), "")
    return f"its result is a {type(value).__name__}. Return tensors in tuples, lists and dicts"


def _obstacle_of_the_process() -> str:
    if _C.get_backend() != "cpu":
        return f"graphs are captured on the cpu backend only, not on {_C.get_backend()!r}"
    if torch.is_anomaly_enabled():
        return "anomaly detection is on"
    return ""


def jit(function: Callable | None = None, *, strict: bool = False, max_plans: int = 8):
    """Replays a function of tensors, whole training steps included: forward, backward, optimizer.

    The first call with arguments of a kind runs as ever; the next ones are captured while they run; then the captured graph runs
    in the function's place, without Python. Results and random numbers are those of the function, bit for bit. Results are new
    tensors each time; parameters, optimizer state and gradients change where they are.

    A plan is kept for each kind of call: shapes, strides and types of tensors, the values of numbers and of other arguments,
    gradient mode, autocast, backend. Before each replay it is checked that parameters, modules' training flags, optimizers'
    numbers and the variables that the function reads are what they were.

    What is no work of the device happens while a call is captured, and not when it is replayed: printing, counting in Python.

    Args:
        function: a function of tensors and other values in tuples, lists and dicts. It returns such a structure.
        strict: raise RuntimeError where the function cannot be captured, instead of running it as it is with a warning.
        max_plans: plans that are kept at a time.

    Returns:
        A callable with the methods ``plans()``, which describes what was captured or says why not, and ``clear()``.
    """
    if function is None:
        return functools.partial(jit, strict=strict, max_plans=max_plans)
    if not callable(function):
        raise TypeError(f"hologram.jit: a function is needed, not {type(function).__name__}. Write @torch.hologram.jit above it.")
    if not isinstance(max_plans, int) or max_plans < 1:
        raise ValueError(f"hologram.jit: max_plans is {max_plans!r}. Give the number of plans to keep, at least 1.")
    kinds = {"on": JitFunction, "off": _PlainFunction, "check": _CheckedFunction}
    return kinds[config.jit](function, strict, max_plans)
