"""Training with graphs of fixed memory: whole steps, and make_graphed_callables. A replay is a step, bit for bit."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

from tests.compare import DEVICE
from tests.programs.captured import MODELS, floats, labels, mlp
from tests.programs.graphs import INTERFACES, assert_all_equal, assert_equal, captured, needs_graphs, values

pytestmark = needs_graphs
hologram = torch.hologram


# ---- whole training steps ----

OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9), "Adam": lambda p: torch.optim.Adam(p, lr=0.01),
    "AdamW": lambda p: torch.optim.AdamW(p, lr=torch.tensor(0.01, device=DEVICE)), "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.01, capturable=True),
}


def trained(model, optimizer, interface, steps=8, warm_up=3, zero="inside", clip=None):
    """What training leaves: losses, parameters, buffers, gradients, optimizer state, the generator's state."""
    make, inputs, count, classes = MODELS[model]
    torch.manual_seed(3)
    net = make().to(DEVICE)
    opt = OPTIMIZERS[optimizer](net.parameters())
    x, y = inputs(0).clone(), labels(count, classes)(0).clone()

    def step():
        if zero == "inside":
            opt.zero_grad()
        elif zero == "in place":
            opt.zero_grad(set_to_none=False)
        loss = F.cross_entropy(net(x).float(), y)
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_(net.parameters(), clip)
        opt.step()
        return loss

    torch.manual_seed(11)
    losses = []
    for i in range(warm_up):
        x.copy_(inputs(i))
        y.copy_(labels(count, classes)(i))
        if zero == "before":
            opt.zero_grad()
        losses.append(step().detach().clone())
    if zero == "before":
        opt.zero_grad()
    if interface:
        g, loss = captured(step, interface)
    for i in range(steps):
        x.copy_(inputs(i))
        y.copy_(labels(count, classes)(i))
        if interface:
            g.replay()
        else:
            if zero == "before":
                opt.zero_grad()
            loss = step()
        losses.append(loss.detach().clone())
    state = [t for group in opt.state.values() for t in group.values() if isinstance(t, torch.Tensor)]
    return [values(losses), values(net.parameters()), values(net.buffers()), values(p.grad for p in net.parameters()), values(state),
            [hologram.get_rng_state()]]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("model", MODELS)
def test_training_steps(model, optimizer):
    assert_all_equal(trained(model, optimizer, "hologram"), trained(model, optimizer, None))


@pytest.mark.parametrize("interface", INTERFACES)
@pytest.mark.parametrize("options", [{"zero": "in place"}, {"zero": "before"}, {"clip": 0.5}], ids=str)
def test_steps_of_other_forms(options, interface):
    assert_all_equal(trained("dropout", "Adam", interface, **options), trained("dropout", "Adam", None, **options))


def test_many_replays():
    assert_all_equal(trained("mlp", "Adam", "hologram", steps=200), trained("mlp", "Adam", None, steps=200))


def test_checkpointed_step():
    def run(graphed):
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.5), nn.Tanh()).to(DEVICE)
        opt = torch.optim.SGD(net.parameters(), lr=0.1)
        x = floats(4, 8)(1)

        def step():
            opt.zero_grad()
            loss = checkpoint(net, x, use_reentrant=False).square().sum() + F.dropout(x, 0.5).sum()
            loss.backward()
            opt.step()
            return loss

        torch.manual_seed(1)
        step()
        if graphed:
            g, loss = captured(step)
        losses = []
        for _ in range(4):
            if graphed:
                g.replay()
            else:
                loss = step()
            losses.append(loss.detach().clone())
        return [values(losses), values(net.parameters()), [hologram.get_rng_state()]]

    assert_all_equal(run(True), run(False))


# ---- make_graphed_callables ----

def callables_trained(graphed, steps=6):
    torch.manual_seed(2)
    first, head = nn.Sequential(nn.Linear(8, 16), nn.Tanh()).to(DEVICE), nn.Linear(16, 4).to(DEVICE)

    def loss_of(x, y):
        return F.mse_loss(x, y), x.argmax(1)

    opt = torch.optim.Adam([*first.parameters(), *head.parameters()], lr=0.01)
    if graphed:
        x, h, out = floats(6, 8)(0), floats(6, 16)(0).requires_grad_(), floats(6, 4)(0).requires_grad_()
        first, head, loss_of = hologram.make_graphed_callables((first, head, loss_of), ((x,), (h,), (out, floats(6, 4)(2))))
    found = []
    for i in range(steps):
        opt.zero_grad(set_to_none=True)
        h = first(floats(6, 8)(i))
        if i % 2:
            h = F.relu(h)       # not captured: between them
        loss, best = loss_of(head(h), floats(6, 4)(i + 1))
        loss.backward()
        opt.step()
        found += values([loss, best])
    return [found, values([*first.parameters(), *head.parameters()]), values(p.grad for p in head.parameters())]


