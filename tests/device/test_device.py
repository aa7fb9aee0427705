"""The device in torch's eyes: names, guards, streams, events, memory, module conversion, serialization, autocast."""

import copy
import io
import pickle
import threading

import pytest
import torch
from torch import nn

import hologram_torch
from tests.compare import DEVICE, check_program
from tests.modes import DEVICE_COUNT, host_only, since

hologram = torch.hologram


# ---- names ----

def test_names_and_generated_methods():
    x = torch.ones(3)
    assert torch.device(DEVICE).type == DEVICE and str(torch.device(DEVICE, 0)) == "hologram:0"
    h = x.hologram()
    assert h.is_hologram and not x.is_hologram and h.device == torch.device("hologram:0")
    assert h.hologram() is h or h.hologram().data_ptr() == h.data_ptr()
    assert nn.Linear(2, 2).hologram().weight.is_hologram
    assert x.untyped_storage().hologram().is_hologram
    packed = nn.utils.rnn.pack_sequence([torch.ones(2, 3)])
    assert packed.hologram().data.is_hologram
    assert torch._C._get_privateuse1_backend_name() == DEVICE
    assert torch.get_device_module(DEVICE) is hologram and torch.get_device_module() is hologram


def test_device_context_and_set_default_device():
    with torch.device(DEVICE):
        assert torch.empty(2).is_hologram and torch.tensor([1, 2]).is_hologram
    torch.set_default_device(DEVICE)
    try:
        assert torch.empty(2).is_hologram
    finally:
        torch.set_default_device(None)


ATTRIBUTES = """is_available device_count current_device set_device synchronize current_stream default_stream stream Stream Event
device get_rng_state set_rng_state manual_seed manual_seed_all _is_in_bad_fork is_initialized _lazy_init get_amp_supported_dtype
exchange_device maybe_exchange_device memory_stats memory_allocated memory_reserved memory_summary empty_cache
max_memory_allocated reset_peak_memory_stats mem_get_info init get_device_name get_device_capability get_device_properties
op_report counters reset_counters device_of initial_seed seed seed_all default_generators""".split()


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_the_module_has_every_attribute_torch_reads(name):
    assert hasattr(hologram, name)


def test_module_functions():
    assert hologram.is_available() and hologram.device_count() == DEVICE_COUNT and hologram.current_device() == 0
    assert hologram.is_initialized() and not hologram._is_in_bad_fork()
    hologram.init()
    hologram.synchronize()
    hologram.synchronize("hologram:0")
    assert "hologram" in hologram.get_device_name() and hologram.get_device_properties().total_memory > 0
    assert torch.float32 in hologram.get_device_capability()["supported_dtypes"]
    assert set(hologram.get_amp_supported_dtype()) == {torch.float16, torch.bfloat16} and hologram.is_bf16_supported()
    free, total = hologram.mem_get_info()
    assert 0 < free <= total
    with hologram.device(0), hologram.device("hologram"), hologram.device_of(torch.ones(1)):
        assert hologram.current_device() == 0
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        hologram.nonsense


@pytest.mark.parametrize("call", [
    lambda: hologram.set_device(7), lambda: torch.empty(1, device="hologram:7"), lambda: torch.ones(1).to("hologram:3"),
    lambda: torch.Generator(device="hologram:9"), lambda: torch.accelerator.set_device_index(5),
    lambda: hologram.synchronize(4), lambda: hologram.memory_stats(3)])
def test_a_device_index_out_of_range_raises(call):
    with pytest.raises((RuntimeError, ValueError, AssertionError), match="(?i)device"):
        call()
    assert hologram.current_device() == 0


def test_devices_of_other_kinds_are_refused():
    with pytest.raises(ValueError, match="Expected a hologram device"):
        hologram.set_device("cpu")
    with pytest.raises(TypeError):
        hologram.set_device(1.5)


# ---- torch.accelerator ----

