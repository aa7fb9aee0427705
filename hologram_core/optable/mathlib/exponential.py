"""exp, log and what is made of them."""

from __future__ import annotations

from .core import INF, NAN, bits_of, horner, is32, paired, pick, uint_of

# ---- e^x = 2^n (1 + q), |ln 2^n - x| <= ln(2)/2 ----

LOG2E = 1.4426950408889634
LN2 = 0.6931471805599453
MAGIC = (1.5 * 2.0**23, 1.5 * 2.0**52)
_LN2 = ((0.693145751953125, 1.428606765330187e-06), (0.6931471805599453, 2.3190468138462996e-17))
# (e^r - 1 - r) / r^2 on |r| <= 0.3468, error relative to e^r - 1: 1.4e-8 | 2.6e-19
EXPM1_32 = (0.4999999701976776, 0.1666654497385025, 0.041667453944683075, 0.0083664171397686, 0.0013869040412828326)
EXPM1_64 = (0.5, 0.16666666666666677, 0.04166666666666651, 0.008333333333321653, 0.001388888888896255,
             0.00019841269886074686, 2.4801587172319208e-05, 2.7557244253039837e-06, 2.755740270891703e-07,
             2.5109024835651062e-08, 2.0875347582676905e-09)


def clamp(b, x, low, high):
    """x between two numbers; NaN stays."""
    low, high = b.like(x, low), b.like(x, high)
    x = b.select(x < low, low, x)
    return b.select(x > high, high, x)


def nearest(b, x):
    """The integer nearest to a small x (of size below 2^21 | 2^50)."""
    magic = pick(x, *MAGIC)
    return (x + magic) - magic


def reduce_exp(b, x, low_word=None):
    """(n, r): e^(x + low_word) = 2^n e^r. n is a floating-point integer. x must be finite or NaN."""
    magic = pick(x, *MAGIC)
    high, low = pick(x, *_LN2)
    n = b.fma(x, b.like(x, LOG2E), b.like(x, magic)) - magic
    r = b.fma(n, b.like(x, -low), b.fma(n, b.like(x, -high), x))
    return n, (r if low_word is None else r + low_word)


def expm1_reduced(b, r):
    """e^r - 1 for |r| <= ln(2)/2."""
    square = r * r
    return b.fma(square, paired(b, r, square, pick(r, EXPM1_32, EXPM1_64)), r)


def _exp_reduced(b, r):
    return horner(b, r, (1.0, 1.0, *pick(r, EXPM1_32, EXPM1_64)))


# Outside these, e^x is 0 (a tie at most) or infinite.
_EXP_RANGE = ((-104.0, 89.0), (-746.0, 710.0))


def exp(b, x):
    n, r = reduce_exp(b, clamp(b, x, *pick(x, *_EXP_RANGE)))
    return b.ldexp(_exp_reduced(b, r), n)


def exp_nonpositive(b, x):
    """exp for numbers that are not above 0, and NaN."""
    low = b.like(x, pick(x, *_EXP_RANGE)[0])
    n, r = reduce_exp(b, b.select(x < low, low, x))
    return b.ldexp(_exp_reduced(b, r), n)


def exp_words(b, x, low_word=None):
    """e^(x + low_word) for x in the range of exp already."""
    n, r = reduce_exp(b, x, low_word)
    return b.ldexp(_exp_reduced(b, r), n)


def exp2(b, x):
    x = clamp(b, x, *pick(x, (-151.0, 129.0), (-1076.0, 1025.0)))
    n = nearest(b, x)
    f = x - n                                     # exact
    high, low = pick(x, *_LN2)
    r = b.fma(f, b.like(x, high), f * low)
    return b.ldexp(_exp_reduced(b, r), n)


def expm1(b, x):
    c = clamp(b, x, *pick(x, (-18.0, 89.0), (-40.0, 710.0)))
    n, r = reduce_exp(b, c)
    half = b.power_of_two(n, -1)                 # 2^n itself may overflow
    y = b.fma(half, expm1_reduced(b, r), half - 0.5)
    return b.select(b.abs(x) < pick(x, 2.0**-40, 2.0**-80), x, y + y)


