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
  %v97 = add i64 %v30, %v8
  %v192 = bitcast float 0xC05A000000000000 to i32
  %v247 = getelementptr i64, ptr addrspace(101) %record, i64 3
  %v248 = load ptr addrspace(1), ptr addrspace(101) %v247, align 8, !invariant.load !0
  %v249 = getelementptr i64, ptr addrspace(101) %record, i64 8
  %v250 = load i64, ptr addrspace(101) %v249, align 8, !invariant.load !0
  br label %loop1
loop1:
  %v25 = phi i64 [ %v22, %entry ], [ %v372, %after28 ]
  %v26 = icmp slt i64 %v25, %v24
  br i1 %v26, label %body2, label %after29
body2:
  %v46 = mul i64 %v25, %v45
  %v47 = getelementptr i8, ptr addrspace(1) %v43, i64 %v46
  %v251 = mul i64 %v25, %v250
  %v252 = getelementptr i8, ptr addrspace(1) %v248, i64 %v251
  %v372 = add i64 %v25, %v19
  br label %loop3
loop3:
  %v31 = phi i64 [ %v8, %body2 ], [ %v76, %body4 ]
  %v32 = phi float [ 0xFFF0000000000000, %body2 ], [ %v60, %body4 ]
  %v33 = phi float [ 0xFFF0000000000000, %body2 ], [ %v65, %body4 ]
  %v34 = phi float [ 0xFFF0000000000000, %body2 ], [ %v70, %body4 ]
  %v35 = phi float [ 0xFFF0000000000000, %body2 ], [ %v75, %body4 ]
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
  %v61 = fcmp ogt float %v51, %v33
  %v62 = bitcast float %v51 to i32
  %v63 = bitcast float %v33 to i32
  %v64 = select i1 %v61, i32 %v62, i32 %v63
  %v65 = bitcast i32 %v64 to float
  %v66 = fcmp ogt float %v53, %v34
  %v67 = bitcast float %v53 to i32
  %v68 = bitcast float %v34 to i32
  %v69 = select i1 %v66, i32 %v67, i32 %v68
  %v70 = bitcast i32 %v69 to float
  %v71 = fcmp ogt float %v55, %v35
  %v72 = bitcast float %v55 to i32
  %v73 = bitcast float %v35 to i32
  %v74 = select i1 %v71, i32 %v72, i32 %v73
  %v75 = bitcast i32 %v74 to float
  %v76 = add i64 %v31, %v27
  br label %loop3
after5:
  %v77 = phi i64 [ %v31, %loop3 ]
  %v78 = phi float [ %v32, %loop3 ]
  %v79 = phi float [ %v33, %loop3 ]
  %v80 = phi float [ %v34, %loop3 ]
  %v81 = phi float [ %v35, %loop3 ]
  %v82 = fcmp ogt float %v79, %v78
  %v83 = bitcast float %v79 to i32
  %v84 = bitcast float %v78 to i32
  %v85 = select i1 %v82, i32 %v83, i32 %v84
  %v86 = bitcast i32 %v85 to float
  %v87 = fcmp ogt float %v81, %v80
  %v88 = bitcast float %v81 to i32
  %v89 = bitcast float %v80 to i32
  %v90 = select i1 %v87, i32 %v88, i32 %v89
  %v91 = bitcast i32 %v90 to float
  %v92 = fcmp ogt float %v91, %v86
  %v93 = bitcast float %v91 to i32
  %v94 = bitcast float %v86 to i32
  %v95 = select i1 %v92, i32 %v93, i32 %v94
  %v96 = bitcast i32 %v95 to float
  br label %loop6
loop6:
  %v98 = phi i64 [ %v97, %after5 ], [ %v108, %body7 ]
  %v99 = phi float [ %v96, %after5 ], [ %v107, %body7 ]
  %v100 = icmp slt i64 %v98, %v6
  br i1 %v100, label %body7, label %after8
body7:
  %v101 = getelementptr float, ptr addrspace(1) %v47, i64 %v98
  %v102 = load float, ptr addrspace(1) %v101, align 4
  %v103 = fcmp ogt float %v102, %v99
  %v104 = bitcast float %v102 to i32
  %v105 = bitcast float %v99 to i32
  %v106 = select i1 %v103, i32 %v104, i32 %v105
  %v107 = bitcast i32 %v106 to float
  %v108 = add i64 %v98, %v9
  br label %loop6
