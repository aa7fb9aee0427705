"""Kernels that come with the package: the list of their keys, the library, what is taken from it and what is not."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hologram_core
from csrc.packaging import kernel_pack as builder
from hologram_core import _runtime, kernel_pack
from hologram_core.backends import cpu, disk_cache
from hologram_core.circuit.ir import MAP, ROW
from hologram_core.circuit.key import encode
from hologram_core.circuit.pipeline import prepare
from hologram_core.dtypes import F16, F32
from hologram_core.optable import TABLE
from kernels import Case
from tests.core_modes import deferred

pytestmark = deferred
ROOT = Path(hologram_core.__file__).parents[1]
NAMES = [row.name for row in TABLE]
made_here = pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64") or not sys.platform.startswith("linux")
                               or not _runtime.x86_64_level(), reason="no library is made for this processor")


# ---- the keys ----

def test_a_key_and_its_line_are_the_same():
    cases = cases_of_the_library()
    for case in cases:
        key = encode(case.circuit)
        line = builder.to_line(key, NAMES)
        assert builder.from_line(line, TABLE.codes) == key and "\n" not in line
    assert len({builder.to_line(encode(case.circuit), NAMES) for case in cases}) == len(cases)


def test_ops_are_meant_by_name():
    """Their numbers change when the tables grow."""
    key = encode(cases_of_the_library()[0].circuit)
    line = builder.to_line(key, NAMES)
    moved = {name: code + 7 for name, code in TABLE.codes.items()}
    assert builder.to_line(builder.from_line(line, moved), [""] * 7 + NAMES) == line


def test_every_key_of_the_list_is_one_of_these_tables():
    lines = builder.KEYS.read_text().splitlines()
    assert len(lines) > 1500 and lines == sorted(set(lines))
    for line in lines:
        prepare(builder.from_line(line, TABLE.codes))


# ---- the library ----

def cases_of_the_library():
    numbers = np.linspace(-3, 3, 1000, dtype="f4")
    add = Case(MAP, (1000,))
    add.output(add.node("add", add.input(numbers), add.input(np.abs(numbers[::-1]))))
    chain = Case(MAP, (1000,))
    chain.output(chain.node("mul", chain.node("tanh", chain.input(numbers)), chain.node("exp", chain.input(numbers))))
    half = Case(MAP, (1000,))
    half.output(half.node("sin", half.input(numbers.astype("f2"), F16), compute=F16))
    rows = Case(ROW, (10, 100), 1)
    rows.output(rows.node("sum", rows.input(numbers.reshape(10, 100)), compute=F32), per_row=True)
    return [add, chain, half, rows]


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """A folder with the libraries of some kernels."""
    folder = tmp_path_factory.mktemp("pack")
    lines = folder / "keys.txt"
    lines.write_text("".join(builder.to_line(encode(case.circuit), NAMES) + "\n" for case in cases_of_the_library()))
    made = builder.build(folder, folder / "work", lines)
    assert [path.name for path in made] == [kernel_pack.file_name(level) for level in kernel_pack.LEVELS]
    return folder


@pytest.fixture
def packed(library, monkeypatch):
    """use(**switches): what is found of the library then, as `kernel_pack.find` tells."""
    monkeypatch.setattr(kernel_pack, "FOLDER", library)

    def use(**switches):
        monkeypatch.setattr(kernel_pack, "config", kernel_pack.config.replace(**{"pack": True, **switches}))
        address, said = kernel_pack.find()
        _runtime.use_kernel_pack(address)
        return address, said
    yield use
    _runtime.use_kernel_pack(0)


def keys():
    return [encode(case.circuit) for case in cases_of_the_library()]


@made_here
@pytest.mark.parametrize("level", ["native", *kernel_pack.LEVELS])
def test_kernels_of_the_library_give_the_same_bits(packed, monkeypatch, level):
    if level != "native" and int(level[-1]) > _runtime.x86_64_level():
        pytest.skip("this processor lacks the level")
    address, said = packed(cpu=level)
    assert address and said == kernel_pack.file_name(kernel_pack.LEVELS[-1] if level == "native" and _runtime.x86_64_level() == 4 else
                                                     "x86-64-v3" if level == "native" else level)
    for case, wanted in zip(cases_of_the_library(), cases_of_the_library()):
        wanted.run()
        with monkeypatch.context() as m:
            m.setattr(cpu, "compile_key", _runtime.find_packed)
            case.run()
        assert case.arrays[-1].tobytes() == wanted.arrays[-1].tobytes() and case.arrays[-1].any()


@made_here
def test_what_a_library_tells_of_a_kernel_is_what_the_compiler_tells(packed):
    packed()
    for key in keys():
        address, cost, name = _runtime.find_packed(key)
        entry = cpu.compile_circuit(prepare(key), "k", cpu._Host(kernel_pack.chosen_level(), runs=False))
        assert address and (cost, name) == (entry.cost, entry.name)


@made_here
def test_the_whole_key_decides(packed):
    packed()
    for key in keys():
        for other in (key[:-1], key + b"\0", b"", b"\xff" * 200, bytes([key[0] ^ 1]) + key[1:], key[:-1] + bytes([key[-1] ^ 1])):
            assert other in keys() or _runtime.find_packed(other) is None
        assert _runtime.find_packed(key)


@made_here
def test_a_library_of_other_sources_has_nothing(packed, monkeypatch):
    assert packed()[0]
    for sources in (bytes(32), b""):
        monkeypatch.setattr(disk_cache, "source_fingerprint", lambda: sources)
        address, said = packed()
        assert address == 0 and "made from other sources" in said and _runtime.find_packed(keys()[0]) is None


@made_here
@pytest.mark.parametrize("switches, why", [({"pack": False}, "HOLOGRAM_PACK"), ({"cpu": "x86-64-v2"}, "HOLOGRAM_CPU")], ids=str)
def test_the_library_is_left_alone(packed, switches, why):
    """HOLOGRAM_PACK=0; a level for which there is none."""
    address, said = packed(**switches)
    assert address == 0 and why in said


@made_here
def test_a_processor_takes_what_it_can_run(packed, monkeypatch):
    monkeypatch.setattr(_runtime, "x86_64_level", lambda: 3)
    assert packed()[1] == "kernels-x86-64-v3.so" and packed(cpu="x86-64-v4")[0] == 0
    monkeypatch.setattr(_runtime, "x86_64_level", lambda: 0)
    assert packed()[0] == 0 and packed(cpu="x86-64-v3")[0] == 0


@made_here
def test_a_file_that_is_no_library_is_not_used(packed, monkeypatch, tmp_path):
    monkeypatch.setattr(kernel_pack, "FOLDER", tmp_path)
    assert packed() == (0, "none: the package was built without")
    for level in kernel_pack.LEVELS:
        (tmp_path / kernel_pack.file_name(level)).write_bytes(b"no library")
    address, said = packed()
    assert address == 0 and said.startswith("not used: ")


@made_here
def test_a_library_that_is_cut_off_is_not_mapped(library, packed, monkeypatch, tmp_path):
    """Linux's loader would take it, and the process die of the first page that is not there."""
    monkeypatch.setattr(kernel_pack, "FOLDER", tmp_path)
    for level in kernel_pack.LEVELS:
        whole = (library / kernel_pack.file_name(level)).read_bytes()
        (tmp_path / kernel_pack.file_name(level)).write_bytes(whole[:len(whole) // 2])
    address, said = packed()
    assert address == 0 and f"{len(whole) // 2:,} of its " in said


PROGRAM = """
import os, signal, sys
from pathlib import Path
if sys.argv[2] == "without LLVM":
    sys.modules["llvmlite"] = None
import numpy as np
import hologram_core as hg
from hologram_core import _runtime, kernel_pack
kernel_pack.FOLDER = Path(sys.argv[1])
if sys.argv[2] == "broken":
    kernel_pack.install = lambda: 1 / 0
x = np.linspace(-3, 3, 1000, dtype=np.float32)
def run():
    with hg.Executor() as executor:
        a, b, c = executor.from_numpy(x), executor.from_numpy(np.abs(x[::-1])), executor.allocate(1000)
        hg.ops.vector_add(executor, a, b, c)
        assert (c.to_numpy() == x + np.abs(x[::-1])).all()
run()
counters = _runtime.counters()
found = int(sys.argv[2] != "broken")
assert counters["pack_hits"] == found and counters["compiled"] + counters["disk_hits"] == 1 - found, counters
assert found != any(name.startswith("hologram_core.codegen") for name in sys.modules)
if not os.fork():
    run()
    os._exit(0)
assert os.wait()[1] == 0
"""


@made_here
@pytest.mark.parametrize("kind", ["as ever", "without LLVM", "broken"])
def test_the_runtime_needs_no_compiler_for_what_is_there(library, tmp_path, kind):
    """Nothing is written, no code generator is loaded, and a library that cannot be had is none."""
    environment = {**os.environ, "HOLOGRAM_PACK": "1", "HOLOGRAM_CACHE_DIR": str(tmp_path), "HOLOGRAM_BACKEND": "cpu",
                   "HOLOGRAM_CPU": "native"}
    subprocess.run([sys.executable, "-c", PROGRAM, str(library), kind], cwd=ROOT, env=environment, check=True)
    assert bool(list(tmp_path.iterdir())) == (kind == "broken")
