@s0 = internal addrspace(3) global [256 x float] poison, align 4
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
  %v7 = icmp sge i64 %v6, 32
  %v8 = select i1 %v7, i64 %v4, i64 0
  %v9 = select i1 %v7, i64 8, i64 1
  %v10 = icmp eq i64 %v8, 0
  %v11 = getelementptr i64, ptr addrspace(101) %record, i64 1
  %v12 = load i64, ptr addrspace(101) %v11, align 8, !invariant.load !0
  %v13 = select i1 %v7, i64 32, i64 256
  %v14 = select i1 %v7, i64 %v3, i64 %v2
  %v15 = getelementptr i64, ptr addrspace(101) %record, i64 0
  %v16 = load i64, ptr addrspace(101) %v15, align 8, !invariant.load !0
  %v17 = call i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
  %v18 = zext i32 %v17 to i64
  %v19 = mul i64 %v18, %v13
  %v20 = add i64 %v16, %v19
  %v21 = call i32 @llvm.nvvm.read.ptx.sreg.nctaid.x()
  %v22 = zext i32 %v21 to i64
  %v23 = mul i64 %v22, %v13
  %v28 = sub i64 %v12, 1
  %v31 = mul i64 %v9, 4
  %v32 = sub i64 %v31, 1
  %v42 = mul i64 %v9, 2
  %v44 = mul i64 %v9, 3
  %v46 = getelementptr i64, ptr addrspace(101) %record, i64 2
  %v47 = load ptr addrspace(1), ptr addrspace(101) %v46, align 8, !invariant.load !0
  %v49 = getelementptr i64, ptr addrspace(101) %record, i64 7
  %v50 = load i64, ptr addrspace(101) %v49, align 8, !invariant.load !0
  br label %loop1
loop1:
  %v24 = phi i64 [ %v20, %entry ], [ %v243, %after12 ]
  %v25 = icmp slt i64 %v24, %v12
  br i1 %v25, label %body2, label %after13
body2:
  %v26 = add i64 %v24, %v14
  %v27 = icmp slt i64 %v26, %v12
  %v29 = select i1 %v27, i64 %v26, i64 %v28
  %v30 = select i1 %v27, i64 %v6, i64 0
  %v33 = and i64 %v30, %v32
  %v34 = sub i64 %v30, %v33
  %v48 = getelementptr float, ptr addrspace(1) %v47, i64 %v29
  %v132 = add i64 %v34, %v8
  %v239 = and i1 %v10, %v27
  %v243 = add i64 %v24, %v23
  br label %loop3
loop3:
  %v35 = phi i64 [ %v8, %body2 ], [ %v99, %body4 ]
  %v36 = phi float [ 0xFFF0000000000000, %body2 ], [ %v71, %body4 ]
  %v37 = phi float [ 0xFFF0000000000000, %body2 ], [ %v80, %body4 ]
  %v38 = phi float [ 0xFFF0000000000000, %body2 ], [ %v89, %body4 ]
  %v39 = phi float [ 0xFFF0000000000000, %body2 ], [ %v98, %body4 ]
  %v40 = icmp slt i64 %v35, %v34
  br i1 %v40, label %body4, label %after5
body4:
  %v41 = add i64 %v35, %v9
  %v43 = add i64 %v35, %v42
  %v45 = add i64 %v35, %v44
  %v51 = mul i64 %v35, %v50
  %v52 = getelementptr i8, ptr addrspace(1) %v48, i64 %v51
  %v53 = load float, ptr addrspace(1) %v52, align 4
  %v54 = mul i64 %v41, %v50
  %v55 = getelementptr i8, ptr addrspace(1) %v48, i64 %v54
  %v56 = load float, ptr addrspace(1) %v55, align 4
  %v57 = mul i64 %v43, %v50
  %v58 = getelementptr i8, ptr addrspace(1) %v48, i64 %v57
  %v59 = load float, ptr addrspace(1) %v58, align 4
  %v60 = mul i64 %v45, %v50
  %v61 = getelementptr i8, ptr addrspace(1) %v48, i64 %v60
  %v62 = load float, ptr addrspace(1) %v61, align 4
  %v63 = fcmp ogt float %v53, %v36
  %v64 = bitcast float %v53 to i32
  %v65 = bitcast float %v36 to i32
  %v66 = select i1 %v63, i32 %v64, i32 %v65
  %v67 = bitcast i32 %v66 to float
  %v68 = fcmp une float %v53, %v53
  %v69 = bitcast float %v67 to i32
  %v70 = select i1 %v68, i32 %v64, i32 %v69
  %v71 = bitcast i32 %v70 to float
  %v72 = fcmp ogt float %v56, %v37
  %v73 = bitcast float %v56 to i32
  %v74 = bitcast float %v37 to i32
  %v75 = select i1 %v72, i32 %v73, i32 %v74
  %v76 = bitcast i32 %v75 to float
  %v77 = fcmp une float %v56, %v56
  %v78 = bitcast float %v76 to i32
  %v79 = select i1 %v77, i32 %v73, i32 %v78
  %v80 = bitcast i32 %v79 to float
  %v81 = fcmp ogt float %v59, %v38
  %v82 = bitcast float %v59 to i32
  %v83 = bitcast float %v38 to i32
  %v84 = select i1 %v81, i32 %v82, i32 %v83
  %v85 = bitcast i32 %v84 to float
  %v86 = fcmp une float %v59, %v59
  %v87 = bitcast float %v85 to i32
  %v88 = select i1 %v86, i32 %v82, i32 %v87
  %v89 = bitcast i32 %v88 to float
  %v90 = fcmp ogt float %v62, %v39
  %v91 = bitcast float %v62 to i32
  %v92 = bitcast float %v39 to i32
  %v93 = select i1 %v90, i32 %v91, i32 %v92
  %v94 = bitcast i32 %v93 to float
  %v95 = fcmp une float %v62, %v62
  %v96 = bitcast float %v94 to i32
  %v97 = select i1 %v95, i32 %v91, i32 %v96
  %v98 = bitcast i32 %v97 to float
  %v99 = add i64 %v35, %v31
  br label %loop3
