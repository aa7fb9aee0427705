"""Compiled kernels on disk.

The folder (`config.cache_dir`) is HOLOGRAM_CACHE_DIR, else XDG_CACHE_HOME/hologram, else ~/.cache/hologram. It holds native code:
folder and files must belong to this user and be closed to others, or they are not used. An entry is stored under its key, which is
everything that decides the code: the kernel's key, the sources of the code generator and the op tables, LLVM, the CPU.

    magic  sha256 of the rest  length of key  length of meta  key  meta (JSON)  object code

The file's name is the key's digest; the whole key inside decides. Entries are written to a temporary file and renamed, so
readers see whole files. Where the folder grows beyond HOLOGRAM_CACHE_SIZE those used least recently go: a hit refreshes a
file's time once a day. Whatever is wrong with an entry or the folder means "not cached"; it never is an error. A folder that
cannot be used is told of once, with what that costs.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import json
import os
import re
import secrets
import shlex
import stat
import struct
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from .. import log
from ..config import config

MAGIC = b"HGK2"
_HEAD = struct.Struct("<4s32sII")
_LARGEST = 64 << 20                # bytes of an entry
_DAY = 24 * 3600
_NAME = re.compile(r"[0-9a-f]{64}\.hgk|\.new-[0-9a-f]+")
_SAFE = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY      # a pipe or a terminal in place of a file must not stop us

# Failures that will meet the next entry too.
_LASTING = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR, errno.EEXIST, errno.ELOOP,
            errno.ENAMETOOLONG)

_lock = threading.Lock()
_unseen: int | None = None      # bytes stored since the folder was last looked through; None: it never was


@dataclass(frozen=True)
class Entry:
    symbol: str
    name: str
    cost: float
    code: bytes


@functools.cache
def source_fingerprint() -> bytes:
    """Digest of the sources that decide what a key compiles to: an edited formula never meets an old kernel. Empty where they
    cannot be read: nothing is cached then."""
    root = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    digest, count = hashlib.sha256(), 0
    try:
        for name in _sources(root):
            data = _whole(os.path.join(root, name))
            digest.update(f"{name}\0{len(data)}\0".encode())
            digest.update(data if name.endswith(".py") else data[16:])      # after a header with the source's time
            count += 1
    except OSError:
        return b""
    return digest.digest() if count else b""


def _sources(root: str) -> list[str]:
    """Files of the code generator, relative to the package: sources, or what an installation has in their place. It is part of a
    program's first step: plain functions of os take a third of the time."""
    found = [name for name in ("dtypes.py", "dtypes.pyc") if os.path.isfile(os.path.join(root, name))]
    folders = ["backends", "circuit", "codegen", "optable"]
    while folders:
        folder = folders.pop()
        with os.scandir(os.path.join(root, folder)) as entries:
            for entry in entries:
                if entry.name.endswith((".py", ".pyc")):
                    found.append(f"{folder}/{entry.name}")
                elif entry.name != "__pycache__" and entry.is_dir():
                    folders.append(f"{folder}/{entry.name}")
    known = set(found)
    return sorted(name for name in found if name.endswith(".py") or name[:-1] not in known)


def _whole(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        pieces = []
        while piece := os.read(descriptor, 1 << 20):
            pieces.append(piece)
        return b"".join(pieces)
    finally:
        os.close(descriptor)


def key_of(*parts: bytes) -> bytes:
    """One key of several parts, none of which can pass for a piece of another."""
    return b"".join(struct.pack("<I", len(part)) + part for part in parts)


def digest_of(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()


# ---- files ----

def _ours(info: os.stat_result) -> bool:
    return info.st_uid == os.geteuid() and not stat.S_IMODE(info.st_mode) & 0o022


def _objection(path: Path, info: os.stat_result) -> str:
    """Why a folder is not used, and what to do; empty where it is ours and private."""
    if info.st_uid != os.geteuid():
        return f"it belongs to user {info.st_uid}, not to {os.geteuid()}. Set HOLOGRAM_CACHE_DIR to a folder of your own"
    return "" if _ours(info) else f"others may write to it. Run `chmod 700 {shlex.quote(str(path))}` or set HOLOGRAM_CACHE_DIR"


def _failure(error: OSError) -> str:
    return f"{error.strerror or error}. Mend that, or set HOLOGRAM_CACHE_DIR to a folder that can be written"


def _tell(objection: str, kept: str = "is not used", which: str = "its kernels") -> None:
    log.warn_once(f"the kernel cache {config.cache_dir} {kept}: {objection}. Until then each process compiles {which} anew: "
                  "10 to 25 ms for each kind of kernel, more for long circuits.", about=("cache", config.cache_dir))


@contextlib.contextmanager
def _folder(create: bool):
    """A descriptor of the folder, if it is ours and private, else None. All files are named relative to it."""
    path, descriptor = config.cache_dir, None
    try:
        if path is not None and config.cache_size:
            if create:
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            objection = _objection(path, os.fstat(descriptor))
            if objection:
                _tell(objection)
                os.close(descriptor)
                descriptor = None
        elif create and config.cache_size:
            _tell("there is no home folder. Set HOLOGRAM_CACHE_DIR")
    except OSError as error:
        if descriptor is not None:
            _close(descriptor)
            descriptor = None
        if error.errno in _LASTING or create and error.errno == errno.ENOENT:      # /proc has no room for folders
            _tell(_failure(error))
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            _close(descriptor)


def _close(descriptor: int) -> None:
    with contextlib.suppress(OSError):
        os.close(descriptor)


def _read(folder: int, name: str) -> bytes | None:
    """The bytes of a file of ours."""
    descriptor = os.open(name, os.O_RDONLY | _SAFE, dir_fd=folder)
    try:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode) or not _ours(info) or not _HEAD.size <= info.st_size <= _LARGEST:
            return None
        left, pieces = info.st_size, []
        while left:
            piece = os.read(descriptor, left)
            if not piece:
                return None
            pieces.append(piece)
            left -= len(piece)
        if abs(time.time() - info.st_mtime) > _DAY:
            with contextlib.suppress(OSError):
                os.utime(descriptor)
        return b"".join(pieces)
    finally:
        _close(descriptor)


def _write(folder: int, name: str, data: bytes) -> None:
    """A new file, whole or not at all."""
    temporary = f".new-{secrets.token_hex(12)}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _SAFE, 0o600, dir_fd=folder)
    try:
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(descriptor, left):]
        finally:
            os.close(descriptor)
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        raise


