"""The environment switches: their names, defaults and meaning; read once, when the package is first imported.

The native runtime knows its share of them (log, guard, memory_limit) from the import of `hologram_core._runtime`.

A bad value breaks no import: the switch has its default, and the first use of the device or of an executor raises an error
that names it (`check`).
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

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


# How a switch's text is read. An empty text is the default's.

def _flag(name: str, text: str) -> bool:
    if text.lower() not in ("0", "1", "true", "false", "on", "off", "yes", "no"):
        raise BadSwitch(name, f"{text!r} is neither 0 nor 1. Set it to 0 or 1, or leave it out.")
    return text.lower() in ("1", "true", "on", "yes")


def _recording(name: str, text: str) -> bool | str:
    try:
        return "force" if text.lower() == "force" else _flag(name, text)
    except BadSwitch:
        raise BadSwitch(name, f"{text!r} is none of 0, 1 and force. Set it to one of them, or leave it out.") from None


def _log_level(name: str, text: str) -> int:
    if not text.isdecimal() or int(text) > len(LOG_LEVELS):
        raise BadSwitch(name, f"{text!r} is not a level from 0 to {len(LOG_LEVELS)}.")
    return int(text)


def _size(name: str, text: str) -> int:
    try:
        return parse_bytes(text)
    except ValueError:
        raise BadSwitch(name, f"{text!r} is not a size. Write bytes, or a number with K, M, G or T.") from None


def _limit(name: str, text: str) -> int | None:
    return None if text == "none" else _size(name, text) or None


def _one_of(*choices: str):
    def read(name: str, text: str) -> str:
        if text.lower() not in choices:
            raise BadSwitch(name, f"{text!r} is not known. Choose one of {', '.join(choices)}.")
        return text.lower()
    return read


def _backend(name: str, text: str) -> str:
    """The runtime says which backends there are. It reads the switches when it is loaded: until then any name will do (see `problem`)."""
    if _at_import:
        return text.lower()
    from . import _runtime

    return _one_of("auto", *(b.name for b in _runtime.backends()))(name, text)


def _folder(name: str, text: str) -> Path:
    """An absolute path, which stays when the program changes its folder."""
    try:
        return Path(text).expanduser().absolute()
    except (OSError, RuntimeError) as error:
        raise BadSwitch(name, f"{text!r} is no folder ({error}). Write its path.") from None


def _cache_folder(env) -> Path | None:
    """Where the cache is when nothing names a folder. None: there is no home, or no current folder."""
    try:
        return (Path(env.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "hologram").absolute()
    except (OSError, RuntimeError):
        return None


# What HOLOGRAM_LOG prints, from level 1 on.
LOG_LEVELS = ("kernels compiled, ops that have to run elsewhere", "launches, what the cache of kernels does", "the ops of each kernel",
              "its text and machine code")


class Switch:
    """A field of Config: how its text is read, the text that stands for one left out, and what values do, in a line of Markdown."""

    name: str

    def __init__(self, read: Callable[[str, str], Any], default: str, help: str):
        self.read, self.default, self.help = read, default, help

    def __set_name__(self, owner, name: str):
        self.name = name

    @property
    def variable(self) -> str:
        return f"HOLOGRAM_{self.name.upper()}"


def _switch(read: Callable[[str, str], Any], default: str, help: str) -> Any:
    """A Switch that type checkers take for its value."""
    return Switch(read, default, help)


class Config:
    """The switches: one field each, whose variable is HOLOGRAM_ and the field's name in capitals. README's table is made of them.

    No dataclass: to make one takes longer than all else that is done here while torch is imported.
    """

    autoload: bool = _switch(_flag, "1", "0: `import torch` does not load the device; `import hologram_torch` still does")
    fallback: str = _switch(_one_of("allow", "warn", "error"), "allow",
                            "what happens to an op that would run in PyTorch's CPU kernels: `allow`, `warn` or `error`")
    cache_dir: Path | None = _switch(_folder, "~/.cache/hologram",
                                     "where compiled kernels are kept; relative: to where the program started")
    cache_size: int = _switch(_size, "1G", "bytes that compiled kernels may take on disk; those used least recently go. 0: none are kept")
    pack: bool = _switch(_flag, "1", "0: the kernels that come with the package are not used: all are compiled on this machine")
    memory_limit: int | None = _switch(_limit, "none", "bytes the memory pools may hold; `512M`, `4G` ...")
    log: int = _switch(_log_level, "0", "lines on stderr, each level with those below it. "
                       + "; ".join(f"{n}: {text}" for n, text in enumerate(LOG_LEVELS, 1)))
    perf: bool = _switch(_flag, "0", "1: the CPU's kernels are named in `/tmp/perf-<pid>.map`, where `perf report` looks for them")
    guard: bool = _switch(_flag, "0", "1: freed memory, and memory that a recorded op has yet to write, is inaccessible, so that a wrong "
                                      "access crashes where it happens")
    cpu: str = _switch(_one_of("native", "x86-64-v2", "x86-64-v3", "x86-64-v4"), "native",
                       "the processor that kernels are made for: `native`, or a level of x86-64: `x86-64-v2`, `x86-64-v3`, `x86-64-v4`. "
                       "Results are the same")
    backend: str = _switch(_backend, "auto",
                           "the backend to start with: `cpu`, `cuda`, `metal`, or `auto`: Metal on Apple silicon, CUDA where PyTorch has "
                           "CUDA kernels and a GPU, else the CPU")
    mps: bool = _switch(_flag, "1", "0: on Metal, what is not compiled runs in PyTorch's CPU kernels, not in its MPS kernels")
    jit: str = _switch(_one_of("on", "off", "check"), "on",
                       "functions under `torch.hologram.jit`: `off`: they run as they are; `check`: both ways, and all bits are compared")
    hf: bool = _switch(_flag, "0", "1: Hugging Face's Accelerate, Trainer, pipelines and `device_map='auto'` take the device where they "
                                   "find no GPU")
    sync: bool = _switch(_flag, "0", "1: ops are recorded, and have run when their call returns")
    fusion: bool | str = _switch(_recording, "1", "0: nothing is recorded; each op runs at once, in its own kernel. `force`: recorded on "
                                 "PyTorch before 2.13, too, which does not tell when an address is taken: call "
                                 "`torch.hologram.synchronize()` before `data_ptr()`")

    def __init__(self, values: dict[str, Any]):
        vars(self).update(values)

    def replace(self, **values: Any) -> Config:
        """The same switches with other values of some."""
        unknown = values.keys() - vars(self).keys()
        if unknown:
            raise TypeError(f"hologram: there is no switch {', '.join(sorted(unknown))}.")
        return Config({**vars(self), **values})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Config) and vars(self) == vars(other)

    def __setattr__(self, name: str, value: Any):
        raise AttributeError(f"hologram: the switches are read once, when the package is imported ({name}={value!r}). "
                             "Set the variable before that.")


SWITCHES = tuple(switch for switch in vars(Config).values() if isinstance(switch, Switch))


def read(env=os.environ) -> Config:
    """The switches in `env`. Raises BadSwitch naming the variable and its value."""
    values: dict[str, Any] = {}
    for switch in SWITCHES:
        text = env.get(switch.variable, "").strip()
        if switch.name == "cache_dir" and not text:
            values["cache_dir"] = _cache_folder(env)
        else:
            values[switch.name] = switch.read(switch.variable, text or switch.default)
    return Config(values)


def read_all(env) -> tuple[Config, str]:
    """The switches in `env`, the bad ones with their defaults, and what is wrong with those; empty when nothing is."""
    good = dict(env)
    wrong: list[str] = []
    while True:
        try:
            return read(good), " ".join(wrong)
        except BadSwitch as error:
            wrong.append(str(error))
            del good[error.name]


_at_import = True
_environment = dict(os.environ)
config, _ = read_all(_environment)
_at_import = False


@functools.cache
def problem() -> str:
    """What is wrong with the switches that were read at import; empty when nothing is."""
    return read_all(_environment)[1]


def check() -> None:
    """Raises ValueError naming the switches whose values are bad."""
    if problem():
        raise ValueError(problem())


def markdown() -> str:
    """The table of the switches."""
    lines = [f"| `{s.variable}` | {_as_code(s.default)} | {s.help} |" for s in SWITCHES]
    return "\n".join(["| variable | default | meaning |", "|---|---|---|", *lines])


def _as_code(default: str) -> str:
    return f"`{default}`" if "/" in default else default


if __name__ == "__main__":
    import sys

    from .generated import Part

    sys.exit(Part("switches", "hologram_core.config").main(markdown()))
