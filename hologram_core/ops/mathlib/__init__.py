"""Mathematical functions in primitives: once, for all backends."""

from .integer import div_floor, div_trunc, nextafter, pow_integer, remainder  # noqa: F401
from .exponential import (exp, exp2, expm1, log, log1p, log2, log10, sigmoid, silu, sinh, cosh, tanh)  # noqa: F401
