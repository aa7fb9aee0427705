"""Builds and runs the C++ tests of the runtime (tests/runtime): on the library that is installed, and on builds of their own under the
address, undefined and thread sanitizers.

Objects are kept in build/cpp, so that a second run compiles nothing; ccache serves a fresh clone, where it is installed.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import hologram_core

ROOT = Path(__file__).resolve().parents[2]
COMPILER = os.environ.get("CXX", "g++")
LAUNCHER = [found] if (found := shutil.which("ccache")) else []
LIBRARY = Path(hologram_core.__file__).parent      # of the runtime, as users have it
BUILDS = {
    "installed": ["-O1"],                          # the tests alone
    "address": ["-O0", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"],       # -O0: the tests are short, the builds long
    "thread": ["-O0", "-fsanitize=thread"],
}
COMMON = ["-std=c++17", "-g1", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter"]

pytestmark = pytest.mark.skipif(shutil.which(COMPILER.split()[0]) is None, reason=f"no C++ compiler ({COMPILER})")


def tables() -> Path:
    sys.path.insert(0, str(ROOT))
    try:
        from csrc.tablegen.tables import write_tables
    finally:
        sys.path.remove(str(ROOT))
    folder = ROOT / "build" / "cpp" / "generated"
    write_tables(folder, with_torch=False)
    return folder


def fingerprint(flags) -> str:
    """Of everything the objects depend on but their own source."""
    digest = hashlib.sha256(" ".join([COMPILER, *flags]).encode())
    headers = [*(ROOT / "csrc/runtime").rglob("*.h"), *(ROOT / "tests/runtime").glob("*.h"), *(ROOT / "build/cpp/generated").glob("*.inc")]
    for path in sorted(headers):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout[-4000:]}\n{done.stderr[-8000:]}"
    return done.stdout


def build(name: str) -> Path:
    flags = [*COMMON, *BUILDS[name], f"-I{ROOT / 'csrc'}", f"-I{tables()}", f"-I{ROOT / 'tests/runtime'}"]
    folder = ROOT / "build" / "cpp" / name
    folder.mkdir(parents=True, exist_ok=True)
    base = fingerprint(flags)
    sources = sorted((ROOT / "tests/runtime").glob("*.cpp"))
    if name != "installed":
        sources += sorted((ROOT / "csrc/runtime").rglob("*.cpp"))

    def compile_one(source: Path) -> Path:
        digest = hashlib.sha256(base.encode() + source.read_bytes()).hexdigest()[:16]
        name = ".".join(source.relative_to(ROOT).with_suffix("").parts)
        target = folder / f"{name}-{digest}.o"
        if not target.exists():
            for stale in folder.glob(f"{name}-*.o"):
                stale.unlink()
            unfinished = target.with_suffix(".part")
            run(*LAUNCHER, *COMPILER.split(), "-c", *flags, source, "-o", unfinished)
            unfinished.rename(target)
        return target

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(compile_one, sources))
    binary = folder / "runtime_tests"
    library = [f"-L{LIBRARY}", "-lhologram_runtime", f"-Wl,-rpath,{LIBRARY}"] if name == "installed" else []
    run(*COMPILER.split(), *flags, *objects, *library, "-o", binary, "-lpthread", "-ldl")
    return binary


def sanitizer_missing(name: str) -> bool:
    probe = subprocess.run([*COMPILER.split(), *BUILDS[name], "-x", "c++", "-", "-o", os.devnull],
                           input="int main() {}", text=True, capture_output=True)
    return probe.returncode != 0


@pytest.mark.parametrize("name", BUILDS)
def test_runtime(name):
    if sanitizer_missing(name):
        pytest.skip(f"{COMPILER} cannot build for the {name} sanitizer here")
    output = run(build(name), timeout=600)
    assert "tests passed" in output
