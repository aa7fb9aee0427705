#include <metal_stdlib>
#pragma METAL fp math_mode(safe)
#pragma METAL fp contract(off)
using namespace metal;

template <typename T, typename U> T hg_shr_s(T x, T y) { return T(x >> (U(y) < U(sizeof(T) * 8) ? y : T(sizeof(T) * 8 - 1))); }

struct golden_record { long begin, end; device uchar* operands[3]; ulong args[4]; };
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
  const long v11 = long(v10 & 15l);
  const long v12 = long(0l | v11);
  device uchar* v13 = record.operands[1];
  const long v14 = long(words[3]);
  const long v15 = long(v14 & 15l);
  const long v16 = long(v12 | v15);
  device uchar* v17 = record.operands[2];
  const long v18 = long(words[4]);
  const long v19 = long(v18 & 15l);
  const long v20 = long(v16 | v19);
  const long v21 = long(v7 & 3l);
  const long v22 = long(v20 | v21);
  const long v23 = long(ulong(v8) - ulong(v7));
  const long v24 = hg_shr_s<long, ulong>(v23, 2l);
  const bool v25 = v22 == 0l;
  const long v26 = v25 ? v24 : 0l;
  long v27 = v4;
  while (true) {
    const bool v28 = v27 < v26;
    if (!v28) break;
    const long v29 = long(ulong(v27) * ulong(4l));
    const long v30 = long(ulong(v7) + ulong(v29));
    device uchar* v31 = v9 + v30 * 4;
    const uint4 v32_all = *reinterpret_cast<device const uint4*>(v31);
    const float v32 = as_type<float>(v32_all.x);
    const float v33 = as_type<float>(v32_all.y);
    const float v34 = as_type<float>(v32_all.z);
    const float v35 = as_type<float>(v32_all.w);
    device uchar* v36 = v13 + v30 * 4;
    const uint4 v37_all = *reinterpret_cast<device const uint4*>(v36);
    const float v37 = as_type<float>(v37_all.x);
    const float v38 = as_type<float>(v37_all.y);
    const float v39 = as_type<float>(v37_all.z);
    const float v40 = as_type<float>(v37_all.w);
    const float v41 = v32 + v37;
    const float v42 = v33 + v38;
    const float v43 = v34 + v39;
    const float v44 = v35 + v40;
    device uchar* v45 = v17 + v30 * 4;
    *reinterpret_cast<device uint4*>(v45) = uint4(as_type<uint>(v41), as_type<uint>(v42), as_type<uint>(v43), as_type<uint>(v44));
    const long v46 = long(ulong(v27) + ulong(v6));
    v27 = v46;
  }
  const long v47 = long(ulong(v26) * ulong(4l));
  const long v48 = long(ulong(v7) + ulong(v47));
  const long v49 = long(ulong(v48) + ulong(v4));
  long v50 = v49;
  while (true) {
    const bool v51 = v50 < v8;
    if (!v51) break;
    device uchar* v52 = v9 + v50 * 4;
    const float v53 = *reinterpret_cast<device const float*>(v52);
    device uchar* v54 = v13 + v50 * 4;
    const float v55 = *reinterpret_cast<device const float*>(v54);
    const float v56 = v53 + v55;
    device uchar* v57 = v17 + v50 * 4;
    *reinterpret_cast<device float*>(v57) = v56;
    const long v58 = long(ulong(v50) + ulong(v6));
    v50 = v58;
  }
}
