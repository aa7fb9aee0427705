"""The planner: what becomes of an iteration space, and whether the kernels it launches compute what NumPy computes."""

import itertools
import threading

import numpy as np
import pytest

from hologram_core import _runtime as rt
from hologram_core import dtypes
from hologram_core.optable import TABLE

MAP, ROW, COLUMN, TILE = range(4)
SPLIT, MERGE = 1, 2
SCHEDULE, RANK, ROW_RANK, FLAGS = 1, 2, 3, 7     # bytes of a key
CODE = {d.numpy: d.code for d in dtypes.ALL if d.name != "bf16"}


def code(array) -> int:
    return CODE[array.dtype.name]


def circuit_of(op, inputs, outputs, scalars=(), axes=(), result=None, compute=None):
    """A circuit of one op: inputs broadcast to their common shape, of which `axes` are the row."""
    shape = np.broadcast_shapes(*(a.shape for a in inputs)) if inputs else outputs[0].shape
    order = [d for d in range(len(shape)) if d not in axes] + list(axes)
    c = rt.Circuit([shape[d] for d in order], len(axes))
    refs = []
    for a in inputs:
        strides = np.broadcast_to(a, shape).strides
        refs.append(c.add_operand(a.ctypes.data, code(a), [strides[d] for d in order]))
    refs += [c.add_scalar(s) for s in scalars]
    compute = code(inputs[0] if inputs else outputs[0]) if compute is None else compute
    first = c.add_node(TABLE.codes[op], compute, code(outputs[0]) if result is None else result, refs)
    for n, out in enumerate(outputs):
        varies = out.ndim == len(shape)
        strides = [out.strides[d] for d in order] if varies else [*out.strides, *[0] * len(axes)]
        c.add_output(out.ctypes.data, code(out), strides, first + n)
    return c


def keys(circuit) -> list:
    return [key for key, _, _ in circuit.launches()]


def dims(circuit) -> tuple:
    """(schedule, rank) of a circuit that is one launch."""
    (key,) = keys(circuit)
    return key[SCHEDULE], key[RANK]


def data(*shape, dtype="float32"):
    rng = np.random.default_rng(sum(shape) + len(shape))
    return np.asarray(rng.standard_normal(shape) * 8, dtype)


def added(x, y, out=None):
    expected = x + y
    out = np.full(np.shape(expected), 99, expected.dtype) if out is None else out
    circuit = circuit_of("add", [x, y], [out])
    circuit.run()
    np.testing.assert_array_equal(out, expected)
    return circuit


# ---- maps ----

@pytest.mark.parametrize("shape", [(), (1,), (7,), (1, 1, 1), (3, 4, 5), (2, 1, 3, 1), (2,) * 12, (5000,)])
def test_contiguous_maps_are_one_dimension(shape):
    x = data(*shape)
    assert dims(added(x, x)) == (MAP, 1)


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 4, 5)])
def test_empty_maps_launch_nothing(shape):
    x = data(*shape)
    before = rt.counters()["launched"]
    assert added(x, x).launches() == [] and rt.counters()["launched"] == before


def test_any_permutation_of_dense_memory_is_one_dimension():
    for order in itertools.permutations(range(4)):
        x, y, out = (data(3, 4, 5, 6).transpose(order) for _ in range(3))
        assert dims(added(x, y, out)) == (MAP, 1), order


def test_broadcasting_keeps_only_the_dimensions_it_needs():
    x = data(4, 5, 6, 7)
    assert dims(added(x, data(7))) == (MAP, 2)              # [120, 7]
    assert dims(added(x, data(4, 1, 1, 1))) == (MAP, 2)     # [4, 210]
    assert dims(added(x, data(5, 1, 1))) == (MAP, 3)        # [4, 5, 42]
    assert dims(added(x, data(1))) == (MAP, 1)
    assert dims(added(data(6, 1), data(1, 7))) == (MAP, 2)


def test_strided_and_negative_views():
    x = data(20, 30)
    for view in (x[::2], x[:, ::3], x[::-1], x[:, ::-1], x[3:9, 4:20:5], x[::-2, ::-2].T, x[:1], x[:, :1]):
        added(view, view)
        added(view, view, np.zeros((*view.shape, 2), "float32")[..., 0])


@pytest.mark.parametrize("shape, schedule", [((100, 90), TILE), ((5, 900), MAP), ((900, 5), MAP), ((16, 16), MAP),
                                             ((33, 65, 40), TILE), ((1000, 1000), TILE)])
