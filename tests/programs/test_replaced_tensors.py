"""Parameters and inputs that get other memory or other values between forward and backward: the gradient, or the refusal, of torch's
CPU kernels. Each layer is tried with each way to change each of its tensors.

The oracle is torch without oneDNN, whose LSTM differentiates with weights that the forward pass never saw (last test)."""

import io
import re

import pytest
import torch
import torch.nn.functional as F
import torch.utils.checkpoint
from torch import nn

from tests.compare import DEVICE
from tests.modes import HOST_MEMORY


def values(*shape, scale=1.5):
    return (torch.linspace(-1.1, 1.3, torch.Size(shape).numel()).sin() * scale).reshape(shape)


def indices(high, *shape):
    return (torch.arange(torch.Size(shape).numel()) * 7 % high).reshape(shape)


class Call(nn.Module):
    """A function of its inputs and of one parameter."""

    def __init__(self, function, parameter):
        super().__init__()
        self.function, self.weight = function, nn.Parameter(parameter)

    def forward(self, *inputs):
        return self.function(*inputs, self.weight)


x234, images, sequence = values(2, 3, 4), values(2, 4, 6, 6), values(3, 2, 3)
rows, labels = values(4, 3), indices(3, 4)
LAYERS = {      # name: (module, inputs)
    "linear": (lambda: nn.Linear(3, 2), rows), "linear of a vector": (lambda: nn.Linear(3, 2, bias=False), values(3)),
    "linear of a batch": (lambda: nn.Linear(4, 2), x234), "bilinear": (lambda: nn.Bilinear(3, 4, 2), values(5, 3), values(5, 4)),
    "conv1d": (lambda: nn.Conv1d(3, 2, 3), x234), "conv2d": (lambda: nn.Conv2d(4, 3, 3, padding=1, bias=False), images),
    "conv2d of groups": (lambda: nn.Conv2d(4, 4, 3, groups=4), images), "conv3d": (lambda: nn.Conv3d(2, 3, 2), values(2, 2, 4, 4, 4)),
    "conv2d, reflecting": (lambda: nn.Conv2d(4, 3, 3, padding=1, padding_mode="reflect"), images),
    "conv_transpose1d": (lambda: nn.ConvTranspose1d(3, 2, 3), x234), "conv_transpose2d": (lambda: nn.ConvTranspose2d(4, 3, 3, stride=2), images),
    "conv_transpose3d": (lambda: nn.ConvTranspose3d(2, 3, 2), values(2, 2, 3, 3, 3)),
    "embedding": (lambda: nn.Embedding(7, 3), indices(7, 4, 2)),
    "embedding, max_norm": (lambda: nn.Embedding(7, 3, max_norm=0.5, scale_grad_by_freq=True), indices(7, 4, 2)),
    "bag, weighted sum": (lambda: nn.EmbeddingBag(7, 3, mode="sum"), indices(7, 4, 2), None, values(4, 2)),
    "bag, mean": (lambda: nn.EmbeddingBag(7, 3), indices(7, 4, 2)), "bag, max": (lambda: nn.EmbeddingBag(7, 3, mode="max"), indices(7, 4, 2)),
    "layer_norm": (lambda: nn.LayerNorm((3, 4)), x234), "rms_norm": (lambda: nn.RMSNorm(4), x234), "group_norm": (lambda: nn.GroupNorm(2, 4), images),
    "batch_norm1d": (lambda: nn.BatchNorm1d(3), rows), "batch_norm2d": (lambda: nn.BatchNorm2d(4), images),
    "batch_norm, eval": (lambda: nn.BatchNorm2d(4).eval(), images), "instance_norm": (lambda: nn.InstanceNorm2d(4, affine=True), images),
    "prelu": (lambda: nn.PReLU(3), rows), "prelu, one": (lambda: nn.PReLU(), rows),
    "lstm": (lambda: nn.LSTM(3, 4), sequence), "lstm of a state": (lambda: nn.LSTM(3, 4), sequence, (values(1, 2, 4), values(1, 2, 4))),
    "lstm, deep": (lambda: nn.LSTM(3, 2, num_layers=2, bidirectional=True, bias=False), sequence),
    "lstm, projected": (lambda: nn.LSTM(3, 4, proj_size=2), sequence), "gru": (lambda: nn.GRU(3, 4), sequence),
    "gru, both ways": (lambda: nn.GRU(3, 2, bidirectional=True, bias=False), sequence), "rnn": (lambda: nn.RNN(3, 4), sequence),
    "rnn, relu": (lambda: nn.RNN(3, 4, nonlinearity="relu"), sequence), "lstm_cell": (lambda: nn.LSTMCell(3, 4), rows),
    "gru_cell": (lambda: nn.GRUCell(3, 4), rows), "rnn_cell": (lambda: nn.RNNCell(3, 4), rows, values(4, 4)),
    "attention": (lambda: nn.MultiheadAttention(4, 2, batch_first=True), x234, values(2, 5, 4), values(2, 5, 4)),
    "attention, kdim": (lambda: nn.MultiheadAttention(4, 2, kdim=3, vdim=2, add_bias_kv=True), x234, values(2, 3, 3), values(2, 3, 2)),
    "encoder": (lambda: nn.TransformerEncoderLayer(4, 2, 6, dropout=0, batch_first=True), x234),
    "encoder, eval": (lambda: nn.TransformerEncoderLayer(4, 2, 6, dropout=0, batch_first=True).eval(), x234),
    "decoder": (lambda: nn.TransformerDecoderLayer(4, 2, 6, dropout=0, activation="gelu"), x234, values(5, 3, 4)),
    "adaptive softmax": (lambda: nn.AdaptiveLogSoftmaxWithLoss(4, 6, [2, 4]), values(5, 4), indices(6, 5)),
    "nll_loss": (lambda: Call(lambda x, y, w: F.nll_loss(x, y, w.detach()), values(3)), rows, labels),
    "cross_entropy": (lambda: Call(lambda x, y, w: F.cross_entropy(x, y, w.detach(), label_smoothing=0.1), values(3).abs()), rows, labels),
    "cross_entropy of probabilities": (lambda: Call(lambda x, y, w: F.cross_entropy(x, y.softmax(1), w.detach()), values(3).abs()), rows, rows),
    "bce": (lambda: Call(lambda x, y, w: F.binary_cross_entropy(x.sigmoid(), y.sigmoid(), w.detach()), values(3).abs()), rows, rows * 2),
    "bce of logits": (lambda: Call(lambda x, y, w: F.binary_cross_entropy_with_logits(x, y.sigmoid(), w.detach(), pos_weight=w.detach()),
                                   values(3).abs()), rows, rows * 2),
    "mse_loss": (lambda: Call(lambda x, y, w: F.mse_loss(x, y, weight=w.expand(4, 3)), values(3).abs()), rows, rows * 2),
    "multi_margin_loss": (lambda: Call(lambda x, y, w: F.multi_margin_loss(x, y, weight=w.detach()), values(3).abs()), rows, labels),
    "gaussian_nll_loss": (lambda: Call(lambda x, y, w: F.gaussian_nll_loss(x, y, w.abs().expand(4, 3)), values(3) + 3), rows, rows * 2),
    "sdpa": (lambda: Call(F.scaled_dot_product_attention, x234 * 2), x234, x234 / 2),
    "sdpa of a mask": (lambda: Call(lambda q, k, m: F.scaled_dot_product_attention(q, k, k, m), values(3, 3)), x234, x234 / 2),
    "matmul": (lambda: Call(torch.matmul, values(4, 2)), x234), "mv": (lambda: Call(torch.matmul, values(4)), x234),
    "addmm": (lambda: Call(lambda x, w: torch.addmm(w, x, w), values(3, 3)), values(3, 3)),
    "baddbmm": (lambda: Call(lambda x, w: torch.baddbmm(w, x, x.mT), values(3, 3)), x234),
    "einsum": (lambda: Call(lambda x, w: torch.einsum("bi,ij,bj->b", x, w, x), values(3, 3)), rows),
    "renorm": (lambda: Call(lambda x, w: torch.renorm(w, 2, 0, 0.5) @ x, values(3, 3)), x234),
    "weight_norm": (lambda: Call(lambda x, g, v: torch._weight_norm(v, g, 0) @ x, values(3, 3)), x234, values(3, 1)),
    "pointwise": (lambda: Call(lambda x, w: (x * w).exp() / w + torch.where(x > w, x.abs().pow(w), w).atan2(x * x), values(3) + 2), rows),
    "reductions": (lambda: Call(lambda x, w: (x * w).softmax(1).amax(1) + (x - w).norm(dim=1) * (x * w).logsumexp(1) + (x / w).std(1),
                                values(3) + 2), rows),
}


