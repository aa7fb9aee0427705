// Kernels that come with the package: the index of a library that csrc/packaging/kernel_pack.py makes.
//
// The index is constant data: a count, then for each kernel its function and what it is, in the order of the keys' bytes.
#pragma once

#include <cstdint>

#include "runtime/kernels/kernel.h"

namespace hologram {

struct PackedInfo {
  double cost;                           // Kernel::cost
  uint32_t key_bytes, name_bytes;
  unsigned char bytes[];                 // the key, the name
};

struct PackedKernel {
  KernelFn fn;
  const PackedInfo* info;
};

struct KernelPack {
  uint64_t count;
  PackedKernel kernels[];
};

/// From now on kernels are looked for there; null: nowhere. The library stays loaded.
void use_kernel_pack(const KernelPack* pack);
/// The entry of a key, or null. Takes no lock.
const PackedKernel* find_packed(const unsigned char* key, uint32_t bytes);

}  // namespace hologram
