"""Corrections of torch behaviour that has no extension point.

Each correction says what is wrong without it. tests/device/test_patches.py fails when torch no longer needs one, so that
it can be removed.
"""

from __future__ import annotations

import copyreg
import functools
import sys
import threading
import types

import torch

from hologram_core import _runtime

from . import _C, _imports, backend, multiprocessing
from . import _patches_libraries as libraries
from . import _patches_tracing as tracing
from ._patches_tracing import originals
from .torch_release import RELEASE

NAME = "hologram"
_applied = False


def apply() -> None:
    """Applies every correction. Idempotent."""
    global _applied
    if not _applied:
        _dlpack_device()
        _const_data_ptr()
        _send_of_a_backend()
        _process_groups_serve_the_device()
        _share_memory()
        _pickle_storages_from_the_cpu()
        _backward_on_the_calling_thread()
        _print_from_the_cpu()
        _autocast_to_bfloat16()
        _unscale_in_float32()
        _compare_float64_on_the_cpu()
        _fused_adam()
        _linear_cross_entropy_defaults()
        _defaults_of_programs_without_the_device()
        _data_parallel_passes_through()
        _pickle_devices()
        _profile_the_host_by_default()
        _kernels_of_users_by_the_devices_name()
        _imports.after("torch.utils.benchmark.utils.timer", _time_what_is_thrown_away)
        tracing.apply()
        libraries.apply()
        multiprocessing.register()
        _applied = True


def _asks_for_the_cpu(dl_device=None, copy=None, **others) -> bool:
    return dl_device is not None and tuple(map(int, dl_device)) == (torch.utils.dlpack.DLDeviceType.kDLCPU, 0) and not copy


def _dlpack_device() -> None:
    # torch compares the device's name with the literal "privateuse1", which a renamed device does not have any more:
    # torch.from_dlpack(tensor) raises "Unknown device type hologram".
    original = originals["__dlpack_device__"] = torch.Tensor.__dlpack_device__

    def __dlpack_device__(self):
        if self.device.type == NAME:
            from torch.utils.dlpack import DLDeviceType

            return DLDeviceType.kDLExtDev, self.get_device()
        return original(self)

    torch.Tensor.__dlpack_device__ = __dlpack_device__

    # A capsule says "extension device" of all our memory, and consumers take that for memory the CPU can read.
    export = originals["__dlpack__"] = torch.Tensor.__dlpack__

    @functools.wraps(export)
    def __dlpack__(self, *args, **kwargs):
        if self.device.type == NAME:
            if not (info := backend.of(self)).reads_host_memory:
                raise BufferError(f"hologram.__dlpack__: the memory of the backend {info.name!r} is not exported. Export a .cpu() copy.")
            _C.hand_out(self)       # a read-only export (torch 2.14) takes the address of a reader
            plain = self.layout is torch.strided and not self.requires_grad and not self.is_conj()      # else torch says what is wrong
            if plain and _asks_for_the_cpu(**kwargs):      # torch would copy what the host has already
                from . import bridge

                return export(bridge.alias_on_host(self), *args, **kwargs)
        return export(self, *args, **kwargs)

    torch.Tensor.__dlpack__ = __dlpack__


def _const_data_ptr() -> None:
    # torch tells a device when the address of a tensor is taken to be written, and not when it is taken to be read: what was
    # recorded would not be there. Older ones have no such method.
    if RELEASE < (2, 13):
        return
    original = originals["const_data_ptr"] = torch.Tensor.const_data_ptr

    @functools.wraps(original)
    def const_data_ptr(self):
        if self.device.type == NAME:
            _C.hand_out(self)
        return original(self)

    torch.Tensor.const_data_ptr = const_data_ptr


