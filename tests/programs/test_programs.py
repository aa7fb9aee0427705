"""Small programs as users write them, on the CPU and on the device: data, indexing, printing, broadcasting, types."""

import copy
import io
import pickle

import pytest
import torch

from tests.compare import check_program
from tests.modes import WIDEST

PROGRAMS = []


def program(function):
    PROGRAMS.append(function)
    return function


@program
def factories(dev):
    return [torch.zeros(2, 3, device=dev), torch.ones(4, device=dev, dtype=torch.int64),
            torch.full((2, 2), 7.5, device=dev),
            torch.eye(3, device=dev), torch.arange(1, 10, 2, device=dev), torch.linspace(0, 1, 5, device=dev),
            torch.logspace(0, 2, 4, device=dev), torch.tensor([[1, 2], [3, 4]], device=dev),
            torch.zeros_like(torch.ones(2, device=dev), dtype=torch.bool), torch.ones(3, device=dev).new_full((2,), 4),
            torch.tril_indices(3, 3, device=dev), torch.as_tensor([1.5, 2.5], device=dev)]


@program
def create_and_inspect(dev):
    x = torch.randn(3, 4).to(dev)
    return [x.shape, x.dtype, x.stride(), x.numel(), x.dim(), x.is_contiguous(), x.element_size(), len(x),
            x.T.is_contiguous()]


@program
def printing(dev):
    x = torch.tensor([[1.0, -2.5], [float("nan"), float("inf")]], device=dev)
    return [repr(x), str(x[0, 0]), repr(torch.arange(5, device=dev)), repr(torch.tensor([True, False], device=dev)),
            repr(torch.zeros(0, 3, device=dev)), f"{x[0, 1].item():.2f}", f"{x[0, 0]:.3f}",
            repr(torch.arange(2000.0, device=dev)), repr(torch.tensor([1 + 2j], device=dev))]


@program
def python_numbers(dev):
    x = torch.tensor(3.75, device=dev)
    i = torch.tensor(6, device=dev)
    return [x.item(), float(x), int(x), bool(x), i.tolist(), [10, 20, 30, 40, 50, 60, 70][i], list(range(i)), x > 2,
            round(x.item(), 1)]


@program
def indexing_reads(dev):
    x = torch.arange(60.0).reshape(3, 4, 5).to(dev)
    rows = torch.tensor([2, 0, 2], device=dev)
    return [x[1], x[1, 2], x[1, 2, 3], x[..., -1], x[:, 1:3], x[::2, :, ::3], x[None, 0], x[rows], x[rows, :, 1],
            x[:, rows],
            x[rows, rows + 1], x[x > 30], x[:, [0, 2]], x[rows[:, None], rows[None]], x[-1, -1, -2:],
            x[x[:, 0, 0] > 10]]


@program
def indexing_writes(dev):
    x = torch.zeros(4, 5, device=dev)
    x[0] = 1
    x[1, 2:4] = torch.tensor([5.0, 6.0], device=dev)
    x[:, 0] += 10
    x[torch.tensor([2, 3], device=dev), torch.tensor([1, 1], device=dev)] = -1.0
    x[x > 9] *= 2
    x[3, ::2] = torch.arange(3.0).to(dev)
    x.t()[4] = 8
    x[2, 2] = True
    return x


@program
def gather_and_scatter(dev):
    x = torch.randn(4, 6).to(dev)
    index = torch.randint(6, (4, 3)).to(dev)
    return [x.gather(1, index), torch.zeros(4, 6, device=dev).scatter(1, index, 2.0),
            x.scatter_add(1, index, torch.ones(4, 3, device=dev)),
            x.index_select(1, index[0]), x.take(index),
            torch.zeros(6, device=dev).index_add(0, index[1], torch.ones(3, device=dev)),
            x.masked_fill(x > 0, 0.0), x.masked_select(x > 1), torch.take_along_dim(x, x.argsort(dim=1), dim=1),
            x.nonzero()]


@program
def broadcasting(dev):
    a, b, c = torch.randn(5, 1, 3).to(dev), torch.randn(4, 1).to(dev), torch.randn(3).to(dev)
    return [a + b, a * b - c, (a - c).pow(2), a.expand(5, 4, 3) / 2, torch.maximum(a, b), torch.where(a > b, a, c),
            2 - a, 1 / (b.abs() + 1), 2 ** c, a // 0.3, a % 0.7, -a, abs(a), torch.broadcast_to(c, (2, 3)),
            a @ b.T[:1].expand(3, 4)]


