"""What comes while a kernel is made: signals, exceptions sent to a thread, finalizers. The kernel is made all the same, and what comes
may use the device.
"""

import gc
import signal
import threading
import time

import pytest
import torch

from tests.compare import DEVICE
from tests.modes import deferred
from tests.runtime.trace.test_recording_failures import X, compiler, doomed

pytestmark = deferred
hologram = torch.hologram


@pytest.fixture
def no_collector_callbacks():
    """Python drops an exception of a signal handler that meets a callback of the garbage collector; hypothesis installs one."""
    callbacks = list(gc.callbacks)
    gc.callbacks.clear()
    yield
    gc.callbacks.extend(callbacks)


class Timeout(Exception):
    pass


def handling(signum, handler, request):
    before = signal.signal(signum, handler)
    request.addfinalizer(lambda: signal.signal(signum, before))


@pytest.mark.parametrize("times", [1, 2, 5])
def test_interrupts_while_compiling(times, request, no_collector_callbacks):
    """Ctrl-C, however often: the kernel is compiled all the same, and the interrupt comes after it."""
    handling(signal.SIGINT, signal.default_int_handler, request)           # whoever started the tests may ignore it
    last = [torch.erf, torch.sinc, torch.exp2][[1, 2, 5].index(times)]

    pending = [times]

    def interrupt(names):
        if "digamma" in names and pending:
            for _ in range(pending.pop()):
                signal.raise_signal(signal.SIGINT)
                time.sleep(0.01)
    with compiler(interrupt):
        t = doomed(X, last)
        with pytest.raises(KeyboardInterrupt):
            t.cpu()
    torch.testing.assert_close(t.cpu(), doomed(X.cpu(), last), rtol=1e-3, atol=1e-5, equal_nan=True)


def test_a_handler_that_raises_loses_nothing(request, no_collector_callbacks):
    def out_of_time(*_):
        raise Timeout
    handling(signal.SIGALRM, out_of_time, request)
    c = torch.zeros(3, device=DEVICE)
    hologram.synchronize()
    with compiler(lambda names: time.sleep(0.2) if "digamma" in names else None):
        c += 1
        t = doomed(X, torch.log1p)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(Timeout):
            t.cpu()
            for _ in range(100):                  # the handler runs where Python goes on
                pass
    assert c.tolist() == [1, 1, 1]
    torch.testing.assert_close(t.cpu(), doomed(X.cpu(), torch.log1p), rtol=1e-3, atol=1e-5, equal_nan=True)


def test_a_handler_may_use_the_device(request, no_collector_callbacks):
    seen = []
    handling(signal.SIGALRM, lambda *_: seen.append((X * 3)[0].item()), request)
    with compiler(lambda names: time.sleep(0.2) if "digamma" in names else None):
        t = doomed(X, torch.log10)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        value = t.cpu()
    for _ in range(100):
        pass
    assert seen == [1.5]
    torch.testing.assert_close(value, doomed(X.cpu(), torch.log10), rtol=1e-3, atol=1e-5, equal_nan=True)


def test_an_exception_for_the_waiting_thread_comes_after_the_kernel():
    """What another thread sends (as libraries for time limits do) does not break the compiler off either."""
    import ctypes

    states = []

    def work():
        try:
            t = doomed(X, torch.log2)
            states.append(t)
            t.cpu()
            for _ in range(1000):
                pass
        except Timeout:
            states.append("timeout")

    def send(names):
        if "digamma" in names:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(Timeout))
            time.sleep(0.05)
    thread = threading.Thread(target=work)
    with compiler(send):
        thread.start()
        thread.join()
    assert states[1:] == ["timeout"]
    torch.testing.assert_close(states[0].cpu(), doomed(X.cpu(), torch.log2), rtol=1e-3, atol=1e-5, equal_nan=True)


def test_finalizers_wait_for_the_compiler():
    """Garbage whose finalizer calls ops may not be collected in the middle of one."""
    seen, kernels = [], []

    class Noticing:
        def __del__(self):
            seen.append((X * 3)[0].item())

    def litter(names):
        kernels.append(names)
        if "digamma" in names:
            for _ in range(2000):
                holder = Noticing()
                holder.cycle = holder
    with compiler(litter):
        t = doomed(X, torch.rsqrt)
        value = t.cpu()
    found = gc.collect()
    assert seen == [1.5] * 2000, (kernels, found, gc.isenabled(), gc.get_freeze_count(), threading.enumerate())
    torch.testing.assert_close(value, doomed(X.cpu(), torch.rsqrt), rtol=1e-3, atol=1e-5, equal_nan=True)


def test_ops_inside_the_compiler_are_refused():
    with compiler(lambda names: (X + 1).cpu() if "digamma" in names else None):
        t = doomed(X, torch.sigmoid)
        with pytest.raises(RuntimeError, match="from inside the compiler"):
            t.cpu()
    assert (X + 1)[0].item() == 1.5