# ---- entries ----

def load(key: bytes) -> Entry | None:
    """The entry stored under `key`, or None."""
    with _folder(create=False) as folder:
        if folder is None:
            return None
        try:
            data = _read(folder, f"{digest_of(key)}.hgk")
        except OSError:
            return None
    if data is None:
        return None
    magic, checksum, key_bytes, meta_bytes = _HEAD.unpack_from(data)
    meta_at = _HEAD.size + key_bytes
    if magic != MAGIC or hashlib.sha256(data[36:]).digest() != checksum or data[_HEAD.size:meta_at] != key:
        return None
    try:
        meta = json.loads(data[meta_at:meta_at + meta_bytes])
        return Entry(str(meta["symbol"]), str(meta["name"]), float(meta["cost"]), data[meta_at + meta_bytes:])
    except (ValueError, KeyError, TypeError):
        return None


def store(key: bytes, entry: Entry) -> None:
    """Keeps an entry, if that is possible."""
    meta = json.dumps({"symbol": entry.symbol, "name": entry.name, "cost": entry.cost}).encode()
    body = struct.pack("<II", len(key), len(meta)) + key + meta + entry.code
    data = MAGIC + hashlib.sha256(body).digest() + body
    if len(data) > min(_LARGEST, config.cache_size):
        return
    with _folder(create=True) as folder:
        if folder is None:
            return
        try:
            _write(folder, f"{digest_of(key)}.hgk", data)
            _make_room(folder, len(data))
        except OSError as error:
            if error.errno in _LASTING:
                _tell(_failure(error), "takes nothing more", "the kernels that it lacks")
            log.log(2, f"kernel not cached: {error}")


# ---- the folder's size ----

def _make_room(folder: int, stored: int) -> None:
    """Looks through the folder at this process's first entry, and when a part of the limit has been written since."""
    global _unseen
    with _lock:
        if _unseen is not None and _unseen + stored < config.cache_size // 16:
            _unseen += stored
            return
        _unseen = 0
    _evict(folder)


def _evict(folder: int) -> None:
    """Removes the entries used least recently, so that a share of the limit is free, and what writers that died left."""
    now, total, files = time.time(), 0, []
    for name, info in _files(folder):
        if name.startswith(".new-"):
            if now - info.st_mtime > _DAY:
                with contextlib.suppress(OSError):      # other processes do the same
                    os.unlink(name, dir_fd=folder)
        else:
            total += info.st_size
            files.append((info.st_mtime, info.st_size, name))
    if total <= config.cache_size:
        return
    removed = 0
    for _, size, name in sorted(files):
        if total <= config.cache_size - config.cache_size // 8:
            break
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=folder)
            removed += 1
        total -= size
    log.log(2, f"{removed} kernels removed: the cache was larger than {config.cache_size} bytes (HOLOGRAM_CACHE_SIZE)")


# ---- for people ----

@dataclass(frozen=True)
class State:
    """The folder as it is. `objection`: why it is not used, and what to do; empty where it is."""

    path: Path | None
    objection: str
    kernels: int
    bytes: int
    limit: int


def state() -> State:
    """Makes nothing: a folder that is absent is used if it could be made."""
    path, kernels, size, objection = config.cache_dir, 0, 0, ""
    if not config.cache_size:
        objection = "HOLOGRAM_CACHE_SIZE is 0. Leave it out to keep kernels"
    elif path is None:
        objection = "there is no home folder. Set HOLOGRAM_CACHE_DIR"
    else:
        try:
            objection = _objection(path, path.stat())
            sizes = [info.st_size for _, info in _files(path)]
            kernels, size = len(sizes), sum(sizes)
        except FileNotFoundError:
            pass
        except OSError as error:
            objection = _failure(error)
        if not objection:
            nearest = next(p for p in (path, *path.parents) if p.exists())
            if not (nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)):
                objection = f"{nearest} cannot be written. Mend that, or set HOLOGRAM_CACHE_DIR to a folder that can be written"
    return State(path, objection, kernels, size, config.cache_size)


def clear() -> tuple[int, int]:
    """Removes all kernels; how many they were, and their bytes. Programs that run keep those they have loaded."""
    kernels = size = 0
    with _folder(create=False) as folder:
        for name, info in () if folder is None else _files(folder):
            with contextlib.suppress(OSError):      # another process was quicker, or it may not go
                os.unlink(name, dir_fd=folder)
                kernels, size = kernels + 1, size + info.st_size
    return kernels, size


def _files(folder: int | Path):
    """(name, what it is) of our files in a folder, which is a path or a descriptor."""
    for name in os.listdir(folder):
        if _NAME.fullmatch(name):
            with contextlib.suppress(OSError):      # another process has removed it
                info = os.stat(name, dir_fd=folder, follow_symlinks=False) if isinstance(folder, int) else os.lstat(folder / name)
                if stat.S_ISREG(info.st_mode):
                    yield name, info
