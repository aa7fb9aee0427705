// The general path: promotion by torch's result-type rules, geometry by torch's TensorIterator. Shapes, strides of new
// results, resizing of out=, overlap and device checks and all their messages are therefore torch's own. Two things are
// not taken from TensorIterator: dtypes (on a device other than CPU it does not cast operands; kernels convert while they
// load and store) and numbers (0-dim CPU tensors and Scalars become kernel arguments and never operands).
#include "torch/aten/elementwise/elementwise_general.h"

#include <ATen/EmptyTensor.h>
#include <ATen/ExpandUtils.h>
#include <ATen/MemoryOverlap.h>
#include <ATen/native/Resize.h>
#include <ATen/native/TypeProperties.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/item.h>
#include <c10/core/DefaultDtype.h>

#include <limits>
#include <vector>

#include "torch/aten/core/probabilities.h"
#include "torch/aten/elementwise/value_checks.h"

namespace hologram::aten {

using general::Values;

namespace {

bool is_tensor(const Call& call, const Source& source) {
  return source.arg >= 0 && call.args[source.arg].kind == Arg::Kind::Tensor;
}

}  // namespace

bool general::gather_tensors(const Call& call, Values& values, bool (*is_type)(c10::ScalarType)) {
  values.points = call.variant.rules.open == Open::Ordered;
  for (int n = 0; n < call.variant.nargs; ++n) {
    const int i = call.variant.rules.order[n];
    const Source& source = call.variant.args[i];
    values.is_number[i] = true;
    if (!is_tensor(call, source)) continue;
    const at::Tensor& t = *call.args[source.arg].tensor;
    if (source.role == Source::Role::Mask && t.scalar_type() != at::kBool) return false;
    if (source.role == Source::Role::Parameter && (call.op.flags & kPoint) && t.dim() != 0) return false;
    if (is_cpu_scalar(t)) {
      values.points = true;
      continue;
    }
    if (!is_type(t.scalar_type())) return false;
    values.is_number[i] = false;
    values.operand_of[i] = values.ntensors;
    values.tensors[values.ntensors++] = &t;
  }
  return true;
}

c10::ScalarType general::common_type(const Call& call, const Values& values) {
  const Variant& v = call.variant;
  at::native::ResultTypeState state;
  bool any = false;
  for (int i = 0; i < v.nargs; ++i) {
    const Source& source = v.args[i];
    if (source.role != Source::Role::Value || source.arg < 0) continue;
    any = true;
    state = is_tensor(call, source)
                ? at::native::update_result_type_state(*call.args[source.arg].tensor, state)
                : at::native::update_result_type_state(number_of(call, source, c10::ScalarType::Undefined), state);
  }
  if (!any) {
    if (call.op.kind == SchemaKind::InPlace) return call.destination(0).scalar_type();
    return values.ntensors ? values.tensors[0]->scalar_type() : c10::ScalarType::Undefined;
  }
  const c10::ScalarType common = at::native::result_type(state);
  return v.rule == Rule::Float && c10::isIntegralType(common, /*includeBool=*/true) ? c10::get_default_dtype_as_scalartype()
                                                                                    : common;
}

bool general::writes_a_place_twice(const Call& call) {
  return (call.op.flags & kOverlaps) && call.op.kind != SchemaKind::Functional &&
         at::has_internal_overlap(call.destination(0)) == at::MemOverlap::Yes;
}

namespace {

/// True when every given destination may receive the result; raises what torch raises on an unsafe cast.
bool check_destinations(const Call& call, const Values& values) {
  const c10::ScalarType common = values.common;
  const Variant& v = call.variant;
  for (int k = 0; k < v.nresults; ++k) {
    const c10::ScalarType out = call.destination(k).scalar_type();
    if (!is_compiled_type(out)) return false;
    if (v.rules.exact && out != to_scalar_type(result_type(v, k, to_dtype(common)))) return false;
    if (v.rule == Rule::Bool || v.result_types[k] != DType::Count) continue;
    if (C10_LIKELY(c10::canCast(common, out))) continue;
    if (values.ntensors) general::broadcast_sizes(values);   // torch complains of sizes first
    TORCH_CHECK(false, "result type ", common, " can't be cast to the desired output type ", out);
  }
  return true;
}

/// dtype of result k of a functional overload.
c10::ScalarType new_type(const Call& call, const Values& values, int k) {
  const Variant& v = call.variant;
  return v.rules.like >= 0 ? call.args[v.rules.like].tensor->scalar_type() : to_scalar_type(result_type(v, k, to_dtype(values.common)));
}

}  // namespace

std::vector<int64_t> general::broadcast_sizes(const Values& values) {
  std::vector<int64_t> sizes = values.tensors[0]->sizes().vec();
  for (int i = 1; i < values.ntensors; ++i) sizes = at::infer_size(sizes, values.tensors[i]->sizes());
  return sizes;
}

c10::Device general::device_of(const Values& values) {
  for (int i = 0; i < values.ntensors; ++i)
    if (is_hologram(*values.tensors[i])) return values.tensors[i]->device();
  return values.tensors[0]->device();
}

namespace {

/// Where torch does not leave the strides of what it writes to its TensorIterator.
void choose_strides(const Call& call, const Values& values) {
  const Rules& rules = call.variant.rules;
  const bool like = rules.open == Open::Like && call.op.kind == SchemaKind::Functional;
  if ((!rules.contiguous && !rules.restrided && !like) || values.ntensors == 0) return;
  const std::vector<int64_t> sizes = general::broadcast_sizes(values);
  if (like) {
    const at::Tensor& first = *values.tensors[0];
    if (is_hologram(first) && first.sizes() == sizes)
      call.results[0] = at::empty_like(first, first.options().dtype(new_type(call, values, 0)));
    return;
  }
  if (call.op.kind == SchemaKind::Functional) {
    call.results[0] = empty(sizes, new_type(call, values, 0), general::device_of(values));
    return;
  }
  for (int k = 0; k < call.variant.nresults; ++k) {
    if ((rules.restrided >> k) & 1) call.destination(k).resize_(sizes, at::MemoryFormat::Contiguous);
    else if (rules.contiguous) at::native::resize_output(call.destination(k), sizes);
  }
}

bool has_open_dim(const Values& values) {
  for (int i = 0; i < values.ntensors; ++i)
    for (int64_t size : values.tensors[i]->sizes())
      if (size < 2) return true;
  return false;
}

}  // namespace

at::TensorIterator general::iterate(const Call& call, const Values& values, c10::ScalarType result) {
  const Variant& v = call.variant;
  at::TensorIteratorConfig config;
  // torch lets these ops write to overlapping elements (see writes_a_place_twice).
  const bool check_overlap = !(call.op.flags & kOverlaps);
  config.set_check_mem_overlap(check_overlap).check_all_same_dtype(false).resize_outputs(call.op.kind == SchemaKind::Out);
  // A row that asks for the number of its element keeps the dimensions in their order.
  if (op_facts(v.op).ordered) config.enforce_linear_iteration();
  if (call.reduce != Reduce::None) {
    // The elements are never stored: the inputs alone make the geometry.
  } else if (call.op.kind == SchemaKind::Functional) {
    config.add_owned_output(call.results[0]);
    if (!call.results[0].defined()) config.declare_static_dtype(result);
  } else {
    for (int k = 0; k < v.nresults; ++k) config.add_output(call.destination(k));
  }
  for (int i = 0; i < values.ntensors; ++i) config.add_const_input(*values.tensors[i]);
  // Where dims of size 1 or 0 leave their order open, it matters that torch has an operand for a number.
  if (values.points && call.op.kind != SchemaKind::InPlace && has_open_dim(values)) {
    static const at::Tensor& number = *new at::Tensor(at::detail::empty_cpu({}, at::TensorOptions(at::kFloat)));
    config.add_const_input(number).allow_cpu_scalars(true);
  }
  // What it reads may not lie beside what it writes, all the same.
  if (!check_overlap && call.op.kind != SchemaKind::Functional)
    for (int i = 0; i < values.ntensors; ++i) at::assert_no_partial_overlap(call.destination(0), *values.tensors[i]);
  const PointersInside inside;   // the iterator asks for addresses
  return config.build();
}

namespace {

/// Results after the first of a functional overload: the geometry of the first, a dtype of their own.
void allocate_others(const Call& call, const Values& values) {
  const at::Tensor& first = call.results[0];
  for (int k = 1; k < call.variant.nresults; ++k)
    call.results[k] = empty_strided(first.sizes(), first.strides(), new_type(call, values, k), first.device());
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

/// The iteration space, the operands and numbers of the call (`args`), and the row's node. Returns the node's first result.
Ref build(Circuit& circuit, const Call& call, const Values& values, const at::TensorIterator& iter, Ref* args) {
  const Variant& v = call.variant;
  const int nouts = iter.noutputs();
  const DType common = to_dtype(values.common);
  circuit.rank = static_cast<uint8_t>(iter.ndim());
  for (int d = 0; d < iter.ndim(); ++d) circuit.sizes[d] = iter.shape()[iter.ndim() - 1 - d];

  for (int i = 0; i < v.nargs; ++i) {
    if (values.is_number[i]) args[i] = add_number(circuit, values.numbers[i]);
    else args[i] = add_tensor(circuit, iter, nouts + values.operand_of[i], *values.tensors[values.operand_of[i]]);
  }
  return add_row(circuit, v, common, result_type(v, 0, common), args);
}

/// One kernel: the row, and its results stored.
void launch(const Call& call, const Values& values, const at::TensorIterator& iter) {
  const Variant& v = call.variant;
  const bool functional = call.op.kind == SchemaKind::Functional;
  Circuit circuit;
  Ref args[kMaxArgs];
  const Ref first = build(circuit, call, values, iter, args);
  for (int k = 0; k < v.nresults; ++k) {
    const at::Tensor& out = functional ? call.results[k] : call.destination(k);
    const DType dtype = to_dtype(out.scalar_type());
    const int arg = functional ? 0 : k;
    char* const own = output_data(out);
    void* data = functional && k > 0 ? own : iter.data_ptr(arg);
    const Ref value = convert(circuit, static_cast<Ref>(first + k), result_type(v, k, to_dtype(values.common)), dtype);
    const Ref ref = circuit.add_output(block_of(out), data, dtype, value);
    set_strides(circuit, ref, iter, arg, static_cast<int64_t>(item_size(dtype)));
  }
  submit(circuit, functional ? call.results[0] : call.destination(0));
}

/// One kernel: the row, and its result folded into one number. Nothing of the elements' size is written.
void launch_folded(const Call& call, const Values& values, const at::TensorIterator& iter, const at::Tensor& out) {
  const DType common = to_dtype(values.common);
  Circuit circuit;
  Ref args[kMaxArgs];
  const Ref element = build(circuit, call, values, iter, args);
  if (circuit.rank == 0) circuit.sizes[circuit.rank++] = 1;   // 0-dim losses fold a row of one
  circuit.row_rank = circuit.rank;
  const Ref folded = circuit.add_node(call.reduce == Reduce::Mean ? Op::mean : Op::sum, compute_type(common), common, {element});
  add_output(circuit, out, convert(circuit, folded, common, to_dtype(out.scalar_type())));
  if (!(call.op.flags & kProbabilities)) return submit(circuit, out);
  const at::Tensor good = empty({}, at::kBool, out.device());
  add_output(circuit, good, add_probability_check(circuit, compute_type(common), {args[0], args[1]}));
  submit(circuit, out);
  if (!good.item<bool>()) check_probabilities(call);
}

void run_folded(const Call& call, const Values& values, const at::TensorIterator& iter) {
  if (call.op.kind == SchemaKind::Functional) call.results[0] = empty({}, new_type(call, values, 0), general::device_of(values));
  else at::native::resize_output(call.destination(0), {});
  const at::Tensor& out = call.op.kind == SchemaKind::Functional ? call.results[0] : call.destination(0);
  if (iter.numel() != 0) launch_folded(call, values, iter, out);
  else out.fill_(call.reduce == Reduce::Mean ? std::numeric_limits<double>::quiet_NaN() : 0.0);
}

}  // namespace

bool run_general(const Call& call) {
  Values values;
  if (!general::gather_tensors(call, values, &is_compiled_type)) return false;
  values.common = general::common_type(call, values);
  if (!is_compiled_type(values.common) || !call.variant.computes(to_dtype(values.common))) return false;
  if (!gather_numbers(call, values.common, values.is_number, values.numbers)) return false;
  const bool functional = call.op.kind == SchemaKind::Functional;
  if (!functional && (general::writes_a_place_twice(call) || !check_destinations(call, values))) return false;
  if (call.reduce == Reduce::None) choose_strides(call, values);
  const at::TensorIterator iter = general::iterate(call, values, functional ? new_type(call, values, 0) : c10::ScalarType::Undefined);
  if (iter.ndim() > kMaxRank) return false;
  if (call.reduce != Reduce::None) {
    run_folded(call, values, iter);
    return true;
  }
  if (functional) {
    call.results[0] = iter.output(0);
    allocate_others(call, values);
  }
  if (iter.numel() == 0) return true;
  if (call.op.flags & kDivides) check_divisor(call, values.common);
  launch(call, values, iter);
  if (call.op.flags & kProbabilities) check_probabilities(call);
  return true;
}

}  // namespace hologram::aten
