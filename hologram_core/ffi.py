"""The handle-based surface: executors, buffers and tensors by number, data as JSON or bytes.

Wherever a handle is expected the object itself may be passed, so that `vector_add_f32(executor, a, b, c, n)` serves both styles.
Parameters have the documents' names, which callers may use as keywords. Except where a function says otherwise, `len` counts elements.
"""

from __future__ import annotations

import json
from typing import Any, TypeAlias

import numpy as np

from . import _runtime, dlpack, dtypes, handles, ops
from .buffer import Buffer
from .classes import address, bytes_of_class, canonical_byte, class_of_byte, split_address  # noqa: F401  (part of the surface)
from .errors import InvalidState, InvalidType, InvalidValue, shown
from .executor import Executor
from .shapes import broadcast_shapes
from .tensor import HologramTensor

# A number that this module gave, or the object itself.
ExecutorHandle: TypeAlias = "int | Executor"
BufferHandle: TypeAlias = "int | Buffer"
TensorHandle: TypeAlias = "int | HologramTensor"

NOT_GIVEN = -2147483648          # in tensor_slice


def executor_of(handle: ExecutorHandle) -> Executor:
    return handles.resolve(handle, Executor, "an executor")


def buffer_of(handle: BufferHandle) -> Buffer:
    return handles.resolve(handle, Buffer, "a buffer")


def tensor_of(handle: TensorHandle) -> HologramTensor:
    return handles.resolve(handle, HologramTensor, "a tensor")


def _count(function: str, length, *buffers) -> int:
    if isinstance(length, bool) or not isinstance(length, int) or not 0 <= length < 1 << 63:
        raise InvalidValue(f"hologram.{function}: len {shown(length)} is not a number of elements.")
    for buffer in buffers:
        if buffer.length < length:
            raise InvalidValue(f"hologram.{function}: len {length} of a buffer of {buffer.length} elements.")
    return length


def _json(function: str, text, kind=list):
    try:
        value = json.loads(text)
    except (TypeError, ValueError) as error:
        raise InvalidValue(f"hologram.{function}: the data is not JSON ({error}).") from None
    except RecursionError:
        raise InvalidValue(f"hologram.{function}: the JSON is nested too deeply. A flat {kind.__name__} is needed.") from None
    if not isinstance(value, kind):
        raise InvalidValue(f"hologram.{function}: the JSON is a {type(value).__name__}, a {kind.__name__} is needed.")
    return value


# ---- executors ----

def new_executor() -> int:
    return handles.register(Executor())


def new_executor_with_backend(backend: str) -> int:
    return handles.register(Executor(backend))


def new_executor_auto() -> int:
    return handles.register(Executor("auto"))


def executor_cleanup(executor_handle: ExecutorHandle) -> None:
    handles.forget(executor_handle, _runtime.Executor, "an executor").cleanup()


# ---- buffers ----

def executor_allocate_buffer(executor_handle: ExecutorHandle, len: int) -> int:
    return handles.register(executor_of(executor_handle).allocate(_count("executor_allocate_buffer", len)))


def executor_allocate_boundary_buffer(executor_handle: ExecutorHandle, class_index: int, width: int, height: int) -> int:
    return handles.register(executor_of(executor_handle).allocate_boundary(class_index, width, height))


def buffer_length(buffer_handle: BufferHandle) -> int:
    return buffer_of(buffer_handle).length


def buffer_is_empty(buffer_handle: BufferHandle) -> int:
    return int(buffer_of(buffer_handle).length == 0)


def buffer_is_linear(buffer_handle: BufferHandle) -> int:
    return int(buffer_of(buffer_handle).pool == "linear")


def buffer_is_boundary(buffer_handle: BufferHandle) -> int:
    return int(buffer_of(buffer_handle).pool == "boundary")


def buffer_pool(buffer_handle: BufferHandle) -> str:
    return buffer_of(buffer_handle).pool


def buffer_element_size(buffer_handle: BufferHandle) -> int:
    return buffer_of(buffer_handle).itemsize


