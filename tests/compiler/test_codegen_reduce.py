"""Reductions and scans: both schedules, all types, any length, stages, and independence from how the range is cut."""

import numpy as np
import pytest

from hologram_core.circuit.ir import COLUMN, MERGE, ROW, SPLIT, Circuit
from hologram_core.dtypes import BF16, BOOL, BY_NAME, F16, F32, F64, I16, I32, I64, U8
from hologram_core.optable import TABLE
from hologram_core.optable.table import Reduction, Scan
from kernels import Case

TOLERANCE = {F16: 1e-2, BF16: 2e-2, F32: 2e-5, F64: 1e-12}
EXACT = {"amax", "amin", "argmax", "argmin", "max_index", "min_index", "any", "all", "count_nonzero", "cummax", "cummin",
         "norm0", "norm_inf", "norm_neg_inf"}
ROWS = [r for r in TABLE if isinstance(r, (Reduction, Scan))]


def data(dtype, shape, seed=0):
    rng = np.random.default_rng(seed)
    if dtype is BOOL:
        return rng.integers(0, 2, shape).astype(bool)
    if dtype is BF16:
        return (rng.normal(size=shape).astype("f4").view(np.uint32) >> 16).astype(np.uint16)
    if dtype.is_float:
        return rng.normal(size=shape).astype(dtype.numpy)
    return rng.integers(-3 if dtype.kind == "i" else 0, 4, shape).astype(dtype.numpy)


def extras(case, row):
    return [case.scalar(1.0)] if row.name.startswith(("var", "std")) else \
        [case.scalar(3.0)] if row.name == "norm_p" else []


def result_type(row, dtype):
    first = row.result_types[0] if row.result_types else "T"
    return dtype if first == "T" else BY_NAME[first]


def reduce_case(row, schedule, arrays, dtype, row_rank=1):
    case = Case(schedule, arrays[0].shape, row_rank)
    args = [case.input(a, dtype) for a in arrays]
    node = case.node(row.name, *args, *extras(case, row), compute=dtype, result=result_type(row, dtype))
    for number in range(row.results):
        case.output(node, number, per_row=isinstance(row, Reduction))
    return case


def outputs(case):
    """The per-row results of a case."""
    first = (slice(None),) * case.circuit.kept_rank + (0,) * case.circuit.row_rank
    return [a[first] for a, o in zip(case.arrays, case.circuit.operands) if o.output]


def check(case, row, dtype):
    exact = row.name in EXACT or not dtype.is_float
    tolerance = 0 if exact else TOLERANCE[dtype]
    case.check(rtol=tolerance, atol=tolerance)


def oriented(array, schedule):
    """The same matrix, contiguous along the dimension the lanes take."""
    return array if schedule == ROW else np.ascontiguousarray(array.T).T


@pytest.mark.parametrize("dtype", [F32, F64, F16, BF16, I32, I64, U8, I16, BOOL], ids=str)
@pytest.mark.parametrize("row", ROWS, ids=lambda r: r.name)
def test_every_reduction_in_every_type(row, dtype):
    if ("i" if dtype.kind == "u" else dtype.kind) not in row.dtypes:
        pytest.skip("the row does not list the type")
    for schedule in (ROW, COLUMN):
        for n in (1, 17, 150):
            arrays = [oriented(data(dtype, (5, n), s), schedule) for s in range(row.arity)]
            check(reduce_case(row, schedule, arrays, dtype), row, dtype)


@pytest.mark.parametrize("schedule", [ROW, COLUMN], ids=["row", "column"])
@pytest.mark.parametrize("n", [2, 15, 16, 63, 64, 65, 127, 300, 4096, 4097, 9000])
def test_lengths(n, schedule):
    for name in ("sum", "amax", "argmin", "var"):
        check(reduce_case(TABLE[name], schedule, [oriented(data(F32, (3, n)), schedule)], F32), TABLE[name], F32)


@pytest.mark.parametrize("schedule", [ROW, COLUMN], ids=["row", "column"])
def test_kept_and_row_dimensions(schedule):
    for name in ("sum", "argmax", "var_mean", "cumsum"):
        x = data(F32, (4, 6, 3, 20, 5))
        x = x.transpose(0, 2, 1, 4, 3) if schedule == ROW else x.transpose(3, 1, 4, 0, 2)
        case = reduce_case(TABLE[name], schedule, [x], F32, row_rank=2)
        check(case, TABLE[name], F32)


@pytest.mark.parametrize("schedule", [ROW, COLUMN], ids=["row", "column"])
def test_empty_rows_give_the_identity(schedule):
    for name, want in (("sum", 0), ("prod", 1), ("amax", -np.inf), ("mean", np.nan), ("var", np.nan), ("any", False),
                       ("logsumexp", -np.inf), ("norm2", 0)):
        row = TABLE[name]
        case = Case(schedule, (4, 0), 1)
        node = case.node(name, case.input(np.zeros((4, 0), "f4")), *extras(case, row), compute=F32, result=result_type(row, F32))
        got = case.output(node, per_row=True)
        case.run()
        np.testing.assert_array_equal(got, np.full(4, want))


