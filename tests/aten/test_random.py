"""Random ops: distributions, determinism, independence of layout and threads, parameter checks, dropout."""

import math

import pytest
import torch
import torch.nn.functional as F

from test_reduction import DEVICE, FLOATS, check, outcome
from tests.compare import launches
from tests.modes import FLOAT64

N = 200_000
INTS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


def new(dtype=torch.float32, shape=(N,)):
    return torch.empty(shape, dtype=dtype, device=DEVICE)


def kolmogorov(values, cdf):
    """The largest distance between the empirical distribution and `cdf`, in units where 2 is very unlikely."""
    x = values.double().sort().values
    steps = torch.arange(1, len(x) + 1, dtype=torch.float64) / len(x)
    return ((steps - cdf(x)).abs().max() * math.sqrt(len(x))).item()


CONTINUOUS = {
    "uniform": (lambda t: t.uniform_(-2, 5), lambda x: (x + 2) / 7),
    "normal": (lambda t: t.normal_(1, 3), lambda x: torch.special.ndtr((x - 1) / 3)),
    "exponential": (lambda t: t.exponential_(2.5), lambda x: 1 - torch.exp(-2.5 * x)),
    "cauchy": (lambda t: t.cauchy_(1, 2), lambda x: torch.atan((x - 1) / 2) / math.pi + 0.5),
    "log_normal": (lambda t: t.log_normal_(0.5, 0.7), lambda x: torch.special.ndtr((x.log() - 0.5) / 0.7)),
}


@pytest.mark.parametrize("dtype", (torch.float32, torch.float64), ids=str)
@pytest.mark.parametrize("name", CONTINUOUS)
def test_distribution(name, dtype):
    torch.manual_seed(7)
    fill, cdf = CONTINUOUS[name]
    x = fill(new(dtype)).cpu()
    assert torch.isfinite(x).all()
    assert kolmogorov(x, cdf) < 2
    x = fill(new(dtype)).cpu()
    assert abs(torch.corrcoef(torch.stack([x[1:], x[:-1]]).double().clamp(-10, 10))[0, 1]) < 0.02


@pytest.mark.parametrize("dtype", (torch.float16, torch.bfloat16), ids=str)
@pytest.mark.parametrize("name", CONTINUOUS)
def test_low_precision(name, dtype):
    torch.manual_seed(8)
    fill, cdf = CONTINUOUS[name]
    x = fill(new(dtype)).cpu().double()
    assert not torch.isnan(x).any()
    quantiles = torch.tensor([0.1, 0.25, 0.5, 0.75, 0.9], dtype=torch.float64)
    assert (cdf(torch.quantile(x, quantiles)) - quantiles).abs().max() < 0.02


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_uniform_stays_below_its_end(dtype):
    for low, high in ((0, 1), (-1, 1), (1, 1 + 2 ** -6), (1000, 1008)):
        x = new(dtype).uniform_(low, high)
        assert x.min().item() >= low and x.max().item() < high
    assert torch.rand(N, device=DEVICE, dtype=dtype).max().item() < 1
    assert (new(dtype, (5,)).uniform_(3, 3).cpu() == 3).all()


@pytest.mark.parametrize("dtype", (*FLOATS, *INTS), ids=str)
def test_geometric(dtype):
    torch.manual_seed(9)
    x = new(dtype).geometric_(0.3).cpu().double()
    assert x.min() == 1
    for k in range(1, 6):
        assert abs((x == k).double().mean() - 0.3 * 0.7 ** (k - 1)) < 0.006


