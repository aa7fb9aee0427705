// torch's composites for every device that look at values of CPU tensors only, lest other devices wait. Here the values are looked
// at too: what is wrong on the CPU is wrong on the device, in the same words.
#include <ATen/ops/aminmax.h>
#include <ATen/ops/item.h>
#include <ATen/ops/nanquantile_native.h>
#include <ATen/ops/nanquantile_ops.h>
#include <ATen/ops/one_hot_native.h>
#include <ATen/ops/one_hot_ops.h>
#include <ATen/ops/quantile_native.h>
#include <ATen/ops/quantile_ops.h>
#include <torch/library.h>

#include "torch/aten/core/index_bounds.h"
#include "torch/aten/core/probabilities.h"
#include "torch/aten/core/registration.h"
#include "torch/aten/core/row_space.h"

namespace hologram::aten {
namespace {

using at::Tensor;
using Dim = std::optional<int64_t>;

/// Does it hold values, and not only stand for a tensor that will?
bool has_values(const Tensor& t) { return is_hologram(t) && !t.unsafeGetTensorImpl()->is_python_dispatch() && t.numel() > 0; }

Tensor one_hot(const Tensor& self, int64_t num_classes) {
  if (has_values(self) && self.scalar_type() == at::kLong && (num_classes <= 0 || !known_in_bounds(self, num_classes))) {
    const auto [least, largest] = at::aminmax(self);
    TORCH_CHECK(least.item<int64_t>() >= 0, "Class values must be non-negative.");
    TORCH_CHECK(num_classes == -1 || num_classes > largest.item<int64_t>(), "Class values must be smaller than num_classes.");
  }
  return at::native::one_hot(self, num_classes);
}

/// The other things that may be wrong come first on the CPU; there the composite says what is.
void check_quantiles(const Tensor& self, const Tensor& q) {
  if (has_values(self) && has_values(q) && q.dim() <= 1 && is_row_float(q.scalar_type()) && q.scalar_type() == self.scalar_type())
    TORCH_CHECK(are_probabilities(&q), "quantile() q values must be in the range [0, 1]");
}

using Quantile = Tensor(const Tensor&, const Tensor&, Dim, bool, c10::string_view);
using QuantileOut = Tensor&(const Tensor&, const Tensor&, Dim, bool, c10::string_view, Tensor&);

template <Quantile* composite>
Tensor quantile(const Tensor& self, const Tensor& q, Dim dim, bool keepdim, c10::string_view interpolation) {
  check_quantiles(self, q);
  return composite(self, q, dim, keepdim, interpolation);
}
template <QuantileOut* composite>
Tensor& quantile_out(const Tensor& self, const Tensor& q, Dim dim, bool keepdim, c10::string_view interpolation, Tensor& out) {
  check_quantiles(self, q);
  return composite(self, q, dim, keepdim, interpolation, out);
}

// They stay composites: autograd differentiates what they are made of.
void register_composites(torch::Library& m) {
  register_kernel<at::_ops::one_hot, &one_hot>(m);
  register_kernel<at::_ops::quantile, &quantile<at::native::quantile>>(m);
  register_kernel<at::_ops::quantile_out, &quantile_out<at::native::quantile_out>>(m);
  register_kernel<at::_ops::nanquantile, &quantile<at::native::nanquantile>>(m);
  register_kernel<at::_ops::nanquantile_out, &quantile_out<at::native::nanquantile_out>>(m);
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) { register_composites(m); }
TORCH_LIBRARY_IMPL(aten, AutogradPrivateUse1, m) { register_composites(m); }

}  // namespace
}  // namespace hologram::aten
