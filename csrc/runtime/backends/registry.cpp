#include "runtime/backends/registry.h"

#include <atomic>
#include <iterator>

#include "runtime/backends/cpu/queue.h"
#include "runtime/device/queue.h"

// A backend is one line here, and a folder that defines hologram::NAME::info. Each is better than those above it.
#define HOLOGRAM_BACKENDS(X) \
  X(cpu)                     \
  X(cuda)                    \
  X(metal)

namespace hologram {

#define X(name) namespace name { extern const BackendInfo info; }
HOLOGRAM_BACKENDS(X)
#undef X

namespace {

#define X(name) &name::info,
constexpr const BackendInfo* kBackends[] = {HOLOGRAM_BACKENDS(X)};
#undef X

std::atomic<Queue*> opened[std::size(kBackends)] = {};

}  // namespace

const std::vector<const BackendInfo*>& backends() {
  static const auto& all = *new std::vector<const BackendInfo*>(std::begin(kBackends), std::end(kBackends));
  return all;
}

std::string backend_names() {
  std::string names;
  for (const BackendInfo* info : kBackends) names += (names.empty() ? "'" : ", '") + std::string(info->name) + "'";
  return names;
}

const BackendInfo* find_backend(std::string_view name) {
  for (const BackendInfo* info : kBackends)
    if (info->name == name) return info;
  return nullptr;
}

Queue* open_backend(const BackendInfo& info) {
  Queue* const queue = info.open();
  for (size_t i = 0; i < std::size(kBackends); ++i)
    if (kBackends[i] == &info) opened[i].store(queue, std::memory_order_release);
  return queue;
}

std::vector<Queue*> opened_backends() {
  std::vector<Queue*> all;
  for (size_t i = 0; i < std::size(kBackends); ++i) {
    Queue* const queue = kBackends[i] == &cpu_queue().info() ? &cpu_queue() : opened[i].load(std::memory_order_acquire);
    if (queue) all.push_back(queue);
  }
  return all;
}

}  // namespace hologram
