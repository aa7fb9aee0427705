"""Captured plans as text."""

from __future__ import annotations

# name, launches, [(memory, kind, offset, bytes, written)], does it run once only
Node = tuple[str, int, list[tuple[int, str, int, int, bool]], bool]


def lines(program: list[Node]) -> list[str]:
    """A line per node: what it is, what it reads, and after `>` what it writes."""
    return [f"{title(name, launches, once)}: " + " ".join(f"{'>' if written else ''}{kind}{memory}" + (f"+{offset}" if offset else "")
                                                    for memory, kind, offset, _, written in uses)
            for name, launches, uses, once in program]


def title(name: str, launches: int, once: bool) -> str:
    return f"{'once: ' if once else ''}{name}{f' x {launches}' if launches > 1 else ''}"
