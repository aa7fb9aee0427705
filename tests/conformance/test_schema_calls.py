"""No call of an overload ends the process: a part of the cases of schema_calls.py, and what once crashed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.compare import DEVICE
from tests.conformance import schema_calls
from tests.modes import host_only

ROOT = Path(__file__).resolve().parents[2]


def ours(crashes):
    return [row for row in crashes if not row["cpu"]]


def run(*options):
    """The crashes, and the counts, of a run in a process of its own."""
    result = subprocess.run([sys.executable, "-m", "tests.conformance.schema_calls", *options], cwd=ROOT, capture_output=True, text=True,
                            env=schema_calls.environment(), timeout=300)
    assert result.returncode == 0, result.stderr[-3000:]
    *crashes, counts = map(json.loads, result.stdout.splitlines())
    return crashes, counts


@host_only("what torch's CPU kernels do with the same call")
def test_a_part_of_all_calls():
    crashes, counts = run("--share", "0.01", "--mixtures", "3", "--part", "0/9", "--seconds", "10")
    assert counts["overloads"] > 300 and counts["calls"] > 4000
    assert not ours(crashes)


@host_only("what torch's CPU kernels do with the same call")
def test_all_calls_of_the_reader_of_one_element():
    crashes, counts = run("--filter", "_local_scalar_dense")
    assert not ours(crashes) and counts["calls"] > 100


def test_a_crash_costs_the_call_and_is_attributed():
    """torch's own crash of an op on the CPU: it is found, and the run goes on."""
    crashes, counts = run("--filter", "aten::_convert_indices_from_csr_to_coo.out", "--device", "cpu")
    assert counts["crashes"] == len(crashes) > 0 and counts["calls"] > 100
    assert all(row["at"].startswith("aten::_convert_indices_from_csr_to_coo.out|") for row in crashes)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0)])
def test_an_element_of_an_empty_tensor(shape):
    with pytest.raises(RuntimeError, match="Empty tensor not supported"):
        torch.ops.aten._local_scalar_dense(torch.empty(shape, device=DEVICE))
