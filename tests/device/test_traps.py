"""Known pitfalls of PyTorch device plug-ins, by number. Each is shown to be handled, or not to apply."""

import io
import subprocess
import sys
import warnings

import pytest
import torch

import hologram_torch
from tests.compare import DEVICE
from tests.modes import WIDEST, host_only

hologram = torch.hologram


def test_01_random_ops_use_the_devices_generator():
    torch.manual_seed(1)
    cpu_state = torch.get_rng_state()
    for draw in (lambda: torch.empty(8, device=DEVICE).normal_(), lambda: torch.randint(9, (8,), device=DEVICE),
                 lambda: torch.rand(8, device=DEVICE), lambda: torch.randperm(8, device=DEVICE),
                 lambda: torch.multinomial(torch.ones(8, device=DEVICE), 4), lambda: torch.bernoulli(torch.full((8,), 0.5).to(DEVICE))):
        hologram.manual_seed(5)
        first = draw().cpu()
        hologram.manual_seed(5)
        assert torch.equal(draw().cpu(), first)
    assert torch.equal(torch.get_rng_state(), cpu_state)
    generator = torch.Generator(device=DEVICE).manual_seed(2)
    torch.randperm(5, device=DEVICE, generator=generator)


def test_02_views_are_views():
    x = torch.zeros(8, device=DEVICE)
    views = [x.unfold(0, 2, 1), torch.view_as_complex(x.view(4, 2)), torch.view_as_real(torch.view_as_complex(x.view(4, 2))),
             x.as_strided((2, 2), (1, 2)), x.view(torch.int32), x.split(3)[1], x.view(2, 4).diagonal(), x.expand(2, 8), x.detach(),
             x.view(2, 4).mT, x[1::2], x.narrow(0, 1, 2), x.unsqueeze(0).squeeze(), x.view(2, 4).movedim(0, 1), x.unbind()[3]]
    for view in views:
        assert view.untyped_storage().data_ptr() == x.untyped_storage().data_ptr()
    views[0][0, 1] = 5
    assert x[1].item() == 5


