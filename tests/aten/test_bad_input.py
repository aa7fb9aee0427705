"""Bad input: the same exception as on the CPU, with a message that says the same, and never a crash."""

import difflib
import gc
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from tests.compare import DEVICE, assert_same, outcome
from tests.modes import WIDEST

ROOT = Path(__file__).resolve().parents[2]


def ones(dev, *shape, dtype=torch.float32):
    return torch.ones(*shape, dtype=dtype, device=dev)


# Each makes one mistake. The CPU must reject it too: a case that stops being an error fails the test.
MISTAKES = {
    "shapes_add": lambda d: ones(d, 2, 3) + ones(d, 4, 3),
    "shapes_where": lambda d: torch.where(ones(d, 3) > 0, ones(d, 4), 0.0),
    "shapes_matmul": lambda d: ones(d, 2, 3) @ ones(d, 2, 3),
    "shapes_bmm": lambda d: torch.bmm(ones(d, 2, 3, 4), ones(d, 3, 4, 2)),
    "shapes_mm_1d": lambda d: torch.mm(ones(d, 3), ones(d, 3)),
    "shapes_addmm": lambda d: torch.addmm(ones(d, 5), ones(d, 2, 3), ones(d, 3, 4)),
    "shapes_in_place": lambda d: ones(d, 3).add_(ones(d, 2, 3)),
    "shapes_copy": lambda d: ones(d, 3).copy_(ones(d, 4)),
    "shapes_view": lambda d: ones(d, 6).view(4, 2),
    "shapes_view_strided": lambda d: ones(d, 2, 3).t().view(6),
    "shapes_reshape": lambda d: ones(d, 6).reshape(-1, 4),
    "shapes_expand": lambda d: ones(d, 2, 3).expand(4, 3),
    "shapes_cat": lambda d: torch.cat([ones(d, 2, 3), ones(d, 2, 4)]),
    "shapes_stack": lambda d: torch.stack([ones(d, 2), ones(d, 3)]),
    "shapes_linear": lambda d: F.linear(ones(d, 2, 3), ones(d, 4, 5)),
    "shapes_conv": lambda d: F.conv2d(ones(d, 1, 3, 8, 8), ones(d, 4, 2, 3, 3)),
    "shapes_conv_small": lambda d: F.conv2d(ones(d, 1, 3, 2, 2), ones(d, 4, 3, 3, 3)),
    "shapes_layer_norm": lambda d: F.layer_norm(ones(d, 2, 3), (4,)),
    "shapes_cross_entropy": lambda d: F.cross_entropy(ones(d, 3, 4), torch.zeros(2, dtype=torch.int64, device=d)),
    "shapes_mask": lambda d: ones(d, 3)[torch.ones(4, dtype=torch.bool, device=d)],
    "shapes_attention": lambda d: F.scaled_dot_product_attention(ones(d, 1, 2, 3, 4), ones(d, 1, 2, 3, 5),
                                                                 ones(d, 1, 2, 3, 5)),
    "dims_sum": lambda d: ones(d, 2, 3).sum(dim=2),
    "dims_repeated": lambda d: ones(d, 2, 3).sum(dim=(1, 1)),
    "dims_softmax": lambda d: ones(d, 2, 3).softmax(dim=-3),
    "dims_transpose": lambda d: ones(d, 2, 3).transpose(0, 2),
    "dims_permute": lambda d: ones(d, 2, 3).permute(0, 0),
    "dims_argmax_empty": lambda d: ones(d, 0).argmax(),
    "dims_max_empty": lambda d: ones(d, 0, 3).max(),
    "dims_max_empty_dim": lambda d: ones(d, 0, 3).max(dim=0),
    "dims_amax_empty": lambda d: ones(d, 0, 3).amax(dim=0),
    "dims_unsqueeze": lambda d: ones(d, 2).unsqueeze(3),
    "dims_narrow": lambda d: ones(d, 4).narrow(0, 3, 2),
    "index_select_range": lambda d: ones(d, 3)[5],
    "index_too_many": lambda d: ones(d, 3)[0, 0],
    "index_tensor_range": lambda d: ones(d, 3)[torch.tensor([0, 7], device=d)],
    "index_gather_range": lambda d: ones(d, 3).gather(0, torch.tensor([9], device=d)),
    "index_select_negative": lambda d: ones(d, 3).index_select(0, torch.tensor([-9], device=d)),
    "index_scatter_type": lambda d: ones(d, 3).scatter_(0, torch.tensor([0.0], device=d), 1.0),
    "index_float": lambda d: ones(d, 3)[torch.tensor([0.5], device=d)],
    "index_embedding": lambda d: F.embedding(torch.tensor([11], device=d), ones(d, 10, 2)),
    "index_class": lambda d: F.cross_entropy(ones(d, 2, 3), torch.tensor([0, 3], device=d)),
    "index_nll": lambda d: F.nll_loss(ones(d, 2, 3), torch.tensor([0, -5], device=d)),
    "index_put_shape": lambda d: ones(d, 4).index_put_((torch.tensor([0, 1], device=d),), ones(d, 3)),
    "types_matmul": lambda d: ones(d, 2, 2) @ ones(d, 2, 2, dtype=torch.float64),
    "types_linear": lambda d: F.linear(ones(d, 2, 2), ones(d, 2, 2, dtype=torch.float16)),
    "types_in_place": lambda d: ones(d, 2, dtype=torch.int64).add_(1.5),
    "types_in_place_div": lambda d: ones(d, 2, dtype=torch.int32).div_(2),
    "types_out": lambda d: torch.add(ones(d, 2), 1.5, out=ones(d, 2, dtype=torch.int32)),
    "types_bitwise": lambda d: ones(d, 2) & ones(d, 2),
    "types_shift": lambda d: ones(d, 2) << ones(d, 2),
    "types_bool_minus": lambda d: (ones(d, 2) > 0) - (ones(d, 2) > 0),
    "types_bool_neg": lambda d: -(ones(d, 2) > 0),
    "types_mean_int": lambda d: ones(d, 2, dtype=torch.int64).mean(),
    "types_softmax_int": lambda d: ones(d, 2, dtype=torch.int64).softmax(0),
    "types_gelu_int": lambda d: F.gelu(ones(d, 2, dtype=torch.int64)),
    "types_gcd_float": lambda d: torch.gcd(ones(d, 2), ones(d, 2)),
    "types_complex_relu": lambda d: F.relu(ones(d, 2, dtype=torch.complex64)),
    "types_complex_compare": lambda d: ones(d, 2, dtype=torch.complex64) > 0,
    "types_complex_max": lambda d: ones(d, 2, dtype=torch.complex64).max(),
    "types_masked_fill": lambda d: ones(d, 2).masked_fill(ones(d, 2), 0.0),
    "types_embedding": lambda d: F.embedding(ones(d, 2), ones(d, 4, 2)),
    "types_cross_entropy": lambda d: F.cross_entropy(ones(d, 2, 3), torch.zeros(2, dtype=torch.int32, device=d)),
    "types_requires_grad": lambda d: ones(d, 2, dtype=torch.int64).requires_grad_(),
    "types_integer_power": lambda d: ones(d, 2, dtype=torch.int64) ** -1,
    "numbers_item": lambda d: ones(d, 3).item(),
    "numbers_bool": lambda d: bool(ones(d, 3)),
    "numbers_bool_empty": lambda d: bool(ones(d, 0)),
    "numbers_int_zero": lambda d: ones(d, 2, dtype=torch.int64) // 0,
    "numbers_remainder_zero": lambda d: ones(d, 2, dtype=torch.int64) % torch.zeros(2, dtype=torch.int64, device=d),
    "numbers_dropout": lambda d: F.dropout(ones(d, 2), 1.5),
    "numbers_bernoulli": lambda d: torch.bernoulli(ones(d, 2) * 2),
    "numbers_uniform": lambda d: ones(d, 2).uniform_(2, 1),
    "numbers_normal": lambda d: ones(d, 2).normal_(0, -1),
    "numbers_randint": lambda d: torch.randint(5, 5, (2,), device=d),
    "numbers_random": lambda d: ones(d, 2).random_(5, 2),
    "numbers_exponential": lambda d: ones(d, 2).exponential_(-1),
    "numbers_multinomial": lambda d: torch.multinomial(ones(d, 3), 5),
    "numbers_arange": lambda d: torch.arange(0, 5, -1, device=d),
    "numbers_full_fill": lambda d: torch.empty(2, dtype=torch.uint8, device=d).fill_(1e10),
    "numbers_clamp": lambda d: ones(d, 2).clamp(),
    "numbers_div_rounding": lambda d: torch.div(ones(d, 2), 2, rounding_mode="up"),
    "numbers_gelu_kind": lambda d: F.gelu(ones(d, 2), approximate="sigmoid"),
    "numbers_topk": lambda d: ones(d, 3).topk(4),
    "numbers_diagonal": lambda d: ones(d, 3, 3).diagonal(0, 1, 1),
    "numbers_negative_size": lambda d: torch.empty(-1, device=d),
    "numbers_as_strided": lambda d: ones(d, 4).as_strided((4,), (2,)),
    "numbers_as_strided_negative": lambda d: ones(d, 4).as_strided((2,), (-1,)),
    "numbers_pool": lambda d: F.max_pool2d(ones(d, 1, 1, 4, 4), 2, padding=2),
    "numbers_singular": lambda d: torch.linalg.inv(torch.zeros(2, 2, device=d)),
    "numbers_cholesky": lambda d: torch.linalg.cholesky(-torch.eye(2, device=d)),
    "memory_huge": lambda d: torch.empty(2 ** 60, device=d),
    "memory_overflow": lambda d: torch.empty(2 ** 62, 4, device=d),
    "memory_overflow_shape": lambda d: torch.zeros(2 ** 32, 2 ** 32, 2 ** 32, device=d),
    "autograd_leaf_in_place": lambda d: ones(d, 2).requires_grad_().add_(1),
    "autograd_twice": lambda d: [(y := ones(d, 2).requires_grad_().exp().sum()).backward(), y.backward()],
    "autograd_not_scalar": lambda d: ones(d, 2).requires_grad_().exp().backward(),
    "autograd_no_grad": lambda d: ones(d, 2).sum().backward(),
    "autograd_saved_changed": lambda d: saved_changed(d),
    "autograd_shape": lambda d: ones(d, 2).requires_grad_().exp().backward(ones(d, 3)),
    "overlap_expanded_add": lambda d: ones(d, 1).expand(4).add_(1),
    "overlap_expanded_fill": lambda d: ones(d, 1).expand(4).mul_(2),
    "overlap_expanded_relu": lambda d: torch.relu_(ones(d, 1).expand(4)),
    "overlap_expanded_out": lambda d: torch.exp(ones(d, 4), out=ones(d, 1).expand(4)),
    "overlap_expanded_copy": lambda d: ones(d, 1).expand(4).copy_(ones(d, 4)),
    "overlap_expanded_lerp": lambda d: ones(d, 1).expand(4).lerp_(ones(d, 4), 0.5),
    "sizes_before_types": lambda d: torch.ones(2, 10, dtype=torch.int32, device=d).div_(ones(d, 2, 11)),
    "overlap_expanded_arange": lambda d: torch.arange(4.0, out=ones(d, 1).expand(4)),
    "overlap_expanded_linspace": lambda d: torch.linspace(0, 1, 4, out=ones(d, 1).expand(4)),
    "overlap_partial_in_place": lambda d: (lambda x: x[:-1].add_(x[1:]))(ones(d, 5)),
    "overlap_partial_mask": lambda d: (lambda m: m[1:].masked_fill_(m[:-1], False))(torch.ones(6, dtype=torch.bool, device=d)),
    "overlap_partial_out": lambda d: (lambda x: torch.mul(x[1:], 2, out=x[:-1]))(ones(d, 5)),
    "overlap_partial_unary_out": lambda d: (lambda x: torch.tanh(x[1:], out=x[:-1]))(ones(d, 5)),
    "overlap_where_out": lambda d: (lambda x: torch.where(x[:-1] > 0, x[:-1], x[:-1], out=x[1:]))(ones(d, 5)),
    "overlap_cumsum_expanded": lambda d: ones(d, 1).expand(4).cumsum_(0),
    "overlap_cat_out": lambda d: (lambda x: torch.cat([x[:2], x[2:]], out=x))(ones(d, 4)),
    "out_other_device": lambda d: torch.add(ones(d, 2), 1, out=torch.empty(2, device="meta")),
    "device_meta": lambda d: ones(d, 2) + torch.ones(2, device="meta"),
    "device_meta_copy": lambda d: ones(d, 2).copy_(torch.ones(2, device="meta")),
    "generator_other_device": lambda d: torch.randn(2, device=d, generator=torch.Generator("meta")),
}


