"""Row kernels against torch's own CPU kernels: softmax, layer_norm, rms_norm, nll_loss, cross_entropy and their backwards."""

import pytest
import torch
import torch.nn.functional as F

from test_reduction import DEVICE, FLOATS, check, compare, move, outcome, sample
from tests.compare import launches
from tests.modes import HOST_VISIBLE, WIDEST, deferred, host_only

every_float = pytest.mark.parametrize("dtype", FLOATS, ids=str)
SOFTMAXES = {"softmax": torch.softmax, "log_softmax": torch.log_softmax}


def layouts(dtype):
    yield sample((3, 4, 5), dtype)
    yield sample((5, 4, 3), dtype).permute(2, 0, 1)
    yield sample((6, 9, 10), dtype)[::2, 1::2, ::3]
    yield sample((3, 1, 5), dtype).expand(3, 4, 5)
    yield sample((3, 4, 5), dtype)[..., :1].expand(3, 4, 5)
    yield sample((2, 3, 4, 5), dtype).to(memory_format=torch.channels_last)


@every_float
@pytest.mark.parametrize("name", SOFTMAXES)
def test_softmax(name, dtype):
    for x in layouts(dtype):
        for dim in (0, 1, -1):
            compare(SOFTMAXES[name], x * 10, dim)


@pytest.mark.parametrize("name", SOFTMAXES)
def test_softmax_edges(name):
    call, inf, nan = SOFTMAXES[name], float("inf"), float("nan")
    x = torch.tensor([[1.0, inf, 3], [-inf, -inf, -inf], [nan, 1, 2], [1e30, -1e30, 0], [-inf, 0, 0]])
    for n in (1, 2, 15, 16, 17, 100, 1000, 5000):
        compare(call, sample((3, n), torch.float32) * 20, 1)
        compare(call, sample((n, 3), torch.float32) * 20, 0)
    for y in (x, x.t()):
        for dim in (0, 1):
            compare(call, y, dim)
    for shape in ((), (0,), (0, 3), (3, 0)):
        compare(call, torch.ones(shape), -1)
    compare(call, torch.ones(2, 3), 2)
    compare(call, torch.ones(2, 3, dtype=torch.int64), 0)
    compare(lambda t: call(t, 1, dtype=WIDEST), sample((3, 4), torch.float32))
    compare(lambda t: call(t, 1, dtype=torch.float32), sample((3, 4), torch.int64))


@every_float
@pytest.mark.parametrize("name", SOFTMAXES)
def test_softmax_gradient(name, dtype):
    for x in layouts(dtype):
        for dim in (0, 1, -1):
            def gradient(t):
                t = t.detach().requires_grad_()
                y = SOFTMAXES[name](t, dim)
                y.backward(torch.linspace(-1, 1, y.numel(), dtype=torch.float64).view(y.shape).to(dtype).to(t.device))
                return t.grad
            check(gradient(move(x)), gradient(x))


def test_softmax_out():
    x = sample((3, 4), torch.float32)
    for call, raw in ((torch.softmax, torch._softmax), (torch.log_softmax, torch._log_softmax)):
        out = torch.empty(0, device=DEVICE)
        raw(move(x), 1, False, out=out)
        check(out, call(x, 1))
        wide = torch.zeros(3, 8, device=DEVICE)
        raw(move(x), 0, False, out=wide[:, ::2])
        check(wide[:, ::2], call(x, 0))
        mine = move(x)
        raw(mine, 1, False, out=mine)
        check(mine, call(x, 1))


# ---- layer_norm, rms_norm ----


def norm_arguments(shape, normalized, dtype, parameter_dtype, weight, bias):
    x = sample(shape, dtype)
    w = sample(normalized, parameter_dtype, 1) + 1 if weight else None
    b = sample(normalized, parameter_dtype, 2) if bias else None
    return x, w, b


def run_norm(call, arguments, device, transform=lambda x: x):
    x, *parameters = [None if a is None else a.clone().to(device).requires_grad_() for a in arguments]
    y = call(transform(x), *parameters)
    y.backward(torch.linspace(-1, 1, y.numel(), dtype=torch.float64).view(y.shape).to(y.dtype).to(device))
    return [y.detach(), *(t.grad for t in (x, *parameters) if t is not None)]


def check_all(mine, theirs, exact=None):
    """`exact`: the same in float64. 16-bit results may be as far from it as twice torch's."""
    for n, (a, b) in enumerate(zip(mine, theirs, strict=True)):
        if exact is None or b.element_size() > 2:
            check(a, b)
            continue
        assert a.dtype == b.dtype and a.shape == b.shape
        mine_off, theirs_off = ((v.cpu().double() - exact[n]).abs().max().item() for v in (a, b))
        assert mine_off <= 2 * theirs_off + exact[n].abs().max().item() * torch.finfo(b.dtype).eps