def _send_of_a_backend() -> None:
    # The same where a backend of torch.distributed is called by itself, not through its process group (whose calls pass a kernel of
    # ours, csrc/torch/device/readers.h): ProcessGroupGloo sends whatever lies at the address, of any device.
    if not torch.distributed.is_available():
        return
    Backend = torch._C._distributed_c10d.Backend
    original = originals["Backend.send"] = Backend.send

    @functools.wraps(original)
    def send(self, tensors, *args, **kwargs):
        for tensor in tensors:
            if tensor.device.type == NAME:
                _C.run_recorded(tensor)
        return original(self, tensors, *args, **kwargs)

    Backend.send = send


def _process_groups_serve_the_device() -> None:
    # A process group has a backend for each kind of device, chosen when it is made. Collectives give it one for this device where there is
    # none (csrc/torch/distributed/backend.h); these ask for it before. What is made for a bound device asks at once.
    if not torch.distributed.is_available():
        return
    from torch.distributed import distributed_c10d as c10d

    group = torch.distributed.ProcessGroup
    for name in ("_get_backend", "_start_coalescing"):
        asked = originals[f"ProcessGroup.{name}"] = getattr(group, name)

        def ask(self, device, *args, asked=asked):
            if device.type == NAME:
                _C.serve_process_group(self)
            return asked(self, device, *args)

        setattr(group, name, functools.wraps(asked)(ask))
    if hasattr(group, "split_group"):
        # A group splits its backend once for each kind of device, with one store: parts of one backend would take each other's addresses.
        parts = originals["ProcessGroup.split_group"] = group.split_group

        def split_for_the_cpu(self, *args, **kwargs):
            if kwargs.get("device_types") is None and any(device.type == NAME for device in self._device_types):
                kwargs["device_types"] = [torch.device("cpu")]
            return parts(self, *args, **kwargs)

        group.split_group = functools.wraps(parts)(split_for_the_cpu)
    helper = originals["_new_process_group_helper"] = c10d._new_process_group_helper

    @functools.wraps(helper)
    def _new_process_group_helper(*args, **kwargs):
        from . import distributed

        return distributed.new_group(helper, *args, **kwargs)

    c10d._new_process_group_helper = _new_process_group_helper
    split = originals["split_group"] = c10d.split_group

    @functools.wraps(split)
    def split_group(*args, **kwargs):
        from . import distributed

        return distributed.split_group(split, *args, **kwargs)

    c10d.split_group = torch.distributed.split_group = split_group
    if NAME not in torch.distributed.Backend.backend_list:
        torch.distributed.Backend.register_backend(NAME, _create_process_group, extended_api=True, devices=["cpu", NAME])


def _create_process_group(*args):
    from . import distributed

    return distributed.create(*args)


def _backward_on_the_calling_thread() -> None:
    # Autograd runs backward on the calling thread for CPU tensors, and on a thread of its own for those of any other device.
    # OpenMP keeps a set of workers for each thread that calls it: with two of them the kernels of the CPU backend, and MKL's,
    # compete with the idle, spinning workers of the other one (a GPT's step on two cores: 147 ms, 87 ms without). And no_fusion()
    # is about the thread that calls it. So the CPU backend has autograd start no threads for it at all: where there are some, a forked
    # child cannot run a pass. There are none either where autograd started before the device was in use.
    from torch.autograd import graph

    original = originals["_engine_run_backward"] = graph._engine_run_backward
    enabled, enable = torch._C._is_multithreading_enabled, torch._C._set_multithreading_enabled
    engine = torch.autograd.Variable._execution_engine

    def _engine_run_backward(outputs, *args, **kwargs):
        ours = any(t.device.type == NAME for t in outputs if isinstance(t, torch.Tensor))
        if _C.in_use():
            engine.is_checkpoint_valid()        # in a forked child: torch's engine is made anew, and has not started
            _C.decline_device_threads()
        here = _C.without_device_threads() or ours and (_C.reads_host_memory() or not _runtime.recording())
        if not (here and enabled()):
            return original(outputs, *args, **kwargs)
        enable(False)
        try:
            return original(outputs, *args, **kwargs)
        finally:
            enable(True)

    # torch.compile leaves torch's own out of what it traces; of this one it would warn that it cannot trace it.
    frames = torch._C._dynamo.eval_frame
    if hasattr(frames, "set_code_exec_strategy"):
        skip = frames._FrameExecStrategy(frames._FrameAction.SKIP, frames._FrameAction.DEFAULT)
        frames.set_code_exec_strategy(_engine_run_backward.__code__, skip)
    _engine_run_backward._torchdynamo_disable = True
    graph._engine_run_backward = torch.autograd._engine_run_backward = _engine_run_backward


