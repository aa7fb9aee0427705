"""Every correction of torch is still needed. A failure here means: torch has mended it, remove the correction."""

import ctypes
import pickle
import sys
import threading

import pytest
import torch

import hologram_torch
from hologram_torch import _patches
from hologram_torch.torch_release import RELEASE
from tests.compare import DEVICE
from tests.modes import deferred, host_only, since


@host_only("memory shared by DLPack")
def test_dlpack_device_needs_its_correction():
    x = torch.arange(3.).to(DEVICE)
    with pytest.raises(ValueError, match="Unknown device type hologram"):
        _patches.originals["__dlpack_device__"](x)
    assert x.__dlpack_device__() == (torch.utils.dlpack.DLDeviceType.kDLExtDev, 0)
    y = torch.from_dlpack(x)
    y[0] = 7
    assert y.is_hologram and x[0].item() == 7
    assert torch.zeros(2).__dlpack_device__()[0] == torch.utils.dlpack.DLDeviceType.kDLCPU


def unread(scale):
    """A tensor that nobody has computed yet, what lies at its address now, and what is to lie there. No two calls have one value."""
    x = torch.arange(3.0).to(DEVICE) * scale + 1
    address = _patches.originals["const_data_ptr"](x)
    return x, lambda: list(ctypes.string_at(address, 12)), (torch.arange(3.0) * scale + 1).view(torch.uint8).tolist()


@deferred
@host_only("addresses that the host reads")
def test_addresses_to_read_need_their_correction():
    x, seen, expected = unread(3)
    assert seen() != expected
    x.const_data_ptr()
    assert seen() == expected
    x, seen, expected = unread(5)       # torch 2.14 exports for reading by such an address
    x.__dlpack__()
    assert seen() == expected


@deferred
@host_only("addresses that the host reads")
@pytest.mark.skipif(not torch.distributed.is_available(), reason="torch was built without torch.distributed")
def test_sending_by_a_backend_needs_its_correction():
    backend = torch._C._distributed_c10d.FakeProcessGroup._create_internal(0, 2)      # it looks at nothing
    x, seen, expected = unread(7)
    _patches.originals["Backend.send"](backend, [x], 1, 0)
    assert seen() != expected
    backend.send([x], 1, 0)
    assert seen() == expected


@since(2, 13, "is_shared that says so of all the device's storages")
def test_share_memory_needs_its_correction():
    storage = torch.zeros(3).to(DEVICE).untyped_storage()
    assert _patches.originals["is_shared"](storage) is True
    _patches.originals["share_memory_"](storage)
    assert not storage.is_shared()


@pytest.mark.skipif(not torch.distributed.is_available() or not torch.distributed.is_gloo_available(), reason="this torch has no gloo")
def test_process_groups_need_their_correction(monkeypatch):
    import torch.distributed as dist
    from torch.distributed import distributed_c10d as c10d

    def group(work, **options):
        dist.init_process_group(store=dist.HashStore(), rank=0, world_size=1, **options)
        try:
            return work(dist.group.WORLD)
        finally:
            dist.destroy_process_group()

    device = torch.device(DEVICE, 0)
    assert group(lambda g: g._get_backend(device).name()) == group(lambda g: g._get_backend(device).name(), device_id=device) == "hologram"
    assert group(lambda g: g.rank(), backend="cpu:gloo,hologram:hologram") == 0
    for name in ("_get_backend", "_start_coalescing"):
        original = _patches.originals[f"ProcessGroup.{name}"]
        monkeypatch.setattr(dist.ProcessGroup, name, lambda *arguments, original=original: original(*arguments))
        with pytest.raises(RuntimeError, match="No backend type associated with device type"):
            group(lambda g, name=name: getattr(g, name)(device))
    bound = lambda: group(lambda g: g.bound_device_id, device_id=device)
    assert bound() is None
    monkeypatch.setattr(c10d, "_new_process_group_helper", _patches.originals["_new_process_group_helper"])
    assert bound() == device        # its subgroups would be split off by functions that NCCL's backend alone has


