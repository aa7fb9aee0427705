// Collects the launches of circuits that do not depend on each other, and runs those of one kernel as one.
#pragma once

#include <vector>

#include "runtime/backend.h"
#include "runtime/plan/plan.h"
#include "runtime/record/history.h"

namespace hologram {

class BatchLauncher final : public Observer {
 public:
  explicit BatchLauncher(Backend& backend) : backend_(backend) {}

  /// The record of the circuit that is planned next.
  void set_record(CircuitRecord* record) { record_ = record; }
  /// Finds the kernel (compiling it if it must) and keeps the launch.
  void launch(const Key& key, const Circuit& circuit, const Stage& stage, Work work) override;
  void keep(Block* block) override { kept_.push_back(block); }
  /// Runs what was collected.
  void run();
  /// Drops it.
  void forget();

 private:
  /// `merges`: the second stage of a fold, which waits for all first ones.
  struct Pending { const Kernel* kernel; size_t operands, args; Work work; bool merges; };

  void run(bool merges);
  void launch_together(const Kernel& kernel);

  Backend& backend_;
  CircuitRecord* record_ = nullptr;
  std::vector<Pending> pending_;
  std::vector<void*> operands_;     // of all pending launches; the vectors are room, the counts say how much is used
  std::vector<int64_t> args_;
  size_t used_operands_ = 0, used_args_ = 0;
  std::vector<Launch> together_;
  std::vector<Block*> kept_;
};

}  // namespace hologram
