// torch.optim's fused steps: the step of one parameter is one circuit, in place.
//
// Formulas, and what is computed in double, are those of torch's CPU kernels. Circuits of one structure run as one launch,
// so a step over any number of parameters is a few. Nothing is read by the host: a step that GradScaler wants skipped
// (found_inf is 1) stores what was there before.
#include <ATen/core/Tensor.h>
#include <ATen/ops/_fused_adagrad_ops.h>
#include <ATen/ops/_fused_adam_ops.h>
#include <ATen/ops/_fused_adamw_ops.h>
#include <ATen/ops/_fused_sgd_ops.h>
#include <torch/library.h>

#include <initializer_list>

#include "torch/aten/core/registration.h"
#include "torch/aten/elementwise/elementwise.h"
#include "torch/aten/core/expr_builder.h"

namespace hologram::aten {
namespace {

using at::Tensor;
using at::TensorList;

/// A learning rate: a number, or a tensor that holds one.
struct Rate {
  Rate(double v) : value(v) {}
  Rate(const Tensor& t) : tensor(&t) {}
  double value = 0;
  const Tensor* tensor = nullptr;
};

struct Scaler {
  const MaybeTensor& grad_scale;
  const MaybeTensor& found_inf;
};

/// The step of one parameter.
class Step : public CircuitBuilder {
 public:
  /// `tensors`: the parameter, and what has an element for each of its elements.
  Step(const char* op, std::initializer_list<const Tensor*> tensors, const Scaler& scaler)
      : CircuitBuilder(to_dtype((*tensors.begin())->scalar_type())), op_(op), param_(**tensors.begin()) {
    bool flat = true;
    for (const Tensor* t : tensors) {
      check(*t);
      flat &= t->is_contiguous();
    }
    flat_ = flat;
    if (flat) {
      circuit_.rank = 1;
      circuit_.sizes[0] = param_.numel();
    } else {
      set_sizes(circuit_, param_.sizes());
    }
    if (scaler.found_inf) skip_ = test(Op::eq, {number(*scaler.found_inf), one()});
    if (scaler.grad_scale) scale_ = number(*scaler.grad_scale);
  }

  using CircuitBuilder::number;
  /// The number in a tensor of one element.
  Ref number(const Tensor& t) {
    if (is_cpu_scalar(t)) return add_scalar(circuit_, cpu_scalar_value(t));
    TORCH_CHECK(t.device() == param_.device(), "Expected all tensors to be on the same device, but found at least two devices, ",
                param_.device(), " and ", t.device(), "!");
    TORCH_CHECK(t.numel() == 1, "hologram.", op_, ": expected a tensor of one element, got shape ", t.sizes(),
                ". Steps, learning rates and scales are single numbers.");
    return circuit_.add_operand(block_of(t), input_data(t), to_dtype(t.scalar_type()));
  }
  Ref number(const Rate& rate) { return rate.tensor ? number(*rate.tensor) : number(rate.value); }

  Ref read(const Tensor& t) { return placed(circuit_.add_operand(block_of(t), input_data(t), type_), t); }
  /// Stores `value` in place of `before`, unless the step is to be skipped. A change is counted: a graph that has saved the tensor
  /// must find out. torch's own code around fused steps leaves that out, and here they are the default of Adam.
  void write(const Tensor& t, Ref before, Ref value) {
    if (skip_ != kNoRef) value = node(Op::where, {skip_, before, value});
    placed(circuit_.add_output(block_of(t), output_data(t), type_, stored(value)), t);
    if (!t.is_inference()) t.unsafeGetTensorImpl()->bump_version();
  }
  /// The gradient as the step sees it. One that was scaled is stored without its scale.
  Ref gradient(const Tensor& grad, bool maximize) {
    Ref g = read(grad);
    if (scale_ != kNoRef) {
      const Ref before = g;
      g = div(g, scale_);
      write(grad, before, g);
    }
    return maximize ? neg(g) : g;
  }

  void run() { submit(circuit_, param_); }

