"""Memory comes back: flat statistics over many steps, a flat process, honest peaks."""

import gc
import os
import subprocess
import sys
import weakref
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.compare import DEVICE, outcome

ROOT = Path(__file__).resolve().parents[2]
MIB = 1 << 20


def resident():
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def allocated():
    gc.collect()
    torch.hologram.synchronize()
    return torch.hologram.memory_allocated()


def elementwise():
    x = torch.rand(300, 200, device=DEVICE)
    ((x + 1).exp_().t() * 2).sum(0).clamp(max=5).to(torch.float64).cpu()


def training():
    model = nn.Sequential(nn.Linear(32, 64), nn.LayerNorm(64), nn.GELU(), nn.Dropout(0.1), nn.Linear(64, 10)).to(DEVICE)
    optimizer = torch.optim.Adam(model.parameters())
    F.cross_entropy(model(torch.randn(16, 32, device=DEVICE)), torch.randint(0, 10, (16,), device=DEVICE)).backward()
    optimizer.step()


def library():
    x = torch.randn(4, 3, 12, 12, device=DEVICE, requires_grad=True)
    y = F.max_pool2d(F.conv2d(x, torch.ones(5, 3, 3, 3, device=DEVICE)), 2).flatten(1)
    F.scaled_dot_product_attention(*(y[None, :, :64].view(1, 1, 4, 64) for _ in range(3))).sum().backward()


def delegated():
    x = torch.randn(20, 20, device=DEVICE)
    torch.linalg.svdvals(x)
    torch.fft.rfft(x).abs()
    x.sort(dim=1, stable=True).values.unique()


def views():
    x = torch.zeros(64, 64, device=DEVICE)
    x[3:7].t().unfold(0, 4, 4)[0].add_(1)
    torch.from_dlpack(x.cpu()).sum()
    x.resize_(10, 10).set_(torch.ones(3, device=DEVICE))


def errors():
    x = torch.ones(1000, 10, device=DEVICE, requires_grad=True)
    for call in (lambda: x + torch.ones(7, device=DEVICE), lambda: x @ x, lambda: torch.empty(2 ** 58, device=DEVICE),
                 lambda: torch.linalg.cholesky(-torch.eye(3, device=DEVICE)),
                 lambda: x.exp().backward(), lambda: x.view(7),
                 lambda: F.embedding(torch.tensor([99], device=DEVICE), x[:10])):
        assert outcome(call)[0] is not None


@pytest.mark.parametrize("step, repeats", [(elementwise, 1500), (training, 250), (library, 300), (delegated, 200),
                                           (views, 500), (errors, 150)], ids=lambda v: getattr(v, "__name__", ""))
