"""Failures of recorded ops: raised once, where somebody asks for a value; and what must not fail: threads, forks, the end.

Ops are checked when they are called. What can fail later is made to fail here: the compiler, and scratch memory of a kernel.
"""

import contextlib
import gc
import importlib
import os
import signal
import threading
import time

import pytest
import torch

import hologram_torch
from hologram_core import _runtime
from hologram_core.circuit.key import decode
from tests.modes import deferred, host_only
from tests.torch.compare import DEVICE
from tests.torch.test_memory import allocated
from tests.torch.test_threads import script

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


def breaking(error=RuntimeError("hologram.compile: broken.")):
    def act(names):
        if "digamma" in names:
            raise error
    return compiler(act)


OBSERVATIONS = {
    "item": lambda t: t[0].item(), "cpu": lambda t: t.cpu(), "repr": repr, "data_ptr": lambda t: t.data_ptr(),
    "synchronize": lambda t: hologram.synchronize(), "library": lambda t: t @ t, "counters": lambda t: hologram.counters(),
    "statistics": lambda t: hologram.memory_allocated(), "event": lambda t: hologram.Event().record(),
    "no_fusion": lambda t: hologram.no_fusion().__enter__(),
}


@pytest.mark.parametrize("name", OBSERVATIONS)
def test_the_observation_raises_once(name):
    with breaking():
        t = doomed(X)
        text = r"^hologram.compile: broken. \(in the circuit lgamma > digamma > erfc.* over 1000 elements\)$"
        with pytest.raises(RuntimeError, match=text):
            OBSERVATIONS[name](t)
        hologram.synchronize()
        assert (X * 2)[0].item() == 1          # the stream goes on
    assert doomed(X).isfinite().all()          # nothing of the failure is remembered


@pytest.mark.parametrize("raised, caught, text", [
    (MemoryError("hologram.compile: full."), torch.OutOfMemoryError, "full"),
    (NotImplementedError("not yet"), NotImplementedError, "not yet"), (ValueError("hologram.compile: odd."), ValueError, "odd"), (KeyError("k"), RuntimeError, "hologram.compile: KeyError: 'k'")])
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


def test_the_first_failure_is_raised_and_a_later_one_is_another():
    with breaking():
        a, b = doomed(X), doomed(X[:10])
        with pytest.raises(RuntimeError, match="1000 elements"):
            b.cpu()
        hologram.synchronize()
        c = doomed(X[:20])
        with pytest.raises(RuntimeError, match="20 elements"):
            c.cpu()
        del a


def fill_the_window():
    t = X
    for n in range(1000):
        t = t + n
    return t


def test_a_full_window_keeps_its_failure_for_the_next_who_asks():
    with breaking():
        t = doomed(X)
        fill_the_window()                       # runs the window, raises nothing
        fine = X * 2
        with pytest.raises(RuntimeError, match="digamma"):
            fine.cpu()
        assert (X * 2)[0].item() == 1
        del t


def test_a_failure_of_one_thread_reaches_who_asks():
    with breaking():
        thread = threading.Thread(target=lambda: kept.append(doomed(X)))
        kept = []
        thread.start()
        thread.join()
        with pytest.raises(RuntimeError, match="digamma"):
            (X * 2).cpu()
        assert (X * 2)[0].item() == 1


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
    torch.testing.assert_close(w.grad.cpu(), doomed(X.cpu(), torch.asinh), rtol=1e-3, atol=1e-5)


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


# ---- interrupts ----

def test_an_interrupt_while_compiling(request):
    """The kernel is compiled all the same: the ops of the window are not lost, and the interrupt comes after them."""
    for callback in list(gc.callbacks):         # Python drops an interrupt that meets one; hypothesis installs one
        gc.callbacks.remove(callback)
        request.addfinalizer(lambda callback=callback: gc.callbacks.append(callback))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)      # whoever started the tests may ignore it
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    pending = [True]

    def interrupt(names):
        if "digamma" in names and pending:
            pending.pop()
            signal.raise_signal(signal.SIGINT)
    with compiler(interrupt):
        t = doomed(X, torch.erf)
        with pytest.raises(KeyboardInterrupt):
            t.cpu()
        assert not pending
    torch.testing.assert_close(t.cpu(), doomed(X.cpu(), torch.erf), rtol=1e-3, atol=1e-5)


def test_ops_inside_the_compiler_are_refused():
    with compiler(lambda names: (X + 1).cpu() if "digamma" in names else None):
        t = doomed(X, torch.sigmoid)
        with pytest.raises(RuntimeError, match="from inside the compiler"):
            t.cpu()
    assert (X + 1)[0].item() == 1.5


# ---- threads ----

def test_threads_record_while_another_compiles():
    """Who compiles holds the stream and needs Python; who waits for the stream must not hold Python."""
    status, output = script("""
import sys, threading, time, torch, hologram_torch
from tests.torch.test_recording_failures import compiler
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
