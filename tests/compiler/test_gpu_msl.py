"""Metal kernels without a Mac: a C++ compiler reads them with a header that defines Metal's names, and they run on the CPU,
the threads of a threadgroup as fibers that wait for each other at barriers and in shuffles.

HOLOGRAM_TEST_LONG=1 checks every op in every type instead of in one.
"""

import ctypes
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

import gpu_tables
import test_codegen_fusion as fusion
import test_codegen_map as maps
import test_codegen_reduce as reduces
import test_gpu_grid as grids
import test_gpu_ptx as ptx
from gpu_tables import shapes
from grid_kernels import on_grid, op_case, results
from hologram_core import tracing as compiler
from hologram_core.backends import disk_cache as cache
from hologram_core.backends import metal
from hologram_core.circuit import pipeline
from hologram_core.circuit.ir import MAP, ROW
from hologram_core.circuit.key import encode
from hologram_core.codegen.msl import prelude as msl_prelude
from hologram_core.codegen.msl import printer as msl
from hologram_core.config import config
from hologram_core.dtypes import BF16, BOOL, F16, F32, F64, I32, I64, U8, U64
from hologram_core.errors import CompileError
from hologram_core.optable import TABLE
from hologram_core.optable.table import Elementwise
from hologram_core.reference.numpy_builder import NumpyBuilder
from kernels import Case
from metal_kernels import CXX, STUB, Library, on_metal
from tests.core_modes import LONG, deferred

pytestmark = [deferred, pytest.mark.skipif(CXX is None, reason="no C++ compiler")]
GOLDEN = Path(__file__).parent / "golden"
TOLERANCE = {F16: 3e-2, BF16: 3e-2, F32: 3e-5}
TYPES = (F32, F16, BF16, I32, I64, U8, BOOL)


def without_doubles(cases) -> dict:
    """Those of the cases that Metal can run; each of the others is refused with a reason."""
    found = {}
    for name, case in cases:
        try:
            msl.refuse_doubles(pipeline.prepare(encode(case.circuit)))
            found[name] = case
        except CompileError as error:
            assert "Metal has no float64" in str(error)
    return found


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    cases = without_doubles(gpu_tables.cases(TYPES if LONG else None))
    return cases, Library(cases, tmp_path_factory.mktemp("tables"))


@pytest.mark.parametrize("row", list(TABLE), ids=lambda r: r.name)
def test_every_op(row, tables):
    """Elementwise ops bit for bit as the interpreter."""
    cases, library = tables
    mine = {name: case for name, case in cases.items() if case.circuit.nodes[-1].row is row}
    assert mine
    for name, case in mine.items():
        dtype = case.circuit.nodes[-1].compute
        exact = isinstance(row, Elementwise) or not dtype.is_float
        tolerance = 0 if exact else TOLERANCE[dtype]
        on_metal(case, library, name).check(rtol=tolerance, atol=tolerance, pieces=2)


@pytest.fixture(scope="module")
def narrow(tmp_path_factory):
    names = ["add", "div", "remainder", "fmod", "lt", "copy", "where", "bitwise_left_shift", "bitwise_right_shift", "pow", "sign",
             "gelu", "native_dropout", "random_int"]
    cases = {f"{name}_{t}": op_case(TABLE[name], t) for name in names for t in TYPES if maps.supports(TABLE[name], t)}
    for source in (*TYPES, U64):
        for target in (*TYPES, U64):
            case = cases[f"{source}_to_{target}"] = Case(MAP, (150,))
            case.output(case.node("copy", case.input(maps.data(source, 150), source), compute=target, result=target))
    for name in ("sum", "argmax", "any", "cumsum", "var_mean"):
        for dtype in (F16, BF16, I64, U8, BOOL):
            if maps.supports(TABLE[name], dtype):
                arrays = [reduces.data(dtype, (5, 40))]
                cases[f"{name}_{dtype}"] = reduces.reduce_case(TABLE[name], ROW, arrays, dtype)
    return cases, Library(cases, tmp_path_factory.mktemp("narrow"))


