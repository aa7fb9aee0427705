@s0 = internal addrspace(3) global [8 x float] poison, align 4
define ptx_kernel void @kernel(ptr byval([10 x i64]) align 8 %packed) nounwind "nvvm.maxntid"="256" {
start:
  %record = addrspacecast ptr %packed to ptr addrspace(101)
  br label %entry
entry:
  %v1 = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %v2 = zext i32 %v1 to i64
  %v3 = and i64 %v2, 31
  %v4 = ashr i64 %v2, 5
  %v5 = getelementptr i64, ptr addrspace(101) %record, i64 5
  %v6 = load i64, ptr addrspace(101) %v5, align 8, !invariant.load !0
  %v7 = icmp sgt i64 %v6, 1024
  %v8 = select i1 %v7, i64 %v2, i64 %v3
  %v9 = select i1 %v7, i64 256, i64 32
  %v10 = icmp eq i64 %v8, 0
  %v11 = call i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
  %v12 = zext i32 %v11 to i64
  %v13 = mul i64 %v12, 8
  %v14 = add i64 %v13, %v4
  %v15 = select i1 %v7, i64 %v12, i64 %v14
  %v16 = call i32 @llvm.nvvm.read.ptx.sreg.nctaid.x()
  %v17 = zext i32 %v16 to i64
  %v18 = mul i64 %v17, 8
  %v19 = select i1 %v7, i64 %v17, i64 %v18
  %v20 = getelementptr i64, ptr addrspace(101) %record, i64 0
  %v21 = load i64, ptr addrspace(101) %v20, align 8, !invariant.load !0
  %v22 = add i64 %v21, %v15
  %v23 = getelementptr i64, ptr addrspace(101) %record, i64 1
  %v24 = load i64, ptr addrspace(101) %v23, align 8, !invariant.load !0
  %v27 = mul i64 %v9, 4
  %v28 = sub i64 %v27, 1
  %v29 = and i64 %v6, %v28
  %v30 = sub i64 %v6, %v29
  %v38 = mul i64 %v9, 2
  %v40 = mul i64 %v9, 3
  %v42 = getelementptr i64, ptr addrspace(101) %record, i64 2
  %v43 = load ptr addrspace(1), ptr addrspace(101) %v42, align 8, !invariant.load !0
  %v44 = getelementptr i64, ptr addrspace(101) %record, i64 6
  %v45 = load i64, ptr addrspace(101) %v44, align 8, !invariant.load !0
  %v69 = add i64 %v30, %v8
  br label %loop1
loop1:
  %v25 = phi i64 [ %v22, %entry ], [ %v129, %after14 ]
  %v26 = icmp slt i64 %v25, %v24
  br i1 %v26, label %body2, label %after15
body2:
  %v46 = mul i64 %v25, %v45
  %v47 = getelementptr i8, ptr addrspace(1) %v43, i64 %v46
  %v129 = add i64 %v25, %v19
  br label %loop3
loop3:
  %v31 = phi i64 [ %v8, %body2 ], [ %v60, %body4 ]
  %v32 = phi float [ 0x0000000000000000, %body2 ], [ %v56, %body4 ]
  %v33 = phi float [ 0x0000000000000000, %body2 ], [ %v57, %body4 ]
  %v34 = phi float [ 0x0000000000000000, %body2 ], [ %v58, %body4 ]
  %v35 = phi float [ 0x0000000000000000, %body2 ], [ %v59, %body4 ]
  %v36 = icmp slt i64 %v31, %v30
  br i1 %v36, label %body4, label %after5
body4:
  %v37 = add i64 %v31, %v9
  %v39 = add i64 %v31, %v38
  %v41 = add i64 %v31, %v40
  %v48 = getelementptr float, ptr addrspace(1) %v47, i64 %v31
  %v49 = load float, ptr addrspace(1) %v48, align 4
  %v50 = getelementptr float, ptr addrspace(1) %v47, i64 %v37
  %v51 = load float, ptr addrspace(1) %v50, align 4
  %v52 = getelementptr float, ptr addrspace(1) %v47, i64 %v39
  %v53 = load float, ptr addrspace(1) %v52, align 4
  %v54 = getelementptr float, ptr addrspace(1) %v47, i64 %v41
  %v55 = load float, ptr addrspace(1) %v54, align 4
  %v56 = fadd float %v32, %v49
  %v57 = fadd float %v33, %v51
  %v58 = fadd float %v34, %v53
  %v59 = fadd float %v35, %v55
  %v60 = add i64 %v31, %v27
  br label %loop3
after5:
  %v61 = phi i64 [ %v31, %loop3 ]
  %v62 = phi float [ %v32, %loop3 ]
  %v63 = phi float [ %v33, %loop3 ]
  %v64 = phi float [ %v34, %loop3 ]
  %v65 = phi float [ %v35, %loop3 ]
  %v66 = fadd float %v62, %v63
  %v67 = fadd float %v64, %v65
  %v68 = fadd float %v66, %v67
  br label %loop6
loop6:
  %v70 = phi i64 [ %v69, %after5 ], [ %v76, %body7 ]
  %v71 = phi float [ %v68, %after5 ], [ %v75, %body7 ]
  %v72 = icmp slt i64 %v70, %v6
  br i1 %v72, label %body7, label %after8
body7:
  %v73 = getelementptr float, ptr addrspace(1) %v47, i64 %v70
  %v74 = load float, ptr addrspace(1) %v73, align 4
  %v75 = fadd float %v71, %v74
  %v76 = add i64 %v70, %v9
  br label %loop6
after8:
  %v77 = phi i64 [ %v70, %loop6 ]
  %v78 = phi float [ %v71, %loop6 ]
  %v79 = bitcast float %v78 to i32
  %v80 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v79, i32 16, i32 31)
  %v81 = bitcast i32 %v80 to float
  %v82 = fadd float %v78, %v81
  %v83 = bitcast float %v82 to i32
  %v84 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v83, i32 8, i32 31)
  %v85 = bitcast i32 %v84 to float
  %v86 = fadd float %v82, %v85
  %v87 = bitcast float %v86 to i32
  %v88 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v87, i32 4, i32 31)
  %v89 = bitcast i32 %v88 to float
  %v90 = fadd float %v86, %v89
  %v91 = bitcast float %v90 to i32
  %v92 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v91, i32 2, i32 31)
  %v93 = bitcast i32 %v92 to float
  %v94 = fadd float %v90, %v93
  %v95 = bitcast float %v94 to i32
  %v96 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v95, i32 1, i32 31)
  %v97 = bitcast i32 %v96 to float
  %v98 = fadd float %v94, %v97
  %v99 = bitcast float %v98 to i32
  %v100 = call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 -1, i32 %v99, i32 0, i32 31)
  %v101 = bitcast i32 %v100 to float
  br i1 %v7, label %then9, label %after12
