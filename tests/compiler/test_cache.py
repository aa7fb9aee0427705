"""The kernel cache on disk: private, bound to its keys, bounded, checked, and never a reason to fail."""

import errno
import os
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

import hologram_core
from hologram_core.backends import disk_cache as cache
from hologram_core.backends.disk_cache import Entry

ROOT = Path(hologram_core.__file__).parents[1]

ENTRY = Entry("hg_symbol", "add", 0.25, b"\x7fELF code")
KEY = cache.key_of(b"sources", b"machine", b"kernel")
FILE = f"{cache.digest_of(KEY)}.hgk"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    path = tmp_path / "kernels"
    monkeypatch.setattr(cache, "config", cache.config.replace(cache_dir=path, cache_size=1 << 30))
    monkeypatch.setattr(cache, "_unseen", None)
    monkeypatch.setattr(cache.log, "_warned", set())
    return path


def test_round_trip(folder):
    assert cache.load(KEY) is None
    cache.store(KEY, ENTRY)
    assert cache.load(KEY) == ENTRY
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700 and stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600
    assert [p.name for p in folder.iterdir()] == [FILE]      # no temporary files stay


def test_every_damaged_byte_and_every_length_is_a_miss(folder):
    cache.store(KEY, ENTRY)
    path = folder / FILE
    whole = path.read_bytes()
    damaged = [whole[:n] for n in range(len(whole))] + [whole + b"x", bytes(len(whole))]
    damaged += [whole[:n] + bytes([whole[n] ^ flip]) + whole[n + 1:] for n in range(len(whole)) for flip in (1, 128)]
    for data in damaged:
        path.write_bytes(data)
        assert cache.load(KEY) is None, data
    cache.store(KEY, ENTRY)
    assert cache.load(KEY) == ENTRY


def test_an_entry_is_bound_to_its_key(folder):
    keys = [cache.key_of(b"sources", b"machine", bytes([n])) for n in range(4)]
    files = [folder / f"{cache.digest_of(k)}.hgk" for k in keys]
    for k in keys:
        cache.store(k, ENTRY)
    data = [f.read_bytes() for f in files]
    for n, f in enumerate(files):
        f.write_bytes(data[(n + 1) % 4])
    assert [cache.load(k) for k in keys] == [None] * 4


@pytest.mark.parametrize("other", [(b"a", b"b\0c"), (b"a\0b", b"c"), (b"a", b"b", b"c"), (b"", b"abc"), (b"abc",)])
def test_parts_of_keys_do_not_run_into_each_other(other):
    assert cache.key_of(*other) != cache.key_of(b"a", b"bc") and cache.key_of(*other) != cache.key_of(b"ab", b"c")


# ---- what lies there instead of a file of ours ----

def a_pipe(path, data):
    os.mkfifo(path)


def a_link(path, data):
    elsewhere = path.parent.parent / "elsewhere"
    elsewhere.write_bytes(data)
    elsewhere.chmod(0o600)
    path.symlink_to(elsewhere)


def others_may_write(path, data):
    path.write_bytes(data)
    path.chmod(0o666)


def its_group_may_write(path, data):
    path.write_bytes(data)
    path.chmod(0o620)


@pytest.mark.parametrize("place", [
    a_pipe, a_link, others_may_write, its_group_may_write, lambda path, data: path.symlink_to("/dev/zero"),
    lambda path, data: path.symlink_to("/dev/tty"), lambda path, data: path.symlink_to(path.name), lambda path, data: path.mkdir(),
    lambda path, data: os.truncate(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), 1 << 40)],
    ids=["pipe", "link", "writable", "group", "zero", "terminal", "loop", "folder", "huge"])
def test_only_files_of_ours_are_read(folder, place):
    cache.store(KEY, ENTRY)
    path = folder / FILE
    data = path.read_bytes()
    path.unlink()
    place(path, data)
    start = time.monotonic()
    assert cache.load(KEY) is None
    assert time.monotonic() - start < 5
    was_folder = path.is_dir() and not path.is_symlink()
    cache.store(KEY, ENTRY)                                             # takes its place, but for a folder's
    assert cache.load(KEY) == (None if was_folder else ENTRY)
    assert {p.name for p in folder.iterdir()} == {FILE}