after5:
  %v100 = phi i64 [ %v35, %loop3 ]
  %v101 = phi float [ %v36, %loop3 ]
  %v102 = phi float [ %v37, %loop3 ]
  %v103 = phi float [ %v38, %loop3 ]
  %v104 = phi float [ %v39, %loop3 ]
  %v105 = fcmp ogt float %v102, %v101
  %v106 = bitcast float %v102 to i32
  %v107 = bitcast float %v101 to i32
  %v108 = select i1 %v105, i32 %v106, i32 %v107
  %v109 = bitcast i32 %v108 to float
  %v110 = fcmp une float %v102, %v102
  %v111 = bitcast float %v109 to i32
  %v112 = select i1 %v110, i32 %v106, i32 %v111
  %v113 = bitcast i32 %v112 to float
  %v114 = fcmp ogt float %v104, %v103
  %v115 = bitcast float %v104 to i32
  %v116 = bitcast float %v103 to i32
  %v117 = select i1 %v114, i32 %v115, i32 %v116
  %v118 = bitcast i32 %v117 to float
  %v119 = fcmp une float %v104, %v104
  %v120 = bitcast float %v118 to i32
  %v121 = select i1 %v119, i32 %v115, i32 %v120
  %v122 = bitcast i32 %v121 to float
  %v123 = fcmp ogt float %v122, %v113
  %v124 = bitcast float %v122 to i32
  %v125 = bitcast float %v113 to i32
  %v126 = select i1 %v123, i32 %v124, i32 %v125
  %v127 = bitcast i32 %v126 to float
  %v128 = fcmp une float %v122, %v122
  %v129 = bitcast float %v127 to i32
  %v130 = select i1 %v128, i32 %v124, i32 %v129
  %v131 = bitcast i32 %v130 to float
  br label %loop6
loop6:
  %v133 = phi i64 [ %v132, %after5 ], [ %v148, %body7 ]
  %v134 = phi float [ %v131, %after5 ], [ %v147, %body7 ]
  %v135 = icmp slt i64 %v133, %v30
  br i1 %v135, label %body7, label %after8
body7:
  %v136 = mul i64 %v133, %v50
  %v137 = getelementptr i8, ptr addrspace(1) %v48, i64 %v136
  %v138 = load float, ptr addrspace(1) %v137, align 4
  %v139 = fcmp ogt float %v138, %v134
  %v140 = bitcast float %v138 to i32
  %v141 = bitcast float %v134 to i32
  %v142 = select i1 %v139, i32 %v140, i32 %v141
  %v143 = bitcast i32 %v142 to float
  %v144 = fcmp une float %v138, %v138
  %v145 = bitcast float %v143 to i32
  %v146 = select i1 %v144, i32 %v140, i32 %v145
  %v147 = bitcast i32 %v146 to float
  %v148 = add i64 %v133, %v9
  br label %loop6
after8:
  %v149 = phi i64 [ %v133, %loop6 ]
  %v150 = phi float [ %v134, %loop6 ]
  br i1 %v7, label %then9, label %after10
