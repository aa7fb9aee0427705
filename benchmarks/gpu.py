"""The CUDA backend on a machine with a GPU, in one call of at most nine minutes: does it work, and how fast is it?

    python -m benchmarks.gpu [--minutes 9] [--no-suite]

Smoke tests, a part of the suite, the bandwidth of elementwise kernels and of reductions against a measured copy, a fused chain
and hand-written norms against eager PyTorch and torch.compile on the same GPU, a GPT training step. What PyTorch's CUDA is
needed for is left out where PyTorch has none. The table comes last. Exit status: 0 where everything that ran agreed, 1 where
something failed, 2 without a GPU.
"""

import argparse
import os
import subprocess
import sys
import time
import traceback
from statistics import median

SUITE = ["test_storage.py", "test_device.py", "test_delegate.py", "test_elementwise.py", "test_reduction.py", "test_rowwise.py", "test_random.py"]


class Report:
    """Rows of the last table, and whether something failed."""

    def __init__(self, seconds: float):
        self.end = time.monotonic() + seconds
        self.rows, self.failed = [], False

    def left(self) -> float:
        return self.end - time.monotonic()

    def add(self, name, value, note=""):
        self.rows.append((name, value, note))
        print(f"  {name}: {value} {note}", flush=True)

    def section(self, name, least, function, *args):
        """Runs a part, unless fewer than `least` seconds are left; an exception ends that part alone."""
        print(f"== {name}", flush=True)
        if self.left() < least:
            return self.add(name, "left out", f"{self.left():.0f} s left")
        try:
            function(self, *args)
        except Exception as error:  # noqa: BLE001  (the other parts go on)
            traceback.print_exc()
            self.failed = True
            self.add(name, "FAILED", f"{type(error).__name__}: {str(error).splitlines()[0][:90]}")

    def table(self):
        width = max(len(name) for name, _, _ in self.rows)
        print("\n" + "\n".join(f"{name:{width}}  {value:>14}  {note}" for name, value, note in self.rows))


def seconds(function, device: str, calls: int = 20, rounds: int = 7) -> float:
    """Median seconds per call on the device's own clock."""
    import torch

    for _ in range(3):
        function()
    times = []
    for _ in range(rounds):
        first, last = (torch.Event(device, enable_timing=True) for _ in range(2))
        first.record()
        for _ in range(calls):
            function()
        last.record()
        last.synchronize()
        times.append(first.elapsed_time(last) / 1e3 / calls)
    return median(times)


def smoke(report):
    import torch
    import torch.nn.functional as F

    torch.manual_seed(0)
    x, w = torch.randn(64, 96), torch.randn(96, 32)
    programs = {
        "chain": lambda d: (x.to(d) * 2 + 1).tanh().relu().sum(),
        "softmax": lambda d: F.softmax(x.to(d), -1),
        "layer norm": lambda d: F.layer_norm(x.to(d), (96,)),
        "strided": lambda d: x.to(d).t()[1:7, ::3].exp(),
        "half": lambda d: (x.to(d).half() * 3).float(),
        "matmul": lambda d: x.to(d) @ w.to(d),
        "index": lambda d: x.to(d)[x.to(d) > 0].sum(),
        "long sum": lambda d: torch.arange(1 << 20, device=d).sum(),
    }
    for name, program in programs.items():
        torch.testing.assert_close(program("hologram").cpu(), program("cpu"), rtol=1e-4, atol=1e-4, msg=lambda text: f"{name}: {text}")
    side = torch.Stream("hologram")
    with side:
        y = torch.ones(1 << 20, device="hologram") * 2
    torch.hologram.current_stream().wait_stream(side)
    assert y.sum().item() == 2 << 20
    report.add("smoke tests", "pass", f"{len(programs)} programs and streams")


def suite(report):
    budget = min(150.0, report.left() - 200)
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--no-header", "-p", "no:cacheprovider", *(f"tests/torch/{name}" for name in SUITE)]
    try:
        done = subprocess.run(command, env={**os.environ, "HOLOGRAM_BACKEND": "cuda"}, capture_output=True, text=True, timeout=budget)
    except subprocess.TimeoutExpired:
        return report.add("suite", "unfinished", f"after {budget:.0f} s, nothing failed before")
    print(done.stdout[-3000:])
    report.failed |= done.returncode != 0
    report.add("suite", "pass" if done.returncode == 0 else "FAILED", done.stdout.strip().splitlines()[-1][:80])


