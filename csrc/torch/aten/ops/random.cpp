// Random ops on the device's Philox generator.
//
// A call reserves one counter per element of its result, whatever the distribution and the dtype, on every backend; which
// of their Philox blocks element i draws from is defined in hologram_core/optable/mathlib/random.py. Numbers are a function of
// (seed, offset, i) alone, with i the row-major number of the element; strides, threads and fusion do not matter. Arguments are checked by ATen's own
// templates (DistributionTemplates.h), which call the functors below with arguments that are in order.
#include <ATen/MemoryOverlap.h>
#include <ATen/native/DistributionTemplates.h>
#include <ATen/ops/bernoulli_ops.h>
#include <ATen/ops/cauchy_ops.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/exponential_ops.h>
#include <ATen/ops/geometric_ops.h>
#include <ATen/ops/log_normal_ops.h>
#include <ATen/ops/native_dropout_backward_ops.h>
#include <ATen/ops/native_dropout_ops.h>
#include <ATen/ops/normal_ops.h>
#include <ATen/ops/random_ops.h>
#include <ATen/ops/uniform_ops.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "torch/aten/core/probabilities.h"
#include "torch/aten/core/product.h"
#include "torch/aten/core/registration.h"
#include "torch/aten/core/row_space.h"
#include "torch/device/generator.h"

