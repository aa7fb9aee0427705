// The elementwise door: chooses the row that serves a call, tries the fast way, then the general way, and leaves the
// rest (complex numbers, arguments that torch refuses) to torch's own kernel.
#include "torch/aten/elementwise.h"

#include <ATen/core/stack.h>
#include <c10/util/Exception.h>

#include <cmath>
#include <limits>
#include <string>

namespace hologram::aten {

// ---- scalars ----

at::Scalar scalar_of(const Arg& arg) {
  switch (arg.kind) {
    case Arg::Kind::Scalar: return *arg.scalar;
    case Arg::Kind::Double: return arg.real;
    case Arg::Kind::Int: return arg.integer;
    case Arg::Kind::Bool: return arg.flag;
    default: break;
  }
  TORCH_INTERNAL_ASSERT(false, "hologram: an elementwise argument is not a number");
}

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

bool float_in_range(double value, c10::ScalarType t) {
  if (!std::isfinite(value)) return true;
  switch (t) {
    case at::kHalf: return std::fabs(value) <= 65504.0;
    case at::kBFloat16: return std::fabs(value) <= static_cast<double>(std::numeric_limits<at::BFloat16>::max());
    case at::kFloat: return std::fabs(value) <= static_cast<double>(std::numeric_limits<float>::max());
    default: return true;
  }
}

}  // namespace

bool fits(const at::Scalar& s, c10::ScalarType t, bool check_range) {
  if (s.isComplex()) return false;
  if (t == at::kBool) return s.isBoolean();
  if (c10::isIntegralType(t, /*includeBool=*/false)) {
    if (s.isBoolean()) return true;
    if (!s.isIntegral(false)) return false;
    if (!check_range) return true;
    return s.type() == at::kUInt64 ? t == at::kUInt64 : integer_in_range(s.toLong(), t);
  }
  return !check_range || !s.isFloatingPoint() || float_in_range(s.toDouble(), t);
}

Scalar kernel_scalar(const at::Scalar& s, c10::ScalarType t, bool round) {
  Scalar result;
  if (c10::isIntegralType(t, /*includeBool=*/true)) {
    result.integer = true;
    result.value.i = s.type() == at::kUInt64 ? static_cast<int64_t>(s.toUInt64()) : s.toLong();
    return result;
  }
  double value = s.toDouble();
  if (round && t == at::kHalf) value = static_cast<double>(static_cast<float>(at::Half(static_cast<float>(value))));
  if (round && t == at::kBFloat16) value = static_cast<double>(static_cast<float>(at::BFloat16(static_cast<float>(value))));
  result.value.f = value;
  return result;
}

// ---- the choice of a row ----

namespace {

bool holds(const Condition& condition, const Arg& arg) {
  switch (condition.kind) {
    case Condition::Kind::None: return arg.kind == Arg::Kind::None;
    case Condition::Kind::NotNone: return arg.kind != Arg::Kind::None;
    case Condition::Kind::Bool: return arg.kind == Arg::Kind::Bool && arg.flag == (condition.number != 0);
    case Condition::Kind::String: return arg.kind == Arg::Kind::String && *arg.string == condition.string;
    case Condition::Kind::Number: break;
  }
  switch (arg.kind) {
    case Arg::Kind::Int: return static_cast<double>(arg.integer) == condition.number;
    case Arg::Kind::Double: return arg.real == condition.number;
    case Arg::Kind::Scalar:
      // `alpha=True` is a bool to torch's checks: leave it to the row that takes any alpha.
      return arg.scalar->isIntegral(/*includeBool=*/false) || arg.scalar->isFloatingPoint()
                 ? arg.scalar->toDouble() == condition.number : false;
    default: return false;
  }
}

const Variant* choose(const AtenOp& op, const Arg* args) {
  for (int i = 0; i < op.nvariants; ++i) {
    const Variant& variant = op.variants[i];
    bool serves = true;
    for (int c = 0; serves && c < variant.nconditions; ++c)
      serves = holds(variant.conditions[c], args[variant.conditions[c].arg]);
    if (serves) return &variant;
  }
  return nullptr;
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

torch::jit::Stack call_delegate(const AtenOp& op, const Arg* args) {
  torch::jit::Stack stack;
  stack.reserve(op.nargs);
  for (int i = 0; i < op.nargs; ++i) stack.push_back(box(args[i]));
  delegate(op.operator_handle(), &stack);
  return stack;
}

bool compiled(const AtenOp& op, const Arg* args, at::Tensor* results) {
  const Variant* variant = choose(op, args);
  if (!variant) return false;
  const Call call{op, *variant, args, results};
  if (!run_fast(call) && !run_general(call)) return false;
  op.statistics().compiled.fetch_add(1, std::memory_order_relaxed);
  return true;
}

}  // namespace

OpStat& AtenOp::statistics() const {
  OpStat* found = stat.load(std::memory_order_acquire);
  if (__builtin_expect(!found, 0)) {
    found = &op_stat(report);
    stat.store(found, std::memory_order_release);
  }
  return *found;
}

const c10::OperatorHandle& AtenOp::operator_handle() const {
  const c10::OperatorHandle* found = handle.load(std::memory_order_acquire);
  if (!found) {
    found = new c10::OperatorHandle(c10::Dispatcher::singleton().findSchemaOrThrow(name, overload));
    const c10::OperatorHandle* expected = nullptr;
    if (!handle.compare_exchange_strong(expected, found, std::memory_order_acq_rel)) {
      delete found;
      found = expected;
    }
  }
  return *found;
}

void run_functional(const AtenOp& op, const Arg* args, at::Tensor* results) {
  if (compiled(op, args, results)) return;
  torch::jit::Stack stack = call_delegate(op, args);
  for (int i = 0; i < op.nresults; ++i) results[i] = std::move(stack[i]).toTensor();
}

void run_into(const AtenOp& op, const Arg* args) {
  if (!compiled(op, args, nullptr)) call_delegate(op, args);
}

}  // namespace hologram::aten
