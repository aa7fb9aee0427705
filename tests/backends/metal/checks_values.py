"""Values on Metal, and that whoever looks at memory has waited for it: the fake runs nothing before somebody waits."""

import gc

import numpy as np
import pytest
import torch

import hologram_torch
from hologram_core import _runtime
from hologram_torch import _patches
from tests.backends.metal import fake

DEVICE = "hologram"
hologram = torch.hologram
metal = fake.driver()


@pytest.fixture(autouse=True)
def clean():
    yield
    gc.collect()
    hologram_torch.set_backend("metal")
    hologram.synchronize()


def on_device(*tensors):
    return tuple(t.to(DEVICE) for t in tensors)


# ---- kernels of every kind ----

MAPS = {
    "chain": lambda x, y: ((x * y + 1.5).tanh() - y.abs().sqrt()).relu(),
    "broadcast": lambda x, y: x + y[:1] * y[:, :1],
    "transposed": lambda x, y: (x.t() * y.t()).contiguous().t() + x,
    "where": lambda x, y: torch.where(x > y, x, y * 2),
    "sum": lambda x, y: (x * y).sum(),
    "rows": lambda x, y: x.sum(1) + y.amax(1),
    "columns": lambda x, y: x.mean(0) - y.amin(0),
    "argmax": lambda x, y: x.argmax(1) + y.argmin(0)[: x.shape[0]],
    "softmax": lambda x, y: x.softmax(-1) + y.log_softmax(0),
    "norm": lambda x, y: torch.nn.functional.layer_norm(x, (x.shape[1],)) * y.norm(dim=1, keepdim=True),
    "scan": lambda x, y: x.cumsum(1) + y.cumsum(0),
    "half": lambda x, y: (x.half() * y.half() + x.bfloat16().half()).float(),
    "integers": lambda x, y: (x * 100).long() // ((y * 100).long().abs() + 1),
    "cat": lambda x, y: torch.cat([x, y * 2, x[:, :3].contiguous()], 1),
    "index": lambda x, y: x[torch.arange(40, device=x.device) % 7] + y[:40],
    "matmul": lambda x, y: (x + 1) @ (y * 2).t(),
    "sort": lambda x, y: (x * 2).sort(1).values + y,
}


@pytest.mark.parametrize("name", MAPS)
def test_values(name):
    torch.manual_seed(5)
    x, y = torch.randn(40, 77), torch.randn(40, 77)
    expected = MAPS[name](x, y)
    got = MAPS[name](*on_device(x, y))
    assert got.device.type == DEVICE
    torch.testing.assert_close(got.cpu(), expected, rtol=3e-5, atol=3e-5, check_stride=False)


def test_long_sums_are_folded_in_two_stages():
    x = torch.randn(1 << 20)
    torch.testing.assert_close((x.to(DEVICE) * 2).sum().cpu(), (x * 2).sum(), rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("draw", [lambda: torch.rand(1000, device=DEVICE), lambda: torch.randn(33, 7, device=DEVICE),
                                  lambda: torch.randint(0, 100, (500,), device=DEVICE), lambda: torch.ones(400, device=DEVICE).bernoulli_(0.3),
                                  lambda: torch.nn.functional.dropout(torch.ones(300, device=DEVICE)), lambda: torch.randperm(50, device=DEVICE)])
def test_random_numbers_are_those_of_the_cpu(draw):
    results = []
    for backend in ("metal", "cpu"):
        hologram_torch.set_backend(backend)
        torch.manual_seed(11)
        draw()
        results.append(draw().cpu())
    assert torch.equal(*results)


@pytest.mark.parametrize("how", [{"foreach": True}, {"foreach": False}, {"fused": True}])
def test_adam_trains_as_on_the_cpu(how):
    def train(device):
        torch.manual_seed(2)
        model = torch.nn.Sequential(torch.nn.Linear(9, 30), torch.nn.LayerNorm(30), torch.nn.GELU(), torch.nn.Linear(30, 4)).to(device)
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, **how)
        torch.manual_seed(3)
        x, target = torch.randn(16, 9).to(device), torch.randint(0, 4, (16,)).to(device)
        losses = []
        for _ in range(6):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(x), target)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses, [p.detach().cpu() for p in model.parameters()]

    (losses, params), (expected, expected_params) = train(DEVICE), train("cpu")
    assert losses == pytest.approx(expected, rel=1e-4) and losses[-1] < losses[0]
    for p, q in zip(params, expected_params):
        torch.testing.assert_close(p, q, rtol=1e-3, atol=1e-4)


