#include "runtime/backends/metal/interop.h"

#include "runtime/backends/metal/queue.h"

namespace hologram::metal {
namespace {
MetalQueue& own(Queue& queue) { return static_cast<MetalQueue&>(queue); }
Device& device_of(const Queue& queue) { return static_cast<const MetalQueue&>(queue).owner(); }
}  // namespace

std::pair<void*, size_t> buffer_of(const Queue& queue, const void* data) {
  const Range range = device_of(queue).buffers().find(data);
  return {range.buffer, range.buffer ? static_cast<size_t>(static_cast<const char*>(data) - range.base) : 0};
}

void* adopt_buffer(const Queue& queue, void* buffer, size_t bytes) {
  const Pool pool;
  return device_of(queue).adopt(static_cast<Id>(buffer), bytes);
}

void forget_buffer(const Queue& queue, void* data) noexcept { device_of(queue).forget(data); }
void lead(Queue& queue, void* command_buffer) { own(queue).lead(static_cast<Id>(command_buffer)); }
void follow(Queue& queue, void* command_buffer) { own(queue).follow(static_cast<Id>(command_buffer)); }

}  // namespace hologram::metal
