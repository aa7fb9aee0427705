#include "runtime/kernels/compiler.h"

#include <atomic>

#include "runtime/base/error.h"

namespace hologram {
namespace {

std::atomic<CompileFn> compiler{nullptr};
std::atomic<CompileDeviceFn> device_compiler{nullptr};

}  // namespace

void set_compiler(CompileFn fn) { compiler.store(fn, std::memory_order_release); }
void set_device_compiler(CompileDeviceFn fn) { device_compiler.store(fn, std::memory_order_release); }

Kernel* compile_for_host(const Key& key) {
  const CompileFn compile = compiler.load(std::memory_order_acquire);
  HG_CHECK(compile, "hologram.compile: no compiler is installed. Import hologram_core._runtime.");
  return compile(key);
}

DeviceCode compile_for_device(const char* backend, const Key& key, int arch, int driver) {
  const CompileDeviceFn compile = device_compiler.load(std::memory_order_acquire);
  HG_CHECK(compile, "hologram.compile: no compiler for '", backend, "' is installed. Import hologram_core._runtime.");
  return compile(backend, key, arch, driver);
}

}  // namespace hologram