# ---- whoever looks has waited ----

def ones(*sizes):
    return torch.ones(*sizes, device=DEVICE)


def test_reading_one_element():
    x = ones(100)
    for step in range(5):
        x.mul_(2)
        _runtime.flush()
        assert x[3].item() == 2.0 ** (step + 1)


def test_a_library_op_reads_what_was_launched():
    x = ones(4, 4)
    x.mul_(3)
    _runtime.flush()                          # launched, not recorded any more: nothing but the wait helps
    assert torch.mm(x, x).tolist() == [[36.0] * 4] * 4
    x.mul_(2)
    assert torch.linalg.det(x + torch.eye(4, device=DEVICE)).item() == pytest.approx(25.0)


def test_a_library_op_writes_over_what_is_still_read():
    x, out = ones(64, 64), torch.zeros(64, 64, device=DEVICE)
    kept = out + 1
    _runtime.flush()
    torch.mm(x, x, out=out)                   # kept's kernel has not run: it must see the old zeros
    assert kept.sum().item() == 64 * 64 and out.sum().item() == 64 ** 3


def test_a_library_result_in_memory_that_is_still_written():
    x = ones(1 << 16)
    for _ in range(20):
        y = x * 5                             # dies at once: its memory goes to the pool while its kernel waits
        _runtime.flush()
        del y
        result = torch.sort(x).values
        assert result.sum().item() == 1 << 16


def test_in_place_writes_by_host_kernels_between_launches():
    x = torch.arange(64.0, device=DEVICE)
    total = torch.zeros(64, device=DEVICE)
    for step in range(6):
        total += x
        _runtime.flush()
        x.index_fill_(0, torch.tensor([step], device=DEVICE), 100.0)       # torch's kernel, in place
        x.add_(1)
    host, sums = torch.arange(64.0), torch.zeros(64)
    for step in range(6):
        sums += host
        host[step] = 100.0
        host.add_(1)
    assert total.tolist() == sums.tolist() and x.tolist() == host.tolist()


def test_rows_and_pieces_go_to_fresh_memory():
    for n in range(20):
        x = torch.full((50, 50), float(n), device=DEVICE)
        y = x * 3
        _runtime.flush()
        del y
        taken = x[torch.tensor([1, 2, 3], device=DEVICE)]
        joined = torch.cat([x, x], 1)
        assert taken.sum().item() == 150 * n and joined.sum().item() == 5000 * n


def test_an_exposed_address_shows_every_op():
    x = ones(16)
    seen = np.ctypeslib.as_array((np.ctypeslib.ctypes.c_float * 16).from_address(x.data_ptr()))
    x.add_(1)
    assert seen.tolist() == [2.0] * 16        # nobody waited in between
    x.copy_(torch.full((16,), 9.0))
    assert seen.tolist() == [9.0] * 16
    seen[:] = 4.0
    assert (x * 2).tolist() == [8.0] * 16
    torch.add(x, 1, out=x)
    assert seen.tolist() == [5.0] * 16


def test_uploads_come_after_what_reads_the_memory():
    x = ones(256)
    before = x * 2
    _runtime.flush()
    x.copy_(torch.full((256,), 7.0))          # staged
    after = x * 2
    large = ones(1 << 16)
    kept = large + 1
    _runtime.flush()
    large.copy_(torch.full((1 << 16,), 3.0))  # by the host
    assert before.tolist() == [2.0] * 256 and after.tolist() == [14.0] * 256
    assert kept.sum().item() == 2 << 16 and large.sum().item() == 3 << 16


