#include "torch/aten/torch_kernels/sparse.h"

#include <ATen/SparseCsrTensorImpl.h>
#include <ATen/SparseTensorImpl.h>
#include <torch/library.h>

#include "torch/aten/torch_kernels/fallback.h"

namespace hologram::aten {
namespace {

at::SparseTensorImpl* coo(const at::Tensor& t) { return static_cast<at::SparseTensorImpl*>(t.unsafeGetTensorImpl()); }
at::SparseCsrTensorImpl* compressed(const at::Tensor& t) {
  return static_cast<at::SparseCsrTensorImpl*>(t.unsafeGetTensorImpl());
}

}  // namespace

bool is_sparse_layout(c10::Layout layout) {
  switch (layout) {
    case c10::kSparse: case c10::kSparseCsr: case c10::kSparseCsc: case c10::kSparseBsr: case c10::kSparseBsc: return true;
    default: return false;
  }
}

void assign_sparse(const at::Tensor& target, const at::Tensor& source, MapMember map) {
  if (source.layout() == c10::kSparse) {
    const at::SparseTensorImpl* from = coo(source);
    at::SparseTensorImpl* to = coo(target);
    const at::Tensor indices = map(from->indices()), values = map(from->values());
    to->raw_resize_(from->sparse_dim(), from->dense_dim(), from->sizes());
    to->set_indices_and_values_unsafe(indices, values);
    to->set_coalesced(from->coalesced());
    return;
  }
  const at::SparseCsrTensorImpl* from = compressed(source);
  compressed(target)->set_member_tensors(map(from->compressed_indices()), map(from->plain_indices()), map(from->values()),
                                         from->sizes());
}

at::Tensor map_sparse(const at::Tensor& t, c10::Device device, MapMember map) {
  const bool native = device.is_cpu();
  at::Tensor out;
  if (t.layout() == c10::kSparse) {
    const auto key = native ? c10::DispatchKey::SparseCPU : c10::DispatchKey::SparsePrivateUse1;
    out = at::detail::make_tensor<at::SparseTensorImpl>(c10::DispatchKeySet(key), t.dtype());
  } else {
    const auto key = native ? c10::DispatchKey::SparseCsrCPU : c10::DispatchKey::SparseCsrPrivateUse1;
    out = at::detail::make_tensor<at::SparseCsrTensorImpl>(c10::DispatchKeySet(key), device, t.layout(), t.dtype());
  }
  assign_sparse(out, t, map);
  return out;
}

// Everything sparse is torch's, and what torch's CPU has no kernel for is refused in torch's own words.
TORCH_LIBRARY_IMPL(aten, SparsePrivateUse1, m) { register_fallbacks(m, c10::DispatchKey::SparseCPU); }
TORCH_LIBRARY_IMPL(aten, SparseCsrPrivateUse1, m) { register_fallbacks(m, c10::DispatchKey::SparseCsrCPU); }

// Quantized tensors are more than memory and strides. No op on the device makes one, but these would start with none.
namespace {
[[noreturn]] void refuse_quantized(const c10::OperatorHandle& op, torch::jit::Stack*) {
  C10_THROW_ERROR(NotImplementedError, c10::str("hologram: ", op.operator_name(), " on a quantized tensor: quantized tensors "
                                                "are not supported on the device. Dequantize it, or keep it on the CPU."));
}
}  // namespace

TORCH_LIBRARY_IMPL(aten, QuantizedPrivateUse1, m) {
  for (const char* name : {"_empty_affine_quantized", "_empty_per_channel_affine_quantized", "empty.memory_format", "empty_strided",
                           "empty_quantized"})
    m.impl(name, torch::CppFunction::makeFromBoxedFunction<&refuse_quantized>());
}

}  // namespace hologram::aten
