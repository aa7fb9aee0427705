"""The graphs that torch.compile gave to the device, and what became of them."""

import gc

import pytest
import torch


@pytest.fixture(autouse=True)
def new_graphs():
    torch._dynamo.reset()
    from hologram_torch.compile import region

    gc.collect()
    region.regions.clear()
    yield


def regions():
    from hologram_torch.compile import region

    return sorted(region.regions, key=lambda r: (r.id, r.kind))


def runs():
    """How often each graph was replayed. None runs op by op."""
    assert [r.reason for r in regions() if r.reason] == []
    return [r.runs for r in regions()]
