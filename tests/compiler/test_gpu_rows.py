"""Row and column kernels of GPUs: what they read at once, that the fold does not depend on it, registers; index arithmetic."""

import re
import subprocess

import numpy as np
import pytest

import test_codegen_reduce as reduces
from gpu_tables import split_case
from grid_kernels import GridCase, op_case
from hologram_core.circuit.ir import COLUMN, MAP, ROW
from hologram_core.codegen.gpu import kernel as gpu
from hologram_core.codegen.gpu.program import Recorder
from hologram_core.dtypes import BF16, F16, F32, F64, I64, U8, U32
from hologram_core.optable import TABLE
from hologram_core.reference import grid_emulator as grid
from kernels import Case
from test_gpu_ptx import PTXAS, Batch, needs_ptxas
from tests.core_modes import deferred

pytestmark = deferred      # the compiler knows no modes: once is enough


def elsewhere(x, offset=1):
    """The same numbers where no vector may be read: `offset` elements after an aligned place."""
    memory = np.zeros(x.size + offset + 16, x.dtype)
    start = -(memory.ctypes.data // x.itemsize) % 16 + offset
    y = memory[start:start + x.size].reshape(x.shape)
    y[...] = x
    return y


def aligned(x):
    return elsewhere(x, 0)


def folded(name, schedule, x, dtype=F32, pieces=1, row_rank=1, before=None):
    """(bytes of the result, instructions the emulator counted); `before`: an op between the input and the fold."""
    case = GridCase(schedule, x.shape, row_rank)
    ref = case.input(x, dtype)
    if before:
        ref = case.node(before, ref)
    out = case.output(case.node(name, ref, *([case.scalar(1.0)] if name == "var" else []), compute=F32), per_row=True)
    counts = case.run(pieces).counts
    return np.ascontiguousarray(out).tobytes(), counts


# ---- along rows ----


@pytest.mark.parametrize("name", ["sum", "var", "argmax", "logsumexp"])
@pytest.mark.parametrize("n", [4, 7, 130, 1000, 1030, 4097])
def test_the_fold_of_a_row_does_not_depend_on_how_it_is_read(name, n):
    """Aligned, not aligned, row starts at every place modulo 16 bytes: the same bits."""
    x = reduces.data(F32, (3, n))
    want, counts = folded(name, ROW, aligned(x))
    assert ("load_vector" in counts) == (n % 4 == 0)         # else the second row is not aligned
    for other in (elsewhere(x, 1), elsewhere(x, 2)):
        got, counts = folded(name, ROW, other)
        assert got == want and "load_vector" not in counts
    padded = aligned(np.pad(x, ((0, 0), (0, -n % 4 + 4))))[:, :n]
    got, counts = folded(name, ROW, padded, pieces=2)
    assert got == want and "load_vector" in counts


@pytest.mark.parametrize("dtype, access", [(F16, 1), (BF16, 1), (U8, 1), (F64, 2)], ids=str)
def test_the_fold_of_a_row_does_not_depend_on_its_type_in_memory(dtype, access):
    """`access`: vectors that hold a group of four."""
    x = np.random.default_rng(0).integers(0, 99, (2, 1024)).astype("f4") / (1 if dtype is U8 else 4)
    stored = (x.view("u4") >> 16).astype("u2") if dtype is BF16 else x.astype(dtype.numpy)
    want, _ = folded("sum", ROW, aligned(x))
    got, counts = folded("sum", ROW, aligned(stored), dtype)
    assert got == want and counts["load_vector"] == 1024 // (32 * 4) * access


def test_long_expressions_fold_as_short_ones_do():
    """They are computed one element at a time, in the same tree."""
    for n in (37, 1000, 3001):
        x = np.abs(reduces.data(F32, (2, n))) + 1
        value = GridCase(MAP, x.shape)
        y = value.output(value.node("digamma", value.input(x)))
        value.run()
        heavy, counts = folded("sum", ROW, aligned(x), before="digamma")
        assert heavy == folded("sum", ROW, aligned(y))[0] and "load_vector" not in counts


@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (2, 3, 5, 8), (1, 2, 40, 36)])
def test_rows_of_several_dimensions(shape):
    """Groups that cross the end of a line are read one by one; the fold is that of the same row in one piece."""
    line = shape[-1]
    x = np.random.default_rng(1).normal(size=(*shape[:-1], line + 4)).astype("f4")
    x = aligned(x)[..., :line]                      # lines apart from each other: the row does not collapse
    got, counts = folded("sum", ROW, x, row_rank=2)
    whole = np.ascontiguousarray(x).reshape(*shape[:2], -1)
    assert got == folded("sum", ROW, whole)[0]
    assert ("load_vector" in counts) == (line % 4 == 0)


