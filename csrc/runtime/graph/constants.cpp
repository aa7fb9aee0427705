// Which nodes of a graph need to run once only.
//
// A constant is a node that draws no random numbers, reads memory alone that no run writes, or that other constants wrote, and writes
// temporaries alone that no other node writes. It may run before all others: what reads its values comes after the last write of them.
// Of launches of one kernel that run as one node, some may be constant: they become a node of their own.
#include <algorithm>

#include "runtime/graph/graph.h"
#include "runtime/kernels/kernel.h"

namespace hologram {
namespace {

/// One launch or one call.
struct Unit {
  int node;
  std::vector<int> reads, writes;  // memories
  bool constant = true;
};

}  // namespace

bool Graph::may_vary(const Node& node) const {
  if (!node.kernel) return calls_[static_cast<size_t>(node.first)].call->may_vary();
  const LaunchRecord &first = records_[static_cast<size_t>(node.first)],
                     &last = records_[static_cast<size_t>(node.first + node.count - 1)];
  const size_t begin = first.args, end = last.args + static_cast<size_t>(last.num_args);
  return std::any_of(draw_places_.begin(), draw_places_.end(),
                     [&](const Draw& draw) { return draw.seed >= begin && draw.seed < end; });
}

/// Brings them to the front.
void Graph::separate_constants() {
  std::vector<Unit> units;
  for (size_t n = 0; n < nodes_.size(); ++n)
    for (int l = 0; l < (nodes_[n].kernel ? nodes_[n].count : 1); ++l) {
      Unit& unit = units.emplace_back();
      unit.node = static_cast<int>(n);
      const Node alone{nodes_[n].kernel, nodes_[n].first + l, 1};
      each_ref(alone, [&](MemoryRef ref, bool written) { (written ? unit.writes : unit.reads).push_back(ref.memory); });
    }

  struct Facts {
    std::vector<int> units;  // that refer to it
    int first_read = INT32_MAX, first_write = INT32_MAX, last_write = -1;  // nodes
    bool varies = false;  // it is no constant's
  };
  std::vector<Facts> facts(memories_.size());
  for (size_t u = 0; u < units.size(); ++u) {
    const Unit& unit = units[u];
    for (const int m : unit.reads) {
      Facts& f = facts[static_cast<size_t>(m)];
      f.units.push_back(static_cast<int>(u));
      f.first_read = std::min(f.first_read, unit.node);
    }
    for (const int m : unit.writes) {
      Facts& f = facts[static_cast<size_t>(m)];
      f.units.push_back(static_cast<int>(u));
      f.first_write = std::min(f.first_write, unit.node);
      f.last_write = std::max(f.last_write, unit.node);
    }
  }

  std::vector<int> varying;  // memories whose units were not told yet
  const auto vary = [&](int m) {
    Facts& f = facts[static_cast<size_t>(m)];
    if (!f.varies) varying.push_back(m);
    f.varies = true;
  };
  const auto demote = [&](Unit& unit) {
    if (!unit.constant) return;
    unit.constant = false;
    for (const int m : unit.writes) vary(m);
    for (const int m : unit.reads)  // a value in between: it must be read where it stands
      if (unit.node <= facts[static_cast<size_t>(m)].last_write) vary(m);
  };
  for (size_t m = 0; m < memories_.size(); ++m) {
    const Memory& memory = memories_[m];
    const Facts& f = facts[m];
    if (f.units.empty()) continue;
    const bool made_here = memory.kind == Kind::Temporary && memory.made && f.first_write < f.first_read;
    const bool stays =
        memory.kind == Kind::Kept && f.last_write < 0 && memory.block && (memory.constant || watch_writes(*memory.block));
    if (!made_here && !stays) vary(static_cast<int>(m));
  }
  for (Unit& unit : units)
    if (unit.writes.empty() || may_vary(nodes_[static_cast<size_t>(unit.node)])) demote(unit);
  while (!varying.empty()) {
    const int m = varying.back();
    varying.pop_back();
    for (const int u : facts[static_cast<size_t>(m)].units) demote(units[static_cast<size_t>(u)]);
  }

  // Launches of a node change places, those that are constant first; then the node is two.
  std::vector<Node> constants, others;
  for (size_t u = 0; u < units.size();) {
    const Node node = nodes_[static_cast<size_t>(units[u].node)];
    const int count = node.kernel ? node.count : 1;
    std::vector<LaunchRecord> first, rest;
    int constant = 0;
    for (int l = 0; l < count; ++l, ++u) {
      const Unit& unit = units[u];
      if (node.kernel) (unit.constant ? first : rest).push_back(records_[static_cast<size_t>(node.first + l)]);
      constant += unit.constant;
      if (!unit.constant) continue;
      for (const int m : unit.reads) {
        const Memory& memory = memories_[static_cast<size_t>(m)];
        const auto same = [&](const Source& source) { return source.block == memory.block; };
        if (memory.kind == Kind::Kept && !memory.constant && std::none_of(sources_.begin(), sources_.end(), same))
          sources_.push_back({memory.block, Block::kUnwatched});
      }
    }
    first.insert(first.end(), rest.begin(), rest.end());
    std::copy(first.begin(), first.end(), records_.begin() + node.first);
    if (constant) constants.push_back({node.kernel, node.first, constant, node.captured});
    if (constant < count)
      others.push_back({node.kernel, node.first + (node.kernel ? constant : 0), count - constant, node.captured});
  }
  constant_nodes_ = static_cast<int>(constants.size());
  nodes_ = std::move(constants);
  nodes_.insert(nodes_.end(), others.begin(), others.end());
}

}  // namespace hologram
