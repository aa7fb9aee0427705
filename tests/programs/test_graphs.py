"""Graphs with fixed memory, as CUDA's: a replay is a step, bit for bit, and a capture leaves nothing but the graph."""

import gc
import re
import threading

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

import hologram_torch
from tests.compare import DEVICE
from tests.programs.captured import GPT, Recurrent, cnn, floats, labels, mlp

pytestmark = pytest.mark.skipif(hologram_torch.get_backend() != "cpu", reason="graphs are captured on the cpu backend only")
hologram = torch.hologram
ACCELERATOR = hasattr(torch.accelerator, "Graph")
INTERFACES = ["hologram", pytest.param("accelerator", marks=pytest.mark.skipif(not ACCELERATOR, reason="torch.accelerator.Graph came with 2.13"))]


def captured(work, interface="hologram", **options):
    """(graph, what the work returned) of work that was captured."""
    if interface == "accelerator":
        g = torch.accelerator.Graph(**options)
        with torch.Stream(DEVICE), g:
            return g, work()
    g = hologram.Graph()
    with hologram.graph(g, **options):
        return g, work()


def values(tensors):
    return [t.detach().cpu().clone() for t in tensors]


def assert_equal(actual, expected):
    for a, e in zip(actual, expected, strict=True):
        assert torch.equal(a, e)


# ---- whole training steps ----

MODELS = {     # name: (model, input, number of labels, classes)
    "mlp": (mlp, floats(6, 8), 6, 4), "gpt": (GPT, lambda i: ((torch.arange(24) * 5 + i) % 17).reshape(3, 8).to(DEVICE), 24, 17),
    "dropout": (lambda: nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.3), nn.GELU(), nn.Dropout1d(0.2), nn.Linear(16, 4)), floats(6, 8), 6, 4),
    "gru": (Recurrent, floats(5, 6, 8), 6, 4), "cnn": (cnn, floats(6, 3, 8, 8), 6, 4),
    "norms": (lambda: nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.LayerNorm(8), nn.Linear(8, 4)), floats(6, 8), 6, 4),
}
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


def assert_all_equal(actual, expected):
    for a, e in zip(actual, expected, strict=True):
        assert_equal(a, e)


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


def test_registered_generators():
    mine, other = torch.Generator(DEVICE).manual_seed(1), torch.Generator(DEVICE).manual_seed(2)
    default = hologram.default_generators[0]

    def work():
        return torch.rand(4, device=DEVICE, generator=mine), torch.rand(4, device=DEVICE), torch.randn(4, device=DEVICE, generator=other)

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


# ---- what cannot be captured ----

X = torch.linspace(-1, 1, 4)
REFUSED = {
    "item": (lambda x: x.sum().item(), "item: .*the host reads"), "float": (lambda x: float(x[0]), "item: .*the host reads"),
    "bool": (lambda x: x[0] > 0 and x, "is_nonzero: .*the host reads"), "cpu": (lambda x: x.cpu(), "to: .*the host reads"),
    "tolist": (lambda x: x.tolist(), "the host reads"), "copy": (lambda x: torch.empty(4).copy_(x), "copy_: .*the host reads"),
    "data_ptr": (lambda x: x.data_ptr(), "the host reads"), "print": (repr, "cannot be captured"),
    "nonzero": (lambda x: x.nonzero(), "nonzero: .*depends on values"), "mask": (lambda x: x[x > 0], "index: .*depends on values"),
    "masked_select": (lambda x: x.masked_select(x > 0), "masked_select: .*depends on values"), "unique": (torch.unique, "unique2?: .*depends on values"),
    "repeat_interleave": (lambda x: torch.repeat_interleave(x, (x > 0).long()), "repeat_interleave"),
    "batch of the host": (lambda x: x.copy_(X), "copy_: .*tensor of the host"), "to": (lambda x: X.to(DEVICE) + x, "to: .*tensor of the host"),
    "manual_seed": (lambda x: torch.manual_seed(0), "sets the seed"),
    "generator": (lambda x: torch.rand(3, device=DEVICE, generator=torch.Generator(DEVICE)), "rand: .*not registered"),
}


@pytest.mark.parametrize("interface", INTERFACES)
@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_captured_raises_where_it_stands(name, interface):
    work, message = REFUSED[name]
    x = X.to(DEVICE)
    g = torch.accelerator.Graph() if interface == "accelerator" else hologram.Graph()
    with pytest.raises(RuntimeError, match=f"hologram.Graph: .*{message}"), g if interface == "accelerator" else hologram.graph(g):
        x.mul_(3)
        work(x)
    assert not hologram.is_current_stream_capturing()
    assert torch.equal(x.cpu(), X)
    with pytest.raises(RuntimeError, match=f"hologram.Graph.replay: its capture was ended by an exception .*{message}"):
        g.replay()


def test_a_refusal_that_is_caught_fails_at_the_end():
    x = floats(4)(0)
    before = x.cpu()
    g = hologram.Graph()
    g.capture_begin()
    x.add_(1)
    with pytest.raises(RuntimeError, match="the host reads"):
        x.sum().item()
    assert x.sum().item() != 0      # told once; the program goes on
    with pytest.raises(RuntimeError, match="capture_end: this cannot be captured: the host reads"):
        g.capture_end()
    assert torch.equal(x.cpu(), before)
    with pytest.raises(RuntimeError, match="replay: its capture failed: the host reads"):
        g.replay()


