"""The same program on the CPU and on the device, and a strict comparison of what they return."""

import re

import pytest
import torch
from torch.utils._pytree import tree_flatten, tree_map

DEVICE = "hologram"


@pytest.fixture
def nothing_is_delegated():
    """An op that neither has kernels of ours nor a library's entry is an error."""
    before = torch.hologram.get_fallback_mode()
    torch.hologram.set_fallback_mode("error")
    yield
    torch.hologram.set_fallback_mode(before)


def to_device(value, device):
    """`value` (any nest of lists, tuples, dicts) with its tensors moved to `device`."""
    return tree_map(lambda v: v.to(device) if isinstance(v, torch.Tensor) else v, value)


def assert_same(actual, expected, rtol=None, atol=None, device=None):
    """Same structure, types, shapes, dtypes and values; tensors of `actual` are on `device` when it is given."""
    actual_leaves, actual_spec = tree_flatten(actual)
    expected_leaves, expected_spec = tree_flatten(expected)
    assert actual_spec == expected_spec, f"{actual_spec} != {expected_spec}"
    for number, (a, e) in enumerate(zip(actual_leaves, expected_leaves)):
        assert type(a) is type(e), f"leaf {number}: {type(a)} != {type(e)}"
        if isinstance(e, torch.Tensor):
            if device is not None:
                assert a.device.type == device, f"leaf {number} is on {a.device}, not on {device}"
            assert a.requires_grad == e.requires_grad, f"leaf {number}: requires_grad {a.requires_grad}"
            torch.testing.assert_close(a.detach().cpu(), e.detach(), rtol=rtol, atol=atol, equal_nan=True,
                                       msg=lambda text: f"leaf {number}: {text}")
        elif isinstance(e, float):
            torch.testing.assert_close(a, e, rtol=rtol or 1e-5, atol=atol or 1e-5, equal_nan=True)
        elif isinstance(e, str):
            assert re.sub(r",\s*device='hologram:0'", "", a) == e
        else:
            assert a == e, f"leaf {number}: {a!r} != {e!r}"


def check_program(program, rtol=None, atol=None):
    """Runs `program(device)` on both devices with the same seed; its tensors and values must agree."""
    results = {}
    for device in ("cpu", DEVICE):
        torch.manual_seed(0)
        results[device] = program(device)
    assert_same(results[DEVICE], results["cpu"], rtol, atol, device=DEVICE)
    return results[DEVICE]


def launches(call):
    """How many kernels a call launches once its kernels are compiled. Its results are kept: nobody would compute values that
    nobody can see."""
    call()
    before = torch.hologram.counters()["launched"]
    kept = call()
    after = torch.hologram.counters()["launched"]
    del kept
    return after - before


def outcome(call):
    """What a call does, for comparison between devices: (None, value), or (exception class, message)."""
    try:
        return None, call()
    except Exception as error:
        return type(error), str(error)
