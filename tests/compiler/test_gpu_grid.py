"""The loop nests of GPU kernels, run by the grid emulator, against the interpreter and the CPU's kernels."""

import re

import numpy as np
import pytest

import test_codegen_fusion as fusion
import test_codegen_map as maps
import test_codegen_reduce as reduces
import test_codegen_rowwise as rowwise
from grid_kernels import GridCase, on_grid, op_case, results, supports
from hologram_core.circuit import pipeline
from hologram_core.circuit.ir import COLUMN, MAP, ROW, TILE
from hologram_core.circuit.key import encode
from hologram_core.dtypes import BF16, BOOL, F16, F32, F64, I32, I64, U8
from hologram_core.optable import TABLE
from hologram_core.optable.table import Elementwise, Scan
from hologram_core.reference import grid_emulator as grid
from kernels import Case
from tests.core_modes import deferred, share

pytestmark = deferred      # the compiler knows no modes: once is enough
ELEMENTWISE = [r for r in TABLE if isinstance(r, Elementwise)]
SCHEDULES = pytest.mark.parametrize("schedule", [ROW, COLUMN], ids=["row", "column"])


# ---- elementwise ----


@pytest.mark.parametrize("row", ELEMENTWISE, ids=lambda r: r.name)
def test_every_elementwise_op(row):
    """Bit for bit what the interpreter and the CPU's kernel give, in every kind of type."""
    for dtype in (F32, F64, F16, BF16, I32, I64, U8, BOOL):
        if supports(row, dtype):
            case = op_case(row, dtype)
            case.run()
            on_cpu = results(case)
            on_grid(case).check()
            assert results(case) == on_cpu


@pytest.mark.parametrize("n", [1, 3, 4, 255, 1024, 1027, 5000])
@pytest.mark.parametrize("dtype", [F32, F16, U8, F64], ids=str)
def test_vectors_and_tails(n, dtype):
    case = GridCase(MAP, (n,))
    x, y = (case.input(maps.data(dtype, n, s), dtype) for s in range(2))
    case.output(case.node("add", x, y))
    case.check()
    counts = case.run().counts
    width = 16 // dtype.bytes
    assert ("store_vector" in counts) == (n >= width) and ("store" in counts) == (n % width > 0)


def test_unaligned_operands_are_read_one_by_one():
    memory = np.arange(1025, dtype="f4")
    case = GridCase(MAP, (1024,))
    case.output(case.node("neg", case.input(memory[1:])))
    case.check()
    assert "load_vector" not in case.run().counts


@pytest.mark.parametrize("shape, vectors", [((6, 64), True), ((6, 63), False), ((3, 5, 8), True)])
def test_vectors_in_several_dimensions(shape, vectors):
    case = GridCase(MAP, shape)
    x = case.input(maps.data(F32, shape))
    bias = case.input(maps.data(F32, shape[-1:], 1))
    column = case.input(maps.data(F32, (*shape[:-1], 1), 2))
    case.output(case.node("add", case.node("mul", x, column), bias))
    case.check()
    assert ("store_vector" in case.run().counts) == vectors


@pytest.mark.parametrize("n", [1, 7, 64, 200])
def test_layouts(n):
    rng = np.random.default_rng(n)
    case = GridCase(MAP, (3, n))
    total = case.input(rng.normal(size=(3, n)).astype("f4"))
    for other in (rng.normal(size=(1, n)), rng.normal(size=(3, 1)), rng.normal(size=(n, 6)).T[::2],
                  rng.normal(size=(3, n))[::-1, ::-1]):
        total = case.node("add", total, case.input(other))
    case.output(total)
    for pieces in (1, 2, 5):
        case.check(pieces=pieces)


def test_many_dimensions_and_none():
    rng = np.random.default_rng(1)
    case = GridCase(MAP, (2, 3, 4, 5))
    a = case.input(rng.normal(size=(5, 3, 4, 2)).astype("f4").transpose(3, 1, 2, 0))
    case.output(case.node("mul", a, case.input(rng.normal(size=(3, 1, 5)).astype("f4"))))
    case.check(pieces=7)
    case = GridCase(MAP, ())
    case.output(case.node("add", case.input(np.float32(2)), case.scalar(3.5), compute=F32))
    case.check()


def test_in_place():
    memory = np.arange(1003, dtype="f4")
    case = GridCase(MAP, (1003,))
    x = case.input(memory)
    case.output(case.node("mul", x, x), into=memory)
    case.run()
    np.testing.assert_array_equal(memory, np.arange(1003, dtype="f4") ** 2)