def test_accelerator():
    accelerator = torch.accelerator
    assert accelerator.is_available() and accelerator.current_accelerator().type == DEVICE
    assert accelerator.device_count() == DEVICE_COUNT and accelerator.current_device_index() == 0
    accelerator.set_device_index(0)
    accelerator.synchronize()
    with accelerator.device_index(0):
        assert accelerator.current_stream().device.type == DEVICE
    accelerator.set_stream(accelerator.current_stream())
    assert accelerator.get_memory_info()[1] > 0
    for function in (accelerator.memory_allocated, accelerator.max_memory_allocated, accelerator.memory_reserved,
                     accelerator.max_memory_reserved):
        assert function() >= 0
    accelerator.reset_peak_memory_stats()
    accelerator.reset_accumulated_memory_stats()
    accelerator.empty_cache()


def test_memory_statistics_are_true():
    hologram.synchronize()
    before = hologram.memory_allocated()
    hologram.reset_peak_memory_stats()
    x = torch.empty(1 << 20, device=DEVICE)
    assert hologram.memory_allocated() - before == 4 << 20
    del x
    assert hologram.memory_allocated() == before
    assert hologram.max_memory_allocated() - before >= 4 << 20
    hologram.reset_peak_memory_stats()
    assert hologram.max_memory_allocated() == before
    assert hologram.memory_reserved() >= hologram.memory_allocated()
    assert "Allocated memory" in hologram.memory_summary() and "boundary" not in hologram.memory_summary(abbreviated=True)


# ---- streams and events ----

def test_streams():
    default = hologram.default_stream()
    assert hologram.current_stream() == default and default.stream_id == 0
    side = torch.Stream(device=DEVICE)
    other = hologram.Stream()
    assert side != other and isinstance(other, hologram.Stream) and isinstance(side, torch.Stream)
    with hologram.stream(side):
        assert hologram.current_stream() == side
        with other:
            assert torch.accelerator.current_stream() == other
        x = torch.ones(3, device=DEVICE) + 1
    assert hologram.current_stream() == default
    side.wait_stream(other)
    side.synchronize()
    assert side.query()
    x.record_stream(side)
    with hologram.stream(None):
        assert hologram.current_stream() == default


def test_each_thread_has_its_own_current_stream():
    from concurrent.futures import ThreadPoolExecutor

    side = hologram.Stream()
    hologram.set_stream(side)
    try:
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(hologram.current_stream).result() == hologram.default_stream()
    finally:
        hologram.set_stream(hologram.default_stream())


def test_events():
    start, end = torch.Event(device=DEVICE, enable_timing=True), hologram.Event(enable_timing=True)
    assert isinstance(end, hologram.Event)
    start.record()
    torch.ones(1000, device=DEVICE).exp().sum().item()
    end.record(hologram.current_stream())
    end.synchronize()
    assert start.query() and end.query() and start.elapsed_time(end) > 0
    hologram.Stream().wait_event(end)
    end.wait()
    untimed = hologram.Event()
    untimed.record()
    with pytest.raises(ValueError, match="enable_timing"):
        start.elapsed_time(untimed)
    with pytest.raises(ValueError, match="recorded"):
        start.elapsed_time(hologram.Event(enable_timing=True))


# ---- modules ----

def test_module_to_keeps_parameters_ties_and_optimizers():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.head = nn.Embedding(10, 4), nn.Linear(4, 10, bias=False)
            self.head.weight = self.embed.weight

        def forward(self, x):
            return self.head(self.embed(x))

    model = Tied()
    weight = model.embed.weight
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    model.to(DEVICE)
    assert model.embed.weight is weight and model.head.weight is weight and weight.is_hologram
    before = weight.detach().clone()
    model(torch.tensor([1, 2], device=DEVICE)).sum().backward()
    assert weight.grad.is_hologram
    optimizer.step()
    assert not torch.equal(before.cpu(), weight.detach().cpu())
    model.cpu()
    assert model.embed.weight is weight and weight.device.type == "cpu" and weight.grad.device.type == "cpu"
    model.to(DEVICE, torch.float64)
    assert weight.dtype == torch.float64 and weight.is_hologram and model.head.weight is weight


