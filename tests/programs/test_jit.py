"""Captured steps: bit for bit what the function gives, and never replayed where that could be something else."""

import collections
import copy
import gc
import importlib.util
import os
import random
import re
import subprocess
import sys
import textwrap
import threading
import types
import warnings
import weakref

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import hologram_torch
from benchmarks import plan_programs
from tests.compare import DEVICE
from tests.core_modes import LONG
from tests.pages import ROOT

pytestmark = pytest.mark.skipif(hologram_torch.get_backend() != "cpu", reason="graphs are captured on the cpu backend only")


def mlp(sizes=(8, 16, 16, 4), device=DEVICE):
    layers = []
    for a, b in zip(sizes, sizes[1:]):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1]).to(device)


class Block(nn.Module):
    def __init__(self, width=16, heads=2):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        b, t, w = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(b, t, 3, self.heads, w // self.heads).permute(2, 0, 3, 1, 4)
        x = x + self.out(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(b, t, w))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class GPT(nn.Module):
    def __init__(self, vocabulary=17, width=16):
        super().__init__()
        self.token, self.place = nn.Embedding(vocabulary, width), nn.Embedding(8, width)
        self.blocks = nn.Sequential(Block(width), Block(width))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary)

    def forward(self, tokens):
        return self.head(self.norm(self.blocks(self.token(tokens) + self.place.weight[: tokens.shape[1]]))).flatten(0, 1)


class Recurrent(nn.Module):
    def __init__(self, layer=nn.GRU):
        super().__init__()
        self.layer, self.head = layer(8, 8), nn.Linear(8, 4)

    def forward(self, x):
        return self.head(self.layer(x)[0][-1])


def cnn():
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3, groups=2), nn.Flatten(),
                         nn.Linear(16, 4))


def floats(*shape):
    return lambda i: (torch.linspace(-1, 1, torch.Size(shape).numel()).mul(i + 1).sin() * 1.5).reshape(shape).to(DEVICE)


def labels(count, classes):
    return lambda i: ((torch.arange(count) * 7 + i) % classes).to(DEVICE)


MODELS = {     # name: (model, input, number of labels, classes)
    "mlp": (mlp, floats(6, 8), 6, 4),
    "dropout": (lambda: nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.3), nn.GELU(), nn.Dropout1d(0.2), nn.Linear(16, 4)), floats(6, 8), 6, 4),
    "gpt": (GPT, lambda i: ((torch.arange(24) * 5 + i) % 17).reshape(3, 8).to(DEVICE), 24, 17),
    "gru": (Recurrent, floats(5, 6, 8), 6, 4), "lstm": (lambda: Recurrent(nn.LSTM), floats(5, 6, 8), 6, 4),
    "cnn": (cnn, floats(6, 3, 8, 8), 6, 4),
    "norms": (lambda: nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.RMSNorm(8), nn.Linear(8, 4)), floats(6, 8), 6, 4),
}
OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9), "Adam": lambda p: torch.optim.Adam(p, lr=0.01),
    "AdamW": lambda p: torch.optim.AdamW(p, lr=torch.tensor(0.01, device=DEVICE)), "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.01, capturable=True),
}


def trained(model, optimizer, jit, steps=12, end=False, clip=None, autocast=False):
    """(losses, parameters, buffers, gradients, state of the generator, the function) after some steps."""
    make, inputs, count, classes = MODELS[model]
    torch.manual_seed(3)
    net = make().to(DEVICE)
    opt = OPTIMIZERS[optimizer](net.parameters())

    def step(x, y):
        if not end:
            opt.zero_grad()
        with torch.autocast(DEVICE, dtype=torch.bfloat16, enabled=autocast):
            loss = F.cross_entropy(net(x).float(), y)
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_(net.parameters(), clip)
        opt.step()
        if end:
            opt.zero_grad()
        return loss

    function = torch.hologram.jit(step, strict=True) if jit else step
    torch.manual_seed(11)
    losses = [function(inputs(i), labels(count, classes)(i)).detach() for i in range(steps)]
    gradients = [None if p.grad is None else p.grad.cpu() for p in net.parameters()]
    return ([loss.cpu() for loss in losses], [p.detach().cpu() for p in net.parameters()], [b.cpu() for b in net.buffers()], gradients,
            torch.hologram.get_rng_state(), function)


def assert_same(actual, expected):
    for a, e in zip(actual[:5], expected[:5], strict=True):
        for x, y in zip(a, e, strict=True):
            assert (x is None and y is None) or torch.equal(x, y)


