// Memory from mmap, kernels called where they are.
#include "runtime/backends/cpu/queue.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

#include "runtime/device/queue.h"
#include "runtime/ir/fold_schedule.h"
#include "runtime/kernels/kernel.h"
#include "runtime/kernels/launch.h"
#include "runtime/trace/stream.h"

namespace hologram {

namespace cpu {
extern const BackendInfo info;
const BackendInfo info = {
    "cpu", "CPU", MemoryKind::Host, /*host_visible=*/true, /*reads_host_memory=*/true, /*host_waits=*/false, /*has_float64=*/true,
    kHostSplits, [] { return &cpu_queue(); }, [] { return std::string(); }, [] { return std::string(); }, [] { return false; }};
}  // namespace cpu

namespace {

constexpr size_t kHugePage = 2 << 20;

class Cpu final : public Queue {
 public:
  Cpu() : Queue(cpu::info) { stream_ = &own_; }
  int device_count() const override { return 1; }

  /// Aligned to a huge page, and backed by huge pages where the system has them to give.
  void* allocate(size_t bytes) override {
    if (bytes > SIZE_MAX / 2) return nullptr;
    // Whole pages of the mapping from the start: what is unmapped below must be ours to the last page.
    const size_t used = pages(bytes), whole = used + kHugePage;
    void* raw = mmap(nullptr, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (raw == MAP_FAILED) return nullptr;
    char* const begin = static_cast<char*>(raw);
    char* const data = reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(begin) + kHugePage - 1) & ~(kHugePage - 1));
    const size_t before = static_cast<size_t>(data - begin), after = whole - before - used;
    if (before) munmap(begin, before);
    if (after) munmap(data + used, after);
#ifdef MADV_HUGEPAGE
    madvise(data, used, MADV_HUGEPAGE);
#endif
    return data;
  }

  void deallocate(void* data, size_t bytes) override { munmap(data, pages(bytes)); }

  void* allocate_pinned(size_t bytes) override {
    constexpr size_t kPage = 4096;
    void* data = nullptr;
    return posix_memalign(&data, kPage, bytes) == 0 ? data : nullptr;   // the device is the host
  }
  void free_pinned(void* data) override { std::free(data); }

  bool discard(void* data, size_t bytes) override {
#ifdef __linux__
    return madvise(data, bytes, MADV_DONTNEED) == 0;
#else
    return false;   // elsewhere the advice does not promise that the memory is given back
#endif
  }

  void copy(void* dst, const void* src, size_t bytes) override { std::memcpy(dst, src, bytes); }

  void launch(const Kernel& kernel, void* const* operands, const int64_t* args, int64_t n, int64_t per_item) override {
    hologram::launch(kernel, operands, args, n, per_item);
  }

  void launch_many(const Kernel& kernel, const Launch* launches, int count) override {
    hologram::launch_many(kernel, launches, count);
  }

  void synchronize() override {}

 private:
  /// mmap counts in pages; 16 KiB is a multiple of every page size we meet.
  static size_t pages(size_t bytes) { return (bytes + (16 << 10) - 1) & ~size_t((16 << 10) - 1); }

  Stream own_{*this};
};

}  // namespace

Queue& cpu_queue() {
  static Cpu* cpu = new Cpu;   // never destroyed: blocks are released until the process ends
  return *cpu;
}

}  // namespace hologram
