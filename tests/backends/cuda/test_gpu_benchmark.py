"""`python -m benchmarks.gpu` reaches its table: on the fake driver, without one, and where a part fails or hangs."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks import gpu
from tests.backends.cuda import fake

ROOT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.skipif(sys.platform == "darwin" or os.environ.get("HOLOGRAM_BACKEND") == "cuda",
                                reason="Linux only; and once, not from inside itself")


def run(*arguments, **environment):
    return subprocess.run([sys.executable, "-m", "benchmarks.gpu", *arguments], cwd=ROOT, env={**fake.environment(), **environment},
                          capture_output=True, text=True)


def table_of(output: str) -> dict:
    """{first column: rest} of the table, which is what follows the last empty line."""
    return {name.strip(): rest.strip() for name, rest in (line.split("  ", 1) for line in output.strip().rpartition("\n\n")[2].splitlines())}


def test_every_part_reaches_the_table():
    done = run("--reduced", HOLOGRAM_FUSION="force", HOLOGRAM_SYNC="0")
    table = table_of(done.stdout)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert table["device"].startswith("hologram cuda: Fake GPU 0")
    assert table["recording"].startswith("on")
    assert table["smoke tests"].startswith("pass")
    for name in ("copy, 64 KiB", "x + y, 64 KiB", "sum of all, 64 KiB", "sum of columns, 64 KiB"):
        assert "GB/s" in table[name]
    assert "1 kernel(s)" in table["fused chain, 16 x 64"] and "1 kernel(s)" in table["RMS norm by hand, 16 x 64"]
    assert "ms" in table["GPT step, 1 layer of 32, 2 x 8 tokens"]
    assert table["op_db, float32"].startswith("pass") and "0 not reached" in table["op_db, float32"]
    assert table["suite, tests"].startswith("pass")
    assert table["sanitizer"].startswith("left out")


def test_a_failing_part_costs_no_other():
    """The second launch of every process fails, and so does the device."""
    done = run("--reduced", "--parts", "smoke", "gpt", "sanitizer", FAKE_CUDA_FAIL="cuLaunchKernel:2:700")
    table = table_of(done.stdout)
    assert done.returncode == 1
    assert "FAILED" in table["smoke tests"] and "was lost" in table["smoke, softmax"] and "was lost" in table["GPT, 1 layer of 32"]
    assert "left out" in table["sanitizer"]


def test_without_a_gpu():
    done = run("--reduced", FAKE_CUDA_DEVICES="0")
    assert done.returncode == 2 and "sees no device" in done.stdout


def part(code, budget=30.0):
    report = gpu.Report(60)
    status = gpu.run_part(report, "part", [sys.executable, "-c", code], budget)
    return report, status


ROW = f"print({gpu.MARK!r} + '{{\"name\": \"n\", \"value\": \"v\"}}', flush=True)\n"


def test_what_a_part_reported_before_it_died_counts():
    report, status = part(ROW + "import os; os.abort()")
    assert status < 0 and report.failed and report.rows[0] == ("n", "v", "")
    assert report.rows[1][:2] == ("part", "FAILED") and "exit status -6" in report.rows[1][2]


def test_a_part_that_hangs_is_ended_with_its_children():
    start = time.monotonic()
    report, status = part(ROW + "import subprocess; print(subprocess.run(['sleep', '77']))", budget=1.5)
    assert status is None and time.monotonic() - start < 20 and [value for _, value, _ in report.rows] == ["v", "unfinished"]


def test_without_time_nothing_is_started():
    report = gpu.Report(5)
    assert gpu.run_part(report, "part", ["/nowhere"], 60) is None and report.rows == [("part", "left out", "no time left")]
