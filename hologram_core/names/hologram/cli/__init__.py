"""The command `hologram`, which is also `python -m hologram`.

Each subcommand is a module of its name with `run(options) -> dict`, what there is to say, and `text(found) -> str`, the same for
people. With --json the dict is printed. The exit status is 1 where `found["ok"]` is false.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from importlib import import_module

HELP = {"doctor": "versions, processor, backends, cache, threads, and a test of one second; what to do where something is wrong",
        "warm": "compile the kernels that common programs use, so that the first run of such a program does not",
        "cache": "the folder of compiled kernels: its size, its path, or clear it",
        "bench": "a table of some ops against stock PyTorch, in half a minute"}


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="hologram", description="hologram: a native PyTorch device with compiled kernels.")
    commands = top.add_subparsers(dest="command", metavar="command", required=True)
    for name, text in HELP.items():
        command = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        command.add_argument("--json", action="store_true", help="print what was found as JSON")
        if name == "cache":
            command.add_argument("action", nargs="?", choices=("show", "path", "clear"), default="show")
        if name == "warm":
            command.add_argument("--only", metavar="TEXT", default="", help="only programs whose name contains this")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    try:
        command = import_module(f".{options.command}", __name__)
        found = command.run(options)
    except ImportError as error:
        if not str(error).startswith("hologram: "):
            raise
        print(error, file=sys.stderr)      # the package cannot be loaded; the sentence says what to run
        return 1
    except KeyboardInterrupt:
        return 130
    print(json.dumps(found, indent=1, default=str) if options.json else command.text(found), flush=True)
    return 0 if found.get("ok", True) else 1


def progress(options: argparse.Namespace, line: str) -> None:
    """A line for those who wait, beside what is printed at the end."""
    if not options.json and sys.stderr.isatty():
        print(f"  {line}", file=sys.stderr, flush=True)
