"""Kernels that come with the package: compiled when it is built (csrc/packaging/kernel_pack.py), for levels of x86-64.

    hologram_core/kernels-x86-64-v4.so      a library with an index (csrc/runtime/kernels/kernel_pack.h), named after its level and a
                                            digest of the sources that decide what a key compiles to

So a library that was made from other sources has no index that is asked for. Results do not depend on the level: a processor takes the
library of the highest one that it has. Neither LLVM nor the code generator is loaded for a kernel that is here.
"""

from __future__ import annotations

import ctypes
from pathlib import Path

from . import log
from .backends import disk_cache
from .config import config
from .shared_library import check_whole

LEVELS = ("x86-64-v3", "x86-64-v4")
FOLDER = Path(__file__).resolve().parent


def file_name(level: str) -> str:
    return f"kernels-{level}.so"


def index_name(level: str, sources: bytes) -> str:
    return f"hologram_kernels_{disk_cache.digest_of(disk_cache.key_of(level.encode(), sources))[:32]}"


def chosen_level() -> str:
    """The level of the library for this processor and HOLOGRAM_CPU; empty where there can be none."""
    from . import _runtime

    highest = _runtime.x86_64_level()
    levels = [level for level in LEVELS if int(level[-1]) <= highest]
    return levels[-1] if config.cpu == "native" and levels else config.cpu if config.cpu in levels else ""


_libraries: dict[Path, ctypes.CDLL] = {}      # what is open stays open: the runtime calls what is in it


def find() -> tuple[int, str]:
    """(address of the index, what there is to say): 0 where no library is used, and why."""
    if not config.pack:
        return 0, "not used: HOLOGRAM_PACK is 0"
    level, sources = chosen_level(), disk_cache.source_fingerprint()
    if not level:
        return 0, "none for this processor and HOLOGRAM_CPU"
    path = FOLDER / file_name(level)
    if not path.exists():
        return 0, "none: the package was built without"
    try:
        check_whole(path)
        library = _libraries[path] = ctypes.CDLL(str(path))
        return ctypes.addressof(ctypes.c_char.in_dll(library, index_name(level, sources))), path.name
    except (ImportError, OSError) as error:         # cut off, or of another system
        return 0, f"not used: {error}"
    except ValueError:
        return 0, f"not used: {path.name} was made from other sources"


def install() -> None:
    """Gives the runtime what there is; it asks once, when it needs its first kernel."""
    from . import _runtime

    address, said = find()
    log.log(2, f"kernels of the package: {said}")
    _runtime.use_kernel_pack(address)
