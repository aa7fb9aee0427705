"""Peak memory of whole processes, hologram against stock PyTorch on the CPU.

    python -m benchmarks.memory [--quick]
"""

import argparse
from statistics import median

from benchmarks.child import run_json

PRELUDE = """
import json, resource, sys, torch, torch.nn.functional as F
from torch import nn
device = sys.argv[1]
if device == "hologram":
    import hologram_torch
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
torch.manual_seed(0)
start = peak()
"""
REPORT = "\nprint(json.dumps({'start': start, 'peak': peak()}))"

PROGRAMS = {
    "elementwise chain, 16 M floats": """
x = torch.ones(1 << 24, device=device)
for _ in range(5):
    y = ((x * 2 + x).tanh() * 0.5 + x).sigmoid()
y.sum().item()
""",
    "MLP 1024-4096-1024, batch 512, Adam, 5 steps": """
model = nn.Sequential(nn.Linear(1024, 4096), nn.GELU(), nn.LayerNorm(4096), nn.Linear(4096, 1024)).to(device)
optimizer = torch.optim.Adam(model.parameters())
x = torch.randn(512, 1024).to(device)
for _ in range(5):
    loss = F.mse_loss(model(x), x)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
loss.item()
""",
    "softmax and cross-entropy, 8192x4096": """
x = torch.randn(8192, 4096).to(device).requires_grad_()
target = torch.arange(8192, device=device) % 4096
for _ in range(3):
    F.cross_entropy(x.softmax(1), target).backward()
    x.grad = None
""",
    "convolutions, batch 32, 3 steps": """
model = nn.Sequential(nn.Conv2d(3, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
                      nn.Conv2d(32, 64, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)).to(device)
x = torch.randn(32, 3, 64, 64).to(device)
for _ in range(3):
    model(x).square().mean().backward()
""",
}


def measure(quick=False, progress=lambda text: None):
    rows = []
    for name, program in list(PROGRAMS.items())[:2 if quick else None]:
        progress(name)
        runs = {"cpu": [], "hologram": []}
        run_json(PRELUDE + program + REPORT, "hologram")        # kernels into the cache: compiling is another benchmark
        for _ in range(1 if quick else 3):
            for device in runs:
                runs[device].append(run_json(PRELUDE + program + REPORT, device, HOLOGRAM_AUTOLOAD="0"))
        whole = {device: median(r["peak"] for r in results) for device, results in runs.items()}
        own = {device: median(r["peak"] - r["start"] for r in results) for device, results in runs.items()}
        rows.append({"case": name, "cpu_mib": whole["cpu"], "hologram_mib": whole["hologram"],
                     "cpu_program_mib": own["cpu"], "hologram_program_mib": own["hologram"],
                     "ratio": whole["hologram"] / whole["cpu"], "passed": whole["hologram"] <= 1.05 * whole["cpu"]})
    return rows


def verdict(row):
    return "pass" if row["passed"] else "miss"


def markdown(rows):
    lines = ["| program | torch CPU, MiB | hologram, MiB | ratio | without imports: CPU | hologram | target | |",
             "|---|--:|--:|--:|--:|--:|--:|---|"]
    lines += [f"| {r['case']} | {r['cpu_mib']:.0f} | {r['hologram_mib']:.0f} | {r['ratio']:.2f} | "
              f"{r['cpu_program_mib']:.0f} | {r['hologram_program_mib']:.0f} | <= 1.05 | {verdict(r)} |" for r in rows]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    print(markdown(measure(parser.parse_args().quick)))


if __name__ == "__main__":
    main()
