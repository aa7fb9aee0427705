"""LLVMBuilder: the primitives of `builder.Builder` as LLVM IR text.

A Value is either one element per lane (`<L x T>`) or a scalar that all lanes share; operations on scalars stay
scalar and are spread over the lanes where they meet a vector. No instruction carries a fast-math flag.

The number of lanes is part of the kernel's meaning (it shapes reduction trees), so it never depends on the host.
"""

from __future__ import annotations

from typing import Any

from ...dtypes import BOOL, F32, I64, U32, U64, DType
from ..builder import Builder, Value
from . import arith
from .memory import Memory
from .text import Branch, CountedLoop, Loop, Reg, Text, literal, scalar_type, suffix, vector

_COMPARE = {"lt": ("olt", "slt", "ult"), "le": ("ole", "sle", "ule"), "gt": ("ogt", "sgt", "ugt"),
            "ge": ("oge", "sge", "uge"), "eq": ("oeq", "eq", "eq"), "ne": ("une", "ne", "ne")}


# x * 2^n in one instruction, where the host has it: (type, lanes) -> (intrinsic, type of its mask)
_SCALEF = {("f32", 16): ("llvm.x86.avx512.mask.scalef.ps.512", "i16"),
           ("f64", 8): ("llvm.x86.avx512.mask.scalef.pd.512", "i8")}


