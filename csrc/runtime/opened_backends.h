#pragma once

#include <vector>

namespace hologram {

class Backend;

/// The backends that are in use in this process: what waits for "everything" asks each.
std::vector<Backend*> opened_backends();

}  // namespace hologram
