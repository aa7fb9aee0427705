// Inside the planner: from a circuit over any iteration space to keyed kernel launches.
#pragma once

#include "runtime/backend.h"
#include "runtime/circuit.h"
#include "runtime/kernel.h"

namespace hologram {

/// Sees the launches of a circuit instead of the backend: `explain` and tests ask what would run.
struct Observer {
  virtual ~Observer() = default;
  virtual void launch(const Key& key, int64_t n, int64_t elements_per_item) = 0;
};

/// run_circuit, or with an observer everything but the launches.
void plan_circuit(Backend& backend, Circuit& circuit, Observer* observer);

/// What the kernel of a planned circuit needs to be told beyond it.
struct Stage {
  Schedule schedule = Schedule::Map;
  uint8_t flags = 0;
  uint8_t num_extra = 0;
  int64_t extra[2] = {};      // the arguments after the strides (kernel.h)
};

/// Finds and launches the kernel of a circuit whose dimensions are final.
void execute(Backend& backend, const Circuit& circuit, const Stage& stage, Observer* observer);

/// Collapses and runs a circuit with a row.
void run_rows(Backend& backend, Circuit& circuit, Stage stage, Observer* observer);

/// Runs a collapsed reduction as two stages if its row is long and its kept elements are few. False: not of that kind.
bool run_split(Backend& backend, Circuit& circuit, Schedule schedule, Observer* observer);

}  // namespace hologram
