@s0 = internal addrspace(3) global [8 x double] poison, align 8
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
  %v27 = getelementptr i64, ptr addrspace(101) %record, i64 2
  %v28 = load ptr addrspace(1), ptr addrspace(101) %v27, align 8, !invariant.load !0
  %v29 = getelementptr i64, ptr addrspace(101) %record, i64 6
  %v30 = load i64, ptr addrspace(101) %v29, align 8, !invariant.load !0
  %v33 = getelementptr i64, ptr addrspace(101) %record, i64 3
  %v34 = load ptr addrspace(1), ptr addrspace(101) %v33, align 8, !invariant.load !0
  %v35 = getelementptr i64, ptr addrspace(101) %record, i64 8
  %v36 = load i64, ptr addrspace(101) %v35, align 8, !invariant.load !0
  %v44 = sub i64 %v6, 1
  %v52 = bitcast double 0x0000000000000000 to i64
  %v63 = icmp sge i64 %v3, 1
  %v77 = icmp sge i64 %v3, 2
  %v91 = icmp sge i64 %v3, 4
  %v105 = icmp sge i64 %v3, 8
  %v119 = icmp sge i64 %v3, 16
  %v139 = icmp eq i64 %v3, 0
  br label %loop1
loop1:
  %v25 = phi i64 [ %v22, %entry ], [ %v227, %after13 ]
  %v26 = icmp slt i64 %v25, %v24
  br i1 %v26, label %body2, label %after14
body2:
  %v31 = mul i64 %v25, %v30
  %v32 = getelementptr i8, ptr addrspace(1) %v28, i64 %v31
  %v37 = mul i64 %v25, %v36
  %v38 = getelementptr i8, ptr addrspace(1) %v34, i64 %v37
  %v227 = add i64 %v25, %v19
  br label %loop3
loop3:
  %v39 = phi i64 [ 0, %body2 ], [ %v224, %after12 ]
  %v40 = phi double [ 0x0000000000000000, %body2 ], [ %v220, %after12 ]
  %v41 = icmp slt i64 %v39, %v6
  br i1 %v41, label %body4, label %after13