def test_graphed_callables_train():
    assert_all_equal(callables_trained(True), callables_trained(False))


def test_graphed_function_with_random_numbers():
    def noisy(x, w):
        return {"out": [F.dropout(x @ w, 0.5)], "sum": (x * w.sum(), x.detach() * 2)}

    x, w = floats(4, 4)(0), floats(4, 4)(1).requires_grad_()
    graphed = hologram.make_graphed_callables(noisy, (x, w))

    def run(function):
        torch.manual_seed(7)
        found = []
        for i in range(4):
            a, b = floats(4, 4)(i).requires_grad_(i % 2 == 0), floats(4, 4)(i + 1).requires_grad_()
            out = function(a, b) if i % 2 else function(a.detach(), b)
            (out["out"][0].square().sum() + out["sum"][0].sum()).backward()
            found += values([out["out"][0], *out["sum"], b.grad])
            assert not out["sum"][1].requires_grad
        return found

    assert_equal(run(graphed), run(noisy))


def test_graphed_module_that_evaluates_runs_as_ever():
    net = nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.5)).to(DEVICE)
    assert hologram.make_graphed_callables(net, (floats(6, 8)(0),)) is net
    held = net(floats(6, 8)(0))
    assert net(floats(6, 8)(1)).untyped_storage()._cdata == held.untyped_storage()._cdata     # overwritten
    net.eval()
    x = floats(2, 8)(0)         # another size, too
    assert torch.equal(net(x), F.linear(x, net[0].weight, net[0].bias))
    net.train()
    with pytest.raises(ValueError, match=r"argument 0 is torch.float32 \[2, 8\] where torch.float32 \[6, 8\] was captured"):
        net(x)


def test_graphed_callables_are_checked():
    x = floats(6, 8)(0)
    with pytest.raises(TypeError, match="tensors of the device only"):
        hologram.make_graphed_callables(lambda x, s: x * s, (x, 2))
    with pytest.raises(TypeError, match="may return tensors only"):
        hologram.make_graphed_callables(lambda x: (x * 2, 3), (x,))
    with pytest.raises(ValueError, match="2 callables and 1 tuples"):
        hologram.make_graphed_callables((torch.sin, torch.cos), ((x,),))
    with pytest.raises(RuntimeError, match="cache_enabled=False"), torch.autocast(DEVICE, dtype=torch.bfloat16):
        hologram.make_graphed_callables(torch.sin, (x,))
    hooked, buffered = mlp(), nn.Linear(8, 8).to(DEVICE)
    hooked.register_forward_hook(lambda *_: None)
    buffered.register_buffer("b", torch.ones(3, device=DEVICE, requires_grad=True))
    with pytest.raises(RuntimeError, match="has hooks"):
        hologram.make_graphed_callables(hooked, (x,))
    with pytest.raises(RuntimeError, match="a buffer of the module requires a gradient"):
        hologram.make_graphed_callables(buffered, (x,))
    graphed = hologram.make_graphed_callables(lambda a, b: a + b, (x, x.clone()))
    with pytest.raises(TypeError, match="1 tensors where 2 were captured"):
        graphed(x)


def test_inputs_that_are_not_used():
    x, unused = floats(3)(0).requires_grad_(), floats(3)(1).requires_grad_()
    with pytest.raises(RuntimeError, match="not have been used"):
        hologram.make_graphed_callables(lambda a, b: a * 2, (x, unused))
    graphed = hologram.make_graphed_callables(lambda a, b: a * 2, (x, unused), allow_unused_input=True)
    a, b = floats(3)(2).requires_grad_(), floats(3)(3).requires_grad_()
    graphed(a, b).sum().backward()
    assert torch.equal(a.grad, torch.full_like(a, 2)) and b.grad is None
