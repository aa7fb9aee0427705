"""The row types of the op tables, and the numbering of ops.

A new elementwise op is one row in elementwise.py, a reduction one row in reduction.py, a row kernel one row in
rowwise.py. From a row come the aten registrations, the tests, the benchmark case, the support table and the SDK op.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

# dtype rules of elementwise ops
PROMOTE = "promote"   # common dtype of the inputs by PyTorch's promotion; the result has it too
FLOAT = "float"       # like PROMOTE, integer and bool inputs become the default float type
BOOL = "bool"         # computed in the common dtype, result bool


# What Aten.flags may say.
ATEN_FLAGS = {
    "full_scalars": "f16 and bf16 kernels use promoting scalars at f32 precision",
    "int_power": "integer ** negative integer is an error, raised by torch's own kernel",
    "converts": "a number is converted to the destination's dtype, whatever its category",
    "bool_alpha": "a bool alpha needs bool tensors",
    "overlaps": "may be written to elements that share their place",
    "point": "parameters must be numbers or 0-dim tensors",
    "probabilities": "the first two arguments lie in [0, 1]",
    "divides": "an integer divisor that is 0 is an error",
    "keeps_empty_dims": "dim=() folds nothing; other reductions fold every dim then",
}


@dataclass(frozen=True)
class Aten:
    """One aten base name served by a row.

    `name`: base and overload of the functional form, e.g. "add.Tensor" or "exp". `forms`: which of "f" (functional),
    "i" (in-place) and "o" (out=) are wanted; the build looks the schemas up in the installed torch and registers what it
    finds. A name ending in "_" ("uniform_") has the in-place form only.
    `args`: which schema argument each expression argument comes from, in order. A string starting with "=" is a
    number ("=1.0"); one starting with "$" is supplied by the call site: "$max" and "$lowest" (largest and smallest finite
    value of the common dtype), "$mean" (1 / elements of `self` for the gradient of a loss with reduction='mean', else 1);
    "name|other" is the optional argument `name` where given, else the source `other`. None means the Tensor, Scalar,
    float, int and bool arguments of the schema in schema order, as many as `arity`.
    `when`: schema argument -> condition under which this entry serves the call: a value it must equal (compared as
    number, bool or string), a bound ">0" or ">=0", or "given" / "absent" for optional arguments. The first entry that
    matches and computes in the call's dtype, in table order, wins; a call that no entry serves goes to the fallback. Which dtypes
    torch takes together is found out by the build (csrc/tablegen/aten_rules.py).
    """

    name: str
    forms: str = "fio"
    args: Sequence[str] | None = None
    when: Mapping[str, object] = field(default_factory=dict)
    out: str | None = None      # overload name of the out= form when it is not found by the usual rule
    flags: Sequence[str] = ()   # of ATEN_FLAGS: what torch's kernel of the overload does beside the rules of its kind; one entry may say it


@dataclass(frozen=True)
class Elementwise:
    """`expr(b, *args)` in primitives of `codegen.builder.Builder`; its results are converted to the node's result types.

    `kinds` says, per argument, how it arrives:

    'v' value       converted to the compute dtype; takes part in type promotion (the default)
    'p' parameter   converted to the compute dtype; takes no part in promotion (alpha, lambda, eps ...)
    'b' mask        as bool; no part in promotion
    'i' own         as its own integer type (i64 for a scalar); no part in promotion
    'd' double      as f64; no part in promotion

    A row without 'v' arguments (fill, uniform ...) computes in the dtype of the tensor it writes.
    """

    name: str
    arity: int                                  # number of expression arguments (tensors and scalars alike)
    expr: Callable
    rule: str = PROMOTE
    dtypes: str = "f"                           # compute dtypes compiled: b bool, i integers, f floats
    aten: Sequence[Aten] = ()
    kinds: str = ""                             # one letter per argument, "" = all 'v'
    sample: tuple = (-4.0, 4.0)                 # range of test inputs
    results: int = 1
    result_types: Sequence[str] = ()            # per result: 'T' (node result dtype) or a fixed dtype name; () = all 'T'
    cost: float = 0.15                          # rough ns per f32 element, decides threading
    doc: str = ""                               # source of a formula, where it is not obvious
    narrow: bool = True                         # aten calls in f16 and bf16 too: computed in f32, the result rounded
    seed: int | None = None                     # random rows: the argument that is the seed, which the offset follows
    halves: Sequence[str] = ()                  # two rows that compute f16 and bf16 instead, one after the other, each rounding

    def kind(self, arg: int) -> str:
        return self.kinds[arg] if self.kinds else "v"


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
    aten: Sequence[Aten] = ()                   # structured ops that fold dims and nothing else (others: C++)
    accumulate: str = "input"                   # compute type at an aten call: "result"'s dtype, the "input"'s, a "number"
                                                # (input, bool refused) or "bool"
    indexed: bool = False                       # step uses the index
    chooses: bool = False                       # the result is an element of the row, or its position: there must be one
    whole: Callable | None = None               # expand(c, x), as of a RowKernel: what takes less time where a row lies in one kernel
    cost: float = 0.1
    doc: str = ""


@dataclass(frozen=True)
class Scan:
    """A running fold along the row: results have the row's shape. `step(b, acc, x, index) -> (acc, result)`;
    `combine(b, earlier, later) -> acc`, associative up to rounding, lets threads share a row."""

    name: str
    init: Callable
    step: Callable
    combine: Callable
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
    aten: Sequence[Aten] = ()                   # structured ops along one dim that are this row and nothing else (others: C++)
    cost: float = 1.0
    doc: str = ""


def as_tuple(value) -> tuple:
    """The components of what a row's function gives: one that has one component gives it bare."""
    return value if isinstance(value, tuple) else (value,)


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