def test_other_types(narrow):
    cases, library = narrow
    assert len(cases) > 100
    for name, case in cases.items():
        dtype = case.circuit.nodes[-1].compute
        exact = case.circuit.schedule == MAP or not dtype.is_float
        tolerance = 0 if exact else TOLERANCE[dtype]
        on_metal(case, library, name).check(rtol=tolerance, atol=tolerance)


# ---- layouts, long rows, stages ----


@pytest.fixture(scope="module")
def shaped(tmp_path_factory):
    cases = shapes()
    return cases, Library(cases, tmp_path_factory.mktemp("shapes"))


@pytest.mark.parametrize("name", shapes())
def test_shapes(name, shaped):
    cases, library = shaped
    tolerance = 0 if cases[name].circuit.row_rank == 0 else 3e-5
    on_metal(cases[name], library, name).check(rtol=tolerance, atol=tolerance, pieces=2)


# ---- fuzzed circuits ----


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory):
    seeds = ((f"e{seed}", grids.random_elementwise(2 * seed)) for seed in range(200 if LONG else 30))
    rows = ((f"r{seed}", fusion.random_case(seed)) for seed in range(400 if LONG else 200))
    cases = without_doubles(seeds)
    rows = without_doubles(rows)
    cases.update(list(rows.items())[:100 if LONG else 20])
    return cases, Library(cases, tmp_path_factory.mktemp("fuzzed"))


def test_fuzzed_circuits(fuzzed):
    """The text computes bit for bit what the grid emulator computes from the same nest."""
    cases, library = fuzzed
    assert len(cases) >= (90 if LONG else 45)
    for name, case in cases.items():
        with np.errstate(all="ignore"):
            on_grid(case).run()
            want = results(case)
            on_metal(case, library, name)
            for array, operand in zip(case.arrays, case.circuit.operands):
                if operand.output:
                    array[...] = 0
            case.run()
            assert results(case) == want, f"{name}\n{case.circuit}"


# ---- doubles in integers ----


