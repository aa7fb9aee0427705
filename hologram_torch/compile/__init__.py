"""torch.compile on the device: graphs that torch traces are captured while they run, and replayed as plans.

`torch.compile(model)` comes here by itself for graphs with tensors of the device (hologram_torch/_patches.py), and
`torch.compile(model, backend="hologram")` by name. There is no lowering and no compiler of C++: a traced graph runs as it is, on the
device's kernels; its first runs are written down, and later ones are one call that runs what was written down (region.py).

Graphs without gradients are captured as they are traced, and give bit for bit what the program gives. Where there are gradients
AOTAutograd makes a forward and a backward graph first, each of which is captured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import fx

from .. import NAME
from . import opaque
from .region import Region
from .training import Trained

MODES = (None, "default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs")


def backend(gm: fx.GraphModule, example_inputs: Sequence[Any], *, mode: str | None = None,
            options: dict[str, Any] | None = None) -> Callable:
    """Compiles a graph of torch._dynamo's; what torch.compile calls.

    Args:
        gm: the graph.
        example_inputs: what it is called with: fake or real tensors, and numbers.
        mode: one of torch.compile's. All mean the same: a plan has no more overhead to reduce, and kernels are tuned already.
        options: taken, and not looked at; they are those of another compiler. `"hologram"` among them is refused.

    Raises:
        RuntimeError: for a mode that torch.compile does not have, and for an option of that name.
    """
    check_options(options)
    if mode not in MODES:
        raise RuntimeError(f"hologram.compile: there is no mode {mode!r}. Use one of {', '.join(map(repr, MODES[1:]))}.")
    output = gm.graph.output_node()
    if not isinstance(output.args[0], (tuple, list)) or any(isinstance(item, (tuple, list, dict)) for item in output.args[0]):
        return _with_flat_results(gm, output, example_inputs)
    opaque.forget_streams(gm)
    if not _needs_autograd(gm, example_inputs):
        return Region(gm, "graph", boxed=False)
    from torch._dynamo.backends.common import aot_autograd
    from torch._functorch.partitioners import min_cut_rematerialization_partition

    trained = Trained(len(example_inputs))
    compiled = aot_autograd(fw_compiler=trained.forward, bw_compiler=trained.backward,
                            inference_compiler=lambda graph, _: Region(graph, "graph"), decompositions={},
                            partition_fn=min_cut_rematerialization_partition, keep_inference_input_mutations=True)
    trained.general = torch._dynamo.disable(compiled(gm, example_inputs), reason="it runs what was traced")
    return trained


def check_options(options: dict[str, Any] | None) -> None:
    """Refuses an option that asks for another compiler of the device's graphs."""
    if options and NAME in options:
        raise RuntimeError(f"hologram.compile: there is no option {NAME!r} (here {options[NAME]!r}): graphs of the device run as plans, "
                           "and Inductor's code generator does not know it. Leave the option out, or compile model.cpu() for Inductor.")


def _with_flat_results(gm: fx.GraphModule, output: fx.Node, example_inputs: Sequence[Any]) -> Callable:
    """For a graph that torch._dynamo did not trace: its results are in another structure than a tuple."""
    from torch.utils._pytree import tree_flatten, tree_unflatten

    flat, structure = tree_flatten(output.args[0])
    output.args = (tuple(flat),)
    gm.recompile()
    compiled = backend(gm, example_inputs)
    return lambda *args: tree_unflatten(compiled(*args), structure)


def concerns(gm: Any, example_inputs: Sequence[Any]) -> bool:
    """Does a graph have tensors of the device, or make some?"""
    if any(isinstance(t, torch.Tensor) and t.device.type == NAME for t in example_inputs):
        return True
    if not isinstance(gm, torch.nn.Module):
        return False
    if any(t.device.type == NAME for held in (gm.parameters(), gm.buffers()) for t in held):
        return True
    return isinstance(gm, fx.GraphModule) and any(t.device.type == NAME for node in gm.graph.nodes for t in tensors_of(node))


def tensors_of(node: fx.Node) -> Iterator[torch.Tensor]:
    """The fake tensors that a node of a traced graph stands for."""
    value = node.meta.get("val", node.meta.get("example_value"))
    values = value if isinstance(value, (tuple, list)) else (value,)
    return (t for t in values if isinstance(t, torch.Tensor))


def traces_now() -> bool:
    """Does torch._dynamo trace for this backend? Asked by a correction of torch while it traces."""
    from torch._dynamo.symbolic_convert import InstructionTranslator

    compiler: Any = InstructionTranslator.current_tx().output.compiler_fn
    compiler = getattr(compiler, "_torchdynamo_orig_backend", compiler)
    compiler = getattr(compiler, "compiler_fn", compiler)
    return compiler is backend or type(compiler) is torch._TorchCompileInductorWrapper


def _needs_autograd(gm: fx.GraphModule, example_inputs: Sequence[Any]) -> bool:
    from torch.utils._python_dispatch import is_traceable_wrapper_subclass

    if opaque.only_detaches(gm):
        return False
    tensors = [t for t in example_inputs if isinstance(t, torch.Tensor)]
    if any(isinstance(t, (list, tuple, dict)) or is_traceable_wrapper_subclass(t) for t in example_inputs):
        return True
    return torch.is_grad_enabled() and any(t.requires_grad for held in (tensors, gm.parameters(), gm.buffers()) for t in held)
