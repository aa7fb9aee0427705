"""HologramTensor's operators, comparisons and indexing: NumPy is the oracle, for values, shapes and types."""

import copy
import operator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hologram_core as hg
from hologram_core import _runtime as rt
from tests.core_modes import deferred

TYPES = ["bool", "uint8", "int32", "int64", "float32", "float64"]
PAIRS = [(t, t) for t in TYPES] + [("bool", "float32"), ("uint8", "int32"), ("int64", "float32"), ("float64", "float32"), ("int32", "bool")]
ARITHMETIC = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow"]
BITS = ["and_", "or_", "xor", "lshift", "rshift"]
COMPARISONS = ["eq", "ne", "lt", "le", "gt", "ge"]


@pytest.fixture(scope="module")
def executor():
    with hg.Executor() as e:
        yield e


def array(dtype, shape=(3, 4), seed=0):
    """Small numbers, none of them 0 or negative: what integers divide by, and powers."""
    values = np.random.default_rng(seed).integers(1, 5, shape)
    return values % 2 == 1 if dtype == "bool" else values.astype(dtype) + (0.25 if np.dtype(dtype).kind == "f" else 0)


def tensor(executor, x):
    return hg.HologramTensor.from_dlpack(np.array(x), executor)


def same(result, expected):
    expected = np.asarray(expected)
    assert isinstance(result, hg.HologramTensor) and result.shape == expected.shape and result.dtype == expected.dtype
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(result.to_numpy(), expected, rtol=1e-5 if expected.dtype == "float32" else 1e-12)
    else:
        np.testing.assert_array_equal(result.to_numpy(), expected)


def agree(use, expected, *arguments):
    """Both give the same, or both refuse."""
    try:
        with np.errstate(all="ignore"):
            wanted = expected(*arguments)
    except (TypeError, ValueError):
        with pytest.raises((TypeError, ValueError), match="^hologram"):
            use()
        return
    same(use(), wanted)


# ---- operators ----

@pytest.mark.parametrize("name", [*ARITHMETIC, *COMPARISONS, *BITS])
def test_operators_on_two_tensors(executor, name):
    function = getattr(operator, name)
    for a, b in PAIRS:
        x, y = array(a), array(b, (4,), 1)
        agree(lambda: function(tensor(executor, x), tensor(executor, y)), function, x, y)


NUMBERS = [True, 3, 2.5, np.float32(1.5), np.int64(2), np.bool_(True)]


@pytest.mark.parametrize("name", [*ARITHMETIC, *COMPARISONS, *BITS])
@pytest.mark.parametrize("dtype", ["bool", "int32", "float32"])
def test_operators_with_numbers_on_both_sides(executor, name, dtype):
    function = getattr(operator, name)
    x = array(dtype)
    forgets = name == "pow" and np.lib.NumpyVersion(np.__version__) < "2.4.0"     # NumPy did, the type of the number in x ** np.int64(2)
    for number in NUMBERS[:3] if forgets else NUMBERS:
        agree(lambda: function(tensor(executor, x), number), function, x, number)
        agree(lambda: function(number, tensor(executor, x)), function, number, x)


@pytest.mark.parametrize("name", [*ARITHMETIC, *COMPARISONS])
def test_operators_with_arrays_on_both_sides(executor, name):
    function = getattr(operator, name)
    x, y = array("float32"), array("float32", (2, 3, 4), 1)
    same(function(tensor(executor, x), y), function(x, y))
    same(function(y, tensor(executor, x)), function(y, x))
    same(function(tensor(executor, x), executor.from_numpy(y[0, 0])), function(x, y[0, 0]))
    same(function(tensor(executor, x), [1, 2, 3, 4]), function(x, [1, 2, 3, 4]))


@pytest.mark.parametrize("dtype", TYPES)
def test_operators_on_one_tensor(executor, dtype):
    x = array(dtype) if dtype in ("bool", "uint8") else array(dtype) - np.asarray(2, dtype)
    for function in (operator.neg, operator.abs, operator.invert, *([operator.pos] if dtype != "bool" else [])):
        agree(lambda: function(tensor(executor, x)), function, x)


