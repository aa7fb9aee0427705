"""Checks of values: what stock torch refuses on the CPU because of the numbers in a tensor, the device refuses at the call, with the
same type and text.

`BAD` and `GOOD` are calls by name; those of `GOOD` look bad, or have no elements that could be, and are no errors on the CPU.
"""

import re

import pytest
import torch
import torch.nn.functional as F

from tests.compare import DEVICE, assert_same, outcome
from tests.modes import FLOAT64

NAN, INF = float("nan"), float("inf")
FLOATS = [torch.float32, torch.float16, torch.bfloat16] + [torch.float64] * FLOAT64
INTEGERS = [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64]


# What bernoulli says on the CPU: "Expected p_in >= 0 && p_in <= 1 to be true". The device says it in other words.
NAMES_ITS_SOURCE = "Expected p_in"


def vector(d, *values, dtype=torch.float32):
    return torch.tensor(values, dtype=dtype, device=d)


def longs(d, *values):
    return vector(d, *values, dtype=torch.int64)


def ones(d, *shape, dtype=torch.float32):
    return torch.ones(*shape, dtype=dtype, device=d)


def text(message):
    """A message without the device's name."""
    message = re.sub(r"^hologram\.[\w.]+: ", "", message.split("Exception raised from")[0])
    message = message.replace(f", device='{DEVICE}:0'", "").replace(f"torch.{DEVICE}.", "torch.")
    message = re.sub(rf"{DEVICE}(\w+)Type", r"torch.\1Tensor", message)
    return message.replace(f"{DEVICE}:0", "cpu").replace(DEVICE, "cpu").replace("PrivateUse1", "CPU").strip()


def check(call, *, error):
    """The call does on the device what it does on the CPU."""
    expected, value = outcome(lambda: call("cpu"))
    assert (expected is not None) == error, f"not a case for this test: the CPU gives {expected}, {value}"
    actual, result = outcome(lambda: call(DEVICE))
    assert actual is expected, f"{actual}: {result}\ninstead of {expected}: {value}"
    if error:
        assert text(result) == text(value) or text(value).startswith(NAMES_ITS_SOURCE)
    else:
        assert_same(result, value, rtol=2e-2, atol=1e-2, device=DEVICE)


