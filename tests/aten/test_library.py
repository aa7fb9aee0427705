"""Library ops against CPU torch: values, gradients, who served them, and torch's errors."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import hologram_torch  # noqa: F401
from hologram_torch import _C
from tests.modes import HOST_MEMORY, HOST_VISIBLE

DEVICE = "hologram"
R = torch.randn


def tensors(value):
    if isinstance(value, torch.Tensor):
        return [value]
    return [t for v in value for t in tensors(v)] if isinstance(value, (tuple, list)) else []


def compare(program, *inputs, tolerance=1e-5, backward=True):
    """Runs `program` (a module or a function) on both devices, forward and backward."""
    torch.manual_seed(1)
    twin = copy.deepcopy(program).to(DEVICE) if isinstance(program, nn.Module) else program

    def leaf(t, device):
        if not isinstance(t, torch.Tensor):
            return t
        return t.detach().clone().to(device).requires_grad_(backward and (t.is_floating_point() or t.is_complex()))

    on_cpu, on_device = [leaf(t, "cpu") for t in inputs], [leaf(t, DEVICE) for t in inputs]
    expected, actual = tensors(program(*on_cpu)), tensors(twin(*on_device))
    assert len(expected) == len(actual) > 0
    for e, a in zip(expected, actual):
        assert a.device.type == DEVICE
        torch.testing.assert_close(a.detach().cpu(), e.detach(), rtol=tolerance, atol=tolerance, equal_nan=True)
    if not backward:
        return
    pairs = [(e, a, torch.randn_like(e)) for e, a in zip(expected, actual) if e.requires_grad]
    torch.autograd.backward([e for e, _, _ in pairs], [g for _, _, g in pairs])
    torch.autograd.backward([a for _, a, _ in pairs], [g.to(DEVICE) for _, _, g in pairs])
    leaves = list(zip(on_cpu, on_device))
    if isinstance(program, nn.Module):
        leaves += list(zip(program.parameters(), twin.parameters()))
        for e, a in zip(program.buffers(), twin.buffers()):
            torch.testing.assert_close(a.cpu(), e, rtol=tolerance, atol=tolerance)
        program.zero_grad()
    for e, a in leaves:
        if isinstance(e, torch.Tensor) and e.grad is not None:
            torch.testing.assert_close(a.grad.cpu(), e.grad, rtol=10 * tolerance, atol=10 * tolerance)


# ---- matrix products ----

SHAPES = [(1, 1, 1), (3, 4, 5), (17, 33, 9), (0, 4, 5), (3, 0, 5), (3, 4, 0), (64, 64, 64)]
FLOATS = [torch.float32, torch.float64, torch.float16, torch.bfloat16]


@pytest.mark.parametrize("dtype", FLOATS + [torch.complex64, torch.int64])
@pytest.mark.parametrize("shape", SHAPES)
def test_products(shape, dtype):
    m, k, n = shape
    make = (lambda *s: torch.randint(-5, 5, s)) if dtype == torch.int64 else (lambda *s: R(*s).to(dtype))
    a, b, bias = make(m, k), make(k, n), make(n)
    tolerance = {torch.float16: 2e-2, torch.bfloat16: 1e-1}.get(dtype, 1e-4)
    floating = dtype != torch.int64
    compare(torch.mm, a, b, tolerance=tolerance, backward=floating)
    compare(lambda c, x, y: torch.addmm(c, x, y), bias, a, b, tolerance=tolerance, backward=floating)
    compare(torch.bmm, a.expand(2, m, k).clone(), b.expand(2, k, n).clone(), tolerance=tolerance, backward=floating)
    compare(torch.mv, a, make(k), tolerance=tolerance, backward=floating)
    if floating:
        compare(lambda c, x, y: torch.addmm(c, x, y, beta=0.5, alpha=2.0), bias, a, b, tolerance=tolerance)
        compare(lambda c, x, y: torch.baddbmm(c, x, y, beta=0.5), make(1, n), a[None], b[None], tolerance=tolerance)
        compare(lambda c, x, y: torch.baddbmm(c, x, y, alpha=0.5), make(1, m, n), a[None], b[None], tolerance=tolerance)
        nan = torch.full((n,), float("nan")).to(dtype)
        compare(lambda c, x, y: torch.addmm(c, x, y, beta=0), nan, a, b, tolerance=tolerance, backward=False)


@pytest.mark.parametrize("layout", [lambda t: t, lambda t: t.t().contiguous().t(), lambda t: torch.cat([t, t], 1)[:, : t.size(1)],
                                    lambda t: t.repeat_interleave(2, 0)[::2], lambda t: t[:1].expand_as(t)])
def test_product_layouts(layout):
    a, b = layout(R(6, 6)), layout(R(6, 6))
    for x, y in ((a, b), (a.t(), b), (a, b.t())):
        h, g = x.to(DEVICE), y.to(DEVICE)
        torch.testing.assert_close((h @ g).cpu(), x @ y)
        torch.testing.assert_close(torch.addmm(g, h, g).cpu(), torch.addmm(y, x, y))
        torch.testing.assert_close((h[None] @ g[None]).cpu(), x[None] @ y[None])


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("lead", [(), (5,), (2, 3), (2, 0, 3)])
def test_linear(lead, bias, dtype):
    tolerance = {torch.float16: 2e-2, torch.bfloat16: 1e-1}.get(dtype, 1e-5)
    compare(nn.Linear(7, 4, bias=bias).to(dtype), R(*lead, 7).to(dtype), tolerance=tolerance)
    compare(nn.Linear(7, 4, bias=bias).to(dtype), R(7, *lead).to(dtype).movedim(0, -1), tolerance=tolerance)


@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
def test_linear_of_complex_numbers(dtype):
    compare(F.linear, R(2, 3, 4, dtype=dtype), R(5, 4, dtype=dtype), R(5, dtype=dtype), tolerance=1e-4)
    compare(lambda x, w: F.linear(x.conj(), w), R(3, 4, dtype=dtype), R(5, 4, dtype=dtype), tolerance=1e-4)


def test_linear_with_transforms_of_functions():
    x, w, b = R(3, 4), R(5, 4), R(5)
    programs = [
        lambda x, w, b: torch.func.jvp(lambda x: F.linear(x, w, b), (x,), (x,))[1],
        lambda x, w, b: torch.func.vmap(lambda x: F.linear(x, w, b))(x),
        lambda x, w, b: torch.func.jacrev(lambda w: F.linear(x, w, b))(w),
        lambda x, w, b: torch.func.hessian(lambda w: F.linear(x, w, b).pow(2).sum())(w),
    ]
    for program in programs:
        compare(program, x, w, b, backward=False)

    def twice(x, w, b):
        grad, = torch.autograd.grad(F.linear(x, w, b).pow(3).sum(), x, create_graph=True)
        return grad.sum()
    compare(twice, x, w, b, tolerance=1e-4)


def test_products_into_out_and_in_place():
    a, b = R(3, 4), R(4, 5)
    out = torch.empty(3, 5, device=DEVICE)
    assert torch.mm(a.to(DEVICE), b.to(DEVICE), out=out) is out
    torch.testing.assert_close(out.cpu(), a @ b)
    out.addmm_(a.to(DEVICE), b.to(DEVICE))
    torch.testing.assert_close(out.cpu(), 2 * (a @ b))
    base = torch.zeros(6, 10, device=DEVICE)
    torch.mm(a.to(DEVICE), b.to(DEVICE), out=base[::2, ::2])
    torch.testing.assert_close(base.cpu()[::2, ::2], a @ b)


@pytest.mark.parametrize("call", [
    lambda a, b: torch.mm(a, b), lambda a, b: torch.mm(a, b[0]), lambda a, b: torch.addmm(a, a, a.t()),
    lambda a, b: torch.mm(a, a.t().double()), lambda a, b: torch.bmm(a[None], b[None]), lambda a, b: torch.mv(a, b[0]),
    lambda a, b: torch.dot(a[0], b[0]), lambda a, b: torch.dot(a, a), lambda a, b: F.linear(a, b), lambda a, b: F.linear(a, a, b),
    lambda a, b: torch.addmm(b, a, a.t()), lambda a, b: torch.mm(a, a.t(), out=b.int()),
])
def test_products_report_torchs_errors(call):
    a, b = R(3, 4), R(7, 9)
    with pytest.raises(RuntimeError) as expected:
        call(a, b)
    with pytest.raises(RuntimeError) as actual:
        call(a.to(DEVICE), b.to(DEVICE))
    assert str(actual.value).split("\n")[0].split("(")[0] == str(expected.value).split("\n")[0].split("(")[0]


def test_products_are_library_ops_from_the_pool():
    a = R(64, 64).to(DEVICE)
    _C.reset_op_report()
    y = a @ a
    report = _C.op_report()
    assert [report["mm"][way] for way in ("compiled", "library", "delegated")] == [0, 1, 0]
    assert sum(row["delegated"] for row in report.values()) == 0
    address = y.data_ptr()
    del y
    assert (a @ a).data_ptr() == address


# ---- layers ----

LAYERS = {
    "conv1d": (lambda: nn.Conv1d(3, 5, 3, padding=1), lambda: R(2, 3, 10)),
    "conv2d": (lambda: nn.Conv2d(3, 6, 3, stride=2, groups=3), lambda: R(2, 3, 9, 9)),
    "conv2d channels last": (lambda: nn.Conv2d(3, 6, 3, padding=1, bias=False), lambda: R(2, 3, 9, 9).to(memory_format=torch.channels_last)),
    "conv2d dilated": (lambda: nn.Conv2d(2, 4, 3, dilation=2, padding="same", padding_mode="circular"), lambda: R(1, 2, 8, 8)),
    "conv2d unbatched": (lambda: nn.Conv2d(2, 4, 3), lambda: R(2, 8, 8)),
    "conv2d empty": (lambda: nn.Conv2d(2, 4, 3), lambda: R(0, 2, 8, 8)),
    "conv2d double": (lambda: nn.Conv2d(2, 4, 3).double(), lambda: R(2, 2, 8, 8).double()),
    "conv3d": (lambda: nn.Conv3d(2, 3, 2), lambda: R(1, 2, 4, 5, 6)),
    "conv_transpose1d": (lambda: nn.ConvTranspose1d(4, 3, 3, stride=2), lambda: R(2, 4, 5)),
    "conv_transpose2d": (lambda: nn.ConvTranspose2d(4, 3, 3, stride=2, output_padding=1), lambda: R(2, 4, 5, 5)),
    "conv_transpose3d": (lambda: nn.ConvTranspose3d(2, 3, 2), lambda: R(1, 2, 3, 3, 3)),
    "batch_norm1d": (lambda: nn.BatchNorm1d(4), lambda: R(6, 4)),
    "batch_norm2d": (lambda: nn.BatchNorm2d(4), lambda: R(3, 4, 5, 5)),
    "batch_norm2d eval": (lambda: nn.BatchNorm2d(4).eval(), lambda: R(3, 4, 5, 5)),
    "batch_norm no stats": (lambda: nn.BatchNorm2d(4, track_running_stats=False, affine=False), lambda: R(3, 4, 5, 5)),
    "instance_norm": (lambda: nn.InstanceNorm2d(4, affine=True), lambda: R(3, 4, 5, 5)),
    "group_norm": (lambda: nn.GroupNorm(2, 4), lambda: R(3, 4, 5, 5)),
    "max_pool1d": (lambda: nn.MaxPool1d(2), lambda: R(2, 3, 8)),
    "max_pool2d": (lambda: nn.MaxPool2d(2, return_indices=True), lambda: R(2, 3, 8, 8)),
    "max_pool3d": (lambda: nn.MaxPool3d(2), lambda: R(1, 2, 4, 4, 4)),
    "avg_pool2d": (lambda: nn.AvgPool2d(3, padding=1), lambda: R(2, 3, 8, 8)),
    "avg_pool3d": (lambda: nn.AvgPool3d(2), lambda: R(1, 2, 4, 4, 4)),
    "adaptive_avg_pool2d": (lambda: nn.AdaptiveAvgPool2d(3), lambda: R(2, 3, 8, 8)),
    "adaptive_avg_pool2d one": (lambda: nn.AdaptiveAvgPool2d(1), lambda: R(2, 3, 8, 8)),
    "adaptive_max_pool2d": (lambda: nn.AdaptiveMaxPool2d(3), lambda: R(2, 3, 8, 8)),
    "fold": (lambda: nn.Fold((4, 5), 2), lambda: R(1, 12, 12)),
    "unfold": (lambda: nn.Unfold(2), lambda: R(1, 3, 4, 5)),
    "upsample": (lambda: nn.Upsample(scale_factor=2, mode="bilinear"), lambda: R(1, 2, 4, 4)),
    "reflection_pad": (lambda: nn.ReflectionPad2d(1), lambda: R(1, 2, 4, 4)),
    "replication_pad": (lambda: nn.ReplicationPad1d(1), lambda: R(1, 2, 4)),
    "pixel_shuffle": (lambda: nn.PixelShuffle(2), lambda: R(1, 4, 3, 3)),
    "embedding": (lambda: nn.Embedding(10, 4), lambda: torch.randint(0, 10, (3, 5))),
    "embedding padding": (lambda: nn.Embedding(10, 4, padding_idx=0), lambda: torch.randint(0, 10, (3, 5))),
    "embedding int32": (lambda: nn.Embedding(10, 4), lambda: torch.randint(0, 10, (3,), dtype=torch.int32)),
    "embedding max_norm": (lambda: nn.Embedding(10, 4, max_norm=0.5), lambda: torch.randint(0, 10, (3, 5))),
    "embedding_bag": (lambda: nn.EmbeddingBag(10, 4, mode="max"), lambda: torch.randint(0, 10, (3, 5))),
    "rnn": (lambda: nn.RNN(4, 5, 2), lambda: R(6, 2, 4)),
    "lstm": (lambda: nn.LSTM(4, 5, 2, bidirectional=True), lambda: R(6, 2, 4)),
    "lstm batch first, no bias": (lambda: nn.LSTM(4, 5, bias=False, batch_first=True), lambda: R(2, 6, 4)),
    "lstm projected": (lambda: nn.LSTM(4, 5, proj_size=3), lambda: R(6, 2, 4)),
    "lstm unbatched": (lambda: nn.LSTM(4, 5), lambda: R(6, 4)),
    "lstm double": (lambda: nn.LSTM(4, 5).double(), lambda: R(6, 2, 4).double()),
    "gru": (lambda: nn.GRU(4, 5, 2, bidirectional=True, batch_first=True), lambda: R(2, 6, 4)),
    "gru no bias": (lambda: nn.GRU(4, 5, bias=False), lambda: R(6, 2, 4)),
    "lstm_cell": (lambda: nn.LSTMCell(4, 5), lambda: R(3, 4)),
    "gru_cell": (lambda: nn.GRUCell(4, 5), lambda: R(3, 4)),
    "rnn_cell": (lambda: nn.RNNCell(4, 5), lambda: R(3, 4)),
    "bilinear": (lambda: nn.Bilinear(3, 4, 5), lambda: (R(2, 3), R(2, 4))),
    "weight_norm": (lambda: torch.nn.utils.parametrizations.weight_norm(nn.Linear(3, 4)), lambda: R(2, 3)),
    "multihead_attention": (lambda: nn.MultiheadAttention(8, 2, batch_first=True), lambda: (R(2, 5, 8),) * 3),
    "transformer": (lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.0), 2),
                    lambda: R(2, 5, 8)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name):
    torch.manual_seed(0)
    layer, inputs = (f() for f in LAYERS[name])
    compare(layer, *(inputs if isinstance(inputs, tuple) else (inputs,)), tolerance=1e-4)


def test_lstm_with_packed_sequences_and_one_output_used():
    torch.manual_seed(0)
    layer = nn.LSTM(4, 5)

    def packed(x):
        module = layer if x.device.type == "cpu" else copy.deepcopy(layer).to(DEVICE)
        out, (h, c) = module(pack_padded_sequence(x, torch.tensor([6, 3])))
        return pad_packed_sequence(out)[0], h, c
    compare(packed, R(6, 2, 4))
    compare(lambda x: (layer if x.device.type == "cpu" else copy.deepcopy(layer).to(DEVICE))(x)[1][1], R(6, 2, 4))


def test_cells_are_one_kernel():
    cell, x = nn.LSTMCell(4, 5).to(DEVICE), R(3, 4).to(DEVICE)
    cell(x)
    _C.reset_op_report()
    cell(x)
    assert _C.op_report()["lstm_cell" if HOST_MEMORY else "_thnn_fused_lstm_cell"]["compiled"] == 1


@pytest.mark.parametrize("call", [
    lambda s: torch.ops.aten._thnn_fused_lstm_cell(s(3, 20), s(3, 19), s(3, 5)), lambda s: torch.ops.aten._thnn_fused_lstm_cell(s(3, 20), s(3, 20), s(5)),
    lambda s: torch.ops.aten._thnn_fused_lstm_cell(s(3, 20), s(3, 20), s(3, 5), s(20)),
    lambda s: torch.ops.aten._thnn_fused_gru_cell(s(3, 15), s(2, 15), s(3, 5)), lambda s: torch.ops.aten._thnn_fused_gru_cell(s(3, 15), s(3, 15), s(3, 5).double()),
])
def test_cells_check_their_arguments(call):
    with pytest.raises(RuntimeError, match="hologram"):
        call(lambda *shape: torch.randn(*shape, device=DEVICE))


@pytest.mark.filterwarnings("ignore")
def test_transformer_encoder_in_eval_mode_with_a_padding_mask():
    torch.manual_seed(0)
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2).eval()
    mask = torch.zeros(2, 5, dtype=torch.bool)
    mask[0, 3:] = True
    x = R(2, 5, 8)
    with torch.no_grad():
        expected = encoder(x, src_key_padding_mask=mask)
        actual = copy.deepcopy(encoder).to(DEVICE)(x.to(DEVICE), src_key_padding_mask=mask.to(DEVICE))
    torch.testing.assert_close(actual.cpu()[~mask], expected[~mask], rtol=1e-4, atol=1e-5)   # padding holds no meaning


# ---- attention ----

MASK = torch.rand(5, 7) > 0.3
ATTENTION = {
    "plain": lambda q, k, v: F.scaled_dot_product_attention(q, k, v),
    "boolean mask": lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=MASK.to(q.device)),
    "additive mask": lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=MASK.to(q.device).to(q.dtype)),
    "scale": lambda q, k, v: F.scaled_dot_product_attention(q, k, v, scale=0.3),
    "mask of a gradient": lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=q.mean((0, 1, 3))[:, None].expand(5, 7)),
}


@pytest.mark.parametrize("name", ATTENTION)
def test_attention(name):
    compare(ATTENTION[name], R(2, 3, 5, 8), R(2, 3, 7, 8), R(2, 3, 7, 8))


def test_causal_attention_runs_fused_and_math():
    causal = lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True)
    inputs = R(2, 3, 9, 8), R(2, 3, 9, 8), R(2, 3, 9, 8)
    _C.reset_op_report()
    compare(causal, *inputs)
    report = _C.op_report()
    for name in ("_scaled_dot_product_flash_attention_for_cpu", "_scaled_dot_product_flash_attention_for_cpu_backward"):
        assert report.get(name, {}).get("library", 0) == int(HOST_VISIBLE)      # the fused kernel is the CPU's
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        compare(causal, *inputs)


def test_attention_falls_back_to_the_formula():
    compare(lambda q, k, v: F.scaled_dot_product_attention(q, k, v), R(5, 8), R(7, 8), R(7, 8))
    compare(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, enable_gqa=True), R(2, 4, 5, 8), R(2, 2, 7, 8), R(2, 2, 7, 8))
    q = R(2, 3, 5, 8, device=DEVICE)
    state = torch.hologram.get_rng_state()
    F.scaled_dot_product_attention(q, q, q)
    assert torch.equal(torch.hologram.get_rng_state(), state)   # nothing random without dropout
    torch.manual_seed(2)
    first = F.scaled_dot_product_attention(q, q, q, dropout_p=0.5)
    torch.manual_seed(2)
    assert torch.equal(first.cpu(), F.scaled_dot_product_attention(q, q, q, dropout_p=0.5).cpu())


# ---- indexing, order, rearranging ----

INDEX = torch.tensor([2, 0, 2])
PROGRAMS = {
    "rows": lambda x: x[INDEX.to(x.device)], "negative rows": lambda x: x[torch.tensor([-1, 0], device=x.device)],
    "columns": lambda x: x[:, INDEX.to(x.device)], "pairs": lambda x: x[INDEX.to(x.device), INDEX.to(x.device)],
    "matrix of rows": lambda x: x[INDEX.to(x.device).view(3, 1)], "elements": lambda x: x.view(-1)[INDEX.to(x.device)], "rows of a view": lambda x: x.t()[INDEX.to(x.device)],
    "mask": lambda x: x[x > 0], "none": lambda x: x[None, ..., INDEX.to(x.device)],
    "index_select": lambda x: x.index_select(0, INDEX.to(x.device)), "index_select 1": lambda x: x.index_select(1, INDEX.to(x.device)),
    "gather": lambda x: x.gather(1, INDEX.to(x.device)[:, None].expand(3, 2)), "take": lambda x: x.take(INDEX.to(x.device)),
    "scatter": lambda x: x.scatter(1, INDEX.to(x.device)[:, None], 1.0), "scatter_add": lambda x: x.scatter_add(0, INDEX.to(x.device)[None].expand(2, 3), x[:2, :3]),
    "scatter_reduce": lambda x: x.scatter_reduce(0, INDEX.to(x.device)[None].expand(2, 3), x[:2, :3], "amax"),
    "index_add": lambda x: x.index_add(0, INDEX.to(x.device), x[:3]), "index_copy": lambda x: x.index_copy(0, INDEX.to(x.device)[:2], x[:2]),
    "index_fill": lambda x: x.index_fill(0, INDEX.to(x.device), 7.0), "index_put": lambda x: x.index_put((INDEX.to(x.device),), x[:3], accumulate=True),
    "masked_select": lambda x: x.masked_select(x > 0), "masked_scatter": lambda x: x.masked_scatter(x > 0, x.flip(0)),
    "nonzero": lambda x: (x > 0).nonzero(), "nonzero tuple": lambda x: torch.nonzero(x > 0, as_tuple=True),
    "sort": lambda x: x.sort(1, descending=True), "argsort": lambda x: x.argsort(0), "topk": lambda x: x.topk(2), "kthvalue": lambda x: x.kthvalue(2),
    "median": lambda x: x.median(1), "unique": lambda x: torch.unique(x.detach().round(), return_inverse=True, return_counts=True),
    "searchsorted": lambda x: torch.searchsorted(x.sort(1)[0].detach(), x.detach()), "bucketize": lambda x: torch.bucketize(x.detach(), x[0].detach().sort()[0]),
    "repeat_interleave": lambda x: x.repeat_interleave(torch.tensor([1, 0, 2], device=x.device), 0), "flip": lambda x: x.flip(0, 1),
    "roll": lambda x: x.roll(1, 0), "cat": lambda x: torch.cat([x, x], 1), "stack": lambda x: torch.stack([x, x], 1),
    "cat of kinds": lambda x: torch.cat([x, x[:0], x.round().long().double()]), "chunks": lambda x: torch.cat(x.chunk(2, 1)),
    "cross": lambda x: torch.linalg.cross(x[:, :3], x[:, 1:]), "fft": lambda x: torch.fft.rfft(x).abs(), "einsum": lambda x: torch.einsum("ij,kj->ik", x, x),
    "solve": lambda x: torch.linalg.solve(x @ x.t() + torch.eye(3, device=x.device), x), "svd": lambda x: torch.linalg.svdvals(x),
    "cdist": lambda x: torch.cdist(x, x + 1), "histc": lambda x: x.detach().histc(5), "trace": lambda x: x.trace(), "cummax": lambda x: x.cummax(1),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name):
    torch.manual_seed(0)
    compare(PROGRAMS[name], R(3, 4), tolerance=1e-4)


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.float16, torch.complex64, torch.uint8])
@pytest.mark.parametrize("name", ["rows", "elements", "pairs", "gather", "sort", "unique", "cat", "flip", "nonzero", "index_select"])
def test_programs_of_other_types(name, dtype):
    if dtype.is_complex and name in ("sort", "unique", "nonzero") or dtype == torch.bool and name == "unique":
        pytest.skip("not an op of this type")
    compare(PROGRAMS[name], (R(3, 4) * 3).to(dtype), backward=False)


@pytest.mark.parametrize("call", [
    lambda x: x[torch.tensor([5], device=x.device)], lambda x: x[torch.tensor([-4], device=x.device)],
    lambda x: x.index_select(0, torch.tensor([-1], device=x.device)), lambda x: F.embedding(torch.tensor([9], device=x.device), x),
    lambda x: x[:, torch.tensor([5], device=x.device)], lambda x: x.index_select(0, torch.tensor([0.5], device=x.device)),
    lambda x: x.gather(1, torch.tensor([[9]], device=x.device)), lambda x: x.topk(9), lambda x: torch.cat([x, x[0]]),
    lambda x: x.index_select(3, torch.tensor([0], device=x.device)), lambda x: F.conv2d(x, x), lambda x: F.max_pool2d(x[0], 2),
])
def test_library_errors_are_torchs(call):
    x = R(3, 4)
    with pytest.raises((RuntimeError, IndexError)) as expected:
        call(x)
    with pytest.raises(type(expected.value)) as actual:
        call(x.to(DEVICE))
    clean = lambda e: str(e.value).split("\n")[0].replace("hologram:0", "cpu").split("INTERNAL")[0]
    assert clean(actual)[:40] == clean(expected)[:40]


def test_setitem():
    x = R(4, 5)
    h = x.to(DEVICE)
    for t in (x, h):
        t[1] = 0
        t[:, 2] = torch.arange(4.0)if t is x else torch.arange(4.0).to(DEVICE)
        t[t > 1] = -1
        t[torch.tensor([0, 3])] = 5
    torch.testing.assert_close(h.cpu(), x)


def test_many_threads_share_the_library():
    import threading
    a = R(32, 32)
    expected, h, failures = a @ a, a.to(DEVICE), []

    def work():
        for _ in range(50):
            if not torch.allclose((h @ h).sort().values.cpu(), expected.sort().values, atol=1e-4):
                failures.append(1)
    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures


def test_integers_are_counted():
    """As torch's CUDA device does; its CPU kernel knows floats only."""
    x = torch.randint(0, 8, (1000,), dtype=torch.int32)
    counts = torch.histc(x.to(DEVICE), bins=8, min=0, max=7)
    assert counts.dtype is torch.int32 and counts.tolist() == torch.bincount(x, minlength=8).tolist()
    out = torch.empty(0, dtype=torch.int32, device=DEVICE)
    assert torch.histc(x.to(DEVICE), 8, 0, 7, out=out) is out and out.tolist() == counts.tolist()
