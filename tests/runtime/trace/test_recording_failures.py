"""Failures of recorded ops: raised wherever a value is read that they took, and nowhere else; and what must not fail: threads,
forks, the end.

Ops are checked when they are called. What can fail later is made to fail here: the compiler, its files, and scratch memory of a
kernel. tests/runtime/test_failures.cpp has launches too.
"""

import contextlib
import gc
import importlib
import io
import os
import signal
import threading
import time
import traceback

import pytest
import torch

import hologram_torch
from hologram_core import _runtime
from hologram_core.circuit.key import decode
from tests.compare import DEVICE
from tests.device.test_memory import allocated
from tests.device.test_threads import script
from tests.modes import deferred, host_only

pytestmark = deferred
hologram = torch.hologram
X = torch.linspace(0.5, 2, 1000).to(DEVICE)


def doomed(x, last=torch.erfc):
    """Ops whose kernel no other test has compiled in this process."""
    return last(x.lgamma().digamma())


@contextlib.contextmanager
def compiler(act):
    """Inside, `act(names of the ops)` runs before each kernel is compiled."""
    backend = hologram_torch.get_backend()
    install = _runtime.set_compiler if backend == "cpu" else _runtime.set_device_compiler
    original = importlib.import_module(f"hologram_core.backends.{backend}").compile_key

    def compile_key(key, *target):
        act([node.name for node in decode(key).nodes])
        return original(key, *target)
    hologram.synchronize()
    install(compile_key)
    try:
        yield
    finally:
        install(None)


BROKEN = RuntimeError("hologram.compile: broken.")


def breaking(error=BROKEN):
    def act(names):
        if "digamma" in names:
            raise error
    return compiler(act)


READS = {
    "item": lambda t: t[0].item(), "cpu": lambda t: t.cpu(), "repr": repr, "data_ptr": lambda t: t.data_ptr(),
    "tolist": lambda t: t.tolist(), "library": lambda t: t @ t, "compiled": lambda t: t + 1, "in place": lambda t: t.add_(1),
    "fold": lambda t: t.sum(), "view": lambda t: t[:10] * 2, "copy": lambda t: X.clone().copy_(t), "save": lambda t: torch.save(t, io.BytesIO()),
    "part": lambda t: t[:10].fill_(1), "sort out=": lambda t: torch.sort(X, out=(t, torch.empty(0, dtype=torch.long, device=DEVICE))),
    "grown": lambda t: t.untyped_storage().resize_(2 * t.untyped_storage().nbytes()), "alias": lambda t: t.view(10, 100).T.contiguous(),
}
TEXT = r"^hologram.compile: broken. \(in the circuit lgamma > digamma > erfc.* over 1000 elements\)$"


@pytest.mark.parametrize("name", READS)
def test_each_read_of_a_lost_value_raises(name):
    with breaking():
        t = doomed(X)
        with pytest.raises(RuntimeError, match=TEXT):
            hologram.synchronize()
        for _ in range(3):
            with pytest.raises(RuntimeError, match=TEXT):
                READS[name](t)
        hologram.synchronize()                 # nothing new to tell
        assert (X * 2)[0].item() == 1          # the stream goes on
    with pytest.raises(RuntimeError, match=TEXT):       # the value does not come back by itself
        READS[name](t)
    assert doomed(X).isfinite().all()          # nothing of the failure is remembered


WAITS = {
    "synchronize": hologram.synchronize, "counters": hologram.counters, "statistics": hologram.memory_allocated,
    "event": lambda: hologram.Event().record(), "no_fusion": lambda: hologram.no_fusion().__enter__(),
}


@pytest.mark.parametrize("name", WAITS)
def test_who_waits_for_everything_is_told_once(name):
    with breaking():
        t = doomed(X)
        with pytest.raises(RuntimeError, match=TEXT):
            WAITS[name]()
        hologram.synchronize()
        assert (X * 2)[0].item() == 1
        with pytest.raises(RuntimeError, match=TEXT):
            t.cpu()


OVERWRITES = {
    "copy_": lambda t: t.copy_(X), "from the CPU": lambda t: t.copy_(X.cpu()), "fill_": lambda t: t.fill_(3), "zero_": lambda t: t.zero_(),
    "normal_": lambda t: t.normal_(), "out=": lambda t: torch.add(X, 1, out=t), "view": lambda t: t.view(10, 100).fill_(1),
    "load_state_dict": lambda t: load(t), "whole slice": lambda t: t.__setitem__(slice(None), X),
}


def load(t):
    module = torch.nn.Module()
    module.register_buffer("t", t)
    module.load_state_dict({"t": X.cpu()})


