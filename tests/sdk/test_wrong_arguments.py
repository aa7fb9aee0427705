"""No call from Python ends the process, whatever its arguments: objects that were never initialised, freed and foreign ones, numbers
beyond every type, nested data. wrong_arguments.py makes the calls, in processes of their own."""

import contextlib
import copy
import gc
import importlib.util
import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hologram_core as hg
from hologram_core import _runtime as rt

CLASSES = [rt.BackendInfo, rt.Block, rt.Buffer, rt.Executor, rt.Op, rt.Circuit, rt.Plan, hg.Buffer, hg.Executor, hg.Plan]

PRIVATE = ["AcceleratorGraph", "PlanTable", "RegionCapture", "RegionPlan", "RegionTable", "StepCapture", "StepPlan", "TrainedRegion"]


def test_all_classes_of_the_extension_are_tried():
    modules, private = [rt], set()
    if importlib.util.find_spec("torch"):
        import hologram_torch

        modules.append(hologram_torch._C)
        private = {getattr(hologram_torch._C, name) for name in PRIVATE}
    found = {item for module in modules for item in vars(module).values() if isinstance(item, type)}
    assert found == set(CLASSES[:7]) | private


@pytest.mark.parametrize("name", PRIVATE)
def test_classes_behind_jit_and_compile(name):
    torch = pytest.importorskip("torch")
    import hologram_torch

    cls = getattr(hologram_torch._C, name)
    x = torch.ones(3, device="hologram")
    for made in (lambda: cls.__new__(cls), lambda: cls([x], [], []), lambda: cls([x]), lambda: cls()):
        try:
            item = made()
        except TypeError:
            continue
        for method in dir(cls):
            if method.startswith("__") and method not in ("__call__", "__repr__"):
                continue
            for args in ((), (3,), (x,), ([3],), ((), {}), ([x], {}, 3), ((x,), {}, x, [3], [3], [], []), ((x, x), {}, x, [], [], [(1, 2, 3)], [3])):
                with contextlib.suppress(TypeError, ValueError, RuntimeError, NotImplementedError, IndexError, AttributeError):
                    getattr(item, method)(*args)
        with contextlib.suppress(TypeError, RuntimeError, AttributeError):
            item(x)
        if hasattr(cls, "drop"):
            with contextlib.suppress(TypeError):
                item.drop()
    for bad in (([3], [], []), ([x], [3], []), ([x], [], [3]), (3,), ([3],)):
        with contextlib.suppress(TypeError, RuntimeError):
            cls(*bad)
    gc.collect()
    assert not hologram_torch._C.capturing() and torch.equal(x + 1, x * 2)