def test_copies_on_the_device_are_in_order():
    x = ones(1000)
    y = x.clone()
    x.zero_()
    z = torch.empty(2000, device=DEVICE)
    z[1000:].copy_(y)
    y.zero_()
    assert z[1000:].sum().item() == 1000 and y.sum().item() == 0
    grown = ones(10) * 2
    grown.resize_(2000)
    assert grown[:10].tolist() == [2.0] * 10


def test_positions_are_read_after_they_were_made():
    logits = torch.randn(8, 5)
    target = torch.zeros(8, dtype=torch.long, device=DEVICE)
    target.add_(3)
    _runtime.flush()
    got = torch.nn.functional.cross_entropy(logits.to(DEVICE), target)
    torch.testing.assert_close(got.cpu(), torch.nn.functional.cross_entropy(logits, torch.full((8,), 3)))


def test_side_streams_are_waited_for_by_the_host():
    side = torch.Stream(DEVICE)
    x = ones(32, 32)
    hologram.synchronize()
    with side:
        y = x * 3
        _runtime.flush()
    event = side.record_event()
    hologram.current_stream().wait_event(event)
    assert torch.mm(x, y)[0, 0].item() == 96.0


# ---- float64 ----

def doubles():
    return torch.arange(6, dtype=torch.float64)


@pytest.mark.parametrize("op, name", [(lambda x: x + 1, "add"), (lambda x: x.exp(), "exp"),
                                      (lambda x: x.sum(), "sum"), (lambda x: torch.zeros(3, dtype=torch.float64, device=DEVICE), "fill")])
def test_float64_is_refused_when_the_op_is_called(op, name):
    x = doubles().to(DEVICE)
    pending = ones(5) * 2
    with pytest.raises(NotImplementedError, match=rf"hologram\.{name}\w*: Metal has no float64. Convert to float32, or use set_backend\('cpu'\)\."):
        op(x)
    assert pending.tolist() == [2.0] * 5      # what was recorded before is not lost
    assert (ones(5) + 1).tolist() == [2.0] * 5
    assert torch.equal(x.cpu(), doubles())


def test_float64_can_be_moved_converted_printed_and_used_by_libraries():
    x = doubles().to(DEVICE)
    assert torch.equal(x.float().cpu(), doubles().float()) and torch.equal((ones(4) * 3).double().cpu(), torch.full((4,), 3.0).double())
    for t in (doubles(), torch.arange(3.0) * 1000, torch.ones(2, 2) + 0.5j):
        assert repr(t.to(DEVICE)).replace(", device='hologram:0'", "") == repr(t)
    with pytest.raises(NotImplementedError, match="no float64"):
        _patches.originals["_tensor_str"](ones(3) / 3, 0)     # torch has mended it where this fails
    assert x[2].item() == 2.0 and torch.equal(x.view(2, 3).t().contiguous().cpu(), doubles().view(2, 3).t())
    assert torch.equal(torch.linalg.det(torch.eye(3, dtype=torch.float64).to(DEVICE)).cpu(), torch.tensor(1.0, dtype=torch.float64))


def test_float64_is_refused_by_executors():
    from hologram_core import Executor, ops
    from hologram_core.errors import HologramError

    with Executor("metal") as executor:
        x, y = executor.allocate(4, np.float64), executor.from_numpy(np.ones(4, np.float32))
        with pytest.raises(HologramError, match=r"hologram\.add: Metal has no float64. Convert to float32, or use set_backend\('cpu'\)\."):
            ops.vector_add(executor, x, x, x)
        ops.vector_add(executor, y, y, y)
        assert y.to_numpy().tolist() == [2.0] * 4