# The CPU's message names a variable of its source; CUDA and this device say it in other words.
OTHER_WORDS = {"numbers_bernoulli"}


def saved_changed(d):
    x = ones(d, 2).requires_grad_()
    y = x.exp()
    y.add_(1)
    y.sum().backward()


def words(message, device):
    """A message without what may differ: device names, addresses, source positions, stack traces."""
    text = re.sub(r"^hologram\.[\w.]+: ", "", message.split("Exception raised from")[0])
    text = text.replace(f"{device}:0", "cpu").replace(device, "cpu").replace("PrivateUse1", "CPU")
    return re.findall(r"[a-z]+|\d+", text.lower())


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_raise_what_the_cpu_raises(name):
    expected, expected_text = outcome(lambda: MISTAKES[name]("cpu"))
    actual, actual_text = outcome(lambda: MISTAKES[name](DEVICE))
    assert expected is not None, "not an error on the CPU: not a case for this test"
    if name == "memory_huge":   # the CPU says RuntimeError; devices say OutOfMemoryError, which is one
        assert actual is not None and issubclass(actual, (torch.OutOfMemoryError, expected)), (actual, actual_text)
        return
    assert actual is expected, f"{actual}: {actual_text}\ninstead of {expected}: {expected_text}"
    if name in OTHER_WORDS:
        return
    alike = difflib.SequenceMatcher(None, words(expected_text, "cpu"), words(actual_text, DEVICE)).ratio()
    assert alike > 0.5, f"{actual_text}\ndoes not say what the CPU says:\n{expected_text}"


