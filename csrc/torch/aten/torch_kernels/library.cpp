#include "torch/aten/torch_kernels/library.h"

#include <ATen/ops/histc_ops.h>
#include <torch/library.h>

#include "torch/aten/core/common.h"
#include "torch/aten/core/registration.h"

namespace hologram::aten {
namespace {

// Programs written for GPUs count integers (tokens per expert), which only torch's CUDA kernel does. Float64 holds the edges
// and the counts.
at::Tensor histc(const at::Tensor& self, int64_t bins, const at::Scalar& min, const at::Scalar& max) {
  if (!c10::isIntegralType(self.scalar_type(), /*includeBool=*/false)) return call_library<at::_ops::histc>(self, bins, min, max);
  return call_library<at::_ops::histc>(self.to(at::kDouble), bins, min, max).to(self.scalar_type());
}

at::Tensor& histc_out(const at::Tensor& self, int64_t bins, const at::Scalar& min, const at::Scalar& max, at::Tensor& out) {
  if (!c10::isIntegralType(self.scalar_type(), /*includeBool=*/false) || out.scalar_type() != self.scalar_type())
    return call_library<at::_ops::histc_out>(self, bins, min, max, out);
  const at::Tensor counts = histc(self, bins, min, max);
  return out.resize_(counts.sizes()).copy_(counts);
}

}  // namespace

// The parts of the generated table (library_0.cpp ...): several, because each takes long to compile.
void register_library_0(torch::Library& m);
void register_library_1(torch::Library& m);
void register_library_2(torch::Library& m);
void register_library_3(torch::Library& m);

namespace typed {

bool has_kernel(const TypedOp& op) { return op.facts().op.hasKernelForDispatchKey(c10::DispatchKey::PrivateUse1); }

}  // namespace typed

void register_library() {
  static auto& m = *new torch::Library(torch::Library::IMPL, "aten", c10::DispatchKey::PrivateUse1, __FILE__, __LINE__);
  register_library_0(m);
  register_library_1(m);
  register_library_2(m);
  register_library_3(m);
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  register_kernel<at::_ops::histc, &histc>(m);
  register_kernel<at::_ops::histc_out, &histc_out>(m);
}

}  // namespace hologram::aten
