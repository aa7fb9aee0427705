"""Builds three libraries:

  hologram_core/libhologram_runtime   the runtime: no Python, no torch; the one copy both modules below share
  hologram_core/_runtime              its Python binding
  hologram_torch/_C                   the PyTorch extension, in a file named after the release of torch it is built for: _C_2_13...so

  hologram_core/kernels-*     kernels of common programs, compiled (csrc/packaging/kernel_pack.py); HOLOGRAM_PACK=0 leaves them out

The op tables in hologram_core/optable generate build/generated/*.inc (csrc/tablegen). With HOLOGRAM_DEV=1 the libraries have debug
information, and compile_commands.json says how each file is compiled. With HOLOGRAM_CORE_ONLY=1 the extension is left out.

`pip` comes by csrc/packaging/backend.py, which sees to it that torch can be imported here.
"""

import json
import os
import subprocess
import sys
import sysconfig
from glob import glob
from pathlib import Path

ROOT = Path(__file__).resolve().parent
os.chdir(ROOT)
sys.path.insert(0, str(ROOT))
# The environment's own ninja serves the build even when the environment is not activated.
os.environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")])
os.environ["TORCH_DEVICE_BACKEND_AUTOLOAD"] = "0"     # not the device of the checkout, whose libraries this replaces

from csrc.packaging import backend, find_torch  # noqa: E402

backend.check_requirements()
import pybind11  # noqa: E402
from setuptools import Distribution, Extension, setup  # noqa: E402

TORCH = None
if not find_torch.core_only() and find_torch.make_importable():
    import torch
    from torch.utils.cpp_extension import BuildExtension, CppExtension

    TORCH = backend.check_torch(torch.__version__)
else:
    from setuptools.command.build_ext import build_ext as BuildExtension

from csrc.packaging import kernel_pack, precompiled_header  # noqa: E402
from csrc.tablegen.tables import write_tables  # noqa: E402  (after the torch probe: it reads torch's schemas)
from hologram_core.versions import release  # noqa: E402

GENERATED = Path("build/generated")
MACOS = sys.platform == "darwin"
LIB = "libhologram_runtime" + (".dylib" if MACOS else ".so")
DEV = os.environ.get("HOLOGRAM_DEV") == "1"   # quick builds with debug information (make dev)
SANITIZE = os.environ.get("HOLOGRAM_SANITIZE")   # the compiler's sanitizers, for example address,undefined (make test-sanitize)
# torch keeps the type information of its classes to itself, which the check of virtual tables needs.
SANITIZED = [f"-fsanitize={SANITIZE}", "-fno-sanitize=vptr", "-fno-omit-frame-pointer", "-g1"] if SANITIZE else []
DEBUG = ["-g", "-fno-omit-frame-pointer"] if DEV else [] if SANITIZE else ["-g0"]
FLAGS = ["-O1" if DEV or SANITIZE else "-O2", *SANITIZED, *DEBUG, "-fvisibility=hidden", "-Wall", "-Wextra", "-Wno-unused-parameter"]
STD = [] if TORCH else ["-std=c++17"]
TORCH_STD = ["-std=c++20"] if TORCH and release(TORCH) < (2, 13) else []      # newer ones ask for it themselves


def rpath(*relative):
    origin = "@loader_path" if MACOS else "$ORIGIN"
    return [f"-Wl,-rpath,{origin}/{r}" if r else f"-Wl,-rpath,{origin}" for r in relative]


def sources(*patterns):
    return sorted(s for p in patterns for s in glob(p, recursive=True))


