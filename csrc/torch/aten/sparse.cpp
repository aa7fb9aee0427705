#include "torch/aten/sparse.h"

#include <ATen/SparseCsrTensorImpl.h>
#include <ATen/SparseTensorImpl.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/library.h>

#include <string>

#include "torch/aten/delegate.h"

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

// Everything sparse is torch's. A fallback alone is not enough: composite kernels, which assume dense tensors, come before
// it. So the ops for which torch has a sparse CPU kernel are named one by one, as the installed torch lists them.
namespace {
void register_sparse(torch::Library& m, c10::DispatchKey native) {
  for (const c10::OperatorName& op : c10::Dispatcher::singleton().getRegistrationsForDispatchKey(native)) {
    if (op.name.rfind("aten::", 0) != 0) continue;
    const std::string name = op.overload_name.empty() ? op.name : op.name + "." + op.overload_name;
    m.impl(name.c_str(), torch::CppFunction::makeFromBoxedFunction<&delegate_sparse>());
  }
}
}  // namespace

TORCH_LIBRARY_IMPL(aten, SparsePrivateUse1, m) { register_sparse(m, c10::DispatchKey::SparseCPU); }
TORCH_LIBRARY_IMPL(aten, SparseCsrPrivateUse1, m) { register_sparse(m, c10::DispatchKey::SparseCsrCPU); }
TORCH_LIBRARY_IMPL(_, SparsePrivateUse1, m) { m.fallback(torch::CppFunction::makeFromBoxedFunction<&delegate_sparse>()); }
TORCH_LIBRARY_IMPL(_, SparseCsrPrivateUse1, m) { m.fallback(torch::CppFunction::makeFromBoxedFunction<&delegate_sparse>()); }

// Nested and quantized tensors are more than memory and strides. torch makes some without asking the device.
namespace {
[[noreturn]] void refuse(const c10::OperatorHandle& op, const char* kind, const char* advice) {
  C10_THROW_ERROR(NotImplementedError, c10::str("hologram: ", op.operator_name(), " on a ", kind, " tensor: ", kind,
                                                " tensors are not supported on the device. ", advice));
}
void refuse_nested(const c10::OperatorHandle& op, torch::jit::Stack*) {
  refuse(op, "nested", "Use layout=torch.jagged, or keep the tensor on the CPU.");
}
void refuse_quantized(const c10::OperatorHandle& op, torch::jit::Stack*) {
  refuse(op, "quantized", "Dequantize it, or keep it on the CPU.");
}
}  // namespace

TORCH_LIBRARY_IMPL(_, NestedTensorPrivateUse1, m) { m.fallback(torch::CppFunction::makeFromBoxedFunction<&refuse_nested>()); }
TORCH_LIBRARY_IMPL(_, QuantizedPrivateUse1, m) { m.fallback(torch::CppFunction::makeFromBoxedFunction<&refuse_quantized>()); }

}  // namespace hologram::aten
