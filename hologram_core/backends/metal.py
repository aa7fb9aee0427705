"""The Metal backend's compiler: circuits to text in Metal's language. It needs no Mac.

`newLibraryWithSource` turns the text into a library; fast math must be off. How a kernel is called: codegen/msl/printer.py.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from .. import log
from . import disk_cache
from .kernel_store import KernelStore

_HEADER = "// hologram:"       # leads the lines that describe the kernel


@dataclass(frozen=True)
class Entry:
    """A kernel: function `symbol` of `msl`, whose only buffer holds records. A grid of at most ceil(items / items_per_block)
    threadgroups of `threads` threads in x; in y one per record."""

    symbol: str
    msl: str
    threads: int
    items_per_block: int
    shared_bytes: int
    words: int                 # 64-bit words of a record
    name: str
    direct: bool = False       # records are always in a buffer

    @property
    def code(self) -> bytes:
        return self.msl.encode()


def compile_key(key: bytes, arch: int = 0, driver: int = 0) -> Entry:
    """The kernel for a key; there is one for all of Metal's GPUs. Raises CompileError for circuits that are malformed or that
    compute in float64, naming the op."""
    return kernels.find(key)


def text(key: bytes) -> str:
    """The kernel for a key in Metal's language."""
    return compile_key(key).msl


def _compile(key: bytes, symbol: str) -> disk_cache.Entry:
    from ..circuit.pipeline import prepare

    entry = compile_circuit(prepare(key), symbol, key)
    return disk_cache.Entry(entry.symbol, entry.name, 0.0, entry.code)


def compile_circuit(circuit, symbol: str, key: bytes = b"") -> Entry:
    """Text of a prepared circuit."""
    from ..codegen.msl import printer

    start = time.perf_counter()
    recorder, grid = printer.build(circuit)
    shared = recorder.shared_bytes()
    facts = f"threads={grid.threads} items={grid.items} shared={shared} words={grid.words}"
    text = f"{_HEADER} key {key.hex()}\n{_HEADER} {facts}\n{printer.library([printer.Printer(recorder, grid, symbol)])}"
    log.log(4, text)
    name = ("+".join(n.name for n in circuit.nodes) or "copy")[:96]
    log.log(1, f"wrote {name} for Metal in {1e3 * (time.perf_counter() - start):.1f} ms, {len(text)} bytes")
    return Entry(symbol, text, grid.threads, grid.items, shared, grid.words, name)


def _read(stored: disk_cache.Entry) -> Entry:
    """An entry from its text, whose header describes it."""
    text = stored.code.decode()
    facts = dict(item.split("=") for item in text.split("\n", 2)[1].removeprefix(_HEADER).split())
    return Entry(stored.symbol, text, int(facts["threads"]), int(facts["items"]), int(facts["shared"]), int(facts["words"]),
                 stored.name)


kernels = KernelStore(lambda: b"metal", _compile, _read)
