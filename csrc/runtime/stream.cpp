#include "runtime/stream.h"

#include "runtime/backend.h"
#include "runtime/counters.h"

namespace hologram {

void Stream::submit(Circuit& circuit) {
  counters().recorded.fetch_add(1, std::memory_order_relaxed);
  run_circuit(*backend_, circuit);
}

void Stream::submit_flat(Circuit& circuit, KernelSlot& slot) {
  counters().recorded.fetch_add(1, std::memory_order_relaxed);
  run_flat(*backend_, circuit, slot);
}

void Stream::flush() {}   // nothing is deferred: a circuit has run when submit returns

void Stream::synchronize() {
  flush();
  backend_->synchronize();
}

Stream& current_stream(Backend& backend, int device) { return backend.stream(device); }

}  // namespace hologram
