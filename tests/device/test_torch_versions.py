"""What differs between releases of torch: the comparisons themselves, recording, and what newer ones have."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import hologram_torch
from hologram_torch.torch_release import RELEASE
from tests.compare import DEVICE, assert_same, nothing_is_delegated, outcome  # noqa: F401
from tests.modes import host_only, since

ROOT = Path(__file__).resolve().parents[2]


def test_versions_are_compared_as_pairs_in_one_place():
    """A comparison of the minor version alone takes torch 3.0 for an old one."""
    sources = [p for suffix in ("h", "cpp") for p in (ROOT / "csrc" / "torch").rglob(f"*.{suffix}")]
    assert len(sources) > 80
    assert [p.name for p in sources if re.search("TORCH_VERSION_M|torch/version.h", p.read_text())] == ["torch_version.h"]
    modules = [p for folder in ("hologram_torch", "tests", "benchmarks") for p in (ROOT / folder).rglob("*.py")]
    parse = re.compile(r"torch\.__version__\.\w")
    assert sorted(p.name for p in modules if parse.search(p.read_text())) == [Path(__file__).name]
    assert RELEASE == tuple(map(int, torch.__version__.split(".")[:2])) and RELEASE >= hologram_torch.OLDEST_TORCH


RECORDING = """
import torch, hologram_torch
from hologram_core import _runtime
def launched():
    x = torch.ones(64, device="hologram")
    torch.hologram.synchronize()
    before = _runtime.counters()["launched"]
    y = (x * 2 + 1).relu()
    recorded = _runtime.counters()["launched"] == before
    assert y.tolist() == [3.0] * 64
    return recorded, _runtime.counters()["launched"] - before
print(hologram_torch._C.records(), *launched())
"""


@pytest.mark.parametrize("fusion", ["0", "1", "force"])
def test_recording_needs_a_torch_that_tells_of_addresses_or_force(fusion):
    environment = {**os.environ, "HOLOGRAM_FUSION": fusion, "HOLOGRAM_SYNC": "0", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", RECORDING], env=environment, capture_output=True, text=True)
    expected = fusion == "force" or fusion == "1" and RELEASE >= (2, 13)
    assert done.stdout.split() == (["True", "True", "1"] if expected else ["False", "False", "3"]), done.stderr


# ---- torch 2.14 ----

BCOMPLEX = {
    "item": lambda x: x[1].item(), "tolist": lambda x: x.tolist(), "text": lambda x: str(x.cpu()), "clone": lambda x: x.clone(),
    "to complex64": lambda x: x.to(torch.complex64), "from complex64": lambda x: (x.to(torch.complex64) * 2).to(torch.bcomplex32),
    "real": lambda x: x.real, "as real": lambda x: torch.view_as_real(x), "equal": lambda x: x == x.flip(0), "strided": lambda x: x[::2].contiguous(),
    "cat": lambda x: torch.cat([x, x]), "index": lambda x: x[torch.tensor([0, 2], device=x.device)], "zeros": lambda x: torch.zeros_like(x),
    "sum": lambda x: x.sum(), "add": lambda x: x + x, "times a number": lambda x: x * 2, "abs": lambda x: x.abs(), "conj": lambda x: x.conj().resolve_conj(),
    "fill": lambda x: x.clone().fill_(1j), "full": lambda x: torch.full((2,), 1j, dtype=torch.bcomplex32, device=x.device), "exp": lambda x: x.exp(),
    "bfloat16 by a complex number": lambda x: x.real * 1j, "type": lambda x: torch.result_type(x.real, 1j),
    "polar": lambda x: torch.polar(x.real, x.real), "fft": lambda x: torch.fft.fft(x.real.contiguous()),
}


@since(2, 14, "torch.bcomplex32")
@pytest.mark.filterwarnings("ignore:BComplex32 support is experimental")
@pytest.mark.parametrize("name", BCOMPLEX)
def test_complex_numbers_of_bfloat16_are_as_on_the_cpu(name):
    x = torch.tensor([1 + 2j, 3 - 4j, 0.5j]).to(torch.bcomplex32)
    (refused, expected), (error, actual) = (outcome(lambda d=d: BCOMPLEX[name](x.to(d))) for d in ("cpu", DEVICE))
    assert error is refused, actual
    if refused is None:
        as_host = lambda v: v.cpu().to(torch.complex64) if isinstance(v, torch.Tensor) and v.dtype == torch.bcomplex32 else v
        if isinstance(expected, torch.Tensor):
            assert actual.dtype == expected.dtype
            torch.testing.assert_close(as_host(actual).cpu(), as_host(expected), rtol=0, atol=0)
        else:
            assert actual == expected


@since(2, 14, "Generator.philox_state")
def test_a_reserved_stretch_of_random_numbers():
    generator = torch.Generator(DEVICE).manual_seed(2 ** 63 + 5)
    states = [generator.philox_state(n) for n in (4, 1, 9, 0, 8)]
    assert all(t.device.type == "cpu" and t.dtype == torch.int64 and t.shape == (1,) for state in states for t in state)
    assert {seed.item() & (2 ** 64 - 1) for seed, _, _ in states} == {2 ** 63 + 5}
    assert [offset.item() for _, offset, _ in states] == [0, 4, 8, 20, 20] and {inside.item() for _, _, inside in states} == {0}
    assert generator.get_offset() == 7                                        # counters, of four words each
    again = torch.Generator(DEVICE).manual_seed(2 ** 63 + 5).set_offset(7)
    assert torch.equal(torch.rand(9, generator=generator, device=DEVICE), torch.rand(9, generator=again, device=DEVICE))


@since(2, 14, "read-only DLPack")
@host_only("addresses that the host reads")
def test_a_read_only_export_has_the_values():
    x = torch.arange(4.0).to(DEVICE) + 1
    capsule = x.__dlpack__(max_version=(1, 0), read_only=True)
    assert torch.from_dlpack(capsule).tolist() == [1, 2, 3, 4]


@since(2, 14, "linalg.polar")
@pytest.mark.usefixtures("nothing_is_delegated")
def test_polar_decompositions_and_square_roots_are_served_by_the_library():
    torch.manual_seed(0)
    a = torch.randn(4, 4)
    for call, x in ((torch.ops.aten.linalg_polar, a), (torch.ops.aten.linalg_matrix_sqrth, a @ a.T + torch.eye(4))):
        assert_same(call(x.to(DEVICE)), call(x), device=DEVICE)
