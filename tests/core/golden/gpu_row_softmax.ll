@s0 = internal addrspace(3) global [8 x float] poison, align 4
define ptx_kernel void @kernel(ptr byval([10 x i64]) align 8 %packed) nounwind "nvvm.maxntid"="256" {
start:
  %record = addrspacecast ptr %packed to ptr addrspace(101)
  br label %entry
entry:
  %v1 = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %v2 = zext i32 %v1 to i64
  %v3 = and i64 %v2, 31
  %v4 = ashr i64 %v2, 5
  %v5 = getelementptr i64, ptr addrspace(101) %record, i64 5
  %v6 = load i64, ptr addrspace(101) %v5, align 8, !invariant.load !0
  %v7 = icmp sgt i64 %v6, 1024
  %v8 = select i1 %v7, i64 %v2, i64 %v3
  %v9 = select i1 %v7, i64 256, i64 32
  %v10 = icmp eq i64 %v8, 0
  %v11 = call i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
  %v12 = zext i32 %v11 to i64
  %v13 = mul i64 %v12, 8
  %v14 = add i64 %v13, %v4
  %v15 = select i1 %v7, i64 %v12, i64 %v14
  %v16 = call i32 @llvm.nvvm.read.ptx.sreg.nctaid.x()
  %v17 = zext i32 %v16 to i64
  %v18 = mul i64 %v17, 8
  %v19 = select i1 %v7, i64 %v17, i64 %v18
  %v20 = getelementptr i64, ptr addrspace(101) %record, i64 0
  %v21 = load i64, ptr addrspace(101) %v20, align 8, !invariant.load !0
  %v22 = add i64 %v21, %v15
  %v23 = getelementptr i64, ptr addrspace(101) %record, i64 1
  %v24 = load i64, ptr addrspace(101) %v23, align 8, !invariant.load !0
  %v27 = mul i64 %v9, 4
  %v28 = sub i64 %v27, 1
  %v29 = and i64 %v6, %v28
  %v30 = sub i64 %v6, %v29
  %v38 = mul i64 %v9, 2
  %v40 = mul i64 %v9, 3
  %v42 = getelementptr i64, ptr addrspace(101) %record, i64 2
  %v43 = load ptr addrspace(1), ptr addrspace(101) %v42, align 8, !invariant.load !0
  %v44 = getelementptr i64, ptr addrspace(101) %record, i64 6
  %v45 = load i64, ptr addrspace(101) %v44, align 8, !invariant.load !0
  %v125 = add i64 %v30, %v8
  %v256 = bitcast float 0xC05A000000000000 to i32
  %v261 = bitcast float 0x4056400000000000 to i32
  %v320 = getelementptr i64, ptr addrspace(101) %record, i64 3
  %v321 = load ptr addrspace(1), ptr addrspace(101) %v320, align 8, !invariant.load !0
  %v322 = getelementptr i64, ptr addrspace(101) %record, i64 8
  %v323 = load i64, ptr addrspace(101) %v322, align 8, !invariant.load !0
  br label %loop1
loop1:
  %v25 = phi i64 [ %v22, %entry ], [ %v449, %after28 ]
  %v26 = icmp slt i64 %v25, %v24
  br i1 %v26, label %body2, label %after29
body2:
  %v46 = mul i64 %v25, %v45
  %v47 = getelementptr i8, ptr addrspace(1) %v43, i64 %v46
  %v324 = mul i64 %v25, %v323
  %v325 = getelementptr i8, ptr addrspace(1) %v321, i64 %v324
  %v449 = add i64 %v25, %v19
  br label %loop3
loop3:
  %v31 = phi i64 [ %v8, %body2 ], [ %v92, %body4 ]
  %v32 = phi float [ 0xFFF0000000000000, %body2 ], [ %v64, %body4 ]
  %v33 = phi float [ 0xFFF0000000000000, %body2 ], [ %v73, %body4 ]
  %v34 = phi float [ 0xFFF0000000000000, %body2 ], [ %v82, %body4 ]
  %v35 = phi float [ 0xFFF0000000000000, %body2 ], [ %v91, %body4 ]
  %v36 = icmp slt i64 %v31, %v30
  br i1 %v36, label %body4, label %after5
body4:
  %v37 = add i64 %v31, %v9
  %v39 = add i64 %v31, %v38
  %v41 = add i64 %v31, %v40
  %v48 = getelementptr float, ptr addrspace(1) %v47, i64 %v31
  %v49 = load float, ptr addrspace(1) %v48, align 4
  %v50 = getelementptr float, ptr addrspace(1) %v47, i64 %v37
  %v51 = load float, ptr addrspace(1) %v50, align 4
  %v52 = getelementptr float, ptr addrspace(1) %v47, i64 %v39
  %v53 = load float, ptr addrspace(1) %v52, align 4
  %v54 = getelementptr float, ptr addrspace(1) %v47, i64 %v41
  %v55 = load float, ptr addrspace(1) %v54, align 4
  %v56 = fcmp ogt float %v49, %v32
  %v57 = bitcast float %v49 to i32
  %v58 = bitcast float %v32 to i32
  %v59 = select i1 %v56, i32 %v57, i32 %v58
  %v60 = bitcast i32 %v59 to float
  %v61 = fcmp une float %v49, %v49
  %v62 = bitcast float %v60 to i32
  %v63 = select i1 %v61, i32 %v57, i32 %v62
  %v64 = bitcast i32 %v63 to float
  %v65 = fcmp ogt float %v51, %v33
  %v66 = bitcast float %v51 to i32
  %v67 = bitcast float %v33 to i32
  %v68 = select i1 %v65, i32 %v66, i32 %v67
  %v69 = bitcast i32 %v68 to float
  %v70 = fcmp une float %v51, %v51
  %v71 = bitcast float %v69 to i32
  %v72 = select i1 %v70, i32 %v66, i32 %v71
  %v73 = bitcast i32 %v72 to float
  %v74 = fcmp ogt float %v53, %v34
  %v75 = bitcast float %v53 to i32
  %v76 = bitcast float %v34 to i32
  %v77 = select i1 %v74, i32 %v75, i32 %v76
  %v78 = bitcast i32 %v77 to float
  %v79 = fcmp une float %v53, %v53
  %v80 = bitcast float %v78 to i32
  %v81 = select i1 %v79, i32 %v75, i32 %v80
  %v82 = bitcast i32 %v81 to float
  %v83 = fcmp ogt float %v55, %v35
  %v84 = bitcast float %v55 to i32
  %v85 = bitcast float %v35 to i32
  %v86 = select i1 %v83, i32 %v84, i32 %v85
  %v87 = bitcast i32 %v86 to float
  %v88 = fcmp une float %v55, %v55
  %v89 = bitcast float %v87 to i32
  %v90 = select i1 %v88, i32 %v84, i32 %v89
  %v91 = bitcast i32 %v90 to float
  %v92 = add i64 %v31, %v27
  br label %loop3
after5:
  %v93 = phi i64 [ %v31, %loop3 ]
  %v94 = phi float [ %v32, %loop3 ]
  %v95 = phi float [ %v33, %loop3 ]
  %v96 = phi float [ %v34, %loop3 ]
  %v97 = phi float [ %v35, %loop3 ]
  %v98 = fcmp ogt float %v95, %v94
  %v99 = bitcast float %v95 to i32
  %v100 = bitcast float %v94 to i32
  %v101 = select i1 %v98, i32 %v99, i32 %v100
  %v102 = bitcast i32 %v101 to float
  %v103 = fcmp une float %v95, %v95
  %v104 = bitcast float %v102 to i32
  %v105 = select i1 %v103, i32 %v99, i32 %v104
  %v106 = bitcast i32 %v105 to float
  %v107 = fcmp ogt float %v97, %v96
  %v108 = bitcast float %v97 to i32
  %v109 = bitcast float %v96 to i32
  %v110 = select i1 %v107, i32 %v108, i32 %v109
  %v111 = bitcast i32 %v110 to float
  %v112 = fcmp une float %v97, %v97
  %v113 = bitcast float %v111 to i32
  %v114 = select i1 %v112, i32 %v108, i32 %v113
  %v115 = bitcast i32 %v114 to float
  %v116 = fcmp ogt float %v115, %v106
  %v117 = bitcast float %v115 to i32
  %v118 = bitcast float %v106 to i32
  %v119 = select i1 %v116, i32 %v117, i32 %v118
  %v120 = bitcast i32 %v119 to float
  %v121 = fcmp une float %v115, %v115
  %v122 = bitcast float %v120 to i32
  %v123 = select i1 %v121, i32 %v117, i32 %v122
  %v124 = bitcast i32 %v123 to float
  br label %loop6
loop6:
  %v126 = phi i64 [ %v125, %after5 ], [ %v140, %body7 ]
  %v127 = phi float [ %v124, %after5 ], [ %v139, %body7 ]
  %v128 = icmp slt i64 %v126, %v6
  br i1 %v128, label %body7, label %after8
body7:
  %v129 = getelementptr float, ptr addrspace(1) %v47, i64 %v126
  %v130 = load float, ptr addrspace(1) %v129, align 4
  %v131 = fcmp ogt float %v130, %v127
  %v132 = bitcast float %v130 to i32
  %v133 = bitcast float %v127 to i32
  %v134 = select i1 %v131, i32 %v132, i32 %v133
  %v135 = bitcast i32 %v134 to float
  %v136 = fcmp une float %v130, %v130
  %v137 = bitcast float %v135 to i32
  %v138 = select i1 %v136, i32 %v132, i32 %v137
  %v139 = bitcast i32 %v138 to float
  %v140 = add i64 %v126, %v9
  br label %loop6
after8:
  %v141 = phi i64 [ %v126, %loop6 ]
  %v142 = phi float [ %v127, %loop6 ]
  %v143 = bitcast float %v142 to i32
  %v144 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v143, i32 16, i32 31)
  %v145 = bitcast i32 %v144 to float
  %v146 = fcmp ogt float %v145, %v142
  %v147 = bitcast float %v145 to i32
  %v148 = select i1 %v146, i32 %v147, i32 %v143
  %v149 = bitcast i32 %v148 to float
  %v150 = fcmp une float %v145, %v145
  %v151 = bitcast float %v149 to i32
  %v152 = select i1 %v150, i32 %v147, i32 %v151
  %v153 = bitcast i32 %v152 to float
  %v154 = bitcast float %v153 to i32
  %v155 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v154, i32 8, i32 31)
  %v156 = bitcast i32 %v155 to float
  %v157 = fcmp ogt float %v156, %v153
  %v158 = bitcast float %v156 to i32
  %v159 = select i1 %v157, i32 %v158, i32 %v154
  %v160 = bitcast i32 %v159 to float
  %v161 = fcmp une float %v156, %v156
  %v162 = bitcast float %v160 to i32
  %v163 = select i1 %v161, i32 %v158, i32 %v162
  %v164 = bitcast i32 %v163 to float
  %v165 = bitcast float %v164 to i32
  %v166 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v165, i32 4, i32 31)
  %v167 = bitcast i32 %v166 to float
  %v168 = fcmp ogt float %v167, %v164
  %v169 = bitcast float %v167 to i32
  %v170 = select i1 %v168, i32 %v169, i32 %v165
  %v171 = bitcast i32 %v170 to float
  %v172 = fcmp une float %v167, %v167
  %v173 = bitcast float %v171 to i32
  %v174 = select i1 %v172, i32 %v169, i32 %v173
  %v175 = bitcast i32 %v174 to float
  %v176 = bitcast float %v175 to i32
  %v177 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v176, i32 2, i32 31)
  %v178 = bitcast i32 %v177 to float
  %v179 = fcmp ogt float %v178, %v175
  %v180 = bitcast float %v178 to i32
  %v181 = select i1 %v179, i32 %v180, i32 %v176
  %v182 = bitcast i32 %v181 to float
  %v183 = fcmp une float %v178, %v178
  %v184 = bitcast float %v182 to i32
  %v185 = select i1 %v183, i32 %v180, i32 %v184
  %v186 = bitcast i32 %v185 to float
  %v187 = bitcast float %v186 to i32
  %v188 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v187, i32 1, i32 31)
  %v189 = bitcast i32 %v188 to float
  %v190 = fcmp ogt float %v189, %v186
  %v191 = bitcast float %v189 to i32
  %v192 = select i1 %v190, i32 %v191, i32 %v187
  %v193 = bitcast i32 %v192 to float
  %v194 = fcmp une float %v189, %v189
  %v195 = bitcast float %v193 to i32
  %v196 = select i1 %v194, i32 %v191, i32 %v195
  %v197 = bitcast i32 %v196 to float
  %v198 = bitcast float %v197 to i32
  %v199 = call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 -1, i32 %v198, i32 0, i32 31)
  %v200 = bitcast i32 %v199 to float
  br i1 %v7, label %then9, label %after12
