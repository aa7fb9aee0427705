#include <metal_stdlib>
#pragma METAL fp math_mode(safe)
#pragma METAL fp contract(off)
using namespace metal;

template <typename T, typename U> T hg_shr_s(T x, T y) { return T(x >> (U(y) < U(sizeof(T) * 8) ? y : T(sizeof(T) * 8 - 1))); }

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
  threadgroup hg_double s0_f64[8];
  const long v1 = long(hg_thread.x);
  const long v2 = long(v1 & 31l);
  const long v3 = hg_shr_s<long, ulong>(v1, 5l);
  const long v4 = long(record.args[1]);
  const bool v5 = v4 > 1024l;
  const long v6 = v5 ? v1 : v2;
  const long v7 = v5 ? 256l : 32l;
  const bool v8 = v6 == 0l;
  const long v9 = long(hg_block.x);
  const long v10 = long(ulong(v9) * ulong(8l));
  const long v11 = long(ulong(v10) + ulong(v3));
  const long v12 = v5 ? v9 : v11;
  const long v13 = long(hg_blocks.x);
  const long v14 = long(ulong(v13) * ulong(8l));
  const long v15 = v5 ? v13 : v14;
  const long v16 = record.begin;
  const long v17 = long(ulong(v16) + ulong(v12));
  const long v18 = record.end;
  device uchar* v21 = record.operands[0];
  const long v22 = long(record.args[2]);
  device uchar* v25 = record.operands[1];
  const long v26 = long(record.args[4]);
  const long v34 = long(ulong(v4) - ulong(1l));
  const bool v43 = v2 >= 1l;
  const bool v47 = v2 >= 2l;
  const bool v51 = v2 >= 4l;
  const bool v55 = v2 >= 8l;
  const bool v59 = v2 >= 16l;
  const bool v65 = v2 == 0l;
  long v19 = v17;
  while (true) {
    const bool v20 = v19 < v18;
    if (!v20) break;
    const long v23 = long(ulong(v19) * ulong(v22));
    device uchar* v24 = v21 + v23;
    const long v27 = long(ulong(v19) * ulong(v26));
    device uchar* v28 = v25 + v27;
    long v29 = 0l;
    hg_double v30 = hg_double{0x0ul};
    while (true) {
      const bool v31 = v29 < v4;
      if (!v31) break;
      const long v32 = long(ulong(v29) + ulong(v6));
      const bool v33 = v32 < v4;
      const long v35 = v33 ? v32 : v34;
      device uchar* v36 = v24 + v35 * 4;
      const float v37 = *reinterpret_cast<device const float*>(v36);
      const hg_double v38 = hg_of_float(v37);
      const hg_double v39 = hg_add(hg_double{0x0ul}, v38);
      const float v40 = hg_to_float(v39);
      const hg_double v41 = v33 ? v39 : hg_double{0x0ul};
      const hg_double v42 = hg_double{as_type<ulong>(simd_shuffle_up(as_type<uint2>(v41.bits), ushort(1)))};
      const hg_double v44 = hg_add(v42, v41);
      const hg_double v45 = v43 ? v44 : v41;
      const hg_double v46 = hg_double{as_type<ulong>(simd_shuffle_up(as_type<uint2>(v45.bits), ushort(2)))};
      const hg_double v48 = hg_add(v46, v45);
      const hg_double v49 = v47 ? v48 : v45;
      const hg_double v50 = hg_double{as_type<ulong>(simd_shuffle_up(as_type<uint2>(v49.bits), ushort(4)))};
      const hg_double v52 = hg_add(v50, v49);
      const hg_double v53 = v51 ? v52 : v49;
      const hg_double v54 = hg_double{as_type<ulong>(simd_shuffle_up(as_type<uint2>(v53.bits), ushort(8)))};
      const hg_double v56 = hg_add(v54, v53);
      const hg_double v57 = v55 ? v56 : v53;
      const hg_double v58 = hg_double{as_type<ulong>(simd_shuffle_up(as_type<uint2>(v57.bits), ushort(16)))};
      const hg_double v60 = hg_add(v58, v57);
      const hg_double v61 = v59 ? v60 : v57;
      const hg_double v62 = hg_double{as_type<ulong>(simd_shuffle(as_type<uint2>(v61.bits), ushort(31)))};
      const hg_double v63 = hg_double{as_type<ulong>(simd_shuffle_up(as_type<uint2>(v61.bits), ushort(1)))};
      const hg_double v64 = hg_add(v30, v63);
      const hg_double v66 = v65 ? v30 : v64;
      const hg_double v67 = hg_add(v30, v62);
      hg_double v92 = v66;
      hg_double v93 = v67;
      if (v5) {
        const bool v68 = v2 == 31l;
        if (v68) {
          s0_f64[v3] = v61;
        }
        threadgroup_barrier(mem_flags::mem_threadgroup | mem_flags::mem_device);
        const long v69 = long(v2 & 7l);
        const hg_double v70 = s0_f64[v69];
        const hg_double v71 = hg_double{as_type<ulong>(simd_shuffle_up(as_type<uint2>(v70.bits), ushort(1)))};
        const hg_double v72 = hg_add(v71, v70);
        const hg_double v73 = v43 ? v72 : v70;
        const hg_double v74 = hg_double{as_type<ulong>(simd_shuffle_up(as_type<uint2>(v73.bits), ushort(2)))};
        const hg_double v75 = hg_add(v74, v73);
        const hg_double v76 = v47 ? v75 : v73;
        const hg_double v77 = hg_double{as_type<ulong>(simd_shuffle_up(as_type<uint2>(v76.bits), ushort(4)))};
        const hg_double v78 = hg_add(v77, v76);
        const hg_double v79 = v51 ? v78 : v76;
        const hg_double v80 = hg_double{as_type<ulong>(simd_shuffle(as_type<uint2>(v79.bits), ushort(7)))};
        const hg_double v81 = hg_add(v30, v80);
        threadgroup_barrier(mem_flags::mem_threadgroup | mem_flags::mem_device);
        const bool v82 = v1 < 8l;
        if (v82) {
          s0_f64[v1] = v79;
        }
        threadgroup_barrier(mem_flags::mem_threadgroup | mem_flags::mem_device);
        const bool v83 = v3 == 0l;
        const long v84 = long(ulong(v3) - ulong(1l));
        const long v85 = v83 ? 0l : v84;
        const hg_double v86 = s0_f64[v85];
        const hg_double v87 = hg_add(v30, v86);
        const hg_double v88 = v83 ? v30 : v87;
        const hg_double v89 = hg_double{as_type<ulong>(simd_shuffle_up(as_type<uint2>(v61.bits), ushort(1)))};
        const hg_double v90 = hg_add(v88, v89);
        const hg_double v91 = v65 ? v88 : v90;
        threadgroup_barrier(mem_flags::mem_threadgroup | mem_flags::mem_device);
        v92 = v91;
        v93 = v81;
      }
      const hg_double v94 = hg_add(v92, v38);
      const float v95 = hg_to_float(v94);
      if (v33) {
        device uchar* v96 = v28 + v35 * 4;
        *reinterpret_cast<device float*>(v96) = v95;
      }
      const long v97 = long(ulong(v29) + ulong(v7));
      v29 = v97; v30 = v93;
    }
    const long v98 = long(ulong(v19) + ulong(v15));
    v19 = v98;
  }
}
