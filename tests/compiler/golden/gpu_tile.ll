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
  %v32 = add i64 %v4, 8
  %v33 = add i64 %v4, 16
  %v34 = add i64 %v4, 24
  %v97 = mul i64 %v4, 33
  %v98 = add i64 %v97, %v3
  %v99 = getelementptr float, ptr addrspace(3) @s0, i64 %v98
  %v100 = mul i64 %v32, 33
  %v101 = add i64 %v100, %v3
  %v102 = getelementptr float, ptr addrspace(3) @s0, i64 %v101
  %v103 = mul i64 %v33, 33
  %v104 = add i64 %v103, %v3
  %v105 = getelementptr float, ptr addrspace(3) @s0, i64 %v104
  %v106 = mul i64 %v34, 33
  %v107 = add i64 %v106, %v3
  %v108 = getelementptr float, ptr addrspace(3) @s0, i64 %v107
  br label %loop1
loop1:
  %v14 = phi i64 [ %v9, %entry ], [ %v130, %after15 ]
  %v15 = icmp slt i64 %v14, %v11
  br i1 %v15, label %body2, label %after16
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
  %v36 = add i64 %v27, %v4
  %v37 = icmp slt i64 %v35, %v21
  %v38 = icmp slt i64 %v36, %v17
  %v39 = and i1 %v37, %v38
  %v52 = add i64 %v27, %v32
  %v53 = icmp slt i64 %v52, %v17
  %v54 = and i1 %v37, %v53
  %v67 = add i64 %v27, %v33
  %v68 = icmp slt i64 %v67, %v17
  %v69 = and i1 %v37, %v68
  %v82 = add i64 %v27, %v34
  %v83 = icmp slt i64 %v82, %v17
  %v84 = and i1 %v37, %v83
  %v113 = add i64 %v27, %v3
  %v115 = icmp slt i64 %v113, %v17
  %v130 = add i64 %v14, %v13
  br i1 %v39, label %then3, label %after4
then3:
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
  br label %after4
after4:
  %v51 = phi float [ %v50, %then3 ], [ 0x0000000000000000, %body2 ]
  br i1 %v54, label %then5, label %after6
then5:
  %v55 = getelementptr i64, ptr addrspace(101) %record, i64 2
  %v56 = load ptr addrspace(1), ptr addrspace(101) %v55, align 8, !invariant.load !0
  %v57 = getelementptr i64, ptr addrspace(101) %record, i64 6
  %v58 = load i64, ptr addrspace(101) %v57, align 8, !invariant.load !0
  %v59 = mul i64 %v35, %v58
  %v60 = getelementptr i8, ptr addrspace(1) %v56, i64 %v59
  %v61 = getelementptr i64, ptr addrspace(101) %record, i64 7
  %v62 = load i64, ptr addrspace(101) %v61, align 8, !invariant.load !0
  %v63 = mul i64 %v52, %v62
  %v64 = getelementptr i8, ptr addrspace(1) %v60, i64 %v63
  %v65 = load float, ptr addrspace(1) %v64, align 4
  br label %after6
after6:
  %v66 = phi float [ %v65, %then5 ], [ 0x0000000000000000, %after4 ]
  br i1 %v69, label %then7, label %after8
then7:
  %v70 = getelementptr i64, ptr addrspace(101) %record, i64 2
  %v71 = load ptr addrspace(1), ptr addrspace(101) %v70, align 8, !invariant.load !0
  %v72 = getelementptr i64, ptr addrspace(101) %record, i64 6
  %v73 = load i64, ptr addrspace(101) %v72, align 8, !invariant.load !0
  %v74 = mul i64 %v35, %v73
  %v75 = getelementptr i8, ptr addrspace(1) %v71, i64 %v74
  %v76 = getelementptr i64, ptr addrspace(101) %record, i64 7
  %v77 = load i64, ptr addrspace(101) %v76, align 8, !invariant.load !0
  %v78 = mul i64 %v67, %v77
  %v79 = getelementptr i8, ptr addrspace(1) %v75, i64 %v78
  %v80 = load float, ptr addrspace(1) %v79, align 4
  br label %after8
after8:
  %v81 = phi float [ %v80, %then7 ], [ 0x0000000000000000, %after6 ]
  br i1 %v84, label %then9, label %after10
then9:
  %v85 = getelementptr i64, ptr addrspace(101) %record, i64 2
  %v86 = load ptr addrspace(1), ptr addrspace(101) %v85, align 8, !invariant.load !0
  %v87 = getelementptr i64, ptr addrspace(101) %record, i64 6
  %v88 = load i64, ptr addrspace(101) %v87, align 8, !invariant.load !0
  %v89 = mul i64 %v35, %v88
  %v90 = getelementptr i8, ptr addrspace(1) %v86, i64 %v89
  %v91 = getelementptr i64, ptr addrspace(101) %record, i64 7
  %v92 = load i64, ptr addrspace(101) %v91, align 8, !invariant.load !0
  %v93 = mul i64 %v82, %v92
  %v94 = getelementptr i8, ptr addrspace(1) %v90, i64 %v93
  %v95 = load float, ptr addrspace(1) %v94, align 4
  br label %after10
after10:
  %v96 = phi float [ %v95, %then9 ], [ 0x0000000000000000, %after8 ]
  store float %v51, ptr addrspace(3) %v99
  store float %v66, ptr addrspace(3) %v102
  store float %v81, ptr addrspace(3) %v105
  store float %v96, ptr addrspace(3) %v108
  call void @llvm.nvvm.barrier0()
  br label %loop11
loop11:
  %v109 = phi i64 [ 0, %after10 ], [ %v128, %after14 ]
  %v110 = icmp slt i64 %v109, 32
  br i1 %v110, label %body12, label %after15
body12:
  %v111 = add i64 %v109, %v4
  %v112 = add i64 %v31, %v111
  %v114 = icmp slt i64 %v112, %v21
  %v116 = and i1 %v114, %v115
  %v128 = add i64 %v109, 8
  br i1 %v116, label %then13, label %after14
then13:
  %v117 = mul i64 %v3, 33
  %v118 = add i64 %v117, %v111
  %v119 = getelementptr float, ptr addrspace(3) @s0, i64 %v118
  %v120 = load float, ptr addrspace(3) %v119
  %v121 = getelementptr i64, ptr addrspace(101) %record, i64 3
  %v122 = load ptr addrspace(1), ptr addrspace(101) %v121, align 8, !invariant.load !0
  %v123 = getelementptr i64, ptr addrspace(101) %record, i64 8
  %v124 = load i64, ptr addrspace(101) %v123, align 8, !invariant.load !0
  %v125 = mul i64 %v112, %v124
  %v126 = getelementptr i8, ptr addrspace(1) %v122, i64 %v125
  %v127 = getelementptr float, ptr addrspace(1) %v126, i64 %v113
  store float %v120, ptr addrspace(1) %v127, align 4
  br label %after14
after14:
  br label %loop11
after15:
  %v129 = phi i64 [ %v109, %loop11 ]
  call void @llvm.nvvm.barrier0()
  br label %loop1
after16:
  %v131 = phi i64 [ %v14, %loop1 ]
  ret void
}