@pytest.mark.parametrize("n", [64, 67, 1500])
@pytest.mark.parametrize("aside", [0, 1])
def test_row_kernels_in_place(n, aside):
    """Every element is read and written by one thread, in all passes: the kept value of softmax lies in the output."""
    x = np.random.default_rng(0).normal(size=(5, n)).astype("f4")
    memory = elsewhere(x, aside)
    case = GridCase(ROW, (5, n), 1)
    case.output(case.node("softmax", case.input(memory)), into=memory)
    counts = case.run().counts
    e = np.exp(x.astype("f8") - x.max(1, keepdims=True))
    np.testing.assert_allclose(memory, e / e.sum(1, keepdims=True), rtol=2e-6)
    assert ("store_vector" in counts) == (n % 4 == 0 and not aside)


# ---- across columns ----


@pytest.mark.parametrize("name", ["sum", "argmax", "var"])
@pytest.mark.parametrize("rows, columns", [(5, 8), (40, 64), (100, 61), (33, 129), (300, 4)])
def test_the_fold_of_a_column_does_not_depend_on_its_neighbours(name, rows, columns):
    x = reduces.data(F32, (rows, columns))
    want, counts = folded(name, COLUMN, aligned(x).T)
    assert ("load_vector" in counts) == (columns % 4 == 0)
    got, counts = folded(name, COLUMN, elsewhere(x).T)
    assert got == want and "load_vector" not in counts
    assert folded(name, COLUMN, aligned(x).T, pieces=3)[0] == want
    wide = aligned(np.pad(x, ((0, 0), (0, -columns % 4 + 4))))[:, :columns]
    got, counts = folded(name, COLUMN, wide.T)      # the last vector would go beyond the end
    assert got == want and ("load_vector" in counts) == (columns >= 4)
    alone = [folded(name, COLUMN, x[:, k:k + 1].copy().T)[0] for k in (0, columns // 2, columns - 1)]
    size = len(want) // columns
    assert alone == [want[k * size:][:size] for k in (0, columns // 2, columns - 1)]


@pytest.mark.parametrize("inner", [3, 8, 21])
@pytest.mark.parametrize("pieces", [1, 4])
def test_columns_of_several_kept_dimensions(inner, pieces):
    """Groups start anew in every line; ranges may begin and end inside of one."""
    x = np.random.default_rng(2).normal(size=(3, 50, inner // 4 * 4 + 4)).astype("f4")
    kept = aligned(x)[:, :, :inner].transpose(0, 2, 1)            # (3, inner) kept, 50 in the row
    got, counts = folded("sum", COLUMN, kept, pieces=pieces)
    want = [folded("sum", COLUMN, np.ascontiguousarray(x[k, :, :inner]).T)[0] for k in range(3)]
    assert got == b"".join(want) and ("load_vector" in counts) == (inner >= 4)


@pytest.mark.parametrize("columns", [60, 61])
def test_column_kernels_with_values_per_column(columns):
    x = np.random.default_rng(3).normal(size=(70, columns)).astype("f4")
    scale, row = (np.random.default_rng(k).normal(size=n).astype("f4") for k, n in ((4, columns), (5, 70)))
    case = GridCase(COLUMN, (columns, 70), 1)
    a = case.input(aligned(x).T)
    total = case.node("sum", case.node("mul", a, case.input(row[None, :])))
    mine = case.node("mul", total, case.input(scale[:, None]))
    got = case.output(case.node("sub", a, mine), into=aligned(np.zeros_like(x)).T)
    case.output(mine, per_row=True)
    case.check(rtol=1e-5, atol=1e-5, pieces=2)
    assert ("store_vector" in case.run().counts) == (columns == 60) and got.any()


# ---- index arithmetic ----


def test_addresses_are_found_in_32_bits_where_they_fit():
    def counts(far):
        x, bias = np.arange(6 * 40, dtype="f4").reshape(1, 6, 40), np.arange(6, dtype="f4").reshape(1, 6, 1)
        x = np.lib.stride_tricks.as_strided(x, x.shape, (far, *x.strides[1:]))      # of a dimension of size 1
        case = GridCase(MAP, (1, 6, 40))
        got = case.output(case.node("add", case.input(x), case.input(bias)))
        case.arrays[0] = x                  # input() forgets that stride
        counts = case.run().counts
        np.testing.assert_array_equal(got[0], x[0] + bias[0])
        return counts
    near, far = counts(1 << 20), counts(1 << 33)
    assert "divided" not in near and near["high_product"] and far["divided"]


@pytest.mark.parametrize("seed", range(6))
def test_coordinates_without_divisions(seed):
    """Of any number below 2**31, by any sizes."""
    rng = np.random.default_rng(seed)
    sizes = [int(s) for s in np.exp(rng.uniform(0, np.log(2.0**31 - 1), 3))] if seed else [1 << 31, (1 << 31) - 1, 1]
    case = op_case(TABLE["add"], F32)
    case.circuit.rank = 3
    b, out = Recorder(), np.zeros((3, 256), "i8")
    numbers = rng.integers(0, 1 << 31, 256)
    numbers[:4] = 0, (1 << 31) - 1, sizes[1] - 1, min(sizes[2] * (sizes[1] // 2), (1 << 31) - 1)
    nest = gpu.GridNest(case.circuit, b, {n.first: 1 for n in case.circuit.nodes})
    at = b.advance(b.operand(1), b.thread(), "i64")
    found = nest._narrow_coordinates(b.cast(b.load(at, I64), U32))
    for dim, value in found:
        b.store(b.cast(value, I64), b.advance(b.operand(0), b.add(b.thread(), b.const(256 * dim, I64)), "i64"), I64)
    b.operands = 3
    args = [*sizes, *[0] * 9]
    grid.Emulator(b, gpu.Grid(256, 1, 9), 1, 0, 1, [out.ctypes.data, numbers.ctypes.data, 0], args,
                  grid.Memory([out, numbers])).run()
    want = [numbers // sizes[2] // sizes[1], numbers // sizes[2] % sizes[1], numbers % sizes[2]]
    np.testing.assert_array_equal(out, want)


# ---- what ptxas makes of them ----


def fold_case(name, schedule, dtype="f4", n=4096):
    case = Case(schedule, (64, n), 1)
    oriented = lambda: np.zeros((64, n), dtype) if schedule == ROW else np.zeros((n, 64), dtype).T
    node = case.node(name, case.input(oriented()))
    case.output(node, into=oriented()) if name == "softmax" else case.output(node, per_row=True)
    return case


def norm_case(centred):
    """rms-norm or layer-norm, written by hand."""
    case = Case(ROW, (64, 4096), 1)
    x, w = case.input(np.zeros((64, 4096), "f4")), case.input(np.zeros((1, 4096), "f4"))
    d = case.node("sub", x, case.node("mean", x)) if centred else x
    square = case.node("add", case.node("mean", case.node("mul", d, d)), case.scalar(1e-5), compute=F32)
    case.output(case.node("mul", case.node("mul", d, case.node("rsqrt", square)), w))
    return case


def chain_case():
    case = Case(MAP, (4096,))
    x, y = (case.input(np.zeros(4096, "f4")) for _ in range(2))
    t = case.node("tanh", case.node("add", case.node("mul", x, y), x))
    t = case.node("add", case.node("mul", t, case.scalar(0.5), compute=F32), y)
    case.output(case.node("sub", case.node("relu", t), x))
    return case


def broadcast_case():
    case = Case(MAP, (4, 8, 64))
    x, y = case.input(np.zeros((4, 8, 64), "f4")), case.input(np.zeros((4, 1, 64), "f4"))
    case.output(case.node("add", case.node("mul", x, y), case.input(np.zeros((8, 1), "f4"))))
    return case


# kernel -> (case, registers at most): of 65,536, for as many blocks as gpu.RESIDENT says, or for all threads there may be
BOUNDS = {"chain": (chain_case, 32), "broadcast": (broadcast_case, 40), "row_sum": (lambda: fold_case("sum", ROW), 80),
          "row_sum_f16": (lambda: fold_case("sum", ROW, "f2"), 80), "softmax": (lambda: fold_case("softmax", ROW), 80),
          "rms_norm": (lambda: norm_case(False), 80), "layer_norm": (lambda: norm_case(True), 80),
          "argmax": (lambda: fold_case("argmax", ROW), 80), "chunk": (lambda: split_case(ROW), 64),
          "column_sum": (lambda: fold_case("sum", COLUMN), 80), "column_sum_f16": (lambda: fold_case("sum", COLUMN, "f2"), 80),
          "column_amax": (lambda: fold_case("amax", COLUMN), 80), "column_softmax": (lambda: fold_case("softmax", COLUMN), 80)}


@pytest.fixture(scope="module")
def kernels():
    return Batch({name: make() for name, (make, _) in BOUNDS.items()})


@needs_ptxas
def test_registers(kernels, tmp_path):
    """No kernel spills, and as many threads as memory wants find registers."""
    (tmp_path / "k.ptx").write_text(kernels.ptx(90))
    run = subprocess.run([PTXAS, "-v", "-arch=sm_90", str(tmp_path / "k.ptx"), "-o", str(tmp_path / "k.cubin")], capture_output=True,
                         text=True, check=True)
    said = re.findall(r"Compiling entry function 'k_(\w+)'.*?(\d+) bytes spill stores.*?Used (\d+) registers", run.stdout + run.stderr, re.S)
    assert {name for name, _, _ in said} == set(BOUNDS)
    for name, spilled, registers in said:
        assert int(spilled) == 0 and int(registers) <= BOUNDS[name][1], (name, spilled, registers)


def blocks_of(kernels, name) -> list:
    """Basic blocks of a kernel's PTX."""
    text = re.search(rf"\.visible \.entry k_{name}\(.*?\n\}}", kernels.ptx(90), re.S)[0]
    return re.split(r"^\$L\w+:|^\t@%p\d+ bra.*$", text, flags=re.M)


@pytest.mark.parametrize("name, access, count", [
    ("row_sum", "ld.global.v4.b32", 4), ("chunk", "ld.global.v4.b32", 4), ("column_sum", "ld.global.v4.b32", 4),
    ("row_sum_f16", "ld.global.v4.b16", 4), ("rms_norm", "ld.global.v4.b32", 2), ("chain", "ld.global.v4.b32", 2)])
def test_loads_of_a_round_are_wide_and_stand_together(name, access, count, kernels):
    """So many in one block, without a use between them: all are in flight before the first has arrived."""
    found = [len(re.findall(re.escape(access), block)) for block in blocks_of(kernels, name)]
    assert max(found) >= count, (name, found)


def test_rows_are_stored_by_vectors(kernels):
    for name in ("softmax", "layer_norm", "column_softmax"):
        assert any("st.global.v" in block for block in blocks_of(kernels, name)), name


def test_inner_loops_divide_nothing(kernels):
    """Several dimensions: the common path has neither a division nor a product of 64 bits before its loads."""
    blocks = blocks_of(kernels, "broadcast")
    assert any("mul.hi.u32" in block for block in blocks)
    for block in blocks:
        assert not ("mul.hi.u32" in block and re.search(r"\t(div|rem|mul\.lo\.s64|mad\.lo\.s64)", block)), block
