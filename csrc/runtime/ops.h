// Op codes and per-op facts, generated at build time from the tables in hologram_core/ops.
#pragma once

#include <cstdint>

namespace hologram {

// op_table.inc expands HG_OP(name, code, results) for every row of the op tables.
enum class Op : uint16_t {
#define HG_OP(name, code, results) name = code,
#include "op_table.inc"
#undef HG_OP
};

inline constexpr uint8_t op_result_table[] = {
#define HG_OP(name, code, results) results,
#include "op_table.inc"
#undef HG_OP
};
inline constexpr const char* op_name_table[] = {
#define HG_OP(name, code, results) #name,
#include "op_table.inc"
#undef HG_OP
};
constexpr int kNumOps = sizeof(op_result_table);

inline constexpr int op_results(Op op) { return op_result_table[static_cast<int>(op)]; }
inline constexpr const char* op_name(Op op) { return op_name_table[static_cast<int>(op)]; }

}  // namespace hologram