def doubles(seed, n=20000):
    """Every kind of number: any bits, near powers of two, whole, subnormal, special."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 1 << 64, n, dtype=np.uint64).view("f8")
    k = n // 8
    x[:k] = rng.normal(size=k)
    x[k:2 * k] = np.ldexp(rng.integers(1 << 52, 1 << 53, k).astype("f8"), rng.integers(-60, 60, k))
    x[2 * k:3 * k] = rng.integers(-5, 6, k)
    x[3 * k:4 * k] = rng.integers(0, 1 << 53, k, dtype=np.uint64).view("f8")
    x[4 * k:5 * k] = rng.choice([0.0, -0.0, np.inf, -np.inf, np.nan, 2.0**52, 2.0**63, -2.0**63, 2.0**64, 5e-324, 1.7e308], k)
    return rng.permutation(x)


@pytest.fixture(scope="module")
def soft(tmp_path_factory):
    """Functions of the prelude over arrays."""
    ulong = "hg_double{x[i]}", "hg_double{y[i]}", "hg_double{z[i]}"
    calls = {"fma": f"hg_fused({', '.join(ulong)}).bits", "add": "hg_add({}, {}).bits".format(*ulong),
             "sub": "hg_sub({}, {}).bits".format(*ulong), "mul": "hg_mul({}, {}).bits".format(*ulong),
             "div": "hg_quotient({}, {}).bits".format(*ulong), "sqrt": f"hg_root({ulong[0]}).bits",
             "rint": f"hg_nearest({ulong[0]}).bits", "trunc": f"hg_whole({ulong[0]}).bits",
             "floor": f"hg_below({ulong[0]}).bits", "ceil": f"hg_above({ulong[0]}).bits",
             "copysign": "hg_signed({}, {}).bits".format(*ulong), "lt": "hg_less({}, {})".format(*ulong),
             "eq": "hg_equal({}, {})".format(*ulong), "i64": f"ulong(hg_long({ulong[0]}))", "u64": f"hg_ulong({ulong[0]})",
             "f32": f"ulong(as_type<uint>(hg_to_float({ulong[0]})))", "of_f32": "hg_of_float(as_type<float>(uint(x[i]))).bits",
             "of_i64": "hg_of_long(long(x[i])).bits", "of_u64": "hg_of_ulong(x[i]).bits",
             "fmod": "ulong(as_type<uint>(hg_fmod(as_type<float>(uint(x[i])), as_type<float>(uint(y[i])))))"}
    body = "".join(f'extern "C" void s_{name}(ulong* out, const ulong* x, const ulong* y, const ulong* z, long n) {{\n'
                   f"  for (long i = 0; i < n; ++i) out[i] = {call};\n}}\n" for name, call in calls.items())
    folder = tmp_path_factory.mktemp("soft")
    (folder / "soft.cpp").write_text("#include <metal_stdlib>\nusing namespace metal;\n" + msl_prelude.needed(body) + body)
    subprocess.run([CXX, "-std=c++17", "-O1", "-w", "-fPIC", "-shared", "-ffp-contract=off", "-isystem", str(STUB), "-o",
                    str(folder / "soft.so"), str(folder / "soft.cpp")], check=True)
    return ctypes.CDLL(str(folder / "soft.so")), calls


def run_soft(library, name, *arrays):
    arrays = [np.ascontiguousarray(a).view(np.uint64) for a in arrays]
    out = np.zeros(len(arrays[0]), np.uint64)
    pointers = [ctypes.c_void_p(a.ctypes.data) for a in (arrays * 3)[:3]]
    getattr(library, f"s_{name}")(ctypes.c_void_p(out.ctypes.data), *pointers, ctypes.c_long(len(out)))
    return out


@pytest.mark.parametrize("name, count", [("fma", 3), ("add", 2), ("sub", 2), ("mul", 2), ("div", 2), ("sqrt", 1), ("rint", 1),
                                         ("trunc", 1), ("floor", 1), ("ceil", 1), ("copysign", 2), ("lt", 2), ("eq", 2)])
def test_doubles(name, count, soft):
    library, _ = soft
    near = [doubles(s) for s in range(count)]
    for k in range(1, count):      # some of similar size, so that sums cancel
        near[k][::3] = near[0][::3] * np.random.default_rng(k).choice([1, -1, 0.5, 1 + 2.0**-52, -1 + 2.0**-53], len(near[0][::3]))
    if name == "fma":
        with np.errstate(all="ignore"):
            near[2][::7] = -(near[0] * near[1])[::7]
    b = NumpyBuilder()
    with np.errstate(all="ignore"):
        want = getattr(b, name)(*(b.value(x, F64) for x in near)).data
    got = run_soft(library, name, *near)
    if name in ("lt", "eq"):
        np.testing.assert_array_equal(got, want)
    else:
        nan = np.isnan(want)
        np.testing.assert_array_equal(np.isnan(got.view("f8")), nan)
        np.testing.assert_array_equal(got[~nan], want.view(np.uint64)[~nan])


def test_conversions_of_doubles(soft):
    library, _ = soft
    b, x = NumpyBuilder(), doubles(9)
    with np.errstate(all="ignore"):
        for name, dtype in (("i64", I64), ("u64", U64)):
            want = b.cast(b.value(x, F64), dtype).data
            np.testing.assert_array_equal(run_soft(library, name, x), want.view(np.uint64))
        x = np.concatenate([x, np.random.default_rng(1).normal(size=9000) * 10.0 ** np.random.default_rng(2).integers(-46, 40, 9000)])
        want = x.astype("f4")
        got = run_soft(library, "f32", x).astype(np.uint32).view("f4")
        np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
        np.testing.assert_array_equal(got.view(np.uint32)[~np.isnan(want)], want.view(np.uint32)[~np.isnan(want)])
        single = np.random.default_rng(3).integers(0, 1 << 32, 9000, dtype=np.uint32)
        single[:6] = np.array([0.0, -0.0, np.inf, 1e-45, -1e-40, np.nan], "f4").view(np.uint32)
        want = single.view("f4").astype("f8")
        got = run_soft(library, "of_f32", single.astype(np.uint64)).view("f8")
        np.testing.assert_array_equal(got, want)
        whole = np.random.default_rng(4).integers(0, 1 << 64, 9000, dtype=np.uint64) >> np.arange(9000, dtype=np.uint64) % np.uint64(64)
        np.testing.assert_array_equal(run_soft(library, "of_u64", whole).view("f8"), whole.astype("f8"))
        np.testing.assert_array_equal(run_soft(library, "of_i64", whole).view("f8"), whole.view(np.int64).astype("f8"))


def test_remainders(soft):
    library, _ = soft
    rng = np.random.default_rng(5)
    x, y = (rng.integers(0, 1 << 32, 20000, dtype=np.uint32) for _ in range(2))
    x[:2000] = (rng.integers(1, 1 << 20, 2000).astype("f4")).view(np.uint32)
    y[:2000] = (rng.integers(1, 100, 2000).astype("f4")).view(np.uint32)
    x[2000:4000] &= 0x00FFFFFF
    with np.errstate(all="ignore"):
        want = np.fmod(x.view("f4"), y.view("f4"))
    got = run_soft(library, "fmod", x.astype(np.uint64), y.astype(np.uint64)).astype(np.uint32).view("f4")
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
    np.testing.assert_array_equal(got.view(np.uint32)[~np.isnan(want)], want.view(np.uint32)[~np.isnan(want)])


# ---- what is refused ----


def test_float64_is_refused_by_name():
    with pytest.raises(CompileError, match="hologram.exp: Metal has no float64"):
        metal.compile_key(encode(op_case(TABLE["exp"], F64).circuit))


def test_the_stub_notices_a_barrier_that_threads_miss(tmp_path):
    text = ("#include <metal_stdlib>\nusing namespace metal;\nkernel void odd(constant ulong* r [[buffer(0)]], uint3 t "
            "[[thread_position_in_threadgroup]], uint3 b [[threadgroup_position_in_grid]], uint3 n [[threadgroups_per_grid]]) {\n"
            "  if (t.x % 2 == 0) threadgroup_barrier(mem_flags::mem_threadgroup);\n}\n")
    (tmp_path / "k.cpp").write_text(text)
    subprocess.run([CXX, "-std=c++17", "-w", "-fPIC", "-shared", "-isystem", str(STUB), "-o", str(tmp_path / "k.so"),
                    str(tmp_path / "k.cpp")], check=True)
    library = ctypes.CDLL(str(tmp_path / "k.so"))
    assert library.hg_run(ctypes.cast(library.odd, ctypes.c_void_p), None, 1, 1, 64) == 1


# ---- golden files, entries ----


@pytest.mark.parametrize("family", ptx.FAMILIES)
def test_golden(family):
    """The text of a kernel of each family, word for word (HOLOGRAM_REGOLD=1 accepts a change)."""
    recorder, grid = msl.build(pipeline.prepare(encode(ptx.FAMILIES[family]().circuit)))
    text = msl.library([msl.Printer(recorder, grid, "golden")])
    path = GOLDEN / f"gpu_{family}.metal"
    if os.environ.get("HOLOGRAM_REGOLD") == "1":
        path.write_text(text)
    assert text == path.read_text()


def test_an_entry_and_the_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "config", config.replace(cache_dir=tmp_path))
    monkeypatch.setattr(metal.kernels, "_found", {})
    key = encode(op_case(TABLE["add"], F32).circuit)
    entry = metal.compile_key(key)
    assert (entry.threads, entry.items_per_block, entry.shared_bytes, entry.words) == (256, 1024, 0, 2 + 3 + 1 + 3)
    assert entry.msl.splitlines()[0] == f"// hologram: key {key.hex()}" and f"kernel void {entry.symbol}(" in entry.msl
    monkeypatch.setattr(metal.kernels, "_found", {})
    monkeypatch.setattr(metal, "compile_circuit", None)       # from the disk, or not at all
    assert metal.compile_key(key) == entry


def test_circuits_show_their_msl():
    circuit = compiler.Circuit()
    x = circuit.input()
    circuit.output((x * 2.0).tanh())
    assert "kernel void" in circuit.msl()
