#include "torch/aten/library.h"

namespace hologram::aten {

// The parts of the generated table (library_0.cpp ...): several, because each takes long to compile.
void register_library_0(torch::Library& m);
void register_library_1(torch::Library& m);
void register_library_2(torch::Library& m);
void register_library_3(torch::Library& m);

namespace direct {

bool has_kernel(const DirectOp& op) { return op.facts().op.hasKernelForDispatchKey(c10::DispatchKey::PrivateUse1); }

}  // namespace direct

void register_library() {
  static auto& m = *new torch::Library(torch::Library::IMPL, "aten", c10::DispatchKey::PrivateUse1, __FILE__, __LINE__);
  register_library_0(m);
  register_library_1(m);
  register_library_2(m);
  register_library_3(m);
}

}  // namespace hologram::aten
