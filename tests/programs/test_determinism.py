"""Same seed, same numbers: from run to run, for one thread and two, and under torch.use_deterministic_algorithms."""

import contextlib

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.compare import DEVICE, outcome


@pytest.fixture
def deterministic():
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


@contextlib.contextmanager
def threads(count):
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def on_threads(program):
    """What `program()` returns for one thread, two, and two once more; each with the same seed."""
    results = []
    for count in (1, 2, 2):
        torch.manual_seed(7)
        with threads(count):
            results.append([t.detach().cpu() for t in program()])
    return results


def assert_equal(results):
    first, *others = results
    for other in others:
        for number, (a, b) in enumerate(zip(first, other, strict=True)):
            assert torch.equal(a, b), f"result {number}: {(a != b).sum().item()} of {a.numel()} numbers differ"


LARGE = (1300, 1111)     # more than one thread's share, and no multiple of a vector

RANDOM = {
    "uniform": lambda: torch.rand(LARGE, device=DEVICE),
    "normal": lambda: torch.randn(LARGE, device=DEVICE),
    "integers": lambda: torch.randint(0, 1000, LARGE, device=DEVICE),
    "bernoulli": lambda: torch.bernoulli(torch.full(LARGE, 0.3, device=DEVICE)),
    "exponential": lambda: torch.empty(LARGE, device=DEVICE).exponential_(),
    "dropout": lambda: F.dropout(torch.ones(LARGE, device=DEVICE), 0.3),
    "half": lambda: torch.randn(LARGE, device=DEVICE, dtype=torch.float16),
    "permutation": lambda: torch.randperm(100_003, device=DEVICE),
    "multinomial": lambda: torch.multinomial(torch.rand(50, 1000, device=DEVICE), 20),
    "poisson": lambda: torch.poisson(torch.full((300, 300), 4., device=DEVICE)),
    "gumbel": lambda: F.gumbel_softmax(torch.zeros(300, 100, device=DEVICE), hard=True),
    "into a view": lambda: torch.zeros(LARGE, device=DEVICE).t()[5:].normal_(),
}


@pytest.mark.parametrize("name", RANDOM)
def test_random_numbers_do_not_depend_on_the_threads(name):
    results = on_threads(lambda: [RANDOM[name](), RANDOM[name]()])
    assert_equal(results)
    assert not torch.equal(*results[0])       # the second call goes on


FOLDS = {
    "elementwise": lambda x: (x.tanh() * x.exp()).lgamma(),
    "sum": lambda x: x.sum(), "sum of rows": lambda x: x.sum(1), "sum of columns": lambda x: x.sum(0),
    "mean": lambda x: x.mean(), "variance": lambda x: x.var(), "norm": lambda x: x.norm(), "prod": lambda x: (x * 0.01 + 1).prod(),
    "logsumexp": lambda x: x.logsumexp(0), "softmax": lambda x: x.softmax(1), "softmax of columns": lambda x: x.softmax(0),
    "layer_norm": lambda x: F.layer_norm(x, x.shape[1:]), "cumsum": lambda x: x.cumsum(0), "argmax": lambda x: x.argmax(),
    "half": lambda x: x.half().sum(0), "mse": lambda x: F.mse_loss(x, x.flip(0)),
    "cross_entropy": lambda x: F.cross_entropy(x, torch.arange(x.shape[0], device=x.device) % x.shape[1]),
}


@pytest.mark.parametrize("name", FOLDS)
def test_results_do_not_depend_on_the_threads(name):
    def program():
        x = torch.randn(LARGE, device=DEVICE, requires_grad=True)
        y = FOLDS[name](x)
        return [y, *(torch.autograd.grad(y.sum(), x) if y.is_floating_point() else [])]

    assert_equal(on_threads(program))


