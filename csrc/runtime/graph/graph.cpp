#include "runtime/graph/graph.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <string_view>

#include "runtime/base/error.h"
#include "runtime/base/threads.h"
#include "runtime/kernels/kernel.h"
#include "runtime/trace/stream.h"

namespace hologram {

Graph::~Graph() {
  for (const Memory& memory : memories_)
    if (memory.block && memory.kind == Kind::Kept) memory.block->release();
  if (slab_) slab_->release();
}

// ---- making it fit to run ----

std::string Graph::obstacle() const {
  int effect = -1;
  for (size_t n = 0; n < nodes_.size(); ++n) {
    const Node& node = nodes_[n];
    const GraphCall* const call = node.kernel ? nullptr : calls_[static_cast<size_t>(node.first)].call.get();
    if (call && call->is_check() && effect >= 0)
      return std::string("it looks at ") + call->name() +
             " after it changed a tensor that is seen outside. Return the tensor, and look at it afterwards";
    each_ref(node, [&](MemoryRef ref, bool written) {
      const Memory& memory = memories_[static_cast<size_t>(ref.memory)];
      if (written && !memory.constant && !memory.made && memory.kind != Kind::Temporary) effect = static_cast<int>(n);
    });
  }
  return "";
}

void Graph::prepare() {
  if (ready_) return;
  ready_ = true;
  // Backwards: a node is needed where it writes what is seen outside, or what a later needed node reads. What writes nothing is a check.
  std::vector<bool> needed(memories_.size());
  for (size_t m = 0; m < memories_.size(); ++m) needed[m] = memories_[m].kind != Kind::Temporary;
  std::vector<Node> kept;
  for (auto node = nodes_.rbegin(); node != nodes_.rend(); ++node) {
    bool wanted = false, writes = false;
    each_ref(*node, [&](MemoryRef ref, bool written) {
      writes |= written;
      wanted |= written && needed[static_cast<size_t>(ref.memory)];
    });
    if (writes && !wanted) continue;
    each_ref(*node, [&](MemoryRef ref, bool) { needed[static_cast<size_t>(ref.memory)] = true; });
    kept.push_back(*node);
  }
  std::reverse(kept.begin(), kept.end());
  nodes_.swap(kept);
  if (once_) separate_constants();
  find_lifetimes();
  has_checks_ = std::any_of(calls_.begin(), calls_.end(), [](const CallRecord& record) { return record.call->is_check(); });
  operands_.resize(operand_refs_.size());
  launches_.clear();
  for (const LaunchRecord& r : records_)
    launches_.push_back({operands_.data() + r.operands, args_.data() + r.args, r.items, r.per_item});
  index_references();
  pack();
}

void Graph::find_lifetimes() {
  for (Memory& memory : memories_) memory.first = memory.last = -1;
  for (size_t n = 0; n < nodes_.size(); ++n)
    each_ref(nodes_[n], [&](MemoryRef ref, bool written) {
      Memory& memory = memories_[static_cast<size_t>(ref.memory)];
      if (memory.first < 0) memory.first = static_cast<int>(n);
      memory.last = static_cast<int>(n);
      touched_bytes_ += memory.bytes;
      if (written && memory.kind == Kind::Kept && memory.block &&
          std::find(written_.begin(), written_.end(), memory.block) == written_.end())
        written_.push_back(memory.block);
    });
  if (!constant_nodes_) return;
  for (Memory& memory : memories_)   // what the others read of the constants is there in each run
    if (memory.first >= 0 && memory.first < constant_nodes_ && memory.last >= constant_nodes_)
      memory.last = static_cast<int>(nodes_.size());
}

void Graph::index_references() {
  for (const Node& node : nodes_)
    each_ref(node, [&](MemoryRef ref, bool) { ++memories_[static_cast<size_t>(ref.memory)].references; });
  int begin = 0;
  for (Memory& memory : memories_) {
    memory.begin = begin;
    memory.filled = 0;
    begin += memory.references;
  }
  references_.resize(static_cast<size_t>(begin));
  const auto add = [&](MemoryRef ref, void** operand, GraphCall* call, int number) {
    Memory& memory = memories_[static_cast<size_t>(ref.memory)];
    references_[static_cast<size_t>(memory.begin + memory.filled++)] = {operand, call, number, ref.offset};
  };
  for (const Node& node : nodes_) {
    if (!node.kernel) {
      const CallRecord& call = calls_[static_cast<size_t>(node.first)];
      for (int i = 0; i < call.num_refs; ++i) add(call_refs_[static_cast<size_t>(call.first_ref + i)], nullptr, call.call.get(), i);
      continue;
    }
    for (int l = node.first; l < node.first + node.count; ++l) {
      const LaunchRecord& record = records_[static_cast<size_t>(l)];
      for (size_t i = record.operands; i < record.operands + static_cast<size_t>(record.num_operands); ++i)
        add(operand_refs_[i], &operands_[i], nullptr, 0);
    }
  }
}

/// Finds temporaries' places in one slab: in the order of their size, each at the lowest offset that is free while it is alive.
void Graph::pack() {
  struct Placed {
    size_t offset, bytes;
    int first, last;
  };
  constexpr size_t kAlignment = 64;
  std::vector<int> order;
  for (size_t m = 0; m < memories_.size(); ++m) {
    Memory& memory = memories_[m];
    if (memory.kind == Kind::Kept && memory.block) move(static_cast<int>(m), memory.block->data);
    if (memory.kind == Kind::Temporary && memory.first >= 0) order.push_back(static_cast<int>(m));
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return memories_[static_cast<size_t>(a)].bytes > memories_[static_cast<size_t>(b)].bytes; });
  std::vector<Placed> placed;
  size_t total = 0;
  for (const int m : order) {
    const Memory& memory = memories_[static_cast<size_t>(m)];
    const size_t bytes = (memory.bytes + kAlignment - 1) / kAlignment * kAlignment;
    size_t offset = 0;
    for (const Placed& other : placed) {   // in the order of their offsets
      if (other.last < memory.first || memory.last < other.first) continue;
      if (offset + bytes <= other.offset) break;
      offset = std::max(offset, other.offset + other.bytes);
    }
    const Placed here{offset, bytes, memory.first, memory.last};
    placed.insert(
        std::upper_bound(placed.begin(), placed.end(), here, [](const Placed& a, const Placed& b) { return a.offset < b.offset; }),
        here);
    memories_[static_cast<size_t>(m)].place = offset;
    total = std::max(total, offset + bytes);
  }
  slab_need_ = total;
}

