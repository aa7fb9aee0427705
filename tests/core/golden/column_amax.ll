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
  %v115 = getelementptr i64, ptr %args, i64 5
  %v116 = load i64, ptr %v115
  %v117 = icmp eq i64 %v116, 0
  %v118 = select i1 %v117, i64 1, i64 %v7
  %v121 = getelementptr ptr, ptr %operands, i64 1
  %v122 = load ptr, ptr %v121
  br label %loop1
loop1:
  %v4 = phi i64 [ %begin, %entry ], [ %v134, %after14 ]
  %v5 = icmp slt i64 %v4, %v3
  br i1 %v5, label %body2, label %after15
body2:
  %v36 = getelementptr float, ptr %v35, i64 %v4
  %v42 = getelementptr float, ptr %v36, i64 16
  %v45 = getelementptr float, ptr %v36, i64 32
  %v48 = getelementptr float, ptr %v36, i64 48
  %v123 = getelementptr float, ptr %v122, i64 %v4
  %v126 = getelementptr float, ptr %v123, i64 16
  %v128 = getelementptr float, ptr %v123, i64 32
  %v130 = getelementptr float, ptr %v123, i64 48
  %v134 = add i64 %v4, 64
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
  br label %loop12
loop12:
  %v119 = phi i64 [ 0, %after11 ], [ %v132, %body13 ]
  %v120 = icmp slt i64 %v119, %v118
  br i1 %v120, label %body13, label %after14
body13:
  %v124 = mul i64 %v119, %v116
  %v125 = getelementptr i8, ptr %v123, i64 %v124
  store <16 x float> %v111, ptr %v125, align 4
  %v127 = getelementptr i8, ptr %v126, i64 %v124
  store <16 x float> %v112, ptr %v127, align 4
  %v129 = getelementptr i8, ptr %v128, i64 %v124
  store <16 x float> %v113, ptr %v129, align 4
  %v131 = getelementptr i8, ptr %v130, i64 %v124
  store <16 x float> %v114, ptr %v131, align 4
  %v132 = add i64 %v119, 1
  br label %loop12
after14:
  %v133 = phi i64 [ %v119, %loop12 ]
  br label %loop1
after15:
  %v135 = phi i64 [ %v4, %loop1 ]
  br label %loop16
loop16:
  %v136 = phi i64 [ %v3, %after15 ], [ %v190, %after29 ]
  %v137 = icmp slt i64 %v136, %end
  br i1 %v137, label %body17, label %after30
body17:
  %v138 = sub i64 %end, %v136
  %v139 = icmp slt i64 %v138, 16
  %v140 = select i1 %v139, i64 %v138, i64 16
  %v141 = trunc i64 %v140 to i32
  %v142 = insertelement <16 x i32> poison, i32 %v141, i64 0
  %v143 = shufflevector <16 x i32> %v142, <16 x i32> poison, <16 x i32> zeroinitializer
  %v144 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v143
  %v160 = getelementptr float, ptr %v35, i64 %v136
  %v185 = getelementptr float, ptr %v122, i64 %v136
  %v190 = add i64 %v136, 16
  br label %loop18
loop18:
  %v145 = phi i64 [ 0, %body17 ], [ %v148, %after25 ]
  %v146 = phi <16 x float> [ splat (float 0xFFF0000000000000), %body17 ], [ %v180, %after25 ]
  %v147 = icmp slt i64 %v145, %v9
  br i1 %v147, label %body19, label %after26
body19:
  %v148 = add i64 %v145, 65536
  %v149 = icmp slt i64 %v148, %v9
  %v150 = select i1 %v149, i64 %v148, i64 %v9
  br label %loop20
loop20:
  %v151 = phi i64 [ %v145, %body19 ], [ %v154, %after24 ]
  %v152 = phi <16 x float> [ splat (float 0xFFF0000000000000), %body19 ], [ %v174, %after24 ]
  %v153 = icmp slt i64 %v151, %v150
  br i1 %v153, label %body21, label %after25
body21:
  %v154 = add i64 %v151, 256
  %v155 = icmp slt i64 %v154, %v150
  %v156 = select i1 %v155, i64 %v154, i64 %v150
  br label %loop22
loop22:
  %v157 = phi i64 [ %v151, %body21 ], [ %v168, %body23 ]
  %v158 = phi <16 x float> [ splat (float 0xFFF0000000000000), %body21 ], [ %v167, %body23 ]
  %v159 = icmp slt i64 %v157, %v156
  br i1 %v159, label %body23, label %after24
body23:
  %v161 = mul i64 %v157, %v38
  %v162 = getelementptr i8, ptr %v160, i64 %v161
  %v163 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr align 4 %v162, <16 x i1> %v144, <16 x float> zeroinitializer)
  %v164 = fcmp ogt <16 x float> %v163, %v158
  %v165 = select <16 x i1> %v164, <16 x float> %v163, <16 x float> %v158
  %v166 = fcmp une <16 x float> %v163, %v163
  %v167 = select <16 x i1> %v166, <16 x float> %v163, <16 x float> %v165
  %v168 = add i64 %v157, 1
  br label %loop22
after24:
  %v169 = phi i64 [ %v157, %loop22 ]
  %v170 = phi <16 x float> [ %v158, %loop22 ]
  %v171 = fcmp ogt <16 x float> %v170, %v152
  %v172 = select <16 x i1> %v171, <16 x float> %v170, <16 x float> %v152
  %v173 = fcmp une <16 x float> %v170, %v170
  %v174 = select <16 x i1> %v173, <16 x float> %v170, <16 x float> %v172
  br label %loop20
after25:
  %v175 = phi i64 [ %v151, %loop20 ]
  %v176 = phi <16 x float> [ %v152, %loop20 ]
  %v177 = fcmp ogt <16 x float> %v176, %v146
  %v178 = select <16 x i1> %v177, <16 x float> %v176, <16 x float> %v146
  %v179 = fcmp une <16 x float> %v176, %v176
  %v180 = select <16 x i1> %v179, <16 x float> %v176, <16 x float> %v178
  br label %loop18
after26:
  %v181 = phi i64 [ %v145, %loop18 ]
  %v182 = phi <16 x float> [ %v146, %loop18 ]
  br label %loop27
loop27:
  %v183 = phi i64 [ 0, %after26 ], [ %v188, %body28 ]
  %v184 = icmp slt i64 %v183, %v118
  br i1 %v184, label %body28, label %after29
body28:
  %v186 = mul i64 %v183, %v116
  %v187 = getelementptr i8, ptr %v185, i64 %v186
  call void @llvm.masked.store.v16f32.p0(<16 x float> %v182, ptr align 4 %v187, <16 x i1> %v144)
  %v188 = add i64 %v183, 1
  br label %loop27
after29:
  %v189 = phi i64 [ %v183, %loop27 ]
  br label %loop16
after30:
  %v191 = phi i64 [ %v136, %loop16 ]
  ret void
}
declare <16 x float> @llvm.masked.load.v16f32.p0(ptr, <16 x i1>, <16 x float>)
declare void @llvm.masked.store.v16f32.p0(<16 x float>, ptr, <16 x i1>)
