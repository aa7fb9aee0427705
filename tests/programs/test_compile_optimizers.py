"""Optimizers under torch.compile: each step is one plan, which gives bit for bit what torch traces, and in most cases what the step gives."""

import logging

import pytest
import torch
from torch import nn

import hologram_torch
from hologram_torch import _patches
from tests.compare import DEVICE
from tests.programs.regions import new_graphs, regions, runs  # noqa: F401  a fixture

pytestmark = pytest.mark.skipif(hologram_torch.get_backend() != "cpu", reason="graphs are captured on the cpu backend only")

# torch's traced steps count in tensors of float32, on every device: corrections of a bias are rounded otherwise than in Python.
ROUNDED = {"Adamax", "NAdam", "RAdam", ("Adam", "foreach", True), ("AdamW", "foreach", True), ("ASGD", "foreach", False), ("Adagrad", "foreach", False),
           ("RMSprop", "foreach", False)}
CASES = [(name, None, None) for name in ("Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "ASGD", "Muon", "NAdam", "RAdam", "RMSprop",
                                         "Rprop", "SGD")]
CASES += [("Adam", "foreach", True), ("AdamW", "foreach", True), ("ASGD", "foreach", False), ("Adagrad", "foreach", False), ("RMSprop", "foreach", False),
          ("SGD", "fused", True), ("Adagrad", "fused", True)]


def R(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE)


def make(name, option=None, value=None):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 2)).to(DEVICE)
    parameters = [p for p in model.parameters() if name != "Muon" or p.dim() == 2]
    return model, getattr(torch.optim, name)(parameters, lr=0.01, **({option: value} if option else {}))


def train(optimizer_of, wrap, steps=5, eager_steps=0):
    model, optimizer = optimizer_of
    run = wrap(lambda: optimizer.step())
    for i in range(eager_steps + steps):
        optimizer.zero_grad()
        model(R(3, 4, seed=i)).square().mean().backward()
        optimizer.step() if i < eager_steps else run()
    return [p.detach().cpu() for p in model.parameters()]


def same(a, b):
    torch.testing.assert_close(a, b, rtol=0, atol=0)


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(str(part) for part in case if part is not None))
def test_a_step_is_a_plan(case):
    result = train(kept := make(*case), torch.compile)
    assert runs() == [2]
    del kept
    torch._dynamo.reset()
    same(result, train(make(*case), lambda step: torch.compile(step, backend="eager")) if case[1] != "fused" else result)
    if case[0] in ROUNDED or case in ROUNDED:
        torch.testing.assert_close(result, train(make(*case), lambda step: step), rtol=1e-4, atol=1e-5)
    else:
        same(result, train(make(*case), lambda step: step))


def test_steps_before_and_after():
    """State that a program has made before: torch moves its count to the device, where later steps find it."""
    expected = train(make("RMSprop"), lambda step: step, steps=7)
    model, optimizer = make("RMSprop")
    train((model, optimizer), torch.compile, steps=4, eager_steps=1)
    assert runs() == [1]
    for i in (5, 6):
        optimizer.zero_grad()
        model(R(3, 4, seed=i)).square().mean().backward()
        optimizer.step()
    same([p.detach().cpu() for p in model.parameters()], expected)


def test_a_rate_that_a_schedule_changes():
    def trained(wrap):
        model, optimizer = make("RMSprop")
        optimizer.param_groups[0]["lr"] = torch.tensor(0.01, device=DEVICE)
        schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
        run = wrap(lambda: optimizer.step())
        for i in range(6):
            model(R(3, 4, seed=i)).square().mean().backward()
            run()
            schedule.step()
        return [p.detach().cpu() for p in model.parameters()], runs()

    result, replays = trained(torch.compile)
    assert replays == [3]
    torch._dynamo.reset()
    same(result, trained(lambda step: torch.compile(step, backend="eager"))[0])


def test_adafactor_reads_its_count_and_is_left_to_run_as_it_is():
    logging.getLogger("torch._dynamo").setLevel(logging.ERROR)
    result = train(make("Adafactor"), torch.compile)
    assert runs() == []
    same(result, train(make("Adafactor"), lambda step: step))


def test_a_closure():
    def trained(wrap):
        model, optimizer = make("SGD")

        def closure():
            optimizer.zero_grad()
            loss = model(R(3, 4)).square().mean()
            loss.backward()
            return loss

        run = wrap(lambda: optimizer.step(closure))
        losses = [run().detach().cpu() for _ in range(4)]
        return losses, [p.detach().cpu() for p in model.parameters()]

    same(trained(torch.compile), trained(lambda step: step))


def test_corrections_are_needed(monkeypatch):
    from torch._dynamo.variables.optimizer import OptimizerVariable

    monkeypatch.setattr(OptimizerVariable, "_set_capturable", _patches.originals["_set_capturable"])
    train(kept := make("RMSprop"), torch.compile)
    assert ["computes on the CPU" in r.reason for r in regions()] == [True]
    del kept
