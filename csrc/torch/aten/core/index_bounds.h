// Positions that a tensor holds (targets, indices): are they in bounds? Mostly they are data, so where the host can look at
// them it does so at the call, and nothing recorded has to run.
#pragma once

#include <optional>

#include "torch/aten/core/common.h"

namespace hologram::aten {
namespace detail {

template <class T>
bool in_bounds(const at::Tensor& positions, int64_t size, std::optional<int64_t> ignored) {
  const T* p = static_cast<const T*>(positions.const_data_ptr());
  bool good = true;
  for (int64_t i = 0, n = positions.numel(); i < n; ++i) good &= (p[i] >= 0 && p[i] < size) || (ignored && p[i] == *ignored);
  return good;
}

}  // namespace detail

/// Are all elements of `positions` (contiguous, of type int64, int32 or uint8) known to lie in [0, size), or to be `ignored`?
inline bool known_in_bounds(const at::Tensor& positions, int64_t size, std::optional<int64_t> ignored = std::nullopt) {
  if (!home_queue(positions).host_visible() || !positions.is_contiguous()) return false;
  before_read(positions, Reason::Read);
  switch (positions.scalar_type()) {
    case at::kByte: return detail::in_bounds<uint8_t>(positions, size, ignored);
    case at::kInt: return detail::in_bounds<int32_t>(positions, size, ignored);
    case at::kLong: return detail::in_bounds<int64_t>(positions, size, ignored);
    default: return false;
  }
}

}  // namespace hologram::aten
