"""Every elementwise row against torch's own CPU kernels: dtypes, layouts, broadcasting, numbers, in-place, out=, gradients."""

import math
import warnings

import pytest
import torch
from torch.utils import _pytree as pytree

from elementwise_cases import CASES, DTYPES, FLOATS, plain
from tests.compare import launches
from tests.modes import FLOAT64

DEVICE = "hologram"
TOLERANCE = {torch.float32: (2e-6, 2e-6), torch.float64: (1e-12, 1e-12), torch.float16: (2e-3, 2e-3),
             torch.bfloat16: (1.6e-2, 1.6e-2)}
every_case = pytest.mark.parametrize("case", CASES, ids=str)


@pytest.fixture(autouse=True, scope="module")
def native_kernels():
    """ATen's own kernels are the reference: oneDNN's gelu ignores the strides of out=, does not broadcast its gradient and
    gives NaN at infinity."""
    enabled = torch._C._get_mkldnn_enabled()
    torch._C._set_mkldnn_enabled(False)
    yield
    torch._C._set_mkldnn_enabled(enabled)


def to_device(value):
    return pytree.tree_map_only(torch.Tensor, lambda t: move(t), value)


def move(t):
    """On the device with the same sizes and strides, a view of a larger storage if `t` is one."""
    if t.dim() == 0:
        return t.to(DEVICE)
    span = 1 + sum((s - 1) * st for s, st in zip(t.shape, t.stride())) if t.numel() else 0
    base = torch.as_strided(t, (span,), (1,)).contiguous().to(DEVICE)
    return torch.as_strided(base, t.shape, t.stride())


