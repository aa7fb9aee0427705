@s0 = internal addrspace(3) global [256 x float] poison, align 4
@s1 = internal addrspace(3) global [256 x float] poison, align 4
@s2 = internal addrspace(3) global [256 x float] poison, align 4
@s3 = internal addrspace(3) global [256 x float] poison, align 4
define ptx_kernel void @kernel(ptr byval([10 x i64]) align 8 %packed) nounwind "nvvm.maxntid"="256" "nvvm.minctasm"="3" {
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
  %v7 = icmp sge i64 %v6, 32
  %v8 = select i1 %v7, i64 %v4, i64 0
  %v9 = select i1 %v7, i64 8, i64 1
  %v10 = icmp eq i64 %v8, 0
  %v11 = getelementptr i64, ptr addrspace(101) %record, i64 2
  %v12 = load ptr addrspace(1), ptr addrspace(101) %v11, align 8, !invariant.load !0
  %v13 = ptrtoint ptr addrspace(1) %v12 to i64
  %v14 = getelementptr i64, ptr addrspace(101) %record, i64 7
  %v15 = load i64, ptr addrspace(101) %v14, align 8, !invariant.load !0
  %v16 = and i64 %v13, 15
  %v17 = or i64 0, %v16
  %v18 = and i64 %v15, 15
  %v19 = or i64 %v17, %v18
  %v20 = icmp eq i64 %v19, 0
  %v21 = select i1 %v7, i64 32, i64 256
  %v22 = select i1 %v7, i64 %v3, i64 %v2
  %v23 = getelementptr i64, ptr addrspace(101) %record, i64 0
  %v24 = load i64, ptr addrspace(101) %v23, align 8, !invariant.load !0
  %v25 = getelementptr i64, ptr addrspace(101) %record, i64 1
  %v26 = load i64, ptr addrspace(101) %v25, align 8, !invariant.load !0
  %v27 = ashr i64 %v24, 2
  %v28 = add i64 %v26, 3
  %v29 = ashr i64 %v28, 2
  %v30 = call i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
  %v31 = zext i32 %v30 to i64
  %v32 = mul i64 %v31, %v21
  %v33 = add i64 %v27, %v32
  %v34 = call i32 @llvm.nvvm.read.ptx.sreg.nctaid.x()
  %v35 = zext i32 %v34 to i64
  %v36 = mul i64 %v35, %v21
  %v41 = sub i64 %v29, 1
  %v70 = mul i64 %v9, 4
  %v71 = sub i64 %v70, 1
  %v93 = mul i64 %v9, 2
  %v95 = mul i64 %v9, 3
  br label %loop1
loop1:
  %v37 = phi i64 [ %v33, %entry ], [ %v930, %after48 ]
  %v38 = icmp slt i64 %v37, %v29
  br i1 %v38, label %body2, label %after49
body2:
  %v39 = add i64 %v37, %v22
  %v40 = icmp slt i64 %v39, %v29
  %v42 = select i1 %v40, i64 %v39, i64 %v41
  %v43 = mul i64 %v42, 4
  %v44 = icmp sge i64 %v43, %v24
  %v45 = and i1 %v40, %v44
  %v46 = icmp slt i64 %v43, %v26
  %v47 = and i1 %v45, %v46
  %v48 = add i64 %v43, 1
  %v49 = icmp sge i64 %v48, %v24
  %v50 = and i1 %v40, %v49
  %v51 = icmp slt i64 %v48, %v26
  %v52 = and i1 %v50, %v51
  %v53 = add i64 %v43, 2
  %v54 = icmp sge i64 %v53, %v24
  %v55 = and i1 %v40, %v54
  %v56 = icmp slt i64 %v53, %v26
  %v57 = and i1 %v55, %v56
  %v58 = add i64 %v43, 3
  %v59 = icmp sge i64 %v58, %v24
  %v60 = and i1 %v40, %v59
  %v61 = icmp slt i64 %v58, %v26
  %v62 = and i1 %v60, %v61
  %v63 = and i1 %v47, %v62
  %v64 = and i1 %v20, %v63
  %v65 = getelementptr float, ptr addrspace(1) %v12, i64 %v43
  %v66 = or i1 %v47, %v52
  %v67 = or i1 %v66, %v57
  %v68 = or i1 %v67, %v62
  %v69 = select i1 %v68, i64 %v6, i64 0
  %v72 = and i64 %v69, %v71
  %v73 = sub i64 %v69, %v72
  %v141 = xor i1 %v64, true
  %v495 = add i64 %v73, %v8
  %v930 = add i64 %v37, %v36
  br label %loop3
loop3:
  %v74 = phi i64 [ %v8, %body2 ], [ %v369, %after16 ]
  %v75 = phi float [ 0xFFF0000000000000, %body2 ], [ %v233, %after16 ]
  %v76 = phi float [ 0xFFF0000000000000, %body2 ], [ %v242, %after16 ]
  %v77 = phi float [ 0xFFF0000000000000, %body2 ], [ %v251, %after16 ]
  %v78 = phi float [ 0xFFF0000000000000, %body2 ], [ %v260, %after16 ]
  %v79 = phi float [ 0xFFF0000000000000, %body2 ], [ %v269, %after16 ]
  %v80 = phi float [ 0xFFF0000000000000, %body2 ], [ %v278, %after16 ]
  %v81 = phi float [ 0xFFF0000000000000, %body2 ], [ %v287, %after16 ]
  %v82 = phi float [ 0xFFF0000000000000, %body2 ], [ %v296, %after16 ]
  %v83 = phi float [ 0xFFF0000000000000, %body2 ], [ %v305, %after16 ]
  %v84 = phi float [ 0xFFF0000000000000, %body2 ], [ %v314, %after16 ]
  %v85 = phi float [ 0xFFF0000000000000, %body2 ], [ %v323, %after16 ]
  %v86 = phi float [ 0xFFF0000000000000, %body2 ], [ %v332, %after16 ]
  %v87 = phi float [ 0xFFF0000000000000, %body2 ], [ %v341, %after16 ]
  %v88 = phi float [ 0xFFF0000000000000, %body2 ], [ %v350, %after16 ]
  %v89 = phi float [ 0xFFF0000000000000, %body2 ], [ %v359, %after16 ]
  %v90 = phi float [ 0xFFF0000000000000, %body2 ], [ %v368, %after16 ]
  %v91 = icmp slt i64 %v74, %v73
  br i1 %v91, label %body4, label %after17
body4:
  %v92 = add i64 %v74, %v9
  %v94 = add i64 %v74, %v93
  %v96 = add i64 %v74, %v95
  %v227 = bitcast float %v75 to i32
  %v236 = bitcast float %v76 to i32
  %v245 = bitcast float %v77 to i32
  %v254 = bitcast float %v78 to i32
  %v263 = bitcast float %v79 to i32
  %v272 = bitcast float %v80 to i32
  %v281 = bitcast float %v81 to i32
  %v290 = bitcast float %v82 to i32
  %v299 = bitcast float %v83 to i32
  %v308 = bitcast float %v84 to i32
  %v317 = bitcast float %v85 to i32
  %v326 = bitcast float %v86 to i32
  %v335 = bitcast float %v87 to i32
  %v344 = bitcast float %v88 to i32
  %v353 = bitcast float %v89 to i32
  %v362 = bitcast float %v90 to i32
  %v369 = add i64 %v74, %v70
  br i1 %v64, label %then5, label %after6
then5:
  %v97 = mul i64 %v74, %v15
  %v98 = getelementptr i8, ptr addrspace(1) %v65, i64 %v97
  %v99 = load <4 x float>, ptr addrspace(1) %v98, align 16
  %v100 = extractelement <4 x float> %v99, i64 0
  %v101 = extractelement <4 x float> %v99, i64 1
  %v102 = extractelement <4 x float> %v99, i64 2
  %v103 = extractelement <4 x float> %v99, i64 3
  %v104 = mul i64 %v92, %v15
  %v105 = getelementptr i8, ptr addrspace(1) %v65, i64 %v104
  %v106 = load <4 x float>, ptr addrspace(1) %v105, align 16
  %v107 = extractelement <4 x float> %v106, i64 0
  %v108 = extractelement <4 x float> %v106, i64 1
  %v109 = extractelement <4 x float> %v106, i64 2
  %v110 = extractelement <4 x float> %v106, i64 3
  %v111 = mul i64 %v94, %v15
  %v112 = getelementptr i8, ptr addrspace(1) %v65, i64 %v111
  %v113 = load <4 x float>, ptr addrspace(1) %v112, align 16
  %v114 = extractelement <4 x float> %v113, i64 0
  %v115 = extractelement <4 x float> %v113, i64 1
  %v116 = extractelement <4 x float> %v113, i64 2
  %v117 = extractelement <4 x float> %v113, i64 3
  %v118 = mul i64 %v96, %v15
  %v119 = getelementptr i8, ptr addrspace(1) %v65, i64 %v118
  %v120 = load <4 x float>, ptr addrspace(1) %v119, align 16
  %v121 = extractelement <4 x float> %v120, i64 0
  %v122 = extractelement <4 x float> %v120, i64 1
  %v123 = extractelement <4 x float> %v120, i64 2
  %v124 = extractelement <4 x float> %v120, i64 3
  br label %after6
after6:
  %v125 = phi float [ %v100, %then5 ], [ 0x0000000000000000, %body4 ]
  %v126 = phi float [ %v101, %then5 ], [ 0x0000000000000000, %body4 ]
  %v127 = phi float [ %v102, %then5 ], [ 0x0000000000000000, %body4 ]
  %v128 = phi float [ %v103, %then5 ], [ 0x0000000000000000, %body4 ]
  %v129 = phi float [ %v107, %then5 ], [ 0x0000000000000000, %body4 ]
  %v130 = phi float [ %v108, %then5 ], [ 0x0000000000000000, %body4 ]
  %v131 = phi float [ %v109, %then5 ], [ 0x0000000000000000, %body4 ]
  %v132 = phi float [ %v110, %then5 ], [ 0x0000000000000000, %body4 ]
  %v133 = phi float [ %v114, %then5 ], [ 0x0000000000000000, %body4 ]
  %v134 = phi float [ %v115, %then5 ], [ 0x0000000000000000, %body4 ]
  %v135 = phi float [ %v116, %then5 ], [ 0x0000000000000000, %body4 ]
  %v136 = phi float [ %v117, %then5 ], [ 0x0000000000000000, %body4 ]
  %v137 = phi float [ %v121, %then5 ], [ 0x0000000000000000, %body4 ]
  %v138 = phi float [ %v122, %then5 ], [ 0x0000000000000000, %body4 ]
  %v139 = phi float [ %v123, %then5 ], [ 0x0000000000000000, %body4 ]
  %v140 = phi float [ %v124, %then5 ], [ 0x0000000000000000, %body4 ]
  br i1 %v141, label %then7, label %after16
then7:
  br i1 %v47, label %then8, label %after9
then8:
  %v142 = mul i64 %v74, %v15
  %v143 = getelementptr i8, ptr addrspace(1) %v65, i64 %v142
  %v144 = load float, ptr addrspace(1) %v143, align 4
  %v145 = mul i64 %v92, %v15
  %v146 = getelementptr i8, ptr addrspace(1) %v65, i64 %v145
  %v147 = load float, ptr addrspace(1) %v146, align 4
  %v148 = mul i64 %v94, %v15
  %v149 = getelementptr i8, ptr addrspace(1) %v65, i64 %v148
  %v150 = load float, ptr addrspace(1) %v149, align 4
  %v151 = mul i64 %v96, %v15
  %v152 = getelementptr i8, ptr addrspace(1) %v65, i64 %v151
  %v153 = load float, ptr addrspace(1) %v152, align 4
  br label %after9
after9:
  %v154 = phi float [ %v144, %then8 ], [ 0x0000000000000000, %then7 ]
  %v155 = phi float [ %v147, %then8 ], [ 0x0000000000000000, %then7 ]
  %v156 = phi float [ %v150, %then8 ], [ 0x0000000000000000, %then7 ]
  %v157 = phi float [ %v153, %then8 ], [ 0x0000000000000000, %then7 ]
  br i1 %v52, label %then10, label %after11
then10:
  %v158 = getelementptr float, ptr addrspace(1) %v65, i64 1
  %v159 = mul i64 %v74, %v15
  %v160 = getelementptr i8, ptr addrspace(1) %v158, i64 %v159
  %v161 = load float, ptr addrspace(1) %v160, align 4
  %v162 = mul i64 %v92, %v15
  %v163 = getelementptr i8, ptr addrspace(1) %v158, i64 %v162
  %v164 = load float, ptr addrspace(1) %v163, align 4
  %v165 = mul i64 %v94, %v15
  %v166 = getelementptr i8, ptr addrspace(1) %v158, i64 %v165
  %v167 = load float, ptr addrspace(1) %v166, align 4
  %v168 = mul i64 %v96, %v15
  %v169 = getelementptr i8, ptr addrspace(1) %v158, i64 %v168
  %v170 = load float, ptr addrspace(1) %v169, align 4
  br label %after11
after11:
  %v171 = phi float [ %v161, %then10 ], [ 0x0000000000000000, %after9 ]
  %v172 = phi float [ %v164, %then10 ], [ 0x0000000000000000, %after9 ]
  %v173 = phi float [ %v167, %then10 ], [ 0x0000000000000000, %after9 ]
  %v174 = phi float [ %v170, %then10 ], [ 0x0000000000000000, %after9 ]
  br i1 %v57, label %then12, label %after13
then12:
  %v175 = getelementptr float, ptr addrspace(1) %v65, i64 2
  %v176 = mul i64 %v74, %v15
  %v177 = getelementptr i8, ptr addrspace(1) %v175, i64 %v176
  %v178 = load float, ptr addrspace(1) %v177, align 4
  %v179 = mul i64 %v92, %v15
  %v180 = getelementptr i8, ptr addrspace(1) %v175, i64 %v179
  %v181 = load float, ptr addrspace(1) %v180, align 4
  %v182 = mul i64 %v94, %v15
  %v183 = getelementptr i8, ptr addrspace(1) %v175, i64 %v182
  %v184 = load float, ptr addrspace(1) %v183, align 4
  %v185 = mul i64 %v96, %v15
  %v186 = getelementptr i8, ptr addrspace(1) %v175, i64 %v185
  %v187 = load float, ptr addrspace(1) %v186, align 4
  br label %after13
after13:
  %v188 = phi float [ %v178, %then12 ], [ 0x0000000000000000, %after11 ]
  %v189 = phi float [ %v181, %then12 ], [ 0x0000000000000000, %after11 ]
  %v190 = phi float [ %v184, %then12 ], [ 0x0000000000000000, %after11 ]
  %v191 = phi float [ %v187, %then12 ], [ 0x0000000000000000, %after11 ]
  br i1 %v62, label %then14, label %after15
then14:
  %v192 = getelementptr float, ptr addrspace(1) %v65, i64 3
  %v193 = mul i64 %v74, %v15
  %v194 = getelementptr i8, ptr addrspace(1) %v192, i64 %v193
  %v195 = load float, ptr addrspace(1) %v194, align 4
  %v196 = mul i64 %v92, %v15
  %v197 = getelementptr i8, ptr addrspace(1) %v192, i64 %v196
  %v198 = load float, ptr addrspace(1) %v197, align 4
  %v199 = mul i64 %v94, %v15
  %v200 = getelementptr i8, ptr addrspace(1) %v192, i64 %v199
  %v201 = load float, ptr addrspace(1) %v200, align 4
  %v202 = mul i64 %v96, %v15
  %v203 = getelementptr i8, ptr addrspace(1) %v192, i64 %v202
  %v204 = load float, ptr addrspace(1) %v203, align 4
  br label %after15
after15:
  %v205 = phi float [ %v195, %then14 ], [ 0x0000000000000000, %after13 ]
  %v206 = phi float [ %v198, %then14 ], [ 0x0000000000000000, %after13 ]
  %v207 = phi float [ %v201, %then14 ], [ 0x0000000000000000, %after13 ]
  %v208 = phi float [ %v204, %then14 ], [ 0x0000000000000000, %after13 ]
  br label %after16
after16:
  %v209 = phi float [ %v154, %after15 ], [ %v125, %after6 ]
  %v210 = phi float [ %v171, %after15 ], [ %v126, %after6 ]
  %v211 = phi float [ %v188, %after15 ], [ %v127, %after6 ]
  %v212 = phi float [ %v205, %after15 ], [ %v128, %after6 ]
  %v213 = phi float [ %v155, %after15 ], [ %v129, %after6 ]
  %v214 = phi float [ %v172, %after15 ], [ %v130, %after6 ]
  %v215 = phi float [ %v189, %after15 ], [ %v131, %after6 ]
  %v216 = phi float [ %v206, %after15 ], [ %v132, %after6 ]
  %v217 = phi float [ %v156, %after15 ], [ %v133, %after6 ]
  %v218 = phi float [ %v173, %after15 ], [ %v134, %after6 ]
  %v219 = phi float [ %v190, %after15 ], [ %v135, %after6 ]
  %v220 = phi float [ %v207, %after15 ], [ %v136, %after6 ]
  %v221 = phi float [ %v157, %after15 ], [ %v137, %after6 ]
  %v222 = phi float [ %v174, %after15 ], [ %v138, %after6 ]
  %v223 = phi float [ %v191, %after15 ], [ %v139, %after6 ]
  %v224 = phi float [ %v208, %after15 ], [ %v140, %after6 ]
  %v225 = fcmp ogt float %v209, %v75
  %v226 = bitcast float %v209 to i32
  %v228 = select i1 %v225, i32 %v226, i32 %v227
  %v229 = bitcast i32 %v228 to float
  %v230 = fcmp une float %v209, %v209
  %v231 = bitcast float %v229 to i32
  %v232 = select i1 %v230, i32 %v226, i32 %v231
  %v233 = bitcast i32 %v232 to float
  %v234 = fcmp ogt float %v210, %v76
  %v235 = bitcast float %v210 to i32
  %v237 = select i1 %v234, i32 %v235, i32 %v236
  %v238 = bitcast i32 %v237 to float
  %v239 = fcmp une float %v210, %v210
  %v240 = bitcast float %v238 to i32
  %v241 = select i1 %v239, i32 %v235, i32 %v240
  %v242 = bitcast i32 %v241 to float
  %v243 = fcmp ogt float %v211, %v77
  %v244 = bitcast float %v211 to i32
  %v246 = select i1 %v243, i32 %v244, i32 %v245
  %v247 = bitcast i32 %v246 to float
  %v248 = fcmp une float %v211, %v211
  %v249 = bitcast float %v247 to i32
  %v250 = select i1 %v248, i32 %v244, i32 %v249
  %v251 = bitcast i32 %v250 to float
  %v252 = fcmp ogt float %v212, %v78
  %v253 = bitcast float %v212 to i32
  %v255 = select i1 %v252, i32 %v253, i32 %v254
  %v256 = bitcast i32 %v255 to float
  %v257 = fcmp une float %v212, %v212
  %v258 = bitcast float %v256 to i32
  %v259 = select i1 %v257, i32 %v253, i32 %v258
  %v260 = bitcast i32 %v259 to float
  %v261 = fcmp ogt float %v213, %v79
  %v262 = bitcast float %v213 to i32
  %v264 = select i1 %v261, i32 %v262, i32 %v263
  %v265 = bitcast i32 %v264 to float
  %v266 = fcmp une float %v213, %v213
  %v267 = bitcast float %v265 to i32
  %v268 = select i1 %v266, i32 %v262, i32 %v267
  %v269 = bitcast i32 %v268 to float
  %v270 = fcmp ogt float %v214, %v80
  %v271 = bitcast float %v214 to i32
  %v273 = select i1 %v270, i32 %v271, i32 %v272
  %v274 = bitcast i32 %v273 to float
  %v275 = fcmp une float %v214, %v214
  %v276 = bitcast float %v274 to i32
  %v277 = select i1 %v275, i32 %v271, i32 %v276
  %v278 = bitcast i32 %v277 to float
  %v279 = fcmp ogt float %v215, %v81
  %v280 = bitcast float %v215 to i32
  %v282 = select i1 %v279, i32 %v280, i32 %v281
  %v283 = bitcast i32 %v282 to float
  %v284 = fcmp une float %v215, %v215
  %v285 = bitcast float %v283 to i32
  %v286 = select i1 %v284, i32 %v280, i32 %v285
  %v287 = bitcast i32 %v286 to float
  %v288 = fcmp ogt float %v216, %v82
  %v289 = bitcast float %v216 to i32
  %v291 = select i1 %v288, i32 %v289, i32 %v290
  %v292 = bitcast i32 %v291 to float
  %v293 = fcmp une float %v216, %v216
  %v294 = bitcast float %v292 to i32
  %v295 = select i1 %v293, i32 %v289, i32 %v294
  %v296 = bitcast i32 %v295 to float
  %v297 = fcmp ogt float %v217, %v83
  %v298 = bitcast float %v217 to i32
  %v300 = select i1 %v297, i32 %v298, i32 %v299
  %v301 = bitcast i32 %v300 to float
  %v302 = fcmp une float %v217, %v217
  %v303 = bitcast float %v301 to i32
  %v304 = select i1 %v302, i32 %v298, i32 %v303
  %v305 = bitcast i32 %v304 to float
  %v306 = fcmp ogt float %v218, %v84
  %v307 = bitcast float %v218 to i32
  %v309 = select i1 %v306, i32 %v307, i32 %v308
  %v310 = bitcast i32 %v309 to float
  %v311 = fcmp une float %v218, %v218
  %v312 = bitcast float %v310 to i32
  %v313 = select i1 %v311, i32 %v307, i32 %v312
  %v314 = bitcast i32 %v313 to float
  %v315 = fcmp ogt float %v219, %v85
  %v316 = bitcast float %v219 to i32
  %v318 = select i1 %v315, i32 %v316, i32 %v317
  %v319 = bitcast i32 %v318 to float
  %v320 = fcmp une float %v219, %v219
  %v321 = bitcast float %v319 to i32
  %v322 = select i1 %v320, i32 %v316, i32 %v321
  %v323 = bitcast i32 %v322 to float
  %v324 = fcmp ogt float %v220, %v86
  %v325 = bitcast float %v220 to i32
  %v327 = select i1 %v324, i32 %v325, i32 %v326
  %v328 = bitcast i32 %v327 to float
  %v329 = fcmp une float %v220, %v220
  %v330 = bitcast float %v328 to i32
  %v331 = select i1 %v329, i32 %v325, i32 %v330
  %v332 = bitcast i32 %v331 to float
  %v333 = fcmp ogt float %v221, %v87
  %v334 = bitcast float %v221 to i32
  %v336 = select i1 %v333, i32 %v334, i32 %v335
  %v337 = bitcast i32 %v336 to float
  %v338 = fcmp une float %v221, %v221
  %v339 = bitcast float %v337 to i32
  %v340 = select i1 %v338, i32 %v334, i32 %v339
  %v341 = bitcast i32 %v340 to float
  %v342 = fcmp ogt float %v222, %v88
  %v343 = bitcast float %v222 to i32
  %v345 = select i1 %v342, i32 %v343, i32 %v344
  %v346 = bitcast i32 %v345 to float
  %v347 = fcmp une float %v222, %v222
  %v348 = bitcast float %v346 to i32
  %v349 = select i1 %v347, i32 %v343, i32 %v348
  %v350 = bitcast i32 %v349 to float
  %v351 = fcmp ogt float %v223, %v89
  %v352 = bitcast float %v223 to i32
  %v354 = select i1 %v351, i32 %v352, i32 %v353
  %v355 = bitcast i32 %v354 to float
  %v356 = fcmp une float %v223, %v223
  %v357 = bitcast float %v355 to i32
  %v358 = select i1 %v356, i32 %v352, i32 %v357
  %v359 = bitcast i32 %v358 to float
  %v360 = fcmp ogt float %v224, %v90
  %v361 = bitcast float %v224 to i32
  %v363 = select i1 %v360, i32 %v361, i32 %v362
  %v364 = bitcast i32 %v363 to float
  %v365 = fcmp une float %v224, %v224
  %v366 = bitcast float %v364 to i32
  %v367 = select i1 %v365, i32 %v361, i32 %v366
  %v368 = bitcast i32 %v367 to float
  br label %loop3
after17:
  %v370 = phi i64 [ %v74, %loop3 ]
  %v371 = phi float [ %v75, %loop3 ]
  %v372 = phi float [ %v76, %loop3 ]
  %v373 = phi float [ %v77, %loop3 ]
  %v374 = phi float [ %v78, %loop3 ]
  %v375 = phi float [ %v79, %loop3 ]
  %v376 = phi float [ %v80, %loop3 ]
  %v377 = phi float [ %v81, %loop3 ]
  %v378 = phi float [ %v82, %loop3 ]
  %v379 = phi float [ %v83, %loop3 ]
  %v380 = phi float [ %v84, %loop3 ]
  %v381 = phi float [ %v85, %loop3 ]
  %v382 = phi float [ %v86, %loop3 ]
  %v383 = phi float [ %v87, %loop3 ]
  %v384 = phi float [ %v88, %loop3 ]
  %v385 = phi float [ %v89, %loop3 ]
  %v386 = phi float [ %v90, %loop3 ]
  %v387 = fcmp ogt float %v375, %v371
  %v388 = bitcast float %v375 to i32
  %v389 = bitcast float %v371 to i32
  %v390 = select i1 %v387, i32 %v388, i32 %v389
  %v391 = bitcast i32 %v390 to float
  %v392 = fcmp une float %v375, %v375
  %v393 = bitcast float %v391 to i32
  %v394 = select i1 %v392, i32 %v388, i32 %v393
  %v395 = bitcast i32 %v394 to float
  %v396 = fcmp ogt float %v376, %v372
  %v397 = bitcast float %v376 to i32
  %v398 = bitcast float %v372 to i32
  %v399 = select i1 %v396, i32 %v397, i32 %v398
  %v400 = bitcast i32 %v399 to float
  %v401 = fcmp une float %v376, %v376
  %v402 = bitcast float %v400 to i32
  %v403 = select i1 %v401, i32 %v397, i32 %v402
  %v404 = bitcast i32 %v403 to float
  %v405 = fcmp ogt float %v377, %v373
  %v406 = bitcast float %v377 to i32
  %v407 = bitcast float %v373 to i32
  %v408 = select i1 %v405, i32 %v406, i32 %v407
  %v409 = bitcast i32 %v408 to float
  %v410 = fcmp une float %v377, %v377
  %v411 = bitcast float %v409 to i32
  %v412 = select i1 %v410, i32 %v406, i32 %v411
  %v413 = bitcast i32 %v412 to float
  %v414 = fcmp ogt float %v378, %v374
  %v415 = bitcast float %v378 to i32
  %v416 = bitcast float %v374 to i32
  %v417 = select i1 %v414, i32 %v415, i32 %v416
  %v418 = bitcast i32 %v417 to float
  %v419 = fcmp une float %v378, %v378
  %v420 = bitcast float %v418 to i32
  %v421 = select i1 %v419, i32 %v415, i32 %v420
  %v422 = bitcast i32 %v421 to float
  %v423 = fcmp ogt float %v383, %v379
  %v424 = bitcast float %v383 to i32
  %v425 = bitcast float %v379 to i32
  %v426 = select i1 %v423, i32 %v424, i32 %v425
  %v427 = bitcast i32 %v426 to float
  %v428 = fcmp une float %v383, %v383
  %v429 = bitcast float %v427 to i32
  %v430 = select i1 %v428, i32 %v424, i32 %v429
  %v431 = bitcast i32 %v430 to float
  %v432 = fcmp ogt float %v384, %v380
  %v433 = bitcast float %v384 to i32
  %v434 = bitcast float %v380 to i32
  %v435 = select i1 %v432, i32 %v433, i32 %v434
  %v436 = bitcast i32 %v435 to float
  %v437 = fcmp une float %v384, %v384
  %v438 = bitcast float %v436 to i32
  %v439 = select i1 %v437, i32 %v433, i32 %v438
  %v440 = bitcast i32 %v439 to float
  %v441 = fcmp ogt float %v385, %v381
  %v442 = bitcast float %v385 to i32
  %v443 = bitcast float %v381 to i32
  %v444 = select i1 %v441, i32 %v442, i32 %v443
  %v445 = bitcast i32 %v444 to float
  %v446 = fcmp une float %v385, %v385
  %v447 = bitcast float %v445 to i32
  %v448 = select i1 %v446, i32 %v442, i32 %v447
  %v449 = bitcast i32 %v448 to float
  %v450 = fcmp ogt float %v386, %v382
  %v451 = bitcast float %v386 to i32
  %v452 = bitcast float %v382 to i32
  %v453 = select i1 %v450, i32 %v451, i32 %v452
  %v454 = bitcast i32 %v453 to float
  %v455 = fcmp une float %v386, %v386
  %v456 = bitcast float %v454 to i32
  %v457 = select i1 %v455, i32 %v451, i32 %v456
  %v458 = bitcast i32 %v457 to float
  %v459 = fcmp ogt float %v431, %v395
  %v460 = bitcast float %v431 to i32
  %v461 = bitcast float %v395 to i32
  %v462 = select i1 %v459, i32 %v460, i32 %v461
  %v463 = bitcast i32 %v462 to float
  %v464 = fcmp une float %v431, %v431
  %v465 = bitcast float %v463 to i32
  %v466 = select i1 %v464, i32 %v460, i32 %v465
  %v467 = bitcast i32 %v466 to float
  %v468 = fcmp ogt float %v440, %v404
  %v469 = bitcast float %v440 to i32
  %v470 = bitcast float %v404 to i32
  %v471 = select i1 %v468, i32 %v469, i32 %v470
  %v472 = bitcast i32 %v471 to float
  %v473 = fcmp une float %v440, %v440
  %v474 = bitcast float %v472 to i32
  %v475 = select i1 %v473, i32 %v469, i32 %v474
  %v476 = bitcast i32 %v475 to float
  %v477 = fcmp ogt float %v449, %v413
  %v478 = bitcast float %v449 to i32
  %v479 = bitcast float %v413 to i32
  %v480 = select i1 %v477, i32 %v478, i32 %v479
  %v481 = bitcast i32 %v480 to float
  %v482 = fcmp une float %v449, %v449
  %v483 = bitcast float %v481 to i32
  %v484 = select i1 %v482, i32 %v478, i32 %v483
  %v485 = bitcast i32 %v484 to float
  %v486 = fcmp ogt float %v458, %v422
  %v487 = bitcast float %v458 to i32
  %v488 = bitcast float %v422 to i32
  %v489 = select i1 %v486, i32 %v487, i32 %v488
  %v490 = bitcast i32 %v489 to float
  %v491 = fcmp une float %v458, %v458
  %v492 = bitcast float %v490 to i32
  %v493 = select i1 %v491, i32 %v487, i32 %v492
  %v494 = bitcast i32 %v493 to float
  br label %loop18
loop18:
  %v496 = phi i64 [ %v495, %after17 ], [ %v572, %after31 ]
  %v497 = phi float [ %v467, %after17 ], [ %v544, %after31 ]
  %v498 = phi float [ %v476, %after17 ], [ %v553, %after31 ]
  %v499 = phi float [ %v485, %after17 ], [ %v562, %after31 ]
  %v500 = phi float [ %v494, %after17 ], [ %v571, %after31 ]
  %v501 = icmp slt i64 %v496, %v69
  br i1 %v501, label %body19, label %after32
body19:
  %v538 = bitcast float %v497 to i32
  %v547 = bitcast float %v498 to i32
  %v556 = bitcast float %v499 to i32
  %v565 = bitcast float %v500 to i32
  %v572 = add i64 %v496, %v9
  br i1 %v64, label %then20, label %after21
then20:
  %v502 = mul i64 %v496, %v15
  %v503 = getelementptr i8, ptr addrspace(1) %v65, i64 %v502
  %v504 = load <4 x float>, ptr addrspace(1) %v503, align 16
  %v505 = extractelement <4 x float> %v504, i64 0
  %v506 = extractelement <4 x float> %v504, i64 1
  %v507 = extractelement <4 x float> %v504, i64 2
  %v508 = extractelement <4 x float> %v504, i64 3
  br label %after21
after21:
  %v509 = phi float [ %v505, %then20 ], [ 0x0000000000000000, %body19 ]
  %v510 = phi float [ %v506, %then20 ], [ 0x0000000000000000, %body19 ]
  %v511 = phi float [ %v507, %then20 ], [ 0x0000000000000000, %body19 ]
  %v512 = phi float [ %v508, %then20 ], [ 0x0000000000000000, %body19 ]
  br i1 %v141, label %then22, label %after31
then22:
  br i1 %v47, label %then23, label %after24
then23:
  %v513 = mul i64 %v496, %v15
  %v514 = getelementptr i8, ptr addrspace(1) %v65, i64 %v513
  %v515 = load float, ptr addrspace(1) %v514, align 4
  br label %after24
after24:
  %v516 = phi float [ %v515, %then23 ], [ 0x0000000000000000, %then22 ]
  br i1 %v52, label %then25, label %after26
then25:
  %v517 = getelementptr float, ptr addrspace(1) %v65, i64 1
  %v518 = mul i64 %v496, %v15
  %v519 = getelementptr i8, ptr addrspace(1) %v517, i64 %v518
  %v520 = load float, ptr addrspace(1) %v519, align 4
  br label %after26
after26:
  %v521 = phi float [ %v520, %then25 ], [ 0x0000000000000000, %after24 ]
  br i1 %v57, label %then27, label %after28
then27:
  %v522 = getelementptr float, ptr addrspace(1) %v65, i64 2
  %v523 = mul i64 %v496, %v15
  %v524 = getelementptr i8, ptr addrspace(1) %v522, i64 %v523
  %v525 = load float, ptr addrspace(1) %v524, align 4
  br label %after28
after28:
  %v526 = phi float [ %v525, %then27 ], [ 0x0000000000000000, %after26 ]
  br i1 %v62, label %then29, label %after30
then29:
  %v527 = getelementptr float, ptr addrspace(1) %v65, i64 3
  %v528 = mul i64 %v496, %v15
  %v529 = getelementptr i8, ptr addrspace(1) %v527, i64 %v528
  %v530 = load float, ptr addrspace(1) %v529, align 4
  br label %after30
after30:
  %v531 = phi float [ %v530, %then29 ], [ 0x0000000000000000, %after28 ]
  br label %after31
after31:
  %v532 = phi float [ %v516, %after30 ], [ %v509, %after21 ]
  %v533 = phi float [ %v521, %after30 ], [ %v510, %after21 ]
  %v534 = phi float [ %v526, %after30 ], [ %v511, %after21 ]
  %v535 = phi float [ %v531, %after30 ], [ %v512, %after21 ]
  %v536 = fcmp ogt float %v532, %v497
  %v537 = bitcast float %v532 to i32
  %v539 = select i1 %v536, i32 %v537, i32 %v538
  %v540 = bitcast i32 %v539 to float
  %v541 = fcmp une float %v532, %v532
  %v542 = bitcast float %v540 to i32
  %v543 = select i1 %v541, i32 %v537, i32 %v542
  %v544 = bitcast i32 %v543 to float
  %v545 = fcmp ogt float %v533, %v498
  %v546 = bitcast float %v533 to i32
  %v548 = select i1 %v545, i32 %v546, i32 %v547
  %v549 = bitcast i32 %v548 to float
  %v550 = fcmp une float %v533, %v533
  %v551 = bitcast float %v549 to i32
  %v552 = select i1 %v550, i32 %v546, i32 %v551
  %v553 = bitcast i32 %v552 to float
  %v554 = fcmp ogt float %v534, %v499
  %v555 = bitcast float %v534 to i32
  %v557 = select i1 %v554, i32 %v555, i32 %v556
  %v558 = bitcast i32 %v557 to float
  %v559 = fcmp une float %v534, %v534
  %v560 = bitcast float %v558 to i32
  %v561 = select i1 %v559, i32 %v555, i32 %v560
  %v562 = bitcast i32 %v561 to float
  %v563 = fcmp ogt float %v535, %v500
  %v564 = bitcast float %v535 to i32
  %v566 = select i1 %v563, i32 %v564, i32 %v565
  %v567 = bitcast i32 %v566 to float
  %v568 = fcmp une float %v535, %v535
  %v569 = bitcast float %v567 to i32
  %v570 = select i1 %v568, i32 %v564, i32 %v569
  %v571 = bitcast i32 %v570 to float
  br label %loop18
after32:
  %v573 = phi i64 [ %v496, %loop18 ]
  %v574 = phi float [ %v497, %loop18 ]
  %v575 = phi float [ %v498, %loop18 ]
  %v576 = phi float [ %v499, %loop18 ]
  %v577 = phi float [ %v500, %loop18 ]
  br i1 %v7, label %then33, label %after34
then33:
  %v578 = getelementptr float, ptr addrspace(3) @s0, i64 %v2
  store float %v574, ptr addrspace(3) %v578
  %v579 = getelementptr float, ptr addrspace(3) @s1, i64 %v2
  store float %v575, ptr addrspace(3) %v579
  %v580 = getelementptr float, ptr addrspace(3) @s2, i64 %v2
  store float %v576, ptr addrspace(3) %v580
  %v581 = getelementptr float, ptr addrspace(3) @s3, i64 %v2
  store float %v577, ptr addrspace(3) %v581
  call void @llvm.nvvm.barrier0()
  %v582 = getelementptr float, ptr addrspace(3) @s0, i64 %v3
  %v583 = load float, ptr addrspace(3) %v582
  %v584 = getelementptr float, ptr addrspace(3) @s1, i64 %v3
  %v585 = load float, ptr addrspace(3) %v584
  %v586 = getelementptr float, ptr addrspace(3) @s2, i64 %v3
  %v587 = load float, ptr addrspace(3) %v586
  %v588 = getelementptr float, ptr addrspace(3) @s3, i64 %v3
  %v589 = load float, ptr addrspace(3) %v588
  %v590 = add i64 %v3, 32
  %v591 = getelementptr float, ptr addrspace(3) @s0, i64 %v590
  %v592 = load float, ptr addrspace(3) %v591
  %v593 = getelementptr float, ptr addrspace(3) @s1, i64 %v590
  %v594 = load float, ptr addrspace(3) %v593
  %v595 = getelementptr float, ptr addrspace(3) @s2, i64 %v590
  %v596 = load float, ptr addrspace(3) %v595
  %v597 = getelementptr float, ptr addrspace(3) @s3, i64 %v590
  %v598 = load float, ptr addrspace(3) %v597
  %v599 = add i64 %v3, 64
  %v600 = getelementptr float, ptr addrspace(3) @s0, i64 %v599
  %v601 = load float, ptr addrspace(3) %v600
  %v602 = getelementptr float, ptr addrspace(3) @s1, i64 %v599
  %v603 = load float, ptr addrspace(3) %v602
  %v604 = getelementptr float, ptr addrspace(3) @s2, i64 %v599
  %v605 = load float, ptr addrspace(3) %v604
  %v606 = getelementptr float, ptr addrspace(3) @s3, i64 %v599
  %v607 = load float, ptr addrspace(3) %v606
  %v608 = add i64 %v3, 96
  %v609 = getelementptr float, ptr addrspace(3) @s0, i64 %v608
  %v610 = load float, ptr addrspace(3) %v609
  %v611 = getelementptr float, ptr addrspace(3) @s1, i64 %v608
  %v612 = load float, ptr addrspace(3) %v611
  %v613 = getelementptr float, ptr addrspace(3) @s2, i64 %v608
  %v614 = load float, ptr addrspace(3) %v613
  %v615 = getelementptr float, ptr addrspace(3) @s3, i64 %v608
  %v616 = load float, ptr addrspace(3) %v615
  %v617 = add i64 %v3, 128
  %v618 = getelementptr float, ptr addrspace(3) @s0, i64 %v617
  %v619 = load float, ptr addrspace(3) %v618
  %v620 = getelementptr float, ptr addrspace(3) @s1, i64 %v617
  %v621 = load float, ptr addrspace(3) %v620
  %v622 = getelementptr float, ptr addrspace(3) @s2, i64 %v617
  %v623 = load float, ptr addrspace(3) %v622
  %v624 = getelementptr float, ptr addrspace(3) @s3, i64 %v617
  %v625 = load float, ptr addrspace(3) %v624
  %v626 = add i64 %v3, 160
  %v627 = getelementptr float, ptr addrspace(3) @s0, i64 %v626
  %v628 = load float, ptr addrspace(3) %v627
  %v629 = getelementptr float, ptr addrspace(3) @s1, i64 %v626
  %v630 = load float, ptr addrspace(3) %v629
  %v631 = getelementptr float, ptr addrspace(3) @s2, i64 %v626
  %v632 = load float, ptr addrspace(3) %v631
  %v633 = getelementptr float, ptr addrspace(3) @s3, i64 %v626
  %v634 = load float, ptr addrspace(3) %v633
  %v635 = add i64 %v3, 192
  %v636 = getelementptr float, ptr addrspace(3) @s0, i64 %v635
  %v637 = load float, ptr addrspace(3) %v636
  %v638 = getelementptr float, ptr addrspace(3) @s1, i64 %v635
  %v639 = load float, ptr addrspace(3) %v638
  %v640 = getelementptr float, ptr addrspace(3) @s2, i64 %v635
  %v641 = load float, ptr addrspace(3) %v640
  %v642 = getelementptr float, ptr addrspace(3) @s3, i64 %v635
  %v643 = load float, ptr addrspace(3) %v642
  %v644 = add i64 %v3, 224
  %v645 = getelementptr float, ptr addrspace(3) @s0, i64 %v644
  %v646 = load float, ptr addrspace(3) %v645
  %v647 = getelementptr float, ptr addrspace(3) @s1, i64 %v644
  %v648 = load float, ptr addrspace(3) %v647
  %v649 = getelementptr float, ptr addrspace(3) @s2, i64 %v644
  %v650 = load float, ptr addrspace(3) %v649
  %v651 = getelementptr float, ptr addrspace(3) @s3, i64 %v644
  %v652 = load float, ptr addrspace(3) %v651
  %v653 = fcmp ogt float %v592, %v583
  %v654 = bitcast float %v592 to i32
  %v655 = bitcast float %v583 to i32
  %v656 = select i1 %v653, i32 %v654, i32 %v655
  %v657 = bitcast i32 %v656 to float
  %v658 = fcmp une float %v592, %v592
  %v659 = bitcast float %v657 to i32
  %v660 = select i1 %v658, i32 %v654, i32 %v659
  %v661 = bitcast i32 %v660 to float
  %v662 = fcmp ogt float %v594, %v585
  %v663 = bitcast float %v594 to i32
  %v664 = bitcast float %v585 to i32
  %v665 = select i1 %v662, i32 %v663, i32 %v664
  %v666 = bitcast i32 %v665 to float
  %v667 = fcmp une float %v594, %v594
  %v668 = bitcast float %v666 to i32
  %v669 = select i1 %v667, i32 %v663, i32 %v668
  %v670 = bitcast i32 %v669 to float
  %v671 = fcmp ogt float %v596, %v587
  %v672 = bitcast float %v596 to i32
  %v673 = bitcast float %v587 to i32
  %v674 = select i1 %v671, i32 %v672, i32 %v673
  %v675 = bitcast i32 %v674 to float
  %v676 = fcmp une float %v596, %v596
  %v677 = bitcast float %v675 to i32
  %v678 = select i1 %v676, i32 %v672, i32 %v677
  %v679 = bitcast i32 %v678 to float
  %v680 = fcmp ogt float %v598, %v589
  %v681 = bitcast float %v598 to i32
  %v682 = bitcast float %v589 to i32
  %v683 = select i1 %v680, i32 %v681, i32 %v682
  %v684 = bitcast i32 %v683 to float
  %v685 = fcmp une float %v598, %v598
  %v686 = bitcast float %v684 to i32
  %v687 = select i1 %v685, i32 %v681, i32 %v686
  %v688 = bitcast i32 %v687 to float
  %v689 = fcmp ogt float %v610, %v601
  %v690 = bitcast float %v610 to i32
  %v691 = bitcast float %v601 to i32
  %v692 = select i1 %v689, i32 %v690, i32 %v691
  %v693 = bitcast i32 %v692 to float
  %v694 = fcmp une float %v610, %v610
  %v695 = bitcast float %v693 to i32
  %v696 = select i1 %v694, i32 %v690, i32 %v695
  %v697 = bitcast i32 %v696 to float
  %v698 = fcmp ogt float %v612, %v603
  %v699 = bitcast float %v612 to i32
  %v700 = bitcast float %v603 to i32
  %v701 = select i1 %v698, i32 %v699, i32 %v700
  %v702 = bitcast i32 %v701 to float
  %v703 = fcmp une float %v612, %v612
  %v704 = bitcast float %v702 to i32
  %v705 = select i1 %v703, i32 %v699, i32 %v704
  %v706 = bitcast i32 %v705 to float
  %v707 = fcmp ogt float %v614, %v605
  %v708 = bitcast float %v614 to i32
  %v709 = bitcast float %v605 to i32
  %v710 = select i1 %v707, i32 %v708, i32 %v709
  %v711 = bitcast i32 %v710 to float
  %v712 = fcmp une float %v614, %v614
  %v713 = bitcast float %v711 to i32
  %v714 = select i1 %v712, i32 %v708, i32 %v713
  %v715 = bitcast i32 %v714 to float
  %v716 = fcmp ogt float %v616, %v607
  %v717 = bitcast float %v616 to i32
  %v718 = bitcast float %v607 to i32
  %v719 = select i1 %v716, i32 %v717, i32 %v718
  %v720 = bitcast i32 %v719 to float
  %v721 = fcmp une float %v616, %v616
  %v722 = bitcast float %v720 to i32
  %v723 = select i1 %v721, i32 %v717, i32 %v722
  %v724 = bitcast i32 %v723 to float
  %v725 = fcmp ogt float %v628, %v619
  %v726 = bitcast float %v628 to i32
  %v727 = bitcast float %v619 to i32
  %v728 = select i1 %v725, i32 %v726, i32 %v727
  %v729 = bitcast i32 %v728 to float
  %v730 = fcmp une float %v628, %v628
  %v731 = bitcast float %v729 to i32
  %v732 = select i1 %v730, i32 %v726, i32 %v731
  %v733 = bitcast i32 %v732 to float
  %v734 = fcmp ogt float %v630, %v621
  %v735 = bitcast float %v630 to i32
  %v736 = bitcast float %v621 to i32
  %v737 = select i1 %v734, i32 %v735, i32 %v736
  %v738 = bitcast i32 %v737 to float
  %v739 = fcmp une float %v630, %v630
  %v740 = bitcast float %v738 to i32
  %v741 = select i1 %v739, i32 %v735, i32 %v740
  %v742 = bitcast i32 %v741 to float
  %v743 = fcmp ogt float %v632, %v623
  %v744 = bitcast float %v632 to i32
  %v745 = bitcast float %v623 to i32
  %v746 = select i1 %v743, i32 %v744, i32 %v745
  %v747 = bitcast i32 %v746 to float
  %v748 = fcmp une float %v632, %v632
  %v749 = bitcast float %v747 to i32
  %v750 = select i1 %v748, i32 %v744, i32 %v749
  %v751 = bitcast i32 %v750 to float
  %v752 = fcmp ogt float %v634, %v625
  %v753 = bitcast float %v634 to i32
  %v754 = bitcast float %v625 to i32
  %v755 = select i1 %v752, i32 %v753, i32 %v754
  %v756 = bitcast i32 %v755 to float
  %v757 = fcmp une float %v634, %v634
  %v758 = bitcast float %v756 to i32
  %v759 = select i1 %v757, i32 %v753, i32 %v758
  %v760 = bitcast i32 %v759 to float
  %v761 = fcmp ogt float %v646, %v637
  %v762 = bitcast float %v646 to i32
  %v763 = bitcast float %v637 to i32
  %v764 = select i1 %v761, i32 %v762, i32 %v763
  %v765 = bitcast i32 %v764 to float
  %v766 = fcmp une float %v646, %v646
  %v767 = bitcast float %v765 to i32
  %v768 = select i1 %v766, i32 %v762, i32 %v767
  %v769 = bitcast i32 %v768 to float
  %v770 = fcmp ogt float %v648, %v639
  %v771 = bitcast float %v648 to i32
  %v772 = bitcast float %v639 to i32
  %v773 = select i1 %v770, i32 %v771, i32 %v772
  %v774 = bitcast i32 %v773 to float
  %v775 = fcmp une float %v648, %v648
  %v776 = bitcast float %v774 to i32
  %v777 = select i1 %v775, i32 %v771, i32 %v776
  %v778 = bitcast i32 %v777 to float
  %v779 = fcmp ogt float %v650, %v641
  %v780 = bitcast float %v650 to i32
  %v781 = bitcast float %v641 to i32
  %v782 = select i1 %v779, i32 %v780, i32 %v781
  %v783 = bitcast i32 %v782 to float
  %v784 = fcmp une float %v650, %v650
  %v785 = bitcast float %v783 to i32
  %v786 = select i1 %v784, i32 %v780, i32 %v785
  %v787 = bitcast i32 %v786 to float
  %v788 = fcmp ogt float %v652, %v643
  %v789 = bitcast float %v652 to i32
  %v790 = bitcast float %v643 to i32
  %v791 = select i1 %v788, i32 %v789, i32 %v790
  %v792 = bitcast i32 %v791 to float
  %v793 = fcmp une float %v652, %v652
  %v794 = bitcast float %v792 to i32
  %v795 = select i1 %v793, i32 %v789, i32 %v794
  %v796 = bitcast i32 %v795 to float
  %v797 = fcmp ogt float %v697, %v661
  %v798 = bitcast float %v697 to i32
  %v799 = bitcast float %v661 to i32
  %v800 = select i1 %v797, i32 %v798, i32 %v799
  %v801 = bitcast i32 %v800 to float
  %v802 = fcmp une float %v697, %v697
  %v803 = bitcast float %v801 to i32
  %v804 = select i1 %v802, i32 %v798, i32 %v803
  %v805 = bitcast i32 %v804 to float
  %v806 = fcmp ogt float %v706, %v670
  %v807 = bitcast float %v706 to i32
  %v808 = bitcast float %v670 to i32
  %v809 = select i1 %v806, i32 %v807, i32 %v808
  %v810 = bitcast i32 %v809 to float
  %v811 = fcmp une float %v706, %v706
  %v812 = bitcast float %v810 to i32
  %v813 = select i1 %v811, i32 %v807, i32 %v812
  %v814 = bitcast i32 %v813 to float
  %v815 = fcmp ogt float %v715, %v679
  %v816 = bitcast float %v715 to i32
  %v817 = bitcast float %v679 to i32
  %v818 = select i1 %v815, i32 %v816, i32 %v817
  %v819 = bitcast i32 %v818 to float
  %v820 = fcmp une float %v715, %v715
  %v821 = bitcast float %v819 to i32
  %v822 = select i1 %v820, i32 %v816, i32 %v821
  %v823 = bitcast i32 %v822 to float
  %v824 = fcmp ogt float %v724, %v688
  %v825 = bitcast float %v724 to i32
  %v826 = bitcast float %v688 to i32
  %v827 = select i1 %v824, i32 %v825, i32 %v826
  %v828 = bitcast i32 %v827 to float
  %v829 = fcmp une float %v724, %v724
  %v830 = bitcast float %v828 to i32
  %v831 = select i1 %v829, i32 %v825, i32 %v830
  %v832 = bitcast i32 %v831 to float
  %v833 = fcmp ogt float %v769, %v733
  %v834 = bitcast float %v769 to i32
  %v835 = bitcast float %v733 to i32
  %v836 = select i1 %v833, i32 %v834, i32 %v835
  %v837 = bitcast i32 %v836 to float
  %v838 = fcmp une float %v769, %v769
  %v839 = bitcast float %v837 to i32
  %v840 = select i1 %v838, i32 %v834, i32 %v839
  %v841 = bitcast i32 %v840 to float
  %v842 = fcmp ogt float %v778, %v742
  %v843 = bitcast float %v778 to i32
  %v844 = bitcast float %v742 to i32
  %v845 = select i1 %v842, i32 %v843, i32 %v844
  %v846 = bitcast i32 %v845 to float
  %v847 = fcmp une float %v778, %v778
  %v848 = bitcast float %v846 to i32
  %v849 = select i1 %v847, i32 %v843, i32 %v848
  %v850 = bitcast i32 %v849 to float
  %v851 = fcmp ogt float %v787, %v751
  %v852 = bitcast float %v787 to i32
  %v853 = bitcast float %v751 to i32
  %v854 = select i1 %v851, i32 %v852, i32 %v853
  %v855 = bitcast i32 %v854 to float
  %v856 = fcmp une float %v787, %v787
  %v857 = bitcast float %v855 to i32
  %v858 = select i1 %v856, i32 %v852, i32 %v857
  %v859 = bitcast i32 %v858 to float
  %v860 = fcmp ogt float %v796, %v760
  %v861 = bitcast float %v796 to i32
  %v862 = bitcast float %v760 to i32
  %v863 = select i1 %v860, i32 %v861, i32 %v862
  %v864 = bitcast i32 %v863 to float
  %v865 = fcmp une float %v796, %v796
  %v866 = bitcast float %v864 to i32
  %v867 = select i1 %v865, i32 %v861, i32 %v866
  %v868 = bitcast i32 %v867 to float
  %v869 = fcmp ogt float %v841, %v805
  %v870 = bitcast float %v841 to i32
  %v871 = bitcast float %v805 to i32
  %v872 = select i1 %v869, i32 %v870, i32 %v871
  %v873 = bitcast i32 %v872 to float
  %v874 = fcmp une float %v841, %v841
  %v875 = bitcast float %v873 to i32
  %v876 = select i1 %v874, i32 %v870, i32 %v875
  %v877 = bitcast i32 %v876 to float
  %v878 = fcmp ogt float %v850, %v814
  %v879 = bitcast float %v850 to i32
  %v880 = bitcast float %v814 to i32
  %v881 = select i1 %v878, i32 %v879, i32 %v880
  %v882 = bitcast i32 %v881 to float
  %v883 = fcmp une float %v850, %v850
  %v884 = bitcast float %v882 to i32
  %v885 = select i1 %v883, i32 %v879, i32 %v884
  %v886 = bitcast i32 %v885 to float
  %v887 = fcmp ogt float %v859, %v823
  %v888 = bitcast float %v859 to i32
  %v889 = bitcast float %v823 to i32
  %v890 = select i1 %v887, i32 %v888, i32 %v889
  %v891 = bitcast i32 %v890 to float
  %v892 = fcmp une float %v859, %v859
  %v893 = bitcast float %v891 to i32
  %v894 = select i1 %v892, i32 %v888, i32 %v893
  %v895 = bitcast i32 %v894 to float
  %v896 = fcmp ogt float %v868, %v832
  %v897 = bitcast float %v868 to i32
  %v898 = bitcast float %v832 to i32
  %v899 = select i1 %v896, i32 %v897, i32 %v898
  %v900 = bitcast i32 %v899 to float
  %v901 = fcmp une float %v868, %v868
  %v902 = bitcast float %v900 to i32
  %v903 = select i1 %v901, i32 %v897, i32 %v902
  %v904 = bitcast i32 %v903 to float
  call void @llvm.nvvm.barrier0()
  br label %after34
after34:
  %v905 = phi float [ %v877, %then33 ], [ %v574, %after32 ]
  %v906 = phi float [ %v886, %then33 ], [ %v575, %after32 ]
  %v907 = phi float [ %v895, %then33 ], [ %v576, %after32 ]
  %v908 = phi float [ %v904, %then33 ], [ %v577, %after32 ]
  br i1 %v10, label %then35, label %after48
then35:
  br i1 %v64, label %then36, label %after37
then36:
  %v909 = getelementptr i64, ptr addrspace(101) %record, i64 3
  %v910 = load ptr addrspace(1), ptr addrspace(101) %v909, align 8, !invariant.load !0
  %v911 = getelementptr float, ptr addrspace(1) %v910, i64 %v43
  store float %v905, ptr addrspace(1) %v911, align 4
  %v912 = getelementptr float, ptr addrspace(1) %v911, i64 1
  store float %v906, ptr addrspace(1) %v912, align 4
  %v913 = getelementptr float, ptr addrspace(1) %v911, i64 2
  store float %v907, ptr addrspace(1) %v913, align 4
  %v914 = getelementptr float, ptr addrspace(1) %v911, i64 3
  store float %v908, ptr addrspace(1) %v914, align 4
  br label %after37
after37:
  br i1 %v141, label %then38, label %after47
then38:
  br i1 %v47, label %then39, label %after40
then39:
  %v915 = getelementptr i64, ptr addrspace(101) %record, i64 3
  %v916 = load ptr addrspace(1), ptr addrspace(101) %v915, align 8, !invariant.load !0
  %v917 = getelementptr float, ptr addrspace(1) %v916, i64 %v43
  store float %v905, ptr addrspace(1) %v917, align 4
  br label %after40
after40:
  br i1 %v52, label %then41, label %after42
then41:
  %v918 = getelementptr i64, ptr addrspace(101) %record, i64 3
  %v919 = load ptr addrspace(1), ptr addrspace(101) %v918, align 8, !invariant.load !0
  %v920 = getelementptr float, ptr addrspace(1) %v919, i64 %v43
  %v921 = getelementptr float, ptr addrspace(1) %v920, i64 1
  store float %v906, ptr addrspace(1) %v921, align 4
  br label %after42
after42:
  br i1 %v57, label %then43, label %after44
then43:
  %v922 = getelementptr i64, ptr addrspace(101) %record, i64 3
  %v923 = load ptr addrspace(1), ptr addrspace(101) %v922, align 8, !invariant.load !0
  %v924 = getelementptr float, ptr addrspace(1) %v923, i64 %v43
  %v925 = getelementptr float, ptr addrspace(1) %v924, i64 2
  store float %v907, ptr addrspace(1) %v925, align 4
  br label %after44
after44:
  br i1 %v62, label %then45, label %after46
then45:
  %v926 = getelementptr i64, ptr addrspace(101) %record, i64 3
  %v927 = load ptr addrspace(1), ptr addrspace(101) %v926, align 8, !invariant.load !0
  %v928 = getelementptr float, ptr addrspace(1) %v927, i64 %v43
  %v929 = getelementptr float, ptr addrspace(1) %v928, i64 3
  store float %v908, ptr addrspace(1) %v929, align 4
  br label %after46
after46:
  br label %after47
after47:
  br label %after48
after48:
  br label %loop1
after49:
  %v931 = phi i64 [ %v37, %loop1 ]
  ret void
}