@pytest.mark.parametrize("seed", range(3))
def test_no_arguments_end_the_process(seed, tmp_path):
    log = tmp_path / "call"
    done = subprocess.run([sys.executable, str(Path(__file__).with_name("wrong_arguments.py")), str(seed), "6000", str(log)],
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{log.read_text()}\n{done.stderr[-2000:]}"
    assert done.stdout == ""                  # an exception from somewhere inside


@pytest.mark.parametrize("cls", CLASSES)
def test_objects_that_were_never_initialised(cls):
    class Subclass(cls):
        def __init__(self):
            pass
    made = cls.__new__(cls)
    with pytest.raises(TypeError):
        Subclass()                            # pybind11 sees to this one
    asked = 0
    with hg.Executor() as e:
        buffer = e.allocate(4)
        for item in (made, Subclass.__new__(Subclass)):
            for name in dir(cls):
                if name.startswith("__") and name != "__len__":
                    continue
                try:
                    found = getattr(item, name)
                except TypeError:
                    asked += 1
                    continue
                for args in ((), (buffer,), (0,), (0, 1), (e, [], [], 1)):
                    with pytest.raises((TypeError, hg.HologramError)) if callable(found) else pytest.raises(TypeError):
                        found(*args)
                    asked += 1
            for use in (memoryview, np.frombuffer, lambda i: hg.ops.vector_add(e, buffer, i, buffer), lambda i: hg.ops.vector_add(i, buffer, buffer, buffer),
                        lambda i: rt.Buffer(i, 4, 8), lambda i: rt.from_dlpack(i, buffer.__dlpack__()), lambda i: hg.compile(lambda x: x)(i)):
                with pytest.raises((TypeError, BufferError)):      # BufferError: memoryview of a Block
                    use(item)
    assert asked >= 5
    del made
    gc.collect()


def test_a_class_may_derive_from_two_of_ours():
    class Both(hg.Buffer, rt.Executor):
        def __init__(self, executor):
            rt.Buffer.__init__(self, executor, 4, 8)
            rt.Executor.__init__(self, "cpu")
    with hg.Executor() as e:
        both = Both(e)
        both.fill(2)
        hg.ops.vector_add(e, both, both, both)
        assert list(both.to_numpy()) == [4] * 4
        with pytest.raises(ValueError, match="another executor"):
            hg.ops.vector_add(both, both, both, both)      # as an executor it has no buffers


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_objects_of_the_extension_are_not_pickled_or_copied(protocol):
    with hg.Executor() as e:
        native = rt.Circuit([4], 0)
        for item in (e, e.allocate(3), hg.ops.row("add"), native, rt.allocate(64)):
            for use in (lambda: pickle.dumps(item, protocol), lambda: copy.copy(item), lambda: copy.deepcopy(item), item.__reduce__,
                        lambda: item.__reduce_ex__(protocol)):
                with pytest.raises(TypeError, match="cannot pickle"):
                    use()


# ---- the handle API ----

@pytest.fixture
def e():
    handle = hg.new_executor()
    yield handle
    hg.executor_cleanup(handle)


DEEP = ["[" * 100_000, "[" * 100_000 + "]" * 100_000, '{"a":' * 50_000 + "1" + "}" * 50_000, "[" + "[" * 700 + "]" * 700 + "]"]


@pytest.mark.parametrize("text", DEEP, ids=range(4))
def test_nested_json_is_one_error(e, text):
    b = hg.executor_allocate_buffer(e, 4)
    t = hg.tensor_from_buffer(b, "[2, 2]")
    for use in (lambda: hg.buffer_copy_from_slice(e, b, text), lambda: hg.buffer_copy_from_canonical_slice(e, b, text),
                lambda: hg.tensor_from_buffer(b, text), lambda: hg.tensor_from_buffer_with_strides(b, "[2, 2]", text),
                lambda: hg.tensor_reshape(e, t, text), lambda: hg.tensor_permute(t, text), lambda: hg.tensor_broadcast_shapes("[1]", text)):
        with pytest.raises((ValueError, TypeError), match="^hologram") as caught:
            use()
        assert len(str(caught.value)) < 300


@pytest.mark.parametrize("n", [2 ** 63 - 1, 2 ** 63, 2 ** 64 - 1, 2 ** 64, 10 ** 30, 10 ** 5000, -1, -2 ** 63, -2 ** 64], ids=range(9))
def test_lengths_beyond_any_memory(e, n):
    b, out = hg.executor_allocate_buffer(e, 4), hg.executor_allocate_buffer(e, 4)
    executor, buffer = hg.ffi.executor_of(e), hg.ffi.buffer_of(b)
    t = hg.tensor_from_buffer(b, "[2, 2]")
    big = "9" * 400 if abs(n) > 10 ** 4000 else str(n)
    for use in (lambda: hg.executor_allocate_buffer(e, n), lambda: executor.allocate(n), lambda: hg.buffer_fill(e, b, 1.0, n),
                lambda: hg.buffer_copy(e, b, out, n), lambda: hg.vector_add_f32(e, b, b, out, n), lambda: hg.reduce_sum_f32(e, b, out, n),
                lambda: hg.mse_loss_f32(e, b, b, out, n), lambda: hg.gemm_f32(e, b, b, out, n, 1, 1), lambda: hg.gemm_f32(e, b, b, out, n, n, n),
                lambda: hg.matvec_f32(e, b, b, out, n, n), lambda: hg.tensor_from_buffer(b, f"[{big}]"), lambda: hg.tensor_from_buffer(b, f"[0, {big}]"),
                lambda: hg.tensor_from_buffer_with_strides(b, "[2]", f"[{big}]"), lambda: hg.tensor_select(t, 0, n if n != -1 else -9),
                lambda: hg.tensor_narrow(t, 0, n, n), lambda: hg.tensor_select(t, n if n != -1 else 9, 0), lambda: hg.buffer_length(n),
                lambda: buffer.fill(1.0, n if n != -1 else -2), lambda: buffer.view(0, n), lambda: buffer.view(n, 1),
                lambda: hg.ops.row("add")(executor, buffer, buffer, buffer, n if n != -1 else -2),
                lambda: hg.ops.softmax(executor, buffer, buffer, 4, n if n != -1 else -2)):
        with pytest.raises((ValueError, TypeError, MemoryError, RuntimeError)) as caught:
            use()
        assert len(str(caught.value)) < 600


@pytest.mark.parametrize("sizes", [(2 ** 32, 2 ** 32, 1), (1, 2 ** 32, 2 ** 32), (2 ** 16, 1, 2 ** 48), (2 ** 62, 4, 4), (4, 2 ** 62, 4), (True, 1, 1),
                                   (1.0, 1, 1), ("1", 1, 1), (None, 1, 1), (-1, -1, 1), (5, 1, 1), (1, 5, 1), (1, 1, 5)], ids=str)
def test_sizes_of_matrices_that_cannot_be(e, sizes):
    a, b, c = (hg.executor_allocate_buffer(e, 4) for _ in range(3))
    with pytest.raises(ValueError, match="hologram.gemm: "):       # 2^32 times 2^32 is no 0
        hg.gemm_f32(e, a, b, c, *sizes)
    with pytest.raises(ValueError, match="hologram.matvec: "):
        hg.matvec_f32(e, a, b, c, *(sizes[:2] if sizes[:2] != (1, 1) else (5, 1)))


@pytest.mark.parametrize("dtype, text, error", [
    ("uint8", "[300]", "range of uint8"), ("uint8", "[-1]", "range of uint8"), ("uint8", "[2.5]", "2.5"), ("int64", "[9223372036854775808]", "range of int64"),
    ("int32", "[null]", "None"), ("bool", "[2]", "range of bool"), ("uint8", '["1"]', "'1'"), ("float32", '["1"]', "flat list of numbers"),
    ("float32", "[" + "1" * 400 + "]", "float64"), ("bfloat16", "[1]", "bfloat16")])
def test_json_that_is_no_element_of_the_buffer(e, dtype, text, error):
    buffer = hg.ffi.executor_of(e).allocate(1, dtype)
    with pytest.raises((ValueError, TypeError), match=error):
        hg.buffer_copy_from_slice(e, buffer, text)


@pytest.mark.parametrize("dtype, values", [("uint8", [0, 255]), ("int8", [-128, 127]), ("uint64", [0, 2 ** 64 - 1]), ("int64", [-2 ** 63, 2 ** 63 - 1]),
                                           ("bool", [True, False]), ("float64", [1e308, -0.5]), ("float16", [1.5, 2]), ("float32", [16777217, 2 ** 70])])
def test_json_that_is(e, dtype, values):
    buffer = hg.ffi.executor_of(e).allocate(2, dtype)
    hg.buffer_copy_from_slice(e, buffer, json.dumps(values))
    np.testing.assert_array_equal(buffer.to_numpy(), np.array(values, np.float64 if "float" in dtype else dtype).astype(dtype))


@pytest.mark.parametrize("use", [
    lambda e: rt.Buffer(None, 3, 8), lambda e: rt._reserve_class(None, 1, 8, 8), lambda e: rt.from_dlpack(None, e.allocate(1).__dlpack__()),
    lambda e: rt.from_dlpack_address(None, 4096), lambda e: rt.Circuit([4], 0).call(e, [None], [], 4), lambda e: rt.Buffer(e, 2 ** 70, 8),
    lambda e: hg.ops.row("add")(e, None, 1.0, e.allocate(2)), lambda e: hg.ops.row("add")(e, e.allocate(2), 1.0, e.allocate(2), 1.5)])
def test_nothing_in_place_of_something(use):
    with hg.Executor() as e, pytest.raises((TypeError, ValueError)):
        use(e)
