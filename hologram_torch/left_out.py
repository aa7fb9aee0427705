"""Names of torch.cuda and torch.mps that torch.hologram leaves out, and why. Reading one raises an AttributeError that says it.

tests/device/test_module_names.py goes through both modules: every public name is here or there.
"""

from __future__ import annotations

_CUDA = "it is CUDA's own interface"
_NVML = "it reads a GPU's sensors. Of the processor `psutil` tells"
_STORAGE = "torch gives up typed storages. Use torch.UntypedStorage(n, device='hologram')"
_ALLOCATOR = "the device has one allocator, which is part of it"
_POOLS = "all memory comes from one set of pools. Graphs share theirs by torch.hologram.graph_pool_handle()"

REASONS = {
    **dict.fromkeys(["cudart", "cudaStatus", "CudaError", "check_error", "DeferredCudaCallError", "gds"], _CUDA),
    **dict.fromkeys(["current_blas_handle", "current_solver_handle"], "its libraries have no handles"),
    **dict.fromkeys(["get_arch_list", "get_gencode_flags"], "kernels are made for the processor that is there; see HOLOGRAM_CPU"),
    **dict.fromkeys(["utilization", "memory_usage", "temperature", "power_draw", "clock_rate", "list_gpu_processes"], _NVML),
    **dict.fromkeys(["GreenContext", "green_contexts"], "it has no multiprocessors to share out. Use torch.set_num_threads(n)"),
    **dict.fromkeys(["ExternalStream", "get_stream_from_external"], "it has no streams of other libraries"),
    **dict.fromkeys(["CUDAPluggableAllocator", "change_current_allocator", "caching_allocator_enable", "caching_allocator_disabled"],
                    _ALLOCATOR),
    **dict.fromkeys(["MemPool", "use_mem_pool"], _POOLS),
    **dict.fromkeys([f"{kind}Storage" for kind in ("BFloat16", "Bool", "Byte", "Char", "ComplexDouble", "ComplexFloat", "Double", "Float",
                                                   "Half", "Int", "Long", "Short")], _STORAGE),
    "memory_snapshot": "the pools keep no list of their blocks. memory_stats() and memory_summary() count them",
    "CUDAGraph": "its graphs are torch.hologram.Graph",
    "set_sync_debug_mode": "waiting for a value costs no round trip here. HOLOGRAM_LOG=2 shows what runs when",
    "get_sync_debug_mode": "waiting for a value costs no round trip here. HOLOGRAM_LOG=2 shows what runs when",
    "jiterator": "write the op as PyTorch ops: they become one kernel",
    "nccl": "its processes exchange tensors by torch.distributed",
    "nvtx": "mark parts of a program by torch.profiler.record_function",
    "sparse": "it has types of tensors that torch has given up. Use torch.sparse_coo_tensor(..., device='hologram')",
    "tunable": "it has no choice of kernels to tune",
    "compile_shader": "write the op as PyTorch ops: they become one kernel",
    "load_metallib": "write the op as PyTorch ops: they become one kernel",
}