void Graph::use_slab(Block* slab) {
  Block* const before = slab_;
  if (slab) slab->retain();
  slab_ = slab ? slab : allocate_block(*queue_, slab_need_);
  for (size_t m = 0; m < memories_.size(); ++m)
    if (memories_[m].kind == Kind::Temporary && memories_[m].first >= 0)
      move(static_cast<int>(m), slab_->data + memories_[m].place);
  if (before) before->release();
}

void Graph::move(int m, char* address) {
  Memory& memory = memories_[static_cast<size_t>(m)];
  memory.address = address;
  const Reference* r = references_.data() + memory.begin;
  for (const Reference* const end = r + memory.references; r != end; ++r) {
    if (r->operand) *r->operand = address + r->offset;
    else r->call->place(r->number, address + r->offset);
  }
}

// ---- running ----

void Graph::run(uint64_t seed, uint64_t offset, const NumberRange* further) {
  seed_ = seed;
  offset_ = offset;
  further_ = further;
  for (const Draw& draw : draw_places_) {
    if (draw.source == kNamedDraw) {
      args_[draw.offset] = static_cast<int64_t>(offset + draw.relative);
      continue;
    }
    const NumberRange range = numbers(draw.source, draw.relative);
    args_[draw.seed] = static_cast<int64_t>(range.seed);
    args_[draw.offset] = static_cast<int64_t>(range.offset);
  }
  note_kept_writes();
  const size_t constants = static_cast<size_t>(constant_nodes_);
  if (outdated_ && constants) {
    run_nodes(0, constants);
    outdated_ = false;
  } else if (__builtin_expect(hashes_ != nullptr, 0)) {
    hash_what_stays(constants);
  }
  run_nodes(constants, nodes_.size());
  note_kept_writes();
}

