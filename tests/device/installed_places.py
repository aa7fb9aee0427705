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
        "distributed/_tools/runtime_estimator.py": "RuntimeEstimator._roofline_estimate",
        "distributed/device_mesh.py": "DeviceMesh._init_one_process_group DeviceMesh.abort",
        "distributed/distributed_c10d.py": "Backend.register_backend BackendConfig.__init__ _abort_process_group _get_split_source barrier "
                                           "new_subgroups split_group",
        "distributed/fsdp/_fully_shard/_fsdp_init.py": "_init_default_mesh",
        "distributed/fsdp/_init_utils.py": "_init_device_handle",
        "distributed/launcher/api.py": "LaunchConfig.__post_init__",
        "distributed/run.py": "determine_local_world_size",
        "nn/attention/flex_attention.py": "create_block_mask create_mask",
        "numa/binding.py": "_get_device_count _get_numa_node_index_for_device_index",
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
        "accelerator/_utils.py": "_get_device_index _lazy_call",
        "accelerator/memory.py": "_snapshot",
        "accelerator/random.py": "get_rng_state_all",
        "_dynamo/variables/torch.py": " TorchInGraphFunctionVariable._get_handlers.handle_synchronize",
        "distributed/distributed_c10d.py": "init_process_group",      # of a device_id that was given
        "utils/backend_registration.py": " _get_custom_mod_func generate_methods_for_privateuse1_backend rename_privateuse1_backend",
        "overrides.py": "get_testing_overrides",
    },
    "follows the device of a tensor, or one that was named": {
        "_decomp/decompositions.py": "native_group_norm_backward",
        "_dynamo/graph_utils.py": "_graph_device_types",
        "_dynamo/guards.py": "_guard_device_index_is_current _stream_is_current",
        "_dynamo/symbolic_convert.py": "InstructionTranslatorBase._maybe_emit_sync_dealloc",
        "_dynamo/variables/builder.py": "_coor_check_tensor_device",
        "_dynamo/variables/user_defined.py": "UserDefinedClassVariable._is_privateuse1_tensor_class",
        "_prims/rng_prims.py": "register_run_dtensor_rng_op.impl_backend_select",
        "_refs/__init__.py": "masked_fill native_group_norm",
        "_subclasses/fake_tensor.py": "FakeTensor.__new__ _is_indexed_device_type init_gpu_context",
        "_tensor.py": "Tensor.__deepcopy__ Tensor._reduce_ex_internal",
        "_utils.py": "_to",
        "amp/autocast_mode.py": "autocast.__init__",
        "autograd/profiler.py": "profile.__init__ profile._parse_kineto_results",
        "distributed/algorithms/_comm_hooks/default_hooks.py": "_decompress",
        "distributed/distributed_c10d.py": "_get_default_backend_type_for_backend_config",      # of those in a group's configuration
        "distributed/fsdp/_common_utils.py": "_no_dispatch_record_stream",
        "distributed/fsdp/_fully_shard/_fsdp_state.py": "FSDPState._root_pre_forward",
        "distributed/fsdp/sharded_grad_scaler.py": "_is_supported_device",
        "distributed/rpc/backend_registry.py": "_get_device_infos _set_devices_and_reverse_device_map _tensorpipe_init_backend_handler "
                                               "_tensorpipe_validate_devices",
        "distributed/tensor/_dispatch.py": "OpDispatcher._dispatch_get_local_results_slow_path",
        "functional.py": "norm",
        "fx/experimental/proxy_tensor.py": "_coor_current_accelerator",
        "fx/node.py": "_device_annotation",
        "nn/modules/activation.py": "MultiheadAttention.forward _check_arg_device",
        "nn/modules/batchnorm.py": "SyncBatchNorm.forward",
        "nn/modules/container.py": "ParameterDict.extra_repr ParameterList.extra_repr",
        "nn/modules/transformer.py": "TransformerEncoder.forward TransformerEncoderLayer.forward",
        "nn/utils/convert_parameters.py": "_check_param_device",
        "optim/optimizer.py": "_get_capturable_supported_devices",
        "serialization.py": "_backend_tag _deserialize _save",
        "storage.py": "TypedStorage._get_legacy_storage_class _StorageBase._new_shared _StorageBase.share_memory_ _get_device_from_module",
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
        "_inductor/codecache.py": "AotCodeCompiler.compile",
        "utils/benchmark/utils/timer.py": "",
        "distributed/_tools/memory_tracker.py": "MemoryTracker.__init__",
    },
    "harmless: bytes of CPU tensors are the same either way": {
        "distributed/checkpoint/filesystem.py": "_OverlappingCpuLoader.__init__ _write_files_from_queue",
    },
    "harmless: about CUDA, XPU or Triton": {
        "_dynamo/output_graph.py": "OutputGraph.run_compiler_collective",
        "_functorch/_aot_autograd/streams.py": "handle_synced_deallocation",
        "_inductor/codegen/common.py": "init_backend_registration",
        "_inductor/utils.py": "_current_accelerator_device get_gpu_type",
        "_native/ops/bmm_outer_product/triton_impl.py": "_is_acc_tensor",
        "_inductor/runtime/triton_heuristics.py": "CachingAutotuner.copy_args_to_cpu_if_needed",
        "_subclasses/fake_tensor.py": "FakeTensorMode.avoid_device_init",
        "distributed/_symmetric_memory/__init__.py": "get_symm_mem_workspace is_symm_mem_enabled_for_group",
        "distributed/distributed_c10d.py": "_get_process_group_uid _validate_shrink_backend_requirements",
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
