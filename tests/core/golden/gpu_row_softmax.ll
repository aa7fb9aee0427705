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
  %v90 = add i64 %v30, %v8
  %v238 = getelementptr i64, ptr addrspace(101) %record, i64 3
  %v239 = load ptr addrspace(1), ptr addrspace(101) %v238, align 8, !invariant.load !0
  %v240 = getelementptr i64, ptr addrspace(101) %record, i64 8
  %v241 = load i64, ptr addrspace(101) %v240, align 8, !invariant.load !0
  br label %loop1
loop1:
  %v25 = phi i64 [ %v22, %entry ], [ %v363, %after28 ]
  %v26 = icmp slt i64 %v25, %v24
  br i1 %v26, label %body2, label %after29
body2:
  %v46 = mul i64 %v25, %v45
  %v47 = getelementptr i8, ptr addrspace(1) %v43, i64 %v46
  %v242 = mul i64 %v25, %v241
  %v243 = getelementptr i8, ptr addrspace(1) %v239, i64 %v242
  %v363 = add i64 %v25, %v19
  br label %loop3
loop3:
  %v31 = phi i64 [ %v8, %body2 ], [ %v72, %body4 ]
  %v32 = phi float [ 0xFFF0000000000000, %body2 ], [ %v59, %body4 ]
  %v33 = phi float [ 0xFFF0000000000000, %body2 ], [ %v63, %body4 ]
  %v34 = phi float [ 0xFFF0000000000000, %body2 ], [ %v67, %body4 ]
  %v35 = phi float [ 0xFFF0000000000000, %body2 ], [ %v71, %body4 ]
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
  %v57 = select i1 %v56, float %v49, float %v32
  %v58 = fcmp une float %v49, %v49
  %v59 = select i1 %v58, float %v49, float %v57
  %v60 = fcmp ogt float %v51, %v33
  %v61 = select i1 %v60, float %v51, float %v33
  %v62 = fcmp une float %v51, %v51
  %v63 = select i1 %v62, float %v51, float %v61
  %v64 = fcmp ogt float %v53, %v34
  %v65 = select i1 %v64, float %v53, float %v34
  %v66 = fcmp une float %v53, %v53
  %v67 = select i1 %v66, float %v53, float %v65
  %v68 = fcmp ogt float %v55, %v35
  %v69 = select i1 %v68, float %v55, float %v35
  %v70 = fcmp une float %v55, %v55
  %v71 = select i1 %v70, float %v55, float %v69
  %v72 = add i64 %v31, %v27
  br label %loop3
after5:
  %v73 = phi i64 [ %v31, %loop3 ]
  %v74 = phi float [ %v32, %loop3 ]
  %v75 = phi float [ %v33, %loop3 ]
  %v76 = phi float [ %v34, %loop3 ]
  %v77 = phi float [ %v35, %loop3 ]
  %v78 = fcmp ogt float %v75, %v74
  %v79 = select i1 %v78, float %v75, float %v74
  %v80 = fcmp une float %v75, %v75
  %v81 = select i1 %v80, float %v75, float %v79
  %v82 = fcmp ogt float %v77, %v76
  %v83 = select i1 %v82, float %v77, float %v76
  %v84 = fcmp une float %v77, %v77
  %v85 = select i1 %v84, float %v77, float %v83
  %v86 = fcmp ogt float %v85, %v81
  %v87 = select i1 %v86, float %v85, float %v81
  %v88 = fcmp une float %v85, %v85
  %v89 = select i1 %v88, float %v85, float %v87
  br label %loop6
loop6:
  %v91 = phi i64 [ %v90, %after5 ], [ %v100, %body7 ]
  %v92 = phi float [ %v89, %after5 ], [ %v99, %body7 ]
  %v93 = icmp slt i64 %v91, %v6
  br i1 %v93, label %body7, label %after8
body7:
  %v94 = getelementptr float, ptr addrspace(1) %v47, i64 %v91
  %v95 = load float, ptr addrspace(1) %v94, align 4
  %v96 = fcmp ogt float %v95, %v92
  %v97 = select i1 %v96, float %v95, float %v92
  %v98 = fcmp une float %v95, %v95
  %v99 = select i1 %v98, float %v95, float %v97
  %v100 = add i64 %v91, %v9
  br label %loop6
