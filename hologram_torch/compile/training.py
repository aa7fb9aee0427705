"""A forward and a backward graph of AOTAutograd's as one differentiable function, without its wrappers.

What AOTAutograd puts around its graphs serves aliases, mutations and subclasses, and costs more than the kernels of a small model.
Graphs that have none of it need none of it: their forward results are results and what backward wants, in this order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch._guards import TracingContext

from .region import Region


class Trained:
    """What a graph with gradients is called by. `general`: AOTAutograd's own way."""

    def __init__(self, count: int) -> None:
        self.general: Callable[..., Any]
        self._count = count                 # of arguments
        self._forward: Region | None = None
        self._meta: Any = None
        self._apply: Callable[..., Any] | None = None

    def forward(self, graph, _) -> Region:
        self._forward = Region(graph, "forward graph")
        context = TracingContext.try_get()
        self._meta = context.fw_metadata if context is not None else None
        return self._forward

    def backward(self, graph, _) -> Region:
        """AOTAutograd asks for it when a backward pass comes by for the first time."""
        region = Region(graph, "backward graph")
        if self._forward is not None and self._meta is not None and _is_simple(self._meta):
            wanted = [i for i, o in enumerate(self._meta.output_info) if o.requires_grad_for_backward]
            saved = self._forward.results - len(self._meta.output_info)
            given = [node.meta.get("val") for node in graph.graph.nodes if node.op == "placeholder"]
            if self._forward.arguments == self._count and len(given) == saved + len(wanted):
                strides = {i: t.stride() for i, t in zip(wanted, given[saved:])}
                if all(isinstance(n, int) for stride in strides.values() for n in stride):
                    self._apply = _function(self._forward, region, self._meta, strides)
        return region

    def __call__(self, *args) -> Any:
        if (self._apply is None or torch._C._is_any_autocast_enabled() or torch._C._are_functorch_transforms_active()
                or torch._dynamo.compiled_autograd.compiled_autograd_enabled):
            return self.general(*args)
        return self._apply(*args)


def _is_simple(meta: Any) -> bool:
    from torch._functorch._aot_autograd.schemas import OutputType, PlainTensorMeta

    new = (OutputType.non_alias, OutputType.unsafe_view_alias, OutputType.custom_function_view)
    plain = (*meta.subclass_inp_meta, *meta.subclass_fw_graph_out_meta, *meta.subclass_tangent_meta)
    extras = (meta.num_mutated_inp_runtime_indices, meta.num_outputs_aliased, meta.num_intermediate_bases, meta.num_symints_saved_for_bw,
              meta.num_opaque_objects_saved_for_bw, len(meta.tokens), meta.num_backward_tokens, meta.num_graphsafe_rng_states,
              len(meta.indices_of_inputs_that_requires_grad_with_mutations_in_bw))
    return (not any(extras) and not meta.is_rng_op_functionalized and all(isinstance(m, PlainTensorMeta) for m in plain)
            and all(o.output_type in new and issubclass(o.raw_type, torch.Tensor) and o.requires_grad_for_backward == o.requires_grad
                    for o in meta.output_info))


def _function(forward: Region, backward: Region, meta: Any, strides: dict[int, tuple[int, ...]]) -> Callable[..., Any]:
    """A function of the graph's arguments. Autograd goes through the backward graph, which takes gradients of results with `strides`."""
    count = len(meta.output_info)
    constant = [i for i, o in enumerate(meta.output_info) if not o.requires_grad]
    unchecked = meta.num_tensors_saved_with_no_vc_check or 0

    class Graph(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *args):
            results = forward(list(args))
            saved = results[count:]
            for t in saved:
                if t._is_view():
                    saved = [t.detach() if t._is_view() else t for t in saved]      # a view may hold the node that holds it
                    break
            checked = len(saved) - unchecked
            ctx.save_for_backward(*saved[:checked])
            ctx.unchecked = saved[checked:]
            if constant:
                ctx.mark_non_differentiable(*(results[i] for i in constant))
                ctx._materialize_non_diff_grads = False
            return tuple(results[:count])

        @staticmethod
        def backward(ctx, *gradients):
            args = [*ctx.saved_tensors, *ctx.unchecked]
            for i, stride in strides.items():
                gradient = gradients[i]
                if gradient.stride() != stride:     # the graph was traced for these
                    gradient = torch.empty_strided(gradient.shape, stride, dtype=gradient.dtype, device=gradient.device).copy_(gradient)
                args.append(gradient)
            if torch.is_grad_enabled():
                return Once.apply(*args)
            return run_backward(args)

    class Once(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *args):
            return run_backward(list(args))

        @staticmethod
        def backward(ctx, *gradients):
            raise RuntimeError("torch.compile with aot_autograd does not currently support double backward")

    def run_backward(args: list) -> tuple[Any, ...]:
        if torch._C._is_any_autocast_enabled():
            with torch._C._DisableAutocast():
                return tuple(backward(args))
        return tuple(backward(args))

    for function in (Graph.forward, Graph.backward, Once.forward, run_backward, Region.__call__):
        untraced(function)
    return super(torch.autograd.Function, Graph).apply      # without what functorch needs


def untraced(function: Callable) -> None:
    """Leaves a function, and what it calls, out of what torch._dynamo traces: autograd calls it between the graphs of a step."""
    frames: Any = torch._C._dynamo.eval_frame
    if hasattr(frames, "set_code_exec_strategy"):
        skip = frames._FrameExecStrategy(frames._FrameAction.SKIP, frames._FrameAction.SKIP)
        frames.set_code_exec_strategy(function.__code__, skip)
