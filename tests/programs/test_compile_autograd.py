"""Regions with gradients under torch.compile: what autograd can ask of any function, of one whose two passes are plans."""

import copy
import gc
import weakref

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import hologram_torch
from hologram_torch import _C
from tests.compare import DEVICE
from tests.programs.regions import new_graphs, runs  # noqa: F401  a fixture

pytestmark = pytest.mark.skipif(hologram_torch.get_backend() != "cpu", reason="graphs are captured on the cpu backend only")


def same(a, b):
    torch.testing.assert_close(a, b, rtol=0, atol=0)


def R(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE)


def warm(function, *inputs, calls=5):
    """The compiled function, whose forward and backward passes are replayed from now on."""
    run = torch.compile(function)
    for _ in range(calls):
        results = run(*(x.detach().requires_grad_(x.requires_grad) for x in inputs))
        sum(t.sum() for t in (results if isinstance(results, tuple) else (results,)) if t.requires_grad).backward()
    assert min(runs()) >= 2
    return run


def curve(x, w):
    return (x @ w).tanh() * w.sum()


def leaves():
    return R(3, 4).requires_grad_(), R(4, 4, seed=1).requires_grad_()


def test_the_node_is_one_call():
    run = warm(curve, *leaves())
    x, w = leaves()
    before = runs()
    y = run(x, w)
    assert y.grad_fn.name() == "CompiledFunctionBackward" and [n for n, _ in y.grad_fn.next_functions if n] != []
    y.backward(R(3, 4, seed=2))
    assert runs() == [n + 1 for n in before]
    expected = torch.autograd.grad(curve(x, w), (x, w), R(3, 4, seed=2))
    same((x.grad, w.grad), expected)


def test_twice_through_the_graph():
    run = warm(curve, *leaves())
    x, w = leaves()
    y = run(x, w)
    first = torch.autograd.grad(y.sum(), (x, w), retain_graph=True)
    same(torch.autograd.grad(y.sum(), (x, w)), first)
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        torch.autograd.grad(y.sum(), (x, w))


def test_second_derivatives_are_refused_when_they_are_asked_for():
    run = warm(curve, *leaves())
    x, w = leaves()
    gradient, = torch.autograd.grad(run(x, w).sum(), x, create_graph=True)
    assert gradient.requires_grad
    same(gradient, torch.autograd.grad(curve(x, w).sum(), x)[0])
    with pytest.raises(RuntimeError, match="does not currently support double backward"):
        gradient.sum().backward()


def test_what_was_saved_and_is_written_afterwards():
    run = warm(curve, *leaves())
    x, w = leaves()
    y = run(x, w)
    with torch.no_grad():
        w.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()
    out = run(x, w)
    out.add_(1)                     # a result that backward does not want
    out.sum().backward()
    assert x.grad is not None


def test_gradients_that_are_missing_or_lie_otherwise():
    def pair(x, w):
        return x @ w, x.exp(), (x > 0).float()

    run = warm(pair, *leaves())
    for choose in (lambda a, b, c: a.sum(), lambda a, b, c: b.sum(), lambda a, b, c: (a.t() * R(4, 3, seed=5)).sum(),
                   lambda a, b, c: a.sum() * 2 + (b * c).sum()):
        x, w = leaves()
        got = torch.autograd.grad(choose(*run(x, w)), (x, w), allow_unused=True, materialize_grads=True)
        expected = torch.autograd.grad(choose(*pair(x, w)), (x, w), allow_unused=True, materialize_grads=True)
        torch.testing.assert_close(got, expected)       # gradients of x are added in another order
    results = run(*leaves())
    assert [t.requires_grad for t in results] == [True, True, False]


def test_hooks():
    run = warm(curve, *leaves())
    x, w = leaves()
    seen = []
    y = run(x, w)
    y.register_hook(lambda g: seen.append("result") or g * 2)
    y.retain_grad()
    w.register_hook(lambda g: seen.append("leaf"))
    packed = []
    y.sum().backward()
    assert seen == ["result", "leaf"] and y.grad.eq(2).all()
    same(x.grad, 2 * torch.autograd.grad(curve(x, w).sum(), x)[0])
    with torch.autograd.graph.saved_tensors_hooks(lambda t: packed.append(t) or t.cpu(), lambda t: t.to(DEVICE)):
        y = run(x, w)
    got = torch.autograd.grad(y.sum(), (x, w))
    assert packed
    same(got, torch.autograd.grad(curve(x, w).sum(), (x, w)))


