// Complex numbers, as pairs of real ones: the rows of the op tables know real numbers only, and the memory of a complex tensor
// is one of pairs.
//
// What treats both halves alike (sums, differences) is the real row over twice as many elements. Everything else is a circuit
// that reads the halves as operands of their own. Which formula a row has is said here; rows without one are torch's.
#include "torch/aten/elementwise/elementwise_complex.h"

#include <ATen/TensorIterator.h>
#include <c10/core/Scalar.h>

#include <cstring>

#include "torch/aten/core/expr_builder.h"
#include "torch/aten/elementwise/elementwise_general.h"

namespace hologram::aten {
namespace {

using general::Values;

struct Pair {
  Ref re, im;
};

class Pairs : public CircuitBuilder {
 public:
  explicit Pairs(DType type) : CircuitBuilder(type), zero_(circuit_.add_scalar(0.0)) {}
  Circuit& circuit() { return circuit_; }
  Ref zero() const { return zero_; }

  Pair add(Pair a, Pair b) { return {CircuitBuilder::add(a.re, b.re), CircuitBuilder::add(a.im, b.im)}; }
  Pair sub(Pair a, Pair b) { return {CircuitBuilder::sub(a.re, b.re), CircuitBuilder::sub(a.im, b.im)}; }
  Pair mul(Pair a, Pair b) {
    return {CircuitBuilder::sub(CircuitBuilder::mul(a.re, b.re), CircuitBuilder::mul(a.im, b.im)),
            CircuitBuilder::add(CircuitBuilder::mul(a.re, b.im), CircuitBuilder::mul(a.im, b.re))};
  }
  /// Smith's method: the larger half of the divisor scales, so that its square never overflows.
  Pair div(Pair a, Pair b) {
    const Ref upright = test(Op::ge, {node(Op::abs, {b.re}), node(Op::abs, {b.im})});
    const Ref large = select(upright, b.re, b.im), small = select(upright, b.im, b.re);
    const Ref is_zero = test(Op::eq, {large, zero_});
    const Ref ratio = select(is_zero, zero_, CircuitBuilder::div(small, large));
    const Ref scale = CircuitBuilder::div(one(), CircuitBuilder::add(large, CircuitBuilder::mul(small, ratio)));
    const Ref ar = CircuitBuilder::mul(a.re, ratio), ai = CircuitBuilder::mul(a.im, ratio);
    const Ref re = CircuitBuilder::mul(select(upright, CircuitBuilder::add(a.re, ai), CircuitBuilder::add(ar, a.im)), scale);
    const Ref im = CircuitBuilder::mul(select(upright, CircuitBuilder::sub(a.im, ar), CircuitBuilder::sub(ai, a.re)), scale);
    return {select(is_zero, CircuitBuilder::div(a.re, zero_), re), select(is_zero, CircuitBuilder::div(a.im, zero_), im)};
  }
  Ref abs(Pair a) { return node(Op::hypot, {a.re, a.im}); }
  Ref select(Ref condition, Ref a, Ref b) { return node(Op::where, {condition, a, b}); }
  Pair select(Ref condition, Pair a, Pair b) { return {select(condition, a.re, b.re), select(condition, a.im, b.im)}; }
  Ref both(Ref a, Ref b) { return circuit_.add_node(Op::logical_and, DType::Bool, DType::Bool, {a, b}); }
  Ref either(Ref a, Ref b) { return circuit_.add_node(Op::logical_or, DType::Bool, DType::Bool, {a, b}); }

