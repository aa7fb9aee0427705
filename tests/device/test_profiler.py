"""torch.profiler on the device: kernels as rows named by their ops, charged to the op that asked; memory; no noise."""

import json
import subprocess
import sys

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from hologram_torch import profiler
from tests.compare import DEVICE
from tests.modes import deferred, host_only

BOTH = [ProfilerActivity.CPU, ProfilerActivity.PrivateUse1]
DEVICE_TYPE = torch._C._autograd.DeviceType.PrivateUse1
pytestmark = host_only("kernels' times on the host's clock")


def rows(run):
    """{name: row} of the kernels."""
    return {row.key: row for row in run.key_averages() if row.device_type == DEVICE_TYPE}


def op(run, name):
    return next(row for row in run.key_averages() if row.key == name)


def inputs(n=1 << 18):
    return torch.linspace(-1, 1, n, device=DEVICE), torch.linspace(1, 2, n, device=DEVICE)


@deferred
def test_kernels_are_rows_named_by_their_ops():
    x, y = inputs()
    with profile(activities=BOTH) as run:
        for _ in range(3):
            z = (x * y + 1).sigmoid()
            z.sum().item()
    found = rows(run)
    assert [name for name in found if name.startswith("mul > add > sigmoid")] != []
    kernel = next(row for name, row in found.items() if name.startswith("mul > add > sigmoid"))
    assert kernel.count == 3 and 0 < kernel.device_time_total < 1e6
    assert sum(row.device_time_total for row in found.values()) < run.profiler.self_cpu_time_total


@deferred
def test_a_kernel_is_charged_to_the_op_that_was_recorded_last_in_it():
    x, y = inputs()
    with profile(activities=BOTH) as run:
        value = (x * y).exp().sum().item()
    assert value > 0
    assert op(run, "aten::sum").device_time_total > 0
    assert op(run, "aten::_local_scalar_dense").device_time_total == 0 and op(run, "aten::mul").device_time_total == 0
    with profile(activities=BOTH) as run:      # never looked at: it runs at the end of the profile
        z = (x * y).exp()
    assert op(run, "aten::exp").device_time_total > 0 and list(rows(run)) == ["mul > exp"]
    assert z[0].item() > 0


def test_ops_at_once_are_rows_too():
    x, y = inputs()
    with profile(activities=BOTH) as run, torch.hologram.no_fusion():
        z = (x * y).exp()
    assert z.numel() == x.numel()
    assert {"mul", "exp"} <= set(rows(run))
    assert op(run, "aten::mul").device_time_total > 0 and op(run, "aten::exp").device_time_total > 0


def test_what_ran_before_is_not_in_the_profile():
    x, y = inputs()
    z = x * y
    with profile(activities=BOTH) as run:
        pass
    assert rows(run) == {}
    with profile(activities=BOTH) as run:
        z = (z + 1).neg()
    assert list(rows(run)) != [] and not any("mul" in name for name in rows(run))


@deferred
def test_kernels_of_several_threads_and_of_backward():
    x, y = inputs()
    y.requires_grad_()
    with profile(activities=BOTH) as run:
        (x * y).exp().sum().backward()
        y.grad.sum().item()
    assert len(rows(run)) >= 2
    assert sum(row.count for row in rows(run).values()) >= 2


def test_a_trace_has_a_track_of_the_device(tmp_path):
    x, y = inputs()
    with profile(activities=BOTH, record_shapes=True, with_stack=True) as run:
        z = (x * y).exp()
    assert z.numel() == x.numel()
    run.export_chrome_trace(str(tmp_path / "trace.json"))
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    kernels = [event for event in events if event.get("cat") == "kernel"]
    assert len(kernels) >= 1 and all(event["dur"] > 0 and event["args"]["elements"] == 1 << 18 for event in kernels)
    (track,) = {(event["pid"], event["tid"]) for event in kernels}
    names = {event["args"].get("name") for event in events if event["ph"] == "M" and event["pid"] == track[0]}
    assert {"hologram", "kernels"} <= names
    ops = {event["args"].get("External id"): event["name"] for event in events if event.get("cat") == "cpu_op"}
    assert {ops[event["args"]["External id"]] for event in kernels} <= {"aten::exp", "aten::mul"}
    begin, end = min(e["ts"] for e in events if e.get("cat") == "cpu_op"), max(e["ts"] + e.get("dur", 0) for e in events if e["ph"] == "X")
    assert all(begin <= event["ts"] <= end for event in kernels)


