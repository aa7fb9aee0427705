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


# ---- in parts, for nn.SyncBatchNorm ----

def in_parts(parts, gradients, weight, bias, eps=1e-5):
    """What processes with a part of the batch each compute together: outputs, gradients of inputs, of the weight and of the bias."""
    statistics = [torch.batch_norm_stats(x, eps) for x in parts]
    counts = torch.tensor([float(x.numel() // x.shape[1]) for x in parts], device=parts[0].device)
    running_mean, running_var = torch.zeros(parts[0].shape[1], device=DEVICE), torch.ones(parts[0].shape[1], device=DEVICE)
    mean, invstd = torch.batch_norm_gather_stats_with_counts(
        parts[0], torch.stack([m for m, _ in statistics]), torch.stack([s for _, s in statistics]), running_mean, running_var, 0.1, eps, counts)
    outputs = [torch.batch_norm_elemt(x, weight, bias, mean, invstd, eps) for x in parts]
    reduced = [torch.batch_norm_backward_reduce(g, x, mean, invstd, weight, True, True, True) for g, x in zip(gradients, parts, strict=True)]
    sum_dy, sum_dy_xmu, grad_weight, grad_bias = (sum(column) for column in zip(*reduced, strict=True))
    inputs = [torch.batch_norm_backward_elemt(g, x, mean, invstd, weight, sum_dy, sum_dy_xmu, counts.to(torch.int32))
              for g, x in zip(gradients, parts, strict=True)]
    return outputs, inputs, grad_weight, grad_bias, running_mean, running_var


@pytest.mark.parametrize("shape", [(6, 5), (4, 5, 3), (3, 5, 4, 2)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_in_parts_is_as_whole(shape, dtype):
    torch.manual_seed(0)
    sizes = (shape[0], shape[0] + 2)
    parts = [torch.randn(n, *shape[1:]).to(dtype) * 3 + 1 for n in sizes]
    gradients = [torch.randn_like(x) for x in parts]
    layer = torch.nn.BatchNorm1d(5) if len(shape) < 4 else torch.nn.BatchNorm2d(5)
    with torch.no_grad():
        layer.weight.uniform_(0.5, 2)
        layer.bias.normal_()
    layer.double()
    whole = torch.cat(parts).double().requires_grad_()
    layer(whole).backward(torch.cat(gradients).double())
    wide = torch.float64 if dtype is torch.float64 else torch.float32
    weight, bias = (p.detach().to(wide).to(DEVICE) for p in (layer.weight, layer.bias))
    ours = in_parts([x.to(DEVICE) for x in parts], [g.to(DEVICE) for g in gradients], weight, bias)
    close = {torch.float64: 1e-6, torch.float32: 1e-5, torch.bfloat16: 0.03}[dtype]
    with torch.no_grad():
        expected = torch.nn.functional.batch_norm(whole, None, None, layer.weight, layer.bias, True)
    for got, want in ((torch.cat(ours[0]), expected), (torch.cat(ours[1]), whole.grad), (ours[2], layer.weight.grad), (ours[3], layer.bias.grad),
                      (ours[4], layer.running_mean), (ours[5], layer.running_var)):
        torch.testing.assert_close(got.cpu().double(), want, rtol=close, atol=close * 10)
    assert ours[0][0].dtype == ours[1][0].dtype == dtype


def test_equal_parts_and_bad_input():
    x = torch.randn(4, 3, 2).to(DEVICE)
    mean, invstd = torch.batch_norm_stats(x, 1e-5)
    one = torch.batch_norm_gather_stats(x, mean[None], invstd[None], None, None, 0.1, 1e-5, 8)
    torch.testing.assert_close([t.cpu() for t in one], [mean.cpu(), invstd.cpu()])
    with pytest.raises(RuntimeError, match="hologram.batch_norm_stats: expected an input of at least 2 dimensions"):
        torch.batch_norm_stats(torch.ones(3, device=DEVICE), 1e-5)
    with pytest.raises(RuntimeError, match="hologram.batch_norm_stats: expected floating point"):
        torch.batch_norm_stats(torch.ones(3, 2, device=DEVICE, dtype=torch.int64), 1e-5)
