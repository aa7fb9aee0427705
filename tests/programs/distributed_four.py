"""Checks with four processes: groups of groups, two-dimensional meshes, shards of unequal size. Run by distributed_ranks.py."""

import copy

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn

from tests.programs.distributed_collectives import D, equal, rank

FOUR = {}
N = 4


def check(function):
    FOUR[function.__name__] = function
    return function


def net(seed=0):
    """Sizes that four does not divide."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(7, 5), nn.Tanh(), nn.Linear(5, 3)).to(D)


def batch(step=0, features=7):
    return torch.randn(2 * N, features, generator=torch.Generator().manual_seed(step)).to(D)


def train_like_one(model, one, part=None, steps=3):
    """The model, on this rank's part of each batch, comes to what one process comes to with the whole."""
    part = rank() if part is None else part
    optimizers = [torch.optim.Adam(m.parameters(), lr=0.05) for m in (model, one)]
    for i in range(steps):
        for m, x, optimizer in zip((model, one), (batch(i)[2 * part:2 * part + 2], batch(i)), optimizers, strict=True):
            optimizer.zero_grad()
            m(x).square().mean().backward()
            optimizer.step()
    for p, expected in zip(model.parameters(), one.parameters(), strict=True):
        torch.testing.assert_close(whole(p), expected.detach().cpu(), rtol=1e-4, atol=1e-5)


def whole(t):
    return (t.full_tensor() if hasattr(t, "full_tensor") else t).detach().cpu()


def mesh_of(*sizes, **options):
    from torch.distributed.device_mesh import init_device_mesh

    return init_device_mesh(D, sizes, **options)


@check
def collectives():
    t = torch.full((3,), float(rank() + 1), device=D) * 2
    dist.all_reduce(t)
    equal(t, torch.full((3,), 20.0))
    parts = [torch.zeros(2, device=D) for _ in range(N)]
    dist.all_gather(parts, torch.full((2,), float(rank()), device=D))
    equal(torch.stack(parts), torch.arange(4.0)[:, None].expand(4, 2).contiguous())
    out = torch.zeros(2, device=D)
    dist.reduce_scatter_tensor(out, torch.arange(8.0, device=D) * (rank() + 1))
    equal(out, torch.arange(8.0)[2 * rank():2 * rank() + 2] * 10)


@check
def split_group():
    half = dist.split_group(split_ranks=[[0, 1], [2, 3]])
    t = torch.full((3,), float(rank() + 1), device=D)
    dist.all_reduce(t, group=half)
    equal(t, torch.full((3,), 3.0 if rank() < 2 else 7.0))
    alone = dist.split_group(parent_pg=half, split_ranks=[[0], [1]])
    dist.all_reduce(t, group=alone)
    equal(t, torch.full((3,), 3.0 if rank() < 2 else 7.0))
    pair = dist.split_group(split_ranks=[[1, 3]])
    assert (pair is not None) == (rank() in (1, 3))
    if pair is not None:
        assert dist.get_process_group_ranks(pair) == [1, 3]
        t = torch.full((2,), float(rank()))
        dist.all_reduce(t, group=pair)
        assert t.tolist() == [4, 4]


@check
def data_parallel():
    torch.manual_seed(rank())
    train_like_one(nn.parallel.DistributedDataParallel(net()), net())


@check
def fully_shard_with_uneven_shards():
    from torch.distributed.fsdp import fully_shard

    mesh, model = mesh_of(N), net()
    for layer in (model[0], model[2], model):
        fully_shard(layer, mesh=mesh)
    assert {tuple(p.shape) for p in model.parameters()} == {(5, 7), (5,), (3, 5), (3,)}
    assert len(model[2].bias.to_local()) == (1 if rank() < 3 else 0)
    train_like_one(model, net())


@check
def fully_shard_that_offloads_to_the_cpu():
    from torch.distributed.fsdp import CPUOffloadPolicy, fully_shard

    mesh, model = mesh_of(N), net().cpu()
    for layer in (model[0], model[2], model):
        fully_shard(layer, mesh=mesh, offload_policy=CPUOffloadPolicy())
    train_like_one(model, net())
    assert {p.to_local().device.type for p in model.parameters()} == {"cpu"}


