"""One rank of a process group: runs every check below, and says of each one what failed. See test_distributed.py.

    python -m tests.programs.distributed_ranks RANK SIZE STORE BACKEND [CHECK ...]
"""

import copy
import datetime
import json
import os
import sys
import tempfile
import traceback
import warnings

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn

import hologram_torch
from hologram_core import _runtime as rt

CHECKS = {}
D = "hologram"


def check(function):
    CHECKS[function.__name__] = function
    return function


def rank():
    return dist.get_rank()


def data(shape, dtype=torch.float32, of=None, device="cpu"):
    """Numbers of a rank, the same on each device. Small integers: sums are exact in every type."""
    generator = torch.Generator().manual_seed(100 + (rank() if of is None else of))
    return torch.randint(0, 5, shape, generator=generator).to(dtype).to(device)


def equal(a, b, what=""):
    assert type(a) is type(b) and a.dtype == b.dtype, (what, a.dtype, b.dtype)
    assert a.device.type == D, (what, a.device)
    assert torch.equal(a.cpu(), b), (what, a.cpu(), b)


TYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int8, torch.uint8, torch.int32, torch.int64]


# ---- collectives: each on the device and on the CPU, with the same numbers ----

def both(run):
    """run(device) on both devices gives the same tensors."""
    ours, stock = run(D), run("cpu")
    for i, (a, b) in enumerate(zip(ours, stock, strict=True)):
        equal(a, b, i)


def of_each_type(run):
    for dtype in TYPES:
        if dtype is torch.float64 and hologram_torch.get_backend() == "metal":
            continue
        both(lambda device, dtype=dtype: run(device, dtype))


@check
def all_reduce():
    of_each_type(lambda device, dtype: [t := data((7, 3), dtype, device=device), dist.all_reduce(t)][:1])
    for op in (dist.ReduceOp.MAX, dist.ReduceOp.MIN, dist.ReduceOp.PRODUCT):
        both(lambda device, op=op: [t := data((9,), device=device), dist.all_reduce(t, op)][:1])
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        t = data((5,), dtype, device=D)
        dist.all_reduce(t, dist.ReduceOp.AVG)
        mean = torch.stack([data((5,), torch.float32, of=r) for r in range(dist.get_world_size())]).mean(0)
        equal(t, mean.to(dtype))


@check
def broadcast():
    of_each_type(lambda device, dtype: [t := data((4, 2), dtype, device=device), dist.broadcast(t, 1)][:1])


@check
def reduce():
    def run(device, dtype):
        t = data((11,), dtype, device=device)
        dist.reduce(t, 0)
        return [t] if rank() == 0 else []
    of_each_type(run)


@check
def all_gather():
    def run(device, dtype):
        parts = [torch.zeros(3, 2, dtype=dtype, device=device) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, data((3, 2), dtype, device=device))
        return parts
    of_each_type(run)


@check
def all_gather_into_tensor():
    def run(device, dtype):
        out = torch.zeros(3 * dist.get_world_size(), 2, dtype=dtype, device=device)
        dist.all_gather_into_tensor(out, data((3, 2), dtype, device=device))
        return [out]
    of_each_type(run)


@check
def gather_and_scatter():
    n = dist.get_world_size()

    def gathered(device, dtype):
        parts = [torch.zeros(3, dtype=dtype, device=device) for _ in range(n)] if rank() == 0 else None
        dist.gather(data((3,), dtype, device=device), parts, dst=0)
        return parts or []

    def scattered(device, dtype):
        out = torch.zeros(3, dtype=dtype, device=device)
        dist.scatter(out, [data((3,), dtype, of=r, device=device) for r in range(n)] if rank() == 1 else None, src=1)
        return [out]
    of_each_type(gathered)
    of_each_type(scattered)


@check
def reduce_scatter():
    n = dist.get_world_size()

    def lists(device):
        out = torch.zeros(3, device=device)
        dist.reduce_scatter(out, [data((3,), of=10 * rank() + r, device=device) for r in range(n)])
        return [out]

    def tensors(device):
        out = torch.zeros(3, device=device)
        dist.reduce_scatter_tensor(out, data((3 * n,), device=device))
        return [out]
    both(lists)
    both(tensors)


@check
def all_to_all():
    n = dist.get_world_size()

    def single(device):
        out = torch.zeros(2 * n, 3, device=device)
        dist.all_to_all_single(out, data((2 * n, 3), device=device))
        return [out]

    def uneven(device):
        sent = [1 + rank() for _ in range(n)]
        received = [1 + r for r in range(n)]
        out = torch.zeros(sum(received), device=device)
        dist.all_to_all_single(out, data((sum(sent),), device=device), received, sent)
        return [out]

    def lists(device):
        out = [torch.zeros(2, device=device) for _ in range(n)]
        dist.all_to_all(out, [data((2,), of=10 * rank() + r, device=device) for r in range(n)])
        return out
    for run in (single, uneven, lists):
        both(run)