def test_numbers_of_elements():
    case = GridCase(MAP, (3, 50))
    case.output(case.node("arange", case.scalar(5.0), case.scalar(3.0), compute=F64))
    case.check(pieces=4)


@pytest.mark.parametrize("dtype", [U8, F16, F32, F64], ids=str)
@pytest.mark.parametrize("shape", [(1, 1), (32, 32), (33, 31), (5, 100), (2, 3, 40, 35)])
def test_tiles(shape, dtype):
    swapped = shape[:-2] + (shape[-1], shape[-2])
    case = GridCase(TILE, shape)
    x = case.input(np.swapaxes(maps.data(dtype, swapped), -1, -2))
    case.output(case.node("add", x, case.input(maps.data(dtype, shape, 1))))
    case.check(pieces=3)
    assert case.run().counts["shared_load"] or min(shape[-2:]) == 1


# ---- reductions, scans, row kernels ----


@pytest.mark.parametrize("dtype", [F32, F64, F16, BF16, I32, I64, U8, BOOL], ids=str)
@pytest.mark.parametrize("row", reduces.ROWS, ids=lambda r: r.name)
def test_every_reduction_in_every_type(row, dtype):
    if not supports(row, dtype):
        pytest.skip("the row does not list the type")
    for schedule in (ROW, COLUMN):
        for n in (1, 70):
            arrays = [reduces.oriented(reduces.data(dtype, (5, n), s), schedule) for s in range(row.arity)]
            reduces.check(on_grid(reduces.reduce_case(row, schedule, arrays, dtype)), row, dtype)


@SCHEDULES
@pytest.mark.parametrize("n", [2, 31, 32, 128, 129, 1024, 1025, 4100])
def test_lengths(n, schedule):
    for name in ("sum", "amax", "argmin", "var"):
        case = on_grid(reduces.reduce_case(TABLE[name], schedule, [reduces.oriented(reduces.data(F32, (3, n)), schedule)], F32))
        reduces.check(case, TABLE[name], F32)


