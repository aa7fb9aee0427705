"""Joins wheels that were built for one release of torch each: the wheel that comes out holds the extension for each of them.

    python -m csrc.packaging.join_wheels FOLDER WHEEL WHEEL ...

Wheels of one name (one version, Python and platform) become one in FOLDER. But for the extension and what they require, they must
be the same to the byte. Needs the package `wheel`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from csrc.packaging.find_torch import requirement
from hologram_core.versions import numbers

EXTENSION = re.compile(r"hologram_torch/_C_(\d+)_(\d+)\.")
REQUIRES = re.compile(r"^Requires-Dist: torch\b.*$", re.M)


def join(folder: Path, wheels: list[Path]) -> None:
    """Joins wheels of one name into one in `folder`."""
    with tempfile.TemporaryDirectory() as temporary:
        trees = [unpack(wheel, Path(temporary, str(number))) for number, wheel in enumerate(wheels)]
        first, *others = trees
        whole = contents(first)
        releases = releases_in(whole, wheels[0])
        for tree, wheel in zip(others, wheels[1:]):
            more = contents(tree)
            added = releases_in(more, wheel)
            if set(added) & set(releases):
                raise SystemExit(f"{wheel}: another wheel is for torch {', '.join(added)} too. Give one wheel for each release of torch.")
            common = {name for name in whole.keys() | more.keys() if not EXTENSION.match(name)}
            differ = sorted(name for name in common if whole.get(name) != more.get(name))
            if differ:
                raise SystemExit(f"{wheel}: {', '.join(differ)} differs from {wheels[0]}. "
                                 "Build all of them from one checkout with one compiler.")
            releases += added
            for name in filter(EXTENSION.match, more):
                shutil.copy2(tree / name, first / name)
        releases.sort(key=numbers)
        metadata = next(first.glob("*.dist-info/METADATA"))
        metadata.write_text(REQUIRES.sub(f"Requires-Dist: {requirement(*releases)}", metadata.read_text()))
        run("pack", first, "--dest-dir", folder)


def contents(tree: Path) -> dict[str, bytes]:
    """The files of an unpacked wheel, without what follows from them, and without the torch that it requires."""
    files = {path.relative_to(tree).as_posix(): path.read_bytes() for path in tree.rglob("*") if path.is_file() and path.name != "RECORD"}
    return {name: REQUIRES.sub("", data.decode()).encode() if name.endswith("/METADATA") else data for name, data in files.items()}


def releases_in(files: dict[str, bytes], wheel: Path) -> list[str]:
    found = [f"{match[1]}.{match[2]}" for match in map(EXTENSION.match, files) if match]
    if not found:
        raise SystemExit(f"{wheel}: it was built without the device. Build it where torch is installed.")
    return found


def unpack(wheel: Path, folder: Path) -> Path:
    run("unpack", wheel, "--dest", folder)
    return next(folder.iterdir())


def run(*arguments) -> None:
    subprocess.run([sys.executable, "-m", "wheel", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def main(folder: str, *wheels: str) -> None:
    groups = defaultdict(list)
    for wheel in map(Path, wheels):
        groups[wheel.name].append(wheel)
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, group in groups.items():
        join(Path(folder), group)
        print(f"{name}: {len(group)} joined")


if __name__ == "__main__":
    main(*sys.argv[1:])
