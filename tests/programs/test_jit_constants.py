"""What no argument of a captured function reaches: it runs once, and again after a write of what it reads."""

import ctypes
import threading

import numpy as np
import pytest
import torch
from torch import nn

import hologram_torch
from hologram_core.config import config
from tests.compare import DEVICE
from tests.programs.captured import assert_replayed, floats, mlp

pytestmark = pytest.mark.skipif(hologram_torch.get_backend() != "cpu", reason="graphs are captured on the cpu backend only")


def launches(function, *args):
    before = torch.hologram.counters()["launched"]
    function(*args)
    torch.hologram.synchronize()
    return torch.hologram.counters()["launched"] - before


def once(function):
    [plan] = function.plans()
    assert not plan["reason"], plan
    return plan["once"]


def replayed(function, *args, calls=5):
    for _ in range(calls):
        function(*args)
    assert_replayed(function, calls - 3)


@pytest.mark.skipif(config.jit != "on", reason="each call runs both ways")
def test_they_run_in_the_first_replay_only():
    weight = floats(7, 5)(3)
    function = torch.hologram.jit(lambda x: (weight.exp().t().contiguous() * 2).sum(0, keepdim=True) + x, strict=True)
    expected = (weight.exp().t().contiguous() * 2).sum(0, keepdim=True)
    for i in range(8):
        x = floats(7)(i)
        assert torch.equal(function(x), expected + x)
    assert once(function) >= 1
    x = floats(7)(1)
    assert launches(function, x) == 1
    weight.mul_(2)
    torch.hologram.synchronize()
    assert launches(function, x) == 1 + once(function)
    assert launches(function, x) == 1


def hogwild(weight):
    thread = threading.Thread(target=lambda: weight.add_(1))
    thread.start()
    thread.join()


def by_optimizer(weight):
    parameter = nn.Parameter(weight.clone())
    parameter.data = weight
    parameter.grad = torch.ones_like(weight)
    torch.optim.Adam([parameter], lr=0.1).step()


def by_plan(weight):
    function = torch.hologram.jit(lambda x: weight.add_(x), strict=True)
    for i in range(5):
        function(floats(6, 6)(i))
    assert_replayed(function, 2)


def by_plan_of_an_argument(weight):
    function = torch.hologram.jit(lambda w, x: w.mul_(x).sum(), strict=True)
    for i in range(5):
        function(weight, floats(6, 6)(i))
    assert_replayed(function, 2)


def by_graph(weight):
    graph = torch.hologram.Graph()
    with torch.hologram.graph(graph):
        weight.add_(1)
    graph.replay()


def by_capture(weight):
    with torch.hologram.graph(torch.hologram.Graph()):
        weight.add_(1)


def by_region(weight):
    compiled = torch.compile(lambda w: w.mul_(1.5))
    for _ in range(5):
        compiled(weight)


def by_state_dict(weight):
    module = nn.Linear(6, 6, bias=False).to(DEVICE)
    module.weight.data = weight
    module.load_state_dict({"weight": torch.full((6, 6), 0.25)})


def by_numpy(weight):
    np.from_dlpack(weight.detach(), device="cpu")[2, 3] += 17     # the array lies in the tensor's memory


def by_core(weight):
    import hologram_core as hg

    with hg.Executor() as executor:
        array = hg.HologramTensor.from_dlpack(weight.detach(), executor)
        array[0] += 2
        executor.synchronize()


WRITES = {
    "in place": lambda w: w.add_(1), "copy_": lambda w: w.copy_(floats(6, 6)(9)), "from the host": lambda w: w.copy_(torch.ones(6, 6)),
    "data": lambda w: w.data.mul_(3), "detached": lambda w: w.detach().zero_(), "a view": lambda w: w[2:4].fill_(5), "an element": lambda w: w.__setitem__((1, 1), 7.0),
    "indices": lambda w: w.index_put_((torch.tensor([1, 2], device=DEVICE),), torch.ones(2, 6, device=DEVICE)), "masked": lambda w: w.masked_fill_(w > 0, 2),
    "out of a product": lambda w: torch.mm(w.clone(), w.clone(), out=w), "out of an op": lambda w: torch.exp(w.clone(), out=w),
    "out of a library's op": lambda w: torch.cumprod(w.clone(), 0, out=w), "addmm_": lambda w: w.addmm_(floats(6, 6)(1), floats(6, 6)(2)),
    "random numbers": lambda w: w.normal_(), "without recording": lambda w: unrecorded(w), "optimizer": by_optimizer, "a plan": by_plan,
    "a plan's argument": by_plan_of_an_argument, "a Graph": by_graph, "a capture that is undone": by_capture, "a compiled region": by_region,
    "load_state_dict": by_state_dict, "an array of NumPy's": by_numpy, "the core": by_core, "another thread": hogwild,
    "sorted in place": lambda w: torch.sort(w.clone(), out=(w, torch.empty(6, 6, dtype=torch.long, device=DEVICE))),
    "foreach": lambda w: torch._foreach_mul_([w], 2.0), "set and put back": lambda w: w.copy_(w.clone().mul_(2)),
}