after8:
  %v101 = phi i64 [ %v91, %loop6 ]
  %v102 = phi float [ %v92, %loop6 ]
  %v103 = bitcast float %v102 to i32
  %v104 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v103, i32 16, i32 31)
  %v105 = bitcast i32 %v104 to float
  %v106 = fcmp ogt float %v105, %v102
  %v107 = select i1 %v106, float %v105, float %v102
  %v108 = fcmp une float %v105, %v105
  %v109 = select i1 %v108, float %v105, float %v107
  %v110 = bitcast float %v109 to i32
  %v111 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v110, i32 8, i32 31)
  %v112 = bitcast i32 %v111 to float
  %v113 = fcmp ogt float %v112, %v109
  %v114 = select i1 %v113, float %v112, float %v109
  %v115 = fcmp une float %v112, %v112
  %v116 = select i1 %v115, float %v112, float %v114
  %v117 = bitcast float %v116 to i32
  %v118 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v117, i32 4, i32 31)
  %v119 = bitcast i32 %v118 to float
  %v120 = fcmp ogt float %v119, %v116
  %v121 = select i1 %v120, float %v119, float %v116
  %v122 = fcmp une float %v119, %v119
  %v123 = select i1 %v122, float %v119, float %v121
  %v124 = bitcast float %v123 to i32
  %v125 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v124, i32 2, i32 31)
  %v126 = bitcast i32 %v125 to float
  %v127 = fcmp ogt float %v126, %v123
  %v128 = select i1 %v127, float %v126, float %v123
  %v129 = fcmp une float %v126, %v126
  %v130 = select i1 %v129, float %v126, float %v128
  %v131 = bitcast float %v130 to i32
  %v132 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v131, i32 1, i32 31)
  %v133 = bitcast i32 %v132 to float
  %v134 = fcmp ogt float %v133, %v130
  %v135 = select i1 %v134, float %v133, float %v130
  %v136 = fcmp une float %v133, %v133
  %v137 = select i1 %v136, float %v133, float %v135
  %v138 = bitcast float %v137 to i32
  %v139 = call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 -1, i32 %v138, i32 0, i32 31)
  %v140 = bitcast i32 %v139 to float
  br i1 %v7, label %then9, label %after12
then9:
  %v141 = icmp eq i64 %v3, 0
  %v143 = and i64 %v3, 7
  %v144 = getelementptr float, ptr addrspace(3) @s0, i64 %v143
  br i1 %v141, label %then10, label %after11
then10:
  %v142 = getelementptr float, ptr addrspace(3) @s0, i64 %v4
  store float %v137, ptr addrspace(3) %v142
  br label %after11
after11:
  call void @llvm.nvvm.barrier0()
  %v145 = load float, ptr addrspace(3) %v144
  %v146 = bitcast float %v145 to i32
  %v147 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v146, i32 4, i32 31)
  %v148 = bitcast i32 %v147 to float
  %v149 = fcmp ogt float %v148, %v145
  %v150 = select i1 %v149, float %v148, float %v145
  %v151 = fcmp une float %v148, %v148
  %v152 = select i1 %v151, float %v148, float %v150
  %v153 = bitcast float %v152 to i32
  %v154 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v153, i32 2, i32 31)
  %v155 = bitcast i32 %v154 to float
  %v156 = fcmp ogt float %v155, %v152
  %v157 = select i1 %v156, float %v155, float %v152
  %v158 = fcmp une float %v155, %v155
  %v159 = select i1 %v158, float %v155, float %v157
  %v160 = bitcast float %v159 to i32
  %v161 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v160, i32 1, i32 31)
  %v162 = bitcast i32 %v161 to float
  %v163 = fcmp ogt float %v162, %v159
  %v164 = select i1 %v163, float %v162, float %v159
  %v165 = fcmp une float %v162, %v162
  %v166 = select i1 %v165, float %v162, float %v164
  %v167 = bitcast float %v166 to i32
  %v168 = call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 -1, i32 %v167, i32 0, i32 31)
  %v169 = bitcast i32 %v168 to float
  call void @llvm.nvvm.barrier0()
  br label %after12
