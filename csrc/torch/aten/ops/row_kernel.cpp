#include "torch/aten/ops/row_kernel.h"

#include "row_kernel_headers.inc"

namespace hologram::aten {
namespace {

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
#define HG_ROW_KERNEL(row, id, out) \
  RowKernelOp<RowKernelEntry<Op::row, at::meta::structured_##id, at::_ops::id, at::_ops::out>>::register_in(m);
#include "row_kernel_table.inc"
#undef HG_ROW_KERNEL
}

}  // namespace
}  // namespace hologram::aten
