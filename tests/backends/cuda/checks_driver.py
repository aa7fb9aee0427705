"""What the CUDA backend asks of the driver: the sequence of calls, errors, leaks. Runs on the fake (test_cuda.py starts it)."""

import gc

import numpy as np
import pytest
import torch

import hologram_torch
from hologram_core import Executor, HologramTensor, _runtime, compile
from hologram_core.errors import ExportError
from tests.backends.cuda import fake
from tests.backends.fakes import build as fakes
from tests.backends.fakes.checks import test_copies_between_devices_are_ordered_with_both, test_each_device_has_its_generator, test_each_thread_has_its_stream  # noqa: F401
from tests.modes import deferred

DEVICE = "hologram"
hologram = torch.hologram
driver = fake.Driver()


@pytest.fixture(autouse=True)
def cuda_and_clean():
    hologram_torch.set_backend("cuda")
    yield
    gc.collect()
    hologram_torch.set_backend("cuda")
    hologram.synchronize()


def python(code: str, **env) -> str:
    return fakes.python(code, fake.environment(**env))


# ---- which backend ----

def test_it_is_listed_and_has_two_devices():
    assert hologram_torch.list_available_backends() == ["cuda", "cpu"] and hologram_torch.get_backend() == "cuda"
    assert hologram_torch.backend_reason("cuda") == "" and hologram.device_count() == 2
    assert hologram.get_device_name(1) == "hologram cuda: Fake GPU 1"
    properties = hologram.get_device_properties()
    assert (properties.backend, properties.multi_processor_count) == ("cuda", 4)
    assert hologram.mem_get_info()[1] == properties.total_memory == 8 << 30


ASK = "import warnings; warnings.simplefilter('ignore'); import hologram_torch as h; print(h.get_backend(), h.backend_reason('cuda'))"


@pytest.mark.parametrize("env, reason", [
    ({"HOLOGRAM_CUDA_DRIVER": "/nowhere/libcuda.so.1"}, "driver library /nowhere/libcuda.so.1 not found"),
    ({"FAKE_CUDA_VERSION": "10020"}, "too old: it supports CUDA 10.2. CUDA 11.4 or newer is needed"),
    ({"FAKE_CUDA_INIT": "802"}, "cannot start: cuInit: CUDA_ERROR_SYSTEM_NOT_READY"),
    ({"FAKE_CUDA_DEVICES": "0"}, "sees no device"),
])
def test_an_absent_driver_says_why(env, reason):
    answer = python(ASK, **env)
    assert answer.startswith("cpu ") and reason in answer
    with_error = python("import hologram_torch as h; h.set_backend('cuda')", HOLOGRAM_BACKEND="cpu", **env)
    assert with_error.startswith("!RuntimeError: hologram.set_backend: the backend 'cuda' is not available") and reason in with_error


def test_auto_is_the_cpu_where_torch_has_no_cuda():
    code = "import hologram_torch as h; print(h.get_backend(), h.list_available_backends()[0])"
    assert python(code, HOLOGRAM_BACKEND="auto") == "cpu cuda"


def test_importing_torch_opens_no_device():
    code = ("import ctypes, os, torch; f = ctypes.CDLL(os.environ['HOLOGRAM_CUDA_DRIVER']); f.fake_count.restype = ctypes.c_long;"
            "print(f.fake_count(b'cuInit'))")
    assert python(code, HOLOGRAM_BACKEND="auto") == "0"


def test_tensors_stay_where_they_were_made():
    on_cuda = torch.arange(4.0, device=DEVICE)
    hologram_torch.set_backend("cpu")
    on_cpu = torch.arange(4.0, device=DEVICE)
    assert on_cuda.cpu().tolist() == on_cpu.cpu().tolist() == [0, 1, 2, 3] and on_cuda[3].item() == 3
    for mixed in (lambda: on_cuda + on_cpu, lambda: torch.mm(on_cuda.view(2, 2), on_cpu.view(2, 2)), lambda: torch.cumprod(on_cuda, 0) @ on_cpu):
        with pytest.raises(RuntimeError, match="(?s)'cuda'.*'cpu'|'cpu'.*'cuda'"):
            mixed()
            hologram.synchronize()
    on_cpu.copy_(on_cuda)                     # copies may cross
    assert on_cpu.tolist() == [0, 1, 2, 3]
    hologram_torch.set_backend("cuda")
    assert (on_cuda + 1).tolist() == [1, 2, 3, 4]


