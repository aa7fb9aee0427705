"""What explain() and watch() draw: what stands in the pictures is what ran, and they are pictures."""

import sys
import types
import xml.etree.ElementTree as ElementTree

import pytest
import torch
from torch import nn

import hologram_torch
from hologram_torch import memory_picture, picture, plan_graph
from tests.compare import DEVICE
from tests.modes import deferred

hologram = torch.hologram
SVG = "{http://www.w3.org/2000/svg}"


def texts(svg):
    return ["".join(element.itertext()) for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def boxes(svg):
    """Of each line: its number, its title, and what it reads, whole."""
    found = []
    for group in ElementTree.fromstring(svg).iter(f"{SVG}g"):
        detail = group.find(f"{SVG}title").text.splitlines()
        reads = [line.removeprefix("reads: ") for line in detail if line.startswith("reads: ")]
        found.append((int(group.find(f"{SVG}text").text), detail[0], reads[0] if reads else ""))
    return found


def stays_inside(svg):
    """Does all text begin and end within the page, by the widest of the usual fonts?"""
    root = ElementTree.fromstring(svg)
    width = float(root.get("width"))
    for element in root.iter(f"{SVG}text"):
        x, size = float(element.get("x")), float(element.get("font-size", "12"))
        length = picture._width("".join(element.itertext())) * size / 12
        left = x - {"end": length, "middle": length / 2}.get(element.get("text-anchor"), 0)
        assert -1 <= left and left + length <= width + 8, "".join(element.itertext())
    return True


def work(title, reads=(), writes=(), kind="kernel", **more):
    return picture.Work(title, kind, [(m, 100, False) for m in reads] + [(m, 100, True) for m in writes], **more)


def drawn(*items):
    return picture.draw(items, "title", "facts")


# ---- the picture ----

def test_lines_name_what_wrote_their_operands():
    svg = drawn(work("mul > add", ["x"], ["a"]), work("mm", ["a", "w"], ["b"], "library"), work("relu", ["b"], ["b"]), work("sum", ["b", "a"], ["c"]))
    assert boxes(svg) == [(1, "mul > add", "100 B"), (2, "mm", "add 1, 100 B"), (3, "relu", "mm 2"), (4, "sum", "add 1, relu 3")]
    assert svg.count("class='link'") == 4


def test_equal_work_is_one_line_where_it_does_not_depend_on_itself():
    adam = [work("adam", [f"g{i}"], [f"p{i}"], bytes=10) for i in range(5)]
    assert boxes(drawn(*adam)) == [(1, "adam x 5", "100 B")]
    assert boxes(picture.draw(adam, "", "", given="{memory}"))[0][2] == "g0, g1, g2, g3, g4"
    assert "50 B" in texts(drawn(*adam))
    chain = [work("exp", ["a"], ["b"]), work("exp", ["b"], ["c"])]
    assert [title for _, title, _ in boxes(drawn(*chain))] == ["exp", "exp"]
    between = [work("exp", ["a"], ["b"]), work("sum", ["b"], ["x"]), work("exp", ["x"], ["c"]), work("exp", ["d"], ["e"])]
    assert [title for _, title, _ in boxes(drawn(*between))] == ["exp", "sum", "exp x 2"]
    overwrites = [work("exp", ["a"], ["b"]), work("sum", ["d"], ["e"]), work("exp", ["q"], ["d"])]
    assert [title for _, title, _ in boxes(drawn(*overwrites))] == ["exp", "sum", "exp"]
    assert [title for _, title, _ in boxes(drawn(work("exp", heading="one"), work("exp", heading="two")))] == ["exp", "exp"]


def test_a_sequence_that_comes_again_is_drawn_once():
    layers = []
    for n in range(6):
        layers += [work("mm", [f"h{n}", f"w{n}"], [f"a{n}"], "library", microseconds=2), work("relu", [f"a{n}"], [f"h{n + 1}"], microseconds=1)]
    svg = drawn(work("copy", [], ["h0"]), *layers, work("sum", ["h6"], ["l"]))
    assert boxes(svg) == [(1, "copy", ""), (2, "mm", "copy 1, relu 3, 100 B"), (3, "relu", "mm 2"), (4, "sum", "relu 3")]
    assert {"6 x", "12 us", "6 us"} <= set(texts(svg))


def test_long_names_are_cut_and_stay_on_the_page():
    long = work(" > ".join(["layer_norm_backward"] * 30), [f"m{i}" for i in range(40)], ["o"], microseconds=123456, bytes=123456789)
    svg = drawn(long, work("WWWWWWWW" * 9, ["o"], ["p"], heading="W" * 200))
    assert stays_inside(svg) and "…" in svg and boxes(svg)[0][1] == long.title


@pytest.mark.parametrize("count, text", [(0, "0 B"), (999, "999 B"), (1500, "1.5 KB"), (2_345_000, "2.35 MB"), (123e6, "123 MB"), (5e9, "5 GB"), (7e12, "7,000 GB")])
def test_byte_text(count, text):
    assert picture.byte_text(count) == text


# ---- what ran ----

@deferred
def test_a_training_step_in_a_picture(tmp_path):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(20, 30), nn.ReLU(), nn.Linear(30, 5)).to(DEVICE)
    optimizer = torch.optim.Adam(model.parameters())
    x, target = torch.randn(8, 20, device=DEVICE), torch.randint(0, 5, (8,), device=DEVICE)

    def step():
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), target)
        loss.backward()
        optimizer.step()
        return loss
    step()
    with hologram.watch(graph=str(tmp_path / "step.svg"), memory=str(tmp_path / "memory.svg")) as seen:
        step()
    svg = (tmp_path / "step.svg").read_text()
    assert svg == seen.svg() and stays_inside(svg) and seen._repr_html_() == f"<div>{svg}</div>"
    lines = boxes(svg)
    number = {title: n for n, title, _ in lines}
    reads = {title: reads for _, title, reads in lines}
    linears = [n for n, title, _ in lines if title == "linear"]
    assert len(linears) == 2 and reads["relu"] == f"linear {linears[0]}"
    assert any(f"relu {number['relu']}" in text and title.startswith("mm") for _, title, text in lines)        # the backward pass
    assert [title for title in number if title.startswith("pow > sub")] == [title for title in number if title.endswith("x 4") and "addcdiv" in title]
    if hologram_torch.get_backend() == "cpu":       # on a GPU kernels have no time, and products are other calls
        assert all(c.microseconds > 0 for c in seen.work if not (hasattr(c, "keys") and not c.keys))
        assert [c.name for c in seen.calls] == ["linear", "linear", "mm", "mm", "mm"]

    memory = (tmp_path / "memory.svg").read_text()
    assert memory == seen.memory() and stays_inside(memory)
    assert any(text.startswith("peak") for text in texts(memory)) and "there before" in texts(memory)
    assert repr(seen) == f"<Explanation: {seen._sum()}, {len(seen.calls)} library calls>" and "library call linear, " in str(seen)


