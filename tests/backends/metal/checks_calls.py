"""What the Metal backend asks of Metal: the sequence of messages, errors, leaks. Runs on the fake (test_metal.py starts it)."""

import gc

import numpy as np
import pytest
import torch

import hologram_torch
from hologram_core import Executor, _runtime
from hologram_core.errors import ExportError
from tests.backends.fakes import build as fakes
from tests.backends.fakes.checks import test_copies_between_devices_are_ordered_with_both, test_each_device_has_its_generator, test_each_thread_has_its_stream  # noqa: F401
from tests.backends.metal import fake
from tests.modes import deferred

DEVICE = "hologram"
hologram = torch.hologram
metal = fake.driver()

LAUNCH = ["setComputePipelineState:", "setBytes:length:atIndex:", "dispatchThreadgroups:threadsPerThreadgroup:"]
BEGIN = ["commandBuffer", "computeCommandEncoder"]
COMMIT = ["endEncoding", "commit"]
COPY = "copyFromBuffer:sourceOffset:toBuffer:destinationOffset:size:"


@pytest.fixture(autouse=True)
def metal_and_clean():
    hologram_torch.set_backend("metal")
    yield
    gc.collect()
    hologram_torch.set_backend("metal")
    hologram.synchronize()


def python(code: str, **env) -> str:
    return fakes.python(code, fake.environment(**env))


# ---- which backend ----

def test_it_is_listed_and_has_two_devices():
    assert hologram_torch.list_available_backends() == ["metal", "cpu"] and hologram_torch.get_backend() == "metal"
    assert hologram_torch.backend_reason("metal") == "" and hologram.device_count() == 2
    assert hologram.get_device_name(1) == "hologram metal: Fake M1"
    properties = hologram.get_device_properties()
    assert properties.backend == "metal" and hologram.mem_get_info()[1] == properties.total_memory == 8 << 30
    x = torch.empty(1 << 28, dtype=torch.uint8, device=DEVICE)
    assert hologram.mem_get_info()[0] <= (8 << 30) - x.nbytes


ASK = "import warnings; warnings.simplefilter('ignore'); import hologram_torch as h; print(h.get_backend(), h.backend_reason('metal'))"


@pytest.mark.parametrize("env, reason", [
    ({"HOLOGRAM_METAL_DRIVER": ""}, "needs macOS on Apple silicon"),
    ({"HOLOGRAM_METAL_DRIVER": "/nowhere/Metal"}, "library /nowhere/Metal not found"),
    ({"FAKE_METAL_DEVICES": "0"}, "Metal sees no device"),
    ({"FAKE_METAL_FAMILY": "5000"}, "no device has unified memory and Metal 3 (Fake M0). An Apple silicon GPU under macOS 13 or newer"),
    ({"FAKE_METAL_UNIFIED": "0"}, "no device has unified memory and Metal 3"),
])
def test_an_absent_metal_says_why(env, reason):
    answer = python(ASK, **env)
    assert answer.startswith("cpu ") and reason in answer
    with_error = python("import hologram_torch as h; h.set_backend('metal')", **{"HOLOGRAM_BACKEND": "cpu", **env})
    assert with_error.startswith("!RuntimeError: hologram.set_backend: the backend 'metal' is not available") and reason in with_error


def test_auto_is_metal():
    code = "import hologram_torch as h, torch; print(h.get_backend(), torch.ones(2, device='hologram').sum().item(), h.Executor().backend)"
    assert python(code, HOLOGRAM_BACKEND="auto") == "metal 2.0 cpu"      # an Executor's arrays are NumPy's, which a GPU does not see


def test_importing_torch_asks_for_no_device():
    code = ("import ctypes, os, torch; f = ctypes.CDLL(os.environ['HOLOGRAM_METAL_DRIVER']); f.fake_count.restype = ctypes.c_long;"
            "print(f.fake_count(b'MTLCopyAllDevices'))")
    assert python(code, HOLOGRAM_BACKEND="auto") == "0"


