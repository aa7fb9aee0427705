"""Reductions and scans against torch's own CPU kernels: dtypes, dims, layouts, edge cases, errors, gradients, launches."""

import math
import warnings

import pytest
import torch

from tests.compare import launches

DEVICE = "hologram"
FLOATS = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
INTS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
DTYPES = (*FLOATS, *INTS, torch.bool)
TOLERANCE = {torch.float32: (1e-5, 1e-5), torch.float64: (1e-10, 1e-10), torch.float16: (2e-3, 2e-3),
             torch.bfloat16: (1.6e-2, 1.6e-2)}

# name -> call(x, dim, keepdim); dim is a tuple, an int or None
FOLDS = {
    "sum": lambda x, d, k: torch.sum(x, d, k),
    "mean": lambda x, d, k: torch.mean(x, d, k),
    "nansum": lambda x, d, k: torch.nansum(x, d, k),
    "amax": lambda x, d, k: torch.amax(x, () if d is None else d, k),
    "amin": lambda x, d, k: torch.amin(x, () if d is None else d, k),
    "any": lambda x, d, k: torch.any(x, d, k),
    "all": lambda x, d, k: torch.all(x, d, k),
    "count_nonzero": lambda x, d, k: torch.count_nonzero(x, d),
    "var": lambda x, d, k: torch.var(x, d, correction=1, keepdim=k),
    "std": lambda x, d, k: torch.std(x, d, correction=0, keepdim=k),
    "var_mean": lambda x, d, k: torch.var_mean(x, d, correction=0.5, keepdim=k),
    "std_mean": lambda x, d, k: torch.std_mean(x, d, keepdim=k),
    "logsumexp": lambda x, d, k: torch.logsumexp(x, tuple(range(x.dim())) if d is None else d, k),
    "norm_0": lambda x, d, k: torch.linalg.vector_norm(x, 0, d, k),
    "norm_1": lambda x, d, k: torch.linalg.vector_norm(x, 1, d, k),
    "norm_2": lambda x, d, k: torch.linalg.vector_norm(x, 2, d, k),
    "norm_3": lambda x, d, k: torch.linalg.vector_norm(x, 3, d, k),
    "norm_inf": lambda x, d, k: torch.linalg.vector_norm(x, math.inf, d, k),
    "norm_neg_inf": lambda x, d, k: torch.linalg.vector_norm(x, -math.inf, d, k),
    "norm": lambda x, d, k: torch.norm(x, 2.5, d, k),
}
# call(x, dim, keepdim) with one dim
FOLDS_ONE = {
    "prod": lambda x, d, k: torch.prod(x, d, k),
    "max": lambda x, d, k: torch.max(x, d, k),
    "min": lambda x, d, k: torch.min(x, d, k),
    "argmax": lambda x, d, k: torch.argmax(x, d, k),
    "argmin": lambda x, d, k: torch.argmin(x, d, k),
    "aminmax": lambda x, d, k: torch.aminmax(x, dim=d, keepdim=k),
    "cumsum": lambda x, d, k: torch.cumsum(x, d),
    "cumprod": lambda x, d, k: torch.cumprod(x, d),
    "cummax": lambda x, d, k: torch.cummax(x, d),
    "cummin": lambda x, d, k: torch.cummin(x, d),
    "logcumsumexp": lambda x, d, k: torch.logcumsumexp(x, d),
}
WHOLE = {
    "sum": torch.sum, "mean": torch.mean, "prod": torch.prod, "max": torch.max, "min": torch.min, "argmax": torch.argmax,
    "argmin": torch.argmin, "any": torch.any, "all": torch.all, "aminmax": torch.aminmax, "var": torch.var,
    "norm": torch.norm, "nansum": torch.nansum, "count_nonzero": torch.count_nonzero,
}


def sample(shape, dtype, seed=0):
    """Few distinct values where the dtype is narrow, so that ties occur."""
    g = torch.Generator().manual_seed(seed)
    if dtype is torch.bool:
        return torch.rand(shape, generator=g) > 0.3
    if not dtype.is_floating_point:
        low = 0 if dtype is torch.uint8 else -3
        return torch.randint(low, 4, shape, generator=g).to(dtype)
    return (torch.rand(shape, generator=g, dtype=torch.float64) * 2 - 0.8).to(dtype)


def layouts(dtype):
    yield "contiguous", sample((3, 4, 5), dtype)
    yield "transposed", sample((5, 4, 3), dtype).permute(2, 0, 1)
    yield "channels_last", sample((2, 3, 4, 5), dtype).to(memory_format=torch.channels_last)
    yield "strided", sample((6, 9, 10), dtype)[::2, 1::2, ::3]
    yield "expanded", sample((3, 1, 5), dtype).expand(3, 4, 5)
    yield "offset", sample((70,), dtype)[10:].view(3, 4, 5)
    yield "sizes of one", sample((1, 4, 1), dtype)


