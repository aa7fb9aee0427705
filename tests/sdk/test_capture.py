"""Executor.capture and Plan.run: what an executor did, run again on other memory."""

import contextlib
import gc
import threading

import numpy as np
import pytest

import hologram_core as hg
from hologram_core import _runtime as rt
from hologram_core import ops
from hologram_core.config import config

FUSES = config.fusion and not config.sync


@pytest.fixture
def executor():
    with hg.Executor() as e:
        yield e


def counted(name, run):
    before = rt.counters()[name]
    run()
    return rt.counters()[name] - before


def buffers(executor, *arrays):
    return [executor.from_numpy(np.asarray(array)) for array in arrays]


def numbers(seed, n=1000, dtype=np.float32):
    return np.random.default_rng(seed).uniform(0.5, 2, n).astype(dtype)


def step(executor, x, y):
    """y = exp(x) * x - y, and the sum of its rows of ten: what comes and goes stays inside."""
    e = executor.allocate(x.length)
    ops.row("exp")(executor, x, e)
    ops.vector_mul(executor, e, x, e)
    ops.vector_sub(executor, e, y, y)


def test_runs_on_other_buffers(executor):
    x, y = buffers(executor, numbers(0), numbers(1))
    with executor.capture(x, y) as plan:
        step(executor, x, y)
    expected = executor.from_numpy(numbers(1))
    step(executor, x, expected)
    assert (y.to_numpy() == expected.to_numpy()).all()       # what was captured ran as ever
    for seed in (2, 4):
        x2, y2, expected = buffers(executor, numbers(seed), numbers(seed + 1), numbers(seed + 1))
        plan.run(x2, y2)
        step(executor, x2, expected)
        assert (y2.to_numpy() == expected.to_numpy()).all()
    assert plan.runs == 2 and plan.launches == plan.nodes == (1 if FUSES else 3)


def test_run_is_launches_only(executor):
    x, y = buffers(executor, numbers(0), numbers(1))
    with executor.capture(x, y) as plan:
        for _ in range(20):
            step(executor, x, y)
    plan.run(x, y)
    allocated = rt.memory_stats()["allocated_bytes"]["allocated"]
    assert counted("launched", lambda: plan.run(x, y)) == plan.launches
    assert counted("recorded", lambda: [plan.run(x, y) for _ in range(100)]) == 0
    assert rt.memory_stats()["allocated_bytes"]["allocated"] == allocated


def test_waits_for_what_is_recorded_before(executor):
    x, y = buffers(executor, numbers(0), numbers(1))
    with executor.capture(x, y) as plan:
        step(executor, x, y)
    source, x2, y2, expected = buffers(executor, numbers(5), numbers(6), numbers(7), numbers(7))
    ops.vector_add(executor, source, source, x2)
    plan.run(x2, y2)
    ops.vector_add(executor, y2, y2, y2)
    step(executor, x2, expected)
    assert (x2.to_numpy() == 2 * numbers(5)).all()
    assert (y2.to_numpy() == 2 * expected.to_numpy()).all()


def test_memory_that_is_no_argument_stays_where_it_is(executor):
    weight, state, x = buffers(executor, numbers(0), np.zeros(1000, np.float32), numbers(1))
    made = []
    with executor.capture(x) as plan:
        ops.vector_mul(executor, x, weight, state)
        made.append(executor.allocate(1000))
        ops.vector_add(executor, state, weight, made[0])
    x2, = buffers(executor, numbers(2))
    weight.from_numpy(numbers(3))
    plan.run(x2)
    assert (state.to_numpy() == numbers(2) * numbers(3)).all()
    assert (made[0].to_numpy() == numbers(2) * numbers(3) + numbers(3)).all()


def test_holds_the_memory_of_buffers_that_are_freed(executor):
    weight, x, y = buffers(executor, numbers(0), numbers(1), numbers(1))
    with executor.capture(x, y) as plan:
        ops.vector_mul(executor, x, weight, y)
    weight.free()
    del weight
    gc.collect()
    others = [executor.from_numpy(np.zeros(1000, np.float32)) for _ in range(50)]
    plan.run(x, y)
    assert (y.to_numpy() == numbers(1) * numbers(0)).all()
    assert all((other.to_numpy() == 0).all() for other in others)


