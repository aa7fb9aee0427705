"""Work as a picture: an SVG page of one width, a line for each kernel and library call in the order in which they ran.

Links run down the left margin, from what wrote a memory to what reads it. Equal work that does not depend on each other is one line with a
count, and a sequence of lines that comes again (the layers of a network) is drawn once.
"""

from __future__ import annotations

import dataclasses
import html
import math
import pathlib
from collections.abc import Iterable, Sequence
from typing import Any

WIDTH, LINE = 840, 24
_GUTTER, _BOX, _TIME, _BYTES, _FROM = 108, 136, 430, 548, 622     # where columns begin
FONT = "font-family='Helvetica, Arial, sans-serif' font-size='12'"
_FILLS = {"kernel": "#d7e6f5", "library": "#fbe3c8", "copy": "#dcefd9", "replay": "#e6ddf2"}
_MEANINGS = {"kernel": "compiled kernel", "library": "PyTorch's kernel", "copy": "copy", "replay": "captured plan"}
_MOST_IN_A_LOOP = 80


@dataclasses.dataclass
class Work:
    """One kernel or call, as it is drawn."""

    title: str
    kind: str                                       # a key of _FILLS
    operands: list[tuple[Any, int, bool]]           # what names the memory, its bytes, is it written
    key: Any = None                                 # equal for equal work; None: the title is
    bytes: int = 0                                  # moved
    microseconds: float = 0                         # 0: not known
    detail: str = ""                                # said when the mouse is over it
    heading: str = ""                               # of the part of the picture that it stands in


@dataclasses.dataclass
class _Line:
    work: Work
    count: int = 1
    bytes: int = 0
    microseconds: float = 0
    sizes: dict = dataclasses.field(default_factory=dict)         # of its operands
    reads: set = dataclasses.field(default_factory=set)
    writes: set = dataclasses.field(default_factory=set)
    sources: dict = dataclasses.field(default_factory=dict)       # lines, or names of memory that was there before
    times: int = 1                                  # how often the loop runs that it stands in

    @property
    def key(self) -> tuple:
        return (self.work.kind, self.work.title if self.work.key is None else self.work.key)

    def add(self, work: Work) -> None:
        self.bytes += work.bytes
        self.microseconds += work.microseconds
        self.sizes.update((memory, size) for memory, size, _ in work.operands)
        self.reads |= {memory for memory, _, written in work.operands if not written}
        self.writes |= {memory for memory, _, written in work.operands if written}


def byte_text(count: float) -> str:
    """'1.5 MB'."""
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:,.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.3g} {unit}"
        count /= 1000
    return ""


def time_text(microseconds: float) -> str:
    """'1.5 ms'."""
    return f"{microseconds / 1000:,.3g} ms" if microseconds >= 1000 else f"{microseconds:.3g} us"


def _goes_before(line: _Line, work: Work) -> bool:
    """May the work run before the line?"""
    reads = {memory for memory, _, written in work.operands if not written}
    writes = {memory for memory, _, written in work.operands if written}
    return not (reads & line.writes or writes & (line.reads | line.writes))


def _lines(work: Iterable[Work]) -> list[_Line]:
    """Equal work of one part as one line, where it does not depend on itself."""
    lines: list[_Line] = []
    for item in work:
        place = None
        for line in reversed(lines[-32:]):
            if line.work.heading != item.heading or not _goes_before(line, item):
                break
            if line.key == _Line(item).key:
                place = line
                break
        if place is None:
            lines.append(place := _Line(item))
        else:
            place.count += 1
        place.add(item)
    return lines


def _link(lines: Sequence[_Line], given: str) -> None:
    """Says of each line which ones wrote what it reads."""
    source: dict[Any, _Line] = {}
    for line in lines:
        for memory in sorted(line.reads, key=str):
            if memory in source:
                if source[memory] is not line:
                    line.sources[id(source[memory])] = source[memory]
            else:
                name = given.format(memory=memory, bytes=byte_text(line.sizes[memory]))
                line.sources[name] = name
        source.update(dict.fromkeys(line.writes, line))


