"""Training on the device follows training on the CPU: same weights, same data, close losses; and what surrounds it."""

import copy
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.compare import DEVICE, assert_same

ROOT = Path(__file__).resolve().parents[2]


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(11, 16)
        layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True, norm_first=True, activation="gelu")
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(16, 11)

    def forward(self, tokens):
        return self.head(self.encoder(self.embed(tokens), is_causal=True,
                                      mask=nn.Transformer.generate_square_subsequent_mask(8).to(tokens.device)))[:, -1]


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(4, 12, num_layers=2, batch_first=True)
        self.head = nn.Linear(12, 11)

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])


MODELS = {
    "mlp": (lambda: nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 32), nn.GELU(), nn.LayerNorm(32),
                                  nn.Linear(32, 11)), lambda: torch.randn(16, 20)),
    "cnn": (lambda: nn.Sequential(nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.SiLU(), nn.MaxPool2d(2), nn.Conv2d(6, 8, 3),
                                  nn.Tanh(), nn.Flatten(), nn.Linear(32, 11)), lambda: torch.randn(8, 1, 10, 10)),
    "transformer": (Transformer, lambda: torch.randint(0, 11, (6, 8))),
    "lstm": (Recurrent, lambda: torch.randn(5, 9, 4)),
}
OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.05),
    "sgd_momentum": lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9, nesterov=True, weight_decay=1e-3),
    "adam": lambda p: torch.optim.Adam(p, lr=3e-3),
    "adam_amsgrad": lambda p: torch.optim.Adam(p, lr=3e-3, amsgrad=True, weight_decay=1e-2),
    "adam_no_foreach": lambda p: torch.optim.Adam(p, lr=3e-3, foreach=False),
    "adamw": lambda p: torch.optim.AdamW(p, lr=3e-3),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=1e-3, momentum=0.5, centered=True),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=1e-2),
    "adadelta": lambda p: torch.optim.Adadelta(p, lr=0.5),
    "adamax": lambda p: torch.optim.Adamax(p, lr=2e-3),
    "nadam": lambda p: torch.optim.NAdam(p, lr=2e-3),
    "radam": lambda p: torch.optim.RAdam(p, lr=2e-3),
    "asgd": lambda p: torch.optim.ASGD(p, lr=1e-2),
    "rprop": lambda p: torch.optim.Rprop(p, lr=1e-3),
}


def train(model, batches, optimizer, device):
    """Losses of one step per batch; the model is trained in place."""
    losses = []
    for x, target in batches:
        loss = F.cross_entropy(model(x.to(device)), target.to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def twins(name, steps, seed=0):
    """The same fresh model on the CPU and on the device, and batches on the CPU."""
    torch.manual_seed(seed)
    build, data = MODELS[name]
    model = build()
    batches = [(x := data(), torch.randint(0, 11, (len(x),))) for _ in range(steps)]
    return model, copy.deepcopy(model).to(DEVICE), batches


@pytest.mark.parametrize("name", MODELS)
def test_first_gradients_match_the_cpu(name):
    here, there, ((x, target),) = twins(name, 1)
    for model, device in ((here, "cpu"), (there, DEVICE)):
        F.cross_entropy(model(x.to(device)), target.to(device)).backward()
    assert_same([p.grad for p in there.parameters()], [p.grad for p in here.parameters()], rtol=1e-4, atol=1e-5,
                device=DEVICE)


@pytest.mark.parametrize("name", MODELS)
def test_models_train_like_on_the_cpu(name):
    here, there, batches = twins(name, 12)
    expected = train(here, batches, torch.optim.SGD(here.parameters(), lr=0.05, momentum=0.9), "cpu")
    actual = train(there, batches, torch.optim.SGD(there.parameters(), lr=0.05, momentum=0.9), DEVICE)
    torch.testing.assert_close(actual, expected, rtol=1e-3, atol=1e-3)
    assert_same(dict(there.state_dict()), dict(here.state_dict()), rtol=1e-2, atol=1e-3, device=DEVICE)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_step_like_on_the_cpu(name):
    here, there, batches = twins("mlp", 8)
    expected = train(here, batches, OPTIMIZERS[name](here.parameters()), "cpu")
    actual = train(there, batches, OPTIMIZERS[name](there.parameters()), DEVICE)
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-4)


