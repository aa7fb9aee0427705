"""make kernels-diff: which kernels of a cache folder does this tree make differently than a revision's?"""

import re
import shutil
import struct
import subprocess
import sys

import numpy as np
import pytest

from hologram_core.backends import disk_cache
from hologram_core.circuit.ir import MAP
from hologram_core.circuit.key import encode
from hologram_core.optable import TABLE
from kernels import Case
from tests.compiler import kernels_diff
from tests.core_modes import deferred

pytestmark = deferred      # the compiler knows no modes: once is enough


def key_of(*names):
    case = Case(MAP, (8,))
    ref = case.input(np.zeros(8, "f4"))
    for name in names:
        ref = case.node(name, ref)
    case.output(ref)
    return encode(case.circuit)


def entry(target, key, magic=disk_cache.MAGIC):
    """What a cache entry begins with."""
    parts = b"".join(struct.pack("<I", len(part)) + part for part in (b"sources", target, key))
    return disk_cache._HEAD.pack(magic, b"0" * 8, len(parts), 0) + parts + b"code"


def git(folder, *words):
    subprocess.run(["git", "-c", "user.name=n", "-c", "user.email=e@x", "-C", folder, *words], check=True, capture_output=True)


@pytest.fixture
def cache(tmp_path):
    folder = tmp_path / "cache"
    folder.mkdir()
    files = [entry(b"x86-64 avx2", key_of("relu")), entry(b"cuda sm_80", key_of("relu")), entry(b"metal", key_of("relu")),
             entry(b"x86-64 avx512", key_of("neg")), entry(b"x86-64", key_of("exp2", "neg")), entry(b"another machine", key_of("neg")), b"", b"damaged" * 20]
    for number, data in enumerate(files):
        (folder / f"{number}.hgk").write_bytes(data)
    return folder


def test_the_keys_of_a_folder(cache):
    keys = kernels_diff.keys_in(cache)
    assert sorted(keys) == sorted([("cpu", key_of("relu")), ("cuda", key_of("relu")), ("metal", key_of("relu")), ("cpu", key_of("neg")),
                                   ("cpu", key_of("exp2", "neg"))])
    assert keys == kernels_diff.keys_in(cache)       # --limit means the same ones


def test_ops_are_matched_by_name():
    codes = {code: code + 3 for code in TABLE.codes.values() if code != TABLE.codes["neg"]}
    moved = kernels_diff.renumbered(key_of("relu", "exp2"), codes)
    assert [struct.unpack_from("<H", moved, at)[0] for at in (8, 8 + 5 + moved[12])] == [TABLE.codes["relu"] + 3, TABLE.codes["exp2"] + 3]
    assert kernels_diff.renumbered(moved, {new: code for code, new in codes.items()}) == key_of("relu", "exp2")
    with pytest.raises(KeyError):
        kernels_diff.renumbered(key_of("relu", "neg"), codes)


def test_a_revision_is_compared(cache, tmp_path, monkeypatch, capsys):
    """The old tree numbers ops otherwise, lacks one, and computes another one in another way."""
    tree = tmp_path / "tree"
    shutil.copytree(kernels_diff.ROOT / "hologram_core", tree / "hologram_core", ignore=shutil.ignore_patterns("*.so", "*.dylib", "__pycache__"))
    table = tree / "hologram_core/optable/__init__.py"
    now = table.read_text()
    table.write_text(now + "\nimport dataclasses\n"
                     "_rows = [row for row in reversed(TABLE.rows) if row.name != 'exp2']\n"
                     "TABLE.rows.clear(), TABLE.codes.clear()\n"
                     "TABLE.add(dataclasses.replace(r, expr=lambda b, x: b.mul(x, x)) if r.name == 'relu' else r for r in _rows)\n")
    git(tree, "init")
    git(tree, "add", ".")
    git(tree, "commit", "-m", "before")
    table.write_text(now)

    monkeypatch.setattr(kernels_diff, "ROOT", tree)
    monkeypatch.setattr(sys, "argv", ["kernels_diff", "HEAD", "--cache", str(cache)])
    assert kernels_diff.main() == 1
    text = capsys.readouterr().out
    assert text.endswith("1 kernels are the same, 3 differ, 1 have ops that HEAD does not know\n")
    assert sorted(re.findall(r"^(\w+): relu$", text, re.M)) == ["cpu", "cuda", "metal"]

    monkeypatch.setattr(sys, "argv", ["kernels_diff", "HEAD", "--cache", str(cache)])
    git(tree, "commit", "-am", "now")
    assert kernels_diff.main() == 0
    assert capsys.readouterr().out == "5 kernels are the same, 0 differ, 0 have ops that HEAD does not know\n"
    monkeypatch.setattr(sys, "argv", ["kernels_diff", "HEAD", "--cache", str(tmp_path)])
    with pytest.raises(SystemExit, match="holds no kernels. Run the tests first"):
        kernels_diff.main()
