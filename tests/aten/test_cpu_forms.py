"""Ops of which torch has another definition for the CPU than for other devices: the device has the CPU's. And arguments that
are one tensor stay one, because torch's kernels look at that."""

import pytest
import torch

from tests.compare import DEVICE, assert_same, outcome


def both(call):
    """The outcome of `call(device)` on the CPU and on the device: the same class of error, and (message, message)."""
    (cpu, wanted), (ours, actual) = (outcome(lambda: call(device)) for device in ("cpu", DEVICE))
    assert cpu is not None and ours is cpu, (cpu, wanted, ours, actual)
    return wanted, actual


def matrix(device, *shape, dtype=torch.float32):
    return torch.arange(1., torch.Size(shape).numel() + 1).reshape(shape).to(dtype).to(device)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.int64, torch.complex64])
def test_addr_rounds_as_on_the_cpu(dtype):
    torch.manual_seed(1)
    m, a, b = ((torch.randn(s) * 9).to(dtype) for s in ((5, 7), (5,), (7,)))
    numbers = dict(beta=2, alpha=3) if dtype is torch.int64 else dict(beta=0.3, alpha=0.7)
    expected = torch.addr(m, a, b, **numbers)
    there = [t.to(DEVICE) for t in (m, a, b)]
    assert torch.equal(torch.addr(*there, **numbers).cpu(), expected)
    assert torch.equal(torch.addr(*there, **numbers, out=torch.empty(0, dtype=dtype, device=DEVICE)).cpu(), expected)
    assert torch.equal(there[0].addr_(*there[1:], **numbers).cpu(), expected)


def test_addr_in_place_keeps_the_shape():
    wanted, actual = both(lambda d: torch.ones((), device=d).addr_(torch.ones(2, device=d), torch.ones(3, device=d)))
    assert wanted == actual


def test_mode_takes_out():
    x = torch.tensor([[3, 1, 3], [2, 2, 0]], device=DEVICE)
    values, indices = torch.empty(0, dtype=torch.int64, device=DEVICE), torch.empty(0, dtype=torch.int64, device=DEVICE)
    torch.mode(x, 1, out=(values, indices))
    assert values.tolist() == [3, 2] and indices.tolist() == torch.mode(x.cpu(), 1)[1].tolist()


def test_narrow_copy_says_what_the_cpu_says():
    wanted, actual = both(lambda d: torch.narrow_copy(torch.ones(2, 3, 4, device=d), 3, 0, 0))
    assert wanted.splitlines()[0] == actual.splitlines()[0]
    assert torch.equal(torch.narrow_copy(matrix(DEVICE, 3, 4), 1, 1, 2).cpu(), matrix("cpu", 3, 4)[:, 1:3])


def test_conj_physical_in_place():
    x = matrix("cpu", 3, 2, dtype=torch.complex64) * (1 + 2j)
    for start in (x, x.conj(), x.t()):
        there = start.to(DEVICE)
        assert there.conj_physical_() is there
        assert_same(there.resolve_conj(), start.clone().conj_physical_().resolve_conj(), device=DEVICE)


def test_an_input_that_is_also_out_is_not_broadcast_or_overwritten_early():
    both(lambda d: torch.ones(5, 1, dtype=torch.complex64, device=d).ldexp_(torch.ones(5, dtype=torch.complex64, device=d)))

    def overlapping(d):
        x, y = torch.zeros(0, device=d), torch.ones(4, 6, device=d)
        return torch.cat((x, y), out=y)

    wanted, actual = both(overlapping)
    assert wanted == actual and "single memory location" in actual

    def sorted_into_itself(d):
        x = torch.tensor([3., 1, 2], device=d)
        torch.sort(x, out=(x, torch.empty(3, dtype=torch.int64, device=d)))
        return x

    assert outcome(lambda: sorted_into_itself(DEVICE))[0] is outcome(lambda: sorted_into_itself("cpu"))[0]


def test_scans_check_their_dim_even_without_elements():
    for op in (torch.logcumsumexp, torch.cumsum, torch.cumprod):
        wanted, actual = both(lambda d: op(torch.ones(0, 2, device=d), 3))
        assert wanted == actual


def test_normal_into_integers_is_refused_as_on_the_cpu():
    wanted, actual = both(lambda d: torch.normal(torch.zeros(3, device=d), 1., out=torch.zeros(3, dtype=torch.int64, device=d)))
    assert wanted == actual
