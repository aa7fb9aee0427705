"""The documentation says what is so: generated parts are up to date, what is named exists, Python runs (README: test_readme.py)."""

import re
import sys

import pytest

from benchmarks import circuits, ops, steps
from benchmarks import page as measurements
from hologram_core import config
from hologram_core.optable import TABLE, support
from tests.modes import written_down
from tests.pages import ROOT, SWITCHES, TEXTS, blocks, run

# ---- generated parts ----

def test_the_table_of_ops_is_up_to_date():
    text = TEXTS["docs/ops.md"]
    assert support.PART.updated(text, support.markdown(TABLE)) == text, "run: python -m hologram_core.optable.support --write docs/ops.md"


def test_every_row_of_the_op_tables_is_in_the_table_of_ops():
    text = support.markdown(TABLE)
    assert all(f"`{row.name}`" in text for row in TABLE)
    assert f"\n{len(TABLE)} ops." in text


@pytest.mark.parametrize("part, text, body", [(support.PART, TEXTS["docs/ops.md"], lambda: support.markdown(TABLE)),
                                              (SWITCHES, TEXTS["README.md"], config.markdown)])
def test_an_outdated_part_is_found_and_repaired(part, text, body, tmp_path, monkeypatch, capsys):
    path = tmp_path / "page.md"
    path.write_text(part.updated(text, "old"))

    def main(*args):
        monkeypatch.setattr(sys, "argv", ["x", *args])
        return part.main(body())

    assert main("--check", str(path)) == 1 and f"--write {path}" in capsys.readouterr().err
    assert main("--write", str(path)) == 0 and path.read_text() == text
    assert main("--check", str(path)) == 0 and main() == 0 and capsys.readouterr().out == body() + "\n"
    for bad in ("no markers", f"{part.end}\n{part.start}", f"{part.start}{part.start}{part.end}"):
        with pytest.raises(ValueError, match=part.name):
            part.updated(bad, "")


@written_down
def test_the_conformance_table_is_of_a_whole_run():
    """Its counts are those of the databases and of the ledger; `python -m tests.conformance --write docs/conformance.md` makes it."""
    from tests.conformance import ledger, report, runner

    _, text, _ = report.PART.split(TEXTS["docs/conformance.md"])
    every = [f"{d}/{n}/{t}/{c}" for d, n, t, checks in runner.tasks(runner.EVERYTHING) for c in checks]
    checks, passed, failed, crashed = (int(re.search(rf"(\d+) {word}", text)[1]) for word in ("checks", "pass", "fail", "crash"))
    # Some entries (sparse ones without samples, kernels of CUDA) do not apply to the CPU.
    assert 0.97 * len(every) < checks <= len(every), "the databases have changed: run the conformance again"
    assert (failed, crashed, passed) == (len(ledger.reasons(every, "Intel with AVX-512")), 0, checks - failed)
    assert {t for _, _, t, _ in runner.tasks(runner.EVERYTHING)} >= set(re.findall(r"^\| (\w+\d\w*|bool) ", text, re.M))


def a_run(ratio=1.25):
    """What benchmarks.run has measured, with made-up times."""
    both = [{"threads": n, "ratio": ratio * n, "opponent": "eager", "recorded": 38, "launched": 8, "compiled": 0} for n in (1, 2)]
    return {"machine": "a machine", "torch": "2.13.0", "time": "2026-01-02T03:04:05+00:00",
            "ops": [{**row, "case": case.name} for row in both for case in ops.CASES],
            "circuits": [{**row, "case": case.name, "opponent": opponent} for row in both for case in circuits.CASES
                         for opponent in ("eager", "inductor")],
            "steps": [{**row, "case": name} for row in both for name in steps.MODELS]}


def test_the_page_of_measurements_has_the_form_and_the_cases_of_a_run():
    """Its numbers are a run's: all but those are what the benchmarks would write."""
    def form(body):
        return [re.sub(r"\d+\.\d+x|\d+ -> \d+", "#", line) for line in body.splitlines() if line.startswith("|")]

    _, body, _ = measurements.PART.split(TEXTS["docs/performance.md"])
    assert form(body) == form(measurements.measured(a_run()))