@check
def coalesced():
    def run(device):
        ts = [data((k,), of=rank() + k, device=device) for k in (3, 5, 7)]
        with dist._coalescing_manager():
            for t in ts:
                dist.all_reduce(t)
        return ts
    both(run)
    group = dist.group.WORLD
    ts = [data((k,), of=rank() + k, device=D) for k in (3, 5)]
    options = dist.AllreduceCoalescedOptions()
    group.allreduce_coalesced(ts, options).wait()
    expected = [sum(data((k,), of=r + k) for r in range(dist.get_world_size())) for k in (3, 5)]
    for t, e in zip(ts, expected, strict=True):
        equal(t, e)


@check
def functional():
    import torch.distributed._functional_collectives as funcol

    group = dist.group.WORLD
    n = dist.get_world_size()
    both(lambda device: [funcol.all_reduce(data((6,), device=device), "sum", group) + 1])
    both(lambda device: [funcol.all_gather_tensor(data((2, 3), device=device), 0, group) * 2])
    both(lambda device: [funcol.reduce_scatter_tensor(data((2 * n, 3), device=device), "sum", 0, group) * 2])
    both(lambda device: [funcol.broadcast(data((3,), device=device), 0, group) * 2])
    both(lambda device: [funcol.all_to_all_single(data((2 * n,), device=device), None, None, group) * 2])
    both(lambda device: [t * 2 for t in funcol.all_reduce_coalesced([data((6,), device=device), data((2,), device=device)], "sum", group)])
    both(lambda device: [t * 2 for t in funcol.all_gather_into_tensor_coalesced([data((6,), device=device), data((2,), device=device)], group)])


@check
def point_to_point():
    other = 1 - rank()

    def run(device):
        t, out = data((50,), device=device) * 2 + 1, torch.zeros(50, device=device)
        if rank() == 0:
            dist.send(t, 1)
            dist.recv(out, 1)
        else:
            dist.recv(out, 0)
            dist.send(t, 0)
        return [out]

    def together(device):
        t, out = data((50,), device=device) * 3, torch.zeros(50, device=device)
        for work in dist.batch_isend_irecv([dist.P2POp(dist.isend, t, other), dist.P2POp(dist.irecv, out, other)]):
            work.wait()
        return [out]

    def from_any(device):
        if rank() == 0:
            dist.send(data((5,), device=device) + 1, 1)
            return []
        out = torch.zeros(5, device=device)
        assert dist.recv(out) == 0
        return [out]
    for run_one in (run, together, from_any):
        both(run_one)


@check
def objects_and_barriers():
    things = [None] * dist.get_world_size()
    dist.all_gather_object(things, {"rank": rank(), "t": torch.full((2,), float(rank()), device=D)})
    assert [t["rank"] for t in things] == [0, 1] and things[1]["t"].device.type == D
    box = [{"x": 3} if rank() == 0 else None]
    dist.broadcast_object_list(box, 0)
    assert box == [{"x": 3}]
    dist.barrier()
    dist.barrier(async_op=True).wait()
    if dist.get_backend() == "gloo":
        dist.monitored_barrier()


@check
def groups():
    group = dist.new_group([0, 1])
    t = data((5,), device=D)
    dist.all_reduce(t, group=group)
    equal(t, sum(data((5,), of=r) for r in range(2)))
    alone = dist.new_group([0])
    t = data((5,), device=D)
    if rank() == 0:
        dist.all_reduce(t, group=alone)
    equal(t, data((5,)))
    named = dist.new_group([0, 1], backend=D)
    assert dist.get_backend(named) == D
    for device in (D, "cpu"):
        t = data((5,), device=device)
        dist.all_reduce(t, group=named)
        assert torch.equal(t.cpu(), sum(data((5,), of=r) for r in range(2)))


# ---- with recorded ops ----

@check
def reads_what_is_recorded_and_orders_what_comes():
    n = dist.get_world_size()
    for _ in range(20):
        t = (data((100,), device=D) * 2 + 1).relu()
        dist.all_reduce(t)
        t = t * 0.5 + 1
        equal(t, sum(data((100,), of=r) * 2 + 1 for r in range(n)) * 0.5 + 1)


