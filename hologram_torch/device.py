"""The module `torch.hologram`: devices, streams, events, random numbers, memory, and what the device did.

It has the attributes PyTorch reads from any device module, under the names users know from `torch.cuda`.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import os
from collections import namedtuple
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import torch

from hologram_core import _runtime
from hologram_core.machine import processor

from . import _C
from .fusion import circuit_stats, counters, explain, no_fusion, watch  # noqa: F401  (part of torch.hologram)

atexit.register(_C.drain_device_threads)

_Device = torch.device | str | int | None
_NAME = "hologram"


def _index(device: _Device) -> int:
    """The index of a device given as a device, a string, an index, or None for the current one."""
    if device is None:
        return current_device()
    if isinstance(device, str):
        device = torch.device(device)
    if isinstance(device, torch.device):
        if device.type != _NAME:
            raise ValueError(f"Expected a hologram device, but got: {device}")
        device = -1 if device.index is None else device.index
    if not isinstance(device, int):
        raise TypeError(f"hologram: a device is a torch.device, a str, an int or None, not {type(device).__name__}.")
    return current_device() if device == -1 else device


def _constant(function):
    """torch.compile calls the function while it traces: a traced program has its result."""
    function._dynamo_marked_constant = True
    return function


# ---- devices ----

def is_available() -> bool:
    """Is there a device of the backend in use?"""
    return device_count() > 0


@_constant
def device_count() -> int:
    """How many devices the backend in use has: 1 on the CPU, else the GPUs."""
    return _C.device_count()


def current_device() -> int:
    """The index of the device that tensors go to where none is said."""
    if torch.compiler.is_compiling():
        return torch.accelerator.current_device_index()     # which torch.compile knows, and looks at before each call
    return _C.current_device()


@_constant
def _is_the_only(index: int) -> bool:
    """Is there one device, which the index means? There is then nothing that a traced program would have to switch."""
    return 0 <= index < _C.device_count() and (_C.device_count() == 1 or _C.get_backend() == "cpu")


def set_device(device: _Device) -> None:
    """Makes a device current, for this thread: tensors of "hologram" without an index go there. Raises for one that is not there.

        torch.hologram.set_device("hologram:0")
    """
    index = _index(device)
    if not (torch.compiler.is_compiling() and _is_the_only(index)):
        _C.set_device(index)


def exchange_device(device: int) -> int:
    """Makes `device` current and returns the previous one; a negative number changes nothing."""
    if torch.compiler.is_compiling() and _is_the_only(device):
        return current_device()
    return _C.exchange_device(device)


maybe_exchange_device = _exchange_device = _maybe_exchange_device = exchange_device


class device:
    """Context manager: makes a device current inside the block."""

    def __init__(self, device: _Device):
        self.idx = _index(device)
        self.prev_idx = -1

    def __enter__(self):
        self.prev_idx = exchange_device(self.idx)
        return self

    def __exit__(self, *exc) -> None:
        self.idx = exchange_device(self.prev_idx)


class device_of(device):
    """Context manager: makes the device of a tensor current; does nothing for tensors of other devices."""

    def __init__(self, obj):
        super().__init__(obj.get_device() if obj.device.type == _NAME else -1)
        self.idx = obj.get_device() if obj.device.type == _NAME else -1


def synchronize(device: _Device = None) -> None:
    """Waits for everything submitted to the device. In a traced program nothing: graphs keep their own order."""
    if torch.compiler.is_compiling():
        return
    _C.synchronize(_index(device))


DeviceProperties = namedtuple("DeviceProperties", "name backend total_memory multi_processor_count")


def get_device_name(device: _Device = None) -> str:
    """The backend and the processor or GPU, for people: 'hologram cpu: Intel(R) Xeon(R) Processor'."""
    return get_device_properties(device).name


@_constant
def get_device_properties(device: _Device = None) -> DeviceProperties:
    """Name, backend, bytes of memory and number of processors of a device."""
    name, total, multiprocessors, _ = _C.device_properties(_index(device))
    if name:
        return DeviceProperties(f"hologram {_C.get_backend()}: {name}", _C.get_backend(), total, multiprocessors)
    total = torch._C._accelerator_getMemoryInfo(_index(device))[1]
    return DeviceProperties(f"hologram {_C.get_backend()}: {processor()}", _C.get_backend(), total, os.cpu_count() or 1)


def get_device_capability(device: _Device = None) -> dict[str, Any]:
    """The element types the device has kernels for."""
    return torch._C._accelerator_getDeviceCapability(_index(device))


def can_device_access_peer(device: _Device, peer_device: _Device) -> bool:
    """Can kernels of the one device read memory of the other?"""
    return _index(device) == _index(peer_device)


# ---- initialization and fork ----

def _is_in_bad_fork() -> bool:
    """A forked child can go on with the CPU backend (on one thread), and with a GPU that its parent had not opened."""
    return _C.lost_by_fork()


_initialized = True     # torch.utils.checkpoint asks for it before it saves the random state


def is_initialized() -> bool:
    """Is the device ready? It is made ready by its first use; programs for CUDA ask before they touch it."""
    return not _is_in_bad_fork()


def init() -> None:
    """Nothing to do: the first use makes the device ready."""
    _lazy_init()


def _lazy_init() -> None:
    """torch calls this when a program first names the device for a tensor."""
    _C.use()
    if _is_in_bad_fork():
        raise RuntimeError("Cannot re-initialize hologram in forked subprocess. To use the backend "
                           f"{_C.get_backend()!r} with multiprocessing, you must use the 'spawn' start method")


# ---- streams and events ----

class _MakesTorchObjects(type):
    """torch compares streams and events with its own classes exactly, so these classes make objects of those."""

    made: Any            # torch's class

    def __instancecheck__(cls, obj: Any) -> bool:
        return isinstance(obj, cls.made) and obj.device is not None and obj.device.type == _NAME


class Stream(metaclass=_MakesTorchObjects):
    """An in-order queue of work on a hologram device: a torch.Stream."""

    made = torch.Stream

    def __new__(cls, device: _Device = None, priority: int = 0, **kwargs) -> torch.Stream:     # type: ignore[misc]
        if not kwargs:
            kwargs["device"] = torch.device(_NAME, _index(device))
        return torch.Stream(priority=priority, **kwargs)


class Event(metaclass=_MakesTorchObjects):
    """A point in a stream: a torch.Event."""

    made = torch.Event

    def __new__(cls, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False) -> torch.Event:     # type: ignore[misc]
        return torch.Event(device=_NAME, enable_timing=enable_timing, blocking=blocking, interprocess=interprocess)


def current_stream(device: _Device = None) -> torch.Stream:
    """The stream that this thread's work goes to. The CPU has one."""
    if torch.compiler.is_compiling():
        at = () if device is None else (torch.device(_NAME, _index(device)),)
        return torch.accelerator.current_stream(*at)
    return torch._C._accelerator_getStream(_index(device))


