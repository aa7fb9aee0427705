"""hologram_core.ffi: the handle-based surface, class arithmetic, and the faults that must not come back."""

import inspect
import json
import re
import struct
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hologram_core as hg
from hologram_core import classes, ffi, handles

ROOT = Path(__file__).resolve().parents[2]
SURFACE = next((p for p in [ROOT.parent / "shared/spec/ffi-surface.md"] if p.exists()), None)


@pytest.fixture
def e():
    handle = hg.new_executor()
    yield handle
    hg.executor_cleanup(handle)


def buffer(e, values):
    values = np.asarray(values, np.float32).ravel()
    handle = hg.executor_allocate_buffer(e, values.size)
    hg.buffer_copy_from_bytes(e, handle, values)
    return handle


def array(e, handle):
    return np.frombuffer(bytes(hg.buffer_to_bytes(e, handle)), np.float32)


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.skipif(SURFACE is None, reason="the customer's documents do not lie beside the checkout")
def test_every_function_of_the_surface_exists_with_its_arguments():
    lines = re.findall(r"^(?:void|u8|u32|u64|i32|f32|string|sequence<u8>) (\w+)\((.*?)\);", SURFACE.read_text(), re.M)
    assert len(lines) > 75
    for name, arguments in lines:
        function = getattr(hg, name)
        assert function is getattr(ffi, name)
        names = [a.split()[-1] for a in arguments.split(",")] if arguments else []
        assert list(inspect.signature(function).parameters) == [{"class": "class_index"}.get(n, n) for n in names], name


def test_parameters_may_be_named(e):
    a, b, c = buffer(e, [1, 2]), buffer(e, [3, 5]), buffer(e, [0, 0])
    hg.vector_add_f32(executor_handle=e, a_handle=a, b_handle=b, c_handle=c, len=2)
    assert list(array(e, c)) == [4, 7]
    hg.vector_clip_f32(e, a, c, min_val=0, len=2, max_val=1.5)
    assert list(array(e, c)) == [1, 1.5]
    hg.scalar_mul_f32(e, a_handle=a, c_handle=c, len=2, scalar=3.0)
    assert list(array(e, c)) == [3, 6]
    assert hg.reduce_sum_f32(e, input_handle=a, output_handle=c, len=2) == 3
    assert hg.mse_loss_f32(e, pred_handle=a, target_handle=b, output_handle=c, len=2) == 6.5
    with pytest.raises(TypeError, match="vector_abs_f32.*unexpected keyword argument 'b_handle'"):
        hg.vector_abs_f32(e, a, b_handle=b, len=2)


def test_handles_are_never_used_twice(e):
    seen = set()
    for _ in range(100):
        handle = hg.executor_allocate_buffer(e, 3)
        assert handle > 0 and handle not in seen
        seen.add(handle)
        hg.buffer_cleanup(handle)
        with pytest.raises(RuntimeError, match=f"handle {handle}"):
            hg.buffer_length(handle)


def test_questions_about_buffers(e):
    b = hg.executor_allocate_buffer(e, 10)
    assert (hg.buffer_length(b), hg.buffer_is_empty(b), hg.buffer_is_linear(b), hg.buffer_is_boundary(b), hg.buffer_pool(b),
            hg.buffer_element_size(b), hg.buffer_size_bytes(b)) == (10, 0, 1, 0, "linear", 4, 40)
    assert hg.buffer_is_empty(hg.executor_allocate_buffer(e, 0)) == 1
    with pytest.raises(ValueError, match="no class"):
        hg.buffer_class_index(b)


def test_json_pair(e):
    b = hg.executor_allocate_buffer(e, 4)
    hg.buffer_copy_from_slice(e, b, "[1, 2.5, -3, null]")
    got = json.loads(hg.buffer_to_vec(e, b))
    assert got[:3] == [1, 2.5, -3] and np.isnan(got[3]) and json.loads(hg.buffer_copy_to_slice(e, b))[0] == 1
    for wrong in ("[1, 2]", "{}", "nonsense", "[[1], [2], [3], [4]]", '["a", 1, 2, 3]', "[1,2,3,4,5]", None, 7):
        with pytest.raises(ValueError):
            hg.buffer_copy_from_slice(e, b, wrong)


def test_bytes_pair_is_the_memory(e):
    b = buffer(e, [1, 2, 3])
    view = hg.buffer_to_bytes(e, b)
    hg.scalar_add_f32(e, b, b, 3, 1.0)
    assert struct.unpack("3f", view) == (2, 3, 4)
    for data in (struct.pack("3f", 7, 8, 9), bytearray(struct.pack("3f", 7, 8, 9)), memoryview(np.array([7, 8, 9], "f4"))):
        hg.buffer_copy_from_bytes(e, b, data)
        assert list(array(e, b)) == [7, 8, 9]
    with pytest.raises(ValueError, match="bytes"):
        hg.buffer_copy_from_bytes(e, b, b"12345")


