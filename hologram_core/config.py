"""The environment switches, read once, when the package is first imported.

The native runtime knows its share of them (log, guard, memory_limit) from the import of `hologram_core._runtime`.

A bad value breaks nobody's import: the switch has its default, and whoever first uses the device or an executor gets an error
that names it (`check`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


class BadSwitch(ValueError):
    """A switch has a value that it does not know."""

    def __init__(self, name: str, text: str):
        super().__init__(f"{name}: {text}")
        self.name = name


def parse_bytes(text: str) -> int:
    """'4096', '64K', '1.5G', '2GiB' -> bytes."""
    number = text.strip().upper().removesuffix("B").removesuffix("I")
    unit = _UNITS.get(number[-1:], 1)
    value = float(number[:-1] if unit > 1 else number)
    if not 0 <= value * unit < 2 ** 63:
        raise ValueError(text)
    return int(value * unit)


def _flag(env, name: str, default: bool) -> bool:
    text = env.get(name, "").strip().lower()
    if text not in ("", "0", "1", "true", "false", "on", "off", "yes", "no"):
        raise BadSwitch(name, f"{text!r} is neither 0 nor 1. Set it to 0 or 1, or leave it out.")
    return default if not text else text in ("1", "true", "on", "yes")


def _level(env, name: str, top: int) -> int:
    text = env.get(name, "").strip() or "0"
    if not text.isdecimal() or int(text) > top:
        raise BadSwitch(name, f"{text!r} is not a level from 0 to {top}.")
    return int(text)


def _limit(env, name: str):
    text = env.get(name, "").strip()
    if not text:
        return None
    try:
        return parse_bytes(text) or None
    except ValueError:
        raise BadSwitch(name, f"{text!r} is not a size. Write bytes, or a number with K, M, G or T.") from None


def _one_of(env, name: str, choices: tuple) -> str:
    text = env.get(name, "").strip().lower() or choices[0]
    if text not in choices:
        raise BadSwitch(name, f"{text!r} is not known. Choose one of {', '.join(choices)}.")
    return text


def _cache_dir(env) -> Path:
    if env.get("HOLOGRAM_CACHE_DIR"):
        try:
            return Path(env["HOLOGRAM_CACHE_DIR"]).expanduser()
        except RuntimeError as error:
            raise BadSwitch("HOLOGRAM_CACHE_DIR", f"{env['HOLOGRAM_CACHE_DIR']!r} is no folder ({error}). Write its path.") from None
    root = env.get("XDG_CACHE_HOME")
    try:
        return (Path(root) if root else Path("~/.cache").expanduser()) / "hologram"
    except RuntimeError:                       # a user without a home folder: no folder can be made below this one
        return Path(os.devnull) / "hologram"


@dataclass(frozen=True)
class Config:
    autoload: bool               # HOLOGRAM_AUTOLOAD=0: `import torch` does not load the device
    fusion: bool                 # HOLOGRAM_FUSION=0: same kernels, nothing deferred
    sync: bool                   # HOLOGRAM_SYNC=1: every op has run when its call returns
    log: int                     # HOLOGRAM_LOG=1..4: compiled kernels, launches, IR, machine code
    guard: bool                  # HOLOGRAM_GUARD=1: pages of freed blocks are inaccessible
    cache_dir: Path              # HOLOGRAM_CACHE_DIR: compiled kernels on disk
    memory_limit: int | None     # HOLOGRAM_MEMORY_LIMIT: bytes the pools may hold
    backend: str                 # HOLOGRAM_BACKEND: 'auto' or a backend's name
    fallback: str                # HOLOGRAM_FALLBACK: 'allow', 'warn' or 'error' for ops that run in torch's own kernels
    mps: bool                    # HOLOGRAM_MPS=0: on Metal those are the CPU's, not MPS's


def read(env=os.environ) -> Config:
    """The switches in `env`. Raises BadSwitch naming the variable and its value."""
    return Config(
        autoload=_flag(env, "HOLOGRAM_AUTOLOAD", True),
        fusion=_flag(env, "HOLOGRAM_FUSION", True),
        sync=_flag(env, "HOLOGRAM_SYNC", False),
        log=_level(env, "HOLOGRAM_LOG", 4),
        guard=_flag(env, "HOLOGRAM_GUARD", False),
        cache_dir=_cache_dir(env),
        memory_limit=_limit(env, "HOLOGRAM_MEMORY_LIMIT"),
        backend=_one_of(env, "HOLOGRAM_BACKEND", ("auto", "cpu", "cuda", "metal")),
        fallback=_one_of(env, "HOLOGRAM_FALLBACK", ("allow", "warn", "error")),
        mps=_flag(env, "HOLOGRAM_MPS", True),
    )


def read_all(env) -> tuple[Config, str]:
    """The switches in `env`, the bad ones with their defaults, and what is wrong with those; empty when nothing is."""
    good, wrong = dict(env), []
    while True:
        try:
            return read(good), " ".join(wrong)
        except BadSwitch as error:
            wrong.append(str(error))
            del good[error.name]


config, problem = read_all(os.environ)


def check() -> None:
    """Raises ValueError naming the switches whose values are bad."""
    if problem:
        raise ValueError(problem)
