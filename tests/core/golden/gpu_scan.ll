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
  %v54 = icmp sge i64 %v3, 1
  %v65 = icmp sge i64 %v3, 2
  %v76 = icmp sge i64 %v3, 4
  %v87 = icmp sge i64 %v3, 8
  %v98 = icmp sge i64 %v3, 16
  %v115 = icmp eq i64 %v3, 0
  br label %loop1
loop1:
  %v25 = phi i64 [ %v22, %entry ], [ %v192, %after13 ]
  %v26 = icmp slt i64 %v25, %v24
  br i1 %v26, label %body2, label %after14
body2:
  %v38 = mul i64 %v25, %v37
  %v39 = getelementptr i8, ptr addrspace(1) %v35, i64 %v38
  %v192 = add i64 %v25, %v19
  br label %loop3
loop3:
  %v27 = phi i64 [ 0, %body2 ], [ %v189, %after12 ]
  %v28 = phi double [ 0x0000000000000000, %body2 ], [ %v179, %after12 ]
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
  %v45 = select i1 %v31, double %v43, double 0x0000000000000000
  %v46 = bitcast double %v45 to <2 x i32>
  %v47 = extractelement <2 x i32> %v46, i64 0
  %v48 = extractelement <2 x i32> %v46, i64 1
  %v49 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v47, i32 1, i32 0)
  %v50 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v48, i32 1, i32 0)
  %v51 = insertelement <2 x i32> poison, i32 %v49, i64 0
  %v52 = insertelement <2 x i32> %v51, i32 %v50, i64 1
  %v53 = bitcast <2 x i32> %v52 to double
  %v55 = fadd double %v53, %v45
  %v56 = select i1 %v54, double %v55, double %v45
  %v57 = bitcast double %v56 to <2 x i32>
  %v58 = extractelement <2 x i32> %v57, i64 0
  %v59 = extractelement <2 x i32> %v57, i64 1
  %v60 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v58, i32 2, i32 0)
  %v61 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v59, i32 2, i32 0)
  %v62 = insertelement <2 x i32> poison, i32 %v60, i64 0
  %v63 = insertelement <2 x i32> %v62, i32 %v61, i64 1
  %v64 = bitcast <2 x i32> %v63 to double
  %v66 = fadd double %v64, %v56
  %v67 = select i1 %v65, double %v66, double %v56
  %v68 = bitcast double %v67 to <2 x i32>
  %v69 = extractelement <2 x i32> %v68, i64 0
  %v70 = extractelement <2 x i32> %v68, i64 1
  %v71 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v69, i32 4, i32 0)
  %v72 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v70, i32 4, i32 0)
  %v73 = insertelement <2 x i32> poison, i32 %v71, i64 0
  %v74 = insertelement <2 x i32> %v73, i32 %v72, i64 1
  %v75 = bitcast <2 x i32> %v74 to double
  %v77 = fadd double %v75, %v67
  %v78 = select i1 %v76, double %v77, double %v67
  %v79 = bitcast double %v78 to <2 x i32>
  %v80 = extractelement <2 x i32> %v79, i64 0
  %v81 = extractelement <2 x i32> %v79, i64 1
  %v82 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v80, i32 8, i32 0)
  %v83 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v81, i32 8, i32 0)
  %v84 = insertelement <2 x i32> poison, i32 %v82, i64 0
  %v85 = insertelement <2 x i32> %v84, i32 %v83, i64 1
  %v86 = bitcast <2 x i32> %v85 to double
  %v88 = fadd double %v86, %v78
  %v89 = select i1 %v87, double %v88, double %v78
  %v90 = bitcast double %v89 to <2 x i32>
  %v91 = extractelement <2 x i32> %v90, i64 0
  %v92 = extractelement <2 x i32> %v90, i64 1
  %v93 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v91, i32 16, i32 0)
  %v94 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v92, i32 16, i32 0)
  %v95 = insertelement <2 x i32> poison, i32 %v93, i64 0
  %v96 = insertelement <2 x i32> %v95, i32 %v94, i64 1
  %v97 = bitcast <2 x i32> %v96 to double
  %v99 = fadd double %v97, %v89
  %v100 = select i1 %v98, double %v99, double %v89
  %v101 = bitcast double %v100 to <2 x i32>
  %v102 = extractelement <2 x i32> %v101, i64 0
  %v103 = extractelement <2 x i32> %v101, i64 1
  %v104 = call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 -1, i32 %v102, i32 31, i32 31)
  %v105 = call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 -1, i32 %v103, i32 31, i32 31)
  %v106 = insertelement <2 x i32> poison, i32 %v104, i64 0
  %v107 = insertelement <2 x i32> %v106, i32 %v105, i64 1
  %v108 = bitcast <2 x i32> %v107 to double
  %v109 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v102, i32 1, i32 0)
  %v110 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v103, i32 1, i32 0)
  %v111 = insertelement <2 x i32> poison, i32 %v109, i64 0
  %v112 = insertelement <2 x i32> %v111, i32 %v110, i64 1
  %v113 = bitcast <2 x i32> %v112 to double
  %v114 = fadd double %v28, %v113
  %v116 = select i1 %v115, double %v28, double %v114
  %v117 = fadd double %v28, %v108
  %v189 = add i64 %v27, %v9
  br i1 %v7, label %then5, label %after10
