define void @kernel(ptr %operands, ptr %args, i64 %begin, i64 %end) nounwind {
entry:
  %v3 = getelementptr i64, ptr %args, i64 1
  %v4 = load i64, ptr %v3
  %v5 = and i64 %v4, 63
  %v6 = sub i64 %v4, %v5
  %v25 = getelementptr ptr, ptr %operands, i64 0
  %v26 = load ptr, ptr %v25
  %v27 = getelementptr i64, ptr %args, i64 2
  %v28 = load i64, ptr %v27
  %v87 = getelementptr ptr, ptr %operands, i64 1
  %v88 = load ptr, ptr %v87
  %v89 = getelementptr i64, ptr %args, i64 4
  %v90 = load i64, ptr %v89
  br label %loop1
loop1:
  %v1 = phi i64 [ %begin, %entry ], [ %v93, %after14 ]
  %v2 = icmp slt i64 %v1, %end
  br i1 %v2, label %body2, label %after15
body2:
  %v29 = mul i64 %v1, %v28
  %v30 = getelementptr i8, ptr %v26, i64 %v29
  %v91 = mul i64 %v1, %v90
  %v92 = getelementptr i8, ptr %v88, i64 %v91
  %v93 = add i64 %v1, 1
  br label %loop3
loop3:
  %v7 = phi i64 [ 0, %body2 ], [ %v10, %after10 ]
  %v8 = phi <16 x float> [ splat (float 0x0000000000000000), %body2 ], [ %v55, %after10 ]
  %v9 = icmp slt i64 %v7, %v6
  br i1 %v9, label %body4, label %after11
body4:
  %v10 = add i64 %v7, 262144
  %v11 = icmp slt i64 %v10, %v6
  %v12 = select i1 %v11, i64 %v10, i64 %v6
  br label %loop5
loop5:
  %v13 = phi i64 [ %v7, %body4 ], [ %v16, %after9 ]
  %v14 = phi <16 x float> [ splat (float 0x0000000000000000), %body4 ], [ %v52, %after9 ]
  %v15 = icmp slt i64 %v13, %v12
  br i1 %v15, label %body6, label %after10
body6:
  %v16 = add i64 %v13, 4096
  %v17 = icmp slt i64 %v16, %v12
  %v18 = select i1 %v17, i64 %v16, i64 %v12
  br label %loop7
loop7:
  %v19 = phi i64 [ %v13, %body6 ], [ %v43, %body8 ]
  %v20 = phi <16 x float> [ splat (float 0x0000000000000000), %body6 ], [ %v39, %body8 ]
  %v21 = phi <16 x float> [ splat (float 0x0000000000000000), %body6 ], [ %v40, %body8 ]
  %v22 = phi <16 x float> [ splat (float 0x0000000000000000), %body6 ], [ %v41, %body8 ]
  %v23 = phi <16 x float> [ splat (float 0x0000000000000000), %body6 ], [ %v42, %body8 ]
  %v24 = icmp slt i64 %v19, %v18
  br i1 %v24, label %body8, label %after9
body8:
  %v31 = getelementptr float, ptr %v30, i64 %v19
  %v32 = load <16 x float>, ptr %v31, align 4
  %v33 = getelementptr float, ptr %v31, i64 16
  %v34 = load <16 x float>, ptr %v33, align 4
  %v35 = getelementptr float, ptr %v31, i64 32
  %v36 = load <16 x float>, ptr %v35, align 4
  %v37 = getelementptr float, ptr %v31, i64 48
  %v38 = load <16 x float>, ptr %v37, align 4
  %v39 = fadd <16 x float> %v20, %v32
  %v40 = fadd <16 x float> %v21, %v34
  %v41 = fadd <16 x float> %v22, %v36
  %v42 = fadd <16 x float> %v23, %v38
  %v43 = add i64 %v19, 64
  br label %loop7
after9:
  %v44 = phi i64 [ %v19, %loop7 ]
  %v45 = phi <16 x float> [ %v20, %loop7 ]
  %v46 = phi <16 x float> [ %v21, %loop7 ]
  %v47 = phi <16 x float> [ %v22, %loop7 ]
  %v48 = phi <16 x float> [ %v23, %loop7 ]
  %v49 = fadd <16 x float> %v45, %v46
  %v50 = fadd <16 x float> %v47, %v48
  %v51 = fadd <16 x float> %v49, %v50
  %v52 = fadd <16 x float> %v14, %v51
  br label %loop5
after10:
  %v53 = phi i64 [ %v13, %loop5 ]
  %v54 = phi <16 x float> [ %v14, %loop5 ]
  %v55 = fadd <16 x float> %v8, %v54
  br label %loop3
after11:
  %v56 = phi i64 [ %v7, %loop3 ]
  %v57 = phi <16 x float> [ %v8, %loop3 ]
  br label %loop12
loop12:
  %v58 = phi i64 [ %v6, %after11 ], [ %v72, %body13 ]
  %v59 = phi <16 x float> [ %v57, %after11 ], [ %v71, %body13 ]
  %v60 = icmp slt i64 %v58, %v4
  br i1 %v60, label %body13, label %after14
body13:
  %v61 = sub i64 %v4, %v58
  %v62 = icmp slt i64 %v61, 16
  %v63 = select i1 %v62, i64 %v61, i64 16
  %v64 = trunc i64 %v63 to i32
  %v65 = insertelement <16 x i32> poison, i32 %v64, i64 0
  %v66 = shufflevector <16 x i32> %v65, <16 x i32> poison, <16 x i32> zeroinitializer
  %v67 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v66
  %v68 = getelementptr float, ptr %v30, i64 %v58
  %v69 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr align 4 %v68, <16 x i1> %v67, <16 x float> zeroinitializer)
  %v70 = fadd <16 x float> %v59, %v69
  %v71 = select <16 x i1> %v67, <16 x float> %v70, <16 x float> %v59
  %v72 = add i64 %v58, 16
  br label %loop12
after14:
  %v73 = phi i64 [ %v58, %loop12 ]
  %v74 = phi <16 x float> [ %v59, %loop12 ]
  %v75 = shufflevector <16 x float> %v74, <16 x float> poison, <8 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7>
  %v76 = shufflevector <16 x float> %v74, <16 x float> poison, <8 x i32> <i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>
  %v77 = fadd <8 x float> %v75, %v76
  %v78 = shufflevector <8 x float> %v77, <8 x float> poison, <4 x i32> <i32 0, i32 1, i32 2, i32 3>
  %v79 = shufflevector <8 x float> %v77, <8 x float> poison, <4 x i32> <i32 4, i32 5, i32 6, i32 7>
  %v80 = fadd <4 x float> %v78, %v79
  %v81 = shufflevector <4 x float> %v80, <4 x float> poison, <2 x i32> <i32 0, i32 1>
  %v82 = shufflevector <4 x float> %v80, <4 x float> poison, <2 x i32> <i32 2, i32 3>
  %v83 = fadd <2 x float> %v81, %v82
  %v84 = extractelement <2 x float> %v83, i64 0
  %v85 = extractelement <2 x float> %v83, i64 1
  %v86 = fadd float %v84, %v85
  store float %v86, ptr %v92, align 4
  br label %loop1
after15:
  %v94 = phi i64 [ %v1, %loop1 ]
  ret void
}
declare <16 x float> @llvm.masked.load.v16f32.p0(ptr, <16 x i1>, <16 x float>)
