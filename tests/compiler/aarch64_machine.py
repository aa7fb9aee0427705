"""Runs kernels for AArch64 under qemu's user mode: one static program per batch of cases, without a C library.

The program reads its whole memory from its input, runs every case's kernel there and writes the memory back. At its begin stands

    for each case  number of operands, begin, end, place of the arguments, places of the operands ...

Needs `qemu-aarch64` and a linker for AArch64 (Debian: qemu-user, binutils-aarch64-linux-gnu).
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess

import llvmlite.binding as llvm
import numpy as np

from hologram_core.circuit import pipeline
from hologram_core.circuit.key import encode
from hologram_core.codegen.cpu.loops import build
from hologram_core.codegen.llvm.text import verified

TRIPLE = "aarch64-unknown-linux-gnu"
EMULATOR, LINKER = shutil.which("qemu-aarch64"), shutil.which("aarch64-linux-gnu-ld")
ALIGNED = 64

START = """
target triple = "{triple}"
@memory = internal global [{size} x i8] zeroinitializer, align 4096
@kernels = internal constant [{count} x ptr] [{kernels}]
{declarations}
; x8, x0, x1, x2 = x0, x1, x2, x3; svc 0; ret   (llvmlite has no assembler for AArch64)
@system = internal constant [6 x i32] [i32 -1442839576, i32 -1442774048, i32 -1442708511, i32 -1442642974, i32 -738197503,
                                       i32 -698416192], section ".text.system", align 16
define internal void @transfer(i64 %number, i64 %file) {{
entry:
  %base = ptrtoint ptr @memory to i64
  br label %more
more:
  %done = phi i64 [ 0, %entry ], [ %next, %more ]
  %at = add i64 %base, %done
  %left = sub i64 {size}, %done
  %moved = call i64 @system(i64 %number, i64 %file, i64 %at, i64 %left)
  %next = add i64 %done, %moved
  %some = icmp sgt i64 %moved, 0
  %rest = icmp slt i64 %next, {size}
  %again = and i1 %some, %rest
  br i1 %again, label %more, label %end
end:
  ret void
}}
define void @_start() nounwind {{
entry:
  call void @transfer(i64 63, i64 0)
  br label %next
next:
  %n = phi i64 [ 0, %entry ], [ %n1, %run ]
  %head = phi i64 [ 0, %entry ], [ %head1, %run ]
  %n1 = add i64 %n, 1
  %h = getelementptr i8, ptr @memory, i64 %head
  %count = load i64, ptr %h
  %p1 = getelementptr i64, ptr %h, i64 1
  %begin = load i64, ptr %p1
  %p2 = getelementptr i64, ptr %h, i64 2
  %stop = load i64, ptr %p2
  %p3 = getelementptr i64, ptr %h, i64 3
  %place = load i64, ptr %p3
  %args = getelementptr i8, ptr @memory, i64 %place
  %operands = getelementptr i64, ptr %h, i64 4
  br label %relocate
relocate:
  %k = phi i64 [ 0, %next ], [ %k1, %relocate ]
  %slot = getelementptr i64, ptr %operands, i64 %k
  %offset = load i64, ptr %slot
  %address = getelementptr i8, ptr @memory, i64 %offset
  store ptr %address, ptr %slot
  %k1 = add i64 %k, 1
  %more = icmp slt i64 %k1, %count
  br i1 %more, label %relocate, label %run
run:
  %entry_of = getelementptr ptr, ptr @kernels, i64 %n
  %kernel = load ptr, ptr %entry_of
  call void %kernel(ptr %operands, ptr %args, i64 %begin, i64 %stop)
  %size = mul i64 %k1, 8
  %after = add i64 %size, 32
  %head1 = add i64 %head, %after
  %again = icmp slt i64 %n1, {count}
  br i1 %again, label %next, label %finish
finish:
  call void @transfer(i64 64, i64 1)
  %never = call i64 @system(i64 93, i64 0, i64 0, i64 0)
  unreachable
}}
"""


def _machine():
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    return llvm.Target.from_triple(TRIPLE).create_target_machine(cpu="neoverse-n1", opt=2, reloc="static")


def _buffers(arrays) -> list:
    """[first address, end] of the memory that arrays are views of, each once."""
    spans = []
    for low, high in sorted({np.lib.array_utils.byte_bounds(a) for a in arrays if a.size}):
        if spans and low < spans[-1][1]:
            spans[-1][1] = max(high, spans[-1][1])
        else:
            spans.append([low, high])
    return spans


def run(cases, folder) -> None:
    """Runs the kernels of all cases; their arrays hold the results."""
    machine = _machine()
    heads, contents, shared = [], [], []      # contents: (place there, bytes); shared: (address here, bytes, place there)
    place = sum(8 * (4 + len(case.arrays)) for case in cases)
    for case in cases:
        args = case.arguments()[1].tobytes()
        first = place = -(-place // ALIGNED) * ALIGNED
        contents.append((first, args))
        place += len(args)
        found = []
        for low, high in _buffers(case.arrays):
            place = -(-place // ALIGNED) * ALIGNED + low % ALIGNED
            contents.append((place, ctypes.string_at(low, high - low)))
            shared.append((low, high - low, place))
            found.append((low, high, place - low))
            place += high - low
        addresses = [array.ctypes.data for array in case.arrays]
        operands = [next((at + shift for low, high, shift in found if low <= at < high), 0) for at in addresses]
        heads += [len(operands), 0, case.items(), first, *operands]
    memory = bytearray(-(-place // 4096) * 4096)
    for at, content in [(0, np.array(heads, np.int64).tobytes()), *contents]:
        memory[at:at + len(content)] = content
    result = _executed(machine, cases, bytes(memory), folder)
    for here, count, there in shared:
        ctypes.memmove(here, result[there:there + count], count)


def _executed(machine, cases, memory: bytes, folder) -> bytes:
    names, texts = [f"k{n}" for n in range(len(cases))], []
    for name, case in zip(names, cases):
        builder, _ = build(pipeline.prepare(encode(case.circuit)), {"neon"})
        texts.append(f'target triple = "{TRIPLE}"\n' + builder.text.finish(name, "nounwind"))
    texts.append(START.format(triple=TRIPLE, size=len(memory), count=len(cases), kernels=", ".join(f"ptr @{n}" for n in names),
                              declarations="\n".join(f"declare void @{n}(ptr, ptr, i64, i64)" for n in names)))
    paths = [folder / f"{n}.o" for n in range(len(texts))]
    for path, text in zip(paths, texts):
        path.write_bytes(machine.emit_object(verified(llvm, text)))
    subprocess.run([LINKER, "-static", "-o", folder / "kernels", *paths], check=True)
    result = subprocess.run([EMULATOR, folder / "kernels"], input=memory, capture_output=True, check=True).stdout
    assert len(result) == len(memory), f"{len(result)} of {len(memory)} bytes came back"
    return result
