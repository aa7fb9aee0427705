"""Small networks, and their inputs of the i-th step, for the tests of captured programs."""

import functools

import torch
from torch import nn

from benchmarks import steps
from tests.compare import DEVICE

Block = functools.partial(steps.Block, 16, 2)
GPT = functools.partial(steps.GPT, 17, 16, 2, 2, 8)


def mlp(sizes=(8, 16, 16, 4), device=DEVICE):
    layers = []
    for a, b in zip(sizes, sizes[1:]):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1]).to(device)


class Recurrent(nn.Module):
    def __init__(self, layer=nn.GRU):
        super().__init__()
        self.layer, self.head = layer(8, 8), nn.Linear(8, 4)

    def forward(self, x):
        return self.head(self.layer(x)[0][-1])


def cnn():
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3, groups=2), nn.Flatten(),
                         nn.Linear(16, 4))


def floats(*shape):
    return lambda i: (torch.linspace(-1, 1, torch.Size(shape).numel()).mul(i + 1).sin() * 1.5).reshape(shape).to(DEVICE)


def labels(count, classes):
    return lambda i: ((torch.arange(count) * 7 + i) % classes).to(DEVICE)


MODELS = {     # name: (model, input, number of labels, classes)
    "mlp": (mlp, floats(6, 8), 6, 4),
    "dropout": (lambda: nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.3), nn.GELU(), nn.Dropout1d(0.2), nn.Linear(16, 4)), floats(6, 8), 6, 4),
    "gpt": (GPT, lambda i: ((torch.arange(24) * 5 + i) % 17).reshape(3, 8).to(DEVICE), 24, 17),
    "gru": (Recurrent, floats(5, 6, 8), 6, 4), "lstm": (lambda: Recurrent(nn.LSTM), floats(5, 6, 8), 6, 4),
    "cnn": (cnn, floats(6, 3, 8, 8), 6, 4),
    "norms": (lambda: nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.LayerNorm(8), nn.RMSNorm(8), nn.Linear(8, 4)), floats(6, 8), 6, 4),
}


def assert_same(actual, expected):
    for a, e in zip(actual[:5], expected[:5], strict=True):
        for x, y in zip(a, e, strict=True):
            assert (x is None and y is None) or torch.equal(x, y)


def assert_replayed(function, at_least):
    runs = sum(row.get("runs", 0) for row in function.plans())
    assert runs >= at_least, function.plans()
