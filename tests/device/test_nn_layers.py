"""hologram_torch.functional, nn and utils: values and gradients as torch's, on the CPU's tensors and on the device's."""

import copy
import gc

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import hologram_core
import hologram_torch as hg
from hologram_core import _runtime as rt
from tests.modes import host_only

DEVICES = ["cpu", "hologram"]
ON_DEVICE = pytest.param("hologram", marks=host_only("memory shared by DLPack"))


@pytest.fixture
def executor():
    with hg.Executor() as e:
        yield e


def tensors(device, *shapes, dtype=torch.float32):
    generator = torch.Generator().manual_seed(3)
    return [torch.randn(s, generator=generator, dtype=dtype).to(device).requires_grad_() for s in shapes]


CASES = {
    "add": (hg.functional.add, torch.add, [(3, 4), (3, 4)]), "add, broadcast": (hg.functional.add, torch.add, [(3, 4), (4,)]),
    "add, alpha": (lambda e, a, b: hg.functional.add(e, a, b, alpha=2.5), lambda a, b: torch.add(a, b, alpha=2.5), [(5,), (5,)]),
    "sub": (hg.functional.sub, torch.sub, [(3, 1), (1, 4)]), "mul": (hg.functional.mul, torch.mul, [(3, 4), (3, 4)]),
    "div": (hg.functional.div, torch.div, [(3, 4), (3, 4)]), "minimum": (hg.functional.minimum, torch.minimum, [(7,), (7,)]),
    "maximum": (hg.functional.maximum, torch.maximum, [(7,), (7,)]), "neg": (hg.functional.neg, torch.neg, [(7,)]),
    "abs": (hg.functional.abs, torch.abs, [(7,)]), "relu": (hg.functional.relu, torch.relu, [(40,)]),
    "sigmoid": (hg.functional.sigmoid, torch.sigmoid, [(4, 5)]), "tanh": (hg.functional.tanh, torch.tanh, [(4, 5)]),
    "gelu": (hg.functional.gelu, F.gelu, [(40,)]),
    "gelu, tanh": (lambda e, x: hg.functional.gelu(e, x, approximate="tanh"), lambda x: F.gelu(x, approximate="tanh"), [(40,)]),
    **{f"softmax, {d}": (lambda e, x, d=d: hg.functional.softmax(e, x, dim=d), lambda x, d=d: F.softmax(x, d), [(3, 4, 5)]) for d in (0, 1, -1)},
    "log_softmax": (lambda e, x: hg.functional.log_softmax(e, x, dim=1), lambda x: F.log_softmax(x, 1), [(3, 4)]),
    "layer_norm": (lambda e, x, w, b: hg.functional.layer_norm(e, x, (5,), w, b), lambda x, w, b: F.layer_norm(x, (5,), w, b), [(4, 5), (5,), (5,)]),
    "linear": (hg.functional.linear, F.linear, [(6, 5), (3, 5), (3,)]), "linear, no bias": (hg.functional.linear, F.linear, [(2, 6, 5), (3, 5)]),
    "matmul": (hg.functional.matmul, torch.matmul, [(2, 3, 4), (4, 5)]),
    **{f"mse_loss, {r}": (lambda e, p, t, r=r: hg.functional.mse_loss(e, p, t, reduction=r), lambda p, t, r=r: F.mse_loss(p, t, reduction=r), [(3, 4), (3, 4)])
       for r in ("mean", "sum", "none")},
    **{f"cross_entropy, {r}": (lambda e, p, r=r: hg.functional.cross_entropy(e, p, torch.tensor([1, 0, 3], device=p.device), reduction=r),
                               lambda p, r=r: F.cross_entropy(p, torch.tensor([1, 0, 3]), reduction=r), [(3, 4)]) for r in ("mean", "none")},
    "binary_cross_entropy": (lambda e, p, t: hg.functional.binary_cross_entropy(e, p.sigmoid(), t.sigmoid()),
                             lambda p, t: F.binary_cross_entropy(p.sigmoid(), t.sigmoid()), [(5,), (5,)]),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients(executor, name, device):
    ours, theirs, shapes = CASES[name]
    xs, ys = tensors(device, *shapes), tensors("cpu", *shapes)
    got, want = ours(executor, *xs), theirs(*ys)
    assert got.device.type == device
    torch.testing.assert_close(got.detach().cpu(), want.detach(), rtol=1e-5, atol=1e-6)
    weight = torch.arange(want.numel(), dtype=torch.float32).reshape(want.shape) + 1
    (got * weight.to(device)).sum().backward()
    (want * weight).sum().backward()
    for x, y in zip(xs, ys):
        torch.testing.assert_close(x.grad.cpu(), y.grad, rtol=2e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["mul", "sigmoid", "gelu", "linear", "softmax, -1", "layer_norm", "mse_loss, mean"])
def test_gradients_and_their_gradients_in_double(name):
    ours, _, shapes = CASES[name]
    xs = tensors("cpu", *shapes, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda *xs: ours(None, *xs), xs)
    assert torch.autograd.gradgradcheck(lambda *xs: ours(None, *xs), xs)


@host_only("CPU tensors that our kernels see")
def test_cpu_tensors_are_not_copied(executor):
    x = torch.randn(1 << 20)
    before = rt.memory_stats()["allocated_bytes"]["current"]
    rt.reset_peak_stats()
    y = hg.functional.relu(executor, x)
    assert rt.memory_stats()["allocated_bytes"]["peak"] - before <= x.nbytes + (1 << 16)      # the result alone
    torch.testing.assert_close(y, x.relu())
    del y
    gc.collect()
    assert rt.memory_stats()["allocated_bytes"]["current"] <= before


@host_only("CPU tensors that our kernels see")
def test_our_kernels_do_the_work(executor):
    before = rt.counters()["launched"]
    hg.functional.sigmoid(executor, torch.randn(100))
    assert rt.counters()["launched"] == before + 1


@pytest.mark.parametrize("view", [lambda x: x.t(), lambda x: x[::2, 1:], lambda x: x[:0], lambda x: x[1, 2], lambda x: x.expand(3, *x.shape)],
                         ids=["transposed", "strided", "empty", "0-dim", "expanded"])
def test_views_of_cpu_tensors(executor, view):
    x = view(torch.randn(6, 8))
    torch.testing.assert_close(hg.functional.tanh(executor, x), x.tanh(), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(hg.functional.add(executor, x, 1), x + 1)


def test_in_place():
    x = torch.randn(10)
    want = x.relu()
    assert hg.functional.relu(None, x, inplace=True) is x and torch.equal(x, want)
    w = torch.randn(10, requires_grad=True)
    y = hg.functional.relu(None, w * 2, inplace=True)
    y.sum().backward()
    assert torch.equal(w.grad, 2.0 * (w > 0))
    with pytest.raises(RuntimeError, match="in-place"):
        hg.functional.relu(None, w, inplace=True)


def test_changing_what_a_gradient_needs_is_an_error():
    w = torch.randn(5, requires_grad=True)
    x = w * 1
    loss = hg.functional.mul(None, x, x).sum()
    with torch.no_grad():
        x.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()
    x = w * 1
    loss = hg.functional.sigmoid(None, x).sum()      # its gradient needs the result only
    with torch.no_grad():
        x.add_(1)
    loss.backward()


def test_wrong_calls(executor):
    a = torch.randn(3)
    with pytest.raises(TypeError, match="Executor"):
        hg.functional.add(a, a, a)
    with pytest.raises(ValueError, match="cpu and hologram:0"):
        hg.functional.add(executor, a, a.to("hologram"))
    with pytest.raises(ValueError, match="meta"):
        hg.functional.relu(executor, a.to("meta"))
    with pytest.raises(RuntimeError, match="size of tensor"):
        hg.functional.add(executor, a, torch.randn(4))
    with pytest.raises(TypeError, match="no argument"):
        hg.functional.add(executor, 1, 2)
    executor.cleanup()
    with pytest.raises(RuntimeError, match="cleaned up"):
        hg.functional.add(executor, a, a)


# ---- layers ----

def network(nn):
    return torch.nn.Sequential(nn.Linear(8, 32), nn.LayerNorm(32), nn.GELU(), nn.Linear(32, 16), nn.Tanh(), nn.Dropout(0.0),
                               nn.Linear(16, 16), nn.Sigmoid(), nn.ReLU(), nn.Linear(16, 3))


@pytest.mark.parametrize("device", DEVICES)
def test_a_network_trains_like_torchs(device):
    torch.manual_seed(0)
    theirs = network(torch.nn)
    ours = network(hg.nn)
    ours.load_state_dict(theirs.state_dict())
    ours.to(device)
    x, t = torch.randn(64, 8), torch.randint(0, 3, (64,))
    histories = []
    for model, loss, d in ((theirs, torch.nn.CrossEntropyLoss(), "cpu"), (ours, hg.nn.CrossEntropyLoss(), device)):
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        history = []
        for _ in range(40):
            value = loss(model(x.to(d)), t.to(d))
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            history.append(value.item())
        histories.append(history)
    np.testing.assert_allclose(histories[0], histories[1], rtol=1e-3, atol=1e-4)
    assert histories[1][-1] < 0.7 * histories[1][0]


def test_layers_are_modules_of_torch():
    layer = hg.nn.Linear(4, 2, bias=False)
    assert isinstance(layer, torch.nn.Linear) and list(layer.state_dict()) == ["weight"]
    copied = copy.deepcopy(layer)
    x = torch.randn(3, 4)
    assert torch.equal(copied(x), layer(x))
    assert torch.equal(hg.nn.Softmax(dim=0)(x).sum(0).round(decimals=4), torch.ones(4))
    assert hg.nn.MSELoss(reduction="sum")(x, x * 2).item() == pytest.approx((x * x).sum().item(), rel=1e-5)
    dropped = hg.nn.Dropout(0.5)
    assert (dropped(torch.ones(1000)) == 0).sum() > 300 and (dropped.eval()(torch.ones(10)) == 1).all()


def test_cpu_tensors_are_untouched_by_the_package():
    """An earlier system registered copy_ on the CPU key."""
    x = torch.randn(5)
    y = torch.empty(5).copy_(x)
    assert torch.equal(x, y) and not torch._C._dispatch_has_kernel_for_dispatch_key("aten::copy_", "CPU")


# ---- utilities ----

@pytest.mark.parametrize("device", ["cpu", ON_DEVICE])
def test_tensors_and_buffers_share_memory(executor, device):
    x = torch.arange(12.0, device=device).reshape(3, 4)
    buffer, kept = hg.utils.tensor_to_buffer(executor, x)
    assert kept.data_ptr() == x.data_ptr() and buffer.length == 12
    hologram_core.ops.scalar_mul(executor, buffer, buffer, 2.0)
    assert torch.equal(x.cpu(), torch.arange(12.0).reshape(3, 4) * 2)
    x.add_(1)
    assert buffer.to_numpy()[1] == 3
    y = hg.utils.buffer_to_tensor(buffer, (4, 3))
    y[0, 0] = 50
    assert x[0, 0].item() == 50
    with pytest.raises(ValueError, match="elements"):
        hg.utils.buffer_to_tensor(buffer, (5, 3))


def test_incompatible_tensors(executor):
    for wrong in (torch.randn(4, 4).t(), torch.randn(3, device="meta"), torch.zeros(3, dtype=torch.complex64), torch.zeros(3).to_sparse()):
        with pytest.raises(ValueError):
            hg.utils.tensor_to_buffer(executor, wrong)
    with pytest.raises(TypeError):
        hg.utils.validate_tensor_compatible(np.zeros(3))


def test_executors_and_devices_to_match():
    x, d = torch.randn(3), torch.randn(3, device="hologram")
    assert hg.utils.create_executor_for_tensor(x).backend == "cpu"
    assert hg.utils.create_executor_for_tensor(d).backend == hg.get_backend()
    assert hg.utils.match_device(x, d).device == d.device and hg.utils.match_device(d, x).device.type == "cpu"
    assert torch.equal(hg.utils.match_device(d, x), d.cpu()) and hg.utils.match_device(x, x) is x
    with pytest.raises(ValueError):
        hg.utils.create_executor_for_tensor(torch.empty(3, device="meta"))


# ---- DLPack with torch ----

@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int8, torch.int64, torch.uint8, torch.bool])
@pytest.mark.parametrize("device", ["cpu", ON_DEVICE])
def test_dlpack_shares_memory(device, dtype):
    x = torch.arange(24).to(dtype).reshape(4, 6).to(device)
    t = hg.HologramTensor.from_dlpack(x[1:, ::2])
    y = torch.from_dlpack(t)
    assert y.dtype == dtype and y.device.type == "cpu" and y.shape == (3, 3) and y.stride() == (6, 2)
    assert torch.equal(y, x[1:, ::2].cpu())
    x.zero_()
    torch.hologram.synchronize()
    assert not y.any()


@host_only("memory shared by DLPack")
def test_dlpack_waits_for_recorded_ops():
    x = torch.arange(1000.0, device="hologram")
    y = (x * 2 + 1).relu()
    t = hg.HologramTensor.from_dlpack(y)
    assert t.to_numpy()[10] == 21
    y.mul_(10)
    assert t.to_numpy()[10] == 210
    z = torch.from_dlpack(y.sqrt())
    assert z.device.type == "hologram" and z[0].item() == pytest.approx(10 ** 0.5)
    again = torch.utils.dlpack.from_dlpack(torch.utils.dlpack.to_dlpack(y + 1))
    assert again.device.type == "hologram" and again[10].item() == 211


def test_dlpack_of_tensors_with_gradients():
    with pytest.raises(BufferError, match="gradient"):
        hg.HologramTensor.from_dlpack(torch.randn(3, requires_grad=True))


def test_helper_functions_of_the_documents():
    x = hg.utils.hologram_randn((3, 4))
    y = hg.utils.hologram_tensor([[1, 2], [3, 4]])
    assert x.shape == (3, 4) and torch.equal(hg.utils.to_pytorch(y), torch.tensor([[1.0, 2], [3, 4]]))