QUOTIENTS = {
    "floor_divide": torch.floor_divide, "fmod": torch.fmod, "remainder": torch.remainder,
    "div_floor": lambda a, b: torch.div(a, b, rounding_mode="floor"),
    "div_trunc": lambda a, b: torch.div(a, b, rounding_mode="trunc"),
    "floor_divide_": lambda a, b: a.floor_divide_(b), "fmod_": lambda a, b: a.fmod_(b),
    "remainder_": lambda a, b: a.remainder_(b), "div_": lambda a, b: a.div_(b, rounding_mode="floor"),
    "out": lambda a, b: torch.remainder(a, b, out=torch.empty_like(a)),
    "number": lambda a, b: torch.remainder(7, b) if isinstance(b, torch.Tensor) else torch.remainder(a, b),
}
# A divisor for `torch.ones(2, 3)` of dtype `t`. The last ones are no error: nothing is divided, or not by an integer 0.
DIVISORS = {
    "tensor": lambda t, d: torch.tensor([2, 0, 3], device=d).to(t), "0-dim": lambda t, d: torch.tensor(0, device=d).to(t),
    "cpu 0-dim": lambda t, d: torch.tensor(0).to(t), "int": lambda t, d: 0, "bool": lambda t, d: False,
    "strided": lambda t, d: torch.tensor([[1, 0, 1, 0], [1, 1, 1, 0], [1, 1, 1, 0]], device=d).to(t)[:, 1:].t()[1],
    "wide": lambda t, d: torch.tensor(1 << 32, device=d),       # 0 in 32 bits and fewer
    "not zero": lambda t, d: torch.tensor([2, 1, 3], device=d).to(t), "float": lambda t, d: 0.0,
    "zero in float": lambda t, d: torch.tensor([2.0, 0, 3], device=d),
    "empty": lambda t, d: torch.ones(0, 1, 1, dtype=t, device=d),
}


