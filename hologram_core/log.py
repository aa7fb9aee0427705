"""HOLOGRAM_LOG: 0 silent (warnings only), 1 kernels compiled, 2 cache decisions, 3 circuits, 4 LLVM text and assembly."""

from __future__ import annotations

import os
import sys

_warned: set = set()


def level() -> int:
    try:
        return int(os.environ.get("HOLOGRAM_LOG", "0"))
    except ValueError:
        return 0


def log(at: int, text: str) -> None:
    """Writes `text` to stderr when HOLOGRAM_LOG is at least `at`."""
    if level() >= at:
        print(f"hologram: {text}", file=sys.stderr, flush=True)


def warn_once(text: str) -> None:
    """A warning that is worth one line per process."""
    if text not in _warned:
        _warned.add(text)
        print(f"hologram: warning: {text}", file=sys.stderr, flush=True)
