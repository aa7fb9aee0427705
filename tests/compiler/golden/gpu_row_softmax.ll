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
  %v11 = getelementptr i64, ptr addrspace(101) %record, i64 2
  %v12 = load ptr addrspace(1), ptr addrspace(101) %v11, align 8, !invariant.load !0
  %v13 = ptrtoint ptr addrspace(1) %v12 to i64
  %v14 = getelementptr i64, ptr addrspace(101) %record, i64 6
  %v15 = load i64, ptr addrspace(101) %v14, align 8, !invariant.load !0
  %v16 = and i64 %v13, 15
  %v17 = or i64 0, %v16
  %v18 = and i64 %v15, 15
  %v19 = or i64 %v17, %v18
  %v20 = getelementptr i64, ptr addrspace(101) %record, i64 3
  %v21 = load ptr addrspace(1), ptr addrspace(101) %v20, align 8, !invariant.load !0
  %v22 = ptrtoint ptr addrspace(1) %v21 to i64
  %v23 = getelementptr i64, ptr addrspace(101) %record, i64 8
  %v24 = load i64, ptr addrspace(101) %v23, align 8, !invariant.load !0
  %v25 = and i64 %v22, 15
  %v26 = or i64 %v19, %v25
  %v27 = and i64 %v24, 15
  %v28 = or i64 %v26, %v27
  %v29 = icmp eq i64 %v28, 0
  %v30 = call i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
  %v31 = zext i32 %v30 to i64
  %v32 = mul i64 %v31, 8
  %v33 = add i64 %v32, %v4
  %v34 = select i1 %v7, i64 %v31, i64 %v33
  %v35 = call i32 @llvm.nvvm.read.ptx.sreg.nctaid.x()
  %v36 = zext i32 %v35 to i64
  %v37 = mul i64 %v36, 8
  %v38 = select i1 %v7, i64 %v36, i64 %v37
  %v39 = getelementptr i64, ptr addrspace(101) %record, i64 0
  %v40 = load i64, ptr addrspace(101) %v39, align 8, !invariant.load !0
  %v41 = add i64 %v40, %v34
  %v42 = getelementptr i64, ptr addrspace(101) %record, i64 1
  %v43 = load i64, ptr addrspace(101) %v42, align 8, !invariant.load !0
  %v48 = ashr i64 %v6, 2
  %v49 = mul i64 %v48, 4
  %v50 = mul i64 %v9, 4
  %v51 = sub i64 %v50, 1
  %v52 = and i64 %v48, %v51
  %v53 = sub i64 %v48, %v52
  %v63 = mul i64 %v9, 2
  %v66 = mul i64 %v9, 3
  %v109 = xor i1 %v29, true
  %v244 = add i64 %v53, %v8
  %v300 = add i64 %v49, %v8
  %v430 = bitcast float 0xC05A000000000000 to i32
  br label %loop1
loop1:
  %v44 = phi i64 [ %v41, %entry ], [ %v839, %after66 ]
  %v45 = icmp slt i64 %v44, %v43
  br i1 %v45, label %body2, label %after67
body2:
  %v46 = mul i64 %v44, %v15
  %v47 = getelementptr i8, ptr addrspace(1) %v12, i64 %v46
  %v397 = mul i64 %v44, %v24
  %v398 = getelementptr i8, ptr addrspace(1) %v21, i64 %v397
  %v839 = add i64 %v44, %v38
  br label %loop3
loop3:
  %v54 = phi i64 [ %v8, %body2 ], [ %v238, %after8 ]
  %v55 = phi float [ 0xFFF0000000000000, %body2 ], [ %v222, %after8 ]
  %v56 = phi float [ 0xFFF0000000000000, %body2 ], [ %v227, %after8 ]
  %v57 = phi float [ 0xFFF0000000000000, %body2 ], [ %v232, %after8 ]
  %v58 = phi float [ 0xFFF0000000000000, %body2 ], [ %v237, %after8 ]
  %v59 = icmp slt i64 %v54, %v53
  br i1 %v59, label %body4, label %after9
body4:
  %v60 = mul i64 %v54, 4
  %v61 = add i64 %v54, %v9
  %v62 = mul i64 %v61, 4
  %v64 = add i64 %v54, %v63
  %v65 = mul i64 %v64, 4
  %v67 = add i64 %v54, %v66
  %v68 = mul i64 %v67, 4
  %v160 = bitcast float %v55 to i32
  %v165 = bitcast float %v56 to i32
  %v170 = bitcast float %v57 to i32
  %v175 = bitcast float %v58 to i32
  %v238 = add i64 %v54, %v50
  br i1 %v29, label %then5, label %after6
then5:
  %v69 = getelementptr float, ptr addrspace(1) %v47, i64 %v60
  %v70 = load <4 x float>, ptr addrspace(1) %v69, align 16
  %v71 = extractelement <4 x float> %v70, i64 0
  %v72 = extractelement <4 x float> %v70, i64 1
  %v73 = extractelement <4 x float> %v70, i64 2
  %v74 = extractelement <4 x float> %v70, i64 3
  %v75 = getelementptr float, ptr addrspace(1) %v47, i64 %v62
  %v76 = load <4 x float>, ptr addrspace(1) %v75, align 16
  %v77 = extractelement <4 x float> %v76, i64 0
  %v78 = extractelement <4 x float> %v76, i64 1
  %v79 = extractelement <4 x float> %v76, i64 2
  %v80 = extractelement <4 x float> %v76, i64 3
  %v81 = getelementptr float, ptr addrspace(1) %v47, i64 %v65
  %v82 = load <4 x float>, ptr addrspace(1) %v81, align 16
  %v83 = extractelement <4 x float> %v82, i64 0
  %v84 = extractelement <4 x float> %v82, i64 1
  %v85 = extractelement <4 x float> %v82, i64 2
  %v86 = extractelement <4 x float> %v82, i64 3
  %v87 = getelementptr float, ptr addrspace(1) %v47, i64 %v68
  %v88 = load <4 x float>, ptr addrspace(1) %v87, align 16
  %v89 = extractelement <4 x float> %v88, i64 0
  %v90 = extractelement <4 x float> %v88, i64 1
  %v91 = extractelement <4 x float> %v88, i64 2
  %v92 = extractelement <4 x float> %v88, i64 3
  br label %after6
after6:
  %v93 = phi float [ %v71, %then5 ], [ 0x0000000000000000, %body4 ]
  %v94 = phi float [ %v72, %then5 ], [ 0x0000000000000000, %body4 ]
  %v95 = phi float [ %v73, %then5 ], [ 0x0000000000000000, %body4 ]
  %v96 = phi float [ %v74, %then5 ], [ 0x0000000000000000, %body4 ]
  %v97 = phi float [ %v77, %then5 ], [ 0x0000000000000000, %body4 ]
  %v98 = phi float [ %v78, %then5 ], [ 0x0000000000000000, %body4 ]
  %v99 = phi float [ %v79, %then5 ], [ 0x0000000000000000, %body4 ]
  %v100 = phi float [ %v80, %then5 ], [ 0x0000000000000000, %body4 ]
  %v101 = phi float [ %v83, %then5 ], [ 0x0000000000000000, %body4 ]
  %v102 = phi float [ %v84, %then5 ], [ 0x0000000000000000, %body4 ]
  %v103 = phi float [ %v85, %then5 ], [ 0x0000000000000000, %body4 ]
  %v104 = phi float [ %v86, %then5 ], [ 0x0000000000000000, %body4 ]
  %v105 = phi float [ %v89, %then5 ], [ 0x0000000000000000, %body4 ]
  %v106 = phi float [ %v90, %then5 ], [ 0x0000000000000000, %body4 ]
  %v107 = phi float [ %v91, %then5 ], [ 0x0000000000000000, %body4 ]
  %v108 = phi float [ %v92, %then5 ], [ 0x0000000000000000, %body4 ]
  br i1 %v109, label %then7, label %after8