def assert_replayed(function, at_least):
    runs = sum(row.get("runs", 0) for row in function.plans())
    assert runs >= at_least, function.plans()


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_training_steps(model, optimizer):
    expected, actual = (trained(model, optimizer, jit) for jit in (False, True))
    assert_same(actual, expected)
    assert_replayed(actual[5], 8)


@pytest.mark.parametrize("options", [{"end": True}, {"clip": 0.5}, {"autocast": True}], ids=str)
@pytest.mark.parametrize("model", ["mlp", "gpt", "cnn"])
def test_steps_of_other_forms(model, options):
    expected, actual = (trained(model, "Adam", jit, **options) for jit in (False, True))
    assert_same(actual, expected)
    assert_replayed(actual[5], 8)


def test_results_are_new_tensors_each_time():
    function = torch.hologram.jit(lambda x: (x * 2, {"sum": x.sum(), "view": (x + 1)[1:]}), strict=True)
    kept = []
    for i in range(8):
        x = floats(4, 3)(i)
        product, rest = function(x)
        kept.append((x, product, rest["sum"], rest["view"]))
    for x, product, total, view in kept:
        assert torch.equal(product, x * 2) and torch.equal(total, x.sum()) and torch.equal(view, (x + 1)[1:])
        assert view.storage_offset() == 3
    assert_replayed(function, 5)


def test_each_kind_of_arguments_has_its_plan():
    function = torch.hologram.jit(lambda x, scale: x.relu() * scale, strict=True)
    for i in range(6):
        for shape in ((4,), (2, 3), (5, 1, 2)):
            for scale in (2, 0.5):
                x = floats(*shape)(i)
                assert torch.equal(function(x, scale), x.relu() * scale)
        x = floats(4, 3)(i).T
        assert torch.equal(function(x, 3), x.relu() * 3) and function(x, 3).stride() == (x.relu() * 3).stride()
    assert len([row for row in function.plans() if row.get("runs", 0) > 0]) == 7


def test_arguments_on_the_cpu():
    function = torch.hologram.jit(lambda x, number: x.to(DEVICE) * number.to(DEVICE), strict=True)
    for i in range(12):
        x, number = floats(40, 30)(i).cpu(), torch.tensor(float(i // 4))
        assert torch.equal(function(x, number).cpu(), x * number)
    assert_replayed(function, 1)


def test_arguments_that_are_written():
    def update(x, y):
        x.add_(y).mul_(0.5)
        return x

    function = torch.hologram.jit(update, strict=True)
    x, expected = floats(4, 3)(0), floats(4, 3)(0)
    for i in range(8):
        y = floats(4, 3)(i)
        result = function(x, y)
        update(expected, y)
        assert torch.equal(x, expected) and result.data_ptr() == x.data_ptr() and result is x
        x, expected = x.clone(), expected.clone()
    assert_replayed(function, 4)


def test_random_numbers_go_on():
    def noise(x):
        return x + torch.randn_like(x) * torch.rand_like(x), F.dropout(x, 0.5), torch.randint_like(x, 9), torch.bernoulli(x.abs().clamp(max=1)), torch.multinomial(x.abs() + 1, 2)

    function = torch.hologram.jit(noise, strict=True)
    x = floats(3, 5)(0)
    for seed in (1, 1, 5, 1):
        torch.manual_seed(seed)
        expected = [noise(x) for _ in range(3)] + [torch.randn(3, device=DEVICE)]
        torch.manual_seed(seed)
        actual = [function(x) for _ in range(3)] + [torch.randn(3, device=DEVICE)]
        for a, e in zip(actual, expected, strict=True):
            for one, other in zip(a, e, strict=True):
                assert torch.equal(one, other)
    assert_replayed(function, 8)


def test_gradients_that_others_hold_stay():
    net = mlp()

    def backward(x):
        net.zero_grad()
        net(x).square().sum().backward()

    function = torch.hologram.jit(backward, strict=True)
    held = []
    for i in range(8):
        function(floats(6, 8)(i))
        held.append([p.grad for p in net.parameters()])
    for i, gradients in enumerate(held):
        backward(floats(6, 8)(i))
        assert all(torch.equal(p.grad, g) for p, g in zip(net.parameters(), gradients, strict=True))
    assert_replayed(function, 5)


def test_gradients_that_add_up():
    def summed(jit):
        torch.manual_seed(0)
        net = mlp()

        def backward(x):
            net(x).square().sum().backward()

        function = torch.hologram.jit(backward, strict=True) if jit else backward
        found = []
        for i in range(12):
            if i == 8:
                net.zero_grad()
            function(floats(6, 8)(i))
            found.append([p.grad.cpu() for p in net.parameters()])
        return found, function

    (actual, function), (expected, _) = summed(True), summed(False)
    for a, e in zip(actual, expected, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a, e, strict=True))
    assert_replayed(function, 3)


# ---- what changes between calls ----

def changed_training(change, jit, at=8, steps=14):
    torch.manual_seed(3)
    net = nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.4), nn.BatchNorm1d(16), nn.Linear(16, 4)).to(DEVICE)
    opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    other = nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.4), nn.BatchNorm1d(16), nn.Linear(16, 4)).to(DEVICE)

    def step(x, y):
        opt.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        opt.step()
        return loss

    function = torch.hologram.jit(step) if jit else step
    losses = []
    for i in range(steps):
        if i >= at:
            change(net, opt, other, i)
        losses.append(function(floats(6, 8)(i), labels(6, 4)(i)).detach().cpu())
    return losses, [p.detach().cpu() for p in net.parameters()], [b.cpu() for b in net.buffers()], [], torch.hologram.get_rng_state(), function


