#include "runtime/kernels/kernel_pack.h"

#include <algorithm>
#include <atomic>
#include <cstring>

namespace hologram {
namespace {

std::atomic<const KernelPack*> current{nullptr};

int compare(const PackedInfo& info, const unsigned char* key, uint32_t bytes) {
  const int order = std::memcmp(info.bytes, key, std::min(info.key_bytes, bytes));
  return order ? order : info.key_bytes < bytes ? -1 : info.key_bytes > bytes;
}

}  // namespace

void use_kernel_pack(const KernelPack* pack) { current.store(pack, std::memory_order_release); }

const PackedKernel* find_packed(const unsigned char* key, uint32_t bytes) {
  const KernelPack* const pack = current.load(std::memory_order_acquire);
  if (!pack) return nullptr;
  const PackedKernel* const end = pack->kernels + pack->count;
  const PackedKernel* const found =
      std::lower_bound(pack->kernels, end, bytes, [&](const PackedKernel& k, uint32_t) { return compare(*k.info, key, bytes) < 0; });
  return found != end && compare(*found->info, key, bytes) == 0 ? found : nullptr;
}

}  // namespace hologram
