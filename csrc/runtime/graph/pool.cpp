#include "runtime/graph/pool.h"

#include <algorithm>

namespace hologram {

GraphPool::~GraphPool() {
  if (slab_) slab_->release();
}

void GraphPool::add(Graph& graph) {
  if (graph.slab_need() > bytes()) {
    Block* const larger = allocate_block(graph.queue(), graph.slab_need());
    if (slab_) slab_->release();
    slab_ = larger;
    for (Graph* other : graphs_)
      if (other->slab_need()) other->use_slab(slab_);
  }
  graphs_.push_back(&graph);
  if (graph.slab_need()) graph.use_slab(slab_);
}

void GraphPool::remove(Graph& graph) {
  graphs_.erase(std::remove(graphs_.begin(), graphs_.end(), &graph), graphs_.end());
  if (!graphs_.empty() || !slab_) return;
  slab_->release();
  slab_ = nullptr;
}

}  // namespace hologram