# ---- calls ----

@deferred
def test_recorded_ops_are_one_launch_without_waiting():
    x, y = torch.ones(1000, device=DEVICE), torch.ones(1000, device=DEVICE)
    hologram.synchronize()                    # what made x and y is no part of what follows
    warm = (x * y + x).tanh().relu()
    hologram.synchronize()
    del warm
    kept = []

    def step():
        kept.append((x * y + x).tanh().relu())
        _runtime.flush()

    assert driver.calls(step) == ["cuLaunchKernel"]
    assert driver.waiting() == 1              # nobody has waited
    assert kept[0][0].item() == pytest.approx(np.tanh(2.0), rel=1e-6) and driver.waiting() == 0


def test_reading_waits_once():
    x = torch.ones(1000, device=DEVICE) + 1
    hologram.synchronize()
    assert driver.calls(lambda: x[3].item()) == ["cuMemcpyDtoHAsync_v2", "cuStreamSynchronize"]


def test_small_uploads_do_not_wait():
    x = torch.zeros(8, device=DEVICE).copy_(torch.ones(8))       # the ring of pinned memory is there now
    hologram.synchronize()
    host = torch.arange(8.0)
    names = driver.calls(lambda: x.copy_(host))
    host.zero_()                              # the copy has its bytes already
    assert names == ["cuMemcpyHtoDAsync_v2"] and x.tolist() == list(range(8))


def test_large_uploads_wait_for_pageable_memory_only():
    size = 1 << 20
    x, host = torch.empty(size, device=DEVICE), torch.ones(size)
    assert driver.calls(lambda: x.copy_(host, non_blocking=True)) == ["cuMemcpyHtoDAsync_v2", "cuStreamSynchronize"]
    pinned = host.pin_memory()
    assert pinned.is_pinned()
    names = driver.calls(lambda: x.copy_(pinned, non_blocking=True))
    assert "cuMemcpyHtoDAsync_v2" in names and "cuStreamSynchronize" not in names and driver.waiting() > 0
    back = torch.empty(size).pin_memory()
    back.copy_(x, non_blocking=True)
    hologram.synchronize()
    assert back.sum().item() == size


def test_pinned_memory_is_reused_only_after_its_copy():
    size = 1 << 16
    x = torch.empty(size, device=DEVICE)
    first = torch.full((size,), 7.0).pin_memory()
    address = first.data_ptr()
    x.copy_(first, non_blocking=True)
    del first
    second = torch.empty(size).pin_memory()   # the copy has not run: other memory
    assert second.data_ptr() != address
    second.fill_(1.0)
    assert x[5].item() == 7.0
    pinned = driver.live("pinned")
    del second
    third = torch.empty(size).pin_memory()
    assert driver.live("pinned") == pinned and third.is_pinned()


@deferred
def test_foreach_steps_are_one_launch():
    params = [torch.ones(n, device=DEVICE) for n in range(1, 40)]
    grads = [torch.ones(n, device=DEVICE) for n in range(1, 40)]
    hologram.synchronize()
    torch._foreach_add_(params, grads, alpha=2)
    hologram.synchronize()

    def step():
        torch._foreach_add_(params, grads, alpha=2)
        _runtime.flush()

    assert driver.calls(step) == ["cuMemcpyHtoDAsync_v2", "cuLaunchKernel"]
    assert all(p.tolist() == [5.0] * len(p) for p in params)


def test_many_records_go_round_the_ring():
    params = [torch.zeros(3, device=DEVICE) for _ in range(300)]
    for _ in range(120):
        torch._foreach_add_(params, 1.0)
        _runtime.flush()
    assert all(p.tolist() == [120.0] * 3 for p in params)


# ---- streams and events ----

def test_streams_run_apart_and_events_order_them():
    side = torch.Stream(DEVICE)
    x = torch.ones(1000, device=DEVICE)
    with side:
        assert hologram.current_stream() == side
        y = torch.full((1000,), 3.0, device=DEVICE) * 2
    assert not side.query()
    event = torch.Event(DEVICE)
    event.record(side)
    assert not event.query()
    hologram.current_stream().wait_event(event)
    assert (x + y)[0].item() == 7.0           # the default stream waited for the other one
    assert event.query() and side.query()


