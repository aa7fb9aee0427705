"""A circuit gives bit for bit what its ops give one by one through memory, whatever they are joined with."""

import time

import numpy as np
import pytest

from hologram_core.backends import cpu
from hologram_core.circuit import ir, pipeline
from hologram_core.circuit.ir import COLUMN, MAP, MERGE, ROW, SPLIT, Ref, result_types
from hologram_core.circuit.key import encode
from hologram_core.codegen.cpu.loops import build
from hologram_core.dtypes import BF16, BOOL, BY_NAME, F16, F32, F64, I64, U8
from hologram_core.optable import TABLE
from hologram_core.optable.table import Elementwise, Reduction
from kernels import KERNEL, Case
from tests.core_modes import share

SCHEDULES = pytest.mark.parametrize("schedule", [ROW, COLUMN], ids=["row", "column"])


def data(dtype, shape, seed=0):
    rng = np.random.default_rng(seed)
    if dtype is BOOL:
        return rng.integers(0, 2, shape).astype(bool)
    if dtype is BF16:
        return (rng.normal(size=shape).astype("f4").view(np.uint32) >> 16).astype(np.uint16)
    return (rng.normal(size=shape) if dtype.is_float else rng.integers(0, 5, shape)).astype(dtype.numpy)


def oriented(array, schedule):
    """The same matrix, contiguous along the dimension the lanes take."""
    return array if schedule == ROW else np.ascontiguousarray(array.T).T


def one_by_one(case) -> list:
    """The outputs of a case when every node is a kernel of its own and every value passes through memory."""
    c, memory = case.circuit, {}
    flat = (1,) * c.row_rank
    for node in c.nodes:
        arrays = {a: case.arrays[a.n] if a.kind == "operand" else memory[a] for a in node.args if a.kind != "scalar"}
        kept = case.sizes[:c.kept_rank]
        if isinstance(node.row, Elementwise):
            alone = Case(MAP, np.broadcast_shapes(*(a.shape for a in arrays.values())))
        else:
            alone = Case(c.schedule, case.sizes, c.row_rank)
        args = [alone.scalar(case.scalars[a.n]) if a.kind == "scalar" else alone.input(arrays[a], c.dtype_of(a))
                for a in node.args]
        ref = alone.node(node.name, *args, compute=node.compute, result=node.result)
        rows = PER_ROW.get(node.name, (isinstance(node.row, Reduction),) * node.results)
        for number in range(node.results):
            got = alone.output(ref, number, per_row=rows[number])
            memory[Ref("value", node.first + number)] = got.reshape(kept + flat) if rows[number] else got
        alone.run()
    return [np.broadcast_to(memory[o.source], case.sizes) for _, o in c.outputs()]


PER_ROW = {"layer_norm": (False, True, True), "rms_norm": (False, True), "cross_entropy_row": (True, True, True)}


def check(case, pieces=1):
    case.run(pieces)
    for (k, operand), want in zip(case.circuit.outputs(), one_by_one(case), strict=True):
        got = np.ascontiguousarray(np.broadcast_to(case.arrays[k], case.sizes))
        assert got.tobytes() == np.ascontiguousarray(want).tobytes(), f"${k} <- {operand.source}\n{case.circuit}"


def case_with(schedule, shape, *dtypes):
    """A case and its inputs, one of each type."""
    case = Case(schedule, shape, 1)
    return case, [case.input(oriented(data(t, shape, n), schedule), t) for n, t in enumerate(dtypes)]


# ---- prologues: (types of the inputs, function of case and inputs) ----


def _heavy(case, x, y):
    return case.node("mul", case.node("tanh", case.node("exp", x)), y)


def _very_heavy(case, x, y):
    return case.node("add", case.node("lgamma", case.node("erf", x)), case.node("sin", case.node("pow", case.node("abs", x), y)))


def _mixed(case, x, flag, count, wide):
    part = case.node("where", flag, x, case.node("mul", x, count, compute=F32), compute=F32)
    return case.node("add", case.node("sigmoid", part), wide, compute=F64, result=F32)


def _narrow(case, x, y, byte):
    return case.node("add", case.node("exp", x), case.node("mul", y, byte, compute=F16), compute=F16)


