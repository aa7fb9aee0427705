"""`torch.hologram.random`: the functions of random numbers under the name of torch.cuda.random."""

from .device import (  # noqa: F401
    get_rng_state,
    get_rng_state_all,
    initial_seed,
    manual_seed,
    manual_seed_all,
    seed,
    seed_all,
    set_rng_state,
    set_rng_state_all,
)
