@s0 = internal addrspace(3) global [8 x float] poison, align 4
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
  %v20 = icmp eq i64 %v19, 0
  %v21 = call i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
  %v22 = zext i32 %v21 to i64
  %v23 = mul i64 %v22, 8
  %v24 = add i64 %v23, %v4
  %v25 = select i1 %v7, i64 %v22, i64 %v24
  %v26 = call i32 @llvm.nvvm.read.ptx.sreg.nctaid.x()
  %v27 = zext i32 %v26 to i64
  %v28 = mul i64 %v27, 8
  %v29 = select i1 %v7, i64 %v27, i64 %v28
  %v30 = getelementptr i64, ptr addrspace(101) %record, i64 0
  %v31 = load i64, ptr addrspace(101) %v30, align 8, !invariant.load !0
  %v32 = add i64 %v31, %v25
  %v33 = getelementptr i64, ptr addrspace(101) %record, i64 1
  %v34 = load i64, ptr addrspace(101) %v33, align 8, !invariant.load !0
  %v39 = ashr i64 %v6, 2
  %v40 = mul i64 %v39, 4
  %v41 = mul i64 %v9, 4
  %v42 = sub i64 %v41, 1
  %v43 = and i64 %v39, %v42
  %v44 = sub i64 %v39, %v43
  %v54 = mul i64 %v9, 2
  %v57 = mul i64 %v9, 3
  %v100 = xor i1 %v20, true
  %v171 = add i64 %v44, %v8
  %v211 = add i64 %v40, %v8
  br label %loop1
loop1:
  %v35 = phi i64 [ %v32, %entry ], [ %v274, %after25 ]
  %v36 = icmp slt i64 %v35, %v34
  br i1 %v36, label %body2, label %after26
body2:
  %v37 = mul i64 %v35, %v15
  %v38 = getelementptr i8, ptr addrspace(1) %v12, i64 %v37
  %v274 = add i64 %v35, %v29
  br label %loop3
loop3:
  %v45 = phi i64 [ %v8, %body2 ], [ %v165, %after8 ]
  %v46 = phi float [ 0x0000000000000000, %body2 ], [ %v161, %after8 ]
  %v47 = phi float [ 0x0000000000000000, %body2 ], [ %v162, %after8 ]
  %v48 = phi float [ 0x0000000000000000, %body2 ], [ %v163, %after8 ]
  %v49 = phi float [ 0x0000000000000000, %body2 ], [ %v164, %after8 ]
  %v50 = icmp slt i64 %v45, %v44
  br i1 %v50, label %body4, label %after9
body4:
  %v51 = mul i64 %v45, 4
  %v52 = add i64 %v45, %v9
  %v53 = mul i64 %v52, 4
  %v55 = add i64 %v45, %v54
  %v56 = mul i64 %v55, 4
  %v58 = add i64 %v45, %v57
  %v59 = mul i64 %v58, 4
  %v165 = add i64 %v45, %v41
  br i1 %v20, label %then5, label %after6
then5:
  %v60 = getelementptr float, ptr addrspace(1) %v38, i64 %v51
  %v61 = load <4 x float>, ptr addrspace(1) %v60, align 16
  %v62 = extractelement <4 x float> %v61, i64 0
  %v63 = extractelement <4 x float> %v61, i64 1
  %v64 = extractelement <4 x float> %v61, i64 2
  %v65 = extractelement <4 x float> %v61, i64 3
  %v66 = getelementptr float, ptr addrspace(1) %v38, i64 %v53
  %v67 = load <4 x float>, ptr addrspace(1) %v66, align 16
  %v68 = extractelement <4 x float> %v67, i64 0
  %v69 = extractelement <4 x float> %v67, i64 1
  %v70 = extractelement <4 x float> %v67, i64 2
  %v71 = extractelement <4 x float> %v67, i64 3
  %v72 = getelementptr float, ptr addrspace(1) %v38, i64 %v56
  %v73 = load <4 x float>, ptr addrspace(1) %v72, align 16
  %v74 = extractelement <4 x float> %v73, i64 0
  %v75 = extractelement <4 x float> %v73, i64 1
  %v76 = extractelement <4 x float> %v73, i64 2
  %v77 = extractelement <4 x float> %v73, i64 3
  %v78 = getelementptr float, ptr addrspace(1) %v38, i64 %v59
  %v79 = load <4 x float>, ptr addrspace(1) %v78, align 16
  %v80 = extractelement <4 x float> %v79, i64 0
  %v81 = extractelement <4 x float> %v79, i64 1
  %v82 = extractelement <4 x float> %v79, i64 2
  %v83 = extractelement <4 x float> %v79, i64 3
  br label %after6
