"""A part of the conformance run (`python -m tests.conformance`): few samples of every op_db entry in float32, and a share of
their gradients, the other types, checks and databases. Strict: tests/conformance/ledger.py lists what does not pass."""

import argparse
import zlib

import pytest

from tests.conformance import ledger, ops, report, runner
from tests.modes import written_down

SAMPLES = 2
SHARE = 48       # of the entries that are not float32 results or gradients, one in so many
GRADIENTS = 3    # of those of float32, one in so many; `make conformance` runs all


def entries():
    """{entry: (database, name, dtype, check)}"""
    chosen = {}
    for database, name, dtype, checks in runner.tasks(runner.EVERYTHING):
        for check in checks:
            entry = f"{database}/{name}/{dtype}/{check}"
            float32 = database == "ops" and dtype == "float32"
            one_in = 1 if float32 and check == "forward" else GRADIENTS if float32 and check == "gradient" else SHARE
            if zlib.crc32(entry.encode()) % one_in == 0:
                chosen[entry] = (database, name, dtype, check)
    return chosen


ENTRIES = entries()
LISTED = ledger.reasons(ENTRIES)
UNJUDGED = ledger.unjudged(ENTRIES)


@pytest.fixture(scope="module")
def rows(request):
    """{entry: row} of the entries that were collected; listed ones with all samples, so that the ledger can be strict."""
    wanted = {item.callspec.params["entry"] for item in request.session.items
              if getattr(item, "function", None) is test_entry}
    found = {}
    for limit, part in ((SAMPLES, wanted - set(LISTED)), (None, wanted & set(LISTED))):
        tasks = {}
        for entry in ENTRIES:
            if entry in part:
                database, name, dtype, check = ENTRIES[entry]
                tasks.setdefault((database, name, dtype), []).append(check)
        options = argparse.Namespace(limit=limit, workers=2, timeout=120, recycle=400)
        found.update(runner.run_all([(*key, checks) for key, checks in tasks.items()], options))
    return found


@pytest.mark.parametrize("entry", ENTRIES)
def test_entry(entry, rows):
    row = rows[entry]
    if entry in LISTED:
        assert row["status"] != "passed", f"passes: remove it from the ledger ({LISTED[entry]})"
    else:
        allowed = ("passed", "not applicable", *(["failed"] if entry in UNJUDGED else []))
        assert row["status"] in allowed, row["message"]


@written_down
def test_the_ledger_names_only_entries_that_exist():
    every = [f"{d}/{n}/{t}/{c}" for d, n, t, checks in runner.tasks(runner.EVERYTHING) for c in checks]
    for reason, patterns in [*ledger.EXPECTED.items(), *ledger.BY_PROCESSOR.items()]:
        for pattern in patterns:
            assert any(ledger.matches(pattern, entry) for entry in every), f"{pattern} ({reason})"


# ---- the harness itself ----

def options(**changed):
    return argparse.Namespace(**{"limit": 2, "workers": 1, "timeout": 60, "recycle": 400, **changed})


def test_a_worker_that_dies_costs_one_check(monkeypatch):
    monkeypatch.setenv("CONFORMANCE_DIE", "ops/add/float32/noncontiguous")
    rows = runner.run_all([("ops", "add", "float32", ["forward", "noncontiguous", "gradient"]), ("ops", "mul", "float32", ["forward"])],
                          options())
    statuses = {entry: row["status"] for entry, row in rows.items()}
    assert statuses == {"ops/add/float32/forward": "passed", "ops/add/float32/noncontiguous": "crashed",
                        "ops/add/float32/gradient": "passed", "ops/mul/float32/forward": "passed"}
    assert "exit status" in rows["ops/add/float32/noncontiguous"]["message"]


def test_a_worker_that_hangs_costs_one_check(monkeypatch):
    monkeypatch.setenv("CONFORMANCE_HANG", "ops/add/float32/forward")
    rows = runner.run_all([("ops", "add", "float32", ["forward", "gradient"])], options(timeout=8))
    assert [row["status"] for row in rows.values()] == ["crashed", "passed"]
    assert "did not answer in time" in rows["ops/add/float32/forward"]["message"]


def test_wrong_values_are_found(monkeypatch):
    """The comparison sees a result that is off by one unit in the last places it must get right."""
    entry = ops.Entry("exp", ops.dtypes("exp")[0], 2)
    observer = runner.Observer()
    assert entry.run("forward", observer) == 2 and observer.native() and observer.served["compiled"] == {"exp"}
    real = entry.run_on_device
    monkeypatch.setattr(entry, "run_on_device", lambda *a: (lambda r: (r[0], r[1] * (1 + 1e-5)))(real(*a)))
    with pytest.raises(AssertionError, match="not close"):
        entry.run("forward", runner.Observer())


def test_the_native_score_counts_no_delegated_op():
    rows = runner.run_all([("ops", "special.airy_ai", "float32", ["forward"]), ("ops", "exp", "float32", ["forward"])], options())
    airy, exp = rows["ops/special.airy_ai/float32/forward"], rows["ops/exp/float32/forward"]
    assert airy["status"] == exp["status"] == "passed"
    assert exp["native"] and not exp["served"].get("delegated")
    assert report.served(rows)["exp"] == "compiled"
    assert airy["native"] == (report.served(rows)["special.airy_ai"] != "delegated")
    assert report.native_shares(rows)["float32", "forward"] == (1 + airy["native"], 2)


def test_the_ledger_is_strict(monkeypatch):
    rows = {f"ops/{name}/float32/forward": {"status": status, "message": ""}
            for name, status in (("a", "passed"), ("b", "failed"), ("c", "crashed"), ("d", "passed"))}
    monkeypatch.setattr(ledger, "EXPECTED", {"a reason": ["ops/b/*/forward", "ops/d/float32/forward"]})
    monkeypatch.setattr(ledger, "BY_PROCESSOR", {})
    assert ledger.judged(rows) == ({"ops/b/float32/forward": "a reason"}, ["ops/c/float32/forward"], ["ops/d/float32/forward"])


@pytest.mark.parametrize("where, expected, unexpected, surprising", [
    ("this", "b", "", "a"), ("that", "c", "b", ""), ("another", "", "c", "")])
def test_the_ledger_of_a_processor_applies_there_only(monkeypatch, where, expected, unexpected, surprising):
    """Where an entry's processor is named it is strict both ways; elsewhere only a crash counts."""
    rows = {f"ops/{name}/float32/forward": {"status": status, "message": ""}
            for name, status in (("a", "passed"), ("b", "failed"), ("c", "failed" if where == "that" else "crashed"))}
    fails = {"a": {"this": True, "that": False}, "b": {"this": True, "that": False}, "c": {"that": True}}
    if where == "this":
        del rows["ops/c/float32/forward"]
    monkeypatch.setattr(ledger, "EXPECTED", {})
    monkeypatch.setattr(ledger, "BY_PROCESSOR", {"m": {f"ops/{name}/float32/forward": on for name, on in fails.items()}})
    monkeypatch.setattr(ledger, "processor", lambda: where)
    names = lambda entries: "".join(entry.split("/")[1] for entry in entries)
    assert tuple(map(names, ledger.judged(rows))) == (expected, unexpected, surprising)


def test_the_processor_is_known_or_another(monkeypatch):
    assert ledger.processor() in ("Intel with AVX-512", "AMD with AVX-512", "another")
    monkeypatch.setenv("MKL_ENABLE_INSTRUCTIONS", "AVX2")
    assert ledger.processor.__wrapped__() == "another"
