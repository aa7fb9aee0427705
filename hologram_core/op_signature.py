"""What flat arrays need to know of a row: how many arguments it takes, how each arrives, which hold one element per row."""

from __future__ import annotations

import functools
import inspect
from dataclasses import dataclass

from . import dtypes
from .optable import TABLE
from .optable.table import BOOL, Elementwise, Reduction, RowKernel, Scan

_LETTERS = {"b": 1, "i": 2, "f": 4}


@dataclass(frozen=True)
class Description:
    name: str
    code: int
    kinds: str               # a letter per argument: table.Elementwise.kinds, or 'r' for row kernels
    types: int               # bits: bool, integers, floats
    compute: str             # the type it computes in: that of its "values", of its "result", or "bool"
    fixed_args: int          # bits: one element per row
    fixed_results: int
    result_types: tuple      # names of types, "T" for the compute type
    positions: bool = True   # row kernels: do results depend on the positions of elements in the row?
    gathers: bool = False      # row kernels: is one element of the row read where another value says?

    @property
    def num_args(self) -> int:
        return len(self.kinds)

    @property
    def num_results(self) -> int:
        return len(self.result_types)


@functools.cache
def describe(name: str) -> Description:
    row = TABLE[name]
    result_types = tuple(row.result_types) + ("T",) * (row.results - len(row.result_types))
    compute, fixed_args, fixed_results, positions, gathers = "values", 0, 0, True, False
    if isinstance(row, Elementwise):
        kinds = row.kinds or "v" * row.arity
        if row.rule == BOOL:
            result_types = ("bool",) * row.results
    elif isinstance(row, RowKernel):
        kinds = "r" * row.arity
        fixed_args, fixed_results, positions, gathers = _seen(row)
    else:
        kinds = "v" * row.arity + "p" * _extras(row)
        if isinstance(row, Reduction):
            fixed_results = (1 << row.results) - 1
            compute = {"result": "result", "bool": "bool"}.get(row.accumulate, "values")
    types = sum(_LETTERS[letter] for letter in row.dtypes)
    return Description(name, TABLE.codes[name], kinds, types, compute, fixed_args, fixed_results, result_types, positions,
                       gathers)


def _extras(row) -> int:
    """Arguments of a reduction beyond its inputs: what `step` takes after builder, accumulator, inputs and index."""
    return len(inspect.signature(row.step).parameters) - 3 - row.arity


def _seen(row: RowKernel) -> tuple:
    """(arguments, results) with one element per row, as bits: what the row declares with `c.fixed`, and what does not vary;
    whether it asks for positions in the row, and whether it gathers an element of it."""
    from .circuit import expand, ir

    circuit = ir.Circuit(ir.ROW, 2, 1, operands=[ir.Operand(dtypes.F32) for _ in range(row.arity)])
    args = [ir.Ref("operand", n) for n in range(row.arity)]
    declared = 0

    class ExprBuilder(expand.ExprBuilder):
        def fixed(self, expr):
            nonlocal declared
            if expr.ref.kind == "operand":
                declared |= 1 << expr.ref.n
                self.circuit.operands[expr.ref.n].fixed = True
            return super().fixed(expr)

    node = ir.Node(row, dtypes.F32, dtypes.F32, tuple(args))
    results = ExprBuilder(circuit, dtypes.F32).expand(node, args)
    varying = ir.varying_values(circuit)
    gathers = any(n.name == "gather" for n in circuit.nodes)
    positions = gathers or any(n.name == "index" or isinstance(n.row, Scan) for n in circuit.nodes)
    fixed = sum(1 << k for k, ref in enumerate(results) if ref.kind == "value" and ref.n not in varying)
    return declared, fixed, positions, gathers