def other(t):
    return t.detach() * -2 + 1


@torch.no_grad()
def under_no_grad(t, name):
    getattr(t, name)(other(t))


def stepped(t, optimizer, **options):
    grad, t.grad = t.grad, torch.ones_like(t.detach())
    optimizer([t], lr=0.5, **options).step()
    t.grad = grad


def exchanged(t):
    average = nn.Parameter(other(t))
    t.data, average.data = average.data, t.data


def converted(module, future):
    getattr(torch.__future__, future)(True)
    try:
        module.to(torch.bfloat16)
    finally:
        getattr(torch.__future__, future)(False)


def loaded(module, **options):
    module.load_state_dict({k: other(v) if v.is_floating_point() else v for k, v in module.state_dict().items()}, **options)


def assign(t, data):
    t.data = data


OF_TENSORS = {
    "data": lambda t: assign(t, other(t)), "data of another type": lambda t: assign(t, other(t).bfloat16()),
    "data of other strides": lambda t: assign(t, torch.stack([other(t)] * 2, -1)[..., 0]), "data.copy_": lambda t: t.data.copy_(other(t)),
    "copy_": lambda t: under_no_grad(t, "copy_"), "set_": lambda t: under_no_grad(t, "set_"),
    "data.set_": lambda t: t.data.set_(other(t).untyped_storage(), 0, t.shape, t.stride()), "detach": lambda t: t.detach().mul_(2),
    "swap_tensors": lambda t: torch.utils.swap_tensors(t, nn.Parameter(other(t))), "exchange": exchanged,
    "SGD": lambda t: stepped(t, torch.optim.SGD), "AdamW": lambda t: stepped(t, torch.optim.AdamW), "Adam": lambda t: stepped(t, torch.optim.Adam),
}
USUAL = ("data", "copy_", "swap_tensors", "AdamW")
OF_MODULES = {
    "nothing": lambda m: None, "to": lambda m: m.to(torch.bfloat16), "to, swapping": lambda m: converted(m, "set_swap_module_params_on_conversion"),
    "to, overwriting": lambda m: converted(m, "set_overwrite_module_params_on_conversion"), "load": loaded,
    "load, assigning": lambda m: loaded(m, assign=True),
    "vector": lambda m: nn.utils.vector_to_parameters(other(nn.utils.parameters_to_vector(m.parameters())), m.parameters()),
}