@pytest.mark.parametrize("divisor", DIVISORS)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.float32], ids=str)
def test_integer_division_by_zero(dtype, divisor):
    for name, call in QUOTIENTS.items():
        a = {d: torch.ones(2, 3, dtype=dtype, device=d) for d in ("cpu", DEVICE)}
        (expected, value), (actual, result) = (outcome(lambda d=d: call(a[d], DIVISORS[divisor](dtype, d))) for d in a)
        assert actual is expected, f"{name}: {actual}, {result} instead of {expected}, {value}"
        if expected is None:
            assert_same(result, value)
        elif value == "ZeroDivisionError":
            assert value in result
            assert bool((a[DEVICE] == 1).all()), f"{name} changed its operand before it raised"


MIXED = {
    "add": lambda a, b: a + b, "mul_": lambda a, b: a.mul_(b), "where": lambda a, b: torch.where(a > 0, a, b),
    "lerp": lambda a, b: a.lerp(b, 0.5),
    "mm": lambda a, b: a @ b, "linear": lambda a, b: F.linear(a, b), "cat": lambda a, b: torch.cat([a, b]),
    "out": lambda a, b: torch.add(a, a, out=b),
    "mse_loss": lambda a, b: F.mse_loss(a, b), "layer_norm": lambda a, b: F.layer_norm(a, (3,), b[0]),
    "maximum": lambda a, b: torch.maximum(a, b),
    "index_select": lambda a, b: a.index_select(0, b[0].long()), "gather": lambda a, b: a.gather(0, b.long() * 0),
    "conv": lambda a, b: F.conv1d(a[None], b[None]),
    "bmm": lambda a, b: torch.bmm(a[None], b[None]), "addcmul": lambda a, b: a.addcmul(b, a), "compare": lambda a,
    b: a < b, "sum_out": lambda a, b: torch.sum(a, 0, out=b[0]),
    "attention": lambda a, b: F.scaled_dot_product_attention(a[None], b[None], a[None]), "embedding": lambda a,
    b: F.embedding(b.long() * 0, a),
    "cross_entropy": lambda a, b: F.cross_entropy(a, b[0].long()), "einsum": lambda a, b: torch.einsum("ij,jk", a, b),
    "equal": lambda a, b: torch.equal(a, b),
    "masked_fill": lambda a, b: a.masked_fill(b > 0, 1.0), "set_": lambda a, b: a.set_(b), "dot": lambda a,
    b: a[0].dot(b[0]), "complex": lambda a, b: torch.complex(a, b),
    "cdist": lambda a, b: torch.cdist(a, b), "solve": lambda a,
    b: torch.linalg.solve(a + torch.eye(3, device=a.device), b), "scatter": lambda a, b: a.scatter(0, b.long() * 0, a),
}


