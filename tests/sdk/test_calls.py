"""hg.ops: the documents' ops against NumPy, and every row of the tables against the interpreter."""

import builtins

import numpy as np
import pytest

import hologram_core as hg
from hologram_core import _runtime as rt
from hologram_core import dtypes
from hologram_core.circuit.ir import MAP, ROW
from hologram_core.op_signature import describe
from hologram_core.optable import TABLE
from hologram_core.optable.table import Elementwise
from tests.compiler.kernels import Case
from tests.core_modes import deferred

N = 1000

FLOATS = ["float32", "float64", "float16"]
RTOL = {"float16": 2e-3, "float32": 2e-6, "float64": 1e-12}


@pytest.fixture(scope="module")
def executor():
    with hg.Executor() as e:
        yield e


def numbers(dtype, n=N, seed=0, low=-4.0, high=4.0):
    values = np.random.default_rng(seed).uniform(low, high, n)
    return values.astype(dtype) if np.dtype(dtype).kind == "f" else np.rint(values * 5).astype(dtype)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gelu(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x ** 3)))


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


@pytest.mark.parametrize("dtype", [*FLOATS, "int32", "int64", "int8", "uint8"])
@pytest.mark.parametrize("name, expected", [
    ("vector_add", np.add), ("vector_sub", np.subtract), ("vector_mul", np.multiply), ("vector_div", np.divide),
    ("vector_min", np.minimum), ("vector_max", np.maximum)])
def test_two_arrays(executor, name, expected, dtype):
    if name == "vector_div" and dtype not in FLOATS:
        pytest.skip("divides floats")
    x, y = numbers(dtype), numbers(dtype, seed=1, low=1)
    a, b, c = executor.from_numpy(x), executor.from_numpy(y), executor.allocate(N, dtype)
    getattr(hg.ops, name)(executor, a, b, c)
    np.testing.assert_array_equal(c.to_numpy(), expected(x, y))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name, expected, more", [
    ("vector_abs", np.abs, ()), ("vector_neg", np.negative, ()), ("vector_relu", lambda x: np.maximum(x, 0), ()),
    ("vector_clip", lambda x: np.clip(x, -1, 2), (-1, 2.0)), ("scalar_add", lambda x: x + np.asarray(2.5, x.dtype), (2.5,)),
    ("scalar_mul", lambda x: x * np.asarray(3, x.dtype), (3,)), ("sigmoid", sigmoid, ()), ("tanh", np.tanh, ()), ("gelu", gelu, ()),
    ("softmax", softmax, ())])
def test_one_array(executor, name, expected, more, dtype):
    x = numbers(dtype)
    a, c = executor.from_numpy(x), executor.allocate(N, dtype)
    getattr(hg.ops, name)(executor, a, c, *more)
    np.testing.assert_allclose(c.to_numpy(), expected(x.astype("float64")), rtol=RTOL[dtype] * 4, atol=RTOL[dtype])


def test_gelu_is_the_tanh_approximation_unless_told_otherwise(executor):
    x = executor.from_numpy(np.array([1.0, 3.0], np.float32))
    y, z = executor.allocate(2), executor.allocate(2)
    hg.ops.gelu(executor, x, y)
    hg.ops.gelu(executor, x, z, approximate="none")
    np.testing.assert_allclose(y.to_numpy(), gelu(x.to_numpy()), rtol=1e-6)
    np.testing.assert_allclose(z.to_numpy(), [0.8413447, 2.9959503], rtol=1e-6)
    with pytest.raises(ValueError, match="approximate"):
        hg.ops.gelu(executor, x, y, approximate="fast")


@pytest.mark.parametrize("n", [1, 7, 3072, 3073, 10_000, 300_000])
def test_reductions_take_every_element(executor, n):
    x = numbers("float32", n)
    a, out = executor.from_numpy(x), executor.allocate(1)
    assert hg.ops.reduce_sum(executor, a, out) == pytest.approx(x.sum(dtype="f8"), rel=1e-4, abs=1e-3)
    assert hg.ops.reduce_min(executor, a, out) == x.min() == out.to_numpy()[0]
    assert hg.ops.reduce_max(executor, a, out) == x.max()
    assert hg.ops.reduce_max(executor, a, out, 1) == x[0]
    assert isinstance(hg.ops.reduce_sum(executor, a, out), float)


