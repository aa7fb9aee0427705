"""Programs, models and training runs in the other modes of execution: nothing recorded, everything run at once, guarded memory.

`make test-modes` runs the whole suite in each of them.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = ["test_programs.py", "test_programs_nn.py", "test_training.py", "test_rowwise.py"]


@pytest.mark.parametrize("switch", ["HOLOGRAM_FUSION=0", "HOLOGRAM_SYNC=1", "HOLOGRAM_GUARD=1"])
def test_mode(switch):
    name, value = switch.split("=")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(f"tests/torch/{m}" for m in MODULES)]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, name: value}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
