"""Served without delegation, values and gradients: what programs expect of a device. And the way by which torch's own kernels are
called with their types: every kind of argument and result, aliases, out= and errors."""

import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import hologram_torch  # noqa: F401
from hologram_torch.torch_release import RELEASE
from tests.compare import DEVICE, nothing_is_delegated  # noqa: F401

pytestmark = pytest.mark.usefixtures("nothing_is_delegated")


def moved(value, device):
    if isinstance(value, torch.Tensor):
        return value.detach().to(device).requires_grad_(value.requires_grad)
    return type(value)(moved(v, device) for v in value) if isinstance(value, (list, tuple)) else value


def tensors_of(value):
    if isinstance(value, torch.Tensor):
        return [value]
    return [t for v in value for t in tensors_of(v)] if isinstance(value, (list, tuple)) else []


def both(call, *arguments):
    """The results of a call and the gradients of their sum on the CPU and on the device, compared."""
    outcomes = []
    for device in ("cpu", DEVICE):
        there = [moved(a, device) for a in arguments]
        results = tensors_of(call(*there))
        assert results and all(t.device.type == device for t in results)
        inputs = [t for t in tensors_of(there) if t.requires_grad]
        outputs = [t for t in results if t.requires_grad]
        weights = [torch.linspace(0.5, 1.5, t.numel()).reshape(t.shape).to(t.dtype).to(device) for t in outputs]
        gradients = torch.autograd.grad(outputs, inputs, weights, allow_unused=True) if outputs else ()
        outcomes.append([t.detach().cpu() if t is not None else None for t in (*results, *gradients)])
    for expected, actual in zip(*outcomes, strict=True):
        torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-5, equal_nan=True)


