// Memory for the temporaries of graphs that run one after the other: as much as the largest of them needs.
#pragma once

#include <vector>

#include "runtime/graph/graph.h"

namespace hologram {

/// The caller sees to it that no graph of the pool runs while one is added, and that one runs at a time.
class GraphPool {
 public:
  GraphPool() = default;
  ~GraphPool();
  GraphPool(const GraphPool&) = delete;

  /// Gives the graph its memory. It must be removed before it dies.
  void add(Graph& graph);
  void remove(Graph& graph);
  size_t bytes() const { return slab_ ? slab_->bytes : 0; }

 private:
  std::vector<Graph*> graphs_;
  Block* slab_ = nullptr;
};

}  // namespace hologram
