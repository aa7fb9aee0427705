// copy_ and its relatives: the one place where bytes move between tensors.
//
//   same geometry, same type          one memory copy
//   otherwise, compiled types         a circuit with the node `copy` (strided, broadcast, transposing, converting);
//                                     other than floats, elements of one type travel as integers of their width
//   complex <-> other, lazy conj/neg, float64 <-> other without float64: torch's CPU copy on the same memory
//
// Where kernels read the host's memory, CPU tensors take part directly: a circuit's operands are addresses. Elsewhere bytes
// cross in one piece, contiguous and in the narrower of the two types; the device or the host does the rest.

#include <ATen/ExpandUtils.h>
#include <ATen/MemoryOverlap.h>
#include <ATen/ops/_copy_from_and_resize_ops.h>
#include <ATen/ops/_copy_from_ops.h>
#include <ATen/ops/_neg_view.h>
#include <ATen/ops/copy_ops.h>
#include <ATen/ops/empty.h>
#include <torch/library.h>

#include "torch/aten/core/common.h"
#include "torch/aten/core/logged_call.h"
#include "torch/aten/core/registration.h"
#include "torch/aten/torch_kernels/graph_calls.h"
#include "torch/aten/torch_kernels/native.h"
#include "torch/device/errors.h"
#include "torch/device/host_allocator.h"

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
  if (!same_type && (dst.scalar_type() == at::kDouble || src.scalar_type() == at::kDouble) && !home_queue(on_device).has_float64())
    return false;   // what has no double can still be made one, and the other way round
  const bool pairs = same_type && dst.element_size() == 16;
  const int rank = static_cast<int>(dst.dim()) + (pairs ? 1 : 0);
  if (rank > kMaxRank) return false;

  Circuit circuit;
  circuit.rank = static_cast<uint8_t>(rank);
  for (int64_t d = 0; d < dst.dim(); ++d) circuit.sizes[d] = dst.sizes()[d];
  if (pairs) circuit.sizes[dst.dim()] = 2;
  // Numbers keep their type, so that the ops around the copy can be joined with it; it does not touch their bits.
  const bool number = is_compiled_type(src.scalar_type()) && c10::isFloatingType(src.scalar_type()) &&
                      (src.scalar_type() != at::kDouble || home_queue(on_device).has_float64());
  const DType from = same_type && !number ? bits_of(src.element_size()) : to_dtype(src.scalar_type());
  const DType to = same_type ? from : to_dtype(dst.scalar_type());
  const Ref in = circuit.add_operand(block_of(src), input_data(src), from);
  set_strides(circuit, in, src, pairs);
  const Ref value = circuit.add_node(Op::copy, compute_type(to), to, {in});
  set_strides(circuit, circuit.add_output(block_of(dst), output_data(dst), to, value), dst, pairs);
  submit(circuit, on_device);
  return true;
}

/// Without a lazy conjugation or negation: the elements as they lie in memory.
at::Tensor as_stored(const at::Tensor& t) {
  at::Tensor stored = t.is_conj() ? t.conj() : t;
  return stored.is_neg() ? at::_neg_view(stored) : stored;
}

/// The same bytes, moved by the queue.
void note_copy(const at::Tensor& dst, const at::Tensor& src) {
  if (capturing() && is_hologram(dst)) capture_copy(dst.const_data_ptr(), src.const_data_ptr(), dst.nbytes());
}

