"""NVPTXBuilder: LLVMBuilder for one thread of an NVIDIA GPU, and the PTX text of its kernels.

A thread is one lane, so everything that computes is shared with the CPU; here is what a grid adds (the list is in gpu.py):
numbers of threads and blocks, memory in its address spaces, barriers and shuffles. No fast-math flag anywhere: LLVM writes
`mul.rn`, `add.rn`, `div.rn` and `sqrt.rn`, which ptxas neither contracts nor flushes; elementwise kernels give the CPU's bits.

A kernel's arguments are a record of 64-bit words: begin, end, one address per operand, then the args of the CPU kernel
(csrc/runtime/kernels/kernel.h). There are two entries with the same body:

  <symbol>        one parameter, the record itself; absent where it would exceed DIRECT_BYTES
  <symbol>_many   (address of an array of records, words per record); blockIdx.y selects the record
"""

from __future__ import annotations

import functools
import re

from ...dtypes import BOOL, I64, U32, DType
from ...errors import CompileError
from ..builder import Value
from ..llvm.builder import LLVMBuilder
from ..llvm.memory import memory_type
from ..llvm.text import PTR, Branch, Reg, scalar_type, vector, verified

TRIPLE = "nvptx64-nvidia-cuda"
ARCHS = (75, 80, 86, 87, 89, 90, 100, 120)     # whose PTX every LLVM that we accept knows; others run that of the one before
DIRECT_BYTES = 4000               # of 4,096 that a kernel's parameters may take
_GLOBAL, _SHARED = "ptr addrspace(1)", "ptr addrspace(3)"
_RECORD = "ptr addrspace(@RECORD@)"     # its space depends on the entry
_SYNC_ALL = -1                    # all lanes of a warp


