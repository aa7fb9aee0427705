// Ops for which torch has two definitions: a kernel of the CPU, and a composite for other devices that differs from it in
// rounding (addr), in its errors (addr, narrow_copy), or that refuses devices it does not know (mode.values); or whose
// in-place form calls the CPU's kernel past the dispatcher (addr_, conj_physical_). Ours is the CPU's.
#include <torch/library.h>

#include "torch/aten/delegate.h"

namespace hologram::aten {

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  for (const char* name : {"addr", "addr.out", "addr_", "conj_physical_", "narrow_copy", "narrow_copy.out", "mode.values"})
    m.impl(name, torch::CppFunction::makeFromBoxedFunction<&library>());
}

}  // namespace hologram::aten
