"""What in a traced graph is no work of the device that could be written down while it runs."""

from __future__ import annotations

import operator
import sys
from collections.abc import Iterator
from typing import Any

import torch
from torch import fx
from torch._subclasses import FakeTensor

from .. import NAME

# Namespaces of ops that do nothing but compute. All others may do what a replay would leave out: exchange data with other processes, count.
NAMESPACES = ("aten", "prim", "prims", "higher_order", "hologram", "torchvision", "quantized", "inductor", "_inductor_test", "rngprims")
LIBRARIES = ("torch", "operator", "_operator", "math", "builtins", "einops", "")
# Functions that make a CPU tensor of numbers alone.
MAKERS = ("tensor", "as_tensor", "scalar_tensor", "full", "zeros", "ones", "arange", "linspace", "eye", "lift_fresh_copy", "lift_fresh")


def graphs(gm: fx.GraphModule) -> Iterator[fx.GraphModule]:
    """The graph and those within it, the bodies of higher-order ops."""
    return (module for module in gm.modules() if isinstance(module, fx.GraphModule))


def constants(gm: fx.GraphModule) -> list[torch.Tensor]:
    """The tensors of the device that belong to the graph."""
    held = [getattr(module, node.target, None) for module in graphs(gm) for node in module.graph.nodes
            if node.op == "get_attr" and "." not in node.target]
    tensors = [*gm.parameters(), *gm.buffers(), *(t for t in held if isinstance(t, torch.Tensor))]
    return [t for t in tensors if t.device.type == NAME]


def reason(gm: fx.GraphModule) -> str:
    """Why a graph cannot be captured; empty where it can."""
    for module in graphs(gm):
        for node in module.graph.nodes:
            if why := _obstacle(node):
                return why
    return ""


def only_detaches(gm: fx.GraphModule) -> bool:
    """Does a graph do nothing but detach plain tensors? What is left of a step that returns its loss."""
    called = [node for node in gm.graph.nodes if node.op not in ("placeholder", "output")]
    return all(node.op == "call_method" and node.target == "detach" and type(t) in (torch.Tensor, FakeTensor)
               for node in called for t in _tensors(node)) and bool(called)


def forget_streams(gm: fx.GraphModule) -> None:
    """Before each call of a graph torch._dynamo looks up the current stream (3 us), for ops on streams. Says that there are none."""
    objects = sys.modules.get("torch._dynamo.graph_bytecode_inputs")
    makers: dict = getattr(objects, "index_to_bytecode_constructor", {})
    if len(makers) == 1 and not any(getattr(node.target, "namespace", "") == "streams" for g in graphs(gm) for node in g.graph.nodes):
        makers.clear()


def _obstacle(node: fx.Node) -> str:
    if node.op == "call_function":
        target: Any = node.target
        if isinstance(target, torch._ops.OpOverload) and target.namespace not in NAMESPACES:
            return f"it calls {target}, which may do more than compute"
        if not isinstance(target, torch._ops.OperatorBase):
            module = (getattr(target, "__module__", None) or "").split(".")[0]
            if module not in LIBRARIES:
                return f"it calls {getattr(target, '__qualname__', target)}, which is no op of torch"
    on_cpu = node.op in ("call_function", "call_method") and any(t.device.type == "cpu" for t in _tensors(node))
    if on_cpu and not _is_made_of_numbers(node):
        return f"it computes on the CPU ({node.name})"
    return ""


def _tensors(node: fx.Node) -> list[torch.Tensor]:
    value = node.meta.get("val", node.meta.get("example_value"))
    return [t for t in (value if isinstance(value, (tuple, list)) else (value,)) if isinstance(t, torch.Tensor)]


def _is_made_of_numbers(node: fx.Node) -> bool:
    """Is a CPU tensor the same in each run: no argument of the graph goes in, and nothing random?"""
    if node.op == "get_attr":
        return True
    if node.op != "call_function":
        return False
    target: Any = node.target
    name = target._schema.name.split("::")[-1] if isinstance(target, torch._ops.OpOverload) else getattr(target, "__name__", "")
    if target is not operator.getitem and name not in MAKERS:
        return False
    return all(_is_made_of_numbers(n) for n in node.all_input_nodes if _tensors(n))