def move(t):
    """On the device with the same strides, as a view of a larger storage if `t` is one."""
    if t.numel() == 0 or t.dim() == 0:
        return t.to(DEVICE)
    span = 1 + sum((s - 1) * st for s, st in zip(t.shape, t.stride()))
    base = torch.as_strided(t, (span,), (1,), t.storage_offset()).to(DEVICE)
    return torch.as_strided(base, t.shape, t.stride(), 0)


def outcome(call):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return call()
        except Exception as error:
            return error


def check(mine, theirs, text="", message=True):
    if isinstance(theirs, Exception):
        assert type(mine) is type(theirs), f"{text}: torch raises {theirs!r}, the device gave {mine!r}"
        if message:
            assert str(mine).split("\n")[0] == str(theirs).split("\n")[0]
        return
    if isinstance(mine, Exception):
        raise mine
    if isinstance(theirs, tuple):
        assert isinstance(mine, tuple) and len(mine) == len(theirs)
        for a, b in zip(mine, theirs):
            check(a, b, text)
        return
    assert mine.device.type == DEVICE and mine.dtype == theirs.dtype and mine.shape == theirs.shape, text
    rtol, atol = TOLERANCE.get(theirs.dtype, (0, 0))
    torch.testing.assert_close(mine.cpu(), theirs, rtol=rtol, atol=atol, equal_nan=True, msg=lambda m: f"{text}: {m}")


def compare(call, x, *rest, message=True):
    check(outcome(lambda: call(move(x), *rest)), outcome(lambda: call(x, *rest)), f"{tuple(x.shape)} {rest}", message)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", FOLDS)
def test_dims(name, dtype):
    for _, x in layouts(dtype):
        for dim in (None, 0, -1, (0, 1), (0, 2), (-1, 1)):
            for keepdim in (False, True):
                compare(FOLDS[name], x, dim, keepdim, message=False)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", FOLDS_ONE)
def test_one_dim(name, dtype):
    for _, x in layouts(dtype):
        for dim in (0, 1, -1):
            for keepdim in (False, True):
                compare(FOLDS_ONE[name], x, dim, keepdim, message=False)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", WHOLE)
def test_whole(name, dtype):
    for _, x in layouts(dtype):
        compare(WHOLE[name], x, message=False)


@pytest.mark.parametrize("name", [*FOLDS, *FOLDS_ONE])
def test_sizes(name):
    """Around the widths of vectors, blocks and splits."""
    call = (FOLDS | FOLDS_ONE)[name]
    for n in (1, 2, 7, 16, 31, 33, 64, 127, 257, 1000, 4099):
        x = sample((3, n), torch.float64)
        compare(call, x, 1, False)
        compare(call, x.t(), 0, False)
        compare(call, x.t().contiguous(), 0, False)


@pytest.mark.parametrize("name", ["sum", "mean", "amax", "var", "norm_2", "logsumexp", "any"])
def test_long_rows(name):
    for shape in ((300_001,), (2, 150_001), (150_001, 2)):
        x = sample(shape, torch.float64)
        compare(FOLDS[name], x, None, False)
        x = x.float()
        mine, exact = FOLDS[name](move(x), 0, False).cpu(), FOLDS[name](x.double(), 0, False)
        torch.testing.assert_close(mine, exact.to(mine.dtype), rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("name", ["max", "argmin", "aminmax", "cummax"])
def test_positions_in_long_rows(name):
    for shape in ((300_001,), (2, 150_001), (150_001, 2)):
        compare(FOLDS_ONE[name], sample(shape, torch.float32), -1, False)
        compare(FOLDS_ONE[name], sample(shape, torch.int32), 0, False)


@pytest.mark.parametrize("dtype", (torch.float32, torch.float16), ids=str)
def test_nan_and_infinity(dtype):
    nan, inf = math.nan, math.inf
    x = torch.tensor([[1, nan, 3], [inf, 2, -inf], [nan, inf, nan], [-inf, -inf, -inf], [-0.0, 0.0, -0.0], [inf, inf, 1]], dtype=dtype)
    for name, call in (FOLDS | FOLDS_ONE).items():
        for dim in (0, 1):
            for y in (x, x.t()):
                check(outcome(lambda: call(move(y), dim, False)), outcome(lambda: call(y, dim, False)), name)


@pytest.mark.parametrize("name", [*FOLDS, *FOLDS_ONE])
@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (2, 0, 3)], ids=str)
def test_empty(name, shape):
    call = (FOLDS | FOLDS_ONE)[name]
    for dtype in (torch.float32, torch.int64):
        for dim in ((None, 0, -1, (0,)) if name in FOLDS else (0, -1)):
            compare(call, torch.empty(shape, dtype=dtype), dim, False)


