"""Corrections of torch behaviour that has no extension point.

Each correction says what is wrong without it. tests/torch/test_patches.py fails when torch no longer needs one, so that
it can be removed.
"""

from __future__ import annotations

import functools
import threading

import torch

from hologram_core import _runtime

from . import _C, multiprocessing

NAME = "hologram"
_applied = False
originals: dict[str, object] = {}


def apply() -> None:
    """Applies every correction. Idempotent."""
    global _applied
    if not _applied:
        _dlpack_device()
        _const_data_ptr()
        _send_of_a_backend()
        _share_memory()
        _pickle_storages_from_the_cpu()
        _backward_on_the_calling_thread()
        _print_from_the_cpu()
        _unscale_in_float32()
        _compare_float64_on_the_cpu()
        _fused_adam()
        _linear_cross_entropy_defaults()
        multiprocessing.register()
        _applied = True


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
            if (backend := _C.backend_of(self)) != "cpu":
                raise BufferError(f"hologram.__dlpack__: the memory of the backend {backend!r} is not exported. Export a .cpu() copy.")
            _C.hand_out(self)       # a read-only export (torch 2.14) takes the address of a reader
        return export(self, *args, **kwargs)

    torch.Tensor.__dlpack__ = __dlpack__


def _const_data_ptr() -> None:
    # torch tells a device when the address of a tensor is taken to be written, and not when it is taken to be read: what was
    # recorded would not be there.
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


def _backward_on_the_calling_thread() -> None:
    # Autograd runs backward on the calling thread for CPU tensors, and on a thread of its own for those of any other device.
    # OpenMP keeps a set of workers for each thread that calls it: with two of them the kernels of the CPU backend, and MKL's,
    # compete with the idle, spinning workers of the other one (a GPT's step on two cores: 147 ms, 87 ms without). And no_fusion()
    # is about the thread that calls it.
    from torch.autograd import graph

    original = originals["_engine_run_backward"] = graph._engine_run_backward
    enabled, enable = torch._C._is_multithreading_enabled, torch._C._set_multithreading_enabled

    def _engine_run_backward(outputs, *args, **kwargs):
        ours = any(t.device.type == NAME for t in outputs if isinstance(t, torch.Tensor))
        if not (ours and enabled() and (_C.get_backend() == "cpu" or not _runtime.recording())):
            return original(outputs, *args, **kwargs)
        enable(False)
        try:
            return original(outputs, *args, **kwargs)
        finally:
            enable(True)

    graph._engine_run_backward = torch.autograd._engine_run_backward = _engine_run_backward


def _print_from_the_cpu() -> None:
    # torch writes a tensor's numbers with ops on its device, whose results are made on the backend in use: a tensor of another one
    # could not be printed. And it writes them through float64, other than on the devices it knows to have none: Metal has none.
    original = originals["_tensor_str"] = torch._tensor_str._tensor_str

    def _tensor_str(self, indent):
        ours = self.device.type == NAME and self.layout is torch.strided
        copied = ours and ((backend := _C.backend_of(self)) == "metal" or backend != _C.get_backend())
        return original(self.cpu() if copied else self, indent)

    torch._tensor_str._tensor_str = _tensor_str


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
        if scale is None or scale.device.type != NAME or _C.backend_of(scale) != "metal":
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
        return t.device.type == NAME and t.dtype in (torch.float64, torch.complex128) and _C.backend_of(t) == "metal"

    def _compare_values(self, actual, expected):
        if actual.layout is torch.strided and expected.layout is torch.strided and held(actual) and held(expected):
            actual, expected = actual.cpu(), expected.cpu()
        original(self, actual, expected)

    TensorLikePair._compare_values = _compare_values


def _fused_adam() -> None:
    # Where nobody says how Adam and AdamW are to step, torch takes the path that calls nine _foreach ops, each a walk over all
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
            # A checkpoint from elsewhere says None again.
            self.register_load_state_dict_post_hook(choose)

    Adam.__init__ = __init__


def _linear_cross_entropy_defaults() -> None:
    # torch takes every device that is not listed for one with 16-bit matrix units: linear_cross_entropy in chunks would add up
    # in 16 bits, with 30 times the error it has on the CPU. Ours multiplies as the CPU does.
    try:
        from torch.nn.modules.linear_cross_entropy_options import LinearCrossEntropyOptions as Options
    except ImportError:   # torch before 2.13
        return
    original = originals["LinearCrossEntropyOptions._adjust"] = Options._adjust

    def _adjust(self, *args, device=None, **kwargs):
        return original(self, *args, device=torch.device("cpu") if device and device.type == NAME else device, **kwargs)

    Options._adjust = _adjust


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