after6:
  %v84 = phi float [ %v62, %then5 ], [ 0x0000000000000000, %body4 ]
  %v85 = phi float [ %v63, %then5 ], [ 0x0000000000000000, %body4 ]
  %v86 = phi float [ %v64, %then5 ], [ 0x0000000000000000, %body4 ]
  %v87 = phi float [ %v65, %then5 ], [ 0x0000000000000000, %body4 ]
  %v88 = phi float [ %v68, %then5 ], [ 0x0000000000000000, %body4 ]
  %v89 = phi float [ %v69, %then5 ], [ 0x0000000000000000, %body4 ]
  %v90 = phi float [ %v70, %then5 ], [ 0x0000000000000000, %body4 ]
  %v91 = phi float [ %v71, %then5 ], [ 0x0000000000000000, %body4 ]
  %v92 = phi float [ %v74, %then5 ], [ 0x0000000000000000, %body4 ]
  %v93 = phi float [ %v75, %then5 ], [ 0x0000000000000000, %body4 ]
  %v94 = phi float [ %v76, %then5 ], [ 0x0000000000000000, %body4 ]
  %v95 = phi float [ %v77, %then5 ], [ 0x0000000000000000, %body4 ]
  %v96 = phi float [ %v80, %then5 ], [ 0x0000000000000000, %body4 ]
  %v97 = phi float [ %v81, %then5 ], [ 0x0000000000000000, %body4 ]
  %v98 = phi float [ %v82, %then5 ], [ 0x0000000000000000, %body4 ]
  %v99 = phi float [ %v83, %then5 ], [ 0x0000000000000000, %body4 ]
  br i1 %v100, label %then7, label %after8
then7:
  %v101 = getelementptr float, ptr addrspace(1) %v38, i64 %v51
  %v102 = load float, ptr addrspace(1) %v101, align 4
  %v103 = getelementptr float, ptr addrspace(1) %v38, i64 %v53
  %v104 = load float, ptr addrspace(1) %v103, align 4
  %v105 = getelementptr float, ptr addrspace(1) %v38, i64 %v56
  %v106 = load float, ptr addrspace(1) %v105, align 4
  %v107 = getelementptr float, ptr addrspace(1) %v38, i64 %v59
  %v108 = load float, ptr addrspace(1) %v107, align 4
  %v109 = getelementptr float, ptr addrspace(1) %v101, i64 1
  %v110 = load float, ptr addrspace(1) %v109, align 4
  %v111 = getelementptr float, ptr addrspace(1) %v103, i64 1
  %v112 = load float, ptr addrspace(1) %v111, align 4
  %v113 = getelementptr float, ptr addrspace(1) %v105, i64 1
  %v114 = load float, ptr addrspace(1) %v113, align 4
  %v115 = getelementptr float, ptr addrspace(1) %v107, i64 1
  %v116 = load float, ptr addrspace(1) %v115, align 4
  %v117 = getelementptr float, ptr addrspace(1) %v101, i64 2
  %v118 = load float, ptr addrspace(1) %v117, align 4
  %v119 = getelementptr float, ptr addrspace(1) %v103, i64 2
  %v120 = load float, ptr addrspace(1) %v119, align 4
  %v121 = getelementptr float, ptr addrspace(1) %v105, i64 2
  %v122 = load float, ptr addrspace(1) %v121, align 4
  %v123 = getelementptr float, ptr addrspace(1) %v107, i64 2
  %v124 = load float, ptr addrspace(1) %v123, align 4
  %v125 = getelementptr float, ptr addrspace(1) %v101, i64 3
  %v126 = load float, ptr addrspace(1) %v125, align 4
  %v127 = getelementptr float, ptr addrspace(1) %v103, i64 3
  %v128 = load float, ptr addrspace(1) %v127, align 4
  %v129 = getelementptr float, ptr addrspace(1) %v105, i64 3
  %v130 = load float, ptr addrspace(1) %v129, align 4
  %v131 = getelementptr float, ptr addrspace(1) %v107, i64 3
  %v132 = load float, ptr addrspace(1) %v131, align 4
  br label %after8
