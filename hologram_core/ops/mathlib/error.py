"""The error function and its family: erf, erfc, gelu, the normal distribution and their inverses."""

from __future__ import annotations

from .core import INF, horner, pick, two_product
from .exponential import _expm1_reduced, logistic, reduce_exp

# Upper tails. With v = a / (a + K) and Q(v) = (a + K) e^(a^2/2) normal_cdf(-a):
#     normal_cdf(-a) = Q(v) / (a + K) e^(-a^2/2),     a normal_cdf(-a) = v Q(v) e^(-a^2/2).
# Q is a polynomial in v - V0: well conditioned, for K makes Q nearly constant and V0 lies in the middle.
# f32: 0 <= a <= 14.7, relative error 8.2e-9.
_NORMAL_32 = (1.5, 0.609375,
              (0.5721421241760254, -0.4338199198246002, -0.16153404116630554, 0.27591148018836975, 0.30594417452812195,
               -0.07712139934301376, -0.4799591898918152, -0.4325244128704071, 0.1861109435558319, 0.8417513966560364,
               0.8232589364051819, 0.2948998212814331))
# The same for erfc(a) = Q(v) / (a + K) e^(-a^2). f32: 0 <= a <= 10.2, relative error 1.2e-8.
_ERFC_32 = (1.25, 0.5625,
            (0.8711135983467102, -0.7774218916893005, -0.010562392883002758, 0.43610647320747375, 0.15016421675682068,
             -0.3095466196537018, -0.38222872946739197, 0.020222770050168037, 0.45583397150039673, 0.3715711832046509,
             -0.06402880698442459, -0.15637902915477753))


def _tail(b, a, v, exponent, table):
    """(Q(v) (1 + q), n) with e^(exponent * a^2) = 2^n (1 + q)."""
    square, lost = two_product(b, a, a)
    n, r = reduce_exp(b, exponent * square, exponent * lost)
    poly = horner(b, v - table[1], table[2])
    return b.fma(poly, _expm1_reduced(b, r), poly), n


def gelu(b, x):
    """x * normal_cdf(x) = max(x, 0) - |x| normal_cdf(-|x|): one relative error for both signs."""
    table = _NORMAL_32
    a = b.abs(x)
    top = b.like(x, pick(x, 15.0, 39.0))
    c = b.select(a > top, top, a)
    v = c / (c + table[0])
    h, n = _tail(b, c, v, -0.5, table)
    w = b.ldexp(v * h, n)
    return b.select(x < 0, b.select(a > top, x * 0, -w), x - w)
