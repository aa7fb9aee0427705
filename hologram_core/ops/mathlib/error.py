"""The error function and its family: erf, erfc, gelu, the normal distribution and their inverses."""

from __future__ import annotations

from .core import horner, pick, two_product
from .exponential import EXPM1_32, EXPM1_64, reduce_exp

# Upper tails. With v = a / (a + K) and Q(v) = (a + K) e^(a^2/2) normal_cdf(-a):
#     normal_cdf(-a) = Q(v) / (a + K) e^(-a^2/2),     a normal_cdf(-a) = v Q(v) e^(-a^2/2).
# Q is a polynomial in v - V0: well conditioned, for K makes Q nearly constant and V0 lies in the middle.
# f32: 0 <= a <= 14.7, relative error 8.2e-9.
_FAR_32 = (1.5, 0.609375, (0.519, -0.946, 0.395),
              (0.5721421241760254, -0.4338199198246002, -0.16153404116630554, 0.27591148018836975, 0.30594417452812195,
               -0.07712139934301376, -0.4799591898918152, -0.4325244128704071, 0.1861109435558319, 0.8417513966560364,
               0.8232589364051819, 0.2948998212814331))
_NEAR_32 = (2.5, 0.25, (0.494, -1.417, 1.06), (0.9544039964675903, -1.1028881072998047, 0.38952186703681946, 0.2683359980583191, -0.10674364119768143, -0.15065817534923553, -0.017136575654149055, 0.07765906304121017, 0.023167675361037254))
# The same for erfc(a) = Q(v) / (a + K) e^(-a^2). f32: 0 <= a <= 10.2, relative error 1.2e-8.
_ERFC_32 = (1.25, 0.5625,
            (0.8711135983467102, -0.7774218916893005, -0.010562392883002758, 0.43610647320747375, 0.15016421675682068,
             -0.3095466196537018, -0.38222872946739197, 0.020222770050168037, 0.45583397150039673, 0.3715711832046509,
             -0.06402880698442459, -0.15637902915477753))


def _cdf_tail(b, a, table):
    """(w, n): a normal_cdf(-a) = w 2^n for 0 <= a <= table's end, to about one rounding.

    v, Q and v Q are kept in two words, the low ones in `low`. `slope` is d(v Q)/dv / (a + K), which turns the errors
    of a + K and of the division into one of v Q; 3 digits of it are enough.
    """
    k, middle, slope, coefficients = table
    s = a + k
    v = a / s
    left = b.fma(-v, a - (s - k), b.fma(-v, s, a))
    t = v - middle
    inner = horner(b, t, coefficients[1:])
    constant = b.like(a, coefficients[0])
    q = b.fma(t, inner, constant)
    w = v * q
    low = b.fma(left, horner(b, v, slope), b.fma(v, b.fma(t, inner, constant - q), b.fma(v, q, -w)))
    square, lost = two_product(b, -0.5 * a, a)
    n, r = reduce_exp(b, square, lost)
    rest = r * r * horner(b, r, pick(a, EXPM1_32, EXPM1_64))
    return w + b.fma(w, r, b.fma(w, rest, low)), n


def gelu(b, x):
    """x * normal_cdf(x) = max(x, 0) - |x| normal_cdf(-|x|): one relative error for both signs. -inf gives NaN."""
    a = b.abs(x)

    def combine(w, n):
        w = b.ldexp(w, n)
        return b.select(x < 0, -w, x - w)

    def far():
        top = b.like(x, pick(x, 15.0, 39.0))
        y = combine(*_cdf_tail(b, b.select(a > top, top, a), _FAR_32))
        return b.select(x < -top, x * 0, y)
    near = _NEAR_32
    return b.rarely(a > pick(x, 5.5, 8.0), far, combine(*_cdf_tail(b, a, near)))
