"""A precompiled header of what every file of the extension includes of torch. g++ needs half as long for such a file then.

It lies beside the objects, under a name that follows from everything it depends on: a changed compiler, flag or torch makes a new
one. Where g++ cannot use it, it reads the same headers as ever. Other compilers do without: clang stops at one that is outdated.
"""

import hashlib
import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path

HEADERS = "#include <ATen/core/Tensor.h>\n#include <torch/library.h>\n"
FLAGS = ["-fpch-preprocess", "-Winvalid-pch"]           # the first is for ccache; the second tells when the header does not serve


def _command(build, ext) -> tuple[list[str], str]:
    """How torch's build compiles a file of `ext`, without the names of files, and the folder where it does. Asked with an empty file."""
    source = Path(build.build_temp, "empty.cpp")
    source.parent.mkdir(parents=True, exist_ok=True)
    source.touch()
    build.compiler.compile([str(source)], output_dir=build.build_temp, include_dirs=ext.include_dirs,
                           extra_postargs=list(ext.extra_compile_args))
    told = subprocess.run(["ninja", "-C", build.build_temp, "-t", "compdb", "compile"], capture_output=True, text=True, check=True)
    entry, = json.loads(told.stdout)
    command = shlex.split(entry["command"])
    for flag in ("-MF", "-o"):
        at = command.index(flag)
        del command[at:at + 2]
    return [word for word in command if word not in ("-MMD", "-c", entry["file"])], entry["directory"]


def add(build, ext, torch) -> None:
    """Makes the header, unless it is there, and has the files of `ext`, an extension that `build` builds, begin with it."""
    compiler = os.environ.get("CXX", "c++")
    version = subprocess.run([*shlex.split(compiler), "--version"], capture_output=True, text=True).stdout
    if "Free Software Foundation" not in version or not shutil.which("ninja"):
        return
    # ccache has to be told that the header's sum, the same in all clones, stands for it.
    os.environ.setdefault("CCACHE_SLOPPINESS", "pch_defines,time_macros")
    os.environ.setdefault("CCACHE_PCH_EXTSUM", "1")
    command, folder = _command(build, ext)
    depends = [version, torch.__version__, HEADERS, *(word.replace(os.getcwd(), "") for word in command)]
    digest = hashlib.sha256("\0".join(depends).encode()).hexdigest()[:16]
    header = Path(build.build_temp, f"torch-{digest}.h").absolute()
    made = Path(f"{header}.gch")
    if not made.exists():
        for old in header.parent.glob("torch-*.h*"):      # a quarter of a GB each
            old.unlink()
        header.write_text(HEADERS)
        Path(f"{made}.sum").write_text(digest)
        unfinished = header.with_suffix(".part")
        subprocess.run([*command, *FLAGS[:1], "-w", "-x", "c++-header", "-c", str(header), "-o", str(unfinished)], cwd=folder, check=True)
        unfinished.rename(made)
    ext.extra_compile_args = [*ext.extra_compile_args, "-include", str(header), *FLAGS]


def without(command: str) -> str:
    """The command of a compilation without the header, as editors need it, which have other compilers inside."""
    words = shlex.split(command)
    if "-include" in words:
        at = words.index("-include")
        del words[at:at + 2]
    return shlex.join(word for word in words if word not in FLAGS)
