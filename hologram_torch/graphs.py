"""Work that is captured once and replayed on the same memory: the interface of CUDA graphs, for this device.

    g = torch.hologram.Graph()
    with torch.hologram.graph(g):
        static_output = model(static_input)

    static_input.copy_(batch)
    g.replay()                      # static_output holds the model's answer to the batch

What a program of CUDA's does with `torch.cuda.CUDAGraph`, `torch.cuda.graph` and `torch.cuda.make_graphed_callables` works with the
names of this module (`torch.hologram.Graph` and so on), and `torch.accelerator.Graph` is the same thing under torch's own name.
`torch.hologram.jit` is easier to use: it needs no fixed buffers.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from torch.utils import _pytree as pytree

from hologram_core import plan_text

from . import _C, NAME

PoolId = tuple[int, int]
ERROR_MODES = ("default", "global", "thread_local", "relaxed")


class Graph(_C.AcceleratorGraph):
    """Work of the device that is captured, and replayed without Python, autograd and dispatch.

    Tensors that exist when the capture ends keep their memory: the graph reads its inputs there, and each replay overwrites what it
    computes. Memory of tensors that came and went during the capture is a private pool of the graph's.

    Capturing changes nothing: parameters, optimizer state, inputs and generators are afterwards what they were before, so that each
    replay is one step. (Ops do run while they are captured. What a captured tensor holds before the first replay is not specified.)
    For that, memory that the work writes and that existed before is copied first, and held until the capture ends.

    Random numbers are new in each replay, and those that the work would have drawn without a graph. What is a Python number
    (a learning rate, a size) stays as it was captured.

    Args:
        keep_graph: the graph is made fit to run by `instantiate()` or the first `replay()`, and not when the capture ends.

    Only the cpu backend captures: elsewhere `capture_begin` raises RuntimeError.
    """

    def __init__(self, keep_graph: bool = False) -> None:
        super().__init__(keep_graph)

    def capture_begin(self, pool: PoolId | None = None, capture_error_mode: str = "global") -> None:
        """Captures the work of this thread from now on; `torch.hologram.graph` calls this.

        Args:
            pool: what `graph_pool_handle()` or `pool()` of another graph returned: both use one memory for temporaries. Graphs that
                share a pool are replayed one after the other, in the order in which they were captured.
            capture_error_mode: CUDA's modes are accepted. Other threads must not use the device meanwhile in any of them.

        Raises RuntimeError where this graph holds work already, or another capture is under way.
        """
        if capture_error_mode not in ERROR_MODES:
            raise ValueError(f"hologram.Graph.capture_begin: capture_error_mode={capture_error_mode!r} is none of "
                             f"{', '.join(ERROR_MODES)}.")
        super().capture_begin(pool)

    def capture_end(self) -> None:
        """Ends the capture. Where an exception leaves the captured block, the graph stays empty and the device as it was.

        Raises RuntimeError with the reason where the work cannot be replayed."""
        super().capture_end()

    def instantiate(self) -> None:
        """Makes the graph fit to run. Happens by itself, at the end of the capture or at the first replay (`keep_graph`)."""
        super().instantiate()

    def replay(self) -> None:
        """Does the captured work once more. Raises RuntimeError where nothing was captured, or the capture failed."""
        super().replay()

    def reset(self) -> None:
        """Forgets the captured work and gives its memory back; tensors that the program holds stay. It can capture anew then."""
        super().reset()

    def pool(self) -> PoolId:
        """The graph's memory pool, for `pool=` of other graphs."""
        return super().pool()

    def enable_debug_mode(self) -> None:
        """Allows `debug_dump`."""
        super().enable_debug_mode()

    def debug_dump(self, debug_path: str) -> None:
        """Writes the captured work to a file, as a drawing in Graphviz's language: a box per kernel and call."""
        super().debug_dump(str(debug_path))

    def describe(self) -> list[str]:
        """The captured work: a line per kernel and call, with the memory that it uses."""
        return plan_text.lines(self.program())

    def register_generator_state(self, generator: torch.Generator) -> None:
        """The captured work may draw from this generator of the device too. To be called before the capture."""
        super().register_generator_state(generator)


