#include <metal_stdlib>
#pragma METAL fp math_mode(safe)
#pragma METAL fp contract(off)
using namespace metal;

template <typename T> T hg_div_u(T x, T y) { return y == 0 ? T(0) : T(x / y); }

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
  const uint v37 = uint(v23);
  const uint v38 = hg_div_u<uint>(4294967295u, v37);
  const int v49 = int(v11);
  const long v54 = long(record.args[4]);
  const int v55 = int(v54);
  const int v58 = int(v18);
  const long v62 = long(record.args[0]);
  const long v63 = long(v8 | v62);
  const long v64 = long(v63 | v23);
  const long v65 = v11 < 0 ? long(ulong(0) - ulong(v11)) : v11;
  const long v66 = long(ulong(v65) * ulong(v62));
  const long v67 = long(v65 | v66);
  const long v68 = long(v64 | v67);
  const long v69 = long(ulong(2l) * ulong(v23));
  const long v70 = long(ulong(v69) + ulong(v66));
  const long v71 = long(2l | v69);
  const long v72 = long(v68 | v71);
  const long v73 = long(v72 | v70);
  const long v74 = v54 < 0 ? long(ulong(0) - ulong(v54)) : v54;
  const long v75 = long(ulong(v74) * ulong(v62));
  const long v76 = long(v74 | v75);
  const long v77 = long(v73 | v76);
  const long v78 = long(v77 | v75);
  const long v79 = v18 < 0 ? long(ulong(0) - ulong(v18)) : v18;
  const long v80 = long(ulong(v79) * ulong(v62));
  const long v81 = long(v79 | v80);
  const long v82 = long(v78 | v81);
  const long v83 = long(ulong(v69) + ulong(v80));
  const long v84 = long(v82 | v71);
  const long v85 = long(v84 | v83);
  const long v86 = hg_shr_s<long, ulong>(v85, 31l);
  const bool v87 = v86 != 0l;
  device uchar* v99 = record.operands[1];
  long v32 = v4;
  while (true) {
    const bool v33 = v32 < v31;
    if (!v33) break;
    const long v34 = long(ulong(v32) * ulong(8l));
    const long v35 = long(ulong(v7) + ulong(v34));
    const uint v36 = uint(v35);
    const uint v39 = mulhi(v36, v38);
    const uint v40 = uint(uint(v39) * uint(v37));
    const uint v41 = uint(uint(v36) - uint(v40));
    const bool v42 = v41 >= v37;
    const uint v43 = uint(uint(v41) - uint(v37));
    const uint v44 = v42 ? v43 : v41;
    const uint v45 = uint(v42);
    const uint v46 = uint(uint(v39) + uint(v45));
    const int v47 = as_type<int>(v46);
    const int v48 = as_type<int>(v44);
    const int v50 = int(uint(v47) * uint(v49));
    const int v51 = int(uint(v48) * uint(2));
    const int v52 = int(uint(v51) + uint(v50));
    const long v53 = long(v52);
    const int v56 = int(uint(v47) * uint(v55));
    const long v57 = long(v56);
    const int v59 = int(uint(v47) * uint(v58));
    const int v60 = int(uint(v51) + uint(v59));
    const long v61 = long(v60);
    long v97 = v53;
    long v100 = v57;
    long v102 = v61;
    if (v87) {
      const long v88 = hg_divided(v35, v23);
      const long v89 = long(ulong(v88) * ulong(v23));
      const long v90 = long(ulong(v35) - ulong(v89));
      const long v91 = long(ulong(v88) * ulong(v11));
      const long v92 = long(ulong(v90) * ulong(2l));
      const long v93 = long(ulong(v92) + ulong(v91));
      const long v94 = long(ulong(v88) * ulong(v54));
      const long v95 = long(ulong(v88) * ulong(v18));
      const long v96 = long(ulong(v92) + ulong(v95));
      v97 = v93;
      v100 = v94;
      v102 = v96;
    }
    device uchar* v98 = v9 + v97;
    device uchar* v101 = v99 + v100;
    device uchar* v103 = v16 + v102;
    const uint4 v104_all = *reinterpret_cast<device const uint4*>(v98);
    const float v104 = hg_of_bf16(as_type<ushort2>(v104_all.x).x);
    const float v105 = hg_of_bf16(as_type<ushort2>(v104_all.x).y);
    const float v106 = hg_of_bf16(as_type<ushort2>(v104_all.y).x);
    const float v107 = hg_of_bf16(as_type<ushort2>(v104_all.y).y);
    const float v108 = hg_of_bf16(as_type<ushort2>(v104_all.z).x);
    const float v109 = hg_of_bf16(as_type<ushort2>(v104_all.z).y);
    const float v110 = hg_of_bf16(as_type<ushort2>(v104_all.w).x);
    const float v111 = hg_of_bf16(as_type<ushort2>(v104_all.w).y);
    const float v112 = hg_of_bf16(*reinterpret_cast<device const ushort*>(v101));
    const float v113 = v104 * v112;
    const float v114 = hg_round_bf16(v113);
    const float v115 = v105 * v112;
    const float v116 = hg_round_bf16(v115);
    const float v117 = v106 * v112;
    const float v118 = hg_round_bf16(v117);
    const float v119 = v107 * v112;
    const float v120 = hg_round_bf16(v119);
    const float v121 = v108 * v112;
    const float v122 = hg_round_bf16(v121);
    const float v123 = v109 * v112;
    const float v124 = hg_round_bf16(v123);
    const float v125 = v110 * v112;
    const float v126 = hg_round_bf16(v125);
    const float v127 = v111 * v112;
    const float v128 = hg_round_bf16(v127);
    *reinterpret_cast<device uint4*>(v103) = uint4(as_type<uint>(ushort2(hg_to_bf16(v114), hg_to_bf16(v116))), as_type<uint>(ushort2(hg_to_bf16(v118), hg_to_bf16(v120))), as_type<uint>(ushort2(hg_to_bf16(v122), hg_to_bf16(v124))), as_type<uint>(ushort2(hg_to_bf16(v126), hg_to_bf16(v128))));
    const long v129 = long(ulong(v32) + ulong(v6));
    v32 = v129;
  }
  const long v130 = long(ulong(v31) * ulong(8l));
  const long v131 = long(ulong(v7) + ulong(v130));
  const long v132 = long(ulong(v131) + ulong(v4));
  long v133 = v132;
  while (true) {
    const bool v134 = v133 < v8;
    if (!v134) break;
    const uint v135 = uint(v133);
    const uint v136 = mulhi(v135, v38);
    const uint v137 = uint(uint(v136) * uint(v37));
    const uint v138 = uint(uint(v135) - uint(v137));
    const bool v139 = v138 >= v37;
    const uint v140 = uint(uint(v138) - uint(v37));
    const uint v141 = v139 ? v140 : v138;
    const uint v142 = uint(v139);
    const uint v143 = uint(uint(v136) + uint(v142));
    const int v144 = as_type<int>(v143);
    const int v145 = as_type<int>(v141);
    const int v146 = int(uint(v144) * uint(v49));
    const int v147 = int(uint(v145) * uint(2));
    const int v148 = int(uint(v147) + uint(v146));
    const long v149 = long(v148);
    const int v150 = int(uint(v144) * uint(v55));
    const long v151 = long(v150);
    const int v152 = int(uint(v144) * uint(v58));
    const int v153 = int(uint(v147) + uint(v152));
    const long v154 = long(v153);
    long v164 = v149;
    long v166 = v151;
    long v168 = v154;
    if (v87) {
      const long v155 = hg_divided(v133, v23);
      const long v156 = long(ulong(v155) * ulong(v23));
      const long v157 = long(ulong(v133) - ulong(v156));
      const long v158 = long(ulong(v155) * ulong(v11));
      const long v159 = long(ulong(v157) * ulong(2l));
      const long v160 = long(ulong(v159) + ulong(v158));
      const long v161 = long(ulong(v155) * ulong(v54));
      const long v162 = long(ulong(v155) * ulong(v18));
      const long v163 = long(ulong(v159) + ulong(v162));
      v164 = v160;
      v166 = v161;
      v168 = v163;
    }
    device uchar* v165 = v9 + v164;
    device uchar* v167 = v99 + v166;
    device uchar* v169 = v16 + v168;
    const float v170 = hg_of_bf16(*reinterpret_cast<device const ushort*>(v165));
    const float v171 = hg_of_bf16(*reinterpret_cast<device const ushort*>(v167));
    const float v172 = v170 * v171;
    const float v173 = hg_round_bf16(v172);
    *reinterpret_cast<device ushort*>(v169) = hg_to_bf16(v173);
    const long v174 = long(ulong(v133) + ulong(v6));
    v133 = v174;
  }
}