body4:
  %v42 = add i64 %v39, %v8
  %v43 = icmp slt i64 %v42, %v6
  %v45 = select i1 %v43, i64 %v42, i64 %v44
  %v46 = getelementptr float, ptr addrspace(1) %v32, i64 %v45
  %v47 = load float, ptr addrspace(1) %v46, align 4
  %v48 = fpext float %v47 to double
  %v49 = fadd double 0x0000000000000000, %v48
  %v50 = fptrunc double %v49 to float
  %v51 = bitcast double %v49 to i64
  %v53 = select i1 %v43, i64 %v51, i64 %v52
  %v54 = bitcast i64 %v53 to double
  %v55 = bitcast double %v54 to <2 x i32>
  %v56 = extractelement <2 x i32> %v55, i64 0
  %v57 = extractelement <2 x i32> %v55, i64 1
  %v58 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v56, i32 1, i32 0)
  %v59 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v57, i32 1, i32 0)
  %v60 = insertelement <2 x i32> poison, i32 %v58, i64 0
  %v61 = insertelement <2 x i32> %v60, i32 %v59, i64 1
  %v62 = bitcast <2 x i32> %v61 to double
  %v64 = fadd double %v62, %v54
  %v65 = bitcast double %v64 to i64
  %v66 = bitcast double %v54 to i64
  %v67 = select i1 %v63, i64 %v65, i64 %v66
  %v68 = bitcast i64 %v67 to double
  %v69 = bitcast double %v68 to <2 x i32>
  %v70 = extractelement <2 x i32> %v69, i64 0
  %v71 = extractelement <2 x i32> %v69, i64 1
  %v72 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v70, i32 2, i32 0)
  %v73 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v71, i32 2, i32 0)
  %v74 = insertelement <2 x i32> poison, i32 %v72, i64 0
  %v75 = insertelement <2 x i32> %v74, i32 %v73, i64 1
  %v76 = bitcast <2 x i32> %v75 to double
  %v78 = fadd double %v76, %v68
  %v79 = bitcast double %v78 to i64
  %v80 = bitcast double %v68 to i64
  %v81 = select i1 %v77, i64 %v79, i64 %v80
  %v82 = bitcast i64 %v81 to double
  %v83 = bitcast double %v82 to <2 x i32>
  %v84 = extractelement <2 x i32> %v83, i64 0
  %v85 = extractelement <2 x i32> %v83, i64 1
  %v86 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v84, i32 4, i32 0)
  %v87 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v85, i32 4, i32 0)
  %v88 = insertelement <2 x i32> poison, i32 %v86, i64 0
  %v89 = insertelement <2 x i32> %v88, i32 %v87, i64 1
  %v90 = bitcast <2 x i32> %v89 to double
  %v92 = fadd double %v90, %v82
  %v93 = bitcast double %v92 to i64
  %v94 = bitcast double %v82 to i64
  %v95 = select i1 %v91, i64 %v93, i64 %v94
  %v96 = bitcast i64 %v95 to double
  %v97 = bitcast double %v96 to <2 x i32>
  %v98 = extractelement <2 x i32> %v97, i64 0
  %v99 = extractelement <2 x i32> %v97, i64 1
  %v100 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v98, i32 8, i32 0)
  %v101 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v99, i32 8, i32 0)
  %v102 = insertelement <2 x i32> poison, i32 %v100, i64 0
  %v103 = insertelement <2 x i32> %v102, i32 %v101, i64 1
  %v104 = bitcast <2 x i32> %v103 to double
  %v106 = fadd double %v104, %v96
  %v107 = bitcast double %v106 to i64
  %v108 = bitcast double %v96 to i64
  %v109 = select i1 %v105, i64 %v107, i64 %v108
  %v110 = bitcast i64 %v109 to double
  %v111 = bitcast double %v110 to <2 x i32>
  %v112 = extractelement <2 x i32> %v111, i64 0
  %v113 = extractelement <2 x i32> %v111, i64 1
  %v114 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v112, i32 16, i32 0)
  %v115 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v113, i32 16, i32 0)
  %v116 = insertelement <2 x i32> poison, i32 %v114, i64 0
  %v117 = insertelement <2 x i32> %v116, i32 %v115, i64 1
  %v118 = bitcast <2 x i32> %v117 to double
  %v120 = fadd double %v118, %v110
  %v121 = bitcast double %v120 to i64
  %v122 = bitcast double %v110 to i64
  %v123 = select i1 %v119, i64 %v121, i64 %v122
  %v124 = bitcast i64 %v123 to double
  %v125 = bitcast double %v124 to <2 x i32>
  %v126 = extractelement <2 x i32> %v125, i64 0
  %v127 = extractelement <2 x i32> %v125, i64 1
  %v128 = call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 -1, i32 %v126, i32 31, i32 31)
  %v129 = call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 -1, i32 %v127, i32 31, i32 31)
  %v130 = insertelement <2 x i32> poison, i32 %v128, i64 0
  %v131 = insertelement <2 x i32> %v130, i32 %v129, i64 1
  %v132 = bitcast <2 x i32> %v131 to double
  %v133 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v126, i32 1, i32 0)
  %v134 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v127, i32 1, i32 0)
  %v135 = insertelement <2 x i32> poison, i32 %v133, i64 0
  %v136 = insertelement <2 x i32> %v135, i32 %v134, i64 1
  %v137 = bitcast <2 x i32> %v136 to double
  %v138 = fadd double %v40, %v137
  %v140 = bitcast double %v40 to i64
  %v141 = bitcast double %v138 to i64
  %v142 = select i1 %v139, i64 %v140, i64 %v141
  %v143 = bitcast i64 %v142 to double
  %v144 = fadd double %v40, %v132
  %v224 = add i64 %v39, %v9
  br i1 %v7, label %then5, label %after10
then5:
  %v145 = icmp eq i64 %v3, 31
  %v147 = and i64 %v3, 7
  %v148 = getelementptr double, ptr addrspace(3) @s0, i64 %v147
  %v198 = icmp slt i64 %v2, 8
  %v200 = icmp eq i64 %v4, 0
  %v201 = sub i64 %v4, 1
  %v202 = select i1 %v200, i64 0, i64 %v201
  %v203 = getelementptr double, ptr addrspace(3) @s0, i64 %v202
  br i1 %v145, label %then6, label %after7
then6:
  %v146 = getelementptr double, ptr addrspace(3) @s0, i64 %v4
  store double %v124, ptr addrspace(3) %v146
  br label %after7