then7:
  %v110 = getelementptr float, ptr addrspace(1) %v47, i64 %v60
  %v111 = load float, ptr addrspace(1) %v110, align 4
  %v112 = getelementptr float, ptr addrspace(1) %v47, i64 %v62
  %v113 = load float, ptr addrspace(1) %v112, align 4
  %v114 = getelementptr float, ptr addrspace(1) %v47, i64 %v65
  %v115 = load float, ptr addrspace(1) %v114, align 4
  %v116 = getelementptr float, ptr addrspace(1) %v47, i64 %v68
  %v117 = load float, ptr addrspace(1) %v116, align 4
  %v118 = getelementptr float, ptr addrspace(1) %v110, i64 1
  %v119 = load float, ptr addrspace(1) %v118, align 4
  %v120 = getelementptr float, ptr addrspace(1) %v112, i64 1
  %v121 = load float, ptr addrspace(1) %v120, align 4
  %v122 = getelementptr float, ptr addrspace(1) %v114, i64 1
  %v123 = load float, ptr addrspace(1) %v122, align 4
  %v124 = getelementptr float, ptr addrspace(1) %v116, i64 1
  %v125 = load float, ptr addrspace(1) %v124, align 4
  %v126 = getelementptr float, ptr addrspace(1) %v110, i64 2
  %v127 = load float, ptr addrspace(1) %v126, align 4
  %v128 = getelementptr float, ptr addrspace(1) %v112, i64 2
  %v129 = load float, ptr addrspace(1) %v128, align 4
  %v130 = getelementptr float, ptr addrspace(1) %v114, i64 2
  %v131 = load float, ptr addrspace(1) %v130, align 4
  %v132 = getelementptr float, ptr addrspace(1) %v116, i64 2
  %v133 = load float, ptr addrspace(1) %v132, align 4
  %v134 = getelementptr float, ptr addrspace(1) %v110, i64 3
  %v135 = load float, ptr addrspace(1) %v134, align 4
  %v136 = getelementptr float, ptr addrspace(1) %v112, i64 3
  %v137 = load float, ptr addrspace(1) %v136, align 4
  %v138 = getelementptr float, ptr addrspace(1) %v114, i64 3
  %v139 = load float, ptr addrspace(1) %v138, align 4
  %v140 = getelementptr float, ptr addrspace(1) %v116, i64 3
  %v141 = load float, ptr addrspace(1) %v140, align 4
  br label %after8
after8:
  %v142 = phi float [ %v111, %then7 ], [ %v93, %after6 ]
  %v143 = phi float [ %v119, %then7 ], [ %v94, %after6 ]
  %v144 = phi float [ %v127, %then7 ], [ %v95, %after6 ]
  %v145 = phi float [ %v135, %then7 ], [ %v96, %after6 ]
  %v146 = phi float [ %v113, %then7 ], [ %v97, %after6 ]
  %v147 = phi float [ %v121, %then7 ], [ %v98, %after6 ]
  %v148 = phi float [ %v129, %then7 ], [ %v99, %after6 ]
  %v149 = phi float [ %v137, %then7 ], [ %v100, %after6 ]
  %v150 = phi float [ %v115, %then7 ], [ %v101, %after6 ]
  %v151 = phi float [ %v123, %then7 ], [ %v102, %after6 ]
  %v152 = phi float [ %v131, %then7 ], [ %v103, %after6 ]
  %v153 = phi float [ %v139, %then7 ], [ %v104, %after6 ]
  %v154 = phi float [ %v117, %then7 ], [ %v105, %after6 ]
  %v155 = phi float [ %v125, %then7 ], [ %v106, %after6 ]
  %v156 = phi float [ %v133, %then7 ], [ %v107, %after6 ]
  %v157 = phi float [ %v141, %then7 ], [ %v108, %after6 ]
  %v158 = fcmp ogt float %v142, %v55
  %v159 = bitcast float %v142 to i32
  %v161 = select i1 %v158, i32 %v159, i32 %v160
  %v162 = bitcast i32 %v161 to float
  %v163 = fcmp ogt float %v143, %v56
  %v164 = bitcast float %v143 to i32
  %v166 = select i1 %v163, i32 %v164, i32 %v165
  %v167 = bitcast i32 %v166 to float
  %v168 = fcmp ogt float %v144, %v57
  %v169 = bitcast float %v144 to i32
  %v171 = select i1 %v168, i32 %v169, i32 %v170
  %v172 = bitcast i32 %v171 to float
  %v173 = fcmp ogt float %v145, %v58
  %v174 = bitcast float %v145 to i32
  %v176 = select i1 %v173, i32 %v174, i32 %v175
  %v177 = bitcast i32 %v176 to float
  %v178 = fcmp ogt float %v146, %v162
  %v179 = bitcast float %v146 to i32
  %v180 = bitcast float %v162 to i32
  %v181 = select i1 %v178, i32 %v179, i32 %v180
  %v182 = bitcast i32 %v181 to float
  %v183 = fcmp ogt float %v147, %v167
  %v184 = bitcast float %v147 to i32
  %v185 = bitcast float %v167 to i32
  %v186 = select i1 %v183, i32 %v184, i32 %v185
  %v187 = bitcast i32 %v186 to float
  %v188 = fcmp ogt float %v148, %v172
  %v189 = bitcast float %v148 to i32
  %v190 = bitcast float %v172 to i32
  %v191 = select i1 %v188, i32 %v189, i32 %v190
  %v192 = bitcast i32 %v191 to float
  %v193 = fcmp ogt float %v149, %v177
  %v194 = bitcast float %v149 to i32
  %v195 = bitcast float %v177 to i32
  %v196 = select i1 %v193, i32 %v194, i32 %v195
  %v197 = bitcast i32 %v196 to float
  %v198 = fcmp ogt float %v150, %v182
  %v199 = bitcast float %v150 to i32
  %v200 = bitcast float %v182 to i32
  %v201 = select i1 %v198, i32 %v199, i32 %v200
  %v202 = bitcast i32 %v201 to float
  %v203 = fcmp ogt float %v151, %v187
  %v204 = bitcast float %v151 to i32
  %v205 = bitcast float %v187 to i32
  %v206 = select i1 %v203, i32 %v204, i32 %v205
  %v207 = bitcast i32 %v206 to float
  %v208 = fcmp ogt float %v152, %v192
  %v209 = bitcast float %v152 to i32
  %v210 = bitcast float %v192 to i32
  %v211 = select i1 %v208, i32 %v209, i32 %v210
  %v212 = bitcast i32 %v211 to float
  %v213 = fcmp ogt float %v153, %v197
  %v214 = bitcast float %v153 to i32
  %v215 = bitcast float %v197 to i32
  %v216 = select i1 %v213, i32 %v214, i32 %v215
  %v217 = bitcast i32 %v216 to float
  %v218 = fcmp ogt float %v154, %v202
  %v219 = bitcast float %v154 to i32
  %v220 = bitcast float %v202 to i32
  %v221 = select i1 %v218, i32 %v219, i32 %v220
  %v222 = bitcast i32 %v221 to float
  %v223 = fcmp ogt float %v155, %v207
  %v224 = bitcast float %v155 to i32
  %v225 = bitcast float %v207 to i32
  %v226 = select i1 %v223, i32 %v224, i32 %v225
  %v227 = bitcast i32 %v226 to float
  %v228 = fcmp ogt float %v156, %v212
  %v229 = bitcast float %v156 to i32
  %v230 = bitcast float %v212 to i32
  %v231 = select i1 %v228, i32 %v229, i32 %v230
  %v232 = bitcast i32 %v231 to float
  %v233 = fcmp ogt float %v157, %v217
  %v234 = bitcast float %v157 to i32
  %v235 = bitcast float %v217 to i32
  %v236 = select i1 %v233, i32 %v234, i32 %v235
  %v237 = bitcast i32 %v236 to float
  br label %loop3
