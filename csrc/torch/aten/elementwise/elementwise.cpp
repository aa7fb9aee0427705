// The path of elementwise calls: chooses the row that serves a call, tries the fast way, then the general way, and leaves the
// rest (complex numbers, arguments that torch refuses) to torch's own kernel.
#include "torch/aten/elementwise/elementwise.h"

#include <ATen/core/stack.h>
#include <c10/util/Exception.h>

#include <cmath>
#include <limits>
#include <string>

#include "torch/aten/elementwise/elementwise_complex.h"
#include "torch/aten/elementwise/elementwise_fast.h"
#include "torch/aten/elementwise/elementwise_general.h"
#include "torch/aten/torch_kernels/fallback.h"

namespace hologram::aten {

// ---- scalars ----

at::Scalar cpu_scalar_value(const at::Tensor& t) {
  const void* data = t.const_data_ptr();
  switch (t.scalar_type()) {
    case at::kBool: return *static_cast<const bool*>(data);
    case at::kDouble: return *static_cast<const double*>(data);
    case at::kFloat: return *static_cast<const float*>(data);
    case at::kLong: return *static_cast<const int64_t*>(data);
    case at::kInt: return *static_cast<const int32_t*>(data);
    case at::kShort: return *static_cast<const int16_t*>(data);
    case at::kChar: return *static_cast<const int8_t*>(data);
    case at::kByte: return *static_cast<const uint8_t*>(data);
    case at::kUInt16: return *static_cast<const uint16_t*>(data);
    case at::kUInt32: return *static_cast<const uint32_t*>(data);
    case at::kUInt64: return *static_cast<const uint64_t*>(data);
    case at::kHalf: return *static_cast<const at::Half*>(data);
    case at::kBFloat16: return *static_cast<const at::BFloat16*>(data);
    case at::kComplexFloat: return *static_cast<const c10::complex<float>*>(data);
    case at::kComplexDouble: return *static_cast<const c10::complex<double>*>(data);
    default: break;
  }
  TORCH_CHECK_NOT_IMPLEMENTED(false, "hologram: a 0-dim CPU tensor of dtype ", t.scalar_type(),
                              " cannot be used as a number. Convert it first.");
}

namespace {

template <class T>
bool in_range(int64_t value) {
  return value >= static_cast<int64_t>(std::numeric_limits<T>::lowest()) &&
         (sizeof(T) == 8 || value <= static_cast<int64_t>(std::numeric_limits<T>::max()));
}

bool integer_in_range(int64_t value, c10::ScalarType t) {
  switch (t) {
    case at::kByte: return in_range<uint8_t>(value);
    case at::kChar: return in_range<int8_t>(value);
    case at::kShort: return in_range<int16_t>(value);
    case at::kInt: return in_range<int32_t>(value);
    case at::kUInt16: return in_range<uint16_t>(value);
    case at::kUInt32: return in_range<uint32_t>(value);
    case at::kUInt64: return value >= 0;
    default: return true;
  }
}

/// The largest finite value of a floating dtype.
double largest(c10::ScalarType t) {
  switch (t) {
    case at::kHalf: return 65504.0;
    case at::kBFloat16: return static_cast<double>(std::numeric_limits<at::BFloat16>::max());
    case at::kFloat: return static_cast<double>(std::numeric_limits<float>::max());
    case at::kDouble: return std::numeric_limits<double>::max();
    default: return 0;
  }
}

bool float_in_range(double value, c10::ScalarType t) { return !std::isfinite(value) || std::fabs(value) <= largest(t); }

/// What a loss multiplies its gradient with. Backward schemas: grad_output, self, ...
double mean_factor(const Call& call) {
  if (call.args[call.op.reduction].integer != static_cast<int64_t>(Reduce::Mean)) return 1.0;
  return 1.0 / static_cast<double>(call.args[1].tensor->numel());
}

}  // namespace

at::Scalar number_of(const Call& call, const Source& source, c10::ScalarType common) {
  int8_t from = source.arg;
  if (from >= 0) {
    const Arg& arg = call.args[from];
    switch (arg.kind) {
      case Arg::Kind::Scalar: return *arg.scalar;
      case Arg::Kind::Double: return arg.real;
      case Arg::Kind::Int: return arg.integer;
      case Arg::Kind::Bool: return arg.flag;
      case Arg::Kind::Tensor: return cpu_scalar_value(*arg.tensor);
      default: from = source.otherwise;
    }
  }
  switch (from) {
    case Source::kMax: return largest(common);
    case Source::kLowest: return c10::isFloatingType(common) ? -largest(common) : 0.0;
    case Source::kMean: return mean_factor(call);
    default: return source.literal;
  }
}

namespace {

/// Without `check_range` the number was a tensor: it wraps where it does not fit.
bool number_fits(const AtenOp& op, const Source& source, const at::Scalar& s, c10::ScalarType common, bool check_range) {
  if (source.arg < 0) return true;
  if (s.isComplex()) return false;
  switch (source.role) {
    case Source::Role::Mask: return s.isBoolean();
    case Source::Role::Own: return s.isIntegral(/*includeBool=*/true);
    case Source::Role::Double: return true;
    default: break;
  }
  const bool converts = op.flags & kConverts;
  if (common == at::kBool)
    return converts || s.isBoolean() || (source.role == Source::Role::Parameter && !s.isFloatingPoint());
  if (c10::isIntegralType(common, /*includeBool=*/false)) {
    if (s.isBoolean()) return true;
    if (s.isFloatingPoint()) {
      const double value = std::trunc(s.toDouble());
      return converts && std::fabs(value) < 9.0e18 && integer_in_range(static_cast<int64_t>(value), common);
    }
    if ((op.flags & kIntPower) && source.arg == 1 && s.toLong() < 0) return false;
    if (!check_range) return true;
    return s.type() == at::kUInt64 ? common == at::kUInt64 : integer_in_range(s.toLong(), common);
  }
  return !check_range || !s.isFloatingPoint() || float_in_range(s.toDouble(), common);
}

/// A number that a condition holds equal (x ** 2) still promotes: x ** 2.0 is not a power of integers.
bool pinned_fit(const Call& call, c10::ScalarType common) {
  if (!c10::isIntegralType(common, /*includeBool=*/true)) return true;
  for (int c = 0; c < call.variant.nconditions; ++c) {
    const Condition& condition = call.variant.conditions[c];
    const Arg& arg = call.args[condition.arg];
    if (condition.kind == Condition::Kind::Number && arg.kind == Arg::Kind::Scalar && arg.scalar->isFloatingPoint()) return false;
  }
  return true;
}

/// f16 and bf16 round promoting numbers first, unless the op keeps them (kFullScalars).
Scalar kernel_scalar(const AtenOp& op, const Source& source, const at::Scalar& s, c10::ScalarType common) {
  Scalar result{};
  const bool integral = c10::isIntegralType(common, /*includeBool=*/true);
  if (source.role == Source::Role::Mask || source.role == Source::Role::Own ||
      (source.role != Source::Role::Double && integral)) {
    result.integer = true;
    if (common == at::kBool && source.role != Source::Role::Own)
      result.value.i = s.isFloatingPoint() ? s.toDouble() != 0 : s.toLong() != 0;
    else
      result.value.i = s.type() == at::kUInt64 ? static_cast<int64_t>(s.toUInt64()) : s.toLong();
    return result;
  }
  double value = s.toDouble();
  if (source.role == Source::Role::Value && !(op.flags & kFullScalars)) {
    if (common == at::kHalf) value = static_cast<double>(static_cast<float>(at::Half(static_cast<float>(value))));
    if (common == at::kBFloat16) value = static_cast<double>(static_cast<float>(at::BFloat16(static_cast<float>(value))));
  }
  result.integer = false;
  result.value.f = value;
  return result;
}

}  // namespace

bool gather_numbers(const Call& call, c10::ScalarType common, const bool* is_number, Scalar* numbers) {
  if (!pinned_fit(call, common)) return false;
  for (int i = 0; i < call.variant.nargs; ++i) {
    if (!is_number[i]) continue;
    const Source& source = call.variant.args[i];
    const bool was_tensor = source.arg >= 0 && call.args[source.arg].kind == Arg::Kind::Tensor;
    const at::Scalar number = number_of(call, source, common);
    if (!number_fits(call.op, source, number, common, !was_tensor)) return false;
    numbers[i] = kernel_scalar(call.op, source, number, common);
  }
  return true;
}

// ---- the choice of a row ----

namespace {

/// The kind of a dtype in Rules::refused.
int kind_of(c10::ScalarType t) { return t == at::kBool ? 0 : c10::isIntegralType(t, /*includeBool=*/false) ? 1 : 2; }

int kind_of(const Arg& arg) {
  switch (arg.kind) {
    case Arg::Kind::Tensor: return kind_of(arg.tensor->scalar_type());
    case Arg::Kind::Scalar: return kind_of(arg.scalar->type());
    case Arg::Kind::Bool: return 0;
    case Arg::Kind::Int: return 1;
    default: return 2;
  }
}

/// Does torch refuse these dtypes together?
bool refused(const Variant& v, const Arg* args) {
  int bit = 0, weight = 1;
  for (int i = 0; i < v.nargs && weight < 27; ++i) {
    const Source& source = v.args[i];
    if (source.role != Source::Role::Value || source.arg < 0) continue;
    bit += weight * kind_of(args[source.arg]);
    weight *= 3;
  }
  return (v.rules.refused >> bit) & 1;
}

/// Do the tensors that must have one dtype have it? A 0-dim parameter stands for its number.
bool same_types(const Variant& v, const Arg* args) {
  c10::ScalarType first = c10::ScalarType::Undefined;
  for (int i = 0; i < v.nargs; ++i) {
    const Source& source = v.args[i];
    if (source.arg < 0 || !((v.rules.same >> source.arg) & 1) || args[source.arg].kind != Arg::Kind::Tensor) continue;
    const at::Tensor& t = *args[source.arg].tensor;
    if (source.role == Source::Role::Parameter && t.dim() == 0) continue;
    if (first == c10::ScalarType::Undefined) first = t.scalar_type();
    if (t.scalar_type() != first) return false;
  }
  return true;
}

bool holds(const Condition& condition, const Arg* args) {
  const Arg& arg = args[condition.arg];
  switch (condition.kind) {
    case Condition::Kind::None: return arg.kind == Arg::Kind::None;
    case Condition::Kind::NotNone: return arg.kind != Arg::Kind::None;
    case Condition::Kind::Bool: return arg.kind == Arg::Kind::Bool && arg.flag == (condition.number != 0);
    case Condition::Kind::String: return arg.kind == Arg::Kind::String && *arg.string == condition.string;
    case Condition::Kind::Number:
    case Condition::Kind::AtLeast:
    case Condition::Kind::Above: break;
  }
  double value;
  switch (arg.kind) {
    case Arg::Kind::Int: value = static_cast<double>(arg.integer); break;
    case Arg::Kind::Double: value = arg.real; break;
    case Arg::Kind::Scalar:
      // `alpha=True` is a bool to torch's checks: leave it to the row that takes any alpha.
      if (!arg.scalar->isIntegral(/*includeBool=*/false) && !arg.scalar->isFloatingPoint()) return false;
      value = arg.scalar->toDouble();
      break;
    default: return false;
  }
  if (condition.kind == Condition::Kind::AtLeast) return value >= condition.number;
  return condition.kind == Condition::Kind::Above ? value > condition.number : value == condition.number;
}

/// torch takes a bool alpha where the values are bool only.
bool bool_alpha_refused(const Variant& v, const Arg* args) {
  constexpr int kWithAlpha = 3;
  if (v.nargs != kWithAlpha) return false;
  if (!args[v.args[2].arg].scalar->isBoolean()) return false;
  return kind_of(args[v.args[0].arg]) != 0 || kind_of(args[v.args[1].arg]) != 0;
}

bool takes(const AtenOp& op, const Variant& v, const Arg* args) {
  for (int c = 0; c < v.nconditions; ++c)
    if (!holds(v.conditions[c], args)) return false;
  return !(v.rules.refused && refused(v, args)) && !((op.flags & kBoolAlpha) && bool_alpha_refused(v, args)) && (!v.rules.same || same_types(v, args));
}

// ---- torch's own kernel ----

c10::IValue box(const Arg& arg) {
  switch (arg.kind) {
    case Arg::Kind::None: return {};
    case Arg::Kind::Tensor: return *arg.tensor;
    case Arg::Kind::Scalar: return *arg.scalar;
    case Arg::Kind::Double: return arg.real;
    case Arg::Kind::Int: return arg.integer;
    case Arg::Kind::Bool: return arg.flag;
    case Arg::Kind::String: return std::string(*arg.string);
  }
  return {};
}

torch::jit::Stack run_boxed_fallback(const AtenOp& op, const Arg* args) {
  torch::jit::Stack stack;
  stack.reserve(op.nargs);
  for (int i = 0; i < op.nargs; ++i) stack.push_back(box(args[i]));
  fallback(op.native.facts().op, &stack);
  return stack;
}

/// Only forward losses fold; their gradients take part through Source::kMean.
Reduce reduction_of(const AtenOp& op, const Arg* args) {
  if (op.reduction < 0 || !op.folds) return Reduce::None;
  return static_cast<Reduce>(args[op.reduction].integer);
}

enum class Outcome : uint8_t { Compiled, Complex, No };

Outcome compute_call(const AtenOp& op, const Arg* args, at::Tensor* results) {
  const Reduce reduce = reduction_of(op, args);
  for (int i = 0; i < op.nvariants; ++i) {
    const Call call{op, op.variants[i], args, results, reduce};
    if (takes(op, call.variant, args) && (run_fast(call) || run_general(call) || run_complex(call))) {
      auto& calls = op.statistics().compiled;   // a statistic: two threads at once may be counted once
      calls.store(calls.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
      return Outcome::Compiled;
    }
  }
  return has_complex(op, args) ? Outcome::Complex : Outcome::No;
}

}  // namespace

bool has_complex(const AtenOp& op, const Arg* args) {
  for (int i = 0; i < op.nargs; ++i) {
    if (args[i].kind == Arg::Kind::Tensor && args[i].tensor->is_complex()) return true;
    if (args[i].kind == Arg::Kind::Scalar && args[i].scalar->isComplex()) return true;
  }
  return false;
}

OpStat& AtenOp::statistics() const {
  OpStat* found = stat.load(std::memory_order_acquire);
  if (__builtin_expect(!found, 0)) {
    found = &op_stat(report);
    stat.store(found, std::memory_order_release);
  }
  return *found;
}

bool run_functional(const AtenOp& op, const Arg* args, at::Tensor* results) {
  const Outcome outcome = compute_call(op, args, results);
  if (outcome == Outcome::No) {
    torch::jit::Stack stack = run_boxed_fallback(op, args);
    for (int i = 0; i < op.nresults; ++i) results[i] = std::move(stack[i]).toTensor();
  }
  return outcome != Outcome::Complex;
}

bool run_into(const AtenOp& op, const Arg* args) {
  const Outcome outcome = compute_call(op, args, nullptr);
  if (outcome == Outcome::No) run_boxed_fallback(op, args);
  return outcome != Outcome::Complex;
}

}  // namespace hologram::aten