def test_divmod_and_rounding_of_negative_numbers(executor):
    for dtype in ("int32", "float32"):
        x, y = np.array([7, -7, 7, -7, 0], dtype), np.array([2, 2, -2, -2, 3], dtype)
        for result, expected in zip(divmod(tensor(executor, x), y), divmod(x, y)):
            same(result, expected)
        for result, expected in zip(divmod(7, tensor(executor, y)), divmod(7, y)):
            same(result, expected)
    half = np.array([0.5, 1.5, -2.5], np.float32)
    same(tensor(executor, half).round(), np.round(half))


def test_comparisons_with_numbers_that_the_type_does_not_hold(executor):
    x = array("uint8")
    for number in (-1, 300, 2 ** 40):
        for name in COMPARISONS:
            same(getattr(operator, name)(tensor(executor, x), number), getattr(operator, name)(x, number))
    for number in (-1, 300):
        with pytest.raises(ValueError, match="range of uint8"):
            tensor(executor, x) + number
    with pytest.raises(ValueError, match="no integer"):
        tensor(executor, array("int32")) ** -1


def test_comparing_with_what_is_no_array(executor):
    t = tensor(executor, array("float32"))
    assert (t == None) is False and (t != "text") is True  # noqa: E711
    assert t in [t] and hash(t) == hash(t) and len({t, t}) == 1
    with pytest.raises(TypeError):
        assert t < "text"
    for wrong in ("text", 1j, object(), {}, np.array(["a"]), np.array([1j]), np.array([None])):
        with pytest.raises((TypeError, NotImplementedError)):
            t + wrong
        with pytest.raises((TypeError, NotImplementedError)):
            wrong + t


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_broadcasting_and_strides(data):
    """Two kinds of kernels at most: their shapes and strides are arguments."""
    shape = data.draw(st.lists(st.integers(0, 4), max_size=4))
    other = [1 if data.draw(st.booleans()) else n for n in shape[data.draw(st.integers(0, len(shape))):]]
    x, y = np.arange(np.prod(shape, dtype=int)).reshape(shape), np.arange(np.prod(other, dtype=int)).reshape(other) + 0.5
    steps = tuple(slice(None, None, data.draw(st.sampled_from([1, 2, -1, -2]))) for _ in shape)
    x = x.repeat(2, -1)[..., ::2] if shape else x
    u = hg.HologramTensor.from_dlpack(x)[steps]
    x = x[steps]
    order = data.draw(st.permutations(range(x.ndim)))
    x, u = x.transpose(order), u.permute(order)
    try:
        expected = x + y
    except ValueError:
        with pytest.raises(ValueError, match="do not fit"):
            u + y
        return
    same(u + y, expected)
    same(y - u, y - x)


@pytest.mark.parametrize("shape", [(2, 0), (3, 0, 2), (0, 4)])
def test_views_without_elements_lie_anywhere(executor, shape):
    t, x = tensor(executor, np.ones(shape, np.float32)), np.ones(shape, np.float32)
    for key in (np.s_[::-1], np.s_[::-1, ::-1], np.s_[1:, 0:0], np.s_[-1:], np.s_[..., 1:], np.s_[..., ::-2]):
        same(t[key] + 1, x[key] + 1)
    same(t.slice(0, None, None, -1) if shape[0] else t.slice(1, 2, None), x[::-1] if shape[0] else x[:, 2:])
    if shape[0]:
        same(t.select(0, 1), x[1])
        same(t.narrow(0, 1, 1), x[1:2])


def test_shapes_that_do_not_fit(executor):
    t = tensor(executor, array("float32"))
    with pytest.raises(ValueError, match="do not fit"):
        t + np.zeros(3, np.float32)
    with pytest.raises(ValueError, match="another executor"), hg.Executor() as other:
        t + tensor(other, array("float32"))


