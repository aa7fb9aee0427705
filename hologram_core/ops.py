"""The ops on buffers: `ops.vector_add(executor, *arguments, *results, length)`, and every row of the op tables by its name.

Arguments are buffers and numbers, results are buffers that exist; `length` counts elements and may be left out where the
buffers agree. Tensors and arrays of other libraries (NumPy's, PyTorch's on the CPU ...) may stand for buffers: their elements are
taken in order, over the same memory. Nothing is converted on the way: `copy` converts. A row of the tables that the documents give
another meaning (`gelu`, `mse_loss`, `sum` of a whole buffer ...) is `row(name)`.
"""

from __future__ import annotations

import builtins
import functools
import math

import numpy as np

from . import _runtime, dtypes
from .buffer import flat
from .errors import InvalidType, InvalidValue, NotSupported, shown
from .op_signature import describe
from .optable import TABLE


@functools.cache
def row(name: str):
    """The op of a row: `row(name)(executor, *arguments, *results, length=None, row=None)`, positional.

    Row kernels, reductions and scans work along rows of `row` elements; without it the buffer is one row. A result that
    is not wanted may be None. Arguments that hold one element per row, or one row for all, say so by their length.
    """
    if name not in TABLE.codes:
        raise InvalidValue(f"hologram.ops: no row is named {shown(name)}.")
    d = describe(name)
    codes = [-1 if t == "T" else dtypes.BY_NAME[t].code for t in d.result_types]
    return _runtime.Op(d.code, d.kinds, d.types, d.compute, d.fixed_args, d.fixed_results, codes)


# ---- elementwise, under the documents' names ----

def _two(name: str, of: str, doc: str):
    op = row(of)

    def function(executor, a, b, c, length=None):
        op(executor, a, b, c, length)
    return _named(function, name, doc)


def _one(name: str, of: str, doc: str):
    op = row(of)

    def function(executor, a, c, length=None):
        op(executor, a, c, length)
    return _named(function, name, doc)


def _with_number(name: str, of: str, doc: str):
    op = row(of)

    def function(executor, a, c, scalar, length=None):
        op(executor, a, scalar, c, length)
    return _named(function, name, doc)


def _named(function, name: str, doc: str):
    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


def vector_clip(executor, a, c, min_val, max_val, length=None):
    """c = a, limited to [min_val, max_val]."""
    row("clamp")(executor, a, min_val, max_val, c, length)


def gelu(executor, a, c, length=None, approximate="tanh"):
    """c = gelu(a) by its tanh approximation, or exactly with approximate='none'."""
    if approximate not in ("tanh", "none"):
        raise InvalidValue(f"hologram.gelu: approximate is 'tanh' or 'none', not {shown(approximate)}.")
    row("gelu_tanh" if approximate == "tanh" else "gelu")(executor, a, c, length)


def softmax(executor, a, c, length=None, dim_size=None):
    """c = softmax(a) over the whole buffer, or over each run of `dim_size` elements."""
    row("softmax")(executor, a, c, length, dim_size)


# ---- what gives a number: written to output[0] and returned ----

def value_of(executor, output):
    """The first element as a Python number, after what is recorded has run."""
    if isinstance(executor, _runtime.Executor):
        return output.to_numpy()[0].item()
    return None      # while a circuit is being traced there is no number yet


def _length(a, length) -> int:
    if length is None and not hasattr(a, "length"):
        raise InvalidType(f"hologram.ops: arguments are Buffers, not {type(a).__name__}. Make one with executor.allocate.")
    return a.length if length is None else length


def _reduction(name: str, of: str, doc: str):
    op = row(of)

    def function(executor, a, output, length=None):
        output = flat(executor, output, True)
        op(executor, a, output, length)
        return value_of(executor, output)
    return _named(function, name, doc)


