// Collects the launches of circuits that do not depend on each other, and runs those of one kernel as one.
//
// What fails takes as little with it as can be: a launch the groups that it served, a kernel that cannot be made those outputs
// of its circuit that cannot be had alone either.
#pragma once

#include <exception>
#include <string>
#include <vector>

#include "runtime/device/queue.h"
#include "runtime/base/error.h"
#include "runtime/plan/plan.h"
#include "runtime/trace/history.h"

namespace hologram {

/// " (in the circuit mul > add over 4096 elements)", for messages.
std::string describe(const Circuit& circuit, int64_t elements);

class BatchLauncher {
 public:
  explicit BatchLauncher(Queue& queue) : queue_(queue) {}

  struct LostGroup { int group; std::exception_ptr error; };
  struct LostOutput { Block* block; std::exception_ptr error; };
  struct LaunchTime {
    int group;
    int64_t started;
    double microseconds;
  };   // launched together with others: its share

  /// The group that is planned next, and its record.
  void begin(int group, CircuitRecord* record) { group_ = group, record_ = record; }
  /// Drops what the group that began last has collected.
  void drop_group();
  /// Finds the kernel (compiling it if it must) and keeps the launch.
  void launch(const KernelLaunch& launch, const Circuit& circuit);
  /// Memory that the launches use: one reference, to be released when they are over. The caller's still, if this throws.
  void keep(Block* block) { kept_.push_back(block); }
  /// Runs what was collected, and forgets it. What fails is told by lost_groups.
  void run();
  /// Forgets it, and what was lost.
  void drop_all();
  /// What was lost since forget_lost: by launches, and by kernels that could be made in part.
  bool lost() const { return !lost_groups_.empty() || !lost_outputs_.empty(); }
  const std::vector<LostGroup>& lost_groups() const { return lost_groups_; }
  const std::vector<LostOutput>& lost_outputs() const { return lost_outputs_; }
  void forget_lost() { lost_groups_.clear(), lost_outputs_.clear(); }
  /// Of what ran since forget_times, while work was watched and the host knows when it ends.
  const std::vector<LaunchTime>& times() const { return times_; }
  void forget_times() { times_.clear(); }

 private:
  /// `merges`: the second launch of a fold, which waits for all first ones. `batch`: the number of the first launch of those that it
  /// ran with; -1: it waits.
  struct Pending { const Kernel* kernel; size_t operands, args; Work work; int group, batch; bool merges; uint64_t caller; };

  bool launch_outputs_alone(const Circuit& circuit, const KernelVariant& variant, const Error& error);
  void run_pending();
  void forget_pending();
  void release_kept();
  void run(bool merges);
  void launch_together(const Kernel& kernel, int batch);
  void take_times(int batch, int64_t started);
  bool failed(int group) const;

  Queue& queue_;
  int group_ = 0;
  CircuitRecord* record_ = nullptr;
  std::vector<Pending> pending_;
  std::vector<void*> operands_;     // of all pending launches; the vectors are room, the counts say how much is used
  std::vector<int64_t> args_;
  size_t used_operands_ = 0, used_args_ = 0;
  std::vector<Launch> together_;
  bool any_merges_ = false;         // among the pending launches
  std::vector<LostGroup> lost_groups_;
  std::vector<LostOutput> lost_outputs_;
  std::vector<Block*> kept_;
  std::vector<LaunchTime> times_;
};

}  // namespace hologram