@deferred
def test_the_past_has_library_calls_and_no_times(tmp_path):
    a, b = torch.rand(16, 16, device=DEVICE), torch.rand(16, 16, device=DEVICE)
    torch.cat([(a + 1) @ b, b]).sort().values.sum().item()
    seen = hologram.explain(3, graph=str(tmp_path / "past.html"))
    assert [c.name for c in seen.calls][-3:] == ["mm", "cat", "sort.stable"] and not any(c.microseconds for c in seen.work)
    html = (tmp_path / "past.html").read_text()
    assert html.startswith("<!doctype html>") and html.endswith(seen.svg()) and "Times are taken" in html
    lines = {title: (number, reads) for number, title, reads in boxes(seen.svg())}
    assert f"add {lines['add'][0]}" in lines["mm"][1].split(", ") and f"mm {lines['mm'][0]}" in lines["cat"][1].split(", ")
    assert lines["sort.stable"][1] == f"cat {lines['cat'][0]}" and lines["sum"][1] == f"sort.stable {lines['sort.stable'][0]}"


@deferred
def test_memory_that_is_reused_is_named_by_its_last_writer():
    """A block that is given back and taken again has another writer, though its address is the same."""
    a = torch.rand(1000, device=DEVICE)
    hologram.synchronize()
    with hologram.watch() as seen:
        for function in (torch.exp, torch.sin, torch.tanh):
            value = function(a)
            hologram.synchronize()
            total = value.sum()
            hologram.synchronize()
            del value, total
    assert [(title, reads.split(" ")[0]) for _, title, reads in boxes(seen.svg()) if title == "sum"] == [("sum", "exp"), ("sum", "sin"), ("sum", "tanh")]


