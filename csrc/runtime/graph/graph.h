// A graph: launches and calls that ran once, to be run again without the program that made them.
//
// Nodes name memory by number and offset, never by address. What a number stands for decides where it lies:
//   Kept       a block that the graph holds: parameters, state, gradients. It stays where it is.
//   Given      memory of the caller, said anew before each run: arguments, and results that leave the graph.
//   Temporary  a value that no one sees outside: an offset in one slab of the graph's own, where values share memory in turn.
// Running a graph allocates nothing, and looks nothing up.
//
// Nodes that depend on memory alone that no run writes may run once (run_constants_once): their values stay in the slab until what they
// read is written (block.h has how that is known).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/device/queue.h"
#include "runtime/memory/block.h"

namespace hologram {

class Graph;

struct MemoryRef {
  int memory;
  int64_t offset;
  bool operator==(const MemoryRef& o) const { return memory == o.memory && offset == o.offset; }
};

/// Work of a graph that is no kernel of ours: products, copies, torch's kernels.
class GraphCall {
 public:
  virtual ~GraphCall() = default;
  virtual const char* name() const = 0;
  /// Its reference number `i`, in the order in which it told them, lies here from now on.
  virtual void place(int i, char* address) = 0;
  virtual void run(Graph& graph) = 0;
  /// Does it only look whether a value is what it was? Then a run ends before the node with OtherValue where it is not.
  virtual bool is_check() const { return false; }
  /// May it give something else for the same memory: does it draw random numbers, or is it an op of the user's?
  virtual bool may_vary() const { return false; }
  /// Why the other call, made by the same program a second time, does not do the same; empty where it does. References are compared already.
  virtual std::string unlike(const GraphCall& other) const = 0;
};

/// A value that the host read while the graph was captured is another one in this run.
struct OtherValue {};

class Graph {
 public:
  enum class Kind : uint8_t { Kept, Given, Temporary };

  struct Memory {
    Kind kind = Kind::Temporary;
    Block* block = nullptr;       // Kept: one reference. While the graph is captured, the block it was seen in
    size_t bytes = 0;
    int first = -1, last = -1;    // the nodes that refer to it
    bool written = false;
    bool made = false;            // while the graph was captured
    bool constant = false;        // a copy of what the host had
    char* address = nullptr;      // now
    int references = 0, filled = 0;
    int begin = 0;                // of its references
    size_t place = 0;             // Temporary: its offset in the slab
  };

  explicit Graph(Queue& queue) : queue_(&queue) {}
  ~Graph();
  Graph(const Graph&) = delete;

  Queue& queue() const { return *queue_; }
  const std::vector<Memory>& memories() const { return memories_; }
  int num_nodes() const { return static_cast<int>(nodes_.size()); }
  int num_launches() const {
    return static_cast<int>(std::count_if(nodes_.begin(), nodes_.end(), [](const Node& node) { return node.kernel != nullptr; }));
  }
  /// Nodes among them that run again only when what they read was written.
  int num_constant_nodes() const { return constant_nodes_; }
  size_t slab_bytes() const { return slab_ ? slab_->bytes : 0; }
  /// Does a run take so long that other threads should not wait for it?
  bool is_long() const { return nodes_.size() > 100 || touched_bytes_ > size_t{4} << 20; }
  uint64_t draws() const { return draws_; }      // random numbers that a run takes from the generator
  const std::vector<uint64_t>& further_draws() const { return further_draws_; }   // from generators beside it
  struct NodeFacts {
    struct Use {
      int memory;
      Kind kind;
      int64_t offset;
      size_t bytes;    // of the memory
      bool written;
    };
    std::string name;
    int launches;      // 0: a call
    bool constant;  // it runs once
    std::vector<Use> uses;
  };
  /// What runs, on which memory.
  std::vector<NodeFacts> describe() const;

  /// Why it cannot run again though it is complete; empty where it can. A run that ends at a check must have changed nothing that is
  /// seen outside.
  std::string obstacle() const;
  /// Is it fit to run?
  bool is_ready() const { return ready_; }
  bool has_checks() const { return has_checks_; }
  /// Says where memory `m`, which is Given, lies.
  void place(int m, char* address) {
    if (memories_[static_cast<size_t>(m)].address != address) move(m, address);
  }
  char* address(MemoryRef ref) const { return memories_[static_cast<size_t>(ref.memory)].address + ref.offset; }
  struct NumberRange {
    uint64_t seed, offset;
  };
  /// What is recorded has run. To be called before each run.
  void catch_up();
  /// Runs all nodes: those that run once only where what they read was written since. `seed`, `offset`: the generator's range of draws().
  /// `further`: those of further_draws().
  void run(uint64_t seed, uint64_t offset, const NumberRange* further = nullptr);
  /// In a run, the numbers of a call that drew from the `relative`-th on: of the default generator, or from 1 on of a further one.
  NumberRange numbers(int source, uint64_t relative) const {
    const NumberRange range = source == 0 ? NumberRange{seed_, offset_} : further_[source - 1];
    return {range.seed, range.offset + relative};
  }

