// torch's MPS kernels on the Metal backend's memory.
//
// An MPS tensor's storage is an MTLBuffer, its elements begin at the storage offset; a block of ours is a part of such a buffer.
// torch's MPS stream is a queue of its own: on the way in it waits for ours, on the way out ours waits for it, by events, and
// the host for neither.
#pragma once

#include <c10/core/Allocator.h>
#include <c10/util/Exception.h>

#include <utility>

#include "runtime/device/queue.h"

namespace hologram::aten::mps {

/// Do torch's MPS kernels run on the memory of this queue, one of Metal's? HOLOGRAM_MPS=0: no.
bool runs_on(const Queue& queue);
/// The MTLBuffer that holds an address of the queue's memory, and the distance from its beginning.
std::pair<void*, size_t> buffer_of(const Queue& queue, const void* data);

/// Where MPS storages get their memory when they grow.
c10::Allocator* allocator();
/// Why the CPU's kernel runs instead, for HOLOGRAM_LOG=1.
void log(const c10::Error& refusal);

/// A buffer of torch's as memory of `queue`: the address of its byte `offset`. `owner` keeps the buffer, and is given back by
/// `release` with an order: torch uses the memory again after everything that `queue` was given by then.
Block* adopt(Queue& queue, void* buffer, size_t offset, size_t bytes, void* owner, void (*release)(void*));

/// While alive, torch's MPS kernels come after what the queue was given before, and what it is given later after them.
class Turn {
 public:
  explicit Turn(Queue& queue);
  ~Turn();
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  Queue& queue_;
};

}  // namespace hologram::aten::mps
