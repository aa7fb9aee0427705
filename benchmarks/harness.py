"""Two ways of doing the same thing, timed in one process: short batches of each, alternating.

On a shared machine an absolute time proves little, and two runs one after the other can meet two different machines.
Alternating batches meet the same one; the median of the ratios of neighbouring batches is what is reported.
"""

import timeit
from dataclasses import dataclass
from statistics import median

import torch

BATCH_SECONDS = 0.004      # long against the clock's resolution, short against the machine's moods


@dataclass
class Comparison:
    """Median seconds per call on the CPU device and on hologram, and how many times faster hologram is."""

    cpu: float
    hologram: float
    ratio: float
    low: float        # quartiles of the ratio
    high: float
    batches: int


def calls_per_batch(timer):
    """How many calls fill a batch; warms up (and compiles) on the way."""
    timer.timeit(2)
    calls = 1
    while (elapsed := timer.timeit(calls)) < BATCH_SECONDS / 4:
        calls *= 4
    return max(1, round(calls * BATCH_SECONDS / elapsed))


def compare(statement, cpu, hologram, seconds=1.0, least=9):
    """Times `statement` with the names in `cpu` and in `hologram`: `least` pairs of batches and about `seconds`."""
    stock, ours = timeit.Timer(statement, globals=cpu), timeit.Timer(statement, globals=hologram)
    stock_calls, our_calls = calls_per_batch(stock), calls_per_batch(ours)

    def stock_batch():
        return stock.timeit(stock_calls) / stock_calls

    def our_batch():
        # The wait for the device belongs to the batch: work that was only recorded is not done.
        return (ours.timeit(our_calls) + timeit.timeit(torch.hologram.synchronize, number=1)) / our_calls

    pairs, deadline = [], timeit.default_timer() + seconds
    while len(pairs) < least or timeit.default_timer() < deadline:
        if len(pairs) % 2:       # neither is always the one that follows the other
            b, a = our_batch(), stock_batch()
        else:
            a, b = stock_batch(), our_batch()
        pairs.append((a, b))
    ratios = sorted(a / b for a, b in pairs)
    quarter = len(ratios) // 4
    return Comparison(median(a for a, _ in pairs), median(b for _, b in pairs), median(ratios), ratios[quarter],
                      ratios[-1 - quarter], len(pairs))
