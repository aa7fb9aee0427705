"""Tensors of two devices: an error that changes nothing, but where torch lets a CPU tensor stand beside those of a device."""

import itertools

import pytest
import torch
import torch.nn.functional as F

from tests.compare import DEVICE, assert_same, outcome

INDEX = torch.tensor([0, 2])


def ones(*shape):
    return torch.ones(*shape)


# (arguments, call, how many of the last arguments may lie on the CPU beside a first argument on the device)
CALLS = {
    "index": ((ones(3, 2), INDEX), lambda x, i: x[i], 1),
    "index two": ((ones(3, 3), INDEX, INDEX), lambda x, i, j: x[i, j], 2),
    "index behind slice": ((ones(3, 3), INDEX), lambda x, i: x[:, i], 1),
    "index mask": ((ones(3), ones(3) > 0), lambda x, m: x[m], 1),
    "setitem": ((ones(3), INDEX), lambda x, i: x.__setitem__(i, 5.0), 1),
    "setitem mask": ((ones(3), ones(3) > 0), lambda x, m: x.__setitem__(m, 5.0), 1),
    "setitem two": ((ones(3, 3), INDEX, INDEX), lambda x, i, j: x.__setitem__((i, j), 5.0), 2),
    "index_put_": ((ones(3), ones(2), INDEX), lambda x, v, i: x.index_put_((i,), v), 1),
    "index_put": ((ones(3), ones(2), INDEX), lambda x, v, i: x.index_put((i,), v, accumulate=True), 1),
    "_unsafe_index": ((ones(3), INDEX), lambda x, i: torch.ops.aten._unsafe_index(x, [i]), 1),
    "_index_put_impl_": ((ones(3), ones(2), INDEX), lambda x, v, i: torch.ops.aten._index_put_impl_(x, [i], v), 1),
    "index_select": ((ones(3), INDEX), lambda x, i: x.index_select(0, i), 0),
    "index_add_": ((ones(3), INDEX, ones(2)), lambda x, i, v: x.index_add_(0, i, v), 0),
    "index_copy_": ((ones(3), INDEX, ones(2)), lambda x, i, v: x.index_copy_(0, i, v), 0),
    "index_fill_": ((ones(3), INDEX), lambda x, i: x.index_fill_(0, i, 2.0), 0),
    "gather": ((ones(3), INDEX), lambda x, i: x.gather(0, i), 0),
    "gather rows": ((ones(2, 3), INDEX.view(2, 1)), lambda x, i: x.gather(1, i), 0),
    "scatter_": ((ones(3), INDEX, ones(2)), lambda x, i, v: x.scatter_(0, i, v), 0),
    "scatter_add": ((ones(3), INDEX, ones(2)), lambda x, i, v: x.scatter_add(0, i, v), 0),
    "take": ((ones(3), INDEX), lambda x, i: x.take(i), 0),
    "put_": ((ones(3), INDEX, ones(2)), lambda x, i, v: x.put_(i, v), 0),
    "masked_select": ((ones(3), ones(3) > 0), lambda x, m: x.masked_select(m), 0),
    "masked_fill_": ((ones(3), ones(3) > 0), lambda x, m: x.masked_fill_(m, 2.0), 0),
    "masked_scatter_": ((ones(3), ones(3) > 0, ones(3)), lambda x, m, v: x.masked_scatter_(m, v), 0),
    "where": ((ones(3) > 0, ones(3), ones(3)), torch.where, 0),
    "embedding": ((ones(3, 2), INDEX), lambda w, i: F.embedding(i, w), 0),
    "embedding_bag": ((ones(3, 2), INDEX, torch.tensor([0])), lambda w, i, o: F.embedding_bag(i, w, o), 0),
    "cat": ((ones(3), ones(3)), lambda x, y: torch.cat([x, y]), 0),
    "stack": ((ones(3), ones(3)), lambda x, y: torch.stack([x, y]), 0),
    "add": ((ones(3), ones(3)), torch.add, 0),
    "add_": ((ones(3), ones(3)), lambda x, y: x.add_(y), 0),
    "add out": ((ones(3), ones(3)), lambda x, y: torch.add(x, 1, out=y), 0),
    "sum out": ((ones(3, 2), ones(2)), lambda x, y: torch.sum(x, 0, out=y), 0),
    "addcmul": ((ones(3), ones(3), ones(3)), torch.addcmul, 0),
    "lerp": ((ones(3), ones(3), ones(3)), torch.lerp, 0),
    "mm": ((ones(2, 2), ones(2, 2)), torch.mm, 0),
    "addmm": ((ones(2, 2), ones(2, 2), ones(2, 2)), torch.addmm, 0),
    "linear": ((ones(2, 2), ones(2, 2), ones(2)), F.linear, 0),
    "conv2d": ((ones(1, 1, 3, 3), ones(1, 1, 2, 2), ones(1)), F.conv2d, 0),
    "layer_norm": ((ones(2, 2), ones(2), ones(2)), lambda x, w, b: F.layer_norm(x, (2,), w, b), 0),
    "rms_norm": ((ones(2, 2), ones(2)), lambda x, w: F.rms_norm(x, (2,), w), 0),
    "batch_norm": ((ones(2, 2), ones(2), ones(2)), F.batch_norm, 0),
    "group_norm": ((ones(2, 2), ones(2), ones(2)), lambda x, w, b: F.group_norm(x, 1, w, b), 0),
    "cross_entropy": ((ones(2, 3), INDEX), F.cross_entropy, 0),
    "nll_loss": ((ones(2, 3), INDEX, ones(3)), F.nll_loss, 0),
    "nll_loss_backward": ((ones(2, 3), torch.tensor(1.0), INDEX, torch.tensor(2.0)),
                          lambda x, g, t, w: torch.ops.aten.nll_loss_backward(g, x, t, None, 1, -100, w), 0),
    "nll_loss2d_backward": ((ones(2, 3, 1, 1), torch.tensor(1.0), INDEX.view(2, 1, 1), torch.tensor(2.0)),
                            lambda x, g, t, w: torch.ops.aten.nll_loss2d_backward(g, x, t, None, 1, -100, w), 0),
    "binary_cross_entropy": ((ones(3), ones(3), ones(3)), F.binary_cross_entropy, 0),
    "mse_loss": ((ones(3), ones(3)), F.mse_loss, 0),
    "attention": ((ones(1, 2, 4), ones(1, 2, 4), ones(1, 2, 4)), F.scaled_dot_product_attention, 0),
    "searchsorted": ((ones(3), ones(2)), torch.searchsorted, 0),
    "isin": ((ones(3), ones(2)), torch.isin, 0),
    "bincount": ((INDEX, ones(2)), torch.bincount, 0),
    "quantile": ((ones(3), ones(2)), torch.quantile, 0),
    "bernoulli_": ((ones(3), ones(3)), lambda x, p: x.bernoulli_(p), 0),
    "normal": ((ones(3), ones(3)), torch.normal, 0),
    "foreach_add": ((ones(3), ones(3)), lambda x, y: torch._foreach_add([x], [y]), 0),
    "foreach_addcmul_": ((ones(3), ones(3), ones(3)), lambda x, y, z: torch._foreach_addcmul_([x], [y], [z]), 0),
    "fused_sgd": ((ones(3), ones(3)), lambda p, g: torch._fused_sgd_(
        [p], [g], [], weight_decay=0, momentum=0, lr=0.1, dampening=0, nesterov=False, maximize=False, is_first_step=True), 0),
    "fused_sgd later": ((ones(3), ones(3), ones(2), ones(2)), lambda p, g, q, h: torch._fused_sgd_(
        [p, q], [g, h], [], weight_decay=0, momentum=0, lr=0.1, dampening=0, nesterov=False, maximize=False, is_first_step=True), 0),
    "equal": ((ones(3), ones(3)), torch.equal, 0),
    "cdist": ((ones(2, 2), ones(2, 2)), torch.cdist, 0),
    "solve": ((torch.eye(2), ones(2, 1)), torch.linalg.solve, 0),
    "complex": ((ones(3), ones(3)), torch.complex, 0),
    "bucketize": ((ones(3), ones(2)), torch.bucketize, 0),
    "dropout_backward": ((ones(3), ones(3) > 0), lambda g, m: torch.ops.aten.native_dropout_backward(g, m, 2.0), 0),
}


