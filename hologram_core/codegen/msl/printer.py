"""A recorded grid kernel as text in Metal's language.

One kernel function with one buffer: an array of records (see codegen/gpu/nvptx.py), of which `threadgroup_position_in_grid.y` selects one.
Operands are addresses (MTLBuffer.gpuAddress plus offset, Metal 3). The text asks for exact arithmetic by pragmas; compile it
with fast math off. Metal has no f64: operands of f64 are refused; f64 that is internal to a circuit is computed in integers
(msl_prelude.py).
"""

from __future__ import annotations

import struct

from ...dtypes import BF16, BOOL, F16, F32, F64, I32, DType
from ...errors import CompileError
from ..gpu.program import Check, LoopItem, Recorder, WhenItem
from ..llvm.text import PTR
from .prelude import needed

_TYPES = {"bool": "bool", "u8": "uchar", "i8": "char", "u16": "ushort", "i16": "short", "u32": "uint", "i32": "int",
          "u64": "ulong", "i64": "long", "f32": "float", "f64": "hg_double", "ptr": "device uchar*"}
_MEMORY = {"bool": "uchar", "f16": "half", "bf16": "ushort"}
_INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
_COMPARE = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}
_BITS = {"and_": "&", "or_": "|", "xor": "^"}
_DOUBLES = {"add": "hg_add", "sub": "hg_sub", "mul": "hg_mul", "div": "hg_quotient", "fma": "hg_fused", "trunc": "hg_whole",
            "floor": "hg_below", "ceil": "hg_above", "sqrt": "hg_root", "rint": "hg_nearest", "copysign": "hg_signed"}
_HEADER = """#include <metal_stdlib>
#pragma METAL fp math_mode(safe)
#pragma METAL fp contract(off)
using namespace metal;
"""


def type_name(dtype: DType) -> str:
    return _TYPES[dtype.name]


def unsigned(dtype: DType) -> str:
    return _TYPES[f"u{dtype.bits}"]


def memory_name(dtype: DType) -> str:
    return _MEMORY.get(dtype.name) or type_name(dtype)


def build(circuit) -> tuple:
    """(recorder with the kernel of a prepared circuit, its Grid). Raises CompileError where an operand is f64."""
    from ..gpu.kernel import build as build_grid

    refuse_doubles(circuit)
    recorder = Recorder()
    return recorder, build_grid(circuit, recorder)


def refuse_doubles(circuit) -> None:
    if all(o.dtype is not F64 for o in circuit.operands):
        return
    name = next((node.name for node in circuit.nodes if F64 in (node.compute, *node.result_types)), "copy")
    raise CompileError(f"hologram.{name}: Metal has no float64. Convert to float32, or use set_backend('cpu').")


def library(printers) -> str:
    """A file with these kernels."""
    kernels, tables = zip(*(printer.kernel() for printer in printers))
    body = "".join(kernels)
    return _HEADER + needed(body) + "".join(tables) + body