def check_norm(call, arguments, transform=lambda x: x):
    exact = [None if a is None else a.double() for a in arguments]
    check_all(run_norm(call, arguments, DEVICE, transform), run_norm(call, arguments, "cpu", transform),
              run_norm(call, exact, "cpu", transform))


@every_float
@pytest.mark.parametrize("weight,bias", [(True, True), (True, False), (False, False), (False, True)])
def test_layer_norm(dtype, weight, bias):
    for shape, normalized in (((4, 7), (7,)), ((3, 5, 6), (6,)), ((3, 5, 6), (5, 6)), ((2, 3, 40), (40,)), ((6,), (6,)), ((2, 1), (1,))):
        arguments = norm_arguments(shape, normalized, dtype, dtype, weight, bias)
        call = lambda x, w=None, b=None: F.layer_norm(x, normalized, w, b)
        if bias and not weight:
            call = lambda x, w, b: F.layer_norm(x, normalized, None, b)
        check_norm(call, arguments)


def test_layer_norm_of_equal_numbers_is_zero():
    for n in (1, 3, 7, 48, 100, 1000):
        for x in (torch.full((3, n), 0.1), torch.randn(3, 1).expand(3, n)):
            assert not F.layer_norm(x.to(DEVICE), (n,)).any()


def test_layer_norm_mixed_types_and_layouts():
    for dtype, tolerance in ((torch.float16, 2e-3), (torch.bfloat16, 1.6e-2)):
        arguments = norm_arguments((4, 8), (8,), dtype, torch.float32, True, True)
        call = lambda x, w, b: F.layer_norm(x, (8,), w, b)
        for a, b in zip(run_norm(call, arguments, DEVICE), run_norm(call, arguments, "cpu"), strict=True):
            assert a.dtype == b.dtype
            torch.testing.assert_close(a.cpu(), b, rtol=tolerance, atol=tolerance)
    arguments = norm_arguments((8, 4), (8,), torch.float32, torch.float32, True, True)
    call = lambda x, w, b: F.layer_norm(x, (8,), w, b)
    transposed = lambda x: x.t()
    check_norm(call, arguments, transposed)


@every_float
def test_layer_norm_statistics(dtype):
    compare(lambda t: torch.native_layer_norm(t, (4, 5), None, None, 1e-5), sample((3, 4, 5), dtype))


def test_layer_norm_statistics_of_nothing():
    for shape, normalized in (((0, 3), (3,)), ((2, 0), (0,))):
        compare(lambda t: torch.native_layer_norm(t, normalized, None, None, 1e-5), torch.ones(shape))


@pytest.mark.parametrize("mask", [(True, False, False), (False, True, True), (False, False, True), (True, True, False)], ids=str)
def test_layer_norm_backward_mask(mask):
    x, w, b = norm_arguments((6, 5), (5,), torch.float32, torch.float32, True, True)
    dy = sample((6, 5), torch.float32, 5)

    def backward(device):
        t = [v.to(device) for v in (dy, x, w, b)]
        _, mean, rstd = torch.native_layer_norm(t[1], (5,), t[2], t[3], 1e-5)
        return torch.ops.aten.native_layer_norm_backward(t[0], t[1], (5,), mean, rstd, t[2], t[3], mask)
    for a, b in zip(backward(DEVICE), backward("cpu")):
        assert (a is None) == (b is None)
        if a is not None:
            check(a, b)


def test_layer_norm_errors():
    x = sample((3, 4), torch.float32)
    for normalized, weight in (((3,), None), ((4, 4), None), ((4,), torch.ones(3)), ((), None)):
        call = lambda t: F.layer_norm(t, normalized, weight if weight is None else weight.to(t.device))
        check(outcome(lambda: call(move(x))), outcome(lambda: call(x)))
    with pytest.raises(RuntimeError, match="same device, but got weight is on cpu.*native_layer_norm"):
        F.layer_norm(move(x), (4,), torch.ones(4))
    with pytest.raises(RuntimeError, match="same device, but got running_mean is on cpu.*batch_norm"):
        F.batch_norm(move(x), torch.zeros(4), move(torch.ones(4)))
    with pytest.raises(RuntimeError, match="same device, but got target is on cpu.*nll_loss"):
        F.nll_loss(move(x), torch.zeros(3, dtype=torch.long))


