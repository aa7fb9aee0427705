// What every aten kernel of the hologram device shares: tensors to operands, allocation, op statistics.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>

#include <atomic>
#include <functional>
#include <optional>

#include "runtime/device/queue.h"
#include "runtime/ir/circuit.h"
#include "runtime/kernels/kernel.h"
#include "runtime/trace/stream.h"
#include "torch/device/storage.h"

namespace hologram::aten {

constexpr c10::DeviceType kDevice = c10::DeviceType::PrivateUse1;

/// An argument that a call may leave out, as torch passes it.
using MaybeTensor = std::optional<at::Tensor>;
inline const at::Tensor& tensor_or_undefined(const MaybeTensor& t) {
  static const at::Tensor& undefined = *new at::Tensor;
  return t ? *t : undefined;
}

// ---- types (common.cpp) ----
bool is_compiled_type(c10::ScalarType t);      // bool, integers, f16, bf16, f32, f64
DType to_dtype(c10::ScalarType t);             // throws for types the runtime does not know (quantized, ...)
c10::ScalarType to_scalar_type(DType t);
/// Node::compute for a common dtype: f16 and bf16 compute in f32.
inline DType compute_type(DType t) { return t == DType::F16 || t == DType::BF16 ? DType::F32 : t; }

// ---- storage (storage.cpp) ----
/// A new contiguous tensor from the pool; the fast path behind at::empty. Throws torch.OutOfMemoryError.
at::Tensor empty(c10::IntArrayRef sizes, c10::ScalarType dtype, c10::Device device);
at::Tensor empty_strided(c10::IntArrayRef sizes, c10::IntArrayRef strides, c10::ScalarType dtype, c10::Device device);
/// The block under a hologram tensor's storage (nullptr for an empty storage without data).
Block* block_of(const at::Tensor& t);
/// A DataPtr that holds one (new) reference to `block`, on `device`.
c10::DataPtr data_ptr_of(Block* block, c10::Device device);
/// The queue whose memory a tensor lies in (for one without memory: that of new tensors), and the stream its ops go to.
Queue& home_queue(const at::Tensor& t);
/// The queue that this thread's work on a tensor goes to.
Queue& queue_of(const at::Tensor& t);
/// Do kernels on its backend take the host's memory as it is? Otherwise CPU tensors are copied.
inline bool reads_host_memory(const at::Tensor& t) { return home_queue(t).reads_host_memory(); }
Stream& stream_of(const at::Tensor& t);

// ---- addresses ----

/// Where the elements of a tensor lie, for kernels the stream puts in order. No thread waits.
inline char* input_data(const at::Tensor& t) { return static_cast<char*>(const_cast<void*>(t.const_data_ptr())); }
/// The same for a tensor the kernel writes.
char* output_data(const at::Tensor& t);
/// Before a copy of the queue reads or writes a tensor's memory: what is recorded comes first. The host does not wait.
void order_read(const at::Tensor& t);
void order_write(const at::Tensor& t);
/// Before anything outside the stream reads or writes a tensor's memory.
void before_read(const at::Tensor& t, Reason reason = Reason::Library);
void before_write(const at::Tensor& t, Reason reason = Reason::Library);
/// Before all elements of `t`, which is dense, are written: where these are all of its memory, a value that was lost is no matter.
void forget_lost_value(const at::Tensor& t);
template <class... More>
void before_read(const at::Tensor& first, const at::Tensor& second, const More&... more) {
  before_read(first);
  before_read(second, more...);
}

inline bool is_hologram(const at::Tensor& t) { return t.defined() && t.device().type() == kDevice; }

/// Are the strides of the dims from `first` on exactly those of a new contiguous tensor with elements? Where dims have size 1 other
/// strides may mean the same memory.
inline bool has_plain_strides(const at::Tensor& t, int64_t first = 0) {
  int64_t expected = 1;
  for (int64_t d = t.dim() - 1; d >= first; --d) {
    if (t.strides()[d] != expected || t.sizes()[d] == 0) return false;
    expected *= t.sizes()[d];
  }
  return true;
}

// ---- circuits (common.cpp) ----
/// Adds `t` as an input operand over the iteration space `circuit.sizes[0..rank)` (already set): `t` must be
/// broadcastable to it, aligned at the last dimension.
Ref add_input(Circuit& circuit, const at::Tensor& t);
/// Adds `t` (already of the iteration space's kept shape, broadcast along the row) as the destination of `source`.
Ref add_output(Circuit& circuit, const at::Tensor& t, Ref source);
/// `value` of element type `from` as `to`: an output stores values of its own type.
inline Ref convert(Circuit& circuit, Ref value, DType from, DType to) {
  return from == to ? value : circuit.add_node(Op::copy, compute_type(to), to, {value});
}
void set_sizes(Circuit& circuit, c10::IntArrayRef sizes, int row_rank = 0);
/// A Scalar as a kernel argument: integral and bool as int64, floating as double.
Ref add_scalar(Circuit& circuit, const at::Scalar& s);
void submit(Circuit& circuit, const at::Tensor& any);

// ---- what served an op: torch.hologram.op_report() (op_stat.cpp) ----
struct OpStat {
  const char* name;
  std::atomic<uint64_t> compiled{0}, library{0}, fallback{0};
  std::atomic<uint64_t> host_copies{0};   // of the latter two: calls that worked on copies in host memory
};
/// The statistics entry of an aten op ("add.Tensor"); keep the reference in a static. `name` must live for ever.
OpStat& op_stat(const char* name);
void for_each_op_stat(const std::function<void(OpStat&)>& visit);

}  // namespace hologram::aten
