define void @kernel(ptr %operands, ptr %args, i64 %begin, i64 %end) nounwind {
entry:
  %v1 = sub i64 %end, %begin
  %v2 = and i64 %v1, 63
  %v3 = sub i64 %end, %v2
  %v6 = getelementptr i64, ptr %args, i64 1
  %v7 = load i64, ptr %v6
  %v8 = and i64 %v7, 0
  %v9 = sub i64 %v7, %v8
  %v34 = getelementptr ptr, ptr %operands, i64 0
  %v35 = load ptr, ptr %v34
  %v37 = getelementptr i64, ptr %args, i64 3
  %v38 = load i64, ptr %v37
  %v115 = getelementptr ptr, ptr %operands, i64 1
  %v116 = load ptr, ptr %v115
  br label %loop1
loop1:
  %v4 = phi i64 [ %begin, %entry ], [ %v121, %after11 ]
  %v5 = icmp slt i64 %v4, %v3
  br i1 %v5, label %body2, label %after12
body2:
  %v36 = getelementptr float, ptr %v35, i64 %v4
  %v42 = getelementptr float, ptr %v36, i64 16
  %v45 = getelementptr float, ptr %v36, i64 32
  %v48 = getelementptr float, ptr %v36, i64 48
  %v117 = getelementptr float, ptr %v116, i64 %v4
  %v118 = getelementptr float, ptr %v117, i64 16
  %v119 = getelementptr float, ptr %v117, i64 32
  %v120 = getelementptr float, ptr %v117, i64 48
  %v121 = add i64 %v4, 64
  br label %loop3
loop3:
  %v10 = phi i64 [ 0, %body2 ], [ %v16, %after10 ]
  %v11 = phi <16 x float> [ splat (float 0xFFF0000000000000), %body2 ], [ %v97, %after10 ]
  %v12 = phi <16 x float> [ splat (float 0xFFF0000000000000), %body2 ], [ %v101, %after10 ]
  %v13 = phi <16 x float> [ splat (float 0xFFF0000000000000), %body2 ], [ %v105, %after10 ]
  %v14 = phi <16 x float> [ splat (float 0xFFF0000000000000), %body2 ], [ %v109, %after10 ]
  %v15 = icmp slt i64 %v10, %v9
  br i1 %v15, label %body4, label %after11
body4:
  %v16 = add i64 %v10, 65536
  %v17 = icmp slt i64 %v16, %v9
  %v18 = select i1 %v17, i64 %v16, i64 %v9
  br label %loop5
loop5:
  %v19 = phi i64 [ %v10, %body4 ], [ %v25, %after9 ]
  %v20 = phi <16 x float> [ splat (float 0xFFF0000000000000), %body4 ], [ %v76, %after9 ]
  %v21 = phi <16 x float> [ splat (float 0xFFF0000000000000), %body4 ], [ %v80, %after9 ]
  %v22 = phi <16 x float> [ splat (float 0xFFF0000000000000), %body4 ], [ %v84, %after9 ]
  %v23 = phi <16 x float> [ splat (float 0xFFF0000000000000), %body4 ], [ %v88, %after9 ]
  %v24 = icmp slt i64 %v19, %v18
  br i1 %v24, label %body6, label %after10
body6:
  %v25 = add i64 %v19, 256
  %v26 = icmp slt i64 %v25, %v18
  %v27 = select i1 %v26, i64 %v25, i64 %v18
  br label %loop7
loop7:
  %v28 = phi i64 [ %v19, %body6 ], [ %v67, %body8 ]
  %v29 = phi <16 x float> [ splat (float 0xFFF0000000000000), %body6 ], [ %v54, %body8 ]
  %v30 = phi <16 x float> [ splat (float 0xFFF0000000000000), %body6 ], [ %v58, %body8 ]
  %v31 = phi <16 x float> [ splat (float 0xFFF0000000000000), %body6 ], [ %v62, %body8 ]
  %v32 = phi <16 x float> [ splat (float 0xFFF0000000000000), %body6 ], [ %v66, %body8 ]
  %v33 = icmp slt i64 %v28, %v27
  br i1 %v33, label %body8, label %after9
body8:
  %v39 = mul i64 %v28, %v38
  %v40 = getelementptr i8, ptr %v36, i64 %v39
  %v41 = load <16 x float>, ptr %v40, align 4
  %v43 = getelementptr i8, ptr %v42, i64 %v39
  %v44 = load <16 x float>, ptr %v43, align 4
  %v46 = getelementptr i8, ptr %v45, i64 %v39
  %v47 = load <16 x float>, ptr %v46, align 4
  %v49 = getelementptr i8, ptr %v48, i64 %v39
  %v50 = load <16 x float>, ptr %v49, align 4
  %v51 = fcmp ogt <16 x float> %v41, %v29
  %v52 = select <16 x i1> %v51, <16 x float> %v41, <16 x float> %v29
  %v53 = fcmp une <16 x float> %v41, %v41
  %v54 = select <16 x i1> %v53, <16 x float> %v41, <16 x float> %v52
  %v55 = fcmp ogt <16 x float> %v44, %v30
  %v56 = select <16 x i1> %v55, <16 x float> %v44, <16 x float> %v30
  %v57 = fcmp une <16 x float> %v44, %v44
  %v58 = select <16 x i1> %v57, <16 x float> %v44, <16 x float> %v56
  %v59 = fcmp ogt <16 x float> %v47, %v31
  %v60 = select <16 x i1> %v59, <16 x float> %v47, <16 x float> %v31
  %v61 = fcmp une <16 x float> %v47, %v47
  %v62 = select <16 x i1> %v61, <16 x float> %v47, <16 x float> %v60
  %v63 = fcmp ogt <16 x float> %v50, %v32
  %v64 = select <16 x i1> %v63, <16 x float> %v50, <16 x float> %v32
  %v65 = fcmp une <16 x float> %v50, %v50
  %v66 = select <16 x i1> %v65, <16 x float> %v50, <16 x float> %v64
  %v67 = add i64 %v28, 1
  br label %loop7
after9:
  %v68 = phi i64 [ %v28, %loop7 ]
  %v69 = phi <16 x float> [ %v29, %loop7 ]
  %v70 = phi <16 x float> [ %v30, %loop7 ]
  %v71 = phi <16 x float> [ %v31, %loop7 ]
  %v72 = phi <16 x float> [ %v32, %loop7 ]
  %v73 = fcmp ogt <16 x float> %v69, %v20
  %v74 = select <16 x i1> %v73, <16 x float> %v69, <16 x float> %v20
  %v75 = fcmp une <16 x float> %v69, %v69
  %v76 = select <16 x i1> %v75, <16 x float> %v69, <16 x float> %v74
  %v77 = fcmp ogt <16 x float> %v70, %v21
  %v78 = select <16 x i1> %v77, <16 x float> %v70, <16 x float> %v21
  %v79 = fcmp une <16 x float> %v70, %v70
  %v80 = select <16 x i1> %v79, <16 x float> %v70, <16 x float> %v78
  %v81 = fcmp ogt <16 x float> %v71, %v22
  %v82 = select <16 x i1> %v81, <16 x float> %v71, <16 x float> %v22
  %v83 = fcmp une <16 x float> %v71, %v71
  %v84 = select <16 x i1> %v83, <16 x float> %v71, <16 x float> %v82
  %v85 = fcmp ogt <16 x float> %v72, %v23
  %v86 = select <16 x i1> %v85, <16 x float> %v72, <16 x float> %v23
  %v87 = fcmp une <16 x float> %v72, %v72
  %v88 = select <16 x i1> %v87, <16 x float> %v72, <16 x float> %v86
  br label %loop5
after10:
  %v89 = phi i64 [ %v19, %loop5 ]
  %v90 = phi <16 x float> [ %v20, %loop5 ]
  %v91 = phi <16 x float> [ %v21, %loop5 ]
  %v92 = phi <16 x float> [ %v22, %loop5 ]
  %v93 = phi <16 x float> [ %v23, %loop5 ]
  %v94 = fcmp ogt <16 x float> %v90, %v11
  %v95 = select <16 x i1> %v94, <16 x float> %v90, <16 x float> %v11
  %v96 = fcmp une <16 x float> %v90, %v90
  %v97 = select <16 x i1> %v96, <16 x float> %v90, <16 x float> %v95
  %v98 = fcmp ogt <16 x float> %v91, %v12
  %v99 = select <16 x i1> %v98, <16 x float> %v91, <16 x float> %v12
  %v100 = fcmp une <16 x float> %v91, %v91
  %v101 = select <16 x i1> %v100, <16 x float> %v91, <16 x float> %v99
  %v102 = fcmp ogt <16 x float> %v92, %v13
  %v103 = select <16 x i1> %v102, <16 x float> %v92, <16 x float> %v13
  %v104 = fcmp une <16 x float> %v92, %v92
  %v105 = select <16 x i1> %v104, <16 x float> %v92, <16 x float> %v103
  %v106 = fcmp ogt <16 x float> %v93, %v14
  %v107 = select <16 x i1> %v106, <16 x float> %v93, <16 x float> %v14
  %v108 = fcmp une <16 x float> %v93, %v93
  %v109 = select <16 x i1> %v108, <16 x float> %v93, <16 x float> %v107
  br label %loop3
after11:
  %v110 = phi i64 [ %v10, %loop3 ]
  %v111 = phi <16 x float> [ %v11, %loop3 ]
  %v112 = phi <16 x float> [ %v12, %loop3 ]
  %v113 = phi <16 x float> [ %v13, %loop3 ]
  %v114 = phi <16 x float> [ %v14, %loop3 ]
  store <16 x float> %v111, ptr %v117, align 4
  store <16 x float> %v112, ptr %v118, align 4
  store <16 x float> %v113, ptr %v119, align 4
  store <16 x float> %v114, ptr %v120, align 4
  br label %loop1
after12:
  %v122 = phi i64 [ %v4, %loop1 ]
  br label %loop13
loop13:
  %v123 = phi i64 [ %v3, %after12 ], [ %v171, %after23 ]
  %v124 = icmp slt i64 %v123, %end
  br i1 %v124, label %body14, label %after24
body14:
  %v125 = sub i64 %end, %v123
  %v126 = icmp slt i64 %v125, 16
  %v127 = select i1 %v126, i64 %v125, i64 16
  %v128 = trunc i64 %v127 to i32
  %v129 = insertelement <16 x i32> poison, i32 %v128, i64 0
  %v130 = shufflevector <16 x i32> %v129, <16 x i32> poison, <16 x i32> zeroinitializer
  %v131 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v130
  %v147 = getelementptr float, ptr %v35, i64 %v123
  %v170 = getelementptr float, ptr %v116, i64 %v123
  %v171 = add i64 %v123, 16
  br label %loop15
loop15:
  %v132 = phi i64 [ 0, %body14 ], [ %v135, %after22 ]
  %v133 = phi <16 x float> [ splat (float 0xFFF0000000000000), %body14 ], [ %v167, %after22 ]
  %v134 = icmp slt i64 %v132, %v9
  br i1 %v134, label %body16, label %after23
body16:
  %v135 = add i64 %v132, 65536
  %v136 = icmp slt i64 %v135, %v9
  %v137 = select i1 %v136, i64 %v135, i64 %v9
  br label %loop17
loop17:
  %v138 = phi i64 [ %v132, %body16 ], [ %v141, %after21 ]
  %v139 = phi <16 x float> [ splat (float 0xFFF0000000000000), %body16 ], [ %v161, %after21 ]
  %v140 = icmp slt i64 %v138, %v137
  br i1 %v140, label %body18, label %after22
body18:
  %v141 = add i64 %v138, 256
  %v142 = icmp slt i64 %v141, %v137
  %v143 = select i1 %v142, i64 %v141, i64 %v137
  br label %loop19
loop19:
  %v144 = phi i64 [ %v138, %body18 ], [ %v155, %body20 ]
  %v145 = phi <16 x float> [ splat (float 0xFFF0000000000000), %body18 ], [ %v154, %body20 ]
  %v146 = icmp slt i64 %v144, %v143
  br i1 %v146, label %body20, label %after21
body20:
  %v148 = mul i64 %v144, %v38
  %v149 = getelementptr i8, ptr %v147, i64 %v148
  %v150 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr align 4 %v149, <16 x i1> %v131, <16 x float> zeroinitializer)
  %v151 = fcmp ogt <16 x float> %v150, %v145
  %v152 = select <16 x i1> %v151, <16 x float> %v150, <16 x float> %v145
  %v153 = fcmp une <16 x float> %v150, %v150
  %v154 = select <16 x i1> %v153, <16 x float> %v150, <16 x float> %v152
  %v155 = add i64 %v144, 1
  br label %loop19
