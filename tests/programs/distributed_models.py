"""Checks of what stands on collectives, with two ranks: data parallel, sharded and distributed models, checkpoints."""

import copy
import tempfile
import warnings

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn

from tests.programs.distributed_collectives import D, check, equal, rank

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