class graph:
    """Context manager: what the block does on the device becomes the work of a Graph.

    Args:
        hologram_graph: the Graph.
        pool: see `Graph.capture_begin`.
        stream: the stream that is current inside the block.
        capture_error_mode: see `Graph.capture_begin`.
    """

    def __init__(self, hologram_graph: Graph, pool: PoolId | None = None, stream: torch.Stream | None = None,
                 capture_error_mode: str = "global") -> None:
        self.hologram_graph, self.pool, self.capture_error_mode = hologram_graph, pool, capture_error_mode
        self._stream: Any = contextlib.nullcontext() if stream is None else stream

    def __enter__(self) -> None:
        _C.synchronize(_C.current_device())
        self._stream.__enter__()
        try:
            self.hologram_graph.capture_begin(self.pool, self.capture_error_mode)
        except BaseException:
            self._stream.__exit__(None, None, None)
            raise

    def __exit__(self, *exc: Any) -> None:
        try:
            self.hologram_graph.capture_end()
        finally:
            self._stream.__exit__(None, None, None)


def graph_pool_handle() -> PoolId:
    """A new memory pool, for `pool=` of graphs that are replayed one after the other."""
    return _C.graph_pool_handle()


def is_current_stream_capturing() -> bool:
    """Is the work of this thread being captured by a Graph?"""
    return _C.is_graph_capturing()


# ---- optimizers ----

_hooks: list[Any] = []


def _watch_optimizers(on: bool) -> None:
    """While a graph is captured (the extension calls this), optimizers that count their steps on the host are refused."""
    while _hooks:
        _hooks.pop().remove()
    if on:
        _hooks.append(register_optimizer_step_pre_hook(_check_optimizer))
        _hooks.append(register_optimizer_step_post_hook(_check_optimizer))


def _check_optimizer(optimizer: torch.optim.Optimizer, *_: Any) -> None:
    for group in optimizer.param_groups:
        if group.get("lr_decay") == 0:      # Adagrad counts for that only
            continue
        for parameter in group["params"]:
            step = optimizer.state.get(parameter, {}).get("step") if parameter.device.type == NAME else None
            if step is not None and not (isinstance(step, torch.Tensor) and step.device.type == NAME):
                raise RuntimeError(f"hologram.Graph: {type(optimizer).__name__} counts its steps on the host, and a replay would not. "
                                   "Make it with capturable=True or fused=True.")


# ---- forward and backward apart ----

def make_graphed_callables(callables: Callable | tuple[Callable, ...], sample_args: tuple, num_warmup_iters: int = 3,
                           allow_unused_input: bool = False, pool: PoolId | None = None) -> Any:
    """Modules or functions whose forward and backward passes are graphs, for programs that cannot be captured as a whole.

    Args:
        callables: a module or function of tensors, or a tuple of these that run in this order; they share a pool.
        sample_args: a tuple of tensors for it (of such tuples for a tuple of callables), with the shapes, types and `requires_grad` of
            the arguments that will be given.
        num_warmup_iters: how often each runs before it is captured.
        allow_unused_input: an input that the outputs do not depend on is no error.
        pool: see `Graph.capture_begin`.

    Returns:
        For a function a function; for a module the module itself, whose forward replays while its training flag is what it was when
        it was captured. Arguments are copied into the graph's inputs. Results are overwritten by the next call.

    Higher derivatives are not supported. Modules must have no hooks, and buffers without gradients. Under autocast its cache must
    be off.
    """
    if torch.is_autocast_enabled(NAME) and torch.is_autocast_cache_enabled():
        raise RuntimeError("hologram.make_graphed_callables: autocast caches converted weights, which a graph would keep. "
                           "Use torch.autocast(..., cache_enabled=False).")
    single = not isinstance(callables, tuple)
    functions: tuple[Callable, ...] = (callables,) if single else callables     # type: ignore[assignment]
    samples: tuple = (sample_args,) if single else sample_args
    if len(functions) != len(samples):
        raise ValueError(f"hologram.make_graphed_callables: {len(functions)} callables and {len(samples)} tuples of sample arguments. "
                         "Give one tuple for each.")
    parts = [_Part(function, args, allow_unused_input) for function, args in zip(functions, samples, strict=True)]
    pool = graph_pool_handle() if pool is None else pool
    for part in parts:
        part.warm_up(num_warmup_iters)
    # In the order in which they will run: what one leaves for another must not be overwritten in between.
    for part in parts:
        part.capture_forward(pool)
    for part in reversed(parts):
        part.capture_backward(pool)
    graphed = [part.finished() for part in parts]
    return graphed[0] if single else tuple(graphed)