def test_03_operands_are_cast():
    a, b = torch.rand(5), torch.rand(5, dtype=WIDEST)
    for op in (lambda x, y: x * y, lambda x, y: x * 2.5, lambda x, y: 2.5 - x, lambda x, y: x.int() + y, lambda x, y: x.half() * y,
               lambda x, y: x > y, lambda x, y: x.to(torch.uint8) - 1.5, lambda x, y: x + torch.tensor(2.0, dtype=WIDEST),
               lambda x, y: torch.where(x > 0.5, x, y), lambda x, y: x.int() // 2, lambda x, y: x.long() / 3):
        actual, expected = op(a.to(DEVICE), b.to(DEVICE)), op(a, b)
        assert actual.dtype == expected.dtype
        torch.testing.assert_close(actual.cpu(), expected)


@host_only("memory that processes share")
def test_04_shared_memory_is_shared():
    x = torch.zeros(2).to(DEVICE)
    assert not x.is_shared() and x.share_memory_().is_shared()     # more in test_multiprocessing


def test_05_every_registration_names_an_overload_that_exists():
    dangling = torch._C._dispatch_find_dangling_impls()
    assert dangling == [], dangling


def test_06_and_07_inductor_is_not_half_registered():
    """A partial registration is swallowed silently; there is none."""
    import torch._inductor.codegen.common as common

    assert DEVICE not in common.device_codegens
    assert not any(hasattr(hologram, name) for name in ("Scheduling", "PythonWrapperCodegen", "CppWrapperCodegen", "WrapperFxCodegen"))


def test_08_pinned_memory_serves_whoever_asked():
    """The device is the accelerator; pinning works for code that never heard of it (with CUDA, CUDA's allocator serves)."""
    assert torch.accelerator.current_accelerator().type == DEVICE
    assert torch.ones(3).pin_memory().is_pinned()


def test_09_manual_seed_does_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        torch.manual_seed(3)
    assert hologram.initial_seed() == 3


def test_10_pass_rates_count_only_what_the_device_computed():
    hologram.reset_counters()
    torch.linalg.det(torch.eye(3).to(DEVICE))
    assert any(row["delegated"] or row["library"] for row in hologram.op_report().values())


@pytest.mark.skipif(not hasattr(torch.accelerator, "Graph"), reason="torch before 2.13")
def test_11_graph_capture_is_promised_on_the_cpu_only():
    graph, x = torch.accelerator.Graph(), torch.ones(3, device=DEVICE)
    if hologram_torch.get_backend() != "cpu":
        with pytest.raises(Exception, match=r"set_backend\('cpu'\)"):
            graph.capture_begin()
        return
    with graph:
        y = x + 1
    x.fill_(4)
    graph.replay()
    assert torch.equal(y, torch.full((3,), 5.0, device=DEVICE))


def test_12_non_blocking_copies_are_complete_after_synchronize():
    x = torch.arange(100000.).to(DEVICE)
    y = (x + 1).to("cpu", non_blocking=True)
    hologram.synchronize()
    assert y.is_pinned() and torch.equal(y, torch.arange(100000.) + 1)


@pytest.mark.parametrize("program", [
    "x.conj().cpu()", "repr(x.conj())", "x.conj() + 1", "x.conj().clone()", "x.conj().resolve_conj()", "x.conj() @ x",
    "torch._neg_view(x.real).cpu()", "torch.fft.hfft(x)", "x.conj().imag.cpu()", "x.H.contiguous()", "x.conj().tolist()"])
def test_13_lazy_views_do_not_crash(program):
    x = torch.randn(4, 4, dtype=torch.complex64)
    expected = eval(program, {"x": x, "torch": torch})
    actual = eval(program, {"x": x.to(DEVICE), "torch": torch})
    if isinstance(expected, torch.Tensor):
        torch.testing.assert_close(actual.cpu(), expected)


@host_only("memory shared by DLPack")
def test_14_dlpack_knows_the_device():
    assert torch.from_dlpack(torch.ones(2).to(DEVICE)).is_hologram


def test_15_safetensors_is_a_closed_list():
    """Not ours to mend: load on the CPU, then move. What matters is that torch's own format needs no such list."""
    buffer = io.BytesIO()
    torch.save(torch.ones(2), buffer)
    buffer.seek(0)
    assert torch.load(buffer, map_location=DEVICE).is_hologram


def test_16_every_op_works_inside_autocast():
    x = torch.randn(3, 3).to(DEVICE)
    with torch.autocast(DEVICE, dtype=torch.bfloat16):
        torch.linalg.det((x + 1).float().t().contiguous())
        torch.nn.functional.cross_entropy(x @ x, torch.tensor([0, 1, 2], device=DEVICE)).item()


def test_17_record_stream_works():
    torch.ones(2, device=DEVICE).record_stream(hologram.Stream())


def test_18_the_module_is_registered():
    import importlib

    assert importlib.import_module("torch.hologram") is hologram


def test_19_the_allocator_is_a_device_allocator():
    assert torch.accelerator.memory_stats()["allocated_bytes.all.current"] == hologram.memory_allocated()


def test_20_events_record():
    torch.Event(device=DEVICE).record()


def test_21_a_storage_can_be_saved_alone():
    buffer = io.BytesIO()
    torch.save(torch.ones(3).to(DEVICE).untyped_storage(), buffer)
    buffer.seek(0)
    assert torch.load(buffer).device.type == DEVICE


def test_22_the_random_state_is_what_dtensor_expects():
    state = hologram.get_rng_state()
    assert state.numel() == 16 and state.dtype == torch.uint8 and state.device.type == "cpu"
    hologram.manual_seed(77)
    assert int.from_bytes(bytes(hologram.get_rng_state()[:8].tolist()), "little") == 77
    for name in ("Stream", "Event", "current_stream", "stream"):
        assert hasattr(hologram, name)


def test_23_a_broken_plug_in_does_not_break_torch():
    """In test_autoload: another device, an old torch, an extension that cannot be loaded."""
    code = "import torch; assert torch.ones(2).sum() == 2"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_24_numpy_and_mixed_devices_raise():
    with pytest.raises(TypeError):
        torch.ones(2).to(DEVICE).numpy()
    with pytest.raises(RuntimeError, match="device"):
        torch.ones(2).to(DEVICE) + torch.ones(2)


def test_25_reductions_choose_their_own_strides():
    x = torch.randn(3, 4, 5)
    for reduce in (lambda t: t.sum(1), lambda t: t.permute(2, 0, 1).sum(0), lambda t: t.sum((0, 2), keepdim=True), lambda t: t.mean(-1)):
        expected, actual = reduce(x), reduce(x.to(DEVICE))
        assert actual.shape == expected.shape and actual.stride() == expected.stride()
        torch.testing.assert_close(actual.cpu(), expected)


def test_26_nothing_heavy_is_imported_at_autoload():
    """Measured in test_autoload; here: nothing of the device asks for the compiler stack."""
    code = "import sys, torch, hologram_torch\nprint([m for m in ('llvmlite', 'torch._dynamo', 'torch._inductor') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


def test_27_delegated_ops_resize_and_write_through():
    assert torch.equal(torch.eye(3, device=DEVICE).cpu(), torch.eye(3))
    out = torch.empty(0, device=DEVICE, dtype=torch.int64)
    torch.nonzero(torch.tensor([0, 1, 1]).to(DEVICE), out=out)
    assert out.tolist() == [[1], [2]]
    x = torch.zeros(4, 4, device=DEVICE)
    x[:, 1].index_put_((torch.tensor([0, 2], device=DEVICE),), torch.ones(2, device=DEVICE))
    assert x[:, 1].tolist() == [1, 0, 1, 0]


def test_wrapped_numbers_stay_on_the_device():
    x = torch.ones(2, device=DEVICE)
    for result in (1 - x, 2 / x, 2**x, 3 // x, 5 % x, torch.pow(2.0, x), torch.rsub(x, 1)):
        assert result.is_hologram


def test_transformer_encoder_in_eval_mode_with_padding():
    layer = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    model = torch.nn.TransformerEncoder(layer, 2).eval()
    x, mask = torch.randn(2, 5, 8), torch.tensor([[False] * 5, [False] * 3 + [True] * 2])
    with torch.no_grad():
        expected = model(x, src_key_padding_mask=mask)
        actual = model.to(DEVICE)(x.to(DEVICE), src_key_padding_mask=mask.to(DEVICE))
    torch.testing.assert_close(actual.cpu(), expected, rtol=1e-4, atol=1e-5)