after9:
  %v239 = phi i64 [ %v54, %loop3 ]
  %v240 = phi float [ %v55, %loop3 ]
  %v241 = phi float [ %v56, %loop3 ]
  %v242 = phi float [ %v57, %loop3 ]
  %v243 = phi float [ %v58, %loop3 ]
  br label %loop10
loop10:
  %v245 = phi i64 [ %v244, %after9 ], [ %v294, %after15 ]
  %v246 = phi float [ %v240, %after9 ], [ %v278, %after15 ]
  %v247 = phi float [ %v241, %after9 ], [ %v283, %after15 ]
  %v248 = phi float [ %v242, %after9 ], [ %v288, %after15 ]
  %v249 = phi float [ %v243, %after9 ], [ %v293, %after15 ]
  %v250 = icmp slt i64 %v245, %v48
  br i1 %v250, label %body11, label %after16
body11:
  %v251 = mul i64 %v245, 4
  %v276 = bitcast float %v246 to i32
  %v281 = bitcast float %v247 to i32
  %v286 = bitcast float %v248 to i32
  %v291 = bitcast float %v249 to i32
  %v294 = add i64 %v245, %v9
  br i1 %v29, label %then12, label %after13
then12:
  %v252 = getelementptr float, ptr addrspace(1) %v47, i64 %v251
  %v253 = load <4 x float>, ptr addrspace(1) %v252, align 16
  %v254 = extractelement <4 x float> %v253, i64 0
  %v255 = extractelement <4 x float> %v253, i64 1
  %v256 = extractelement <4 x float> %v253, i64 2
  %v257 = extractelement <4 x float> %v253, i64 3
  br label %after13
after13:
  %v258 = phi float [ %v254, %then12 ], [ 0x0000000000000000, %body11 ]
  %v259 = phi float [ %v255, %then12 ], [ 0x0000000000000000, %body11 ]
  %v260 = phi float [ %v256, %then12 ], [ 0x0000000000000000, %body11 ]
  %v261 = phi float [ %v257, %then12 ], [ 0x0000000000000000, %body11 ]
  br i1 %v109, label %then14, label %after15
then14:
  %v262 = getelementptr float, ptr addrspace(1) %v47, i64 %v251
  %v263 = load float, ptr addrspace(1) %v262, align 4
  %v264 = getelementptr float, ptr addrspace(1) %v262, i64 1
  %v265 = load float, ptr addrspace(1) %v264, align 4
  %v266 = getelementptr float, ptr addrspace(1) %v262, i64 2
  %v267 = load float, ptr addrspace(1) %v266, align 4
  %v268 = getelementptr float, ptr addrspace(1) %v262, i64 3
  %v269 = load float, ptr addrspace(1) %v268, align 4
  br label %after15
after15:
  %v270 = phi float [ %v263, %then14 ], [ %v258, %after13 ]
  %v271 = phi float [ %v265, %then14 ], [ %v259, %after13 ]
  %v272 = phi float [ %v267, %then14 ], [ %v260, %after13 ]
  %v273 = phi float [ %v269, %then14 ], [ %v261, %after13 ]
  %v274 = fcmp ogt float %v270, %v246
  %v275 = bitcast float %v270 to i32
  %v277 = select i1 %v274, i32 %v275, i32 %v276
  %v278 = bitcast i32 %v277 to float
  %v279 = fcmp ogt float %v271, %v247
  %v280 = bitcast float %v271 to i32
  %v282 = select i1 %v279, i32 %v280, i32 %v281
  %v283 = bitcast i32 %v282 to float
  %v284 = fcmp ogt float %v272, %v248
  %v285 = bitcast float %v272 to i32
  %v287 = select i1 %v284, i32 %v285, i32 %v286
  %v288 = bitcast i32 %v287 to float
  %v289 = fcmp ogt float %v273, %v249
  %v290 = bitcast float %v273 to i32
  %v292 = select i1 %v289, i32 %v290, i32 %v291
  %v293 = bitcast i32 %v292 to float
  br label %loop10
after16:
  %v295 = phi i64 [ %v245, %loop10 ]
  %v296 = phi float [ %v246, %loop10 ]
  %v297 = phi float [ %v247, %loop10 ]
  %v298 = phi float [ %v248, %loop10 ]
  %v299 = phi float [ %v249, %loop10 ]
  %v301 = fcmp ogt float %v297, %v296
  %v302 = bitcast float %v297 to i32
  %v303 = bitcast float %v296 to i32
  %v304 = select i1 %v301, i32 %v302, i32 %v303
  %v305 = bitcast i32 %v304 to float
  %v306 = fcmp ogt float %v299, %v298
  %v307 = bitcast float %v299 to i32
  %v308 = bitcast float %v298 to i32
  %v309 = select i1 %v306, i32 %v307, i32 %v308
  %v310 = bitcast i32 %v309 to float
  %v311 = fcmp ogt float %v310, %v305
  %v312 = bitcast float %v310 to i32
  %v313 = bitcast float %v305 to i32
  %v314 = select i1 %v311, i32 %v312, i32 %v313
  %v315 = bitcast i32 %v314 to float
  br label %loop17
loop17:
  %v316 = phi i64 [ %v300, %after16 ], [ %v326, %body18 ]
  %v317 = phi float [ %v315, %after16 ], [ %v325, %body18 ]
  %v318 = icmp slt i64 %v316, %v6
  br i1 %v318, label %body18, label %after19
body18:
  %v319 = getelementptr float, ptr addrspace(1) %v47, i64 %v316
  %v320 = load float, ptr addrspace(1) %v319, align 4
  %v321 = fcmp ogt float %v320, %v317
  %v322 = bitcast float %v320 to i32
  %v323 = bitcast float %v317 to i32
  %v324 = select i1 %v321, i32 %v322, i32 %v323
  %v325 = bitcast i32 %v324 to float
  %v326 = add i64 %v316, %v9
  br label %loop17
after19:
  %v327 = phi i64 [ %v316, %loop17 ]
  %v328 = phi float [ %v317, %loop17 ]
  %v329 = bitcast float %v328 to i32
  %v330 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v329, i32 16, i32 31)
  %v331 = bitcast i32 %v330 to float
  %v332 = fcmp ogt float %v331, %v328
  %v333 = bitcast float %v331 to i32
  %v334 = select i1 %v332, i32 %v333, i32 %v329
  %v335 = bitcast i32 %v334 to float
  %v336 = bitcast float %v335 to i32
  %v337 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v336, i32 8, i32 31)
  %v338 = bitcast i32 %v337 to float
  %v339 = fcmp ogt float %v338, %v335
  %v340 = bitcast float %v338 to i32
  %v341 = select i1 %v339, i32 %v340, i32 %v336
  %v342 = bitcast i32 %v341 to float
  %v343 = bitcast float %v342 to i32
  %v344 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v343, i32 4, i32 31)
  %v345 = bitcast i32 %v344 to float
  %v346 = fcmp ogt float %v345, %v342
  %v347 = bitcast float %v345 to i32
  %v348 = select i1 %v346, i32 %v347, i32 %v343
  %v349 = bitcast i32 %v348 to float
  %v350 = bitcast float %v349 to i32
  %v351 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v350, i32 2, i32 31)
  %v352 = bitcast i32 %v351 to float
  %v353 = fcmp ogt float %v352, %v349
  %v354 = bitcast float %v352 to i32
  %v355 = select i1 %v353, i32 %v354, i32 %v350
  %v356 = bitcast i32 %v355 to float
  %v357 = bitcast float %v356 to i32
  %v358 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v357, i32 1, i32 31)
  %v359 = bitcast i32 %v358 to float
  %v360 = fcmp ogt float %v359, %v356
  %v361 = bitcast float %v359 to i32
  %v362 = select i1 %v360, i32 %v361, i32 %v357
  %v363 = bitcast i32 %v362 to float
  %v364 = bitcast float %v363 to i32
  %v365 = call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 -1, i32 %v364, i32 0, i32 31)
  %v366 = bitcast i32 %v365 to float
  br i1 %v7, label %then20, label %after23