after12:
  %v170 = phi float [ %v169, %after11 ], [ %v140, %after8 ]
  br label %loop13
loop13:
  %v171 = phi i64 [ %v8, %after12 ], [ %v246, %body14 ]
  %v172 = phi float [ 0x0000000000000000, %after12 ], [ %v174, %body14 ]
  %v173 = phi float [ 0x0000000000000000, %after12 ], [ %v175, %body14 ]
  %v174 = phi float [ 0x0000000000000000, %after12 ], [ %v209, %body14 ]
  %v175 = phi float [ 0x0000000000000000, %after12 ], [ %v237, %body14 ]
  %v176 = icmp slt i64 %v171, %v30
  br i1 %v176, label %body14, label %after15
body14:
  %v177 = add i64 %v171, %v9
  %v178 = getelementptr float, ptr addrspace(1) %v47, i64 %v171
  %v179 = load float, ptr addrspace(1) %v178, align 4
  %v180 = getelementptr float, ptr addrspace(1) %v47, i64 %v177
  %v181 = load float, ptr addrspace(1) %v180, align 4
  %v182 = fsub float %v179, %v170
  %v183 = fcmp olt float %v182, 0xC05A000000000000
  %v184 = select i1 %v183, float 0xC05A000000000000, float %v182
  %v185 = fcmp ogt float %v184, 0x4056400000000000
  %v186 = select i1 %v185, float 0x4056400000000000, float %v184
  %v187 = call float @llvm.fma.f32(float %v186, float 0x3FF7154760000000, float 0x4168000000000000)
  %v188 = fsub float %v187, 0x4168000000000000
  %v189 = call float @llvm.fma.f32(float %v188, float 0xBFE62E4000000000, float %v186)
  %v190 = call float @llvm.fma.f32(float %v188, float 0xBEB7F7D1C0000000, float %v189)
  %v191 = call float @llvm.fma.f32(float 0x3F56B918E0000000, float %v190, float 0x3F81226980000000)
  %v192 = call float @llvm.fma.f32(float %v191, float %v190, float 0x3FA5556FC0000000)
  %v193 = call float @llvm.fma.f32(float %v192, float %v190, float 0x3FC5554B20000000)
  %v194 = call float @llvm.fma.f32(float %v193, float %v190, float 0x3FDFFFFFE0000000)
  %v195 = call float @llvm.fma.f32(float %v194, float %v190, float 0x3FF0000000000000)
  %v196 = call float @llvm.fma.f32(float %v195, float %v190, float 0x3FF0000000000000)
  %v197 = fadd float %v188, 0x4168000000000000
  %v198 = bitcast float %v197 to i32
  %v199 = ashr i32 %v198, 1
  %v200 = shl i32 %v199, 23
  %v201 = shl i32 %v198, 23
  %v202 = sub i32 %v201, %v200
  %v203 = add i32 %v200, 1065353216
  %v204 = bitcast i32 %v203 to float
  %v205 = fmul float %v196, %v204
  %v206 = add i32 %v202, 1065353216
  %v207 = bitcast i32 %v206 to float
  %v208 = fmul float %v205, %v207
  %v209 = fadd float %v172, %v208
  %v210 = fsub float %v181, %v170
  %v211 = fcmp olt float %v210, 0xC05A000000000000
  %v212 = select i1 %v211, float 0xC05A000000000000, float %v210
  %v213 = fcmp ogt float %v212, 0x4056400000000000
  %v214 = select i1 %v213, float 0x4056400000000000, float %v212
  %v215 = call float @llvm.fma.f32(float %v214, float 0x3FF7154760000000, float 0x4168000000000000)
  %v216 = fsub float %v215, 0x4168000000000000
  %v217 = call float @llvm.fma.f32(float %v216, float 0xBFE62E4000000000, float %v214)
  %v218 = call float @llvm.fma.f32(float %v216, float 0xBEB7F7D1C0000000, float %v217)
  %v219 = call float @llvm.fma.f32(float 0x3F56B918E0000000, float %v218, float 0x3F81226980000000)
  %v220 = call float @llvm.fma.f32(float %v219, float %v218, float 0x3FA5556FC0000000)
  %v221 = call float @llvm.fma.f32(float %v220, float %v218, float 0x3FC5554B20000000)
  %v222 = call float @llvm.fma.f32(float %v221, float %v218, float 0x3FDFFFFFE0000000)
  %v223 = call float @llvm.fma.f32(float %v222, float %v218, float 0x3FF0000000000000)
  %v224 = call float @llvm.fma.f32(float %v223, float %v218, float 0x3FF0000000000000)
  %v225 = fadd float %v216, 0x4168000000000000
  %v226 = bitcast float %v225 to i32
  %v227 = ashr i32 %v226, 1
  %v228 = shl i32 %v227, 23
  %v229 = shl i32 %v226, 23
  %v230 = sub i32 %v229, %v228
  %v231 = add i32 %v228, 1065353216
  %v232 = bitcast i32 %v231 to float
  %v233 = fmul float %v224, %v232
  %v234 = add i32 %v230, 1065353216
  %v235 = bitcast i32 %v234 to float
  %v236 = fmul float %v233, %v235
  %v237 = fadd float %v173, %v236
  %v244 = getelementptr float, ptr addrspace(1) %v243, i64 %v171
  store float %v208, ptr addrspace(1) %v244, align 4
  %v245 = getelementptr float, ptr addrspace(1) %v243, i64 %v177
  store float %v236, ptr addrspace(1) %v245, align 4
  %v246 = add i64 %v171, %v38
  br label %loop13