def on(device, value):
    if isinstance(value, tuple):
        return tuple(on(device, v) for v in value)
    if value is None or not value.is_floating_point():
        return value if value is None else value.to(device)
    return value.to(device, copy=True).requires_grad_()


def tensors_of(module, inputs):
    flat = [v for value in inputs for v in (value if isinstance(value, tuple) else (value,))]
    return {**dict(module.named_parameters()), **{f"input {i}": t for i, t in enumerate(flat) if t is not None and t.is_floating_point()}}


# What a graph says of a tensor that is not what it was, of one of several views that is not, of one it has in use (now or in the
# backward pass), and of attention that cannot be differentiated twice: which it meets first depends on the order of its nodes.
REFUSALS = re.compile("modified by an inplace operation|has been modified inplace|swap_tensors|use_count|Couldn't swap|^derivative for ")


def refusal(error):
    text = str(error).split(" Hint: ")[0]
    return type(error), "refused" if REFUSALS.search(text) else re.sub("hologram(:0)?", "cpu", text)


def gradients(device, layer, change, name=None, twice=False):
    """After `change` of the tensor `name`, or of the module; of a gradient's gradient if `twice`. Or the refusal."""
    torch.manual_seed(0)
    make, *inputs = LAYERS[layer]
    module, inputs = make().to(device), on(device, tuple(inputs))
    tensors = tensors_of(module, inputs)
    leaves = list(tensors.values())
    try:
        out = module(*inputs)
        out = out[0] if isinstance(out, tuple) else out
        loss = (out * out.detach().cos()).sum()
        if twice:
            first = torch.autograd.grad(loss, leaves, create_graph=True, allow_unused=True)
            loss = sum(g.square().sum() for g in first if g is not None)
        change(module if name is None else tensors[name])
        loss.backward()
    except Exception as error:
        return refusal(error)
    return [None if t.grad is None else (t.grad.dtype, t.grad.float().cpu()) for t in leaves]


def differ(actual, expected):
    if isinstance(actual, tuple) or isinstance(expected, tuple):
        return actual != expected
    return any((a is None) != (e is None) or a is not None and (
        a[0] != e[0] or not torch.allclose(a[1], e[1], equal_nan=True, **({"rtol": 2e-2, "atol": 2e-2} if e[0] == torch.bfloat16 else {"rtol": 1e-3, "atol": 1e-4})))
        for a, e in zip(actual, expected, strict=True))


@pytest.fixture
def no_mkldnn():
    before = torch._C._get_mkldnn_enabled()
    torch._C._set_mkldnn_enabled(False)
    yield
    torch._C._set_mkldnn_enabled(before)