then9:
  %v201 = icmp eq i64 %v3, 0
  %v203 = and i64 %v3, 7
  %v204 = getelementptr float, ptr addrspace(3) @s0, i64 %v203
  br i1 %v201, label %then10, label %after11
then10:
  %v202 = getelementptr float, ptr addrspace(3) @s0, i64 %v4
  store float %v197, ptr addrspace(3) %v202
  br label %after11
after11:
  call void @llvm.nvvm.barrier0()
  %v205 = load float, ptr addrspace(3) %v204
  %v206 = bitcast float %v205 to i32
  %v207 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v206, i32 4, i32 31)
  %v208 = bitcast i32 %v207 to float
  %v209 = fcmp ogt float %v208, %v205
  %v210 = bitcast float %v208 to i32
  %v211 = select i1 %v209, i32 %v210, i32 %v206
  %v212 = bitcast i32 %v211 to float
  %v213 = fcmp une float %v208, %v208
  %v214 = bitcast float %v212 to i32
  %v215 = select i1 %v213, i32 %v210, i32 %v214
  %v216 = bitcast i32 %v215 to float
  %v217 = bitcast float %v216 to i32
  %v218 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v217, i32 2, i32 31)
  %v219 = bitcast i32 %v218 to float
  %v220 = fcmp ogt float %v219, %v216
  %v221 = bitcast float %v219 to i32
  %v222 = select i1 %v220, i32 %v221, i32 %v217
  %v223 = bitcast i32 %v222 to float
  %v224 = fcmp une float %v219, %v219
  %v225 = bitcast float %v223 to i32
  %v226 = select i1 %v224, i32 %v221, i32 %v225
  %v227 = bitcast i32 %v226 to float
  %v228 = bitcast float %v227 to i32
  %v229 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v228, i32 1, i32 31)
  %v230 = bitcast i32 %v229 to float
  %v231 = fcmp ogt float %v230, %v227
  %v232 = bitcast float %v230 to i32
  %v233 = select i1 %v231, i32 %v232, i32 %v228
  %v234 = bitcast i32 %v233 to float
  %v235 = fcmp une float %v230, %v230
  %v236 = bitcast float %v234 to i32
  %v237 = select i1 %v235, i32 %v232, i32 %v236
  %v238 = bitcast i32 %v237 to float
  %v239 = bitcast float %v238 to i32
  %v240 = call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 -1, i32 %v239, i32 0, i32 31)
  %v241 = bitcast i32 %v240 to float
  call void @llvm.nvvm.barrier0()
  br label %after12
