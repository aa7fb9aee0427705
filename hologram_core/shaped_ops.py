"""What HologramTensor computes: ops over shapes and strides, with NumPy's rules for shapes and types.

Each call is one recorded op: converting, broadcasting and reading through strides happen in its kernel.

Types are NumPy's: those of arrays and of NumPy's scalars are promoted, Python's numbers take the type of the arrays where that is of
their kind. bfloat16, which NumPy does not have, gives way to float32 and float64, meets float16 in float32, and takes integers in.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from . import _runtime, dtypes
from . import tensor as tensor_module  # which imports this one: its class is looked up when it is needed
from .buffer import Buffer, _refuse_while_tracing, dtype_of
from .errors import ExportError, InvalidType, InvalidValue, shown
from .op_signature import describe
from .operators import Arithmetic
from .optable import TABLE
from .optable.table import FLOAT, RowKernel
from .scalars import fitted
from .shapes import broadcast_shapes, compact

if TYPE_CHECKING:
    from .tensor import HologramTensor


class Number(NamedTuple):
    """A number among the arguments. `element_type`: of NumPy's scalars; None: a number of Python's own."""

    value: Any
    element_type: dtypes.DType | None


def operand(executor, value, name: str) -> HologramTensor | Number:
    """An argument of an op: tensors, buffers (one dimension), numbers, and arrays of other libraries, over their memory."""
    if isinstance(value, tensor_module.HologramTensor):
        return value
    if isinstance(value, _runtime.Buffer):
        return tensor_module.HologramTensor(executor, value if isinstance(value, Buffer) else Buffer(value), (value.length,))
    if isinstance(value, (np.number, np.bool_)) and not np.iscomplexobj(value):
        return Number(value.item(), dtype_of(value.dtype))
    if isinstance(value, (bool, int, float)):
        return Number(value, None)
    if isinstance(value, (list, tuple)):
        value = np.asarray(value)
    if hasattr(value, "__dlpack__") and getattr(getattr(value, "dtype", None), "kind", "") not in tuple("OSU"):
        return imported(executor, value)
    raise InvalidType(f"hologram.{name}: arguments are tensors, arrays and numbers, not {type(value).__name__}.")


def imported(executor, value) -> HologramTensor:
    """A tensor over the memory of an array of another library; of a copy where the executor cannot use that memory (a GPU)."""
    try:
        return tensor_module.HologramTensor.from_dlpack(value, executor)
    except ExportError:
        array = np.asarray(value)
        buffer = Buffer(executor, array.size, dtype_of(array.dtype).code).from_numpy(array)
        return tensor_module.HologramTensor(executor, buffer, array.shape)


def is_operand(value) -> bool:
    return isinstance(value, (bool, int, float, np.number, np.bool_, list, tuple, Arithmetic)) or hasattr(value, "__dlpack__")


# ---- types ----

@functools.cache
def promote(a: dtypes.DType, b: dtypes.DType) -> dtypes.DType:
    if a is b:
        return a
    if dtypes.BF16 in (a, b):
        other = a if b is dtypes.BF16 else b
        return dtypes.F32 if other is dtypes.F16 else other if other.is_float else dtypes.BF16
    return dtype_of(np.promote_types(a.numpy, b.numpy))


def common_type(kinds) -> dtypes.DType:
    """What arguments have in common, by their element types, or the types of Python's numbers, which decide only where they are of a
    higher kind."""
    found = functools.reduce(promote, (k for k in kinds if isinstance(k, dtypes.DType)), dtypes.BOOL)
    if float in kinds and not found.is_float:
        return dtypes.F64
    return dtypes.I64 if int in kinds and found is dtypes.BOOL else found


def _code(x: HologramTensor | Number):
    """For `typing_of`."""
    if not isinstance(x, Number):
        return x.buffer.dtype_code
    if x.element_type is not None:
        return x.element_type.code
    return bool if isinstance(x.value, bool) else float if isinstance(x.value, float) else int


def _letter(t: dtypes.DType) -> str:
    return "b" if t is dtypes.BOOL else "i" if t.is_int else "f"


def compute_type(name: str, found: dtypes.DType) -> dtypes.DType:
    """The type an op works in, where its arguments have `found` in common."""
    row = TABLE[name]
    if _letter(found) in row.dtypes and getattr(row, "rule", None) != FLOAT or found.is_float and "f" in row.dtypes:
        return found
    if found is dtypes.BOOL and "i" in row.dtypes and name not in ("neg", "sub"):
        return dtypes.I8
    if row.dtypes == "f":
        return dtypes.F64
    kinds = " or ".join(word for letter, word in (("b", "bool"), ("i", "integers"), ("f", "floats")) if letter in row.dtypes)
    raise InvalidType(f"hologram.{name}: its arguments are {found.torch}, it takes {kinds}. Use astype.")


class Typing(NamedTuple):
    """What an op does with arguments of some types. `row`: the op that serves."""

    row: str
    compute: dtypes.DType
    results: tuple


@functools.cache
def typing_of(name: str, *kinds) -> Typing:
    """For arguments of these kinds, which are codes of element types or types of Python's numbers."""
    found = common_type([dtypes.ALL[k] if isinstance(k, int) else k for k in kinds])
    if name == "abs" and found is dtypes.BOOL:
        name = "copy"
    compute = compute_type(name, found)
    return Typing(name, compute, _result_types(name, compute))


