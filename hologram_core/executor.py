"""Executor: a stream of recorded ops and the memory they work on."""

from __future__ import annotations

import threading

from . import _runtime, config
from .backend import validate_backend
from .buffer import Buffer, dtype_of, flat_import
from .classes import CLASSES, PAGE_BYTES, PAGES
from .errors import InvalidValue, OutOfMemory, shown
from .plan import Plan, arguments


class Executor(_runtime.Executor):
    """Ops called with it are recorded, joined into few kernels, and run when a result is looked at.

    Executors do not share buffers: one may be cleaned up, or fail, without the others noticing. Used as a context manager it
    is cleaned up at the end; NumPy arrays and DLPack tensors that were made from its buffers stay valid.
    """

    def __init__(self, backend="auto"):
        config.check()
        super().__init__(validate_backend(backend))

    def allocate(self, size: int, dtype="float32") -> Buffer:
        """A buffer of `size` elements, not initialised."""
        return Buffer(self, _size(size), dtype_of(dtype).code)

    def from_numpy(self, array) -> Buffer:
        """A new buffer with the elements of an array."""
        import numpy as np

        array = np.asarray(array)
        buffer = self.allocate(array.size, array.dtype)
        buffer.from_numpy(array)
        return buffer

    def wrap(self, array) -> Buffer:
        """A buffer over the memory of a contiguous array, without a copy: both see what the other writes."""
        return flat_import(self, array)

    def allocate_boundary(self, class_index: int, width: int = PAGES, height: int = PAGE_BYTES, dtype="float32") -> Buffer:
        """Reserves class `class_index` of the boundary pool: `width` pages of `height` bytes. Raises where it is taken."""
        for name, value, low, high in (("class", class_index, 0, CLASSES - 1), ("width", width, 1, PAGES),
                                       ("height", height, 1, PAGE_BYTES)):
            if not isinstance(value, int) or not low <= value <= high:
                raise InvalidValue(f"hologram.allocate_boundary: {name} {shown(value)} is not within [{low}, {high}].")
        item = dtype_of(dtype)
        if width * height % item.bytes:
            raise InvalidValue(f"hologram.allocate_boundary: {width} x {height} bytes are no whole number of {item.bytes}-byte "
                               "elements.")
        return Buffer(_runtime._reserve_class(self, class_index, width * height, item.code))

    def capture(self, *captured) -> Plan:
        """A plan of what runs in its `with` statement, to be run again on other memory:

            with executor.capture(x, y) as plan:
                ops.exp(executor, x, y)
            plan.run(x2, y2)

        Args:
            captured: buffers in whose place each run gets others. Contiguous tensors and arrays of other libraries serve too.

        Raises:
            InvalidState: what ran cannot be run again: the host looked at a buffer, another thread used the device, or a buffer of
                another executor was used. What ran has run.
            NotSupported: the backend is not 'cpu'.
        """
        return Plan(self, arguments(self, "hologram.Executor.capture", captured))

    def __enter__(self) -> "Executor":
        if self.closed:
            self.synchronize()      # raises
        return self

    def __exit__(self, *_) -> None:
        self.cleanup()

    def __repr__(self) -> str:
        return f"Executor(backend={self.backend!r}{', cleaned up' if self.closed else ''})"


def _size(size) -> int:
    try:
        count = size.__index__()
    except (AttributeError, TypeError):
        raise InvalidValue(f"hologram.allocate: the number of elements must be an integer, not {shown(size)}.") from None
    if count >= 1 << 63:
        raise OutOfMemory(f"hologram.allocate: {shown(count)} elements are more than any memory holds.")
    return max(count, -1)      # negative ones are refused below


_default = None
_lock = threading.Lock()


def default_executor() -> Executor:
    """The executor of callers that do not bring one."""
    global _default
    if _default is not None and not _default.closed:
        return _default
    with _lock:
        if _default is None or _default.closed:
            _default = Executor()
        return _default