then5:
  %v118 = icmp eq i64 %v3, 31
  %v120 = and i64 %v3, 7
  %v121 = getelementptr double, ptr addrspace(3) @s0, i64 %v120
  %v162 = icmp slt i64 %v2, 8
  %v164 = icmp eq i64 %v4, 0
  %v165 = sub i64 %v4, 1
  %v166 = select i1 %v164, i64 0, i64 %v165
  %v167 = getelementptr double, ptr addrspace(3) @s0, i64 %v166
  br i1 %v118, label %then6, label %after7
then6:
  %v119 = getelementptr double, ptr addrspace(3) @s0, i64 %v4
  store double %v100, ptr addrspace(3) %v119
  br label %after7
after7:
  call void @llvm.nvvm.barrier0()
  %v122 = load double, ptr addrspace(3) %v121
  %v123 = bitcast double %v122 to <2 x i32>
  %v124 = extractelement <2 x i32> %v123, i64 0
  %v125 = extractelement <2 x i32> %v123, i64 1
  %v126 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v124, i32 1, i32 0)
  %v127 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v125, i32 1, i32 0)
  %v128 = insertelement <2 x i32> poison, i32 %v126, i64 0
  %v129 = insertelement <2 x i32> %v128, i32 %v127, i64 1
  %v130 = bitcast <2 x i32> %v129 to double
  %v131 = fadd double %v130, %v122
  %v132 = select i1 %v54, double %v131, double %v122
  %v133 = bitcast double %v132 to <2 x i32>
  %v134 = extractelement <2 x i32> %v133, i64 0
  %v135 = extractelement <2 x i32> %v133, i64 1
  %v136 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v134, i32 2, i32 0)
  %v137 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v135, i32 2, i32 0)
  %v138 = insertelement <2 x i32> poison, i32 %v136, i64 0
  %v139 = insertelement <2 x i32> %v138, i32 %v137, i64 1
  %v140 = bitcast <2 x i32> %v139 to double
  %v141 = fadd double %v140, %v132
  %v142 = select i1 %v65, double %v141, double %v132
  %v143 = bitcast double %v142 to <2 x i32>
  %v144 = extractelement <2 x i32> %v143, i64 0
  %v145 = extractelement <2 x i32> %v143, i64 1
  %v146 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v144, i32 4, i32 0)
  %v147 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v145, i32 4, i32 0)
  %v148 = insertelement <2 x i32> poison, i32 %v146, i64 0
  %v149 = insertelement <2 x i32> %v148, i32 %v147, i64 1
  %v150 = bitcast <2 x i32> %v149 to double
  %v151 = fadd double %v150, %v142
  %v152 = select i1 %v76, double %v151, double %v142
  %v153 = bitcast double %v152 to <2 x i32>
  %v154 = extractelement <2 x i32> %v153, i64 0
  %v155 = extractelement <2 x i32> %v153, i64 1
  %v156 = call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 -1, i32 %v154, i32 7, i32 31)
  %v157 = call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 -1, i32 %v155, i32 7, i32 31)
  %v158 = insertelement <2 x i32> poison, i32 %v156, i64 0
  %v159 = insertelement <2 x i32> %v158, i32 %v157, i64 1
  %v160 = bitcast <2 x i32> %v159 to double
  %v161 = fadd double %v28, %v160
  call void @llvm.nvvm.barrier0()
  br i1 %v162, label %then8, label %after9
then8:
  %v163 = getelementptr double, ptr addrspace(3) @s0, i64 %v2
  store double %v152, ptr addrspace(3) %v163
  br label %after9
after9:
  call void @llvm.nvvm.barrier0()
  %v168 = load double, ptr addrspace(3) %v167
  %v169 = fadd double %v28, %v168
  %v170 = select i1 %v164, double %v28, double %v169
  %v171 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v102, i32 1, i32 0)
  %v172 = call i32 @llvm.nvvm.shfl.sync.up.i32(i32 -1, i32 %v103, i32 1, i32 0)
  %v173 = insertelement <2 x i32> poison, i32 %v171, i64 0
  %v174 = insertelement <2 x i32> %v173, i32 %v172, i64 1
  %v175 = bitcast <2 x i32> %v174 to double
  %v176 = fadd double %v170, %v175
  %v177 = select i1 %v115, double %v170, double %v176
  call void @llvm.nvvm.barrier0()
  br label %after10
after10:
  %v178 = phi double [ %v177, %after9 ], [ %v116, %body4 ]
  %v179 = phi double [ %v161, %after9 ], [ %v117, %body4 ]
  %v180 = fadd double %v178, %v42
  %v181 = fptrunc double %v180 to float
  br i1 %v31, label %then11, label %after12
then11:
  %v182 = getelementptr i64, ptr addrspace(101) %record, i64 3
  %v183 = load ptr addrspace(1), ptr addrspace(101) %v182, align 8, !invariant.load !0
  %v184 = getelementptr i64, ptr addrspace(101) %record, i64 8
  %v185 = load i64, ptr addrspace(101) %v184, align 8, !invariant.load !0
  %v186 = mul i64 %v25, %v185
  %v187 = getelementptr i8, ptr addrspace(1) %v183, i64 %v186
  %v188 = getelementptr float, ptr addrspace(1) %v187, i64 %v33
  store float %v181, ptr addrspace(1) %v188, align 4
  br label %after12
after12:
  br label %loop3
after13:
  %v190 = phi i64 [ %v27, %loop3 ]
  %v191 = phi double [ %v28, %loop3 ]
  br label %loop1
after14:
  %v193 = phi i64 [ %v25, %loop1 ]
  ret void
}
