"""The command `hologram`: what it finds, for people and as JSON; what it says to do; with and without torch."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import hologram_core
from hologram import cli
from hologram.cli import bench, doctor, report, selftest, warm
from hologram_core.backends import disk_cache
from hologram_core.backends.disk_cache import Entry

ROOT = Path(hologram_core.__file__).parents[1]
SITE = [path for path in sys.path if path.endswith("-packages")]


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(selftest, "ELEMENTS", 1 << 16)
    monkeypatch.setattr(selftest, "SECONDS", 0.01)
    monkeypatch.setattr(bench, "SECONDS", 0.001)
    monkeypatch.setattr(bench, "BATCH", 0.0002)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    path = tmp_path / "kernels"
    monkeypatch.setattr(disk_cache, "config", disk_cache.config.replace(cache_dir=path, cache_size=1 << 30))
    monkeypatch.setattr(disk_cache.log, "_warned", set())
    return path


@pytest.fixture
def without_torch(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)      # as where it is not installed
    assert importlib.util.find_spec("torch") is None


def run(capsys, *arguments):
    """The exit status, and what was printed."""
    status = cli.main(arguments)
    return status, capsys.readouterr().out


def found(capsys, *arguments):
    status, printed = run(capsys, *arguments, "--json")
    return status, json.loads(printed)


# ---- doctor ----

SECTIONS = ("versions", "device", "processor", "backends", "kernel cache", "threads", "memory", "switches", "self-test", "what to do")


def test_doctor(quick, capsys):
    status, text = run(capsys, "doctor")
    assert status == 0 and [line for line in text.splitlines() if line and not line.startswith(" ")] == list(SECTIONS)
    for line in (rf"hologram +{re.escape(hologram_core.__version__)}", r"torch +\d", r"numpy +\d", r"built files +_C", r"loaded +yes", r"cpu +available",
                 r"cuda +(available|absent: .+)", r"holds +\d+ kernels", r"of the runtime +\d+", r"result +passed", r"memory +[\d.]+ GB/s", r"kernels for +\w+ \(.+\), LLVM \d"):
        assert re.search(rf"^  {line}", text, re.M), line
    assert str(Path.home()) not in text or str(Path.home()) in ("/", "/root")


def test_doctor_as_json(quick, capsys, monkeypatch):
    monkeypatch.setenv("HOLOGRAM_LOG", "0")
    status, facts = found(capsys, "doctor")
    assert status == 0 and list(facts)[:-1] == list(SECTIONS) and facts["ok"] is True
    assert facts["versions"]["hologram"].startswith(hologram_core.__version__) and facts["switches"]["HOLOGRAM_LOG"] == "0"
    assert set(facts["backends"]) == {"cpu", "cuda", "metal"} and facts["self-test"]["device"]
    assert not any("bad value" in line for line in facts["what to do"])


def test_doctor_without_torch(quick, capsys, without_torch):
    status, facts = found(capsys, "doctor")
    assert status == 0 and facts["device"]["loaded"] == "no: torch is not installed" and facts["self-test"]["result"] == "passed"
    assert "device" not in facts["self-test"] and any("torch is not installed" in line for line in facts["what to do"])


def test_doctor_says_what_is_wrong_and_what_to_do(quick, capsys, folder, monkeypatch):
    folder.mkdir(mode=0o700)
    _, facts = found(capsys, "doctor")
    assert any("hologram warm" in line for line in facts["what to do"])
    folder.chmod(0o777)
    monkeypatch.setattr(doctor, "problem", lambda: "HOLOGRAM_LOG: 'x' is not a level from 0 to 4.")
    monkeypatch.setattr(doctor, "config", doctor.config.replace(guard=True))
    monkeypatch.setattr(doctor, "_usable_cores", lambda: 8)
    monkeypatch.setattr(doctor._runtime, "max_threads", lambda: 1)
    _, text = run(capsys, "doctor")
    todo = text.split("what to do\n")[1]
    for part in ("chmod 700", "HOLOGRAM_LOG: 'x'", "leave out HOLOGRAM_GUARD", "OMP_NUM_THREADS"):
        assert part in todo


def test_doctor_reports_failures_and_ends_with_1(quick, capsys, monkeypatch):
    def fails(executor):
        raise ArithmeticError("1 + 1 is 3")
    monkeypatch.setattr(selftest, "_first_kernel", fails)
    status, facts = found(capsys, "doctor")
    assert status == 1 and facts["self-test"]["result"] == "failed: ArithmeticError: 1 + 1 is 3" and any("report" in line for line in facts["what to do"])


def test_doctor_tells_why_the_device_does_not_load(quick, capsys, monkeypatch):
    import hologram_torch

    def absent():
        raise ImportError("hologram: it was built for torch 1.0")
    monkeypatch.setattr(hologram_torch, "get_backend", absent)
    status, facts = found(capsys, "doctor")
    assert status == 1 and facts["device"]["loaded"] == "no: hologram: it was built for torch 1.0"
    assert any("built for torch 1.0" in line for line in facts["what to do"])


def test_what_the_package_was_built_for_is_in_the_names_of_its_files():
    files = ["_C_2_13.cpython-311-x86_64-linux-gnu.so", "_C_2_15.cpython-311-x86_64-linux-gnu.so", "_C_2_15.cpython-312-x86_64-linux-gnu.so"]
    assert doctor._releases(files) == ["torch 2.13", "torch 2.15"] and doctor._releases(["_C.cpython-311-x86_64-linux-gnu.so"]) == []


# ---- cache ----

def test_cache(capsys, folder):
    assert run(capsys, "cache", "path") == (0, f"{folder}\n")
    assert found(capsys, "cache")[1]["kernels"] == 0 and not folder.exists()
    for n in range(3):
        disk_cache.store(disk_cache.key_of(bytes([n])), Entry("s", "add", 1.0, bytes(2000)))
    status, text = run(capsys, "cache")
    assert status == 0 and text.startswith(f"{folder}: 3 kernels, 6.1 KiB of at most 1.0 GiB")
    facts = found(capsys, "cache", "clear")[1]
    assert facts["removed_kernels"] == 3 and facts["kernels"] == facts["bytes"] == 0 and list(folder.iterdir()) == []
    folder.chmod(0o777)
    assert "It is not used: others may write to it. Run `chmod 700" in run(capsys, "cache")[1]


# ---- warm ----

def test_warm_fills_the_cache_once(folder):
    """In processes of their own, as it is used: the first compiles, the second finds all."""
    environment = {**os.environ, "HOLOGRAM_CACHE_DIR": str(folder), "PYTHONPATH": os.pathsep.join([str(ROOT / "hologram_core/names"), str(ROOT)])}
    first, second = (json.loads(subprocess.run([sys.executable, "-m", "hologram", "warm", "--only", "core", "--json"], env=environment, check=True,
                                               capture_output=True, text=True).stdout) for _ in range(2))
    row, = first["programs"]
    assert row["compiled"] == first["compiled"] >= 5 and row["found"] == 0 and first["cache"]["kernels"] == row["compiled"] == len(list(folder.iterdir()))
    again, = second["programs"]
    assert again["compiled"] == 0 and again["found"] == row["compiled"]


def test_every_program_of_warm_is_there():
    from hologram.cli import warm_torch

    assert all(callable(getattr(warm_torch, name)) for name in warm.TORCH.values())
    warm_torch.train(warm_torch.cnn(), lambda: warm_torch.torch.randn(2, 3, 32, 32, device="hologram"),
                     lambda: warm_torch.torch.randint(0, 10, (2,), device="hologram"), clip=1.0, steps=1)
    model = warm_torch.GPT(0.1, vocabulary=8, width=8, context=4)
    tokens = lambda *shape: warm_torch.torch.randint(0, 8, shape, device="hologram")
    warm_torch.train(model, lambda: tokens(1, 4), lambda: tokens(4), autocast=warm_torch.torch.bfloat16, steps=1)


def test_warm_without_torch_or_cache(capsys, without_torch, folder):
    folder.write_text("not a folder")
    status, text = run(capsys, "warm")
    assert status == 1 and "core: ops and tensors" in text and "torch:" not in text
    assert "torch is not installed" in text and "They are lost" in text


def test_warm_says_which_programs_there_are(capsys):
    with pytest.raises(SystemExit, match="no program's name contains 'nothing'. They are: core: ops and tensors; torch: tensors in four types; "):
        run(capsys, "warm", "--only", "nothing")


# ---- bench ----

def test_bench(quick, capsys, monkeypatch):
    monkeypatch.setattr(bench, "TORCH", [("a + b, 10", "a + b", (10,)), ("softmax, 4x8", "torch.softmax(a, -1)", (4, 8)), ("matmul, 4x4", "a @ b", (4, 4))])
    status, text = run(capsys, "bench")
    assert status == 0 and "hologram against torch" in text and len(re.findall(r"^\| .* \| +[\d,.]+ \| +[\d,.]+ \| +[\d.]+x \|$", text, re.M)) == 3
    rows = found(capsys, "bench")[1]["rows"]
    assert [row["case"] for row in rows] == ["a + b, 10", "softmax, 4x8", "matmul, 4x4"] and all(row["speed"] > 0 for row in rows)


def test_bench_without_torch(quick, capsys, without_torch, monkeypatch):
    monkeypatch.setattr(bench, "NUMPY", [(case, statement, 100) for case, statement, _ in bench.NUMPY])
    status, text = run(capsys, "bench")
    assert status == 0 and "against NumPy (torch is not installed)" in text and text.count("x |") == len(bench.NUMPY)


def test_bench_refuses_wrong_results(quick, capsys, monkeypatch):
    monkeypatch.setattr(bench, "TORCH", [("random", "torch.rand_like(a)", (10,))])
    with pytest.raises(AssertionError):
        run(capsys, "bench")


def test_the_statements_of_bench_are_right(quick, monkeypatch):
    """With small inputs: their results are compared."""
    small = [(case, statement, tuple(min(n, 16) for n in shape)) for case, statement, shape in bench.TORCH]
    monkeypatch.setattr(bench, "TORCH", small)
    monkeypatch.setattr(bench, "compare", lambda case, theirs, ours: case)
    assert list(bench._against_torch(cli.parser().parse_args(["bench", "--json"]))) == [case for case, *_ in small]


# ---- the command ----

def test_it_is_a_module_and_a_command():
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "hologram_core/names"), str(ROOT)])}
    done = subprocess.run([sys.executable, "-m", "hologram", "cache", "path"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.strip() == str(disk_cache.config.cache_dir)
    assert 'hologram = "hologram.cli:main"' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize("arguments", [(), ("nonsense",), ("cache", "nonsense"), ("doctor", "--nonsense")], ids=str)
def test_wrong_arguments(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2 and "usage: hologram" in capsys.readouterr().err


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    text = capsys.readouterr().out
    assert all(name in text for name in ("doctor", "warm", "cache", "bench")) and set(cli.HELP) == {"doctor", "warm", "cache", "bench"}


def test_sizes_and_paths():
    assert [report.size(n) for n in (0, 1023, 1536, 5 << 20, 3 << 30, 1 << 50)] == ["0 bytes", "1023 bytes", "1.5 KiB", "5.0 MiB", "3.0 GiB", "1048576.0 GiB"]
    assert report.short(Path.home() / "x" / "y") == "~/x/y" and report.short("/elsewhere") == "/elsewhere" and report.short(None) == "None"


def test_a_package_that_cannot_be_loaded_is_a_sentence(tmp_path):
    """As after a copy that was stopped: no traceback, and the command to run."""
    folder = tmp_path / "hologram_core"
    shutil.copytree(ROOT / "hologram_core", folder, ignore=shutil.ignore_patterns("__pycache__", "_runtime*"))
    for name in ("doctor", "warm"):
        done = subprocess.run([sys.executable, "-S", "-m", "hologram", name], cwd=tmp_path, capture_output=True, text=True,
                              env={"PYTHONPATH": os.pathsep.join([str(folder / "names"), str(tmp_path), *SITE])})
        line, = done.stderr.splitlines()
        assert done.returncode == 1 and line.startswith("hologram: its libraries for Python ") and "Run `pip install " in line, done.stderr
