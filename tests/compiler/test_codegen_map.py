"""Elementwise kernels: every element type, layout and range against the interpreter."""

import numpy as np
import pytest

from hologram_core.backends import cpu
from hologram_core.circuit.ir import MAP, TILE, default_result
from hologram_core.circuit.key import encode
from hologram_core.dtypes import BF16, BOOL, BY_NAME, F16, F32, F64, I32, U8
from hologram_core.optable import TABLE
from kernels import Case

TYPES = [BY_NAME[n] for n in "bool u8 i8 i16 i32 i64 f16 bf16 f32 f64 u16 u32 u64".split()]
OPS = ["add", "mul", "div_trunc", "fmod", "remainder", "lt", "eq", "maximum", "copy",
       "bitwise_left_shift", "bitwise_right_shift", "bitwise_xor"]


def data(dtype, shape, seed=0):
    """Random elements with the special ones among them."""
    rng = np.random.default_rng(seed)
    count = int(np.prod(shape))
    if dtype is BOOL:
        flat = rng.integers(0, 2, count).astype(bool)
    elif dtype is BF16:
        flat = (data(F32, count, seed).view(np.uint32) >> 16).astype(np.uint16)
    elif dtype.is_float:
        flat = (rng.normal(size=count) * 3).astype(dtype.numpy)
        special = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-40, 1e4, -65000.0, 1.2e19, -9e18]
        with np.errstate(over="ignore"):
            flat[::9] = np.resize(np.array(special).astype(dtype.numpy), len(flat[::9]))
    else:
        info = np.iinfo(dtype.numpy)
        flat = rng.integers(info.min, info.max, count, dtype=dtype.numpy, endpoint=True)
        flat[::3] = rng.integers(0, 5, len(flat[::3])).astype(dtype.numpy)
        flat[1::7], flat[2::11] = info.max, info.min
    return flat.reshape(shape)


def supports(row, dtype):
    return ("i" if dtype.kind == "u" else dtype.kind) in row.dtypes


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_op_in_every_type(op, dtype):
    row = TABLE[op]
    if not supports(row, dtype):
        pytest.skip("the row does not list the type")
    case = Case(MAP, (203,))
    args = [case.input(data(dtype, 203, seed), dtype) for seed in range(row.arity)]
    case.output(case.node(op, *args, compute=dtype, result=default_result(row, dtype)))
    case.check()


@pytest.mark.parametrize("target", TYPES, ids=str)
@pytest.mark.parametrize("source", TYPES, ids=str)
def test_cast(source, target):
    case = Case(MAP, (150,))
    case.output(case.node("copy", case.input(data(source, 150), source), compute=target, result=target))
    case.check()


@pytest.mark.parametrize("n", [1, 7, 15, 16, 17, 63, 64, 65, 200])
def test_layouts(n):
    """Contiguous, broadcast both ways, strided and reversed operands meet; the range may be cut anywhere."""
    rng = np.random.default_rng(n)
    case = Case(MAP, (3, n))
    whole = case.input(rng.normal(size=(3, n)).astype("f4"))
    row = case.input(rng.normal(size=(1, n)).astype("f4"))
    column = case.input(rng.normal(size=(3, 1)).astype("f4"))
    strided = case.input(rng.normal(size=(n, 6)).astype("f4").T[::2])
    backwards = case.input(rng.normal(size=(3, n)).astype("f4")[::-1, ::-1])
    total = whole
    for other in (row, column, strided, backwards):
        total = case.node("add", total, other)
    case.output(total)
    for pieces in (1, 2, 5):
        case.check(pieces=pieces)


def test_many_dimensions():
    rng = np.random.default_rng(1)
    case = Case(MAP, (2, 3, 4, 5))
    a = case.input(rng.normal(size=(5, 3, 4, 2)).astype("f4").transpose(3, 1, 2, 0))
    b = case.input(rng.normal(size=(3, 1, 5)).astype("f4"))
    case.output(case.node("mul", a, b))
    case.check()
    case.check(pieces=7)


