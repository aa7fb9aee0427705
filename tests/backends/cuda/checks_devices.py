"""Backends and devices through torch: where tensors stay, what two of them do together, what each failure says. Runs on the fake
(test_cuda.py starts it)."""

import gc
import io
import pickle

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import hologram_torch
from hologram_torch import _C, _patches
from tests.backends.cuda import fake
from tests.backends.cuda.checks_driver import cuda_and_clean, python  # noqa: F401  (the fixture is used by every test)

DEVICE = "hologram"
hologram = torch.hologram
driver = fake.Driver()


# ---- two backends ----

def test_graphs_are_captured_on_the_cpu_backend_only():
    x = torch.ones(4, device=DEVICE)
    graphs = [hologram.Graph(), *([torch.accelerator.Graph()] if hasattr(torch.accelerator, "Graph") else [])]
    for g in graphs:
        with pytest.raises(RuntimeError, match=r"on the cpu backend only, not on 'cuda'. Use set_backend\('cpu'\)"):
            g.capture_begin()
        assert not hologram.is_current_stream_capturing()
    hologram_torch.set_backend("cpu")
    y, g = torch.ones(4, device=DEVICE), hologram.Graph()
    with pytest.raises(RuntimeError, match="its tensors live on two backends"), hologram.graph(g):
        y.add_(1)
        x * 2
    assert y.tolist() == [1.0] * 4
    with hologram.graph(g):
        y.add_(1)
    hologram_torch.set_backend("cuda")
    g.replay()
    g.replay()
    assert y.tolist() == [3.0] * 4


def on_both():
    """The same 4 x 4 tensor made on CUDA and made on the CPU backend, which is the one in use afterwards."""
    cuda = torch.ones(4, 4, device=DEVICE)
    hologram_torch.set_backend("cpu")
    return cuda, torch.ones(4, 4, device=DEVICE)


def places(t):
    """Four positions, made on the backend of `t`."""
    return PLACES[_C.backend_of(t)] if t.device.type == DEVICE else torch.zeros(4, dtype=torch.long)


PLACES = {}
for backend in ("cpu", "cuda"):
    hologram_torch.set_backend(backend)
    PLACES[backend] = torch.zeros(4, dtype=torch.long, device=DEVICE)
hologram.synchronize()

MIXED = {
    "add": lambda a, b: a + b, "in place": lambda a, b: a.mul_(b), "out": lambda a, b: torch.add(a, a, out=b), "where": lambda a, b: torch.where(a > 0, a, b),
    "sum into": lambda a, b: torch.sum(a, 0, out=b[0]), "softmax out": lambda a, b: torch.softmax(a, -1, out=b), "cat": lambda a, b: torch.cat([a, b]),
    "matmul": lambda a, b: a @ b, "linear": lambda a, b: F.linear(a, b), "layer norm": lambda a, b: F.layer_norm(a, (4,), b[0]), "mse": F.mse_loss,
    "cross entropy": lambda a, b: F.cross_entropy(a, places(b)), "foreach": lambda a, b: torch._foreach_add_([a], [b]), "lerp": lambda a, b: a.lerp(b, 0.5),
    "index": lambda a, b: a[places(b)], "gather": lambda a, b: a.gather(0, places(b)[None]), "masked fill": lambda a, b: a.masked_fill(b > 0, 1.0),
    "dot": lambda a, b: a[0].dot(b[0]), "equal": torch.equal, "solve": lambda a, b: torch.linalg.solve(a, b), "conv": lambda a, b: F.conv1d(a[None], b[None]),
    "index_fill": lambda a, b: a.index_fill_(0, places(b), 1.0), "stack": lambda a, b: torch.stack([a, b]), "bool": lambda a, b: a[a > 0] + b[b > 0],
    "complex": torch.complex, "scatter": lambda a, b: a.scatter(0, places(b)[None], a), "cdist": torch.cdist, "addcmul": lambda a, b: a.addcmul(a, b),
}


