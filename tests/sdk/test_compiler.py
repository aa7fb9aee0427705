"""hg.compile and hg.Circuit."""

import math
import threading

import numpy as np
import pytest

import hologram_core as hg
from hologram_core import _runtime as rt
from tests.core_modes import deferred

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
        except Exception as error:
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


# ---- numbers that are arguments ----

def counted(function):
    """The compiled function, and a list with an element per trace."""
    traces = []

    def watched(*args):
        traces.append(args)
        return function(*args)
    return hg.compile(watched), traces


@pytest.mark.parametrize("pair", [(0.0, -0.0), (-0.0, 0.0), (1, 1.0), (1, True), (float("nan"), 0.0), (2.0, float("inf"))])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_that_are_equal_are_not_the_same(executor, pair, dtype):
    f = hg.compile(lambda x, k: 1 / (x * 0 + k))
    x = np.ones(4, dtype)
    for k in (*pair, *pair):
        with np.errstate(divide="ignore"):
            expected = (1 / (x * 0 + np.asarray(k, dtype))).astype(dtype)
        got = f(executor.from_numpy(x), k).to_numpy()
        np.testing.assert_array_equal(got, expected)
        np.testing.assert_array_equal(np.signbit(got[~np.isnan(got)]), np.signbit(expected[~np.isnan(expected)]))


