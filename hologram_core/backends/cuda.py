"""The CUDA backend's compiler: circuits to PTX, through LLVM's NVPTX target. No toolkit and no GPU is needed for it.

The driver turns PTX into machine code when a module is loaded. How entries are called: codegen/gpu/nvptx.py.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from .. import log
from . import disk_cache
from .kernel_store import KernelStore

_HEADER = "// hologram:"       # leads the lines of PTX that describe the kernel


@dataclass(frozen=True)
class Entry:
    """A kernel: `symbol` (if `direct`) and `symbol`_many are entries of `ptx`. A grid of at most
    ceil(items / items_per_block) blocks of `threads` threads in x; in y one per record."""

    symbol: str
    ptx: bytes
    threads: int
    items_per_block: int
    shared_bytes: int
    direct: bool
    words: int                 # 64-bit words of a record
    name: str

    @property
    def code(self) -> bytes:
        return self.ptx


def compile_key(key: bytes, arch: int, driver: int = 0) -> Entry:
    """The kernel for a key. `arch`: compute capability, 75 for 7.5; `driver`: the driver's version, part of the cache's key.
    Raises CompileError for circuits that are malformed and architectures before 7.5."""
    return kernels.find(key, arch, driver)


def text(key: bytes, arch: int = 80) -> str:
    """The kernel for a key in PTX."""
    return compile_key(key, arch).ptx.decode()


def _identity(arch: int, driver: int) -> bytes:
    from ..codegen.gpu.nvptx import known_arch, llvm_version

    return f"cuda {'.'.join(map(str, llvm_version()))} sm_{known_arch(arch)} driver {driver}".encode()


def _compile(key: bytes, symbol: str, arch: int, driver: int) -> disk_cache.Entry:
    from ..circuit.pipeline import prepare
    from ..codegen.gpu.nvptx import known_arch

    entry = compile_circuit(prepare(key), symbol, known_arch(arch), key)
    return disk_cache.Entry(entry.symbol, entry.name, 0.0, entry.ptx)


def compile_circuit(circuit, symbol: str, arch: int, key: bytes = b"") -> Entry:
    """PTX of a prepared circuit."""
    from ..codegen.gpu import nvptx

    start = time.perf_counter()
    builder, grid = nvptx.build(circuit)
    text = nvptx.module([builder.entries(symbol, grid.words, grid.threads)], builder.declarations())
    log.log(4, text)
    ptx = nvptx.assemble(text, arch)
    log.log(4, ptx)
    direct = grid.words * 8 <= nvptx.DIRECT_BYTES
    shared = builder.shared_bytes()
    name = ("+".join(n.name for n in circuit.nodes) or "copy")[:96]
    facts = f"threads={grid.threads} items={grid.items} shared={shared} direct={int(direct)} words={grid.words}"
    code = f"{_HEADER} key {key.hex()}\n{_HEADER} {facts}\n{ptx}".encode()
    log.log(1, f"compiled {name} for sm_{arch} in {1e3 * (time.perf_counter() - start):.1f} ms, {len(code)} bytes of PTX")
    return Entry(symbol, code, grid.threads, grid.items, shared, direct, grid.words, name)


def _read(stored: disk_cache.Entry) -> Entry:
    """An entry from its text, whose header describes it."""
    line = stored.code.split(b"\n", 2)[1].decode()
    facts = dict(item.split("=") for item in line.removeprefix(_HEADER).split())
    return Entry(stored.symbol, stored.code, int(facts["threads"]), int(facts["items"]), int(facts["shared"]),
                 facts["direct"] == "1", int(facts["words"]), stored.name)


kernels = KernelStore(_identity, _compile, _read)