def test_ops_named_like_functions_of_python_do_not_take_their_place(executor):
    ops = [getattr(hg.ops, name) for name in hg.ops.names()]
    assert len(ops) > 200 and all(map(callable, ops))
    assert not {"any", "all", "sum", "abs", "pow", "round"} - set(hg.ops.names()) and not set(hg.ops.names()) & set(vars(builtins)) & set(vars(hg.ops))
    a = executor.allocate(4)
    a.from_numpy(np.arange(4, dtype=np.float32))
    c = executor.allocate(4)
    hg.ops.gemm(executor, a, a, c, 2, 2, 2)
    assert c.to_numpy().tolist() == [2, 3, 6, 11]


def test_sum_of_integers(executor):
    a, out = executor.from_numpy(np.full(100, 100, np.int8)), executor.allocate(1, "int64")
    assert hg.ops.reduce_sum(executor, a, out) == 10_000
    assert hg.ops.reduce_sum(executor, executor.allocate(0), executor.allocate(1)) == 0


@pytest.mark.parametrize("n", [5, 4000, 100_000])
def test_losses(executor, n):
    p, t = numbers("float32", n, low=0.01, high=0.99), numbers("float32", n, seed=3, low=0, high=1)
    t[:2] = 0, 1
    p[:2] = 0, 1           # 0 * ln 0 is 0, and the cross-entropy's logarithms end at -100
    a, b, out = executor.from_numpy(p), executor.from_numpy(t), executor.allocate(1)
    assert hg.ops.mse_loss(executor, a, b, out) == pytest.approx(((p - t) ** 2).mean(), rel=1e-5)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(t == 0, 0, t * np.log(p.astype("f8")))
        logs = np.maximum(np.log(p.astype("f8")), -100), np.maximum(np.log(1 - p.astype("f8")), -100)
    assert hg.ops.cross_entropy_loss(executor, a, b, out) == pytest.approx(-terms.mean(), rel=1e-5)
    assert hg.ops.binary_cross_entropy_loss(executor, a, b, out) == pytest.approx(-(t * logs[0] + (1 - t) * logs[1]).mean(), rel=1e-5)


@deferred
def test_a_loss_is_one_kernel(executor):
    a, b, out = executor.from_numpy(numbers("float32")), executor.from_numpy(numbers("float32", seed=2)), executor.allocate(1)
    hg.ops.mse_loss(executor, a, b, out)
    executor.synchronize()
    before = rt.counters()["launched"]
    hg.ops.mse_loss(executor, a, b, out)
    assert rt.counters()["launched"] - before == 1