def test_tensors_stay_where_they_were_made():
    on_metal = torch.arange(4.0, device=DEVICE)
    hologram_torch.set_backend("cpu")
    on_cpu = torch.arange(4.0, device=DEVICE)
    assert on_metal.cpu().tolist() == on_cpu.cpu().tolist() == [0, 1, 2, 3] and on_metal[3].item() == 3
    for mixed in (lambda: on_metal + on_cpu, lambda: torch.mm(on_metal.view(2, 2), on_cpu.view(2, 2))):
        with pytest.raises(RuntimeError, match="(?s)'metal'.*'cpu'|'cpu'.*'metal'"):
            mixed()
            hologram.synchronize()
    on_cpu.copy_(on_metal)                    # copies may cross
    assert on_cpu.tolist() == [0, 1, 2, 3]
    hologram_torch.set_backend("metal")
    assert (on_metal + 1).tolist() == [1, 2, 3, 4]


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

    assert metal.calls(step) == BEGIN + ["useResource:usage:"] + LAUNCH
    assert metal.calls(step) == LAUNCH[1:]    # the encoder is open: it knows the memory and the pipeline
    assert metal.waiting() == 2               # nobody has waited
    names = metal.calls(lambda: kept[0][0].item())
    assert [n for n in names if n not in ("execute", "status")] == COMMIT + ["waitUntilCompleted"]
    assert kept[1][0].item() == pytest.approx(np.tanh(2.0), rel=1e-6) and metal.waiting() == 0


@deferred
def test_many_launches_fill_command_buffers():
    x = torch.zeros(8, device=DEVICE)
    hologram.synchronize()
    before = metal.count("commit"), metal.count("dispatchThreadgroups:threadsPerThreadgroup:")
    for _ in range(64 * 40):                  # more than Metal has under way at once
        x.add_(1)
        _runtime.flush()
    assert metal.count("dispatchThreadgroups:threadsPerThreadgroup:") - before[1] == 64 * 40
    assert metal.count("commit") - before[0] == 40
    assert x.tolist() == [64 * 40.0] * 8


@deferred
def test_kernels_are_compiled_without_fast_math():
    for mode, name in (("1", "setMathMode:"), ("0", "setFastMathEnabled:")):
        code = ("import ctypes, os, torch; f = ctypes.CDLL(os.environ['HOLOGRAM_METAL_DRIVER']); f.fake_count.restype = ctypes.c_long;"
                "print((torch.ones(3, device='hologram') * 2).tolist(), *(f.fake_count(n) for n in (b'setMathMode:', b'setFastMathEnabled:')))")
        values, _, counts = python(code, FAKE_METAL_MATH_MODE=mode).partition("] ")
        assert values == "[2.0, 2.0, 2.0" and counts == ("1 0" if name == "setMathMode:" else "0 1")


@deferred
def test_small_uploads_do_not_wait():
    x = torch.zeros(8, device=DEVICE)
    _runtime.flush()
    host = torch.arange(8.0)
    names = metal.calls(lambda: x.copy_(host))
    host.zero_()                              # the copy has its bytes already
    assert COPY in names and "waitUntilCompleted" not in names and x.tolist() == list(range(8))
    hologram.synchronize()
    assert metal.calls(lambda: x.copy_(host)) == []      # the GPU is idle: the host writes
    assert x.tolist() == [0.0] * 8


def test_copies_of_odd_bytes_are_the_hosts():
    x = torch.zeros(16, dtype=torch.uint8, device=DEVICE)
    _runtime.flush()
    x[3:6].copy_(torch.tensor([1, 2, 3], dtype=torch.uint8))
    assert x.tolist() == [0, 0, 0, 1, 2, 3] + [0] * 10


@deferred
def test_pinned_memory_moves_while_the_host_goes_on():
    size = 1 << 16
    x, host = torch.zeros(size, device=DEVICE), torch.ones(size)
    pinned = host.pin_memory()
    assert pinned.is_pinned()
    x.add_(1)
    _runtime.flush()
    names = metal.calls(lambda: x.copy_(pinned, non_blocking=True))
    assert COPY in names and "waitUntilCompleted" not in names and metal.waiting() > 0
    back = torch.empty(size).pin_memory()
    back.copy_(x, non_blocking=True)
    hologram.synchronize()
    assert back.sum().item() == size


def test_pinned_memory_is_reused_only_after_its_copy():
    size = 1 << 16
    x = torch.zeros(size, device=DEVICE)
    _runtime.flush()
    first = torch.full((size,), 7.0).pin_memory()
    address = first.data_ptr()
    x.copy_(first, non_blocking=True)
    del first
    second = torch.empty(size).pin_memory()   # the copy has not run: other memory
    assert second.data_ptr() != address
    second.fill_(1.0)
    assert x[5].item() == 7.0


