// The switches the runtime reads on its own. hologram_core/config.py parses the environment; its binding sets them.
#pragma once

#include <cstddef>

namespace hologram {

struct Config {
  int log = 0;                 // HOLOGRAM_LOG; 2 and more: a line per launch
  bool guard = false;          // HOLOGRAM_GUARD: freed blocks are inaccessible; every block ends at an inaccessible page
  bool fusion = true;          // HOLOGRAM_FUSION: ops are recorded; off: each runs when it is submitted
  bool force_fusion = false;   // HOLOGRAM_FUSION=force: so are ops on tensors where torch does not tell when an address is taken
  bool sync = false;           // HOLOGRAM_SYNC: recorded ops run before submit returns
  bool mps = true;             // HOLOGRAM_MPS: on Metal torch's MPS kernels run what is not compiled; off: its CPU kernels
  size_t memory_limit = 0;     // HOLOGRAM_MEMORY_LIMIT: bytes the pools may hold, 0 = no limit
};

Config& config();

}  // namespace hologram
