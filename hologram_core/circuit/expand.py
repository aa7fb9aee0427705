"""Row kernels in terms of the other ops.

`RowKernel.expand(c, *args)` gets an ExprBuilder and exprs for its arguments and writes the kernel as if on whole rows: `+`,
`-`, comparisons, `c.exp(x)` (any elementwise row), `c.sum(x)` (any reduction), `c.index()` (position in the row). Inside,
everything is computed in the node's math type; only the results are rounded to the node's result types. Integer and
bool arguments keep their own type until they meet a float.
"""

from __future__ import annotations

from ..dtypes import BOOL, F64, I64, DType
from ..optable import TABLE
from ..optable.table import Reduction, RowKernel, Scan
from .ir import ROW, Circuit, Operand, Ref, default_result, result_types
from .primitives import PRIMITIVES, Primitive


def _kernel(circuit: Circuit, node):
    """How a node is written in other ops; None where it stands for itself."""
    if isinstance(node.row, RowKernel):
        return node.row.expand
    return node.row.whole if isinstance(node.row, Reduction) and not circuit.flags else None


def expand(circuit: Circuit) -> Circuit:
    """A circuit without row kernels that computes the same."""
    if not any(_kernel(circuit, n) for n in circuit.nodes):
        return circuit
    out = Circuit(circuit.schedule, circuit.rank, circuit.row_rank, circuit.flags,
                  operands=[Operand(o.dtype, o.layout, fixed=o.fixed) for o in circuit.operands], scalars=list(circuit.scalars))
    renamed: dict = {}
    for node in circuit.nodes:
        args = [renamed.get(a, a) for a in node.args]
        kernel = _kernel(circuit, node)
        if kernel:
            results = ExprBuilder(out, node.compute.math).expand(node, args, kernel)
        else:
            first = out.add(node.row, node.compute, node.result, args)
            results = [Ref("value", first.n + r) for r in range(node.results)]
        renamed.update({Ref("value", node.first + r): ref for r, ref in enumerate(results)})
    for operand, old in zip(out.operands, circuit.operands):
        operand.source = renamed.get(old.source, old.source)
    return out


class Expr:
    """A value inside a row kernel."""

    __slots__ = ("c", "ref", "dtype")

    def __init__(self, c: "ExprBuilder", ref: Ref, dtype: DType):
        self.c, self.ref, self.dtype = c, ref, dtype

    def __add__(self, o): return self.c.primitive("add", self, o)
    def __radd__(self, o): return self.c.primitive("add", o, self)
    def __sub__(self, o): return self.c.primitive("sub", self, o)
    def __rsub__(self, o): return self.c.primitive("sub", o, self)
    def __mul__(self, o): return self.c.primitive("mul", self, o)
    def __rmul__(self, o): return self.c.primitive("mul", o, self)
    def __truediv__(self, o): return self.c.primitive("div", self, o)
    def __rtruediv__(self, o): return self.c.primitive("div", o, self)
    def __neg__(self): return self.c.primitive("neg", self)
    def __lt__(self, o): return self.c.primitive("lt", self, o)
    def __le__(self, o): return self.c.primitive("le", self, o)
    def __gt__(self, o): return self.c.primitive("gt", self, o)
    def __ge__(self, o): return self.c.primitive("ge", self, o)
    def eq(self, o): return self.c.primitive("eq", self, o)
    def ne(self, o): return self.c.primitive("ne", self, o)
    def __and__(self, o): return self.c.primitive("and", self, o)
    def __or__(self, o): return self.c.primitive("or", self, o)
    def __invert__(self): return self.c.primitive("not", self)

    def __bool__(self):
        raise TypeError("a row kernel's value has no Python truth value; use c.select(cond, x, y)")


