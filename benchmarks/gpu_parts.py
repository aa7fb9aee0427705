"""The parts of `python -m benchmarks.gpu`, each run as a process of its own: `python -m benchmarks.gpu_parts NAME`.

A part prints its rows of the table as JSON (`row`). Where it raises, its exit status is 1 and what it printed before counts.
"""

import argparse
import contextlib
import json
import signal
import sys
import traceback
from statistics import median
from types import SimpleNamespace

import torch
import torch.nn.functional as F

import hologram_torch
from benchmarks.gpu import MARK
from hologram_core import _runtime
from hologram_torch.torch_release import RELEASE

DEVICE = "hologram"


def row(name, value, note="", failed=False):
    print(MARK + json.dumps({"name": name, "value": value, "note": note, "failed": failed}), flush=True)


def attempt(name, function):
    """The value of a call; None where it raised, which is a row of the table."""
    try:
        return function()
    except Exception as error:  # noqa: BLE001  (the rest goes on)
        traceback.print_exc()
        row(name, "FAILED", f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:90]}", failed=True)
        return None


def seconds(function, device: str, calls: int, rounds: int) -> float:
    """Median seconds per call, by events of the device. Each call is launched before the next: what nobody reads would not run."""
    launch = _runtime.flush if device == DEVICE else lambda: None

    def call():
        kept = function()
        launch()
        return kept

    for _ in range(3):
        call()
    times = []
    for _ in range(rounds):
        first, last = (torch.Event(device, enable_timing=True) for _ in range(2))
        first.record()
        for _ in range(calls):
            call()
        last.record()
        last.synchronize()
        times.append(first.elapsed_time(last) / 1e3 / calls)
    return max(median(times), 1e-9)


def agree(name, got, want, tolerance):
    torch.testing.assert_close(got.detach().cpu(), want.detach().cpu(), rtol=tolerance, atol=tolerance, equal_nan=True,
                               msg=lambda text: f"{name}: {text}")


# ---- does it work? ----

def device(size):
    cuda = torch.cuda.get_device_name() if torch.cuda.is_available() else "no"
    row("device", torch.hologram.get_device_name(), f"torch {torch.__version__}, torch.cuda {cuda}, Python {sys.version.split()[0]}")
    recorded = hologram_torch._C.records()
    forced = recorded and RELEASE < (2, 13)
    row("recording", "on" if recorded else "off", "forced: this PyTorch does not tell when an address is taken" if forced else "")


def trained(d):
    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.Linear(16, 32), torch.nn.GELU(), torch.nn.LayerNorm(32), torch.nn.Linear(32, 4)).to(d)
    x, target = torch.randn(64, 16).to(d), (torch.arange(64) % 4).to(d)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(5):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), target)
        loss.backward()
        optimizer.step()
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def programs() -> dict:
    """{name: function of a device}; all of them agree with the CPU."""
    torch.manual_seed(0)
    x, w, rows = torch.randn(64, 96), torch.randn(96, 32), torch.randn(7, 20000)
    lists = [torch.randn(n) for n in range(1, 40)]

    def foreach(d):
        tensors = [t.to(d) for t in lists]
        torch._foreach_mul_(tensors, 3.0)
        return torch.cat(torch._foreach_add(tensors, tensors, alpha=2))

    return {
        "chain": lambda d: (x.to(d) * 2 + 1).tanh().relu().sum(), "softmax": lambda d: F.softmax(x.to(d), -1),
        "layer norm": lambda d: F.layer_norm(x.to(d), (96,)), "strided": lambda d: x.to(d).t()[1:7, ::3].exp(),
        "transposed copy": lambda d: x.to(d).t().contiguous(), "half": lambda d: (x.to(d).half() * 3).float(),
        "bfloat16": lambda d: x.to(d).bfloat16().sum(-1).float(), "double": lambda d: x.to(d).double().sin().sum(0),
        "integers": lambda d: (x.to(d) * 100).int() // 7, "bool": lambda d: (x.to(d) > 0).any(0),
        "complex": lambda d: torch.complex(x.to(d), x.to(d)) * 2j,
        "sum of a long row": lambda d: torch.arange(1 << 20, device=d).sum(), "mean of long rows": lambda d: rows.to(d).mean(-1),
        "sum of columns": lambda d: rows.to(d).sum(0), "argmax": lambda d: rows.to(d).argmax(-1), "variance": lambda d: rows.to(d).var(-1),
        "running sum": lambda d: x.to(d).cumsum(-1), "matmul": lambda d: x.to(d) @ w.to(d), "sort": lambda d: rows.to(d).sort(-1).values,
        "index": lambda d: x.to(d)[x.to(d) > 0].sum(), "gather": lambda d: x.to(d).gather(1, (x.argsort(1)).to(d)),
        "convolution": lambda d: F.conv2d(x.view(2, 3, 32, 32).to(d), w.view(32, 3, 4, 8).to(d)), "foreach": foreach,
        "five steps of AdamW": trained,
    }