then9:
  %v151 = getelementptr float, ptr addrspace(3) @s0, i64 %v2
  store float %v150, ptr addrspace(3) %v151
  call void @llvm.nvvm.barrier0()
  %v152 = getelementptr float, ptr addrspace(3) @s0, i64 %v3
  %v153 = load float, ptr addrspace(3) %v152
  %v154 = add i64 %v3, 32
  %v155 = getelementptr float, ptr addrspace(3) @s0, i64 %v154
  %v156 = load float, ptr addrspace(3) %v155
  %v157 = add i64 %v3, 64
  %v158 = getelementptr float, ptr addrspace(3) @s0, i64 %v157
  %v159 = load float, ptr addrspace(3) %v158
  %v160 = add i64 %v3, 96
  %v161 = getelementptr float, ptr addrspace(3) @s0, i64 %v160
  %v162 = load float, ptr addrspace(3) %v161
  %v163 = add i64 %v3, 128
  %v164 = getelementptr float, ptr addrspace(3) @s0, i64 %v163
  %v165 = load float, ptr addrspace(3) %v164
  %v166 = add i64 %v3, 160
  %v167 = getelementptr float, ptr addrspace(3) @s0, i64 %v166
  %v168 = load float, ptr addrspace(3) %v167
  %v169 = add i64 %v3, 192
  %v170 = getelementptr float, ptr addrspace(3) @s0, i64 %v169
  %v171 = load float, ptr addrspace(3) %v170
  %v172 = add i64 %v3, 224
  %v173 = getelementptr float, ptr addrspace(3) @s0, i64 %v172
  %v174 = load float, ptr addrspace(3) %v173
  %v175 = fcmp ogt float %v156, %v153
  %v176 = bitcast float %v156 to i32
  %v177 = bitcast float %v153 to i32
  %v178 = select i1 %v175, i32 %v176, i32 %v177
  %v179 = bitcast i32 %v178 to float
  %v180 = fcmp une float %v156, %v156
  %v181 = bitcast float %v179 to i32
  %v182 = select i1 %v180, i32 %v176, i32 %v181
  %v183 = bitcast i32 %v182 to float
  %v184 = fcmp ogt float %v162, %v159
  %v185 = bitcast float %v162 to i32
  %v186 = bitcast float %v159 to i32
  %v187 = select i1 %v184, i32 %v185, i32 %v186
  %v188 = bitcast i32 %v187 to float
  %v189 = fcmp une float %v162, %v162
  %v190 = bitcast float %v188 to i32
  %v191 = select i1 %v189, i32 %v185, i32 %v190
  %v192 = bitcast i32 %v191 to float
  %v193 = fcmp ogt float %v168, %v165
  %v194 = bitcast float %v168 to i32
  %v195 = bitcast float %v165 to i32
  %v196 = select i1 %v193, i32 %v194, i32 %v195
  %v197 = bitcast i32 %v196 to float
  %v198 = fcmp une float %v168, %v168
  %v199 = bitcast float %v197 to i32
  %v200 = select i1 %v198, i32 %v194, i32 %v199
  %v201 = bitcast i32 %v200 to float
  %v202 = fcmp ogt float %v174, %v171
  %v203 = bitcast float %v174 to i32
  %v204 = bitcast float %v171 to i32
  %v205 = select i1 %v202, i32 %v203, i32 %v204
  %v206 = bitcast i32 %v205 to float
  %v207 = fcmp une float %v174, %v174
  %v208 = bitcast float %v206 to i32
  %v209 = select i1 %v207, i32 %v203, i32 %v208
  %v210 = bitcast i32 %v209 to float
  %v211 = fcmp ogt float %v192, %v183
  %v212 = bitcast float %v192 to i32
  %v213 = bitcast float %v183 to i32
  %v214 = select i1 %v211, i32 %v212, i32 %v213
  %v215 = bitcast i32 %v214 to float
  %v216 = fcmp une float %v192, %v192
  %v217 = bitcast float %v215 to i32
  %v218 = select i1 %v216, i32 %v212, i32 %v217
  %v219 = bitcast i32 %v218 to float
  %v220 = fcmp ogt float %v210, %v201
  %v221 = bitcast float %v210 to i32
  %v222 = bitcast float %v201 to i32
  %v223 = select i1 %v220, i32 %v221, i32 %v222
  %v224 = bitcast i32 %v223 to float
  %v225 = fcmp une float %v210, %v210
  %v226 = bitcast float %v224 to i32
  %v227 = select i1 %v225, i32 %v221, i32 %v226
  %v228 = bitcast i32 %v227 to float
  %v229 = fcmp ogt float %v228, %v219
  %v230 = bitcast float %v228 to i32
  %v231 = bitcast float %v219 to i32
  %v232 = select i1 %v229, i32 %v230, i32 %v231
  %v233 = bitcast i32 %v232 to float
  %v234 = fcmp une float %v228, %v228
  %v235 = bitcast float %v233 to i32
  %v236 = select i1 %v234, i32 %v230, i32 %v235
  %v237 = bitcast i32 %v236 to float
  call void @llvm.nvvm.barrier0()
  br label %after10
after10:
  %v238 = phi float [ %v237, %then9 ], [ %v150, %after8 ]
  br i1 %v239, label %then11, label %after12
then11:
  %v240 = getelementptr i64, ptr addrspace(101) %record, i64 3
  %v241 = load ptr addrspace(1), ptr addrspace(101) %v240, align 8, !invariant.load !0
  %v242 = getelementptr float, ptr addrspace(1) %v241, i64 %v29
  store float %v238, ptr addrspace(1) %v242, align 4
  br label %after12
after12:
  br label %loop1
after13:
  %v244 = phi i64 [ %v24, %loop1 ]
  ret void
}