def _result_types(name: str, compute: dtypes.DType) -> tuple:
    return tuple(compute if t == "T" else dtypes.BY_NAME[t] for t in describe(name).result_types)


_KIND_TYPES = {"b": dtypes.BOOL, "i": dtypes.I64, "d": dtypes.F64}
_COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
_ADVICE = " Use astype."


# ---- elementwise ----

def elementwise(executor, name: str, args, into: HologramTensor | None = None):
    """An elementwise op; its result, or a tuple of them, in new tensors, or in `into`, to whose shape the arguments are brought."""
    _refuse_while_tracing(name)
    d = describe(name)
    if len(args) != d.num_args:
        raise InvalidType(f"hologram.{name}: {d.num_args} arguments are needed, {len(args)} were given.")
    given = [operand(executor, a, name) for a in args]
    tensors = [g for g in given if not isinstance(g, Number)]
    values = [g for g, kind in zip(given, d.kinds) if kind == "v"]
    name, compute, results = typing_of(name, *map(_code, values))
    if name in _COMPARISONS:
        compute = _compared(compute, values)
    if name == "pow" and compute.kind == "i" and isinstance(given[1], Number) and given[1].value < 0:
        raise InvalidValue(f"hologram.pow: an integer to the power {shown(given[1].value)} is no integer. Use astype('float64').")
    shape = tensors[0].shape if tensors else ()
    for t in tensors[1:]:
        if t.shape != shape:
            shape = broadcast_shapes(shape, t.shape)
    numbers = [fitted(name, g.value, _KIND_TYPES.get(kind, compute), _ADVICE) if isinstance(g, Number) else None
               for g, kind in zip(given, d.kinds)]
    if into is None:
        out = [_new(executor, shape, t) for t in results]
    else:
        if broadcast_shapes(shape, into.shape) != into.shape:
            raise InvalidValue(f"hologram.{name}: the result has the shape {shape}, it goes into {into.shape}.")
        shape, out = into.shape, [into]
        given = [_apart(g, into) if not isinstance(g, Number) else g for g in given]
    if 0 not in shape:
        _submit(executor, name, shape, 0, compute, list(zip(given, numbers)), out)
    return out[0] if len(out) == 1 else tuple(out)


