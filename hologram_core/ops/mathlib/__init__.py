"""Mathematical functions in primitives: once, for all backends."""

from .core import INF, NAN  # noqa: F401
from .error import (erf, erfc, gelu, gelu_derivative, gelu_tanh, gelu_tanh_derivative, normal_cdf)  # noqa: F401
from .exponential import (cosh, exp, exp2, expm1, log, log1p, log2, log10, logistic, sigmoid, silu, sinh, tanh)  # noqa: F401
from .integer import div_floor, div_trunc, nextafter, pow_integer, remainder  # noqa: F401