PROLOGUES = {"light": ((F32, F32), lambda case, x, y: case.node("mul", x, y)), "heavy": ((F32, F32), _heavy),
             "very_heavy": ((F32, F32), _very_heavy), "mixed": ((F32, BOOL, I64, F64), _mixed),
             "f16": ((F16, F16, U8), _narrow), "bf16": ((BF16, BF16), _heavy), "f64": ((F64, F64), _heavy)}
FOLDS = ["sum", "mean", "var", "norm2", "logsumexp", "amax", "argmax", "prod"]


def fold(case, name, value):
    dtype = case.circuit.dtype_of(value)
    more = [case.scalar(1.0)] if name == "var" else []
    first = TABLE[name].result_types
    return case.node(name, value, *more, compute=dtype, result=BY_NAME[first[0]] if first and first[0] != "T" else dtype)


@SCHEDULES
@pytest.mark.parametrize("name", PROLOGUES)
def test_folds_of_computed_values(name, schedule):
    """Every fold of a value that is computed in the circuit, alone and together with the others and with outputs."""
    types, prologue = PROLOGUES[name]
    for fold_name in FOLDS:
        case, inputs = case_with(schedule, (5, 333), *types)
        case.output(fold(case, fold_name, prologue(case, *inputs)), per_row=True)
        check(case)
    case, inputs = case_with(schedule, (5, 333), *types)
    value = prologue(case, *inputs)
    folds = [fold(case, fold_name, value) for fold_name in FOLDS]
    case.output(value)
    for ref in folds:
        case.output(ref, per_row=True)
    check(case, pieces=2)


@SCHEDULES
@pytest.mark.parametrize("n", [1, 15, 16, 64, 65, 4096, 4097, 17000, 300_000])
def test_lengths(n, schedule):
    """At the edges of the levels of the tree."""
    for name in ("light", "very_heavy", "mixed", "f64"):
        types, prologue = PROLOGUES[name]
        case, inputs = case_with(schedule, (2, n), *types)
        value = prologue(case, *inputs)
        case.output(fold(case, "sum", value), per_row=True)
        case.output(fold(case, "var", value), per_row=True)
        check(case)


@SCHEDULES
def test_neighbours_leave_a_fold_alone(schedule):
    """The same sum beside wider types, in both row dimensions, and with what follows it."""
    shape = (3, 4, 100)
    arrays = [data(t, shape, n) for n, t in enumerate((F32, F64, I64, U8))]
    if schedule == COLUMN:
        arrays = [np.ascontiguousarray(a.transpose(1, 2, 0)).transpose(2, 0, 1) for a in arrays]
    case = Case(schedule, shape, 2)
    x, wide, number, byte = map(case.input, arrays)
    total = case.node("sum", x)
    case.output(case.node("sum", number), per_row=True)
    case.output(case.node("amax", byte), per_row=True)
    case.output(case.node("sum", wide), per_row=True)
    scaled = case.node("mul", case.node("exp", case.node("neg", total)), wide, compute=F64)
    case.output(case.node("mean", scaled), per_row=True)
    case.output(scaled)
    case.output(case.node("sqrt", case.node("abs", total)), per_row=True)
    check(case)


@SCHEDULES
@pytest.mark.parametrize("shape, row_rank", [((3, 70), 1), ((3, 2, 37), 2), ((3, 0), 1), ((5, 1), 1)], ids=str)
def test_values_of_a_row_fill_outputs_of_the_row(shape, row_rank, schedule):
    """What does not vary along the row can be stored once per row, or everywhere in it."""
    x = data(F32, shape)
    if schedule == COLUMN:
        x = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 0, -1)), -1, 0)
    case = Case(schedule, shape, row_rank)
    top = case.node("neg", case.node("amax", case.input(x)))
    case.output(top)
    case.output(top, per_row=True)
    case.output(case.node("copy", case.scalar(2.5), compute=F32))
    case.check()


