"""Corrections of what torch asks of a device while it traces a program, as those in _patches.py, which applies them.

Modules that only tracing imports are corrected when they are imported: nothing is imported for it before.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import types

import torch

from . import _C, _imports
from .torch_release import RELEASE

NAME = "hologram"
originals: dict[str, object] = {}


def apply() -> None:
    _random_state_of_checkpoints()
    _compile_for_the_device()
    _trace_fused_optimizers()
    _count_steps_on_the_device()
    _trace_recurrent_layers()
    _call_graphs_directly()
    _flex_attention()
    _check_ops_of_users()
    _imports.after("torch._dynamo.device_interface", lambda _: importlib.import_module(".device_interface", __package__).register())


def _random_state_of_checkpoints() -> None:
    # torch.utils.checkpoint in a traced graph keeps and restores the random state by ops that know four devices by name, in tables
    # of their own: "AssertionError: Backend not supported for hologram".
    from torch._C import DispatchKey
    from torch._prims import rng_prims
    from torch._prims.rng_prims import run_and_save_rng_state, run_with_rng_state

    def save(op, *args, **kwargs):
        return torch.hologram.get_rng_state(), op(*args, **kwargs)

    def restore(state, op, *args, **kwargs):
        before = torch.hologram.get_rng_state()
        torch.hologram.set_rng_state(state.cpu())
        try:
            return op(*args, **kwargs)
        finally:
            torch.hologram.set_rng_state(before)

    def with_ours(original, ours, op_at: int):
        @functools.wraps(original)
        def select(*args, **kwargs):
            device = rng_prims.get_device(args[op_at + 1:], kwargs)
            return (ours if device == NAME else original)(*args, **kwargs)
        return select

    for op, ours, op_at in ((run_and_save_rng_state, save, 0), (run_with_rng_state, restore, 1)):
        op.py_impl(DispatchKey.PrivateUse1)(ours)
        original = originals[f"{op.name()}.select"] = op.py_kernels[DispatchKey.BackendSelect]
        select = op.py_kernels[DispatchKey.BackendSelect] = with_ours(original, ours, op_at)
        for tracing in (*op.python_key_table.values(), *op.py_kernels.values()):
            for cell in getattr(tracing, "__closure__", None) or ():
                if cell.cell_contents is original and tracing is not select:
                    cell.cell_contents = select


def _compile_for_the_device() -> None:
    # torch.compile(model) means Inductor, which writes C++ for devices that it knows by name: "KeyError: 'hologram'". Graphs with
    # tensors of the device go to hologram_torch.compile, all others where they went. Nothing is imported before it is needed.
    def of_inductor(module: types.ModuleType) -> None:
        original = originals["compile_fx"] = module.compile_fx

        @functools.wraps(original)
        def compile_fx(model_, example_inputs_, *args, config_patches=None, **kwargs):
            from . import compile

            if not compile.concerns(model_, example_inputs_):
                return original(model_, example_inputs_, *args, config_patches=config_patches, **kwargs)
            refuse_cpp(config_patches)
            return compile.backend(model_, example_inputs_)

        def refuse_cpp(config_patches) -> None:
            if module.V.aot_compilation or (config_patches or {}).get("cpp_wrapper"):
                raise NotImplementedError("hologram.compile: AOTInductor writes C++ for other devices. Export the model on the CPU for it "
                                          "(torch.export.export(model.cpu(), ...)), or use torch.compile or torch.export on the device.")

        # The same for a graph that has been through AOTAutograd: what backends of others hand on.
        inner = originals["compile_fx_inner"] = module.compile_fx_inner

        @functools.wraps(inner)
        def compile_fx_inner(gm, example_inputs, *args, **kwargs):
            from . import compile

            if not compile.concerns(gm, example_inputs):
                return inner(gm, example_inputs, *args, **kwargs)
            refuse_cpp({"cpp_wrapper": kwargs.get("cpp_wrapper")})
            return compile.Region(gm, "graph")

        module.compile_fx, module.compile_fx_inner = compile_fx, compile_fx_inner

    # Of an option for the device torch says that it is none of three hundred others.
    options = originals["apply_options"] = torch._TorchCompileInductorWrapper.apply_options

    @functools.wraps(options)
    def apply_options(self, asked):
        if asked and NAME in asked:
            from . import compile

            compile.check_options(asked)
        return options(self, asked)

    torch._TorchCompileInductorWrapper.apply_options = apply_options

    def of_backends(module: types.ModuleType) -> None:      # what an installed package says by its entry point
        here = importlib.metadata.EntryPoint(NAME, "hologram_torch.compile:backend", "torch_dynamo_backends")
        module._BACKENDS.setdefault(NAME, here)

    _imports.after("torch._inductor.compile_fx", of_inductor)
    _imports.after("torch._dynamo.backends.registry", of_backends)


def _trace_fused_optimizers() -> None:
    # Fused Adam is what optimizers of the device do where nothing else is asked for (_patches.py), and torch.compile does not trace fused
    # steps: a step would be two graphs more than on the CPU. Where it is one op, and comes to hologram_torch.compile, it is traced:
    # AOTAutograd cannot do with its lists, one of which is empty.
    def comes_to_us() -> bool:
        from . import compile

        return compile.traces_now()

    comes_to_us._dynamo_marked_constant = True      # torch._dynamo.assume_constant_result: it is called while torch traces

    def where_it_is_one_op(traced, refused):
        @functools.wraps(traced)
        def step(params, *args, **kwargs):
            scaled = kwargs.get("grad_scale") is not None or kwargs.get("found_inf") is not None
            one_op = not scaled and all(p.device.type == NAME and p.dtype == params[0].dtype for p in params)
            return (traced if torch.compiler.is_compiling() and one_op and comes_to_us() else refused)(params, *args, **kwargs)
        return step

    def of_frames(module: types.ModuleType) -> None:
        from torch.optim import adagrad, adam, sgd

        patch = module.TorchPatcher.patch
        fused = [(adam, "_fused_adam"), (sgd, "_fused_sgd"), (adagrad, "_fused_adagrad")]
        traced = {name: getattr(optimizer, name) for optimizer, name in fused}
        originals.update(traced)

        @functools.cache
        def with_fused() -> None:
            patch()
            for optimizer, name in fused:
                setattr(optimizer, name, where_it_is_one_op(traced[name], getattr(optimizer, name)))

        module.TorchPatcher.patch = staticmethod(with_fused)

    _imports.after("torch._dynamo.eval_frame", of_frames)


def _count_steps_on_the_device() -> None:
    # An optimizer that torch.compile traces counts its steps on the device (capturable=True), if that is a CUDA or XPU device. On the
    # CPU the count would be another one in each call of the graph.
    def of_optimizers(module: types.ModuleType) -> None:
        original = originals["_set_capturable"] = module.OptimizerVariable._set_capturable

        @functools.wraps(original)
        def _set_capturable(self, tx):
            for group in self.value.param_groups:
                counts = "capturable" in group and not group.get("fused")
                if counts and all(p.device.type == NAME and p not in self.value.state for p in group["params"]):
                    group["capturable"] = True
            return original(self, tx)

        module.OptimizerVariable._set_capturable = _set_capturable

    _imports.after("torch._dynamo.variables.optimizer", of_optimizers)


def _trace_recurrent_layers() -> None:
    # A kernel of a device hides the decompositions that torch's tracers (make_fx, AOTAutograd, export) take for composites: a traced LSTM
    # would be other ops than on the CPU.
    key = torch._C.DispatchKey
    for layer in ("lstm", "gru", "rnn_tanh", "rnn_relu"):
        for name in ("input", "data"):
            op = getattr(getattr(torch.ops.aten, layer), name)
            decomposition = op.py_kernels.get(key.CompositeImplicitAutograd)
            for where in (key.AutogradPrivateUse1, key.PrivateUse1):
                if decomposition is not None and where not in op.py_kernels:
                    op.py_impl(where)(decomposition)


def _call_graphs_directly() -> None:
    # Around each call of a traced graph torch._dynamo puts a function that keeps torch from tracing what is called, and marks for the
    # profiler in three more: 9 us, twice what a small plan takes. What hologram_torch.compile gives is no Python and runs by itself.
    def of_codegen(module: types.ModuleType) -> None:
        original = originals["make_call_generated_code"] = module.PyCodegen.make_call_generated_code

        @functools.wraps(original)
        def make_call_generated_code(self, fn_name):
            graphs = self.tx.output.global_scope
            compiled = getattr(graphs.get(fn_name), "_torchdynamo_orig_callable", None)
            if not isinstance(compiled, (_C.RegionTable, _C.TrainedRegion)):
                return original(self, fn_name)
            graphs[fn_name] = compiled
            with module.config.patch(record_runtime_overhead=False):
                return original(self, fn_name)

        module.PyCodegen.make_call_generated_code = make_call_generated_code

    if RELEASE >= (2, 13):
        _imports.after("torch._dynamo.codegen", of_codegen)


def _flex_attention() -> None:
    # "FlexAttention is only supported on CUDA, CPU, HPU, or MPS devices": op by op it asks for nothing but tensors. Its backward pass,
    # which torch refuses on the CPU for want of a kernel of Inductor's, runs op by op, too.
    def of_attention(module: types.ModuleType) -> None:
        original = originals["_validate_device"] = module._validate_device

        @functools.wraps(original)
        def _validate_device(query, key, value):
            if query.device.type != NAME:
                original(query, key, value)

        module._validate_device = _validate_device

    _imports.after("torch.nn.attention.flex_attention", of_attention)


def _check_ops_of_users() -> None:
    # torch.library.opcheck looks for an op's autograd kernel under the keys of three devices, and gives up on tensors of others.
    def of_checks(module: types.ModuleType) -> None:
        original = originals["autograd_registration_check"] = module.autograd_registration_check

        @functools.wraps(original)
        def autograd_registration_check(op, args, kwargs):
            given = [leaf for leaf in module.pytree.arg_tree_leaves(*args, **kwargs) if isinstance(leaf, torch.Tensor)]
            if not any(t.requires_grad for t in given) or all(t.device.type != NAME for t in given):
                return original(op, args, kwargs)
            keys = "AutogradPrivateUse1", "Autograd", "CompositeImplicitAutograd"
            if any(torch._C._dispatch_has_kernel_for_dispatch_key(op.name(), key) for key in keys):
                return
            with module.set_autograd_fallback_mode("nothing"):
                results = module.pytree.tree_leaves(op(*args, **kwargs))
            if any(isinstance(t, torch.Tensor) and t.requires_grad and not any(t is g for g in given) for t in results):
                raise AssertionError(f"{op.name()}: a result requires a gradient, and the op has no autograd kernel. Register one for "
                                     "Autograd, or the op as CompositeImplicitAutograd if it is made of other ops.")

        module.autograd_registration_check = autograd_registration_check

    _imports.after("torch.testing._internal.optests.autograd_registration", of_checks)
