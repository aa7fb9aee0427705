// Device storages whose bytes lie in the memory of a CPU storage: what sharing between processes is made of.
#pragma once

#include <c10/core/Storage.h>

namespace hologram {

/// The CPU storage that `storage` lies in; an undefined storage when it has memory of its own.
c10::Storage host_storage_of(const c10::Storage& storage);
/// Moves the bytes of `storage` into `host` (at least as large), where they stay: the storage cannot be resized any more.
void move_into(const c10::Storage& storage, const c10::Storage& host);
/// A device storage over the bytes of `host`.
c10::Storage storage_over(const c10::Storage& host, c10::DeviceIndex device);

}  // namespace hologram