namespace hologram::aten {
namespace {

namespace templates = at::native::templates;
using Generator = std::optional<at::Generator>;
/// The templates want a type for the generator; the functors find it themselves.
struct Philox;

Scalar real(double value) {
  Scalar s;
  s.integer = false;
  s.value.f = value;
  return s;
}
Scalar whole(int64_t value) {
  Scalar s;
  s.integer = true;
  s.value.i = value;
  return s;
}

Ref add(Circuit& circuit, const Scalar& s) { return s.integer ? circuit.add_scalar(s.value.i) : circuit.add_scalar(s.value.f); }

/// The first two arguments of every random row.
struct Draw {
  Ref seed, offset;
};
/// Numbers for the elements of `self`, which must lie on the device: a generator of the device alone is enough to make
/// torch call its kernels.
Draw draw(Circuit& circuit, const Generator& generator, const at::Tensor& self) {
  check_generator_device(self);
  const PhiloxRange range = reserve_philox(generator, static_cast<uint64_t>(self.numel()), self.device().index());
  return {circuit.add_scalar(static_cast<int64_t>(range.seed)), circuit.add_scalar(static_cast<int64_t>(range.offset))};
}

/// Fills `self` with numbers of the row `op`, computed in `compute`.
void fill(Op op, DType compute, const at::Tensor& self, const Generator& generator, std::initializer_list<Scalar> parameters) {
  if (self.numel() == 0) return;
  at::assert_no_internal_overlap(self);
  Circuit circuit;
  const Draw d = draw(circuit, generator, self);
  set_sizes(circuit, self.sizes());
  Ref args[kMaxArgs] = {d.seed, d.offset};
  size_t nargs = 2;
  for (const Scalar& p : parameters) args[nargs++] = add(circuit, p);
  add_output(circuit, self, circuit.add_node(op, compute, dtype_of(self), args, nargs));
  submit(circuit, self);
}

bool fillable(const at::Tensor& self) { return is_hologram(self) && self.dim() <= kMaxRank && self.layout() == at::kStrided; }
bool fillable_float(const at::Tensor& self) { return is_row_float(self.scalar_type()) && fillable(self); }

// ---- continuous distributions ----

/// The largest value of `t` below `to`: rounding to 16 bits is monotone, so drawing below it keeps `to` itself out.
double below(double to, double from, c10::ScalarType t) {
  const double gap = std::ldexp(std::max(std::abs(to), std::abs(from)), t == at::kHalf ? -11 : -8);
  return from < to ? std::max(from, to - gap) : to;
}

template <class> struct UniformFill {
  void operator()(at::TensorIteratorBase& iter, double from, double to, const Generator& generator) const {
    const at::Tensor& self = iter.tensor(0);
    if (self.scalar_type() == at::kHalf || self.scalar_type() == at::kBFloat16) to = below(to, from, self.scalar_type());
    fill(Op::uniform, compute_type(dtype_of(self)), self, generator, {real(from), real(to)});
  }
};
at::Tensor& uniform_(at::Tensor& self, double from, double to, Generator generator) {
  using AtenOp = at::_ops::uniform_;
  if (!fillable_float(self)) return call_native<AtenOp>(self, from, to, generator);
  const PointersInside inside;   // the iterator asks for the address
  templates::uniform_impl_<UniformFill, Philox>(self, from, to, generator);
  count_compiled<AtenOp>();
  return self;
}

template <class> struct NormalFill {
  void operator()(const at::Tensor& self, double mean, double std, const Generator& generator) const {
    fill(Op::normal, compute_type(dtype_of(self)), self, generator, {real(mean), real(std)});
  }
};
at::Tensor& normal_(at::Tensor& self, double mean, double std, Generator generator) {
  using AtenOp = at::_ops::normal_;
  if (!fillable_float(self)) return call_native<AtenOp>(self, mean, std, generator);
  templates::normal_impl_<NormalFill, Philox>(self, mean, std, generator);
  count_compiled<AtenOp>();
  return self;
}

/// normal.*: mean or std or both are tensors.
template <class AtenOp, class Mean, class Std>
at::Tensor normal(Mean mean, Std std, Generator generator) {
  at::Tensor result = templates::normal_impl<NormalFill, Philox>(mean, std, generator);
  count_compiled<AtenOp>();
  return result;
}
template <class AtenOp, class Mean, class Std>
at::Tensor& normal_out(Mean mean, Std std, Generator generator, at::Tensor& out) {
  if (!is_row_float(out.scalar_type()) && !out.is_complex()) return call_fallback<AtenOp>(mean, std, generator, out);
  templates::normal_out_impl<NormalFill, Philox>(out, mean, std, generator);
  count_compiled<AtenOp>();
  return out;
}

template <class> struct ExponentialFill {
  void operator()(at::TensorIteratorBase& iter, double lambda, const Generator& generator) const {
    const at::Tensor& self = iter.tensor(0);
    fill(Op::exponential, compute_type(dtype_of(self)), self, generator, {real(lambda)});
  }
};
at::Tensor& exponential_(at::Tensor& self, double lambda, Generator generator) {
  using AtenOp = at::_ops::exponential_;
  if (!fillable_float(self)) return call_native<AtenOp>(self, lambda, generator);
  const PointersInside inside;   // the iterator asks for the address
  templates::exponential_impl_<ExponentialFill, Philox>(self, lambda, generator);
  count_compiled<AtenOp>();
  return self;
}

template <class> struct CauchyFill {
  void operator()(at::TensorIteratorBase& iter, double median, double sigma, const Generator& generator) const {
    const at::Tensor& self = iter.tensor(0);
    fill(Op::cauchy, compute_type(dtype_of(self)), self, generator, {real(median), real(sigma)});
  }
};
at::Tensor& cauchy_(at::Tensor& self, double median, double sigma, Generator generator) {
  using AtenOp = at::_ops::cauchy_;
  if (!fillable_float(self)) return call_native<AtenOp>(self, median, sigma, generator);
  const PointersInside inside;   // the iterator asks for the address
  templates::cauchy_impl_<CauchyFill, Philox>(self, median, sigma, generator);
  count_compiled<AtenOp>();
  return self;
}

template <class> struct LogNormalFill {
  void operator()(at::TensorIteratorBase& iter, double mean, double std, const Generator& generator) const {
    const at::Tensor& self = iter.tensor(0);
    fill(Op::log_normal, compute_type(dtype_of(self)), self, generator, {real(mean), real(std)});
  }
};
at::Tensor& log_normal_(at::Tensor& self, double mean, double std, Generator generator) {
  using AtenOp = at::_ops::log_normal_;
  if (!fillable_float(self)) return call_native<AtenOp>(self, mean, std, generator);
  const PointersInside inside;   // the iterator asks for the address
  templates::log_normal_impl_<LogNormalFill, Philox>(self, mean, std, generator);
  count_compiled<AtenOp>();
  return self;
}

// ---- discrete distributions ----

template <class> struct GeometricFill {
  void operator()(at::TensorIteratorBase& iter, double p, const Generator& generator) const {
    fill(Op::geometric, DType::F64, iter.tensor(0), generator, {real(p)});
  }
};
at::Tensor& geometric_(at::Tensor& self, double p, Generator generator) {
  using AtenOp = at::_ops::geometric_;
  if (!is_row_type(self.scalar_type()) || self.scalar_type() == at::kBool || !fillable(self))
    return call_native<AtenOp>(self, p, generator);
  const PointersInside inside;   // the iterator asks for the address
  templates::geometric_impl_<GeometricFill, Philox>(self, p, generator);
  count_compiled<AtenOp>();
  return self;
}

/// How many values random_() draws from, starting at 0: what the dtype represents exactly. 0 stands for 2^64.
uint64_t natural_range(c10::ScalarType t) {
  switch (t) {
    case at::kBool: return 2;
    case at::kByte: return uint64_t{1} << 8;
    case at::kChar: return uint64_t{1} << 7;
    case at::kShort: return uint64_t{1} << 15;
    case at::kInt: return uint64_t{1} << 31;
    case at::kLong: return uint64_t{1} << 63;
    case at::kUInt16: return uint64_t{1} << 16;
    case at::kUInt32: return uint64_t{1} << 32;
    case at::kHalf: return (uint64_t{1} << std::numeric_limits<at::Half>::digits) + 1;
    case at::kBFloat16: return (uint64_t{1} << std::numeric_limits<at::BFloat16>::digits) + 1;
    case at::kFloat: return (uint64_t{1} << std::numeric_limits<float>::digits) + 1;
    case at::kDouble: return (uint64_t{1} << std::numeric_limits<double>::digits) + 1;
    default: return 0;
  }
}

/// Integers from `from` on; `range` of them, 0 meaning all 2^64.
void fill_integers(const at::Tensor& self, uint64_t range, int64_t from, const Generator& generator) {
  fill(Op::random_int, DType::I64, self, generator, {whole(from), whole(static_cast<int64_t>(range))});
}

template <class> struct IntegerFill {
  void operator()(at::TensorIteratorBase& iter, const Generator& generator) const {
    fill_integers(iter.tensor(0), natural_range(iter.dtype(0)), 0, generator);
  }
};
template <class> struct IntegerRangeFill {
  void operator()(at::TensorIteratorBase& iter, uint64_t range, int64_t from, const Generator& generator) const {
    fill_integers(iter.tensor(0), range, from, generator);
  }
  void operator()(at::TensorIteratorBase& iter, const Generator& generator) const {
    fill_integers(iter.tensor(0), 0, 0, generator);
  }
};

bool holds_integers(const at::Tensor& self) { return is_compiled_type(self.scalar_type()) && fillable(self); }

at::Tensor& random_(at::Tensor& self, Generator generator) {
  using AtenOp = at::_ops::random_;
  if (!holds_integers(self)) return call_native<AtenOp>(self, generator);
  const PointersInside inside;   // the iterator asks for the address
  templates::random_impl<IntegerFill, Philox>(self, generator);
  count_compiled<AtenOp>();
  return self;
}
at::Tensor& random_from_to(at::Tensor& self, int64_t from, std::optional<int64_t> to, Generator generator) {
  using AtenOp = at::_ops::random__from;
  if (!holds_integers(self)) return call_native<AtenOp>(self, from, to, generator);
  const PointersInside inside;   // the iterator asks for the address
  templates::random_from_to_impl<IntegerRangeFill, Philox>(self, from, to, generator);
  count_compiled<AtenOp>();
  return self;
}
at::Tensor& random_to(at::Tensor& self, int64_t to, Generator generator) {
  using AtenOp = at::_ops::random__to;
  if (!holds_integers(self)) return call_native<AtenOp>(self, to, generator);
  const PointersInside inside;   // the iterator asks for the address
  templates::random_from_to_impl<IntegerRangeFill, Philox>(self, 0, to, generator);
  count_compiled<AtenOp>();
  return self;
}

// ---- bernoulli, dropout ----

template <class> struct BernoulliFill {
  void operator()(const at::Tensor& self, double p, const Generator& generator) const {
    fill(Op::bernoulli, DType::F64, self, generator, {real(p)});
  }
};
template <class> struct BernoulliTensorFill {
  void operator()(const at::Tensor& self, const at::Tensor& p, const Generator& generator) const {
    TORCH_CHECK(are_probabilities(&p), "bernoulli_ expects every p to be in [0, 1]");
    Circuit circuit;
    const Draw d = draw(circuit, generator, self);
    set_sizes(circuit, self.sizes());
    const Ref probability = add_input(circuit, p);
    const DType compute = p.scalar_type() == at::kDouble ? DType::F64 : DType::F32;
    add_output(circuit, self, circuit.add_node(Op::bernoulli, compute, dtype_of(self), {d.seed, d.offset, probability}));
    submit(circuit, self);
  }
};

bool bernoulli_serves(const at::Tensor& self) { return is_compiled_type(self.scalar_type()) && fillable(self); }
bool bernoulli_serves(const at::Tensor& self, const at::Tensor& p) {
  return bernoulli_serves(self) && is_row_float(p.scalar_type()) && p.device() == self.device() &&
         p.dim() <= std::min<int64_t>(self.dim(), kMaxRowSpaceRank);
}

at::Tensor& bernoulli_float(at::Tensor& self, double p, Generator generator) {
  using AtenOp = at::_ops::bernoulli__float;
  if (!bernoulli_serves(self)) return call_native<AtenOp>(self, p, generator);
  templates::bernoulli_impl_<BernoulliFill, Philox>(self, p, generator);
  count_compiled<AtenOp>();
  return self;
}
at::Tensor& bernoulli_tensor(at::Tensor& self, const at::Tensor& p, Generator generator) {
  using AtenOp = at::_ops::bernoulli__Tensor;
  if (!bernoulli_serves(self, p)) return call_native<AtenOp>(self, p, generator);
  TORCH_CHECK(at::is_expandable_to(p.sizes(), self.sizes()), "The size of tensor p ", p.sizes(),
              " does not broadcast to the size of the destination ", self.sizes());
  templates::bernoulli_impl_<BernoulliTensorFill, Philox>(self, p, generator);
  count_compiled<AtenOp>();
  return self;
}
at::Tensor& bernoulli_out(const at::Tensor& self, Generator generator, at::Tensor& out) {
  using AtenOp = at::_ops::bernoulli_out;
  if (!is_row_float(self.scalar_type()) || !fillable(self) || self.dim() > kMaxRowSpaceRank || !is_compiled_type(out.scalar_type()) ||
      out.device() != self.device())
    return call_native<AtenOp>(self, generator, out);
  templates::bernoulli_out_impl<BernoulliTensorFill, Philox>(out, self, generator);
  count_compiled<AtenOp>();
  return out;
}

std::tuple<at::Tensor, at::Tensor> native_dropout(const at::Tensor& input, double p, std::optional<bool> train) {
  using AtenOp = at::_ops::native_dropout;
  if (!fillable_float(input) || !train.value_or(true)) return call_native<AtenOp>(input, p, train);
  TORCH_CHECK(0 <= p && p <= 1, "bernoulli_ expects p to be in [0, 1], but got p=", 1 - p);
  at::Tensor mask = at::empty_like(input, input.options().dtype(at::kBool));
  at::Tensor output = empty_product(input, mask);
  if (input.numel() == 0) return {std::move(output), std::move(mask)};
  Circuit circuit;
  const Draw d = draw(circuit, std::nullopt, input);
  set_sizes(circuit, input.sizes());
  const Ref x = add_input(circuit, input);
  const Ref keep = circuit.add_scalar(1 - p), scale = circuit.add_scalar(p == 1 ? 0.0 : 1 / (1 - p));
  const Ref result = circuit.add_node(Op::native_dropout, compute_type(dtype_of(input)), dtype_of(input), {x, d.seed, d.offset, keep, scale});
  add_output(circuit, output, result);
  add_output(circuit, mask, static_cast<Ref>(result + 1));
  submit(circuit, input);
  count_compiled<AtenOp>();
  return {std::move(output), std::move(mask)};
}

at::Tensor native_dropout_backward(const at::Tensor& grad, const at::Tensor& mask, double scale) {
  using AtenOp = at::_ops::native_dropout_backward;
  if (!fillable_float(grad) || mask.scalar_type() != at::kBool || mask.device() != grad.device() || mask.sizes() != grad.sizes())
    return call_native<AtenOp>(grad, mask, scale);
  at::Tensor result = empty_product(grad, mask);
  if (grad.numel() == 0) return result;
  Circuit circuit;
  set_sizes(circuit, grad.sizes());
  const DType compute = compute_type(dtype_of(grad)), type = dtype_of(grad);
  const Ref g = add_input(circuit, grad), kept = add_input(circuit, mask);
  const Ref factor = circuit.add_node(Op::mul, compute, type, {kept, circuit.add_scalar(scale)});
  add_output(circuit, result, circuit.add_node(Op::mul, compute, type, {g, factor}));
  submit(circuit, grad);
  count_compiled<AtenOp>();
  return result;
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  using namespace at::_ops;
  register_kernel<at::_ops::uniform_, &aten::uniform_>(m);
  register_kernel<at::_ops::normal_, &aten::normal_>(m);
  using T = const at::Tensor&;
  register_kernel<normal_Tensor_float, &normal<normal_Tensor_float, T, double>>(m);
  register_kernel<normal_float_Tensor, &normal<normal_float_Tensor, double, T>>(m);
  register_kernel<normal_Tensor_Tensor, &normal<normal_Tensor_Tensor, T, T>>(m);
  register_kernel<normal_Tensor_float_out, &aten::normal_out<normal_Tensor_float_out, T, double>>(m);
  register_kernel<normal_float_Tensor_out, &aten::normal_out<normal_float_Tensor_out, double, T>>(m);
  register_kernel<normal_Tensor_Tensor_out, &aten::normal_out<normal_Tensor_Tensor_out, T, T>>(m);
  register_kernel<at::_ops::exponential_, &aten::exponential_>(m);
  register_kernel<at::_ops::cauchy_, &aten::cauchy_>(m);
  register_kernel<at::_ops::log_normal_, &aten::log_normal_>(m);
  register_kernel<at::_ops::geometric_, &aten::geometric_>(m);
  register_kernel<at::_ops::random_, &aten::random_>(m);
  register_kernel<random__from, &random_from_to>(m);
  register_kernel<random__to, &random_to>(m);
  register_kernel<bernoulli__float, &bernoulli_float>(m);
  register_kernel<bernoulli__Tensor, &bernoulli_tensor>(m);
  register_kernel<at::_ops::bernoulli_out, &aten::bernoulli_out>(m);
  register_kernel<at::_ops::native_dropout, &aten::native_dropout>(m);
  register_kernel<at::_ops::native_dropout_backward, &aten::native_dropout_backward>(m);
}

}  // namespace
}  // namespace hologram::aten
