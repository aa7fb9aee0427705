define ptx_kernel void @kernel(ptr byval([9 x i64]) align 8 %packed) nounwind "nvvm.maxntid"="256" {
start:
  %record = addrspacecast ptr %packed to ptr addrspace(101)
  br label %entry
entry:
  %v1 = call i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
  %v2 = zext i32 %v1 to i64
  %v3 = mul i64 %v2, 256
  %v4 = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %v5 = zext i32 %v4 to i64
  %v6 = add i64 %v3, %v5
  %v7 = call i32 @llvm.nvvm.read.ptx.sreg.nctaid.x()
  %v8 = zext i32 %v7 to i64
  %v9 = mul i64 %v8, 256
  %v10 = getelementptr i64, ptr addrspace(101) %record, i64 0
  %v11 = load i64, ptr addrspace(101) %v10, align 8, !invariant.load !0
  %v12 = getelementptr i64, ptr addrspace(101) %record, i64 1
  %v13 = load i64, ptr addrspace(101) %v12, align 8, !invariant.load !0
  %v14 = getelementptr i64, ptr addrspace(101) %record, i64 2
  %v15 = load ptr addrspace(1), ptr addrspace(101) %v14, align 8, !invariant.load !0
  %v16 = ptrtoint ptr addrspace(1) %v15 to i64
  %v17 = and i64 %v16, 15
  %v18 = or i64 0, %v17
  %v19 = getelementptr i64, ptr addrspace(101) %record, i64 3
  %v20 = load ptr addrspace(1), ptr addrspace(101) %v19, align 8, !invariant.load !0
  %v21 = ptrtoint ptr addrspace(1) %v20 to i64
  %v22 = and i64 %v21, 15
  %v23 = or i64 %v18, %v22
  %v24 = getelementptr i64, ptr addrspace(101) %record, i64 4
  %v25 = load ptr addrspace(1), ptr addrspace(101) %v24, align 8, !invariant.load !0
  %v26 = ptrtoint ptr addrspace(1) %v25 to i64
  %v27 = and i64 %v26, 15
  %v28 = or i64 %v23, %v27
  %v29 = and i64 %v11, 3
  %v30 = or i64 %v28, %v29
  %v31 = sub i64 %v13, %v11
  %v32 = ashr i64 %v31, 2
  %v33 = icmp eq i64 %v30, 0
  %v34 = select i1 %v33, i64 %v32, i64 0
  %v62 = mul i64 %v34, 4
  %v63 = add i64 %v11, %v62
  %v64 = add i64 %v63, %v6
  br label %loop1
loop1:
  %v35 = phi i64 [ %v6, %entry ], [ %v60, %body2 ]
  %v36 = icmp slt i64 %v35, %v34
  br i1 %v36, label %body2, label %after3
body2:
  %v37 = mul i64 %v35, 4
  %v38 = add i64 %v11, %v37
  %v39 = getelementptr float, ptr addrspace(1) %v15, i64 %v38
  %v40 = load <4 x float>, ptr addrspace(1) %v39, align 16
  %v41 = extractelement <4 x float> %v40, i64 0
  %v42 = extractelement <4 x float> %v40, i64 1
  %v43 = extractelement <4 x float> %v40, i64 2
  %v44 = extractelement <4 x float> %v40, i64 3
  %v45 = getelementptr float, ptr addrspace(1) %v20, i64 %v38
  %v46 = load <4 x float>, ptr addrspace(1) %v45, align 16
  %v47 = extractelement <4 x float> %v46, i64 0
  %v48 = extractelement <4 x float> %v46, i64 1
  %v49 = extractelement <4 x float> %v46, i64 2
  %v50 = extractelement <4 x float> %v46, i64 3
  %v51 = fadd float %v41, %v47
  %v52 = fadd float %v42, %v48
  %v53 = fadd float %v43, %v49
  %v54 = fadd float %v44, %v50
  %v55 = getelementptr float, ptr addrspace(1) %v25, i64 %v38
  %v56 = insertelement <4 x float> poison, float %v51, i64 0
  %v57 = insertelement <4 x float> %v56, float %v52, i64 1
  %v58 = insertelement <4 x float> %v57, float %v53, i64 2
  %v59 = insertelement <4 x float> %v58, float %v54, i64 3
  store <4 x float> %v59, ptr addrspace(1) %v55, align 16
  %v60 = add i64 %v35, %v9
  br label %loop1
after3:
  %v61 = phi i64 [ %v35, %loop1 ]
  br label %loop4
loop4:
  %v65 = phi i64 [ %v64, %after3 ], [ %v73, %body5 ]
  %v66 = icmp slt i64 %v65, %v13
  br i1 %v66, label %body5, label %after6
body5:
  %v67 = getelementptr float, ptr addrspace(1) %v15, i64 %v65
  %v68 = load float, ptr addrspace(1) %v67, align 4
  %v69 = getelementptr float, ptr addrspace(1) %v20, i64 %v65
  %v70 = load float, ptr addrspace(1) %v69, align 4
  %v71 = fadd float %v68, %v70
  %v72 = getelementptr float, ptr addrspace(1) %v25, i64 %v65
  store float %v71, ptr addrspace(1) %v72, align 4
  %v73 = add i64 %v65, %v9
  br label %loop4
after6:
  %v74 = phi i64 [ %v65, %loop4 ]
  ret void
}
