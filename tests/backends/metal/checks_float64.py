"""Without float64: what torch computes in it on the way, although nobody asked for it. Run by test_metal.py."""

import pytest
import torch

from hologram_torch import _patches
from tests.compare import DEVICE, assert_same, outcome

L = torch.linalg


def low_rank(kind=torch.float32):
    torch.manual_seed(0)
    a = torch.randn(5, 3) @ torch.randn(3, 4)
    return torch.complex(a, a.flip(0)) if kind.is_complex else a


def number(value, like):
    return torch.tensor(value, device=like.device)


def counts(like):
    return torch.empty(0, dtype=torch.int64, device=like.device)


def compare(call, *tensors):
    expected = call(*tensors)
    assert_same(call(*(t.to(DEVICE) for t in tensors)), expected, rtol=2e-3, atol=2e-4, device=DEVICE)


PINV = {
    "default": lambda a: L.pinv(a), "pinverse": lambda a: a.pinverse(), "rcond": lambda a: torch.ops.aten.linalg_pinv(a, 1e-3),
    "rcond tensor": lambda a: torch.ops.aten.linalg_pinv.rcond_tensor(a, number(1e-3, a)),
    "rtol": lambda a: L.pinv(a, rtol=1e-3), "atol": lambda a: L.pinv(a, atol=1e-3),
    "both": lambda a: L.pinv(a, atol=1e-3, rtol=1e-4),
    "rtol tensor": lambda a: L.pinv(a, rtol=number(1e-3, a)), "atol tensor": lambda a: L.pinv(a, atol=number(1e-3, a)),
    "atol tensor of 0": lambda a: L.pinv(a, atol=number(0.0, a)),
    "hermitian": lambda a: L.pinv(a @ a.mH, hermitian=True), "no elements": lambda a: L.pinv(a[:0]),
    "out": lambda a: L.pinv(a, out=torch.empty_like(a, memory_format=torch.contiguous_format).resize_(0)),
    "rcond out": lambda a: torch.ops.aten.linalg_pinv.out(a, 1e-3, out=torch.empty_like(a[:0])),
    "rcond tensor out": lambda a: torch.ops.aten.linalg_pinv.out_rcond_tensor(a, number(1e-3, a), out=torch.empty_like(a[:0])),
}
RANK = {
    "default": lambda a: L.matrix_rank(a), "tol": lambda a: L.matrix_rank(a, 1e-3),
    "tol tensor": lambda a: L.matrix_rank(a, tol=number(1e-3, a)),
    "rtol": lambda a: L.matrix_rank(a, rtol=1e-3), "atol": lambda a: L.matrix_rank(a, atol=1e-3),
    "all above atol": lambda a: L.matrix_rank(a, atol=1e-30), "none above atol": lambda a: L.matrix_rank(a, atol=1e3),
    "rtol tensor": lambda a: L.matrix_rank(a, rtol=number(1e-3, a)), "atol tensor": lambda a: L.matrix_rank(a, atol=number(1e-3, a)),
    "hermitian": lambda a: L.matrix_rank(a @ a.mH, hermitian=True), "batch": lambda a: L.matrix_rank(torch.stack([a, a * 0])),
    "out": lambda a: L.matrix_rank(a, out=counts(a)), "tol out": lambda a: L.matrix_rank(a, 1e-3, out=counts(a)),
    "tol tensor out": lambda a: L.matrix_rank(a, tol=number(1e-3, a), out=counts(a)),
    "atol out": lambda a: L.matrix_rank(a, atol=1e-3, out=counts(a)),
    "atol tensor out": lambda a: L.matrix_rank(a, atol=number(1e-3, a), out=counts(a)),
}


@pytest.mark.parametrize("inference", [False, True], ids=["", "inference"])
@pytest.mark.parametrize("kind", [torch.float32, torch.complex64], ids=str)
@pytest.mark.parametrize("calls, name", [*((PINV, name) for name in PINV), *((RANK, name) for name in RANK)],
                         ids=[*(f"pinv {name}" for name in PINV), *(f"rank {name}" for name in RANK)])
def test_pinv_and_matrix_rank(calls, name, kind, inference):
    with torch.inference_mode(inference):
        compare(calls[name], low_rank(kind))


def test_matrix_rank_counts():
    a = low_rank().to(DEVICE)
    assert (L.matrix_rank(a).item(), L.matrix_rank(a, atol=1e-30, rtol=1e-30).item(), L.matrix_rank(a, 1e3).item()) == (3, 4, 0)


@pytest.mark.parametrize("call", [lambda a: L.pinv(a.long()), lambda a: L.pinv(a[0]), lambda a: L.matrix_rank(a.half()),
                                  lambda a: L.matrix_rank(a[0]), lambda a: L.pinv(a, rtol=number(1j, a))])
def test_mistakes_are_told_as_on_the_cpu(call):
    assert outcome(lambda: call(low_rank().to(DEVICE)))[0] is outcome(lambda: call(low_rank()))[0] is not None


def gradients(call):
    """Of a weighted sum, and of the sum of its gradients' squares."""
    def run(a):
        a = a.detach().requires_grad_()
        y = call(a)
        first, = torch.autograd.grad((y * y.detach().cos()).abs().sum(), a, create_graph=True)
        second, = torch.autograd.grad(first.abs().square().sum(), a)
        return y.detach(), first.detach(), second

    return run