@pytest.mark.parametrize("interface", INTERFACES)
def test_an_exception_in_the_capture(interface):
    x = floats(4)(0)
    before, state = x.cpu(), hologram.get_rng_state()
    with pytest.raises(KeyError, match="ours"):
        g = torch.accelerator.Graph() if interface == "accelerator" else hologram.Graph()
        with g if interface == "accelerator" else hologram.graph(g):
            x.add_(torch.rand_like(x))
            raise KeyError("ours")
    assert torch.equal(x.cpu(), before) and torch.equal(hologram.get_rng_state(), state)
    with pytest.raises(RuntimeError, match="ended by an exception .KeyError: 'ours'"):
        g.replay()
    if interface == "hologram":
        with hologram.graph(g):     # the same graph once more
            x.add_(1)
        g.replay()
        assert torch.equal(x.cpu(), before + 1)


def test_a_capture_while_an_exception_is_handled():
    x = floats(4)(0)
    before = x.cpu()
    try:
        raise ValueError("of before")
    except ValueError:
        g, _ = captured(lambda: x.add_(1))
    g.replay()
    assert torch.equal(x.cpu(), before + 1)


def test_captures_do_not_nest():
    x = floats(4)(0)
    g, inner = hologram.Graph(), hologram.Graph()
    with hologram.graph(g):
        y = x * 2
        with pytest.raises(RuntimeError, match="another graph is being captured"), hologram.graph(inner):
            pass
        with pytest.raises(RuntimeError, match="the graph is being captured"):
            g.capture_begin()
        for method in (g.replay, g.reset, g.instantiate):
            with pytest.raises(RuntimeError, match="the graph is being captured"):
                method()
    g.replay()
    assert torch.equal(y, x * 2)
    with pytest.raises(RuntimeError, match="nothing was captured"):
        inner.replay()
    with pytest.raises(RuntimeError, match="another graph is being captured"):
        captured(g.replay)


@pytest.mark.filterwarnings("ignore:hologram.Graph. nothing was captured")
def test_calls_in_the_wrong_order():
    g = hologram.Graph()
    for method in (g.replay, g.instantiate):
        with pytest.raises(RuntimeError, match="nothing was captured. Call capture_begin"):
            method()
    with pytest.raises(RuntimeError, match="no pool before"):
        g.pool()
    with pytest.raises(RuntimeError, match="no capture is under way"):
        g.capture_end()
    with pytest.raises(ValueError, match="capture_error_mode='loud'"):
        g.capture_begin(capture_error_mode="loud")
    x = floats(4)(0)
    for mode in ("global", "thread_local", "relaxed", "default"):
        g, y = captured(lambda: x + 1, capture_error_mode=mode)
    with pytest.raises(RuntimeError, match="holds captured work already"):
        g.capture_begin()
    g.reset()
    with pytest.raises(RuntimeError, match="nothing was captured"):
        g.replay()
    g.capture_begin()
    z = x * 3
    g.capture_end()
    g.replay()
    assert torch.equal(z, x * 3)
    for interface in ["hologram", "accelerator"][: 1 + ACCELERATOR]:
        with pytest.warns(UserWarning, match="nothing was captured"):
            captured(lambda: None, interface)
    assert not hologram.is_current_stream_capturing()
    assert captured(hologram.is_current_stream_capturing)[1]


@pytest.mark.filterwarnings("ignore:hologram.Graph. nothing was captured")
def test_other_threads():
    x = floats(4)(0)
    seen = []

    def other():
        seen.append(hologram.is_current_stream_capturing())
        try:
            g.capture_end()
        except RuntimeError as error:
            seen.append(str(error))

    g = hologram.Graph()
    g.capture_begin()
    y = x + 1
    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    g.capture_end()
    assert seen[0] is False and "another thread began" in seen[1]
    threads = [threading.Thread(target=g.replay) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert torch.equal(y, x + 1)
    g = hologram.Graph()
    g.capture_begin()
    thread = threading.Thread(target=lambda: (x * 2).cpu())
    thread.start()
    thread.join()
    with pytest.raises(RuntimeError, match="another thread used the device"):
        g.capture_end()


def test_a_graph_that_dies_while_it_captures():
    x = floats(4)(0)
    before = x.cpu()
    g = hologram.Graph()
    g.capture_begin()
    x.add_(1)
    del g
    gc.collect()
    assert not hologram.is_current_stream_capturing() and torch.equal(x.cpu(), before)
    g, y = captured(lambda: x + 2)
    g.replay()
    assert torch.equal(y, x + 2)


@pytest.mark.parametrize("make", [lambda p: torch.optim.Adam(p, foreach=True), lambda p: torch.optim.Adam(p, foreach=False, fused=False),
                                  lambda p: torch.optim.NAdam(p), lambda p: torch.optim.Adagrad(p, lr_decay=0.1)])
@pytest.mark.parametrize("interface", INTERFACES)
@pytest.mark.parametrize("warm_up", [0, 1])
def test_optimizers_that_count_on_the_host_are_refused(make, interface, warm_up):
    p = nn.Parameter(floats(4)(0))
    opt = make([p])
    p.grad = torch.ones_like(p)
    for _ in range(warm_up):
        opt.step()
    before = p.detach().cpu()
    with pytest.raises(RuntimeError, match="counts its steps on the host.*capturable=True"):
        captured(opt.step, interface)
    assert torch.equal(p.detach().cpu(), before)
    opt.step()      # outside it may


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