def test_memory_is_flat_over_many_steps(step, repeats):
    for _ in range(repeats // 5):
        step()
    statistics, process = allocated(), resident()
    for _ in range(repeats):
        step()
    assert allocated() == statistics
    growth = resident() - process
    assert growth < 8 * MIB, f"the process grew by {growth / MIB:.1f} MiB in {repeats} steps"


def test_memory_of_one_tensor_is_counted_and_returned():
    before = allocated()
    x = torch.empty(4 * MIB, dtype=torch.uint8, device=DEVICE)
    assert 4 * MIB <= torch.hologram.memory_allocated() - before <= 4 * MIB + 64 * 1024
    y = x[100:]
    del x
    assert torch.hologram.memory_allocated() > before, "a view must keep its storage alive"
    del y
    assert allocated() == before


def test_peak_statistics():
    torch.hologram.reset_peak_memory_stats()
    base = torch.hologram.memory_allocated()
    blocks = [torch.empty(MIB, dtype=torch.uint8, device=DEVICE) for _ in range(8)]
    blocks.clear()
    peak = torch.hologram.max_memory_allocated() - base
    assert 8 * MIB <= peak <= 8 * MIB * 1.05
    torch.hologram.reset_peak_memory_stats()
    assert torch.hologram.max_memory_allocated() - base < MIB


def test_empty_cache_returns_memory_to_the_system():
    blocks = [torch.ones(8 * MIB, device=DEVICE) for _ in range(8)]
    torch.hologram.synchronize()
    before = resident()
    blocks.clear()
    torch.hologram.empty_cache()
    assert before - resident() > 200 * MIB
    assert torch.hologram.memory_reserved() >= torch.hologram.memory_allocated()


def test_blocks_are_reused():
    x = torch.ones(MIB, device=DEVICE)
    for _ in range(3):
        y = x + 1
        del y
    torch.hologram.synchronize()
    reserved = torch.hologram.memory_reserved()
    for _ in range(50):
        y = x + 1
        del y
    assert torch.hologram.memory_reserved() == reserved


def test_tensors_die_with_their_last_reference():
    x = torch.ones(10, device=DEVICE, requires_grad=True)
    y = x.exp()
    dead = weakref.ref(y)
    y.sum().backward()
    del y
    assert dead() is None
    module = nn.Linear(3, 3).to(DEVICE)
    dead = weakref.ref(module.weight)
    del module
    gc.collect()
    assert dead() is None


@pytest.mark.parametrize("offset", [1, 3, 17])
def test_alignment(offset):
    for size in (1, 3, 64, 1000, 12288, 12289, 100_000, 3 * MIB):
        tensors = [torch.empty(size + n * offset, dtype=torch.uint8, device=DEVICE) for n in range(3)]
        assert all(t.data_ptr() % 64 == 0 for t in tensors)
        assert len({t.data_ptr() for t in tensors}) == 3


def test_small_tensors_do_not_overlap_when_the_boundary_pool_is_full():
    tensors = [torch.full((n % 700 + 1,), float(n), device=DEVICE) for n in range(3000)]
    tensors[::3] = [None] * 1000
    more = [torch.full((n % 900 + 1,), -float(n), device=DEVICE) for n in range(2000)]
    assert all(t is None or bool((t == n).all()) for n, t in enumerate(tensors))
    assert all(bool((t == -n).all()) for n, t in enumerate(more))


PEAK = """
import resource, sys, torch, torch.nn.functional as F
device = sys.argv[1]
if device == 'hologram':
    import hologram_torch

def train(size):
    x = torch.ones(size, device=device)
    w = torch.ones(size, device=device, requires_grad=True)
    for _ in range(3):
        y = (x * w).tanh()
        z = (y + x).exp()
        (z.sum() + y.mean()).backward()
        w.grad = None

train(64)     # loads what a process loads once: threads, libraries, the linker of kernels
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
train(8 << 20)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base) // 1024)
"""


def test_peak_of_a_process_is_at_most_the_cpus_plus_five_percent(tmp_path):
    peaks = {}
    for device in ("cpu", DEVICE, DEVICE):     # the second time, no kernel is compiled
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
                       "HOLOGRAM_AUTOLOAD": "0", "HOLOGRAM_CACHE_DIR": str(tmp_path)}
        result = subprocess.run([sys.executable, "-c", PEAK, device], env=environment, capture_output=True, text=True,
                                timeout=120)
        assert result.returncode == 0, result.stderr
        peaks[device] = int(result.stdout)
    assert peaks[DEVICE] <= peaks["cpu"] * 1.05, peaks


@pytest.mark.parametrize("pages", [4981, 4982, 4983, 4984])
def test_large_segments_leave_their_neighbours_alone(pages):
    """Trimming a segment of an odd number of pages once unmapped the pages after it: the neighbours' memory."""
    for _ in range(4):
        x = torch.arange(pages * 1024, dtype=torch.float32)
        assert torch.equal(x.to("hologram").cpu(), x)
        torch.hologram.empty_cache()


def test_large_blocks_leave_their_neighbours_alone():
    """The pool maps more than it needs, to align it, and gives the rest back: no byte of another mapping may go with it."""
    for number in range(12):
        source = torch.full((5_000_000 + 777 * number,), float(number))      # mapped by the C library, next to ours
        there = source.to(DEVICE)
        other = torch.empty(3_000_000 + 1111 * number, dtype=torch.uint8, device=DEVICE)
        assert bool((source == number).all()) and bool((there == number).all())
        del other
