// copy_ and its relatives: the one place where bytes move between tensors.
//
//   same geometry, same type          one memory copy
//   otherwise, compiled types         a circuit with the node `copy` (strided, broadcast, transposing, converting);
//                                     other than floats, elements of one type travel as integers of their width
//   complex <-> other, lazy conj/neg  torch's CPU copy on the same memory
//
// CPU tensors take part directly: a circuit's operands are addresses, and a host-visible backend reads and writes
// host memory.

#include <ATen/ExpandUtils.h>
#include <ATen/MemoryOverlap.h>
#include <ATen/ops/_neg_view.h>
#include <torch/library.h>

#include "torch/aten/common.h"
#include "torch/device/errors.h"

namespace hologram::aten {
namespace {

// Below this a plain copy beats handing out threads.
constexpr int64_t kPlainCopyBytes = 256 * 1024;

bool same_dense_geometry(const at::Tensor& a, const at::Tensor& b) {
  return a.sizes() == b.sizes() && (a.strides() == b.strides() ? a.is_non_overlapping_and_dense()
                                                               : a.is_contiguous() && b.is_contiguous());
}

/// The integer type of an element's width. 16-byte elements are pairs of I64.
DType bits_of(size_t item) {
  switch (item) {
    case 1: return DType::U8;
    case 2: return DType::I16;
    case 4: return DType::I32;
    default: return DType::I64;
  }
}

void set_strides(Circuit& circuit, Ref operand, const at::Tensor& t, bool pairs) {
  const int64_t item = static_cast<int64_t>(t.element_size());
  int64_t* strides = circuit.strides(operand);
  for (int64_t d = 0; d < t.dim(); ++d) strides[d] = t.strides()[d] * item;
  if (pairs) strides[t.dim()] = item / 2;
}

/// dst and src have one shape. False when the types or the rank are beyond a circuit.
bool copy_by_circuit(const at::Tensor& dst, const at::Tensor& src, const at::Tensor& on_device) {
  const bool same_type = dst.scalar_type() == src.scalar_type();
  if (!same_type && !(is_compiled_type(dst.scalar_type()) && is_compiled_type(src.scalar_type()))) return false;
  const bool pairs = same_type && dst.element_size() == 16;
  const int rank = static_cast<int>(dst.dim()) + (pairs ? 1 : 0);
  if (rank > kMaxRank) return false;

  Circuit circuit;
  circuit.rank = static_cast<uint8_t>(rank);
  for (int64_t d = 0; d < dst.dim(); ++d) circuit.sizes[d] = dst.sizes()[d];
  if (pairs) circuit.sizes[dst.dim()] = 2;
  // Numbers keep their type, so that the ops around the copy can be joined with it; it does not touch their bits.
  const bool number = is_compiled_type(src.scalar_type()) && c10::isFloatingType(src.scalar_type());
  const DType from = same_type && !number ? bits_of(src.element_size()) : to_dtype(src.scalar_type());
  const DType to = same_type ? from : to_dtype(dst.scalar_type());
  const Ref in = circuit.add_operand(block_of(src), input_data(src), from);
  set_strides(circuit, in, src, pairs);
  const Ref value = circuit.add_node(Op::copy, compute_type(to), to, {in});
  set_strides(circuit, circuit.add_output(block_of(dst), output_data(dst), to, value), dst, pairs);
  submit(circuit, on_device);
  return true;
}

at::Tensor on_host(const at::Tensor& t) { return is_hologram(t) ? to_native(t) : t; }

/// Without a lazy conjugation or negation: the elements as they lie in memory.
at::Tensor as_stored(const at::Tensor& t) {
  at::Tensor stored = t.is_conj() ? t.conj() : t;
  return stored.is_neg() ? at::_neg_view(stored) : stored;
}

void copy_elements(const at::Tensor& dst_view, const at::Tensor& src_view, const at::Tensor& on_device) {
  static OpStat& stat = op_stat("copy_");
  const bool conj = dst_view.is_conj() != src_view.is_conj();
  const bool neg = dst_view.is_neg() != src_view.is_neg();
  const at::Tensor dst = as_stored(dst_view), src = as_stored(src_view);
  if (!conj && !neg) {
    if (dst.scalar_type() == src.scalar_type() && same_dense_geometry(dst, src) &&
        static_cast<int64_t>(dst.nbytes()) <= kPlainCopyBytes && !(is_hologram(dst) && is_hologram(src))) {
      before_read(src, Reason::Read);
      before_write(dst);
      backend_of(on_device).copy(output_data(dst), src.const_data_ptr(), dst.nbytes());
      stat.compiled.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    if (copy_by_circuit(dst, src, on_device)) {
      stat.compiled.fetch_add(1, std::memory_order_relaxed);
      return;
    }
  }
  before_read(src);
  before_write(dst);
  at::Tensor source = on_host(src);
  if (conj) source = source.conj();
  if (neg) source = at::_neg_view(source);
  on_host(dst).copy_(source);
  stat.library.fetch_add(1, std::memory_order_relaxed);
}

at::Tensor broadcast_to(const at::Tensor& src, const at::Tensor& dst) {
  if (src.sizes() == dst.sizes()) return src;
  const auto shape = at::infer_size_dimvector(dst.sizes(), src.sizes());
  TORCH_CHECK(dst.sizes() == c10::IntArrayRef(shape), "output with shape ", dst.sizes(),
              " doesn't match the broadcast shape ", c10::IntArrayRef(shape));
  return src.expand(dst.sizes());
}

at::Tensor& copy_(at::Tensor& self, const at::Tensor& src, bool non_blocking) {
  if (self.is_same(src)) return self;
  TORCH_CHECK_NOT_IMPLEMENTED(!src.is_meta(), "Cannot copy out of meta tensor; no data!");
  TORCH_CHECK_NOT_IMPLEMENTED(self.layout() == c10::kStrided && src.layout() == c10::kStrided,
                              "hologram.copy_: layouts ", self.layout(), " and ", src.layout(),
                              " cannot be copied on this device. Convert to a strided layout or move to 'cpu' first.");
  at::assert_no_internal_overlap(self);
  const at::Tensor source = broadcast_to(src, self);
  if (self.is_meta() || self.numel() == 0) return self;
  if (src._is_zerotensor()) return self.zero_();
  at::assert_no_partial_overlap(self, source);
  const auto near = [](const at::Tensor& t) { return t.is_cpu() || is_hologram(t); };
  if (!near(source)) {
    copy_elements(self, source.to(at::kCPU), self);
  } else if (!near(self)) {
    self.copy_(source.to(at::kCPU), non_blocking);
  } else {
    copy_elements(self, source, is_hologram(self) ? self : source);
  }
  return self;
}

at::Tensor copy_from(const at::Tensor& self, const at::Tensor& dst, bool non_blocking) {
  at::Tensor target = dst;
  copy_(target, self, non_blocking);
  return dst;
}

at::Tensor copy_from_and_resize(const at::Tensor& self, const at::Tensor& dst) {
  dst.resize_(self.sizes());
  return copy_from(self, dst, /*non_blocking=*/false);
}

}  // namespace

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  m.impl("copy_", &copy_);
  m.impl("_copy_from", &copy_from);
  m.impl("_copy_from_and_resize", &copy_from_and_resize);
}

// The boxed fallbacks of these keys resolve a lazy view by cloning it, which copies it, which would resolve it again
// without end. The copies above honour the bits themselves.
TORCH_LIBRARY_IMPL(aten, Conjugate, m) {
  m.impl("_copy_from", torch::CppFunction::makeFallthrough());
  m.impl("_copy_from_and_resize", torch::CppFunction::makeFallthrough());
}
TORCH_LIBRARY_IMPL(aten, Negative, m) {
  m.impl("_copy_from", torch::CppFunction::makeFallthrough());
  m.impl("_copy_from_and_resize", torch::CppFunction::makeFallthrough());
}

}  // namespace hologram::aten
