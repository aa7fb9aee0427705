"""The builder's primitives as nodes: what row kernels are written in beside the ops of the tables. Never in keys."""

from __future__ import annotations

from dataclasses import dataclass

from ..optable.table import Elementwise


@dataclass(frozen=True)
class Primitive(Elementwise):
    """`level`: "row" varies along the row, "fixed" does not, None as the arguments do."""

    level: str | None = None
    local_index: bool = False      # index() means the position in the row


def _rows():
    for name in ("add", "sub", "mul", "div", "lt", "le", "gt", "ge", "eq", "ne", "xor"):
        yield Primitive(name, 2, lambda b, x, y, method=name: getattr(b, method)(x, y))
    for name in ("and", "or"):
        yield Primitive(name, 2, lambda b, x, y, method=name + "_": getattr(b, method)(x, y))
    yield Primitive("not", 1, lambda b, x: b.not_(x))
    yield Primitive("neg", 1, lambda b, x: b.neg(x))
    yield Primitive("sqrt", 1, lambda b, x: b.sqrt(x))
    yield Primitive("cast", 1, lambda b, x: x)
    yield Primitive("select", 3, lambda b, c, x, y: b.select(c, x, y), kinds="bvv")
    yield Primitive("index", 0, lambda b: b.index(), level="row", local_index=True)
    yield Primitive("fixed", 1, lambda b, x: x, level="fixed")
    # The first argument at one position of the row: what evaluates circuits does that (Evaluator, Interpreter).
    yield Primitive("gather", 3, lambda b, x, position, valid: b.select(valid, x, b.like(x, 0)), kinds="vib", level="fixed")


PRIMITIVES = {row.name: row for row in _rows()}
