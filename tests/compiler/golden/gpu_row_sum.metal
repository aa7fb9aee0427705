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
  device uchar* v9 = record.operands[0];
  const long v10 = long(words[2]);
  const long v11 = long(record.args[2]);
  const long v12 = long(v10 & 15l);
  const long v13 = long(0l | v12);
  const long v14 = long(v11 & 15l);
  const long v15 = long(v13 | v14);
  const bool v16 = v15 == 0l;
  const long v17 = long(hg_block.x);
  const long v18 = long(ulong(v17) * ulong(8l));
  const long v19 = long(ulong(v18) + ulong(v3));
  const long v20 = v5 ? v17 : v19;
  const long v21 = long(hg_blocks.x);
  const long v22 = long(ulong(v21) * ulong(8l));
  const long v23 = v5 ? v21 : v22;
  const long v24 = record.begin;
  const long v25 = long(ulong(v24) + ulong(v20));
  const long v26 = record.end;
  const long v31 = hg_shr_s<long, ulong>(v4, 2l);
  const long v32 = long(ulong(v31) * ulong(4l));
  const long v33 = long(ulong(v7) * ulong(4l));
  const long v34 = long(ulong(v33) - ulong(1l));
  const long v35 = long(v31 & v34);
  const long v36 = long(ulong(v31) - ulong(v35));
  const long v46 = long(ulong(v7) * ulong(2l));
  const long v49 = long(ulong(v7) * ulong(3l));
  const bool v88 = !v16;
  const long v154 = long(ulong(v36) + ulong(v6));
  const long v188 = long(ulong(v32) + ulong(v6));
  long v27 = v25;
  while (true) {
    const bool v28 = v27 < v26;
    if (!v28) break;
    const long v29 = long(ulong(v27) * ulong(v11));
    device uchar* v30 = v9 + v29;
    long v37 = v6;
    float v38 = 0.0f;
    float v39 = 0.0f;
    float v40 = 0.0f;
    float v41 = 0.0f;
    while (true) {
      const bool v42 = v37 < v36;
      if (!v42) break;
      const long v43 = long(ulong(v37) * ulong(4l));
      const long v44 = long(ulong(v37) + ulong(v7));
      const long v45 = long(ulong(v44) * ulong(4l));
      const long v47 = long(ulong(v37) + ulong(v46));
      const long v48 = long(ulong(v47) * ulong(4l));
      const long v50 = long(ulong(v37) + ulong(v49));
      const long v51 = long(ulong(v50) * ulong(4l));
      float v72 = 0.0f;
      float v73 = 0.0f;
      float v74 = 0.0f;
      float v75 = 0.0f;
      float v76 = 0.0f;
      float v77 = 0.0f;
      float v78 = 0.0f;
      float v79 = 0.0f;
      float v80 = 0.0f;
      float v81 = 0.0f;
      float v82 = 0.0f;
      float v83 = 0.0f;
      float v84 = 0.0f;
      float v85 = 0.0f;
      float v86 = 0.0f;
      float v87 = 0.0f;
      if (v16) {
        device uchar* v52 = v30 + v43 * 4;
        const uint4 v53_all = *reinterpret_cast<device const uint4*>(v52);
        const float v53 = as_type<float>(v53_all.x);
        const float v54 = as_type<float>(v53_all.y);
        const float v55 = as_type<float>(v53_all.z);
        const float v56 = as_type<float>(v53_all.w);
        device uchar* v57 = v30 + v45 * 4;
        const uint4 v58_all = *reinterpret_cast<device const uint4*>(v57);
        const float v58 = as_type<float>(v58_all.x);
        const float v59 = as_type<float>(v58_all.y);
        const float v60 = as_type<float>(v58_all.z);
        const float v61 = as_type<float>(v58_all.w);
        device uchar* v62 = v30 + v48 * 4;
        const uint4 v63_all = *reinterpret_cast<device const uint4*>(v62);
        const float v63 = as_type<float>(v63_all.x);
        const float v64 = as_type<float>(v63_all.y);
        const float v65 = as_type<float>(v63_all.z);
        const float v66 = as_type<float>(v63_all.w);
        device uchar* v67 = v30 + v51 * 4;
        const uint4 v68_all = *reinterpret_cast<device const uint4*>(v67);
        const float v68 = as_type<float>(v68_all.x);
        const float v69 = as_type<float>(v68_all.y);
        const float v70 = as_type<float>(v68_all.z);
        const float v71 = as_type<float>(v68_all.w);
        v72 = v53;
        v73 = v54;
        v74 = v55;
        v75 = v56;
        v76 = v58;
        v77 = v59;
        v78 = v60;
        v79 = v61;
        v80 = v63;
        v81 = v64;
        v82 = v65;
        v83 = v66;
        v84 = v68;
        v85 = v69;
        v86 = v70;
        v87 = v71;
      }
      float v121 = v72;
      float v122 = v73;
      float v123 = v74;
      float v124 = v75;
      float v125 = v76;
      float v126 = v77;
      float v127 = v78;
      float v128 = v79;
      float v129 = v80;
      float v130 = v81;
      float v131 = v82;
      float v132 = v83;
      float v133 = v84;
      float v134 = v85;
      float v135 = v86;
      float v136 = v87;
      if (v88) {
        device uchar* v89 = v30 + v43 * 4;
        const float v90 = *reinterpret_cast<device const float*>(v89);
        device uchar* v91 = v30 + v45 * 4;
        const float v92 = *reinterpret_cast<device const float*>(v91);
        device uchar* v93 = v30 + v48 * 4;
        const float v94 = *reinterpret_cast<device const float*>(v93);
        device uchar* v95 = v30 + v51 * 4;
        const float v96 = *reinterpret_cast<device const float*>(v95);
        device uchar* v97 = v89 + 1l * 4;
        const float v98 = *reinterpret_cast<device const float*>(v97);
        device uchar* v99 = v91 + 1l * 4;
        const float v100 = *reinterpret_cast<device const float*>(v99);
        device uchar* v101 = v93 + 1l * 4;
        const float v102 = *reinterpret_cast<device const float*>(v101);
        device uchar* v103 = v95 + 1l * 4;
        const float v104 = *reinterpret_cast<device const float*>(v103);
        device uchar* v105 = v89 + 2l * 4;
        const float v106 = *reinterpret_cast<device const float*>(v105);
        device uchar* v107 = v91 + 2l * 4;
        const float v108 = *reinterpret_cast<device const float*>(v107);
        device uchar* v109 = v93 + 2l * 4;
        const float v110 = *reinterpret_cast<device const float*>(v109);
        device uchar* v111 = v95 + 2l * 4;
        const float v112 = *reinterpret_cast<device const float*>(v111);
        device uchar* v113 = v89 + 3l * 4;
        const float v114 = *reinterpret_cast<device const float*>(v113);
        device uchar* v115 = v91 + 3l * 4;
        const float v116 = *reinterpret_cast<device const float*>(v115);
        device uchar* v117 = v93 + 3l * 4;
        const float v118 = *reinterpret_cast<device const float*>(v117);
        device uchar* v119 = v95 + 3l * 4;
        const float v120 = *reinterpret_cast<device const float*>(v119);
        v121 = v90;
        v122 = v98;
        v123 = v106;
        v124 = v114;
        v125 = v92;
        v126 = v100;
        v127 = v108;
        v128 = v116;
        v129 = v94;
        v130 = v102;
        v131 = v110;
        v132 = v118;
        v133 = v96;
        v134 = v104;
        v135 = v112;
        v136 = v120;
      }
      const float v137 = v38 + v121;
      const float v138 = v39 + v122;
      const float v139 = v40 + v123;
      const float v140 = v41 + v124;
      const float v141 = v137 + v125;
      const float v142 = v138 + v126;
      const float v143 = v139 + v127;
      const float v144 = v140 + v128;
      const float v145 = v141 + v129;
      const float v146 = v142 + v130;
      const float v147 = v143 + v131;
      const float v148 = v144 + v132;
      const float v149 = v145 + v133;
      const float v150 = v146 + v134;
      const float v151 = v147 + v135;
      const float v152 = v148 + v136;
      const long v153 = long(ulong(v37) + ulong(v33));
      v37 = v153; v38 = v149; v39 = v150; v40 = v151; v41 = v152;
    }
    long v155 = v154;
    float v156 = v38;
    float v157 = v39;
    float v158 = v40;
    float v159 = v41;
    while (true) {
      const bool v160 = v155 < v31;
      if (!v160) break;
      const long v161 = long(ulong(v155) * ulong(4l));
      float v167 = 0.0f;
      float v168 = 0.0f;
      float v169 = 0.0f;
      float v170 = 0.0f;
      if (v16) {
        device uchar* v162 = v30 + v161 * 4;
        const uint4 v163_all = *reinterpret_cast<device const uint4*>(v162);
        const float v163 = as_type<float>(v163_all.x);
        const float v164 = as_type<float>(v163_all.y);
        const float v165 = as_type<float>(v163_all.z);
        const float v166 = as_type<float>(v163_all.w);
        v167 = v163;
        v168 = v164;
        v169 = v165;
        v170 = v166;
      }
      float v179 = v167;
      float v180 = v168;
      float v181 = v169;
      float v182 = v170;
      if (v88) {
        device uchar* v171 = v30 + v161 * 4;
        const float v172 = *reinterpret_cast<device const float*>(v171);
        device uchar* v173 = v171 + 1l * 4;
        const float v174 = *reinterpret_cast<device const float*>(v173);
        device uchar* v175 = v171 + 2l * 4;
        const float v176 = *reinterpret_cast<device const float*>(v175);
        device uchar* v177 = v171 + 3l * 4;
        const float v178 = *reinterpret_cast<device const float*>(v177);
        v179 = v172;
        v180 = v174;
        v181 = v176;
        v182 = v178;
      }
      const float v183 = v156 + v179;
      const float v184 = v157 + v180;
      const float v185 = v158 + v181;
      const float v186 = v159 + v182;
      const long v187 = long(ulong(v155) + ulong(v7));
      v155 = v187; v156 = v183; v157 = v184; v158 = v185; v159 = v186;
    }
    const float v189 = v156 + v157;
    const float v190 = v158 + v159;
    const float v191 = v189 + v190;
    long v192 = v188;
    float v193 = v191;
    while (true) {
      const bool v194 = v192 < v4;
      if (!v194) break;
      device uchar* v195 = v30 + v192 * 4;
      const float v196 = *reinterpret_cast<device const float*>(v195);
      const float v197 = v193 + v196;
      const long v198 = long(ulong(v192) + ulong(v7));
      v192 = v198; v193 = v197;
    }
    const float v199 = simd_shuffle_down(v193, ushort(16));
    const float v200 = v193 + v199;
    const float v201 = simd_shuffle_down(v200, ushort(8));
    const float v202 = v200 + v201;
    const float v203 = simd_shuffle_down(v202, ushort(4));
    const float v204 = v202 + v203;
    const float v205 = simd_shuffle_down(v204, ushort(2));
    const float v206 = v204 + v205;
    const float v207 = simd_shuffle_down(v206, ushort(1));
    const float v208 = v206 + v207;
    const float v209 = simd_shuffle(v208, ushort(0));
    float v220 = v209;
    if (v5) {
      const bool v210 = v2 == 0l;
      if (v210) {
        s0_f32[v3] = v208;
      }
      threadgroup_barrier(mem_flags::mem_threadgroup | mem_flags::mem_device);
      const long v211 = long(v2 & 7l);
      const float v212 = s0_f32[v211];
      const float v213 = simd_shuffle_down(v212, ushort(4));
      const float v214 = v212 + v213;
      const float v215 = simd_shuffle_down(v214, ushort(2));
      const float v216 = v214 + v215;
      const float v217 = simd_shuffle_down(v216, ushort(1));
      const float v218 = v216 + v217;
      const float v219 = simd_shuffle(v218, ushort(0));
      threadgroup_barrier(mem_flags::mem_threadgroup | mem_flags::mem_device);
      v220 = v219;
    }
    if (v8) {
      device uchar* v221 = record.operands[1];
      const long v222 = long(record.args[4]);
      const long v223 = long(ulong(v27) * ulong(v222));
      device uchar* v224 = v221 + v223;
      *reinterpret_cast<device float*>(v224) = v220;
    }
    const long v225 = long(ulong(v27) + ulong(v23));
    v27 = v225;
  }
}