@check
def a_mesh_of_two_by_two():
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor

    mesh = mesh_of(2, 2, mesh_dim_names=("dp", "tp"))
    t = torch.full((3,), float(rank() + 1), device=D)
    dist.all_reduce(t, group=mesh["tp"].get_group())
    equal(t, torch.full((3,), 3.0 if rank() < 2 else 7.0))
    dist.all_reduce(t, group=mesh["dp"].get_group())
    equal(t, torch.full((3,), 10.0))
    a = torch.arange(40.0).reshape(8, 5)
    x = distribute_tensor(a.to(D), mesh, [Shard(0), Shard(1)])
    assert x.to_local().shape == (4, 3 if rank() % 2 == 0 else 2)
    equal(x.full_tensor(), a)
    equal(x.redistribute(mesh, [Replicate(), Shard(0)]).full_tensor(), a)
    equal((x @ x.t()).full_tensor(), a @ a.t())


@check
def sharded_and_replicated():
    from torch.distributed.fsdp import fully_shard

    train_like_one(fully_shard(net(), mesh=mesh_of(2, 2, mesh_dim_names=("replicate", "shard"))), net())


@check
def sharded_and_tensor_parallel():
    from torch.distributed.fsdp import fully_shard
    from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module

    def model():
        torch.manual_seed(1)
        return nn.Sequential(nn.Linear(7, 8), nn.ReLU(), nn.Linear(8, 4)).to(D)

    mesh = mesh_of(2, 2, mesh_dim_names=("dp", "tp"))
    parts, one = parallelize_module(model(), mesh["tp"], {"0": ColwiseParallel(), "2": RowwiseParallel()}), model()
    fully_shard(parts, mesh=mesh["dp"])
    half = rank() // 2
    parts(batch()[4 * half:4 * half + 4]).square().mean().backward()
    one(batch()).square().mean().backward()
    for p, expected in zip(parts.parameters(), one.parameters(), strict=True):
        torch.testing.assert_close(whole(p.grad), expected.grad.cpu(), rtol=1e-4, atol=1e-5)


@check
def sequence_parallel():
    from torch.distributed.tensor import Shard
    from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, SequenceParallel, parallelize_module

    class MLP(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.up, self.drop, self.down = nn.LayerNorm(8), nn.Linear(8, 16), nn.Dropout(0.0), nn.Linear(16, 8)

        def forward(self, x):
            return self.drop(self.down(F.gelu(self.up(self.norm(x)))))

    torch.manual_seed(2)
    one = MLP().to(D)
    parts = parallelize_module(copy.deepcopy(one), mesh_of(N), {
        "norm": SequenceParallel(), "up": ColwiseParallel(input_layouts=Shard(1)),
        "down": RowwiseParallel(output_layouts=Shard(1), use_local_output=False), "drop": SequenceParallel()})
    x = torch.randn(2, 8, 8, generator=torch.Generator().manual_seed(3)).to(D)
    out, expected = parts(x.chunk(N, 1)[rank()].contiguous()), one(x)
    assert out.to_local().shape == (2, 2, 8)
    torch.testing.assert_close(whole(out), expected.detach().cpu(), rtol=1e-4, atol=1e-5)
    out.full_tensor().square().sum().backward()
    expected.square().sum().backward()
    for p, q in zip(parts.parameters(), one.parameters(), strict=True):
        torch.testing.assert_close(whole(p.grad), q.grad.cpu(), rtol=1e-4, atol=1e-4)


@check
def loss_parallel():
    from torch.distributed.tensor import Shard, distribute_tensor
    from torch.distributed.tensor.parallel import loss_parallel

    scores, classes = torch.randn(4, 8, generator=torch.Generator().manual_seed(3)), torch.tensor([1, 2, 3, 7])
    parts = distribute_tensor(scores.to(D), mesh_of(N), [Shard(1)]).requires_grad_()
    with loss_parallel():
        loss = F.cross_entropy(parts, classes.to(D))
        loss.backward()
    scores.requires_grad_()
    expected = F.cross_entropy(scores, classes)
    expected.backward()
    torch.testing.assert_close(whole(loss), expected.detach())
    torch.testing.assert_close(whole(parts.grad), scores.grad)
