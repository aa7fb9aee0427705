"""Row kernels against the interpreter, and against closed forms in float64."""

import numpy as np
import pytest

from hologram_core.circuit import pipeline
from hologram_core.circuit.ir import COLUMN, ROW
from hologram_core.circuit.key import encode
from hologram_core.codegen.cpu.loops import build
from hologram_core.dtypes import BF16, F16, F32, F64
from hologram_core.optable import TABLE
from hologram_core.optable.table import RowKernel
from kernels import Case

# Arguments: x whole rows, w one row for all, r one element per row, t a class per row, e epsilon, i the ignored class, n the
# elements of a row.
ARGUMENTS = dict(softmax="x", log_softmax="x", softmax_backward="xx", log_softmax_backward="xx", layer_norm="xwwe",
                 layer_norm_backward_input="xxrrw", rms_norm="xwe", rms_norm_backward_input="xxrw", batch_norm="xrre", batch_norm_backward="xxrrrn", nll_row="xtwi",
                 nll_row_backward="rtwi", cross_entropy_row="xtwi", cross_entropy_row_backward="rxrtwi", gather_row="xt")
PER_ROW = dict(layer_norm=(0, 1, 1), rms_norm=(0, 1), batch_norm=(0, 1, 1, 1), batch_norm_backward=(0, 1, 1), nll_row=(1, 1), cross_entropy_row=(1, 1, 1),
               gather_row=(1,))


def test_every_row_kernel_is_tested():
    assert {r.name for r in TABLE if isinstance(r, RowKernel)} == set(ARGUMENTS)


def built(name, schedule, dtype, rows, n, seed=0):
    rng = np.random.default_rng(seed)
    case = Case(schedule, (rows, n), 1)

    def to(array):
        if dtype is BF16:
            return (array.astype("f4").view(np.uint32) >> 16).astype(np.uint16)
        return array.astype(dtype.numpy)

    def argument(kind):
        if kind == "x":
            array = to(rng.normal(size=(rows, n)))
            return case.input(array if schedule == ROW else np.ascontiguousarray(array.T).T, dtype)
        if kind == "t":
            return case.input(rng.integers(-1, n, size=(rows, 1)))
        if kind in "wr":
            return case.input(to(np.abs(rng.normal(size=(1, n) if kind == "w" else (rows, 1)))), dtype)
        return case.scalar({"e": 1e-5, "i": -1, "n": float(n)}[kind])

    node = case.node(name, *[argument(k) for k in ARGUMENTS[name]], compute=dtype, result=dtype)
    for number in range(TABLE[name].results):
        into = np.zeros((n, rows), dtype.numpy).T if schedule == COLUMN else np.zeros((rows, n), dtype.numpy)
        per_row = PER_ROW.get(name, (0,))[number]
        case.output(node, number, per_row=per_row, into=None if per_row else into)
    return case


@pytest.mark.parametrize("schedule", [ROW, COLUMN], ids=["row", "column"])
@pytest.mark.parametrize("dtype", [F32, F64, F16, BF16], ids=str)
@pytest.mark.parametrize("name", ARGUMENTS)
def test_row_kernel(name, dtype, schedule):
    tolerance = {2: 3e-2, 4: 3e-5, 8: 1e-11}[dtype.bytes]
    for n in (1, 10, 16, 33, 300):
        built(name, schedule, dtype, 20, n).check(rtol=tolerance, atol=tolerance, pieces=2)


def softmax(x):
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


@pytest.mark.parametrize("schedule", [ROW, COLUMN], ids=["row", "column"])
def test_softmax_in_place(schedule):
    """The output may lie over the input, also where the kernel keeps exponentials in the output."""
    x = np.random.default_rng(0).normal(size=(9, 100)).astype("f4")
    memory = x.copy() if schedule == ROW else np.ascontiguousarray(x.T).T
    case = Case(schedule, (9, 100), 1)
    case.output(case.node("softmax", case.input(memory)), into=memory)
    case.run()
    np.testing.assert_allclose(memory, softmax(x.astype("f8")), rtol=2e-6)


def test_softmax_extremes():
    x = np.array([[0, 1e30, -1e30], [-np.inf, 0, 0], [-np.inf] * 3, [np.nan, 0, 0]], "f4")
    case = Case(ROW, x.shape, 1)
    got = case.output(case.node("softmax", case.input(x)))
    case.run()
    want = [[0, 1, 0], [0, 0.5, 0.5], [np.nan] * 3, [np.nan] * 3]
    np.testing.assert_array_equal(got, np.array(want, "f4"))


