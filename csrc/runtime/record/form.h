// The iteration space of a recorded op, in the form in which spaces can be compared.
//
// An op arrives as a circuit over dimensions in the order its caller liked. Its *normal form* forgets what does not
// matter: dimensions of size 1 are gone, the others are in the order in which memory is walked (outermost first), and
// neighbours that every operand walks as if they were one are one. Two normal forms over as many elements number their
// elements alike once both are cut at the same places (`align`); whether they mean the same elements is then a
// comparison of addresses and strides.
//
// Invariants
//  * A fold's row dimensions are bits of `row`, not the last dimensions: kept and row dimensions interleave as in memory.
//  * How a fold's row dimensions collapse shapes its tree, and so its bits. The row dimensions of the fold alone are final:
//    a dimension that was cut carries a `glue` bit, and every operand that joins must walk glued dimensions as one.
//  * The tree also depends on the operand whose strides decide the schedule. `pattern` remembers it, because in a larger
//    circuit that operand may be a value that never reaches memory.
#pragma once

#include "runtime/circuit.h"

namespace hologram {

class Backend;

struct Form {
  uint32_t row = 0;         // bit d: dimension d is folded
  uint32_t glue = 0;        // bit d: dimensions d and d + 1 (both folded) are one dimension of the fold
  bool folds = false;       // it has nodes that fold the row
  bool ordered = false;     // results depend on the number of the element in the whole space
  bool splits = false;      // a fold that runs in two stages: nothing can follow it in the same kernel
  bool picks = false;       // it reads an element of a row when it wants it, maybe after the row has been stored
  bool solo = false;        // beyond all this: it runs alone, over its dimensions as they came
  int64_t full = 1;         // elements of the whole space
  int64_t kept = 1;         // elements without the row
  DType pattern_type = DType::Count;
  int64_t pattern[kMaxRank];
};

/// Brings an op into normal form (a solo op is left as it is). False: it has no elements and nothing to do.
bool normalise(Backend& backend, Circuit& circuit, Form& form);

/// Cuts the dimensions of both at the same places. `kept_only`: those of `a` that are not folded against all of `b`.
/// False, with both still valid, where that cannot be done.
bool align(Circuit& a, Form& fa, Circuit& b, Form& fb, bool kept_only);

/// Do strides over the dimensions of `sizes` walk glued dimensions as one?
bool glued(const int64_t* sizes, const int64_t* strides, uint32_t glue);

/// Turns a circuit in normal form into what the planner takes: kept dimensions first, the fold's pattern behind the
/// operands.
void denormalise(Circuit& circuit, const Form& form);

}  // namespace hologram