@pytest.mark.parametrize("m, n, k", [(2, 3, 4), (5, 1, 7), (1, 1, 1), (33, 17, 65), (3, 4, 0)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int32"])
def test_products_of_matrices(executor, m, n, k, dtype):
    a, b, x = numbers(dtype, m * k), numbers(dtype, k * n, 1), numbers(dtype, k, 2)
    c, y = executor.allocate(m * n, dtype), executor.allocate(m, dtype)
    hg.ops.gemm(executor, executor.from_numpy(a), executor.from_numpy(b), c, m, n, k)
    np.testing.assert_allclose(c.to_numpy().reshape(m, n), a.reshape(m, k) @ b.reshape(k, n), rtol=1e-2 if dtype == "float16" else 1e-5)
    hg.ops.matvec(executor, executor.from_numpy(a), executor.from_numpy(x), y, m, k)
    np.testing.assert_allclose(y.to_numpy(), a.reshape(m, k) @ x, rtol=2e-2 if dtype == "float16" else 1e-5, atol=1e-2)


def test_a_product_waits_for_recorded_ops(executor):
    a, b, c = executor.allocate(4).fill(2), executor.allocate(4).fill(3), executor.allocate(4)
    hg.ops.scalar_add(executor, a, a, 1)
    hg.ops.gemm(executor, a, b, c, 2, 2, 2)
    hg.ops.scalar_mul(executor, c, c, 10)
    assert (c.to_numpy() == 180).all()
    hg.ops.gemm(executor, a, b, a, 2, 2, 2)
    assert (a.to_numpy() == 18).all()
    for bad in ((3, 2, 2), (2, 2, 3), (-1, 2, 2), (2.0, 2, 2)):
        with pytest.raises(ValueError):
            hg.ops.gemm(executor, a, b, c, *bad)


def test_rows_of_a_matrix(executor):
    x = numbers("float32", 60).reshape(12, 5)
    a, y, s, i = executor.from_numpy(x), executor.allocate(60), executor.allocate(12), executor.allocate(12, "int64")
    hg.ops.softmax(executor, a, y, None, 5)
    np.testing.assert_allclose(y.to_numpy().reshape(12, 5), np.apply_along_axis(softmax, 1, x), rtol=1e-5)
    hg.ops.row("sum")(executor, a, s, None, 5)
    np.testing.assert_allclose(s.to_numpy(), x.sum(1), rtol=1e-4, atol=1e-5)
    hg.ops.argmax(executor, a, i, None, 5)
    np.testing.assert_array_equal(i.to_numpy(), x.argmax(1))
    weight, bias, mean = executor.allocate(5).fill(2), executor.allocate(5).fill(1), executor.allocate(12)
    hg.ops.layer_norm(executor, a, weight, bias, 1e-5, y, mean, None, None, 5)
    expected = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5) * 2 + 1
    np.testing.assert_allclose(y.to_numpy().reshape(12, 5), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(mean.to_numpy(), x.mean(1), rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match="rows of 7"):
        hg.ops.softmax(executor, a, y, None, 7)
    with pytest.raises(ValueError, match="no rows"):
        hg.ops.exp(executor, a, y, None, 5)
    with pytest.raises(ValueError, match="are needed"):
        hg.ops.row("sum")(executor, a, weight, None, 5)


def test_copy_converts(executor):
    a, b = executor.from_numpy(np.array([1.7, -2.3, 300], np.float32)), executor.allocate(3, "int16")
    hg.ops.copy(executor, a, b)
    np.testing.assert_array_equal(b.to_numpy(), [1, -2, 300])


def test_numpy_scalars_are_numbers(executor):
    a = executor.allocate(4).fill(np.float32(2))
    hg.ops.scalar_add(executor, a, a, np.float32(1.5))
    hg.ops.scalar_mul(executor, a, a, np.int64(2))
    assert (a.to_numpy() == 7).all()


# ---- every row ----

def arguments(row, d, dtype):
    low, high = getattr(row, "sample", (-4.0, 4.0))
    for k, kind in enumerate(d.kinds):
        if kind == "b":
            yield np.arange(N) % 3 == 0
        elif kind == "i":
            yield np.arange(N, dtype=np.int64) % 5
        elif kind == "d":
            yield float(k + 1)
        elif kind == "p":
            yield 0.5 + k if dtype.is_float else k + 1
        else:
            data = numbers("float64", seed=k, low=low, high=high)
            yield data.astype(dtype.numpy) if dtype.is_float else np.rint(np.abs(data) + 1).astype(dtype.numpy)


TABLE_ROWS = [row for row in TABLE if hasattr(row, "expr") or hasattr(row, "expand") or hasattr(row, "step")]


@pytest.mark.parametrize("row", TABLE_ROWS, ids=lambda row: row.name)
def test_every_row(executor, row):
    d = describe(row.name)
    dtype = dtypes.F32 if "f" in row.dtypes else dtypes.I32
    elementwise = isinstance(row, Elementwise)
    case = Case(MAP if elementwise else ROW, (N,) if elementwise else (1, N), 0 if elementwise else 1)
    values = list(arguments(row, d, dtype))
    for k in range(d.num_args):
        if d.fixed_args >> k & 1:
            values[k] = np.array([3], np.int64) if "target" in row.doc and k in (1, 3) else values[k][:1]
    if row.name in ("nll_row", "cross_entropy_row"):
        values[3] = -100
    if row.name in ("cross_entropy_row_backward", "nll_row_backward"):
        values[-1], values[-3] = -100, np.array([3], np.int64)
    refs, given = [], []
    for value in values:
        if isinstance(value, np.ndarray):
            shaped = value if elementwise else value.reshape(1, -1)
            refs.append(case.input(shaped))
            given.append(executor.from_numpy(value))
        else:
            refs.append(case.scalar(value))
            given.append(value)
    compute = dtypes.BOOL if d.compute == "bool" else dtype
    types = [compute if t == "T" else dtypes.BY_NAME[t] for t in d.result_types]
    first = case.node(row.name, *refs, compute=compute, result=types[0])
    outs = []
    for k, t in enumerate(types):
        fixed = bool(d.fixed_results >> k & 1)
        case.output(first, number=k, per_row=fixed)
        outs.append(executor.allocate(1 if fixed else N, t))
    hg.ops.row(row.name)(executor, *given, *outs, *((N,) if elementwise else ()))
    for out, want in zip(outs, case.expected()):
        want = np.broadcast_to(np.ravel(want)[:len(out)] if out.length == 1 else np.ravel(want), (len(out),))
        got = out.to_numpy()
        if got.dtype.kind == "f":
            np.testing.assert_allclose(got, want, rtol=2e-4, atol=1e-4 if not elementwise else 0, equal_nan=True)
        else:
            np.testing.assert_array_equal(got, want)


def test_every_row_has_a_name_in_ops():
    assert all(callable(getattr(hg.ops, row.name)) for row in TABLE)
    assert set(TABLE.codes) <= set(dir(hg.ops))