after8:
  %v133 = phi float [ %v102, %then7 ], [ %v84, %after6 ]
  %v134 = phi float [ %v110, %then7 ], [ %v85, %after6 ]
  %v135 = phi float [ %v118, %then7 ], [ %v86, %after6 ]
  %v136 = phi float [ %v126, %then7 ], [ %v87, %after6 ]
  %v137 = phi float [ %v104, %then7 ], [ %v88, %after6 ]
  %v138 = phi float [ %v112, %then7 ], [ %v89, %after6 ]
  %v139 = phi float [ %v120, %then7 ], [ %v90, %after6 ]
  %v140 = phi float [ %v128, %then7 ], [ %v91, %after6 ]
  %v141 = phi float [ %v106, %then7 ], [ %v92, %after6 ]
  %v142 = phi float [ %v114, %then7 ], [ %v93, %after6 ]
  %v143 = phi float [ %v122, %then7 ], [ %v94, %after6 ]
  %v144 = phi float [ %v130, %then7 ], [ %v95, %after6 ]
  %v145 = phi float [ %v108, %then7 ], [ %v96, %after6 ]
  %v146 = phi float [ %v116, %then7 ], [ %v97, %after6 ]
  %v147 = phi float [ %v124, %then7 ], [ %v98, %after6 ]
  %v148 = phi float [ %v132, %then7 ], [ %v99, %after6 ]
  %v149 = fadd float %v46, %v133
  %v150 = fadd float %v47, %v134
  %v151 = fadd float %v48, %v135
  %v152 = fadd float %v49, %v136
  %v153 = fadd float %v149, %v137
  %v154 = fadd float %v150, %v138
  %v155 = fadd float %v151, %v139
  %v156 = fadd float %v152, %v140
  %v157 = fadd float %v153, %v141
  %v158 = fadd float %v154, %v142
  %v159 = fadd float %v155, %v143
  %v160 = fadd float %v156, %v144
  %v161 = fadd float %v157, %v145
  %v162 = fadd float %v158, %v146
  %v163 = fadd float %v159, %v147
  %v164 = fadd float %v160, %v148
  br label %loop3
after9:
  %v166 = phi i64 [ %v45, %loop3 ]
  %v167 = phi float [ %v46, %loop3 ]
  %v168 = phi float [ %v47, %loop3 ]
  %v169 = phi float [ %v48, %loop3 ]
  %v170 = phi float [ %v49, %loop3 ]
  br label %loop10
loop10:
  %v172 = phi i64 [ %v171, %after9 ], [ %v205, %after15 ]
  %v173 = phi float [ %v167, %after9 ], [ %v201, %after15 ]
  %v174 = phi float [ %v168, %after9 ], [ %v202, %after15 ]
  %v175 = phi float [ %v169, %after9 ], [ %v203, %after15 ]
  %v176 = phi float [ %v170, %after9 ], [ %v204, %after15 ]
  %v177 = icmp slt i64 %v172, %v39
  br i1 %v177, label %body11, label %after16
body11:
  %v178 = mul i64 %v172, 4
  %v205 = add i64 %v172, %v9
  br i1 %v20, label %then12, label %after13
then12:
  %v179 = getelementptr float, ptr addrspace(1) %v38, i64 %v178
  %v180 = load <4 x float>, ptr addrspace(1) %v179, align 16
  %v181 = extractelement <4 x float> %v180, i64 0
  %v182 = extractelement <4 x float> %v180, i64 1
  %v183 = extractelement <4 x float> %v180, i64 2
  %v184 = extractelement <4 x float> %v180, i64 3
  br label %after13
after13:
  %v185 = phi float [ %v181, %then12 ], [ 0x0000000000000000, %body11 ]
  %v186 = phi float [ %v182, %then12 ], [ 0x0000000000000000, %body11 ]
  %v187 = phi float [ %v183, %then12 ], [ 0x0000000000000000, %body11 ]
  %v188 = phi float [ %v184, %then12 ], [ 0x0000000000000000, %body11 ]
  br i1 %v100, label %then14, label %after15
then14:
  %v189 = getelementptr float, ptr addrspace(1) %v38, i64 %v178
  %v190 = load float, ptr addrspace(1) %v189, align 4
  %v191 = getelementptr float, ptr addrspace(1) %v189, i64 1
  %v192 = load float, ptr addrspace(1) %v191, align 4
  %v193 = getelementptr float, ptr addrspace(1) %v189, i64 2
  %v194 = load float, ptr addrspace(1) %v193, align 4
  %v195 = getelementptr float, ptr addrspace(1) %v189, i64 3
  %v196 = load float, ptr addrspace(1) %v195, align 4
  br label %after15
after15:
  %v197 = phi float [ %v190, %then14 ], [ %v185, %after13 ]
  %v198 = phi float [ %v192, %then14 ], [ %v186, %after13 ]
  %v199 = phi float [ %v194, %then14 ], [ %v187, %after13 ]
  %v200 = phi float [ %v196, %then14 ], [ %v188, %after13 ]
  %v201 = fadd float %v173, %v197
  %v202 = fadd float %v174, %v198
  %v203 = fadd float %v175, %v199
  %v204 = fadd float %v176, %v200
  br label %loop10
