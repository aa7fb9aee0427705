"""The row types of the op tables, and the numbering of ops.

A new elementwise op is one row in elementwise.py, a reduction one row in reduction.py, a row kernel one row in
rowwise.py. From a row come the aten registrations, the tests, the benchmark case, the support table and the SDK op.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable, Optional, Sequence

# dtype rules of elementwise ops
PROMOTE = "promote"   # common dtype of the inputs by PyTorch's promotion; the result has it too
FLOAT = "float"       # like PROMOTE, integer and bool inputs become the default float type
BOOL = "bool"         # computed in the common dtype, result bool


@dataclass(frozen=True)
class Aten:
    """One aten base name served by a row.

    `name`: base and overload of the functional form, e.g. "add.Tensor" or "exp". `forms`: which of "f" (functional),
    "i" (in-place) and "o" (out=) exist; the build looks the schemas up in the installed torch and registers what it finds.
    `args`: how schema arguments map to the expression's arguments, in order: argument names, or a literal
    like "=1.0"; None means "all Tensor and scalar arguments in schema order".
    """

    name: str
    forms: str = "fio"
    args: Optional[Sequence[str]] = None
    out: Optional[str] = None      # overload name of the out= form when it is not found by the usual rule


@dataclass(frozen=True)
class Elementwise:
    """`expr(b, *args)` in primitives of `codegen.builder.Builder`; args arrive converted to the compute dtype,
    except those marked 'b' in `kinds`, which arrive as bool, and 'i' as their own integer type."""

    name: str
    arity: int                                  # number of expression arguments (tensors and scalars alike)
    expr: Callable
    rule: str = PROMOTE
    dtypes: str = "if"                          # compute dtypes compiled: b bool, i integers, f floats
    aten: Sequence[Aten] = ()
    kinds: str = ""                             # per argument: 'v' value (default), 'b' mask, 'i' own integer type
    sample: tuple = (-4.0, 4.0)                 # range of test inputs
    results: int = 1
    result_types: Sequence[str] = ()            # per result: 'T' (node result dtype) or a fixed dtype name
    cost: float = 0.15                          # rough ns per f32 element, decides threading
    doc: str = ""                               # source of a formula, where it is not obvious


@dataclass(frozen=True)
class Reduction:
    """A fold over the row. The accumulator is a tuple of values.

    init(b, dtype) -> acc; step(b, acc, x, index) -> acc (index: i64 position in the row); combine(b, acc, acc) -> acc,
    associative up to rounding; finish(b, acc, count) -> result or tuple of results. `components`: dtypes of the
    accumulator ('T' = compute dtype), needed to store partial results of long rows.
    """

    name: str
    init: Callable
    step: Callable
    combine: Callable
    finish: Callable = lambda b, acc, count: acc[0]
    components: Sequence[str] = ("T",)
    results: int = 1
    result_types: Sequence[str] = ()
    dtypes: str = "bif"
    arity: int = 1                              # row inputs; further node arguments are row-constant scalars
    indexed: bool = False                       # step uses the index
    cost: float = 0.1
    doc: str = ""


@dataclass(frozen=True)
class Scan:
    """A running fold along the row: results have the row's shape. `step(b, acc, x, index) -> (acc, result)`."""

    name: str
    init: Callable
    step: Callable
    components: Sequence[str] = ("T",)
    results: int = 1
    result_types: Sequence[str] = ()
    dtypes: str = "if"
    arity: int = 1
    cost: float = 1.0
    doc: str = ""


@dataclass(frozen=True)
class RowKernel:
    """A row kernel: `expand(c, *args)` writes it in ops of the other tables (`c.sum(x)`, `c.exp(x)`, operators);
    internal nodes compute in the node's compute dtype, results are rounded once."""

    name: str
    arity: int
    expand: Callable
    results: int = 1
    result_types: Sequence[str] = ()
    dtypes: str = "f"
    cost: float = 1.0
    doc: str = ""


@dataclass
class OpTable:
    rows: list = field(default_factory=list)
    codes: dict = field(default_factory=dict)   # name -> code

    def add(self, rows) -> None:
        for row in rows:
            if row.name in self.codes:
                raise ValueError(f"op table: {row.name!r} appears twice. Rename or remove one row.")
            self.codes[row.name] = len(self.rows)
            self.rows.append(row)

    def __getitem__(self, key):
        return self.rows[self.codes[key] if isinstance(key, str) else key]

    def __iter__(self):
        return iter(self.rows)

    def __len__(self):
        return len(self.rows)
