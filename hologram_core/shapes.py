"""Shapes and strides, in elements."""

from __future__ import annotations

import numpy as np

from .errors import InvalidType, InvalidValue, shown


def compact(shape) -> tuple:
    """Row-major strides."""
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))


def checked_ints(name: str, values) -> tuple:
    try:
        return tuple(v.__index__() for v in values)
    except (TypeError, AttributeError):
        raise InvalidType(f"hologram.tensor: {name} must be integers, not {shown(values)}.") from None


def checked_int(name: str, value) -> int:
    return checked_ints(name, (value,))[0]


def broadcast_shapes(a, b) -> tuple:
    """The common shape of two. Raises where there is none."""
    a, b = checked_ints("the shape", a), checked_ints("the shape", b)
    try:
        return tuple(np.broadcast_shapes(a, b))
    except (ValueError, OverflowError, RuntimeError):      # RuntimeError: too many dimensions
        raise InvalidValue(f"hologram.broadcast_shapes: {shown(a)} and {shown(b)} do not fit each other.") from None


def is_compact(shape, strides) -> bool:
    """Do the elements lie one after the other, in row-major order?"""
    return 0 in shape or all(size == 1 or stride == want for size, stride, want in zip(shape, strides, compact(shape)))
