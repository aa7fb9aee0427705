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
  %v32 = sub i64 %v6, 1
  %v34 = getelementptr i64, ptr addrspace(101) %record, i64 2
  %v35 = load ptr addrspace(1), ptr addrspace(101) %v34, align 8, !invariant.load !0
  %v36 = getelementptr i64, ptr addrspace(101) %record, i64 6
  %v37 = load i64, ptr addrspace(101) %v36, align 8, !invariant.load !0
  %v46 = bitcast double 0x0000000000000000 to i64
  %v57 = icmp sge i64 %v3, 1
  %v71 = icmp sge i64 %v3, 2
  %v85 = icmp sge i64 %v3, 4
  %v99 = icmp sge i64 %v3, 8
  %v113 = icmp sge i64 %v3, 16
  %v133 = icmp eq i64 %v3, 0
  br label %loop1
loop1:
  %v25 = phi i64 [ %v22, %entry ], [ %v227, %after13 ]
  %v26 = icmp slt i64 %v25, %v24
  br i1 %v26, label %body2, label %after14
body2:
  %v38 = mul i64 %v25, %v37
  %v39 = getelementptr i8, ptr addrspace(1) %v35, i64 %v38
  %v227 = add i64 %v25, %v19
  br label %loop3
loop3:
  %v27 = phi i64 [ 0, %body2 ], [ %v224, %after12 ]
  %v28 = phi double [ 0x0000000000000000, %body2 ], [ %v214, %after12 ]
  %v29 = icmp slt i64 %v27, %v6
  br i1 %v29, label %body4, label %after13
body4:
  %v30 = add i64 %v27, %v8
  %v31 = icmp slt i64 %v30, %v6
  %v33 = select i1 %v31, i64 %v30, i64 %v32
  %v40 = getelementptr float, ptr addrspace(1) %v39, i64 %v33
  %v41 = load float, ptr addrspace(1) %v40, align 4
  %v42 = fpext float %v41 to double
  %v43 = fadd double 0x0000000000000000, %v42
  %v44 = fptrunc double %v43 to float
  %v45 = bitcast double %v43 to i64
  %v47 = select i1 %v31, i64 %v45, i64 %v46
  %v48 = bitcast i64 %v47 to double
  %v49 = bitcast double %v48 to <2 x i32>
  %v50 = extractelement <2 x i32> %v49, i64 0
  %v51 = extractelement <2 x i32> %v49, i64 1
  %v52 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v50, i32 1, i32 0)
  %v53 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v51, i32 1, i32 0)
  %v54 = insertelement <2 x i32> poison, i32 %v52, i64 0
  %v55 = insertelement <2 x i32> %v54, i32 %v53, i64 1
  %v56 = bitcast <2 x i32> %v55 to double
  %v58 = fadd double %v56, %v48
  %v59 = bitcast double %v58 to i64
  %v60 = bitcast double %v48 to i64
  %v61 = select i1 %v57, i64 %v59, i64 %v60
  %v62 = bitcast i64 %v61 to double
  %v63 = bitcast double %v62 to <2 x i32>
  %v64 = extractelement <2 x i32> %v63, i64 0
  %v65 = extractelement <2 x i32> %v63, i64 1
  %v66 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v64, i32 2, i32 0)
  %v67 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v65, i32 2, i32 0)
  %v68 = insertelement <2 x i32> poison, i32 %v66, i64 0
  %v69 = insertelement <2 x i32> %v68, i32 %v67, i64 1
  %v70 = bitcast <2 x i32> %v69 to double
  %v72 = fadd double %v70, %v62
  %v73 = bitcast double %v72 to i64
  %v74 = bitcast double %v62 to i64
  %v75 = select i1 %v71, i64 %v73, i64 %v74
  %v76 = bitcast i64 %v75 to double
  %v77 = bitcast double %v76 to <2 x i32>
  %v78 = extractelement <2 x i32> %v77, i64 0
  %v79 = extractelement <2 x i32> %v77, i64 1
  %v80 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v78, i32 4, i32 0)
  %v81 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v79, i32 4, i32 0)
  %v82 = insertelement <2 x i32> poison, i32 %v80, i64 0
  %v83 = insertelement <2 x i32> %v82, i32 %v81, i64 1
  %v84 = bitcast <2 x i32> %v83 to double
  %v86 = fadd double %v84, %v76
  %v87 = bitcast double %v86 to i64
  %v88 = bitcast double %v76 to i64
  %v89 = select i1 %v85, i64 %v87, i64 %v88
  %v90 = bitcast i64 %v89 to double
  %v91 = bitcast double %v90 to <2 x i32>
  %v92 = extractelement <2 x i32> %v91, i64 0
  %v93 = extractelement <2 x i32> %v91, i64 1
  %v94 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v92, i32 8, i32 0)
  %v95 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v93, i32 8, i32 0)
  %v96 = insertelement <2 x i32> poison, i32 %v94, i64 0
  %v97 = insertelement <2 x i32> %v96, i32 %v95, i64 1
  %v98 = bitcast <2 x i32> %v97 to double
  %v100 = fadd double %v98, %v90
  %v101 = bitcast double %v100 to i64
  %v102 = bitcast double %v90 to i64
  %v103 = select i1 %v99, i64 %v101, i64 %v102
  %v104 = bitcast i64 %v103 to double
  %v105 = bitcast double %v104 to <2 x i32>
  %v106 = extractelement <2 x i32> %v105, i64 0
  %v107 = extractelement <2 x i32> %v105, i64 1
  %v108 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v106, i32 16, i32 0)
  %v109 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v107, i32 16, i32 0)
  %v110 = insertelement <2 x i32> poison, i32 %v108, i64 0
  %v111 = insertelement <2 x i32> %v110, i32 %v109, i64 1
  %v112 = bitcast <2 x i32> %v111 to double
  %v114 = fadd double %v112, %v104
  %v115 = bitcast double %v114 to i64
  %v116 = bitcast double %v104 to i64
  %v117 = select i1 %v113, i64 %v115, i64 %v116
  %v118 = bitcast i64 %v117 to double
  %v119 = bitcast double %v118 to <2 x i32>
  %v120 = extractelement <2 x i32> %v119, i64 0
  %v121 = extractelement <2 x i32> %v119, i64 1
  %v122 = call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 -1, i32 %v120, i32 31, i32 31)
  %v123 = call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 -1, i32 %v121, i32 31, i32 31)
  %v124 = insertelement <2 x i32> poison, i32 %v122, i64 0
  %v125 = insertelement <2 x i32> %v124, i32 %v123, i64 1
  %v126 = bitcast <2 x i32> %v125 to double
  %v127 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v120, i32 1, i32 0)
  %v128 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v121, i32 1, i32 0)
  %v129 = insertelement <2 x i32> poison, i32 %v127, i64 0
  %v130 = insertelement <2 x i32> %v129, i32 %v128, i64 1
  %v131 = bitcast <2 x i32> %v130 to double
  %v132 = fadd double %v28, %v131
  %v134 = bitcast double %v28 to i64
  %v135 = bitcast double %v132 to i64
  %v136 = select i1 %v133, i64 %v134, i64 %v135
  %v137 = bitcast i64 %v136 to double
  %v138 = fadd double %v28, %v126
  %v224 = add i64 %v27, %v9
  br i1 %v7, label %then5, label %after10
