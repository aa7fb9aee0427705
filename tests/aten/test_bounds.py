"""No op reaches beyond the memory of its operands: storages that shrank under their tensors, strides that nobody checked,
gradients and statistics of other shapes, positions that are in no tensor. Each must raise, and leave the rest as it was."""

import pytest
import torch
import torch.nn.functional as F

from tests.compare import DEVICE
from tests.modes import host_only

A = torch.ops.aten


def ones(*shape, dtype=torch.float32):
    return torch.ones(shape, dtype=dtype, device=DEVICE)


def filled(value, *shape):
    return torch.full(shape, value, dtype=torch.int64, device=DEVICE)


def refused(call, error=RuntimeError, match="hologram|storage"):
    """The call raises, or what it recorded does; nothing of it stays behind."""
    with pytest.raises(error, match=match):
        call()
        torch.hologram.synchronize()
    torch.hologram.synchronize()


# ---- storages ----

READERS = {
    "add": lambda x: x + 1, "add of two": lambda x: x + ones(4, 4), "scalar base": lambda x: 1 - x, "relu": torch.relu,
    "where": lambda x: torch.where(x > 0, x, 0.5),
    "sum": torch.sum, "sum of rows": lambda x: x.sum(1), "max": torch.max, "softmax": lambda x: torch.softmax(x, 1),
    "cumsum": lambda x: x.cumsum(0),
    "layer_norm": lambda x: F.layer_norm(x, (4,)), "transposed": lambda x: x.t() + 1, "strided": lambda x: x[::2, 1::2] * 2,
    "clone": torch.clone,
    "cpu": lambda x: x.cpu(), "item": lambda x: x[3, 3].item(), "to": lambda x: x.to(torch.float64),
    "mm": lambda x: x @ ones(4, 4), "linear": lambda x: F.linear(ones(2, 4), x),
    "index": lambda x: x[filled(3, 2)], "cat": lambda x: torch.cat([x, ones(4, 4)]), "sort": lambda x: x.sort(),
    "foreach": lambda x: torch._foreach_add([ones(4, 4), x], 1),
    "add_": lambda x: x.add_(1), "zero_": lambda x: x.zero_(), "copy_": lambda x: x.copy_(ones(4, 4)),
    "uniform_": lambda x: x.uniform_(), "out": lambda x: torch.add(ones(4, 4), 1, out=x),
    "mm out": lambda x: torch.mm(ones(4, 4), ones(4, 4), out=x), "copy to": lambda x: ones(4, 4).copy_(x),
    "tolist": lambda x: x.tolist(), "equal": lambda x: torch.equal(x, ones(4, 4)),
    "nonzero": torch.nonzero, "complex": lambda x: torch.view_as_complex(x.view(8, 2)) * 2, "masked": lambda x: x[x > 0],
    "cpu copy": lambda x: torch.ones(4, 4).copy_(x),
}


@pytest.mark.parametrize("size", [0, 8])
@pytest.mark.parametrize("name", READERS)
def test_a_storage_that_shrank(name, size):
    x = ones(4, 4)
    x.untyped_storage().resize_(size)
    refused(lambda: READERS[name](x))
    x.untyped_storage().resize_(64)      # and back, as FSDP does
    x.fill_(2)
    assert (x + 1).tolist() == [[3.0] * 4] * 4


def test_tensors_without_elements_need_no_storage():
    x = ones(4, 4)
    nothing = x[:0]
    x.untyped_storage().resize_(0)
    assert (nothing + 1).tolist() == [] and nothing.sum().item() == 0 and torch.cat([nothing, ones(1,
        4)]).tolist() == [[1.0] * 4]


@pytest.mark.parametrize("size, stride, offset", [((10,), (1,), 0), ((3,), (5,), 0), ((3,), (1,), 1), ((2, 2), (1 << 61, 1),
    0), ((3,), (1,), 1 << 40)])
