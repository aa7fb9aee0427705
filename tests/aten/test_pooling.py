"""max_pool2d against torch's own kernels: values, indices and gradients are the same bits, whoever serves the call."""

import pytest
import torch
import torch.nn.functional as F

from tests.compare import DEVICE, check_program, launches, outcome
from tests.modes import deferred

NAN, INF = float("nan"), float("inf")

# shape, kernel, stride, dilation, ceil_mode: compiled forward, compiled backward
WINDOWS = {
    "halves": ((2, 3, 8, 8), 2, 2, 1, False, True, True),
    "odd": ((2, 3, 9, 7), 2, 2, 1, False, True, True),
    "no batch": ((4, 8, 6), 2, 2, 1, False, True, True),
    "long rows": ((1, 2, 6, 200), 2, 2, 1, False, True, True),
    "thirds": ((2, 3, 10, 11), 3, 3, 1, False, True, True),
    "gaps": ((2, 3, 11, 11), 2, 3, 1, False, True, True),
    "one way": ((2, 2, 5, 32), (1, 4), (1, 4), 1, False, True, True),
    "ceil_mode, nothing to round": ((2, 3, 8, 8), 2, 2, 1, True, True, True),
    "overlapping": ((2, 3, 10, 10), 3, 2, 1, False, True, False),
    "dilated": ((2, 3, 20, 20), 2, 4, 2, False, True, False),
    "reaching out": ((2, 3, 9, 9), 2, 2, 1, True, False, False),
    "large": ((1, 2, 25, 25), 5, 5, 1, False, False, False),
    "one place": ((1, 2, 5, 5), 1, 2, 1, False, False, False),
}
INPUTS = {
    "random": lambda x: x,
    "ties": lambda x: (x * 2).round(),
    "NaN and -inf": lambda x: torch.where(x > 0.5, NAN, torch.where(x < -0.3, -INF, x)),
    "negative zeros": lambda x: x.clamp(0) * torch.sign(x).sub(0.5).sign(),
    "channels_last": lambda x: x.to(memory_format=torch.channels_last) if x.dim() == 4 else x,
    "every second": lambda x: torch.stack([x, -x], -1)[..., 0],
}


def bits(t):
    return t.view({2: torch.int16, 4: torch.int32, 8: torch.int64}[t.element_size()])


def pooled(x, device, kernel, stride, dilation, ceil_mode):
    x = x.to(device)
    if x.is_floating_point():
        x.requires_grad_()
    y, indices = F.max_pool2d(x, kernel, stride, 0, dilation, ceil_mode, return_indices=True)
    if not x.is_floating_point():
        return y.cpu(), indices.cpu()
    y.backward(torch.linspace(-1, 1, y.numel()).view(y.shape).to(y.dtype).to(device))
    return y.detach().cpu(), indices.cpu(), x.grad.cpu()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64], ids=str)
@pytest.mark.parametrize("name", WINDOWS)
def test_max_pool2d(name, dtype):
    shape, *arguments, forward, backward = WINDOWS[name]
    generator = torch.Generator().manual_seed(0)
    for make in INPUTS.values():
        x = make(torch.randn(shape, generator=generator) * (1 if dtype.is_floating_point else 3)).to(dtype)
        torch.hologram.reset_counters()
        for actual, expected in zip(pooled(x, DEVICE, *arguments), pooled(x, "cpu", *arguments), strict=True):
            assert actual.dtype == expected.dtype and actual.stride() == expected.stride()
            assert torch.equal(bits(torch.nan_to_num(actual, 7.0)) if actual.is_floating_point() else actual,
                               bits(torch.nan_to_num(expected, 7.0)) if expected.is_floating_point() else expected)
            assert torch.equal(actual.isnan(), expected.isnan())
        report = torch.hologram.op_report()
        assert report["max_pool2d_with_indices"]["compiled"] == forward
        if dtype.is_floating_point:
            assert report["max_pool2d_with_indices_backward"]["compiled"] == backward


@pytest.mark.parametrize("size", [8, 32])
def test_narrow_integers_are_for_torch_to_serve_or_to_refuse(size):
    call = lambda device: outcome(lambda: F.max_pool2d(torch.ones(1, size, 8, dtype=torch.uint8, device=device), 2).tolist())
    assert call(DEVICE) == call("cpu")


def test_results_given_by_the_caller():
    def program(device):
        x, y, indices = torch.randn(2, 3, 8, 8).to(device), torch.empty(0, device=device), torch.empty(0, dtype=torch.int64, device=device)
        torch.ops.aten.max_pool2d_with_indices.out(x, [2], [2], [0], [1], False, out=y, indices=indices)
        grad = torch.full((2, 3, 8, 8), 5.0, device=device)
        torch.ops.aten.max_pool2d_with_indices_backward.grad_input(y, x, [2], [2], [0], [1], False, indices, grad_input=grad)
        return y, indices, grad
    check_program(program, rtol=0, atol=0)


def test_gradients_add_up_and_later_ops_see_them():
    """The gradient is written through several views of one block: whoever reads or writes it afterwards comes later."""
    def program(device):
        x = torch.randn(2, 2, 6, 6).to(device).requires_grad_()
        (F.max_pool2d(x, 2).sum() + F.max_pool2d(x * 2, 2).square().sum()).backward()
        grad = x.grad + 1
        x.grad[:, :, ::2, ::2] = 7
        return grad, x.grad, x.grad.relu()
    check_program(program)


@deferred
def test_launches():
    x = torch.randn(2, 3, 8, 8, device=DEVICE)
    assert launches(lambda: F.max_pool2d(x, 2)) == 2      # the windows' origins, and everything else
    grad, indices = torch.randn(2, 3, 4, 4, device=DEVICE), F.max_pool2d(x, 2, return_indices=True)[1]
    backward = torch.ops.aten.max_pool2d_with_indices_backward
    assert launches(lambda: backward(grad, x, [2], [2], [0], [1], False, indices)) == 2
