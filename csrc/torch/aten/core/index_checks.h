// Positions that a kernel of torch's would take as they are.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

namespace hologram::aten {

/// Throws an IndexError where an element of `positions` is not in [0, size), nor `ignored`. Undefined, empty, and of a type that no
/// kernel takes: nothing.
void check_positions(const char* op, const char* name, const at::Tensor& positions, int64_t size,
                     std::optional<int64_t> ignored = std::nullopt);

}  // namespace hologram::aten
