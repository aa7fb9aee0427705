"""torch.device('hologram'): a native PyTorch device on LLVM-compiled kernels.

`import torch` is enough once the package is installed: PyTorch loads it through the entry point `torch.backends`. Importing
this package does the same thing explicitly, and adds the choice of the backend.
"""

from __future__ import annotations

import gc
import os
import sys
import warnings
from typing import Any

from . import _extension

__all__ = ["list_available_backends", "get_backend", "set_backend", "backend_reason", "functional", "nn", "utils", "Executor", "Buffer",
           "HologramTensor"]

NAME = "hologram"
OLDEST_TORCH = (2, 11)


def list_available_backends() -> list[str]:
    """Names of the backends that work on this machine, best first."""
    return _backend().available()


def get_backend() -> str:
    """Name of the backend that new tensors are made on."""
    return _backend().current()


def set_backend(name: str) -> None:
    """Makes new tensors on the backend `name`; tensors that exist stay where they are."""
    _backend().select(name)


def backend_reason(name: str) -> str:
    """Why the backend `name` is absent; empty when it works."""
    return _backend().reason(name)


def __getattr__(name: str):
    """The layers over hologram_core, and its names, loaded when first asked for: most programs need the device only."""
    from importlib import import_module

    if name in ("functional", "nn", "utils"):
        return import_module(f".{name}", __name__)
    if name in ("Executor", "Buffer", "HologramTensor", "__version__"):
        return getattr(import_module("hologram_core"), name)
    if name == "_C" and not _loaded:      # `import torch` could not load the device, and went on: say why
        _load()
        return _C
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _backend():
    _load()
    from . import backend
    return backend


def _obstacle() -> str:
    """Why the device must not be registered in this process; empty when nothing stands in the way."""
    import torch

    version = torch.__version__
    if _extension.release(version) < OLDEST_TORCH:
        return (f"torch {version} is older than {OLDEST_TORCH[0]}.{OLDEST_TORCH[1]}, the oldest version supported. "
                "Run `pip install --upgrade torch`, then install hologram again")
    other = torch._C._get_privateuse1_backend_name()
    if other not in ("privateuseone", NAME):
        return (f"the device {other!r} is registered already, and PyTorch has room for one such device. "
                "Use an environment in which hologram is the only extra device")
    return _extension.obstacle(version)


_loaded = False
_C: Any       # the extension, once it is loaded


def _load() -> None:
    """Registers the device with torch. Idempotent; raises when it cannot be done."""
    if _loaded:
        return
    obstacle = _obstacle()
    if obstacle:
        raise RuntimeError(f"hologram: {obstacle}.")

    if _loaded:
        return   # importing torch just now called `_autoload`
    collects = gc.isenabled()
    gc.disable()     # what is made here stays; a collection would look through all that torch has just made
    try:
        _register()
    finally:
        if collects:
            gc.enable()


def _register() -> None:
    global _C, _loaded

    import torch

    from hologram_core import _runtime
    from hologram_core import config as switches

    _C = _extension.load(torch.__version__)
    from . import _patches, device

    config = switches.config
    if switches.problem():
        _C.refuse_use(switches.problem())     # the device is there, and its first use says what is wrong

    torch.utils.rename_privateuse1_backend(NAME)
    torch._register_device_module(NAME, device)
    torch.utils.generate_methods_for_privateuse1_backend(for_tensor=True, for_module=True, for_packed_sequence=True,
                                                         for_storage=True)
    _patches.apply()
    os.register_at_fork(before=_runtime.flush)   # a child has no use for its parent's recorded ops
    _loaded = True
    _C.set_fallback_mode(config.fallback)
    if config.backend != "auto" and not switches.problem():
        try:
            _C.prefer_backend(config.backend)     # a GPU is opened by the first tensor
        except RuntimeError as error:
            _warn(f"HOLOGRAM_BACKEND={config.backend!r} is ignored, {get_backend()!r} is used: {error}")


def _autoload() -> None:
    """The entry point `import torch` calls. Never raises: a problem here must not break torch for its other users."""
    if os.environ.get("HOLOGRAM_AUTOLOAD", "").strip().lower() in ("0", "false", "off", "no"):
        if _imported_by_torch:
            sys.modules.pop(__name__, None)     # so that an explicit import, later, runs this file again
        return
    try:
        obstacle = _obstacle()
        if not obstacle:
            _load()
    except Exception as error:  # noqa: BLE001  (whatever it is, torch must load)
        obstacle = str(error).removeprefix("hologram: ") if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
    if obstacle:
        _warn(f"torch.device('hologram') is not available: {obstacle.rstrip('.')}. Set HOLOGRAM_AUTOLOAD=0 to silence this.")


_told: set[str] = set()


def _warn(text: str) -> None:
    """Warns once, in one line: both `import torch` and an explicit import come by here. Where warnings are errors it prints the line."""
    if text not in _told:
        _told.add(text)
        try:
            warnings.warn_explicit(f"hologram: {text}", RuntimeWarning, filename=NAME, lineno=1)
        except RuntimeWarning as warning:
            print(warning, file=sys.stderr)


def _torch_is_loading_us() -> bool:
    """Is this module being imported by torch's entry point? Then `_autoload` decides, a moment later."""
    torch = sys.modules.get("torch")
    return torch is not None and getattr(torch.__spec__, "_initializing", False)


# An explicit import registers the device even where autoloading is off. This stays the last statement: `import torch`
# inside calls `_autoload` of this very module.
_imported_by_torch = _torch_is_loading_us()
if not _imported_by_torch:
    _load()
