"""Fake GPU drivers: building one, and asking the one of this process what happened."""

import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

_HEADERS = sorted(Path(__file__).parent.glob("*.h"))


def build(name: str, source: Path, *flags) -> str:
    """Path of the library; built once per version of its sources."""
    sources = [source, *sorted(source.parent.glob("*.h")), *_HEADERS]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources) + repr(flags).encode()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"hologram-fake-{name}-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    library = folder / f"libfake{name}-{digest}.so"
    if not library.exists():
        compiler = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++") or "c++"
        made = folder / f".{library.name}.{os.getpid()}"
        subprocess.run([compiler, "-std=c++20", "-O1", "-shared", "-fPIC", f"-I{Path(__file__).parent}", str(source), *flags, "-o", str(made),
                        "-ldl"], check=True)
        os.replace(made, library)
    return str(library)


def build_torch(name: str, source: Path) -> str:
    """Path of an extension that gives the installed torch a device on a fake driver (torch_gpu.h)."""
    import torch
    from torch.utils.cpp_extension import include_paths

    libraries = Path(torch.__file__).parent / "lib"
    return build(f"torch-{name}", source, f'-DTORCH="{torch.__version__}"', *(f"-isystem{path}" for path in include_paths()), f"-L{libraries}",
                 f"-Wl,-rpath,{libraries}", "-ltorch_cpu", "-lc10")


def python(code: str, environment: dict) -> str:
    """Output of a fresh process; '!' and the error's text where it fails."""
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else "!" + done.stderr.strip().splitlines()[-1]


class Driver:
    """The driver of this process, whose path is in the environment variable `variable`."""

    def __init__(self, variable: str):
        self._lib = ctypes.CDLL(os.environ[variable])
        self._lib.fake_count.restype = self._lib.fake_live.restype = self._lib.fake_waiting.restype = ctypes.c_long
        self._lib.fake_log.restype = ctypes.c_char_p

    def count(self, name: str) -> int:
        """Calls of an entry so far."""
        return self._lib.fake_count(name.encode())

    def fail(self, name: str, result: int = 1, nth: int = 1) -> None:
        """The nth call from now fails with `result`."""
        self._lib.fake_fail(name.encode(), ctypes.c_long(nth), result)

    def live(self, what: str) -> int:
        """How many things of a kind are held."""
        return self._lib.fake_live(what.encode())

    def waiting(self) -> int:
        """Pieces of work that nobody has waited for."""
        return self._lib.fake_waiting()

    def calls(self, function) -> list:
        """The names of the entries that `function` calls, in order."""
        self._lib.fake_record(1)
        function()
        names = self._lib.fake_log().decode().split()
        self._lib.fake_record(0)
        return names
