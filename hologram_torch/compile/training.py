"""A forward and a backward graph of AOTAutograd's as one differentiable function, without its wrappers.

What AOTAutograd puts around its graphs serves aliases, mutations and subclasses, and costs more than the kernels of a small model.
Graphs that have none of it need none of it: their forward results are results and what backward wants, in this order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch._dynamo import compiled_autograd
from torch._guards import TracingContext

from .. import _C
from .region import Region


class Trained(_C.TrainedRegion):
    """What a graph with gradients is called by. `general`: AOTAutograd's own way, until there is a backward graph, and where it serves
    more than plain tensors."""

    def __init__(self, count: int) -> None:
        super().__init__(compiled_autograd)
        self.general: Callable[..., Any]
        self._count = count                 # of arguments
        self._forward: Region | None = None
        self._meta: Any = None

    def forward(self, graph, _) -> Region:
        self._forward = Region(graph, "forward graph")
        context = TracingContext.try_get()
        self._meta = context.fw_metadata if context is not None else None
        return self._forward

    def backward(self, graph, _) -> Region:
        """AOTAutograd asks for it when a backward pass comes by for the first time."""
        region = Region(graph, "backward graph")
        if self._forward is not None and self._meta is not None and _is_simple(self._meta):
            outputs = self._meta.output_info
            saved = self._forward.results - len(outputs)
            given = [node.meta.get("val") for node in graph.graph.nodes if node.op == "placeholder"]
            wanted = sum(o.requires_grad for o in outputs)
            if self._forward.arguments == region.results == self._count and len(given) == saved + wanted:
                strides = [t.stride() for t in given[saved:]]
                if all(isinstance(n, int) for stride in strides for n in stride):
                    unchecked = self._meta.num_tensors_saved_with_no_vc_check or 0
                    self._join(self._forward, region, [o.requires_grad for o in outputs], strides, unchecked)
        return region


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
