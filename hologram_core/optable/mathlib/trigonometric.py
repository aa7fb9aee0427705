"""sin, cos, tan for every argument, their inverses, sinc."""

from __future__ import annotations

from ...dtypes import F32, F64, I32, I64
from .core import bits_of, fast_two_sum, horner, int_of, is32, pick, two_product, two_sum
from .exponential import MAGIC

# ---- polynomials on |r| <= pi/4, in r^2; errors relative to the function ----

# (sin r - r) / r^3: 1.6e-10 | 3.5e-18, (cos r - 1 + r^2/2) / r^4: 1.1e-10 | 4.7e-20, (tan r - r) / r^3: 1.5e-9
_SIN = ((-0.1666666716337204, 0.008333380334079266, -0.00019853505364153534, 2.837395186361391e-06),
        (-0.16666666666666632, 0.00833333333332237, -0.00019841269829771056, 2.7557313678629975e-06,
         -2.505075595633809e-08, 1.5896666241965695e-10))
_COS = ((0.04166664555668831, -0.00138873013202101, 2.443066296109464e-05),
        (0.0416666666666666, -0.0013888888888874064, 2.480158728944349e-05, -2.75573143406618e-07,
         2.0875721623995386e-09, -1.1359559341978679e-11))
_TAN_32 = (0.3333335220813751, 0.13332587480545044, 0.05406781658530235, 0.02124415710568428, 0.010928640142083168,
           -2.211393257312011e-05, 0.004428839776664972)


def _sin(b, r, low):
    z = r * r
    return r + b.fma(r * z, horner(b, z, pick(r, *_SIN)), low)


def _cos(b, r, low):
    z = r * r
    half = 0.5 * z
    head = 1 - half
    return head + (((1 - head) - half) + b.fma(z * z, horner(b, z, pick(r, *_COS)), -(r * low)))


# ---- x = n pi/2 + r ----

_TWO_OVER_PI = 0.6366197723675814
_HALF_PI = ((1.5707963705062866, -4.371138828673793e-08, -1.7151245100058819e-15),
            (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33))
# Below these the reduction by three words of pi/2 is exact enough: n has 17 | 29 bits.
_MODERATE = (2.0**17, 2.0**29)
# 2/pi in groups of 24 bits
_BITS_OF_2_OVER_PI = (
    0xA2F983, 0x6E4E44, 0x1529FC, 0x2757D1, 0xF534DD, 0xC0DB62, 0x95993C, 0x439041, 0xFE5163, 0xABDEBB, 0xC561B7,
    0x246E3A, 0x424DD2, 0xE00649, 0x2EEA09, 0xD1921C, 0xFE1DEB, 0x1CB129, 0xA73EE8, 0x8235F5, 0x2EBB44, 0x84E99C,
    0x7026B4, 0x5F7E41, 0x3991D6, 0x398353, 0x39F49C, 0x845F8B, 0xBDF928, 0x3B1FF8, 0x97FFDE, 0x05980F, 0xEF2F11,
    0x8B5A0A, 0x6D1F6D, 0x367ECF, 0x27CB09, 0xB74F46, 0x3F669E, 0x5FEA2D, 0x7527BA, 0xC7EBE5, 0xF17B3D, 0x0739F7,
    0x8A5292, 0xEA6BFB, 0x5FB11F, 0x8D5D08, 0x560330, 0x46FC7B)


def _reduce(b, a):
    """(n as an integer, r, low) for moderate a >= 0, and NaN."""
    magic = pick(a, *MAGIC)
    shifted = b.fma(a, b.like(a, _TWO_OVER_PI), b.like(a, magic))
    n = shifted - magic
    first, second, third = pick(a, *_HALF_PI)
    r = b.fma(n, b.like(a, -first), a)                    # exact
    s = b.fma(n, b.like(a, -second), r)
    low = b.fma(n, b.like(a, -third), b.fma(n, b.like(a, -second), r - s))
    return bits_of(b, shifted), s, low