@pytest.mark.parametrize("first", ["cuda", "cpu"])
@pytest.mark.parametrize("name", MIXED)
def test_an_op_on_tensors_of_two_backends_names_both(name, first):
    a, b = on_both() if first == "cuda" else reversed(on_both())
    hologram_torch.set_backend("cuda")
    with pytest.raises(RuntimeError, match="(?s)'cuda'.*'cpu'|'cpu'.*'cuda'"):
        result = MIXED[name](a, b)
        hologram.synchronize()
        print(result)
    for t in (a, b):
        assert t.cpu().tolist() == [[1.0] * 4] * 4          # nothing was written


@pytest.mark.parametrize("first", ["cuda", "cpu"])
@pytest.mark.parametrize("name", MIXED)
def test_an_op_on_tensors_of_the_backend_that_is_not_in_use_is_right_or_names_both(name, first):
    """Results are made on the backend in use, so most are refused; none touches memory that it cannot."""
    cuda, cpu = on_both()
    tensor = cuda if first == "cuda" else cpu
    hologram_torch.set_backend("cpu" if first == "cuda" else "cuda")
    try:
        result = MIXED[name](tensor, tensor)
        values = [t.cpu() if isinstance(t, torch.Tensor) else t for t in (result if isinstance(result, (list, tuple)) else [result])]
    except RuntimeError as error:
        assert "'cuda'" in str(error) and "'cpu'" in str(error)
        return
    on_host = MIXED[name](torch.ones(4, 4), torch.ones(4, 4)) if name not in ALIASED else ALIASED[name]
    wanted = on_host if isinstance(on_host, (list, tuple)) else [on_host]
    torch.testing.assert_close(values, list(wanted))


# What ops that write to an operand give where all operands are one tensor of ones.
ALIASED = {"out": torch.full((4, 4), 2.0), "sum into": torch.full((4,), 4.0), "softmax out": torch.full((4, 4), 0.25)}


def test_tensors_keep_their_backend_and_their_values():
    cuda, cpu = on_both()
    views, copies = (cuda.t(), cuda[1:], cuda.detach()), (cuda.cpu(), cuda.tolist(), cuda[0, 0].item())
    assert [_C.backend_of(t) for t in (cuda, *views, cpu)] == ["cuda"] * 4 + ["cpu"]
    assert copies[0].tolist() == copies[1] == [[1.0] * 4] * 4 and copies[2] == 1
    assert repr(cuda) == repr(cpu)
    moved = cuda.to(DEVICE)
    assert moved is cuda                                     # it is on the device already
    assert cpu.zero_().copy_(cuda).tolist() == [[1.0] * 4] * 4
    hologram_torch.set_backend("cuda")
    assert _C.backend_of(torch.empty(1, device=DEVICE)) == "cuda" and _C.backend_of(cpu) == "cpu"
    cuda.copy_(cpu.fill_(5))
    assert (cuda + 1).tolist() == [[6.0] * 4] * 4


@pytest.mark.parametrize("first", ["cuda", "cpu"])
def test_tensors_of_the_backend_that_is_not_in_use_go_through_files(first, monkeypatch):
    cuda, cpu = on_both()
    tensor = cuda if first == "cuda" else cpu
    hologram_torch.set_backend("cpu" if first == "cuda" else "cuda")
    again = pickle.loads(pickle.dumps(tensor))
    assert _C.backend_of(again) != first and again.tolist() == [[1.0] * 4] * 4
    buffer = io.BytesIO()
    torch.save(tensor, buffer)
    buffer.seek(0)
    assert torch.load(buffer).tolist() == [[1.0] * 4] * 4
    if first == "cpu":        # the other way round the host would read what it must not
        monkeypatch.setattr(torch.UntypedStorage, "_write_file", _patches.originals["_write_file"])
        with pytest.raises(RuntimeError, match="INVALID_VALUE"):
            pickle.dumps(tensor)