@every_float
@pytest.mark.parametrize("weight", (True, False))
@pytest.mark.parametrize("eps", (None, 1e-3))
def test_rms_norm(dtype, weight, eps):
    for shape, normalized in (((4, 7), (7,)), ((3, 5, 6), (5, 6)), ((2, 3, 40), (40,))):
        arguments = norm_arguments(shape, normalized, dtype, dtype, weight, False)[:2 if weight else 1]
        call = lambda x, w=None: F.rms_norm(x, normalized, w, eps)
        check_norm(call, arguments)


def test_rms_norm_beyond_the_row_kernel():
    for shape, normalized in (((0, 3), (3,)), ((2, 0), (0,)), ((0,), (0,)), ((2, 1, 2, 1, 2, 1, 2, 3, 2), (3, 2)), ((1,) * 8 + (5,), (5,))):
        x, weight, _ = norm_arguments(shape, normalized, torch.float32, torch.float32, True, False)
        call = lambda x, w: F.rms_norm(x, normalized, w)
        check_all(run_norm(call, (x, weight), DEVICE), run_norm(call, (x, weight), "cpu"))


# ---- classification losses ----


def loss_cases(dtype):
    g = torch.Generator().manual_seed(3)
    for shape in ((5, 7), (1, 3), (200, 10), (2, 4, 3, 5), (3, 6, 4)):
        target = torch.randint(0, shape[1], (shape[0], *shape[2:]), generator=g)
        yield sample(shape, dtype) * 3, target, sample((shape[1],), dtype, 9) + 1.5
    yield sample((6,), dtype), torch.tensor(2), sample((6,), dtype, 9) + 1.5


def run_loss(call, x, target, weight, device):
    t = x.clone().to(device).requires_grad_()
    y = call(t, target.to(device), None if weight is None else weight.to(device))
    (y * 1.5).sum().backward()
    return [y.detach(), t.grad]


@every_float
@pytest.mark.parametrize("reduction", ("none", "mean", "sum"))
@pytest.mark.parametrize("name", ("nll_loss", "cross_entropy"))
def test_losses(name, reduction, dtype):
    for x, target, weight in loss_cases(dtype):
        for w in (None, weight):
            for ignore in (-100, 1):
                call = lambda t, c, v: getattr(F, name)(t, c, v, ignore_index=ignore, reduction=reduction)
                check_all(run_loss(call, x, target, w, DEVICE), run_loss(call, x, target, w, "cpu"))


def test_cross_entropy_variants():
    x, target, weight = next(loss_cases(torch.float32))
    for smoothing in (0.1, 1.0):
        for w in (None, weight):
            call = lambda t, c, v: F.cross_entropy(t, c, v, label_smoothing=smoothing)
            check_all(run_loss(call, x, target, w, DEVICE), run_loss(call, x, target, w, "cpu"))
    probabilities = torch.softmax(sample(x.shape, torch.float32, 4), 1)
    call = lambda t, c, v: F.cross_entropy(t, c, v)
    check_all(run_loss(call, x, probabilities, None, DEVICE), run_loss(call, x, probabilities, None, "cpu"))


def test_all_targets_ignored():
    x = sample((3, 4), torch.float32)
    for reduction in ("none", "mean", "sum"):
        call = lambda t, c, v: F.nll_loss(t, c, v, reduction=reduction)
        target = torch.full((3,), -100)
        check_all(run_loss(call, x, target, None, DEVICE), run_loss(call, x, target, None, "cpu"))


@pytest.mark.parametrize("bad", (5, -1, -99))
def test_target_out_of_bounds(bad):
    for shape in ((2, 5), (2, 5, 3), (2, 5, 3, 4)):
        x = sample(shape, torch.float32)
        target = torch.zeros((2, *shape[2:]), dtype=torch.int64)
        target.view(-1)[-1] = bad
        for name in ("nll_loss", "cross_entropy"):
            for reduction in ("none", "mean"):
                call = lambda d: getattr(F, name)(x.to(d), target.to(d), reduction=reduction)
                check(outcome(lambda: call(DEVICE)), outcome(lambda: call("cpu")))
                assert isinstance(outcome(lambda: call(DEVICE)), IndexError)


def test_loss_errors():
    x = sample((4, 5), torch.float32)
    for target in (torch.zeros(3, dtype=torch.int64), torch.zeros(4, dtype=torch.int32), torch.zeros(4), torch.zeros(4, 2, dtype=torch.int64)):
        call = lambda d: F.nll_loss(x.to(d), target.to(d))
        check(outcome(lambda: call(DEVICE)), outcome(lambda: call("cpu")), message=False)
    call = lambda d: F.nll_loss(x.to(d), torch.zeros(4, dtype=torch.int64, device=d), torch.ones(3, device=d))
    check(outcome(lambda: call(DEVICE)), outcome(lambda: call("cpu")))