def _reduce_huge(b, a):
    """The same for any a >= 1/2: a times the bits of 2/pi that matter (Payne and Hanek), in f64.

    With a = M 2^E, groups of 24 bits that only add multiples of 4 to a 2/pi are skipped; what is left of a is below
    2^79 and is multiplied with the next groups exactly, in two halves, each product reduced modulo 4 before they are
    added up in three words.
    """
    x = b.cast(a, F64)
    bits = b.bitcast(x, I64)
    exponent = b.cast(bits >> 52, I32) - 1075
    skip = (b.select(exponent > 2, exponent - 2, b.const(0, I32)) * 2731) >> 16       # / 24
    x = b.bitcast(bits - (b.cast(skip * 24, I64) << 52), F64)
    parts: tuple = (x,)
    if not is32(a):
        top = b.bitcast(b.bitcast(x, I64) & -(1 << 27), F64)
        parts = (top, x - top)
    total = error = rest = b.const(0.0, F64)
    for group in range(6 if is32(a) else 9):
        factor = b.table(_BITS_OF_2_OVER_PI, skip + group, F64) * 2.0**(-24 * (group + 1))
        for part in parts:
            product = part * factor
            product = product - 4 * b.rint(0.25 * product)
            total, e = two_sum(b, total, product)
            error, e = two_sum(b, error, e)
            rest = rest + e
    n = b.rint(total)
    high, low = two_sum(b, total - n, error)
    low = low + rest
    high, low = fast_two_sum(b, high, low)
    first, second, _ = _HALF_PI[1]
    r, r_low = two_product(b, high, b.const(first, F64))
    r_low = r_low + b.fma(low, b.const(first, F64), high * second)
    r, r_low = fast_two_sum(b, r, r_low)
    count = b.bitcast(n + MAGIC[1], I64)
    if is32(a):
        single = b.cast(r, F32)
        return b.cast(count, I32), single, b.cast(r - b.cast(single, F64) + r_low, F32)
    return count, r, r_low


def _with_reduction(b, x, kernel):
    """kernel(n, r, low) of |x|; NaN for infinities."""
    a = b.abs(x)

    def huge():
        return kernel(*_reduce_huge(b, a)) + (x - x)
    reduced = _reduce(b, a)
    # Where r almost cancels against n times the second word of pi/2, `low` cannot hold what s has lost.
    hard = (a > pick(x, *_MODERATE)) | (a * pick(x, 2.0**-23, 2.0**-53) > b.abs(reduced[1]))
    return b.rarely(hard, huge, kernel(*reduced))


def _flip(b, y, sign):
    """y with its sign bit xor-ed with that of the integer `sign`."""
    top = b.const(-1 << (y.dtype.bits - 1), sign.dtype)
    return b.bitcast(bits_of(b, y) ^ (sign & top), y.dtype)


def _wave(b, x, quarter, sign):
    """sin(|x| + quarter pi/2), negated where the sign bit of `sign` is set."""
    shift = x.dtype.bits - 2

    def kernel(n, r, low):
        n = n + quarter if quarter else n
        y = b.select((n & 1).ne(0), _cos(b, r, low), _sin(b, r, low))
        turn = n << shift                       # bit 1 of n becomes the sign
        return _flip(b, y, turn if sign is None else turn ^ sign)
    return _with_reduction(b, x, kernel)


def sin(b, x):
    return _wave(b, x, 0, bits_of(b, x))


def cos(b, x):
    return _wave(b, x, 1, None)


def tan(b, x):
    def kernel(n, r, low):
        odd = (n & 1).ne(0)
        if is32(x):
            z = r * r
            rest = r * z * horner(b, z, _TAN_32)
            t = r + rest
            t = r + b.fma(low, b.fma(t, t, b.like(t, 1)), rest)
            top, bottom = b.select(odd, b.like(t, -1), t), b.select(odd, t, b.like(t, 1))
        else:
            s, c = _sin(b, r, low), _cos(b, r, low)
            top, bottom = b.select(odd, -c, s), b.select(odd, s, c)
        return _flip(b, top / bottom, bits_of(b, x))
    return _with_reduction(b, x, kernel)


def sinc(b, x):
    """sin(pi x) / (pi x), 1 at 0."""
    t = x * 3.141592653589793
    return b.select(x.eq(0), b.like(x, 1), sin(b, t) / t)


def sin_pi(b, x):
    """sin(pi x) with an exact reduction; 0 at integers."""
    n = b.rint(x)
    r = x - n
    t = r * 3.141592653589793
    low = b.fma(r, b.like(x, 3.141592653589793), -t) + r * pick(x, -8.742277657347586e-08, 1.2246467991473532e-16)
    # |t| <= pi/2: fold to pi/4 by the cosine of the complement
    a = b.abs(t)
    high, below, _ = pick(x, *_HALF_PI)
    complement = (high - a) + (below - b.copysign(low, low * t))
    y = b.select(a > 0.7853981633974483, b.copysign(_cos(b, complement, b.like(x, 0)), t), _sin(b, t, low))
    odd = b.trunc(0.5 * n).ne(0.5 * n)
    return b.select(odd, -y, y)


