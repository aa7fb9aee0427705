"""Circuits evaluated on NumPy arrays: what a circuit means, and the oracle of every other backend.

Elementwise nodes are evaluated by NumpyBuilder and agree with compiled kernels up to the accuracy of `sqrt` and friends,
i.e. exactly. Reductions and scans are folded strictly in row-major order of the row, in float64 where the kernel folds in
float32, so compiled reductions agree with them up to the rounding of their own tree.

Arrays hold memory types: bool as bool, bf16 as uint16 bit patterns.
"""

from __future__ import annotations

import numpy as np

from ..circuit import expand
from ..circuit.ir import Circuit, Ref, varies, varying_values
from ..codegen.builder import Value
from ..dtypes import BF16, BOOL, BY_NAME, F32, F64, I64, DType
from ..optable.table import Scan, as_tuple
from .numpy_builder import NumpyBuilder


def run(circuit: Circuit, sizes, operands, scalars=()) -> list:
    """Values of the outputs, in operand order, as arrays that broadcast to `sizes`.

    `operands`: one array per operand that broadcasts to `sizes` (None for outputs); `scalars`: Python numbers.
    """
    return Interpreter(expand.expand(circuit), tuple(sizes), operands, scalars).run()


def unpack(array, dtype: DType):
    """Memory to values of dtype.math."""
    if dtype is BF16:
        return (np.asarray(array, np.uint16).astype(np.uint32) << np.uint32(16)).view(np.float32)
    return np.asarray(array).astype(dtype.math.numpy, copy=False)


def pack(array, dtype: DType):
    """Values of dtype.math to memory, rounded."""
    if dtype is BF16:
        bits = np.asarray(array, np.float32).view(np.uint32)
        rounded = bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
        bits = np.where(np.isnan(array), bits | np.uint32(0x400000), rounded)
        return (bits >> np.uint32(16)).astype(np.uint16)
    with np.errstate(over="ignore"):
        return np.asarray(array).astype(dtype.numpy)


