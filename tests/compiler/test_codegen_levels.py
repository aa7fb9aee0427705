"""Kernels for every level of x86-64: none calls a function that nobody has, and all give the same bits."""

import platform
import zlib

import numpy as np
import pytest

import gpu_tables
import test_codegen_map as maps
import test_gpu_grid as circuits
from grid_kernels import results
from hologram_core.backends import cpu
from hologram_core.backends.kernel_store import KernelStore
from hologram_core.circuit import pipeline
from hologram_core.circuit.ir import MAP
from hologram_core.circuit.key import encode
from hologram_core.codegen.llvm.builder import LLVMBuilder
from hologram_core.codegen.llvm.text import scalar_type
from hologram_core.dtypes import F16, F32, F64
from hologram_core.errors import CompileError
from kernels import KERNEL, Case
from tests.core_modes import deferred

# The compiler knows no modes: once is enough.
pytestmark = [deferred, pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the levels are those of x86-64")]
LEVELS = ["x86-64-v2", "x86-64-v3", "x86-64-v4"]
SHARE = 40       # of the rows in all their types, for each level: one in so many


def kernels_for(host, monkeypatch):
    """From now on kernels are made for a host."""
    monkeypatch.setattr(cpu, "_host", lambda: host)
    monkeypatch.setattr(cpu, "kernels", KernelStore(lambda: host.identity, cpu.kernels._compile, cpu._load))


@pytest.fixture(params=LEVELS)
def check(request, monkeypatch):
    """Compiles a case for a level, and, where this processor has it, compares with the usual kernel's results bit for bit."""
    usual, host = cpu._Host(), cpu._Host(request.param, runs=False)
    runs = host.features - {"soft-half", "soft-fma"} <= usual.features

    def check(case):
        if not runs:
            cpu.compile_circuit(pipeline.prepare(encode(case.circuit)), "k", host)
            return
        wanted = None
        for each in (usual, host):
            kernels_for(each, monkeypatch)
            case.run()
            wanted = wanted or results(case)
        assert results(case) == wanted, str(case.circuit)
    check.level, check.runs, check.host = request.param, runs, host
    return check


def values(bits, dtype):
    """Elements with these bits."""
    return np.array(bits, f"u{dtype.bytes}").view(dtype.numpy)


def converted(values, source, dtype):
    case = Case(MAP, (len(values),))
    case.output(case.node("copy", case.input(values, source), compute=dtype, result=dtype))
    return case


def test_every_float16_is_read(check):
    """Subnormals, infinities and NaN too, as NumPy reads them; a NaN is quiet."""
    every = values(np.arange(1 << 16), F16)
    case = converted(every, F16, F32)
    check(case)
    if check.runs:
        wanted = every.astype("f4").view("u4")
        np.testing.assert_array_equal(case.arrays[1].view("u4"), np.where(np.isnan(every), wanted | 0x400000, wanted))


def test_numbers_are_rounded_to_float16_once_and_to_even(check):
    """Around every float16: the number itself, the ties beside it, what lies next to them; and bits at random."""
    near = (np.arange(1 << 16, dtype=np.uint16).view("f2").astype("f4").view("u4").astype("i8")[:, None]
            + [0, 1, -1, 0xFFF, 0x1000, 0x1001, 0x1FFF, -0xFFF, -0x1000, -0x1001]).ravel() % (1 << 32)
    some = np.random.default_rng(0).integers(0, 1 << 32, 1 << 17)
    subnormal = np.ldexp(np.arange(-4100, 4100) / 4, -24).astype("f4").view("u4")
    numbers = values(np.concatenate([near, some, subnormal]), F32)
    case = converted(numbers, F32, F16)
    check(case)
    if check.runs:
        with np.errstate(all="ignore"):
            wanted = numbers.astype("f2")
        real = ~np.isnan(numbers)
        np.testing.assert_array_equal(case.arrays[1].view("u2")[real], wanted.view("u2")[real])
        assert np.isnan(case.arrays[1][~real]).all()


@pytest.mark.parametrize("n", [1, 3, 64, 1027])
def test_float16_of_every_shape(check, n):
    """Vectors, tails, scalars, strided and repeated operands, several dimensions."""
    case = Case(MAP, (3, n))
    x = case.input(maps.data(F16, (3, n)), F16)
    for other in (maps.data(F16, (3, 1), 1), maps.data(F16, (1, n), 2), maps.data(F16, (n, 3), 3).T, maps.data(F16, (3, 2 * n), 4)[:, ::2]):
        x = case.node("add", x, case.input(other, F16))
    case.output(x)
    case.output(case.node("copysign", case.node("copy", x, compute=F64, result=F64), case.node("neg", x), compute=F64, result=F16))
    check(case)


def test_the_sign_of_a_scalar_is_not_rounded_by_a_library(check):
    """Found by random circuits: LLVM rounded the number that a copysign takes the sign from, f64, to f16 in one step."""
    for first, second in ((F64, F64), (F64, F32), (F32, F64), (F16, F64)):
        case = Case(MAP, (2, 40))
        x, y = (case.input(maps.data(dtype, (2, 1), seed), dtype) for seed, dtype in enumerate((first, second)))
        signed = case.node("copysign", x, y, compute=F64, result=F64)
        narrow = case.node("copy", signed, compute=F16, result=F16)
        case.output(case.node("add", narrow, case.input(maps.data(F16, (2, 40)), F16), compute=F16))
        check(case)


@pytest.mark.parametrize("dtype", [F32, F64], ids=str)
def test_fma_rounds_once(check, dtype):
    """Where there is no such instruction too. Bits at random; products that a summand nearly cancels, or reaches in its last places,
    or that are subnormal; infinities, NaN, zeros; products that lie beside half a unit of the summand's last place."""
    if not check.runs:
        pytest.skip("this processor lacks the level")
    rng, n = np.random.default_rng(1), 1 << 16
    x, y, z = (values(rng.integers(0, 1 << dtype.bits, n, np.uint64).astype(f"u{dtype.bytes}"), dtype) for _ in range(3))
    with np.errstate(all="ignore"):
        near = [np.ldexp(rng.uniform(1, 2, n).astype(dtype.numpy), rng.integers(-90, 60, n)) for _ in range(2)]
        product = near[0] * near[1]
        summands = [-product, product * np.ldexp(1, rng.integers(-60, 60, n)).astype(dtype.numpy),
                    np.ldexp(product, -rng.integers(20, 60, n)), -np.nextafter(product, np.inf, dtype=dtype.numpy)]
        tiny = np.ldexp(rng.uniform(1, 2, n).astype(dtype.numpy), -(dtype.bits * 2 + 10 if dtype is F32 else 540))
    special = np.array(np.meshgrid(*[[0.0, -0.0, 1, -1, np.inf, -np.inf, np.nan, np.finfo(dtype.numpy).max, 1e-45 if dtype is F32 else 5e-324]] * 3))
    above, below = (1 + 2.0 ** -12, 1 - 2.0 ** -12 + 2.0 ** -24), (1 + 2.0 ** -20, 1 - 2.0 ** -20)     # products just beside 1
    half = np.finfo(dtype.numpy).eps / 2
    beside, one = [np.tile(column, n) for column in zip(above, below)], np.repeat(rng.uniform(1, 2, n).astype(dtype.numpy), 2)
    columns = [np.concatenate([a.astype(dtype.numpy) for a in parts]) for parts in (
        [x, *[near[0]] * 4, tiny, special[0].ravel(), beside[0] * half], [y, *[near[1]] * 4, tiny, special[1].ravel(), beside[1]],
        [z, *summands, tiny * tiny, special[2].ravel(), one])]
    columns = [np.concatenate([c, np.zeros(-len(c) % 16, dtype.numpy)]) for c in columns]
    found = []
    for host in (cpu._Host(), check.host):
        b, name = LLVMBuilder(16, host.features), f"fma_{dtype}_{check.level}".replace("-", "_")
        with b.loop(b.begin(), b.end(), 16) as loop:
            at = [b.advance(b.operand(k), loop.index, scalar_type(dtype)) for k in range(4)]
            b.store(b.fma(*(b.load(a, dtype, 16) for a in at[:3])), at[3], dtype)
        out = np.zeros_like(columns[0])
        operands = np.array([a.ctypes.data for a in (*columns, out)], np.uint64)
        KERNEL(host.load(name, host.emit(b.text.finish(name, "nounwind"))))(operands.ctypes.data, 0, 0, len(out))
        found.append(np.where(np.isnan(out), np.nan, out))
    np.testing.assert_array_equal(*(a.view(f"u{dtype.bytes}") for a in found))


@pytest.mark.parametrize("dtype", [F32, F64], ids=str)
def test_what_stands_for_fma_is_made_once(dtype):
    """A kernel has up to a hundred of them. Each of its own made kernels 30 times as long as with the instruction, and slow to compile."""
    host = cpu._Host("x86-64-v2", runs=False)

    def size(count):
        b = LLVMBuilder(16, host.features)
        with b.loop(b.begin(), b.end(), 16) as loop:
            at = b.advance(b.operand(0), loop.index, scalar_type(dtype))
            x = total = b.load(at, dtype, 16)
            for _ in range(count):
                total = b.fma(total, x, x)
            b.store(total, at, dtype)
        return len(host.emit(b.text.finish("k", "nounwind")))

    assert 0 < (size(44) - size(4)) / 40 < 450


def test_a_share_of_all_rows(check):
    """The whole of it takes minutes; the levels have different shares."""
    cases = [(name, case) for name, case in gpu_tables.cases(gpu_tables.TYPES) if zlib.crc32((check.level + name).encode()) % SHARE == 0]
    assert len(cases) > 20
    for _, case in cases:
        with np.errstate(all="ignore"):
            check(case)


@pytest.mark.parametrize("seed", [10, 34, 82])
def test_random_circuits(check, seed):
    check(circuits.random_elementwise(seed))


def test_schedules(check):
    for case in gpu_tables.shapes().values():
        check(case)


def test_a_level_is_part_of_the_kernels_identity():
    identities = {cpu._Host(level, runs=False).identity for level in ["native", *LEVELS]}
    assert len(identities) == 1 + len(LEVELS)


def test_a_level_that_the_processor_lacks_is_refused(monkeypatch):
    """With an error that names the switch and what is missing."""
    import llvmlite.binding as llvm

    class Features(dict):
        def flatten(self):
            return ""
    monkeypatch.setattr(llvm, "get_host_cpu_features", lambda: Features(dict.fromkeys(cpu._level_features("x86-64-v3"), True)))
    assert cpu._Host("x86-64-v3").features == cpu._level_features("x86-64-v3")
    with pytest.raises(CompileError, match=r"HOLOGRAM_CPU: this processor \(.*\) is no x86-64-v4, it lacks .*avx512f"):
        cpu._Host("x86-64-v4")
