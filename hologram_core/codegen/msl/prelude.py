"""Functions that kernels in Metal's language may call: what C++ leaves undefined, and doubles, which Metal does not have.

A kernel brings along those it uses (`needed`). A double is its bits (`hg_double`): sums and products are one fused multiply-add
in integers, rounded once to nearest even, so the f32 ops that compute inside in f64 give the bits they give elsewhere.
"""

from __future__ import annotations

import re

_PARTS = [
    ("hg_div_s", """
template <typename T, typename U> T hg_div_s(T x, T y) { return y == 0 ? T(0) : y == T(-1) ? T(U(0) - U(x)) : T(x / y); }
"""),
    ("hg_div_u", """
template <typename T> T hg_div_u(T x, T y) { return y == 0 ? T(0) : T(x / y); }
"""),
    ("hg_rem_s", """
template <typename T> T hg_rem_s(T x, T y) { return y == 0 || y == T(-1) ? T(0) : T(x % y); }
"""),
    ("hg_rem_u", """
template <typename T> T hg_rem_u(T x, T y) { return y == 0 ? T(0) : T(x % y); }
"""),
    ("hg_shl", """
template <typename T, typename U> T hg_shl(T x, T y) { return U(y) < U(sizeof(T) * 8) ? T(U(x) << U(y)) : T(0); }
"""),
    ("hg_shr_u", """
template <typename T> T hg_shr_u(T x, T y) { return y < T(sizeof(T) * 8) ? T(x >> y) : T(0); }
"""),
    ("hg_shr_s", """
template <typename T, typename U> T hg_shr_s(T x, T y) { return T(x >> (U(y) < U(sizeof(T) * 8) ? y : T(sizeof(T) * 8 - 1))); }
"""),
    ("hg_divided", """
// An index by a size, in 32 bits where both fit.
inline long hg_divided(long x, long y) {
  return ((ulong(x) | ulong(y)) >> 32) == 0 ? long(uint(x) / uint(y)) : long(ulong(x) / ulong(y));
}
"""),
    ("hg_to_long", """
// As x86 converts: the minimum stands for NaN and what is out of range.
inline long hg_to_long(float x) {
  return x >= -9223372036854775808.0f && x < 9223372036854775808.0f ? long(x) : long(0x8000000000000000ul);
}
"""),
    ("hg_int", """
inline int hg_int(long x) { return x >= -2147483648l && x < 2147483648l ? int(x) : int(0x80000000u); }
"""),
    ("hg_to_ulong", """
inline ulong hg_to_ulong(float x) {
  if (x >= 9223372036854775808.0f && x < 18446744073709551616.0f) return ulong(x - 9223372036854775808.0f) | 0x8000000000000000ul;
  return ulong(hg_to_long(x));
}
"""),
    ("hg_round_bf16", """
inline ushort hg_to_bf16(float x) {
  uint bits = as_type<uint>(x);
  return ushort((x != x ? bits | 0x400000u : bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}
inline float hg_of_bf16(ushort x) { return as_type<float>(uint(x) << 16); }
inline float hg_round_bf16(float x) { return hg_of_bf16(hg_to_bf16(x)); }
"""),
    ("hg_fmod", """
// Exact, by shifts and subtractions of the mantissas.
inline float hg_fmod(float x, float y) {
  uint a = as_type<uint>(x) & 0x7fffffffu, b = as_type<uint>(y) & 0x7fffffffu, sign = as_type<uint>(x) & 0x80000000u;
  if (a >= 0x7f800000u || b > 0x7f800000u || b == 0u) return as_type<float>(0x7fc00000u);
  if (a < b) return x;
  int ea = a < 0x800000u ? 1 : int(a >> 23), eb = b < 0x800000u ? 1 : int(b >> 23);
  uint ma = a < 0x800000u ? a : (a & 0x7fffffu) | 0x800000u, mb = b < 0x800000u ? b : (b & 0x7fffffu) | 0x800000u;
  int up = int(clz(ma)) - 8;
  ma <<= up;
  ea -= up;
  up = int(clz(mb)) - 8;
  mb <<= up;
  eb -= up;
  for (int n = ea - eb; n > 0; --n) ma = (ma >= mb ? ma - mb : ma) << 1;
  ma = ma >= mb ? ma - mb : ma;
  if (ma == 0u) return as_type<float>(sign);
  up = int(clz(ma)) - 8;
  ma <<= up;
  eb -= up;
  return as_type<float>(sign | (eb >= 1 ? (uint(eb - 1) << 23) + ma : ma >> (1 - eb)));
}
"""),
    ("hg_double", """
struct hg_double { ulong bits; };
inline bool hg_nan(hg_double x) { return (x.bits & 0x7ffffffffffffffful) > 0x7ff0000000000000ul; }
inline ulong hg_high(ulong a, ulong b) {      // upper half of the product
  ulong a1 = a >> 32, a0 = a & 0xfffffffful, b1 = b >> 32, b0 = b & 0xfffffffful;
  ulong middle = a1 * b0 + ((a0 * b0) >> 32);
  return a1 * b1 + (middle >> 32) + ((a0 * b1 + (middle & 0xfffffffful)) >> 32);
}
inline int hg_zeros(ulong x) { return (x >> 32) != 0ul ? int(clz(uint(x >> 32))) : 32 + int(clz(uint(x))); }
// The double nearest (hi 2^64 + lo) 2^e.
inline hg_double hg_packed(ulong sign, int e, ulong hi, ulong lo) {
  if (hi == 0ul) { hi = lo; lo = 0ul; e -= 64; }
  if (hi == 0ul) return hg_double{sign};
  int up = hg_zeros(hi);
  if (up != 0) { hi = (hi << up) | (lo >> (64 - up)); lo <<= up; e -= up; }
  int biased = e + 127 + 1023, drop = 11;
  if (biased >= 2047) return hg_double{sign | 0x7ff0000000000000ul};
  if (biased < 1) { drop += 1 - biased; biased = 1; }
  if (drop > 64) return hg_double{sign};
  ulong kept = drop == 64 ? 0ul : hi >> drop, rest = drop == 64 ? hi : hi & ((1ul << drop) - 1ul), tie = 1ul << (drop - 1);
  if (rest > tie || (rest == tie && (lo != 0ul || (kept & 1ul) != 0ul))) kept += 1ul;
  return hg_double{sign | ((ulong(biased - 1) << 52) + kept)};
}
// Mantissa with its leading bit at 52, and the exponent of its last bit, of a finite number that is not 0.
inline ulong hg_mantissa(ulong bits, thread int& e) {
  e = int((bits >> 52) & 2047ul);
  ulong m = bits & 0xffffffffffffful;
  if (e != 0) m |= 0x10000000000000ul;
  else { int up = hg_zeros(m) - 11; m <<= up; e = 1 - up; }
  e -= 1075;
  return m;
}
"""),
    ("hg_fused", """
inline void hg_shifted(thread ulong& hi, thread ulong& lo, int by) {      // right; what is lost shows in the last bit
  if (by <= 0) return;
  if (by >= 128) { lo = (hi | lo) != 0ul ? 1ul : 0ul; hi = 0ul; return; }
  ulong lost;
  if (by >= 64) {
    lost = lo | (by == 64 ? 0ul : hi << (128 - by));
    lo = by == 64 ? hi : hi >> (by - 64);
    hi = 0ul;
  } else {
    lost = lo << (64 - by);
    lo = (lo >> by) | (hi << (64 - by));
    hi >>= by;
  }
  if (lost != 0ul) lo |= 1ul;
}
inline hg_double hg_fused(hg_double x, hg_double y, hg_double z) {
  const ulong top = 0x8000000000000000ul, inf = 0x7ff0000000000000ul, none = 0x7ff8000000000000ul;
  ulong a = x.bits & ~top, b = y.bits & ~top, c = z.bits & ~top, sign = (x.bits ^ y.bits) & top, other = z.bits & top;
  if (a > inf || b > inf || c > inf) return hg_double{none};
  if (a == inf || b == inf) return hg_double{a == 0ul || b == 0ul || (c == inf && sign != other) ? none : sign | inf};
  if (c == inf) return z;
  if (a == 0ul || b == 0ul) return c != 0ul ? z : hg_double{sign == other ? sign : 0ul};
  int ea, eb, ec;
  ulong ma = hg_mantissa(a, ea), mb = hg_mantissa(b, eb);
  ulong lo = ma * mb, hi = hg_high(ma, mb);
  hi = (hi << 20) | (lo >> 44);
  lo <<= 20;
  int e = ea + eb - 20;
  if (c == 0ul) return hg_packed(sign, e, hi, lo);
  ulong zhi = hg_mantissa(c, ec) << 9, zlo = 0ul;
  ec -= 73;
  if (e >= ec) {
    hg_shifted(zhi, zlo, e - ec);
  } else {
    hg_shifted(hi, lo, ec - e);
    e = ec;
  }
  if (sign == other) {
    ulong sum = lo + zlo;
    return hg_packed(sign, e, hi + zhi + (sum < lo ? 1ul : 0ul), sum);
  }
  if (hi == zhi && lo == zlo) return hg_double{0ul};
  if (hi < zhi || (hi == zhi && lo < zlo)) {
    ulong h = hi, l = lo;
    hi = zhi; lo = zlo; zhi = h; zlo = l;
    sign = other;
  }
  return hg_packed(sign, e, hi - zhi - (lo < zlo ? 1ul : 0ul), lo - zlo);
}
inline hg_double hg_add(hg_double x, hg_double y) { return hg_fused(x, hg_double{0x3ff0000000000000ul}, y); }
inline hg_double hg_sub(hg_double x, hg_double y) { return hg_add(x, hg_double{y.bits ^ 0x8000000000000000ul}); }
inline hg_double hg_mul(hg_double x, hg_double y) { return hg_fused(x, y, hg_double{0x8000000000000000ul}); }
"""),
    ("hg_quotient", """
inline hg_double hg_quotient(hg_double x, hg_double y) {
  const ulong top = 0x8000000000000000ul, inf = 0x7ff0000000000000ul, none = 0x7ff8000000000000ul;
  ulong a = x.bits & ~top, b = y.bits & ~top, sign = (x.bits ^ y.bits) & top;
  if (a > inf || b > inf || (a == inf && b == inf) || (a == 0ul && b == 0ul)) return hg_double{none};
  if (a == inf || b == 0ul) return hg_double{sign | inf};
  if (b == inf || a == 0ul) return hg_double{sign};
  int ea, eb;
  ulong ma = hg_mantissa(a, ea), mb = hg_mantissa(b, eb), q = 0ul;
  if (ma < mb) { ma <<= 1; ea -= 1; }
  for (int n = 0; n < 56; ++n) {
    q <<= 1;
    if (ma >= mb) { ma -= mb; q |= 1ul; }
    ma <<= 1;
  }
  return hg_packed(sign, ea - eb - 55 - 64, q, ma != 0ul ? 1ul : 0ul);
}
"""),
    ("hg_root", """
inline hg_double hg_root(hg_double x) {
  if ((x.bits & 0x7ffffffffffffffful) == 0ul || hg_nan(x)) return x;
  if ((x.bits >> 63) != 0ul) return hg_double{0x7ff8000000000000ul};
  if (x.bits == 0x7ff0000000000000ul) return x;
  int e;
  ulong m = hg_mantissa(x.bits, e), root = 0ul, rest = 0ul;
  if ((e & 1) != 0) { m <<= 1; e -= 1; }
  for (int n = 0; n < 55; ++n) {      // two bits of m, then zeros, for one of the root
    rest = (rest << 2) | (n < 27 ? (m >> (52 - 2 * n)) & 3ul : 0ul);
    ulong trial = (root << 2) | 1ul;
    root <<= 1;
    if (rest >= trial) { rest -= trial; root |= 1ul; }
  }
  return hg_packed(0ul, e / 2 - 28 - 64, root, rest != 0ul ? 1ul : 0ul);
}
"""),
    ("hg_nearest", """
inline hg_double hg_signed(hg_double x, hg_double y) {      // the size of x, the sign of y
  return hg_double{(x.bits & 0x7ffffffffffffffful) | (y.bits & 0x8000000000000000ul)};
}
inline hg_double hg_nearest(hg_double x) {
  ulong size = x.bits & 0x7ffffffffffffffful;
  const hg_double shift = hg_double{0x4330000000000000ul};      // 2^52
  return size >= shift.bits ? x : hg_signed(hg_sub(hg_add(hg_double{size}, shift), shift), x);
}
"""),
    ("hg_less", """
inline bool hg_less(hg_double x, hg_double y) {
  if (hg_nan(x) || hg_nan(y)) return false;
  const ulong top = 0x8000000000000000ul;
  if (((x.bits | y.bits) & ~top) == 0ul) return false;
  ulong a = (x.bits & top) != 0ul ? ~x.bits : x.bits | top, b = (y.bits & top) != 0ul ? ~y.bits : y.bits | top;
  return a < b;
}
inline bool hg_equal(hg_double x, hg_double y) {
  return !hg_nan(x) && !hg_nan(y) && (x.bits == y.bits || ((x.bits | y.bits) & 0x7ffffffffffffffful) == 0ul);
}
"""),
    ("hg_of_float", """
inline hg_double hg_of_float(float x) {
  uint bits = as_type<uint>(x), a = bits & 0x7fffffffu;
  ulong sign = ulong(bits >> 31) << 63;
  if (a >= 0x7f800000u) return hg_double{sign | 0x7ff0000000000000ul | (ulong(a & 0x7fffffu) << 29)};
  if (a >= 0x800000u) return hg_double{sign | ((ulong(a) << 29) + (896ul << 52))};
  return hg_packed(sign, -149 - 64, ulong(a), 0ul);
}
"""),
    ("hg_to_float", """
inline float hg_to_float(hg_double x) {
  ulong a = x.bits & 0x7ffffffffffffffful;
  uint sign = uint(x.bits >> 63) << 31;
  if (a > 0x7ff0000000000000ul) return as_type<float>(sign | 0x7fc00000u);
  int e = int(a >> 52) - 896, drop = 29;
  ulong m = (a & 0xffffffffffffful) | 0x10000000000000ul;
  if (e >= 255) return as_type<float>(sign | 0x7f800000u);
  if (e < 1) { drop += 1 - e; e = 1; }
  if (drop > 54) return as_type<float>(sign);
  ulong kept = m >> drop, rest = m & ((1ul << drop) - 1ul), tie = 1ul << (drop - 1);
  if (rest > tie || (rest == tie && (kept & 1ul) != 0ul)) kept += 1ul;
  return as_type<float>(sign | uint((ulong(e - 1) << 23) + kept));
}
"""),
    ("hg_of_long", """
inline hg_double hg_of_ulong(ulong x) { return hg_packed(0ul, -64, x, 0ul); }
inline hg_double hg_of_long(long x) {
  return x < 0 ? hg_packed(0x8000000000000000ul, -64, 0ul - ulong(x), 0ul) : hg_packed(0ul, -64, ulong(x), 0ul);
}
"""),
    ("hg_long", """
inline long hg_long(hg_double x) {      // truncates as hg_to_long does
  int e = int((x.bits >> 52) & 2047ul) - 1075;
  ulong m = (x.bits & 0xffffffffffffful) | 0x10000000000000ul;
  if (e >= 11) return long(0x8000000000000000ul);
  m = e >= 0 ? m << e : e > -53 ? m >> -e : 0ul;
  return (x.bits >> 63) != 0ul ? long(0ul - m) : long(m);
}
inline ulong hg_ulong(hg_double x) {
  int e = int((x.bits >> 52) & 2047ul) - 1075;
  if (e == 11 && (x.bits >> 63) == 0ul) return ((x.bits & 0xffffffffffffful) | 0x10000000000000ul) << 11;
  return ulong(hg_long(x));
}
inline hg_double hg_whole(hg_double x) {      // towards 0
  int e = int((x.bits >> 52) & 2047ul) - 1023;
  if (e >= 52) return x;
  return hg_double{e < 0 ? x.bits & 0x8000000000000000ul : x.bits & ~((1ul << (52 - e)) - 1ul)};
}
inline hg_double hg_below(hg_double x) {      // the whole number that is not above
  const hg_double whole = hg_whole(x);
  return hg_less(x, whole) ? hg_sub(whole, hg_double{0x3ff0000000000000ul}) : whole;
}
inline hg_double hg_above(hg_double x) {
  const hg_double whole = hg_whole(x);
  return hg_less(whole, x) ? hg_add(whole, hg_double{0x3ff0000000000000ul}) : whole;
}
"""),
]


def needed(body: str) -> str:
    """The functions that a kernel's text calls, directly or not, in order."""
    taken: set = set()
    text = body
    for name, part in reversed(_PARTS):
        defined = set(re.findall(r"\b(hg_\w+)\b(?=[({ ])", part)) if name == "hg_double" else \
            set(re.findall(r"\b(hg_\w+)\((?:\w|,|&| )*\) \{", part)) | {name}
        if any(re.search(rf"\b{d}\b", text) for d in defined):
            taken.add(name)
            text += part
    return "".join(part for name, part in _PARTS if name in taken)