def test_strides_that_nobody_checked(size, stride, offset):
    """Inductor's own view op takes any."""
    x = torch.ops.inductor._reinterpret_tensor(ones(3), size, stride, offset)
    for call in (lambda: x + 1, lambda: x.sum(), lambda: x.cpu(), lambda: x.sort(), lambda: x.mul_(2), lambda: x.clone(),
        lambda: x.max(0)):
        refused(call)


# ---- shapes ----

GRADIENTS = {
    "layer_norm mean": lambda n: A.native_layer_norm_backward(ones(4, 6), ones(4, 6), [6], ones(n, 1), ones(4, 1), ones(6),
        ones(6), [True] * 3),
    "layer_norm rstd": lambda n: A.native_layer_norm_backward(ones(4, 6), ones(4, 6), [6], ones(4, 1), ones(n, 1), ones(6),
        ones(6), [True] * 3),
    "layer_norm weight": lambda n: A.native_layer_norm_backward(ones(4, 6), ones(4, 6), [6], ones(4, 1), ones(4, 1), ones(n),
        None, [True] * 3),
    "rms_norm rstd": lambda n: A._fused_rms_norm_backward(ones(4, 6), ones(4, 6), [6], ones(n, 1), ones(6), [True] * 2),
    "rms_norm weight": lambda n: A._fused_rms_norm_backward(ones(4, 6), ones(4, 6), [6], ones(4, 1), ones(n), [True] * 2),
    "softmax output": lambda n: A._softmax_backward_data(ones(4, 6), ones(n, 6), 1, torch.float32),
    "softmax grad": lambda n: A._softmax_backward_data(ones(n, 6), ones(4, 6), 1, torch.float32),
    "log_softmax output": lambda n: A._log_softmax_backward_data(ones(4, 6), ones(n, 6), 1, torch.float32),
    "log_softmax grad": lambda n: A._log_softmax_backward_data(ones(n, 6), ones(4, 6), 1, torch.float32),
    "nll grad": lambda n: A.nll_loss_backward(ones(n), ones(4, 6), filled(1, 4), None, 0, -100, ones()),
    "nll target": lambda n: A.nll_loss_backward(ones(4), ones(4, 6), filled(1, n), None, 0, -100, ones()),
}


@pytest.mark.parametrize("n", [0, 2, 3, 5, 900])
@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_of_other_shapes(name, n):
    refused(lambda: GRADIENTS[name](n), match=None)
    assert (ones(4, 6) * 2).sum().item() == 48


# ---- attention ----

def attention(**changed):
    shapes = {"query": (2, 4, 5, 8), "key": (2, 4, 6, 8), "value": (2, 4, 6, 8), **changed}
    return A._scaled_dot_product_flash_attention_for_cpu(*(ones(*shapes[name]) for name in ("query", "key", "value")))


def attention_backward(**changed):
    shapes = {"grad": (2, 4, 5, 8), "query": (2, 4, 5, 8), "key": (2, 4, 6, 8), "value": (2, 4, 6, 8), "out": (2, 4, 5, 8),
        "logsumexp": (2, 4, 5), **changed}
    g, q, k, v, out, logsumexp = (ones(*shapes[name]) for name in ("grad", "query", "key", "value", "out", "logsumexp"))
    return A._scaled_dot_product_flash_attention_for_cpu_backward(g, q, k, v, out, logsumexp, 0.0, False)


SHAPES = [(1, 0, 4, 4), (0, 3, 4, 4), (2, 4, 0, 8), (2, 4, 6, 0), (1, 4, 6, 8), (2, 3, 6, 8), (2, 4, 3, 8), (2, 4, 600, 8),
    (2, 4, 6, 9), (2, 8, 6, 8), (4, 6, 8), (), (2, 4, 6, 8, 1)]


@host_only("torch's attention for the CPU")
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["query", "key", "value"])
def test_attention_of_other_shapes(name, shape):
    if name == "query" and shape in ((2, 4, 3, 8), (2, 4, 600, 8), (2, 8, 6, 8)):   # any length, and more heads that share keys
        assert attention(query=shape)[0].shape == shape
    else:
        refused(lambda: attention(**{name: shape}))
    refused(lambda: attention_backward(**{name: shape}))