if HOST_MEMORY:     # To differentiate the gradient, a cell is computed again with views of its inputs.
    RECURRENT = {(layer, "data twice", name): "values of the pass" for layer, name in (("lstm_cell", "input 0"), ("gru_cell", "input 0"), ("rnn_cell", "input 1"))}
else:               # The fused cells of every accelerator save the biases too, for a second derivative.
    RECURRENT = {(layer, how, name + end): "refuses"
                 for layers, end in ((("lstm", "lstm of a state", "lstm, projected", "gru"), "_l0"), (("lstm_cell", "gru_cell"), ""))
                 for layer in layers for name in ("bias_ih", "bias_hh") for how in ("copy_", "AdamW")}

# Where the device's nodes keep something else than the CPU's, and therefore do not do what they do. "Refuses": the CPU gives a gradient.
KNOWN = {
    **RECURRENT,
    # The CPU multiplies copies of batches that come first; the device multiplies them as they lie.
    **{(layer, how, "input 0"): "refuses" for layer in ("attention", "encoder", "encoder, eval")
       for how in ("copy_", "set_", "detach", "SGD", "Adam", "AdamW")},
    **{(layer, "data.copy_", "input 0"): "new values" for layer in ("attention", "encoder", "encoder, eval")},
    **{("attention", how, f"input {i}"): "refuses" for i in (1, 2) for how in ("copy_", "AdamW")}, ("attention", "copy_ twice", "input 2"): "refuses",
    # On the CPU rms_norm is a product of what it saves in between; the device has the kernel of the accelerators, which reads its input.
    **{("rms_norm", how, "input 0"): "new values" for how in ("data", "data of another type", "data of other strides", "data.copy_", "exchange", "data twice")},
    **{("rms_norm", how, name): "in bfloat16" for how, name in (("data of another type", "weight"), ("to", None))},
    ("rms_norm", "copy_ twice", "weight"): "refuses",
    # A type that is not its input's: the kernel of the CPU refuses.
    ("layer_norm", "data of another type", "input 0"): "computes",
    # No elements, no values to be wrong: the fused step leaves them alone.
    **{("adaptive softmax", "AdamW", f"tail.1.{i}.weight"): "computes" for i in range(2)},
}


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
@pytest.mark.parametrize("layer", LAYERS)
def test_gradients_of_what_was_replaced(layer, no_mkldnn):
    make, *inputs = LAYERS[layer]
    names = list(tensors_of(make(), on("cpu", tuple(inputs))))
    names = names if len(names) < 8 else names[:1] + names[1:-1:3] + names[-1:]
    changes = [(how, name, False) for name in names for how in (OF_TENSORS if name in (names[0], "input 0") else USUAL)]
    changes += [(how, None, False) for how in OF_MODULES] + [(how, name, True) for name in names[:1] + names[-1:] for how in ("data", "copy_")]
    unlike, known = [], {case for case in KNOWN if case[0] == layer}
    for how, name, twice in changes:
        change = OF_MODULES[how] if name is None else OF_TENSORS[how]
        expected, actual = (gradients(device, layer, change, name, twice) for device in ("cpu", DEVICE))
        case = layer, how + " twice" * twice, name
        if differ(actual, expected) != (case in known):
            unlike.append((*case, *(v if isinstance(v, tuple) else "values" for v in (actual, expected)), KNOWN.get(case, "not known")))
        known.discard(case)
    assert not unlike, "\n".join(map(str, unlike))
    assert not known, f"listed, and not tried: {known}"


# ---- what swaps parameters, or packs what a graph saves, around a pass ----

def model_of(device):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6), nn.GELU(), nn.Linear(6, 4), nn.RMSNorm(4), nn.PReLU()).to(device)


def finish(module, x, out):
    (out * out.detach().cos()).sum().backward()
    return [x.grad, *(p.grad for p in module.parameters())]


def functional(device, swap):
    module, x = model_of(device), on(device, x234)
    replaced = {k: (other(v).requires_grad_()) for k, v in module.named_parameters()}
    out = torch.func.functional_call(module, replaced, x)
    if swap:
        for value in (*replaced.values(), *module.parameters()):
            value.data = torch.zeros_like(value)
    return [*finish(module, x, out), *(v.grad for v in replaced.values())]


def averaged(device):
    """A pass with the averaged weights, another one with the trained, and both differentiated afterwards."""
    module, x = model_of(device), on(device, x234)
    averages = [other(p) for p in module.parameters()]
    outs = []
    for _ in range(2):
        outs.append(module(x))
        for p, average in zip(module.parameters(), averages):
            p.data, average.data = average.data, p.data
    return finish(module, x, outs[0] * outs[1])