def outcome(function, *args, **kwargs):
    """What a call returned, or the type of what it raised."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return function(*args, **kwargs)
        except Exception as error:
            return error


def check(mine, theirs, strides=True, computed=None):
    """`computed`: the dtype of the computation, where a wider one holds the result."""
    if isinstance(theirs, Exception):
        assert isinstance(mine, Exception), f"torch raises {theirs!r}, the device returned {mine}"
        assert type(mine) is type(theirs), f"{mine!r} instead of {theirs!r}"
        return
    if isinstance(mine, Exception):
        raise mine
    for a, b in zip(pytree.tree_leaves(mine), pytree.tree_leaves(theirs), strict=True):
        assert a.device.type == DEVICE
        assert a.dtype == b.dtype and a.shape == b.shape
        if strides and b.numel() > 0:
            assert a.stride() == b.stride(), "memory format"
        rtol, atol = TOLERANCE.get(computed if computed and b.is_floating_point() else b.dtype, (0, 0))
        torch.testing.assert_close(a.cpu(), b, rtol=rtol, atol=atol, equal_nan=True)


def compare(case, make=None, dtype=torch.float32, **more):
    args, kwargs = case.arguments(dtype, make, **more)
    check(outcome(case.packet, *to_device(args), **to_device(kwargs)), outcome(case.packet, *args, **kwargs))


@every_case
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_dtypes(case, dtype):
    compare(case, dtype=dtype)


def layouts():
    def transposed(n, dtype, low, high, g):
        return plain(n, dtype, low, high, g).t()

    def strided(n, dtype, low, high, g):
        return plain(n, dtype, low, high, g, (10, 21))[::2, ::3]

    def broadcast(n, dtype, low, high, g):
        return plain(n, dtype, low, high, g, [(3, 1, 4), (2, 1), (4,), (1, 1, 1, 4)][n % 4])

    def expanded(n, dtype, low, high, g):
        return plain(n, dtype, low, high, g, (5, 1)).expand(5, 6)

    def mixed(n, dtype, low, high, g):
        return plain(n, dtype, low, high, g, (6, 6)).t() if n % 2 else plain(n, dtype, low, high, g, (6, 6))

    def channels_last(n, dtype, low, high, g):
        return plain(n, dtype, low, high, g, (2, 3, 4, 5)).to(memory_format=torch.channels_last)

    def zero_dim(n, dtype, low, high, g):
        return plain(n, dtype, low, high, g, ())

    def no_elements(n, dtype, low, high, g):
        return plain(n, dtype, low, high, g, (3, 0))

    def bad_shapes(n, dtype, low, high, g):
        return plain(n, dtype, low, high, g, (3 + n, 2))

    def long(n, dtype, low, high, g):
        return plain(n, dtype, low, high, g, (100003,))

    return [transposed, strided, broadcast, expanded, mixed, channels_last, zero_dim, no_elements, bad_shapes, long]


@every_case
@pytest.mark.parametrize("make", layouts(), ids=lambda f: f.__name__)
def test_layouts(case, make):
    compare(case, make)


@every_case
@pytest.mark.parametrize("second", [torch.float64, torch.float16, torch.int64, torch.bool], ids=str)
def test_promotion(case, second):
    if case.tensors < 2:
        pytest.skip("one tensor")
    compare(case, lambda n, dtype, *rest: plain(n, second if n and dtype != torch.bool else dtype, *rest))


@every_case
def test_cpu_scalars(case):
    """A 0-dim CPU tensor is a number, as on every other device."""
    args, kwargs = case.arguments(torch.float32)
    tensors = [i for i, a in enumerate(args) if isinstance(a, torch.Tensor)]
    if len(tensors) < 2:
        pytest.skip("one tensor")
    for i in tensors[1:]:
        number = args[i].flatten()[0].clone()
        theirs = [number if j == i else a for j, a in enumerate(args)]
        mine = [number if j == i else to_device(a) for j, a in enumerate(args)]
        check(outcome(case.packet, *mine, **kwargs), outcome(case.packet, *theirs, **kwargs))


@every_case
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int64], ids=str)
def test_in_place(case, dtype):
    if not case.in_place:
        pytest.skip("no in-place form")
    for make in (plain, layouts()[1], layouts()[2]):
        args, kwargs = case.arguments(dtype, make)
        theirs, mine = outcome(case.in_place, *args, **kwargs), None
        args, kwargs = case.arguments(dtype, make)
        there = to_device(args)
        mine = outcome(case.in_place, *there, **to_device(kwargs))
        check(mine, theirs, strides=False)
        if not isinstance(theirs, Exception):
            assert mine is there[0] or mine.data_ptr() == there[0].data_ptr()


@every_case
def test_out(case):
    if not case.out:
        pytest.skip("no out= form")
    args, kwargs = case.arguments(torch.float32)
    results = outcome(case.packet, *args, **kwargs)
    if isinstance(results, Exception):
        pytest.skip("torch refuses float32")
    results = results if isinstance(results, tuple) else (results,)
    names = [a.name for a in case.out._schema.arguments if a.alias_info and a.alias_info.is_write and a.kwarg_only]

    def variants(device):
        fresh = [r.clone() for r in results]
        yield [torch.zeros_like(r, device=device) for r in fresh]
        yield [torch.zeros(0, dtype=r.dtype, device=device) for r in fresh]
        yield [torch.zeros(3, 2, dtype=r.dtype, device=device) for r in fresh]
        yield [torch.zeros(r.shape[::-1], dtype=r.dtype, device=device).t() for r in fresh]
        if FLOAT64:
            yield [torch.zeros_like(r, dtype=torch.float64, device=device) for r in fresh]
        yield [torch.zeros_like(r, dtype=torch.int32, device=device) for r in fresh]

    for mine, theirs in zip(variants(DEVICE), variants("cpu"), strict=True):
        expected = outcome(case.out, *args, **kwargs, **dict(zip(names, theirs)))
        got = outcome(case.out, *to_device(args), **to_device(kwargs), **dict(zip(names, mine)))
        check(got, expected, computed=torch.float32)


@every_case
def test_gradient(case):
    args, kwargs = case.arguments(torch.float64)

    def gradient(place):
        placed = [place(a).requires_grad_() if isinstance(a, torch.Tensor) and a.is_floating_point() else place(a) for a in args]
        named = pytree.tree_map_only(torch.Tensor, place, kwargs)
        result = pytree.tree_leaves(case.packet(*placed, **named))[0]
        if not result.requires_grad:
            return []
        weights = torch.linspace(0.5, 1.5, max(1, result.numel()), dtype=result.dtype).reshape(result.shape)
        leaves = [a for a in placed if isinstance(a, torch.Tensor) and a.requires_grad]
        return [g for g in torch.autograd.grad(result, leaves, place(weights), allow_unused=True) if g is not None]

    same = lambda v: v.clone() if isinstance(v, torch.Tensor) else v
    theirs = outcome(gradient, same)
    if isinstance(theirs, Exception):
        pytest.skip(f"torch: {theirs}")
    check(outcome(gradient, lambda v: to_device(same(v))), theirs, strides=False)


@every_case
def test_special_values(case):
    if "f" not in case.row.dtypes:
        pytest.skip("integers")
    values = [0.0, -0.0, 1.0, -1.0, math.inf, -math.inf, math.nan, 1e-40, -1e-40, 3e38, -3e38, 0.5, -0.5, 2.0, 100.0, -100.0]

    def make(n, dtype, low, high, g):
        if dtype == torch.bool:
            return plain(n, dtype, low, high, g, (256,))
        line = torch.tensor(values, dtype=dtype)
        return line.repeat_interleave(16) if n % 2 == 0 else line.repeat(16)

    def strided(*args):
        return make(*args).repeat_interleave(2)[::2]
    args, kwargs = case.arguments(torch.float32, make)
    mine = outcome(case.packet, *to_device(args), **to_device(kwargs))
    vector = outcome(case.packet, *args, **kwargs)
    args, kwargs = case.arguments(torch.float32, strided)
    scalar = outcome(case.packet, *args, **kwargs)
    refused = isinstance(mine, Exception) or isinstance(vector, Exception)
    check(mine, vector if refused else pytree.tree_map(lambda m, v, s: nearer(m.cpu(), v, s), mine, vector, scalar))


def nearer(mine, vector, scalar):
    """torch has two kernels for an op, and which of them gets an element depends on its place. Where they disagree (SLEEF's
    fmod gives NaN for large quotients), either is torch's answer; elsewhere they are one."""
    differ = ~torch.isclose(vector, scalar, rtol=2e-6, atol=2e-6, equal_nan=True)
    agrees = torch.isclose(mine, scalar, rtol=2e-6, atol=2e-6, equal_nan=True)
    return torch.where(differ & agrees, scalar, vector)


