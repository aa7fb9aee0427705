"""The inverse of the normal distribution, gamma and Bessel functions.

Where a function is seldom used and hard to get right in f32, f32 arguments are computed in f64 (`wide`).
"""

from __future__ import annotations

from ...dtypes import F32, F64
from .core import INF, horner, is32, nan_where, two_product
from .error import erf, erfc, erfc_tail, erfcx
from .exponential import exp, exp_words, log, log1p
from .trigonometric import sin_pi, tan


def wide(function):
    """The function on f64 values; f32 arguments are widened and the result is rounded."""
    def widened(b, *args):
        if not is32(args[0]):
            return function(b, *args)
        return b.cast(function(b, *(b.cast(a, F64) for a in args)), F32)
    widened.__doc__ = function.__doc__
    return widened


# ---- inverse hyperbolic functions ----

_LN2 = 0.6931471805599453


@wide
def asinh(b, x):
    a = b.abs(x)
    large = a > 2.0**500
    c = b.select(large, b.like(x, 1), a)
    y = log1p(b, b.select(large, a, c + c * c / (1 + b.sqrt(b.fma(c, c, b.like(x, 1))))))
    return b.copysign(b.select(large, y + _LN2, y), x)


@wide
def acosh(b, x):
    t = x - 1
    large = x > 2.0**500
    y = log1p(b, b.select(large, x, t + b.sqrt(b.fma(t, t, t + t))))
    return nan_where(b, x < 1, b.select(large, y + _LN2, y))


@wide
def atanh(b, x):
    a = b.abs(x)
    return b.copysign(0.5 * log1p(b, (a + a) / (1 - a)), x)


# ---- inverse of the error function and of the normal distribution ----

# erfinv(x) / x as a function of w = -log(1 - x^2): of w in [0, 5], of sqrt(w) in [2.236, 4.75] and in [4.75, 27.3], each
# scaled to [-1, 1]. Relative errors 6.4e-9, 2.5e-8, 3.7e-6 (the last is the start of an iteration).
_INV_A = (1.501409351110792, 0.6166007235686378, -0.02610825025337576, -0.01957419535690098, 0.00852569234233724,
          -0.00048434490177890003, -0.0008357945005424916, 0.0002840682437147928, 2.4390115560760592e-05,
          -3.333668023235368e-05, 4.455502041853586e-06)
_INV_B = (3.3284685343119285, 1.2661714204636556, 0.005245935100669955, -0.004175298693504219, 0.002790096552099812,
          -0.002093521475432657, 0.0017369245306803358, -0.0013729139426494148, 0.000514542792040814,
          0.00022702704673709283, -0.00018651751815479983)
_INV_C = (15.94210211677338, 11.311462174483411, -0.018200550781011394, 0.009238896368093682, -0.0029475084405320906,
          0.0008831704100132163, -0.0046168728422879834, 0.003214214222311982, 0.0031216419527953956,
          -0.002648726375888942)


def _scaled_poly(b, x, low, high, table):
    return horner(b, b.fma(x, b.like(x, 2 / (high - low)), b.like(x, -(low + high) / (high - low))), table)


def inverse_ratio(b, w):
    """erfinv(x) / x from w = -log(1 - x^2) >= 0."""
    def tail():
        s = b.sqrt(w)
        y = _scaled_poly(b, s, 2.23606797749979, 4.75, _INV_B)
        return b.select(s > 4.75, _scaled_poly(b, s, 4.75, 27.3, _INV_C), y)
    return b.rarely(w > 5, tail, _scaled_poly(b, w, 0.0, 5.0, _INV_A))


def normal_tail(b, q):
    """The y >= 0 with erfc(y) = 2 q, 0 < q <= 1/2, to a relative 1e-7 (2.5e-8 in f64)."""
    return (1 - 2 * q) * inverse_ratio(b, -log(b, 4 * q * (1 - q)))


def _refine(b, y, q):
    """A Halley step for erfc(y) = q, y >= 0."""
    square, lost = two_product(b, -y, y)
    u = (erfc_tail(b, y) - q) / (1.1283791670955126 * exp_words(b, square, lost))
    return y + u / b.fma(-y, u, b.like(y, 1))


def _refine_center(b, y, x):
    """A Halley step for erf(y) = x."""
    u = (erf(b, y) - x) / (1.1283791670955126 * exp(b, -(y * y)))
    return y - u / b.fma(y, u, b.like(y, 1))


def erfinv(b, x):
    a = b.abs(x)
    y = a * inverse_ratio(b, -log(b, b.fma(-a, a, b.like(a, 1))))
    if not is32(x):
        y = b.select(a < 0.5, _refine_center(b, y, a), _refine(b, _refine(b, y, 1 - a), 1 - a))
    y = b.select(a.eq(1), b.like(x, INF), nan_where(b, ~(a <= 1), y))
    return b.copysign(y, x)


