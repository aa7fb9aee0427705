// Hologram memory seen by torch's own CPU kernels, and back: the same bytes, never a copy.
//
// A hologram tensor's *alias* is a CPU tensor on the same block. Aliases live for the length of one call: they are made
// on the way into a native kernel, and dropped or turned back on the way out. While a PoolScope is alive, tensors that
// native kernels make take their memory from the device's pool: results come back without a copy, their blocks are
// reused like any other, and they show up in the device's memory statistics.
#pragma once

#include <c10/util/SmallVector.h>
#include <c10/util/flat_hash_map.h>

#include "torch/aten/common.h"

namespace hologram::aten {

/// The aliases of one call. Tensors that share a storage get aliases that share one too, because torch's overlap checks
/// compare storages; an argument given twice gets one alias, because torch's kernels compare tensors (out= that is an input
/// cannot be broadcast). Making one runs what is recorded on its memory.
class Aliases {
 public:
  /// A read-only argument.
  at::Tensor read(const at::Tensor& t);
  /// An argument the kernel writes, and may resize: call write_back() after the kernel.
  at::Tensor write(const at::Tensor& t);
  /// Carries what the kernel did to the geometry of written arguments over to the hologram tensors.
  void write_back() const;
  /// A result of the kernel as a hologram tensor: a view of an argument's memory as a view of that argument's storage,
  /// anything else as a tensor that owns the result's memory.
  at::Tensor result(const at::Tensor& native, c10::Device device) const;

 private:
  struct StoragePair { c10::Storage original, alias; };
  struct TensorPair { at::Tensor original, alias; };

  at::Tensor alias(const at::Tensor& t);
  const c10::Storage& alias_storage(const c10::Storage& original);
  const StoragePair* find(const c10::StorageImpl* either) const;

  c10::SmallVector<StoragePair, 6> storages_;
  ska::flat_hash_map<const c10::StorageImpl*, size_t> index_;   // both sides of storages_, once there are many
  c10::SmallVector<TensorPair, 2> written_;
  c10::SmallVector<std::pair<const c10::TensorImpl*, at::Tensor>, 4> read_;   // the arguments so far; they outlive the call
};

/// While alive, CPU tensors made by this thread take their memory from `backend`'s pool. Nests.
class PoolScope {
 public:
  explicit PoolScope(Backend& backend);
  ~PoolScope();
  PoolScope(const PoolScope&) = delete;
  PoolScope& operator=(const PoolScope&) = delete;

 private:
  Backend* previous_;
};

}  // namespace hologram::aten