def test_a_tensor_of_bfloat16(executor):
    b = hg.HologramTensor(executor, executor.allocate(3, "bfloat16"), (3,))
    b[...] = [1.0, 2.5, -3.0]
    with pytest.raises(TypeError, match="NumPy cannot write"):
        np.add(np.ones(3, np.float32), 1, out=b)
    assert b.tolist() == [1, 2.5, -3] and (b + 1).element_type.name == "bf16" and (b * 2).tolist() == [2, 5, -6]
    assert (b + np.ones(3, np.float32)).dtype == "float32" and (b + np.ones(3, np.float16)).dtype == "float32"
    assert (b + np.ones(3, np.int64)).element_type.name == "bf16" and (b @ b).item() == 16.25 and (b @ b).element_type.name == "bf16"
    np.testing.assert_array_equal(np.asarray(b), np.array([1, 2.5, -3], np.float32))
    assert b.sum().item() == 0.5 and float(b[1]) == 2.5 and 2.5 in b


def test_methods(executor):
    x = array("float32")
    t = tensor(executor, x)
    same(t.exp(), np.exp(x))
    same(t.clamp(2, 3), np.clip(x, 2, 3))
    same((t > 2).where(t, 0.0), np.where(x > 2, x, 0.0))
    same((t > 2).where(1, 0), np.where(x > 2, 1, 0))
    same(tensor(executor, array("int32")).sqrt(), np.sqrt(array("int32")))
    same(t.eq(t), x == x)
    with pytest.raises(TypeError, match="2 arguments|takes|needed"):
        t.maximum()


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "float32", "float64"])
def test_reductions(executor, dtype):
    x = array(dtype, (2, 3, 4))
    t = tensor(executor, x).permute((2, 0, 1))
    x = x.transpose(2, 0, 1)
    for dim in (None, 0, 1, -1, (0, 2), (2, 1), ()):
        for keep in (False, True):
            same(t.sum(dim, keep), x.sum(axis=dim, keepdims=keep))
            same(t.mean(dim, keep), x.mean(axis=dim, keepdims=keep))
            same(t.amax(dim, keep), x.max(axis=dim, keepdims=keep))
            same(t.amin(dim, keepdim=keep), x.min(axis=dim, keepdims=keep))
    same(t.prod(1), x.prod(axis=1))
    for dim in range(3):
        same(t.cumsum(dim), x.cumsum(axis=dim))
        e = np.exp(x - x.max(axis=dim, keepdims=True).astype("f8"))
        np.testing.assert_allclose(t.softmax(dim).to_numpy(), e / e.sum(axis=dim, keepdims=True), rtol=1e-6)
    np.testing.assert_allclose(t.log_softmax().exp().sum(-1).to_numpy(), np.ones((4, 2)), rtol=1e-5)


def test_reductions_of_nothing(executor):
    x = np.zeros((0, 3), np.float32)
    t = tensor(executor, x)
    same(t.sum(), x.sum())
    same(t.sum(0), x.sum(0))
    same(t.sum(1), x.sum(1))
    same(t.amax(1), x.max(1))
    same(t.cumsum(0), x)
    for use in (lambda: t.amax(), lambda: t.amin(0), lambda: t.sum(2), lambda: t.softmax(-3)):
        with pytest.raises(ValueError, match="^hologram"):
            use()


@pytest.mark.parametrize("a, b", [((2, 3), (3, 4)), ((3,), (3,)), ((5, 2, 3), (3, 4)), ((3,), (3, 2))])
def test_products(executor, a, b):
    for types in (("float32", "float32"), ("int32", "float64")):
        x, y = array(types[0], a), array(types[1], b, 1)
        same(tensor(executor, x) @ tensor(executor, y), x @ y)
        same(x @ tensor(executor, y), x @ y)
        same(tensor(executor, x) @ y, x @ y)
    for wrong in (2, np.zeros((7, 7), np.float32)):
        with pytest.raises((TypeError, ValueError), match="hologram.matmul"):
            tensor(executor, x) @ wrong


