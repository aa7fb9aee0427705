"""What a legal circuit is: an executable table of rules.

A circuit that passes cannot make the code generator emit invalid IR or read outside its operands' iteration space.
"""

from __future__ import annotations

from ..dtypes import BY_NAME
from ..errors import CompileError
from ..optable.table import Elementwise, Reduction, RowKernel, Scan
from .ir import BROADCAST, COLUMN, MAP, ROW, SCHEDULES, TILE, Circuit, Ref, varying_values

RULES: list = []


def rule(text: str):
    """Registers a check: it yields a description of every violation."""
    def register(check):
        RULES.append((check.__name__, text, check))
        return check
    return register


def verify(circuit: Circuit) -> None:
    """Raises CompileError naming the first rule the circuit breaks."""
    for name, text, check in RULES:
        for found in check(circuit):
            raise CompileError(f"hologram.compile: illegal circuit: {text} ({name}: {found}). "
                               "This is a bug in the code that built the circuit.")


def _known(circuit: Circuit, ref: Ref, before: int) -> bool:
    limit = {"value": before, "operand": len(circuit.operands), "scalar": len(circuit.scalars)}.get(ref.kind)
    return limit is None or 0 <= ref.n < limit


@rule("the schedule fits the iteration space")
def schedule(c):
    if not 0 <= c.schedule < len(SCHEDULES) or c.row_rank > c.rank:
        yield f"schedule {c.schedule}, rank {c.rank}, row rank {c.row_rank}"
    elif c.schedule in (MAP, TILE) and c.row_rank:
        yield f"{SCHEDULES[c.schedule]} kernels have no row"
    elif c.schedule in (ROW, COLUMN) and not c.row_rank:
        yield f"{SCHEDULES[c.schedule]} kernels need a row"
    elif c.schedule == TILE and c.rank < 2 or c.schedule == COLUMN and not c.kept_rank:
        yield f"rank {c.rank}"


@rule("arguments exist before they are used")
def defined(c):
    for node in c.nodes:
        for ref in node.args:
            if not _known(c, ref, node.first):
                yield f"{ref} in {node.name}"
            elif ref.kind == "operand" and c.operands[ref.n].output:
                yield f"{node.name} reads the output {ref}"


@rule("a node has as many arguments as its row says")
def arity(c):
    for node in c.nodes:
        row, n = node.row, len(node.args)
        if isinstance(row, (Elementwise, RowKernel)):
            good = n == row.arity
        elif isinstance(row, Reduction) and c.merge:
            good = n >= len(row.components)
        else:
            good = n >= row.arity
        if not good:
            yield f"{node.name} with {n} arguments"


@rule("a node computes in a type its row lists")
def types(c):
    for node in c.nodes:
        kind = "i" if node.compute.kind == "u" else node.compute.kind
        if kind not in node.row.dtypes and not isinstance(node.row, Scan):
            yield f"{node.name} in {node.compute}"
        for dtype in (node.compute, *node.result_types):
            if dtype.kind == "c":
                yield f"{node.name} in {dtype}"


@rule("reductions, scans and row kernels need a row")
def rows(c):
    for node in c.nodes:
        if not isinstance(node.row, Elementwise) and not c.row_rank:
            yield node.name


@rule("split and merge kernels consist of elementwise and reduce nodes")
def staged(c):
    if c.flags and (not c.row_rank or not any(isinstance(n.row, Reduction) for n in c.nodes)):
        yield f"flags {c.flags} without a reduction"
    for node in c.nodes:
        if c.flags and not isinstance(node.row, (Elementwise, Reduction)):
            yield node.name


@rule("outputs store a value of their own type")
def outputs(c):
    if not c.outputs():
        yield "no output"
    for number, operand in c.outputs():
        if not _known(c, operand.source, c.num_values):
            yield f"${number} stores {operand.source}"
        elif operand.source.kind == "value" and c.dtype_of(operand.source) is not operand.dtype:
            yield f"${number} is {operand.dtype}, {operand.source} is {c.dtype_of(operand.source)}"


@rule("an output that is one element per row stores what does not vary along the row")
def once_per_row(c):
    if any(isinstance(node.row, RowKernel) for node in c.nodes):
        return      # which of its results vary shows when it is expanded
    varying = varying_values(c)
    for number, operand in c.outputs():
        if operand.fixed and not c.split and operand.source.kind == "value" and operand.source.n in varying:
            yield f"${number} stores {operand.source}"


@rule("elementwise results are not stored to one place")
def overlap(c):
    for number, operand in c.outputs():
        if c.schedule in (MAP, TILE) and c.rank and operand.layout == BROADCAST:
            yield f"${number} is broadcast"


@rule("operands have types the code generator knows")
def operand_types(c):
    for number, operand in enumerate(c.operands):
        if operand.dtype.kind == "c" or operand.dtype.name not in BY_NAME:
            yield f"${number} is {operand.dtype}"