# ---- beyond single rows ----

def test_every_name_is_known():
    """No row names an overload this torch lacks, and none that decomposes (that would cut its gradient off)."""
    from csrc.tablegen.aten_table import collect
    from hologram_core.optable import TABLE
    assert collect(TABLE).missing == []


def test_no_dangling_registrations():
    assert torch._C._dispatch_find_dangling_impls() == []


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_numbers_keep_the_dtype(dtype):
    x = torch.ones(3, dtype=dtype, device=DEVICE)
    for y in (x + 1, x + 2.5, 1 - x, 2.5 * x, x / 3, x > 0.1, True + x):
        assert y.device.type == DEVICE and (y.dtype == dtype or y.dtype == torch.bool)


def test_numbers_make_floats_of_integers():
    x = torch.arange(4, device=DEVICE)
    assert (x + 1).dtype == torch.int64 and (x + 1.5).dtype == torch.float32 and (x / 2).dtype == torch.float32
    assert (1 - x).tolist() == [1, 0, -1, -2]


def test_half_compares_rounded_numbers():
    x = torch.full((4,), 0.1, dtype=torch.float16, device=DEVICE)
    assert bool((x == 0.1).all())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_the_quotient_of_halves_is_rounded_before_it_is_cut(dtype):
    g = torch.Generator().manual_seed(0)
    x, y = (torch.randn(4096, generator=g) * 30).to(dtype), torch.randn(4096, generator=g).to(dtype)
    expected = torch.div(x, y, rounding_mode="trunc")
    assert (expected != torch.trunc(x.float() / y.float()).to(dtype)).any()   # these inputs tell the two apart
    for rows in (slice(None), slice(None, None, 2)):   # the fast way, the general way
        mine = torch.div(x.to(DEVICE)[rows], y.to(DEVICE)[rows], rounding_mode="trunc")
        torch.testing.assert_close(mine.cpu(), expected[rows], rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_the_neighbours_of_halves(dtype):
    x = torch.tensor([0, 0, 1, 1, -1, 3000, math.inf, math.nan, 2], dtype=dtype)
    y = torch.tensor([1, -1, 2, -2, 0, -20, 0, 0, 2], dtype=dtype)
    torch.testing.assert_close(torch.nextafter(x.to(DEVICE), y.to(DEVICE)).cpu(), torch.nextafter(x, y), rtol=0, atol=0, equal_nan=True)


def test_same_device_error():
    x, y = torch.ones(3, device=DEVICE), torch.ones(3)
    with pytest.raises(RuntimeError, match="same device"):
        x + y
    with pytest.raises(RuntimeError, match="same device"):
        torch.add(x, x, out=y)


def test_overlap_errors():
    x = torch.ones(1, device=DEVICE).expand(4)
    with pytest.raises(RuntimeError, match="single memory location"):
        x.add_(1)
    y = torch.ones(5, device=DEVICE)
    with pytest.raises(RuntimeError, match="some elements of the input tensor and the written-to tensor refer to a single memory"):
        torch.add(y[1:], 1, out=y[:-1])


@pytest.mark.parametrize("write", [
    lambda x: x.fill_(2), lambda x: x.zero_(), lambda x: x.fill_(torch.tensor(3.0, device=x.device)),
    lambda x: x.masked_fill_(torch.ones(4, dtype=torch.bool, device=x.device), 2.0),
    lambda x: torch.cummax(torch.ones(4, device=x.device).to(x.dtype), 0, out=(x, torch.zeros(1, dtype=torch.int64, device=x.device).expand(4))),
])
@pytest.mark.parametrize("dtype", [torch.float32, torch.int64, torch.complex64], ids=str)
@pytest.mark.filterwarnings("ignore:Use of masked_fill_ on expanded tensors")
def test_overlap_that_torch_allows(write, dtype):
    def run(device):
        x = torch.ones(1, dtype=dtype, device=device)
        write(x.expand(4))
        return x
    check(outcome(run, DEVICE), outcome(run, "cpu"))


@pytest.mark.parametrize("call", [
    lambda x, n, m: x * n, lambda x, n, m: n - x, lambda x, n, m: x.clone().div_(n), lambda x, n, m: torch.addcmul(x, n, x),
    lambda x, n, m: torch.addcmul(n, x, n), lambda x, n, m: torch.where(m, x, n), lambda x, n, m: torch.where(m, n, n),
    lambda x, n, m: x.t() < n, lambda x, n, m: torch.mul(x, n, out=torch.empty_like(x)), lambda x, n, m: x[:0] * n,
    lambda x, n, m: x[:1, :1] * n, lambda x, n, m: n * n, lambda x, n, m: x.clone().mul_(x[0, 0]), lambda x, n, m: x.masked_fill(m, n),
    lambda x, n, m: x.double() * n, lambda x, n, m: x.to(torch.int32) * n,
])
def test_a_number_on_the_device(call):
    results = []
    for device in ("cpu", DEVICE):
        x = torch.arange(12.0, device=device).view(3, 4) + 1
        results.append(call(x, torch.tensor(2.5, device=device), x > 5))
    assert (results[1].stride(), results[1].device.type) == (results[0].stride(), DEVICE)
    torch.testing.assert_close(results[1].cpu(), results[0], rtol=1e-6, atol=0)


def test_a_number_may_not_lie_under_the_result():
    messages = []
    for device in ("cpu", DEVICE):
        x = torch.ones(4, device=device)
        with pytest.raises(RuntimeError) as caught:
            x.mul_(x[0])
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_threshold_writes_a_place_twice():
    x = torch.tensor([[0.2, 0.7, 0.9]])
    mine = x.to(DEVICE)
    for t in (x, mine):
        torch.nn.functional.threshold_(t.expand(4, 3), 0.5, 0.1)
    assert mine.tolist() == x.tolist()


IN_PLACE = {"leaky_relu_": (-2.0,), "elu_": (-2.0,), "celu_": (-2.0,)}


@pytest.mark.parametrize("name, args", IN_PLACE.items(), ids=list(IN_PLACE))
def test_negative_slopes_in_place_have_no_gradient(name, args):
    """The result does not say on which side of 0 its input was."""
    def run(device):
        x = torch.tensor([-1.0, 1.0], device=device, requires_grad=True)
        getattr(torch.nn.functional, name)(x.clone(), *args).sum().backward()
    theirs, mine = outcome(run, "cpu"), outcome(run, DEVICE)
    assert isinstance(theirs, RuntimeError) and (type(mine), str(mine)) == (type(theirs), str(theirs))


def test_other_slopes_in_place_have_a_compiled_gradient():
    mode = torch.hologram.get_fallback_mode()
    torch.hologram.set_fallback_mode("error")
    try:
        for name, slope in (("leaky_relu_", 0.0), ("leaky_relu_", 0.5), ("elu_", 2.0)):
            grads = []
            for device in ("cpu", DEVICE):
                x = torch.tensor([-1.0, 0.0, 1.0], device=device, requires_grad=True)
                getattr(torch.nn.functional, name)(x.clone(), slope).sum().backward()
                grads.append(x.grad.cpu())
            torch.testing.assert_close(*grads)
    finally:
        torch.hologram.set_fallback_mode(mode)


def test_out_resize_warns():
    x, out = torch.ones(3, device=DEVICE), torch.ones(5, device=DEVICE)
    with pytest.warns(UserWarning, match="An output with one or more elements was resized"):
        torch.add(x, x, out=out)
    assert out.tolist() == [2.0] * 3


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64], ids=str)
def test_integer_powers(dtype):
    bits = torch.iinfo(dtype).bits - (dtype != torch.uint8)
    exponents = torch.tensor(sorted({0, *(2**k + d for k in range(bits) for d in (-1, 0, 1) if 2**k + d < 2**bits)}), dtype=dtype)
    base = torch.arange(-4 if dtype.is_signed else 0, 8).to(dtype)
    expected = base[:, None] ** exponents
    assert torch.equal((base.to(DEVICE)[:, None] ** exponents.to(DEVICE)).cpu(), expected)
    for n in (0, 1, 2, 3, 5, 7, 8, 13, 63, 64, 100):
        assert torch.equal((base.to(DEVICE) ** n).cpu(), base ** n)
    if dtype.is_signed:
        assert torch.equal((base[base != 0].to(DEVICE) ** torch.tensor(-3, dtype=dtype).to(DEVICE)).cpu(), base[base != 0] ** torch.tensor(-3, dtype=dtype))


