#include <metal_stdlib>
#pragma METAL fp math_mode(safe)
#pragma METAL fp contract(off)
using namespace metal;

template <typename T, typename U> T hg_shr_s(T x, T y) { return T(x >> (U(y) < U(sizeof(T) * 8) ? y : T(sizeof(T) * 8 - 1))); }

// An index by a size, in 32 bits where both fit.
inline long hg_divided(long x, long y) {
  return ((ulong(x) | ulong(y)) >> 32) == 0 ? long(uint(x) / uint(y)) : long(ulong(x) / ulong(y));
}

inline ushort hg_to_bf16(float x) {
  uint bits = as_type<uint>(x);
  return ushort((x != x ? bits | 0x400000u : bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}
inline float hg_of_bf16(ushort x) { return as_type<float>(uint(x) << 16); }
inline float hg_round_bf16(float x) { return hg_of_bf16(hg_to_bf16(x)); }

struct golden_record { long begin, end; device uchar* operands[3]; ulong args[8]; };
kernel void golden(constant golden_record* records [[buffer(0)]],
    uint3 hg_thread [[thread_position_in_threadgroup]], uint3 hg_block [[threadgroup_position_in_grid]],
    uint3 hg_blocks [[threadgroups_per_grid]]) {
  constant golden_record& record = records[hg_block.y];
  constant ulong* words = reinterpret_cast<constant ulong*>(&record);
  const long v1 = long(hg_block.x);
  const long v2 = long(ulong(v1) * ulong(256l));
  const long v3 = long(hg_thread.x);
  const long v4 = long(ulong(v2) + ulong(v3));
  const long v5 = long(hg_blocks.x);
  const long v6 = long(ulong(v5) * ulong(256l));
  const long v7 = record.begin;
  const long v8 = record.end;
  device uchar* v9 = record.operands[0];
  const long v10 = long(words[2]);
  const long v11 = long(record.args[2]);
  const long v12 = long(v10 & 15l);
  const long v13 = long(0l | v12);
  const long v14 = long(v11 & 15l);
  const long v15 = long(v13 | v14);
  device uchar* v16 = record.operands[2];
  const long v17 = long(words[4]);
  const long v18 = long(record.args[6]);
  const long v19 = long(v17 & 15l);
  const long v20 = long(v15 | v19);
  const long v21 = long(v18 & 15l);
  const long v22 = long(v20 | v21);
  const long v23 = long(record.args[1]);
  const long v24 = long(v7 & 7l);
  const long v25 = long(v22 | v24);
  const long v26 = long(v23 & 7l);
  const long v27 = long(v25 | v26);
  const long v28 = long(ulong(v8) - ulong(v7));
  const long v29 = hg_shr_s<long, ulong>(v28, 3l);
  const bool v30 = v27 == 0l;
  const long v31 = v30 ? v29 : 0l;
  device uchar* v50 = record.operands[1];
  const long v51 = long(record.args[4]);
  long v32 = v4;
  while (true) {
    const bool v33 = v32 < v31;
    if (!v33) break;
    const long v34 = long(ulong(v32) * ulong(8l));
    const long v35 = long(ulong(v7) + ulong(v34));
    const long v36 = hg_divided(v35, v23);
    const long v37 = long(ulong(v36) * ulong(v23));
    const long v38 = long(ulong(v35) - ulong(v37));
    const long v39 = long(ulong(v36) * ulong(v11));
    device uchar* v40 = v9 + v39;
    device uchar* v41 = v40 + v38 * 2;
    const uint4 v42_all = *reinterpret_cast<device const uint4*>(v41);
    const float v42 = hg_of_bf16(as_type<ushort2>(v42_all.x).x);
    const float v43 = hg_of_bf16(as_type<ushort2>(v42_all.x).y);
    const float v44 = hg_of_bf16(as_type<ushort2>(v42_all.y).x);
    const float v45 = hg_of_bf16(as_type<ushort2>(v42_all.y).y);
    const float v46 = hg_of_bf16(as_type<ushort2>(v42_all.z).x);
    const float v47 = hg_of_bf16(as_type<ushort2>(v42_all.z).y);
    const float v48 = hg_of_bf16(as_type<ushort2>(v42_all.w).x);
    const float v49 = hg_of_bf16(as_type<ushort2>(v42_all.w).y);
    const long v52 = long(ulong(v36) * ulong(v51));
    device uchar* v53 = v50 + v52;
    const float v54 = hg_of_bf16(*reinterpret_cast<device const ushort*>(v53));
    const float v55 = v42 * v54;
    const float v56 = hg_round_bf16(v55);
    const float v57 = v43 * v54;
    const float v58 = hg_round_bf16(v57);
    const float v59 = v44 * v54;
    const float v60 = hg_round_bf16(v59);
    const float v61 = v45 * v54;
    const float v62 = hg_round_bf16(v61);
    const float v63 = v46 * v54;
    const float v64 = hg_round_bf16(v63);
    const float v65 = v47 * v54;
    const float v66 = hg_round_bf16(v65);
    const float v67 = v48 * v54;
    const float v68 = hg_round_bf16(v67);
    const float v69 = v49 * v54;
    const float v70 = hg_round_bf16(v69);
    const long v71 = long(ulong(v36) * ulong(v18));
    device uchar* v72 = v16 + v71;
    device uchar* v73 = v72 + v38 * 2;
    *reinterpret_cast<device uint4*>(v73) = uint4(as_type<uint>(ushort2(hg_to_bf16(v56), hg_to_bf16(v58))), as_type<uint>(ushort2(hg_to_bf16(v60), hg_to_bf16(v62))), as_type<uint>(ushort2(hg_to_bf16(v64), hg_to_bf16(v66))), as_type<uint>(ushort2(hg_to_bf16(v68), hg_to_bf16(v70))));
    const long v74 = long(ulong(v32) + ulong(v6));
    v32 = v74;
  }
  const long v75 = long(ulong(v31) * ulong(8l));
  const long v76 = long(ulong(v7) + ulong(v75));
  const long v77 = long(ulong(v76) + ulong(v4));
  long v78 = v77;
  while (true) {
    const bool v79 = v78 < v8;
    if (!v79) break;
    const long v80 = hg_divided(v78, v23);
    const long v81 = long(ulong(v80) * ulong(v23));
    const long v82 = long(ulong(v78) - ulong(v81));
    const long v83 = long(ulong(v80) * ulong(v11));
    device uchar* v84 = v9 + v83;
    device uchar* v85 = v84 + v82 * 2;
    const float v86 = hg_of_bf16(*reinterpret_cast<device const ushort*>(v85));
    const long v87 = long(ulong(v80) * ulong(v51));
    device uchar* v88 = v50 + v87;
    const float v89 = hg_of_bf16(*reinterpret_cast<device const ushort*>(v88));
    const float v90 = v86 * v89;
    const float v91 = hg_round_bf16(v90);
    const long v92 = long(ulong(v80) * ulong(v18));
    device uchar* v93 = v16 + v92;
    device uchar* v94 = v93 + v82 * 2;
    *reinterpret_cast<device ushort*>(v94) = hg_to_bf16(v91);
    const long v95 = long(ulong(v78) + ulong(v6));
    v78 = v95;
  }
}
