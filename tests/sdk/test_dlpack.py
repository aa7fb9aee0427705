"""DLPack both ways with NumPy and JAX: shared memory, lifetimes, and everything that must be refused."""

import ctypes
import gc
import importlib.util
import json
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
from hologram_core import dlpack
from tests.core_modes import deferred

ROOT = Path(__file__).resolve().parents[2]
TYPES = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64"]

pythonapi = ctypes.pythonapi
pythonapi.PyCapsule_New.restype, pythonapi.PyCapsule_New.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
pythonapi.PyCapsule_GetPointer.restype = ctypes.c_void_p
pythonapi.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]


class Tensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("device_type", ctypes.c_int32), ("device_id", ctypes.c_int32), ("ndim", ctypes.c_int32),
                ("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16),
                ("shape", ctypes.POINTER(ctypes.c_int64)), ("strides", ctypes.POINTER(ctypes.c_int64)), ("byte_offset", ctypes.c_uint64)]


DELETER = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class Managed(ctypes.Structure):
    _fields_ = [("tensor", Tensor), ("context", ctypes.c_void_p), ("deleter", DELETER)]


class Versioned(ctypes.Structure):
    _fields_ = [("major", ctypes.c_uint32), ("minor", ctypes.c_uint32), ("context", ctypes.c_void_p), ("deleter", DELETER),
                ("flags", ctypes.c_uint64), ("tensor", Tensor)]


KEPT: list = []


class Foreign:
    """A tensor made by hand. `deleted` counts calls of its deleter."""

    def __init__(self, shape=(3, 2), strides=None, versioned=False, name=None, major=1, flags=0, **fields):
        KEPT.append(self)      # as a library would: until the deleter has been called
        self.memory = np.arange(100, dtype=np.float32)
        self.deleted = 0
        self.deleter = DELETER(self.delete)
        array = ctypes.c_int64 * max(len(shape or ()), 1)
        self.shape, self.strides = array(*(shape or ())), array(*strides) if strides else None
        t = Tensor(self.memory.ctypes.data, 1, 0, len(shape or ()), 2, 32, 1,
                   self.shape if shape is not None else None, self.strides, 0)
        for field, value in fields.items():
            setattr(t, field, value)
        self.managed = Versioned(major, 0, None, self.deleter, flags, t) if versioned else Managed(t, None, self.deleter)
        self.name = name or (b"dltensor_versioned" if versioned else b"dltensor")
        self.capsule = pythonapi.PyCapsule_New(ctypes.addressof(self.managed), self.name, None)

    def delete(self, _):
        self.deleted += 1

    def __dlpack__(self, max_version=None):
        return self.capsule


def fields_of(capsule):
    return Managed.from_address(pythonapi.PyCapsule_GetPointer(capsule, b"dltensor")).tensor


# ---- NumPy ----

@pytest.mark.parametrize("dtype", TYPES)
def test_numpy_both_ways_without_a_copy(dtype):
    x = np.arange(24).astype(dtype).reshape(2, 3, 4)
    t = hg.HologramTensor.from_dlpack(x)
    assert t.shape == (2, 3, 4) and t.ndim == 3 and t.numel == 24 and t.is_contiguous() and t.__dlpack_device__() == (1, 0)
    y = np.from_dlpack(t)
    assert y.dtype == x.dtype and y.ctypes.data == x.ctypes.data
    np.testing.assert_array_equal(y, x)


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_strided_views_share_memory(data):
    shape = data.draw(st.lists(st.integers(0, 5), min_size=0, max_size=4))
    x = np.arange(int(np.prod(shape)), dtype=np.float32).reshape(shape)
    steps = tuple(slice(None, None, data.draw(st.sampled_from([1, 2, -1, -2]))) for _ in shape)
    view = np.asarray(x[steps]).transpose(data.draw(st.permutations(range(len(shape)))))
    t = hg.HologramTensor.from_dlpack(view, copy=False)
    assert t.shape == view.shape
    np.testing.assert_array_equal(t.to_numpy(), view)
    np.testing.assert_array_equal(np.from_dlpack(t), view)
    np.testing.assert_array_equal(t.contiguous().to_numpy(), view)
    if view.size:
        t.to_numpy()[...] = -1
        assert (view == -1).all()