def test_a_file_of_another_user_is_not_read(folder, monkeypatch):
    cache.store(KEY, ENTRY)
    real = os.fstat

    def owned_by_another(descriptor):
        info = real(descriptor)
        return os.stat_result([*info[:4], info.st_uid + 1, *info[5:]]) if stat.S_ISREG(info.st_mode) else info
    monkeypatch.setattr(cache.os, "fstat", owned_by_another)
    assert cache.load(KEY) is None


def warned(capsys):
    return [line for line in capsys.readouterr().err.splitlines() if "warning" in line]


def used_twice():
    """Two kernels of a process."""
    for n in range(2):
        cache.store(key(n), ENTRY)
        cache.load(key(n))


def test_a_folder_others_may_write_to_is_not_used(folder, capsys):
    cache.store(KEY, ENTRY)
    folder.chmod(0o777)
    assert cache.load(KEY) is None
    used_twice()
    line, = warned(capsys)                                              # said once
    assert str(folder) in line and f"chmod 700 {folder}" in line and "compiles its kernels anew" in line
    assert "chmod 700" in cache.state().objection


def test_a_folder_of_another_user_is_not_used(folder, monkeypatch, capsys):
    cache.store(KEY, ENTRY)
    monkeypatch.setattr(cache.os, "geteuid", lambda: os.getuid() + 1)
    assert cache.load(KEY) is None
    used_twice()
    line, = warned(capsys)
    assert str(folder) in line and "belongs to user" in line and "HOLOGRAM_CACHE_DIR" in line and "compiles its kernels anew" in line
    assert "belongs to user" in cache.state().objection


def a_file(folder):
    folder.write_text("not a folder")


def below_a_file(folder):
    folder.parent.rmdir()
    folder.parent.write_text("not a folder")


def a_link_to_itself(folder):
    folder.symlink_to(folder)


@pytest.mark.parametrize("place", [a_file, below_a_file, a_link_to_itself, lambda path: None], ids=["file", "below a file", "loop", "long name"])
def test_a_folder_that_cannot_be_made(place, folder, monkeypatch, capsys):
    path = folder.parent / "deeper" / ("kernels" if place.__name__ != "<lambda>" else "k" * 300)
    path.parent.mkdir()
    monkeypatch.setattr(cache, "config", cache.config.replace(cache_dir=path))
    place(path)
    used_twice()
    assert cache.load(key(0)) is None
    line, = warned(capsys)
    assert str(path) in line and "HOLOGRAM_CACHE_DIR" in line and "compiles its kernels anew" in line
    assert cache.state().objection


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="no such system")
def test_a_folder_where_none_can_be(folder, monkeypatch, capsys):
    monkeypatch.setattr(cache, "config", cache.config.replace(cache_dir=Path("/proc/hologram/kernels")))
    assert cache.load(KEY) is None and warned(capsys) == []             # absent: nothing was stored yet
    used_twice()
    line, = warned(capsys)
    assert "/proc/hologram/kernels is not used: No such file or directory" in line


def test_no_home(folder, monkeypatch, capsys):
    monkeypatch.setattr(cache, "config", cache.config.replace(cache_dir=None))
    assert cache.load(KEY) is None
    used_twice()
    line, = warned(capsys)
    assert "no home folder. Set HOLOGRAM_CACHE_DIR" in line
    assert cache.state().objection


@pytest.mark.parametrize("fault", [errno.EACCES, errno.EROFS, errno.ENOSPC], ids=errno.errorcode.get)
def test_a_folder_that_cannot_be_written(folder, monkeypatch, capsys, fault):
    cache.store(KEY, ENTRY)
    real = os.open

    def fails_to_write(path, flags, *args, **kwargs):
        if flags & os.O_CREAT:
            raise OSError(fault, os.strerror(fault))
        return real(path, flags, *args, **kwargs)
    monkeypatch.setattr(cache.os, "open", fails_to_write)
    assert cache.load(KEY) == ENTRY and warned(capsys) == []            # what lies there serves, and costs nothing
    used_twice()
    line, = warned(capsys)
    assert str(folder) in line and os.strerror(fault) in line and "compiles the kernels that it lacks anew" in line


