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


@pytest.mark.parametrize("name", opdb.INACCURATE_ON_CPU)
def test_the_cpus_own_result_is_inaccurate(name):
    """Or else the device is compared with it, as everywhere."""
    op = BACKWARD[name]
    sample = next(iter(op.sample_inputs("cpu", torch.float32, requires_grad=True)))
    call = (op, (sample.input, sample.args, sample.kwargs), sample.output_process_fn_grad)
    rtol, atol = opdb.tolerance(op, torch.float32)
    with pytest.raises(AssertionError):
        torch.testing.assert_close(opdb.fixed(opdb.run(*call)), opdb.reference(*call, torch.float32), rtol=rtol, atol=atol)


def test_the_ledger_names_only_entries_that_exist():
    known = set(opdb.entries()) | set(opdb.entries(backward=True))
    listed = {*opdb_ledger.NOT_APPLICABLE, *opdb_ledger.FORWARD, *opdb_ledger.BACKWARD}
    assert listed <= known, listed - known
