"""Kernels for AArch64, without such a machine: what LLVM makes of selections."""

import re

import llvmlite.binding as llvm
import pytest

import gpu_tables
from hologram_core.backends import cpu
from hologram_core.circuit.key import encode
from hologram_core.codegen.loops import build
from hologram_core.dtypes import F32, F64
from tests.modes import deferred

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
        builder, _ = build(cpu.prepare(encode(case.circuit)), features)
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
