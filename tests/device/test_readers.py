"""Whoever reads a tensor's memory finds what was recorded on it, whichever way torch lets him in.

torch tells a device of addresses that are taken to be written, not of those taken to be read: every reader of torch's that gets
at device memory is listed here, with an input that has been recorded and has not run.
"""

import copy
import ctypes
import io
import pickle
import signal
import subprocess
import sys
import textwrap
from multiprocessing.reduction import ForkingPickler

import pytest
import torch
import torch.distributed as dist

from hologram_torch import _C, _patches
from tests.compare import DEVICE, assert_same
from tests.modes import deferred, host_only

host_memory = host_only("addresses that the host reads")


def pending(device, n=12, dtype=torch.float32):
    """Values that an op has yet to compute (on the device)."""
    return (torch.arange(float(n)).to(device) * 2 + 1).to(dtype)


def bytes_at(address, count):
    return list(ctypes.string_at(address, count))


def raw(t):
    """What lies at a tensor's address, read without a word to anybody."""
    address = _patches.originals["const_data_ptr"](t)
    return torch.frombuffer(bytearray(ctypes.string_at(address, t.nbytes)), dtype=t.dtype).reshape(t.shape)


def through_file(write, read):
    buffer = io.BytesIO()
    write(buffer)
    buffer.seek(0)
    return read(buffer)


def written_file(storage):
    import tempfile

    with tempfile.TemporaryFile() as file:
        storage._write_file(file, False, False, 1)
        file.seek(0)
        return list(file.read())


def of_bytes(x, layout):
    weight = layout((x * 0.25 - 3).reshape(3, 4))
    quantized, offsets, scale, zero = torch.fbgemm_linear_quantize_weight(weight)
    packed = torch.fbgemm_pack_quantized_matrix(quantized.clone())
    return torch.fbgemm_linear_int8_weight(x.reshape(3, 4), quantized, packed, offsets, scale, zero, x[:3]).cpu()


def future_of(t):
    future = torch.futures.Future()
    future.set_result(t)
    return future.wait()