 private:
  const Ref zero_;
};

enum class Makes : uint8_t { Nothing, Complex, Real, Truth };

/// What a row makes of complex numbers. Nothing: it has no formula.
Makes makes(Op op) {
  switch (op) {
    case Op::add: case Op::add_alpha: case Op::sub: case Op::sub_alpha: case Op::rsub: case Op::rsub_alpha: case Op::mul: case Op::div:
    case Op::neg: case Op::reciprocal: case Op::sgn: case Op::pow_2: case Op::pow_3: case Op::addcmul: case Op::addcdiv: case Op::fill:
    case Op::where: case Op::masked_fill:
      return Makes::Complex;
    case Op::abs: case Op::angle: return Makes::Real;
    case Op::eq: case Op::ne: case Op::isnan: return Makes::Truth;
    default: return Makes::Nothing;
  }
}

/// The halves of the row's result; of a result that is no pair, `re`. A mask is the `re` of its argument.
Pair apply(Pairs& f, Op op, const Pair* a) {
  switch (op) {
    case Op::add: return f.add(a[0], a[1]);
    case Op::add_alpha: return f.add(a[0], f.mul(a[2], a[1]));
    case Op::sub: return f.sub(a[0], a[1]);
    case Op::sub_alpha: return f.sub(a[0], f.mul(a[2], a[1]));
    case Op::rsub: return f.sub(a[1], a[0]);
    case Op::rsub_alpha: return f.sub(a[1], f.mul(a[2], a[0]));
    case Op::mul: return f.mul(a[0], a[1]);
    case Op::div: return f.div(a[0], a[1]);
    case Op::neg: return {f.neg(a[0].re), f.neg(a[0].im)};
    case Op::reciprocal: return f.div({f.one(), f.zero()}, a[0]);
    case Op::sgn: {
      const Ref length = f.abs(a[0]), none = f.test(Op::eq, {length, f.zero()});
      return f.select(none, {f.zero(), f.zero()}, {f.CircuitBuilder::div(a[0].re, length), f.CircuitBuilder::div(a[0].im, length)});
    }
    case Op::pow_2: return f.mul(a[0], a[0]);
    case Op::pow_3: return f.mul(f.mul(a[0], a[0]), a[0]);
    case Op::addcmul: return f.add(a[0], f.mul(f.mul(a[3], a[1]), a[2]));
    case Op::addcdiv: return f.add(a[0], f.div(f.mul(a[3], a[1]), a[2]));
    case Op::fill: return {f.node(Op::copy, {a[0].re}), f.node(Op::copy, {a[0].im})};
    case Op::where: return f.select(a[0].re, a[1], a[2]);
    case Op::masked_fill: return f.select(a[1].re, a[2], a[0]);
    case Op::abs: return {f.abs(a[0]), kNoRef};
    case Op::angle: return {f.node(Op::atan2, {a[0].im, a[0].re}), kNoRef};
    case Op::eq: return {f.both(f.test(Op::eq, {a[0].re, a[1].re}), f.test(Op::eq, {a[0].im, a[1].im})), kNoRef};
    case Op::ne: return {f.either(f.test(Op::ne, {a[0].re, a[1].re}), f.test(Op::ne, {a[0].im, a[1].im})), kNoRef};
    case Op::isnan: return {f.either(f.test(Op::isnan, {a[0].re}), f.test(Op::isnan, {a[0].im})), kNoRef};
    default: return {kNoRef, kNoRef};
  }
}

bool is_pair(c10::ScalarType t) { return t == at::kComplexFloat || t == at::kComplexDouble; }
bool is_type(c10::ScalarType t) { return is_pair(t) || is_compiled_type(t); }
DType half_type(c10::ScalarType t) { return t == at::kComplexDouble ? DType::F64 : DType::F32; }

c10::ScalarType result_type(Makes made, c10::ScalarType common) {
  if (made == Makes::Truth) return at::kBool;
  return made == Makes::Real ? c10::toRealValueType(common) : common;
}

/// Is one real row over all halves the same? Then it fuses like any other.
bool halves_alike(const Call& call, const Values& values) {
  switch (call.variant.op) {
    case Op::add: case Op::sub: case Op::rsub: case Op::neg: break;
    default: return false;
  }
  for (int i = 0; i < call.variant.nargs; ++i)
    if (values.is_number[i]) return false;
  for (int i = 0; i < values.ntensors; ++i)
    if (values.tensors[i]->scalar_type() != values.common) return false;
  return true;
}

/// torch's kernels of these are vectorized where everything lies densely, ours read every other number: a third of the speed in
/// the cache (30,000 elements, one thread), the same out of it. For all other rows and layouts ours are faster.
bool torchs_is_faster(const Call& call, const Values& values) {
  switch (call.variant.op) {
    case Op::mul: case Op::add_alpha: case Op::sub_alpha: case Op::rsub_alpha: case Op::reciprocal: case Op::pow_2: case Op::pow_3:
    case Op::addcmul: break;
    default: return false;
  }
  const at::Tensor& first = *values.tensors[0];
  for (int i = 0; i < values.ntensors; ++i) {
    const at::Tensor& t = *values.tensors[i];
    if (t.scalar_type() != values.common || t.sizes() != first.sizes() || !t.is_contiguous()) return false;
  }
  return reads_host_memory(first);
}

void set_space(Circuit& circuit, const at::TensorIterator& iter) {
  circuit.rank = static_cast<uint8_t>(iter.ndim());
  for (int d = 0; d < iter.ndim(); ++d) circuit.sizes[d] = iter.shape()[iter.ndim() - 1 - d];
}

void set_strides(Circuit& circuit, Ref ref, const at::TensorIterator& iter, int arg) {
  for (int d = 0; d < iter.ndim(); ++d) circuit.strides(ref)[d] = iter.strides(arg)[iter.ndim() - 1 - d];
}

/// `offset` bytes into the iterator's operand.
char* address(const at::TensorIterator& iter, int arg, int64_t offset) {
  return static_cast<char*>(iter.data_ptr(arg)) + offset;
}

void launch_alike(const Call& call, const Values& values, const at::TensorIterator& iter, const at::Tensor& out) {
  const DType type = half_type(values.common);
  const auto item = static_cast<int64_t>(item_size(type));
  Circuit circuit;
  set_space(circuit, iter);
  circuit.sizes[circuit.rank++] = 2;
  const auto place = [&](Ref ref, int arg) {
    set_strides(circuit, ref, iter, arg);
    circuit.strides(ref)[iter.ndim()] = item;
  };
  Ref args[kMaxArgs];
  for (int i = 0; i < call.variant.nargs; ++i) {
    const int arg = iter.noutputs() + values.operand_of[i];
    args[i] = circuit.add_operand(block_of(*values.tensors[values.operand_of[i]]), iter.data_ptr(arg), type);
    place(args[i], arg);
  }
  const Ref value = circuit.add_node(call.variant.op, type, type, args, call.variant.nargs);
  output_data(out);
  place(circuit.add_output(block_of(out), iter.data_ptr(0), type, value), 0);
  submit(circuit, out);
}

/// One number everywhere: both halves of a complex64 are one integer.
void launch_fill(const at::Scalar& number, const at::TensorIterator& iter, const at::Tensor& out) {
  const c10::complex<float> z = number.toComplexFloat();
  int64_t bits;
  std::memcpy(&bits, &z, sizeof bits);
  Circuit circuit;
  set_space(circuit, iter);
  const Ref value = circuit.add_node(Op::copy, DType::I64, DType::I64, {circuit.add_scalar(bits)});
  output_data(out);
  set_strides(circuit, circuit.add_output(block_of(out), iter.data_ptr(0), DType::I64, value), iter, 0);
  submit(circuit, out);
}

void launch(const Call& call, const Values& values, const at::TensorIterator& iter, const at::Tensor& out) {
  const DType type = half_type(values.common);
  Pairs f(type);
  Circuit& circuit = f.circuit();
  set_space(circuit, iter);

  Pair args[kMaxArgs];
  for (int i = 0; i < call.variant.nargs; ++i) {
    if (values.is_number[i]) {
      const at::Scalar number = number_of(call, call.variant.args[i], values.common);
      const c10::complex<double> z = number.toComplexDouble();
      args[i] = {f.number(z.real()), number.isComplex() ? f.number(z.imag()) : f.zero()};
      continue;
    }
    const at::Tensor& t = *values.tensors[values.operand_of[i]];
    const int arg = iter.noutputs() + values.operand_of[i];
    const auto half = [&](DType half_of, int64_t offset) {
      const Ref ref = circuit.add_operand(block_of(t), address(iter, arg, offset), half_of);
      set_strides(circuit, ref, iter, arg);
      return ref;
    };
    if (is_pair(t.scalar_type())) {
      const DType own = half_type(t.scalar_type());
      args[i].re = half(own, 0);
      args[i].im = half(own, static_cast<int64_t>(item_size(own)));
    } else {
      args[i] = {half(to_dtype(t.scalar_type()), 0), f.zero()};
    }
  }

  const Pair value = apply(f, call.variant.op, args);
  const DType stored = is_pair(out.scalar_type()) ? type : to_dtype(out.scalar_type());
  output_data(out);
  const auto store = [&](Ref half, int64_t offset) {
    set_strides(circuit, circuit.add_output(block_of(out), address(iter, 0, offset), stored, half), iter, 0);
  };
  store(value.re, 0);
  if (value.im != kNoRef) store(value.im, static_cast<int64_t>(item_size(type)));
  submit(circuit, out);
}

}  // namespace

bool run_complex(const Call& call) {
  const Variant& v = call.variant;
  const Makes made = makes(v.op);
  if (made == Makes::Nothing || call.reduce != Reduce::None || v.nresults != 1 || !has_complex(call.op, call.args)) return false;
  Values values;
  if (!general::gather_tensors(call, values, &is_type)) return false;
  values.common = general::common_type(call, values);
  if (!is_pair(values.common)) return false;
  const c10::ScalarType result = result_type(made, values.common);
  const bool functional = call.op.kind == SchemaKind::Functional;
  if (!functional && (call.destination(0).scalar_type() != result || v.rules.contiguous || v.rules.restrided)) return false;
  if (general::writes_a_place_twice(call)) return false;
  if (v.rules.like >= 0 && call.args[v.rules.like].tensor->scalar_type() != result) return false;
  // Gradients of maximum norms look for the elements whose size is the norm, which torch's kernel computes. Ours may differ from it
  // in the last bit of a double; a float's is the same number, rounded from doubles.
  if (v.op == Op::abs && values.common == at::kComplexDouble) return false;
  if (values.ntensors && torchs_is_faster(call, values)) return false;
  // What torch's angle() of complex numbers makes is contiguous, of real ones not.
  if (functional && (v.rules.contiguous || v.op == Op::angle))
    call.results[0] = empty(general::broadcast_sizes(values), result, general::device_of(values));
  const at::TensorIterator iter = general::iterate(call, values, result);
  if (iter.ndim() >= kMaxRank) return false;
  if (functional) call.results[0] = iter.output(0);
  if (iter.numel() == 0) return true;
  const at::Tensor& out = functional ? call.results[0] : call.destination(0);
  if (v.op == Op::fill && values.is_number[0] && values.common == at::kComplexFloat)
    launch_fill(number_of(call, v.args[0], values.common), iter, out);
  else if (halves_alike(call, values)) launch_alike(call, values, iter, out);
  else launch(call, values, iter, out);
  return true;
}

}  // namespace hologram::aten