@check
def asynchronous():
    t, other = data((1000,), device=D) + 1, torch.ones(1000, device=D)
    work = dist.all_reduce(t, async_op=True)
    for _ in range(10):
        other = other * 2 - 1         # recorded, and run, meanwhile
    torch.hologram.synchronize()
    work.wait()
    assert work.is_completed() and work.is_success()
    equal(t, sum(data((1000,), of=r) + 1 for r in range(2)))
    equal(other, torch.ones(1000))
    t = data((1000,), device=D)
    future = dist.all_reduce(t, async_op=True).get_future()
    value, = future.wait()
    assert value.device.type == D and value.data_ptr() == t.data_ptr()
    # its tensors may be forgotten
    dist.all_reduce(torch.ones(1_000_000, device=D), async_op=True)
    work = dist.all_reduce(torch.ones(1_000_000, device=D), async_op=True)
    junk = [torch.zeros(1_000_000, device=D) for _ in range(3)]
    work.wait()
    assert all(bool((j == 0).all()) for j in junk)


@check
def nothing_is_exposed():
    """After a collective ops on its tensors are recorded and fused as before."""
    if not rt.recording() or os.environ.get("HOLOGRAM_SYNC") == "1":
        return

    def launches(t):
        torch.hologram.synchronize()
        before = rt.counters()["launched"]
        for _ in range(8):
            t = t * 1.5 + 1
        torch.hologram.synchronize()
        return rt.counters()["launched"] - before
    t = torch.ones(1000, device=D)
    launches(t)
    alone = launches(t)
    for collective in (dist.all_reduce, lambda t: dist.broadcast(t, 0), lambda t: dist.all_reduce(t, async_op=True).wait()):
        collective(t)
    assert launches(t) == alone


@check
def refuses_to_be_captured():
    t = torch.ones(3, device=D)
    g = torch.hologram.Graph()
    try:
        with torch.hologram.graph(g):
            dist.all_reduce(t)
    except RuntimeError as error:
        assert "collective cannot be part of a graph" in str(error) or "cannot be captured" in str(error), error
    else:
        raise AssertionError("was captured")
    dist.all_reduce(t)
    equal(t, torch.full((3,), 2.0))


# ---- data parallel ----

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.norm, self.b = nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Linear(16, 4)
        self.unused = nn.Linear(2, 2)

    def forward(self, x):
        return self.b(self.norm(self.a(x)).relu())


def batches(n, of):
    generator = torch.Generator().manual_seed(of)
    return [(torch.randn(6, 8, generator=generator), torch.randint(0, 4, (6,), generator=generator)) for _ in range(n)]


def train(model, device, steps=4, of=None):
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1, momentum=0.9)
    losses = []
    for x, y in batches(steps, rank() if of is None else of):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x.to(device)), y.to(device))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def replicas_agree(model):
    for p in model.parameters():
        parts = [torch.empty_like(p) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, p.detach().contiguous())
        assert torch.equal(parts[0].cpu(), parts[1].cpu())


@check
def ddp():
    from torch.distributed.algorithms.ddp_comm_hooks import default_hooks

    for options in ({"find_unused_parameters": True}, {"find_unused_parameters": True, "gradient_as_bucket_view": True},
                    {"static_graph": True}, {"find_unused_parameters": True, "broadcast_buffers": False}):
        results = {}
        for device in ("cpu", D):
            torch.manual_seed(0)
            model = nn.parallel.DistributedDataParallel(Net().to(device), **options)
            results[device] = train(model, device)
            replicas_agree(model)
        assert torch.allclose(torch.tensor(results["cpu"]), torch.tensor(results[D]), atol=1e-5), (options, results)
    for hook in (default_hooks.allreduce_hook, default_hooks.fp16_compress_hook):
        torch.manual_seed(0)
        model = nn.parallel.DistributedDataParallel(Net().to(D), find_unused_parameters=True)
        model.register_comm_hook(None, hook)
        assert all(torch.isfinite(torch.tensor(train(model, D))))
        replicas_agree(model)
    torch.manual_seed(0)
    model = nn.parallel.DistributedDataParallel(Net().to(D), device_ids=[0], find_unused_parameters=True)
    with model.no_sync():
        model(batches(1, 0)[0][0].to(D)).sum().backward()
    model(batches(1, 0)[0][0].to(D)).sum().backward()


@check
def ddp_with_uneven_inputs():
    torch.manual_seed(0)
    model = nn.parallel.DistributedDataParallel(nn.Linear(8, 4).to(D))
    with model.join():
        train(model, D, steps=2 + 2 * rank())
    replicas_agree(model)