def _print_from_the_cpu() -> None:
    # torch writes a tensor's numbers with ops on its device, whose results are made on the backend in use: a tensor of another one
    # could not be printed. And it writes them through float64, other than on the devices it knows to have none: Metal has none.
    original = originals["_tensor_str"] = torch._tensor_str._tensor_str

    def _tensor_str(self, indent):
        ours = self.device.type == NAME and self.layout is torch.strided
        copied = ours and (not (info := backend.of(self)).has_float64 or info.name != backend.current())
        return original(self.cpu() if copied else self, indent)

    torch._tensor_str._tensor_str = _tensor_str


def _autocast_to_bfloat16() -> None:
    # torch starts every thread with float16 for a registered device. Matrix products of the CPU take bfloat16, and it is the CPU's own
    # default: in float16 a layer takes seven times as long. torch has no default to set, only the value of the calling thread.
    set_dtype = torch.set_autocast_dtype

    class Thread(threading.local):
        ready = True

        def __init__(self):     # when a thread first reads an attribute
            set_dtype(NAME, torch.bfloat16)

    thread = Thread()

    def after_the_default(original):
        @functools.wraps(original)
        def call(*args, **kwargs):
            _ = thread.ready
            return original(*args, **kwargs)
        return call

    for name in ("get_autocast_dtype", "set_autocast_dtype", "set_autocast_enabled"):
        originals[name] = getattr(torch, name)
        setattr(torch, name, after_the_default(originals[name]))


def _unscale_in_float32() -> None:
    # GradScaler takes the reciprocal of its scale in float64, other than on the device it knows to have none: Metal has none.
    from torch.amp.grad_scaler import GradScaler

    original = originals["GradScaler.unscale_"] = GradScaler.unscale_

    class Float32(torch.Tensor):
        def double(self):
            return self.as_subclass(torch.Tensor)

    @functools.wraps(original)
    def unscale_(self, optimizer):
        scale = self._scale
        if scale is None or scale.device.type != NAME or backend.of(scale).has_float64:
            return original(self, optimizer)
        self._scale = scale.as_subclass(Float32)
        try:
            return original(self, optimizer)
        finally:
            self._scale = scale

    GradScaler.unscale_ = unscale_


def _compare_float64_on_the_cpu() -> None:
    # torch.jit.trace compares what a traced module returns in float64, other than on the device it knows to have none: Metal has
    # none, and there the tensors are only held. Such tensors are compared where they can be computed with.
    from torch.testing._comparison import TensorLikePair

    original = originals["TensorLikePair._compare_values"] = TensorLikePair._compare_values

    def held(t) -> bool:
        return t.device.type == NAME and t.dtype in (torch.float64, torch.complex128) and not backend.of(t).has_float64

    def _compare_values(self, actual, expected):
        if actual.layout is torch.strided and expected.layout is torch.strided and held(actual) and held(expected):
            actual, expected = actual.cpu(), expected.cpu()
        original(self, actual, expected)

    TensorLikePair._compare_values = _compare_values