def test_ops_work_on_foreign_memory():
    with hg.Executor() as e:
        x = np.arange(1000, dtype=np.float32)
        a = e.wrap(x)
        hg.ops.scalar_mul(e, a, a, 2.0)
        np.testing.assert_array_equal(x, np.arange(1000) * 2)
        x[:] = 5
        assert hg.ops.reduce_sum(e, a, e.allocate(1)) == 5000
        with pytest.raises(ValueError, match="contiguous"):
            e.wrap(x[::2])


def test_what_is_exported_sees_what_ops_do():
    with hg.Executor() as e:
        a = e.allocate(10).fill(1)
        hg.ops.scalar_add(e, a, a, 1.0)
        y = np.from_dlpack(a)
        assert (y == 2).all()
        hg.ops.scalar_add(e, a, a, 1.0)
        assert (y == 3).all()
    del a, e
    gc.collect()
    assert (y == 3).all()


def test_copies_as_the_standard_says():
    x = np.arange(6, dtype=np.float32)
    for source in (x, x[::2]):
        t = hg.HologramTensor.from_dlpack(source, copy=True)
        assert t.is_contiguous() and not np.shares_memory(t.to_numpy(), x)
        np.testing.assert_array_equal(t.to_numpy(), source)
    t = hg.HologramTensor.from_dlpack(x)
    copied = np.from_dlpack(t, copy=True)
    assert not np.shares_memory(copied, x) and np.shares_memory(np.from_dlpack(t, copy=False), x)
    np.testing.assert_array_equal(copied, x)


def test_memory_that_is_not_aligned():
    raw = np.zeros(41, np.uint8)
    x = raw[1:].view(np.float32)
    x[:] = range(10)
    with pytest.raises(BufferError, match="aligned"):
        hg.HologramTensor.from_dlpack(x, copy=False)
    t = hg.HologramTensor.from_dlpack(x)
    assert not np.shares_memory(t.to_numpy(), raw)
    np.testing.assert_array_equal(t.to_numpy(), x)


def test_read_only_arrays():
    x = np.arange(4, dtype=np.float32)
    x.flags.writeable = False
    t = hg.HologramTensor.from_dlpack(x)
    assert t.buffer.read_only and not t.to_numpy().flags.writeable
    with hg.Executor() as e:
        a = e.wrap(x)
        out = e.allocate(4)
        hg.ops.scalar_add(e, a, out, 1.0)
        np.testing.assert_array_equal(out.to_numpy(), [1, 2, 3, 4])
        for write in (lambda: hg.ops.scalar_add(e, a, a, 1.0), lambda: a.fill(0), lambda: a.from_numpy(x), lambda: a.from_bytes(bytes(16)),
                      lambda: hg.ops.gemm(e, out, out, a, 2, 2, 2), lambda: hg.buffer_as_mut_ptr(e, a)):
            with pytest.raises(ValueError, match="read-only"):
                write()
    with pytest.raises(BufferError, match="read-only"):
        t.__dlpack__()
    assert not np.from_dlpack(t).flags.writeable
    np.testing.assert_array_equal(x, range(4))


# ---- the protocol ----

def test_capsules_of_both_versions():
    t = hg.HologramTensor.from_dlpack(np.zeros((2, 3), np.float32)).transpose()
    for version, name in ((None, "dltensor"), ((0, 8), "dltensor"), ((1, 0), "dltensor_versioned"), ((1, 3), "dltensor_versioned")):
        assert f'"{name}"' in repr(t.__dlpack__(max_version=version))
    capsule = t.__dlpack__()
    fields = fields_of(capsule)
    assert (fields.ndim, fields.shape[0], fields.shape[1], fields.strides[0], fields.strides[1], fields.code, fields.bits) == (2, 3, 2, 1, 3, 2, 32)


