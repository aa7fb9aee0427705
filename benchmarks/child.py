"""Fresh processes: for what a process can only show once (its peak memory, its first compilations)."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run(command, **environment):
    """The output of a command started in the project's root with `environment` added to ours."""
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    result = subprocess.run([sys.executable, *command], cwd=ROOT, env={**os.environ, "PYTHONPATH": paths,
                                                                       **environment}, capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(command)[:200]} ended with status {result.returncode}:\n{result.stderr[-2000:]}")
    return result.stdout


def run_json(code, *arguments, **environment):
    """What a program prints last, as JSON."""
    return json.loads(run(["-c", code, *arguments], **environment).splitlines()[-1])
