"""Every function of torch that asks which accelerator there is, or what the registered device is called.

    {verdict: {file: functions}}      a function is named with its class; "" is the module itself

test_installed.py compares this list with the installed torch. A function that is new there chooses something: find out what it
does in a program without the device, and list it; if it chooses a device nobody named, or refuses to work, add it to
hologram_torch._patches.DECIDING as well.
"""

import ast
import re
from pathlib import Path

import torch

PLACES = {
    "mended by _patches.DECIDING": {
        "_dynamo/variables/streams.py": "SymbolicStreamState.__init__",
        "_inductor/codecache.py": "FxGraphHashDetails.__init__",
        "distributed/algorithms/model_averaging/utils.py": "average_parameters",
        "distributed/checkpoint/_experimental/staging.py": "DefaultStager.__init__",
        "distributed/checkpoint/staging.py": "DefaultStager.__init__",
        "distributed/device_mesh.py": "DeviceMesh._init_one_process_group",
        "distributed/distributed_c10d.py": "BackendConfig.__init__ barrier split_group",
        "distributed/fsdp/_fully_shard/_fsdp_init.py": "_init_default_mesh",
        "distributed/fsdp/_init_utils.py": "_init_device_handle",
        "distributed/run.py": "determine_local_world_size",
        "nn/attention/flex_attention.py": "create_block_mask create_mask",
        "utils/benchmark/utils/timer.py": "CPPTimer.__init__ timer",
        "utils/data/dataloader.py": "_BaseDataLoaderIter.__init__",
    },
    "mended by another correction": {
        "nn/parallel/data_parallel.py": "DataParallel.__init__ data_parallel",
        "profiler/profiler.py": "_KinetoProfile.__init__",          # which activities there are by default
    },
    "answers who asks": {
        "__init__.py": "get_device_module",
        "_utils.py": "_get_available_device_type _get_device_attr _is_privateuse1_backend_available",
        "accelerator/__init__.py": "current_accelerator device_count is_available",
        "accelerator/_utils.py": "_get_device_index",
        "accelerator/memory.py": "_snapshot",
        "_dynamo/variables/torch.py": " TorchInGraphFunctionVariable._get_handlers.handle_synchronize",
        "distributed/distributed_c10d.py": "init_process_group",      # of a device_id that was given
        "utils/backend_registration.py": " _get_custom_mod_func generate_methods_for_privateuse1_backend rename_privateuse1_backend",
        "overrides.py": "get_testing_overrides",
    },
    "follows the device of a tensor, or one that was named": {
        "_refs/__init__.py": "masked_fill",
        "_subclasses/fake_tensor.py": "_is_indexed_device_type init_gpu_context",
        "_tensor.py": "Tensor.__deepcopy__ Tensor._reduce_ex_internal",
        "_utils.py": "_to",
        "amp/autocast_mode.py": "autocast.__init__",
        "autograd/profiler.py": "profile.__init__ profile._parse_kineto_results",
        "distributed/algorithms/_comm_hooks/default_hooks.py": "_decompress",
        "distributed/fsdp/_common_utils.py": "_no_dispatch_record_stream",
        "distributed/fsdp/_fully_shard/_fsdp_state.py": "FSDPState._root_pre_forward",
        "distributed/fsdp/sharded_grad_scaler.py": "_is_supported_device",
        "functional.py": "norm",
        "nn/modules/activation.py": "MultiheadAttention.forward _check_arg_device",
        "nn/modules/batchnorm.py": "SyncBatchNorm.forward",
        "nn/modules/container.py": "ParameterDict.extra_repr ParameterList.extra_repr",
        "nn/modules/transformer.py": "TransformerEncoder.forward TransformerEncoderLayer.forward",
        "nn/utils/convert_parameters.py": "_check_param_device",
        "optim/optimizer.py": "_get_capturable_supported_devices",
        "serialization.py": "_backend_tag _deserialize _save",
        "storage.py": "TypedStorage._get_legacy_storage_class _get_device_from_module",
        "utils/_foreach_utils.py": "_get_foreach_kernels_supported_devices _get_fused_kernels_supported_devices",
    },
    # Random states of the device are kept as well as the CPU's; the device's generator is seeded as well.
    "harmless: keeps or sets a state of the device too": {
        "random.py": "_seed_custom_device fork_rng",
        "utils/checkpoint.py": "DefaultDeviceType.get_device_type",
        "distributed/_local_tensor/__init__.py": "_collect_accelerator_rng_states _set_accelerator_rng_states",
        "_dynamo/output_graph.py": "OutputGraph.save_global_state",
    },
    "harmless: waits for the device, or counts its memory, too": {
        "_dynamo/repro/after_aot.py": "inductor_fails.sync repro_run wrap_compiler_debug.debug_wrapper.inner_debug_fn",
        "_dynamo/utils.py": "timed",
        "_functorch/benchmark_utils.py": "dump_chrome_trace",
        "distributed/_tools/memory_tracker.py": "MemoryTracker.__init__",
    },
    "harmless: bytes of CPU tensors are the same either way": {
        "distributed/checkpoint/filesystem.py": "_OverlappingCpuLoader.__init__ _write_files_from_queue",
    },
    "harmless: about CUDA, XPU or Triton": {
        "_dynamo/output_graph.py": "OutputGraph.run_compiler_collective",
        "_functorch/_aot_autograd/streams.py": "handle_synced_deallocation",
        "_inductor/codegen/common.py": "init_backend_registration",
        "_inductor/runtime/triton_heuristics.py": "CachingAutotuner.copy_args_to_cpu_if_needed",
        "_subclasses/fake_tensor.py": "FakeTensorMode.avoid_device_init",
        "distributed/tensor/parallel/fsdp.py": "_chunk_tensor",
        "nn/parallel/_functions.py": "Scatter.forward _get_stream",
        "nn/parallel/parallel_apply.py": "parallel_apply",
        "optim/optimizer.py": "Optimizer._accelerator_graph_capture_health_check",
    },
}