def test_requests_that_cannot_be_met():
    t = hg.HologramTensor.from_dlpack(np.zeros(3, np.float32))
    with pytest.raises(ValueError, match="stream"):
        t.__dlpack__(stream=1)
    with pytest.raises(BufferError, match="device"):
        t.__dlpack__(dl_device=(2, 0))
    with pytest.raises(TypeError, match="max_version"):
        t.__dlpack__(max_version=1)
    assert t.__dlpack__(dl_device=(1, 0), stream=None)


@deferred
def test_a_dropped_capsule_gives_its_hold_back():
    with hg.Executor() as e:
        a = e.allocate(10).fill(1)
        for version in (None, (1, 0)):
            capsule = a.__dlpack__(max_version=version)
            del capsule
            y = np.from_dlpack(a)
            del y
        gc.collect()
        before = rt.counters()["launched"]
        hg.ops.vector_neg(e, a, a)
        assert rt.counters()["launched"] == before       # recorded: nobody can look


def test_the_deleter_runs_once_with_the_last_user():
    for versioned in (False, True):
        f = Foreign(versioned=versioned)
        t = hg.HologramTensor.from_dlpack(f)
        view, other = t.transpose(), np.from_dlpack(t)
        del t
        gc.collect()
        assert f.deleted == 0
        np.testing.assert_array_equal(view.to_numpy(), np.arange(6).reshape(3, 2).T)
        del view, other
        gc.collect()
        assert f.deleted == 1


def test_a_capsule_is_taken_once():
    f = Foreign()
    t = hg.HologramTensor.from_dlpack(f)
    with pytest.raises(BufferError, match="once"):
        hg.HologramTensor.from_dlpack(f)
    assert t.to_numpy()[0, 1] == 1 and f.deleted == 0


@pytest.mark.parametrize("fields", [
    dict(device_type=2), dict(device_type=8), dict(device_type=-1), dict(code=5, bits=64), dict(code=9), dict(bits=12), dict(bits=0),
    dict(lanes=4), dict(lanes=0), dict(ndim=-1), dict(ndim=100), dict(data=None), dict(shape=(-1, 2)), dict(shape=(2 ** 40, 2 ** 40)),
    dict(strides=(2 ** 62, 2 ** 62)), dict(shape=None, ndim=2), dict(versioned=True, major=2), dict(name=b"nonsense"), dict(name=b"used_dltensor")],
    ids=str)
def test_malformed_tensors(fields):
    f = Foreign(**fields)
    with pytest.raises(BufferError, match="hologram.from_dlpack"):
        hg.HologramTensor.from_dlpack(f)
    assert f.deleted == 0      # not taken over


def test_offsets_strides_and_flags_are_honoured():
    t = hg.HologramTensor.from_dlpack(Foreign(shape=(3, 2), strides=(-2, 1), byte_offset=40))
    np.testing.assert_array_equal(t.to_numpy(), [[10, 11], [8, 9], [6, 7]])
    np.testing.assert_array_equal(t.contiguous().to_numpy(), t.to_numpy())
    t = hg.HologramTensor.from_dlpack(Foreign(shape=(3, 2), strides=(0, 1)))
    np.testing.assert_array_equal(t.to_numpy(), [[0, 1]] * 3)
    assert hg.HologramTensor.from_dlpack(Foreign(versioned=True, flags=1)).buffer.read_only
    assert hg.HologramTensor.from_dlpack(Foreign(shape=())).to_numpy() == 0
    assert hg.HologramTensor.from_dlpack(Foreign(shape=(0, 3), data=None)).shape == (0, 3)


@pytest.mark.parametrize("thing", [3, "text", None, [1.0, 2.0], object()])
def test_things_without_dlpack(thing):
    with pytest.raises(TypeError, match="__dlpack__"):
        hg.HologramTensor.from_dlpack(thing)