def test_in_place_messages():
    x = torch.ones(3, dtype=torch.int64, device=DEVICE)
    with pytest.raises(RuntimeError, match="result type Float can't be cast to the desired output type Long"):
        x.add_(1.5)
    with pytest.raises(RuntimeError, match="For integral input tensors, argument alpha must not be a floating point number"):
        torch.add(x, x, alpha=1.5)
    with pytest.raises(RuntimeError, match="doesn't match the broadcast shape"):
        x.add_(torch.ones(2, 3, dtype=torch.int64, device=DEVICE))
    with pytest.raises(RuntimeError, match="Integers to negative integer powers are not allowed"):
        x ** -1


def ones(dtype, *shape):
    return torch.ones(shape or (2, 3), dtype=dtype)


F, D, H, I, B = torch.float32, torch.float64, torch.float16, torch.int64, torch.bool     # noqa: E741
REFUSED = {
    "a mask subtracted": lambda p: p(ones(F)) - p(ones(B)), "a mask as a number": lambda p: p(ones(F)) - True,
    "integer division": lambda p: torch.addcdiv(p(ones(F)), p(ones(I)), p(ones(I))),
    "mixed floats": lambda p: torch.lerp(p(ones(F)), p(ones(F)), p(ones(D))),
    "a result that cannot hold the values": lambda p: torch.ops.aten.mish_backward(p(ones(F)), p(ones(I))),
    "out= of another dtype": lambda p: torch.neg(p(ones(F)), out=p(ones(D))),
    "out= of another dtype than a copied one": lambda p: torch.isnan(p(ones(F)), out=p(ones(I))),
    "a bool alpha": lambda p: torch.add(p(ones(F)), p(ones(F)), alpha=True),
    "a bool alpha of a number": lambda p: torch.sub(p(ones(I)), 1, alpha=True),
    "a bool alpha in place": lambda p: p(ones(F)).sub_(p(ones(F)), alpha=True),
    "a bool alpha of a mask and an integer": lambda p: torch.add(p(ones(B)), 1, alpha=True),
    "a bool alpha reversed": lambda p: torch.rsub(p(ones(F)), 1, alpha=True),
    "a bool alpha of complex numbers": lambda p: torch.add(p(ones(torch.complex64)), p(ones(F)), alpha=True),
    "a half without a kernel": lambda p: torch.special.erfcx(p(ones(H))),
    "a bound out of range": lambda p: torch.linspace(0, 300, 5, dtype=torch.int8, device=p(ones(F)).device),
}


