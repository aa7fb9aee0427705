"""The error function and its family: erf, erfc, gelu, the normal distribution and their inverses."""

from __future__ import annotations

from ...dtypes import F32
from . import normal_table
from .core import bits_of, horner, is32, nan_where, paired, pick, two_product, two_sum
from .exponential import (
    EXPM1_32,
    EXPM1_64,
    LOGISTIC_LOW,
    MAGIC,
    exp_words,
    expm1_reduced,
    logistic,
    logistic_denominator,
    reduce_exp,
    sigmoid,
)

# Upper tails. With v = a / (a + K) and Q(v) = (a + K) e^(a^2/2) normal_cdf(-a):
#     normal_cdf(-a) = Q(v) / (a + K) e^(-a^2/2),     a normal_cdf(-a) = v Q(v) e^(-a^2/2).
# Q is a polynomial in v - M, well conditioned: K makes Q nearly constant and M lies in the middle. A table is
# (K, M, d(v Q)/dv / (a + K) as a polynomial in v, Q); the third is good to 3 digits.
# f32: 0 <= a <= 14.7, relative error 8.2e-9. f64: 0 <= a <= 39, 1.4e-17.
_FAR_32 = (1.5, 0.609375, (0.519, -0.946, 0.395),
           (0.5721421241760254, -0.4338199198246002, -0.16153404116630554, 0.27591148018836975,
            0.30594417452812195, -0.07712139934301376, -0.4799591898918152, -0.4325244128704071,
            0.1861109435558319, 0.8417513966560364, 0.8232589364051819, 0.2948998212814331))
_TAIL_64 = (3.0, 0.625, (0.458, -1.329, 0.945),
            (0.6153544398000503, -0.8073971037056702, 0.7670949847379714, -0.4256016393507369,
             -0.02245132169303425, 0.2243108234952398, -0.06368799126943094, -0.14046680073705198,
             0.06077158548555816, 0.1200976420718693, -0.039591199172487324, -0.126771796602845,
             0.0007748554967834948, 0.1398839244112072, 0.06665195302947266, -0.13128840155486607,
             -0.16576364077936076, 0.05020409303691876, 0.24952128022336664, 0.1514459956342326,
             -0.14506867169165077, -0.3026664692431575, -0.21537216897493236, -0.07074775701366054,
             -0.008077919478250227))
# (erf(x) - x) / x in x^2, 0 <= x <= 0.85 (f32, relative error 6.1e-9), 0 <= x <= 1 (f64, 1.3e-19)
_ERF_32 = (0.12837916612625122, -0.3761257231235504, 0.11282717436552048, -0.02680254727602005, 0.00505109503865242,
           -0.000631513015832752)
_ERF_64 = (0.1283791670955126, -0.3761263890318375, 0.11283791670954857, -0.026866170645072896, 0.0052239776247808714,
           -0.0008548326978742404, 0.00012055331036904598, -1.4925593506969947e-05, 1.6460972817817777e-06,
           -1.635002522695909e-07, 1.4657879848260856e-08, -1.1365665908464014e-09, 5.945261542432679e-11)
# log(erfc(x)), 0.85 <= x <= 4; the error of erf is 2.0e-9
_LOG_ERFC_32 = (-0.000114671558549162, -1.1280156373977661, -0.6366012096405029, -0.10444856435060501, 0.022479306906461716,
                -0.003107283730059862, 0.00020254046830814332)


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


def _cdf_piece(b, a):
    """normal_cdf(-a) for 0 <= a <= normal_table.END, f32, to about one rounding."""
    shifted = b.fma(a, b.like(a, normal_table.SCALE), b.like(a, MAGIC[0]))
    number = bits_of(b, shifted)               # its low bits count the pieces
    t = a - b.lookup(normal_table.CENTRES, number, F32)
    constant, *rest = (b.lookup(c, number, F32) for c in normal_table.COEFFICIENTS)
    return b.fma(t, paired(b, t, t * t, rest), constant)


def gelu(b, x):
    """x * normal_cdf(x) = max(x, 0) - |x| normal_cdf(-|x|): one relative error for both signs. -inf gives NaN."""
    a = b.abs(x)

    def combine(w, n):
        w = b.ldexp(w, n)
        return b.select(x < 0, -w, x - w)

    def everywhere(table, end):
        top = b.like(x, end)
        y = combine(*_cdf_tail(b, b.select(a > top, top, a), table))
        return b.select(x < -top, x * 0, y)
    if not is32(x):
        return everywhere(_TAIL_64, 39.0)
    near = a * _cdf_piece(b, a)
    y = b.select(x < 0, b.like(x, 0), x) - near
    return b.rarely(a > normal_table.END, lambda: everywhere(_FAR_32, 15.0), y)


def _cdf_and_density(b, x):
    """(normal_cdf(x), e^(-x^2/2))."""
    k, middle, _, coefficients = pick(x, _FAR_32, _TAIL_64)
    a = b.abs(x)
    top = b.like(x, pick(x, 14.7, 39.0))
    a = b.select(a > top, top, a)
    v = a / (a + k)
    square, lost = two_product(b, -0.5 * a, a)
    density = exp_words(b, square, lost)
    tail = (1 - v) * (1 / k) * horner(b, v - middle, coefficients) * density
    return b.select(x < 0, tail, 1 - tail), density


