"""torch.hologram has the names of torch.cuda and torch.mps, or says why it does not."""

import types

import pytest
import torch

from hologram_torch import left_out, tensor_types
from tests.compare import DEVICE, assert_same
from tests.modes import FLOAT64

hologram = torch.hologram

# What the two modules happen to import for themselves.
IMPORTED = {"Any", "Callable", "DEVICE_REQUIREMENT", "Device", "NewType", "Optional", "PYTORCH_RELEASES_CODE_CC", "TYPE_CHECKING", "Tensor", "cast",
            "classproperty", "event", "importlib", "lru_cache", "os", "platform", "sys", "threading", "torch", "traceback", "warnings"}


def public(module):
    return {name for name in {*module.__all__, *dir(module)} if not name.startswith("_")} - IMPORTED


@pytest.mark.parametrize("module", [torch.cuda, torch.mps], ids=lambda m: m.__name__)
def test_every_public_name_is_there_or_left_out_with_a_reason(module):
    names = public(module)
    assert len(names) > 15
    missing = {name for name in names if not hasattr(hologram, name)}
    assert missing - set(left_out.REASONS) == set()
    for name in missing:
        with pytest.raises(AttributeError, match="hologram: torch.hologram has no '" + name):
            getattr(hologram, name)


def test_what_is_left_out_is_a_name_of_theirs_and_is_not_there():
    assert set(left_out.REASONS) <= public(torch.cuda) | public(torch.mps)
    assert [name for name in left_out.REASONS if hasattr(hologram, name)] == []
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        hologram.nonsense


def test_every_name_that_dir_tells_can_be_read():
    assert [name for name in dir(hologram) if not hasattr(hologram, name)] == []
    assert {"memory", "amp", "random", "streams", "graphs", "FloatTensor", "StreamContext"} <= set(dir(hologram))


@pytest.mark.parametrize("module", ["memory", "random", "streams", "graphs", "amp"])
def test_modules_have_the_names_of_cudas(module):
    ours, theirs = getattr(hologram, module), getattr(torch.cuda, module)
    assert isinstance(ours, types.ModuleType)
    names = getattr(theirs, "__all__", ())
    assert [n for n in names if not hasattr(ours, n) and n not in left_out.REASONS and "CUDA" not in n] == []
    for name in names:
        if hasattr(ours, name) and hasattr(hologram, name):
            assert getattr(ours, name) is getattr(hologram, name)


# ---- memory ----

def test_nested_statistics():
    x = torch.ones(1000, device=DEVICE)
    nested = hologram.memory_stats_as_nested_dict()
    assert nested["allocated_bytes"]["all"]["current"] == hologram.memory_stats()["allocated_bytes.all.current"] >= x.nbytes
    assert hologram.current_allocated_memory() == hologram.memory_allocated() >= x.nbytes
    assert hologram.driver_allocated_memory() == hologram.memory_reserved() == hologram.memory_cached()
    hologram.synchronize()
    assert hologram.device_memory_used() > 0


def test_statistics_of_pinned_memory():
    torch.ones(1, device=DEVICE)      # pin_memory() asks torch for the accelerator in use
    hologram.reset_accumulated_host_memory_stats()
    before = hologram.host_memory_stats()
    x = torch.ones(1 << 16).pin_memory()
    stats = hologram.host_memory_stats()
    assert stats["allocated_bytes.current"] - before["allocated_bytes.current"] >= x.nbytes
    assert stats["allocations.allocated"] == 1 and hologram.host_memory_stats_as_nested_dict()["allocations"]["allocated"] == 1
    del x
    assert hologram.host_memory_stats()["active_bytes.current"] == before["active_bytes.current"]
    assert hologram.host_memory_stats()["active_bytes.peak"] >= 1 << 18
    hologram.reset_peak_host_memory_stats()
    assert hologram.host_memory_stats()["active_bytes.peak"] == before["active_bytes.current"]


def test_a_fraction_limits_the_pools():
    assert hologram.get_per_process_memory_fraction() == 1.0
    total = hologram.mem_get_info()[1]
    try:
        hologram.set_per_process_memory_fraction((hologram.memory_reserved() + (64 << 20)) / total)
        assert hologram.get_per_process_memory_fraction() * total == pytest.approx(hologram.recommended_max_memory(), abs=2)
        with pytest.raises(torch.OutOfMemoryError):
            torch.empty(256 << 20, device=DEVICE, dtype=torch.uint8)
    finally:
        hologram.set_per_process_memory_fraction(1.0)
    assert torch.empty(256 << 20, device=DEVICE, dtype=torch.uint8).numel() == 256 << 20
    assert hologram.recommended_max_memory() == total
    for bad in (0, -0.5, 1.5):
        with pytest.raises(ValueError, match="at most 1"):
            hologram.set_per_process_memory_fraction(bad)
    with pytest.raises(TypeError, match="not str"):
        hologram.set_per_process_memory_fraction("half")