@pytest.mark.parametrize("call", REFUSED.values(), ids=list(REFUSED))
def test_refusals_are_in_torchs_words(call):
    theirs, mine = outcome(call, lambda t: t), outcome(call, lambda t: t.to(DEVICE))
    assert isinstance(theirs, Exception) and (type(mine), str(mine)) == (type(theirs), str(theirs))


ACCEPTED = {
    "promotes": lambda p: torch.nextafter(p(ones(F)), p(ones(D))),
    "a 0-dim weight is a number": lambda p: torch.lerp(p(ones(F)), 2 * p(ones(F)), p(torch.tensor(0.3, dtype=D))),
    "the dtype of self": lambda p: torch.ops.aten.mish_backward(p(ones(F)), p(ones(H))),
    "the dtype of self, folded": lambda p: torch.nn.functional.huber_loss(p(ones(F)), 3 * p(ones(D))),
    "the dtype of out=": lambda p: torch.ops.aten.mse_loss_backward.grad_input(p(ones(F)), p(ones(I)), p(ones(F)), 0, grad_input=p(ones(F))),
    "a negative power": lambda p: p(ones(I)) ** -1.0,
    "addcdiv with one float": lambda p: torch.addcdiv(p(ones(F)), p(ones(I)), p(ones(F))),
    "a resized out= is contiguous": lambda p: torch.masked_fill(p(ones(F).t()), p(ones(B).t()), 2, out=p(torch.empty(0))),
    "the strides of the second": lambda p: torch.rsub(p(ones(F, 3, 3)), p(ones(F, 3, 3).t())),
    "a scaled mask": lambda p: torch.add(p(ones(B)), p(ones(B)), alpha=2),
    "a mask scaled by a mask's number": lambda p: torch.add(p(ones(B)), p(ones(B)), alpha=True),
    "unsigned bounds wrap": lambda p: torch.linspace(5, -3, 7, dtype=torch.uint8, device=p(ones(F)).device),
    "the end of one step counts for nothing": lambda p: torch.linspace(5, 300, 1, dtype=torch.int8, device=p(ones(F)).device),
}