after8:
  %v109 = phi i64 [ %v98, %loop6 ]
  %v110 = phi float [ %v99, %loop6 ]
  %v111 = bitcast float %v110 to i32
  %v112 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v111, i32 16, i32 31)
  %v113 = bitcast i32 %v112 to float
  %v114 = fcmp ogt float %v113, %v110
  %v115 = bitcast float %v113 to i32
  %v116 = select i1 %v114, i32 %v115, i32 %v111
  %v117 = bitcast i32 %v116 to float
  %v118 = bitcast float %v117 to i32
  %v119 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v118, i32 8, i32 31)
  %v120 = bitcast i32 %v119 to float
  %v121 = fcmp ogt float %v120, %v117
  %v122 = bitcast float %v120 to i32
  %v123 = select i1 %v121, i32 %v122, i32 %v118
  %v124 = bitcast i32 %v123 to float
  %v125 = bitcast float %v124 to i32
  %v126 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v125, i32 4, i32 31)
  %v127 = bitcast i32 %v126 to float
  %v128 = fcmp ogt float %v127, %v124
  %v129 = bitcast float %v127 to i32
  %v130 = select i1 %v128, i32 %v129, i32 %v125
  %v131 = bitcast i32 %v130 to float
  %v132 = bitcast float %v131 to i32
  %v133 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v132, i32 2, i32 31)
  %v134 = bitcast i32 %v133 to float
  %v135 = fcmp ogt float %v134, %v131
  %v136 = bitcast float %v134 to i32
  %v137 = select i1 %v135, i32 %v136, i32 %v132
  %v138 = bitcast i32 %v137 to float
  %v139 = bitcast float %v138 to i32
  %v140 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v139, i32 1, i32 31)
  %v141 = bitcast i32 %v140 to float
  %v142 = fcmp ogt float %v141, %v138
  %v143 = bitcast float %v141 to i32
  %v144 = select i1 %v142, i32 %v143, i32 %v139
  %v145 = bitcast i32 %v144 to float
  %v146 = bitcast float %v145 to i32
  %v147 = call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 -1, i32 %v146, i32 0, i32 31)
  %v148 = bitcast i32 %v147 to float
  br i1 %v7, label %then9, label %after12
then9:
  %v149 = icmp eq i64 %v3, 0
  %v151 = and i64 %v3, 7
  %v152 = getelementptr float, ptr addrspace(3) @s0, i64 %v151
  br i1 %v149, label %then10, label %after11
then10:
  %v150 = getelementptr float, ptr addrspace(3) @s0, i64 %v4
  store float %v145, ptr addrspace(3) %v150
  br label %after11
after11:
  call void @llvm.nvvm.barrier0()
  %v153 = load float, ptr addrspace(3) %v152
  %v154 = bitcast float %v153 to i32
  %v155 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v154, i32 4, i32 31)
  %v156 = bitcast i32 %v155 to float
  %v157 = fcmp ogt float %v156, %v153
  %v158 = bitcast float %v156 to i32
  %v159 = select i1 %v157, i32 %v158, i32 %v154
  %v160 = bitcast i32 %v159 to float
  %v161 = bitcast float %v160 to i32
  %v162 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v161, i32 2, i32 31)
  %v163 = bitcast i32 %v162 to float
  %v164 = fcmp ogt float %v163, %v160
  %v165 = bitcast float %v163 to i32
  %v166 = select i1 %v164, i32 %v165, i32 %v161
  %v167 = bitcast i32 %v166 to float
  %v168 = bitcast float %v167 to i32
  %v169 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v168, i32 1, i32 31)
  %v170 = bitcast i32 %v169 to float
  %v171 = fcmp ogt float %v170, %v167
  %v172 = bitcast float %v170 to i32
  %v173 = select i1 %v171, i32 %v172, i32 %v168
  %v174 = bitcast i32 %v173 to float
  %v175 = bitcast float %v174 to i32
  %v176 = call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 -1, i32 %v175, i32 0, i32 31)
  %v177 = bitcast i32 %v176 to float
  call void @llvm.nvvm.barrier0()
  br label %after12
after12:
  %v178 = phi float [ %v177, %after11 ], [ %v148, %after8 ]
  br label %loop13
