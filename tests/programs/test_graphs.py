"""Graphs with fixed memory, as CUDA's: a replay is what was captured, bit for bit, and a capture leaves nothing but the graph."""

import gc
import re

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.compare import DEVICE
from tests.programs.captured import floats
from tests.programs.graphs import INTERFACES, assert_equal, captured, needs_graphs, values

pytestmark = needs_graphs
hologram = torch.hologram


# ---- memory ----

@pytest.mark.parametrize("interface", INTERFACES)
def test_a_capture_changes_nothing(interface):
    written, read, indexed = floats(4, 3)(0), floats(4, 3)(1), floats(4, 3)(2)
    view = written[1:3]
    stats = nn.BatchNorm1d(3).to(DEVICE)
    before = values([written, read, indexed, *stats.buffers()])
    state = hologram.get_rng_state()

    def work():
        view.mul_(2)
        written.add_(torch.rand_like(written))
        indexed.index_add_(0, torch.zeros(2, dtype=torch.int64, device=DEVICE), read[:2])
        torch.mm(read[:3], read[:3], out=indexed[:3])
        indexed[3].copy_(read[0])
        indexed.sort(0)
        torch.cumsum(written, 0, out=written)
        stats(read)
        read.clone().zero_()

    g, _ = captured(work, interface)
    if interface == "hologram":
        assert g.saved_bytes == sum(t.nbytes for t in (written, indexed, *stats.buffers()))
    assert_equal(values([written, read, indexed, *stats.buffers()]), before)
    assert torch.equal(hologram.get_rng_state(), state)


def test_inputs_and_outputs_stay_where_they_are():
    x = floats(5, 4)(0)

    def work():
        temporary = x @ x.T
        return temporary.relu(), {"sum": temporary.sum(), "view": (x * 2)[1:]}

    g, (a, rest) = captured(work)
    places = [t.untyped_storage()._cdata for t in (x, a, rest["sum"], rest["view"])]
    for i in range(5):
        x.copy_(floats(5, 4)(i))
        g.replay()
        assert torch.equal(a, (x @ x.T).relu()) and torch.equal(rest["sum"], (x @ x.T).sum()) and torch.equal(rest["view"], (x * 2)[1:])
        assert places == [t.untyped_storage()._cdata for t in (x, a, rest["sum"], rest["view"])]


def test_an_output_feeds_other_work_and_is_overwritten():
    x = floats(8)(0)
    g, y = captured(lambda: x.exp())
    held = y + 1
    for i in range(3):
        x.copy_(floats(8)(i))
        expected = x.exp()
        g.replay()
        held = y + 1            # recorded; the next replay comes after it
    assert torch.equal(held, expected + 1)


def test_a_pool_is_nobody_elses():
    x = torch.ones(64, 64, device=DEVICE)
    g, y = captured(lambda: ((x @ x).tanh() @ x).sum())
    others = [torch.full((64, 64), float(i), device=DEVICE) for i in range(40)]
    hologram.synchronize()
    g.replay()
    assert all(torch.equal(t, torch.full((64, 64), float(i), device=DEVICE)) for i, t in enumerate(others))
    assert torch.equal(y, ((x @ x).tanh() @ x).sum()) and g.pool_bytes >= 64 * 64 * 4


def test_graphs_that_share_a_pool():
    x = floats(32, 32)(0)
    pool = hologram.graph_pool_handle()
    small, a = captured(lambda: (x @ x).tanh().sum(0), pool=pool)
    large, b = captured(lambda: (((x @ x).tanh() @ x).sigmoid() @ a.expand(32, 32)).cos().sum(), pool=small.pool())
    alone, c = captured(lambda: (x @ x).tanh().sum(0))
    assert small.pool() == large.pool() == tuple(pool) != alone.pool()
    assert small.pool_bytes == large.pool_bytes >= alone.pool_bytes > 0
    for i in range(4):
        x.copy_(floats(32, 32)(i))
        small.replay()
        large.replay()
        alone.replay()
        first = (x @ x).tanh().sum(0)
        assert torch.equal(a, first) and torch.equal(c, first)
        assert torch.equal(b, (((x @ x).tanh() @ x).sigmoid() @ first.expand(32, 32)).cos().sum())
    large.reset()
    x.copy_(floats(32, 32)(9))
    small.replay()
    assert torch.equal(a, (x @ x).tanh().sum(0))


