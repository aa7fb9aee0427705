// The general door: promotion by torch's result-type rules, geometry by torch's TensorIterator. Shapes, strides of new
// results, resizing of out=, overlap and device checks and all their messages are therefore torch's own. Two things are
// not taken from TensorIterator: dtypes (on a device other than CPU it does not cast operands; kernels convert while they
// load and store) and numbers (0-dim CPU tensors and Scalars become kernel arguments and never operands).
#include "torch/aten/elementwise.h"

#include <ATen/TensorIterator.h>
#include <ATen/native/TypeProperties.h>
#include <c10/core/DefaultDtype.h>

namespace hologram::aten {
namespace {

struct Values {
  c10::ScalarType common = c10::ScalarType::Undefined;
  int ntensors = 0;
  int operand_of[kMaxArgs];                  // tensor operand number of an argument, or -1: a number
  const at::Tensor* tensors[kMaxArgs];
  at::Scalar numbers[kMaxArgs];
  bool checked[kMaxArgs];                    // the number came as a Scalar: torch checks its range
};

/// Sorts the arguments into operands and numbers and finds the common dtype. False: torch's own kernel decides.
bool gather(const Call& call, Values& values) {
  const Variant& v = call.variant;
  at::native::ResultTypeState state;
  c10::ScalarType first = c10::ScalarType::Undefined;
  for (int i = 0; i < v.nargs; ++i) {
    const Source& source = v.args[i];
    values.operand_of[i] = -1;
    values.checked[i] = true;
    if (source.arg < 0) {
      values.numbers[i] = source.literal;
      continue;
    }
    const Arg& arg = call.args[source.arg];
    if (arg.kind != Arg::Kind::Tensor) {
      values.numbers[i] = scalar_of(arg);
      if (source.promotes) state = at::native::update_result_type_state(values.numbers[i], state);
      continue;
    }
    const at::Tensor& t = *arg.tensor;
    if (source.promotes) state = at::native::update_result_type_state(t, state);
    if (source.role == Source::Role::Mask && t.scalar_type() != at::kBool) return false;
    if (source.role == Source::Role::Value && (call.op.flags & kSameTypes)) {
      if (first == c10::ScalarType::Undefined) first = t.scalar_type();
      if (first != t.scalar_type()) return false;
    }
    if (is_cpu_scalar(t)) {
      values.numbers[i] = cpu_scalar_value(t);
      values.checked[i] = false;
    } else {
      if (!is_compiled_type(t.scalar_type())) return false;
      values.operand_of[i] = values.ntensors;
      values.tensors[values.ntensors++] = &t;
    }
  }
  values.common = at::native::result_type(state);
  if (v.rule == Rule::Float && c10::isIntegralType(values.common, /*includeBool=*/true))
    values.common = c10::get_default_dtype_as_scalartype();
  return values.ntensors > 0 && is_compiled_type(values.common) && v.computes(to_dtype(values.common));
}

bool numbers_fit(const Call& call, const Values& values) {
  const Variant& v = call.variant;
  for (int i = 0; i < v.nargs; ++i) {
    const Source& source = v.args[i];
    if (values.operand_of[i] >= 0 || source.arg < 0) continue;
    const at::Scalar& s = values.numbers[i];
    if (source.role == Source::Role::Mask) continue;
    if (!fits(s, values.common, values.checked[i]) || !power_allowed(call.op, source, s, values.common)) return false;
  }
  return true;
}

/// True when every given destination may receive the result; raises what torch raises on an unsafe cast.
bool check_destinations(const Call& call, c10::ScalarType common) {
  const Variant& v = call.variant;
  for (int k = 0; k < v.nresults; ++k) {
    const c10::ScalarType out = call.destination(k).scalar_type();
    if (!is_compiled_type(out)) return false;
    if ((call.op.flags & kBoolOut) && out != at::kBool) return false;
    if ((call.op.flags & kExactOut) && out != common) return false;
    if (v.rule == Rule::Bool || v.result_types[k] != DType::Count) continue;
    TORCH_CHECK(c10::canCast(common, out), "result type ", common, " can't be cast to the desired output type ", out);
  }
  return true;
}

at::TensorIterator iterate(const Call& call, const Values& values) {
  const Variant& v = call.variant;
  at::TensorIteratorConfig config;
  config.set_check_mem_overlap(true).check_all_same_dtype(false).resize_outputs(call.op.form == Form::Out);
  if (call.op.form == Form::Functional) {
    config.add_owned_output(at::Tensor());
    config.declare_static_dtype(to_scalar_type(result_type(v, 0, to_dtype(values.common))));
  } else {
    for (int k = 0; k < v.nresults; ++k) config.add_output(call.destination(k));
  }
  for (int i = 0; i < values.ntensors; ++i) config.add_const_input(*values.tensors[i]);
  return config.build();
}

/// Results after the first of a functional overload: the geometry of the first, a dtype of their own.
void allocate_others(const Call& call, DType common) {
  const at::Tensor& first = call.results[0];
  for (int k = 1; k < call.variant.nresults; ++k)
    call.results[k] = empty_strided(first.sizes(), first.strides(), to_scalar_type(result_type(call.variant, k, common)),
                                    first.device());
}

/// Byte strides of iterator operand `arg` (innermost first there, outermost first here), for elements of `bytes`.
void set_strides(Circuit& circuit, Ref ref, const at::TensorIterator& iter, int arg, int64_t bytes) {
  const int rank = iter.ndim();
  const int64_t own = iter.element_size(arg);
  for (int d = 0; d < rank; ++d) circuit.strides(ref)[d] = iter.strides(arg)[rank - 1 - d] / own * bytes;
}

Ref add_tensor(Circuit& circuit, const at::TensorIterator& iter, int arg, const at::Tensor& t) {
  const DType dtype = to_dtype(t.scalar_type());
  const Ref ref = circuit.add_operand(block_of(t), iter.data_ptr(arg), dtype);
  set_strides(circuit, ref, iter, arg, static_cast<int64_t>(item_size(dtype)));
  return ref;
}

void launch(const Call& call, const Values& values, const at::TensorIterator& iter) {
  const Variant& v = call.variant;
  const bool functional = call.op.form == Form::Functional;
  const int nouts = iter.noutputs();
  const DType common = to_dtype(values.common);
  Circuit circuit;
  circuit.rank = static_cast<uint8_t>(iter.ndim());
  for (int d = 0; d < iter.ndim(); ++d) circuit.sizes[d] = iter.shape()[iter.ndim() - 1 - d];

  Ref args[kMaxArgs];
  for (int i = 0; i < v.nargs; ++i) {
    if (values.operand_of[i] >= 0) {
      args[i] = add_tensor(circuit, iter, nouts + values.operand_of[i], *values.tensors[values.operand_of[i]]);
    } else {
      const bool mask = v.args[i].role == Source::Role::Mask;
      circuit.scalars[circuit.num_scalars] =
          kernel_scalar(values.numbers[i], mask ? at::kBool : values.common, rounds(call.op, v.args[i]));
      args[i] = static_cast<Ref>(kScalarRef + circuit.num_scalars++);
    }
  }
  const Ref first = circuit.add_node(v.op, compute_type(common), result_type(v, 0, common), args, v.nargs);
  for (int k = 0; k < v.nresults; ++k) {
    const at::Tensor& out = functional ? call.results[k] : call.destination(k);
    const DType dtype = to_dtype(out.scalar_type());
    const int arg = functional ? 0 : k;
    void* data = functional && k > 0 ? out.data_ptr() : iter.data_ptr(arg);
    const Ref ref = circuit.add_output(block_of(out), data, dtype, static_cast<Ref>(first + k));
    set_strides(circuit, ref, iter, arg, static_cast<int64_t>(item_size(dtype)));
  }
  submit(circuit, functional ? call.results[0] : call.destination(0));
}

}  // namespace

bool run_general(const Call& call) {
  Values values;
  if (!gather(call, values) || !numbers_fit(call, values)) return false;
  const bool functional = call.op.form == Form::Functional;
  if (!functional && !check_destinations(call, values.common)) return false;
  const at::TensorIterator iter = iterate(call, values);
  if (iter.ndim() > kMaxRank) return false;
  if (functional) {
    call.results[0] = iter.output(0);
    allocate_others(call, to_dtype(values.common));
  }
  if (iter.numel() != 0) launch(call, values, iter);
  return true;
}

}  // namespace hologram::aten