class LLVMBuilder(Memory, Builder):
    """`features`: instruction set extensions of the target, by LLVM's names, and "soft-half" and "soft-fma" where it has
    none for f16 and for fma. They choose instructions, never results."""

    def __init__(self, lanes: int, features=frozenset()):
        self.lanes, self.features = lanes, features
        self.select_bits = "neon" in features
        self.soft_half, self.soft_fma = "soft-half" in features, "soft-fma" in features
        self.text = Text()
        self.position: Any = None      # what index() gives; set by the loop nest

    # ---- emission ----
    def value(self, dtype: DType, name: str, lanes: int, block) -> Value:
        return Value(self, dtype, Reg(name, lanes, block))

    def emit(self, template: str, args, dtype: DType, scalar: str | None = None) -> Value:
        """A pure instruction. `{t}` is the vector type of the arguments, `{0}`, `{1}` ... their texts, `{w}` the
        suffix of the type in intrinsic names. All arguments are given at the widest argument's lanes."""
        lanes = max(a.data.lanes for a in args)
        types = [scalar_type(a.dtype) for a in args]
        texts = [self.text.splat(a.data, t, lanes) for a, t in zip(args, types)]
        line = template.format(*texts, t=vector(scalar or types[0], lanes), w=suffix(types[0], lanes),
                               r=vector(scalar_type(dtype), lanes))
        name, block = self.text.pure(line, [a.data.block for a in args])
        if lanes > 1:
            self.text.widest = max(self.text.widest, dtype.bytes)
        return self.value(dtype, name, lanes, block)

    def intrinsic(self, name: str, args, dtype: DType, extra: str = "") -> Value:
        lanes = max(a.data.lanes for a in args)
        wide = vector(scalar_type(args[0].dtype), lanes)
        full = f"llvm.{name}.{suffix(scalar_type(args[0].dtype), lanes)}"
        self.text.declare(full, vector(scalar_type(dtype), lanes), ", ".join([wide] * len(args)) + (", i1" if extra else ""))
        params = ", ".join(f"{wide} {{{n}}}" for n in range(len(args)))
        return self.emit(f"call {{r}} @{full}({params}{extra})", args, dtype)

    def _called(self, name: str, compute, args) -> Value:
        """compute(builder, *args), all of one type, as a function of the module: what is long and comes often is compiled once."""
        dtype, lanes = args[0].dtype, max(a.data.lanes for a in args)
        wide = vector(scalar_type(dtype), lanes)
        symbol = f"{name}.{suffix(scalar_type(dtype), lanes)}"
        if symbol not in self.text.functions:
            inner = LLVMBuilder(lanes, self.features)
            params = [Value(inner, dtype, Reg(f"%a{n}", lanes, inner.text.entry)) for n in range(len(args))]
            result = compute(inner, *params)
            listed = ", ".join(f"{wide} {p.data.text}" for p in params)
            self.text.functions[symbol] = inner.text.returning(symbol, wide, listed, result.data.text)
            self.text.declarations.update(inner.text.declarations)
        return self.emit(f"call {{r}} @{symbol}({', '.join(f'{{t}} {{{n}}}' for n in range(len(args)))})", args, dtype)

    def widen(self, x: Value, lanes: int) -> Value:
        """The same value as a vector register."""
        if x.data.lanes == lanes:
            return x
        scalar = scalar_type(x.dtype)
        if x.data.block is None:
            return Value(self, x.dtype, Reg(f"splat ({scalar} {x.data.text})", lanes, None))
        name, block = self.text.spread(x.data, scalar, lanes)
        return Value(self, x.dtype, Reg(name, lanes, block, None))

    # ---- constants, index ----
    def const(self, number, dtype):
        return self.value(dtype, literal(number, dtype), 1, None)

    def index(self):
        return self.position()

    def iota(self, dtype: DType, lanes: int) -> Value:
        if lanes == 1:
            return self.const(0, dtype)
        items = ", ".join(f"{scalar_type(dtype)} {n}" for n in range(lanes))
        return self.value(dtype, f"<{items}>", lanes, None)

    # ---- arithmetic ----
    def _arith(self, op, x, y):
        if x.dtype.kind != "f" and y.data.text == ("1" if op == "mul" else "0") and y.data.block is None:
            return x
        prefix = "f" if x.dtype.kind == "f" else ""
        return self.emit(f"{prefix}{op} {{t}} {{0}}, {{1}}", (x, y), x.dtype)

    def add(self, x, y): return self._arith("add", x, y)
    def sub(self, x, y): return self._arith("sub", x, y)
    def mul(self, x, y): return self._arith("mul", x, y)

    def div(self, x, y):
        if x.dtype.is_float:
            return self.emit("fdiv {t} {0}, {1}", (x, y), x.dtype)
        return arith.int_div(self, x, y)

    def rem(self, x, y):
        return arith.float_rem(self, x, y) if x.dtype.is_float else arith.int_rem(self, x, y)

    def neg(self, x):
        if x.dtype.is_float:
            return self.emit("fneg {t} {0}", (x,), x.dtype)
        return self.sub(self.const(0, x.dtype), x)

    def abs(self, x):
        if x.dtype.is_float:
            return self.intrinsic("fabs", (x,), x.dtype)
        return x if x.dtype.kind in "ub" else self.intrinsic("abs", (x,), x.dtype, ", i1 false")

    def fma(self, x, y, z):
        if not self.soft_fma:
            return self.intrinsic("fma", (x, y, z), x.dtype)
        # Some kernels have a hundred of them. In f64 each lane is a call into a library.
        return self._called("fma", arith.fma_f32 if x.dtype is F32 else LLVMBuilder._fma_of_library, (x, y, z))

    def _fma_of_library(self, x, y, z): return self.intrinsic("fma", (x, y, z), x.dtype)

    def sqrt(self, x): return self.intrinsic("sqrt", (x,), x.dtype)
    def floor(self, x): return self.intrinsic("floor", (x,), x.dtype)
    def ceil(self, x): return self.intrinsic("ceil", (x,), x.dtype)
    def trunc(self, x): return self.intrinsic("trunc", (x,), x.dtype)
    def rint(self, x): return self.intrinsic("rint", (x,), x.dtype)
    def copysign(self, x, y): return self.intrinsic("copysign", (x, y), x.dtype)

    def ldexp(self, x, n):
        lanes = max(x.data.lanes, n.data.lanes)
        if "avx512f" in self.features and (x.dtype.name, lanes) == ("f64", 16):
            x, n = self.widen(x, lanes), self.widen(n, lanes)
            return self.joined(*(self.ldexp(self.part(x, at, 8), self.part(n, at, 8)) for at in (0, 8)))
        if "avx512f" not in self.features or (x.dtype.name, lanes) not in _SCALEF:
            return super().ldexp(x, n)
        name, mask = _SCALEF[x.dtype.name, lanes]
        wide = vector(scalar_type(x.dtype), lanes)
        self.text.declare(name, wide, f"{wide}, {wide}, {wide}, {mask}, i32")
        return self.emit(f"call {{t}} @{name}({{t}} {{0}}, {{t}} {{1}}, {{t}} zeroinitializer, {mask} -1, i32 4)",
                         (x, n), x.dtype)

    def lookup(self, constants, bits, dtype):
        def row(first, count):
            return f"<{count} x float> <{', '.join(f'float {literal(c, F32)}' for c in constants[first:first + count])}>"

        if dtype is not F32 or bits.data.lanes != 16 or not self.features & {"avx512f", "avx2"}:
            return super().lookup(constants, bits, dtype)
        if "avx512f" in self.features:
            name, wide = "llvm.x86.avx512.vpermi2var.ps.512", vector("float", 16)
            self.text.declare(name, wide, f"{wide}, <16 x i32>, {wide}")
            return self.emit(f"call {{r}} @{name}({row(0, 16)}, {{t}} {{0}}, {row(16, 16)})", (bits,), F32)
        name, wide = "llvm.x86.avx2.permps", vector("float", 8)
        self.text.declare(name, wide, f"{wide}, <8 x i32>")

        def half(bits):      # of eight constants each
            found = [self.emit(f"call {{r}} @{name}({row(first, 8)}, {{t}} {{0}})", (bits,), F32) for first in (0, 8, 16, 24)]
            upper, last = ((bits & bit).ne(0) for bit in (8, 16))
            return self.select(last, self.select(upper, found[3], found[2]), self.select(upper, found[1], found[0]))
        return self.joined(half(self.part(bits, 0, 8)), half(self.part(bits, 8, 8)))

    def power_of_two(self, n, more=0):
        scaled = "avx512f" in self.features and (n.dtype.name, n.data.lanes) in {*_SCALEF, ("f64", 16)}
        return self.ldexp(self.const(2.0 ** more, n.dtype), n) if scaled else super().power_of_two(n, more)

    # ---- comparison, selection ----
    def _compare(self, name, x, y):
        floating, signed, unsigned = _COMPARE[name]
        if x.dtype.is_float:
            return self.emit(f"fcmp {floating} {{t}} {{0}}, {{1}}", (x, y), BOOL)
        return self.emit(f"icmp {signed if x.dtype.kind == 'i' else unsigned} {{t}} {{0}}, {{1}}", (x, y), BOOL)

    def lt(self, x, y): return self._compare("lt", x, y)
    def le(self, x, y): return self._compare("le", x, y)
    def gt(self, x, y): return self._compare("gt", x, y)
    def ge(self, x, y): return self._compare("ge", x, y)
    def eq(self, x, y): return self._compare("eq", x, y)
    def ne(self, x, y): return self._compare("ne", x, y)

    def select(self, cond, x, y):
        """`select_bits`: floating-point numbers are selected as integers. LLVM makes x < 0 ? x : 0 a minimum where the target has
        one that drops NaN; on AArch64 and NVIDIA's GPUs that is -0.0 for x = -0.0. x86's instruction is the comparison itself."""
        if self.select_bits and x.dtype.is_float and x.data is not y.data:
            bits = U32 if x.dtype.bits == 32 else U64
            return self.bitcast(self._select(cond, self.bitcast(x, bits), self.bitcast(y, bits)), x.dtype)
        return self._select(cond, x, y)

    def _select(self, cond, x, y):
        if x.data is y.data or (x.data.text == y.data.text and x.data.lanes == y.data.lanes):
            return x
        if cond.data.text in ("true", "false"):
            return x if cond.data.text == "true" else y
        scalar = scalar_type(x.dtype)
        lanes = max(cond.data.lanes, x.data.lanes, y.data.lanes)
        wide = vector(scalar, lanes)
        mask = self.text.splat(cond.data, "i1", lanes)
        a, z = (self.text.splat(v.data, scalar, lanes) for v in (x, y))
        line = f"select {vector('i1', lanes)} {mask}, {wide} {a}, {wide} {z}"
        name, block = self.text.pure(line, [v.data.block for v in (cond, x, y)])
        return self.value(x.dtype, name, lanes, block)

    # ---- bits ----
    def and_(self, x, y): return self.emit("and {t} {0}, {1}", (x, y), x.dtype)
    def or_(self, x, y): return self.emit("or {t} {0}, {1}", (x, y), x.dtype)
    def xor(self, x, y): return self.emit("xor {t} {0}, {1}", (x, y), x.dtype)
    def not_(self, x): return self.xor(x, self.const(True if x.dtype is BOOL else -1, x.dtype))
    def shl(self, x, y): return arith.shift(self, "shl", x, y)
    def shr(self, x, y): return arith.shift(self, "ashr" if x.dtype.kind == "i" else "lshr", x, y)

    # ---- conversion ----
    def cast(self, x, dtype): return arith.cast(self, x, dtype)

    def bitcast(self, x, dtype):
        a, z = scalar_type(x.dtype), scalar_type(dtype)
        if a == z:
            return Value(self, dtype, x.data)
        return self.emit("bitcast {t} {0} to {r}", (x,), dtype)

    # ---- control flow ----
    def loop(self, start, stop, step, carry=(), lanes=None) -> CountedLoop:
        """Counts an i64 scalar from `start` while it is below `stop`. `lanes`: carry everything as vectors."""
        lift = lambda n: n if isinstance(n, Value) else self.const(n, I64)
        return CountedLoop(self, lift(start), lift(stop), step, carry, lanes)

    def repeat(self, carry, lanes=None) -> Loop:
        """A loop whose condition is computed from the carried values (`Loop.check`)."""
        return Loop(self, carry, lanes)

    def rarely(self, cond, slow, fast):
        return self._skipping(cond, slow, fast, rare=True)

    def wherever(self, cond, slow, fast):
        return self._skipping(cond, slow, fast, rare=False)

    def _skipping(self, cond, slow, fast, rare: bool) -> Value:
        lanes = max(cond.data.lanes, fast.data.lanes)
        fast = self.widen(fast, lanes)
        with Branch(self.text, self.any_lane(cond), rare) as branch:
            value = self.widen(self.select(cond, slow(), fast), lanes)
        return branch.join(value, fast)

    def settled(self, cond, new, old):
        if max(x.data.lanes for x in (cond, *new, *old)) > 1:
            return super().settled(cond, new, old)
        with Branch(self.text, cond, rare=False) as branch:
            pass
        return tuple(branch.join(x, y) for x, y in zip(new, old, strict=True))

    def any_lane(self, cond: Value) -> Value:
        """Is the condition true in some lane? A scalar."""
        if cond.data.lanes == 1:
            return cond
        full = f"llvm.vector.reduce.or.v{cond.data.lanes}i1"
        self.text.declare(full, "i1", f"<{cond.data.lanes} x i1>")
        name, block = self.text.pure(f"call i1 @{full}(<{cond.data.lanes} x i1> {cond.data.text})", [cond.data.block])
        return self.value(BOOL, name, 1, block)

    def stacked(self, values) -> Value:
        """Scalars as the lanes of a vector."""
        scalar, lanes = scalar_type(values[0].dtype), len(values)
        wide, name, block = vector(scalar, lanes), "poison", None
        for lane, x in enumerate(values):
            name, block = self.text.pure(f"insertelement {wide} {name}, {scalar} {x.data.text}, i64 {lane}", [block, x.data.block])
        return self.value(values[0].dtype, name, lanes, block)

    def joined(self, x: Value, y: Value) -> Value:
        """The lanes of two vectors of the same width, one after the other."""
        wide, lanes = vector(scalar_type(x.dtype), x.data.lanes), 2 * x.data.lanes
        order = ", ".join(f"i32 {n}" for n in range(lanes))
        line = f"shufflevector {wide} {x.data.text}, {wide} {y.data.text}, <{lanes} x i32> <{order}>"
        name, block = self.text.pure(line, [x.data.block, y.data.block])
        return self.value(x.dtype, name, lanes, block)

    def part(self, x: Value, first: int, count: int) -> Value:
        """Lanes [first, first + count) of a vector; one lane is a scalar."""
        scalar, lanes = scalar_type(x.dtype), x.data.lanes
        if lanes == 1:
            return x
        wide = vector(scalar, lanes)
        if count == 1:
            line = f"extractelement {wide} {x.data.text}, i64 {first}"
        else:
            order = ", ".join(f"i32 {n}" for n in range(first, first + count))
            line = f"shufflevector {wide} {x.data.text}, {wide} poison, <{count} x i32> <{order}>"
        name, block = self.text.pure(line, [x.data.block])
        return self.value(x.dtype, name, count, block)
