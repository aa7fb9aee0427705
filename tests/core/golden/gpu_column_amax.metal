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
  threadgroup float s0_f32[256];
  const long v1 = long(hg_thread.x);
  const long v2 = long(v1 & 31l);
  const long v3 = hg_shr_s<long, ulong>(v1, 5l);
  const long v4 = long(record.args[1]);
  const bool v5 = v4 >= 32l;
  const long v6 = v5 ? v3 : 0l;
  const long v7 = v5 ? 8l : 1l;
  const bool v8 = v6 == 0l;
  const long v9 = record.end;
  const long v10 = v5 ? 32l : 256l;
  const long v11 = v5 ? v2 : v1;
  const long v12 = record.begin;
  const long v13 = long(hg_block.x);
  const long v14 = long(ulong(v13) * ulong(v10));
  const long v15 = long(ulong(v12) + ulong(v14));
  const long v16 = long(hg_blocks.x);
  const long v17 = long(ulong(v16) * ulong(v10));
  const long v22 = long(ulong(v9) - ulong(1l));
  const long v25 = long(ulong(v7) * ulong(4l));
  const long v26 = long(ulong(v25) - ulong(1l));
  const long v36 = long(ulong(v7) * ulong(2l));
  const long v38 = long(ulong(v7) * ulong(3l));
  device uchar* v40 = record.operands[0];
  const long v42 = long(record.args[3]);
  long v18 = v15;
  while (true) {
    const bool v19 = v18 < v9;
    if (!v19) break;
    const long v20 = long(ulong(v18) + ulong(v11));
    const bool v21 = v20 < v9;
    const long v23 = v21 ? v20 : v22;
    const long v24 = v21 ? v4 : 0l;
    const long v27 = long(v24 & v26);
    const long v28 = long(ulong(v24) - ulong(v27));
    device uchar* v41 = v40 + v23 * 4;
    long v29 = v6;
    float v30 = as_type<float>(0xff800000u);
    float v31 = as_type<float>(0xff800000u);
    float v32 = as_type<float>(0xff800000u);
    float v33 = as_type<float>(0xff800000u);
    while (true) {
      const bool v34 = v29 < v28;
      if (!v34) break;
      const long v35 = long(ulong(v29) + ulong(v7));
      const long v37 = long(ulong(v29) + ulong(v36));
      const long v39 = long(ulong(v29) + ulong(v38));
      const long v43 = long(ulong(v29) * ulong(v42));
      device uchar* v44 = v41 + v43;
      const float v45 = *reinterpret_cast<device const float*>(v44);
      const long v46 = long(ulong(v35) * ulong(v42));
      device uchar* v47 = v41 + v46;
      const float v48 = *reinterpret_cast<device const float*>(v47);
      const long v49 = long(ulong(v37) * ulong(v42));
      device uchar* v50 = v41 + v49;
      const float v51 = *reinterpret_cast<device const float*>(v50);
      const long v52 = long(ulong(v39) * ulong(v42));
      device uchar* v53 = v41 + v52;
      const float v54 = *reinterpret_cast<device const float*>(v53);
      const bool v55 = v45 > v30;
      const float v56 = v55 ? v45 : v30;
      const bool v57 = v45 != v45;
      const float v58 = v57 ? v45 : v56;
      const bool v59 = v48 > v31;
      const float v60 = v59 ? v48 : v31;
      const bool v61 = v48 != v48;
      const float v62 = v61 ? v48 : v60;
      const bool v63 = v51 > v32;
      const float v64 = v63 ? v51 : v32;
      const bool v65 = v51 != v51;
      const float v66 = v65 ? v51 : v64;
      const bool v67 = v54 > v33;
      const float v68 = v67 ? v54 : v33;
      const bool v69 = v54 != v54;
      const float v70 = v69 ? v54 : v68;
      const long v71 = long(ulong(v29) + ulong(v25));
      v29 = v71; v30 = v58; v31 = v62; v32 = v66; v33 = v70;
    }
    const bool v72 = v31 > v30;
    const float v73 = v72 ? v31 : v30;
    const bool v74 = v31 != v31;
    const float v75 = v74 ? v31 : v73;
    const bool v76 = v33 > v32;
    const float v77 = v76 ? v33 : v32;
    const bool v78 = v33 != v33;
    const float v79 = v78 ? v33 : v77;
    const bool v80 = v79 > v75;
    const float v81 = v80 ? v79 : v75;
    const bool v82 = v79 != v79;
    const float v83 = v82 ? v79 : v81;
    const long v84 = long(ulong(v28) + ulong(v6));
    long v85 = v84;
    float v86 = v83;
    while (true) {
      const bool v87 = v85 < v24;
      if (!v87) break;
      const long v88 = long(ulong(v85) * ulong(v42));
      device uchar* v89 = v41 + v88;
      const float v90 = *reinterpret_cast<device const float*>(v89);
      const bool v91 = v90 > v86;
      const float v92 = v91 ? v90 : v86;
      const bool v93 = v90 != v90;
      const float v94 = v93 ? v90 : v92;
      const long v95 = long(ulong(v85) + ulong(v7));
      v85 = v95; v86 = v94;
    }
    float v139 = v86;
    if (v5) {
      s0_f32[v1] = v86;
      threadgroup_barrier(mem_flags::mem_threadgroup | mem_flags::mem_device);
      const float v96 = s0_f32[v2];
      const long v97 = long(ulong(v2) + ulong(32l));
      const float v98 = s0_f32[v97];
      const long v99 = long(ulong(v2) + ulong(64l));
      const float v100 = s0_f32[v99];
      const long v101 = long(ulong(v2) + ulong(96l));
      const float v102 = s0_f32[v101];
      const long v103 = long(ulong(v2) + ulong(128l));
      const float v104 = s0_f32[v103];
      const long v105 = long(ulong(v2) + ulong(160l));
      const float v106 = s0_f32[v105];
      const long v107 = long(ulong(v2) + ulong(192l));
      const float v108 = s0_f32[v107];
      const long v109 = long(ulong(v2) + ulong(224l));
      const float v110 = s0_f32[v109];
      const bool v111 = v98 > v96;
      const float v112 = v111 ? v98 : v96;
      const bool v113 = v98 != v98;
      const float v114 = v113 ? v98 : v112;
      const bool v115 = v102 > v100;
      const float v116 = v115 ? v102 : v100;
      const bool v117 = v102 != v102;
      const float v118 = v117 ? v102 : v116;
      const bool v119 = v106 > v104;
      const float v120 = v119 ? v106 : v104;
      const bool v121 = v106 != v106;
      const float v122 = v121 ? v106 : v120;
      const bool v123 = v110 > v108;
      const float v124 = v123 ? v110 : v108;
      const bool v125 = v110 != v110;
      const float v126 = v125 ? v110 : v124;
      const bool v127 = v118 > v114;
      const float v128 = v127 ? v118 : v114;
      const bool v129 = v118 != v118;
      const float v130 = v129 ? v118 : v128;
      const bool v131 = v126 > v122;
      const float v132 = v131 ? v126 : v122;
      const bool v133 = v126 != v126;
      const float v134 = v133 ? v126 : v132;
      const bool v135 = v134 > v130;
      const float v136 = v135 ? v134 : v130;
      const bool v137 = v134 != v134;
      const float v138 = v137 ? v134 : v136;
      threadgroup_barrier(mem_flags::mem_threadgroup | mem_flags::mem_device);
      v139 = v138;
    }
    const bool v140 = bool(v8 & v21);
    if (v140) {
      device uchar* v141 = record.operands[1];
      device uchar* v142 = v141 + v23 * 4;
      *reinterpret_cast<device float*>(v142) = v139;
    }
    const long v143 = long(ulong(v18) + ulong(v17));
    v18 = v143;
  }
}
