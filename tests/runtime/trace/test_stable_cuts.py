"""Where windows end: in a loop always at one place of its period, so that kernels are made for the first rounds only."""

import random

import pytest
import torch

from hologram_core import _runtime
from tests.modes import deferred

pytestmark = deferred


def recent():
    return [record for record in _runtime.recent_work() if "library" not in record]


def last_window():
    torch.hologram.synchronize()
    return max((circuit["window"] for circuit in recent()), default=0)


def windows(after):
    """What the windows after one became: for each, why it ran, and for each group its ops and its kernels."""
    found: dict = {}
    for circuit in recent():
        if circuit["window"] > after:
            found.setdefault(circuit["window"], (circuit["reason"], []))[1].append((circuit["ops"], tuple(circuit["keys"])))
    return list(found.values())


@pytest.mark.parametrize("period", [5, 7, 13, 37])
def test_a_loop_that_nothing_interrupts_is_cut_at_one_place(period):
    """A full window ended after so many ops, wherever that was: each began at another place of the loop, with groups of its own."""
    functions = random.Random(0).choices([torch.sin, torch.cos, torch.tanh, torch.sigmoid, torch.abs, torch.neg], k=period - 4)
    x, v, w = (torch.rand(50, device="hologram") for _ in range(3))
    before = last_window()
    for _ in range(5 * 960 // period):
        for function in functions:
            v = function(v)
        v = v * 0.99 + w
        x = x + v * w
    reasons, groups = zip(*windows(before))
    assert len(groups) >= 4 and set(reasons) == {"full"}
    assert all(each == groups[1] for each in groups[2:])


def test_what_a_program_reads_is_a_place_of_its_own():
    """Full windows after it are cut as the program's first ones were, whatever the ones before it met."""
    x = torch.rand(50, device="hologram")
    seen = []
    for rounds in (500, 500, 411, 500, 500):
        before, y = last_window(), x
        for _ in range(rounds):
            y = torch.sin(y) * 2 + x
        y.sum().item()
        seen.append(windows(before))
    assert [reason for reason, _ in seen[0]] == ["full", "read"]
    assert seen[2] != seen[0] and all(seen[n] == seen[0] for n in (1, 3, 4))


def test_memory_that_waited_in_one_window_does_not_cut_later_ones():
    """Dead values of all windows were counted together: every few steps one was cut, in another place each time."""
    torch.manual_seed(0)
    a, dt, b, x = (torch.rand(*sizes, device="hologram", requires_grad=True)
                   for sizes in ((64, 8), (8, 64, 64), (8, 64, 8), (8, 64, 64)))
    launched = []
    for _ in range(12):
        before = torch.hologram.counters()["launched"]
        h, outputs = torch.zeros(8, 64, 8, device="hologram"), []
        for t in range(64):
            h = torch.exp(dt[:, t, :, None] * -a) * h + dt[:, t, :, None] * b[:, t, None, :] * x[:, t, :, None]
            outputs.append(h.sum(-1))
        loss = torch.stack(outputs, 1).square().mean()
        loss.backward()
        a.grad = dt.grad = b.grad = x.grad = None
        loss.item()
        launched.append(torch.hologram.counters()["launched"] - before)
    assert len(set(launched[1:])) == 1, launched