# Each gets a tensor of floats that nobody has computed yet.
READERS = {
    "item": lambda x: x[3].item(), "float": lambda x: float(x[3]), "int": lambda x: int(x[3]), "bool": lambda x: bool(x[3] > 2),
    "complex": lambda x: complex(x[3]), "index": lambda x: list(range(30))[x[3].to(torch.int64)], "format": lambda x: f"{x[3]:.2f}",
    "slice of indices": lambda x: list(range(30))[x[0].to(torch.int64):x[3].to(torch.int64)], "tolist": lambda x: x.tolist(),
    "iteration": lambda x: [v.item() for v in x], "contains": lambda x: 7.0 in x, "repr": repr, "str": str, "cpu": lambda x: x.cpu(),
    "to": lambda x: x.to("cpu", torch.float64), "copy_": lambda x: torch.zeros(12).copy_(x), "numpy": lambda x: x.numpy(force=True).tolist(),
    "a size": lambda x: torch.zeros(int(x[1])).shape, "tensor of tensors": lambda x: torch.tensor([x[0], x[1]]),
    "asarray": lambda x: torch.asarray(x).cpu(), "as_tensor": lambda x: torch.as_tensor(x, device="cpu"), "equal": lambda x: torch.equal(x, x * 1),
    "allclose": lambda x: torch.allclose(x, x * 1), "nonzero": lambda x: (x - 1).nonzero().cpu(), "where": lambda x: torch.where(x > 5)[0].cpu(),
    "unique": lambda x: torch.unique(x).cpu(), "masked": lambda x: x[x > 5].cpu(), "repeats": lambda x: torch.arange(12).to(x.device).repeat_interleave(x.long()).cpu(),
    "bincount": lambda x: torch.bincount(x.long()).cpu(), "one_hot": lambda x: torch.nn.functional.one_hot(x.long()).cpu(),
    "split": lambda x: [t.cpu() for t in torch.tensor_split(torch.arange(30), x[:3].long().cpu())], "is_nonzero": lambda x: torch.is_nonzero(x[2]),
    "storage item": lambda x: x.untyped_storage()[5], "storage list": lambda x: x.untyped_storage().tolist(),
    "storage slice": lambda x: list(x.untyped_storage()[4:12].cpu()), "storage cpu": lambda x: list(x.untyped_storage().cpu()),
    "storage clone": lambda x: x.untyped_storage().clone().tolist(), "storage copy": lambda x: torch.UntypedStorage(48).copy_(x.untyped_storage()).tolist(),
    "storage bytes": lambda x: list(bytes(x.untyped_storage())), "storage repr": lambda x: repr(x.untyped_storage().cpu()),
    "storage pickle": lambda x: pickle.loads(pickle.dumps(x._typed_storage())).tolist(), "storage _write_file": lambda x: written_file(x.untyped_storage()),
    "storage deepcopy": lambda x: copy.deepcopy(x.untyped_storage()).tolist(), "storage float": lambda x: list(x.untyped_storage().float().cpu()),
    "typed storage": lambda x: x._typed_storage().tolist(), "typed item": lambda x: x._typed_storage()[3], "resize": lambda x: x.resize_(20)[:12].cpu(),
    "storage resize": lambda x: (x.untyped_storage().resize_(480), x.cpu())[1], "set_": lambda x: torch.empty(0, device=x.device).set_(x.untyped_storage()).cpu(),
    "save": lambda x: through_file(lambda f: torch.save(x, f), lambda f: torch.load(f, map_location="cpu")),
    "save, old format": lambda x: through_file(lambda f: torch.save(x, f, _use_new_zipfile_serialization=False), lambda f: torch.load(f, map_location="cpu")),
    "save of a dict": lambda x: through_file(lambda f: torch.save({"a": x, "b": x[3:]}, f), lambda f: list(torch.load(f, map_location="cpu").values())),
    "jit save": lambda x: through_file(lambda f: torch.jit.save(torch.jit.script(Holder(x)), f), lambda f: torch.jit.load(f, map_location="cpu").x),
    "jit pickle": lambda x: torch.jit._unwrap_optional(x).cpu(), "pickle": lambda x: pickle.loads(pickle.dumps(x)).cpu(), "deepcopy": lambda x: copy.deepcopy(x).cpu(),
    "copy": lambda x: copy.copy(x).cpu(), "state_dict": lambda x: torch.nn.ParameterList([x]).state_dict()["0"].cpu(), "future": lambda x: future_of(x).cpu(),
    "collate": lambda x: torch.utils.data.default_collate([x, x]).cpu(), "hash_tensor": lambda x: torch.hash_tensor(x).item(),
    "lazy clone": lambda x: torch._lazy_clone(x).cpu(), "view as bytes": lambda x: x.view(torch.uint8).tolist(), "vmap": lambda x: torch.vmap(lambda v: v + 1)(x).cpu(),
    "to sparse": lambda x: x.reshape(3, 4).to_sparse().values().cpu(), "nested": lambda x: torch.nested.nested_tensor([x[:3], x[3:]]).to_padded_tensor(0).cpu(),
    "nested sizes": lambda x: torch._nested_view_from_buffer(x, torch.tensor([[2], [3]]).to(x.device) * 1, torch.tensor([[1], [1]]).to(x.device) * 1,
                                                            torch.tensor([0, 2]).to(x.device) * 1)[1].cpu(),
}
OF_THE_HOST = {     # addresses, and what is computed on them
    "statistics of quantization": lambda x: list(torch.choose_qparams_optimized(x, 12, 200, 0.16, 8)),
    "quantized product": lambda x: of_bytes(x, lambda w: w), "quantized product of a transposed weight": lambda x: of_bytes(x, lambda w: w.t().contiguous().t()),
    "half product": lambda x: torch.fbgemm_linear_fp16_weight(x.reshape(3, 4), torch.fbgemm_pack_gemm_matrix_fp16(x.reshape(3, 4) * 2), x[:3]).cpu(),
    "half product, transposed": lambda x: torch.fbgemm_linear_fp16_weight(x.reshape(4, 3).t(), torch.fbgemm_pack_gemm_matrix_fp16((x.reshape(4, 3) * 2).t()), x[:3]).cpu(),
    "quantized weight": lambda x: [t.cpu() if isinstance(t, torch.Tensor) else t for t in torch.fbgemm_linear_quantize_weight(x.reshape(3, 4))],
    "data_ptr": lambda x: bytes_at(x.data_ptr(), 48), "const_data_ptr": lambda x: bytes_at(x.const_data_ptr(), 48),
    "const_data_ptr of a view": lambda x: bytes_at(x[3:].const_data_ptr(), 36), "storage data_ptr": lambda x: bytes_at(x.untyped_storage().data_ptr(), 48),
    "from_dlpack": lambda x: torch.from_dlpack(x).cpu(), "to_dlpack": lambda x: torch.utils.dlpack.from_dlpack(torch.utils.dlpack.to_dlpack(x)).cpu(),
    "__dlpack__": lambda x: torch.utils.dlpack.from_dlpack(x.__dlpack__()).cpu(), "shared memory": lambda x: x.share_memory_().cpu(),
    "shared storage": lambda x: x.untyped_storage().share_memory_().tolist(), "a pickle for another process": lambda x: pickle.loads(ForkingPickler.dumps(x)).cpu(),
}


