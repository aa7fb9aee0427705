"""Executor and Buffer: memory, lifetimes, what is recorded and what others see of it."""

import gc
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hologram_core as hg
from hologram_core import _runtime as rt
from tests.core_modes import deferred

ROOT = Path(__file__).resolve().parents[2]
TYPES = ["float32", "float64", "float16", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool"]



@pytest.fixture
def executor():
    with hg.Executor() as e:
        yield e


def launched(run) -> int:
    before = rt.counters()["launched"]
    run()
    return rt.counters()["launched"] - before


def test_works_where_torch_cannot_be_imported():
    code = """
import sys
sys.modules["torch"] = None
import hologram_core as hg
assert "numpy" not in sys.modules
import numpy as np
with hg.Executor() as e:
    a, b, c = e.from_numpy(np.arange(8, dtype=np.float32)), e.from_numpy(np.ones(8, np.float32)), e.allocate(8)
    hg.ops.vector_add(e, a, b, c)
    assert (c.to_numpy() == np.arange(8) + 1).all()
    assert hg.ops.softmax and hg.compile(lambda x: x * 2)(a).to_numpy()[3] == 6
assert sys.modules["torch"] is None and not any(name.startswith("torch.") for name in sys.modules)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


# ---- buffers ----

@pytest.mark.parametrize("dtype", TYPES)
def test_roundtrip_of_every_type(executor, dtype):
    array = (np.arange(-50, 50) * 3).astype(dtype)
    buffer = executor.allocate(100, dtype)
    buffer.from_numpy(array)
    assert buffer.dtype == array.dtype and len(buffer) == 100 and buffer.nbytes == array.nbytes
    np.testing.assert_array_equal(buffer.to_numpy(), array)
    np.testing.assert_array_equal(np.asarray(buffer), array)
    assert buffer.to_bytes() == array.tobytes() == bytes(memoryview(buffer))


@given(st.integers(0, 5000), st.sampled_from(TYPES), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_bytes_come_back(n, dtype, random):
    with hg.Executor() as e:
        data = np.frombuffer(random.randbytes(n * np.dtype(dtype).itemsize), np.uint8)
        data = data & 1 if dtype == "bool" else data
        buffer = e.allocate(n, dtype).from_bytes(data.tobytes())
        assert buffer.to_bytes() == data.tobytes()
        other = e.allocate(n, dtype)
        other.copy_from(buffer)
        if not dtype.startswith("float"):      # a NaN may lose its payload
            assert other.to_bytes() == data.tobytes()


@pytest.mark.parametrize("meant", ["f32", np.float32, np.dtype("f4"), "torch.float32"])
def test_names_of_types(executor, meant):
    assert executor.allocate(3, meant).dtype == np.float32


def test_to_numpy_is_the_memory_itself(executor):
    buffer = executor.allocate(1000)
    buffer.fill(1)
    array = buffer.to_numpy()
    assert array.ctypes.data == buffer.address() and array.flags.writeable
    array[:] = 3
    assert executor.from_numpy(array[:5]).to_numpy().sum() == 15
    assert (buffer.to_numpy() == 3).all()


def test_a_view_sees_what_ops_do_afterwards(executor):
    a, b = executor.allocate(100), executor.allocate(100)
    a.fill(1)
    view = b.to_numpy()
    hg.ops.scalar_add(executor, a, b, 2.0)
    assert (view == 3).all()


@deferred
def test_ops_are_recorded_again_when_the_last_view_is_gone(executor):
    a, b = executor.allocate(100), executor.allocate(100)
    a.fill(1)
    view, other = b.to_numpy(), memoryview(b)
    del view
    assert launched(lambda: hg.ops.vector_neg(executor, a, b)) > 0      # a view is left
    other.release()
    gc.collect()
    assert launched(lambda: hg.ops.vector_neg(executor, a, b)) == 0
    assert (b.to_numpy() == -1).all()


class _Bytes(hg.Buffer):
    """A class of the caller's own."""


WAYS_TO_THE_BYTES = {
    "memoryview": memoryview,
    "numpy": np.frombuffer,
    "of a subclass": lambda b: memoryview(_Bytes(b)),
    **({"called by name": lambda b: b.__buffer__(0)} if sys.version_info >= (3, 12) else {}),
}


@pytest.mark.parametrize("way", WAYS_TO_THE_BYTES)
def test_every_way_to_the_bytes_holds_the_memory_and_lets_go(executor, way):
    """When Python looks at the buffer slots of a class differs by version."""
    buffer = executor.allocate(4).from_numpy(np.arange(4, dtype="f4"))
    before = executor.live_buffers
    view = WAYS_TO_THE_BYTES[way](buffer)
    assert bytes(view) == np.arange(4, dtype="f4").tobytes()
    buffer.free()
    assert bytes(view) == np.arange(4, dtype="f4").tobytes()       # the view keeps the memory
    del buffer, view
    gc.collect()
    assert executor.live_buffers == before - 1


def test_an_address_is_for_ever(executor):
    a = executor.allocate(16)
    a.fill(2)
    assert a.__array_interface__["data"] == (a.address(), False)
    assert launched(lambda: hg.ops.vector_neg(executor, a, a)) == 1


@deferred
def test_ops_are_joined(executor):
    a, b, c = (executor.allocate(5000) for _ in range(3))
    a.fill(0.5), b.fill(2)
    executor.synchronize()

    def work():
        hg.ops.vector_mul(executor, a, b, c)
        hg.ops.tanh(executor, c, c)
        hg.ops.vector_add(executor, c, b, c)
        hg.ops.vector_clip(executor, c, c, -1.0, 2.5)
        executor.synchronize()
    assert launched(work) == 1
    np.testing.assert_allclose(c.to_numpy(), np.clip(np.tanh(1.0) + 2, -1, 2.5), rtol=1e-6)


def test_contents_outlive_executor_and_buffer():
    with hg.Executor() as e:
        buffer = e.allocate(1000)
        buffer.fill(7)
        array = buffer.to_numpy()
    del buffer, e
    gc.collect()
    with hg.Executor() as other:       # whatever was freed is used again
        for _ in range(10):
            other.allocate(1000).fill(0)
        other.synchronize()
    assert (array == 7).all()


def test_free_gives_memory_back_and_views_stay(executor):
    before = rt.memory_stats()["allocated_bytes"]["current"]
    buffer = executor.allocate(1 << 20)
    view = buffer.fill(1).to_numpy()
    buffer.free()
    assert buffer.freed and repr(buffer) == "Buffer(freed)" and view[-1] == 1
    with pytest.raises(hg.HologramError, match="freed"):
        buffer.to_numpy()
    del view
    assert rt.memory_stats()["allocated_bytes"]["current"] == before


def test_thousands_leave_nothing_behind():
    def round_of(n):
        for _ in range(n):
            with hg.Executor() as e:
                a, b = e.allocate(500), e.allocate(500)
                a.fill(1)
                hg.ops.vector_relu(e, a, b)
        gc.collect()
        return rt.memory_stats()["allocated_bytes"]["current"], rt.memory_stats()["reserved_bytes"]["current"]
    first = round_of(50)
    assert round_of(3000) == first
    kept = hg.Executor()
    for _ in range(20000):
        kept.allocate(700)
    assert kept.live_buffers == 0 and round_of(1) == first


# ---- errors ----

def test_after_cleanup_everything_says_so():
    e = hg.Executor()
    a = e.allocate(4)
    e.cleanup(), e.cleanup()
    assert e.closed and "cleaned up" in repr(e)
    for use in (lambda: e.allocate(3), lambda: a.to_numpy(), lambda: a.fill(1), lambda: hg.ops.vector_neg(e, a, a),
                lambda: e.__enter__(), lambda: a.address(), lambda: a._executor):
        with pytest.raises(RuntimeError, match="cleaned up") as caught:
            use()
        assert isinstance(caught.value, hg.HologramError)
    with pytest.raises(BufferError):
        memoryview(a)


@pytest.mark.parametrize("use, error, text", [
    (lambda e: e.allocate(-1), ValueError, "negative"),
    (lambda e: e.allocate(2.5), ValueError, "integer"),
    (lambda e: e.allocate(1 << 62), MemoryError, "elements"),
    (lambda e: e.allocate(3, "complex64"), NotImplementedError, "complex64"),
    (lambda e: e.allocate(3, "nonsense"), TypeError, "nonsense"),
    (lambda e: e.allocate(3).from_numpy(np.zeros(3)), TypeError, "float64"),
    (lambda e: e.allocate(3).from_numpy(np.zeros(4, "f4")), ValueError, "4 elements"),
    (lambda e: e.allocate(3).from_bytes(b"123"), ValueError, "3 bytes"),
    (lambda e: e.allocate(3).fill(1, 4), ValueError, "4 are needed"),
    (lambda e: e.allocate(3, "int32").fill(1.5), ValueError, "integer"),
    (lambda e: e.allocate(3).copy_from(e.allocate(4)), ValueError, "4 elements into 3"),
    (lambda e: e.allocate(3).view(2, 2), ValueError, "do not exist"),
    (lambda e: hg.ops.vector_add(e, e.allocate(3), e.allocate(4), e.allocate(3)), ValueError, "3 and 4"),
    (lambda e: hg.ops.vector_add(e, e.allocate(3), e.allocate(3), e.allocate(3), 4), ValueError, "4 are needed"),
    (lambda e: hg.ops.vector_add(e, e.allocate(3), e.allocate(3, "f64"), e.allocate(3)), ValueError, "float32 and float64"),
    (lambda e: hg.ops.vector_add(e, e.allocate(3), e.allocate(3), e.allocate(3, "f64")), ValueError, "float64"),
    (lambda e: hg.ops.sigmoid(e, e.allocate(3, "int32"), e.allocate(3, "int32")), ValueError, "int32"),
    (lambda e: hg.ops.vector_add(e, [1, 2], e.allocate(2), e.allocate(2)), TypeError, "list"),
    (lambda e: hg.ops.vector_add(e, e.allocate(2), e.allocate(2), None), ValueError, "no array for a result"),
    (lambda e: hg.ops.vector_add("cpu", e.allocate(2), e.allocate(2), e.allocate(2)), TypeError, "executor"),
    (lambda e: hg.ops.reduce_max(e, e.allocate(0), e.allocate(1)), ValueError, "no element"),
    (lambda e: hg.ops.no_such_op, AttributeError, "no_such_op"),
    (lambda e: hg.no_such_name, AttributeError, "no_such_name"),
])
def test_wrong_calls(executor, use, error, text):
    with pytest.raises(error, match=text):
        use(executor)


def test_executors_do_not_mix(executor):
    with hg.Executor() as other:
        mine, theirs = executor.allocate(8).fill(3), other.allocate(8).fill(4)
        with pytest.raises(ValueError, match="another executor"):
            hg.ops.vector_neg(executor, theirs, mine)
        mine.copy_from(theirs)
        assert (mine.to_numpy() == 4).all()


def test_partial_overlap_is_refused(executor):
    a = executor.from_numpy(np.arange(10, dtype=np.float32))
    with pytest.raises(ValueError, match="overlaps"):
        hg.ops.vector_neg(executor, a.view(0, 8), a.view(1, 8))
    hg.ops.vector_neg(executor, a.view(2, 8), a.view(2, 8))
    np.testing.assert_array_equal(a.to_numpy(), [0, 1, -2, -3, -4, -5, -6, -7, -8, -9])


# ---- backends ----

def test_backends():
    assert hg.get_default_backend() == hg.Executor("auto").backend == hg.validate_backend(hg.BackendType.CPU) == "cpu"
    assert {b.value for b in hg.BackendType} == {"cpu", "cuda", "metal", "auto"}
    assert isinstance(hg.is_metal_available(), bool) and isinstance(hg.is_cuda_available(), bool) and hg.is_cpu_available()
    assert "is_metal_available" in dir(hg) and not hasattr(hg, "is_tpu_available")
    with pytest.raises(ValueError, match="unknown"):
        hg.Executor("tpu")
    with pytest.raises(TypeError):
        hg.validate_backend(3)
    if not hg.is_metal_available():
        with pytest.raises(RuntimeError, match="not available"):
            hg.Executor(backend="metal")


# ---- the boundary pool ----

def free_class():
    with hg.Executor() as e:
        for index in range(95, -1, -1):
            try:
                e.allocate_boundary(index).free()
                return index
            except hg.InvalidState:
                continue
    pytest.skip("no free class")


def test_a_class_is_reserved_once_and_given_back(executor):
    index = free_class()
    first = executor.allocate_boundary(index)
    assert first.length == 3072 and first.pool == "boundary" and first.class_index == index
    assert first.address() == rt.boundary_info()["base"] + index * 12288
    with pytest.raises(RuntimeError, match="taken"):
        executor.allocate_boundary(index)
    first.free()
    second = executor.allocate_boundary(index, 2, 128)
    assert second.length == 64
    for wrong in ((96, 48, 256), (-1, 48, 256), (index, 49, 256), (index, 48, 257), (index, 0, 1), (index, 1, 3)):
        with pytest.raises(ValueError):
            executor.allocate_boundary(*wrong)


# ---- threads ----

def test_one_executor_from_many_threads():
    with hg.Executor() as e:
        failures = []

        def work(n):
            try:
                for round_ in range(100):
                    x = e.from_numpy(np.full(300, n, np.float32))
                    y = e.allocate(300)
                    hg.ops.vector_mul(e, x, x, y)
                    hg.ops.scalar_add(e, y, y, float(round_))
                    assert (y.to_numpy() == n * n + round_).all()
            except Exception as error:
                failures.append(error)
        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        assert not failures


def test_cleanup_while_others_work():
    for _ in range(20):
        e = hg.Executor()
        a, b = e.allocate(200_000), e.allocate(200_000)

        def work():
            try:
                for _ in range(50):
                    hg.ops.tanh(e, a, b)
                    b.to_numpy()
            except (RuntimeError, BufferError):
                return
        threads = [threading.Thread(target=work) for _ in range(3)]
        [t.start() for t in threads]
        e.cleanup()
        [t.join() for t in threads]
