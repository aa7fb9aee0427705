// ctc_loss: torch's kernels for the CPU, which read targets as they are, and whose gradient trusts all sizes. What they would read
// is checked first.
#include <ATen/core/Tensor.h>
#include <ATen/core/op_registration/adaption.h>
#include <ATen/ops/_ctc_loss_backward_ops.h>
#include <ATen/ops/_ctc_loss_ops.h>

#include <algorithm>

#include "torch/aten/core/registration.h"

namespace hologram::aten {
namespace {

using at::IntArrayRef;
using at::Tensor;
using Pair = std::tuple<Tensor, Tensor>;
using Lengths = c10::SmallVector<int64_t, 8>;

Lengths lengths_of(const Tensor& t) {
  const Tensor host = t.to(at::kCPU, at::kLong).contiguous();
  const auto* p = host.const_data_ptr<int64_t>();
  return Lengths(p, p + host.numel());
}
Lengths lengths_of(IntArrayRef lengths) { return Lengths(lengths.begin(), lengths.end()); }

/// Are the first target_lengths[b] targets of each sample classes? `whole`: and there; the forward kernel says itself what is not.
template <class L>
void check_targets(const char* op, const Tensor& log_probs, const Tensor& targets, const L& target_lengths, bool whole) {
  if (log_probs.dim() != 3 || !c10::isIntegralType(targets.scalar_type(), /*includeBool=*/false) || targets.dim() < 1 || targets.dim() > 2) return;
  const Lengths lengths = lengths_of(target_lengths);
  const int64_t classes = log_probs.size(2);
  const Tensor host = targets.to(at::kCPU, at::kLong).contiguous();
  const auto* row = host.const_data_ptr<int64_t>();
  const bool joined = targets.dim() == 1;   // one sample after the other
  int64_t left = joined ? targets.numel() : targets.size(0);
  for (int64_t length : lengths) {
    const int64_t room = joined ? left : left > 0 ? targets.size(1) : 0;
    if (!whole && (length < 0 || length > room)) return;
    TORCH_CHECK(length >= 0 && length <= room, "hologram.", op, ": a target length of ", length, " where there are ", room,
                " targets. Pass the lengths of the targets.");
    for (int64_t i = 0; i < length; ++i)
      TORCH_CHECK_INDEX(row[i] >= 0 && row[i] < classes, "hologram.", op, ": target ", row[i], " is not one of ", classes,
                        " classes. Pass targets from 0 to ", classes - 1, ".");
    row += joined ? length : targets.size(1);
    left -= joined ? length : 1;
  }
}

/// Everything that the gradient takes from the forward op.
template <class L>
void check_gradient(const char* op, const Tensor& grad, const Tensor& log_probs, const Tensor& targets, const L& input_lengths,
                    const L& target_lengths, const Tensor& loss, const Tensor& log_alpha, int64_t blank) {
  const Lengths inputs = lengths_of(input_lengths), lengths = lengths_of(target_lengths);
  TORCH_CHECK(log_probs.dim() == 3 && log_alpha.dim() == 3 && targets.dim() >= 1 && targets.dim() <= 2, "hologram.", op, ": log_probs of shape ",
              log_probs.sizes(), ", log_alpha of shape ", log_alpha.sizes(), " and targets of shape ", targets.sizes(),
              " do not fit. Pass what the forward op took and returned.");
  const int64_t batch = log_probs.size(1);
  const auto count = static_cast<size_t>(batch);
  TORCH_CHECK(inputs.size() == count && lengths.size() == count && grad.numel() == batch && loss.numel() == batch && log_alpha.size(0) == batch,
              "hologram.", op, ": ", inputs.size(), " input lengths, ", lengths.size(), " target lengths, grad of shape ", grad.sizes(),
              ", loss of shape ", loss.sizes(), " and log_alpha of shape ", log_alpha.sizes(), " are not of ", batch,
              " samples. Pass what the forward op took and returned.");
  TORCH_CHECK(blank >= 0 && blank < log_probs.size(2), "blank must be in label range");
  check_targets(op, log_probs, targets, target_lengths, /*whole=*/true);
  const int64_t time = std::min(log_probs.size(0), log_alpha.size(1)), states = log_alpha.size(2);
  for (size_t b = 0; b < count; ++b)
    TORCH_CHECK(inputs[b] >= 0 && inputs[b] <= time && 2 * lengths[b] + 1 <= states, "hologram.", op, ": an input of length ", inputs[b],
                " and a target of length ", lengths[b], " where log_alpha has shape ", log_alpha.sizes(), ". Pass what the forward op took and returned.");
}

template <class AtenOp, class L>
Pair forward(const Tensor& log_probs, const Tensor& targets, L input_lengths, L target_lengths, int64_t blank, bool zero_infinity) {
  check_targets(overload_name<AtenOp>(), log_probs, targets, target_lengths, /*whole=*/false);
  return call_library<AtenOp>(log_probs, targets, input_lengths, target_lengths, blank, zero_infinity);
}

template <class AtenOp, class L>
Tensor backward(const Tensor& grad, const Tensor& log_probs, const Tensor& targets, L input_lengths, L target_lengths, const Tensor& loss,
                const Tensor& log_alpha, int64_t blank, bool zero_infinity) {
  check_gradient(overload_name<AtenOp>(), grad, log_probs, targets, input_lengths, target_lengths, loss, log_alpha, blank);
  return call_library<AtenOp>(grad, log_probs, targets, input_lengths, target_lengths, loss, log_alpha, blank, zero_infinity);
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  using namespace at::_ops;
  register_kernel<_ctc_loss, &forward<_ctc_loss, IntArrayRef>>(m);
  register_kernel<_ctc_loss_Tensor, &forward<_ctc_loss_Tensor, const Tensor&>>(m);
  register_kernel<_ctc_loss_backward, &backward<_ctc_loss_backward, IntArrayRef>>(m);
  register_kernel<_ctc_loss_backward_Tensor, &backward<_ctc_loss_backward_Tensor, const Tensor&>>(m);
}

}  // namespace
}  // namespace hologram::aten
