"""Programs in the other modes of execution: nothing recorded, everything run at once, guarded memory; training runs and row kernels
in guarded memory.

`make test-modes` runs the whole suite in the first two. The two examples that train for long, with models and optimizers like
those of the tests beside them, run in the other modes only there.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ["programs/test_programs.py", "programs/test_programs_nn.py"]
MODULES = {"HOLOGRAM_FUSION=0": PROGRAMS, "HOLOGRAM_SYNC=1": PROGRAMS,
           "HOLOGRAM_GUARD=1": [*PROGRAMS, "programs/test_training.py", "aten/test_rowwise.py"]}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """{switch: (process, its output)}: all of them at once, so that no core idles."""
    folder = tmp_path_factory.mktemp("modes")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "not example_learns"]
    started = {}
    for switch, modules in MODULES.items():
        name, value = switch.split("=")
        output = folder / name
        with output.open("w") as file:
            started[switch] = subprocess.Popen([*command, *(f"tests/{m}" for m in modules)], cwd=ROOT, env={**os.environ, name: value}, stdout=file,
                                               stderr=subprocess.STDOUT), output
    yield started
    for process, _ in started.values():
        process.kill()


@pytest.mark.parametrize("switch", MODULES)
def test_mode(switch, runs):
    process, output = runs[switch]
    assert process.wait() == 0, output.read_text()[-6000:]