then5:
  %v139 = icmp eq i64 %v3, 31
  %v141 = and i64 %v3, 7
  %v142 = getelementptr double, ptr addrspace(3) @s0, i64 %v141
  %v192 = icmp slt i64 %v2, 8
  %v194 = icmp eq i64 %v4, 0
  %v195 = sub i64 %v4, 1
  %v196 = select i1 %v194, i64 0, i64 %v195
  %v197 = getelementptr double, ptr addrspace(3) @s0, i64 %v196
  br i1 %v139, label %then6, label %after7
then6:
  %v140 = getelementptr double, ptr addrspace(3) @s0, i64 %v4
  store double %v118, ptr addrspace(3) %v140
  br label %after7
after7:
  call void @llvm.nvvm.barrier0()
  %v143 = load double, ptr addrspace(3) %v142
  %v144 = bitcast double %v143 to <2 x i32>
  %v145 = extractelement <2 x i32> %v144, i64 0
  %v146 = extractelement <2 x i32> %v144, i64 1
  %v147 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v145, i32 1, i32 0)
  %v148 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v146, i32 1, i32 0)
  %v149 = insertelement <2 x i32> poison, i32 %v147, i64 0
  %v150 = insertelement <2 x i32> %v149, i32 %v148, i64 1
  %v151 = bitcast <2 x i32> %v150 to double
  %v152 = fadd double %v151, %v143
  %v153 = bitcast double %v152 to i64
  %v154 = bitcast double %v143 to i64
  %v155 = select i1 %v57, i64 %v153, i64 %v154
  %v156 = bitcast i64 %v155 to double
  %v157 = bitcast double %v156 to <2 x i32>
  %v158 = extractelement <2 x i32> %v157, i64 0
  %v159 = extractelement <2 x i32> %v157, i64 1
  %v160 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v158, i32 2, i32 0)
  %v161 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v159, i32 2, i32 0)
  %v162 = insertelement <2 x i32> poison, i32 %v160, i64 0
  %v163 = insertelement <2 x i32> %v162, i32 %v161, i64 1
  %v164 = bitcast <2 x i32> %v163 to double
  %v165 = fadd double %v164, %v156
  %v166 = bitcast double %v165 to i64
  %v167 = bitcast double %v156 to i64
  %v168 = select i1 %v71, i64 %v166, i64 %v167
  %v169 = bitcast i64 %v168 to double
  %v170 = bitcast double %v169 to <2 x i32>
  %v171 = extractelement <2 x i32> %v170, i64 0
  %v172 = extractelement <2 x i32> %v170, i64 1
  %v173 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v171, i32 4, i32 0)
  %v174 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v172, i32 4, i32 0)
  %v175 = insertelement <2 x i32> poison, i32 %v173, i64 0
  %v176 = insertelement <2 x i32> %v175, i32 %v174, i64 1
  %v177 = bitcast <2 x i32> %v176 to double
  %v178 = fadd double %v177, %v169
  %v179 = bitcast double %v178 to i64
  %v180 = bitcast double %v169 to i64
  %v181 = select i1 %v85, i64 %v179, i64 %v180
  %v182 = bitcast i64 %v181 to double
  %v183 = bitcast double %v182 to <2 x i32>
  %v184 = extractelement <2 x i32> %v183, i64 0
  %v185 = extractelement <2 x i32> %v183, i64 1
  %v186 = call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 -1, i32 %v184, i32 7, i32 31)
  %v187 = call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 -1, i32 %v185, i32 7, i32 31)
  %v188 = insertelement <2 x i32> poison, i32 %v186, i64 0
  %v189 = insertelement <2 x i32> %v188, i32 %v187, i64 1
  %v190 = bitcast <2 x i32> %v189 to double
  %v191 = fadd double %v28, %v190
  call void @llvm.nvvm.barrier0()
  br i1 %v192, label %then8, label %after9
