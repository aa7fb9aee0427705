@s0 = internal addrspace(3) global [1056 x float] poison, align 4
define ptx_kernel void @kernel(ptr byval([10 x i64]) align 8 %packed) nounwind "nvvm.maxntid"="256" {
start:
  %record = addrspacecast ptr %packed to ptr addrspace(101)
  br label %entry
entry:
  %v1 = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %v2 = zext i32 %v1 to i64
  %v3 = and i64 %v2, 31
  %v4 = ashr i64 %v2, 5
  %v5 = getelementptr i64, ptr addrspace(101) %record, i64 0
  %v6 = load i64, ptr addrspace(101) %v5, align 8, !invariant.load !0
  %v7 = call i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
  %v8 = zext i32 %v7 to i64
  %v9 = add i64 %v6, %v8
  %v10 = getelementptr i64, ptr addrspace(101) %record, i64 1
  %v11 = load i64, ptr addrspace(101) %v10, align 8, !invariant.load !0
  %v12 = call i32 @llvm.nvvm.read.ptx.sreg.nctaid.x()
  %v13 = zext i32 %v12 to i64
  %v16 = getelementptr i64, ptr addrspace(101) %record, i64 5
  %v17 = load i64, ptr addrspace(101) %v16, align 8, !invariant.load !0
  %v18 = add i64 %v17, 31
  %v19 = ashr i64 %v18, 5
  %v20 = getelementptr i64, ptr addrspace(101) %record, i64 4
  %v21 = load i64, ptr addrspace(101) %v20, align 8, !invariant.load !0
  %v22 = add i64 %v21, 31
  %v23 = ashr i64 %v22, 5
  br label %loop1
loop1:
  %v14 = phi i64 [ %v9, %entry ], [ %v77, %after12 ]
  %v15 = icmp slt i64 %v14, %v11
  br i1 %v15, label %body2, label %after13
body2:
  %v24 = udiv i64 %v14, %v19
  %v25 = mul i64 %v24, %v19
  %v26 = sub i64 %v14, %v25
  %v27 = mul i64 %v26, 32
  %v28 = udiv i64 %v24, %v23
  %v29 = mul i64 %v28, %v23
  %v30 = sub i64 %v24, %v29
  %v31 = mul i64 %v30, 32
  %v35 = add i64 %v31, %v3
  %v37 = icmp slt i64 %v35, %v21
  %v60 = add i64 %v27, %v3
  %v62 = icmp slt i64 %v60, %v17
  %v77 = add i64 %v14, %v13
  br label %loop3
loop3:
  %v32 = phi i64 [ 0, %body2 ], [ %v54, %after6 ]
  %v33 = icmp slt i64 %v32, 32
  br i1 %v33, label %body4, label %after7
body4:
  %v34 = add i64 %v32, %v4
  %v36 = add i64 %v27, %v34
  %v38 = icmp slt i64 %v36, %v17
  %v39 = and i1 %v37, %v38
  %v54 = add i64 %v32, 8
  br i1 %v39, label %then5, label %after6
then5:
  %v40 = getelementptr i64, ptr addrspace(101) %record, i64 2
  %v41 = load ptr addrspace(1), ptr addrspace(101) %v40, align 8, !invariant.load !0
  %v42 = getelementptr i64, ptr addrspace(101) %record, i64 6
  %v43 = load i64, ptr addrspace(101) %v42, align 8, !invariant.load !0
  %v44 = mul i64 %v35, %v43
  %v45 = getelementptr i8, ptr addrspace(1) %v41, i64 %v44
  %v46 = getelementptr i64, ptr addrspace(101) %record, i64 7
  %v47 = load i64, ptr addrspace(101) %v46, align 8, !invariant.load !0
  %v48 = mul i64 %v36, %v47
  %v49 = getelementptr i8, ptr addrspace(1) %v45, i64 %v48
  %v50 = load float, ptr addrspace(1) %v49, align 4
  %v51 = mul i64 %v34, 33
  %v52 = add i64 %v51, %v3
  %v53 = getelementptr float, ptr addrspace(3) @s0, i64 %v52
  store float %v50, ptr addrspace(3) %v53
  br label %after6
after6:
  br label %loop3
after7:
  %v55 = phi i64 [ %v32, %loop3 ]
  call void @llvm.nvvm.barrier0()
  br label %loop8
loop8:
  %v56 = phi i64 [ 0, %after7 ], [ %v75, %after11 ]
  %v57 = icmp slt i64 %v56, 32
  br i1 %v57, label %body9, label %after12
body9:
  %v58 = add i64 %v56, %v4
  %v59 = add i64 %v31, %v58
  %v61 = icmp slt i64 %v59, %v21
  %v63 = and i1 %v61, %v62
  %v75 = add i64 %v56, 8
  br i1 %v63, label %then10, label %after11
then10:
  %v64 = mul i64 %v3, 33
  %v65 = add i64 %v64, %v58
  %v66 = getelementptr float, ptr addrspace(3) @s0, i64 %v65
  %v67 = load float, ptr addrspace(3) %v66
  %v68 = getelementptr i64, ptr addrspace(101) %record, i64 3
  %v69 = load ptr addrspace(1), ptr addrspace(101) %v68, align 8, !invariant.load !0
  %v70 = getelementptr i64, ptr addrspace(101) %record, i64 8
  %v71 = load i64, ptr addrspace(101) %v70, align 8, !invariant.load !0
  %v72 = mul i64 %v59, %v71
  %v73 = getelementptr i8, ptr addrspace(1) %v69, i64 %v72
  %v74 = getelementptr float, ptr addrspace(1) %v73, i64 %v60
  store float %v67, ptr addrspace(1) %v74, align 4
  br label %after11
after11:
  br label %loop8
after12:
  %v76 = phi i64 [ %v56, %loop8 ]
  call void @llvm.nvvm.barrier0()
  br label %loop1
after13:
  %v78 = phi i64 [ %v14, %loop1 ]
  ret void
}