then20:
  %v367 = icmp eq i64 %v3, 0
  %v369 = and i64 %v3, 7
  %v370 = getelementptr float, ptr addrspace(3) @s0, i64 %v369
  br i1 %v367, label %then21, label %after22
then21:
  %v368 = getelementptr float, ptr addrspace(3) @s0, i64 %v4
  store float %v363, ptr addrspace(3) %v368
  br label %after22
after22:
  call void @llvm.nvvm.barrier0()
  %v371 = load float, ptr addrspace(3) %v370
  %v372 = bitcast float %v371 to i32
  %v373 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v372, i32 4, i32 31)
  %v374 = bitcast i32 %v373 to float
  %v375 = fcmp ogt float %v374, %v371
  %v376 = bitcast float %v374 to i32
  %v377 = select i1 %v375, i32 %v376, i32 %v372
  %v378 = bitcast i32 %v377 to float
  %v379 = bitcast float %v378 to i32
  %v380 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v379, i32 2, i32 31)
  %v381 = bitcast i32 %v380 to float
  %v382 = fcmp ogt float %v381, %v378
  %v383 = bitcast float %v381 to i32
  %v384 = select i1 %v382, i32 %v383, i32 %v379
  %v385 = bitcast i32 %v384 to float
  %v386 = bitcast float %v385 to i32
  %v387 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v386, i32 1, i32 31)
  %v388 = bitcast i32 %v387 to float
  %v389 = fcmp ogt float %v388, %v385
  %v390 = bitcast float %v388 to i32
  %v391 = select i1 %v389, i32 %v390, i32 %v386
  %v392 = bitcast i32 %v391 to float
  %v393 = bitcast float %v392 to i32
  %v394 = call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 -1, i32 %v393, i32 0, i32 31)
  %v395 = bitcast i32 %v394 to float
  call void @llvm.nvvm.barrier0()
  br label %after23
after23:
  %v396 = phi float [ %v395, %after22 ], [ %v366, %after19 ]
  br label %loop24
loop24:
  %v399 = phi i64 [ %v8, %after23 ], [ %v550, %after33 ]
  %v400 = phi float [ 0x0000000000000000, %after23 ], [ %v456, %after33 ]
  %v401 = phi float [ 0x0000000000000000, %after23 ], [ %v484, %after33 ]
  %v402 = phi float [ 0x0000000000000000, %after23 ], [ %v512, %after33 ]
  %v403 = phi float [ 0x0000000000000000, %after23 ], [ %v540, %after33 ]
  %v404 = icmp slt i64 %v399, %v48
  br i1 %v404, label %body25, label %after34
body25:
  %v405 = mul i64 %v399, 4
  %v550 = add i64 %v399, %v9
  br i1 %v29, label %then26, label %after27
then26:
  %v406 = getelementptr float, ptr addrspace(1) %v47, i64 %v405
  %v407 = load <4 x float>, ptr addrspace(1) %v406, align 16
  %v408 = extractelement <4 x float> %v407, i64 0
  %v409 = extractelement <4 x float> %v407, i64 1
  %v410 = extractelement <4 x float> %v407, i64 2
  %v411 = extractelement <4 x float> %v407, i64 3
  br label %after27
after27:
  %v412 = phi float [ %v408, %then26 ], [ 0x0000000000000000, %body25 ]
  %v413 = phi float [ %v409, %then26 ], [ 0x0000000000000000, %body25 ]
  %v414 = phi float [ %v410, %then26 ], [ 0x0000000000000000, %body25 ]
  %v415 = phi float [ %v411, %then26 ], [ 0x0000000000000000, %body25 ]
  br i1 %v109, label %then28, label %after29
then28:
  %v416 = getelementptr float, ptr addrspace(1) %v47, i64 %v405
  %v417 = load float, ptr addrspace(1) %v416, align 4
  %v418 = getelementptr float, ptr addrspace(1) %v416, i64 1
  %v419 = load float, ptr addrspace(1) %v418, align 4
  %v420 = getelementptr float, ptr addrspace(1) %v416, i64 2
  %v421 = load float, ptr addrspace(1) %v420, align 4
  %v422 = getelementptr float, ptr addrspace(1) %v416, i64 3
  %v423 = load float, ptr addrspace(1) %v422, align 4
  br label %after29
