"""Forked children: library calls on the device go on with one thread, and programs that do not use the device are as without it."""

import os
import subprocess
import sys
from pathlib import Path

from tests.modes import host_only

ROOT = Path(__file__).resolve().parents[2]

# Each makes a list of tensors. The parent has run all of them, on several threads, before it forks.
LIBRARY = '''
import os, signal, sys, torch, hologram_torch
import torch.nn.functional as F
from torch import nn
D = "hologram"
torch.set_num_threads(2)
r = lambda *s: torch.rand(*s, generator=torch.Generator().manual_seed(sum(s))).to(D)
n = lambda high, *s: torch.randint(high, s, generator=torch.Generator().manual_seed(sum(s))).to(D)

def grad(f, *leaves):
    leaves = [t.requires_grad_() for t in leaves]
    return list(torch.autograd.grad(f(*leaves).sum(), leaves))

def training():
    torch.manual_seed(1)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(10)).to(D)
    x, y = r(64, 1, 16, 16), n(10, 64)
    model(x)
    optimizer = torch.optim.Adam(model.parameters())
    for _ in range(3):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    return list(model.parameters())

WORK = {
    "mm": lambda: [r(300, 300) @ r(300, 300)], "addmm": lambda: [torch.addmm(r(300), r(300, 300), r(300, 300))],
    "linear": lambda: [F.linear(r(300, 300), r(200, 300), r(200))], "bmm": lambda: [r(8, 100, 100) @ r(8, 100, 100)],
    "baddbmm": lambda: [torch.baddbmm(r(8, 100, 100), r(8, 100, 100), r(8, 100, 100))], "mv": lambda: [r(2000, 2000) @ r(2000)],
    "dot": lambda: [r(1 << 20).dot(r(1 << 20))], "half": lambda: [r(200, 200).half() @ r(200, 200).half()],
    "einsum": lambda: [torch.einsum("bij,bjk->bik", r(8, 100, 100), r(8, 100, 100))], "cdist": lambda: [torch.cdist(r(300, 60), r(300, 60))],
    "linear_backward": lambda: grad(F.linear, r(300, 300), r(200, 300)), "conv": lambda: [F.conv2d(r(8, 8, 32, 32), r(8, 8, 3, 3))],
    "conv_backward": lambda: grad(F.conv2d, r(8, 8, 32, 32), r(8, 8, 3, 3)), "sort": lambda: list(r(200, 5000).sort(1)),
    "topk": lambda: list(r(200, 5000).topk(9)), "svd": lambda: [torch.linalg.svdvals(r(200, 200))],
    "solve": lambda: [torch.linalg.solve(r(200, 200) + 9 * torch.eye(200, device=D), r(200, 3))],
    "qr": lambda: [torch.linalg.qr(r(200, 200))[1]], "attention": lambda: [F.scaled_dot_product_attention(r(2, 4, 128, 32), r(2, 4, 128, 32), r(2, 4, 128, 32))],
    "attention_backward": lambda: grad(F.scaled_dot_product_attention, r(2, 4, 128, 32), r(2, 4, 128, 32), r(2, 4, 128, 32)),
    "embedding": lambda: [F.embedding(n(5000, 40000), r(5000, 64))],
    "embedding_backward": lambda: grad(lambda w: F.embedding(n(5000, 40000), w), r(5000, 64)),
    "embedding_bag": lambda: [F.embedding_bag(n(500, 4000, 9), r(500, 64))], "index": lambda: [r(4000, 100)[n(4000, 9000)]],
    "index_put": lambda: [r(4000, 100).index_put_((torch.arange(3999, -1, -1, device=D),), r(4000, 100))], "gather": lambda: [r(900, 900).gather(1, n(900, 900, 900))],
    "scatter_add": lambda: [torch.zeros(900, 900, device=D).scatter_add_(1, n(900, 900, 900), r(900, 900))],
    "max_pool": lambda: [F.max_pool2d(r(8, 16, 64, 64), 3, padding=1)], "avg_pool": lambda: [F.avg_pool2d(r(8, 16, 64, 64), 3)],
    "adaptive_pool": lambda: [F.adaptive_avg_pool2d(r(8, 16, 64, 64), 7)], "interpolate": lambda: [F.interpolate(r(4, 8, 64, 64), scale_factor=2, mode="bilinear")],
    "fft": lambda: [torch.view_as_real(torch.fft.fft2(r(300, 300)))], "cat": lambda: [torch.cat([r(900, 900), r(900, 900)], d) for d in (0, 1)],
    "pad": lambda: [F.pad(r(8, 8, 99, 99), (3, 3, 3, 3), mode="reflect")], "nonzero": lambda: [(r(900, 900) > 0.5).nonzero()],
    "batch_norm": lambda: [F.batch_norm(r(8, 16, 64, 64).contiguous(memory_format=torch.channels_last), None, None, training=True)],
    "unique": lambda: [n(999, 90000).unique()], "searchsorted": lambda: [torch.searchsorted(r(9000).sort()[0], r(90000))], "cumsum": lambda: [r(900, 900).cumsum(0)],
    "complex": lambda: [torch.view_as_real(torch.complex(r(200, 200), r(200, 200)) @ torch.complex(r(200, 200), r(200, 200)))],
    "lstm": lambda: [nn.LSTM(64, 64).to(D)(r(30, 32, 64))[0].shape and r(3)], "elementwise": lambda: [(r(1 << 20) * 2).exp().sum()], "training": training,
}
'''


def script(code, timeout=240, **switches):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]), **switches}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=timeout)
    assert result.returncode == 0, (result.returncode, result.stdout[-3000:] + result.stderr[-3000:])
    return result.stdout


