// What makes kernels: functions that the bindings install, which call hologram_core.
#pragma once

#include <cstdint>
#include <string>

namespace hologram {

struct Kernel;
struct Key;

/// Gets the key, returns a new kernel whose machine code stays for ever; the cache owns the record (and drops it when another thread
/// compiled the same key first). May throw Error.
using CompileFn = Kernel* (*)(const Key& key);
void set_compiler(CompileFn);
Kernel* compile_for_host(const Key& key);

/// Code for a device other than the host, as hologram_core.backends.<backend>.compile_key makes it.
struct DeviceCode {
  std::string symbol, code, name;   // code: PTX, or a library in Metal's language
  int threads = 0;                  // of a block
  int64_t items_per_block = 0;
  bool direct = false;              // there is an entry that takes its record by value
};
/// The same for devices. `arch`: 10 * major + minor of a CUDA device, 0 elsewhere; `driver`: the version of what takes the code.
using CompileDeviceFn = DeviceCode (*)(const char* backend, const Key& key, int arch, int driver);
void set_device_compiler(CompileDeviceFn);
DeviceCode compile_for_device(const char* backend, const Key& key, int arch, int driver);

}  // namespace hologram