@check
def sync_batch_norm():
    torch.manual_seed(0)
    ours = nn.SyncBatchNorm.convert_sync_batchnorm(nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16))).to(D)
    whole = copy.deepcopy(ours).cpu()
    whole = nn.Sequential(whole[0], nn.BatchNorm1d(16))
    parts = [batches(1, r)[0][0] for r in range(2)]
    out = ours(parts[rank()].to(D))
    expected = whole(torch.cat(parts))[6 * rank():6 * rank() + 6]
    assert torch.allclose(out.cpu(), expected, atol=1e-5)


@check
def zero_redundancy_optimizer():
    from torch.distributed.optim import ZeroRedundancyOptimizer

    torch.manual_seed(0)
    model = nn.parallel.DistributedDataParallel(nn.Linear(8, 4).to(D))
    optimizer = ZeroRedundancyOptimizer(model.parameters(), torch.optim.Adam, lr=0.01)
    for x, y in batches(3, rank()):
        optimizer.zero_grad()
        F.cross_entropy(model(x.to(D)), y.to(D)).backward()
        optimizer.step()
    replicas_agree(model)


@check
def fully_shard():
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import MixedPrecisionPolicy
    from torch.distributed.fsdp import fully_shard as shard

    mesh = init_device_mesh(D, (2,))

    def sharded(model, **options):
        for layer in model:
            if isinstance(layer, nn.Linear):
                shard(layer, mesh=mesh, **options)
        return shard(model, mesh=mesh, **options)

    def net():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4)).to(D)
    reference = nn.parallel.DistributedDataParallel(net())
    expected = train(reference, D)
    model = sharded(net())
    assert torch.allclose(torch.tensor(train(model, D)), torch.tensor(expected), atol=1e-5)
    assert all(p.to_local().device.type == D for p in model.parameters())
    mixed = sharded(net(), mp_policy=MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32))
    optimizer = torch.optim.AdamW(mixed.parameters(), lr=0.01)
    F.cross_entropy(mixed(batches(1, rank())[0][0].to(D)).float(), batches(1, rank())[0][1].to(D)).backward()
    norm = nn.utils.clip_grad_norm_(mixed.parameters(), 0.1)
    assert torch.isfinite(norm.full_tensor() if hasattr(norm, "full_tensor") else norm)
    optimizer.step()
    with torch.device("meta"):
        late = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    sharded(late)
    late.to_empty(device=D)
    for layer in late:
        if isinstance(layer, nn.Linear):
            layer.reset_parameters()
    train(late, D)


@check
def fully_shard_of_a_cpu_module():
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard as shard

    model = shard(nn.Linear(8, 4), mesh=init_device_mesh("cpu", (2,)))
    train(model, "cpu")
    assert all(p.to_local().device.type == "cpu" for p in model.parameters())


@check
def fsdp1():
    from torch.distributed.fsdp import FullyShardedDataParallel

    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = FullyShardedDataParallel(nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4)).to(D), use_orig_params=True)
        assert all(torch.isfinite(torch.tensor(train(model, D))))


# ---- tensors over ranks ----

@check
def dtensor():
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor, randn

    mesh = init_device_mesh(D, (2,))
    torch.manual_seed(3)
    a, b = torch.randn(8, 6), torch.randn(6, 4)
    x, w = distribute_tensor(a.to(D), mesh, [Shard(0)]), distribute_tensor(b.to(D), mesh, [Replicate()])
    y = x @ w
    assert y.to_local().shape == (4, 4)
    assert torch.allclose(y.full_tensor().cpu(), a @ b, atol=1e-5)
    assert torch.allclose(y.redistribute(mesh, [Shard(1)]).full_tensor().cpu(), a @ b, atol=1e-5)
    assert abs(y.sum().full_tensor().item() - (a @ b).sum().item()) < 1e-3
    noise = randn(100, 4, device_mesh=mesh, placements=[Shard(0)])
    assert noise.full_tensor().unique().numel() > 390
    assert F.dropout(noise, 0.5).full_tensor().shape == (100, 4)


