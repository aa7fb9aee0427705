#include <metal_stdlib>
#pragma METAL fp math_mode(safe)
#pragma METAL fp contract(off)
using namespace metal;

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

inline hg_double hg_of_float(float x) {
  uint bits = as_type<uint>(x), a = bits & 0x7fffffffu;
  ulong sign = ulong(bits >> 31) << 63;
  if (a >= 0x7f800000u) return hg_double{sign | 0x7ff0000000000000ul | (ulong(a & 0x7fffffu) << 29)};
  if (a >= 0x800000u) return hg_double{sign | ((ulong(a) << 29) + (896ul << 52))};
  return hg_packed(sign, -149 - 64, ulong(a), 0ul);
}

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

struct golden_record { long begin, end; device uchar* operands[2]; ulong args[6]; };
kernel void golden(constant golden_record* records [[buffer(0)]],
    uint3 hg_thread [[thread_position_in_threadgroup]], uint3 hg_block [[threadgroup_position_in_grid]],
    uint3 hg_blocks [[threadgroups_per_grid]]) {
  constant golden_record& record = records[hg_block.y];
  constant ulong* words = reinterpret_cast<constant ulong*>(&record);
  const long v1 = record.begin;
  const long v2 = long(hg_block.x);
  const long v3 = long(ulong(v2) * ulong(256l));
  const long v4 = long(hg_thread.x);
  const long v5 = long(ulong(v3) + ulong(v4));
  const long v6 = long(ulong(v1) + ulong(v5));
  const long v7 = record.end;
  const long v8 = long(hg_blocks.x);
  const long v9 = long(ulong(v8) * ulong(256l));
  const long v12 = long(record.args[1]);
  device uchar* v16 = record.operands[0];
  const long v17 = long(record.args[2]);
  device uchar* v25 = record.operands[1];
  const long v26 = long(record.args[4]);
  long v10 = v6;
  while (true) {
    const bool v11 = v10 < v7;
    if (!v11) break;
    const long v18 = long(ulong(v10) * ulong(v17));
    device uchar* v19 = v16 + v18;
    const long v27 = long(ulong(v10) * ulong(v26));
    device uchar* v28 = v25 + v27;
    long v13 = 0l;
    hg_double v14 = hg_double{0x0ul};
    while (true) {
      const bool v15 = v13 < v12;
      if (!v15) break;
      device uchar* v20 = v19 + v13 * 4;
      const float v21 = *reinterpret_cast<device const float*>(v20);
      const hg_double v22 = hg_of_float(v21);
      const hg_double v23 = hg_add(v14, v22);
      const float v24 = hg_to_float(v23);
      device uchar* v29 = v28 + v13 * 4;
      *reinterpret_cast<device float*>(v29) = v24;
      const long v30 = long(ulong(v13) + ulong(1l));
      v13 = v30; v14 = v23;
    }
    const long v31 = long(ulong(v10) + ulong(v9));
    v10 = v31;
  }
}