def test_fused_adam_steps_like_on_the_cpu():
    here, there, batches = twins("mlp", 8)
    expected = train(here, batches, torch.optim.AdamW(here.parameters(), lr=3e-3), "cpu")
    actual = train(there, batches, torch.optim.AdamW(there.parameters(), lr=3e-3, fused=True), DEVICE)
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-4)


def test_lbfgs():
    results = []
    for device in ("cpu", DEVICE):
        x = torch.tensor([-1.2, 1.0]).to(device).requires_grad_()
        optimizer = torch.optim.LBFGS([x], line_search_fn="strong_wolfe", max_iter=40)

        def closure():
            optimizer.zero_grad()
            loss = (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
            loss.backward()
            return loss
        optimizer.step(closure)
        results.append(x.detach().cpu())
    torch.testing.assert_close(results[1], torch.ones(2), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(results[1], results[0], rtol=1e-3, atol=1e-3)


def test_schedulers_change_the_rate_without_compiling():
    _, model, batches = twins("mlp", 12)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
    train(model, batches[:2], optimizer, DEVICE)
    before = torch.hologram.counters()
    for batch in batches[2:]:
        train(model, [batch], optimizer, DEVICE)
        schedule.step()
    after = torch.hologram.counters()
    assert after["launched"] > before["launched"]
    assert after["cache_misses"] == before["cache_misses"], "a new learning rate compiled a kernel"


def test_grad_scaler_skips_steps_with_infinite_gradients():
    torch.manual_seed(0)
    model = nn.Linear(4, 1).to(DEVICE)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler(DEVICE, init_scale=2.0 ** 10, growth_interval=1)
    x = torch.randn(8, 4).to(DEVICE)

    def step(factor):
        before = model.weight.detach().clone()
        optimizer.zero_grad()
        scaler.scale(model(x).pow(2).mean() * factor).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
        return not torch.equal(before, model.weight)

    assert step(1.0) and scaler.get_scale() == 2.0 ** 11
    assert not step(float("inf")) and scaler.get_scale() == 2.0 ** 10


def test_autocast_training_learns():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 2)).to(DEVICE)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    x = torch.randn(128, 8).to(DEVICE)
    target = (x[:, 0] * x[:, 1] > 0).long()
    losses = []
    for _ in range(60):
        with torch.autocast(DEVICE, dtype=torch.bfloat16):
            output = model(x)
            assert output.dtype is torch.bfloat16
            loss = F.cross_entropy(output.float(), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0], losses[::10]
    assert model[0].weight.dtype is torch.float32 and model[0].weight.grad.dtype is torch.float32


def test_clip_grad_norm_matches_the_cpu():
    here, there, ((x, target),) = twins("mlp", 1)
    norms = []
    for model, device in ((here, "cpu"), (there, DEVICE)):
        F.cross_entropy(model(x.to(device)), target.to(device)).backward()
        norms.append([nn.utils.clip_grad_norm_(model.parameters(), 0.1),
                      nn.utils.get_total_norm([p.grad for p in model.parameters()])])
    assert_same(norms[1], norms[0], rtol=1e-5, atol=1e-6, device=DEVICE)
    assert_same([p.grad for p in there.parameters()], [p.grad for p in here.parameters()], rtol=1e-4, atol=1e-6)


def test_a_checkpoint_resumes_exactly():
    _, model, batches = twins("transformer", 8)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    train(model, batches[:4], optimizer, DEVICE)
    buffer = io.BytesIO()
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, buffer)
    expected = train(model, batches[4:], optimizer, DEVICE)

    buffer.seek(0)
    saved = torch.load(buffer)
    resumed = Transformer().to(DEVICE)
    resumed.load_state_dict(saved["model"])
    optimizer = torch.optim.Adam(resumed.parameters(), lr=1e-3)
    optimizer.load_state_dict(saved["optimizer"])
    assert train(resumed, batches[4:], optimizer, DEVICE) == expected


@pytest.mark.parametrize("source, target", [(DEVICE, "cpu"), ("cpu", DEVICE), (DEVICE, DEVICE)])
def test_save_and_load_with_map_location(source, target, tmp_path):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).to(source)
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    loaded = torch.load(tmp_path / "weights.pt", map_location=target, weights_only=True)
    assert all(t.device.type == target for t in loaded.values())
    assert_same({k: v.cpu() for k, v in loaded.items()}, {k: v.cpu() for k, v in model.state_dict().items()}, rtol=0,
                atol=0)