@check
def tensor_parallel():
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor.parallel import (
        ColwiseParallel,
        RowwiseParallel,
        SequenceParallel,
        parallelize_module,
    )

    mesh = init_device_mesh(D, (2,), mesh_dim_names=("tp",))
    torch.manual_seed(0)
    whole = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    parts = parallelize_module(copy.deepcopy(whole).to(D), mesh, {"0": ColwiseParallel(), "2": RowwiseParallel()})
    x = torch.randn(6, 8)
    out = parts(x.to(D))
    out.square().sum().backward()
    expected = whole(x)
    expected.square().sum().backward()
    assert torch.allclose(out.detach().cpu(), expected.detach(), atol=1e-5)
    assert torch.allclose(parts[0].weight.grad.full_tensor().cpu(), whole[0].weight.grad, atol=1e-4)
    assert torch.allclose(parts[2].weight.grad.full_tensor().cpu(), whole[2].weight.grad, atol=1e-4)
    norm = parallelize_module(nn.LayerNorm(8).to(D), mesh, SequenceParallel())
    x = torch.randn(2, 6, 8)
    mine = norm(x[:, 3 * rank():3 * rank() + 3].contiguous().to(D))
    mine = mine.full_tensor() if hasattr(mine, "full_tensor") else mine
    assert torch.allclose(mine.detach().cpu(), F.layer_norm(x, (8,)), atol=1e-5)


@check
def pipeline():
    from torch.distributed.pipelining import PipelineStage, ScheduleGPipe

    torch.manual_seed(0)
    stages = [nn.Linear(8, 8), nn.Linear(8, 4)]
    x, y = torch.randn(8, 8), torch.randn(8, 4)
    stage = PipelineStage(copy.deepcopy(stages[rank()]).to(D), rank(), 2, torch.device(D))
    schedule = ScheduleGPipe(stage, n_microbatches=4, loss_fn=F.mse_loss)
    losses = []
    if rank() == 0:
        schedule.step(x.to(D))
    else:
        schedule.step(target=y.to(D), losses=losses)
        expected = F.mse_loss(nn.Sequential(*stages)(x), y)
        assert abs(torch.stack([loss.detach().cpu() for loss in losses]).mean() - expected.detach()) < 1e-5


@check
def two_meshes():
    from torch.distributed.device_mesh import init_device_mesh

    mesh = init_device_mesh(D, (2, 1), mesh_dim_names=("dp", "tp"))
    t = torch.full((3,), float(rank() + 1), device=D)
    dist.all_reduce(t, group=mesh["dp"].get_group())
    equal(t, torch.full((3,), 3.0))
    dist.all_reduce(t, group=mesh["tp"].get_group())
    equal(t, torch.full((3,), 3.0))


@check
def checkpoints():
    import torch.distributed.checkpoint as dcp
    from torch.distributed.checkpoint.state_dict import get_model_state_dict, set_model_state_dict
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard as shard

    box = [tempfile.mkdtemp() if rank() == 0 else None]
    dist.broadcast_object_list(box, 0)
    mesh = init_device_mesh(D, (2,))
    for save in (lambda state, path: dcp.save(state, checkpoint_id=path),
                 lambda state, path: dcp.async_save(state, checkpoint_id=path).result()):
        path = f"{box[0]}/{save.__code__.co_firstlineno}"
        torch.manual_seed(1)
        model = shard(nn.Linear(8, 4).to(D), mesh=mesh)
        state = get_model_state_dict(model)
        save(state, path)
        dist.barrier()
        torch.manual_seed(2)
        other = shard(nn.Linear(8, 4).to(D), mesh=mesh)
        loaded = get_model_state_dict(other)
        dcp.load(loaded, checkpoint_id=path)
        set_model_state_dict(other, loaded)
        for a, b in zip(model.parameters(), other.parameters(), strict=True):
            assert torch.equal(a.full_tensor().cpu(), b.full_tensor().cpu()) and b.to_local().device.type == D


@check
def compiled():
    torch.manual_seed(0)
    model = nn.parallel.DistributedDataParallel(nn.Linear(8, 4).to(D))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        losses = train(torch.compile(model), D)
    torch.manual_seed(0)
    again = train(nn.parallel.DistributedDataParallel(nn.Linear(8, 4).to(D)), D)
    assert torch.allclose(torch.tensor(losses), torch.tensor(again), atol=1e-5)


def main():
    rank_, size, store, backend, *names = sys.argv[1:]
    options = {} if backend == "none" else {"device_id": torch.device(D, 0)} if backend == "device_id" else {"backend": backend}
    os.environ.update(RANK=rank_, WORLD_SIZE=size, LOCAL_RANK=rank_, LOCAL_WORLD_SIZE=size)
    dist.init_process_group(store=dist.FileStore(store, int(size)), rank=int(rank_), world_size=int(size),
                            timeout=datetime.timedelta(seconds=60), **options)
    torch.zeros(1, device=D)
    print("BACKEND", hologram_torch.get_backend(), flush=True)
    for name in names or CHECKS:
        try:
            CHECKS[name]()
            failure = None
        except Exception:
            failure = traceback.format_exc()
        print("RESULT", json.dumps([name, failure]), flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
