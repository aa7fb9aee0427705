// The iteration space of a circuit, in the form in which spaces can be compared and planned.
//
// An op arrives as a circuit over dimensions in the order its caller liked. It is *canonicalized* once, which forgets what does
// not matter: dimensions of size 1 are gone, the others are in the order in which memory is walked (outermost first), and
// neighbours that every operand walks as if they were one are one. A fold has its kept dimensions first then, at least one of
// either kind, and its schedule and chunks are known.
//
// For fusion the kept and row dimensions of a fold are *interleaved* as memory is walked: two spaces over as many elements number
// their elements alike once both are cut at the same places (`align`); whether they mean the same elements is then a comparison
// of addresses and strides. `lower` turns an interleaved circuit back into a canonical one.
//
// Invariants
//  * While interleaved, a fold's row dimensions are bits of `row`, not the last dimensions.
//  * How a fold's row dimensions collapse shapes its tree, and so its bits. The row dimensions of the fold alone are final:
//    a dimension that was cut carries a `fixed_merge` bit, and every operand that joins must walk the two as one.
//  * The schedule and the chunks shape the tree as well: those of the fold alone are kept, whatever is fused with it. `pattern`
//    are the strides of the operand that decided them, which in a larger circuit may be a value that never reaches memory.
#pragma once

#include "runtime/ir/circuit.h"
#include "runtime/ir/fold_schedule.h"

namespace hologram {

struct IterationSpace {
  uint32_t row = 0;         // bit d: dimension d is folded
  uint32_t fixed_merge = 0;   // bit d: dimensions d and d + 1 (both folded) are one dimension of the fold
  bool folds = false;       // it has nodes that fold the row
  bool ordered = false;     // results depend on the number of the element in the whole space
  bool gathers = false;       // it reads an element of a row when it wants it, maybe after the row has been stored
  bool unfusable = false;   // it cannot be interleaved, or must not be fused: it runs alone
  bool changed = false;     // what was fused or dropped since it was canonical may let dimensions sort or merge anew
  Schedule schedule = Schedule::Map;   // of a fold
  int64_t chunk = 0;        // of a fold that runs as two launches (split_chunk): nothing can follow it in the same kernel
  int64_t full = 1;         // elements of the whole space
  int64_t kept = 1;         // elements without the row
  int main = 0;             // the operand whose strides are the pattern, before anything is fused
  DType pattern_type = DType::Count;
  int64_t pattern[kMaxRank];
};

/// Brings an op into canonical form. False: it has no elements and nothing to do.
bool canonicalize(Circuit& circuit, IterationSpace& space, const SplitLimits& limits);

/// The canonical form of a fold that is part of a larger plan, whose dimensions are some order of canonical ones. Returns its schedule.
Schedule collapse_fold(Circuit& circuit);

/// Prepares a canonical circuit for fusion, or finds that it is unfusable and leaves it as it is.
void interleave(Circuit& circuit, IterationSpace& space);

/// Cuts the dimensions of both at the same places. `kept_only`: those of `a` that are not folded against all of `b`.
/// False, with both still valid, where that cannot be done.
bool align(Circuit& a, IterationSpace& sa, Circuit& b, IterationSpace& sb, bool kept_only);

/// Do strides over the dimensions of `sizes` walk those of the mask and their inner neighbours as one?
bool walks_as_one(const int64_t* sizes, const int64_t* strides, uint32_t fixed_merge);

/// Makes an interleaved circuit, or one that was fused from such, canonical again. No dimension is left out: one element is a
/// dimension of size 1.
void lower(Circuit& circuit, const IterationSpace& space);

}  // namespace hologram
