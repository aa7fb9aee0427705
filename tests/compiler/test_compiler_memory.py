"""Compiling where there is little memory left: an error that says so, or a kernel; LLVM itself ends the process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# In a child per limit: MiB above what the process has mapped. Each computes something that needs kernels, and something that does not.
SWEEP = """
import os, resource, sys, traceback
import numpy as np
import hologram_core as hg
from hologram_core import errors

executor = hg.Executor()
a, b, c, kept = (executor.allocate(4096) for _ in range(4))
a.from_numpy(np.linspace(0.5, 2, 4096, dtype=np.float32))
kept.from_numpy(np.full(4096, 7, np.float32))
if "{when}" == "loaded":
    hg.ops.tanh(executor, a, c)
    c.to_numpy()
elif "{when}" == "ready":
    hg.ops.sigmoid(executor, a, c)
    hg.ops.softmax(executor, c, b)
    c.to_numpy(), b.to_numpy()


def mapped():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def work():
    hg.ops.sigmoid(executor, a, c)
    hg.ops.softmax(executor, c, b)
    return b.to_numpy().sum()


def child(headroom):
    resource.setrlimit(resource.RLIMIT_AS, (mapped() + (headroom << 20), resource.RLIM_INFINITY))
    try:
        told = f"{{work():.3f}}"
    except MemoryError as error:
        # Python itself may run out of memory first, and then has nothing to say.
        told = "MemoryError" if not str(error) or "address space" in str(error) or "hologram.allocate" in str(error) else repr(error)
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert kept.to_numpy()[0] == 7
    assert f"{{work():.3f}}" == "1.000"          # there is memory again
    return told


for headroom in {headrooms}:
    read, write = os.pipe()
    if os.fork() == 0:
        try:
            os.write(write, child(headroom).encode())
        except BaseException:
            os.write(write, traceback.format_exc().encode())
        os._exit(0)
    os.close(write)
    told = os.read(read, 4000).decode()
    print(headroom, os.waitstatus_to_exitcode(os.wait()[1]), told)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="RLIMIT_AS")
@pytest.mark.parametrize("when, enough", [("new", 640), ("loaded", 200), ("ready", 0)])
def test_little_memory_is_an_error_or_enough(when, enough):
    """`when`: before LLVM is loaded, before these kernels are compiled, or when they are there and nothing need be compiled."""
    headrooms = [0, 1, 2, 4, 8, 16, 32, 64, 96, 128, 192, 256, 384, 512, 1024]
    environment = {**os.environ, "HOLOGRAM_CACHE_DIR": "/dev/null/none", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", SWEEP.format(when=when, headrooms=headrooms)], env=environment, capture_output=True, text=True,
                          timeout=300)
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and len(lines) == len(headrooms), done.stdout + done.stderr
    told = {int(line.split(" ", 2)[0]): line.split(" ", 2)[1:] for line in lines}
    assert all(status == "0" and text in ("1.000", "MemoryError") for status, text in told.values()), done.stdout + done.stderr
    assert all(text == "1.000" for headroom, (_, text) in told.items() if headroom >= max(enough, 1)), told
    if when != "ready":
        assert told[4] == ["0", "MemoryError"]


FULL = """
import ctypes
import torch

PAGE, NOTHING, KEPT, HERE = 4096, 0, 0x4022, 0x100000      # PROT_NONE; MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE; MAP_FIXED_NOREPLACE
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]

x = torch.linspace(-3, 3, 100, device="hologram")
(x + 1).cpu()

count = 2000
pages = libc.mmap(None, count * PAGE, NOTHING, KEPT, -1, 0)
below = [libc.mmap(None, 4 << 30, NOTHING, KEPT, -1, 0) for _ in range(3)]
for page in range(1, count, 2):
    libc.munmap(pages + page * PAGE, PAGE)
with open("/proc/self/maps") as file:
    spans = sorted(tuple(int(at, 16) for at in line.split()[0].split("-")) for line in file if "vsyscall" not in line)
spans = [span for span in spans if span[0] >= min(below)]
for (_, end), (start, _) in zip(spans, spans[1:]):
    if start > end and not pages <= end < pages + count * PAGE:
        libc.mmap(end, start - end, NOTHING, KEPT | HERE, -1, 0)

for op in (torch.sin, torch.lgamma, torch.digamma, torch.erfinv, torch.special.i0e, torch.special.ndtri):
    torch.testing.assert_close(op(x * 0.3 + 0.01).cpu(), op(x.cpu() * 0.3 + 0.01), rtol=1e-4, atol=1e-5, equal_nan=True)
print("done")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="maps memory as Linux does")
def test_kernels_load_where_memory_is_full_of_holes():
    """Holes of a page each, and the next larger one gigabytes away: the code of a kernel is not put far from its constants."""
    pytest.importorskip("torch")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOLOGRAM_PACK": "0", "HOLOGRAM_CACHE_SIZE": "0"}
    done = subprocess.run([sys.executable, "-c", FULL], env=environment, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