 private:
  void check(const Tensor& t) const {
    TORCH_CHECK(t.device() == param_.device(), "Expected all tensors to be on the same device, but found at least two devices, ",
                param_.device(), " and ", t.device(), "!");
    const c10::ScalarType type = t.scalar_type(), wanted = param_.scalar_type();
    TORCH_CHECK(t.layout() == at::kStrided && c10::isFloatingType(type) && is_compiled_type(type), "hologram.", op_, ": got a ",
                t.layout(), " tensor of dtype ", type, ". Use dense tensors of a floating point dtype.");
    TORCH_CHECK(type == wanted && t.sizes() == param_.sizes(), "hologram.", op_, ": a tensor of dtype ", type, " and shape ",
                t.sizes(), " does not fit a parameter of dtype ", wanted, " and shape ", param_.sizes(),
                ". Gradients and states have the dtype and the shape of their parameter.");
  }
  Ref placed(Ref operand, const Tensor& t) {
    const auto item = static_cast<int64_t>(t.element_size());
    if (flat_) circuit_.strides(operand)[0] = item;
    else
      for (int64_t d = 0; d < t.dim(); ++d) circuit_.strides(operand)[d] = t.stride(d) * item;
    return operand;
  }

  const char* op_;
  const Tensor& param_;
  bool flat_;
  Ref skip_ = kNoRef, scale_ = kNoRef;
};

void check_lists(const char* op, TensorList params, std::initializer_list<TensorList> others) {
  for (TensorList list : others)
    TORCH_CHECK(list.size() == params.size(), "hologram.", op, ": got ", params.size(), " parameters and a list of ", list.size(),
                " tensors. Every list needs one for each parameter.");
  // Nothing is stepped where something lies elsewhere. A number may lie on the CPU.
  for (size_t i = 0; i < params.size(); ++i) {
    TORCH_CHECK(is_hologram(params[i]), "Expected all tensors to be on the same device, but found at least two devices, ",
                c10::Device(kDevice), " and ", params[i].device(), "!");
    for (TensorList list : others)
      TORCH_CHECK(is_cpu_scalar(list[i]) || list[i].device() == params[i].device(), "Expected all tensors to be on the same device, "
                  "but found at least two devices, ", params[i].device(), " and ", list[i].device(), "!");
  }
}

// ---- Adam and AdamW ----

enum class Decay { Gradient, Parameter };

/// `Lr`: double or const Tensor&.
template <class AtenOp, Decay decay, class Lr>
void adam(TensorList params, TensorList grads, TensorList exp_avgs, TensorList exp_avg_sqs, TensorList max_exp_avg_sqs,
          TensorList steps, Lr lr, double beta1, double beta2, double weight_decay, double eps, bool amsgrad, bool maximize,
          const MaybeTensor& grad_scale, const MaybeTensor& found_inf) {
  const char* const op = overload_name<AtenOp>();
  check_lists(op, params, {grads, exp_avgs, exp_avg_sqs, steps});
  if (amsgrad) check_lists(op, params, {max_exp_avg_sqs});
  for (size_t i = 0; i < params.size(); ++i) {
    if (params[i].numel() == 0) continue;
    const Tensor& max_sq = amsgrad ? max_exp_avg_sqs[i] : exp_avg_sqs[i];
    Step s(op, {&params[i], &grads[i], &exp_avgs[i], &exp_avg_sqs[i], &max_sq}, {grad_scale, found_inf});
    const Ref rate = s.number(Rate(lr)), step = s.number(steps[i]);
    const auto correction = [&](double beta) { return s.wide(Op::sub, {s.one(), s.wide(Op::pow, {s.number(beta), step})}); };
    const Ref step_size = s.wide(Op::div, {rate, correction(beta1)});
    const Ref root = s.wide(Op::rsqrt, {correction(beta2)});   // its reciprocal: a division less for every element

    const Ref before = s.read(params[i]);
    Ref p = before, g = s.gradient(grads[i], maximize);
    if (weight_decay != 0) {
      const Ref amount = s.number(weight_decay);
      if (decay == Decay::Gradient) g = s.add(g, s.mul(p, amount));
      else p = s.mul(p, s.wide(Op::sub, {s.one(), s.wide(Op::mul, {rate, amount})}));
    }
    const Ref old_avg = s.read(exp_avgs[i]), old_sq = s.read(exp_avg_sqs[i]);
    const Ref avg = s.node(Op::lerp, {old_avg, g, s.number(1 - beta1)});
    Ref sq = s.node(Op::addcmul, {s.mul(old_sq, s.number(beta2)), g, g, s.number(1 - beta2)});
    s.write(exp_avgs[i], old_avg, avg);
    s.write(exp_avg_sqs[i], old_sq, sq);
    if (amsgrad) {
      const Ref old_max = s.read(max_sq);
      sq = s.node(Op::maximum, {old_max, sq});
      s.write(max_sq, old_max, sq);
    }
    const Ref denominator = s.add(s.mul(s.sqrt(sq), root), s.number(eps));
    s.write(params[i], before, s.node(Op::addcdiv, {p, avg, denominator, s.wide(Op::neg, {step_size})}));
    s.run();
  }
  count_compiled<AtenOp>();
}

// ---- SGD ----

template <class AtenOp, class Lr>
void sgd(TensorList params, TensorList grads, TensorList momenta, double weight_decay, double momentum, Lr lr, double dampening,
         bool nesterov, bool maximize, bool is_first_step, const MaybeTensor& grad_scale, const MaybeTensor& found_inf) {
  const char* const op = overload_name<AtenOp>();
  check_lists(op, params, {grads});
  if (momentum != 0) check_lists(op, params, {momenta});
  for (size_t i = 0; i < params.size(); ++i) {
    if (params[i].numel() == 0) continue;
    Step s(op, {&params[i], &grads[i], momentum != 0 ? &momenta[i] : &grads[i]}, {grad_scale, found_inf});
    const Ref p = s.read(params[i]);
    Ref g = s.gradient(grads[i], maximize);
    if (weight_decay != 0) g = s.add(g, s.mul(p, s.number(weight_decay)));
    if (momentum != 0) {
      const Ref factor = s.number(momentum), old = s.read(momenta[i]);
      const Ref buffer = is_first_step ? s.node(Op::copy, {g}) : s.add(s.mul(old, factor), s.mul(g, s.number(1 - dampening)));
      s.write(momenta[i], old, buffer);
      g = nesterov ? s.add(g, s.mul(buffer, factor)) : buffer;
    }
    s.write(params[i], p, s.sub(p, s.mul(g, s.number(Rate(lr)))));
    s.run();
  }
  count_compiled<AtenOp>();
}

// ---- Adagrad ----

template <class AtenOp, class Lr>
void adagrad(TensorList params, TensorList grads, TensorList sums, TensorList steps, Lr lr, double lr_decay, double weight_decay,
             double eps, bool maximize, const MaybeTensor& grad_scale, const MaybeTensor& found_inf) {
  const char* const op = overload_name<AtenOp>();
  check_lists(op, params, {grads, sums, steps});
  for (size_t i = 0; i < params.size(); ++i) {
    if (params[i].numel() == 0) continue;
    Step s(op, {&params[i], &grads[i], &sums[i]}, {grad_scale, found_inf});
    const Ref steps_before = s.wide(Op::sub, {s.number(steps[i]), s.one()});
    const Ref slower = s.wide(Op::add, {s.one(), s.wide(Op::mul, {steps_before, s.number(lr_decay)})});
    const Ref rate = s.wide(Op::div, {s.number(Rate(lr)), slower});
    const Ref p = s.read(params[i]), old_sum = s.read(sums[i]);
    Ref g = s.gradient(grads[i], maximize);
    if (weight_decay != 0) g = s.add(g, s.mul(p, s.number(weight_decay)));
    const Ref sum = s.add(old_sum, s.mul(g, g));
    s.write(sums[i], old_sum, sum);
    const Ref deviation = s.add(s.sqrt(sum), s.number(eps));
    s.write(params[i], p, s.node(Op::addcdiv, {p, g, deviation, s.wide(Op::neg, {rate})}));
    s.run();
  }
  count_compiled<AtenOp>();
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  using namespace at::_ops;
  register_kernel<_fused_adam_, &adam<_fused_adam_, Decay::Gradient, double>>(m);
  register_kernel<_fused_adam__tensor_lr, &adam<_fused_adam__tensor_lr, Decay::Gradient, const Tensor&>>(m);
  register_kernel<_fused_adamw_, &adam<_fused_adamw_, Decay::Parameter, double>>(m);
  register_kernel<_fused_adamw__tensor_lr, &adam<_fused_adamw__tensor_lr, Decay::Parameter, const Tensor&>>(m);
  register_kernel<_fused_sgd_, &sgd<_fused_sgd_, double>>(m);
  register_kernel<_fused_sgd__tensor_lr, &sgd<_fused_sgd__tensor_lr, const Tensor&>>(m);
  register_kernel<_fused_adagrad_, &adagrad<_fused_adagrad_, double>>(m);
  register_kernel<_fused_adagrad__tensor_lr, &adagrad<_fused_adagrad__tensor_lr, const Tensor&>>(m);
}

}  // namespace
}  // namespace hologram::aten
