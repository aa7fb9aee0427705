"""Corners of torch's interface where a device must do what the CPU does: lazy clones, metadata, warnings, what a graph keeps, and
nested tensors."""

import copy
import gc
import io
import itertools
import pickle
import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.compare import DEVICE, assert_same, check_program
from tests.modes import FLOAT64

# ---- lazy clones ----

CLONED = {
    "whole": lambda x: x, "view": lambda x: x[1:], "strided": lambda x: x[:, ::2], "transposed": lambda x: x.t(), "expanded": lambda x: x[:1].expand(3, 4),
    "empty": lambda x: x[:0], "number": lambda x: x[0, 0], "integers": lambda x: x.to(torch.int16), "complex": lambda x: torch.complex(x, x).conj(),
    "negated": lambda x: torch._neg_view(x), "a clone": torch._lazy_clone,
}


@pytest.mark.parametrize("name", CLONED)
def test_lazy_clones(name):
    def program(device):
        x = torch.arange(12.0).to(device).reshape(3, 4) * 2 + 1
        source = CLONED[name](x)
        clone = torch._lazy_clone(source)
        before, layout = clone.clone(), [clone.stride(), clone.storage_offset(), clone.untyped_storage().nbytes(), clone.is_conj(), clone.is_neg()]
        source_before = source.clone()
        if name != "expanded":
            clone.add_(1)
        after = source.clone()
        x.mul_(3)
        return [before, layout, source_before, after, clone.clone(), x]

    check_program(program)


def test_gradients_through_lazy_clones():
    def program(device):
        x = torch.arange(4.0).to(device).requires_grad_()
        y = torch._lazy_clone(x * 2)
        y.mul_(3)
        y.sum().backward()
        return [y.detach(), x.grad]

    check_program(program)


# ---- metadata ----

def metadata_of(t):
    return torch._utils.get_tensor_metadata(t)


def test_metadata_of_tensors():
    flags = {"version_number": True, "format_number": False}
    t = torch.arange(3.0).to(DEVICE)
    assert metadata_of(t) == {}
    torch._utils.set_tensor_metadata(t, flags)
    assert metadata_of(t) == flags and metadata_of(t.detach()) == flags and metadata_of(t + 1) == {}
    file = io.BytesIO()
    torch.save({"t": t, "view": t[1:]}, file)
    file.seek(0)
    loaded = torch.load(file)
    assert metadata_of(loaded["t"]) == flags and metadata_of(loaded["view"]) == metadata_of(t[1:])
    assert metadata_of(pickle.loads(pickle.dumps(t))) == flags and loaded["t"].tolist() == [0, 1, 2]
    torch._utils.set_tensor_metadata(t, {"another": True})
    assert metadata_of(t) == {"another": True}
    torch._utils.set_tensor_metadata(t, {})
    assert metadata_of(t) == {}


@pytest.mark.parametrize("lazy", [lambda x: x.conj(), torch._neg_view, lambda x: torch._neg_view(x.conj())], ids=["conj", "neg", "both"])
def test_lazy_bits_travel_with_tensors(lazy):
    def program(device):
        x = lazy((torch.arange(3.0) + 1j).to(device) * 2)
        file = io.BytesIO()
        torch.save(x, file)
        file.seek(0)
        copies = [torch.load(file), pickle.loads(pickle.dumps(x)), copy.deepcopy(x)]
        return [*(y.resolve_conj().resolve_neg() for y in copies), [(y.is_conj(), y.is_neg(), metadata_of(y)) for y in copies], metadata_of(x)]

    check_program(program)


# ---- types, warnings ----

@pytest.mark.parametrize("make", [
    lambda d: torch.empty(3, dtype=torch.complex32, device=d), lambda d: torch.empty_strided((2,), (2,), dtype=torch.complex32, device=d),
    lambda d: torch.zeros(2, dtype=torch.complex32, device=d), lambda d: torch.ones(2, device=d).to(torch.complex32),
    lambda d: torch.empty(3, dtype=torch.complex64, device=d)], ids=["empty", "strided", "zeros", "to", "another type"])
def test_complex_half_is_experimental(make):
    def texts(device):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            torch.set_warn_always(True)
            try:
                make(device)
            finally:
                torch.set_warn_always(False)
        return {str(w.message).split(" (Triggered")[0] for w in caught}

    assert texts(DEVICE) == texts("cpu")