class Printer:
    """Text of one kernel."""

    def __init__(self, recorder: Recorder, grid, symbol: str):
        self.r, self.grid, self.symbol = recorder, grid, symbol
        self.lines: list = []
        self.tables: dict = {}
        self.depth = 1

    def kernel(self) -> tuple:
        """(the kernel, the tables it reads)"""
        self._scope(self.r.program)
        operands, args = self.r.operands, self.grid.words - 2 - self.r.operands
        arrays = "".join(f"  threadgroup {type_name(dtype)} s{slot}_{dtype}[{count}];\n"
                         for (slot, dtype), count in self.r.arrays.items())
        fields = f"long begin, end; device uchar* operands[{operands}];" + (f" ulong args[{args}];" if args else "")
        text = (f"\nstruct {self.symbol}_record {{ {fields} }};\n"
                f"kernel void {self.symbol}(constant {self.symbol}_record* records [[buffer(0)]],\n"
                "    uint3 hg_thread [[thread_position_in_threadgroup]], uint3 hg_block [[threadgroup_position_in_grid]],\n"
                "    uint3 hg_blocks [[threadgroups_per_grid]]) {\n"
                f"  constant {self.symbol}_record& record = records[hg_block.y];\n"
                "  constant ulong* words = reinterpret_cast<constant ulong*>(&record);\n"
                + arrays + "\n".join(self.lines) + "\n}\n")
        tables = ""
        for (items, dtype), name in self.tables.items():
            numbers = ", ".join(self._number(c, dtype) for c in items)
            tables += f"constant {type_name(dtype)} {name}[{len(items)}] = {{{numbers}}};\n"
        return text, tables

    # ---- structure ----
    def _line(self, text: str) -> None:
        self.lines.append("  " * self.depth + text)

    def _scope(self, scope) -> None:
        for item in scope.items:
            if isinstance(item, LoopItem):
                self._loop(item)
            elif isinstance(item, WhenItem):
                self._when(item)
            elif isinstance(item, Check):
                self._line(f"if (!{self._value(item.condition)}) break;")
            else:
                self._let(item)

    def _loop(self, item: LoopItem) -> None:
        for carry, initial in zip(item.carry, item.initial):
            self._line(f"{type_name(carry.dtype)} {carry.data.text} = {self._value(initial)};")
        self._line("while (true) {")
        self.depth += 1
        self._scope(item.body)
        carried = {c.data.text for c in item.carry}
        steps = []
        for carry, value in zip(item.carry, item.next):
            text = self._value(value)
            if text in carried and text != carry.data.text:      # all change at once
                self._line(f"const {type_name(carry.dtype)} {carry.data.text}_next = {text};")
                text = f"{carry.data.text}_next"
            if text != carry.data.text:
                steps.append(f"{carry.data.text} = {text};")
        self._line(" ".join(steps))
        self.depth -= 1
        self._line("}")

    def _when(self, item: WhenItem) -> None:
        for result, _, other in item.joins:
            self._line(f"{type_name(result.dtype)} {result.data.text} = {self._value(other)};")
        self._line(f"if ({self._value(item.condition)}) {{")
        self.depth += 1
        self._scope(item.body)
        for result, value, _ in item.joins:
            self._line(f"{result.data.text} = {self._value(value)};")
        self.depth -= 1
        self._line("}")

    def _let(self, item) -> None:
        method = getattr(self, f"_op_{item.op}", None)
        args = [self._value(a) for a in item.args]
        text = method(item, args) if method else self._primitive(item, args)
        if len(item.results) == 1 and text is not None:
            result = item.results[0]
            const = "" if result.dtype is PTR else "const "
            self._line(f"{const}{type_name(result.dtype)} {result.data.text} = {text};")
        elif text:
            self._line(text)

    # ---- values ----
    def _value(self, value) -> str:
        if value.data.block is not None:
            return value.data.text
        return self._number(value.data.constant, value.dtype)

    @staticmethod
    def _number(number, dtype: DType) -> str:
        if dtype is BOOL:
            return "true" if number else "false"
        if dtype is F64:
            return f"hg_double{{0x{struct.unpack('>Q', struct.pack('>d', float(number)))[0]:x}ul}}"
        if dtype is F32:
            try:
                packed = struct.pack(">f", float(number))
            except OverflowError:
                packed = struct.pack(">f", float("inf") if number > 0 else -float("inf"))
            single = struct.unpack(">f", packed)[0]
            if single != single or abs(single) == float("inf") or 0 < abs(single) < 1.2e-38:
                return f"as_type<float>(0x{packed.hex()}u)"
            text = f"{single:.9g}"
            return text + ("f" if "." in text or "e" in text else ".0f")
        wrapped = int(number) & ((1 << dtype.bits) - 1)
        if dtype.kind == "i" and wrapped >> (dtype.bits - 1):
            wrapped -= 1 << dtype.bits
        if dtype.bits == 64:
            return f"{type_name(dtype)}(0x{wrapped & (1 << 64) - 1:x}ul)" if abs(wrapped) >> 31 else \
                f"{wrapped}{'ul' if dtype.kind == 'u' else 'l'}"
        if dtype.bits == 32 and dtype.kind == "u":
            return f"{wrapped}u"
        return str(wrapped) if dtype.bits == 32 and wrapped > -(1 << 31) else f"{type_name(dtype)}({wrapped})"

    # ---- primitives ----
    def _primitive(self, item, args) -> str:
        op, dtype = item.op, item.results[0].dtype
        source = item.args[0].dtype if item.args else dtype
        kind = type_name(dtype)
        if op == "select":
            return f"{args[0]} ? {args[1]} : {args[2]}"
        if source is F64 and op not in ("cast", "bitcast"):
            return self._double(op, args)
        if op in _COMPARE:
            return f"{args[0]} {_COMPARE[op]} {args[1]}"
        if op in _BITS:
            return f"{kind}({args[0]} {_BITS[op]} {args[1]})"
        if op == "not_":
            return f"!{args[0]}" if dtype is BOOL else f"{kind}(~{args[0]})"
        if dtype.is_float and op in (*_INFIX, "neg"):
            return f"-{args[0]}" if op == "neg" else f"{args[0]} {_INFIX[op]} {args[1]}"
        if dtype.is_float:
            return f"{'fabs' if op == 'abs' else 'hg_fmod' if op == 'rem' else op}({', '.join(args)})"
        return self._integer(op, dtype, args)

    def _integer(self, op: str, dtype: DType, args) -> str:
        kind, bits = type_name(dtype), unsigned(dtype)
        signed = dtype.kind == "i"
        if op in ("add", "sub", "mul"):
            return f"{kind}({bits}({args[0]}) {_INFIX[op]} {bits}({args[1]}))"
        if op == "neg":
            return f"{kind}({bits}(0) - {bits}({args[0]}))"
        if op == "abs":
            return f"{args[0]} < 0 ? {kind}({bits}(0) - {bits}({args[0]})) : {args[0]}"
        if op == "div":
            return f"hg_div_s<{kind}, {bits}>({args[0]}, {args[1]})" if signed else f"hg_div_u<{kind}>({args[0]}, {args[1]})"
        if op == "rem":
            return f"hg_rem_{'s' if signed else 'u'}<{kind}>({args[0]}, {args[1]})"
        if op == "shl":
            return f"hg_shl<{kind}, {bits}>({args[0]}, {args[1]})"
        if op == "shr":
            return f"hg_shr_s<{kind}, {bits}>({args[0]}, {args[1]})" if signed else f"hg_shr_u<{kind}>({args[0]}, {args[1]})"
        raise CompileError(f"hologram.compile: {op} of {dtype} is not known to the Metal backend. This is a bug in hologram_core.")

    def _double(self, op: str, args) -> str:
        if op in _DOUBLES:
            return f"{_DOUBLES[op]}({', '.join(args)})"
        if op == "neg":
            return f"hg_double{{{args[0]}.bits ^ 0x8000000000000000ul}}"
        if op == "abs":
            return f"hg_double{{{args[0]}.bits & 0x7ffffffffffffffful}}"
        if op in ("lt", "gt"):
            return f"hg_less({', '.join(args if op == 'lt' else args[::-1])})"
        if op in ("le", "ge"):
            low, high = args if op == "le" else args[::-1]
            return f"hg_less({low}, {high}) || hg_equal({low}, {high})"
        if op in ("eq", "ne"):
            return f"{'!' * (op == 'ne')}hg_equal({', '.join(args)})"
        raise CompileError(f"hologram.compile: {op} of float64, which Metal does not have, is not known to the Metal backend.")

    def _op_cast(self, item, args) -> str:
        source, target, x = item.args[0].dtype, item.results[0].dtype, args[0]
        kind = type_name(target)
        if source is F64:
            if target is F32:
                return f"hg_to_float({x})"
            if target is BOOL:
                return f"({x}.bits & 0x7ffffffffffffffful) != 0ul"
            return self._truncated("hg_ulong" if target.name == "u64" else "hg_long", x, target)
        if target is F64:
            if source is F32:
                return f"hg_of_float({x})"
            if source is BOOL:
                return f"hg_double{{{x} ? 0x3ff0000000000000ul : 0ul}}"
            return f"hg_of_{'ulong' if source.kind == 'u' else 'long'}({x})"
        if target is BOOL:
            return f"{x} != 0"
        if source is F32 and target is not F32:
            return self._truncated("hg_to_ulong" if target.name == "u64" else "hg_to_long", x, target)
        return f"{kind}({x})"

    @staticmethod
    def _truncated(function: str, x: str, target: DType) -> str:
        whole = f"{function}({x})"
        return f"{type_name(target)}({f'hg_int({whole})' if target.converted_through is I32 else whole})"

    def _op_bitcast(self, item, args) -> str:
        source, target = item.args[0].dtype, item.results[0].dtype
        if source is F64:
            return f"{type_name(target)}({args[0]}.bits)"
        if target is F64:
            return f"hg_double{{ulong({args[0]})}}"
        return f"as_type<{type_name(target)}>({args[0]})"

    def _op_table(self, item, args) -> str:
        name = self.tables.setdefault((item.facts, item.results[0].dtype), f"{self.symbol}_t{len(self.tables)}")
        return f"{name}[{args[0]}]"

    def _op_round(self, item, args) -> str:
        return f"float(half({args[0]}))" if item.facts[0] is F16 else f"hg_round_bf16({args[0]})"

    def _op_high_product(self, item, args) -> str:
        return f"mulhi({args[0]}, {args[1]})"

    def _op_divided(self, item, args) -> str:
        return f"hg_divided({args[0]}, {args[1]})"

    # ---- threads and the record ----
    def _op_thread(self, *_): return "long(hg_thread.x)"
    def _op_block(self, *_): return "long(hg_block.x)"
    def _op_blocks(self, *_): return "long(hg_blocks.x)"
    def _op_begin(self, *_): return "record.begin"
    def _op_end(self, *_): return "record.end"
    def _op_operand(self, item, _): return f"record.operands[{item.facts[0]}]"
    def _op_advance(self, item, args): return f"{args[0]} + {args[1]}" + (f" * {item.facts[0]}" if item.facts[0] > 1 else "")

    def _op_arg(self, item, _):
        word = f"record.args[{item.facts[0]}]"
        return f"hg_double{{{word}}}" if item.results[0].dtype is F64 else f"long({word})"

    def _op_address_bits(self, item, _):
        for let in self.r.program.items:
            if getattr(let, "op", "") == "operand" and let.results[0].data.text == item.args[0].data.text:
                return f"long(words[{2 + let.facts[0]}])"
        raise CompileError("hologram.compile: the address of something else than an operand. This is a bug in hologram_core.")

    # ---- memory ----
    @staticmethod
    def _of_memory(text: str, dtype: DType) -> str:
        """A value from an element as it is in memory."""
        if dtype is BOOL:
            return f"{text} != 0"
        return f"float({text})" if dtype is F16 else f"hg_of_bf16({text})" if dtype is BF16 else text

    @staticmethod
    def _to_memory(text: str, dtype: DType) -> str:
        if dtype is BOOL:
            return f"uchar({text})"
        return f"half({text})" if dtype is F16 else f"hg_to_bf16({text})" if dtype is BF16 else text

    def _op_load(self, item, args) -> str:
        dtype = item.facts[0]
        return self._of_memory(f"*reinterpret_cast<device const {memory_name(dtype)}*>({args[0]})", dtype)

    def _op_store(self, item, args) -> str:
        dtype = item.facts[0]
        return f"*reinterpret_cast<device {memory_name(dtype)}*>({args[0]}) = {self._to_memory(args[1], dtype)};"

    def _op_load_vector(self, item, args):
        """One access of 4, 8 or 16 bytes, taken apart."""
        dtype, count = item.facts[0], len(item.results)
        words = count * dtype.bytes // 4
        if not words:
            for n, result in enumerate(item.results):
                at = f"reinterpret_cast<device const {memory_name(dtype)}*>({args[0]})[{n}]"
                self._line(f"const {type_name(dtype.math)} {result.data.text} = {self._of_memory(at, dtype)};")
            return None
        wide, name = f"uint{words}" if words > 1 else "uint", f"{item.results[0].data.text}_all"
        self._line(f"const {wide} {name} = *reinterpret_cast<device const {wide}*>({args[0]});")
        for n, result in enumerate(item.results):
            value = self._of_memory(self._piece(name, words, dtype, n), dtype)
            self._line(f"const {type_name(dtype.math)} {result.data.text} = {value};")
        return None

    @staticmethod
    def _piece(name: str, words: int, dtype: DType, n: int) -> str:
        def word(k):
            return f"{name}.{'xyzw'[k]}" if words > 1 else name
        kind = memory_name(dtype)
        if dtype.bytes == 8:
            return f"as_type<{kind}>(uint2({word(2 * n)}, {word(2 * n + 1)}))"
        if dtype.bytes == 4:
            return f"as_type<{kind}>({word(n)})"
        each = 4 // dtype.bytes
        return f"as_type<{kind}{each}>({word(n // each)}).{'xyzw'[n % each]}"

    def _op_store_vector(self, item, args) -> str:
        dtype, values = item.facts[0], [self._to_memory(a, item.facts[0]) for a in args[1:]]
        words, kind = len(values) * dtype.bytes // 4, memory_name(dtype)
        if not words:
            return " ".join(f"reinterpret_cast<device {kind}*>({args[0]})[{n}] = {v};" for n, v in enumerate(values))
        if dtype.bytes == 8:
            parts = [f"as_type<uint2>({v})" for v in values]
        elif dtype.bytes == 4:
            parts = [f"as_type<uint>({v})" for v in values]
        else:
            each = 4 // dtype.bytes
            parts = [f"as_type<uint>({kind}{each}({', '.join(values[n:n + each])}))" for n in range(0, len(values), each)]
        wide = f"uint{words}" if words > 1 else "uint"
        whole = f"{wide}({', '.join(parts)})" if len(parts) > 1 else parts[0]
        return f"*reinterpret_cast<device {wide}*>({args[0]}) = {whole};"

    # ---- shared memory, threads together ----
    @staticmethod
    def _array(item) -> str:
        return f"s{item.facts[0]}_{item.facts[1]}"

    def _op_shared_load(self, item, args): return f"{self._array(item)}[{args[0]}]"
    def _op_shared_store(self, item, args): return f"{self._array(item)}[{args[0]}] = {args[1]};"
    def _op_barrier(self, *_): return "threadgroup_barrier(mem_flags::mem_threadgroup | mem_flags::mem_device);"
    def _op_sync_warp(self, *_): return "simdgroup_barrier(mem_flags::mem_device);"

    def _op_shuffle_down(self, item, args):
        return self._shuffled("simd_shuffle_down", item, args[0], item.facts[0])

    def _op_shuffle_up(self, item, args):
        return self._shuffled("simd_shuffle_up", item, args[0], item.facts[0])

    def _op_lane(self, item, args):
        return self._shuffled("simd_shuffle", item, args[0], item.facts[0])

    @staticmethod
    def _shuffled(function: str, item, x: str, by: int) -> str:
        dtype = item.args[0].dtype
        if dtype is BOOL:
            return f"{function}(uint({x}), ushort({by})) != 0u"
        if dtype is F64:
            return f"hg_double{{as_type<ulong>({function}(as_type<uint2>({x}.bits), ushort({by})))}}"
        if dtype.bits == 64:
            return f"as_type<{type_name(dtype)}>({function}(as_type<uint2>({x}), ushort({by})))"
        return f"{function}({x}, ushort({by}))"