def test_parameter_data_can_be_replaced_across_devices():
    p = nn.Parameter(torch.ones(3))
    p.data = torch.full((3,), 2.0).to(DEVICE)
    assert p.is_hologram and isinstance(p, nn.Parameter) and p.cpu().tolist() == [2.0] * 3
    p.data = torch.zeros(3)
    assert p.device.type == "cpu" and (p + 1).sum().item() == 3


# ---- serialization and copies ----

def roundtrip(value, **kwargs):
    buffer = io.BytesIO()
    torch.save(value, buffer)
    buffer.seek(0)
    return torch.load(buffer, **kwargs)


@pytest.mark.parametrize("x", [
    torch.arange(12.).view(3, 4), torch.arange(12).view(3, 4).t(), torch.arange(12.)[2:9:3], torch.tensor(3.5), torch.empty(0, 2),
    torch.tensor([True, False]), torch.randn(3, dtype=torch.complex64), torch.randn(4).half(), torch.randn(4).bfloat16()],
    ids=lambda x: f"{str(x.dtype)[6:]}{list(x.shape)}")
def test_save_load_pickle_deepcopy(x):
    h = x.to(DEVICE)
    for y in (roundtrip(h), pickle.loads(pickle.dumps(h)), copy.deepcopy(h), roundtrip(h, map_location={"hologram:0": "hologram:0"})):
        assert y.is_hologram and y.dtype == x.dtype and y.stride() == h.stride() and torch.equal(y.cpu(), x)
    for y in (roundtrip(x, map_location=DEVICE), roundtrip(x, map_location=torch.device("hologram:0"))):
        assert y.is_hologram and y.stride() == x.stride() and torch.equal(y.cpu(), x)
    for y in (roundtrip(h, map_location="cpu"), roundtrip(h, map_location=lambda storage, _: storage.cpu())):
        assert y.device.type == "cpu" and torch.equal(y, x)


def test_checkpoints_load_on_plain_cpu(tmp_path):
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).to(DEVICE)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(2, 3, device=DEVICE)).sum().backward()
    optimizer.step()
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, tmp_path / "checkpoint.pt")
    loaded = torch.load(tmp_path / "checkpoint.pt", map_location="cpu")
    plain = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    plain.load_state_dict(loaded["model"])
    torch.optim.Adam(plain.parameters()).load_state_dict(loaded["optimizer"])
    for a, b in zip(plain.parameters(), model.parameters()):
        assert torch.equal(a, b.detach().cpu())
    model.load_state_dict(plain.state_dict())
    whole = roundtrip(model, weights_only=False)
    assert next(whole.parameters()).is_hologram


def test_shared_storages_stay_shared_in_a_file():
    base = torch.arange(6.).to(DEVICE)
    a, b = roundtrip([base[:3], base[2:]])
    a[2] = 100
    assert b[0].item() == 100


def test_typed_and_untyped_storages():
    x = torch.arange(4.).to(DEVICE)
    storage = x.untyped_storage()
    assert storage.device == x.device and storage.nbytes() == 16 and storage.cpu().nbytes() == 16
    assert x.storage().tolist() == [0, 1, 2, 3] and x.storage()[2] == 2
    clone = storage.clone()
    assert clone.is_hologram and clone.data_ptr() != storage.data_ptr() and bytes(clone.cpu()) == bytes(storage.cpu())
    storage.resize_(32)
    assert storage.nbytes() == 32 and x.tolist() == [0, 1, 2, 3]
    storage.resize_(0)
    assert storage.nbytes() == 0


# ---- reading values ----

def test_items_lists_and_printing():
    x = torch.tensor([[1, 2], [3, 4]]).to(DEVICE)
    assert x[1, 0].item() == 3 and x.tolist() == [[1, 2], [3, 4]] and int(x[0, 0]) == 1 and bool(x[0, 0])
    assert repr(x) == "tensor([[1, 2],\n        [3, 4]], device='hologram:0')"
    assert "device='hologram:0'" in repr(torch.randn(2000).to(DEVICE)) and "..." in repr(torch.randn(2000).to(DEVICE))
    assert "requires_grad=True" in repr(nn.Parameter(torch.ones(2).to(DEVICE)))
    assert f"{torch.tensor(1.5).to(DEVICE):.2f}" == "1.50"
    for dtype in (torch.bool, torch.uint8, torch.int8, torch.int64, torch.float16, torch.bfloat16, torch.float64, torch.complex64,
                  torch.uint16, torch.uint32, torch.uint64):
        value = torch.ones((), dtype=dtype)
        assert value.to(DEVICE).item() == value.item()
    with pytest.raises(RuntimeError, match="cannot be converted to Scalar"):
        x.item()