  /// What its nodes wrote, to be compared with what the program that was captured writes. A memory that a node writes in part holds zeros
  /// around that.
  struct NodeBits {
    int captured;  // the node's number when it was captured
    bool known;  // false: it runs once, and what it wrote is gone
    uint64_t bits;
  };
  /// In the next runs, a hash of what each node wrote; null: no more. For the CPU's queue.
  void hash_nodes(std::vector<NodeBits>* hashes) { hashes_ = hashes; }

  /// Why the other graph, captured from the same program, is another one; empty where both do the same.
  std::string unlike(const Graph& other) const;
  /// What depends on no Given memory, and on no memory that it writes, runs in the first run, and again after a write of what it reads.
  /// To be said before it is finished, where temporaries get a slab of the graph's own.
  void run_constants_once() { once_ = true; }
  /// Drops nodes whose values nothing reads, and gives temporaries their places. Afterwards it can run.
  void finish() {
    prepare();
    if (slab_need_) use_slab(nullptr);
  }
  /// The same without memory for temporaries. It must be given at least slab_need() bytes before it runs.
  void prepare();
  size_t slab_need() const { return slab_need_; }
  /// Temporaries lie there from now on: it takes a reference. Null: in a block of their own.
  void use_slab(Block* slab);

 private:
  friend class Capture;
  struct Node {
    const Kernel* kernel;         // null: a call
    int first, count;             // launches, or the number of the call
    int captured = -1;  // its number when it was captured
  };
  struct Draw {
    size_t seed, offset;   // positions in args_
    uint64_t relative;
    int source;            // 0: the default generator; from 1: the further ones
  };
  static constexpr int kNamedDraw = -1;   // its seed stays what it is
  struct LaunchRecord {
    size_t operands, args;
    int num_operands, num_args;
    int64_t items, per_item;
  };
  struct Reference {
    void** operand;
    GraphCall* call;
    int number;
    int64_t offset;
  };   // an operand's address, or a call's reference
  struct CallRecord {
    std::unique_ptr<GraphCall> call;
    int first_ref, num_refs;
  };

  void move(int m, char* address);
  void index_references();
  void find_lifetimes();
  void pack();
  bool may_vary(const Node& node) const;
  void separate_constants();
  void run_nodes(size_t begin, size_t end);
  void run_node(const Node& node);
  void run_and_hash(size_t begin, size_t end);
  void hash_what_stays(size_t end);
  void hash(const Node& node);
  void note_kept_writes() const;
  template <class F> void each_ref(const Node& node, F f) const;

  Queue* queue_;
  std::vector<Memory> memories_;
  std::vector<Node> nodes_;
  std::vector<LaunchRecord> records_;
  std::vector<Launch> launches_;
  std::vector<void*> operands_;
  std::vector<MemoryRef> operand_refs_;
  std::vector<bool> operand_written_;
  std::vector<int64_t> args_;
  std::vector<CallRecord> calls_;
  std::vector<MemoryRef> call_refs_;
  std::vector<bool> call_written_;
  std::vector<Draw> draw_places_;
  std::vector<Reference> references_;
  uint64_t draws_ = 0, seed_ = 0, offset_ = 0;
  std::vector<uint64_t> further_draws_;
  const NumberRange* further_ = nullptr;  // in a run
  size_t slab_need_ = 0;
  Block* slab_ = nullptr;
  size_t touched_bytes_ = 0;
  bool has_checks_ = false, ready_ = false;
  std::vector<NodeBits>* hashes_ = nullptr;

  // ---- what runs once ----
  struct Source {
    const Block* block;  // one of memories_, which is held
    uint64_t version;  // when what is kept was computed
  };
  bool once_ = false;
  int constant_nodes_ = 0;  // the first ones
  std::vector<Source> sources_;  // all that they read
  int threads_ = 0;  // torch's kernels may give others on another number of them
  bool outdated_ = true;
  std::vector<const Block*> written_;  // Kept memory that a run writes
};

/// Of memory, as it is; the sum of several is that of a node.
uint64_t hash_of(const char* memory, size_t bytes);

/// f(reference, written) for all of a node's.
template <class F>
void Graph::each_ref(const Node& node, F f) const {
  if (!node.kernel) {
    const CallRecord& call = calls_[static_cast<size_t>(node.first)];
    for (int i = 0; i < call.num_refs; ++i)
      f(call_refs_[static_cast<size_t>(call.first_ref + i)], call_written_[static_cast<size_t>(call.first_ref + i)]);
    return;
  }
  for (int l = node.first; l < node.first + node.count; ++l) {
    const LaunchRecord& record = records_[static_cast<size_t>(l)];
    for (size_t i = record.operands; i < record.operands + static_cast<size_t>(record.num_operands); ++i)
      f(operand_refs_[i], operand_written_[i]);
  }
}

}  // namespace hologram
