"""Several threads, backward threads, DataLoader workers and forks."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.compare import DEVICE
from tests.modes import host_only

ROOT = Path(__file__).resolve().parents[2]


def script(code, timeout=120):
    """Runs `code` in a fresh process; returns (exit status, output). A hang fails the test."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True,
                            timeout=timeout)
    return result.returncode, result.stdout + result.stderr


def work(seed, steps=40):
    """A small training run whose result depends only on `seed`."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(32, 8, generator=generator).to(DEVICE)
    w = torch.randn(8, 4, generator=generator).to(DEVICE).requires_grad_()
    for _ in range(steps):
        loss = (x @ w).tanh().softmax(1).square().sum()
        (gradient,) = torch.autograd.grad(loss, w)
        with torch.no_grad():
            w.sub_(gradient, alpha=0.05)
            w[seed % 8].add_(0.01)
    return w.detach().cpu()


def test_threads_give_what_one_thread_gives():
    expected = [work(seed) for seed in range(8)]
    with ThreadPoolExecutor(8) as pool:
        actual = list(pool.map(work, range(8)))
    assert all(torch.equal(a, e) for a, e in zip(actual, expected))


def test_threads_share_a_tensor_under_a_lock():
    total, lock = torch.zeros(1000, device=DEVICE), threading.Lock()

    def add(_):
        for _ in range(50):
            with lock:
                total.add_(1)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(4)))
    assert torch.equal(total.cpu(), torch.full((1000,), 200.0))


def test_tensors_freed_by_another_thread():
    made = []
    for _ in range(200):
        made.append(torch.ones(1000, device=DEVICE) * 3)
    before = torch.hologram.memory_allocated()
    thread = threading.Thread(target=made.clear)
    thread.start()
    thread.join()
    assert torch.hologram.memory_allocated() <= before - 200 * 4000
    assert (torch.ones(1000, device=DEVICE) + 1).sum().item() == 2000


def test_backward_from_another_thread():
    x = torch.randn(64, 16).to(DEVICE).requires_grad_()
    loss = (x.exp() * x).sum()
    errors = []

    def run():
        try:
            loss.backward()
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert not errors
    torch.testing.assert_close(x.grad.cpu(), (x.exp() * (1 + x)).detach().cpu())


def test_two_backwards_at_once():
    models = [nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 1)).to(DEVICE) for _ in range(4)]
    x = torch.randn(128, 16).to(DEVICE)
    expected = []
    for model in models:
        model(x).square().mean().backward()
        expected.append([p.grad.clone() for p in model.parameters()])
        model.zero_grad()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda model: model(x).square().mean().backward(), models))
    assert all(torch.equal(p.grad, e) for model, grads in zip(models, expected) for p,
               e in zip(model.parameters(), grads))


def test_the_first_compilation_of_one_kernel_by_many_threads():
    """All threads need kernels nobody has compiled yet, at the same moment."""
    status, output = script("""
import os, tempfile
os.environ['HOLOGRAM_CACHE_DIR'] = tempfile.mkdtemp()
import threading, torch, hologram_torch
barrier, results = threading.Barrier(8), [None] * 8
def run(n):
    x = torch.linspace(-3, 3, 4097, device='hologram')
    barrier.wait()
    results[n] = torch.erf(torch.sinh(x) * torch.cosh(x)).sum().item()
