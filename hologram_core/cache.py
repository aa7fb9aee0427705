"""Compiled kernels on disk.

The folder (`config.cache_dir`) is HOLOGRAM_CACHE_DIR, else XDG_CACHE_HOME/hologram, else ~/.cache/hologram. It holds native code, so it must
belong to this user and be closed to others, or it is not used. An entry is a file named by the digest of everything
that decides the code: the kernel key, the sources of the code generator and the op tables, LLVM, the CPU.

    magic  sha256 of the rest  length of meta  meta (JSON)  object code

Entries are written to a temporary file and renamed, so readers see whole files. Whatever is wrong with an entry or the
folder means "not cached"; it never is an error.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import stat
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from . import log
from .config import config

MAGIC = b"HGK1"


@dataclass(frozen=True)
class Entry:
    symbol: str
    name: str
    cost: float
    code: bytes


@functools.lru_cache(maxsize=None)
def source_fingerprint() -> bytes:
    """Digest of the sources that decide what a key compiles to: an edited formula never meets an old kernel."""
    root = Path(__file__).resolve().parent
    digest = hashlib.sha256()
    for folder in ("ops", "codegen", "circuit"):
        for path in sorted((root / folder).rglob("*.py")):
            digest.update(f"{path.relative_to(root)}\0".encode())
            digest.update(path.read_bytes())
    digest.update((root / "dtypes.py").read_bytes())
    return digest.digest()


def _usable(create: bool) -> Optional[Path]:
    """The folder, if it is ours and private."""
    try:
        folder = config.cache_dir
        if create:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        info = folder.stat()
    except (OSError, RuntimeError):      # RuntimeError: no home directory
        return None
    if not stat.S_ISDIR(info.st_mode):
        return None
    if hasattr(os, "getuid") and (info.st_uid != os.getuid() or stat.S_IMODE(info.st_mode) & 0o022):
        log.warn_once(f"the kernel cache {folder} is not used: it belongs to another user or others may write to it. "
                      f"Run `chmod 700 {folder}` or set HOLOGRAM_CACHE_DIR.")
        return None
    return folder


def load(digest: str) -> Optional[Entry]:
    """The entry stored under `digest`, or None."""
    folder = _usable(create=False)
    if folder is None:
        return None
    try:
        data = (folder / f"{digest}.hgk").read_bytes()
        body = data[36:]
        if data[:4] != MAGIC or hashlib.sha256(body).digest() != data[4:36]:
            return None
        length, = struct.unpack_from("<I", body)
        meta = json.loads(body[4:4 + length])
        return Entry(str(meta["symbol"]), str(meta["name"]), float(meta["cost"]), body[4 + length:])
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        return None


def store(digest: str, entry: Entry) -> None:
    """Keeps an entry, if that is possible."""
    folder = _usable(create=True)
    if folder is None:
        return
    meta = json.dumps({"symbol": entry.symbol, "name": entry.name, "cost": entry.cost}).encode()
    body = struct.pack("<I", len(meta)) + meta + entry.code
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=".new-")
        with os.fdopen(handle, "wb") as file:
            file.write(MAGIC + hashlib.sha256(body).digest() + body)
        os.replace(temporary, folder / f"{digest}.hgk")
    except OSError as error:
        log.log(2, f"kernel not cached: {error}")
        if temporary is not None:
            try:
                os.unlink(temporary)
            except OSError:
                pass