def test_memory_is_that_of_the_pools():
    x, _ = inputs()
    torch.hologram.synchronize()
    with profile(activities=BOTH, profile_memory=True) as run:
        y = torch.empty(1 << 20, device=DEVICE)
        del y
        z = x + 1
    assert op(run, "aten::empty").self_device_memory_usage >= 4 << 20
    assert op(run, "aten::empty").self_cpu_memory_usage == 0
    assert op(run, "aten::add").self_device_memory_usage >= x.nbytes
    assert min(event.device_memory_usage for event in run.events()) <= -(4 << 20)      # what was given back
    assert z.numel() == x.numel()


@deferred
def test_profiles_with_a_schedule():
    x, y = inputs()
    traces = []
    with profile(activities=BOTH, schedule=torch.profiler.schedule(wait=1, warmup=1, active=2), on_trace_ready=lambda p: traces.append(rows(p))) as run:
        for _ in range(4):
            assert (x + y).tanh()[0].item() < 1
            run.step()
    assert len(traces) == 1 and traces[0]["add > tanh"].count == 2


def test_the_module():
    x, y = inputs()
    with torch.hologram.profiler.profile(record_shapes=True) as run:
        z = (x * y).exp()
    assert len(rows(run)) >= 1
    torch.hologram.profiler.start()
    with pytest.raises(RuntimeError, match="runs already"):
        torch.hologram.profiler.start()
    z = (x * y).exp() + z
    assert len(rows(torch.hologram.profiler.stop())) >= 1
    with pytest.raises(RuntimeError, match="no profile runs"):
        torch.hologram.profiler.stop()


def test_names_of_kernels():
    from hologram_core import _runtime

    _runtime.set_launch_log(True)
    try:
        x, _ = inputs(100)
        with torch.hologram.no_fusion():
            x.exp()
        key = _runtime.last_launches()[-1]["key"]
    finally:
        _runtime.set_launch_log(False)
    assert profiler.kernel_name(key) == "exp"


PROGRAM = """
import torch
from torch.profiler import profile, ProfilerActivity
def names(**options):
    with profile(**options) as run:
        (torch.ones(1000) * 2).exp()
    return {event.key for event in run.key_averages() if "aten" not in event.key} - {"[memory]"}
print(ProfilerActivity.PrivateUse1 in torch.profiler.supported_activities(), sorted(names()), sorted(names(activities=[ProfilerActivity.CPU], profile_memory=True)))
x = torch.ones(1000, device="hologram")
print(ProfilerActivity.PrivateUse1 in torch.profiler.supported_activities())
with profile() as run:                       # the device is in use: it is profiled by default
    y = x.exp()
print(sorted(row.key for row in run.key_averages() if row.device_type == torch._C._autograd.DeviceType.PrivateUse1))
with torch.autograd.profiler.profile(use_device="hologram") as run:
    x.exp().sum().item()
print(len(run.key_averages()) > 2)
with torch.autograd.profiler.profile(use_device="hologram", use_kineto=False) as run:
    x.exp().sum().item()
print(len(run.key_averages()) > 2)
"""


def test_nothing_is_said_and_programs_without_the_device_see_nothing_of_it():
    done = subprocess.run([sys.executable, "-W", "error::UserWarning", "-c", PROGRAM], capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert [line for line in lines if not line.startswith("USDT")] == ["False [] []", "True", "['exp']", "True", "True"]
    assert [line for line in done.stderr.splitlines() if "USDT" not in line and "deprecated" not in line.lower()] == []
