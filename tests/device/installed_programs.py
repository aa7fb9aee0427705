"""Programs that do without the device. Run as a script, it writes what each of them does, as JSON, to standard output:
test_installed.py runs it in a process with the plug-in and in one without, and compares.

A program returns values; what it raises and what it warns of counts as well.
"""

import contextlib
import io
import json
import os
import pickle
import socket
import sys
import tempfile
import warnings

import torch
from torch import nn

PROGRAMS = {}       # in one process
OF_RANKS = {}       # in each of two, under gloo


def program(f):
    PROGRAMS[f.__name__] = f
    return f


def of_ranks(f):
    OF_RANKS[f.__name__] = f
    return f


def model():
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.25), nn.GELU(), nn.Linear(8, 2))


def batch():
    return torch.arange(12.0).view(3, 4) / 7


def train(net, optimizer, steps=3):
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = net(batch()).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def places(net):
    return sorted({str(t.device) for t in (*net.parameters(), *net.buffers())})


def full(t):
    return t.full_tensor() if hasattr(t, "full_tensor") else t


def values(net):
    return [full(p).detach().double().sum().item() for p in net.parameters()]


def attempt(f):
    try:
        return f()
    except Exception as error:
        return [type(error).__name__, str(error)]


# ---- processes and their groups ----

def alone(environment=False):
    import torch.distributed as dist

    if environment:      # what torchrun gives a script
        with socket.socket() as s:
            s.bind(("localhost", 0))
            port = s.getsockname()[1]
        os.environ.update(RANK="0", WORLD_SIZE="1", LOCAL_RANK="0", MASTER_ADDR="localhost", MASTER_PORT=str(port))
        return
    dist.init_process_group(init_method=f"file://{tempfile.mkdtemp()}/store", rank=0, world_size=1)


def group_facts():
    import torch.distributed as dist

    group = dist.group.WORLD
    t = torch.ones(3)
    dist.all_reduce(t)
    dist.barrier()
    dist.barrier(device_ids=[0])
    objects = [None] * dist.get_world_size()
    dist.all_gather_object(objects, {"rank": dist.get_rank()})
    return [dist.get_backend(), sorted(map(str, group._device_types)), t.tolist(), objects, dist.get_backend_config(group)]


@program
def group_without_a_backend():
    import torch.distributed as dist

    alone()
    try:
        return [group_facts(), dist.get_backend(dist.new_group([0])), attempt(lambda: dist.split_group(split_ranks=[[0]])),
                attempt(lambda: dist.shrink_group([0]))]
    finally:
        dist.destroy_process_group()


@program
def group_bound_to_the_cpu():
    import torch.distributed as dist
    from torch.distributed.device_mesh import init_device_mesh

    dist.init_process_group("gloo", init_method=f"file://{tempfile.mkdtemp()}/store", rank=0, world_size=1, device_id=torch.device("cpu"))
    try:
        mesh = init_device_mesh("cpu", (1, 1), mesh_dim_names=("a", "b"))
        return [group_facts(), str(mesh), mesh["a"].size()]
    finally:
        dist.destroy_process_group()


@program
def a_script_of_torchrun():
    import torch.distributed as dist

    alone(environment=True)
    dist.init_process_group()
    try:
        return group_facts()
    finally:
        dist.destroy_process_group()


@program
def mesh_without_a_group():
    import torch.distributed as dist
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import Shard, distribute_tensor

    alone(environment=True)
    mesh = init_device_mesh("cpu", (1,))
    try:
        t = distribute_tensor(torch.arange(6.0).view(3, 2), mesh, [Shard(0)])
        return [str(mesh), group_facts(), (t @ t.T).full_tensor().tolist()]
    finally:
        dist.destroy_process_group()


@program
def processes_of_torchrun():
    from torch.distributed.run import determine_local_world_size

    return [determine_local_world_size(n) for n in ("auto", "cpu", "2")]


@program
def sharded_by_one_without_a_group():
    import torch.distributed as dist
    from torch.distributed.fsdp import fully_shard

    alone(environment=True)
    net = fully_shard(model())
    try:
        return [places(net), train(net, torch.optim.AdamW(net.parameters())), values(net)]
    finally:
        dist.destroy_process_group()


@of_ranks
def sharded_by_two():
    from torch.distributed.fsdp import fully_shard

    net = model()
    fully_shard(net[0])
    fully_shard(net)
    return [places(net), train(net, torch.optim.AdamW(net.parameters())), values(net), type(net[0].weight).__name__]


@of_ranks
def replicated():
    from torch.nn.parallel import DistributedDataParallel as DDP

    net = DDP(model())
    return [places(net), train(net, torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)), values(net)]


@of_ranks
def sharded_the_old_way():
    from torch.distributed.fsdp import FullyShardedDataParallel as FSDP

    return attempt(lambda: places(FSDP(model())))


