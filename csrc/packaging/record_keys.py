"""Writes kernel_keys.txt: the kernels that common programs run, which then come with the package (kernel_pack.py).

    python -m csrc.packaging.record_keys [PROGRAM ...]      all programs anew, or what some have beside the others

To be run where the device works, after ops have got other kernels. Each program runs in a process of its own, with ops recorded and
one by one; none takes a kernel from the package.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

from csrc.packaging.kernel_pack import KEYS, ROOT, to_line

_CHILD = """
import sys
from csrc.packaging import record_keys
record_keys.run(sys.argv[1])
"""


# ---- programs ----

def _train(model, inputs, targets, optimizer=None, steps=2, **more):
    """Gradients are cleared before the forward pass, before and after the backward pass; new data each time, or the same."""
    import torch

    from hologram.cli.warm_torch import train

    torch.manual_seed(0)
    make = optimizer or torch.optim.Adam
    train(model, inputs, targets, make, steps=steps, **more)
    model.train()
    loss_of, clip = more.get("loss_of", torch.nn.functional.cross_entropy), more.get("clip", 0.0)
    for late in (False, True):
        x, y, optimizer = inputs(), targets(), make(model.parameters())
        model.zero_grad()
        for _ in range(steps):
            loss = loss_of(model(x), y)
            if not late:
                optimizer.zero_grad()
            loss.backward()
            if clip:
                torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
            if late:
                optimizer.zero_grad(set_to_none=False)
            loss.item()


def _warm():
    from hologram.cli import warm, warm_torch

    for program in (*warm.CORE.values(), *(getattr(warm_torch, name) for name in warm.TORCH.values())):
        program()


def _networks():
    import torch
    from torch import nn

    def data(n, m):
        return lambda: torch.randn(n, m, device="hologram")

    def labels(n, classes=10):
        return lambda: torch.randint(0, classes, (n,), device="hologram")
    for batch in (1, 32, 128):
        _train(nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10)), data(batch, 784), labels(batch))
        _train(nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)), data(batch, 64), labels(batch),
               lambda p: torch.optim.SGD(p, 0.1, momentum=0.9))
    for activation in (nn.ReLU, nn.Tanh, nn.GELU, nn.SiLU, nn.Sigmoid, nn.LeakyReLU, nn.ELU, nn.Softplus):
        for batch, width in ((32, 128), (64, 64), (256, 256), (1, 32)):
            _train(nn.Sequential(nn.Linear(8, width), activation(), nn.Linear(width, width), activation(), nn.Linear(width, 10)),
                   data(batch, 8), labels(batch))
    for norm in (nn.LayerNorm, nn.BatchNorm1d):
        for batch, width in ((32, 128), (128, 64), (256, 512)):
            _train(nn.Sequential(nn.Linear(20, width), norm(width), nn.ReLU(), nn.Dropout(0.2), nn.Linear(width, 10)), data(batch, 20),
                   labels(batch), clip=1.0)
    for loss in (nn.functional.mse_loss, nn.functional.l1_loss, nn.functional.smooth_l1_loss, nn.functional.huber_loss):
        for outputs in (1, 16):
            _train(nn.Sequential(nn.Linear(8, 64), nn.Tanh(), nn.Linear(64, outputs)), data(64, 8), data(64, outputs), loss_of=loss)
    for make in (lambda p: torch.optim.SGD(p, 0.1, momentum=0.9), lambda p: torch.optim.Adam(p, weight_decay=0.1),
                 lambda p: torch.optim.AdamW(p, amsgrad=True), torch.optim.NAdam, torch.optim.Adamax, torch.optim.RMSprop):
        _train(nn.Linear(32, 8), data(16, 32), labels(16, 8), make)


def _transformers():
    import torch
    from torch import nn

    from hologram.cli.warm_torch import GPT

    for width, batch, context in ((32, 16, 32), (64, 8, 128), (128, 32, 64), (256, 4, 256), (384, 8, 64)):
        for dropout in (0.0, 0.1):
            _train(GPT(dropout, width=width, context=context), lambda: torch.randint(0, 256, (batch, context), device="hologram"),
                   lambda: torch.randint(0, 256, (batch * context,), device="hologram"),
                   lambda p: torch.optim.AdamW(p, weight_decay=0.1), clip=1.0 if dropout else 0.0)
    model = nn.Sequential(nn.TransformerEncoderLayer(64, 4, 128, batch_first=True), nn.Flatten(), nn.Linear(64 * 16, 10))
    _train(model, lambda: torch.randn(8, 16, 64, device="hologram"), lambda: torch.randint(0, 10, (8,), device="hologram"))


def _images():
    import torch
    from torch import nn

    class Residual(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.path = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
                                      nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))

        def forward(self, x):
            return (x + self.path(x)).relu()
    for batch, size in ((8, 16), (32, 32)):
        x, y = lambda: torch.randn(batch, 3, size, size, device="hologram"), lambda: torch.randint(0, 10, (batch,), device="hologram")
        _train(nn.Sequential(nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), Residual(16), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                             nn.Linear(16, 10)), x, y, lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, weight_decay=1e-4))
        _train(nn.Sequential(nn.Conv2d(3, 16, 3), nn.GroupNorm(4, 16), nn.SiLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(),
                             nn.Linear(16 * (size // 2 - 1) ** 2, 10)), x, y)


def _recurrent():
    import torch
    from torch import nn

    class Last(nn.Module):
        def __init__(self, kind):
            super().__init__()
            self.embedding, self.layers, self.head = nn.Embedding(50, 32), kind(32, 64, 2, batch_first=True), nn.Linear(64, 50)

        def forward(self, tokens):
            return self.head(self.layers(self.embedding(tokens))[0]).flatten(0, 1)
    for kind in (nn.LSTM, nn.GRU, nn.RNN):
        _train(Last(kind), lambda: torch.randint(0, 50, (8, 20), device="hologram"),
               lambda: torch.randint(0, 50, (160,), device="hologram"), clip=1.0)


def _policies():
    """PPO's steps (Schulman and others 2017) and a Q network's, with values looked at or not."""
    import torch
    import torch.nn.functional as F
    from torch import nn

    for batch, observed, actions in ((64, 4, 2), (512, 8, 4)):
        torch.manual_seed(0)
        actor, critic = (nn.Sequential(nn.Linear(observed, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, n)).to("hologram")
                         for n in (actions, 1))
        parameters = [*actor.parameters(), *critic.parameters()]
        optimizer = torch.optim.Adam(parameters, lr=2.5e-3, eps=1e-5)
        observation, old, advantage, target = (torch.randn(batch, *n, device="hologram") for n in ((observed,), (), (), ()))
        action = torch.randint(0, actions, (batch,), device="hologram")
        for kind in ("by hand", "by hand", "distribution", "distribution"):
            with torch.no_grad():
                logp = F.log_softmax(actor(observation), -1)
                torch.multinomial(logp.exp(), 1).squeeze(1)
                torch.distributions.Categorical(logits=actor(observation)).sample()
                critic(observation).squeeze(1).cpu()
            if kind == "by hand":
                logp = F.log_softmax(actor(observation), -1)
                entropy = -(logp.exp() * logp).sum(-1).mean()
                ratio = (logp.gather(1, action[:, None]).squeeze(1) - old).exp()
            else:
                distribution = torch.distributions.Categorical(logits=actor(observation))
                entropy, ratio = distribution.entropy().mean(), (distribution.log_prob(action) - old).exp()
            scaled = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
            policy_loss = -torch.min(ratio * scaled, ratio.clamp(0.8, 1.2) * scaled).mean()
            loss = policy_loss + 0.5 * F.mse_loss(critic(observation).squeeze(-1), target) - 0.01 * entropy
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 0.5)
            optimizer.step()
            loss.item()
        q = F.smooth_l1_loss(actor(observation).gather(1, action[:, None]), (target[:, None] + 0.99 * advantage[:, None]))
        q.backward()
        optimizer.step()


def _ops():
    """Ops alone: tensors, numbers, rows and columns on the other side; reductions."""
    import torch

    one = ("abs neg exp exp2 expm1 log log2 log10 log1p sqrt rsqrt sin cos tan tanh sinh cosh asin acos atan sigmoid erf erfc floor ceil "
           "round trunc frac sign reciprocal relu square isnan isfinite isinf logical_not positive").split()
    functional = "gelu silu softplus elu leaky_relu mish hardswish hardtanh selu logsigmoid softsign relu6 celu".split()
    two = "add sub mul div pow maximum minimum eq ne lt le gt ge atan2 fmod remainder".split()
    logical = "logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor".split()
    fold = "sum mean amax amin prod std var argmax argmin all any logsumexp cumsum norm".split()
    for dtype in (torch.float32, torch.bfloat16, torch.float16, torch.float64, torch.int64, torch.int32, torch.bool, torch.uint8):
        x, y = ((torch.rand(33, 65, device="hologram") * 5 + 1).to(dtype) for _ in range(2))
        calls = [lambda n=n: getattr(torch, n)(x) for n in one] + [lambda n=n: getattr(torch.nn.functional, n)(x) for n in functional]
        for n in (*two, *logical):
            calls += [lambda n=n, other=other: getattr(torch, n)(x, other) for other in (y, 3, y[:1], y[:, :1])]
            calls += [lambda n=n: getattr(x.clone(), n + "_")(y)]
        for n in fold:
            calls += [lambda n=n: getattr(torch, n)(x)] if n not in ("logsumexp", "cumsum") else []
            calls += [lambda n=n, dim=dim: getattr(torch, n)(x, dim=dim) for dim in (0, 1)]
        calls += [lambda to=to: x.to(to) for to in (torch.float32, torch.float64, torch.bfloat16, torch.float16, torch.int64, torch.int32,
                                                    torch.bool, torch.uint8)]
        calls += [lambda: x.clone(), lambda: x.t().contiguous(), lambda: x[:, ::2].clone(), lambda: x[:, 1:].clone(),
                  lambda: torch.zeros_like(x), lambda: torch.full_like(x, 1), lambda: torch.where(x > 2, x, y),
                  lambda: torch.where(x > 2, x, 0), lambda: x.clamp(1, 3), lambda: x.softmax(-1), lambda: x.log_softmax(-1),
                  lambda: torch.cat([x, y]), lambda: torch.cat([x, y], 1), lambda: torch.stack([x, y]),
                  lambda: torch.arange(10, dtype=dtype, device="hologram"), lambda: torch.eye(9, dtype=dtype, device="hologram"),
                  lambda: torch.rand_like(x), lambda: torch.randn_like(x), lambda: torch.addcmul(x, x, y),
                  lambda: torch.addcdiv(x, x, y), lambda: torch.lerp(x, y, 0.5), lambda: 1 - x, lambda: 1 / x, lambda: 2 ** x,
                  lambda: x.masked_fill(x > 2, 0), lambda: x.tril(), lambda: x.triu(1),
                  lambda: torch.nn.functional.layer_norm(x, (65,)), lambda: torch.nn.functional.dropout(x, 0.5), lambda: x[x > 2],
                  lambda: x[torch.tensor([1, 3], device="hologram")], lambda: x.gather(1, (x > 2).long())]
        for call in calls:
            try:
                call().cpu()
            except (RuntimeError, NotImplementedError, TypeError, AttributeError):      # ops that this type does not have
                continue


def _scan(batch=8, length=64, width=64, states=8):
    """A selective scan (Gu and Dao 2023) as a loop."""
    import torch
    from torch import nn

    class Scan(nn.Module):
        def __init__(self, inside):
            super().__init__()
            self.a, self.inside = nn.Parameter(-torch.rand(width, states)), inside
            self.dt, self.b, self.c = nn.Linear(width, width), nn.Linear(width, states), nn.Linear(width, states)

        def forward(self, x):
            dt, b, c = nn.functional.softplus(self.dt(x)), self.b(x), self.c(x)
            h, outputs = torch.zeros(batch, width, states, device=x.device), []
            for t in range(length):
                step = dt[:, t, :, None]
                h = torch.exp(step * self.a) * h + step * b[:, t, None, :] * x[:, t, :, None]
                outputs.append((h * c[:, t, None, :]).sum(-1) if self.inside else h.sum(-1))
            return torch.stack(outputs, 1)
    for inside in (True, False):
        _train(Scan(inside), lambda: torch.randn(batch, length, width, device="hologram"),
               lambda: torch.randn(batch, length, width, device="hologram"), loss_of=nn.functional.mse_loss, steps=3)


PROGRAMS = {"warm": _warm, "networks": _networks, "transformers": _transformers, "images": _images, "recurrent": _recurrent,
            "policies": _policies, "ops": _ops, "scan": _scan}


# ---- recording ----

def run(name: str) -> None:
    """Runs a program; prints the lines of its kernels."""
    from hologram_core.backends import cpu
    from hologram_core.optable import TABLE

    PROGRAMS[name]()
    names = [row.name for row in TABLE]
    print("\n".join(sorted(to_line(key, names) for key, *_ in cpu.kernels._found)))


def main(chosen: list[str]) -> None:
    lines = set(KEYS.read_text().splitlines()) if chosen else set()
    with tempfile.TemporaryDirectory() as folder:
        for name in chosen or PROGRAMS:
            for fusion in ("1", "0"):
                paths = os.pathsep.join([str(ROOT), str(ROOT / "hologram_core/names")])
                environment = {"HOLOGRAM_CACHE_DIR": folder, **os.environ, "HOLOGRAM_PACK": "0", "HOLOGRAM_FUSION": fusion,
                               "HOLOGRAM_BACKEND": "cpu", "PYTHONPATH": paths}
                done = subprocess.run([sys.executable, "-c", _CHILD, name], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True,
                                      check=True)
                found = set(done.stdout.splitlines()) - {""}
                print(f"{name}, HOLOGRAM_FUSION={fusion}: {len(found)} kernels, {len(found - lines)} of them new", file=sys.stderr)
                lines |= found
    KEYS.write_text("".join(f"{line}\n" for line in sorted(lines)))


if __name__ == "__main__":
    main(sys.argv[1:])
