// What a hand-written aten kernel needs to know about its own overload, from torch's class for it (at::_ops::X).
#pragma once

#include <torch/library.h>

#include <string>

#include "torch/aten/core/common.h"
#include "torch/aten/torch_kernels/typed_call.h"

namespace hologram::aten {

/// "sum.dim_IntList": the overload as the registry and op_report spell it. Lives for ever.
template <class AtenOp>
const char* overload_name() {
  constexpr size_t kNamespace = sizeof("aten::") - 1;
  static const std::string& name =
      *new std::string(std::string(AtenOp::name + kNamespace) + (*AtenOp::overload_name ? "." : "") + AtenOp::overload_name);
  return name.c_str();
}

/// The overload's counters, for a kernel that keeps them in a static of its own.
template <class AtenOp>
OpStat& op_stat() { return op_stat(overload_name<AtenOp>()); }

/// One more call of the overload ran on compiled kernels.
template <class AtenOp>
void count_compiled() {
  static OpStat& stat = op_stat<AtenOp>();
  stat.compiled.fetch_add(1, std::memory_order_relaxed);
}
/// One more call of the overload ran in torch's own kernel because that is the fastest.
template <class AtenOp>
void count_library() {
  static OpStat& stat = op_stat<AtenOp>();
  stat.library.fetch_add(1, std::memory_order_relaxed);
}

/// Registers `kernel` for the overload.
template <class AtenOp, auto* kernel>
void register_kernel(torch::Library& m) {
  m.impl(overload_name<AtenOp>(), TORCH_FN(kernel));
}
/// Leaves the overload to the dispatch keys below.
template <class AtenOp>
void register_fallthrough(torch::Library& m) {
  m.impl(overload_name<AtenOp>(), torch::CppFunction::makeFallthrough());
}

}  // namespace hologram::aten