@host_only("torch's attention for the CPU")
@pytest.mark.parametrize("name, shape", [(name, shape) for name in ("grad", "out") for shape in SHAPES] + [
    ("logsumexp", shape) for shape in [(), (0,), (2, 4, 4), (2, 5, 5), (1, 4, 5), (2, 4, 5, 1), (2, 20)]])
def test_attention_gradients_of_other_shapes(name, shape):
    refused(lambda: attention_backward(**{name: shape}))


@host_only("torch's attention for the CPU")
def test_attention_along_strided_heads():
    """torch's kernel takes heads without a stride for granted; sums over such a result are right all the same."""
    torch.manual_seed(0)
    wide = [torch.randn(2, 4, 8, n).mT for n in (5, 6, 6)]
    expected = F.scaled_dot_product_attention(*(t.contiguous() for t in wide))
    out, logsumexp = A._scaled_dot_product_flash_attention_for_cpu(*(t.to(DEVICE).mT.contiguous().mT for t in wide))
    torch.testing.assert_close(out.cpu(), expected)


# ---- positions ----

class Made:
    """Tensors for one call on one device."""

    def __init__(self, device):
        self.device = device

    def ones(self, *shape):
        return torch.ones(shape, device=self.device)

    def zeros(self, *shape):
        return torch.zeros(shape, dtype=torch.int64, device=self.device)

    def last(self, value, *shape):
        """Positions of which only the last is not 0."""
        index = self.zeros(*shape)
        index.view(-1)[-1] = value
        return index

    def cuts(self, value):
        return torch.tensor([0, value, 3], device=self.device)