after12:
  %v242 = phi float [ %v241, %after11 ], [ %v200, %after8 ]
  br label %loop13
loop13:
  %v243 = phi i64 [ %v8, %after12 ], [ %v328, %body14 ]
  %v244 = phi float [ 0x0000000000000000, %after12 ], [ %v246, %body14 ]
  %v245 = phi float [ 0x0000000000000000, %after12 ], [ %v247, %body14 ]
  %v246 = phi float [ 0x0000000000000000, %after12 ], [ %v287, %body14 ]
  %v247 = phi float [ 0x0000000000000000, %after12 ], [ %v319, %body14 ]
  %v248 = icmp slt i64 %v243, %v30
  br i1 %v248, label %body14, label %after15
body14:
  %v249 = add i64 %v243, %v9
  %v250 = getelementptr float, ptr addrspace(1) %v47, i64 %v243
  %v251 = load float, ptr addrspace(1) %v250, align 4
  %v252 = getelementptr float, ptr addrspace(1) %v47, i64 %v249
  %v253 = load float, ptr addrspace(1) %v252, align 4
  %v254 = fsub float %v251, %v242
  %v255 = fcmp olt float %v254, 0xC05A000000000000
  %v257 = bitcast float %v254 to i32
  %v258 = select i1 %v255, i32 %v256, i32 %v257
  %v259 = bitcast i32 %v258 to float
  %v260 = fcmp ogt float %v259, 0x4056400000000000
  %v262 = bitcast float %v259 to i32
  %v263 = select i1 %v260, i32 %v261, i32 %v262
  %v264 = bitcast i32 %v263 to float
  %v265 = call float @llvm.fma.f32(float %v264, float 0x3FF7154760000000, float 0x4168000000000000)
  %v266 = fsub float %v265, 0x4168000000000000
  %v267 = call float @llvm.fma.f32(float %v266, float 0xBFE62E4000000000, float %v264)
  %v268 = call float @llvm.fma.f32(float %v266, float 0xBEB7F7D1C0000000, float %v267)
  %v269 = call float @llvm.fma.f32(float 0x3F56B918E0000000, float %v268, float 0x3F81226980000000)
  %v270 = call float @llvm.fma.f32(float %v269, float %v268, float 0x3FA5556FC0000000)
  %v271 = call float @llvm.fma.f32(float %v270, float %v268, float 0x3FC5554B20000000)
  %v272 = call float @llvm.fma.f32(float %v271, float %v268, float 0x3FDFFFFFE0000000)
  %v273 = call float @llvm.fma.f32(float %v272, float %v268, float 0x3FF0000000000000)
  %v274 = call float @llvm.fma.f32(float %v273, float %v268, float 0x3FF0000000000000)
  %v275 = fadd float %v266, 0x4168000000000000
  %v276 = bitcast float %v275 to i32
  %v277 = ashr i32 %v276, 1
  %v278 = shl i32 %v277, 23
  %v279 = shl i32 %v276, 23
  %v280 = sub i32 %v279, %v278
  %v281 = add i32 %v278, 1065353216
  %v282 = bitcast i32 %v281 to float
  %v283 = fmul float %v274, %v282
  %v284 = add i32 %v280, 1065353216
  %v285 = bitcast i32 %v284 to float
  %v286 = fmul float %v283, %v285
  %v287 = fadd float %v244, %v286
  %v288 = fsub float %v253, %v242
  %v289 = fcmp olt float %v288, 0xC05A000000000000
  %v290 = bitcast float %v288 to i32
  %v291 = select i1 %v289, i32 %v256, i32 %v290
  %v292 = bitcast i32 %v291 to float
  %v293 = fcmp ogt float %v292, 0x4056400000000000
  %v294 = bitcast float %v292 to i32
  %v295 = select i1 %v293, i32 %v261, i32 %v294
  %v296 = bitcast i32 %v295 to float
  %v297 = call float @llvm.fma.f32(float %v296, float 0x3FF7154760000000, float 0x4168000000000000)
  %v298 = fsub float %v297, 0x4168000000000000
  %v299 = call float @llvm.fma.f32(float %v298, float 0xBFE62E4000000000, float %v296)
  %v300 = call float @llvm.fma.f32(float %v298, float 0xBEB7F7D1C0000000, float %v299)
  %v301 = call float @llvm.fma.f32(float 0x3F56B918E0000000, float %v300, float 0x3F81226980000000)
  %v302 = call float @llvm.fma.f32(float %v301, float %v300, float 0x3FA5556FC0000000)
  %v303 = call float @llvm.fma.f32(float %v302, float %v300, float 0x3FC5554B20000000)
  %v304 = call float @llvm.fma.f32(float %v303, float %v300, float 0x3FDFFFFFE0000000)
  %v305 = call float @llvm.fma.f32(float %v304, float %v300, float 0x3FF0000000000000)
  %v306 = call float @llvm.fma.f32(float %v305, float %v300, float 0x3FF0000000000000)
  %v307 = fadd float %v298, 0x4168000000000000
  %v308 = bitcast float %v307 to i32
  %v309 = ashr i32 %v308, 1
  %v310 = shl i32 %v309, 23
  %v311 = shl i32 %v308, 23
  %v312 = sub i32 %v311, %v310
  %v313 = add i32 %v310, 1065353216
  %v314 = bitcast i32 %v313 to float
  %v315 = fmul float %v306, %v314
  %v316 = add i32 %v312, 1065353216
  %v317 = bitcast i32 %v316 to float
  %v318 = fmul float %v315, %v317
  %v319 = fadd float %v245, %v318
  %v326 = getelementptr float, ptr addrspace(1) %v325, i64 %v243
  store float %v286, ptr addrspace(1) %v326, align 4
  %v327 = getelementptr float, ptr addrspace(1) %v325, i64 %v249
  store float %v318, ptr addrspace(1) %v327, align 4
  %v328 = add i64 %v243, %v38
  br label %loop13
