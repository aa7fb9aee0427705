"""The rules of DLPack's Python protocol (array API standard), over the capsules of csrc/bindings/dlpack.cpp.

Both directions share memory. What an exported tensor's owner records is visible to the holder of the capsule, because ops
on exported memory run when they are called.
"""

from __future__ import annotations

from . import _runtime
from .errors import ExportError, InvalidType, InvalidValue, shown

CPU = 1                     # kDLCPU: the memory of the cpu backend is ordinary memory
VERSION = (1, 0)


def export(source, stream, max_version, dl_device, copy):
    """What `__dlpack__` returns. `source()` gives (buffer, offset, shape, strides) of what is exported, a copy where one is wanted."""
    if stream is not None:
        raise InvalidValue(f"hologram.__dlpack__: stream is {shown(stream)}; memory of the CPU has no streams. Pass None.")
    if dl_device is not None and tuple(dl_device) != (CPU, 0):
        raise ExportError(f"hologram.__dlpack__: the tensor is on device {(CPU, 0)} and cannot be exported to {tuple(dl_device)}.")
    if max_version is not None and (not isinstance(max_version, tuple) or len(max_version) != 2):
        raise InvalidType(f"hologram.__dlpack__: max_version is (major, minor) or None, not {shown(max_version)}.")
    versioned = max_version is not None and max_version[0] >= VERSION[0]
    return _runtime.to_dlpack(*source(), versioned, CPU, bool(copy))


def capsule_of(external):
    """The capsule of an object that has one to give, or is one."""
    export = getattr(external, "__dlpack__", None)
    if export is None:
        if type(external).__name__ == "PyCapsule":
            return external
        raise InvalidType(f"hologram.from_dlpack: {type(external).__name__} has no __dlpack__. Pass an array or tensor.")
    try:
        return export(max_version=VERSION)
    except TypeError:
        return export()      # from before DLPack 1.0


def check_aligned(aligned: bool) -> None:
    if not aligned:
        raise ExportError("hologram.from_dlpack: the memory is not aligned to its elements, and copy=False forbids a copy.")
