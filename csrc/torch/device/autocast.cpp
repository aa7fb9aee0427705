// torch.autocast('hologram') follows torch's own lists: what runs in lower precision, what in float32, what promotes.

#include <ATen/autocast_mode.h>
#include <torch/library.h>

namespace at {
TORCH_LIBRARY_IMPL(_, AutocastPrivateUse1, m) { m.fallback(torch::CppFunction::makeFallthrough()); }

TORCH_LIBRARY_IMPL(aten, AutocastPrivateUse1, m) {
#define LOWER_PRECISION(...) KERNEL_PRIVATEUSEONE(__VA_ARGS__, lower_precision_fp)
  AT_FORALL_LOWER_PRECISION_FP(LOWER_PRECISION)
  // Layers are one op here, as on the CPU: its list has oneDNN's. On CUDA the parts are cast, with the same results.
  LOWER_PRECISION(lstm, input)
  LOWER_PRECISION(lstm, data)
  LOWER_PRECISION(gru, input)
  LOWER_PRECISION(gru, data)
  LOWER_PRECISION(rnn_tanh, input)
  LOWER_PRECISION(rnn_tanh, data)
  LOWER_PRECISION(rnn_relu, input)
  LOWER_PRECISION(rnn_relu, data)
#undef LOWER_PRECISION
#define FLOAT32(...) KERNEL_PRIVATEUSEONE(__VA_ARGS__, fp32)
  AT_FORALL_FP32(FLOAT32)
  FLOAT32(binary_cross_entropy)   // torch's list is CUDA's, where autocast refuses it; the CPU's has it
#undef FLOAT32
#define FLOAT32_RESULT(...) KERNEL_PRIVATEUSEONE(__VA_ARGS__, fp32_set_opt_dtype)
  AT_FORALL_FP32_SET_OPT_DTYPE(FLOAT32_RESULT)
#undef FLOAT32_RESULT
  AT_FORALL_DIFFERENT_REDISPATCH_SIGNATURE(KERNEL_DIFFERENT_REDISPATCH_SIGNATURE_PRIVATEUSEONE)
#define PROMOTE(...) KERNEL_PRIVATEUSEONE(__VA_ARGS__, promote)
  AT_FORALL_PROMOTE(PROMOTE)
#undef PROMOTE
}
}  // namespace at
