"""batch_norm against torch's own kernels: results, running averages and gradients, and what runs as one kernel."""

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.compare import DEVICE, assert_same, check_program, launches
from tests.modes import deferred

SHAPES = [(8, 5), (4, 3, 9), (4, 3, 8, 8), (2, 16, 32, 32), (3, 1, 4, 4, 4), (2, 5, 1, 1), (1, 2, 70, 33)]
DTYPES = {torch.float32: torch.float32, torch.float64: torch.float64, torch.float16: torch.float32, torch.bfloat16: torch.float32}
TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-10, torch.float16: 4e-3, torch.bfloat16: 3e-2}


def normalised(device, x, parameters, training, affine, averages):
    x, (weight, bias, mean, var) = x.to(device).requires_grad_(), (p.clone().to(device) for p in parameters)
    leaves = [x, weight.requires_grad_(), bias.requires_grad_()] if affine else [x]
    y = F.batch_norm(x, mean if averages else None, var if averages else None, *(leaves[1:] or (None, None)), training, 0.2, 1e-4)
    gradients = torch.autograd.grad(y, leaves, torch.linspace(-1, 1, y.numel()).view(y.shape).to(y.dtype).to(device))
    return y, mean, var, *gradients


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_batch_norm(shape, dtype):
    generator = torch.Generator().manual_seed(0)
    x = (torch.randn(shape, generator=generator) * 2 + 1).to(dtype)
    parameters = [torch.rand(shape[1], generator=generator).add(0.5).to(DTYPES[dtype]) for _ in range(4)]
    for training, affine, averages in itertools.product((True, False), repeat=3):
        if (training or averages) and (x.numel() > 2 * shape[1] or not training):
            torch.hologram.reset_counters()
            actual = normalised(DEVICE, x, parameters, training, affine, averages)
            report = torch.hologram.op_report()
            assert_same(actual, normalised("cpu", x, parameters, training, affine, averages),
                        rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype], device=DEVICE)
            served = dtype is DTYPES[dtype] or affine or averages      # halves alone have half statistics
            assert report["native_batch_norm"]["compiled"] == served


def test_large_means():
    """The variance of numbers that are large against their spread."""
    check_program(lambda device: F.batch_norm((torch.randn(4, 3, 16, 16) + 1000).to(device), None, None, training=True), rtol=1e-3, atol=1e-3)


def test_channels_last_and_other_forms():
    def program(device):
        x = torch.randn(4, 3, 5, 6).to(device)
        weight, bias, mean, var = (torch.rand(3).to(device) + 0.5 for _ in range(4))
        results = [F.batch_norm(x.to(memory_format=torch.channels_last), mean, var, weight, bias, True),
                   F.batch_norm(x[..., ::2], mean, var, weight, bias, False), F.instance_norm(x, weight=weight, bias=bias),
                   torch.ops.aten._native_batch_norm_legit(x, weight, bias, mean, var, True, 0.1, 1e-5),
                   torch.ops.aten._native_batch_norm_legit.no_stats(x, weight, None, True, 0.1, 1e-5),
                   torch.ops.aten.native_batch_norm_backward(x, x, weight, mean, var, None, None, False, 1e-5, [False, True, False])]
        return results, mean, var
    check_program(program, rtol=1e-4, atol=1e-4)


def test_wrong_arguments_are_reported_by_torch():
    x, short = torch.randn(4, 3, 5, device=DEVICE), torch.ones(2, device=DEVICE)
    with pytest.raises(RuntimeError, match="running_mean should contain 3 elements not 2"):
        F.batch_norm(x, short, short)
    with pytest.raises(RuntimeError, match="weight should contain 3 elements not 2"):
        F.batch_norm(x, None, None, short, training=True)


def test_training_moves_the_averages():
    def program(device):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.BatchNorm2d(4, momentum=None))
        x = torch.randn(6, 3, 10, 10)
        model, x = model.to(device), x.to(device)
        for _ in range(3):
            model(x).square().mean().backward()
        model.eval()
        return model(x), dict(model.state_dict()), [p.grad for p in model.parameters()]
    check_program(program, rtol=1e-4, atol=1e-4)


@deferred
def test_one_kernel_each():
    bn, x = nn.BatchNorm2d(5).to(DEVICE), torch.randn(4, 5, 6, 7, device=DEVICE)
    with torch.no_grad():
        assert launches(lambda: F.relu(bn(x))) == 2       # the other one counts batches
        bn.eval()
        assert launches(lambda: F.relu(bn(x))) == 1
    weight = torch.ones(5, device=DEVICE)

    def backward():
        y = torch.relu(x)
        grad = torch.ops.aten.threshold_backward(x, y, 0)
        return torch.ops.aten.native_batch_norm_backward(grad, x, weight, None, None, weight, weight, True, 1e-5, [True] * 3)
    assert launches(backward) == 1
