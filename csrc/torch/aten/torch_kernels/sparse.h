// Sparse tensors are handles on dense members (indices, values). Moving one between devices' views of the same memory
// means moving its members.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/FunctionRef.h>

namespace hologram::aten {

using MapMember = c10::function_ref<at::Tensor(const at::Tensor&)>;

/// COO, CSR, CSC, BSR or BSC?
bool is_sparse_layout(c10::Layout layout);
/// A tensor like the sparse `t` on `device`, with every member mapped.
at::Tensor map_sparse(const at::Tensor& t, c10::Device device, MapMember map);
/// Makes the sparse `target` equal to `source` (same layout), with every member mapped.
void assign_sparse(const at::Tensor& target, const at::Tensor& source, MapMember map);

}  // namespace hologram::aten
