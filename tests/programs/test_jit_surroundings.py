"""What surrounds a function, and what a replay could not do: seen in each call, or said once."""

import collections
import copy
import gc
import random
import re
import types
import warnings
import weakref

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import hologram_torch
from tests.compare import DEVICE
from tests.programs.captured import assert_replayed, assert_same, floats, labels, mlp

pytestmark = pytest.mark.skipif(hologram_torch.get_backend() != "cpu", reason="graphs are captured on the cpu backend only")


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


def gives_sparse(x):
    return x.to_sparse()


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
    reads_a_value: r"a value \(.item\(\), bool\(\), if\) at test_jit_surroundings.py:\d+: the host reads a value that changes",
    reads_late: r"looks at a value .* at test_jit_surroundings.py:\d+ after it changed a tensor that is seen outside",
    seeds: "sets the seed or the state of a generator", copies_to_the_host: r"reads or writes a tensor .* at test_jit_surroundings.py:\d+",
    gives_sparse: "gives a sparse or nested tensor", depends_on_values: "depends on values|reads or writes", keeps_state: "changes what is in a list",
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


# ---- values that the host reads are checks ----

def test_distributions_check_their_arguments():
    torch.manual_seed(0)
    net = mlp((8, 16, 3))
    opt = torch.optim.Adam(net.parameters(), lr=0.01)

    def step(x, action):
        policy = torch.distributions.Categorical(logits=net(x), validate_args=True)
        noise = torch.distributions.Normal(x.mean(1), x.std(1) + 1, validate_args=True)
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
