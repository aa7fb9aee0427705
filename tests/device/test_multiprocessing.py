"""The device in other processes: shared tensors, DataLoader workers, forks."""

import os

import pytest
import torch
import torch.multiprocessing as mp

import hologram_torch  # noqa: F401  (spawned children import this module first)
from tests.compare import DEVICE
from tests.modes import HOST_MEMORY, host_only


def _child(queue, done, tensor):
    tensor.add_(1)
    queue.put({"double": tensor * 2, "view": tensor[1:], "empty": tensor[:0], "parameter": torch.nn.Parameter(tensor.clone())})
    done.wait(60)   # a sender must outlive the transfer, on every device


@host_only("memory that processes share")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_tensors_travel_and_share_memory(method):
    context = mp.get_context(method)
    queue, done = context.Queue(), context.Event()
    tensor = torch.zeros(4).to(DEVICE)
    process = context.Process(target=_child, args=(queue, done, tensor.share_memory_()), daemon=True)
    process.start()
    result = queue.get(timeout=120)
    assert tensor.tolist() == [1] * 4                       # the child wrote into our memory
    tensor.add_(1)
    assert result["view"].is_hologram and result["view"].shape == (3,) and result["view"].stride() == (1,)
    assert result["double"].tolist() == [2] * 4 and result["empty"].numel() == 0
    assert isinstance(result["parameter"], torch.nn.Parameter) and result["parameter"].is_hologram
    done.set()
    process.join(60)
    assert process.exitcode == 0


@host_only("memory that processes share")
def test_memory_that_was_shared_once_is_not_taken_for_shared():
    """The runtime's records of blocks are used again, for memory of other kinds."""
    for size in (3, 5000, 1 << 20):
        for _ in range(200):
            torch.ones(size, device=DEVICE).share_memory_()
        later = [torch.full((size,), float(n), device=DEVICE) for n in range(20)]
        assert not any(t.is_shared() for t in later)
        for n, t in enumerate(later):
            assert t.share_memory_().is_shared() and t[0].item() == t[-1].item() == n


def test_share_memory_tells_the_truth():
    x = torch.arange(5.).to(DEVICE)
    view = x[2:]
    assert not x.is_shared()
    assert x.share_memory_() is x and x.is_shared() and view.is_shared()
    view[0] = 9
    assert x.tolist() == [0, 1, 9, 3, 4]
    address = x.data_ptr()
    x.share_memory_()
    assert x.data_ptr() == address
    with pytest.raises(RuntimeError, match="not resizable"):
        x.resize_(100)
    model = torch.nn.Linear(2, 2).to(DEVICE).share_memory()
    assert model.weight.is_shared() and not torch.zeros(2).is_shared() and torch.zeros(2).share_memory_().is_shared()


class Samples(torch.utils.data.Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, i):
        return torch.full((3,), float(i)).to(DEVICE) * 2


@host_only("memory that processes share")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_data_loader_workers_use_the_device(method):
    torch.ones(1 << 20).to(DEVICE).add_(1).sum().item()       # the parent's threads have run: the children have none
    loader = torch.utils.data.DataLoader(Samples(), batch_size=4, num_workers=2, timeout=120, multiprocessing_context=method)
    batches = list(loader)
    assert [b.device.type for b in batches] == [DEVICE] * 2
    assert torch.cat(batches)[:, 0].tolist() == [0, 2, 4, 6, 8, 10, 12, 14]


@host_only("memory of a forked process")
def test_a_forked_child_goes_on_alone():
    x = torch.arange(1 << 20).to(DEVICE)
    total = x.sum().item()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            y = x * 2 + torch.ones(1 << 20, device=DEVICE, dtype=torch.int64)
            fine = y.sum().item() == 2 * total + (1 << 20) and not torch.hologram._is_in_bad_fork()
            os.write(write, b"1" if fine else b"0")
        finally:
            os._exit(0)
    os.close(write)
    assert os.read(read, 1) == b"1"
    os.waitpid(child, 0)
    assert x.sum().item() == total


# ---- a GPU's memory ----

own_memory = pytest.mark.skipif(HOST_MEMORY, reason="processes share the memory of this backend")
REFUSED = r"hologram.share_memory_: the memory of the backend '\w+' cannot be shared between processes \(12 bytes\). Send a .cpu\(\) copy"


@own_memory
def test_a_worker_that_returns_tensors_of_a_gpu_is_an_error_at_once():
    loader = torch.utils.data.DataLoader(Samples(), num_workers=1, timeout=120, multiprocessing_context="spawn")
    with pytest.raises(NotImplementedError, match=REFUSED):
        next(iter(loader))


@own_memory
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_pins_memory_ends_with_that_error():
    """It is torch's, which hands on what fails in pinning, not in reading; the thread's own error is printed."""
    loader = torch.utils.data.DataLoader(Samples(), num_workers=1, multiprocessing_context="spawn", pin_memory=True)
    with pytest.raises(RuntimeError, match="Pin memory thread exited unexpectedly"):
        next(iter(loader))


@own_memory
def test_a_forked_worker_cannot_use_a_gpu_that_is_open():
    torch.ones(3, device=DEVICE).tolist()
    with pytest.raises(RuntimeError, match="(?s)worker process 0.*forked.*'spawn'"):
        next(iter(torch.utils.data.DataLoader(Samples(), num_workers=1, timeout=120, multiprocessing_context="fork")))


class OnTheHost(Samples):
    def __getitem__(self, i):
        return super().__getitem__(i).cpu()


@own_memory
def test_workers_that_return_copies_may_use_a_gpu():
    loader = torch.utils.data.DataLoader(OnTheHost(), batch_size=4, num_workers=2, timeout=120, multiprocessing_context="spawn")
    assert torch.cat([batch.to(DEVICE) for batch in loader])[:, 0].tolist() == [0, 2, 4, 6, 8, 10, 12, 14]


@own_memory
def test_whoever_sends_a_tensor_of_a_gpu_or_waits_for_one_is_told():
    context, tensor = mp.get_context("spawn"), torch.ones(3, device=DEVICE)
    queue = context.Queue()
    queue.put({"tensor": tensor})
    with pytest.raises(NotImplementedError, match=REFUSED):
        queue.get(timeout=120)
    queue.put("goes on")
    assert queue.get(timeout=120) == "goes on"
    ends = context.Pipe()
    for send in (lambda: context.SimpleQueue().put(tensor), lambda: ends[0].send(tensor), tensor.share_memory_,
                 lambda: context.Process(target=print, args=(tensor,)).start()):
        with pytest.raises(NotImplementedError, match=REFUSED):
            send()
    assert tensor.tolist() == [1, 1, 1]


def test_a_backend_that_cannot_fork_says_so(monkeypatch):
    from hologram_torch import device

    monkeypatch.setattr(device._C, "lost_by_fork", lambda: True)
    monkeypatch.setattr(device._C, "get_backend", lambda: "cuda")
    assert device._is_in_bad_fork() and not device.is_initialized()
    with pytest.raises(RuntimeError, match="Cannot re-initialize hologram in forked subprocess.*'spawn'"):
        device._lazy_init()
