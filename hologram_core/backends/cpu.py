"""The CPU backend: circuits to machine code of this host, through LLVM.

`compile_key` is what the runtime calls when it meets a kernel for the first time. Kernels stay loaded until the process
ends. llvmlite is imported when the first kernel is loaded, the code generator and the op tables when the first one is
compiled: a warm start pays for neither tables nor compiler.
"""

from __future__ import annotations

import functools
import time

from .. import log
from ..config import config
from ..errors import CompileError
from . import disk_cache, elf, perf_map
from .kernel_store import KernelStore


def compile_key(key: bytes) -> tuple:
    """(address, estimated nanoseconds per element on one thread, name) of the kernel for a key."""
    return kernels.find(key)


def text(key: bytes) -> str:
    """The kernel for a key in LLVM's language, as it is before LLVM optimises it."""
    from ..circuit.pipeline import prepare
    from ..codegen.cpu.loops import build

    host = _host()
    return build(prepare(key), host.features)[0].text.finish("kernel", host.attributes)


def compile_circuit(circuit, symbol: str, host=None) -> disk_cache.Entry:
    """Machine code of a prepared circuit."""
    from ..codegen.cpu.loops import build

    start = time.perf_counter()
    host = host or _host()
    builder, cost = build(circuit, host.features)
    text = builder.text.finish(symbol, host.attributes)
    log.log(4, text)
    code = host.emit(text)
    name = "+".join(n.name for n in circuit.nodes) or "copy"
    log.log(1, f"compiled {name} in {1e3 * (time.perf_counter() - start):.1f} ms, {len(code)} bytes")
    return disk_cache.Entry(symbol, name[:96], cost, code)


def _compile(key: bytes, symbol: str) -> disk_cache.Entry:
    from ..circuit.pipeline import prepare  # the code generator and the op tables, for the first kernel that is compiled

    return compile_circuit(prepare(key), symbol)


def _load(entry: disk_cache.Entry) -> tuple:
    address = _host().load(entry.symbol, entry.code)
    perf_map.note(address, entry)
    return address, entry.cost, entry.name


# What the levels of x86-64 have beyond the one before, by LLVM's names (https://gitlab.com/x86-psABIs/x86-64-ABI).
_ADDED = {"x86-64-v2": "cx16 popcnt sahf sse3 sse4.1 sse4.2 ssse3",
          "x86-64-v3": "avx avx2 bmi bmi2 f16c fma lzcnt movbe xsave",
          "x86-64-v4": "avx512bw avx512cd avx512dq avx512f avx512vl"}


def _level_features(level: str) -> set:
    """The instruction set extensions of a level of x86-64."""
    levels = list(_ADDED)
    return {name for known in levels[:levels.index(level) + 1] for name in _ADDED[known].split()}


class _Host:
    """LLVM for this machine: one target, one engine that holds all kernels. `level`: kernels use what it has and no more.
    `runs`: this processor must have it."""

    def __init__(self, level: str = "native", runs: bool = True):
        import llvmlite.binding as llvm

        self.llvm = llvm
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        features = llvm.get_host_cpu_features()
        cpu = llvm.get_host_cpu_name()
        self.features = {name for name, on in features.items() if on}
        flat = features.flatten()
        version = ".".join(map(str, llvm.llvm_version_info))
        target = llvm.Target.from_default_triple()
        if level != "native":
            missing = _level_features(level) - self.features
            if missing and runs:
                raise CompileError(f"HOLOGRAM_CPU: this processor ({cpu}) is no {level}, it lacks {' '.join(sorted(missing))}. "
                                   "Set HOLOGRAM_CPU to a lower level, or leave it out.")
            cpu, self.features, flat = level, _level_features(level), ""
        if target.triple.startswith(("aarch64", "arm64")):
            self.features.add("neon")         # every one has it, not every system says so
        elif target.triple.startswith("x86_64"):
            self.features |= {soft for soft, hard in (("soft-half", "f16c"), ("soft-fma", "fma")) if hard not in self.features}
        self.identity = f"{version} {target.triple} {cpu} {flat}".encode()
        self.machine = target.create_target_machine(cpu=cpu, features=flat, opt=2, reloc="pic",
                                                    codemodel="small", jit=True)
        # Code and constants of a kernel in one piece of memory (use_lmm): the code reaches its constants by 32 bits, and LLVM ends the
        # process where holes among gigabytes of mapped memory took one of them elsewhere. That piece has no room for the table
        # through which code calls libm, which is left to processors without FMA.
        self.engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), self.machine, use_lmm=not _libm_allowed(self.features))
        width = ' "prefer-vector-width"="512"' if "avx512f" in self.features else ""
        self.attributes = "nounwind" + width

    def emit(self, text: str) -> bytes:
        """Object code of a module with one kernel."""
        from ..codegen.llvm.text import verified

        llvm = self.llvm
        module = verified(llvm, text)
        if log.enabled(4):
            log.log(4, self.machine.emit_assembly(llvm.parse_assembly(text)))
        code = self.machine.emit_object(module)
        missing = {s.name for s in elf.symbols(code) if not s.defined} - _libm_allowed(self.features)
        if missing:
            raise CompileError(f"hologram.compile: the kernel calls {', '.join(sorted(missing))}, which no library of "
                               "ours provides. This is a bug in hologram_core; HOLOGRAM_LOG=4 prints the kernel.")
        return code

    def load(self, symbol: str, code: bytes) -> int:
        """Maps object code into the process; the address of its kernel."""
        self.engine.add_object_file(self.llvm.ObjectFileRef.from_data(code))
        self.engine.finalize_object()
        address = self.engine.get_function_address(symbol)
        if not address:
            raise CompileError(f"hologram.compile: the kernel {symbol} is not in its own object file. "
                               "Delete the cache folder (HOLOGRAM_CACHE_DIR).")
        return address


@functools.cache
def _host() -> _Host:
    return _Host(config.cpu)


def _libm_allowed(features: set) -> set:
    """Library calls that stand for instructions this host does not have."""
    allowed = set()
    if "fma" not in features:
        allowed |= {"fma", "fmaf"}
    if "sse4.1" not in features:
        allowed |= {f + s for f in ("floor", "ceil", "trunc", "rint") for s in ("", "f")}
    return allowed


kernels = KernelStore(lambda: _host().identity, _compile, _load)
