"""Whole steps, captured and replayed: torch.hologram.jit against eager PyTorch on the CPU, eager steps on the device,
torch.compile of the whole step on the CPU (with --inductor) and jax.jit in a process of its own, batch by batch in turn.

    python -m benchmarks.plans [--quick] [--threads 1 2] [--filter PPO] [--inductor]
"""

import importlib.util
import os
import subprocess
import sys
import time
from dataclasses import dataclass

import torch

from benchmarks.child import ROOT
from benchmarks.harness import ONLY, each_program, in_turn, options
from benchmarks.plan_programs import PROGRAMS, program

BATCH_SECONDS = 0.02


class Here:
    """A step in this process."""

    def __init__(self, step, arguments, wait):
        self.step, self.arguments, self.wait = step, arguments, wait

    def batch(self, calls):
        """(wall, CPU time) in microseconds per call."""
        step, arguments = self.step, self.arguments
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(calls):
            step(*arguments)
        self.wait()
        return [1e6 * (clock() - begin) / calls for clock, begin in ((time.perf_counter, wall), (time.process_time, cpu))]

    def close(self):
        pass


class Jax:
    """The step of the same name in a process that runs a batch when it is told to."""

    def __init__(self, name, threads):
        flags = f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'} intra_op_parallelism_threads={threads}"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.plans_jax", name], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "XLA_FLAGS": flags, "OMP_NUM_THREADS": str(threads), "JAX_PLATFORMS": "cpu"})
        self.process.stdout.readline()

    def batch(self, calls):
        print(calls, file=self.process.stdin, flush=True)
        return [float(part) for part in self.process.stdout.readline().split()]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


@dataclass
class Row:
    """A program's times in microseconds (wall, CPU time) by way of running it, and how many times faster the plan is."""

    name: str
    threads: int
    times: dict
    ratios: dict
    nodes: int


def ways(name, threads, inductor):
    stock, eager, planned = (program(name, device) for device in ("cpu", "hologram", "hologram"))
    function = torch.hologram.jit(planned[0], strict=True)
    found = {"plan": Here(function, planned[1], torch.hologram.synchronize), "stock": Here(*stock, lambda: None),
             "eager": Here(*eager, torch.hologram.synchronize)}
    if inductor:
        step, arguments = program(name, "cpu")
        found["inductor"] = Here(torch.compile(step), arguments, lambda: None)
    if PROGRAMS[name][2] and importlib.util.find_spec("jax"):
        found["jax"] = Jax(name, threads)
    return found, function


def measure_one(name, threads, rounds, inductor=False):
    found, function = ways(name, threads, inductor)
    for runner in found.values():
        runner.batch(6)                  # compiles, captures, makes state
    times, ratios = in_turn(found, "plan", rounds, BATCH_SECONDS)
    for runner in found.values():
        runner.close()
    [plan] = function.plans()
    assert plan["runs"] > rounds, plan["reason"]
    return Row(name, threads, times, ratios, plan["nodes"])


def measure(threads=(1, 2), quick=False, only="", inductor=False, progress=lambda text: None):
    return [measure_one(*which, inductor) for which in each_program(PROGRAMS, threads, quick, only, progress)]


def markdown(rows):
    """Ratios of wall time, with those of CPU time in brackets."""
    lines = ["| step | threads | plan, us | nodes | x stock eager | at least | x device eager | x jax.jit | at least | x Inductor |",
             "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"]
    for row in rows:
        _, stock, jax = PROGRAMS[row.name]
        cells = {way: f"{wall:.2f} ({cpu:.2f})" for way, (wall, cpu) in row.ratios.items()}
        wall, cpu = row.times["plan"]
        lines.append(f"| {row.name} | {row.threads} | {wall:.1f} ({cpu:.1f}) | {row.nodes} | {cells['stock']} | {stock} | "
                     f"{cells['eager']} | {cells.get('jax', '-')} | {jax or '-'} | {cells.get('inductor', '-')} |")
    return "\n".join(lines)


def main():
    inductor = "--inductor", {"action": "store_true", "help": "also torch.compile on the CPU: needs a C++ compiler"}
    chosen = options(__doc__, ONLY, inductor)
    import hologram_torch  # noqa: F401

    print(markdown(measure(chosen.threads, chosen.quick, chosen.filter, chosen.inductor, lambda text: print(text, file=sys.stderr))))


if __name__ == "__main__":
    main()