# The CPU's gradient of the maximum norm of complex numbers is NaN.
@pytest.mark.parametrize("kind, p", [*((torch.float32, p) for p in (1, 2, 3, float("inf"))), *((torch.complex64, p) for p in (1, 2, 3))])
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_gradients_of_renorm(dim, kind, p):
    torch.manual_seed(1)
    compare(gradients(lambda a: a.renorm(p, dim, 0.7)), torch.randn(4, 3, 2, dtype=kind))


@pytest.mark.parametrize("kind, tolerance", [(torch.float16, 2e-3), (torch.bfloat16, 1.6e-2)])
def test_gradients_of_renorm_in_16_bits(kind, tolerance):
    def run(a):
        a = a.detach().requires_grad_()
        y = a.renorm(2, 0, 0.7)
        return y.detach(), *torch.autograd.grad(y.square().sum(), a)

    torch.manual_seed(1)
    x = torch.randn(4, 6).to(kind)
    exact = run(x.double())
    for mine, theirs, e in zip(run(x.to(DEVICE)), run(x), exact, strict=True):
        assert mine.dtype is theirs.dtype is kind
        torch.testing.assert_close(mine.cpu().double(), e, rtol=2 * tolerance, atol=2 * tolerance)


def test_renorm_in_place_and_in_forward_mode():
    def in_place(a):
        a = a.detach().requires_grad_()
        b = a * 1
        assert b.renorm_(2, 0, 0.7) is b
        return b.detach().clone(), *torch.autograd.grad(b.square().sum(), a)

    torch.manual_seed(1)
    x = torch.randn(4, 3)
    compare(in_place, x)
    with pytest.raises(RuntimeError, match="leaf"):
        x.to(DEVICE).requires_grad_().renorm_(2, 0, 0.7)
    renorm = lambda a: a.renorm(2, 0, 0.7)
    compare(lambda a: torch.func.jvp(renorm, (a,), (a.cos(),)), x)
    compare(lambda a: torch.vmap(torch.func.grad(lambda b: renorm(b).square().sum()))(a.view(2, 2, 3)), x)
    compare(lambda a: torch.func.grad(lambda b: L.pinv(b).square().sum())(a), x)
    compare(lambda a: torch.vmap(L.pinv)(torch.stack([a, -a])), x)


@pytest.mark.parametrize("arguments", [(2, 0, -1.0), (0, 0, 1.0), (2, 7, 1.0), (1j, 0, 1.0)])
def test_renorm_refuses_what_torch_refuses(arguments):
    told = [outcome(lambda: torch.ones(2, 3, device=d, requires_grad=True).renorm(*arguments)) for d in ("cpu", DEVICE)]
    assert told[0] == told[1] and told[0][0] is not None


# ---- mixed precision ----

def test_grad_scaler():
    """Steps, is skipped once, and follows; the scale stays the tensor it was."""
    def run(device):
        torch.manual_seed(0)
        model = torch.nn.Linear(4, 1).to(device)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        scaler = torch.amp.GradScaler(device, init_scale=3.0, growth_interval=1)
        x, seen = torch.randn(8, 4).to(device), []
        for factor in (1.0, float("inf"), 0.5):
            optimizer.zero_grad()
            scaler.scale(model(x).square().mean() * factor).backward()
            scaler.unscale_(optimizer)
            seen.append(model.weight.grad.clone())
            scaler.step(optimizer)
            scaler.update()
            seen += [scaler.get_scale(), model.weight.detach().clone(), type(scaler._scale)]
        return seen

    assert_same(run(DEVICE), run("cpu"), rtol=1e-5, atol=1e-6, device=DEVICE)


def test_grad_scaler_needs_its_correction():
    weight = torch.ones(2, device=DEVICE, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=0.1)
    scaler = torch.amp.GradScaler(DEVICE)
    scaler.scale(weight.sum()).backward()
    with pytest.raises(NotImplementedError, match="Metal has no float64"):
        _patches.originals["GradScaler.unscale_"](scaler, optimizer)


# ---- comparison ----

def test_tensors_of_float64_can_be_compared():
    x = torch.tensor([1.0, 2.0], dtype=torch.float64).to(DEVICE)
    torch.testing.assert_close(x, x.clone())
    with pytest.raises(AssertionError, match="not close"):
        torch.testing.assert_close(x, torch.tensor([1.0, 2.5], dtype=torch.float64).to(DEVICE))
    with pytest.raises(NotImplementedError, match="Metal has no float64"):
        x + 1


def test_tracing_compares_results():
    model = torch.nn.Linear(3, 2).to(DEVICE)
    x = torch.randn(4, 3).to(DEVICE)
    assert torch.equal(torch.jit.trace(model, x)(x).cpu(), model(x).cpu())


def test_comparison_needs_its_correction(monkeypatch):
    from torch.testing._comparison import TensorLikePair

    x = torch.ones(2, dtype=torch.float64).to(DEVICE)
    monkeypatch.setattr(TensorLikePair, "_compare_values", _patches.originals["TensorLikePair._compare_values"])
    with pytest.raises(RuntimeError, match="unexpected exception") as caught:
        torch.testing.assert_close(x, x.clone())
    assert "Metal has no float64" in str(caught.value.__cause__)