@program
def type_promotion(dev):
    f, d, h = (torch.tensor([1.5, -2.5, 3.0], dtype=t, device=dev) for t in (torch.float32, WIDEST, torch.float16))
    i, u = torch.tensor([1, -2, 3], device=dev), torch.tensor([1, 200, 3], dtype=torch.uint8, device=dev)
    b = torch.tensor([True, False, True], device=dev)
    return [f + d, f + i, h + f, h * i, i + u, i / 2, i // 2, i * 2.5, b + b, b & ~b, u + 100, f.sum() + i,
            torch.tensor(2.5, device=dev) + i,
            f > i, f == d, i.float(), f.to(torch.int32), d.half(), f.bool(), torch.result_type(f, i), u - 2, b.sum(),
            i.pow(2), i << 2, h @ h]


@program
def floating_point_specials(dev):
    x = torch.tensor([0.0, -0.0, float("inf"), -float("inf"), float("nan"), 1e-42, 3.4e38], device=dev)
    return [x + 1, x * 0, 1 / x, x.sqrt(), x.exp(), x.abs(), -x, x.sign(), torch.signbit(x), x.isnan(), x.isinf(),
            x.isfinite(), x.nan_to_num(),
            x.max(), x.nansum(), x == x, x.clamp(-1, 1), torch.maximum(x, torch.zeros_like(x)), x.argmax(),
            torch.copysign(torch.ones_like(x), x)]


@program
def reductions(dev):
    x = torch.randn(4, 5, 6).to(dev)
    return [x.sum(), x.mean(dim=1), x.std(dim=(0, 2)), x.var(unbiased=False), x.max(), x.max(dim=2),
            x.min(dim=0, keepdim=True), x.argmax(), x.argmin(1),
            x.prod(dim=-1), x.cumsum(1), x.cumprod(2), x.norm(), x.norm(p=1, dim=1), x.logsumexp(dim=2),
            (x > 0).any(dim=0), (x > -9).all(),
            x.median(), x.median(dim=1), x.amax((0, 1)), x.sum(dim=1, dtype=WIDEST), x.aminmax(),
            torch.var_mean(x, dim=0), x.quantile(0.3),
            x.kthvalue(2, dim=1), x.mode(dim=0).values.shape, (x > 0).sum(dim=2), x.count_nonzero(),
            torch.linalg.vector_norm(x, 3, dim=0)]


@program
def sorting(dev):
    x = torch.randperm(40).reshape(5, 8).to(dev)
    return [x.sort(dim=1), x.argsort(descending=True), x.topk(3), x.flatten().unique(),
            torch.unique(x % 4, return_counts=True), x.msort(),
            torch.searchsorted(torch.arange(0, 40, 5, device=dev), x),
            torch.bucketize(x, torch.tensor([10, 20], device=dev)),
            torch.bincount(x.flatten() % 5), torch.histc(x.float(), 4, 0, 40)]


@program
def shapes(dev):
    x = torch.arange(24).reshape(2, 3, 4).to(dev)
    return [x.view(6, 4), x.reshape(-1), x.permute(2, 0, 1), x.transpose(0, 2), x.unsqueeze(1), x[:, :1].squeeze(),
            x.flatten(1), x.mT, x.movedim(0, -1),
            torch.cat([x, x], dim=1), torch.stack([x, x]), x.split(2, dim=2), x.chunk(2), x.unbind(1),
            x.repeat(2, 1, 1), x.repeat_interleave(2, dim=0),
            x.tile(2), x.flip(0, 2), x.roll(1, dims=1), x.rot90(), x.unfold(2, 2, 1), x.diagonal(dim1=1, dim2=2),
            torch.hstack([x[0], x[1]]),
            torch.meshgrid(x[0, 0], x[0, 1], indexing="ij"), x.tril(), torch.nn.functional.pad(x, (1, 2)),
            x.narrow(2, 1, 2), x.swapaxes(0, 1).contiguous()]


@program
def views_alias(dev):
    x = torch.zeros(4, 4, device=dev)
    x.diagonal().fill_(1)
    x[1].add_(2)
    x.t()[0].mul_(3)
    x.view(-1)[5:7].copy_(torch.tensor([9.0, 8.0]))
    y = x.as_strided((2, 2), (4, 2), 1)
    y.zero_()
    z = x.unfold(0, 2, 2)
    z[0, 0, 0] = 77
    return [x, y, x.unsqueeze(0).squeeze().data_ptr() == x.data_ptr(), x[1:].storage_offset(), y._is_view()]