def test_arrays_of_numpy_are_arguments(executor):
    x, y = numbers(0), np.zeros(1000, np.float32)
    with executor.capture(x, y) as plan:
        ops.row("exp")(executor, x, y)
    out = np.zeros(1000, np.float32)
    plan.run(numbers(1), out)
    expected = executor.allocate(1000)
    ops.row("exp")(executor, numbers(1), expected)
    assert (out == expected.to_numpy()).all() and out[0] != 0


def test_arrays_of_numpy_around_it_must_stay(executor):
    x, weight = executor.from_numpy(numbers(0)), numbers(1)
    with pytest.raises(hg.InvalidState, match="there before and is gone afterwards"), executor.capture(x):
        ops.vector_mul(executor, x, weight, x)
    kept = executor.wrap(weight)
    with executor.capture(x) as plan:
        ops.vector_mul(executor, x, kept, x)
    weight[:] = 3
    plan.run(y := executor.from_numpy(numbers(2)))
    assert (y.to_numpy() == numbers(2) * np.float32(3)).all()


def test_ops_on_shown_memory_are_captured(executor):
    x, y = buffers(executor, numbers(0), numbers(1))
    view = y.to_numpy()
    with executor.capture(x) as plan:
        for _ in range(3):
            ops.vector_add(executor, x, y, y)
    plan.run(executor.from_numpy(np.ones(1000, np.float32)))
    total = numbers(1)
    for added in [numbers(0)] * 3 + [np.ones(1000, np.float32)] * 3:
        total = (added + total).astype(np.float32)
    assert (view == total).all() and plan.nodes == 3


def test_part_of_a_larger_buffer_serves_as_argument_of_a_run(executor):
    x, y = buffers(executor, numbers(0), numbers(0))
    with executor.capture(x, y) as plan:
        ops.vector_neg(executor, x, y)
    large = executor.from_numpy(numbers(1, 3001))
    plan.run(large.view(1, 1000), large.view(1999, 1000))
    expected = numbers(1, 3001)
    expected[1999:2999] = -expected[1:1001]
    assert (large.to_numpy() == expected).all()


def test_reductions_and_tensors(executor):
    with executor.capture(x := executor.from_numpy(numbers(0, 400))) as plan:
        rows = hg.HologramTensor(executor, x, (4, 100))
        total = (rows * 2).sum(1)
    plan.run(executor.from_numpy(numbers(1, 400)))
    again = (hg.HologramTensor(executor, executor.from_numpy(numbers(1, 400)), (4, 100)) * 2).sum(1)
    assert (total.to_numpy() == again.to_numpy()).all()


def test_random_ops_take_the_offset_of_a_run(executor):
    uniform = ops.row("uniform")
    out = executor.allocate(1000)
    with executor.capture(out) as plan:
        uniform(executor, 7, 100, 0.0, 1.0, out)
    captured = out.to_numpy().copy()
    plan.run(out)
    assert (out.to_numpy() == captured).all()
    plan.run(out, offset=16)
    shifted = executor.allocate(1000)
    uniform(executor, 7, 116, 0.0, 1.0, shifted)
    assert (out.to_numpy() == shifted.to_numpy()).all() and (out.to_numpy() != captured).any()


def test_thousands_of_nodes(executor):
    x, = buffers(executor, np.zeros(64, np.float32))
    view = x.to_numpy()      # shown: nothing is fused
    with executor.capture(x) as plan:
        for _ in range(10_000):
            ops.vector_add(executor, x, 1.0, x)
    assert plan.nodes == 10_000
    plan.run(x)
    assert (view == 20_000).all()