def test_batch_norm():
    """A row is a channel: weight and bias are one number for it."""
    rng = np.random.default_rng(0)
    x, weight, bias = rng.normal(3, 2, size=(7, 500)).astype("f4"), rng.normal(size=(7, 1)), rng.normal(size=(7, 1))
    case = Case(ROW, x.shape, 1)
    node = case.node("batch_norm", case.input(x), case.input(weight.astype("f4")), case.input(bias.astype("f4")), case.scalar(1e-5))
    got = [case.output(node, n, per_row=n > 0) for n in range(4)]
    case.run()
    mean, variance = x.mean(1, dtype="f8"), x.var(1, dtype="f8")
    rstd = 1 / np.sqrt(variance + 1e-5)
    for result, want in zip(got, ((x - mean[:, None]) * rstd[:, None] * weight + bias, mean, rstd, variance)):
        np.testing.assert_allclose(result, want, rtol=1e-5, atol=1e-5)


def test_batch_norm_backward():
    rng = np.random.default_rng(0)
    g, x, weight = rng.normal(size=(7, 500)), rng.normal(3, 2, size=(7, 500)), rng.normal(size=(7, 1))
    mean = x.mean(1, keepdims=True)
    rstd = 1 / np.sqrt(x.var(1, keepdims=True) + 1e-5)
    case = Case(ROW, x.shape, 1)
    node = case.node("batch_norm_backward", *[case.input(a) for a in (g, x, mean, rstd, weight)], case.scalar(500.0))
    got = [case.output(node, n, per_row=n > 0) for n in range(3)]
    case.run()
    normal = (x - mean) * rstd
    want = weight * rstd * (g - g.mean(1, keepdims=True) - normal * (g * normal).mean(1, keepdims=True))
    for result, value in zip(got, (want, (g * normal).sum(1), g.sum(1))):
        np.testing.assert_allclose(result, value, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("schedule", [ROW, COLUMN], ids=["row", "column"])
@pytest.mark.parametrize("name", ["log_softmax", "logsumexp"])
def test_what_is_picked_is_computed_once_per_row(name, schedule):
    """The loss of a row after what it is computed from, in one kernel; positions outside the row give 0."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(12, 70)).astype("f4")
    target = np.array([0, 69, 3, -1, 70, 64, 15, 16, 5, -100, 2 ** 40, 68])[:, None]
    case = Case(schedule, x.shape, 1)
    r = case.input(x if schedule == ROW else np.asfortranarray(x))
    logp = case.node(name, r)
    if name == "logsumexp":
        logp = case.node("sub", r, logp)
    picked = case.output(case.node("gather_row", logp, case.input(target), compute=F32), per_row=True)
    loss = case.output(case.node("nll_row", logp, case.input(target), case.scalar(2.0), case.scalar(5)), per_row=True)
    case.run(pieces=3)
    x = x.astype("f8")
    want = x - np.log(np.exp(x).sum(1, keepdims=True))
    inside = (target >= 0) & (target < 70)
    want = np.where(inside, np.take_along_axis(want, np.where(inside, target, 0), 1), 0)[:, 0]
    np.testing.assert_allclose(picked, want, rtol=1e-5)
    np.testing.assert_allclose(loss, np.where(target[:, 0] == 5, 0, -2 * want), rtol=1e-5)


def test_ignored_rows_do_not_count():
    x = np.array([[1, 2, np.inf], [1, 2, 3]], "f4")
    case = Case(ROW, x.shape, 1)
    target = case.input(np.array([[-100], [1]]))
    node = case.node("cross_entropy_row", case.input(x), target, case.scalar(1.0), case.scalar(-100), compute=F32)
    loss, weight = case.output(node, 0, per_row=True), case.output(node, 2, per_row=True)
    case.run()
    np.testing.assert_allclose(loss, [0, np.log(np.exp([1., 2, 3]).sum()) - 2], rtol=1e-6)
    assert weight.tolist() == [0, 1]


def test_prologue_and_epilogue():
    """Elementwise neighbours run inside the row kernel."""
    x = np.random.default_rng(0).normal(size=(5, 40)).astype("f4")
    case = Case(ROW, x.shape, 1)
    r = case.input(x)
    s = case.node("softmax", case.node("mul", r, case.scalar(2.0)))
    case.output(case.node("mul", s, r))
    case.run()
    np.testing.assert_allclose(case.arrays[-1], softmax(2.0 * x.astype("f8")) * x, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name, asks", [("softmax", True), ("logsumexp", True), ("sum", False)])
def test_the_last_pass_asks_for_the_next_row(name, asks):
    """A light pass over a row waits for memory anyway."""
    case = Case(ROW, (4, 100), 1)
    case.output(case.node(name, case.input(np.zeros((4, 100), "f4"))), per_row=name != "softmax")
    text = build(pipeline.prepare(encode(case.circuit)))[0].text.finish("kernel", "")
    reads = [line for line in text.splitlines() if "call void @llvm.prefetch" in line and "i32 0, i32 3" in line]
    assert bool(reads) == asks
