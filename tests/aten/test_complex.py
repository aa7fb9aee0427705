"""Complex numbers: arithmetic and sums compile, as pairs of real numbers; everything else is torch's, called directly."""

import math

import pytest
import torch

import hologram_torch  # noqa: F401
from hologram_core import _runtime
from tests.compare import DEVICE, nothing_is_delegated  # noqa: F401
from tests.conformance.compare import all_moved
from tests.modes import HOST_MEMORY, deferred

pytestmark = pytest.mark.usefixtures("nothing_is_delegated")
DTYPES = [torch.complex64, torch.complex128]


def numbers(*shape, dtype=torch.complex64, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.complex128).to(dtype)


def report():
    return {name: (row["compiled"], row["library"], row["delegated"]) for name, row in torch.hologram.op_report().items()}


def served(call):
    """What a call returns, and how each op in it was served: {name: (compiled, library, delegated)}."""
    before = report()
    result = call()
    after = report()
    return result, {name: tuple(b - a for a, b in zip(before.get(name, (0, 0, 0)), row)) for name, row in after.items()
                    if row != before.get(name, (0, 0, 0))}


UNARY = {"neg": torch.neg, "reciprocal": torch.reciprocal, "abs": torch.abs, "angle": torch.angle, "sgn": torch.sgn,
         "square": torch.square, "cube": lambda x: x ** 3, "isnan": torch.isnan, "sum": torch.sum, "sum of a dim": lambda x: x.sum(0),
         "mean": lambda x: x.mean(-1, keepdim=True)}
BINARY = {"add": torch.add, "sub": torch.sub, "rsub": torch.rsub, "mul": torch.mul, "div": torch.div, "eq": torch.eq, "ne": torch.ne,
          "add alpha": lambda a, b: torch.add(a, b, alpha=2 - 1j), "sub alpha": lambda a, b: torch.sub(a, b, alpha=3),
          "addcmul": lambda a, b: torch.addcmul(a, a, b, value=0.5 + 1j), "addcdiv": lambda a, b: torch.addcdiv(a, a, b, value=2),
          "where": lambda a, b: torch.where(a.real > 0, a, b), "masked_fill": lambda a, b: a.masked_fill(b.real > 0, 1 - 2j)}
LAYOUTS = {"contiguous": lambda x: x, "transposed": lambda x: x.t().contiguous().t(),
           "sliced": lambda x: x.repeat_interleave(2, 1)[:, ::2]}


# Where torch's kernels of the CPU are faster than reading every other number: dense operands of one type, dense rows of sums.
TORCHS = {(op, "contiguous") for op in ("mul", "add alpha", "sub alpha", "addcmul", "reciprocal", "square", "cube", "sum", "mean")}
TORCHS |= {("sum", "transposed"), ("sum of a dim", "transposed")}
if not HOST_MEMORY:
    TORCHS = set()


def check(call, *arguments):
    expected = call(*arguments)
    got, how = served(lambda: call(*all_moved(arguments, DEVICE)))
    assert got.dtype == expected.dtype and got.shape == expected.shape and got.stride() == expected.stride()
    torch.testing.assert_close(got.cpu(), expected, equal_nan=True)
    return how


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("op", UNARY)
def test_unary(op, dtype, layout):
    how = check(UNARY[op], LAYOUTS[layout](numbers(5, 7, dtype=dtype)))
    exact = (op, dtype) == ("abs", torch.complex128)      # see test_gradient_of_a_norm
    assert any(library for _, library, _ in how.values()) == ((op, layout) in TORCHS or exact), how


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("op", BINARY)
def test_binary(op, dtype, layout):
    how = check(BINARY[op], LAYOUTS[layout](numbers(5, 7, dtype=dtype)), numbers(5, 7, dtype=dtype, seed=1))
    assert any(library for _, library, _ in how.values()) == ((op, layout) in TORCHS), how


OTHERS = [2.5, 1 - 3j, 2, torch.tensor(0.5), torch.rand(7), torch.rand(7, dtype=torch.float64), torch.arange(7) + 1,
          torch.rand(5, 1) > 0.5, numbers(7, dtype=torch.complex128), numbers()]


@pytest.mark.parametrize("op", ["add", "sub", "mul", "div", "eq"])
@pytest.mark.parametrize("other", OTHERS, ids=lambda v: str((v.dtype, *v.shape) if isinstance(v, torch.Tensor) else v))
def test_mixed_types_and_numbers(op, other):
    x = numbers(5, 7)
    if op == "sub" and isinstance(other, torch.Tensor) and other.dtype == torch.bool:
        with pytest.raises(RuntimeError, match="bool"):
            x.to(DEVICE) - other.to(DEVICE)
        return
    check(BINARY[op], x, other)
    if isinstance(other, torch.Tensor):
        check(BINARY[op], other, x)


SPECIAL = [0.0, -0.0, 1.0, math.inf, -math.inf, math.nan, 1e30, 1e-30]


