"""All benchmarks: a Markdown report, and results.json, report.md and speed.png in benchmarks/results.

    python -m benchmarks.run --quick            under a minute
    python -m benchmarks.run --only ops train
    python -m benchmarks.run --compile --write docs/performance.md
"""

import argparse
import json
import platform
import sys
from datetime import datetime, timezone
from pathlib import Path

import torch

from benchmarks import circuits, compile_time, memory, ops, page, steps, train

RESULTS = Path(__file__).parent / "results"
PARTS = ("ops", "circuits", "steps", "train", "compile", "memory")


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []:
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def chart(rows, path):
    """Bars of speed against the CPU device, one colour per number of threads, targets as marks."""
    try:
        import matplotlib
    except ImportError:
        print(f"matplotlib is not installed: {path.name} was not written", file=sys.stderr)
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot

    cases = list(dict.fromkeys(row["case"] for row in rows))
    threads = sorted({row["threads"] for row in rows})
    figure, axes = pyplot.subplots(figsize=(9, 0.32 * len(cases) + 1.2))
    height = 0.8 / len(threads)
    for offset, number in enumerate(threads):
        chosen = [row for row in rows if row["threads"] == number]
        places = [cases.index(row["case"]) + (offset - (len(threads) - 1) / 2) * height for row in chosen]
        axes.barh(places, [row["ratio"] for row in chosen], height=height, label=f"{number} thread{'s' * (number > 1)}")
    targets = {row["case"]: row["target"] for row in rows}
    axes.plot([targets[case] for case in cases], range(len(cases)), "k|", markersize=9, label="target")
    axes.axvline(1, color="grey", linewidth=0.8)
    axes.set_yticks(range(len(cases)), cases, fontsize=8)
    axes.invert_yaxis()
    axes.set(xscale="log", xlabel="speed, in times of stock PyTorch on the CPU")
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=120, bbox_inches="tight")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer repetitions and programs")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--compile", action="store_true", help="runs of ops also against torch.compile")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the ratios between the markers of this page")
    options = parser.parse_args()
    import hologram_torch  # noqa: F401

    progress = lambda text: print(f"  {text}", file=sys.stderr, flush=True)
    results = {"machine": processor(), "torch": torch.__version__,
               "time": datetime.now(timezone.utc).isoformat(timespec="seconds"), "quick": options.quick}
    quick = " (quick)" if options.quick else ""
    report = [f"{results['machine']}, torch {torch.__version__}, {results['time']}{quick}"]
    for part, title, run in (("ops", "Single ops", lambda: (ops, ops.measure(options.threads, options.quick,
                                                                             progress=progress))),
                             ("circuits", "Runs of ops", lambda: (circuits, circuits.measure(
                                 options.threads, options.quick, inductor=options.compile, progress=progress))),
                             ("steps", "Training steps", lambda: (steps, steps.measure(options.threads, options.quick,
                                                                                      progress))),
                             ("train", "Training examples",
                              lambda: (train, train.measure(options.threads, options.quick, progress))),
                             ("compile", "Compilation", lambda: (compile_time,
                                                                 compile_time.measure(options.quick, progress))),
                             ("memory", "Peak memory", lambda: (memory, memory.measure(options.quick, progress)))):
        if part in options.only:
            module, results[part] = run()
            report += [f"## {title}", module.markdown(results[part])]
    text = "\n\n".join(report)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "results.json").write_text(json.dumps(results, indent=1))
    (RESULTS / "report.md").write_text(text + "\n")
    if "ops" in results:
        chart(results["ops"], RESULTS / "speed.png")
    if options.write:
        page.PART.write(options.write, page.measured(results))
    print(text)


if __name__ == "__main__":
    main()
