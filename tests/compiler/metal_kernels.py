"""Kernels in Metal's language, compiled with a C++ compiler against metal_stub/metal_stdlib and run on NumPy arrays."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

import numpy as np

from hologram_core.circuit import pipeline
from hologram_core.circuit.key import encode
from hologram_core.codegen.msl import printer as msl
from kernels import Case

STUB = Path(__file__).parent / "metal_stub"
CXX = shutil.which("clang++") or shutil.which("g++")


class Library:
    """The kernels of many cases in one shared library."""

    def __init__(self, cases: dict, folder: Path):
        self.grids, printers = {}, []
        for name, case in cases.items():
            recorder, self.grids[name] = msl.build(pipeline.prepare(encode(case.circuit)))
            printers.append(msl.Printer(recorder, self.grids[name], f"k_{name}"))
        source, binary = folder / "kernels.cpp", folder / "kernels.so"
        source.write_text(msl.library(printers))
        subprocess.run([CXX, "-std=c++17", "-O0", "-w", "-fPIC", "-shared", "-ffp-contract=off", "-isystem", str(STUB), "-o",
                        str(binary), str(source)], check=True)
        self.library = ctypes.CDLL(str(binary))

    def run(self, name: str, case: Case, pieces: int = 1, blocks: int = 3) -> None:
        """Runs a case; its pieces are the records of one launch."""
        grid, (operands, args), items = self.grids[name], case.arguments(), case.items()
        records = np.zeros((pieces, grid.words), np.int64)
        for n, record in enumerate(records):
            record[:2] = items * n // pieces, items * (n + 1) // pieces
            record[2:2 + len(operands)] = operands.view(np.int64)
            record[2 + len(operands):] = args
        function = ctypes.cast(getattr(self.library, f"k_{name}"), ctypes.c_void_p)
        stuck = self.library.hg_run(function, ctypes.c_void_p(records.ctypes.data), blocks, pieces, grid.threads)
        assert not stuck, f"{name}: threads wait for each other"


class MetalCase(Case):
    """A Case that a library runs."""

    def run(self, pieces: int = 1) -> None:
        self.library.run(self.name, self, pieces)


def on_metal(case: Case, library: Library, name: str) -> MetalCase:
    case.__class__, case.library, case.name = MetalCase, library, name
    return case