def streams():
    side, event = torch.Stream(DEVICE), torch.Event(DEVICE)
    with side:
        y = torch.ones(1 << 22, device=DEVICE) * 2
        event.record(side)
    torch.hologram.current_stream().wait_event(event)
    assert (y + 1).sum().item() == 3 << 22
    pinned = torch.arange(1 << 20, dtype=torch.float32).pin_memory()
    back = torch.empty_like(pinned).pin_memory()
    back.copy_(pinned.to(DEVICE, non_blocking=True) * 2, non_blocking=True)
    torch.hologram.synchronize()
    assert torch.equal(back, pinned * 2)


def random():
    torch.manual_seed(3)
    first = torch.randn(1 << 16, device=DEVICE)
    torch.manual_seed(3)
    assert torch.equal(torch.randn(1 << 16, device=DEVICE), first)
    assert abs(first.mean().item()) < 0.05 and abs(first.std().item() - 1) < 0.05


def memory():
    total = torch.hologram.mem_get_info()[1]
    try:
        torch.empty(2 * total, dtype=torch.uint8, device=DEVICE)
    except torch.OutOfMemoryError:
        pass
    else:
        raise AssertionError("twice the device's memory was given out")
    before = torch.hologram.memory_allocated()
    kept = torch.ones(1 << 20, device=DEVICE)
    assert torch.hologram.memory_allocated() >= before + kept.nbytes


def second_device():
    a = torch.arange(1000.0, device=DEVICE)
    b = a.to("hologram:1")
    assert b.device.index == 1 and torch.equal((b * 2).to("hologram:0"), a * 2)


def smoke(size, quiet=False):
    checks = {name: (lambda name=name, program=program: agree(name, program(DEVICE), program("cpu"), 2e-4))
              for name, program in programs().items()}
    checks |= {"streams": streams, "random numbers": random, "memory": memory}
    if torch.hologram.device_count() > 1:
        checks["second device"] = second_device
    failed = []
    for name, check in checks.items():
        try:
            check()
        except Exception as error:  # noqa: BLE001
            traceback.print_exc()
            failed.append(name)
            row(f"smoke, {name}", "FAILED", f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:90]}", failed=True)
    if not quiet:
        row("smoke tests", "pass" if not failed else "FAILED", f"{len(checks) - len(failed)} of {len(checks)}", failed=bool(failed))
    copies = {name: counts["host_copies"] for name, counts in torch.hologram.op_report().items() if counts.get("host_copies")}
    if not quiet:
        row("ops on host copies", str(len(copies)), ", ".join(sorted(copies))[:90])


# ---- how fast is it? ----