@wide
def ndtri(b, p):
    """The x with normal_cdf(x) = p."""
    upper = p > 0.5
    q = b.select(upper, 1 - p, p)
    y = normal_tail(b, q)
    y = b.select(q > 0.25, _refine_center(b, y, 1 - 2 * q), _refine(b, _refine(b, y, 2 * q), 2 * q))
    y = 1.4142135623730951 * b.select(upper, y, -y)
    y = b.select(p.eq(0), b.like(p, -INF), b.select(p.eq(1), b.like(p, INF), y))
    return nan_where(b, ~((p >= 0) & (p <= 1)), y)


@wide
def log_ndtr(b, x):
    """log(normal_cdf(x)), by the scaled tail for negative x."""
    t = x * 0.7071067811865476
    left = log(b, 0.5 * erfcx(b, -t)) - t * t
    return b.select(x < -1, left, log1p(b, -0.5 * erfc(b, t)))


# ---- gamma ----

# lgamma(x) / ((x - 1) (x - 2)) in x - 2, 1 <= x <= 3: relative error 9.3e-18
_GAMMA = (0.42278433509846713, -0.10031730167435392, 0.03296500062115691, -0.012384192193371805, 0.004998641164627129,
          -0.0021081308339216706, 0.0009153769240386907, -0.0004057073983775151, 0.0001825526153982638,
          -8.309511477709561e-05, 3.816907658276081e-05, -1.7661767658452517e-05, 8.221234475942905e-06,
          -3.846858091533014e-06, 1.8113906873056685e-06, -8.54560908975883e-07, 3.958940459367468e-07,
          -1.878442644643758e-07, 1.042041826608264e-07, -4.9827532071170234e-08, 5.910565853507869e-09,
          -2.7296358592514825e-09, 1.6194359237484174e-08, -7.842557720538356e-09, -4.312495770350818e-09,
          2.0986002157033107e-09, 1.5746606982777302e-09, -7.639292345836201e-10)
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156, -3617 / 122400)
_DIGAMMA = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12)


def _lgamma_positive(b, x):
    """Below 1 from x + 1; in [1, 3) by the polynomial; up to 8 brought down to [2, 3); Stirling's series beyond."""
    one = b.like(x, 1)
    small, large = x < 1, x >= 8
    r, product = x, one
    for _ in range(5):
        step = r >= 3
        r = b.select(step, r - 1, r)
        product = product * b.select(step, r, one)
    first, second = b.select(small, x, r - 1), b.select(small, x - 1, r - 2)
    base = first * second * horner(b, second, _GAMMA)
    logarithm = log(b, b.select(small | large, x, product))
    y = b.select(small, base - logarithm, base + logarithm)
    inverse = 1 / x
    series = inverse * horner(b, inverse * inverse, _STIRLING)
    far = (x - 0.5) * (logarithm - 1) + (0.4189385332046728 + series)
    return b.select(large, far, y)


@wide
def lgamma(b, x):
    """log|gamma(x)|; by reflection for negative x, infinite at 0, -1, -2 ..."""
    a = b.abs(x)
    y = _lgamma_positive(b, a)
    y = b.select(a.eq(INF), b.like(x, INF), y)

    def reflected():
        s = b.abs(sin_pi(b, a))
        z = b.select(s.eq(0) | a.eq(INF), b.like(x, INF), log(b, 3.141592653589793 / (a * s)) - y)
        return z
    return b.rarely(x < 0, reflected, y)


@wide
def digamma(b, x):
    """The logarithmic derivative of gamma; -inf at 0 (inf at -0.0), NaN at negative integers."""
    zero, one = b.like(x, 0), b.like(x, 1)
    negative = x < 0.5
    a = b.select(negative, 1 - x, x)
    # the sum of 1/(a + i) up to 10 as one fraction
    top, bottom, r = zero, one, a
    for _ in range(10):
        step = r < 10
        top = b.select(step, b.fma(top, r, bottom), top)
        bottom = b.select(step, bottom * r, bottom)
        r = b.select(step, r + 1, r)
    z = 1 / (r * r)
    y = log(b, r) - 0.5 / r - z * horner(b, z, _DIGAMMA) - top / bottom
    y = b.select(a.eq(INF), a, y)
    distance = x - b.rint(x)
    pole = 3.141592653589793 / tan(b, 3.141592653589793 * distance)
    y = b.select(negative, y - pole, y)
    y = nan_where(b, (x < 0) & distance.eq(0), y)
    return b.select(x.eq(0), b.copysign(b.like(x, INF), -x), y)


# ---- modified Bessel functions ----

