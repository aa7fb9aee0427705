#include <metal_stdlib>
#pragma METAL fp math_mode(safe)
#pragma METAL fp contract(off)
using namespace metal;

template <typename T, typename U> T hg_shr_s(T x, T y) { return T(x >> (U(y) < U(sizeof(T) * 8) ? y : T(sizeof(T) * 8 - 1))); }

// An index by a size, in 32 bits where both fit.
inline long hg_divided(long x, long y) {
  return ((ulong(x) | ulong(y)) >> 32) == 0 ? long(uint(x) / uint(y)) : long(ulong(x) / ulong(y));
}

struct golden_record { long begin, end; device uchar* operands[2]; ulong args[6]; };
kernel void golden(constant golden_record* records [[buffer(0)]],
    uint3 hg_thread [[thread_position_in_threadgroup]], uint3 hg_block [[threadgroup_position_in_grid]],
    uint3 hg_blocks [[threadgroups_per_grid]]) {
  constant golden_record& record = records[hg_block.y];
  constant ulong* words = reinterpret_cast<constant ulong*>(&record);
  threadgroup float s0_f32[1056];
  const long v1 = long(hg_thread.x);
  const long v2 = long(v1 & 31l);
  const long v3 = hg_shr_s<long, ulong>(v1, 5l);
  const long v4 = record.begin;
  const long v5 = long(hg_block.x);
  const long v6 = long(ulong(v4) + ulong(v5));
  const long v7 = record.end;
  const long v8 = long(hg_blocks.x);
  const long v11 = long(record.args[1]);
  const long v12 = long(ulong(v11) + ulong(31l));
  const long v13 = hg_shr_s<long, ulong>(v12, 5l);
  const long v14 = long(record.args[0]);
  const long v15 = long(ulong(v14) + ulong(31l));
  const long v16 = hg_shr_s<long, ulong>(v15, 5l);
  long v9 = v6;
  while (true) {
    const bool v10 = v9 < v7;
    if (!v10) break;
    const long v17 = hg_divided(v9, v13);
    const long v18 = long(ulong(v17) * ulong(v13));
    const long v19 = long(ulong(v9) - ulong(v18));
    const long v20 = long(ulong(v19) * ulong(32l));
    const long v21 = hg_divided(v17, v16);
    const long v22 = long(ulong(v21) * ulong(v16));
    const long v23 = long(ulong(v17) - ulong(v22));
    const long v24 = long(ulong(v23) * ulong(32l));
    const long v28 = long(ulong(v24) + ulong(v2));
    const bool v30 = v28 < v14;
    long v25 = 0l;
    while (true) {
      const bool v26 = v25 < 32l;
      if (!v26) break;
      const long v27 = long(ulong(v25) + ulong(v3));
      const long v29 = long(ulong(v20) + ulong(v27));
      const bool v31 = v29 < v11;
      const bool v32 = bool(v30 & v31);
      if (v32) {
        device uchar* v33 = record.operands[0];
        const long v34 = long(record.args[2]);
        const long v35 = long(ulong(v28) * ulong(v34));
        device uchar* v36 = v33 + v35;
        const long v37 = long(record.args[3]);
        const long v38 = long(ulong(v29) * ulong(v37));
        device uchar* v39 = v36 + v38;
        const float v40 = *reinterpret_cast<device const float*>(v39);
        const long v41 = long(ulong(v27) * ulong(33l));
        const long v42 = long(ulong(v41) + ulong(v2));
        s0_f32[v42] = v40;
      }
      const long v43 = long(ulong(v25) + ulong(8l));
      v25 = v43;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup | mem_flags::mem_device);
    const long v48 = long(ulong(v20) + ulong(v2));
    const bool v50 = v48 < v11;
    long v44 = 0l;
    while (true) {
      const bool v45 = v44 < 32l;
      if (!v45) break;
      const long v46 = long(ulong(v44) + ulong(v3));
      const long v47 = long(ulong(v24) + ulong(v46));
      const bool v49 = v47 < v14;
      const bool v51 = bool(v49 & v50);
      if (v51) {
        const long v52 = long(ulong(v2) * ulong(33l));
        const long v53 = long(ulong(v52) + ulong(v46));
        const float v54 = s0_f32[v53];
        device uchar* v55 = record.operands[1];
        const long v56 = long(record.args[4]);
        const long v57 = long(ulong(v47) * ulong(v56));
        device uchar* v58 = v55 + v57;
        device uchar* v59 = v58 + v48 * 4;
        *reinterpret_cast<device float*>(v59) = v54;
      }
      const long v60 = long(ulong(v44) + ulong(8l));
      v44 = v60;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup | mem_flags::mem_device);
    const long v61 = long(ulong(v9) + ulong(v8));
    v9 = v61;
  }
}
