"""Writes the C++ tables that the build generates from hologram_core/optable.

op_table.inc: one HG_OP line per row of every op table (csrc/runtime/ir/ops.h expands it).
library_0.inc ...: the aten overloads that torch's own kernels serve (csrc/tablegen/aten_library.py).
aten_table.inc: the aten overloads that elementwise rows serve (csrc/tablegen/aten_table.py, csrc/tablegen/aten_rules.py).
reduction_table.inc, row_kernel_table.inc, with their headers: the same for reductions and row kernels (csrc/tablegen/structured_table.py).
"""

from __future__ import annotations

import re
from pathlib import Path

from hologram_core import dtypes
from hologram_core.codegen.probe import reads_index
from hologram_core.op_signature import describe
from hologram_core.optable import TABLE
from hologram_core.optable.table import Elementwise, Reduction, RowKernel, Scan

MAX_COMPONENTS = 4      # OpFacts::components
KINDS = {Elementwise: "Elementwise", Reduction: "Reduction", Scan: "Scan", RowKernel: "RowKernel"}


def write_tables(folder, with_torch: bool) -> None:
    """Brings the generated tables in `folder` up to date."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "op_table.inc", op_table())
    if with_torch:
        from csrc.tablegen.aten_library import library_tables
        from csrc.tablegen.aten_table import aten_table
        from csrc.tablegen.structured_table import reduction_tables, row_kernel_tables

        for name, text in zip(("aten_table.inc", "aten_headers.inc"), aten_table(TABLE)):
            write(folder / name, text)
        for number, text in enumerate(library_tables()):
            write(folder / f"library_{number}.inc", text)
        for name, text in zip(("reduction_table.inc", "reduction_headers.inc"), reduction_tables(TABLE)):
            write(folder / name, text)
        for name, text in zip(("row_kernel_table.inc", "row_kernel_headers.inc"), row_kernel_tables(TABLE)):
            write(folder / name, text)


def write(path: Path, text: str) -> None:
    """Leaves an unchanged file alone, so that nothing is compiled again."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def op_table() -> str:
    return "".join(f"HG_OP({entry(row, code)})\n" for code, row in enumerate(TABLE))


def entry(row, code: int) -> str:
    if not re.fullmatch("[a-z_][a-z0-9_]*", row.name):
        raise ValueError(f"op table: {row.name!r} is not a lower-case identifier. Rename the row.")
    components = getattr(row, "components", ())
    if len(components) > MAX_COMPONENTS:
        raise ValueError(f"op table: {row.name!r} has {len(components)} accumulator components, "
                         f"the runtime stores at most {MAX_COMPONENTS}.")
    fields = [row.name, code, KINDS[type(row)], row.results, row.arity, cpp_bool(is_ordered(row)),
              cpp_bool(isinstance(row, RowKernel) and describe(row.name).gathers), cpp_bool(getattr(row, "chooses", False)),
              -1 if getattr(row, "seed", None) is None else row.seed, *map(cpp_dtype, components)]
    return ", ".join(map(str, fields))


def cpp_dtype(name: str) -> str:
    """The C++ spelling of an accumulator component's type; 'T' is the node's compute type."""
    if name == "T":
        return "kComputeType"
    return "DType::" + ("Bool" if name == "bool" else dtypes.BY_NAME[name].name.upper())


def cpp_bool(value: bool) -> str:
    return "true" if value else "false"


def is_ordered(row) -> bool:
    """Does a result depend on the number of an element in the iteration space? Then dimensions must not be permuted."""
    if isinstance(row, Reduction):
        return row.indexed
    if isinstance(row, Elementwise):
        return reads_index(row)
    return not isinstance(row, RowKernel) or describe(row.name).positions