def test_memory_comes_back():
    x = torch.ones(64, 64, device=DEVICE)
    gc.collect()
    before = hologram.memory_allocated()
    g, y = captured(lambda: (x @ x).tanh() @ x)
    assert hologram.memory_allocated() - before >= 2 * 64 * 64 * 4
    g.replay()
    expected = (x @ x).tanh() @ x
    del g
    x.fill_(2)
    assert torch.equal(y, expected)         # outlives its graph
    del y, expected
    assert hologram.memory_allocated() == before
    for end in (lambda g: g.reset(), lambda g: None):
        g, _ = captured(lambda: (x @ x).tanh().sum(), pool=hologram.graph_pool_handle())
        end(g)
        del g, _
        assert hologram.memory_allocated() == before


def test_inputs_that_the_program_forgets_are_kept():
    held = [floats(6)(0)]
    expected = held[0] * 2
    g, y = captured(lambda: held[0] * 2)
    held.clear()
    others = [torch.zeros(6, device=DEVICE) for _ in range(20)]
    g.replay()
    assert torch.equal(y, expected) and all(not t.any() for t in others)


def test_indices_are_checked_in_each_replay():
    weight, index = floats(5, 3)(0), torch.zeros(4, dtype=torch.long, device=DEVICE)
    g, y = captured(lambda: F.embedding(index, weight) * 2)
    index.fill_(7)
    with pytest.raises((IndexError, RuntimeError), match="out of (bounds|range)"):
        g.replay()
    index.fill_(1)
    g.replay()
    assert torch.equal(y, weight[index] * 2)


# ---- random numbers ----

@pytest.mark.parametrize("interface", INTERFACES)
def test_random_numbers_are_new_in_each_replay(interface):
    x = floats(3, 5)(0)

    def work():
        return x + torch.randn_like(x) * torch.rand_like(x), F.dropout(x, 0.5), torch.bernoulli(x.abs().clamp(max=1)), torch.multinomial(x.abs() + 1, 2)

    torch.manual_seed(5)
    expected = [work() for _ in range(3)] + [(torch.randn(3, device=DEVICE),)]
    g, results = captured(work, interface)
    torch.manual_seed(5)
    for i in range(3):
        g.replay()
        assert_equal(values(results), values(expected[i]))
    assert torch.equal(torch.randn(3, device=DEVICE), expected[3][0])


def draws_by_kernels(mine, other):
    return torch.rand(4, device=DEVICE, generator=mine), torch.rand(4, device=DEVICE), torch.randn(4, device=DEVICE, generator=other)


def draws_by_torchs_kernels(mine, other):
    weights = torch.arange(1.0, 6.0, device=DEVICE)
    return (torch.multinomial(weights, 3, generator=mine), torch.rand(2, device=DEVICE, generator=mine), torch.poisson(weights, generator=other),
            torch.multinomial(weights, 2), torch.binomial(weights, weights / 9, generator=mine))


@pytest.mark.parametrize("draw", [draws_by_kernels, draws_by_torchs_kernels])
def test_registered_generators(draw):
    mine, other = torch.Generator(DEVICE).manual_seed(1), torch.Generator(DEVICE).manual_seed(2)
    default = hologram.default_generators[0]

    def work():
        return draw(mine, other)

    g = hologram.Graph()
    g.register_generator_state(mine)
    g.register_generator_state(other)
    default.manual_seed(1)          # the same state as another one's
    with hologram.graph(g):
        results = work()
    assert mine.get_offset() == other.get_offset() == default.get_offset() == 0 and mine.initial_seed() == 1
    replayed = []
    for _ in range(3):
        g.replay()
        replayed += values(results)
    for generator, seed in ((mine, 1), (other, 2), (default, 1)):
        generator.manual_seed(seed)
    assert_equal(replayed, [t for _ in range(3) for t in values(work())])
    with pytest.raises(RuntimeError, match="Register generators before"):
        g.register_generator_state(mine)
    with pytest.raises(TypeError, match="torch.Generator is needed"):
        g.register_generator_state(3)
    with pytest.raises(RuntimeError):
        hologram.Graph().register_generator_state(torch.Generator("cpu"))