after16:
  %v206 = phi i64 [ %v172, %loop10 ]
  %v207 = phi float [ %v173, %loop10 ]
  %v208 = phi float [ %v174, %loop10 ]
  %v209 = phi float [ %v175, %loop10 ]
  %v210 = phi float [ %v176, %loop10 ]
  %v212 = fadd float %v207, %v208
  %v213 = fadd float %v209, %v210
  %v214 = fadd float %v212, %v213
  br label %loop17
loop17:
  %v215 = phi i64 [ %v211, %after16 ], [ %v221, %body18 ]
  %v216 = phi float [ %v214, %after16 ], [ %v220, %body18 ]
  %v217 = icmp slt i64 %v215, %v6
  br i1 %v217, label %body18, label %after19
body18:
  %v218 = getelementptr float, ptr addrspace(1) %v38, i64 %v215
  %v219 = load float, ptr addrspace(1) %v218, align 4
  %v220 = fadd float %v216, %v219
  %v221 = add i64 %v215, %v9
  br label %loop17
after19:
  %v222 = phi i64 [ %v215, %loop17 ]
  %v223 = phi float [ %v216, %loop17 ]
  %v224 = bitcast float %v223 to i32
  %v225 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v224, i32 16, i32 31)
  %v226 = bitcast i32 %v225 to float
  %v227 = fadd float %v223, %v226
  %v228 = bitcast float %v227 to i32
  %v229 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v228, i32 8, i32 31)
  %v230 = bitcast i32 %v229 to float
  %v231 = fadd float %v227, %v230
  %v232 = bitcast float %v231 to i32
  %v233 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v232, i32 4, i32 31)
  %v234 = bitcast i32 %v233 to float
  %v235 = fadd float %v231, %v234
  %v236 = bitcast float %v235 to i32
  %v237 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v236, i32 2, i32 31)
  %v238 = bitcast i32 %v237 to float
  %v239 = fadd float %v235, %v238
  %v240 = bitcast float %v239 to i32
  %v241 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v240, i32 1, i32 31)
  %v242 = bitcast i32 %v241 to float
  %v243 = fadd float %v239, %v242
  %v244 = bitcast float %v243 to i32
  %v245 = call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 -1, i32 %v244, i32 0, i32 31)
  %v246 = bitcast i32 %v245 to float
  br i1 %v7, label %then20, label %after23
then20:
  %v247 = icmp eq i64 %v3, 0
  %v249 = and i64 %v3, 7
  %v250 = getelementptr float, ptr addrspace(3) @s0, i64 %v249
  br i1 %v247, label %then21, label %after22
then21:
  %v248 = getelementptr float, ptr addrspace(3) @s0, i64 %v4
  store float %v243, ptr addrspace(3) %v248
  br label %after22
after22:
  call void @llvm.nvvm.barrier0()
  %v251 = load float, ptr addrspace(3) %v250
  %v252 = bitcast float %v251 to i32
  %v253 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v252, i32 4, i32 31)
  %v254 = bitcast i32 %v253 to float
  %v255 = fadd float %v251, %v254
  %v256 = bitcast float %v255 to i32
  %v257 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v256, i32 2, i32 31)
  %v258 = bitcast i32 %v257 to float
  %v259 = fadd float %v255, %v258
  %v260 = bitcast float %v259 to i32
  %v261 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v260, i32 1, i32 31)
  %v262 = bitcast i32 %v261 to float
  %v263 = fadd float %v259, %v262
  %v264 = bitcast float %v263 to i32
  %v265 = call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 -1, i32 %v264, i32 0, i32 31)
  %v266 = bitcast i32 %v265 to float
  call void @llvm.nvvm.barrier0()
  br label %after23
after23:
  %v267 = phi float [ %v266, %after22 ], [ %v246, %after19 ]
  br i1 %v10, label %then24, label %after25
then24:
  %v268 = getelementptr i64, ptr addrspace(101) %record, i64 3
  %v269 = load ptr addrspace(1), ptr addrspace(101) %v268, align 8, !invariant.load !0
  %v270 = getelementptr i64, ptr addrspace(101) %record, i64 8
  %v271 = load i64, ptr addrspace(101) %v270, align 8, !invariant.load !0
  %v272 = mul i64 %v35, %v271
  %v273 = getelementptr i8, ptr addrspace(1) %v269, i64 %v272
  store float %v267, ptr addrspace(1) %v273, align 4
  br label %after25
after25:
  br label %loop1
after26:
  %v275 = phi i64 [ %v35, %loop1 ]
  ret void
}
