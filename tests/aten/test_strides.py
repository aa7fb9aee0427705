"""Strides of results are those of the CPU, also where the memory order leaves them open: dims of size 1 and 0, channels_last, permuted,
stepped and expanded inputs."""

import itertools

import pytest
import torch
import torch.nn.functional as F

from tests.compare import DEVICE, outcome

SHAPES = [(3,), (1,), (3, 1), (1, 3), (2, 3), (0, 3), (3, 0), (2, 1, 3), (2, 0, 3), (1, 1, 2), (2, 3, 4), (4, 1, 4, 4), (2, 3, 1, 1),
          (1, 3, 2, 2), (2, 3, 1, 4), (1, 1, 1, 1), (2, 0, 3, 3), (2, 1, 2, 2, 2)]


def layouts(shape):
    """Tensors of the shape, as different as memory allows: {name: tensor}."""
    rank = len(shape)
    found = {}
    for order in itertools.permutations(range(rank)):
        if rank < 4 or order in ((0, 1, 2, 3), (0, 2, 3, 1), (3, 2, 1, 0), (1, 0, 2, 3), (2, 3, 0, 1), (0, 2, 3, 4, 1)):
            found[f"order {order}"] = torch.ones([shape[d] for d in order]).permute([order.index(d) for d in range(rank)])
    found["stepped"] = torch.ones(*shape[:-1], 2 * shape[-1])[..., ::2]
    if rank == 4:
        wide = torch.ones(shape[0], shape[1] + 2, *shape[2:]).to(memory_format=torch.channels_last)
        found["channels of more"] = wide[:, :shape[1]]
        found["channels_last"] = torch.ones(shape).to(memory_format=torch.channels_last)
    if torch.Size(shape).numel():
        found["expanded"] = torch.ones(()).expand(shape)
        found["expanded last"] = torch.ones(*shape[:-1], 1).expand(shape)
        found["odd"] = torch.ones(shape).as_strided(shape, [7 if n == 1 else s for n, s in zip(shape, torch.ones(shape).stride())])
    return found


def last(x):
    return min(1, x.dim() - 1)


# Of one tensor `x` and another `y` of its shape, which may lie differently.
OPS = {
    "unary": lambda x, y: [x.neg(), x.exp(), x.relu(), x > 0, x.isnan(), F.gelu(x), F.silu(x), x.clone(), x.abs(), x.round(decimals=1)],
    "number": lambda x, y: [x * 2, 2 - x, x / 2, x.eq(2), x.isinf(), x.pow(3), 2 ** x, x.clamp(0, 1), x.clamp(min=0), x.fmod(2),
                            x.remainder(2), x + True, torch.true_divide(x, 3), torch.hypot(x, torch.tensor(2.0)), x.float_power(2)],
    "activations": lambda x, y: [F.hardtanh(x), F.relu6(x), F.leaky_relu(x), F.elu(x), F.softplus(x), F.threshold(x, 0, 1), F.celu(x),
                                 F.hardswish(x), F.logsigmoid(x), F.mish(x), F.hardshrink(x), F.softshrink(x), F.selu(x)],
    "point": lambda x, y: [x * y.new_ones(()), x + torch.tensor(1.0), torch.where(x > 0, x, 0.5), x.lerp(y, 0.5),
                           x.masked_fill(y > 0, 1.0), torch.xlogy(x, 2.0), x.addcmul(y, y, value=2), y.new_ones(()) - x,
                           torch.maximum(x, y.new_ones(()))],
    "binary": lambda x, y: [x + y, x * y, x < y, torch.atan2(x, y), torch.logical_and(x, y), x.addcdiv(y, y), x.where(y > 0, y),
                            torch.maximum(x, y), x.copysign(y), F.mse_loss(x, y, reduction="none"),
                            F.huber_loss(x, y, reduction="none"), F.binary_cross_entropy(x, y, reduction="none")],
    "types": lambda x, y: [x.to(torch.float16) * y, x.int() + y, x.long() & 3, x.bool() | y.bool(), x.to(torch.float16), x.int() * 2.5,
                           x.bfloat16() + 1],
    "copies": lambda x, y: [x.contiguous(), x.clone(memory_format=torch.contiguous_format), torch.empty_like(x), torch.zeros_like(x),
                            torch.full_like(x, 2), torch.rand_like(x), torch.ones_like(x, dtype=torch.int64), x.reshape(-1), x.flatten(),
                            x.to(x.device, copy=True), x.nan_to_num(), x.float().double().float(), torch.randn_like(x)],
    "joined": lambda x, y: [torch.cat([x, y], last(x)), torch.cat([x, x], last(x)), torch.cat([y, x, y]), torch.stack([x, y]),
                            torch.cat([x, x.half()]), torch.cat([x])],
    "folded": lambda x, y: [x.sum(0), x.sum(0, keepdim=True), x.mean(last(x), keepdim=True), x.any(0), x.logsumexp(0),
                            x.sum(tuple(range(1, x.dim())), keepdim=True), x.norm(dim=0), x.std(0), x.prod(0, keepdim=True),
                            x.count_nonzero(0)],
    "largest": lambda x, y: [*x.max(0), x.amax(last(x), keepdim=True), x.argmax(0, keepdim=True), *x.sort(0), *x.topk(1, 0)],
    "along": lambda x, y: [x.softmax(0), x.log_softmax(last(x)), x.cumsum(0), x.cumprod(last(x)), *x.cummax(0), x.logcumsumexp(0),
                           x.flip(0), x.roll(1, 0), x.tril() if x.dim() > 1 else x],
    "in place": lambda x, y: [x.clone().mul_(2), x.clone().add_(y), x.clone().zero_(), x.clone().relu_()],
    "out": lambda x, y: [torch.add(x, y, out=x.new_empty(0)), torch.mul(x, 2, out=x.new_empty(0)), torch.exp(x, out=x.new_empty(0)),
                         torch.clamp(x, 0, 1, out=x.new_empty(0)), torch.cat([x, y], out=x.new_empty(0)),
                         torch.sum(x, 0, out=x.new_empty(0)), F.hardtanh(x), torch.gt(x, 0, out=x.new_empty(0).bool())],
    "picked": lambda x, y: [x.index_select(0, x.new_zeros(2).long()), x[x.new_zeros(2).long()], x.gather(0, torch.zeros_like(x[:1]).long()),
                            x[..., :1], x.masked_select(y > 5), x.take(x.new_zeros(1).long()), x.unfold(0, 1, 1),
                            x.scatter(0, torch.zeros_like(x).long(), y), x.index_add(0, x.new_zeros(1).long(), y[:1])],
    "normalized": lambda x, y: [F.layer_norm(x, x.shape[-1:]), F.rms_norm(x, x.shape[-1:]), F.normalize(x, dim=0)],
    "dropped": lambda x, y: [F.dropout(x), F.alpha_dropout(x), x.bernoulli(0.5)],
    "gradients": lambda x, y: gradients(x, y),
}
IMAGES = {   # of four dims
    "pooled": lambda x: [F.max_pool2d(x, 2), F.avg_pool2d(x, 2), F.adaptive_avg_pool2d(x, 1), F.adaptive_max_pool2d(x, 1)],
    "resized": lambda x: [F.interpolate(x, scale_factor=2), F.interpolate(x, scale_factor=2, mode="bilinear"), F.pad(x, (1, 1)),
                          F.pad(x, (1, 1, 1, 1), mode="replicate")],
    "convolved": lambda x: [F.conv2d(x, x.new_ones(2, x.shape[1], 1, 1)), F.conv_transpose2d(x, x.new_ones(x.shape[1], 2, 1, 1))],
    "batch_norm": lambda x: [F.batch_norm(x, None, None, training=True),
                             F.batch_norm(x, x.new_zeros(x.shape[1]), x.new_ones(x.shape[1])), F.group_norm(x, 1),
                             F.instance_norm(x)],
    "shuffled": lambda x: [F.channel_shuffle(x, 1), F.pixel_unshuffle(x, 1), F.prelu(x, x.new_ones(1)), F.dropout2d(x)],
}