SCATTERS = {
    "index_add": lambda x, i: torch.zeros(7, 64, device=x.device).index_add(0, i, x),
    "index_put": lambda x, i: torch.zeros(7, 64, device=x.device).index_put((i,), x, accumulate=True),
    "scatter_add": lambda x, i: torch.zeros(7, 64, device=x.device).scatter_add(0, i[:, None].expand(-1, 64), x),
    "scatter_reduce": lambda x, i: torch.zeros(7, 64, device=x.device).scatter_reduce(0, i[:, None].expand(-1, 64), x, "mean"),
    "put": lambda x, i: torch.zeros(7, device=x.device).put(i, x[:, 0].contiguous(), accumulate=True),
    "embedding": lambda x, i: F.embedding(i, x[:7]),
    "embedding_bag": lambda x, i: F.embedding_bag(i, x[:7], torch.arange(0, i.numel(), 9, device=i.device)),
    "bincount": lambda x, i: torch.bincount(i, weights=x.detach()[:, 0]),
    "gather": lambda x, i: x.gather(0, i[:, None].expand(-1, 64)),
    "index_select": lambda x, i: x.index_select(0, i),
    "interpolate": lambda x, i: F.interpolate(x[None, None, :60], scale_factor=1.7, mode="bilinear"),
    "max_pool": lambda x, i: F.max_pool2d(x[None, None, :60], 3, stride=1),
    "grid_sample": lambda x, i: F.grid_sample(x[None, None, :60], x[:64].reshape(1, 32, 64, 2), align_corners=False),
    "ctc": lambda x, i: F.ctc_loss(x[:50].log_softmax(1)[:, None], i[None, :9] + 1, torch.tensor([50]), torch.tensor([9])),
    "prefix sums": lambda x, i: x.cumsum(0),
}


@pytest.mark.parametrize("name", SCATTERS)
def test_deterministic_algorithms_give_equal_results(name, deterministic):
    def program():
        x = torch.randn(3000, 64, device=DEVICE, requires_grad=True)
        i = torch.randint(0, 7, (3000,), device=DEVICE)
        y = SCATTERS[name](x, i)
        return [y, *(torch.autograd.grad(y.square().sum(), x) if y.requires_grad else [])]

    assert_equal(on_threads(program))


def test_what_has_no_deterministic_algorithm_is_refused_as_on_the_cpu(deterministic):
    """The ops that torch refuses on the CPU; warn_only warns."""
    calls = {
        "put": lambda d: torch.zeros(5, device=d).put_(torch.tensor([1, 1], device=d), torch.tensor([1., 2], device=d)),
        "resize": lambda d: torch.zeros(2, device=d).resize_(4).isnan().sum().item(),
        "kthvalue": lambda d: torch.arange(5., device=d).kthvalue(2)[0].item(),
        "median": lambda d: torch.arange(5., device=d).median().item(),
        "histc": lambda d: torch.histc(torch.arange(5., device=d), 3).tolist(),
    }
    for name, call in calls.items():
        (wanted, cpu), (error, ours) = outcome(lambda: call("cpu")), outcome(lambda: call(DEVICE))
        assert error is wanted, (name, ours, cpu)
        if error:
            assert "deterministic" in ours and ours == cpu, name
        elif not isinstance(cpu, torch.Tensor):
            assert ours == cpu, name
    refused = [name for name, call in calls.items() if outcome(lambda: call("cpu"))[0]]
    assert refused, "torch refuses none of these any more: choose others"
    torch.use_deterministic_algorithms(True, warn_only=True)
    for name in refused:
        with pytest.warns(UserWarning, match="deterministic"):
            calls[name](DEVICE)


def training(build, batch, steps=3):
    """A few steps with Adam: the losses and the parameters."""
    model = build().to(DEVICE)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = model(batch()).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return [*losses, *model.parameters()]


MODELS = {
    "mlp": (lambda: nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.2), nn.LayerNorm(128), nn.Linear(128, 10)),
            lambda: torch.randn(96, 64, device=DEVICE)),
    "cnn": (lambda: nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 4, 3)),
            lambda: torch.randn(8, 3, 20, 20, device=DEVICE)),
    "transformer": (lambda: nn.TransformerEncoderLayer(32, 4, 64, dropout=0.1, batch_first=True),
                    lambda: torch.randn(4, 12, 32, device=DEVICE)),
    "lstm": (lambda: OnlyOutput(nn.LSTM(16, 24, 2, batch_first=True, dropout=0.1)), lambda: torch.randn(5, 9, 16, device=DEVICE)),
}


class OnlyOutput(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x)[0]


@pytest.mark.parametrize("model", MODELS)
def test_training_repeats_itself(model, deterministic):
    """On the same number of threads to the last bit; PyTorch's matrix products may split their sums by threads."""
    one, two, again = on_threads(lambda: training(*MODELS[model]))
    assert_equal([two, again])
    for a, b in zip(one, two, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)