@SCHEDULES
@pytest.mark.parametrize("name", ["cumsum", "cumprod", "cummax", "logcumsumexp"])
def test_scans_beside_folds(name, schedule):
    for shape, row_rank in (((3, 200), 1), ((3, 2, 37), 2)):
        x = data(F32, shape)
        if schedule == COLUMN:
            x = np.ascontiguousarray(np.moveaxis(x, 0, -1))
            x = np.moveaxis(x, -1, 0)
        case = Case(schedule, shape, row_rank)
        total = case.node(name, case.node("tanh", case.input(x)))
        case.output(total)
        case.output(case.node("sum", total), per_row=True)
        case.output(case.node("var", case.node("exp", total), case.scalar(1.0), compute=F32), per_row=True)
        check(case)


@SCHEDULES
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "layer_norm", "rms_norm", "cross_entropy_row"])
@pytest.mark.parametrize("prologue", ["heavy", "very_heavy", "mixed", "f16", "f64"])
def test_row_kernels_of_computed_values(prologue, name, schedule):
    types, compute = PROLOGUES[prologue]
    case, inputs = case_with(schedule, (4, 150), *types)
    weight, bias = case.input(data(F32, (1, 150), 7)), case.input(data(F32, (1, 150), 8))
    target = case.input(data(I64, (4, 1), 9))
    value = compute(case, *inputs)
    dtype = case.circuit.dtype_of(value)
    more = {"layer_norm": lambda: [weight, bias, case.scalar(1e-5)], "rms_norm": lambda: [weight, case.scalar(1e-5)],
            "cross_entropy_row": lambda: [target, case.scalar(1.0), case.scalar(-100)]}.get(name, list)()
    result = case.node(name, value, *more, compute=dtype)
    case.output(value)
    for number, per_row in enumerate(PER_ROW.get(name, (False,))):
        case.output(result, number, per_row=per_row)
        after = Ref("value", result.n + number)
        after = case.node("tanh", case.node("add", after, after, compute=dtype), compute=dtype)
        case.output(fold(case, "sum", after) if not per_row else after, per_row=True)
    check(case)


UNARY = ["exp", "tanh", "sigmoid", "neg", "abs", "sin", "gelu", "sqrt", "floor", "relu"]
BINARY = ["add", "mul", "sub", "maximum", "minimum"]


def random_case(seed):
    """Ops in random order on random types: elementwise before, between and after folds and row kernels."""
    rng = np.random.default_rng(seed)
    pick = lambda items: items[rng.integers(len(items))]
    schedule = pick([ROW, COLUMN])
    case, refs = case_with(schedule, (3, int(rng.integers(1, 300))), *rng.permutation([F32, F32, F16, F64, I64, BOOL])[:4])
    for _ in range(rng.integers(6, 16)):
        kind, compute = rng.integers(10), pick([F32, F32, F32, F64, F16])
        if kind < 3:
            ref = case.node(pick(UNARY), pick(refs), compute=compute)
        elif kind < 7:
            ref = case.node(pick(BINARY), pick(refs), pick(refs), compute=compute)
        elif kind < 9:
            name = pick(["sum", "mean", "var", "amax", "logsumexp", "norm2"])
            ref = case.node(name, pick(refs), *([case.scalar(1.0)] if name == "var" else []), compute=compute)
        else:
            floats = [r for r in refs if case.circuit.dtype_of(r).is_float]
            ref = case.node(pick(["softmax", "log_softmax"]), pick(floats), compute=compute)
        refs.append(ref)
    for ref in refs[4:]:
        if ref == refs[-1] or rng.integers(3) == 0:
            varies = ref.n in ir.varying_values(case.circuit)
            case.output(ref, per_row=not varies)
    return case


@pytest.mark.parametrize("seed", share(range(40), 4))
def test_random_circuits(seed):
    with np.errstate(all="ignore"):
        check(random_case(seed))


# ---- long rows: stage one of a split fold ----


