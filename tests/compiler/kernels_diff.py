"""Do two trees make the same code? Every kernel of a cache folder, compiled by the tree of a revision and by this one, and compared.

    python -m tests.compiler.kernels_diff REV [--cache FOLDER] [--limit N]      (make kernels-diff REV=...)

The keys are those that some run, as of the test suite, left in the folder: HOLOGRAM_CACHE_DIR, or where kernels are kept. Nothing is
built: the code generator is Python. A key names ops by number; they are matched by name. Compared are object code for the CPU of
this machine, PTX for sm_80, and the text for Metal. Exit status 1 where anything differs.
"""

from __future__ import annotations

import argparse
import hashlib
import pickle
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from hologram_core.backends import disk_cache
from hologram_core.config import config

ROOT = Path(__file__).resolve().parents[2]

# Runs in a process of its own for each tree. The package is entered without its __init__, which needs the native runtime.
_CHILD = """
import hashlib, importlib, pickle, sys, types
tree = sys.argv[1]
package = types.ModuleType("hologram_core")
package.__path__ = [tree + "/hologram_core"]
sys.modules["hologram_core"] = package
cpu, cuda, metal = (importlib.import_module("hologram_core.backends." + name) for name in ("cpu", "cuda", "metal"))
try:
    prepare = importlib.import_module("hologram_core.circuit.pipeline").prepare
    table = importlib.import_module("hologram_core.optable")
except ModuleNotFoundError:              # a tree from before these modules
    prepare, table = cpu.prepare, importlib.import_module("hologram_core.ops")
requests = pickle.load(sys.stdin.buffer)
if requests is None:
    answer = dict(table.TABLE.codes)
else:
    answer = []
    for kind, key in requests:
        try:
            circuit = prepare(key)
            if kind == "cpu":
                code = cpu.compile_circuit(circuit, "kernel").code
            else:
                code = (cuda.compile_circuit(circuit, "kernel", 80) if kind == "cuda" else metal.compile_circuit(circuit, "kernel")).code
            answer.append((hashlib.sha256(code).hexdigest(), "+".join(n.name for n in circuit.nodes)))
        except Exception as error:
            answer.append((f"{type(error).__name__}: {error}", ""))
sys.stdout.buffer.write(pickle.dumps(answer))
"""


def ask(tree: Path, requests):
    done = subprocess.run([sys.executable, "-c", _CHILD, str(tree)], input=pickle.dumps(requests), stdout=subprocess.PIPE, check=True)
    return pickle.loads(done.stdout)


def split_parts(whole: bytes) -> list:
    """The parts of a cache key: sources, what the code is for, the kernel's key."""
    parts, at = [], 0
    while at < len(whole):
        length, = struct.unpack_from("<I", whole, at)
        parts.append(whole[at + 4:at + 4 + length])
        at += 4 + length
    return parts


def keys_in(folder: Path) -> list:
    """(backend, kernel's key) of each entry of a cache folder, each once, in a fixed order."""
    found = set()
    for path in folder.glob("*.hgk"):
        data = path.read_bytes()
        try:
            magic, _, length, _ = disk_cache._HEAD.unpack_from(data)
            _, target, key = split_parts(data[disk_cache._HEAD.size:disk_cache._HEAD.size + length])
        except (struct.error, ValueError):
            continue                   # what tests of the cache have put there
        kind = target.split(b" ")[0].decode(errors="replace")
        if magic == disk_cache.MAGIC:
            found.add((kind if kind in ("cuda", "metal") else "cpu", key))
    return sorted(found, key=lambda item: hashlib.sha256(repr(item).encode()).digest())


def renumbered(key: bytes, codes: dict) -> bytes:
    """The key with each op's number replaced by that of the same name in another tree; raises KeyError where there is none."""
    data = bytearray(key)
    at = 8
    for _ in range(key[4]):
        op, = struct.unpack_from("<H", key, at)
        struct.pack_into("<H", data, at, codes[op])
        at += 5 + key[at + 4]
    return bytes(data)


def compare(old: Path, keys: list) -> tuple:
    """(same, [(backend, ops, what the old tree says, what the new one says)], kernels of ops that the old tree lacks)."""
    names = {code: name for name, code in ask(ROOT, None).items()}
    numbers = ask(old, None)
    codes = {code: numbers[name] for code, name in names.items() if name in numbers}
    pairs, unknown = [], 0
    for kind, key in keys:
        try:
            pairs.append(((kind, key), (kind, renumbered(key, codes))))
        except KeyError:
            unknown += 1
    now, then = ask(ROOT, [new for new, _ in pairs]), ask(old, [before for _, before in pairs])
    different = [(new[0], ops, before, after) for (new, _), (after, ops), (before, _) in zip(pairs, now, then) if before != after]
    return len(pairs) - len(different), different, unknown


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.compiler.kernels_diff", description=__doc__.split("\n")[0])
    parser.add_argument("rev", help="the revision to compare with")
    parser.add_argument("--cache", type=Path, help="folder with kernels (default: where they are kept)")
    parser.add_argument("--limit", type=int, help="look at so many, in a fixed order")
    args = parser.parse_args()
    folder = args.cache
    if folder is None:
        folder = config.cache_dir
    keys = keys_in(folder)[:args.limit]
    if not keys:
        sys.exit(f"{folder} holds no kernels. Run the tests first, or name another folder with --cache.")
    with tempfile.TemporaryDirectory() as scratch:
        archive = subprocess.run(["git", "-C", str(ROOT), "archive", args.rev, "hologram_core"], stdout=subprocess.PIPE, check=True)
        subprocess.run(["tar", "-x", "-C", scratch], input=archive.stdout, check=True)
        same, different, unknown = compare(Path(scratch), keys)
    for kind, ops, before, after in different[:20]:
        print(f"{kind}: {ops or '?'}\n    {args.rev}: {before}\n    now: {after}")
    print(f"{same} kernels are the same, {len(different)} differ, {unknown} have ops that {args.rev} does not know")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
