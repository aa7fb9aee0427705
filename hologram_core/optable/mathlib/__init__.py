"""Mathematical functions in primitives: once, for all backends.

f32 results are within 2 ulp over the whole range of the argument (within 5 for erfc and a few seldom used ones, see the
tests), f64 results within 4; subnormal numbers are neither flushed nor refused, special values follow PyTorch.
"""

from .core import INF, NAN  # noqa: F401
from .error import (erf, erfc, erfcx, gelu, gelu_derivative, gelu_tanh, gelu_tanh_derivative, normal_cdf)  # noqa: F401
from .exponential import (cosh, entr, exp, exp2, exp_nonpositive, expm1, log, log1p, log2, log10, logaddexp, logaddexp2,  # noqa: F401
                          logit, logit_eps, sigmoid, silu, sinh, softplus, tanh, tanh_softplus, xlog1py, xlogy)
from .integer import div_floor, div_trunc, nextafter, pow_integer, remainder  # noqa: F401
from .power import hypot, pow  # noqa: F401
from .special import (acosh, asinh, atanh, digamma, erfinv, i0, i0e, i1, i1e, lgamma, log_ndtr, ndtri)  # noqa: F401
from .trigonometric import acos, asin, atan, atan2, cos, sin, sinc, sin_pi, tan  # noqa: F401
