#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace hologram {

/// Rows of the same bytes. What is there is copied on, in pieces that grow while they stay in the nearest cache.
inline void copy_rows(char* to, const char* from, size_t bytes, size_t rows) {
  constexpr size_t kPiece = 4096;
  const size_t all = bytes * rows;
  if (all == 0) return;
  std::memcpy(to, from, bytes);
  for (size_t done = bytes, piece = bytes; done < all; done += piece) {
    if (piece < kPiece) piece = done;
    std::memcpy(to + done, to, std::min(piece, all - done));
  }
}

}  // namespace hologram