def test_without_an_event_nobody_waits():
    side = torch.Stream(DEVICE)
    y = torch.zeros(8, device=DEVICE)
    hologram.synchronize()
    with side:
        y.add_(1)
        _runtime.flush()
    hologram.current_stream().synchronize()
    assert driver.waiting() == 1              # the other stream's work is still there
    hologram.synchronize()
    assert driver.waiting() == 0 and y.tolist() == [1.0] * 8


def test_events_time():
    first, last = torch.Event(DEVICE, enable_timing=True), torch.Event(DEVICE, enable_timing=True)
    first.record()
    torch.ones(1000, device=DEVICE).mul_(2)
    last.record()
    last.synchronize()
    assert first.elapsed_time(last) >= 0
    with pytest.raises(RuntimeError, match="completed"):
        last.record()
        first.elapsed_time(last)


def test_record_stream_keeps_memory_from_being_reused():
    side = torch.Stream(DEVICE)
    x = torch.full((1 << 18,), 5.0, device=DEVICE)
    hologram.synchronize()
    address = x.data_ptr()
    with side:
        y = x + 1
        _runtime.flush()
    x.record_stream(side)
    del x
    z = torch.zeros(1 << 18, device=DEVICE)   # were it the same memory, it would be cleared before y was computed
    assert z.data_ptr() != address
    hologram.current_stream().synchronize()
    assert z.sum().item() == 0 and y.sum().item() == 6.0 * (1 << 18)
    hologram.synchronize()


# ---- two devices ----

def test_two_devices():
    a = torch.arange(6.0, device="hologram:0")
    b = a.to("hologram:1")
    assert b.device.index == 1 and (b * 2).tolist() == [0, 2, 4, 6, 8, 10] and (b * 2).device.index == 1
    assert b.to("hologram:0").add(a).tolist() == [0, 2, 4, 6, 8, 10]
    c = torch.empty(3, 2, dtype=torch.int32, device="hologram:1").t()
    c.copy_(a.view(2, 3))
    assert c.cpu().tolist() == [[0, 1, 2], [3, 4, 5]]
    for mixed in (lambda: a + b, lambda: torch.mm(a.view(2, 3), b.view(3, 2)), lambda: torch.cat([a, b]), lambda: a.add_(b),
                  lambda: torch.where(a > 1, a, b)):
        with pytest.raises(RuntimeError, match="same device"):
            mixed()
    with hologram.device(1):
        assert torch.ones(2, device=DEVICE).device.index == 1
    with pytest.raises(RuntimeError, match="2 device"):
        torch.empty(1, device="hologram:2")


# ---- failures ----

def test_out_of_memory_retries_and_names_sizes():
    keep = torch.empty(1 << 28, dtype=torch.uint8, device=DEVICE)
    del keep                                  # cached
    driver.fail("cuMemAlloc_v2", fake.OUT_OF_MEMORY)
    x = torch.empty(1 << 29, dtype=torch.uint8, device=DEVICE)     # the cache was given back, then there was room
    del x
    with pytest.raises(torch.OutOfMemoryError, match=r"asked for|refused .* on cuda"):
        torch.empty(1 << 40, dtype=torch.uint8, device=DEVICE)
    assert torch.ones(3, device=DEVICE).sum().item() == 3
    assert hologram.memory_stats()["num_ooms"] >= 1


def test_a_refused_module_names_kernel_and_log():
    x = torch.ones(5, device=DEVICE)
    hologram.synchronize()                    # of a circuit with several outputs the others would be tried, and load
    driver.fail("cuModuleLoadDataEx", 218)
    with pytest.raises(RuntimeError, match=r"the driver refuses the kernel .* for sm_90: cuModuleLoadDataEx: CUDA_ERROR_INVALID_PTX"):
        (x.erfinv() * 3 + x.lgamma()).tolist()
    assert (x.erfinv() * 3 + x.lgamma()).numel() == 5           # the next time it loads
    hologram.synchronize()