def test_measurements_are_written_as_they_are():
    text = measurements.measured(a_run())
    assert "a machine, torch 2.13.0, 2026-01-02." in text
    assert "| a + b, 16 | 1.25x | 2.50x |" in text and "| 1.25x | 2.50x | 38 -> 8 |" in text
    assert "Against Inductor, 2 threads: 2.5x (chain of 7 ops, 10 K), " in text and "third step: none." in text
    part = {**a_run(), "circuits": []}
    del part["steps"]
    part["ops"] = [row for row in part["ops"] if row["threads"] == 1 or row["case"] == "a + b, 16"]
    assert "| relu(a), 16 | 1.25x | - |" in measurements.measured(part) and "Inductor" not in measurements.measured(part)


# ---- what is named ----

def test_files_modules_and_make_targets_that_are_named_exist():
    everything = "\n".join(TEXTS.values())
    paths = set(re.findall(r"`((?:csrc|hologram_core|hologram_torch|tests|benchmarks|examples|docs)/[\w/.]*)`", everything))
    paths |= set(re.findall(r"`([\w.-]+\.(?:py|md|txt|toml))`", everything)) - {"report.md"}       # the last is a result
    assert len(paths) > 40
    assert not [path for path in paths if "NAME" not in path and not (ROOT / path).exists()]
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"`?\bmake ([a-z-]+)`", everything)) | set(re.findall(r"^make ([a-z-]+)", everything, re.M))
    assert len(targets) > 8
    assert not [target for target in targets if not re.search(rf"^{target}:", makefile, re.M)]
    modules = set(re.findall(r"python -m ((?:hologram_core|benchmarks|tests)[\w.]*)", everything))
    assert not [m for m in modules if not any((ROOT / f"{m.replace('.', '/')}{end}").exists() for end in (".py", "/__main__.py"))]
    from hologram.cli import HELP

    commands = set(re.findall(r"^hologram ([a-z]+) +#", everything, re.M)) | set(re.findall(r"`hologram ([a-z]+)", everything))
    assert commands == set(HELP)


@pytest.mark.parametrize("page", TEXTS)
def test_links_lead_to_files(page):
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", TEXTS[page]):
        assert target.startswith("https://") or ((ROOT / page).parent / target).exists(), target


def test_every_page_is_in_the_navigation_and_includes_what_exists():
    navigation = (ROOT / "mkdocs.yml").read_text().split("nav:")[1]
    assert sorted(re.findall(r"[\w/]+\.md", navigation)) == sorted(str(p.relative_to(ROOT / "docs")) for p in (ROOT / "docs").rglob("*.md"))
    for text in TEXTS.values():
        for name, section in re.findall(r'^--8<-- "([\w.]+)(?::(\w+))?"', text, re.M):
            assert not section or all(f"[{end}:{section}]" in TEXTS[name] for end in ("start", "end")), (name, section)
            assert (ROOT / name).exists()


def test_the_files_that_know_backends_by_name_are_counted():
    """What the guide for a new backend says has to be touched: every file that names Metal in code and is not Metal's own."""
    named = re.compile(r"""["']metal['"]|\bX\(metal\)|\bmetal::|_metal_|import metal\b""")
    files = {str(path.relative_to(ROOT)) for top in ("csrc", "hologram_core", "hologram_torch") for path in (ROOT / top).rglob("*")
             if path.suffix in (".py", ".h", ".cpp") and not re.search("metal|msl|mps", str(path.relative_to(ROOT)))
             and named.search(re.sub(r"(//|#).*", "", path.read_text()))}
    text = TEXTS["docs/contributing/backend.md"]
    table = re.search(r"there are (\d+) today:\n\n(.*?)\n\n", text, re.S)
    listed = {name for line in table[2].splitlines() for name in re.findall(r"`([\w/.]+)`", line.split("|")[1])}
    assert listed == files and int(table[1]) == len(files)


# ---- Python ----


def test_python_in_the_other_pages_runs(tmp_path):
    found = [block for page in TEXTS if page != "README.md" for block in blocks(page)]
    assert len(found) >= 5
    run(found, tmp_path)


def test_rows_in_the_recipes_are_rows_that_the_tables_take():
    from hologram_core.optable.table import OpTable

    table = OpTable()
    for page in ("op", "reduction", "row_kernel"):
        (_, _, code), = blocks(f"docs/contributing/{page}.md")
        names = {}
        exec(code, names)
        table.add([names["row"]])
    assert [row.name for row in table] == ["softsquare", "sum_of_squares", "scale_by_largest"]
