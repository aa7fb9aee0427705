"""Runs of elementwise ops and hand-written formulas against stock PyTorch: eager, and compiled by Inductor.

    python -m benchmarks.circuits [--quick] [--threads 1 2] [--compile] [--filter gelu]
"""

from dataclasses import dataclass

import torch

from benchmarks.harness import ONLY, at_threads, compare, options, result_row, speed_cells
from benchmarks.ops import elements, names

CHAIN = "torch.relu(torch.tanh(a * b + a) * 0.5 + b) - a"
FORMULAS = {
    "gelu by hand": ("0.5 * a * (1 + torch.tanh(0.79788456 * (a + 0.044715 * a * a * a)))", (1_000_000,)),
    "rms-norm by hand": ("a * torch.rsqrt(a.pow(2).mean(-1, keepdim=True) + 1e-6) * w", (1000, 1000)),
    "layer-norm by hand": ("(a - a.mean(-1, keepdim=True)) / torch.sqrt(((a - a.mean(-1, keepdim=True)) ** 2)"
                           ".mean(-1, keepdim=True) + 1e-5) * w + v", (1000, 1000)),
    "mse": ("((a - b) ** 2).mean()", (1_000_000,)),
    "cross-entropy": ("F.cross_entropy(a, target)", (1000, 1000)),
    "cross-entropy by hand": ("-(a - a.logsumexp(-1, keepdim=True)).gather(1, target[:, None]).mean()", (1000, 1000)),
    "adam step by hand": ("(a - 1e-3 * (0.9 * a + 0.1 * b) / (torch.sqrt(0.999 * v2 + 0.001 * b * b) / 0.03 + 1e-8), "
                          "0.9 * a + 0.1 * b, 0.999 * v2 + 0.001 * b * b)", (1_000_000,)),
}


@dataclass
class Case:
    name: str
    statement: str
    shape: tuple
    eager: float          # how many times eager PyTorch's speed
    compiled: float       # how many times Inductor's


CASES = [Case(f"chain of 7 ops, {elements(n)}", CHAIN, (n,), target, 3.0)
         for n, target in ((10_000, 6.0), (1_000_000, 15.0), (10_000_000, 20.0))]
CASES += [Case(name, statement, shape, 3.0, 1.0) for name, (statement, shape) in FORMULAS.items()]


def case_names(device, case):
    result = names(device, case.shape)
    result["target"] = torch.arange(case.shape[0], device=device) % case.shape[-1]
    result["v2"] = torch.full(case.shape, 0.5, device=device)
    return result


def compiled_names(case):
    """The statement as a function that Inductor compiles, on the CPU."""
    result = case_names("cpu", case)
    scope = {k: v for k, v in result.items() if k != "inputs"}
    exec(f"def formula(a, b):\n    return {case.statement}", scope)
    result["compiled"] = torch.compile(scope["formula"], dynamic=False)
    return result


def measure(threads=(1, 2), quick=False, only="", inductor=False, progress=lambda text: None):
    """One row per case, number of threads and opponent."""
    rows, seconds = [], 0.3 if quick else 1.5
    for number in at_threads(threads):
        for case in (c for c in CASES if only in c.name):
            progress(f"{case.name} ({number} threads)")
            with torch.no_grad():
                ours = case_names("hologram", case)
                results = [("eager", case.eager, compare(case.statement, case_names("cpu", case), ours, seconds))]
                if inductor:
                    results.append(("inductor", case.compiled, compare("compiled(a, b)", compiled_names(case), ours, seconds,
                                                                       hologram_statement=case.statement)))
            rows += [result_row(r, target, "us", case=case.name, threads=number, opponent=opponent)
                     for opponent, target, r in results]
    return rows


def markdown(rows):
    lines = ["| formula (float32) | threads | against | torch CPU, us | hologram, us | speed | quartiles | target | |",
             "|---|--:|---|--:|--:|--:|---|--:|---|"]
    lines += [f"| {r['case']} | {r['threads']} | {r['opponent']} | {r['cpu_us']:,.1f} | {r['hologram_us']:,.1f} | {speed_cells(r)} |"
              for r in rows]
    return "\n".join(lines)


def main():
    chosen = options(__doc__, ONLY, ("--compile", {"action": "store_true", "help": "also against torch.compile (needs a C++ compiler)"}))
    import hologram_torch  # noqa: F401

    print(markdown(measure(chosen.threads, chosen.quick, chosen.filter, chosen.compile)))


if __name__ == "__main__":
    main()
