"""Circuits in the DOT language: the ops inside of each kernel."""

from __future__ import annotations


def quoted(text: str) -> str:
    return '"' + str(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _kernel(prefix: str, kernel, title: str) -> list[str]:
    """One kernel as a cluster: operands as boxes, ops as ellipses, values as edges."""
    lines = [f"  subgraph cluster_{prefix} {{", f"    label={quoted(title)}; style=rounded; color=gray60;"]
    producers = kernel.producers()

    def source(ref) -> str:
        return f"{prefix}_n{producers[ref.n][0].first}" if ref.kind == "value" else f"{prefix}_{ref.kind[0]}{ref.n}"

    for number, operand in enumerate(kernel.operands):
        shape = "box, style=filled, fillcolor=" + ("lightblue" if operand.output else "gray92")
        lines.append(f"    {prefix}_o{number} [shape={shape}, label={quoted(f'{operand.dtype} ${number}')}];")
    for number in range(len(kernel.scalars)):
        lines.append(f"    {prefix}_s{number} [shape=plaintext, label={quoted(f'#{number}')}];")
    for node in kernel.nodes:
        lines.append(f"    {prefix}_n{node.first} [label={quoted(node.name)}];")
        lines += [f"    {source(ref)} -> {prefix}_n{node.first};" for ref in node.args if ref.kind != "const"]
    for number, operand in kernel.outputs():
        if operand.source.kind != "value" or operand.source.n in producers:
            lines.append(f"    {source(operand.source)} -> {prefix}_o{number};")
    return [*lines, "  }"]


def dot(circuits) -> str:
    """The kernels of the circuits, one cluster each."""
    lines = ["digraph circuits {", "  rankdir=TB; node [fontname=Helvetica, fontsize=10];"]
    for c, circuit in enumerate(circuits):
        for k, kernel in enumerate(circuit.kernels()):
            title = f"{circuit.ops} ops, {circuit.elements:,} elements, closed by {circuit.reason}"
            lines += _kernel(f"c{c}k{k}", kernel, title)
    return "\n".join([*lines, "}"])
