"""Registers the device before any test runs, whether or not the package is installed, and applies the ledger."""

import pytest
import torch  # noqa: F401  first: the device module registers itself with it

import hologram_torch  # noqa: F401

from known_gaps import KNOWN_GAPS


def pytest_collection_modifyitems(items):
    for item in items:
        reason = KNOWN_GAPS.get(item.nodeid.removeprefix("tests/"))
        if reason:
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