@pytest.mark.parametrize("entry", ["cuLaunchKernel", "cuMemcpyDtoHAsync_v2", "cuStreamSynchronize"])
def test_a_failing_call_is_named_and_the_device_goes_on(entry):
    x = torch.ones(7, device=DEVICE)
    (x + 2).tolist()
    driver.fail(entry, fake.INVALID_VALUE)
    with pytest.raises(RuntimeError, match=rf"hologram.cuda: device 0: {entry[:12]}.*CUDA_ERROR_INVALID_VALUE"):
        (x + 2).tolist()
    assert (x + 2).tolist() == [3.0] * 7


def several_values():
    """Values of several kernels, copies and pieces of memory."""
    base = torch.linspace(0.5, 2, 1000).to(DEVICE)
    state = torch.zeros(3, device=DEVICE)
    state += 1
    values = {"map": base.tanh() + 1, "turned": base.view(20, 50).T.contiguous().exp(), "row": base.view(20, 50).softmax(1), "alike": base.flip(0).tanh() + 1,
              "split": base.expand(200, 1000).sum(), "column": base.view(20, 50).amax(0), "state": state, "host": torch.arange(7).to(DEVICE) * 2}
    state.mul_(3)
    return values


@deferred
@pytest.mark.parametrize("entry, result", [("cuLaunchKernel", fake.INVALID_VALUE), ("cuMemcpyHtoDAsync_v2", fake.INVALID_VALUE),
                                           ("cuMemcpyDtoHAsync_v2", fake.INVALID_VALUE), ("cuMemAlloc_v2", fake.OUT_OF_MEMORY)])
def test_each_call_fails_in_turn(entry, result):
    """Whatever survives is right; what is lost raises at each read."""
    expected = {name: value.cpu() for name, value in several_values().items()}
    hologram.empty_cache()
    for number in range(1, 100):
        before = driver.count(entry)
        driver.fail(entry, result, number)
        values, lost = {}, 0
        try:
            values = several_values()
        except RuntimeError:                       # at the call: a copy, or memory
            pass
        for name, value in values.items():
            try:
                read = value.cpu()
            except RuntimeError as error:
                assert entry[:8] in str(error)
                lost += 1
                if entry == "cuLaunchKernel":
                    with pytest.raises(RuntimeError, match=entry):
                        value.cpu()
                    continue
                read = value.cpu()                 # the copy failed, not the value
            assert torch.equal(read, expected[name]), (name, number)
        assert lost <= 3
        if values and not lost and driver.count(entry) - before < number:
            break
        hologram.empty_cache()
    else:
        pytest.fail("never ended")
    driver.fail(entry, 0, 1)                       # what is still ordered
    assert number > {"cuMemAlloc_v2": 0, "cuMemcpyHtoDAsync_v2": 1}.get(entry, 5)


LOST = """
import ctypes, os, torch
f = ctypes.CDLL(os.environ["HOLOGRAM_CUDA_DRIVER"])
x = torch.ones(7, device="hologram")
x.tolist()
f.fake_fail(b"cuStreamSynchronize", ctypes.c_long(1), 700)
for attempt in range(2):
    try:
        (x + 1).tolist()
    except RuntimeError as error:
        print(str(error).splitlines()[0])
del x
hologram = __import__("hologram_torch")
hologram.set_backend("cpu")
print(torch.ones(2, device="hologram").sum().item())
"""


def test_a_lost_device_says_so_once_and_again():
    first, second, after = python(LOST).splitlines()
    assert "device 0 was lost: cuStreamSynchronize: CUDA_ERROR_ILLEGAL_ADDRESS" in first and "HOLOGRAM_SYNC=1" in first
    assert "device 0 was lost" in second and "start a new process" in second
    assert after == "2.0"


FORK = """
import os, torch
x = torch.ones(3, device="hologram")
x.tolist()
child = os.fork()
if child == 0:
    try:
        (x + 1).tolist()
    except RuntimeError as error:
        print(str(error).splitlines()[0], flush=True)
    os._exit(0)
os.waitpid(child, 0)
print((x + 1).tolist())
"""


def test_a_forked_child_is_told():
    child, parent = python(FORK).splitlines()
    assert "'spawn'" in child and parent == "[2.0, 2.0, 2.0]"


