#include "runtime/kernels/kernel.h"

#include "runtime/kernels/kernel_args.h"

namespace hologram {

void name_kernel(Kernel& kernel, const Key& key, std::string name) {
  kernel.name = std::move(name);
  kernel.hash = key.hash;
  kernel.key.assign(reinterpret_cast<const char*>(key.bytes), key.size);
}

Kernel* make_kernel(const Key& key, KernelFn fn, float cost, std::string name) {
  auto kernel = std::make_unique<Kernel>();
  kernel->fn = fn;
  kernel->cost = cost;
  name_kernel(*kernel, key, std::move(name));
  // Ranges of elements are cut at whole vectors; rows and tiles anywhere.
  const auto schedule = static_cast<Schedule>(key.bytes[1]);
  kernel->grain = schedule == Schedule::Map || schedule == Schedule::Column ? 64 : 1;
  return kernel.release();
}

int num_kernel_args(const Key& key) { return kernel_args(key).count(); }

}  // namespace hologram
