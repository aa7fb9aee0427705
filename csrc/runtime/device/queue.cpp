#include "runtime/device/queue.h"

#include "runtime/base/error.h"

namespace hologram {
namespace {
std::atomic<bool> several{false};
}  // namespace

void Queue::launch_many(const Kernel& kernel, const Launch* launches, int count) {
  for (int i = 0; i < count; ++i)
    launch(kernel, launches[i].operands, launches[i].args, launches[i].items, launches[i].elements_per_item);
}

bool several_queues() { return several.load(std::memory_order_relaxed); }
void note_several_queues() { several.store(true, std::memory_order_relaxed); }

void check_same_memory(const Queue& a, const Queue& b, const char* op) {
  if (a.shares_memory_with(b)) return;
  if (a.same_backend(b))
    fail(Error::Kind::Runtime, "Expected all tensors to be on the same device, but found at least two devices, hologram:",
         a.device(), " and hologram:", b.device(), "! (hologram.", op, ")");
  fail(Error::Kind::Runtime, "hologram.", op, ": its tensors live on two backends, '", a.name(), "' and '", b.name(), "'. Results are "
       "made on the backend in use; choose the other one with set_backend, or copy the tensors with .cpu() and .to('hologram').");
}

}  // namespace hologram