@deferred
def test_operators_are_recorded_and_joined(executor):
    t = tensor(executor, array("float32")).copy()
    executor.synchronize()
    ((t * 2 + t.T[:, 0]) / 3).exp().to_numpy()
    before = rt.counters()["launched"]
    result = ((t * 2 + t.T[:, 0]) / 3).exp()
    assert rt.counters()["launched"] == before
    result.to_numpy()
    assert rt.counters()["launched"] - before == 1


# ---- in place ----

IN_PLACE = ["iadd", "isub", "imul", "itruediv", "ifloordiv", "imod", "ipow", "iand", "ior", "ixor", "ilshift", "irshift"]


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place(executor, name):
    function = getattr(operator, name)
    for a, b in PAIRS:
        x, y = array(a), array(b, (4,), 1)
        t = tensor(executor, x)
        memory = t.to_numpy()

        def change(t=t, y=y):
            result = function(t, tensor(executor, y))
            assert result is t
            return result
        agree(change, function, x, y)
        np.testing.assert_allclose(memory, x, rtol=1e-5)      # the same memory, or neither was changed


def test_in_place_with_numbers_and_views(executor):
    x = array("float32", (4, 4))
    t = tensor(executor, x)
    view, mirror = t[1:3, ::2], x[1:3, ::2]
    view += 1
    mirror += 1
    view *= t[0, :2]
    mirror *= x[0, :2]
    t += t.T
    x += x.T
    t -= t[0]
    x -= x[0].copy()
    t[1:] *= t[:-1]
    x[1:] *= x[:-1].copy()
    same(t, x)


def test_what_cannot_be_written(executor):
    t = tensor(executor, array("float32"))
    with pytest.raises(ValueError, match="goes into"):
        t[0].__iadd__(t)
    with pytest.raises(TypeError, match="stored as int32"):
        tensor(executor, array("int32")).__iadd__(1.5)
    fixed = array("float32")
    fixed.flags.writeable = False
    for use in (lambda t: t.__iadd__(1), lambda t: t.__setitem__(slice(2), 1), lambda t: t.__setitem__([0], 1)):
        with pytest.raises(ValueError, match="read-only"):
            use(hg.HologramTensor.from_dlpack(fixed, executor))
        with pytest.raises(ValueError, match="share memory"):
            use(t[:1].broadcast_to((3, 4)))
    np.testing.assert_array_equal(fixed, array("float32"))


# ---- indexing ----

KEYS = [0, -1, slice(None), slice(1, None), slice(None, None, -1), slice(-2, None, 2), slice(5, 2), None, ..., (0, 1), (slice(None), 2), (..., 0),
        (None, ..., -1), (1, ..., None, 2), (slice(None, None, 2), slice(3, 0, -1), 1), (0, 0, 0), (), (slice(None), None, 1), np.int64(1),
        [0, 1], [1, 1, 0], (slice(None), [0, 2]), ([0, 1], [2, 0]), np.array([[0, 1], [1, 0]]), (..., np.array([0])), True, False,
        (0, [True, False, True]), [], np.array(1)]


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_reading(executor, key):
    x = array("float32", (2, 3, 4))
    t = tensor(executor, x)
    same(t[key], x[key])
    mirrored, y = t[:, ::-1, 1:], x[:, ::-1, 1:]
    same(mirrored[key], y[key])


def row(part):
    """For the last dimension, with one more in front, of another type."""
    return np.arange(part.shape[-1], dtype="float64")[None] if part.ndim else 1.5


@pytest.mark.parametrize("value", [7, 2.5, lambda part: part * 2, row], ids=["integer", "float", "whole", "row"])
@pytest.mark.parametrize("key", KEYS, ids=str)
def test_writing(executor, key, value):
    x = array("float32", (2, 3, 4))
    t = tensor(executor, x)
    other = t.permute((2, 0, 1))
    given = value(x[key]) if callable(value) else value
    t[key] = given
    x[key] = given[0] if np.ndim(given) > np.ndim(x[key]) else given
    same(t, x)
    same(other, x.transpose(2, 0, 1))


