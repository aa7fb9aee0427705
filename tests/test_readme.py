"""README says what is so: its switches are the program's, its Python runs."""

import re

from hologram_core import config
from tests.pages import ROOT, SWITCHES, TEXTS, blocks, run


def test_the_table_of_switches_is_up_to_date():
    text = TEXTS["README.md"]
    assert SWITCHES.updated(text, config.markdown()) == text, "run: python -m hologram_core.config --write README.md"


def test_switches_that_are_documented_exist():
    """Those of the table; one of the build, one of the tests, two that name a library for the tests of a GPU's calls and are read in C++;
    and a macro."""
    switches = set(re.findall(r"`(HOLOGRAM_\w+)`", config.markdown())) | {"HOLOGRAM_CORE_ONLY", "HOLOGRAM_TEST_LONG", "HOLOGRAM_CUDA_DRIVER",
                                                                           "HOLOGRAM_METAL_DRIVER", "HOLOGRAM_TORCH_AT_LEAST"}
    named = {switch for text in TEXTS.values() for switch in re.findall(r"HOLOGRAM_[A-Z_]+", text)}
    assert named == switches


def test_the_levels_of_the_log_are_described_by_what_the_code_logs():
    described = config.markdown()
    assert all(f"{level}: {text}" in described for level, text in enumerate(config.LOG_LEVELS, 1))
    sources = "".join(path.read_text() for path in (ROOT / "hologram_core").rglob("*.py"))
    assert {int(level) for level in re.findall(r"log\.log\((\d)", sources)} == set(range(1, len(config.LOG_LEVELS) + 1))


def test_python_in_the_readme_runs(tmp_path):
    assert len(blocks("README.md")) == 5
    run(blocks("README.md"), tmp_path)
