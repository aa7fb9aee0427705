#include "torch/device/device.h"

#include <ATen/Context.h>
#include <c10/util/Exception.h>
#include <pthread.h>

#include <algorithm>
#include <cstdlib>

#include "runtime/backends/cpu/queue.h"
#include "runtime/backends/registry.h"
#include "torch/device/errors.h"

namespace hologram {

std::atomic<Queue*> detail::active_queue{nullptr};

namespace {

std::atomic<const BackendInfo*> preferred{nullptr};   // that was asked for, and is opened when it is needed

bool torch_runs_on_cuda() {
  return at::hasCUDA() && at::globalContext().getAcceleratorHooksInterface(at::kCUDA).deviceCount() > 0;
}

/// Is a program that asks for no backend better off on this one? Where torch's libraries would work on copies, the CPU is better.
bool is_worth_choosing(const BackendInfo& info) {
  return info.library_reason().empty() && (info.host_visible || (info.memory == MemoryKind::Cuda && torch_runs_on_cuda()));
}

}  // namespace

void prefer_backend(const std::string& name) {
  const BackendInfo* const info = find_backend(name);
  if (info && info->library_reason().empty()) preferred = info;
  else set_current_backend(name);
}

Queue& detail::choose_backend() {
  // Opening a GPU takes time and makes the process unfit for fork: `import torch` does neither, the first tensor does.
  Queue* chosen = nullptr;
  const BackendInfo* const wanted = preferred;
  const auto open = [&](const BackendInfo& info) {
    try {
      chosen = open_backend(info);
      if (!chosen && wanted)
        TORCH_WARN("hologram: HOLOGRAM_BACKEND='", info.name, "' is ignored, '", cpu_queue().name(), "' is used: ", info.reason());
    } catch (const std::exception& error) {
      TORCH_WARN("hologram: the backend '", info.name, "' is not used: ", error.what());
    }
  };
  if (wanted) open(*wanted);
  else
    for (auto best = backends().rbegin(); !chosen && best != backends().rend(); ++best)
      if (is_worth_choosing(**best)) open(**best);
  if (!chosen) chosen = &cpu_queue();
  Queue* unset = nullptr;
  return active_queue.compare_exchange_strong(unset, chosen) ? *chosen : *unset;
}

namespace {

thread_local c10::DeviceIndex this_device = 0;
std::atomic<bool> forked{false};

const bool fork_handler = [] {
  pthread_atfork(nullptr, nullptr, [] { forked.store(true, std::memory_order_relaxed); });
  return true;
}();

}  // namespace

void set_current_backend(const std::string& name) {
  const BackendInfo* const info = find_backend(name);
  TORCH_CHECK_VALUE(info, "hologram.set_backend: unknown backend '", name, "'. The known ones are ", backend_names(), ".");
  Queue* const queue = with_c10_errors([&] { return open_backend(*info); });
  TORCH_CHECK(queue, "hologram.set_backend: the backend '", name, "' is not available: ", info->reason(),
              ". torch.hologram keeps using '", default_queue().name(), "'.");
  if (Queue* before = detail::active_queue.load(std::memory_order_acquire))
    with_c10_errors([&] { each_queue(*before, [](Queue& q) { q.stream().flush(Reason::Switch); }); });
  detail::active_queue.store(queue, std::memory_order_release);
  if (this_device >= queue->device_count()) this_device = 0;
}

c10::DeviceIndex device_count() noexcept { return static_cast<c10::DeviceIndex>(default_queue().device_count()); }

c10::DeviceIndex current_device() noexcept { return this_device; }

namespace {

/// Processes that torchrun started on this machine; 1 elsewhere.
int local_processes() {
  static const int count = [] {
    const char* const text = std::getenv("LOCAL_WORLD_SIZE");
    return text ? std::clamp(std::atoi(text), 1, 128) : 1;
  }();
  return count;
}

}  // namespace

c10::DeviceIndex shown_device_count() noexcept {
  return device_count() == 1 ? static_cast<c10::DeviceIndex>(local_processes()) : device_count();
}

void set_current_device(c10::DeviceIndex index) {
  if (index > 0 && index < shown_device_count() && device_count() == 1) index = 0;
  TORCH_CHECK(index >= 0 && index < device_count(), "hologram.set_device: invalid device index ", static_cast<int>(index),
              ". The backend '", default_queue().name(), "' has ", static_cast<int>(device_count()), " device(s).");
  this_device = index;
}

void set_current_device_unchecked(c10::DeviceIndex index) noexcept {
  if (index >= 0 && index < device_count()) this_device = index;
}

c10::DeviceIndex exchange_device(c10::DeviceIndex index) {
  const c10::DeviceIndex previous = this_device;
  if (index >= 0 && index != previous) set_current_device(index);
  return previous;
}

c10::DeviceIndex checked_device_index(c10::DeviceIndex index) {
  if (index == -1) return this_device;
  if (index > 0 && index < shown_device_count() && device_count() == 1) return 0;
  TORCH_CHECK(index >= 0 && index < device_count(), "Invalid device index ", static_cast<int>(index), ": the backend '",
              default_queue().name(), "' has ", static_cast<int>(device_count()), " device(s), numbered from 0.");
  return index;
}

void synchronize_device(c10::DeviceIndex index) {
  with_c10_errors([&] {
    Queue& first = default_queue().queue(checked_device_index(index), 0);
    first.stream().flush(Reason::Synchronize);
    first.synchronize_device();
  });
}

bool in_forked_child() noexcept { return forked.load(std::memory_order_relaxed); }

bool lost_by_fork() { return in_forked_child() && default_queue().info().lost_by_fork(); }

}  // namespace hologram
