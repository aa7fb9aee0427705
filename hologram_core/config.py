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


def _size(env, name: str, default: int) -> int:
    text = env.get(name, "").strip()
    try:
        return parse_bytes(text) if text else default
    except ValueError:
        raise BadSwitch(name, f"{text!r} is not a size. Write bytes, or a number with K, M, G or T.") from None


def _one_of(env, name: str, choices: tuple) -> str:
    text = env.get(name, "").strip().lower() or choices[0]
    if text not in choices:
        raise BadSwitch(name, f"{text!r} is not known. Choose one of {', '.join(choices)}.")
    return text


def _cache_dir(env) -> Path | None:
    """An absolute path, which stays when the program changes its folder. None: there is no home, or no current folder."""
    named = env.get("HOLOGRAM_CACHE_DIR")
    try:
        if named:
            return Path(named).expanduser().absolute()
        return (Path(env.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "hologram").absolute()
    except (OSError, RuntimeError) as error:
        if named:
            raise BadSwitch("HOLOGRAM_CACHE_DIR", f"{named!r} is no folder ({error}). Write its path.") from None
        return None


@dataclass(frozen=True)
class Config:
    autoload: bool               # HOLOGRAM_AUTOLOAD=0: `import torch` does not load the device
    fusion: bool                 # HOLOGRAM_FUSION=0: same kernels, nothing deferred
    sync: bool                   # HOLOGRAM_SYNC=1: every op has run when its call returns
    log: int                     # HOLOGRAM_LOG=1..4: compiled kernels, launches, IR, machine code
    guard: bool                  # HOLOGRAM_GUARD=1: pages of freed blocks are inaccessible
    cache_dir: Path | None       # HOLOGRAM_CACHE_DIR: compiled kernels on disk
    cache_size: int              # HOLOGRAM_CACHE_SIZE: bytes they may take there; 0: none are kept
    memory_limit: int | None     # HOLOGRAM_MEMORY_LIMIT: bytes the pools may hold
    cpu: str                     # HOLOGRAM_CPU: 'native' or the level of x86-64 that kernels are made for
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
        cache_size=_size(env, "HOLOGRAM_CACHE_SIZE", 1 << 30),
        memory_limit=_size(env, "HOLOGRAM_MEMORY_LIMIT", 0) or None,
        cpu=_one_of(env, "HOLOGRAM_CPU", ("native", "x86-64-v2", "x86-64-v3", "x86-64-v4")),
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