@pytest.mark.parametrize("name", CALLS)
def test_an_error_that_changes_nothing_or_what_torch_allows(name):
    arguments, call, indices = CALLS[name]
    result = call(*[t.clone() for t in arguments])
    for there in itertools.product([DEVICE, "cpu"], repeat=len(arguments)):
        if len(set(there)) == 1:
            continue
        mixed = [t.clone().to(d) for t, d in zip(arguments, there)]
        error, message = outcome(lambda: call(*mixed))
        what = f"{name} of {there}"
        if all(d == DEVICE for d in there[:len(there) - indices]):
            assert error is None, f"{what}: {message}"
            if result is not None:
                assert_same(message, result, device=DEVICE)
            continue
        assert error in (RuntimeError, ValueError, TypeError), f"{what} gave {error}: {message}"
        assert "device" in message and (DEVICE in message and "cpu" in message.lower() or "same device" in message), f"{what}: {message}"
        assert all(torch.equal(m.cpu(), t) for m, t in zip(mixed, arguments)), f"{what} changed an argument"


def test_what_lies_on_the_cpu_beside_the_device():
    x = torch.arange(6.0).view(3, 2)
    h = x.to(DEVICE)
    assert_same([h[INDEX], h[:, torch.tensor([1])], h[x > 2], h + torch.tensor(1.0), torch.tensor(2.0) * h,
                 h.index_put((INDEX,), torch.tensor(7.0)), torch.where(h > 2, h, torch.tensor(0.0)), h.clamp(max=torch.tensor(3.0))],
                [x[INDEX], x[:, torch.tensor([1])], x[x > 2], x + 1, 2 * x, x.index_put((INDEX,), torch.tensor(7.0)),
                 torch.where(x > 2, x, 0.0), x.clamp(max=3.0)], device=DEVICE)
    h[INDEX] = 9.0
    h[torch.tensor([True, False, False])] = torch.tensor(4.0)
    x[INDEX] = 9.0
    x[0] = 4.0
    assert_same(h, x, device=DEVICE)


def test_a_number_of_the_device_and_a_cpu_tensor():
    """As with every other device: no result is made, nothing is written."""
    x, number = torch.ones(3), torch.tensor(2.0, device=DEVICE)
    for call in (lambda: x + number, lambda: x.mul_(number), lambda: torch.where(x > 0, x, number), lambda: x.index_put((INDEX,), number),
                 lambda: x.lerp(x, number), lambda: torch.maximum(number, x), lambda: x.clamp(min=number)):
        error, message = outcome(call)
        assert error is RuntimeError and DEVICE in message, (error, message)
    assert torch.equal(x, torch.ones(3))
