// Flat arrays and the ops on them: what users without tensors work with (hologram_core.Executor).
//
// Invariants
//  * Each executor has a stream of its own. A block belongs to the stream that records ops on it: arrays of two executors
//    never meet in one op (the bindings check that).
//  * An op on arrays that are all recordable waits in the stream; where an address is held outside it runs at once,
//    and once it is warm that is one look-up by types and a call: no planning, no key.
#pragma once

#include <atomic>

#include "runtime/ir/circuit.h"
#include "runtime/trace/stream.h"

namespace hologram {

struct Kernel;

struct Array {
  Block* block = nullptr;
  char* data = nullptr;
  int64_t length = 0;
  DType dtype = DType::F32;
};

/// An argument of an op: an array, or a number where `array` is null.
struct FlatArg {
  const Array* array = nullptr;
  Scalar number;
  /// An integer beyond int64: `number` holds the bits of a uint64, or the nearest double where that does not hold it either.
  bool large = false;
};

/// The memory of `length` elements of an array, or of one that serves for all of them (or for all of a row).
struct Extent {
  Extent() = default;
  Extent(const Array& a, int64_t length, bool fixed)
      : begin(a.data), end(a.data + length * static_cast<int64_t>(item_size(a.dtype))), dtype(a.dtype), fixed(fixed) {}
  const char *begin = nullptr, *end = nullptr;
  DType dtype = DType::F32;
  bool fixed = false;
};

inline bool apart(const Extent& a, const Extent& b) {
  return a.end <= b.begin || b.end <= a.begin || a.begin == a.end || b.begin == b.end;
}

/// Throws where the values that one kernel stores would depend on the order in which it computes its elements: a result lies
/// over an argument, but not element by element ("in place"), or over another result. `folds`: a row is read as a whole before
/// the first of its elements is final, so that nothing may lie over anything.
void check_overlap(const char* name, const Extent* args, int num_args, const Extent* results, int num_results, bool folds);

/// What an op of the tables asks of its arguments (hologram_core/optable/table.py); one record per op, for ever.
struct FlatOp {
  enum class Compute : uint8_t { Values, Result, Bool };   // the type it computes in: that of ...
  enum Types : uint8_t { kBool = 1, kInteger = 2, kFloat = 4 };

  Op op = Op(0);
  uint8_t num_args = 0;
  uint8_t types = 0;                     // it computes in
  Compute compute = Compute::Values;
  char kinds[kMaxArgs] = {};             // 'v', 'p', 'b', 'i', 'd' as in the tables; 'r': an argument of a row kernel
  uint8_t fixed_args = 0, fixed_results = 0;   // bits: one element per row
  DType result_types[kMaxComponents] = {DType::Count, DType::Count, DType::Count, DType::Count};   // Count: the compute type

  int num_results() const { return op_results(op); }
  OpKind kind() const { return op_facts(op).kind; }

  /// Kernels that ran over flat arrays before, by the types of their operands.
  struct Warm { uint64_t signature; const Kernel* kernel; };
  static constexpr int kWarm = 8;
  mutable std::atomic<const Warm*> warm[kWarm] = {};
};

/// The type an op computes in. `args`: the types of its arrays, Count for numbers; `wanted`: that of the first result that has the
/// compute type, or Count. Throws where they do not go together.
DType compute_type(const FlatOp& op, const DType* args, DType wanted);

class Executor {
 public:
  explicit Executor(Queue& queue) : stream_(queue) {}
  ~Executor();                            // runs what is recorded; a failure ends here
  Stream& stream() { return stream_; }
  Queue& queue() { return stream_.queue(); }

  /// Memory of this executor's backend. Throws Error::OutOfMemory after everything was tried.
  Block* allocate(size_t bytes) { return stream_.allocate(bytes); }

  /// Checks and submits an op. `results`: num_results() arrays, null for those that are not wanted. `length`: elements; -1: what the
  /// arrays say. `row`: elements per row of an op that folds rows; -1: one row.
  void run(const FlatOp& op, const FlatArg* args, const Array* const* results, int64_t length = -1, int64_t row = -1);

 private:
  Stream stream_;
};

const char* dtype_name(DType dtype);

}  // namespace hologram
