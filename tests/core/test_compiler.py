"""hg.compile and hg.Circuit."""

import threading

import numpy as np
import pytest

import hologram_core as hg
from hologram_core import _runtime as rt
from tests.modes import deferred

N = 500



@pytest.fixture
def executor():
    with hg.Executor() as e:
        yield e


def data(seed=0, n=N, dtype="float32"):
    return np.random.default_rng(seed).standard_normal(n).astype(dtype)


def normalise(x):
    centred = x - x.mean()
    return centred / ((centred * centred).mean() + 1e-5).sqrt()


@deferred
def test_a_function_becomes_one_kernel(executor):
    x, y = data(), data(1)
    a, b = executor.from_numpy(x), executor.from_numpy(y)
    f = hg.compile(lambda x, y: (2 - (x * y + 1).tanh()) / y.abs().clamp(0.1, 5.0))
    first = f(a, b)      # kept: what nobody can see is never computed
    executor.synchronize()
    before = rt.counters()
    result = f(a, b)
    executor.synchronize()
    after = rt.counters()
    assert after["launched"] - before["launched"] == 1 and after["compiled"] == before["compiled"]
    np.testing.assert_array_equal(result.to_numpy(), first.to_numpy())
    np.testing.assert_allclose(result.to_numpy(), (2 - np.tanh(x * y + 1)) / np.clip(np.abs(y), 0.1, 5), rtol=1e-5)


@pytest.mark.parametrize("n", [1, 5, N, 100_000])
def test_folds_and_what_follows_them(executor, n):
    x = data(n=n)
    result = hg.compile(normalise)(executor.from_numpy(x)).to_numpy()
    np.testing.assert_allclose(result, (x - x.mean()) / np.sqrt(x.var() + 1e-5), rtol=1e-3, atol=1e-4)


def test_compiled_and_plain_agree_bit_for_bit(executor):
    def f(x, y):
        return (x * y + 0.25).sigmoid() - x.exp() / (y * y + 1.5)
    a, b = executor.from_numpy(data()), executor.from_numpy(data(1))
    np.testing.assert_array_equal(hg.compile(f)(a, b).to_numpy(), f(a, b).to_numpy())


def test_functions_that_write(executor):
    @hg.compile
    def step(exec, w, g, lr, n):
        hg.ops.scalar_mul(exec, g, g, -lr, n)
        hg.ops.vector_add(exec, w, g, w, n)
    w, g = executor.from_numpy(data()), executor.from_numpy(data(1))
    for lr in (0.5, 0.25):
        expected = w.to_numpy() - np.float32(lr) * g.to_numpy()
        assert step(executor, w, g, lr, N) is None
        np.testing.assert_allclose(w.to_numpy(), expected, rtol=1e-6, atol=1e-7)


def test_reductions_and_losses_inside(executor):
    @hg.compile
    def loss(exec, p, t, out):
        hg.ops.mse_loss(exec, p, t, out)
    a, b, out = executor.from_numpy(data()), executor.from_numpy(data(1)), executor.allocate(1)
    loss(executor, a, b, out)
    assert out.to_numpy()[0] == pytest.approx(((data() - data(1)) ** 2).mean(), rel=1e-5)


def test_softmax_in_place(executor):
    a = executor.from_numpy(data())
    hg.compile(lambda exec, x: hg.ops.softmax(exec, x, x))(executor, a)
    e = np.exp(data() - data().max())
    np.testing.assert_allclose(a.to_numpy(), e / e.sum(), rtol=1e-5)


def test_one_buffer_twice(executor):
    a = executor.from_numpy(data())
    f = hg.compile(lambda x, y: x - y)
    assert (f(a, a).to_numpy() == 0).all()
    np.testing.assert_array_equal(f(a, executor.from_numpy(data(1))).to_numpy(), data() - data(1))


def test_several_results(executor):
    total, double = hg.compile(lambda x: (x.sum(), x * 2))(executor.from_numpy(data()))
    assert total.length == 1 and double.length == N
    np.testing.assert_array_equal(double.to_numpy(), data() * 2)


def test_new_numbers_and_lengths_compile_nothing(executor):
    f = hg.compile(lambda x, k: x * k + 1)
    f(executor.from_numpy(data()), 2.0).to_numpy()
    before = rt.counters()["cache_misses"]
    for k in range(100):
        x = data(n=10 + k)
        np.testing.assert_allclose(f(executor.from_numpy(x), k / 8).to_numpy(), x * np.float32(k / 8) + 1, rtol=1e-6)
    assert rt.counters()["cache_misses"] == before and len(f._traces) <= f._KEPT


