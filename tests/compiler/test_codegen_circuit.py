"""Keys, verification, rewriting and expansion of circuits."""

import numpy as np
import pytest

from hologram_core.circuit import canonicalize, expand, verify
from hologram_core.circuit.ir import BROADCAST, COLUMN, MAP, MERGE, ROW, SPLIT, TILE, Circuit, Operand, Ref, laned_nodes
from hologram_core.circuit.key import decode, encode
from hologram_core.circuit.verify import RULES
from hologram_core.codegen.cpu.loops import build
from hologram_core.dtypes import BOOL, C64, F16, F32, F64, I32, I64
from hologram_core.errors import CompileError
from hologram_core.optable import TABLE
from hologram_core.optable.table import Elementwise

X, Y = Ref("operand", 0), Ref("operand", 1)


def circuit(schedule=MAP, rank=1, row_rank=0, flags=0, inputs=2, dtype=F32):
    return Circuit(schedule, rank, row_rank, flags, operands=[Operand(dtype) for _ in range(inputs)])


def store(c, *refs):
    c.operands += [Operand(c.dtype_of(r), source=r) for r in refs]
    return c


def names(c):
    return [n.name for n in c.nodes]


# ---- keys ----


def test_key_round_trip():
    c = circuit(ROW, 3, 1, MERGE)
    c.scalars = [True, False]
    value = c.add(TABLE["add"], F32, F16, [X, Ref("scalar", 1)])
    pair = c.add(TABLE["max_index"], F16, F16, [value, Y])
    c.operands.append(Operand(I64, BROADCAST, Ref("value", pair.n + 1)))
    again = decode(encode(c))
    assert encode(again) == encode(c) and str(again) == str(c)


@pytest.mark.parametrize("damage", [lambda k: b"", lambda k: k[:-1], lambda k: k + b"\0", lambda k: b"\7" + k[1:],
                                    lambda k: k[:8] + b"\xff\xff" + k[10:]])
def test_malformed_keys_are_refused(damage):
    c = circuit()
    store(c, c.add(TABLE["add"], F32, F32, [X, Y]))
    with pytest.raises(CompileError, match="malformed"):
        decode(damage(encode(c)))


# ---- verification: a circuit that breaks each rule ----


def broken_schedule():
    return store(circuit(ROW, 1, 0), X)


def broken_defined():
    c = circuit()
    return store(c, c.add(TABLE["add"], F32, F32, [X, Ref("value", 3)]))


def broken_arity():
    c = circuit()
    return store(c, c.add(TABLE["add"], F32, F32, [X]))


def broken_types():
    c = circuit()
    return store(c, c.add(TABLE["div"], I32, I32, [X, Y]))


def broken_rows():
    c = circuit()
    return store(c, c.add(TABLE["sum"], F32, F32, [X]))


def broken_staged():
    c = circuit(ROW, 2, 1, SPLIT)
    return store(c, c.add(TABLE["softmax"], F32, F32, [X]))


def broken_outputs():
    c = circuit()
    c.operands.append(Operand(F64, source=c.add(TABLE["add"], F32, F32, [X, Y])))
    return c


def broken_once_per_row():
    c = circuit(ROW, 2, 1)
    c.operands.append(Operand(F32, BROADCAST, c.add(TABLE["add"], F32, F32, [X, Y]), fixed=True))
    return c


def broken_overlap():
    c = circuit()
    c.operands.append(Operand(F32, BROADCAST, c.add(TABLE["add"], F32, F32, [X, Y])))
    return c


def broken_operand_types():
    return store(circuit(dtype=C64), X)


@pytest.mark.parametrize("name", [name for name, _, _ in RULES])
def test_every_rule_catches_its_breach(name):
    with pytest.raises(CompileError, match=rf"illegal circuit: .*\({name}:"):
        verify.verify(globals()[f"broken_{name}"]())


def test_legal_circuits_pass():
    for c in (circuit(), circuit(TILE, 2)):
        verify.verify(store(c, c.add(TABLE["add"], F32, F32, [X, Y])))
    c = circuit(COLUMN, 2, 1)
    verify.verify(store(c, c.add(TABLE["softmax"], F32, F32, [X])))


# ---- rewriting ----


def test_common_subexpressions():
    c = circuit()
    a, b = c.add(TABLE["add"], F32, F32, [X, Y]), c.add(TABLE["add"], F32, F32, [X, Y])
    out = canonicalize.canonicalize(store(c, c.add(TABLE["mul"], F32, F32, [a, b])))
    assert names(out) == ["add", "mul"] and out.nodes[1].args == (Ref("value", 0),) * 2


def test_different_types_are_not_common():
    c = circuit(dtype=I32)
    a, b = c.add(TABLE["add"], I32, I32, [X, Y]), c.add(TABLE["add"], I64, I64, [X, Y])
    assert names(canonicalize.canonicalize(store(c, a, b))) == ["add", "add"]


def test_dead_values():
    c = circuit()
    c.add(TABLE["mul"], F32, F32, [X, Y])
    out = canonicalize.canonicalize(store(c, c.add(TABLE["add"], F32, F32, [X, Y])))
    assert names(out) == ["add"] and out.operands[2].source == Ref("value", 0)


def test_copies():
    c = circuit()
    a = c.add(TABLE["copy"], F32, F32, [c.add(TABLE["add"], F32, F32, [X, Y])])
    assert names(canonicalize.canonicalize(store(c, a))) == ["add"]
    c = circuit()
    narrow = c.add(TABLE["copy"], F32, F16, [c.add(TABLE["add"], F32, F32, [X, Y])])
    assert names(canonicalize.canonicalize(store(c, narrow))) == ["add", "copy"]