@pytest.mark.parametrize("schedule", [ROW, COLUMN], ids=["row", "column"])
def test_nan_and_infinities(schedule):
    rows = np.zeros((8, 70), "f4")
    rows[0, 3] = rows[1, 69] = rows[2, [5, 9]] = np.nan
    rows[3, 4], rows[4, 40], rows[5] = np.inf, -np.inf, -np.inf
    rows[6, [20, 60]] = 5
    rows[7] = -0.0
    for name in ("sum", "amax", "amin", "argmax", "argmin", "max_index", "min_index", "nansum", "logsumexp", "norm_inf", "any",
                 "cummax", "cummin", "logcumsumexp"):
        case = reduce_case(TABLE[name], schedule, [oriented(rows, schedule)], F32)
        check(case, TABLE[name], F32)


def test_order_of_the_range_does_not_matter():
    """Any cut of the kept range gives the same bits: results cannot depend on the number of threads."""
    for schedule in (ROW, COLUMN):
        x = oriented(data(F32, (100, 333)), schedule)
        results = []
        for pieces in (1, 3, 7):
            case = reduce_case(TABLE["sum"], schedule, [x], F32)
            case.run(pieces)
            results.append(outputs(case)[0].tobytes())
        assert len(set(results)) == 1


def test_long_sums_are_accurate():
    x = np.full((1, 3_000_000), 0.1, "f4")
    case = reduce_case(TABLE["sum"], ROW, [x], F32)
    case.run()
    exact = np.float64(np.float32(0.1)) * 3_000_000
    assert abs(outputs(case)[0][0] - exact) < 1e-6 * exact


def test_fused_neighbours():
    """Elementwise inputs, two reductions in one pass, a second one that needs the first, outputs of both levels."""
    for schedule in (ROW, COLUMN):
        x = oriented(data(F32, (6, 90)), schedule)
        case = Case(schedule, x.shape, 1)
        r = case.input(x)
        square = case.node("mul", r, r)
        mean, total = case.node("mean", square), case.node("amax", r)
        centred = case.node("sub", square, mean)
        again = case.node("sum", centred)
        shifted = case.node("add", case.node("mul", centred, total), again)
        case.output(shifted)
        case.output(mean, per_row=True)
        case.output(case.node("neg", again), per_row=True)
        case.check(rtol=1e-4, atol=1e-4)


def test_results_of_two_values_are_one_pass_over_memory():
    case = Case(ROW, (3, 100), 1)
    x = case.input(data(F32, (3, 100)))
    case.output(case.node("amin", x), per_row=True)
    case.output(case.node("amax", x), per_row=True)
    case.check()


@pytest.mark.parametrize("schedule", [ROW, COLUMN], ids=["row", "column"])
@pytest.mark.parametrize("name", ["sum", "mean", "amax", "argmax", "max_index", "var_mean", "norm2", "logsumexp", "any", "dot"])
def test_two_stages(name, schedule):
    """Stage one stores the accumulators of chunks, stage two combines them."""
    row, kept, n, chunk = TABLE[name], 3, 1000, 300
    dtype, chunks = F32, -(-1000 // 300)
    arrays = [oriented(data(dtype, (kept, n), s), schedule) for s in range(row.arity)]
    whole = reduce_case(row, schedule, arrays, dtype)

    first = Case(schedule, (chunks, kept, chunk), 1, SPLIT)
    args = []
    for a in arrays:
        s = a.strides
        padded = np.lib.stride_tricks.as_strided(a, (chunks, kept, chunk), (chunk * s[1], s[0], s[1]))
        args.append(first.input(padded, dtype))
    node = first.node(name, *args, *extras(first, row), compute=dtype, result=result_type(row, dtype))
    types = [dtype if t == "T" else BY_NAME[t] for t in row.components]
    scratch = [first.output(node, k, per_row=True, dtype=t) for k, t in enumerate(types)]
    first.extras = [chunk, n]
    first.run(pieces=2)

    for merging in (ROW, COLUMN):
        second = Case(merging, (kept, chunks), 1, MERGE)
        parts = [second.input(s.T, t) for s, t in zip(scratch, types)]
        merged = second.node(name, *parts, *extras(second, row), compute=dtype, result=result_type(row, dtype))
        got = [second.output(merged, k, per_row=True) for k in range(row.results)]
        second.extras = [n]
        second.run()
        for result, want in zip(got, whole.expected()):
            np.testing.assert_allclose(result, want.reshape(kept), rtol=2e-5, atol=1e-5)


def test_scan_results_feed_other_nodes():
    for schedule in (ROW, COLUMN):
        x = oriented(data(F32, (4, 50)), schedule)
        case = Case(schedule, x.shape, 1)
        total = case.node("cumsum", case.input(x))
        case.output(case.node("sub", total, case.node("amax", total)))
        case.check(rtol=1e-5, atol=1e-5)


def test_circuit_prints():
    text = str(reduce_case(TABLE["argmax"], ROW, [data(F32, (2, 3))], F32).circuit)
    assert isinstance(Circuit(ROW, 1), Circuit) and "%0: i64 = argmax.f32($0)" in text and "<- %0" in text