@pytest.mark.parametrize("name", OVERWRITES)
def test_what_is_written_over_whole_is_a_value_again(name):
    with breaking():
        t = doomed(X)
        with pytest.raises(RuntimeError, match=TEXT):
            t.cpu()
        OVERWRITES[name](t)
        assert t.isfinite().all()
        expected = t.cpu() + 1
        assert torch.equal((t + 1).cpu(), expected)


def test_large_tensors_from_the_cpu_heal_too():
    big = torch.linspace(0.5, 2, 1_000_000).to(DEVICE)
    with breaking():
        t = doomed(big)
        with pytest.raises(RuntimeError):
            t.cpu()
        t.copy_(big.cpu())
        assert torch.equal(t.cpu(), big.cpu())


@pytest.mark.parametrize("raised, caught, text", [
    (MemoryError("hologram.compile: full."), torch.OutOfMemoryError, "full"),
    (NotImplementedError("not yet"), NotImplementedError, "not yet"), (ValueError("hologram.compile: odd."), ValueError, "odd"),
    (KeyError("k"), RuntimeError, "hologram.compile: KeyError: 'k'")])
def test_the_kind_of_error_arrives(raised, caught, text):
    with breaking(raised):
        t = doomed(X)
        with pytest.raises(caught, match=text):
            t.cpu()


def test_nothing_leaks():
    before = allocated()
    for _ in range(20):
        with breaking():
            kept = [torch.ones(100_000, device=DEVICE)]
            for n in range(5):
                kept.append(doomed(kept[-1]) if n == 2 else kept[-1] * 2)
            with pytest.raises(RuntimeError, match="broken"):
                kept[-1].cpu()
            del kept
        assert allocated() == before


def test_what_ran_before_the_failure_keeps_its_values():
    first = X * 2
    assert first[0].item() == 1
    with breaking():
        first.add_(1)
        hologram.synchronize()
        second = doomed(first)
        with pytest.raises(RuntimeError, match="broken"):
            second.sum().item()
    assert first[0].item() == 2


def test_each_value_has_its_own_failure():
    with breaking():
        a, b = doomed(X), doomed(X[:10])
        for _ in range(2):
            with pytest.raises(RuntimeError, match=" 10 elements"):
                b.cpu()
            with pytest.raises(RuntimeError, match="1000 elements"):
                a.cpu()
        c = doomed(X[:20])
        with pytest.raises(RuntimeError, match=" 20 elements"):
            (c * 2).cpu()
        with pytest.raises(RuntimeError, match="1000 elements"):
            torch.cat([X, a]).cpu()


def test_what_needs_a_lost_value_is_lost_and_nothing_else():
    c, d = torch.zeros(3, device=DEVICE), torch.ones(3, 4, device=DEVICE)
    hologram.synchronize()
    with breaking():
        c += 1
        t = doomed(X)
        needs = t.view(10, 100).T.contiguous().sum(0)
        d.mul_(3)
        total = d.sum()
        with pytest.raises(RuntimeError, match=TEXT):
            needs.cpu()
    assert c.tolist() == [1] * 3 and total.item() == 36 and d.tolist() == [[3] * 4] * 3
    for lost in (t, needs):
        with pytest.raises(RuntimeError, match=TEXT):
            lost.cpu()


def fill_the_window():
    t = X
    for n in range(1000):
        t = t + n
    return t


def test_a_full_window_keeps_its_failure_for_who_reads_it():
    with breaking():
        t = doomed(X)
        last = fill_the_window()                # runs the window, raises nothing
        assert (X * 2)[0].item() == 1 and last.isfinite().all()
        with pytest.raises(RuntimeError, match="digamma"):
            t.cpu()


def test_a_failure_of_one_thread_reaches_who_asks():
    kept = []
    with breaking():
        thread = threading.Thread(target=lambda: kept.append(doomed(X)))
        thread.start()
        thread.join()
        assert (X * 2)[0].item() == 1
        with pytest.raises(RuntimeError, match="digamma"):
            kept[0].cpu()


def test_a_lost_value_that_is_freed_is_forgotten():
    with breaking():
        t = doomed(X)
        with pytest.raises(RuntimeError):
            t.cpu()
        del t
    again = [X * n for n in range(20)]          # the same memory
    assert all(a.isfinite().all() for a in again)


class Doomed(torch.autograd.Function):
    """The identity, with a gradient that no other test has compiled; autograd's thread records it."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clone()

    @staticmethod
    def backward(ctx, grad):
        return grad * doomed(ctx.saved_tensors[0], torch.asinh)


def test_a_failure_in_backward():
    w = X.clone().requires_grad_()
    loss = Doomed.apply(w).sum()
    with breaking():
        loss.backward()
        with pytest.raises(RuntimeError, match="digamma > asinh"):
            w.grad.cpu()
    w.grad = None
    Doomed.apply(w).sum().backward()
    torch.testing.assert_close(w.grad.cpu(), doomed(X.cpu(), torch.asinh), rtol=1e-3, atol=1e-5, equal_nan=True)


def test_errors_at_the_call_leave_what_is_recorded():
    t = X * 2
    for call in (lambda: t + torch.ones(7, device=DEVICE), lambda: t.view(3), lambda: torch.add(t, t, out=t.long()),
                 lambda: t.sum(5)):
        with pytest.raises((RuntimeError, IndexError)):
            call()
    assert (t + 1)[0].item() == 2


def test_scratch_memory_that_is_refused(monkeypatch):
    """The output of the sum exists; what is missing when the window runs is the memory between its two stages."""
    monkeypatch.setenv("HOLOGRAM_MEMORY_LIMIT", "8M")
    status, output = script("""