@pytest.mark.parametrize("name", MIXED)
@pytest.mark.parametrize("first", [DEVICE, "cpu"])
def test_tensors_of_two_devices_do_not_mix(name, first):
    second = "cpu" if first == DEVICE else DEVICE
    a, b = torch.ones(3, 3, device=first), torch.ones(3, 3, device=second)
    error, message = outcome(lambda: MIXED[name](a, b))
    assert error is not None, f"{name} of {first} and {second} gave {message}"
    assert issubclass(error, (RuntimeError, ValueError,
                              TypeError)) and DEVICE in message and "cpu" in message.lower(), f"{error}: {message}"
    assert torch.equal(a.cpu(), torch.ones(3, 3)) and torch.equal(b.cpu(), torch.ones(3, 3)), "an operand changed"


def test_zero_dimensional_cpu_tensors_do_mix_as_on_other_devices():
    x = torch.ones(2, device=DEVICE)
    assert_same([x + torch.tensor(2.5), torch.tensor(2.0) * x, x.add_(torch.tensor(1.0)),
                 torch.where(x > 0, x, torch.tensor(0.0))],
                [torch.full((2,), 3.5), torch.full((2,), 2.0), torch.full((2,), 2.0), torch.full((2,), 2.0)],
                device=DEVICE)


