// What a backend is to the runtime: memory, kernels, order. One file per backend in csrc/runtime/backends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace hologram {

struct Kernel;

class Backend {
 public:
  virtual ~Backend() = default;
  virtual const char* name() const = 0;              // "cpu", "cuda", "metal"
  virtual int device_count() const = 0;
  virtual bool host_visible() const = 0;             // may the host dereference block addresses?
  /// Raw memory under the pools. allocate returns nullptr when the system refuses.
  virtual void* allocate(size_t bytes) = 0;
  virtual void deallocate(void* data, size_t bytes) = 0;
  virtual void copy(void* dst, const void* src, size_t bytes) = 0;   // any direction, in stream order
  virtual void launch(const Kernel& kernel, void* const* operands, const int64_t* args, int64_t n,
                      int64_t elements_per_item) = 0;
  virtual void synchronize() = 0;
};

Backend& cpu_backend();

struct BackendInfo { std::string name; bool available; std::string reason; };
/// Every backend the product knows, with the reason an absent one is absent.
std::vector<BackendInfo> backend_infos();
/// nullptr when absent (see backend_infos for the reason).
Backend* find_backend(const std::string& name);

}  // namespace hologram
