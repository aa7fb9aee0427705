"""Mathematical functions in primitives: once, for all backends."""

from .integer import div_floor, div_trunc, nextafter, pow_integer, remainder  # noqa: F401