def _fused_adam() -> None:
    # Where it is not said how Adam and AdamW are to step, torch takes the path that calls nine _foreach ops, each a walk over all
    # parameters: on small models that is most of a training step (MLP 784-128-10: 0.25 of 0.6 ms). The fused step is one call.
    # What the user asks for stays, and so does a choice made for parameters that the fused step does not take.
    from torch.optim import Adam

    original = originals["Adam.__init__"] = Adam.__init__

    def choose(optimizer) -> None:
        groups = optimizer.param_groups
        asked = any(g["fused"] is not None or g["foreach"] is not None or g["capturable"] or g["differentiable"] for g in groups)
        if asked or not all(p.device.type == NAME and p.is_floating_point() for g in groups for p in g["params"]):
            return
        for group in groups:
            group["fused"] = True
            for p in group["params"]:      # of a checkpoint: a fused step counts where its parameter is
                if "step" in (state := optimizer.state.get(p, {})):
                    state["step"] = state["step"].to(p.device, torch.float32)
        optimizer.defaults["fused"] = optimizer._step_supports_amp_scaling = True

    @functools.wraps(original)
    def __init__(self, *args, **kwargs):
        original(self, *args, **kwargs)
        if self.defaults["fused"] is None:
            choose(self)

    # A checkpoint from elsewhere says None again. No hook of the optimizer's: those of a program without the device stay its own.
    set_state = originals["Adam.__setstate__"] = Adam.__setstate__

    @functools.wraps(set_state)
    def __setstate__(self, state):
        set_state(self, state)
        if self.defaults["fused"] is not False:
            choose(self)

    Adam.__init__ = __init__
    Adam.__setstate__ = __setstate__


def _linear_cross_entropy_defaults() -> None:
    # torch takes every device that is not listed for one with 16-bit matrix units: linear_cross_entropy in chunks would add up
    # in 16 bits, with 30 times the error it has on the CPU. Ours multiplies as the CPU does.
    if RELEASE < (2, 13):
        return
    from torch.nn.modules.linear_cross_entropy_options import LinearCrossEntropyOptions as Options

    original = originals["LinearCrossEntropyOptions._adjust"] = Options._adjust

    def _adjust(self, *args, device=None, **kwargs):
        kwargs["device"] = torch.device("cpu") if device and device.type == NAME else device
        return original(self, *args, **kwargs)

    Options._adjust = _adjust


def _other_accelerator(available: bool = False) -> torch.device | None:
    """The accelerator torch has besides this device: the one it was built for, or `available`, which this machine has, too."""
    for name, built in (("mtia", torch.mtia.is_available), ("cuda", torch.backends.cuda.is_built), ("xpu", torch.xpu._is_compiled),
                        ("mps", torch.backends.mps.is_built)):
        if built() and (not available or getattr(torch, name).is_available()):
            return torch.device(name)
    return None


def _in_use() -> bool:
    return _C.in_use() or torch.get_default_device().type == NAME


def _has_a_group() -> bool:
    """Do the processes of torch.distributed exchange tensors of the device?"""
    from torch.distributed import distributed_c10d as c10d

    return c10d.is_initialized() and (_in_use() or NAME in str(c10d._world.pg_map.get(c10d._get_default_group(), ("",))[0]))


