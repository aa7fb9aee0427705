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
  const long v25 = long(ulong(v3) + ulong(8l));
  const long v26 = long(ulong(v3) + ulong(16l));
  const long v27 = long(ulong(v3) + ulong(24l));
  const long v78 = long(ulong(v3) * ulong(33l));
  const long v79 = long(ulong(v78) + ulong(v2));
  const long v80 = long(ulong(v25) * ulong(33l));
  const long v81 = long(ulong(v80) + ulong(v2));
  const long v82 = long(ulong(v26) * ulong(33l));
  const long v83 = long(ulong(v82) + ulong(v2));
  const long v84 = long(ulong(v27) * ulong(33l));
  const long v85 = long(ulong(v84) + ulong(v2));
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
    const long v29 = long(ulong(v20) + ulong(v3));
    const bool v30 = v28 < v14;
    const bool v31 = v29 < v11;
    const bool v32 = bool(v30 & v31);
    float v41 = 0.0f;
    if (v32) {
      device uchar* v33 = record.operands[0];
      const long v34 = long(record.args[2]);
      const long v35 = long(ulong(v28) * ulong(v34));
      device uchar* v36 = v33 + v35;
      const long v37 = long(record.args[3]);
      const long v38 = long(ulong(v29) * ulong(v37));
      device uchar* v39 = v36 + v38;
      const float v40 = *reinterpret_cast<device const float*>(v39);
      v41 = v40;
    }
    const long v42 = long(ulong(v20) + ulong(v25));
    const bool v43 = v42 < v11;
    const bool v44 = bool(v30 & v43);
    float v53 = 0.0f;
    if (v44) {
      device uchar* v45 = record.operands[0];
      const long v46 = long(record.args[2]);
      const long v47 = long(ulong(v28) * ulong(v46));
      device uchar* v48 = v45 + v47;
      const long v49 = long(record.args[3]);
      const long v50 = long(ulong(v42) * ulong(v49));
      device uchar* v51 = v48 + v50;
      const float v52 = *reinterpret_cast<device const float*>(v51);
      v53 = v52;
    }
    const long v54 = long(ulong(v20) + ulong(v26));
    const bool v55 = v54 < v11;
    const bool v56 = bool(v30 & v55);
    float v65 = 0.0f;
    if (v56) {
      device uchar* v57 = record.operands[0];
      const long v58 = long(record.args[2]);
      const long v59 = long(ulong(v28) * ulong(v58));
      device uchar* v60 = v57 + v59;
      const long v61 = long(record.args[3]);
      const long v62 = long(ulong(v54) * ulong(v61));
      device uchar* v63 = v60 + v62;
      const float v64 = *reinterpret_cast<device const float*>(v63);
      v65 = v64;
    }
    const long v66 = long(ulong(v20) + ulong(v27));
    const bool v67 = v66 < v11;
    const bool v68 = bool(v30 & v67);
    float v77 = 0.0f;
    if (v68) {
      device uchar* v69 = record.operands[0];
      const long v70 = long(record.args[2]);
      const long v71 = long(ulong(v28) * ulong(v70));
      device uchar* v72 = v69 + v71;
      const long v73 = long(record.args[3]);
      const long v74 = long(ulong(v66) * ulong(v73));
      device uchar* v75 = v72 + v74;
      const float v76 = *reinterpret_cast<device const float*>(v75);
      v77 = v76;
    }
    s0_f32[v79] = v41;
    s0_f32[v81] = v53;
    s0_f32[v83] = v65;
    s0_f32[v85] = v77;
    threadgroup_barrier(mem_flags::mem_threadgroup | mem_flags::mem_device);
    const long v90 = long(ulong(v20) + ulong(v2));
    const bool v92 = v90 < v11;
    long v86 = 0l;
    while (true) {
      const bool v87 = v86 < 32l;
      if (!v87) break;
      const long v88 = long(ulong(v86) + ulong(v3));
      const long v89 = long(ulong(v24) + ulong(v88));
      const bool v91 = v89 < v14;
      const bool v93 = bool(v91 & v92);
      if (v93) {
        const long v94 = long(ulong(v2) * ulong(33l));
        const long v95 = long(ulong(v94) + ulong(v88));
        const float v96 = s0_f32[v95];
        device uchar* v97 = record.operands[1];
        const long v98 = long(record.args[4]);
        const long v99 = long(ulong(v89) * ulong(v98));
        device uchar* v100 = v97 + v99;
        device uchar* v101 = v100 + v90 * 4;
        *reinterpret_cast<device float*>(v101) = v96;
      }
      const long v102 = long(ulong(v86) + ulong(8l));
      v86 = v102;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup | mem_flags::mem_device);
    const long v103 = long(ulong(v9) + ulong(v8));
    v9 = v103;
  }
}
