"""The programs of torch that `hologram warm` runs."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

import hologram_torch

hologram_torch.get_backend()          # registers the device where torch has not
DEVICE = "hologram"


class Block(nn.Module):
    def __init__(self, width=256, heads=4):
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
    def __init__(self, dropout, vocabulary=256, width=256, context=128):
        super().__init__()
        self.token, self.place = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
        self.blocks, self.drop = nn.Sequential(Block(width), Block(width)), nn.Dropout(dropout)
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary)

    def forward(self, tokens):
        places = torch.arange(tokens.shape[1], device=tokens.device)
        return self.head(self.norm(self.blocks(self.drop(self.token(tokens) + self.place(places))))).flatten(0, 1)


def mlp(dropout=0.0):
    return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), *([nn.Dropout(dropout)] if dropout else []), nn.Linear(128, 10))


def cnn():
    layers, channels = [], 3
    for width in (16, 32, 32, 64):
        layers += [nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2)]
        channels = width
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * 2 * 2, 10))


def train(model, inputs, targets, optimizer=torch.optim.Adam, loss_of=F.cross_entropy, clip=0.0, autocast=None, steps=3):
    """Some steps as programs make them, with a look at the loss, and an evaluation."""
    model = model.to("hologram")
    optimizer = optimizer(model.parameters())
    for _ in range(steps):
        x, y = inputs(), targets()
        optimizer.zero_grad()
        with torch.autocast("hologram", dtype=autocast or torch.bfloat16, enabled=autocast is not None):
            loss = loss_of(model(x), y)
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        loss.item()
    model.eval()
    with torch.no_grad():
        output = model(x)
        ((output.argmax(-1) == y).float().mean() if y.dtype == torch.int64 else output.mean()).item()


def rows():
    return torch.randn(32, 784, device=DEVICE)


def digits():
    return torch.randint(0, 10, (32,), device=DEVICE)


def mlps():
    for dropout in (0.0, 0.1):
        for clip in (0.0, 1.0):
            train(mlp(dropout), rows, digits, clip=clip)
    train(mlp(), lambda: torch.randn(32, 784).to("hologram"), lambda: torch.randint(0, 10, (32,)).to("hologram"))


def optimizers():
    for make in (lambda p: torch.optim.SGD(p, 0.1), lambda p: torch.optim.SGD(p, 0.1, momentum=0.9),
                 lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, weight_decay=1e-4, nesterov=True),
                 torch.optim.AdamW, torch.optim.RMSprop, torch.optim.Adagrad):
        train(mlp(), rows, digits, make)


def losses():
    for loss in (F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.binary_cross_entropy_with_logits):
        train(nn.Linear(784, 10), rows, lambda: torch.rand(32, 10, device=DEVICE), loss_of=loss)


def cnns():
    train(cnn(), lambda: torch.randn(32, 3, 32, 32, device=DEVICE), digits)


def transformers(autocast=None):
    tokens = lambda: torch.randint(0, 256, (8, 128), device=DEVICE)
    following = lambda: torch.randint(0, 256, (8 * 128,), device=DEVICE)
    for dropout, clip, optimizer in ((0.0, 0.0, torch.optim.Adam), (0.1, 1.0, torch.optim.AdamW)):
        train(GPT(dropout), tokens, following, optimizer, clip=clip, autocast=autocast, steps=2)


def tensors():
    for dtype in (torch.float32, torch.bfloat16, torch.float16, torch.int64):
        x = torch.arange(48, device=DEVICE).view(6, 8).to(dtype)
        for value in (x + x, x * 2, x - x[0], x[:, ::2] + 1, x.t().contiguous(), x.sum(), x.sum(0), x.amax(1), x == x, x > 3, x.float(),
                      torch.where(x > 3, x, 0), torch.cat([x, x]), x.clone().fill_(1), x.masked_fill(x > 3, 0), x[x > 3], x.argmax(1)):
            value.cpu()
        if dtype.is_floating_point:
            for value in (x / 3, x.exp(), x.sqrt(), x.tanh(), x.sigmoid(), x.relu(), F.gelu(x), F.silu(x), x.mean(), x.mean(1),
                          x.var(1), x.softmax(-1), x.log_softmax(-1), x.norm(), x.abs().log1p(), x.pow(2), x.rsqrt(), x.clamp(0, 1),
                          torch.rand_like(x), torch.randn_like(x), F.dropout(x), F.layer_norm(x, (8,))):
                value.cpu()
            repr(x)


def transformers_under_autocast():
    transformers(torch.bfloat16)
