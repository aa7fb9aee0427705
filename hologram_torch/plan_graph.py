"""Captured plans as pictures."""

from __future__ import annotations

from hologram_core.plan_text import Node, title

from .fusion_graph import quoted


def dot(program: list[Node], label: str) -> str:
    """Nodes as ellipses (kernels) and rounded boxes (calls of libraries), memory that outlasts the plan as boxes, values as edges."""
    text = ["digraph plan {", f"  label={quoted(label)}; labelloc=t; rankdir=TB; node [fontname=Helvetica, fontsize=10];"]
    source: dict[int, str] = {}      # of what a memory holds now
    for number, (name, launches, uses, once) in enumerate(program):
        shape = "ellipse" if launches else "box, style=rounded"
        text.append(f"  n{number} [shape={shape}, label={quoted(title(name, launches, once))}];")
        for memory, kind, _, size, written in uses:
            if not written:
                if memory not in source:
                    source[memory] = f"m{memory}"
                    text.append(_box(f"m{memory}", "gray92", kind, memory, size))
                text.append(f"  {source[memory]} -> n{number};")
        for memory, _, _, _, written in uses:
            if written:
                source[memory] = f"n{number}"
    last = {memory: (kind, size) for _, _, uses, _ in program for memory, kind, _, size, written in uses if written and kind != "temporary"}
    for memory, (kind, size) in last.items():
        text += [_box(f"r{memory}", "lightblue", kind, memory, size), f"  {source[memory]} -> r{memory};"]
    return "\n".join([*text, "}"])


def _box(node: str, colour: str, kind: str, memory: int, size: int) -> str:
    return f"  {node} [shape=box, style=filled, fillcolor={colour}, label={quoted(f'{kind} {memory}, {size:,} bytes')}];"
