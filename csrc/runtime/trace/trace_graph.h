// The window: ops that have been recorded and not run yet, as groups that become one kernel each.
//
// Groups run as if in the order of their numbers, so an op may join any group that comes no earlier than what it depends on,
// and a dependency never forces anything to run: it only says "not before that group".
//
// Invariants
//  * Each op runs once and rounds to its own type; what a group computes is what its ops compute one after the other.
//  * A block that a group mentions has an entry (Block::entry, 1-based) and one reference, held until the window has run. A
//    block whose only reference is that one is dead: what was recorded into it is not stored, unless another group reads it
//    from memory (BlockState::needed).
//  * `writer` and `reader` are the last groups that write a block and read it from memory. An op that reads a block comes
//    no earlier than its writer, an op that writes it no earlier than either. In that very group it must mean the same
//    bytes in the same order: then a read uses the recorded value, and a write takes its place.
//  * Inside a group every operand that reads or writes one written block has one geometry. Kernels load an element
//    before they store it, so a value may be read and replaced in one place.
//  * All of this is a function of the sequence of ops: no time, no addresses, no threads.
//  * A full window is cut where the one before it was: after ops like the last ones there (tail_). So in a loop that nothing
//    interrupts all windows begin at one place of its period, and their groups are the same. What runs a window for another reason
//    is at a place of the program's own, and the next full window is cut where it is full.
//
// An op whose inputs come from several groups makes one of them, where nothing in between depends on the earlier one
// (merge.h): the numbers of the others stay behind as groups without ops.
//
// Not thread-safe: Stream holds its lock around every call.
#pragma once

#include <memory>
#include <vector>

#include "runtime/ir/iteration_space.h"
#include "runtime/trace/disjoint_writes.h"
#include "runtime/trace/poison.h"

namespace hologram {

constexpr int kWindowOps = 960;        // recorded ops that make a window run
constexpr int kWindowGroups = 512;
constexpr int kWindowSlack = 192;      // ops and groups that a full window waits for the place where the one before it was cut
constexpr int kLongGroup = 32;         // from here on a group ends where its first op comes again: loops keep their period

/// While it is on, a value that nothing outside can ask for is computed all the same unless an op of its kernel reads it: what a program
/// throws away when it is timed.
void keep_unread_results(bool on);
bool unread_results_kept();

struct BlockState {
  Block* block = nullptr;
  int16_t writer = -1, written = -1;    // group, and its operand
  int16_t reader = -1, read = -1;       // group, and its operand; -1: several geometries
  uint16_t needed = 0;                  // groups that read from memory what another one stored
  int16_t parts = kOneWriter;           // of what several operands write: where the last of them do, once known (stage_of)
  int16_t stored = -1, loaded = -1;     // last stages that write it and read it from memory (stage_of)
  int16_t lost = -1;                    // while the window runs: the failure that took its value; -1: none did

  static constexpr int16_t kOneWriter = -2, kUnknown = -1;
  bool several() const { return parts != kOneWriter; }
  void note_writer() { if (writer >= 0 && !several()) parts = kUnknown; }
};

struct FusionGroup {
  Circuit circuit;
  IterationSpace space;
  uint16_t ops = 0;                     // recorded ops in it
  int64_t bytes = 0;                    // their operands, had each op run alone
  uint64_t caller = 0;                  // of the last of them, while a profiler reads launches (launch_log.h)
  void reset();
};

class TraceGraph {
 public:
  TraceGraph() = default;

  /// Records an op, interleaved, with all operands in blocks. `circuit` is scratch.
  void add(Circuit& circuit, IterationSpace& space);

  bool empty() const { return num_groups_ == 0; }
  bool full() const {
    if (__builtin_expect(num_ops_ < kWindowOps && num_groups_ < kWindowGroups, 1)) return false;
    return !cut_ || tail_ == cut_ || num_ops_ >= kWindowOps + kWindowSlack || num_groups_ >= kWindowGroups + kWindowSlack;
  }
  /// The window ran. `was_full`: the next one that is full ends where this one did, if it comes by there.
  void note_cut(bool was_full) { cut_ = was_full ? tail_ : 0; }
  int num_groups() const { return num_groups_; }
  size_t num_blocks() const { return entries_.size(); }
  FusionGroup& group(int g) { return *groups_[g]; }

  /// Does some group depend on what this op reads or writes?
  bool touches(const Circuit& circuit) const;
  bool will_write(const Block& block) const {
    const BlockState* e = find(&block);
    return e && e->writer >= 0;
  }

  /// Gives up the memory of values that cannot be asked for any more; their blocks go to `released`. Returns the bytes of
  /// dead blocks that groups still read.
  int64_t release_dead_values(std::vector<Block*>& released);

  /// HOLOGRAM_GUARD: what is recorded will be written now.
  void unprotect_writes();
  /// Removes what cannot be seen from group g: dead outputs, and what only they needed. False: nothing is left.
  bool prune(int g);
  /// The stage in which group g runs: after those of the groups that write what it reads or replaces, or read what it
  /// replaces. Writes of places of one block that are apart need no order. Groups of one stage do not depend on each other.
  /// To be asked in the order of numbers, once a group is pruned.
  int stage_of(int g);
  // Failures, while the window runs in the order of stages. A group depends on another one by what it reads from memory.

  /// The failure that took a value which group g reads; -1: it has all it needs. Asked before the group is planned.
  int lost_input(int g) const;
  /// Group g, whose circuit is as it was recorded, will run: what it writes whole is well again.
  void restore_outputs(int g);
  /// The value of the block is lost to failure number `failure`.
  void lose(const Block& block, int failure) { find(&block)->lost = static_cast<int16_t>(failure); }
  /// The same for all that the window was to write.
  void lose_all(int failure);

  /// Forgets everything; the blocks go to `released`. Those that lost their value, and are known outside, are poisoned
  /// with the failure that its number stands for, where there are any.
  void clear(std::vector<Block*>& released, const std::vector<std::shared_ptr<Failure>>& failures);

 private:
  friend class GroupMerger;
  /// What an operand of an arriving op is in the group it joins. Without initializers: there is room for many, and few are used.
  struct Use {
    Ref ref;                 // kNoRef: an operand of its own
    bool supersedes;         // an output that takes the place of the group's operand `ref`
  };

  const BlockState* find(const Block* block) const {
    const uint32_t entry = block->entry.load(std::memory_order_relaxed);
    return entry - 1 < kWatched - 1 ? &entries_[entry - 1] : nullptr;   // neither 0 nor kWatched nor kPoisoned
  }
  BlockState* find(const Block* block) { return const_cast<BlockState*>(static_cast<const TraceGraph*>(this)->find(block)); }
  BlockState& entry_of(Block* block);
  bool join(int g, Circuit& op, IterationSpace& space);
  bool match_operands(const FusionGroup& group, int g, const Circuit& op, const int8_t* from, Use* uses);
  void append(int g, const Circuit& op, const IterationSpace& space, const int8_t* from, const Use* uses);
  int new_group();
  int16_t written_before(BlockState& e, const Circuit& c, const Operand& o);

  std::vector<std::unique_ptr<FusionGroup>> groups_;   // the first num_groups_ are in use
  std::vector<BlockState> entries_;
  std::vector<DisjointWrites> parts_;                     // of the entries that several operands write
  int num_groups_ = 0, num_ops_ = 0;
  uint64_t tail_ = 0;      // of the last 16 ops: a digest of what they are, without where they read and write
  uint64_t cut_ = 0;       // tail_ where a full window was cut; 0: the last one that ran was not full
};

}  // namespace hologram