def test_empty_whole():
    for call in WHOLE.values():
        compare(call, torch.empty(0))
        compare(call, torch.empty(0, 3))


@pytest.mark.parametrize("name", [*FOLDS, *FOLDS_ONE])
def test_zero_dims(name):
    call = (FOLDS | FOLDS_ONE)[name]
    for dtype in (torch.float32, torch.int32, torch.bool):
        for dim in (0, -1):
            compare(call, sample((), dtype), dim, False)


@pytest.mark.parametrize("name", [*FOLDS, *FOLDS_ONE])
def test_bad_dims(name):
    call = (FOLDS | FOLDS_ONE)[name]
    x = sample((2, 3), torch.float32)
    for dim in (2, -3):
        compare(call, x, dim, False)
    if name in FOLDS:
        compare(call, x, (0, 0), False)
        compare(call, x, (0, -2), False)


def test_empty_dim_lists():
    x = sample((2, 3), torch.float32)
    for name in ("sum", "mean", "amax", "any", "all", "var", "norm_2", "nansum", "count_nonzero"):
        compare(FOLDS[name], x, (), False)


@pytest.mark.parametrize("call", [torch.sum, torch.mean, torch.prod, torch.nansum, torch.cumsum, torch.cumprod], ids=lambda f: f.__name__)
def test_dtype_argument(call):
    for source in (torch.float32, torch.int32, torch.bool, torch.float16):
        for wanted in (torch.float64, torch.float32, torch.float16, torch.int64, torch.int32, torch.uint8):
            x = sample((4, 5), source)
            compare(lambda t: call(t, 0, dtype=wanted), x, message=False)


OUT = {
    "sum": lambda x, out: torch.sum(x, 1, out=out), "mean": lambda x, out: torch.mean(x, 1, out=out),
    "prod": lambda x, out: torch.prod(x, 1, out=out), "amax": lambda x, out: torch.amax(x, 1, out=out),
    "argmax": lambda x, out: torch.argmax(x, 1, out=out), "any": lambda x, out: torch.any(x, 1, out=out),
    "var": lambda x, out: torch.var(x, 1, out=out), "norm": lambda x, out: torch.linalg.vector_norm(x, 2, 1, out=out),
    "logsumexp": lambda x, out: torch.logsumexp(x, 1, out=out), "nansum": lambda x, out: torch.nansum(x, 1, out=out),
    "cumsum": lambda x, out: torch.cumsum(x, 1, out=out), "cumprod": lambda x, out: torch.cumprod(x, 1, out=out),
    "max": lambda x, out: torch.max(x, out=out), "logcumsumexp": lambda x, out: torch.logcumsumexp(x, 1, out=out),
}


@pytest.mark.parametrize("dtype", (torch.float32, torch.float64, torch.float16, torch.int64, torch.int32, torch.bool), ids=str)
@pytest.mark.parametrize("name", OUT)
def test_out(name, dtype):
    for source in (torch.float32, torch.int32):
        x = sample((4, 5), source)
        for shape in ((0,), (4,), (4, 5), (7,)):
            mine, theirs = torch.zeros(shape, dtype=dtype, device=DEVICE), torch.zeros(shape, dtype=dtype)
            a, b = outcome(lambda: OUT[name](move(x), mine)), outcome(lambda: OUT[name](x, theirs))
            if name == "logsumexp" and dtype is torch.float64:
                check(a, OUT[name](x.double(), theirs))       # torch leaves float32's error in it
            else:
                check(a, b, f"{source} {shape}", message=False)
            if not isinstance(b, Exception):
                assert a is mine or a.data_ptr() == mine.data_ptr()
                check(mine, theirs)


def test_out_pair():
    x = sample((4, 5), torch.float32)
    out = (torch.empty(0, device=DEVICE), torch.empty(0, dtype=torch.int64, device=DEVICE))
    check(tuple(torch.max(move(x), 1, out=out)), tuple(torch.max(x, 1)))
    check(out, tuple(torch.max(x, 1)))
    low, high = torch.empty(0, device=DEVICE), torch.empty(0, device=DEVICE)
    torch.aminmax(move(x), dim=0, out=(low, high))
    check((low, high), tuple(torch.aminmax(x, dim=0)))