def test_memory_is_counted_where_it_is():
    before = hologram.memory_allocated()
    kept = torch.ones(1 << 20, device=DEVICE)
    hologram_torch.set_backend("cpu")
    on_cpu = hologram.memory_allocated()
    hologram_torch.set_backend("cuda")
    assert hologram.memory_allocated() == before + kept.nbytes and on_cpu < kept.nbytes
    del kept


# ---- a second GPU ----

def trained(device):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.BatchNorm1d(16), nn.Linear(16, 3)).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    x, target = torch.randn(12, 8).to(device), (torch.arange(12) % 3).to(device)
    losses = []
    for _ in range(4):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, losses


def test_a_model_trains_on_the_second_device():
    hologram.synchronize(0), hologram.synchronize(1)
    gc.collect()
    before = hologram.memory_allocated(0)
    model, losses = trained("hologram:1")
    assert {t.device.index for p in model.parameters() for t in (p, p.grad)} == {1}
    assert hologram.memory_allocated(0) == before < before + hologram.memory_allocated(1)
    assert losses == pytest.approx(trained("cpu")[1], rel=1e-4) and losses[-1] < losses[0]


def test_gradients_cross_devices():
    a = torch.arange(4.0, device="hologram:0", requires_grad=True)
    (a.to("hologram:1") * 3).sum().backward()
    assert a.grad.device.index == 0 and a.grad.tolist() == [3.0] * 4


def test_what_is_made_follows_the_current_device(tmp_path):
    with hologram.device(1):
        made = [torch.ones(2, device=DEVICE), torch.randn(2, device=DEVICE), torch.ones(2).hologram(), torch.ones(2).to(DEVICE)]
        assert hologram.current_device() == 1
    assert [t.device.index for t in made] == [1] * 4 and hologram.current_device() == 0
    like = torch.zeros_like(made[0]), made[0].new_ones(3), made[0] * 2, made[0].sum(), made[0].clone(), torch.stack(made)
    assert {t.device.index for t in like} == {1}
    torch.save(made[1], tmp_path / "t")
    assert torch.load(tmp_path / "t").device.index == 1
    assert torch.load(tmp_path / "t", map_location="hologram:0").device.index == 0


def test_names_of_devices_that_do_not_exist():
    for call in (lambda: torch.empty(1, device="hologram:2"), lambda: torch.ones(1).to("hologram:7"), lambda: hologram.set_device(2),
                 lambda: hologram.synchronize(2), lambda: hologram.mem_get_info(5), lambda: hologram.get_device_name(2)):
        with pytest.raises((RuntimeError, ValueError, AssertionError), match="(?i)device"):
            call()
    assert torch.ones(1, device=DEVICE).item() == 1


# ---- failures, each with its own words ----

def test_out_of_memory_on_the_second_device_names_it():
    with pytest.raises(torch.OutOfMemoryError, match=r"cuda:1|device 1"):
        torch.empty(1 << 40, dtype=torch.uint8, device="hologram:1")
    assert torch.ones(3, device="hologram:1").sum().item() == 3


def test_a_module_that_does_not_load_for_want_of_memory_is_out_of_memory():
    x = torch.ones(5, device="hologram:1")
    torch.hologram.synchronize(1)                   # of a circuit with several outputs the others would be tried, and load
    driver.fail("cuModuleLoadDataEx", fake.OUT_OF_MEMORY)
    with pytest.raises(torch.OutOfMemoryError, match="device 1: out of memory in cuModuleLoadDataEx"):
        (x.digamma() - x.erfc() * 7).tolist()
    assert len((x.digamma() - x.erfc() * 7).tolist()) == 5


def test_a_module_that_does_not_load_names_its_device():
    x = torch.ones(5, device="hologram:1")
    torch.hologram.synchronize(1)                   # of a circuit with several outputs the others would be tried, and load
    driver.fail("cuModuleLoadDataEx", 218)
    with pytest.raises(RuntimeError, match=r"device 1: the driver refuses the kernel .*sm_90: cuModuleLoadDataEx: CUDA_ERROR_INVALID_PTX"):
        (x.digamma() * 3 - x.erfinv()).tolist()