import torch, hologram_torch
x = torch.ones(1 << 20, device='hologram')
out = torch.zeros((), device='hologram')
torch.hologram.synchronize()
keep = []
for size in (1 << 20, 1 << 16, 256):
    try:
        while True:
            keep.append(torch.empty(size, dtype=torch.uint8, device='hologram'))
    except torch.OutOfMemoryError:
        pass
keep.pop()                             # room for the scratch memory, until the sum is recorded
torch.sum(x, 0, out=out)
keep.append(torch.empty(256, dtype=torch.uint8, device='hologram'))
try:
    out.item()
    print('no error')
except torch.OutOfMemoryError as error:
    print(error)
keep.clear()
torch.sum(x, 0, out=out)
print(out.item())
""")
    assert status == 0, output
    error, value = output.strip().splitlines()
    assert "sum over 1048576 elements" in error and "limit of 8.000 MiB" in error and value == "1048576.0", output


# ---- failures one after the other ----

def program():
    """Values of many kinds from kernels of their own, as functions that read them; op by op each is what it is on the CPU."""
    base, state = X * 1.5, torch.zeros(64, device=DEVICE)
    matrix = X[:960].view(24, 40)
    state += 1
    values = {
        "map": base.tanh() + 1, "long": base.sinc().erf().expm1(), "fold": base.cumsum(0), "row": matrix.softmax(1), "column": matrix.amax(0),
        "turned": (matrix.T.contiguous() + 0.5).log2(), "split": base.expand(100, 1000).sum(), "int": (base * 10).long() % 7,
        "half": base.half().exp2(), "in place": state, "random": torch.empty(50, device=DEVICE).bernoulli_(1.0),
    }
    state.mul_(3)
    values["library"] = matrix @ matrix.T
    values["after"] = values["library"].abs().sqrt()
    state.sub_(0.5)
    return values


def check_survivors(expected, error, number, forever):
    """Runs the program with the making of kernel `number` failing, and of each other one with the same first op if `forever`.
    Exit status 0: nothing was left to fail; 1: something was lost; 3: nothing, for its parts could be made."""
    left, culprit = [number], []

    def act(names):
        left[0] -= 1
        if left[0] == -1:
            culprit.append(names[0])
            raise error
        if forever and culprit and culprit[0] in names:
            raise error
    fine, lost = {}, {}
    with compiler(act):
        try:
            values = program()
        except (RuntimeError, MemoryError) as raised:
            values, lost = {}, {"program": raised}      # an op that needs what is lost, while the program runs
        for name, value in values.items():
            try:
                fine[name] = value.cpu()
            except (RuntimeError, MemoryError) as raised:
                lost[name] = raised
    for name, raised in lost.items():
        assert type(error).__name__ in str(raised) or str(error) in str(raised)
        if name != "program":
            with pytest.raises(type(raised)):
                values[name].cpu()
    for name, value in fine.items():
        assert torch.equal(value, expected[name]) and torch.equal(values[name].cpu(), value), f"{name} after failure {number}"
    if not culprit:
        assert not lost
        return 0
    assert forever or len(lost) <= 2, lost
    assert not forever or lost
    return 1 if lost else 3


def sweep_failures(error, forever):
    """In a child for each number, which has made none of the kernels."""
    torch.set_num_threads(1)
    read, write = os.pipe()
    if os.fork() == 0:
        torch.save({name: value.cpu() for name, value in program().items()}, os.fdopen(write, "wb"))
        os._exit(0)
    os.close(write)
    expected = torch.load(io.BytesIO(os.fdopen(read, "rb").read()))
    os.wait()
    ends = {1: 0, 3: 0}
    for number in range(100):
        child = os.fork()
        if child == 0:
            try:
                os._exit(check_survivors(expected, error, number, forever))
            except BaseException:
                traceback.print_exc()
            os._exit(2)
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if ended == 0:
            break
        assert ended in ends, f"number {number}: {ended}"
        ends[ended] += 1
    print("ends:", ends[1], ends[3])


@host_only("memory of a forked process")
@pytest.mark.parametrize("error, forever", [("RuntimeError('hologram.compile: broken.')", True), ("MemoryError('full')", False),
                                            ("KeyboardInterrupt()", False), ("OSError(28, 'no space')", True)])
def test_each_kernel_fails_to_be_made_in_turn(error, forever):
    """What survives is right, whichever kernel it is, and what does not raises at each read."""
    status, output = script(f"from tests.runtime.trace.test_recording_failures import sweep_failures; sweep_failures({error}, {forever})")
    assert status == 0, output
    lost, whole = map(int, output.split("ends:")[1].split())
    assert lost >= 8 and (forever or whole >= 1), output


# ---- threads ----

def test_threads_record_while_another_compiles():
    """Who compiles holds the stream and needs Python; who waits for the stream must not hold Python."""
    status, output = script("""