@since(2, 13, "split_group over backends that are not CUDA's")
@host_only("groups over gloo")
def test_groups_that_are_split_need_their_correction(monkeypatch):
    import torch.distributed as dist

    t = torch.ones(2, device=DEVICE)
    dist.init_process_group(store=dist.HashStore(), rank=0, world_size=1)
    try:
        if RELEASE < (2, 15):       # newer ones ask the parent's backends, whose parts would still meet under one name
            with pytest.raises(RuntimeError, match="No device associated with the default pg"):
                _patches.originals["split_group"](split_ranks=[[0]])
        part = dist.split_group(split_ranks=[[0]])
        dist.all_reduce(t, group=part)
        with monkeypatch.context() as as_torch_does:
            split = []
            as_torch_does.setattr(dist.ProcessGroup, "split_group", lambda self, *args, **options: split.append(options["device_types"]))
            # Each of the group's backends, with one store. What is no group is None, or from torch 2.15 on said to be none.
            assert dist.split_group(split_ranks=[[0]]) in (None, dist.GroupMember.NON_GROUP_MEMBER) and split == [None]
        assert {device.type for device in part._device_types} == {"cpu", DEVICE}
    finally:
        dist.destroy_process_group()


@host_only("backward on the calling thread")
def test_backward_on_the_calling_thread_needs_its_correction(monkeypatch):
    threads = []

    def backward():
        x = torch.ones(3, device=DEVICE, requires_grad=True)
        x.register_hook(lambda grad: threads.append(threading.get_ident()))
        x.exp().sum().backward()
        return threads[-1]

    assert backward() == threading.get_ident() and torch._C._is_multithreading_enabled()
    with pytest.raises(ValueError, match="on the way"):
        x = torch.ones(3, device=DEVICE, requires_grad=True)
        x.register_hook(lambda grad: exec("raise ValueError('on the way')"))
        x.sum().backward()
    assert torch._C._is_multithreading_enabled()
    with torch.autograd.set_multithreading_enabled(False):
        backward()
        assert not torch._C._is_multithreading_enabled()     # the caller's choice stays
    monkeypatch.setattr(torch.autograd, "_engine_run_backward", _patches.originals["_engine_run_backward"])
    if hologram_torch._C.without_device_threads():      # a test without the device started autograd
        with pytest.raises(RuntimeError, match="device_ready_queues_"):
            backward()
    else:
        assert backward() != threading.get_ident()


@deferred
def test_timers_need_their_correction(monkeypatch):
    from torch.utils.benchmark import Timer

    def launched(statement, number=20):
        x = torch.rand(4096, device=DEVICE)
        timer = Timer(statement, globals={"x": x})
        timer.timeit(2)
        before = torch.hologram.counters()["launched"]
        timer.timeit(number)
        return torch.hologram.counters()["launched"] - before

    with_it, named = launched("(x * x + 1).exp()"), launched("y = (x * x + 1).exp()")
    assert with_it > 0 and named > 0
    assert torch.hologram.explain(1).circuits[-1].summary().endswith("exp")       # one kernel, which stores its result alone
    x = torch.rand(4096, device=DEVICE)
    before = torch.hologram.counters()["launched"]
    (x * x + 1).exp()                                                             # elsewhere what is thrown away is not computed
    assert torch.hologram.counters()["launched"] == before
    monkeypatch.setattr(Timer, "_timeit", _patches.originals["Timer._timeit"])
    assert launched("(x * x + 1).exp()") == 0


def test_kernels_of_users_need_their_correction():
    x = torch.arange(3.0)
    with torch.library._scoped_library("hologram_kernels_of_users", "DEF") as library:
        library.define("twice(Tensor x) -> Tensor")
        library.impl("twice", lambda x: x * 2, DEVICE)
        library.impl("twice", lambda x: x * 3, "CPU")
        library.define("other(Tensor x) -> Tensor")
        with pytest.raises(RuntimeError, match="could not parse dispatch key: hologram"):
            _patches.originals["Library.impl"](library, "other", lambda x: x, DEVICE)
        twice = torch.ops.hologram_kernels_of_users.twice
        assert twice(x.to(DEVICE)).tolist() == [0.0, 2.0, 4.0] and twice(x).tolist() == [0.0, 3.0, 6.0]
        assert twice(x.to(DEVICE)).device.type == DEVICE


def test_autocast_needs_its_correction():
    found = []
    thread = threading.Thread(target=lambda: found.append(_patches.originals["get_autocast_dtype"](DEVICE)))
    thread.start()
    thread.join()
    assert found == [torch.float16]