class Holder(torch.nn.Module):
    def __init__(self, x):
        super().__init__()
        self.register_buffer("x", x)

    def forward(self):
        return self.x


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [*READERS, *(pytest.param(name, marks=host_memory) for name in OF_THE_HOST)])
def test_readers(name):
    reader = {**READERS, **OF_THE_HOST}[name]
    torch.manual_seed(0)
    expected, actual = reader(pending("cpu")), reader(pending(DEVICE))
    if isinstance(expected, str):
        actual, expected = actual.replace(", device='hologram:0'", ""), expected.replace(", device='cpu'", "")
    assert_same(actual, expected)


@deferred
@host_memory
def test_the_list_is_worth_something():
    x = pending(DEVICE)
    assert raw(x).tolist() != pending("cpu").tolist()       # nothing has run: a reader who says nothing gets old memory
    _C.run_recorded(x)
    assert torch.equal(raw(x), pending("cpu"))


@host_memory
def test_an_address_that_was_read_stays_up_to_date():
    x = pending(DEVICE)
    address = x.const_data_ptr()
    x.add_(1)
    assert bytes_at(address, 48) == bytes_at(x.cpu().data_ptr(), 48)
    assert torch.zeros(3).const_data_ptr() and pending(DEVICE)[:0].const_data_ptr() == 0


# ---- torch.distributed ----

COLLECTIVES = {
    "all_reduce": lambda x, p: dist.all_reduce(x), "all_reduce_coalesced": lambda x, p: dist.all_reduce_coalesced([x]), "broadcast": lambda x, p: dist.broadcast(x, 0),
    "reduce": lambda x, p: dist.reduce(x, 0), "all_gather": lambda x, p: dist.all_gather([p(), p()], x), "send": lambda x, p: dist.send(x, 1),
    "all_gather_into_tensor": lambda x, p: dist.all_gather_into_tensor(torch.empty(24, device=DEVICE), x), "isend": lambda x, p: dist.isend(x, 1).wait(),
    "reduce_scatter": lambda x, p: dist.reduce_scatter(p(), [x, p()]), "scatter": lambda x, p: dist.scatter(p(), [x, p()], 0),
    "reduce_scatter_tensor": lambda x, p: dist.reduce_scatter_tensor(torch.empty(6, device=DEVICE), x), "gather": lambda x, p: dist.gather(x, [p(), p()], 0),
    "all_to_all": lambda x, p: dist.all_to_all([p(), p()], [x, p()]), "all_to_all_single": lambda x, p: dist.all_to_all_single(p(), x),
    "batch_isend_irecv": lambda x, p: [w.wait() for w in dist.batch_isend_irecv([dist.P2POp(dist.isend, x, 1), dist.P2POp(dist.irecv, p(), 1)])],
    "functional": lambda x, p: __import__("torch.distributed._functional_collectives", fromlist=["all_reduce"]).all_reduce(x, "sum", dist.group.WORLD).cpu(),
    "in inference mode": lambda x, p: torch.inference_mode()(dist.send)(x, 1), "without gradients": lambda x, p: torch.no_grad()(dist.send)(x, 1),
}