void Graph::run_nodes(size_t begin, size_t end) {
  if (__builtin_expect(hashes_ != nullptr, 0)) return run_and_hash(begin, end);
  for (size_t n = begin; n < end; ++n) run_node(nodes_[n]);
}

inline void Graph::run_node(const Node& node) {
  if (!node.kernel) {
    calls_[static_cast<size_t>(node.first)].call->run(*this);
  } else if (node.count == 1) {
    const Launch& l = launches_[static_cast<size_t>(node.first)];
    queue_->launch(*node.kernel, l.operands, l.args, l.items, l.elements_per_item);
  } else {
    queue_->launch_many(*node.kernel, launches_.data() + node.first, node.count);
  }
}

uint64_t hash_of(const char* memory, size_t bytes) { return std::hash<std::string_view>()({memory, bytes}) | 1; }

/// What the node wrote, as it lies now. A memory that several of its operands write counts once.
void Graph::hash(const Node& node) {
  std::vector<int> seen;
  uint64_t bits = 0;
  each_ref(node, [&](MemoryRef ref, bool written) {
    if (!written || std::find(seen.begin(), seen.end(), ref.memory) != seen.end()) return;
    seen.push_back(ref.memory);
    const Memory& memory = memories_[static_cast<size_t>(ref.memory)];
    bits += hash_of(memory.address, memory.bytes);
  });
  hashes_->push_back({node.captured, true, bits});
}

void Graph::hash_what_stays(size_t end) {
  for (size_t n = 0; n < end; ++n) {
    bool stays = true;
    each_ref(nodes_[n], [&](MemoryRef ref, bool written) {
      const Memory& memory = memories_[static_cast<size_t>(ref.memory)];
      stays &= !written || memory.kind == Kind::Kept || memory.last >= static_cast<int>(nodes_.size());
    });
    if (stays) hash(nodes_[n]);
    else hashes_->push_back({nodes_[n].captured, false, 0});
  }
}

void Graph::run_and_hash(size_t begin, size_t end) {
  for (size_t n = begin; n < end; ++n) {
    each_ref(nodes_[n], [&](MemoryRef ref, bool written) {   // as the capture's allocations begin
      const Memory& memory = memories_[static_cast<size_t>(ref.memory)];
      if (written && memory.made && memory.kind != Kind::Kept && memory.first == static_cast<int>(n))
        std::memset(memory.address, 0, memory.bytes);
    });
    run_node(nodes_[n]);
    hash(nodes_[n]);
  }
}

/// Before a run, which may end in the middle, and after it.
void Graph::note_kept_writes() const {
  for (const Block* block : written_) note_write(*block);
}

void Graph::catch_up() {
  if (constant_nodes_) {   // first the versions, then what they stand for
    for (Source& source : sources_) {
      const uint64_t now = source.block->version.load(std::memory_order_acquire);
      outdated_ |= now != source.version || now == Block::kUnknown;
      source.version = now;
    }
    const int threads = max_threads();
    outdated_ |= threads != threads_;
    threads_ = threads;
  }
  queue_->stream().run(Reason::Library);
}

// ---- looking at it ----

