#include "torch/device/device.h"

#include <ATen/Context.h>
#include <c10/util/Exception.h>
#include <pthread.h>

#include <string_view>

#include "runtime/backends/cuda.h"
#include "runtime/backends/metal.h"
#include "torch/device/errors.h"

namespace hologram {

std::atomic<Queue*> detail::active_queue{nullptr};

namespace {
std::atomic<const char*> preferred{nullptr};   // a GPU that was asked for

bool torch_runs_on_cuda() {
  return at::hasCUDA() && at::globalContext().getAcceleratorHooksInterface(at::kCUDA).deviceCount() > 0;
}
}  // namespace

void prefer_backend(const std::string& name) {
  if (name == "cuda" && cuda_library_reason().empty()) preferred = "cuda";
  else if (name == "metal" && metal_library_reason().empty()) preferred = "metal";
  else set_current_backend(name);
}

Queue& detail::choose_backend() {
  // Opening a GPU takes time and makes the process unfit for fork: `import torch` does neither, the first tensor does.
  Queue* chosen = &cpu_queue();
  const char* const wanted = preferred;
  const auto open = [&](const char* name) {
    try {
      if (Queue* gpu = find_backend(name)) chosen = gpu;
      else if (wanted)
        TORCH_WARN("hologram: HOLOGRAM_BACKEND='", name, "' is ignored, 'cpu' is used: ", name == std::string_view("cuda") ? cuda_reason() : metal_reason());
    } catch (const std::exception& error) {
      TORCH_WARN("hologram: the backend '", name, "' is not used: ", error.what());
    }
  };
  if (wanted) {
    open(wanted);
  } else {
    if (metal_library_reason().empty()) open("metal");
    // Without CUDA in torch, libraries would work on copies: the CPU is the better device then.
    if (chosen == &cpu_queue() && torch_runs_on_cuda()) open("cuda");
  }
  Queue* nobody = nullptr;
  return active_queue.compare_exchange_strong(nobody, chosen) ? *chosen : *nobody;
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
  std::string known;
  for (const BackendInfo& info : backend_infos()) {
    known += (known.empty() ? "'" : ", '") + info.name + "'";
    if (info.name != name) continue;
    Queue* backend = with_c10_errors([&] { return find_backend(name); });
    TORCH_CHECK(backend, "hologram.set_backend: the backend '", name, "' is not available: ", info.reason,
                ". torch.hologram keeps using '", default_queue().name(), "'.");
    if (Queue* before = detail::active_queue.load(std::memory_order_acquire))
      with_c10_errors([&] { each_queue(*before, [](Queue& queue) { queue.stream().flush(Reason::Switch); }); });
    detail::active_queue.store(backend, std::memory_order_release);
    if (this_device >= backend->device_count()) this_device = 0;
    return;
  }
  TORCH_CHECK_VALUE(false, "hologram.set_backend: unknown backend '", name, "'. The known ones are ", known, ".");
}

c10::DeviceIndex device_count() noexcept { return static_cast<c10::DeviceIndex>(default_queue().device_count()); }

c10::DeviceIndex current_device() noexcept { return this_device; }

void set_current_device(c10::DeviceIndex index) {
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

bool lost_by_fork() {
  if (!in_forked_child()) return false;
  const std::string name = default_queue().name();
  return name == "cuda" ? cuda_lost_by_fork() : name == "metal" && metal_lost_by_fork();
}

}  // namespace hologram