@pytest.mark.parametrize("call", ACCEPTED.values(), ids=list(ACCEPTED))
def test_what_torch_accepts_is_compiled(call):
    mode = torch.hologram.get_fallback_mode()
    torch.hologram.set_fallback_mode("error")
    try:
        mine = outcome(call, lambda t: t.to(DEVICE))
    finally:
        torch.hologram.set_fallback_mode(mode)
    check(mine, outcome(call, lambda t: t))


@pytest.mark.parametrize("dims", [12, 13, 25, 64])
def test_many_dimensions(dims):
    shape = [2 if d % 2 == 0 and d < 24 else 1 for d in range(dims)]
    x = torch.rand(shape)
    order = list(range(dims))[::-1]
    torch.testing.assert_close((x.to(DEVICE).permute(order) + x.to(DEVICE)).cpu(), x.permute(order) + x)


# ---- losses ----

LOSSES = [("mse_loss", {}), ("smooth_l1_loss", {}), ("smooth_l1_loss", {"beta": 0.3}), ("huber_loss", {"delta": 0.5}),
          ("binary_cross_entropy", {}), ("binary_cross_entropy", {"weight": torch.rand(4, 9, generator=torch.Generator().manual_seed(1))}),
          ("huber_loss", {"delta": -1.0}), ("smooth_l1_loss", {"beta": -1.0})]


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("name, more", LOSSES, ids=lambda v: v if isinstance(v, str) else ",".join(v))
@pytest.mark.parametrize("shape", [(4, 9), (0, 9)], ids=str)
def test_losses(name, more, reduction, shape):
    if shape[0] == 0 and "weight" in more:
        pytest.skip("the weight has elements")

    def run(place):
        g = torch.Generator().manual_seed(0)
        x, y = (place(torch.rand(shape, generator=g)).requires_grad_() for _ in range(2))
        loss = getattr(torch.nn.functional, name)(x, y.detach(), reduction=reduction, **{k: to(v, place) for k, v in more.items()})
        loss.backward(torch.ones_like(loss) * 0.5)
        return loss.detach(), x.grad

    def to(value, place):
        return place(value) if isinstance(value, torch.Tensor) else value
    check(outcome(run, lambda t: t.to(DEVICE)), outcome(run, lambda t: t.clone()))