def _loss(name: str, pointwise: str, arguments, scale: int, doc: str):
    op, mean, negate = row(pointwise), row("mean"), row("neg")

    def function(executor, pred, target, output, length=None):
        pred, target, output = flat(executor, pred), flat(executor, target), flat(executor, output, True)
        pair = (pred, target) if arguments == "pt" else (target, pred)
        n = _length(pred, length)
        each = temporary(executor, n, pred)
        op(executor, *pair, each, n)
        mean(executor, each, output, n)
        if scale < 0:
            negate(executor, output, output, 1)
        return value_of(executor, output)
    return _named(function, name, doc)


def temporary(executor, length: int, like):
    """A new buffer of the type of `like`. Where it only passes a value on, fusion sees that it is never written."""
    if not isinstance(executor, _runtime.Executor):
        if not hasattr(executor, "_temporary"):
            raise InvalidType(f"hologram.ops: the first argument is the executor, not {type(executor).__name__}.")
        return executor._temporary(length, like)
    if not isinstance(like, _runtime.Buffer):
        raise InvalidType(f"hologram.ops: arguments are Buffers, not {type(like).__name__}. Make one with executor.allocate.")
    return type(like)(executor, length, like.dtype_code)


# ---- matrices: NumPy's BLAS on the same memory ----

def gemm(executor, a, b, c, m, n, k):
    """C[m, n] = A[m, k] B[k, n], row-major."""
    _multiply("gemm", executor, (a, (m, k)), (b, (k, n)), (c, (m, n)))


def matvec(executor, a, x, y, m, n):
    """y[m] = A[m, n] x[n]."""
    _multiply("matvec", executor, (a, (m, n)), (x, (n,)), (y, (m,)))


def _multiply(name, executor, left, right, result):
    if not isinstance(executor, _runtime.Executor):
        raise NotSupported(f"hologram.{name}: matrix products are not part of circuits. Call it outside of hg.compile.")
    arrays = []
    for given, shape in (left, right, result):
        buffer = flat(executor, given, shape is result[1])
        if not isinstance(buffer, _runtime.Buffer):
            raise InvalidType(f"hologram.{name}: arguments are Buffers, not {type(buffer).__name__}. Make one with executor.allocate.")
        if any(isinstance(d, bool) or not isinstance(d, int) or not 0 <= d < 1 << 63 for d in shape):
            raise InvalidValue(f"hologram.{name}: sizes must be integers from 0 to 2**63 - 1.")
        if buffer._executor is not executor and buffer._executor != executor:
            raise InvalidValue(f"hologram.{name}: a buffer belongs to another executor. Copy it with copy_from.")
        count = math.prod(shape)
        if buffer.length < count:
            raise InvalidValue(f"hologram.{name}: a buffer of {buffer.length} elements, {shape} need {count}.")
        arrays.append(buffer.to_numpy()[:count].reshape(shape))
    if len({x.dtype for x in arrays}) > 1:
        raise InvalidType(f"hologram.{name}: the buffers are {', '.join(str(x.dtype) for x in arrays)}. One type is needed.")
    if not arrays[2].flags.writeable:
        raise InvalidValue(f"hologram.{name}: the buffer for the result is read-only.")
    if np.shares_memory(arrays[2], arrays[0]) or np.shares_memory(arrays[2], arrays[1]):
        arrays[2][...] = np.matmul(arrays[0], arrays[1])
    else:
        np.matmul(arrays[0], arrays[1], out=arrays[2])


# ---- new buffers ----

def result_types(name: str, args) -> list:
    """Element types of the results of an op applied to buffers and numbers, where it allocates them itself."""
    d = describe(name)
    given = [a.element_type for a, kind in zip(args, d.kinds) if kind in "vr" and hasattr(a, "element_type")]
    if not given:
        raise InvalidType(f"hologram.{name}: no argument is a buffer.")
    compute = next((t for t in given if t.is_float), given[0])
    if d.compute == "result" and not compute.is_float:
        compute = dtypes.I64 if d.types & 2 else dtypes.F32      # as NumPy and PyTorch add up integers
    return [compute if t == "T" else dtypes.BY_NAME[t] for t in d.result_types]