# ---- one element of each row ----


@every_float
def test_gather_of_one_element_per_row(dtype):
    for x in layouts(dtype):
        for dim in range(-x.dim(), x.dim()):
            index = torch.arange(x.numel() // x.shape[dim]).view([1 if d == dim % x.dim() else n for d, n in enumerate(x.shape)])
            index = index % x.shape[dim]
            compare(lambda t: torch.gather(t, dim, index.to(t.device)), x)
    x = sample((6, 5), dtype)
    x[2, 1] = float("nan")
    compare(lambda t: t.gather(1, torch.ones(6, 1, dtype=torch.int64, device=t.device)), x)
    torch.hologram.reset_counters()
    x.to(DEVICE).gather(1, torch.ones(6, 1, dtype=torch.int64, device=DEVICE))
    assert torch.hologram.op_report()["gather"]["compiled"] == int(HOST_VISIBLE)    # positions are looked at by the host, or a library


def test_other_gathers_and_errors():
    x = sample((4, 5), torch.float32)
    for shape, dim, value in (((4, 1), 1, 5), ((4, 1), 1, -1), ((4, 1), 2, 0), ((2, 1), 1, 4), ((4, 3), 1, 2), ((1, 5), 0, 4), ((4,), 0, 0),
                              ((0, 1), 1, 0), ((1, 5), 0, 3)):
        compare(lambda t: t.gather(dim, torch.full(shape, value, device=t.device)), x)
    for t in (x.long(), sample((), torch.float32)):
        compare(lambda t: t.gather(-1, torch.zeros((4, 1)[:t.dim()], dtype=torch.int64, device=t.device)), t)


def test_gradient_of_gather():
    def gradient(t):
        t = t.detach().requires_grad_()
        t.gather(1, torch.tensor([[2], [0], [2]], device=t.device)).square().sum().backward()
        return t.grad
    x = sample((3, 4), torch.float32)
    check(gradient(move(x)), gradient(x))


# ---- decisions ----


@host_only("positions that the host looks at")
@deferred
def test_a_loss_written_by_hand_stores_no_row():
    x, target = sample((32, 100), torch.float32).to(DEVICE), torch.arange(32, device=DEVICE)[:, None]

    def loss(t):
        return -(t - t.logsumexp(-1, keepdim=True)).gather(1, target).mean()
    assert launches(lambda: loss(x)) == 2
    with torch.hologram.no_fusion():
        alone = loss(x)
    assert torch.equal(loss(x), alone)
    torch.hologram.synchronize()
    torch.hologram.reset_counters()
    kept = loss(x)
    assert torch.hologram.circuit_stats()["bytes_moved"] < 1.1 * x.nbytes + 1000, kept


def test_launches():
    x = sample((32, 100), torch.float32).to(DEVICE)
    y = torch.softmax(x, 1)
    w = torch.ones(100, device=DEVICE)
    target = torch.zeros(32, dtype=torch.int64, device=DEVICE)
    assert launches(lambda: torch.softmax(x, 1)) == 1
    assert launches(lambda: torch.log_softmax(x, 0)) == 1
    assert launches(lambda: torch.ops.aten._softmax_backward_data(y, y, 1, torch.float32)) == 1
    assert launches(lambda: F.layer_norm(x, (100,), w, w)) == 1
    assert launches(lambda: F.rms_norm(x, (100,), w)) == 1
    assert launches(lambda: F.nll_loss(x, target)) == 2
    mean, rstd = torch.native_layer_norm(x, (100,), w, w, 1e-5)[1:]
    backward = lambda mask: torch.ops.aten.native_layer_norm_backward(x, x, (100,), mean, rstd, w, w, mask)
    assert launches(lambda: backward((True, False, False))) == 1
    assert launches(lambda: backward((False, True, True))) == 1


def test_accuracy_of_long_rows():
    x = torch.randn(2, 100_000, generator=torch.Generator().manual_seed(4))
    exact = torch.softmax(x.double(), 1)
    assert ((torch.softmax(x.to(DEVICE), 1).cpu().double() - exact).abs() / exact).max() < 2e-6
    y = F.layer_norm(x.to(DEVICE) + 100, (100_000,)).cpu().double()
    exact = F.layer_norm((x + 100).double(), (100_000,))
    assert (y - exact).abs().max() < 1e-4