def test_double_negation():
    c = circuit()
    value = c.add(TABLE["add"], F32, F32, [X, Y])
    twice = c.add(TABLE["neg"], F32, F32, [c.add(TABLE["neg"], F32, F32, [value])])
    assert names(canonicalize.canonicalize(store(c, twice))) == ["add"]


@pytest.mark.parametrize("op, dtype, left", [("bitwise_not", I32, ["add"]), ("logical_not", BOOL, ["lt"]),
                                             ("logical_not", F32, ["add", "logical_not", "logical_not"])])
def test_double_negation_of_bits(op, dtype, left):
    c = circuit(dtype=dtype if dtype is not BOOL else F32)
    value = c.add(TABLE["lt"], F32, BOOL, [X, Y]) if dtype is BOOL else c.add(TABLE["add"], dtype, dtype, [X, Y])
    result = BOOL if op == "logical_not" else dtype
    once = c.add(TABLE[op], dtype, result, [value])
    assert names(canonicalize.canonicalize(store(c, c.add(TABLE[op], result if dtype is BOOL else dtype, result, [once])))) == left


@pytest.mark.parametrize("narrow, wide, left", [(F32, F64, ["add"]), (F16, F32, ["add"]), (I32, I64, ["add"]),
                                                (F32, F16, ["add", "copy", "copy"]), (I64, F64, ["add", "copy", "copy"])])
def test_round_trips(narrow, wide, left):
    c = circuit(dtype=narrow)
    value = c.add(TABLE["add"], narrow.math, narrow, [X, Y])
    there = c.add(TABLE["copy"], wide.math, wide, [value])
    assert names(canonicalize.canonicalize(store(c, c.add(TABLE["copy"], narrow.math, narrow, [there])))) == left


@pytest.mark.parametrize("op, left", [("maximum", ["add"]), ("fmin", ["add"]), ("where", ["add"]), ("sub", ["add", "sub"])])
def test_alike(op, left):
    c = circuit(inputs=3)
    value = c.add(TABLE["add"], F32, F32, [X, Y])
    args = [Ref("operand", 2), value, value] if op == "where" else [value, value]
    assert names(canonicalize.canonicalize(store(c, c.add(TABLE[op], F32, F32, args)))) == left


def test_idempotent():
    c = circuit()
    twice = c.add(TABLE["abs"], F32, F32, [c.add(TABLE["abs"], F32, F32, [X])])
    assert names(canonicalize.canonicalize(store(c, twice))) == ["abs"]


def test_every_rewriting_rule_has_a_test():
    assert {name for name, _, _ in canonicalize.RULES} == {"common", "copies", "double_negation", "round_trips", "alike", "idempotent"}


def random_circuit(rng):
    c = circuit(inputs=3)
    refs = [Ref("operand", k) for k in range(3)]
    rows = [r for r in TABLE if isinstance(r, Elementwise) and r.name in
            ("add", "mul", "neg", "abs", "copy", "floor", "maximum", "where", "lt", "fmin", "logical_not")]
    for _ in range(rng.integers(1, 20)):
        row = rows[rng.integers(len(rows))]
        result = BOOL if row.name in ("lt", "logical_not") else F32
        refs.append(c.add(row, F32, result, [refs[rng.integers(len(refs))] for _ in range(row.arity)]))
    return store(c, *(refs[k] for k in rng.integers(len(refs), size=2)))


def test_canonical_forms_are_stable_smaller_and_equal():
    from hologram_core.reference import interpreter as interp

    rng = np.random.default_rng(0)
    arrays = [np.resize(np.array([1.5, -0.0, np.nan, -2.5, np.inf, 0.0], "f4"), 24) * s for s in (1, -1, 0.5)]
    for _ in range(200):
        c = random_circuit(rng)
        operands = arrays + [None, None]
        once = canonicalize.canonicalize(c)
        assert str(canonicalize.canonicalize(once)) == str(once)
        assert len(once.nodes) <= len(c.nodes)
        for want, got in zip(interp.run(c, (24,), operands), interp.run(once, (24,), operands)):
            assert np.asarray(want).tobytes() == np.asarray(got).tobytes()


# ---- expansion ----


def test_row_kernels_expand_into_ops():
    c = circuit(ROW, 2, 1)
    out = expand.expand(store(c, c.add(TABLE["softmax"], F16, F16, [X])))
    assert [n.name for n in out.nodes if n.folds] == ["top", "sum"]       # a maximum that leaves NaN to the sum
    assert all(n.result is F32 for n in out.nodes[:-1]) and out.nodes[-1].result is F16     # rounded once


def test_row_kernel_values_have_no_truth():
    c = expand.ExprBuilder(circuit(ROW, 2, 1), F32)
    with pytest.raises(TypeError, match="truth"):
        bool(c.constant(1) < 2)
    with pytest.raises(AttributeError, match="no op 'frobnicate'"):
        c.frobnicate()


# ---- what is one number for all lanes ----


def test_numbers_are_no_work_of_the_lanes():
    """x + step ** number, the power in double: as wide a vector and as long a loop as x + y, and the power before it."""
    def body(scalar):
        c = circuit(inputs=2)
        if scalar:
            c.operands[1] = Operand(F32, BROADCAST)
        c.scalars = [False]
        power = c.add(TABLE["pow"], F64, F64, [Ref("scalar", 0), Y]) if scalar else Y
        store(c, c.add(TABLE["add"], F32, F32, [X, power]))
        assert [n.name for n in laned_nodes(c)] == ["add"]
        return build(c)
    (plain, cost), (power, with_power) = body(False), body(True)
    assert power.lanes == plain.lanes and with_power < 1.1 * cost

    def branches(b):
        return sum(block.name.startswith("then") for block in b.text.blocks)
    assert branches(power) == branches(plain) + 1, "the power is computed once, not in every loop"
