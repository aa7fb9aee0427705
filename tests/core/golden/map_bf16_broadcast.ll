define void @kernel(ptr %operands, ptr %args, i64 %begin, i64 %end) nounwind {
entry:
  %v1 = getelementptr i64, ptr %args, i64 1
  %v2 = load i64, ptr %v1
  %v3 = udiv i64 %begin, %v2
  %v4 = mul i64 %v3, %v2
  %v5 = sub i64 %begin, %v4
  %v20 = getelementptr ptr, ptr %operands, i64 0
  %v21 = load ptr, ptr %v20
  %v22 = getelementptr i64, ptr %args, i64 2
  %v23 = load i64, ptr %v22
  %v46 = getelementptr ptr, ptr %operands, i64 1
  %v47 = load ptr, ptr %v46
  %v48 = getelementptr i64, ptr %args, i64 4
  %v49 = load i64, ptr %v48
  %v114 = getelementptr ptr, ptr %operands, i64 2
  %v115 = load ptr, ptr %v114
  %v116 = getelementptr i64, ptr %args, i64 6
  %v117 = load i64, ptr %v116
  br label %loop1
loop1:
  %v6 = phi i64 [ %begin, %entry ], [ %v158, %after8 ]
  %v7 = phi i64 [ %v3, %entry ], [ %v157, %after8 ]
  %v8 = phi i64 [ %v5, %entry ], [ 0, %after8 ]
  %v9 = icmp slt i64 %v6, %end
  br i1 %v9, label %body2, label %after9
body2:
  %v10 = sub i64 %end, %v6
  %v11 = sub i64 %v2, %v8
  %v12 = icmp slt i64 %v11, %v10
  %v13 = select i1 %v12, i64 %v11, i64 %v10
  %v14 = add i64 %v8, %v13
  %v15 = sub i64 %v14, %v8
  %v16 = and i64 %v15, 63
  %v17 = sub i64 %v14, %v16
  %v24 = mul i64 %v7, %v23
  %v25 = getelementptr i8, ptr %v21, i64 %v24
  %v50 = mul i64 %v7, %v49
  %v51 = getelementptr i8, ptr %v47, i64 %v50
  %v52 = load i16, ptr %v51, align 2
  %v53 = zext i16 %v52 to i32
  %v54 = shl i32 %v53, 16
  %v55 = bitcast i32 %v54 to float
  %v56 = insertelement <16 x float> poison, float %v55, i64 0
  %v57 = shufflevector <16 x float> %v56, <16 x float> poison, <16 x i32> zeroinitializer
  %v118 = mul i64 %v7, %v117
  %v119 = getelementptr i8, ptr %v115, i64 %v118
  %v157 = add i64 %v7, 1
  %v158 = add i64 %v6, %v13
  br label %loop3
loop3:
  %v18 = phi i64 [ %v8, %body2 ], [ %v124, %body4 ]
  %v19 = icmp slt i64 %v18, %v17
  br i1 %v19, label %body4, label %after5
body4:
  %v26 = getelementptr i16, ptr %v25, i64 %v18
  %v27 = load <16 x i16>, ptr %v26, align 2
  %v28 = zext <16 x i16> %v27 to <16 x i32>
  %v29 = shl <16 x i32> %v28, splat (i32 16)
  %v30 = bitcast <16 x i32> %v29 to <16 x float>
  %v31 = getelementptr i16, ptr %v26, i64 16
  %v32 = load <16 x i16>, ptr %v31, align 2
  %v33 = zext <16 x i16> %v32 to <16 x i32>
  %v34 = shl <16 x i32> %v33, splat (i32 16)
  %v35 = bitcast <16 x i32> %v34 to <16 x float>
  %v36 = getelementptr i16, ptr %v26, i64 32
  %v37 = load <16 x i16>, ptr %v36, align 2
  %v38 = zext <16 x i16> %v37 to <16 x i32>
  %v39 = shl <16 x i32> %v38, splat (i32 16)
  %v40 = bitcast <16 x i32> %v39 to <16 x float>
  %v41 = getelementptr i16, ptr %v26, i64 48
  %v42 = load <16 x i16>, ptr %v41, align 2
  %v43 = zext <16 x i16> %v42 to <16 x i32>
  %v44 = shl <16 x i32> %v43, splat (i32 16)
  %v45 = bitcast <16 x i32> %v44 to <16 x float>
  %v58 = fmul <16 x float> %v30, %v57
  %v59 = bitcast <16 x float> %v58 to <16 x i32>
  %v60 = lshr <16 x i32> %v59, splat (i32 16)
  %v61 = and <16 x i32> %v60, splat (i32 1)
  %v62 = add <16 x i32> %v59, splat (i32 32767)
  %v63 = add <16 x i32> %v62, %v61
  %v64 = fcmp une <16 x float> %v58, %v58
  %v65 = or <16 x i32> %v59, splat (i32 4194304)
  %v66 = select <16 x i1> %v64, <16 x i32> %v65, <16 x i32> %v63
  %v67 = lshr <16 x i32> %v66, splat (i32 16)
  %v68 = trunc <16 x i32> %v67 to <16 x i16>
  %v69 = zext <16 x i16> %v68 to <16 x i32>
  %v70 = shl <16 x i32> %v69, splat (i32 16)
  %v71 = bitcast <16 x i32> %v70 to <16 x float>
  %v72 = fmul <16 x float> %v35, %v57
  %v73 = bitcast <16 x float> %v72 to <16 x i32>
  %v74 = lshr <16 x i32> %v73, splat (i32 16)
  %v75 = and <16 x i32> %v74, splat (i32 1)
  %v76 = add <16 x i32> %v73, splat (i32 32767)
  %v77 = add <16 x i32> %v76, %v75
  %v78 = fcmp une <16 x float> %v72, %v72
  %v79 = or <16 x i32> %v73, splat (i32 4194304)
  %v80 = select <16 x i1> %v78, <16 x i32> %v79, <16 x i32> %v77
  %v81 = lshr <16 x i32> %v80, splat (i32 16)
  %v82 = trunc <16 x i32> %v81 to <16 x i16>
  %v83 = zext <16 x i16> %v82 to <16 x i32>
  %v84 = shl <16 x i32> %v83, splat (i32 16)
  %v85 = bitcast <16 x i32> %v84 to <16 x float>
  %v86 = fmul <16 x float> %v40, %v57
  %v87 = bitcast <16 x float> %v86 to <16 x i32>
  %v88 = lshr <16 x i32> %v87, splat (i32 16)
  %v89 = and <16 x i32> %v88, splat (i32 1)
  %v90 = add <16 x i32> %v87, splat (i32 32767)
  %v91 = add <16 x i32> %v90, %v89
  %v92 = fcmp une <16 x float> %v86, %v86
  %v93 = or <16 x i32> %v87, splat (i32 4194304)
  %v94 = select <16 x i1> %v92, <16 x i32> %v93, <16 x i32> %v91
  %v95 = lshr <16 x i32> %v94, splat (i32 16)
  %v96 = trunc <16 x i32> %v95 to <16 x i16>
  %v97 = zext <16 x i16> %v96 to <16 x i32>
  %v98 = shl <16 x i32> %v97, splat (i32 16)
  %v99 = bitcast <16 x i32> %v98 to <16 x float>
  %v100 = fmul <16 x float> %v45, %v57
  %v101 = bitcast <16 x float> %v100 to <16 x i32>
  %v102 = lshr <16 x i32> %v101, splat (i32 16)
  %v103 = and <16 x i32> %v102, splat (i32 1)
  %v104 = add <16 x i32> %v101, splat (i32 32767)
  %v105 = add <16 x i32> %v104, %v103
  %v106 = fcmp une <16 x float> %v100, %v100
  %v107 = or <16 x i32> %v101, splat (i32 4194304)
  %v108 = select <16 x i1> %v106, <16 x i32> %v107, <16 x i32> %v105
  %v109 = lshr <16 x i32> %v108, splat (i32 16)
  %v110 = trunc <16 x i32> %v109 to <16 x i16>
  %v111 = zext <16 x i16> %v110 to <16 x i32>
  %v112 = shl <16 x i32> %v111, splat (i32 16)
  %v113 = bitcast <16 x i32> %v112 to <16 x float>
  %v120 = getelementptr i16, ptr %v119, i64 %v18
  store <16 x i16> %v68, ptr %v120, align 2
  %v121 = getelementptr i16, ptr %v120, i64 16
  store <16 x i16> %v82, ptr %v121, align 2
  %v122 = getelementptr i16, ptr %v120, i64 32
  store <16 x i16> %v96, ptr %v122, align 2
  %v123 = getelementptr i16, ptr %v120, i64 48
  store <16 x i16> %v110, ptr %v123, align 2
  %v124 = add i64 %v18, 64
  br label %loop3
after5:
  %v125 = phi i64 [ %v18, %loop3 ]
  br label %loop6
loop6:
  %v126 = phi i64 [ %v17, %after5 ], [ %v155, %body7 ]
  %v127 = icmp slt i64 %v126, %v14
  br i1 %v127, label %body7, label %after8
body7:
  %v128 = sub i64 %v14, %v126
  %v129 = icmp slt i64 %v128, 16
  %v130 = select i1 %v129, i64 %v128, i64 16
  %v131 = trunc i64 %v130 to i32
  %v132 = insertelement <16 x i32> poison, i32 %v131, i64 0
  %v133 = shufflevector <16 x i32> %v132, <16 x i32> poison, <16 x i32> zeroinitializer
  %v134 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v133
  %v135 = getelementptr i16, ptr %v25, i64 %v126
  %v136 = call <16 x i16> @llvm.masked.load.v16i16.p0(ptr align 2 %v135, <16 x i1> %v134, <16 x i16> zeroinitializer)
  %v137 = zext <16 x i16> %v136 to <16 x i32>
  %v138 = shl <16 x i32> %v137, splat (i32 16)
  %v139 = bitcast <16 x i32> %v138 to <16 x float>
  %v140 = fmul <16 x float> %v139, %v57
  %v141 = bitcast <16 x float> %v140 to <16 x i32>
  %v142 = lshr <16 x i32> %v141, splat (i32 16)
  %v143 = and <16 x i32> %v142, splat (i32 1)
  %v144 = add <16 x i32> %v141, splat (i32 32767)
  %v145 = add <16 x i32> %v144, %v143
  %v146 = fcmp une <16 x float> %v140, %v140
  %v147 = or <16 x i32> %v141, splat (i32 4194304)
  %v148 = select <16 x i1> %v146, <16 x i32> %v147, <16 x i32> %v145
  %v149 = lshr <16 x i32> %v148, splat (i32 16)
  %v150 = trunc <16 x i32> %v149 to <16 x i16>
  %v151 = zext <16 x i16> %v150 to <16 x i32>
  %v152 = shl <16 x i32> %v151, splat (i32 16)
  %v153 = bitcast <16 x i32> %v152 to <16 x float>
  %v154 = getelementptr i16, ptr %v119, i64 %v126
  call void @llvm.masked.store.v16i16.p0(<16 x i16> %v150, ptr align 2 %v154, <16 x i1> %v134)
  %v155 = add i64 %v126, 16
  br label %loop6
after8:
  %v156 = phi i64 [ %v126, %loop6 ]
  br label %loop1
after9:
  %v159 = phi i64 [ %v6, %loop1 ]
  %v160 = phi i64 [ %v7, %loop1 ]
  %v161 = phi i64 [ %v8, %loop1 ]
  ret void
}
declare <16 x i16> @llvm.masked.load.v16i16.p0(ptr, <16 x i1>, <16 x i16>)
declare void @llvm.masked.store.v16i16.p0(<16 x i16>, ptr, <16 x i1>)
