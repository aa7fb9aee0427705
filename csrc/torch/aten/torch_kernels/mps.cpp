#include "torch/aten/torch_kernels/mps.h"

#include <ATen/Context.h>
#include <ATen/detail/MPSHooksInterface.h>

#include <cstdio>
#include <exception>
#include <memory>

#include "runtime/backends/metal/interop.h"
#include "runtime/base/config.h"
#include "runtime/memory/block.h"
#include "torch/device/errors.h"
#include "torch/torch_version.h"

#ifdef __APPLE__
#include <dispatch/dispatch.h>
#endif

namespace hologram::aten::mps {
namespace {

const at::MPSHooksInterface& hooks() { return at::detail::getMPSHooks(); }

/// Calls f(command buffer) while no other thread encodes for torch's MPS stream.
template <class F>
void on_stream(F f) {
  struct Call {
    F& encode;
    std::exception_ptr failure;
  } call{f, nullptr};
  const auto run = [](void* context) {
    Call& c = *static_cast<Call*>(context);
    try {
      c.encode(hooks().getCommandBuffer());
    } catch (...) {   // the system's queue lets no exception through
      c.failure = std::current_exception();
    }
  };
#ifdef __APPLE__
  dispatch_sync_f(static_cast<dispatch_queue_t>(hooks().getDispatchQueue()), &call, run);
#else
  run(&call);
#endif
  if (call.failure) std::rethrow_exception(call.failure);
}

/// Is an MPS storage's data pointer an MTLBuffer (torch 2.14 makes it an address, which it knows for its own memory only) that
/// the host sees (older ones are private to the GPU)?
bool storage_is_shared_buffer(const Queue& queue) {
#if HOLOGRAM_TORCH_AT_LEAST(2, 14)
  return false;
#else
  constexpr size_t kNoScalar = 1 << 20;   // small ones always were shared
  const c10::DataPtr probe = hooks().getMPSDeviceAllocator()->allocate(kNoScalar);
  void* const data = metal::adopt_buffer(queue, probe.get(), kNoScalar);
  if (data) metal::forget_buffer(queue, data);
  return data != nullptr;
#endif
}

bool torch_has_mps(const Queue& queue) { return config().mps && at::hasMPS() && storage_is_shared_buffer(queue); }

/// What a block of a torch buffer keeps.
struct Adopted {
  Queue* queue;
  void* data;
  void* owner;
  void (*release)(void*);
};

void give_back(void* context) {
  const std::unique_ptr<Adopted> adopted(static_cast<Adopted*>(context));
  metal::forget_buffer(*adopted->queue, adopted->data);
  try {
    on_stream([&](void* buffer) { metal::lead(*adopted->queue, buffer); });
  } catch (...) {   // the device was lost: the next caller that asks for a value is told
  }
  adopted->release(adopted->owner);
}

}  // namespace

bool runs_on(const Queue& queue) {
  if (queue.device() != 0) return false;
  static const bool has = torch_has_mps(queue);
  return has;
}

std::pair<void*, size_t> buffer_of(const Queue& queue, const void* data) { return metal::buffer_of(queue, data); }

c10::Allocator* allocator() { return hooks().getMPSDeviceAllocator(); }

void log(const c10::Error& refusal) {
  if (config().log >= 1) std::fprintf(stderr, "hologram: torch's MPS refuses, its CPU kernel runs: %s\n", refusal.what_without_backtrace());
}

Block* adopt(Queue& queue, void* buffer, size_t offset, size_t bytes, void* owner, void (*release)(void*)) {
  auto* data = static_cast<char*>(metal::adopt_buffer(queue, buffer, offset + bytes));
  TORCH_INTERNAL_ASSERT(data, "hologram: torch's MPS gave a buffer that the host does not see");
  auto adopted = std::make_unique<Adopted>(Adopted{&queue, data, owner, release});
  return adopt_block(queue, data + offset, bytes, adopted.release(), &give_back);
}

Turn::Turn(Queue& queue) : queue_(queue) {
  with_c10_errors([&] { on_stream([&](void* buffer) { metal::lead(queue_, buffer); }); });
}

Turn::~Turn() {
  try {
    on_stream([&](void* buffer) { metal::follow(queue_, buffer); });
    hooks().commitStream();
  } catch (...) {   // the device was lost: the next caller that asks for a value is told
  }
}

}  // namespace hologram::aten::mps