@pytest.mark.parametrize("dtype", (*FLOATS, *INTS, torch.bool), ids=str)
def test_bernoulli(dtype):
    torch.manual_seed(10)
    for p in (0.0, 0.25, 1.0):
        x = new(dtype).bernoulli_(p).cpu().double()
        assert set(x.unique().tolist()) <= {0.0, 1.0} and abs(x.mean() - p) < 0.006
    p = torch.tensor([[0.0], [0.1], [0.9], [1.0]], device=DEVICE)
    x = new(dtype, (4, N // 4)).bernoulli_(p).cpu().double().mean(1)
    assert (x - p.cpu()[:, 0]).abs().max() < 0.006 and x[0] == 0 and x[3] == 1
    x = torch.bernoulli(p.expand(4, 50_000)).cpu().mean(1)
    assert (x - p.cpu()[:, 0]).abs().max() < 0.006


@pytest.mark.parametrize("dtype", (*INTS, torch.bool, *FLOATS), ids=str)
def test_random_integers(dtype):
    torch.manual_seed(11)
    low, high = (0, 2) if dtype is torch.bool else (3, 97)
    x = new(dtype).random_(low, high).cpu().long()
    assert x.min() == low and x.max() == high - 1
    counts = torch.bincount(x - low, minlength=high - low).double()
    expected = N / (high - low)
    assert ((counts - expected) ** 2 / expected).sum() < (high - low) + 6 * math.sqrt(2 * (high - low))
    assert new(dtype).random_(2 if dtype is torch.bool else 50).cpu().max().item() == (1 if dtype is torch.bool else 49)


def test_random_full_ranges():
    torch.manual_seed(12)
    for dtype in INTS:
        limits = torch.iinfo(dtype)
        x = new(dtype).random_().cpu()
        assert x.min() >= 0 and x.double().mean() / limits.max == pytest.approx(0.5, abs=0.01)
    x = new(torch.int64).random_(torch.iinfo(torch.int64).min, None).cpu().double() / 2 ** 63
    assert x.min() < -0.99 and x.max() > 0.99 and abs(x.mean()) < 0.01
    x = new(torch.int64).random_(-(1 << 62), (1 << 62) + 12345).cpu().double() / 2 ** 62
    assert -1 <= x.min() < -0.99 and 0.99 < x.max() <= 1 and abs(x.mean()) < 0.01
    for dtype, top in ((torch.float32, 2 ** 24), (torch.float16, 2 ** 11), (torch.bfloat16, 2 ** 8), *[(torch.float64, 2 ** 53)] * FLOAT64):
        x = new(dtype).random_().cpu().double()
        assert x.min() >= 0 and x.max() <= top and x.max() > 0.99 * top
    assert set(new(torch.bool).random_().cpu().unique().tolist()) == {False, True}


FILLS = {
    "uniform_": lambda t: t.uniform_(), "normal_": lambda t: t.normal_(), "exponential_": lambda t: t.exponential_(),
    "random_": lambda t: t.random_(0, 1000), "bernoulli_": lambda t: t.bernoulli_(0.5), "geometric_": lambda t: t.geometric_(0.01),
    "cauchy_": lambda t: t.cauchy_(), "log_normal_": lambda t: t.log_normal_(),
}


@pytest.mark.parametrize("name", FILLS)
def test_numbers_depend_on_seed_and_position_alone(name):
    fill = FILLS[name]

    def numbers(make, threads=None):
        before = torch.get_num_threads()
        torch.set_num_threads(threads or before)
        try:
            torch.manual_seed(42)
            return fill(make()).cpu()
        finally:
            torch.set_num_threads(before)

    plain = numbers(lambda: new(shape=(40, 5000)))
    assert torch.equal(plain, numbers(lambda: new(shape=(40, 5000))))
    for threads in (1, 2, 3):
        assert torch.equal(plain, numbers(lambda: new(shape=(40, 5000)), threads))
    assert torch.equal(plain, numbers(lambda: new(shape=(5000, 40)).t()))
    assert torch.equal(plain, numbers(lambda: new(shape=(80, 5000))[::2]))
    assert torch.equal(plain, numbers(lambda: new(shape=(40, 15000))[:, 1::3]))
    assert torch.equal(plain.view(-1), numbers(lambda: new(shape=(200_000,))))
    torch.manual_seed(42)
    first, second = fill(new()), fill(new())
    assert not torch.equal(first, second)


def test_strided_fill_leaves_the_rest_alone():
    x = torch.zeros(100, 7, device=DEVICE)
    x[:, 2].normal_()
    assert (x[:, 2] != 0).all().item() and x[:, :2].abs().sum().item() == 0 and x[:, 3:].abs().sum().item() == 0


def test_generators():
    a, b = (torch.Generator(device=DEVICE).manual_seed(5) for _ in range(2))
    x = torch.randn(1000, device=DEVICE, generator=a)
    assert torch.equal(x, torch.randn(1000, device=DEVICE, generator=b))
    state = a.get_state()
    y = torch.rand(10, device=DEVICE, generator=a)
    a.set_state(state)
    assert torch.equal(y, torch.rand(10, device=DEVICE, generator=a))
    assert not torch.equal(x[:10], torch.randn(10, device=DEVICE, generator=a))
    with pytest.raises(RuntimeError, match="generator"):
        new(shape=(3,)).normal_(generator=torch.Generator())
    torch.manual_seed(1)
    before = torch.get_rng_state()
    torch.rand(3, device=DEVICE)
    assert torch.equal(before, torch.get_rng_state()), "the device has a generator of its own"


def test_factories():
    torch.manual_seed(3)
    assert torch.rand(3, 4, device=DEVICE).shape == (3, 4)
    assert torch.randint(5, 9, (1000,), device=DEVICE).unique().tolist() == [5, 6, 7, 8]
    assert torch.randn_like(torch.empty(3, dtype=torch.float16, device=DEVICE)).dtype is torch.float16
    assert torch.normal(torch.zeros(N, device=DEVICE), 2.0).std().item() == pytest.approx(2, abs=0.02)
    assert torch.normal(3.0, torch.ones(N, device=DEVICE)).mean().item() == pytest.approx(3, abs=0.02)
    assert torch.normal(torch.ones(N, device=DEVICE), torch.ones(N, device=DEVICE)).mean().item() == pytest.approx(1, abs=0.02)
    for n in (0, 1, 2, 1000):
        for dtype in (torch.int64, torch.int32, torch.float32):
            p = torch.randperm(n, device=DEVICE, dtype=dtype)
            assert p.dtype is dtype and p.cpu().sort().values.long().tolist() == list(range(n))
    torch.manual_seed(4)
    a = torch.randperm(1000, device=DEVICE)
    torch.manual_seed(4)
    assert torch.equal(a, torch.randperm(1000, device=DEVICE))
    assert not torch.equal(a, torch.randperm(1000, device=DEVICE))


def test_samplers():
    torch.manual_seed(5)
    weights = torch.tensor([0.1, 0.0, 0.4, 0.5], device=DEVICE)
    for replacement in (True, False):
        draws = torch.multinomial(weights.expand(20_000, 4), 2 if replacement else 1, replacement)
        shares = torch.bincount(draws.view(-1).cpu(), minlength=4) / draws.numel()
        assert (shares - weights.cpu()).abs().max() < 0.02
    torch.manual_seed(6)
    a = torch.multinomial(weights, 10, True)
    torch.manual_seed(6)
    assert torch.equal(a, torch.multinomial(weights, 10, True))
    assert torch.poisson(torch.full((N,), 4.0, device=DEVICE)).mean().item() == pytest.approx(4, abs=0.05)
    assert torch.binomial(torch.full((1000,), 10.0, device=DEVICE), torch.full((1000,), 0.5, device=DEVICE)).mean().item() == pytest.approx(5, abs=0.3)


def test_parameter_errors():
    calls = [
        lambda t: t.uniform_(2, 1), lambda t: t.uniform_(-1e39, 1), lambda t: t.normal_(0, -1), lambda t: t.exponential_(0),
        lambda t: t.geometric_(1), lambda t: t.geometric_(0), lambda t: t.cauchy_(0, 0), lambda t: t.log_normal_(0, 0),
        lambda t: t.bernoulli_(1.5), lambda t: t.random_(5, 5), lambda t: t.random_(5, 3), lambda t: t.int().uniform_(),
        lambda t: t.int().normal_(), lambda t: t.to(torch.int8).random_(0, 1000), lambda t: t.long().exponential_(),
        lambda t: t.bool().geometric_(0.5), lambda t: t.expand(5, 3).normal_(), lambda t: t.half().random_(-70000, 5),
        lambda t: torch.bernoulli(t.int()), lambda t: torch.bernoulli(t + 2), lambda t: t.bernoulli_(t * math.nan),
        lambda t: torch.normal(t, -1.0), lambda t: torch.normal(t, t - 1),
        lambda t: F.dropout(t, 1.5), lambda t: torch.native_dropout(t, 2.0, True),
    ]
    for number, call in enumerate(calls):
        mine, theirs = (outcome(lambda: call(torch.zeros(3, device=d))) for d in (DEVICE, "cpu"))
        assert isinstance(theirs, Exception), number
        assert type(mine) is type(theirs), f"{number}: {mine!r} instead of {theirs!r}"
    for call in (lambda t: t.uniform_(2, 1), lambda t: t.normal_(0, -1), lambda t: t.random_(5, 3), lambda t: t.bernoulli_(1.5)):
        check(outcome(lambda: call(torch.zeros(3, device=DEVICE))), outcome(lambda: call(torch.zeros(3))))


def test_empty_and_zero_dims():
    for fill in FILLS.values():
        assert fill(new(shape=(0, 3))).shape == (0, 3)
        assert fill(new(shape=())).shape == ()
    torch.manual_seed(1)
    state = torch.hologram.get_rng_state()
    new(shape=(0,)).normal_()
    assert torch.equal(state, torch.hologram.get_rng_state()), "nothing drawn, nothing reserved"


# ---- dropout ----


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("p", (0.1, 0.5, 0.9))
def test_dropout(dtype, p):
    torch.manual_seed(13)
    x = torch.rand(N, device=DEVICE, dtype=dtype) + 1
    x.requires_grad_()
    y = F.dropout(x, p)
    kept = (y != 0).cpu()
    assert abs(kept.double().mean().item() - (1 - p)) < 0.006
    scale = torch.tensor(1 / (1 - p))
    torch.testing.assert_close(y.detach().cpu()[kept], (x.detach().cpu()[kept].float() * scale).to(dtype), rtol=1e-2 if dtype in (torch.float16, torch.bfloat16) else 1e-6, atol=0)
    y.backward(torch.ones_like(y))
    grad = x.grad.cpu()
    assert ((grad != 0) == kept).all()
    torch.testing.assert_close(grad[kept].double(), scale.double().expand(int(kept.sum())), rtol=1e-2 if dtype in (torch.float16, torch.bfloat16) else 1e-6, atol=0)


def test_dropout_edges():
    x = torch.ones(4, 6, device=DEVICE)
    assert torch.equal(F.dropout(x, 0.0), x) and F.dropout(x, 1.0).abs().sum().item() == 0
    assert torch.equal(F.dropout(x, 0.5, training=False), x)
    y, mask = torch.native_dropout(x, 0.5, True)
    assert mask.dtype is torch.bool and torch.equal(y, mask * 2.0)
    y, mask = torch.native_dropout(x, 0.5, False)
    assert torch.equal(y, x) and mask.all().item()
    y, mask = torch.native_dropout(x, 1.0, True)
    assert y.abs().sum().item() == 0 and not mask.any().item()
    assert torch.native_dropout(x[:0], 0.5, True)[0].shape == (0, 6)
    z = torch.ones(2, 3, 4, 5, device=DEVICE).to(memory_format=torch.channels_last)
    assert F.dropout(z, 0.5).is_contiguous(memory_format=torch.channels_last)
    for call in (F.dropout1d, F.alpha_dropout, F.feature_alpha_dropout):
        assert call(torch.ones(4, 6, 5, device=DEVICE), 0.5, True).shape == (4, 6, 5)
    t = torch.ones(1000, device=DEVICE)
    F.dropout(t, 0.5, inplace=True)
    assert set(t.cpu().unique().tolist()) == {0.0, 2.0}


def test_launches():
    x = torch.ones(100, 100, device=DEVICE)
    assert launches(lambda: x.normal_()) == 1
    assert launches(lambda: x.t().uniform_()) == 1
    assert launches(lambda: F.dropout(x, 0.5)) == 1
    mask = x > 0
    assert launches(lambda: torch.ops.aten.native_dropout_backward(x, mask, 2.0)) == 1
