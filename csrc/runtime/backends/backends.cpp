// Which backends exist, and why one does not.
#include "runtime/backend.h"

#include <dlfcn.h>

namespace hologram {
namespace {

std::string cuda_reason() {
#ifdef __APPLE__
  return "macOS has no CUDA driver";
#else
  static const bool driver = [] {
    void* library = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
    if (library) dlclose(library);
    return library != nullptr;
  }();
  return driver ? "driver found, but this version of hologram has no CUDA kernels yet" : "driver library libcuda.so.1 not found";
#endif
}

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
  return {{"cpu", true, ""}, {"cuda", false, cuda_reason()}, {"metal", false, metal_reason()}};
}

Backend* find_backend(const std::string& name) { return name == "cpu" ? &cpu_backend() : nullptr; }

}  // namespace hologram
