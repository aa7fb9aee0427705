"""The build backend (PEP 517, PEP 660): setuptools', with the torch to build for in reach.

What cannot be built ends at once, in a sentence with the command to run. setuptools is imported late, because an old or absent one
is among the causes.
"""

from __future__ import annotations

import ast
import importlib.metadata
import re
import sys

from csrc.packaging import find_torch
from csrc.packaging.find_torch import ROOT
from hologram_core.versions import numbers


def get_requires_for_build_sdist(config_settings=None):
    return []


def get_requires_for_build_wheel(config_settings=None):
    """Nothing where there is a torch to build for; otherwise the release that is tested, which the package will then require."""
    check_requirements()
    found = find_torch.core_only() or find_torch.make_importable()
    return [] if found else [find_torch.requirement(find_torch.tested_release())]


get_requires_for_build_editable = get_requires_for_build_wheel


def build_sdist(sdist_directory, config_settings=None):
    check_requirements()
    return setuptools().build_sdist(sdist_directory, config_settings)


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    return ready().prepare_metadata_for_build_wheel(metadata_directory, config_settings)


def prepare_metadata_for_build_editable(metadata_directory, config_settings=None):
    return ready().prepare_metadata_for_build_editable(metadata_directory, config_settings)


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    return ready().build_wheel(wheel_directory, config_settings, metadata_directory)


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    return ready().build_editable(wheel_directory, config_settings, metadata_directory)


def setuptools():
    from setuptools import build_meta

    return build_meta


def ready():
    """setuptools' backend, once everything is there that setup.py needs."""
    check_requirements()
    if not find_torch.core_only() and not find_torch.make_importable():
        stop_without_torch()
    return setuptools()


def stop_without_torch():
    torch = find_torch.requirement(find_torch.tested_release())
    stop(f"hologram: there is no torch in {sys.prefix} to build the device for. Run: pip install '{torch}', then the same command again; "
         "or leave --no-build-isolation out, and a torch is brought along. HOLOGRAM_CORE_ONLY=1 builds hologram_core alone, "
         "without the device.")


def check_torch(version: str) -> str:
    """The release of the torch to build for; one that is too old ends the build."""
    found, oldest = find_torch.release(version), find_torch.oldest_release()
    if numbers(found) < numbers(oldest):
        stop(f"hologram: torch {version} is older than {oldest}, the oldest release it is made for. "
             f"Run: pip install '{find_torch.requirement(find_torch.tested_release())}', then the same command again.")
    return found


def check_requirements() -> None:
    """Stops when a build requirement is missing or too old: without isolation nothing else checks that."""
    wrong = []
    for requirement in build_requirements():
        name, _, oldest = requirement.partition(">=")
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{name} is not installed")
            continue
        if oldest and numbers(version) < numbers(oldest):
            wrong.append(f"{name} is {version}, {oldest} or newer is needed")
    if wrong:
        stop(f"hologram: {sys.prefix} cannot build it: {'; '.join(wrong)}. "
             f"Run: pip install {' '.join(map(repr, build_requirements()))}, then the same command again; "
             "or leave --no-build-isolation out.")


def build_requirements() -> list[str]:
    """`requires` of pyproject.toml, an array that reads the same in Python; tomllib is not there before Python 3.11."""
    return ast.literal_eval(re.search(r"^requires = (\[.*?\])", (ROOT / "pyproject.toml").read_text(), re.M | re.S)[1])


def stop(sentence: str):
    """Ends the build with one line: an exception would bury it in a traceback."""
    raise SystemExit(sentence)