def gradients(x, y):
    x = x.detach().clone().requires_grad_()
    result = (x.exp() * 2 + F.hardtanh(x) + F.dropout(x) * y + x.sum(0, keepdim=True)).sum()
    return list(torch.autograd.grad(result, [x]))


def there(t, device):
    """The same strides on another device."""
    base = torch.empty(0, dtype=t.dtype).set_(t.untyped_storage()).to(device)
    return base.as_strided(t.shape, t.stride(), t.storage_offset())


def compare(call, tensors, what):
    expected_error, expected = outcome(lambda: call(*tensors))
    error, actual = outcome(lambda: call(*[there(t, DEVICE) for t in tensors]))
    assert error is expected_error, f"{what}: {error} instead of {expected_error}: {actual if error else expected}"
    if error:
        return []
    return [f"{what}, result {n}: {a.stride()} instead of {e.stride()}, {tuple(e.shape)}" for n, (a, e) in enumerate(zip(actual, expected))
            if a.stride() != e.stride() or a.shape != e.shape]


@pytest.mark.parametrize("name", OPS)
def test_strides(name):
    wrong = []
    for shape in SHAPES:
        made = layouts(shape)
        plain = torch.ones(shape)
        for layout, x in made.items():
            for other, y in {"itself": x, "plain": plain, "reversed": made.get(f"order {tuple(range(len(shape)))[::-1]}", x)}.items():
                wrong += compare(OPS[name], (x, y), f"{shape} {layout} {x.stride()}, {other}")
                if name in ("unary", "number", "copies", "folded", "along", "normalized", "activations"):
                    break
    assert not wrong, f"{len(wrong)} differ:\n" + "\n".join(wrong[:20])


@pytest.mark.parametrize("name", IMAGES)
def test_strides_of_images(name):
    wrong = []
    for shape in [s for s in SHAPES if len(s) == 4] + [(4, 1, 4, 4), (1, 4, 4, 4), (2, 3, 4, 1)]:
        for layout, x in layouts(shape).items():
            for number in range(len(IMAGES[name](torch.ones(2, 2, 4, 4)))):
                def call(x):
                    return [IMAGES[name](x)[number]]
                wrong += compare(call, (x,), f"{number} of {shape} {layout} {x.stride()}")
    assert not wrong, f"{len(wrong)} differ:\n" + "\n".join(wrong[:20])


def test_channels_last_of_one_channel():
    x = torch.ones(4, 1, 4, 4).to(memory_format=torch.channels_last)
    for call in (lambda x: torch.cat([x, x], 1), lambda x: x * 2, lambda x: x + torch.tensor(1.0)):
        expected, actual = call(x), call(there(x, DEVICE))
        assert actual.stride() == expected.stride() == call(x.to("meta")).stride()
    assert torch.cat([there(x, DEVICE)] * 2, 1).stride() == (32, 1, 8, 2)