LOST = """
import ctypes, os, torch
import hologram_torch
f = ctypes.CDLL(os.environ["HOLOGRAM_CUDA_DRIVER"])
x, other = torch.ones(7, device="hologram"), torch.ones(7, device="hologram:1")
x.tolist(), other.tolist()
f.fake_fail(b"cuStreamSynchronize", ctypes.c_long(1), {result})
for attempt in (lambda: (x + 1).tolist(), lambda: torch.ones(3, device="hologram").tolist(), torch.hologram.synchronize, lambda: x @ x, lambda: x.cpu()):
    try:
        attempt()
        print("nothing was raised")
    except RuntimeError as error:
        print(str(error).splitlines()[0])
print((other + 1).tolist())
"""


@pytest.mark.parametrize("result, name", [(fake.ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS"), (fake.LAUNCH_FAILED, "CUDA_ERROR_LAUNCH_FAILED")])
def test_a_lost_device_is_named_by_whatever_is_asked_of_it_and_the_other_goes_on(result, name):
    *answers, other = python(LOST.format(result=result)).splitlines()
    assert len(answers) == 5 and all("device 0 was lost: cuStreamSynchronize: " + name in answer for answer in answers), answers
    assert other == str([2.0] * 7)


ENDS = {"absent": ({"HOLOGRAM_CUDA_DRIVER": "/nowhere/libcuda.so.1"}, "not found"), "too old": ({"FAKE_CUDA_VERSION": "11000"}, "too old: it supports CUDA 11.0"),
        "no driver at all": ({"HOLOGRAM_CUDA_DRIVER": "libm.so.6"}, "has no entry cuInit"), "no device": ({"FAKE_CUDA_DEVICES": "0"}, "sees no device"),
        "does not start": ({"FAKE_CUDA_INIT": "802"}, "cuInit: CUDA_ERROR_SYSTEM_NOT_READY")}


@pytest.mark.parametrize("name", ENDS)
def test_without_a_usable_driver_torch_says_why_and_the_cpu_serves(name):
    environment, reason = ENDS[name]
    code = ("import warnings; warnings.simplefilter('ignore'); import torch, hologram_torch as h; print(torch.ones(2, device='hologram').sum().item(), "
            "h.get_backend(), torch.hologram.device_count(), h.backend_reason('cuda'))")
    assert python(code, **environment).startswith("2.0 cpu 1 ") and reason in python(code, **environment)


# ---- compiled kernels on disk ----

COMPILE = """
import torch, hologram_torch
(torch.ones(5, device="hologram") * 2 + 1).tolist()
counts = torch.hologram.counters()
print(counts["compiled"] > 0, counts["disk_hits"] > 0)
"""


def test_kernels_on_disk_are_those_of_a_drivers_version(tmp_path):
    def run(version):
        return python(COMPILE, HOLOGRAM_CACHE_DIR=str(tmp_path / "kernels"), FAKE_CUDA_VERSION=version)

    assert run("12040") == "True False"
    assert run("12040") == "False True"
    assert run("12080") == "True False"
    assert run("12080") == "False True"


# ---- processes ----

FORK = """
import os, torch, hologram_torch
{before}
child = os.fork()
if child == 0:
    try:
        print((torch.ones(3, device="hologram") + 1).tolist(), hologram_torch.get_backend(), flush=True)
    except RuntimeError as error:
        print(str(error).splitlines()[0], flush=True)
    os._exit(0)
os.waitpid(child, 0)
print((torch.ones(3, device="hologram") + 1).tolist())
"""


@pytest.mark.parametrize("before, child", [("", "[2.0, 2.0, 2.0] cuda"), ("torch.ones(1, device='hologram')", "'spawn'"),
                                           ("hologram_torch.list_available_backends()", "[2.0, 2.0, 2.0] cpu")],
                         ids=["nothing was asked of it", "it was in use", "it was counted"])
def test_a_child_may_use_the_driver_that_its_parent_has_not_started(before, child):
    first, parent = python(FORK.format(before=before)).splitlines()
    assert child in first and parent == "[2.0, 2.0, 2.0]"
