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
  %v24 = phi i64 [ %v20, %entry ], [ %v168, %after12 ]
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
  %v97 = add i64 %v34, %v8
  %v164 = and i1 %v10, %v27
  %v168 = add i64 %v24, %v23
  br label %loop3
loop3:
  %v35 = phi i64 [ %v8, %body2 ], [ %v79, %body4 ]
  %v36 = phi float [ 0xFFF0000000000000, %body2 ], [ %v66, %body4 ]
  %v37 = phi float [ 0xFFF0000000000000, %body2 ], [ %v70, %body4 ]
  %v38 = phi float [ 0xFFF0000000000000, %body2 ], [ %v74, %body4 ]
  %v39 = phi float [ 0xFFF0000000000000, %body2 ], [ %v78, %body4 ]
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
  %v64 = select i1 %v63, float %v53, float %v36
  %v65 = fcmp une float %v53, %v53
  %v66 = select i1 %v65, float %v53, float %v64
  %v67 = fcmp ogt float %v56, %v37
  %v68 = select i1 %v67, float %v56, float %v37
  %v69 = fcmp une float %v56, %v56
  %v70 = select i1 %v69, float %v56, float %v68
  %v71 = fcmp ogt float %v59, %v38
  %v72 = select i1 %v71, float %v59, float %v38
  %v73 = fcmp une float %v59, %v59
  %v74 = select i1 %v73, float %v59, float %v72
  %v75 = fcmp ogt float %v62, %v39
  %v76 = select i1 %v75, float %v62, float %v39
  %v77 = fcmp une float %v62, %v62
  %v78 = select i1 %v77, float %v62, float %v76
  %v79 = add i64 %v35, %v31
  br label %loop3
after5:
  %v80 = phi i64 [ %v35, %loop3 ]
  %v81 = phi float [ %v36, %loop3 ]
  %v82 = phi float [ %v37, %loop3 ]
  %v83 = phi float [ %v38, %loop3 ]
  %v84 = phi float [ %v39, %loop3 ]
  %v85 = fcmp ogt float %v82, %v81
  %v86 = select i1 %v85, float %v82, float %v81
  %v87 = fcmp une float %v82, %v82
  %v88 = select i1 %v87, float %v82, float %v86
  %v89 = fcmp ogt float %v84, %v83
  %v90 = select i1 %v89, float %v84, float %v83
  %v91 = fcmp une float %v84, %v84
  %v92 = select i1 %v91, float %v84, float %v90
  %v93 = fcmp ogt float %v92, %v88
  %v94 = select i1 %v93, float %v92, float %v88
  %v95 = fcmp une float %v92, %v92
  %v96 = select i1 %v95, float %v92, float %v94
  br label %loop6
loop6:
  %v98 = phi i64 [ %v97, %after5 ], [ %v108, %body7 ]
  %v99 = phi float [ %v96, %after5 ], [ %v107, %body7 ]
  %v100 = icmp slt i64 %v98, %v30
  br i1 %v100, label %body7, label %after8
body7:
  %v101 = mul i64 %v98, %v50
  %v102 = getelementptr i8, ptr addrspace(1) %v48, i64 %v101
  %v103 = load float, ptr addrspace(1) %v102, align 4
  %v104 = fcmp ogt float %v103, %v99
  %v105 = select i1 %v104, float %v103, float %v99
  %v106 = fcmp une float %v103, %v103
  %v107 = select i1 %v106, float %v103, float %v105
  %v108 = add i64 %v98, %v9
  br label %loop6
after8:
  %v109 = phi i64 [ %v98, %loop6 ]
  %v110 = phi float [ %v99, %loop6 ]
  br i1 %v7, label %then9, label %after10
then9:
  %v111 = getelementptr float, ptr addrspace(3) @s0, i64 %v2
  store float %v110, ptr addrspace(3) %v111
  call void @llvm.nvvm.barrier0()
  %v112 = getelementptr float, ptr addrspace(3) @s0, i64 %v3
  %v113 = load float, ptr addrspace(3) %v112
  %v114 = add i64 %v3, 32
  %v115 = getelementptr float, ptr addrspace(3) @s0, i64 %v114
  %v116 = load float, ptr addrspace(3) %v115
  %v117 = add i64 %v3, 64
  %v118 = getelementptr float, ptr addrspace(3) @s0, i64 %v117
  %v119 = load float, ptr addrspace(3) %v118
  %v120 = add i64 %v3, 96
  %v121 = getelementptr float, ptr addrspace(3) @s0, i64 %v120
  %v122 = load float, ptr addrspace(3) %v121
  %v123 = add i64 %v3, 128
  %v124 = getelementptr float, ptr addrspace(3) @s0, i64 %v123
  %v125 = load float, ptr addrspace(3) %v124
  %v126 = add i64 %v3, 160
  %v127 = getelementptr float, ptr addrspace(3) @s0, i64 %v126
  %v128 = load float, ptr addrspace(3) %v127
  %v129 = add i64 %v3, 192
  %v130 = getelementptr float, ptr addrspace(3) @s0, i64 %v129
  %v131 = load float, ptr addrspace(3) %v130
  %v132 = add i64 %v3, 224
  %v133 = getelementptr float, ptr addrspace(3) @s0, i64 %v132
  %v134 = load float, ptr addrspace(3) %v133
  %v135 = fcmp ogt float %v116, %v113
  %v136 = select i1 %v135, float %v116, float %v113
  %v137 = fcmp une float %v116, %v116
  %v138 = select i1 %v137, float %v116, float %v136
  %v139 = fcmp ogt float %v122, %v119
  %v140 = select i1 %v139, float %v122, float %v119
  %v141 = fcmp une float %v122, %v122
  %v142 = select i1 %v141, float %v122, float %v140
  %v143 = fcmp ogt float %v128, %v125
  %v144 = select i1 %v143, float %v128, float %v125
  %v145 = fcmp une float %v128, %v128
  %v146 = select i1 %v145, float %v128, float %v144
  %v147 = fcmp ogt float %v134, %v131
  %v148 = select i1 %v147, float %v134, float %v131
  %v149 = fcmp une float %v134, %v134
  %v150 = select i1 %v149, float %v134, float %v148
  %v151 = fcmp ogt float %v142, %v138
  %v152 = select i1 %v151, float %v142, float %v138
  %v153 = fcmp une float %v142, %v142
  %v154 = select i1 %v153, float %v142, float %v152
  %v155 = fcmp ogt float %v150, %v146
  %v156 = select i1 %v155, float %v150, float %v146
  %v157 = fcmp une float %v150, %v150
  %v158 = select i1 %v157, float %v150, float %v156
  %v159 = fcmp ogt float %v158, %v154
  %v160 = select i1 %v159, float %v158, float %v154
  %v161 = fcmp une float %v158, %v158
  %v162 = select i1 %v161, float %v158, float %v160
  call void @llvm.nvvm.barrier0()
  br label %after10
after10:
  %v163 = phi float [ %v162, %then9 ], [ %v110, %after8 ]
  br i1 %v164, label %then11, label %after12
then11:
  %v165 = getelementptr i64, ptr addrspace(101) %record, i64 3
  %v166 = load ptr addrspace(1), ptr addrspace(101) %v165, align 8, !invariant.load !0
  %v167 = getelementptr float, ptr addrspace(1) %v166, i64 %v29
  store float %v163, ptr addrspace(1) %v167, align 4
  br label %after12
after12:
  br label %loop1
after13:
  %v169 = phi i64 [ %v24, %loop1 ]
  ret void
}