def buffer_size_bytes(buffer_handle: BufferHandle) -> int:
    return buffer_of(buffer_handle).nbytes


def buffer_class_index(buffer_handle: BufferHandle) -> int:
    index = buffer_of(buffer_handle).class_index
    if index < 0:
        raise InvalidValue("hologram.buffer_class_index: the buffer has no class of its own. See executor_allocate_boundary_buffer.")
    return index


def buffer_copy_from_slice(executor_handle: ExecutorHandle, buffer_handle: BufferHandle, data_json: str) -> None:
    """JSON list of exactly the buffer's length."""
    buffer = _buffer_on(executor_handle, buffer_handle)
    array = _elements(_json("buffer_copy_from_slice", data_json), buffer)
    if array.size != buffer.length:
        raise InvalidValue(f"hologram.buffer_copy_from_slice: {array.size} numbers for a buffer of {buffer.length} elements.")
    buffer.from_numpy(array)


def _elements(values: list, buffer) -> np.ndarray:
    """Numbers of JSON as elements of a buffer; null is NaN."""
    kind, name = buffer.element_type, "hologram.buffer_copy_from_slice"
    if kind is dtypes.BF16:
        raise InvalidType(f"{name}: the buffer is bfloat16, which NumPy does not have. Use buffer_copy_from_bytes.")
    if kind.is_float:
        values = [np.nan if v is None else v for v in values]
        if not all(isinstance(v, (int, float)) for v in values):
            raise InvalidValue(f"{name}: the JSON must be a flat list of numbers.")
        try:
            with np.errstate(over="ignore"):
                return np.array(values, np.float64).astype(buffer.dtype)
        except OverflowError:
            raise InvalidValue(f"{name}: an integer of the JSON is beyond the range of float64.") from None
    low, high = kind.range
    for v in values:
        if not isinstance(v, int):
            raise InvalidValue(f"{name}: the buffer is {buffer.dtype}, and the JSON holds {shown(v)}. It must be a flat list of integers.")
        if not low <= v <= high:
            raise InvalidValue(f"{name}: {shown(v)} is not within [{low}, {high}], the range of {buffer.dtype}.")
    return np.array(values, buffer.dtype)


def buffer_to_vec(executor_handle: ExecutorHandle, buffer_handle: BufferHandle) -> str:
    """JSON list of all elements."""
    return json.dumps(_buffer_on(executor_handle, buffer_handle).to_numpy().tolist())


def buffer_copy_to_slice(executor_handle: ExecutorHandle, buffer_handle: BufferHandle) -> str:
    return buffer_to_vec(executor_handle, buffer_handle)


def buffer_fill(executor_handle: ExecutorHandle, buffer_handle: BufferHandle, value: float, len: int) -> None:
    buffer = _buffer_on(executor_handle, buffer_handle)
    buffer.fill(value, _count("buffer_fill", len, buffer))


def buffer_copy(executor_handle: ExecutorHandle, src_handle: BufferHandle, dst_handle: BufferHandle, len: int) -> None:
    source, target = _buffer_on(executor_handle, src_handle), _buffer_on(executor_handle, dst_handle)
    target.copy_from(source, _count("buffer_copy", len, source, target))


def buffer_cleanup(buffer_handle: BufferHandle) -> None:
    handles.forget(buffer_handle, Buffer, "a buffer").free()


def buffer_copy_from_bytes(executor_handle: ExecutorHandle, buffer_handle: BufferHandle, data_bytes: Any) -> None:
    """Anything with the buffer protocol that has exactly the buffer's bytes."""
    _buffer_on(executor_handle, buffer_handle).from_bytes(data_bytes)


def buffer_to_bytes(executor_handle: ExecutorHandle, buffer_handle: BufferHandle) -> memoryview:
    """The buffer's memory, without a copy: `bytes(...)` of it makes one."""
    buffer = _buffer_on(executor_handle, buffer_handle)
    return memoryview(buffer).cast("B") if buffer.length else memoryview(b"")


def buffer_as_ptr(executor_handle: ExecutorHandle, buffer_handle: BufferHandle) -> int:
    return _buffer_on(executor_handle, buffer_handle).address()