def bandwidth(size):
    for n in size.elements:
        x, y, out = (torch.randn(n, device=DEVICE) for _ in range(3))
        label = f"{4 * n >> 20} MiB" if n >= 1 << 18 else f"{4 * n >> 10} KiB"
        time = lambda f: seconds(f, DEVICE, size.calls, size.rounds)
        copy = 8 * n / time(lambda: out.copy_(x))
        row(f"copy, {label}", f"{copy / 1e9:.0f} GB/s", "read and written")
        if torch.cuda.is_available():
            a, b = (torch.empty(n, device="cuda") for _ in range(2))
            theirs = 8 * n / seconds(lambda: b.copy_(a), "cuda", size.calls, size.rounds)
            row(f"copy by torch.cuda, {label}", f"{theirs / 1e9:.0f} GB/s", f"{theirs / copy:.0%} of ours")
            del a, b
        width, half = min(n, 4096), x.half()
        cases = {"x + y": (lambda: torch.add(x, y, out=out), 12), "exp(x)": (lambda: torch.exp(x, out=out), 8),
                 "x * 2 + 1, half": (lambda: half * 2 + 1, 4), "transposed copy": (lambda: x.view(-1, width).t().contiguous(), 8),
                 "sum of all": (lambda: x.sum(), 4), f"sum of rows of {width}": (lambda: x.view(-1, width).sum(-1), 4),
                 "sum of columns": (lambda: x.view(-1, width).sum(0), 4),
                 f"softmax of rows of {width}": (lambda: F.softmax(x.view(-1, width), -1), 8)}
        for name, (function, moved) in cases.items():
            title = f"{name}, {label}"
            if taken := attempt(title, lambda: time(function)):
                rate = moved * n / taken
                row(title, f"{rate / 1e9:.0f} GB/s", f"{rate / copy:.0%} of the copy")


def chain(x, y):
    return torch.relu(torch.tanh(x * y + x) * 0.5 + y) - x


def rms_norm(x, weight):
    return x * (x.pow(2).mean(-1, keepdim=True) + 1e-6).rsqrt() * weight


def layer_norm(x, weight):
    centred = x - x.mean(-1, keepdim=True)
    return centred * torch.rsqrt((centred * centred).mean(-1, keepdim=True) + 1e-5) * weight


def softmax(x, weight):
    e = (x * weight - (x * weight).amax(-1, keepdim=True)).exp()
    return e / e.sum(-1, keepdim=True)


def against_torch(size):
    n, width = size.rows, size.width
    both, one = ((n, width), (n, width)), ((n, width), (width,))
    for name, function, shapes in (("fused chain", chain, both), ("RMS norm by hand", rms_norm, one),
                                   ("layer norm by hand", layer_norm, one),
                                   ("softmax by hand", softmax, one)):
        attempt(name, lambda: one_against_torch(f"{name}, {n} x {width}", function, [torch.randn(s) for s in shapes], size))


def one_against_torch(name, function, host, size):
    args = [h.to(DEVICE) for h in host]
    agree(name, function(*args), function(*host), 1e-4)
    before = torch.hologram.counters()["launched"]
    kept = function(*args)
    _runtime.flush()
    kernels = torch.hologram.counters()["launched"] - before
    del kept
    ours = seconds(lambda: function(*args), DEVICE, size.calls, size.rounds)
    note = f"{ours * 1e6:.0f} us, {kernels} kernel(s)"
    if not torch.cuda.is_available():
        return row(name, note.split(",")[0], f"{kernels} kernel(s); this PyTorch has no CUDA to compare with")
    theirs = [h.cuda() for h in host]
    eager = seconds(lambda: function(*theirs), "cuda", size.calls, size.rounds)
    row(name, f"{eager / ours:.2f}x eager", f"{note}; eager {eager * 1e6:.0f} us")
    compiled = torch.compile(function)
    fused = attempt(f"{name}, torch.compile", lambda: seconds(lambda: compiled(*theirs), "cuda", size.calls, size.rounds))
    if fused:
        row(name, f"{fused / ours:.2f}x compiled", f"torch.compile {fused * 1e6:.0f} us")


def gpt(size):
    for label, shape, batch, tokens in size.gpts:
        attempt(f"GPT, {label}", lambda: one_gpt(f"GPT step, {label}, {batch} x {tokens} tokens", shape, batch, tokens, size))