def test_a_device_that_does_not_exist():
    for call in (lambda: torch.ones(2, device=f"{DEVICE}:7"), lambda: torch.hologram.set_device(7),
                 lambda: torch.ones(2).to(f"{DEVICE}:7")):
        error, message = outcome(call)
        assert error is not None and issubclass(error, RuntimeError) and "7" in message, (error, message)
    assert torch.hologram.current_device() == 0


def test_numpy_refuses_as_on_other_devices():
    with pytest.raises(TypeError, match="Tensor.cpu"):
        torch.ones(2, device=DEVICE).numpy()


def test_out_of_memory_names_the_size_and_leaves_the_device_usable():
    with pytest.raises(torch.OutOfMemoryError, match=r"\d"):
        torch.empty(2 ** 58, dtype=torch.uint8, device=DEVICE)
    gc.collect()
    before = torch.hologram.memory_allocated()
    with pytest.raises(torch.OutOfMemoryError):
        torch.ones(2 ** 20, 1, device=DEVICE) + torch.ones(1, device=DEVICE).expand(1, 2 ** 36)
    gc.collect()
    assert torch.hologram.memory_allocated() == before
    assert torch.ones(3, device=DEVICE).sum().item() == 3


SHAPES = [(0,), (0, 3), (2, 0, 3), ()]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_empty_and_zero_dimensional_tensors(shape):
    def results(dev):
        x = torch.ones(shape, device=dev)
        integers = x.long()
        values = [x + 1, x * x, x.exp(), F.gelu(x), x.sum(), x.mean(), x.prod(), x.any(), x.all(),
                  x.std() if shape else x, x.clone(), x.t() if len(shape) < 3 else x.mT, x.flatten(), integers + x,
                  x > 0, x.softmax(-1), x.log_softmax(-1), x.cumsum(-1), x.norm(), x.var(unbiased=False),
                  x.where(x > 0, 2.0), x.clamp(0, 1), x.unsqueeze(0).sum(0), x.expand(2, *shape), x.to(torch.float16),
                  F.dropout(x, 0.5).shape, torch.cat([x.reshape(-1), x.reshape(-1)]), x.sort(-1), x.fill_(3),
                  x.tolist(), repr(x), x.nonzero(), x[x > 5], torch.zeros_like(x),
                  F.mse_loss(x, x), x.sum(dim=-1), x.new_empty(shape).shape, x.logsumexp(-1),
                  F.layer_norm(x.unsqueeze(-1), (1,)), x.clamp(0, 1).bernoulli().shape, x.abs_().neg_()]
        leaf = torch.ones(shape, device=dev, requires_grad=True)
        (leaf.exp() * leaf).sum().backward()
        return values + [leaf.grad]
    assert_same(results(DEVICE), results("cpu"), device=DEVICE)


def test_products_of_empty_matrices():
    def results(dev):
        return [ones(dev, 0, 3) @ ones(dev, 3, 2), ones(dev, 2, 0) @ ones(dev, 0, 3),
                torch.bmm(ones(dev, 0, 2, 3), ones(dev, 0, 3, 4)), F.linear(ones(dev, 0, 3), ones(dev, 2, 3),
                                                                            ones(dev, 2)),
                ones(dev, 0).dot(ones(dev, 0)), F.embedding(torch.empty(0, dtype=torch.int64, device=dev),
                                                            ones(dev, 3, 2)),
                F.conv2d(ones(dev, 0, 3, 5, 5), ones(dev, 2, 3, 3, 3)),
                F.cross_entropy(ones(dev, 0, 3), torch.empty(0, dtype=torch.int64, device=dev), reduction="sum")]
    assert_same(results(DEVICE), results("cpu"), device=DEVICE)


