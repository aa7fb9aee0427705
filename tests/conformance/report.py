"""What a run says: Markdown for people, a table for docs/conformance.md."""

from collections import Counter, defaultdict

from hologram_core.generated import Part
from tests.conformance import ledger

PART = Part("conformance", "tests.conformance")
# The share of entries that must pass without delegation, in percent: {dtype: {check: share}}.
NATIVE = {"float32": {"forward": 90, "gradient": 85}, "float64": {"forward": 85, "gradient": 85},
          "float16": {"forward": 85, "gradient": 85}, "bfloat16": {"forward": 85, "gradient": 85},
          "int64": {"forward": 85}, "bool": {"forward": 85}}
STATUSES = ("passed", "failed", "crashed")
KINDS = ("compiled", "library", "delegated")


def split(entry):
    """(database, name, dtype, check)"""
    return entry.split("/")


def counted(rows):
    """Rows of entries that the CPU can run."""
    return {entry: row for entry, row in rows.items() if row["status"] != "not applicable"}


def table(head, lines):
    align = ["---"] + ["--:"] * (len(head) - 1)
    return ["| " + " | ".join(map(str, line)) + " |" for line in (head, align, *lines)]


def by_check(rows):
    groups = defaultdict(Counter)
    for entry, row in counted(rows).items():
        database, _, _, check = split(entry)
        groups[database, check][row["status"]] += 1
    return table(["database, check", "entries", *STATUSES],
                 [[f"{database}, {check}", sum(c.values()), *(c[s] for s in STATUSES)]
                  for (database, check), c in groups.items()])


def native_shares(rows):
    """{(dtype, check): (entries that pass without delegation, entries)} of op_db's results and gradients."""
    shares = {}
    for entry, row in counted(rows).items():
        database, _, dtype, check = split(entry)
        if database == "ops" and check in ("forward", "gradient"):
            alone, total = shares.get((dtype, check), (0, 0))
            shares[dtype, check] = (alone + row["native"], total + 1)
    return shares


def by_dtype(rows):
    """op_db by element type: results and gradients that are right, and those that are right without delegation."""
    shares = native_shares(rows)
    counts = defaultdict(Counter)
    for entry, row in counted(rows).items():
        database, _, dtype, check = split(entry)
        if database == "ops":
            counts[dtype, check][row["status"]] += 1

    def passed(dtype, check):
        c = counts[dtype, check]
        return f"{c['passed']} of {sum(c.values())}" if c else "-"

    def alone(dtype, check):
        good, total = shares.get((dtype, check), (0, 0))
        return f"{100 * good / total:.1f} %" if total else "-"

    order = sorted({dtype for dtype, _ in counts}, key=lambda d: -sum(counts[d, "forward"].values()))
    return table(["element type", "results", "without delegation", "gradients", "without delegation"],
                 [[dtype, passed(dtype, "forward"), alone(dtype, "forward"), passed(dtype, "gradient"), alone(dtype, "gradient")]
                  for dtype in order])


def short_of_target(rows):
    """["float32 forward: 88.0 % of 677 pass without delegation, not 90 %"]"""
    short = []
    for (dtype, check), (good, total) in native_shares(rows).items():
        wanted = NATIVE.get(dtype, {}).get(check, 0)
        if 100 * good < wanted * total:
            short.append(f"{dtype} {check}: {100 * good / total:.1f} % of {total} pass without delegation, not {wanted} %")
    return short


def served(rows):
    """{op: how its results are served}: the least native way that any type needs."""
    ways = {}
    for entry, row in counted(rows).items():
        database, name, _, check = split(entry)
        if database == "ops" and check in ("forward", "gradient"):
            ways.setdefault(name, set()).update(row["served"])
    return {name: next((kind for kind in reversed(KINDS) if kind in used), "views only") for name, used in ways.items()}


def missing(rows):
    """{dtype: {overload that was delegated: entries that need it}}"""
    found = defaultdict(lambda: defaultdict(list))
    for entry, row in counted(rows).items():
        database, name, dtype, check = split(entry)
        if database == "ops" and check in ("forward", "gradient"):
            for overload in row["served"].get("delegated", ()):
                found[dtype][overload].append(name if check == "forward" else f"{name} (gradient)")
    return found


def summary(rows):
    """What stands between the markers of docs/conformance.md."""
    every = Counter(row["status"] for row in counted(rows).values())
    expected = ledger.judged(rows)[0]
    databases = Counter()
    for entry in counted(rows):
        databases[split(entry)[0]] += 1
    parts = ", ".join(f"{count} of {name[:-1]}_db" for name, count in databases.items())
    lines = [f"{sum(every.values())} checks ({parts}): {every['passed']} pass, {every['failed']} fail, {every['crashed']} crash. "
             f"{len(expected)} are known and listed with reasons in `tests/conformance/ledger.py`.", "", *by_dtype(rows)]
    return "\n".join(lines)


def markdown(rows, seconds):
    """The whole report."""
    expected, unexpected, surprising = ledger.judged(rows)
    lines = ["# Conformance", "", summary(rows), "", f"The run took {seconds / 60:.1f} minutes.", "", *by_check(rows), ""]
    for title, entries in (("Unexpected failures", unexpected), ("Listed in the ledger, but they pass", surprising)):
        if entries:
            lines += [f"## {title}", "", *(f"- {rows[e]['status']}: `{e}`: {' '.join(rows[e]['message'].split())[:300]}"
                                           for e in entries), ""]
    if expected:
        lines += ["## Known failures", "", *(f"- `{entry}`: {reason}" for entry, reason in sorted(expected.items())), ""]
    refused = {entry: row["refused"] for entry, row in rows.items() if row.get("refused")}
    if refused:
        lines += ["## Different without delegation", "", *(f"- `{e}`: {' '.join(r.split())}" for e, r in refused.items()), ""]
    lines += ["## Delegated overloads", ""]
    for dtype, overloads in missing(rows).items():
        ranked = sorted(overloads.items(), key=lambda item: -len(item[1]))
        lines += [f"### {dtype}", "", *(f"- `{overload}` ({len(names)}): {', '.join(sorted(names))}" for overload, names in ranked), ""]
    ways = served(rows)
    lines += ["## How each op is served", "", "In any type; the least native way counts.", ""]
    lines += table(["op", "served"], sorted(ways.items()))
    return "\n".join(lines) + "\n"
