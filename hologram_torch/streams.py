"""`torch.hologram.streams`: streams and events under the names of torch.cuda.streams and torch.mps.event."""

from __future__ import annotations

import torch

from .device import Event, Stream, stream  # noqa: F401


class StreamContext:
    """torch.hologram.stream as a class: work of this thread goes to `stream` inside the block; None changes nothing."""

    def __init__(self, stream: torch.Stream | None):
        self.stream = stream

    def __enter__(self) -> None:
        self._inside = stream(self.stream)
        self._inside.__enter__()

    def __exit__(self, *exc) -> None:
        self._inside.__exit__(*exc)
