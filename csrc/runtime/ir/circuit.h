// A circuit: the record of one or more ops over one iteration space, before it becomes a kernel.
//
// The iteration space is `sizes[0..rank)`, outermost first. Its last `row_rank` dimensions are the
// *row*: the dimensions that reduce nodes fold. A map (elementwise) circuit has row_rank == 0.
//
// Values are numbered: a Ref below kOperandRef is the n-th value made by the nodes in order (a node
// with several results takes consecutive numbers), then operands, then scalars. An operand that does not
// vary along the row (strides 0 there) and the results of reduce nodes are constant along the row.
//
// Nodes are flat records: no pointers, no allocation. The op codes come
// from the op tables in hologram_core/optable (ops.h includes the generated list).
#pragma once

#include <cstdint>
#include <cstring>
#include <initializer_list>

#include "runtime/memory/block.h"
#include "runtime/base/dtype.h"
#include "runtime/ir/ops.h"

namespace hologram {

constexpr int kMaxRank = 12;
constexpr int kMaxNodes = 64;
constexpr int kMaxOperands = 60;
constexpr int kMaxScalars = 60;
constexpr int kMaxArgs = 8;

using Ref = uint8_t;
constexpr Ref kOperandRef = 64;   // 64..127: operand n
constexpr Ref kScalarRef = 128;   // 128..191: scalar n
constexpr Ref kNoRef = 255;

// Records have no initializers: a circuit on the stack costs nothing until add_* fill its records in.
struct Node {
  Op op;
  DType compute;     // inputs are converted to this type (f16/bf16: computed in f32, rounded per node)
  DType result;      // element type of result 0; further results follow the op's row
  uint8_t nargs;
  Ref args[kMaxArgs];
};

struct Operand {
  Block* block;                  // may be null for memory the caller keeps alive itself
  char* data;                    // address of the element at index 0 of the iteration space
  DType dtype;
  bool output;
  Ref source;                    // outputs: the value stored here; inputs: kNoRef
  int64_t strides[kMaxRank];     // bytes, per dimension of the iteration space; 0 = broadcast
};

// A scalar argument of the kernel: never part of the key. Floating scalars travel as double bits.
struct Scalar {
  bool integer;
  union { double f; int64_t i; } value;
};

struct Circuit {
  uint8_t rank = 0, row_rank = 0;
  uint8_t num_nodes = 0, num_operands = 0, num_scalars = 0, num_values = 0;
  int64_t sizes[kMaxRank];
  Node nodes[kMaxNodes];
  Operand operands[kMaxOperands];
  Scalar scalars[kMaxScalars];

  Circuit() {}   // counts are 0, records are not touched
  void clear() { rank = row_rank = num_nodes = num_operands = num_scalars = num_values = 0; }

  Ref add_operand(Block* block, void* data, DType dtype) {
    Operand& o = operands[num_operands];
    o.block = block; o.data = static_cast<char*>(data); o.dtype = dtype;
    o.output = false; o.source = kNoRef;
    for (int d = 0; d < kMaxRank; d += 4) std::memset(o.strides + d, 0, 4 * sizeof(int64_t));   // in parts: becomes plain stores
    return static_cast<Ref>(kOperandRef + num_operands++);
  }
  Ref add_output(Block* block, void* data, DType dtype, Ref source) {
    const Ref ref = add_operand(block, data, dtype);
    operands[ref - kOperandRef].output = true;
    operands[ref - kOperandRef].source = source;
    return ref;
  }
  int64_t* strides(Ref operand) { return operands[operand - kOperandRef].strides; }
  Ref add_scalar(double v) { scalars[num_scalars].integer = false; scalars[num_scalars].value.f = v; return static_cast<Ref>(kScalarRef + num_scalars++); }
  Ref add_scalar(int64_t v) { scalars[num_scalars].integer = true; scalars[num_scalars].value.i = v; return static_cast<Ref>(kScalarRef + num_scalars++); }
  /// Appends a node and returns the Ref of its first result.
  Ref add_node(Op op, DType compute, DType result, std::initializer_list<Ref> args) {
    return add_node(op, compute, result, args.begin(), args.size());
  }
  Ref add_node(Op op, DType compute, DType result, const Ref* args, size_t nargs) {
    Node& n = nodes[num_nodes++];
    n.op = op; n.compute = compute; n.result = result; n.nargs = static_cast<uint8_t>(nargs);
    for (size_t i = 0; i < nargs; ++i) n.args[i] = args[i];
    const Ref first = num_values;
    num_values = static_cast<uint8_t>(num_values + op_results(op));
    return first;
  }
};

}  // namespace hologram
