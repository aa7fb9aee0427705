"""HOLOGRAM_PERF: kernels by name in `perf report`.

perf takes the names of code that stands in no file from /tmp/perf-<pid>.map: a line with address, size (both hexadecimal) and name
per function. It reads the file after the process has ended, so the file stays. Python's own lines (`python -X perf`) go to the
same file: ours are appended.
"""

from __future__ import annotations

import os

from .. import log
from ..config import config
from . import elf


def note(address: int, entry) -> None:
    """Names a kernel that was loaded at `address`, where the switch is on. What cannot be written is left out."""
    if not config.perf:
        return
    size = next((s.size for s in elf.symbols(entry.code) if s.name == entry.symbol), 0)
    if not size:             # not an ELF object: no system with perf
        return
    try:
        # Others may write to /tmp as well: a link of theirs is not followed.
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(f"/tmp/perf-{os.getpid()}.map", flags, 0o600), "a") as file:
            file.write(f"{address:x} {size:x} hologram {entry.name} {entry.symbol}\n")
    except OSError as error:
        log.warn_once(f"HOLOGRAM_PERF: kernels are not named for perf: {error}")
