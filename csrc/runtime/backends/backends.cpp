// Which backends exist, and why one does not.
#include "runtime/backend.h"

#include <atomic>

#include "runtime/backends/cuda.h"

namespace hologram {
namespace {

std::atomic<Backend*> opened_cuda{nullptr};

std::string metal_reason() {
#if defined(__APPLE__) && defined(__aarch64__)
  return "this version of hologram has no Metal kernels yet";
#else
  return "needs macOS on Apple silicon";
#endif
}

}  // namespace

void Backend::launch_many(const Kernel& kernel, const Launch* launches, int count) {
  for (int i = 0; i < count; ++i)
    launch(kernel, launches[i].operands, launches[i].args, launches[i].items, launches[i].elements_per_item);
}

std::vector<BackendInfo> backend_infos() {
  const std::string cuda = cuda_reason();
  return {{"cpu", true, ""}, {"cuda", cuda.empty(), cuda}, {"metal", false, metal_reason()}};
}

Backend* find_backend(const std::string& name) {
  if (name == "cpu") return &cpu_backend();
  if (name == "cuda") {
    Backend* cuda = cuda_backend();
    opened_cuda.store(cuda, std::memory_order_release);
    return cuda;
  }
  return nullptr;
}

std::vector<Backend*> opened_backends() {
  std::vector<Backend*> all{&cpu_backend()};
  if (Backend* cuda = opened_cuda.load(std::memory_order_acquire)) all.push_back(cuda);
  return all;
}

}  // namespace hologram
