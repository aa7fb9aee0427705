// A backend whose memory is counted and can run out, without discard.
#pragma once

#include <atomic>
#include <cstdlib>
#include <cstring>

#include "runtime/device/queue.h"
#include "runtime/base/error.h"
#include "runtime/ir/fold_schedule.h"
#include "runtime/kernels/kernel.h"
#include "runtime/kernels/launch.h"
#include "runtime/trace/stream.h"

inline const hologram::BackendInfo kFakeInfo = {
    "fake", "Fake", hologram::MemoryKind::Host, /*host_visible=*/true, /*reads_host_memory=*/true, /*host_waits=*/false, /*has_float64=*/true,
    hologram::kGridSplits, nullptr, nullptr, nullptr, nullptr};

struct FakeQueue final : hologram::Queue {
  std::atomic<size_t> held{0}, capacity{SIZE_MAX};
  std::atomic<bool> broken{false};     // launches fail
  std::atomic<int> until_failure{-1};  // so many launches go well, then one fails; negative: all go well
  hologram::Stream only{*this};

  FakeQueue() : Queue(kFakeInfo) { stream_ = &only; }
  /// Instead of the cache that all backends on the host share.
  void use_kernels(hologram::KernelCache& cache) { kernels_ = &cache; }
  int device_count() const override { return 1; }
  void* allocate(size_t bytes) override {
    if (bytes > capacity - held) return nullptr;
    held += bytes;
    return std::aligned_alloc(64, (bytes + 63) / 64 * 64);
  }
  void deallocate(void* data, size_t bytes) override {
    held -= bytes;
    std::free(data);
  }
  void* allocate_pinned(size_t bytes) override { return std::malloc(bytes); }
  void free_pinned(void* data) override { std::free(data); }
  void copy(void* dst, const void* src, size_t bytes) override { std::memcpy(dst, src, bytes); }
  void launch(const hologram::Kernel& kernel, void* const* operands, const int64_t* args, int64_t n, int64_t per_item) override {
    if (broken || until_failure-- == 0) hologram::fail(hologram::Error::Kind::Runtime, "hologram.launch: the device is gone.");
    hologram::launch(kernel, operands, args, n, per_item);
  }
  void synchronize() override {}
};

/// Backends are never destroyed: their memory outlives everything.
inline FakeQueue& new_queue() { return *new FakeQueue; }
