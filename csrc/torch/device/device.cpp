#include "torch/device/device.h"

#include <c10/util/Exception.h>
#include <pthread.h>

#include "torch/device/errors.h"

namespace hologram {

std::atomic<Backend*> detail::active_backend{&cpu_backend()};

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
    Backend* backend = find_backend(name);
    TORCH_CHECK(backend, "hologram.set_backend: the backend '", name, "' is not available: ", info.reason,
                ". torch.hologram keeps using '", current_backend().name(), "'.");
    with_c10_errors([] { current_stream(current_backend(), current_device()).flush(Reason::Switch); });
    detail::active_backend.store(backend, std::memory_order_release);
    if (this_device >= backend->device_count()) this_device = 0;
    return;
  }
  TORCH_CHECK_VALUE(false, "hologram.set_backend: unknown backend '", name, "'. The known ones are ", known, ".");
}

c10::DeviceIndex device_count() noexcept { return static_cast<c10::DeviceIndex>(current_backend().device_count()); }

c10::DeviceIndex current_device() noexcept { return this_device; }

void set_current_device(c10::DeviceIndex index) {
  TORCH_CHECK(index >= 0 && index < device_count(), "hologram.set_device: invalid device index ", static_cast<int>(index),
              ". The backend '", current_backend().name(), "' has ", static_cast<int>(device_count()), " device(s).");
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
              current_backend().name(), "' has ", static_cast<int>(device_count()), " device(s), numbered from 0.");
  return index;
}

void synchronize_device(c10::DeviceIndex index) {
  with_c10_errors([&] { current_stream(current_backend(), checked_device_index(index)).synchronize(); });
}

bool in_forked_child() noexcept { return forked.load(std::memory_order_relaxed); }

}  // namespace hologram
