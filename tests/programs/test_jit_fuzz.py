"""Random step functions, captured and replayed: the same bits as without, whatever they are made of."""

import random

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import hologram_torch
from tests.compare import DEVICE
from tests.core_modes import share

pytestmark = [pytest.mark.skipif(hologram_torch.get_backend() != "cpu", reason="graphs are captured on the cpu backend only"),
              pytest.mark.filterwarnings("ignore:hologram.jit")]

UNARY = [torch.tanh, torch.relu, torch.sigmoid, F.gelu, torch.exp, lambda x: x.abs().sqrt(), lambda x: x.softmax(-1), lambda x: F.layer_norm(x, x.shape[-1:]),
         lambda x: x - x.mean(-1, keepdim=True), lambda x: x.cumsum(-1), lambda x: x.sort(-1).values, lambda x: x.flip(-1), lambda x: F.dropout(x, 0.3),
         lambda x: x + torch.rand_like(x), lambda x: x * torch.bernoulli(torch.full_like(x, 0.7)), lambda x: torch.roll(x, 1, -1),
         lambda x: F.pad(x, (1, 1))[..., 1:-1], lambda x: x.to(torch.bfloat16).float(), lambda x: x / (x.norm() + 1)]
VIEWS = [lambda x: x.t().contiguous().t(), lambda x: x.view(-1, 2, x.shape[-1] // 2).transpose(1, 2).reshape(x.shape), lambda x: x[:, ::2].repeat(1, 2),
         lambda x: torch.stack(x.unbind(0)), lambda x: torch.cat(x.chunk(2, -1), -1), lambda x: x.narrow(0, 0, x.shape[0]), lambda x: x.expand(2, *x.shape)[1]]
BINARY = [torch.add, torch.mul, torch.maximum, lambda a, b: torch.where(a > b, a, b), lambda a, b: a @ b.t() @ b / 8, lambda a, b: torch.lerp(a, b, 0.3)]
OPTIMIZERS = [lambda p: torch.optim.SGD(p, 0.05, momentum=0.9), lambda p: torch.optim.Adam(p, 0.01), lambda p: torch.optim.AdamW(p, 0.01, amsgrad=True),
              lambda p: torch.optim.Adagrad(p, 0.05), lambda p: torch.optim.Adam(p, torch.tensor(0.01, device=DEVICE))]


class Program:
    """A random function: forward ops on a few values, some in place, state of its own; with or without a training step."""

    def __init__(self, seed):
        choose = random.Random(seed)
        torch.manual_seed(seed)
        self.rows, self.width = choose.choice([2, 4, 6]), choose.choice([4, 8, 16])
        self.ops = [choose.choice([("unary", choose.choice(UNARY)), ("view", choose.choice(VIEWS)), ("binary", choose.choice(BINARY)),
                                   ("inplace", choose.choice(["add_", "mul_", "copy_", "clamp_", "row"])), ("layer", None), ("state", None), ("cpu", None)])
                    + (choose.randrange(4), choose.randrange(4)) for _ in range(choose.randrange(3, 14))]
        self.layer = nn.Linear(self.width, self.width).to(DEVICE)
        self.state = torch.zeros(self.rows, self.width, device=DEVICE)
        self.trains = choose.random() < 0.6
        self.clips, self.zero_first, self.results = choose.random() < 0.3, choose.random() < 0.7, choose.randrange(1, 4)
        self.optimizer = choose.choice(OPTIMIZERS)(self.layer.parameters())

    def step(self, x, y):
        values = [x * 1, self.layer(x), x + y, y * 0.5]
        for kind, op, i, j in self.ops:
            a = values[i]
            if kind in ("unary", "view"):
                a = op(a)
            elif kind == "binary":
                a = op(a, values[j])
            elif kind == "layer":
                a = self.layer(a)
            elif kind == "cpu":
                a = a * torch.tensor([0.5]).to(DEVICE)
            elif kind == "state":
                self.state.mul_(0.5).add_(a.detach())
                a = a + self.state.clone()
            else:
                a = self.in_place(a.clone(), op, values[j])
            values[i] = a
        loss = sum(v.square().mean() for v in values)
        if self.trains:
            if self.zero_first:
                self.optimizer.zero_grad()
            loss.backward()
            if self.clips:
                nn.utils.clip_grad_norm_(self.layer.parameters(), 0.5)
            self.optimizer.step()
            if not self.zero_first:
                self.optimizer.zero_grad()
        return [loss.detach(), *(v.detach() for v in values[1:])][: self.results]

    @staticmethod
    def in_place(a, op, b):
        if op == "row":
            a[0] = b[-1]
        elif op == "clamp_":
            a.clamp_(-1, 1)
        else:
            getattr(a, op)(b)
        return a


def run(seed, jit, steps=9):
    program = Program(seed)
    function = torch.hologram.jit(program.step) if jit else program.step
    torch.manual_seed(seed + 1)
    found = []
    for i in range(steps):
        x, y = (torch.linspace(-1, 1, program.rows * program.width).add(k).mul(i + 2).sin().reshape(program.rows, program.width).to(DEVICE) for k in (0, 1))
        found.append([r.cpu() for r in function(x, y)])
    state = [program.state.cpu(), *(p.detach().cpu() for p in program.layer.parameters()), torch.hologram.get_rng_state()]
    return found + [state], sum(row.get("runs", 0) for row in function.plans()) if jit else 0, function


def compare(seed):
    """Runs both ways. How many steps were replayed."""
    expected, actual = run(seed, False), run(seed, True)
    for step, (a, e) in enumerate(zip(actual[0], expected[0], strict=True)):
        for i, (x, y) in enumerate(zip(a, e, strict=True)):
            assert torch.equal(*(v.contiguous().reshape(-1).view(torch.uint8) for v in (x, y))), f"seed {seed}: step {step}, result {i}\n{actual[2].explain()}"
    return actual[1]


@pytest.mark.parametrize("seed", share(range(240), 15))
def test_random_steps(seed):
    assert compare(seed) >= 4