loop13:
  %v179 = phi i64 [ %v8, %after12 ], [ %v255, %body14 ]
  %v180 = phi float [ 0x0000000000000000, %after12 ], [ %v182, %body14 ]
  %v181 = phi float [ 0x0000000000000000, %after12 ], [ %v183, %body14 ]
  %v182 = phi float [ 0x0000000000000000, %after12 ], [ %v218, %body14 ]
  %v183 = phi float [ 0x0000000000000000, %after12 ], [ %v246, %body14 ]
  %v184 = icmp slt i64 %v179, %v30
  br i1 %v184, label %body14, label %after15
body14:
  %v185 = add i64 %v179, %v9
  %v186 = getelementptr float, ptr addrspace(1) %v47, i64 %v179
  %v187 = load float, ptr addrspace(1) %v186, align 4
  %v188 = getelementptr float, ptr addrspace(1) %v47, i64 %v185
  %v189 = load float, ptr addrspace(1) %v188, align 4
  %v190 = fsub float %v187, %v178
  %v191 = fcmp olt float %v190, 0xC05A000000000000
  %v193 = bitcast float %v190 to i32
  %v194 = select i1 %v191, i32 %v192, i32 %v193
  %v195 = bitcast i32 %v194 to float
  %v196 = call float @llvm.fma.f32(float %v195, float 0x3FF7154760000000, float 0x4168000000000000)
  %v197 = fsub float %v196, 0x4168000000000000
  %v198 = call float @llvm.fma.f32(float %v197, float 0xBFE62E4000000000, float %v195)
  %v199 = call float @llvm.fma.f32(float %v197, float 0xBEB7F7D1C0000000, float %v198)
  %v200 = call float @llvm.fma.f32(float 0x3F56B918E0000000, float %v199, float 0x3F81226980000000)
  %v201 = call float @llvm.fma.f32(float %v200, float %v199, float 0x3FA5556FC0000000)
  %v202 = call float @llvm.fma.f32(float %v201, float %v199, float 0x3FC5554B20000000)
  %v203 = call float @llvm.fma.f32(float %v202, float %v199, float 0x3FDFFFFFE0000000)
  %v204 = call float @llvm.fma.f32(float %v203, float %v199, float 0x3FF0000000000000)
  %v205 = call float @llvm.fma.f32(float %v204, float %v199, float 0x3FF0000000000000)
  %v206 = fadd float %v197, 0x4168000000000000
  %v207 = bitcast float %v206 to i32
  %v208 = ashr i32 %v207, 1
  %v209 = shl i32 %v208, 23
  %v210 = shl i32 %v207, 23
  %v211 = sub i32 %v210, %v209
  %v212 = add i32 %v209, 1065353216
  %v213 = bitcast i32 %v212 to float
  %v214 = fmul float %v205, %v213
  %v215 = add i32 %v211, 1065353216
  %v216 = bitcast i32 %v215 to float
  %v217 = fmul float %v214, %v216
  %v218 = fadd float %v180, %v217
  %v219 = fsub float %v189, %v178
  %v220 = fcmp olt float %v219, 0xC05A000000000000
  %v221 = bitcast float %v219 to i32
  %v222 = select i1 %v220, i32 %v192, i32 %v221
  %v223 = bitcast i32 %v222 to float
  %v224 = call float @llvm.fma.f32(float %v223, float 0x3FF7154760000000, float 0x4168000000000000)
  %v225 = fsub float %v224, 0x4168000000000000
  %v226 = call float @llvm.fma.f32(float %v225, float 0xBFE62E4000000000, float %v223)
  %v227 = call float @llvm.fma.f32(float %v225, float 0xBEB7F7D1C0000000, float %v226)
  %v228 = call float @llvm.fma.f32(float 0x3F56B918E0000000, float %v227, float 0x3F81226980000000)
  %v229 = call float @llvm.fma.f32(float %v228, float %v227, float 0x3FA5556FC0000000)
  %v230 = call float @llvm.fma.f32(float %v229, float %v227, float 0x3FC5554B20000000)
  %v231 = call float @llvm.fma.f32(float %v230, float %v227, float 0x3FDFFFFFE0000000)
  %v232 = call float @llvm.fma.f32(float %v231, float %v227, float 0x3FF0000000000000)
  %v233 = call float @llvm.fma.f32(float %v232, float %v227, float 0x3FF0000000000000)
  %v234 = fadd float %v225, 0x4168000000000000
  %v235 = bitcast float %v234 to i32
  %v236 = ashr i32 %v235, 1
  %v237 = shl i32 %v236, 23
  %v238 = shl i32 %v235, 23
  %v239 = sub i32 %v238, %v237
  %v240 = add i32 %v237, 1065353216
  %v241 = bitcast i32 %v240 to float
  %v242 = fmul float %v233, %v241
  %v243 = add i32 %v239, 1065353216
  %v244 = bitcast i32 %v243 to float
  %v245 = fmul float %v242, %v244
  %v246 = fadd float %v181, %v245
  %v253 = getelementptr float, ptr addrspace(1) %v252, i64 %v179
  store float %v217, ptr addrspace(1) %v253, align 4
  %v254 = getelementptr float, ptr addrspace(1) %v252, i64 %v185
  store float %v245, ptr addrspace(1) %v254, align 4
  %v255 = add i64 %v179, %v38
  br label %loop13
