"""Which backends this machine has, and which one is used where none is named."""

from __future__ import annotations

import enum

from . import _runtime
from .errors import InvalidState, InvalidType, InvalidValue, shown

_ORDER = ("metal", "cuda", "cpu")     # the first one available is the best one


class BackendType(enum.Enum):
    CPU = "cpu"
    METAL = "metal"
    CUDA = "cuda"
    AUTO = "auto"

    def __str__(self) -> str:
        return self.value


def _infos() -> dict:
    return {name: (available, reason) for name, available, reason in _runtime.backend_infos()}


def is_metal_available() -> bool:
    return _infos()["metal"][0]


def is_cuda_available() -> bool:
    return _infos()["cuda"][0]


def get_default_backend() -> str:
    """The name of the best backend that works here and whose memory is the host's: buffers are views of NumPy arrays and the
    other way round. GPUs do not see arrays: 'metal' and 'cuda' have to be asked for."""
    infos = _infos()
    return next(name for name in _ORDER if infos[name][0] and name not in ("metal", "cuda"))


def validate_backend(backend) -> str:
    """The name of a backend that works; 'auto' stands for the best one. Raises for unknown and absent ones, with the reason."""
    name = backend.value if isinstance(backend, BackendType) else backend
    if not isinstance(name, str):
        raise InvalidType(f"hologram.validate_backend: a backend is a str or a BackendType, not {type(backend).__name__}.")
    name = name.lower()
    if name == "auto":
        return get_default_backend()
    infos = _infos()
    if name not in infos:
        raise InvalidValue(f"hologram.validate_backend: unknown backend {shown(backend)}. Known are 'auto', "
                           f"{', '.join(map(repr, infos))}.")
    available, reason = infos[name]
    if not available:
        raise InvalidState(f"hologram.validate_backend: {name!r} is not available: {reason}. Use 'auto' or 'cpu'.")
    return name
