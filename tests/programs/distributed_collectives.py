"""Checks of every collective between two ranks, each against gloo on CPU tensors. Run by distributed_ranks.py."""

import os

import torch
import torch.distributed as dist

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


@check
def split_groups():
    t = torch.full((3,), float(rank() + 1), device=D)
    half = dist.split_group(split_ranks=[[0], [1]])
    assert half.size() == 1 and half.bound_device_id is None and dist.group.WORLD.bound_device_id is None
    dist.all_reduce(t, group=half)
    equal(t, torch.full((3,), float(rank() + 1)))
    both_of_us = dist.split_group(split_ranks=[[0, 1]])
    for device in (D, "cpu"):
        t = torch.full((3,), float(rank() + 1), device=device)
        dist.all_reduce(t, group=both_of_us)
        assert t.tolist() == [3, 3, 3]
    for again in (both_of_us, None):
        assert dist.split_group(parent_pg=again, split_ranks=[[0, 1]]).size() == 2
