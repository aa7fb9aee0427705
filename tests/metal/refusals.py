"""Tests of the device that Metal cannot pass because it has no float64.

A test of the suite is left out where it fails by Metal's refusal, and only where the test itself names a type of 64 bits: a
refusal of anything else is a failure. Reported as skipped, with this reason.
"""

import inspect
import re
from pathlib import Path

import pytest
import torch

REASON = "Metal has no float64"
TESTS = Path(__file__).resolve().parents[1]
SUITE = TESTS / "torch"                # the checks of tests/metal ask for refusals themselves
_NAMES = re.compile(r"float64|double|complex128|float_power|gradcheck", re.IGNORECASE)


def _names_float64(item, call, text: str) -> bool:
    # The test, its parameters, what it expected instead, or a helper or tensor on the way there.
    told = [item.nodeid, repr(item.callspec.params) if hasattr(item, "callspec") else "", text.replace(f"{REASON}.", "")]
    told.append(inspect.getsource(item.function).partition("def ")[2])
    for entry in call.excinfo.traceback:
        if TESTS in Path(entry.path).parents:
            told.append(str(entry.frame.code.source()))
            told += [str(value.dtype) for value in entry.frame.f_locals.values() if isinstance(value, torch.Tensor)]
    return any(_NAMES.search(part) for part in told)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if (call.when == "call" and report.failed and SUITE in item.path.parents and f"{REASON}." in report.longreprtext
            and _names_float64(item, call, report.longreprtext)):
        report.outcome = "skipped"
        report.longrepr = (str(item.path), item.location[1] or 0, f"Skipped: {REASON}")
