define void @kernel(ptr %operands, ptr %args, i64 %begin, i64 %end) nounwind {
entry:
  %v1 = getelementptr i64, ptr %args, i64 1
  %v2 = load i64, ptr %v1
  %v3 = udiv i64 %begin, %v2
  %v4 = sub i64 %v2, 1
  %v5 = add i64 %end, %v4
  %v6 = udiv i64 %v5, %v2
  %v21 = getelementptr ptr, ptr %operands, i64 0
  %v22 = load ptr, ptr %v21
  %v23 = getelementptr i64, ptr %args, i64 2
  %v24 = load i64, ptr %v23
  %v47 = getelementptr ptr, ptr %operands, i64 1
  %v48 = load ptr, ptr %v47
  %v49 = getelementptr i64, ptr %args, i64 4
  %v50 = load i64, ptr %v49
  %v115 = getelementptr ptr, ptr %operands, i64 2
  %v116 = load ptr, ptr %v115
  %v117 = getelementptr i64, ptr %args, i64 6
  %v118 = load i64, ptr %v117
  br label %loop1
loop1:
  %v7 = phi i64 [ %v3, %entry ], [ %v158, %after8 ]
  %v8 = icmp slt i64 %v7, %v6
  br i1 %v8, label %body2, label %after9
body2:
  %v9 = mul i64 %v7, %v2
  %v10 = sub i64 %begin, %v9
  %v11 = sub i64 %end, %v9
  %v12 = icmp slt i64 %v10, 0
  %v13 = select i1 %v12, i64 0, i64 %v10
  %v14 = icmp slt i64 %v11, %v2
  %v15 = select i1 %v14, i64 %v11, i64 %v2
  %v16 = sub i64 %v15, %v13
  %v17 = and i64 %v16, 63
  %v18 = sub i64 %v15, %v17
  %v25 = mul i64 %v7, %v24
  %v26 = getelementptr i8, ptr %v22, i64 %v25
  %v51 = mul i64 %v7, %v50
  %v52 = getelementptr i8, ptr %v48, i64 %v51
  %v53 = load i16, ptr %v52, align 2
  %v54 = zext i16 %v53 to i32
  %v55 = shl i32 %v54, 16
  %v56 = bitcast i32 %v55 to float
  %v57 = insertelement <16 x float> poison, float %v56, i64 0
  %v58 = shufflevector <16 x float> %v57, <16 x float> poison, <16 x i32> zeroinitializer
  %v119 = mul i64 %v7, %v118
  %v120 = getelementptr i8, ptr %v116, i64 %v119
  %v158 = add i64 %v7, 1
  br label %loop3
loop3:
  %v19 = phi i64 [ %v13, %body2 ], [ %v125, %body4 ]
  %v20 = icmp slt i64 %v19, %v18
  br i1 %v20, label %body4, label %after5
body4:
  %v27 = getelementptr i16, ptr %v26, i64 %v19
  %v28 = load <16 x i16>, ptr %v27, align 2
  %v29 = zext <16 x i16> %v28 to <16 x i32>
  %v30 = shl <16 x i32> %v29, splat (i32 16)
  %v31 = bitcast <16 x i32> %v30 to <16 x float>
  %v32 = getelementptr i16, ptr %v27, i64 16
  %v33 = load <16 x i16>, ptr %v32, align 2
  %v34 = zext <16 x i16> %v33 to <16 x i32>
  %v35 = shl <16 x i32> %v34, splat (i32 16)
  %v36 = bitcast <16 x i32> %v35 to <16 x float>
  %v37 = getelementptr i16, ptr %v27, i64 32
  %v38 = load <16 x i16>, ptr %v37, align 2
  %v39 = zext <16 x i16> %v38 to <16 x i32>
  %v40 = shl <16 x i32> %v39, splat (i32 16)
  %v41 = bitcast <16 x i32> %v40 to <16 x float>
  %v42 = getelementptr i16, ptr %v27, i64 48
  %v43 = load <16 x i16>, ptr %v42, align 2
  %v44 = zext <16 x i16> %v43 to <16 x i32>
  %v45 = shl <16 x i32> %v44, splat (i32 16)
  %v46 = bitcast <16 x i32> %v45 to <16 x float>
  %v59 = fmul <16 x float> %v31, %v58
  %v60 = bitcast <16 x float> %v59 to <16 x i32>
  %v61 = lshr <16 x i32> %v60, splat (i32 16)
  %v62 = and <16 x i32> %v61, splat (i32 1)
  %v63 = add <16 x i32> %v60, splat (i32 32767)
  %v64 = add <16 x i32> %v63, %v62
  %v65 = fcmp une <16 x float> %v59, %v59
  %v66 = or <16 x i32> %v60, splat (i32 4194304)
  %v67 = select <16 x i1> %v65, <16 x i32> %v66, <16 x i32> %v64
  %v68 = lshr <16 x i32> %v67, splat (i32 16)
  %v69 = trunc <16 x i32> %v68 to <16 x i16>
  %v70 = zext <16 x i16> %v69 to <16 x i32>
  %v71 = shl <16 x i32> %v70, splat (i32 16)
  %v72 = bitcast <16 x i32> %v71 to <16 x float>
  %v73 = fmul <16 x float> %v36, %v58
  %v74 = bitcast <16 x float> %v73 to <16 x i32>
  %v75 = lshr <16 x i32> %v74, splat (i32 16)
  %v76 = and <16 x i32> %v75, splat (i32 1)
  %v77 = add <16 x i32> %v74, splat (i32 32767)
  %v78 = add <16 x i32> %v77, %v76
  %v79 = fcmp une <16 x float> %v73, %v73
  %v80 = or <16 x i32> %v74, splat (i32 4194304)
  %v81 = select <16 x i1> %v79, <16 x i32> %v80, <16 x i32> %v78
  %v82 = lshr <16 x i32> %v81, splat (i32 16)
  %v83 = trunc <16 x i32> %v82 to <16 x i16>
  %v84 = zext <16 x i16> %v83 to <16 x i32>
  %v85 = shl <16 x i32> %v84, splat (i32 16)
  %v86 = bitcast <16 x i32> %v85 to <16 x float>
  %v87 = fmul <16 x float> %v41, %v58
  %v88 = bitcast <16 x float> %v87 to <16 x i32>
  %v89 = lshr <16 x i32> %v88, splat (i32 16)
  %v90 = and <16 x i32> %v89, splat (i32 1)
  %v91 = add <16 x i32> %v88, splat (i32 32767)
  %v92 = add <16 x i32> %v91, %v90
  %v93 = fcmp une <16 x float> %v87, %v87
  %v94 = or <16 x i32> %v88, splat (i32 4194304)
  %v95 = select <16 x i1> %v93, <16 x i32> %v94, <16 x i32> %v92
  %v96 = lshr <16 x i32> %v95, splat (i32 16)
  %v97 = trunc <16 x i32> %v96 to <16 x i16>
  %v98 = zext <16 x i16> %v97 to <16 x i32>
  %v99 = shl <16 x i32> %v98, splat (i32 16)
  %v100 = bitcast <16 x i32> %v99 to <16 x float>
  %v101 = fmul <16 x float> %v46, %v58
  %v102 = bitcast <16 x float> %v101 to <16 x i32>
  %v103 = lshr <16 x i32> %v102, splat (i32 16)
  %v104 = and <16 x i32> %v103, splat (i32 1)
  %v105 = add <16 x i32> %v102, splat (i32 32767)
  %v106 = add <16 x i32> %v105, %v104
  %v107 = fcmp une <16 x float> %v101, %v101
  %v108 = or <16 x i32> %v102, splat (i32 4194304)
  %v109 = select <16 x i1> %v107, <16 x i32> %v108, <16 x i32> %v106
  %v110 = lshr <16 x i32> %v109, splat (i32 16)
  %v111 = trunc <16 x i32> %v110 to <16 x i16>
  %v112 = zext <16 x i16> %v111 to <16 x i32>
  %v113 = shl <16 x i32> %v112, splat (i32 16)
  %v114 = bitcast <16 x i32> %v113 to <16 x float>
  %v121 = getelementptr i16, ptr %v120, i64 %v19
  store <16 x i16> %v69, ptr %v121, align 2
  %v122 = getelementptr i16, ptr %v121, i64 16
  store <16 x i16> %v83, ptr %v122, align 2
  %v123 = getelementptr i16, ptr %v121, i64 32
  store <16 x i16> %v97, ptr %v123, align 2
  %v124 = getelementptr i16, ptr %v121, i64 48
  store <16 x i16> %v111, ptr %v124, align 2
  %v125 = add i64 %v19, 64
  br label %loop3
after5:
  %v126 = phi i64 [ %v19, %loop3 ]
  br label %loop6
loop6:
  %v127 = phi i64 [ %v18, %after5 ], [ %v156, %body7 ]
  %v128 = icmp slt i64 %v127, %v15
  br i1 %v128, label %body7, label %after8
body7:
  %v129 = sub i64 %v15, %v127
  %v130 = icmp slt i64 %v129, 16
  %v131 = select i1 %v130, i64 %v129, i64 16
  %v132 = trunc i64 %v131 to i32
  %v133 = insertelement <16 x i32> poison, i32 %v132, i64 0
  %v134 = shufflevector <16 x i32> %v133, <16 x i32> poison, <16 x i32> zeroinitializer
  %v135 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v134
  %v136 = getelementptr i16, ptr %v26, i64 %v127
  %v137 = call <16 x i16> @llvm.masked.load.v16i16.p0(ptr align 2 %v136, <16 x i1> %v135, <16 x i16> zeroinitializer)
  %v138 = zext <16 x i16> %v137 to <16 x i32>
  %v139 = shl <16 x i32> %v138, splat (i32 16)
  %v140 = bitcast <16 x i32> %v139 to <16 x float>
  %v141 = fmul <16 x float> %v140, %v58
  %v142 = bitcast <16 x float> %v141 to <16 x i32>
  %v143 = lshr <16 x i32> %v142, splat (i32 16)
  %v144 = and <16 x i32> %v143, splat (i32 1)
  %v145 = add <16 x i32> %v142, splat (i32 32767)
  %v146 = add <16 x i32> %v145, %v144
  %v147 = fcmp une <16 x float> %v141, %v141
  %v148 = or <16 x i32> %v142, splat (i32 4194304)
  %v149 = select <16 x i1> %v147, <16 x i32> %v148, <16 x i32> %v146
  %v150 = lshr <16 x i32> %v149, splat (i32 16)
  %v151 = trunc <16 x i32> %v150 to <16 x i16>
  %v152 = zext <16 x i16> %v151 to <16 x i32>
  %v153 = shl <16 x i32> %v152, splat (i32 16)
  %v154 = bitcast <16 x i32> %v153 to <16 x float>
  %v155 = getelementptr i16, ptr %v120, i64 %v127
  call void @llvm.masked.store.v16i16.p0(<16 x i16> %v151, ptr align 2 %v155, <16 x i1> %v135)
  %v156 = add i64 %v127, 16
  br label %loop6
after8:
  %v157 = phi i64 [ %v127, %loop6 ]
  br label %loop1
after9:
  %v159 = phi i64 [ %v7, %loop1 ]
  ret void
}
declare <16 x i16> @llvm.masked.load.v16i16.p0(ptr, <16 x i1>, <16 x i16>)
declare void @llvm.masked.store.v16i16.p0(<16 x i16>, ptr, <16 x i1>)