def test_a_new_number_is_no_new_trace(executor):
    f, traces = counted(lambda x, k, m: (x * k + (1 - k) * m / 2 - -m).clamp(-abs(m), 3 * m ** 2 + k // 1))
    x = data()
    for k in (0.5, -0.0, float("nan"), 1e30, 2.5, -7.25, float("inf")):
        for m in (1.0, 3.0):
            got = f(executor.from_numpy(x), k, np.float64(m)).to_numpy()
            plain = executor.from_numpy(x)
            want = (plain * k + (1 - k) * m / 2 - -m).clamp(-abs(m), 3 * m ** 2 + k // 1).to_numpy()
            np.testing.assert_array_equal(got, want)
    assert len(traces) == 1
    f(executor.from_numpy(x), 2, 3)
    f(executor.from_numpy(x), 4, 5)
    assert len(traces) == 2                    # integers


@pytest.mark.parametrize("function, expected", [
    (lambda x, k: x * k if k > 0 else x - k, lambda x, k: x * k if k > 0 else x - k),
    (lambda x, k: x * math.exp(k), lambda x, k: x * np.float32(math.exp(k))),
    (lambda x, k: x * (k if k == k else 7), lambda x, k: x * np.float32(k if k == k else 7)),
    (lambda x, k: x + {1: 10, 2: 20}.get(k, 0), lambda x, k: x + {1: 10, 2: 20}.get(k, 0)),
    (lambda x, k: x + (5 if k else 6), lambda x, k: x + (5 if k else 6)),
    (lambda x, k: x + int(k), lambda x, k: x + int(k)),
    (lambda x, k: x + round(k), lambda x, k: x + round(k)),
    (lambda x, k: x + float(f"{k:g}"), lambda x, k: x + np.float32(f"{k:g}")),
    (lambda x, k: x + (3 if isinstance(k, float) else 4), lambda x, k: x + (3 if isinstance(k, float) else 4)),
    (lambda x, k: x + max(k, 1.5), lambda x, k: x + np.float32(max(k, 1.5))),
    (lambda x, k: x + divmod(k, 2)[0], lambda x, k: x + np.float32(divmod(k, 2)[0])),
    (lambda x, k: x * math.copysign(1, k), lambda x, k: x * np.float32(math.copysign(1, k))),
    (lambda x, k: x + sum([k] * 3), lambda x, k: x + np.float32(sum([k] * 3))),
    (lambda x, k: x + float(np.exp(k * 0.5)), lambda x, k: x + np.float32(np.exp(k * 0.5))),
    (lambda x, k: x + np.float32(k), lambda x, k: x + np.float32(k)),
    (lambda x, k: x + len(f"{k:f}"), lambda x, k: x + len(f"{k:f}")),
    (lambda x, k: x + (k in (0, 2)), lambda x, k: x + (k in (0, 2))),
    (lambda x, k: x + k.real, lambda x, k: x + np.float32(k.real)),
    (lambda x, k: x + (7 if k else 8) * k, lambda x, k: x + np.float32((7 if k else 8) * k)),
    (lambda x, k: x + math.floor(k) + math.trunc(k), lambda x, k: x + math.floor(k) + math.trunc(k)),
], ids=range(20))
def test_where_the_value_is_asked_for_the_trace_is_for_that_value(executor, function, expected):
    f, x = hg.compile(function), data(n=8)
    for k in (1.0, 2, 1, 0.0, -0.0, -1.5, 1.0, 2.0, True, 0, -0.0, np.float64(0.5)):
        np.testing.assert_allclose(f(executor.from_numpy(x), k).to_numpy(), expected(x, k), rtol=1e-5, err_msg=str(k))


def test_pinned_values_are_told_apart_exactly(executor):
    f, traces = counted(lambda x, k: x * math.atan2(k, -1.0))
    x = np.ones(3, np.float32)
    for _ in range(2):
        for k, want in ((0.0, np.pi), (-0.0, -np.pi), (float("nan"), np.nan)):
            np.testing.assert_allclose(f(executor.from_numpy(x), k).to_numpy(), np.float32(want), rtol=1e-6)
    assert len(traces) == 3


def test_arithmetic_that_changes_its_type_or_fails(executor):
    f, x = hg.compile(lambda x, k: x * 2 ** k / k), data(n=4)
    for k in (3, -1, 2, -2):
        np.testing.assert_allclose(f(executor.from_numpy(x), k).to_numpy(), x * np.float32(2 ** k) / k, rtol=1e-6)
    with pytest.raises(ZeroDivisionError):
        hg.compile(lambda x, k: x * (1 / k))(executor.from_numpy(x), 0.0)
    g = hg.compile(lambda x, k: x * (1 / k))
    g(executor.from_numpy(x), 2.0)
    with pytest.raises(ZeroDivisionError):
        g(executor.from_numpy(x), 0.0)
    np.testing.assert_array_equal(g(executor.from_numpy(x), 4.0).to_numpy(), x * np.float32(0.25))


def test_lengths_and_unused_numbers_are_arguments_too(executor):
    f, traces = counted(lambda exec, x, out, n, unused: hg.ops.vector_neg(exec, x, out, n))
    x = data()
    for n in (1, 7, N):
        out = executor.allocate(N).fill(9)
        f(executor, executor.from_numpy(x), out, n, n / 3)
        np.testing.assert_array_equal(out.to_numpy(), np.where(np.arange(N) < n, -x, np.float32(9)))
    assert len(traces) == 1


@pytest.mark.parametrize("dtype, number", [("uint8", 300), ("uint8", -1), ("int8", 128), ("int16", 1 << 15), ("uint16", 1 << 16),
                                           ("int32", 1 << 31), ("uint32", -1), ("int64", 1 << 63), ("int64", 10 ** 30),
                                           ("uint64", 1 << 64), ("uint64", -1), ("uint8", 2.5)])
def test_numbers_beyond_a_type_are_errors(executor, dtype, number):
    a = executor.from_numpy(np.arange(4, dtype=dtype))
    uses = [lambda: hg.compile(lambda x, k: x + k)(a, number), lambda: hg.compile(lambda x: x + number)(a),
            lambda: hg.ops.row("add")(executor, a, number, a), lambda: a.fill(number), lambda: a + number, lambda: number * a]
    if isinstance(number, int) and abs(number) < 1 << 63:
        def by_hand():
            c = hg.Circuit()
            c.output(c.input(dtype) + c.number(1))
            c.run(executor, [a], [a], numbers=[number])
        uses.append(by_hand)
    for use in uses:
        with pytest.raises(ValueError, match="integer" if isinstance(number, float) else rf"range of {dtype}"):
            use()
    np.testing.assert_array_equal(a.to_numpy(), np.arange(4))


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64", "bool"])
def test_the_whole_range_of_a_type_arrives(executor, dtype):
    low, high = (0, 1) if dtype == "bool" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    for number in (low, high, high // 2):
        a = executor.allocate(3, dtype).fill(number)
        assert [int(v) for v in a.to_numpy()] == [number] * 3
        if dtype != "bool":
            zero = executor.allocate(3, dtype).fill(0)
            assert [int(v) for v in hg.compile(lambda x, k: x + k)(zero, number).to_numpy()] == [number] * 3


def test_large_integers_become_floats_where_floats_are(executor):
    for number in (1 << 63, 1 << 64, 10 ** 30, -(1 << 64)):
        a = executor.allocate(2).fill(number)
        assert a.to_numpy()[0] == np.float32(number)
        a = executor.allocate(2).fill(1)
        assert (a * number).to_numpy()[0] == np.float32(number) == hg.compile(lambda x, k: x * k)(a, number).to_numpy()[0]
    for wrong in (10 ** 400, -10 ** 5000):
        for use in (lambda: a.fill(wrong), lambda: a * wrong, lambda: hg.compile(lambda x, k: x * k)(a, wrong)):
            with pytest.raises((ValueError, OverflowError)):
                use()


# ---- what lies around a function ----

FACTOR = 2.0


def helper(x):
    return x * FACTOR


def test_numbers_around_a_function_are_seen_when_they_change(executor):
    global FACTOR
    x, k = data(), 3.0

    class Model:
        scale = 1.0

        def __init__(self):
            self.rate = 5.0

        def run(self, x):
            return x * self.rate

    model = Model()
    closure, global_, method = hg.compile(lambda x: x * k), hg.compile(helper), hg.compile(model.run)
    through, nested = hg.compile(lambda x: helper(x)), hg.compile(lambda x: (lambda y: y * k)(x))
    for k in (3.0, 0.25, -0.0, 0.0, 3.0):
        FACTOR, model.rate = k + 1, k - 1
        for f, factor in ((closure, k), (global_, k + 1), (method, k - 1), (through, k + 1), (nested, k)):
            got = f(executor.from_numpy(x)).to_numpy()
            np.testing.assert_array_equal(got, x * np.float32(factor))
            np.testing.assert_array_equal(np.signbit(got), np.signbit(x * np.float32(factor)))
    FACTOR = 2.0


def test_a_captured_buffer_is_read_at_each_call(executor):
    x, w = data(), executor.from_numpy(data(1))
    for f in (hg.compile(lambda x: x * w), hg.compile(lambda x: w * x), hg.compile(lambda x: w.tanh() * x)):
        if f.function.__code__.co_names == ("tanh",):
            with pytest.raises(ValueError, match="none of its arguments"):
                f(executor.from_numpy(x))
            continue
        for _ in range(2):
            np.testing.assert_array_equal(f(executor.from_numpy(x)).to_numpy(), x * w.to_numpy())
            w.from_numpy(w.to_numpy() + 1)
    old, w = w, executor.from_numpy(data(2))           # another buffer: another trace
    f = hg.compile(lambda x: x * w)
    np.testing.assert_array_equal(f(executor.from_numpy(x)).to_numpy(), x * data(2))
    w = old
    np.testing.assert_array_equal(f(executor.from_numpy(x)).to_numpy(), x * old.to_numpy())
    with pytest.raises(ValueError, match="none of its arguments"):
        hg.compile(lambda x: x * w.to_numpy()[0])(executor.from_numpy(x))
    with pytest.raises(TypeError, match="argument of the compiled function"):
        hg.compile(lambda exec, x: hg.ops.vector_add(exec, x, x, w))(executor, executor.from_numpy(x))
    with pytest.raises(ValueError, match="captured"):
        both = executor.from_numpy(data(n=2 * N))
        w = both.view(1, N)
        hg.compile(lambda exec, x: hg.ops.vector_add(exec, x, w, x))(executor, both.view(0, N))
    with hg.Executor() as other, pytest.raises(ValueError, match="another executor"):
        hg.compile(lambda x: x * w)(other.allocate(N))


@pytest.mark.parametrize("count", [60, 61, 100])
def test_many_numbers_and_buffers_work_or_are_one_error(executor, count):
    def weighted(x, *ks):
        for k in ks:
            x = x.maximum(k)
        return x
    a = executor.from_numpy(data())
    numbers = [n / count for n in range(count)]
    buffers = [executor.from_numpy(data(n)) for n in range(count)]

    def chained(x, *others):
        total = x
        for other in others:
            total = total.maximum(other)
        return total
    for f, rest, most in ((weighted, numbers, 60), (chained, buffers, 58)):      # and the first buffer, and the result
        if len(rest) > most:
            with pytest.raises(ValueError, match="Split the function"):
                hg.compile(f)(a, *rest)
        else:
            np.testing.assert_array_equal(hg.compile(f)(a, *rest).to_numpy(), np.maximum(data(), numbers[-1]).astype("f4"))
    same = hg.compile(lambda x: sum([x] + [0.5] * 62))(a)                         # equal constants are one
    assert same.to_numpy()[0] == pytest.approx(data()[0] + 31, rel=1e-5)


def test_the_docstring_says_what_happens_once():
    seen = []
    f = hg.compile(lambda x: (seen.append(1), x * 2)[1])
    with hg.Executor() as e:
        for _ in range(3):
            f(e.from_numpy(data()))
    assert len(seen) == 1 and "when it is traced" in hg.compile.__doc__


# ---- memory that results share ----

def places(executor):
    """(argument, result) over shared memory: by how many elements the result is shifted."""
    base = executor.from_numpy(data(n=2 * N))
    for shift in (1, -1, 7, N - 1, 1 - N):
        first = max(0, -shift)
        yield base.view(first, N), base.view(first + shift, N)
    array = data(n=2 * N)
    yield executor.wrap(array[:N]), executor.wrap(array[1:N + 1])                # two buffers over one array


def test_results_over_a_part_of_an_argument_are_refused_everywhere(executor):
    double = hg.compile(lambda exec, x, y: hg.ops.scalar_mul(exec, x, y, 2.0))
    both = hg.compile(lambda exec, x, y, z: (hg.ops.vector_neg(exec, x, y), hg.ops.vector_abs(exec, x, z), None)[2])
    by_hand = hg.Circuit()
    by_hand.output(by_hand.input() * 2)
    two = hg.Circuit()
    x = two.input()
    two.output(x * 2)
    two.output(x * 3)
    spare = executor.from_numpy(data())
    for a, b in places(executor):
        before = a.to_numpy().copy()
        for use in (lambda: hg.ops.scalar_mul(executor, a, b, 2.0), lambda: double(executor, a, b), lambda: by_hand.run(executor, [a], [b]),
                    lambda: two.run(executor, [spare], [a, b]), lambda: both(executor, spare, a, b), lambda: two.run(executor, [a], [spare, b]),
                    lambda: hg.ops.softmax(executor, a, b), lambda: hg.ops.row("cumsum")(executor, a, b),
                    lambda: hg.ops.row("log_sigmoid_forward")(executor, spare, a, b)):
            with pytest.raises(ValueError, match="overlap"):
                use()
        np.testing.assert_array_equal(a.to_numpy(), before)
    with pytest.raises(ValueError, match="overlap"):
        two.run(executor, [spare], [a, a])
    c = hg.Circuit()
    c.output(c.input() * c.input(once=True))
    with pytest.raises(ValueError, match="overlap"):
        c.run(executor, [spare, a.view(3, 1)], [a])                              # the element that serves for all is written


def test_results_in_place_and_beside_are_not(executor):
    x, base = data(), executor.allocate(2 * N)
    a, b = base.view(0, N).from_numpy(x), base.view(N, N)
    hg.compile(lambda exec, x, y: hg.ops.scalar_mul(exec, x, y, 2.0))(executor, a, b)
    np.testing.assert_array_equal(b.to_numpy(), x * 2)
    hg.compile(lambda exec, x: hg.ops.scalar_mul(exec, x, x, 2.0))(executor, base.view(0, N))
    np.testing.assert_array_equal(a.to_numpy(), x * 2)
    hg.ops.reduce_sum(executor, a, a.view(3, 1))                                 # stored when all was read
    assert a.to_numpy()[3] == pytest.approx((x * 2).sum(), rel=1e-4)
    hg.compile(lambda exec, x, n: hg.ops.vector_neg(exec, x, x, n))(executor, b, 10)
    np.testing.assert_array_equal(b.to_numpy(), np.where(np.arange(N) < 10, -x * 2, x * 2))


def test_folds_over_their_own_argument(executor):
    x, base = data(), executor.allocate(2 * N)
    c = hg.Circuit()
    v = c.input()
    c.output(normalise(v))
    for shift in (0, 1, 100):
        a = base.view(100, N).from_numpy(x)
        c.run(executor, [a], [base.view(100 - shift, N)])
        np.testing.assert_allclose(base.view(100 - shift, N).to_numpy(), (x - x.mean()) / np.sqrt(x.var() + 1e-5), rtol=1e-3, atol=1e-4)


def test_arguments_that_share_memory_where_one_is_written(executor):
    base = executor.from_numpy(data())
    f = hg.compile(lambda exec, x, y, n: hg.ops.scalar_mul(exec, y, x, 2.0, n))
    with pytest.raises(ValueError, match="argument 1 is written and overlaps argument 2"):
        f(executor, base, base.view(0, N - 1), 10)
    read = hg.compile(lambda x, y: x.sum() + y.sum())
    got = read(base, base.view(0, N)).to_numpy()[0]
    assert got == pytest.approx(2 * data().sum(), rel=1e-4)


# ---- by hand ----

def test_a_circuit_by_hand(executor):
    c = hg.Circuit()
    x, y = c.input(), c.input("float32", once=True)
    k = c.number(0.5)
    c.output((x * y).relu() + k)
    c.verify()
    for text, word in ((c.ir(), "mul.f32"), (c.canonical(), "maximum" if "maximum" in c.canonical() else "relu"), (c.llvm(), "define void @")):
        assert word in text
    assert (c.text("cpu"), c.text("cuda", arch=90), c.text("metal")) == (c.llvm(), c.ptx(90), c.msl())
    with pytest.raises(ValueError, match="unknown backend 'tpu'"):
        c.text("tpu")
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
