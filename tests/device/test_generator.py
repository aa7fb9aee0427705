"""The Philox generator: 16 bytes of state, torch's seeding rules, forks of the state."""

import pytest
import torch

from tests.compare import DEVICE

hologram = torch.hologram


def state(seed, offset):
    return torch.tensor(list(seed.to_bytes(8, "little") + offset.to_bytes(8, "little")), dtype=torch.uint8)


def test_state_is_seed_and_offset():
    generator = torch.Generator(device=DEVICE)
    assert generator.device == torch.device("hologram:0") and generator.initial_seed() == 67280421310721
    generator.manual_seed(0x0102030405060708)
    generator.set_offset(12)
    assert generator.get_offset() == 12
    assert torch.equal(generator.get_state(), state(0x0102030405060708, 12))
    generator.set_state(state(5, 6))
    assert generator.initial_seed() == 5 and generator.get_offset() == 6
    assert generator.manual_seed(7) is generator and generator.get_offset() == 0
    generator.manual_seed(-1)
    assert generator.initial_seed() == 2**64 - 1
    assert generator.seed() == generator.initial_seed()


def test_clone_is_independent():
    generator = torch.Generator(device=DEVICE).manual_seed(3)
    clone = generator.clone_state()
    assert clone.device == generator.device and torch.equal(clone.get_state(), generator.get_state())
    clone.manual_seed(4)
    assert generator.initial_seed() == 3


@pytest.mark.parametrize("bad, error", [
    (torch.zeros(15, dtype=torch.uint8), RuntimeError), (torch.zeros(17, dtype=torch.uint8), RuntimeError),
    (torch.zeros(0, dtype=torch.uint8), RuntimeError), (torch.zeros(16), TypeError),
    (torch.zeros(32, dtype=torch.uint8)[::2], RuntimeError), ("state", TypeError), (None, TypeError)], ids=repr)
def test_bad_states_are_refused(bad, error):
    generator = torch.Generator(device=DEVICE).manual_seed(3)
    with pytest.raises(error):
        generator.set_state(bad)
    assert generator.initial_seed() == 3


def test_manual_seed_covers_the_device():
    torch.manual_seed(11)
    assert hologram.initial_seed() == 11
    a = torch.rand(5, device=DEVICE)
    torch.manual_seed(11)
    assert torch.equal(torch.rand(5, device=DEVICE).cpu(), a.cpu())
    hologram.manual_seed(12)
    assert hologram.initial_seed() == 12 and torch.initial_seed() == 11
    hologram.manual_seed_all(13)
    assert hologram.default_generators[0].initial_seed() == 13
    hologram.seed()
    hologram.seed_all()
    torch.seed()
    assert hologram.initial_seed() == torch.initial_seed()


def test_rng_state_functions():
    hologram.manual_seed(1)
    before = hologram.get_rng_state()
    a = torch.rand(3, device=DEVICE)
    assert not torch.equal(hologram.get_rng_state(), before)
    hologram.set_rng_state(before, 0)
    assert torch.equal(torch.rand(3, device=DEVICE).cpu(), a.cpu())
    for device in (DEVICE, "hologram:0", 0, torch.device(DEVICE)):
        assert hologram.get_rng_state(device).numel() == 16
    hologram.set_rng_state_all(hologram.get_rng_state_all())


def test_fork_rng_and_checkpoint():
    hologram.manual_seed(1)
    before = hologram.get_rng_state()
    with torch.random.fork_rng(device_type=DEVICE):
        torch.rand(3, device=DEVICE)
    assert torch.equal(hologram.get_rng_state(), before)

    from torch.utils.checkpoint import checkpoint

    x = torch.ones(1000, device=DEVICE, requires_grad=True)
    y = checkpoint(lambda t: torch.nn.functional.dropout(t, 0.5) * 1.0, x, use_reentrant=False)
    y.sum().backward()
    assert torch.equal(x.grad.cpu(), y.detach().cpu())   # the recomputed mask is the first one


def test_generators_of_the_other_device_are_refused():
    with pytest.raises(RuntimeError, match="Expected a 'hologram' device type for generator but found 'cpu'"):
        torch.rand(3, device=DEVICE, generator=torch.Generator())
    generator, x = torch.Generator(device=DEVICE), torch.ones(3)
    for draw in (lambda: torch.rand(3, generator=generator), lambda: torch.randn(3, generator=generator),
                 lambda: torch.randint(5, (3,), generator=generator), lambda: torch.randperm(3, generator=generator),
                 lambda: x.uniform_(generator=generator), lambda: x.random_(generator=generator),
                 lambda: x.exponential_(generator=generator), lambda: torch.bernoulli(x, generator=generator),
                 lambda: torch.normal(x, 1.0, generator=generator), lambda: torch.rand_like(x, generator=generator),
                 lambda: torch.multinomial(x, 2, generator=generator), lambda: torch.poisson(x, generator=generator)):
        with pytest.raises(RuntimeError, match="Expected a 'cpu' device type for generator but found 'hologram'"):
            draw()
    assert torch.equal(x, torch.ones(3))


def test_explicit_generators_advance_alone():
    generator = torch.Generator(device=DEVICE).manual_seed(1)
    hologram.manual_seed(2)
    before = hologram.get_rng_state()
    a = torch.rand(4, device=DEVICE, generator=generator)
    assert generator.get_offset() > 0 and torch.equal(hologram.get_rng_state(), before)
    generator.manual_seed(1)
    assert torch.equal(torch.rand(4, device=DEVICE, generator=generator).cpu(), a.cpu())