after15:
  %v329 = phi i64 [ %v243, %loop13 ]
  %v330 = phi float [ %v244, %loop13 ]
  %v331 = phi float [ %v245, %loop13 ]
  %v332 = phi float [ %v246, %loop13 ]
  %v333 = phi float [ %v247, %loop13 ]
  %v334 = fadd float %v330, %v331
  %v335 = fadd float %v332, %v333
  %v336 = fadd float %v334, %v335
  br label %loop16
loop16:
  %v337 = phi i64 [ %v125, %after15 ], [ %v375, %body17 ]
  %v338 = phi float [ %v336, %after15 ], [ %v373, %body17 ]
  %v339 = icmp slt i64 %v337, %v6
  br i1 %v339, label %body17, label %after18
body17:
  %v340 = getelementptr float, ptr addrspace(1) %v47, i64 %v337
  %v341 = load float, ptr addrspace(1) %v340, align 4
  %v342 = fsub float %v341, %v242
  %v343 = fcmp olt float %v342, 0xC05A000000000000
  %v344 = bitcast float %v342 to i32
  %v345 = select i1 %v343, i32 %v256, i32 %v344
  %v346 = bitcast i32 %v345 to float
  %v347 = fcmp ogt float %v346, 0x4056400000000000
  %v348 = bitcast float %v346 to i32
  %v349 = select i1 %v347, i32 %v261, i32 %v348
  %v350 = bitcast i32 %v349 to float
  %v351 = call float @llvm.fma.f32(float %v350, float 0x3FF7154760000000, float 0x4168000000000000)
  %v352 = fsub float %v351, 0x4168000000000000
  %v353 = call float @llvm.fma.f32(float %v352, float 0xBFE62E4000000000, float %v350)
  %v354 = call float @llvm.fma.f32(float %v352, float 0xBEB7F7D1C0000000, float %v353)
  %v355 = call float @llvm.fma.f32(float 0x3F56B918E0000000, float %v354, float 0x3F81226980000000)
  %v356 = call float @llvm.fma.f32(float %v355, float %v354, float 0x3FA5556FC0000000)
  %v357 = call float @llvm.fma.f32(float %v356, float %v354, float 0x3FC5554B20000000)
  %v358 = call float @llvm.fma.f32(float %v357, float %v354, float 0x3FDFFFFFE0000000)
  %v359 = call float @llvm.fma.f32(float %v358, float %v354, float 0x3FF0000000000000)
  %v360 = call float @llvm.fma.f32(float %v359, float %v354, float 0x3FF0000000000000)
  %v361 = fadd float %v352, 0x4168000000000000
  %v362 = bitcast float %v361 to i32
  %v363 = ashr i32 %v362, 1
  %v364 = shl i32 %v363, 23
  %v365 = shl i32 %v362, 23
  %v366 = sub i32 %v365, %v364
  %v367 = add i32 %v364, 1065353216
  %v368 = bitcast i32 %v367 to float
  %v369 = fmul float %v360, %v368
  %v370 = add i32 %v366, 1065353216
  %v371 = bitcast i32 %v370 to float
  %v372 = fmul float %v369, %v371
  %v373 = fadd float %v338, %v372
  %v374 = getelementptr float, ptr addrspace(1) %v325, i64 %v337
  store float %v372, ptr addrspace(1) %v374, align 4
  %v375 = add i64 %v337, %v9
  br label %loop16