void copy_elements(const at::Tensor& dst_view, const at::Tensor& src_view, const at::Tensor& on_device) {
  static OpStat& stat = op_stat<at::_ops::copy_>();
  const bool conj = dst_view.is_conj() != src_view.is_conj();
  const bool neg = dst_view.is_neg() != src_view.is_neg();
  const at::Tensor dst = as_stored(dst_view), src = as_stored(src_view);
  if (!conj && !neg) {
    if (dst.scalar_type() == src.scalar_type() && same_dense_geometry(dst, src) &&
        static_cast<int64_t>(dst.nbytes()) <= kPlainCopyBytes && !(is_hologram(dst) && is_hologram(src))) {
      const CapturedCopy captured(dst, src);
      before_read(src, Reason::Read);
      forget_lost_value(dst);
      before_write(dst);
      LoggedCall log(is_hologram(dst) ? "copy from the host" : "copy to the host");
      log.reads(src);
      log.writes(dst);
      home_queue(on_device).copy(output_data(dst), src.const_data_ptr(), dst.nbytes());
      after_write(dst);
      note_copy(dst, src);
      stat.compiled.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    const CapturedCopy captured(dst, src);
    if (copy_by_circuit(dst, src, on_device)) {
      stat.compiled.fetch_add(1, std::memory_order_relaxed);
      return;
    }
  }
  PoolScope pool(queue_of(on_device), c10::DeviceType::CPU);
  TensorAliases aliases;   // the few cases that are torch's are not worth a second path
  before_read(src);
  before_write(dst);
  const at::Tensor target = is_hologram(dst) ? aliases.write(dst) : dst;
  at::Tensor source = is_hologram(src) ? aliases.read(src) : src;
  if (conj) source = source.conj();
  if (neg) source = at::_neg_view(source);
  target.copy_(source);
  aliases.write_back();
  after_write(dst);
  stat.library.fetch_add(1, std::memory_order_relaxed);
  aliases.report(stat);
}

// ---- crossing between memories that do not see each other ----

bool narrower(const at::Tensor& a, const at::Tensor& b) { return a.element_size() < b.element_size(); }

at::Tensor without_lazy_bits(const at::Tensor& t) { return t.resolve_conj().resolve_neg(); }

/// `t` as one dense piece of memory of the given type, on its own device.
at::Tensor dense(const at::Tensor& t, c10::ScalarType type) { return without_lazy_bits(t).to(type).contiguous(); }

/// May the host go on while the bytes of `host` move?
bool moves_alone(const at::Tensor& host, bool non_blocking) { return non_blocking && is_pinned(host.const_data_ptr()); }

void upload(const at::Tensor& dst, const at::Tensor& src, bool non_blocking) {
  at::Tensor host = src;
  for (int64_t d = 0; d < host.dim(); ++d)      // what is broadcast crosses once
    if (host.stride(d) == 0 && host.size(d) > 1) host = host.narrow(d, 0, 1);
  const bool convert_there = narrower(host, dst) && is_compiled_type(host.scalar_type()) && is_compiled_type(dst.scalar_type());
  host = without_lazy_bits(host);
  if (!convert_there) host = host.to(dst.scalar_type());
  const bool plain = !dst.is_conj() && !dst.is_neg() && host.scalar_type() == dst.scalar_type();
  const bool direct = plain && same_dense_geometry(dst, host);
  if (!direct) host = host.contiguous();
  const at::Tensor target = direct ? dst : empty(host.sizes(), host.scalar_type(), dst.device());
  forget_lost_value(target);
  order_write(target);
  Queue& queue = queue_of(target);
  LoggedCall log("copy from the host");
  log.writes(target);
  const bool alone = moves_alone(host, non_blocking) && host.is_same(src);   // a copy of ours would be gone too early
  with_c10_errors([&] {
    queue.upload(output_data(target), host.const_data_ptr(), host.nbytes(), alone);
    if (alone) note_pinned_use(host.const_data_ptr(), queue);
    // Its owner may look at once, or a kernel of torch's that called for this.
    const Block* const block = block_of(target);
    if (queue.host_waits() && (!block || block->exposed || pointers_stay_inside())) queue.wait_for_device();
  });
  if (!direct) copy_elements(dst, target.expand(dst.sizes()), dst);
}

void download(const at::Tensor& dst, const at::Tensor& src, bool non_blocking) {
  const bool convert_there = narrower(dst, src) && is_compiled_type(src.scalar_type()) && is_compiled_type(dst.scalar_type());
  const bool plain = !dst.is_conj() && !dst.is_neg() && !src.is_conj() && !src.is_neg() && src.scalar_type() == dst.scalar_type();
  const bool direct = plain && same_dense_geometry(dst, src);
  const at::Tensor source = direct ? src : dense(src, convert_there ? dst.scalar_type() : src.scalar_type());
  const at::Tensor target = direct || (source.scalar_type() == dst.scalar_type() && dst.is_contiguous() && !dst.is_conj() && !dst.is_neg())
                                ? dst : at::empty(source.sizes(), source.options().device(at::kCPU));
  order_read(source);
  Queue& queue = queue_of(source);
  LoggedCall log("copy to the host");
  log.reads(source);
  const bool alone = moves_alone(target, non_blocking) && target.is_same(dst);
  with_c10_errors([&] {
    queue.download(target.mutable_data_ptr(), source.const_data_ptr(), source.nbytes(), alone);
    if (alone) note_pinned_use(target.const_data_ptr(), queue);
  });
  if (!target.is_same(dst)) dst.copy_(target);
}

/// Between two devices of one backend.
void cross(const at::Tensor& dst, const at::Tensor& src) {
  const at::Tensor source = dense(src, narrower(dst, src) ? dst.scalar_type() : src.scalar_type());
  const bool direct = source.scalar_type() == dst.scalar_type() && dst.is_contiguous() && !dst.is_conj() && !dst.is_neg();
  const at::Tensor target = direct ? dst : empty(source.sizes(), source.scalar_type(), dst.device());
  order_read(source);
  if (direct) forget_lost_value(target);
  order_write(target);
  with_c10_errors([&] {
    queue_of(target).copy_from(queue_of(source), output_data(target), source.const_data_ptr(), source.nbytes());
  });
  if (!direct) copy_elements(dst, target, dst);
}

void copy_between(const at::Tensor& dst, const at::Tensor& src, bool non_blocking) {
  static OpStat& stat = op_stat<at::_ops::copy_>();
  const bool to_device = is_hologram(dst), from_device = is_hologram(src);
  if (to_device && from_device) {
    Queue &to = queue_of(dst), &from = queue_of(src);
    if (to.shares_memory_with(from)) return copy_elements(dst, src, dst);
    if (to.same_backend(from)) cross(dst, src);
    else copy_between(dst, src.to(at::kCPU), non_blocking);
  } else {
    if (reads_host_memory(to_device ? dst : src)) return copy_elements(dst, src, to_device ? dst : src);
    if (to_device) upload(dst, src, non_blocking);
    else download(dst, src, non_blocking);
  }
  stat.compiled.fetch_add(1, std::memory_order_relaxed);
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
    const at::Tensor& on_device = is_hologram(self) ? self : source;
    if (C10_LIKELY(reads_host_memory(on_device) && !several_queues())) copy_elements(self, source, on_device);
    else copy_between(self, source, non_blocking);
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
  register_kernel<at::_ops::copy_, &copy_>(m);
  register_kernel<at::_ops::_copy_from, &copy_from>(m);
  register_kernel<at::_ops::_copy_from_and_resize, &copy_from_and_resize>(m);
}

// The boxed fallbacks of these keys resolve a lazy view by cloning it, which copies it, which would resolve it again
// without end. The copies above honour the bits themselves.
TORCH_LIBRARY_IMPL(aten, Conjugate, m) {
  register_fallthrough<at::_ops::_copy_from>(m);
  register_fallthrough<at::_ops::_copy_from_and_resize>(m);
}
TORCH_LIBRARY_IMPL(aten, Negative, m) {
  register_fallthrough<at::_ops::_copy_from>(m);
  register_fallthrough<at::_ops::_copy_from_and_resize>(m);
}

}  // namespace hologram::aten
