"""Bit-exact rewriting of circuits: a table of named rules, applied until nothing changes.

Every rule keeps results bit for bit and never adds a node, so the process ends; the canonical form of a canonical form is
itself.
"""

from __future__ import annotations

from dataclasses import replace

from ..ops.table import Elementwise
from .ir import Circuit, Ref

RULES: list = []


def rule(text: str):
    """Registers a rule: (circuit) -> {old Ref: new Ref} of results that other refs may stand for."""
    def register(rewrite):
        RULES.append((rewrite.__name__, text, rewrite))
        return rewrite
    return register


def canonicalise(circuit: Circuit) -> Circuit:
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
    seen, renamed = {}, {}
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


@rule("the negative of a negative is the value")
def double_negation(c):
    producers, renamed = c.producers(), {}
    for node in c.nodes:
        ref = node.args[0] if node.args else None
        if _is(node, "neg") and ref.kind == "value":
            inner, _ = producers[ref.n]
            same = (inner.compute, inner.result) == (node.compute, node.result)
            if _is(inner, "neg") and same and inner.args[0].kind == "value" \
                    and c.dtype_of(inner.args[0]) is node.result:
                renamed[Ref("value", node.first)] = inner.args[0]
    return renamed


@rule("rectifying, taking magnitudes and rounding to integers twice is doing it once")
def idempotent(c):
    producers, renamed = c.producers(), {}
    for node in c.nodes:
        ref = node.args[0] if node.args else None
        if isinstance(node.row, Elementwise) and node.name in ("relu", "abs", "floor", "ceil", "trunc", "round", "sign") \
                and ref.kind == "value":
            inner, _ = producers[ref.n]
            if _is(inner, node.name) and (inner.compute, inner.result) == (node.compute, node.result):
                renamed[Ref("value", node.first)] = ref
    return renamed
