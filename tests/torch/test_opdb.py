"""PyTorch's own op_db on the device: float32 results and gradients against the CPU, with a strict ledger."""

import warnings

import pytest
import torch

from tests.torch import opdb, opdb_ledger

SAMPLES = 4   # per entry; `python -m tests.torch.opdb` runs them all
FORWARD, BACKWARD = opdb.entries(), opdb.entries(backward=True)


def check(op, backward, ledger):
    reason = ledger.get(op.full_name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if reason is None:
            assert opdb.check(op, torch.float32, backward, SAMPLES) > 0
        else:
            with pytest.raises(Exception):
                opdb.check(op, torch.float32, backward, SAMPLES)
                pytest.fail(f"{op.full_name} passes: remove it from the ledger ({reason})", pytrace=False)


@pytest.mark.parametrize("name", [name for name in FORWARD if name not in opdb_ledger.NOT_APPLICABLE])
def test_forward(name):
    check(FORWARD[name], False, opdb_ledger.FORWARD)


@pytest.mark.parametrize("name", [name for name in BACKWARD if name not in opdb_ledger.NOT_APPLICABLE])
def test_backward(name):
    check(BACKWARD[name], True, opdb_ledger.BACKWARD)


def test_the_ledger_names_only_entries_that_exist():
    known = set(opdb.entries()) | set(opdb.entries(backward=True))
    listed = {*opdb_ledger.NOT_APPLICABLE, *opdb_ledger.FORWARD, *opdb_ledger.BACKWARD}
    assert listed <= known, listed - known