def floats(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def leaf(*shape):
    return floats(*shape).requires_grad_()


def integers(high, *shape):
    return torch.randint(high, shape, generator=torch.Generator().manual_seed(high))


def lerp_in_place(a, b):
    torch._foreach_lerp_(a, b, 0.25)
    return a


SERVED = {
    "isin": (torch.isin, integers(9, 4, 5), integers(9, 3)),
    "isin a number": (torch.isin, integers(9, 4, 5), 3),
    "index_select": (lambda x, i: x.index_select(1, i), leaf(4, 5), integers(5, 7)),
    "_foreach_lerp_": (lerp_in_place, [floats(4), floats(2, 3)], [floats(4), floats(2, 3)]),
    "cumsum": (lambda x: x.cumsum(1), leaf(4, 5)),
    "cumprod": (lambda x: x.cumprod(1), leaf(4, 5)),
    "embedding_bag mean": (lambda w, i, o: F.embedding_bag(i, w, o), leaf(10, 3), integers(10, 6), torch.tensor([0, 2])),
    "embedding_bag max": (lambda w, i: F.embedding_bag(i, w, mode="max"), leaf(10, 3), integers(10, 2, 3)),
    "embedding_bag weighted": (lambda w, i, s: F.embedding_bag(i, w, per_sample_weights=s, mode="sum"), leaf(10, 3),
                               integers(10, 2, 3), leaf(2, 3)),
    "binary_cross_entropy": (F.binary_cross_entropy, leaf(4, 5), floats(5, 4).t()),
    "binary_cross_entropy_with_logits": (F.binary_cross_entropy_with_logits, leaf(4, 5), floats(4, 5), floats(5)),
    "sort": (lambda x: x.sort(0, descending=True), leaf(4, 5)),
    "topk": (lambda x: x.topk(3), leaf(4, 5)),
    "unique": (lambda x: torch.unique(x, return_inverse=True, return_counts=True), integers(4, 20)),
    "where": (torch.where, floats(4, 1) > 0.5, leaf(4, 5), leaf(5)),
    "std": (lambda x: x.std(1), leaf(4, 5)),
    "var": (lambda x: x.var(correction=0), leaf(4, 5)),
    "scatter_reduce": (lambda x, i, s: x.scatter_reduce(1, i, s, "amax"), leaf(4, 5), integers(5, 4, 3), leaf(4, 3)),
    "scatter_add": (lambda x, i, s: x.scatter_add(0, i, s), leaf(4, 5), integers(4, 2, 5), leaf(2, 5)),
    "unfold": (lambda x: F.unfold(x, 2), leaf(2, 3, 4, 4)),
    "Tensor.unfold": (lambda x: x.unfold(1, 3, 2), leaf(4, 9)),
    "masked_select": (lambda x, m: x.masked_select(m), leaf(4, 5), floats(4, 5) > 0.5),
    "masked_scatter": (lambda x, m, s: x.masked_scatter(m, s), leaf(4, 5), floats(4, 5) > 0.5, leaf(20)),
    "masked_fill": (lambda x, m: x.masked_fill(m, 2.0), leaf(4, 5), floats(4, 5) > 0.5),
    "x[mask]": (lambda x, m: x[m], leaf(4, 5), floats(4) > 0.5),
    "masked softmax": (lambda x, m: torch.masked.softmax(x, 1, mask=m), leaf(4, 5), floats(4, 5) > 0.2),
    "grid_sample": (lambda x, g: F.grid_sample(x, g, align_corners=False), leaf(2, 3, 4, 4), leaf(2, 5, 5, 2)),
    "grid_sample 3d": (lambda x, g: F.grid_sample(x, g, mode="nearest", align_corners=True), leaf(1, 2, 3, 3, 3),
                       floats(1, 2, 2, 2, 3)),
    "upsample nearest": (lambda x: F.interpolate(x, scale_factor=2), leaf(1, 2, 3, 3)),
    "upsample bilinear": (lambda x: F.interpolate(x, size=(5, 7), mode="bilinear"), leaf(1, 2, 3, 3)),
    "upsample bicubic": (lambda x: F.interpolate(x, scale_factor=1.5, mode="bicubic", antialias=True), leaf(1, 2, 4, 4)),
    "pad reflect": (lambda x: F.pad(x, (1, 2), mode="reflect"), leaf(1, 2, 4)),
    "pad replicate": (lambda x: F.pad(x, (1, 2, 0, 1), mode="replicate"), leaf(1, 2, 4, 4)),
    "pad circular": (lambda x: F.pad(x, (1, 2), mode="circular"), leaf(1, 2, 4)),
    "nll_loss": (F.nll_loss, leaf(4, 5), integers(5, 4), floats(5)),
    "nll_loss 2d": (F.nll_loss, leaf(2, 3, 4, 4), integers(3, 2, 4, 4)),
    "ctc_loss": (lambda x, t: F.ctc_loss(x.log_softmax(2), t, (6, 5), (3, 2)), leaf(6, 2, 4), integers(3, 2, 3) + 1),
    "multi_margin_loss": (F.multi_margin_loss, leaf(4, 5), integers(5, 4)),
    "attention": (F.scaled_dot_product_attention, leaf(2, 2, 4, 8), leaf(2, 2, 4, 8), leaf(2, 2, 4, 8)),
    "attention with a mask": (F.scaled_dot_product_attention, leaf(2, 2, 4, 8), leaf(2, 2, 4, 8), leaf(2, 2, 4, 8), floats(4, 4)),
    "attention with a bool mask": (F.scaled_dot_product_attention, leaf(2, 2, 4, 8), leaf(2, 2, 4, 8), leaf(2, 2, 4, 8),
                                   torch.ones(4, 4, dtype=torch.bool).tril()),
    "causal attention": (lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True), leaf(2, 2, 4, 8),
                         leaf(2, 2, 4, 8), leaf(2, 2, 4, 8)),
    "special functions": (lambda x: [torch.special.bessel_j0(x), torch.special.zeta(x + 1, 2.0), torch.polygamma(2, x)], floats(3, 4)),
    "igamma": (torch.igamma, floats(4, 5), floats(5)),
    "glu": (F.glu, leaf(4, 6)),
    "gcd": (torch.gcd, integers(40, 4, 5), integers(30, 5)),
    "renorm": (lambda x: x.renorm(2, 0, 0.5), leaf(4, 5)),
    "frexp": (torch.frexp, floats(4, 5)),
    "logspace": (lambda x: [torch.logspace(0, 2, 5, device=x.device), torch.tril_indices(3, 4, device=x.device)], floats(1)),
    "mode": (lambda x: x.mode(1), integers(3, 4, 5)),
    "kaiser_window": (lambda x: [torch.kaiser_window(12, device=x.device),
                                 torch.kaiser_window(9, False, 8.0, device=x.device)], floats(1)),
    "fake_quantize": (lambda x: torch.fake_quantize_per_tensor_affine(x, 0.1, 3, 0, 255), leaf(4, 5)),
    "fft": (lambda x: [torch.fft.rfft(x), torch.fft.fft2(x), torch.fft.ihfft2(x)], leaf(4, 6)),
    "addr": (lambda x, a, b: [x.addr(a, b), x.detach().clone().addr_(a, b)], floats(4, 5), floats(4), floats(5)),
    "linalg": (lambda x: [torch.linalg.svdvals(x), torch.linalg.inv(x + 3 * torch.eye(4, device=x.device)),
                          torch.linalg.slogdet(x)[1]], leaf(4, 4)),
}


@pytest.mark.parametrize("case", SERVED)
def test_values_and_gradients(case):
    call, *arguments = SERVED[case]
    both(call, *arguments)


