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
TESTS = Path(__file__).resolve().parents[2]
BACKENDS = TESTS / "backends"          # their checks ask for refusals themselves
_NAMES = re.compile(r"float64|double|complex128|float_power|gradcheck", re.IGNORECASE)


def _named_in(entry) -> list[str]:
    """What a frame of a test or of its helpers says: its source, and the types of its tensors, its variables and its constants."""
    frame = entry.frame.raw
    values = [*frame.f_locals.values(), *(frame.f_globals.get(name) for name in frame.f_code.co_names)]
    types = [value.dtype if isinstance(value, torch.Tensor) else value for value in values]
    return [str(entry.frame.code.source()), *(str(t) for t in types if isinstance(t, torch.dtype))]


def _refused(call) -> bool:
    """Does the test fail by a refusal, and not a test of other runs of this suite?"""
    text = str(call.excinfo.value)
    return f"{REASON}." in text and "FAILED tests/" not in text


def _names_float64(item, call) -> bool:
    # The test, its parameters, what it expected instead, or a helper or tensor on the way there.
    told = [item.nodeid, repr(item.callspec.params) if hasattr(item, "callspec") else "",
            str(call.excinfo.value).replace(REASON, ""), inspect.getsource(item.function).partition("def ")[2]]
    for entry in call.excinfo.traceback:
        if TESTS in Path(entry.path).parents:
            told += _named_in(entry)
    return any(_NAMES.search(part) for part in told)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if call.when == "call" and report.failed and BACKENDS not in item.path.parents and _refused(call) and _names_float64(item, call):
        report.outcome = "skipped"
        report.longrepr = (str(item.path), item.location[1] or 0, f"Skipped: {REASON}")