def once(change):
    return lambda net, opt, other, i: change(net, opt, other) if i == 8 else None


def set_data(net, opt, other):
    for p, q in zip(net.parameters(), other.parameters(), strict=True):
        p.data = q.data


def exchange(net, opt, other):
    net[0].weight.data = net[0].weight.data.clone()


def replace_parameter(net, opt, other):
    net[0].weight = nn.Parameter(torch.ones(16, 8, device=DEVICE))


def transpose(net, opt, other):
    net[0].weight.data = net[0].weight.data.as_strided((16, 8), (1, 16))


def hook_module(net, opt, other):
    net[0].register_forward_hook(lambda module, args, out: out * 0.5)


def hook_after_gradient(net, opt, other):
    def halve(parameter):
        parameter.grad.mul_(0.5)

    net[0].weight.register_post_accumulate_grad_hook(halve)


def hook_optimizer(net, opt, other):
    def halve(optimizer, args, kwargs):
        net[0].weight.grad.mul_(0.5)

    opt.register_step_pre_hook(halve)


def freeze(net, opt, other):
    net[0].weight.requires_grad_(False)


CHANGES = {
    "eval": once(lambda net, opt, other: net.eval()), "eval and train": lambda net, opt, other, i: net.train(i % 2 == 0),
    "lr": once(lambda net, opt, other: opt.param_groups[0].update(lr=0.01)),
    "lr, each step": lambda net, opt, other, i: opt.param_groups[0].update(lr=0.1 / i),
    "load_state_dict": once(lambda net, opt, other: net.load_state_dict(other.state_dict())),
    "load_state_dict, assigning": once(lambda net, opt, other: net.load_state_dict(other.state_dict(), assign=True)),
    "data": once(set_data), "data of one": once(exchange), "parameter": once(replace_parameter), "frozen": once(freeze),
    "module": once(lambda net, opt, other: net.__setitem__(0, other[0])), "copy_": once(lambda net, opt, other: net[0].weight.data.zero_()),
    "optimizer state": once(lambda net, opt, other: opt.load_state_dict(opt.state_dict())),
    "double": once(lambda net, opt, other: net.to("cpu").to(DEVICE)), "p": once(lambda net, opt, other: setattr(net[1], "p", 0.0)),
    "transposed in place": once(transpose), "hook of a module": once(hook_module),
    "hook of a parameter": once(lambda net, opt, other: net[0].weight.register_hook(lambda g: g * 0.5)),
    "hook after a gradient": once(hook_after_gradient), "hook of an optimizer": once(hook_optimizer),
    "grad": once(lambda net, opt, other: setattr(net[0].weight, "grad", torch.ones(16, 8, device=DEVICE))),
}


@pytest.mark.filterwarnings("ignore:hologram.jit")
@pytest.mark.parametrize("name", CHANGES)
def test_what_changes_between_calls_is_seen(name):
    expected, actual = (changed_training(CHANGES[name], jit) for jit in (False, True))
    assert_same(actual, expected)
    assert_replayed(actual[5], 5)