@deferred
def test_foreach_steps_are_one_launch():
    params = [torch.ones(n, device=DEVICE) for n in range(1, 40)]
    grads = [torch.ones(n, device=DEVICE) for n in range(1, 40)]
    torch._foreach_add_(params, grads, alpha=2)
    hologram.synchronize()

    def step():
        torch._foreach_add_(params, grads, alpha=2)
        _runtime.flush()

    names = metal.calls(step)
    assert names.count("dispatchThreadgroups:threadsPerThreadgroup:") == 1
    assert all(p.tolist() == [5.0] * len(p) for p in params)


@deferred
def test_many_records_go_round_the_ring():
    params = [torch.zeros(3, device=DEVICE) for _ in range(300)]
    hologram.synchronize()
    names = metal.calls(lambda: (torch._foreach_add_(params, 1.0), _runtime.flush()))
    assert "setBuffer:offset:atIndex:" in names
    for _ in range(119):
        torch._foreach_add_(params, 1.0)
        _runtime.flush()
    assert all(p.tolist() == [120.0] * 3 for p in params)


# ---- streams and events ----

@deferred
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


@deferred
def test_without_an_event_nobody_waits():
    side = torch.Stream(DEVICE)
    y = torch.zeros(8, device=DEVICE)
    hologram.synchronize()
    with side:
        y.add_(1)
        _runtime.flush()
    hologram.current_stream().synchronize()
    assert metal.waiting() == 1               # the other stream's work is still there
    hologram.synchronize()
    assert metal.waiting() == 0 and y.tolist() == [1.0] * 8


def test_events_time():
    first, last = torch.Event(DEVICE, enable_timing=True), torch.Event(DEVICE, enable_timing=True)
    first.record()
    torch.ones(1000, device=DEVICE).mul_(2)
    last.record()
    last.synchronize()
    assert first.elapsed_time(last) > 0
    with pytest.raises(RuntimeError, match="completed"):
        last.record()
        first.elapsed_time(last)


def test_record_stream_keeps_memory_from_being_reused():
    side = torch.Stream(DEVICE)
    x = torch.full((1 << 18,), 5.0, device=DEVICE)
    hologram.synchronize()
    with side:
        y = x + 1
        _runtime.flush()
    x.record_stream(side)
    del x
    z = torch.zeros(1 << 18, device=DEVICE)   # were it the same memory, it would be cleared before y was computed
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
    for mixed in (lambda: a + b, lambda: torch.mm(a.view(2, 3), b.view(3, 2)), lambda: torch.cat([a, b]), lambda: a.add_(b)):
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
    metal.fail("newBufferWithLength:options:")
    x = torch.empty(1 << 29, dtype=torch.uint8, device=DEVICE)     # the cache was given back, then there was room
    del x
    with pytest.raises(torch.OutOfMemoryError, match=r"asked for|refused .* on metal"):
        torch.empty(1 << 40, dtype=torch.uint8, device=DEVICE)
    assert torch.ones(3, device=DEVICE).sum().item() == 3
    assert hologram.memory_stats()["num_ooms"] >= 1


@pytest.mark.parametrize("call, why", [("newLibraryWithSource:options:error:", "newLibraryWithSource: program_source:7: as the test ordered"),
                                       ("newComputePipelineStateWithFunction:error:", "newComputePipelineStateWithFunction: as the test")])
def test_a_refused_kernel_names_itself_and_the_reason(call, why):
    x = torch.ones(5, device=DEVICE)
    op = torch.erfinv if "Library" in call else torch.lgamma
    hologram.synchronize()
    metal.fail(call)
    with pytest.raises(RuntimeError, match=rf"device 0: Metal refuses the kernel .*: {why}"):
        (op(x) * 3).tolist()
    assert (op(x) * 3).numel() == 5 and x.tolist() == [1.0] * 5    # the next time it loads
    hologram.synchronize()


def test_threadgroups_that_are_too_large_are_refused():
    code = ("import torch\nx = torch.ones(5, device='hologram')\n"
            "try: x.tolist()\nexcept RuntimeError as error: print(str(error).splitlines()[0])")
    assert "threads, this device runs at most 16 of it" in python(code, FAKE_METAL_THREADS="16")


