"""The hologram runtime without torch: executors, buffers, compiled ops, circuits, DLPack.

    with hologram_core.Executor() as executor:
        a, b, c = (executor.allocate(1024) for _ in range(3))
        ...
        hologram_core.ops.vector_add(executor, a, b, c)
        print(c.to_numpy())

Importing this package loads none of torch, NumPy and llvmlite; what needs them imports them when it is first used.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import classes, ffi, ops
    from .backend import BackendType, get_default_backend, validate_backend
    from .buffer import Buffer
    from .errors import *
    from .executor import Executor
    from .ffi import *
    from .plan import Plan
    from .tensor import HologramTensor
    from .tracing import Circuit, compile

__version__ = "0.1.0"      # the one place: pyproject.toml and hologram_torch read it here

_PLACES = {
    "backend": ("BackendType", "get_default_backend", "validate_backend"),
    "executor": ("Executor",),
    "plan": ("Plan",),
    "buffer": ("Buffer",),
    "tensor": ("HologramTensor",),
    "tracing": ("Circuit", "compile"),
    "errors": ("HologramError", "InvalidIndex", "InvalidState", "InvalidType", "InvalidValue", "NotSupported", "OutOfMemory", "ExportError",
               "CompileError"),
}
_FFI = ("new_executor", "executor_", "buffer_", "tensor_")     # how names of ffi start
_PLACE = {name: module for module, names in _PLACES.items() for name in names}


def __getattr__(name: str):
    """The public names, then every function of `hologram_core.ffi`: loaded when first asked for."""
    from importlib import import_module

    if name in _PLACE:
        found = getattr(import_module(f".{_PLACE[name]}", __name__), name)
    elif name.startswith("is_") and name.endswith("_available"):       # of each backend
        found = getattr(import_module(".backend", __name__), name)
    elif name in ("ops", "ffi", "classes"):
        found = import_module(f".{name}", __name__)
    elif name == "_runtime":
        found = _native()
    elif _in_ffi(name):
        found = getattr(import_module(".ffi", __name__), name)
    else:
        raise AttributeError(f"module 'hologram_core' has no attribute {name!r}")
    globals()[name] = found      # the next time Python finds it without us
    return found


def _in_ffi(name: str) -> bool:
    return name.startswith(_FFI) or name.endswith("_f32") or name in ("get_version", "clear_all_registries")


def _native():
    """The binding of the runtime, which is there once the package was built for this Python."""
    import sys
    from importlib import import_module
    from importlib.machinery import EXTENSION_SUFFIXES

    from .shared_library import check_whole

    folder = __file__.rpartition("/")[0]
    try:
        for name in ("libhologram_runtime.so", *(f"_runtime{suffix}" for suffix in EXTENSION_SUFFIXES)):
            check_whole(f"{folder}/{name}")
        return import_module("._runtime", __name__)
    except ImportError as error:
        from . import installed

        python = ".".join(map(str, sys.version_info[:2]))
        raise ImportError(f"hologram: its libraries for Python {python} do not load ({error}). Run `{installed.rebuild()}`.") from error


def __dir__():
    from . import backend, ffi

    return sorted({*globals(), *_PLACE, *backend.AVAILABILITY, "ops", "ffi", "classes", *filter(_in_ffi, vars(ffi))})