class Build(BuildExtension):
    """Gives the runtime a plain library name, and lets the modules after it link against it.

    Whatever installs the package, the libraries also land in the checkout: Python looks for packages in the current
    folder first, so that a checkout without them would hide the installed package from anyone who works in it.
    """

    def finalize_options(self):
        super().finalize_options()
        # One place for objects whoever starts the build (pip uses a new one each time), and ninja alone decides what
        # is up to date: it knows about headers and flags. Builds for development, or for another torch, do not undo the others' work.
        kind = ["dev" if DEV else "temp", sysconfig.get_platform(), sys.implementation.cache_tag, f"torch{TORCH}" if TORCH else "core"]
        self.build_temp = os.path.join("build", "-".join(kind))
        self.compile_commands = []
        self.force = TORCH is not None

    def get_ext_filename(self, name):
        folder, file = os.path.split(super().get_ext_filename(name))   # with or without its package, as the caller asked
        if name.endswith("libhologram_runtime"):
            file = LIB
        elif name.endswith("_C"):
            file = file.replace("_C", "_C_" + TORCH.replace(".", "_"), 1)
        return os.path.join(folder, file)

    def build_extension(self, ext):
        ext.extra_link_args = [*ext.extra_link_args, *(SANITIZED if SANITIZE else [])]
        if not ext.name.endswith("libhologram_runtime"):
            folder = os.path.dirname(os.path.abspath(self.get_ext_fullpath("hologram_core.libhologram_runtime")))
            ext.extra_link_args = [f"-L{folder}", "-lhologram_runtime", *ext.extra_link_args]
        if ext.name.endswith("_C"):
            precompiled_header.add(self, ext, torch)
        super().build_extension(ext)
        if DEV and TORCH:
            self.note_compile_commands()

    def note_compile_commands(self):
        """What the extension that was just built is compiled with: torch's build has one ninja file, that of the last one."""
        commands = subprocess.run(["ninja", "-C", self.build_temp, "-t", "compdb", "compile"], capture_output=True, text=True, check=True)
        for command in json.loads(commands.stdout):
            self.compile_commands.append({**command, "command": precompiled_header.without(command["command"].removeprefix("ccache "))})

    def run(self):
        if not TORCH and not find_torch.core_only():
            backend.stop_without_torch()
        write_tables(GENERATED, with_torch=bool(TORCH))
        super().run()
        self.copy_extensions_to_source()
        if os.environ.get("HOLOGRAM_PACK", "0" if DEV or SANITIZE or self.inplace else "1") != "0":
            self.add_kernels()
        if self.compile_commands:
            Path("compile_commands.json").write_text(json.dumps(self.compile_commands, indent=1))

    def add_kernels(self):
        """Beside the libraries, in the checkout too."""
        made = kernel_pack.build(ROOT / "hologram_core")
        if not self.inplace:
            for library in made:
                self.copy_file(str(library), os.path.join(self.build_lib, "hologram_core", library.name))


# Nobody replaces the runtime's functions, and its few thread-local words fit into the room every thread has: direct calls
# and accesses, though it is a shared library.
DIRECT = [] if MACOS else ["-fno-semantic-interposition", "-ftls-model=initial-exec"]
# The same of the extension: thousands of names need not be looked up in all of torch's libraries when it is loaded.
OWN_FUNCTIONS = [] if MACOS else ["-Wl,-Bsymbolic-functions"]
include = [str(ROOT / "csrc"), str(ROOT / GENERATED)]
named = ["-Wl,-install_name,@rpath/" + LIB] if MACOS else ["-Wl,-soname," + LIB, *OWN_FUNCTIONS]
runtime_link = ["-ldl", "-lpthread", *named]
extensions = [
    Extension("hologram_core.libhologram_runtime", sources("csrc/runtime/**/*.cpp"), include_dirs=include,
              language="c++", extra_compile_args=[*FLAGS, *STD, "-fvisibility=default", *DIRECT], extra_link_args=runtime_link),
    Extension("hologram_core._runtime", sources("csrc/bindings/*.cpp"), include_dirs=[*include, pybind11.get_include()],
              language="c++", extra_compile_args=[*FLAGS, *STD], extra_link_args=rpath("")),
]
if TORCH:
    extensions.append(
        CppExtension("hologram_torch._C", sources("csrc/torch/**/*.cpp"), include_dirs=include,
                     extra_compile_args=[*FLAGS, *TORCH_STD, "-DAT_PER_OPERATOR_HEADERS"],
                     extra_link_args=[*rpath("../hologram_core"), *OWN_FUNCTIONS]))


class Package(Distribution):
    """Without the device nothing is announced to torch."""

    def parse_config_files(self, *args, **kwargs):
        super().parse_config_files(*args, **kwargs)
        if find_torch.core_only():
            del self.entry_points["torch.backends"]


setup(ext_modules=extensions, cmdclass={"build_ext": Build}, distclass=Package,
      install_requires=["numpy", "llvmlite>=0.45", *([find_torch.requirement(TORCH)] if TORCH else [])])
