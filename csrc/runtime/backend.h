// What a backend is to the runtime: memory, kernels, order. One file per backend in csrc/runtime/backends.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace hologram {

struct Kernel;
class Memory;
class Stream;

struct Launch {
  void* const* operands;
  const int64_t* args;
  int64_t items, elements_per_item;
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual const char* name() const = 0;              // "cpu", "cuda", "metal"
  virtual int device_count() const = 0;
  virtual bool host_visible() const = 0;             // may the host dereference block addresses?
  /// Raw memory under the pools. allocate returns nullptr when the system refuses.
  virtual void* allocate(size_t bytes) = 0;
  virtual void deallocate(void* data, size_t bytes) = 0;
  /// The content of this part of an allocation is no longer needed: gives its pages back while the addresses stay
  /// reserved. False where the backend cannot do that; the pool then returns whole allocations only.
  virtual bool discard(void* data, size_t bytes) { return false; }
  virtual void copy(void* dst, const void* src, size_t bytes) = 0;   // any direction, in stream order
  virtual void launch(const Kernel& kernel, void* const* operands, const int64_t* args, int64_t n,
                      int64_t elements_per_item) = 0;
  /// Launches of one kernel that do not depend on each other.
  virtual void launch_many(const Kernel& kernel, const Launch* launches, int count);
  virtual void synchronize() = 0;
  virtual Stream& stream(int device) = 0;            // the one open stream of a device, shared by all threads

  /// Bytes of recorded blocks that lost their last owner outside the stream since somebody last set it to 0.
  std::atomic<int64_t> dead_bytes{0};

 private:
  friend class Memory;
  std::atomic<Memory*> memory_{nullptr};   // the pools over this backend, made at the first allocation
};

Backend& cpu_backend();

struct BackendInfo { std::string name; bool available; std::string reason; };
/// Every backend the product knows, with the reason an absent one is absent.
std::vector<BackendInfo> backend_infos();
/// nullptr when absent (see backend_infos for the reason).
Backend* find_backend(const std::string& name);

}  // namespace hologram
