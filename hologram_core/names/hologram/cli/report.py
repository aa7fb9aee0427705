"""Text of what a command found: sections of lines, fit for a bug report."""

from __future__ import annotations

from pathlib import Path


def size(number: float) -> str:
    """Bytes as people write them."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if number < 1024 or unit == "GiB":
            return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1024
    raise AssertionError


def short(path) -> str:
    """A path without the name of who works here."""
    try:
        return f"~/{Path(path).relative_to(Path.home())}"
    except (ValueError, RuntimeError, TypeError):
        return str(path)


def sections(found: dict) -> str:
    """A section per entry that is a dict, a list of lines per entry that is a list."""
    lines = []
    for name, value in found.items():
        if isinstance(value, dict):
            lines += ["", name]
            width = max(map(len, value), default=0)
            lines += [f"  {key:{width}}  {_value(item)}" for key, item in value.items()]
        elif isinstance(value, list):
            lines += ["", name, *(f"  - {item}" for item in value)]
    return "\n".join(lines).strip()


def _value(value) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def table(head: tuple, rows: list) -> str:
    """Markdown."""
    cells = [head, *rows]
    widths = [max(len(str(row[n])) for row in cells) for n in range(len(head))]
    line = lambda row: "| " + " | ".join(str(cell).ljust(w) if n == 0 else str(cell).rjust(w)
                                         for n, (cell, w) in enumerate(zip(row, widths))) + " |"
    rule = "|" + "|".join("-" * (w + 2) if n == 0 else "-" * (w + 1) + ":" for n, w in enumerate(widths)) + "|"
    return "\n".join([line(head), rule, *map(line, rows)])
