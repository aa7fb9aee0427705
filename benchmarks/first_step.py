"""What the first step of a program costs where no kernel was ever compiled: fresh processes with an empty kernel cache, against stock
PyTorch's own first step in a fresh process; and the steps after it.

    python -m benchmarks.first_step [--runs 5]

The first three programs are among those whose kernels come with the package (csrc/packaging/record_keys.py); other programs compile
what they need besides. Processor time of the whole process, one thread: of several runs the median. `kernels`: how many the first
step needed from the package, and how many it had to compile.
"""

import argparse
import statistics
import tempfile

from benchmarks.child import run_json

CODE = """
import json, sys, time
import torch
from torch import nn
import torch.nn.functional as F
from benchmarks.steps import GPT, mlp

torch.set_num_threads(1)
torch.manual_seed(0)
name, device, later = sys.argv[1], sys.argv[2], int(sys.argv[3])

def trainer(model, x, target):
    model, x, target = model.to(device), x.to(device), target.to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    def step():
        loss = F.cross_entropy(model(x), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss
    return step

def ppo():
    def network(outputs):
        return nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, outputs))
    actor, critic = network(2).to(device), network(1).to(device)
    parameters = [*actor.parameters(), *critic.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=2.5e-3, eps=1e-5)
    observation, old, advantage, target = (torch.randn(512, *n).to(device) for n in ((4,), (), (), ()))
    action = torch.randint(0, 2, (512,)).to(device)
    def step():
        logp = F.log_softmax(actor(observation), -1)
        entropy = -(logp.exp() * logp).sum(-1).mean()
        ratio = (logp.gather(1, action[:, None]).squeeze(1) - old).exp()
        scaled = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        policy_loss = -torch.min(ratio * scaled, ratio.clamp(0.8, 1.2) * scaled).mean()
        loss = policy_loss + 0.5 * F.mse_loss(critic(observation).squeeze(-1), target) - 0.01 * entropy
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 0.5)
        optimizer.step()
        return loss
    return step

def scan(batch=8, length=64, width=64, states=8):
    def leaf(*sizes):
        return torch.rand(*sizes).to(device).requires_grad_()
    a, w, b, x = leaf(width, states), leaf(width, width), leaf(batch, length, states), torch.randn(batch, length, width).to(device)
    optimizer = torch.optim.Adam([a, w, b], lr=1e-3)
    def step():
        dt, h, outputs = F.softplus(x @ w), torch.zeros(batch, width, states, device=device), []
        for t in range(length):
            h = torch.exp(dt[:, t, :, None] * -a) * h + dt[:, t, :, None] * b[:, t, None, :] * x[:, t, :, None]
            outputs.append(h.sum(-1))
        loss = torch.stack(outputs, 1).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss
    return step

step = {
    "MLP 784-128-10": lambda: trainer(mlp(), torch.randn(32, 784), torch.arange(32) % 10),
    "GPT 2 layers, width 64": lambda: trainer(GPT(width=64, layers=2), torch.randint(0, 256, (8, 128)), torch.arange(1024) % 256),
    "PPO": ppo,
    "selective scan, 64 steps": scan,
}[name]()
times, compiled = [], []
for n in range(later + 1):
    before = torch.hologram.counters() if device == "hologram" else None
    start = time.process_time()
    step().item()
    if before:
        torch.hologram.synchronize()      # what the optimizer does may wait for the next step
    times.append(1e3 * (time.process_time() - start))
    if before:
        after = torch.hologram.counters()
        compiled.append([after[key] - before[key] for key in ("pack_hits", "compiled")])
print(json.dumps({"times": times, "kernels": compiled}))
"""
PROGRAMS = ("MLP 784-128-10", "GPT 2 layers, width 64", "PPO", "selective scan, 64 steps")
TARGET = 1.5      # times stock's own first step
LATER = 60


def measure(runs=5, progress=lambda text: None):
    rows = []
    for name in PROGRAMS:
        progress(f"first step: {name}")
        found: dict = {"cpu": [], "hologram": []}
        for _ in range(runs):
            for device, results in found.items():
                with tempfile.TemporaryDirectory() as folder:
                    results.append(run_json(CODE, name, device, str(LATER), HOLOGRAM_CACHE_DIR=folder))
        stock, ours = (statistics.median(r["times"][0] for r in found[device]) for device in ("cpu", "hologram"))
        later = {device: statistics.median(t for r in found[device] for t in r["times"][LATER - 10:]) for device in found}
        kernels = found["hologram"][0]["kernels"]
        rows.append({"case": name, "cpu_ms": stock, "hologram_ms": ours, "ratio": ours / stock, "packed": kernels[0][0],
                     "compiled": kernels[0][1], "last_compiling": max((n for n, (_, made) in enumerate(kernels, 1) if made), default=0),
                     "cpu_later_ms": later["cpu"], "hologram_later_ms": later["hologram"], "passed": ours / stock <= TARGET})
    return rows


def markdown(rows):
    lines = ["| program | torch CPU, first step, ms | hologram, first step, ms | ratio | target | kernels: packed, compiled | "
             "last step that compiles | later steps, ms: torch CPU, hologram |", "|---|--:|--:|--:|--:|--:|--:|--:|"]
    lines += [f"| {r['case']} | {r['cpu_ms']:.1f} | {r['hologram_ms']:.1f} | {r['ratio']:.2f} | <= {TARGET} | "
              f"{r['packed']}, {r['compiled']} | {r['last_compiling']} | {r['cpu_later_ms']:.2f}, "
              f"{r['hologram_later_ms']:.2f} |" for r in rows]
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    print(markdown(measure(parser.parse_args().runs)))
