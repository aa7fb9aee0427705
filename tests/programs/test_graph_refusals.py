"""What a graph refuses: work that cannot be captured, calls in the wrong order or from other threads. The program goes on as before."""

import gc
import threading

import pytest
import torch
from torch import nn

from tests.compare import DEVICE
from tests.programs.captured import floats
from tests.programs.graphs import ACCELERATOR, INTERFACES, begun, captured, needs_graphs, new_graph

pytestmark = needs_graphs
hologram = torch.hologram


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
    g, capture = new_graph(interface)
    with pytest.raises(RuntimeError, match=f"hologram.Graph: .*{message}"), capture:
        x.mul_(3)
        work(x)
    assert not hologram.is_current_stream_capturing()
    assert torch.equal(x.cpu(), X)
    with pytest.raises(RuntimeError, match=f"hologram.Graph.replay: its capture was ended by an exception .*{message}"):
        g.replay()


def test_a_refusal_that_is_caught_fails_at_the_end():
    x = floats(4)(0)
    before = x.cpu()
    g, _ = begun(lambda: x.add_(1))
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
    g, capture = new_graph(interface)
    with pytest.raises(KeyError, match="ours"), capture:
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

    g, y = begun(lambda: x + 1)
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
    g, _ = begun(lambda: None)
    thread = threading.Thread(target=lambda: (x * 2).cpu())
    thread.start()
    thread.join()
    with pytest.raises(RuntimeError, match="another thread used the device"):
        g.capture_end()


def test_a_graph_that_dies_while_it_captures():
    x = floats(4)(0)
    before = x.cpu()
    g, _ = begun(lambda: x.add_(1))
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
