"""Kernels for AArch64, without such a machine: what LLVM makes of selections, and, where qemu is installed, their results."""

import re
import zlib

import llvmlite.binding as llvm
import numpy as np
import pytest

import aarch64_machine
import gpu_tables
import test_gpu_grid as circuits
from grid_kernels import results
from hologram_core.circuit import pipeline
from hologram_core.circuit.key import encode
from hologram_core.codegen.cpu.loops import build
from hologram_core.dtypes import F32, F64
from tests.core_modes import deferred

# rows that take a minimum or a maximum, of constants or of inputs
SELECTING = ("atan_", "i0_", "special_i0e_", "minimum_", "maximum_", "fmin_", "clamp", "relu", "leaky_relu", "hardtanh", "amin_",
             "amax_f32_row", "softmax_f32_row", "sign_")
pytestmark = deferred      # the compiler knows no modes: once is enough


@pytest.fixture(scope="module")
def assemble():
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    try:
        target = llvm.Target.from_triple("aarch64-linux-gnu")
    except RuntimeError:
        pytest.skip("this LLVM has no AArch64")
    machine = target.create_target_machine(cpu="neoverse-n1", opt=2)

    def assemble(case, features=frozenset({"neon"})):
        builder, _ = build(pipeline.prepare(encode(case.circuit)), features)
        module = llvm.parse_assembly('target triple = "aarch64-linux-gnu"\n' + builder.text.finish("k", "nounwind"))
        return machine.emit_assembly(module)
    return assemble


def extrema(text: str) -> set:
    return set(re.findall(r"\t(f(?:min|max)\w*)\t", text))


def test_no_selection_becomes_an_instruction_that_orders_zeros(assemble):
    """fminnm and fmaxnm take -0.0 for less than 0.0 and drop NaN; what ops promise is a comparison."""
    zeros = gpu_tables.shapes()["zeros"]
    assert extrema(assemble(zeros, frozenset())), "LLVM no longer does what this is about"
    assert not extrema(assemble(zeros))
    mine = [c for c in gpu_tables.cases([F32, F64]) if c[0].startswith(SELECTING)]
    assert len(mine) > 20 and sum(bool(extrema(assemble(case, frozenset()))) for name, case in mine if name.startswith("atan_")) == 2
    for name, case in mine:
        assert not extrema(assemble(case)), name


@pytest.mark.skipif(not (aarch64_machine.EMULATOR and aarch64_machine.LINKER), reason="qemu-aarch64 or a linker for AArch64 is missing")
def test_kernels_give_the_bits_that_they_give_here(tmp_path):
    """A share of all rows in all types, every schedule, circuits at random."""
    cases = [case for name, case in gpu_tables.cases(gpu_tables.TYPES) if zlib.crc32(name.encode()) % 16 == 0]
    cases += [*gpu_tables.shapes().values(), *map(circuits.random_elementwise, (10, 34, 82))]
    wanted = []
    with np.errstate(all="ignore"):
        for case in cases:
            case.run()
            wanted.append(results(case))
            for array, operand in zip(case.arrays, case.circuit.operands):
                if operand.output:
                    array[...] = 77
    aarch64_machine.run(cases, tmp_path)
    for case, want in zip(cases, wanted):
        assert results(case) == want, str(case.circuit)