after15:
  %v247 = phi i64 [ %v171, %loop13 ]
  %v248 = phi float [ %v172, %loop13 ]
  %v249 = phi float [ %v173, %loop13 ]
  %v250 = phi float [ %v174, %loop13 ]
  %v251 = phi float [ %v175, %loop13 ]
  %v252 = fadd float %v248, %v249
  %v253 = fadd float %v250, %v251
  %v254 = fadd float %v252, %v253
  br label %loop16
loop16:
  %v255 = phi i64 [ %v90, %after15 ], [ %v289, %body17 ]
  %v256 = phi float [ %v254, %after15 ], [ %v287, %body17 ]
  %v257 = icmp slt i64 %v255, %v6
  br i1 %v257, label %body17, label %after18
body17:
  %v258 = getelementptr float, ptr addrspace(1) %v47, i64 %v255
  %v259 = load float, ptr addrspace(1) %v258, align 4
  %v260 = fsub float %v259, %v170
  %v261 = fcmp olt float %v260, 0xC05A000000000000
  %v262 = select i1 %v261, float 0xC05A000000000000, float %v260
  %v263 = fcmp ogt float %v262, 0x4056400000000000
  %v264 = select i1 %v263, float 0x4056400000000000, float %v262
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
  %v287 = fadd float %v256, %v286
  %v288 = getelementptr float, ptr addrspace(1) %v243, i64 %v255
  store float %v286, ptr addrspace(1) %v288, align 4
  %v289 = add i64 %v255, %v9
  br label %loop16
after18:
  %v290 = phi i64 [ %v255, %loop16 ]
  %v291 = phi float [ %v256, %loop16 ]
  %v292 = bitcast float %v291 to i32
  %v293 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v292, i32 16, i32 31)
  %v294 = bitcast i32 %v293 to float
  %v295 = fadd float %v291, %v294
  %v296 = bitcast float %v295 to i32
  %v297 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v296, i32 8, i32 31)
  %v298 = bitcast i32 %v297 to float
  %v299 = fadd float %v295, %v298
  %v300 = bitcast float %v299 to i32
  %v301 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v300, i32 4, i32 31)
  %v302 = bitcast i32 %v301 to float
  %v303 = fadd float %v299, %v302
  %v304 = bitcast float %v303 to i32
  %v305 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v304, i32 2, i32 31)
  %v306 = bitcast i32 %v305 to float
  %v307 = fadd float %v303, %v306
  %v308 = bitcast float %v307 to i32
  %v309 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v308, i32 1, i32 31)
  %v310 = bitcast i32 %v309 to float
  %v311 = fadd float %v307, %v310
  %v312 = bitcast float %v311 to i32
  %v313 = call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 -1, i32 %v312, i32 0, i32 31)
  %v314 = bitcast i32 %v313 to float
  br i1 %v7, label %then19, label %after22
