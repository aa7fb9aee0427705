#include "runtime/backends/metal/device.h"

#include <pthread.h>

#include <algorithm>
#include <memory>

#include "runtime/backends/metal/queue.h"
#include "runtime/base/error.h"

namespace hologram::metal {

std::atomic<bool> Device::forked_{false};

// ---- which devices ----

namespace {

std::string at(int index) { return "hologram.metal: device " + std::to_string(index); }

struct Found {
  std::vector<Id> devices;
  std::string failure;
};

Found look() {
  Found found;
  if (!library_failure().empty()) {
    found.failure = library_failure();
    return found;
  }
  const Pool pool;
  const Owned all(runtime().MTLCopyAllDevices());
  const UInt count = all ? send<UInt>(all.get(), sel().count) : 0;
  for (UInt i = 0; i < count; ++i) {
    const Id device = send<Id>(all.get(), sel().object_at, i);
    if (send<bool>(device, sel().unified_memory) && send<bool>(device, sel().supports_family, long{kFamilyMetal3}))
      found.devices.push_back(retain(device));   // for ever
  }
  if (count == 0) found.failure = "Metal sees no device";
  else if (found.devices.empty())
    found.failure = "no device has unified memory and Metal 3 (" + text_of(send<Id>(send<Id>(all.get(), sel().object_at, UInt{0}), sel().name)) +
                    "). An Apple silicon GPU under macOS 13 or newer is needed";
  return found;
}

const Found& found() {
  static const Found& f = *new Found(look());
  return f;
}

std::vector<std::atomic<Device*>>& devices() {
  static auto& all = *new std::vector<std::atomic<Device*>>(found().devices.size());   // never closed
  return all;
}

}  // namespace

int Device::count() { return static_cast<int>(found().devices.size()); }
const std::string& device_failure() { return found().failure; }

Device* Device::opened(int index) {
  return index >= 0 && index < count() ? devices()[static_cast<size_t>(index)].load(std::memory_order_acquire) : nullptr;
}

Device& Device::open(int index) {
  if (Device* found = opened(index)) return *found;
  if (index < 0 || index >= count())
    fail(Error::Kind::Value, at(index), " does not exist: Metal has ", count(), " device(s), numbered from 0.");
  static std::mutex& lock = *new std::mutex;
  static bool watches = false;
  std::lock_guard<std::mutex> hold(lock);
  if (Device* found = opened(index)) return *found;
  auto* made = new Device(index, found().devices[static_cast<size_t>(index)]);
  devices()[static_cast<size_t>(index)].store(made, std::memory_order_release);
  if (!watches) pthread_atfork(nullptr, nullptr, [] { Device::forked_.store(true, std::memory_order_relaxed); });
  watches = true;
  return *made;
}

Device::Device(int index, Id handle) : index_(index), handle_(handle) {
  const Pool pool;
  name_ = text_of(send<Id>(handle_, sel().name));
  total_bytes_ = send<uint64_t>(handle_, sel().working_set);
  largest_bytes_ = send<UInt>(handle_, sel().max_buffer);
}

// Metal does not tell how many cores a GPU has.
DeviceProperties Device::properties() const { return {name_, total_bytes_, 0, 0}; }

std::pair<size_t, size_t> Device::memory_info() {
  check_usable();
  const size_t used = send<UInt>(handle_, sel().allocated_size);
  return {total_bytes_ > used ? total_bytes_ - used : 0, total_bytes_};
}

void Device::unusable() const {
  if (opened_before_fork())
    fail(Error::Kind::Runtime, at(index_), ": this process was forked from one that used Metal, which cannot be used here. Start "
         "processes with the 'spawn' method.");
  fail(Error::Kind::Runtime, at(index_), " was lost: ", loss_, ". Its tensors are gone; start a new process. HOLOGRAM_SYNC=1 shows "
       "the op that does it.");
}

void Device::lose(const std::string& what) {
  std::lock_guard<std::mutex> hold(losing_);
  if (lost()) return;
  loss_ = what;
  lost_.store(true, std::memory_order_release);
}

MetalQueue& Device::queue(int stream_index) {
  if (stream_index < 0 || stream_index >= kMaxQueues) fail(Error::Kind::Value, at(index_), " has no queue ", stream_index, ".");
  return queues_.get(*this, stream_index);
}

void Device::synchronize() {
  for (int stream_index = 0; stream_index < queues(); ++stream_index)
    if (MetalQueue* queue = existing(stream_index); queue && queue->commands().busy()) queue->commands().wait();
  check_usable();
}

// ---- memory ----

namespace {

auto first_after(std::vector<Range>& ranges, const void* address) {
  return std::upper_bound(ranges.begin(), ranges.end(), static_cast<const char*>(address),
                          [](const char* p, const Range& r) { return p < r.base; });
}

/// The range that holds an address, or null.
Range* holder(std::vector<Range>& ranges, const void* address) {
  const auto after = first_after(ranges, address);
  return after != ranges.begin() && (after - 1)->holds(static_cast<const char*>(address)) ? &*(after - 1) : nullptr;
}

}  // namespace

void Buffers::add(const Range& range) {
  std::lock_guard<std::mutex> hold(lock_);
  sorted_.insert(first_after(sorted_, range.base), range);
  version_.fetch_add(1, std::memory_order_release);
}

Range Buffers::remove(const void* base) {
  std::lock_guard<std::mutex> hold(lock_);
  const auto found = first_after(sorted_, base) - 1;
  const Range range = *found;
  sorted_.erase(found);
  version_.fetch_add(1, std::memory_order_release);
  return range;
}

Range Buffers::find(const void* address) {
  std::lock_guard<std::mutex> hold(lock_);
  const Range* found = holder(sorted_, address);
  return found ? *found : Range{};
}

uint64_t Buffers::copy_to(std::vector<Range>& ranges) {
  std::lock_guard<std::mutex> hold(lock_);
  ranges = sorted_;
  return version_.load(std::memory_order_relaxed);
}

Range* Addresses::find(const void* address) {
  if (__builtin_expect(version_ != all_.version(), 0)) {
    version_ = all_.copy_to(ranges_);
    last_ = 0;
  }
  if (last_ < ranges_.size() && ranges_[last_].holds(static_cast<const char*>(address))) return &ranges_[last_];
  Range* const found = holder(ranges_, address);
  if (found) last_ = static_cast<size_t>(found - ranges_.data());
  return found;
}

void* Device::allocate(size_t bytes) {
  if (bytes > largest_bytes_) return nullptr;
  const Pool pool;
  Owned buffer(send<Id>(handle_, sel().new_buffer, UInt{bytes}, UInt{kStorageModeShared}));
  void* const data = buffer ? adopt(buffer.get(), bytes) : nullptr;
  if (data) buffer.leave();
  return data;
}

void* Device::adopt(Id buffer, size_t bytes) {
  void* const data = send<void*>(buffer, sel().contents);
  if (data) buffers_.add({static_cast<const char*>(data), bytes, send<uint64_t>(buffer, sel().gpu_address), buffer});
  return data;
}

void Device::deallocate(void* data) noexcept {
  if (opened_before_fork()) return;
  try {
    synchronize();
  } catch (...) {   // the next caller that asks for a value is told
  }
  const Pool pool;
  release(buffers_.remove(data).buffer);
}

// ---- kernels ----

Kernel* Device::compile(const Key& key) {
  check_usable();
  const DeviceCode code = compile_for_device(info.name, key, 0, 0);
  const Pool pool;
  const auto refused = [&](Id error, const char* call) {
    fail(Error::Kind::Runtime, at(index_), ": Metal refuses the kernel ", code.name, ": ", call, ": ", describe(error, "no reason given"),
         ". This is a bug in hologram_core, or macOS is too old (13 or newer is needed).");
  };
  const Owned options(send<Id>(send<Id>(runtime().objc_getClass("MTLCompileOptions"), sel().alloc), sel().init));
  // Exact arithmetic: what the text asks for by pragmas only newer compilers read.
  if (send<bool>(options.get(), sel().responds, sel().set_math_mode)) send<void>(options.get(), sel().set_math_mode, long{kMathModeSafe});
  else send<void>(options.get(), sel().set_fast_math, false);
  Id error = nullptr;
  const Owned library(send<Id>(handle_, sel().new_library, string_of(code.code), options.get(), &error));
  if (!library) refused(error, "newLibraryWithSource");
  const Owned function(send<Id>(library.get(), sel().new_function, string_of(code.symbol)));
  if (!function) refused(nullptr, "newFunctionWithName");
  Owned pipeline(send<Id>(handle_, sel().new_pipeline, function.get(), &error));
  if (!pipeline) refused(error, "newComputePipelineStateWithFunction");
  const UInt most = send<UInt>(pipeline.get(), sel().max_threads);
  if (most < static_cast<UInt>(code.threads))
    fail(Error::Kind::Runtime, at(index_), ": the kernel ", code.name, " needs threadgroups of ", code.threads, " threads, this device "
         "runs at most ", most, " of it. Use set_backend('cpu').");
  auto kernel = std::make_unique<MetalKernel>();
  constexpr int kThreads = 80 * 1024;   // of the largest GPUs (80 cores of 1024 threads at least)
  kernel->describe(key, code, 2 * kThreads / std::max(1, code.threads));
  kernel->pipeline = std::move(pipeline);
  return kernel.release();
}

}  // namespace hologram::metal