def test_fill_and_copy_honour_len(e):
    a, b = buffer(e, range(6)), buffer(e, [9] * 6)
    hg.buffer_fill(e, a, 5.0, 2)
    hg.buffer_copy(e, a, b, 3)
    assert list(array(e, a)) == [5, 5, 2, 3, 4, 5] and list(array(e, b)) == [5, 5, 2, 9, 9, 9]
    for wrong in (7, -1, 2.5):
        with pytest.raises(ValueError):
            hg.buffer_fill(e, a, 1.0, wrong)


def test_pointers_come_after_pending_work(e):
    import ctypes

    a = buffer(e, [1, 2])
    hg.scalar_mul_f32(e, a, a, 2, 10.0)
    for pointer in (hg.buffer_as_ptr(e, a), hg.buffer_as_mut_ptr(e, a)):
        assert list((ctypes.c_float * 2).from_address(pointer)) == [10, 20]


def test_ops_by_handle(e):
    x, y = random(50), np.abs(random(50, seed=1)) + 0.5
    a, b, c, out = buffer(e, x), buffer(e, y), buffer(e, np.zeros(50)), buffer(e, [0])
    for name, expected in (("add", x + y), ("sub", x - y), ("mul", x * y), ("div", x / y), ("min", np.minimum(x, y)), ("max", np.maximum(x, y))):
        getattr(hg, f"vector_{name}_f32")(e, a, b, c, 50)
        np.testing.assert_array_equal(array(e, c), expected)
    hg.vector_clip_f32(e, a, c, 50, -0.5, 0.5)
    np.testing.assert_array_equal(array(e, c), np.clip(x, -0.5, 0.5))
    assert hg.reduce_min_f32(e, a, out, 50) == x.min() and hg.reduce_max_f32(e, a, out, 50) == x.max() == array(e, out)[0]
    assert hg.mse_loss_f32(e, a, b, out, 50) == pytest.approx(((x - y) ** 2).mean(), rel=1e-5)
    with pytest.raises(ValueError, match="51"):
        hg.vector_add_f32(e, a, b, c, 51)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'len'"):
        hg.vector_add_f32(e, a, b, c)


def test_handles_of_the_wrong_kind(e):
    b = buffer(e, [1])
    with pytest.raises(TypeError, match="not a buffer"):
        hg.buffer_length(e)
    with pytest.raises(TypeError):
        hg.buffer_length("1")
    with pytest.raises(TypeError):
        hg.tensor_shape(b)
    with pytest.raises(RuntimeError, match="handle 0"):
        hg.executor_allocate_buffer(0, 3)
    other = hg.new_executor_auto()
    with pytest.raises(ValueError, match="another executor"):
        hg.buffer_to_vec(other, b)
    hg.executor_cleanup(other)
    with pytest.raises(RuntimeError):
        hg.executor_cleanup(other)


def test_backends_by_name():
    hg.executor_cleanup(hg.new_executor_with_backend("cpu"))
    for name in ("tpu", "cuda" if not hg.is_cuda_available() else "metal"):
        with pytest.raises((ValueError, RuntimeError)):
            hg.new_executor_with_backend(name)


# ---- tensors ----

def views(x, t):
    """(a view of NumPy's, a view of ours), of every kind."""
    yield x.T, hg.tensor_transpose(t)
    yield x.transpose(1, 0), hg.tensor_permute(t, "[1, 0]")
    yield x[1], hg.tensor_select(t, 0, 1)
    yield x[:, 2], hg.tensor_select(t, 1, 2)
    yield x[:, 1:4], hg.tensor_narrow(t, 1, 1, 3)
    yield x[::-2], hg.tensor_slice(t, 0, ffi.NOT_GIVEN, ffi.NOT_GIVEN, -2)
    yield x[:, -3:-1], hg.tensor_slice(t, 1, -3, -1, 1)
    yield x[1:].T, hg.tensor_transpose(hg.tensor_narrow(t, 0, 1, x.shape[0] - 1))


