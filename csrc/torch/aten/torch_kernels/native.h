// Hologram memory seen by torch's own kernels, and back.
//
// A hologram tensor's *alias* is a tensor of the native device: of CUDA or MPS where torch has such kernels and the memory is
// CUDA's or Metal's, else of the CPU where the host sees the memory. Those are the same bytes. Where it does not, the alias is
// a CPU tensor over a copy: what the tensor covers is copied on the way in, and copied back if the kernel writes it
// (op_report() counts such calls). Aliases live for the length of one call: they are made on the way into a native kernel, and
// dropped or turned back on the way out. While a PoolScope is alive, tensors that native kernels make on the CPU take their
// memory from a pool of ours: on the CPU backend results come back without a copy, their blocks are reused like any other, and
// they show up in the device's memory statistics.
#pragma once

#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/util/SmallVector.h>
#include <c10/util/flat_hash_map.h>

#include "runtime/trace/history.h"
#include "torch/aten/core/common.h"
#include "torch/aten/torch_kernels/mps.h"

namespace hologram::aten {

/// The aliases of one call. Tensors that share a storage get aliases that share one too, because torch's overlap checks
/// compare storages; an argument given twice gets one alias, because torch's kernels compare tensors (out= that is an input
/// cannot be broadcast). Making one runs what is recorded on its memory.
class TensorAliases {
 public:
  explicit TensorAliases(c10::DeviceType native = c10::DeviceType::CPU) : native_(native) {}
  ~TensorAliases() {
    note_writes();
    if (stat_) remember();
  }
  TensorAliases(const TensorAliases&) = delete;
  TensorAliases& operator=(TensorAliases&&) = default;
  /// A read-only argument.
  at::Tensor read(const at::Tensor& t);
  /// An argument the kernel writes, and may resize: call write_back() after the kernel.
  at::Tensor write(const at::Tensor& t);
  /// Carries what the kernel did to the geometry of written arguments over to the hologram tensors.
  void write_back();
  /// A result of the kernel as a hologram tensor: a view of an argument's memory as a view of that argument's storage,
  /// anything else as a tensor that owns the result's memory.
  at::Tensor result(const at::Tensor& native, c10::Device device) const;
  /// The kernel of that op has run: a call that worked on copies is counted. The history gets it when the aliases go.
  void report(OpStat& stat);

 private:
  struct StoragePair {
    c10::Storage original, alias;
    void* data = nullptr;                // the alias's, as it was made
    size_t inside = 0;                   // bytes between the beginning of the alias and that of the original
    void* copy = nullptr;                // the alias lies in host memory of its own, at this address
    size_t from = 0, to = 0;             // bytes of it that are as on the device, or newer
  };
  struct TensorPair { at::Tensor original, alias; };

  void note_writes() const;
  void remember() const;
  at::Tensor alias(const at::Tensor& t);
  StoragePair& alias_storage(const c10::Storage& original);
  void fetch(StoragePair& pair, const at::Tensor& t);
  void follow_size(StoragePair& pair);
  void store(const at::Tensor& alias) const;
  int64_t inside(const at::Tensor& alias) const;
  bool views_normal_tensor(const at::Tensor& native) const;
  c10::DataPtr device_data(const c10::Storage& native, c10::Device device, size_t inside = 0) const;
  c10::Storage device_storage(const c10::Storage& native, c10::Device device) const;
  const StoragePair* find(const c10::StorageImpl* either) const;
  Queue& home(c10::Device device) const;

  c10::DeviceType native_;
  Queue* home_ = nullptr;              // where the first argument lives
  bool copies_ = false;
  const OpStat* stat_ = nullptr;
  int64_t started_ = work_clock();     // when the last argument was there
  c10::SmallVector<StoragePair, 6> storages_;
  mutable c10::SmallVector<OperandRecord, 2> made_;             // memory of results
  ska::flat_hash_map<const c10::StorageImpl*, size_t> index_;   // both sides of storages_, once there are many
  c10::SmallVector<TensorPair, 2> written_;
  c10::SmallVector<std::pair<const c10::TensorImpl*, at::Tensor>, 4> read_;   // the arguments so far; they outlive the call
};

c10::DeviceType gpu_native_type(const Queue& queue);
/// The device whose kernels run on a backend's memory: CUDA or MPS where torch has it, else the CPU, maybe on a copy.
inline c10::DeviceType native_type(const Queue& queue) {
  return C10_LIKELY(queue.reads_host_memory()) ? c10::DeviceType::CPU : gpu_native_type(queue);
}
c10::DispatchKey native_key(c10::DeviceType native);
/// Are torch's CPU kernels the tensor's library, on its memory as it is?
inline bool on_host_kernels(const at::Tensor& t) {
  const Queue& queue = home_queue(t);
  return queue.reads_host_memory() || (queue.host_visible() && gpu_native_type(queue) == c10::DeviceType::CPU);
}

/// f(native), once more with the CPU where MPS refuses: it lacks types and shapes that other devices take. The CPU's error is
/// what the caller gets. `f` changes no hologram tensor when it throws.
template <class F>
decltype(auto) on_native(c10::DeviceType native, F f) {
  if (C10_UNLIKELY(native == c10::DeviceType::MPS)) {
    try {
      return f(native);
    } catch (const c10::OutOfMemoryError&) {
      throw;
    } catch (const c10::Error& refusal) {
      mps::log(refusal);
      native = c10::DeviceType::CPU;
    }
  }
  return f(native);
}

/// While alive, CPU tensors made by this thread take their memory from the pool of `queue`, or of the CPU backend where the
/// host does not see the memory of `queue`. torch's CUDA kernels run on the stream of `queue`; its MPS kernels in the order of it,
/// their memory is torch's. Made when the aliases are. Nests.
class PoolScope {
 public:
  PoolScope(Queue& queue, c10::DeviceType native);
  ~PoolScope();
  PoolScope(const PoolScope&) = delete;
  PoolScope& operator=(const PoolScope&) = delete;

 private:
  Queue* previous_;
  std::optional<c10::impl::VirtualGuardImpl> cuda_;
  std::optional<c10::Device> cuda_device_;       // what was current before
  std::optional<c10::Stream> cuda_stream_;
  std::optional<mps::Turn> mps_;
};

}  // namespace hologram::aten