BAD = {
    # positions
    "nll_loss": lambda d: F.nll_loss(ones(d, 2, 3), longs(d, 0, 3)),
    "nll_loss negative": lambda d: F.nll_loss(ones(d, 2, 3), longs(d, 0, -1)),
    "nll_loss none": lambda d: F.nll_loss(ones(d, 2, 3), longs(d, 0, 3), reduction="none"),
    "nll_loss sum weight": lambda d: F.nll_loss(ones(d, 2, 3), longs(d, 3, 0), ones(d, 3), reduction="sum"),
    "nll_loss one sample": lambda d: F.nll_loss(ones(d, 3), longs(d, 3)[0]),
    "nll_loss2d": lambda d: F.nll_loss(ones(d, 1, 3, 1, 2), longs(d, 0, 3).view(1, 1, 2)),
    "nll_loss uint8": lambda d: F.nll_loss(ones(d, 2, 3), vector(d, 0, 3, dtype=torch.uint8)),
    "nll_loss half": lambda d: F.nll_loss(ones(d, 2, 3).half(), longs(d, 0, 3)),
    "nll_loss computed": lambda d: F.nll_loss(ones(d, 2, 3), longs(d, 0, 1) + 2),
    "nll_loss strided": lambda d: F.nll_loss(ones(d, 2, 3), longs(d, 0, 0, 3, 0)[::2]),
    "cross_entropy": lambda d: F.cross_entropy(ones(d, 2, 3), longs(d, 3, 0)),
    "cross_entropy smoothing": lambda d: F.cross_entropy(ones(d, 2, 3), longs(d, 3, 0), label_smoothing=0.1),
    "cross_entropy ignored": lambda d: F.cross_entropy(ones(d, 2, 3), longs(d, 5, -100), ignore_index=-100),
    "cross_entropy 2d": lambda d: F.cross_entropy(ones(d, 1, 3, 1, 2), longs(d, 0, 9).view(1, 1, 2)),
    "cross_entropy under grad": lambda d: F.cross_entropy(ones(d, 2, 3).requires_grad_(), longs(d, 3, 0)),
    "multi_margin_loss": lambda d: F.multi_margin_loss(ones(d, 2, 3), longs(d, 0, 3)),
    "multilabel_margin_loss": lambda d: F.multilabel_margin_loss(ones(d, 1, 3), longs(d, 0, 3, -1).view(1, 3)),
    "embedding": lambda d: F.embedding(longs(d, 11), ones(d, 10, 2)),
    "embedding negative": lambda d: F.embedding(longs(d, -1), ones(d, 10, 2)),
    "embedding int32": lambda d: F.embedding(vector(d, 11, dtype=torch.int32), ones(d, 10, 2)),
    "embedding half": lambda d: F.embedding(longs(d, 0, 10), ones(d, 10, 2).half()),
    "embedding matrix": lambda d: F.embedding(longs(d, 0, 10).view(2, 1), ones(d, 10, 2)),
    "embedding strided": lambda d: F.embedding(longs(d, 0, 10), ones(d, 2, 10).t()),
    "embedding computed": lambda d: F.embedding(longs(d, 5) * 3, ones(d, 10, 2)),
    "embedding max_norm": lambda d: F.embedding(longs(d, 10), ones(d, 10, 2), max_norm=0.1),
    "embedding_bag": lambda d: F.embedding_bag(longs(d, 0, 10), ones(d, 10, 2), longs(d, 0)),
    "embedding_bag offsets": lambda d: F.embedding_bag(longs(d, 0, 1), ones(d, 10, 2), longs(d, 1)),
    "embedding_bag late offset": lambda d: F.embedding_bag(longs(d, 0, 1), ones(d, 10, 2), longs(d, 0, 5)),
    "embedding_bag max": lambda d: F.embedding_bag(longs(d, 0, 10), ones(d, 10, 2), longs(d, 0), mode="max"),
    "index": lambda d: ones(d, 3)[longs(d, 0, 3)],
    "index negative": lambda d: ones(d, 3)[longs(d, -4)],
    "index two": lambda d: ones(d, 3, 4)[longs(d, 0), longs(d, 4)],
    "index behind slice": lambda d: ones(d, 3, 4)[:, longs(d, 4)],
    "index strided": lambda d: ones(d, 4, 3).t()[longs(d, 3)],
    "index int32": lambda d: ones(d, 3)[vector(d, 3, dtype=torch.int32)],
    "index no rows": lambda d: ones(d, 0, 3)[longs(d, 0)],
    "index number": lambda d: ones(d, 3)[longs(d, 3)[0]],
    "index_put": lambda d: ones(d, 3).index_put_((longs(d, 3),), ones(d, 1)),
    "index_put accumulate": lambda d: ones(d, 3).index_put_((longs(d, -4),), ones(d, 1), accumulate=True),
    "setitem": lambda d: ones(d, 3, 3).__setitem__(longs(d, 3), 1.0),
    "setitem two": lambda d: ones(d, 3, 3).__setitem__((longs(d, 0), longs(d, 3)), 1.0),
    "index_select": lambda d: ones(d, 3).index_select(0, longs(d, 3)),
    "index_select dim": lambda d: ones(d, 2, 3).index_select(1, longs(d, 3)),
    "index_select negative": lambda d: ones(d, 3).index_select(0, longs(d, -1)),
    "index_select computed": lambda d: ones(d, 3).index_select(0, longs(d, 1) * 5),
    "index_add": lambda d: ones(d, 3).index_add_(0, longs(d, 3), ones(d, 1)),
    "index_add matrix": lambda d: ones(d, 3, 2).index_add(0, longs(d, -1), ones(d, 1, 2)),
    "index_copy": lambda d: ones(d, 3).index_copy_(0, longs(d, 3), ones(d, 1)),
    "index_fill": lambda d: ones(d, 3).index_fill_(0, longs(d, 3), 1.0),
    "index_reduce": lambda d: ones(d, 3).index_reduce_(0, longs(d, 3), ones(d, 1), "prod"),
    "gather": lambda d: ones(d, 3).gather(0, longs(d, 3)),
    "gather one per row": lambda d: ones(d, 2, 3).gather(1, longs(d, 0, 3).view(2, 1)),
    "gather one per column": lambda d: ones(d, 2, 3).gather(0, longs(d, 0, 2, 0).view(1, 3)),
    "gather negative": lambda d: ones(d, 2, 3).gather(1, longs(d, 0, -1).view(2, 1)),
    "gather computed": lambda d: ones(d, 2, 3).gather(1, longs(d, 0, 1).view(2, 1) * 3),
    "gather integers": lambda d: ones(d, 2, 3, dtype=torch.int32).gather(1, longs(d, 0, 3).view(2, 1)),
    "scatter": lambda d: ones(d, 3).scatter_(0, longs(d, 3), ones(d, 1)),
    "scatter value": lambda d: ones(d, 3).scatter(0, longs(d, -1), 1.0),
    "scatter reduce": lambda d: ones(d, 3).scatter(0, longs(d, 3), ones(d, 1), reduce="add"),
    "scatter_add": lambda d: ones(d, 3).scatter_add_(0, longs(d, 3), ones(d, 1)),
    "scatter_reduce": lambda d: ones(d, 3).scatter_reduce_(0, longs(d, 3), ones(d, 1), "amax"),
    "take": lambda d: ones(d, 3).take(longs(d, 3)),
    "take negative": lambda d: ones(d, 3).take(longs(d, -4)),
    "put": lambda d: ones(d, 3).put_(longs(d, 3), ones(d, 1)),
    "masked_scatter": lambda d: ones(d, 3).masked_scatter_(ones(d, 3) > 0, ones(d, 2)),
    "max_unpool1d": lambda d: F.max_unpool1d(ones(d, 1, 1, 2), longs(d, 0, 9).view(1, 1, 2), 2),
    "max_unpool2d": lambda d: F.max_unpool2d(ones(d, 1, 1, 1, 1), longs(d, 9).view(1, 1, 1, 1), 2),
    "max_unpool3d": lambda d: F.max_unpool3d(ones(d, 1, 1, 1, 1, 1), longs(d, 9).view(1, 1, 1, 1, 1), 2),
    "one_hot": lambda d: F.one_hot(longs(d, 0, 3), 3),
    "one_hot negative": lambda d: F.one_hot(longs(d, 0, -1), 3),
    "one_hot inferred": lambda d: F.one_hot(longs(d, 0, -1)),
    "one_hot no classes": lambda d: F.one_hot(longs(d, 0), 0),
    "one_hot few classes": lambda d: F.one_hot(longs(d, 0), -2),
    "searchsorted sorter": lambda d: torch.searchsorted(ones(d, 3), ones(d, 1), sorter=longs(d, 0, 1, 3)),
    "lu_unpack": lambda d: torch.lu_unpack(ones(d, 2, 2), vector(d, 1, 3, dtype=torch.int32)),
    "sparse indices": lambda d: torch.sparse_coo_tensor(longs(d, 0, 3).view(1, 2), ones(d, 2), (3,), check_invariants=True),
    "sparse negative": lambda d: torch.sparse_coo_tensor(longs(d, 0, -1).view(1, 2), ones(d, 2), check_invariants=True),
    "sparse inferred": lambda d: torch.sparse_coo_tensor(longs(d, 0, -1).view(1, 2), ones(d, 2)),
    "csr invariants": lambda d: torch.sparse_csr_tensor(longs(d, 0, 2, 1), longs(d, 0, 1), ones(d, 2), (2, 2),
                                                        check_invariants=True),
    # counts, lengths, repeats
    "bincount": lambda d: torch.bincount(longs(d, 0, -1)),
    "repeat_interleave": lambda d: ones(d, 2).repeat_interleave(longs(d, 1, -1)),
    "repeat_interleave index": lambda d: torch.repeat_interleave(longs(d, 1, -1)),
    "repeat_interleave sum": lambda d: torch.repeat_interleave(longs(d, 1, 1), output_size=5),
    "segment_reduce": lambda d: torch.segment_reduce(ones(d, 3), "sum", lengths=longs(d, 4, -1)),
    "segment_reduce sum": lambda d: torch.segment_reduce(ones(d, 3), "sum", lengths=longs(d, 1, 1)),
    "ctc_loss": lambda d: F.ctc_loss(ones(d, 4, 1, 3).log_softmax(2), longs(d, 1, 2).view(1, 2), (5,), (2,)),
    "ctc_loss targets": lambda d: F.ctc_loss(ones(d, 4, 1, 3).log_softmax(2), longs(d, 1, 2).view(1, 2), (4,), (3,)),
    "cov fweights": lambda d: torch.cov(ones(d, 2, 2), fweights=longs(d, 1, -1)),
    "cov aweights": lambda d: torch.cov(ones(d, 2, 2), aweights=vector(d, 1, -1)),
    "cov weights of zero": lambda d: torch.cov(ones(d, 2, 2), aweights=vector(d, 0, 0)),
    # divisors and powers
    "floor_divide": lambda d: longs(d, 1, 2) // longs(d, 1, 0),
    "remainder": lambda d: longs(d, 1, 2) % longs(d, 0, 1),
    "fmod": lambda d: torch.fmod(vector(d, 1, 2, dtype=torch.int8), vector(d, 1, 0, dtype=torch.int8)),
    "div trunc": lambda d: torch.div(longs(d, 1), longs(d, 0), rounding_mode="trunc"),
    "remainder number": lambda d: 5 % longs(d, 1, 0),
    "foreach floor": lambda d: [torch.floor_divide(a, b) for a, b in zip([longs(d, 1)], [longs(d, 0)])],
    "power": lambda d: longs(d, 1, 2) ** -1,
    "power in place": lambda d: vector(d, 1, 2, dtype=torch.int16).pow_(-2),
    "power foreach": lambda d: torch._foreach_pow([longs(d, 1, 2)], -1),
    # probabilities and parameters of distributions
    "bernoulli negative": lambda d: torch.bernoulli(vector(d, 0.5, -0.1)),
    "bernoulli in place number": lambda d: ones(d, 2).bernoulli_(1.5),
    "bernoulli number": lambda d: torch.bernoulli(ones(d, 2), -0.5),
    "multinomial": lambda d: torch.multinomial(vector(d, 0.5, -0.1, 1), 1),
    "multinomial nan": lambda d: torch.multinomial(vector(d, 0.5, NAN, 1), 1),
    "multinomial inf": lambda d: torch.multinomial(vector(d, 0.5, INF, 1), 2, replacement=True),
    "multinomial zeros": lambda d: torch.multinomial(vector(d, 0, 0, 0), 1),
    "multinomial replaced": lambda d: torch.multinomial(vector(d, 0.5, -0.1), 4, replacement=True),
    "poisson": lambda d: torch.poisson(vector(d, 1, -1)),
    "normal std": lambda d: torch.normal(ones(d, 2), vector(d, 1, -1)),
    "normal std of number": lambda d: torch.normal(0.0, vector(d, 1, -1)),
    "normal std out": lambda d: torch.normal(ones(d, 2), vector(d, 1, -1), out=ones(d, 2)),
    "normal number": lambda d: torch.normal(ones(d, 2), -1.0),
    "geometric": lambda d: ones(d, 2).geometric_(1.5),
    "log_normal": lambda d: ones(d, 2).log_normal_(0, -1),
    "cauchy": lambda d: ones(d, 2).cauchy_(0, -1),
    "exponential": lambda d: ones(d, 2).exponential_(0),
    "random from": lambda d: vector(d, 1, 2, dtype=torch.uint8).random_(-1, 5),
    "random to": lambda d: vector(d, 1, 2, dtype=torch.int8).random_(0, 500),
    "randint": lambda d: torch.randint(0, 300, (2,), dtype=torch.int8, device=d),
    "uniform": lambda d: ones(d, 2).half().uniform_(0, 1e6),
    "dropout": lambda d: F.dropout(ones(d, 2), -0.5),
    "alpha_dropout": lambda d: F.alpha_dropout(ones(d, 2), 1.5),
    "native_dropout": lambda d: torch.native_dropout(ones(d, 2), 1.5, True),
    "gumbel_softmax": lambda d: torch.distributions.Categorical(vector(d, -1, 2)),
    "distribution": lambda d: torch.distributions.Normal(ones(d, 2), vector(d, 1, -1)),
    # order
    "quantile": lambda d: ones(d, 3).quantile(vector(d, 0.5, 1.5)),
    "quantile negative": lambda d: ones(d, 3).quantile(vector(d, -0.1)),
    "quantile nan": lambda d: ones(d, 3).quantile(vector(d, NAN)),
    "quantile number": lambda d: ones(d, 3).quantile(1.5),
    "quantile dim": lambda d: ones(d, 3, 2).quantile(vector(d, 0.5, 1.5), dim=0),
    "quantile out": lambda d: torch.quantile(ones(d, 3), vector(d, 1.5), out=ones(d, 1)),
    "quantile computed": lambda d: ones(d, 3).quantile(vector(d, 0.8) + 0.4),
    "nanquantile": lambda d: ones(d, 3).nanquantile(vector(d, 1.5)),
    "nanquantile out": lambda d: torch.nanquantile(ones(d, 3), vector(d, 1.5), out=ones(d, 1)),
    "histc range": lambda d: torch.histc(vector(d, 0, INF), 3),
    "histc nan": lambda d: torch.histc(vector(d, 0, NAN), 3),
    "histogram": lambda d: torch.histogram(vector(d, 0, NAN), 3),
    "kthvalue": lambda d: ones(d, 3).kthvalue(4),
    # matrices
    "inv": lambda d: torch.linalg.inv(torch.zeros(2, 2, device=d)),
    "inv batch": lambda d: torch.linalg.inv(torch.stack([torch.eye(2, device=d), torch.zeros(2, 2, device=d)])),
    "inverse": lambda d: torch.zeros(2, 2, device=d).inverse(),
    "solve": lambda d: torch.linalg.solve(torch.zeros(2, 2, device=d), ones(d, 2, 1)),
    "cholesky": lambda d: torch.linalg.cholesky(-torch.eye(2, device=d)),
    "cholesky old": lambda d: torch.cholesky(-torch.eye(2, device=d)),
    "lu_factor": lambda d: torch.linalg.lu_factor(torch.zeros(2, 2, device=d)),
    "ldl_factor": lambda d: torch.linalg.ldl_factor(torch.zeros(2, 2, device=d)),
    "tensorinv": lambda d: torch.linalg.tensorinv(torch.zeros(2, 2, device=d), ind=1),
    "svd nan": lambda d: torch.linalg.svd(vector(d, NAN, 1, 1, 1).view(2, 2)),
    "eig nan": lambda d: torch.linalg.eig(vector(d, NAN, 1, 1, 1).view(2, 2)),
    "lstsq nan": lambda d: torch.linalg.lstsq(vector(d, NAN, 1, 1, 1).view(2, 2), ones(d, 2, 1)),
    "matrix_rank nan": lambda d: torch.linalg.matrix_rank(vector(d, NAN, 1, 1, 1).view(2, 2)),
    "pinv nan": lambda d: torch.linalg.pinv(vector(d, NAN, 1, 1, 1).view(2, 2)),
    "cond singular": lambda d: torch.linalg.matrix_power(torch.zeros(2, 2, device=d), -1),
    # numbers that do not fit
    "fill": lambda d: vector(d, 1, dtype=torch.uint8).fill_(300),
    "full": lambda d: torch.full((2,), 300, dtype=torch.uint8, device=d),
    "masked_fill": lambda d: vector(d, 1, dtype=torch.int8).masked_fill(ones(d, 1) > 0, 200),
    "index_fill number": lambda d: vector(d, 1, dtype=torch.int8).index_fill_(0, longs(d, 0), 200),
    "fill nan": lambda d: longs(d, 1).fill_(NAN),
    "pad": lambda d: F.pad(vector(d, 1, dtype=torch.int8), (1, 1), value=200),
    "clamp": lambda d: vector(d, 1, dtype=torch.int8).clamp(max=200),
    "arange infinite": lambda d: torch.arange(0, INF, device=d),
    "item": lambda d: ones(d, 2).item(),
    "complex to float": lambda d: float(vector(d, 1 + 2j, dtype=torch.complex64)),
    "overflow of int": lambda d: int(vector(d, INF)),
    # asserts, parameters
    "assert_async": lambda d: torch._assert_async(vector(d, 0.0)),
    "assert_async text": lambda d: torch._assert_async(vector(d, 0.0), "wanted"),
    "functional_assert_async": lambda d: torch.ops.aten._functional_assert_async(vector(d, 0.0), "wanted", ones(d, 1)),
    "fake_quantize": lambda d: torch.fake_quantize_per_channel_affine(ones(d, 2), ones(d, 2), vector(d, 0, 300, dtype=torch.int32),
                                                                     0, 0, 255),
    "celu": lambda d: F.celu(ones(d, 2), 0),
    "gaussian_nll_loss": lambda d: F.gaussian_nll_loss(ones(d, 2), ones(d, 2), vector(d, 1, -1)),
    "polygamma": lambda d: torch.polygamma(-1, ones(d, 2)),
    "cdist": lambda d: torch.cdist(ones(d, 2, 2), ones(d, 2, 2), p=-1),
    "smooth_l1_loss": lambda d: F.smooth_l1_loss(ones(d, 2), ones(d, 2), beta=-1),
    "huber_loss": lambda d: F.huber_loss(ones(d, 2), ones(d, 2), delta=0),
    "hardtanh": lambda d: F.hardtanh(vector(d, 1, dtype=torch.uint8), -1, 1),
    "leaky_relu in place": lambda d: F.leaky_relu(ones(d, 2).requires_grad_() * 1, -0.5, inplace=True).sum().backward(),
    "renorm": lambda d: ones(d, 2, 2).renorm(-1, 0, 1),
    "isclose": lambda d: torch.isclose(ones(d, 2), ones(d, 2), rtol=-1),
}