def _compared(compute: dtypes.DType, values) -> dtypes.DType:
    """Integers compare as numbers also with one that their type does not hold."""
    outside = [v.value for v in values if isinstance(v, Number) and compute.is_int and not compute.range[0] <= v.value <= compute.range[1]]
    return dtypes.I64 if outside and compute is not dtypes.U64 else compute


def _new(executor, shape, element_type) -> HologramTensor:
    shape = tuple(shape)
    return tensor_module.HologramTensor.of(executor, Buffer(executor, math.prod(shape), element_type.code), shape, compact(shape), 0)


def _submit(executor, name: str, shape, row_rank: int, compute, given, results) -> None:
    """Records one op over an iteration space. `given`: (tensor or Number, what stands for the number); tensors and results have the
    shape of the space, but for dimensions of size 1 and dimensions in front that they lack."""
    strides = None if row_rank else compact(shape)
    flat = all(t.strides == strides and t.shape == shape for t, _ in given if not isinstance(t, Number)) and \
        all(t.strides == strides and t.shape == shape for t in results)
    circuit = _runtime.Circuit([math.prod(shape)] if flat else shape, row_rank)
    refs = [circuit.add_scalar(number) if isinstance(t, Number) else circuit.add_buffer(t.buffer, t.offset, _strides(t, shape, flat))
            for t, number in given]
    first = circuit.add_node(describe(name).code, compute.code, results[0].buffer.dtype_code, refs)
    for k, t in enumerate(results):
        circuit.add_result(t.buffer, t.offset, _strides(t, shape, flat), first + k)
    circuit.submit(executor)


def _strides(tensor, shape, flat: bool) -> list:
    """In bytes; 0 where one element serves a whole dimension of the space."""
    item = tensor.buffer.itemsize
    if flat:
        return [item]
    return [0] * (len(shape) - tensor.ndim) + [s * item if n != 1 else 0 for s, n in zip(tensor.strides, tensor.shape)]


# ---- into tensors that exist ----

def update(tensor: HologramTensor, name: str, *args) -> HologramTensor:
    """`tensor op= ...`: the op's result goes into the tensor's own memory, where NumPy would let it."""
    _check_target(tensor, name)
    result = typing_of(name, *(_code(operand(tensor.executor, a, name)) for a in args)).results[0]
    own = tensor.element_type
    if not (own is result or own is dtypes.BF16 or result is dtypes.BF16 and own.is_float
            or result is not dtypes.BF16 and np.can_cast(result.numpy, own.numpy, "same_kind")):
        raise InvalidType(f"hologram.{name}: the result is {result.torch} and would be stored as {own.torch}. Use astype, or write "
                          "the result to a new tensor.")
    return elementwise(tensor.executor, name, args, tensor)


def assign(tensor: HologramTensor, value) -> None:
    """`tensor[...] = value`: converts as NumPy does."""
    _check_target(tensor, "copy")
    source = operand(tensor.executor, value, "copy")
    own = tensor.element_type
    if isinstance(source, Number):
        number = source.value
        if not own.is_float and own is not dtypes.BOOL and isinstance(number, float):
            if not math.isfinite(number):
                raise InvalidValue(f"hologram.copy: {number!r} does not become an element of {own.torch}.")
            number = int(number)
        if tensor.numel:
            _refuse_while_tracing("copy")
            _submit(tensor.executor, "copy", tensor.shape, 0, own, [(source, fitted("copy", number, own, _ADVICE))], [tensor])
        return
    while source.ndim > tensor.ndim and source.shape[0] == 1:
        source = source.select(0, 0)
    elementwise(tensor.executor, "copy", (source,), tensor)


def _check_target(tensor: HologramTensor, name: str) -> None:
    if tensor.buffer.read_only:
        raise InvalidValue(f"hologram.{name}: the tensor's memory is read-only. Write to a copy of it.")
    step = 0      # the elements of the dimensions so far lie within this many
    for stride, size in sorted((abs(s), n) for s, n in zip(tensor.strides, tensor.shape) if n != 1):
        if stride <= step and tensor.numel:
            raise InvalidValue(f"hologram.{name}: elements of the tensor share memory (shape {tensor.shape}, strides {tensor.strides}): "
                               "it cannot be written. Write to a copy of it.")
        step += stride * (size - 1)


