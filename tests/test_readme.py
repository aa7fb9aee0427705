"""The README says what is so: its table is the op tables', its switches exist, its Python runs."""

import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from hologram_core.config import Config
from hologram_core.optable import TABLE, support

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, re.M | re.S)


def test_the_support_table_is_up_to_date():
    assert support.updated(README, TABLE) == README, "run: python -m hologram_core.optable.support --write README.md"


def test_every_row_of_the_op_tables_is_in_the_support_table():
    text = support.markdown(TABLE)
    assert all(f"`{row.name}`" in text for row in TABLE)
    assert f"\n{len(TABLE)} ops." in text


def test_an_outdated_table_is_found_and_repaired(tmp_path):
    old = README.replace("| group | element types | ops |", "| old |")
    assert old != README and support.updated(old, TABLE) == README
    with pytest.raises(ValueError, match="support table"):
        support.updated("no markers", TABLE)


def test_the_conformance_table_is_of_a_whole_run():
    """Its counts are those of the databases and of the ledger; `python -m tests.conformance --write README.md` makes it."""
    from tests.conformance import ledger, report, runner

    text = README.split(report.START)[1].split(report.END)[0]
    every = [f"{d}/{n}/{t}/{c}" for d, n, t, checks in runner.tasks(runner.EVERYTHING) for c in checks]
    checks, passed, failed, crashed = (int(re.search(rf"(\d+) {word}", text)[1]) for word in ("checks", "pass", "fail", "crash"))
    # Some entries (sparse ones without samples, kernels of CUDA) do not apply to the CPU.
    assert 0.97 * len(every) < checks <= len(every), "the databases have changed: run the conformance again"
    assert (failed, crashed, passed) == (len(ledger.reasons(every, "Intel with AVX-512")), 0, checks - failed)
    assert {t for _, _, t, _ in runner.tasks(runner.EVERYTHING)} >= set(re.findall(r"^\| (\w+\d\w*|bool) ", text, re.M))
    with pytest.raises(ValueError, match="conformance table"):
        report.updated("no markers", {})


def test_every_switch_is_documented_and_every_documented_switch_exists():
    documented = set(re.findall(r"^\| `(HOLOGRAM_[A-Z_]+)", README, re.M))
    switches = {f"HOLOGRAM_{field.name.upper()}" for field in fields(Config)} | {"HOLOGRAM_AUTOLOAD"}
    assert documented == switches


def test_files_and_make_targets_named_in_the_readme_exist():
    paths = set(re.findall(r"`((?:csrc|hologram_core|hologram_torch|tests|benchmarks|examples)/[\w/.]*)`", README))
    assert len(paths) > 10
    missing = [path for path in paths if not (ROOT / path).exists()]
    assert not missing
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"`?make (\w+)`?", README)):
        assert re.search(rf"^{target}:", makefile, re.M), target


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_python_in_the_readme_runs(number):
    if "Elementwise(" in BLOCKS[number] or "Reduction(" in BLOCKS[number] or "RowKernel(" in BLOCKS[number]:
        compile(BLOCKS[number], "README.md", "exec")      # a row to be put into a table, not a program
        return
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    code = "import torch, hologram_torch\n" + BLOCKS[number]
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