def test_a_folder_without_permission_is_told_of(folder, monkeypatch):
    folder.mkdir(mode=0o700)
    assert cache.state() == cache.State(folder, "", 0, 0, 1 << 30)
    monkeypatch.setattr(cache.os, "access", lambda *_: False)           # the superuser may do everything
    assert f"{folder} cannot be written" in cache.state().objection


def test_what_lies_there_is_counted_and_cleared(folder):
    assert cache.state() == cache.State(folder, "", 0, 0, 1 << 30) and cache.clear() == (0, 0) and not folder.exists()
    sizes = [len(stored(folder, n).read_bytes()) for n in range(3)]
    (folder / "notes.txt").write_text("not ours")
    assert cache.state() == cache.State(folder, "", 3, sum(sizes), 1 << 30)
    assert cache.clear() == (3, sum(sizes)) and [p.name for p in folder.iterdir()] == ["notes.txt"]
    assert cache.state().kernels == 0 and cache.load(key(0)) is None


class Failing:
    """The module os, whose n-th call fails, or takes a part of what it is given."""

    def __init__(self, at, fault):
        self.left, self.fault, self.called = at, fault, []

    def __getattr__(self, name):
        real = getattr(os, name)
        if name not in ("open", "close", "read", "write", "fstat", "stat", "rename", "unlink", "utime", "listdir"):
            return real

        def call(*args, **kwargs):
            self.called.append(name)
            self.left -= 1
            if self.left:
                return real(*args, **kwargs)
            if self.fault == "part":
                if name in ("read", "write"):
                    return real(args[0], 5 if name == "read" else args[1][:5])
                return real(*args, **kwargs)
            if name == "close":
                real(*args)
            raise OSError(self.fault, os.strerror(self.fault))
        return call


@pytest.mark.parametrize("fault", ["part", errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EIO, errno.EMFILE, errno.ESTALE],
                         ids=lambda f: errno.errorcode.get(f, f))
def test_every_call_to_the_system_may_fail(folder, monkeypatch, fault):
    def descriptors():
        return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    before, seen = descriptors(), set()
    for at in range(1, 40):
        shutil.rmtree(folder, ignore_errors=True)
        cache.store(KEY, ENTRY)
        for name in range(3):
            (folder / f"{name:064x}.hgk").write_bytes(bytes(300))
        os.utime(folder / FILE, (1, 1))
        failing = Failing(at, fault)
        with monkeypatch.context() as m:
            m.setattr(cache, "os", failing)
            m.setattr(cache, "config", cache.config.replace(cache_size=1000))
            m.setattr(cache, "_unseen", None)
            first = cache.load(KEY)
            cache.store(KEY, ENTRY)
            second = cache.load(KEY)
        assert first in (None, ENTRY) and second in (None, ENTRY) and (fault != "part" or first == second == ENTRY)
        seen |= set(failing.called)
        if failing.left > 0:
            break
    else:
        raise AssertionError("not all calls were tried")
    assert at > 15 and {"open", "close", "read", "write", "fstat", "rename", "utime", "listdir", "unlink"} <= seen
    assert descriptors() == before


# ---- how large it may grow ----

def test_what_was_used_least_recently_goes(folder, monkeypatch):
    one = len(stored(folder, 0).read_bytes())
    monkeypatch.setattr(cache, "config", cache.config.replace(cache_size=10 * one))
    (folder / "notes.txt").write_text("not ours")
    left_over, fresh = folder / ".new-0123", folder / ".new-4567"
    left_over.write_text("a writer that died")
    fresh.write_text("a writer at work")
    os.utime(left_over, (1, 1))
    files = [stored(folder, n) for n in range(10)]
    for n, f in enumerate(files):
        os.utime(f, (time.time() - 10 * 86400 + n,) * 2)
    assert cache.load(key(0)) is not None                               # a hit: now it is the newest
    assert abs(files[0].stat().st_mtime - time.time()) < 100
    monkeypatch.setattr(cache, "_unseen", None)                         # as a new process
    last = stored(folder, 10)
    assert {p for p in folder.iterdir() if p.suffix == ".hgk"} == {files[0], *files[4:], last}
    assert (folder / "notes.txt").exists() and fresh.exists() and not left_over.exists()