# Functions of torch that choose a device, or refuse to work, by asking which accelerator there is, though their caller named none
# and may use none; and what makes hologram the answer. A function that is not here gets the plain
# answer. tests/device/installed_places.py lists all that ask.
DECIDING = {
    ("torch.distributed.distributed_c10d", "__init__"): lambda: False,           # BackendConfig: no backend was named
    ("torch.distributed.distributed_c10d", "register_backend"): lambda: False,   # torch 2.14: for devices that were not named
    ("torch.distributed.distributed_c10d", "new_subgroups"): _has_a_group,       # torch 2.14 and newer, as the next three
    ("torch.distributed.distributed_c10d", "_abort_process_group"): _has_a_group,
    ("torch.distributed.distributed_c10d", "_get_split_source"): _has_a_group,
    ("torch.distributed.device_mesh", "abort"): _has_a_group,
    ("torch.distributed.distributed_c10d", "barrier"): _has_a_group,
    ("torch.distributed.distributed_c10d", "split_group"): _has_a_group,
    ("torch.distributed.device_mesh", "_init_one_process_group"): _has_a_group,
    ("torch.distributed.fsdp._init_utils", "_init_device_handle"): _has_a_group,
    ("torch.distributed.fsdp._fully_shard._fsdp_init", "_init_default_mesh"): _has_a_group,
    ("torch.distributed.run", "determine_local_world_size"): lambda: False,      # --nproc-per-node=auto
    ("torch.distributed.launcher.api", "__post_init__"): lambda: False,          # torch 2.14: one process per GPU is bound to its memory
    ("torch.numa.binding", "_get_device_count"): lambda: False,                  # the same: memory near a GPU
    ("torch.numa.binding", "_get_numa_node_index_for_device_index"): lambda: False,
    ("torch.distributed._tools.runtime_estimator", "_roofline_estimate"): lambda: False,      # refuses to work without CUDA
    ("torch.distributed.algorithms.model_averaging.utils", "average_parameters"): _in_use,
    ("torch.distributed.checkpoint.staging", "__init__"): _in_use,
    ("torch.distributed.checkpoint._experimental.staging", "__init__"): _in_use,
    ("torch.nn.attention.flex_attention", "create_mask"): _in_use,
    ("torch.nn.attention.flex_attention", "create_block_mask"): _in_use,
    ("torch.utils.data.dataloader", "__init__"): _in_use,                        # pin_memory
    ("torch.utils.benchmark.utils.timer", "timer"): _in_use,
    ("torch.utils.benchmark.utils.timer", "__init__"): _in_use,                  # refuses C++ where there is an accelerator
    ("torch._dynamo.variables.streams", "__init__"): _in_use,
    ("torch._inductor.codecache", "__init__"): _in_use,
}


def _defaults_of_programs_without_the_device() -> None:
    # A registered device is torch's accelerator from then on, and what torch chooses by itself goes to it, also in programs that
    # do without it: fully_shard moves a CPU module there, init_process_group() finds no backend, create_block_mask() makes its
    # mask there. A caller of torch.accelerator gets this device; the functions above get it when the program uses it.
    original = originals["_accelerator_getAccelerator"] = torch._C._accelerator_getAccelerator
    or_cpu = originals["_get_accelerator"] = torch._C._get_accelerator

    def asked_by_one_that_must_not_have_it() -> bool:
        caller: types.FrameType | None = sys._getframe(2)
        while caller is not None and caller.f_globals.get("__name__") == "torch.accelerator":
            caller = caller.f_back
        if caller is None:
            return False
        uses_it = DECIDING.get((caller.f_globals.get("__name__", ""), caller.f_code.co_name))
        return uses_it is not None and not uses_it()

    def _accelerator_getAccelerator():
        return _other_accelerator() if asked_by_one_that_must_not_have_it() else original()

    def _get_accelerator():
        # torch built for CUDA says cpu where there is no GPU, while the other function says cuda.
        return _other_accelerator(available=True) or torch.device("cpu") if asked_by_one_that_must_not_have_it() else or_cpu()

    torch._C._accelerator_getAccelerator = _accelerator_getAccelerator
    torch._C._get_accelerator = _get_accelerator


