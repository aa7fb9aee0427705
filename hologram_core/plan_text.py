"""Captured plans as text."""

from __future__ import annotations

Node = tuple[str, int, list[tuple[int, str, int, int, bool]]]      # name, launches, [(memory, kind, offset, bytes, written)]


def lines(program: list[Node]) -> list[str]:
    """A line per node: what it is, what it reads, and after `>` what it writes."""
    return [f"{title(name, launches)}: " + " ".join(f"{'>' if written else ''}{kind}{memory}" + (f"+{offset}" if offset else "")
                                                    for memory, kind, offset, _, written in uses)
            for name, launches, uses in program]


def title(name: str, launches: int) -> str:
    return f"{name} x {launches}" if launches > 1 else name
