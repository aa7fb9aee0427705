"""torch.compile on the device against the same program uncompiled there, and against Inductor on the CPU: batches of each in turn,
and how long the first call took, with all caches of kernels empty.

    python -m benchmarks.compiled [--quick] [--threads 1 2] [--filter GPT] [--no-inductor]
"""

import os
import sys
import tempfile
from dataclasses import dataclass

from benchmarks.harness import ONLY, each_program, in_turn, options


@dataclass
class Row:
    """A program's times by way of running it: microseconds (wall, CPU time) of a call, seconds to the end of the first one, and how
    many times faster it is compiled on the device."""

    name: str
    threads: int
    times: dict
    first: dict
    ratios: dict
    least: float | None


def ways(inductor):
    import torch

    uncompiled = lambda function: function
    found = {"compiled": ("hologram", torch.compile), "eager": ("hologram", uncompiled)}
    return {**found, "inductor": ("cpu", torch.compile)} if inductor else found


def started(name, device, compiler):
    """A program that is warm, and the seconds to the end of its first call."""
    import torch

    from benchmarks.compiled_programs import program
    from benchmarks.plans import Here

    step, arguments = program(name, device, compiler)
    runner = Here(step, arguments, torch.hologram.synchronize if device == "hologram" else lambda: None)
    first = runner.batch(1)[0] / 1e6
    runner.batch(5)                     # captures, makes state, learns branches
    return runner, first


def measure_one(name, threads, rounds, inductor):
    import torch

    from benchmarks.compiled_programs import PROGRAMS
    from benchmarks.plans import BATCH_SECONDS

    torch._dynamo.reset()
    found = {way: started(name, *how) for way, how in ways(inductor).items()}
    runners = {way: runner for way, (runner, _) in found.items()}
    times, ratios = in_turn(runners, "compiled", rounds, BATCH_SECONDS)
    return Row(name, threads, times, {way: first for way, (_, first) in found.items()}, ratios, PROGRAMS[name][1])


def measure(threads=(1, 2), quick=False, only="", inductor=True, progress=lambda text: None):
    import torch

    from benchmarks.compiled_programs import PROGRAMS

    for device in {device for device, _ in ways(inductor).values()}:      # what is imported and compiled once, for any program
        run = torch.compile(lambda x: x.sin() + 1)
        run(torch.ones(8, device=device, requires_grad=True)).sum().backward()
    return [measure_one(*which, inductor) for which in each_program(PROGRAMS, threads, quick, only, progress)]


def markdown(rows):
    """Ratios of wall time, with those of CPU time in brackets. Where a program is measured again with other threads kernels are there."""
    lines = ["| program | threads | compiled, us | x device eager | x Inductor, CPU | at least | first call, s | eager's | Inductor's |",
             "|---|--:|--:|--:|--:|--:|--:|--:|--:|"]
    for row in rows:
        cells = {way: f"{wall:.2f} ({cpu:.2f})" for way, (wall, cpu) in row.ratios.items()}
        first = {way: f"{seconds:.2f}" for way, seconds in row.first.items()}
        wall, cpu = row.times["compiled"]
        lines.append(f"| {row.name} | {row.threads} | {wall:.1f} ({cpu:.1f}) | {cells['eager']} | {cells.get('inductor', '-')} | "
                     f"{row.least or '-'} | {first['compiled']} | {first['eager']} | {first.get('inductor', '-')} |")
    return "\n".join(lines)


def main():
    alone = "--no-inductor", {"action": "store_true", "help": "not against Inductor, which needs a C++ compiler and minutes"}
    chosen = options(__doc__, ONLY, alone)
    with tempfile.TemporaryDirectory() as empty:
        os.environ |= {"HOLOGRAM_CACHE_DIR": os.path.join(empty, "hologram"), "TORCHINDUCTOR_CACHE_DIR": os.path.join(empty, "inductor")}
        import hologram_torch  # noqa: F401

        report = lambda text: print(text, file=sys.stderr)
        print(markdown(measure(chosen.threads, chosen.quick, chosen.filter, not chosen.no_inductor, report)))


if __name__ == "__main__":
    main()
