"""HOLOGRAM_PERF names the kernels of this process for perf."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from hologram_core import config, log
from hologram_core.backends import cpu, elf, perf_map
from hologram_core.backends import disk_cache as cache
from hologram_core.circuit import pipeline
from hologram_core.circuit.ir import MAP
from hologram_core.circuit.key import encode
from tests.compiler.kernels import Case

ROOT = Path(__file__).resolve().parents[2]


def circuit(op):
    case = Case(MAP, (100,))
    case.output(case.node(op, case.input(np.ones(100, np.float32))))
    return case.circuit


@pytest.fixture
def perf(monkeypatch):
    """The switch is on; this process's file, which was not there."""
    path = Path(f"/tmp/perf-{os.getpid()}.map")
    path.unlink(missing_ok=True)
    monkeypatch.setattr(perf_map, "config", config.config.replace(perf=True))
    yield path
    path.unlink(missing_ok=True)


def test_every_loaded_kernel_has_a_line(perf):
    entries = [cpu.compile_circuit(pipeline.prepare(encode(circuit(op))), f"hg_named_{op}") for op in ("tanh", "neg", "exp")]
    loaded = [cpu._load(entry) for entry in entries]
    lines = [line.split(" ", 2) for line in perf.read_text().splitlines()]
    assert [int(line[0], 16) for line in lines] == [address for address, _, _ in loaded]
    for (_, size, name), entry in zip(lines, entries):
        assert name == f"hologram {entry.name} {entry.symbol}"
        assert 16 < int(size, 16) < len(entry.code)
    ends = sorted((int(a, 16), int(a, 16) + int(s, 16)) for a, s, _ in lines)
    assert all(end <= start for (_, end), (start, _) in zip(ends, ends[1:]))       # no kernel reaches into the next
    assert perf.stat().st_mode & 0o777 == 0o600


def test_kernels_of_a_whole_program_are_named_whether_compiled_or_found_on_disk(tmp_path):
    code = ("import os, hologram_core as hg\n"
            "with hg.Executor() as e:\n"
            "    a = e.allocate(1000)\n"
            "    a.fill(2.0)\n"
            "    hg.ops.tanh(e, a, a)\n"
            "    a.to_numpy()\n"
            "print(os.getpid())\n")
    names = []
    for perf in ("1", "1", "0"):
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOLOGRAM_CACHE_DIR": str(tmp_path), "HOLOGRAM_PERF": perf}
        result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
        assert result.returncode == 0, result.stderr
        path = Path(f"/tmp/perf-{int(result.stdout)}.map")
        names.append([line.split(" ", 2)[2] for line in path.read_text().splitlines()] if path.exists() else None)
        path.unlink(missing_ok=True)
    assert names[0] and any("tanh" in name for name in names[0])
    assert names == [names[0], names[0], None]


def test_a_link_of_somebody_else_is_not_followed(perf, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(log, "_warned", set())
    perf.symlink_to(tmp_path / "target")
    address, _, _ = cpu._load(cpu.compile_circuit(pipeline.prepare(encode(circuit("sqrt"))), "hg_named_link"))
    assert address and not (tmp_path / "target").exists()
    assert "HOLOGRAM_PERF: kernels are not named for perf" in capfd.readouterr().err


def test_lines_of_several_threads_are_whole(perf):
    entry = cache.Entry("hg_named_thread", "x" * 96, 1.0, cpu.compile_circuit(pipeline.prepare(encode(circuit("neg"))), "hg_named_thread").code)
    threads = [threading.Thread(target=lambda: [perf_map.note(0x1000, entry) for _ in range(50)]) for _ in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert set(perf.read_text().splitlines()) == {perf.read_text().splitlines()[0]} and len(perf.read_text().splitlines()) == 200


def test_symbols_of_an_object():
    code = cpu.compile_circuit(pipeline.prepare(encode(circuit("tanh"))), "hg_symbols").code
    kernel, = (s for s in elf.symbols(code) if s.name == "hg_symbols")
    assert kernel.defined and 16 < kernel.size < len(code)
    assert elf.symbols(b"MZ" + code[2:]) == [] and elf.symbols(b"") == []