def test_runs_take_turns(executor):
    x, = buffers(executor, np.zeros(200_000, np.float32))
    with executor.capture(x) as plan:
        for _ in range(5):
            ops.vector_add(executor, x, 1.0, x)
    threads = [threading.Thread(target=lambda: [plan.run(x) for _ in range(20)]) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert (x.to_numpy() == 5 + 5 * 80).all() and plan.runs == 80


# ---- what cannot be captured ----

def refused(executor, message, work, *arguments):
    with pytest.raises(hg.InvalidState, match=message), executor.capture(*arguments):
        work()
    with executor.capture() as plan:       # the next one works
        ops.vector_add(executor, *arguments[:1] * 3) if arguments else None
    assert plan.nodes == len(arguments[:1])


def test_looking_at_a_buffer_is_refused(executor):
    x, = buffers(executor, numbers(0))
    for look in (x.to_numpy, x.address, lambda: np.from_dlpack(x), lambda: x.from_numpy(numbers(1)), lambda: ops.value_of(executor, x)):
        refused(executor, "cannot be run again: the host reads or writes", look, x)


def test_another_thread_is_refused(executor):
    x, = buffers(executor, numbers(0))

    def work():
        thread = threading.Thread(target=lambda: (ops.vector_add(executor, x, x, x), executor.synchronize()))
        thread.start()
        thread.join()
    refused(executor, "another thread used the device", work, x)


def test_another_executors_buffers_are_refused(executor):
    with hg.Executor() as other:
        x, = buffers(other, numbers(0))

        def work():
            ops.vector_add(other, x, x, x)
            other.synchronize()
        refused(executor, "neither an argument nor found|uses a tensor", work)


def test_two_buffers_over_one_array(executor):
    array = numbers(0)
    x, y = executor.wrap(array), executor.wrap(array)
    with pytest.raises(hg.InvalidValue, match="arguments 0 and 1 share memory"):
        executor.capture(x, y)
    with executor.capture(x) as plan:           # y is that argument
        ops.vector_neg(executor, y, y)
    assert (array == -numbers(0)).all()
    other = numbers(1)
    plan.run(other)
    assert (array == -numbers(0)).all() and (other == -numbers(1)).all()
    part = executor.wrap(array[1:])
    for work in (lambda: ops.vector_neg(executor, part, part), lambda: ops.vector_neg(executor, executor.wrap(array[2:]), executor.allocate(998))):
        with executor.capture(x) as plan:
            work()
    half, whole = executor.wrap(array[500:]), executor.wrap(array)
    with pytest.raises(hg.InvalidState, match="overlaps"), executor.capture(half):
        ops.vector_neg(executor, whole, whole)


def test_a_failure_inside_ends_the_capture(executor):
    x, = buffers(executor, numbers(0))
    plan = executor.capture(x)
    with pytest.raises(ZeroDivisionError), plan:
        ops.vector_neg(executor, x, x)
        1 / 0
    with pytest.raises(hg.InvalidState, match="nothing was captured"):
        plan.run(x)
    assert (x.to_numpy() == -numbers(0)).all()


def test_captures_do_not_nest(executor):
    with executor.capture() as outer:
        with pytest.raises(hg.InvalidState, match="another graph is being captured"), executor.capture():
            pass
        with pytest.raises(hg.InvalidState, match="a plan is captured once"):
            outer.__enter__()
    with pytest.raises(hg.InvalidState, match="a plan is captured once"), outer:
        pass
    with executor.capture(), pytest.raises(hg.InvalidState, match="another plan is being captured"):
        outer.run()


def test_arguments_must_fit(executor):
    x, y = buffers(executor, numbers(0), numbers(1))
    with pytest.raises(hg.InvalidValue, match="argument 0 is a part of a buffer"):
        executor.capture(x.view(0, 10))
    with executor.capture(x, y) as plan:
        ops.vector_neg(executor, x, y)
    with hg.Executor() as other:
        for bad, error, message in [
                ((x,), hg.InvalidValue, "1 buffers were given, 2 were captured"),
                ((x, None), hg.InvalidType, "argument 1 is a NoneType"),
                ((x, 3.0), hg.InvalidType, "argument 1 is a float"),
                ((x, x), hg.InvalidValue, "buffers 0 and 1 overlap"),
                ((x.view(0, 999), y), hg.InvalidValue, "buffer 0 holds 999 elements of float32, 1000 of float32 were captured"),
                ((executor.allocate(1000, "int32"), y), hg.InvalidValue, "1000 elements of int32"),
                ((other.allocate(1000), y), hg.InvalidValue, "belongs to another executor"),
        ]:
            with pytest.raises(error, match=message):
                plan.run(*bad)
    read_only = numbers(2)
    read_only.flags.writeable = False
    with pytest.raises((hg.InvalidValue, hg.ExportError, BufferError)):
        plan.run(x, read_only)
    for bad in (-1, 1 << 63, "7", None):
        with pytest.raises((hg.InvalidValue, hg.InvalidType), match="hologram.Plan.run: the offset"):
            plan.run(x, y, offset=bad)
    assert plan.runs == 0
    plan.run(x, y)
    assert (y.to_numpy() == -numbers(0)).all()


def test_arguments_must_not_lie_in_memory_of_the_plan(executor):
    kept, x = buffers(executor, numbers(0), numbers(1))
    with executor.capture(x) as plan:
        ops.vector_add(executor, x, kept, x)
    with pytest.raises(hg.InvalidValue, match="buffer 0 overlaps memory that the plan uses beside its arguments"):
        plan.run(kept)


def reserved(executor, width, height):
    """A class of the boundary pool that nothing in this process holds."""
    for number in reversed(range(90)):
        with contextlib.suppress(hg.InvalidState):
            return executor.allocate_boundary(number, width, height)
    pytest.fail("no class is free")


def test_a_class_that_was_reserved_serves_where_the_memory_is_as_large(executor):
    x = reserved(executor, 10, 8)
    with executor.capture(x) as plan:
        ops.vector_neg(executor, x, x)
    small, large = executor.allocate(x.length), reserved(executor, 10, 8)
    with pytest.raises(hg.InvalidValue, match="less memory than the captured one"):
        plan.run(small)
    ops.row("fill")(executor, 2.0, large, None)
    plan.run(large)
    assert (large.to_numpy() == -2).all()


def test_cleaned_up_executor(executor):
    with hg.Executor() as other:
        x, = buffers(other, numbers(0))
        with other.capture(x) as plan:
            ops.vector_neg(other, x, x)
    with pytest.raises(hg.InvalidState, match="it was cleaned up"):
        plan.run(x)
    with pytest.raises(hg.InvalidState, match="it was cleaned up"):
        other.capture()


def test_misuse_of_the_class(executor):
    plan = hg.Plan.__new__(hg.Plan)
    with pytest.raises(TypeError, match="never initialised"):
        plan.run()
    with pytest.raises(TypeError):
        hg.Plan(3, [])
    with pytest.raises(hg.InvalidState, match="nothing is being captured"):
        hg.Plan(executor, [])._end()


def test_describes_itself(executor):
    x, y = buffers(executor, numbers(0), numbers(1))
    with executor.capture(x, y) as plan:
        ops.vector_neg(executor, x, y)
    assert plan.explain().endswith(": given0 >given1")
    assert repr(plan) == "Plan(nodes=1, launches=1, bytes=0, runs=0)"


@pytest.mark.parametrize("seed", range(20))
def test_random_programs(executor, seed):
    """Generated steps: each of three runs gives what the ops give, bit for bit."""
    rng = np.random.default_rng(seed)
    unary, binary = ("exp", "neg", "tanh", "abs"), ("add", "mul", "sub", "maximum")
    program = []
    for _ in range(int(rng.integers(3, 25))):
        op = str(rng.choice(unary if rng.integers(2) else binary))
        program.append((op, [int(rng.integers(100)) for _ in range(3)]))

    def work(given, state):
        alive = [*given, *state]
        for op, (a, b, out) in program:
            a, b = alive[a % len(alive)], alive[b % len(alive)]
            made = executor.allocate(500)
            ops.row(op)(executor, a, *([b] if op in binary else []), made)
            ops.row("clamp")(executor, made, -3.0, 3.0, alive[out % len(alive)] if out % 4 == 0 else made)
            alive.append(made)
            if len(alive) > 8:
                del alive[2 + out % 4]
        ops.row("copy")(executor, alive[-1], given[1])

    def fresh(k):
        return buffers(executor, numbers(100 * seed + k, 500), numbers(100 * seed + k + 50, 500))

    state, reference = fresh(0), fresh(0)
    first, check = fresh(1), fresh(1)
    with executor.capture(*first) as plan:
        work(first, state)
    work(check, reference)
    for k in (2, 3):
        for a, b in zip([*first, *state], [*check, *reference]):
            np.testing.assert_array_equal(a.to_numpy(), b.to_numpy())
        first, check = fresh(k), fresh(k)
        plan.run(*first)
        work(check, reference)
    for a, b in zip([*first, *state], [*check, *reference]):
        np.testing.assert_array_equal(a.to_numpy(), b.to_numpy())