import sys, threading, time, torch, hologram_torch
from tests.runtime.trace.test_recording_failures import compiler
sys.setswitchinterval(1e-5)
slow = compiler(lambda names: time.sleep(0.01))                 # lets the others have Python
slow.__enter__()
totals = [0.0] * 4
def work(number):
    x = torch.ones(500, device='hologram', requires_grad=number % 2 == 1)
    for n in range(15):
        y = x
        for step in range((n + number) % 5 + 1):
            y = (y * (step + 1)).tanh() + n
        if number % 2:
            y.sum().backward()
            totals[number] += x.grad[0].item()
        else:
            totals[number] += y[0].item()
threads = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join(60)
assert not any(thread.is_alive() for thread in threads), 'deadlock'
again = list(totals)
totals[:] = [0.0] * 4
for n in range(4): work(n)
assert again == totals, (again, totals)
print('ok')
""", timeout=120)
    assert status == 0 and "ok" in output, output


def test_backward_of_ops_another_thread_recorded():
    w = X.clone().requires_grad_()
    loss = (w * w).tanh().sum()
    thread = threading.Thread(target=loss.backward)
    thread.start()
    thread.join()
    expected = X.cpu().requires_grad_()
    (expected * expected).tanh().sum().backward()
    torch.testing.assert_close(w.grad.cpu(), expected.grad)


def test_finalizers_may_call_ops():
    """A deleter of a block that only the stream knew runs when the window has run, and may come back."""
    results = []

    class Noticing:
        def __del__(self):
            results.append((X * 3)[0].item())
    for _ in range(10):
        holder = Noticing()
        holder.cycle = holder
        holder.tensor = X + 1
        t = holder.tensor * 2
        del holder
        gc.collect()
        assert t[0].item() == 3
    assert results == [1.5] * 10


# ---- other processes ----

@host_only("memory of a forked process")
def test_a_forked_child_sees_what_was_recorded():
    t = X * 2
    t.add_(1)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            fine = t[0].item() == 2 and (t * 2).sum().item() == (t.cpu() * 2).sum().item()
            t.zero_()
            os.write(write, b"1" if fine and not t.any() else b"0")
        finally:
            os._exit(0)
    os.close(write)
    t.mul_(2)
    assert os.read(read, 1) == b"1"
    os.waitpid(child, 0)
    assert t[0].item() == 4


@host_only("memory of a forked process")
def test_a_child_forked_while_another_thread_records():
    stop = threading.Event()

    def record():
        t = X
        while not stop.is_set():
            t = t * 1.0001
    thread = threading.Thread(target=record)
    thread.start()
    try:
        for _ in range(10):
            child = os.fork()
            if child == 0:
                os._exit(0 if (X * 2)[0].item() == 1 else 3)
            for _ in range(600):
                done, status = os.waitpid(child, os.WNOHANG)
                if done:
                    break
                time.sleep(0.05)
            else:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                pytest.fail("the child waits for a lock")
            assert os.waitstatus_to_exitcode(status) == 0
    finally:
        stop.set()
        thread.join()


class Recorded(torch.utils.data.Dataset):
    """Tensors that were recorded before the workers were forked."""

    def __init__(self):
        self.rows = X[:24].view(6, 4) * 2

    def __len__(self):
        return 6

    def __getitem__(self, n):
        return (self.rows[n] + 1).cpu()


@host_only("memory of a forked process")
def test_workers_read_what_was_recorded():
    batches = list(torch.utils.data.DataLoader(Recorded(), batch_size=2, num_workers=2, timeout=60))
    assert torch.equal(torch.cat(batches), X.cpu()[:24].view(6, 4) * 2 + 1)


@pytest.mark.parametrize("end", ["", "raise SystemExit(0)", "os._exit(0)", "threading.Thread(target=lambda: z.add_(1)).start()"])
def test_a_process_ends_with_ops_recorded(end):
    status, output = script(f"""
import os, threading, torch, hologram_torch
z = torch.ones(1000, device='hologram')
x = z.exp().lgamma()
print('ok', flush=True)
{end}
""")
    assert (status, output.strip()) == (0, "ok")