def unrecorded(weight):
    with torch.hologram.no_fusion():
        weight.add_(1)


@pytest.mark.parametrize("road", WRITES)
def test_a_write_is_seen_by_whatever_road(road):
    weight = floats(6, 6)(2)

    def plain(x):
        return (weight.t().contiguous() + 1).sin() @ x

    function = torch.hologram.jit(plain, strict=True)
    replayed(function, floats(6, 6)(0))
    assert once(function) >= 1
    for i in range(4):
        if i % 2:
            WRITES[road](weight)
        for k in range(2):
            x = floats(6, 6)(i + k)
            assert torch.equal(function(x), plain(x)), i
    assert function.plans()[0]["runs"] >= 6


def test_memory_whose_address_is_held_outside_is_looked_at_each_time():
    weight = floats(6, 6)(2)
    function = torch.hologram.jit(lambda x: weight.exp() * x.sum(), strict=True)
    x = floats(6, 6)(0)
    replayed(function, x)
    address = weight.data_ptr()
    for value in (3.0, 4.0, -2.0):
        ctypes.c_float.from_address(address + 4).value = value
        assert torch.equal(function(x), weight.exp() * x.sum())
    exposed = torch.hologram.jit(lambda x: weight.exp() * x.sum(), strict=True)
    replayed(exposed, x)
    assert once(exposed) == 0


def test_what_varies_stays_where_it_is():
    state = floats(6)(1)

    def function(x):
        noise = torch.rand(6, device=DEVICE)            # random
        total = torch.zeros(6, device=DEVICE)
        total[2:] += x[2:]                              # written from an argument
        state.mul_(1.5)                                 # written by each run
        scratch = torch.ones(6, device=DEVICE)
        first = x * scratch.clone()
        scratch.mul_(3)                                 # a value in between is read
        return noise + total, state.exp(), first, x * scratch

    captured = torch.hologram.jit(function, strict=True)
    for seed in range(7):
        x, before = floats(6)(seed), state.clone()
        torch.manual_seed(seed)
        actual = captured(x)
        after = state.clone()
        state.copy_(before)
        torch.manual_seed(seed)
        for a, e in zip(actual, function(x), strict=True):
            assert torch.equal(a, e)
        assert torch.equal(state, after)
    assert_replayed(captured, 4)


def test_a_result_is_new_each_time():
    weight = floats(3, 4)(1)
    function = torch.hologram.jit(lambda x: (weight.t().contiguous(), x + 1), strict=True)
    for i in range(6):
        result, _ = function(floats(2)(i))
        assert torch.equal(result, weight.t())
        result.zero_()


def test_weights_are_cast_once():
    net = mlp()

    @torch.no_grad()
    def plain(x):
        with torch.autocast(DEVICE, dtype=torch.bfloat16):
            return net(x)

    function = torch.hologram.jit(plain, strict=True)
    x = floats(6, 8)(0)
    replayed(function, x)
    assert once(function) >= 1
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for i in range(4):
        x = floats(6, 8)(i)
        net(x).square().sum().backward()
        optimizer.step()
        for _ in range(2):
            assert torch.equal(function(x), plain(x))
    assert_replayed(function, 8)


def test_products_and_parts_of_one_launch():
    """Two casts are launched as one: the weight's runs once, the argument's each time."""
    left, right = floats(6, 6)(1), floats(6, 6)(2)

    def plain(x):
        return (left.half() @ right.half()).float() + torch.cat([left, right]).sum() + x.half().float()

    function = torch.hologram.jit(plain, strict=True)
    for i in range(7):
        if i == 5:
            right.add_(1)
        x = floats(6, 6)(i)
        assert torch.equal(function(x), plain(x))
    assert once(function) >= 2 and function.plans()[0]["nodes"] > once(function)
    assert any(line.startswith("once: ") for line in function.plans()[0]["program"])


def test_training_steps_have_none():
    net = mlp()
    optimizer = torch.optim.Adam(net.parameters())

    def step(x):
        optimizer.zero_grad()
        net(x).square().sum().backward(torch.ones((), device=DEVICE) * x.sum())
        optimizer.step()

    function = torch.hologram.jit(step, strict=True)
    replayed(function, floats(6, 8)(0), calls=6)
    [plan] = function.plans()
    constant = [line for line in plan["program"] if line.startswith("once: ")]
    assert len(constant) == plan["once"] < plan["nodes"] / 2 and not any("kept" in line for line in constant)


def test_another_number_of_threads():
    weight = floats(40, 40)(1)
    function = torch.hologram.jit(lambda x: torch.linalg.inv(weight) @ x, strict=True)
    threads = torch.get_num_threads()
    try:
        for n in (1, 2, 1):
            torch.set_num_threads(n)
            for i in range(4):
                x = floats(40, 40)(i)
                assert torch.equal(function(x), torch.linalg.inv(weight) @ x)
    finally:
        torch.set_num_threads(threads)
    assert once(function) >= 1
