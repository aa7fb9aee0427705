"""The CUDA backend on a machine with a GPU, in one call of at most nine minutes: does it work, and how fast is it?

    python -m benchmarks.gpu [--minutes 9] [--parts smoke bandwidth ...] [--reduced]

Smoke tests; the bandwidth of elementwise kernels and of reductions against a measured copy; a fused chain and hand-written norms
against eager PyTorch and torch.compile on the same GPU; GPT training steps; PyTorch's op_db in float32; a part of the suite; the
smoke tests under compute-sanitizer. Each part is a process of its own with a limit in time: one that fails, hangs or loses the
device costs no other (benchmarks/gpu_parts.py). What is not installed is left out and named. The table comes last. Exit status: 0
where everything that ran agreed, 1 where something failed, 2 without a GPU. `--reduced`: small sizes, for a trial run.

Ops are recorded on any PyTorch (HOLOGRAM_FUSION=force, unless it is set): no part takes an address but the suite, which is not forced.
"""

import argparse
import importlib.util
import json
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SUITE = ["aten/test_storage.py", "device/test_device.py", "aten/test_delegate.py", "aten/test_rowwise.py", "aten/test_random.py",
         "aten/test_reduction.py", "runtime/trace/test_fusion.py"]
MARK = "@row "      # leads the lines of a part's output that are rows of the table

# Parts in the order of what they tell, and the seconds each may take. A part takes what the earlier ones left.
PARTS = {"smoke": 70, "bandwidth": 60, "torch": 130, "gpt": 90, "op_db": 130, "suite": 120, "sanitizer": 120}


class Report:
    """Rows of the table, and whether something failed."""

    def __init__(self, seconds: float):
        self.end = time.monotonic() + seconds
        self.rows, self.failed = [], False

    def left(self) -> float:
        return self.end - time.monotonic()

    def add(self, name, value, note="", failed=False):
        self.rows.append((name, value, note))
        self.failed |= failed
        print(f"  {name}: {value} {note}", flush=True)

    def table(self) -> str:
        width = max(len(name) for name, _, _ in self.rows)
        return "\n".join(f"{name:{width}}  {value:>14}  {note}".rstrip() for name, value, note in self.rows)


def output_of(command, seconds, line):
    """Calls `line` with each line that a command prints; its exit status, or None: it took longer and was ended."""
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True) as process:
        end, rest = time.monotonic() + seconds, b""
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(process.stdout, selectors.EVENT_READ)
                while True:
                    left = end - time.monotonic()
                    if left <= 0 or not selector.select(left):
                        return None
                    data = os.read(process.stdout.fileno(), 1 << 16)
                    if not data:
                        return process.wait(max(1.0, left))
                    *lines, rest = (rest + data).split(b"\n")
                    for text in lines:
                        line(text.decode(errors="replace"))
        except subprocess.TimeoutExpired:
            return None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)      # the session that was started above


def run_part(report, name, command, budget, line=lambda text: None):
    """Runs one part; what it reports goes into the table, and how it ended where that was not well."""
    print(f"== {name}", flush=True)
    if report.left() < 10:
        return report.add(name, "left out", "no time left")
    limit, last = min(budget, report.left()), [""]

    def take(text):
        if text.startswith(MARK):
            return report.add(**json.loads(text.removeprefix(MARK)))
        if text.strip():
            last[0] = text.strip()
        print(f"  | {text}", flush=True)
        line(text)

    status = output_of(command, limit, take)
    if status is None:
        report.add(name, "unfinished", f"after {limit:.0f} s")
    elif status != 0:
        report.add(name, "FAILED", f"exit status {status}: {last[0][:90]}", failed=True)
    return status


def part_command(name, reduced, seconds=0.0) -> list:
    return [sys.executable, "-X", "faulthandler", "-m", "benchmarks.gpu_parts", name, *(["--reduced"] if reduced else []),
            "--seconds", f"{seconds:.0f}"]


def suite(report, budget, reduced):
    """The modules' own tests, on this backend."""
    if not importlib.util.find_spec("pytest"):
        return report.add("suite", "left out", "pytest is not installed")
    modules = ["device/test_traps.py"] if reduced else SUITE
    counts = []

    def line(text):
        if re.match(r"\d+ (passed|failed|error)", text.strip("= ")):
            counts.append(text.strip("= "))
        elif text.startswith("FAILED"):
            report.add("suite", "FAILED", text.split(" ", 1)[1][:110], failed=True)

    command = [sys.executable, "-m", "pytest", "-q", "--maxfail=8", "--tb=short", "--no-header", "-p", "no:cacheprovider",
               *(f"tests/{name}" for name in modules)]
    status = run_part(report, "suite", command, budget, line)
    if counts:
        report.add("suite, tests", "pass" if status == 0 else "FAILED", counts[-1][:90])


def sanitizer(report, budget, reduced):
    """The smoke tests under compute-sanitizer."""
    tool = shutil.which("compute-sanitizer") or shutil.which("compute-sanitizer", path="/usr/local/cuda/bin")
    if not tool:
        return report.add("sanitizer", "left out", "compute-sanitizer is not installed")
    for check in ("memcheck", "racecheck"):
        name, found = f"sanitizer, {check}", []
        command = [tool, "--tool", check, "--error-exitcode", "77", *part_command("smoke", reduced), "--quiet"]
        status = run_part(report, name, command, budget / 2, lambda text: found.append(text) if "SUMMARY" in text else None)
        if status == 0:
            report.add(name, "pass", found[-1].strip("= ")[:90] if found else "")


def absent_modules(folder) -> list:
    """PyTorch's databases import `expecttest` for the sake of one class; where it is missing, one that has it is written."""
    if importlib.util.find_spec("expecttest"):
        return []
    Path(folder, "expecttest.py").write_text("import unittest\n\n\nclass TestCase(unittest.TestCase):\n    pass\n\n\n"
                                             "def assert_expected_inline(*args, **kwargs):\n    raise NotImplementedError\n")
    return [str(folder)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--reduced", action="store_true", help="small sizes and few tests")
    options = parser.parse_args()
    report = Report(60 * options.minutes - 10)
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(ROOT), *absent_modules(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
        os.environ.update(PYTHONPATH=os.pathsep.join(paths), HOLOGRAM_BACKEND="cuda")
        forced = os.environ.setdefault("HOLOGRAM_FUSION", "force") == "force"
        status = run_part(report, "device", part_command("device", options.reduced), 60)
        if status == 2:
            return 2
        for name in options.parts if status == 0 else ():
            budget = min(PARTS[name], report.left())
            if forced:
                os.environ["HOLOGRAM_FUSION"] = "1" if name == "suite" else "force"
            if name in ("suite", "sanitizer"):
                {"suite": suite, "sanitizer": sanitizer}[name](report, budget, options.reduced)
            else:
                run_part(report, name, part_command(name, options.reduced, budget - 12), budget)
    print("\n" + report.table(), flush=True)
    return int(report.failed)


if __name__ == "__main__":
    sys.exit(main())