def test_host_pointers_do_not_reach_kernels():
    hologram_torch.set_backend("cuda")
    x = torch.ones(4, device=DEVICE)
    assert (x + torch.tensor(2.0)).tolist() == [3.0] * 4         # a number, not an address
    with pytest.raises(RuntimeError, match="same device|host"):
        x + torch.ones(4)


# ---- leaks ----

def test_nothing_leaks():
    def work():
        x = torch.randn(300, 300, device=DEVICE)
        side = torch.Stream(DEVICE)
        with side:
            y = torch.randn(300, 300, device=DEVICE) * 2
        event = torch.Event(DEVICE)
        event.record(side)
        event.wait()
        y.record_stream(hologram.current_stream())
        z = (x + y).softmax(-1) @ x
        pinned = torch.empty(300, 300).pin_memory()
        pinned.copy_(z, non_blocking=True)
        z.to("hologram:1").sum().item()
        hologram.synchronize(0)

    kinds = ("allocations", "pinned", "events", "streams", "contexts", "modules")
    for _ in range(34):                       # every stream of the pool has been used
        work()
    gc.collect()
    hologram.synchronize(0), hologram.synchronize(1)
    hologram.empty_cache()
    before = {kind: driver.live(kind) for kind in kinds}
    for _ in range(10):
        work()
    gc.collect()
    hologram.synchronize(0), hologram.synchronize(1)
    hologram.empty_cache()
    assert {kind: driver.live(kind) for kind in kinds} == before
    assert before["contexts"] == 2 and hologram.memory_allocated() == 0


# ---- hologram_core ----

def test_executors_on_the_device():
    with Executor("cuda") as executor:
        a = executor.from_numpy(np.arange(8, dtype=np.float32))
        b = executor.allocate(8)
        from hologram_core import ops

        ops.vector_add(executor, a, a, b)
        assert b.to_numpy().tolist() == [0, 2, 4, 6, 8, 10, 12, 14]
        assert b.to_bytes() == b.to_numpy().tobytes()
        with pytest.raises(BufferError):
            memoryview(b)
        with pytest.raises(ExportError):
            executor.wrap(np.ones(3, np.float32))
        t, x = HologramTensor(executor, a, (2, 4)), np.arange(8, dtype=np.float32).reshape(2, 4)
        t[0], t[:, [1, 2]] = 7, 9
        x[0], x[:, [1, 2]] = 7, 9
        t += 1
        assert (t * x + x[0]).tolist() == ((x + 1) * x + x[0]).tolist() and (x @ t.T).tolist() == (x @ (x + 1).T).tolist()
        assert t.T.sum(0).tolist() == (x + 1).sum(1).tolist() and t[t > 8].tolist() == (x + 1)[x + 1 > 8].tolist()
        assert compile(lambda p, q: p - q)(t, x).tolist() == np.ones((2, 4)).tolist()
        ops.vector_add(executor, x, t, b)
        assert b.to_numpy().tolist() == (x + x + 1).ravel().tolist()
        with pytest.raises(ExportError):
            ops.vector_add(executor, t, t, x)
        with pytest.raises(TypeError, match="NumPy cannot write"):
            np.add(x, x, out=t)
    assert Executor().backend == "cpu"
    with pytest.raises(BufferError, match="'cuda'"):
        torch.from_dlpack(torch.ones(3, device=DEVICE))


def test_batch_norm_updates_running_statistics_in_order():
    norm = torch.nn.BatchNorm1d(4).to(DEVICE)
    before = norm.running_mean * 2            # recorded before the statistics change
    norm(torch.full((3, 4), 10.0, device=DEVICE))
    assert before.tolist() == [0.0] * 4 and norm.running_mean.tolist() == pytest.approx([1.0] * 4)


def test_libraries_without_cuda_in_torch_report_their_copies():
    hologram.reset_counters()
    a = torch.randn(8, 8, device=DEVICE)
    out = torch.empty(16, 16, device=DEVICE)[2:10, 3:11]
    torch.mm(a, a, out=out)
    torch.testing.assert_close(out.cpu(), a.cpu() @ a.cpu())
    report = hologram.op_report()["mm.out"]
    assert report["library"] == report["host_copies"] == 1
