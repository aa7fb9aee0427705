#include "runtime/graph/capturing.h"

#include "runtime/graph/capture.h"

namespace hologram {

std::atomic<bool> capture_on{false};

int& HostWork::depth() {
  thread_local int depth = 0;
  return depth;
}

void note_operands(const Circuit& circuit) {
  if (Capture* const capture = Capture::current()) capture->see(circuit);
}

void note_launches(const Kernel& kernel, const Launch* launches, int count) {
  if (Capture* const capture = Capture::current()) capture->launched(kernel, launches, count);
}

void note_allocation(Block& block) {
  if (Capture* const capture = Capture::current()) capture->allocated(block);
}

void note_release(const Block& block) noexcept {
  if (Capture* const capture = Capture::any()) capture->released(block);
}

void note_host_access(Block& block, bool written) {
  if (Capture* const capture = Capture::current()) capture->accessed(block, written);
}

}  // namespace hologram