def one_gpt(name, shape, batch, tokens, size):
    from benchmarks.steps import GPT

    def trainer(d):
        torch.manual_seed(0)
        model = GPT(context=tokens, **shape).to(d)
        optimizer = torch.optim.Adam(model.parameters(), fused=True)
        data = torch.randint(0, 256, (batch, tokens), generator=torch.Generator().manual_seed(1)).to(d)

        def step():
            optimizer.zero_grad()
            loss = F.cross_entropy(model(data), data.flatten())
            loss.backward()
            optimizer.step()
            return loss

        return step

    def measured(d):
        step = trainer(d)
        losses = [step().item() for _ in range(3)]
        assert losses[-1] < losses[0], f"the loss does not fall: {losses}"
        return losses, seconds(step, d, size.steps, 5)

    losses, ours = measured(DEVICE)
    note = f"{ours * 1e3:.2f} ms"
    if not torch.cuda.is_available():
        return row(name, note, "products run on the host: this PyTorch has no CUDA")
    wanted, eager = measured("cuda")
    row(name, f"{eager / ours:.2f}x eager", f"{note}, eager {eager * 1e3:.2f} ms; losses {losses[-1]:.4f} and {wanted[-1]:.4f}")


# ---- PyTorch's own database ----

def op_db(size, limit):
    from tests.conformance import ledger, runner

    tasks = runner.tasks(SimpleNamespace(databases=("ops",), filter=size.ops, dtypes=("float32",), checks=("forward",)))
    # Spread over the alphabet: what is left undone at the limit is a share of everything.
    tasks = [task for start in range(16) for task in tasks[start::16]]
    rows = {}

    def over(number, frame):
        raise TimeoutError

    signal.signal(signal.SIGALRM, over)
    signal.alarm(max(1, int(limit)))
    with contextlib.suppress(TimeoutError):
        runner.run_all(tasks, SimpleNamespace(limit=1, workers=size.workers, timeout=60, recycle=400), rows)
    signal.alarm(0)
    counts = {status: sum(r["status"] == status for r in rows.values()) for status in ("passed", "failed", "crashed")}
    _, wrong, _ = ledger.judged(rows)
    row("op_db, float32", "pass" if not wrong else "FAILED",
        f"{counts['passed']} passed, {counts['failed']} failed, {counts['crashed']} crashed, "
        f"{len(tasks) - len(rows)} not reached", failed=bool(wrong))
    for entry in wrong[:12]:
        row(f"op_db, {entry.split('/')[1]}", rows[entry]["status"], " ".join(rows[entry]["message"].split())[:110], failed=True)


FULL = SimpleNamespace(elements=(1 << 24, 1 << 28), calls=20, rounds=7, rows=8192, width=4096, steps=5, workers=8, ops="",
                       gpts=(("4 layers of 256", {}, 8, 128), ("12 layers of 768", {"width": 768, "layers": 12, "heads": 12}, 8, 512)))
REDUCED = SimpleNamespace(elements=(1 << 14,), calls=2, rounds=2, rows=16, width=64, steps=1, workers=1, ops="addc",
                          gpts=(("1 layer of 32", {"width": 32, "layers": 1, "heads": 2}, 2, 8),))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts = {"device": device, "smoke": smoke, "bandwidth": bandwidth, "torch": against_torch, "gpt": gpt, "op_db": op_db}
    parser.add_argument("part", choices=list(parts))
    parser.add_argument("--reduced", action="store_true")
    parser.add_argument("--quiet", action="store_true", help="no rows but those of failures")
    parser.add_argument("--seconds", type=float, default=100.0, help="after which op_db stops")
    options = parser.parse_args()
    if reason := hologram_torch.backend_reason("cuda"):
        print(f"No GPU: the CUDA backend is not available here ({reason}). Nothing was measured.")
        return 2
    hologram_torch.set_backend("cuda")
    more = {"op_db": {"limit": options.seconds}, "smoke": {"quiet": options.quiet}}
    parts[options.part](REDUCED if options.reduced else FULL, **more.get(options.part, {}))
    torch.hologram.synchronize()
    return 0


if __name__ == "__main__":
    sys.exit(main())