# ---- inverse functions ----

# (asin r - r) / r^3 in r^2, |r| <= 1/2: 2.9e-10 | 9.7e-19
_ASIN = ((0.16666659712791443, 0.0750051885843277, 0.04451437667012215, 0.03182777017354965, 0.014367225579917431,
          0.03761149197816849),
         (0.16666666666666763, 0.07499999999970261, 0.04464285717512248, 0.030381942683542367, 0.022372215662144916,
          0.017351600063886963, 0.013980961728204113, 0.01139777414914096, 0.010786537284649199, 0.0036830176027835954,
          0.02176354449373411, -0.021077339455056045, 0.032676910192128816))
# (atan r - r) / r^3 in r^2, |r| <= 1: 2.4e-9 | 1.1e-19
_ATAN = ((-0.33333301544189453, 0.1999863088130951, -0.1426517516374588, 0.10957249999046326, -0.08418590575456619,
          0.0582207515835762, -0.03144277259707451, 0.011057849042117596, -0.0018258029595017433),
         (-0.33333333333333326, 0.19999999999998286, -0.1428571428558027, 0.11111111105732617, -0.09090908960152944,
          0.0769230557412476, -0.0666664234875916, 0.05882146439843294, -0.052618198813172014, 0.047551330372025996,
          -0.04320567653526027, 0.03911460159465929, -0.03468821028423621, 0.029338107585296737, -0.02285146893965403,
          0.01575983379867689, -0.009235687677606711, 0.004401681426183193, -0.001620085944025052, 0.0004286963316002569,
          -7.219066520202462e-05, 5.789229429646188e-06))


def _asin_parts(b, a):
    """(outer, s, rest): asin of a or, beyond 1/2 (`outer`), of sqrt((1 - a) / 2), as s + rest."""
    outer = a > 0.5
    z = b.select(outer, 0.5 * (1 - a), a * a)
    s = b.select(outer, b.sqrt(z), a)
    return outer, s, s * z * horner(b, z, pick(a, *_ASIN))


def asin(b, x):
    outer, s, rest = _asin_parts(b, b.abs(x))
    high, low, _ = pick(x, *_HALF_PI)
    far = high - (2 * s - (low - 2 * rest))
    return b.copysign(b.select(outer, far, s + rest), x)


def acos(b, x):
    """pi/2 - asin(x) near zero, 2 asin(sqrt((1 - |x|) / 2)) beyond 1/2, pi minus that for negative x."""
    outer, s, rest = _asin_parts(b, b.abs(x))
    high, low, _ = pick(x, *_HALF_PI)
    y = b.copysign(s + rest, x)
    center = high - (y - low)
    far = 2 * (s + rest)
    left = 2 * high - (2 * s - (2 * low - 2 * rest))
    return b.select(outer, b.select(x < 0, left, far), center)


def _atan_parts(b, t):
    z = t * t
    return t * z * horner(b, z, pick(t, *_ATAN))


def atan(b, x):
    a = b.abs(x)
    outer = a > 1
    t = b.select(outer, b.like(x, -1), a) / b.select(outer, a, b.like(x, 1))
    high, low, _ = pick(x, *_HALF_PI)
    zero = b.like(x, 0)
    y = b.select(outer, b.like(x, high), zero) + (t + (_atan_parts(b, t) + b.select(outer, b.like(x, low), zero)))
    return b.copysign(y, x)


def atan2(b, y, x):
    """The angle of (x, y): k pi/2 plus or minus the arctangent of the smaller over the larger."""
    p, q = b.abs(x), b.abs(y)
    swap = q > p
    large, small = b.select(swap, q, p), b.select(swap, p, q)
    one, zero = b.like(x, 1), b.like(x, 0)
    t = small / large
    t = b.select(small.eq(large), b.select(large.eq(0), zero, one), t)     # 0/0 and inf/inf
    left = bits_of(b, x) < b.const(0, int_of(x.dtype))
    t = b.select(swap ^ left, -t, t)
    quarters = b.select(swap, one, b.select(left, b.like(x, 2), zero))
    high, low, _ = pick(x, *_HALF_PI)
    rest = _atan_parts(b, t)
    angle = b.fma(quarters, b.like(x, high), t + b.fma(quarters, b.like(x, low), rest))
    angle = b.select(b.isnan(x) | b.isnan(y), x + y, angle)
    return b.copysign(angle, y)
