"""Recorder: a grid kernel as a structured program, to be printed (codegen/msl) or run (reference/grid_emulator.py).

A program is a tree of scopes: the kernel, bodies of loops, bodies of conditions. A pure instruction goes to the innermost scope
that one of its arguments belongs to, before the open scope inside it, and equal instructions are written once: so what does
not change in a loop stands before it. Inside a condition nothing moves out: it would run for threads that skip it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ...dtypes import BOOL, I64, U32, DType
from ..builder import Builder, Value
from ..llvm.text import PTR

_UNIT_BYTES = {"i8": 1, "i16": 2, "half": 2, "i32": 4, "float": 4, "i64": 8, "double": 8}


class Scope:
    """`conditional`: pure instructions made inside stay inside."""

    def __init__(self, parent=None, conditional=False):
        self.parent, self.conditional, self.open, self.items = parent, conditional, True, []
        self.depth = parent.depth + 1 if parent else 0


class Name:
    """What a Value holds: the name of a result, or a constant. `block`: its scope, None for constants."""

    __slots__ = ("text", "block", "constant", "lanes", "packed")

    def __init__(self, text: str, block, constant=None):
        self.text, self.block, self.constant, self.lanes, self.packed = text, block, constant, 1, None


@dataclass
class Let:
    """results = op(args): results are Values; effects have none."""

    op: str
    results: list
    args: list
    facts: tuple = ()


@dataclass
class Check:
    """Threads leave the loop unless the condition holds."""

    condition: Value


@dataclass
class LoopItem:
    carry: list              # values that change from round to round; after the loop they keep the last ones
    initial: list
    body: Any                # a Scope, once it is entered
    next: list = field(default_factory=list)


@dataclass
class WhenItem:
    condition: Value
    body: Any                # a Scope, once it is entered
    joins: list = field(default_factory=list)     # (result, value inside, value otherwise)


def _same(op: str):
    def method(self, *args):
        return self.pure(op, args[0].dtype, args)
    return method


def _truth(op: str):
    def method(self, *args):
        return self.pure(op, BOOL, args)
    return method


class Recorder(Builder):
    def __init__(self):
        self.lanes, self.operands = 1, 0
        self.position: Any = None      # what index() gives; set by the loop nest
        self.names = 0
        self.program = self.scope = Scope()
        self.known: dict = {}
        self.arrays: dict = {}         # (slot, type) -> elements

    # ---- writing ----
    def _named(self, dtype: DType, scope: Scope) -> Value:
        self.names += 1
        return Value(self, dtype, Name(f"v{self.names}", scope))

    @staticmethod
    def _signature(value: Value) -> tuple:
        return value.data.text, value.dtype.name

    def pure(self, op: str, dtype: DType, args=(), facts=()) -> Value:
        """An instruction without side effects that may move and merge."""
        signature = (op, dtype.name, *map(self._signature, args), facts)
        found = self.known.get(signature)
        if found is not None and found.data.block.open:
            return found
        scope = self._place(args)
        result = self._named(dtype, scope)
        scope.items.append(Let(op, [result], list(args), facts))
        self.known[signature] = result
        return result

    def _place(self, args) -> Scope:
        best = self.program
        for arg in args:
            scope = arg.data.block
            if scope is not None:
                if not scope.open:
                    raise ValueError(f"recorder: {arg.data.text} is used outside of the scope that computes it.")
                best = scope if scope.depth > best.depth else best
        scope = self.scope
        while scope is not None and scope.depth > best.depth:
            if scope.conditional:
                return scope
            scope = scope.parent
        return best

    def here(self, op: str, types, args, facts=()) -> list:
        """An instruction that stays where it is; its results."""
        self._place(args)
        results = [self._named(t, self.scope) for t in types]
        self.scope.items.append(Let(op, results, list(args), facts))
        return results

    # ---- control flow ----
    def loop(self, start, stop, step, carry=(), lanes=None) -> "CountedLoop":
        lift = lambda n: n if isinstance(n, Value) else self.const(n, I64)
        return CountedLoop(self, lift(start), lift(stop), step, carry)

    def when(self, condition: Value) -> "When":
        return When(self, condition)

    def rarely(self, cond, slow, fast):
        with self.when(cond) as branch:
            value = self.select(cond, slow(), fast)
        return branch.join(value, fast)

    # ---- primitives ----
    def const(self, number, dtype):
        text = repr(bool(number)) if dtype is BOOL else repr(float(number)) if dtype.is_float else str(int(number))
        return Value(self, dtype, Name(text, None, number))

    def index(self):
        return self.position()

    sub, div, rem, neg = map(_same, ("sub", "div", "rem", "neg"))
    fma, sqrt, floor, ceil, trunc, rint, copysign = map(_same, "fma sqrt floor ceil trunc rint copysign".split())
    and_, or_, xor, not_, shl, shr = map(_same, ("and_", "or_", "xor", "not_", "shl", "shr"))
    lt, le, gt, ge, eq, ne = map(_truth, ("lt", "le", "gt", "ge", "eq", "ne"))

    def add(self, x, y):
        return x if not x.dtype.is_float and y.data.text == "0" else self.pure("add", x.dtype, (x, y))

    def mul(self, x, y):
        return x if not x.dtype.is_float and y.data.text == "1" else self.pure("mul", x.dtype, (x, y))

    def abs(self, x):
        return x if x.dtype.kind in "ub" else self.pure("abs", x.dtype, (x,))

    def select(self, cond, x, y):
        return x if self._signature(x) == self._signature(y) else self.pure("select", x.dtype, (cond, x, y))

    def cast(self, x, dtype):
        return x if x.dtype is dtype else self.pure("cast", dtype, (x,))

    def bitcast(self, x, dtype):
        return x if x.dtype is dtype else self.pure("bitcast", dtype, (x,))

    def table(self, constants, index, dtype):
        return self.pure("table", dtype, (index,), tuple(constants))

    def round_to(self, x, dtype):
        """`x` (of type dtype.math) rounded to the element type; only f16 and bf16 change it."""
        return x if dtype.math is dtype else self.pure("round", x.dtype, (x,), (dtype,))

    # ---- one lane ----
    def widen(self, x, lanes):
        return x

    def part(self, x, first, count):
        return x

    def iota(self, dtype, lanes):
        return self.const(0, dtype)

    def lanes_of(self, address, stride, lanes):
        return address

    def opaque(self, x):
        return x

    def high_product(self, x, y):
        return self.pure("high_product", U32, (x, y))

    def divided(self, x, y):
        return self.pure("divided", I64, (x, y))

    # ---- threads and the record ----
    def thread(self): return self.pure("thread", I64)
    def block(self): return self.pure("block", I64)
    def blocks(self): return self.pure("blocks", I64)
    def begin(self): return self.pure("begin", I64)
    def end(self): return self.pure("end", I64)
    def arg(self, number, dtype=I64): return self.pure("arg", dtype, (), (number,))
    def operand(self, number): return self.pure("operand", PTR, (), (number,))

    # ---- global memory ----
    def advance(self, address, offset, unit="i8"):
        if offset.data.text == "0":
            return address
        return self.pure("advance", PTR, (address, offset), (_UNIT_BYTES[unit],))

    def address_bits(self, address):
        return self.pure("address_bits", I64, (address,))

    def load(self, address, dtype, lanes=1, mask=None, stay=True):
        if not stay:
            return self.pure("load", dtype.math, (address,), (dtype,))
        return self.here("load", [dtype.math], [address], (dtype,))[0]

    def load_vector(self, address, dtype, count):
        return self.here("load_vector", [dtype.math] * count, [address], (dtype,))

    def store(self, x, address, dtype, mask=None, stream=False):
        self.here("store", [], [address, x], (dtype,))

    def store_vector(self, values, address, dtype):
        self.here("store_vector", [], [address, *values], (dtype,))

    # ---- shared memory, threads together ----
    def shared(self, slot, dtype, count):
        self.arrays[slot, dtype] = max(count, self.arrays.get((slot, dtype), 0))
        return slot, dtype

    def shared_load(self, array, index):
        return self.here("shared_load", [array[1]], [index], array)[0]

    def shared_store(self, array, index, x):
        self.here("shared_store", [], [index, x], array)

    def shared_bytes(self) -> int:
        return sum(count * dtype.bytes for (_, dtype), count in self.arrays.items())

    def barrier(self): self.here("barrier", [], [])
    def sync_warp(self): self.here("sync_warp", [], [])
    def shuffle_down(self, x, distance): return self.here("shuffle_down", [x.dtype], [x], (distance,))[0]
    def shuffle_up(self, x, distance): return self.here("shuffle_up", [x.dtype], [x], (distance,))[0]
    def lane(self, x, number): return self.here("lane", [x.dtype], [x], (number,))[0]


class _Inside:
    """`with` opens a scope inside the current one and closes it."""

    b: Recorder

    def _enter(self, conditional: bool) -> Scope:
        self.outer = self.b.scope
        self.scope = self.b.scope = Scope(self.outer, conditional)
        return self.scope

    def _leave(self, item) -> None:
        self.scope.open = False
        self.b.scope = self.outer
        self.outer.items.append(item)


class When(_Inside):
    """As text.Branch: `join(value, other)` afterwards is `value` if the condition held, else `other`."""

    def __init__(self, b: Recorder, condition: Value):
        self.b = b
        self.item = WhenItem(condition, None)

    def __enter__(self):
        self.item.body = self._enter(True)
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self._leave(self.item)

    def join(self, value, other):
        result = self.b._named(value.dtype, self.outer)
        self.item.joins.append((result, value, other))
        return result


class CountedLoop(_Inside):
    """As text.CountedLoop."""

    def __init__(self, b: Recorder, start, stop, step, carry):
        self.b, self.stop, self.step = b, stop, step
        self.item = LoopItem([], [start, *carry], None)

    def __enter__(self):
        b = self.b
        self.item.body = scope = self._enter(False)
        self.item.carry = [b._named(v.dtype, scope) for v in self.item.initial]
        self.index, *self.values = self.item.carry
        scope.items.append(Check(b.lt(self.index, self.stop)))
        return self

    def next(self, values=(), step=None):
        step = self.step if step is None else step
        self.item.next = [self.b.add(self.index, step if isinstance(step, Value) else self.b.const(step, I64)), *values]

    def __exit__(self, kind, *_):
        if kind is not None:
            return
        if not self.item.next:
            self.next()
        self._leave(self.item)
        self.results = [Value(self.b, v.dtype, Name(v.data.text, self.outer)) for v in self.item.carry[1:]]
