"""The CUDA driver without a GPU (fake_driver.cpp): building it, and asking it what happened."""

import ctypes
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

_SOURCE = Path(__file__).with_name("fake_driver.cpp")

INVALID_VALUE, OUT_OF_MEMORY, ILLEGAL_ADDRESS, LAUNCH_FAILED, SYSTEM_NOT_READY = 1, 2, 700, 719, 802


def build() -> str:
    """Path of the library; built once per version of its source."""
    digest = hashlib.sha256(_SOURCE.read_bytes()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"hologram-fake-cuda-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    library = folder / f"libfakecuda-{digest}.so"
    if not library.exists():
        compiler = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++") or "c++"
        made = folder / f".{library.name}.{os.getpid()}"
        subprocess.run([compiler, "-std=c++20", "-O1", "-shared", "-fPIC", str(_SOURCE), "-o", str(made), "-ldl"], check=True)
        os.replace(made, library)
    return str(library)


def environment(**more) -> dict:
    """What a process needs in order to run on the fake."""
    return {**os.environ, "HOLOGRAM_BACKEND": "cuda", "HOLOGRAM_CUDA_DRIVER": build(), **more}


class Driver:
    """The driver of this process, which HOLOGRAM_CUDA_DRIVER names."""

    def __init__(self):
        self._lib = ctypes.CDLL(os.environ["HOLOGRAM_CUDA_DRIVER"])
        self._lib.fake_count.restype = self._lib.fake_live.restype = self._lib.fake_waiting.restype = ctypes.c_long
        self._lib.fake_log.restype = ctypes.c_char_p

    def count(self, name: str) -> int:
        """Calls of an entry so far."""
        return self._lib.fake_count(name.encode())

    def fail(self, name: str, result: int, nth: int = 1) -> None:
        """The nth call from now returns `result`."""
        self._lib.fake_fail(name.encode(), ctypes.c_long(nth), result)

    def live(self, what: str) -> int:
        """'allocations', 'pinned', 'events', 'modules', 'streams' or 'contexts' that are held."""
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
