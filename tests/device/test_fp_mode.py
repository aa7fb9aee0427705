"""torch.set_flush_denormal: an op computes in the mode of the thread that called it, although it runs later."""

import threading

import pytest
import torch

from tests.compare import DEVICE
from tests.modes import host_only

pytestmark = [host_only("arithmetic of the host"),
              pytest.mark.skipif(not torch.set_flush_denormal(False), reason="the processor always keeps subnormal numbers")]

# Exact whatever the order: only the mode can make a difference.
OPS = {
    "mul": lambda x: x * 0.5, "add": lambda x: x + x, "add zero": lambda x: x + 0, "sub": lambda x: x - 2 * x, "div": lambda x: x / 4,
    "addcmul": lambda x: torch.addcmul(x, x, x, value=0.5),
    "lerp": lambda x: torch.lerp(x, x * 0.25, 0.5), "sum": lambda x: x.sum(), "mean": lambda x: x.reshape(4, -1).mean(0),
    "cumsum": lambda x: x.cumsum(0), "product": lambda x: (x[:1] * 1e-3).prod(), "relu of half": lambda x: (x * 0.5).relu(),
    "widened": lambda x: x.double() * 1.0, "matrix": lambda x: x.reshape(2, -1) @ x.new_ones(x.numel() // 2, 1),
    "in place": lambda x: x.clone().mul_(0.5), "expression": lambda x: (x * 0.5 + x) * 0.25 - x, "compared": lambda x: (x * 0.5 > 0).float(),
    "filled": lambda x: torch.full_like(x, 1e-39) * 1.0, "pooled": lambda x: torch.nn.functional.max_pool1d((x * 0.5)[None], 2),
}


def tiny(device, dtype=torch.float32):
    scale = torch.finfo(dtype).tiny
    return (torch.tensor([0.75, -0.25, 1.0, 1.5, -1.0, 0.125, 3.0, 8.0], dtype=torch.float64) * scale).to(dtype).to(device)


@pytest.fixture(autouse=True)
def one_thread():
    """torch's flag is the calling thread's: OpenMP's workers keep their own, and stock results depend on how work is shared out."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_flush_denormal(False)
    torch.set_num_threads(threads)


def in_modes(op, device, dtype):
    """The op called in one mode and read in the other, twice each; the programs of the two modes are mixed."""
    x = tiny(device, dtype)
    calls = []
    for flush in (False, True, False, True):
        torch.set_flush_denormal(flush)
        calls.append(op(x))
    torch.set_flush_denormal(False)
    results = [y.cpu() for y in calls]
    torch.set_flush_denormal(True)
    late = op(x * 1.0)
    torch.set_flush_denormal(False)
    other = op(x * 1.0)
    torch.set_flush_denormal(True)
    results += [other.cpu(), late.cpu()]
    torch.set_flush_denormal(False)
    return results


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("name", OPS)
def test_ops_compute_in_the_mode_of_their_call(name, dtype):
    expected, actual = in_modes(OPS[name], "cpu", dtype), in_modes(OPS[name], DEVICE, dtype)
    for e, a in zip(expected, actual):
        assert torch.equal(a, e), (a, e)


def test_the_modes_differ():
    kept, flushed, *_ = in_modes(OPS["mul"], DEVICE, torch.float32)
    assert kept.count_nonzero() == 8 and flushed.count_nonzero() == 2


def test_threads_have_modes_of_their_own():
    x, results = tiny(DEVICE), {}
    first, last = threading.Barrier(2), threading.Barrier(2)

    def work(flush):
        torch.set_flush_denormal(flush)
        first.wait()
        results[flush] = [x * 0.5 for _ in range(20)]
        last.wait()
        torch.set_flush_denormal(False)

    threads = [threading.Thread(target=work, args=(flush,)) for flush in (False, True)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for flush, kept in ((False, 8), (True, 2)):
        assert {y.count_nonzero().item() for y in results[flush]} == {kept}


def test_gradients_in_the_mode_of_backward():
    def program(device):
        x = tiny(device).requires_grad_()
        y = (x * 0.5).sum() * 1e-38
        torch.set_flush_denormal(True)
        y.backward()
        torch.set_flush_denormal(False)
        return [x.grad.cpu(), y.detach().cpu()]

    assert all(map(torch.equal, program(DEVICE), program("cpu")))


def test_all_threads_of_a_launch_compute_in_one_mode():
    """Where stock torch gives what each worker's flag happens to be."""
    torch.set_num_threads(4)
    x = torch.full((1 << 20,), 1e-39, device=DEVICE)
    for flush in (True, False, True):
        torch.set_flush_denormal(flush)
        y, total = x * 0.5, (x + 0).count_nonzero()
        torch.set_flush_denormal(not flush)
        assert y.count_nonzero().item() in (0, 1 << 20) and bool((y.view(torch.int32) == 0).all().item()) is flush
        assert total.item() == (0 if flush else 1 << 20)
