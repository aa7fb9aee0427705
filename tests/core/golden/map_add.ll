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
  %v47 = phi i64 [ %v21, %after5 ], [ %v65, %body7 ]
  %v48 = icmp slt i64 %v47, %v3
  br i1 %v48, label %body7, label %after8
body7:
  %v49 = getelementptr float, ptr %v17, i64 %v47
  %v50 = load <16 x float>, ptr %v49, align 4
  %v51 = getelementptr float, ptr %v49, i64 16
  %v52 = load <16 x float>, ptr %v51, align 4
  %v53 = getelementptr float, ptr %v49, i64 32
  %v54 = load <16 x float>, ptr %v53, align 4
  %v55 = getelementptr float, ptr %v49, i64 48
  %v56 = load <16 x float>, ptr %v55, align 4
  %v57 = fadd <16 x float> %v50, %v36
  %v58 = fadd <16 x float> %v52, %v36
  %v59 = fadd <16 x float> %v54, %v36
  %v60 = fadd <16 x float> %v56, %v36
  %v61 = getelementptr float, ptr %v9, i64 %v47
  store <16 x float> %v57, ptr %v61, align 4
  %v62 = getelementptr float, ptr %v61, i64 16
  store <16 x float> %v58, ptr %v62, align 4
  %v63 = getelementptr float, ptr %v61, i64 32
  store <16 x float> %v59, ptr %v63, align 4
  %v64 = getelementptr float, ptr %v61, i64 48
  store <16 x float> %v60, ptr %v64, align 4
  %v65 = add i64 %v47, 64
  br label %loop6
after8:
  %v66 = phi i64 [ %v47, %loop6 ]
  br label %loop9
loop9:
  %v67 = phi i64 [ %v3, %after8 ], [ %v80, %body10 ]
  %v68 = icmp slt i64 %v67, %end
  br i1 %v68, label %body10, label %after11
body10:
  %v69 = sub i64 %end, %v67
  %v70 = icmp slt i64 %v69, 16
  %v71 = select i1 %v70, i64 %v69, i64 16
  %v72 = trunc i64 %v71 to i32
  %v73 = insertelement <16 x i32> poison, i32 %v72, i64 0
  %v74 = shufflevector <16 x i32> %v73, <16 x i32> poison, <16 x i32> zeroinitializer
  %v75 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v74
  %v76 = getelementptr float, ptr %v17, i64 %v67
  %v77 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr align 4 %v76, <16 x i1> %v75, <16 x float> zeroinitializer)
  %v78 = fadd <16 x float> %v77, %v36
  %v79 = getelementptr float, ptr %v9, i64 %v67
  call void @llvm.masked.store.v16f32.p0(<16 x float> %v78, ptr align 4 %v79, <16 x i1> %v75)
  %v80 = add i64 %v67, 16
  br label %loop9
after11:
  %v81 = phi i64 [ %v67, %loop9 ]
  ret void
}
declare <16 x float> @llvm.masked.load.v16f32.p0(ptr, <16 x i1>, <16 x float>)
declare void @llvm.masked.store.v16f32.p0(<16 x float>, ptr, <16 x i1>)
!0 = !{i32 1}
