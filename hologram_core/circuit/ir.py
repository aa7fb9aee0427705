"""The compiler's view of a circuit.

A circuit computes over an iteration space of `rank` dimensions, outermost first; the last `row_rank` of them are the
row, which reductions and scans fold. Nodes are in dependency order and number their results consecutively.

A value *varies along the row* unless it is a scalar, a constant, the result of a reduction, or computed from such values
only (and not from the element's number). Values that do not vary are computed once per row.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .. import dtypes
from ..codegen.probe import reads_index
from ..dtypes import F64, I64, DType
from ..optable.table import BOOL as BOOL_RULE
from ..optable.table import Elementwise, Reduction

MAP, ROW, COLUMN, TILE = range(4)
SCHEDULES = ("map", "row", "column", "tile")
CONTIGUOUS, BROADCAST, STRIDED = range(3)
LAYOUTS = ("contiguous", "broadcast", "strided")
SPLIT, MERGE = 1, 2


class Ref(NamedTuple):
    """What a node argument or an output names: ('value' | 'operand' | 'scalar', number), or ('const', Python number)."""

    kind: str
    n: Any

    def __str__(self):
        return {"value": "%", "operand": "$", "scalar": "#", "const": ""}[self.kind] + str(self.n)


@dataclass
class Node:
    row: Any                         # Elementwise, Reduction, Scan or RowKernel
    compute: DType
    result: DType
    args: tuple
    first: int = 0                   # number of the first result
    raw: bool = False                # a reduction whose results are its accumulators: the partial launch of a long row

    @property
    def name(self) -> str:
        return self.row.name

    @property
    def folds(self) -> bool:
        return isinstance(self.row, Reduction)

    @property
    def exact(self) -> bool:
        """Does a fold give the same bits by any tree? Integers do."""
        return not any((self.compute if t == "T" else dtypes.BY_NAME[t]).is_float for t in self.row.components)

    @property
    def results(self) -> int:
        return len(self.row.components) if self.raw else self.row.results

    @property
    def result_types(self) -> tuple:
        if self.raw:
            return tuple(self.compute.math if t == "T" else dtypes.BY_NAME[t] for t in self.row.components)
        return result_types(self.row, self.result)


def result_types(row, result: DType) -> tuple:
    """Element types of all results of a node with this row whose first result is `result`."""
    types = [result if t == "T" else dtypes.BY_NAME[t] for t in row.result_types]
    return tuple(types[:row.results] + [result] * (row.results - len(types)))


@dataclass
class Operand:
    dtype: DType
    layout: int = CONTIGUOUS
    source: Ref | None = None     # outputs: the value stored here
    fixed: bool = False              # one element per row: it does not vary along the row

    @property
    def output(self) -> bool:
        return self.source is not None


class KernelArgs(NamedTuple):
    """Where the integers of a launch lie: its scalars, its sizes, its strides, its extras. csrc/runtime/kernels/kernel_args.h says the
    same to the runtime."""

    scalars: int
    rank: int
    operands: int
    extras: int       # of a partial launch: the chunk's length and the whole length; of a combining one: the length of the row

    def size(self, dim: int) -> int:
        return self.scalars + dim

    def stride(self, operand: int, dim: int) -> int:
        return self.scalars + self.rank * (1 + operand) + dim

    def extra(self, number: int) -> int:
        return self.scalars + self.rank * (1 + self.operands) + number

    @property
    def total(self) -> int:
        return self.extra(self.extras)


@dataclass
class Circuit:
    schedule: int
    rank: int
    row_rank: int = 0
    flags: int = 0
    nodes: list = field(default_factory=list)
    operands: list = field(default_factory=list)
    scalars: list = field(default_factory=list)    # per scalar: is it an integer?

    # ---- construction ----
    def add(self, row, compute: DType, result: DType, args) -> Ref:
        """Appends a node and returns its first result."""
        raw = self.split and isinstance(row, Reduction)
        node = Node(row, compute, result, tuple(args), self.num_values, raw)
        self.nodes.append(node)
        return Ref("value", node.first)

    # ---- questions ----
    @property
    def num_values(self) -> int:
        return self.nodes[-1].first + self.nodes[-1].results if self.nodes else 0

    @property
    def kept_rank(self) -> int:
        return self.rank - self.row_rank

    @property
    def split(self) -> bool:
        return bool(self.flags & SPLIT)

    @property
    def merge(self) -> bool:
        return bool(self.flags & MERGE)

    @property
    def args(self) -> "KernelArgs":
        return KernelArgs(len(self.scalars), self.rank, len(self.operands), 2 * self.split + self.merge)

    @property
    def lane_dim(self) -> int:
        """The dimension vector lanes run along; -1 when the kernel has none."""
        return (self.rank if self.schedule != COLUMN else self.kept_rank) - 1

    def producers(self) -> dict:
        """value number -> (node, result number)."""
        return {n.first + r: (n, r) for n in self.nodes for r in range(n.results)}

    def dtype_of(self, ref: Ref) -> DType:
        if ref.kind == "operand":
            return self.operands[ref.n].dtype
        if ref.kind == "scalar":
            return I64 if self.scalars[ref.n] else F64
        if ref.kind == "const":
            return dtypes.BOOL if isinstance(ref.n, bool) else I64 if isinstance(ref.n, int) else F64
        for node in self.nodes:
            if node.first <= ref.n < node.first + node.results:
                return node.result_types[ref.n - node.first]
        raise KeyError(ref)

    def outputs(self):
        """(operand number, operand) of every output."""
        return [(k, o) for k, o in enumerate(self.operands) if o.output]

    def __str__(self):
        space = ", ".join(["kept"] * self.kept_rank + ["row"] * self.row_rank)
        flags = " split" * self.split + " merge" * self.merge
        lines = [f"circuit {SCHEDULES[self.schedule]}({space}){flags}"]
        for k, o in enumerate(self.operands):
            lines.append(f"  ${k} {o.dtype} {LAYOUTS[o.layout]}{' fixed' * o.fixed}" + (f" <- {o.source}" if o.output else ""))
        for k, integer in enumerate(self.scalars):
            lines.append(f"  #{k} {'int' if integer else 'float'} scalar")
        for n in self.nodes:
            results = ", ".join(f"%{n.first + r}: {t}" for r, t in enumerate(n.result_types))
            lines.append(f"  {results} = {n.name}.{n.compute}({', '.join(map(str, n.args))})")
        return "\n".join(lines)


def varying_values(circuit: Circuit) -> set:
    """Numbers of the values that vary along the row."""
    varying: set = set()
    for node in circuit.nodes:
        level = getattr(node.row, "level", None)       # primitives of row kernels may say it themselves
        if level is not None:
            row = level == "row"
        elif isinstance(node.row, Elementwise):
            row = any(varies(circuit, a, varying) for a in node.args) or circuit.row_rank > 0 and reads_index(node.row)
        else:
            row = not isinstance(node.row, Reduction)
        if row:
            varying.update(range(node.first, node.first + node.results))
    return varying


def varies(circuit: Circuit, ref: Ref, varying: set) -> bool:
    """Does `ref` vary along the row? `varying`: the answer for values (`varying_values`)."""
    if ref.kind == "value":
        return ref.n in varying
    if ref.kind != "operand":
        return False
    return circuit.row_rank > 0 and not circuit.operands[ref.n].fixed


def laned_nodes(circuit: Circuit) -> list:
    """The nodes that are computed for each lane of a vector. The others are scalar: one instruction for all lanes, or one
    for the whole kernel."""
    if circuit.schedule == ROW:
        varying = varying_values(circuit)
        return [n for n in circuit.nodes if n.folds or n.first in varying]
    laned: set = set()
    for node in circuit.nodes:
        if not isinstance(node.row, Elementwise) or reads_index(node.row) or any(
                a.n in laned if a.kind == "value" else a.kind == "operand" and circuit.operands[a.n].layout != BROADCAST
                for a in node.args):
            laned.update(range(node.first, node.first + node.results))
    return [n for n in circuit.nodes if n.first in laned]


def default_result(row, compute: DType) -> DType:
    """The result type of a row whose rule alone decides it."""
    return dtypes.BOOL if getattr(row, "rule", None) == BOOL_RULE else compute