class Interpreter:
    def __init__(self, circuit, sizes, operands, scalars):
        self.c, self.sizes, self.operands, self.scalars = circuit, sizes, operands, scalars
        self.kept, self.row = sizes[:circuit.kept_rank], sizes[circuit.kept_rank:]
        self.varying = varying_values(circuit)
        self.count = int(np.prod(self.row, dtype=np.int64))
        self.b = NumpyBuilder(index=np.arange(np.prod(sizes, dtype=np.int64)).reshape(sizes))
        self.local = NumpyBuilder(index=np.broadcast_to(np.arange(self.count).reshape(self.row), sizes))
        self.values: dict = {}

    def run(self) -> list:
        for node in self.c.nodes:
            if node.folds:
                results = self._fold(node)
            elif isinstance(node.row, Scan):
                results = self._scan(node)
            elif node.name == "gather":
                results = self._gather(node)
            else:
                builder = self.local if getattr(node.row, "local_index", False) else self.b
                args = [self.argument(node, n, builder) for n in range(len(node.args))]
                results = node.row.expr(builder, *args)
            results = results if isinstance(results, tuple) else (results,)
            for r, (value, dtype) in enumerate(zip(results, node.result_types)):
                value = self.b.cast(Value(self.b, value.dtype, value.data), dtype.math)
                self.values[Ref("value", node.first + r)] = unpack(pack(value.data, dtype), dtype)
        return [pack(self._array(o.source), o.dtype) for _, o in self.c.outputs()]

    def _array(self, ref: Ref):
        if ref.kind == "operand":
            return unpack(self.operands[ref.n], self.c.operands[ref.n].dtype)
        if ref.kind == "scalar":
            return np.asarray(self.scalars[ref.n], np.int64 if self.c.scalars[ref.n] else np.float64)
        return self.values[ref]

    def argument(self, node, number, builder) -> Value:
        ref = node.args[number]
        kinds = getattr(node.row, "kinds", "")
        kind = kinds[number] if number < len(kinds) else "v"
        if ref.kind == "const":
            return builder.const(ref.n, {"b": BOOL, "i": I64, "d": F64}.get(kind, node.compute.math))
        dtype = self.c.dtype_of(ref).math
        array = self._array(ref)
        if node.name == "fixed" and varies(self.c, ref, self.varying):
            array = self._rows(array)[..., :1].reshape(self.kept + (1,) * len(self.row))
        value = Value(builder, dtype, np.asarray(array, dtype.numpy))
        return value if kind == "i" else builder.cast(value, {"b": BOOL, "d": F64}.get(kind, node.compute.math))

    # ---- along the row ----
    def _rows(self, array):
        """The array with the row flattened into the last dimension."""
        return np.broadcast_to(array, self.sizes).reshape(self.kept + (self.count,))

    def _exact(self, dtype: DType) -> DType:
        return F64 if dtype is F32 else dtype

    def _walk(self, node):
        """Yields (position, inputs there as values, further arguments) along the row, in the exact type."""
        inputs = node.args[:len(node.row.components) if self.c.merge else node.row.arity]
        exact = self._exact(node.compute.math)
        b = self.local
        columns = [self._rows(self.argument(node, n, b).data) for n in range(len(inputs))]
        extras = [b.cast(self.argument(node, n, b), exact) for n in range(len(inputs), len(node.args))]
        extras = [Value(b, e.dtype, e.data.reshape(self.kept) if e.data.size > 1 else e.data.reshape(())) for e in extras]
        steps = ((Value(b, I64, np.full(self.kept, i, np.int64)),
                  [b.cast(Value(b, node.compute.math, np.ascontiguousarray(c[..., i])), exact) for c in columns])
                 for i in range(self.count))
        return exact, extras, steps

    def _spread(self, value: Value):
        """A per-row value shaped to broadcast along the row."""
        data = np.broadcast_to(value.data, self.kept).reshape(self.kept + (1,) * len(self.row))
        return Value(self.b, value.dtype, data)

    def _gather(self, node):
        column, position, valid = (self.argument(node, n, self.local) for n in range(3))
        found = np.zeros(self.kept, column.data.dtype)
        if self.count:
            at, valid = self._rows(position.data)[..., 0], self._rows(valid.data)[..., 0]
            valid = valid & (at >= 0) & (at < self.count)
            there = np.take_along_axis(self._rows(column.data), np.where(valid, at, 0)[..., None], -1)[..., 0]
            found = np.where(valid, there, found)
        return self._spread(Value(self.b, column.dtype, found))

    def _fold(self, node):
        exact, extras, steps = self._walk(node)
        acc = as_tuple(node.row.init(self.local, exact))
        for index, inputs in steps:
            acc = as_tuple(node.row.step(self.local, acc, *inputs, index, *extras))
        count = self.local.const(self.count, I64)
        return tuple(map(self._spread, as_tuple(node.row.finish(self.local, acc, count, *extras))))

    def _scan(self, node):
        exact, extras, steps = self._walk(node)
        acc = as_tuple(node.row.init(self.local, exact))
        columns: list = [[] for _ in range(node.row.results)]
        types = [exact if t == "T" else BY_NAME[t] for t in (node.row.result_types or ["T"] * node.row.results)]
        for index, inputs in steps:
            acc, result = node.row.step(self.local, acc, *inputs, index, *extras)
            acc = as_tuple(acc)
            for column, value in zip(columns, as_tuple(result)):
                column.append(np.broadcast_to(value.data, self.kept))
        arrays = [np.stack(c, -1) if c else np.zeros(self.kept + (0,), t.numpy) for c, t in zip(columns, types)]
        return tuple(Value(self.b, t, np.asarray(a, t.numpy).reshape(self.sizes)) for a, t in zip(arrays, types))