@pytest.mark.parametrize("cell", [nn.LSTM, nn.GRU, nn.RNN])
def test_recurrent_layers(cell):
    torch.manual_seed(0)
    layer = cell(3, 4, num_layers=2, bidirectional=True, batch_first=True)
    parameters = [p.detach().clone().requires_grad_() for p in layer.parameters()]
    names = [name for name, _ in layer.named_parameters()]

    def call(x, *parameters):
        return torch.func.functional_call(layer, dict(zip(names, parameters)), (x,))
    both(call, leaf(2, 5, 3), *parameters)


def test_dropout_scales_what_it_keeps():
    x = torch.ones(1000, device=DEVICE, requires_grad=True)
    y = F.dropout(x, 0.25)
    y.sum().backward()
    assert set(y.detach().cpu().unique().tolist()) <= {0.0, torch.tensor(1 / 0.75).item()} and 600 < y.count_nonzero().item() < 900
    assert torch.equal(x.grad.cpu(), y.detach().cpu())


def test_attention_with_dropout_drops():
    q, k, v = (floats(2, 2, 4, 8).to(DEVICE).requires_grad_() for _ in range(3))
    torch.manual_seed(3)
    first = F.scaled_dot_product_attention(q, k, v, dropout_p=0.5, is_causal=True)
    torch.manual_seed(3)
    again = F.scaled_dot_product_attention(q, k, v, dropout_p=0.5, is_causal=True)
    first.sum().backward()
    assert torch.equal(first.cpu(), again.cpu()) and torch.isfinite(q.grad.cpu()).all()
    assert not torch.allclose(first.cpu(), F.scaled_dot_product_attention(q, k, v, is_causal=True).cpu())


def test_draws_follow_the_devices_generator():
    weights = torch.tensor([0.0, 1.0, 1.0, 0.0], device=DEVICE)
    generator = torch.Generator(DEVICE).manual_seed(5)
    first = torch.multinomial(weights, 20, replacement=True, generator=generator).cpu()
    again = torch.multinomial(weights, 20, replacement=True, generator=generator.manual_seed(5)).cpu()
    assert torch.equal(first, again) and set(first.tolist()) == {1, 2}


# ---- the way itself ----

def library(name):
    return torch.hologram.op_report().get(name, {}).get("library", 0)


def test_a_call_counts_once_and_only_when_it_succeeds():
    x = floats(3).to(DEVICE)
    before = library("special_zeta")
    torch.special.zeta(x, x)
    assert library("special_zeta") == before + 1
    with pytest.raises(RuntimeError):
        torch.special.zeta(x, floats(4).to(DEVICE))
    assert library("special_zeta") == before + 1


def test_recorded_values_are_seen_and_written_ones_replaced():
    x, index = floats(4, 5), torch.tensor([2, 0])
    h, i = x.to(DEVICE), index.to(DEVICE)
    taken = (h * 2 + 1).index_fill_(0, i, 7.0)          # written in place right after it was recorded
    again = taken + h.index_select(1, i).sum()
    expected = (x * 2 + 1).index_fill_(0, index, 7.0) + x.index_select(1, index).sum()
    torch.testing.assert_close(again.cpu(), expected)


def test_a_pending_reader_of_what_is_written_reads_the_old_value():
    x = floats(64)
    h = x.to(DEVICE)
    doubled = h * 2
    h.index_fill_(0, torch.tensor([0], device=DEVICE), -1.0)
    torch.testing.assert_close(doubled.cpu(), x * 2)


def test_a_pending_reader_of_running_statistics_reads_the_old_ones():
    mean, var = torch.zeros(3, device=DEVICE), torch.ones(3, device=DEVICE)
    old = mean + 1
    F.batch_norm(floats(8, 3).to(DEVICE) + 5, mean, var, training=True)
    assert torch.equal(old.cpu(), torch.ones(3)) and (mean.cpu() > 0.4).all()


def test_out_of_two_results_and_of_one_tensor_given_twice():
    x = floats(4, 5)
    values, indices = torch.empty(0, device=DEVICE), torch.empty(0, dtype=torch.long, device=DEVICE)
    result = torch.topk(x.to(DEVICE), 2, out=(values, indices))
    assert result[0] is values and result[1] is indices
    torch.testing.assert_close([values.cpu(), indices.cpu()], list(torch.topk(x, 2)))
    with pytest.raises(RuntimeError):
        torch.special.zeta(values[:, :1].expand(4, 2), values, out=values[:, :1].expand(4, 2))