def test_variables_that_change_are_seen():
    factor, offset = 2.0, torch.ones(3, device=DEVICE)
    settings = {"scale": [1.0, 2.0]}

    def f(x):
        return x * factor + offset * settings["scale"][1]

    function = torch.hologram.jit(f)
    changes = {6: lambda: settings["scale"].__setitem__(1, 5.0), 10: lambda: offset.mul_(2), 12: lambda: settings.update(scale=[3.0, 4.0])}
    for i in range(18):
        changes.get(i, lambda: None)()
        if i == 8:
            factor = 7.0
        if i == 14:
            offset = torch.zeros(3, device=DEVICE)
        x = floats(4, 3)(i)
        assert torch.equal(function(x), f(x))
    assert_replayed(function, 6)


def test_modes_are_seen():
    function = torch.hologram.jit(lambda a, b: a @ b, strict=True)
    a, b = floats(4, 4)(0), floats(4, 4)(1)
    for _ in range(4):
        assert function(a, b).dtype is torch.float32
        with torch.autocast(DEVICE, dtype=torch.bfloat16):
            assert function(a, b).dtype is torch.bfloat16
        with torch.no_grad():
            assert torch.equal(function(a, b), a @ b)
        with torch.inference_mode():
            assert function(a, b).is_inference()


# ---- what cannot be captured runs, and says why ----

counter = 0


def reads_a_value(x):
    return x * x[0, 0].item()


def reads_late(x):
    STATE.mul_(0.5)
    return x * 2 if x.sum().isfinite() else x


def copies_to_the_host(x):
    return x * float(x.cpu().numpy()[0, 0])


def seeds(x):
    torch.manual_seed(3)
    return torch.rand_like(x)


def depends_on_values(x):
    return x[x > 0].sum()


held = []


def keeps_state(x):
    held.append(x * 2)
    return x + held[-1]


def counts(x):
    global counter
    counter += 1
    return x * counter


def differentiable(x):
    return (x * WEIGHT).sum()


def host_random(x):
    return x + torch.rand(3).to(DEVICE)


GENERATOR = torch.Generator(DEVICE)


def own_generator(x):
    return x + torch.rand(3, device=DEVICE, generator=GENERATOR)


STATE = torch.ones(3, device=DEVICE)
WEIGHT = torch.ones(3, device=DEVICE, requires_grad=True)
REFUSED = {
    reads_a_value: r"a value \(.item\(\), bool\(\), if\) at test_jit.py:\d+: the host reads a value that changes",
    reads_late: r"looks at a value .* at test_jit.py:\d+ after it changed a tensor that is seen outside",
    seeds: "sets the seed or the state of a generator", copies_to_the_host: r"reads or writes a tensor .* at test_jit.py:\d+",
    depends_on_values: "depends on values|reads or writes", keeps_state: "changes what is in a list",
    counts: "changes 'counter' around it", differentiable: "can be differentiated", host_random: "random numbers on the host",
    own_generator: "generator of its own",
}


@pytest.mark.parametrize("function", REFUSED, ids=lambda f: f.__name__)
def test_what_cannot_be_captured_runs_and_says_why(function):
    jitted = torch.hologram.jit(function)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for i in range(12):
            jitted(floats(4, 3)(i))
    texts = {str(w.message) for w in said if "hologram.jit" in str(w.message)}
    assert len(texts) == 1
    assert re.search(REFUSED[function], texts.pop())
    assert sum(row.get("runs", 0) for row in jitted.plans()) == 0
    strict = torch.hologram.jit(function, strict=True)
    with pytest.raises(RuntimeError, match=REFUSED[function]):
        for i in range(12):
            strict(floats(4, 3)(i))


def test_an_error_in_the_function_leaves_the_device_usable():
    fail = False

    def f(x):
        y = x * 2
        if fail:
            raise KeyError("ours")
        return y

    function = torch.hologram.jit(f)
    x = floats(4)(0)
    function(x)
    fail = True
    for _ in range(3):
        with pytest.raises(KeyError, match="ours"):
            function(x)
    fail = False
    for i in range(6):
        assert torch.equal(function(floats(4)(i)), floats(4)(i) * 2)


def test_a_replay_allocates_only_its_results():
    function = torch.hologram.jit(lambda x: ((x @ x).relu() @ x).softmax(0) * 3, strict=True)
    x = floats(64, 64)(0)
    for _ in range(5):
        result = function(x)
    before = torch.hologram.memory_stats()["allocation.all.allocated"]
    for _ in range(10):
        result = function(x)
    assert torch.hologram.memory_stats()["allocation.all.allocated"] - before == 10
    assert torch.equal(result, ((x @ x).relu() @ x).softmax(0) * 3)