def split_fold(schedule, arrays, dtypes, prologue, names, store):
    """Stage one and stage two over chunks of 300: (the stored value or None, results of the folds)."""
    kept, n = arrays[0].shape
    chunk, chunks = 300, -(-n // 300)

    def cut(a):
        s = a.strides
        return np.lib.stride_tricks.as_strided(a, (chunks, kept, chunk), (chunk * s[1], s[0], s[1]))

    first = Case(schedule, (chunks, kept, chunk), 1, SPLIT)
    value = prologue(first, *(first.input(cut(a), t) for a, t in zip(arrays, dtypes)))
    dtype = first.circuit.dtype_of(value)
    stored = None
    if store:
        stored = oriented(np.zeros((kept, n), dtype.numpy), schedule)
        first.output(value, into=cut(stored))
    scratch = {}
    for name in names:
        node, components = fold(first, name, value), TABLE[name].components
        types = [dtype.math if t == "T" else BY_NAME[t] for t in components]
        scratch[name] = [(first.output(node, k, per_row=True, dtype=t), t) for k, t in enumerate(types)]
    first.extras = [chunk, n]
    first.run(pieces=2)

    results = []
    for name in names:
        second = Case(ROW, (kept, chunks), 1, MERGE)
        parts = [second.input(s.T, t) for s, t in scratch[name]]
        more = [second.scalar(1.0)] if name == "var" else []
        types = TABLE[name].result_types
        result = BY_NAME[types[0]] if types and types[0] != "T" else dtype
        results.append(second.output(second.node(name, *parts, *more, compute=dtype, result=result), per_row=True))
        second.extras = [n]
        second.run()
    return stored, results


@SCHEDULES
@pytest.mark.parametrize("name", PROLOGUES)
def test_split_folds_of_computed_values(name, schedule):
    """Several folds of one computed value, which is stored besides, against folds of the value in memory."""
    types, prologue = PROLOGUES[name]
    arrays = [oriented(data(t, (3, 1000), n), schedule) for n, t in enumerate(types)]
    stored, fused = split_fold(schedule, arrays, types, prologue, FOLDS, True)

    alone = Case(MAP, (3, 1000))
    value = prologue(alone, *(alone.input(a, t) for a, t in zip(arrays, types)))
    dtype = alone.circuit.dtype_of(value)
    memory = alone.output(value)
    alone.run()
    assert np.ascontiguousarray(stored).tobytes() == memory.tobytes()
    memory = oriented(memory, schedule)
    for fold_name, got in zip(FOLDS, fused):
        _, (want,) = split_fold(schedule, [memory], [dtype], lambda case, x: x, [fold_name], False)
        assert got.tobytes() == want.tobytes(), fold_name


@SCHEDULES
def test_positions_in_rows(schedule):
    case, (x,) = case_with(schedule, (3, 50), F32)
    number = case.node("arange", case.scalar(0.0), case.scalar(1.0), compute=F32)
    case.output(number)
    case.output(case.node("sum", number), per_row=True)
    case.output(case.node("add", number, case.node("amax", x)))
    case.check()


@SCHEDULES
def test_positions_in_split_kernels(schedule):
    """Ops that depend on an element's number get its number in the whole space."""
    kept, n, chunk = 3, 100, 30
    stored = oriented(np.zeros((kept, n), "f4"), schedule)
    s = stored.strides
    first = Case(schedule, (4, kept, chunk), 1, SPLIT)
    into = np.lib.stride_tricks.as_strided(stored, first.sizes, (chunk * s[1], s[0], s[1]))
    value = first.node("arange", first.scalar(0.0), first.scalar(1.0), compute=F32)
    first.output(value, into=into)
    first.output(first.node("sum", value), per_row=True)
    first.extras = [chunk, n]
    first.run()
    np.testing.assert_array_equal(stored, np.arange(kept * n).reshape(kept, n))


def test_split_kernels_are_canonicalised():
    case = Case(ROW, (2, 100), 1, SPLIT)
    x = case.input(data(F32, (2, 100)))
    twice = case.node("add", case.node("exp", x), case.node("neg", case.node("neg", case.node("exp", x))))
    for k in range(3):
        case.output(case.node("var", twice, case.scalar(1.0), compute=F32) if not k else Ref("value", 5), k, per_row=True)
    circuit = pipeline.prepare(encode(case.circuit))
    assert [n.name for n in circuit.nodes] == ["exp", "add", "var"]
    assert [o.source.n for _, o in circuit.outputs()] == [2, 3, 4]


# ---- one element, whatever surrounds it ----


POSITIONED = {"arange", "linspace", "uniform", "normal", "log_normal", "exponential", "cauchy", "geometric", "bernoulli",
              "native_dropout"}
SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 1e-42, -3e-310, 88.7, -103.9, 709.5, -745.0, 1e30, 0.5, 3.0, 25.0]