# (sinh(x) - x) / x^3 in x^2, |x| <= 1, error relative to sinh: 3.0e-10
_SINH_32 = (0.1666666716337204, 0.00833331048488617, 0.00019842895562760532, 2.7822131869470468e-06)


def sinh(b, x):
    """(t + t/(t+1))/2 with t = e^|x| - 1, in a form that overflows only where sinh does."""
    a = b.abs(x)
    top = b.like(x, pick(x, 89.5, 710.6))
    c = b.select(a > top, top, a)
    n, r = reduce_exp(b, c)
    q = expm1_reduced(b, r)
    quarter = b.power_of_two(n, -2)
    t = b.fma(quarter, q, quarter - 0.25)         # (e^a - 1) / 4
    y = 2 * (t + t / b.fma(b.like(x, 4.0), t, b.like(x, 1.0)))
    if is32(x):
        return b.copysign(b.select(a < 1, b.fma(a * a * a, horner(b, a * a, _SINH_32), a), y), x)
    return b.copysign(b.select(a < 2.0**-80, a, y), x)


def cosh(b, x):
    a = b.abs(x)
    top = b.like(x, pick(x, 89.5, 710.6))
    c = b.select(a > top, top, a)
    n, r = reduce_exp(b, c)
    half = _exp_reduced(b, r) * b.power_of_two(n, -2)     # e^a / 4
    return 2 * (half + 0.0625 / half)


def tanh(b, x):
    """(1 - t) / (1 + t) with t = e^(-2|x|) = 2^n (1 + 2h), h = (e^(2r) - 1) / 2; numerator and denominator rounded once each.
    n times the rounding of ln(2) to one word (1.9e-9 | 2.3e-17) does not count."""
    a = b.abs(x)
    top = b.like(x, pick(x, 9.25, 19.5))
    a = b.select(a > top, top, a)
    magic = b.like(x, pick(x, *MAGIC))
    n = b.fma(a, b.like(x, -2 * LOG2E), magic) - magic
    r = b.fma(n, b.like(x, -0.5 * LN2), -a)
    square = r * r
    h = b.fma(square, paired(b, r, square, [c * 2.0 ** (k + 1) for k, c in enumerate(pick(x, EXPM1_32, EXPM1_64))]), r)
    s, half, one = b.power_of_two(n, 1), b.like(x, 0.5), b.like(x, 1.0)
    return b.copysign(b.fma(s, -h, b.fma(s, -half, one)) / b.fma(s, h, b.fma(s, half, one)), x)


def logistic(b, numerator, x, low_word=None):
    """numerator / (1 + e^-(x + low_word)) for every x, tiny results included.

    With e^-x = 2^n (1 + q) the denominator is 2^max(n, 0) (1 + d), |d| of order 1 and computed without rounding a sum
    near 1 twice; the power of two is applied last, so that subnormal results are rounded once.
    """
    c = clamp(b, -x, *pick(x, (-40.0, 112.0), (-60.0, 760.0)))
    n, r = reduce_exp(b, c, None if low_word is None else -low_word)
    size = b.abs(n)
    limit = b.like(x, 60.0)
    small = b.power_of_two(-b.select(size > limit, limit, size))   # the smaller of 2^n and 2^-n, while it counts
    above = n > 0
    d = b.fma(b.select(above, b.like(x, 1.0), small), expm1_reduced(b, r), small)
    return b.ldexp(numerator / (1 + d), b.select(above, -n, b.like(x, 0.0)))


def logistic_denominator(b, x, low_word=None):
    """1 + e^-(x + low_word) for x above LOGISTIC_LOW, rounded once after the reduced e^-x - 1."""
    top = b.like(x, pick(x, 87.0, 708.0))
    n, r = reduce_exp(b, -b.select(x > top, top, x), None if low_word is None else -low_word)
    s = b.power_of_two(n)
    return b.fma(s, expm1_reduced(b, r), 1 + s)


LOGISTIC_LOW = (-16.0, -36.0)


def sigmoid(b, x):
    one = b.like(x, 1.0)
    return b.rarely(x < pick(x, *LOGISTIC_LOW), lambda: logistic(b, one, x), one / logistic_denominator(b, x))