def adam_step(device, make, load=None, scaler=None):
    """The parameters after three steps, and the optimizer."""
    torch.manual_seed(0)
    model = torch.nn.Linear(5, 3)
    model.to(device)
    optimizer = make(model.parameters())
    if load:
        optimizer.load_state_dict(load)
    for _ in range(3):
        optimizer.zero_grad()
        loss = (model(torch.arange(10.0).view(2, 5).to(device)) ** 2).mean()
        (scaler.scale(loss) if scaler else loss).backward()
        if scaler:
            scaler.step(optimizer)
            scaler.update()
        else:
            optimizer.step()
    return [p.detach().cpu() for p in model.parameters()], optimizer


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.AdamW])
def test_fused_adam_needs_its_correction(kind, monkeypatch):
    def fused_calls(make):
        before = torch.hologram.op_report().get(f"_fused_{kind.__name__.lower()}_", {}).get("compiled", 0)
        values, optimizer = adam_step(DEVICE, make)
        return torch.hologram.op_report().get(f"_fused_{kind.__name__.lower()}_", {}).get("compiled", 0) - before, values, optimizer

    expected, stock = adam_step("cpu", kind)
    calls, values, optimizer = fused_calls(kind)
    assert calls == 3 and optimizer.param_groups[0]["fused"] and stock.param_groups[0]["fused"] is None
    torch.testing.assert_close(values, expected)
    for asked in ({"foreach": True}, {"foreach": False}, {"fused": False}, {"capturable": True}, {"differentiable": True}):
        if "differentiable" not in asked:
            assert fused_calls(lambda p: kind(p, **asked))[0] == 0
        assert not kind([torch.zeros(2, device=DEVICE)], **asked).param_groups[0]["fused"]
    mixed = kind([torch.zeros(2, device=DEVICE, requires_grad=True), torch.zeros(2, requires_grad=True)])
    assert mixed.param_groups[0]["fused"] is None
    groups = kind([{"params": torch.zeros(2, device=DEVICE)}, {"params": [torch.zeros(2, device=DEVICE)], "lr": 0.5}])
    assert [g["fused"] for g in groups.param_groups] == [True, True] and groups.param_groups[1]["lr"] == 0.5
    assert kind([torch.zeros(2, device=DEVICE, dtype=torch.complex64)]).param_groups[0]["fused"] is None
    # A checkpoint of the CPU goes on as on the CPU, with a gradient scaler too.
    again, _ = adam_step("cpu", kind, stock.state_dict())
    here, loaded = adam_step(DEVICE, kind, stock.state_dict(), torch.amp.GradScaler(DEVICE, init_scale=4.0))
    assert loaded.param_groups[0]["fused"]
    torch.testing.assert_close(here, again)
    monkeypatch.setattr(torch.optim.Adam, "__init__", _patches.originals["Adam.__init__"])
    assert fused_calls(kind)[0] == 0


def test_linear_cross_entropy_adds_up_as_on_the_cpu(monkeypatch):
    options = pytest.importorskip("torch.nn.modules.linear_cross_entropy_options").LinearCrossEntropyOptions
    torch.manual_seed(0)
    x, weight = (8 * torch.randn(shape, dtype=torch.bfloat16) for shape in ((64, 16), (12, 16)))
    target = torch.randint(12, (64,))

    def losses(device):
        return torch.nn.functional.linear_cross_entropy(x.to(device), weight.to(device), target.to(device), reduction="none",
                                                        options=options(batch_chunk_size=16)).cpu()

    expected = losses("cpu")
    torch.testing.assert_close(losses(DEVICE), expected)
    monkeypatch.setattr(options, "_adjust", _patches.originals["LinearCrossEntropyOptions._adjust"])
    assert not torch.allclose(losses(DEVICE), expected, rtol=1.6e-2, atol=1e-5)


def test_module_to_needs_the_compatibility_kernel():
    """torch's own rule (TensorImpl) calls the two devices incompatible; our kernel of the op says otherwise."""
    cpu, device = torch.zeros(1), torch.zeros(1).to(DEVICE)
    assert torch._has_compatible_shallow_copy_type(cpu, device) and torch._has_compatible_shallow_copy_type(device, cpu)
    assert not torch._has_compatible_shallow_copy_type(device, torch.zeros(1).to_sparse())
    assert not torch._has_compatible_shallow_copy_type(cpu, torch.zeros(1, device="meta"))


def test_applying_twice_changes_nothing():
    before = torch.Tensor.__dlpack_device__
    _patches.apply()
    assert torch.Tensor.__dlpack_device__ is before