then19:
  %v315 = icmp eq i64 %v3, 0
  %v317 = and i64 %v3, 7
  %v318 = getelementptr float, ptr addrspace(3) @s0, i64 %v317
  br i1 %v315, label %then20, label %after21
then20:
  %v316 = getelementptr float, ptr addrspace(3) @s0, i64 %v4
  store float %v311, ptr addrspace(3) %v316
  br label %after21
after21:
  call void @llvm.nvvm.barrier0()
  %v319 = load float, ptr addrspace(3) %v318
  %v320 = bitcast float %v319 to i32
  %v321 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v320, i32 4, i32 31)
  %v322 = bitcast i32 %v321 to float
  %v323 = fadd float %v319, %v322
  %v324 = bitcast float %v323 to i32
  %v325 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v324, i32 2, i32 31)
  %v326 = bitcast i32 %v325 to float
  %v327 = fadd float %v323, %v326
  %v328 = bitcast float %v327 to i32
  %v329 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v328, i32 1, i32 31)
  %v330 = bitcast i32 %v329 to float
  %v331 = fadd float %v327, %v330
  %v332 = bitcast float %v331 to i32
  %v333 = call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 -1, i32 %v332, i32 0, i32 31)
  %v334 = bitcast i32 %v333 to float
  call void @llvm.nvvm.barrier0()
  br label %after22
after22:
  %v335 = phi float [ %v334, %after21 ], [ %v314, %after18 ]
  %v336 = fdiv float 0x3FF0000000000000, %v335
  br label %loop23
loop23:
  %v337 = phi i64 [ %v8, %after22 ], [ %v354, %body24 ]
  %v338 = icmp slt i64 %v337, %v30
  br i1 %v338, label %body24, label %after25
body24:
  %v339 = add i64 %v337, %v9
  %v340 = add i64 %v337, %v38
  %v341 = add i64 %v337, %v40
  %v342 = getelementptr float, ptr addrspace(1) %v243, i64 %v337
  %v343 = load float, ptr addrspace(1) %v342, align 4
  %v344 = getelementptr float, ptr addrspace(1) %v243, i64 %v339
  %v345 = load float, ptr addrspace(1) %v344, align 4
  %v346 = getelementptr float, ptr addrspace(1) %v243, i64 %v340
  %v347 = load float, ptr addrspace(1) %v346, align 4
  %v348 = getelementptr float, ptr addrspace(1) %v243, i64 %v341
  %v349 = load float, ptr addrspace(1) %v348, align 4
  %v350 = fmul float %v343, %v336
  %v351 = fmul float %v345, %v336
  %v352 = fmul float %v347, %v336
  %v353 = fmul float %v349, %v336
  store float %v350, ptr addrspace(1) %v342, align 4
  store float %v351, ptr addrspace(1) %v344, align 4
  store float %v352, ptr addrspace(1) %v346, align 4
  store float %v353, ptr addrspace(1) %v348, align 4
  %v354 = add i64 %v337, %v27
  br label %loop23
after25:
  %v355 = phi i64 [ %v337, %loop23 ]
  br label %loop26
loop26:
  %v356 = phi i64 [ %v90, %after25 ], [ %v361, %body27 ]
  %v357 = icmp slt i64 %v356, %v6
  br i1 %v357, label %body27, label %after28
body27:
  %v358 = getelementptr float, ptr addrspace(1) %v243, i64 %v356
  %v359 = load float, ptr addrspace(1) %v358, align 4
  %v360 = fmul float %v359, %v336
  store float %v360, ptr addrspace(1) %v358, align 4
  %v361 = add i64 %v356, %v9
  br label %loop26
after28:
  %v362 = phi i64 [ %v356, %loop26 ]
  br label %loop1
after29:
  %v364 = phi i64 [ %v25, %loop1 ]
  ret void
}