@pytest.fixture(scope="module")
def backend_that_looks_at_nothing():
    """A process group whose collectives do nothing: what lies in memory then is what they were given."""
    from torch.testing._internal.distributed.fake_pg import FakeStore

    dist.init_process_group("cpu:fake,hologram:fake", store=FakeStore(), rank=0, world_size=2)
    yield
    dist.destroy_process_group()


@host_memory
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", COLLECTIVES)
def test_collectives_are_given_what_was_recorded(name, backend_that_looks_at_nothing):
    x = pending(DEVICE)
    COLLECTIVES[name](x, lambda: pending(DEVICE))
    assert torch.equal(raw(x), pending("cpu"))


def test_every_collective_of_torch_is_served():
    names = [n for n in torch._C._dispatch_get_registrations_for_dispatch_key("PrivateUse1") if n.startswith("c10d::")]
    assert "c10d::send" in names and len(names) > 15
    for name in names:
        assert "readers.cpp" in torch._C._dispatch_dump(name).split("PrivateUse1: ")[1].split("\n")[0], name


TWO_RANKS = """
    import sys, warnings, torch, torch.distributed as dist
    warnings.simplefilter("ignore")
    rank, path = int(sys.argv[1]), sys.argv[2]
    dist.init_process_group("cpu:gloo,hologram:gloo", init_method="file://" + path, rank=rank, world_size=2)
    pending = lambda device, r=rank: torch.arange(6.0).to(device) * 2 + r
    zeros = lambda device: torch.zeros(6, device=device)
    other = 1 - rank

    def exchange(device, send, receive):
        got = zeros(device)
        if rank == 0:
            send(pending(device))
            receive(got)
        else:
            receive(got)
            send(pending(device))
        return got

    def isend_irecv(device):
        got, x = zeros(device), pending(device)
        works = [dist.isend(x, other), dist.irecv(got, other)]
        [w.wait() for w in works]
        return got

    def batched(device):
        got = zeros(device)
        [w.wait() for w in dist.batch_isend_irecv([dist.P2POp(dist.isend, pending(device), other), dist.P2POp(dist.irecv, got, other)])]
        return got

    def of_the_backend(device):
        backend = dist.group.WORLD._get_backend(torch.device(device))
        return exchange(device, lambda x: backend.send([x], other, 0).wait(), lambda y: backend.recv([y], other, 0).wait())

    def gathered(device):
        out = [zeros(device), zeros(device)]
        dist.all_gather(out, pending(device))
        return torch.stack(out)

    def inplace(call, device):
        x = pending(device)
        call(x)
        return x

    def into(call, out):
        call(out)
        return out

    def split(device):
        return list(pending(device).reshape(2, 3).unbind(0))

    def of_rank_0(value):
        return value if rank == 0 else None

    PROGRAMS = {
        "send": lambda d: exchange(d, lambda x: dist.send(x, other), lambda y: dist.recv(y, other)),
        "send, 50 times": lambda d: torch.stack([exchange(d, lambda x: dist.send(x * 3, other), lambda y: dist.recv(y, other)) for _ in range(50)]),
        "recv from any": lambda d: exchange(d, lambda x: dist.send(x, other), lambda y: dist.recv(y)),
        "inference": lambda d: torch.inference_mode()(lambda: exchange(d, lambda x: dist.send(x, other), lambda y: dist.recv(y, other)))(),
        "view": lambda d: exchange(d, lambda x: dist.send(x.repeat(2)[6:], other), lambda y: dist.recv(y, other)),
        "isend_irecv": isend_irecv, "batch_isend_irecv": batched, "send of the backend": of_the_backend,
        "all_reduce": lambda d: inplace(dist.all_reduce, d), "broadcast": lambda d: inplace(lambda x: dist.broadcast(x, 0), d),
        "reduce": lambda d: inplace(lambda x: dist.reduce(x, 0), d) if rank == 0 else into(lambda x: dist.reduce(x, 0), pending(d)) * 0,
        "all_gather": gathered, "all_gather_into_tensor": lambda d: into(lambda o: dist.all_gather_into_tensor(o, pending(d)), torch.zeros(12, device=d)),
        "gather": lambda d: into(lambda o: dist.gather(pending(d), of_rank_0(o), 0), [zeros(d), zeros(d)]),
        "scatter": lambda d: into(lambda o: dist.scatter(o, of_rank_0(split(d)), 0), torch.zeros(3, device=d)),
        "reduce_scatter_tensor": lambda d: into(lambda o: dist.reduce_scatter_tensor(o, pending(d)), torch.zeros(3, device=d)),
        "all_to_all_single": lambda d: into(lambda o: dist.all_to_all_single(o, pending(d)), zeros(d)),
        "objects": lambda d: into(lambda o: dist.all_gather_object(o, pending(d).cpu()), [None, None]),
    }

    def outcome(program, device):
        try:
            value = program(device)
        except RuntimeError as error:
            return str(error)
        value = value if isinstance(value, list) else [value]
        return [v.cpu().tolist() if isinstance(v, torch.Tensor) else v for v in value]

    for name, program in PROGRAMS.items():
        expected, actual = outcome(program, "cpu"), outcome(program, "hologram")
        verdict = "right" if actual == expected and isinstance(actual, list) else actual if isinstance(actual, str) else f"wrong: {actual} for {expected}"
        print(f"{name}: {verdict}", flush=True)
    dist.barrier()
    dist.destroy_process_group()
"""