class _Part:
    """One callable: its graphs, and the tensors that they read and write."""

    def __init__(self, function: Callable, args: tuple, allow_unused: bool) -> None:
        self.function, self.args, self.allow_unused = function, args, allow_unused
        self.inputs = pytree.arg_tree_leaves(*args)
        self.parameters: tuple[torch.Tensor, ...] = ()
        if not all(isinstance(value, torch.Tensor) and value.device.type == NAME for value in self.inputs):
            raise TypeError("hologram.make_graphed_callables: sample_args may hold tensors of the device only.")
        if isinstance(function, torch.nn.Module):
            if function._backward_hooks or function._forward_hooks or function._forward_pre_hooks:
                raise RuntimeError("hologram.make_graphed_callables: the module has hooks, which a replay would leave out. "
                                   "Register them afterwards.")
            if any(buffer.requires_grad for buffer in function.buffers()):
                raise RuntimeError("hologram.make_graphed_callables: a buffer of the module requires a gradient. Make it a parameter.")
            self.parameters = tuple(function.parameters())
        self.differentiated = [t for t in (*self.inputs, *self.parameters) if t.requires_grad]
        self.forward_graph, self.backward_graph = Graph(), Graph()

    def _gradients(self, outputs: Sequence[torch.Tensor], given: Sequence[torch.Tensor]) -> tuple:
        return torch.autograd.grad(outputs, self.differentiated, given, allow_unused=self.allow_unused)

    def warm_up(self, times: int) -> None:
        for _ in range(times):
            outputs = [t for t in pytree.tree_leaves(self.function(*self.args)) if isinstance(t, torch.Tensor) and t.requires_grad]
            if outputs and self.differentiated:
                self._gradients(outputs, [torch.ones_like(t) for t in outputs])

    def capture_forward(self, pool: PoolId) -> None:
        with graph(self.forward_graph, pool=pool):
            outputs = self.function(*self.args)
        self.outputs, self.structure = pytree.tree_flatten(outputs)
        if not all(isinstance(value, torch.Tensor) for value in self.outputs):
            raise TypeError("hologram.make_graphed_callables: the callable may return tensors only, in tuples, lists and dicts.")

    def capture_backward(self, pool: PoolId) -> None:
        outputs = [t for t in self.outputs if t.requires_grad]
        self.gradients_given = [torch.zeros_like(t) if t.requires_grad else None for t in self.outputs]
        found: Sequence[torch.Tensor | None] = ()
        if outputs and self.differentiated:
            with graph(self.backward_graph, pool=pool):
                found = self._gradients(outputs, [t for t in self.gradients_given if t is not None])
        each = iter(found)
        self.gradients = [next(each, None) if t.requires_grad else None for t in (*self.inputs, *self.parameters)]
        self.outputs = [t.detach() for t in self.outputs]       # the graph of autograd has served

    def finished(self) -> Callable:
        call = self._function()
        module = self.function
        if not isinstance(module, torch.nn.Module):
            return call
        training, forward = module.training, module.forward

        def graphed_forward(*args: Any, **kwargs: Any) -> Any:
            return call(*args, **kwargs) if module.training == training else forward(*args, **kwargs)

        module.forward = graphed_forward
        return module

    def _function(self) -> Callable:
        part = self

        class Graphed(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, *given: torch.Tensor) -> tuple[torch.Tensor, ...]:
                for i, own in enumerate(part.inputs):
                    _fill(own, given[i], f"argument {i}")
                part.forward_graph.replay()
                results = tuple(t.detach() for t in part.outputs)
                ctx.mark_non_differentiable(*(t for t, own in zip(results, part.gradients_given, strict=True) if own is None))
                return results

            @staticmethod
            @torch.autograd.function.once_differentiable
            def backward(ctx: Any, *given: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
                for own, gradient in zip(part.gradients_given, given, strict=True):
                    if own is not None:
                        _fill(own, gradient, "a gradient")
                part.backward_graph.replay()
                return tuple(t if t is None else t.detach() for t in part.gradients)

        def graphed(*args: Any) -> Any:
            leaves = pytree.arg_tree_leaves(*args)
            if len(leaves) != len(part.inputs):
                raise TypeError(f"hologram.make_graphed_callables: {len(leaves)} tensors where {len(part.inputs)} were captured. "
                                "Give the arguments that sample_args had.")
            return pytree.tree_unflatten(Graphed.apply(*leaves, *part.parameters), part.structure)

        return graphed


def _fill(own: torch.Tensor, given: Any, what: str) -> None:
    """Copies into a tensor of the graph's, unless that is where it lies already."""
    if not isinstance(given, torch.Tensor) or given.shape != own.shape or given.dtype != own.dtype:
        got = f"{given.dtype} {list(given.shape)}" if isinstance(given, torch.Tensor) else type(given).__name__
        raise ValueError(f"hologram.make_graphed_callables: {what} is {got} where {own.dtype} {list(own.shape)} was captured. "
                         "Capture each shape and type apart.")
    same = given.untyped_storage()._cdata == own.untyped_storage()._cdata
    if not (same and given.storage_offset() == own.storage_offset() and given.stride() == own.stride()):
        with torch.no_grad():
            own.copy_(given)