after29:
  %v424 = phi float [ %v417, %then28 ], [ %v412, %after27 ]
  %v425 = phi float [ %v419, %then28 ], [ %v413, %after27 ]
  %v426 = phi float [ %v421, %then28 ], [ %v414, %after27 ]
  %v427 = phi float [ %v423, %then28 ], [ %v415, %after27 ]
  %v428 = fsub float %v424, %v396
  %v429 = fcmp olt float %v428, 0xC05A000000000000
  %v431 = bitcast float %v428 to i32
  %v432 = select i1 %v429, i32 %v430, i32 %v431
  %v433 = bitcast i32 %v432 to float
  %v434 = call float @llvm.fma.f32(float %v433, float 0x3FF7154760000000, float 0x4168000000000000)
  %v435 = fsub float %v434, 0x4168000000000000
  %v436 = call float @llvm.fma.f32(float %v435, float 0xBFE62E4000000000, float %v433)
  %v437 = call float @llvm.fma.f32(float %v435, float 0xBEB7F7D1C0000000, float %v436)
  %v438 = call float @llvm.fma.f32(float 0x3F56B918E0000000, float %v437, float 0x3F81226980000000)
  %v439 = call float @llvm.fma.f32(float %v438, float %v437, float 0x3FA5556FC0000000)
  %v440 = call float @llvm.fma.f32(float %v439, float %v437, float 0x3FC5554B20000000)
  %v441 = call float @llvm.fma.f32(float %v440, float %v437, float 0x3FDFFFFFE0000000)
  %v442 = call float @llvm.fma.f32(float %v441, float %v437, float 0x3FF0000000000000)
  %v443 = call float @llvm.fma.f32(float %v442, float %v437, float 0x3FF0000000000000)
  %v444 = fadd float %v435, 0x4168000000000000
  %v445 = bitcast float %v444 to i32
  %v446 = ashr i32 %v445, 1
  %v447 = shl i32 %v446, 23
  %v448 = shl i32 %v445, 23
  %v449 = sub i32 %v448, %v447
  %v450 = add i32 %v447, 1065353216
  %v451 = bitcast i32 %v450 to float
  %v452 = fmul float %v443, %v451
  %v453 = add i32 %v449, 1065353216
  %v454 = bitcast i32 %v453 to float
  %v455 = fmul float %v452, %v454
  %v456 = fadd float %v400, %v455
  %v457 = fsub float %v425, %v396
  %v458 = fcmp olt float %v457, 0xC05A000000000000
  %v459 = bitcast float %v457 to i32
  %v460 = select i1 %v458, i32 %v430, i32 %v459
  %v461 = bitcast i32 %v460 to float
  %v462 = call float @llvm.fma.f32(float %v461, float 0x3FF7154760000000, float 0x4168000000000000)
  %v463 = fsub float %v462, 0x4168000000000000
  %v464 = call float @llvm.fma.f32(float %v463, float 0xBFE62E4000000000, float %v461)
  %v465 = call float @llvm.fma.f32(float %v463, float 0xBEB7F7D1C0000000, float %v464)
  %v466 = call float @llvm.fma.f32(float 0x3F56B918E0000000, float %v465, float 0x3F81226980000000)
  %v467 = call float @llvm.fma.f32(float %v466, float %v465, float 0x3FA5556FC0000000)
  %v468 = call float @llvm.fma.f32(float %v467, float %v465, float 0x3FC5554B20000000)
  %v469 = call float @llvm.fma.f32(float %v468, float %v465, float 0x3FDFFFFFE0000000)
  %v470 = call float @llvm.fma.f32(float %v469, float %v465, float 0x3FF0000000000000)
  %v471 = call float @llvm.fma.f32(float %v470, float %v465, float 0x3FF0000000000000)
  %v472 = fadd float %v463, 0x4168000000000000
  %v473 = bitcast float %v472 to i32
  %v474 = ashr i32 %v473, 1
  %v475 = shl i32 %v474, 23
  %v476 = shl i32 %v473, 23
  %v477 = sub i32 %v476, %v475
  %v478 = add i32 %v475, 1065353216
  %v479 = bitcast i32 %v478 to float
  %v480 = fmul float %v471, %v479
  %v481 = add i32 %v477, 1065353216
  %v482 = bitcast i32 %v481 to float
  %v483 = fmul float %v480, %v482
  %v484 = fadd float %v401, %v483
  %v485 = fsub float %v426, %v396
  %v486 = fcmp olt float %v485, 0xC05A000000000000
  %v487 = bitcast float %v485 to i32
  %v488 = select i1 %v486, i32 %v430, i32 %v487
  %v489 = bitcast i32 %v488 to float
  %v490 = call float @llvm.fma.f32(float %v489, float 0x3FF7154760000000, float 0x4168000000000000)
  %v491 = fsub float %v490, 0x4168000000000000
  %v492 = call float @llvm.fma.f32(float %v491, float 0xBFE62E4000000000, float %v489)
  %v493 = call float @llvm.fma.f32(float %v491, float 0xBEB7F7D1C0000000, float %v492)
  %v494 = call float @llvm.fma.f32(float 0x3F56B918E0000000, float %v493, float 0x3F81226980000000)
  %v495 = call float @llvm.fma.f32(float %v494, float %v493, float 0x3FA5556FC0000000)
  %v496 = call float @llvm.fma.f32(float %v495, float %v493, float 0x3FC5554B20000000)
  %v497 = call float @llvm.fma.f32(float %v496, float %v493, float 0x3FDFFFFFE0000000)
  %v498 = call float @llvm.fma.f32(float %v497, float %v493, float 0x3FF0000000000000)
  %v499 = call float @llvm.fma.f32(float %v498, float %v493, float 0x3FF0000000000000)
  %v500 = fadd float %v491, 0x4168000000000000
  %v501 = bitcast float %v500 to i32
  %v502 = ashr i32 %v501, 1
  %v503 = shl i32 %v502, 23
  %v504 = shl i32 %v501, 23
  %v505 = sub i32 %v504, %v503
  %v506 = add i32 %v503, 1065353216
  %v507 = bitcast i32 %v506 to float
  %v508 = fmul float %v499, %v507
  %v509 = add i32 %v505, 1065353216
  %v510 = bitcast i32 %v509 to float
  %v511 = fmul float %v508, %v510
  %v512 = fadd float %v402, %v511
  %v513 = fsub float %v427, %v396
  %v514 = fcmp olt float %v513, 0xC05A000000000000
  %v515 = bitcast float %v513 to i32
  %v516 = select i1 %v514, i32 %v430, i32 %v515
  %v517 = bitcast i32 %v516 to float
  %v518 = call float @llvm.fma.f32(float %v517, float 0x3FF7154760000000, float 0x4168000000000000)
  %v519 = fsub float %v518, 0x4168000000000000
  %v520 = call float @llvm.fma.f32(float %v519, float 0xBFE62E4000000000, float %v517)
  %v521 = call float @llvm.fma.f32(float %v519, float 0xBEB7F7D1C0000000, float %v520)
  %v522 = call float @llvm.fma.f32(float 0x3F56B918E0000000, float %v521, float 0x3F81226980000000)
  %v523 = call float @llvm.fma.f32(float %v522, float %v521, float 0x3FA5556FC0000000)
  %v524 = call float @llvm.fma.f32(float %v523, float %v521, float 0x3FC5554B20000000)
  %v525 = call float @llvm.fma.f32(float %v524, float %v521, float 0x3FDFFFFFE0000000)
  %v526 = call float @llvm.fma.f32(float %v525, float %v521, float 0x3FF0000000000000)
  %v527 = call float @llvm.fma.f32(float %v526, float %v521, float 0x3FF0000000000000)
  %v528 = fadd float %v519, 0x4168000000000000
  %v529 = bitcast float %v528 to i32
  %v530 = ashr i32 %v529, 1
  %v531 = shl i32 %v530, 23
  %v532 = shl i32 %v529, 23
  %v533 = sub i32 %v532, %v531
  %v534 = add i32 %v531, 1065353216
  %v535 = bitcast i32 %v534 to float
  %v536 = fmul float %v527, %v535
  %v537 = add i32 %v533, 1065353216
  %v538 = bitcast i32 %v537 to float
  %v539 = fmul float %v536, %v538
  %v540 = fadd float %v403, %v539
  br i1 %v29, label %then30, label %after31
then30:
  %v541 = getelementptr float, ptr addrspace(1) %v398, i64 %v405
  %v542 = insertelement <4 x float> poison, float %v455, i64 0
  %v543 = insertelement <4 x float> %v542, float %v483, i64 1
  %v544 = insertelement <4 x float> %v543, float %v511, i64 2
  %v545 = insertelement <4 x float> %v544, float %v539, i64 3
  store <4 x float> %v545, ptr addrspace(1) %v541, align 16
  br label %after31
after31:
  br i1 %v109, label %then32, label %after33
then32:
  %v546 = getelementptr float, ptr addrspace(1) %v398, i64 %v405
  store float %v455, ptr addrspace(1) %v546, align 4
  %v547 = getelementptr float, ptr addrspace(1) %v546, i64 1
  store float %v483, ptr addrspace(1) %v547, align 4
  %v548 = getelementptr float, ptr addrspace(1) %v546, i64 2
  store float %v511, ptr addrspace(1) %v548, align 4
  %v549 = getelementptr float, ptr addrspace(1) %v546, i64 3
  store float %v539, ptr addrspace(1) %v549, align 4
  br label %after33
after33:
  br label %loop24
after34:
  %v551 = phi i64 [ %v399, %loop24 ]
  %v552 = phi float [ %v400, %loop24 ]
  %v553 = phi float [ %v401, %loop24 ]
  %v554 = phi float [ %v402, %loop24 ]
  %v555 = phi float [ %v403, %loop24 ]
  %v556 = fadd float %v552, %v553
  %v557 = fadd float %v554, %v555
  %v558 = fadd float %v556, %v557
  br label %loop35
