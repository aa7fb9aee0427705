// GradScaler: gradients lose their scale and are searched for what is not finite, in one kernel; the scale follows.
#include <ATen/core/Tensor.h>
#include <ATen/native/ForeachUtils.h>
#include <ATen/ops/_amp_foreach_non_finite_check_and_unscale_ops.h>
#include <ATen/ops/_amp_update_scale_ops.h>
#include <torch/library.h>

#include <algorithm>
#include <vector>

#include "torch/aten/core/registration.h"
#include "torch/aten/core/row_space.h"

namespace hologram::aten {
namespace {

using at::Tensor;

void check_number(const char* op, const char* name, const Tensor& t, c10::ScalarType type, const Tensor& like) {
  TORCH_CHECK(t.device() == like.device(), "hologram.", op, ": ", name, " is on ", t.device(), " and must be on ", like.device(),
              ". Move it there.");
  TORCH_CHECK(t.numel() == 1, name, " must be a 1-element tensor.");
  TORCH_CHECK(t.scalar_type() == type, name, " must be ", type == at::kFloat ? "a float" : "an int", " tensor.");
}

/// The tensor of one element as an operand of a circuit over one element.
Ref read(Circuit& circuit, const Tensor& t) {
  return circuit.add_operand(block_of(t), input_data(t), dtype_of(t));
}
void write(Circuit& circuit, const Tensor& t, Ref value) {
  circuit.add_output(block_of(t), output_data(t), dtype_of(t), value);
}

/// NaN where x is not finite, else 0.
Ref finite_probe(Circuit& circuit, DType compute, Ref x) { return circuit.add_node(Op::sub, compute, compute, {x, x}); }

/// Is some element of `grad` not finite? The answer is a bool tensor, recorded like everything else.
Tensor unscale(const Tensor& grad, const Tensor& inv_scale) {
  const Tensor flag = empty({}, at::kBool, grad.device());
  RowSpace space(grad.sizes(), DimMask().flip());
  Circuit& circuit = space.circuit();
  const DType compute = compute_type(dtype_of(grad));
  const Ref x = space.input(grad);
  const Ref scaled = circuit.add_node(Op::mul, compute, dtype_of(grad), {x, space.scalar_input(inv_scale)});
  const Ref lost = circuit.add_node(Op::isnan, compute, DType::Bool, {finite_probe(circuit, compute, x)});
  const Ref any = circuit.add_node(Op::any, DType::Bool, DType::Bool, {lost});
  space.output(grad, scaled);
  space.kept_output(flag, any);
  space.submit(grad);
  return flag;
}

/// found_inf = 1 where a flag is set.
void raise_flags(c10::ArrayRef<Tensor> flags, const Tensor& found_inf) {
  constexpr size_t kTogether = 48;   // a node and an operand each
  for (; !flags.empty(); flags = flags.slice(std::min(kTogether, flags.size()))) {
    Circuit circuit;
    Ref any = read(circuit, flags[0]);
    for (const Tensor& flag : flags.slice(1, std::min(kTogether, flags.size()) - 1))
      any = circuit.add_node(Op::logical_or, DType::Bool, DType::Bool, {any, read(circuit, flag)});
    const Ref one = circuit.add_scalar(1.0);
    write(circuit, found_inf, circuit.add_node(Op::where, DType::F32, DType::F32, {any, one, read(circuit, found_inf)}));
    submit(circuit, found_inf);
  }
}

void check_and_unscale(at::TensorList grads, Tensor& found_inf, const Tensor& inv_scale) {
  using AtenOp = at::_ops::_amp_foreach_non_finite_check_and_unscale_;
  if (grads.empty()) return;
  const char* const op = overload_name<AtenOp>();
  check_number(op, "inv_scale", inv_scale, at::kFloat, grads[0]);
  check_number(op, "found_inf", found_inf, at::kFloat, grads[0]);
  at::native::check_foreach_api_restrictions(grads);
  std::vector<Tensor> flags;
  flags.reserve(grads.size());
  for (const Tensor& grad : grads) {
    TORCH_CHECK(grad.device() == found_inf.device(), "hologram.", op, ": one of scaled_grads is on ", grad.device(),
                " and must be on ", found_inf.device(), ". Move it there.");
    TORCH_CHECK(grad.layout() == at::kStrided, "one of scaled_grads was not a strided tensor.");
    TORCH_CHECK_NOT_IMPLEMENTED(is_row_float(grad.scalar_type()) && grad.dim() <= kMaxRowSpaceRank, "hologram.", op,
                                ": a gradient of dtype ", grad.scalar_type(), " and ", grad.dim(), " dimensions is not supported. ",
                                "Use a floating point dtype and at most ", kMaxRowSpaceRank, " dimensions.");
    if (grad.numel()) flags.push_back(unscale(grad, inv_scale));
  }
  raise_flags(flags, found_inf);
  count_compiled<AtenOp>();
}

Tensor& update_scale(Tensor& scale, Tensor& growth_tracker, const Tensor& found_inf, double growth, double backoff,
                     int64_t interval) {
  using AtenOp = at::_ops::_amp_update_scale_;
  const char* const op = overload_name<AtenOp>();
  check_number(op, "growth_tracker", growth_tracker, at::kInt, scale);
  check_number(op, "current_scale", scale, at::kFloat, scale);
  check_number(op, "found_inf", found_inf, at::kFloat, scale);
  Circuit circuit;
  const auto wide = [&](Op node, Ref a, Ref b) { return circuit.add_node(node, DType::F64, DType::F64, {a, b}); };
  using Refs = std::initializer_list<Ref>;
  const auto number = [&](Op node, Refs args) { return circuit.add_node(node, DType::F32, DType::F32, args); };
  const auto count = [&](Op node, Refs args) { return circuit.add_node(node, DType::I32, DType::I32, args); };
  const Ref before = read(circuit, scale);
  const Ref found = circuit.add_node(Op::ne, DType::F32, DType::Bool, {read(circuit, found_inf), circuit.add_scalar(0.0)});
  const Ref none = circuit.add_scalar(int64_t{0});
  const Ref steps = count(Op::add, {read(circuit, growth_tracker), circuit.add_scalar(int64_t{1})});
  const Ref enough = circuit.add_node(Op::eq, DType::I64, DType::Bool, {steps, circuit.add_scalar(interval)});
  write(circuit, growth_tracker, count(Op::where, {found, none, count(Op::where, {enough, none, steps})}));
  const Ref smaller = number(Op::copy, {wide(Op::mul, before, circuit.add_scalar(backoff))});
  const Ref larger = number(Op::copy, {wide(Op::mul, before, circuit.add_scalar(growth))});
  // The scale does not grow to infinity.
  const Ref overflow = circuit.add_node(Op::isnan, DType::F32, DType::Bool, {finite_probe(circuit, DType::F32, larger)});
  const Ref grown = number(Op::where, {enough, number(Op::where, {overflow, before, larger}), before});
  write(circuit, scale, number(Op::where, {found, smaller, grown}));
  submit(circuit, scale);
  count_compiled<AtenOp>();
  return scale;
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  register_kernel<at::_ops::_amp_foreach_non_finite_check_and_unscale_, &check_and_unscale>(m);
  register_kernel<at::_ops::_amp_update_scale_, &update_scale>(m);
}

}  // namespace
}  // namespace hologram::aten