def test_numpy_raises_type_error():
    with pytest.raises(TypeError, match="Use Tensor.cpu"):
        torch.ones(2).to(DEVICE).numpy()


# ---- pinned memory ----

def test_pinned_memory():
    x = torch.arange(1000.)
    pinned = x.pin_memory()
    assert pinned.is_pinned() and pinned[10:].is_pinned() and not x.is_pinned() and pinned.device.type == "cpu"
    assert torch.equal(pinned.to(DEVICE, non_blocking=True).cpu(), x)
    back = pinned.to(DEVICE).to("cpu", non_blocking=True)
    hologram.synchronize()
    assert torch.equal(back, x)
    assert torch.empty(4, pin_memory=True).is_pinned() and not torch.empty(4, device=DEVICE).is_pinned()
    with pytest.raises(RuntimeError, match="pinned"):
        torch.empty(2, device=DEVICE, pin_memory=True)
    for batch in torch.utils.data.DataLoader(list(torch.arange(8.)), batch_size=4, pin_memory=True):
        assert batch.is_pinned()


@since(2, 13, "torch.accelerator.empty_host_cache")
def test_the_cache_of_pinned_memory_is_emptied():
    pinned = torch.arange(1000.).pin_memory()
    torch.arange(500.).pin_memory()
    torch.accelerator.empty_host_cache()
    assert pinned.is_pinned() and torch.equal(pinned, torch.arange(1000.))


# ---- autocast ----

def test_autocast_policies():
    a = torch.randn(4, 4).to(DEVICE)
    with torch.autocast(DEVICE, dtype=torch.bfloat16):
        assert (a @ a).dtype == torch.bfloat16                     # lower precision
        assert (a @ a).exp().dtype == torch.float32                # float32
        assert (a @ a).sum().dtype == torch.float32                # float32 result
        assert torch.atan2(a.bfloat16(), a).dtype == torch.float32   # promote
        assert (a + 1).dtype == torch.float32                      # as it comes
        with torch.autocast(DEVICE, enabled=False):
            assert (a @ a).dtype == torch.float32


def in_a_thread(call):
    results = []
    thread = threading.Thread(target=lambda: results.append(call()))
    thread.start()
    thread.join()
    return results[0]


def test_autocast_is_to_bfloat16_in_every_thread():
    def dtypes():
        a = torch.ones(4, 4, device=DEVICE)
        with torch.autocast(DEVICE):
            product = (a @ a).dtype
        return product, torch.get_autocast_dtype(DEVICE), torch.autocast(DEVICE).fast_dtype

    def enabled_by_hand():
        torch.set_autocast_enabled(DEVICE, True)
        try:
            return (torch.ones(4, 4, device=DEVICE) @ torch.ones(4, 4, device=DEVICE)).dtype
        finally:
            torch.set_autocast_enabled(DEVICE, False)

    def chosen():
        torch.set_autocast_dtype(DEVICE, torch.float16)
        return dtypes()

    assert dtypes() == in_a_thread(dtypes) == (torch.bfloat16,) * 3
    assert in_a_thread(enabled_by_hand) == torch.bfloat16
    assert in_a_thread(chosen) == (torch.float16,) * 3 and dtypes() == (torch.bfloat16,) * 3    # a choice is its thread's
    with torch.autocast(DEVICE, dtype=torch.float16):
        assert torch.get_autocast_dtype(DEVICE) == torch.float16
    assert torch.get_autocast_dtype(DEVICE) == torch.bfloat16
    torch._dynamo.reset()

    def product(a):
        with torch.autocast(DEVICE):
            return a @ a

    assert torch.compile(product, fullgraph=True)(torch.ones(4, 4, device=DEVICE)).dtype == torch.bfloat16


