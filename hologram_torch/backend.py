"""The choice of the backend: which ones exist, which one new tensors are made on, and why one is absent."""

from __future__ import annotations

from . import _C

# The first one available is the best one.
_ORDER = ("metal", "cuda", "cpu")


def _infos() -> dict[str, tuple[bool, str]]:
    return {name: (available, reason) for name, available, reason in _C.backends()}


def available() -> list[str]:
    infos = _infos()
    return sorted((name for name, (works, _) in infos.items() if works), key=_ORDER.index)


def current() -> str:
    return _C.get_backend()


def select(name: str) -> None:
    if not isinstance(name, str):
        raise TypeError(f"hologram.set_backend: the name must be a str, not {type(name).__name__}. "
                        f"The known ones are {', '.join(map(repr, _infos()))}.")
    _C.set_backend(name)


def reason(name: str) -> str:
    infos = _infos()
    if name not in infos:
        raise ValueError(f"hologram.backend_reason: unknown backend {name!r}. The known ones are {', '.join(map(repr, infos))}.")
    works, why = infos[name]
    return "" if works else why
