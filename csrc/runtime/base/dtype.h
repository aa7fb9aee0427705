// Element types shared by the runtime, the code generator and the torch extension.
// The numbering is part of the kernel key and of hologram_core/dtypes.py: append, never renumber.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hologram {

enum class DType : uint8_t {
  Bool = 0, U8, I8, I16, I32, I64, F16, BF16, F32, F64, C64, C128, U16, U32, U64, Count
};

inline constexpr size_t item_size(DType t) {
  constexpr uint8_t sizes[] = {1, 1, 1, 2, 4, 8, 2, 2, 4, 8, 8, 16, 2, 4, 8};
  return sizes[static_cast<size_t>(t)];
}

}  // namespace hologram