def test_every_type_that_is_promised_works():
    promised = torch.accelerator.get_device_capability()["supported_dtypes"]
    assert {torch.complex32, torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz, torch.float8_e8m0fnu} <= promised
    for dtype in promised - (set() if FLOAT64 else {torch.float64, torch.complex128}):
        x = torch.tensor([1.0, 0.0, 2.0]).to(dtype)
        y = x.to(DEVICE)
        assert y.dtype == dtype and torch.equal(y.cpu().view(torch.uint8), x.view(torch.uint8)), dtype
        assert torch.equal(y.clone().to(torch.complex64 if dtype.is_complex else torch.float32).cpu(),
                           x.to(torch.complex64 if dtype.is_complex else torch.float32)), dtype
        assert torch.zeros(2, dtype=torch.float32, device=DEVICE).to(dtype).dtype == dtype
    assert not any(dtype in promised for dtype in (torch.qint8, torch.quint8, torch.qint32))


# ---- what the graph of a linear layer keeps ----

CHANGES = ["swap", "data", "set_", "copy_", "to", "swap in to"]
LAYERS = {"one": lambda: nn.Linear(3, 2), "no bias": lambda: nn.Linear(3, 2, bias=False), "two": lambda: nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)),
          "attention": lambda: nn.MultiheadAttention(3, 1, batch_first=True)}


def change(owner, name, model, how):
    ones = nn.Parameter(torch.ones_like(getattr(owner, name)))
    if how == "swap":
        torch.utils.swap_tensors(getattr(owner, name), ones)
    elif how == "data":
        getattr(owner, name).data = ones.data
    elif how in ("set_", "copy_"):
        with torch.no_grad():
            getattr(getattr(owner, name), how)(ones)
    elif how == "to":
        model.to(torch.bfloat16)
    else:
        torch.__future__.set_swap_module_params_on_conversion(True)
        try:
            model.to(torch.bfloat16)
        finally:
            torch.__future__.set_swap_module_params_on_conversion(False)


def changed(device, layer, shape, needs_grad, name, how):
    """Gradients after a parameter was changed between forward and backward; or "refused"."""
    torch.manual_seed(0)
    model = LAYERS[layer]().to(device)
    x = torch.linspace(-1, 2, torch.Size(shape).numel()).reshape(shape).to(device).requires_grad_(needs_grad)
    out = model(x, x, x)[0] if layer == "attention" else model(x)
    owner, _, leaf = name.rpartition(".")
    try:
        change(model.get_submodule(owner), leaf, model, how)
        out.sum().backward()
    except RuntimeError:
        return "refused"
    return [None if t.grad is None else t.grad.float() for t in (x, *model.parameters())]


@pytest.mark.parametrize("needs_grad", [False, True])
@pytest.mark.parametrize("layer, shape", [("one", (4, 3)), ("one", (2, 4, 3)), ("one", (3,)), ("no bias", (4, 3)), ("two", (4, 3)), ("attention", (2, 4, 3))])
def test_parameters_that_change_while_a_graph_lives(layer, shape, needs_grad):
    names = [n for n, _ in LAYERS[layer]().named_parameters()]
    for name, how in itertools.product(names, CHANGES):
        expected, actual = (changed(d, layer, shape, needs_grad, name, how) for d in ("cpu", DEVICE))
        assert (actual == "refused") == (expected == "refused"), (name, how, actual, expected)
        if actual != "refused":
            assert_same([None if t is None else t.cpu() for t in actual], expected)


def test_a_weight_is_swapped_while_its_graph_lives():
    model = nn.Linear(3, 2).to(DEVICE)
    out = model(torch.ones(1, 3, device=DEVICE))
    torch.utils.swap_tensors(model.weight, nn.Parameter(torch.zeros(2, 3, device=DEVICE)))
    assert model.weight.count_nonzero().item() == 0
    with pytest.raises(RuntimeError, match="poisoned by swap_tensors"):
        out.sum().backward()


@pytest.mark.parametrize("frozen", ["weight", "input"])
def test_a_frozen_side_keeps_nothing_of_the_other(frozen):
    def kept(device):
        """Bytes of what saved_tensors_hooks see, and the gradients, twice differentiated."""
        weight = torch.linspace(-1, 1, 12).reshape(3, 4).to(device).requires_grad_(frozen != "weight")
        x = torch.linspace(-2, 1, 400).reshape(100, 4).to(device).requires_grad_(frozen != "input")
        seen = []
        with torch.autograd.graph.saved_tensors_hooks(lambda t: (seen.append(t.untyped_storage().nbytes()), t)[1], lambda t: t):
            out = F.linear(x, weight)
        leaf = x if frozen == "weight" else weight
        first, = torch.autograd.grad(out.square().sum(), leaf, create_graph=True)
        second, = torch.autograd.grad(first.sum(), leaf)
        return max(seen, default=0), [first.detach().cpu(), second.cpu()]

    (limit, expected), (most, actual) = kept("cpu"), kept(DEVICE)
    assert most <= max(limit, 64)
    assert_same(actual, expected)