INDEXED = {
    "adaptive_max_pool2d_backward": lambda m, v: A.adaptive_max_pool2d_backward(m.ones(1, 3, 3, 3), m.ones(1, 3, 4, 4),
        m.last(v, 1, 3, 3, 3)),
    "adaptive_max_pool2d_backward out": lambda m, v: A.adaptive_max_pool2d_backward(m.ones(1, 3, 3, 3), m.ones(1, 3, 4, 4),
        m.last(v, 1, 3, 3, 3), grad_input=m.ones(1, 3, 4, 4)),
    "adaptive_max_pool3d_backward": lambda m, v: A.adaptive_max_pool3d_backward(m.ones(1, 3, 2, 2, 2), m.ones(1, 3, 4, 4, 4),
        m.last(v, 1, 3, 2, 2, 2)),
    "max_pool2d_backward, padded": lambda m, v: A.max_pool2d_with_indices_backward(m.ones(1, 3, 3, 3), m.ones(1, 3, 4, 4),
        [2, 2], [2, 2], [1, 1], [1, 1], False, m.last(v, 1, 3, 3, 3)),
    "max_pool2d_backward, windows overlap": lambda m, v: A.max_pool2d_with_indices_backward(m.ones(1, 3, 3, 3), m.ones(1, 3,
        4, 4), [2, 2], [1, 1], [0, 0], [1, 1], False, m.last(v, 1, 3, 3, 3)),
    "max_pool3d_backward": lambda m, v: A.max_pool3d_with_indices_backward(m.ones(1, 3, 2, 2, 2), m.ones(1, 3, 4, 4, 4),
        [2] * 3, [2] * 3, [0] * 3, [1] * 3, False, m.last(v, 1, 3, 2, 2, 2)),
    "embedding_dense_backward": lambda m, v: A.embedding_dense_backward(m.ones(3, 4), m.last(v, 3), 5, -1, True),
    "_embedding_bag offsets": lambda m, v: A._embedding_bag(m.ones(5, 4), m.zeros(3),
        m.cuts(v)) if v < 0 else A._embedding_bag(m.ones(5, 4), m.last(v, 3), m.cuts(1)),
    "_embedding_bag_dense_backward indices": lambda m, v: A._embedding_bag_dense_backward(m.ones(1, 4), m.last(v, 3),
        m.zeros(3), (m.zeros(1) + 3), m.zeros(1, 4), 5, False, 0, None),
    "_embedding_bag_dense_backward bags": lambda m, v: A._embedding_bag_dense_backward(m.ones(1, 4), m.zeros(3), m.last(v,
        3), (m.zeros(1) + 3), m.zeros(1, 4), 5, False, 0, None),
    "_embedding_bag_per_sample_weights_backward": lambda m, v: A._embedding_bag_per_sample_weights_backward(m.ones(1, 4),
        m.ones(5, 4), m.last(v, 3), m.zeros(1), m.zeros(3), 0),
    "_embedding_bag_per_sample_weights_backward bags": lambda m, v: A._embedding_bag_per_sample_weights_backward(m.ones(1,
        4), m.ones(5, 4), m.zeros(3), m.zeros(1), m.last(v, 3), 0),
    "segment_reduce offsets": lambda m, v: A.segment_reduce(m.ones(3, 4), "sum", offsets=m.cuts(v)),
    "segment_reduce unsafe lengths": lambda m, v: A.segment_reduce(m.ones(3, 4), "sum", lengths=m.cuts(v), unsafe=True),
    "_segment_reduce_backward offsets": lambda m, v: A._segment_reduce_backward(m.ones(2, 4), m.ones(2, 4), m.ones(3, 4),
        "sum", offsets=m.cuts(v)),
    "_segment_reduce_backward lengths": lambda m, v: A._segment_reduce_backward(m.ones(3, 4), m.ones(3, 4), m.ones(3, 4),
        "sum", lengths=m.cuts(v)),
    "_convert_indices_from_csr_to_coo": lambda m, v: A._convert_indices_from_csr_to_coo(m.cuts(v), m.zeros(3)),
    "_convert_indices_from_coo_to_csr": lambda m, v: A._convert_indices_from_coo_to_csr(m.last(v, 3), 3),
    "gather": lambda m, v: A.gather(m.ones(3, 4), 0, m.last(v, 3, 4)),
    "gather of rows": lambda m, v: A.gather(m.ones(3, 4), 1, m.last(v, 3, 1)),
    "scatter": lambda m, v: A.scatter(m.ones(3, 4), 0, m.last(v, 3, 4), m.ones(3, 4)),
    "scatter_add": lambda m, v: A.scatter_add(m.ones(3, 4), 0, m.last(v, 3, 4), m.ones(3, 4)),
    "index_add": lambda m, v: A.index_add(m.ones(3, 4), 0, m.last(v, 3), m.ones(3, 4)),
    "index_copy": lambda m, v: A.index_copy(m.ones(3, 4), 0, m.last(v, 3), m.ones(3, 4)),
    "index_select": lambda m, v: A.index_select(m.ones(3, 4), 0, m.last(v, 3)),
    "index": lambda m, v: A.index(m.ones(3, 4), [m.last(v, 3)]),
    "index_put": lambda m, v: A.index_put(m.ones(3, 4), [m.last(v, 3)], m.ones(3, 4)),
    "index_fill": lambda m, v: A.index_fill(m.ones(3, 4), 0, m.last(v, 3), 1),
    "take": lambda m, v: A.take(m.ones(3, 4), m.last(v, 3)), "put": lambda m, v: A.put(m.ones(3, 4), m.last(v, 3), m.ones(3)),
    "embedding": lambda m, v: A.embedding(m.ones(5, 4), m.last(v, 3)),
    "nll_loss": lambda m, v: A.nll_loss_forward(m.ones(3, 4), m.last(v, 3), None, 1, -100),
    "max_unpool2d": lambda m, v: A.max_unpool2d(m.ones(1, 3, 3, 3), m.last(v, 1, 3, 3, 3), [4, 4]),
    "max_unpool3d": lambda m, v: A.max_unpool3d(m.ones(1, 3, 2, 2, 2), m.last(v, 1, 3, 2, 2, 2), [4] * 3, [2] * 3, [0] * 3),
    "fractional_max_pool2d_backward": lambda m, v: A.fractional_max_pool2d_backward(m.ones(1, 3, 3, 3), m.ones(1, 3, 4, 4),
        [2, 2], [3, 3], m.last(v, 1, 3, 3, 3)),
    "multi_margin_loss": lambda m, v: A.multi_margin_loss(m.ones(3, 4), m.last(v, 3), 1, 1, None, 1),
}