def _loops(lines: list[_Line]) -> tuple[list[_Line], list[tuple[int, int, int]]]:
    """The lines with sequences that come three times and more drawn once; and of each such sequence: first, last, how often."""
    keys = [(line.key, line.count) for line in lines]
    kept: list[_Line] = []
    loops: list[tuple[int, int, int]] = []
    stand_in: dict[int, _Line] = {}
    at = 0
    while at < len(lines):
        best = (0, 1, 1)
        for period in range(1, min(_MOST_IN_A_LOOP, (len(lines) - at) // 3) + 1):
            times = 1
            while keys[at + times * period:at + (times + 1) * period] == keys[at:at + period]:
                times += 1
            if times >= 3 and times * period > best[0]:
                best = (times * period, period, times)
        _, period, times = best
        if times > 1:
            loops.append((len(kept), len(kept) + period - 1, times))
        for place in range(period):
            first = lines[at + place]
            first.times = times
            for turn in range(1, times):
                other = lines[at + turn * period + place]
                stand_in[id(other)] = first
                first.bytes += other.bytes
                first.microseconds += other.microseconds
                first.sources.update(other.sources)
            kept.append(first)
        at += period * times
    for line in kept:
        found = (stand_in.get(key, value) for key, value in line.sources.items())
        line.sources = {(value if isinstance(value, str) else id(value)): value for value in found if value is not line}
    return kept, loops


def _cut(text: str, width: float) -> str:
    """As much of a text as fits, at 12 pixels, in the widest font that may be there."""
    if _width(text) <= width:
        return text
    while text and _width(text) > width - 12:
        text = text[:-1]
    return text.rstrip(" >,") + "…"


def _width(text: str) -> float:
    """In DejaVu Sans, the widest of the usual ones."""
    return sum(11 if c in "mwMW+>%@…" else 4 if c in "ijlI.,:;'|() " else 7.5 for c in text)


def _text(x: float, y: float, text: str, style: str = "") -> str:
    return f"<text x='{x:g}' y='{y:g}' {style}>{html.escape(text)}</text>"


def _arc(top: float, bottom: float, lines: int) -> str:
    reach = min(_GUTTER - 8, 10 + 9 * math.sqrt(abs(lines)))
    path = f"M {_GUTTER} {top:g} C {_GUTTER - reach * 1.3:g} {top:g} {_GUTTER - reach * 1.3:g} {bottom:g} {_GUTTER - 2} {bottom:g}"
    return f"<path d='{path}' class='link'/>"


def _source_names(line: _Line, numbers: dict[int, int]) -> str:
    made = sorted((value for value in line.sources.values() if isinstance(value, _Line)), key=lambda value: numbers[id(value)])
    named = [f"{value.work.title.split(' > ')[-1]} {numbers[id(value)]}" for value in made]
    return ", ".join([*named, *(value for value in line.sources.values() if isinstance(value, str))])


def draw(work: Sequence[Work], title: str, facts: str, footer: str = "", given: str = "{bytes}") -> str:
    """The picture as SVG text. `given`: what memory is called that none of the work wrote, of {memory} and {bytes}."""
    lines = _lines(work)
    _link(lines, given)
    lines, loops = _loops(lines)
    numbers = {id(line): number for number, line in enumerate(lines, 1)}
    longest = max((line.microseconds for line in lines), default=0)
    kinds = [kind for kind in _FILLS if any(line.work.kind == kind for line in lines)]

    parts: list[str] = [_text(12, 26, title, "font-size='17' font-weight='bold'"), _text(12, 46, facts, "fill='#444'")]
    x = 12.0
    for kind in kinds:
        parts.append(f"<rect x='{x:g}' y='56' width='14' height='14' rx='3' fill='{_FILLS[kind]}' stroke='#999'/>")
        parts.append(_text(x + 20, 67, _MEANINGS[kind], "fill='#444'"))
        x += 44 + 6.2 * len(_MEANINGS[kind])
    y = 96.0
    for place, heading in ((_BOX, "work"), (_TIME, "time" if longest else ""), (_BYTES, "bytes"), (_FROM, "reads")):
        parts.append(_text(place, y, heading, "font-weight='bold' fill='#444'"))
    y += 10
    middle: dict[int, float] = {}
    boxes: list[str] = []
    current = ""
    for line in lines:
        if line.work.heading != current and (current := line.work.heading):
            boxes.append(f"<rect x='{_GUTTER + 4}' y='{y + 3:g}' width='{WIDTH - _GUTTER - 16}' height='18' fill='#f0f0f0'/>")
            boxes.append(_text(_GUTTER + 10, y + 16, _cut(current, WIDTH - _GUTTER - 30), "fill='#444' font-style='italic'"))
            y += LINE
        boxes.append(_drawn_line(line, y, numbers, longest))
        middle[id(line)] = y + LINE / 2
        y += LINE
    for first, last, times in loops:
        top, bottom = middle[id(lines[first])] - 9, middle[id(lines[last])] + 9
        boxes.append(f"<path d='M {_GUTTER + 8} {top:g} h -4 V {bottom:g} h 4' fill='none' stroke='#b03030' stroke-width='1.5'/>")
        text, at = f"{times} x", (top + bottom) / 2
        width = 6.5 * len(text) + 6
        boxes.append(f"<rect x='{_GUTTER + 6 - width:g}' y='{at - 8:g}' width='{width:g}' height='16' rx='3' fill='white' "
                     "stroke='#b03030'/>")
        boxes.append(_text(_GUTTER + 6 - width / 2, at + 4, text, "text-anchor='middle' font-size='11' fill='#b03030'"))
    for line in lines:
        for value in line.sources.values():
            if isinstance(value, _Line):
                top, bottom = middle[id(value)], middle[id(line)]
                parts.append(_arc(top, bottom, round((bottom - top) / LINE)))
    y += 8
    named = "Reads: 'relu 4' is what line 4 wrote last; a size is memory that none of these lines wrote." if given == "{bytes}" else ""
    for text in filter(None, (named, footer)):
        parts.append(_text(12, y + 14, text, "fill='#666' font-size='11'"))
        y += 18
    y += 6
    style = ".link{fill:none;stroke:#4a6fa5;stroke-width:1;stroke-opacity:.45} g:hover>rect:first-of-type{stroke:#000}"
    return (f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {y:g}' width='{WIDTH}' height='{y:g}' {FONT}>"
            f"<style>{style}</style><rect width='100%' height='100%' fill='white'/>{''.join(parts)}{''.join(boxes)}</svg>\n")


def _drawn_line(line: _Line, y: float, numbers: dict[int, int], longest: float) -> str:
    base = y + 16
    count = f" x {line.count}" if line.count > 1 else ""
    sources = _source_names(line, numbers)
    detail = "\n".join(filter(None, [line.work.title + count, line.work.detail, f"reads: {sources}" if sources else ""]))
    parts = [f"<g><title>{html.escape(detail)}</title>",
             f"<rect x='{_BOX - 4}' y='{y + 2:g}' width='{_TIME - _BOX - 6}' height='20' rx='4' stroke='#bbb' "
             f"fill='{_FILLS[line.work.kind]}'/>",
             _text(_BOX - 8, base, str(numbers[id(line)]), "text-anchor='end' fill='#888' font-size='10'"),
             _text(_BOX + 2, base, _cut(line.work.title, _TIME - _BOX - 16 - _width(count)) + count)]
    if longest and line.microseconds:
        width = max(1, 50 * line.microseconds / longest)
        parts.append(f"<rect x='{_TIME}' y='{y + 6:g}' width='{width:.1f}' height='12' fill='#c96f4a'/>")
        parts.append(_text(_TIME + 54, base, time_text(line.microseconds)))
    if line.bytes:
        parts.append(_text(_BYTES, base, byte_text(line.bytes)))
    parts.append(_text(_FROM, base, _cut(sources, WIDTH - _FROM - 8), "fill='#444'"))
    return "".join([*parts, "</g>"])


def write(path: str, svg: str, dot: str) -> None:
    """Writes a picture as its file name asks for: .svg, .html, .dot, and by the package cairosvg .png and .pdf.

    Raises ValueError for another name, ImportError where cairosvg is needed and not there."""
    target = pathlib.Path(path)
    kind = target.suffix.lower().lstrip(".") or "svg"
    if kind in ("dot", "gv"):
        target.write_text(dot)
    elif kind == "svg":
        target.write_text(svg)
    elif kind in ("html", "htm"):
        target.write_text(f"<!doctype html><meta charset='utf-8'><title>hologram</title>{svg}")
    elif kind in ("png", "pdf"):
        try:
            import cairosvg
        except (ImportError, OSError) as error:      # OSError: the library cairo is not there
            raise ImportError(f"hologram.explain: {target.name!r} needs the package cairosvg ({error}). Install it (pip install "
                              f"cairosvg), or write {target.with_suffix('.svg').name!r}.") from None
        convert, scale = (cairosvg.svg2png, 2) if kind == "png" else (cairosvg.svg2pdf, 1)
        convert(bytestring=svg.encode(), write_to=str(target), scale=scale)
    else:
        raise ValueError(f"hologram.explain: {target.name!r} is no picture. Name it .svg, .html, .png, .pdf or .dot.")
