"""Checks of torch's own kernels for a GPU on the device's memory, whichever GPU: the module that imports them chooses."""

import gc

import pytest
import torch

from tests.backends.fakes.torch_device import native

DEVICE = "hologram"
hologram = torch.hologram


@pytest.fixture(autouse=True)
def clean():
    yield
    gc.collect()
    hologram.synchronize()


# ---- values, of arguments that are not where their buffer begins ----

LIBRARY = {
    "mm": lambda x, y: x @ y.t(),
    "addmm": lambda x, y: torch.addmm(y[:, 0], x, y.t()),
    "bmm": lambda x, y: x.view(5, 8, 16) @ y.view(5, 16, 8),
    "mv": lambda x, y: x @ y[3],
    "sort": lambda x, y: torch.cat(x.sort(1)),
    "topk": lambda x, y: x.topk(3).values,
    "gather": lambda x, y: x.gather(0, (y.abs() * 7).long() % 40),
    "index_add": lambda x, y: x.index_add(0, torch.arange(40, device=x.device) % 3, y),
    "index_put": lambda x, y: x.index_put((torch.arange(5, device=x.device),), y[:5]),
    "nonzero": lambda x, y: (x > y).nonzero(),
    "unique": lambda x, y: (x * 3).round().unique(),
    "flip": lambda x, y: x.flip(0) + y,
    "view of the middle": lambda x, y: x[7:19, 2:9] @ y[5:12, 1:8],
    "transposed": lambda x, y: x.t() @ y,
}


@pytest.mark.parametrize("name", LIBRARY)
def test_values(name):
    torch.manual_seed(5)
    x, y = torch.randn(40, 16), torch.randn(40, 16)
    before = native.count()
    a, b = x.to(DEVICE) * 2, y.to(DEVICE) + 1
    got = LIBRARY[name](a, b) * 3                 # kernels before and after
    torch.testing.assert_close(got.cpu(), LIBRARY[name](x * 2, y + 1) * 3, check_stride=False)
    assert native.count() > before


def test_what_the_queue_writes_comes_first_and_what_it_reads_later():
    x = torch.zeros(300, 300, device=DEVICE)
    for step in range(20):
        x.add_(1)
        y = x @ x                                 # of what was just written
        x.copy_(y / y * (step + 1))               # over what the product reads
    assert x.unique().tolist() == [20.0]


# ---- written arguments ----

def test_results_go_where_they_are_wanted():
    x = torch.randn(40, 16)
    a, out = x.to(DEVICE), torch.empty(3, 40, 40, device=DEVICE)
    native.runs(lambda: torch.mm(a, a.t(), out=out[1]), mm=1)
    torch.testing.assert_close(out[1].cpu(), x @ x.t())
    grown, index = torch.empty(0, device=DEVICE), torch.empty(0, dtype=torch.long, device=DEVICE)
    native.runs(lambda: torch.sort(a, out=(grown, index)), sort=1)
    assert torch.equal(grown.cpu(), x.sort().values) and torch.equal(index.cpu(), x.sort().indices)
    grown.add_(1)
    assert torch.equal(grown.cpu(), x.sort().values + 1)
    part = torch.zeros(6, 5, device=DEVICE)
    part[2:4].index_add_(1, torch.tensor([0, 4], device=DEVICE), torch.ones(2, 2, device=DEVICE))
    assert part.sum().item() == 4 and part[2:4, [0, 4]].sum().item() == 4


def test_the_cpu_serves_what_the_device_has_no_kernel_for():
    x = torch.randn(6, 9)
    result = native.runs(lambda: (x.to(DEVICE) * 2).kthvalue(4), kthvalue=0)
    assert torch.equal(result.values.cpu(), (x * 2).kthvalue(4).values)


def test_errors_are_those_of_the_cpu():
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes cannot be multiplied"):
        torch.mm(torch.ones(2, 3, device=DEVICE), torch.ones(2, 3, device=DEVICE))
    assert torch.ones(2, 2, device=DEVICE).sum().item() == 4


def check_convolutions(dims, **kernels):
    """Forward and backward; the kernels that run depend on how torch was built."""
    conv = [torch.nn.Conv1d, torch.nn.Conv2d][dims - 1](4, 6, 3, stride=2, padding=1)
    x = torch.randn(2, 4, *[9] * dims)
    x_cpu = x.clone().requires_grad_()
    conv(x_cpu).square().sum().backward()
    expected = [x_cpu.grad, conv.weight.grad.clone(), conv.bias.grad.clone()]
    conv.zero_grad()
    conv.to(DEVICE)
    x_dev = x.to(DEVICE).requires_grad_()
    native.runs(lambda: conv(x_dev).square().sum().backward(), **kernels)
    for got, want in zip([x_dev.grad, conv.weight.grad, conv.bias.grad], expected, strict=True):
        torch.testing.assert_close(got.cpu(), want, rtol=1e-4, atol=1e-4)


# ---- a program ----

def test_a_training_loop():
    def train(device):
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Embedding(30, 16), torch.nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True),
                                    torch.nn.Linear(16, 30)).to(device)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
        tokens = torch.randint(0, 30, (4, 12), generator=torch.Generator().manual_seed(1)).to(device)
        losses = []
        for _ in range(6):
            loss = torch.nn.functional.cross_entropy(model(tokens).view(-1, 30), tokens.roll(-1, 1).reshape(-1))
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            losses.append(loss.detach())
        return torch.stack(losses).cpu()

    before = native.count("mm") + native.count("addmm")
    torch.testing.assert_close(train(DEVICE), train("cpu"), rtol=1e-3, atol=1e-3)
    assert native.count("mm") + native.count("addmm") > before


def test_streams():
    x = torch.randn(50, 50)
    side = torch.Stream(DEVICE)
    a = x.to(DEVICE)
    hologram.synchronize()
    with side:
        b = (a * 2) @ a
        event = side.record_event()
    torch.accelerator.current_stream().wait_event(event)
    torch.testing.assert_close((b + 1).cpu(), (x * 2) @ x + 1, rtol=1e-4, atol=1e-4)
