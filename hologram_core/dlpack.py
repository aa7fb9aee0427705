"""The rules of DLPack's Python protocol (array API standard), over the capsules of csrc/bindings/dlpack.cpp.

Both directions share memory. What an exported tensor's owner records is visible to whoever holds the capsule, because ops
on exported memory run when they are called.
"""

from __future__ import annotations

from . import _runtime
from .errors import ExportError, InvalidType, InvalidValue, shown

CPU = 1                     # kDLCPU: the memory of the cpu backend is ordinary memory
VERSION = (1, 0)


def export_capsule(tensor, stream, max_version, dl_device, copy):
    """What `tensor.__dlpack__` returns."""
    if stream is not None:
        raise InvalidValue(f"hologram.__dlpack__: stream is {shown(stream)}; memory of the CPU has no streams. Pass None.")
    if dl_device is not None and tuple(dl_device) != (CPU, 0):
        raise ExportError(f"hologram.__dlpack__: the tensor is on device {(CPU, 0)} and cannot be exported to {tuple(dl_device)}.")
    if max_version is not None and (not isinstance(max_version, tuple) or len(max_version) != 2):
        raise InvalidType(f"hologram.__dlpack__: max_version is (major, minor) or None, not {shown(max_version)}.")
    copied = bool(copy)
    if copied:
        tensor = tensor.copy()
    versioned = max_version is not None and max_version[0] >= VERSION[0]
    return _runtime.to_dlpack(tensor.buffer, tensor.offset, tensor.shape, tensor.strides, versioned, CPU, copied)


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


def wrapped(cls, executor, raw, shape, strides, offset, aligned, *, copy):
    """A tensor over foreign memory, copied where that is asked for or needed. The arguments are what `_runtime.from_dlpack` gives."""
    tensor = cls.__new__(cls)       # what comes from C++ was checked there
    tensor.executor, tensor._buffer, tensor.shape, tensor.strides, tensor.offset = executor, raw, shape, strides, offset
    if not aligned and copy is False:
        raise ExportError("hologram.from_dlpack: the memory is not aligned to its elements, and copy=False forbids a copy.")
    if copy or not aligned:
        from .buffer import Buffer

        source = tensor
        tensor = cls(executor, Buffer(executor, source.numel, raw.dtype_code), shape)
        if tensor.numel:
            tensor.to_numpy()[...] = source.to_numpy()
    return tensor
