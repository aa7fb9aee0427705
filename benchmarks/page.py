"""What docs/performance.md says of a run of the benchmarks: the ratios, without times and quartiles."""

from hologram_core.generated import Part

PART = Part("measurements", "benchmarks.run")


def table(title, rows, extra="", last=lambda row: ""):
    """A line per case, a column per number of threads; `extra` heads one more column, which `last` fills from a case's row."""
    threads = sorted({row["threads"] for row in rows})
    cases = {}
    for row in rows:
        cases.setdefault(row["case"], {})[row["threads"]] = row
    lines = [f"| {title} |" + "".join(f" {n} thread{'s' * (n > 1)} |" for n in threads) + f" {extra} |" * bool(extra),
             "|---|" + "--:|" * len(threads) + "---|" * bool(extra)]
    for case, by_threads in cases.items():
        cells = [f"{by_threads[n]['ratio']:.2f}x" if n in by_threads else "-" for n in threads]
        lines.append("| " + " | ".join([case, *cells, *([last(next(reversed(by_threads.values())))] if extra else [])]) + " |")
    return "\n".join(lines)


def against_inductor(rows):
    """The runs of ops against torch.compile, at the largest number of threads it was measured with; empty if it was not."""
    rows = [row for row in rows if row["opponent"] == "inductor"]
    if not rows:
        return ""
    most = max(row["threads"] for row in rows)
    ratios = ", ".join(f"{row['ratio']:.1f}x ({row['case']})" for row in rows if row["threads"] == most)
    return f"Against Inductor, {most} thread{'s' * (most > 1)}: {ratios}."


def compiled_late(rows):
    late = sum(row["compiled"] for row in rows)
    return f"In the training steps, kernels compiled for recorded ops after the third step: {late or 'none'}."


def measured(results):
    """The part between the markers."""
    parts = [f"Times stock PyTorch's speed. {results['machine']}, torch {results['torch']}, {results['time'][:10]}."]
    if "ops" in results:
        parts.append(table("op (float32)", results["ops"]))
    if "circuits" in results:
        parts += [table("run of ops (float32)", [row for row in results["circuits"] if row["opponent"] == "eager"]),
                  against_inductor(results["circuits"])]
    if "steps" in results:
        parts += [table("training step with Adam", results["steps"], "ops recorded -> kernels (Adam as foreach ops)",
                        lambda row: f"{row['recorded']} -> {row['launched']}"),
                  compiled_late(results["steps"])]
    return "\n\n".join(part for part in parts if part)