def _data_parallel_passes_through() -> None:
    # DataParallel takes a registered device for one to spread modules over: it moves a CPU module there, and then calls
    # functions that only a torch with CUDA has. What is on the CPU stays there, and what is on the device runs there.
    from torch._utils import _get_available_device_type as original

    module = sys.modules["torch.nn.parallel.data_parallel"]
    originals["data_parallel._get_available_device_type"] = original
    functional = originals["data_parallel"] = module.data_parallel

    def _get_available_device_type():
        kind = original()
        return None if kind == NAME else kind

    @functools.wraps(functional)
    def data_parallel(module, inputs, device_ids=None, output_device=None, dim=0, module_kwargs=None):
        if not any(t.device.type == NAME for held in (module.parameters(), module.buffers()) for t in held):
            return functional(module, inputs, device_ids, output_device, dim, module_kwargs)
        inputs = inputs if isinstance(inputs, tuple) else () if inputs is None else (inputs,)
        return module(*inputs, **(module_kwargs or {}))

    module._get_available_device_type = _get_available_device_type
    module.data_parallel = torch.nn.parallel.data_parallel = data_parallel


def _profile_the_host_by_default() -> None:
    # A registered device counts as one that can be profiled, and a profiler that is told nothing then calls its report after it,
    # in a program that has nothing there.
    original = originals["_supported_activities"] = torch.autograd._supported_activities

    def _supported_activities():
        return original() if _C.in_use() else original() - {torch.profiler.ProfilerActivity.PrivateUse1}

    torch.autograd._supported_activities = _supported_activities


def _time_what_is_thrown_away(module: types.ModuleType) -> None:
    # Timer runs a statement many times and waits for the device. A result that it throws away cannot be seen, and would never be computed:
    # what it measured would be the recording alone.
    original = originals["Timer._timeit"] = module.Timer._timeit

    @functools.wraps(original)
    def _timeit(self, number):
        if not _C.in_use():
            return original(self, number)
        _runtime.keep_unread_results(True)
        try:
            return original(self, number)
        finally:
            _runtime.keep_unread_results(False)

    module.Timer._timeit = _timeit


def _kernels_of_users_by_the_devices_name() -> None:
    # Library.impl takes the names of dispatch keys; that of a renamed device stays PrivateUse1. torch.library.impl, custom_op and
    # register_kernel take the device's name.
    original = originals["Library.impl"] = torch.library.Library.impl

    @functools.wraps(original)
    def impl(self, op_name, fn, dispatch_key="", **kwargs):
        return original(self, op_name, fn, "PrivateUse1" if dispatch_key == NAME else dispatch_key, **kwargs)

    torch.library.Library.impl = impl


def _reduce_device(device: torch.device):
    kind, arguments = device.__reduce__()
    return kind, ("privateuseone", *arguments[1:]) if arguments[0] == NAME else arguments


def _pickle_devices() -> None:
    # A process without the device does not know its name: whatever holds torch.device("hologram") could not be loaded there, with
    # map_location="cpu" either. torch's own name for such devices is known to all processes, and means this one where it is there.
    copyreg.pickle(torch.device, _reduce_device)


def _pickle_storages_from_the_cpu() -> None:
    # pickle (and the old format of torch.save) writes a storage through a tensor over its bare address, which says nothing about
    # the backend that memory belongs to: the backend in use would copy from it.
    original = originals["_write_file"] = torch.UntypedStorage._write_file

    def _write_file(self, *args, **kwargs):
        return original(self.cpu() if self.device.type == NAME else self, *args, **kwargs)

    torch.UntypedStorage._write_file = _write_file


def _share_memory() -> None:
    # torch takes every storage that is not on the CPU for shared already: share_memory_() does nothing, is_shared() says
    # True, and processes that were promised shared weights train copies of their own.
    storage = torch.UntypedStorage
    share = originals["share_memory_"] = storage.share_memory_
    is_shared = originals["is_shared"] = storage.is_shared
    lock = threading.Lock()

    def share_memory_(self, *args, **kwargs):
        if self.device.type != NAME:
            return share(self, *args, **kwargs)
        with lock:
            multiprocessing.shared_host_storage(self)
        return self

    def storage_is_shared(self):
        if self.device.type != NAME:
            return is_shared(self)
        host = _C.host_storage_of(self)
        return host is not None and host.is_shared()

    storage.share_memory_ = share_memory_
    storage.is_shared = storage_is_shared