LAYOUTS = {
    "transposed": lambda x: x.t(), "strided": lambda x: x[::2, 1::3], "flipped": lambda x: x.flip(1)[:, ::2],
    "column": lambda x: x[:, 3], "expanded": lambda x: x[:, :1].expand(-1, 7),
    "diagonal": lambda x: x.diagonal(), "windows": lambda x: x.unfold(1, 4, 2),
    "overlapping": lambda x: x.as_strided((5, 6), (1, 2), 3),
    "permuted": lambda x: x.view(4, 4, 3, 4).permute(2, 0, 3, 1),
    "stride_zero": lambda x: x.as_strided((3, 4), (0, 1)), "offset": lambda x: x.view(-1)[5:].view(-1)[:20],
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts(name):
    base = torch.randn(16, 12, generator=torch.Generator().manual_seed(0))

    def results(dev):
        x = LAYOUTS[name](base.to(dev))
        other = LAYOUTS[name](base.flip(0).to(dev))
        return [x + 1, x * other, x.exp(), x.sum(), x.sum(-1), x.sum(0), x.amax(0), x.argmax(-1), x.cumsum(0),
                x.softmax(0), x.softmax(-1), x.contiguous(), x.clone(), x > other, torch.where(x > 0, x, other),
                x.to(torch.float64), x.to(WIDEST) + other, x.half(), x.flatten(), x.cpu().sum().item(), x.std(0), x.stride(),
                F.layer_norm(x, x.shape[-1:]), torch.cat([x, other]), x.unsqueeze(0) + other.unsqueeze(1), x.mean((0,)),
                x.tolist()]
    assert_same(results(DEVICE), results("cpu"), device=DEVICE, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["transposed", "strided", "column", "diagonal", "permuted", "offset"])
def test_in_place_writes_reach_only_their_elements(name):
    base = torch.randn(16, 12, generator=torch.Generator().manual_seed(0))

    def results(dev):
        whole = base.to(dev).clone()
        view = LAYOUTS[name](whole)
        view.mul_(2).add_(view.clone())
        view.clamp_(-1, 1)
        torch.exp(view.clone(), out=view)
        view.copy_(view.flip(0))
        view.masked_fill_(view > 2, -7)
        view[0] = 5
        view.sub_(view.mean())
        view.relu_()
        return [whole, view]
    assert_same(results(DEVICE), results("cpu"), device=DEVICE, rtol=1e-5, atol=1e-5)


def test_out_is_resized_with_a_warning():
    def results(dev):
        with pytest.warns(UserWarning, match="resized"):
            out = torch.ones(5, device=dev)
            returned = torch.add(torch.ones(2, 3, device=dev), 1, out=out)
        assert returned is out
        empty = torch.empty(0, device=dev)
        torch.sum(torch.ones(2, 3, device=dev), 0, out=empty)
        strided = torch.zeros(3, 2, device=dev).t()
        torch.exp(torch.zeros(2, 3, device=dev), out=strided)
        wide = torch.empty(3, dtype=WIDEST, device=dev)
        torch.mul(torch.ones(3, dtype=torch.float16, device=dev), 2, out=wide)
        return [out, empty, strided, strided.stride(), wide]
    assert_same(results(DEVICE), results("cpu"), device=DEVICE)


def test_a_freed_generator_leaves_no_trace():
    generator = torch.Generator(device=DEVICE).manual_seed(5)
    state = generator.get_state()
    first = torch.rand(8, device=DEVICE, generator=generator)
    del generator
    gc.collect()
    again = torch.Generator(device=DEVICE)
    again.set_state(state)
    assert torch.equal(torch.rand(8, device=DEVICE, generator=again), first)
    for bad in (state[:-1], state.float(), torch.zeros(0, dtype=torch.uint8)):
        error, message = outcome(lambda: again.set_state(bad))
        assert error is not None and issubclass(error, (RuntimeError, TypeError)), (error, message)
    error, message = outcome(lambda: torch.randn(2, device=DEVICE, generator=torch.Generator("cpu")))
    assert error is RuntimeError and "generator" in message.lower(), (error, message)
    error, message = outcome(lambda: torch.randn(2, generator=torch.Generator(device=DEVICE)))
    assert error is RuntimeError and "generator" in message.lower(), (error, message)


# ---- the kernel cache on disk: never an error, at worst slower ----

PROBE = """
import torch, hologram_torch
x = torch.linspace(-2, 2, 1000, device='hologram')
y = (x.tanh() * 2 + x.exp()).softmax(0).sum()
assert abs(y.item() - 1) < 1e-5
print(torch.hologram.counters()['compiled'])
"""


def probe(folder, code=PROBE, **extra):
    """Kernels compiled by a fresh process that uses `folder` as its kernel cache."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
                   "HOLOGRAM_CACHE_DIR": str(folder), **extra}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    return int(result.stdout.split()[-1])


def files(folder):
    return [path for path in Path(folder).rglob("*") if path.is_file()]


@pytest.fixture
def filled(tmp_path):
    assert probe(tmp_path) > 0 and files(tmp_path)
    return tmp_path


def test_a_second_process_compiles_nothing(filled):
    assert probe(filled) == 0


@pytest.mark.parametrize("damage", ["truncated", "emptied", "flipped", "garbage", "appended"])
def test_damaged_cache_entries_are_compiled_again(filled, damage):
    for path in files(filled):
        data = bytearray(path.read_bytes())
        if damage == "truncated":
            data = data[:len(data) // 2]
        elif damage == "emptied":
            data = b""
        elif damage == "flipped" and data:
            data[len(data) * 2 // 3] ^= 0xFF
        elif damage == "garbage":
            data = os.urandom(len(data) + 7)
        elif damage == "appended":
            data += b"x"
        path.chmod(0o600)
        path.write_bytes(data)
    assert probe(filled) > 0
    assert probe(filled) == 0, "the damaged entries were not replaced"


def test_a_cache_folder_that_is_a_file(tmp_path):
    path = tmp_path / "cache"
    path.write_text("not a folder")
    assert probe(path) > 0
    assert path.read_text() == "not a folder"


def test_a_cache_folder_that_cannot_be_made():
    assert probe("/proc/hologram/cache") > 0
    assert probe("/dev/null/cache") > 0


def test_a_cache_folder_without_room():
    """/dev/full cannot hold a folder; a limit on file sizes stands for a full disk: every write fails."""
    code = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nimport tempfile, os\n"
    code += "import torch, hologram_torch\nresource.setrlimit(resource.RLIMIT_FSIZE, (16, 16))\n" + PROBE
    folder = ROOT / "build" / "full-cache"
    folder.mkdir(parents=True, exist_ok=True)
    assert probe(folder, code) > 0
    assert not [path for path in files(folder) if path.stat().st_size > 16]


def test_a_read_only_cache_folder_is_used_but_not_written(tmp_path):
    assert probe(tmp_path) > 0
    listing = sorted(files(tmp_path))
    for path in [*listing, *(p for p in tmp_path.rglob("*") if p.is_dir()), tmp_path]:
        path.chmod(stat.S_IRUSR | (stat.S_IXUSR if path.is_dir() else 0))
    try:
        assert probe(tmp_path) == 0
        assert sorted(files(tmp_path)) == listing
    finally:
        for path in [tmp_path, *(p for p in tmp_path.rglob("*") if p.is_dir())]:
            path.chmod(0o700)


def test_a_cache_folder_others_may_write_is_not_trusted(filled):
    filled.chmod(0o777)
    for folder in (p for p in filled.rglob("*") if p.is_dir()):
        folder.chmod(0o777)
    assert probe(filled) > 0