@pytest.mark.parametrize("dtypes", [(torch.float32, torch.float32), (torch.bfloat16, torch.float32), (torch.bfloat16, torch.bfloat16),
                                    (torch.float16, torch.float16)], ids=str)
def test_binary_cross_entropy_under_autocast(dtypes):
    """torch refuses it on CUDA; the CPU computes it in float32, and so does this device."""
    def program(device):
        x = torch.rand(64).to(dtypes[0]).to(device).requires_grad_()
        target = torch.rand(64).to(dtypes[1]).to(device)
        with torch.autocast(device):
            loss = torch.nn.functional.binary_cross_entropy(x, target)
        loss.backward()
        return loss, x.grad

    check_program(program)


def test_grad_scaler():
    w = torch.ones(3, device=DEVICE, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    scaler = torch.amp.GradScaler(DEVICE, init_scale=8.0)
    scaler.scale(w.sum()).backward()
    scaler.step(optimizer)
    scaler.update()
    torch.testing.assert_close(w.detach().cpu(), torch.full((3,), 0.9))
    optimizer.zero_grad()
    scaler.scale((w * float("inf")).sum()).backward()
    scaler.step(optimizer)
    scaler.update()
    torch.testing.assert_close(w.detach().cpu(), torch.full((3,), 0.9))
    assert scaler.get_scale() == 4.0


# ---- backends ----

@host_only("the backend is the CPU's")
def test_backends():
    works = hologram_torch.list_available_backends()
    assert works[-1] == "cpu" and hologram_torch.get_backend() == "cpu"
    hologram_torch.set_backend("cpu")
    assert hologram_torch.backend_reason("cpu") == ""
    for name in {"cuda", "metal"} - set(works):
        assert hologram_torch.backend_reason(name)
        with pytest.raises(RuntimeError, match=f"'{name}' is not available"):
            hologram_torch.set_backend(name)
    for bad in ("tpu", ""):
        with pytest.raises(ValueError, match="'cpu'"):
            hologram_torch.set_backend(bad)
    with pytest.raises(ValueError, match="'cpu'"):
        hologram_torch.backend_reason("tpu")
    with pytest.raises(TypeError):
        hologram_torch.set_backend(None)
    assert hologram_torch.get_backend() == "cpu"


def test_op_report_and_counters():
    hologram.reset_counters()
    assert hologram.op_report() == {}
    x = torch.ones(4, 4, device=DEVICE)
    x.t().contiguous()
    report = hologram.op_report()
    assert report["copy_"]["compiled"] == 1 and set(report["copy_"]) == {"compiled", "library", "delegated"}
    assert hologram.counters()["recorded"] >= 1


# ---- quantised tensors ----

QUANTISERS = {
    "to": lambda x: torch.quantize_per_tensor(x.cpu(), 0.1, 0, torch.qint8).to(DEVICE),
    "per tensor": lambda x: torch.quantize_per_tensor(x, 0.1, 0, torch.qint8),
    "per channel": lambda x: torch.quantize_per_channel(x, torch.ones(3, device=DEVICE), torch.zeros(3, dtype=torch.int64, device=DEVICE), 0, torch.quint8),
    "dynamic": lambda x: torch.quantize_per_tensor_dynamic(x, torch.qint8, False),
    "empty": lambda x: torch.empty(3, dtype=torch.qint8, device=DEVICE),
    "affine": lambda x: torch._empty_affine_quantized([3], scale=0.1, zero_point=0, dtype=torch.qint8, device=DEVICE),
}


@pytest.mark.parametrize("name", QUANTISERS)
def test_quantised_tensors_are_refused_with_what_to_do(name):
    with pytest.raises(NotImplementedError, match=r"hologram: .*quantized .* not supported on the device\. (Dequantize it, or keep it|Move the inputs)"):
        QUANTISERS[name](torch.rand(3, 2, device=DEVICE))


def test_fake_quantisation_computes():
    check_program(lambda device: torch.fake_quantize_per_tensor_affine(torch.linspace(-2, 2, 50).to(device), 0.1, 0, -8, 7))