def test_generators_that_share_a_state():
    a, b = torch.Generator(DEVICE).manual_seed(1), torch.Generator(DEVICE).manual_seed(2)
    shared = a.graphsafe_get_state()
    first = torch.rand(3, device=DEVICE, generator=a)
    assert shared.get_offset() == a.get_offset() > 0
    b.graphsafe_set_state(shared)
    second = torch.rand(3, device=DEVICE, generator=b)
    assert a.get_offset() == b.get_offset() and b.initial_seed() == 1
    apart = a.clone_state()
    a.manual_seed(1)
    assert b.get_offset() == 0 < apart.get_offset()
    assert torch.equal(torch.rand(3, device=DEVICE, generator=b), first) and torch.equal(torch.rand(3, device=DEVICE, generator=a), second)
    with pytest.raises(RuntimeError, match="another device"):
        a.graphsafe_set_state(torch.Generator("cpu"))


def test_a_graph_draws_from_the_state_it_was_captured_with():
    mine = torch.Generator(DEVICE).manual_seed(4)
    g = hologram.Graph()
    g.register_generator_state(mine)
    with hologram.graph(g):
        y = torch.rand(3, device=DEVICE, generator=mine)
    mine.graphsafe_set_state(torch.Generator(DEVICE).manual_seed(9))
    g.replay()
    assert torch.equal(y, torch.rand(3, device=DEVICE, generator=torch.Generator(DEVICE).manual_seed(4))) and mine.get_offset() == 0


# ---- the rest of the interface ----

def test_keep_graph_and_dump(tmp_path):
    x = floats(8, 8)(0)
    g = hologram.Graph(keep_graph=True)
    with hologram.graph(g):
        y = (x @ x).relu().sum()
    assert g.pool_bytes == 0
    g.instantiate()
    g.instantiate()
    g.replay()
    assert torch.equal(y, (x @ x).relu().sum())
    path = tmp_path / "graph.dot"
    with pytest.warns(UserWarning, match="enable_debug_mode"):
        g.debug_dump(str(path))
    assert not path.exists()
    g.enable_debug_mode()
    g.debug_dump(path)
    text = path.read_text()
    assert text.startswith("digraph") and "mm" in text and re.search(r"n0 -> n1", text)
    with pytest.raises(RuntimeError, match="cannot be written"):
        g.debug_dump("/nowhere/graph.dot")
    lazy = hologram.Graph(keep_graph=True)
    with hologram.graph(lazy):
        z = x + 1
    lazy.replay()
    assert torch.equal(z, x + 1)


def test_modes_of_the_capture_count():
    a, b = floats(16, 16)(0), floats(16, 16)(1)

    def work():
        return a @ b, F.conv2d(a.view(1, 1, 16, 16), b[:3, :3].reshape(1, 1, 3, 3))

    def cast():
        with torch.autocast(DEVICE, dtype=torch.bfloat16, cache_enabled=False):
            return work()

    plain, mixed = captured(work), captured(cast)
    expected = values(work()), values(cast())
    with torch.autocast(DEVICE, dtype=torch.bfloat16), torch.autocast("cpu", dtype=torch.bfloat16), torch.inference_mode():
        plain[0].replay()
        mixed[0].replay()
    assert_equal(values(plain[1]), expected[0])
    assert_equal(values(mixed[1]), expected[1])


def test_jit_inside_a_capture():
    function = hologram.jit(lambda x: x.relu() * 2, strict=True)
    x = floats(8)(0)
    for _ in range(5):
        function(x)
    g, y = captured(lambda: function(x) + 1)
    x.copy_(floats(8)(3))
    g.replay()
    assert torch.equal(y, x.relu() * 2 + 1)


def test_a_check_that_fails_in_a_replay_names_the_graph():
    x = torch.ones(4, device=DEVICE)
    g = hologram.Graph()
    with hologram.graph(g):
        drawn = torch.bernoulli(x)
    g.replay()
    assert drawn.tolist() == [1.0] * 4
    x.fill_(2.0)
    with pytest.raises(RuntimeError, match="^hologram.Graph.replay: all elements should be between 0 and 1"):
        g.replay()
    x.fill_(0.0)
    g.replay()
    assert drawn.tolist() == [0.0] * 4
