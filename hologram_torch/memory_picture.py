"""The memory of the device over time as an SVG picture: what tensors hold, what the pools hold, and what made the tensors of the peak."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Sequence
from typing import Any

from .picture import FONT, byte_text, time_text

_WIDTH, _HEIGHT = 840, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 84, 600, 72, 340      # of the axes
_MOST_POINTS = 1000


def _text(x: float, y: float, text: str, style: str = "") -> str:
    return f"<text x='{x:g}' y='{y:g}' {style}>{html.escape(text)}</text>"


def _ticks(most: float, count: int) -> list[float]:
    """Round numbers from 0 to at least `most`."""
    step = 10.0 ** (len(str(max(1, int(most / count)))) - 1)
    step = next(step * factor for factor in (1, 2, 5, 10, 20) if step * factor * count >= most)
    ticks = [0.0]
    while ticks[-1] < most:
        ticks.append(ticks[-1] + step)
    return ticks


def _holders(events: Sequence[tuple], upto: int, before: int, work: Sequence[Any]) -> Counter:
    """Bytes that live after the event `upto`, by what wrote them first after they were given out. `before`: bytes at the beginning."""
    live: dict[int, tuple[int, int]] = {}
    for when, _, memory, size, _, _ in events[:upto + 1]:
        if size > 0:
            live[memory] = (when, size)
        else:
            before += size if live.pop(memory, None) is None else 0
    gone: dict[int, int] = {}
    for when, _, memory, size, _, _ in events[upto + 1:]:
        if size < 0:
            gone.setdefault(memory, when)
    writer: dict[int, str] = {}
    for item in work:
        for memory, _, written in item.operands:
            if not written or memory not in live or memory in writer:
                continue
            # A recorded op runs after its memory was given out, and maybe long after.
            if item.started >= live[memory][0] and item.started <= gone.get(memory, item.started):
                writer[memory] = item.work().title.split(" > ")[-1]
    held: Counter = Counter({"there before": before} if before > 0 else {})
    for memory, (_, size) in live.items():
        held[writer.get(memory, "not written yet")] += size
    return held


def draw(events: Sequence[tuple], work: Sequence[Any], footer: str) -> str:
    """`events`: when (ns), queue, address, bytes (below 0: taken back), allocated and reserved bytes afterwards."""
    if not events:
        return (f"<svg xmlns='http://www.w3.org/2000/svg' width='{_WIDTH}' height='60' {FONT}>"
                + _text(12, 30, "No memory of the device was given out or taken back.") + "</svg>\n")
    queue = Counter(event[1] for event in events).most_common(1)[0][0]       # of a GPU, each stream has pools of its own
    events = sorted((event for event in events if event[1] == queue), key=lambda event: event[0])
    begin, before = events[0][0], events[0][4] - events[0][3]
    peak = max(range(len(events)), key=lambda n: events[n][4])
    took = max(1, events[-1][0] - begin) / 1e3
    most = max(max(event[4] for event in events), before)
    top = _ticks(most / 1e6, 5)
    scale_y = (_BOTTOM - _TOP) / max(top[-1] * 1e6, 1)
    x = lambda when: _LEFT + (when - begin) / 1e3 / took * (_RIGHT - _LEFT)
    y = lambda size: _BOTTOM - size * scale_y

    # What happens within the width of a point is its highest value.
    points: list[tuple[float, float]] = [(_LEFT, before)]
    group = max(1, len(events) // _MOST_POINTS)
    for first in range(0, len(events), group):
        chosen = events[first:first + group]
        highest = max(chosen, key=lambda event: event[4])
        points += [(x(highest[0]), highest[4]), (x(chosen[-1][0]), chosen[-1][4])]
    steps = "".join(f" H {at:.1f} V {y(size):.1f}" for at, size in points[1:])
    line, area = f"M {_LEFT} {y(before):.1f}{steps}", f"M {_LEFT} {_BOTTOM} V {y(before):.1f}{steps} V {_BOTTOM} Z"
    last = points[-1][1]

    parts = [_text(12, 26, "Memory of hologram", "font-size='17' font-weight='bold'"),
             _text(12, 46, f"peak {byte_text(events[peak][4])}, {byte_text(before)} before, {byte_text(last)} after, "
                           f"the pools hold {byte_text(events[-1][5])}; {sum(e[3] > 0 for e in events):,} allocations in "
                           f"{time_text(took)}", "fill='#444'")]
    for tick in top:
        height = y(tick * 1e6)
        parts.append(f"<line x1='{_LEFT}' x2='{_RIGHT}' y1='{height:.1f}' y2='{height:.1f}' stroke='#e0e0e0'/>")
        parts.append(_text(_LEFT - 8, height + 4, f"{tick:g} MB", "text-anchor='end' fill='#444'"))
    for part in range(5):
        at = _LEFT + part * (_RIGHT - _LEFT) / 4
        parts.append(f"<line x1='{at:.1f}' x2='{at:.1f}' y1='{_BOTTOM}' y2='{_BOTTOM + 5}' stroke='#666'/>")
        parts.append(_text(at, _BOTTOM + 19, time_text(took * part / 4) if part else "0", "text-anchor='middle' fill='#444'"))
    parts.append(_text((_LEFT + _RIGHT) / 2, _BOTTOM + 38, "time", "text-anchor='middle' fill='#444'"))
    parts.append(f"<path d='{area}' fill='#d7e6f5'/><path d='{line}' fill='none' stroke='#2f6099' stroke-width='1.3'/>")
    at, height = x(events[peak][0]), y(events[peak][4])
    parts.append(f"<circle cx='{at:.1f}' cy='{height:.1f}' r='4' fill='#b03030'/>")
    parts.append(f"<line x1='{at:.1f}' x2='{at:.1f}' y1='{height:.1f}' y2='{_BOTTOM}' stroke='#b03030' stroke-dasharray='3 3'/>")
    end = at > (_LEFT + _RIGHT) / 2
    parts.append(_text(at + (-8 if end else 8), max(height - 7, _TOP - 8), f"peak {byte_text(events[peak][4])}",
                       f"text-anchor='{'end' if end else 'start'}' fill='#b03030'"))
    parts += _bars(events, peak, before, work)
    parts.append(_text(12, _HEIGHT - 14, footer, "fill='#666' font-size='11'"))
    return (f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {_WIDTH} {_HEIGHT}' width='{_WIDTH}' height='{_HEIGHT}' {FONT}>"
            f"<rect width='100%' height='100%' fill='white'/>{''.join(parts)}</svg>\n")


def _bars(events: Sequence[tuple], peak: int, before: int, work: Sequence[Any]) -> list[str]:
    """Beside the axes: who holds the memory of the peak."""
    left, width = _RIGHT + 28, _WIDTH - _RIGHT - 44
    held = _holders(events, peak, before, work)
    shown = held.most_common(8 if len(held) > 9 else 9)
    rest = sum(held.values()) - sum(size for _, size in shown)
    if rest:
        shown.append((f"{len(held) - len(shown)} others", rest))
    parts = [_text(left, _TOP + 4, "held at the peak, written by", "font-weight='bold' fill='#444'")]
    most = max((size for _, size in shown), default=1)
    for number, (name, size) in enumerate(shown):
        y = _TOP + 16 + 29 * number
        parts.append(_text(left, y + 11, name if len(name) < 22 else name[:21] + "…"))
        parts.append(_text(_WIDTH - 16, y + 11, byte_text(size), "text-anchor='end'"))
        parts.append(f"<rect x='{left}' y='{y + 15}' width='{max(1, width * size / most):.1f}' height='6' fill='#8fb3d9'/>")
    return parts
