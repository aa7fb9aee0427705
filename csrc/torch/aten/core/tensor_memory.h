// Tensors and their memory: new ones from the pool, the blocks and queues of those there are, and what must come before their bytes
// are read or written.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>

#include "runtime/device/queue.h"
#include "runtime/trace/stream.h"
#include "torch/device/storage.h"

namespace hologram::aten {

/// A new contiguous tensor from the pool; the fast path behind at::empty. Throws torch.OutOfMemoryError.
at::Tensor empty(c10::IntArrayRef sizes, c10::ScalarType dtype, c10::Device device);
at::Tensor empty_strided(c10::IntArrayRef sizes, c10::IntArrayRef strides, c10::ScalarType dtype, c10::Device device);
/// The block under a hologram tensor's storage (nullptr for an empty storage without data).
Block* block_of(const at::Tensor& t);
/// Memory from the pool; none for 0 bytes.
c10::intrusive_ptr<c10::StorageImpl> new_storage(size_t bytes, c10::Device device);
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
/// When it has been written.
void after_write(const at::Tensor& t);
/// Before all elements of `t`, which is dense, are written: where these are all of its memory, a value that was lost is no matter.
void forget_lost_value(const at::Tensor& t);
template <class... More>
void before_read(const at::Tensor& first, const at::Tensor& second, const More&... more) {
  before_read(first);
  before_read(second, more...);
}

}  // namespace hologram::aten