then8:
  %v193 = getelementptr double, ptr addrspace(3) @s0, i64 %v2
  store double %v182, ptr addrspace(3) %v193
  br label %after9
after9:
  call void @llvm.nvvm.barrier0()
  %v198 = load double, ptr addrspace(3) %v197
  %v199 = fadd double %v28, %v198
  %v200 = bitcast double %v199 to i64
  %v201 = select i1 %v194, i64 %v134, i64 %v200
  %v202 = bitcast i64 %v201 to double
  %v203 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v120, i32 1, i32 0)
  %v204 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v121, i32 1, i32 0)
  %v205 = insertelement <2 x i32> poison, i32 %v203, i64 0
  %v206 = insertelement <2 x i32> %v205, i32 %v204, i64 1
  %v207 = bitcast <2 x i32> %v206 to double
  %v208 = fadd double %v202, %v207
  %v209 = bitcast double %v202 to i64
  %v210 = bitcast double %v208 to i64
  %v211 = select i1 %v133, i64 %v209, i64 %v210
  %v212 = bitcast i64 %v211 to double
  call void @llvm.nvvm.barrier0()
  br label %after10
after10:
  %v213 = phi double [ %v212, %after9 ], [ %v137, %body4 ]
  %v214 = phi double [ %v191, %after9 ], [ %v138, %body4 ]
  %v215 = fadd double %v213, %v42
  %v216 = fptrunc double %v215 to float
  br i1 %v31, label %then11, label %after12
then11:
  %v217 = getelementptr i64, ptr addrspace(101) %record, i64 3
  %v218 = load ptr addrspace(1), ptr addrspace(101) %v217, align 8, !invariant.load !0
  %v219 = getelementptr i64, ptr addrspace(101) %record, i64 8
  %v220 = load i64, ptr addrspace(101) %v219, align 8, !invariant.load !0
  %v221 = mul i64 %v25, %v220
  %v222 = getelementptr i8, ptr addrspace(1) %v218, i64 %v221
  %v223 = getelementptr float, ptr addrspace(1) %v222, i64 %v33
  store float %v216, ptr addrspace(1) %v223, align 4
  br label %after12
after12:
  br label %loop3
after13:
  %v225 = phi i64 [ %v27, %loop3 ]
  %v226 = phi double [ %v28, %loop3 ]
  br label %loop1
after14:
  %v228 = phi i64 [ %v25, %loop1 ]
  ret void
}