def buffer_as_mut_ptr(executor_handle: ExecutorHandle, buffer_handle: BufferHandle) -> int:
    buffer = _buffer_on(executor_handle, buffer_handle)
    if buffer.read_only:
        raise InvalidValue("hologram.buffer_as_mut_ptr: the buffer is read-only.")
    return buffer.address()


def _buffer_on(executor_handle: ExecutorHandle, buffer_handle: BufferHandle) -> Buffer:
    """The buffer, which must belong to the executor."""
    executor, buffer = executor_of(executor_handle), buffer_of(buffer_handle)
    if executor.closed:
        raise InvalidState("hologram.ffi: the executor was cleaned up. Make a new one.")
    if buffer._executor is not executor:
        raise InvalidValue("hologram.ffi: the buffer belongs to another executor.")
    return buffer


# ---- bytes and their classes: lossy for numbers, never used by an op ----

def buffer_canonicalize_all(executor_handle: ExecutorHandle, buffer_handle: BufferHandle) -> None:
    """Clears bit 0 of every byte, which changes the numbers stored there."""
    buffer = _buffer_on(executor_handle, buffer_handle)
    if buffer.length:
        raw = buffer._writable("buffer_canonicalize_all").view(np.uint8)
        raw &= 0xFE


def buffer_verify_canonical(executor_handle: ExecutorHandle, buffer_handle: BufferHandle) -> int:
    """1 if bit 0 of every byte is clear."""
    return int(not (_buffer_on(executor_handle, buffer_handle).to_numpy().view(np.uint8) & 1).any())


def buffer_copy_from_canonical_slice(executor_handle: ExecutorHandle, buffer_handle: BufferHandle, data_json: str) -> None:
    """buffer_copy_from_slice, and then buffer_canonicalize_all."""
    buffer_copy_from_slice(executor_handle, buffer_handle, data_json)
    buffer_canonicalize_all(executor_handle, buffer_handle)


# ---- ops ----

def _run(op: str, executor_handle: ExecutorHandle, buffers: tuple[BufferHandle, ...], length: int, whole: int, *numbers: float):
    """An op of hologram_core.ops. The first `whole` of the buffers must hold `length` elements; of a value, one is enough."""
    executor, found = executor_of(executor_handle), [buffer_of(h) for h in buffers]
    return ops.find(op)(executor, *found, *numbers, _count(f"{op}_f32", length, *found[:whole]))


def vector_add_f32(executor_handle: ExecutorHandle, a_handle: BufferHandle, b_handle: BufferHandle, c_handle: BufferHandle,
                   len: int) -> None:
    """c = a + b."""
    _run("vector_add", executor_handle, (a_handle, b_handle, c_handle), len, 3)


def vector_sub_f32(executor_handle: ExecutorHandle, a_handle: BufferHandle, b_handle: BufferHandle, c_handle: BufferHandle,
                   len: int) -> None:
    """c = a - b."""
    _run("vector_sub", executor_handle, (a_handle, b_handle, c_handle), len, 3)


def vector_mul_f32(executor_handle: ExecutorHandle, a_handle: BufferHandle, b_handle: BufferHandle, c_handle: BufferHandle,
                   len: int) -> None:
    """c = a * b."""
    _run("vector_mul", executor_handle, (a_handle, b_handle, c_handle), len, 3)


def vector_div_f32(executor_handle: ExecutorHandle, a_handle: BufferHandle, b_handle: BufferHandle, c_handle: BufferHandle,
                   len: int) -> None:
    """c = a / b."""
    _run("vector_div", executor_handle, (a_handle, b_handle, c_handle), len, 3)


def vector_min_f32(executor_handle: ExecutorHandle, a_handle: BufferHandle, b_handle: BufferHandle, c_handle: BufferHandle,
                   len: int) -> None:
    """c = min(a, b)."""
    _run("vector_min", executor_handle, (a_handle, b_handle, c_handle), len, 3)