def _apart(source: HologramTensor, target: HologramTensor) -> HologramTensor:
    """A copy, where writing the target would change elements of the source before they are read."""
    a, b = source.buffer, target.buffer
    if not a._overlaps(b):
        return source
    same = a._key()[0] + source.offset * a.itemsize == b._key()[0] + target.offset * b.itemsize
    if same and source.shape == target.shape and source.strides == target.strides and source.element_type is target.element_type:
        return source
    return source.copy()


# ---- along dimensions ----

def fold(tensor: HologramTensor, name: str, dim, keepdim: bool) -> HologramTensor:
    """A reduction over dimensions, or over all (dim=None)."""
    _refuse_while_tracing(name)
    dims = range(tensor.ndim) if dim is None else sorted({tensor._dim(d) for d in (dim if isinstance(dim, (tuple, list)) else (dim,))})
    if name in ("amax", "amin") and any(tensor.shape[d] == 0 for d in dims):
        raise InvalidValue(f"hologram.{name}: there is no element in the dimensions {tuple(dims)} of the shape {tensor.shape}.")
    compute = tensor.element_type
    if name in ("sum", "prod") and not compute.is_float:
        compute = dtypes.U64 if compute.kind == "u" else dtypes.I64
    compute = compute_type(name, compute)
    kept = [d for d in range(tensor.ndim) if d not in dims]
    result = _new(tensor.executor, [tensor.shape[d] for d in kept], _result_types(name, compute)[0])
    if result.numel:
        source = tensor.permute([*kept, *dims])
        if not dims:      # each element is a row of its own
            source = source._with([*source.shape, 1], [*source.strides, 1], source.offset)
        rows = max(len(dims), 1)
        over = result._with([*result.shape, *[1] * rows], [*result.strides, *[0] * rows], 0)
        _submit(tensor.executor, name, source.shape, rows, compute, [(source, None)], [over])
    return result._with([1 if d in dims else tensor.shape[d] for d in range(tensor.ndim)], None, 0) if keepdim else result


def along(tensor: HologramTensor, name: str, dim: int) -> HologramTensor:
    """A row kernel or a scan along one dimension; a result of the tensor's shape."""
    _refuse_while_tracing(name)
    if not tensor.ndim:
        return along(tensor.reshape((1,)), name, 0).reshape(())
    dim, found = tensor._dim(dim), tensor.element_type
    compute = compute_type(name, found if found.is_float or name != "cumsum" else dtypes.U64 if found.kind == "u" else dtypes.I64)
    if isinstance(TABLE[name], RowKernel):
        tensor = tensor.astype(compute)      # its ops read what they are given
    order = [*(d for d in range(tensor.ndim) if d != dim), dim]
    result = _new(tensor.executor, tensor.shape, _result_types(name, compute)[0])
    if result.numel:
        source = tensor.permute(order)
        _submit(tensor.executor, name, source.shape, 1, compute, [(source, None)], [result.permute(order)])
    return result


# ---- NumPy's functions ----

# Its name -> row. What is not here runs in NumPy, over the same memory.
UFUNCS = {"add": "add", "subtract": "sub", "multiply": "mul", "divide": "div", "true_divide": "div", "floor_divide": "div_floor",
          "remainder": "remainder", "power": "pow", "negative": "neg", "positive": "copy", "absolute": "abs", "invert": "bitwise_not",
          "bitwise_and": "bitwise_and", "bitwise_or": "bitwise_or", "bitwise_xor": "bitwise_xor", "left_shift": "bitwise_left_shift",
          "right_shift": "bitwise_right_shift", "equal": "eq", "not_equal": "ne", "less": "lt", "less_equal": "le", "greater": "gt",
          "greater_equal": "ge", "logical_and": "logical_and", "logical_or": "logical_or", "logical_xor": "logical_xor",
          "logical_not": "logical_not", "rint": "round",
          **{name: name for name in ("maximum", "minimum", "fmax", "fmin", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt",
                                     "reciprocal", "sin", "cos", "tan", "sinh", "cosh", "tanh", "floor", "ceil", "trunc", "sign", "isnan",
                                     "signbit", "copysign", "hypot", "logaddexp", "logaddexp2")}}