class NVPTXBuilder(LLVMBuilder):
    operands: int                      # of the kernel: the nest says it

    def __init__(self):
        super().__init__(1)
        self.select_bits = True
        self.arrays: dict = {}         # (slot, type) -> name and size of a shared array
        self.resident = 0              # blocks of a multiprocessor that registers must suffice for, if the nest says so

    # ---- threads ----
    def _special(self, register: str) -> Value:
        full = f"llvm.nvvm.read.ptx.sreg.{register}"
        self.text.declare(full, "i32", "")
        name, block = self.text.pure(f"call i32 @{full}()", [])
        return self.cast(self.value(U32, name, 1, block), I64)

    def thread(self) -> Value:
        return self._special("tid.x")

    def block(self) -> Value:
        return self._special("ctaid.x")

    def blocks(self) -> Value:
        return self._special("nctaid.x")

    # ---- the record ----
    def _word(self, number: int, kind: str) -> tuple:
        at, block = self.text.pure(f"getelementptr i64, {_RECORD} %record, i64 {number}", [])
        return self.text.pure(f"load {kind}, {_RECORD} {at}, align 8, !invariant.load !0", [block])

    def begin(self) -> Value:
        return self.value(I64, *self._at(self._word(0, "i64")))

    def end(self) -> Value:
        return self.value(I64, *self._at(self._word(1, "i64")))

    @staticmethod
    def _at(found) -> tuple:
        return found[0], 1, found[1]

    def operand(self, number: int) -> Value:
        return self.value(PTR, *self._at(self._word(2 + number, _GLOBAL)))

    def arg(self, number: int, dtype: DType = I64) -> Value:
        return self.value(dtype, *self._at(self._word(2 + self.operands + number, scalar_type(dtype))))

    # ---- global memory ----
    def advance(self, address, offset, unit="i8"):
        if offset.data.text == "0":
            return address
        name, block = self.text.pure(f"getelementptr {unit}, {_GLOBAL} {address.data.text}, i64 {offset.data.text}",
                                     [address.data.block, offset.data.block])
        return self.value(PTR, name, 1, block)

    def address_bits(self, address):
        name, block = self.text.pure(f"ptrtoint {_GLOBAL} {address.data.text} to i64", [address.data.block])
        return self.value(I64, name, 1, block)

    def load(self, address, dtype, lanes=1, mask=None, stay=True):
        line = f"load {memory_type(dtype)}, {_GLOBAL} {address.data.text}, align {dtype.bytes}"
        name, block = self.text.here(line) if stay else self.text.pure(line, [address.data.block])
        return self._unpack(name, dtype, 1, block)

    def load_vector(self, address: Value, dtype: DType, count: int) -> list:
        """`count` consecutive elements by one access; the address is a multiple of its size."""
        wide = vector(memory_type(dtype), count)
        whole, block = self.text.here(f"load {wide}, {_GLOBAL} {address.data.text}, align {count * dtype.bytes}")
        return [self._unpack(self.text.pure(f"extractelement {wide} {whole}, i64 {n}", [block])[0], dtype, 1, block)
                for n in range(count)]

    def store(self, x, address, dtype, mask=None, stream=False):
        text, _ = self._memory_form(x, dtype)
        self.text.effect(f"store {memory_type(dtype)} {text}, {_GLOBAL} {address.data.text}, align {dtype.bytes}")

    def store_vector(self, values, address: Value, dtype: DType) -> None:
        """Values of type dtype.math as consecutive elements, by one access."""
        scalar = memory_type(dtype)
        wide, name, block = vector(scalar, len(values)), "poison", None
        for n, x in enumerate(values):
            text, at = self._memory_form(x, dtype)
            name, block = self.text.pure(f"insertelement {wide} {name}, {scalar} {text}, i64 {n}", [block, at])
        self.text.effect(f"store {wide} {name}, {_GLOBAL} {address.data.text}, align {len(values) * dtype.bytes}")

    def _memory_form(self, x: Value, dtype: DType) -> tuple:
        """(register, block) of a value of type dtype.math as it is in memory."""
        x = self.round_to(x, dtype)
        if dtype is BOOL:
            return self.text.pure(f"zext i1 {x.data.text} to i8", [x.data.block])
        return (x.data.packed[1] if dtype.math is not dtype else x.data.text), x.data.block

    def table(self, constants, index, dtype):
        scalar, name = scalar_type(dtype), self.constant_array(constants, dtype, "addrspace(1) ")
        at, block = self.text.pure(f"getelementptr {scalar}, {_GLOBAL} {name}, i32 {index.data.text}", [index.data.block])
        return self.load(self.value(PTR, at, 1, block), dtype, stay=False)

    # ---- shared memory ----
    def shared(self, slot: int, dtype: DType, count: int) -> tuple:
        """An array of a block's threads, of values (not memory) of a type. The same slot and type is the same array."""
        scalar = memory_type(dtype)
        name, known = self.arrays.get((slot, dtype), (f"@s{len(self.arrays)}", 0))
        self.arrays[slot, dtype] = name, max(known, count)
        return name, scalar, dtype

    def _shared_at(self, array, index) -> tuple:
        name, scalar, _ = array
        return self.text.pure(f"getelementptr {scalar}, {_SHARED} {name}, i64 {index.data.text}", [index.data.block])

    def shared_load(self, array, index: Value) -> Value:
        name, block = self.text.here(f"load {array[1]}, {_SHARED} {self._shared_at(array, index)[0]}")
        return self._unpack(name, array[2], 1, block)

    def shared_store(self, array, index: Value, x: Value) -> None:
        text, _ = self._memory_form(x, array[2])
        self.text.effect(f"store {array[1]} {text}, {_SHARED} {self._shared_at(array, index)[0]}")

    def shared_bytes(self) -> int:
        return sum(count * dtype.bytes for (_, dtype), (_, count) in self.arrays.items())

    # ---- threads together ----
    def barrier(self) -> None:
        self.text.declare("llvm.nvvm.barrier0", "void", "")
        self.text.effect("call void @llvm.nvvm.barrier0()")

    def sync_warp(self) -> None:
        self.text.declare("llvm.nvvm.bar.warp.sync", "void", "i32")
        self.text.effect(f"call void @llvm.nvvm.bar.warp.sync(i32 {_SYNC_ALL})")

    def shuffle_down(self, x, distance: int):
        return self._shuffle("down", x, distance)

    def shuffle_up(self, x, distance: int):
        return self._shuffle("up", x, distance)

    def lane(self, x, number: int):
        return self._shuffle("idx", x, number)

    def _shuffle(self, mode: str, x: Value, by: int) -> Value:
        scalar, bits, text = scalar_type(x.dtype), x.dtype.bits, x.data.text
        if x.data.block is None:
            return x               # a constant
        parts = [text]
        if bits == 64:
            pair, _ = self.text.pure(f"bitcast {scalar} {text} to <2 x i32>", [x.data.block])
            parts = [self.text.pure(f"extractelement <2 x i32> {pair}, i64 {n}", [x.data.block])[0] for n in range(2)]
        elif x.dtype.kind == "f":
            parts = [self.text.pure(f"bitcast float {text} to i32", [x.data.block])[0]]
        elif bits < 32:
            parts = [self.text.pure(f"zext {scalar} {text} to i32", [x.data.block])[0]]
        self.text.declare(f"llvm.nvvm.shfl.sync.{mode}.i32", "i32", "i32, i32, i32, i32")
        bound = 0 if mode == "up" else 31
        moved = [self.text.here(f"call i32 @llvm.nvvm.shfl.sync.{mode}.i32(i32 {_SYNC_ALL}, i32 {part}, i32 {by}, i32 {bound})")
                 for part in parts]
        name, block = moved[0]
        if bits == 64:
            pair, _ = self.text.pure(f"insertelement <2 x i32> poison, i32 {name}, i64 0", [block])
            pair, _ = self.text.pure(f"insertelement <2 x i32> {pair}, i32 {moved[1][0]}, i64 1", [block])
            name, block = self.text.pure(f"bitcast <2 x i32> {pair} to {scalar}", [block])
        elif x.dtype.kind == "f":
            name, block = self.text.pure(f"bitcast i32 {name} to float", [block])
        elif bits < 32:
            name, block = self.text.pure(f"trunc i32 {name} to {scalar}", [block])
        return Value(self, x.dtype, Reg(name, 1, block))

    # ---- control flow, index arithmetic ----
    def when(self, condition: Value) -> Branch:
        """`with b.when(condition) as branch:` threads for which it holds run what stands inside; see text.Branch."""
        return Branch(self.text, condition)

    def opaque(self, x: Value) -> Value:
        """x, which LLVM then does not take apart to keep several sums of it from round to round."""
        return self.emit("freeze {t} {0}", (x,), x.dtype)

    def high_product(self, x: Value, y: Value) -> Value:
        self.text.declare("llvm.nvvm.mulhi.ui", "i32", "i32, i32")
        return self.emit("call i32 @llvm.nvvm.mulhi.ui(i32 {0}, i32 {1})", (x, y), U32)

    def divided(self, x: Value, y: Value) -> Value:
        """x // y of an index by a size. LLVM divides in 32 bits where both fit."""
        return self.emit("udiv {t} {0}, {1}", (x, y), I64)

    # ---- the module ----
    def entries(self, symbol: str, words: int, threads: int, prefix: str = "") -> str:
        """LLVM IR of both entries. `words`: of a record; `prefix`: makes the names of arrays and tables unique in a module
        with several kernels."""
        self.text.block.terminator = "ret void"
        body = "\n".join(map(str, self.text.blocks))
        direct = f"  %record = addrspacecast ptr %packed to ptr addrspace(101)\n  br label %{self.text.entry.name}\n"
        many = ("  %y = call i32 @llvm.nvvm.read.ptx.sreg.ctaid.y()\n  %number = zext i32 %y to i64\n"
                "  %first = mul i64 %number, %words\n"
                f"  %record = getelementptr i64, {_GLOBAL} %records, i64 %first\n  br label %{self.text.entry.name}\n")
        self.text.declare("llvm.nvvm.read.ptx.sreg.ctaid.y", "i32", "")
        bounds = f'"nvvm.maxntid"="{threads}"' + (f' "nvvm.minctasm"="{self.resident}"' if self.resident else "")
        kernels = []
        for name, params, start, space in (
                (symbol, f"ptr byval([{words} x i64]) align 8 %packed", direct, "101"),
                (f"{symbol}_many", f"{_GLOBAL} %records, i64 %words", many, "1")):
            if space == "101" and words * 8 > DIRECT_BYTES:
                continue
            kernels.append(f'define ptx_kernel void @{name}({params}) nounwind {bounds} {{\nstart:\n'
                           + start + body.replace("@RECORD@", space) + "\n}")
        arrays = [f"{name} = internal addrspace(3) global [{count} x {memory_type(dtype)}] poison, align {dtype.bytes}"
                  for (_, dtype), (name, count) in self.arrays.items()]
        text = "\n".join([*self.text.globals, *arrays, *kernels])
        if prefix:
            for name in [g.split(" = ", 1)[0] for g in (*self.text.globals, *arrays)]:
                text = _renamed(text, name, f"@{prefix}{name[1:]}")
        return text

    def declarations(self) -> list:
        return list(self.text.declarations.values())


