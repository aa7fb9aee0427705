"""Whole steps of small networks, as their authors write them: what benchmarks.plans and benchmarks.compiled time."""

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.circuits import CHAIN
from benchmarks.steps import GPT


def dense(activation, *sizes):
    layers = [layer for a, b in zip(sizes, sizes[1:]) for layer in (nn.Linear(a, b), activation())]
    return nn.Sequential(*layers[:-1])


def training(model, make_optimizer, inputs, classes, device, wrap=lambda model: model):
    """(step, arguments): forward of the wrapped model, cross-entropy, backward, optimizer."""
    model = model.to(device)
    run = wrap(model)
    optimizer = make_optimizer(model.parameters())
    rows = inputs.numel() if inputs.dtype == torch.int64 else inputs.shape[-2]

    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(run(x), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step, (inputs.to(device), (torch.arange(rows) % classes).to(device))


class Recurrent(nn.Module):
    def __init__(self, width, classes):
        super().__init__()
        self.layer, self.head = nn.GRU(width, width), nn.Linear(width, classes)

    def forward(self, x):
        return self.head(self.layer(x)[0][-1])


def ppo(device):
    """An update of actor and critic: clipped objective, value loss, entropy, clipped norm of the gradients."""
    actor, critic = (dense(nn.Tanh, 8, 64, 64, n).to(device) for n in (4, 1))
    parameters = [*actor.parameters(), *critic.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=3e-4)

    def step(observations, actions, old, advantages, returns):
        logp = F.log_softmax(actor(observations), -1)
        entropy = -(logp.exp() * logp).sum(-1).mean()
        ratio = (logp.gather(1, actions[:, None]).squeeze(1) - old).exp()
        advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
        policy_loss = -torch.min(ratio * advantages, ratio.clamp(0.8, 1.2) * advantages).mean()
        value_loss = F.mse_loss(critic(observations).squeeze(-1), returns)
        loss = policy_loss + 0.5 * value_loss - 0.01 * entropy
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 0.5)
        optimizer.step()
        return loss.detach()

    n = 64
    arguments = torch.randn(n, 8), torch.arange(n) % 4, torch.randn(n) * 0.1 - 1.4, torch.randn(n), torch.randn(n)
    return step, tuple(t.to(device) for t in arguments)


def rk4(device):
    model = dense(nn.Tanh, 4, 32, 4).to(device)

    @torch.no_grad()
    def step(x):
        h = 0.05
        for _ in range(20):
            k1 = model(x)
            k2 = model(x + h / 2 * k1)
            k3 = model(x + h / 2 * k2)
            k4 = model(x + h * k3)
            x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        return x

    return step, (torch.randn(256, 4).to(device),)


def policy(device):
    model = dense(nn.Tanh, 8, 64, 64, 4).to(device)
    return torch.no_grad()(lambda x: model(x)), (torch.randn(1, 8).to(device),)


def chain(device):
    scope = {"torch": torch, "F": F}
    exec(f"def step(a, b): return {CHAIN}", scope)
    return scope["step"], tuple(torch.rand(10_000).to(device) for _ in "ab")


def adam(parameters):
    return torch.optim.Adam(parameters, lr=1e-3)


# name: (what makes (step, arguments) on a device, at least times stock's speed, at least times jax.jit's)
PROGRAMS = {
    "MLP 784-128-10, batch 32, Adam": (lambda d: training(dense(nn.ReLU, 784, 128, 10), adam, torch.randn(32, 784), 10, d), 4, 1.5),
    "MLP 8-64-64-4, batch 64, Adam": (lambda d: training(dense(nn.ReLU, 8, 64, 64, 4), adam, torch.randn(64, 8), 4, d), 14, 2),
    "PPO update, 8-64-64, batch 64": (ppo, 10, 1.2),
    "RK4, 20 steps, 4-32-4, batch 256": (rk4, 6, 1),
    "GRU 64, 16 steps, batch 64, Adam": (lambda d: training(Recurrent(64, 10), adam, torch.randn(16, 64, 64), 10, d), 3, None),
    "GPT 2 layers, width 64, 8x32 tokens, AdamW": (lambda d: training(GPT(65, 64, 2, 4, 32), lambda p: torch.optim.AdamW(p, lr=1e-3),
                                                                     torch.randint(0, 65, (8, 32)), 65, d), 2.5, None),
    "chain of 7 ops, 10 K": (chain, 12, None),
    "policy 8-64-64-4 forward, batch 1": (policy, 10, 1),
}


def program(name, device):
    """(step, arguments) of a program, with the same weights and data on each device."""
    torch.manual_seed(0)
    return PROGRAMS[name][0](device)
