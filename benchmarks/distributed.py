"""Collectives between processes of this machine, on the device and on CPU tensors, alternating in one run; a DDP step of a small GPT on
both; and from these measurements how long a step takes on many machines.

    python -m benchmarks.distributed [--ranks 2] [--latency US] [--bandwidth GB_PER_S]

Predicted: a step in one process plus what its collectives take by the usual model of a ring (Thakur, Rabenseifner and Gropp 2005):
all_reduce of b bytes over n ranks 2 (n - 1) (latency + b / (n bandwidth)), all_gather and reduce_scatter half of that. Latency and
bandwidth are this machine's, measured, or those of the network that is named. The prediction is checked on this machine's ranks.
"""

import argparse
import os
import statistics
import tempfile
import time

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn

from benchmarks.steps import GPT

SIZES = {"4 KB": 1 << 10, "1 MB": 1 << 18, "64 MB": 1 << 24}     # elements of float32
NODES = (2, 4, 16, 64, 256, 1024)


def timed(run, calls):
    dist.barrier()
    start = time.perf_counter()
    for _ in range(calls):
        run()
    torch.hologram.synchronize()
    return (time.perf_counter() - start) / calls


def compare(stock, ours, calls, rounds=7):
    """Median seconds per call of both, and the median of the ratios of neighbouring rounds."""
    pairs = [(timed(stock, calls), timed(ours, calls)) for _ in range(rounds + 1)][1:]
    return (*(statistics.median(times) for times in zip(*pairs, strict=True)), statistics.median(a / b for a, b in pairs))


def step_of(device, parallel):
    torch.manual_seed(0)
    model = GPT(65, 64, 2, 4, 32).to(device)
    parts = nn.parallel.DistributedDataParallel(model) if parallel else model
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    x = torch.randint(0, 65, (8, 32)).to(device)
    y = torch.randint(0, 65, (256,)).to(device)

    def step():
        optimizer.zero_grad()
        F.cross_entropy(parts(x), y).backward()
        optimizer.step()
    for _ in range(5):
        step()
    return step, sum(p.numel() * 4 for p in model.parameters())


def predicted(alone, traffic, ranks, latency, bandwidth):
    """Seconds of a step on `ranks` ranks. `traffic`: (bytes, passes around the ring, messages) of each collective of a step."""
    return alone + sum(passes * (ranks - 1) * (messages * latency + size / ranks / bandwidth) for size, passes, messages in traffic)


def parallelisms(size):
    """What a step sends with each kind of parallelism: of one layer per message, where layers are sent alone."""
    return {
        "data (DDP)": [(size, 2, 1)],                                    # one all_reduce of the gradients
        "sharded (FSDP)": [(size, 1, 4), (size, 1, 4), (size, 1, 4)],    # all_gather forward and backward, reduce_scatter
    }


def work(rank, args, store):
    import hologram_torch  # noqa: F401

    torch.set_num_threads(1)
    dist.init_process_group(store=dist.FileStore(store, args.ranks), rank=rank, world_size=args.ranks)
    say = print if rank == 0 else lambda *_: None
    say(f"{args.ranks} ranks, one thread each\n\nall_reduce    CPU us  hologram us   CPU / hologram")
    times = {}
    for name, count in SIZES.items():
        tensors = [torch.ones(count, device=device) for device in ("cpu", "hologram")]
        calls = 200 if count < 1 << 15 else 20 if count < 1 << 20 else 3
        cpu, ours, ratio = compare(*(lambda t=t: dist.all_reduce(t, dist.ReduceOp.MAX) for t in tensors), calls)
        times[count * 4] = ours
        say(f"{name:>10} {cpu * 1e6:9.0f} {ours * 1e6:12.0f} {ratio:16.2f}")
    (stock, size), (ours, _) = (step_of(device, True) for device in ("cpu", "hologram"))
    cpu, own, ratio = compare(stock, ours, 20)
    say(f"\nDDP step, GPT 2 x 64: CPU {cpu * 1e3:.2f} ms, hologram {own * 1e3:.2f} ms, {ratio:.2f} times as fast")
    alone, _ = step_of("hologram", False)
    single = timed(alone, 20)
    small, large = min(times), max(times)
    n = args.ranks
    bandwidth = 2 * (n - 1) / n * (large - small) / (times[large] - times[small])
    latency = times[small] / (2 * (n - 1))
    guess = predicted(single, parallelisms(size)["data (DDP)"], n, latency, bandwidth)
    say(f"here: latency {latency * 1e6:.0f} us, bandwidth {bandwidth / 1e9:.2f} GB/s; the step predicted {guess * 1e3:.2f} ms, "
        f"measured {own * 1e3:.2f} ms ({own / guess:.2f})")
    if args.latency or args.bandwidth:
        latency, bandwidth = (args.latency or latency * 1e6) / 1e6, (args.bandwidth or bandwidth / 1e9) * 1e9
    say(f"\na step of {single * 1e3:.2f} ms with {size / 1e6:.2f} MB of parameters over {latency * 1e6:.0f} us and "
        f"{bandwidth / 1e9:.2f} GB/s, in ms")
    say(f"{'ranks':>16}" + "".join(f"{n:>9}" for n in NODES))
    for name, traffic in parallelisms(size).items():
        say(f"{name:>16}" + "".join(f"{predicted(single, traffic, n, latency, bandwidth) * 1e3:9.2f}" for n in NODES))
    dist.destroy_process_group()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--latency", type=float, help="of a network, in microseconds per message")
    parser.add_argument("--bandwidth", type=float, help="of a network, in GB/s per rank")
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(work, (args, f"{folder}/store"), nprocs=args.ranks)


if __name__ == "__main__":
    main()
