#include "torch/aten/elementwise/value_checks.h"

#include <ATen/ops/all.h>

#include "torch/aten/core/probabilities.h"

namespace hologram::aten {
namespace {

/// Is the number 0 once it has the dtype that it divides in? An integer loses its upper bits.
bool is_zero(const at::Scalar& s, c10::ScalarType dtype) {
  const uint64_t bits = s.type() == at::kUInt64 ? s.toUInt64() : static_cast<uint64_t>(s.toLong());
  return bits << (64 - 8 * c10::elementSize(dtype)) == 0;
}

}  // namespace

void check_divisor(const Call& call, c10::ScalarType common) {
  if (!c10::isIntegralType(common, /*includeBool=*/false)) return;
  const Source& source = call.variant.args[1];
  const Arg& arg = call.args[source.arg];
  const bool zero = arg.kind == Arg::Kind::Tensor && !is_cpu_scalar(*arg.tensor) ? !at::all(arg.tensor->to(common)).item<bool>()
                                                                                 : is_zero(number_of(call, source, common), common);
  TORCH_CHECK(!zero, "hologram.", call.op.report, ": ZeroDivisionError");
}

void check_probabilities(const Call& call) {
  constexpr int kChecked = 2;   // input and target
  const char* const names[kChecked] = {"input", "target"};
  c10::SmallVector<const at::Tensor*, kChecked> tensors;
  const auto refuse = [&](int i) { TORCH_CHECK(false, "all elements of ", names[i], " should be between 0 and 1"); };
  for (int i = 0; i < kChecked; ++i) {
    const at::Tensor& t = *call.args[call.variant.args[i].arg].tensor;
    if (!is_cpu_scalar(t)) tensors.push_back(&t);
    else if (const double p = cpu_scalar_value(t).toDouble(); !(p >= 0 && p <= 1)) refuse(i);
  }
  if (tensors.size() == kChecked && tensors[0]->sizes() == tensors[1]->sizes()) {
    if (are_probabilities(tensors)) return;
    refuse(are_probabilities(tensors[0]) ? 1 : 0);
  }
  for (const at::Tensor* t : tensors)
    if (!are_probabilities(t)) refuse(t == call.args[call.variant.args[0].arg].tensor ? 0 : 1);
}

}  // namespace hologram::aten
