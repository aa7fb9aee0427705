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
  /// Finds the kernel (compiling it if it must) and keeps the launch; a fold in two stages runs at once.
  void launch(const Key& key, const Circuit& circuit, const Stage& stage, Work work) override;
  /// Runs what was collected.
  void run();
  /// Drops it.
  void forget();

 private:
  struct Pending { const Kernel* kernel; size_t operands, args; Work work; };

  Backend& backend_;
  CircuitRecord* record_ = nullptr;
  std::vector<Pending> pending_;
  std::vector<void*> operands_;
  std::vector<int64_t> args_;
  std::vector<Launch> together_;
};

}  // namespace hologram