def default_stream(device: _Device = None) -> torch.Stream:
    """The stream that work goes to where none was set."""
    return torch.Stream(stream_id=0, device_index=_index(device), device_type=torch._C._autograd.DeviceType.PrivateUse1.value)


def set_stream(stream: torch.Stream) -> None:
    """Makes a stream current, for this thread and from now on; `stream` does so for a block.

        torch.hologram.set_stream(torch.hologram.Stream())
    """
    torch._C._accelerator_setStream(stream)


def stream(stream: torch.Stream | None) -> Any:
    """Context manager: work of this thread goes to `stream` inside the block; None changes nothing."""
    if stream is None:
        return contextlib.nullcontext()
    return stream if torch.compiler.is_compiling() else _on_stream(stream)      # which torch.compile knows to be one


@contextlib.contextmanager
def _on_stream(stream: torch.Stream):
    before = current_stream(stream.device)
    device_before = _C.current_device()
    set_stream(stream)
    try:
        yield
    finally:
        set_stream(before)
        _C.set_device(device_before)


# ---- random numbers ----

def _generator(device: _Device) -> torch.Generator:
    return _C.default_generator(_index(device))


def get_rng_state(device: _Device = _NAME) -> torch.Tensor:
    """Seed and offset of the device's generator: 16 bytes."""
    return _generator(device).get_state()