def test_dlpack_that_gives_no_capsule():
    class Liar:
        def __dlpack__(self, **_):
            return 7
    with pytest.raises(TypeError, match="capsule"):
        hg.HologramTensor.from_dlpack(Liar())


def test_numpy_types_without_an_equal():
    with pytest.raises(BufferError):
        hg.HologramTensor.from_dlpack(np.zeros(3, np.complex64))


def test_after_cleanup():
    e = hg.Executor()
    a = e.allocate(3)
    e.cleanup()
    for use in (lambda: a.__dlpack__(), lambda: hg.HologramTensor.from_dlpack(np.zeros(3, "f4"), e)):
        with pytest.raises(RuntimeError, match="cleaned up"):
            use()


# ---- addresses ----

def test_addresses_both_ways():
    e = hg.new_executor()
    b = hg.executor_allocate_buffer(e, 6)
    hg.buffer_copy_from_slice(e, b, "[0, 1, 2, 3, 4, 5]")
    t = hg.tensor_transpose(hg.tensor_from_buffer(b, "[2, 3]"))
    assert hg.tensor_dlpack_device_type(e) == 1 and hg.tensor_dlpack_device_id(e) == 0
    address = hg.tensor_to_dlpack(e, t)
    handles = json.loads(hg.tensor_from_dlpack_capsule(e, address))
    assert json.loads(hg.tensor_shape(handles["tensor_handle"])) == [3, 2]
    hg.buffer_fill(e, b, 7.0, 6)
    assert json.loads(hg.buffer_to_vec(e, handles["buffer_handle"])) == [7.0] * 6
    for wrong in (0, -1, 1, 8, 12345, 1 << 63, 1 << 70):
        with pytest.raises(ValueError, match="not the address"):
            hg.tensor_from_dlpack_capsule(e, wrong)
    hg.executor_cleanup(e)


def test_exports_end_on_any_thread():
    with hg.Executor() as e:
        a = e.allocate(100).fill(1)
        views = [np.from_dlpack(a) for _ in range(200)]
        threads = [threading.Thread(target=lambda part=views[n::4]: part.clear()) for n in range(4)]
        del views
        for t in threads:
            t.start()
        for _ in range(100):
            hg.ops.scalar_add(e, a, a, 1.0)
        for t in threads:
            t.join()
        assert (a.to_numpy() == 101).all()


def test_thousands_of_exports_leave_nothing():
    with hg.Executor() as e:
        a = e.allocate(1000)
        for _ in range(5000):
            hg.HologramTensor.from_dlpack(a, e)
        gc.collect()
        assert e.live_buffers == 1


# ---- JAX ----

JAX = """
import jax.numpy as jnp
import numpy as np
import hologram_core as hg
x = jnp.arange(12, dtype=jnp.float32).reshape(3, 4)
t = hg.HologramTensor.from_dlpack(x)
np.testing.assert_array_equal(t.to_numpy(), np.arange(12).reshape(3, 4))
assert t.buffer.address() == x.unsafe_buffer_pointer()
with hg.Executor() as e:
    a = e.allocate(4096)
    a.from_numpy(np.arange(4096, dtype=np.float32))
    hg.ops.scalar_mul(e, a, a, 2.0)
    y = jnp.from_dlpack(a)
    assert float(y.sum()) == float(np.arange(4096).sum() * 2)
    assert y.unsafe_buffer_pointer() == a.address()
"""


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
def test_jax_both_ways():
    """In a process of its own: JAX starts threads, and other tests fork."""
    done = subprocess.run([sys.executable, "-c", JAX], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def test_version():
    assert dlpack.VERSION == (1, 0)


def test_cleanup_while_exports_end_elsewhere():
    for _ in range(50):
        e = hg.Executor()
        views = [np.from_dlpack(e.allocate(500)) for _ in range(100)]
        thread = threading.Thread(target=views.clear)
        thread.start()
        e.cleanup()
        thread.join()
        gc.collect()
        assert e.live_buffers == 0