@host_only("memory of a forked process")
def test_every_kind_of_library_call_goes_on_in_a_child():
    script(LIBRARY + '''
import tempfile
folder, failed = tempfile.mkdtemp(), []
expected = {name: [t.detach().cpu() for t in work()] for name, work in WORK.items()}
for name, work in WORK.items():
    pid = os.fork()
    if pid == 0:
        signal.alarm(30)
        torch.save([t.detach().cpu() for t in work()], f"{folder}/{name}")
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status:
        failed.append((name, "hangs" if status == -signal.SIGALRM else status))
assert not failed, failed
assert torch.get_num_threads() == 2
for name in WORK:
    for mine, theirs in zip(torch.load(f"{folder}/{name}"), expected[name], strict=True):
        torch.testing.assert_close(mine, theirs, rtol=2e-3, atol=2e-3)
''')


@host_only("memory of a forked process")
def test_backward_passes_of_children_however_the_parent_ran_its_own():
    """From Python, from a thread, from C++ (TorchScript); on the device and on CPU tensors; and of their children in turn."""
    script('''
import multiprocessing, os, signal, threading, warnings, torch, hologram_torch
warnings.simplefilter("ignore")
source = """
def force(x: torch.Tensor):
    slope = torch.autograd.grad([(x * x * x).sum()], [x])[0]
    assert slope is not None
    return slope
"""
force = torch.jit.CompilationUnit(source).force
def leaf(device): return torch.arange(3.0).to(device).requires_grad_()
def from_python(device):
    x = leaf(device)
    (x ** 3).sum().backward()
    return x.grad
def twice(device):
    x = leaf(device)
    return torch.autograd.grad(torch.autograd.grad((x ** 4).sum() / 4, x, create_graph=True)[0].sum(), x)[0]
def from_thread(device):
    out = []
    thread = threading.Thread(target=lambda: out.append(from_python(device))); thread.start(); thread.join()
    return out[0]
def from_a_hook(device):        # a pass within a pass
    class Inner(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x): return x.clone()
        @staticmethod
        @torch.enable_grad()
        def backward(ctx, grad): return (grad * from_python(device)).detach()
    x = leaf(device)
    Inner.apply(x).sum().backward()
    return x.grad
def mixed(device):
    x = leaf(device)
    ((x ** 2).cpu() * x.cpu()).sum().backward()
    return x.grad
WAYS = [from_python, twice, from_thread, from_a_hook, mixed, lambda device: force(leaf(device))]
def check():
    for way in WAYS:
        for device in ("cpu", "hologram"):
            torch.testing.assert_close(way(device).cpu(), torch.tensor([0.0, 3.0, 12.0]))
    assert torch._C._is_multithreading_enabled()
def fork(depth):
    pid = os.fork()
    if pid == 0:
        signal.alarm(60)
        check()
        if depth: fork(depth - 1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, depth
for first in range(len(WAYS)):          # each in a process that has run nothing yet
    pid = os.fork()
    if pid == 0:
        WAYS[first]("hologram")
        check(); fork(1); check()
        with multiprocessing.get_context("fork").Pool(2) as pool:
            pool.apply(check)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, first
''')


def test_passes_of_torchscript_after_autograd_started_without_the_device():
    script('''
import torch, hologram_torch
torch.ones(2, requires_grad=True).sum().backward()
f = torch.jit.CompilationUnit("""
def f(x: torch.Tensor):
    return torch.autograd.grad([(x * x).sum()], [x])[0]
""").f
x = torch.ones(3, device="hologram", requires_grad=True)
assert f(x).tolist() == [2.0] * 3 and torch._C._is_multithreading_enabled()
''')


@host_only("memory of a forked process")
def test_threads_of_a_child_and_a_number_that_it_sets():
    script(LIBRARY + '''
import threading
expected = WORK["mm"]()[0].cpu()
pid = os.fork()
if pid == 0:
    signal.alarm(60)
    torch.set_num_threads(2)
    def run():
        torch.testing.assert_close(WORK["mm"]()[0].cpu(), expected)
    run()
    torch.set_num_threads(2)
    run()
    thread = threading.Thread(target=run); thread.start(); thread.join()
    os._exit(0 if torch.get_num_threads() == 1 else 3)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
''')


@host_only("memory of a forked process")
def test_data_loader_workers_use_the_device():
    script(LIBRARY + '''
class Products(torch.utils.data.Dataset):
    weight = r(300, 300)
    def __len__(self): return 6
    def __getitem__(self, i): return ((self.weight + i) @ self.weight).sum().cpu()
data = Products()
expected = [data[i] for i in range(6)]
signal.alarm(100)
actual = torch.cat(list(torch.utils.data.DataLoader(data, batch_size=2, num_workers=2, multiprocessing_context="fork")))
torch.testing.assert_close(actual, torch.stack(expected))
''')


CPU_PROGRAM = '''
import os, torch
torch.set_num_threads(2)
def step():
    return (torch.ones(4, 4) * 2).sum().item()
print(step())
read, write = os.pipe()
if os.fork() == 0:
    try:
        text = f"{step()} {torch.get_num_threads()}"
    except RuntimeError as error:
        text = str(error)
    os.write(write, text.encode())
    os._exit(0)
os.wait()
print(os.read(read, 1000).decode())
'''


def test_a_program_without_the_device_forks_as_without_hologram():
    with_it = script("import hologram_torch\n" + CPU_PROGRAM)
    assert with_it == script(CPU_PROGRAM, HOLOGRAM_AUTOLOAD="0") and "32.0 2" in with_it