def test_the_input_of_a_frozen_layer_is_freed():
    weight = torch.ones(8, 1 << 16, device=DEVICE)
    gc.collect()

    def grows(requires_grad):
        w = weight.clone().requires_grad_(requires_grad)
        torch.hologram.synchronize()
        before = torch.hologram.memory_allocated()
        x = torch.ones(16, 1 << 16, device=DEVICE, requires_grad=True)
        out = F.linear(x * 2, w)
        del x
        torch.hologram.synchronize()
        return torch.hologram.memory_allocated() - before, out

    assert grows(False)[0] < grows(True)[0] - (2 << 20)      # what x * 2 takes


# ---- nested tensors ----

def jagged(device, *widths, rows=(3, 5, 2), scale=1.0, requires_grad=True):
    torch.manual_seed(0)
    return torch.nested.nested_tensor([(scale * torch.randn(n, *widths)).to(device) for n in rows], layout=torch.jagged, requires_grad=requires_grad)


def heads(x):
    return x.unflatten(-1, (2, 4)).transpose(1, 2)


def attention(device, **options):
    x = jagged(device, 8)
    out = F.scaled_dot_product_attention(heads(x * 1.0), heads(x * 0.5), heads(x * 2.0), **options).transpose(1, 2).flatten(-2)
    return x, out


NESTED = {
    "attention": lambda d: attention(d), "attention, scaled": lambda d: attention(d, scale=0.3),
    "attention, projected": lambda d: (lambda x, w: (x, F.scaled_dot_product_attention(*(heads(F.linear(x, w)) for _ in range(3))).transpose(1, 2).flatten(-2)))(
        jagged(d, 8), torch.linspace(-1, 1, 64).reshape(8, 8).to(d)),
    "linear": lambda d: (lambda x: (x, F.linear(x, torch.linspace(-1, 1, 24).reshape(3, 8).to(d))))(jagged(d, 8)),
    "layer_norm": lambda d: (lambda x: (x, F.layer_norm(x, (8,))))(jagged(d, 8)), "softmax": lambda d: (lambda x: (x, x.softmax(-1)))(jagged(d, 8)),
    "pointwise": lambda d: (lambda x: (x, x.sin() * x + 1))(jagged(d, 8)), "gelu": lambda d: (lambda x: (x, F.gelu(x)))(jagged(d, 8)),
    "broadcast": lambda d: (lambda x: (x, x * torch.arange(8.0).to(d)))(jagged(d, 8)), "half": lambda d: (lambda x: (x, (x * 0.5).transpose(1, 2).transpose(1, 2)))(jagged(d, 8)),
    "one row": lambda d: (lambda x: (x, F.scaled_dot_product_attention(*(heads(x * f) for f in (1.0, 0.5, 2.0))).transpose(1, 2).flatten(-2)))(
        jagged(d, 8, rows=(1, 1, 4))),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NESTED)
def test_jagged_tensors(name):
    def program(device):
        x, out = NESTED[name](device)
        loss = (out * out).values().sum()
        loss.backward()
        return [out.values().detach(), loss.detach(), x.grad.values(), out.shape[0], out.shape[2]]

    check_program(program, rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore")
def test_what_describes_a_nested_tensor_lies_on_the_cpu():
    def program(device):
        t = torch.nested.nested_tensor([torch.arange(6.0).reshape(2, 3).to(device) * 2, torch.arange(3.0).reshape(1, 3).to(device) + 1])
        parts = [t._nested_tensor_size(), t._nested_tensor_strides(), t._nested_tensor_storage_offsets()]
        assert all(p.device.type == "cpu" for p in parts)
        again = torch._nested_view_from_buffer(t.values(), *parts)
        elsewhere = torch._nested_view_from_buffer(t.values(), *((p.to(device) * 2) // 2 for p in parts))     # recorded
        return [again[0], again[1], elsewhere[0], elsewhere[1], [p.tolist() for p in parts], *pickle.loads(pickle.dumps(t)).unbind()]

    check_program(program)
