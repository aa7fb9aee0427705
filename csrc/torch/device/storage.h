// The storage of a device tensor: growing it, and noticing when its address leaves the device.
//
// Ops are recorded and run later, so a reader that gets a raw address must find the bytes there. torch calls a storage's
// materializer before it hands out a mutable pointer (2.13 and later): the recorded ops on that memory run then, and from
// then on ops on it run when they are called (Block::exposed), because its owner may look at any time. Older versions of
// torch have no such hook: there every block counts as exposed, but under HOLOGRAM_FUSION=force, where the program itself
// synchronizes before it takes an address.
#pragma once

#include <c10/core/StorageImpl.h>

#include "runtime/memory/block.h"
#include "torch/torch_version.h"

#ifndef HOLOGRAM_WATCHES_POINTERS   // -DHOLOGRAM_WATCHES_POINTERS=0: as on an older torch
#define HOLOGRAM_WATCHES_POINTERS HOLOGRAM_TORCH_AT_LEAST(2, 13)
#endif

namespace hologram {

/// Gives `storage` exactly `bytes`, keeping the common prefix of its contents.
void resize_storage(c10::StorageImpl& storage, size_t bytes);

/// Are ops on tensors of the device recorded (outside of no_fusion)?
bool records_tensors();

/// From now on the address of the storage's block does not leave unnoticed.
void watch_pointers(c10::StorageImpl& storage);
/// The block's address goes outside: runs what is recorded on it, and ends recording on it.
void expose(Block& block);

/// While alive, addresses that this thread asks torch for stay inside the device: they go to kernels that the stream knows of.
/// watch_pointers must be called again on what was written.
class PointersInside {
 public:
  PointersInside();
  ~PointersInside();
  PointersInside(const PointersInside&) = delete;
  PointersInside& operator=(const PointersInside&) = delete;
};

/// Does this thread run such a kernel?
bool pointers_stay_inside();

}  // namespace hologram