def test_masks(executor):
    x = array("int32")
    t = tensor(executor, x)
    same(t[t > 2], x[x > 2])
    t[t > 2] = -1
    x[x > 2] = -1
    same(t, x)
    t[t == 1] = tensor(executor, np.arange((x == 1).sum()))
    x[x == 1] = np.arange((x == 1).sum())
    same(t, x)
    assert (t == 100).sum().item() == 0 and t[t == 100].shape == (0,)


def test_a_tensor_is_an_index(executor):
    x = array("float32", (3, 4))
    t = tensor(executor, x)
    same(t[tensor(executor, np.array([2, 0]))], x[[2, 0]])
    same(t[tensor(executor, np.array(1))], x[1])
    assert [10, 20, 30][tensor(executor, np.array([2]))] == 30
    with pytest.raises(TypeError, match="no integer"):
        [1, 2][t]


@pytest.mark.parametrize("key, error", [(3, IndexError), (-4, IndexError), ((0, 0, 0), IndexError), ((..., ...), IndexError), ("a", IndexError),
                                        (1.5, IndexError), (slice(None, None, 0), ValueError), (slice("a", None), TypeError), ([5], IndexError),
                                        ([[True]], IndexError), (2 ** 70, IndexError), ([0.5], IndexError)], ids=str)
def test_wrong_indices(executor, key, error):
    t = tensor(executor, array("float32", (3, 4)))
    for use in (lambda: t[key], lambda: t.__setitem__(key, 0)):
        with pytest.raises(error, match="^hologram.tensor"):
            use()


def test_views_share_memory_and_lists_copy(executor):
    t = tensor(executor, np.zeros((3, 4), np.float32))
    t[1][2] = 5
    t[:, 0] += 1
    t[[0]][...] = 9
    assert t.tolist() == [[1, 0, 0, 0], [1, 0, 5, 0], [1, 0, 0, 0]]


def test_conversions_when_writing(executor):
    t = tensor(executor, np.zeros(3, np.int32))
    t[0], t[1], t[2] = 1.9, True, np.float64(-2.5)
    assert t.tolist() == [1, 1, -2]
    t[...] = np.array([1.5, 2.5, 3.5])
    assert t.tolist() == [1, 2, 3]
    for wrong in (float("nan"), float("inf"), 2 ** 40):
        with pytest.raises(ValueError, match="^hologram"):
            t[0] = wrong
    t = tensor(executor, np.zeros(2, bool))
    t[0] = 2.5
    assert t.tolist() == [True, False]


# ---- as Python and NumPy see it ----

def test_a_tensor_of_one_element_is_a_number(executor):
    t = tensor(executor, array("float32"))
    assert isinstance(t.sum().item(), float) and float(t.sum()) == pytest.approx(array("float32").sum()) and int(t[0, 0]) == int(t[0, 0].item())
    assert bool(t[0, 0] > 0) is True and not t[0, 0] < 0
    for use in (bool, float, int, operator.index, lambda t: t.item()):
        with pytest.raises((TypeError, ValueError), match="^hologram"):
            use(t)


def test_sequences(executor):
    x = array("float32")
    t = tensor(executor, x)
    assert len(t) == 3 and [row.tolist() for row in t] == x.tolist() and 100.0 not in t and float(x[1, 1]) in t
    a, b, c = t
    same(c, x[2])
    for use in (len, iter, list):
        with pytest.raises(TypeError):
            use(t[0, 0])