after7:
  call void @llvm.nvvm.barrier0()
  %v149 = load double, ptr addrspace(3) %v148
  %v150 = bitcast double %v149 to <2 x i32>
  %v151 = extractelement <2 x i32> %v150, i64 0
  %v152 = extractelement <2 x i32> %v150, i64 1
  %v153 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v151, i32 1, i32 0)
  %v154 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v152, i32 1, i32 0)
  %v155 = insertelement <2 x i32> poison, i32 %v153, i64 0
  %v156 = insertelement <2 x i32> %v155, i32 %v154, i64 1
  %v157 = bitcast <2 x i32> %v156 to double
  %v158 = fadd double %v157, %v149
  %v159 = bitcast double %v158 to i64
  %v160 = bitcast double %v149 to i64
  %v161 = select i1 %v63, i64 %v159, i64 %v160
  %v162 = bitcast i64 %v161 to double
  %v163 = bitcast double %v162 to <2 x i32>
  %v164 = extractelement <2 x i32> %v163, i64 0
  %v165 = extractelement <2 x i32> %v163, i64 1
  %v166 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v164, i32 2, i32 0)
  %v167 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v165, i32 2, i32 0)
  %v168 = insertelement <2 x i32> poison, i32 %v166, i64 0
  %v169 = insertelement <2 x i32> %v168, i32 %v167, i64 1
  %v170 = bitcast <2 x i32> %v169 to double
  %v171 = fadd double %v170, %v162
  %v172 = bitcast double %v171 to i64
  %v173 = bitcast double %v162 to i64
  %v174 = select i1 %v77, i64 %v172, i64 %v173
  %v175 = bitcast i64 %v174 to double
  %v176 = bitcast double %v175 to <2 x i32>
  %v177 = extractelement <2 x i32> %v176, i64 0
  %v178 = extractelement <2 x i32> %v176, i64 1
  %v179 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v177, i32 4, i32 0)
  %v180 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v178, i32 4, i32 0)
  %v181 = insertelement <2 x i32> poison, i32 %v179, i64 0
  %v182 = insertelement <2 x i32> %v181, i32 %v180, i64 1
  %v183 = bitcast <2 x i32> %v182 to double
  %v184 = fadd double %v183, %v175
  %v185 = bitcast double %v184 to i64
  %v186 = bitcast double %v175 to i64
  %v187 = select i1 %v91, i64 %v185, i64 %v186
  %v188 = bitcast i64 %v187 to double
  %v189 = bitcast double %v188 to <2 x i32>
  %v190 = extractelement <2 x i32> %v189, i64 0
  %v191 = extractelement <2 x i32> %v189, i64 1
  %v192 = call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 -1, i32 %v190, i32 7, i32 31)
  %v193 = call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 -1, i32 %v191, i32 7, i32 31)
  %v194 = insertelement <2 x i32> poison, i32 %v192, i64 0
  %v195 = insertelement <2 x i32> %v194, i32 %v193, i64 1
  %v196 = bitcast <2 x i32> %v195 to double
  %v197 = fadd double %v40, %v196
  call void @llvm.nvvm.barrier0()
  br i1 %v198, label %then8, label %after9
then8:
  %v199 = getelementptr double, ptr addrspace(3) @s0, i64 %v2
  store double %v188, ptr addrspace(3) %v199
  br label %after9
after9:
  call void @llvm.nvvm.barrier0()
  %v204 = load double, ptr addrspace(3) %v203
  %v205 = fadd double %v40, %v204
  %v206 = bitcast double %v205 to i64
  %v207 = select i1 %v200, i64 %v140, i64 %v206
  %v208 = bitcast i64 %v207 to double
  %v209 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v126, i32 1, i32 0)
  %v210 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v127, i32 1, i32 0)
  %v211 = insertelement <2 x i32> poison, i32 %v209, i64 0
  %v212 = insertelement <2 x i32> %v211, i32 %v210, i64 1
  %v213 = bitcast <2 x i32> %v212 to double
  %v214 = fadd double %v208, %v213
  %v215 = bitcast double %v208 to i64
  %v216 = bitcast double %v214 to i64
  %v217 = select i1 %v139, i64 %v215, i64 %v216
  %v218 = bitcast i64 %v217 to double
  call void @llvm.nvvm.barrier0()
  br label %after10
after10:
  %v219 = phi double [ %v218, %after9 ], [ %v143, %body4 ]
  %v220 = phi double [ %v197, %after9 ], [ %v144, %body4 ]
  %v221 = fadd double %v219, %v48
  %v222 = fptrunc double %v221 to float
  br i1 %v43, label %then11, label %after12
then11:
  %v223 = getelementptr float, ptr addrspace(1) %v38, i64 %v45
  store float %v222, ptr addrspace(1) %v223, align 4
  br label %after12
after12:
  br label %loop3
after13:
  %v225 = phi i64 [ %v39, %loop3 ]
  %v226 = phi double [ %v40, %loop3 ]
  br label %loop1
after14:
  %v228 = phi i64 [ %v25, %loop1 ]
  ret void
}
