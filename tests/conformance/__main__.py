"""The command line of the conformance run."""

import argparse
import json
import sys
import time
from pathlib import Path

from tests.conformance import ledger, report, runner


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.conformance",
                                     description="Runs PyTorch's databases of ops, modules and optimizers on the device.")
    parser.add_argument("--databases", nargs="+", default=["ops", "modules", "optims"], choices=["ops", "modules", "optims"])
    parser.add_argument("--dtypes", nargs="+", default=[], help="only these element types")
    parser.add_argument("--checks", nargs="+", default=[], help="only these checks, for example forward gradient")
    parser.add_argument("--filter", default="", help="only entries whose name contains this")
    parser.add_argument("--limit", type=int, help="at most this many samples per check")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--timeout", type=float, default=120, help="seconds one check may take")
    parser.add_argument("--recycle", type=int, default=400, help="tasks after which a worker is replaced")
    parser.add_argument("--json", type=Path, default=Path("build/conformance.json"), help="the report goes beside it")
    parser.add_argument("--load", action="store_true", help="run nothing: read the JSON of an earlier run")
    parser.add_argument("--resume", action="store_true", help="run what the JSON of an interrupted run lacks, and what failed there")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table of a whole run into this file (docs/conformance.md)")
    options = parser.parse_args()
    whole = not (options.dtypes or options.checks or options.filter or options.limit or len(options.databases) < 3)
    rows, seconds = {}, 0
    if options.load or options.resume:
        saved = json.loads(options.json.read_text())
        rows, seconds, whole = {row["entry"]: row for row in saved["rows"]}, saved["seconds"], saved["whole"]
    if options.resume:
        rows = {entry: row for entry, row in rows.items() if row["status"] in ("passed", "not applicable")}
    if not options.load:
        start = time.monotonic()
        chosen = [(d, n, t, left) for d, n, t, checks in runner.tasks(options)
                  if (left := [c for c in checks if f"{d}/{n}/{t}/{c}" not in rows])]
        options.json.parent.mkdir(parents=True, exist_ok=True)
        try:
            runner.run_all(chosen, options, rows)
        finally:                                         # an interrupted run can be resumed
            seconds += round(time.monotonic() - start)
            options.json.write_text(json.dumps({"seconds": seconds, "whole": whole, "rows": list(rows.values())}, indent=0))
    options.json.with_suffix(".md").write_text(report.markdown(rows, seconds))
    print(report.summary(rows), "", *report.by_check(rows), f"\n{seconds} s; {options.json.with_suffix('.md')}", sep="\n")
    if options.write:
        if not whole:
            sys.exit("the table comes from a whole run")
        report.PART.write(options.write, report.summary(rows))
    _, unexpected, surprising = ledger.judged(rows)
    short = report.short_of_target(rows) if whole else []
    for text in [*(f"unexpected: {e}" for e in unexpected), *(f"passes, remove it from the ledger: {e}" for e in surprising), *short]:
        print(text, file=sys.stderr)
    return 1 if unexpected or surprising or short else 0


if __name__ == "__main__":
    sys.exit(main())
