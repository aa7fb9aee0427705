// Writes down what a queue does while a program runs as ever, as a graph.
//
// A launch is known by the addresses of its operands, so the capture knows at each moment which memory lies where: blocks that were
// there before (seen when they are used), and blocks that are allocated and released meanwhile. An address that is reused is other
// memory: the number changes with each allocation.
//
// Whatever reads or writes the device's memory without telling the capture cannot be done again: it ends the capture with a reason,
// and the program does not notice.
#pragma once

#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "runtime/graph/capturing.h"
#include "runtime/graph/graph.h"
#include "runtime/ir/circuit.h"
#include "runtime/memory/block.h"

namespace hologram {

class Capture {
 public:
  /// For graphs whose memory is the program's, as it was captured: CUDA's contract.
  struct Fixed {
    std::vector<const void*> generators;  // whose numbers it may draw beside those of the default one
  };
  /// Throws where another capture is under way.
  explicit Capture(Queue& queue) : Capture(queue, nullptr) {}
  /// All memory that it uses is kept. What was there before is what it was when the capture has ended: it saves a block before the
  /// first write. What cannot be captured throws where it happens, once.
  Capture(Queue& queue, Fixed fixed) : Capture(queue, std::make_unique<Fixed>(std::move(fixed))) {}
  ~Capture();
  Capture(const Capture&) = delete;
  /// The capture under way, for its own thread; null elsewhere. What another thread does with the queue ends it.
  static Capture* current();
  /// The same for every thread.
  static Capture* any();

  // ---- what the caller says ----
  /// Memory of the caller's that is another one each time. The number it has in the graph.
  int give(Block& block);
  int give_host(const void* data, size_t bytes);
  /// Numbers of the host that the graph may keep though its arguments lie there, too.
  void allow_constant(const void* data) { allowed_.push_back(data); }
  /// The number of the memory under a result, which is the caller's from now on: another one each time where it was made by the program.
  int result(Block& block);
  void refuse(const std::string& reason);
  /// The same where an exception may end the program's call.
  void stop(const std::string& reason) {
    refuse(reason);
    tell();
  }
  /// May the host read single values? Then they are checks, and a run in which they are others ends there.
  bool reads_values = false;
  /// Do random ops name their numbers themselves? Then a run's offset is added to each one's.
  bool draws_are_named = false;
  /// Is each node's result hashed when it ran, as Graph::hash_nodes does? For the CPU's queue.
  bool hashes_nodes = false;
  struct NodeRun {
    std::string name, where;
    uint64_t bits = 0;  // 0: it wrote nothing that is known
  };
  const std::vector<NodeRun>& hashes() const { return hashes_; }
  /// The host has read the value there.
  void read_value(const void* data, size_t bytes);
  /// Says where the program is, "train.py:7" or "item", for messages; it may wait for the interpreter.
  std::string (*locate)() = nullptr;
  bool refused() const { return !reason_.empty(); }
  /// Did the queue copy memory of the host that is no argument?
  bool has_constants() const { return has_constants_; }
  bool is_fixed() const { return fixed_ != nullptr; }
  /// Throws the reason, if it has not been thrown, where the program is to know at once.
  void tell();
  /// What was written is as before. What was recorded must have run.
  void undo() noexcept;
  size_t saved_bytes() const;
  const std::string& reason() const { return reason_; }
  /// The graph so far; what is alive of what was made is kept.
  std::unique_ptr<Graph> finish();
  bool made(int memory) const { return graph_->memories_[static_cast<size_t>(memory)].made; }
  bool is_given(int memory) const { return graph_->memories_[static_cast<size_t>(memory)].kind == Graph::Kind::Given; }
  bool is_written(int memory) const { return graph_->memories_[static_cast<size_t>(memory)].written; }
  /// Refuses where memory that is known outside belongs to none of `known`: it could be replaced, or looked at, unseen.
  void check_owners(const std::vector<int>& known);
  /// The number of an operation's memory; -1 where it is none that is known.
  int number_of(const Block& block);

  // ---- what the runtime says ----
  void see(Block& block);
  void see(const Circuit& circuit);
  void allocated(Block& block);
  void released(const Block& block) noexcept;
  void accessed(Block& block, bool written);
  void launched(const Kernel& kernel, const Launch* launches, int count);
  void ran();  // the kernel that was told last
  /// Numbers were drawn from the generator. Returns how many were before.
  uint64_t drew(uint64_t seed, uint64_t offset, uint64_t count, int source = 0);
  /// A generator is set to that state; false: it has not stood there since the capture began.
  bool moved(int source, uint64_t seed, uint64_t offset);
  /// The number of a generator beside the default one; -1: it is not known.
  int source_of(const void* generator) const;
  /// Numbers drawn so far: from the default generator, then from each further one.
  std::vector<uint64_t> draws() const {
    std::vector<uint64_t> all{graph_->draws_};
    all.insert(all.end(), graph_->further_draws_.begin(), graph_->further_draws_.end());
    return all;
  }
  /// Is it memory that the graph knows?
  bool knows(const void* address) const;
  /// Bytes of the host that the queue copies. They become part of the graph where they are no argument.
  void constant(const void* data, size_t bytes);

  // ---- what the layer above says: work that the queue does not launch ----
  /// A call that uses these addresses, in the order of its references.
  void call(std::unique_ptr<GraphCall> call, std::initializer_list<MemoryUse> uses) {
    add_call(std::move(call), uses.begin(), static_cast<int>(uses.size()));
  }
  void add_call(std::unique_ptr<GraphCall> call, const MemoryUse* uses, int count);

 private:
  Capture(Queue& queue, std::unique_ptr<Fixed> fixed);
  void save(Block& block);
  void save_under(const void* address);
  std::string here() const;
  std::string node_name(int n) const;
  struct Range {
    size_t bytes;
    int memory;
  };
  bool find(const void* address, MemoryRef& ref) const;
  int add_memory(char* data, size_t bytes, Block* block, bool made);
  MemoryRef use(const void* address, bool written, int node, bool has_run = false);

  std::unique_ptr<Graph> graph_;
  const std::thread::id thread_;
  mutable std::recursive_mutex lock_;
  std::map<const char*, Range> ranges_;  // memory that is there now
  std::unordered_map<const Block*, int> numbers_;  // the same by block
  struct Drawn {
    uint64_t seed, offset, count, relative;
    int source;
  };
  std::vector<Drawn> drawn_;
  uint64_t& draws_of(int source) { return source == 0 ? graph_->draws_ : graph_->further_draws_[static_cast<size_t>(source - 1)]; }
  struct Constant {
    const char* host;
    size_t bytes;
    int memory;
  };
  std::vector<Constant> constants_;  // of the copy that is made now
  std::vector<const void*> allowed_;
  bool gives_host_ = false, has_constants_ = false;
  std::string reason_;
  std::vector<NodeRun> hashes_;

  const std::unique_ptr<Fixed> fixed_;
  bool told_ = false;
  std::vector<Block*> held_;  // what was there before: one reference each
  std::unordered_map<Block*, std::unique_ptr<char[]>> saved_;
};

/// The queue's own copies, as a call: the bytes, `rows` times, one behind the other.
std::unique_ptr<GraphCall> copy_call(size_t bytes, int64_t rows = 1);

}  // namespace hologram