def vector_max_f32(executor_handle: ExecutorHandle, a_handle: BufferHandle, b_handle: BufferHandle, c_handle: BufferHandle,
                   len: int) -> None:
    """c = max(a, b)."""
    _run("vector_max", executor_handle, (a_handle, b_handle, c_handle), len, 3)


def vector_abs_f32(executor_handle: ExecutorHandle, a_handle: BufferHandle, c_handle: BufferHandle, len: int) -> None:
    """c = |a|."""
    _run("vector_abs", executor_handle, (a_handle, c_handle), len, 2)


def vector_neg_f32(executor_handle: ExecutorHandle, a_handle: BufferHandle, c_handle: BufferHandle, len: int) -> None:
    """c = -a."""
    _run("vector_neg", executor_handle, (a_handle, c_handle), len, 2)


def vector_relu_f32(executor_handle: ExecutorHandle, a_handle: BufferHandle, c_handle: BufferHandle, len: int) -> None:
    """c = max(0, a)."""
    _run("vector_relu", executor_handle, (a_handle, c_handle), len, 2)


def vector_clip_f32(executor_handle: ExecutorHandle, a_handle: BufferHandle, c_handle: BufferHandle, len: int,
                    min_val: float, max_val: float) -> None:
    """c = a, limited to [min_val, max_val]."""
    _run("vector_clip", executor_handle, (a_handle, c_handle), len, 2, min_val, max_val)


def scalar_add_f32(executor_handle: ExecutorHandle, a_handle: BufferHandle, c_handle: BufferHandle, len: int,
                   scalar: float) -> None:
    """c = a + scalar."""
    _run("scalar_add", executor_handle, (a_handle, c_handle), len, 2, scalar)


def scalar_mul_f32(executor_handle: ExecutorHandle, a_handle: BufferHandle, c_handle: BufferHandle, len: int,
                   scalar: float) -> None:
    """c = a * scalar."""
    _run("scalar_mul", executor_handle, (a_handle, c_handle), len, 2, scalar)


def sigmoid_f32(executor_handle: ExecutorHandle, input_handle: BufferHandle, output_handle: BufferHandle, len: int) -> None:
    """1 / (1 + exp(-x))."""
    _run("sigmoid", executor_handle, (input_handle, output_handle), len, 2)


def tanh_f32(executor_handle: ExecutorHandle, input_handle: BufferHandle, output_handle: BufferHandle, len: int) -> None:
    """The hyperbolic tangent."""
    _run("tanh", executor_handle, (input_handle, output_handle), len, 2)


def gelu_f32(executor_handle: ExecutorHandle, input_handle: BufferHandle, output_handle: BufferHandle, len: int) -> None:
    """GELU by its tanh approximation."""
    _run("gelu", executor_handle, (input_handle, output_handle), len, 2)


def softmax_f32(executor_handle: ExecutorHandle, input_handle: BufferHandle, output_handle: BufferHandle, len: int) -> None:
    """Over the first `len` elements as one row."""
    _run("softmax", executor_handle, (input_handle, output_handle), len, 2)


def reduce_sum_f32(executor_handle: ExecutorHandle, input_handle: BufferHandle, output_handle: BufferHandle, len: int) -> float:
    """The sum; written to output[0] and returned."""
    return _run("reduce_sum", executor_handle, (input_handle, output_handle), len, 1)


def reduce_min_f32(executor_handle: ExecutorHandle, input_handle: BufferHandle, output_handle: BufferHandle, len: int) -> float:
    """The smallest element; written to output[0] and returned."""
    return _run("reduce_min", executor_handle, (input_handle, output_handle), len, 1)


def reduce_max_f32(executor_handle: ExecutorHandle, input_handle: BufferHandle, output_handle: BufferHandle, len: int) -> float:
    """The largest element; written to output[0] and returned."""
    return _run("reduce_max", executor_handle, (input_handle, output_handle), len, 1)


def mse_loss_f32(executor_handle: ExecutorHandle, pred_handle: BufferHandle, target_handle: BufferHandle,
                 output_handle: BufferHandle, len: int) -> float:
    """mean((pred - target)^2); written to output[0] and returned."""
    return _run("mse_loss", executor_handle, (pred_handle, target_handle, output_handle), len, 2)