after15:
  %v256 = phi i64 [ %v179, %loop13 ]
  %v257 = phi float [ %v180, %loop13 ]
  %v258 = phi float [ %v181, %loop13 ]
  %v259 = phi float [ %v182, %loop13 ]
  %v260 = phi float [ %v183, %loop13 ]
  %v261 = fadd float %v257, %v258
  %v262 = fadd float %v259, %v260
  %v263 = fadd float %v261, %v262
  br label %loop16
loop16:
  %v264 = phi i64 [ %v97, %after15 ], [ %v298, %body17 ]
  %v265 = phi float [ %v263, %after15 ], [ %v296, %body17 ]
  %v266 = icmp slt i64 %v264, %v6
  br i1 %v266, label %body17, label %after18
body17:
  %v267 = getelementptr float, ptr addrspace(1) %v47, i64 %v264
  %v268 = load float, ptr addrspace(1) %v267, align 4
  %v269 = fsub float %v268, %v178
  %v270 = fcmp olt float %v269, 0xC05A000000000000
  %v271 = bitcast float %v269 to i32
  %v272 = select i1 %v270, i32 %v192, i32 %v271
  %v273 = bitcast i32 %v272 to float
  %v274 = call float @llvm.fma.f32(float %v273, float 0x3FF7154760000000, float 0x4168000000000000)
  %v275 = fsub float %v274, 0x4168000000000000
  %v276 = call float @llvm.fma.f32(float %v275, float 0xBFE62E4000000000, float %v273)
  %v277 = call float @llvm.fma.f32(float %v275, float 0xBEB7F7D1C0000000, float %v276)
  %v278 = call float @llvm.fma.f32(float 0x3F56B918E0000000, float %v277, float 0x3F81226980000000)
  %v279 = call float @llvm.fma.f32(float %v278, float %v277, float 0x3FA5556FC0000000)
  %v280 = call float @llvm.fma.f32(float %v279, float %v277, float 0x3FC5554B20000000)
  %v281 = call float @llvm.fma.f32(float %v280, float %v277, float 0x3FDFFFFFE0000000)
  %v282 = call float @llvm.fma.f32(float %v281, float %v277, float 0x3FF0000000000000)
  %v283 = call float @llvm.fma.f32(float %v282, float %v277, float 0x3FF0000000000000)
  %v284 = fadd float %v275, 0x4168000000000000
  %v285 = bitcast float %v284 to i32
  %v286 = ashr i32 %v285, 1
  %v287 = shl i32 %v286, 23
  %v288 = shl i32 %v285, 23
  %v289 = sub i32 %v288, %v287
  %v290 = add i32 %v287, 1065353216
  %v291 = bitcast i32 %v290 to float
  %v292 = fmul float %v283, %v291
  %v293 = add i32 %v289, 1065353216
  %v294 = bitcast i32 %v293 to float
  %v295 = fmul float %v292, %v294
  %v296 = fadd float %v265, %v295
  %v297 = getelementptr float, ptr addrspace(1) %v252, i64 %v264
  store float %v295, ptr addrspace(1) %v297, align 4
  %v298 = add i64 %v264, %v9
  br label %loop16
after18:
  %v299 = phi i64 [ %v264, %loop16 ]
  %v300 = phi float [ %v265, %loop16 ]
  %v301 = bitcast float %v300 to i32
  %v302 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v301, i32 16, i32 31)
  %v303 = bitcast i32 %v302 to float
  %v304 = fadd float %v300, %v303
  %v305 = bitcast float %v304 to i32
  %v306 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v305, i32 8, i32 31)
  %v307 = bitcast i32 %v306 to float
  %v308 = fadd float %v304, %v307
  %v309 = bitcast float %v308 to i32
  %v310 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v309, i32 4, i32 31)
  %v311 = bitcast i32 %v310 to float
  %v312 = fadd float %v308, %v311
  %v313 = bitcast float %v312 to i32
  %v314 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v313, i32 2, i32 31)
  %v315 = bitcast i32 %v314 to float
  %v316 = fadd float %v312, %v315
  %v317 = bitcast float %v316 to i32
  %v318 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v317, i32 1, i32 31)
  %v319 = bitcast i32 %v318 to float
  %v320 = fadd float %v316, %v319
  %v321 = bitcast float %v320 to i32
  %v322 = call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 -1, i32 %v321, i32 0, i32 31)
  %v323 = bitcast i32 %v322 to float
  br i1 %v7, label %then19, label %after22
