// gather of one element per row of a float tensor: a row kernel, so that what it gathers from need not be stored. Other
// gathers are torch's.
#include <ATen/WrapDimUtils.h>
#include <ATen/ops/gather_ops.h>

#include "torch/aten/core/index_bounds.h"
#include "torch/aten/core/registration.h"
#include "torch/aten/core/row_space.h"
#include "torch/aten/torch_kernels/typed_call.h"

namespace hologram::aten {
namespace {

using at::Tensor;

/// One position for each row along `dim`, all of them good?
bool gathers(const Tensor& self, int64_t dim, const Tensor& index) {
  if (!is_row_float(self.scalar_type()) || self.dim() == 0 || self.dim() > kMaxRowSpaceRank || index.dim() != self.dim() ||
      self.numel() == 0 || index.device() != self.device() || index.scalar_type() != at::kLong || index.size(dim) != 1)
    return false;
  for (int64_t d = 0; d < self.dim(); ++d)
    if (d != dim && index.size(d) != self.size(d)) return false;
  return known_in_bounds(index, self.size(dim));
}

Tensor gather(const Tensor& self, int64_t dim, const Tensor& index, bool sparse_grad) {
  using AtenOp = at::_ops::gather;
  if (self.dim() > 0 && dim >= -self.dim() && dim < self.dim() && gathers(self, at::maybe_wrap_dim(dim, self.dim()), index)) {
    const auto along = static_cast<size_t>(at::maybe_wrap_dim(dim, self.dim()));
    Tensor out = empty(index.sizes(), self.scalar_type(), self.device());
    RowSpace space(self.sizes(), DimMask().set(along));
    const Ref args[] = {space.input(self), space.kept_input(index)};
    space.kept_output(out, space.circuit().add_node(Op::gather_row, compute_type(dtype_of(self)), dtype_of(self), args, 2));
    space.submit(self);
    count_compiled<AtenOp>();
    return out;
  }
  return call_library<AtenOp>(self, dim, index, sparse_grad);
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) { register_kernel<at::_ops::gather, &gather>(m); }

}  // namespace
}  // namespace hologram::aten