def cross_entropy_loss_f32(executor_handle: ExecutorHandle, pred_handle: BufferHandle, target_handle: BufferHandle,
                           output_handle: BufferHandle, len: int) -> float:
    """-(1/N) sum target * ln(pred), 0 where target is 0; written to output[0] and returned."""
    return _run("cross_entropy_loss", executor_handle, (pred_handle, target_handle, output_handle), len, 2)


def binary_cross_entropy_loss_f32(executor_handle: ExecutorHandle, pred_handle: BufferHandle, target_handle: BufferHandle,
                                  output_handle: BufferHandle, len: int) -> float:
    """-(1/N) sum [t ln p + (1-t) ln(1-p)], logarithms limited to -100; written to output[0] and returned."""
    return _run("binary_cross_entropy_loss", executor_handle, (pred_handle, target_handle, output_handle), len, 2)


def gemm_f32(executor_handle: ExecutorHandle, a_handle: BufferHandle, b_handle: BufferHandle, c_handle: BufferHandle,
             m: int, n: int, k: int) -> None:
    """C[m, n] = A[m, k] B[k, n], row-major."""
    ops.gemm(executor_of(executor_handle), buffer_of(a_handle), buffer_of(b_handle), buffer_of(c_handle), m, n, k)


def matvec_f32(executor_handle: ExecutorHandle, a_handle: BufferHandle, x_handle: BufferHandle, y_handle: BufferHandle,
               m: int, n: int) -> None:
    """y[m] = A[m, n] x[n]."""
    ops.matvec(executor_of(executor_handle), buffer_of(a_handle), buffer_of(x_handle), buffer_of(y_handle), m, n)


# ---- tensors ----

def tensor_from_buffer(buffer_handle: BufferHandle, shape_json: str) -> int:
    buffer = buffer_of(buffer_handle)
    return handles.register(HologramTensor(buffer._executor, buffer, _json("tensor_from_buffer", shape_json)))


def tensor_from_buffer_with_strides(buffer_handle: BufferHandle, shape_json: str, strides_json: str) -> int:
    buffer = buffer_of(buffer_handle)
    name = "tensor_from_buffer_with_strides"
    return handles.register(HologramTensor(buffer._executor, buffer, _json(name, shape_json), _json(name, strides_json)))


def tensor_shape(tensor_handle: TensorHandle) -> str:
    return json.dumps(list(tensor_of(tensor_handle).shape))


def tensor_strides(tensor_handle: TensorHandle) -> str:
    return json.dumps(list(tensor_of(tensor_handle).strides))


def tensor_ndim(tensor_handle: TensorHandle) -> int:
    return tensor_of(tensor_handle).ndim


def tensor_numel(tensor_handle: TensorHandle) -> int:
    return tensor_of(tensor_handle).numel


def tensor_offset(tensor_handle: TensorHandle) -> int:
    return tensor_of(tensor_handle).offset


def tensor_is_contiguous(tensor_handle: TensorHandle) -> int:
    return int(tensor_of(tensor_handle).is_contiguous())


def tensor_cleanup(tensor_handle: TensorHandle) -> None:
    """Forgets the tensor; its buffer stays."""
    handles.forget(tensor_handle, HologramTensor, "a tensor")


def tensor_contiguous(executor_handle: ExecutorHandle, tensor_handle: TensorHandle) -> int:
    return handles.register(_tensor_on(executor_handle, tensor_handle).contiguous())


def tensor_transpose(tensor_handle: TensorHandle) -> int:
    return handles.register(tensor_of(tensor_handle).transpose())


def tensor_reshape(executor_handle: ExecutorHandle, tensor_handle: TensorHandle, new_shape_json: str) -> int:
    return handles.register(_tensor_on(executor_handle, tensor_handle).reshape(_json("tensor_reshape", new_shape_json)))