_NAMES = {"current_accelerator", "_get_accelerator", "_accelerator_getAccelerator", "_get_privateuse1_backend_name",
          "_privateuse1_backend_name", "_is_privateuse1_backend_available", "_get_available_device_type"}
_OF_ACCELERATOR = {"is_available", "device_count"}
_TEXT = re.compile("|".join([*sorted(_NAMES), *(rf"accelerator\.{name}" for name in sorted(_OF_ACCELERATOR)), r"get_device_module\(\)"]))
_LEFT_OUT = ("testing", "include", "lib", "bin", "share")


def _name(node):
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else None


def _asks(node) -> bool:
    if isinstance(node, ast.Call):
        return _name(node.func) == "get_device_module" and not node.args and not node.keywords
    name = _name(node)
    return name in _NAMES or (name in _OF_ACCELERATOR and isinstance(node, ast.Attribute) and _name(node.value) == "accelerator")


def _functions(node, names):
    for child in ast.iter_child_nodes(node):
        if _asks(child):
            yield ".".join(names)
        inside = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        yield from _functions(child, [*names, child.name] if inside else names)


def found() -> set[tuple[str, str]]:
    """(file, function) of all that ask in the installed torch."""
    root = Path(torch.__file__).parent
    out = set()
    for path in root.rglob("*.py"):
        file = path.relative_to(root)
        if file.parts[0] in _LEFT_OUT or not _TEXT.search(text := path.read_text()):
            continue
        out.update((file.as_posix(), function) for function in _functions(ast.parse(text), []))
    return out


def listed() -> dict[tuple[str, str], str]:
    """(file, function) -> verdict."""
    out = {}
    for verdict, files in PLACES.items():
        for file, functions in files.items():
            for function in functions.split(" "):
                assert (file, function) not in out, (file, function)
                out[file, function] = verdict
    return out
