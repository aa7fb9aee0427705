"""Circuits that between them have every row of the op tables: what compilers of other vendors are asked to accept."""

from __future__ import annotations

import numpy as np

import test_codegen_map as maps
import test_codegen_reduce as reduces
import test_codegen_rowwise as rowwise
from grid_kernels import op_case, supports
from hologram_core.circuit.ir import COLUMN, MAP, ROW, SPLIT, TILE
from hologram_core.dtypes import BF16, BOOL, F16, F32, F64, I32, I64, U8
from hologram_core.optable import TABLE
from hologram_core.optable.table import Elementwise
from kernels import Case

TYPES = (F32, F64, F16, BF16, I32, I64, U8, BOOL)


def cases(types=None):
    """(name, case) of every row: in every one of `types` it supports, or, without them, in the first of all it supports."""
    for row in TABLE:
        supported = [t for t in TYPES if supports(row, t)]
        for dtype in supported[:1] if types is None else [t for t in types if t in supported]:
            if isinstance(row, Elementwise):
                yield f"{row.name}_{dtype}", op_case(row, dtype)
                continue
            for schedule, letter in ((ROW, "row"), (COLUMN, "column")):
                if row.name in rowwise.ARGUMENTS:
                    case = rowwise.built(row.name, schedule, dtype, 6, 33)
                else:
                    arrays = [reduces.oriented(reduces.data(dtype, (5, 33), s), schedule) for s in range(row.arity)]
                    case = reduces.reduce_case(row, schedule, arrays, dtype)
                yield f"{row.name}_{dtype}_{letter}", case


def shapes() -> dict:
    """Cases of every schedule: vectors and tails, dimensions, tiles, rows for a warp and for a block."""
    cases = {}
    for n in (1, 1024, 1027):
        case = cases[f"vectors_{n}"] = Case(MAP, (n,))
        case.output(case.node("add", case.input(maps.data(F16, n)), case.input(maps.data(F16, n, 1))))
    case = cases["unaligned"] = Case(MAP, (1024,))
    case.output(case.node("neg", case.input(np.arange(1025, dtype="f4")[1:])))
    case = cases["zeros"] = Case(MAP, (100,))        # a constant 0 against -0.0
    x = case.input(np.resize(np.array([-0.0, 0.0, np.nan, 1, -1], "f4"), 100))
    never = case.node("isposinf", x, compute=I32, result=BOOL)
    for name in ("minimum", "maximum", "fmin"):
        case.output(case.node(name, never, x, compute=F32))
    case = cases["dimensions"] = Case(MAP, (3, 5, 8))
    x = case.input(maps.data(F32, (3, 5, 8)))
    case.output(case.node("mul", x, case.input(maps.data(F32, (3, 5, 1), 2))))
    case.output(case.node("add", x, case.input(maps.data(F32, (8, 3, 5), 1).transpose(1, 2, 0))))
    for dtype in (U8, F16, F32, BOOL):
        case = cases[f"tile_{dtype}"] = Case(TILE, (2, 40, 35))
        x = case.input(np.swapaxes(maps.data(dtype, (2, 35, 40)), -1, -2))
        case.output(case.node("copy", x))
    for schedule, letter in ((ROW, "row"), (COLUMN, "column")):
        for n in (20, 1025, 5000):
            for name in ("sum", "argmin", "var", "cumsum"):
                x = reduces.oriented(reduces.data(F32, (3, n)), schedule)
                cases[f"{name}_{letter}_{n}"] = reduces.reduce_case(TABLE[name], schedule, [x], F32)
    return cases


def tile_case(dtype):
    case = Case(TILE, (70, 40))
    case.output(case.node("copy", case.input(np.zeros((40, 70), dtype.numpy).T, dtype)))
    return case


def split_case(schedule):
    case = Case(schedule, (4, 3, 300), 1, SPLIT)
    case.output(case.node("sum", case.input(reduces.oriented(np.zeros((3, 1200), "f4"), schedule)[None, :, :300])), per_row=True)
    case.extras = [300, 1200]
    return case


def largest_case():
    """As many operands as a circuit may have: its record does not fit into a kernel's parameters."""
    case = Case(MAP, (2, 2, 2, 2, 2, 2, 2, 2))
    value = None
    for k in range(59):
        x = case.input(np.zeros((2,) * 8, "f4")[..., ::-1] if k % 2 else np.zeros((2,) * 8, "f4"))
        value = x if value is None else case.node("add", value, x)
    case.output(value)
    return case