@of_ranks
def averaged():
    import torch.distributed as dist
    from torch.distributed.algorithms.model_averaging.utils import average_parameters

    net = nn.Linear(2, 2)
    nn.init.constant_(net.weight, float(dist.get_rank()))
    average_parameters(net.parameters(), dist.group.WORLD)
    return net.weight.tolist()


@of_ranks
def checkpoint_of_two():
    import torch.distributed as dist
    import torch.distributed.checkpoint as dcp
    from torch.distributed.checkpoint.state_dict import get_model_state_dict
    from torch.distributed.fsdp import fully_shard

    where = [tempfile.mkdtemp() if dist.get_rank() == 0 else None]
    dist.broadcast_object_list(where)
    net = fully_shard(model())
    state = get_model_state_dict(net)
    dcp.save(state, checkpoint_id=where[0] + "/a")
    again = {k: torch.zeros_like(v) for k, v in state.items()}
    dcp.load(again, checkpoint_id=where[0] + "/a")
    dcp.async_save(state, checkpoint_id=where[0] + "/b").result()
    return [sorted(os.listdir(where[0] + "/a")), sorted(os.listdir(where[0] + "/b")), [full(v).sum().item() for v in again.values()]]


@of_ranks
def group_facts_of_two():
    return group_facts()


# ---- data parallel ----

@program
def data_parallel():
    net = nn.DataParallel(model().eval())
    out = net(batch())
    functional = attempt(lambda: nn.parallel.data_parallel(model().eval(), batch()).tolist())
    return [places(net), net.device_ids, str(out.device), out.tolist(), list(net.state_dict()), functional,
            attempt(lambda: nn.DataParallel(model().eval(), device_ids=[0])(batch()).tolist())]


# ---- data ----

@program
def loader():
    from torch.utils.data import DataLoader, TensorDataset

    out = []
    for workers in (0, 2):
        data = DataLoader(TensorDataset(torch.arange(8.0), torch.arange(8)), batch_size=3, pin_memory=True, num_workers=workers)
        out += [[t.tolist(), t.is_pinned(), str(t.device)] for items in data for t in items]
    return out


@program
def backward_before_and_after_a_fork():
    w = torch.ones(3, requires_grad=True)
    (w * 2).sum().backward()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, json.dumps(attempt(lambda: [(w * 3).sum().backward(), w.grad.tolist()])).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    return json.loads(os.read(reader, 4096))


@program
def shared_memory():
    t = torch.ones(3)
    return [t.is_shared(), t.share_memory_().is_shared(), t.tolist(), t.is_pinned()]


# ---- training ----

@program
def optimizers():
    out = []
    for kind in (torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD, torch.optim.Adagrad, torch.optim.RMSprop):
        net = model()
        optimizer = kind(net.parameters(), lr=0.01)
        losses = train(net, optimizer)
        state = optimizer.state_dict()
        optimizer.load_state_dict(state)
        out.append([losses, values(net), str(state["param_groups"]), len(pickle.dumps(optimizer.__dict__)), train(net, optimizer)])
    return out


@program
def checkpointing():
    from torch.utils.checkpoint import checkpoint

    out = []
    for reentrant in (False, True):
        for cast in (contextlib.nullcontext(), torch.autocast("cpu", torch.bfloat16)):
            net = model()
            x = batch().requires_grad_()
            with cast:
                y = checkpoint(net, x, use_reentrant=reentrant)
            y.float().sum().backward()
            out.append([y.tolist(), str(y.dtype), x.grad.tolist(), net[0].weight.grad.tolist()])
    return out


@program
def random_numbers():
    torch.manual_seed(5)
    with torch.random.fork_rng():
        inside = [torch.rand(2).tolist(), torch.randn(2).tolist()]
        torch.manual_seed(9)
    return [inside, torch.rand(2).tolist(), torch.initial_seed(), torch.randperm(5).tolist(), torch.get_rng_state().sum().item()]


@program
def autocast_and_scaler():
    net, scaler = model().eval(), torch.amp.GradScaler()
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    with torch.autocast("cpu"):
        loss = net(batch()).float().sum()
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
    own = torch.amp.GradScaler("cpu", init_scale=4.0)
    return [loss.item(), values(net), scaler.is_enabled(), own.scale(loss.detach()).item(), str(torch.get_autocast_dtype("cpu")),
            torch.is_autocast_enabled()]


# ---- compiling, tracing, exporting ----

@program
def compiled():
    out = []
    for backend in ("eager", "aot_eager"):
        net = model().eval()
        step = torch.compile(net, backend=backend)
        y = step(batch())
        y.sum().backward()
        out.append([y.tolist(), str(y.device), net[0].weight.grad.tolist(), torch.compile(lambda: torch.ones(3) + 1, backend=backend)().tolist()])
    return out