def _renamed(text: str, name: str, other: str) -> str:
    return re.sub(re.escape(name) + r"\b", other, text)


def module(parts, declarations) -> str:
    """One module of kernels (`entries`) and what they declare."""
    return "\n".join([f'target triple = "{TRIPLE}"', *parts, *dict.fromkeys(declarations), "!0 = !{}"]) + "\n"


@functools.cache
def _machine(arch: int):
    import llvmlite.binding as llvm

    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    target = llvm.Target.from_triple(TRIPLE)
    return llvm, target.create_target_machine(cpu=f"sm_{arch}", opt=3)


def llvm_version() -> tuple:
    import llvmlite.binding as llvm

    return llvm.llvm_version_info


def known_arch(arch: int) -> int:
    """The newest architecture LLVM knows whose PTX runs on `arch` (compute capability, 75 for 7.5)."""
    fitting = [a for a in ARCHS if a <= arch]
    if not fitting:
        raise CompileError(f"hologram.compile: compute capability {arch / 10:.1f} is older than {ARCHS[0] / 10:.1f}. "
                           "Use set_backend('cpu').")
    return fitting[-1]


def assemble(text: str, arch: int) -> str:
    """PTX of an LLVM module."""
    llvm, machine = _machine(known_arch(arch))
    return machine.emit_assembly(verified(llvm, text))


def build(circuit) -> tuple:
    """(builder with the kernel of a prepared circuit, its Grid)."""
    from .kernel import build as build_grid

    builder = NVPTXBuilder()
    return builder, build_grid(circuit, builder)
