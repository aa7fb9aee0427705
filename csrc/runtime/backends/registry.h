// The backends of the product.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/device/backend_info.h"

namespace hologram {

/// All of them; what a program gets that names none is the last one that works.
const std::vector<const BackendInfo*>& backends();
/// "'cpu', 'cuda', 'metal'", for messages.
std::string backend_names();
/// The one of that name, or null.
const BackendInfo* find_backend(std::string_view name);
/// Its first queue; nullptr where it is absent (BackendInfo::reason). Throws Error where its device cannot be opened.
Queue* open_backend(const BackendInfo& info);
/// The first queues of those that are in use in this process: what waits for "everything" asks each.
std::vector<Queue*> opened_backends();

}  // namespace hologram
