"""The LLVM IR of a few kernels, word for word: a change of the code generator shows here before it shows in a profile.

To accept a change: HOLOGRAM_REGOLD=1 pytest tests/compiler/test_codegen_golden.py, and read the difference.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from hologram_core.backends import cpu
from hologram_core.circuit import pipeline
from hologram_core.circuit.ir import COLUMN, MAP, ROW
from hologram_core.circuit.key import encode
from hologram_core.codegen.cpu.loops import build
from hologram_core.dtypes import BF16, F32
from hologram_core.errors import CompileError
from kernels import Case

GOLDEN = Path(__file__).parent / "golden"


def map_add():
    case = Case(MAP, (100,))
    case.output(case.node("add", case.input(np.zeros(100, "f4")), case.scalar(1.0), compute=F32))
    return case


def map_bf16_broadcast():
    case = Case(MAP, (4, 100))
    x = case.input(np.zeros((4, 100), "u2"), BF16)
    case.output(case.node("mul", x, case.input(np.zeros((4, 1), "u2"), BF16)))
    return case


def row_sum():
    case = Case(ROW, (4, 100), 1)
    case.output(case.node("sum", case.input(np.zeros((4, 100), "f4"))), per_row=True)
    return case


def column_amax():
    case = Case(COLUMN, (100, 4), 1)
    case.output(case.node("amax", case.input(np.zeros((4, 100), "f4").T)), per_row=True)
    return case


@pytest.mark.parametrize("make", [map_add, map_bf16_broadcast, row_sum, column_amax], ids=lambda f: f.__name__)
def test_golden(make):
    builder, _ = build(pipeline.prepare(encode(make().circuit)))
    text = builder.text.finish("kernel", "nounwind")
    path = GOLDEN / f"{make.__name__}.ll"
    if os.environ.get("HOLOGRAM_REGOLD") == "1":
        path.write_text(text)
    assert text == path.read_text()


def test_invalid_ir_is_an_error_not_a_crash():
    with pytest.raises(CompileError, match="invalid"):
        cpu._host().emit("define void @k(ptr %operands) {\nentry:\n  %v1 = fadd float 0.0, %v2\n  ret void\n}\n")


def test_library_calls_are_refused():
    text = ("declare double @llvm.sin.f64(double)\ndefine double @k(double %x) {\nentry:\n"
            "  %y = call double @llvm.sin.f64(double %x)\n  ret double %y\n}\n")
    with pytest.raises(CompileError, match="calls sin"):
        cpu._host().emit(text)