def test_transposing_maps_are_tiled_where_it_pays(shape, schedule):
    x, y = data(*shape[::-1]).T, data(*shape)
    circuit = added(x, y)
    assert dims(circuit)[0] == schedule
    if schedule == TILE:
        (_, tiles, per_tile), = circuit.launches()
        outer = np.prod(shape[:0])
        assert per_tile == 1024 and tiles >= outer * -(-shape[-1] // 32)


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64"])
@pytest.mark.parametrize("channels", [2, 3, 15])
@pytest.mark.parametrize("pixels", [64, 2048, 3 * 2048, 4099])
def test_short_innermost_dimensions_change_places(channels, pixels, dtype):
    """Vectors run along the pixels of an image, not along its few channels; a long row of pixels is cut where its size allows."""
    planes = (np.arange(2 * channels * pixels) % 1000).reshape(2, channels, pixels).astype(dtype)
    out = np.zeros((2, pixels, channels), dtype)
    circuit = circuit_of("copy", [planes.transpose(0, 2, 1)], [out])
    assert dims(circuit) == (MAP, 4 if pixels == 3 * 2048 else 3)
    circuit.run()
    np.testing.assert_array_equal(out, planes.transpose(0, 2, 1))


@pytest.mark.parametrize("width", [2, 3, 4, 5])
def test_operands_of_tiny_rows(width):
    """One number per row, one per column, parts of rows: vectors run along the column of rows where a row has up to four elements."""
    x, wide = data(700, width), data(700, width + 2)
    for other in (data(700, 1), data(width), wide[:, 1:-1], wide[:, :-2], data(1, width), x[::-1]):
        assert dims(added(x, other))[0] == MAP


def test_short_dimensions_that_stay():
    """A row that is added to each pixel, the same memory order everywhere, and the channels of few pixels run along themselves."""
    def strides_along(circuit_):
        circuit_.launches()
        return dims(circuit_)

    pixels, row = data(1024, 5), data(5)
    assert strides_along(circuit_of("add", [pixels, row], [np.empty_like(pixels)])) == (MAP, 2)
    assert strides_along(circuit_of("add", [pixels, pixels], [np.empty_like(pixels)])) == (MAP, 1)
    assert strides_along(circuit_of("copy", [data(3, 8).T], [np.empty((8, 3), "float32")])) == (MAP, 2)


def test_tiles_over_permuted_dimensions():
    for order in itertools.permutations(range(3)):
        x = data(24, 40, 56)
        y = np.empty([x.shape[d] for d in order], "float32").transpose(np.argsort(order))
        y[...] = 1
        added(x, y, np.zeros(x.shape, "float32"))


@pytest.mark.parametrize("n", [1, 15, 16, 17, 63, 64, 65, 1000, 100_003])
def test_in_place_and_lengths(n):
    x = data(n)
    expected = x + x
    circuit_of("add", [x, x], [x]).run()
    np.testing.assert_array_equal(x, expected)


def test_positions_are_row_major_whatever_the_strides():
    """Ops that use the number of an element are not permuted."""
    out = np.zeros((50, 60, 3), "float32").transpose(2, 0, 1)[:, ::2]
    number = np.arange(out.size, dtype="float32").reshape(out.shape)
    circuit_of("arange", [], [out], scalars=[2.0, 0.5]).run()
    np.testing.assert_array_equal(out, 2 + number / 2)


# ---- keys ----

def test_sizes_and_scalars_are_not_in_the_key():
    def key(n, m, number):
        x = data(n, m)
        return keys(circuit_of("add_alpha", [x, data(m)], [np.empty_like(x)], scalars=[number]))

    assert key(3, 4, 1.0) == key(300, 17, -2.5)
    assert key(3, 4, 1.0) != key(3, 4, 1)            # an integer scalar is another kernel


def test_a_second_run_finds_its_kernel():
    x = data(123)
    added(x, x)
    before = rt.counters()
    added(data(77, 3), data(77, 3))
    after = rt.counters()
    assert after["cache_misses"] == before["cache_misses"] and after["cache_hits"] == before["cache_hits"] + 1
    assert after["launched"] - before["launched"] == after["recorded"] - before["recorded"] == 1


# ---- reductions ----

SHAPES = [((1000,), (0,)), ((100, 1000), (1,)), ((100, 1000), (0,)), ((8, 16, 32, 33), (0, 2, 3)), ((8, 16, 32, 33), (1,)),
          ((5, 6, 7), (0, 1, 2)), ((7, 1), (1,)), ((1, 7), (0,)), ((1, 1), (0, 1)), ((500, 3), (1,)), ((500, 3), (0,)),
          ((65, 30, 70), (0, 2)), ((2,) * 11, (0, 3, 5)), ((300_000,), (0,)), ((4, 100_000), (1,)), ((100_000, 10), (0,)),
          ((40_000, 2, 3), (0, 2)), ((3, 40_000, 2), (1,))]


def reduced(op, x, axes, dtype=None):
    kept = [n for d, n in enumerate(x.shape) if d not in axes]
    out = np.full(kept, 99, dtype or x.dtype)
    circuit = circuit_of(op, [x], [out], axes=axes)
    circuit.run()
    return out, circuit


@pytest.mark.parametrize("shape, axes", SHAPES)
@pytest.mark.parametrize("layout", ["dense", "reversed", "sliced"])
def test_reductions(shape, axes, layout):
    x = data(*shape)
    if layout == "reversed":
        x = np.ascontiguousarray(x.T).T
    elif layout == "sliced":
        x = data(*shape[:-1], 2 * shape[-1])[..., ::2]
    exact = x.astype("float64")
    scale = np.abs(exact).sum(axes) + 1
    assert np.max(np.abs(reduced("sum", x, axes)[0] - exact.sum(axes)) / scale) < 1e-6
    assert np.max(np.abs(reduced("mean", x, axes)[0] - exact.mean(axes))) < 1e-5
    np.testing.assert_array_equal(reduced("amax", x, axes)[0], x.max(axes))
    if len(axes) == 1:
        np.testing.assert_array_equal(reduced("argmax", x, axes, "int64")[0], x.argmax(axes[0]))


def test_positions_in_rows_of_several_dimensions():
    x = data(6, 7, 8, 9)
    for view in (x, x.transpose(2, 0, 3, 1), x[:, ::-1]):
        flat = view.reshape(view.shape[0], -1)
        np.testing.assert_array_equal(reduced("argmax", view, (1, 2, 3), "int64")[0], flat.argmax(1))


@pytest.mark.parametrize("shape, axes", [((0, 5), (0,)), ((5, 0), (1,)), ((0,), (0,)), ((3, 0, 4), (1,)), ((2, 0, 0), (1, 2))])
def test_empty_rows_give_the_identity(shape, axes):
    np.testing.assert_array_equal(reduced("sum", data(*shape), axes)[0], np.zeros([shape[d] for d in range(len(shape)) if d not in axes]))


def test_no_rows_launch_nothing():
    assert reduced("sum", data(0, 5), (1,))[1].launches() == []


@pytest.mark.parametrize("shape, axes, view, schedule", [
    ((64, 640), (1,), lambda x: x, ROW), ((64, 640), (0,), lambda x: x, COLUMN),
    ((640, 64), (0,), lambda x: x.T.copy().T, ROW), ((4, 16, 8, 8), (0, 2, 3), lambda x: x, ROW),
    ((4, 8, 8, 16), (0, 1, 2), lambda x: x, COLUMN), ((1000, 3), (1,), lambda x: x, COLUMN)])
def test_lanes_run_where_memory_is_contiguous(shape, axes, view, schedule):
    circuit = reduced("sum", view(data(*shape)), axes)[1]
    assert keys(circuit)[0][SCHEDULE] == schedule


def test_full_reductions_share_the_kernel_of_rows():
    assert keys(reduced("sum", data(500), (0,))[1]) == keys(reduced("sum", data(40, 50), (1,))[1])


def test_row_kernels_see_whole_rows():
    x = data(5, 40, 3)
    for axis in range(3):
        out = np.empty_like(x)
        circuit_of("softmax", [x], [out], axes=(axis,)).run()
        e = np.exp(x - x.max(axis, keepdims=True))
        np.testing.assert_allclose(out, e / e.sum(axis, keepdims=True), rtol=3e-6)


# ---- two stages ----

@pytest.mark.parametrize("shape, axes", [((1_000_000,), (0,)), ((4, 100_000), (1,)), ((100_000, 10), (0,)), ((20_000, 3, 7), (0,))])
def test_long_rows_take_two_stages(shape, axes):
    circuit = reduced("sum", data(*shape), axes)[1]
    first, second = keys(circuit)
    assert first[FLAGS] == SPLIT and second[FLAGS] == MERGE
    assert circuit.launches()[0][1] >= 8        # work for several threads


@pytest.mark.parametrize("shape, axes", [((1000,), (0,)), ((100, 10_000), (1,)), ((1000, 1000), (0,))])
def test_short_or_many_rows_take_one(shape, axes):
    assert len(keys(reduced("sum", data(*shape), axes)[1])) == 1


def test_two_stages_leave_no_memory_behind():
    x = data(1_000_000)
    reduced("argmax", x, (0,), "int64")
    before = rt.memory_stats()["active_blocks"]["current"]
    reduced("argmax", x, (0,), "int64")
    assert rt.memory_stats()["active_blocks"]["current"] == before


def test_equal_maxima_give_the_first_position_across_chunks():
    x = np.zeros(500_000, "float32")
    for position in (0, 1, 16_383, 16_384, 250_000, 499_999):
        x[position] = 1
        assert reduced("argmax", x, (0,), "int64")[0] == np.argmax(x)
        x[position] = 0
    x[[77_777, 300_000]] = 3
    assert reduced("argmax", x, (0,), "int64")[0] == 77_777


@pytest.mark.parametrize("shape, axes", [((1_000_003,), (0,)), ((100_000, 10), (0,)), ((3, 200_000), (1,)), ((4096, 1000), (0,))])
def test_results_do_not_depend_on_threads(shape, axes):
    x = data(*shape)
    results = []
    for threads in (1, 2, 3, 8):
        rt.set_num_threads(threads)
        results.append(reduced("sum", x, axes)[0])
    rt.set_num_threads(0)
    assert all(r.tobytes() == results[0].tobytes() for r in results)


# ---- threads, log, errors ----

def test_large_maps_run_on_several_threads():
    rt.set_num_threads(4)
    before = rt.counters()["parallel_launches"]
    x = data(2_000_000)
    added(x, x)
    rt.set_num_threads(0)
    assert rt.counters()["parallel_launches"] > before or rt.max_threads() == 1


def test_many_threads_submit_at_once():
    errors = []

    def work(seed):
        try:
            for n in range(1, 60):
                x = data(n, seed + 3)
                added(x, x[:1])
                reduced("sum", x, (n % 2,))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not errors


def test_the_launch_log():
    rt.set_launch_log(True)
    x = data(1_000_000)
    circuit = reduced("sum", x, (0,))[1]
    added(x, x)
    rt.set_launch_log(False)
    first, second, third = rt.last_launches(3)
    assert [first["key"], second["key"]] == keys(circuit)
    assert third["items"] == 1_000_000 and third["elements_per_item"] == 1 and "add" in third["kernel"]
    assert third["microseconds"] > 0


@pytest.mark.parametrize("raised, caught, text", [
    (RuntimeError("hologram.compile: broken"), RuntimeError, "^hologram.compile: broken"),
    (ValueError("odd"), ValueError, "hologram.compile: ValueError: odd"),
    (MemoryError("full"), MemoryError, "full"), (NotImplementedError("not yet"), NotImplementedError, "not yet"),
    (KeyError("k"), RuntimeError, "KeyError"), (None, RuntimeError, "must return"), (0, RuntimeError, "null address")])
def test_errors_of_the_compiler_arrive(raised, caught, text):
    def compiler(key):
        if isinstance(raised, Exception):
            raise raised
        return None if raised is None else (raised, 1.0, "x")

    x = data(10)
    circuit = circuit_of("add", [x] * 2, [np.zeros(10, "float64")], compute=dtypes.F32.code, result=dtypes.F64.code)
    rt.set_compiler(compiler)
    try:
        with pytest.raises(caught, match=text):
            circuit.run()
    finally:
        rt.set_compiler(None)


def test_bad_circuits_are_refused():
    c = rt.Circuit([3, 4])
    x = c.add_operand(0, 8, [16, 4])
    for bad in (lambda: rt.Circuit([1] * 13), lambda: rt.Circuit([3], 2), lambda: rt.Circuit([-1]), c.run,
                lambda: c.add_operand(0, 8, [4]), lambda: c.add_operand(0, 99, [16, 4]), lambda: c.add_node(0, 8, 8, [x, x + 1]),
                lambda: c.add_node(10_000, 8, 8, [x]), lambda: c.add_node(0, 8, 8, [x] * 9), lambda: c.add_node(0, 8, 8, [-1]),
                lambda: c.add_output(0, 8, [16, 4], 0), lambda: c.add_node(0, 8, 77, [x, x])):
        with pytest.raises(ValueError, match=r"^hologram\.Circuit: "):
            bad()


def test_backends_say_what_they_are_and_why_they_are_absent():
    infos = {info.name: info for info in rt.backends()}
    facts = {name: (i.display_name, i.host_visible, i.reads_host_memory, i.has_float64) for name, i in infos.items()}
    assert facts == {"cpu": ("CPU", True, True, True), "cuda": ("CUDA", False, False, True), "metal": ("Metal", True, False, False)}
    assert infos["cpu"].available and infos["cpu"].reason == "" and repr(infos["cpu"]) == "BackendInfo('cpu')"
    for name, info in infos.items():
        assert info.available != bool(info.reason)
        if not info.available:
            with pytest.raises(RuntimeError, match=f"^hologram.backend: '{name}' is not available: "):
                rt.allocate(10, name)
    with pytest.raises(ValueError, match="unknown backend 'tpu'. Known are 'cpu', 'cuda', 'metal'."):
        rt.allocate(10, "tpu")
    with pytest.raises(TypeError):
        rt.BackendInfo()