def test_out_strided_and_overlapping():
    x = sample((4, 5), torch.float32)
    wide = torch.zeros(4, 3, device=DEVICE)
    torch.sum(move(x), 1, out=wide[:, 1])
    check(wide[:, 1], x.sum(1))
    assert wide[:, 0].abs().sum().item() == 0
    for call in (lambda t: torch.max(t, 0, out=(t[0], torch.empty(5, dtype=torch.int64, device=t.device))),
                 lambda t: torch.cumsum(t, 1, out=t.new_zeros(1).expand(4, 5)), lambda t: torch.cumsum(t[:2], 1, out=t[1:3])):
        check(outcome(lambda: call(move(x))), outcome(lambda: call(x.clone())))


def test_in_place_scans():
    for dtype in (torch.float32, torch.int64):
        x = sample((4, 5), dtype)
        for view in (lambda t: t, lambda t: t.t(), lambda t: t[:, ::2]):
            for call in ("cumsum_", "cumprod_"):
                mine, theirs = move(x), x.clone()
                getattr(view(mine), call)(0)
                getattr(view(theirs), call)(0)
                check(mine, theirs)
    check(outcome(lambda: move(sample((3,), torch.int32)).cumsum_(0)), outcome(lambda: sample((3,), torch.int32).cumsum_(0)))


def test_equal():
    x = sample((4, 5), torch.float32)
    y = x.clone()
    y[3, 4] += 1
    assert torch.equal(move(x), move(x.clone())) and not torch.equal(move(x), move(y))
    assert not torch.equal(move(x), move(x[:2])) and torch.equal(move(x.t()), move(x.t().contiguous()))
    assert torch.equal(torch.empty(0, device=DEVICE), torch.empty(0, device=DEVICE))
    nan = torch.tensor([math.nan], device=DEVICE)
    assert not torch.equal(nan, nan.clone())
    with pytest.raises(RuntimeError, match="same device"):
        torch.equal(move(x), x)


def test_many_dims():
    x = sample((1, 2) * 7, torch.float32)
    for dim in (None, 0, 1, (1, 3, 13)):
        compare(FOLDS["sum"], x, dim, False)
        compare(FOLDS["var"], x, dim, True)


def test_warning_about_degrees_of_freedom():
    with pytest.warns(UserWarning, match="degrees of freedom"):
        torch.var(torch.ones(1, device=DEVICE))


def test_rounding_of_long_sums():
    """Two levels of accumulation: the error of a float32 sum stays near that of pairwise summation."""
    x = torch.rand(4_000_000, generator=torch.Generator().manual_seed(1))
    exact = x.double().sum().item()
    assert abs(x.to(DEVICE).sum().item() - exact) / exact < 3e-7
    y = torch.full((1 << 24,), 0.1)
    assert abs(y.to(DEVICE).mean().item() - 0.1) < 1e-6


GRADIENTS = ["sum", "mean", "amax", "amin", "var", "std", "logsumexp", "norm_2", "norm_1", "norm_3", "norm_inf", "nansum"]


@pytest.mark.parametrize("name", [*GRADIENTS, "prod", "max", "min", "cumsum", "cumprod", "cummax", "logcumsumexp"])
def test_gradients(name):
    call = (FOLDS | FOLDS_ONE)[name]
    for _, x in layouts(torch.float64):
        def gradient(t):
            t = t.detach().requires_grad_()
            result = call(t, 1, False)
            result = result[0] if isinstance(result, tuple) else result
            weights = torch.arange(1.0, result.numel() + 1, dtype=torch.float64, device=t.device).view(result.shape)
            (result * weights).sum().backward()
            return t.grad
        check(gradient(move(x)), gradient(x), name)


@pytest.mark.parametrize("name", [*FOLDS, *FOLDS_ONE])
def test_one_launch(name):
    """Every reduction is one kernel, whichever dim it folds."""
    x = sample((64, 65), torch.float32).to(DEVICE)
    for dim in (0, 1):
        assert launches(lambda: (FOLDS | FOLDS_ONE)[name](x, dim, False)) == 1


def test_one_launch_with_conversion():
    """Inputs are converted inside the kernel."""
    x = sample((64, 65), torch.bool).to(DEVICE)
    assert launches(lambda: x.sum(1)) == 1
    assert launches(lambda: x.sum(1, dtype=torch.float32)) == 1
    assert launches(lambda: torch.equal(x, x)) == 1


def test_thread_counts_agree():
    x = torch.randn(3, 400_000, generator=torch.Generator().manual_seed(2)).to(DEVICE)
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append([x.sum().cpu(), x.sum(1).cpu(), x.t().sum(1).cpu(), x.var(1).cpu(), x.softmax(1).cpu()])
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        for a, b in zip(results[0], other):
            assert torch.equal(a, b)
