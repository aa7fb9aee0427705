"""HologramTensor: a shaped view of a buffer, and the bridge to other libraries by DLPack.

Views share the buffer and carry offset and strides, in elements; every operation honours them. What it computes is in shaped_ops.py,
how it is indexed in indexing.py.
"""

from __future__ import annotations

import math

import numpy as np

from . import _runtime, dlpack, dtypes, handles, indexing, shaped_ops
from .buffer import Buffer, dtype_of
from .errors import InvalidType, InvalidValue, shown
from .executor import Executor, default_executor
from .operators import Arithmetic
from .shapes import broadcast_shapes, checked_int, checked_ints, compact, is_compact


class HologramTensor(Arithmetic):
    """`HologramTensor(executor, buffer, shape)`; executor and buffer may be given by their handles (hologram_core.ffi).

    Operators, comparisons, indexing and the methods named after ops go by NumPy's rules for shapes and types, and take tensors,
    buffers, numbers and the arrays of other libraries. Results are new tensors; `+=` and its like, and `tensor[...] = x`, write into
    the tensor's memory. They are recorded, and run when a result is looked at.
    """

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

    @classmethod
    def of(cls, executor, buffer, shape, strides, offset) -> "HologramTensor":
        """Of parts that are known to fit each other."""
        tensor = cls.__new__(cls)
        tensor.executor, tensor._buffer, tensor.shape, tensor.strides, tensor.offset = executor, buffer, shape, strides, offset
        return tensor

    def _with(self, shape, strides, offset) -> "HologramTensor":
        """A view. One without elements begins where this tensor does: steps along its other dimensions may lead out of the buffer."""
        offset = self.offset if 0 in shape else offset
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

    @property
    def element_type(self) -> dtypes.DType:
        return self.buffer.element_type

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

    def _array(self) -> np.ndarray:
        """For NumPy: the memory, or a copy of it in float32 where NumPy does not have the type."""
        return (self.astype("float32") if self.element_type is dtypes.BF16 else self).to_numpy()

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        array = self._array()
        if dtype is not None and array.dtype != dtype:
            if copy is False:
                raise InvalidValue(f"hologram.tensor: elements of {self.dtype} become {np.dtype(dtype)} only in a copy.")
            return array.astype(dtype)
        return array.copy() if copy else array

    def item(self):
        """The only element, as a number of Python's."""
        if self.numel != 1:
            raise InvalidValue(f"hologram.item: the tensor has {self.numel} elements, one is needed.")
        return self._array().item()

    def tolist(self):
        """Its elements in nested lists."""
        return self._array().tolist()

    # ---- views ----
    @property
    def T(self) -> "HologramTensor":
        return self.transpose()

    def __getitem__(self, key) -> "HologramTensor":
        return indexing.get(self, key)

    def __setitem__(self, key, value) -> None:
        indexing.put(self, key, value)

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

    def broadcast_to(self, shape) -> "HologramTensor":
        """A view in which one element stands for all of a dimension where the shapes differ."""
        shape = checked_ints("the shape", shape)
        if broadcast_shapes(self.shape, shape) != shape:
            raise InvalidValue(f"hologram.broadcast_to: the shape {self.shape} does not become {shown(shape)}.")
        own = [0 if n == 1 else s for n, s in zip(self.shape, self.strides)]
        return self._with(shape, [0] * (len(shape) - self.ndim) + own, self.offset)

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
        return shaped_ops.elementwise(self.executor, "copy", (self,))

    def astype(self, dtype) -> "HologramTensor":
        """Itself if its elements are of that type, else a converted copy."""
        element_type = dtype_of(dtype)
        if element_type is self.element_type:
            return self
        result = HologramTensor(self.executor, Buffer(self.executor, self.numel, element_type.code), self.shape)
        shaped_ops.assign(result, self)
        return result

    def matmul(self, other) -> "HologramTensor":
        """Matrix product (NumPy's rules for shapes), whatever the strides."""
        return shaped_ops.matmul(self.executor, self, other)

    def __matmul__(self, other) -> "HologramTensor":
        return shaped_ops.matmul(self.executor, self, other)

    def __rmatmul__(self, other) -> "HologramTensor":
        return shaped_ops.matmul(self.executor, other, self)

    def _apply(self, name: str, *args):
        for arg in args:
            if isinstance(arg, Arithmetic) and not isinstance(arg, (HologramTensor, Buffer)):      # the value of a circuit decides
                return arg._apply(name, *args)
        return shaped_ops.elementwise(self.executor, name, args)

    def sum(self, dim=None, keepdim: bool = False) -> "HologramTensor":
        """Over a dimension, a tuple of them, or all. Integers add up in 64 bits."""
        return shaped_ops.fold(self, "sum", dim, keepdim)

    def prod(self, dim=None, keepdim: bool = False) -> "HologramTensor":
        return shaped_ops.fold(self, "prod", dim, keepdim)

    def mean(self, dim=None, keepdim: bool = False) -> "HologramTensor":
        return shaped_ops.fold(self, "mean", dim, keepdim)

    def amax(self, dim=None, keepdim: bool = False) -> "HologramTensor":
        return shaped_ops.fold(self, "amax", dim, keepdim)

    def amin(self, dim=None, keepdim: bool = False) -> "HologramTensor":
        return shaped_ops.fold(self, "amin", dim, keepdim)

    def softmax(self, dim: int = -1) -> "HologramTensor":
        return shaped_ops.along(self, "softmax", dim)

    def log_softmax(self, dim: int = -1) -> "HologramTensor":
        return shaped_ops.along(self, "log_softmax", dim)

    def cumsum(self, dim: int = -1) -> "HologramTensor":
        return shaped_ops.along(self, "cumsum", dim)

    # ---- in place ----
    def __iadd__(self, other) -> "HologramTensor":
        return shaped_ops.update(self, "add", self, other)

    def __isub__(self, other) -> "HologramTensor":
        return shaped_ops.update(self, "sub", self, other)

    def __imul__(self, other) -> "HologramTensor":
        return shaped_ops.update(self, "mul", self, other)

    def __itruediv__(self, other) -> "HologramTensor":
        return shaped_ops.update(self, "div", self, other)

    def __ifloordiv__(self, other) -> "HologramTensor":
        return shaped_ops.update(self, "div_floor", self, other)

    def __imod__(self, other) -> "HologramTensor":
        return shaped_ops.update(self, "remainder", self, other)

    def __ipow__(self, other) -> "HologramTensor":
        return shaped_ops.update(self, "pow", self, other)

    def __iand__(self, other) -> "HologramTensor":
        return shaped_ops.update(self, "bitwise_and", self, other)

    def __ior__(self, other) -> "HologramTensor":
        return shaped_ops.update(self, "bitwise_or", self, other)

    def __ixor__(self, other) -> "HologramTensor":
        return shaped_ops.update(self, "bitwise_xor", self, other)

    def __ilshift__(self, other) -> "HologramTensor":
        return shaped_ops.update(self, "bitwise_left_shift", self, other)

    def __irshift__(self, other) -> "HologramTensor":
        return shaped_ops.update(self, "bitwise_right_shift", self, other)

    # ---- as Python and NumPy see it ----
    def __eq__(self, other):
        return self._apply("eq", self, other) if shaped_ops.is_operand(other) else NotImplemented

    def __ne__(self, other):
        return self._apply("ne", self, other) if shaped_ops.is_operand(other) else NotImplemented

    __hash__ = object.__hash__      # by identity, though == looks at elements

    def __bool__(self) -> bool:
        if self.numel != 1:
            raise InvalidValue(f"hologram.tensor: a tensor of {self.numel} elements has no truth value. Use .to_numpy().any() or .all().")
        return bool(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self.numel != 1 or not self.element_type.is_int:
            raise InvalidType(f"hologram.tensor: {self!r} is no integer. An index is a tensor of one integer.")
        return self.item()

    def __len__(self) -> int:
        if not self.shape:
            raise InvalidType("hologram.tensor: a tensor without dimensions has no length.")
        return self.shape[0]

    def __iter__(self):
        return (self[n] for n in range(len(self)))

    def __contains__(self, value) -> bool:
        return bool((self._array() == value).any())

    def __array_ufunc__(self, function, method, *inputs, out=None, **options):
        return shaped_ops.ufunc(self, function, method, inputs, out, options)

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
        tensor = cls.of(executor, raw, shape, strides, offset)      # what comes from C++ was checked there
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