def tensor_permute(tensor_handle: TensorHandle, dims_json: str) -> int:
    return handles.register(tensor_of(tensor_handle).permute(_json("tensor_permute", dims_json)))


def tensor_view_1d(tensor_handle: TensorHandle) -> int:
    return handles.register(tensor_of(tensor_handle).view_1d())


def tensor_select(tensor_handle: TensorHandle, dim: int, index: int) -> int:
    return handles.register(tensor_of(tensor_handle).select(dim, index))


def tensor_narrow(tensor_handle: TensorHandle, dim: int, start: int, length: int) -> int:
    return handles.register(tensor_of(tensor_handle).narrow(dim, start, length))


def tensor_slice(tensor_handle: TensorHandle, dim: int, start: int, end: int, step: int) -> int:
    """As Python slices; -2147483648 stands for "not given"."""
    return handles.register(tensor_of(tensor_handle).slice(dim, *(None if v == NOT_GIVEN else v for v in (start, end, step))))


def tensor_matmul(executor_handle: ExecutorHandle, a_handle: TensorHandle, b_handle: TensorHandle) -> int:
    return handles.register(_tensor_on(executor_handle, a_handle).matmul(_tensor_on(executor_handle, b_handle)))


def tensor_is_broadcast_compatible_with(a_handle: TensorHandle, b_handle: TensorHandle) -> int:
    try:
        broadcast_shapes(tensor_of(a_handle).shape, tensor_of(b_handle).shape)
    except InvalidValue:
        return 0
    return 1


def tensor_broadcast_shapes(shape_a_json: str, shape_b_json: str) -> str:
    name = "tensor_broadcast_shapes"
    return json.dumps(list(broadcast_shapes(_json(name, shape_a_json), _json(name, shape_b_json))))


def tensor_buffer(tensor_handle: TensorHandle) -> int:
    """A handle of the tensor's buffer."""
    return handles.handle_of(tensor_of(tensor_handle).buffer)


def _tensor_on(executor_handle: ExecutorHandle, tensor_handle: TensorHandle) -> HologramTensor:
    executor, tensor = executor_of(executor_handle), tensor_of(tensor_handle)
    if tensor.buffer._executor is not executor:
        raise InvalidValue("hologram.ffi: the tensor belongs to another executor.")
    return tensor


# ---- DLPack by addresses ----

def tensor_to_dlpack(executor_handle: ExecutorHandle, tensor_handle: TensorHandle) -> int:
    """Address of a DLManagedTensor over the tensor's memory. Its consumer calls its deleter."""
    t = _tensor_on(executor_handle, tensor_handle)
    return _runtime.to_dlpack_address(t.buffer, t.offset, t.shape, t.strides, dlpack.CPU)


def tensor_dlpack_device_type(executor_handle: ExecutorHandle) -> int:
    executor_of(executor_handle)
    return dlpack.CPU


def tensor_dlpack_device_id(executor_handle: ExecutorHandle) -> int:
    executor_of(executor_handle)
    return 0


def tensor_from_dlpack_capsule(executor_handle: ExecutorHandle, capsule_ptr: Any) -> str:
    """Takes over a DLManagedTensor by its address (or a capsule): {"tensor_handle": .., "buffer_handle": ..}."""
    executor = executor_of(executor_handle)
    if isinstance(capsule_ptr, int):
        if not 0 < capsule_ptr < 1 << 64:
            raise InvalidValue(f"hologram.tensor_from_dlpack_capsule: {capsule_ptr} is not the address of a DLManagedTensor.")
        parts = _runtime.from_dlpack_address(executor, capsule_ptr)
    else:
        parts = _runtime.from_dlpack(executor, capsule_ptr)
    tensor = HologramTensor.over(executor, *parts, copy=None)
    return json.dumps({"tensor_handle": handles.register(tensor), "buffer_handle": handles.register(tensor.buffer)})


# ---- the process ----

def get_version() -> str:
    from . import __version__

    return __version__


def clear_all_registries() -> None:
    """Forgets all handles and cleans up their executors."""
    for item in handles.forget_all():
        if isinstance(item, _runtime.Executor):
            item.cleanup()