def test_views_carry_offset_and_strides(e):
    x = random(4, 6)
    t = hg.tensor_from_buffer(buffer(e, x), "[4, 6]")
    for want, view in views(x, t):
        assert json.loads(hg.tensor_shape(view)) == list(want.shape)
        assert json.loads(hg.tensor_strides(view)) == [s // 4 for s in want.strides]
        assert hg.tensor_numel(view) == want.size and hg.tensor_ndim(view) == want.ndim
        compact = hg.tensor_contiguous(e, view)
        assert hg.tensor_is_contiguous(compact)
        np.testing.assert_array_equal(ffi.tensor_of(compact).to_numpy(), want)
        flat = hg.tensor_reshape(e, view, "[-1]")
        np.testing.assert_array_equal(ffi.tensor_of(flat).to_numpy(), want.ravel())
        assert hg.tensor_buffer(view) == hg.tensor_buffer(t)


def test_wrong_views(e):
    t = hg.tensor_from_buffer(buffer(e, random(12)), "[3, 4]")
    for wrong in (lambda: hg.tensor_select(t, 2, 0), lambda: hg.tensor_select(t, 0, 3), lambda: hg.tensor_narrow(t, 0, 2, 2),
                  lambda: hg.tensor_slice(t, 0, 0, 3, 0), lambda: hg.tensor_reshape(e, t, "[5, 2]"), lambda: hg.tensor_permute(t, "[0, 0]"),
                  lambda: hg.tensor_view_1d(hg.tensor_transpose(t)), lambda: hg.tensor_from_buffer(hg.tensor_buffer(t), "[13]"),
                  lambda: hg.tensor_from_buffer(hg.tensor_buffer(t), "[-1, 3]"), lambda: hg.tensor_from_buffer(hg.tensor_buffer(t), "3"),
                  lambda: hg.tensor_from_buffer_with_strides(hg.tensor_buffer(t), "[3, 4]", "[4, 2]"),
                  lambda: hg.tensor_matmul(e, t, t)):
        with pytest.raises(ValueError):
            wrong()


def test_broadcasting():
    assert json.loads(hg.tensor_broadcast_shapes("[3, 1]", "[4]")) == [3, 4]
    with pytest.raises(ValueError):
        hg.tensor_broadcast_shapes("[3]", "[4]")


# ---- class arithmetic ----

def test_published_checks():
    assert classes.class_of_byte(0x2A) == 21 and classes.canonical_byte(21) == 0x2A
    assert classes.bytes_of_class(0) == (0x00, 0x01, 0x30, 0x31)
    sizes = [len(classes.bytes_of_class(c)) for c in range(96)]
    assert sizes.count(2) == 64 and sizes.count(4) == 32 and sum(sizes) == 256
    assert (classes.CLASS_BYTES, classes.ELEMENTS, classes.POOL_BYTES) == (12288, 3072, 1179648)


@given(st.integers(0, 255))
def test_bit_0_does_not_count_and_the_canonical_byte_stays_in_its_class(byte):
    c = hg.ffi.class_of_byte(byte)
    assert c == classes.class_of_byte(byte ^ 1) == classes.class_of_byte(classes.canonical_byte(c))
    assert byte in classes.bytes_of_class(c) and classes.is_canonical(classes.canonicalize([byte]))


@pytest.mark.parametrize("wrong", [0, 3, True, 2 ** 31, 2 ** 63])
def test_a_number_is_not_bytes(wrong):
    """bytes(n) is n zeros: minutes and gigabytes for a large one."""
    for function in (classes.canonicalize, classes.is_canonical):
        with pytest.raises(ValueError, match=f"{function.__name__} takes bytes, not the number {wrong}"):
            function(wrong)


@pytest.mark.parametrize("data", [b"\x00\x01\xfe\xff", [0, 1, 254, 255], bytearray(range(256)), np.arange(4, dtype=np.uint8)])
def test_bytes_in_every_form(data):
    assert classes.canonicalize(data) == bytes(b & 0xFE for b in bytes(data))
    assert classes.is_canonical(classes.canonicalize(data)) and not classes.is_canonical(data) and classes.is_canonical(b"")


@given(st.integers(0, 95), st.integers(0, 47), st.integers(0, 255))
def test_addresses_are_a_bijection(c, page, byte):
    assert classes.split_address(classes.address(c, page, byte)) == (c, page, byte)


@pytest.mark.parametrize("wrong", [(96, 0, 0), (0, 48, 0), (0, 0, 256), (-1, 0, 0), (0, -1, 0), (0, 0, -1), (0, 0, True), (0, 0, 1.0)])
def test_addresses_out_of_range(wrong):
    with pytest.raises(ValueError):
        classes.address(*wrong)


def test_canonical_helpers_are_explicit(e):
    b = buffer(e, np.frombuffer(bytes(range(16)), np.float32))
    assert hg.buffer_verify_canonical(e, b) == 0
    hg.buffer_canonicalize_all(e, b)
    assert hg.buffer_verify_canonical(e, b) == 1 and bytes(hg.buffer_to_bytes(e, b)) == bytes(i & 0xFE for i in range(16))
    hg.buffer_copy_from_canonical_slice(e, b, "[1.1, 2, 3, 4]")
    assert hg.buffer_verify_canonical(e, b) == 1
    hg.buffer_copy_from_slice(e, b, "[1.1, 2, 3, 4]")
    hg.vector_abs_f32(e, b, b, 4)
    assert array(e, b)[0] == np.float32(1.1)       # never on a compute path


# ---- faults of earlier systems (ffi-surface.md) ----

def test_fault_1_a_second_executor_gets_its_own_softmax():
    results = []
    for x in (random(100), random(100, seed=5) * 9):
        handle = hg.new_executor()
        a, c = buffer(handle, x), buffer(handle, np.zeros(100))
        hg.softmax_f32(handle, a, c, 100)
        e = np.exp(x - x.max())
        np.testing.assert_allclose(array(handle, c), e / e.sum(), rtol=1e-5)
        results.append(array(handle, c).tobytes())
        hg.executor_cleanup(handle)
    assert results[0] != results[1]


def test_fault_2_more_allocations_than_classes(e):
    held = [hg.executor_allocate_buffer(e, 3072) for _ in range(300)]
    for n, b in enumerate(held):
        hg.buffer_fill(e, b, float(n), 3072)
    assert all((array(e, b) == n).all() for n, b in enumerate(held))
    for b in held:
        hg.buffer_cleanup(b)
    for _ in range(500):
        hg.buffer_cleanup(hg.executor_allocate_buffer(e, 3072))


def test_fault_3_gemm_of_matrices_that_are_not_square(e):
    a, b, c = random(2, 4), random(4, 3, seed=1), buffer(e, np.zeros(6))
    hg.gemm_f32(e, buffer(e, a), buffer(e, b), c, 2, 3, 4)
    np.testing.assert_allclose(array(e, c).reshape(2, 3), a @ b, rtol=1e-5)
    y = buffer(e, np.zeros(2))
    hg.matvec_f32(e, buffer(e, a), buffer(e, b[:, 0]), y, 2, 4)
    np.testing.assert_allclose(array(e, y), a @ b[:, 0], rtol=1e-5)


def test_fault_4_and_7_matmul_honours_offset_and_strides(e):
    x = random(5, 6)
    t = hg.tensor_from_buffer(buffer(e, x), "[5, 6]")
    part, turned = hg.tensor_narrow(t, 0, 2, 3), hg.tensor_transpose(hg.tensor_narrow(t, 0, 1, 2))
    product = ffi.tensor_of(hg.tensor_matmul(e, part, turned)).to_numpy()
    np.testing.assert_allclose(product, x[2:] @ x[1:3].T, rtol=1e-5)


@pytest.mark.parametrize("n", [3071, 3072, 3073, 10_000, 250_000])
def test_fault_5_every_element_is_computed(e, n):
    x, y = random(n), random(n, seed=1)
    a, b, c = buffer(e, x), buffer(e, y), buffer(e, np.zeros(n))
    hg.vector_add_f32(e, a, b, c, n)
    np.testing.assert_array_equal(array(e, c), x + y)
    hg.sigmoid_f32(e, a, c, n)
    np.testing.assert_allclose(array(e, c), 1 / (1 + np.exp(-x)), rtol=1e-5)


def test_fault_6_boundary_buffers_do_not_alias(e):
    held = {}
    for c in range(96):
        try:
            held[c] = hg.executor_allocate_boundary_buffer(e, c, 48, 256)
        except hg.InvalidState:
            pass
    assert len(held) > 1
    for c, b in held.items():
        assert hg.buffer_class_index(b) == c and hg.buffer_is_boundary(b) and hg.buffer_pool(b) == "boundary"
        hg.buffer_fill(e, b, float(c), 3072)
    for c, b in held.items():
        assert (array(e, b) == c).all()
        with pytest.raises(RuntimeError, match="taken"):
            hg.executor_allocate_boundary_buffer(e, c, 1, 4)
    for b in held.values():
        hg.buffer_cleanup(b)
    small = buffer(e, [1, 2, 3])       # the pool serves everybody again
    assert list(array(e, small)) == [1, 2, 3]


# Faults 7 (alpha, broadcasting, softmax's dim ...), 8 and 9 concern the torch side: tests/device/test_nn_layers.py.


def test_clear_all_registries():
    e = hg.new_executor()
    b = hg.executor_allocate_buffer(e, 3)
    kept = ffi.buffer_of(b).to_numpy()
    saved = dict(handles._objects)
    hg.clear_all_registries()
    assert kept.size == 3
    for use in (lambda: hg.buffer_length(b), lambda: hg.executor_allocate_buffer(e, 1)):
        with pytest.raises(RuntimeError):
            use()
    assert e in saved and hg.get_version() == hg.__version__


def test_handles_from_many_threads():
    failures = []

    def work():
        try:
            e = hg.new_executor()
            for n in range(1, 60):
                a = buffer(e, np.full(n, n))
                assert hg.reduce_sum_f32(e, a, a, n) == n * n
                hg.buffer_cleanup(a)
            hg.executor_cleanup(e)
        except Exception as error:
            failures.append(error)
    threads = [threading.Thread(target=work) for _ in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert not failures
