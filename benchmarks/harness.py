"""Two ways of doing the same thing, timed in one process: short batches of each, alternating.

On a shared machine an absolute time proves little, and two runs one after the other can meet two different machines.
Alternating batches meet the same one; the median of the ratios of neighbouring batches is what is reported.
"""

import timeit
from dataclasses import dataclass
from statistics import median

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


def compare(statement, cpu, hologram, seconds=1.0, least=9, hologram_statement=None):
    """Times `statement` with the names in `cpu` and in `hologram`: `least` pairs of batches and about `seconds`.

    `names["inputs"]` is a list of dicts of further names: the statement runs once with each of them, every result is kept
    until all have run, and then the device is waited for. So nothing that was asked for can be left out, and small ops may
    wait for each other as in a program; with one dict each call is waited for. `hologram_statement`: if it is another one.
    """
    import torch

    stock, ours = _timer(statement, cpu, lambda: None), _timer(hologram_statement or statement, hologram, torch.hologram.synchronize)
    return alternate(stock, ours, seconds, least, len(cpu["inputs"]))


def alternate(stock, ours, seconds=1.0, least=9, count=1):
    """Times two `timeit.Timer`s, each of which does its work `count` times."""
    stock_calls, our_calls = calls_per_batch(stock), calls_per_batch(ours)

    def stock_batch():
        return stock.timeit(stock_calls) / (stock_calls * count)

    def our_batch():
        return ours.timeit(our_calls) / (our_calls * count)

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


def in_turn(runners, reference, rounds, seconds):
    """Batches of about `seconds` of several warm runners, one after the other, `rounds` times: by runner the median microseconds of a
    call, and how many times faster the runner `reference` is than each other. Both are pairs: wall time, CPU time.

    `runner.batch(n)` makes n calls and returns such a pair for one of them.
    """
    counts = {}
    for way, runner in runners.items():
        calls = max(1, round(1e6 * seconds / 4 / runner.batch(3)[0]))
        counts[way] = max(1, round(1e6 * seconds / runner.batch(calls)[0]))
    batches = [{way: runner.batch(counts[way]) for way, runner in runners.items()} for _ in range(rounds)]
    times = {way: [median(b[way][clock] for b in batches) for clock in (0, 1)] for way in runners}
    ratios = {way: [median(b[way][clock] / b[reference][clock] for b in batches) for clock in (0, 1)]
              for way in runners if way != reference}
    return times, ratios


def each_program(programs, threads, quick, only, progress):
    """Of the programs whose names hold `only`, with each number of threads: (name, threads, rounds)."""
    for number in at_threads(threads[:1] if quick else threads):
        for name in programs:
            if only.lower() in name.lower():
                progress(f"{name} ({number} threads)")
                yield name, number, 7 if quick else 25


def _timer(statement, names, wait):
    variables = ", ".join(names["inputs"][0])
    inputs = [tuple(one.values()) for one in names["inputs"]]
    return timeit.Timer(f"results = [{statement} for {variables}, in inputs]; wait()",
                        globals={**names, "inputs": inputs, "wait": wait})


def at_threads(threads):
    """Yields each number of threads, with PyTorch set to it; puts back what was set before."""
    import torch

    before = torch.get_num_threads()
    try:
        for number in threads:
            torch.set_num_threads(number)
            yield number
    finally:
        torch.set_num_threads(before)


def result_row(result, target, unit, **facts):
    """A comparison as a row of a report; `unit`: of its times, "us" or "ms"."""
    scale = {"us": 1e6, "ms": 1e3}[unit]
    return {**facts, f"cpu_{unit}": result.cpu * scale, f"hologram_{unit}": result.hologram * scale, "ratio": result.ratio,
            "low": result.low, "high": result.high, "target": target, "passed": result.ratio >= target}


def speed_cells(row):
    """The columns speed, quartiles, target and verdict of a row."""
    verdict = "pass" if row["passed"] else "miss"
    return f"{row['ratio']:.2f}x | {row['low']:.2f}-{row['high']:.2f} | {row['target']:.2f}x | {verdict}"


def options(doc, *flags):
    """The command line all benchmarks share, and `flags`: (name, arguments of add_argument)."""
    import argparse

    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    for name, arguments in flags:
        parser.add_argument(name, **arguments)
    return parser.parse_args()


ONLY = ("--filter", {"default": "", "help": "only cases whose name contains this"})