std::string Graph::unlike(const Graph& other) const {
  const auto name = [](const Graph& g, const Node& node) {
    return node.kernel ? node.kernel->name : std::string(g.calls_[static_cast<size_t>(node.first)].call->name());
  };
  const size_t common = std::min(nodes_.size(), other.nodes_.size());
  const auto place = [&](size_t n) { return "node " + std::to_string(n) + ", " + name(*this, nodes_[n]) + ": "; };
  std::map<int, int> same_memory;     // numbers may differ by memory that no node uses
  std::map<int, int> back;
  for (size_t n = 0; n < common; ++n) {
    const Node &a = nodes_[n], &b = other.nodes_[n];
    if (a.kernel != b.kernel || a.count != b.count) return place(n) + "the next time it was " + name(other, b);
    std::vector<std::pair<MemoryRef, bool>> ours, theirs;
    each_ref(a, [&](MemoryRef r, bool w) { ours.push_back({r, w}); });
    other.each_ref(b, [&](MemoryRef r, bool w) { theirs.push_back({r, w}); });
    if (ours.size() != theirs.size()) return place(n) + "it has other operands the next time";
    for (size_t i = 0; i < ours.size(); ++i) {
      const auto [mine, its] = std::pair(ours[i].first, theirs[i].first);
      const auto [one, added] = same_memory.insert({mine.memory, its.memory});
      const auto [two, added_back] = back.insert({its.memory, mine.memory});
      if (one->second != its.memory || two->second != mine.memory || mine.offset != its.offset)
        return place(n) + "operand " + std::to_string(i) + " lies elsewhere the next time";
      if (!added && !added_back) continue;
      const Memory &m = memories_[static_cast<size_t>(mine.memory)], &o = other.memories_[static_cast<size_t>(its.memory)];
      if (m.bytes != o.bytes || m.kind != o.kind)
        return place(n) + "operand " + std::to_string(i) + " is other memory the next time";
      if (m.constant && o.constant) {
        if (std::memcmp(m.block->data, o.block->data, m.bytes) != 0)
          return place(n) + "numbers that the host gives change from call to call. Pass them as an argument";
        continue;
      }
      if (m.kind == Kind::Kept && !m.made && !o.made && m.block != o.block)
        return place(n) + "operand " + std::to_string(i) +
               " was made by the last call. Pass what a step gives to the next one as an argument, and return it";
      if (m.made != o.made) return place(n) + "operand " + std::to_string(i) + " is made by one call, and there before another";
    }
    if (!a.kernel) {
      const std::string why = calls_[static_cast<size_t>(a.first)].call->unlike(*other.calls_[static_cast<size_t>(b.first)].call);
      if (!why.empty()) return place(n) + why;
      continue;
    }
    for (int l = 0; l < a.count; ++l) {
      const LaunchRecord &x = records_[static_cast<size_t>(a.first + l)], &y = other.records_[static_cast<size_t>(b.first + l)];
      if (x.items != y.items || x.per_item != y.per_item) return place(n) + "another size the next time";
      for (int i = 0; i < x.num_args; ++i)
        if (args_[x.args + static_cast<size_t>(i)] != other.args_[y.args + static_cast<size_t>(i)])
          return place(n) + "a number (argument " + std::to_string(i) +
                 ") changes from call to call. Make it a tensor, or an argument";
    }
  }
  if (nodes_.size() != other.nodes_.size())
    return std::to_string(nodes_.size()) + " nodes, and " + std::to_string(other.nodes_.size()) + " the next time";
  if (draws_ != other.draws_) return "it draws another count of random numbers the next time";
  for (size_t d = 0; d < draw_places_.size(); ++d)
    if (draw_places_[d].relative != other.draw_places_[d].relative)
      return "random numbers are drawn in another order the next time";
  return "";
}

std::vector<Graph::NodeFacts> Graph::describe() const {
  std::vector<NodeFacts> all;
  for (const Node& node : nodes_) {
    NodeFacts& facts = all.emplace_back();
    facts.name = node.kernel ? node.kernel->name : calls_[static_cast<size_t>(node.first)].call->name();
    facts.launches = node.kernel ? node.count : 0;
    facts.constant = static_cast<int>(all.size()) <= constant_nodes_;
    each_ref(node, [&](MemoryRef ref, bool written) {
      const Memory& memory = memories_[static_cast<size_t>(ref.memory)];
      facts.uses.push_back({ref.memory, memory.kind, ref.offset, memory.bytes, written});
    });
  }
  return all;
}

}  // namespace hologram
