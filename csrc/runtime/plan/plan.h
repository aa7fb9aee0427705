// The planner: from a canonical circuit to the kernels that compute it, as a value.
//
// Every choice is a function of the circuit alone (structure, sizes, strides), never of threads, time or addresses: so results,
// and the sequence of kernels, repeat exactly. Nothing is allocated, compiled or launched here.
#pragma once

#include "runtime/ir/circuit.h"
#include "runtime/ir/iteration_space.h"
#include "runtime/kernels/kernel_args.h"

namespace hologram {

struct Block;

/// What a kernel needs to be told beyond the circuit that it computes.
struct KernelVariant {
  Schedule schedule = Schedule::Map;
  uint8_t flags = 0;
  uint8_t num_extra = 0;
  int64_t extra[2] = {};      // KernelArgs::extra
};

struct Work { int64_t items, per_item; };

struct KernelLaunch {
  Key key;
  KernelVariant variant;
  Work work;
};

/// One launch, or two: then the first stores partial results in scratch memory, and the second combines them.
struct Plan {
  int num_launches = 0;
  KernelLaunch launches[2];
  int num_partials = 0;
  size_t partial_bytes[kMaxComponents];
  Circuit* circuit;           // the planned one: it belongs to the caller, and changes with the plan
  Circuit combine;            // that of the second launch

  const Circuit& circuit_of(int launch) const { return launch == 0 ? *circuit : combine; }
  /// Says where the partial results are: `num_partials` blocks of at least `partial_bytes`. Before the arguments are made.
  void place_partials(Block* const* blocks);
};

/// `circuit` is canonical (canonicalize, or lower where it was interleaved).
Plan plan(Circuit& circuit, const IterationSpace& space);

/// The launch of a circuit whose dimensions are final.
void plan_launch(const Circuit& circuit, const KernelVariant& variant, KernelLaunch& launch);

/// A kernel's arguments: addresses to `operands`, the flat array (kernel.h) to `args`. Returns the length of the latter.
int kernel_arguments(const Circuit& circuit, const KernelVariant& variant, void** operands, int64_t* args);

}  // namespace hologram