def test_folded_loss_is_one_kernel():
    x, y = torch.rand(100, device=DEVICE), torch.rand(100, device=DEVICE)
    assert launches(lambda: torch.nn.functional.mse_loss(x, y)) == 1


@pytest.mark.parametrize("target", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64], ids=str)
@pytest.mark.parametrize("source", [torch.float64, torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_floats_outside_an_integer_type(source, target):
    numbers = [-3e38, -3e9, -2.0**31, -70000.5, -300, -1.5, -.5, 1.5, 300, 40000, 70000, 2**31 - 1, 2.0**31, 3e9, 1e19, math.inf, -math.inf, math.nan]
    x = torch.tensor(numbers, dtype=torch.float64).to(source).repeat(5)
    check(x.to(DEVICE).to(target), x.to(target))


# ---- factories ----

@pytest.mark.parametrize("dtype", [*DTYPES[:-1]], ids=str)
@pytest.mark.parametrize("args", [(5,), (0,), (2, 9), (9, 2, -2), (0, 1, 0.1), (0.5, 7), (3, 3), (10, 0), (0, 5, 0)], ids=str)
def test_arange(args, dtype):
    check(outcome(torch.arange, *args, dtype=dtype, device=DEVICE), outcome(torch.arange, *args, dtype=dtype))


@pytest.mark.parametrize("dtype", [*DTYPES[:-1]], ids=str)
@pytest.mark.parametrize("args", [(0, 1, 11), (5, -3, 7), (0.5, 10.5, 4), (2, 3, 1), (1, 2, 0), (0, 1, -1)], ids=str)
def test_linspace(args, dtype):
    check(outcome(torch.linspace, *args, dtype=dtype, device=DEVICE), outcome(torch.linspace, *args, dtype=dtype))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bool, torch.int64, torch.bfloat16], ids=str)
@pytest.mark.parametrize("args", [(3,), (3, 5), (5, 3), (0, 4), (-1,)], ids=str)
def test_eye(args, dtype):
    check(outcome(torch.eye, *args, dtype=dtype, device=DEVICE), outcome(torch.eye, *args, dtype=dtype))


@pytest.mark.parametrize("k", [0, 1, -2, 50])
@pytest.mark.parametrize("function", [torch.tril, torch.triu])
def test_triangles(function, k):
    for x in (torch.rand(4, 6), torch.rand(2, 3, 5, 5), torch.rand(6, 4).t(), torch.rand(7), torch.rand(0, 3),
              torch.randint(9, (3, 3)), torch.ones(4, 4, dtype=torch.bool), torch.rand(3, 3, dtype=torch.complex64)):
        check(outcome(function, x.to(DEVICE), k), outcome(function, x, k), strides=False)
    x = torch.rand(5, 5)
    check(getattr(x.to(DEVICE), function.__name__ + "_")(k), getattr(x.clone(), function.__name__ + "_")(k))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_fills(dtype):
    for value in (0, 1, 2.7, True, -1, 300, 1e30, math.inf):
        check(outcome(torch.full, (2, 3), value, dtype=dtype, device=DEVICE), outcome(torch.full, (2, 3), value, dtype=dtype))
    x = torch.zeros(4, 4, dtype=dtype, device=DEVICE)
    x[1:3, ::2].fill_(1)
    assert x.sum().item() == 4
    x.t().zero_()
    assert not x.any().item()