def test_strided_output_leaves_the_rest_alone():
    memory = np.full((4, 40), 7, "f4")
    case = Case(MAP, (4, 20))
    x = case.input(data(I32, (4, 20)))
    case.output(case.node("copy", x, compute=F32, result=F32), into=memory[:, ::2])
    case.check()
    assert (memory[:, 1::2] == 7).all()


def test_zero_dimensions():
    case = Case(MAP, ())
    case.output(case.node("add", case.input(np.float32(2)), case.scalar(3.5), compute=F32))
    case.check()
    assert case.arrays[-1] == 5.5


def test_in_place():
    memory = np.arange(100, dtype="f4")
    case = Case(MAP, (100,))
    x = case.input(memory)
    case.output(case.node("mul", x, x), into=memory)
    case.run()
    np.testing.assert_array_equal(memory, np.arange(100, dtype="f4") ** 2)


def test_scalars_are_arguments():
    """Numbers convert to the compute type; f16 does not round them first; another number is the same kernel."""
    x = data(F16, 50)
    case = Case(MAP, (50,))
    case.output(case.node("add", case.input(x), case.scalar(0.1), compute=F16))
    case.check()
    kernel = case.kernel()
    case.scalars[0] = 0.7
    case.check()
    assert np.frombuffer(kernel, np.int64)[0] == np.frombuffer(case.kernel(), np.int64)[0]


def test_a_chain_rounds_every_node():
    """mul and add of f16 are rounded one by one, and never contracted."""
    for dtype in (F16, BF16, F32, F64):
        case = Case(MAP, (500,))
        x, y, z = (case.input(data(dtype, 500, s), dtype) for s in range(3))
        product = case.node("mul", x, y)
        case.output(case.node("add", product, z))
        case.output(product)
        case.check()


def test_mixed_types():
    case = Case(MAP, (77,))
    mask, small, big = (case.input(data(t, 77, s), t) for s, t in enumerate((BOOL, U8, F64)))
    picked = case.node("where", mask, small, big, compute=F64)
    case.output(picked)
    case.output(case.node("lt", picked, case.scalar(2), compute=F64))
    case.check()


def test_index():
    case = Case(MAP, (3, 50))
    case.output(case.node("arange", case.scalar(5.0), case.scalar(3.0), compute=F64))
    case.check(pieces=4)


@pytest.mark.parametrize("dtype", [U8, F16, F32, F64], ids=str)
@pytest.mark.parametrize("shape", [(1, 1), (32, 32), (33, 31), (5, 100), (3, 70, 40), (2, 3, 40, 35)])
def test_tiles(shape, dtype):
    swapped = shape[:-2] + (shape[-1], shape[-2])
    case = Case(TILE, shape)
    x = case.input(np.swapaxes(data(dtype, swapped), -1, -2))
    case.output(case.node("copy", x))
    case.check()
    case.check(pieces=3)


@pytest.mark.parametrize("over_input, offset", [(False, 0), (False, 4), (True, 0)], ids=["aligned", "unaligned", "in place"])
def test_results_that_go_past_the_caches(over_input, offset):
    n = (32 << 20) // 4 + 37
    memory = np.zeros(2 * (4 * n + 128), np.uint8)
    x, y = (memory[at + -(memory.ctypes.data + at) % 64 + offset:][:4 * n].view("f4") for at in (0, 4 * n + 128))
    x[:] = np.random.default_rng(0).normal(size=n)
    want = x + np.float32(1.5)
    case = Case(MAP, (n,))
    case.output(case.node("add", case.input(x), case.scalar(1.5), compute=F32), into=x if over_input else y)
    case.run(pieces=3)
    assert np.array_equal(x if over_input else y, want)


def test_costs_leave_out_what_rarely_runs():
    """Code for the far ends of a function must not make a small launch look worth a second thread."""
    costs = {}
    for name in ("exp", "gelu", "sigmoid"):
        case = Case(MAP, (100,))
        case.output(case.node(name, case.input(np.zeros(100, "f4"))))
        costs[name] = cpu.compile_key(encode(case.circuit))[1]
    assert max(costs["gelu"], costs["sigmoid"]) < 2 * costs["exp"]
