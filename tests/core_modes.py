"""The modes of execution for tests of the core, which run where torch is not installed, too; and how much of the tests runs."""

import os

import pytest

from hologram_core.config import config

deferred = pytest.mark.skipif(not config.fusion or config.sync, reason="HOLOGRAM_FUSION=0 or HOLOGRAM_SYNC=1: ops run at once")

LONG = os.environ.get("HOLOGRAM_TEST_LONG") == "1"       # part of `make test-all`: what is long runs whole


def share(cases, one_in: int) -> list:
    """One in `one_in` of cases that chance alone has made, such as seeds, the same ones each time; all of them in `make test-all`."""
    return list(cases)[::1 if LONG else one_in]