def silu(b, x):
    """x * sigmoid(x); -inf gives NaN."""
    def far():
        return b.select(x < pick(x, -112.0, -760.0), x * 0, logistic(b, x, x))
    return b.rarely(x < pick(x, *LOGISTIC_LOW), far, x / logistic_denominator(b, x))


# ---- log(2^k (1 + f)), 1 + f in [sqrt(1/2), sqrt(2)) ----

_SQRT_HALF = (0x3F3504F3, 0x3FE6A09E667F3BCD)
_NORMAL = ((0x00800000, 0x7F800000), (0x0010000000000000, 0x7FF0000000000000))   # bits of positive normal numbers
# (log_base(1 + f) - f / ln base) / f^2, error relative to the logarithm: 3.0e-8
_LOG_32 = (-0.49999991059303284, 0.33333948254585266, -0.25001785159111023, 0.19962157309055328, -0.16570031642913818,
           0.14916765689849854, -0.14309851825237274, 0.0874050110578537)
_LOG2_32 = (-0.7213473320007324, 0.4808982312679291, -0.36069658398628235, 0.2885674834251404, -0.23961840569972992,
            0.2046005129814148, -0.19105595350265503, 0.1861715465784073, -0.10995887219905853)
_LOG10_32 = (-0.21714718639850616, 0.14476479589939117, -0.10858049243688583, 0.08686746656894684, -0.07213232666254044,
             0.06159088760614395, -0.05751357600092888, 0.056043218821287155, -0.0331009179353714)
# (log(1 + f) - 2 s) / s^3 in s^2, s = f / (2 + f), error relative to the logarithm: 1.2e-18
_LOG_64 = (0.6666666666666735, 0.39999999999411084, 0.2857142874326486, 0.2222219847577575, 0.18183569749707398,
           0.15313903020782832, 0.1479750971681632)


def split_normal(b, x):
    """(k, f) of a positive normal number, k as a floating-point number."""
    shift, offset = pick(x, 23, 52), pick(x, *_SQRT_HALF)
    bits = bits_of(b, x)
    steps = (bits - offset) >> shift
    m = b.bitcast(bits - (steps << shift), x.dtype)
    return _small_int_to_float(b, steps, x.dtype), m - 1


def _small_int_to_float(b, i, dtype):
    """An integer of size below 2^21 as a number of the same width, without a conversion instruction."""
    magic = b.const(MAGIC[0] if dtype.bits == 32 else MAGIC[1], dtype)
    return b.bitcast(i + b.bitcast(magic, i.dtype), dtype) - magic


def _log1p_reduced(b, f):
    """log(1 + f) as (f, rest), rest of the order of f^2."""
    if is32(f):
        square = f * f
        return f, square * paired(b, f, square, _LOG_32)
    s = f / (2 + f)
    z = s * s
    half = 0.5 * f * f
    return f, s * (half + z * horner(b, z, _LOG_64)) - half


def _log_of(b, k, f):
    high, low = pick(f, *_LN2)
    f, rest = _log1p_reduced(b, f)
    return b.fma(k, b.like(f, high), f + b.fma(k, b.like(f, low), rest))


def _with_log_domain(b, x, of):
    """of(k, f) with x = 2^k (1 + f) for all x > 0; -inf at 0, NaN below, inf and NaN as they are."""
    low, high = pick(x, *_NORMAL)
    bits = b.bitcast(x, uint_of(x.dtype))

    def rest():
        up = pick(x, 2.0**24, 2.0**54)
        k, f = split_normal(b, x * up)                     # x is subnormal here
        special = b.select(x.eq(0), b.like(x, -INF), b.select(x < 0, b.like(x, NAN), x))
        return b.select((x > 0) & (x < INF), of(k - pick(x, 24.0, 54.0), f), special)
    return b.rarely(bits - low >= high - low, rest, of(*split_normal(b, x)))


def log(b, x):
    return _with_log_domain(b, x, lambda k, f: _log_of(b, k, f))


