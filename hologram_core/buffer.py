"""Buffer: a flat array of one element type in the memory of an executor."""

from __future__ import annotations

import contextlib
import math
import threading

import numpy as np

from . import _runtime, dlpack, dtypes
from .errors import InvalidType, InvalidValue, shown
from .operators import Arithmetic
from .shapes import is_compact

_NAMES = {**{d.torch: d for d in dtypes.ALL}, **dtypes.BY_NAME}


def dtype_of(dtype) -> dtypes.DType:
    """The element type meant by a NumPy dtype or scalar type, a torch dtype, or a name ('float32', 'f32', 'bfloat16')."""
    if isinstance(dtype, dtypes.DType):
        return dtype
    name = dtype if isinstance(dtype, str) else "" if isinstance(dtype, (list, tuple, dict)) else str(dtype)
    found = _NAMES.get(name.removeprefix("torch."))
    if found is None:
        try:
            found = _NAMES.get(np.dtype(dtype).name) if np.dtype(dtype).isnative else None
        except (TypeError, ValueError, RecursionError):
            found = None
    if found is None:
        raise InvalidType(f"hologram: {shown(dtype)} is not an element type of buffers. Use for instance 'float32' or numpy.int64.")
    return found


class Buffer(_runtime.Buffer, Arithmetic):
    """`executor.allocate(size, dtype)` makes one. `to_numpy` shows its memory; `from_numpy` writes it.

    Operators and methods named after ops (`a + b`, `a.tanh()`, `a.sum()`) give new buffers; the functions of `hg.ops` write
    into buffers that exist. Both take flat arrays of other libraries beside buffers.
    """

    __slots__ = ()

    # ---- what it is ----
    @property
    def element_type(self) -> dtypes.DType:
        return dtypes.ALL[self.dtype_code]

    @property
    def dtype(self) -> np.dtype:
        """The NumPy type of its elements; bfloat16 shows as the uint16 that holds its bits."""
        return np.dtype(self.element_type.numpy)

    @property
    def size(self) -> int:
        return self.length

    @property
    def pool(self) -> str:
        """'boundary' for a class that was asked for by number, else 'linear'."""
        return "boundary" if self.reserved else "linear"

    @property
    def __array_interface__(self) -> dict:
        # A reader of the address may keep it: from now on ops on the buffer run when they are called.
        return {"version": 3, "shape": (self.length,), "typestr": self.dtype.str, "data": (self.address(), self.read_only)}

    # ---- in and out ----
    def to_numpy(self) -> np.ndarray:
        """Its memory as an array, without a copy. While the array lives, ops on the buffer run when they are called.

        Of a GPU's buffer: a copy of its elements."""
        _refuse_while_tracing("to_numpy")
        if not self.host_visible:
            array = np.empty(self.length, self.element_type.numpy)
            self._download(array)
            return array
        return np.frombuffer(self, self.element_type.numpy) if self.length else self._empty()

    def _empty(self):
        self.run_recorded()
        return np.empty(0, self.element_type.numpy)

    def from_numpy(self, array) -> "Buffer":
        """Copies the elements of an array of the same type and number of elements, whatever its shape and strides."""
        array = np.asarray(array)
        if array.dtype != self.dtype:
            raise InvalidType(f"hologram.from_numpy: the array is {array.dtype}, the buffer {self.dtype}. Use array.astype, or "
                              "allocate with that dtype.")
        if array.size != self.length:
            raise InvalidValue(f"hologram.from_numpy: the array has {array.size} elements, the buffer {self.length}.")
        if not self.host_visible:
            self._upload(np.ascontiguousarray(array))
            return self
        self._writable("from_numpy").reshape(array.shape)[...] = array
        return self

    def to_bytes(self) -> bytes:
        return self.to_numpy().tobytes()

    def from_bytes(self, data) -> "Buffer":
        """Copies from anything with the buffer protocol that has exactly its bytes."""
        view = memoryview(data)
        if view.nbytes != self.nbytes:
            raise InvalidValue(f"hologram.from_bytes: {view.nbytes} bytes for a buffer of {self.nbytes} bytes.")
        if self.nbytes:
            bytes_in = np.frombuffer(view if view.c_contiguous else view.tobytes(), np.uint8)
            if not self.host_visible:
                self._upload(bytes_in)
                return self
            self._writable("from_bytes").view(np.uint8)[...] = bytes_in
        return self

    def _writable(self, function: str) -> np.ndarray:
        if self.read_only:
            raise InvalidValue(f"hologram.{function}: the buffer is read-only.")
        return self.to_numpy()

    def fill(self, value, length: int | None = None) -> "Buffer":
        """Sets the first `length` elements, or all."""
        from . import ops

        ops.row("fill")(self._executor, self._number(value), self, length)
        return self

    def _number(self, value):
        if not hasattr(value, "__float__") and not hasattr(value, "__index__"):
            raise InvalidType(f"hologram.fill: a number is needed, not {type(value).__name__}.")
        try:
            if self.element_type.is_float:
                return float(value)
            number = int(value)
        except (TypeError, ValueError, OverflowError) as error:      # an array of several elements, NaN, infinity, 10**400
            raise InvalidValue(f"hologram.fill: {shown(value)} does not become an element of {self.dtype} ({error}).") from None
        if number != value:
            raise InvalidValue(f"hologram.fill: {shown(value)} is not an integer, and the buffer is {self.dtype}.")
        return number

    def copy_from(self, other, length: int | None = None) -> "Buffer":
        """Copies the first `length` elements of another buffer, or all; converts where the types differ."""
        from . import ops

        if not isinstance(other, _runtime.Buffer):
            raise InvalidType(f"hologram.copy_from: a Buffer is needed, not {type(other).__name__}. See from_numpy.")
        if length is None and other.length != self.length:
            raise InvalidValue(f"hologram.copy_from: {other.length} elements into {self.length}. Pass the length to copy a part.")
        n = self.length if length is None else length
        if not isinstance(n, int):
            raise InvalidType(f"hologram.copy_from: the length is an integer, not {type(n).__name__}.")
        if not 0 <= n <= min(self.length, other.length):
            raise InvalidValue(f"hologram.copy_from: length {shown(n)} of {other.length} and {self.length} elements.")
        executor = self._executor
        if other._executor is not executor:
            other = _runtime.Buffer(flat_import(executor, Buffer(other)))
        ops.row("copy")(executor, other, self, n)
        return self

    def view(self, start: int, length: int) -> "Buffer":
        """A part of it, over the same memory."""
        return Buffer(self._view(start, length))

    # ---- DLPack ----
    def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
        def source():
            buffer = Buffer(self._executor, self.length, self.dtype_code).copy_from(self) if copy else self
            return buffer, 0, (self.length,), (1,)

        return dlpack.export(source, stream, max_version, dl_device, copy)

    def __dlpack_device__(self):
        return 1, 0

    def __repr__(self) -> str:
        if self.freed:
            return "Buffer(freed)"
        return f"Buffer({self.length}, dtype={self.element_type.torch})"

    # ---- arithmetic ----
    def __array_ufunc__(self, function, method, *inputs, out=None, **options):
        from .shaped_ops import buffer_ufunc

        return buffer_ufunc(self, function, method, inputs, out, options)

    def _apply(self, name: str, *args):
        for arg in args:
            if isinstance(arg, Arithmetic) and not isinstance(arg, _runtime.Buffer):        # the value of a circuit decides
                return arg._apply(name, *args)
        _refuse_while_tracing(name)
        from . import ops

        return ops.apply(self._executor, name, args)