def test_printing_what_another_backend_holds_needs_its_correction(monkeypatch):
    """What it prints is tested where there are two backends (tests/backends/cuda/checks_devices.py)."""
    x = torch.arange(3.0).to(DEVICE)
    assert repr(x) == "tensor([0., 1., 2.], device='hologram:0')"
    moved = []
    monkeypatch.setattr(_patches._C, "get_backend", lambda: "another")
    monkeypatch.setattr(torch.Tensor, "cpu", lambda self: moved.append(1) or self.to("cpu"))
    assert repr(x) == "tensor([0., 1., 2.], device='hologram:0')" and moved == [1]


def test_programs_without_the_device_need_their_correction(monkeypatch):
    """torch itself names the device to everybody; what it does then is in tests/device/test_installed.py."""
    assert _patches.originals["_get_accelerator"]() == _patches.originals["_accelerator_getAccelerator"]() == torch.device(DEVICE)
    assert torch._C._get_accelerator() == torch.accelerator.current_accelerator() == torch.device(DEVICE)
    chosen = lambda: torch.distributed.distributed_c10d.BackendConfig(torch.distributed.Backend.UNDEFINED).get_device_backend_map()
    for name in ("_get_accelerator", "_accelerator_getAccelerator"):       # torch 2.14 and newer ask the second one
        monkeypatch.setattr(torch._C, name, _patches.originals[name])
    assert chosen() == {"hologram": "hologram"}         # tensors of the CPU would have no backend
    monkeypatch.undo()
    assert chosen() == {"cpu": "gloo"}
    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: True)        # as in the wheels of the package index
    assert _patches._other_accelerator() == torch.device("cuda")
    if not torch.cuda.is_available():
        assert chosen() == {"cpu": "gloo"} and _patches._other_accelerator(available=True) is None


def test_data_parallel_needs_its_correction(monkeypatch):
    assert _patches.originals["data_parallel._get_available_device_type"]() == DEVICE
    module = torch.nn.Linear(2, 2).to(DEVICE)
    with pytest.raises(RuntimeError, match="could not be determined"):
        _patches.originals["data_parallel"](module, torch.ones(1, 2, device=DEVICE))
    monkeypatch.setattr(sys.modules["torch.nn.parallel.data_parallel"], "_get_available_device_type",
                        _patches.originals["data_parallel._get_available_device_type"])
    cpu = torch.nn.DataParallel(torch.nn.Linear(2, 2), device_ids=[0])   # of several devices: one alone gets the module at once
    assert cpu.module.weight.is_hologram                    # moved there
    # The function that it calls is not there, or, where torch was built for CUDA, wants streams of CUDA.
    with pytest.raises((AttributeError, RuntimeError), match="_scatter|DeviceType::CUDA"):
        cpu(torch.ones(1, 2))


def test_pickled_devices_need_their_correction():
    assert torch.device(DEVICE, 0).__reduce__() == (torch.device, (DEVICE, 0))      # a name that other processes do not know
    assert b"privateuseone" in pickle.dumps(torch.device(DEVICE)) and DEVICE.encode() not in pickle.dumps(torch.device(DEVICE))


def test_the_profiler_needs_its_correction(monkeypatch):
    activities = torch.profiler.ProfilerActivity
    original = _patches.originals["_supported_activities"]()
    assert activities.PrivateUse1 in original
    torch.ones(1, device=DEVICE)
    assert torch.profiler.supported_activities() == original
    monkeypatch.setattr(_patches._C, "in_use", lambda: False)
    assert torch.profiler.supported_activities() == original - {activities.PrivateUse1}


def test_traced_recurrent_layers_need_their_correction(monkeypatch):
    from torch._dispatch.python import enable_python_dispatcher
    from torch.fx.experimental.proxy_tensor import make_fx

    def ops(device):
        layer = torch.nn.LSTM(3, 4).to(device)
        names = [name for name, _ in layer.named_parameters()]
        forward = lambda x, *parameters: torch.func.functional_call(layer, dict(zip(names, parameters)), (x,))[0]
        with enable_python_dispatcher(), torch.backends.mkldnn.flags(enabled=False):
            graph = make_fx(forward, tracing_mode="fake")(torch.randn(5, 2, 3, device=device), *layer.parameters())
        return [str(node.target) for node in graph.graph.nodes]
    assert ops(DEVICE) == ops("cpu")
    lstm = torch.ops.aten.lstm.input
    for key in (torch._C.DispatchKey.AutogradPrivateUse1, torch._C.DispatchKey.PrivateUse1):
        monkeypatch.delitem(lstm.py_kernels, key)
    lstm._dispatch_cache.clear()
    assert ops(DEVICE) != ops("cpu")
    lstm._dispatch_cache.clear()
