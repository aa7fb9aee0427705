#include <metal_stdlib>
#pragma METAL fp math_mode(safe)
#pragma METAL fp contract(off)
using namespace metal;

template <typename T, typename U> T hg_shl(T x, T y) { return U(y) < U(sizeof(T) * 8) ? T(U(x) << U(y)) : T(0); }

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
  const long v63 = long(ulong(v24) + ulong(v6));
  device uchar* v165 = record.operands[1];
  const long v166 = long(record.args[4]);
  long v19 = v17;
  while (true) {
    const bool v20 = v19 < v18;
    if (!v20) break;
    const long v38 = long(ulong(v19) * ulong(v37));
    device uchar* v39 = v36 + v38;
    long v25 = v6;
    float v26 = as_type<float>(0xff800000u);
    float v27 = as_type<float>(0xff800000u);
    float v28 = as_type<float>(0xff800000u);
    float v29 = as_type<float>(0xff800000u);
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
      const bool v48 = v41 > v26;
      const float v49 = v48 ? v41 : v26;
      const bool v50 = v43 > v27;
      const float v51 = v50 ? v43 : v27;
      const bool v52 = v45 > v28;
      const float v53 = v52 ? v45 : v28;
      const bool v54 = v47 > v29;
      const float v55 = v54 ? v47 : v29;
      const long v56 = long(ulong(v25) + ulong(v21));
      v25 = v56; v26 = v49; v27 = v51; v28 = v53; v29 = v55;
    }
    const bool v57 = v27 > v26;
    const float v58 = v57 ? v27 : v26;
    const bool v59 = v29 > v28;
    const float v60 = v59 ? v29 : v28;
    const bool v61 = v60 > v58;
    const float v62 = v61 ? v60 : v58;
    long v64 = v63;
    float v65 = v62;
    while (true) {
      const bool v66 = v64 < v4;
      if (!v66) break;
      device uchar* v67 = v39 + v64 * 4;
      const float v68 = *reinterpret_cast<device const float*>(v67);
      const bool v69 = v68 > v65;
      const float v70 = v69 ? v68 : v65;
      const long v71 = long(ulong(v64) + ulong(v7));
      v64 = v71; v65 = v70;
    }
    const float v72 = simd_shuffle_down(v65, ushort(16));
    const bool v73 = v72 > v65;
    const float v74 = v73 ? v72 : v65;
    const float v75 = simd_shuffle_down(v74, ushort(8));
    const bool v76 = v75 > v74;
    const float v77 = v76 ? v75 : v74;
    const float v78 = simd_shuffle_down(v77, ushort(4));
    const bool v79 = v78 > v77;
    const float v80 = v79 ? v78 : v77;
    const float v81 = simd_shuffle_down(v80, ushort(2));
    const bool v82 = v81 > v80;
    const float v83 = v82 ? v81 : v80;
    const float v84 = simd_shuffle_down(v83, ushort(1));
    const bool v85 = v84 > v83;
    const float v86 = v85 ? v84 : v83;
    const float v87 = simd_shuffle(v86, ushort(0));
    float v101 = v87;
    if (v5) {
      const bool v88 = v2 == 0l;
      if (v88) {
        s0_f32[v3] = v86;
      }
      threadgroup_barrier(mem_flags::mem_threadgroup | mem_flags::mem_device);
      const long v89 = long(v2 & 7l);
      const float v90 = s0_f32[v89];
      const float v91 = simd_shuffle_down(v90, ushort(4));
      const bool v92 = v91 > v90;
      const float v93 = v92 ? v91 : v90;
      const float v94 = simd_shuffle_down(v93, ushort(2));
      const bool v95 = v94 > v93;
      const float v96 = v95 ? v94 : v93;
      const float v97 = simd_shuffle_down(v96, ushort(1));
      const bool v98 = v97 > v96;
      const float v99 = v98 ? v97 : v96;
      const float v100 = simd_shuffle(v99, ushort(0));
      threadgroup_barrier(mem_flags::mem_threadgroup | mem_flags::mem_device);
      v101 = v100;
    }
    const long v167 = long(ulong(v19) * ulong(v166));
    device uchar* v168 = v165 + v167;
    long v102 = v6;
    float v103 = 0.0f;
    float v104 = 0.0f;
    float v105 = 0.0f;
    float v106 = 0.0f;
    while (true) {
      const bool v107 = v102 < v24;
      if (!v107) break;
      const long v108 = long(ulong(v102) + ulong(v7));
      device uchar* v109 = v39 + v102 * 4;
      const float v110 = *reinterpret_cast<device const float*>(v109);
      device uchar* v111 = v39 + v108 * 4;
      const float v112 = *reinterpret_cast<device const float*>(v111);
      const float v113 = v110 - v101;
      const bool v114 = v113 < -104.0f;
      const float v115 = v114 ? -104.0f : v113;
      const float v116 = fma(v115, 1.44269502f, 12582912.0f);
      const float v117 = v116 - 12582912.0f;
      const float v118 = fma(v117, -0.693145752f, v115);
      const float v119 = fma(v117, -1.42860677e-06f, v118);
      const float v120 = fma(0.00138690404f, v119, 0.00836641714f);
      const float v121 = fma(v120, v119, 0.0416674539f);
      const float v122 = fma(v121, v119, 0.16666545f);
      const float v123 = fma(v122, v119, 0.49999997f);
      const float v124 = fma(v123, v119, 1.0f);
      const float v125 = fma(v124, v119, 1.0f);
      const float v126 = v117 + 12582912.0f;
      const int v127 = as_type<int>(v126);
      const int v128 = hg_shr_s<int, uint>(v127, 1);
      const int v129 = hg_shl<int, uint>(v128, 23);
      const int v130 = hg_shl<int, uint>(v127, 23);
      const int v131 = int(uint(v130) - uint(v129));
      const int v132 = int(uint(v129) + uint(1065353216));
      const float v133 = as_type<float>(v132);
      const float v134 = v125 * v133;
      const int v135 = int(uint(v131) + uint(1065353216));
      const float v136 = as_type<float>(v135);
      const float v137 = v134 * v136;
      const float v138 = v103 + v137;
      const float v139 = v112 - v101;
      const bool v140 = v139 < -104.0f;
      const float v141 = v140 ? -104.0f : v139;
      const float v142 = fma(v141, 1.44269502f, 12582912.0f);
      const float v143 = v142 - 12582912.0f;
      const float v144 = fma(v143, -0.693145752f, v141);
      const float v145 = fma(v143, -1.42860677e-06f, v144);
      const float v146 = fma(0.00138690404f, v145, 0.00836641714f);
      const float v147 = fma(v146, v145, 0.0416674539f);
      const float v148 = fma(v147, v145, 0.16666545f);
      const float v149 = fma(v148, v145, 0.49999997f);
      const float v150 = fma(v149, v145, 1.0f);
      const float v151 = fma(v150, v145, 1.0f);
      const float v152 = v143 + 12582912.0f;
      const int v153 = as_type<int>(v152);
      const int v154 = hg_shr_s<int, uint>(v153, 1);
      const int v155 = hg_shl<int, uint>(v154, 23);
      const int v156 = hg_shl<int, uint>(v153, 23);
      const int v157 = int(uint(v156) - uint(v155));
      const int v158 = int(uint(v155) + uint(1065353216));
      const float v159 = as_type<float>(v158);
      const float v160 = v151 * v159;
      const int v161 = int(uint(v157) + uint(1065353216));
      const float v162 = as_type<float>(v161);
      const float v163 = v160 * v162;
      const float v164 = v104 + v163;
      device uchar* v169 = v168 + v102 * 4;
      *reinterpret_cast<device float*>(v169) = v137;
      device uchar* v170 = v168 + v108 * 4;
      *reinterpret_cast<device float*>(v170) = v163;
      const long v171 = long(ulong(v102) + ulong(v32));
      const float v103_next = v105;
      const float v104_next = v106;
      v102 = v171; v103 = v103_next; v104 = v104_next; v105 = v138; v106 = v164;
    }
    const float v172 = v103 + v104;
    const float v173 = v105 + v106;
    const float v174 = v172 + v173;
    long v175 = v63;
    float v176 = v174;
    while (true) {
      const bool v177 = v175 < v4;
      if (!v177) break;
      device uchar* v178 = v39 + v175 * 4;
      const float v179 = *reinterpret_cast<device const float*>(v178);
      const float v180 = v179 - v101;
      const bool v181 = v180 < -104.0f;
      const float v182 = v181 ? -104.0f : v180;
      const float v183 = fma(v182, 1.44269502f, 12582912.0f);
      const float v184 = v183 - 12582912.0f;
      const float v185 = fma(v184, -0.693145752f, v182);
      const float v186 = fma(v184, -1.42860677e-06f, v185);
      const float v187 = fma(0.00138690404f, v186, 0.00836641714f);
      const float v188 = fma(v187, v186, 0.0416674539f);
      const float v189 = fma(v188, v186, 0.16666545f);
      const float v190 = fma(v189, v186, 0.49999997f);
      const float v191 = fma(v190, v186, 1.0f);
      const float v192 = fma(v191, v186, 1.0f);
      const float v193 = v184 + 12582912.0f;
      const int v194 = as_type<int>(v193);
      const int v195 = hg_shr_s<int, uint>(v194, 1);
      const int v196 = hg_shl<int, uint>(v195, 23);
      const int v197 = hg_shl<int, uint>(v194, 23);
      const int v198 = int(uint(v197) - uint(v196));
      const int v199 = int(uint(v196) + uint(1065353216));
      const float v200 = as_type<float>(v199);
      const float v201 = v192 * v200;
      const int v202 = int(uint(v198) + uint(1065353216));
      const float v203 = as_type<float>(v202);
      const float v204 = v201 * v203;
      const float v205 = v176 + v204;
      device uchar* v206 = v168 + v175 * 4;
      *reinterpret_cast<device float*>(v206) = v204;
      const long v207 = long(ulong(v175) + ulong(v7));
      v175 = v207; v176 = v205;
    }
    const float v208 = simd_shuffle_down(v176, ushort(16));
    const float v209 = v176 + v208;
    const float v210 = simd_shuffle_down(v209, ushort(8));
    const float v211 = v209 + v210;
    const float v212 = simd_shuffle_down(v211, ushort(4));
    const float v213 = v211 + v212;
    const float v214 = simd_shuffle_down(v213, ushort(2));
    const float v215 = v213 + v214;
    const float v216 = simd_shuffle_down(v215, ushort(1));
    const float v217 = v215 + v216;
    const float v218 = simd_shuffle(v217, ushort(0));
    float v229 = v218;
    if (v5) {
      const bool v219 = v2 == 0l;
      if (v219) {
        s0_f32[v3] = v217;
      }
      threadgroup_barrier(mem_flags::mem_threadgroup | mem_flags::mem_device);
      const long v220 = long(v2 & 7l);
      const float v221 = s0_f32[v220];
      const float v222 = simd_shuffle_down(v221, ushort(4));
      const float v223 = v221 + v222;
      const float v224 = simd_shuffle_down(v223, ushort(2));
      const float v225 = v223 + v224;
      const float v226 = simd_shuffle_down(v225, ushort(1));
      const float v227 = v225 + v226;
      const float v228 = simd_shuffle(v227, ushort(0));
      threadgroup_barrier(mem_flags::mem_threadgroup | mem_flags::mem_device);
      v229 = v228;
    }
    const float v230 = 1.0f / v229;
    long v231 = v6;
    while (true) {
      const bool v232 = v231 < v24;
      if (!v232) break;
      const long v233 = long(ulong(v231) + ulong(v7));
      const long v234 = long(ulong(v231) + ulong(v32));
      const long v235 = long(ulong(v231) + ulong(v34));
      device uchar* v236 = v168 + v231 * 4;
      const float v237 = *reinterpret_cast<device const float*>(v236);
      device uchar* v238 = v168 + v233 * 4;
      const float v239 = *reinterpret_cast<device const float*>(v238);
      device uchar* v240 = v168 + v234 * 4;
      const float v241 = *reinterpret_cast<device const float*>(v240);
      device uchar* v242 = v168 + v235 * 4;
      const float v243 = *reinterpret_cast<device const float*>(v242);
      const float v244 = v237 * v230;
      const float v245 = v239 * v230;
      const float v246 = v241 * v230;
      const float v247 = v243 * v230;
      *reinterpret_cast<device float*>(v236) = v244;
      *reinterpret_cast<device float*>(v238) = v245;
      *reinterpret_cast<device float*>(v240) = v246;
      *reinterpret_cast<device float*>(v242) = v247;
      const long v248 = long(ulong(v231) + ulong(v21));
      v231 = v248;
    }
    long v249 = v63;
    while (true) {
      const bool v250 = v249 < v4;
      if (!v250) break;
      device uchar* v251 = v168 + v249 * 4;
      const float v252 = *reinterpret_cast<device const float*>(v251);
      const float v253 = v252 * v230;
      *reinterpret_cast<device float*>(v251) = v253;
      const long v254 = long(ulong(v249) + ulong(v7));
      v249 = v254;
    }
    const long v255 = long(ulong(v19) + ulong(v15));
    v19 = v255;
  }
}
