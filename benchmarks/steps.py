"""Whole training steps (forward, backward, Adam) against eager PyTorch on the CPU, alternating in one process; how many
kernels the recorded ops of a step became; and whether anything compiles once the third step is over.

    python -m benchmarks.steps [--quick] [--threads 1 2]
"""

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.harness import at_threads, compare, options, result_row, speed_cells


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        b, t, w = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(b, t, 3, self.heads, w // self.heads).permute(2, 0, 3, 1, 4)
        x = x + self.out(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(b, t, w))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class GPT(nn.Module):
    def __init__(self, vocabulary=256, width=256, layers=4, heads=4, context=128):
        super().__init__()
        self.token, self.place = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(layers)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary)

    def forward(self, tokens):
        places = torch.arange(tokens.shape[1], device=tokens.device)
        return self.head(self.norm(self.blocks(self.token(tokens) + self.place(places)))).flatten(0, 1)


def mlp():
    return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


def cnn():
    layers, channels = [], 3
    for width in (16, 32, 32, 64):
        layers += [nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2)]
        channels = width
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * 2 * 2, 10))


# name: (model, inputs, number of classes, target: times eager's speed)
MODELS = {
    "MLP 784-128-10, batch 32": (mlp, lambda: torch.randn(32, 784), 10, 2.0),
    "GPT 4 layers, width 256, 8x128 tokens": (GPT, lambda: torch.randint(0, 256, (8, 128)), 256, 1.25),
    "CNN 4 layers, 32x3x32x32": (cnn, lambda: torch.randn(32, 3, 32, 32), 10, 1.15),
}


def trainer(name, device, **adam):
    """A function that does one training step; `adam`: which of its implementations, if not torch's choice."""
    torch.manual_seed(0)
    make, inputs, classes, _ = MODELS[name]
    model, x = make().to(device), inputs().to(device)
    rows = x.numel() if x.dtype == torch.int64 else x.shape[0]
    target = (torch.arange(rows) % classes).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, **adam)

    def step():
        loss = F.cross_entropy(model(x), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step


def reduction(step):
    """(ops recorded in one step, kernels launched for them, kernels compiled after the third step). For Adam as foreach ops: a
    fused step is one op, whatever it computes."""
    for _ in range(3):
        step()
    torch.hologram.reset_counters()
    step()
    one = torch.hologram.circuit_stats()
    for _ in range(3):
        step()
    return one["recorded"], one["launched"], torch.hologram.circuit_stats()["compiled"]


def measure(threads=(1, 2), quick=False, progress=lambda text: None):
    rows = []
    for number in at_threads(threads[-1:] if quick else threads):
        for name, (_, _, _, target) in MODELS.items():
            progress(f"{name} ({number} threads)")
            stock, ours = ({"inputs": [{"_": 0}], "step": trainer(name, device)} for device in ("cpu", "hologram"))
            recorded, launched, compiled = reduction(trainer(name, "hologram", foreach=True))
            result = compare("step()", stock, ours, 1.0 if quick else 5.0)
            rows.append(result_row(result, target, "ms", case=name, threads=number, recorded=recorded, launched=launched,
                                   reduction=1 - launched / recorded, compiled=compiled))
    return rows


def markdown(rows):
    lines = ["| training step | threads | torch CPU, ms | hologram, ms | speed | quartiles | target | | ops -> kernels | "
             "reduction | compiled later |", "|---|--:|--:|--:|--:|---|--:|---|---|--:|--:|"]
    lines += [f"| {r['case']} | {r['threads']} | {r['cpu_ms']:.2f} | {r['hologram_ms']:.2f} | {speed_cells(r)} | "
              f"{r['recorded']} -> {r['launched']} | {r['reduction']:.0%} | {r['compiled']} |" for r in rows]
    return "\n".join(lines)


def main():
    chosen = options(__doc__)
    import hologram_torch  # noqa: F401

    print(markdown(measure(chosen.threads, chosen.quick)))


if __name__ == "__main__":
    main()
