"""LLVM IR as text: blocks, registers, constants, and structured loops.

Writing text and parsing it once is several times faster than building an object model of the IR in Python.

Placement. A pure instruction goes to the end of the youngest block among those that define its operands, and equal
instructions are written once. Blocks are created in dominance order, and a loop hands out results only through phis of
its exit block, so every operand's block dominates the point of use and the youngest one is the earliest legal place.
Loop-invariant code is therefore hoisted, and common subexpressions are shared, as the text is written.
"""

from __future__ import annotations

import math
import struct

from ...dtypes import DType
from ...errors import CompileError
from ..builder import Value

PTR = DType("ptr", 255, "p", 64, "", "")     # addresses; never leave the code generator


def scalar_type(dtype: DType) -> str:
    """The LLVM type of one value."""
    if dtype is PTR:
        return "ptr"
    return {"b": "i1", "f": "float" if dtype.bits == 32 else "double"}.get(dtype.kind) or f"i{dtype.bits}"


def vector(scalar: str, lanes: int) -> str:
    return scalar if lanes == 1 else f"<{lanes} x {scalar}>"


def suffix(scalar: str, lanes: int) -> str:
    """How intrinsic names spell a type."""
    name = {"float": "f32", "double": "f64", "half": "f16", "ptr": "p0"}.get(scalar, scalar)
    return name if lanes == 1 else f"v{lanes}{name}"


def literal(number, dtype: DType) -> str:
    """A scalar constant, exact: floating constants in hexadecimal."""
    if dtype.kind == "b":
        return "true" if number else "false"
    if dtype.kind != "f":
        wrapped = int(number) & ((1 << dtype.bits) - 1)
        return str(wrapped - (1 << dtype.bits) if wrapped >> (dtype.bits - 1) else wrapped)
    number = float(number)
    if dtype.bits == 32:
        try:
            number = struct.unpack("f", struct.pack("f", number))[0]
        except OverflowError:
            number = math.copysign(math.inf, number)
    return f"0x{struct.unpack('>Q', struct.pack('>d', number))[0]:016X}"


class Block:
    """A basic block. `order` rises with creation; `rare`: inside a Branch that is rare."""

    __slots__ = ("name", "order", "rare", "phis", "lines", "terminator")

    def __init__(self, name: str, order: int, rare: bool = False):
        self.name, self.order, self.rare = name, order, rare
        self.phis: list = []
        self.lines: list = []
        self.terminator = ""

    def __str__(self):
        return "\n".join([f"{self.name}:"] + [f"  {line}" for line in (*self.phis, *self.lines, self.terminator)])


class Reg:
    """What a Value of the emitter holds: an SSA name or a literal, the number of lanes (1: one scalar for all
    lanes), the defining block (None: a literal), for values just rounded to f16 or bf16 the 16-bit register, and for
    addresses at equal distances (the first one, the distance)."""

    __slots__ = ("text", "lanes", "block", "packed", "steps")

    def __init__(self, text, lanes, block, packed=None, steps=None):
        self.text, self.lanes, self.block, self.packed, self.steps = text, lanes, block, packed, steps