# Those that Python's operators are.
_OPERATORS = ("add", "subtract", "multiply", "divide", "true_divide", "floor_divide", "remainder", "power", "bitwise_and",
              "bitwise_or", "bitwise_xor", "left_shift", "right_shift", "less", "less_equal", "greater", "greater_equal")


def ufunc(tensor: HologramTensor, function, method: str, inputs, out, options):
    """A ufunc of NumPy's with the tensor among its arguments: an op where there is one, else NumPy's own, whose results are arrays."""
    row = _row_of(function, method)
    if row is not None and out is None and not options:
        return elementwise(tensor.executor, row, inputs)
    if function is np.matmul and method == "__call__" and out is None and not options:
        return matmul(tensor.executor, *inputs)
    return _of_numpy(function, method, inputs, out, options)


def buffer_ufunc(buffer: Buffer, function, method: str, inputs, out, options):
    """A ufunc of NumPy's with the buffer among its arguments: a buffer where it is a binary operator (`array + buffer`), else NumPy's."""
    row = _row_of(function, method)
    if row is not None and function.__name__ in _OPERATORS and out is None and not options:
        return buffer._apply(row, *inputs)
    return _of_numpy(function, method, inputs, out, options)


def _row_of(function, method: str) -> str | None:
    if not isinstance(function, np.ufunc) or method not in ("__call__", "reduce", "accumulate", "reduceat", "outer", "at"):
        raise InvalidType(f"hologram.__array_ufunc__: {shown(function)} is no function of NumPy's for {shown(method)}.")
    return UFUNCS.get(function.__name__) if method == "__call__" else None


def _of_numpy(function, method: str, inputs, out, options):
    def array(x, written: bool):
        if not isinstance(x, (tensor_module.HologramTensor, Buffer)):
            return x
        buffer = x if isinstance(x, Buffer) else x.buffer
        if written and (not buffer.host_visible or buffer.element_type is dtypes.BF16):
            raise InvalidType(f"hologram.{function.__name__}: NumPy cannot write to out, which is {buffer.element_type.torch} in memory of "
                              f"the backend {buffer._executor.backend!r}. Assign the result to out[...].")
        return x.to_numpy() if isinstance(x, Buffer) else x._array()
    if out is not None:
        options = {**options, "out": tuple(array(x, True) for x in out)}
    result = getattr(function, method)(*(array(x, False) for x in inputs), **options)
    return result if out is None else out[0] if len(out) == 1 else out


def matmul(executor, a, b) -> HologramTensor:
    """Matrix product (NumPy's rules for shapes), whatever the strides."""
    _refuse_while_tracing("matmul")
    left, right = operand(executor, a, "matmul"), operand(executor, b, "matmul")
    if isinstance(left, Number) or isinstance(right, Number):
        raise InvalidType("hologram.matmul: both arguments are tensors or arrays. Use * for numbers.")
    found = promote(left.element_type, right.element_type)
    through = dtypes.F32 if found is dtypes.BF16 else found
    try:
        product = np.matmul(left.astype(through).to_numpy(), right.astype(through).to_numpy())
    except ValueError:
        raise InvalidValue(f"hologram.matmul: shapes {left.shape} and {right.shape} do not fit.") from None
    buffer = Buffer(executor, product.size, through.code).from_numpy(product)
    return tensor_module.HologramTensor(executor, buffer, product.shape).astype(found)
