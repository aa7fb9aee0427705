"""Lines to stderr. HOLOGRAM_LOG chooses which; `config.LOG_LEVELS` says what stands on each level."""

from __future__ import annotations

import sys

from .config import config

_warned: set = set()


def enabled(level: int) -> bool:
    return config.log >= level


def log(level: int, text: str) -> None:
    if enabled(level):
        print(f"hologram: {text}", file=sys.stderr, flush=True)


def warn_once(text: str, about: object = None) -> None:
    """A warning that is worth one line per process; of several `about` one thing, the first."""
    if (about or text) not in _warned:
        _warned.add(about or text)
        print(f"hologram: warning: {text}", file=sys.stderr, flush=True)
