// Growing and shrinking the storage of a device tensor.
#pragma once

#include <c10/core/StorageImpl.h>

namespace hologram {

/// Gives `storage` exactly `bytes`, keeping the common prefix of its contents.
void resize_storage(c10::StorageImpl& storage, size_t bytes);

}  // namespace hologram
