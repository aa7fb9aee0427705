"""One kernel per key: found in this process, else on disk, else compiled. What the compilers of all backends share."""

from __future__ import annotations

import hashlib
import threading

from .. import cache, log


class Memo:
    """The kernels of one backend.

    `identity(*target)`: bytes that name what code is made for and by (machine, driver, LLVM); `compile(key, symbol, *target)`: a
    `cache.Entry` whose code defines `symbol`; `load(entry)`: what callers get. Each key is compiled and loaded once: threads
    that ask for kernels of one backend wait for each other, those of different backends do not.
    """

    def __init__(self, identity, compile, load):
        self._identity, self._compile, self._load = identity, compile, load
        self._lock = threading.RLock()
        self._found: dict = {}         # (key, *target) -> what `load` made

    def find(self, key: bytes, *target, counted: bool = True):
        """The kernel for a key. `counted`: as compiled or as found on disk, where it is not known yet."""
        wanted = (bytes(key), *target)
        with self._lock:
            found = self._found.get(wanted)
            if found is None:
                found = self._found[wanted] = self._load(self._entry(*wanted, counted=counted))
            return found

    def _entry(self, key: bytes, *target, counted: bool) -> cache.Entry:
        parts = [cache.source_fingerprint(), self._identity(*target), key]
        digest = hashlib.sha256(b"\0".join(parts)).hexdigest()
        entry, counter = cache.load(digest), "count_disk_hit"
        if entry is None:
            entry, counter = self._compile(key, f"hg_{digest[:24]}", *target), "count_compiled"
            cache.store(digest, entry)
        else:
            log.log(2, f"disk hit {entry.name} ({digest[:12]})")
        if counted:
            _count(counter)
        return entry


def _count(counter: str) -> None:
    """Tells the runtime, where there is one: the compiler also works without the extension module."""
    try:
        from .. import _runtime
    except ImportError:
        return
    getattr(_runtime, counter, lambda: None)()
