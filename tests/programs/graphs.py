"""What the tests of graphs share: captures by both interfaces, and comparisons."""

import pytest
import torch

import hologram_torch
from tests.compare import DEVICE

needs_graphs = pytest.mark.skipif(hologram_torch.get_backend() != "cpu", reason="graphs are captured on the cpu backend only")
ACCELERATOR = hasattr(torch.accelerator, "Graph")
INTERFACES = ["hologram", pytest.param("accelerator", marks=pytest.mark.skipif(not ACCELERATOR, reason="torch.accelerator.Graph came with 2.13"))]


def new_graph(interface="hologram", **options):
    """(graph, the `with` that captures it)."""
    if interface == "accelerator":
        g = torch.accelerator.Graph(**options)
        return g, g
    g = torch.hologram.Graph()
    return g, torch.hologram.graph(g, **options)


def captured(work, interface="hologram", **options):
    """(graph, what the work returned) of work that was captured."""
    g, capture = new_graph(interface, **options)
    if interface == "accelerator":
        with torch.Stream(DEVICE), capture:
            return g, work()
    with capture:
        return g, work()


def begun(work):
    """A graph whose capture goes on after the work."""
    g = torch.hologram.Graph()
    g.capture_begin()
    return g, work()


def values(tensors):
    return [t.detach().cpu().clone() for t in tensors]


def assert_equal(actual, expected):
    for a, e in zip(actual, expected, strict=True):
        assert torch.equal(a, e)


def assert_all_equal(actual, expected):
    for a, e in zip(actual, expected, strict=True):
        assert_equal(a, e)
