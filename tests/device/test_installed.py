"""A program that does without the device behaves as if hologram were not installed."""

import copy
import io
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from hologram_torch import _patches
from hologram_torch.torch_release import RELEASE
from tests.compare import DEVICE
from tests.device import installed_places
from tests.modes import host_only

ROOT = Path(__file__).resolve().parents[2]


def start(*arguments, **env):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
                   "TORCH_DEVICE_BACKEND_AUTOLOAD": "0", "OMP_NUM_THREADS": "1", **env}
    return subprocess.Popen([sys.executable, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def output(process):
    out, error = process.communicate(timeout=300)
    assert process.returncode == 0, out + error
    return out


@pytest.fixture(scope="module")
def reports():
    """What the programs did: without the plug-in, and with it."""
    processes = [start(str(ROOT / "tests/device/installed_programs.py"), WITH_HOLOGRAM=there) for there in "01"]
    lines = [next(line for line in output(p).splitlines() if line.startswith("REPORT ")) for p in processes]
    return [json.loads(line.removeprefix("REPORT ")) for line in lines]


def test_programs_that_do_without_the_device(reports):
    without, with_it = reports
    assert without.pop("the plug-in") == [False, False] and with_it.pop("the plug-in") == [True, False]
    assert len(without) >= 36 and sorted(without) == sorted(with_it)
    assert {name: with_it[name] for name in without if with_it[name] != without[name]} == {}, without


def test_every_place_that_asks_is_listed():
    listed, found = installed_places.listed(), installed_places.found()
    assert found - set(listed) == set()
    if RELEASE >= (2, 14):       # what is left of the list are places of older releases
        assert len(set(listed) - found) < 12


def test_the_places_are_those_that_are_mended():
    mended = {(f"torch.{file.removesuffix('.py').replace('/', '.')}", function.rpartition(".")[2])
              for (file, function), verdict in installed_places.listed().items() if verdict == "mended by _patches.DECIDING"}
    assert mended == set(_patches.DECIDING)


# ---- programs that use it ----

def test_who_asks_gets_the_device_and_so_does_a_program_that_uses_it():
    output(start("-W", "error", "-c", """
import torch, hologram_torch
from torch.nn.attention.flex_attention import create_mask
from torch.utils.data import DataLoader
def mask():
    return create_mask(lambda b, h, q, k: q >= k, 1, 1, 4, 4).device.type
def pinned():
    return next(iter(DataLoader(torch.zeros(2), pin_memory=True))).is_pinned()
assert torch.accelerator.is_available() and torch.accelerator.current_accelerator().type == 'hologram'
assert torch.get_device_module() is torch.hologram and torch._C._get_accelerator().type == 'hologram'
assert mask() == 'cpu' and not hologram_torch._C.in_use()
with torch.device('hologram'):
    assert mask() == 'hologram'
assert hologram_torch._C.in_use() and mask() == 'hologram' and pinned()
"""))


@host_only("memory of a forked process")
def test_autograd_that_started_without_the_device():
    """It has no threads for it: passes run on the calling thread, wherever they begin, and a child may run them too."""
    output(start("-c", """
import os, threading, torch, hologram_torch
w = torch.ones(3, requires_grad=True)
w.exp().sum().backward()
x, threads = torch.ones(3, device='hologram', requires_grad=True), []
assert hologram_torch._C.without_device_threads()
x.register_hook(lambda grad: threads.append(threading.get_ident()))
x.exp().sum().backward()
(x.exp().sum().cpu() * w).sum().backward()
torch.autograd.grad((x * 2).sum().cpu(), x)
assert threads == [threading.get_ident()] * 3 and torch._C._is_multithreading_enabled()
torch.testing.assert_close(x.grad.cpu(), torch.full((3,), torch.e * 4))
child = os.fork()
if child == 0:
    (x * 3).sum().backward()
    os._exit(0 if x.grad[0].item() > 13 else 1)
assert os.waitpid(child, 0)[1] == 0
"""))


def test_data_parallel_of_a_module_on_the_device():
    torch.manual_seed(0)
    net, x = torch.nn.Linear(3, 2), torch.randn(4, 3)
    expected = net(x)
    here = torch.nn.DataParallel(net.to(DEVICE))
    for out in (here(x.to(DEVICE)), torch.nn.parallel.data_parallel(net, x.to(DEVICE)),
                torch.nn.parallel.data_parallel(net, (x.to(DEVICE),), device_ids=[0], module_kwargs={})):
        assert out.device.type == "hologram"
        torch.testing.assert_close(out.cpu(), expected)
    assert torch.nn.DataParallel(net, device_ids=[0])(x.to(DEVICE)).is_hologram


def test_a_process_group_learns_of_the_device_by_its_first_tensor(tmp_path):
    import torch.distributed as dist

    dist.init_process_group(init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        group = dist.group.WORLD
        dist.all_reduce(torch.ones(2))
        before = group._device_types, group.group_name, group.group_desc
        dist.all_reduce(t := torch.ones(2, device=DEVICE) * 3)
        assert t.tolist() == [3, 3] and before[0] == [torch.device("cpu")] and len(group._device_types) == 2
        assert before[1:] == (group.group_name, group.group_desc) and group.group_name
    finally:
        dist.destroy_process_group()


# ---- what is loaded elsewhere ----

def things():
    torch.manual_seed(0)
    net = torch.nn.Linear(3, 2).to(DEVICE)
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.ones(1, 3, device=DEVICE)).sum().backward()
    optimizer.step()
    return {"net": net, "optimizer": optimizer, "state": optimizer.state_dict(), "device": torch.device(DEVICE), "first": torch.device(DEVICE, 0),
            "tensor": torch.arange(3.0, device=DEVICE), "cpu": torch.ones(2), "array": torch.ones(2, device=DEVICE).cpu().numpy(),
            "random": torch.hologram.get_rng_state()}


def test_files_are_loaded_without_the_device(tmp_path):
    made = things()
    torch.save(made, tmp_path / "all")
    torch.save({k: v for k, v in made.items() if k not in ("net", "optimizer", "array")}, tmp_path / "weights")
    (tmp_path / "pickle").write_bytes(pickle.dumps({k: made[k] for k in ("device", "first", "cpu", "array", "random")}))
    out = output(start("-c", f"""
import pickle, torch
assert not hasattr(torch, 'hologram')
folder = {str(tmp_path)!r}
every = torch.load(folder + '/all', map_location='cpu', weights_only=False)
weights = torch.load(folder + '/weights', map_location='cpu')
plain = pickle.load(open(folder + '/pickle', 'rb'))
assert every['tensor'].tolist() == weights['tensor'].tolist() == [0, 1, 2]
assert every['array'].tolist() == plain['array'].tolist() == [1, 1] and plain['random'].numel() == 16
print(every['device'], weights['first'], plain['first'])
every['net'](torch.ones(1, 3)).sum().backward()
every['optimizer'].step()
print(every['net'].weight.tolist())
try:
    torch.load(folder + '/weights')
    raise SystemExit('loaded')
except RuntimeError as error:
    assert 'hologram' in str(error), error
""")).splitlines()
    assert out[0] == "privateuseone privateuseone:0 privateuseone:0"
    made["optimizer"].zero_grad()
    made["net"](torch.ones(1, 3, device=DEVICE)).sum().backward()
    made["optimizer"].step()
    torch.testing.assert_close(made["net"].weight.cpu(), torch.tensor(json.loads(out[1])))


def test_devices_come_back():
    for device in ("cpu", "cuda:1", "meta", DEVICE, DEVICE + ":0"):
        device = torch.device(device)
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            assert pickle.loads(pickle.dumps([device], protocol)) == [device]
        assert copy.deepcopy(device) == copy.copy(device) == device
        file = io.BytesIO()
        torch.save(device, file)
        file.seek(0)
        assert torch.load(file) == device


# ---- the profiler ----

def test_the_profiler_is_quiet():
    process = start("-c", """
import torch, hologram_torch
from torch.profiler import ProfilerActivity, profile
def work():
    x = torch.ones(3, device='hologram', requires_grad=True)
    ((x + 1) @ x).sum().backward()
    torch.ones(2).exp()
    return x.grad.tolist()
for kineto in (False, True):
    with torch.autograd.profiler.profile(use_device='hologram', use_kineto=kineto, profile_memory=True) as p:
        assert work() == [3, 3, 3]
    names = {e.key: e for e in p.key_averages()}
    assert names['aten::exp'].count == 1 and names['aten::dot'].cpu_time_total > 0
for activities in ([ProfilerActivity.CPU], [ProfilerActivity.CPU, ProfilerActivity.HOLOGRAM], None):
    with profile(activities=activities) as p:
        work()
    assert 'aten::exp' in p.key_averages().table()
""")
    _, error = process.communicate(timeout=300)
    assert process.returncode == 0, error
    assert [line for line in error.splitlines() if "SyncActivityProfilerHandler" not in line] == []
