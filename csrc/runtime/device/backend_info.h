// What is known of a backend before a queue of it exists. Each is defined in its folder in csrc/runtime/backends; the registry
// (backends/registry.h) lists them. Backends are told apart by the address of their BackendInfo: names are for programs and messages.
#pragma once

#include <cstdint>
#include <string>

namespace hologram {

class Queue;
struct SplitLimits;

/// Which libraries' kernels can work on a backend's memory.
enum class MemoryKind : uint8_t { Host, Cuda, Metal };

struct BackendInfo {
  const char* name;            // in programs: "metal"
  const char* display_name;    // in sentences: "Metal"
  MemoryKind memory;
  bool host_visible;           // the host may dereference block addresses
  bool reads_host_memory;      // kernels read and write all of the host's memory, not only blocks: arrays of others are operands
  bool host_waits;             // the host sees memory that kernels may still be working on (Queue::wait_for_device)
  bool has_float64;
  const SplitLimits& splits;   // which folds are split, as suits the kind of device

  /// Queue 0 of the first device, which is opened; nullptr without one. Throws Error where opening fails.
  Queue* (*open)();
  /// Why there is no device; empty where there is one. Asks the driver, but opens no device.
  std::string (*reason)();
  /// The same as far as it can be told without starting the driver, after which a process should not fork.
  std::string (*library_reason)();
  /// Is this a child of fork whose parent had started the driver? It can use no device.
  bool (*lost_by_fork)();
};

}  // namespace hologram
