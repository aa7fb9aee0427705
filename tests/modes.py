"""The modes of execution, for tests of what ops become together: outside the usual one each runs alone."""

import pytest

from hologram_core.config import config

deferred = pytest.mark.skipif(not config.fusion or config.sync, reason="HOLOGRAM_FUSION=0 or HOLOGRAM_SYNC=1: ops run at once")
