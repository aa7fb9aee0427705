"""Mathematical functions in primitives: once, for all backends."""

from .error import (erf, erfc, gelu, gelu_derivative, gelu_tanh, gelu_tanh_derivative, normal_cdf)  # noqa: F401
from .exponential import (cosh, entr, exp, exp2, expm1, log, log1p, log2, log10, logaddexp, logaddexp2,  # noqa: F401
                          logit, logit_eps, sigmoid, silu, sinh, softplus, tanh, tanh_softplus, xlog1py, xlogy)  # noqa: F401
from .integer import div_floor, div_trunc, nextafter, pow_integer, remainder  # noqa: F401
from .power import hypot, pow  # noqa: F401
from .trigonometric import acos, asin, atan, atan2, cos, sin, sinc, sin_pi, tan  # noqa: F401