@pytest.mark.parametrize("op", ["add", "mul", "neg", "abs", "isnan", "eq"])
def test_special_values(op):
    grid = torch.tensor([complex(a, b) for a in SPECIAL for b in SPECIAL], dtype=torch.complex128)
    check(UNARY[op], grid) if op in UNARY else check(BINARY[op], grid.unsqueeze(1), torch.tensor([1 + 1j, 2 - 0.5j]))


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_division_scales(scale):
    a, b = numbers(50), numbers(50, seed=1)
    check(torch.div, a * scale, b * scale)


def test_division_by_zero():
    a = numbers(4)
    got = (a.to(DEVICE) / torch.zeros(4, dtype=torch.complex64, device=DEVICE)).cpu()
    assert torch.isinf(got.real).all() and torch.isinf(got.imag).all()


def test_in_place_and_out():
    x, y = numbers(5, 7), numbers(5, 7, seed=1)
    h = x.to(DEVICE)
    for op in ("add_", "mul_", "sub_", "div_"):
        getattr(h, op)(y.to(DEVICE))
        getattr(x, op)(y)
    torch.testing.assert_close(h.cpu(), x)
    h[:, ::2] *= 2j
    x[:, ::2] *= 2j
    out = torch.empty(0, dtype=torch.complex64, device=DEVICE)
    torch.mul(h, h, out=out)
    torch.testing.assert_close(out.cpu(), x * x)
    h.fill_(3 - 1j)
    h[:, ::2].fill_(5)
    assert torch.equal(h.cpu()[:, 1::2], torch.full((5, 3), 3 - 1j))
    assert torch.equal(h.cpu()[:, ::2], torch.full((5, 4), 5 + 0j))
    wide = torch.full((3,), 2 + 3j, dtype=torch.complex128)
    assert torch.equal(torch.full_like(wide, 2 + 3j, device=DEVICE).cpu(), wide)
    h.zero_()
    assert not h.cpu().any()


def test_a_result_that_cannot_be_cast_is_refused():
    with pytest.raises(RuntimeError, match="can't be cast"):
        torch.mul(numbers(3).to(DEVICE), 2, out=torch.empty(3, device=DEVICE))
    with pytest.raises(RuntimeError):
        torch.rand(3, device=DEVICE).mul_(1j)


@deferred
def test_sums_and_differences_join_one_kernel():
    """They are the real rows over twice as many elements."""
    x, y = numbers(64, 64).to(DEVICE), numbers(64, 64, seed=1).to(DEVICE)
    torch.hologram.synchronize()
    before = _runtime.counters()["launched"]
    z = -(x + y) - y
    torch.hologram.synchronize()
    assert _runtime.counters()["launched"] == before + 1
    torch.testing.assert_close(z.cpu(), -(x.cpu() + y.cpu()) - y.cpu())


@pytest.mark.parametrize("dims", [None, (), 0, -1, (0, 2), (0, 1, 2)], ids=str)
@pytest.mark.parametrize("op", [torch.sum, torch.mean])
def test_sums_over_dims(op, dims):
    call = (lambda t: op(t)) if dims is None else (lambda t: op(t, dims))
    check(call, numbers(3, 4, 5))
    how = check(call, numbers(3, 4, 10)[..., ::2])
    assert all(library == 0 for _, library, _ in how.values()), how
    check(op, numbers())
    check(lambda t: op(t, 0), numbers(0, 3))


REST = {"exp": torch.exp, "sqrt": torch.sqrt, "tanh": torch.tanh, "cumsum": lambda x: x.cumsum(0), "prod": torch.prod, "matmul": lambda x: x @ x,
        "fft": torch.fft.fft, "conj": lambda x: x.conj().resolve_conj(), "conj_physical": torch.conj_physical, "norm": torch.norm,
        "solve": lambda x: torch.linalg.solve(x, x), "polar": lambda x: torch.polar(x.real.abs(), x.imag), "pairs": torch.view_as_real}


@pytest.mark.parametrize("call", REST.values(), ids=list(REST))
def test_the_rest_is_torchs(call):
    check(call, numbers(4, 4))


def test_gradients():
    x, y = numbers(4, 4).requires_grad_(), numbers(4, 4, seed=1).requires_grad_()
    gx, gy = (t.detach().to(DEVICE).requires_grad_() for t in (x, y))
    for a, b in ((x, y), (gx, gy)):
        ((a * b + a / b - b).abs().sum() + (a - b).mean().real).backward()
    torch.testing.assert_close([gx.grad.cpu(), gy.grad.cpu()], [x.grad, y.grad])


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("p", [2, 1, math.inf, -math.inf, 3, 0.5])
def test_gradient_of_a_norm(p, dtype):
    """That of a maximum norm is not 0 where the size of an element is the norm, bit for bit."""
    x = numbers(200, 5, dtype=dtype)
    grads = []
    for device in ("cpu", DEVICE):
        leaf = x.clone().to(device).requires_grad_()
        torch.linalg.vector_norm(leaf, p, dim=1).sum().backward()
        grads.append(leaf.grad.cpu())
    torch.testing.assert_close(grads[1], grads[0])