loop35:
  %v559 = phi i64 [ %v300, %after34 ], [ %v593, %body36 ]
  %v560 = phi float [ %v558, %after34 ], [ %v591, %body36 ]
  %v561 = icmp slt i64 %v559, %v6
  br i1 %v561, label %body36, label %after37
body36:
  %v562 = getelementptr float, ptr addrspace(1) %v47, i64 %v559
  %v563 = load float, ptr addrspace(1) %v562, align 4
  %v564 = fsub float %v563, %v396
  %v565 = fcmp olt float %v564, 0xC05A000000000000
  %v566 = bitcast float %v564 to i32
  %v567 = select i1 %v565, i32 %v430, i32 %v566
  %v568 = bitcast i32 %v567 to float
  %v569 = call float @llvm.fma.f32(float %v568, float 0x3FF7154760000000, float 0x4168000000000000)
  %v570 = fsub float %v569, 0x4168000000000000
  %v571 = call float @llvm.fma.f32(float %v570, float 0xBFE62E4000000000, float %v568)
  %v572 = call float @llvm.fma.f32(float %v570, float 0xBEB7F7D1C0000000, float %v571)
  %v573 = call float @llvm.fma.f32(float 0x3F56B918E0000000, float %v572, float 0x3F81226980000000)
  %v574 = call float @llvm.fma.f32(float %v573, float %v572, float 0x3FA5556FC0000000)
  %v575 = call float @llvm.fma.f32(float %v574, float %v572, float 0x3FC5554B20000000)
  %v576 = call float @llvm.fma.f32(float %v575, float %v572, float 0x3FDFFFFFE0000000)
  %v577 = call float @llvm.fma.f32(float %v576, float %v572, float 0x3FF0000000000000)
  %v578 = call float @llvm.fma.f32(float %v577, float %v572, float 0x3FF0000000000000)
  %v579 = fadd float %v570, 0x4168000000000000
  %v580 = bitcast float %v579 to i32
  %v581 = ashr i32 %v580, 1
  %v582 = shl i32 %v581, 23
  %v583 = shl i32 %v580, 23
  %v584 = sub i32 %v583, %v582
  %v585 = add i32 %v582, 1065353216
  %v586 = bitcast i32 %v585 to float
  %v587 = fmul float %v578, %v586
  %v588 = add i32 %v584, 1065353216
  %v589 = bitcast i32 %v588 to float
  %v590 = fmul float %v587, %v589
  %v591 = fadd float %v560, %v590
  %v592 = getelementptr float, ptr addrspace(1) %v398, i64 %v559
  store float %v590, ptr addrspace(1) %v592, align 4
  %v593 = add i64 %v559, %v9
  br label %loop35
after37:
  %v594 = phi i64 [ %v559, %loop35 ]
  %v595 = phi float [ %v560, %loop35 ]
  %v596 = bitcast float %v595 to i32
  %v597 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v596, i32 16, i32 31)
  %v598 = bitcast i32 %v597 to float
  %v599 = fadd float %v595, %v598
  %v600 = bitcast float %v599 to i32
  %v601 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v600, i32 8, i32 31)
  %v602 = bitcast i32 %v601 to float
  %v603 = fadd float %v599, %v602
  %v604 = bitcast float %v603 to i32
  %v605 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v604, i32 4, i32 31)
  %v606 = bitcast i32 %v605 to float
  %v607 = fadd float %v603, %v606
  %v608 = bitcast float %v607 to i32
  %v609 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v608, i32 2, i32 31)
  %v610 = bitcast i32 %v609 to float
  %v611 = fadd float %v607, %v610
  %v612 = bitcast float %v611 to i32
  %v613 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v612, i32 1, i32 31)
  %v614 = bitcast i32 %v613 to float
  %v615 = fadd float %v611, %v614
  %v616 = bitcast float %v615 to i32
  %v617 = call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 -1, i32 %v616, i32 0, i32 31)
  %v618 = bitcast i32 %v617 to float
  br i1 %v7, label %then38, label %after41
then38:
  %v619 = icmp eq i64 %v3, 0
  %v621 = and i64 %v3, 7
  %v622 = getelementptr float, ptr addrspace(3) @s0, i64 %v621
  br i1 %v619, label %then39, label %after40
then39:
  %v620 = getelementptr float, ptr addrspace(3) @s0, i64 %v4
  store float %v615, ptr addrspace(3) %v620
  br label %after40
after40:
  call void @llvm.nvvm.barrier0()
  %v623 = load float, ptr addrspace(3) %v622
  %v624 = bitcast float %v623 to i32
  %v625 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v624, i32 4, i32 31)
  %v626 = bitcast i32 %v625 to float
  %v627 = fadd float %v623, %v626
  %v628 = bitcast float %v627 to i32
  %v629 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v628, i32 2, i32 31)
  %v630 = bitcast i32 %v629 to float
  %v631 = fadd float %v627, %v630
  %v632 = bitcast float %v631 to i32
  %v633 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v632, i32 1, i32 31)
  %v634 = bitcast i32 %v633 to float
  %v635 = fadd float %v631, %v634
  %v636 = bitcast float %v635 to i32
  %v637 = call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 -1, i32 %v636, i32 0, i32 31)
  %v638 = bitcast i32 %v637 to float
  call void @llvm.nvvm.barrier0()
  br label %after41
after41:
  %v639 = phi float [ %v638, %after40 ], [ %v618, %after37 ]
  %v640 = fdiv float 0x3FF0000000000000, %v639
  br label %loop42
loop42:
  %v641 = phi i64 [ %v8, %after41 ], [ %v790, %after51 ]
  %v642 = icmp slt i64 %v641, %v53
  br i1 %v642, label %body43, label %after52
body43:
  %v643 = mul i64 %v641, 4
  %v644 = add i64 %v641, %v9
  %v645 = mul i64 %v644, 4
  %v646 = add i64 %v641, %v63
  %v647 = mul i64 %v646, 4
  %v648 = add i64 %v641, %v66
  %v649 = mul i64 %v648, 4
  %v790 = add i64 %v641, %v50
  br i1 %v29, label %then44, label %after45
then44:
  %v650 = getelementptr float, ptr addrspace(1) %v398, i64 %v643
  %v651 = load <4 x float>, ptr addrspace(1) %v650, align 16
  %v652 = extractelement <4 x float> %v651, i64 0
  %v653 = extractelement <4 x float> %v651, i64 1
  %v654 = extractelement <4 x float> %v651, i64 2
  %v655 = extractelement <4 x float> %v651, i64 3
  %v656 = getelementptr float, ptr addrspace(1) %v398, i64 %v645
  %v657 = load <4 x float>, ptr addrspace(1) %v656, align 16
  %v658 = extractelement <4 x float> %v657, i64 0
  %v659 = extractelement <4 x float> %v657, i64 1
  %v660 = extractelement <4 x float> %v657, i64 2
  %v661 = extractelement <4 x float> %v657, i64 3
  %v662 = getelementptr float, ptr addrspace(1) %v398, i64 %v647
  %v663 = load <4 x float>, ptr addrspace(1) %v662, align 16
  %v664 = extractelement <4 x float> %v663, i64 0
  %v665 = extractelement <4 x float> %v663, i64 1
  %v666 = extractelement <4 x float> %v663, i64 2
  %v667 = extractelement <4 x float> %v663, i64 3
  %v668 = getelementptr float, ptr addrspace(1) %v398, i64 %v649
  %v669 = load <4 x float>, ptr addrspace(1) %v668, align 16
  %v670 = extractelement <4 x float> %v669, i64 0
  %v671 = extractelement <4 x float> %v669, i64 1
  %v672 = extractelement <4 x float> %v669, i64 2
  %v673 = extractelement <4 x float> %v669, i64 3
  br label %after45
