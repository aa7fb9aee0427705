define ptx_kernel void @kernel(ptr byval([10 x i64]) align 8 %packed) nounwind "nvvm.maxntid"="256" {
start:
  %record = addrspacecast ptr %packed to ptr addrspace(101)
  br label %entry
entry:
  %v1 = getelementptr i64, ptr addrspace(101) %record, i64 0
  %v2 = load i64, ptr addrspace(101) %v1, align 8, !invariant.load !0
  %v3 = call i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
  %v4 = zext i32 %v3 to i64
  %v5 = mul i64 %v4, 256
  %v6 = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %v7 = zext i32 %v6 to i64
  %v8 = add i64 %v5, %v7
  %v9 = add i64 %v2, %v8
  %v10 = getelementptr i64, ptr addrspace(101) %record, i64 1
  %v11 = load i64, ptr addrspace(101) %v10, align 8, !invariant.load !0
  %v12 = call i32 @llvm.nvvm.read.ptx.sreg.nctaid.x()
  %v13 = zext i32 %v12 to i64
  %v14 = mul i64 %v13, 256
  %v17 = getelementptr i64, ptr addrspace(101) %record, i64 5
  %v18 = load i64, ptr addrspace(101) %v17, align 8, !invariant.load !0
  %v22 = getelementptr i64, ptr addrspace(101) %record, i64 2
  %v23 = load ptr addrspace(1), ptr addrspace(101) %v22, align 8, !invariant.load !0
  %v24 = getelementptr i64, ptr addrspace(101) %record, i64 6
  %v25 = load i64, ptr addrspace(101) %v24, align 8, !invariant.load !0
  %v33 = getelementptr i64, ptr addrspace(101) %record, i64 3
  %v34 = load ptr addrspace(1), ptr addrspace(101) %v33, align 8, !invariant.load !0
  %v35 = getelementptr i64, ptr addrspace(101) %record, i64 8
  %v36 = load i64, ptr addrspace(101) %v35, align 8, !invariant.load !0
  br label %loop1
loop1:
  %v15 = phi i64 [ %v9, %entry ], [ %v43, %after5 ]
  %v16 = icmp slt i64 %v15, %v11
  br i1 %v16, label %body2, label %after6
body2:
  %v26 = mul i64 %v15, %v25
  %v27 = getelementptr i8, ptr addrspace(1) %v23, i64 %v26
  %v37 = mul i64 %v15, %v36
  %v38 = getelementptr i8, ptr addrspace(1) %v34, i64 %v37
  %v43 = add i64 %v15, %v14
  br label %loop3
loop3:
  %v19 = phi i64 [ 0, %body2 ], [ %v40, %body4 ]
  %v20 = phi double [ 0x0000000000000000, %body2 ], [ %v31, %body4 ]
  %v21 = icmp slt i64 %v19, %v18
  br i1 %v21, label %body4, label %after5
body4:
  %v28 = getelementptr float, ptr addrspace(1) %v27, i64 %v19
  %v29 = load float, ptr addrspace(1) %v28, align 4
  %v30 = fpext float %v29 to double
  %v31 = fadd double %v20, %v30
  %v32 = fptrunc double %v31 to float
  %v39 = getelementptr float, ptr addrspace(1) %v38, i64 %v19
  store float %v32, ptr addrspace(1) %v39, align 4
  %v40 = add i64 %v19, 1
  br label %loop3
after5:
  %v41 = phi i64 [ %v19, %loop3 ]
  %v42 = phi double [ %v20, %loop3 ]
  br label %loop1
after6:
  %v44 = phi i64 [ %v15, %loop1 ]
  ret void
}
