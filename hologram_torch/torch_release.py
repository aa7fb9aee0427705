"""(major, minor) of the torch that runs. What differs between releases is decided by comparing with it."""

import torch

RELEASE: tuple[int, int] = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])  # type: ignore[assignment]