# e^-x I0(x) and e^-x I1(x) / x in x / 4 - 1, x <= 8; sqrt(x) e^-x times either in 16 / x - 1, x >= 8. Errors below 3e-17.
_I0_NEAR = (0.2070019212239867, -0.11300432688620549, 0.09451562853995103, -0.08904344136075991, 0.08734341617552291,
            -0.08496338091615124, 0.07927522590716898, -0.06954119561742342, 0.056777032019843215,
            -0.04298594945226738, 0.03017791202356886, -0.019682654708082413, 0.011960077903963348,
            -0.006792399792271578, 0.0036171264596770616, -0.0018118870527295522, 0.0008563152483951447,
            -0.0003829015089457559, 0.0001624054672701359, -6.550956130635514e-05, 2.5202271984440893e-05,
            -9.25059710625537e-06, 3.2293850630678377e-06, -1.0891964284507317e-06, 3.675592893288293e-07,
            -1.1339523685907105e-07, 2.6273368345256394e-08, -7.860369707508212e-09, 4.469372581856615e-09,
            -1.1662904878442954e-09)
_I1_NEAR = (0.044687709875608835, -0.06112433802966629, 0.0680575999095116, -0.0684826062058255, 0.0637674037134072,
            -0.05528003922705058, 0.044674572621255064, -0.03367135551994034, 0.023686016957724227,
            -0.01557130925657511, 0.00958396215077406, -0.005534567760544582, 0.003005762419557192,
            -0.0015388749636515487, 0.000744512345281566, -0.0003411747437353928, 0.00014842124144631648,
            -6.142651349494123e-05, 2.4233756432468166e-05, -9.131846315273642e-06, 3.2938951625746042e-06,
            -1.1380759138279984e-06, 3.759400376008922e-07, -1.2000364861910367e-07, 3.8028049651067336e-08,
            -1.1191257727176943e-08, 2.6037822441041467e-09, -7.379291130374042e-10, 3.727630409237771e-10,
            -9.365751909742237e-11)
_I0_FAR = (0.4021765094450081, 0.0033605519836678913, 0.00013621607438951463, 1.114303378845176e-05,
           1.4838476780922646e-06, 2.9735992084667734e-07, 8.872014585661555e-08, 3.932512321137824e-08,
           2.156780676115673e-08, 7.559364098665437e-09, -6.856484545962442e-09, -1.3427511481900905e-08,
           -5.0175940345046716e-09, 7.600254486433509e-09, 6.522264862032271e-09, -3.5862834111582305e-09,
           -4.5305710768621196e-09, 1.6084886155781772e-09, 2.163681278413876e-09, -6.327909921997027e-10,
           -6.494591114401118e-10, 1.7698085539456536e-10, 9.114760157514253e-11, -2.4421972688131832e-11)
_I1_FAR = (0.38939845902587233, -0.009749577193235765, -0.00021923576383137776, -1.5038547198221758e-05,
           -1.8349102493990178e-06, -3.4838563464253135e-07, -1.0001075046243961e-07, -4.3128498031006734e-08,
           -2.3394122958362557e-08, -8.432168972932417e-09, 6.84757829926934e-09, 1.4051746928735543e-08,
           5.5720183980930355e-09, -7.687251308765992e-09, -6.9444186339873875e-09, 3.501765193290176e-09,
           4.763780078020254e-09, -1.5218214060680734e-09, -2.2624401109204446e-09, 5.870664618471487e-10,
           6.7727478454462e-10, -1.6283264322621244e-10, -9.491890392992048e-11, 2.2421768596847442e-11)


def _bessel(b, a, near_table, far_table):
    """e^-a I(a) by the two series; `near` has no factor a yet."""
    c = b.select(a < 8, a, b.like(a, 8))
    near = horner(b, b.fma(c, b.like(a, 0.25), b.like(a, -1)), near_table)
    d = b.select(a < 8, b.like(a, 8), a)
    far = horner(b, 16 / d - 1, far_table) / b.sqrt(d)
    return near, far


@wide
def i0e(b, x):
    """e^-|x| I0(x)."""
    a = b.abs(x)
    near, far = _bessel(b, a, _I0_NEAR, _I0_FAR)
    return nan_where(b, b.isnan(x), b.select(a < 8, near, far))


@wide
def i1e(b, x):
    """e^-|x| I1(x)."""
    a = b.abs(x)
    near, far = _bessel(b, a, _I1_NEAR, _I1_FAR)
    return nan_where(b, b.isnan(x), b.copysign(b.select(a < 8, near * a, far), x))


@wide
def i0(b, x):
    return exp(b, b.abs(x)) * i0e(b, x)


@wide
def i1(b, x):
    return exp(b, b.abs(x)) * i1e(b, x)