@pytest.mark.skipif(not dist.is_available() or not dist.is_gloo_available(), reason="torch was built without gloo")
@host_memory
def test_two_processes(tmp_path):
    """Right, or refused by gloo with a clear error: never the memory from before."""
    script = textwrap.dedent(TWO_RANKS)
    ranks = [subprocess.Popen([sys.executable, "-c", script, str(rank), str(tmp_path / "store")], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) for rank in range(2)]
    for process in ranks:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err[-4000:]
        verdicts = dict(line.split(": ", 1) for line in out.splitlines())
        assert len(verdicts) == 18
        for name in ("send", "send, 50 times", "recv from any", "inference", "view", "isend_irecv", "batch_isend_irecv", "send of the backend", "objects"):
            assert verdicts.pop(name) == "right", name
        for name, verdict in verdicts.items():
            assert verdict == "right" or "unsupported device type hologram" in verdict, (name, verdict)


# ---- readers nobody knows of ----

GUARDED = """
    import ctypes, sys, torch
    from hologram_torch import _C, _patches
    what, elements = sys.argv[1], int(sys.argv[2])
    x = torch.arange(float(elements)).to("hologram") * 2 + 1
    address = _patches.originals["const_data_ptr"](x)
    if what == "says so":
        _C.run_recorded(x)
    ctypes.string_at(address, 4 * elements)
    print("read")
"""


SHARED = """
    import threading, torch
    x, w = (torch.ones(256, 256).to("hologram") for _ in range(2))

    def write():
        for round_ in range(400):
            w.mul_(0.5)
            if round_ % 20 == 0:
                w.sum().item()

    def read():
        for _ in range(60):
            (torch.mm(x, w), w.cpu(), torch.sort(w[:8]), w[3, 4].item(), w.tolist(), w.detach()[:2].numpy(force=True))

    threads = [threading.Thread(target=f) for f in (write, read, read)]
    [t.start() for t in threads]
    [t.join() for t in threads]
"""


@host_memory
def test_the_guard_serves_threads():
    """Who asks properly reads whenever he likes, while another thread records writes."""
    import os

    done = subprocess.run([sys.executable, "-c", textwrap.dedent(SHARED)], env={**os.environ, "HOLOGRAM_GUARD": "1"}, capture_output=True,
                          text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@deferred
@host_memory
@pytest.mark.parametrize("elements", [16, 3000, 100_000, 1 << 20], ids=["a slot", "a class", "classes", "linear"])
def test_the_guard_finds_them(elements):
    """HOLOGRAM_GUARD=1: who reads what is not there faults where he reads, whatever pool the memory is of."""
    import os

    def run(what):
        return subprocess.run([sys.executable, "-c", textwrap.dedent(GUARDED), what, str(elements)], env={**os.environ, "HOLOGRAM_GUARD": "1"},
                              capture_output=True, text=True, timeout=60)

    assert run("says nothing").returncode == -signal.SIGSEGV
    assert run("says so").stdout == "read\n"