def set_rng_state(new_state: torch.Tensor, device: _Device = _NAME) -> None:
    """Sets the state of the device's generator to one that `get_rng_state` gave: the same numbers follow.

        state = torch.hologram.get_rng_state()
        a = torch.rand(3, device="hologram")
        torch.hologram.set_rng_state(state)
        b = torch.rand(3, device="hologram")        # as a
    """
    _generator(device).set_state(new_state)


def get_rng_state_all() -> list[torch.Tensor]:
    """The states of the generators of all devices."""
    return [get_rng_state(i) for i in range(device_count())]


def set_rng_state_all(new_states: Iterable[torch.Tensor]) -> None:
    """Sets the states of the generators of all devices, in their order."""
    for i, state in enumerate(new_states):
        set_rng_state(state, i)


def manual_seed(seed: int) -> None:
    """Seeds the generator of the current device. `torch.manual_seed` seeds all, and the CPU's."""
    _generator(None).manual_seed(int(seed))


def manual_seed_all(seed: int) -> None:
    """Seeds the generators of all devices."""
    for i in range(device_count()):
        _generator(i).manual_seed(int(seed))


def seed() -> None:
    """Seeds the generator of the current device with a number that chance gives."""
    _generator(None).seed()


def seed_all() -> None:
    """Seeds the generators of all devices with a number that chance gives."""
    seed()
    manual_seed_all(initial_seed())


def initial_seed() -> int:
    """The seed of the current device's generator."""
    return _generator(None).initial_seed()


# ---- memory ----

def memory_stats(device: _Device = None) -> dict[str, int]:
    """Counters of the pools, in bytes and in numbers of blocks, named as in `torch.cuda.memory_stats`: 'allocated_bytes.all.peak' ..."""
    return torch.accelerator.memory_stats(_index(device))


def memory_allocated(device: _Device = None) -> int:
    """Bytes that tensors hold now.

        x = torch.ones(1 << 20, device="hologram")
        torch.hologram.memory_allocated()        # at least 4 MB
    """
    return torch.accelerator.memory_allocated(_index(device))


def max_memory_allocated(device: _Device = None) -> int:
    """The most bytes that tensors have held, since the start or `reset_peak_memory_stats()`.

        torch.hologram.reset_peak_memory_stats()
        y = torch.rand(1 << 20, device="hologram").exp()
        torch.hologram.max_memory_allocated()
    """
    return torch.accelerator.max_memory_allocated(_index(device))


def memory_reserved(device: _Device = None) -> int:
    """Bytes that the pools hold: those of tensors, and those that wait for the next ones."""
    return torch.accelerator.memory_reserved(_index(device))


def max_memory_reserved(device: _Device = None) -> int:
    """The most bytes that the pools have held, since the start or `reset_peak_memory_stats()`."""
    return torch.accelerator.max_memory_reserved(_index(device))


def reset_peak_memory_stats(device: _Device = None) -> None:
    """From now on, peaks are those of what comes."""
    torch.accelerator.reset_peak_memory_stats(_index(device))


def reset_accumulated_memory_stats(device: _Device = None) -> None:
    """Sets the counters of all that was allocated and freed to 0."""
    torch.accelerator.reset_accumulated_memory_stats(_index(device))


def empty_cache() -> None:
    """Gives cached memory that no tensor uses back to the system."""
    torch.accelerator.empty_cache()


def mem_get_info(device: _Device = None) -> tuple[int, int]:
    """Free and total memory in bytes."""
    return torch._C._accelerator_getMemoryInfo(_index(device))


def memory_summary(device: _Device = None, abbreviated: bool = False) -> str:
    """A table of the allocator's counters."""
    stats = memory_stats(device)
    rows = [("Allocated memory", "allocated_bytes.all"), ("Reserved memory", "reserved_bytes.all"), ("Blocks", "active.all"),
            ("Segments", "segment.all")]
    if not abbreviated:
        rows[1:1] = [("  in the boundary pool", "allocated_bytes.small_pool"), ("  in the linear pool", "allocated_bytes.large_pool")]
    lines = [f"hologram:{_index(device)} memory ({_C.get_backend()})",
             f"{'':24}{'current':>16}{'peak':>16}{'total allocated':>20}{'total freed':>20}"]
    for label, key in rows:
        current, peak, allocated, freed = (stats[f"{key}.{part}"] for part in ("current", "peak", "allocated", "freed"))
        lines.append(f"{label:24}{current:>16,}{peak:>16,}{allocated:>20,}{freed:>20,}")
    lines.append(f"allocations retried: {stats['num_alloc_retries']}, out of memory: {stats['num_ooms']}")
    return "\n".join(lines)


