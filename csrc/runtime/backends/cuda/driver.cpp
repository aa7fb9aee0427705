#include "runtime/backends/cuda/driver.h"

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cstdlib>

namespace hologram::cuda {
namespace {

std::string version_text(int version) { return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10); }

std::string needed() { return " CUDA " + version_text(kOldestDriver) + " or newer is needed: update the NVIDIA driver"; }

/// Fills in `d`; says what is missing. Starts nothing: the process stays fit for fork.
std::string open(Driver& d) {
#ifdef __APPLE__
  return "macOS has no CUDA driver";
#endif
  const char* chosen = std::getenv("HOLOGRAM_CUDA_DRIVER");
  const std::string name = chosen && *chosen ? chosen : "libcuda.so.1";
  void* library = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char* why = dlerror();
    return "driver library " + name + " not found (" + (why ? why : "no reason given") + ")";
  }
  const char* missing = nullptr;
#define X(name, ...)                                                     \
  d.name = reinterpret_cast<Result (*)(__VA_ARGS__)>(dlsym(library, #name)); \
  if (!d.name && !missing) missing = #name;
  HOLOGRAM_CUDA_ENTRIES(X)
#undef X
  if (d.cuDriverGetVersion && d.cuDriverGetVersion(&d.version) == kSuccess && d.version < kOldestDriver)
    return "the driver is too old: it supports CUDA " + version_text(d.version) + "." + needed();
  if (missing) return "the driver " + name + " has no entry " + missing + "." + needed();
  return "";
}

std::atomic<bool> forked{false};

std::string start(Driver& d) {
  if (const Result r = d.cuInit(0)) return "the driver cannot start: " + describe(r, "cuInit");
  pthread_atfork(nullptr, nullptr, [] { forked.store(true, std::memory_order_relaxed); });
  int count = 0;
  if (const Result r = d.cuDeviceGetCount(&count)) return "the driver cannot count its devices: " + describe(r, "cuDeviceGetCount");
  if (count == 0) return "the driver sees no device (CUDA_VISIBLE_DEVICES may hide them)";
  d.devices = count;
  return "";
}

Driver& instance() {
  static Driver& d = *new Driver;   // never closed: memory is released until the process ends
  return d;
}

}  // namespace

const std::string& library_failure() {
  static const std::string& failure = *new std::string(open(instance()));
  return failure;
}

const Driver& driver() {
  static const bool started = (instance().failure = library_failure().empty() ? start(instance()) : library_failure(), true);
  (void)started;
  return instance();
}

bool started_before_fork() { return forked.load(std::memory_order_relaxed); }

std::string describe(Result result, const char* call) {
  const Driver& d = instance();
  const char *name = nullptr, *text = nullptr;
  if (d.cuGetErrorName) d.cuGetErrorName(result, &name);
  if (d.cuGetErrorString) d.cuGetErrorString(result, &text);
  return std::string(call) + ": " + (name ? name : "error " + std::to_string(result)) + (text ? std::string(" (") + text + ")" : "");
}

}  // namespace hologram::cuda
