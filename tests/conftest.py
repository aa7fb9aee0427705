"""Registers the device before any test runs, whether or not the package is installed, and applies the ledger.

Where torch is not installed the core's tests are all there is.
"""

import gc
import importlib.util
import os
from collections import Counter

import pytest

os.environ.setdefault("HOLOGRAM_PACK", "0")     # tests count what is compiled; test_kernel_pack.py is about the kernels of the package

if os.environ.get("HOLOGRAM_CUDA_DRIVER") == "fake":      # HOLOGRAM_BACKEND=cuda: the suite on CUDA's calls, without a GPU
    from tests.backends.cuda import fake

    os.environ["HOLOGRAM_CUDA_DRIVER"] = fake.build()

if os.environ.get("HOLOGRAM_METAL_DRIVER") == "fake":     # HOLOGRAM_BACKEND=metal: the same on Metal's calls, without a Mac
    from tests.backends.metal import fake as fake_metal

    os.environ["HOLOGRAM_METAL_DRIVER"] = fake_metal.build()

if os.environ.get("HOLOGRAM_BACKEND") == "metal" and "fakemetal" in os.environ.get("HOLOGRAM_METAL_DRIVER", ""):
    from tests.backends.metal.refusals import pytest_runtest_makereport  # noqa: F401  a hook; runs of the suite that a test starts have it too

from tests.core_modes import LONG
from tests.known_gaps import KNOWN_GAPS

if importlib.util.find_spec("torch") is not None:
    import torch  # noqa: F401  first: the device module registers itself with it

    import hologram_torch
    from tests.modes import HOST_MEMORY
else:
    HOST_MEMORY = True
    collect_ignore = ["aten", "backends", "compiler/test_rows.py", "conformance", "device", "install", "integrations", "programs",
                      "runtime/trace", "sdk/test_customer_samples.py", "test_docs.py", "test_readme.py", "test_sweep.py"]

left_out = Counter()      # reason -> tests of the host's memory that this backend does not have


def pytest_configure(config):
    config.addinivalue_line("markers", "host_only(reason): about memory that the host sees; left out on a GPU (tests/modes.py)")
    config.addinivalue_line("markers", "long: runs in `make test-all` (HOLOGRAM_TEST_LONG=1)")


def pytest_collection_modifyitems(config, items):
    if not LONG:
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("long")])
        items[:] = [item for item in items if not item.get_closest_marker("long")]
    if not HOST_MEMORY:
        reasons = {item: mark.args[0] for item in items if (mark := item.get_closest_marker("host_only"))}
        left_out.update(reasons.values())
        config.hook.pytest_deselected(items=list(reasons))
        items[:] = [item for item in items if item not in reasons]
    for item in items:
        reason = KNOWN_GAPS.get(item.nodeid.removeprefix("tests/"))
        if reason:
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


def pytest_collection_finish(session):
    """The objects of 18,000 collected tests stay: the garbage collector, which many tests call, need not look at them."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter):
    for reason, count in sorted(left_out.items()):
        terminalreporter.write_line(f"left out on the backend '{hologram_torch.get_backend()}': {count} x {reason}")