def key(n):
    return cache.key_of(b"%02d" % n)


def stored(folder, n):
    cache.store(key(n), ENTRY)
    return folder / f"{cache.digest_of(key(n))}.hgk"


def test_the_folder_is_not_looked_through_for_each_entry(folder, monkeypatch):
    looks = []
    monkeypatch.setattr(cache, "_evict", lambda *_: looks.append(1))
    size = len(stored(folder, 0).read_bytes())
    assert len(looks) == 1
    monkeypatch.setattr(cache, "config", cache.config.replace(cache_size=16 * 8 * size))
    for n in range(1, 33):
        stored(folder, n)
    assert len(looks) == 1 + 4


TOGETHER = """
import pathlib, sys
from hologram_core.backends import disk_cache as cache
cache.config = cache.config.replace(cache_dir=pathlib.Path(sys.argv[1]), cache_size=20_000)
hits = 0
for n in range(600):
    key = cache.key_of(b"%d" % (n * int(sys.argv[2]) % 60))
    entry = cache.Entry("s", key.hex(), 0.5, key * 100)
    cache.store(key, entry)
    found = cache.load(cache.key_of(b"%d" % (n % 60)))
    assert found is None or found.name == cache.key_of(b"%d" % (n % 60)).hex() and found.code == bytes.fromhex(found.name) * 100
    hits += found is not None
assert hits
"""


def test_processes_that_write_and_evict_together(tmp_path):
    folder = tmp_path / "c"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    running = [subprocess.Popen([sys.executable, "-c", TOGETHER, str(folder), str(n)], env=env, stderr=subprocess.PIPE) for n in (7, 11, 13)]
    for process in running:
        assert process.wait(120) == 0, process.stderr.read()
        process.stderr.close()
    files = list(folder.iterdir())
    assert files and sum(f.stat().st_size for f in files) < 40_000 and not [f for f in files if f.suffix != ".hgk"]


def test_a_hit_is_noted_once_a_day(folder):
    cache.store(KEY, ENTRY)
    hour_ago = time.time() - 3600
    os.utime(folder / FILE, (hour_ago, hour_ago))
    assert cache.load(KEY) == ENTRY and abs((folder / FILE).stat().st_mtime - hour_ago) < 1


def test_no_cache(folder, monkeypatch):
    monkeypatch.setattr(cache, "config", cache.config.replace(cache_size=0))
    cache.store(KEY, ENTRY)
    assert cache.load(KEY) is None and not folder.exists()
    monkeypatch.setattr(cache, "config", cache.config.replace(cache_size=50))
    cache.store(KEY, ENTRY)
    assert not folder.exists()                                          # larger than all of it


# ---- what decides the code ----

def test_the_fingerprint_covers_all_that_makes_code():
    names = set(cache._sources(ROOT / "hologram_core"))
    assert {"dtypes.py", "backends/cpu.py", "backends/cuda.py", "backends/metal.py", "codegen/llvm/builder.py",
            "circuit/canonicalize.py", "optable/reduction.py", "optable/mathlib/core.py"} <= names and len(names) > 50
    assert len(cache.source_fingerprint()) == 32


def fingerprint_of(tree, monkeypatch):
    with monkeypatch.context() as m:
        m.setattr(cache, "__file__", str(tree / "backends" / "disk_cache.py"))
        return cache.source_fingerprint.__wrapped__()


