"""Captured plans as pictures."""

from __future__ import annotations

from hologram_core.plan_text import Node, title

from . import picture
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


def svg(program: list[Node], label: str) -> str:
    """The nodes in their order, as the text of an SVG picture: as `torch.hologram.explain` draws what ran."""
    names = {memory: f"{kind} {memory}" for _, _, uses, _ in program for memory, kind, *_ in uses}
    some_once = any(once for *_, once in program)
    work = []
    for name, launches, uses, once in program:
        kind = "kernel" if launches else "copy" if name == "copy" else "library"
        heading = "runs once, and after a write of what it reads" if once else "runs each time" if some_once else ""
        operands = [(names[memory], size, written) for memory, _, _, size, written in uses]
        if name in ("addmm", "baddbmm"):      # they add to what is there
            operands.append((*operands[0][:2], False))
        work.append(picture.Work(title(name.replace("+", " > ") if launches else name, launches, False), kind, operands,
                                 bytes=sum({memory: size for memory, _, _, size, _ in uses}.values()), heading=heading))
    launches = sum(launches > 0 for _, launches, _, _ in program)
    facts = f"{len(program)} nodes: {launches} launches, {len(program) - launches} library calls"
    return picture.draw(work, f"Captured plan of {label}", facts, given="{memory}, {bytes}")
