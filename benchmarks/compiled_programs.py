"""What benchmarks.compiled times: programs under torch.compile, a model or a whole step of them compiled."""

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.plan_programs import adam, chain, dense, policy, training
from benchmarks.steps import GPT


class Residual(nn.Module):
    def __init__(self, channels, width, stride):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(channels, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.norm2 = nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        self.shortcut = nn.Identity()
        if stride != 1 or channels != width:
            self.shortcut = nn.Sequential(nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x):
        y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))


def resnet18():
    layers = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    channels = 64
    for width in (64, 128, 256, 512):
        layers += [Residual(channels, width, 1 if width == 64 else 2), Residual(width, width, 1)]
        channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000))


class Encoder(nn.Module):
    """A layer of BERT: norms after the sums."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.out = (nn.Linear(width, width) for _ in range(4))
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x, mask):
        b, t, w = x.shape
        q, k, v = (layer(x).view(b, t, self.heads, w // self.heads).transpose(1, 2) for layer in (self.q, self.k, self.v))
        x = self.norm1(x + self.out(F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).reshape(b, t, w)))
        return self.norm2(x + self.down(F.gelu(self.up(x))))


class Bert(nn.Module):
    def __init__(self, vocabulary=1000, width=256, layers=4, heads=4, context=128):
        super().__init__()
        self.token, self.place, self.kind = nn.Embedding(vocabulary, width), nn.Embedding(context, width), nn.Embedding(2, width)
        self.norm = nn.LayerNorm(width)
        self.layers = nn.ModuleList(Encoder(width, heads) for _ in range(layers))
        self.pool = nn.Linear(width, width)

    def forward(self, tokens, mask):
        kinds = torch.zeros_like(tokens)
        x = self.norm(self.token(tokens) + self.place(torch.arange(tokens.shape[1], device=tokens.device)) + self.kind(kinds))
        bias = torch.where(mask[:, None, None, :], 0.0, float("-inf"))
        for layer in self.layers:
            x = layer(x, bias)
        return torch.tanh(self.pool(x[:, 0]))


def inference(model, arguments, device, compiler):
    run = compiler(model.eval().to(device))
    return torch.no_grad()(lambda *args: run(*args)), tuple(t.to(device) for t in arguments)


def whole(program):
    """The program's step is compiled, with all that is in it."""
    def make(device, compiler):
        step, arguments = program(device)
        return compiler(step), arguments
    return make


def mlp(device, wrap=lambda model: model):
    return training(dense(nn.ReLU, 784, 128, 10), adam, torch.randn(32, 784), 10, device, wrap)


def gpt(device, wrap=lambda model: model):
    optimizer = lambda parameters: torch.optim.AdamW(parameters, lr=1e-3)
    return training(GPT(65, 64, 2, 4, 32), optimizer, torch.randint(0, 65, (8, 32)), 65, device, wrap)


# name: (what makes (step, arguments) on a device with a compiler, at least times Inductor's speed on the CPU)
PROGRAMS = {
    "chain of 7 ops, 10 K": (whole(chain), 3),
    "policy 8-64-64-4 forward, batch 1": (whole(policy), None),
    "MLP 784-128-10, batch 32, Adam": (mlp, 2),
    "the same, the whole step compiled": (whole(mlp), None),
    "GPT 2 layers, width 64, 8x32 tokens, AdamW": (gpt, 1.5),
    "the same, all of the step compiled": (whole(gpt), None),
    "ResNet-18, 1x3x224x224, inference": (lambda d, c: inference(resnet18(), [torch.randn(1, 3, 224, 224)], d, c), 1),
    "BERT 4 layers, width 256, 4x128 tokens, inference": (
        lambda d, c: inference(Bert(), [torch.randint(0, 1000, (4, 128)), torch.arange(128).expand(4, 128) < 100], d, c), 1),
}


def program(name, device, compiler):
    """(step, arguments) of a program, with the same weights and data on each device; `compiler`: torch.compile, or what leaves it be."""
    torch.manual_seed(0)
    return PROGRAMS[name][0](device, compiler)
