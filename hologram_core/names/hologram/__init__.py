"""The runtime under its distribution's name: `import hologram as hg` gives what `import hologram_core as hg` gives.

    with hologram.Executor() as executor:
        a, b, c = (executor.allocate(1024) for _ in range(3))
        ...
        hologram.vector_add_f32(executor, a, b, c, 1024)

`python -m hologram` has the commands doctor, warm, cache and bench.
"""

from typing import TYPE_CHECKING

import hologram_core as _core
from hologram_core import __version__ as __version__

if TYPE_CHECKING:
    from hologram_core import *


def __getattr__(name: str):
    try:
        return getattr(_core, name)
    except AttributeError:
        raise AttributeError(f"module 'hologram' has no attribute {name!r}") from None


def __dir__():
    return sorted({*globals(), *dir(_core)})