after18:
  %v376 = phi i64 [ %v337, %loop16 ]
  %v377 = phi float [ %v338, %loop16 ]
  %v378 = bitcast float %v377 to i32
  %v379 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v378, i32 16, i32 31)
  %v380 = bitcast i32 %v379 to float
  %v381 = fadd float %v377, %v380
  %v382 = bitcast float %v381 to i32
  %v383 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v382, i32 8, i32 31)
  %v384 = bitcast i32 %v383 to float
  %v385 = fadd float %v381, %v384
  %v386 = bitcast float %v385 to i32
  %v387 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v386, i32 4, i32 31)
  %v388 = bitcast i32 %v387 to float
  %v389 = fadd float %v385, %v388
  %v390 = bitcast float %v389 to i32
  %v391 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v390, i32 2, i32 31)
  %v392 = bitcast i32 %v391 to float
  %v393 = fadd float %v389, %v392
  %v394 = bitcast float %v393 to i32
  %v395 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v394, i32 1, i32 31)
  %v396 = bitcast i32 %v395 to float
  %v397 = fadd float %v393, %v396
  %v398 = bitcast float %v397 to i32
  %v399 = call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 -1, i32 %v398, i32 0, i32 31)
  %v400 = bitcast i32 %v399 to float
  br i1 %v7, label %then19, label %after22