class Text:
    """A function under construction."""

    def __init__(self):
        self.blocks: list = []
        self.rare = 0                  # open branches that are
        self.names = 0
        self.known: dict = {}          # instruction text -> (name, block)
        self.floor = None              # pure instructions go to this block or a younger one
        self.declarations: dict = {}
        self.globals: list = []
        self.functions: dict = {}      # name -> definition
        self.streams = False           # are there stores past the caches?
        self.widest = 1                # bytes of the widest element of a vector, as far as values were noted
        self.entry = self.block = self.new_block("entry")

    def new_block(self, name: str) -> Block:
        block = Block(name if not self.blocks else f"{name}{len(self.blocks)}", len(self.blocks), self.rare > 0)
        self.blocks.append(block)
        return block

    def name(self) -> str:
        self.names += 1
        return f"%v{self.names}"

    @staticmethod
    def youngest(blocks):
        best = None
        for block in blocks:
            if block is not None and (best is None or block.order > best.order):
                best = block
        return best

    # ---- instructions ----
    def pure(self, text: str, blocks) -> tuple:
        """Writes an instruction without side effects; returns its (name, block)."""
        found = self.known.get(text)
        if found is None:
            block = self.youngest(blocks) or self.entry
            if self.floor is not None and block.order < self.floor.order:
                block = self.floor
            name = self.name()
            block.lines.append(f"{name} = {text}")
            found = self.known[text] = (name, block)
        return found

    def here(self, text: str) -> tuple:
        """Writes an instruction that must stay where it is (a load)."""
        name = self.name()
        self.block.lines.append(f"{name} = {text}")
        return name, self.block

    def effect(self, text: str) -> None:
        """Writes an instruction without a result (a store)."""
        self.block.lines.append(text)

    def declare(self, name: str, result: str, params: str) -> str:
        self.declarations.setdefault(name, f"declare {result} @{name}({params})")
        return f"@{name}"

    def returning(self, symbol: str, result: str, params: str, value: str) -> str:
        """The text so far as a function that gives a value and touches no memory."""
        self.block.terminator = f"ret {result} {value}"
        body = "\n".join(map(str, self.blocks))
        return f"define internal {result} @{symbol}({params}) nounwind memory(none) {{\n{body}\n}}"

    def splat(self, reg: Reg, scalar: str, lanes: int) -> str:
        """Operand text of `reg` at the given number of lanes."""
        if reg.lanes == lanes:
            return reg.text
        if reg.block is None:
            return f"splat ({scalar} {reg.text})"
        return self.spread(reg, scalar, lanes)[0]

    def spread(self, reg: Reg, scalar: str, lanes: int) -> tuple:
        """The vector register that holds the scalar `reg` in every lane."""
        wide = vector(scalar, lanes)
        one, block = self.pure(f"insertelement {wide} poison, {scalar} {reg.text}, i64 0", [reg.block])
        return self.pure(f"shufflevector {wide} {one}, {wide} poison, <{lanes} x i32> zeroinitializer", [block])

    def finish(self, symbol: str, attributes: str) -> str:
        self.block.terminator = "ret void"
        body = "\n".join(map(str, self.blocks))
        parts = [*self.globals, *self.functions.values(),
                 f"define void @{symbol}(ptr %operands, ptr %args, i64 %begin, i64 %end) {attributes} {{\n{body}\n}}",
                 *self.declarations.values(), *(["!0 = !{i32 1}"] if self.streams else [])]
        return "\n".join(parts) + "\n"


class Branch:
    """`with Branch(text, condition) as branch:` emits a block that runs only if the condition holds, and keeps there what
    is computed inside. `branch.join(value, other)` afterwards is `value` if the block ran, else `other`."""

    def __init__(self, text: Text, condition: Value, rare: bool = True):
        self.text, self.condition, self.rare = text, condition.data.text, rare

    def __enter__(self):
        text = self.text
        text.rare += self.rare
        self.before, self.inside = text.block, text.new_block("then")
        self.outer = text.known, text.floor
        text.block = text.floor = self.inside
        text.known = dict(text.known)          # what is computed inside is unknown outside
        return self

    def __exit__(self, *_):
        text = self.text
        text.rare -= self.rare
        self.end, (text.known, text.floor) = text.block, self.outer
        text.block = self.after = text.new_block("after")
        self.before.terminator = f"br i1 {self.condition}, label %{self.inside.name}, label %{self.after.name}"
        self.end.terminator = f"br label %{self.after.name}"

    def join(self, value: Value, other: Value) -> Value:
        """Both have the same number of lanes."""
        name, wide = self.text.name(), vector(scalar_type(value.dtype), value.data.lanes)
        self.after.phis.append(f"{name} = phi {wide} [ {value.data.text}, %{self.end.name} ], "
                               f"[ {other.data.text}, %{self.before.name} ]")
        return Value(value.b, value.dtype, Reg(name, value.data.lanes, self.after))