def test_temporaries_share_memory():
    def f(x):
        for _ in range(20):
            x = (x @ x).tanh()
        return x.sum()

    function = torch.hologram.jit(f, strict=True)
    for i in range(6):
        x = floats(32, 32)(i)
        assert torch.equal(function(x), f(x))
    [row] = function.plans()
    assert row["bytes"] <= 3 * 32 * 32 * 4 + 256 and row["nodes"] >= 40


def test_memory_comes_back():
    gc.collect()
    before = torch.hologram.memory_allocated()
    function = torch.hologram.jit(lambda x: (x @ x).tanh() @ x, strict=True)
    for _ in range(5):
        function(floats(64, 64)(0))
    assert torch.hologram.memory_allocated() > before
    function.clear()
    gc.collect()
    assert torch.hologram.memory_allocated() == before


# ---- what stands around a function ----

class Agent:
    """As in many programs: settings, arrays and networks are attributes, and steps are methods."""

    def __init__(self):
        torch.manual_seed(2)
        self.net, self.scale, self.episodes = mlp(), 1.0, 0
        self.opt = torch.optim.SGD(self.net.parameters(), lr=0.1)
        self.array, self.host = np.ones(4, np.float32), torch.ones(4)
        self.step = torch.hologram.jit(self.plain)

    def weight(self):
        return torch.tensor(self.array).to(DEVICE) + self.host.to(DEVICE)

    @property
    def factor(self):
        return self.scale * 2

    def plain(self, x):
        self.opt.zero_grad()
        loss = (self.net(x) * self.weight()).square().mean() * self.factor
        loss.backward()
        self.opt.step()
        return loss.detach()


@pytest.mark.filterwarnings("ignore:hologram.jit")
def test_attributes_that_a_method_reads():
    one, other = Agent(), Agent()
    changes = {6: lambda agent: setattr(agent, "scale", 3.0), 10: lambda agent: agent.array.__setitem__(1, 5.0), 14: lambda agent: agent.host.add_(1)}
    for i in range(20):
        for agent in (one, other):
            changes.get(i, lambda agent: None)(agent)
            agent.episodes += 1         # no code within reach reads it
        assert torch.equal(one.step(floats(6, 8)(i)), other.plain(floats(6, 8)(i))), i
    assert_replayed(one.step, 8)


def test_a_program_that_goes_takes_its_plans_along():
    agent = Agent()
    for i in range(6):
        agent.step(floats(6, 8)(i))
    assert_replayed(agent.step, 2)
    gone = weakref.ref(agent)
    del agent
    gc.collect()
    assert gone() is None


def test_lists_in_arguments_are_not_watched():
    function = torch.hologram.jit(lambda pair, options: pair[0] * options["scale"] + pair[1], strict=True)
    pair, options = [None, None], {"scale": 2}
    for i in range(8):
        pair[:] = floats(3)(i), floats(3)(i + 1)
        assert torch.equal(function(pair, options), pair[0] * 2 + pair[1])
    options["scale"] = 3
    assert torch.equal(function(pair, options), pair[0] * 3 + pair[1])
    assert_replayed(function, 4)


def test_a_default_device():
    function = torch.hologram.jit(lambda x: x + torch.ones(3), strict=True)
    torch.set_default_device(DEVICE)
    try:
        for i in range(6):
            x = floats(3)(i)
            assert torch.equal(function(x), x + 1)
    finally:
        torch.set_default_device(None)
    assert_replayed(function, 3)
    with pytest.raises(RuntimeError, match="same device|hologram"):
        function(floats(3)(0))


def test_a_named_tuple_as_argument_and_result():
    Pair = collections.namedtuple("Pair", "x y")
    function = torch.hologram.jit(lambda pair: Pair(pair.x + pair.y, pair.x.max(0)), strict=True)
    for i in range(6):
        pair = Pair(floats(4, 3)(i), floats(4, 3)(i + 1))
        result = function(pair)
        assert type(result) is Pair and torch.equal(result.x, pair.x + pair.y) and torch.equal(result.y.indices, pair.x.max(0).indices)
    assert_replayed(function, 3)


class Tagged(torch.Tensor):
    pass


def large(x):
    return x + torch.tensor(LARGE[:3]).to(DEVICE)


