// Op codes and per-op facts, generated at build time from the tables in hologram_core/optable.
#pragma once

#include <cstdint>

#include "runtime/base/dtype.h"

namespace hologram {

// op_table.inc expands HG_OP(name, code, kind, results, arity, ordered, gathers, chooses, seed_argument, components...) for every row
// of the op tables.
enum class Op : uint16_t {
#define HG_OP(name, code, ...) name = code,
#include "op_table.inc"
#undef HG_OP
};

enum class OpKind : uint8_t { Elementwise, Reduction, Scan, RowKernel };

/// Stands for "the node's compute type" among accumulator components.
constexpr DType kComputeType = DType::Count;
constexpr int kMaxComponents = 4;

struct OpFacts {
  const char* name;
  OpKind kind;
  uint8_t results;
  uint8_t arity;                // reductions: inputs that are folded; further arguments do not vary along the row
  bool ordered;                 // results depend on the number of the element: dimensions keep their order
  bool gathers;                 // an element of the row is read where another value says
  bool chooses;                 // reductions: an element of the row, or its position: there must be one
  int8_t seed_argument;         // random ops: the argument that is the seed, which the offset follows; -1: it draws no numbers
  uint8_t num_components;       // reductions and scans: the accumulator
  DType components[kMaxComponents];
};

template <class... T>
constexpr OpFacts op_facts_of(const char* name, OpKind kind, uint8_t results, uint8_t arity, bool ordered, bool gathers,
                              bool chooses, int8_t seed_argument, T... components) {
  static_assert(sizeof...(components) <= kMaxComponents, "widen OpFacts::components");
  return {name, kind, results, arity, ordered, gathers, chooses, seed_argument, sizeof...(components), {components...}};
}

inline constexpr OpFacts op_table[] = {
#define HG_OP(name, code, kind, ...) op_facts_of(#name, OpKind::kind, __VA_ARGS__),
#include "op_table.inc"
#undef HG_OP
};
constexpr int kNumOps = sizeof(op_table) / sizeof(op_table[0]);

inline constexpr const OpFacts& op_facts(Op op) { return op_table[static_cast<int>(op)]; }
inline constexpr int op_results(Op op) { return op_facts(op).results; }
inline constexpr const char* op_name(Op op) { return op_facts(op).name; }

}  // namespace hologram