def test_views_come_back_as_views_of_the_argument():
    x = floats(3, 4).to(DEVICE)
    y = torch.ops.aten.index_put_(x, [torch.tensor([1], device=DEVICE)], torch.tensor(9.0, device=DEVICE))
    assert y is x or y.data_ptr() == x.data_ptr()
    assert (x[1] == 9).all().item()


def test_optional_tensors_and_lists_of_them():
    x = floats(3, 4, 5)
    index = [None, torch.tensor([[0, 2], [1, 1]]), None]
    got = torch.ops.aten.index(x.to(DEVICE), [None if i is None else i.to(DEVICE) for i in index])
    torch.testing.assert_close(got.cpu(), torch.ops.aten.index(x, index))
    torch.testing.assert_close(torch.ops.aten.index(x.to(DEVICE), index).cpu(), torch.ops.aten.index(x, index))   # indices on the CPU


def test_lists_of_results():
    x = floats(4, 6)
    sample, bins = x.to(DEVICE), [3] * 6
    counts = torch.ops.aten._histogramdd_bin_edges(sample, bins)
    assert len(counts) == 6 and all(t.device.type == DEVICE for t in counts)
    for got, expected in zip(counts, torch.ops.aten._histogramdd_bin_edges(x, bins), strict=True):
        torch.testing.assert_close(got.cpu(), expected)


def test_devices_must_agree():
    x = floats(3)
    with pytest.raises(RuntimeError, match="same device|is on cpu"):
        torch.special.zeta(x.to(DEVICE), x)
    with pytest.raises(RuntimeError, match="same device|is on cpu"):
        torch.special.zeta(x.to(DEVICE), x.to(DEVICE), out=torch.empty(3))


def test_every_listed_overload_is_served():
    from csrc.tablegen.aten_library import overloads
    from csrc.tablegen.aten_table import Schemas, qualified

    found, _ = overloads(Schemas())
    assert len(found) > 450
    served = set(torch._C._dispatch_get_registrations_for_dispatch_key("PrivateUse1"))
    assert [qualified(s) for s in found if qualified(s) not in served] == []


# Overloads without a kernel of ours, of those that torch composes from nothing else: {why: base names}.
WITHOUT = {
    "quantized tensors are refused": ["_empty_affine_quantized", "_empty_per_channel_affine_quantized", "_make_per_channel_quantized_tensor",
                                      "_make_per_tensor_quantized_tensor", "dequantize", "quantize_per_channel", "quantize_per_tensor",
                                      "quantize_per_tensor_dynamic", "quantized_gru", "quantized_lstm"],
    "nested and sparse tensors are delegated by their own keys": [
        "_nested_compute_contiguous_strides_offsets", "_nested_from_padded", "_nested_tensor_from_mask",
        "_nested_tensor_from_mask_left_aligned", "sspaddmm"],
    "tensors of oneDNN have no memory to share": ["to_mkldnn", "mkldnn_rnn_layer", "mkldnn_rnn_layer_backward"],
    "memory of a file is the CPU's": ["from_file"],
    "torch's own tests and tokens": ["_foobar", "_test_functorch_fallback", "_test_optional_filled_intlist", "_test_optional_floatlist",
                                     "_test_optional_intlist", "_make_dep_token"],
    "nobody calls it: what tests of delegation call": ["_add_relu", "_add_relu_"],
}


def test_every_overload_a_backend_must_provide_is_served():
    """Strict both ways."""
    def kernels(key):
        return {n for n in torch._C._dispatch_get_registrations_for_dispatch_key(key) if n.startswith("aten::")}

    composed = set().union(*map(kernels, ("CompositeImplicitAutograd", "CompositeExplicitAutograd",
                                          "CompositeExplicitAutogradNonFunctional")))
    required = kernels("CPU") - composed
    assert len(required) > 600
    missing = {n.removeprefix("aten::").partition(".")[0] for n in required - kernels("PrivateUse1")}
    assert missing == {name for names in WITHOUT.values() for name in names}


def test_no_listed_name_is_unknown():
    from csrc.tablegen.aten_library import RELEASES, in_release, overloads
    from csrc.tablegen.aten_table import Schemas

    assert set(overloads(Schemas())[1]) == {name for name in RELEASES if not in_release(name, RELEASE)}


def test_loading_warns_of_no_kernel_registered_twice():
    import subprocess
    import sys

    code = "import torch; torch.rand(2, device='hologram')"
    run = subprocess.run([sys.executable, "-W", "always", "-c", code], capture_output=True, text=True)
    assert run.returncode == 0 and "previously registered" not in run.stderr, run.stderr


@pytest.mark.parametrize("number", [1, 100])
def test_many_tensors_in_a_list(number):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        both(lambda ts: torch.ops.aten._stack(ts, 1), [floats(3, 4) + i for i in range(number)])
