#include "runtime/backends/cuda.h"

#include "runtime/backends/cuda/queue.h"

namespace hologram {

std::string cuda_reason() { return cuda::driver().failure; }

std::string cuda_library_reason() { return cuda::library_failure(); }

bool cuda_lost_by_fork() { return cuda::started_before_fork(); }

Queue* cuda_backend() {
  if (!cuda_reason().empty()) return nullptr;
  return &cuda::device(0).queue(0);
}

}  // namespace hologram
