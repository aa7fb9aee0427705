"""The kernel cache on disk: private, checked, and never a reason to fail."""

import dataclasses
import os
import stat
import subprocess
import sys

import pytest

from hologram_core import cache
from hologram_core.cache import Entry

ENTRY = Entry("hg_symbol", "add", 0.25, b"\x7fELF code")
DIGEST = "ab" * 32


@pytest.fixture
def folder(tmp_path, monkeypatch):
    path = tmp_path / "kernels"
    monkeypatch.setattr(cache, "config", dataclasses.replace(cache.config, cache_dir=path))
    return path


def test_round_trip(folder):
    assert cache.load(DIGEST) is None
    cache.store(DIGEST, ENTRY)
    assert cache.load(DIGEST) == ENTRY
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [p.name for p in folder.iterdir()] == [f"{DIGEST}.hgk"]      # no temporary files stay


@pytest.mark.parametrize("damage", [
    lambda d: b"", lambda d: d[:50], lambda d: d[:-1] + b"X", lambda d: b"XXXX" + d[4:], lambda d: d + b"more",
    lambda d: bytes(len(d))])
def test_damaged_entries_are_misses(folder, damage):
    cache.store(DIGEST, ENTRY)
    path = folder / f"{DIGEST}.hgk"
    path.write_bytes(damage(path.read_bytes()))
    assert cache.load(DIGEST) is None
    cache.store(DIGEST, ENTRY)
    assert cache.load(DIGEST) == ENTRY


def test_an_unreadable_entry_is_a_miss(folder):
    (folder / f"{DIGEST}.hgk").mkdir(parents=True)
    assert cache.load(DIGEST) is None
    cache.store(DIGEST, ENTRY)                                          # cannot be replaced: silently not kept


def test_a_folder_others_may_write_to_is_not_used(folder, capsys):
    cache.store(DIGEST, ENTRY)
    folder.chmod(0o777)
    assert cache.load(DIGEST) is None
    assert "chmod 700" in capsys.readouterr().err
    assert cache.load(DIGEST) is None
    assert capsys.readouterr().err == ""                                # said once


def test_a_file_in_place_of_the_folder(folder):
    folder.write_text("not a folder")
    cache.store(DIGEST, ENTRY)
    assert cache.load(DIGEST) is None


def test_a_folder_that_cannot_be_made(folder, monkeypatch):
    blocked = folder / "file"
    folder.mkdir(mode=0o700)
    blocked.write_text("")
    monkeypatch.setattr(cache, "config", dataclasses.replace(cache.config, cache_dir=blocked / "deeper"))
    cache.store(DIGEST, ENTRY)
    assert cache.load(DIGEST) is None


def test_a_full_disk_costs_only_the_entry(folder, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(os, "replace", full)
    cache.store(DIGEST, ENTRY)
    assert cache.load(DIGEST) is None and list(folder.iterdir()) == []


def test_the_fingerprint_covers_the_sources():
    assert len(cache.source_fingerprint()) == 32


SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
import numpy as np
from kernels import Case
from hologram_core.circuit.ir import MAP
case = Case(MAP, (100,))
x = case.input(np.arange(100, dtype="f4"))
case.output(case.node("add", x, x))
case.check()
"""


def test_a_second_process_compiles_nothing(tmp_path):
    from pathlib import Path

    import hologram_core

    root = Path(hologram_core.__file__).parents[1]
    script = SCRIPT.format(tests=str(Path(__file__).parent))
    env = {**os.environ, "HOLOGRAM_CACHE_DIR": str(tmp_path / "c"), "HOLOGRAM_LOG": "2", "PYTHONPATH": str(root)}
    first, second = (subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True).stderr
                     for _ in range(2))
    assert "compiled add" in first and "disk hit" not in first
    assert "compiled" not in second and "disk hit add" in second
