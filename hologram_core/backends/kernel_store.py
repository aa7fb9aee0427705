"""One kernel per key: found in this process, else on disk, else compiled. What the compilers of all backends share."""

from __future__ import annotations

import threading

from .. import log
from . import disk_cache


class KernelStore:
    """The kernels of one backend.

    `identity(*target)`: bytes that name what code is made for and by (machine, driver, LLVM); `compile(key, symbol, *target)`: a
    `disk_cache.Entry` whose code defines `symbol`; `load(entry)`: what callers get. Each key is compiled and loaded once: threads
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
                found = self._found[wanted] = self._make(*wanted, counted=counted)
            return found

    def _make(self, key: bytes, *target, counted: bool):
        sources = disk_cache.source_fingerprint()
        whole = disk_cache.key_of(sources, self._identity(*target), key)
        digest = disk_cache.digest_of(whole)
        entry = disk_cache.load(whole) if sources else None
        if entry is not None:
            try:
                found = self._load(entry)
            except Exception as error:      # noqa: BLE001  what is on disk is never a reason to fail
                log.log(2, f"entry {digest[:12]} is not used: {error}")
            else:
                log.log(2, f"disk hit {entry.name} ({digest[:12]})")
                if counted:
                    _count("count_disk_hit")
                return found
        entry = self._compile(key, f"hg_{digest[:24]}", *target)
        if sources:
            disk_cache.store(whole, entry)
        if counted:
            _count("count_compiled")
        return self._load(entry)


def _count(counter: str) -> None:
    """Tells the runtime, where there is one: the compiler also works without the extension module."""
    try:
        from .. import _runtime
    except ImportError:
        return
    getattr(_runtime, counter, lambda: None)()
