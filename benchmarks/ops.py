"""Single ops against stock PyTorch on the CPU, with the speed each must reach.

    python -m benchmarks.ops [--quick] [--threads 1 2] [--filter exp]
"""

from dataclasses import dataclass

import torch

from benchmarks.harness import ONLY, at_threads, compare, options, result_row, speed_cells

LAYER_NORM = "F.layer_norm(a, a.shape[-1:], w, v)"


@dataclass
class Case:
    name: str
    statement: str
    shape: tuple
    target: float          # how many times stock PyTorch's speed


def elements(n):
    return {1_000: "1 K", 10_000: "10 K", 1_000_000: "1 M", 10_000_000: "10 M"}.get(n, str(n))


CASES = [Case("a + b, 16", "a + b", (16,), 1.5), Case("relu(a), 16", "torch.relu(a)", (16,), 1.5),
         Case("a * b, 10 K", "a * b", (10_000,), 1.3), Case("a + b, 10 K", "a + b", (10_000,), 1.3),
         Case("a + b, 10 M", "a + b", (10_000_000,), 5.0)]
CASES += [Case(f"{name}, {elements(n)}", statement, (n,), 2.0)
          for name, statement in (("exp", "torch.exp(a)"), ("tanh", "torch.tanh(a)"), ("sigmoid", "torch.sigmoid(a)"),
                                  ("gelu", "F.gelu(a)"), ("silu", "F.silu(a)"))
          for n in (10_000, 1_000_000)]
CASES += [Case(f"{name}, {shape[0]}x{shape[1]}", statement, shape, 1.5)
          for name, statement in (("softmax", "torch.softmax(a, -1)"),
                                  ("layer_norm", LAYER_NORM)) for shape in ((32, 1000), (4096, 1024))]
CASES += [Case(f"{name}, {'x'.join(elements(n) for n in shape)}", statement, shape, 1.0)
          for name,
          statement in (("sum", "a.sum()"), ("max", "a.max()")) for shape in ((10_000,), (1_000_000,), (10_000_000,))]
CASES += [Case(f"{name}, 4096x1024", statement, (4096, 1024), 1.0)
          for name, statement in (("sum rows", "a.sum(1)"), ("sum columns", "a.sum(0)"), ("max rows", "a.amax(1)"),
                                  ("argmax rows", "a.argmax(1)"))]


SMALL = 100_000      # elements up to which programs run many ops before they look at a result
MANY = 16


def names(device, shape):
    """What statements may use. The values are the same on every device."""
    generator = torch.Generator().manual_seed(0)
    draw = lambda: torch.randn(shape, generator=generator).to(device)
    count = MANY if torch.Size(shape).numel() <= SMALL else 1
    return {"inputs": [{"a": draw(), "b": draw()} for _ in range(count)], "torch": torch, "F": torch.nn.functional,
            "w": torch.ones(shape[-1], device=device), "v": torch.zeros(shape[-1], device=device)}


def measure(threads=(1, 2), quick=False, only="", progress=lambda text: None):
    """One row per case and number of threads."""
    rows = []
    for number in at_threads(threads):
        for case in (c for c in CASES if only in c.name):
            progress(f"{case.name} ({number} threads)")
            with torch.no_grad():
                result = compare(case.statement, names("cpu", case.shape), names("hologram", case.shape),
                                 seconds=0.15 if quick else 1.5)
            rows.append(result_row(result, case.target, "us", case=case.name, threads=number, batches=result.batches))
    return rows


def markdown(rows):
    lines = ["| op (float32) | threads | torch CPU, us | hologram, us | speed | quartiles | target | |",
             "|---|--:|--:|--:|--:|---|--:|---|"]
    lines += [f"| {r['case']} | {r['threads']} | {r['cpu_us']:,.2f} | {r['hologram_us']:,.2f} | {speed_cells(r)} |" for r in rows]
    return "\n".join(lines)


def main():
    chosen = options(__doc__, ONLY)
    import hologram_torch  # noqa: F401

    print(markdown(measure(chosen.threads, chosen.quick, chosen.filter)))


if __name__ == "__main__":
    main()