# ---- mixed precision ----

def get_amp_supported_dtype() -> list[torch.dtype]:
    """The types that autocast may convert to."""
    return [torch.float16, torch.bfloat16]


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Does the device compute in bfloat16? Yes."""
    return True


# ---- what the device did ----

def op_report() -> dict[str, dict[str, int]]:
    """How often each op ran so far in a compiled kernel, in a library, and by delegation to PyTorch's own kernel.

    `host_copies`, where it is there: how many of the latter two worked on copies in host memory, because this PyTorch has no
    kernels for the memory of the backend."""
    return _C.op_report()


def reset_counters() -> None:
    """Sets counters(), circuit_stats() and op_report() back to nothing. What was recorded before runs first."""
    counters()
    _runtime.reset_counters()
    _C.reset_op_report()


def get_fallback_mode() -> str:
    """What happens when an op has no kernel of the device: 'allow' PyTorch's own, 'warn' once and run it, or 'error'."""
    return _C.fallback_mode()


def set_fallback_mode(mode: str) -> None:
    """Sets what get_fallback_mode() describes; the environment variable HOLOGRAM_FALLBACK sets it from the start."""
    _C.set_fallback_mode(mode)


def is_tf32_supported() -> bool:
    """Float32 products are computed in float32."""
    return False


has_half = True         # the device computes in float16
has_magma = False

OutOfMemoryError = torch.OutOfMemoryError
AcceleratorError = torch.AcceleratorError

# {module: names in it}, loaded when they are first asked for: most programs read none of them. "" stands for the module itself.
if TYPE_CHECKING:       # for editors and type checkers, which do not see __getattr__
    from . import amp, graphs, memory, profiler, random, streams  # noqa: F401
    from ._jit import jit  # noqa: F401
    from .graphs import Graph, graph, graph_pool_handle, is_current_stream_capturing, make_graphed_callables  # noqa: F401
    from .memory import *  # noqa: F403
    from .streams import StreamContext  # noqa: F401
    from .tensor_types import *  # noqa: F403

_LATE = {
    "._jit": ("jit",),
    ".graphs": ("", "Graph", "graph", "graph_pool_handle", "is_current_stream_capturing", "make_graphed_callables"),
    ".memory": ("", "memory_stats_as_nested_dict", "host_memory_stats", "host_memory_stats_as_nested_dict", "reset_peak_host_memory_stats",
                "reset_accumulated_host_memory_stats", "set_per_process_memory_fraction", "get_per_process_memory_fraction",
                "caching_allocator_alloc", "caching_allocator_delete", "get_allocator_backend", "device_memory_used",
                "current_allocated_memory", "driver_allocated_memory", "recommended_max_memory", "memory_cached", "max_memory_cached",
                "reset_max_memory_allocated", "reset_max_memory_cached", "ipc_collect"),
    ".amp": ("",),
    ".profiler": ("",),
    ".random": ("",),
    ".streams": ("", "StreamContext"),
    ".tensor_types": ("FloatTensor", "DoubleTensor", "HalfTensor", "BFloat16Tensor", "ByteTensor", "CharTensor", "ShortTensor",
                      "IntTensor", "LongTensor", "BoolTensor"),
}
_IMPORTED = {"Any", "Iterable", "TYPE_CHECKING", "annotations", "atexit", "contextlib", "importlib", "namedtuple", "os", "processor"}
_HOME = {name or module[1:]: (module, name) for module, names in _LATE.items() for name in names}


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME, "default_generators"} - _IMPORTED)


def __getattr__(name: str):
    if name in _HOME:
        home, part = _HOME[name]
        module = importlib.import_module(home, __package__)
        found = globals()[name] = getattr(module, part) if part else module
        return found
    if name == "default_generators":
        return tuple(_generator(i) for i in range(device_count()))
    from .left_out import REASONS

    if name in REASONS:
        raise AttributeError(f"hologram: torch.{_NAME} has no {name!r}: {REASONS[name]}.")
    raise AttributeError(f"module 'torch.{_NAME}' has no attribute {name!r}")