@program
def a_compiled_step():
    from torch._dynamo.utils import counters

    net = model().eval()
    optimizer = torch.optim.Adam(net.parameters())

    def step(x):
        optimizer.zero_grad()
        loss = net(x).square().sum()
        loss.backward()
        optimizer.step()
        return loss

    counters.clear()
    compiled = torch.compile(step, backend="eager")
    return [[compiled(batch()).item() for _ in range(3)], values(net), dict(counters["stats"]),
            sorted(reason.split("Explanation")[0] for reason in counters["graph_break"])]


@program
def exported():
    made = torch.export.export(model().eval(), (batch(),))
    file = io.BytesIO()
    torch.export.save(made, file)
    file.seek(0)
    return [made.graph_module.code, made.module()(batch()).tolist(), torch.export.load(file).module()(batch()).tolist()]


@program
def scripted():
    traced, scripted = torch.jit.trace(model().eval(), batch()), torch.jit.script(model().eval())
    file = io.BytesIO()
    torch.jit.save(scripted, file)
    file.seek(0)
    return [str(traced.code), scripted(batch()).tolist(), torch.jit.load(file)(batch()).tolist()]


@program
def fakes():
    from torch._subclasses import FakeTensorMode

    with FakeTensorMode():
        made = torch.empty(3, device="cuda") + torch.ones(3, device="cuda:0")
        here = model()(batch())
    return [str(made.device), str(here.device), list(here.shape)]


@program
def masks():
    from torch.nn.attention.flex_attention import create_block_mask, create_mask, flex_attention

    def causal(b, h, q, k):
        return q >= k

    torch.manual_seed(1)
    q, k, v = (torch.randn(1, 2, 128, 8) for _ in range(3))
    mask = create_block_mask(causal, 1, 1, 128, 128)
    return [str(mask.kv_indices.device), str(create_mask(causal, 1, 1, 4, 4).device),
            torch.compile(flex_attention, backend="eager")(q, k, v, block_mask=mask).sum().item()]


# ---- looking at programs ----

@program
def profiled():
    with torch.profiler.profile() as own:
        batch().exp().sum()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True, record_shapes=True) as cpu:
        batch().exp().sum()
    with torch.autograd.profiler.profile() as old:
        batch().exp().sum()
    return [[[e.key, e.count] for e in p.key_averages()] for p in (own, cpu, old)] + [sorted(map(str, torch.profiler.supported_activities())),
                                                                                      own.use_device]


@program
def timed():
    from torch.utils.benchmark import Language, Timer

    return [Timer("1 + 1").timeit(2).number_per_run, attempt(lambda: type(Timer("int x = 1;", language=Language.CPP)).__name__)]


@program
def staged():
    from torch.distributed.checkpoint.staging import DefaultStager, StagingOptions

    return attempt(lambda: type(DefaultStager(StagingOptions(False, False, False, True))).__name__)


@program
def defaults():
    return [str(torch.get_default_device()), torch.get_num_threads(), torch.get_num_interop_threads(), repr(batch()), str(torch.empty(0).device),
            torch.tensor([1.0]).type(), torch.optim.Adam.__name__, torch.accelerator.current_accelerator.__name__]


@program
def files():
    net = model()
    optimizer = torch.optim.Adam(net.parameters())
    train(net, optimizer, 1)
    things = {"state": net.state_dict(), "optimizer": optimizer.state_dict(), "device": torch.device("cpu"), "other": torch.device("cuda", 1)}
    file = io.BytesIO()
    torch.save(things, file)
    file.seek(0)
    again = torch.load(file)
    return [pickle.dumps(things["device"]).hex(), str(again["device"]), str(again["other"]), pickle.dumps(net)[:4000].hex() and len(pickle.dumps(net)),
            len(pickle.dumps(optimizer))]


def observed(f):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = attempt(f)
    return {"result": result, "warnings": sorted({f"{w.category.__name__}: {w.message}" for w in caught})}


def rank(index, path, queue):
    import torch.distributed as dist

    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{path}/store", rank=index, world_size=2)
    queue.put((index, {name: observed(f) for name, f in OF_RANKS.items()}))
    dist.barrier()
    dist.destroy_process_group()


def main():
    torch.set_num_threads(1)
    report = {name: observed(f) for name, f in PROGRAMS.items()}
    with tempfile.TemporaryDirectory() as path:
        spawn = torch.multiprocessing.get_context("spawn")
        queue = spawn.Queue()
        processes = [spawn.Process(target=rank, args=(index, path, queue)) for index in range(2)]
        for p in processes:
            p.start()
        for _ in processes:
            index, found = queue.get(timeout=240)
            report.update({f"{name}, rank {index}": what for name, what in found.items()})
        for p in processes:
            p.join()
    report["the plug-in"] = [hasattr(torch, "hologram"), "hologram_torch" in sys.modules and sys.modules["hologram_torch._C"].in_use()]
    print("REPORT " + json.dumps(report, default=lambda value: type(value).__name__))     # a process group, in torch 2.15


if __name__ == "__main__":
    if os.environ.get("WITH_HOLOGRAM") == "1":
        import hologram_torch  # noqa: F401
    main()
