"""Bit-exact rewriting of circuits: a table of named rules, applied until nothing changes.

Every rule keeps results bit for bit and never adds a node, so the process ends; the canonical form of a canonical form is
itself.
"""

from __future__ import annotations

from dataclasses import replace

from ..dtypes import BOOL, DType
from ..optable.table import Elementwise
from .ir import Circuit, Ref

RULES: list = []


def rule(text: str):
    """Registers a rule: (circuit) -> {old Ref: new Ref} of results that other refs may stand for."""
    def register(rewrite):
        RULES.append((rewrite.__name__, text, rewrite))
        return rewrite
    return register


def canonicalize(circuit: Circuit) -> Circuit:
    """An equal circuit to which no rule applies."""
    circuit = _pruned(circuit, {})
    changed = True
    while changed:
        changed = False
        for _, _, rewrite in RULES:
            renamed = rewrite(circuit)
            if renamed:
                circuit = _pruned(circuit, renamed)
                changed = True
    return circuit


def _pruned(circuit: Circuit, renamed: dict) -> Circuit:
    """The circuit with refs renamed and without nodes that nothing needs."""
    def final(ref):
        while ref in renamed:
            ref = renamed[ref]
        return ref

    producers = circuit.producers()
    needed, stack = set(), [final(o.source) for _, o in circuit.outputs()]
    while stack:
        ref = stack.pop()
        if ref.kind == "value" and ref.n in producers:
            node, _ = producers[ref.n]
            if node.first not in needed:
                needed.add(node.first)
                stack.extend(final(a) for a in node.args)
    out = Circuit(circuit.schedule, circuit.rank, circuit.row_rank, circuit.flags, scalars=list(circuit.scalars))
    moved: dict = {}
    for node in circuit.nodes:
        if node.first in needed:
            first = out.add(node.row, node.compute, node.result, [moved.get(final(a), final(a)) for a in node.args])
            moved.update({Ref("value", node.first + r): Ref("value", first.n + r) for r in range(node.results)})
    for operand in circuit.operands:
        source = operand.source and final(operand.source)
        out.operands.append(replace(operand, source=moved.get(source, source) if source else None))
    return out


# ---- rules ----


@rule("equal nodes are computed once")
def common(c):
    seen: dict = {}
    renamed: dict = {}
    for node in c.nodes:
        key = (node.name, getattr(node.row, "expr", None), node.compute, node.result,
               tuple((type(a.n), renamed.get(a, a)) for a in node.args))
        first = seen.setdefault(key, node.first)
        if first != node.first:
            renamed.update({Ref("value", node.first + r): Ref("value", first + r) for r in range(node.results)})
    return renamed


def _is(node, name: str) -> bool:
    return isinstance(node.row, Elementwise) and node.name == name


@rule("a copy or cast to the type a value has is the value")
def copies(c):
    renamed = {}
    for node in c.nodes:
        if (_is(node, "copy") or _is(node, "cast")) and node.args[0].kind == "value":
            source = c.dtype_of(node.args[0])
            if source is node.result and node.compute in (source, source.math):
                renamed[Ref("value", node.first)] = node.args[0]
    return renamed


def _undone(c, inverse) -> dict:
    """Results of nodes that undo the node before them. `inverse(outer, inner)`: does it, given the types fit?"""
    producers, renamed = c.producers(), {}
    for node in c.nodes:
        ref = node.args[0] if node.args else None
        if not isinstance(node.row, Elementwise) or ref is None or ref.kind != "value":
            continue
        inner, _ = producers[ref.n]
        before = inner.args[0] if isinstance(inner.row, Elementwise) and len(inner.args) == 1 else None
        if before is not None and before.kind == "value" and c.dtype_of(before) is node.result and inverse(node, inner):
            renamed[Ref("value", node.first)] = before
    return renamed


@rule("the negative of a negative is the value")
def double_negation(c):
    def undoes(outer, inner):
        same = (inner.name, inner.compute, inner.result) == (outer.name, outer.compute, outer.result)
        return same and (outer.name in ("neg", "bitwise_not") or outer.name == "logical_not" and outer.compute is BOOL)
    return _undone(c, undoes)


def _widens(narrow: DType, wide: DType) -> bool:
    """Does every number of one type exist in the other?"""
    exact = {"f16": ("f32", "f64"), "bf16": ("f32", "f64"), "f32": ("f64",)}
    if narrow.kind in "iu" and wide.kind == "i":
        return narrow.bytes < wide.bytes
    return wide.name in exact.get(narrow.name, ())


@rule("to a wider type and back again is the value")
def round_trips(c):
    return _undone(c, lambda outer, inner: outer.name == inner.name == "copy" and _widens(outer.result, inner.result)
                   and inner.compute in (inner.result, inner.result.math))


@rule("the larger, the smaller or either of a value and itself is the value")
def alike(c):
    renamed = {}
    for node in c.nodes:
        choices = node.args[1:] if _is(node, "where") else node.args
        chooses = isinstance(node.row, Elementwise) and node.name in (
            "maximum", "minimum", "fmax", "fmin", "bitwise_and", "bitwise_or", "where")
        if chooses and choices[0] == choices[1] and choices[0].kind == "value" and c.dtype_of(choices[0]) is node.result \
                and node.compute is node.result.math:
            renamed[Ref("value", node.first)] = choices[0]
    return renamed


@rule("rectifying, taking magnitudes and rounding to integers twice is doing it once")
def idempotent(c):
    producers, renamed = c.producers(), {}
    for node in c.nodes:
        if not isinstance(node.row, Elementwise) or node.name not in ("relu", "abs", "floor", "ceil", "trunc", "round", "sign"):
            continue
        ref = node.args[0]
        if ref.kind == "value":
            inner, _ = producers[ref.n]
            if _is(inner, node.name) and (inner.compute, inner.result) == (node.compute, node.result):
                renamed[Ref("value", node.first)] = ref
    return renamed