@pytest.mark.parametrize("call, names", [("commandBuffer", "Metal makes no command buffer")])
def test_a_failing_call_is_named_and_the_device_goes_on(call, names):
    x = torch.ones(7, device=DEVICE)
    (x + 2).tolist()
    metal.fail(call)
    with pytest.raises(RuntimeError, match=rf"hologram.metal: device 0: {names}"):
        (x + 2).tolist()
    assert (x + 2).tolist() == [3.0] * 7


LOST = """
import ctypes, os, torch
f = ctypes.CDLL(os.environ["HOLOGRAM_METAL_DRIVER"])
x = torch.ones(7, device="hologram")
x.tolist()
f.fake_fail(b"execute", ctypes.c_long(1), 3)
for attempt in range(2):
    try:
        (x + 1).tolist()
    except RuntimeError as error:
        print(str(error).splitlines()[0])
try:
    x.numpy() if False else torch.mm(x.view(1, 7), x.view(7, 1))
except RuntimeError as error:
    print(str(error).splitlines()[0])
del x
hologram = __import__("hologram_torch")
hologram.set_backend("cpu")
print(torch.ones(2, device="hologram").sum().item())
"""


def test_a_lost_device_says_so_once_and_again():
    first, second, library, after = python(LOST).splitlines()
    assert "device 0 was lost: a command buffer failed: Caused GPU Address Fault Error (3)" in first and "HOLOGRAM_SYNC=1" in first
    assert "device 0 was lost" in second and "start a new process" in second and "device 0 was lost" in library
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


FORK_FIRST = """
import os, torch, hologram_torch
child = os.fork()
if child == 0:
    torch.hologram.init()
    os._exit(0 if (torch.ones(3, device="hologram") + 1).tolist() == [2.0] * 3 else 3)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_child_may_open_the_device():
    assert python(FORK_FIRST) == "0"


def test_host_pointers_do_not_reach_kernels():
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

    kinds = ("MTLBuffer", "MTLSharedEvent", "MTLCommandQueue", "MTLCommandBuffer", "MTLComputeCommandEncoder", "MTLBlitCommandEncoder",
             "MTLComputePipelineState", "MTLFunction", "MTLLibrary", "MTLCompileOptions", "MTLDevice", "NSString", "NSArray", "NSError")

    def live():
        gc.collect()
        hologram.synchronize(0), hologram.synchronize(1)
        hologram.empty_cache()
        return {kind: metal.live(kind) for kind in kinds}

    for _ in range(34):                       # every stream of the pool has been used
        work()
    before = live()
    for _ in range(10):
        work()
    assert live() == before
    assert before["MTLDevice"] == 2 and hologram.memory_allocated() == 0
    for gone in ("MTLComputeCommandEncoder", "MTLBlitCommandEncoder", "MTLCompileOptions", "NSString", "NSArray", "NSError"):
        assert before[gone] == 0, gone


# ---- hologram_core ----

def test_executors_on_the_device():
    with Executor("metal") as executor:
        from hologram_core import ops

        a = executor.from_numpy(np.arange(8, dtype=np.float32))
        b = executor.allocate(8)
        ops.vector_add(executor, a, a, b)
        assert b.to_numpy().tolist() == [0, 2, 4, 6, 8, 10, 12, 14]
        seen = memoryview(b)                  # zero-copy: while it lives, ops are waited for
        ops.vector_add(executor, b, a, b)
        assert seen.tolist() == [0, 3, 6, 9, 12, 15, 18, 21]
        imported = np.from_dlpack(b)
        ops.vector_add(executor, b, a, b)
        assert imported.tolist() == [0, 4, 8, 12, 16, 20, 24, 28]
        with pytest.raises(ExportError):
            executor.wrap(np.ones(3, np.float32))
    assert Executor().backend == "cpu"


def test_libraries_run_on_the_memory_itself():
    hologram.reset_counters()
    a = torch.randn(8, 8, device=DEVICE)
    out = torch.empty(16, 16, device=DEVICE)[2:10, 3:11]
    torch.mm(a, a, out=out)
    torch.testing.assert_close(out.cpu(), a.cpu() @ a.cpu())
    report = hologram.op_report()["mm.out"]
    assert report["library"] == 1 and "host_copies" not in report
