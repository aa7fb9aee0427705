"""Versions of packages, as numbers that compare. The build reads them too: this imports nothing."""

from __future__ import annotations

import re


def numbers(version: str) -> tuple[int, ...]:
    """(2, 13, 0) of '2.13.0+cpu'."""
    found = re.match(r"[\d.]*\d", version)
    if not found:
        raise ValueError(f"hologram: {version!r} is no version: it begins with no number.")
    return tuple(map(int, found[0].split(".")))


def release(version: str) -> tuple[int, int]:
    """(2, 13) of '2.13.0+cpu': what PyTorch changes its interfaces with."""
    major, minor, *_ = *numbers(version), 0
    return major, minor