_traced = threading.local()


@contextlib.contextmanager
def tracing():
    """While a function is traced (tracing.py) on this thread. What it does to buffers that are no arguments would happen once."""
    before, _traced.now = getattr(_traced, "now", False), True
    try:
        yield
    finally:
        _traced.now = before


def _refuse_while_tracing(what: str) -> None:
    if getattr(_traced, "now", False):
        raise InvalidValue(f"hologram.{what}: a compiled function does this to a buffer that is none of its arguments: it would "
                           "happen once, when the function is traced. Pass the buffer as an argument, or do it outside.")


def flat(executor, value, writes: bool = False):
    """An argument of an op on flat memory: of a tensor or an array of another library, a buffer over its elements (of a copy in their
    order, where they lie in another and are only read), or the number that it is; anything else as it is."""
    if isinstance(value, _runtime.Buffer) or not isinstance(executor, _runtime.Executor) or not hasattr(value, "__dlpack__"):
        return value
    from .shaped_ops import imported
    from .tensor import HologramTensor

    tensor = value if isinstance(value, HologramTensor) else \
        HologramTensor.from_dlpack(value, executor, copy=False) if writes else imported(executor, value)
    if not tensor.ndim and not writes:
        return tensor.item()
    if writes and not tensor.is_contiguous():
        raise InvalidValue(f"hologram.ops: the result goes to memory that is not contiguous (shape {tensor.shape}, strides "
                           f"{tensor.strides}). Give it a contiguous tensor or array.")
    tensor = tensor.contiguous()
    return tensor.buffer.view(tensor.offset, tensor.numel)


def flat_import(executor, external) -> Buffer:
    """A buffer over the memory of a contiguous array of another library."""
    raw, shape, strides, offset, aligned = _runtime.from_dlpack(executor, dlpack.capsule_of(external))
    dlpack.check_aligned(aligned)
    if not is_compact(shape, strides):
        raise InvalidValue("hologram.wrap: the array is not contiguous. Pass a contiguous copy of it.")
    return Buffer(Buffer(raw)._view(offset, math.prod(shape)))