after21:
  %v156 = phi i64 [ %v144, %loop19 ]
  %v157 = phi <16 x float> [ %v145, %loop19 ]
  %v158 = fcmp ogt <16 x float> %v157, %v139
  %v159 = select <16 x i1> %v158, <16 x float> %v157, <16 x float> %v139
  %v160 = fcmp une <16 x float> %v157, %v157
  %v161 = select <16 x i1> %v160, <16 x float> %v157, <16 x float> %v159
  br label %loop17
after22:
  %v162 = phi i64 [ %v138, %loop17 ]
  %v163 = phi <16 x float> [ %v139, %loop17 ]
  %v164 = fcmp ogt <16 x float> %v163, %v133
  %v165 = select <16 x i1> %v164, <16 x float> %v163, <16 x float> %v133
  %v166 = fcmp une <16 x float> %v163, %v163
  %v167 = select <16 x i1> %v166, <16 x float> %v163, <16 x float> %v165
  br label %loop15
after23:
  %v168 = phi i64 [ %v132, %loop15 ]
  %v169 = phi <16 x float> [ %v133, %loop15 ]
  call void @llvm.masked.store.v16f32.p0(<16 x float> %v169, ptr align 4 %v170, <16 x i1> %v131)
  br label %loop13
after24:
  %v172 = phi i64 [ %v123, %loop13 ]
  ret void
}
declare <16 x float> @llvm.masked.load.v16f32.p0(ptr, <16 x i1>, <16 x float>)
declare void @llvm.masked.store.v16f32.p0(<16 x float>, ptr, <16 x i1>)