@pytest.mark.parametrize("n", [31, 33, 1024, 1025])
@pytest.mark.parametrize("row", [r for r in reduces.ROWS if isinstance(r, Scan)], ids=lambda r: r.name)
def test_scans_of_any_length(row, n):
    """By a warp or by the block, tile after tile; ties and NaN included."""
    x = reduces.data(F32, (3, n))
    x = np.clip(x, -1, 1) if row.name != "cumprod" else 1 + x / 1e3
    x[1, n // 2], x[2, 5:9] = np.nan, -np.inf if row.name == "cummax" else 1
    reduces.check(on_grid(reduces.reduce_case(row, ROW, [x], F32)), row, F32)
    case = on_grid(reduces.reduce_case(row, ROW, [x], F32))
    scans = case.run().counts
    assert scans["shuffle_up"] and (scans["barrier"] > 0) == (n > 1024)


def test_scans_of_scans_and_folds_of_scans():
    for n in (40, 3000):
        case = GridCase(ROW, (3, n), 1)
        first = case.node("cumsum", case.input(reduces.data(F32, (3, n))))
        case.output(first)
        second = case.node("cummax", first)
        case.output(second)
        case.output(case.node("amin", second), per_row=True)
        case.check(rtol=1e-5, atol=1e-5)


@SCHEDULES
def test_kept_and_row_dimensions(schedule):
    for name in ("sum", "argmax", "var_mean", "cumsum"):
        x = reduces.data(F32, (4, 6, 3, 20, 5))
        x = x.transpose(0, 2, 1, 4, 3) if schedule == ROW else x.transpose(3, 1, 4, 0, 2)
        reduces.check(on_grid(reduces.reduce_case(TABLE[name], schedule, [x], F32, row_rank=2)), TABLE[name], F32)


@SCHEDULES
def test_results_do_not_depend_on_the_grid(schedule):
    for shape in ((100, 333), (9, 3000)):
        x = reduces.oriented(reduces.data(F32, shape), schedule)
        seen = set()
        for blocks, pieces in ((1, 1), (3, 1), (8, 3)):
            case = on_grid(reduces.reduce_case(TABLE["sum"], schedule, [x], F32))
            case.run(pieces, blocks)
            seen.add(reduces.outputs(case)[0].tobytes())
        assert len(seen) == 1


def test_long_rows_take_the_block_and_short_ones_a_warp():
    def barriers(n):
        return on_grid(reduces.reduce_case(TABLE["sum"], ROW, [reduces.data(F32, (3, n))], F32)).run().counts["barrier"]
    assert barriers(1024) == 0 and barriers(1025) == 2


@SCHEDULES
@pytest.mark.parametrize("dtype", [F32, F64, F16], ids=str)
@pytest.mark.parametrize("name", rowwise.ARGUMENTS)
def test_row_kernel(name, dtype, schedule):
    tolerance = {2: 3e-2, 4: 3e-5, 8: 1e-11}[dtype.bytes]
    for n in (1, 200, 1100):
        on_grid(rowwise.built(name, schedule, dtype, 6, n)).check(rtol=tolerance, atol=tolerance, pieces=2)


@SCHEDULES
@pytest.mark.parametrize("n", [100, 2000])
def test_softmax_in_place(schedule, n):
    x = np.random.default_rng(0).normal(size=(9, n)).astype("f4")
    memory = x.copy() if schedule == ROW else np.ascontiguousarray(x.T).T
    case = GridCase(schedule, (9, n), 1)
    case.output(case.node("softmax", case.input(memory)), into=memory)
    case.run()
    np.testing.assert_allclose(memory, rowwise.softmax(x.astype("f8")), rtol=2e-6)


@SCHEDULES
@pytest.mark.parametrize("n", [40, 2000])
def test_a_result_per_row_over_an_input_per_row(schedule, n):
    """The threads of a row read one element that one of them overwrites."""
    x = reduces.oriented(reduces.data(F32, (5, n)), schedule)
    mean = x.mean(1, keepdims=True).copy()
    want = x - mean
    case = GridCase(schedule, (5, n), 1)
    rows = case.input(mean)
    got = case.output(case.node("sub", case.input(x), rows))
    case.output(case.node("mul", rows, case.scalar(2.0), compute=F32), per_row=True, into=mean[:, 0])
    case.run()
    np.testing.assert_array_equal(got, want)


@SCHEDULES
@pytest.mark.parametrize("name", ["sum", "argmax", "var_mean", "logsumexp", "any", "dot"])
def test_two_stages(name, schedule, monkeypatch):
    monkeypatch.setattr(reduces, "Case", GridCase)
    reduces.test_two_stages(name, schedule)


# ---- circuits ----


@pytest.mark.parametrize("seed", share(range(100), 4))
def test_random_circuits_with_rows(seed, monkeypatch):
    """A circuit gives bit for bit what its ops give one by one."""
    monkeypatch.setattr(fusion, "Case", GridCase)
    with np.errstate(all="ignore"):
        fusion.check(fusion.random_case(seed))


@pytest.mark.parametrize("seed", share(range(100), 4))
def test_random_elementwise_circuits(seed):
    """Bit for bit what the interpreter and the CPU's kernel give."""
    case = random_elementwise(seed)
    with np.errstate(all="ignore"):
        case.run()
        on_cpu = results(case)
        on_grid(case).check()
    assert results(case) == on_cpu


def random_elementwise(seed):
    rng = np.random.default_rng(seed)
    pick = lambda items: items[rng.integers(len(items))]
    schedule, shape = pick([(MAP, (777,)), (MAP, (12, 40)), (MAP, (5, 33)), (TILE, (40, 35))])
    case = Case(schedule, shape)
    types = [F32, F32, F16, BF16, I32, BOOL, U8] + ([F64] if seed % 2 else [])
    refs = []
    for k in range(4):
        dtype, kind = pick(types), rng.integers(4)
        x = maps.data(dtype, shape, k)
        x = x if kind < 2 else np.swapaxes(maps.data(dtype, shape[::-1], k), 0, -1) if kind == 2 else x[..., :1]
        refs.append(case.input(x, dtype))
    for _ in range(rng.integers(3, 14)):
        row = pick([r for r in ELEMENTWISE if r.results == 1 and r.arity <= 3 and set(r.kinds or "v") <= set("vb")])
        dtype = pick([t for t in (F32, F32, F16, F64 if seed % 2 else F32, I32, BOOL) if supports(row, t)] or [None])
        if dtype is None:
            continue
        result = BOOL if row.rule == "bool" else dtype
        refs.append(case.node(row.name, *(pick(refs) for _ in range(row.arity)), compute=dtype, result=result))
    for ref in dict.fromkeys([refs[-1], *(r for r in refs[4:] if rng.integers(3) == 0)]):
        case.output(ref) if ref.kind == "value" else case.output(case.node("copy", ref))
    return case


# ---- what the emulator refuses ----


def run_by_hand(write, threads=64, blocks=1):
    """Runs a kernel written with a Recorder over 256 floats: write(b, address of element number n)."""
    from hologram_core.codegen.gpu.kernel import Grid
    from hologram_core.codegen.gpu.program import Recorder

    b, memory = Recorder(), np.zeros(256, "f4")
    write(b, lambda n: b.advance(b.operand(0), n, "float"))
    grid.Emulator(b, Grid(threads, 1, 3), blocks, 0, 0, [memory.ctypes.data], [], grid.Memory([memory])).run()
    return memory


def number(b, n):
    return b.const(n, I64)


def test_stores_outside_are_refused():
    with pytest.raises(grid.GridError, match="outside"):
        run_by_hand(lambda b, at: b.store(b.const(1, F32), at(b.add(b.thread(), number(b, 200))), F32))


def test_stores_of_two_threads_to_one_place_are_refused():
    with pytest.raises(grid.GridError, match="two threads"):
        run_by_hand(lambda b, at: b.store(b.const(1, F32), at(b.shr(b.thread(), number(b, 1))), F32))


def test_misaligned_vectors_are_refused():
    with pytest.raises(grid.GridError, match="misaligned"):
        run_by_hand(lambda b, at: b.load_vector(at(b.add(b.thread(), number(b, 1))), F32, 2))


def test_barriers_that_some_threads_miss_are_refused():
    def write(b, at):
        with b.when(b.lt(b.thread(), number(b, 40))):
            b.barrier()
    with pytest.raises(grid.GridError, match="barrier"):
        run_by_hand(write)


def test_shuffles_of_part_of_a_warp_are_refused():
    def write(b, at):
        with b.when(b.lt(b.thread(), number(b, 40))):
            b.shuffle_down(b.thread(), 1)
    with pytest.raises(grid.GridError, match="diverged"):
        run_by_hand(write)


@pytest.mark.parametrize("barrier", [False, True])
def test_races_in_shared_memory_are_refused(barrier):
    def write(b, at):
        array = b.shared(0, I64, 64)
        b.shared_store(array, b.thread(), b.thread())
        if barrier:
            b.barrier()
        other = b.shared_load(array, b.xor(b.thread(), number(b, 63)))
        b.store(b.cast(other, F32), at(b.thread()), F32)
    if barrier:
        np.testing.assert_array_equal(run_by_hand(write)[:64], np.arange(64)[::-1])
    else:
        with pytest.raises(grid.GridError, match="interval"):
            run_by_hand(write)


def test_uses_outside_of_their_scope_are_refused():
    def write(b, at):
        with b.when(b.lt(b.thread(), number(b, 4))):
            inside = b.load(at(b.thread()), F32)
        b.store(inside, at(b.thread()), F32)
    with pytest.raises(ValueError, match="outside of the scope"):
        run_by_hand(write)


def test_the_nest_is_the_same_for_every_builder():
    """What ptxas sees is what the emulator ran: as many loads, stores, barriers and shuffles in the text of both."""
    from hologram_core.codegen.gpu import nvptx
    from hologram_core.codegen.gpu.program import Let, LoopItem, WhenItem

    def count(scope, op):
        total = 0
        for item in scope.items:
            if isinstance(item, (LoopItem, WhenItem)):
                total += count(item.body, op)
            elif isinstance(item, Let) and item.op == op:
                total += 1
        return total

    for make in (lambda: rowwise.built("softmax", ROW, F32, 4, 100), lambda: rowwise.built("layer_norm", COLUMN, F32, 4, 100),
                 lambda: op_case(TABLE["gelu"], F32),
                 lambda: reduces.reduce_case(TABLE["cumsum"], ROW, [reduces.data(I32, (3, 40))], I32)):
        circuit = pipeline.prepare(encode(make().circuit))
        recorder, shape = grid.record(circuit)
        builder, other = nvptx.build(circuit)
        lines = "\n".join(map(str, builder.text.blocks))
        assert shape == other
        for op, text in (("store", r"^  store [a-z]"), ("store_vector", "^  store <"), ("load_vector", " = load <"),
                         ("barrier", "call void @llvm.nvvm.barrier"), ("shuffle_down", r"@llvm.nvvm.shfl.sync.down.i32\("),
                         ("shuffle_up", r"@llvm.nvvm.shfl.sync.up.i32\("),
                         ("lane", r"@llvm.nvvm.shfl.sync.idx.i32\(")):
            shared = count(recorder.program, "shared_store") if op == "store" else 0
            assert len(re.findall(text, lines, re.M)) == count(recorder.program, op) + shared, op