def test_a_captured_plan_in_a_picture():
    uses = lambda *all: [(memory, kind, 0, size, written) for memory, kind, size, written in all]
    program = [("fill", 1, uses((5, "temporary", 8, True)), True),
               ("copy", 0, uses((4, "temporary", 40, True), (2, "kept", 8, False)), False),
               ("addmm", 0, uses((4, "temporary", 40, True), (0, "given", 16, False), (3, "kept", 24, False)), False),
               ("mul+sum", 2, uses((4, "temporary", 40, False), (5, "temporary", 8, False), (9, "given", 4, True)), False)]
    svg = plan_graph.svg(program, "step")
    assert boxes(svg) == [(1, "fill", ""), (2, "copy", "kept 2, 8 B"), (3, "addmm", "copy 2, given 0, 16 B, kept 3, 24 B"),
                          (4, "mul > sum x 2", "fill 1, addmm 3")]
    assert {"Captured plan of step", "4 nodes: 2 launches, 2 library calls", "runs each time"} <= set(texts(svg)) and stays_inside(svg)


@deferred
@pytest.mark.skipif(hologram_torch.get_backend() != "cpu", reason="graphs are captured on the cpu backend only")
def test_a_replay_in_a_picture():
    f = hologram.jit(lambda x: (x * 2).exp())
    x = torch.rand(100, device=DEVICE)
    for _ in range(4):
        f(x)
    with hologram.watch() as seen:
        f(x)
    assert [c.name for c in seen.calls] == ["replay of a captured plan"] and seen.calls[0].microseconds > 0


def test_watching_ends_with_its_block():
    with pytest.raises(ZeroDivisionError), hologram.watch():
        1 / 0
    torch.ones(3, device=DEVICE).sum().item()
    assert not any(item.microseconds for item in hologram.explain(1).work[-1:])


def test_nothing_happened():
    with hologram.watch() as seen:
        pass
    assert str(seen) == "nothing was recorded yet" or seen.graphs
    assert len(seen) == 0 and ElementTree.fromstring(seen.svg()) is not None
    assert texts(seen.memory()) == ["No memory of the device was given out or taken back."]


# ---- files ----

def test_files_are_what_their_names_say(tmp_path, monkeypatch):
    (torch.ones(4, device=DEVICE) * 2).sum().item()
    text = hologram.explain(1, graph=str(tmp_path / "one.dot")).dot()
    assert (tmp_path / "one.dot").read_text() == text and text.startswith("digraph") and text.count("{") == text.count("}")
    ElementTree.fromstring((hologram.explain(1, graph=str(tmp_path / "two")), (tmp_path / "two").read_text())[1])
    with pytest.raises(ValueError, match="'three.doc' is no picture. Name it .svg"):
        hologram.explain(1, graph=str(tmp_path / "three.doc"))
    monkeypatch.setitem(sys.modules, "cairosvg", None)
    with pytest.raises(ImportError, match="needs the package cairosvg .* or write 'four.svg'"):
        hologram.explain(1, graph=str(tmp_path / "four.png"))
    made = {}
    converter = types.SimpleNamespace(**{f"svg2{kind}": lambda kind=kind, **options: made.update({kind: options}) for kind in ("png", "pdf")})
    monkeypatch.setitem(sys.modules, "cairosvg", converter)
    for kind in ("png", "pdf"):
        svg = hologram.explain(1, graph=str(tmp_path / f"five.{kind}")).svg()
        assert made[kind]["bytestring"].decode() == svg and made[kind]["write_to"] == str(tmp_path / f"five.{kind}")


# ---- memory ----

def test_who_holds_the_memory_of_the_peak():
    wrote = lambda title, when, memory: types.SimpleNamespace(operands=[(memory, 1, True)], started=when, work=lambda: work(title))
    events = [(1, 7, 100, 10, 60, 99), (2, 7, 200, 20, 80, 99), (4, 7, 50, -30, 50, 99), (5, 7, 300, 40, 90, 99), (8, 7, 200, -20, 70, 99),
              (9, 7, 200, 1, 71, 99), (6, 8, 900, 1000, 5000, 5000)]
    ran = [wrote("exp", 0, 100), wrote("mul > add", 3, 100), wrote("sin", 10, 200), wrote("mm", 7, 300)]
    held = memory_picture._holders(events[:6], 3, 50, ran)
    assert held == {"there before": 20, "add": 10, "not written yet": 20, "mm": 40}
    svg = memory_picture.draw(events, ran, "footer")
    assert stays_inside(svg) and "peak 90 B, 50 B before, 71 B after, the pools hold 99 B; 4 allocations in 0.008 us" in texts(svg)


def test_a_long_time_line_is_not_longer_than_its_width():
    events = [(1000 * n, 7, n, 100 if n % 2 == 0 else -100, 100 if n % 2 == 0 else 0, 4096) for n in range(100_000)]
    events[50_000] = (50_000_000, 7, 3, 5000, 5100, 8192)
    svg = memory_picture.draw(events, [], "")
    assert len(svg) < 120_000 and "peak 5.1 KB" in texts(svg)