def test_functions_of_numpy(executor):
    x = array("float32")
    t = tensor(executor, x)
    for function in (np.exp, np.sqrt, np.negative, np.isnan, np.rint, np.logical_not):
        same(function(t), function(x))
    for function in (np.add, np.maximum, np.hypot, np.less, np.logical_and, np.copysign):
        same(function(x, t), function(x, x))
    same(np.matmul(x.T, t), x.T @ x)
    assert isinstance(np.asarray(t), np.ndarray) and np.shares_memory(np.asarray(t), t.to_numpy()) and not np.shares_memory(np.array(t), t.to_numpy())
    np.testing.assert_array_equal(np.asarray(t, "float64"), x)
    # What has no op here is NumPy's own.
    np.testing.assert_array_equal(np.cbrt(t), np.cbrt(x))
    np.testing.assert_array_equal(np.add.reduce(t), np.add.reduce(x))
    np.testing.assert_array_equal(np.concatenate([t, x]), np.concatenate([x, x]))
    np.testing.assert_array_equal(np.add(t, 1, where=x > 2, out=np.zeros_like(x)), np.add(x, 1, where=x > 2, out=np.zeros_like(x)))


def test_arrays_never_become_arrays_of_objects(executor):
    x = array("float32")
    t = tensor(executor, x)
    for name in (*ARITHMETIC, *COMPARISONS):
        assert isinstance(getattr(operator, name)(x, t), hg.HologramTensor)
    b = executor.from_numpy(x[0])
    for name in (*ARITHMETIC, "lt", "ge"):
        result = getattr(operator, name)(x[0], b)
        assert isinstance(result, hg.Buffer)
        np.testing.assert_allclose(result.to_numpy(), getattr(operator, name)(x[0], x[0]), rtol=1e-5)
    np.testing.assert_array_equal(x[0] == b, x[0] == x[0])      # by NumPy: buffers compare by identity
    np.testing.assert_array_equal(np.exp(b), np.exp(x[0]))
    y = x[0].copy()
    y += b
    np.add(y, 1, out=b)
    np.testing.assert_array_equal(b.to_numpy(), x[0] * 2 + 1)
    y = x.copy()
    y += t
    assert type(y) is np.ndarray
    np.testing.assert_array_equal(y, x + x)
    np.add(x, x, out=t)
    np.testing.assert_array_equal(t.to_numpy(), x + x)


def test_tensors_of_torch(executor):
    torch = pytest.importorskip("torch")
    x = array("float32")
    t = tensor(executor, x)
    same(t + torch.from_numpy(x), x + x)
    same(torch.from_numpy(x) + t, x + x)
    np.testing.assert_array_equal(torch.as_tensor(t).numpy(), x)


def test_views_of_shapes(executor):
    x = array("float32")
    t = tensor(executor, x)
    same(t.T, x.T)
    same(t[0].broadcast_to((2, 4)), np.broadcast_to(x[0], (2, 4)))
    for wrong in ((4,), (2, 3, 5), (3, 1)):
        with pytest.raises(ValueError, match="^hologram"):
            t.broadcast_to(wrong)
    same(t.astype("int64"), x.astype("int64"))
    assert t.astype("float32") is t
    with pytest.raises(TypeError):
        copy.deepcopy(t)


# ---- ops and compiled functions ----

def test_ops_take_tensors_and_arrays(executor):
    x, y = array("float32"), array("float32", seed=1)
    t, out = tensor(executor, x), np.zeros((3, 4), np.float32)
    hg.ops.vector_add(executor, t, y, out)
    np.testing.assert_array_equal(out, x + y)
    hg.ops.vector_mul(executor, tensor(executor, x).T, y.T, out.reshape(-1))                    # in the order of their elements
    np.testing.assert_array_equal(out.reshape(4, 3), x.T * y.T)
    buffer = executor.allocate(12)
    hg.ops.scalar_mul(executor, x, buffer, np.array(2.0))
    np.testing.assert_array_equal(buffer.to_numpy(), x.ravel() * 2)
    hg.ops.exp(executor, t[1], t[2])
    np.testing.assert_allclose(t.to_numpy()[2], np.exp(x[1]), rtol=1e-6)
    assert hg.ops.reduce_sum(executor, x, np.zeros(1, np.float32)) == pytest.approx(x.sum())
    assert hg.ops.mse_loss(executor, x, t, np.zeros(1, np.float32)) == pytest.approx(((x - t.to_numpy()) ** 2).mean())
    product = tensor(executor, np.zeros((3, 3), np.float32))
    hg.ops.gemm(executor, x, y.T, product, 3, 3, 4)
    np.testing.assert_allclose(product.to_numpy(), x @ y.T, rtol=1e-6)


