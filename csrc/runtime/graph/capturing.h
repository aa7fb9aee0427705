// Is a graph being captured (capture.h), on any thread? What a queue does asks this first: it costs one load.
#pragma once

#include <atomic>

namespace hologram {

extern std::atomic<bool>
    capture_on;      // one in the process: libraries that hide their symbols would each have their own inline variable
inline bool capturing() { return __builtin_expect(capture_on.load(std::memory_order_relaxed), 0); }

}  // namespace hologram