def apply(executor, name: str, args):
    """The op's first result (or all, as a tuple) in new buffers; one row."""
    d = describe(name)
    if len(args) != d.num_args:
        raise InvalidType(f"hologram.{name}: {d.num_args} arguments are needed, {len(args)} were given.")
    args = [a if isinstance(a, (_runtime.Buffer, int, float)) else _beside_buffers(executor, name, a) for a in args]
    lengths = [a.length for a in args if isinstance(a, _runtime.Buffer)]
    buffer = next(type(a) for a in args if isinstance(a, _runtime.Buffer))
    length = max(lengths)
    results = [buffer(executor, 1 if d.fixed_results >> k & 1 else length, t.code)
               for k, t in enumerate(result_types(name, args))]
    row(name)(executor, *args, *results, *(() if d.fixed_results else (length,)))
    return results[0] if len(results) == 1 else tuple(results)


def _beside_buffers(executor, name: str, value):
    """An array among buffers, which are flat."""
    if getattr(value, "ndim", 0) > 1:
        raise InvalidValue(f"hologram.{name}: the array has {value.ndim} dimensions, buffers are flat. Pass array.ravel(), or compute with "
                           "HologramTensor.from_dlpack(array).")
    return flat(executor, value)


# ---- the names ----

_VECTOR = {"add": ("add", "c = a + b"), "sub": ("sub", "c = a - b"), "mul": ("mul", "c = a * b"), "div": ("div", "c = a / b"),
           "min": ("minimum", "c = min(a, b)"), "max": ("maximum", "c = max(a, b)")}
_SINGLE = {"vector_abs": ("abs", "c = |a|"), "vector_neg": ("neg", "c = -a"), "vector_relu": ("relu", "c = max(0, a)"),
           "relu": ("relu", "c = max(0, a)"), "sigmoid": ("sigmoid", "c = 1 / (1 + exp(-a))"), "tanh": ("tanh", "c = tanh(a)")}
_SCALAR = {"scalar_add": ("add", "c = a + scalar"), "scalar_mul": ("mul", "c = a * scalar")}
_REDUCE = {"reduce_sum": ("sum", "The sum"), "reduce_min": ("amin", "The smallest element"), "reduce_max": ("amax", "The largest element")}

_FUNCTIONS = {f.__name__: f for f in (
    *(_two(f"vector_{name}", *of) for name, of in _VECTOR.items()),
    *(_one(name, *of) for name, of in _SINGLE.items()),
    *(_with_number(name, *of) for name, of in _SCALAR.items()),
    *(_reduction(name, of, f"{doc}; written to output[0] and returned.") for name, (of, doc) in _REDUCE.items()),
    _loss("mse_loss", "mse_loss", "pt", 1, "mean((pred - target)^2); written to output[0] and returned."),
    _loss("cross_entropy_loss", "xlogy", "tp", -1,
          "-(1/N) sum target * ln(pred), 0 where target is 0; written to output[0] and returned."),
    _loss("binary_cross_entropy_loss", "binary_cross_entropy", "pt", 1,
          "-(1/N) sum [t ln p + (1-t) ln(1-p)], logarithms limited to -100; written to output[0] and returned."),
    vector_clip, gelu, softmax, gemm, matvec)}


def find(name: str):
    """The function of this name, the row of this name, or None."""
    if name == "row":
        return row
    return _FUNCTIONS.get(name) or (row(name) if name in TABLE.codes else None)


def names() -> list:
    return [*_FUNCTIONS, "row", *TABLE.codes]


def __getattr__(name: str):
    """What is not a function of this module: a function of the documents, or a row."""
    found = None if name.startswith("_") else find(name)
    if found is None:
        raise AttributeError(f"hologram_core.ops has no op {name!r}.")
    if not hasattr(builtins, name):      # `any`, `sum` and their like are Python's own to the functions of this module
        globals()[name] = found          # the next time Python finds it without us
    return found


def __dir__():
    return sorted({*globals(), *names()})
