"""Trains the digit classifier in two processes that average their gradients, and compares with one process.

    python examples/09_ddp.py
    torchrun --nproc-per-node=2 examples/09_ddp.py        # the same by torch's own launcher

Each step takes one batch: two ranks take half of it each, one process the whole. The weights agree at the end, up to rounding.
"""

import argparse
import importlib.util
import os
import tempfile
import time
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from tqdm import tqdm

here = Path(__file__).parent
spec = importlib.util.spec_from_file_location("train_digits", here / "02_train_digits.py")
train_digits = importlib.util.module_from_spec(spec)
spec.loader.exec_module(train_digits)


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="hologram", choices=["hologram", "cpu"])
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--batch", type=int, default=64, help="of all ranks together")
    parser.add_argument("--ranks", type=int, default=2, help="processes that this one starts; torchrun's count goes before")
    return parser.parse_args()


def train(args, rank, ranks):
    """Trains rank's share of each batch; returns (weights on the CPU, accuracy, steps per second)."""
    torch.manual_seed(0)
    model = train_digits.build_model().to(args.device)
    images, labels, test_images, test_labels = (t.to(args.device) for t in train_digits.digits(seed=0))
    step_model = nn.parallel.DistributedDataParallel(model) if ranks > 1 else model
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    criterion = nn.CrossEntropyLoss()
    order = torch.Generator().manual_seed(0)
    batches = len(images) // args.batch          # whole ones: every rank's share is as large
    start = time.perf_counter()
    for _ in tqdm(range(args.epochs), desc=f"{ranks} rank{'s' * (ranks > 1)}", unit="epoch", disable=rank != 0):
        for chosen in torch.randperm(len(images), generator=order)[:batches * args.batch].split(args.batch):
            mine = chosen[rank::ranks].to(args.device)
            optimizer.zero_grad()
            loss = criterion(step_model(images[mine]), labels[mine])
            loss.backward()
            optimizer.step()
    weights = [p.detach().cpu() for p in model.parameters()]
    seconds = time.perf_counter() - start
    return weights, train_digits.accuracy(model, test_images, test_labels), args.epochs * batches / seconds


def work(rank, args, ranks, store):
    if args.device == "hologram":
        import hologram_torch  # noqa: F401
    if store:
        dist.init_process_group(store=dist.FileStore(store, ranks), rank=rank, world_size=ranks)
    else:
        dist.init_process_group()                # torchrun says the rest
    weights, accuracy, speed = train(args, rank, ranks)
    for mine in weights:                         # every rank has the same weights, bit for bit
        others = mine.clone()
        dist.broadcast(others, 0)
        assert torch.equal(mine, others)
    dist.barrier()
    dist.destroy_process_group()
    if rank == 0:
        alone, alone_accuracy, alone_speed = train(args, 0, 1)
        apart = max((a - b).abs().max().item() for a, b in zip(weights, alone, strict=True))
        print(f"{ranks} ranks: accuracy {accuracy:.4f}, {speed:.0f} steps/s")
        print(f"1 process: accuracy {alone_accuracy:.4f}, {alone_speed:.0f} steps/s")
        print(f"largest difference of a weight: {apart:.1e}")


def main():
    args = options()
    if "LOCAL_RANK" in os.environ:
        return work(int(os.environ["RANK"]), args, int(os.environ["WORLD_SIZE"]), None)
    os.environ.setdefault("OMP_NUM_THREADS", "1")       # each rank's share of the cores
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(work, (args, args.ranks, f"{folder}/store"), nprocs=args.ranks)


if __name__ == "__main__":
    main()