then19:
  %v324 = icmp eq i64 %v3, 0
  %v326 = and i64 %v3, 7
  %v327 = getelementptr float, ptr addrspace(3) @s0, i64 %v326
  br i1 %v324, label %then20, label %after21
then20:
  %v325 = getelementptr float, ptr addrspace(3) @s0, i64 %v4
  store float %v320, ptr addrspace(3) %v325
  br label %after21
after21:
  call void @llvm.nvvm.barrier0()
  %v328 = load float, ptr addrspace(3) %v327
  %v329 = bitcast float %v328 to i32
  %v330 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v329, i32 4, i32 31)
  %v331 = bitcast i32 %v330 to float
  %v332 = fadd float %v328, %v331
  %v333 = bitcast float %v332 to i32
  %v334 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v333, i32 2, i32 31)
  %v335 = bitcast i32 %v334 to float
  %v336 = fadd float %v332, %v335
  %v337 = bitcast float %v336 to i32
  %v338 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v337, i32 1, i32 31)
  %v339 = bitcast i32 %v338 to float
  %v340 = fadd float %v336, %v339
  %v341 = bitcast float %v340 to i32
  %v342 = call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 -1, i32 %v341, i32 0, i32 31)
  %v343 = bitcast i32 %v342 to float
  call void @llvm.nvvm.barrier0()
  br label %after22
after22:
  %v344 = phi float [ %v343, %after21 ], [ %v323, %after18 ]
  %v345 = fdiv float 0x3FF0000000000000, %v344
  br label %loop23
loop23:
  %v346 = phi i64 [ %v8, %after22 ], [ %v363, %body24 ]
  %v347 = icmp slt i64 %v346, %v30
  br i1 %v347, label %body24, label %after25
body24:
  %v348 = add i64 %v346, %v9
  %v349 = add i64 %v346, %v38
  %v350 = add i64 %v346, %v40
  %v351 = getelementptr float, ptr addrspace(1) %v252, i64 %v346
  %v352 = load float, ptr addrspace(1) %v351, align 4
  %v353 = getelementptr float, ptr addrspace(1) %v252, i64 %v348
  %v354 = load float, ptr addrspace(1) %v353, align 4
  %v355 = getelementptr float, ptr addrspace(1) %v252, i64 %v349
  %v356 = load float, ptr addrspace(1) %v355, align 4
  %v357 = getelementptr float, ptr addrspace(1) %v252, i64 %v350
  %v358 = load float, ptr addrspace(1) %v357, align 4
  %v359 = fmul float %v352, %v345
  %v360 = fmul float %v354, %v345
  %v361 = fmul float %v356, %v345
  %v362 = fmul float %v358, %v345
  store float %v359, ptr addrspace(1) %v351, align 4
  store float %v360, ptr addrspace(1) %v353, align 4
  store float %v361, ptr addrspace(1) %v355, align 4
  store float %v362, ptr addrspace(1) %v357, align 4
  %v363 = add i64 %v346, %v27
  br label %loop23
after25:
  %v364 = phi i64 [ %v346, %loop23 ]
  br label %loop26
loop26:
  %v365 = phi i64 [ %v97, %after25 ], [ %v370, %body27 ]
  %v366 = icmp slt i64 %v365, %v6
  br i1 %v366, label %body27, label %after28
body27:
  %v367 = getelementptr float, ptr addrspace(1) %v252, i64 %v365
  %v368 = load float, ptr addrspace(1) %v367, align 4
  %v369 = fmul float %v368, %v345
  store float %v369, ptr addrspace(1) %v367, align 4
  %v370 = add i64 %v365, %v9
  br label %loop26
after28:
  %v371 = phi i64 [ %v365, %loop26 ]
  br label %loop1
after29:
  %v373 = phi i64 [ %v25, %loop1 ]
  ret void
}
