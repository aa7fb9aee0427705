"""The choice of the backend: which ones exist, which one new tensors are made on, and why one is absent."""

from __future__ import annotations

from hologram_core import _runtime
from hologram_core.backend import infos

from . import _C


def available() -> list[str]:
    """The best one first."""
    return [name for name, info in reversed(infos().items()) if info.available]


def current() -> str:
    return _C.get_backend()


def of(tensor) -> _runtime.BackendInfo:
    """What is known of the backend that a tensor lives on."""
    return infos()[_C.backend_of(tensor)]


def select(name: str) -> None:
    if not isinstance(name, str):
        raise TypeError(f"hologram.set_backend: the name must be a str, not {type(name).__name__}. "
                        f"The known ones are {', '.join(map(repr, infos()))}.")
    _C.set_backend(name)


def reason(name: str) -> str:
    if name not in infos():
        raise ValueError(f"hologram.backend_reason: unknown backend {name!r}. The known ones are {', '.join(map(repr, infos()))}.")
    return infos()[name].reason