then9:
  %v102 = icmp eq i64 %v3, 0
  %v104 = and i64 %v3, 7
  %v105 = getelementptr float, ptr addrspace(3) @s0, i64 %v104
  br i1 %v102, label %then10, label %after11
then10:
  %v103 = getelementptr float, ptr addrspace(3) @s0, i64 %v4
  store float %v98, ptr addrspace(3) %v103
  br label %after11
after11:
  call void @llvm.nvvm.barrier0()
  %v106 = load float, ptr addrspace(3) %v105
  %v107 = bitcast float %v106 to i32
  %v108 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v107, i32 4, i32 31)
  %v109 = bitcast i32 %v108 to float
  %v110 = fadd float %v106, %v109
  %v111 = bitcast float %v110 to i32
  %v112 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v111, i32 2, i32 31)
  %v113 = bitcast i32 %v112 to float
  %v114 = fadd float %v110, %v113
  %v115 = bitcast float %v114 to i32
  %v116 = call i32 @llvm.nvvm.shfl.sync.down.i32(i32 -1, i32 %v115, i32 1, i32 31)
  %v117 = bitcast i32 %v116 to float
  %v118 = fadd float %v114, %v117
  %v119 = bitcast float %v118 to i32
  %v120 = call i32 @llvm.nvvm.shfl.sync.idx.i32(i32 -1, i32 %v119, i32 0, i32 31)
  %v121 = bitcast i32 %v120 to float
  call void @llvm.nvvm.barrier0()
  br label %after12
after12:
  %v122 = phi float [ %v121, %after11 ], [ %v101, %after8 ]
  br i1 %v10, label %then13, label %after14
then13:
  %v123 = getelementptr i64, ptr addrspace(101) %record, i64 3
  %v124 = load ptr addrspace(1), ptr addrspace(101) %v123, align 8, !invariant.load !0
  %v125 = getelementptr i64, ptr addrspace(101) %record, i64 8
  %v126 = load i64, ptr addrspace(101) %v125, align 8, !invariant.load !0
  %v127 = mul i64 %v25, %v126
  %v128 = getelementptr i8, ptr addrspace(1) %v124, i64 %v127
  store float %v122, ptr addrspace(1) %v128, align 4
  br label %after14
after14:
  br label %loop1
after15:
  %v130 = phi i64 [ %v25, %loop1 ]
  ret void
}
