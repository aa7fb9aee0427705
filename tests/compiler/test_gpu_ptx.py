"""CUDA kernels without a GPU: ptxas accepts them, their text keeps the rules, the cache keeps them apart.

ptxas comes with the CUDA toolkit or with `pip install hologram[ptx]`; where there is none, what needs it is skipped.
HOLOGRAM_TEST_LONG=1 checks every op in every type instead of in one, and more circuits at random.
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
from gpu_tables import largest_case, shapes, split_case, tile_case
from grid_kernels import on_grid, op_case, results
from hologram_core import tracing as compiler
from hologram_core.backends import cuda
from hologram_core.backends import disk_cache as cache
from hologram_core.circuit import pipeline
from hologram_core.circuit.ir import COLUMN, MAP, ROW
from hologram_core.circuit.key import encode
from hologram_core.codegen.gpu import nvptx
from hologram_core.config import config
from hologram_core.dtypes import BF16, F16, F32, U8
from hologram_core.errors import CompileError
from hologram_core.optable import TABLE
from hologram_core.optable.table import Elementwise
from kernels import Case
from ptx_machine import Launch, Module, PTXError
from tests.core_modes import LONG, deferred

pytestmark = deferred      # the compiler knows no modes: once is enough
ARCHS = (75, 80, 90, 120)
GOLDEN = Path(__file__).parent / "golden"


def find_ptxas():
    beside = [p for folder in sys.path for p in Path(folder).glob("nvidia/*/bin/ptxas")]
    return os.environ.get("PTXAS") or shutil.which("ptxas") or next(map(str, beside), None)


PTXAS = find_ptxas()
needs_ptxas = pytest.mark.skipif(PTXAS is None, reason="no ptxas: pip install hologram[ptx]")


class Batch:
    """Kernels of many circuits in one module. Both entries of a kernel have the same body; `both`: check both. `spread`: ptxas
    gets each circuit for one of the architectures, taken in turn; what each op needs of an architecture is asked elsewhere."""

    def __init__(self, cases, both=False, spread=False):
        self.spread = spread
        self.parts, self.declarations, self.grids, self.cases, self.texts, self.modules = [], [], {}, dict(cases), {}, {}
        self.assemblers: dict = {}
        for name, case in self.cases.items():
            builder, grid = nvptx.build(pipeline.prepare(encode(case.circuit)))
            text = builder.entries(f"k_{name}", grid.words, grid.threads, prefix=f"{name}_")
            if not both and grid.words * 8 <= nvptx.DIRECT_BYTES:
                start = text.index("define ptx_kernel", text.index("define ptx_kernel") + 1)
                text = text[:start]
            self.parts.append(text)
            self.declarations += builder.declarations()
            self.grids[name] = grid

    def ptx(self, arch: int) -> str:
        if arch not in self.texts:
            self.texts[arch] = nvptx.assemble(nvptx.module(self.parts, self.declarations), arch)
        return self.texts[arch]

    def checked(self, arch: int) -> str:
        """What ptxas gets for an architecture."""
        if not self.spread:
            return self.ptx(arch)
        if ("part", arch) not in self.texts:
            mine = nvptx.module(self.parts[ARCHS.index(arch)::len(ARCHS)], self.declarations)
            self.texts["part", arch] = nvptx.assemble(mine, arch)
        return self.texts["part", arch]

    def on_ptx(self, name: str, arch: int = 80) -> "PTXCase":
        """One of the cases, run from its PTX."""
        if arch not in self.modules:
            self.modules[arch] = Module(self.ptx(arch))
        case = self.cases[name]
        case.__class__, case.module, case.name, case.grid = PTXCase, self.modules[arch], f"k_{name}", self.grids[name]
        return case


class PTXCase(Case):
    """A Case that runs from PTX text: several pieces as the records of one launch, where that entry was written."""

    def run(self, pieces: int = 1, blocks: int = 3) -> None:
        (operands, args), items = self.arguments(), self.items()
        records = np.array([[items * p // pieces, items * (p + 1) // pieces, *operands.astype(np.int64), *args]
                            for p in range(pieces)], np.int64)
        assert records.shape[1] == self.grid.words
        many = f"{self.name}_many"
        if many in self.module.functions and (pieces > 1 or self.name not in self.module.functions):
            given = [np.int64(records.ctypes.data).tobytes(), np.int64(self.grid.words).tobytes()]
            return Launch(self.module, many, (blocks, pieces), self.grid.threads, given, [records, *self.arrays]).run()
        for record in records:
            Launch(self.module, self.name, (blocks, 1), self.grid.threads, [record.tobytes()], self.arrays).run()


def accepted(batch: Batch, arch: int, folder) -> None:
    """ptxas runs for all architectures at once, beside the compiler that writes the next text, which keeps the rules."""
    for at in ARCHS if not batch.assemblers else ():
        path = folder.mktemp("ptx") / "kernels.ptx"
        path.write_text(batch.checked(at))
        keeps_the_rules(path.read_text())
        batch.assemblers[at] = subprocess.Popen([PTXAS, "-O0", f"-arch=sm_{at}", str(path), "-o", str(path.with_suffix(".cubin"))],
                                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said, _ = batch.assemblers[arch].communicate()
    assert batch.assemblers[arch].returncode == 0, said[:2000]


def keeps_the_rules(ptx: str) -> None:
    """Rounding is said wherever ptxas could choose it, nothing is approximated or flushed, nothing comes from a library."""
    for line in re.findall(r"^\t(?:@!?%p\d+ )?((?:add|sub|mul|fma|mad|div|sqrt|rcp)\.\S*f(?:32|64))\b", ptx, re.M):
        assert ".rn" in line, line
    assert not re.search(r"\t(min|max)\.(ftz\.)?f", ptx), "these order -0.0 and 0.0"
    assert not re.search(r"\.(ftz|approx|full|sat)\b", ptx)
    assert not re.search(r"^\s*(call|\.extern)", ptx, re.M)


@pytest.fixture(scope="module")
def tables():
    return Batch(gpu_tables.cases(gpu_tables.TYPES if LONG else None))


@pytest.fixture(scope="module")
def fuzzed():
    """`make test-gpu-full` takes more of them."""
    seeds = range(100 if LONG else 12)
    rows = [(f"r{seed}", fusion.random_case(seed)) for seed in seeds]
    return Batch([*rows, *((f"e{seed}", grids.random_elementwise(seed)) for seed in seeds)], spread=True)


@needs_ptxas
@pytest.mark.parametrize("arch", ARCHS)
def test_ptxas_accepts_the_op_tables(arch, tables, tmp_path_factory):
    assert len(tables.cases) > (1000 if LONG else 250)
    accepted(tables, arch, tmp_path_factory)


@needs_ptxas
@pytest.mark.parametrize("arch", ARCHS)
def test_ptxas_accepts_fuzzed_circuits(arch, fuzzed, tmp_path_factory):
    accepted(fuzzed, arch, tmp_path_factory)


@pytest.fixture(scope="module")
def both_entries():
    some = ("add_", "gelu_f", "sum_", "argmax_", "softmax_f", "cumsum_", "normal_")
    few = [c for c in gpu_tables.cases([F32]) if c[0].startswith(some)]
    few += [("tile_u8", tile_case(U8)), ("tile_f16", tile_case(F16)), ("split_row", split_case(ROW)),
            ("split_column", split_case(COLUMN)), ("largest", largest_case())]
    return Batch(few, both=True, spread=True)


@needs_ptxas
@pytest.mark.parametrize("arch", ARCHS)
def test_ptxas_accepts_both_entries(arch, both_entries, tmp_path_factory):
    accepted(both_entries, arch, tmp_path_factory)
    mine = list(both_entries.cases)[ARCHS.index(arch)::len(ARCHS)]
    assert both_entries.checked(arch).count(".visible .entry") == 2 * len(mine) - ("largest" in mine)      # which has no direct one


# ---- the text runs ----


@pytest.mark.parametrize("row", list(TABLE), ids=lambda r: r.name)
def test_every_op(row, tables):
    """From its PTX, elementwise bit for bit as the interpreter."""
    mine = [name for name, case in tables.cases.items() if case.circuit.nodes[-1].row is row]
    assert mine
    for name in mine:
        dtype = tables.cases[name].circuit.nodes[-1].compute
        exact = isinstance(row, Elementwise) or not dtype.is_float
        tolerance = 0 if exact else {2: 3e-2, 4: 3e-5, 8: 1e-11}[dtype.bytes]
        tables.on_ptx(name).check(rtol=tolerance, atol=tolerance, pieces=2)


@pytest.fixture(scope="module")
def shaped():
    return Batch(shapes().items(), both=True)


@pytest.mark.parametrize("pieces", [1, 3])
@pytest.mark.parametrize("name", shapes())
def test_shapes(name, pieces, shaped):
    """By either entry."""
    tolerance = 0 if shaped.cases[name].circuit.row_rank == 0 else 3e-5
    shaped.on_ptx(name).check(rtol=tolerance, atol=tolerance, pieces=pieces)


@pytest.mark.parametrize("kind", ["e", "r"], ids=["elementwise", "rows"])
def test_fuzzed_circuits(kind, fuzzed):
    """The text computes bit for bit what the grid emulator computes from the same nest."""
    mine = [name for name in fuzzed.cases if name[0] == kind]
    assert len(mine) == (100 if LONG else 12)
    for name in mine:
        with np.errstate(all="ignore"):
            case = on_grid(fuzzed.cases[name])
            case.run()
            want = results(case)
            for array, operand in zip(case.arrays, case.circuit.operands):
                if operand.output:
                    array[...] = 0
            case = fuzzed.on_ptx(name)
            case.run()
            assert results(case) == want, f"{name}\n{case.circuit}"


def test_the_machine_refuses_what_it_does_not_know():
    head = ".visible .entry k(\n)\n{\n"
    for line, message in (("mul.f32 %r1, 0f00000000, 0f00000000;", "rounding"), ("add.s32 %r1, %r2, 1;", "before it is written"),
                          ("ex2.approx.f32 %r1, 0f00000000;", "unknown")):
        with pytest.raises(PTXError, match=message):
            Launch(Module(f"{head}\t{line}\n\tret;\n}}\n"), "k", (1, 1), 32, [], []).run()
    text = head + "\tmov.u32 %r1, %tid.x;\n\tsetp.lt.u32 %p1, %r1, 5;\n\t@%p1 bra $L1;\n\tbar.sync 0;\n$L1:\n\tret;\n}\n"
    with pytest.raises(PTXError, match="wait"):
        Launch(Module(text), "k", (1, 1), 32, [], []).run()


def test_the_rules_are_checked():
    for bad in ("\tmul.f32 \t%r1, %r2, %r3;\n", "\tdiv.approx.f32 \t%r1, %r2, %r3;\n", "\tmin.f32 \t%r1, %r2, %r3;\n",
                "\tcall.uni foo;\n"):
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


FAMILIES = {"map": lambda: op_case(TABLE["add"], F32), "broadcast_bf16": broadcast_bf16,
            "random": lambda: op_case(TABLE["uniform"], F32),
            "tile": lambda: tile_case(F32), "row_sum": lambda: per_row("sum", ROW), "row_softmax": lambda: per_row("softmax", ROW),
            "column_amax": lambda: per_row("amax", COLUMN), "scan": lambda: per_row("cumsum", ROW)}


@pytest.mark.parametrize("family", FAMILIES)
def test_golden(family):
    """The LLVM IR of a kernel of each family, word for word (HOLOGRAM_REGOLD=1 accepts a change)."""
    builder, grid = nvptx.build(pipeline.prepare(encode(FAMILIES[family]().circuit)))
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
    assert (entry.threads, entry.items_per_block, entry.shared_bytes, entry.direct) == (256, 1024, 0, True)
    assert entry.words == 2 + 3 + 1 + 3        # begin and end, addresses, the size, strides
    assert entry.ptx.decode().splitlines()[0] == f"// hologram: key {encode(circuit).hex()}"
    assert f".entry {entry.symbol}(" in entry.ptx.decode() and f".entry {entry.symbol}_many(" in entry.ptx.decode()
    large = cuda.compile_key(encode(largest_case().circuit), 86)
    assert not large.direct and large.words * 8 > nvptx.DIRECT_BYTES and f".entry {large.symbol}(" not in large.ptx.decode()
    assert cuda.compile_key(encode(tile_case(F32).circuit), 86).shared_bytes == 32 * 33 * 4
    assert cuda.compile_key(encode(split_case(ROW).circuit), 86).threads == 512


def test_the_cache_tells_architectures_and_drivers_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "config", config.replace(cache_dir=tmp_path))
    monkeypatch.setattr(cuda.kernels, "_found", {})
    key = encode(op_case(TABLE["exp"], F32).circuit)
    first = cuda.compile_key(key, 80, 12080)
    assert len(list(tmp_path.iterdir())) == 1 and cuda.compile_key(key, 80, 12080) is first
    assert ".target sm_80" in first.ptx.decode() and ".target sm_90" in cuda.compile_key(key, 90, 12080).ptx.decode()
    cuda.compile_key(key, 80, 13000)
    assert len(list(tmp_path.iterdir())) == 3
    monkeypatch.setattr(cuda.kernels, "_found", {})
    monkeypatch.setattr(cuda, "compile_circuit", None)       # from the disk, or not at all
    assert cuda.compile_key(key, 80, 12080) == first


def test_architectures():
    assert [nvptx.known_arch(a) for a in (75, 79, 86, 95, 999)] == [75, 75, 86, 90, 120]
    with pytest.raises(CompileError, match="7.0 is older than 7.5"):
        cuda.compile_key(encode(op_case(TABLE["add"], F32).circuit), 70)


def test_circuits_show_their_ptx():
    circuit = compiler.Circuit()
    x = circuit.input()
    circuit.output((x * 2.0).tanh())
    assert ".target sm_80" in circuit.ptx() and ".target sm_120" in circuit.ptx(120)
