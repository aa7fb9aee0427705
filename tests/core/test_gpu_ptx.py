"""CUDA kernels without a GPU: ptxas accepts them, their text keeps the rules, the cache keeps them apart.

ptxas comes with the CUDA toolkit or with `pip install hologram[ptx]`; where there is none, what needs it is skipped.
HOLOGRAM_GPU_FULL=1 checks every op in every type instead of in one.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gpu_tables
import test_codegen_fusion as fusion
import test_gpu_grid as grids
from gpu_tables import largest_case, split_case, tile_case
from grid_kernels import op_case
from hologram_core import cache, compiler
from hologram_core.backends import cpu, cuda
from hologram_core.circuit.ir import COLUMN, MAP, ROW
from hologram_core.circuit.key import encode
from hologram_core.codegen import nvptx
from hologram_core.config import config
from hologram_core.dtypes import BF16, F16, F32, U8
from hologram_core.errors import CompileError
from hologram_core.ops import TABLE
from kernels import Case
from tests.modes import deferred

pytestmark = deferred      # the compiler knows no modes: once is enough
FULL = os.environ.get("HOLOGRAM_GPU_FULL") == "1"
ARCHS = (75, 80, 90, 120)
GOLDEN = Path(__file__).parent / "golden"


def find_ptxas():
    beside = [p for folder in sys.path for p in Path(folder).glob("nvidia/*/bin/ptxas")]
    return os.environ.get("PTXAS") or shutil.which("ptxas") or next(map(str, beside), None)


PTXAS = find_ptxas()
needs_ptxas = pytest.mark.skipif(PTXAS is None, reason="no ptxas: pip install hologram[ptx]")


class Batch:
    """Kernels of many circuits in one module. Both entries of a kernel have the same body; `both`: check both."""

    def __init__(self, cases, both=False):
        self.parts, self.declarations, self.names = [], [], []
        for name, case in cases:
            builder, grid = nvptx.build(cpu.prepare(encode(case.circuit)))
            text = builder.entries(f"k_{name}", grid.words, grid.threads, prefix=f"{name}_")
            if not both and grid.words * 8 <= nvptx.DIRECT_BYTES:
                start = text.index("define ptx_kernel", text.index("define ptx_kernel") + 1)
                text = text[:start]
            self.parts.append(text)
            self.declarations += builder.declarations()
            self.names.append(name)

    def ptx(self, arch: int) -> str:
        return nvptx.assemble(nvptx.module(self.parts, self.declarations), arch)


def accepted(ptx: str, arch: int, folder: Path) -> None:
    path = folder / "kernels.ptx"
    path.write_text(ptx)
    run = subprocess.run([PTXAS, "-O0", f"-arch=sm_{arch}", str(path), "-o", str(folder / "kernels.cubin")],
                         capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[:2000]


def keeps_the_rules(ptx: str) -> None:
    """Rounding is said wherever ptxas could choose it, nothing is approximated or flushed, nothing comes from a library."""
    for line in re.findall(r"^\t(?:@!?%p\d+ )?((?:add|sub|mul|fma|mad|div|sqrt|rcp)\.\S*f(?:32|64))\b", ptx, re.M):
        assert ".rn" in line, line
    assert not re.search(r"\.(ftz|approx|full|sat)\b", ptx)
    assert not re.search(r"^\s*(call|\.extern)", ptx, re.M)


@pytest.fixture(scope="module")
def tables():
    return Batch(gpu_tables.cases(gpu_tables.TYPES if FULL else None))


@pytest.fixture(scope="module")
def fuzzed():
    rows = [(f"r{seed}", fusion.random_case(seed)) for seed in range(100)]
    return Batch([*rows, *((f"e{seed}", grids.random_elementwise(seed)) for seed in range(100))])


@needs_ptxas
@pytest.mark.parametrize("arch", ARCHS)
def test_ptxas_accepts_the_op_tables(arch, tables, tmp_path):
    assert len(tables.names) > (1000 if FULL else 250)
    ptx = tables.ptx(arch)
    keeps_the_rules(ptx)
    accepted(ptx, arch, tmp_path)


@needs_ptxas
@pytest.mark.parametrize("arch", ARCHS)
def test_ptxas_accepts_fuzzed_circuits(arch, fuzzed, tmp_path):
    ptx = fuzzed.ptx(arch)
    keeps_the_rules(ptx)
    accepted(ptx, arch, tmp_path)


@needs_ptxas
@pytest.mark.parametrize("arch", ARCHS)
def test_ptxas_accepts_both_entries(arch, tmp_path):
    few = [c for c in gpu_tables.cases([F32]) if c[0].startswith(("add_", "gelu_", "sum_", "argmax_", "softmax_", "cumsum_", "normal_"))]
    few += [("tile_u8", tile_case(U8)), ("tile_f16", tile_case(F16)), ("split_row", split_case(ROW)),
            ("split_column", split_case(COLUMN)), ("largest", largest_case())]
    ptx = Batch(few, both=True).ptx(arch)
    assert ptx.count(".visible .entry") == 2 * len(few) - 1      # the largest has no direct one
    accepted(ptx, arch, tmp_path)


def test_the_rules_are_checked():
    for bad in ("\tmul.f32 \t%r1, %r2, %r3;\n", "\tdiv.approx.f32 \t%r1, %r2, %r3;\n", "\tcall.uni foo;\n"):
        with pytest.raises(AssertionError):
            keeps_the_rules(bad)


# ---- golden files ----


def broadcast_bf16():
    case = Case(MAP, (4, 100))
    x = case.input(np.zeros((4, 100), "u2"), BF16)
    case.output(case.node("mul", x, case.input(np.zeros((4, 1), "u2"), BF16)))
    return case


def per_row(name, schedule):
    x = np.zeros((4, 100), "f4")
    case = Case(schedule, (4, 100), 1)
    x = case.input(x if schedule == ROW else np.zeros((100, 4), "f4").T)
    node = case.node(name, x)
    case.output(node, per_row=name != "softmax" and name != "cumsum")
    return case


FAMILIES = {"map": lambda: op_case(TABLE["add"], F32), "broadcast_bf16": broadcast_bf16, "random": lambda: op_case(TABLE["uniform"], F32),
            "tile": lambda: tile_case(F32), "row_sum": lambda: per_row("sum", ROW), "row_softmax": lambda: per_row("softmax", ROW),
            "column_amax": lambda: per_row("amax", COLUMN), "scan": lambda: per_row("cumsum", ROW)}


@pytest.mark.parametrize("family", FAMILIES)
def test_golden(family):
    """The LLVM IR of a kernel of each family, word for word (HOLOGRAM_REGOLD=1 accepts a change)."""
    builder, grid = nvptx.build(cpu.prepare(encode(FAMILIES[family]().circuit)))
    text = builder.entries("kernel", grid.words, grid.threads)
    text = text[:text.index("define ptx_kernel void @kernel_many")]
    path = GOLDEN / f"gpu_{family}.ll"
    if os.environ.get("HOLOGRAM_REGOLD") == "1":
        path.write_text(text)
    assert text == path.read_text()


def test_accesses_of_16_bytes():
    for dtype, access in ((F32, "v4.b32"), (F16, "v4.b32"), (U8, "v4.b32")):
        ptx = cuda.compile_key(encode(op_case(TABLE["add"], dtype).circuit), 80).ptx.decode()
        assert f"ld.global.{access}" in ptx and f"st.global.{access}" in ptx


def test_warps_shuffle_and_blocks_share():
    ptx = cuda.compile_key(encode(per_row("sum", ROW).circuit), 80).ptx.decode()
    assert ptx.count("shfl.sync.down.b32") == 2 * (5 + 3) and "ld.shared" in ptx and "bar.sync" in ptx


# ---- entries and the cache ----


def test_an_entry_says_how_it_is_launched():
    circuit = op_case(TABLE["add"], F32).circuit
    entry = cuda.compile_key(encode(circuit), 86)
    assert (entry.threads, entry.items_per_block, entry.shared_bytes, entry.direct, entry.words) == (256, 1024, 0, True, 2 + 3 + 1 + 3)
    assert entry.ptx.decode().splitlines()[0] == f"// hologram: key {encode(circuit).hex()}"
    assert f".entry {entry.symbol}(" in entry.ptx.decode() and f".entry {entry.symbol}_many(" in entry.ptx.decode()
    large = cuda.compile_key(encode(largest_case().circuit), 86)
    assert not large.direct and large.words * 8 > nvptx.DIRECT_BYTES and f".entry {large.symbol}(" not in large.ptx.decode()
    assert cuda.compile_key(encode(tile_case(F32).circuit), 86).shared_bytes == 32 * 33 * 4
    assert cuda.compile_key(encode(split_case(ROW).circuit), 86).threads == 512


def test_the_cache_tells_architectures_and_drivers_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "config", type(config)(**{**vars(config), "cache_dir": tmp_path}))
    monkeypatch.setattr(cuda, "_entries", {})
    key = encode(op_case(TABLE["exp"], F32).circuit)
    first = cuda.compile_key(key, 80, 12080)
    assert len(list(tmp_path.iterdir())) == 1 and cuda.compile_key(key, 80, 12080) is first
    assert ".target sm_80" in first.ptx.decode() and ".target sm_90" in cuda.compile_key(key, 90, 12080).ptx.decode()
    cuda.compile_key(key, 80, 13000)
    assert len(list(tmp_path.iterdir())) == 3
    monkeypatch.setattr(cuda, "_entries", {})
    monkeypatch.setattr(cuda, "compile_circuit", None)       # from the disk, or not at all
    assert cuda.compile_key(key, 80, 12080) == first


def test_architectures():
    assert [nvptx.known_arch(a) for a in (75, 79, 86, 95, 999)] == [75, 75, 86, 90, 121]
    with pytest.raises(CompileError, match="7.0 is older than 7.5"):
        cuda.compile_key(encode(op_case(TABLE["add"], F32).circuit), 70)


def test_circuits_show_their_ptx():
    circuit = compiler.Circuit()
    x = circuit.input()
    circuit.output((x * 2.0).tanh())
    assert ".target sm_80" in circuit.ptx() and ".target sm_120" in circuit.ptx(120)