def _log_base(b, x, unit, single, inverse):
    """k * unit + log_base(1 + f), with unit and 1/ln base in two words."""
    def of(k, f):
        high, low = pick(x, *inverse)
        if is32(x):
            part = b.fma(f, b.like(x, high), b.fma(f, b.like(x, low), f * f * horner(b, f, single)))
        else:
            f, rest = _log1p_reduced(b, f)
            part = b.fma(f, b.like(x, high), b.fma(f, b.like(x, low), rest * high))
        if unit is None:
            return k + part
        high, low = pick(x, *unit)
        return b.fma(k, b.like(x, high), b.fma(k, b.like(x, low), part))
    return _with_log_domain(b, x, of)


_1_LN2 = ((1.4426950216293335, 1.9259629911266175e-08), (1.4426950408889634, 2.0355273740931033e-17))
_1_LN10 = ((0.4342944920063019, -1.0103049952192578e-08), (0.4342944819032518, 1.098319650216765e-17))
_LOG10_2 = ((0.30103000998497009, -1.4320988897547722e-08), (0.30102999566398120, -2.8037281277851704e-18))


def log2(b, x):
    return _log_base(b, x, None, _LOG2_32, _1_LN2)


def log10(b, x):
    return _log_base(b, x, _LOG10_2, _LOG10_32, _1_LN10)


def log1p(b, x):
    """log(u) with u = 1 + x rounded; what the rounding lost goes into f."""
    u = 1 + x
    t = u - 1
    lost = (1 - (u - t)) + (x - t)
    k, f = split_normal(b, u)
    scale = b.power_of_two(-b.select(k > 60, b.like(x, 60.0), k))
    y = _log_of(b, k, b.fma(lost, scale, f))

    def rest():
        special = b.select(x.eq(-1), b.like(x, -INF), b.select(x < -1, b.like(x, NAN), x))
        return b.select((x > -1) & (x < INF) & (b.abs(x) > tiny), y, special)
    tiny = pick(x, 2.0**-40, 2.0**-80)
    return b.rarely(~((x > -1) & (x < INF) & (b.abs(x) > tiny)), rest, y)


def logit(b, x):
    """log(x / (1 - x))."""
    return log(b, x / (1 - x))


def logit_eps(b, x, eps):
    """logit of x cut to [eps, 1 - eps]; NaN stays."""
    high = 1 - eps
    x = b.select(x < eps, eps, b.select(x > high, high, x))
    return log(b, x / (1 - x))


def softplus(b, x, beta, threshold):
    """log(1 + e^(beta x)) / beta = (max(z, 0) + log1p(e^-|z|)) / beta; x where z = beta x is above the threshold."""
    z = x * beta
    y = (b.maximum(z, b.like(z, 0)) + log1p(b, exp(b, -b.abs(z)))) / beta
    return b.select(z > threshold, x, y)


def tanh_softplus(b, x):
    """tanh(log(1 + e^x)) = w / (w + 2) with w = e^x (e^x + 2), for x >= 0 by e^-x."""
    z = exp(b, -b.abs(x))
    negative = z * (z + 2)
    positive = 1 + 2 * z
    top = b.select(x < 0, negative, positive)
    return top / (top + 2 * b.select(x < 0, b.like(x, 1), z * z))


def logaddexp(b, x, y):
    """log(e^x + e^y) = max + log1p(e^-|x - y|); equal infinities are their own result."""
    high = b.maximum(x, y)
    z = exp(b, -b.abs(x - y))
    return b.select(x.eq(y) & b.abs(x).eq(INF), x, high + log1p(b, z))


def logaddexp2(b, x, y):
    high = b.maximum(x, y)
    z = exp2(b, -b.abs(x - y))
    return b.select(x.eq(y) & b.abs(x).eq(INF), x, high + log1p(b, z) * LOG2E)


def xlogy(b, x, y):
    """x log(y), 0 where x is 0 and y is no NaN."""
    return b.select(b.isnan(y), y, b.select(x.eq(0), b.like(x, 0), x * log(b, y)))


def xlog1py(b, x, y):
    return b.select(b.isnan(y), y, b.select(x.eq(0), b.like(x, 0), x * log1p(b, y)))


def entr(b, x):
    """-x log(x); 0 at 0, -inf below."""
    return b.select(x > 0, -x * log(b, x), b.select(x.eq(0), b.like(x, 0), b.select(x < 0, b.like(x, -INF), x)))