then19:
  %v401 = icmp eq i64 %v3, 0
  %v403 = and i64 %v3, 7
  %v404 = getelementptr float, ptr addrspace(3) @s0, i64 %v403
  br i1 %v401, label %then20, label %after21
then20:
  %v402 = getelementptr float, ptr addrspace(3) @s0, i64 %v4
  store float %v397, ptr addrspace(3) %v402
  br label %after21
after21:
  call void @llvm.nvvm.barrier0()
  %v405 = load float, ptr addrspace(3) %v404
  %v406 = bitcast float %v405 to i32
  %v407 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v406, i32 4, i32 31)
  %v408 = bitcast i32 %v407 to float
  %v409 = fadd float %v405, %v408
  %v410 = bitcast float %v409 to i32
  %v411 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v410, i32 2, i32 31)
  %v412 = bitcast i32 %v411 to float
  %v413 = fadd float %v409, %v412
  %v414 = bitcast float %v413 to i32
  %v415 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v414, i32 1, i32 31)
  %v416 = bitcast i32 %v415 to float
  %v417 = fadd float %v413, %v416
  %v418 = bitcast float %v417 to i32
  %v419 = call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 -1, i32 %v418, i32 0, i32 31)
  %v420 = bitcast i32 %v419 to float
  call void @llvm.nvvm.barrier0()
  br label %after22
