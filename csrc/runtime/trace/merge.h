// Two groups become one when an op needs the results of both: a * b + c * d is one kernel, though a * b and c * d have
// nothing in common when they arrive.
//
// Invariants
//  * The earlier group moves to the place of the later one. So nothing in between may depend on it: read what it writes, or
//    write what it reads or writes (feeds_only).
//  * What the later group read from the earlier one's memory is the recorded value now, where both mean the same bytes in the
//    same order. A block that the earlier group writes is written by no other. What a read and an in-place write of a single op
//    must satisfy holds here too.
#pragma once

#include "runtime/trace/trace_graph.h"

namespace hologram {

class GroupMerger {
 public:
  explicit GroupMerger(TraceGraph& graph) : graph_(graph) {}
  /// Makes one group of those that only feed an op, and of group `into`.
  void merge_sources(const Circuit& op, int into);

 private:
  bool merge(int first, int second);
  bool feeds_only(int first, int second) const;

  TraceGraph& graph_;
};

}  // namespace hologram