def draws_in_python(x):
    return -x if random.random() < 0.5 else x


def counts_in_an_object(x, counter=types.SimpleNamespace(steps=0)):   # noqa: B008
    counter.steps += 1
    return x * 2


LARGE = np.ones(100_000, np.float32)
REFUSED_AROUND = {large: "too large to be compared", draws_in_python: "random numbers on the host", counts_in_an_object: "changes 'steps'"}


@pytest.mark.parametrize("function", REFUSED_AROUND, ids=lambda f: f.__name__)
def test_what_a_replay_would_leave_out_is_refused(function):
    strict = torch.hologram.jit(function, strict=True)
    with pytest.raises(RuntimeError, match=REFUSED_AROUND[function]):
        for i in range(4):
            strict(floats(3)(i))


def test_a_subclass_of_tensor_is_no_argument():
    strict = torch.hologram.jit(lambda x: x * 2, strict=True)
    for i in range(5):
        strict(floats(3)(i))
    with pytest.raises(RuntimeError, match="an argument is a Tagged"):
        for i in range(3):
            strict(floats(3)(i).as_subclass(Tagged))
    assert_replayed(strict, 2)


# ---- products are those that torch's kernels make ----

def test_products_of_all_layouts():
    sizes = [(1, 5, 7), (4, 1, 7), (4, 5, 1), (1, 1, 7), (4, 1, 1), (1, 5, 1), (1, 1, 1), (4, 5, 7), (64, 33, 65)]
    layouts = {"rows": lambda t: t, "columns": lambda t: t.t().contiguous().t(), "wide": lambda t: F.pad(t, (0, 3))[:, : t.shape[1]],
               "tall": lambda t: F.pad(t.t(), (0, 2))[:, : t.shape[0]].t()}
    for m, n, k in sizes:
        for left in layouts.values():
            for right in layouts.values():
                a, b, bias = left(floats(m, k)(1)), right(floats(k, n)(2)), floats(n)(3)
                function = torch.hologram.jit(lambda a, b, bias: (a @ b, torch.addmm(bias, a, b, beta=0.5, alpha=2), a.double() @ b.double()), strict=True)
                for _ in range(4):
                    actual = function(a, b, bias)
                expected = a @ b, torch.addmm(bias, a, b, beta=0.5, alpha=2), a.double() @ b.double()
                assert all(torch.equal(x, y) for x, y in zip(actual, expected, strict=True)), (m, n, k)
                assert_replayed(function, 1)


# ---- looking at plans ----

def test_a_plan_is_described_and_drawn(tmp_path):
    net = mlp()
    function = torch.hologram.jit(torch.no_grad()(lambda x: net(x).softmax(-1)), strict=True)
    assert "nothing was captured yet" in function.explain()
    for i in range(5):
        function(floats(6, 8)(i))
    text = function.explain(graph=str(tmp_path / "plan.dot"))
    assert text.count("addmm") == 3 and "relu: temporary" in text and "exp_nonpositive" in text
    drawn = (tmp_path / "plan.dot").read_text()
    assert drawn.startswith("digraph plan {") and drawn.count("[shape=box, style=rounded") == text.count("addmm") + text.count("copy")
    assert drawn.count("fillcolor=lightblue") == 1 and drawn.count("fillcolor=gray92") == 7     # the result; x, weights and biases


def run_file(folder, text, **environment):
    """What a program prints; from a file, as programs are."""
    path = folder / "program.py"
    path.write_text(textwrap.dedent(text))
    done = subprocess.run([sys.executable, str(path)], env={**os.environ, **environment}, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_replays_are_checked_on_demand(tmp_path):
    program = """
        import itertools, torch
        numbers = itertools.count()     # no one sees what it will give
        @torch.hologram.jit
        def f(x):
            return x * (next(numbers) // 5)
        x = torch.ones(3, device="hologram")
        g = torch.hologram.jit(lambda x: x.add_(torch.rand_like(x)))
        for _ in range(5):
            g(x)
        assert g.plans()[0]["runs"] > 0
        try:
            for _ in range(9):
                f(x)
        except RuntimeError as error:
            print(error)
    """
    done = run_file(tmp_path, program, HOLOGRAM_JIT="check")
    assert "a replay of f gives something else than the function: result 0. Its plan:\nmul:" in done
    program = """
        import torch
        f = torch.hologram.jit(lambda x: x * 2)
        for _ in range(9):
            f(torch.ones(3, device="hologram"))
        print(f.plans())
    """
    assert run_file(tmp_path, program, HOLOGRAM_JIT="off") == "[]\n" and "'runs': 6" in run_file(tmp_path, program)


def test_everything_here_holds_when_replays_are_checked():
    if os.environ.get("HOLOGRAM_JIT") == "check":
        return
    arguments = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__, "-k", "training or forms or arguments or random or gradients"]
    done = subprocess.run(arguments, env={**os.environ, "HOLOGRAM_JIT": "check"}, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-3000:]