class ExprBuilder:
    """What `RowKernel.expand` writes to. Attributes that are not methods are ops of the tables."""

    def __init__(self, circuit: Circuit, dtype: DType):
        self.circuit, self.dtype = circuit, dtype

    def expand(self, node, args, kernel=None) -> list:
        """Refs of the results of a node that `kernel` (its row's) writes."""
        exprs = [self._argument(a) for a in args]
        results = (kernel or node.row.expand)(self, *exprs)
        results = results if isinstance(results, tuple) else (results,)
        return [self._rounded(s, t) for s, t in zip(results, result_types(node.row, node.result), strict=True)]

    def _argument(self, ref: Ref) -> Expr:
        dtype = self.circuit.dtype_of(ref).math
        if not dtype.is_float or ref.kind == "scalar":
            return Expr(self, ref, self.dtype if dtype is F64 else dtype)
        return self.cast(Expr(self, ref, dtype), self.dtype)

    def _rounded(self, expr: Expr, dtype: DType) -> Ref:
        if expr.dtype is dtype and expr.ref.kind == "value":
            return expr.ref
        return self.circuit.add(PRIMITIVES["cast"], dtype.math, dtype, [expr.ref])

    # ---- the language ----
    def constant(self, number, dtype: DType | None = None) -> Expr:
        return Expr(self, Ref("const", number), dtype or self.dtype)

    def cast(self, x: Expr, dtype: DType) -> Expr:
        if x.dtype is dtype:
            return x
        if x.ref.kind == "const":
            return Expr(self, x.ref, dtype)
        return Expr(self, self.circuit.add(PRIMITIVES["cast"], dtype, dtype, [x.ref]), dtype)

    def primitive(self, name: str, *args) -> Expr:
        """A primitive of the builder; numbers and integers adapt to the widest argument."""
        exprs = self._lifted(args)
        compute = exprs[-1].dtype
        result = BOOL if name in ("lt", "le", "gt", "ge", "eq", "ne") else compute
        return Expr(self, self.circuit.add(PRIMITIVES[name], compute, result, [s.ref for s in exprs]), result)

    def select(self, cond: Expr, x, y) -> Expr:
        x, y = self._lifted((x, y))
        ref = self.circuit.add(PRIMITIVES["select"], x.dtype, x.dtype, [cond.ref, x.ref, y.ref])
        return Expr(self, ref, x.dtype)

    def _lifted(self, args) -> list:
        """The arguments in one type: that of a float among them, else of the first expr."""
        types = [a.dtype for a in args if isinstance(a, Expr)]
        dtype = next((t for t in types if t.is_float), types[0] if types else self.dtype)
        return [self.cast(a, dtype) if isinstance(a, Expr) else self.constant(a, dtype) for a in args]

    def index(self) -> Expr:
        """Position in the row, i64."""
        return Expr(self, self.circuit.add(PRIMITIVES["index"], I64, I64, []), I64)

    def gather(self, x: Expr, position: Expr, valid: Expr) -> Expr:
        """x at one position of the row: 0 where that lies outside the row, or is not `valid`. `position` (i64) and `valid`
        do not vary along the row."""
        circuit = self.circuit
        if circuit.schedule == ROW and circuit.row_rank == 1 and not any(isinstance(n.row, Scan) for n in circuit.nodes):
            args = [x.ref, position.ref, valid.ref]
            return Expr(self, circuit.add(PRIMITIVES["gather"], x.dtype, x.dtype, args), x.dtype)
        return self.sum(self.select(self.index().eq(position) & valid, x, 0))

    def zero(self) -> Expr:
        """0 as a value of the kernel's type (a number alone takes the type of what it meets)."""
        return self.constant(0)

    def apply(self, function, *args) -> Expr:
        """A function written in primitives, such as those of `ops.mathlib`: function(b, *args)."""
        exprs = self._lifted(args)
        row, dtype = Primitive(function.__name__, len(exprs), function), exprs[0].dtype
        return Expr(self, self.circuit.add(row, dtype, dtype, [s.ref for s in exprs]), dtype)

    def fold(self, row: Reduction, x: Expr) -> Expr:
        """A reduction with one result that is not in the tables."""
        return Expr(self, self.circuit.add(row, x.dtype, x.dtype, [x.ref]), x.dtype)

    def fixed(self, x: Expr) -> Expr:
        """Declares that an argument does not vary along the row (its value at the row's start)."""
        if x.ref.kind in ("scalar", "const"):
            return x
        return Expr(self, self.circuit.add(PRIMITIVES["fixed"], x.dtype, x.dtype, [x.ref]), x.dtype)

    def __getattr__(self, name: str):
        try:
            row = TABLE[name]
        except KeyError:
            raise AttributeError(f"row kernel: there is no op {name!r} in the tables") from None

        def op(*args):
            given = self._lifted(args) if not isinstance(row, (Reduction, Scan)) else \
                [a if isinstance(a, Expr) else self.constant(a) for a in args]
            compute = given[0].dtype
            result = default_result(row, compute)
            first = self.circuit.add(row, compute, result, [a.ref for a in given])
            exprs = tuple(Expr(self, Ref("value", first.n + r), t.math)
                            for r, t in enumerate(result_types(row, result)))
            return exprs[0] if len(exprs) == 1 else exprs
        return op
