define void @kernel(ptr %operands, ptr %args, i64 %begin, i64 %end) nounwind {
entry:
  %v1 = sub i64 %end, %begin
  %v2 = and i64 %v1, 63
  %v3 = sub i64 %end, %v2
  %v6 = getelementptr ptr, ptr %operands, i64 0
  %v7 = load ptr, ptr %v6
  %v16 = getelementptr i64, ptr %args, i64 0
  %v17 = load double, ptr %v16
  %v18 = fptrunc double %v17 to float
  %v19 = insertelement <16 x float> poison, float %v18, i64 0
  %v20 = shufflevector <16 x float> %v19, <16 x float> poison, <16 x i32> zeroinitializer
  %v25 = getelementptr ptr, ptr %operands, i64 1
  %v26 = load ptr, ptr %v25
  br label %loop1
loop1:
  %v4 = phi i64 [ %begin, %entry ], [ %v31, %body2 ]
  %v5 = icmp slt i64 %v4, %v3
  br i1 %v5, label %body2, label %after3
body2:
  %v8 = getelementptr float, ptr %v7, i64 %v4
  %v9 = load <16 x float>, ptr %v8, align 4
  %v10 = getelementptr float, ptr %v8, i64 16
  %v11 = load <16 x float>, ptr %v10, align 4
  %v12 = getelementptr float, ptr %v8, i64 32
  %v13 = load <16 x float>, ptr %v12, align 4
  %v14 = getelementptr float, ptr %v8, i64 48
  %v15 = load <16 x float>, ptr %v14, align 4
  %v21 = fadd <16 x float> %v9, %v20
  %v22 = fadd <16 x float> %v11, %v20
  %v23 = fadd <16 x float> %v13, %v20
  %v24 = fadd <16 x float> %v15, %v20
  %v27 = getelementptr float, ptr %v26, i64 %v4
  store <16 x float> %v21, ptr %v27, align 4
  %v28 = getelementptr float, ptr %v27, i64 16
  store <16 x float> %v22, ptr %v28, align 4
  %v29 = getelementptr float, ptr %v27, i64 32
  store <16 x float> %v23, ptr %v29, align 4
  %v30 = getelementptr float, ptr %v27, i64 48
  store <16 x float> %v24, ptr %v30, align 4
  %v31 = add i64 %v4, 64
  br label %loop1
after3:
  %v32 = phi i64 [ %v4, %loop1 ]
  br label %loop4
loop4:
  %v33 = phi i64 [ %v3, %after3 ], [ %v46, %body5 ]
  %v34 = icmp slt i64 %v33, %end
  br i1 %v34, label %body5, label %after6
body5:
  %v35 = sub i64 %end, %v33
  %v36 = icmp slt i64 %v35, 16
  %v37 = select i1 %v36, i64 %v35, i64 16
  %v38 = trunc i64 %v37 to i32
  %v39 = insertelement <16 x i32> poison, i32 %v38, i64 0
  %v40 = shufflevector <16 x i32> %v39, <16 x i32> poison, <16 x i32> zeroinitializer
  %v41 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v40
  %v42 = getelementptr float, ptr %v7, i64 %v33
  %v43 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr align 4 %v42, <16 x i1> %v41, <16 x float> zeroinitializer)
  %v44 = fadd <16 x float> %v43, %v20
  %v45 = getelementptr float, ptr %v26, i64 %v33
  call void @llvm.masked.store.v16f32.p0(<16 x float> %v44, ptr align 4 %v45, <16 x i1> %v41)
  %v46 = add i64 %v33, 16
  br label %loop4
after6:
  %v47 = phi i64 [ %v33, %loop4 ]
  ret void
}
declare <16 x float> @llvm.masked.load.v16f32.p0(ptr, <16 x i1>, <16 x float>)
declare void @llvm.masked.store.v16f32.p0(<16 x float>, ptr, <16 x i1>)