def bandwidth(report):
    import torch

    n = 1 << 26
    x, y, out = (torch.randn(n, device="hologram") for _ in range(3))
    copy = 8 * n / seconds(lambda: out.copy_(x), "hologram")
    report.add("copy", f"{copy / 1e9:.0f} GB/s", "256 MiB, read and written")
    cases = {"x + y": (lambda: torch.add(x, y, out=out), 12 * n), "exp(x)": (lambda: torch.exp(x, out=out), 8 * n),
             "sum of all": (lambda: x.sum(), 4 * n),
             "sum of rows of 4096": (lambda: x.view(-1, 4096).sum(-1), 4 * n),
             "sum of columns": (lambda: x.view(-1, 4096).sum(0), 4 * n)}
    for name, (function, moved) in cases.items():
        rate = moved / seconds(function, "hologram")
        report.add(name, f"{rate / 1e9:.0f} GB/s", f"{rate / copy:.0%} of the copy")


def chain(x, y):
    import torch

    return torch.relu(torch.tanh(x * y + x) * 0.5 + y) - x


def norm(x, weight):
    return x * (x.pow(2).mean(-1, keepdim=True) + 1e-6).rsqrt() * weight


def against_torch(report):
    import torch

    on_torch = torch.cuda.is_available()
    shapes = {"chain, 16 M elements": (chain, (4096, 4096), (4096, 4096)), "RMS norm by hand, 8192 x 4096": (norm, (8192, 4096), (4096,))}
    for name, (function, *sizes) in shapes.items():
        host = [torch.randn(s) for s in sizes]
        ours = seconds(lambda args=[h.to("hologram") for h in host]: function(*args), "hologram")
        note = f"{ours * 1e6:.0f} us"
        if on_torch:
            args = [h.cuda() for h in host]
            eager = seconds(lambda: function(*args), "cuda")
            compiled = torch.compile(function)
            fused = seconds(lambda: compiled(*args), "cuda")
            report.add(name, f"{eager / ours:.2f}x eager", f"{fused / ours:.2f}x torch.compile; {note}, {eager * 1e6:.0f}, {fused * 1e6:.0f} us")
        else:
            report.add(name, note, "this PyTorch has no CUDA to compare with")


def gpt(report):
    import torch

    from benchmarks.steps import GPT

    def trainer(device):
        torch.manual_seed(0)
        model = GPT().to(device)
        optimizer = torch.optim.Adam(model.parameters(), fused=True)
        tokens = torch.randint(0, 256, (8, 128)).to(device)

        def step():
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(tokens), tokens.flatten())
            loss.backward()
            optimizer.step()
            return loss

        return step

    ours_step = trainer("hologram")
    ours = seconds(ours_step, "hologram", calls=5, rounds=5)
    note = f"{ours * 1e3:.2f} ms"
    if torch.cuda.is_available():
        step = trainer("cuda")
        eager = seconds(step, "cuda", calls=5, rounds=5)
        report.add("GPT step, 8 x 128 tokens", f"{eager / ours:.2f}x eager", f"{note}, eager {eager * 1e3:.2f} ms")
    else:
        report.add("GPT step, 8 x 128 tokens", note, "products run on the host: this PyTorch has no CUDA")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--no-suite", action="store_true")
    options = parser.parse_args()
    import torch

    import hologram_torch

    reason = hologram_torch.backend_reason("cuda")
    if reason:
        print(f"No GPU: the CUDA backend is not available here ({reason}). Nothing was measured.")
        return 2
    hologram_torch.set_backend("cuda")
    report = Report(60 * options.minutes - 20)
    report.add("device", torch.hologram.get_device_name(), f"torch {torch.__version__}, torch.cuda {'yes' if torch.cuda.is_available() else 'no'}")
    report.section("smoke tests", 5, smoke)
    report.section("bandwidth", 20, bandwidth)
    report.section("fused chain and norm", 60, against_torch)
    report.section("GPT", 40, gpt)
    if not options.no_suite:
        report.section("suite", 230, suite)
    copies = {name: row["host_copies"] for name, row in torch.hologram.op_report().items() if "host_copies" in row}
    report.add("ops on host copies", str(len(copies)), ", ".join(sorted(copies))[:90])
    report.table()
    return int(report.failed)


if __name__ == "__main__":
    sys.exit(main())