after45:
  %v674 = phi float [ %v652, %then44 ], [ 0x0000000000000000, %body43 ]
  %v675 = phi float [ %v653, %then44 ], [ 0x0000000000000000, %body43 ]
  %v676 = phi float [ %v654, %then44 ], [ 0x0000000000000000, %body43 ]
  %v677 = phi float [ %v655, %then44 ], [ 0x0000000000000000, %body43 ]
  %v678 = phi float [ %v658, %then44 ], [ 0x0000000000000000, %body43 ]
  %v679 = phi float [ %v659, %then44 ], [ 0x0000000000000000, %body43 ]
  %v680 = phi float [ %v660, %then44 ], [ 0x0000000000000000, %body43 ]
  %v681 = phi float [ %v661, %then44 ], [ 0x0000000000000000, %body43 ]
  %v682 = phi float [ %v664, %then44 ], [ 0x0000000000000000, %body43 ]
  %v683 = phi float [ %v665, %then44 ], [ 0x0000000000000000, %body43 ]
  %v684 = phi float [ %v666, %then44 ], [ 0x0000000000000000, %body43 ]
  %v685 = phi float [ %v667, %then44 ], [ 0x0000000000000000, %body43 ]
  %v686 = phi float [ %v670, %then44 ], [ 0x0000000000000000, %body43 ]
  %v687 = phi float [ %v671, %then44 ], [ 0x0000000000000000, %body43 ]
  %v688 = phi float [ %v672, %then44 ], [ 0x0000000000000000, %body43 ]
  %v689 = phi float [ %v673, %then44 ], [ 0x0000000000000000, %body43 ]
  br i1 %v109, label %then46, label %after47
then46:
  %v690 = getelementptr float, ptr addrspace(1) %v398, i64 %v643
  %v691 = load float, ptr addrspace(1) %v690, align 4
  %v692 = getelementptr float, ptr addrspace(1) %v398, i64 %v645
  %v693 = load float, ptr addrspace(1) %v692, align 4
  %v694 = getelementptr float, ptr addrspace(1) %v398, i64 %v647
  %v695 = load float, ptr addrspace(1) %v694, align 4
  %v696 = getelementptr float, ptr addrspace(1) %v398, i64 %v649
  %v697 = load float, ptr addrspace(1) %v696, align 4
  %v698 = getelementptr float, ptr addrspace(1) %v690, i64 1
  %v699 = load float, ptr addrspace(1) %v698, align 4
  %v700 = getelementptr float, ptr addrspace(1) %v692, i64 1
  %v701 = load float, ptr addrspace(1) %v700, align 4
  %v702 = getelementptr float, ptr addrspace(1) %v694, i64 1
  %v703 = load float, ptr addrspace(1) %v702, align 4
  %v704 = getelementptr float, ptr addrspace(1) %v696, i64 1
  %v705 = load float, ptr addrspace(1) %v704, align 4
  %v706 = getelementptr float, ptr addrspace(1) %v690, i64 2
  %v707 = load float, ptr addrspace(1) %v706, align 4
  %v708 = getelementptr float, ptr addrspace(1) %v692, i64 2
  %v709 = load float, ptr addrspace(1) %v708, align 4
  %v710 = getelementptr float, ptr addrspace(1) %v694, i64 2
  %v711 = load float, ptr addrspace(1) %v710, align 4
  %v712 = getelementptr float, ptr addrspace(1) %v696, i64 2
  %v713 = load float, ptr addrspace(1) %v712, align 4
  %v714 = getelementptr float, ptr addrspace(1) %v690, i64 3
  %v715 = load float, ptr addrspace(1) %v714, align 4
  %v716 = getelementptr float, ptr addrspace(1) %v692, i64 3
  %v717 = load float, ptr addrspace(1) %v716, align 4
  %v718 = getelementptr float, ptr addrspace(1) %v694, i64 3
  %v719 = load float, ptr addrspace(1) %v718, align 4
  %v720 = getelementptr float, ptr addrspace(1) %v696, i64 3
  %v721 = load float, ptr addrspace(1) %v720, align 4
  br label %after47
after47:
  %v722 = phi float [ %v691, %then46 ], [ %v674, %after45 ]
  %v723 = phi float [ %v699, %then46 ], [ %v675, %after45 ]
  %v724 = phi float [ %v707, %then46 ], [ %v676, %after45 ]
  %v725 = phi float [ %v715, %then46 ], [ %v677, %after45 ]
  %v726 = phi float [ %v693, %then46 ], [ %v678, %after45 ]
  %v727 = phi float [ %v701, %then46 ], [ %v679, %after45 ]
  %v728 = phi float [ %v709, %then46 ], [ %v680, %after45 ]
  %v729 = phi float [ %v717, %then46 ], [ %v681, %after45 ]
  %v730 = phi float [ %v695, %then46 ], [ %v682, %after45 ]
  %v731 = phi float [ %v703, %then46 ], [ %v683, %after45 ]
  %v732 = phi float [ %v711, %then46 ], [ %v684, %after45 ]
  %v733 = phi float [ %v719, %then46 ], [ %v685, %after45 ]
  %v734 = phi float [ %v697, %then46 ], [ %v686, %after45 ]
  %v735 = phi float [ %v705, %then46 ], [ %v687, %after45 ]
  %v736 = phi float [ %v713, %then46 ], [ %v688, %after45 ]
  %v737 = phi float [ %v721, %then46 ], [ %v689, %after45 ]
  %v738 = fmul float %v722, %v640
  %v739 = fmul float %v723, %v640
  %v740 = fmul float %v724, %v640
  %v741 = fmul float %v725, %v640
  %v742 = fmul float %v726, %v640
  %v743 = fmul float %v727, %v640
  %v744 = fmul float %v728, %v640
  %v745 = fmul float %v729, %v640
  %v746 = fmul float %v730, %v640
  %v747 = fmul float %v731, %v640
  %v748 = fmul float %v732, %v640
  %v749 = fmul float %v733, %v640
  %v750 = fmul float %v734, %v640
  %v751 = fmul float %v735, %v640
  %v752 = fmul float %v736, %v640
  %v753 = fmul float %v737, %v640
  br i1 %v29, label %then48, label %after49
then48:
  %v754 = getelementptr float, ptr addrspace(1) %v398, i64 %v643
  %v755 = insertelement <4 x float> poison, float %v738, i64 0
  %v756 = insertelement <4 x float> %v755, float %v739, i64 1
  %v757 = insertelement <4 x float> %v756, float %v740, i64 2
  %v758 = insertelement <4 x float> %v757, float %v741, i64 3
  store <4 x float> %v758, ptr addrspace(1) %v754, align 16
  %v759 = getelementptr float, ptr addrspace(1) %v398, i64 %v645
  %v760 = insertelement <4 x float> poison, float %v742, i64 0
  %v761 = insertelement <4 x float> %v760, float %v743, i64 1
  %v762 = insertelement <4 x float> %v761, float %v744, i64 2
  %v763 = insertelement <4 x float> %v762, float %v745, i64 3
  store <4 x float> %v763, ptr addrspace(1) %v759, align 16
  %v764 = getelementptr float, ptr addrspace(1) %v398, i64 %v647
  %v765 = insertelement <4 x float> poison, float %v746, i64 0
  %v766 = insertelement <4 x float> %v765, float %v747, i64 1
  %v767 = insertelement <4 x float> %v766, float %v748, i64 2
  %v768 = insertelement <4 x float> %v767, float %v749, i64 3
  store <4 x float> %v768, ptr addrspace(1) %v764, align 16
  %v769 = getelementptr float, ptr addrspace(1) %v398, i64 %v649
  %v770 = insertelement <4 x float> poison, float %v750, i64 0
  %v771 = insertelement <4 x float> %v770, float %v751, i64 1
  %v772 = insertelement <4 x float> %v771, float %v752, i64 2
  %v773 = insertelement <4 x float> %v772, float %v753, i64 3
  store <4 x float> %v773, ptr addrspace(1) %v769, align 16
  br label %after49
