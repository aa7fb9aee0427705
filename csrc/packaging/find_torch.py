"""Finds the torch that the device is to be built for: that of the environment in which the package will be installed.

A frontend that isolates builds runs the backend where that torch cannot be imported, and tells it nothing about the environment
meant. pip runs the backend by the interpreter of that environment, with another path; `python -m build` and uv run it by an
interpreter of a new environment, so that what started them is asked. The torch that is found is used where it lies: nothing is
downloaded, and it is the very release that the device will run with.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from hologram_core import versions

ROOT = Path(__file__).resolve().parents[2]

# An interpreter's own view of its environment. -E: without the path that a frontend gives to backends.
PROBE = """
import importlib.util, json, sys
sys.path.pop(0)
found = importlib.util.find_spec("torch")
print(json.dumps([sys.implementation.cache_tag, sys.path if found and found.origin else []]))
"""


def core_only() -> bool:
    """Is the package to be built without the device, on purpose?"""
    return os.environ.get("HOLOGRAM_CORE_ONLY") == "1"


def tested_release() -> str:
    """'2.13': the release of torch that requirements.txt pins, which serves where no torch is installed."""
    return release(re.search(r"^torch==(\S+)", (ROOT / "requirements.txt").read_text(), re.M)[1])


def oldest_release() -> str:
    """The oldest release of torch that the device is made for, a literal of hologram_torch: that cannot be imported without torch."""
    return ".".join(re.search(r"^OLDEST_TORCH = \((\d+), (\d+)\)", (ROOT / "hologram_torch/__init__.py").read_text(), re.M).groups())


def release(version: str) -> str:
    """'2.13' of '2.13.0+cpu'."""
    return ".".join(map(str, versions.release(version)))


def requirement(*releases: str) -> str:
    """What a package built for these releases of torch, oldest first, requires: each of them, and none between or beyond."""
    if len(releases) == 1:
        return f"torch=={releases[0]}.*"
    numbers = [versions.release(found) for found in releases]
    (major, oldest), (last_major, newest) = numbers[0], numbers[-1]
    if major != last_major:
        raise ValueError(f"hologram: one package cannot be for torch {major} and {last_major} ({', '.join(releases)}). "
                         "Join those of one major version.")
    gaps = [f",!={major}.{minor}.*" for minor in range(oldest, newest) if (major, minor) not in numbers]
    return f"torch>={major}.{oldest},<{major}.{newest + 1}{''.join(gaps)}"


def make_importable() -> bool:
    """Lets `import torch` find the torch to build for. Gives False when there is none."""
    found = importlib.util.find_spec("torch")
    if found and found.origin:
        return True
    for python in interpreters():
        paths = site_of(python)
        if paths:
            sys.path += [path for path in paths if path not in sys.path]
            importlib.invalidate_caches()
            return True
    return False


def site_of(python: Path) -> list[str]:
    """Where the interpreter looks for modules; empty when it has no torch, or is of another version than this one."""
    try:
        answer = subprocess.run([python, "-E", "-c", PROBE], capture_output=True, text=True, timeout=60)
        tag, paths = json.loads(answer.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return []
    return paths if tag == sys.implementation.cache_tag else []


def interpreters() -> Iterator[Path]:
    """Interpreters of the environments that may be meant, the likeliest first."""
    yield Path(sys.executable)
    import setuptools

    if Path(sys.prefix) not in Path(setuptools.__file__).parents:
        return      # pip: the build's packages lie elsewhere, and this interpreter is the environment's
    yield from of_process(Path("/proc") / str(os.getppid()))
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        if os.environ.get(variable):
            yield Path(os.environ[variable], "bin/python")


def of_process(process: Path) -> Iterator[Path]:
    """Interpreters that a running frontend names: in its arguments, as its own, in its environment, in its folder (uv).

    `process` is its folder in /proc, which Linux has; without it there are none.
    """
    try:
        words, environment = ((process / file).read_bytes().decode(errors="surrogateescape").split("\0") for file in ("cmdline", "environ"))
        folder = (process / "cwd").resolve(strict=True)
    except OSError:
        return
    own, *arguments = words
    for named in (folder / argument.rpartition("=")[2] for argument in arguments if argument):
        if (named / "bin/python").exists():
            yield named / "bin/python"
        elif named.name.startswith("python") and named.parent.name == "bin" and named.exists():
            yield named
    if Path(own).name.startswith("python"):
        yield folder / own
    for variable in ("VIRTUAL_ENV=", "CONDA_PREFIX="):
        yield from (Path(entry.removeprefix(variable), "bin/python") for entry in environment if entry.startswith(variable))
    yield folder / ".venv/bin/python"
