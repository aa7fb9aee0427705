define void @kernel(ptr %operands, ptr %args, i64 %begin, i64 %end) nounwind {
entry:
  %v1 = getelementptr i64, ptr %args, i64 1
  %v2 = load i64, ptr %v1
  %v3 = udiv i64 %begin, %v2
  %v4 = sub i64 %v2, 1
  %v5 = add i64 %end, %v4
  %v6 = udiv i64 %v5, %v2
  %v21 = getelementptr ptr, ptr %operands, i64 2
  %v22 = load ptr, ptr %v21
  %v23 = getelementptr i64, ptr %args, i64 6
  %v24 = load i64, ptr %v23
  %v35 = getelementptr ptr, ptr %operands, i64 0
  %v36 = load ptr, ptr %v35
  %v37 = getelementptr i64, ptr %args, i64 2
  %v38 = load i64, ptr %v37
  %v61 = getelementptr ptr, ptr %operands, i64 1
  %v62 = load ptr, ptr %v61
  %v63 = getelementptr i64, ptr %args, i64 4
  %v64 = load i64, ptr %v63
  br label %loop1
loop1:
  %v7 = phi i64 [ %v3, %entry ], [ %v162, %after8 ]
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
  %v39 = mul i64 %v7, %v38
  %v40 = getelementptr i8, ptr %v36, i64 %v39
  %v65 = mul i64 %v7, %v64
  %v66 = getelementptr i8, ptr %v62, i64 %v65
  %v67 = load i16, ptr %v66, align 2
  %v68 = zext i16 %v67 to i32
  %v69 = shl i32 %v68, 16
  %v70 = bitcast i32 %v69 to float
  %v71 = insertelement <16 x float> poison, float %v70, i64 0
  %v72 = shufflevector <16 x float> %v71, <16 x float> poison, <16 x i32> zeroinitializer
  %v162 = add i64 %v7, 1
  br label %loop3
loop3:
  %v19 = phi i64 [ %v13, %body2 ], [ %v129, %body4 ]
  %v20 = icmp slt i64 %v19, %v18
  br i1 %v20, label %body4, label %after5
body4:
  %v27 = getelementptr i16, ptr %v26, i64 %v19
  %v28 = getelementptr i8, ptr %v27, i64 1024
  call void @llvm.prefetch.p0(ptr %v28, i32 1, i32 3, i32 1)
  %v29 = getelementptr i16, ptr %v27, i64 16
  %v30 = getelementptr i8, ptr %v29, i64 1024
  call void @llvm.prefetch.p0(ptr %v30, i32 1, i32 3, i32 1)
  %v31 = getelementptr i16, ptr %v27, i64 32
  %v32 = getelementptr i8, ptr %v31, i64 1024
  call void @llvm.prefetch.p0(ptr %v32, i32 1, i32 3, i32 1)
  %v33 = getelementptr i16, ptr %v27, i64 48
  %v34 = getelementptr i8, ptr %v33, i64 1024
  call void @llvm.prefetch.p0(ptr %v34, i32 1, i32 3, i32 1)
  %v41 = getelementptr i16, ptr %v40, i64 %v19
  %v42 = load <16 x i16>, ptr %v41, align 2
  %v43 = zext <16 x i16> %v42 to <16 x i32>
  %v44 = shl <16 x i32> %v43, splat (i32 16)
  %v45 = bitcast <16 x i32> %v44 to <16 x float>
  %v46 = getelementptr i16, ptr %v41, i64 16
  %v47 = load <16 x i16>, ptr %v46, align 2
  %v48 = zext <16 x i16> %v47 to <16 x i32>
  %v49 = shl <16 x i32> %v48, splat (i32 16)
  %v50 = bitcast <16 x i32> %v49 to <16 x float>
  %v51 = getelementptr i16, ptr %v41, i64 32
  %v52 = load <16 x i16>, ptr %v51, align 2
  %v53 = zext <16 x i16> %v52 to <16 x i32>
  %v54 = shl <16 x i32> %v53, splat (i32 16)
  %v55 = bitcast <16 x i32> %v54 to <16 x float>
  %v56 = getelementptr i16, ptr %v41, i64 48
  %v57 = load <16 x i16>, ptr %v56, align 2
  %v58 = zext <16 x i16> %v57 to <16 x i32>
  %v59 = shl <16 x i32> %v58, splat (i32 16)
  %v60 = bitcast <16 x i32> %v59 to <16 x float>
  %v73 = fmul <16 x float> %v45, %v72
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
  %v87 = fmul <16 x float> %v50, %v72
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
  %v101 = fmul <16 x float> %v55, %v72
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
  %v115 = fmul <16 x float> %v60, %v72
  %v116 = bitcast <16 x float> %v115 to <16 x i32>
  %v117 = lshr <16 x i32> %v116, splat (i32 16)
  %v118 = and <16 x i32> %v117, splat (i32 1)
  %v119 = add <16 x i32> %v116, splat (i32 32767)
  %v120 = add <16 x i32> %v119, %v118
  %v121 = fcmp une <16 x float> %v115, %v115
  %v122 = or <16 x i32> %v116, splat (i32 4194304)
  %v123 = select <16 x i1> %v121, <16 x i32> %v122, <16 x i32> %v120
  %v124 = lshr <16 x i32> %v123, splat (i32 16)
  %v125 = trunc <16 x i32> %v124 to <16 x i16>
  %v126 = zext <16 x i16> %v125 to <16 x i32>
  %v127 = shl <16 x i32> %v126, splat (i32 16)
  %v128 = bitcast <16 x i32> %v127 to <16 x float>
  store <16 x i16> %v83, ptr %v27, align 2
  store <16 x i16> %v97, ptr %v29, align 2
  store <16 x i16> %v111, ptr %v31, align 2
  store <16 x i16> %v125, ptr %v33, align 2
  %v129 = add i64 %v19, 64
  br label %loop3
after5:
  %v130 = phi i64 [ %v19, %loop3 ]
  br label %loop6
loop6:
  %v131 = phi i64 [ %v18, %after5 ], [ %v160, %body7 ]
  %v132 = icmp slt i64 %v131, %v15
  br i1 %v132, label %body7, label %after8
body7:
  %v133 = sub i64 %v15, %v131
  %v134 = icmp slt i64 %v133, 16
  %v135 = select i1 %v134, i64 %v133, i64 16
  %v136 = trunc i64 %v135 to i32
  %v137 = insertelement <16 x i32> poison, i32 %v136, i64 0
  %v138 = shufflevector <16 x i32> %v137, <16 x i32> poison, <16 x i32> zeroinitializer
  %v139 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v138
  %v140 = getelementptr i16, ptr %v40, i64 %v131
  %v141 = call <16 x i16> @llvm.masked.load.v16i16.p0(ptr align 2 %v140, <16 x i1> %v139, <16 x i16> zeroinitializer)
  %v142 = zext <16 x i16> %v141 to <16 x i32>
  %v143 = shl <16 x i32> %v142, splat (i32 16)
  %v144 = bitcast <16 x i32> %v143 to <16 x float>
  %v145 = fmul <16 x float> %v144, %v72
  %v146 = bitcast <16 x float> %v145 to <16 x i32>
  %v147 = lshr <16 x i32> %v146, splat (i32 16)
  %v148 = and <16 x i32> %v147, splat (i32 1)
  %v149 = add <16 x i32> %v146, splat (i32 32767)
  %v150 = add <16 x i32> %v149, %v148
  %v151 = fcmp une <16 x float> %v145, %v145
  %v152 = or <16 x i32> %v146, splat (i32 4194304)
  %v153 = select <16 x i1> %v151, <16 x i32> %v152, <16 x i32> %v150
  %v154 = lshr <16 x i32> %v153, splat (i32 16)
  %v155 = trunc <16 x i32> %v154 to <16 x i16>
  %v156 = zext <16 x i16> %v155 to <16 x i32>
  %v157 = shl <16 x i32> %v156, splat (i32 16)
  %v158 = bitcast <16 x i32> %v157 to <16 x float>
  %v159 = getelementptr i16, ptr %v26, i64 %v131
  call void @llvm.masked.store.v16i16.p0(<16 x i16> %v155, ptr align 2 %v159, <16 x i1> %v139)
  %v160 = add i64 %v131, 16
  br label %loop6
after8:
  %v161 = phi i64 [ %v131, %loop6 ]
  br label %loop1
after9:
  %v163 = phi i64 [ %v7, %loop1 ]
  ret void
}
declare void @llvm.prefetch.p0(ptr, i32, i32, i32)
declare <16 x i16> @llvm.masked.load.v16i16.p0(ptr, <16 x i1>, <16 x i16>)
declare void @llvm.masked.store.v16i16.p0(<16 x i16>, ptr, <16 x i1>)