@program
def in_place_chain(dev):
    x = torch.linspace(-2, 2, 7).to(dev)
    x.mul_(2).add_(1, alpha=3).clamp_(min=-3).sub_(0.5).div_(2).tanh_().neg_().pow_(2).sqrt_().exp_()
    y = torch.empty_like(x)
    torch.add(x, 1, out=y)
    torch.mul(y, y, out=y)
    return [x, y, x.lerp_(y, 0.25), x.addcmul_(y, y, value=0.5), x.fill_(3), x.zero_()]


@program
def einsum_and_matmul(dev):
    a, b, c = torch.randn(3, 4, 5).to(dev), torch.randn(3, 5, 2).to(dev), torch.randn(4).to(dev)
    return [torch.einsum("bij,bjk->bik", a, b), torch.einsum("bij->ji", a), torch.einsum("i,bij->bj", c, a),
            torch.einsum("ii->", a[0, :, :4]), a @ b,
            torch.matmul(c, a), a[0].T @ a[0], c @ c, torch.outer(c, c), torch.bmm(a, b),
            torch.addmm(b[0], a[0, :1].expand(5, 5), b[0]), torch.mv(a[0].T, c),
            torch.tensordot(a, b, dims=([0, 2], [0, 1])), torch.kron(c, c), torch.cdist(a[0], a[1]),
            torch.linalg.multi_dot([a[0], b[0], b[0].T])]


@program
def linear_algebra(dev):
    a = (torch.randn(4, 4).to(WIDEST) + 4 * torch.eye(4).to(WIDEST)).to(dev)
    s = a @ a.T
    return [torch.linalg.inv(a), torch.linalg.det(a), torch.linalg.solve(a, s), torch.linalg.cholesky(s),
            torch.linalg.eigvalsh(s), torch.linalg.svdvals(a),
            torch.linalg.qr(a).R.abs(), torch.linalg.matrix_norm(a), torch.trace(a), torch.linalg.matrix_rank(a),
            torch.linalg.lstsq(a, s).solution,
            torch.linalg.slogdet(a), torch.linalg.matrix_exp(a / 10), torch.linalg.pinv(a),
            torch.linalg.matrix_power(a, 3), torch.cross(a[:, :3], a[:, 1:], dim=1)]


@program
def fourier(dev):
    x = torch.randn(4, 16).to(dev)
    spectrum = torch.fft.rfft(x)
    return [spectrum, torch.fft.irfft(spectrum), torch.fft.fft2(x).abs(), torch.fft.fftshift(x),
            torch.fft.fftfreq(8, device=dev), torch.fft.hfft(spectrum[:, :5]),
            torch.stft(x, 8, window=torch.hann_window(8, device=dev), return_complex=True),
            torch.fft.ifft(torch.fft.fft(x)).real]


@program
def complex_numbers(dev):
    z = torch.complex(torch.randn(3, 3), torch.randn(3, 3)).to(dev)
    return [z, z.real, z.imag, z.abs(), z.angle(), z.conj(), z.conj() + 1, z.conj().clone(), z.conj().resolve_conj(),
            z.conj() @ z, z.mH, z * 2j, z.sum(),
            torch.view_as_real(z), torch.view_as_complex(torch.view_as_real(z)), z.exp(),
            torch.polar(z.abs(), z.angle()), z.conj().imag, repr(z.conj()),
            torch._neg_view(z.real) + 0, z.to(torch.complex128), torch.linalg.inv(z), z == z,
            z.conj().cpu().sum().real.item()]


@program
def bits_and_integers(dev):
    x = torch.tensor([5, -7, 12, 0], dtype=torch.int32, device=dev)
    return [x & 6, x | 1, x ^ -1, ~x, x << 1, x >> 1, x // 3, x % 3, torch.fmod(x, 3),
            torch.div(x, 3, rounding_mode="trunc"), torch.gcd(x, x + 3), x.abs(), x.sign(),
            x.to(torch.int8) * 100, torch.bitwise_left_shift(x, 2), x.bitwise_not(), x.clamp(0, 6),
            torch.maximum(x, -x), x.sum(), x.prod(), x.eq(12), x.float().mean()]


@program
def logic(dev):
    a, b = torch.tensor([True, True, False], device=dev), torch.tensor([True, False, False], device=dev)
    return [a & b, a | b, a ^ b, ~a, torch.logical_and(a, b), a.any(), a.all(), a.logical_not(), torch.where(a, 1, 0),
            a.float().mean(), torch.isin(torch.arange(4, device=dev), torch.tensor([1, 3], device=dev)),
            torch.equal(a, a.clone()), torch.allclose(a.float(), b.float()), (a == b).tolist(), a if a.any() else b,
            a.nonzero(as_tuple=True), torch.eq(a, b).sum().item()]