def test_memory_for_kernels_of_others():
    before = hologram.memory_allocated()
    address = hologram.caching_allocator_alloc(1 << 20)
    assert address != 0 and hologram.memory_allocated() - before >= 1 << 20
    hologram.caching_allocator_delete(address)
    assert hologram.memory_allocated() == before
    with pytest.raises(ValueError, match="was given back"):
        hologram.caching_allocator_delete(address)
    with pytest.raises(ValueError, match="-1 bytes"):
        hologram.caching_allocator_alloc(-1)
    hologram.ipc_collect()


# ---- types of tensors ----

@pytest.mark.parametrize("name", tensor_types.DTYPES)
def test_old_names_of_types(name):
    kind, dtype = getattr(hologram, name), tensor_types.DTYPES[name]
    if dtype is torch.float64 and not FLOAT64:
        return
    x = kind(2, 3)
    assert x.shape == (2, 3) and x.dtype == dtype and x.device.type == DEVICE and x.type() == f"torch.hologram.{name}"
    assert isinstance(x, kind) and not isinstance(x.cpu(), kind) and not isinstance(3, kind)
    assert not isinstance(x, hologram.FloatTensor if dtype is not torch.float32 else hologram.LongTensor)
    values = torch.tensor([0, 1, 1])
    assert_same(kind([0, 1, 1]).cpu(), values.to(dtype))
    assert_same(kind(values).cpu(), values.to(dtype))
    assert kind().shape == (0,) and kind(torch.Size([4])).shape == (4,)
    with pytest.raises(RuntimeError, match="not of cpu"):
        kind(3, device="cpu")


# ---- streams, mixed precision, what it can do ----

def test_stream_context():
    stream = hologram.Stream()
    with hologram.StreamContext(stream) as inside:
        assert inside is None and hologram.current_stream() == stream
    assert hologram.current_stream() == hologram.default_stream()
    with pytest.raises(KeyError), hologram.StreamContext(stream):
        raise KeyError
    assert hologram.current_stream() == hologram.default_stream()
    with hologram.StreamContext(None):
        assert hologram.current_stream() == hologram.default_stream()


def test_amp():
    x = torch.ones(4, 4, device=DEVICE)
    with hologram.amp.autocast():
        assert (x @ x).dtype == torch.bfloat16
    with hologram.amp.autocast(dtype=torch.float16):
        assert (x @ x).dtype == torch.float16
    assert hologram.amp.autocast()(torch.mm)(x, x).dtype == torch.bfloat16
    assert (x @ x).dtype == torch.float32
    assert hologram.amp.GradScaler(init_scale=8.0).scale(x.sum()).item() == 128.0
    assert not hologram.amp.GradScaler(enabled=False).is_enabled()

    class Square(torch.autograd.Function):
        @staticmethod
        @hologram.amp.custom_fwd(cast_inputs=torch.float32)
        def forward(ctx, x):
            assert x.dtype == torch.float32
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @hologram.amp.custom_bwd
        def backward(ctx, grad):
            return 2 * ctx.saved_tensors[0] * grad

    y = x.bfloat16().requires_grad_()
    with hologram.amp.autocast():
        Square.apply(y).sum().backward()
    assert y.grad.float().eq(2).all()


def test_answers():
    assert hologram.is_bf16_supported() and hologram.has_half and not hologram.is_tf32_supported() and not hologram.has_magma
    assert hologram.get_allocator_backend() == DEVICE and len(hologram.default_generators) == hologram.device_count()
    assert hologram.OutOfMemoryError is torch.OutOfMemoryError


def test_random_module():
    def program(device):
        module = hologram.random if device == DEVICE else torch.random
        module.manual_seed(3)
        state = module.get_rng_state()
        first = torch.rand(5, device=device)
        module.set_rng_state(state)
        return first.cpu().equal(torch.rand(5, device=device).cpu())

    assert program(DEVICE) and program("cpu")


def test_names_complete_and_say_what_they_do():
    """dir() has what users may call, and not what the module imports for itself; each of them has a docstring."""
    names = [name for name in dir(hologram) if not name.startswith("_")]
    assert {"explain", "watch", "jit", "Graph", "memory_stats", "FloatTensor", "Stream", "profiler"} <= set(names)
    assert not {"os", "Iterable", "Any", "importlib", "annotations"} & set(names)
    values = {name: getattr(hologram, name) for name in names}
    silent = [name for name, value in values.items() if (callable(value) or isinstance(value, types.ModuleType)) and not (value.__doc__ or "").strip()]
    assert silent == []