def test_results_that_cannot_be_written(executor):
    x = array("float32")
    for out in (np.zeros((4, 3), np.float32).T, tensor(executor, np.zeros((4, 3), np.float32)).T):
        with pytest.raises(ValueError, match="not contiguous"):
            hg.ops.vector_neg(executor, x, out)
    for out, text in ((np.zeros((3, 4)), "float32"), (3, "not int"), ([0] * 12, "not list"), (np.zeros(3, np.float32), "elements")):
        with pytest.raises((TypeError, ValueError), match=text):
            hg.ops.vector_neg(executor, x, out)
    with pytest.raises((TypeError, BufferError)):
        hg.ops.vector_neg(executor, np.array(["a"]), executor.allocate(1))


def test_buffers_and_arrays_together(executor):
    x = np.arange(4, dtype=np.float32)
    b = executor.from_numpy(x)
    np.testing.assert_array_equal((b + x).to_numpy(), x + x)
    np.testing.assert_array_equal((x - b).to_numpy(), x - x)
    np.testing.assert_array_equal((b * np.array(2.0)).to_numpy(), x * 2)
    np.testing.assert_array_equal((~(b > x)).to_numpy(), ~(x > x))
    same(b + tensor(executor, np.ones((3, 1), np.float32)), x + np.ones((3, 1), np.float32))
    with pytest.raises(ValueError, match="buffers are flat"):
        b + np.ones((1, 4), np.float32)
    with pytest.raises((TypeError, ValueError), match="float32 and float64"):
        b + np.ones(4)
    with pytest.raises(ValueError, match="elements|length"):
        b + np.ones(3, np.float32)


def test_compiled_functions_take_tensors_and_arrays(executor):
    x, y = array("float32"), array("float32", (4,), 1)
    f = hg.compile(lambda a, b: (a * b + 1).tanh())
    expected = np.tanh(x * y + 1)
    same(f(tensor(executor, x), y), expected)
    same(f(x, tensor(executor, y)), expected)
    same(f(x, y), expected)
    same(f(x.T, y[:, None]), expected.T)
    same(f(x, 2.0), np.tanh(x * np.float32(2) + 1))
    assert isinstance(f(executor.from_numpy(y), y), hg.Buffer)
    assert "tanh" in f.circuit(x, y).ir()
    first, total = hg.compile(lambda a: (a.exp(), a.sum()))(tensor(executor, x))
    same(first, np.exp(x))
    same(total, x.sum())


def test_compiled_functions_write_tensors_and_arrays(executor):
    def add(executor, a, b, c):
        hg.ops.vector_add(executor, a, b, c)
    f, x = hg.compile(add), array("float32")
    out, t = np.zeros((3, 4), np.float32), tensor(executor, np.zeros((3, 4), np.float32))
    f(executor, x, x, out)
    f(executor, x, x[0], t)
    np.testing.assert_array_equal(out, x + x)
    same(t, x + x[0])
    for wrong in (np.zeros((4, 3), np.float32).T, np.zeros(4, np.float32)):
        with pytest.raises(ValueError, match="argument 3 is written"):
            f(executor, x, x, wrong)
        assert not wrong.any()


def test_compiled_functions_name_arrays_that_are_no_arguments(executor):
    x = array("float32")
    t = tensor(executor, x)
    for wrong in (lambda a: a + x, lambda a: x + a, lambda a: t * a, lambda a: a * t):
        with pytest.raises(TypeError, match="none of its arguments"):
            hg.compile(wrong)(x)
    with pytest.raises(ValueError, match="none of its arguments"):
        hg.compile(lambda a: a + (t + 1).sum().item())(x)
