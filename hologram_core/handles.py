"""Numbers that stand for objects. A handle is never 0 and never used twice."""

from __future__ import annotations

import itertools
import threading

from .errors import InvalidState, InvalidType, shown

_numbers = itertools.count(1)
_objects: dict = {}              # handle -> object; a dict's single operations are atomic
_lock = threading.Lock()


def register(item) -> int:
    """A new handle of the object, which it keeps alive until `forget`."""
    with _lock:
        handle = next(_numbers)
        _objects[handle] = item
        return handle


def handle_of(item) -> int:
    """A handle that stands for the object already, or a new one."""
    with _lock:
        found = next((handle for handle, known in _objects.items() if known is item), None)
    return found or register(item)


def resolve(handle, kind: type, word: str):
    """The object of a handle, or the object itself where it is given. `word` names in errors what is expected."""
    if isinstance(handle, kind):
        return handle
    if isinstance(handle, bool) or not isinstance(handle, int):
        raise InvalidType(f"hologram.ffi: {word} must be a handle or a {kind.__name__}, not {type(handle).__name__}.")
    found = _objects.get(handle)
    if not isinstance(found, kind):
        if found is None:
            raise InvalidState(f"hologram.ffi: {word} handle {shown(handle)} is unknown, or was cleaned up.")
        raise InvalidType(f"hologram.ffi: handle {handle} is a {type(found).__name__}, not {word}.")
    return found


def forget(handle, kind: type, word: str):
    """`resolve`, and the handle stands for nothing afterwards."""
    found = resolve(handle, kind, word)
    if isinstance(handle, int):
        _objects.pop(handle, None)
    return found


def forget_all() -> list:
    """Forgets all handles; the objects they stood for."""
    with _lock:
        left = list(_objects.values())
        _objects.clear()
    return left
