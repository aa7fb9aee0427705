"""HologramTensor: a shaped view of a buffer, and the bridge to other libraries by DLPack.

Views share the buffer and carry offset and strides, in elements; every operation honours them.
"""

from __future__ import annotations

import math

import numpy as np

from . import _runtime, dlpack, handles
from .buffer import Buffer
from .errors import InvalidType, InvalidValue, shown
from .executor import Executor, default_executor
from .shapes import checked_int, checked_ints, compact, is_compact


class HologramTensor:
    """`HologramTensor(executor, buffer, shape)`; executor and buffer may be given by their handles (hologram_core.ffi)."""

    __slots__ = ("executor", "_buffer", "shape", "strides", "offset", "__weakref__")

    def __init__(self, executor_handle, buffer_handle, shape, strides=None, offset: int = 0):
        self.executor = handles.resolve(executor_handle, Executor, "an executor")
        self._buffer = handles.resolve(buffer_handle, Buffer, "a buffer")
        self.shape = checked_ints("the shape", shape)
        self.strides = compact(self.shape) if strides is None else checked_ints("the strides", strides)
        self.offset = checked_int("the offset", offset)
        self._check()

    def _check(self) -> None:
        if len(self.strides) != len(self.shape):
            raise InvalidValue(f"hologram.tensor: {len(self.strides)} strides for the shape {self.shape}.")
        if any(size < 0 for size in self.shape):
            raise InvalidValue(f"hologram.tensor: the shape {shown(self.shape)} has a negative size.")
        item = self.buffer.itemsize
        if math.prod(max(size, 1) for size in self.shape) * item >= 1 << 63 or any(abs(s) * item >= 1 << 63 for s in self.strides):
            raise InvalidValue(f"hologram.tensor: shape {shown(self.shape)} and strides {shown(self.strides)} are beyond any memory.")
        reach = [(size - 1) * stride for size, stride in zip(self.shape, self.strides)]
        low, high = self.offset + sum(min(r, 0) for r in reach), self.offset + sum(max(r, 0) for r in reach)
        inside = self.offset <= self.buffer.length if 0 in self.shape else 0 <= low and high < self.buffer.length
        if not inside or self.offset < 0:
            raise InvalidValue(f"hologram.tensor: shape {self.shape}, strides {self.strides} and offset {shown(self.offset)} reach beyond "
                               f"the buffer's {self.buffer.length} elements.")

    def _with(self, shape, strides, offset) -> "HologramTensor":
        return HologramTensor(self.executor, self.buffer, shape, strides, offset)

    # ---- what it is ----
    @property
    def buffer(self) -> Buffer:
        if type(self._buffer) is _runtime.Buffer:      # an imported one, until it is asked for
            self._buffer = Buffer(self._buffer)
        return self._buffer

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def numel(self) -> int:
        return math.prod(self.shape)

    @property
    def dtype(self):
        return self.buffer.dtype

    def is_contiguous(self) -> bool:
        return is_compact(self.shape, self.strides)

    def device_info(self) -> dict:
        device_type, device_id = self.__dlpack_device__()
        return {"backend": self.executor.backend, "device_type": device_type, "device_id": device_id, "pool": self.buffer.pool}

    def to_numpy(self) -> np.ndarray:
        """The elements as an array over the same memory."""
        flat = self.buffer.to_numpy()
        strides = [s * flat.itemsize for s in self.strides]
        view = np.lib.stride_tricks.as_strided(flat[self.offset:], self.shape, strides) if self.numel else \
            np.empty(self.shape, flat.dtype)
        return view

    # ---- views ----
    def _dim(self, dim: int) -> int:
        dim = checked_int("the dimension", dim)
        if not -self.ndim <= dim < self.ndim:
            raise InvalidValue(f"hologram.tensor: dimension {shown(dim)} of a tensor with {self.ndim}.")
        return dim % self.ndim

    def transpose(self) -> "HologramTensor":
        """All dimensions in the opposite order."""
        return self._with(self.shape[::-1], self.strides[::-1], self.offset)

    def permute(self, dims) -> "HologramTensor":
        dims = checked_ints("dims", dims)
        if sorted(d % self.ndim if self.ndim else d for d in dims) != list(range(self.ndim)):
            raise InvalidValue(f"hologram.permute: {shown(list(dims))} does not name each of {self.ndim} dimensions once.")
        return self._with([self.shape[d] for d in dims], [self.strides[d] for d in dims], self.offset)

    def select(self, dim: int, index: int) -> "HologramTensor":
        dim, index = self._dim(dim), checked_int("the index", index)
        size = self.shape[dim]
        if not -size <= index < size:
            raise InvalidValue(f"hologram.select: index {shown(index)} of a dimension of size {size}.")
        rest = [d for d in range(self.ndim) if d != dim]
        return self._with([self.shape[d] for d in rest], [self.strides[d] for d in rest],
                          self.offset + index % size * self.strides[dim])

    def narrow(self, dim: int, start: int, length: int) -> "HologramTensor":
        dim, start, length = self._dim(dim), checked_int("the start", start), checked_int("the length", length)
        if start < 0 or length < 0 or start + length > self.shape[dim]:
            raise InvalidValue(f"hologram.narrow: [{shown(start)}, {shown(start + length)}) of a dimension of size {self.shape[dim]}.")
        return self.slice(dim, start, start + length)

    def slice(self, dim: int, start=None, end=None, step=None) -> "HologramTensor":
        """Elements start:end:step of a dimension, as Python slices count them."""
        dim = self._dim(dim)
        if step == 0:
            raise InvalidValue("hologram.slice: the step is 0.")
        try:
            first, stop, step = slice(start, end, step).indices(self.shape[dim])
        except TypeError:
            raise InvalidType("hologram.slice: start, end and step are integers or None.") from None
        shape, strides = list(self.shape), list(self.strides)
        shape[dim] = len(range(first, stop, step))
        offset = self.offset + first * strides[dim] if shape[dim] else self.offset
        strides[dim] *= step
        return self._with(shape, strides, offset)

    def reshape(self, shape) -> "HologramTensor":
        """A view where the strides allow it, else a copy."""
        shape = list(checked_ints("the shape", shape))
        if shape.count(-1) == 1:
            rest = math.prod(s for s in shape if s != -1)
            if rest and self.numel % rest == 0:
                shape[shape.index(-1)] = self.numel // rest
        if math.prod(shape) != self.numel or any(s < 0 for s in shape):
            raise InvalidValue(f"hologram.reshape: {self.shape} has {self.numel} elements, {shown(shape)} has not.")
        source = self.contiguous()
        return source._with(shape, None, source.offset)

    def view_1d(self) -> "HologramTensor":
        if not self.is_contiguous():
            raise InvalidValue("hologram.view_1d: the tensor is not contiguous. Call contiguous first.")
        return self._with([self.numel], None, self.offset)

    # ---- computing ----
    def contiguous(self) -> "HologramTensor":
        """Itself if its elements lie in order, else a compact copy (a recorded op)."""
        if self.is_contiguous():
            return self
        return self.copy()

    def copy(self) -> "HologramTensor":
        buffer = Buffer(self.executor, self.numel, self.buffer.dtype_code)
        code = buffer.dtype_code
        if self.numel:
            from .op_signature import describe

            circuit = _runtime.Circuit(self.shape, 0)
            item = buffer.itemsize
            source = circuit.add_buffer(self.buffer, self.offset, [s * item for s in self.strides])
            value = circuit.add_node(describe("copy").code, code, code, [source])
            circuit.add_result(buffer, 0, [s * item for s in compact(self.shape)], value)
            circuit.submit(self.executor)
        return HologramTensor(self.executor, buffer, self.shape)

    def matmul(self, other: "HologramTensor") -> "HologramTensor":
        """Matrix product (NumPy's rules for other ranks), whatever the strides."""
        if not isinstance(other, HologramTensor):
            raise InvalidType(f"hologram.matmul: a HologramTensor is needed, not {type(other).__name__}.")
        a, b = self.to_numpy(), other.to_numpy()
        if a.dtype != b.dtype:
            raise InvalidType(f"hologram.matmul: the tensors are {a.dtype} and {b.dtype}. One type is needed.")
        try:
            product = np.matmul(a, b)
        except ValueError:
            raise InvalidValue(f"hologram.matmul: shapes {self.shape} and {other.shape} do not fit.") from None
        buffer = Buffer(self.executor, product.size, self.buffer.dtype_code)
        buffer.from_numpy(product)
        return HologramTensor(self.executor, buffer, product.shape)

    # ---- DLPack ----
    @classmethod
    def from_dlpack(cls, external, executor_handle=None, *, copy=None) -> "HologramTensor":
        """The tensor of another library, without a copy where its memory can be used (copy=True: always a copy;
        copy=False: never one, an error where one would be needed)."""
        if executor_handle is None:
            executor = default_executor()
        elif isinstance(executor_handle, _runtime.Executor):
            executor = executor_handle
        else:
            executor = handles.resolve(executor_handle, Executor, "an executor")
        return cls.over(executor, *_runtime.from_dlpack(executor, dlpack.capsule_of(external)), copy=copy)

    @classmethod
    def over(cls, executor, raw, shape, strides, offset, aligned, *, copy) -> "HologramTensor":
        """A tensor over foreign memory, copied where that is asked for or needed. The arguments are what `_runtime.from_dlpack` gives."""
        tensor = cls.__new__(cls)       # what comes from C++ was checked there
        tensor.executor, tensor._buffer, tensor.shape, tensor.strides, tensor.offset = executor, raw, shape, strides, offset
        if copy is False:
            dlpack.check_aligned(aligned)
        if copy or not aligned:
            source = tensor
            tensor = cls(executor, Buffer(executor, source.numel, raw.dtype_code), shape)
            if tensor.numel:
                tensor.to_numpy()[...] = source.to_numpy()
        return tensor

    def __dlpack__(self, stream=None, max_version=None, dl_device=None, copy=None):
        def source():
            tensor = self.copy() if copy else self
            return tensor.buffer, tensor.offset, tensor.shape, tensor.strides

        return dlpack.export(source, stream, max_version, dl_device, copy)

    def __dlpack_device__(self) -> tuple:
        return dlpack.CPU, 0

    def __repr__(self) -> str:
        return f"HologramTensor(shape={list(self.shape)}, dtype={self.buffer.element_type.torch}, backend={self.executor.backend})"
