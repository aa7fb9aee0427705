"""Builds circuits for tests, runs the compiled kernel on NumPy arrays, and compares it with the interpreter."""

from __future__ import annotations

import ctypes
import struct

import numpy as np

from hologram_core import dtypes
from hologram_core.backends import cpu
from hologram_core.circuit.ir import BROADCAST, CONTIGUOUS, ROW, STRIDED, TILE, Circuit, Operand, Ref, default_result
from hologram_core.circuit.key import encode
from hologram_core.dtypes import BF16, DType
from hologram_core.optable import TABLE
from hologram_core.reference import interpreter as interp

KERNEL = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)


class Case:
    """A circuit over `sizes` together with its arrays.

    `input(array, dtype)` takes any array that broadcasts to the sizes, strides and all; `node(name, *refs)` appends an op;
    `output(ref)` allocates a result (over `into`, a view, where given).
    """

    def __init__(self, schedule, sizes, row_rank=0, flags=0):
        self.sizes = tuple(sizes)
        self.circuit = Circuit(schedule, len(self.sizes), row_rank, flags)
        self.arrays, self.scalars, self.extras = [], [], []

    def _operand(self, array, dtype: DType, source=None) -> Ref:
        array = np.broadcast_to(array, self.sizes) if source is None else array
        lane = self.circuit.lane_dim
        layout = BROADCAST
        if lane >= 0 and self.sizes[lane] != 1:
            stride = array.strides[lane]
            layout = CONTIGUOUS if stride == dtype.bytes else BROADCAST if stride == 0 else STRIDED
        elif lane >= 0 and source is not None and not (self.circuit.schedule == ROW and array.strides[lane] == 0):
            layout = CONTIGUOUS
        row = range(self.circuit.kept_rank, self.circuit.rank)
        fixed = len(row) > 0 and all(array.strides[d] == 0 for d in row)
        self.circuit.operands.append(Operand(dtype, layout, source, fixed))
        self.arrays.append(array)
        return Ref("operand", len(self.arrays) - 1)

    def input(self, array, dtype=None) -> Ref:
        array = np.asarray(array)
        return self._operand(array, dtype or next(d for d in dtypes.ALL if d.numpy == str(array.dtype) and d is not BF16))

    def scalar(self, number) -> Ref:
        self.circuit.scalars.append(isinstance(number, (int, bool)))
        self.scalars.append(number)
        return Ref("scalar", len(self.scalars) - 1)

    def node(self, name, *refs, compute=None, result=None) -> Ref:
        row = TABLE[name]
        compute = compute or self.circuit.dtype_of(refs[0])
        return self.circuit.add(row, compute, result or default_result(row, compute), refs)

    def output(self, ref: Ref, number=0, per_row=False, into=None, dtype=None) -> np.ndarray:
        """`number`: which result of the node; `per_row`: one element per row."""
        ref = Ref(ref.kind, ref.n + number)
        dtype = dtype or self.circuit.dtype_of(ref)
        shape = self.sizes[:self.circuit.kept_rank] if per_row else self.sizes
        array = np.full(shape, 99, dtype.numpy) if into is None else into
        view = array
        if per_row:
            view = np.lib.stride_tricks.as_strided(array, self.sizes, array.strides + (0,) * self.circuit.row_rank)
        self._operand(view, dtype, ref)
        return array

    # ---- running ----
    def items(self) -> int:
        if self.circuit.schedule == TILE:
            *outer, rows, columns = self.sizes
            return int(np.prod(outer)) * -(-rows // 32) * -(-columns // 32)
        return int(np.prod(self.sizes[:self.circuit.kept_rank]))

    def kernel(self):
        address, _, _ = cpu.compile_key(encode(self.circuit))
        return KERNEL(address)

    def arguments(self):
        bits = [n if isinstance(n, int) else struct.unpack("q", struct.pack("d", n))[0] for n in self.scalars]
        strides = [s for a in self.arrays for s in a.strides]
        args = np.array([*bits, *self.sizes, *strides, *self.extras], np.int64)
        operands = np.array([a.ctypes.data for a in self.arrays], np.uint64)
        return operands, args

    def run(self, pieces: int = 1) -> None:
        """Runs the compiled kernel, its range cut into `pieces`."""
        kernel, (operands, args), items = self.kernel(), self.arguments(), self.items()
        cuts = [items * p // pieces for p in range(pieces + 1)]
        for begin, end in zip(cuts, cuts[1:]):
            kernel(operands.ctypes.data, args.ctypes.data, begin, end)

    def expected(self) -> list:
        """The interpreter's results, broadcast like the outputs."""
        inputs = [None if o.output else a for a, o in zip(self.arrays, self.circuit.operands)]
        return interp.run(self.circuit, self.sizes, inputs, self.scalars)

    def check(self, rtol=0.0, atol=0.0, pieces=1) -> None:
        """Compares kernel and interpreter; equal bit for bit (any NaN equals any NaN) unless a tolerance is given."""
        expected = self.expected()
        self.run(pieces)
        outputs = [(k, o.dtype) for k, o in self.circuit.outputs()]
        for (k, dtype), want in zip(outputs, expected):
            got = interp.unpack(self.arrays[k], dtype)
            want = np.broadcast_to(interp.unpack(want, dtype), got.shape)
            if not (rtol or atol):
                np.testing.assert_array_equal(got, want, err_msg=str(self.circuit))
                if dtype.is_float:
                    np.testing.assert_array_equal(np.signbit(got) | np.isnan(got), np.signbit(want) | np.isnan(want))
            else:
                np.testing.assert_allclose(got, want, rtol=rtol, atol=atol, err_msg=str(self.circuit))