def test_a_checkpoint_loads_where_the_device_does_not_exist(tmp_path):
    x = torch.arange(6.0, device=DEVICE).view(2, 3)
    torch.save({"x": x, "column": x[:, 1]}, tmp_path / "x.pt")
    code = f"import torch; d = torch.load({str(tmp_path / 'x.pt')!r}, map_location='cpu'); "
    code += "print(d['x'].tolist(), d['column'].tolist())"
    plain = subprocess.run([sys.executable, "-c", code], env={**os.environ, "HOLOGRAM_AUTOLOAD": "0"},
                           capture_output=True, text=True)
    assert plain.stdout.strip() == "[[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]] [1.0, 4.0]", plain.stderr


def test_module_to_keeps_tied_weights_and_optimizers():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(7, 5)
            self.head = nn.Linear(5, 7, bias=False)
            self.head.weight = self.embed.weight

        def forward(self, tokens):
            return self.head(self.embed(tokens))

    model = Tied()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    model.to(DEVICE)
    assert model.head.weight is model.embed.weight
    before = model.head.weight.detach().clone()
    F.cross_entropy(model(torch.arange(7, device=DEVICE)), torch.arange(7, device=DEVICE)).backward()
    optimizer.step()
    assert not torch.equal(before, model.head.weight), "the optimizer made before .to() has lost the weights"


def test_deepcopy_and_ema():
    _, model, batches = twins("cnn", 3)
    average = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.5))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    history = []
    for batch in batches:
        train(model, [batch], optimizer, DEVICE)
        average.update_parameters(model)
        history.append(model[0].weight.detach().cpu().clone())
    expected = (history[0] * 0.5 + history[1] * 0.5) * 0.5 + history[2] * 0.5
    torch.testing.assert_close(average.module[0].weight.detach().cpu(), expected)
    clone = copy.deepcopy(model)
    clone[0].weight.data.zero_()
    assert model[0].weight.abs().sum() > 0


def run_example(name, *arguments):
    """Runs an example as a user would, but a delegated op is an error."""
    environment = {**os.environ, "HOLOGRAM_FALLBACK": "error",
                   "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    return subprocess.run([sys.executable, f"examples/{name}", *map(str, arguments)], cwd=ROOT, env=environment,
                          capture_output=True, text=True, timeout=600)


def test_hello_example():
    result = run_example("01_hello.py")
    assert result.returncode == 0, result.stderr
    last = float(re.search(r"step 200  loss ([0-9.]+)", result.stdout).group(1))
    assert last < 0.01, result.stdout


def test_digits_example_learns_reproducibly_without_delegation(tmp_path):
    path = tmp_path / "digits.pt"
    first, second = (run_example("02_train_digits.py", "--seed", 0, "--save", path) for _ in range(2))
    assert first.returncode == 0, first.stderr
    accuracy = float(re.search(r"^accuracy ([0-9.]+)$", first.stdout, re.M).group(1))
    assert accuracy >= 0.97
    assert first.stdout.splitlines()[-1] == second.stdout.splitlines()[-1]
    weights = torch.load(path, map_location="cpu", weights_only=True)["model"]
    assert {k: tuple(v.shape) for k, v in weights.items()} == {"0.weight": (128, 64), "0.bias": (128,),
                                                               "2.weight": (10, 128), "2.bias": (10,)}
    assert all(v.device.type == "cpu" and v.isfinite().all() for v in weights.values())


def test_char_gpt_example_learns_without_delegation(tmp_path):
    result = run_example("03_char_gpt.py", "--steps", 40, "--sample", 20, "--out", tmp_path)
    assert result.returncode == 0, result.stderr
    assert float(re.search(r"^loss ([0-9.]+)", result.stdout, re.M).group(1)) < 3.5   # a uniform guess: 4.6
    assert (tmp_path / "loss.png").read_bytes()[:4] == b"\x89PNG"
    assert all(v.device.type == "cpu" for v in torch.load(tmp_path / "model.pt", map_location="cpu",
                                                          weights_only=True)["model"].values())
