#include "torch/aten/core/bounds.h"

#include <c10/util/Exception.h>

#include "runtime/ir/dims.h"

namespace hologram::aten {

void check_storage(const at::Tensor& t) {
  if (t.layout() != c10::kStrided || t.is_nested() || t.numel() == 0 || t._is_zerotensor()) return;
  const c10::IntArrayRef sizes = t.sizes(), strides = t.strides();
  int64_t first = t.storage_offset(), last = first;
  const bool known = extend_reach(sizes.data(), strides.data(), static_cast<int>(sizes.size()), first, last);
  TORCH_CHECK(known && first >= 0 && last < static_cast<int64_t>(t.storage().nbytes() / t.element_size()),
              "hologram: a tensor of sizes ", sizes, ", strides ", strides, ", storage offset ", t.storage_offset(),
              " and itemsize ", t.element_size(), " reaches beyond its storage of ", t.storage().nbytes(),
              " bytes. Give the storage its size back before the tensor is used.");
}

}  // namespace hologram::aten