# No error on the CPU: nothing is looked at, or what looks bad is not.
GOOD = {
    "nll_loss ignored": lambda d: F.nll_loss(ones(d, 2, 3), longs(d, 0, -100)),
    "nll_loss ignored 7": lambda d: F.nll_loss(ones(d, 2, 3), longs(d, 7, 0), ignore_index=7),
    "cross_entropy ignored": lambda d: F.cross_entropy(ones(d, 2, 3), longs(d, 255, 1), ignore_index=255),
    "cross_entropy nan": lambda d: F.cross_entropy(vector(d, NAN, 1, 1).view(1, 3), longs(d, 1)),
    "cross_entropy probabilities": lambda d: F.cross_entropy(ones(d, 2, 3), ones(d, 2, 3) * 2),
    "index negative": lambda d: ones(d, 3)[longs(d, -3)],
    "index_put negative": lambda d: ones(d, 3).index_put_((longs(d, -3),), ones(d, 1)),
    "take negative": lambda d: ones(d, 3).take(longs(d, -3)),
    "gather empty": lambda d: ones(d, 3).gather(0, longs(d)),
    "index empty": lambda d: ones(d, 0, 3)[longs(d)],
    "embedding empty": lambda d: F.embedding(longs(d), ones(d, 0, 3)),
    "one_hot": lambda d: F.one_hot(longs(d, 0, 2)),
    "one_hot classes": lambda d: F.one_hot(longs(d, 0, 2), 5),
    "one_hot empty": lambda d: F.one_hot(longs(d), 5),
    "one_hot number": lambda d: F.one_hot(longs(d, 2)[0], 4),
    "quantile": lambda d: vector(d, 1, 2, 3).quantile(vector(d, 0, 0.5, 1)),
    "quantile of nan": lambda d: vector(d, 1, NAN, 3).quantile(vector(d, 0.5)),
    "quantile dim": lambda d: vector(d, 1, 5, 3, 4).view(2, 2).quantile(vector(d, 0.5, 1), dim=1, keepdim=True),
    "nanquantile": lambda d: vector(d, 1, NAN, 3).nanquantile(vector(d, 0.5)[0]),
    "quantile nearest": lambda d: vector(d, 1, 2, 3).quantile(0.4, interpolation="nearest"),
    "floor_divide float": lambda d: vector(d, 1, 2) // vector(d, 0, 1),
    "divide": lambda d: longs(d, 1, -2) / longs(d, 0, 0),
    "remainder nothing": lambda d: longs(d) % longs(d),
    "power tensor": lambda d: longs(d, 1, 2) ** longs(d, -1, -1),
    "power float": lambda d: longs(d, 1, 2) ** -1.0,
    "shift": lambda d: longs(d, 1, 2) << longs(d, 64, 3),
    "log": lambda d: torch.log(vector(d, -1, 0)),
    "sqrt": lambda d: torch.sqrt(vector(d, -1)),
    "acos": lambda d: torch.acos(vector(d, 2)),
    "mvlgamma": lambda d: torch.mvlgamma(vector(d, 3, 2), 2),
    "logit": lambda d: torch.logit(vector(d, -1, 2)),
    "erfinv": lambda d: torch.erfinv(vector(d, 2)),
    "bernoulli": lambda d: torch.bernoulli(vector(d, 0, 1, 1)),
    "bernoulli empty": lambda d: torch.bernoulli(vector(d)),
    "normal zero": lambda d: torch.normal(vector(d, 1, 2), vector(d, 0, 0)),
    "normal nothing": lambda d: torch.normal(vector(d), vector(d)),
    "poisson zero": lambda d: torch.poisson(vector(d, 0, 0)),
    "binomial zero": lambda d: torch.binomial(vector(d, 0, 0), vector(d, 0.5, 0.5)),
    "binomial sure": lambda d: torch.binomial(vector(d, 3, 2), vector(d, 1, 0)),
    "kl_div": lambda d: F.kl_div(vector(d, 1, 2), vector(d, -1, 2), reduction="sum"),
    "poisson_nll_loss": lambda d: F.poisson_nll_loss(vector(d, 1, 2), vector(d, -1, 2)),
    "bce_with_logits": lambda d: F.binary_cross_entropy_with_logits(vector(d, 1, 2), vector(d, -1, 2)),
    "soft_margin_loss": lambda d: F.soft_margin_loss(vector(d, 1, 2), vector(d, 3, -2)),
    "hinge_embedding_loss": lambda d: F.hinge_embedding_loss(vector(d, 1, 2), vector(d, 3, -2)),
    "masked_scatter": lambda d: ones(d, 3).masked_scatter_(ones(d, 3) > 5, vector(d)),
    "bucketize unsorted": lambda d: torch.bucketize(vector(d, 1, 2), vector(d, 3, 1, 2)),
    "searchsorted nan": lambda d: torch.searchsorted(vector(d, 1, 2), vector(d, NAN)),
    "histc": lambda d: torch.histc(vector(d, 0, 5, NAN), 3, 0, 3),
    "isin": lambda d: torch.isin(vector(d, NAN, 1), vector(d, NAN, 1)),
    "clamp": lambda d: vector(d, 1, 5).clamp(4, 2),
    "assert_async": lambda d: torch._assert_async(vector(d, 1.0)),
    "inv_ex": lambda d: torch.linalg.inv_ex(torch.zeros(2, 2, device=d)).info,
    "cholesky_ex": lambda d: torch.linalg.cholesky_ex(-torch.eye(2, device=d)).info,
    "det": lambda d: torch.linalg.det(torch.zeros(2, 2, device=d)),
    "max_pool nan": lambda d: F.max_pool2d(vector(d, NAN, 1, 1, 1).view(1, 1, 2, 2), 2),
    "interpolate nan": lambda d: F.interpolate(vector(d, NAN, 1).view(1, 1, 2), 4),
    "grid_sample nan": lambda d: F.grid_sample(ones(d, 1, 1, 2, 2), vector(d, NAN, 9).view(1, 1, 1, 2), align_corners=False),
    "argmax nan": lambda d: vector(d, 1, NAN, 3).argmax(),
    "long of float": lambda d: vector(d, 1.5, -2.5).long(),
    "fill half": lambda d: ones(d, 1).half().fill_(1e6),
    "add": lambda d: vector(d, 1, dtype=torch.int8) + 200,
    "wrap": lambda d: vector(d, 300, -1, dtype=torch.int32).to(torch.uint8),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_values_raise_what_the_cpu_raises(name):
    check(BAD[name], error=True)


@pytest.mark.parametrize("name", GOOD)
def test_values_that_are_no_error(name):
    check(GOOD[name], error=False)


# ---- binary_cross_entropy: all inputs and targets lie in [0, 1] ----

WRONG = [-0.25, 1.5, NAN, INF, -INF, -1e-3]
LAYOUTS = {
    "plain": lambda t: t, "transposed": lambda t: t.view(3, 4).t(), "strided": lambda t: t[::2], "one": lambda t: t[2:3],
    "number": lambda t: t[2], "computed": lambda t: t * 0.5 * 2, "expanded": lambda t: t[2].expand(3, 2),
    "long": lambda t: t.repeat(4000),
}


def cross_entropy_case(d, dtype, layout, where, wrong):
    """(input, target): fine but for element 2 of one of them."""
    pair = {"input": torch.linspace(0, 1, 12), "target": torch.linspace(1, 0, 12)}
    if where:
        pair[where][2] = wrong
    return [LAYOUTS[layout](t.to(dtype).to(d)) for t in pair.values()]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_binary_cross_entropy(dtype, layout):
    for where in ("input", "target", None):
        for wrong in WRONG if where else [0.0]:
            for reduction in ("mean", "sum", "none"):
                def call(d):
                    return F.binary_cross_entropy(*cross_entropy_case(d, dtype, layout, where, wrong), reduction=reduction)
                check(call, error=where is not None)


@pytest.mark.parametrize("where", ["input", "target", None])
def test_binary_cross_entropy_in_every_form(where):
    def pair(d):
        return cross_entropy_case(d, torch.float32, "plain", where, 1.5)

    def backward(d):
        x, y = pair(d)
        x.requires_grad_()
        F.binary_cross_entropy(x, y).backward()
        return x.grad

    def out(d):
        result = torch.zeros(12, device=d)
        torch._C._nn.binary_cross_entropy(*pair(d), reduction=0, out=result)
        return result

    def under_autocast(d, *types):
        with torch.autocast(d, torch.bfloat16):
            return F.binary_cross_entropy(*[t.to(u) for t, u in zip(pair(d), types)])

    def broadcast_weight(d):
        x, y = (t.view(3, 4) for t in pair(d))
        return F.binary_cross_entropy(x, y, torch.full((4,), 2.0, device=d))

    calls = {
        "module": lambda d: torch.nn.BCELoss()(*pair(d)), "weight": lambda d: F.binary_cross_entropy(*pair(d), ones(d, 12)),
        "broadcast weight": broadcast_weight, "backward": backward, "out": out,
        "autocast": lambda d: under_autocast(d, torch.float32, torch.float32),
        "autocast bfloat16": lambda d: under_autocast(d, torch.bfloat16, torch.bfloat16),
        "two types": lambda d: F.binary_cross_entropy(pair(d)[0], pair(d)[1].to(torch.bfloat16)),
        "no grad": lambda d: torch.no_grad()(F.binary_cross_entropy)(*pair(d)),
        "functional": lambda d: torch.func.functional_call(torch.nn.BCELoss(), {}, tuple(pair(d))),
        "vmap": lambda d: torch.func.vmap(F.binary_cross_entropy)(*[t.view(3, 4) for t in pair(d)]),
    }
    for name, call in calls.items():
        try:
            check(call, error=where is not None or name == "two types")
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error


def test_what_came_before_a_bad_value_is_kept():
    a = ones(DEVICE, 8)
    b = a * 3
    x = torch.full((8,), 2.0, device=DEVICE)
    with pytest.raises(RuntimeError, match="between 0 and 1"):
        F.binary_cross_entropy(x + b, a)
    assert b.tolist() == [3.0] * 8 and x.tolist() == [2.0] * 8
    assert F.binary_cross_entropy(b / 6, a).item() == pytest.approx(0.6931472)


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_positions_of_every_integer_type(dtype):
    """What type an index may have, and that it is checked whatever its type."""
    calls = {
        "index": lambda d: ones(d, 3)[vector(d, 3, dtype=dtype)],
        "index_select": lambda d: ones(d, 3).index_select(0, vector(d, 3, dtype=dtype)),
        "embedding": lambda d: F.embedding(vector(d, 3, dtype=dtype), ones(d, 3, 1)),
        "gather": lambda d: ones(d, 1, 3).gather(1, vector(d, 3, dtype=dtype).view(1, 1)),
        "nll_loss": lambda d: F.nll_loss(ones(d, 1, 3), vector(d, 3, dtype=dtype)),
        "cross_entropy": lambda d: F.cross_entropy(ones(d, 1, 3), vector(d, 3, dtype=dtype)),
        "scatter": lambda d: ones(d, 3).scatter_(0, vector(d, 3, dtype=dtype), 1.0),
        "take": lambda d: ones(d, 3).take(vector(d, 3, dtype=dtype)),
        "one_hot": lambda d: F.one_hot(vector(d, 3, dtype=dtype), 3),
    }
    for name, call in calls.items():
        try:
            check(call, error=outcome(lambda: call("cpu"))[0] is not None)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error
