// Positions that a tensor holds (targets, indices): are they in bounds? Mostly they are data, so where the host can look at
// them it does so at the call, and nothing recorded has to run.
#pragma once

#include <optional>

#include "torch/aten/core/common.h"
#include "torch/aten/torch_kernels/graph_calls.h"

namespace hologram::aten {
namespace detail {

template <class T>
bool in_bounds(const void* positions, int64_t n, int64_t size, std::optional<int64_t> ignored) {
  const T* p = static_cast<const T*>(positions);
  bool good = true;
  for (int64_t i = 0; i < n; ++i) good &= (p[i] >= 0 && p[i] < size) || (ignored && p[i] == *ignored);
  return good;
}

inline bool in_bounds(at::ScalarType type, const void* positions, int64_t n, int64_t size, std::optional<int64_t> ignored) {
  switch (type) {
    case at::kByte: return in_bounds<uint8_t>(positions, n, size, ignored);
    case at::kInt: return in_bounds<int32_t>(positions, n, size, ignored);
    case at::kLong: return in_bounds<int64_t>(positions, n, size, ignored);
    default: return false;
  }
}

}  // namespace detail

/// Are all elements of `positions` (contiguous, of type int64, int32 or uint8) known to lie in [0, size), or to be `ignored`?
inline bool known_in_bounds(const at::Tensor& positions, int64_t size, std::optional<int64_t> ignored = std::nullopt) {
  if (!home_queue(positions).host_visible() || !positions.is_contiguous()) return false;
  const HostWork work;
  before_read(positions, Reason::Read);
  const auto type = positions.scalar_type();
  const int64_t n = positions.numel();
  const bool good = detail::in_bounds(type, positions.const_data_ptr(), n, size, ignored);
  if (capturing() && good && n)
    capture_work("bounds", {{positions.const_data_ptr(), false}}, c10::str(type, ' ', n, ' ', size, ' ', ignored.value_or(-1)),
                 [=](char* const* at) {
                   TORCH_CHECK_INDEX(detail::in_bounds(type, at[0], n, size, ignored),
                                     "hologram.jit: an index or a target is out of bounds: it must lie in [0, ", size, ").");
                 });
  return good;
}

}  // namespace hologram::aten
