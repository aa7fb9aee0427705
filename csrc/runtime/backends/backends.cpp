// Which backends exist, and why one does not.
#include "runtime/device/queue.h"

#include <atomic>

#include "runtime/backends/cuda.h"
#include "runtime/backends/metal.h"

namespace hologram {
namespace {

std::atomic<Queue*> opened_cuda{nullptr}, opened_metal{nullptr};

Queue* opened(Queue* backend, std::atomic<Queue*>& here) {
  here.store(backend, std::memory_order_release);
  return backend;
}

}  // namespace

void Queue::launch_many(const Kernel& kernel, const Launch* launches, int count) {
  for (int i = 0; i < count; ++i)
    launch(kernel, launches[i].operands, launches[i].args, launches[i].items, launches[i].elements_per_item);
}

std::vector<BackendInfo> backend_infos() {
  const std::string cuda = cuda_reason(), metal = metal_reason();
  return {{"cpu", true, ""}, {"cuda", cuda.empty(), cuda}, {"metal", metal.empty(), metal}};
}

Queue* find_backend(const std::string& name) {
  if (name == "cpu") return &cpu_queue();
  if (name == "cuda") return opened(cuda_backend(), opened_cuda);
  if (name == "metal") return opened(metal_backend(), opened_metal);
  return nullptr;
}

std::vector<Queue*> opened_backends() {
  std::vector<Queue*> all{&cpu_queue()};
  for (const auto* other : {&opened_cuda, &opened_metal})
    if (Queue* backend = other->load(std::memory_order_acquire)) all.push_back(backend);
  return all;
}

}  // namespace hologram