def test_other_types(executor):
    f = hg.compile(lambda x: x * 3)
    np.testing.assert_array_equal(f(executor.from_numpy(np.arange(9))).to_numpy(), np.arange(9) * 3)
    np.testing.assert_array_equal(f(executor.from_numpy(data(dtype="float64"))).to_numpy(), data(dtype="float64") * 3)


def test_from_many_threads():
    f = hg.compile(lambda x, y: (x + y).tanh())
    failures = []

    def work(seed):
        try:
            with hg.Executor() as e:
                for n in range(1, 200):
                    x, y = data(seed, n), data(seed + 1, n)
                    np.testing.assert_allclose(f(e.from_numpy(x), e.from_numpy(y)).to_numpy(), np.tanh(x + y), rtol=1e-5, atol=1e-6)
        except Exception as error:  # noqa: BLE001
            failures.append(error)
    threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert not failures


@pytest.mark.parametrize("use, error, text", [
    (lambda e, a: hg.compile(3), TypeError, "function"),
    (lambda e, a: hg.compile(lambda x: 3)(a), TypeError, "return"),
    (lambda e, a: hg.compile(lambda x: x if x > 0 else x)(a), TypeError, "truth value"),
    (lambda e, a: hg.compile(lambda x: x)("a"), TypeError, "str"),
    (lambda e, a: hg.compile(lambda x, y: x + y)(a, e.allocate(3)), ValueError, "500"),
    (lambda e, a: hg.compile(lambda x, y: x + y)(a, e.allocate(N, "f64")), TypeError, "float64"),
    (lambda e, a: hg.compile(lambda exec, x: hg.ops.gemm(exec, x, x, x, 1, 1, 1))(e, a), NotImplementedError, "circuits"),
    (lambda e, a: hg.compile(lambda exec, x: hg.ops.softmax(exec, x, x, None, 5))(e, a), NotImplementedError, "rows"),
])
def test_wrong_functions(executor, use, error, text):
    with pytest.raises(error, match=text):
        use(executor, executor.from_numpy(data()))


# ---- by hand ----

def test_a_circuit_by_hand(executor):
    c = hg.Circuit()
    x, y = c.input(), c.input("float32", once=True)
    k = c.number(0.5)
    c.output((x * y).relu() + k)
    c.verify()
    for text, word in ((c.ir(), "mul.f32"), (c.canonical(), "maximum" if "maximum" in c.canonical() else "relu"), (c.llvm(), "define void @")):
        assert word in text
    assert str(c) == c.ir() and len(c.keys()) == 1
    a, s, out = executor.from_numpy(data()), executor.allocate(1).fill(3), executor.allocate(N)
    c.run(executor, [a, s], [out])
    np.testing.assert_array_equal(out.to_numpy(), np.maximum(data() * np.float32(3), 0) + np.float32(0.5))
    c.run(executor, [a, s], [out], length=10, numbers=[2.0])
    assert out.to_numpy()[11] == np.maximum(data()[11] * np.float32(3), 0) + np.float32(0.5) and out.to_numpy()[0] >= 2


def test_canonical_form_drops_what_is_done_twice():
    c = hg.Circuit()
    x = c.input()
    c.output(x.exp() + x.exp())
    assert c.ir().count("exp.f32") == 2 and c.canonical().count("exp.f32") == 1


def test_wrong_circuits(executor):
    c = hg.Circuit()
    with pytest.raises(ValueError, match="no output"):
        c.verify()
    with pytest.raises(ValueError, match="another circuit"):
        c.op("exp", hg.Circuit().input())
    with pytest.raises(TypeError, match="2 arguments"):
        c.op("add", c.input())
    c = hg.Circuit()
    c.output(c.input().exp())
    a = executor.allocate(4)
    with pytest.raises(TypeError):
        c.run(executor, [a, a], [a])
    with pytest.raises(ValueError, match="float64"):
        c.run(executor, [executor.allocate(4, "f64")], [a])
    with pytest.raises(ValueError, match="are needed"):
        c.run(executor, [a], [a], length=5)
    with hg.Executor() as other, pytest.raises(ValueError, match="another executor"):
        c.run(executor, [other.allocate(4)], [a])
    long = hg.Circuit()
    x = long.input()
    for _ in range(70):
        x = x.exp()
    long.output(x)
    with pytest.raises(ValueError, match="no room"):
        long.verify()