threads = [threading.Thread(target=run, args=(n,)) for n in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
assert len(set(results)) == 1 and results[0] is not None, results
print('ok')
""")
    assert status == 0 and "ok" in output, output


def test_errors_in_threads_stay_in_their_thread():
    def run(number):
        x = torch.ones(3, device=DEVICE)
        if number % 2:
            with pytest.raises(RuntimeError):
                x + torch.ones(4, device=DEVICE)
        return (x * number).sum().item()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(run, range(40))) == [3.0 * number for number in range(40)]


def test_the_number_of_threads_does_not_change_results():
    x = torch.randn(300, 4099, generator=torch.Generator().manual_seed(0)).to(DEVICE)
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3, 8):
            torch.set_num_threads(threads)
            torch.manual_seed(3)
            results.append([t.cpu() for t in (x.exp(), x.sum(), x.sum(0), x.sum(1), x.mean(), x.softmax(1),
                                              x.flatten().cumsum(0), x.var(), x.flatten().logsumexp(0),
                                              x.t().contiguous(),
                                              F.layer_norm(x, (4099,)), torch.rand_like(x), F.dropout(x, 0.3),
                                              x.argmax(), x.prod(1), x.norm())])
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other))


def test_data_loader_workers_hand_over_cpu_tensors():
    data = torch.utils.data.TensorDataset(torch.arange(40.0).view(20, 2), torch.arange(20))
    torch.ones(4, device=DEVICE).sum().item()      # the device is in use before the workers fork
    total = torch.zeros(2, device=DEVICE)
    labels = []
    for x, y in torch.utils.data.DataLoader(data, batch_size=6, num_workers=2):
        total += x.to(DEVICE).sum(0)
        labels += y.tolist()
    assert total.tolist() == [380.0, 400.0] and labels == list(range(20))


def test_pinned_data_loading():
    data = torch.utils.data.TensorDataset(torch.arange(12.0).view(6, 2))
    batches = [x for (x,) in torch.utils.data.DataLoader(data, batch_size=2, pin_memory=True)]
    assert all(x.is_pinned() and x.device.type == "cpu" for x in batches)
    moved = [x.to(DEVICE, non_blocking=True) for x in batches]
    torch.hologram.synchronize()
    assert torch.equal(torch.cat(moved).cpu(), torch.arange(12.0).view(6, 2))


@host_only("memory of a forked process")
def test_a_forked_child_goes_on_with_its_own_copy():
    status, output = script("""
import os, torch, hologram_torch
x = torch.ones(1 << 20, device='hologram'); (x + 1).sum().item()
pid = os.fork()
if pid == 0:
    x.mul_(3)
    os._exit(0 if (x + 1).sum().item() == 4 << 20 else 3)
_, status = os.waitpid(pid, 0)
assert os.waitstatus_to_exitcode(status) == 0, os.waitstatus_to_exitcode(status)
assert (x + 1).sum().item() == 2 << 20
print('ok')
""")
    assert status == 0 and "ok" in output, output


def test_a_child_may_use_the_device_if_the_parent_has_not():
    status, output = script("""
import os, torch, hologram_torch
pid = os.fork()
if pid == 0:
    os._exit(0 if (torch.ones(4, device='hologram') * 2).sum().item() == 8 else 3)
_, status = os.waitpid(pid, 0)
assert os.waitstatus_to_exitcode(status) == 0, os.waitstatus_to_exitcode(status)
print('ok')
""")
    assert status == 0 and "ok" in output, output


def test_spawned_processes_use_the_device():
    status, output = script(f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import torch, hologram_torch
import torch.multiprocessing as mp
from tests.device.test_threads import spawned
if __name__ == '__main__':
    mp.spawn(spawned, nprocs=2)
    print('ok')
""")
    assert status == 0 and "ok" in output, output


def spawned(rank):
    import hologram_torch  # noqa: F401  a fresh process, perhaps without autoloading

    assert (torch.ones(4, device=DEVICE) * (rank + 1)).sum().item() == 4 * (rank + 1)


def test_exit_right_after_a_backward_pass():
    """Autograd's thread may still hold the graph, and Python objects with it, when Python shuts down. Here it does: it
    does not get the GIL before the program ends."""
    for _ in range(3):
        status, output = script("""
import sys, torch, hologram_torch
x = torch.ones(10, device='hologram', requires_grad=True)
x.exp().sum().backward()
sys.setswitchinterval(1000)
x.exp().sum().backward()
""")
        assert status == 0, (status, output)


def test_exit_with_waiting_threads_and_live_tensors():
    status, output = script("""
import threading, torch, hologram_torch
keep = [torch.ones(1000, device='hologram') for _ in range(100)]
started = threading.Barrier(3)
def hold():
    mine = (keep[0] * 2).exp()
    started.wait()
    threading.Event().wait()
for _ in range(2):
    threading.Thread(target=hold, daemon=True).start()
started.wait()
(keep[0] + 1).sum().item()
print('ok')
""")
    assert status == 0 and "ok" in output, (status, output)
