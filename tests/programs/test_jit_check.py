"""HOLOGRAM_JIT=check: what a replay writes, node by node, against what the function writes."""

import itertools

import pytest
import torch
from torch import nn

import hologram_torch
from hologram_torch import _jit
from tests.compare import DEVICE
from tests.modes import deferred

pytestmark = [deferred, pytest.mark.skipif(hologram_torch.get_backend() != "cpu", reason="graphs are captured on the cpu backend only")]


def training():
    model = nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Dropout(0.5), nn.LayerNorm(16), nn.Linear(16, 4)).to(DEVICE)
    optimizer = torch.optim.Adam(model.parameters())

    def step(x, target):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), target)
        loss.backward()
        optimizer.step()
        return loss.detach()
    return step, (torch.rand(8, 12, device=DEVICE), torch.randint(0, 4, (8,), device=DEVICE))


def convolution():
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2)).to(DEVICE)

    def step(x):
        model.zero_grad()
        out = torch.cat([model(x), model(x.flip(-1))], 1)
        out.square().sum().backward()
        return out.detach().sort().values
    return step, (torch.rand(2, 2, 9, 9, device=DEVICE),)


def in_place():
    weight = torch.rand(6, 6, device=DEVICE)
    index = torch.tensor([0, 2, 2, 5], device=DEVICE)

    def step(x):
        out = torch.zeros(6, 6, device=DEVICE)
        out.index_add_(0, index, x @ weight)            # writes over what a kernel wrote
        out[1:3] += torch.softmax(out, 1)[1:3]
        return out, out.t().contiguous().cumsum(0), torch.addmm(weight, out, weight.tril())
    return step, (torch.rand(4, 6, device=DEVICE),)


@pytest.mark.parametrize("program", [training, convolution, in_place])
def test_the_nodes_of_a_replay_write_what_the_function_writes(program):
    torch.manual_seed(0)
    step, arguments = program()
    checked = _jit._CheckedFunction(step, True, 8)
    for _ in range(6):
        checked(*arguments)
    plan, = checked._plans
    assert plan.runs >= 2 and plan.nodes > 4
    before = _jit._State(plan, arguments, {})
    assert checked._first_to_differ(plan, before, arguments, {}) == ""
    hashes = plan.call_and_hash(arguments, {})[1]
    assert len(hashes) == plan.nodes and sum(bits is not None for _, bits in hashes) >= plan.nodes - plan.constants


@pytest.mark.parametrize("wrong", [0, 1, 2])
def test_the_first_node_that_differs_is_named(wrong):
    numbers = [itertools.count() if place == wrong else itertools.repeat(2) for place in range(3)]      # no one sees what they give

    def step(x):
        with torch.hologram.no_fusion():
            a = x * (next(numbers[0]) // 5 + 2)
            b = torch.mm(a, a) + (next(numbers[1]) // 5)
            return torch.tanh(b * (next(numbers[2]) // 5 + 0.1))
    checked = _jit._CheckedFunction(step, False, 8)
    x = torch.rand(3, 3, device=DEVICE) / 9
    with pytest.raises(RuntimeError) as raised:
        for _ in range(12):
            checked(x)
    name, node = [("mul", 0), ("add", 2), ("mul", 3)][wrong]
    assert f"result 0. The first to differ is node {node}, {name} at test_jit_check.py:" in str(raised.value)


def test_what_reads_another_number_of_elements_has_other_nodes():
    calls = itertools.count()

    def step(x):
        y = x.exp()
        if next(calls) > 5:
            return y.sum()
        return torch.mm(y, y).sum()
    checked = _jit._CheckedFunction(step, False, 8)
    x = torch.rand(4, 4, device=DEVICE)
    with pytest.raises(RuntimeError, match="gives something else than the function: result 0. The f"):
        for _ in range(12):
            checked(x)