def test_the_example_learns_the_same_with_and_without():
    spec = importlib.util.spec_from_file_location("example", ROOT / "examples/07_jit_rl.py")
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    curves = [example.learn(seed=1, jit=jit, updates=3)[0] for jit in (True, False)]
    assert curves[0] == curves[1] and len(curves[0]) == 3 and curves[0][-1] > 15


# ---- what may be decorated, and from where it may be called ----

class Decorated(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.scale = nn.Linear(8, 4).to(DEVICE), 2.0

    @torch.hologram.jit
    def forward(self, x):
        with torch.no_grad():
            return self.layer(x) * self.scale


@pytest.mark.filterwarnings("ignore:hologram.jit")
def test_methods_and_modules():
    one, other = Decorated(), Decorated()
    net = mlp()
    whole = torch.no_grad()(torch.hologram.jit(net))
    for i in range(12):
        x = floats(6, 8)(i)
        if i == 8:
            one.scale = 3.0
        for module in (one, other):
            assert torch.equal(module(x), module.layer(x) * module.scale)
        with torch.no_grad():
            assert torch.equal(whole(x), net(x))
    assert_replayed(Decorated.forward, 12)
    assert torch.hologram.jit(net).__doc__ == net.__doc__ and torch.hologram.jit(net)._name == "Sequential"


@pytest.mark.filterwarnings("ignore:hologram.jit")
def test_threads():
    torch.manual_seed(0)
    net = mlp((8, 64, 64, 4))

    def deep(x):
        with torch.no_grad():
            for _ in range(30):
                x = x + net(x).sum(-1, keepdim=True) * 0.01
            return x

    function = torch.hologram.jit(deep)
    inputs = [floats(6, 8)(i) for i in range(8)]
    expected = [deep(x) for x in inputs]
    for x in inputs[:4]:
        function(x)
    wrong = []

    def work(k):
        for i in range(200):
            x = (i + k) % 8
            if not torch.equal(function(inputs[x]), expected[x]):
                wrong.append((k, i))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert_replayed(function, 600)


def test_bad_options():
    with pytest.raises(TypeError, match=r"hologram.jit: a function is needed, not int"):
        torch.hologram.jit(3)
    with pytest.raises(ValueError, match=r"hologram.jit: max_plans is 0"):
        torch.hologram.jit(abs, max_plans=0)


def test_many_nodes_replay_and_allocate_nothing():
    def long(x):
        for _ in range(5000):
            x = (x @ x) * 0.5
        return x

    function = torch.hologram.jit(long, strict=True)
    x = torch.eye(4, device=DEVICE)
    for _ in range(4):
        result = function(x)
    assert function.plans()[0]["nodes"] == 10_000 and torch.equal(result, long(x))
    before = torch.hologram.memory_stats()["allocation.all.allocated"]
    for _ in range(100):
        function(x)
    assert torch.hologram.memory_stats()["allocation.all.allocated"] - before == 100      # the results


# ---- values that the host reads are checks ----

def test_distributions_check_their_arguments():
    torch.manual_seed(0)
    net = mlp((8, 16, 3))
    opt = torch.optim.Adam(net.parameters(), lr=0.01)

    def step(x, action):
        policy = torch.distributions.Categorical(logits=net(x))
        noise = torch.distributions.Normal(x.mean(1), x.std(1) + 1)
        loss = -policy.log_prob(action).mean() - 0.01 * policy.entropy().mean() + noise.rsample().mean() * 0
        opt.zero_grad()
        loss.backward()
        opt.step()
        return loss.detach(), policy.sample()

    function = torch.hologram.jit(step, strict=True)
    state, parameters = copy.deepcopy(opt.state_dict()), [p.detach().clone() for p in net.parameters()]
    found = []
    for each in (step, function):
        with torch.no_grad():
            for p, kept in zip(net.parameters(), parameters, strict=True):
                p.copy_(kept)
        opt.load_state_dict(copy.deepcopy(state))
        torch.manual_seed(4)
        found.append([each(floats(6, 8)(i), labels(6, 3)(i)) for i in range(10)])
    for plain, replayed in zip(*found, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(plain, replayed, strict=True))
    assert_replayed(function, 6)
    with pytest.raises(ValueError, match="Expected parameter"):       # the check holds in a replay, too
        function(floats(6, 8)(0) * float("nan"), labels(6, 3)(0))
    assert_replayed(function, 6)


def test_a_branch_has_a_plan_for_each_side():
    def branch(x):
        noise = torch.rand_like(x)
        return (x * 2 + noise, "small") if x.sum() < 1 else (x / x.sum() - noise, "large")

    function = torch.hologram.jit(branch, strict=True)
    x = [floats(3)(0) * 0.01, floats(3)(0).abs() + 1]
    results = []
    for each in (function, branch):
        torch.manual_seed(3)
        results.append([each(x[int(i % 5 == 4)]) for i in range(30)])
    assert all(torch.equal(a, b) and s == t for (a, s), (b, t) in zip(*results, strict=True))
    assert [row["runs"] > 15 for row in function.plans()] == [True] and len(function._plans) == 2


def test_a_check_that_ends_a_run_changes_nothing():
    net = mlp((4, 3))

    def backward(x):
        net.zero_grad()
        loss = net(x).square().sum() + torch.rand((), device=DEVICE)
        loss.backward()
        if loss.detach() < 100:
            return loss.detach()
        return loss.detach() * 0

    function = torch.hologram.jit(backward)
    for i in range(5):
        function(floats(2, 4)(i))
    kept = [p.grad for p in net.parameters()]
    torch.manual_seed(1)
    assert function(floats(2, 4)(0) * 1000) == 0
    after = torch.hologram.get_rng_state()
    torch.manual_seed(1)
    expected = [p.grad.clone() for p in net.parameters()]
    backward(floats(2, 4)(0) * 1000)
    assert torch.equal(after, torch.hologram.get_rng_state()) and all(torch.equal(p.grad, e) for p, e in zip(net.parameters(), expected, strict=True))
    assert all(g.abs().max() < 1000 for g in kept)


# ---- the programs that benchmarks.plans times ----

@pytest.mark.parametrize("name", plan_programs.PROGRAMS)
def test_the_benchmarks_programs(name):
    found, steps = [], 200 if LONG else 40
    for jit in (False, True):
        step, arguments = plan_programs.program(name, DEVICE)
        function = torch.hologram.jit(step, strict=True) if jit else step
        results = [function(*arguments) for _ in range(steps)]
        found.append(torch.stack([r.cpu() for r in results]))
    assert torch.equal(*found)
    trains = any(word in name for word in ("Adam", "PPO"))
    assert (len(set(found[0].flatten().tolist())) > steps // 2) if trains else torch.equal(found[0][0], found[0][-1])
    assert_replayed(function, steps - 3)


def test_tensors_without_elements():
    function = torch.hologram.jit(lambda x, y: (x + 1, y * 2, x.sum(), x[:, :0]), strict=True)
    x, y = torch.empty(0, 3, device=DEVICE), torch.ones(3, device=DEVICE)
    for _ in range(6):
        none, two, total, view = function(x, y)
        assert none.shape == (0, 3) and torch.equal(two, y * 2) and total == 0 and view.shape == (0, 0)
    assert_replayed(function, 3)


def test_a_replay_that_writes_an_argument_counts_as_a_write():
    function = torch.hologram.jit(lambda x: x.mul_(2), strict=True)
    x = floats(3)(1)
    for _ in range(5):
        function(x)
    w = torch.ones(3, device=DEVICE, requires_grad=True)
    product = (w * x).sum()
    version = x._version
    function(x)
    assert x._version > version
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        product.backward()
    assert_replayed(function, 3)


def test_gradients_that_are_zeros_without_memory():
    def gradient(x):
        x = x.detach().clone().requires_grad_()
        return torch.autograd.grad(torch.sgn(x).sum() + x.round().sum() + (x * 2).sum(), [x])[0], torch.autograd.grad(torch.sgn(x).sum(), [x])[0]

    function = torch.hologram.jit(gradient, strict=True)
    for i in range(6):
        x = floats(3)(i)
        assert all(torch.equal(a, b) for a, b in zip(function(x), gradient(x), strict=True))
    assert_replayed(function, 3)
