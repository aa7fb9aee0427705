#include <metal_stdlib>
#pragma METAL fp math_mode(safe)
#pragma METAL fp contract(off)
using namespace metal;

template <typename T, typename U> T hg_shr_s(T x, T y) { return T(x >> (U(y) < U(sizeof(T) * 8) ? y : T(sizeof(T) * 8 - 1))); }

struct golden_record { long begin, end; device uchar* operands[2]; ulong args[6]; };
kernel void golden(constant golden_record* records [[buffer(0)]],
    uint3 hg_thread [[thread_position_in_threadgroup]], uint3 hg_block [[threadgroup_position_in_grid]],
    uint3 hg_blocks [[threadgroups_per_grid]]) {
  constant golden_record& record = records[hg_block.y];
  constant ulong* words = reinterpret_cast<constant ulong*>(&record);
  threadgroup float s0_f32[8];
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
  const long v21 = long(ulong(v7) * ulong(4l));
  const long v22 = long(ulong(v21) - ulong(1l));
  const long v23 = long(v4 & v22);
  const long v24 = long(ulong(v4) - ulong(v23));
  const long v32 = long(ulong(v7) * ulong(2l));
  const long v34 = long(ulong(v7) * ulong(3l));
  device uchar* v36 = record.operands[0];
  const long v37 = long(record.args[2]);
  const long v56 = long(ulong(v24) + ulong(v6));
  long v19 = v17;
  while (true) {
    const bool v20 = v19 < v18;
    if (!v20) break;
    const long v38 = long(ulong(v19) * ulong(v37));
    device uchar* v39 = v36 + v38;
    long v25 = v6;
    float v26 = 0.0f;
    float v27 = 0.0f;
    float v28 = 0.0f;
    float v29 = 0.0f;
    while (true) {
      const bool v30 = v25 < v24;
      if (!v30) break;
      const long v31 = long(ulong(v25) + ulong(v7));
      const long v33 = long(ulong(v25) + ulong(v32));
      const long v35 = long(ulong(v25) + ulong(v34));
      device uchar* v40 = v39 + v25 * 4;
      const float v41 = *reinterpret_cast<device const float*>(v40);
      device uchar* v42 = v39 + v31 * 4;
      const float v43 = *reinterpret_cast<device const float*>(v42);
      device uchar* v44 = v39 + v33 * 4;
      const float v45 = *reinterpret_cast<device const float*>(v44);
      device uchar* v46 = v39 + v35 * 4;
      const float v47 = *reinterpret_cast<device const float*>(v46);
      const float v48 = v26 + v41;
      const float v49 = v27 + v43;
      const float v50 = v28 + v45;
      const float v51 = v29 + v47;
      const long v52 = long(ulong(v25) + ulong(v21));
      v25 = v52; v26 = v48; v27 = v49; v28 = v50; v29 = v51;
    }
    const float v53 = v26 + v27;
    const float v54 = v28 + v29;
    const float v55 = v53 + v54;
    long v57 = v56;
    float v58 = v55;
    while (true) {
      const bool v59 = v57 < v4;
      if (!v59) break;
      device uchar* v60 = v39 + v57 * 4;
      const float v61 = *reinterpret_cast<device const float*>(v60);
      const float v62 = v58 + v61;
      const long v63 = long(ulong(v57) + ulong(v7));
      v57 = v63; v58 = v62;
    }
    const float v64 = simd_shuffle_down(v58, ushort(16));
    const float v65 = v58 + v64;
    const float v66 = simd_shuffle_down(v65, ushort(8));
    const float v67 = v65 + v66;
    const float v68 = simd_shuffle_down(v67, ushort(4));
    const float v69 = v67 + v68;
    const float v70 = simd_shuffle_down(v69, ushort(2));
    const float v71 = v69 + v70;
    const float v72 = simd_shuffle_down(v71, ushort(1));
    const float v73 = v71 + v72;
    const float v74 = simd_shuffle(v73, ushort(0));
    float v85 = v74;
    if (v5) {
      const bool v75 = v2 == 0l;
      if (v75) {
        s0_f32[v3] = v73;
      }
      threadgroup_barrier(mem_flags::mem_threadgroup | mem_flags::mem_device);
      const long v76 = long(v2 & 7l);
      const float v77 = s0_f32[v76];
      const float v78 = simd_shuffle_down(v77, ushort(4));
      const float v79 = v77 + v78;
      const float v80 = simd_shuffle_down(v79, ushort(2));
      const float v81 = v79 + v80;
      const float v82 = simd_shuffle_down(v81, ushort(1));
      const float v83 = v81 + v82;
      const float v84 = simd_shuffle(v83, ushort(0));
      threadgroup_barrier(mem_flags::mem_threadgroup | mem_flags::mem_device);
      v85 = v84;
    }
    if (v8) {
      device uchar* v86 = record.operands[1];
      const long v87 = long(record.args[4]);
      const long v88 = long(ulong(v19) * ulong(v87));
      device uchar* v89 = v86 + v88;
      *reinterpret_cast<device float*>(v89) = v85;
    }
    const long v90 = long(ulong(v19) + ulong(v15));
    v19 = v90;
  }
}