def test_an_edited_source_is_another_fingerprint(tmp_path, monkeypatch):
    tree = tmp_path / "hologram_core"
    for path in ("dtypes.py", "backends/cpu.py", "circuit/key.py", "codegen/deep/er.py", "optable/table.py"):
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text("x = 1")
    seen = {fingerprint_of(tree, monkeypatch)}
    for path in list(tree.rglob("*.py")):
        path.write_text("x = 2")
        seen.add(fingerprint_of(tree, monkeypatch))
    assert len(seen) == 6
    subprocess.run([sys.executable, "-m", "compileall", "-q", "-b", str(tree)], check=True)
    assert fingerprint_of(tree, monkeypatch) in seen                    # sources count where they are
    for path in tree.rglob("*.py"):
        path.unlink()
    compiled = fingerprint_of(tree, monkeypatch)
    assert len(compiled) == 32 and compiled not in seen
    (tree / "dtypes.pyc").write_bytes((tree / "dtypes.pyc").read_bytes() + b"more")
    assert fingerprint_of(tree, monkeypatch) != compiled
    shutil.rmtree(tree)
    assert fingerprint_of(tree, monkeypatch) == b""                     # nothing is known: nothing is kept


SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
import os
import numpy as np
from kernels import Case
from hologram_core.circuit.ir import MAP
os.chdir("/")
x = np.arange(100, dtype="f4")
for op, expected in (("add", x + x), ("mul", x * x), ("sub", x - x), ("maximum", x)):
    case = Case(MAP, (100,))
    operand = case.input(x)
    result = case.output(case.node(op, operand, operand))
    case.check()
    assert (result == expected).all(), op
"""


def child(cache_dir, root=ROOT, cwd=None):
    env = {**os.environ, "HOLOGRAM_CACHE_DIR": str(cache_dir), "HOLOGRAM_LOG": "2", "PYTHONPATH": str(root)}
    script = SCRIPT.format(tests=str(Path(__file__).parent))
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, timeout=120, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_other_processes_compile_nothing_but_what_was_tampered_with(tmp_path):
    first, second = child("c", cwd=tmp_path), child("c", cwd=tmp_path)      # relative: to where the process was started
    assert "compiled add" in first and "disk hit" not in first
    assert "compiled" not in second and "disk hit add" in second
    files = sorted((tmp_path / "c").iterdir())
    assert len(files) == 4
    data = [f.read_bytes() for f in files]
    for n, f in enumerate(files):
        f.write_bytes(data[n - 1])
    third = child("c", cwd=tmp_path)
    assert third.count("compiled") == 4 and "disk hit" not in third
    assert "compiled" not in child("c", cwd=tmp_path)


def test_an_installation_without_sources(tmp_path):
    tree = tmp_path / "hologram_core"
    shutil.copytree(ROOT / "hologram_core", tree, ignore=shutil.ignore_patterns("__pycache__", "*.so", "*.dylib"))
    subprocess.run([sys.executable, "-m", "compileall", "-q", "-b", str(tree)], check=True)
    for path in list(tree.rglob("*.py")):
        path.unlink()
    for library in [*(ROOT / "hologram_core").glob("*.so"), *(ROOT / "hologram_core").glob("*.dylib")]:
        (tree / library.name).symlink_to(library)
    first, second = child(tmp_path / "c", tmp_path), child(tmp_path / "c", tmp_path)
    assert first.count("compiled") == 4 and "compiled" not in second and second.count("disk hit") == 4


def test_code_that_cannot_be_loaded_is_compiled_again(folder):
    from hologram_core.backends.kernel_store import KernelStore

    def load(entry):
        if entry.code != b"good":
            raise RuntimeError("not an object file")
        return entry.name
    made = []

    def compile(key, symbol):
        made.append(key)
        return Entry(symbol, "kernel", 0.0, b"good")
    assert KernelStore(lambda: b"here", compile, load).find(b"k", counted=False) == "kernel" and made == [b"k"]
    whole = cache.key_of(cache.source_fingerprint(), b"here", b"k")
    cache.store(whole, Entry("s", "kernel", 0.0, b"bad"))
    assert KernelStore(lambda: b"here", compile, load).find(b"k", counted=False) == "kernel" and made == [b"k", b"k"]
    assert KernelStore(lambda: b"here", compile, load).find(b"k", counted=False) == "kernel" and made == [b"k", b"k"]
    assert KernelStore(lambda: b"there", compile, load).find(b"k", counted=False) == "kernel" and made == [b"k"] * 3