def test_modes_of_autograd_around_a_region():
    run = warm(curve, *leaves())
    x, w = leaves()
    with torch.autograd.detect_anomaly(check_nan=True):
        run(x, w).sum().backward()
    with torch.autocast(DEVICE, dtype=torch.bfloat16):
        half = run(x, w)
    same(half, torch.autocast(DEVICE, dtype=torch.bfloat16)(curve)(x, w))
    y = run(x, w)
    with torch.autocast(DEVICE, dtype=torch.bfloat16):      # as in the forward pass, whatever there is around backward
        got = torch.autograd.grad(y.sum(), x)
    same(got, torch.autograd.grad(curve(x, w).sum(), x))
    with torch.no_grad():
        assert not run(x, w).requires_grad
    assert torch.func.grad(lambda x: run(x, w).sum())(x).shape == x.shape
    same(torch.func.vmap(lambda x: run(x, w))(R(2, 3, 4)), torch.stack([curve(t, w) for t in R(2, 3, 4)]))


def test_in_a_thread():
    import threading

    run = warm(curve, *leaves())
    x, w = leaves()
    expected = torch.autograd.grad(curve(x, w).sum(), (x, w))
    results = []
    threads = [threading.Thread(target=lambda: results.append(torch.autograd.grad(run(x, w).sum(), (x, w)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    for got in results:
        same(got, expected)


def test_frozen_parameters_and_inputs_that_need_gradients():
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)).to(DEVICE)
    model[0].requires_grad_(False)
    other = copy.deepcopy(model)
    run = torch.compile(model)
    for i in range(5):
        x = R(3, 4, seed=i).requires_grad_()
        y = x.detach().clone().requires_grad_()
        run(x).square().sum().backward()
        other(y).square().sum().backward()
        same(x.grad, y.grad)
    assert model[0].weight.grad is None
    same([p.grad for p in model[2].parameters()], [p.grad for p in other[2].parameters()])
    assert min(runs()) >= 2


def test_nothing_is_kept():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def forward(self, x):
            return self.layer(x).relu()

    model = Net().to(DEVICE)
    run = torch.compile(model)
    for _ in range(5):
        y = run(R(2, 4))
        y.sum().backward()
    assert min(runs()) >= 2
    kept = weakref.ref(model)
    last = run(R(2, 4))
    del run, model, y
    torch._dynamo.reset()
    gc.collect()
    last.sum().backward()           # the node keeps what it needs
    del last
    gc.collect()
    assert kept() is None
    from hologram_torch.compile import region

    assert len(region.regions) == 0


# ---- what stands around the call of a graph ----

def bytecode(function):
    [entry] = torch._dynamo.eval_frame._debug_get_cache_entry_list(function.__code__)
    names = entry.code.co_names
    return names, next(name for name in names if name.startswith("__compiled_fn"))


def test_graphs_are_called_directly():
    around = {"record_pregraph_bytecode_enter", "get_current_stream", "store_user_object_weakrefs"}

    def ours(x):
        return x.sin() + 1

    def of_the_cpu(x):
        return x.sin() + 1

    for x in (R(4), R(4).requires_grad_()):
        torch._dynamo.reset()
        torch.compile(ours)(x)
        names, graph = bytecode(ours)
        assert not around & set(names)
        assert isinstance(ours.__globals__[graph], (_C.RegionTable, _C.TrainedRegion))
    torch.compile(of_the_cpu, backend="aot_eager")(torch.ones(4))
    names, graph = bytecode(of_the_cpu)
    assert "record_pregraph_bytecode_enter" in names and of_the_cpu.__globals__[graph]._torchdynamo_disable


def test_what_a_region_is_called_with():
    run = torch.compile(lambda x: x + 1)
    run(R(2))
    from hologram_torch.compile import region

    [one] = region.regions
    with pytest.raises(TypeError, match="no keyword arguments"):
        one(x=R(2))
    boxed = _C.RegionTable(True)
    with pytest.raises(TypeError, match="with a list of arguments"):
        boxed(R(2))
    for cls in (_C.RegionTable, _C.TrainedRegion):
        with pytest.raises((TypeError, AttributeError)):
            cls.__new__(cls)()
    pair = _C.TrainedRegion(torch._dynamo)
    with pytest.raises(RuntimeError, match="two regions are joined"):
        pair._join(1, 2, [True], [[1]], 0)
    with pytest.raises(RuntimeError, match="1 gradients need strides, not 0"):
        pair._join(boxed, boxed, [True], [], 0)
    with pytest.raises(AttributeError, match="general"):
        pair(R(2))


def test_a_step_that_returns_its_loss():
    """What is left of it after the break is a region of its own, and no differentiable function."""
    model = nn.Linear(4, 2).to(DEVICE)

    @torch.compile
    def step(x):
        loss = F.mse_loss(model(x), torch.zeros(3, 2, device=DEVICE))
        loss.backward()
        return loss.detach()

    for i in range(5):
        model.zero_grad()
        x = R(3, 4, seed=i)
        same(step(x), model(x).square().mean().detach())
    assert len(runs()) == 3 and min(runs()) >= 2


# ---- backward passes that are traced themselves ----

def traced_pass(compiler=lambda graph: graph):
    from torch._dynamo import compiled_autograd

    return compiled_autograd._enable(compiler)


@pytest.fixture
def traced_passes():
    from torch._dynamo import compiled_autograd

    yield
    compiled_autograd.reset()


def test_a_region_is_a_call_of_a_traced_pass(traced_passes):
    def two(x, w):
        return (x @ w).tanh(), x.exp()

    run = warm(two, *leaves())
    other = warm(curve, *leaves())
    for i, choose in enumerate((lambda a, b: a.sum(), lambda a, b: a.sum(), lambda a, b: b.sum(), lambda a, b: (a.t() * 2).sum() + b.sum())):
        x, w = R(3, 4, seed=i).requires_grad_(), R(4, 4, seed=i + 9).requires_grad_()
        loss = choose(*run(x, w)) + other(x, w).sum()
        before = sum(runs())
        with traced_pass(torch.compile(backend="eager")):
            loss.backward()
        assert sum(runs()) == before + 2
        torch.testing.assert_close((x.grad, w.grad), torch.autograd.grad(choose(*two(x, w)) + curve(x, w).sum(), (x, w)))
    released = run(x, w)[0].sum()
    released.backward()
    with traced_pass(), pytest.raises(RuntimeError, match="a second time"):
        released.backward()


class Recurrent(nn.Module):
    def __init__(self, kind, width=3, **options):
        super().__init__()
        self.layer = getattr(nn, kind)(4, width, **options)

    def forward(self, x):
        if isinstance(self.layer, nn.RNNCellBase):
            state = None
            for step in x:
                state = self.layer(step, state)
            return state[0] if isinstance(state, tuple) else state
        return self.layer(x)[0]


@pytest.mark.parametrize("kind, options", [("LSTM", {"bidirectional": True}), ("LSTM", {"proj_size": 2}), ("GRU", {"num_layers": 2}),
                                           ("RNN", {"bias": False}), ("LSTMCell", {}), ("GRUCell", {})], ids=str)
def test_recurrent_layers_are_calls_of_a_traced_pass(kind, options, traced_passes):
    torch.manual_seed(0)
    models = [Recurrent(kind, width, **options).to(DEVICE) for width in (3, 3, 5)]
    models[0].layer.weight_ih_l0.requires_grad_(False) if "Cell" not in kind else models[0].layer.weight_ih.requires_grad_(False)
    for model in models:                    # what one pass was traced for is not taken for another
        for steps in (2, 4, 4):
            x = R(steps, 2, 4, seed=steps).requires_grad_()
            wanted = [x, *(p for p in model.parameters() if p.requires_grad)]
            expected = torch.autograd.grad(model(x).square().sum(), wanted)
            loss = model(x).square().sum()
            with traced_pass():
                loss.backward()
            same([t.grad for t in wanted], expected)
            model.zero_grad()


def test_a_packed_sequence_in_a_traced_pass(traced_passes):
    from torch.nn.utils.rnn import pack_sequence

    layer = nn.GRU(4, 3).to(DEVICE)
    for lengths in ((3, 2), (4, 1), (3, 2)):
        packed = pack_sequence([R(n, 4, seed=n) for n in lengths])
        expected = torch.autograd.grad(layer(packed)[0].data.square().sum(), tuple(layer.parameters()))
        layer.zero_grad()
        loss = layer(packed)[0].data.square().sum()
        with traced_pass():
            loss.backward()
        same(tuple(p.grad for p in layer.parameters()), expected)


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_a_compiled_step_with_traced_passes(kind, traced_passes):
    torch.manual_seed(0)
    model = nn.Sequential(Recurrent(kind), nn.Linear(3, 2)).to(DEVICE)
    other = copy.deepcopy(model)

    @torch.compile
    def step(x):
        loss = model(x).square().sum()
        loss.backward()
        return loss.detach()

    with torch._dynamo.config.patch(compiled_autograd=True):
        for i in range(4):
            x = R(3, 2, 4, seed=i)
            model.zero_grad()
            other.zero_grad()
            loss = other(x).square().sum()
            loss.backward()
            torch.testing.assert_close(step(x), loss.detach())
            torch.testing.assert_close([p.grad for p in model.parameters()], [p.grad for p in other.parameters()])
