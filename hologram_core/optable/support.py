"""The table of compiled ops, from the op tables: `python -m hologram_core.optable.support --write docs/ops.md`."""

from __future__ import annotations

import sys

from ..generated import Part
from . import elementwise
from .table import Elementwise, Reduction, RowKernel, Scan

PART = Part("support table", "hologram_core.optable.support")
_TYPES = {"b": "bool", "i": "integers", "f": "floats"}
_KINDS = ((Reduction, "reductions"), (Scan, "scans"), (RowKernel, "row kernels"))


def _group(row) -> str:
    """The heading a row stands under: the file of an elementwise op, the kind of another."""
    if isinstance(row, Elementwise):
        return next(name for name, module in vars(elementwise).items() if row in getattr(module, "ROWS", ()))
    return next(name for kind, name in _KINDS if isinstance(row, kind))


def _types(row) -> str:
    return ", ".join(name for letter, name in _TYPES.items() if letter in row.dtypes)


def markdown(table) -> str:
    """One line per group and set of element types, in table order."""
    lines: dict = {}
    for row in table:
        lines.setdefault((_group(row), _types(row)), []).append(f"`{row.name}`")
    text = ["| group | element types | ops |", "|---|---|---|"]
    text += [f"| {group} | {types} | {', '.join(sorted(names))} |" for (group, types), names in lines.items()]
    total = sum(map(len, lines.values()))
    return "\n".join([*text, "",
                      f"{total} ops. Floats are float16, bfloat16, float32 and float64; "
                      "integers are int8 to int64 and uint8."])


if __name__ == "__main__":
    from . import TABLE

    sys.exit(PART.main(markdown(TABLE)))