def normal_cdf(b, x):
    return nan_where(b, b.isnan(x), _cdf_and_density(b, x)[0])


def gelu_derivative(b, x):
    """normal_cdf(x) + x * normal_density(x)."""
    cdf, density = _cdf_and_density(b, x)
    return b.fma(x * 0.3989422804014327, density, cdf)


# ---- gelu by tanh: x sigmoid(t), t = sqrt(8/pi) (x + 0.044715 x^3) ----

_T1 = ((1.5957691669464111, -4.534068054340423e-08), (1.5957691216057308, -9.96930880911092e-17))
_T3 = ((0.07135481387376785, 2.3988324659995897e-09), (0.07135481627260025, -6.175149918155315e-19))


def _gelu_argument(b, x):
    """t in two words, for |x| below 2^30 or so."""
    (c1, d1), (c3, d3) = pick(x, _T1[0], _T1[1]), pick(x, _T3[0], _T3[1])
    square, lost = two_product(b, x, x)
    cubic = c3 * square
    lost = b.fma(square, b.like(x, d3), b.fma(lost, b.like(x, c3), b.fma(square, b.like(x, c3), -cubic)))
    s, error = two_sum(b, cubic, b.like(x, c1))
    t = x * s
    return t, b.fma(x, error + (lost + d1), b.fma(x, s, -t))


def gelu_tanh(b, x):
    """0.5 x (1 + tanh(t/2)); -inf gives NaN."""
    low, high = b.like(x, -12.0 if is32(x) else -24.0), b.like(x, 12.0 if is32(x) else 24.0)
    c = b.select(x < low, low, b.select(x > high, high, x))
    t, lost = _gelu_argument(b, c)

    def far():
        return b.select(x < low, x * 0, logistic(b, x, t, lost))
    return b.rarely(t < pick(x, *LOGISTIC_LOW), far, x / logistic_denominator(b, t, lost))


def gelu_tanh_derivative(b, x):
    """s + x s (1 - s) t' with s = sigmoid(t). NaN where x^2 overflows, as in PyTorch."""
    square = x * x
    s = sigmoid(b, x * b.fma(square, b.like(x, _T3[1][0]), b.like(x, _T1[1][0])))
    slope = b.fma(square, b.like(x, 3 * _T3[1][0]), b.like(x, _T1[1][0]))
    return b.fma(x * s * (1 - s), slope, s)


# ---- erf, erfc ----


def erf(b, x):
    """x + x P(x^2) near zero, 1 - e^L(|x|) (f64: 1 - erfc) beyond."""
    a = b.abs(x)
    near = b.fma(a, horner(b, a * a, pick(x, _ERF_32, _ERF_64)), a)
    if is32(x):
        top = b.like(x, 4.0)
        far = 1 - exp_words(b, horner(b, b.select(a > top, top, a), _LOG_ERFC_32))
        return b.copysign(b.select(a < 0.85, near, far), x)
    return b.copysign(b.select(a < 1.0, near, 1 - erfc_tail(b, a)), x)


def erfc_tail(b, x):
    """erfc for x >= 0: twice the normal tail at x sqrt(2), with the exponential of the exact square."""
    k, middle, _, coefficients = pick(x, _FAR_32, _TAIL_64)
    top = b.like(x, pick(x, 10.4, 27.5))
    x = b.select(x > top, top, x)
    a = x * 1.4142135623730951
    inverse = 1 / (a + k)
    square, lost = two_product(b, -x, x)
    n, r = reduce_exp(b, square, lost)
    poly = horner(b, b.fma(inverse, b.like(x, -k), b.like(x, 1 - middle)), coefficients)
    return b.ldexp(2 * inverse * b.fma(poly, expm1_reduced(b, r), poly), n)


def erfc(b, x):
    """1 - erf(x) where that is at least 1/2, the tail (and 2 - the tail) elsewhere."""
    a = b.abs(x)
    tail = erfc_tail(b, a)
    center = 1 - b.fma(x, horner(b, x * x, pick(x, _ERF_32, _ERF_64)), x)
    return b.select(a < 0.475, center, b.select(x < 0, 2 - tail, tail))


def erfcx(b, x):
    """e^(x^2) erfc(x): the tail without its exponential, and the asymptotic series beyond the table."""
    k, middle, _, coefficients = pick(x, _FAR_32, _TAIL_64)
    a = b.abs(x)
    end = b.like(x, pick(x, 10.4, 27.5))
    inverse = 1 / b.fma(b.select(a > end, end, a), b.like(x, 1.4142135623730951), b.like(x, k))
    near = 2 * inverse * horner(b, b.fma(inverse, b.like(x, -k), b.like(x, 1 - middle)), coefficients)
    z = 1 / (a * a)
    far = 0.5641895835477563 / a * horner(b, z, (1.0, -0.5, 0.75, -1.875, 6.5625, -29.53125, 162.421875))
    y = b.select(a > end, far, near)
    square, lost = two_product(b, x, x)
    bound = b.like(x, pick(x, 89.0, 710.0))
    full = 2 * exp_words(b, b.select(square > bound, bound, square), b.select(square > bound, b.like(x, 0), lost))
    return nan_where(b, b.isnan(x), b.select(x < 0, full - y, y))
