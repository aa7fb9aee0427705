define void @kernel(ptr %operands, ptr %args, i64 %begin, i64 %end) nounwind {
entry:
  %v1 = sub i64 %end, %begin
  %v2 = and i64 %v1, 63
  %v3 = sub i64 %end, %v2
  %v4 = getelementptr i64, ptr %args, i64 1
  %v5 = load i64, ptr %v4
  %v6 = mul i64 %v5, 4
  %v7 = icmp sge i64 %v6, 33554432
  %v8 = getelementptr ptr, ptr %operands, i64 1
  %v9 = load ptr, ptr %v8
  %v10 = getelementptr float, ptr %v9, i64 %begin
  %v11 = ptrtoint ptr %v10 to i64
  %v12 = and i64 %v11, 63
  %v13 = icmp eq i64 %v12, 0
  %v14 = and i1 %v7, %v13
  %v15 = ptrtoint ptr %v9 to i64
  %v16 = getelementptr ptr, ptr %operands, i64 0
  %v17 = load ptr, ptr %v16
  %v18 = ptrtoint ptr %v17 to i64
  %v19 = icmp ne i64 %v15, %v18
  %v20 = and i1 %v14, %v19
  %v21 = select i1 %v20, i64 %v3, i64 %begin
  %v32 = getelementptr i64, ptr %args, i64 0
  %v33 = load double, ptr %v32
  %v34 = fptrunc double %v33 to float
  %v35 = insertelement <16 x float> poison, float %v34, i64 0
  %v36 = shufflevector <16 x float> %v35, <16 x float> poison, <16 x i32> zeroinitializer
  br label %loop1
loop1:
  %v22 = phi i64 [ %begin, %entry ], [ %v45, %body2 ]
  %v23 = icmp slt i64 %v22, %v21
  br i1 %v23, label %body2, label %after3
body2:
  %v24 = getelementptr float, ptr %v17, i64 %v22
  %v25 = load <16 x float>, ptr %v24, align 4
  %v26 = getelementptr float, ptr %v24, i64 16
  %v27 = load <16 x float>, ptr %v26, align 4
  %v28 = getelementptr float, ptr %v24, i64 32
  %v29 = load <16 x float>, ptr %v28, align 4
  %v30 = getelementptr float, ptr %v24, i64 48
  %v31 = load <16 x float>, ptr %v30, align 4
  %v37 = fadd <16 x float> %v25, %v36
  %v38 = fadd <16 x float> %v27, %v36
  %v39 = fadd <16 x float> %v29, %v36
  %v40 = fadd <16 x float> %v31, %v36
  %v41 = getelementptr float, ptr %v9, i64 %v22
  store <16 x float> %v37, ptr %v41, align 64, !nontemporal !0
  %v42 = getelementptr float, ptr %v41, i64 16
  store <16 x float> %v38, ptr %v42, align 64, !nontemporal !0
  %v43 = getelementptr float, ptr %v41, i64 32
  store <16 x float> %v39, ptr %v43, align 64, !nontemporal !0
  %v44 = getelementptr float, ptr %v41, i64 48
  store <16 x float> %v40, ptr %v44, align 64, !nontemporal !0
  %v45 = add i64 %v22, 64
  br label %loop1
after3:
  %v46 = phi i64 [ %v22, %loop1 ]
  br i1 %v20, label %then4, label %after5
then4:
  fence seq_cst
  br label %after5
after5:
  br label %loop6
loop6:
  %v47 = phi i64 [ %v21, %after5 ], [ %v69, %body7 ]
  %v48 = icmp slt i64 %v47, %v3
  br i1 %v48, label %body7, label %after8
body7:
  %v49 = getelementptr float, ptr %v9, i64 %v47
  %v50 = getelementptr i8, ptr %v49, i64 1024
  call void @llvm.prefetch.p0(ptr %v50, i32 1, i32 3, i32 1)
  %v51 = getelementptr float, ptr %v49, i64 16
  %v52 = getelementptr i8, ptr %v51, i64 1024
  call void @llvm.prefetch.p0(ptr %v52, i32 1, i32 3, i32 1)
  %v53 = getelementptr float, ptr %v49, i64 32
  %v54 = getelementptr i8, ptr %v53, i64 1024
  call void @llvm.prefetch.p0(ptr %v54, i32 1, i32 3, i32 1)
  %v55 = getelementptr float, ptr %v49, i64 48
  %v56 = getelementptr i8, ptr %v55, i64 1024
  call void @llvm.prefetch.p0(ptr %v56, i32 1, i32 3, i32 1)
  %v57 = getelementptr float, ptr %v17, i64 %v47
  %v58 = load <16 x float>, ptr %v57, align 4
  %v59 = getelementptr float, ptr %v57, i64 16
  %v60 = load <16 x float>, ptr %v59, align 4
  %v61 = getelementptr float, ptr %v57, i64 32
  %v62 = load <16 x float>, ptr %v61, align 4
  %v63 = getelementptr float, ptr %v57, i64 48
  %v64 = load <16 x float>, ptr %v63, align 4
  %v65 = fadd <16 x float> %v58, %v36
  %v66 = fadd <16 x float> %v60, %v36
  %v67 = fadd <16 x float> %v62, %v36
  %v68 = fadd <16 x float> %v64, %v36
  store <16 x float> %v65, ptr %v49, align 4
  store <16 x float> %v66, ptr %v51, align 4
  store <16 x float> %v67, ptr %v53, align 4
  store <16 x float> %v68, ptr %v55, align 4
  %v69 = add i64 %v47, 64
  br label %loop6
after8:
  %v70 = phi i64 [ %v47, %loop6 ]
  br label %loop9
loop9:
  %v71 = phi i64 [ %v3, %after8 ], [ %v84, %body10 ]
  %v72 = icmp slt i64 %v71, %end
  br i1 %v72, label %body10, label %after11
body10:
  %v73 = sub i64 %end, %v71
  %v74 = icmp slt i64 %v73, 16
  %v75 = select i1 %v74, i64 %v73, i64 16
  %v76 = trunc i64 %v75 to i32
  %v77 = insertelement <16 x i32> poison, i32 %v76, i64 0
  %v78 = shufflevector <16 x i32> %v77, <16 x i32> poison, <16 x i32> zeroinitializer
  %v79 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v78
  %v80 = getelementptr float, ptr %v17, i64 %v71
  %v81 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr align 4 %v80, <16 x i1> %v79, <16 x float> zeroinitializer)
  %v82 = fadd <16 x float> %v81, %v36
  %v83 = getelementptr float, ptr %v9, i64 %v71
  call void @llvm.masked.store.v16f32.p0(<16 x float> %v82, ptr align 4 %v83, <16 x i1> %v79)
  %v84 = add i64 %v71, 16
  br label %loop9
after11:
  %v85 = phi i64 [ %v71, %loop9 ]
  ret void
}
declare void @llvm.prefetch.p0(ptr, i32, i32, i32)
declare <16 x float> @llvm.masked.load.v16f32.p0(ptr, <16 x i1>, <16 x float>)
declare void @llvm.masked.store.v16f32.p0(<16 x float>, ptr, <16 x i1>)
!0 = !{i32 1}
