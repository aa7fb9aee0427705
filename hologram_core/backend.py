"""Which backends this machine has, and which one is used where none is named. The runtime lists them."""

from __future__ import annotations

import enum
import functools

from . import _runtime
from .errors import InvalidState, InvalidType, InvalidValue, shown


class BackendType(enum.Enum):
    """A member for each backend (CPU, CUDA, METAL), and AUTO."""

    _ignore_ = ["_info"]
    for _info in _runtime.backends():
        vars()[_info.name.upper()] = _info.name
    AUTO = "auto"

    def __str__(self) -> str:
        return self.value


def infos() -> dict[str, _runtime.BackendInfo]:
    """What is known of each backend, by name; each is better than those before it."""
    return {info.name: info for info in _runtime.backends()}


def _is_available(name: str) -> bool:
    return infos()[name].available


# is_metal_available(), is_cuda_available() ...
AVAILABILITY = {f"is_{_name}_available": functools.partial(_is_available, _name) for _name in infos()}
globals().update(AVAILABILITY)


def get_default_backend() -> str:
    """The name of the best backend that works here and whose memory is the host's: buffers are views of NumPy arrays and the
    other way round. GPUs do not see arrays: they have to be asked for."""
    return next(info.name for info in reversed(_runtime.backends()) if info.reads_host_memory and info.available)


def validate_backend(backend) -> str:
    """The name of a backend that works; 'auto' stands for the best one. Raises for unknown and absent ones, with the reason."""
    name = backend.value if isinstance(backend, BackendType) else backend
    if not isinstance(name, str):
        raise InvalidType(f"hologram.validate_backend: a backend is a str or a BackendType, not {type(backend).__name__}.")
    name = name.lower()
    if name == "auto":
        return get_default_backend()
    known = infos()
    if name not in known:
        raise InvalidValue(f"hologram.validate_backend: unknown backend {shown(backend)}. Known are 'auto', "
                           f"{', '.join(map(repr, known))}.")
    if reason := known[name].reason:
        raise InvalidState(f"hologram.validate_backend: {name!r} is not available: {reason}. Use 'auto' or {get_default_backend()!r}.")
    return name