class Loop:
    """A loop that carries values: `with b.repeat(...) as loop:` emits what stands inside.

    `carry` are the carried values at its head. `check(condition)` ends the head; the body follows and calls `next` with
    the values of the next round. `results` are the carried values after the loop; nothing else made inside may be
    used there. `lanes`: carry everything as vectors of that many lanes.
    """

    def __init__(self, builder, carry, lanes=None):
        self.b, self.text = builder, builder.text
        self.initial = list(carry)
        self.widths = [max(v.data.lanes, lanes or 1) for v in self.initial]
        self._next: list = []

    def _phi(self, block: Block, value: Value, lanes: int) -> Value:
        return Value(self.b, value.dtype, Reg(self.text.name(), lanes, block))

    def __enter__(self):
        text = self.text
        self.before, self.header = text.block, text.new_block("loop")
        self.before.terminator = f"br label %{self.header.name}"
        self.carry = [self._phi(self.header, v, w) for v, w in zip(self.initial, self.widths)]
        text.block = self.header
        return self

    def check(self, condition: Value) -> None:
        """The body, which starts here, runs while `condition` (a scalar) holds."""
        self.condition = condition.data.text
        self.text.block = self.body = self.text.new_block("body")
        for value in self.carry:       # what is computed from them from now on runs only if the body does
            value.data.block = self.body

    def next(self, values) -> None:
        self._next = list(values)

    def __exit__(self, kind, *_):
        if kind is not None:
            return
        text, header = self.text, self.header
        latch = text.block
        latch.terminator = f"br label %{header.name}"
        for phi, first, again in zip(self.carry, self.initial, self._next, strict=True):
            if first.dtype is not again.dtype:
                raise TypeError(f"loop: a carried value changes its type from {first.dtype} to {again.dtype}.")
            scalar, lanes = scalar_type(phi.dtype), phi.data.lanes
            a, z = text.splat(first.data, scalar, lanes), text.splat(again.data, scalar, lanes)
            header.phis.append(f"{phi.data.text} = phi {vector(scalar, lanes)} [ {a}, %{self.before.name} ], "
                               f"[ {z}, %{latch.name} ]")
        text.block = after = text.new_block("after")
        header.terminator = f"br i1 {self.condition}, label %{self.body.name}, label %{after.name}"
        self.results = [self._phi(after, phi, phi.data.lanes) for phi in self.carry]
        after.phis = [f"{r.data.text} = phi {vector(scalar_type(r.dtype), r.data.lanes)} "
                      f"[ {phi.data.text}, %{header.name} ]" for r, phi in zip(self.results, self.carry)]


class CountedLoop(Loop):
    """for (index = start; index < stop; index += step). `next` takes the carried values and may override the step."""

    def __init__(self, builder, start, stop, step, carry, lanes):
        super().__init__(builder, [start, *carry], lanes)
        self.widths[0] = 1
        self.stop, self.step = stop, step

    def __enter__(self):
        super().__enter__()
        self.index, *self.values = self.carry
        self.check(self.b.lt(self.index, self.stop))
        return self

    def next(self, values=(), step=None) -> None:
        super().next([self.index + (self.step if step is None else step), *values])

    def __exit__(self, kind, *rest):
        if kind is None and not self._next:
            self.next()
        super().__exit__(kind, *rest)
        if kind is None:
            self.results = self.results[1:]


def verified(llvm, text: str):
    """The module of a text. Code generation from invalid IR would crash the process: raises CompileError for it."""
    try:
        module = llvm.parse_assembly(text)
        module.verify()
    except RuntimeError as error:
        raise CompileError(f"hologram.compile: the generated LLVM IR is invalid ({error}). This is a bug in "
                           "hologram_core; HOLOGRAM_LOG=4 prints the kernel.") from None
    return module
