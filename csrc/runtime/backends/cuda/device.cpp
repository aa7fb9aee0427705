#include "runtime/backends/cuda/device.h"

#include <algorithm>

#include "runtime/backends/cuda/queue.h"
#include "runtime/base/error.h"

namespace hologram::cuda {
namespace {

/// Errors that end a context: every later call returns them too.
bool is_fatal(Result r) {
  switch (r) {
    case 700: case 702: case 708: case 709: case 710:           // illegal address, launch timeout, context in use or gone, assert
    case 714: case 715: case 716: case 717: case 718: case 719: // hardware stack, instruction, alignment, address space, pc, launch
    case 46: case 214: case 226: case 999:                      // device unavailable, ECC, contained, unknown
      return true;
    default: return false;
  }
}

std::string at(int index) { return "hologram.cuda: device " + std::to_string(index); }

[[noreturn]] void fail_after_fork(int index) {
  fail(Error::Kind::Runtime, at(index), ": this process was forked from one that used CUDA, which cannot be used here. Start "
       "processes with the 'spawn' method.");
}

}  // namespace

int Device::count() { return driver().devices; }

namespace {
std::vector<std::atomic<Device*>>& devices() {
  static auto& all = *new std::vector<std::atomic<Device*>>(static_cast<size_t>(Device::count()));   // never closed
  return all;
}
}  // namespace

Device* Device::opened(int index) {
  return index >= 0 && index < count() ? devices()[static_cast<size_t>(index)].load(std::memory_order_acquire) : nullptr;
}

Device& Device::open(int index) {
  if (Device* found = opened(index)) return *found;
  static std::mutex& lock = *new std::mutex;
  if (index < 0 || index >= count())
    fail(Error::Kind::Value, at(index), " does not exist: the driver has ", count(), " device(s), numbered from 0.");
  std::lock_guard<std::mutex> hold(lock);
  if (Device* found = opened(index)) return *found;
  if (started_before_fork()) fail_after_fork(index);
  auto* made = new Device(index);
  devices()[static_cast<size_t>(index)].store(made, std::memory_order_release);
  return *made;
}

Device::Device(int index) : index_(index) {
  const Driver& d = driver();
  const auto attribute = [&](int which) {
    int value = 0;
    check(d.cuDeviceGetAttribute(&value, which, handle_), "cuDeviceGetAttribute");
    return value;
  };
  check(d.cuDeviceGet(&handle_, index), "cuDeviceGet");
  char name[256] = {};
  check(d.cuDeviceGetName(name, sizeof(name) - 1, handle_), "cuDeviceGetName");
  name_ = name;
  arch_ = 10 * attribute(kAttrCapabilityMajor) + attribute(kAttrCapabilityMinor);
  multiprocessors_ = attribute(kAttrMultiprocessors);
  threads_per_multiprocessor_ = attribute(kAttrThreadsPerMultiprocessor);
  check(d.cuDeviceTotalMem_v2(&total_bytes_, handle_), "cuDeviceTotalMem");
  // The primary context is the one that torch's CUDA kernels use: memory is theirs and ours alike.
  check(d.cuDevicePrimaryCtxRetain(&context_, handle_), "cuDevicePrimaryCtxRetain");
}

void Device::check_usable() const {
  if (started_before_fork()) fail_after_fork(index_);
  if (lost()) fail(Error::Kind::Runtime, at(index_), " was lost: ", loss_, ". Its tensors are gone; start a new process.");
}

void Device::failed(Result result, const char* call) {
  const std::string what = describe(result, call);
  if (result == kOutOfMemory) fail(Error::Kind::OutOfMemory, at(index_), ": out of memory in ", what, ". Free tensors, or work in smaller pieces.");
  if (!is_fatal(result)) fail(Error::Kind::Runtime, at(index_), ": ", what, ".");
  if (!lost()) {
    loss_ = what;
    lost_.store(true);
  }
  fail(Error::Kind::Runtime, at(index_), " was lost: ", what, ", caused by a kernel that ran earlier. Its tensors are gone; start a "
       "new process. HOLOGRAM_SYNC=1 shows the op that does it.");
}

DeviceProperties Device::properties() const { return {name_, total_bytes_, multiprocessors_, arch_}; }

std::pair<size_t, size_t> Device::memory_info() {
  const Current here(*this);
  size_t free = 0, total = 0;
  check(driver().cuMemGetInfo_v2(&free, &total), "cuMemGetInfo");
  return {free, total};
}

void Device::synchronize() {
  const Current here(*this);
  check(driver().cuCtxSynchronize(), "cuCtxSynchronize");
}

CudaQueue& Device::queue(int stream_index) {
  if (stream_index < 0 || stream_index >= kMaxQueues) fail(Error::Kind::Value, at(index_), " has no queue ", stream_index, ".");
  return queues_.get(*this, stream_index);
}

// ---- kernels ----

Kernel* Device::compile(const Key& key) {
  const DeviceCode code = compile_for_device(info.name, key, arch_, driver().version);
  const Current here(*this);
  const Driver& d = driver();
  char log[4096] = {};
  int options[] = {kJitErrorLog, kJitErrorLogBytes};
  void* values[] = {log, reinterpret_cast<void*>(sizeof(log) - 1)};
  Module module = nullptr;
  const Result loaded = d.cuModuleLoadDataEx(&module, code.code.c_str(), 2, options, values);
  if (loaded != kSuccess && loaded != kOutOfMemory && !is_fatal(loaded)) {
    std::string said(log);
    while (!said.empty() && (said.back() == '\n' || said.back() == ' ')) said.pop_back();
    fail(Error::Kind::Runtime, at(index_), ": the driver refuses the kernel ", code.name, " for sm_", arch_, ": ",
         describe(loaded, "cuModuleLoadDataEx"), said.empty() ? "" : ": " + said,
         ". This is a bug in hologram_core or the driver is too old (it supports CUDA ", d.version / 1000, ".", d.version % 1000 / 10, ").");
  }
  check(loaded, "cuModuleLoadDataEx");
  auto kernel = std::make_unique<CudaKernel>();
  kernel->describe(key, code, 2 * multiprocessors_ * std::max(1, threads_per_multiprocessor_ / std::max(1, code.threads)));
  if (code.direct) check(d.cuModuleGetFunction(&kernel->direct, module, code.symbol.c_str()), "cuModuleGetFunction");
  check(d.cuModuleGetFunction(&kernel->many, module, (code.symbol + "_many").c_str()), "cuModuleGetFunction");
  return kernel.release();
}

// ---- the current context ----

Current::Current(Device& device, bool any) {
  if (!any) device.check_usable();
  Context now = nullptr;
  const Result got = driver().cuCtxGetCurrent(&now);
  if (got == kSuccess && now == device.context()) return;
  const Result pushed = driver().cuCtxPushCurrent_v2(device.context());
  if (!any) device.check(pushed, "cuCtxPushCurrent");
  pushed_ = pushed == kSuccess;
}

}  // namespace hologram::cuda
