// Inside the planner: from a circuit over any iteration space to keyed kernel launches.
#pragma once

#include "runtime/backend.h"
#include "runtime/circuit.h"
#include "runtime/kernel.h"

namespace hologram {

/// What the kernel of a planned circuit needs to be told beyond it.
struct Stage {
  Schedule schedule = Schedule::Map;
  uint8_t flags = 0;
  uint8_t num_extra = 0;
  int64_t extra[2] = {};      // the arguments after the strides (kernel.h)
};

struct Work { int64_t items, per_item; };

/// Gets the launches of a circuit instead of the backend: to run several at once, or to see what would run.
struct Observer {
  virtual ~Observer() = default;
  virtual void launch(const Key& key, const Circuit& circuit, const Stage& stage, Work work) = 0;
  /// A fold would run in two stages. True: that is all the observer wants to know.
  virtual bool splits() { return false; }
  /// Memory that the launches use: one reference, to be released when they are over. The caller's still, if this throws.
  virtual void keep(Block* block) { block->release(); }
};

constexpr int kMaxKernelArgs = kMaxScalars + kMaxRank * (1 + kMaxOperands) + 2;
/// A kernel's arguments for a planned circuit: addresses to `operands`, the flat array (kernel.h) to `args`. Returns the
/// length of the latter.
int kernel_arguments(const Circuit& circuit, const Stage& stage, void** operands, int64_t* args);

/// Does a node's result depend on the numbers of elements (in the whole space, or in the row)?
bool order_matters(const Circuit& circuit, bool in_rows);
/// The operand whose strides decide how a row is walked: the first input that varies along it, else the first output.
int main_operand(const Circuit& circuit);
/// Orders the dimensions of a map by the strides of its outputs, then of its inputs.
void sort_map_dims(Circuit& circuit);
/// Would the fold of this circuit, which has no pattern, run in two stages on that backend?
bool will_split(Backend& backend, const Circuit& circuit);

/// Collapses dimensions, chooses the schedule, finds the kernel and launches it, or hands the launches to an observer.
/// `circuit` is scratch: it is changed by the call.
void plan_circuit(Backend& backend, Circuit& circuit, Observer* observer);

/// Finds and launches the kernel of a circuit whose dimensions are final.
void execute(Backend& backend, const Circuit& circuit, const Stage& stage, Observer* observer);

/// Collapses and runs a circuit with a row.
void run_rows(Backend& backend, Circuit& circuit, Stage stage, Observer* observer);

/// Runs a collapsed reduction as two stages if its row is long and its kept elements are few. False: not of that kind.
bool run_split(Backend& backend, Circuit& circuit, Schedule schedule, Observer* observer);

}  // namespace hologram
