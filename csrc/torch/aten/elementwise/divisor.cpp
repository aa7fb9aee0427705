// Integer division by zero is an error, at the call. A kernel cannot raise: the divisor is looked at before it runs.
#include <ATen/ops/all.h>

#include "torch/aten/elementwise/elementwise.h"

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
  const bool zero = arg.kind == Arg::Kind::Tensor && !is_cpu_scalar(*arg.tensor)
                        ? !at::all(arg.tensor->to(common)).item<bool>()
                        : is_zero(number_of(call, source, common), common);
  TORCH_CHECK(!zero, "hologram.", call.op.report, ": ZeroDivisionError");
}

}  // namespace hologram::aten