@program
def copies_between_devices(dev):
    x = torch.randn(3, 4)
    y = x.clone().to(dev)
    y2 = y.t().to("cpu").to(dev, torch.float64)
    z = torch.empty(4, 3, device=dev).copy_(x.t())
    x.copy_(y * 2)
    return [y, y2, z, x.sum().item(), y.cpu().numpy().tolist(), y.to(dev) is y, y.clone().data_ptr() != y.data_ptr(),
            y.to(torch.float16).to(dev),
            torch.from_numpy(x.numpy()).to(dev), torch.empty(0, 3, device=dev).to("cpu").shape]


@program
def copies_and_pickles(dev):
    x = torch.randn(3, 4).to(dev)
    pair = {"a": x, "b": x[1]}
    deep, pickled = copy.deepcopy(pair), pickle.loads(pickle.dumps(x))
    buffer = io.BytesIO()
    torch.save({"x": x, "view": x[:, 1], "step": 3}, buffer)
    buffer.seek(0)
    loaded = torch.load(buffer)
    loaded["x"][0, 1] = 5
    return [deep, pickled, loaded, deep["a"].data_ptr() != x.data_ptr()]


@program
def generators_by_shape(dev):
    torch.manual_seed(3)
    x = torch.rand(1000, device=dev)
    n = torch.randn(1000, device=dev)
    k = torch.randint(3, 9, (1000,), device=dev)
    again = torch.manual_seed(3) and torch.rand(1000, device=dev)
    return [x.shape, bool((x >= 0).all() and (x < 1).all()), abs(x.mean().item() - 0.5) < 0.05,
            abs(n.std().item() - 1) < 0.1, torch.equal(x, again),
            int(k.min()), int(k.max()), torch.randperm(50, device=dev).sort().values,
            torch.bernoulli(torch.ones(4, device=dev)),
            torch.multinomial(torch.tensor([0.0, 1.0, 0.0], device=dev), 5, replacement=True)]


@program
def iteration_and_python(dev):
    x = torch.arange(6.0).reshape(3, 2).to(dev)
    return [[row.sum() for row in x], max(x[:, 0]), sum(x), sorted(x[:, 1].tolist()), 2.0 in x,
            [a.item() for a, b in zip(x[0], x[1])], torch.stack([*x]), dict(enumerate(x))]


@program
def statistics(dev):
    x = torch.randn(50, 3).to(WIDEST).to(dev)
    centred = x - x.mean(0)
    cov = centred.T @ centred / 49
    return [cov, torch.cov(x.T), torch.corrcoef(x.T), torch.cumsum(x, 0)[-1], torch.diff(x, dim=0),
            (centred / x.std(0)).abs().max(), torch.trapezoid(x, dim=0), x.histc(5, -2, 2),
            torch.nn.functional.cosine_similarity(x[:10], x[10:20]), torch.pdist(x[:6]), x.softmax(0).sum(0)]


@program
def special_functions(dev):
    x = torch.linspace(0.1, 3, 20).to(dev)
    return [torch.special.gammaln(x), torch.digamma(x), torch.erf(x), torch.erfc(x), torch.erfinv(x / 4),
            torch.special.i0(x), torch.sinc(x), torch.logit(x / 4), torch.special.xlogy(x, x),
            torch.polygamma(1, x), torch.atan2(x, x - 1), torch.hypot(x, x), torch.log1p(x), torch.expm1(x),
            torch.logaddexp(x, -x), torch.special.ndtr(x), torch.deg2rad(x), x.frac(), x.trunc(),
            torch.round(x, decimals=1)]


@program
def sparse_tensors(dev):
    dense = torch.tensor([[0.0, 2.0], [3.0, 0.0]])
    coo = dense.to_sparse()
    return [torch.sparse.mm(coo, dense).to(dev), coo.coalesce().values().to(dev), (dense.to(dev) @ dense.to(dev))]


@program
def numpy_interop(dev):
    import numpy as np
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    x = torch.from_numpy(array).to(dev) * 2
    return [x, x.cpu().numpy().sum().item(), torch.tensor(array, device=dev), np.float32(2) * x,
            torch.tensor(np.int64(4), device=dev), x * np.float64(0.5)]


@program
def default_device(dev):
    with torch.device(dev):
        x = torch.ones(3)
        model = torch.nn.Linear(3, 1)
    return [x * 2, model.weight.shape, model.weight.device.type == dev, torch.ones(2, device="cpu").device.type]


@pytest.mark.parametrize("function", PROGRAMS, ids=lambda f: f.__name__)
def test_program(function):
    check_program(function)