after22:
  %v421 = phi float [ %v420, %after21 ], [ %v400, %after18 ]
  %v422 = fdiv float 0x3FF0000000000000, %v421
  br label %loop23
loop23:
  %v423 = phi i64 [ %v8, %after22 ], [ %v440, %body24 ]
  %v424 = icmp slt i64 %v423, %v30
  br i1 %v424, label %body24, label %after25
body24:
  %v425 = add i64 %v423, %v9
  %v426 = add i64 %v423, %v38
  %v427 = add i64 %v423, %v40
  %v428 = getelementptr float, ptr addrspace(1) %v325, i64 %v423
  %v429 = load float, ptr addrspace(1) %v428, align 4
  %v430 = getelementptr float, ptr addrspace(1) %v325, i64 %v425
  %v431 = load float, ptr addrspace(1) %v430, align 4
  %v432 = getelementptr float, ptr addrspace(1) %v325, i64 %v426
  %v433 = load float, ptr addrspace(1) %v432, align 4
  %v434 = getelementptr float, ptr addrspace(1) %v325, i64 %v427
  %v435 = load float, ptr addrspace(1) %v434, align 4
  %v436 = fmul float %v429, %v422
  %v437 = fmul float %v431, %v422
  %v438 = fmul float %v433, %v422
  %v439 = fmul float %v435, %v422
  store float %v436, ptr addrspace(1) %v428, align 4
  store float %v437, ptr addrspace(1) %v430, align 4
  store float %v438, ptr addrspace(1) %v432, align 4
  store float %v439, ptr addrspace(1) %v434, align 4
  %v440 = add i64 %v423, %v27
  br label %loop23
after25:
  %v441 = phi i64 [ %v423, %loop23 ]
  br label %loop26
loop26:
  %v442 = phi i64 [ %v125, %after25 ], [ %v447, %body27 ]
  %v443 = icmp slt i64 %v442, %v6
  br i1 %v443, label %body27, label %after28
body27:
  %v444 = getelementptr float, ptr addrspace(1) %v325, i64 %v442
  %v445 = load float, ptr addrspace(1) %v444, align 4
  %v446 = fmul float %v445, %v422
  store float %v446, ptr addrspace(1) %v444, align 4
  %v447 = add i64 %v442, %v9
  br label %loop26
after28:
  %v448 = phi i64 [ %v442, %loop26 ]
  br label %loop1
after29:
  %v450 = phi i64 [ %v25, %loop1 ]
  ret void
}
