"""Builds the libraries of kernels that come with the package (hologram_core/kernel_pack.py says what they are).

    python -m csrc.packaging.kernel_pack FOLDER      puts them there: some minutes of processor time, divided by its cores

The keys are the lines of kernel_keys.txt. record_keys.py writes them: what common programs run, with recording and without. A line
names ops, because their numbers change when the op tables grow. Objects are kept in build/kernels: only what changed is made again.
"""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KEYS = Path(__file__).with_name("kernel_keys.txt")
_NODE = struct.Struct("<HBBB")
INFO = struct.Struct("<dII")       # nanoseconds per element, lengths of key and name, which follow


# ---- keys as text ----

def to_line(key: bytes, names) -> str:
    """A key as text: the head, a word for each node, the rest. `names`: of ops, by number."""
    words, at = [key[:8].hex()], 8
    for _ in range(key[4]):
        op, compute, result, nargs = _NODE.unpack_from(key, at)
        at += _NODE.size + nargs
        words.append(f"{names[op]}:{compute:02x}{result:02x}{key[at - nargs:at].hex()}")
    return " ".join([*words, key[at:].hex() or "-"])


def from_line(line: str, codes) -> bytes:
    """The key of a line. `codes`: numbers of ops by name; KeyError where an op is no more."""
    head, *nodes, rest = line.split(" ")
    parts = [bytes.fromhex(head)]
    for node in nodes:
        name, _, text = node.partition(":")
        data = bytes.fromhex(text)
        parts.append(_NODE.pack(codes[name], data[0], data[1], len(data) - 2) + data[2:])
    return b"".join([*parts, b"" if rest == "-" else bytes.fromhex(rest)])


# ---- building ----

def build(folder: Path, work: Path = ROOT / "build/kernels", keys: Path = KEYS) -> list[Path]:
    """Makes the libraries of `keys` in `folder`. None on systems and processors that they are not made for."""
    if platform.machine() not in ("x86_64", "AMD64") or not sys.platform.startswith("linux"):
        return []
    sys.path.insert(0, str(ROOT))
    enter_package()
    from hologram_core.kernel_pack import LEVELS, file_name

    made = []
    for level in LEVELS:
        objects = work / level
        objects.mkdir(parents=True, exist_ok=True)
        count = os.cpu_count() or 1
        command = [sys.executable, "-m", "csrc.packaging.kernel_pack", "--compile", level, str(objects.absolute()), str(keys.absolute())]
        workers = [subprocess.Popen([*command, str(n), str(count)], cwd=ROOT, stdout=subprocess.PIPE, text=True) for n in range(count)]
        symbols = sorted(symbol for worker in workers for symbol in worker.communicate()[0].split())
        if any(worker.returncode for worker in workers):
            raise SystemExit("hologram: the kernels that come with the package could not be compiled (see above). HOLOGRAM_PACK=0 leaves "
                             "them out.")
        for stale in {path.stem for path in objects.glob("hg_*.*")} - set(symbols):
            for suffix in (".o", ".info"):
                (objects / f"{stale}{suffix}").unlink(missing_ok=True)
        made.append(link(objects, symbols, level, folder / file_name(level)))
    return made


def link(objects: Path, symbols: list[str], level: str, library: Path) -> Path:
    """One library of kernels, which needs no other one, with their index (csrc/runtime/kernels/kernel_pack.h)."""
    from hologram_core.backends import disk_cache
    from hologram_core.kernel_pack import index_name

    infos = {symbol: (objects / f"{symbol}.info").read_bytes() for symbol in symbols}
    symbols = sorted(symbols, key=lambda symbol: infos[symbol][INFO.size:][:INFO.unpack_from(infos[symbol])[1]])
    index = index_name(level, disk_cache.source_fingerprint())
    lines = [".section .rodata"]
    for number, symbol in enumerate(symbols):
        lines += [".balign 8", f".Linfo{number}: .byte {','.join(map(str, infos[symbol]))}"]
    lines += ['.section .data.rel.ro,"aw"', ".balign 8", f".globl {index}", f"{index}: .quad {len(symbols)}"]
    lines += [f".quad {symbol}, .Linfo{number}" for number, symbol in enumerate(symbols)]
    lines += ['.section .note.GNU-stack,"",%progbits', ""]
    with tempfile.TemporaryDirectory(dir=objects) as work:
        Path(work, "index.s").write_text("\n".join(lines))
        Path(work, "exported").write_text(f"{{ global: {index}; local: *; }};")
        Path(work, "arguments").write_text("\n".join(f"../{symbol}.o" for symbol in symbols))
        subprocess.run([*shlex.split(os.environ.get("CXX", "c++")), "-shared", "-nostdlib", "-s", "-Wl,-z,noexecstack",
                        "-Wl,--build-id=none", "-Wl,-z,defs", "-Wl,--version-script=exported", "-o", "library", "index.s", "@arguments"],
                       cwd=work, check=True)
        shutil.copyfile(Path(work, "library"), f"{library}.new")
    os.replace(f"{library}.new", library)        # programs may have the old one open
    return library


def enter_package() -> None:
    """hologram_core without its __init__, which needs the native runtime."""
    import types

    if "hologram_core" not in sys.modules:
        package = types.ModuleType("hologram_core")
        package.__path__ = [str(ROOT / "hologram_core")]
        sys.modules["hologram_core"] = package


def compile_share(level: str, objects: Path, keys: Path, number: int, count: int) -> None:
    """Compiles every `count`-th key, from `number` on; prints the symbols."""
    enter_package()
    from hologram_core.backends import cpu, disk_cache
    from hologram_core.circuit.pipeline import prepare
    from hologram_core.optable import TABLE

    host, sources = cpu._Host(level, runs=False), disk_cache.source_fingerprint()
    for line in keys.read_text().splitlines()[number::count]:
        key = from_line(line, TABLE.codes)
        symbol = f"hg_{disk_cache.digest_of(disk_cache.key_of(sources, host.identity, key))[:24]}"
        if not (objects / f"{symbol}.info").exists():
            entry = cpu.compile_circuit(prepare(key), symbol, host)
            (objects / f"{symbol}.o").write_bytes(entry.code)
            name = entry.name.encode()
            unfinished = objects / f"{symbol}.{os.getpid()}"
            unfinished.write_bytes(INFO.pack(entry.cost, len(key), len(name)) + key + name)
            unfinished.rename(objects / f"{symbol}.info")
        print(symbol)


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["--compile"]:
        compile_share(arguments[1], Path(arguments[2]), Path(arguments[3]), int(arguments[4]), int(arguments[5]))
    elif len(arguments) == 1:
        for library in build(Path(arguments[0])):
            print(f"{library}: {library.stat().st_size / 1e6:.1f} MB")
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
