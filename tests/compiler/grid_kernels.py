"""Cases whose kernels run in the grid emulator, in the form that GPUs get."""

from __future__ import annotations

import numpy as np

from hologram_core.circuit import pipeline
from hologram_core.circuit.key import encode
from hologram_core.dtypes import BF16, BOOL, BY_NAME, F32
from hologram_core.optable.table import BOOL as BOOL_RULE
from hologram_core.reference import grid_emulator as grid
from hologram_core.reference import interpreter as interp
from kernels import Case


class GridCase(Case):
    """A Case that runs on the emulator. `blocks`: of the grid."""

    blocks = 3

    def run(self, pieces: int = 1, blocks: int = 0) -> grid.Emulator:
        recorder, shape = grid.record(pipeline.prepare(encode(self.circuit)))
        operands, args = self.arguments()
        items = self.items()
        cuts = [items * p // pieces for p in range(pieces + 1)]
        for begin, end in zip(cuts, cuts[1:]):
            memory = grid.Memory(self.arrays)
            run = grid.Emulator(recorder, shape, blocks or self.blocks, begin, end, [int(o) for o in operands], args, memory)
            run.run()
        return run


def on_grid(case: Case) -> GridCase:
    """The same case, run by the emulator."""
    case.__class__ = GridCase
    return case


def results(case: Case) -> list:
    """The outputs as bytes; any NaN is one and the same."""
    found = []
    for array, operand in zip(case.arrays, case.circuit.operands):
        if operand.output:
            nan = np.isnan(interp.unpack(array, operand.dtype)) if operand.dtype.is_float else np.zeros(array.shape, bool)
            found.append((np.where(nan, np.zeros_like(array), array).tobytes(), nan.tobytes()))
    return found


def supports(row, dtype) -> bool:
    return ("i" if dtype.kind == "u" else dtype.kind) in row.dtypes


def values(dtype, shape, low=-4.0, high=4.0, seed=0):
    """Random elements of a type."""
    rng = np.random.default_rng(seed)
    if dtype is BOOL:
        return rng.integers(0, 2, shape).astype(bool)
    if dtype is BF16:
        return (rng.uniform(low, high, shape).astype("f4").view(np.uint32) >> 16).astype(np.uint16)
    if dtype.is_float:
        return rng.uniform(low, high, shape).astype(dtype.numpy)
    return rng.integers(-3 if dtype.kind == "i" else 0, 6, shape).astype(dtype.numpy)


def op_case(row, dtype, n=300, kind=Case) -> Case:
    """An elementwise row on random inputs of its sample range: a case with all its results."""
    case = kind(0, (n,))
    args = []
    for k in range(row.arity):
        letter = row.kind(k)
        if letter == "v":
            args.append(case.input(values(dtype, n, *row.sample, seed=k), dtype))
        elif letter == "b":
            args.append(case.input(values(BOOL, n, seed=k)))
        elif letter == "i":
            args.append(case.scalar(k + 2))
        else:
            args.append(case.scalar(0.5 if dtype.is_float or letter == "d" else 2))
    if not any(row.kind(k) in "vb" for k in range(row.arity)):
        case.input(values(F32, n))       # something that says where the elements are
    first = row.result_types[0] if row.result_types else "T"
    result = BOOL if row.rule == BOOL_RULE else dtype if first == "T" else BY_NAME[first]
    node = case.node(row.name, *args, compute=dtype, result=result)
    for number in range(row.results):
        case.output(node, number)
    return case


