// Hologram memory seen by torch's own kernels, and back.
//
// A hologram tensor's *alias* is a tensor of the native device: of the CPU where the host sees the memory, of CUDA where torch
// has CUDA kernels and the memory is CUDA's. Those are the same bytes. Where torch has no kernels for the memory, the alias is
// a CPU tensor over a copy: what the tensor covers is copied on the way in, and copied back if the kernel writes it
// (op_report() counts such calls). Aliases live for the length of one call: they are made on the way into a native kernel, and
// dropped or turned back on the way out. While a PoolScope is alive, tensors that native kernels make on the CPU take their
// memory from a pool of ours: on the CPU backend results come back without a copy, their blocks are reused like any other, and
// they show up in the device's memory statistics.
#pragma once

#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/util/SmallVector.h>
#include <c10/util/flat_hash_map.h>

#include "torch/aten/common.h"

namespace hologram::aten {

/// The aliases of one call. Tensors that share a storage get aliases that share one too, because torch's overlap checks
/// compare storages; an argument given twice gets one alias, because torch's kernels compare tensors (out= that is an input
/// cannot be broadcast). Making one runs what is recorded on its memory.
class Aliases {
 public:
  explicit Aliases(c10::DeviceType native = c10::DeviceType::CPU) : native_(native) {}
  /// The device whose kernel runs; before the first alias is made.
  void use(c10::DeviceType native) { native_ = native; }
  /// A read-only argument.
  at::Tensor read(const at::Tensor& t);
  /// An argument the kernel writes, and may resize: call write_back() after the kernel.
  at::Tensor write(const at::Tensor& t);
  /// Carries what the kernel did to the geometry of written arguments over to the hologram tensors.
  void write_back();
  /// A result of the kernel as a hologram tensor: a view of an argument's memory as a view of that argument's storage,
  /// anything else as a tensor that owns the result's memory.
  at::Tensor result(const at::Tensor& native, c10::Device device) const;
  /// Counts a call that worked on copies.
  void report(OpStat& stat) const;

 private:
  struct StoragePair {
    c10::Storage original, alias;
    void* copy = nullptr;                // the alias lies in host memory of its own, at this address
    size_t from = 0, to = 0;             // bytes of it that are as on the device, or newer
  };
  struct TensorPair { at::Tensor original, alias; };

  at::Tensor alias(const at::Tensor& t);
  StoragePair& alias_storage(const c10::Storage& original);
  void fetch(StoragePair& pair, const at::Tensor& t);
  void follow_size(StoragePair& pair);
  void store(const at::Tensor& alias) const;
  bool views_normal_tensor(const at::Tensor& native) const;
  c10::DataPtr device_data(const c10::Storage& native, c10::Device device) const;
  c10::Storage device_storage(const c10::Storage& native, c10::Device device) const;
  const StoragePair* find(const c10::StorageImpl* either) const;
  Backend& home(c10::Device device) const;

  c10::DeviceType native_;
  Backend* home_ = nullptr;              // where the first argument lives
  bool copies_ = false;
  c10::SmallVector<StoragePair, 6> storages_;
  ska::flat_hash_map<const c10::StorageImpl*, size_t> index_;   // both sides of storages_, once there are many
  c10::SmallVector<TensorPair, 2> written_;
  c10::SmallVector<std::pair<const c10::TensorImpl*, at::Tensor>, 4> read_;   // the arguments so far; they outlive the call
};

/// Do torch's own CUDA kernels run on the memory of this backend?
bool runs_on_cuda(const Backend& backend);
/// The device whose kernels run on a tensor's memory, or on a copy of it.
c10::DeviceType native_type(const at::Tensor& t);

/// While alive, CPU tensors made by this thread take their memory from the pool of `queue`, or of the CPU backend where the
/// host does not see the memory of `queue`; and torch's CUDA kernels run on the stream of `queue`. Nests.
class PoolScope {
 public:
  explicit PoolScope(Backend& queue);
  ~PoolScope();
  PoolScope(const PoolScope&) = delete;
  PoolScope& operator=(const PoolScope&) = delete;

 private:
  Backend* previous_;
  std::optional<c10::impl::VirtualGuardImpl> cuda_;
  std::optional<c10::Device> cuda_device_;       // what was current before
  std::optional<c10::Stream> cuda_stream_;
};

}  // namespace hologram::aten
