"""All benchmarks: a Markdown report, and results.json, report.md and speed.png in benchmarks/results.

    python -m benchmarks.run --quick            under a minute
    python -m benchmarks.run --only ops train
    python -m benchmarks.run --compile --write docs/performance.md
"""

import argparse
import json
import sys
from datetime import datetime, timezone
from pathlib import Path

import torch

from benchmarks import circuits, compile_time, memory, ops, page, steps, train
from hologram_core.machine import processor

RESULTS = Path(__file__).parent / "results"
PARTS = ("ops", "circuits", "steps", "train", "compile", "memory")


def chart(rows, results, path):
    """Bars of speed against the CPU device on a linear axis, a colour for each number of threads, targets as marks, values on the bars."""
    try:
        import matplotlib
    except ImportError:
        print(f"matplotlib is not installed: {path.name} was not written", file=sys.stderr)
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot, ticker

    cases = list(dict.fromkeys(row["case"] for row in rows))
    threads = sorted({row["threads"] for row in rows})
    figure, axes = pyplot.subplots(figsize=(9, (0.2 * len(threads) + 0.14) * len(cases) + 1.6), layout="constrained")
    height = 0.84 / len(threads)
    # One bar that is many times as long as the others would make them all too short to read: it is cut, its value says how long it is.
    ordered = sorted(row["ratio"] for row in rows)
    longest = min(ordered[-1], 2.5 * ordered[int(0.9 * (len(ordered) - 1))])
    for offset, number in enumerate(threads):
        chosen = [row for row in rows if row["threads"] == number]
        places = [cases.index(row["case"]) + (offset - (len(threads) - 1) / 2) * height for row in chosen]
        bars = axes.barh(places, [min(row["ratio"], longest) for row in chosen], height=0.92 * height,
                         label=f"{number} thread{'s' * (number > 1)}")
        labels = [f"{row['ratio']:.1f}x" + (" (bar is cut)" if row["ratio"] > longest else "") for row in chosen]
        axes.bar_label(bars, labels, padding=3, fontsize=7, zorder=4, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8})
    targets = {row["case"]: row["target"] for row in rows}
    axes.plot([targets[case] for case in cases], range(len(cases)), "k|", markersize=5 + 13 * len(threads), markeredgewidth=1.5,
              label="target", linestyle="none")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_yticks(range(len(cases)), cases, fontsize=8)
    axes.set_ylim(len(cases) - 0.4, -0.6)
    axes.set_xlim(0, 1.15 * longest)
    axes.set_xticks([n for n in (1, 2, 4, 8, 16, 32, 64, 128) if n == 1 or longest / 16 <= n <= 1.1 * longest])
    axes.xaxis.set_major_formatter(ticker.FormatStrFormatter("%dx"))
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
    axes.set_xlabel("speed, in times of stock PyTorch on the CPU (longer is faster)")
    axes.set_title("hologram: speed of single ops", loc="left", fontsize=13)
    figure.text(0.995, 0.002, facts(results), ha="right", fontsize=7, color="0.35")
    figure.get_layout_engine().set(rect=(0, 0.02, 1, 0.98))
    axes.legend(fontsize=8, loc="lower right", markerscale=0.3)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def facts(results):
    """The machine and the versions, in a line."""
    quick = " (quick)" if results["quick"] else ""
    return f"{results['machine']}, hologram {results['hologram']}, torch {results['torch']}, {results['time']}{quick}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer repetitions and programs")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--compile", action="store_true", help="runs of ops also against torch.compile")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the ratios between the markers of this page")
    options = parser.parse_args()
    import hologram_core
    import hologram_torch  # noqa: F401

    progress = lambda text: print(f"  {text}", file=sys.stderr, flush=True)
    results = {"machine": processor(), "torch": torch.__version__, "hologram": hologram_core.__version__,
               "time": datetime.now(timezone.utc).isoformat(timespec="seconds"), "quick": options.quick}
    report = [facts(results)]
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
        chart(results["ops"], results, RESULTS / "speed.png")
    if options.write:
        page.PART.write(options.write, page.measured(results))
    print(text)


if __name__ == "__main__":
    main()
