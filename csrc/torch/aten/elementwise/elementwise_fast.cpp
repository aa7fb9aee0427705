// The fast path: all tensors have one geometry, one dtype and one device, and the result has that dtype (or bool). A 0-dim
// tensor after the first one is a number for all elements. Then there is nothing to infer: the kernel runs over the bytes
// as one dimension, whatever the shape.
#include "torch/aten/elementwise/elementwise_fast.h"

#include <algorithm>

#include "torch/aten/elementwise/value_checks.h"

namespace hologram::aten {
namespace {

/// The value operands of a call that passed every test.
struct Flat {
  const at::Tensor* lead = nullptr;          // the first tensor: everything else is compared with it
  bool contiguous = true;
  c10::ScalarType dtype = c10::ScalarType::Undefined;   // of the value arguments
  int ntensors = 0;
  bool points = false;                       // to torch some number is an operand
  const at::Tensor* tensors[kMaxArgs];
  bool is_number[kMaxArgs];
  Scalar numbers[kMaxArgs];
};

/// Is `t` one number for all elements of the tensors so far?
bool is_point(const Flat& flat, const at::Tensor& t) { return t.dim() == 0 && flat.lead->dim() != 0; }

bool same_geometry(const Flat& flat, const at::Tensor& t) {
  if (!t.sizes().equals(flat.lead->sizes())) return false;
  return flat.contiguous ? t.is_contiguous() : t.strides().equals(flat.lead->strides());
}

/// Sizes, strides, dtype and device of `t` agree with the tensors so far.
bool accept(Flat& flat, const at::Tensor& t, Source::Role role) {
  if (t.device().type() != kDevice) return false;
  const c10::ScalarType dtype = t.scalar_type();
  if (role == Source::Role::Mask) {
    if (dtype != at::kBool) return false;
  } else if (flat.dtype == c10::ScalarType::Undefined) {
    flat.dtype = dtype;
  } else if (flat.dtype != dtype) {
    return false;
  }
  if (!flat.lead) {
    if (t.layout() != c10::kStrided) return false;
    flat.lead = &t;
    flat.contiguous = t.is_contiguous();
    return flat.contiguous || t.is_non_overlapping_and_dense();
  }
  return t.device() == flat.lead->device() && (same_geometry(flat, t) || is_point(flat, t));
}

bool gather_tensors(const Call& call, Flat& flat) {
  const Variant& v = call.variant;
  for (int i = 0; i < v.nargs; ++i) {
    const Source& source = v.args[i];
    flat.is_number[i] = true;
    if (source.arg < 0) continue;
    const Arg& arg = call.args[source.arg];
    if (arg.kind != Arg::Kind::Tensor) continue;
    if (source.role != Source::Role::Value && source.role != Source::Role::Mask) return false;
    if (arg.tensor->unsafeGetTensorImpl()->is_wrapped_number()) {
      if (!is_cpu_scalar(*arg.tensor)) return false;
      flat.points = true;
      continue;
    }
    if (!accept(flat, *arg.tensor, source.role)) return false;
    flat.is_number[i] = false;
    flat.tensors[i] = arg.tensor;
    flat.points |= is_point(flat, *arg.tensor);
    ++flat.ntensors;
  }
  // A fill: no value comes in, the destination says all.
  if (!flat.lead && call.op.kind == SchemaKind::InPlace && !accept(flat, call.destination(0), Source::Role::Value)) return false;
  return flat.dtype != c10::ScalarType::Undefined;
}

bool has_unit_dim(const at::Tensor& t) { return std::count(t.sizes().begin(), t.sizes().end(), 1) != 0; }

/// Do dims of size 1 or 0 leave the order of the result's dims open? The general path asks torch's TensorIterator then.
bool order_is_open(const Call& call, const Flat& flat) {
  if (!flat.contiguous) return has_unit_dim(*flat.lead);
  if (!flat.points && call.variant.rules.open == Open::Contiguous) return false;
  for (int i = 0; i < call.variant.nargs; ++i)
    if (!flat.is_number[i] && !is_point(flat, *flat.tensors[i]) && !has_plain_strides(*flat.tensors[i])) return true;
  return false;
}

/// In-place and out=: the destination has the geometry and dtype of the result, and shares either no storage or
/// exactly its bytes with each input.
bool accept_destination(const Call& call, const Flat& flat, const at::Tensor& out, c10::ScalarType dtype) {
  if (out.scalar_type() != dtype || out.device() != flat.lead->device() || !same_geometry(flat, out)) return false;
  if (out.unsafeGetTensorImpl()->is_neg() || out.unsafeGetTensorImpl()->is_conj()) return false;
  for (int i = 0; i < call.variant.nargs; ++i) {
    if (flat.is_number[i] || flat.tensors[i] == &out) continue;
    const at::Tensor& in = *flat.tensors[i];
    const bool same_bytes = !is_point(flat, in) && in.const_data_ptr() == out.const_data_ptr() && in.scalar_type() == dtype;
    if (in.is_alias_of(out) && !same_bytes) return false;
  }
  return true;
}

void launch(const Call& call, const Flat& flat, const at::Tensor* const* outs, const DType* out_types) {
  const Variant& v = call.variant;
  Circuit circuit;
  const int64_t n = flat.lead->numel();
  circuit.rank = 1;
  circuit.sizes[0] = n;
  Ref args[kMaxArgs];
  for (int i = 0; i < v.nargs; ++i) {
    if (flat.is_number[i]) {
      args[i] = add_number(circuit, flat.numbers[i]);
    } else {
      const at::Tensor& t = *flat.tensors[i];
      const DType dtype = to_dtype(t.scalar_type());
      args[i] = circuit.add_operand(block_of(t), input_data(t), dtype);
      circuit.strides(args[i])[0] = is_point(flat, t) ? 0 : static_cast<int64_t>(item_size(dtype));
    }
  }
  const Ref first = add_row(circuit, v, to_dtype(flat.dtype), out_types[0], args);
  for (int k = 0; k < v.nresults; ++k) {
    const Ref out = circuit.add_output(block_of(*outs[k]), output_data(*outs[k]), out_types[k], static_cast<Ref>(first + k));
    circuit.strides(out)[0] = static_cast<int64_t>(item_size(out_types[k]));
  }
  submit(circuit, *outs[0]);
}

}  // namespace

bool run_fast(const Call& call) {
  const Variant& v = call.variant;
  if (call.reduce != Reduce::None) return false;
  Flat flat;
  if (!gather_tensors(call, flat)) return false;
  if (!is_compiled_type(flat.dtype)) return false;
  if (!flat.contiguous && (v.rules.contiguous || v.rules.restrided)) return false;
  if (call.op.kind == SchemaKind::Functional && order_is_open(call, flat)) return false;
  const DType compute = to_dtype(flat.dtype);
  if (!v.computes(compute) || !gather_numbers(call, flat.dtype, flat.is_number, flat.numbers)) return false;

  const at::Tensor* outs[kMaxResults];
  DType out_types[kMaxResults];
  for (int k = 0; k < v.nresults; ++k) {
    out_types[k] = result_type(v, k, compute);
    const c10::ScalarType dtype = to_scalar_type(out_types[k]);
    if (call.op.kind == SchemaKind::Functional) {
      call.results[k] = flat.contiguous ? empty(flat.lead->sizes(), dtype, flat.lead->device())
                                        : empty_strided(flat.lead->sizes(), flat.lead->strides(), dtype, flat.lead->device());
      outs[k] = &call.results[k];
    } else {
      outs[k] = &call.destination(k);
      if (!accept_destination(call, flat, *outs[k], dtype)) return false;
    }
  }
  if (flat.lead->numel() == 0) return true;
  if (call.op.flags & kDivides) check_divisor(call, flat.dtype);
  launch(call, flat, outs, out_types);
  if (call.op.flags & kProbabilities) check_probabilities(call);
  return true;
}

}  // namespace hologram::aten