def normed(device, norm, change):
    torch.manual_seed(0)
    module = norm(nn.Linear(4, 4)).to(device)
    x = on(device, x234)
    out = module(x)
    for p in module.parameters():
        change(p)
    return finish(module, x, out)


class Doubled(nn.Module):
    def forward(self, weight):
        return weight * 2 + weight.sin()


def parametrized(module):
    nn.utils.parametrize.register_parametrization(module, "weight", Doubled())
    return module


def packed(device, pack, unpack):
    module, x = model_of(device), on(device, x234)
    with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
        out = module(x)
    for p in module.parameters():
        p.data = torch.zeros_like(p)
    return finish(module, x, out)


def to_bytes(t):
    file = io.BytesIO()
    torch.save(t, file)
    return file.getvalue()


def offloaded(device, change):
    module, x = model_of(device), on(device, x234)
    with torch.autograd.graph.save_on_cpu():
        out = module(x)
    for p in module.parameters():
        change(p)
    return finish(module, x, out)


def checkpointed(device, change, **options):
    module, x = model_of(device), on(device, x234)
    out = torch.utils.checkpoint.checkpoint(module, x, **options)
    for p in module.parameters():
        change(p)
    return finish(module, x, out)


def copied_first(device):
    """The pass after allow_mutation_on_saved_tensors: changes are of copies."""
    module, x = model_of(device), on(device, x234)
    with torch.autograd.graph.allow_mutation_on_saved_tensors():
        out = module(x)
        with torch.no_grad():
            for p in module.parameters():
                p.mul_(3)
        return finish(module, x, out)


def kept(p):
    p.data = torch.zeros_like(p)


def changed(p):
    under_no_grad(p, "copy_")


PROGRAMS = {
    "functional_call": lambda d: functional(d, False), "functional_call, replaced": lambda d: functional(d, True), "averages": averaged,
    **{f"{name}, {how}": lambda d, norm=norm, change=change: normed(d, norm, change) for name, norm in {
        "weight_norm": nn.utils.parametrizations.weight_norm, "spectral_norm": nn.utils.parametrizations.spectral_norm,
        "orthogonal": nn.utils.parametrizations.orthogonal, "old weight_norm": nn.utils.weight_norm, "old spectral_norm": nn.utils.spectral_norm,
        "parametrize": parametrized}.items() for how, change in {"data": kept, "copy_": changed}.items()},
    "packed as bytes": lambda d: packed(d, to_bytes, lambda b: torch.load(io.BytesIO(b))), "packed clones": lambda d: packed(d, torch.clone, lambda t: t),
    "packed detached": lambda d: packed(d, torch.detach, lambda t: t),
    **{f"checkpoint, {how}, {reentrant}": lambda d, change=change, reentrant=reentrant: checkpointed(d, change, use_reentrant=reentrant)
       for reentrant in (True, False) for how, change in {"data": kept, "copy_": changed}.items()},
    "mutation allowed": copied_first,
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_that_replace(name, no_mkldnn):
    def outcome(device):
        try:
            return [None if t is None else (t.dtype, t.float().cpu()) for t in PROGRAMS[name](device)]
        except RuntimeError as error:
            return refusal(error)

    expected, actual = outcome("cpu"), outcome(DEVICE)
    assert not differ(actual, expected), (actual, expected)


@pytest.mark.parametrize("change", [kept, changed])
def test_what_was_offloaded_keeps_its_values(change):
    """On the CPU save_on_cpu() copies nothing; a device's copies are those of the pass."""
    actual, expected = offloaded(DEVICE, change), offloaded("cpu", lambda p: None)
    for a, e in zip(actual, expected, strict=True):
        torch.testing.assert_close(a.cpu(), e, rtol=1e-4, atol=1e-5)


def test_an_lstm_differentiates_what_it_computed():
    """oneDNN's, which the CPU takes for float32, saves the parameters themselves: replaced, they are what it differentiates with."""
    if not torch.backends.mkldnn.is_available():
        return
    assign_ones = lambda t: assign(t, torch.ones_like(t))
    for name in ("weight_ih_l0", "weight_hh_l0"):
        replaced, kept = (gradients(DEVICE, "lstm", change, name) for change in (assign_ones, lambda t: None))
        assert not differ(replaced, kept)
        replaced, kept = (gradients("cpu", "lstm", change, name) for change in (assign_ones, lambda t: None))
        assert differ(replaced, kept)