after49:
  br i1 %v109, label %then50, label %after51
then50:
  %v774 = getelementptr float, ptr addrspace(1) %v398, i64 %v643
  store float %v738, ptr addrspace(1) %v774, align 4
  %v775 = getelementptr float, ptr addrspace(1) %v774, i64 1
  store float %v739, ptr addrspace(1) %v775, align 4
  %v776 = getelementptr float, ptr addrspace(1) %v774, i64 2
  store float %v740, ptr addrspace(1) %v776, align 4
  %v777 = getelementptr float, ptr addrspace(1) %v774, i64 3
  store float %v741, ptr addrspace(1) %v777, align 4
  %v778 = getelementptr float, ptr addrspace(1) %v398, i64 %v645
  store float %v742, ptr addrspace(1) %v778, align 4
  %v779 = getelementptr float, ptr addrspace(1) %v778, i64 1
  store float %v743, ptr addrspace(1) %v779, align 4
  %v780 = getelementptr float, ptr addrspace(1) %v778, i64 2
  store float %v744, ptr addrspace(1) %v780, align 4
  %v781 = getelementptr float, ptr addrspace(1) %v778, i64 3
  store float %v745, ptr addrspace(1) %v781, align 4
  %v782 = getelementptr float, ptr addrspace(1) %v398, i64 %v647
  store float %v746, ptr addrspace(1) %v782, align 4
  %v783 = getelementptr float, ptr addrspace(1) %v782, i64 1
  store float %v747, ptr addrspace(1) %v783, align 4
  %v784 = getelementptr float, ptr addrspace(1) %v782, i64 2
  store float %v748, ptr addrspace(1) %v784, align 4
  %v785 = getelementptr float, ptr addrspace(1) %v782, i64 3
  store float %v749, ptr addrspace(1) %v785, align 4
  %v786 = getelementptr float, ptr addrspace(1) %v398, i64 %v649
  store float %v750, ptr addrspace(1) %v786, align 4
  %v787 = getelementptr float, ptr addrspace(1) %v786, i64 1
  store float %v751, ptr addrspace(1) %v787, align 4
  %v788 = getelementptr float, ptr addrspace(1) %v786, i64 2
  store float %v752, ptr addrspace(1) %v788, align 4
  %v789 = getelementptr float, ptr addrspace(1) %v786, i64 3
  store float %v753, ptr addrspace(1) %v789, align 4
  br label %after51
after51:
  br label %loop42
after52:
  %v791 = phi i64 [ %v641, %loop42 ]
  br label %loop53
loop53:
  %v792 = phi i64 [ %v244, %after52 ], [ %v830, %after62 ]
  %v793 = icmp slt i64 %v792, %v48
  br i1 %v793, label %body54, label %after63
body54:
  %v794 = mul i64 %v792, 4
  %v830 = add i64 %v792, %v9
  br i1 %v29, label %then55, label %after56
then55:
  %v795 = getelementptr float, ptr addrspace(1) %v398, i64 %v794
  %v796 = load <4 x float>, ptr addrspace(1) %v795, align 16
  %v797 = extractelement <4 x float> %v796, i64 0
  %v798 = extractelement <4 x float> %v796, i64 1
  %v799 = extractelement <4 x float> %v796, i64 2
  %v800 = extractelement <4 x float> %v796, i64 3
  br label %after56
after56:
  %v801 = phi float [ %v797, %then55 ], [ 0x0000000000000000, %body54 ]
  %v802 = phi float [ %v798, %then55 ], [ 0x0000000000000000, %body54 ]
  %v803 = phi float [ %v799, %then55 ], [ 0x0000000000000000, %body54 ]
  %v804 = phi float [ %v800, %then55 ], [ 0x0000000000000000, %body54 ]
  br i1 %v109, label %then57, label %after58
then57:
  %v805 = getelementptr float, ptr addrspace(1) %v398, i64 %v794
  %v806 = load float, ptr addrspace(1) %v805, align 4
  %v807 = getelementptr float, ptr addrspace(1) %v805, i64 1
  %v808 = load float, ptr addrspace(1) %v807, align 4
  %v809 = getelementptr float, ptr addrspace(1) %v805, i64 2
  %v810 = load float, ptr addrspace(1) %v809, align 4
  %v811 = getelementptr float, ptr addrspace(1) %v805, i64 3
  %v812 = load float, ptr addrspace(1) %v811, align 4
  br label %after58
after58:
  %v813 = phi float [ %v806, %then57 ], [ %v801, %after56 ]
  %v814 = phi float [ %v808, %then57 ], [ %v802, %after56 ]
  %v815 = phi float [ %v810, %then57 ], [ %v803, %after56 ]
  %v816 = phi float [ %v812, %then57 ], [ %v804, %after56 ]
  %v817 = fmul float %v813, %v640
  %v818 = fmul float %v814, %v640
  %v819 = fmul float %v815, %v640
  %v820 = fmul float %v816, %v640
  br i1 %v29, label %then59, label %after60
then59:
  %v821 = getelementptr float, ptr addrspace(1) %v398, i64 %v794
  %v822 = insertelement <4 x float> poison, float %v817, i64 0
  %v823 = insertelement <4 x float> %v822, float %v818, i64 1
  %v824 = insertelement <4 x float> %v823, float %v819, i64 2
  %v825 = insertelement <4 x float> %v824, float %v820, i64 3
  store <4 x float> %v825, ptr addrspace(1) %v821, align 16
  br label %after60
after60:
  br i1 %v109, label %then61, label %after62
then61:
  %v826 = getelementptr float, ptr addrspace(1) %v398, i64 %v794
  store float %v817, ptr addrspace(1) %v826, align 4
  %v827 = getelementptr float, ptr addrspace(1) %v826, i64 1
  store float %v818, ptr addrspace(1) %v827, align 4
  %v828 = getelementptr float, ptr addrspace(1) %v826, i64 2
  store float %v819, ptr addrspace(1) %v828, align 4
  %v829 = getelementptr float, ptr addrspace(1) %v826, i64 3
  store float %v820, ptr addrspace(1) %v829, align 4
  br label %after62
after62:
  br label %loop53
after63:
  %v831 = phi i64 [ %v792, %loop53 ]
  br label %loop64
loop64:
  %v832 = phi i64 [ %v300, %after63 ], [ %v837, %body65 ]
  %v833 = icmp slt i64 %v832, %v6
  br i1 %v833, label %body65, label %after66
body65:
  %v834 = getelementptr float, ptr addrspace(1) %v398, i64 %v832
  %v835 = load float, ptr addrspace(1) %v834, align 4
  %v836 = fmul float %v835, %v640
  store float %v836, ptr addrspace(1) %v834, align 4
  %v837 = add i64 %v832, %v9
  br label %loop64
after66:
  %v838 = phi i64 [ %v832, %loop64 ]
  br label %loop1
after67:
  %v840 = phi i64 [ %v44, %loop1 ]
  ret void
}