@host_only("what torch's CPU kernels take as it is")
@pytest.mark.parametrize("value", [64, 20000000, -20000000, -13, 2**62, -2**62])
@pytest.mark.parametrize("name", INDEXED)
def test_positions_in_no_tensor(name, value):
    refused(lambda: INDEXED[name](Made(DEVICE), value), (IndexError, RuntimeError), match=None)


def ctc(device, target=1, input_length=5, target_length=2, joined=False, tensors=False, backward=True, alpha=(2, 5, 7)):
    torch.manual_seed(0)
    log_probs = torch.randn(5, 2, 4).log_softmax(2).to(device)
    targets = torch.tensor([[1, target, -9], [2, 3, 1]], device=device)   # a target of length 2, and padding
    inputs, lengths = [5, input_length], [target_length, 3]
    if joined:
        targets = torch.cat([targets[0, :target_length], targets[1]])
    if tensors:
        inputs, lengths = torch.tensor(inputs), torch.tensor(lengths)
    if not backward:
        return A._ctc_loss(log_probs, targets, inputs, lengths)
    loss, log_alpha = A._ctc_loss(log_probs.cpu(), torch.tensor([[1, 1, 0], [2, 3, 1]]), [5, 5], [2, 3])
    log_alpha = log_alpha.to(device) if log_alpha.shape == alpha else torch.zeros(alpha, device=device)
    return A._ctc_loss_backward(torch.ones(2, device=device), log_probs, targets, inputs, lengths, loss.to(device), log_alpha, 0)


CTC = [{"target": v} for v in (4, -1, 100, 20000000, -20000000)] + [{"target_length": v} for v in (4, 100, 20000000, -1)] + [
    {"input_length": v} for v in (6, 100, 20000000, -7)]


@host_only("torch's ctc_loss for the CPU")
@pytest.mark.parametrize("tensors", [False, True])
@pytest.mark.parametrize("changed", [*CTC, {"alpha": (2, 5, 6)}, {"alpha": (2, 4, 7)}, {"alpha": (1, 5, 7)}, {"alpha": (0,)}], ids=str)
def test_ctc_loss_of_what_is_not_there(changed, tensors):
    refused(lambda: ctc(DEVICE, tensors=tensors, **changed), (IndexError, RuntimeError), match=None)
    if "alpha" not in changed:
        refused(lambda: ctc(DEVICE, tensors=tensors, backward=False, **changed), (IndexError, RuntimeError), match=None)


@host_only("torch's ctc_loss for the CPU")
@pytest.mark.parametrize("tensors", [False, True])
@pytest.mark.parametrize("joined", [False, True])
def test_ctc_loss_takes_padding_behind_targets(joined, tensors):
    torch.testing.assert_close(ctc(DEVICE, joined=joined, tensors=tensors).cpu(), ctc("cpu", joined=joined, tensors=tensors))


@host_only("what torch's CPU kernels take as it is")
def test_positions_that_exist_are_taken():
    """The same calls with good positions, the last that there is, give what the CPU gives."""
    last = {"adaptive_max_pool2d_backward": 15, "adaptive_max_pool3d_backward": 63, "max_pool2d_backward, padded": 15,
            "max_pool3d_backward": 63, "embedding_dense_backward": 4, "_embedding_bag_dense_backward indices": 4,
            "segment_reduce offsets": 2, "_segment_reduce_backward offsets": 2, "_convert_indices_from_csr_to_coo": 2,
            "_convert_indices_from_coo_to_csr": 2}
    for name, good in last.items():
        torch.testing.assert_close(INDEXED[name](Made(DEVICE), good).cpu(), INDEXED[name](Made("cpu"), good), msg=name)