def bits(x) -> bytes:
    """Without the sign of a NaN where instructions overwrite an operand (x86 before AVX): which one, and so whose NaN, is chosen anew in
    each kernel."""
    return x.tobytes() if "soft-fma" not in cpu._host().features or x == x else b"NaN"


def elementwise(row, arrays, dtype, beside=None):
    """The results of an op as bytes per element. `beside`: a type that the kernel copies too; it changes the vectors."""
    shape = arrays[0].shape
    case = Case(MAP, shape)
    args = [case.scalar(2) if row.kind(n) == "i" else case.input(a, dtype) for n, a in enumerate(arrays)]
    result = BOOL if row.rule == "bool" else result_types(row, dtype)[0]
    node = case.node(row.name, *args, compute=dtype, result=result)
    outs = [case.output(node, n) for n in range(row.results)]
    if beside is not None:
        case.output(case.node("copy", case.input(data(beside, shape), beside)))
    case.run()
    return [[bits(x) for x in o] for o in outs]


@pytest.mark.parametrize("dtype", [F32, F64], ids=str)
@pytest.mark.parametrize("row", [r for r in TABLE if isinstance(r, Elementwise) and "f" in r.dtypes and r.arity
                                  and r.name not in POSITIONED],
                         ids=lambda r: r.name)
def test_lanes_do_not_change_elements(row, dtype):
    """A function gives an element the same bits in a vector of any width, with a mask, and alone."""
    rng = np.random.default_rng(0)
    n = 51 + 84
    arrays = [np.concatenate([rng.permutation(SPECIAL * 3), rng.normal(size=84) * 10.0 ** rng.integers(-3, 3, 84)])
              .astype(dtype.numpy) for _ in range(row.arity)]
    whole = elementwise(row, arrays, dtype)
    for beside in (F64, F16, U8):
        assert elementwise(row, arrays, dtype, beside) == whole
    for at in range(0, n, 9):
        part = elementwise(row, [a[at:at + 5] for a in arrays], dtype)
        assert part == [w[at:at + 5] for w in whole]


# ---- size ----


@SCHEDULES
def test_large_circuits(schedule):
    """60 operands and 64 nodes, compiled in reasonable time."""
    case = Case(schedule, (4, 100), 1)
    inputs = [case.input(oriented(data((F32, F64, F32, I64)[n % 4], (4, 100), n), schedule)) for n in range(56)]
    value = case.node("sigmoid", inputs[0])
    rows = ("add", "mul", "sub", "maximum")
    for n, x in enumerate(inputs[1:]):
        value = case.node(rows[n % 4], value, x, compute=F32)
    value = case.node("tanh", value)
    total = case.node("sum", value)
    case.output(total, per_row=True)
    scale = case.node("exp", case.node("neg", case.node("abs", total)))
    case.output(scale, per_row=True)
    case.output(value)
    last = case.node("mul", value, scale)
    case.output(case.node("add", case.node("neg", last), last))
    assert (len(case.circuit.operands), len(case.circuit.nodes)) == (60, 64)
    start = time.perf_counter()
    case.kernel()
    assert time.perf_counter() - start < 1
    check(case)


# ---- the host ----


@pytest.mark.parametrize("name", ["gelu", "exp", "tanh", "softmax"])
@pytest.mark.parametrize("dtype", [F32, F64], ids=str)
def test_instruction_sets_do_not_change_results(name, dtype):
    """What a host can do chooses instructions, never bits."""
    host = cpu._host()
    results = []
    for number, features in enumerate((set(), {"avx2"}, host.features)):
        if not features <= host.features:
            continue
        case, (x,) = case_with(ROW, (3, 100), dtype)
        got = case.output(case.node(name, x)) if name == "softmax" else None
        if got is None:
            case = Case(MAP, (3, 100))
            got = case.output(case.node(name, case.input(5 * data(dtype, (3, 100)), dtype)))
        builder, _ = build(pipeline.prepare(encode(case.circuit)), features)
        symbol = f"host_{name}_{dtype}_{number}"
        address = host.load(symbol, host.emit(builder.text.finish(symbol, host.attributes)))
        operands, args = case.arguments()
        KERNEL(address)(operands.ctypes.data, args.ctypes.data, 0, case.items())
        results.append(got.tobytes())
    assert len(set(results)) == 1
