"""Loads the C++ extension that was built for the torch that runs.

Each release of torch (2.13, 2.14 ...) has a file of its own in this folder, _C_2_13.cpython-311-x86_64-linux-gnu.so, and a package may
hold several. torch's classes change between releases, so a neighbour's file is never tried: if it loaded at all, it would call the
wrong functions. All of them are files of the module `hologram_torch._C`.
"""

from __future__ import annotations

import sys
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).parent


def release(version: str) -> tuple[int, int]:
    """(2, 13) of '2.13.0+cpu'. The core is loaded late: torch must load where it is absent."""
    from hologram_core import versions

    return versions.release(version)


def file(major: int, minor: int) -> Path | None:
    """The extension for a release of torch that this Python can load."""
    found = (FOLDER / f"_C_{major}_{minor}{suffix}" for suffix in EXTENSION_SUFFIXES)
    return next((path for path in found if path.exists()), None)


def built_for() -> list[tuple[int, int]]:
    """The releases of torch that the package was built for, for this Python, oldest first."""
    releases = {release(path.name.removeprefix("_C_").replace("_", ".")) for path in FOLDER.glob("_C_*_*.*")}
    return sorted(found for found in releases if file(*found))


def obstacle(version: str) -> str:
    """Why there is no extension for torch `version`, and what to run; empty when there is one."""
    if file(*release(version)):
        return ""
    from hologram_core import installed

    ours = ".".join(map(str, release(version)))
    here = [f"{major}.{minor}" for major, minor in built_for()]
    if here:
        return (f"it was built for torch {', '.join(here)}, and torch {version} is installed. Run `{installed.rebuild()}`, "
                f"which builds it for torch {ours}, or `pip install 'torch=={here[-1]}.*'`")
    others = ", ".join(sorted(path.name for path in FOLDER.glob("_C_*"))) or "none"
    return (f"{FOLDER} has no extension for torch {ours} and Python {sys.version_info[0]}.{sys.version_info[1]} (those it has: {others}). "
            f"Run `{installed.rebuild()}`, which builds it")


def load(version: str) -> ModuleType:
    """Imports the extension for torch `version` as `hologram_torch._C`."""
    name, path = f"{__package__}._C", file(*release(version))
    spec = spec_from_file_location(name, path)
    assert path and spec and spec.loader
    from hologram_core import shared_library

    try:
        shared_library.check_whole(path)
        sys.modules[name] = module = module_from_spec(spec)
    except ImportError as error:
        from hologram_core import installed

        raise ImportError(f"hologram: {path} does not load ({error}). Run `{installed.rebuild()}`.") from error
    spec.loader.exec_module(module)
    return module
